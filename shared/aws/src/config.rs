//! Settings from the environment. All faults are reported at once, each with its variable and what to do:
//! a deployment that takes minutes must not be fixed one variable at a time.

use std::fmt;

use http::Uri;
use thiserror::Error;

use crate::dynamo::{DynamoStore, Tables};

/// Everything that a function is told by its environment. Secrets are not among it: see [`crate::secrets`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `CONCORD_STATE_TABLE`, `CONCORD_IDEMPOTENCY_TABLE`, `CONCORD_JOURNAL_TABLE`.
    pub tables: Tables,
    /// `CONCORD_HINTS_QUEUE_URL`.
    pub hints_queue_url: String,
    /// `CONCORD_INTENTS_QUEUE_URL`.
    pub intents_queue_url: String,
    /// `CONCORD_SECRET_ID`: name or ARN of the secret in Secrets Manager.
    pub secret_id: String,
    /// `CONCORD_HUBSPOT_URL`; without it [`Settings::HUBSPOT_URL`].
    pub hubspot_url: String,
    /// `CONCORD_SALESFORCE_URL`: the org's My Domain.
    pub salesforce_url: String,
    /// `CONCORD_WEBHOOK_URL`: the target URL as it is configured in HubSpot, which HubSpot signs. Without it,
    /// the address of the Function URL that was called.
    pub webhook_url: Option<String>,
    /// `CONCORD_JOURNAL_DAYS`; without it [`DynamoStore::JOURNAL_DAYS`].
    pub journal_days: u32,
    /// `CONCORD_SHARDS`; without it [`Settings::SHARDS`].
    pub shards: u32,
    /// How to log and count.
    pub telemetry: TelemetrySettings,
}

/// What logs and metrics are called: Powertools' variables, so that dashboards know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// `POWERTOOLS_SERVICE_NAME`; without it `concord`.
    pub service: String,
    /// `POWERTOOLS_METRICS_NAMESPACE`; without it `Concord`.
    pub namespace: String,
    /// `POWERTOOLS_LOG_LEVEL`; without it `INFO`.
    pub log_level: tracing::Level,
}

/// What is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Faults(pub Vec<Fault>);

/// One variable that is missing or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: &'static str,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} settings cannot be used:", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|fault| write!(f, "\n  {} {}: {}", fault.variable, fault.problem, fault.remedy))
    }
}

impl Settings {
    /// HubSpot's production host.
    pub const HUBSPOT_URL: &str = "https://api.hubapi.com";
    /// Message groups per queue (DESIGN 3).
    pub const SHARDS: u32 = 8;
    /// More groups than a queue is ever read by at once only make messages smaller. Ours: a tenth of the largest
    /// `MaximumConcurrency` (Lambda SQS event source: 2 to 1000).
    pub const SHARDS_MAX: u32 = 100;
    /// Ten years. Ours: an explanation that is older explains nobody's question.
    pub const JOURNAL_DAYS_MAX: u32 = 3_650;

    /// Reads the variables; an empty one counts as missing, since a template cannot leave one out.
    ///
    /// # Errors
    /// [`Faults`], all of them.
    pub fn from_env(vars: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        const STACK: &str = "the SAM template sets it: deploy the stack again";
        let mut reader = Reader { vars: &vars, faults: Vec::new() };
        let settings = Self {
            tables: Tables {
                state: reader.required("CONCORD_STATE_TABLE", STACK),
                idempotency: reader.required("CONCORD_IDEMPOTENCY_TABLE", STACK),
                journal: reader.required("CONCORD_JOURNAL_TABLE", STACK),
            },
            hints_queue_url: reader.required_url("CONCORD_HINTS_QUEUE_URL", STACK),
            intents_queue_url: reader.required_url("CONCORD_INTENTS_QUEUE_URL", STACK),
            secret_id: reader.required(
                "CONCORD_SECRET_ID",
                "give the name or ARN of the secret that holds both sides' credentials",
            ),
            hubspot_url: reader
                .url("CONCORD_HUBSPOT_URL", "leave it out for HubSpot's production host")
                .map_or_else(|| Self::HUBSPOT_URL.to_owned(), without_slash),
            salesforce_url: without_slash(reader.required_url(
                "CONCORD_SALESFORCE_URL",
                "give the org's My Domain, such as https://acme.my.salesforce.com",
            )),
            // To the letter: it is part of what HubSpot signs.
            webhook_url: reader
                .url("CONCORD_WEBHOOK_URL", "give the target URL exactly as it is configured in HubSpot"),
            journal_days: reader.number(
                "CONCORD_JOURNAL_DAYS",
                DynamoStore::JOURNAL_DAYS,
                Self::JOURNAL_DAYS_MAX,
                "give a number of days from 1 to 3650, or leave it out for 400",
            ),
            shards: reader.number(
                "CONCORD_SHARDS",
                Self::SHARDS,
                Self::SHARDS_MAX,
                "give a number from 1 to 100, or leave it out for 8",
            ),
            telemetry: TelemetrySettings {
                service: reader.optional("POWERTOOLS_SERVICE_NAME").unwrap_or_else(|| "concord".to_owned()),
                namespace: reader
                    .optional("POWERTOOLS_METRICS_NAMESPACE")
                    .unwrap_or_else(|| "Concord".to_owned()),
                log_level: reader.log_level("POWERTOOLS_LOG_LEVEL"),
            },
        };
        match reader.faults.is_empty() {
            true => Ok(settings),
            false => Err(Faults(reader.faults)),
        }
    }

    /// Reads this process's environment.
    ///
    /// # Errors
    /// [`Faults`], all of them.
    pub fn from_process() -> Result<Self, Faults> {
        Self::from_env(|name| std::env::var(name).ok())
    }
}

fn without_slash(url: String) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Reads variables and remembers what was wrong.
struct Reader<'a> {
    vars: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn optional(&self, variable: &'static str) -> Option<String> {
        (self.vars)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A stand-in is returned for what is missing; [`Settings::from_env`] returns the faults instead of it.
    fn required(&mut self, variable: &'static str, remedy: &'static str) -> String {
        self.optional(variable).unwrap_or_else(|| {
            self.faults.push(Fault { variable, problem: "is not set".to_owned(), remedy });
            String::new()
        })
    }

    fn required_url(&mut self, variable: &'static str, remedy: &'static str) -> String {
        match self.optional(variable) {
            Some(_) => self.url(variable, remedy).unwrap_or_default(),
            None => self.required(variable, remedy),
        }
    }

    fn url(&mut self, variable: &'static str, remedy: &'static str) -> Option<String> {
        let url = self.optional(variable)?;
        let parsed = url.parse::<Uri>().ok();
        let host = parsed.as_ref().and_then(Uri::host).unwrap_or_default();
        let is_here = host == "localhost"
            || host.ends_with(".localhost")
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        let problem = match parsed.as_ref().and_then(Uri::scheme_str) {
            Some("https") => None,
            Some("http") if is_here => None,
            Some("http") => Some("is not encrypted: only this machine may be reached by http"),
            Some(_) | None => Some("is not an absolute https URL"),
        };
        match problem {
            None => Some(url),
            Some(problem) => {
                self.faults.push(Fault { variable, problem: problem.to_owned(), remedy });
                None
            }
        }
    }

    fn number(&mut self, variable: &'static str, usual: u32, max: u32, remedy: &'static str) -> u32 {
        let Some(text) = self.optional(variable) else { return usual };
        match text.parse() {
            Ok(number) if (1..=max).contains(&number) => number,
            Ok(_) | Err(_) => {
                self.faults.push(Fault { variable, problem: format!("is '{text}'"), remedy });
                usual
            }
        }
    }

    fn log_level(&mut self, variable: &'static str) -> tracing::Level {
        let Some(text) = self.optional(variable) else { return tracing::Level::INFO };
        match text.to_ascii_uppercase().as_str() {
            // Powertools' names; tracing knows no CRITICAL.
            "CRITICAL" | "FATAL" | "ERROR" => tracing::Level::ERROR,
            "WARN" | "WARNING" => tracing::Level::WARN,
            "INFO" => tracing::Level::INFO,
            "DEBUG" => tracing::Level::DEBUG,
            "TRACE" => tracing::Level::TRACE,
            _ => {
                let remedy = "give TRACE, DEBUG, INFO, WARN or ERROR";
                self.faults.push(Fault { variable, problem: format!("is '{text}'"), remedy });
                tracing::Level::INFO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYED: [(&str, &str); 15] = [
        ("CONCORD_STATE_TABLE", "state"),
        ("CONCORD_IDEMPOTENCY_TABLE", "idempotency"),
        ("CONCORD_JOURNAL_TABLE", "journal"),
        ("CONCORD_HINTS_QUEUE_URL", "http://localhost:4566/000000000000/hints.fifo"),
        ("CONCORD_INTENTS_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/1/intents.fifo"),
        ("CONCORD_SECRET_ID", "concord"),
        ("CONCORD_HUBSPOT_URL", ""),
        ("CONCORD_SALESFORCE_URL", "https://acme.my.salesforce.com/"),
        ("CONCORD_WEBHOOK_URL", ""),
        ("CONCORD_JOURNAL_DAYS", "30"),
        ("CONCORD_SHARDS", ""),
        ("POWERTOOLS_SERVICE_NAME", "stack"),
        ("POWERTOOLS_METRICS_NAMESPACE", "Concord"),
        ("POWERTOOLS_LOG_LEVEL", "warn"),
        ("UNRELATED", "x"),
    ];

    fn with(changes: &[(&str, &str)]) -> Result<Settings, Faults> {
        Settings::from_env(|name| {
            let found = changes.iter().chain(&DEPLOYED).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_deployed_environment_is_read_and_what_is_left_out_has_a_default() {
        let expected = Settings {
            tables: Tables {
                state: "state".to_owned(),
                idempotency: "idempotency".to_owned(),
                journal: "journal".to_owned(),
            },
            hints_queue_url: "http://localhost:4566/000000000000/hints.fifo".to_owned(),
            intents_queue_url: "https://sqs.eu-central-1.amazonaws.com/1/intents.fifo".to_owned(),
            secret_id: "concord".to_owned(),
            hubspot_url: "https://api.hubapi.com".to_owned(),
            salesforce_url: "https://acme.my.salesforce.com".to_owned(),
            webhook_url: None,
            journal_days: 30,
            shards: 8,
            telemetry: TelemetrySettings {
                service: "stack".to_owned(),
                namespace: "Concord".to_owned(),
                log_level: tracing::Level::WARN,
            },
        };
        assert_eq!(with(&[]), Ok(expected));
    }

    #[test]
    fn every_fault_is_reported_at_once_by_name() {
        let changes = [
            ("CONCORD_STATE_TABLE", " "),
            ("CONCORD_SALESFORCE_URL", "http://acme.my.salesforce.com"),
            ("CONCORD_HUBSPOT_URL", "hubspot"),
            ("CONCORD_SHARDS", "0"),
            ("CONCORD_JOURNAL_DAYS", "many"),
            ("POWERTOOLS_LOG_LEVEL", "LOUD"),
        ];
        let Faults(faults) = with(&changes).unwrap_err();

        let named: Vec<(&str, &str)> =
            faults.iter().map(|fault| (fault.variable, fault.problem.as_str())).collect();
        assert_eq!(
            named,
            [
                ("CONCORD_STATE_TABLE", "is not set"),
                ("CONCORD_HUBSPOT_URL", "is not an absolute https URL"),
                ("CONCORD_SALESFORCE_URL", "is not encrypted: only this machine may be reached by http"),
                ("CONCORD_JOURNAL_DAYS", "is 'many'"),
                ("CONCORD_SHARDS", "is '0'"),
                ("POWERTOOLS_LOG_LEVEL", "is 'LOUD'"),
            ]
        );
        assert!(Faults(faults).to_string().starts_with("6 settings cannot be used:\n  CONCORD_STATE_TABLE"));
    }

    #[test]
    fn the_signed_address_is_kept_to_the_letter() {
        let settings = with(&[("CONCORD_WEBHOOK_URL", "https://x.lambda-url.eu-central-1.on.aws/")]).unwrap();
        assert_eq!(settings.webhook_url.as_deref(), Some("https://x.lambda-url.eu-central-1.on.aws/"));
    }

    #[test]
    fn a_host_that_only_begins_like_this_machine_is_not_this_machine() {
        for url in ["http://localhost.example.com", "http://127.example.com", "http://10.0.0.1"] {
            let faults = with(&[("CONCORD_SALESFORCE_URL", url)]).unwrap_err();
            assert_eq!(faults.0.len(), 1, "{url}");
        }
    }
}
