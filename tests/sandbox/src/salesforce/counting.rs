//! What kind of call a request is, and how many records it touches.

use serde_json::{Map, Value};

use super::call::Call;
use crate::crm::CallKind;

/// The kind by method and path; bodies are read only to count.
pub(crate) fn kind(call: &Call) -> CallKind {
    let segments: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["__sandbox", ..] => one("sandbox"),
        ["services", "oauth2", ..] => one("login"),
        ["services", "data"] => one("versions"),
        ["services", "Soap", ..] => soap(call),
        ["services", "data", _, rest @ ..] => data(call, rest),
        _ => one("unknown"),
    }
}

fn one(name: &'static str) -> CallKind {
    CallKind { name, weight: 1 }
}

fn data(call: &Call, rest: &[&str]) -> CallKind {
    match (call.method.as_str(), rest) {
        (_, ["query" | "queryAll", ..]) => one("query"),
        (_, ["limits"]) => one("limits"),
        (_, ["composite"]) => composite(call, "compositeRequest", "body"),
        (_, ["composite", "batch"]) => composite(call, "batchRequests", "richInput"),
        ("POST", ["composite", "sobjects"]) => many("write_batch_create", listed(call, "records")),
        ("PATCH", ["composite", "sobjects"]) => many("write_batch_update", listed(call, "records")),
        ("PATCH", ["composite", "sobjects", _, _]) => many("write_batch_upsert", listed(call, "records")),
        ("DELETE", ["composite", "sobjects"]) => many("write_batch_delete", named(call, "ids")),
        ("GET", ["composite", "sobjects", _]) => many("batch_read", named(call, "ids")),
        ("POST", ["composite", "sobjects", _]) => many("batch_read", listed(call, "ids")),
        (_, ["sobjects"] | ["sobjects", _, "describe"]) => one("describe"),
        ("GET", ["sobjects", _]) => one("describe"),
        (_, ["sobjects", _, "updated"]) => one("updated"),
        (_, ["sobjects", _, "deleted"]) => one("deleted"),
        ("POST", ["sobjects", ..]) => one("write_create"),
        ("PATCH", ["sobjects", _, key, _]) if !key.eq_ignore_ascii_case("id") => one("write_upsert"),
        ("PATCH", ["sobjects", ..]) => one("write_update"),
        ("DELETE", ["sobjects", ..]) => one("write_delete"),
        (_, ["sobjects", ..]) => one("read"),
        _ => one("unknown"),
    }
}

fn many(name: &'static str, weight: usize) -> CallKind {
    CallKind { name, weight }
}

fn listed(call: &Call, name: &str) -> usize {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    body.get(name).and_then(Value::as_array).map_or(0, Vec::len)
}

fn named(call: &Call, name: &str) -> usize {
    call.parameter(name).unwrap_or_default().split(',').filter(|id| !id.trim().is_empty()).count()
}

/// Counts as a write as soon as one of its calls writes; then it weighs the records written.
fn composite(call: &Call, list: &str, body: &str) -> CallKind {
    let whole: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let calls = whole.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let kinds: Vec<CallKind> = calls
        .iter()
        .map(|part| {
            let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default();
            let body = part.get(body).unwrap_or(&Value::Null);
            kind(&Call::of_subrequest(text("method"), text("url"), &Map::new(), body))
        })
        .collect();
    let writes: Vec<&CallKind> = kinds.iter().filter(|kind| kind.name.starts_with("write_")).collect();
    if writes.is_empty() {
        return many("composite", kinds.iter().map(|kind| kind.weight).sum());
    }
    many("write_composite", writes.iter().map(|kind| kind.weight).sum())
}

fn soap(call: &Call) -> CallKind {
    let text = String::from_utf8_lossy(&call.body);
    let count = |name: &str| text.matches(&format!("{name}>")).count() / 2;
    let is = |name: &str| text.contains(&format!(":{name}>")) || text.contains(&format!("<{name}"));
    if is("undelete") {
        many("write_undelete", count("ids"))
    } else if is("merge") {
        many("write_merge", count("recordToMergeIds"))
    } else if is("emptyRecycleBin") {
        many("write_purge", count("ids"))
    } else {
        one("soap")
    }
}
