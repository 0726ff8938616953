//! Change events (Change Data Capture) in their EventBridge envelope.

use concord_core::event::Event;
use concord_core::names::{RecordId, Side, WireName};
use serde_json::Value;

use super::super::id::canonical;
use super::super::request::is_identifier;
use super::{Refusal, key};

/// Ids of one event are those of one transaction and second; beyond this it says "sweep" (ours: hints are
/// packed by the hundred, and Salesforce's own overflow begins at 100,000 changes).
const EVENT_RECORDS_MAX: usize = 10_000;
/// The id that stands for "too many to name" (CDC guide, overflow events).
const OVERFLOW: &str = "000000000000000AAA";

/// Where change events may come from. Only the partner can put events under such a source on our bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Our org: `aws.partner/salesforce.com/<org>/<channel>`.
    pub org: RecordId,
    /// The whole name of an AppFlow source, where one is used: it does not tell the org in a known place.
    pub appflow: Option<String>,
}

/// What one envelope tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Look at these records.
    Records(Event),
    /// Salesforce does not say which: the object type has to be swept.
    NeedsSweep {
        /// The event, hashed like any other, so that a repeated one sweeps once.
        key: concord_core::port::EventKey,
        /// The object type, by Salesforce's name.
        object: WireName,
    },
}

/// Reads one envelope. Its `source` is checked before the rest is looked at.
///
/// # Errors
/// [`Refusal::WrongSender`] if it is not ours, [`Refusal::Malformed`] if it names no change.
pub fn change_event(envelope: &Value, source: &Source) -> Result<Told, Refusal> {
    let from = envelope.get("source").and_then(Value::as_str).ok_or(Refusal::WrongSender)?;
    if !source.sent(from) {
        return Err(Refusal::WrongSender);
    }
    let detail = envelope.get("detail").ok_or(Refusal::Malformed("no detail"))?;
    // The relay wraps it in a payload; AppFlow does not.
    let header = detail.get("payload").unwrap_or(detail).get("ChangeEventHeader");
    let header = header.ok_or(Refusal::Malformed("no ChangeEventHeader"))?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    let object = text("entityName").filter(|name| is_identifier(name));
    let object = object.ok_or(Refusal::Malformed("no entityName"))?;
    let transaction = text("transactionKey").ok_or(Refusal::Malformed("no transactionKey"))?;
    let sequence = sequence(header).ok_or(Refusal::Malformed("no sequenceNumber"))?;
    let ids = header.get("recordIds").and_then(Value::as_array).ok_or(Refusal::Malformed("no recordIds"))?;
    let ids = ids.iter().map(|id| id.as_str().ok_or(Refusal::Malformed("a record id")));
    let ids: Vec<&str> = ids.collect::<Result<_, _>>()?;
    let words = [transaction, sequence.as_str(), object];
    match named(&ids)? {
        Some(ids) => Ok(Told::Records(Event {
            key: key(words.into_iter().chain(ids.iter().map(RecordId::as_str))),
            side: Side::Salesforce,
            object: WireName::from(object),
            ids,
            erased: false,
        })),
        None => {
            Ok(Told::NeedsSweep { key: key(words.into_iter().chain(ids)), object: WireName::from(object) })
        }
    }
}

/// The records that an event names; nothing if it only says that there are some.
fn named(ids: &[&str]) -> Result<Option<Vec<RecordId>>, Refusal> {
    let vague = |id: &&str| id.contains('*') || *id == OVERFLOW || OVERFLOW.starts_with(*id);
    if ids.is_empty() || ids.len() > EVENT_RECORDS_MAX || ids.iter().any(vague) {
        return Ok(None);
    }
    let ids = ids.iter().map(|id| canonical(id).ok_or(Refusal::Malformed("a record id")));
    ids.collect::<Result<_, _>>().map(Some)
}

/// Exact, as text: it may stand as a number or as text.
fn sequence(header: &Value) -> Option<String> {
    match header.get("sequenceNumber")? {
        Value::Number(number) => number.as_i64().map(|number| number.to_string()),
        Value::String(text) => text.parse::<i64>().ok().map(|number| number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Source {
    fn sent(&self, from: &str) -> bool {
        if self.appflow.as_deref() == Some(from) {
            return true;
        }
        let Some(path) = from.strip_prefix("aws.partner/salesforce.com/") else { return false };
        let org = path.split('/').next().and_then(canonical);
        org.is_some() && org == canonical(self.org.as_str())
    }
}
