//! What answers say, read from their JSON and not by a client: the other half of each comparison.

use concord_core::names::WireName;
use concord_core::port::{Failure, Outcome};
use concord_core::row::Row;
use concord_core::value::{Presence, Raw};
use serde_json::{Map, Value};

use crate::tape::{PERSONAL, Played};

/// The 2xx answers that are JSON.
pub(crate) struct Evidence(Vec<Value>);

impl Evidence {
    pub(crate) fn of(played: &[Played]) -> Self {
        Self(played.iter().filter(|played| played.is_success()).filter_map(Played::json).collect())
    }

    /// Every object at any depth whose member `name` is this id.
    pub(crate) fn records(&self, name: &str, id: &str) -> Vec<&Map<String, Value>> {
        let mut found = Vec::new();
        self.0.iter().for_each(|body| objects(body, &mut found));
        found.retain(|object| object.get(name).and_then(scalar).as_deref() == Some(id));
        found
    }

    /// A row shows exactly the fields that were asked for, each as one of these records has it: a value that is
    /// there, a blank that is there, and `Unknown` only where something is missing or cannot be kept (I4, I10).
    pub(crate) fn proves(&self, row: &Row, asked: &[WireName], records: &[&Map<String, Value>]) {
        assert!(!records.is_empty(), "nobody told of the record {}", row.id);
        assert!(row.fields.keys().eq(asked), "other fields than were asked for");
        for (field, shown) in &row.fields {
            let told = records.iter().map(|record| record.get(field.as_str()));
            let proved = match shown {
                Presence::Value(value) => told.into_iter().flatten().any(|told| is(value, told)),
                Presence::Blank => {
                    told.into_iter().flatten().any(|told| told.is_null() || told.as_str() == Some(""))
                }
                Presence::Unknown => told.into_iter().any(|told| told.is_none_or(|told| !told.is_null())),
            };
            assert!(proved, "{field} is shown as {shown:?}, which no answer says");
        }
    }
}

fn objects<'v>(value: &'v Value, found: &mut Vec<&'v Map<String, Value>>) {
    match value {
        Value::Object(members) => {
            found.push(members);
            members.values().for_each(|member| objects(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| objects(element, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is(value: &Raw, told: &Value) -> bool {
    match value {
        Raw::Text(text) => told.as_str() == Some(text) && !text.is_empty(),
        Raw::Boolean(yes) => told.as_bool() == Some(*yes),
        Raw::Number(number) => {
            // Exact: the text of both, brought to one form.
            let told = told.as_number().map(ToString::to_string).unwrap_or_default();
            let exact = told.parse().or_else(|_| rust_decimal::Decimal::from_scientific(&told));
            exact.is_ok_and(|told| told == *number)
        }
    }
}

/// Reasons are shown and logged, so they repeat codes and names, and never what a record holds (I42).
pub(crate) fn tells_no_value(failure: &Failure) {
    let said = failure.to_string();
    assert!(!said.contains(PERSONAL), "a failure repeats a value: {said}");
    assert!(!said.contains(char::is_control), "a failure of several lines: {said:?}");
}

/// The same of an outcome.
pub(crate) fn outcome_tells_no_value(outcome: &Outcome) {
    match outcome {
        Outcome::Failed(failure) => tells_no_value(failure),
        Outcome::Done(_) | Outcome::Duplicate(_) | Outcome::Moved | Outcome::Gone => {}
    }
}
