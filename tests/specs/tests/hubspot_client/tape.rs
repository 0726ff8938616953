//! A transport that plays answers back and keeps what was sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use concord_core::names::{LinkId, RecordId, Token, WireName};
use concord_core::port::{ObjectSpec, Operation, Write};
use concord_core::value::{Presence, Raw};
use concord_crm::hubspot::{AppId, Auth, Config, Family, HubSpot, PortalId, PropertyNames, Secret};
use concord_crm::transport::{Transport, TransportError};
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::Value;

/// The instant at which every client of these tests lives.
pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";

/// One answer, or none.
type Played = Result<Response<Bytes>, TransportError>;

/// Answers to come and requests that came.
#[derive(Clone, Default)]
pub(crate) struct Tape {
    answers: Arc<Mutex<VecDeque<Played>>>,
    sent: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Tape {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The next request is answered with this.
    pub(crate) fn answer(self, status: u16, body: Value) -> Self {
        self.answer_with(status, &[], body)
    }

    pub(crate) fn answer_with(self, status: u16, headers: &[(&str, &str)], body: Value) -> Self {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let answer = headers
            .iter()
            .fold(Response::builder().status(status), |answer, (name, value)| answer.header(*name, *value));
        self.answers.lock().unwrap().push_back(Ok(answer.body(body).unwrap()));
        self
    }

    pub(crate) fn fail(self, error: TransportError) -> Self {
        self.answers.lock().unwrap().push_back(Err(error));
        self
    }

    /// Everything that was sent: method, address and body. Fails if an answer was not asked for.
    pub(crate) fn sent(&self) -> Vec<(String, Value)> {
        assert_eq!(self.answers.lock().unwrap().len(), 0, "answers that nobody asked for");
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .map(|request| {
                let body = match request.body().is_empty() {
                    true => Value::Null,
                    false => serde_json::from_slice(request.body()).unwrap_or_else(|_| {
                        Value::String(String::from_utf8(request.body().to_vec()).unwrap())
                    }),
                };
                let target = request.uri().to_string();
                (format!("{} {}", request.method(), target.trim_start_matches("https://hub.test")), body)
            })
            .collect()
    }

    /// The requests themselves.
    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.sent.lock().unwrap().clone()
    }
}

impl Transport for Tape {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.sent.lock().unwrap().push(request);
        self.answers.lock().unwrap().pop_front().expect("a request that nobody expected")
    }
}

pub(crate) fn config() -> Config {
    let now: Timestamp = NOW.parse().unwrap();
    Config {
        base: "https://hub.test".to_owned(),
        family: Family::default(),
        auth: Auth::Bearer(Secret::new("pat-test")),
        app: AppId(7001),
        portal: PortalId(4242),
        names: PropertyNames::default(),
        clock: Arc::new(move || now),
    }
}

pub(crate) fn client(tape: &Tape) -> HubSpot<Tape> {
    HubSpot::new(tape.clone(), config())
}

pub(crate) fn contacts() -> ObjectSpec {
    object("contact", "contacts", &["email", "firstname"])
}

pub(crate) fn object(name: &str, wire: &str, fields: &[&str]) -> ObjectSpec {
    ObjectSpec {
        object: concord_core::names::ObjectName::new(name),
        wire: wire.into(),
        fields: fields.iter().map(|field| WireName::new(*field)).collect(),
        lead: None,
        roles: BTreeMap::new(),
    }
}

pub(crate) fn id(text: &str) -> RecordId {
    text.into()
}

pub(crate) fn ids(texts: &[&str]) -> Vec<RecordId> {
    texts.iter().map(|text| id(text)).collect()
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn text(text: &str) -> Presence<Raw> {
    Presence::Value(Raw::Text(text.to_owned()))
}

pub(crate) fn write(link: &str, token: u64, operation: Operation) -> Write {
    Write { link: LinkId::new(link), token: Token(token), operation }
}

pub(crate) fn values(values: &[(&str, Presence<Raw>)]) -> Vec<(WireName, Presence<Raw>)> {
    values.iter().map(|(name, value)| (WireName::new(*name), value.clone())).collect()
}
