//! Metrics in CloudWatch's Embedded Metric Format: counted in process, one line per invocation.
//!
//! Dimensions are few on purpose, since each combination is a metric to be paid for: `service`, and a `reason`
//! where the count has one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// Authenticated events that were new.
    EventsReceived,
    /// Authenticated events that had been taken in before.
    EventsRepeated,
    /// Requests at the front door that were refused, by reason.
    WebhookRefused,
    /// Change events that do not say which records changed; the poll finds them.
    ChangeGaps,
    /// Messages that were done with.
    MessagesDone,
    /// Messages that will come again.
    MessagesAgain,
    /// Rows read by id, by side.
    RecordsRead,
    /// Writes that a side took, by side.
    WritesDone,
    /// Writes that a side did not take, by side.
    WritesRefused,
    /// Conflicts that began or changed.
    Conflicts,
    /// Records, fields or messages that were set aside.
    Parked,
    /// Records that a poll or a repair hinted.
    HintsQueued,
    /// Records that a full sweep found out of agreement, or not at all: hints and polls have missed them.
    Drift,
}

impl Count {
    /// The metric's name; alarms in `template.yaml` use it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventsReceived => "EventsReceived",
            Self::EventsRepeated => "EventsRepeated",
            Self::WebhookRefused => "WebhookRefused",
            Self::ChangeGaps => "ChangeGaps",
            Self::MessagesDone => "MessagesDone",
            Self::MessagesAgain => "MessagesAgain",
            Self::RecordsRead => "RecordsRead",
            Self::WritesDone => "WritesDone",
            Self::WritesRefused => "WritesRefused",
            Self::Conflicts => "Conflicts",
            Self::Parked => "Parked",
            Self::HintsQueued => "HintsQueued",
            Self::Drift => "Drift",
        }
    }
}

/// By reason and kind.
type Counts = BTreeMap<(Option<&'static str>, Count), u64>;

/// Counts since the last flush. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    namespace: Arc<str>,
    service: Arc<str>,
    counts: Arc<Mutex<Counts>>,
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(namespace: &str, service: &str) -> Self {
        Self { namespace: namespace.into(), service: service.into(), counts: Arc::default() }
    }

    /// Counts; zero counts nothing.
    pub fn add(&self, count: Count, n: usize) {
        self.add_for(None, count, n);
    }

    /// Counts with a reason or a side beside it. The words are ours: few, and never from outside.
    pub fn add_with(&self, reason: &'static str, count: Count, n: usize) {
        self.add_for(Some(reason), count, n);
    }

    fn add_for(&self, reason: Option<&'static str>, count: Count, n: usize) {
        if n > 0 {
            *self.counts().entry((reason, count)).or_default() += n as u64;
        }
    }

    /// Writes what was counted to stdout, one line per reason, and begins anew.
    pub fn flush(&self, now: Timestamp) {
        let mut out = std::io::stdout().lock();
        for line in self.take(now) {
            // A metric that cannot be written is no reason to fail a batch.
            let _ = writeln!(out, "{line}");
        }
    }

    /// What was counted since the last time, as EMF objects.
    #[must_use]
    pub fn take(&self, now: Timestamp) -> Vec<Value> {
        let mut lines: BTreeMap<Option<&'static str>, Vec<(Count, u64)>> = BTreeMap::new();
        for ((reason, count), n) in std::mem::take(&mut *self.counts()) {
            lines.entry(reason).or_default().push((count, n));
        }
        lines.into_iter().map(|(reason, counts)| self.line(reason, &counts, now)).collect()
    }

    /// One object. Source: CloudWatch guide, "Embedded metric format specification".
    fn line(&self, reason: Option<&'static str>, counts: &[(Count, u64)], now: Timestamp) -> Value {
        let dimensions = match reason {
            None => json!([["service"]]),
            Some(_) => json!([["service"], ["service", "reason"]]),
        };
        let metrics: Vec<Value> =
            counts.iter().map(|(count, _)| json!({"Name": count.name(), "Unit": "Count"})).collect();
        let mut line = Map::from_iter([
            (
                "_aws".to_owned(),
                json!({
                    "Timestamp": now.as_millisecond(),
                    "CloudWatchMetrics":
                        [{"Namespace": &*self.namespace, "Dimensions": dimensions, "Metrics": metrics}],
                }),
            ),
            ("service".to_owned(), json!(&*self.service)),
        ]);
        line.extend(reason.map(|reason| ("reason".to_owned(), json!(reason))));
        line.extend(counts.iter().map(|(count, n)| (count.name().to_owned(), json!(n))));
        Value::Object(line)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing panics while the lock is held.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_one_line_per_reason_and_begin_anew() {
        let metrics = Metrics::new("Concord", "stack");
        metrics.add(Count::EventsReceived, 2);
        metrics.clone().add(Count::EventsReceived, 3);
        metrics.add(Count::Parked, 0);
        metrics.add_with("stale", Count::WebhookRefused, 1);
        let now = Timestamp::from_millisecond(1_800_000_000_123).unwrap();

        let lines = metrics.take(now);

        let expected = [
            json!({
                "_aws": {"Timestamp": 1_800_000_000_123_i64, "CloudWatchMetrics": [{
                    "Namespace": "Concord",
                    "Dimensions": [["service"]],
                    "Metrics": [{"Name": "EventsReceived", "Unit": "Count"}],
                }]},
                "service": "stack",
                "EventsReceived": 5,
            }),
            json!({
                "_aws": {"Timestamp": 1_800_000_000_123_i64, "CloudWatchMetrics": [{
                    "Namespace": "Concord",
                    "Dimensions": [["service"], ["service", "reason"]],
                    "Metrics": [{"Name": "WebhookRefused", "Unit": "Count"}],
                }]},
                "service": "stack",
                "reason": "stale",
                "WebhookRefused": 1,
            }),
        ];
        assert_eq!(lines, expected);
        assert_eq!(metrics.take(now), Vec::<Value>::new());
    }
}
