//! The contract file: what it means, what is refused with line and remedy, and how it is held against the live
//! schemas.

#![expect(
    clippy::unwrap_used,
    reason = "what is wrong here fails the test; the lint's exception does not reach what tests call"
)]

mod faults;
mod records;
mod sandboxes;
mod schemas;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use concord_core::brake::Limits;
use concord_core::contract::{
    Contract, Create, Delete, Direction, Erase, Field, Guard, Kind, Object, Options, Policy, json_schema,
    parse,
};
use concord_core::names::{ContractVersion, FieldName, ObjectName, PerSide, Side, WireName};
use concord_core::port::ObjectSpec;
use jiff::tz::TimeZoneDatabase;

/// The smallest contract; the tests below add what they are about after its last line, which is line 8.
const SMALL: &str = "\
version: 1
objects:
  contact:
    hubspot: contacts
    salesforce: Contact
    match: [{ key: email }]
    fields:
      email: { hubspot: email, salesforce: Email, type: email }
";

#[test]
fn a_small_contract_means_what_it_says_and_takes_the_defaults_for_the_rest() {
    let contract = parse(SMALL).unwrap();

    let email = Field {
        name: FieldName::from("email"),
        wire: wires(&["email"], &["Email"]),
        lead: None,
        kind: Kind::Email,
        direction: Direction::Both,
        conflict: Policy::Hold,
    };
    let contact = Object {
        name: ObjectName::from("contact"),
        wire: PerSide { hubspot: WireName::from("contacts"), salesforce: WireName::from("Contact") },
        keys: vec![FieldName::from("email")],
        lookalikes: Vec::new(),
        scope: None,
        lead: None,
        create: PerSide { hubspot: Create::Missing, salesforce: Create::Missing },
        delete: Delete::Flag(PerSide {
            hubspot: WireName::from("deleted_in_crm"),
            salesforce: WireName::from("Deleted_In_CRM__c"),
        }),
        erase: Erase::Forget,
        guard: Guard::Strict,
        brake: Limits::default(),
        fields: BTreeMap::from([(FieldName::from("email"), email)]),
    };
    let expected = Contract {
        version: ContractVersion(1),
        hash: SMALL_SHA256.to_owned(),
        objects: BTreeMap::from([(ObjectName::from("contact"), contact)]),
    };
    assert_eq!(contract, expected);
}

/// By another implementation: `sha256sum` of the text above.
const SMALL_SHA256: &str = "20db765a814b4e8858d523ff73b4ac4b2506bf0f3c42b982db2cdd51e4450a08";

#[test]
fn every_setting_of_a_field_is_read() {
    let field = |line: &str| {
        let contract = parse(&format!("{SMALL}      it: {line}\n")).unwrap();
        contract.objects[&ObjectName::from("contact")].fields[&FieldName::from("it")].clone()
    };
    let it = |hubspot: &[&str], salesforce: &[&str], kind, direction, conflict| Field {
        name: FieldName::from("it"),
        wire: wires(hubspot, salesforce),
        lead: None,
        kind,
        direction,
        conflict,
    };

    assert_eq!(
        field("{ hubspot: a, salesforce: A, type: phone, region: DE, direction: to_hubspot }"),
        it(&["a"], &["A"], Kind::Phone { region: "DE".into() }, Direction::To(Side::HubSpot), Policy::Hold)
    );
    assert_eq!(
        field(
            "{ hubspot: [a, b], salesforce: A, type: money, scale: 2, currency: EUR, direction: to_salesforce }"
        ),
        it(
            &["a", "b"],
            &["A"],
            Kind::Money { scale: 2, currency: "EUR".into() },
            Direction::To(Side::Salesforce),
            Policy::Hold
        )
    );
    assert_eq!(
        field(
            "{ hubspot: [a, b], salesforce: [A, B], type: atom, parts: [text, boolean], conflict: { authority: salesforce } }"
        ),
        it(
            &["a", "b"],
            &["A", "B"],
            Kind::Atom(vec![Kind::Text, Kind::Boolean]),
            Direction::Both,
            Policy::Authority(Side::Salesforce)
        )
    );
    assert_eq!(
        field(
            "{ hubspot: a, salesforce: A, type: multi-picklist, map: { x: X, 'no': No, 2024: Last year }, conflict: union }"
        ),
        it(
            &["a"],
            &["A"],
            Kind::MultiPicklist(Options::Map(BTreeMap::from([
                ("x".into(), "X".into()),
                ("no".into(), "No".into()),
                ("2024".into(), "Last year".into())
            ]))),
            Direction::Both,
            Policy::Union
        )
    );
    assert_eq!(
        field("{ hubspot: a, salesforce: A, type: picklist, conflict: { newest: { otherwise: hubspot } } }"),
        it(
            &["a"],
            &["A"],
            Kind::Picklist(Options::Same),
            Direction::Both,
            Policy::Newest { otherwise: Side::HubSpot }
        )
    );
    assert_eq!(
        field(
            "{ hubspot: a, salesforce: A, type: reference, to: contact, conflict: { fill: { otherwise: salesforce } } }"
        ),
        it(
            &["a"],
            &["A"],
            Kind::Reference { to: ObjectName::from("contact") },
            Direction::Both,
            Policy::Fill { otherwise: Side::Salesforce }
        )
    );
    for (word, kind) in [
        ("text", Kind::Text),
        ("url", Kind::Url),
        ("boolean", Kind::Boolean),
        ("integer", Kind::Integer),
        ("date", Kind::Date { zone: None }),
        (
            "date, zone: Europe/Berlin",
            Kind::Date { zone: TimeZoneDatabase::bundled().get("Europe/Berlin").ok() },
        ),
        ("datetime", Kind::DateTime),
        ("owner", Kind::Owner(Arc::default())),
        ("decimal, scale: 18", Kind::Decimal { scale: 18 }),
    ] {
        assert_eq!(
            field(&format!("{{ hubspot: a, salesforce: A, type: {word} }}")),
            it(&["a"], &["A"], kind, Direction::Both, Policy::Hold)
        );
    }
}

#[test]
fn an_objects_settings_are_read_and_its_conflict_rule_is_its_fields_default() {
    let yaml = SMALL.replace(
        "    fields:\n",
        "    create: { hubspot: true, salesforce: false }\n    delete: unlink\n    guard: strict\n    \
         brake: { deletes: 0 }\n    \
         conflict: { authority: hubspot }\n    fields:\n      name: { hubspot: n, salesforce: N, type: text, conflict: hold }\n",
    );
    let contact = parse(&yaml).unwrap().objects[&ObjectName::from("contact")].clone();

    assert_eq!(contact.create, PerSide { hubspot: Create::Missing, salesforce: Create::Never });
    assert_eq!((contact.delete, contact.guard), (Delete::Unlink, Guard::Strict));
    assert_eq!(contact.brake, Limits { deletes: Some(0), changes: None });
    let conflicts: Vec<Policy> = contact.fields.values().map(|field| field.conflict).collect();
    assert_eq!(conflicts, [Policy::Authority(Side::HubSpot), Policy::Hold]);
}

#[test]
fn two_files_of_one_version_are_told_apart_by_their_hash() {
    let with_comment = parse(&format!("{SMALL}# the same, but for this\n")).unwrap();
    let without = parse(SMALL).unwrap();
    assert_eq!((with_comment.version, &with_comment.objects), (without.version, &without.objects));
    assert_ne!(with_comment.hash, without.hash);
}

#[test]
fn an_object_is_found_by_a_sides_name_for_it() {
    let contract = parse(&sample()).unwrap();
    let found =
        |side, name: &str| contract.by_wire(side, &WireName::from(name)).map(|object| object.name.as_str());
    assert_eq!(found(Side::HubSpot, "contacts"), Some("contact"));
    assert_eq!(found(Side::Salesforce, "Account"), Some("company"));
    assert_eq!(found(Side::Salesforce, "contacts"), None);
}

#[test]
fn a_client_is_told_every_field_of_its_side_once_in_order_with_the_flag() {
    let contract = parse(&sample()).unwrap();
    let spec = contract.objects[&ObjectName::from("company")].spec(Side::HubSpot);
    let fields = [
        "annualrevenue",
        "deleted_in_crm",
        "description",
        "domain",
        "hubspot_owner_id",
        "industry",
        "name",
        "numberofemployees",
        "phone",
    ];
    let expected = ObjectSpec {
        object: ObjectName::from("company"),
        wire: WireName::from("companies"),
        fields: fields.map(WireName::from).to_vec(),
        lead: None,
        roles: BTreeMap::new(),
    };
    assert_eq!(spec, expected);
}

// The published files.

#[test]
fn the_sample_is_a_contract_and_its_parts_are_those_that_it_shows() {
    let contract = parse(&sample()).unwrap();
    let names: Vec<&str> = contract.objects.keys().map(ObjectName::as_str).collect();
    assert_eq!(names, ["company", "contact", "deal"]);
}

/// `CONCORD_BLESS=1 cargo test -p concord-specs contract::` writes it anew.
#[test]
fn the_published_schema_is_that_of_the_file_that_is_read() {
    let path = infra("contract.schema.json");
    if std::env::var_os("CONCORD_BLESS").is_some() {
        std::fs::write(&path, json_schema()).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap();
    assert!(
        published == json_schema(),
        "infra/contract.schema.json is stale: run this test with CONCORD_BLESS=1"
    );
}

fn infra(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(file)
}

fn sample() -> String {
    std::fs::read_to_string(infra("contract.yaml")).unwrap()
}

fn wires(hubspot: &[&str], salesforce: &[&str]) -> PerSide<Vec<WireName>> {
    let names = |names: &[&str]| names.iter().copied().map(WireName::from).collect();
    PerSide { hubspot: names(hubspot), salesforce: names(salesforce) }
}
