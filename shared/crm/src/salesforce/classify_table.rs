//! The table of codes, as a specification: code, message, what it asks for.

use super::*;

fn refusal(code: &str, message: &str, fields: &[&str]) -> Refusal {
    Refusal {
        code: code.to_owned(),
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        message: message.to_owned(),
        matches: Vec::new(),
    }
}

fn retry(after_ms: u64, reason: &str) -> Failure {
    Failure::Retry { after_ms, reason: reason.to_owned() }
}

#[test]
fn what_passes_by_itself_is_come_again_after_a_while() {
    for (status, code, message, after_ms) in [
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", 1_000),
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 3_600_000),
        (
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            5_000,
        ),
        (400, "QUERY_TIMEOUT", "", 30_000),
        (400, "REQUEST_RUNNING_TOO_LONG", "", 30_000),
        (400, "INVALID_QUERY_LOCATOR", "", 30_000),
        (503, "SERVER_UNAVAILABLE", "", 5_000),
        (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1-1", 5_000),
        (500, "APEX_ERROR", "", 5_000),
        (400, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "", 300_000),
        (400, "ORG_IN_MAINTENANCE", "", 300_000),
        (400, "TOO_MANY_APEX_REQUESTS", "", 30_000),
        (400, "PROCESSING_HALTED", "", 5_000),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(whole_call(status, &[refusal(code, message, &[])]), retry(after_ms, code), "{code}");
    }
}

#[test]
fn a_refused_login_is_renewed_unless_every_new_one_would_be_refused_too() {
    let of = |message| whole_call(StatusCode::UNAUTHORIZED, &[refusal("INVALID_SESSION_ID", message, &[])]);
    assert_eq!(
        of("Session expired or invalid"),
        Failure::RefreshLogin { reason: "INVALID_SESSION_ID".to_owned() }
    );
    for message in
        ["This session is not valid for use with the REST API", "Connected app is not attached to Agent"]
    {
        assert!(matches!(of(message), Failure::Park { .. }), "{message}");
    }
}

#[test]
fn what_somebody_must_mend_is_parked_with_code_fields_and_remedy() {
    for code in [
        "API_DISABLED_FOR_ORG",
        "INSUFFICIENT_ACCESS",
        "FUNCTIONALITY_NOT_ENABLED",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_FIELD",
        "INVALID_TYPE",
        "JSON_PARSER_ERROR",
        "REQUIRED_FIELD_MISSING",
        "STRING_TOO_LONG",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "FIELD_INTEGRITY_EXCEPTION",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "CANNOT_EXECUTE_FLOW_TRIGGER",
        "INVALID_EMAIL_ADDRESS",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "INVALID_CROSS_REFERENCE_KEY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "ENTITY_IS_LOCKED",
        "ENTITY_IS_DELETED",
        "NOT_FOUND",
        "INACTIVE_OWNER_OR_USER",
        "OPERATION_TOO_LARGE",
        "EXCEEDED_ID_LIMIT",
        "A_CODE_OF_NEXT_YEAR",
    ] {
        let failure = one(&refusal(code, "value: anna@example.com", &["State"]));
        let Failure::Park { reason } = failure else { panic!("{code} is not parked: {failure:?}") };
        let remedy = reason.strip_prefix(&format!("{code} (State): ")).expect(&reason);
        assert!(!remedy.is_empty() && !remedy.contains("anna"), "{reason}");
        assert_eq!(remedy.contains("does not know"), code == "A_CODE_OF_NEXT_YEAR", "{reason}");
    }
}

#[test]
fn the_column_is_named_even_where_the_answer_has_no_fields() {
    let failure = one(&refusal("INVALID_FIELD", "No such column 'Score__c' on sobject of type Contact", &[]));
    assert_eq!(
        failure,
        Failure::Park {
            reason: "INVALID_FIELD (Score__c): the field is gone or hidden: show it to the integration user \
                     or change the contract"
                .to_owned()
        }
    );
}

#[test]
fn what_is_no_name_is_not_repeated() {
    let failure = one(&refusal("<b>anna@example.com</b>", "", &["anna@example.com"]));
    let Failure::Park { reason } = failure else { panic!("{failure:?}") };
    assert!(reason.starts_with("UNREADABLE_CODE: "), "{reason}");
}

#[test]
fn what_we_should_not_have_sent_is_our_bug() {
    for code in ["MALFORMED_ID", "MALFORMED_QUERY", "MISSING_ARGUMENT", "METHOD_NOT_ALLOWED"] {
        assert_eq!(one(&refusal(code, "", &[])), Failure::Bug { reason: code.to_owned() });
    }
}

#[test]
fn an_answer_without_a_code_is_judged_by_its_status() {
    let of = |status| whole_call(StatusCode::from_u16(status).unwrap(), &[]);
    for status in [420, 429, 500, 502, 503, 504, 302] {
        assert_eq!(of(status), retry(5_000, &format!("HTTP_{status}")));
    }
    assert_eq!(of(401), Failure::RefreshLogin { reason: "HTTP_401".to_owned() });
    for status in [409, 412] {
        assert_eq!(of(status), Failure::Conflict { reason: format!("HTTP_{status}") });
    }
    for status in [403, 404, 410] {
        assert!(matches!(of(status), Failure::Park { .. }), "{status}");
    }
    for status in [400, 405, 414, 415, 428, 431] {
        assert_eq!(of(status), Failure::Bug { reason: format!("HTTP_{status}") });
    }
}
