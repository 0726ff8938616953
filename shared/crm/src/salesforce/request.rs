//! Building calls: addresses, headers, JSON bodies, SOQL text.

use bytes::Bytes;
use concord_core::names::WireName;
use concord_core::port::Failure;
use concord_core::value::{Presence, Raw};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Number, Value};

use super::login::{Session, secret_header};

/// How our writes are told apart in change events: `changeOrigin` ends in `;client=concord`.
const CALL_OPTIONS: &str = "client=concord";
/// Rows per page of a query; the default and the most (REST guide, Query Options header).
const QUERY_OPTIONS: &str = "batchSize=2000";
/// What need not be encoded in a query parameter; shorter addresses hold more values.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b',').remove(b'\'');

/// Headers that keep a write from doing more than it says: lead assignment rules (on by default) and the
/// user's list of recently used records.
pub(super) const WRITE_HEADERS: [(&str, &str); 2] =
    [("Sforce-Auto-Assign", "FALSE"), ("Sforce-Mru", "updateMru=false")];

/// A `GET` below `/services/data/vXX.0`, or at a full path that Salesforce gave.
pub(super) fn get(session: &Session, path: &str) -> Result<Request<Bytes>, Failure> {
    let builder = builder(session, Method::GET, path)?.header("Sforce-Query-Options", QUERY_OPTIONS);
    finish(builder, Bytes::new())
}

/// A `POST` that reads.
pub(super) fn ask(session: &Session, path: &str, body: &Value) -> Result<Request<Bytes>, Failure> {
    let builder = builder(session, Method::POST, path)?.header(CONTENT_TYPE, "application/json");
    finish(builder, Bytes::from(body.to_string()))
}

/// A call that writes. `headers` are its preconditions.
pub(super) fn write(
    session: &Session,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Result<Request<Bytes>, Failure> {
    let mut builder = builder(session, method, path)?;
    for (name, value) in WRITE_HEADERS.iter().chain(headers) {
        builder = builder.header(*name, *value);
    }
    match body {
        Some(body) => finish(builder.header(CONTENT_TYPE, "application/json"), Bytes::from(body.to_string())),
        None => finish(builder, Bytes::new()),
    }
}

/// The path of a REST resource, version included; also the address of a composite subrequest.
pub(super) fn data_path(session: &Session, path: &str) -> String {
    format!("/services/data/v{}{path}", session.api_version)
}

/// Encodes one query parameter.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A name that goes into an address or into SOQL. Names come from the contract; one that could end a statement
/// must not get that far.
pub(super) fn identifier(name: &WireName) -> Result<&str, Failure> {
    match is_identifier(name.as_str()) {
        true => Ok(name.as_str()),
        false => Err(Failure::Bug { reason: "a name of an object or a field is no identifier".to_owned() }),
    }
}

/// Whether text looks like a Salesforce name: letters, digits and underscores.
pub(super) fn is_identifier(text: &str) -> bool {
    /// Namespace, name and suffix of the longest custom name (Salesforce: 15 + 2 + 40 + 3), rounded up.
    const CHARACTERS_MAX: usize = 80;
    (1..=CHARACTERS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Text as a SOQL literal (SOQL guide, Quoted String Escape Sequences).
pub(super) fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// A value as Salesforce takes it: `null` clears.
pub(super) fn json(value: &Presence<Raw>) -> Result<Value, Failure> {
    match value {
        Presence::Value(Raw::Text(text)) => Ok(Value::from(text.as_str())),
        Presence::Value(Raw::Boolean(truth)) => Ok(Value::from(*truth)),
        Presence::Value(Raw::Number(number)) => number
            .to_string()
            .parse::<Number>()
            .map(Value::Number)
            .map_err(|_| Failure::Bug { reason: "a decimal is no JSON number".to_owned() }),
        Presence::Blank => Ok(Value::Null),
        Presence::Unknown => {
            Err(Failure::Bug { reason: "a write carries a value that was never known".to_owned() })
        }
    }
}

fn builder(session: &Session, method: Method, path: &str) -> Result<http::request::Builder, Failure> {
    let path = match path.starts_with("/services/") {
        true => path.to_owned(),
        false => data_path(session, path),
    };
    Ok(Request::builder()
        .method(method)
        .uri(format!("{}{path}", session.instance_url))
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, secret_header(&format!("Bearer {}", session.token().reveal()))?)
        .header("Sforce-Call-Options", CALL_OPTIONS))
}

fn finish(builder: http::request::Builder, body: Bytes) -> Result<Request<Bytes>, Failure> {
    builder.body(body).map_err(|_| Failure::Bug { reason: "the address of a call is no URL".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{encode, is_identifier, literal};

    #[test]
    fn a_literal_cannot_be_left_from_within() {
        assert_eq!(literal("O'Neill\\"), r"'O\'Neill\\'");
        assert_eq!(literal("a\n\"b\"\t"), r#"'a\n\"b\"\t'"#);
    }

    #[test]
    fn a_plus_in_a_value_stays_a_plus() {
        assert_eq!(encode("a+b@example.com & co"), "a%2Bb%40example.com%20%26%20co");
    }

    #[test]
    fn a_name_that_could_end_a_statement_is_none() {
        assert!(is_identifier("acme__Score__c"));
        for name in ["", "Id FROM User", "Name'--", "Account.Name"] {
            assert!(!is_identifier(name), "{name}");
        }
    }
}
