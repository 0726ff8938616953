//! A call taken apart: from the wire, or from the inside of a composite call.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answer::Refusal;
use crate::crm::Request;

/// Longest URI (reference 1.1: beyond it the answer is 414).
pub(crate) const URI_BYTES_MAX: usize = 16_384;

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Decoded, without empty segments: a trailing slash is as good as none.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn of_request(request: &Request) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let mut headers = BTreeMap::new();
        for (name, value) in request.headers() {
            headers.insert(name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned());
        }
        Self::new(request.method().as_str(), request.uri().path(), query, headers, request.body().clone())
    }

    /// A subrequest: the URL is a path with its query, the body JSON.
    pub(crate) fn of_subrequest(method: &str, url: &str, headers: &Map<String, Value>, body: &Value) -> Self {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/services/data/{path}") };
        Self::new(method, &path, query, headers, body)
    }

    fn new(method: &str, path: &str, query: &str, headers: BTreeMap<String, String>, body: Bytes) -> Self {
        let path = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut call = Self { method: method.to_uppercase(), path, query, headers, body };
        if call.method == "POST"
            && let Some(method) = call.parameter("_HttpMethod")
        {
            call.method = method.to_uppercase();
        }
        call
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A part of a header like `client=x; defaultNamespace=y`; jsforce separates with commas.
    pub(crate) fn header_part(&self, header: &str, part: &str) -> Option<&str> {
        let parts = self.header(header)?.split([';', ',']);
        let mut pairs = parts.filter_map(|text| text.trim().split_once('='));
        pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(part)).map(|(_, value)| value.trim())
    }

    /// The segments after `/services/data/vXX.X`, and the version.
    pub(crate) fn data_path(&self) -> Option<(&str, Vec<&str>)> {
        let segments: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let ["services", "data", version, rest @ ..] = segments.as_slice() else { return None };
        Some((version.strip_prefix('v')?, rest.to_vec()))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        if let Some(kind) = self.header("content-type")
            && !kind.to_lowercase().contains("json")
        {
            let text = "The requested content type is not supported";
            return Err(Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", text));
        }
        serde_json::from_slice(&self.body).map_err(|error| Refusal::json_parser(error.to_string()))
    }

    /// The body as a JSON object.
    pub(crate) fn json_object(&self) -> Result<Map<String, Value>, Refusal> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Refusal::json_parser("The HTTP entity body must be a JSON object"))
            }
        }
    }
}
