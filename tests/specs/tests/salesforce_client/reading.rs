//! Reading by id.

use concord_core::names::{LinkId, RecordId, Token, WireName};
use concord_core::port::{Crm as _, Failure};
use concord_core::row::{Author, Reading, Row, Standing, Versions};
use concord_core::value::Presence;
use serde_json::{Value, json};

use super::record::{
    NOW, Record, SOMEBODY, Says, US, ask, at, contact, contacts, id, number, refused, soql, text,
};

fn row(number_of: u8, email: &str) -> Row {
    Row {
        id: id(number_of),
        standing: Standing::Alive,
        fields: [("Email", text(email)), ("LastName", text("Anders")), ("Score__c", number("12.5"))]
            .map(|(name, value)| (WireName::from(name), value))
            .into(),
        token: None,
        concord_id: None,
        revision: at("2026-01-05T09:59:00Z"),
        versions: Versions::Stamp {
            modified: at("2026-01-05T09:59:00Z"),
            modified_by: Author::Other(SOMEBODY.to_owned()),
            asked: at(NOW),
        },
    }
}

fn all_fields() -> Value {
    json!([
        "Id",
        "LastModifiedDate",
        "LastModifiedById",
        "SystemModstamp",
        "Concord_Id__c",
        "Concord_Token__c",
        "Email",
        "LastName",
        "Score__c",
    ])
}

#[tokio::test]
async fn an_answer_that_was_long_in_coming_may_show_a_row_as_it_was_when_we_asked() {
    // Given: dated when it was given
    let (_record, client) = Record::of(vec![Says::Slowly(1_400, json!([contact(1, "a@example.com")]))]);

    // When
    let readings = client.read(&contacts(), &[id(1)]).await.unwrap();

    // Then
    let mut expected = row(1, "a@example.com");
    expected.versions = Versions::Stamp {
        modified: at("2026-01-05T09:59:00Z"),
        modified_by: Author::Other(SOMEBODY.to_owned()),
        asked: at("2026-01-05T10:00:28.6Z"),
    };
    assert_eq!(readings, [Reading::Row(Box::new(expected))]);
}

#[tokio::test]
async fn one_call_reads_rows_with_their_stamps_and_our_own_fields() {
    // Given
    let mut second = contact(2, "b@example.com");
    second["Concord_Id__c"] = json!("c-17");
    second["Concord_Token__c"] = json!(41.0);
    second["Score__c"] = Value::Null;
    let (record, client) = Record::of(vec![Says::Json(200, json!([contact(1, "a@example.com"), second]))]);

    // When: one id comes in its short form, and the order is not that of the ids
    let short = RecordId::from(&id(2).as_str()[..15]);
    let readings = client.read(&contacts(), &[short, id(1)]).await.unwrap();

    // Then
    let mut expected = row(2, "b@example.com");
    expected.concord_id = Some(LinkId::from("c-17"));
    expected.token = Some(Token(41));
    expected.fields.insert(WireName::from("Score__c"), Presence::Blank);
    assert_eq!(readings, [Reading::Row(Box::new(expected)), Reading::Row(Box::new(row(1, "a@example.com")))]);
    let body = json!({ "ids": [id(1).as_str(), id(2).as_str()], "fields": all_fields() });
    assert_eq!(record.asked(), [ask("POST /composite/sobjects/Contact", body)]);
}

#[tokio::test]
async fn what_retrieve_does_not_show_is_looked_for_in_the_bin() {
    // Given: one alive, one merged, one deleted by us, one that nobody knows, and text that is no id
    let binned = |number: u8, by: &str, winner: Value| {
        let mut record = contact(number, "x@example.com");
        record["IsDeleted"] = json!(true);
        record["LastModifiedById"] = json!(by);
        record["MasterRecordId"] = winner;
        record
    };
    let bin = json!({
        "totalSize": 2,
        "done": true,
        "records": [binned(2, "0058M000000ZzZzQAK", json!(id(9).as_str())), binned(3, US, Value::Null)],
    });
    let alive = json!([contact(1, "a@example.com"), null, null, null]);
    let (record, client) = Record::of(vec![Says::Json(200, alive), Says::Json(200, bin)]);

    // When
    let ids = [id(1), id(2), id(3), id(4), RecordId::from("not an id'")];
    let readings = client.read(&contacts(), &ids).await.unwrap();

    // Then
    let mut deleted = row(3, "x@example.com");
    deleted.standing = Standing::Archived { by: Author::Us };
    deleted.versions =
        Versions::Stamp { modified: at("2026-01-05T09:59:00Z"), modified_by: Author::Us, asked: at(NOW) };
    assert_eq!(
        readings,
        [
            Reading::Row(Box::new(row(1, "a@example.com"))),
            Reading::MergedInto(id(9)),
            Reading::Row(Box::new(deleted)),
            Reading::NotFound,
            Reading::NotFound,
        ]
    );
    let asked = record.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].line.starts_with("GET /queryAll?q="), "{}", asked[1].line);
    assert_eq!(
        soql(&asked[1]),
        format!(
            "SELECT Id, LastModifiedDate, LastModifiedById, SystemModstamp, IsDeleted, Concord_Id__c, \
             Concord_Token__c, Email, LastName, Score__c, MasterRecordId FROM Contact \
             WHERE Id IN ('{}','{}','{}')",
            id(2),
            id(3),
            id(4)
        )
    );
}

#[tokio::test]
async fn a_hidden_field_is_unknown_and_the_rest_is_read() {
    // Given
    let unknown = refused("INVALID_FIELD", "No such column 'Score__c' on sobject of type Contact");
    let mut shown = contact(1, "a@example.com");
    shown.as_object_mut().unwrap().remove("Score__c");
    let (record, client) = Record::of(vec![
        Says::Json(400, unknown),
        Says::Json(200, describe(&["Concord_Id__c", "Concord_Token__c", "Email", "LastName"])),
        Says::Json(200, json!([shown])),
    ]);

    // When
    let readings = client.read(&contacts(), &[id(1)]).await.unwrap();

    // Then
    let mut expected = row(1, "a@example.com");
    expected.fields.insert(WireName::from("Score__c"), Presence::Unknown);
    assert_eq!(readings, [Reading::Row(Box::new(expected))]);
    let asked = record.asked();
    assert_eq!(asked[1], ask("GET /sobjects/Contact/describe", Value::Null));
    let mut narrowed = all_fields();
    narrowed.as_array_mut().unwrap().pop();
    assert_eq!(asked[2].body["fields"], narrowed);
}

#[tokio::test]
async fn without_our_own_fields_nothing_is_read_since_no_landing_could_be_seen() {
    let unknown = refused("INVALID_FIELD", "No such column 'Concord_Token__c' on sobject of type Contact");
    let (record, client) = Record::of(vec![
        Says::Json(400, unknown),
        Says::Json(200, describe(&["Concord_Id__c", "Email", "LastName", "Score__c"])),
    ]);

    let read = client.read(&contacts(), &[id(1)]).await;

    let reason =
        "Concord_Token__c: Concord's own field is hidden; show it to the integration user".to_owned();
    assert_eq!(read, Err(Failure::Park { reason }));
    assert_eq!(record.asked().len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_shorter_or_in_another_order_is_not_believed() {
    let two = json!([contact(2, "b@example.com"), contact(1, "a@example.com")]);
    for (answer, reason) in [(json!([null]), "ANSWER_OF_ANOTHER_LENGTH"), (two, "ANSWER_IN_ANOTHER_ORDER")] {
        let (_, client) = Record::of(vec![Says::Json(200, answer)]);
        let read = client.read(&contacts(), &[id(1), id(2)]).await;
        assert_eq!(read, Err(Failure::Retry { after_ms: 5_000, reason: reason.to_owned() }));
    }
}

#[tokio::test]
async fn nothing_is_asked_for_nothing() {
    let (record, client) = Record::raw([].into());
    assert_eq!(client.read(&contacts(), &[]).await, Ok(Vec::new()));
    assert_eq!(client.read(&contacts(), &[RecordId::from("7")]).await, Ok(vec![Reading::NotFound]));
    assert!(record.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_is_no_identifier_never_reaches_the_wire() {
    let (record, client) = Record::raw([].into());
    let mut spec = contacts();
    spec.fields.push(WireName::from("Email FROM User"));
    let Err(Failure::Bug { .. }) = client.read(&spec, &[id(1)]).await else { panic!("sent") };
    assert!(record.requests().is_empty());
}

fn describe(fields: &[&str]) -> Value {
    let fields: Vec<Value> = fields.iter().map(|name| json!({ "name": name, "type": "string" })).collect();
    json!({ "name": "Contact", "fields": fields })
}
