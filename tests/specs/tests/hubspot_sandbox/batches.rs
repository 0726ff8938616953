use serde_json::{Value, json};

use super::portal::{Portal, ids};

fn inputs(of: impl IntoIterator<Item = Value>) -> Value {
    json!({"inputs": of.into_iter().collect::<Vec<Value>>()})
}

#[test]
fn a_batch_read_gives_what_it_finds_and_names_what_it_does_not() {
    let mut portal = Portal::new();
    let one = portal.made("contacts", json!({"city": "Turin"}));
    let two = portal.made("contacts", json!({"city": "Rome"}));
    let gone = portal.made("contacts", json!({}));
    portal.delete(&format!("/crm/v3/objects/contacts/{gone}"));
    let asked = [json!({"id": one}), json!({"id": gone}), json!({"id": two}), json!({"id": "999"})];

    let live = portal.post("/crm/v3/objects/contacts/batch/read", inputs(asked.clone()));
    let archived = portal.post("/crm/v3/objects/contacts/batch/read?archived=true", inputs(asked));

    assert_eq!(live.status, 207);
    assert_eq!(live.body["status"], json!("COMPLETE"));
    assert_eq!(ids(&live), [one.clone(), two.clone()]);
    assert_eq!(live.body["numErrors"], json!(1));
    assert_eq!(
        live.body["errors"],
        json!([{"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": [gone, "999"]},
            "message": "Could not get some CONTACT objects, they may be deleted or not exist. \
                        Check that ids are valid."}])
    );
    assert_eq!(ids(&archived), [gone]);
    assert_eq!(archived.body["errors"][0]["context"]["ids"], json!([one, two, "999"]));
}

#[test]
fn a_batch_read_by_a_unique_property_finds_by_its_value() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"concord_id": "L1", "email": "ada@example.com"}));

    let by_link = portal.post(
        "/crm/v3/objects/contacts/batch/read",
        json!({"idProperty": "concord_id", "properties": ["concord_id"], "inputs": [{"id": "L1"}, {"id": "L2"}]}),
    );
    let by_address = portal.post(
        "/crm/v3/objects/contacts/batch/read",
        json!({"idProperty": "email", "inputs": [{"id": "ADA@example.com"}]}),
    );

    assert_eq!((by_link.status, by_address.status), (207, 200));
    assert_eq!(ids(&by_link), std::slice::from_ref(&id));
    assert_eq!(by_link.body["errors"][0]["context"]["ids"], json!(["L2"]));
    assert_eq!(ids(&by_address), [id]);
}

#[test]
fn a_batch_takes_a_hundred_inputs_or_fifty_with_histories() {
    let mut portal = Portal::new();
    let many = |count: usize| (0..count).map(|id| json!({"id": id.to_string()}));
    let mut status = |body: Value| portal.post("/crm/v3/objects/contacts/batch/read", body).status;

    assert_eq!(status(inputs(many(100))), 207);
    assert_eq!(status(inputs(many(101))), 400);
    let with_history = |count| {
        let mut body = inputs(many(count));
        body["propertiesWithHistory"] = json!(["city"]);
        body
    };
    assert_eq!(status(with_history(50)), 207);
    assert_eq!(status(with_history(51)), 400);
}

#[test]
fn without_trace_ids_one_bad_input_fails_the_whole_batch() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"city": "Turin"}));

    let created = portal.post(
        "/crm/v3/objects/contacts/batch/create",
        inputs([json!({"properties": {"city": "Rome"}}), json!({"properties": {"nonsense": "x"}})]),
    );
    let updated = portal.post(
        "/crm/v3/objects/contacts/batch/update",
        inputs([json!({"id": id, "properties": {"city": "Rome"}}), json!({"id": "999", "properties": {}})]),
    );
    let twins = portal.post(
        "/crm/v3/objects/contacts/batch/create",
        inputs([
            json!({"properties": {"email": "a@b.example"}}),
            json!({"properties": {"email": "A@b.example"}}),
        ]),
    );

    assert_eq!((created.status, updated.status, twins.status), (400, 404, 400));
    assert_eq!(updated.body["context"], json!({"ids": ["999"]}));
    assert_eq!(ids(&portal.get("/crm/v3/objects/contacts")), std::slice::from_ref(&id));
    assert_eq!(portal.properties("contacts", &id, "city")["city"], json!("Turin"));
}

#[test]
fn with_a_trace_id_on_every_input_only_the_bad_ones_fail() {
    let mut portal = Portal::new();
    let ada = portal.made("contacts", json!({"email": "ada@example.com"}));

    let created = portal.post(
        "/crm/v3/objects/contacts/batch/create",
        inputs([
            json!({"objectWriteTraceId": "t1", "properties": {"email": "ada@example.com"}}),
            json!({"objectWriteTraceId": "t2", "properties": {"email": "bob@example.com"}}),
        ]),
    );
    let updated = portal.post(
        "/crm/v3/objects/contacts/batch/update",
        inputs([
            json!({"objectWriteTraceId": "t1", "id": ada, "properties": {"city": "Rome"}}),
            json!({"objectWriteTraceId": "t2", "id": "999", "properties": {"city": "Rome"}}),
        ]),
    );

    assert_eq!((created.status, updated.status), (207, 207));
    assert_eq!(
        created.body["errors"],
        json!([{"status": "error", "category": "CONFLICT", "context": {"objectWriteTraceId": ["t1"]},
            "message": format!("Contact already exists. Existing ID: {ada}")}])
    );
    assert_eq!(created.body["results"].as_array().unwrap().len(), 1);
    assert_eq!(created.body["results"][0]["objectWriteTraceId"], json!("t2"));
    assert_eq!(updated.body["errors"][0]["context"], json!({"ids": ["999"], "objectWriteTraceId": ["t2"]}));
    assert_eq!(portal.properties("contacts", &ada, "city")["city"], json!("Rome"));
}

#[test]
fn trace_ids_that_are_not_all_there_or_not_all_different_do_not_count() {
    let mut portal = Portal::new();
    let good = json!({"objectWriteTraceId": "t1", "properties": {"city": "Rome"}});
    for bad in [
        json!({"properties": {"nonsense": "x"}}),
        json!({"objectWriteTraceId": "t1", "properties": {"nonsense": "x"}}),
    ] {
        let answer = portal.post("/crm/v3/objects/contacts/batch/create", inputs([good.clone(), bad]));
        assert_eq!(answer.status, 400);
    }
    assert_eq!(ids(&portal.get("/crm/v3/objects/contacts")), [] as [String; 0]);
}

#[test]
fn the_results_of_a_batch_are_not_in_the_order_of_its_inputs() {
    let mut portal = Portal::new();
    let names: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();

    let made = portal.post(
        "/crm/v3/objects/contacts/batch/create",
        inputs(names.iter().map(|name| json!({"properties": {"firstname": name}}))),
    );

    let results = made.body["results"].as_array().unwrap();
    let answered: Vec<String> =
        results.iter().map(|line| line["properties"]["firstname"].as_str().unwrap().to_owned()).collect();
    assert_ne!(answered, names);
    let mut sorted = answered.clone();
    sorted.sort();
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(sorted, expected);
}

#[test]
fn an_id_given_twice_fails_an_update() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({}));

    let answer = portal.post(
        "/crm/v3/objects/contacts/batch/update",
        inputs([json!({"id": id, "properties": {}}), json!({"id": id, "properties": {}})]),
    );

    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.body["message"],
        json!(format!("Duplicate IDs found in batch input: [{id}]. IDs must be unique"))
    );
    assert_eq!(answer.body["context"], json!({"ids": [id]}));
}

#[test]
fn an_upsert_makes_or_changes_by_a_unique_value() {
    let mut portal = Portal::new();
    let known = portal.made("contacts", json!({"concord_id": "L1"}));

    let answer = portal.post(
        "/crm/v3/objects/contacts/batch/upsert",
        inputs([
            json!({"id": "L1", "idProperty": "concord_id", "properties": {"city": "Rome"}}),
            json!({"id": "L2", "idProperty": "concord_id", "properties": {"city": "Turin"}}),
        ]),
    );

    assert_eq!(answer.status, 200);
    let mut made: Vec<(Value, Value)> = answer.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["new"].clone(), line["properties"]["city"].clone()))
        .collect();
    made.sort_by_key(|(new, _)| new.as_bool());
    assert_eq!(made, [(json!(false), json!("Rome")), (json!(true), json!("Turin"))]);
    assert_eq!(portal.properties("contacts", &known, "city")["city"], json!("Rome"));
    assert_eq!(portal.get("/crm/v3/objects/contacts/L2?idProperty=concord_id").status, 200);
}

#[test]
fn a_batch_archive_passes_over_what_is_not_there() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({}));

    let answer = portal
        .post("/crm/v3/objects/contacts/batch/archive", inputs([json!({"id": id}), json!({"id": "999"})]));

    assert_eq!((answer.status, answer.body), (204, Value::Null));
    assert_eq!(ids(&portal.get("/crm/v3/objects/contacts?archived=true")), [id]);
}
