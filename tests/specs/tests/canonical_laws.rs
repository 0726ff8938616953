//! The laws of the canonicalisers, for every kind and both sides.
//!
//! Raw values are drawn from what people and CRMs write (cases, blanks, forms of dates and numbers, options
//! that are and are not mapped, JSON types that do not fit) and from arbitrary text.

#![expect(
    clippy::unwrap_used,
    reason = "what is wrong here fails the test; the lint's exception does not reach what tests call"
)]

mod examples;

use std::collections::BTreeMap;

use concord_core::canonical::{Reason, Unmappable, long_salesforce_id};
use concord_core::contract::{Direction, Field, Kind, Options, Policy, Roles};
use concord_core::names::{FieldName, ObjectName, PerSide, Side, WireName};
use concord_core::value::{ImageKey, Known, Presence, Raw, Value};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::prelude::*;
use rust_decimal::Decimal;

type Parts = Vec<Presence<Raw>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_rendered_for_either_side_reads_back_as_the_same_value((field, side, raw) in anything()) {
        if let Ok(value @ (Presence::Value(_) | Presence::Blank)) = field.canonicalise(side, &raw) {
            for to in Side::BOTH {
                prop_assert_eq!(field.canonicalise(to, &stored(&field, to, &value)), Ok(value.clone()));
            }
        }
    }

    #[test]
    fn canonicalising_twice_is_canonicalising_once((field, side, raw) in anything()) {
        if let Ok(once @ (Presence::Value(_) | Presence::Blank)) = field.canonicalise(side, &raw) {
            let first = stored(&field, side, &once);
            let twice = field.canonicalise(side, &first).unwrap();
            prop_assert_eq!(&twice, &once);
            prop_assert_eq!(stored(&field, side, &twice), first);
        }
    }

    #[test]
    fn what_holds_something_is_never_read_as_blank((field, side, raw) in anything()) {
        let visible = |part: &Presence<Raw>| match part {
            Presence::Value(Raw::Text(text)) => !text.trim_matches(|c: char| c.is_whitespace() || c == ';').is_empty(),
            // A checkbox that is not ticked is a blank atom's.
            Presence::Value(Raw::Boolean(yes)) => *yes,
            Presence::Value(Raw::Number(_)) => true,
            Presence::Blank | Presence::Unknown => false,
        };
        // A currency without an amount says nothing, and an unticked box in an atom neither.
        let counted = if matches!(field.kind, Kind::Money { .. }) { 1 } else { raw.len() };
        let says_no = |part: &Presence<Raw>| matches!(part, Presence::Value(Raw::Text(text)) if text.trim().eq_ignore_ascii_case("false"));
        // Associations with records that are in no pair are nobody's.
        let is_set = matches!(field.kind, Kind::Associations { .. });
        let holds = !is_set && raw[..counted].iter().any(|part| visible(part) && !says_no(part));
        if holds {
            prop_assert_ne!(field.canonicalise(side, &raw), Ok(Presence::Blank));
        }
    }

    #[test]
    fn one_unknown_part_makes_the_whole_unknown((field, side, raw) in anything(), hidden in any::<prop::sample::Index>()) {
        let mut raw = raw;
        let at = hidden.index(raw.len());
        raw[at] = Presence::Unknown;
        prop_assert_eq!(field.canonicalise(side, &raw), Ok(Presence::Unknown));
    }

    #[test]
    fn blank_parts_are_blank_and_so_is_what_is_written_for_blank((field, side, _) in anything()) {
        let blank = vec![Presence::Blank; field.wire[side].len()];
        let read = field.canonicalise(side, &blank).unwrap();
        if field.kind == Kind::Boolean {
            prop_assert_eq!(&read, &Presence::Value(Value::Boolean(false)));
        } else {
            prop_assert_eq!(&read, &Presence::Blank);
        }
        prop_assert_eq!(field.canonicalise(side, &stored(&field, side, &Presence::Blank)), Ok(read));
    }

    #[test]
    fn unknown_is_never_written((field, side, _) in anything()) {
        let refused = field.render(side, &Presence::Unknown);
        prop_assert_eq!(
            refused,
            Err(Unmappable::Write { field: field.name.clone(), side, reason: Reason::Unknown })
        );
    }

    #[test]
    fn equal_values_hash_equal_and_different_ones_do_not(
        (field, side, raw) in anything(),
        other in prop::collection::vec(part(), 1..3),
    ) {
        let key = ImageKey::new(*b"sixteen byte key");
        let a = field.canonicalise(side, &raw);
        let mut other = other;
        other.resize(raw.len(), Presence::Blank);
        let b = field.canonicalise(side, &other);
        if let (Ok(a), Ok(b)) = (a, b) && !a.is_unknown() && !b.is_unknown() {
            let hash = |value: &Presence<Value>| key.hash(Known(value.value()));
            prop_assert_eq!(a == b, hash(&a) == hash(&b));
            let again = field.canonicalise(side, &stored(&field, side, &a)).unwrap();
            prop_assert_eq!(hash(&again), hash(&a));
        }
    }

    #[test]
    fn an_error_names_field_side_and_remedy_and_never_the_value((field, side, raw) in anything()) {
        if let Err(error) = field.canonicalise(side, &raw) {
            let said = error.to_string();
            prop_assert!(said.starts_with(&format!("field sample: {side} holds ")), "{}", said);
            prop_assert!(said.contains("; "), "{}", said);
            let Unmappable::Read { reason, .. } = error else { panic!("a read failed to be read: {said}") };
            let fixed = format!("field sample: {side} holds {reason}; {}", reason.remedy());
            prop_assert_eq!(said, fixed);
        }
    }

    #[test]
    fn every_short_id_has_one_long_form_and_keeps_it(short in "[a-zA-Z0-9]{15}") {
        let long = long_salesforce_id(&short).unwrap();
        prop_assert_eq!(long.len(), 18);
        prop_assert!(long.starts_with(&short));
        prop_assert_eq!(long_salesforce_id(&long), Some(long.clone()));
        let lowered = long.to_lowercase();
        if lowered[..15] != long[..15] {
            prop_assert_eq!(long_salesforce_id(&lowered), None);
        }
    }
}

/// What a side holds after it took a value: the rendered fields, and blanks where nothing was written.
fn stored(field: &Field, side: Side, value: &Presence<Value>) -> Parts {
    let written: BTreeMap<WireName, Presence<Raw>> = field.render(side, value).unwrap().into_iter().collect();
    field.wire[side].iter().map(|wire| written.get(wire).cloned().unwrap_or(Presence::Blank)).collect()
}

/// A field of any kind, a side, and what that side shows of it.
fn anything() -> impl Strategy<Value = (Field, Side, Parts)> {
    (kind(), prop::sample::select(Side::BOTH.to_vec())).prop_flat_map(|(kind, side)| {
        let field = field(kind);
        let parts = prop::collection::vec(part(), field.wire[side].len());
        (Just(field), Just(side), parts)
    })
}

fn field(kind: Kind) -> Field {
    let parts = if let Kind::Atom(kinds) = &kind {
        kinds.len()
    } else if let Kind::Money { .. } = &kind {
        2
    } else {
        1
    };
    let parts = |side| if matches!((&kind, side), (Kind::Stage(_), Side::HubSpot)) { 2 } else { parts };
    Field {
        name: FieldName::from("sample"),
        wire: PerSide::of(|side| {
            (0..parts(side)).map(|part| WireName::new(format!("{side}_{part}"))).collect()
        }),
        lead: None,
        kind,
        direction: Direction::Both,
        conflict: Policy::Hold,
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    let map = BTreeMap::from([("lead", "Open"), ("customer", "Won"), ("Open", "lead")]);
    let map = Options::Map(map.into_iter().map(|(h, s)| (h.to_owned(), s.to_owned())).collect());
    prop_oneof![
        Just(Kind::Text),
        Just(Kind::Email),
        prop::sample::select(vec!["US", "DE", "IT", "BR", "AR"])
            .prop_map(|region| Kind::Phone { region: region.to_owned() }),
        Just(Kind::Url),
        Just(Kind::Boolean),
        Just(Kind::Integer),
        (0u32..=18).prop_map(|scale| Kind::Decimal { scale }),
        (0u32..=18).prop_map(|scale| Kind::Money { scale, currency: "USD".to_owned() }),
        prop::sample::select(vec![
            None,
            Some("America/New_York"),
            Some("Asia/Tokyo"),
            Some("America/Sao_Paulo")
        ])
        .prop_map(|name| Kind::Date { zone: name.map(zone) }),
        Just(Kind::Stage(stages())),
        Just(Kind::DateTime),
        Just(Kind::Picklist(Options::Same)),
        Just(Kind::Picklist(map.clone())),
        Just(Kind::MultiPicklist(Options::Same)),
        Just(Kind::MultiPicklist(map)),
        Just(Kind::Atom(vec![Kind::Text, Kind::Text])),
        Just(Kind::Atom(vec![Kind::Text, Kind::Boolean, Kind::Date { zone: None }])),
        Just(Kind::Reference { to: ObjectName::from("company") }),
        Just(Kind::Associations { to: ObjectName::from("contact"), roles: Roles::default() }),
    ]
}

/// A zone of the database in the binary.
fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

/// Two pipelines with a stage of one name.
fn stages() -> Options {
    let map = [("default/open", "Prospecting"), ("renewals/open", "Renewal"), ("default/won", "Closed Won")];
    Options::Map(map.into_iter().map(|(h, s)| (h.to_owned(), s.to_owned())).collect())
}

/// Anything that a side might show for one field.
fn part() -> impl Strategy<Value = Presence<Raw>> {
    prop_oneof![
        1 => Just(Presence::Blank),
        6 => text().prop_map(|text| Presence::Value(Raw::Text(text))),
        1 => any::<bool>().prop_map(|yes| Presence::Value(Raw::Boolean(yes))),
        2 => number().prop_map(|number| Presence::Value(Raw::Number(number))),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ \t\r\n]{0,3}[A-Za-z\r\n ]{0,12}[ \t\r\n]{0,3}",
        " ?[A-Za-z.+]{1,8}@[A-Za-z]{1,8}\\.[A-Za-z]{2,3} ?",
        "(HTTPS?://|https?://|)([a-z]{1,3}@)?[A-Za-z]{1,8}\\.[A-Za-z]{2}(:[0-9]{1,5})?(/|/[A-Za-z]{0,3})?(\\?q=A)?",
        "(\\+1 ?|1-|)\\(?[2-9][0-9]{2}\\)?[ .-]?[2-9][0-9]{2}[ .-]?[0-9]{4}( ?(x|ext\\.?) ?[0-9]{1,4})?",
        "\\+(49|39|44|55|54|52)[ -]?[0-9]{2,4}[ -]?[0-9]{5,9}",
        "0[0-9]{2,4}[ /-]?[0-9]{4,8}",
        "(true|false|TRUE|False|yes|0|1)",
        "-?[0-9]{1,12}(\\.[0-9]{0,20})?(e-?[0-9]{1,2})?",
        "-?[0-9]{1,3}(\\.[0-9]{0,3}5)?",
        "(USD|eur|Jpy|US|DOLLAR)",
        "(default|renewals|open|won|Prospecting|Renewal)",
        "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
        "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])T(00:00:00|[01][0-9]:[0-5][0-9]:[0-5][0-9])(\\.[0-9]{1,9})?(Z|\\+0000|[+-]0[0-9]:?[03]0)",
        (-20_000i64..200_000).prop_map(|day| (day * 86_400_000).to_string()),
        any::<i64>().prop_map(|ms| ms.to_string()),
        " ?;?((lead|customer|Open|Won|other) ?;?){0,4}",
        "(lead|customer|Open|Won|other)",
        "[a-zA-Z0-9]{15}",
        "[0-9a-f]{32}",
        "( ?([0-9a-f]{32}|[0-9]{1,12}) ?;?){0,3}",
        "[a-zA-Z0-9]{15}".prop_map(|short| long_salesforce_id(&short).unwrap()),
    ]
}

fn number() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        any::<i32>().prop_map(Decimal::from),
        (any::<i64>(), 0u32..=18).prop_map(|(digits, scale)| Decimal::new(digits, scale)),
        Just(-Decimal::ZERO),
        Just(Decimal::MAX),
        Just(Decimal::MIN),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_telephone_number_reads_back_as_itself(
        region in prop::sample::select(vec!["US", "DE", "IT", "BR", "AR", "MX", "GB", "RU", "HU", "CN"]),
        number in "(\\+(54|52|55|39|7|36|86|49|44|1) ?|0|00|01|06|8|15|9|)[0-9]{2,4}[ -]?(15)?[0-9]{4,9}( ?(x|ext\\.?) ?[0-9]{1,4})?",
    ) {
        let field = field(Kind::Phone { region: region.to_owned() });
        let shown = |text: &str| [Presence::Value(Raw::Text(text.to_owned()))];
        if let Ok(Presence::Value(once @ Value::Text(_))) = field.canonicalise(Side::HubSpot, &shown(&number)) {
            let Value::Text(text) = &once else { unreachable!() };
            prop_assert_eq!(field.canonicalise(Side::Salesforce, &shown(text)), Ok(Presence::Value(once.clone())));
        }
    }
}
