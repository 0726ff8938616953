//! HubSpot's JSON, as it is seen and not as the published schemas have it: every field of an error is
//! optional, ids are text or numbers, property values are text or null (reference: 3.2-3.5, 3.9).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    #[serde(deserialize_with = "record_id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) properties: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub(super) properties_with_history: BTreeMap<String, Vec<VersionText>>,
    pub(super) updated_at: Timestamp,
    #[serde(default)]
    pub(super) archived: bool,
    pub(super) archived_at: Option<Timestamp>,
}

impl Record {
    /// A property that holds something.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name)?.as_deref().filter(|text| !text.is_empty())
    }
}

/// One version of one property.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionText {
    pub(super) value: Option<String>,
    pub(super) timestamp: Timestamp,
    pub(super) source_type: Option<String>,
    #[serde(default, deserialize_with = "optional_text_or_number")]
    pub(super) source_id: Option<String>,
}

/// The answer to a batch: some done, some refused, and perhaps some not mentioned at all. Without results, which
/// the specification requires and which may be empty, it is something else: an error's body under a 200 must not
/// be read as "none of these".
#[derive(Debug, Deserialize)]
pub(super) struct Batch<R> {
    pub(super) results: Vec<R>,
    #[serde(default)]
    pub(super) errors: Vec<Problem>,
}

/// A page of anything. As with a batch, no results are not the same as none at all.
#[derive(Debug, Deserialize)]
pub(super) struct Paged<R> {
    pub(super) results: Vec<R>,
    paging: Option<Paging>,
}

impl<R> Paged<R> {
    /// Where the next page begins; `None` on the last one. `total` is never asked: it counts records that
    /// the results leave out (reference: 3.6).
    pub(super) fn after(&self) -> Option<&str> {
        Some(self.paging.as_ref()?.next.as_ref()?.after.as_str())
    }
}

/// Where a listing goes on.
#[derive(Debug, Deserialize)]
pub(super) struct Paging {
    pub(super) next: Option<NextPage>,
}

/// The start of the next page.
#[derive(Debug, Deserialize)]
pub(super) struct NextPage {
    #[serde(deserialize_with = "text_or_number")]
    pub(super) after: String,
}

/// An error body, or one of the errors of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// `VALIDATION_ERROR`, `CONFLICT`, ...
    pub(super) category: Option<String>,
    /// `DAILY`, `TEN_SECONDLY_ROLLING`: which limit was hit.
    pub(super) policy: Option<String>,
    /// `PROPERTY_DOESNT_EXIST`, `INVALID_OPTION`, ...
    pub(super) codes: Vec<String>,
    /// The properties that are at fault.
    pub(super) properties: Vec<String>,
    /// The scopes that are missing.
    pub(super) scopes: Vec<String>,
    /// The ids that the error is about.
    pub(super) ids: Vec<String>,
    /// The trace ids that the error is about.
    pub(super) traces: Vec<String>,
    /// The two ends of the associations that the error is about.
    pub(super) ends: (Vec<String>, Vec<String>),
    /// The record that holds the unique value already.
    pub(super) existing: Option<String>,
}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Value::deserialize(deserializer)?))
    }
}

impl Problem {
    /// Reads whatever is there. The message is text for people, may be localised and quotes record values,
    /// so nothing of it is kept but the codes and names in its embedded JSON and the id of a duplicate.
    pub(super) fn of(body: &Value) -> Self {
        let message = body["message"].as_str().unwrap_or_default();
        let mut problem = Self {
            category: body["category"].as_str().and_then(code),
            policy: body["policyName"].as_str().and_then(code),
            existing: existing_id(message),
            ..Self::default()
        };
        if problem.category.is_none() {
            problem.category = body["errorType"].as_str().and_then(code);
        }
        problem.take_context(&body["context"]);
        for error in list(&body["errors"]) {
            problem.codes.extend(error["code"].as_str().and_then(code));
            problem.take_context(&error["context"]);
            problem.properties.extend(error["in"].as_str().and_then(property_name));
        }
        for error in embedded(message) {
            problem.codes.extend(error["error"].as_str().and_then(code));
            problem.properties.extend(error["name"].as_str().and_then(property_name));
            let inner = error["message"].as_str().unwrap_or_default();
            problem.existing = problem.existing.or_else(|| existing_id(inner));
        }
        problem
    }

    fn take_context(&mut self, context: &Value) {
        self.properties.extend(texts(&context["propertyName"]).iter().filter_map(|name| property_name(name)));
        self.scopes.extend(texts(&context["requiredGranularScopes"]).iter().filter_map(|name| scope(name)));
        self.ids.extend(texts(&context["ids"]));
        self.ids.extend(texts(&context["id"]));
        self.traces.extend(texts(&context["objectWriteTraceId"]));
        self.ends.0.extend(texts(&context["fromObjectId"]));
        self.ends.1.extend(texts(&context["toObjectId"]));
    }
}

/// Longest code, property name or scope that is repeated in a reason, in characters.
const NAME_CHARS_MAX: usize = 100;

/// A code, if it looks like one: what cannot be a code could be a value.
fn code(text: &str) -> Option<String> {
    named(text, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn property_name(text: &str) -> Option<String> {
    named(text, |c| c.is_ascii_alphanumeric() || c == '_')
}

fn scope(text: &str) -> Option<String> {
    named(text, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn named(text: &str, allowed: impl Fn(char) -> bool) -> Option<String> {
    (!text.is_empty() && text.len() <= NAME_CHARS_MAX && text.chars().all(allowed)).then(|| text.to_owned())
}

/// `Property values were not valid: [{..}]` carries its details as JSON inside the message.
fn embedded(message: &str) -> Vec<Value> {
    let (Some(start), Some(end)) = (message.find('['), message.rfind(']')) else { return Vec::new() };
    message.get(start..=end).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// The id in `Contact already exists. Existing ID: 6001` and in `6001 already has that value.`: the one
/// thing that is only in the message.
fn existing_id(message: &str) -> Option<String> {
    let digits = |text: &str| -> Option<String> {
        let id: String = text.chars().take_while(char::is_ascii_digit).collect();
        (!id.is_empty()).then_some(id)
    };
    let lower = message.to_ascii_lowercase();
    if let Some((_, after)) = lower.split_once("existing id") {
        return digits(after.trim_start_matches([':', ' ']));
    }
    let (before, _) = lower.split_once(" already has that value")?;
    digits(before.rsplit(' ').next()?)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A list of texts or numbers, or one alone.
fn texts(value: &Value) -> Vec<String> {
    match value.as_array() {
        Some(list) => list.iter().filter_map(text).collect(),
        None => text(value).into_iter().collect(),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "JSON's kinds are not ours, and two of them are meant")]
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An id: text in most places, a number in some (reference: section 4).
pub(super) fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(&Value::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("not an id"))
}

/// A record's id: a decimal number in either form. Anything else would be linked, or merged into, as a record.
pub(super) fn record_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = text_or_number(deserializer)?;
    match is_record_id(&id) {
        true => Ok(id),
        false => Err(serde::de::Error::custom("not a record's id")),
    }
}

/// Whether a text can be the id of a HubSpot record.
pub(super) fn is_record_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// An id where there may be none.
pub(super) fn optional_text_or_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(text(&Value::deserialize(deserializer)?))
}
