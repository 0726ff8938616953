//! Requests taken apart, answers put together: stamps, query strings, bodies, refusals.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::crm::Response;

/// `2026-11-23T10:00:00.000Z`: always three decimals, as in all recorded answers.
pub(super) fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// HubSpot keeps whole milliseconds.
pub(super) fn whole_ms(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// A moment so many milliseconds away; it stays within what a stamp can hold.
pub(super) fn plus_ms(at: Timestamp, ms: i64) -> Timestamp {
    let edge = if ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at.as_millisecond().saturating_add(ms)).unwrap_or(edge)
}

/// A query string.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &http::Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A list, given repeated, joined by commas, or both: the official SDKs differ.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let given = self.0.iter().filter(|(key, _)| key == name);
        let split = given.flat_map(|(_, value)| value.split(','));
        split.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// `true` in any case: the official Python client writes `True`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.one(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Reads a JSON body.
pub(super) fn parsed<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|fault| {
        let place = format!("line {}, column {}", fault.line(), fault.column());
        Refusal::new(400, format!("Invalid input JSON on {place}: {fault}"))
    })
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body) }
    }

    pub(super) fn created(body: Value) -> Self {
        Self { status: 201, body: Some(body) }
    }

    pub(super) fn nothing() -> Self {
        Self { status: 204, body: None }
    }

    /// A batch: 207 when something in it failed.
    pub(super) fn batch(status: u16, now: Timestamp, results: Vec<Value>, errors: Vec<Value>) -> Self {
        let mut body = json!({"status": "COMPLETE", "startedAt": iso(now), "completedAt": iso(now)});
        // Moved in, not through `json!`, which would copy every record.
        body["results"] = Value::Array(results);
        let failed = !errors.is_empty();
        if failed {
            body["numErrors"] = json!(errors.len());
            body["errors"] = Value::Array(errors);
        }
        Self { status: if failed { 207 } else { status }, body: Some(body) }
    }
}

/// A bad answer.
#[derive(Debug)]
pub(super) struct Refusal(Box<Fault>);

#[derive(Debug)]
struct Fault {
    status: u16,
    body: Map<String, Value>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        let mut body = Map::new();
        body.insert("status".to_owned(), json!("error"));
        body.insert("message".to_owned(), Value::String(message.into()));
        Self(Box::new(Fault { status, body, headers: Vec::new() }))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, message).with("category", json!("VALIDATION_ERROR"))
    }

    pub(super) fn not_found() -> Self {
        let mut refusal = Self::new(404, "resource not found").with("category", json!("OBJECT_NOT_FOUND"));
        refusal.0.headers.push(("X-HubSpot-NotFound", "true".to_owned()));
        refusal
    }

    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.0.body.insert(name.to_owned(), value);
        self
    }

    /// As a line of a batch answer, whose context says which inputs it is about.
    pub(super) fn in_batch(self, context: Value) -> Value {
        let mut line = self.0.body;
        line.remove("errors");
        line.insert("context".to_owned(), context);
        Value::Object(line)
    }
}

/// Puts an answer on the wire.
pub(super) fn respond(
    answer: Result<Reply, Refusal>,
    limits: Vec<(&'static str, String)>,
    correlation: &str,
    now: Timestamp,
) -> Response {
    let (status, body, headers) = match answer {
        Ok(reply) => (reply.status, reply.body, Vec::new()),
        Err(refusal) => {
            let fault = *refusal.0;
            let mut body = fault.body;
            body.insert("correlationId".to_owned(), json!(correlation));
            (fault.status, Some(Value::Object(body)), fault.headers)
        }
    };
    let bytes = body.as_ref().map(|body| serde_json::to_vec(body).unwrap_or_default());
    let bytes = bytes.map(Bytes::from).unwrap_or_default();
    let mut response = Response::new(bytes);
    // Every status here is one of ours, between 200 and 503.
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let kept = response.headers_mut();
    if body.is_some() {
        kept.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    }
    // Before the year 1 there is no date to write, and no portal either.
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap_or_default();
    let own = [("X-HubSpot-Correlation-Id", correlation.to_owned()), ("Date", date)];
    for (name, value) in own.into_iter().chain(headers).chain(limits) {
        if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), HeaderValue::from_str(&value)) {
            kept.insert(name, value);
        }
    }
    response
}
