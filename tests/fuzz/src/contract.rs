//! The contract file: what is refused says where, and what is taken can be worked with.

use std::collections::BTreeMap;

use concord_core::contract::{Contract, Delete, Fault, Field, Object, parse};
use concord_core::names::{Side, WireName};
use concord_core::value::{Presence, Raw};

use crate::Verdict;

/// What people and CRMs write into fields of every kind.
const SAMPLES: [&str; 25] = [
    "0123456789abcdef0123456789abcdef",
    " Ada  Okafor\r\n",
    "ADA@Example.com",
    "(415) 555-0123 x7",
    "+49 30 901820",
    "020 7946 0958",
    "HTTPS://Example.com/",
    "example.com:8080/A?b=C#d",
    "true",
    "FALSE",
    "0",
    "-12.345000",
    "1e3",
    "79228162514264337593543950335",
    "usd",
    "2024-02-29",
    "2024-02-29T23:59:60Z",
    "1709164800000",
    "2015-06-25T21:54:38.000+0000",
    ";music;sailing ; music",
    "customer",
    "508369434347",
    "0038M0000016Wv8QAE",
    "\u{212a}\u{130}\u{1e9e}",
    ";",
];

/// A refused file has faults that each name a line of it and a remedy. A contract that is taken reads as the
/// same again, can be asked for what its clients need, and its fields obey the laws of canonicalisers.
///
/// # Panics
/// If it is not so.
#[must_use]
pub fn contract(data: &[u8]) -> Verdict {
    let Ok(yaml) = std::str::from_utf8(data) else { return Verdict::Refused };
    match parse(yaml) {
        Err(faults) => {
            assert!(!faults.is_empty(), "refused for no reason");
            assert!(faults.is_sorted(), "not in the order of the lines");
            faults.iter().for_each(|fault| names_a_place(fault, yaml));
            Verdict::Refused
        }
        Ok(contract) => {
            assert_eq!(parse(yaml).as_ref(), Ok(&contract), "read in two ways");
            assert!(contract.version.0 > 0 && contract.hash.len() == 64 && !contract.objects.is_empty());
            contract.objects.values().for_each(|object| can_be_worked_with(object, &contract));
            Verdict::Taken
        }
    }
}

fn names_a_place(fault: &Fault, yaml: &str) {
    // A file that ends too early is at fault in the line after its last.
    let lines = u64::try_from(yaml.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count()).unwrap();
    assert!((1..=lines + 1).contains(&fault.line), "line {} of {lines}: {fault:?}", fault.line);
    assert!(fault.column >= 1, "{fault:?}");
    assert!(!fault.what.is_empty() && !fault.remedy.is_empty(), "{fault:?}");
    let said = fault.render("contract.yaml");
    assert!(!said.contains(char::is_control), "more than one line, or worse: {said:?}");
}

fn can_be_worked_with(object: &Object, contract: &Contract) {
    for side in Side::BOTH {
        assert_eq!(
            contract.by_wire(side, &object.wire[side]),
            Some(object),
            "two objects share a wire object"
        );
        let spec = object.spec(side);
        let mapped = object.fields.values().map(|field| field.wire[side].len()).sum::<usize>();
        let flags = usize::from(matches!(object.delete, Delete::Flag(_)));
        assert_eq!(spec.fields.len(), mapped + flags, "two fields share a wire field");
        let ours = |name: &WireName| name.as_str().to_lowercase().starts_with("concord_");
        assert!(spec.fields.iter().all(|name| !ours(name) || !is_own(name)), "Concord's own field is mapped");
        for name in spec.fields.iter().chain([&spec.wire]) {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            assert!(!name.as_str().is_empty() && name.as_str().chars().all(plain), "{name:?} could escape");
        }
    }
    assert!(object.keys.iter().all(|key| object.fields.contains_key(key)), "a key that is no field");
    object.fields.values().for_each(is_a_fixpoint);
}

fn is_own(name: &WireName) -> bool {
    ["concord_id", "concord_token", "concord_id__c", "concord_token__c"]
        .contains(&name.as_str().to_lowercase().as_str())
}

/// I9: what a side is sent reads back as the value that was sent, on either side, and is then sent again the same.
fn is_a_fixpoint(field: &Field) {
    for (at, sample) in SAMPLES.iter().enumerate() {
        for side in Side::BOTH {
            let part = |n: usize| Presence::Value(Raw::Text(SAMPLES[(at + n) % SAMPLES.len()].to_owned()));
            let shown: Vec<Presence<Raw>> = (0..field.wire[side].len()).map(part).collect();
            let Ok(once) = field.canonicalise(side, &shown) else { continue };
            assert!(!once.is_unknown(), "{sample:?} was not read");
            for to in Side::BOTH {
                let Some(sent) = stored(field, to, &once) else { continue };
                let twice = field.canonicalise(to, &sent);
                assert_eq!(twice.as_ref(), Ok(&once), "{:?} of {sample:?} on {to}", field.kind);
                assert_eq!(stored(field, to, &once), Some(sent));
            }
        }
    }
}

/// What a side holds after it took a value; `None` if it has no form there.
fn stored(
    field: &Field,
    side: Side,
    value: &Presence<concord_core::value::Value>,
) -> Option<Vec<Presence<Raw>>> {
    let written: BTreeMap<WireName, Presence<Raw>> = field.render(side, value).ok()?.into_iter().collect();
    let shown = |wire| written.get(wire).cloned().unwrap_or(Presence::Blank);
    Some(field.wire[side].iter().map(shown).collect())
}
