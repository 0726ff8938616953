//! What each documented refusal means: the status first, then category and code, never the message.

use concord_core::port::{Crm as _, Failure, Operation, Outcome};
use concord_crm::transport::TransportError;
use serde_json::{Value, json};

use super::tape::{Tape, client, contacts, id, text, values, write};

fn retry(after_ms: u64, reason: &str) -> Failure {
    Failure::Retry { after_ms, reason: reason.to_owned() }
}

fn park(reason: &str) -> Failure {
    Failure::Park { reason: reason.to_owned() }
}

/// Status, headers and body, and what they mean.
type Case<'a> = (u16, &'a [(&'a str, &'a str)], Value, Failure);

/// Asks a client for a schema, and is refused like this.
async fn refused(status: u16, headers: &[(&str, &str)], body: Value) -> Failure {
    let tape = Tape::new().answer_with(status, headers, body);
    let failure = client(&tape).schema(&"contacts".into()).await.unwrap_err();
    assert_eq!(tape.sent().len(), 1);
    failure
}

fn category(category: &str) -> Value {
    json!({ "status": "error", "message": "Ann Smith <ann@example.com>", "correlationId": "c-1", "category": category })
}

#[tokio::test]
async fn every_documented_refusal_says_what_to_do() {
    let seconds = [("retry-after", "17")];
    let none: [(&str, &str); 0] = [];
    let table: Vec<Case<'_>> = vec![
        (
            400,
            &none,
            category("VALIDATION_ERROR"),
            park("400 VALIDATION_ERROR: correct the value, the contract or the property"),
        ),
        (
            400,
            &none,
            json!({ "message": "Invalid input JSON on line 3" }),
            park("400: correct the value, the contract or the property"),
        ),
        (
            401,
            &none,
            category("INVALID_AUTHENTICATION"),
            Failure::RefreshLogin { reason: "401 INVALID_AUTHENTICATION".to_owned() },
        ),
        (
            401,
            &none,
            category("EXPIRED_AUTHENTICATION"),
            Failure::RefreshLogin { reason: "401 EXPIRED_AUTHENTICATION".to_owned() },
        ),
        (
            403,
            &none,
            category("SOMETHING"),
            park("403 SOMETHING: HubSpot forbids this; check the app's permissions"),
        ),
        (
            404,
            &none,
            category("OBJECT_NOT_FOUND"),
            park("404 OBJECT_NOT_FOUND: HubSpot knows no such object type; correct the contract"),
        ),
        (409, &none, category("CONFLICT"), Failure::Conflict { reason: "409 CONFLICT".to_owned() }),
        (414, &none, Value::Null, Failure::Bug { reason: "414".to_owned() }),
        (423, &none, Value::Null, retry(2_000, "423")),
        (429, &seconds, category("RATE_LIMITS"), retry(17_000, "429 RATE_LIMITS")),
        (
            429,
            &none,
            json!({ "errorType": "RATE_LIMIT", "policyName": "DAILY" }),
            retry(3_600_000, "429 RATE_LIMIT DAILY"),
        ),
        (
            429,
            &none,
            json!({ "policyName": "TEN_SECONDLY_ROLLING" }),
            retry(10_000, "429 TEN_SECONDLY_ROLLING"),
        ),
        (429, &none, json!({ "policyName": "SECONDLY" }), retry(1_000, "429 SECONDLY")),
        (429, &none, json!({ "policyName": "NEW_ONE" }), retry(10_000, "429 NEW_ONE")),
        (429, &none, category("RATE_LIMITS"), retry(1_000, "429 RATE_LIMITS")),
        (
            429,
            &[("x-hubspot-ratelimit-daily-remaining", "0")],
            category("RATE_LIMITS"),
            retry(3_600_000, "429 RATE_LIMITS"),
        ),
        (
            429,
            &[("x-hubspot-ratelimit-remaining", "0")],
            category("RATE_LIMITS"),
            retry(10_000, "429 RATE_LIMITS"),
        ),
        (477, &seconds, Value::Null, retry(17_000, "477")),
        (477, &[("retry-after", "999999999")], Value::Null, retry(86_400_000, "477")),
        (477, &none, Value::Null, retry(3_600_000, "477")),
        (500, &none, Value::Null, retry(5_000, "500")),
        (502, &none, json!("<html>bad gateway</html>"), retry(5_000, "502")),
        (503, &seconds, Value::Null, retry(17_000, "503")),
        (504, &none, Value::Null, retry(5_000, "504")),
        (521, &none, Value::Null, retry(5_000, "521")),
        (526, &none, Value::Null, retry(5_000, "526")),
        (
            418,
            &none,
            category("TEAPOT"),
            park("418 TEAPOT: an answer that Concord does not know; look it up"),
        ),
        (302, &none, Value::Null, park("302: an answer that Concord does not know; look it up")),
    ];
    for (status, headers, body, expected) in table {
        assert_eq!(refused(status, headers, body.clone()).await, expected, "{status} {headers:?} {body}");
    }
}

#[tokio::test]
async fn missing_scopes_are_named() {
    let body = json!({
        "status": "error", "category": "MISSING_SCOPES", "message": "This app hasn't been granted all required scopes",
        "errors": [{ "message": "m", "context": { "requiredGranularScopes": ["crm.schemas.contacts.read"] } }]
    });

    let reason = "403 MISSING_SCOPES: grant the app the scopes crm.schemas.contacts.read";
    assert_eq!(refused(403, &[], body).await, park(reason));
}

#[tokio::test]
async fn a_reason_names_codes_and_properties_and_never_repeats_a_value() {
    let body = json!({
        "status": "error", "category": "VALIDATION_ERROR", "message": "Email address ann@example.com is invalid",
        "errors": [
            { "message": "ann@example.com", "code": "INVALID_EMAIL", "in": "ann@example.com", "context": { "propertyName": ["email"] } },
            { "message": "Property \"x\" does not exist", "code": "not a code: ann", "context": { "propertyName": ["Ann Smith"] } }
        ]
    });

    let reason =
        "400 VALIDATION_ERROR INVALID_EMAIL (email): correct the value, the contract or the property";
    assert_eq!(refused(400, &[], body).await, park(reason));
}

#[tokio::test]
async fn no_answer_is_come_again() {
    for (error, reason) in [
        (TransportError::NotSent("refused".to_owned()), "the request could not be sent: refused"),
        (TransportError::Lost("reset".to_owned()), "no answer came: reset"),
    ] {
        let tape = Tape::new().fail(error);
        let failure = client(&tape).schema(&"contacts".into()).await.unwrap_err();
        assert_eq!(failure, retry(1_000, reason));
    }
}

/// Sends one update, and is refused like this.
async fn update_refused(status: u16, body: Value) -> Outcome {
    let tape = Tape::new().answer(status, body);
    let values = values(&[("email", text("ann@example.com"))]);
    let update = Operation::Update { id: id("7"), values, unmodified_since: None };
    let outcomes = client(&tape).write(&contacts(), &[write("L1", 1, update)]).await;
    assert_eq!(tape.sent().len(), 1);
    outcomes.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_refused_write_is_an_outcome_of_the_record() {
    let message = |message: &str, category: &str| json!({ "message": message, "category": category });
    let unique = r#"Property values were not valid: [{"isValid":false,"message":"6001 already has that value.","error":"CONFLICTING_UNIQUE_VALUE","name":"concord_id"}]"#;
    let table = [
        (
            409,
            message("Contact already exists. Existing ID: 6001", "CONFLICT"),
            Outcome::Duplicate(Some(id("6001"))),
        ),
        (409, message("Der Kontakt ist schon da.", "CONFLICT"), Outcome::Duplicate(None)),
        (400, message(unique, "VALIDATION_ERROR"), Outcome::Duplicate(Some(id("6001")))),
        (404, message("resource not found", "OBJECT_NOT_FOUND"), Outcome::Gone),
        (
            401,
            message("m", "EXPIRED_AUTHENTICATION"),
            Outcome::Failed(Failure::RefreshLogin { reason: "401 EXPIRED_AUTHENTICATION".to_owned() }),
        ),
        (503, Value::Null, Outcome::Failed(retry(5_000, "503"))),
    ];
    for (status, body, expected) in table {
        assert_eq!(update_refused(status, body.clone()).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn an_insert_into_an_object_type_that_is_not_there_parks() {
    let tape = Tape::new().answer(404, json!({ "status": "error", "message": "resource not found" }));
    let insert = Operation::Insert { values: values(&[("email", text("ann@example.com"))]) };

    let outcomes = client(&tape).write(&contacts(), &[write("L1", 1, insert)]).await;

    let reason = "404: HubSpot knows no such object type; correct the contract";
    assert_eq!(outcomes, [Outcome::Failed(park(reason))]);
}
