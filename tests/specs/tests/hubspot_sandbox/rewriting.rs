use serde_json::{Value, json};

use super::portal::Portal;

fn rule(portal: &mut Portal, rules: Value) {
    let set = portal.post("/__sandbox/rewrite", rules);
    assert_eq!(set.status, 200, "{:?}", set.body);
}

#[test]
fn each_rewrite_changes_what_is_stored_and_answered() {
    let table = [
        ("city", json!("lower_case"), "TuRin", "turin"),
        ("city", json!("trim"), "  Turin ", "Turin"),
        ("city", json!({"truncate": 3}), "Turin", "Tur"),
        ("phone", json!("phone_format"), "212 555 0100", "(212) 555-0100"),
        ("phone", json!("phone_format"), "+39 011 555", "+39011555"),
        ("score", json!({"round": 1}), "2.25", "2.3"),
    ];
    for (name, rewrite, given, stored) in table {
        let mut portal = Portal::new();
        rule(&mut portal, json!({"rewrites": {"contacts": {name: [rewrite]}}}));
        let id = portal.made("contacts", json!({}));

        let answer = portal.set("contacts", &id, json!({name: given}));

        assert_eq!(answer.body["properties"][name], json!(stored));
        assert_eq!(portal.properties("contacts", &id, name)[name], json!(stored));
        portal.wait_ms(10);
        let again = portal.set("contacts", &id, json!({name: stored}));
        assert_eq!(again.body["updatedAt"], answer.body["updatedAt"], "{name} is rewritten again");
    }
}

#[test]
fn a_trigger_writes_later_in_its_own_name_and_is_not_in_the_answer() {
    let mut portal = Portal::new();
    rule(
        &mut portal,
        json!({"triggers": [
            {"object": "contacts", "when": "city", "set": "country", "to": {"constant": "Italy"}},
            {"object": "contacts", "when": "country", "set": "state", "to": "upper_case"}]}),
    );
    let id = portal.made("contacts", json!({}));
    portal.events();

    let answer = portal.set("contacts", &id, json!({"city": "Turin", "country": "Spain"}));

    assert_eq!(answer.body["properties"]["country"], json!("Spain"));
    assert_eq!(answer.body["updatedAt"], json!("2026-11-23T10:00:00.001Z"));
    let now = portal.properties("contacts", &id, "city,country,state");
    assert_eq!(now["country"], json!("Italy"));
    assert_eq!(now["state"], json!("ITALY"));
    assert_eq!(now["lastmodifieddate"], json!("2026-11-23T10:00:00.003Z"));
    let mut told: Vec<(i64, String, String)> = portal
        .events()
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let ms = event["occurredAt"].as_i64().unwrap() % 1_000;
            (ms, text("changeSource"), text("propertyValue"))
        })
        .collect();
    told.sort();
    let told: Vec<(i64, &str, &str)> =
        told.iter().map(|(ms, source, value)| (*ms, source.as_str(), value.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "INTEGRATION", "Spain"),
            (1, "INTEGRATION", "Turin"),
            (2, "AUTOMATION_PLATFORM", "Italy"),
            (2, "AUTOMATION_PLATFORM", "SPAIN"),
            (3, "AUTOMATION_PLATFORM", "ITALY"),
        ]
    );
}

#[test]
fn triggers_that_set_off_each_other_come_to_an_end() {
    let mut portal = Portal::new();
    rule(
        &mut portal,
        json!({"triggers": [
            {"object": "contacts", "when": "city", "set": "state", "to": "copy"},
            {"object": "contacts", "when": "state", "set": "city", "to": "upper_case"}]}),
    );
    let id = portal.made("contacts", json!({"city": "Turin"}));

    let now = portal.properties("contacts", &id, "city,state");

    assert_eq!((&now["city"], &now["state"]), (&json!("TURIN"), &json!("TURIN")));
}

#[test]
fn rules_that_are_not_known_are_refused_and_the_old_ones_stay() {
    let mut portal = Portal::new();
    rule(&mut portal, json!({"rewrites": {"contacts": {"city": ["trim"]}}}));

    let refused = portal.post("/__sandbox/rewrite", json!({"rewrites": {"contacts": {"city": ["shout"]}}}));

    assert_eq!(refused.status, 400);
    let id = portal.made("contacts", json!({"city": " Turin "}));
    assert_eq!(portal.properties("contacts", &id, "city")["city"], json!("Turin"));
}
