//! Logging in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use concord_core::port::{Crm as _, Failure};
use concord_crm::hubspot::{Auth, Config, HubSpot, Secret};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::tape::{Tape, client, config, contacts, ids};

fn oauth() -> Config {
    let mut config = config();
    config.auth = Auth::OAuth {
        client_id: "client-1".to_owned(),
        client_secret: Secret::new("s&cret"),
        refresh_token: Secret::new("refresh-1"),
    };
    config
}

fn token(token: &str) -> Value {
    json!({ "token_type": "bearer", "refresh_token": "refresh-1", "access_token": token, "hub_id": 4242, "expires_in": 1800 })
}

fn empty_schema() -> Value {
    json!({ "results": [] })
}

fn bearers(tape: &Tape) -> Vec<String> {
    let header = |request: &http::Request<bytes::Bytes>| {
        Some(request.headers().get("authorization")?.to_str().unwrap().to_owned())
    };
    tape.requests().iter().filter_map(header).collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_until_just_before_it_runs_out() {
    let tape = Tape::new()
        .answer(200, token("first"))
        .answer(200, empty_schema())
        .answer(200, empty_schema())
        .answer(200, token("second"))
        .answer(200, empty_schema());
    let seconds = Arc::new(AtomicI64::new(1_800_000_000));
    let mut config = oauth();
    let clock = Arc::clone(&seconds);
    config.clock = Arc::new(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap());
    let client = HubSpot::new(tape.clone(), config);

    client.schema(&"contacts".into()).await.unwrap();
    seconds.fetch_add(1_739, Ordering::Relaxed);
    client.schema(&"contacts".into()).await.unwrap();
    seconds.fetch_add(1, Ordering::Relaxed);
    client.schema(&"contacts".into()).await.unwrap();

    let form = "grant_type=refresh_token&client_id=client-1&client_secret=s%26cret&refresh_token=refresh-1";
    let login = ("POST /oauth/2026-03/token".to_owned(), Value::String(form.to_owned()));
    let schema = ("GET /crm/properties/2026-03/contacts".to_owned(), Value::Null);
    assert_eq!(tape.sent(), [login.clone(), schema.clone(), schema.clone(), login, schema]);
    assert_eq!(bearers(&tape), ["Bearer first", "Bearer first", "Bearer second"]);
}

#[tokio::test]
async fn calls_side_by_side_share_one_login() {
    let many: Vec<String> = (100..300).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let nothing = json!({ "results": [] });
    let mut tape = Tape::new().answer(200, token("first"));
    for _ in 0..8 {
        tape = tape.answer(200, nothing.clone());
    }
    for _ in 0..200 {
        tape = tape.answer(404, json!({ "status": "error", "message": "resource not found" }));
    }
    let client = HubSpot::new(tape.clone(), oauth());

    let readings = client.read(&contacts(), &ids(&many)).await.unwrap();

    assert_eq!(readings.len(), 200);
    assert_eq!(tape.sent().iter().filter(|(call, _)| call.contains("/oauth/")).count(), 1);
}

#[tokio::test]
async fn a_refused_token_is_dropped_and_the_next_call_logs_in_anew() {
    let expired = json!({ "status": "error", "category": "EXPIRED_AUTHENTICATION", "message": "expired 5 second(s) ago" });
    let tape = Tape::new()
        .answer(200, token("first"))
        .answer(401, expired)
        .answer(200, token("second"))
        .answer(200, empty_schema());
    let client = HubSpot::new(tape.clone(), oauth());

    let failure = client.schema(&"contacts".into()).await.unwrap_err();
    client.schema(&"contacts".into()).await.unwrap();

    assert_eq!(failure, Failure::RefreshLogin { reason: "401 EXPIRED_AUTHENTICATION".to_owned() });
    assert_eq!(bearers(&tape), ["Bearer first", "Bearer second"]);
    assert_eq!(tape.sent().len(), 4);
}

#[tokio::test]
async fn a_refresh_token_that_is_refused_waits_for_a_person() {
    let refused = json!({ "error": "invalid_grant", "error_description": "refresh token is invalid", "status": "BAD_REFRESH_TOKEN" });
    let tape = Tape::new().answer(400, refused);

    let failure = HubSpot::new(tape.clone(), oauth()).schema(&"contacts".into()).await.unwrap_err();

    let reason =
        "400 BAD_REFRESH_TOKEN: HubSpot refuses the refresh token or the client; connect the app again";
    assert_eq!(failure, Failure::Park { reason: reason.to_owned() });
    assert_eq!(tape.sent().len(), 1);
}

#[tokio::test]
async fn a_login_to_another_account_is_not_used() {
    let mut other = token("first");
    other["hub_id"] = json!(1);
    let tape = Tape::new().answer(200, other);

    let failure = HubSpot::new(tape.clone(), oauth()).schema(&"contacts".into()).await.unwrap_err();

    let reason = "the login belongs to another HubSpot account than the configured portal id".to_owned();
    assert_eq!(failure, Failure::Park { reason });
    assert_eq!(tape.sent().len(), 1);
}

#[tokio::test]
async fn an_outage_of_the_login_is_tried_again() {
    let tape = Tape::new().answer(503, Value::Null);

    let failure = HubSpot::new(tape, oauth()).schema(&"contacts".into()).await.unwrap_err();

    assert_eq!(failure, Failure::Retry { after_ms: 5_000, reason: "503".to_owned() });
}

#[tokio::test]
async fn no_secret_shows_in_debug_output() {
    let tape = Tape::new().answer(200, token("access-1")).answer(200, empty_schema());
    let client = HubSpot::new(tape.clone(), oauth());
    client.schema(&"contacts".into()).await.unwrap();

    let shown = format!("{:?} {:?}", oauth(), tape.requests()[1]);

    for secret in ["s&cret", "refresh-1", "access-1"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_static_token_asks_for_nothing() {
    let tape = Tape::new().answer(200, empty_schema());

    client(&tape).schema(&"contacts".into()).await.unwrap();

    assert_eq!(bearers(&tape), ["Bearer pat-test"]);
    assert_eq!(tape.sent().len(), 1);
}
