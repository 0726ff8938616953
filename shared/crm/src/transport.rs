//! The way to a CRM: one request, one answer.

#[cfg(feature = "network")]
mod network;

use std::future::Future;

use bytes::Bytes;
use http::{Request, Response};
use thiserror::Error;

#[cfg(feature = "network")]
pub use network::Http;

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
