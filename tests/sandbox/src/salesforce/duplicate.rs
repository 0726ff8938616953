//! The duplicate rule: off by default. Contacts and leads match by e-mail, accounts and opportunities by name.

use serde_json::json;

use super::DuplicateRule;
use super::Salesforce;
use super::answer::Refusal;
use super::change::{Context, Values};
use super::id::Id;
use super::store::Record;
use super::value::Stored;

/// What a matching insert is told.
const MESSAGE: &str = "You're creating a duplicate record. We recommend you use an existing record instead.";

/// Refuses an insert that matches living records, unless the rule only alerts and the caller allows the save.
pub(crate) fn check(
    machine: &Salesforce,
    context: &Context,
    object: &'static str,
    values: &Values,
) -> Result<(), Refusal> {
    let allow_save = match machine.config.duplicate_rule {
        DuplicateRule::Off => return Ok(()),
        DuplicateRule::Alert => true,
        DuplicateRule::Block => false,
    };
    if allow_save && context.allow_duplicates {
        return Ok(());
    }
    let found = matches(machine, object, values);
    if found.is_empty() {
        return Ok(());
    }
    let record = |id: &Id| {
        let url = format!("/services/data/v{}/sobjects/{object}/{id}", context.version);
        json!({
            "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0,
            "record": {"attributes": {"type": object, "url": url}, "Id": id.as_str()},
        })
    };
    let report = json!({
        "allowSave": allow_save,
        "duplicateRule": format!("Standard_{object}_Duplicate_Rule"),
        "duplicateRuleEntityType": object,
        "errorMessage": MESSAGE,
        "matchResults": [{
            "entityType": object, "errors": [], "matchEngine": "FuzzyMatchEngine",
            "matchRecords": found.iter().map(record).collect::<Vec<_>>(),
            "rule": format!("Standard_{object}_Match_Rule_v1_1"), "size": found.len(), "success": true,
        }],
    });
    Err(Refusal { duplicates: Some(report), ..Refusal::bad("DUPLICATES_DETECTED", MESSAGE) })
}

fn matches(machine: &Salesforce, object: &'static str, values: &Values) -> Vec<Id> {
    let by = if matches!(object, "Contact" | "Lead") { "Email" } else { "Name" };
    let Some(text) = values.get(by).and_then(Option::as_ref).and_then(Stored::text) else {
        return Vec::new();
    };
    let Some(field) = machine.schema.any_object(object).and_then(|object| object.any_field(by)) else {
        return Vec::new();
    };
    if field.is_indexed() {
        return machine.store.alive_with(object, field, text);
    }
    let same = |record: &&Record| {
        record.is_alive()
            && record.get(by).and_then(Stored::text).is_some_and(|other| other.eq_ignore_ascii_case(text))
    };
    let rows = machine.store.table(object).into_iter().flat_map(|table| table.rows().values());
    rows.filter(same).map(|record| record.id.clone()).collect()
}
