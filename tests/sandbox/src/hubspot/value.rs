//! What a property takes, and how it keeps it. Every refusal has HubSpot's code.

use std::fmt::Write as _;

use jiff::{Timestamp, civil, tz::Offset};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::schema::{Property, ValueKind};
use super::wire::{Refusal, iso};

/// API page "properties": the longest text.
const TEXT_CHARACTERS_MAX: usize = 65_536;
const DAY_MS: i64 = 86_400_000;

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invalid {
    pub(super) property: String,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Invalid {
    pub(super) fn new(property: &str, code: &'static str, message: String) -> Self {
        Self { property: property.to_owned(), code, message }
    }
}

/// The 400 that lists every refused value.
pub(super) fn refused(portal: u64, faults: &[Invalid]) -> Refusal {
    let line = |fault: &Invalid| {
        json!({"isValid": false, "message": fault.message, "error": fault.code, "name": fault.property,
            "localizedErrorMessage": fault.message, "portalId": portal})
    };
    let lines: Vec<Value> = faults.iter().map(line).collect();
    let short = |fault: &Invalid| json!({"message": fault.message, "code": fault.code, "context": {"propertyName": [fault.property]}});
    let errors: Vec<Value> = faults.iter().map(short).collect();
    Refusal::invalid(format!("Property values were not valid: {}", Value::Array(lines)))
        .with("errors", Value::Array(errors))
}

/// The text of a JSON value in a request: numbers and booleans are taken as their text, `null` clears.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// The value as it is kept. `current` is what a multiple choice is appended to by a leading `;`.
pub(super) fn stored(property: &Property, given: &str, current: Option<&str>) -> Result<String, Invalid> {
    if given.is_empty() {
        return Ok(String::new());
    }
    let name = property.name.as_str();
    match property.kind {
        ValueKind::Bool => one_of(property, given),
        ValueKind::Date => date(name, given),
        ValueKind::Datetime => datetime(name, given),
        ValueKind::Enumeration if property.options.is_empty() => Ok(given.to_owned()),
        ValueKind::Enumeration if property.is_multiple() => several_of(property, given, current),
        ValueKind::Enumeration => one_of(property, given),
        ValueKind::Number => number(name, given),
        ValueKind::String | ValueKind::PhoneNumber if name == "email" => email(given),
        ValueKind::String | ValueKind::PhoneNumber => characters(name, given),
    }
}

/// The value in a webhook: dates and times as milliseconds.
pub(super) fn in_event(kind: ValueKind, value: &str) -> String {
    match kind {
        ValueKind::Date | ValueKind::Datetime => {
            instant(value).map_or_else(String::new, |at| at.as_millisecond().to_string())
        }
        ValueKind::Bool
        | ValueKind::Enumeration
        | ValueKind::Number
        | ValueKind::String
        | ValueKind::PhoneNumber => value.to_owned(),
    }
}

/// A moment as milliseconds, as an ISO stamp or as a date at midnight UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(ms) = text.parse::<i64>() {
        return Timestamp::from_millisecond(ms).ok();
    }
    text.parse::<Timestamp>().ok().or_else(|| midnight(text))
}

fn midnight(text: &str) -> Option<Timestamp> {
    let date = text.parse::<civil::Date>().ok().filter(|_| text.len() == "2026-01-01".len())?;
    Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

fn date(name: &str, given: &str) -> Result<String, Invalid> {
    let invalid = |message| Err(Invalid::new(name, "INVALID_DATE", message));
    let Some(at) = instant(given) else {
        return invalid(format!("{given} was not a valid date."));
    };
    let ms = at.as_millisecond();
    if ms.rem_euclid(DAY_MS) != 0 {
        let clock = iso(at);
        let time = clock.get(11..23).unwrap_or_default();
        return invalid(format!("{ms} is at {time} UTC, not midnight!"));
    }
    Ok(iso(at).chars().take("2026-01-01".len()).collect())
}

fn datetime(name: &str, given: &str) -> Result<String, Invalid> {
    let Some(at) = instant(given) else {
        return Err(Invalid::new(name, "INVALID_LONG", format!("{given} was not a valid long.")));
    };
    Ok(iso(at))
}

fn number(name: &str, given: &str) -> Result<String, Invalid> {
    let exact = given.parse::<Decimal>().is_ok() || Decimal::from_scientific(given).is_ok();
    // A decimal may be written with `_` in Rust, never here.
    if exact && !given.contains('_') {
        return Ok(given.to_owned());
    }
    Err(Invalid::new(name, "INVALID_INTEGER", format!("{given} was not a valid number.")))
}

fn email(given: &str) -> Result<String, Invalid> {
    let (local, domain) = given.trim().split_once('@').unwrap_or_default();
    let top = domain.rsplit_once('.').map(|(_, top)| top).unwrap_or_default();
    let plain = |part: &str| !part.is_empty() && !part.contains(['@', ' ', ',', ';']);
    let known = top.len() >= 2 && top.chars().all(char::is_alphabetic) && !domain.starts_with('.');
    if plain(local) && plain(domain) && known {
        return Ok(given.to_owned());
    }
    Err(Invalid::new("email", "INVALID_EMAIL", format!("Email address {given} is invalid")))
}

fn characters(name: &str, given: &str) -> Result<String, Invalid> {
    let length = given.chars().count();
    if length > TEXT_CHARACTERS_MAX {
        let message =
            format!("Property values may have {TEXT_CHARACTERS_MAX} characters; this has {length}.");
        return Err(Invalid::new(name, "PROPERTY_VALUE_TOO_LONG", message));
    }
    Ok(given.to_owned())
}

fn one_of(property: &Property, given: &str) -> Result<String, Invalid> {
    if property.options.iter().any(|option| option.value == given) {
        return Ok(given.to_owned());
    }
    let mut allowed = String::new();
    for option in &property.options {
        let comma = if allowed.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(allowed, "{comma}{}", option.value);
    }
    let message = format!("{given} was not one of the allowed options: [{allowed}]");
    Err(Invalid::new(&property.name, "INVALID_OPTION", message))
}

fn several_of(property: &Property, given: &str, current: Option<&str>) -> Result<String, Invalid> {
    let kept = if given.starts_with(';') { current.unwrap_or_default() } else { "" };
    let mut chosen: Vec<&str> = kept.split(';').filter(|part| !part.is_empty()).collect();
    for part in given.split(';').filter(|part| !part.is_empty()) {
        one_of(property, part)?;
        if !chosen.contains(&part) {
            chosen.push(part);
        }
    }
    Ok(chosen.join(";"))
}
