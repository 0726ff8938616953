//! The transport over a real network.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use jiff::SignedDuration;

use super::{Transport, TransportError, Waited};

/// HTTP over the network.
#[derive(Debug, Clone)]
pub struct Http(reqwest::Client);

impl Http {
    /// Longest wait for one answer. Salesforce allows a call 10 minutes, but a Lambda that writes has 30 s.
    const TIMEOUT: Duration = Duration::from_secs(20);
    /// Longest wait for a connection.
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A client with its own connection pool.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, TransportError> {
        reqwest::Client::builder()
            .timeout(Self::TIMEOUT)
            .connect_timeout(Self::CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map(Self)
            .map_err(|error| TransportError::NotSent(error.to_string()))
    }
}

impl Transport for Http {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::NotSent(error.to_string()))?;
        let began = Instant::now();
        let sent = self.0.execute(request).await.map_err(|error| {
            match error.is_connect() || error.is_builder() {
                true => TransportError::NotSent(error.without_url().to_string()),
                false => TransportError::Lost(error.without_url().to_string()),
            }
        })?;
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = sent.status();
        *answer.headers_mut() = sent.headers().clone();
        *answer.body_mut() =
            sent.bytes().await.map_err(|error| TransportError::Lost(error.without_url().to_string()))?;
        answer
            .extensions_mut()
            .insert(Waited(SignedDuration::try_from(began.elapsed()).unwrap_or(SignedDuration::MAX)));
        Ok(answer)
    }
}
