//! The outside of one world: both CRMs, the store, the queues, the network between them, and the clocks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use concord_core::names::{LinkId, Side, Token};
use concord_core::port::Store as _;
use concord_sandbox::crm::{Caller, Machine};
use concord_sandbox::fifo::{LocalQueue, Terms};
use concord_sandbox::store::MemoryStore;
use concord_sandbox::transport::InProcess;
use concord_sandbox::{hubspot, salesforce};
use http::{HeaderValue, Request, Response, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;

use crate::clock::{Skewed, TrueClock};
use crate::display::{CONTACT_ROLE, DEAL, OBJECTS, Role, Shown, records};
use crate::profile::Profile;
use crate::turn::Turns;
use crate::watch::{Landed, Watch};

/// The bearer that HubSpot takes.
pub const HUBSPOT_TOKEN: &str = "simulation-token";
/// What HubSpot signs its webhooks with.
pub const WEBHOOK_SECRET: &str = "simulation-secret";

/// A write that is still on its way.
#[derive(Debug, Clone)]
pub struct Late {
    /// When it arrives.
    pub due: Timestamp,
    /// Where.
    pub side: Side,
    /// What.
    pub request: Request<Bytes>,
    /// When whoever sent it had looked at associations last, in calls.
    pub seen: u64,
}

/// A deal, a contact of it, and what it is to it.
pub type InDeal = (String, String, Role);

/// Everything that Concord is not.
#[derive(Debug)]
pub struct Site {
    /// The true time.
    pub clock: TrueClock,
    /// HubSpot.
    pub hubspot: InProcess<hubspot::HubSpot>,
    /// Salesforce.
    pub salesforce: InProcess<salesforce::Salesforce>,
    /// Concord's memory.
    pub store: MemoryStore,
    /// Both queues.
    pub queue: LocalQueue,
    /// Who is about to do what.
    pub turns: Turns,
    /// Whether Salesforce keeps all its records from our user, without a word.
    pub unshared: AtomicBool,
    /// Whether people say what contacts are to deals.
    casts: bool,
    late: Mutex<Vec<Late>>,
    watch: Mutex<Watch>,
}

impl Site {
    /// Two empty CRMs, an empty store, empty queues.
    #[must_use]
    pub fn new(profile: &Profile, traced: bool) -> Self {
        let clock = TrueClock::new();
        let hubspot_clock = Skewed::new(&clock, profile.hubspot_offset_ms, profile.hubspot_drift_ppm);
        let salesforce_clock =
            Skewed::new(&clock, profile.salesforce_offset_ms, profile.salesforce_drift_ppm);
        let terms = |name: &str| Terms { receives_max: profile.receives_max, ..Terms::named(name) };
        let queue = {
            let clock = clock.clone();
            LocalQueue::new(terms("hints.fifo"), terms("intents.fifo"), move || clock.now())
        };
        Self {
            hubspot: InProcess::new(hubspot::HubSpot::new(profile.hubspot_config()), hubspot_clock.shared()),
            salesforce: InProcess::new(
                salesforce::Salesforce::new(profile.salesforce_config()),
                salesforce_clock.shared(),
            ),
            store: MemoryStore::new(),
            queue,
            turns: Turns::default(),
            unshared: AtomicBool::new(false),
            casts: profile.people.cast,
            late: Mutex::default(),
            watch: Mutex::new(Watch::new(traced)),
            clock,
        }
    }

    /// The observer.
    pub fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes under way.
    pub fn late(&self) -> MutexGuard<'_, Vec<Late>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request arrives at a CRM, and all of its effect happens.
    pub fn arrive(&self, side: Side, caller: Caller, request: &Request<Bytes>) -> Response<Bytes> {
        match side {
            Side::HubSpot => self.hubspot.call(caller, request),
            Side::Salesforce => self.salesforce.call(caller, request),
        }
    }

    /// A CRM dates an answer as it gives it.
    pub fn date(&self, side: Side, answer: &mut Response<Bytes>) {
        let now = match side {
            Side::HubSpot => self.hubspot.now(),
            Side::Salesforce => self.salesforce.now(),
        };
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap_or_default();
        if let Ok(date) = HeaderValue::from_str(&date) {
            answer.headers_mut().insert(header::DATE, date);
        }
    }

    /// One of Concord's requests arrives: counted, logged, and held to what can be judged at once.
    pub async fn arrive_of_concord(
        &self,
        side: Side,
        request: &Request<Bytes>,
        seen: u64,
    ) -> Response<Bytes> {
        let kind = match side {
            Side::HubSpot => self.hubspot.machine().kind(request),
            Side::Salesforce => self.salesforce.machine().kind(request),
        };
        if kind.name.starts_with("write_") {
            self.check_intents(request).await;
        }
        let mut answer = self.arrive_and_note(side, request, seen);
        if side == Side::Salesforce && self.unshared.load(Ordering::Relaxed) {
            leave_out_records(request, &mut answer);
        }
        let mut watch = self.watch();
        watch.calls += 1;
        if kind.name.starts_with("write_") {
            watch.written += kind.weight as u64;
            if answer.status() == http::StatusCode::PRECONDITION_FAILED {
                watch.mark(crate::watch::Mark::PreconditionFailed);
            }
        }
        watch.log(format_args!(
            "{side} {} {} -> {}",
            request.method(),
            request.uri().path(),
            answer.status().as_u16()
        ));
        if kind.name.starts_with("write_") {
            watch.log(format_args!("    wrote {}", String::from_utf8_lossy(request.body())));
        }
        watch.bytes(request.body());
        watch.bytes(answer.body());
        answer
    }

    /// A request of Concord's arrives at a CRM; what it did to roles is noted.
    pub fn arrive_and_note(&self, side: Side, request: &Request<Bytes>, seen: u64) -> Response<Bytes> {
        // The rows of an opportunity go by their ids.
        let path = request.uri().to_string();
        let writes = path.contains("/associations/")
            || path.contains("ids=00K")
            || String::from_utf8_lossy(request.body()).contains(CONTACT_ROLE);
        if !self.casts || !writes {
            return self.arrive(side, Caller::Api, request);
        }
        let before = self.roles(side);
        let answer = self.arrive(side, Caller::Api, request);
        let after = self.roles(side);
        let mut watch = self.watch();
        let at = watch.calls;
        let landed = |came| move |role: &InDeal| Landed { side, role: role.clone(), came, seen, at };
        watch.roles.extend(after.difference(&before).map(landed(true)));
        watch.roles.extend(before.difference(&after).map(landed(false)));
        answer
    }

    /// What contacts are to deals on a side.
    fn roles(&self, side: Side) -> BTreeSet<InDeal> {
        let truth = match side {
            Side::HubSpot => self.hubspot.machine().truth(),
            Side::Salesforce => self.salesforce.machine().truth(),
        };
        let of_deal = |(deal, shown): (String, Shown)| {
            shown.roles.into_iter().map(move |(contact, role)| (deal.clone(), contact, role))
        };
        records(&OBJECTS[DEAL], side, &truth).into_iter().flat_map(of_deal).collect()
    }

    /// I26: nothing is written to a CRM that the store does not know as an intent.
    async fn check_intents(&self, request: &Request<Bytes>) {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else { return };
        let mut marks = Vec::new();
        find_marks(&body, &mut marks);
        for (link, token) in marks {
            let known = self.store.links(std::slice::from_ref(&link)).await;
            let issued =
                known.ok().and_then(|links| links.into_iter().next().flatten()).map(|link| link.issued);
            if issued.is_none_or(|issued| issued < token) {
                self.watch()
                    .broken("I26", format!("intent {token} of link {link} was sent before it was stored"));
            }
        }
    }
}

/// Makes the answer to a read that of somebody with whom no record is shared.
fn leave_out_records(request: &Request<Bytes>, answer: &mut Response<Bytes>) {
    let path = request.uri().path();
    let Ok(mut body) = serde_json::from_slice::<Value>(answer.body()) else { return };
    match &mut body {
        // Retrieve answers null for what it does not show.
        Value::Array(rows) if path.contains("/composite/sobjects/") => rows.fill(Value::Null),
        Value::Object(page) if path.ends_with("/query") || path.ends_with("/queryAll") => {
            page.insert("records".to_owned(), Value::Array(Vec::new()));
            page.insert("totalSize".to_owned(), Value::from(0));
        }
        Value::Array(_) | Value::Object(_) => return,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    }
    *answer.body_mut() = Bytes::from(body.to_string());
}

/// Every `concord_id` with its `concord_token` in a request.
fn find_marks(body: &Value, into: &mut Vec<(LinkId, Token)>) {
    match body {
        Value::Object(fields) => {
            let named = |names: [&str; 2]| names.iter().find_map(|name| fields.get(*name));
            if let (Some(Value::String(link)), Some(token)) =
                (named(["concord_id", "Concord_Id__c"]), named(["concord_token", "Concord_Token__c"]))
            {
                let token = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
                into.extend(token.parse().ok().map(|token| (LinkId::new(link.clone()), Token(token))));
            }
            fields.values().for_each(|value| find_marks(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| find_marks(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Shared by all workers.
pub type SharedSite = Arc<Site>;
