//! Log lines.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer as _, Registry};

use crate::config::TelemetrySettings;

/// Sends this process's log lines to stdout, from where Lambda takes them. A second call changes nothing.
pub fn init(settings: &TelemetrySettings) {
    // Fails only if there is a subscriber already, which then stays.
    let _ = tracing::subscriber::set_global_default(subscriber(settings, std::io::stdout));
}

/// What writes log lines.
pub fn subscriber<W>(settings: &TelemetrySettings, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let levels = Targets::new()
        .with_default(LevelFilter::WARN)
        // The embedded database warns of every condition that does not hold, which is how Concord works.
        .with_target("dynoxide", LevelFilter::ERROR)
        .with_target("concord", LevelFilter::from_level(settings.log_level));
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(Line { service: settings.service.clone() })
        .with_writer(writer);
    Registry::default().with(lines.with_filter(levels))
}

/// One flat JSON object per line: Lambda's log filter wants `timestamp` and `level` on top, and so do queries.
struct Line {
    service: String,
}

impl<S> FormatEvent<S, JsonFields> for Line
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        // Outer spans first: an inner one, and the event itself, know better.
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>()
                && let Ok(Value::Object(fields)) = serde_json::from_str(fields)
            {
                line.extend(fields);
            }
        }
        event.record(&mut Fields(&mut line));
        let metadata = event.metadata();
        // RFC 3339, without which Lambda takes every line for INFO (Lambda guide, log level filtering).
        line.insert("timestamp".to_owned(), json!(format!("{:.3}", Timestamp::now())));
        line.insert("level".to_owned(), json!(metadata.level().as_str()));
        line.insert("service".to_owned(), json!(self.service));
        line.insert("location".to_owned(), json!(metadata.target()));
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, json!(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(act: impl FnOnce()) -> Vec<Map<String, Value>> {
        let captured = Captured::default();
        let settings = TelemetrySettings {
            service: "stack".to_owned(),
            namespace: "Concord".to_owned(),
            log_level: tracing::Level::INFO,
        };
        let writer = captured.clone();
        tracing::subscriber::with_default(subscriber(&settings, move || writer.clone()), act);
        let bytes = captured.0.lock().unwrap().clone();
        let lines = String::from_utf8(bytes).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_flat_json_with_powertools_keys() {
        let lines = logged(|| {
            let span = tracing::info_span!("invocation", function_request_id = "r-1", cold_start = true);
            let _entered = span.enter();
            tracing::warn!(correlation_id = "c-1", records = 3, "3 records are put off");
        });

        let [mut line] = <[Map<String, Value>; 1]>::try_from(lines).unwrap();
        let timestamp = line.remove("timestamp").unwrap();
        assert!(timestamp.as_str().unwrap().parse::<Timestamp>().is_ok(), "{timestamp}");
        let expected = json!({
            "level": "WARN",
            "message": "3 records are put off",
            "service": "stack",
            "location": "concord_aws::telemetry::logs::tests",
            "function_request_id": "r-1",
            "cold_start": true,
            "correlation_id": "c-1",
            "records": 3,
        });
        assert_eq!(Value::Object(line), expected);
    }

    #[test]
    fn other_crates_may_only_warn_because_their_lower_levels_show_requests_whole() {
        let lines = logged(|| {
            tracing::info!(target: "aws_smithy_runtime", "ada@example.com");
            tracing::debug!(target: "hyper", "ada@example.com");
            tracing::debug!("below our own level");
            tracing::warn!(target: "hyper", "a connection was closed");
        });

        let messages: Vec<_> = lines.iter().map(|line| line["message"].clone()).collect();
        assert_eq!(messages, [json!("a connection was closed")]);
    }

    #[test]
    fn credentials_in_a_line_stay_blank() {
        let secret = concord_crm::hubspot::Secret::new("pat-na1-secret");
        let key = concord_core::value::ImageKey::new([7; 16]);

        let lines = logged(|| tracing::error!(?secret, ?key, "credentials"));

        assert_eq!(lines[0]["secret"], "Secret(..)");
        assert_eq!(lines[0]["key"], "ImageKey(..)");
    }
}
