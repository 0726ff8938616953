//! What the two CRM machines have in common: a request goes in, an answer and events come out.

use bytes::Bytes;
use jiff::Timestamp;

/// An HTTP request with its whole body. The URI may be absolute or only a path with its query.
pub type Request = http::Request<Bytes>;
/// An HTTP answer with its whole body.
pub type Response = http::Response<Bytes>;

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A program with a token, which is checked.
    Api,
    /// A person at the screen: no token, source `CRM_UI`, another `LastModifiedById`, no limits.
    Person,
}

/// A CRM as a state machine.
pub trait Machine: Send {
    /// Answers one request. All of its effect has happened when this returns.
    fn call(&mut self, now: Timestamp, caller: Caller, request: &Request) -> Response;

    /// Takes the notifications that have come up since the last time, in the order in which they happened.
    /// Delivery, batching, retries and faults are the courier's affair.
    fn notices(&mut self) -> Vec<Notice>;

    /// The kind of a call, for counting: `batch_read`, `update`, `query`. Calls that write begin with `write_`
    /// (`write_create`, `write_update`, `write_batch_update`, `write_archive`): a write is a record written or
    /// refused, so `weight` says how many records one request writes.
    fn kind(&self, request: &Request) -> CallKind;

    /// Every record with its full history, for checkers: `{"records": {"contacts": {"1": {"archived": false,
    /// "merged_into": null, "properties": {..}, "history": [{"at", "by", "properties": {..}}]}}}}`.
    fn truth(&self) -> serde_json::Value;
}

/// What a request counts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallKind {
    /// See [`Machine::kind`].
    pub name: &'static str,
    /// How many records it reads or writes.
    pub weight: usize,
}

/// Something that a CRM tells by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// One HubSpot webhook event; a delivery holds up to 100, is signed v3 and retried.
    Webhook(serde_json::Value),
    /// One Salesforce change event, already in its EventBridge envelope.
    ChangeEvent(serde_json::Value),
}
