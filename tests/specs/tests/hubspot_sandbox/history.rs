use serde_json::{Value, json};

use super::portal::{Portal, quiet};
use concord_sandbox::hubspot::Config;

fn versions(portal: &mut Portal, id: &str, name: &str) -> Value {
    let read = portal.post(
        "/crm/v3/objects/contacts/batch/read",
        json!({"propertiesWithHistory": [name], "inputs": [{"id": id}]}),
    );
    read.body["results"][0]["propertiesWithHistory"][name].clone()
}

#[test]
fn every_version_of_a_property_is_kept_with_its_source_newest_first() {
    let mut portal = Portal::with(Config { app_id: 9, user_id: 5, ..quiet() });
    let id = portal.made("contacts", json!({"city": "Turin"}));
    portal.wait_ms(1_000);
    let path = format!("/crm/v3/objects/contacts/{id}");
    portal.person("PATCH", &path, json!({"properties": {"city": "Rome"}}));
    portal.wait_ms(1_000);
    portal.set("contacts", &id, json!({"city": ""}));

    assert_eq!(
        versions(&mut portal, &id, "city"),
        json!([
            {"value": "", "timestamp": "2026-11-23T10:00:02.000Z", "sourceType": "INTEGRATION", "sourceId": "9",
                "sourceLabel": "App 9"},
            {"value": "Rome", "timestamp": "2026-11-23T10:00:01.000Z", "sourceType": "CRM_UI",
                "sourceId": "userId:5", "updatedByUserId": 5},
            {"value": "Turin", "timestamp": "2026-11-23T10:00:00.000Z", "sourceType": "INTEGRATION",
                "sourceId": "9", "sourceLabel": "App 9"}])
    );
    assert_eq!(versions(&mut portal, &id, "phone"), json!([]));
    assert_eq!(versions(&mut portal, &id, "nonsense"), Value::Null);
}

#[test]
fn what_one_request_sets_shares_a_stamp_and_an_equal_value_makes_no_version() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"city": "Turin", "concord_token": "1"}));
    portal.wait_ms(1_000);
    portal.set("contacts", &id, json!({"city": "Rome", "zip": "10100", "concord_token": "2"}));
    portal.wait_ms(1_000);
    portal.set("contacts", &id, json!({"city": "Rome", "concord_token": "3"}));

    let stamps = |versions: Value| -> Vec<String> {
        let versions = versions.as_array().unwrap().clone();
        versions.iter().map(|version| version["timestamp"].as_str().unwrap()[17..23].to_owned()).collect()
    };
    assert_eq!(stamps(versions(&mut portal, &id, "city")), ["01.000", "00.000"]);
    assert_eq!(stamps(versions(&mut portal, &id, "zip")), ["01.000"]);
    assert_eq!(stamps(versions(&mut portal, &id, "concord_token")), ["02.000", "01.000", "00.000"]);
}

#[test]
fn the_depth_of_the_history_can_be_bounded() {
    let mut portal = Portal::with(Config { history_depth: Some(2), ..quiet() });
    let id = portal.made("contacts", json!({"city": "a"}));
    for city in ["b", "c", "d"] {
        portal.set("contacts", &id, json!({"city": city}));
    }

    let shown: Vec<Value> = versions(&mut portal, &id, "city")
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["value"].clone())
        .collect();
    assert_eq!(shown, [json!("d"), json!("c")]);
}
