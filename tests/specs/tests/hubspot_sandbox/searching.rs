use serde_json::{Value, json};

use super::portal::{Answer, Portal, ids, quiet};
use concord_sandbox::hubspot::Config;

fn search(portal: &mut Portal, name: &str, operator: &str, value: Value) -> Answer {
    let filter = match value {
        Value::Array(values) => json!({"propertyName": name, "operator": operator, "values": values}),
        value => json!({"propertyName": name, "operator": operator, "value": value}),
    };
    portal.post(
        "/crm/v3/objects/contacts/search",
        json!({"filterGroups": [{"filters": [filter]}], "limit": 100}),
    )
}

#[test]
fn each_operator_finds_what_it_says() {
    let mut portal = Portal::new();
    let ada = portal.made(
        "contacts",
        json!({"email": "ada@example.com", "city": "Turin", "score": "10", "lifecyclestage": "lead",
            "birth_date": "1990-05-17", "interests": "music;sailing"}),
    );
    let bob = portal.made("contacts", json!({"email": "bob@example.com", "city": "Rome", "score": "9"}));
    let cy = portal.made("contacts", json!({"email": "cy@example.com"}));
    let table = [
        ("email", "EQ", json!("ADA@example.com"), vec![&ada]),
        ("city", "EQ", json!("turin"), vec![&ada]),
        ("city", "NEQ", json!("turin"), vec![&bob, &cy]),
        ("score", "GT", json!("9"), vec![&ada]),
        ("score", "GTE", json!("9.0"), vec![&ada, &bob]),
        ("score", "LT", json!("10"), vec![&bob]),
        ("score", "LTE", json!("10"), vec![&ada, &bob]),
        ("birth_date", "LT", json!("1990-05-18"), vec![&ada]),
        ("birth_date", "EQ", json!("642902400000"), vec![&ada]),
        ("city", "IN", json!(["turin", "Rome"]), vec![&ada]),
        ("city", "NOT_IN", json!(["turin"]), vec![&bob, &cy]),
        ("lifecyclestage", "EQ", json!("lead"), vec![&ada]),
        ("lifecyclestage", "EQ", json!("LEAD"), vec![]),
        ("interests", "EQ", json!("sailing"), vec![&ada]),
        ("city", "HAS_PROPERTY", Value::Null, vec![&ada, &bob]),
        ("city", "NOT_HAS_PROPERTY", Value::Null, vec![&cy]),
        ("email", "CONTAINS_TOKEN", json!("bob"), vec![&bob]),
        ("email", "CONTAINS_TOKEN", json!("bo"), vec![]),
        ("email", "CONTAINS_TOKEN", json!("bo*"), vec![&bob]),
        ("email", "NOT_CONTAINS_TOKEN", json!("bob"), vec![&ada, &cy]),
        ("hs_object_id", "EQ", json!(bob), vec![&bob]),
        ("hs_object_id", "GT", json!(ada), vec![&bob, &cy]),
        ("hs_lastmodifieddate", "GT", json!("0"), vec![]),
    ];
    for (name, operator, value, expected) in table {
        let found = search(&mut portal, name, operator, value.clone());
        assert_eq!(found.status, 200, "{name} {operator} {value}");
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(ids(&found), expected, "{name} {operator} {value}");
        assert_eq!(found.body["total"], json!(expected.len()));
    }
    assert_eq!(search(&mut portal, "city", "LIKE", json!("x")).status, 400);
}

#[test]
fn groups_are_alternatives_and_filters_in_a_group_all_hold() {
    let mut portal = Portal::new();
    let ada = portal.made("contacts", json!({"city": "Turin", "score": "1"}));
    let bob = portal.made("contacts", json!({"city": "Turin", "score": "2"}));
    portal.made("contacts", json!({"city": "Rome", "score": "3"}));
    let is = |name: &str, value: &str| json!({"propertyName": name, "operator": "EQ", "value": value});

    let found = portal.post(
        "/crm/v3/objects/contacts/search",
        json!({"filterGroups": [{"filters": [is("city", "Turin"), is("score", "1")]},
            {"filters": [is("city", "Turin"), is("score", "2")]}]}),
    );

    assert_eq!(ids(&found), [ada, bob]);
}

#[test]
fn a_poll_by_modified_date_pages_by_id_in_order() {
    let mut portal = Portal::new();
    let mut made = Vec::new();
    for _ in 0..30 {
        made.push(portal.made("contacts", json!({"city": "a"})));
        portal.wait_ms(1_000);
    }
    portal.set("contacts", &made[0], json!({"city": "b"}));
    let since = "2026-11-23T10:00:20.000Z";
    let poll = |portal: &mut Portal, after: &str, direction: &str| {
        portal.post(
            "/crm/v3/objects/contacts/search",
            json!({"filterGroups": [{"filters": [
                {"propertyName": "lastmodifieddate", "operator": "GTE", "value": since},
                {"propertyName": "hs_object_id", "operator": "GTE", "value": "0"}]}],
                "sorts": [{"propertyName": "hs_object_id", "direction": direction}], "limit": 8, "after": after}),
        )
    };
    let shown = |answer: &Answer| -> Vec<Value> {
        answer.body["results"].as_array().unwrap().iter().map(|line| line["id"].clone()).collect()
    };

    let first = poll(&mut portal, "0", "ASCENDING");
    let second = poll(&mut portal, "8", "ASCENDING");
    let down = poll(&mut portal, "0", "DESCENDING");

    let mut expected = vec![json!(made[0])];
    expected.extend(made[20..].iter().map(|id| json!(id)));
    assert_eq!(first.body["total"], json!(11));
    assert_eq!(shown(&first), expected[..8]);
    assert_eq!(first.body["paging"], json!({"next": {"after": "8"}}));
    assert_eq!(shown(&second), expected[8..]);
    assert_eq!(second.body["paging"], Value::Null);
    assert_eq!(shown(&down)[0], expected[10]);
}

#[test]
fn limits_of_a_search_are_kept() {
    let mut portal = Portal::new();
    let mut status = |body: Value| portal.post("/crm/v3/objects/contacts/search", body).status;
    let filter = json!({"propertyName": "city", "operator": "EQ", "value": "x"});

    assert_eq!(status(json!({"limit": 200})), 200);
    assert_eq!(status(json!({"limit": 201})), 400);
    assert_eq!(status(json!({"limit": 100, "after": "9900"})), 200);
    assert_eq!(status(json!({"limit": 100, "after": "9901"})), 400);
    assert_eq!(status(json!({"query": "x".repeat(3_000)})), 400);
    assert_eq!(status(json!({"filterGroups": vec![json!({"filters": [filter]}); 6]})), 400);
    assert_eq!(status(json!({"filterGroups": [{"filters": vec![filter.clone(); 7]}]})), 400);
}

#[test]
fn a_new_record_is_not_found_before_the_index_has_caught_up() {
    let mut portal = Portal::with(Config { index_lag_ms: 3_000, ..quiet() });
    let id = portal.made("contacts", json!({"email": "ada@example.com"}));

    portal.wait_ms(2_999);
    let early = search(&mut portal, "email", "EQ", json!("ada@example.com"));
    portal.wait_ms(1);
    let late = search(&mut portal, "email", "EQ", json!("ada@example.com"));

    assert_eq!((early.body["total"].clone(), ids(&early)), (json!(0), vec![]));
    assert_eq!((late.body["total"].clone(), ids(&late)), (json!(1), vec![id]));
}

#[test]
fn a_search_matches_the_old_value_and_shows_the_new_one() {
    let mut portal = Portal::with(Config { index_lag_ms: 3_000, ..quiet() });
    let id = portal.made("contacts", json!({"email": "old@example.com"}));
    portal.wait_ms(10_000);
    portal.set("contacts", &id, json!({"email": "new@example.com"}));
    portal.wait_ms(2_000);

    let by_old = search(&mut portal, "email", "EQ", json!("old@example.com"));
    let by_new = search(&mut portal, "email", "EQ", json!("new@example.com"));
    portal.wait_ms(2_000);
    let later = search(&mut portal, "email", "EQ", json!("new@example.com"));

    assert_eq!(by_old.body["results"][0]["properties"]["email"], json!("new@example.com"));
    assert_eq!(by_new.body, json!({"total": 0, "results": []}));
    assert_eq!(ids(&later), [id]);
}

#[test]
fn what_was_archived_just_now_is_counted_and_not_shown() {
    let mut portal = Portal::with(Config { index_lag_ms: 3_000, ..quiet() });
    let id = portal.made("contacts", json!({"city": "Turin"}));
    portal.wait_ms(10_000);
    portal.delete(&format!("/crm/v3/objects/contacts/{id}"));
    portal.wait_ms(1_000);

    let early = search(&mut portal, "city", "EQ", json!("Turin"));
    portal.wait_ms(2_000);
    let late = search(&mut portal, "city", "EQ", json!("Turin"));

    assert_eq!(early.body, json!({"total": 1, "results": []}));
    assert_eq!(late.body, json!({"total": 0, "results": []}));
}

#[test]
fn a_search_shows_what_was_cleared_as_empty_and_what_was_never_set_as_null() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"email": "ada@example.com", "city": "Turin"}));
    portal.set("contacts", &id, json!({"city": ""}));

    let found = portal
        .post("/crm/v3/objects/contacts/search", json!({"filterGroups": [], "properties": ["city", "zip"]}));

    let properties = &found.body["results"][0]["properties"];
    assert_eq!((&properties["city"], &properties["zip"]), (&json!(""), &Value::Null));
    assert_eq!(portal.properties("contacts", &id, "city")["city"], Value::Null);
}
