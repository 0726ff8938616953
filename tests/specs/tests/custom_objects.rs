//! Custom objects: an object type of one's own is kept in agreement by what the contract says of it, and by no code.

use concord_core::names::Side;
use concord_core::step::Task;
use concord_specs::spine::{PROJECTS, Spine, assert_quiet};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

const CONTRACT: &str = "\
version: 1
objects:
  project:
    hubspot: 2-4711
    salesforce: Project__c
    match: [{ key: code }]
    conflict: hold
    fields:
      name: { hubspot: name, salesforce: Name, type: text }
      code: { hubspot: code, salesforce: Code__c, type: text }
      budget: { hubspot: score, salesforce: Budget__c, type: decimal, scale: 2 }
      due: { hubspot: birth_date, salesforce: Due__c, type: date }
";
const SALESFORCE: &str = "/services/data/v66.0/sobjects/Project__c";

/// An administrator has made the property by which projects are found.
fn spine() -> Spine {
    let spine = Spine::with_contract(CONTRACT);
    let code = json!({"name": "code", "label": "Code", "type": "string", "fieldType": "text",
        "groupName": "information", "hasUniqueValue": true});
    spine.hubspot.person(Method::POST, &format!("/crm/v3/properties/{PROJECTS}"), &code);
    spine
}

fn path(id: &str) -> String {
    format!("/crm/v3/objects/{PROJECTS}/{id}")
}

fn hubspot_creates(spine: &Spine, properties: &Value) -> String {
    let made = spine.hubspot.person(
        Method::POST,
        path("").trim_end_matches('/'),
        &json!({ "properties": properties }),
    );
    made["id"].as_str().unwrap_or_default().to_owned()
}

fn salesforce_creates(spine: &Spine, fields: &Value) -> String {
    let made = spine.salesforce.person(Method::POST, &format!("{SALESFORCE}/"), fields);
    made["id"].as_str().unwrap_or_default().to_owned()
}

fn hubspot_shows(spine: &Spine, id: &str, property: &str) -> Value {
    let shown =
        spine.hubspot.person(Method::GET, &format!("{}?properties={property}", path(id)), &Value::Null);
    shown["properties"][property].clone()
}

fn salesforce_shows(spine: &Spine, id: &str, field: &str) -> Value {
    spine.salesforce.person(Method::GET, &format!("{SALESFORCE}/{id}"), &Value::Null)[field].clone()
}

#[tokio::test]
async fn a_custom_object_goes_both_ways() {
    let mut spine = spine();
    let bridge = json!({"name": "Bridge", "code": "B-1", "score": "12.5", "birth_date": "2027-04-01"});
    let hubspot = hubspot_creates(&spine, &bridge);
    spine.run().await;
    let salesforce = spine.counterpart_of("project", Side::HubSpot, &hubspot).await;
    for (field, value) in
        [("Name", json!("Bridge")), ("Budget__c", json!(12.5)), ("Due__c", json!("2027-04-01"))]
    {
        assert_eq!(salesforce_shows(&spine, &salesforce, field), value, "{field}");
    }

    spine.salesforce.person(Method::PATCH, &format!("{SALESFORCE}/{salesforce}"), &json!({"Budget__c": 13}));
    spine.hubspot.person(Method::PATCH, &path(&hubspot), &json!({"properties": {"name": "Long bridge"}}));
    spine.run().await;
    assert_eq!(hubspot_shows(&spine, &hubspot, "score"), "13");
    assert_eq!(salesforce_shows(&spine, &salesforce, "Name"), "Long bridge");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn two_with_one_key_are_one_thing_and_a_delete_is_told() {
    let mut spine = spine();
    let hubspot = hubspot_creates(&spine, &json!({"name": "Bridge", "code": "B-1"}));
    let salesforce = salesforce_creates(&spine, &json!({"Name": "Bridge", "Code__c": "B-1"}));
    spine.run().await;
    assert_eq!(spine.counterpart_of("project", Side::HubSpot, &hubspot).await, salesforce);

    spine.hubspot.person(Method::DELETE, &path(&hubspot), &Value::Null);
    spine.run().await;
    assert_eq!(salesforce_shows(&spine, &salesforce, "Deleted_In_CRM__c"), json!(true));
}

#[tokio::test]
async fn what_no_event_tells_of_a_custom_object_is_found_by_reconcile() {
    let mut spine = spine();
    spine.deaf = true;
    assert_eq!(spine.engine.begin_polls_at(spine.now()).await, Ok(()));
    let hubspot = hubspot_creates(&spine, &json!({"name": "Bridge", "code": "B-1"}));
    spine.pass(SignedDuration::from_mins(1)); // HubSpot's index is late.
    spine.reconcile(Task::Poll).await;
    spine.run().await;
    let salesforce = spine.counterpart_of("project", Side::HubSpot, &hubspot).await;
    spine.salesforce.person(
        Method::PATCH,
        &format!("{SALESFORCE}/{salesforce}"),
        &json!({"Due__c": "2027-05-01"}),
    );
    spine.pass(SignedDuration::from_mins(1)); // HubSpot's index is late.
    spine.reconcile(Task::Poll).await;
    spine.run().await;
    assert_eq!(hubspot_shows(&spine, &hubspot, "birth_date"), "2027-05-01");
}
