//! The way to a CRM: one request, one answer.

#[cfg(feature = "network")]
mod network;

use std::future::Future;

use bytes::Bytes;
use http::{Request, Response, header};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

#[cfg(feature = "network")]
pub use network::Http;

/// How long an answer was waited for, from before its request left. Among the answer's extensions; without it, the
/// answer came at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited(pub SignedDuration);

/// When the request of this answer was made, or a moment before, by the server's clock. Nobody says whether an answer is
/// dated before or after its rows are looked at; they are looked at after this.
pub(crate) fn asked(answer: &Response<Bytes>) -> Option<Timestamp> {
    let date = answer.headers().get(header::DATE)?.to_str().ok()?;
    let waited = answer.extensions().get::<Waited>().map_or(SignedDuration::ZERO, |waited| waited.0);
    DateTimeParser::new().parse_timestamp(date).ok()?.checked_sub(waited).ok()
}

/// Sends one request. No retries, no redirects, no login: those are choices, and the client makes them.
pub trait Transport: Send + Sync {
    /// Sends it and waits for the whole answer.
    ///
    /// # Errors
    /// [`TransportError`]; any status code is an answer, not an error.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send;
}

impl<T: Transport> Transport for &T {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send {
        (*self).send(request)
    }
}

impl<T: Transport> Transport for std::sync::Arc<T> {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send {
        (**self).send(request)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransportError {
    /// The request did not leave: nothing happened.
    #[error("the request could not be sent: {0}")]
    NotSent(String),
    /// It left and no answer came: it may have taken effect.
    #[error("no answer came: {0}")]
    Lost(String),
}
