//! The sandbox against interactions of the shape of recorded ones: the same request gets the same status, the same
//! keys, the same JSON types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::portal::{Portal, quiet};
use concord_sandbox::hubspot::{Config, CustomType, Limits};

/// Keys and types, without values. The lines of a list may come in any order and number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Null,
    Bool,
    Number,
    Text,
    List(BTreeSet<Shape>),
    Fields(BTreeMap<String, Shape>),
}

fn shape(value: &Value) -> Shape {
    match value {
        Value::Null => Shape::Null,
        Value::Bool(_) => Shape::Bool,
        Value::Number(_) => Shape::Number,
        Value::String(_) => Shape::Text,
        Value::Array(lines) => Shape::List(lines.iter().map(shape).collect()),
        Value::Object(fields) => {
            Shape::Fields(fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect())
        }
    }
}

/// `$name` stands for an id that an earlier answer gave.
fn filled(text: &str, known: &BTreeMap<String, String>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("${name}"), id))
}

#[test]
fn the_same_request_is_answered_in_the_recorded_shape() {
    let file = include_str!("../../fixtures/hubspot/interactions.json");
    let interactions: Vec<Value> = serde_json::from_str(file).unwrap();
    let van = CustomType {
        type_id: "2-8100045".to_owned(),
        singular: "van".to_owned(),
        plural: "vans".to_owned(),
        properties: ["plate", "driver", "notes"].map(str::to_owned).to_vec(),
    };
    let mut portal = Portal::with(Config { custom_types: vec![van], ..quiet() });
    let mut known = BTreeMap::new();
    assert_eq!(interactions.len(), 16);

    for interaction in interactions {
        let what = interaction["what"].as_str().unwrap();
        let path = filled(interaction["path"].as_str().unwrap(), &known);
        let body: Value = serde_json::from_str(&filled(&interaction["request"].to_string(), &known)).unwrap();
        if interaction["status"] == json!(429) {
            portal.machine.set_limits(Limits { searches: Some(0), ..Limits::NONE });
        }
        let answer = match interaction["method"].as_str().unwrap() {
            "GET" => portal.get(&path),
            "POST" => portal.post(&path, body),
            "PATCH" => portal.patch(&path, body),
            "DELETE" => portal.delete(&path),
            other => panic!("no method {other}"),
        };
        portal.machine.set_limits(Limits::NONE);
        portal.wait_ms(1_000);
        assert_eq!(json!(answer.status), interaction["status"], "{what}: {:?}", answer.body);
        assert_eq!(shape(&answer.body), shape(&interaction["response"]), "{what}");
        if let Some(name) = interaction["remember"].as_str() {
            let id = answer.body.pointer("/results/0/id").or_else(|| answer.body.get("id")).unwrap();
            known.insert(name.to_owned(), id.as_str().unwrap().to_owned());
        }
    }
}
