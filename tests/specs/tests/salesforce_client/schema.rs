//! The live schema and the limits.

use concord_core::names::WireName;
use concord_core::port::{Crm as _, FieldKind, FieldSchema, Schema};
use concord_crm::salesforce::Limit;
use serde_json::{Value, json};

use super::record::{Record, Says, ask};

#[tokio::test]
async fn describe_says_what_each_field_holds_and_takes() {
    // Given
    let describe: Value =
        serde_json::from_str(include_str!("../../fixtures/salesforce/describe_contact.json")).unwrap();
    let (record, client) = Record::of(vec![Says::Json(200, describe)]);

    // When
    let schema = client.schema(&WireName::from("Contact")).await.unwrap();

    // Then
    let field = |kind, writable, length_max| FieldSchema {
        kind,
        writable,
        unique: false,
        findable: true,
        options: Vec::new(),
        length_max,
    };
    let options = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
    let fields = [
        ("Id", field(FieldKind::Other, false, Some(18))),
        ("LastName", field(FieldKind::Text, true, Some(80))),
        ("Name", field(FieldKind::Text, false, Some(121))),
        ("Email", field(FieldKind::Text, true, Some(80))),
        ("Birthdate", field(FieldKind::Date, true, None)),
        ("Score__c", field(FieldKind::Number, true, None)),
        ("Newsletter__c", field(FieldKind::Boolean, true, None)),
        ("AccountId", field(FieldKind::Reference, true, Some(18))),
        ("MailingAddress", field(FieldKind::Other, false, None)),
        ("SystemModstamp", field(FieldKind::DateTime, false, None)),
        ("Concord_Id__c", FieldSchema { unique: true, ..field(FieldKind::Text, true, Some(64)) }),
        (
            "Lead_Stage__c",
            FieldSchema { options: options(&["Open", "Won"]), ..field(FieldKind::Choice, true, Some(255)) },
        ),
        (
            "Interests__c",
            FieldSchema { options: options(&["News"]), ..field(FieldKind::Choices, true, Some(4_099)) },
        ),
    ];
    let fields = fields.map(|(name, field)| (WireName::from(name), field)).into();
    assert_eq!(schema, Schema { fields });
    assert_eq!(record.asked(), [ask("GET /sobjects/Contact/describe", Value::Null)]);
}

#[tokio::test]
async fn limits_are_read_by_name() {
    let answer = json!({ "DailyApiRequests": { "Max": 15_000, "Remaining": 14_998 },
                         "DailyBulkV2QueryJobs": { "Max": 10_000, "Remaining": -3 } });
    let (record, client) = Record::of(vec![Says::Json(200, answer)]);

    let limits = client.limits().await.unwrap();

    assert_eq!(limits.daily_calls(), Some(Limit { max: 15_000, remaining: 14_998 }));
    assert_eq!(limits.named("DailyBulkV2QueryJobs"), Some(Limit { max: 10_000, remaining: -3 }));
    assert_eq!(limits.named("Unheard"), None);
    assert_eq!(record.asked(), [ask("GET /limits", Value::Null)]);
}
