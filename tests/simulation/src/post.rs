//! What the CRMs tell by themselves, on its way to the front door: signed, dropped, doubled, late, out of order,
//! forged, and delivered again until it is taken.

use bytes::Bytes;
use concord_core::event::Event;
use concord_core::names::{RecordId, Side};
use concord_crm::hubspot::{self, webhook};
use concord_crm::salesforce::events;
use concord_sandbox::courier::signature_v3;
use concord_sandbox::crm::{Machine as _, Notice};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::site::{Site, WEBHOOK_SECRET};
use crate::watch::Mark;

/// Where HubSpot sends webhooks.
const TARGET: &str = "https://concord.example/hubspot";
/// HubSpot delivers up to ten times more, EventBridge for a day: here as often as it takes, then never.
const ATTEMPTS_MAX: u32 = 10;
/// Between two attempts.
const RETRY: SignedDuration = SignedDuration::from_secs(20);

/// One notice on its way.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Not before.
    pub due: Timestamp,
    /// What.
    pub notice: Notice,
    attempts: u32,
}

/// All that is on its way.
#[derive(Debug, Default)]
pub struct Post {
    /// In the order in which it happened.
    pub letters: Vec<Letter>,
    /// Everything that was ever taken in, to be played again.
    pub heard: Vec<Event>,
}

/// What happens to a letter before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// Nothing.
    Ordinary,
    /// It is lost.
    Dropped,
    /// It is sent so many times more.
    Copied(usize),
    /// It is sent so many milliseconds later.
    Delayed(u64),
    /// Salesforce could not say what changed.
    Gap {
        /// Nor in which records.
        overflow: bool,
    },
}

impl Letter {
    /// It is sent as often again as one that was just written.
    pub fn begin_anew(&mut self) {
        self.attempts = 0;
    }
}

impl Post {
    /// Collects what the CRMs have to tell. `handling` says what becomes of each.
    pub fn collect(&mut self, site: &Site, mut handling: impl FnMut() -> Handling) {
        let mut notices = site.hubspot.machine().notices();
        notices.extend(site.salesforce.machine().notices());
        let now = site.clock.now();
        for notice in notices {
            let letter = |ms: u64| {
                let wait = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
                Letter { due: now.checked_add(wait).unwrap_or(now), notice: notice.clone(), attempts: 0 }
            };
            match handling() {
                Handling::Ordinary => self.letters.push(letter(0)),
                Handling::Dropped => {}
                Handling::Copied(copies) => self.letters.extend((0..=copies).map(|_| letter(0))),
                Handling::Delayed(ms) => self.letters.push(letter(ms)),
                Handling::Gap { overflow } => {
                    let mut letter = letter(0);
                    if let Notice::ChangeEvent(envelope) = &mut letter.notice {
                        make_gap(envelope, overflow);
                    }
                    self.letters.push(letter);
                }
            }
        }
    }

    /// Takes the letter at this place, and others of the same side up to `max` in all.
    pub fn take(&mut self, at: usize, max: usize) -> Vec<Letter> {
        let first = self.letters.remove(at);
        let mut taken = vec![first];
        let side = side_of(&taken[0].notice);
        let mut index = 0;
        while index < self.letters.len() && taken.len() < max && side == Side::HubSpot {
            let other = &self.letters[index];
            if side_of(&other.notice) == side && other.due <= taken[0].due {
                taken.push(self.letters.remove(index));
            } else {
                index += 1;
            }
        }
        taken
    }

    /// These were not taken: they come again, or are given up. Returns how many are given up.
    pub fn again(&mut self, letters: Vec<Letter>, now: Timestamp) -> usize {
        let count = letters.len();
        let waiting = self.letters.len();
        for mut letter in letters {
            letter.attempts += 1;
            letter.due = now.checked_add(RETRY).unwrap_or(now);
            if letter.attempts <= ATTEMPTS_MAX {
                self.letters.push(letter);
            }
        }
        count - (self.letters.len() - waiting)
    }
}

/// Makes a change event one of those that Salesforce sends instead: with the records and no fields, or, when there were too
/// many of them, for the object and no record.
fn make_gap(envelope: &mut Value, overflow: bool) {
    let payload = &mut envelope["detail"]["payload"];
    let mut header = payload["ChangeEventHeader"].take();
    let kind = header["changeType"].as_str().unwrap_or_default().to_owned();
    header["changeType"] = if overflow { json!("GAP_OVERFLOW") } else { json!(format!("GAP_{kind}")) };
    header["changedFields"] = json!([]);
    if overflow {
        header["recordIds"] = json!(["000000000000000AAA"]);
    }
    *payload = json!({ "ChangeEventHeader": header });
}

/// Which CRM tells this.
#[must_use]
pub const fn side_of(notice: &Notice) -> Side {
    match notice {
        Notice::Webhook(_) => Side::HubSpot,
        Notice::ChangeEvent(_) => Side::Salesforce,
    }
}

/// What the front door makes of a delivery: nothing is read before it is proven (I41).
pub fn open(site: &Site, letters: &[Letter], forged: bool, now: Timestamp) -> Vec<Event> {
    match letters.first().map(|letter| &letter.notice) {
        Some(Notice::Webhook(_)) => open_webhooks(site, letters, forged, now),
        Some(Notice::ChangeEvent(envelope)) => {
            let org = RecordId::new(concord_sandbox::salesforce::Config::default().org_id);
            match events::change_event(envelope, &events::Source { org, appflow: None }) {
                Ok(events::Told::Records(event)) => vec![event],
                Ok(events::Told::NeedsSweep { .. }) => Vec::new(),
                Err(refused) => {
                    site.watch().broken("I32", format!("a change event was refused: {refused}"));
                    Vec::new()
                }
            }
        }
        None => Vec::new(),
    }
}

fn open_webhooks(site: &Site, letters: &[Letter], forged: bool, now: Timestamp) -> Vec<Event> {
    let told = letters.iter().filter_map(|letter| match &letter.notice {
        Notice::Webhook(event) => Some(event.clone()),
        Notice::ChangeEvent(_) => None,
    });
    let mut body = Value::Array(told.collect()).to_string();
    let stamp = site.clock.now().as_millisecond().to_string();
    let signature = signature_v3(WEBHOOK_SECRET, "POST", TARGET, &body, &stamp);
    if forged {
        body = body.replacen("bjectId", "bjectid", 1);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-hubspot-signature-v3", signature), ("x-hubspot-request-timestamp", stamp)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let body = Bytes::from(body);
    let post = webhook::Post { method: &Method::POST, target: TARGET, headers: &headers, body: &body };
    let secret = hubspot::Secret::new(WEBHOOK_SECRET);
    match (webhook::verify(post, &secret, webhook::Accept::V3, now), forged) {
        (Ok(()), false) => {}
        (Err(_), true) => {
            site.watch().mark(Mark::ForgeryRefused);
            return Vec::new();
        }
        (Ok(()), true) => {
            site.watch().broken("I41", "a forged delivery was let in".to_owned());
            return Vec::new();
        }
        (Err(refused), false) => {
            site.watch().broken("I41", format!("a true delivery was refused: {refused}"));
            return Vec::new();
        }
    }
    let portal = hubspot::PortalId(site.hubspot.machine().config().portal_id);
    match webhook::parse(&body, portal, webhook::Limits::default()) {
        Ok(delivered) => delivered.events,
        Err(refused) => {
            site.watch().broken("I41", format!("a true delivery could not be read: {refused}"));
            Vec::new()
        }
    }
}
