//! What is refused, with its line and the remedy. Each list is the whole of what is said.

use concord_core::contract::{Erase, parse};
use concord_core::names::ObjectName;

use super::SMALL;

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
    association: companies
    guard: lax
    fields:
      email: { hubspot: email, salesforce: E-Mail, type: email }
      phone: { hubspot: phone, salesforce: Phone, type: phone }
      owner: { hubspot: owner, salesforce: OwnerId, type: computed }
  Company: 7
";
    refused(
        yaml,
        &[
            "1:1: version: is 0; begin with 1: 0 stands for no contract",
            "3:3: objects.contact.salesforce: is missing; add Salesforce's name, such as `Contact`",
            "5:5: objects.contact.association: is not supported by this version of Concord; remove it",
            "6:5: objects.contact.guard: `lax` is not a choice here; use one of: strict",
            "8:32: objects.contact.fields.email.salesforce: `E-Mail` cannot be a field; use the API name, not the label",
            "9:7: objects.contact.fields.phone.region: is missing; add the region of numbers without a country code: `region: US`",
            "10:53: objects.contact.fields.owner.type: `computed` is not supported by this version of Concord; remove it, or use another",
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
        &SMALL.replace("    match: [{ key: email }]", "    match: [{ label: email }]\n    colour: red"),
        &[
            "6:13: objects.contact.match.0: is not one of `key` and `propose`; write it as `{ key: email }` or as `{ propose: [name, company] }`",
            "6:15: objects.contact.match.0.label: is not supported by this version of Concord; remove it",
            "7:5: objects.contact.colour: is not a key that is known here; remove it, or use one of: hubspot, salesforce, match, scope, lead, create, delete, erase, guard, brake, conflict, fields",
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
fn a_stage_is_mapped_with_its_pipeline_and_a_zone_is_one_that_exists() {
    refused_field(
        "{ hubspot: [pipeline, dealstage], salesforce: StageName, type: stage }",
        &[
            "9:7: objects.contact.fields.it.map: is missing; map each stage: `map: { default/closedwon: Closed Won }`",
        ],
    );
    refused_field(
        "{ hubspot: dealstage, salesforce: StageName, type: stage, map: { closedwon: Closed Won } }",
        &[
            "9:13: objects.contact.fields.it.hubspot: is not two fields; name the pipeline's and the stage's: `[pipeline, dealstage]`",
            "9:76: objects.contact.fields.it.map.closedwon: is not a pipeline and a stage; write both by their internal names: `default/closedwon`",
        ],
    );
    refused_field(
        "{ hubspot: [pipeline, dealstage], salesforce: StageName, type: stage, map: { /won: A, default/: B, default/won/twice: C } }",
        &[
            "9:88: objects.contact.fields.it.map./won: is not a pipeline and a stage; write both by their internal names: `default/closedwon`",
            "9:97: objects.contact.fields.it.map.default/: is not a pipeline and a stage; write both by their internal names: `default/closedwon`",
            "9:110: objects.contact.fields.it.map.default/won/twice: is not a pipeline and a stage; write both by their internal names: `default/closedwon`",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: date, zone: Berlin }",
        &[
            "9:52: objects.contact.fields.it.zone: `Berlin` is not a time zone; use a name of the IANA database, such as `Europe/Berlin`",
        ],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: datetime, zone: Europe/Berlin }",
        &[
            "9:56: objects.contact.fields.it.zone: says nothing for a field of type datetime; remove it, or make the field `type: date`",
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
    for name in ["1contact", "contact-person"] {
        refused(
            &SMALL.replace("contact:", &format!("{name}:")),
            &[&format!(
                "3:3: objects.{name}: `{name}` cannot be a name; use small letters, digits and underscores, beginning with a letter"
            )],
        );
    }
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
        &with("it", "{ hubspot: a, salesforce: A, type: txt }"),
        &[
            "9:40: objects.contact.fields.it.type: `txt` is not a choice here; use one of: text, email, phone, url, boolean, integer, decimal, money, date, datetime, picklist, multi-picklist, stage, atom, reference, associations, owner",
        ],
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
fn only_hubspots_contacts_are_purged() {
    let purged = SMALL.replace("    fields:\n", "    erase: purge\n    fields:\n");
    assert_eq!(parse(&purged).unwrap().objects[&ObjectName::from("contact")].erase, Erase::Purge);
    refused(
        &purged.replace("hubspot: contacts", "hubspot: companies"),
        &["7:5: objects.contact.erase: HubSpot purges contacts only; use `forget`, and purge by hand"],
    );
}

#[test]
fn what_salesforce_would_delete_along_is_not_archived() {
    let archived = SMALL.replace("    fields:\n", "    delete: archive\n    fields:\n");
    assert!(parse(&archived).is_ok());
    refused(
        &archived.replace("salesforce: Contact", "salesforce: account"),
        &[
            "7:5: objects.contact.delete: `archive` may take along the account's contacts and opportunities, which Salesforce deletes with the record; use `flag`, `unlink` or `ignore`",
        ],
    );
    let note = "  note:\n    hubspot: notes\n    salesforce: Note__c\n    fields:\n      \
                of: { hubspot: of, salesforce: Of__c, type: reference, to: contact }\n";
    refused(
        &format!("{archived}{note}"),
        &[
            "7:5: objects.contact.delete: `archive` may take along each `note` that refers to it, which Salesforce deletes with the record; use `flag`, `unlink` or `ignore`",
        ],
    );
}

#[test]
fn a_brake_lets_a_whole_number_of_records_through() {
    let with = |line: &str| SMALL.replace("    fields:\n", &format!("    {line}\n    fields:\n"));
    refused(
        &with("brake: { deletes: 5% }"),
        &["7:14: objects.contact.brake.deletes: is the text `5%`; write a whole number here, 0 or more"],
    );
    refused(
        &with("brake: 20"),
        &["7:5: objects.contact.brake: is the number `20`; write keys with their values here"],
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
        "{ hubspot: a, salesforce: A, type: money, scale: 2, currency: EURO }",
        &[
            "9:63: objects.contact.fields.it.currency: `EURO` is not a currency; use three capital letters of ISO 4217, such as `USD`",
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
fn associations_name_a_type_and_a_junction_object_and_are_merged_one_by_one() {
    let named = "hubspot: associations.contacts, salesforce: Pair__c.One__c.Other__c, type: associations";
    assert!(parse(&format!("{SMALL}      it: {{ {named}, to: contact, conflict: union }}\n")).is_ok());
    refused_field(
        "{ hubspot: contacts, salesforce: Pair__c.One__c, type: associations }",
        &[
            "9:7: objects.contact.fields.it.to: is missing; add the object that it points to: `to: company`",
            "9:13: objects.contact.fields.it.hubspot: `contacts` names no associations; write `associations.` and the other type, such as `associations.contacts`",
            "9:32: objects.contact.fields.it.salesforce: `Pair__c.One__c` names no associations; write the junction object and its two references, first that to this object, such as `OpportunityContactRole.OpportunityId.ContactId`",
        ],
    );
    refused_field(
        "{ hubspot: associated.contacts, salesforce: Pair__c.One__c., type: associations, to: contact }",
        &[
            "9:13: objects.contact.fields.it.hubspot: `associated.contacts` names no associations; write `associations.` and the other type, such as `associations.contacts`",
            "9:43: objects.contact.fields.it.salesforce: `Pair__c.One__c.` names no associations; write the junction object and its two references, first that to this object, such as `OpportunityContactRole.OpportunityId.ContactId`",
        ],
    );
    refused_field(
        &format!("{{ {named}, to: contact, conflict: hold, lead: Pairs }}"),
        &[
            "9:115: objects.contact.fields.it.conflict: associations are merged one by one; remove it, or use `union`",
            "9:131: objects.contact.fields.it.lead: leads have no associations; remove it",
            "9:131: objects.contact.fields.it.lead: says nothing, since none of the object's records are leads; remove it, or say in the object which are made as leads: `lead: \"stage == 'lead'\"`",
        ],
    );
    refused_field(
        &format!("{{ {}, to: contact }}", named.replace("contacts", "deals")),
        &[
            "9:13: objects.contact.fields.it.hubspot: `associations.deals` does not lead to `contact`; write `associations.contacts`",
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

#[track_caller]
pub(super) fn refused(yaml: &str, expected: &[&str]) {
    let said: Vec<String> =
        parse(yaml).unwrap_err().iter().map(|fault| fault.render("contract.yaml")).collect();
    let expected: Vec<String> = expected.iter().map(|line| format!("contract.yaml:{line}")).collect();
    assert_eq!(said, expected);
}

/// Adds a field `it` to the small contract, on line 9.
#[track_caller]
pub(super) fn refused_field(field: &str, expected: &[&str]) {
    refused(&format!("{SMALL}      it: {field}\n"), expected);
}
