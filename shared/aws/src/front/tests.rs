use super::*;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concord_core::names::Side;
use concord_core::port::QueueError;
use concord_core::step::StepError;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

const URL: &str = "https://x.lambda-url.eu-central-1.on.aws/";
const SECRET: &str = "client-secret";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn event() -> String {
    json!([{
        "eventId": 1, "subscriptionId": 2, "portalId": 4711, "appId": 77, "occurredAt": 1_800_000_000_000_i64,
        "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 123,
        "propertyName": "email", "propertyValue": "ada@example.com", "changeSource": "CRM_UI",
    }])
    .to_string()
}

fn signed(body: &str, at: Timestamp) -> HeaderMap {
    let stamp = at.as_millisecond().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("POST{URL}{body}{stamp}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let mut headers = HeaderMap::new();
    headers.insert("x-hubspot-signature-v3", signature.parse().unwrap());
    headers.insert("x-hubspot-request-timestamp", stamp.parse().unwrap());
    headers
}

/// What is answered, what was taken in, and what was counted.
#[derive(Debug, PartialEq)]
struct Served {
    status: u16,
    events: Vec<Event>,
    refused: Vec<String>,
}

fn served(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
    taken: Result<TakenIn, StepError>,
) -> Served {
    let (secret, org) = (Secret::new(SECRET), RecordId::from("00Dxx0000001gPLEAY"));
    let door = Door {
        webhook_url: URL,
        webhook_secret: &secret,
        portal: PortalId(4711),
        org: &org,
        outbound_token: Some(TOKEN),
    };
    let metrics = Metrics::new("Concord", "stack");
    let mut events = Vec::new();
    let request = Request { method, path, headers, body };
    let serving = serve(request, door, &metrics, now(), async |arrived: &[Event]| {
        events.extend_from_slice(arrived);
        taken
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(serving);
    let refused =
        metrics.take(now()).iter().filter_map(|line| line["reason"].as_str().map(str::to_owned)).collect();
    Served { status: answer.status, events, refused }
}

fn refused(status: u16, reason: &str) -> Served {
    Served { status, events: vec![], refused: vec![reason.to_owned()] }
}

fn hinted() -> Result<TakenIn, StepError> {
    Ok(TakenIn { hinted: 1, ..TakenIn::default() })
}

#[test]
fn a_signed_delivery_becomes_events_without_values() {
    let body = event();
    let served = served(&Method::POST, "/", &signed(&body, now()), body.as_bytes(), hinted());

    assert_eq!((served.status, served.refused.len()), (204, 0));
    let [event] = <[Event; 1]>::try_from(served.events).unwrap();
    assert_eq!((event.side, event.object.as_str()), (Side::HubSpot, "contacts"));
    assert_eq!(event.ids, [RecordId::from("123")]);
    assert!(!format!("{event:?}").contains("ada@example.com"));
}

#[test]
fn a_refusal_leaves_a_status_and_a_metric_and_nothing_else() {
    let body = event();
    let post =
        |path: &str, headers: &HeaderMap, body: &[u8]| served(&Method::POST, path, headers, body, hinted());
    let headers = signed(&body, now());
    let unsigned = HeaderMap::new();

    assert_eq!(post("/hubspot", &unsigned, body.as_bytes()), refused(401, "unsigned"));
    let altered = body.replace("123", "124");
    assert_eq!(post("/hubspot", &headers, altered.as_bytes()), refused(401, "forged"));
    let old = signed(&body, now() - jiff::SignedDuration::from_mins(6));
    assert_eq!(post("/hubspot", &old, body.as_bytes()), refused(401, "stale"));
    let huge = vec![b' '; webhook::BODY_BYTES_MAX + 1];
    assert_eq!(post("/hubspot", &headers, &huge), refused(413, "too_large"));
    let foreign = body.replace("4711", "4712");
    assert_eq!(post("/", &signed(&foreign, now()), foreign.as_bytes()), refused(400, "other_account"));
    assert_eq!(post("/", &signed("{", now()), b"{"), refused(400, "unreadable"));
    assert_eq!(served(&Method::GET, "/", &headers, b"", hinted()), refused(405, "method"));
    assert_eq!(post("/elsewhere", &headers, body.as_bytes()), refused(404, "path"));
}

#[test]
fn what_was_not_taken_in_is_asked_for_again() {
    let body = event();
    let status = |taken| served(&Method::POST, "/", &signed(&body, now()), body.as_bytes(), taken).status;

    let failure = StepError::Queue(QueueError { count: 1, of: 1, reason: "down".to_owned() });
    assert_eq!(status(Err(failure)), 503);
    assert_eq!(status(Ok(TakenIn { in_progress: 1, ..TakenIn::default() })), 503);
    assert_eq!(status(Ok(TakenIn { repeated: 1, ..TakenIn::default() })), 204);
}

#[test]
fn an_outbound_message_is_known_by_its_address_before_it_is_read() {
    let headers = HeaderMap::new();
    let post = |path: &str| served(&Method::POST, path, &headers, b"<not soap", hinted());

    assert_eq!(post("/salesforce/outbound/wrong"), refused(401, "forged"));
    assert_eq!(post("/salesforce/outbound/"), refused(401, "forged"));
    assert_eq!(post(&format!("/salesforce/outbound/{TOKEN}")), refused(400, "unreadable"));
    assert_eq!(post("/salesforce/outbound"), refused(404, "path"));
}

#[test]
fn an_envelope_of_another_org_is_counted_and_dropped() {
    let metrics = Metrics::new("Concord", "stack");
    let source = Source { org: RecordId::from("00Dxx0000001gPLEAY"), appflow: None };
    let envelope = json!({"source": "aws.partner/salesforce.com/00D000000000001AAA/0YL", "detail": {}});

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let taken = runtime.block_on(relayed(&envelope, &source, &metrics, async |_: &[Event]| hinted()));

    assert_eq!(taken, Ok(()));
    let lines = metrics.take(now());
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["reason"], &lines[0]["WebhookRefused"]), (&json!("other_account"), &json!(1)));
}

#[test]
fn an_envelope_that_was_not_taken_in_is_asked_for_again() {
    let source = Source { org: RecordId::from("00D000000000001EAA"), appflow: None };
    let header = json!({"entityName": "Contact", "recordIds": ["003000000000001AAA"], "changeType": "UPDATE",
        "transactionKey": "0001a2b3-0001-0001-0001-0001a2b30001", "sequenceNumber": 1, "commitNumber": 1});
    let envelope = json!({"source": "aws.partner/salesforce.com/00D000000000001EAA/0YL",
        "detail": {"payload": {"ChangeEventHeader": header}}});
    let relay = |taken: Result<TakenIn, StepError>| {
        let metrics = Metrics::new("Concord", "stack");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(relayed(&envelope, &source, &metrics, async |_: &[Event]| taken))
    };

    let failure = StepError::Queue(QueueError { count: 1, of: 1, reason: "down".to_owned() });
    assert_eq!(relay(Err(failure.clone())), Err(NotTaken::Failed(failure)));
    assert_eq!(relay(Ok(TakenIn { in_progress: 1, ..TakenIn::default() })), Err(NotTaken::InProgress));
    assert_eq!(relay(Ok(TakenIn { repeated: 1, ..TakenIn::default() })), Ok(()));
}
