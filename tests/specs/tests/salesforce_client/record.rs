//! A transport that answers from a list and keeps what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use concord_core::names::{ObjectName, RecordId, WireName};
use concord_core::port::ObjectSpec;
use concord_core::value::{Presence, Raw};
use concord_crm::salesforce::config::{Auth, Secret};
use concord_crm::salesforce::{Config, Salesforce, canonical_id};
use concord_crm::transport::{Transport, TransportError, Waited};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Server and client clock of these tests.
pub(crate) const NOW: &str = "2026-01-05T10:00:30Z";
/// The same, as the `Date` header says it.
const DATE: &str = "Mon, 05 Jan 2026 10:00:30 GMT";
pub(crate) const US: &str = "0058M000000AbCdQAK";
pub(crate) const SOMEBODY: &str = "0058M000000ZzZzQAK";

/// What the other side says next.
pub(crate) enum Says {
    Json(u16, Value),
    /// After so many milliseconds.
    Slowly(i64, Value),
    Html(u16),
    Nothing(u16),
    Xml(u16, String),
    Lost,
}

/// One request as these tests compare it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) body: Value,
}

pub(crate) struct Record {
    says: Mutex<VecDeque<Says>>,
    asked: Mutex<Vec<Request<Bytes>>>,
}

impl Record {
    /// A client whose login succeeds, and then these answers.
    pub(crate) fn of(says: Vec<Says>) -> (Arc<Self>, Salesforce<Arc<Self>>) {
        let mut all = VecDeque::from([Says::Json(200, token("first"))]);
        all.extend(says);
        Self::raw(all)
    }

    pub(crate) fn raw(says: VecDeque<Says>) -> (Arc<Self>, Salesforce<Arc<Self>>) {
        let record = Arc::new(Self { says: Mutex::new(says), asked: Mutex::new(Vec::new()) });
        let auth =
            Auth::ClientCredentials { client_id: "key".to_owned(), client_secret: Secret::new("hush") };
        let config = Config::new("https://acme.my.salesforce.com", auth, Arc::new(|| NOW.parse().unwrap()));
        (Arc::clone(&record), Salesforce::new(config, record))
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.asked.lock().unwrap().clone()
    }

    /// Everything that was asked after the login; nothing is left to say.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        assert!(self.says.lock().unwrap().is_empty(), "an answer was not asked for");
        self.requests()[1..].iter().map(asked).collect()
    }
}

fn asked(request: &Request<Bytes>) -> Asked {
    let path = request.uri().to_string();
    let path = path.strip_prefix("https://na1.salesforce.com").expect("the host of the token answer");
    let path = path.replace("/services/data/v66.0", "");
    Asked {
        line: format!("{} {path}", request.method()),
        body: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
    }
}

/// A request to compare with.
pub(crate) fn ask(line: &str, body: Value) -> Asked {
    Asked { line: line.to_owned(), body }
}

/// The SOQL of a query's request line, decoded.
pub(crate) fn soql(asked: &Asked) -> String {
    let (_, query) = asked.line.split_once("?q=").expect("a query");
    let mut parts = query.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("an escape"));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

pub(crate) fn token(token: &str) -> Value {
    json!({
        "access_token": token,
        "instance_url": "https://na1.salesforce.com",
        "id": format!("https://login.salesforce.com/id/00D7F00000107XsUAI/{US}"),
        "token_type": "Bearer",
        "issued_at": "1767607230000",
        "signature": "c2lnbmF0dXJl",
    })
}

/// A refusal of a whole call.
pub(crate) fn refused(code: &str, message: &str) -> Value {
    json!([{ "message": message, "errorCode": code }])
}

impl Transport for Record {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.asked.lock().unwrap().push(request);
        let says = self.says.lock().unwrap().pop_front().expect("one request too many");
        let waited = match says {
            Says::Slowly(ms, _) => ms,
            Says::Json(..) | Says::Html(_) | Says::Nothing(_) | Says::Xml(..) | Says::Lost => 0,
        };
        let (status, kind, body) = match says {
            Says::Slowly(_, body) => (200, "application/json;charset=UTF-8", body.to_string()),
            Says::Json(status, body) => (status, "application/json;charset=UTF-8", body.to_string()),
            Says::Html(status) => (status, "text/html", "<html><body>Down</body></html>".to_owned()),
            Says::Nothing(status) => (status, "text/plain", String::new()),
            Says::Xml(status, body) => (status, "text/xml", body),
            Says::Lost => return Err(TransportError::Lost("reset".to_owned())),
        };
        let response = Response::builder().status(status).header("content-type", kind).header("date", DATE);
        let response = response.extension(Waited(SignedDuration::from_millis(waited)));
        Ok(response.body(Bytes::from(body)).unwrap())
    }
}

pub(crate) fn contacts() -> ObjectSpec {
    ObjectSpec {
        object: ObjectName::from("contact"),
        wire: WireName::from("Contact"),
        fields: ["Email", "LastName", "Score__c"].map(WireName::from).to_vec(),
        lead: None,
        roles: BTreeMap::new(),
    }
}

/// The contact of this number, up to 9.
pub(crate) fn id(number: u8) -> RecordId {
    canonical_id(&format!("00300000000000{number}")).unwrap()
}

pub(crate) fn text(text: &str) -> Presence<Raw> {
    Presence::Value(Raw::Text(text.to_owned()))
}

pub(crate) fn number(text: &str) -> Presence<Raw> {
    Presence::Value(Raw::Number(text.parse().unwrap()))
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A contact as an answer shows it.
pub(crate) fn contact(number: u8, email: &str) -> Value {
    json!({
        "attributes": { "type": "Contact", "url": format!("/services/data/v66.0/sobjects/Contact/{}", id(number)) },
        "Id": id(number).as_str(),
        "LastModifiedDate": "2026-01-05T09:59:00.000+0000",
        "LastModifiedById": SOMEBODY,
        "SystemModstamp": "2026-01-05T09:59:01.000+0000",
        "Concord_Id__c": null,
        "Concord_Token__c": null,
        "Email": email,
        "LastName": "Anders",
        "Score__c": 12.50,
    })
}
