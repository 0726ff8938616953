//! A receiver of webhooks: a real HTTP server that keeps what it is sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long a delivery may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing must come before a test believes that nothing will.
const SILENCE: Duration = Duration::from_millis(400);

/// What was delivered.
pub(crate) struct Inbox {
    url: String,
    deliveries: tokio::sync::Mutex<UnboundedReceiver<Request<Bytes>>>,
}

impl Inbox {
    /// Answers the first deliveries with these codes and all others with 200.
    pub(crate) async fn open<const N: usize>(first: [u16; N]) -> Self {
        let (sender, deliveries) = unbounded_channel();
        let codes = Arc::new(Mutex::new(first.into_iter().collect::<std::collections::VecDeque<_>>()));
        let take = move |request: axum::extract::Request<Body>| {
            let (sender, codes) = (sender.clone(), Arc::clone(&codes));
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.expect("a whole body");
                // The test may have ended.
                let _ = sender.send(Request::from_parts(head, body));
                let code = codes.lock().expect("no panic before").pop_front().unwrap_or(200);
                StatusCode::from_u16(code).expect("a status")
            }
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback is there");
        let url = format!("http://{}/hooks?a=%20b", listener.local_addr().expect("it is bound"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(take)).await });
        Self { url, deliveries: tokio::sync::Mutex::new(deliveries) }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) async fn next(&self) -> Request<Bytes> {
        let mut deliveries = self.deliveries.lock().await;
        let next = tokio::time::timeout(PATIENCE, deliveries.recv()).await;
        next.expect("a delivery in time").expect("the receiver runs")
    }

    pub(crate) async fn stays_empty(&self) {
        let mut deliveries = self.deliveries.lock().await;
        let next = tokio::time::timeout(SILENCE, deliveries.recv()).await;
        assert!(next.is_err(), "{next:?}");
    }
}
