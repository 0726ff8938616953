//! One record at a time: shapes of answers, keys, preconditions.

use serde_json::{Value, json};

use super::org::{DATA, Org, error, error_about};

#[test]
fn an_insert_answers_the_long_id_and_where_it_is() {
    let mut org = Org::new();

    let reply = org.api("POST", "/sobjects/Contact/", &json!({"LastName": "Lee"}));

    assert_eq!(reply.status, 201);
    assert_eq!(reply.body, json!({"id": "003000000000001AAA", "success": true, "errors": []}));
    assert_eq!(reply.header("location"), Some("/services/data/v68.0/sobjects/Contact/003000000000001AAA"));
}

#[test]
fn a_read_answers_stamps_of_whole_seconds_and_takes_either_id() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee", "FirstName": "Ann", "MailingCity": "Bern"}));

    let fields =
        "Name,MailingAddress,CreatedDate,SystemModstamp,LastModifiedById,IsDeleted,Newsletter__c,Phone";
    let short = org.fields("Contact", &id[..15], fields);

    let told = json!({
        "Name": "Ann Lee",
        "MailingAddress": {
            "street": null, "city": "Bern", "state": null, "postalCode": null, "country": null,
            "geocodeAccuracy": null, "latitude": null, "longitude": null,
        },
        "CreatedDate": "2026-03-02T12:00:00.000+0000", "SystemModstamp": "2026-03-02T12:00:00.000+0000",
        "LastModifiedById": "005000000000001AAA", "IsDeleted": false, "Newsletter__c": false, "Phone": null,
    });
    assert_eq!(short, told);
    assert_eq!(org.fields("Contact", &id, fields), told);
}

#[test]
fn an_update_changes_only_what_is_sent_and_null_clears() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee", "Title": "CEO", "Phone": "1"}));
    org.pass(5);

    let reply = org.api("PATCH", &format!("/sobjects/Contact/{id}"), &json!({"Title": null}));

    assert_eq!(reply.told(), (204, Value::Null));
    let told = json!({
        "LastName": "Lee", "Title": null, "Phone": "1", "LastModifiedDate": "2026-03-02T12:00:05.000+0000",
    });
    assert_eq!(org.fields("Contact", &id, "LastName,Title,Phone,LastModifiedDate"), told);
}

#[test]
fn an_update_that_changes_nothing_still_moves_the_stamp() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));
    org.pass(5);

    org.api("POST", &format!("/sobjects/Contact/{id}?_HttpMethod=PATCH"), &json!({"LastName": "Lee"}));

    let told = json!({"LastModifiedDate": "2026-03-02T12:00:05.000+0000"});
    assert_eq!(org.fields("Contact", &id, "LastModifiedDate"), told);
}

#[test]
fn a_person_edits_without_a_token_and_under_another_user() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));

    assert_eq!(org.person("PATCH", &format!("/sobjects/Contact/{id}"), &json!({"Title": "CEO"})).status, 204);

    let told = json!({"LastModifiedById": "005000000000002AAA", "CreatedById": "005000000000001AAA"});
    assert_eq!(org.fields("Contact", &id, "LastModifiedById,CreatedById"), told);
}

#[test]
fn ids_that_lead_nowhere_are_refused_each_in_its_way() {
    let mut org = Org::new();
    let gone = org.insert("Contact", &json!({"LastName": "Lee"}));
    let path = format!("/sobjects/Contact/{gone}");
    assert_eq!(org.api("DELETE", &path, &Value::Null).told(), (204, Value::Null));
    let deleted = (404, error_about("ENTITY_IS_DELETED", "entity is deleted", &[]));
    let crossed = (404, error_about("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]));
    let unknown = "/sobjects/Contact/003000000000099";

    assert_eq!(org.api("DELETE", &path, &Value::Null).told(), deleted);
    assert_eq!(org.api("PATCH", &path, &json!({"Title": "x"})).told(), deleted);
    assert_eq!(org.get(&path).told(), deleted);
    assert_eq!(org.api("PATCH", unknown, &json!({"Title": "x"})).told(), crossed);
    assert_eq!(org.api("DELETE", unknown, &Value::Null).told(), crossed);
    let not_found = error("NOT_FOUND", "The requested resource does not exist");
    assert_eq!(org.get(unknown).told(), (404, not_found));
    let garbage = error("NOT_FOUND", "Provided external ID field does not exist or is not accessible: rid");
    assert_eq!(org.get("/sobjects/Contact/rid").told(), (404, garbage));
    let message = format!("Account ID: id value of incorrect type: {gone}");
    let wrong_type = error_about("MALFORMED_ID", &message, &["Id"]);
    assert_eq!(org.get(&format!("/sobjects/Account/{gone}")).told(), (400, wrong_type));
}

#[test]
fn the_check_characters_of_an_id_must_fit() {
    let mut org = Org::new();
    let mut message = |id: &str| org.get(&format!("/sobjects/Contact/{id}")).body[0]["message"].clone();

    // An id of a real organisation, as recorded.
    let fits = message("0038M0000016Wv8QAE");
    let does_not = message("0038M0000016Wv8QAA");

    assert_eq!(fits, "The requested resource does not exist");
    assert_eq!(
        does_not,
        "Provided external ID field does not exist or is not accessible: 0038M0000016Wv8QAA"
    );
}

#[test]
fn an_upsert_creates_then_updates_and_can_be_held_from_creating() {
    let mut org = Org::new();
    let path = "/sobjects/Contact/Concord_Id__c/k%2F1";

    let held = org.api("PATCH", &format!("{path}?updateOnly=true"), &json!({"LastName": "Lee"}));
    assert_eq!(held.status, 404);
    let created = org.api("PATCH", path, &json!({"LastName": "Lee"}));
    let id = "003000000000001AAA";
    assert_eq!(created.told(), (201, json!({"id": id, "success": true, "errors": [], "created": true})));
    let updated = org.api("PATCH", path, &json!({"LastName": "Low"}));
    assert_eq!(updated.told(), (200, json!({"id": id, "success": true, "errors": [], "created": false})));
    assert_eq!(org.get(path).body["LastName"], "Low");
    assert_eq!(org.get(path).body["Concord_Id__c"], "k/1");
    let with_key = org.api("PATCH", path, &json!({"Concord_Id__c": "k/1"}));
    assert_eq!((with_key.status, with_key.body[0]["errorCode"].clone()), (400, json!("INVALID_FIELD")));
    let unknown = error("NOT_FOUND", "Provided external ID field does not exist or is not accessible: Namez");
    assert_eq!(org.api("PATCH", "/sobjects/Contact/Namez/v", &json!({})).told(), (404, unknown));
}

#[test]
fn an_upsert_that_meets_two_records_answers_300_and_writes_nothing() {
    let mut org = Org::new();
    let one = org.insert("Account", &json!({"Name": "A", "Domain__c": "a.example"}));
    let two = org.insert("Account", &json!({"Name": "B", "Domain__c": "a.example"}));
    org.events();

    let reply = org.api("PATCH", "/sobjects/Account/Domain__c/a.example", &json!({"Name": "C"}));

    let urls = [one, two].map(|id| format!("{DATA}/sobjects/Account/{id}"));
    assert_eq!(reply.told(), (300, json!(urls)));
    assert_eq!(org.events(), Vec::<Value>::new());
}

#[test]
fn a_parent_may_be_named_by_its_external_id() {
    let mut org = Org::new();
    let account = org.insert("Account", &json!({"Name": "A", "Domain__c": "a.example"}));

    let contact = org.insert("Contact", &json!({"LastName": "Lee", "Account": {"Domain__c": "a.example"}}));

    assert_eq!(org.fields("Contact", &contact, "AccountId"), json!({"AccountId": account}));
}

#[test]
fn an_update_is_refused_when_the_record_changed_in_a_later_second_and_not_within_it() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));
    let path = format!("/sobjects/Contact/{id}");
    let read = org.get(&path).header("date").unwrap().to_owned();
    let guard = [("if-unmodified-since", read.as_str())];

    // Within the second in which it was read, an edit goes unseen: stamps have whole seconds.
    org.person("PATCH", &path, &json!({"Title": "edited"}));
    assert_eq!(org.api_with("PATCH", &path, &guard, &json!({"Title": "ours"})).status, 204);

    org.pass(1);
    org.person("PATCH", &path, &json!({"Title": "edited"}));
    let refused = org.api_with("PATCH", &path, &guard, &json!({"Title": "ours"}));
    assert_eq!(refused.status, 412);
    assert_eq!(org.fields("Contact", &id, "Title"), json!({"Title": "edited"}));

    let senseless = [("if-unmodified-since", "yesterday")];
    assert_eq!(org.api_with("PATCH", &path, &senseless, &json!({"Title": "ours"})).status, 400);
}

#[test]
fn a_conditional_read_answers_304_and_accounts_have_etags() {
    let mut org = Org::new();
    let id = org.insert("Account", &json!({"Name": "A"}));
    let path = format!("/sobjects/Account/{id}");
    let read = org.get(&path);
    let (modified, etag) = (read.header("last-modified").unwrap(), read.header("etag").unwrap());

    assert_eq!(org.api_with("GET", &path, &[("if-modified-since", modified)], &Value::Null).status, 304);
    assert_eq!(org.api_with("GET", &path, &[("if-none-match", etag)], &Value::Null).status, 304);
    org.pass(1);
    assert_eq!(org.api_with("PATCH", &path, &[("if-match", etag)], &json!({"Name": "B"})).status, 204);
    assert_eq!(org.api_with("PATCH", &path, &[("if-match", etag)], &json!({"Name": "C"})).status, 412);
    assert_eq!(org.api_with("GET", &path, &[("if-modified-since", modified)], &Value::Null).status, 200);
}

#[test]
fn bodies_and_methods_that_make_no_sense_are_refused() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));
    let path = format!("/sobjects/Contact/{id}");

    let broken = org.api("POST", "/sobjects/Contact", &json!([1]));
    assert_eq!((broken.status, broken.body[0]["errorCode"].clone()), (400, json!("JSON_PARSER_ERROR")));
    assert_eq!(org.api("PUT", &path, &json!({})).status, 405);
    assert_eq!(org.api_with("PATCH", &path, &[("content-type", "text/csv")], &json!({})).status, 415);
    assert_eq!(org.get(&format!("/query?q={}", "x".repeat(16_384))).status, 414);
    assert_eq!(org.get("/sobjects/Nothing/describe").status, 404);
}
