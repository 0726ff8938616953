use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::portal::{Portal, quiet};
use concord_sandbox::hubspot::{Config, Subscriptions, WatchedProperties};

/// The fields of an event, without those that are numbers of the portal's own choosing.
fn bare(event: &Value) -> Value {
    let mut event = event.clone();
    for name in ["eventId", "subscriptionId"] {
        assert!(event[name].is_u64(), "{event}");
        event.as_object_mut().unwrap().remove(name);
    }
    event
}

fn known() -> Config {
    Config { portal_id: 7, app_id: 9, user_id: 5, ..quiet() }
}

#[test]
fn a_creation_tells_of_itself_and_of_every_property_set() {
    let mut portal = Portal::with(known());
    portal.made("contacts", json!({"email": "ada@example.com", "birth_date": "1990-05-17", "city": ""}));

    let mut events: Vec<Value> = portal.events().iter().map(bare).collect();
    events.sort_by_key(|event| (event["subscriptionType"].to_string(), event["propertyName"].to_string()));

    let at = 1_795_428_000_000_i64;
    let change = |name: &str, value: &str| {
        json!({"portalId": 7, "appId": 9, "occurredAt": at, "subscriptionType": "contact.propertyChange",
            "attemptNumber": 0, "objectId": 101, "propertyName": name, "propertyValue": value,
            "changeSource": "INTEGRATION", "sourceId": "9"})
    };
    assert_eq!(
        events,
        [
            json!({"portalId": 7, "appId": 9, "occurredAt": at, "subscriptionType": "contact.creation",
                "attemptNumber": 0, "objectId": 101, "changeFlag": "CREATED", "changeSource": "INTEGRATION",
                "sourceId": "9"}),
            change("birth_date", "642902400000"),
            change("email", "ada@example.com"),
        ]
    );
}

#[test]
fn a_person_is_told_apart_from_the_app() {
    let mut portal = Portal::with(known());
    let id = portal.made("contacts", json!({"city": "Turin"}));
    portal.events();
    portal.wait_ms(10);

    portal.person("PATCH", &format!("/crm/v3/objects/contacts/{id}"), json!({"properties": {"city": ""}}));
    portal.set("contacts", &id, json!({"city": "Rome"}));

    let events = portal.events();
    let brief: Vec<[Value; 4]> = events
        .iter()
        .map(|event| {
            ["changeSource", "sourceId", "propertyValue", "occurredAt"].map(|name| event[name].clone())
        })
        .collect();
    assert_eq!(
        brief,
        [
            [json!("CRM_UI"), json!("userId:5"), json!(""), json!(1_795_428_000_010_i64)],
            [json!("INTEGRATION"), json!("9"), json!("Rome"), json!(1_795_428_000_011_i64)],
        ]
    );
}

#[test]
fn a_deletion_and_a_restoral_are_told_and_a_second_deletion_is_not() {
    let mut portal = Portal::with(known());
    let id = portal.made("companies", json!({"name": "Acme"}));
    portal.events();

    portal.delete(&format!("/crm/v3/objects/companies/{id}"));
    portal.delete(&format!("/crm/v3/objects/companies/{id}"));
    portal.person("POST", &format!("/crm/v3/objects/companies/{id}/restore"), json!({}));

    let events = portal.events();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["subscriptionType"]).collect();
    assert_eq!(kinds, [&json!("company.deletion"), &json!("company.restore")]);
    assert_eq!(events[0]["changeFlag"], json!("DELETED"));
    assert_eq!(events[0]["objectId"], json!(101));
}

#[test]
fn only_what_is_subscribed_to_is_told() {
    let properties =
        BTreeMap::from([("contacts".to_owned(), ["city", "lastmodifieddate"].map(str::to_owned).into())]);
    let subscriptions =
        Subscriptions { events: BTreeSet::new(), properties: WatchedProperties::Only(properties) };
    let mut portal = Portal::with(Config { subscriptions, ..known() });

    portal.made("contacts", json!({"city": "Turin", "zip": "10100"}));
    portal.made("companies", json!({"name": "Acme"}));

    let events = portal.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["propertyName"], json!("city"));
}

#[test]
fn events_have_the_fields_of_captured_ones() {
    let captured = [
        ("contact.creation", vec!["changeFlag"]),
        ("contact.propertyChange", vec!["propertyName", "propertyValue"]),
    ];
    let mut portal = Portal::with(known());
    portal.made("contacts", json!({"city": "Turin"}));
    let events = portal.events();
    assert_eq!(events.len(), captured.len());
    for (kind, own) in captured {
        let event = events.iter().find(|event| event["subscriptionType"] == kind).unwrap();
        let names: BTreeSet<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected: BTreeSet<&str> = own.into_iter().collect();
        expected.extend([
            "attemptNumber",
            "sourceId",
            "eventId",
            "changeSource",
            "occurredAt",
            "subscriptionType",
            "portalId",
            "appId",
            "subscriptionId",
            "objectId",
        ]);
        assert_eq!(names, expected);
    }
}

#[test]
fn the_same_calls_cause_the_same_events_and_answers() {
    let run = || {
        let mut portal = Portal::with(known());
        let made = portal.post(
            "/crm/v3/objects/contacts/batch/create",
            json!({"inputs": [{"properties": {"city": "a"}}, {"properties": {"city": "b"}}]}),
        );
        (made, portal.events())
    };
    assert_eq!(run(), run());
}
