//! One request, one answer.

use bytes::Bytes;
use concord_core::port::Failure;
use http::{HeaderValue, Method, Request, Response, header};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::HubSpot;
use super::refusal::{self, Refusal};
use crate::transport::{self, Transport};

/// A request, short of the host and the login.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    method: Method,
    /// Path and query.
    target: String,
    body: Option<Value>,
}

impl Call {
    /// Reads.
    pub(super) fn get(target: String) -> Self {
        Self { method: Method::GET, target, body: None }
    }

    /// Sends a JSON body.
    pub(super) fn post(target: String, body: Value) -> Self {
        Self { method: Method::POST, target, body: Some(body) }
    }
}

/// A 2xx answer.
#[derive(Debug)]
pub(super) struct Answer(Response<Bytes>);

impl Answer {
    /// Reads the body, which is an object. Any 2xx may come without one (204, or 200 in another version): that
    /// is `None`.
    pub(super) fn body<B: DeserializeOwned>(&self) -> Result<Option<B>, Failure> {
        let body = self.0.body();
        if body.is_empty() {
            return Ok(None);
        }
        // All of it is read as text first: serde skips what nobody asks for without looking at it. And it would
        // read a list's elements as an object's members: `[[]]` as a batch without results.
        let text = std::str::from_utf8(body).ok().filter(|text| text.trim_start().starts_with('{'));
        // The parser's own message can quote a record's value, so it is dropped.
        let read = text.and_then(|text| serde_json::from_str(text).ok());
        read.map(Some).ok_or_else(|| refusal::misunderstood("the answer"))
    }

    /// Reads a body that must be there.
    pub(super) fn full_body<B: DeserializeOwned>(&self) -> Result<B, Failure> {
        self.body()?.ok_or_else(|| refusal::misunderstood("the answer without a body"))
    }

    /// See [`transport::asked`].
    pub(super) fn asked(&self) -> Option<Timestamp> {
        transport::asked(&self.0)
    }
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(super) enum Unsuccessful {
    /// HubSpot answered, and refused.
    Refused(Refusal),
    /// There is no answer, or no login to ask with.
    Failed(Failure),
}

impl Unsuccessful {
    /// What to do about it, where the caller sees no more in it than a failed call.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Refused(refusal) => refusal.into_failure(),
            Self::Failed(failure) => failure,
        }
    }
}

impl<T: Transport> HubSpot<T> {
    /// Sends one request with the login. A 401 drops the token, so that the next call logs in anew.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, Unsuccessful> {
        let token = self.token().await.map_err(Unsuccessful::Failed)?;
        let request = self.request(call, token.reveal()).map_err(Unsuccessful::Failed)?;
        let answer = self
            .transport
            .send(request)
            .await
            .map_err(|lost| Unsuccessful::Failed(refusal::unanswered(&lost)))?;
        if answer.status().is_success() {
            return Ok(Answer(answer));
        }
        let refused = Refusal::of(&answer);
        if refused.is_login() {
            self.login.drop_token(&token).await;
        }
        Err(Unsuccessful::Refused(refused))
    }

    fn request(&self, call: Call, token: &str) -> Result<Request<Bytes>, Failure> {
        let unbuilt = || Failure::Bug { reason: "a request could not be built".to_owned() };
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Failure::Park {
            reason: "the access token holds characters that no header takes; put a valid one in place"
                .to_owned(),
        })?;
        bearer.set_sensitive(true);
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{}{}", self.config.base, call.target))
            .header(header::AUTHORIZATION, bearer);
        let body = match call.body {
            None => Bytes::new(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
        };
        request.body(body).map_err(|_| unbuilt())
    }
}

/// Path, `?`, query.
pub(super) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}
