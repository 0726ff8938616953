use serde_json::{Value, json};

use super::portal::Portal;

/// What is kept of a value, or the code that refuses it.
fn kept(portal: &mut Portal, name: &str, given: Value) -> Result<Value, Value> {
    let id = portal.made("contacts", json!({}));
    let answer = portal.set("contacts", &id, json!({name: given}));
    match answer.status {
        200 => Ok(portal.properties("contacts", &id, name)[name].clone()),
        _ => Err(answer.body["errors"][0]["code"].clone()),
    }
}

#[test]
fn each_type_keeps_its_values_in_one_form_and_refuses_others_by_code() {
    let table = [
        ("birth_date", json!("1990-05-17"), Ok(json!("1990-05-17"))),
        ("birth_date", json!("642902400000"), Ok(json!("1990-05-17"))),
        ("birth_date", json!(642902400000_i64), Ok(json!("1990-05-17"))),
        ("birth_date", json!("1570233600"), Err(json!("INVALID_DATE"))),
        ("birth_date", json!("soon"), Err(json!("INVALID_DATE"))),
        ("last_seen", json!("2026-01-02T03:04:05Z"), Ok(json!("2026-01-02T03:04:05.000Z"))),
        ("last_seen", json!("1767323045678"), Ok(json!("2026-01-02T03:04:05.678Z"))),
        ("last_seen", json!("yesterday"), Err(json!("INVALID_LONG"))),
        ("score", json!("12.50"), Ok(json!("12.50"))),
        ("score", json!(7), Ok(json!("7"))),
        ("score", json!("1e3"), Ok(json!("1e3"))),
        ("score", json!("1,000"), Err(json!("INVALID_INTEGER"))),
        ("newsletter", json!("true"), Ok(json!("true"))),
        ("newsletter", json!(false), Ok(json!("false"))),
        ("newsletter", json!("yes"), Err(json!("INVALID_OPTION"))),
        ("lifecyclestage", json!("lead"), Ok(json!("lead"))),
        ("lifecyclestage", json!("Lead"), Err(json!("INVALID_OPTION"))),
        ("interests", json!("music;sailing"), Ok(json!("music;sailing"))),
        ("interests", json!("music;golf"), Err(json!("INVALID_OPTION"))),
        ("email", json!("a@b.example"), Ok(json!("a@b.example"))),
        ("email", json!("000"), Err(json!("INVALID_EMAIL"))),
        ("email", json!("a@b"), Err(json!("INVALID_EMAIL"))),
        ("city", json!("two\nlines"), Ok(json!("two\nlines"))),
        ("city", Value::Null, Ok(Value::Null)),
        ("hubspot_owner_id", json!("61001"), Ok(json!("61001"))),
        ("hubspot_owner_id", json!("75000001"), Err(json!("INVALID_OWNER_ID"))),
        ("hs_object_id", json!("5"), Err(json!("READ_ONLY_VALUE"))),
        ("no_such_property", json!("5"), Err(json!("PROPERTY_DOESNT_EXIST"))),
    ];
    let mut portal = Portal::new();
    for (name, given, expected) in table {
        assert_eq!(kept(&mut portal, name, given.clone()), expected, "{name}: {given}");
    }
}

#[test]
fn every_refused_value_of_a_request_is_named_and_none_is_written() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"city": "Turin"}));

    let refused =
        portal.set("contacts", &id, json!({"city": "Rome", "nonsense": "1", "newsletter": "perhaps"}));

    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["status"], json!("error"));
    assert_eq!(refused.body["category"], json!("VALIDATION_ERROR"));
    assert_eq!(
        refused.body["errors"],
        json!([
            {"message": "perhaps was not one of the allowed options: [true, false]", "code": "INVALID_OPTION",
                "context": {"propertyName": ["newsletter"]}},
            {"message": "Property \"nonsense\" does not exist", "code": "PROPERTY_DOESNT_EXIST",
                "context": {"propertyName": ["nonsense"]}}])
    );
    let message = refused.body["message"].as_str().unwrap();
    let lines = message.strip_prefix("Property values were not valid: ").unwrap();
    let lines: Value = serde_json::from_str(lines).unwrap();
    assert_eq!(lines[1]["error"], json!("PROPERTY_DOESNT_EXIST"));
    assert_eq!(portal.properties("contacts", &id, "city")["city"], json!("Turin"));
}

#[test]
fn a_leading_semicolon_appends_to_a_multiple_choice() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"interests": "music"}));

    portal.set("contacts", &id, json!({"interests": ";sailing;music"}));

    assert_eq!(portal.properties("contacts", &id, "interests")["interests"], json!("music;sailing"));
}

#[test]
fn a_program_moves_the_lifecycle_forward_only_unless_it_clears_it_first() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"lifecyclestage": "customer"}));
    let stage =
        |portal: &mut Portal| portal.properties("contacts", &id, "lifecyclestage")["lifecyclestage"].clone();

    let back = portal.set("contacts", &id, json!({"lifecyclestage": "lead"}));
    assert_eq!(back.status, 200);
    assert_eq!(back.body["properties"]["lifecyclestage"], json!("customer"));
    assert_eq!(stage(&mut portal), json!("customer"));

    portal.set("contacts", &id, json!({"lifecyclestage": ""}));
    portal.set("contacts", &id, json!({"lifecyclestage": "lead"}));
    assert_eq!(stage(&mut portal), json!("lead"));

    let path = format!("/crm/v3/objects/contacts/{id}");
    portal.person("PATCH", &path, json!({"properties": {"lifecyclestage": "subscriber"}}));
    assert_eq!(stage(&mut portal), json!("subscriber"));
}

#[test]
fn a_broken_body_is_refused_with_its_place() {
    use concord_sandbox::crm::Caller;

    let mut portal = Portal::new();
    let mut request = super::portal::request("POST", "/crm/v3/objects/contacts", None);
    *request.body_mut() = bytes::Bytes::from_static(b"{\"properties\": {");

    let answer = portal.respond(Caller::Api, &request);

    assert_eq!(answer.status(), 400);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let message = body["message"].as_str().unwrap();
    assert!(message.starts_with("Invalid input JSON on line 1, column "), "{message}");
    assert_eq!(body["category"], Value::Null);
}
