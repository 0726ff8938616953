//! The packed form of a link as it is in ordinary use: its size, and that it has not changed unnoticed.

#![expect(
    clippy::unwrap_used,
    reason = "what is wrong here fails the test; the lint's exception does not reach what tests call"
)]

use concord_core::contract::{Kind, Object, parse};
use concord_core::link::packed::{FORMAT, FORMAT_GONE, UnpackError, pack, unpack};
use concord_core::link::{
    Action, Base, FieldMemory, Image, Intent, Link, Part, Place, Progress, Proof, Role,
};
use concord_core::names::{
    ContractVersion, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, Side, Token, WireName,
};
use concord_core::value::{ImageHash, Presence, Raw};
use jiff::{SignedDuration, Timestamp};

/// One write unit.
const ITEM_BYTES_MAX: usize = 1_024;
/// What the item holds beside the packed link, names included: the key (39), the generation (14), the name of the
/// link's attribute (4), the writer (22), and the two attributes of an open link (11 and 21). A number takes a byte
/// for two digits and one more (Developer Guide, "item sizes").
const ITEM_BYTES_BESIDE: usize = 112;

#[test]
fn a_link_of_the_sample_contract_with_an_open_intent_is_one_write_unit() {
    for (name, lead) in [("contact", false), ("contact", true), ("company", false)] {
        let packed = pack(&link(&sample(name).seen_as(lead))).unwrap();
        let item = packed.len() + ITEM_BYTES_BESIDE;
        assert!(item <= ITEM_BYTES_MAX, "a {name} takes {item} bytes");
    }
}

#[test]
fn the_packed_form_is_the_one_that_earlier_versions_have_stored() {
    // Bytes that a version of this format wrote. If they no longer read as this link, or this link is written
    // otherwise, then the form is another one: give it a number of its own and read both.
    let stored = include_bytes!("../corpus/packed_link/taken-company");
    let link = link(&sample("company"));
    assert_eq!(unpack(stored).as_ref(), Ok(&link));
    assert_eq!(pack(&link).unwrap(), stored);
}

#[test]
fn only_a_link_whose_records_are_gone_pays_for_remembering_since_when() {
    let ordinary = Link::new(LinkId::new("abc"), ObjectName::new("contact"), ContractVersion(1));
    let gone = Link { gone: Some(at(0)), ..ordinary.clone() };
    let (packed, longer) = (pack(&ordinary).unwrap(), pack(&gone).unwrap());
    assert_eq!((packed[0], longer[0]), (FORMAT, FORMAT_GONE));
    assert_eq!(longer[longer.len() - packed.len() + 1..], packed[1..]);
    assert_eq!(unpack(&longer), Ok(gone));
    assert_eq!(unpack(&longer[..5]), Err(UnpackError::Damaged));
}

fn sample(name: &str) -> Object {
    let contract = parse(include_str!("../../../infra/contract.yaml")).unwrap();
    contract.objects[&ObjectName::from(name)].clone()
}

/// After some weeks: every field has agreed, an edit of one field has landed just now, and one of two fields is on
/// its way to Salesforce.
fn link(object: &Object) -> Link {
    let id = LinkId::from("0123456789abcdef0123456789abcdef");
    let mut link = Link::new(id, object.name.clone(), ContractVersion(1));
    link.records = PerSide {
        hubspot: Some(RecordId::from("508369434347")),
        salesforce: Some(RecordId::from("0038M0000016Wv8QAE")),
    };
    link.issued = Token(52);
    link.generation = Generation(117);
    let numbered = object.fields.iter().zip(1..);
    link.fields = numbered.clone().map(|((name, field), n)| (name.clone(), memory(&field.kind, n))).collect();
    link.keys = object.keys.iter().map(|key| (key.clone(), hash(99))).collect();
    let parts: Vec<Part> =
        numbered.take(2).map(|((name, field), n)| part(name, &field.wire[Side::Salesforce], n)).collect();
    let landed = Part { values: vec![], ..parts[0].clone() };
    link.intents = vec![intent(51, Progress::Closed, vec![landed]), intent(52, Progress::Open, parts)];
    link
}

fn intent(number: u64, progress: Progress, parts: Vec<Part>) -> Intent {
    let action = Action::Update { unmodified_since: Some(at(7)) };
    Intent { number: Token(number), side: Side::Salesforce, action, parts, decided: at(8), progress }
}

fn memory(kind: &Kind, n: u64) -> FieldMemory {
    let elements =
        if matches!(kind, Kind::MultiPicklist(_)) { vec![hash(n + 20), hash(n + 21)] } else { vec![] };
    let image = |place| Image { hash: hash(n), place, elements: elements.clone() };
    let images =
        PerSide { hubspot: image(Place::Version(Some(at(n)))), salesforce: image(Place::Token(Token(40))) };
    FieldMemory {
        base: Some(Base { number: Token(40), images, proof: Proof::Seen }),
        ..FieldMemory::default()
    }
}

fn part(name: &FieldName, wire: &[WireName], n: u64) -> Part {
    let source = Image { hash: hash(n + 40), place: Place::Version(Some(at(n + 60))), elements: vec![] };
    let value = || Presence::Value(Raw::Text("twenty-four letters long".to_owned()));
    Part {
        field: name.clone(),
        role: Role::Carry { source },
        seen: Place::Token(Token(40)),
        sent: hash(n + 40),
        values: wire.iter().map(|wire| (wire.clone(), value())).collect(),
    }
}

/// A hash takes as many bytes as it is large, and most are large.
fn hash(n: u64) -> ImageHash {
    ImageHash(u64::MAX - n)
}

/// As HubSpot tells it: to the millisecond.
fn at(n: u64) -> Timestamp {
    let first: Timestamp = "2026-11-23T10:11:12.345Z".parse().unwrap();
    first + SignedDuration::from_secs(i64::try_from(n).unwrap())
}
