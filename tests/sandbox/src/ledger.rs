//! The ledger: every request that changed a machine, so that the machine can be made again.
//!
//! The machines are deterministic, so what they were asked is what they are. A line is written with one
//! `write(2)` before the answer is given, so that killing the process loses nothing that was acknowledged; a
//! torn last line was never acknowledged and is dropped. Deliberately absent: `fsync` (a power cut may lose the
//! last second of a sandbox) and reads. Refused requests are not written either: they changed nothing, and a
//! limit that refused them depends on the reads.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::crm::{CallKind, Caller, Machine, Request};

/// Kinds of calls that change nothing although their method is not GET.
const READ_KINDS: [&str; 8] = [
    "batch_read",
    "search",
    "query",
    "composite",
    "describe",
    "association_read",
    "association_batch_read",
    "association_labels",
];
/// Headers that change what a request does.
const HEADERS: [&str; 8] = [
    "authorization",
    "content-type",
    "host",
    "if-unmodified-since",
    "if-modified-since",
    "soapaction",
    "sforce-duplicate-rule-header",
    "sforce-call-options",
];

/// An open ledger.
#[derive(Debug)]
pub struct Ledger(File);

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replay {
    /// Requests made again.
    pub made: usize,
    /// Those of them that the machine refused this time: it is not what it was.
    pub refused: usize,
    /// When the last one was made first.
    pub until: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    person: bool,
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    Text(String),
    Base64(String),
}

impl Ledger {
    /// Whether a request of this kind may change the machine.
    #[must_use]
    pub fn wants(request: &Request, kind: &CallKind) -> bool {
        !request.method().is_safe() && !READ_KINDS.contains(&kind.name)
    }

    /// Opens or begins a ledger, and makes every request in it again, at its own time.
    ///
    /// # Errors
    /// If the file cannot be used, or holds a whole line that is not a request.
    pub fn open(path: &Path, machine: &mut impl Machine) -> io::Result<(Self, Replay)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64)?;
            file.seek(SeekFrom::End(0))?;
        }
        let mut replay = Replay::default();
        let lines = text.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
        for (n, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            let bad =
                |reason: String| io::Error::other(format!("line {} of {}: {reason}", n + 1, path.display()));
            let line: Line = serde_json::from_slice(line).map_err(|error| bad(error.to_string()))?;
            let (at, caller) = (line.at, line.caller());
            let request = line.request().map_err(bad)?;
            replay.made += 1;
            replay.refused += usize::from(machine.call(at, caller, &request).status().as_u16() >= 400);
            replay.until = Some(at);
        }
        Ok((Self(file), replay))
    }

    /// Writes one request down. Call it before the answer is given, in the order in which the machine was asked.
    ///
    /// # Errors
    /// If it cannot be written: then it must not be acknowledged.
    pub fn append(&mut self, at: Timestamp, caller: Caller, request: &Request) -> io::Result<()> {
        let headers = HEADERS.iter().filter_map(|name| {
            let value = request.headers().get(*name)?.to_str().ok()?;
            Some(((*name).to_owned(), value.to_owned()))
        });
        let line = Line {
            at,
            person: caller == Caller::Person,
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            headers: headers.collect(),
            body: match std::str::from_utf8(request.body()) {
                Ok(text) => Body::Text(text.to_owned()),
                Err(_) => Body::Base64(STANDARD.encode(request.body())),
            },
        };
        let mut text = serde_json::to_vec(&line).map_err(io::Error::other)?;
        text.push(b'\n');
        self.0.write_all(&text)
    }
}

impl Line {
    const fn caller(&self) -> Caller {
        match self.person {
            true => Caller::Person,
            false => Caller::Api,
        }
    }

    fn request(self) -> Result<Request, String> {
        let body = match self.body {
            Body::Text(text) => Bytes::from(text),
            Body::Base64(text) => Bytes::from(STANDARD.decode(text).map_err(|error| error.to_string())?),
        };
        let builder = http::Request::builder().method(self.method.as_str()).uri(self.uri);
        let headers = self.headers.into_iter();
        let builder = headers.fold(builder, |builder, (name, value)| builder.header(name, value));
        builder.body(body).map_err(|error| error.to_string())
    }
}
