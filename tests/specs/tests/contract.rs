//! The contract file: what it means, what is refused with line and remedy, and how it is held against the live
//! schemas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use concord_core::contract::{
    Contract, Create, Delete, Direction, Effect, Field, Guard, Kind, Mismatch, Object, Options, Policy,
    check, json_schema, parse,
};
use concord_core::names::{ContractVersion, FieldName, ObjectName, PerSide, Side, WireName};
use concord_core::port::{FieldKind, FieldSchema, ObjectSpec, Schema};

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
        kind: Kind::Email,
        direction: Direction::Both,
        conflict: Policy::Hold,
    };
    let contact = Object {
        name: ObjectName::from("contact"),
        wire: PerSide { hubspot: WireName::from("contacts"), salesforce: WireName::from("Contact") },
        keys: vec![FieldName::from("email")],
        create: PerSide { hubspot: Create::Missing, salesforce: Create::Missing },
        delete: Delete::Flag(PerSide {
            hubspot: WireName::from("deleted_in_crm"),
            salesforce: WireName::from("Deleted_In_CRM__c"),
        }),
        guard: Guard::Strict,
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
        ("date", Kind::Date),
        ("datetime", Kind::DateTime),
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
        "    create: { hubspot: true, salesforce: false }\n    delete: unlink\n    guard: batched\n    \
         conflict: { authority: hubspot }\n    fields:\n      name: { hubspot: n, salesforce: N, type: text, conflict: hold }\n",
    );
    let contact = parse(&yaml).unwrap().objects[&ObjectName::from("contact")].clone();

    assert_eq!(contact.create, PerSide { hubspot: Create::Missing, salesforce: Create::Never });
    assert_eq!((contact.delete, contact.guard), (Delete::Unlink, Guard::Batched));
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
        "industry",
        "name",
        "numberofemployees",
        "phone",
    ];
    let expected = ObjectSpec {
        object: ObjectName::from("company"),
        wire: WireName::from("companies"),
        fields: fields.map(WireName::from).to_vec(),
    };
    assert_eq!(spec, expected);
}

// What is refused. Each list is the whole of what is said.

#[test]
fn what_is_not_yaml_is_refused_at_its_line() {
    refused("version: [1\n", &["1:10: unclosed bracket '['; correct the YAML at this place"]);
    refused(
        "version: 1\nversion: 2\n",
        &["2:1: duplicate mapping key `version` is not allowed here; correct the YAML at this place"],
    );
    refused("", &["1:1: is empty; write keys with their values here"]);
    refused("- version: 1\n", &["1:1: is a list; write keys with their values here"]);
}

#[test]
fn all_faults_of_a_file_are_told_at_once_in_the_order_of_its_lines() {
    let yaml = "\
version: 0
objects:
  contact:
    hubspot: contacts
    scope: email != null
    guard: lax
    fields:
      email: { hubspot: email, salesforce: E-Mail, type: email }
      phone: { hubspot: phone, salesforce: Phone, type: phone }
      owner: { hubspot: owner, salesforce: OwnerId, type: owner }
  Company: 7
";
    refused(
        yaml,
        &[
            "1:1: version: is 0; begin with 1: 0 stands for no contract",
            "3:3: objects.contact.salesforce: is missing; add Salesforce's name, such as `Contact`",
            "5:5: objects.contact.scope: is not supported by this version of Concord; remove it",
            "6:5: objects.contact.guard: `lax` is not a choice here; use one of: strict, batched",
            "8:32: objects.contact.fields.email.salesforce: `E-Mail` cannot be a field; use the API name, not the label",
            "9:7: objects.contact.fields.phone.region: is missing; add the region of numbers without a country code: `region: US`",
            "10:53: objects.contact.fields.owner.type: `owner` is not supported by this version of Concord; remove it, or use another",
            "11:3: objects.Company: is the number `7`; write keys with their values here",
        ],
    );
}

#[test]
fn a_contract_has_a_version_and_at_least_one_object_with_a_field() {
    refused(
        "{}",
        &[
            "1:1: objects: is missing; add `objects:` with at least one object",
            "1:1: version: is missing; add `version: 1`",
        ],
    );
    refused(
        "version: one\nobjects: {}\n",
        &[
            "1:1: version: is the text `one`; write a whole number here, 0 or more",
            "2:1: objects: is empty; add at least one object",
        ],
    );
    refused(
        "version: 1\nobjects:\n  contact: { hubspot: contacts, salesforce: Contact, fields: {} }\n",
        &["3:54: objects.contact.fields: is empty; add at least one field"],
    );
}

#[test]
fn an_unknown_key_is_refused_and_one_of_a_later_version_by_that_name() {
    refused(
        &SMALL.replace("    match: [{ key: email }]", "    match: [{ propose: email }]\n    colour: red"),
        &[
            "6:13: objects.contact.match.0.key: is missing; name a field",
            "6:15: objects.contact.match.0.propose: is not supported by this version of Concord; remove it",
            "7:5: objects.contact.colour: is not a key that is known here; remove it, or use one of: hubspot, salesforce, match, create, delete, guard, conflict, fields",
        ],
    );
    refused_field(
        "{ hubspot: { association: companies, label: primary }, salesforce: AccountId, type: reference, to: contact }",
        &[
            "9:13: objects.contact.fields.it.hubspot: has keys under it; write a field's name, or a list of names, here",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: computed }",
        &[
            "9:40: objects.contact.fields.it.type: `computed` is not supported by this version of Concord; remove it, or use another",
        ],
    );
}

#[test]
fn names_are_fit_for_keys_and_queries() {
    refused(
        &SMALL.replace("contact:", "Contact Person:"),
        &[
            "3:3: objects.Contact Person: `Contact Person` cannot be a name; use small letters, digits and underscores, beginning with a letter",
        ],
    );
    refused(
        &SMALL.replace("salesforce: Contact\n", "salesforce: Contact WHERE 1=1\n"),
        &[
            "5:5: objects.contact.salesforce: `Contact WHERE 1=1` cannot be an object type; use the API name, not the label",
        ],
    );
    refused_field(
        "{ hubspot: 'last name', salesforce: \"A' OR Id != null\", type: text }",
        &[
            "9:13: objects.contact.fields.it.hubspot: `last name` cannot be a field; use the API name, not the label",
            "9:35: objects.contact.fields.it.salesforce: `A' OR Id != null` cannot be a field; use the API name, not the label",
        ],
    );
}

#[test]
fn what_concord_uses_itself_cannot_be_mapped_in_any_case_of_letters() {
    refused_field(
        "{ hubspot: concord_token, salesforce: CONCORD_ID__C, type: text }",
        &[
            "9:13: objects.contact.fields.it.hubspot: `concord_token` is used by Concord itself; remove it, or name another field",
            "9:37: objects.contact.fields.it.salesforce: `CONCORD_ID__C` is used by Concord itself; remove it, or name another field",
        ],
    );
}

#[test]
fn a_sides_field_is_mapped_once_the_flag_included() {
    refused_field(
        "{ hubspot: email, salesforce: deleted_in_crm__C, type: text }",
        &[
            "9:13: objects.contact.fields.it.hubspot: `email` is mapped by `email` already; map each side's field once",
            "9:29: objects.contact.fields.it.salesforce: `deleted_in_crm__C` is mapped by `delete.flag` already; map each side's field once",
        ],
    );
    refused_field(
        "{ hubspot: [a, a], salesforce: [A, B], type: atom }",
        &[
            "9:13: objects.contact.fields.it.hubspot: `a` is mapped by `it` already; map each side's field once",
        ],
    );
}

#[test]
fn a_sides_object_is_mapped_once() {
    let again = SMALL.split_once("objects:\n").unwrap().1.replace("contact:", "person:");
    refused(
        &format!("{SMALL}{again}"),
        &[
            "10:5: objects.person.hubspot: `contacts` belongs to the object `contact` already; map it once, with all of its fields",
            "11:5: objects.person.salesforce: `Contact` belongs to the object `contact` already; map it once, with all of its fields",
        ],
    );
}

#[test]
fn a_key_is_a_field_that_names_somebody_and_goes_both_ways() {
    let with = |key: &str, field: &str| {
        format!("{}      it: {field}\n", SMALL.replace("{ key: email }", &format!("{{ key: {key} }}")))
    };
    refused(
        &with("mail", "{ hubspot: a, salesforce: A, type: text }"),
        &["6:15: objects.contact.match.0.key: `mail` is not a field of this object; use one of: email, it"],
    );
    refused(
        &with("it", "{ hubspot: a, salesforce: A, type: boolean }"),
        &[
            "6:15: objects.contact.match.0.key: `it` is of a type that names nobody; use a field that is `type: email`, `text` or `url`",
        ],
    );
    refused(
        &with("it", "{ hubspot: a, salesforce: A, type: text, direction: to_hubspot }"),
        &[
            "6:15: objects.contact.match.0.key: `it` goes one way, so the other side's records cannot be found by it; make the field `direction: both`",
        ],
    );
    refused(
        &SMALL.replace("{ key: email }", "{ key: email }, { key: email }"),
        &["6:31: objects.contact.match.1.key: `email` stands here twice; remove one"],
    );
}

#[test]
fn deletes_and_creates_are_said_for_both_sides_or_for_none() {
    let with = |line: &str| SMALL.replace("    fields:\n", &format!("    {line}\n    fields:\n"));
    refused(
        &with("delete: { flag: { hubspot: gone } }"),
        &[
            "7:15: objects.contact.delete.flag.salesforce: is missing; name the checkbox on both sides: a delete can begin on either",
        ],
    );
    refused(
        &with("delete: flag"),
        &[
            "7:5: objects.contact.delete: `flag` says too little; write `{ flag: .. }` as the contract's schema shows",
        ],
    );
    refused(
        &with("create: { hubspot: true }"),
        &["7:5: objects.contact.create.salesforce: is missing; say true or false for both sides"],
    );
    refused(
        &with("create: { hubspot: true, salesforce: perhaps }"),
        &["7:30: objects.contact.create.salesforce: is the text `perhaps`; write true or false here"],
    );
}

#[test]
fn a_type_has_the_settings_that_it_needs_and_no_others() {
    refused_field(
        "{ hubspot: a, salesforce: A }",
        &["9:7: objects.contact.fields.it.type: is missing; say what the field holds, such as `type: text`"],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: phone, region: Texas }",
        &[
            "9:53: objects.contact.fields.it.region: `Texas` is not a region; use two capital letters of ISO 3166, such as `US`",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: decimal }",
        &[
            "9:7: objects.contact.fields.it.scale: is missing; add the number of digits after the point: `scale: 2`",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: decimal, scale: 19 }",
        &["9:55: objects.contact.fields.it.scale: is 19; use 18 or less: Salesforce keeps 18 digits"],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: money, currency: euro }",
        &[
            "9:7: objects.contact.fields.it.scale: is missing; add the number of digits after the point: `scale: 2`",
            "9:53: objects.contact.fields.it.currency: `euro` is not a currency; use three capital letters of ISO 4217, such as `USD`",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: reference, to: boat }",
        &[
            "9:57: objects.contact.fields.it.to: `boat` is not an object of this contract; use one of: contact",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: text, scale: 2 }",
        &[
            "9:52: objects.contact.fields.it.scale: says nothing for a field of type text; remove it, or make the field `type: decimal` or `money`",
        ],
    );
}

#[test]
fn both_sides_of_a_field_have_the_same_parts() {
    refused_field(
        "{ hubspot: [a, b], salesforce: [A, B, C], type: atom }",
        &[
            "9:30: objects.contact.fields.it.salesforce: has 3 fields, and HubSpot has 2; name the parts in the same order on both sides",
        ],
    );
    refused_field(
        "{ hubspot: [a], salesforce: [A], type: atom }",
        &["9:13: objects.contact.fields.it.hubspot: has one part; name at least two, or use another type"],
    );
    refused_field(
        "{ hubspot: [a, b], salesforce: [A, B], type: atom, parts: [text] }",
        &[
            "9:62: objects.contact.fields.it.parts: has 1 types for 2 fields; give one type for each field, or remove `parts` if all are text",
        ],
    );
    refused_field(
        "{ hubspot: [a, b], salesforce: A, type: text }",
        &["9:13: objects.contact.fields.it.hubspot: names 2 fields; name one field, or make it `type: atom`"],
    );
    refused_field(
        "{ hubspot: a, salesforce: [A, B, C], type: money, scale: 2, currency: USD }",
        &[
            "9:25: objects.contact.fields.it.salesforce: names 3 fields; name the amount, and perhaps the currency's field",
        ],
    );
    refused_field(
        "{ hubspot: [], salesforce: A, type: text }",
        &["9:13: objects.contact.fields.it.hubspot: is empty; name at least one field"],
    );
}

#[test]
fn choices_have_a_way_there_and_back() {
    refused_field(
        "{ hubspot: a, salesforce: A, type: picklist, map: { x: X, y: X } }",
        &[
            "9:69: objects.contact.fields.it.map.y: maps to `X`, as `x` does, so there is no way back; map each choice of one side to one choice of the other",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: multi-picklist, map: { x: 'X;Y' } }",
        &[
            "9:69: objects.contact.fields.it.map.x: has a `;` in a choice, which separates choices; rename the choice on that side",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: picklist, map: { x: ' X' } }",
        &[
            "9:63: objects.contact.fields.it.map.x: has a choice that is blank or has blanks around it; write the choice's exact value",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: picklist, map: {} }",
        &[
            "9:56: objects.contact.fields.it.map: is empty; map each choice, or remove `map` if both sides use the same values",
        ],
    );
}

#[test]
fn a_conflict_rule_fits_its_field_and_says_who_wins_otherwise() {
    refused_field(
        "{ hubspot: a, salesforce: A, type: text, conflict: union }",
        &[
            "9:52: objects.contact.fields.it.conflict: `union` merges sets only; use another rule, or `type: multi-picklist`",
        ],
    );
    refused(
        &SMALL.replace("    fields:\n", "    conflict: union\n    fields:\n"),
        &[
            "7:5: objects.contact.conflict: `union` merges sets only; give it to the fields that are `type: multi-picklist`",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: text, conflict: { newest: {} } }",
        &[
            "9:64: objects.contact.fields.it.conflict.newest.otherwise: is missing; say which side wins when the rule does not tell",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: text, conflict: { authority: nobody } }",
        &[
            "9:64: objects.contact.fields.it.conflict.authority: `nobody` is not a choice here; use one of: hubspot, salesforce",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: text, conflict: latest }",
        &[
            "9:52: objects.contact.fields.it.conflict: `latest` is not a choice here; use one of: hold, authority, newest, fill, union",
        ],
    );
}

// Against the live schemas.

#[test]
fn schemas_that_fit_have_no_mismatch_whatever_else_they_hold() {
    let mut schemas = live();
    schemas.hubspot.fields.insert(WireName::from("something_else"), live_field(FieldKind::Other));
    assert_eq!(checked(&schemas), []);
}

#[test]
fn a_field_that_is_gone_read_only_or_of_another_type_is_suspended_alone() {
    let mut gone = live();
    gone.salesforce.fields.remove(&WireName::from("Title"));
    assert_eq!(
        checked(&gone),
        [suspended(
            "title",
            Side::Salesforce,
            "Title",
            "is missing or hidden from Concord",
            "create it, let Concord's user see it, or take the field out of the contract"
        )]
    );

    let mut locked = live();
    change(&mut locked.hubspot, "jobtitle", |field| field.writable = false);
    assert_eq!(
        checked(&locked),
        [suspended(
            "title",
            Side::HubSpot,
            "jobtitle",
            "is read-only for Concord",
            "let Concord's user edit it, or make the field `direction: to_salesforce`"
        )]
    );

    let mut other = live();
    change(&mut other.salesforce, "Title", |field| field.kind = FieldKind::Number);
    assert_eq!(
        checked(&other),
        [suspended(
            "title",
            Side::Salesforce,
            "Title",
            "is a number, and the contract says `type: text`",
            "map a field that is text"
        )]
    );
}

#[test]
fn a_field_that_is_never_written_may_be_read_only() {
    let mut schemas = live();
    change(&mut schemas.hubspot, "hs_score", |field| field.writable = false);
    assert_eq!(checked(&schemas), []);
}

#[test]
fn a_mapped_choice_that_is_gone_suspends_the_field_and_an_unmapped_one_warns() {
    let mut schemas = live();
    change(&mut schemas.salesforce, "Stage__c", |field| field.options = vec!["Open".into(), "Lost".into()]);
    let warning = mismatch(
        Effect::Warn(FieldName::from("stage")),
        Side::Salesforce,
        "Stage__c",
        "has the choice `Lost`, which the contract does not map",
        "add it to the field's `map`, or records with it will be parked",
    );
    let suspended = suspended(
        "stage",
        Side::Salesforce,
        "Stage__c",
        "has no choice `Won`",
        "add the choice there, or take it out of the field's `map`",
    );
    assert_eq!(checked(&schemas), [suspended, warning]);
}

#[test]
fn choices_that_are_not_mapped_have_to_be_the_same_on_both_sides() {
    let mut schemas = live();
    change(&mut schemas.hubspot, "country", |field| field.options.push("NL".into()));
    assert_eq!(
        checked(&schemas),
        [suspended(
            "country",
            Side::Salesforce,
            "Country__c",
            "has no choice `NL`",
            "add the choice there, or give the field a `map`"
        )]
    );
}

#[test]
fn a_shorter_text_field_is_only_a_warning() {
    let mut schemas = live();
    change(&mut schemas.salesforce, "Title", |field| field.length_max = Some(20));
    let warning = mismatch(
        Effect::Warn(FieldName::from("title")),
        Side::Salesforce,
        "Title",
        "takes 20 characters, and hubspot takes 128",
        "lengthen it, or expect longer texts to be refused by salesforce",
    );
    assert_eq!(checked(&schemas), [warning]);
}

#[test]
fn without_concords_own_fields_the_object_is_suspended() {
    let mut schemas = live();
    change(&mut schemas.salesforce, "Concord_Id__c", |field| field.unique = false);
    schemas.hubspot.fields.remove(&WireName::from("concord_token"));
    let object = |side, wire, what, remedy| mismatch(Effect::SuspendObject, side, wire, what, remedy);
    assert_eq!(
        checked(&schemas),
        [
            object(
                Side::HubSpot,
                "concord_token",
                "is missing or hidden from Concord",
                "create it as the setup guide says"
            ),
            object(
                Side::Salesforce,
                "Concord_Id__c",
                "is not unique",
                "create it anew as a unique field: duplicates are refused by it"
            ),
        ]
    );
}

#[test]
fn without_the_flag_only_deletes_are_suspended() {
    let mut schemas = live();
    change(&mut schemas.salesforce, "Deleted_In_CRM__c", |field| field.kind = FieldKind::Text);
    schemas.hubspot.fields.remove(&WireName::from("deleted_in_crm"));
    let deletes = |side, wire, what, remedy| mismatch(Effect::SuspendDeletes, side, wire, what, remedy);
    assert_eq!(
        checked(&schemas),
        [
            deletes(
                Side::HubSpot,
                "deleted_in_crm",
                "is missing or hidden from Concord",
                "create it as a checkbox"
            ),
            deletes(
                Side::Salesforce,
                "Deleted_In_CRM__c",
                "is not a checkbox",
                "name a checkbox in the contract's `delete`"
            ),
        ]
    );
}

#[test]
fn a_mismatch_says_in_one_line_what_is_suspended_and_what_to_do() {
    let said = suspended("title", Side::HubSpot, "jobtitle", "is gone", "bring it back").to_string();
    assert_eq!(said, "field contact.title is suspended: hubspot's jobtitle is gone; bring it back");
}

// The published files.

#[test]
fn the_sample_is_a_contract_and_its_parts_are_those_that_it_shows() {
    let contract = parse(&sample()).unwrap();
    let names: Vec<&str> = contract.objects.keys().map(ObjectName::as_str).collect();
    assert_eq!(names, ["company", "contact"]);
}

/// `CONCORD_BLESS=1 cargo test -p concord-specs --test contract` writes it anew.
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

#[track_caller]
fn refused(yaml: &str, expected: &[&str]) {
    let said: Vec<String> =
        parse(yaml).unwrap_err().iter().map(|fault| fault.render("contract.yaml")).collect();
    let expected: Vec<String> = expected.iter().map(|line| format!("contract.yaml:{line}")).collect();
    assert_eq!(said, expected);
}

/// Adds a field `it` to the small contract, on line 9.
#[track_caller]
fn refused_field(field: &str, expected: &[&str]) {
    refused(&format!("{SMALL}      it: {field}\n"), expected);
}

const CHECKED: &str = "\
version: 1
objects:
  contact:
    hubspot: contacts
    salesforce: Contact
    fields:
      title: { hubspot: jobtitle, salesforce: Title, type: text }
      score: { hubspot: hs_score, salesforce: Score__c, type: decimal, scale: 2, direction: to_salesforce }
      stage: { hubspot: stage, salesforce: Stage__c, type: picklist, map: { lead: Open, customer: Won } }
      country: { hubspot: country, salesforce: Country__c, type: picklist }
";

fn checked(schemas: &PerSide<Schema>) -> Vec<Mismatch> {
    check(&parse(CHECKED).unwrap(), &ObjectName::from("contact"), schemas)
}

/// Schemas that fit.
fn live() -> PerSide<Schema> {
    let text = FieldSchema { length_max: Some(128), ..live_field(FieldKind::Text) };
    let choice = |options: [&str; 2]| FieldSchema {
        options: options.map(str::to_owned).to_vec(),
        ..live_field(FieldKind::Choice)
    };
    let unique = FieldSchema { unique: true, ..live_field(FieldKind::Text) };
    let number = live_field(FieldKind::Number);
    let flag = live_field(FieldKind::Boolean);
    let schema = |fields: [(&str, FieldSchema); 7]| Schema {
        fields: fields.into_iter().map(|(name, field)| (WireName::from(name), field)).collect(),
    };
    PerSide {
        hubspot: schema([
            ("concord_id", unique.clone()),
            ("concord_token", number.clone()),
            ("deleted_in_crm", flag.clone()),
            ("jobtitle", text.clone()),
            ("hs_score", number.clone()),
            ("stage", choice(["lead", "customer"])),
            ("country", choice(["DE", "US"])),
        ]),
        salesforce: schema([
            ("Concord_Id__c", unique),
            ("Concord_Token__c", number.clone()),
            ("Deleted_In_CRM__c", flag),
            ("Title", text),
            ("Score__c", number),
            ("Stage__c", choice(["Open", "Won"])),
            ("Country__c", choice(["US", "DE"])),
        ]),
    }
}

fn live_field(kind: FieldKind) -> FieldSchema {
    FieldSchema { kind, writable: true, unique: false, options: Vec::new(), length_max: None }
}

fn change(schema: &mut Schema, wire: &str, change: impl FnOnce(&mut FieldSchema)) {
    change(schema.fields.get_mut(&WireName::from(wire)).unwrap());
}

fn suspended(field: &str, side: Side, wire: &str, what: &str, remedy: &str) -> Mismatch {
    mismatch(Effect::Suspend(FieldName::from(field)), side, wire, what, remedy)
}

fn mismatch(effect: Effect, side: Side, wire: &str, what: &str, remedy: &str) -> Mismatch {
    Mismatch {
        object: ObjectName::from("contact"),
        effect,
        side,
        wire: WireName::from(wire),
        what: what.to_owned(),
        remedy: remedy.to_owned(),
    }
}
