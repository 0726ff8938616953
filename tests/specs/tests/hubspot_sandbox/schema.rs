use serde_json::{Value, json};

use super::portal::{Portal, ids, quiet};
use concord_sandbox::hubspot::{Config, CustomType};

#[test]
fn concords_own_properties_are_there_and_read_only_ones_say_so() {
    let mut portal = Portal::new();

    let link = portal.get("/crm/v3/properties/contacts/concord_id").body;
    let id = portal.get("/crm/v3/properties/contacts/hs_object_id").body;
    let stage = portal.get("/crm/properties/2026-03/contacts/lifecyclestage").body;

    assert_eq!((&link["type"], &link["hasUniqueValue"]), (&json!("string"), &json!(true)));
    assert_eq!(link["modificationMetadata"]["readOnlyValue"], json!(false));
    assert_eq!(id["modificationMetadata"]["readOnlyValue"], json!(true));
    assert_eq!(stage["options"][1]["value"], json!("lead"));
    for object in ["contacts", "companies", "deals"] {
        for name in ["concord_id", "concord_token", "deleted_in_crm"] {
            assert_eq!(portal.get(&format!("/crm/v3/properties/{object}/{name}")).status, 200);
        }
    }
}

#[test]
fn a_property_can_be_made_changed_and_archived_while_the_portal_runs() {
    let mut portal = Portal::new();
    let path = "/crm/v3/properties/contacts";
    let shirt = json!({"name": "shirt", "label": "Shirt", "type": "enumeration", "fieldType": "select",
        "groupName": "contactinformation", "options": [{"label": "Small", "value": "s", "displayOrder": 0,
        "hidden": false}, {"label": "Large", "value": "l", "displayOrder": 1, "hidden": false}]});

    assert_eq!(portal.post(path, shirt.clone()).status, 201);
    assert_eq!(portal.post(path, shirt).status, 409);
    let id = portal.made("contacts", json!({"shirt": "l"}));
    portal.wait_ms(5);
    let fewer = portal.patch(
        "/crm/v3/properties/contacts/shirt",
        json!({"options": [{"label": "Small", "value": "s", "displayOrder": 0, "hidden": false}]}),
    );
    assert_eq!(fewer.body["updatedAt"], json!("2026-11-23T10:00:00.005Z"));
    assert_eq!(portal.properties("contacts", &id, "shirt")["shirt"], json!("l"));
    let refused = portal.set("contacts", &id, json!({"shirt": "l"}));
    assert_eq!(refused.body["errors"][0]["code"], json!("INVALID_OPTION"));

    assert_eq!(portal.delete("/crm/v3/properties/contacts/shirt").status, 204);
    assert_eq!(portal.get("/crm/v3/properties/contacts/shirt").status, 404);
    assert_eq!(portal.get("/crm/v3/properties/contacts/shirt?archived=true").body["archived"], json!(true));
    assert_eq!(portal.properties("contacts", &id, "shirt").get("shirt"), None);
    let gone = portal.set("contacts", &id, json!({"shirt": "s"}));
    assert_eq!(gone.body["errors"][0]["code"], json!("PROPERTY_DOESNT_EXIST"));
    let names: Vec<Value> = portal.get(path).body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|property| property["name"].clone())
        .collect();
    assert!(!names.contains(&json!("shirt")) && names.contains(&json!("email")));
}

#[test]
fn a_unique_property_made_later_is_unique() {
    let mut portal = Portal::new();
    let body = json!({"name": "badge", "label": "Badge", "type": "string", "fieldType": "text",
        "groupName": "contactinformation", "hasUniqueValue": true});
    assert_eq!(portal.post("/crm/v3/properties/contacts", body).status, 201);

    let id = portal.made("contacts", json!({"badge": "B1"}));

    let again = portal.post("/crm/v3/objects/contacts", json!({"properties": {"badge": "B1"}}));
    assert_eq!(again.body["errors"][0]["code"], json!("CONFLICTING_UNIQUE_VALUE"));
    assert_eq!(portal.get("/crm/v3/objects/contacts/B1?idProperty=badge").body["id"], json!(id));
}

#[test]
fn owners_have_an_id_that_is_not_their_users_and_those_who_left_are_listed_apart() {
    let mut portal = Portal::new();

    let here = portal.get("/crm/v3/owners?limit=2");
    let left = portal.get("/crm/owners/2026-03?archived=true");
    let one = portal.get("/crm/v3/owners/75000002?idProperty=userId");

    assert_eq!(ids(&here), ["61001", "61002"]);
    assert_eq!(here.body["paging"]["next"]["after"], json!("61003"));
    assert_eq!(ids(&left), ["61004"]);
    assert_eq!(left.body["results"][0]["userId"], Value::Null);
    assert_eq!(one.body["id"], json!("61002"));
}

#[test]
fn deals_have_a_pipeline_and_custom_types_their_own_dates() {
    let car = CustomType {
        type_id: "2-7000001".to_owned(),
        singular: "car".to_owned(),
        plural: "cars".to_owned(),
        properties: vec!["plate".to_owned()],
    };
    let mut portal = Portal::with(Config { custom_types: vec![car], ..quiet() });

    let stages = portal.get("/crm/v3/pipelines/deals").body["results"][0]["stages"].clone();
    let made = portal.post("/crm/v3/objects/2-7000001", json!({"properties": {"plate": "T 101"}}));

    assert_eq!(stages[5]["id"], json!("closedwon"));
    assert_eq!(stages[5]["metadata"], json!({"probability": "1.0", "isClosed": "true"}));
    let at = "2026-11-23T10:00:00.000Z";
    assert_eq!(
        made.body["properties"],
        json!({"plate": "T 101", "hs_createdate": at, "hs_lastmodifieddate": at, "hs_object_id": "101"})
    );
}
