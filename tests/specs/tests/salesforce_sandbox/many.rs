//! Several records or calls in one: collections, composite, batch.

use serde_json::{Value, json};

use super::org::{DATA, Org};

fn contact(fields: Value) -> Value {
    let mut row = json!({"attributes": {"type": "Contact"}});
    row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    row
}

fn ok(id: &str) -> Value {
    json!({"id": id, "success": true, "errors": []})
}

fn failed(code: &str, message: &str, fields: &[&str]) -> Value {
    json!({"success": false, "errors": [{"statusCode": code, "message": message, "fields": fields}]})
}

#[test]
fn each_record_of_a_collection_is_saved_or_refused_by_itself() {
    let mut org = Org::new();

    let body = json!({"allOrNone": false, "records": [
        contact(json!({"LastName": "Lee"})),
        contact(json!({"FirstName": "Ann"})),
        contact(json!({"LastName": "Low", "x": 1})),
    ]});
    let reply = org.api("POST", "/composite/sobjects", &body);

    let told = json!([
        ok("003000000000001AAA"),
        failed("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", &["LastName"]),
        failed("INVALID_FIELD", "No such column 'x' on sobject of type Contact", &[]),
    ]);
    assert_eq!(reply.told(), (200, told));
    assert_eq!(org.query("SELECT COUNT() FROM Contact").body["totalSize"], 1);
}

#[test]
fn all_or_none_takes_back_the_good_ones() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee", "Title": "CEO"}));
    org.events();

    let body = json!({"allOrNone": true, "records": [
        contact(json!({"id": id, "Title": "CTO"})),
        contact(json!({"id": "003000000000099", "Title": "x"})),
    ]});
    let reply = org.api("PATCH", "/composite/sobjects", &body);

    let message =
        "Record rolled back because not all records were valid and the request was using AllOrNone header";
    let told = json!([
        failed("ALL_OR_NONE_OPERATION_ROLLED_BACK", message, &[]),
        failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]),
    ]);
    assert_eq!(reply.told(), (200, told));
    assert_eq!(org.fields("Contact", &id, "Title"), json!({"Title": "CEO"}));
    assert_eq!(org.events(), Vec::<Value>::new());
}

#[test]
fn a_collection_update_needs_ids_and_takes_each_once() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));

    let body = json!({"records": [
        contact(json!({"Id": id, "Title": "CTO"})),
        contact(json!({"id": id[..15], "Title": "CFO"})),
        contact(json!({"Title": "x"})),
        contact(json!({"id": "nonsense", "Title": "x"})),
    ]});
    let reply = org.api("PATCH", "/composite/sobjects/", &body);

    let told = json!([
        ok(&id),
        failed("DUPLICATE_VALUE", &format!("duplicate id specified: {id}"), &[]),
        failed("MISSING_ARGUMENT", "Id not specified in an update call", &["Id"]),
        failed("MALFORMED_ID", "Contact ID: id value of incorrect type: nonsense", &["Id"]),
    ]);
    assert_eq!(reply.told(), (200, told));
    assert_eq!(org.fields("Contact", &id, "Title"), json!({"Title": "CTO"}));
}

#[test]
fn a_collection_is_refused_whole_when_it_is_empty_or_too_large_or_too_mixed() {
    let mut org = Org::new();
    let empty = json!([{"errorCode": "REQUIRED_FIELD_MISSING", "message": "At least 1 record is required"}]);
    assert_eq!(org.api("POST", "/composite/sobjects", &json!({"records": []})).told(), (400, empty));

    let many = vec![contact(json!({"LastName": "Lee"})); 201];
    assert_eq!(org.api("POST", "/composite/sobjects", &json!({"records": many})).status, 400);

    let account = json!({"attributes": {"type": "Account"}, "Name": "A"});
    let mixed: Vec<Value> = (0..11)
        .map(|n| if n % 2 == 0 { account.clone() } else { contact(json!({"LastName": "L"})) })
        .collect();
    assert_eq!(org.api("POST", "/composite/sobjects", &json!({"records": mixed})).status, 400);
    assert_eq!(org.query("SELECT COUNT() FROM Contact").body["totalSize"], 0);
}

#[test]
fn a_collection_upsert_says_what_it_created() {
    let mut org = Org::new();
    let id = org.insert("Account", &json!({"Name": "A", "Concord_Id__c": "K1"}));
    let row = |key: &str, name: &str| json!({"attributes": {"type": "Account"}, "Concord_Id__c": key, "Name": name});

    let body = json!({"records": [row("K1", "B"), row("K2", "C"), {"Name": "D"}]});
    let reply = org.api("PATCH", "/composite/sobjects/Account/Concord_Id__c", &body);

    let told = json!([
        {"id": id, "success": true, "errors": [], "created": false},
        {"id": "001000000000002AAA", "success": true, "errors": [], "created": true},
        failed("MISSING_ARGUMENT", "Concord_Id__c not specified", &[]),
    ]);
    assert_eq!(reply.told(), (200, told));
    assert_eq!(org.column("SELECT Name FROM Account ORDER BY Name", "Name"), [json!("B"), json!("C")]);
}

#[test]
fn a_retrieval_answers_null_for_what_is_not_there_in_the_order_of_the_ids() {
    let mut org = Org::new();
    let one = org.insert("Contact", &json!({"LastName": "Lee"}));
    let gone = org.insert("Contact", &json!({"LastName": "Low"}));
    org.api("DELETE", &format!("/sobjects/Contact/{gone}"), &Value::Null);
    let ids = json!(["003000000000099", gone, "nonsense", one[..15], one]);

    let reply = org.api("POST", "/composite/sobjects/Contact", &json!({"ids": ids, "fields": ["LastName"]}));

    let row = json!({
        "attributes": {"type": "Contact", "url": format!("{DATA}/sobjects/Contact/{one}")}, "LastName": "Lee",
    });
    assert_eq!(reply.told(), (200, json!([null, null, null, row, row])));
    let by_get = org.get(&format!("/composite/sobjects/Contact?ids={one},{gone}&fields=LastName"));
    assert_eq!(by_get.body, json!([row, null]));
    let unknown =
        org.api("POST", "/composite/sobjects/Contact", &json!({"ids": [one], "fields": ["Id", "x"]}));
    assert_eq!((unknown.status, unknown.body[0]["errorCode"].clone()), (400, json!("INVALID_FIELD")));
}

#[test]
fn a_collection_delete_answers_per_id() {
    let mut org = Org::new();
    let one = org.insert("Contact", &json!({"LastName": "Lee"}));

    let reply = org.api(
        "DELETE",
        &format!("/composite/sobjects?ids={one},003000000000099&allOrNone=false"),
        &Value::Null,
    );

    let told = json!([ok(&one), failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[])]);
    assert_eq!(reply.told(), (200, told));
}

#[test]
fn calls_of_a_composite_refer_to_each_other() {
    let mut org = Org::new();

    let body = json!({"allOrNone": true, "compositeRequest": [
        {"method": "POST", "url": format!("{DATA}/sobjects/Account"), "referenceId": "a", "body": {"Name": "A"}},
        {"method": "POST", "url": format!("{DATA}/sobjects/Contact"), "referenceId": "c",
         "body": {"LastName": "Lee", "AccountId": "@{a.id}"}},
        {"method": "GET", "url": format!("{DATA}/sobjects/Contact/@{{c.id}}?fields=AccountId"), "referenceId": "r"},
    ]});
    let reply = org.api("POST", "/composite", &body);

    assert_eq!(reply.status, 200);
    let answers = &reply.body["compositeResponse"];
    let account = "001000000000001AAA";
    assert_eq!(
        answers[0],
        json!({
            "body": ok(account), "httpHeaders": {"Location": format!("{DATA}/sobjects/Account/{account}")},
            "httpStatusCode": 201, "referenceId": "a",
        })
    );
    assert_eq!(answers[2]["body"]["AccountId"], account);
}

#[test]
fn one_failure_halts_an_all_or_none_composite_and_takes_it_back() {
    let mut org = Org::new();
    let body = |all_or_none: bool| {
        json!({"allOrNone": all_or_none, "compositeRequest": [
            {"method": "POST", "url": format!("{DATA}/sobjects/Account"), "referenceId": "a", "body": {"Name": "A"}},
            {"method": "POST", "url": format!("{DATA}/sobjects/Contact"), "referenceId": "c", "body": {}},
            {"method": "POST", "url": format!("{DATA}/sobjects/Contact"), "referenceId": "d",
             "body": {"LastName": "@{c.id}"}},
        ]})
    };
    let codes = |reply: &Value| -> Vec<Value> {
        let answers = reply["compositeResponse"].as_array().unwrap().iter();
        answers.map(|answer| json!([answer["httpStatusCode"], answer["body"][0]["errorCode"]])).collect()
    };

    let halted = json!([400, "PROCESSING_HALTED"]);
    let missing = json!([400, "REQUIRED_FIELD_MISSING"]);
    let reply = org.api("POST", "/composite", &body(true));
    assert_eq!(codes(&reply.body), [halted.clone(), missing.clone(), halted.clone()]);
    assert_eq!(org.query("SELECT COUNT() FROM Account").body["totalSize"], 0);
    assert_eq!(org.events(), Vec::<Value>::new());

    let reply = org.api("POST", "/composite", &body(false));
    assert_eq!(codes(&reply.body), [json!([201, null]), missing, halted]);
    assert_eq!(org.query("SELECT COUNT() FROM Account").body["totalSize"], 1);
}

#[test]
fn a_composite_carries_collections_and_preconditions() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));
    org.pass(5);
    org.person("PATCH", &format!("/sobjects/Contact/{id}"), &json!({"Title": "edited"}));

    let body = json!({"compositeRequest": [
        {"method": "PATCH", "url": format!("{DATA}/sobjects/Contact/{id}"), "referenceId": "guarded",
         "httpHeaders": {"If-Unmodified-Since": "Mon, 02 Mar 2026 12:00:01 GMT"}, "body": {"Title": "ours"}},
        {"method": "POST", "url": format!("{DATA}/composite/sobjects"), "referenceId": "many",
         "body": {"records": [contact(json!({"LastName": "Low"}))]}},
    ]});
    let reply = org.api("POST", "/composite", &body);

    let answers = &reply.body["compositeResponse"];
    assert_eq!(answers[0]["httpStatusCode"], 412);
    assert_eq!(answers[1]["body"], json!([ok("003000000000002AAA")]));
    assert_eq!(org.fields("Contact", &id, "Title"), json!({"Title": "edited"}));
}

#[test]
fn a_batch_answers_each_call_with_its_status() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));

    let body = json!({"batchRequests": [
        {"method": "PATCH", "url": format!("v68.0/sobjects/Contact/{id}"), "richInput": {"Title": "CEO"}},
        {"method": "DELETE", "url": "v68.0/sobjects/Contact/003000000000099"},
    ]});
    let reply = org.api("POST", "/composite/batch", &body);

    let refused = json!([{
        "errorCode": "INVALID_CROSS_REFERENCE_KEY", "message": "invalid cross reference id", "fields": [],
    }]);
    let told = json!({"hasErrors": true, "results": [
        {"statusCode": 204, "result": null}, {"statusCode": 404, "result": refused},
    ]});
    assert_eq!(reply.told(), (200, told));
}

#[test]
fn a_composite_takes_25_calls_and_no_more() {
    let mut org = Org::new();
    let call = json!({"method": "GET", "url": format!("{DATA}/limits"), "referenceId": "r"});
    let mut status = |count: usize| {
        org.api("POST", "/composite", &json!({"compositeRequest": vec![call.clone(); count]})).status
    };

    assert_eq!([status(25), status(26), status(0)], [200, 400, 400]);
}
