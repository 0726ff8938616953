//! Values: what the platform accepts for a field, what it stores of it, and how it writes it (reference 1.10).
//!
//! Text is trimmed and "" is no value, e-mail addresses are lower-cased, numbers rounded to their scale, instants
//! cut to whole seconds, multi-picklists put in the picklist's order [K].

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value};

use super::answer::Refusal;
use super::id::Id;
use super::instant;
use super::schema::{Field, Kind, Object};

/// Significant digits of a number field, before and after the point (field definition: Number(18, 0)).
const NUMBER_DIGITS_MAX: u32 = 18;
/// From here on doubles are written with an exponent (reference 1.10: "2.5E10 style decimals").
const EXPONENT_FROM: Decimal = Decimal::from_parts(10_000_000, 0, 0, false, 0);

/// A value as stored. A field without value has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stored {
    Text(String),
    Number(Decimal),
    Boolean(bool),
    Day(Date),
    Instant(Timestamp),
}

impl Stored {
    pub(crate) fn of_id(id: &Id) -> Self {
        Self::Text(id.as_str().to_owned())
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Boolean(_) | Self::Day(_) | Self::Instant(_) => None,
        }
    }

    pub(crate) fn instant(&self) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(*instant),
            Self::Text(_) | Self::Number(_) | Self::Boolean(_) | Self::Day(_) => None,
        }
    }
}

/// What is stored for `json` in `field`; `None` is no value.
pub(crate) fn take(field: &Field, json: &Value) -> Result<Option<Stored>, Refusal> {
    if json.is_null() {
        return match field.kind {
            Kind::Boolean => Err(wrong_type("boolean", json)),
            Kind::Id
            | Kind::Text
            | Kind::TextArea
            | Kind::Email
            | Kind::Phone
            | Kind::Url
            | Kind::Int
            | Kind::Double { .. }
            | Kind::Currency { .. }
            | Kind::Date
            | Kind::DateTime
            | Kind::Picklist
            | Kind::MultiPicklist
            | Kind::Reference { .. }
            | Kind::Name
            | Kind::Address { .. } => Ok(None),
        };
    }
    match field.kind {
        Kind::Text | Kind::TextArea | Kind::Phone | Kind::Url | Kind::Id => take_text(field, json),
        Kind::Name | Kind::Address { .. } => Err(wrong_type("string", json)),
        Kind::Email => take_email(field, json),
        Kind::Boolean => take_boolean(json),
        Kind::Int => take_number(field, 0, json),
        Kind::Double { scale } | Kind::Currency { scale } => take_number(field, scale, json),
        Kind::Date => take_parsed(json, "date", |text| instant::parse_day(text).map(Stored::Day)),
        Kind::DateTime => take_parsed(json, "dateTime", |text| instant::parse(text).map(Stored::Instant)),
        Kind::Picklist => take_choice(field, json),
        Kind::MultiPicklist => take_choices(field, json),
        Kind::Reference { to, .. } => take_reference(field, to, json),
    }
}

fn take_text(field: &Field, json: &Value) -> Result<Option<Stored>, Refusal> {
    let Some(text) = json.as_str() else { return Err(wrong_type("string", json)) };
    let text = text.trim();
    // The platform counts UTF-16 units [K].
    if field.length > 0 && text.encode_utf16().count() > field.length {
        let message = format!("{}: data value too large: {text} (max length={})", field.label, field.length);
        return Err(Refusal::bad("STRING_TOO_LONG", message).about(&[field.name]));
    }
    Ok((!text.is_empty()).then(|| Stored::Text(text.to_owned())))
}

fn take_email(field: &Field, json: &Value) -> Result<Option<Stored>, Refusal> {
    let Some(stored) = take_text(field, json)? else { return Ok(None) };
    let address = stored.text().unwrap_or_default().to_lowercase();
    if !is_address(&address) {
        let message = format!("{}: invalid email address: {address}", field.label);
        return Err(Refusal::bad("INVALID_EMAIL_ADDRESS", message).about(&[field.name]));
    }
    Ok(Some(Stored::Text(address)))
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    !local.is_empty()
        && !text.contains(char::is_whitespace)
        && !domain.contains('@')
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

fn take_boolean(json: &Value) -> Result<Option<Stored>, Refusal> {
    let value = json.as_bool().or_else(|| match json.as_str() {
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) | None => None,
    });
    value.map(|value| Some(Stored::Boolean(value))).ok_or_else(|| wrong_type("boolean", json))
}

fn take_number(field: &Field, scale: u32, json: &Value) -> Result<Option<Stored>, Refusal> {
    let kind = if field.kind == Kind::Int { "int" } else { "double" };
    let text = match (json.as_number(), json.as_str()) {
        (Some(number), _) => number.to_string(),
        (None, Some("")) => return Ok(None),
        (None, Some(text)) => text.trim().to_owned(),
        (None, None) => return Err(wrong_type(kind, json)),
    };
    let Some(number) = decimal(&text) else {
        return Err(if json.is_number() { out_of_range(field, &text) } else { wrong_type(kind, json) });
    };
    if field.kind == Kind::Int && number.fract() != Decimal::ZERO {
        return Err(wrong_type(kind, json));
    }
    let rounded = round(number, scale);
    let limit = if field.kind == Kind::Int {
        Decimal::from(i32::MAX)
    } else {
        Decimal::from(10_i64.pow(NUMBER_DIGITS_MAX - scale) - 1)
    };
    if rounded.abs() > limit + Decimal::ONE - Decimal::new(1, scale) {
        return Err(out_of_range(field, &text));
    }
    Ok(Some(Stored::Number(rounded)))
}

/// Half away from zero, without trailing zeros.
pub(crate) fn round(number: Decimal, scale: u32) -> Decimal {
    number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// Reads `12.50`, `2.5E10`.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).or_else(|_not_plain| Decimal::from_scientific(text)).ok()
}

fn out_of_range(field: &Field, text: &str) -> Refusal {
    let message = format!("{}: value outside of valid range on numeric field: {text}", field.label);
    Refusal::bad("NUMBER_OUTSIDE_VALID_RANGE", message).about(&[field.name])
}

fn take_parsed(
    json: &Value,
    kind: &str,
    parse: impl Fn(&str) -> Option<Stored>,
) -> Result<Option<Stored>, Refusal> {
    let Some(text) = json.as_str() else { return Err(wrong_type(kind, json)) };
    if text.trim().is_empty() {
        return Ok(None);
    }
    parse(text.trim()).map(Some).ok_or_else(|| wrong_type(kind, json))
}

fn take_choice(field: &Field, json: &Value) -> Result<Option<Stored>, Refusal> {
    let stored = take_text(field, json)?;
    match stored.as_ref().and_then(Stored::text) {
        Some(value) if !field.values.iter().any(|known| known == value) => Err(bad_choice(field, value)),
        Some(_) | None => Ok(stored),
    }
}

fn take_choices(field: &Field, json: &Value) -> Result<Option<Stored>, Refusal> {
    let Some(text) = json.as_str() else { return Err(wrong_type("string", json)) };
    let chosen: Vec<&str> = text.split(';').map(str::trim).filter(|value| !value.is_empty()).collect();
    if let Some(unknown) = chosen.iter().find(|value| !field.values.iter().any(|known| known == *value)) {
        return Err(bad_choice(field, unknown));
    }
    let ordered: Vec<&str> =
        field.values.iter().map(String::as_str).filter(|value| chosen.contains(value)).collect();
    Ok((!ordered.is_empty()).then(|| Stored::Text(ordered.join(";"))))
}

fn bad_choice(field: &Field, value: &str) -> Refusal {
    let message = format!("{}: bad value for restricted picklist field: {value}", field.label);
    Refusal::bad("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message).about(&[field.name])
}

fn take_reference(field: &Field, to: &str, json: &Value) -> Result<Option<Stored>, Refusal> {
    let Some(text) = json.as_str() else { return Err(wrong_type("ID", json)) };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let Some(id) = Id::parse(text.trim()) else {
        let message = format!("{}: id value of incorrect type: {text}", field.label);
        return Err(Refusal::bad("MALFORMED_ID", message).about(&[field.name]));
    };
    if to == "User" && id.prefix() != "005" {
        let message = format!("{}: id value of incorrect type: {text}", field.label);
        return Err(Refusal::bad("FIELD_INTEGRITY_EXCEPTION", message).about(&[field.name]));
    }
    Ok(Some(Stored::of_id(&id)))
}

fn wrong_type(kind: &str, json: &Value) -> Refusal {
    let (token, text) = match json {
        Value::Null => ("VALUE_NULL", "null".to_owned()),
        Value::Bool(value) => (if *value { "VALUE_TRUE" } else { "VALUE_FALSE" }, value.to_string()),
        Value::Number(number) => ("VALUE_NUMBER", number.to_string()),
        Value::String(text) => ("VALUE_STRING", text.clone()),
        Value::Array(_) => ("START_ARRAY", "[".to_owned()),
        Value::Object(_) => ("START_OBJECT", "{".to_owned()),
    };
    Refusal::json_parser(format!("Cannot deserialize instance of {kind} from {token} value {text}"))
}

/// Where the value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Instants end with `+0000`.
    Rest,
    /// Instants end with `Z`.
    Event,
}

/// The value of one field that is not a compound.
pub(crate) fn render(field: &Field, stored: Option<&Stored>, form: Form) -> Value {
    let Some(stored) = stored else {
        return if field.kind == Kind::Boolean { Value::Bool(false) } else { Value::Null };
    };
    match stored {
        Stored::Text(text) => Value::String(text.clone()),
        Stored::Boolean(value) => Value::Bool(*value),
        Stored::Day(day) => Value::String(day.to_string()),
        Stored::Instant(instant) => Value::String(match form {
            Form::Rest => instant::rest_text(*instant),
            Form::Event => instant::zulu_text(*instant),
        }),
        Stored::Number(number) => {
            let text = if field.kind == Kind::Int { number.to_string() } else { double_text(*number) };
            serde_json::from_str::<Number>(&text).map_or(Value::Null, Value::Number)
        }
    }
}

/// `12.0`, `12.5`, `2.5E10`: at least one digit after the point, and an exponent for large numbers.
pub(crate) fn double_text(number: Decimal) -> String {
    let number = number.normalize();
    if number.abs() < EXPONENT_FROM {
        let text = number.to_string();
        return if text.contains('.') { text } else { format!("{text}.0") };
    }
    let plain = number.abs().to_string();
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits[1..].trim_end_matches('0');
    let rest = if significant.is_empty() { "0" } else { significant };
    let sign = if number.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}.{rest}E{}", &digits[..1], whole.len() - 1)
}

/// The parts of a compound that the object has: `(part, field)`, as in `("City", "MailingCity")`.
pub(crate) fn parts<'o>(object: &'o Object, compound: &Field) -> Vec<(&'static str, &'o Field)> {
    if compound.kind == Kind::Name {
        let names = ["FirstName", "LastName"].into_iter();
        return names.filter_map(|name| object.any_field(name).map(|field| (field.name, field))).collect();
    }
    let Kind::Address { of: beginning } = compound.kind else { return Vec::new() };
    let parts = object.fields.iter().filter(|field| !field.is_compound());
    parts.filter_map(|field| field.name.strip_prefix(beginning).map(|part| (part, field))).collect()
}
