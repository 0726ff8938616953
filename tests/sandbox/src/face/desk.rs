//! The desk: one machine with its fault switch, counts, ledger and courier. Decides every answer; waits for none.

use bytes::Bytes;
use concord_core::names::Side;
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Receiver;
use super::counts::Counts;
use crate::answers::{plain, server_error, too_many, with_json};
use crate::courier::{Courier, Delivery, Ending, Load, Target, Terms};
use crate::crm::{Caller, Machine, Notice, Request, Response};
use crate::fault::{CallFault, Faults};
use crate::ledger::Ledger;

/// After a restart, notifications of the last minute before the end are told again: a CRM would not have lost
/// them, and whoever had them already drops them.
const TOLD_AGAIN_MS: i64 = 60_000;

/// Everything about one machine.
pub(super) struct Desk<M> {
    machine: M,
    side: Side,
    faults: Faults,
    counts: Counts,
    ledger: Option<Ledger>,
    courier: Courier,
    receiver: Receiver,
    /// From before the start, until somebody receives.
    untold: Vec<Notice>,
    last: Timestamp,
}

/// What becomes of a request.
pub(super) enum Answered {
    /// This, at once.
    Now(Response),
    /// This, later.
    Late { response: Response, delay_ms: u64 },
    /// Nothing: the connection breaks.
    Never { delay_ms: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetWire {
    url: String,
    #[serde(default)]
    secret: String,
}

impl<M> Desk<M> {
    pub(super) fn new(machine: M, side: Side, ledger: Option<Ledger>, terms: Terms) -> Self {
        Self {
            machine,
            side,
            faults: Faults::default(),
            counts: Counts::default(),
            ledger,
            courier: Courier::new(terms),
            receiver: Receiver::Nobody,
            untold: Vec::new(),
            last: Timestamp::MIN,
        }
    }

    /// Time that never steps backward.
    pub(super) fn in_order(&mut self, now: Timestamp) -> Timestamp {
        self.last = self.last.max(now);
        self.last
    }

    pub(super) fn set_receiver(&mut self, now: Timestamp, receiver: Receiver) {
        self.receiver = receiver;
        if !matches!(self.receiver, Receiver::Nobody) {
            for notice in std::mem::take(&mut self.untold) {
                self.tell(now, notice);
            }
        }
    }

    pub(super) const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    pub(super) fn load(&self) -> Load {
        self.courier.load()
    }

    pub(super) const fn terms(&self) -> &Terms {
        self.courier.terms()
    }

    pub(super) fn due(&mut self, now: Timestamp) -> (Vec<Delivery>, Option<Timestamp>) {
        let target = match &self.receiver {
            Receiver::Url(target) => Some(target),
            Receiver::Nobody | Receiver::Callback(_) => None,
        };
        let deliveries = self.courier.due(now, target);
        (deliveries, self.courier.next_due())
    }

    pub(super) fn ended(&mut self, now: Timestamp, number: u64, ending: Ending) {
        self.courier.ended(now, number, ending);
    }

    fn tell(&mut self, now: Timestamp, notice: Notice) {
        for timing in self.faults.on_notice(&notice) {
            self.courier.push(now, notice.clone(), timing);
        }
    }
}

impl<M: Machine> Desk<M> {
    /// After a replay: what happened last is told again.
    pub(super) fn begin(&mut self, until: Option<Timestamp>, receiver: Receiver) {
        let notices = self.machine.notices();
        if let Some(until) = until {
            self.last = until;
            let since = until.as_millisecond() - TOLD_AGAIN_MS;
            self.untold = notices.into_iter().filter(|notice| happened_ms(notice) >= since).collect();
        }
        self.set_receiver(self.last, receiver);
    }

    pub(super) fn with_machine<R>(&mut self, now: Timestamp, act: impl FnOnce(&mut M, Timestamp) -> R) -> R {
        let done = act(&mut self.machine, now);
        self.tell_all(now);
        done
    }

    pub(super) fn answer(&mut self, now: Timestamp, request: Request) -> Answered {
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix("/__sandbox/ui/") {
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            return match format!("/{rest}{query}").parse() {
                Ok(uri) => {
                    let (mut head, body) = request.into_parts();
                    head.uri = uri;
                    self.of_machine(now, Caller::Person, &Request::from_parts(head, body))
                }
                Err(_) => Answered::Now(plain(400, "there is no such path")),
            };
        }
        match path.strip_prefix("/__sandbox/").and_then(|own| self.own(now, own, &request)) {
            Some(response) => Answered::Now(response),
            None if path.starts_with("/__sandbox/") => self.of_machine(now, Caller::Person, &request),
            None => self.of_api(now, &request),
        }
    }

    /// The face's own paths. `None`: it is the machine's.
    fn own(&mut self, now: Timestamp, path: &str, request: &Request) -> Option<Response> {
        let method = request.method();
        let response = match (method, path) {
            (&Method::GET, "calls") => with_json(200, &self.counts.shown()),
            (&Method::DELETE, "calls") => {
                self.counts = Counts::default();
                with_json(200, &self.counts.shown())
            }
            (&Method::GET, "truth") => with_json(200, &self.machine.truth()),
            (&Method::GET, "faults") => with_json(200, &self.faults.shown()),
            (&Method::POST, "faults") => match self.faults.add(request.body()) {
                Ok(()) => with_json(200, &self.faults.shown()),
                Err(bad) => with_json(400, &json!({"message": bad.to_string()})),
            },
            (&Method::DELETE, "faults") => {
                self.faults.clear();
                with_json(200, &self.faults.shown())
            }
            (&Method::GET, "target") => with_json(200, &self.shown_target()),
            (&Method::POST, "target") => self.take_target(now, request.body()),
            (_, "calls" | "truth" | "faults" | "target") => plain(405, "there is no such method here"),
            _ => return None,
        };
        Some(response)
    }

    fn of_api(&mut self, now: Timestamp, request: &Request) -> Answered {
        let call = self.machine.kind(request).name;
        let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let refusal = match self.faults.on_call(request.method().as_str(), target, call) {
            None => return self.of_machine(now, Caller::Api, request),
            Some(CallFault::Delay { delay_ms }) => {
                return match self.of_machine(now, Caller::Api, request) {
                    Answered::Now(response) => Answered::Late { response, delay_ms },
                    other @ (Answered::Late { .. } | Answered::Never { .. }) => other,
                };
            }
            Some(CallFault::TimeoutAfterEffect { delay_ms }) => {
                self.of_machine(now, Caller::Api, request);
                return Answered::Never { delay_ms };
            }
            Some(CallFault::TimeoutBefore { delay_ms }) => Answered::Never { delay_ms },
            Some(CallFault::Fail { status, body }) => Answered::Now(with_json(status, &body)),
            Some(CallFault::TooMany { retry_after_s }) => {
                Answered::Now(too_many(self.side, call, retry_after_s))
            }
            Some(CallFault::ServerError { status }) => Answered::Now(server_error(self.side, status)),
        };
        self.counts.count_kept_off();
        refusal
    }

    fn of_machine(&mut self, now: Timestamp, caller: Caller, request: &Request) -> Answered {
        let kind = self.machine.kind(request);
        self.counts.count(caller, &kind);
        let response = self.machine.call(now, caller, request);
        let has_effect = response.status().as_u16() < 400 && Ledger::wants(request, &kind);
        self.tell_all(now);
        if has_effect
            && let Some(ledger) = &mut self.ledger
            && let Err(error) = ledger.append(now, caller, request)
        {
            tracing::error!(%error, "the sandbox cannot write its ledger, so it acknowledges nothing");
            return Answered::Never { delay_ms: 0 };
        }
        Answered::Now(response)
    }

    fn tell_all(&mut self, now: Timestamp) {
        for notice in self.machine.notices() {
            if !matches!(self.receiver, Receiver::Nobody) {
                self.tell(now, notice);
            }
        }
    }

    fn take_target(&mut self, now: Timestamp, body: &Bytes) -> Response {
        match serde_json::from_slice::<TargetWire>(body) {
            Ok(TargetWire { url, secret })
                if url.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some()) =>
            {
                self.set_receiver(now, Receiver::Url(Target { url, secret }));
                with_json(200, &self.shown_target())
            }
            Ok(TargetWire { url, .. }) => {
                with_json(400, &json!({"message": format!("{url:?} is not a whole URL")}))
            }
            Err(error) => with_json(400, &json!({"message": error.to_string()})),
        }
    }

    fn shown_target(&self) -> Value {
        let load = self.courier.load();
        let url = match &self.receiver {
            Receiver::Nobody => Value::Null,
            Receiver::Url(target) => json!(target.url),
            Receiver::Callback(_) => json!("in this process"),
        };
        json!({"url": url, "waiting": load.waiting, "in_flight": load.in_flight, "lost": load.lost})
    }
}

fn happened_ms(notice: &Notice) -> i64 {
    let at = match notice {
        Notice::Webhook(event) => &event["occurredAt"],
        Notice::ChangeEvent(envelope) => {
            &envelope["detail"]["payload"]["ChangeEventHeader"]["commitTimestamp"]
        }
    };
    at.as_i64().unwrap_or(i64::MAX)
}
