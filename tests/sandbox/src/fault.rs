//! The fault switch: which calls and which notifications go wrong, and how.
//!
//! Pure, and without chance: a rule counts what it matches and strikes every n-th time, so that a test says what
//! happens. A rule is one JSON value of `POST /__sandbox/faults`:
//!
//! | `kind` | what happens | parameters |
//! |---|---|---|
//! | `fail` | this answer, no effect | `status`, `body` |
//! | `too_many` | the CRM's own answer to too many calls, no effect | `retry_after_s` (none: no such header) |
//! | `server_error` | the CRM's own 500, 502 or 503, no effect | `status` (503) |
//! | `timeout_before` | the connection breaks, no effect | `delay_ms` (0) |
//! | `timeout_after_effect` | the effect happens, then the connection breaks | `delay_ms` (0) |
//! | `delay_ms` | the answer comes later | `delay_ms` |
//! | `drop` | the notification is lost | |
//! | `delay` | it comes later | `delay_ms` |
//! | `duplicate` | it comes several times more | `copies` (1) |
//! | `reorder` | all that come within a time come in reverse | `delay_ms` (500) |
//!
//! `match` narrows a call by `method`, `path` (a part of path and query) and `call` (the kind that
//! `/__sandbox/calls` counts it as; a trailing `*` takes all that begin so), and a notification by `notice`
//! (a part of its type, as in `propertyChange` or `ContactChangeEvent`). `times` ends a rule after so many strikes;
//! `every` makes it strike each n-th time. The first rule that strikes decides.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use crate::crm::Notice;

/// How long reordered notifications are gathered, unless the rule says otherwise.
const REORDER_MS: u64 = 500;

/// What befalls a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFault {
    /// It is answered with this and has no effect.
    Fail {
        /// The status code.
        status: u16,
        /// The body.
        body: Value,
    },
    /// It is refused as one too many.
    TooMany {
        /// What `Retry-After` says.
        retry_after_s: Option<u64>,
    },
    /// The server has failed and done nothing.
    ServerError {
        /// 500, 502 or 503.
        status: u16,
    },
    /// The connection breaks before anything happens.
    TimeoutBefore {
        /// How long the caller waits for that.
        delay_ms: u64,
    },
    /// The connection breaks after everything has happened.
    TimeoutAfterEffect {
        /// How long the caller waits for that.
        delay_ms: u64,
    },
    /// The answer comes late. The effect does not.
    Delay {
        /// How late.
        delay_ms: u64,
    },
}

/// When a notification is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// At once.
    Soon,
    /// After so many milliseconds.
    After(u64),
    /// At the end of the current period of so many milliseconds, the latest first.
    Reversed(u64),
}

/// A rule that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("fault rule {number} was not taken: {reason}")]
pub struct BadRule {
    /// Its place in the list, from 1.
    pub number: usize,
    /// What is wrong.
    pub reason: String,
}

/// The switch.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    rules: Vec<Armed>,
}

#[derive(Debug, Clone)]
struct Armed {
    wire: Wire,
    fault: Fault,
    seen: u64,
    hits: u64,
}

#[derive(Debug, Clone)]
enum Fault {
    Call(CallFault),
    Notice(NoticeFault),
}

#[derive(Debug, Clone, Copy)]
enum NoticeFault {
    Drop,
    Delay { delay_ms: u64 },
    Duplicate { copies: u64 },
    Reorder { delay_ms: u64 },
}

/// A rule as it is sent and shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    kind: String,
    #[serde(rename = "match", default)]
    on: Match,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copies: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

impl Faults {
    /// Adds the rules of a JSON list, or a single one, after those that are there. All or none.
    ///
    /// # Errors
    /// [`BadRule`] names the first that cannot be taken.
    pub fn add(&mut self, body: &[u8]) -> Result<(), BadRule> {
        let whole = serde_json::from_slice(body)
            .map_err(|error| BadRule { number: 1, reason: format!("the body is not JSON: {error}") })?;
        let list = match whole {
            Value::Array(list) => list,
            one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                vec![one]
            }
        };
        let armed = |(n, rule)| armed(rule).map_err(|reason| BadRule { number: n + 1, reason });
        let rules: Vec<Armed> = list.into_iter().enumerate().map(armed).collect::<Result<_, _>>()?;
        self.rules.extend(rules);
        Ok(())
    }

    /// Takes all rules away.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules with how often each was asked (`seen`) and struck (`hits`).
    #[must_use]
    pub fn shown(&self) -> Value {
        let shown = |rule: &Armed| {
            let mut shown = serde_json::to_value(&rule.wire).unwrap_or_default();
            shown["seen"] = json!(rule.seen);
            shown["hits"] = json!(rule.hits);
            shown
        };
        self.rules.iter().map(shown).collect()
    }

    /// What befalls this call. `target` is its path with its query, `call` its kind.
    pub fn on_call(&mut self, method: &str, target: &str, call: &str) -> Option<CallFault> {
        self.rules.iter_mut().find_map(|rule| match &rule.fault {
            Fault::Call(fault) if rule.wire.on.takes_call(method, target, call) => {
                let fault = fault.clone();
                rule.strikes().then_some(fault)
            }
            Fault::Call(_) | Fault::Notice(_) => None,
        })
    }

    /// What becomes of this notification: each copy that goes out, and when. None: it is lost.
    pub fn on_notice(&mut self, notice: &Notice) -> Vec<Timing> {
        let name = notice_name(notice);
        let fault = self.rules.iter_mut().find_map(|rule| match rule.fault {
            Fault::Notice(fault) if rule.wire.on.takes_notice(&name) => rule.strikes().then_some(fault),
            Fault::Call(_) | Fault::Notice(_) => None,
        });
        match fault {
            None => vec![Timing::Soon],
            Some(NoticeFault::Drop) => Vec::new(),
            Some(NoticeFault::Delay { delay_ms }) => vec![Timing::After(delay_ms)],
            Some(NoticeFault::Duplicate { copies }) => (0..=copies).map(|_| Timing::Soon).collect(),
            Some(NoticeFault::Reorder { delay_ms }) => vec![Timing::Reversed(delay_ms)],
        }
    }
}

impl Armed {
    /// Counts one match, and says whether the rule strikes.
    fn strikes(&mut self) -> bool {
        if self.wire.times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        self.seen += 1;
        let strikes = self.seen.is_multiple_of(self.wire.every.unwrap_or(1));
        self.hits += u64::from(strikes);
        strikes
    }
}

impl Match {
    fn takes_call(&self, method: &str, target: &str, call: &str) -> bool {
        let kind = |pattern: &str| match pattern.strip_suffix('*') {
            Some(beginning) => call.starts_with(beginning),
            None => call == pattern,
        };
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|part| target.contains(part.as_str()))
            && self.call.as_ref().is_none_or(|pattern| kind(pattern))
    }

    fn takes_notice(&self, name: &str) -> bool {
        self.notice.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }

    fn is_about_calls(&self) -> bool {
        self.method.is_some() || self.path.is_some() || self.call.is_some()
    }
}

fn armed(rule: Value) -> Result<Armed, String> {
    let wire: Wire = serde_json::from_value(rule).map_err(|error| error.to_string())?;
    let delay_ms = || wire.delay_ms.ok_or_else(|| format!("{} needs delay_ms", wire.kind));
    let fault = match wire.kind.as_str() {
        "fail" => {
            let status = wire.status.filter(|status| (200..600).contains(status));
            let status = status.ok_or("fail needs a status from 200 to 599")?;
            Fault::Call(CallFault::Fail { status, body: wire.body.clone().unwrap_or(Value::Null) })
        }
        "too_many" => Fault::Call(CallFault::TooMany { retry_after_s: wire.retry_after_s }),
        "server_error" => match wire.status.unwrap_or(503) {
            status @ (500 | 502 | 503) => Fault::Call(CallFault::ServerError { status }),
            status => return Err(format!("server_error is 500, 502 or 503, not {status}")),
        },
        "timeout_before" => {
            Fault::Call(CallFault::TimeoutBefore { delay_ms: wire.delay_ms.unwrap_or_default() })
        }
        "timeout_after_effect" => {
            Fault::Call(CallFault::TimeoutAfterEffect { delay_ms: wire.delay_ms.unwrap_or_default() })
        }
        "delay_ms" => Fault::Call(CallFault::Delay { delay_ms: delay_ms()? }),
        "drop" => Fault::Notice(NoticeFault::Drop),
        "delay" => Fault::Notice(NoticeFault::Delay { delay_ms: delay_ms()? }),
        "duplicate" => Fault::Notice(NoticeFault::Duplicate { copies: wire.copies.unwrap_or(1) }),
        "reorder" => {
            let delay_ms = wire.delay_ms.unwrap_or(REORDER_MS).max(1);
            Fault::Notice(NoticeFault::Reorder { delay_ms })
        }
        unknown => return Err(format!("there is no kind {unknown:?}")),
    };
    if wire.every == Some(0) {
        return Err("every counts from 1".to_owned());
    }
    match fault {
        Fault::Call(_) if wire.on.notice.is_some() => Err("a call is not matched by notice".to_owned()),
        Fault::Notice(_) if wire.on.is_about_calls() => {
            Err("a notification is matched by notice alone".to_owned())
        }
        Fault::Call(_) | Fault::Notice(_) => Ok(Armed { wire, fault, seen: 0, hits: 0 }),
    }
}

/// `contact.propertyChange email`, `ContactChangeEvent UPDATE`.
fn notice_name(notice: &Notice) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match notice {
        Notice::Webhook(event) => {
            format!("{} {}", text(&event["subscriptionType"]), text(&event["propertyName"]))
        }
        Notice::ChangeEvent(envelope) => {
            let change = &envelope["detail"]["payload"]["ChangeEventHeader"]["changeType"];
            format!("{} {}", text(&envelope["detail-type"]), text(change))
        }
    }
}
