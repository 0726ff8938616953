//! Schema and owners.

use std::collections::BTreeMap;

use concord_core::owner::{Owner, OwnerStanding};
use concord_core::port::{Crm as _, FieldKind, FieldSchema, Schema};
use serde_json::{Value, json};

use super::tape::{Tape, client};

fn field(kind: FieldKind) -> FieldSchema {
    let length_max = (kind == FieldKind::Text).then_some(65_536);
    FieldSchema { kind, writable: true, unique: false, findable: false, options: Vec::new(), length_max }
}

#[tokio::test]
async fn kinds_come_from_the_type_and_writable_from_all_three_marks() {
    let tape = Tape::new().answer(
        200,
        json!({ "results": [
            { "name": "email", "type": "string", "fieldType": "text", "options": [], "hasUniqueValue": false, "modificationMetadata": { "readOnlyValue": false } },
            { "name": "concord_id", "type": "string", "fieldType": "text", "hasUniqueValue": true },
            { "name": "closed", "type": "datetime", "fieldType": "date" },
            { "name": "birthday", "type": "date", "fieldType": "date" },
            { "name": "amount", "type": "number", "fieldType": "number", "calculated": true },
            { "name": "score", "type": "number", "fieldType": "number", "modificationMetadata": { "archivable": true, "readOnlyValue": true } },
            { "name": "phone", "type": "phone_number", "fieldType": "phonenumber" },
            { "name": "vip", "type": "bool", "fieldType": "booleancheckbox", "options": [{ "label": "Yes", "value": "true" }, { "label": "No", "value": "false" }] },
            { "name": "stage", "type": "enumeration", "fieldType": "radio", "options": [{ "value": "lead", "hidden": true }, { "value": "customer" }] },
            { "name": "topics", "type": "enumeration", "fieldType": "checkbox", "options": [{ "value": "a" }] },
            { "name": "hubspot_owner_id", "type": "enumeration", "fieldType": "select", "options": [], "referencedObjectType": "OWNER" },
            { "name": "place", "type": "object_coordinates", "fieldType": "text" },
            { "name": "old", "type": "string", "fieldType": "text", "archived": true }
        ] }),
    );

    let schema = client(&tape).schema(&"contacts".into()).await.unwrap();

    let options = |options: &[&str]| options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>();
    let expected = BTreeMap::from([
        ("amount".into(), FieldSchema { writable: false, ..field(FieldKind::Number) }),
        ("birthday".into(), field(FieldKind::Date)),
        ("closed".into(), field(FieldKind::DateTime)),
        ("concord_id".into(), FieldSchema { unique: true, findable: true, ..field(FieldKind::Text) }),
        ("email".into(), FieldSchema { unique: true, findable: true, ..field(FieldKind::Text) }),
        ("hubspot_owner_id".into(), field(FieldKind::Reference)),
        ("phone".into(), field(FieldKind::Text)),
        ("place".into(), field(FieldKind::Other)),
        ("score".into(), FieldSchema { writable: false, ..field(FieldKind::Number) }),
        ("stage".into(), FieldSchema { options: options(&["lead", "customer"]), ..field(FieldKind::Choice) }),
        ("topics".into(), FieldSchema { options: options(&["a"]), ..field(FieldKind::Choices) }),
        ("vip".into(), FieldSchema { options: options(&["true", "false"]), ..field(FieldKind::Boolean) }),
    ]);
    assert_eq!(schema, Schema { fields: expected });
    assert_eq!(tape.sent(), [("GET /crm/properties/2026-03/contacts".to_owned(), Value::Null)]);
}

#[tokio::test]
async fn owners_are_all_read_the_deactivated_ones_too() {
    let tape = Tape::new()
        .answer(
            200,
            json!({
                "results": [{ "id": "41", "email": "ann@example.com", "type": "PERSON", "userId": 9001, "archived": false }],
                "paging": { "next": { "after": "41" } }
            }),
        )
        .answer(200, json!({ "results": [{ "id": "42", "email": "", "type": "QUEUE", "archived": false }] }))
        .answer(200, json!({ "results": [{ "id": "43", "email": "bob@example.com", "userId": null, "archived": true }] }));

    let owners = client(&tape).owners().await.unwrap();

    let owner = |id: &str, email: &str, standing| Owner {
        id: id.to_owned(),
        email: Some(email.to_owned()),
        standing,
    };
    assert_eq!(
        owners,
        [
            owner("41", "ann@example.com", OwnerStanding::Active),
            owner("42", "", OwnerStanding::Active),
            owner("43", "bob@example.com", OwnerStanding::Inactive),
        ]
    );
    let calls: Vec<String> = tape.sent().into_iter().map(|(call, _)| call).collect();
    assert_eq!(
        calls,
        [
            "GET /crm/owners/2026-03?archived=false&limit=100",
            "GET /crm/owners/2026-03?archived=false&limit=100&after=41",
            "GET /crm/owners/2026-03?archived=true&limit=100",
        ]
    );
}
