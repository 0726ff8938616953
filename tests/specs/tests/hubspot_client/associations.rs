//! Associations.

use concord_core::port::Failure;
use concord_crm::hubspot::{Associated, Association, AssociationType, Ends};
use serde_json::{Value, json};

use super::tape::{Tape, client, id, ids};

fn kind(type_id: u32) -> AssociationType {
    AssociationType { category: "HUBSPOT_DEFINED".to_owned(), type_id }
}

fn ends(from: &str, to: &str) -> Ends {
    Ends { from: id(from), to: id(to) }
}

fn call(verb: &str, inputs: Value) -> (String, Value) {
    (format!("POST /crm/associations/2026-03/contacts/companies/batch/{verb}"), json!({ "inputs": inputs }))
}

#[tokio::test]
async fn associations_are_read_to_the_last_page_and_none_is_no_failure() {
    let unlabelled = json!({ "category": "HUBSPOT_DEFINED", "typeId": 279, "label": null });
    let primary = json!({ "category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary" });
    let tape = Tape::new()
        .answer(
            207,
            json!({
                "status": "COMPLETE",
                "results": [{
                    "from": { "id": "1" },
                    "to": [{ "toObjectId": 70, "associationTypes": [unlabelled, primary] }],
                    "paging": { "next": { "after": "70" } }
                }],
                "numErrors": 1,
                "errors": [{ "status": "error", "category": "OBJECT_NOT_FOUND", "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                    "message": "No company is associated with contact 2.", "context": { "fromObjectId": ["2"] } }]
            }),
        )
        .answer(200, json!({ "results": [{ "from": { "id": "1" }, "to": [{ "toObjectId": "60", "associationTypes": [unlabelled] }] }] }));

    let answer =
        client(&tape).associations(&"contacts".into(), &"companies".into(), &ids(&["2", "1"])).await.unwrap();

    let to = vec![
        Association { to: id("60"), types: vec![kind(279)], labels: Vec::new() },
        Association { to: id("70"), types: vec![kind(1), kind(279)], labels: vec!["Primary".to_owned()] },
    ];
    assert_eq!(answer, [Associated { from: id("2"), to: Vec::new() }, Associated { from: id("1"), to }]);
    assert_eq!(
        tape.sent(),
        [
            call("read", json!([{ "id": "1" }, { "id": "2" }])),
            call("read", json!([{ "id": "1", "after": "70" }])),
        ]
    );
}

#[tokio::test]
async fn pairs_are_associated_labelled_and_taken_apart() {
    let tape = Tape::new()
        .answer(200, json!({ "status": "COMPLETE", "results": [] }))
        .answer(201, json!({ "status": "COMPLETE", "results": [] }))
        .answer(204, Value::Null)
        .answer(204, Value::Null)
        .answer(200, json!({ "status": "COMPLETE", "results": [] }));
    let client = client(&tape);
    let (from, to) = ("contacts".into(), "companies".into());

    let made = client.associate(&from, &to, &[ends("1", "70")]).await;
    let labelled = client.label(&from, &to, &[(ends("1", "70"), vec![kind(1)])]).await;
    let unlabelled = client.unlabel(&from, &to, &[(ends("1", "70"), vec![kind(1)])]).await;
    let taken = client.dissociate(&from, &to, &[ends("1", "70")]).await;
    let taken_again = client.dissociate(&from, &to, &[ends("1", "70")]).await;

    assert_eq!([made, labelled, unlabelled, taken, taken_again], [const { [Ok(())] }; 5].map(Vec::from));
    let types = json!([{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1 }]);
    let archive = call("archive", json!([{ "from": { "id": "1" }, "to": [{ "id": "70" }] }]));
    assert_eq!(
        tape.sent(),
        [
            call("associate/default", json!([{ "from": { "id": "1" }, "to": { "id": "70" } }])),
            call("create", json!([{ "from": { "id": "1" }, "to": { "id": "70" }, "types": types }])),
            call("labels/archive", json!([{ "from": { "id": "1" }, "to": { "id": "70" }, "types": types }])),
            archive.clone(),
            archive,
        ]
    );
}

#[tokio::test]
async fn a_refused_pair_fails_alone_and_a_refused_call_fails_all() {
    let partial = json!({
        "status": "COMPLETE", "results": [], "numErrors": 1,
        "errors": [{ "status": "error", "category": "OBJECT_NOT_FOUND", "message": "m", "context": { "fromObjectId": ["2"], "toObjectId": ["71"] } }]
    });
    let tape = Tape::new().answer(207, partial).answer(503, Value::Null);
    let client = client(&tape);
    let (from, to) = ("contacts".into(), "companies".into());
    let pairs = [ends("1", "70"), ends("2", "71")];

    let partial = client.associate(&from, &to, &pairs).await;
    let refused = client.associate(&from, &to, &pairs).await;

    let missing = "404 OBJECT_NOT_FOUND: one end of the association is not there".to_owned();
    assert_eq!(partial, [Ok(()), Err(Failure::Conflict { reason: missing })]);
    let outage = Failure::Retry { after_ms: 5_000, reason: "503".to_owned() };
    assert_eq!(refused, [Err(outage.clone()), Err(outage)]);
}

#[tokio::test]
async fn a_pair_for_which_its_whole_batch_was_refused_is_found_in_halves() {
    let refusal =
        json!({ "status": "error", "category": "VALIDATION_ERROR", "message": "one of them is not there" });
    let taken = json!({ "status": "COMPLETE", "results": [] });
    let tape = Tape::new()
        .answer(400, refusal.clone())
        .answer(400, refusal.clone())
        .answer(400, refusal)
        .answer(201, taken.clone())
        .answer(201, taken);

    let pairs = ["70", "71", "72", "73"].map(|to| ends("1", to));
    let made = client(&tape).associate(&"contacts".into(), &"companies".into(), &pairs).await;

    let refused: Vec<bool> = made.iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, false, false, true]);
    let tried = |to: &[&str]| {
        let inputs: Vec<Value> =
            to.iter().map(|to| json!({ "from": { "id": "1" }, "to": { "id": to } })).collect();
        call("associate/default", Value::from(inputs))
    };
    assert_eq!(
        tape.sent(),
        [&["70", "71", "72", "73"][..], &["72", "73"], &["73"], &["72"], &["70", "71"]].map(tried)
    );
}

#[tokio::test]
async fn a_call_that_is_refused_for_no_pairs_sake_is_not_repeated() {
    let scopes = json!({ "status": "error", "category": "MISSING_SCOPES", "message": "not granted" });
    let tape = Tape::new().answer(403, scopes);
    let pairs = ["70", "71", "72"].map(|to| ends("1", to));
    let made = client(&tape).associate(&"contacts".into(), &"companies".into(), &pairs).await;
    assert!(made.len() == 3 && made.iter().all(Result::is_err), "{made:?}");
    assert_eq!(tape.sent().len(), 1);
}
