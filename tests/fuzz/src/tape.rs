//! A transport that plays an input back as answers, and what a fuzzed call is judged by afterwards.
//!
//! An input is text: a line that names the call; then answers, `---` on a line of its own between them. An answer
//! is a status and headers, one a line, then an empty line, then the body. Everything may be left out. The last
//! answer is played again and again, up to a limit after which nothing answers.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use concord_crm::transport::{Transport, TransportError};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::Value;

/// The clock of both ends.
pub(crate) const NOW: &str = "2026-01-05T10:00:30Z";
/// The same, as the `Date` header says it; each answer has it unless it brings another.
const DATE: HeaderValue = HeaderValue::from_static("Mon, 05 Jan 2026 10:00:30 GMT");
/// Answers that are played before the line goes dead.
const ANSWERS_MAX: usize = 40;
/// Polls after which a call is hung: the transport is always ready, so only a client's own yields count.
const POLLS_MAX: usize = 10_000;
/// Stands in answers as a record's value; no failure may repeat it (I42).
pub(crate) const PERSONAL: &str = "ada@example.com";

/// One answer that was played, with the request that it was for.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    pub(crate) path: String,
    pub(crate) authority: String,
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Played {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, if it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// The call and its answers.
#[derive(Debug, Clone)]
pub(crate) struct Tape {
    /// The line that names the call.
    pub(crate) call: Vec<u8>,
    /// Played before any other.
    first: Arc<Vec<Response<Bytes>>>,
    answers: Arc<Vec<Response<Bytes>>>,
    played: Arc<Mutex<Vec<Played>>>,
}

impl Tape {
    pub(crate) fn of(data: &[u8]) -> Self {
        let (call, rest) = split_once(data, b"\n").unwrap_or((data, b""));
        let mut answers = Vec::new();
        let mut rest = Some(rest);
        while let Some(left) = rest {
            let (one, more) = match split_once(left, b"\n---\n") {
                Some((one, more)) => (one, Some(more)),
                None => (left, None),
            };
            answers.push(answer(one));
            rest = more;
        }
        Self {
            call: call.to_vec(),
            first: Arc::default(),
            answers: Arc::new(answers),
            played: Arc::default(),
        }
    }

    /// Lets the first request be answered rightly.
    pub(crate) fn after(self, first: &Value) -> Self {
        let mut good = Response::new(Bytes::from(first.to_string()));
        good.headers_mut().insert(http::header::DATE, DATE);
        Self { first: Arc::new(vec![good]), ..self }
    }

    /// One of these calls; one that is not named is chosen by the bytes that stand there.
    pub(crate) fn one_of<T: Copy>(&self, calls: &[(&str, T)]) -> T {
        let named = calls.iter().find(|(name, _)| name.as_bytes() == self.call);
        let any =
            self.call.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
        named.unwrap_or(&calls[any % calls.len()]).1
    }

    /// What was played, but for the login.
    pub(crate) fn played(&self) -> Vec<Played> {
        self.played.lock().unwrap().iter().skip(self.first.len()).cloned().collect()
    }
}

impl Transport for Tape {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut played = self.played.lock().unwrap();
        let nth = played.len();
        if nth >= ANSWERS_MAX {
            return Err(TransportError::Lost("the tape is at its end".to_owned()));
        }
        let after = nth.saturating_sub(self.first.len()).min(self.answers.len() - 1);
        let answer = self.first.get(nth).unwrap_or(&self.answers[after]).clone();
        played.push(Played {
            path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            authority: request.uri().authority().map(ToString::to_string).unwrap_or_default(),
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.body().clone(),
        });
        Ok(answer)
    }
}

fn answer(text: &[u8]) -> Response<Bytes> {
    let (head, body) = match text.strip_prefix(b"\n") {
        Some(body) => (&b""[..], body),
        None => split_once(text, b"\n\n").unwrap_or((text, b"")),
    };
    let mut answer = Response::new(Bytes::copy_from_slice(body));
    answer.headers_mut().insert(http::header::DATE, DATE);
    for line in head.split(|byte| *byte == b'\n') {
        if let Some((name, value)) = split_once(line, b": ") {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                answer.headers_mut().insert(name, value);
            }
        } else if let Ok(status) = StatusCode::from_bytes(line) {
            *answer.status_mut() = status;
        }
    }
    answer
}

fn split_once<'a>(bytes: &'a [u8], by: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(by.len()).position(|window| window == by)?;
    Some((&bytes[..at], &bytes[at + by.len()..]))
}

/// Runs a call to its end. The transport never waits, so a call that does not end is hung.
pub(crate) fn run<T>(call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..POLLS_MAX {
        if let Poll::Ready(done) = call.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("the call does not end");
}
