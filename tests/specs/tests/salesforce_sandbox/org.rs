//! An organisation with a clock and a session, for the specifications beside it.

use bytes::Bytes;
use concord_sandbox::crm::{Caller, Machine, Notice, Request};
use concord_sandbox::salesforce::{Config, Salesforce, soap_envelope};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Where most calls go.
pub(crate) const DATA: &str = "/services/data/v68.0";

pub(crate) struct Org {
    pub(crate) machine: Salesforce,
    pub(crate) now: Timestamp,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(String, String)>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Status and body.
    pub(crate) fn told(self) -> (u16, Value) {
        (self.status, self.body)
    }
}

impl Org {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    /// Logged in, at noon.
    pub(crate) fn with(config: Config) -> Self {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            config.client_id, config.client_secret
        );
        let now = "2026-03-02T12:00:00.250Z".parse().unwrap();
        let mut org = Self { machine: Salesforce::new(config), now, token: String::new() };
        let login = org.send(Caller::Api, "POST", "/services/oauth2/token", &[], form);
        org.token = login.body["access_token"].as_str().unwrap().to_owned();
        org
    }

    pub(crate) fn send(
        &mut self,
        caller: Caller,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let response = self.machine.call(self.now, caller, &request);
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        let headers = response.headers().iter();
        Reply {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: serde_json::from_str(&text).unwrap_or(if text.is_empty() {
                Value::Null
            } else {
                json!(text)
            }),
        }
    }

    pub(crate) fn api_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        all.extend(headers);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(Caller::Api, method, &format!("{DATA}{path}"), &all, body)
    }

    pub(crate) fn api(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        self.api_with(method, path, &[], body)
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.api("GET", path, &Value::Null)
    }

    pub(crate) fn person(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        self.send(Caller::Person, method, &format!("{DATA}{path}"), &[], body.to_string())
    }

    /// A call of the sandbox's own, which must be taken.
    pub(crate) fn sandbox(&mut self, path: &str, body: &Value) {
        let reply = self.send(Caller::Api, "POST", path, &[], body.to_string());
        assert_eq!(reply.told(), (204, Value::Null));
    }

    /// Inserts a record and returns its id.
    pub(crate) fn insert(&mut self, object: &str, body: &Value) -> String {
        let reply = self.api("POST", &format!("/sobjects/{object}/"), body);
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body["id"].as_str().unwrap().to_owned()
    }

    /// The named fields of a record, without attributes.
    pub(crate) fn fields(&mut self, object: &str, id: &str, fields: &str) -> Value {
        let mut reply = self.get(&format!("/sobjects/{object}/{id}?fields={fields}"));
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body.as_object_mut().unwrap().remove("attributes");
        reply.body
    }

    pub(crate) fn query(&mut self, soql: &str) -> Reply {
        self.get(&format!("/query/?q={}", encoded(soql)))
    }

    pub(crate) fn query_all(&mut self, soql: &str) -> Reply {
        self.get(&format!("/queryAll?q={}", encoded(soql)))
    }

    /// One column of what a query finds.
    pub(crate) fn column(&mut self, soql: &str, field: &str) -> Vec<Value> {
        let reply = self.query(soql);
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body["records"].as_array().unwrap().iter().map(|row| row[field].clone()).collect()
    }

    pub(crate) fn soap(&mut self, operation: &str) -> Reply {
        let envelope = soap_envelope(&self.token, operation);
        self.send(Caller::Api, "POST", "/services/Soap/u/68.0", &[("content-type", "text/xml")], envelope)
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    /// The change events since the last time, whole.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        let event = |notice| match notice {
            Notice::ChangeEvent(event) => event,
            Notice::Webhook(webhook) => panic!("Salesforce sends no webhooks: {webhook}"),
        };
        self.machine.notices().into_iter().map(event).collect()
    }

    /// The events in short: object, kind, record ids, changed fields.
    pub(crate) fn short_events(&mut self) -> Vec<Value> {
        let events = self.events();
        let header = |event: &Value| event["detail"]["payload"]["ChangeEventHeader"].clone();
        let short = |header: Value| {
            json!([header["entityName"], header["changeType"], header["recordIds"], header["changedFields"]])
        };
        events.iter().map(header).map(short).collect()
    }
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// One error as REST answers it, without `fields`.
pub(crate) fn error(code: &str, message: &str) -> Value {
    json!([{"errorCode": code, "message": message}])
}

/// One error as REST answers it.
pub(crate) fn error_about(code: &str, message: &str, fields: &[&str]) -> Value {
    json!([{"errorCode": code, "message": message, "fields": fields}])
}
