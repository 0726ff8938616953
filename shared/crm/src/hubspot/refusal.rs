//! What a refusal means, from the documented status codes, categories and codes (reference: 3.5 and 6).
//!
//! The status decides first, then category and code, never the message. What is not known is parked with its
//! code: never silent, and never tried again for ever.

use bytes::Bytes;
use concord_core::names::RecordId;
use concord_core::port::Failure;
use http::{HeaderMap, Response, StatusCode, header};

use super::wire::Problem;
use crate::transport::TransportError;

/// 429 by the limit of one second (search: 5 a second for each account).
const SECONDLY_MS: u64 = 1_000;
/// 429 by the limit of ten seconds: the window rolls, so after its length every counted call has left it.
const TEN_SECONDLY_MS: u64 = 10_000;
/// 429 by the limit of a day. It ends at midnight in the *account's* time zone, which no answer tells, so
/// the call is tried once an hour.
const DAILY_MS: u64 = 3_600_000;
/// 423: "locks last two seconds" (error-handling page).
const LOCKED_MS: u64 = 2_000;
/// 477 without `Retry-After`: a data-centre migration takes up to 24 hours (error-handling page).
const MIGRATION_MS: u64 = 3_600_000;
/// 5xx: "pause your requests for a few seconds" (error-handling page).
const OUTAGE_MS: u64 = 5_000;
/// No answer, or one that cannot be read.
const UNANSWERED_MS: u64 = 1_000;
/// Longest `Retry-After` that is believed: 24 hours, as documented for 477.
const RETRY_AFTER_SECONDS_MAX: u64 = 86_400;

/// What a refused request, or a refused record of a batch, means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another record holds the unique value.
    Duplicate {
        /// That record, if HubSpot names it.
        existing: Option<RecordId>,
        /// Status and codes.
        reason: String,
    },
    /// There is no such record, object type or path.
    Missing {
        /// Status and codes.
        reason: String,
    },
    /// HubSpot does not take what was sent. In a batch, one record is enough to refuse all.
    Invalid {
        /// Status, codes, properties and what to do.
        reason: String,
    },
    /// Nothing that depends on a record.
    Failed(Failure),
}

impl Refusal {
    /// Reads a whole answer that is not 2xx.
    pub(super) fn of(answer: &Response<Bytes>) -> Self {
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        // A proxy's or a wrong host's 404 says nothing about a record, and "missing" is half of a proof (P9).
        if answer.status() == StatusCode::NOT_FOUND && !is_hubspots_404(answer.headers(), &body) {
            return Self::Failed(misunderstood("the 404"));
        }
        Self::by_status(answer.status().as_u16(), answer.headers(), &Problem::of(&body))
    }

    /// Reads one of the errors of a batch, which has a category but no status.
    pub(super) fn within_batch(problem: &Problem) -> Self {
        let status = match problem.category.as_deref() {
            Some("VALIDATION_ERROR") => 400,
            Some("INVALID_AUTHENTICATION" | "EXPIRED_AUTHENTICATION") => 401,
            Some("MISSING_SCOPES") => 403,
            Some("OBJECT_NOT_FOUND") => 404,
            Some("CONFLICT") => 409,
            Some("RATE_LIMIT" | "RATE_LIMITS") => 429,
            Some(_) | None => return Self::unknown("207", problem),
        };
        Self::by_status(status, &HeaderMap::new(), problem)
    }

    fn by_status(status: u16, headers: &HeaderMap, problem: &Problem) -> Self {
        let codes = codes(&status.to_string(), problem);
        match status {
            // Seen in the wild though not documented: a unique property's conflict comes as a 400.
            400 if problem.codes.iter().any(|code| code == "CONFLICTING_UNIQUE_VALUE") => {
                Self::duplicate(codes, problem)
            }
            400 => {
                Self::Invalid { reason: format!("{codes}: correct the value, the contract or the property") }
            }
            401 => Self::Failed(Failure::RefreshLogin { reason: codes }),
            403 => Self::Failed(Failure::Park { reason: forbidden(&codes, problem) }),
            404 => Self::Missing { reason: codes },
            409 => Self::duplicate(codes, problem),
            414 => Self::Failed(Failure::Bug { reason: codes }),
            423 => Self::retry(LOCKED_MS, codes),
            429 => Self::retry(retry_after(headers).unwrap_or_else(|| limit_ms(headers, problem)), codes),
            477 => Self::retry(retry_after(headers).unwrap_or(MIGRATION_MS), codes),
            500..=599 => Self::retry(retry_after(headers).unwrap_or(OUTAGE_MS), codes),
            _ => Self::unknown(&status.to_string(), problem),
        }
    }

    fn duplicate(reason: String, problem: &Problem) -> Self {
        Self::Duplicate { existing: problem.existing.as_deref().map(RecordId::new), reason }
    }

    fn retry(after_ms: u64, reason: String) -> Self {
        Self::Failed(Failure::Retry { after_ms, reason })
    }

    fn unknown(status: &str, problem: &Problem) -> Self {
        let reason = format!("{}: an answer that Concord does not know; look it up", codes(status, problem));
        Self::Failed(Failure::Park { reason })
    }

    /// Whether the token was refused.
    pub(super) fn is_login(&self) -> bool {
        matches!(self, Self::Failed(Failure::RefreshLogin { .. }))
    }

    /// What to do about it, where it is no answer about a record.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Duplicate { existing: _, reason } => Failure::Conflict { reason },
            Self::Missing { reason } => Failure::Park {
                reason: format!("{reason}: HubSpot knows no such object type; correct the contract"),
            },
            Self::Invalid { reason } => Failure::Park { reason },
            Self::Failed(failure) => failure,
        }
    }
}

/// Whether a 404 is HubSpot's own: by its header, its category, or the `status` of every error body
/// (reference: 3.5; the category is sometimes left out).
fn is_hubspots_404(headers: &HeaderMap, body: &serde_json::Value) -> bool {
    headers.contains_key("x-hubspot-notfound")
        || body["category"] == "OBJECT_NOT_FOUND"
        || body["status"] == "error"
}

/// There is no answer. A lost one may have taken effect: all the same for whoever comes again, because
/// everything that is tried again carries a token.
pub(super) fn unanswered(lost: &TransportError) -> Failure {
    Failure::Retry { after_ms: UNANSWERED_MS, reason: lost.to_string() }
}

/// There is an answer, but it is not what HubSpot sends: a proxy's page, or half a body.
pub(super) fn misunderstood(what: &str) -> Failure {
    Failure::Retry { after_ms: UNANSWERED_MS, reason: format!("{what} could not be read") }
}

/// A batch was taken, and this record is not mentioned in the answer: nobody knows.
pub(super) fn unmentioned() -> Failure {
    Failure::Retry {
        after_ms: UNANSWERED_MS,
        reason: "the batch was taken, but its answer does not mention this record".to_owned(),
    }
}

/// OAuth's `status` or `error`, if it looks like a code.
pub(super) fn oauth_code(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let code = body["status"].as_str().or_else(|| body["error"].as_str()).unwrap_or_default();
    code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect()
}

/// `400 VALIDATION_ERROR PROPERTY_DOESNT_EXIST (colour)`.
fn codes(status: &str, problem: &Problem) -> String {
    let mut text = status.to_owned();
    let mut codes: Vec<&str> = problem.category.iter().chain(&problem.policy).map(String::as_str).collect();
    codes.extend(problem.codes.iter().map(String::as_str));
    codes.dedup();
    for code in codes {
        text.push(' ');
        text.push_str(code);
    }
    let mut properties = problem.properties.clone();
    properties.sort();
    properties.dedup();
    if !properties.is_empty() {
        text.push_str(&format!(" ({})", properties.join(", ")));
    }
    text
}

fn forbidden(codes: &str, problem: &Problem) -> String {
    match problem.scopes.is_empty() {
        true => format!("{codes}: HubSpot forbids this; check the app's permissions"),
        false => format!("{codes}: grant the app the scopes {}", problem.scopes.join(", ")),
    }
}

/// `Retry-After` in seconds. HubSpot is not known to send the form with a date, which reads as none.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.min(RETRY_AFTER_SECONDS_MAX) * 1_000)
}

/// Which limit was hit: by its policy, else by the headers, else the shortest, because the recorded 429s of
/// search say nothing at all and another 429 costs little.
fn limit_ms(headers: &HeaderMap, problem: &Problem) -> u64 {
    let spent = |name: &str| headers.get(name).is_some_and(|left| left.as_bytes() == b"0");
    match problem.policy.as_deref() {
        Some("DAILY") => DAILY_MS,
        Some(policy) if policy.starts_with("TEN_SECONDLY") => TEN_SECONDLY_MS,
        Some("SECONDLY") => SECONDLY_MS,
        Some(_) | None if spent("x-hubspot-ratelimit-daily-remaining") => DAILY_MS,
        Some(_) | None if spent("x-hubspot-ratelimit-remaining") => TEN_SECONDLY_MS,
        Some(_) => TEN_SECONDLY_MS,
        None => SECONDLY_MS,
    }
}
