//! Answers and refusals in the shapes of reference 1.1 and 2: top-level errors are arrays with `errorCode`,
//! the errors of one row among many say `statusCode`.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::crm::Response;

/// What an endpoint answers, before the headers that every answer carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// A body by its kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Empty,
    Json(Value),
    Xml(String),
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }

    pub(crate) fn xml(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body: Body::Xml(body) }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status < 400
    }

    /// The answer on the wire.
    pub(crate) fn into_response(self) -> Response {
        let (kind, body) = match self.body {
            Body::Empty => (None, Bytes::new()),
            Body::Json(value) => (Some("application/json;charset=UTF-8"), Bytes::from(value.to_string())),
            Body::Xml(text) => (Some("text/xml;charset=UTF-8"), Bytes::from(text)),
        };
        let mut response = http::Response::new(body);
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let kind = kind.map(|kind| ("content-type", kind.to_owned()));
        for (name, value) in kind.into_iter().chain(self.headers) {
            if let Ok(value) = http::HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// `None` where Salesforce leaves the key out.
    pub(crate) fields: Option<Vec<String>>,
    /// The match report of a duplicate rule.
    pub(crate) duplicates: Option<Value>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), fields: None, duplicates: None }
    }

    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A refusal that names fields (none: the empty list).
    #[must_use]
    pub(crate) fn about(mut self, fields: &[&str]) -> Self {
        self.fields = Some(fields.iter().map(|field| (*field).to_owned()).collect());
        self
    }

    pub(crate) fn json_parser(message: impl Into<String>) -> Self {
        Self::bad("JSON_PARSER_ERROR", message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(crate) fn no_such_key(name: &str) -> Self {
        let text = format!("Provided external ID field does not exist or is not accessible: {name}");
        Self::new(404, "NOT_FOUND", text)
    }

    pub(crate) fn invalid_cross_reference() -> Self {
        Self::new(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id").about(&[])
    }

    pub(crate) fn is_deleted() -> Self {
        Self::new(404, "ENTITY_IS_DELETED", "entity is deleted").about(&[])
    }

    pub(crate) fn malformed_id(object: &str, id: &str) -> Self {
        let text = format!("{object} ID: id value of incorrect type: {id}");
        Self::bad("MALFORMED_ID", text).about(&["Id"])
    }

    pub(crate) fn no_such_column(field: &str, object: &str) -> Self {
        Self::bad("INVALID_FIELD", format!("No such column '{field}' on sobject of type {object}"))
    }

    pub(crate) fn method(method: &str, allowed: &str) -> Self {
        let text = format!("HTTP Method '{method}' not allowed. Allowed are {allowed}");
        Self::new(405, "METHOD_NOT_ALLOWED", text)
    }

    /// As the whole answer.
    pub(crate) fn into_answer(self) -> Answer {
        let mut error = json!({"message": self.message, "errorCode": self.code});
        if let Some(fields) = self.fields {
            error["fields"] = json!(fields);
        }
        if let Some(duplicates) = self.duplicates {
            // Misspelt as captured (reference 2).
            error["duplicateResut"] = duplicates;
        }
        Answer::json(self.status, json!([error]))
    }

    /// As one row's error among many.
    pub(crate) fn as_row_error(&self) -> Value {
        let fields = self.fields.clone().unwrap_or_default();
        json!({"statusCode": self.code, "message": self.message, "fields": fields})
    }
}
