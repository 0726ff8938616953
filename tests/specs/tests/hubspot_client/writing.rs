//! Writes.

use std::collections::BTreeMap;

use bytes::Bytes;
use concord_core::port::{Crm as _, Failure, ObjectSpec, Operation, Outcome};
use concord_core::value::{Presence, Raw};
use concord_crm::hubspot::{Family, HubSpot};
use concord_crm::transport::TransportError;
use serde_json::{Value, json};

use super::tape::{Tape, client, config, contacts, id, text, values, write};

fn insert(email: &str) -> Operation {
    Operation::Insert { values: values(&[("email", text(email))]) }
}

fn update(record: &str, name: &str) -> Operation {
    Operation::Update { id: id(record), values: values(&[("firstname", text(name))]), unmodified_since: None }
}

fn create_input(link: &str, token: &str, email: &str) -> Value {
    json!({
        "objectWriteTraceId": format!("{link}:{token}"),
        "properties": { "concord_id": link, "concord_token": token, "email": email },
    })
}

fn update_input(record: &str, link: &str, token: &str, name: &str) -> Value {
    json!({
        "id": record,
        "objectWriteTraceId": format!("{link}:{token}"),
        "properties": { "concord_id": link, "concord_token": token, "firstname": name },
    })
}

fn written(record: &str, link: &str, token: &str) -> Value {
    json!({
        "id": record, "archived": false,
        "createdAt": "2026-11-23T12:00:00Z", "updatedAt": "2026-11-23T12:00:00Z",
        "properties": { "concord_id": link, "concord_token": token, "hs_object_id": record },
    })
}

fn call(verb: &str, inputs: Value) -> (String, Value) {
    (format!("POST /crm/objects/2026-03/contacts/batch/{verb}"), json!({ "inputs": inputs }))
}

fn retry(reason: &str) -> Outcome {
    Outcome::Failed(Failure::Retry { after_ms: 1_000, reason: reason.to_owned() })
}

const UNMENTIONED: &str = "the batch was taken, but its answer does not mention this record";

#[tokio::test]
async fn the_whole_request_is_what_hubspot_documents() {
    let tape = Tape::new().answer(201, json!({ "results": [written("1", "L1", "1")] }));
    let values = values(&[
        ("clear", Presence::Blank),
        ("number", Presence::Value(Raw::Number("1200.50".parse().unwrap()))),
        ("yes", Presence::Value(Raw::Boolean(true))),
    ]);

    let outcomes = client(&tape).write(&contacts(), &[write("L1", 1, Operation::Insert { values })]).await;

    assert_eq!(outcomes, [Outcome::Done(id("1"))]);
    let requests = tape.requests();
    let [request] = requests.as_slice() else { panic!("one request: {requests:?}") };
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://hub.test/crm/objects/2026-03/contacts/batch/create");
    let headers: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers, [("authorization", "Bearer pat-test"), ("content-type", "application/json")]);
    assert_eq!(
        request.body(),
        &Bytes::from_static(
            br#"{"inputs":[{"objectWriteTraceId":"L1:1","properties":{"clear":"","concord_id":"L1","concord_token":"1","number":"1200.50","yes":"true"}}]}"#
        )
    );
}

#[tokio::test]
async fn the_older_paths_are_a_setting() {
    let tape = Tape::new().answer(204, Value::Null);
    let mut config = config();
    config.family = Family::V3;

    let archive = write("L1", 4, Operation::Archive { id: id("1") });
    let outcomes = HubSpot::new(tape.clone(), config).write(&contacts(), &[archive]).await;

    assert_eq!(outcomes, [Outcome::Done(id("1"))]);
    let path = "POST /crm/v3/objects/contacts/batch/archive".to_owned();
    assert_eq!(tape.sent(), [(path, json!({ "inputs": [{ "id": "1" }] }))]);
}

#[tokio::test]
async fn writes_go_out_by_kind_and_outcomes_come_back_in_order_whatever_the_order_of_the_answer() {
    let tape = Tape::new()
        .answer(201, json!({ "results": [written("12", "L3", "1"), written("11", "L1", "1")] }))
        .answer(200, json!({ "results": [written("8", "L4", "2"), written("7", "L2", "5")] }))
        .answer(204, Value::Null);

    let outcomes = client(&tape)
        .write(
            &contacts(),
            &[
                write("L1", 1, insert("a@example.com")),
                write("L2", 5, update("7", "Ann")),
                write("L3", 1, insert("b@example.com")),
                write("L5", 9, Operation::Archive { id: id("6") }),
                write("L4", 2, update("8", "Bob")),
            ],
        )
        .await;

    let done: Vec<_> = ["11", "7", "12", "6", "8"].map(|record| Outcome::Done(id(record))).into();
    assert_eq!(outcomes, done);
    assert_eq!(
        tape.sent(),
        [
            call(
                "create",
                json!([create_input("L1", "1", "a@example.com"), create_input("L3", "1", "b@example.com")])
            ),
            call("update", json!([update_input("7", "L2", "5", "Ann"), update_input("8", "L4", "2", "Bob")])),
            call("archive", json!([{ "id": "6" }])),
        ]
    );
}

#[tokio::test]
async fn a_second_write_to_the_same_record_waits_for_the_first() {
    let tape = Tape::new()
        .answer(200, json!({ "results": [written("7", "L1", "5")] }))
        .answer(200, json!({ "results": [written("7", "L1", "6")] }));

    let writes = [write("L1", 5, update("7", "Ann")), write("L1", 6, update("7", "Anna"))];
    let outcomes = client(&tape).write(&contacts(), &writes).await;

    assert_eq!(outcomes, [Outcome::Done(id("7")), Outcome::Done(id("7"))]);
    assert_eq!(
        tape.sent(),
        [
            call("update", json!([update_input("7", "L1", "5", "Ann")])),
            call("update", json!([update_input("7", "L1", "6", "Anna")])),
        ]
    );
}

#[tokio::test]
async fn two_hundred_and_fifty_updates_are_three_calls() {
    let all: Vec<_> = (0..250).map(|n| write(&format!("L{n}"), 1, update(&n.to_string(), "Ann"))).collect();
    let page = |ids: std::ops::Range<u32>| json!({ "results": ids.rev().map(|n| written(&n.to_string(), &format!("L{n}"), "1")).collect::<Vec<_>>() });
    let tape = Tape::new().answer(200, page(0..100)).answer(200, page(100..200)).answer(200, page(200..250));

    let outcomes = client(&tape).write(&contacts(), &all).await;

    let done: Vec<_> = (0..250).map(|n| Outcome::Done(id(&n.to_string()))).collect();
    assert_eq!(outcomes, done);
    let sizes: Vec<_> =
        tape.sent().iter().map(|(_, body)| body["inputs"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
}

#[tokio::test]
async fn partial_errors_find_their_write_by_trace_id_or_by_id_and_nothing_is_left_without_an_outcome() {
    let inner = r#"Property values were not valid: [{"isValid":false,"message":"secret value","error":"INVALID_OPTION","name":"firstname"}]"#;
    let tape = Tape::new().answer(
        207,
        json!({
            "status": "COMPLETE",
            "results": [written("7", "L1", "1")],
            "numErrors": 3,
            "errors": [
                { "status": "error", "category": "VALIDATION_ERROR", "message": inner, "context": { "objectWriteTraceId": ["L2:1"] } },
                { "status": "error", "category": "OBJECT_NOT_FOUND", "message": "m", "context": { "ids": ["9"] } },
                { "status": "error", "category": "CONFLICT", "message": "Contact already exists. Existing ID: 6001", "context": { "objectWriteTraceId": ["L4:1"] } }
            ]
        }),
    );
    let writes: Vec<_> = [("L1", "7"), ("L2", "8"), ("L3", "9"), ("L4", "10"), ("L5", "11")]
        .map(|(link, record)| write(link, 1, update(record, "Ann")))
        .into();

    let outcomes = client(&tape).write(&contacts(), &writes).await;

    let reason =
        "400 VALIDATION_ERROR INVALID_OPTION (firstname): correct the value, the contract or the property";
    assert_eq!(
        outcomes,
        [
            Outcome::Done(id("7")),
            Outcome::Failed(Failure::Park { reason: reason.to_owned() }),
            Outcome::Gone,
            Outcome::Duplicate(Some(id("6001"))),
            retry(UNMENTIONED),
        ]
    );
    assert_eq!(tape.sent().len(), 1);
}

#[tokio::test]
async fn an_insert_that_the_answer_knows_only_by_its_trace_id_is_done() {
    let result = json!({ "id": 31, "objectWriteTraceId": "L2:1", "properties": {} });
    let tape = Tape::new().answer(201, json!({ "results": [result] }));

    let writes = [write("L1", 1, insert("a@example.com")), write("L2", 1, insert("b@example.com"))];
    let outcomes = client(&tape).write(&contacts(), &writes).await;

    assert_eq!(outcomes, [retry(UNMENTIONED), Outcome::Done(id("31"))]);
}

#[tokio::test]
async fn one_poisoned_record_that_refuses_a_whole_batch_stops_nobody_else() {
    let refusal = json!({
        "status": "error", "category": "VALIDATION_ERROR", "message": "\"x\" is a read only property; secret",
        "errors": [{ "message": "secret", "code": "READ_ONLY_VALUE", "context": { "propertyName": ["firstname"] } }]
    });
    let tape = Tape::new()
        .answer(400, refusal.clone())
        .answer(200, json!({ "results": [written("7", "L1", "1")] }))
        .answer(400, refusal);

    let writes = [write("L1", 1, update("7", "Ann")), write("L2", 1, update("8", "Bob"))];
    let outcomes = client(&tape).write(&contacts(), &writes).await;

    let reason =
        "400 VALIDATION_ERROR READ_ONLY_VALUE (firstname): correct the value, the contract or the property";
    assert_eq!(
        outcomes,
        [Outcome::Done(id("7")), Outcome::Failed(Failure::Park { reason: reason.to_owned() })]
    );
    let one = call("update", json!([update_input("7", "L1", "1", "Ann")]));
    let two = call("update", json!([update_input("8", "L2", "1", "Bob")]));
    let both =
        call("update", json!([update_input("7", "L1", "1", "Ann"), update_input("8", "L2", "1", "Bob")]));
    assert_eq!(tape.sent(), [both, one, two]);
}

#[tokio::test]
async fn going_one_by_one_stops_when_hubspot_asks_to_come_later() {
    let duplicate = json!({ "status": "error", "category": "CONFLICT", "message": "Contact already exists. Existing ID: 5" });
    let limit = json!({ "status": "error", "policyName": "TEN_SECONDLY_ROLLING", "errorType": "RATE_LIMIT" });
    let tape = Tape::new()
        .answer(409, duplicate.clone())
        .answer(409, duplicate)
        .answer(429, limit.clone())
        .answer(429, limit.clone())
        .answer(429, limit);

    let writes: Vec<_> = (0..6).map(|n| write(&format!("L{n}"), 1, insert("a@example.com"))).collect();
    let outcomes = client(&tape).write(&contacts(), &writes).await;

    let later = Outcome::Failed(Failure::Retry {
        after_ms: 10_000,
        reason: "429 RATE_LIMIT TEN_SECONDLY_ROLLING".to_owned(),
    });
    let mut expected = vec![Outcome::Duplicate(Some(id("5")))];
    expected.resize(6, later);
    assert_eq!(outcomes, expected);
    assert_eq!(tape.sent().len(), 5);
}

#[tokio::test]
async fn a_lost_answer_leaves_every_write_of_the_call_open() {
    let tape = Tape::new().fail(TransportError::Lost("timeout".to_owned()));

    let writes = [write("L1", 1, update("7", "Ann")), write("L2", 1, update("8", "Bob"))];
    let outcomes = client(&tape).write(&contacts(), &writes).await;

    assert_eq!(outcomes, [retry("no answer came: timeout"), retry("no answer came: timeout")]);
    assert_eq!(tape.sent().len(), 1);
}

#[tokio::test]
async fn contacts_are_purged_one_by_one_and_of_all_others_the_bin_is_the_end() {
    let missing =
        json!({ "status": "error", "category": "OBJECT_NOT_FOUND", "message": "resource not found" });
    let tape = Tape::new().answer(204, Value::Null).answer(404, missing).answer(204, Value::Null);
    let purge = |link: &str, of: &str| write(link, 1, Operation::Purge { id: id(of) });

    let outcomes = client(&tape).write(&contacts(), &[purge("L1", "7"), purge("L2", "8")]).await;
    let companies = ObjectSpec {
        object: "company".into(),
        wire: "companies".into(),
        fields: Vec::new(),
        lead: None,
        roles: BTreeMap::new(),
    };
    let archived = client(&tape).write(&companies, &[purge("L3", "9")]).await;

    assert_eq!(outcomes, [Outcome::Done(id("7")), Outcome::Gone]);
    assert_eq!(archived, [Outcome::Done(id("9"))]);
    let asked = |path: &str, body: Value| (format!("POST /crm/objects/2026-03/{path}"), body);
    assert_eq!(
        tape.sent(),
        [
            asked("contacts/gdpr-delete", json!({ "objectId": "7" })),
            asked("contacts/gdpr-delete", json!({ "objectId": "8" })),
            asked("companies/batch/archive", json!({ "inputs": [{ "id": "9" }] })),
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_without_a_call() {
    let tape = Tape::new();
    let unknown = Operation::Insert { values: values(&[("email", Presence::Unknown)]) };

    let writes = [write("L1", 1, Operation::Undelete { id: id("7") }), write("L2", 1, unknown)];
    let outcomes = client(&tape).write(&contacts(), &writes).await;

    let by_hand = "HubSpot restores a record only by hand: restore 7 from the recycle bin within 90 days of its deletion";
    assert_eq!(
        outcomes,
        [
            Outcome::Failed(Failure::Park { reason: by_hand.to_owned() }),
            Outcome::Failed(Failure::Bug { reason: "a write of email without knowing the value".to_owned() }),
        ]
    );
    assert_eq!(tape.sent(), []);
}
