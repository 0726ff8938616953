//! Writing: what goes into which call, and what the answers mean.

use concord_core::names::{LinkId, RecordId, Token, WireName};
use concord_core::port::{Crm as _, Failure, Operation, Outcome, Write};
use concord_core::value::{Presence, Raw};
use serde_json::{Value, json};

use super::record::{Record, Says, ask, at, contacts, id, number, refused, text};

fn write(token: u64, operation: Operation) -> Write {
    Write { link: LinkId::from("c-17"), token: Token(token), operation }
}

fn values(values: &[(&str, Presence<Raw>)]) -> Vec<(WireName, Presence<Raw>)> {
    values.iter().map(|(name, value)| (WireName::from(*name), value.clone())).collect()
}

fn insert(token: u64, email: &str) -> Write {
    write(token, Operation::Insert { values: values(&[("Email", text(email))]) })
}

fn update(token: u64, of: u8, guarded: bool) -> Write {
    let unmodified_since = guarded.then(|| at("2026-01-05T09:59:00Z"));
    let values = values(&[("Score__c", number("3.25")), ("Email", Presence::Blank)]);
    write(token, Operation::Update { id: id(of), values, unmodified_since })
}

fn parked(reason: &str) -> Outcome {
    Outcome::Failed(Failure::Park { reason: reason.to_owned() })
}

#[tokio::test]
async fn a_guarded_update_is_one_row_under_its_precondition() {
    let (record, client) = Record::of(vec![Says::Nothing(204)]);

    let outcomes = client.write(&contacts(), &[update(5, 1, true)]).await;

    assert_eq!(outcomes, [Outcome::Done(id(1))]);
    let body = json!({ "Score__c": 3.25, "Email": null, "Concord_Id__c": "c-17", "Concord_Token__c": 5 });
    assert_eq!(record.asked(), [ask(&format!("PATCH /sobjects/Contact/{}", id(1)), body)]);
    let request = &record.requests()[1];
    assert_eq!(request.headers()["if-unmodified-since"], "Mon, 05 Jan 2026 09:59:00 GMT");
    assert_eq!(request.headers()["sforce-auto-assign"], "FALSE");
    assert_eq!(request.headers()["sforce-mru"], "updateMru=false");
    assert!(!request.headers().contains_key("sforce-duplicate-rule-header"));
}

#[tokio::test]
async fn a_number_is_sent_with_all_its_digits() {
    let (record, client) = Record::of(vec![Says::Nothing(204)]);
    let values = values(&[("Score__c", number("12345678901234567.10"))]);
    let unmodified_since = Some(at("2026-01-05T09:59:00Z"));

    client.write(&contacts(), &[write(5, Operation::Update { id: id(1), values, unmodified_since })]).await;

    let body = String::from_utf8(record.requests()[1].body().to_vec()).unwrap();
    assert!(body.contains("\"Score__c\":12345678901234567.10}"), "{body}");
}

#[tokio::test]
async fn every_answer_to_a_guarded_update_has_its_outcome() {
    let lost = Failure::Retry { after_ms: 5_000, reason: "ANSWER_LOST".to_owned() };
    let locked = Failure::Retry { after_ms: 1_000, reason: "UNABLE_TO_LOCK_ROW".to_owned() };
    let expired = Failure::RefreshLogin { reason: "INVALID_SESSION_ID".to_owned() };
    let broken = Failure::Retry { after_ms: 5_000, reason: "UNKNOWN_EXCEPTION".to_owned() };
    let duplicate =
        "duplicate value found: Concord_Id__c duplicates value on record with id: 003000000000009";
    for (says, expected) in [
        (Says::Nothing(412), Outcome::Moved),
        (Says::Json(412, refused("ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", "")), Outcome::Moved),
        (Says::Json(404, refused("NOT_FOUND", "The requested resource does not exist")), Outcome::Gone),
        (Says::Json(404, refused("ENTITY_IS_DELETED", "entity is deleted")), Outcome::Gone),
        (
            Says::Json(404, refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")),
            Outcome::Gone,
        ),
        (Says::Json(400, refused("DUPLICATE_VALUE", duplicate)), Outcome::Duplicate(Some(id(9)))),
        (Says::Json(400, refused("UNABLE_TO_LOCK_ROW", "003")), Outcome::Failed(locked)),
        (Says::Json(401, refused("INVALID_SESSION_ID", "")), Outcome::Failed(expired)),
        (Says::Json(500, refused("UNKNOWN_EXCEPTION", "ErrorId: 7")), Outcome::Failed(broken)),
        (Says::Lost, Outcome::Failed(lost)),
        (
            Says::Json(
                400,
                json!([{ "message": "Score: value 3.25", "errorCode": "NUMBER_OUTSIDE_VALID_RANGE",
                         "fields": ["Score__c"] }]),
            ),
            parked("NUMBER_OUTSIDE_VALID_RANGE (Score__c): the number does not fit the field"),
        ),
    ] {
        let (_, client) = Record::of(vec![says]);
        assert_eq!(client.write(&contacts(), &[update(5, 1, true)]).await, [expected]);
    }
}

#[tokio::test]
async fn writes_of_every_kind_travel_apart_and_come_back_in_order() {
    // Given
    let done = |of: u8| json!({ "id": id(of).as_str(), "success": true, "errors": [] });
    let soap = format!(
        "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"urn:partner.soap.sforce.com\"><soapenv:Body><undeleteResponse><result><id>{}</id>\
         <success>true</success></result></undeleteResponse></soapenv:Body></soapenv:Envelope>",
        id(4)
    );
    let gone = json!([{ "id": id(3).as_str(), "success": false, "errors":
        [{ "statusCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": [] }] }]);
    let (record, client) = Record::of(vec![
        Says::Nothing(204),
        Says::Json(200, json!([done(2)])),
        Says::Json(200, json!([done(8)])),
        Says::Json(200, gone),
        Says::Xml(200, soap),
    ]);

    // When
    let unknown = values(&[("Email", Presence::Unknown)]);
    let writes = [
        write(1, Operation::Undelete { id: id(4) }),
        write(2, Operation::Archive { id: id(3) }),
        insert(3, "new@example.com"),
        update(4, 2, false),
        update(5, 1, true),
        write(6, Operation::Insert { values: unknown }),
        write(7, Operation::Archive { id: RecordId::from("12") }),
    ];
    let outcomes = client.write(&contacts(), &writes).await;

    // Then
    let bug = Failure::Bug { reason: "a write carries a value that was never known".to_owned() };
    assert_eq!(
        outcomes,
        [
            Outcome::Done(id(4)),
            Outcome::Gone,
            Outcome::Done(id(8)),
            Outcome::Done(id(2)),
            Outcome::Done(id(1)),
            Outcome::Failed(bug),
            Outcome::Gone,
        ]
    );
    let record_of = |id: Value, token: u64, more: Value| {
        let mut record = json!({ "attributes": { "type": "Contact" }, "Concord_Id__c": "c-17",
                                 "Concord_Token__c": token });
        for (name, value) in more.as_object().unwrap().iter().chain(json!({ "id": id }).as_object().unwrap())
        {
            if name != "id" || !value.is_null() {
                record[name] = value.clone();
            }
        }
        json!({ "allOrNone": false, "records": [record] })
    };
    let asked = record.asked();
    assert_eq!(
        asked[1..4],
        [
            ask(
                "PATCH /composite/sobjects",
                record_of(json!(id(2).as_str()), 4, json!({ "Score__c": 3.25, "Email": null }))
            ),
            ask("POST /composite/sobjects", record_of(Value::Null, 3, json!({ "Email": "new@example.com" }))),
            ask(&format!("DELETE /composite/sobjects?ids={}&allOrNone=false", id(3)), Value::Null),
        ]
    );
    assert_eq!(asked.len(), 5);
    assert_eq!(asked[4].line, "POST /services/Soap/u/66.0");
    let envelope = String::from_utf8(record.requests()[5].body().to_vec()).unwrap();
    assert!(envelope.contains("<urn:sessionId>first</urn:sessionId>"), "{envelope}");
    assert!(envelope.contains(&format!("<urn:undelete><urn:ids>{}</urn:ids></urn:undelete>", id(4))));
}

#[tokio::test]
async fn one_bad_row_of_an_insert_leaves_the_others_alone() {
    // Given
    let matched = include_str!("../../fixtures/salesforce/duplicates_detected.json");
    let answer = json!([
        { "id": id(1).as_str(), "success": true, "errors": [] },
        { "success": false, "errors": [{ "statusCode": "REQUIRED_FIELD_MISSING",
            "message": "Required fields are missing: [LastName]", "fields": ["LastName"] }] },
        { "success": false, "errors": [{ "statusCode": "DUPLICATE_VALUE", "fields": [], "message":
            "duplicate value found: Concord_Id__c duplicates value on record with id: 003000000000009" }] },
        { "success": false, "errors": serde_json::from_str::<Value>(matched).unwrap() },
    ]);
    let (record, client) = Record::of(vec![Says::Json(200, answer)]);

    // When
    let writes: Vec<Write> = (1..=4).map(|token| insert(token, "a@example.com")).collect();
    let outcomes = client.write(&contacts(), &writes).await;

    // Then
    assert_eq!(
        outcomes,
        [
            Outcome::Done(id(1)),
            parked("REQUIRED_FIELD_MISSING (LastName): map the field, or give it a default in Salesforce"),
            Outcome::Duplicate(Some(id(9))),
            Outcome::Duplicate(Some(RecordId::from("0038M0000016Wv8QAE"))),
        ]
    );
    assert_eq!(record.asked().len(), 1);
}

#[tokio::test]
async fn five_times_two_hundred_updates_are_one_call() {
    // Given: the third part fails as a whole
    let rows = |parts: usize| -> Value {
        (0..parts).map(|_| json!({ "id": id(1).as_str(), "success": true, "errors": [] })).collect()
    };
    let part = |status: u16, body: Value| json!({ "body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": "x" });
    let answer = json!({ "compositeResponse": [
        part(200, rows(200)),
        part(200, rows(200)),
        part(400, refused("REQUEST_RUNNING_TOO_LONG", "")),
        part(200, rows(200)),
        part(200, rows(200)),
    ] });
    let (record, client) = Record::of(vec![Says::Json(200, answer), Says::Json(200, rows(1))]);

    // When
    let writes: Vec<Write> = (0..1_001).map(|token| update(token, 1, false)).collect();
    let outcomes = client.write(&contacts(), &writes).await;

    // Then
    let slow =
        Outcome::Failed(Failure::Retry { after_ms: 30_000, reason: "REQUEST_RUNNING_TOO_LONG".to_owned() });
    assert_eq!(outcomes.len(), 1_001);
    assert!(outcomes[..400].iter().all(|outcome| *outcome == Outcome::Done(id(1))));
    assert!(outcomes[400..600].iter().all(|outcome| *outcome == slow));
    assert!(outcomes[600..].iter().all(|outcome| *outcome == Outcome::Done(id(1))));
    let asked = record.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].line, "POST /composite");
    assert_eq!(asked[0].body["allOrNone"], json!(false));
    let parts = asked[0].body["compositeRequest"].as_array().unwrap();
    assert_eq!(parts.len(), 5);
    for part in parts {
        assert_eq!(part["method"], "PATCH");
        assert_eq!(part["url"], "/services/data/v66.0/composite/sobjects");
        assert_eq!(part["httpHeaders"]["Sforce-Auto-Assign"], "FALSE");
        assert_eq!(part["body"]["records"].as_array().unwrap().len(), 200);
    }
    assert_eq!(asked[1].line, "PATCH /composite/sobjects");
}

#[tokio::test]
async fn an_answer_of_another_length_leaves_every_row_open() {
    let (_, client) = Record::of(vec![Says::Json(200, json!([]))]);
    let outcomes = client.write(&contacts(), &[insert(1, "a@example.com"), insert(2, "b@example.com")]).await;
    let open = Failure::Retry { after_ms: 5_000, reason: "ANSWER_OF_ANOTHER_LENGTH".to_owned() };
    assert_eq!(outcomes, [Outcome::Failed(open.clone()), Outcome::Failed(open)]);
}

#[tokio::test]
async fn a_soap_fault_about_the_session_drops_the_login() {
    let fault = "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
                 <soapenv:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode><faultstring>INVALID_SESSION_ID: x\
                 </faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>";
    let (record, client) = Record::of(vec![
        Says::Xml(500, fault.to_owned()),
        Says::Json(200, super::record::token("second")),
        Says::Nothing(204),
    ]);

    let undeleted = client.write(&contacts(), &[write(1, Operation::Undelete { id: id(1) })]).await;
    let updated = client.write(&contacts(), &[update(2, 1, true)]).await;

    let expired = Failure::RefreshLogin { reason: "INVALID_SESSION_ID".to_owned() };
    assert_eq!(undeleted, [Outcome::Failed(expired)]);
    assert_eq!(updated, [Outcome::Done(id(1))]);
    assert_eq!(record.requests()[3].headers()["authorization"], "Bearer second");
}

#[tokio::test]
async fn nothing_to_write_asks_nothing() {
    let (record, client) = Record::raw([].into());
    assert_eq!(client.write(&contacts(), &[]).await, []);
    assert!(record.requests().is_empty());
}
