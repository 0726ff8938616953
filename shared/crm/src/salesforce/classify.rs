//! What a refusal asks for. One table of codes; reasons carry the code, field names and the remedy, and never
//! the message, because messages quote values.

use concord_core::port::Failure;
use http::StatusCode;

use super::RETRY_OUTAGE_MS;
use super::answer::Refusal;
use super::request::is_identifier;

/// Wait for a row lock, in milliseconds. Ours: locks last as long as a transaction, mostly well under a second.
const RETRY_LOCK_MS: u64 = 1_000;
/// Wait for one of the 25 places for calls over 20 s (limits cheat sheet, concurrent API requests), in
/// milliseconds.
const RETRY_CONCURRENT_MS: u64 = 5_000;
/// Wait when the day's calls are used up, in milliseconds: they come back over a rolling 24 h (limits cheat
/// sheet), so an hour brings some.
const RETRY_DAILY_MS: u64 = 3_600_000;
/// Wait for a call that took too long, in milliseconds. Ours.
const RETRY_SLOW_MS: u64 = 30_000;
/// Wait for maintenance to end, in milliseconds. Ours.
const RETRY_MAINTENANCE_MS: u64 = 300_000;

/// What is to be done about a code.
enum Remedy {
    /// Come again.
    Wait(u64),
    /// Log in again.
    Login,
    /// Somebody has to do this.
    Act(&'static str),
    /// We are at fault.
    Ours,
}

/// A refusal of a whole call: by its code, else by its status.
pub(super) fn whole_call(status: StatusCode, refusals: &[Refusal]) -> Failure {
    match refusals.first() {
        Some(refusal) => match status.is_server_error() {
            // Codes behind a 5xx (UNKNOWN_EXCEPTION and the like) all mean: nobody knows what happened.
            true => Failure::Retry { after_ms: RETRY_OUTAGE_MS, reason: reason(refusal, None) },
            false => one(refusal),
        },
        None => by_status(status),
    }
}

/// A refusal of one row or of one call.
pub(super) fn one(refusal: &Refusal) -> Failure {
    match remedy(refusal) {
        Remedy::Wait(after_ms) => Failure::Retry { after_ms, reason: reason(refusal, None) },
        Remedy::Login => Failure::RefreshLogin { reason: reason(refusal, None) },
        Remedy::Act(what) => Failure::Park { reason: reason(refusal, Some(what)) },
        Remedy::Ours => Failure::Bug { reason: reason(refusal, None) },
    }
}

/// A code fit to be shown: what is no code is not repeated.
pub(super) fn code(code: &str) -> String {
    match is_identifier(code) {
        true => code.to_owned(),
        false => "UNREADABLE_CODE".to_owned(),
    }
}

/// Code, fields, remedy.
fn reason(refusal: &Refusal, remedy: Option<&str>) -> String {
    let mut text = code(&refusal.code);
    let named = refusal.fields.iter().map(String::as_str).chain(column(&refusal.message));
    let fields: Vec<&str> = named.filter(|field| is_identifier(field)).collect();
    if !fields.is_empty() {
        text.push_str(" (");
        text.push_str(&fields.join(", "));
        text.push(')');
    }
    if let Some(remedy) = remedy {
        text.push_str(": ");
        text.push_str(remedy);
    }
    text
}

/// The column in `No such column 'X' on sobject of type Y`, whose answer has no `fields`.
fn column(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("No such column '")?;
    rest.split_once('\'').map(|(column, _)| column)
}

fn remedy(refusal: &Refusal) -> Remedy {
    waiting(refusal).or_else(|| ours(&refusal.code)).or_else(|| acting(&refusal.code)).unwrap_or(Remedy::Act(
        "Salesforce refuses this with a code that Concord does not know; look it up, and retry the record",
    ))
}

fn waiting(refusal: &Refusal) -> Option<Remedy> {
    Some(match refusal.code.as_str() {
        // These two come back for ever with every new token.
        "INVALID_SESSION_ID" if refusal.message.contains("not valid for use with the REST API") => {
            Remedy::Act("the user or the app may not use the REST API: grant it, then retry")
        }
        "INVALID_SESSION_ID" if refusal.message.contains("not attached to Agent") => {
            Remedy::Act("the app may not log in this user: grant it, then retry")
        }
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" => Remedy::Login,
        "UNABLE_TO_LOCK_ROW" => Remedy::Wait(RETRY_LOCK_MS),
        "REQUEST_LIMIT_EXCEEDED" if refusal.message.contains("Concurrent") => {
            Remedy::Wait(RETRY_CONCURRENT_MS)
        }
        "REQUEST_LIMIT_EXCEEDED" => Remedy::Wait(RETRY_DAILY_MS),
        "QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG" | "TOO_MANY_APEX_REQUESTS" | "INVALID_QUERY_LOCATOR" => {
            Remedy::Wait(RETRY_SLOW_MS)
        }
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE" | "ORG_IN_MAINTENANCE" => {
            Remedy::Wait(RETRY_MAINTENANCE_MS)
        }
        "SERVER_UNAVAILABLE"
        | "UNKNOWN_EXCEPTION"
        | "ALL_OR_NONE_OPERATION_ROLLED_BACK"
        | "PROCESSING_HALTED" => Remedy::Wait(RETRY_OUTAGE_MS),
        _ => return None,
    })
}

fn ours(code: &str) -> Option<Remedy> {
    match code {
        "MALFORMED_ID"
        | "MALFORMED_QUERY"
        | "MALFORMED_SEARCH"
        | "MISSING_ARGUMENT"
        | "METHOD_NOT_ALLOWED"
        | "UNSUPPORTED_MEDIA_TYPE"
        | "INVALID_QUERY_FILTER_OPERATOR"
        | "INVALID_REPLICATION_DATE" => Some(Remedy::Ours),
        _ => None,
    }
}

fn acting(code: &str) -> Option<Remedy> {
    Some(Remedy::Act(match code {
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => "switch the API on for the org",
        "FUNCTIONALITY_NOT_ENABLED" => "switch the feature on for the org",
        "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" => {
            "give the integration user access to the record and to what it refers to"
        }
        "INVALID_FIELD" => {
            "the field is gone or hidden: show it to the integration user or change the contract"
        }
        "INVALID_FIELD_FOR_INSERT_UPDATE" => "the field is read-only for the integration user: grant edit",
        "INVALID_TYPE" | "NOT_FOUND" => {
            "the object is gone or hidden: show it to the integration user or change the contract"
        }
        "JSON_PARSER_ERROR" => "a field's type differs from the contract: check the contract against the org",
        "REQUIRED_FIELD_MISSING" => "map the field, or give it a default in Salesforce",
        "STRING_TOO_LONG" => "shorten the value, or widen the field",
        "NUMBER_OUTSIDE_VALID_RANGE" => "the number does not fit the field",
        "INVALID_EMAIL_ADDRESS" => "correct the e-mail address on the other side",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" => "add the value to the picklist, or map it",
        "FIELD_INTEGRITY_EXCEPTION" => "the values do not fit together: correct them on the other side",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION" => "a validation rule of the org refuses it: satisfy or relax it",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" | "CANNOT_EXECUTE_FLOW_TRIGGER" => {
            "a trigger or a flow of the org failed: mend it, then retry"
        }
        "INVALID_CROSS_REFERENCE_KEY" | "ENTITY_IS_DELETED" => "what the field refers to does not exist",
        "CANNOT_UPDATE_CONVERTED_LEAD" => "the lead was converted: link the contact that it became",
        "ENTITY_IS_LOCKED" => "the record waits for approval: finish or recall it, then retry",
        "INACTIVE_OWNER_OR_USER" => "the owner is inactive: choose another",
        "DELETE_FAILED" => "other records hold it back: remove them first",
        "OPERATION_TOO_LARGE" | "QUERY_TOO_COMPLICATED" | "EXCEEDED_ID_LIMIT" => {
            "the call covers too much: give the integration user View All Data, or map fewer fields"
        }
        _ => return None,
    }))
}

fn by_status(status: StatusCode) -> Failure {
    /// Edge servers shed load with it; it is in no registry (REST guide, status codes).
    const TOO_BUSY: u16 = 420;
    let reason = format!("HTTP_{}", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED => Failure::RefreshLogin { reason },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Failure::Retry { after_ms: RETRY_OUTAGE_MS, reason }
        }
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Failure::Conflict { reason },
        StatusCode::FORBIDDEN => {
            Failure::Park { reason: format!("{reason}: give the integration user access") }
        }
        StatusCode::NOT_FOUND => Failure::Park { reason: format!("{reason}: check the org's address") },
        StatusCode::GONE => {
            Failure::Park { reason: format!("{reason}: this API version is retired; set a newer one") }
        }
        status if status.as_u16() == TOO_BUSY || !status.is_client_error() => {
            Failure::Retry { after_ms: RETRY_OUTAGE_MS, reason }
        }
        _ => Failure::Bug { reason },
    }
}

#[cfg(test)]
#[path = "classify_table.rs"]
mod tests;
