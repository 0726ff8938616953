//! What the canonicalisers make of what people and CRMs write, one example for each rule.

use std::sync::Arc;

use concord_core::canonical::{Reason, Unmappable};
use concord_core::contract::{Kind, Options, Roles};
use concord_core::names::Side::{self, HubSpot, Salesforce};
use concord_core::names::{PerSide, WireName};
use concord_core::owner::{Owner, OwnerStanding, Owners};
use concord_core::value::{Presence, Raw, Value};
use rust_decimal::Decimal;

use super::{field, stages, zone};

#[test]
fn text_loses_surrounding_blanks_and_carriage_returns_and_nothing_else() {
    reads(Kind::Text, HubSpot, " Ada\r\n Lovelace\t", "Ada\n Lovelace");
    reads_blank(Kind::Text, " \r\n");
    reads_blank(Kind::Text, "");
}

#[test]
fn an_address_that_differs_in_case_alone_is_the_same() {
    reads(Kind::Email, HubSpot, " Ada.Lovelace+x@Example.COM ", "ada.lovelace+x@example.com");
    for wrong in
        ["ada", "ada@", "@example.com", "ada@example", "a@b@example.com", "a b@example.com", "a@b..com"]
    {
        refuses(Kind::Email, HubSpot, text(wrong), Reason::Email);
    }
    // The Kelvin sign is not a k: an address is a key, and these two are not one person.
    reads(Kind::Email, HubSpot, "\u{212a}@example.com", "\u{212a}@example.com");
}

#[test]
fn a_telephone_number_is_e164_with_its_extension_and_never_a_guess() {
    let phone = || Kind::Phone { region: "US".to_owned() };
    reads(phone(), HubSpot, "(415) 555-0132", "+14155550132");
    reads(phone(), Salesforce, "+44 20 7946 0958", "+442079460958");
    reads(phone(), HubSpot, "415-555-0132 x12", "+14155550132 ext. 12");
    reads(phone(), Salesforce, "+39 02 36618300", "+390236618300");
    for wrong in ["12345", "555-0100", "call me", "+999 123456789", "+1 650 253 0000 or so"] {
        refuses(phone(), HubSpot, text(wrong), Reason::Phone);
    }
}

#[test]
fn a_web_address_without_a_scheme_is_https_and_a_bare_host_has_no_slash() {
    for same in ["Example.com", "https://example.com/", "HTTPS://EXAMPLE.COM", " example.com "] {
        reads(Kind::Url, HubSpot, same, "https://example.com");
    }
    reads(Kind::Url, HubSpot, "http://Example.com/A?q=B", "http://example.com/A?q=B");
    reads(Kind::Url, HubSpot, "Example.com/@Ada", "https://example.com/@Ada");
    reads(Kind::Url, HubSpot, "example.com/", "https://example.com");
    reads(Kind::Url, HubSpot, "https://Ada@Example.com:8080/A", "https://Ada@example.com:8080/A");
    reads(Kind::Url, HubSpot, "https://[2001:DB8::1]", "https://[2001:db8::1]");
    reads(Kind::Url, HubSpot, "https://[2001:db8::1]:8080/", "https://[2001:db8::1]:8080");
    for wrong in [
        "https://example.com/two words",
        "https://example.com/bell\u{7}",
        "two words.com",
        "bell\u{7}.com",
        "example.com:port",
        "https://[2001:db8::1]:port",
        "https://[2001:db8::g]",
        "ftp://example.com",
        "https://",
        "mailto:ada@example.com",
        "https://a:99999",
        "ada@example.com",
    ] {
        refuses(Kind::Url, HubSpot, text(wrong), Reason::Url);
    }
}

#[test]
fn a_blank_box_is_not_ticked() {
    for (side, raw, yes) in [
        (HubSpot, text("true"), true),
        (HubSpot, text("False"), false),
        (HubSpot, Presence::Blank, false),
        (Salesforce, Presence::Value(Raw::Boolean(true)), true),
        (Salesforce, Presence::Value(Raw::Boolean(false)), false),
    ] {
        assert_eq!(read(Kind::Boolean, side, raw), Ok(Presence::Value(Value::Boolean(yes))));
    }
    refuses(Kind::Boolean, HubSpot, text("yes"), Reason::Boolean);
    writes(Kind::Boolean, HubSpot, &Presence::Value(Value::Boolean(true)), text("true"));
    writes(Kind::Boolean, Salesforce, &Presence::Blank, Presence::Value(Raw::Boolean(false)));
}

#[test]
fn whole_numbers_are_whole() {
    for same in ["12", "12.0", " 1.2e1 ", "0012"] {
        assert_eq!(read(Kind::Integer, HubSpot, text(same)), Ok(Presence::Value(Value::Integer(12))));
    }
    for wrong in ["12.5", "99999999999999999999"] {
        refuses(Kind::Integer, HubSpot, text(wrong), Reason::Integer);
    }
    refuses(Kind::Integer, HubSpot, text("twelve"), Reason::Decimal);
    writes(Kind::Integer, HubSpot, &Presence::Value(Value::Integer(-7)), text("-7"));
    writes(Kind::Integer, Salesforce, &Presence::Value(Value::Integer(-7)), number("-7"));
}

#[test]
fn halves_are_rounded_away_from_zero_and_trailing_zeros_say_nothing() {
    let two = || Kind::Decimal { scale: 2 };
    for (written, canonical) in
        [("1.005", "1.01"), ("-1.005", "-1.01"), ("1.0049", "1"), ("2.50", "2.5"), ("-0.001", "0")]
    {
        let expected = Value::Decimal(canonical.parse().unwrap());
        assert_eq!(read(two(), HubSpot, text(written)), Ok(Presence::Value(expected.clone())));
        assert_eq!(read(two(), Salesforce, number(written)), Ok(Presence::Value(expected.clone())));
        writes(two(), HubSpot, &Presence::Value(expected.clone()), text(canonical));
        writes(two(), Salesforce, &Presence::Value(expected), number(canonical));
    }
    for wrong in ["1,5", "1_000", "$1", "1e999"] {
        refuses(two(), HubSpot, text(wrong), Reason::Decimal);
    }
}

#[test]
fn an_amount_has_a_currency_and_a_currency_alone_says_nothing() {
    let field = field(Kind::Money { scale: 2, currency: "USD".to_owned() });
    let dollars = |currency: &str| {
        Ok(Presence::Value(Value::Money { amount: Decimal::new(125, 1), currency: currency.to_owned() }))
    };
    assert_eq!(field.canonicalise(HubSpot, &[text("12.50"), text("eur")]), dollars("EUR"));
    assert_eq!(field.canonicalise(Salesforce, &[number("12.5"), Presence::Blank]), dollars("USD"));
    assert_eq!(field.canonicalise(Salesforce, &[Presence::Blank, text("EUR")]), Ok(Presence::Blank));
    for wrong in ["EURO", "E1R"] {
        let refused = Unmappable::Read { field: field.name.clone(), side: HubSpot, reason: Reason::Currency };
        assert_eq!(field.canonicalise(HubSpot, &[text("12.50"), text(wrong)]), Err(refused));
    }
    assert_eq!(
        field.render(Salesforce, &Presence::Blank),
        Ok(vec![(WireName::from("salesforce_0"), Presence::Blank)])
    );
}

#[test]
fn an_amount_in_another_currency_is_refused_by_a_side_without_a_currency_field() {
    let mut field = field(Kind::Money { scale: 2, currency: "USD".to_owned() });
    field.wire.salesforce.truncate(1);
    let euros = field.canonicalise(HubSpot, &[text("1"), text("EUR")]).unwrap();
    let refused =
        Unmappable::Write { field: field.name.clone(), side: Salesforce, reason: Reason::OtherCurrency };
    assert_eq!(field.render(Salesforce, &euros), Err(refused));
    let dollars = field.canonicalise(HubSpot, &[text("1"), text("USD")]).unwrap();
    assert_eq!(field.render(Salesforce, &dollars), Ok(vec![(WireName::from("salesforce_0"), number("1"))]));
}

#[test]
fn a_day_comes_as_a_day_or_as_midnight_utc() {
    let day = Value::Date("2026-02-28".parse().unwrap());
    for same in ["2026-02-28", "2026-02-28T00:00:00Z", "2026-02-28T00:00:00.000+0000", "1772236800000"] {
        assert_eq!(
            read(Kind::Date { zone: None }, HubSpot, text(same)),
            Ok(Presence::Value(day.clone())),
            "{same}"
        );
    }
    for wrong in [
        "2026-02-29",
        "28.02.2026",
        "2026-02-28T01:00:00Z",
        "2026-02-28T00:00:00",
        "1772236800001",
        "20260228",
    ] {
        refuses(Kind::Date { zone: None }, HubSpot, text(wrong), Reason::Date);
    }
    for side in Side::BOTH {
        writes(Kind::Date { zone: None }, side, &Presence::Value(day.clone()), text("2026-02-28"));
    }
}

#[test]
fn an_instant_is_cut_to_the_second_in_any_offset() {
    let at = Value::DateTime("2026-01-01T12:00:00Z".parse().unwrap());
    for same in [
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00.999Z",
        "2026-01-01T12:00:00.000+0000",
        "2026-01-01T14:00:00+02:00",
        "1767268800123",
    ] {
        assert_eq!(read(Kind::DateTime, HubSpot, text(same)), Ok(Presence::Value(at.clone())), "{same}");
    }
    let before_1970 = Value::DateTime("1969-12-31T23:59:59Z".parse().unwrap());
    assert_eq!(read(Kind::DateTime, HubSpot, text("-1")), Ok(Presence::Value(before_1970)));
    for wrong in ["2026-01-01", "2026-01-01T12:00:00", "noon"] {
        refuses(Kind::DateTime, HubSpot, text(wrong), Reason::DateTime);
    }
    for side in Side::BOTH {
        writes(Kind::DateTime, side, &Presence::Value(at.clone()), text("2026-01-01T12:00:00.000Z"));
    }
}

#[test]
fn choices_are_named_by_hubspots_internal_names_and_compared_exactly() {
    let kind = || Kind::Picklist(map());
    reads(kind(), HubSpot, "lead", "lead");
    reads(kind(), Salesforce, "Open", "lead");
    writes(kind(), HubSpot, &Presence::Value(Value::Text("lead".to_owned())), text("lead"));
    writes(kind(), Salesforce, &Presence::Value(Value::Text("lead".to_owned())), text("Open"));
    for (side, wrong) in [(HubSpot, "Lead"), (HubSpot, "Open"), (Salesforce, "open"), (Salesforce, "lead")] {
        refuses(kind(), side, text(wrong), Reason::Option);
    }
}

#[test]
fn a_set_of_choices_has_no_order() {
    let kind = || Kind::MultiPicklist(map());
    let both = Value::Choices(["customer".to_owned(), "lead".to_owned()].into());
    for (side, same) in
        [(HubSpot, ";lead;customer"), (HubSpot, "customer; lead;lead"), (Salesforce, "Won;Open")]
    {
        assert_eq!(read(kind(), side, text(same)), Ok(Presence::Value(both.clone())));
    }
    writes(kind(), HubSpot, &Presence::Value(both.clone()), text("customer;lead"));
    writes(kind(), Salesforce, &Presence::Value(both), text("Open;Won"));
    reads_blank(kind(), ";;");
    refuses(kind(), HubSpot, text("lead;other"), Reason::Option);
}

#[test]
fn an_atom_is_whole_blank_or_unknown() {
    let field = field(Kind::Atom(vec![Kind::Text, Kind::Boolean]));
    let ada = Presence::Value(Value::Text("Ada".to_owned()));
    assert_eq!(
        field.canonicalise(HubSpot, &[text("Ada"), Presence::Blank]),
        Ok(Presence::Value(Value::Atom(vec![ada, Presence::Value(Value::Boolean(false))])))
    );
    assert_eq!(field.canonicalise(HubSpot, &[text(" "), Presence::Blank]), Ok(Presence::Blank));
    let unticked = Presence::Value(Raw::Boolean(false));
    assert_eq!(field.canonicalise(Salesforce, &[Presence::Blank, unticked.clone()]), Ok(Presence::Blank));
    assert_eq!(
        field.render(Salesforce, &Presence::Blank),
        Ok(vec![
            (WireName::from("salesforce_0"), Presence::Blank),
            (WireName::from("salesforce_1"), unticked)
        ])
    );
    assert_eq!(field.canonicalise(HubSpot, &[text("Ada"), Presence::Unknown]), Ok(Presence::Unknown));
}

#[test]
fn a_reference_is_a_link_id_on_both_sides_and_a_record_id_only_until_its_pair_is_known() {
    let kind = || Kind::Reference { to: "company".into() };
    for side in [HubSpot, Salesforce] {
        reads(kind(), side, "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef");
    }
    for (side, alone) in
        [(Salesforce, "0038M0000016Wv8"), (Salesforce, "0038M0000016Wv8QAE"), (HubSpot, " 512 ")]
    {
        refuses(kind(), side, text(alone), Reason::Unpaired);
    }
    for (side, wrong) in
        [(Salesforce, "0038m0000016wv8qae"), (Salesforce, "512"), (HubSpot, "0038M0000016Wv8")]
    {
        refuses(kind(), side, text(wrong), Reason::Id);
    }
}

#[test]
fn an_owner_is_the_person_behind_both_ids_and_concords_own_user_is_nobody() {
    let [concord, ann, bob, cleo, twin] = [
        "0058M0000016Wv8QAE",
        "005000000000001AAA",
        "005000000000002AAA",
        "005000000000003AAA",
        "005000000000004AAA",
    ];
    let owner = |id: &str, email: &str, standing| Owner {
        id: id.to_owned(),
        email: Some(email.to_owned()),
        standing,
    };
    let (active, inactive) = (OwnerStanding::Active, OwnerStanding::Inactive);
    let owners = Owners::of(&PerSide {
        hubspot: vec![
            owner("1001", "ann@example.com", active),
            owner("999", "Ann@Example.com ", inactive),
            owner("7", "bob@example.com", inactive),
            owner("8", "cleo@example.com", active),
            owner("9", "dan@example.com", active),
        ],
        salesforce: vec![
            owner(concord, "bob@example.com", OwnerStanding::Concord),
            owner(ann, "ANN@example.com", active),
            owner(bob, "bob@example.com", active),
            owner(cleo, "cleo@example.com", active),
            owner(twin, "cleo@example.com", active),
        ],
    });
    let kind = || Kind::Owner(Arc::new(owners.clone()));
    for (side, id) in [(HubSpot, "1001"), (HubSpot, "999"), (Salesforce, ann), (Salesforce, &ann[..15])] {
        reads(kind(), side, id, "999");
    }
    reads(kind(), HubSpot, "4711", "4711");
    assert_eq!(read(kind(), Salesforce, text(concord)), Ok(Presence::Blank));
    refuses(kind(), Salesforce, text("1001"), Reason::Id);
    refuses(Kind::Owner(Arc::default()), HubSpot, text("1001"), Reason::OwnersUnread);

    let person = |name: &str| Presence::Value(Value::Text(name.to_owned()));
    writes(kind(), HubSpot, &person("999"), text("1001"));
    writes(kind(), Salesforce, &person("999"), text(ann));
    writes(kind(), HubSpot, &Presence::Blank, Presence::Blank);
    writes(kind(), Salesforce, &Presence::Blank, text(concord));
    for (side, name, reason) in [
        (HubSpot, "7", Reason::OwnerInactive),
        (Salesforce, "8", Reason::OwnerTwice),
        (Salesforce, "9", Reason::OwnerMissing),
        (Salesforce, "4711", Reason::OwnerMissing),
    ] {
        let field = field(kind());
        let refused = Unmappable::Write { field: field.name.clone(), side, reason };
        assert_eq!(field.render(side, &person(name)), Err(refused));
    }
}

fn map() -> Options {
    Options::Map([("lead".to_owned(), "Open".to_owned()), ("customer".to_owned(), "Won".to_owned())].into())
}

#[test]
fn with_a_zone_hubspot_holds_an_instant_that_is_a_day_there_and_gets_the_days_noon() {
    let kind = |name| Kind::Date { zone: Some(zone(name)) };
    let day = |text: &str| Ok(Presence::Value(Value::Date(text.parse().unwrap())));
    // An evening in New York, which is the next day in London.
    let evening = || text("2026-03-01T02:30:00.000Z");
    assert_eq!(read(kind("America/New_York"), HubSpot, evening()), day("2026-02-28"));
    assert_eq!(read(kind("Europe/London"), HubSpot, evening()), day("2026-03-01"));
    assert_eq!(read(kind("America/New_York"), HubSpot, text("1772332200000")), day("2026-02-28"));
    assert_eq!(read(kind("America/New_York"), Salesforce, text("2026-02-28")), day("2026-02-28"));
    let (winter, summer) = (day("2026-02-28").unwrap(), day("2026-07-01").unwrap());
    writes(kind("America/New_York"), HubSpot, &winter, text("2026-02-28T17:00:00.000Z"));
    writes(kind("America/New_York"), HubSpot, &summer, text("2026-07-01T16:00:00.000Z"));
    writes(kind("America/New_York"), Salesforce, &summer, text("2026-07-01"));
    refuses(kind("America/New_York"), HubSpot, text("2026-02-28"), Reason::Date);
    refuses(kind("America/New_York"), Salesforce, evening(), Reason::Date);
    // Samoa went from the 29th to the 31st.
    let left_out = field(kind("Pacific/Apia")).render(HubSpot, &day("2011-12-30").unwrap());
    let sample = field(Kind::Text).name;
    assert_eq!(left_out, Err(Unmappable::Write { field: sample, side: HubSpot, reason: Reason::Date }));
}

#[test]
fn a_stage_is_read_with_its_pipeline_and_written_with_it() {
    let field = field(Kind::Stage(stages()));
    let at = |stage: &str| Ok(Presence::Value(Value::Text(stage.to_owned())));
    assert_eq!(field.canonicalise(HubSpot, &[text("default"), text("open")]), at("default/open"));
    assert_eq!(field.canonicalise(HubSpot, &[text("renewals"), text("open")]), at("renewals/open"));
    assert_eq!(field.canonicalise(Salesforce, &[text("Renewal")]), at("renewals/open"));
    assert_eq!(field.canonicalise(HubSpot, &[Presence::Blank, Presence::Blank]), Ok(Presence::Blank));
    let wires = |parts: &[(&str, &str)]| {
        Ok(parts.iter().map(|(wire, value)| (WireName::from(*wire), text(value))).collect::<Vec<_>>())
    };
    let renewal = at("renewals/open").unwrap();
    assert_eq!(field.render(HubSpot, &renewal), wires(&[("hubspot_0", "renewals"), ("hubspot_1", "open")]));
    assert_eq!(field.render(Salesforce, &renewal), wires(&[("salesforce_0", "Renewal")]));
    for unmapped in
        [[text("renewals"), text("won")], [Presence::Blank, text("open")], [text("default"), Presence::Blank]]
    {
        let refused = Unmappable::Read { field: field.name.clone(), side: HubSpot, reason: Reason::Option };
        assert_eq!(field.canonicalise(HubSpot, &unmapped), Err(refused));
    }
}

fn text(text: &str) -> Presence<Raw> {
    Presence::Value(Raw::Text(text.to_owned()))
}

fn number(number: &str) -> Presence<Raw> {
    Presence::Value(Raw::Number(number.parse().unwrap()))
}

fn read(kind: Kind, side: Side, raw: Presence<Raw>) -> Result<Presence<Value>, Unmappable> {
    field(kind).canonicalise(side, &[raw])
}

#[track_caller]
fn reads(kind: Kind, side: Side, raw: &str, expected: &str) {
    assert_eq!(read(kind, side, text(raw)), Ok(Presence::Value(Value::Text(expected.to_owned()))));
}

#[track_caller]
fn reads_blank(kind: Kind, raw: &str) {
    assert_eq!(read(kind, HubSpot, text(raw)), Ok(Presence::Blank));
}

#[track_caller]
fn refuses(kind: Kind, side: Side, raw: Presence<Raw>, reason: Reason) {
    let field = field(kind);
    let refused = Unmappable::Read { field: field.name.clone(), side, reason };
    assert_eq!(field.canonicalise(side, std::slice::from_ref(&raw)), Err(refused), "{raw:?}");
}

#[track_caller]
fn writes(kind: Kind, side: Side, value: &Presence<Value>, expected: Presence<Raw>) {
    let wire = WireName::new(format!("{side}_0"));
    assert_eq!(field(kind).render(side, value), Ok(vec![(wire, expected)]));
}

#[test]
fn a_set_of_associations_holds_pairs_in_no_order_and_nobody_who_is_in_none() {
    let kind = || Kind::Associations { to: "contact".into(), roles: Roles::default() };
    let [ada, bea] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
    let both = Presence::Value(Value::Choices([ada.to_owned(), bea.to_owned()].into()));
    for (side, strangers) in
        [(HubSpot, ["512", "7"]), (Salesforce, ["0038M0000016Wv8QAE", "0038M0000016Wv8"])]
    {
        for shown in [
            format!("{ada};{bea}"),
            format!(" {bea} ; {ada};;{bea}"),
            format!("{};{bea};{ada}", strangers[0]),
        ] {
            assert_eq!(read(kind(), side, text(&shown)), Ok(both.clone()));
        }
        reads_blank(kind(), ";;");
        assert_eq!(read(kind(), side, text(&strangers.join(";"))), Ok(Presence::Blank));
        refuses(kind(), side, text(&format!("{ada};Ada")), Reason::Id);
        writes(kind(), side, &both, text(&format!("{ada};{bea}")));
        let many = |number: u32| (0..number).map(|n| format!("{n:032x}")).collect::<Vec<_>>().join(";");
        assert!(read(kind(), side, text(&many(1_000))).is_ok());
        refuses(kind(), side, text(&many(1_001)), Reason::Many);
    }
}
