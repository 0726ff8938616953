//! The face in front of a machine, over HTTP: counts, faults, notifications, and what a killed process remembers.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod receiver;

use std::path::PathBuf;

use bytes::Bytes;
use concord_core::names::Side;
use concord_crm::transport::{Http, Transport as _, TransportError};
use concord_sandbox::courier::{Target, signature_v3};
use concord_sandbox::face::{Config, Face, Receiver, serve};
use concord_sandbox::hubspot::{self, HubSpot};
use concord_sandbox::salesforce::{self, Salesforce};
use concord_sandbox::sample::sample;
use http::{Method, Request, Response, StatusCode};
use receiver::Inbox;
use serde_json::{Value, json};

const TOKEN: &str = "pat-test";
const CONTACTS: &str = "/crm/v3/objects/contacts";
const UI_CONTACTS: &str = "/__sandbox/ui/crm/v3/objects/contacts";

fn config(side: Side) -> Config {
    Config::new(side, ([127, 0, 0, 1], 0).into())
}

async fn hubspot() -> Face<HubSpot> {
    serve(portal(), config(Side::HubSpot)).await.expect("loopback is there")
}

fn portal() -> HubSpot {
    HubSpot::new(hubspot::Config { tokens: [TOKEN.to_owned()].into(), ..hubspot::Config::default() })
}

async fn send<M: concord_sandbox::crm::Machine + 'static>(
    face: &Face<M>,
    method: Method,
    path: &str,
    body: Value,
) -> Result<Response<Bytes>, TransportError> {
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", face.url()))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) });
    Http::new()?.send(request.map_err(|error| TransportError::NotSent(error.to_string()))?).await
}

/// A call that is answered, and its JSON.
async fn call<M: concord_sandbox::crm::Machine + 'static>(
    face: &Face<M>,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let answer = send(face, method, path, body).await.expect("the call is answered");
    (answer.status(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}

fn contact(email: &str) -> Value {
    json!({"properties": {"email": email, "lastname": "Okafor"}})
}

/// The e-mails of all living contacts, sorted.
async fn emails(face: &Face<HubSpot>) -> Vec<String> {
    let (status, page) =
        call(face, Method::GET, &format!("{UI_CONTACTS}?limit=100&properties=email"), Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let rows = page["results"].as_array().cloned().unwrap_or_default();
    let mut emails: Vec<String> =
        rows.iter().filter_map(|row| Some(row["properties"]["email"].as_str()?.to_owned())).collect();
    emails.sort();
    emails
}

#[tokio::test]
async fn calls_are_counted_by_kind_and_a_persons_apart() {
    let face = hubspot().await;
    call(&face, Method::POST, CONTACTS, contact("a@example.com")).await;
    call(&face, Method::POST, UI_CONTACTS, contact("b@example.com")).await;
    let both = json!({"inputs": [contact("c@example.com"), contact("d@example.com")]});
    call(&face, Method::POST, &format!("{CONTACTS}/batch/create"), both).await;
    // A write that is refused is a write, too: the id is taken.
    call(&face, Method::POST, CONTACTS, contact("a@example.com")).await;
    call(&face, Method::GET, CONTACTS, Value::Null).await;

    let (_, counts) = call(&face, Method::GET, "/__sandbox/calls", Value::Null).await;
    assert_eq!(
        counts,
        json!({
            "total": 4,
            "writes": 4,
            "by_kind": {
                "list": {"requests": 1, "records": 1},
                "write_batch_create": {"requests": 1, "records": 2},
                "write_create": {"requests": 2, "records": 2},
            },
            "person": {"total": 1, "writes": 1, "by_kind": {"write_create": {"requests": 1, "records": 1}}},
            "kept_off_by_faults": 0,
        })
    );
    let (_, counts) = call(&face, Method::DELETE, "/__sandbox/calls", Value::Null).await;
    assert_eq!((&counts["total"], &counts["person"]["total"]), (&json!(0), &json!(0)));
    face.shutdown().await;
}

#[tokio::test]
async fn the_truth_shows_every_record() {
    let face = hubspot().await;
    let (_, made) = call(&face, Method::POST, UI_CONTACTS, contact("a@example.com")).await;
    let (_, truth) = call(&face, Method::GET, "/__sandbox/truth", Value::Null).await;
    let id = made["id"].as_str().expect("a new record has an id");
    assert_eq!(truth["records"]["contacts"][id]["properties"]["email"], json!("a@example.com"));
    face.shutdown().await;
}

#[tokio::test]
async fn a_call_that_times_out_after_its_effect_is_not_answered_and_has_happened() {
    let face = hubspot().await;
    let rule = json!({"kind": "timeout_after_effect", "match": {"call": "write_*"}, "times": 1});
    call(&face, Method::POST, "/__sandbox/faults", json!([rule])).await;

    let lost = send(&face, Method::POST, CONTACTS, contact("a@example.com")).await;

    assert!(matches!(lost, Err(TransportError::Lost(_))), "{lost:?}");
    assert_eq!(emails(&face).await, ["a@example.com"]);
    let (status, _) = call(&face, Method::POST, CONTACTS, contact("b@example.com")).await;
    assert_eq!(status, StatusCode::CREATED);
    face.shutdown().await;
}

#[tokio::test]
async fn a_call_that_times_out_before_has_not_happened() {
    let face = hubspot().await;
    let rule =
        json!({"kind": "timeout_before", "match": {"method": "POST", "path": "/contacts"}, "times": 1});
    call(&face, Method::POST, "/__sandbox/faults", rule).await;

    let lost = send(&face, Method::POST, CONTACTS, contact("a@example.com")).await;

    assert!(matches!(lost, Err(TransportError::Lost(_))), "{lost:?}");
    assert_eq!(emails(&face).await, Vec::<String>::new());
    let (_, counts) = call(&face, Method::GET, "/__sandbox/calls", Value::Null).await;
    assert_eq!((&counts["writes"], &counts["kept_off_by_faults"]), (&json!(0), &json!(1)));
    face.shutdown().await;
}

#[tokio::test]
async fn a_rule_strikes_every_nth_time_and_shows_how_often() {
    let face = hubspot().await;
    let rule =
        json!({"kind": "too_many", "match": {"call": "list"}, "every": 2, "times": 1, "retry_after_s": 7});
    call(&face, Method::POST, "/__sandbox/faults", json!([rule])).await;

    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = send(&face, Method::GET, CONTACTS, Value::Null).await.unwrap();
        let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        statuses.push((answer.status().as_u16(), retry_after));
    }
    assert_eq!(statuses, [(200, None), (429, Some("7".to_owned())), (200, None), (200, None)]);
    let (_, shown) = call(&face, Method::GET, "/__sandbox/faults", Value::Null).await;
    assert_eq!((&shown[0]["seen"], &shown[0]["hits"]), (&json!(2), &json!(1)));
    // A person has no faults; without rules, nobody has.
    let (_, shown) = call(&face, Method::DELETE, "/__sandbox/faults", Value::Null).await;
    assert_eq!(shown, json!([]));
    face.shutdown().await;
}

#[tokio::test]
async fn faults_look_like_the_crm_they_come_from() {
    let salesforce = Salesforce::new(salesforce::Config::default());
    let face = serve(salesforce, config(Side::Salesforce)).await.unwrap();
    let rules = json!([
        {"kind": "too_many", "times": 1},
        {"kind": "server_error", "status": 500, "times": 1},
        {"kind": "fail", "status": 418, "body": {"own": true}, "times": 1},
    ]);
    call(&face, Method::POST, "/__sandbox/faults", rules).await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        let (status, body) = call(&face, Method::GET, "/services/data/v62.0/limits", Value::Null).await;
        let code = body.get(0).map_or(Value::Null, |error| error["errorCode"].clone());
        answers.push((status.as_u16(), code));
    }
    let codes = [json!("REQUEST_LIMIT_EXCEEDED"), json!("UNKNOWN_EXCEPTION"), Value::Null];
    assert_eq!(answers, [403, 500, 418].into_iter().zip(codes).collect::<Vec<_>>());
    face.shutdown().await;
}

#[tokio::test]
async fn a_rule_that_cannot_be_is_refused_and_none_of_its_list_is_taken() {
    let face = hubspot().await;
    for bad in [
        json!({"kind": "explode"}),
        json!({"kind": "fail"}),
        json!({"kind": "delay"}),
        json!({"kind": "drop", "match": {"method": "POST"}}),
        json!({"kind": "fail", "status": 500, "every": 0}),
        json!({"kind": "drop", "unknown": 1}),
    ] {
        let (status, told) =
            call(&face, Method::POST, "/__sandbox/faults", json!([{"kind": "drop"}, bad])).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
        assert!(told["message"].as_str().is_some_and(|text| text.contains("rule 2")), "{told}");
    }
    let (_, shown) = call(&face, Method::GET, "/__sandbox/faults", Value::Null).await;
    assert_eq!(shown, json!([]));
    face.shutdown().await;
}

#[tokio::test]
async fn webhooks_come_signed_in_batches_and_again_after_a_refusal() {
    // Given a receiver that refuses the first delivery
    let inbox = Inbox::open([503]).await;
    let face = hubspot().await;
    let target = json!({"url": inbox.url(), "secret": "s3cret"});
    assert_eq!(call(&face, Method::POST, "/__sandbox/target", target).await.0, StatusCode::OK);

    // When a person makes a contact
    let (_, made) = call(&face, Method::POST, UI_CONTACTS, contact("a@example.com")).await;
    let (first, second) = (inbox.next().await, inbox.next().await);

    // Then the same events came twice, with the attempt's number, each signed for itself
    for (attempt, delivery) in [&first, &second].into_iter().enumerate() {
        let header = |name: &str| delivery.headers()[name].to_str().unwrap();
        let body = std::str::from_utf8(delivery.body()).unwrap();
        let timestamp = header("x-hubspot-request-timestamp");
        let signature = signature_v3("s3cret", "POST", &inbox.url(), body, timestamp);
        assert_eq!(header("x-hubspot-signature-v3"), signature);
        assert_eq!(header("x-hubspot-signature-version"), "v1");
        let events: Vec<Value> = serde_json::from_str(body).unwrap();
        assert!(events.iter().any(|event| event["subscriptionType"] == "contact.creation"), "{body}");
        for event in &events {
            assert_eq!(event["objectId"].to_string(), made["id"].as_str().unwrap());
            assert_eq!(event["attemptNumber"], json!(attempt));
        }
    }
    inbox.stays_empty().await;
    face.shutdown().await;
}

#[tokio::test]
async fn dropped_webhooks_do_not_come_and_duplicated_ones_come_again() {
    let inbox = Inbox::open([]).await;
    let face = hubspot().await;
    face.set_receiver(Receiver::Url(Target { url: inbox.url(), secret: "s".to_owned() }));
    let drop_all = json!({"kind": "drop"});
    call(&face, Method::POST, "/__sandbox/faults", drop_all).await;
    call(&face, Method::POST, UI_CONTACTS, contact("a@example.com")).await;
    inbox.stays_empty().await;

    call(&face, Method::DELETE, "/__sandbox/faults", Value::Null).await;
    let rules = json!([
        {"kind": "duplicate", "copies": 2, "match": {"notice": "contact.creation"}},
        {"kind": "drop"},
    ]);
    call(&face, Method::POST, "/__sandbox/faults", rules).await;
    call(&face, Method::POST, UI_CONTACTS, contact("b@example.com")).await;
    let delivery = inbox.next().await;
    let events: Vec<Value> = serde_json::from_slice(delivery.body()).unwrap();
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| *event == events[0]), "{events:?}");
    face.shutdown().await;
}

#[tokio::test]
async fn change_events_come_one_by_one_to_a_callback_until_they_are_taken() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let face = serve(Salesforce::new(salesforce::Config::default()), config(Side::Salesforce)).await.unwrap();
    // It takes an event only the second time.
    let refused = std::sync::atomic::AtomicBool::new(false);
    face.set_receiver(Receiver::Callback(std::sync::Arc::new(move |event| {
        let first = !refused.swap(true, std::sync::atomic::Ordering::SeqCst);
        // The test may have ended.
        let _ = told.send(event);
        Box::pin(async move { !first })
    })));
    let body = json!({"LastName": "Okafor", "Email": "a@example.com"});
    let path = "/__sandbox/ui/services/data/v62.0/sobjects/Contact";
    assert_eq!(call(&face, Method::POST, path, body).await.0, StatusCode::CREATED);

    let (one, again) = (heard.recv().await.unwrap(), heard.recv().await.unwrap());
    assert_eq!(one["detail-type"], "ContactChangeEvent");
    assert_eq!(one, again);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(heard.try_recv().is_err());
    face.shutdown().await;
}

fn ledger(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("concord-{}-{name}.jsonl", std::process::id()));
    // From an earlier run of the same number.
    let _ = std::fs::remove_file(&path);
    path
}

async fn remembering(path: &std::path::Path) -> Face<HubSpot> {
    let config = Config { ledger: Some(path.to_owned()), ..config(Side::HubSpot) };
    serve(portal(), config).await.expect("the ledger can be opened")
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill_and_a_torn_line_is_dropped() {
    // Given a face that is never shut down, and a line that was cut short by a kill
    let path = ledger("kill");
    let face = remembering(&path).await;
    call(&face, Method::POST, CONTACTS, contact("a@example.com")).await;
    call(&face, Method::POST, UI_CONTACTS, contact("b@example.com")).await;
    call(&face, Method::POST, CONTACTS, contact("a@example.com")).await;
    call(&face, Method::GET, CONTACTS, Value::Null).await;
    let (_, before) = call(&face, Method::GET, "/__sandbox/truth", Value::Null).await;
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [whole.as_slice(), br#"{"at":"2026-"#].concat()).unwrap();

    // When another one is started on the same file
    let second = remembering(&path).await;

    // Then every record is as it was, with its history, and only what changed something was made again
    let (_, after) = call(&second, Method::GET, "/__sandbox/truth", Value::Null).await;
    assert_eq!(after, before);
    assert_eq!((second.replay().made, second.replay().refused), (2, 0));
    assert_eq!(std::fs::read(&path).unwrap(), whole);

    // And it goes on from there
    call(&second, Method::POST, CONTACTS, contact("c@example.com")).await;
    second.shutdown().await;
    let third = remembering(&path).await;
    assert_eq!(emails(&third).await, ["a@example.com", "b@example.com", "c@example.com"]);
    third.shutdown().await;
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn webhooks_that_a_kill_kept_back_are_told_after_the_restart() {
    let path = ledger("webhooks");
    let inbox = Inbox::open([]).await;
    let face = remembering(&path).await;
    call(&face, Method::POST, UI_CONTACTS, contact("a@example.com")).await;

    let second = remembering(&path).await;
    second.set_receiver(Receiver::Url(Target { url: inbox.url(), secret: "s".to_owned() }));

    let events: Vec<Value> = serde_json::from_slice(inbox.next().await.body()).unwrap();
    assert!(events.iter().any(|event| event["subscriptionType"] == "contact.creation"), "{events:?}");
    second.shutdown().await;
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn the_sample_is_taken_by_both_sides_and_is_the_same_each_time() {
    let hubspot = hubspot().await;
    let salesforce =
        serve(Salesforce::new(salesforce::Config::default()), config(Side::Salesforce)).await.unwrap();
    let made = sample(1_000);
    for request in &made.hubspot {
        let body = serde_json::from_slice(request.body()).unwrap();
        let (status, answer) =
            call(&hubspot, Method::POST, &format!("/__sandbox/ui{}", request.uri()), body).await;
        assert_eq!((status, answer.get("numErrors")), (StatusCode::CREATED, None), "{answer}");
    }
    for request in &made.salesforce {
        let body = serde_json::from_slice(request.body()).unwrap();
        let (_, answer) =
            call(&salesforce, Method::POST, &format!("/__sandbox/ui{}", request.uri()), body).await;
        let all = answer.as_array().is_some_and(|rows| rows.iter().all(|row| row["success"] == true));
        assert!(all, "{answer}");
    }
    let (_, left) = call(&hubspot, Method::GET, "/__sandbox/truth", Value::Null).await;
    let (_, right) = call(&salesforce, Method::GET, "/__sandbox/truth", Value::Null).await;
    let count =
        |truth: &Value, object: &str| truth["records"][object].as_object().map_or(0, serde_json::Map::len);
    assert_eq!((count(&left, "contacts"), count(&left, "companies"), count(&left, "deals")), (530, 140, 25));
    assert_eq!(
        (count(&right, "Contact"), count(&right, "Account"), count(&right, "Opportunity")),
        (520, 140, 25)
    );
    let bodies =
        |requests: &[Request<Bytes>]| requests.iter().map(|one| one.body().clone()).collect::<Vec<_>>();
    assert_eq!(bodies(&made.hubspot), bodies(&sample(1_000).hubspot));
    hubspot.shutdown().await;
    salesforce.shutdown().await;
}
