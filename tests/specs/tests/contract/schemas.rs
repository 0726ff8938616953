//! The contract against the live schemas of both sides.

use concord_core::contract::{Effect, Mismatch, check, parse};
use concord_core::names::{FieldName, ObjectName, PerSide, Side, WireName};
use concord_core::port::{FieldKind, FieldSchema, Schema};

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
fn an_organisation_with_person_accounts_is_refused() {
    let mut schemas = live();
    schemas.salesforce.fields.insert(WireName::from("IsPersonAccount"), live_field(FieldKind::Boolean));
    let [refused] = checked(&schemas).try_into().unwrap();
    assert_eq!(
        refused,
        mismatch(
            Effect::SuspendObject,
            Side::Salesforce,
            "IsPersonAccount",
            "shows that the organisation has Person Accounts, which Concord does not keep in agreement",
            "use an organisation without them, or take the object out of the contract",
        )
    );
}

#[test]
fn a_key_by_which_no_records_are_found_suspends_the_object() {
    let keyed = CHECKED.replace("    fields:\n", "    match: [{ key: title }]\n    fields:\n");
    let check = |schemas: &PerSide<Schema>| {
        check(&parse(&keyed).unwrap().objects[&ObjectName::from("contact")], schemas)
    };
    let mut schemas = live();
    let what = "is a key by which no records are found";
    let hubspot = "make a property with unique values (`hasUniqueValue`), or take it out of `match`";
    let salesforce = "use a field by which queries may filter, or take it out of `match`";
    let told = [
        mismatch(Effect::SuspendObject, Side::HubSpot, "jobtitle", what, hubspot),
        mismatch(Effect::SuspendObject, Side::Salesforce, "Title", what, salesforce),
    ];
    assert_eq!(check(&schemas), told);
    for (side, wire) in [(Side::HubSpot, "jobtitle"), (Side::Salesforce, "Title")] {
        change(&mut schemas[side], wire, |field| field.findable = true);
    }
    assert_eq!(check(&schemas), []);
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
fn concords_own_fields_are_written_by_its_user() {
    let mut schemas = live();
    change(&mut schemas.hubspot, "concord_token", |field| field.writable = false);
    change(&mut schemas.salesforce, "Deleted_In_CRM__c", |field| field.writable = false);
    let locked = |effect, side, wire| {
        mismatch(effect, side, wire, "is read-only for Concord", "let Concord's user edit it")
    };
    assert_eq!(
        checked(&schemas),
        [
            locked(Effect::SuspendObject, Side::HubSpot, "concord_token"),
            locked(Effect::SuspendDeletes, Side::Salesforce, "Deleted_In_CRM__c"),
        ]
    );
}

#[test]
fn a_currency_is_no_number_and_with_a_zone_hubspots_day_is_an_instant() {
    let contract = format!(
        "{CHECKED}      amount: {{ hubspot: [amount, deal_currency_code], salesforce: [Amount, CurrencyIsoCode], \
         type: money, scale: 2, currency: USD }}
      closes: {{ hubspot: closedate, salesforce: CloseDate, type: date, zone: Europe/London }}\n"
    );
    let object = &parse(&contract).unwrap().objects[&ObjectName::from("contact")];
    let mut schemas = live();
    let mut add = |side: Side, fields: [(&str, FieldKind); 3]| {
        let fields = fields.map(|(name, kind)| (WireName::from(name), live_field(kind)));
        schemas[side].fields.extend(fields);
    };
    let [number, choice, day, instant] =
        [FieldKind::Number, FieldKind::Choice, FieldKind::Date, FieldKind::DateTime];
    add(Side::HubSpot, [("amount", number), ("deal_currency_code", choice), ("closedate", instant)]);
    add(Side::Salesforce, [("Amount", number), ("CurrencyIsoCode", choice), ("CloseDate", day)]);
    assert_eq!(check(object, &schemas), []);

    for (wire, kind) in [("amount", choice), ("deal_currency_code", number), ("closedate", day)] {
        change(&mut schemas.hubspot, wire, |field| field.kind = kind);
    }
    change(&mut schemas.salesforce, "CloseDate", |field| field.kind = instant);
    let told = |field, side, wire, is, kind, wanted| {
        let what = format!("is {is}, and the contract says `type: {kind}`");
        suspended(field, side, wire, &what, &format!("map a field that is {wanted}"))
    };
    let (hubspot, salesforce) = (Side::HubSpot, Side::Salesforce);
    assert_eq!(
        check(object, &schemas),
        [
            told("amount", hubspot, "amount", "a picklist", "money", "a number"),
            told("amount", hubspot, "deal_currency_code", "a number", "money", "text or a picklist"),
            told("closes", hubspot, "closedate", "a date", "date", "a date with time"),
            told("closes", salesforce, "CloseDate", "a date with time", "date", "a date"),
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

#[test]
fn a_mismatch_is_told_at_its_line_of_the_file_or_at_the_nearest_that_is_there() {
    let told = |effect| {
        let found = mismatch(effect, Side::Salesforce, "Title", "is gone", "bring it back");
        found.in_file(CHECKED).render("c.yaml")
    };
    let said = "salesforce's Title is gone; bring it back";
    let title = FieldName::from("title");
    assert_eq!(
        told(Effect::Suspend(title.clone())),
        format!("c.yaml:7:7: objects.contact.fields.title: {said}")
    );
    assert_eq!(told(Effect::Warn(title)), format!("c.yaml:7:7: objects.contact.fields.title: {said}"));
    assert_eq!(told(Effect::SuspendDeletes), format!("c.yaml:3:3: objects.contact.delete: {said}"));
    assert_eq!(told(Effect::SuspendObject), format!("c.yaml:3:3: objects.contact: {said}"));
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
    check(&parse(CHECKED).unwrap().objects[&ObjectName::from("contact")], schemas)
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
    FieldSchema {
        kind,
        writable: true,
        unique: false,
        findable: false,
        options: Vec::new(),
        length_max: None,
    }
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
