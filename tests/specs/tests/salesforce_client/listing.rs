//! Listings: keysets and the watermark.

use concord_core::names::WireName;
use concord_core::port::{Crm as _, Failure, Listing, PageMark};
use concord_core::row::{Author, Standing, Versions};
use concord_crm::salesforce::{Deleted, Deletions};
use serde_json::{Value, json};

use super::record::{Record, SOMEBODY, Says, ask, at, contact, contacts, id, refused, soql};

const COLUMNS: &str = "Id, LastModifiedDate, LastModifiedById, SystemModstamp, Concord_Id__c, Concord_Token__c, \
                       Email, LastName, Score__c";

fn covered(until: &str) -> Says {
    Says::Json(200, json!({ "ids": [], "latestDateCovered": until }))
}

fn rows(done: bool, records: Vec<Value>) -> Says {
    Says::Json(200, json!({ "totalSize": records.len(), "done": done, "records": records }))
}

fn changed() -> Listing {
    Listing::Changed { since: at("2026-01-05T09:30:00.250Z") }
}

#[tokio::test]
async fn changes_are_listed_page_by_page_up_to_the_watermark_taken_first() {
    // Given: a page that Salesforce cut short by itself, and the last one
    let (record, client) = Record::of(vec![
        covered("2026-01-05T09:58:00.000+0000"),
        rows(false, vec![contact(1, "a@example.com"), contact(2, "b@example.com")]),
        rows(true, vec![contact(3, "c@example.com")]),
    ]);

    // When
    let first = client.list(&contacts(), &changed(), None).await.unwrap();
    let second = client.list(&contacts(), &changed(), first.next.as_ref()).await.unwrap();

    // Then
    assert_eq!(first.complete_until, at("2026-01-05T09:58:00Z"));
    assert_eq!(second.complete_until, first.complete_until);
    assert_eq!(second.next, None);
    let shown: Vec<_> = first.rows.iter().chain(&second.rows).map(|row| row.id.clone()).collect();
    assert_eq!(shown, [id(1), id(2), id(3)]);
    assert!(first.rows.iter().all(|row| row.versions == Versions::Listed && row.standing == Standing::Alive));
    let asked = record.asked();
    assert_eq!(
        asked[0],
        ask(
            "GET /sobjects/Contact/updated/?start=2026-01-05T09%3A30%3A00%2B00%3A00\
             &end=2026-01-05T10%3A00%3A30%2B00%3A00",
            Value::Null
        )
    );
    assert!(asked[1].line.starts_with("GET /query?q="));
    assert_eq!(
        soql(&asked[1]),
        format!(
            "SELECT {COLUMNS} FROM Contact WHERE SystemModstamp >= 2026-01-05T09:30:00.25Z \
             ORDER BY SystemModstamp, Id LIMIT 2000"
        )
    );
    assert_eq!(
        soql(&asked[2]),
        format!(
            "SELECT {COLUMNS} FROM Contact WHERE (SystemModstamp = 2026-01-05T09:59:01Z AND Id > '{}') OR \
             SystemModstamp > 2026-01-05T09:59:01Z ORDER BY SystemModstamp, Id LIMIT 2000",
            id(2)
        )
    );
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn without_a_watermark_the_listing_stays_behind_by_the_longest_call() {
    let (_, client) =
        Record::of(vec![Says::Json(400, refused("EXCEEDED_ID_LIMIT", "too many")), rows(true, Vec::new())]);

    let page = client.list(&contacts(), &changed(), None).await.unwrap();

    assert_eq!((page.complete_until, page.next), (at("2026-01-05T09:50:30Z"), None));
}

#[tokio::test]
async fn a_watermark_ahead_of_the_server_is_held_back() {
    let (_, client) = Record::of(vec![covered("2026-01-05T10:05:00.000+0000"), rows(true, Vec::new())]);
    let page = client.list(&contacts(), &changed(), None).await.unwrap();
    assert_eq!(page.complete_until, at("2026-01-05T10:00:30Z"));
}

#[tokio::test]
async fn an_outage_at_the_watermark_ends_the_call() {
    let (record, client) = Record::of(vec![Says::Html(503)]);
    let page = client.list(&contacts(), &changed(), None).await;
    assert_eq!(page, Err(Failure::Retry { after_ms: 5_000, reason: "HTTP_503".to_owned() }));
    assert_eq!(record.asked().len(), 1);
}

#[tokio::test]
async fn everything_is_listed_by_id() {
    let (record, client) = Record::of(vec![
        covered("2026-01-05T09:58:00.000+0000"),
        rows(false, vec![contact(1, "a@example.com")]),
        rows(true, Vec::new()),
    ]);

    let first = client.list(&contacts(), &Listing::All, None).await.unwrap();
    let second = client.list(&contacts(), &Listing::All, first.next.as_ref()).await.unwrap();

    assert_eq!((second.rows, second.next), (Vec::new(), None));
    let asked = record.asked();
    assert_eq!(soql(&asked[1]), format!("SELECT {COLUMNS} FROM Contact ORDER BY Id LIMIT 2000"));
    assert_eq!(
        soql(&asked[2]),
        format!("SELECT {COLUMNS} FROM Contact WHERE Id > '{}' ORDER BY Id LIMIT 2000", id(1))
    );
}

#[tokio::test]
async fn the_bin_is_asked_itself_and_the_log_of_deletes_only_for_its_watermark() {
    let log = json!({ "deletedRecords": [], "earliestDateAvailable": "2026-01-01T00:00:00.000+0000",
                      "latestDateCovered": "2026-01-05T10:00:00.000+0000" });
    let (record, client) =
        Record::of(vec![Says::Json(200, log), rows(true, vec![contact(1, "a@example.com")])]);

    let listing = Listing::Archived { since: at("2026-01-05T09:30:00Z") };
    let page = client.list(&contacts(), &listing, None).await.unwrap();

    assert_eq!(page.rows[0].standing, Standing::Archived { by: Author::Other(SOMEBODY.to_owned()) });
    assert_eq!((page.complete_until, page.next), (at("2026-01-05T10:00:00Z"), None));
    let asked = record.asked();
    assert!(asked[0].line.starts_with("GET /sobjects/Contact/deleted/?start="), "{}", asked[0].line);
    assert!(asked[1].line.starts_with("GET /queryAll?q="), "{}", asked[1].line);
    assert_eq!(
        soql(&asked[1]),
        format!(
            "SELECT {COLUMNS} FROM Contact WHERE IsDeleted = true AND \
             (SystemModstamp >= 2026-01-05T09:30:00Z) ORDER BY SystemModstamp, Id LIMIT 2000"
        )
    );
}

#[tokio::test]
async fn a_page_mark_of_somebody_else_is_refused_before_any_call() {
    let (record, client) = Record::raw([].into());
    for mark in ["", "2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z 2026-01-05T10:00:00Z 1' OR Id != '"] {
        let page = client.list(&contacts(), &Listing::All, Some(&PageMark(mark.to_owned()))).await;
        let Err(Failure::Bug { .. }) = page else { panic!("{mark}: {page:?}") };
    }
    assert!(record.requests().is_empty());
}

#[tokio::test]
async fn deletes_are_listed_with_the_bounds_of_the_log() {
    let log = json!({
        "deletedRecords": [{ "id": &id(1).as_str()[..15], "deletedDate": "2026-01-05T09:40:00.000+0000" }],
        "earliestDateAvailable": "2026-01-05T09:35:00.000+0000",
        "latestDateCovered": "2026-01-05T10:00:00.000+0000",
    });
    let (_, client) = Record::of(vec![Says::Json(200, log)]);

    let (since, until) = (at("2026-01-05T09:30:00Z"), at("2026-01-05T10:00:00Z"));
    let deletions = client.deleted(&WireName::from("Contact"), since, until).await.unwrap();

    let expected = Deletions {
        records: vec![Deleted { id: id(1), at: at("2026-01-05T09:40:00Z") }],
        earliest_available: at("2026-01-05T09:35:00Z"),
        latest_covered: at("2026-01-05T10:00:00Z"),
    };
    assert_eq!(deletions, expected);
}
