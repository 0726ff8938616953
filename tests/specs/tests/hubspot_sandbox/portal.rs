//! A portal with a clock of its own, and calls to it that read as in a letter.

use bytes::Bytes;
use concord_sandbox::crm::{Caller, Machine, Notice, Request};
use concord_sandbox::hubspot::{Bumps, Config, HubSpot, Limits, RecordUrls};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "pat-of-the-sandbox";

pub(crate) struct Portal {
    pub(crate) machine: HubSpot,
    pub(crate) now: Timestamp,
}

/// An answer, apart from its headers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// No limits, no lag, no second stamp, no urls: what a test is not about stays out of it.
pub(crate) fn quiet() -> Config {
    Config {
        tokens: [TOKEN.to_owned()].into(),
        limits: Limits::NONE,
        index_lag_ms: 0,
        bumps: Bumps { contact_ms: None, company_ms: None },
        record_urls: RecordUrls::Hidden,
        first_record_id: 101,
        ..Config::default()
    }
}

impl Portal {
    pub(crate) fn new() -> Self {
        Self::with(quiet())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self { machine: HubSpot::new(config), now: "2026-11-23T10:00:00Z".parse().unwrap() }
    }

    pub(crate) fn wait_ms(&mut self, ms: i64) {
        self.now = Timestamp::from_millisecond(self.now.as_millisecond() + ms).unwrap();
    }

    pub(crate) fn respond(&mut self, caller: Caller, request: &Request) -> http::Response<Bytes> {
        self.machine.call(self.now, caller, request)
    }

    fn ask(&mut self, caller: Caller, method: &str, path: &str, body: Option<Value>) -> Answer {
        let response = self.respond(caller, &request(method, path, body));
        let body = match response.body() {
            bytes if bytes.is_empty() => Value::Null,
            bytes => serde_json::from_slice(bytes).unwrap(),
        };
        Answer { status: response.status().as_u16(), body }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask(Caller::Api, "GET", path, None)
    }

    pub(crate) fn post(&mut self, path: &str, body: Value) -> Answer {
        self.ask(Caller::Api, "POST", path, Some(body))
    }

    pub(crate) fn patch(&mut self, path: &str, body: Value) -> Answer {
        self.ask(Caller::Api, "PATCH", path, Some(body))
    }

    pub(crate) fn put(&mut self, path: &str, body: Value) -> Answer {
        self.ask(Caller::Api, "PUT", path, Some(body))
    }

    pub(crate) fn delete(&mut self, path: &str) -> Answer {
        self.ask(Caller::Api, "DELETE", path, None)
    }

    pub(crate) fn person(&mut self, method: &str, path: &str, body: Value) -> Answer {
        self.ask(Caller::Person, method, path, Some(body))
    }

    /// Makes a record and gives its id.
    pub(crate) fn made(&mut self, object: &str, properties: Value) -> String {
        let made = self.post(&format!("/crm/v3/objects/{object}"), json!({"properties": properties}));
        assert_eq!(made.status, 201, "{:?}", made.body);
        made.body["id"].as_str().unwrap().to_owned()
    }

    /// The current properties asked for.
    pub(crate) fn properties(&mut self, object: &str, id: &str, names: &str) -> Value {
        self.get(&format!("/crm/v3/objects/{object}/{id}?properties={names}")).body["properties"].clone()
    }

    /// Changes a property as the app, and gives the answer.
    pub(crate) fn set(&mut self, object: &str, id: &str, properties: Value) -> Answer {
        self.patch(&format!("/crm/v3/objects/{object}/{id}"), json!({"properties": properties}))
    }

    pub(crate) fn events(&mut self) -> Vec<Value> {
        let told = self.machine.notices().into_iter();
        told.map(|notice| match notice {
            Notice::Webhook(event) => event,
            Notice::ChangeEvent(event) => panic!("HubSpot has no change events: {event}"),
        })
        .collect()
    }
}

pub(crate) fn request(method: &str, path: &str, body: Option<Value>) -> Request {
    let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    http::Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(bytes)
        .unwrap()
}

/// The ids in the results of an answer, sorted: their order means nothing.
pub(crate) fn ids(answer: &Answer) -> Vec<String> {
    let mut ids: Vec<String> = answer.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}
