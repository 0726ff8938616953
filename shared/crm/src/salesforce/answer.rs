//! Taking answers apart: status, server clock, JSON, and the several shapes of a refusal.

use bytes::Bytes;
use concord_core::names::RecordId;
use concord_core::port::Failure;
use http::{Response, StatusCode};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::RETRY_OUTAGE_MS;
use super::classify;
use super::id::canonical;
use crate::transport;

/// One answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    asked: Option<Timestamp>,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn of(response: &Response<Bytes>) -> Self {
        let asked = transport::asked(response);
        Self { status: response.status(), asked, body: response.body().clone() }
    }

    /// The body of a call that succeeded, where it is an object. serde would also read a list's elements as an
    /// object's members: `[true, null, []]` as the last page of a query that found nothing.
    pub(super) fn object<B: DeserializeOwned>(&self) -> Result<B, Failure> {
        self.json('{')
    }

    /// The body of a call that succeeded, where it is a list.
    pub(super) fn list<E: DeserializeOwned>(&self) -> Result<Vec<E>, Failure> {
        self.json('[')
    }

    /// All of it is read as text first: serde skips what nobody asks for without looking at it.
    fn json<B: DeserializeOwned>(&self, begins: char) -> Result<B, Failure> {
        if !self.status.is_success() {
            return Err(self.failure());
        }
        let text = std::str::from_utf8(&self.body).ok().filter(|text| text.trim_start().starts_with(begins));
        text.and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| unreadable("ANSWER_IS_NOT_WHAT_WAS_ASKED_FOR"))
    }

    /// See [`transport::asked`]. Without it no read is a sound precondition (P5).
    pub(super) fn asked(&self) -> Result<Timestamp, Failure> {
        self.asked.ok_or_else(|| unreadable("ANSWER_WITHOUT_DATE"))
    }

    /// What the refusal of the whole call asks for.
    pub(super) fn failure(&self) -> Failure {
        classify::whole_call(self.status, &self.refusals())
    }

    /// Whether the call named a field that the object lacks or that is hidden from us.
    pub(super) fn refused_a_field(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
            && self.refusals().iter().any(|refusal| refusal.code == "INVALID_FIELD")
    }

    /// Whether the call named an object that is not there, or one of its fields is not, or is hidden from us.
    pub(super) fn refused_an_object(&self) -> bool {
        self.refused_a_field()
            || self.status == StatusCode::BAD_REQUEST
                && self.refusals().iter().any(|refusal| refusal.code == "INVALID_TYPE")
    }

    /// The refusals in the body. Edge servers answer in HTML, which holds none.
    pub(super) fn refusals(&self) -> Vec<Refusal> {
        serde_json::from_slice::<Value>(&self.body).map(|body| refusals(&body)).unwrap_or_default()
    }
}

/// A 200 whose body is something else: a proxy's page, a cut answer. What was attempted may have happened.
pub(super) fn unreadable(reason: &str) -> Failure {
    Failure::Retry { after_ms: RETRY_OUTAGE_MS, reason: reason.to_owned() }
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// `errorCode` at the top, `statusCode` in a row's result.
    pub(super) code: String,
    /// The fields that it names.
    pub(super) fields: Vec<String>,
    /// Kept to find ids and limits in it; it may hold values, so it is never passed on.
    pub(super) message: String,
    /// The records that a duplicate rule matched.
    pub(super) matches: Vec<RecordId>,
}

/// Refusals from an array of them, or from one that stands alone.
pub(super) fn refusals(body: &Value) -> Vec<Refusal> {
    match body {
        Value::Array(several) => several.iter().filter_map(refusal).collect(),
        Value::Object(_) => refusal(body).into_iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn refusal(body: &Value) -> Option<Refusal> {
    let code = body.get("errorCode").or_else(|| body.get("statusCode"))?.as_str()?;
    let fields = body.get("fields").and_then(Value::as_array);
    // Captured answers spell the key `duplicateResut`; the guide has it right.
    let duplicates = body.get("duplicateResult").or_else(|| body.get("duplicateResut"));
    Some(Refusal {
        code: code.to_owned(),
        fields: fields.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        message: body.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
        matches: duplicates.map(matched_records).unwrap_or_default(),
    })
}

fn matched_records(duplicates: &Value) -> Vec<RecordId> {
    let results = duplicates.get("matchResults").and_then(Value::as_array).into_iter().flatten();
    let records = results.filter_map(|result| result.get("matchRecords")?.as_array()).flatten();
    let mut ids: Vec<RecordId> =
        records.filter_map(|matched| canonical(matched.get("record")?.get("Id")?.as_str()?)).collect();
    ids.sort();
    ids.dedup();
    ids
}
