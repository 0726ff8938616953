//! Records by value.

use concord_core::port::{Crm as _, Failure, Found};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::tape::{Tape, client, contacts, ids, object};

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Found by a search, which is late.
fn searched(texts: &[&str]) -> Found {
    Found { lag: SignedDuration::from_secs(10), ..found(texts) }
}

fn found(texts: &[&str]) -> Found {
    Found::exact(ids(texts))
}

fn record(id: &str, properties: Value) -> Value {
    json!({ "id": id, "properties": properties, "updatedAt": "2026-11-23T12:00:00Z" })
}

#[tokio::test]
async fn contacts_are_found_by_any_of_their_addresses_whatever_their_case() {
    let tape = Tape::new().answer(
        207,
        json!({
            "results": [
                record("2", json!({ "email": "main@example.com", "hs_additional_emails": "Bob@Example.com;third@example.com" })),
                record("1", json!({ "email": "ann@example.com", "hs_additional_emails": null })),
            ],
            "errors": [{ "category": "OBJECT_NOT_FOUND", "context": { "ids": ["none@example.com"] } }]
        }),
    );

    let asked = strings(&["bob@example.com", "Ann@example.com ", "none@example.com", "", "bob@example.com"]);
    let answer = client(&tape).find(&contacts(), &"email".into(), &asked).await.unwrap();

    assert_eq!(answer, [found(&["2"]), found(&["1"]), found(&[]), found(&[]), found(&["2"])]);
    assert_eq!(
        tape.sent(),
        [(
            "POST /crm/objects/2026-03/contacts/batch/read".to_owned(),
            json!({
                "idProperty": "email",
                "inputs": [{ "id": "ann@example.com" }, { "id": "bob@example.com" }, { "id": "none@example.com" }],
                "properties": ["email", "hs_additional_emails"],
            })
        )]
    );
}

#[tokio::test]
async fn a_unique_property_is_matched_exactly() {
    let tape = Tape::new().answer(200, json!({ "results": [record("5", json!({ "concord_id": "L1" }))] }));

    let answer =
        client(&tape).find(&contacts(), &"concord_id".into(), &strings(&["l1", "L1"])).await.unwrap();

    assert_eq!(answer, [found(&[]), found(&["5"])]);
    assert_eq!(tape.sent()[0].1["idProperty"], "concord_id");
}

#[tokio::test]
async fn a_hundred_and_fifty_values_are_two_calls() {
    let asked: Vec<String> = (0..150).map(|n| format!("c{n}@example.com")).collect();
    let empty = json!({ "results": [] });
    let tape = Tape::new().answer(200, empty.clone()).answer(200, empty);

    let answer = client(&tape).find(&contacts(), &"email".into(), &asked).await.unwrap();

    assert_eq!(answer, vec![found(&[]); 150]);
    let sizes: Vec<_> =
        tape.sent().iter().map(|(_, body)| body["inputs"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 50]);
}

#[tokio::test]
async fn a_domain_is_searched_for_and_a_stale_match_is_dropped() {
    // The second one was matched by the domain that it had; what it has now is in its properties.
    let first = json!({
        "total": 3, "paging": { "next": { "after": "2" } },
        "results": [record("1", json!({ "domain": "a.test" })), record("2", json!({ "domain": "moved.test" }))]
    });
    let second = json!({ "total": 3, "results": [record("3", json!({ "domain": "A.test" }))] });
    let tape = Tape::new().answer(200, first).answer(200, second);

    let companies = object("company", "companies", &["name"]);
    let answer =
        client(&tape).find(&companies, &"domain".into(), &strings(&["a.test", "b.test"])).await.unwrap();

    assert_eq!(answer, [searched(&["1", "3"]), searched(&[])]);
    let body = json!({
        "filterGroups": [
            { "filters": [{ "propertyName": "domain", "operator": "EQ", "value": "a.test" }] },
            { "filters": [{ "propertyName": "domain", "operator": "EQ", "value": "b.test" }] },
        ],
        "limit": 200,
        "properties": ["domain"],
    });
    let mut next = body.clone();
    next["after"] = json!("2");
    let path = "POST /crm/objects/2026-03/companies/search".to_owned();
    assert_eq!(tape.sent(), [(path.clone(), body), (path, next)]);
}

#[tokio::test]
async fn a_text_that_is_too_long_for_a_domain_is_not_asked_for() {
    let tape = Tape::new();

    let companies = object("company", "companies", &["name"]);
    let answer = client(&tape).find(&companies, &"domain".into(), &["x".repeat(300)]).await.unwrap();

    assert_eq!(answer, [searched(&[])]);
    assert_eq!(tape.sent(), []);
}

#[tokio::test]
async fn a_property_that_cannot_be_an_id_parks_the_question() {
    let refusal = json!({ "status": "error", "category": "VALIDATION_ERROR", "message": "secret" });
    let tape = Tape::new().answer(400, refusal);

    let failure = client(&tape).find(&contacts(), &"firstname".into(), &strings(&["Ann"])).await.unwrap_err();

    let reason = "400 VALIDATION_ERROR: correct the value, the contract or the property".to_owned();
    assert_eq!(failure, Failure::Park { reason });
}
