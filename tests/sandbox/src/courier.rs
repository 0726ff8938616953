//! The courier: turns notifications into deliveries, and says when to try again.
//!
//! Pure: whoever drives it performs the deliveries and reports how they ended. HubSpot's events go in batches,
//! signed anew at each attempt; Salesforce's change events go one by one. At least once, in no promised order.
//! Deliberately absent: the journal of undelivered events (HubSpot has none for webhooks; they are lost after
//! the last retry, and so they are here).

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::crm::Notice;
use crate::fault::Timing;

/// How a courier works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How long it waits for more events before it sends a batch.
    pub coalesce_ms: u64,
    /// Deliveries at once. HubSpot: "default 10 requests in flight per installing account" (webhooks guide).
    pub in_flight_max: usize,
    /// How long a receiver may take. HubSpot: 5 s (webhooks guide).
    pub timeout_ms: u64,
    /// How long to wait before each retry. HubSpot: 10 retries spread over 24 hours (error handling page); here
    /// they come quicker, so that a person sees them.
    pub retry_ms: Vec<u64>,
}

impl Terms {
    /// Events in one delivery (webhooks guide).
    pub const BATCH_MAX: usize = 100;
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            coalesce_ms: 20,
            in_flight_max: 10,
            timeout_ms: 5_000,
            retry_ms: vec![100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200],
        }
    }
}

/// Where deliveries go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole URL, as it is signed.
    pub url: String,
    /// The app's client secret.
    pub secret: String,
}

/// One attempt at one delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// To report how it ended.
    pub number: u64,
    /// What to send.
    pub parcel: Parcel,
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Parcel {
    /// A signed POST with up to 100 HubSpot events.
    Webhooks(Box<http::Request<Bytes>>),
    /// One change event in its EventBridge envelope.
    ChangeEvent(Value),
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The receiver answered 2xx.
    Taken,
    /// It answered anything else, too late, or not at all.
    Refused,
}

/// How much is where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Load {
    /// Notifications and batches that wait for their time.
    pub waiting: usize,
    /// Deliveries that have not ended.
    pub in_flight: usize,
    /// Notifications given up after the last retry.
    pub lost: u64,
}

/// The courier.
#[derive(Debug, Clone)]
pub struct Courier {
    terms: Terms,
    /// Since when, and what: not batched yet.
    fresh: VecDeque<(Timestamp, Notice)>,
    /// By when it is due and in which order.
    later: BTreeMap<(Timestamp, i64), Notice>,
    /// Batches to be tried again, by when.
    again: BTreeMap<(Timestamp, u64), Batch>,
    in_flight: BTreeMap<u64, Batch>,
    pushed: i64,
    next: u64,
    lost: u64,
}

#[derive(Debug, Clone)]
struct Batch {
    notices: Vec<Notice>,
    attempt: usize,
}

impl Courier {
    /// An idle courier.
    #[must_use]
    pub const fn new(terms: Terms) -> Self {
        Self {
            terms,
            fresh: VecDeque::new(),
            later: BTreeMap::new(),
            again: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            pushed: 0,
            next: 1,
            lost: 0,
        }
    }

    /// How it works.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Takes one notification.
    pub fn push(&mut self, now: Timestamp, notice: Notice, timing: Timing) {
        self.pushed += 1;
        match timing {
            Timing::Soon => self.fresh.push_back((now, notice)),
            Timing::After(ms) => drop(self.later.insert((after(now, ms), self.pushed), notice)),
            Timing::Reversed(ms) => {
                let period = i64::try_from(ms).unwrap_or(i64::MAX).max(1);
                let into = now.as_millisecond().rem_euclid(period);
                let end = after(now, (period - into).unsigned_abs());
                self.later.insert((end, -self.pushed), notice);
            }
        }
    }

    /// What is to be delivered now. Signs with the target's secret; without a target, webhooks go nowhere and
    /// are forgotten, as in a portal where no app is installed.
    pub fn due(&mut self, now: Timestamp, target: Option<&Target>) -> Vec<Delivery> {
        let mut waited = Vec::new();
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            waited.push(entry.remove());
        }
        // They have waited enough: they go first and do not wait for company.
        for notice in waited.into_iter().rev() {
            self.fresh.push_front((Timestamp::MIN, notice));
        }
        let mut deliveries = Vec::new();
        while self.in_flight.len() < self.terms.in_flight_max {
            let Some(batch) = self.next_batch(now) else { break };
            let Some(parcel) = parcel(now, &batch, target) else { continue };
            deliveries.push(Delivery { number: self.next, parcel });
            self.in_flight.insert(self.next, batch);
            self.next += 1;
        }
        deliveries
    }

    /// Reports how a delivery ended.
    pub fn ended(&mut self, now: Timestamp, number: u64, ending: Ending) {
        let Some(batch) = self.in_flight.remove(&number) else { return };
        match (ending, self.terms.retry_ms.get(batch.attempt)) {
            (Ending::Taken, _) => {}
            (Ending::Refused, Some(wait)) => {
                let batch = Batch { attempt: batch.attempt + 1, ..batch };
                self.again.insert((after(now, *wait), number), batch);
            }
            (Ending::Refused, None) => self.lost += batch.notices.len() as u64,
        }
    }

    /// When [`Courier::due`] has something again, if nothing comes in and nothing ends before.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.in_flight.len() >= self.terms.in_flight_max {
            return None;
        }
        let fresh = self.fresh_due();
        let later = self.later.first_key_value().map(|(key, _)| key.0);
        let again = self.again.first_key_value().map(|(key, _)| key.0);
        [fresh, later, again].into_iter().flatten().min()
    }

    /// How much is where.
    #[must_use]
    pub fn load(&self) -> Load {
        let waiting = self.fresh.len() + self.later.len() + self.again.len();
        Load { waiting, in_flight: self.in_flight.len(), lost: self.lost }
    }

    fn next_batch(&mut self, now: Timestamp) -> Option<Batch> {
        if let Some(entry) = self.again.first_entry().filter(|entry| entry.key().0 <= now) {
            return Some(entry.remove());
        }
        if self.fresh_due().is_none_or(|due| due > now) {
            return None;
        }
        let count = match self.fresh.front()?.1 {
            Notice::ChangeEvent(_) => 1,
            Notice::Webhook(_) => self
                .fresh
                .iter()
                .take(Terms::BATCH_MAX)
                .take_while(|(_, notice)| matches!(notice, Notice::Webhook(_)))
                .count(),
        };
        let notices = self.fresh.drain(..count).map(|(_, notice)| notice).collect();
        Some(Batch { notices, attempt: 0 })
    }

    fn fresh_due(&self) -> Option<Timestamp> {
        let (oldest, notice) = self.fresh.front()?;
        let waits = match notice {
            Notice::Webhook(_) if self.fresh.len() < Terms::BATCH_MAX => self.terms.coalesce_ms,
            Notice::Webhook(_) | Notice::ChangeEvent(_) => 0,
        };
        Some(after(*oldest, waits))
    }
}

/// What this attempt sends. `None`: nobody wants it.
fn parcel(now: Timestamp, batch: &Batch, target: Option<&Target>) -> Option<Parcel> {
    let mut events = Vec::new();
    for notice in &batch.notices {
        match notice {
            Notice::ChangeEvent(envelope) => return Some(Parcel::ChangeEvent(envelope.clone())),
            Notice::Webhook(event) => {
                let mut event = event.clone();
                event["attemptNumber"] = batch.attempt.into();
                events.push(event);
            }
        }
    }
    let Target { url, secret } = target?;
    let body = Value::Array(events).to_string();
    let timestamp = now.as_millisecond().to_string();
    let request = http::Request::post(url)
        .header("content-type", "application/json")
        .header("x-hubspot-signature", signature_v1(secret, &body))
        .header("x-hubspot-signature-version", "v1")
        .header("x-hubspot-signature-v3", signature_v3(secret, "POST", url, &body, &timestamp))
        .header("x-hubspot-request-timestamp", timestamp)
        .body(Bytes::from(body));
    request.ok().map(|request| Parcel::Webhooks(Box::new(request)))
}

/// Hex SHA-256 of secret and body.
fn signature_v1(secret: &str, body: &str) -> String {
    hex::encode(Sha256::new().chain_update(secret).chain_update(body).finalize())
}

/// Base64 HMAC-SHA256 of method, URL, body and timestamp (page "Validating requests").
#[must_use]
pub fn signature_v3(secret: &str, method: &str, url: &str, body: &str, timestamp: &str) -> String {
    // A key of any length is taken, so there is no error to tell of.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    for part in [method, &decoded(url), body, timestamp] {
        mac.update(part.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The escapes that HubSpot undoes before it signs, and no others (page "Validating requests").
fn decoded(url: &str) -> String {
    const UNDONE: [(&str, &str); 12] = [
        ("%3A", ":"),
        ("%2F", "/"),
        ("%3F", "?"),
        ("%40", "@"),
        ("%21", "!"),
        ("%24", "$"),
        ("%27", "'"),
        ("%28", "("),
        ("%29", ")"),
        ("%2A", "*"),
        ("%2C", ","),
        ("%3B", ";"),
    ];
    UNDONE.iter().fold(url.to_owned(), |url, (escape, character)| {
        url.replace(escape, character).replace(&escape.to_lowercase(), character)
    })
}

fn after(now: Timestamp, ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    now.saturating_add(SignedDuration::from_millis(ms)).unwrap_or(Timestamp::MAX)
}
