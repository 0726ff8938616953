//! By-id reads.

use std::collections::BTreeMap;

use concord_core::names::{LinkId, Token};
use concord_core::port::{Crm as _, Failure};
use concord_core::row::{Author, History, Reading, Row, Standing, Version, Versions};
use concord_core::value::Presence;
use serde_json::{Value, json};

use super::tape::{Tape, at, client, contacts, id, ids, text};

/// The body of a batch read of contacts.
fn read_body(ids: &[&str]) -> Value {
    json!({
        "inputs": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>(),
        "properties": ["email", "firstname", "concord_token", "concord_id", "hs_merged_object_ids", "lastmodifieddate"],
        "propertiesWithHistory": ["email", "firstname", "concord_token"],
    })
}

/// A live contact in the shape of the recorded ones.
fn contact(id: &str) -> Value {
    json!({
        "id": id,
        "properties": {
            "createdate": "2026-01-01T10:00:00.000Z", "email": "ann@example.com", "firstname": null,
            "hs_object_id": id, "lastmodifieddate": "2026-11-01T10:00:00.500Z",
            "concord_id": "L1", "concord_token": "3", "hs_merged_object_ids": null
        },
        "createdAt": "2026-01-01T10:00:00.000Z",
        "updatedAt": "2026-11-01T10:00:00.500Z",
        "archived": false,
        "url": "https://app.hub.test/contacts/4242/record/0-1/1"
    })
}

fn missing(ids: &[&str]) -> Value {
    json!({
        "status": "COMPLETE", "results": [], "numErrors": 1,
        "errors": [{ "status": "error", "category": "OBJECT_NOT_FOUND", "context": { "ids": ids },
            "message": "Could not get some CONTACT objects, they may be deleted or not exist." }]
    })
}

fn not_found() -> Value {
    json!({ "status": "error", "message": "resource not found", "correlationId": "c" })
}

fn row_of(reading: &Reading) -> &Row {
    match reading {
        Reading::Row(row) => row,
        Reading::MergedInto(_) | Reading::NotFound => panic!("no row: {reading:?}"),
    }
}

#[tokio::test]
async fn a_read_asks_for_the_fields_with_their_history_and_turns_it_oldest_first() {
    let mut ann = contact("1");
    ann["propertiesWithHistory"] = json!({
        "email": [
            { "value": "ann@example.com", "timestamp": "2026-11-01T10:00:00.500Z", "sourceType": "INTEGRATION", "sourceId": "7001" },
            { "value": "", "timestamp": "2026-10-01T10:00:00.000Z", "sourceType": "CRM_UI", "sourceId": "userId:31" },
            { "value": "new@example.com", "timestamp": "2026-09-01T10:00:00.000Z", "sourceType": "EMAIL", "sourceId": "ada@example.com" },
            { "value": "old@example.com", "timestamp": "2026-01-01T10:00:00.000Z" }
        ],
        "firstname": [],
        "concord_token": [
            { "value": "3", "timestamp": "2026-11-01T10:00:00.500Z", "sourceType": "INTEGRATION", "sourceId": "7001" },
            { "value": "1", "timestamp": "2026-01-01T10:00:00.000Z", "sourceType": "INTEGRATION", "sourceId": "7001" }
        ]
    });
    let tape = Tape::new().answer(200, json!({ "status": "COMPLETE", "results": [ann] }));

    let readings = client(&tape).read(&contacts(), &ids(&["1"])).await.unwrap();

    let history = History {
        fields: BTreeMap::from([(
            "email".into(),
            vec![
                Version {
                    at: at("2026-01-01T10:00:00Z"),
                    author: Author::Unknown,
                    value: text("old@example.com"),
                },
                Version {
                    at: at("2026-09-01T10:00:00Z"),
                    author: Author::Other("EMAIL".to_owned()),
                    value: text("new@example.com"),
                },
                Version {
                    at: at("2026-10-01T10:00:00Z"),
                    author: Author::Other("CRM_UI userId:31".to_owned()),
                    value: Presence::Blank,
                },
                Version {
                    at: at("2026-11-01T10:00:00.5Z"),
                    author: Author::Us,
                    value: text("ann@example.com"),
                },
            ],
        )]),
        tokens: vec![(at("2026-01-01T10:00:00Z"), Token(1)), (at("2026-11-01T10:00:00.5Z"), Token(3))],
    };
    let row = Row {
        id: id("1"),
        standing: Standing::Alive,
        fields: BTreeMap::from([
            ("email".into(), text("ann@example.com")),
            ("firstname".into(), Presence::Blank),
        ]),
        token: Some(Token(3)),
        concord_id: Some(LinkId::new("L1")),
        revision: at("2026-11-01T10:00:00.5Z"),
        versions: Versions::History(history),
    };
    assert_eq!(readings, [Reading::Row(Box::new(row))]);
    assert_eq!(
        tape.sent(),
        [("POST /crm/objects/2026-03/contacts/batch/read".to_owned(), read_body(&["1"]))]
    );
}

#[tokio::test]
async fn a_field_that_hubspot_leaves_out_is_unknown_and_an_empty_one_is_blank() {
    let mut ann = contact("1");
    ann["properties"].as_object_mut().unwrap().remove("email");
    ann["properties"]["firstname"] = json!("");
    let tape = Tape::new().answer(200, json!({ "results": [ann] }));

    let readings = client(&tape).read(&contacts(), &ids(&["1"])).await.unwrap();

    let fields = &row_of(&readings[0]).fields;
    assert_eq!(fields[&"email".into()], Presence::Unknown);
    assert_eq!(fields[&"firstname".into()], Presence::Blank);
    assert_eq!(fields.len(), 2);
}

#[tokio::test]
async fn what_is_missing_is_looked_for_in_the_bin_then_alone_and_every_id_gets_a_reading() {
    let mut archived = contact("2");
    archived["archived"] = json!(true);
    archived["archivedAt"] = json!("2026-11-20T00:00:00Z");
    let mut winner = json!({ "id": "9", "updatedAt": "2026-11-20T00:00:00Z", "properties": {} });
    winner["properties"]["hs_object_id"] = json!("9");
    // The first answer is a plain 200 that says nothing of three ids.
    let tape = Tape::new()
        .answer(200, json!({ "results": [contact("1")] }))
        .answer(207, json!({ "results": [archived], "errors": missing(&["3", "4"])["errors"] }))
        .answer(200, winner)
        .answer(404, not_found());

    let readings =
        client(&tape).read(&contacts(), &ids(&["4", "3", "2", "1", "2", "no-number"])).await.unwrap();

    assert_eq!(readings.len(), 6);
    assert_eq!(readings[0], Reading::NotFound);
    assert_eq!(readings[1], Reading::MergedInto(id("9")));
    assert_eq!(row_of(&readings[2]).standing, Standing::Archived { by: Author::Unknown });
    assert_eq!(row_of(&readings[3]).standing, Standing::Alive);
    assert_eq!(readings[4], readings[2]);
    assert_eq!(readings[5], Reading::NotFound);
    assert_eq!(
        tape.sent(),
        [
            ("POST /crm/objects/2026-03/contacts/batch/read".to_owned(), read_body(&["1", "2", "3", "4"])),
            (
                "POST /crm/objects/2026-03/contacts/batch/read?archived=true".to_owned(),
                read_body(&["2", "3", "4"])
            ),
            ("GET /crm/objects/2026-03/contacts/3?properties=hs_object_id".to_owned(), Value::Null),
            ("GET /crm/objects/2026-03/contacts/4?properties=hs_object_id".to_owned(), Value::Null),
        ]
    );
}

#[tokio::test]
async fn a_row_that_names_an_asked_id_among_its_merged_ones_answers_for_it() {
    let mut winner = contact("9");
    winner["properties"]["hs_merged_object_ids"] = json!("3;4");
    let tape = Tape::new().answer(200, json!({ "results": [winner] }));

    let readings = client(&tape).read(&contacts(), &ids(&["3", "9"])).await.unwrap();

    assert_eq!(readings[0], Reading::MergedInto(id("9")));
    assert_eq!(row_of(&readings[1]).id, id("9"));
    assert_eq!(tape.sent().len(), 1);
}

#[tokio::test]
async fn a_record_that_turns_up_alive_on_its_own_is_read_once_more() {
    let alone = json!({ "id": "3", "updatedAt": "2026-11-20T00:00:00Z", "properties": {} });
    let tape = Tape::new()
        .answer(207, missing(&["3"]))
        .answer(207, missing(&["3"]))
        .answer(200, alone)
        .answer(200, json!({ "results": [contact("3")] }));

    let readings = client(&tape).read(&contacts(), &ids(&["3"])).await.unwrap();

    assert_eq!(row_of(&readings[0]).id, id("3"));
    assert_eq!(tape.sent().len(), 4);
}

#[tokio::test]
async fn a_hundred_and_twenty_ids_are_read_by_fifties() {
    let all: Vec<String> = (1..=120).map(|number| format!("{number:03}")).collect();
    let page = |ids: &[String]| json!({ "results": ids.iter().map(|id| contact(id)).collect::<Vec<_>>() });
    let tape = Tape::new()
        .answer(200, page(&all[..50]))
        .answer(200, page(&all[50..100]))
        .answer(200, page(&all[100..]));

    let asked: Vec<_> = all.iter().map(|id| id.as_str().into()).collect();
    let readings = client(&tape).read(&contacts(), &asked).await.unwrap();

    let read: Vec<_> = readings.iter().map(|reading| row_of(reading).id.clone()).collect();
    assert_eq!(read, asked);
    let sizes: Vec<_> =
        tape.sent().iter().map(|(_, body)| body["inputs"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [50, 50, 20]);
}

#[tokio::test]
async fn an_error_other_than_not_found_makes_no_record_missing() {
    let tape = Tape::new().answer(
        207,
        json!({ "results": [], "errors": [{ "status": "error", "category": "RATE_LIMITS", "message": "m" }] }),
    );

    let failure = client(&tape).read(&contacts(), &ids(&["1"])).await.unwrap_err();

    assert_eq!(failure, Failure::Retry { after_ms: 1_000, reason: "429 RATE_LIMITS".to_owned() });
    assert_eq!(tape.sent().len(), 1);
}

#[tokio::test]
async fn half_a_body_is_a_failed_call_and_no_missing_record() {
    let tape = Tape::new().answer(200, json!("<html>"));

    let failure = client(&tape).read(&contacts(), &ids(&["1"])).await.unwrap_err();

    assert_eq!(
        failure,
        Failure::Retry { after_ms: 1_000, reason: "the answer could not be read".to_owned() }
    );
}

#[tokio::test]
async fn companies_have_another_name_for_the_date_of_their_last_change() {
    let tape = Tape::new().answer(207, missing(&["1"])).answer(207, missing(&["1"])).answer(404, not_found());

    let companies = super::tape::object("company", "companies", &["name"]);
    let readings = client(&tape).read(&companies, &ids(&["1"])).await.unwrap();

    assert_eq!(readings, [Reading::NotFound]);
    assert_eq!(
        tape.sent()[0].1["properties"],
        json!(["name", "concord_token", "concord_id", "hs_merged_object_ids", "hs_lastmodifieddate"])
    );
}
