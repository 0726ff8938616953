//! Finding records by a key.

use concord_core::names::WireName;
use concord_core::port::{Crm as _, Failure, Found};
use serde_json::json;

use super::record::{Record, Says, contacts, id, soql};

fn found(ids: &[u8]) -> Found {
    Found::exact(ids.iter().map(|&number| id(number)).collect())
}

#[tokio::test]
async fn an_address_is_found_in_any_capitals_and_over_several_pages() {
    // Given
    let row = |number: u8, email: &str| json!({ "Id": id(number).as_str(), "Email": email });
    let first = json!({ "totalSize": 3, "done": false, "nextRecordsUrl": "/services/data/v66.0/query/01g-2",
                        "records": [row(1, "anna@example.com"), row(2, "ANNA@example.com")] });
    let second = json!({ "totalSize": 3, "done": true, "records": [row(3, "o'neill@example.com")] });
    let (record, client) = Record::of(vec![Says::Json(200, first), Says::Json(200, second)]);

    // When
    let values = ["Anna@Example.com", "O'Neill@example.com", "nobody@example.com", " "].map(str::to_owned);
    let outcome = client.find(&contacts(), &WireName::from("Email"), &values).await.unwrap();

    // Then
    assert_eq!(outcome, [found(&[1, 2]), found(&[3]), found(&[]), found(&[])]);
    let asked = record.asked();
    assert_eq!(
        soql(&asked[0]),
        "SELECT Id, Email FROM Contact WHERE Email IN \
         ('anna@example.com','nobody@example.com','o\\'neill@example.com')"
    );
    assert_eq!(asked[1].line, "GET /query/01g-2");
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn what_is_no_address_has_to_be_equal() {
    let row = |number: u8, name: &str| json!({ "Id": id(number).as_str(), "LastName": name });
    let answer = json!({ "totalSize": 2, "done": true, "records": [row(1, "abc"), row(2, "ABC")] });
    let (_, client) = Record::of(vec![Says::Json(200, answer)]);

    let outcome = client.find(&contacts(), &WireName::from("LastName"), &["ABC".to_owned()]).await.unwrap();

    assert_eq!(outcome, [found(&[2])]);
}

#[tokio::test]
async fn links_are_found_by_our_own_field() {
    let row = json!({ "Id": id(1).as_str(), "Concord_Id__c": "c-17" });
    let answer = json!({ "totalSize": 1, "done": true, "records": [row] });
    let (record, client) = Record::of(vec![Says::Json(200, answer)]);

    let outcome = client.find_linked(&contacts(), &["c-17".to_owned(), "c-18".to_owned()]).await.unwrap();

    assert_eq!(outcome, [found(&[1]), found(&[])]);
    assert_eq!(
        soql(&record.asked()[0]),
        "SELECT Id, Concord_Id__c FROM Contact WHERE Concord_Id__c IN ('c-17','c-18')"
    );
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_followed() {
    let answer = json!({ "totalSize": 2, "done": false, "nextRecordsUrl": "https://evil.example.com/services/data/",
                         "records": [] });
    let (record, client) = Record::of(vec![Says::Json(200, answer)]);

    let outcome = client.find(&contacts(), &WireName::from("Email"), &["a@example.com".to_owned()]).await;

    let Err(Failure::Retry { .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(record.asked().len(), 1);
}

#[tokio::test]
async fn a_blank_finds_nobody_and_asks_nobody() {
    let (record, client) = Record::raw([].into());
    let outcome = client.find(&contacts(), &WireName::from("Email"), &[String::new()]).await.unwrap();
    assert_eq!(outcome, [found(&[])]);
    assert!(record.requests().is_empty());
}
