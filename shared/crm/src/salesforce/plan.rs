//! Sorting writes by the kind of call that carries them. Pure: a write that must not be sent is refused here.

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, ObjectSpec, Operation, Outcome, Write};
use concord_core::value::{Presence, Raw};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Map, Value, json};

use super::Config;
use super::id::canonical;
use super::request::{identifier, json as wire};

/// Writes by kind of call, each with its place among the writes that came in.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// One call each: only a single row takes a precondition.
    pub(super) guarded: Vec<Guarded>,
    /// Collections.
    pub(super) updates: Vec<Sent<Value>>,
    /// Collections.
    pub(super) inserts: Vec<Sent<Value>>,
    /// Collections.
    pub(super) archives: Vec<Sent<RecordId>>,
    /// SOAP.
    pub(super) undeletes: Vec<Sent<RecordId>>,
    /// Collections, then SOAP.
    pub(super) purges: Vec<Sent<RecordId>>,
    /// Not sent at all.
    pub(super) refused: Vec<Sent<Outcome>>,
}

/// Something with its place among the writes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent<W> {
    pub(super) at: usize,
    pub(super) what: W,
}

/// A single-row update under its precondition.
#[derive(Debug, PartialEq)]
pub(super) struct Guarded {
    pub(super) at: usize,
    pub(super) id: RecordId,
    pub(super) body: Value,
    /// `If-Unmodified-Since`, as an HTTP date: to the second, like `LastModifiedDate`.
    pub(super) unmodified_since: String,
}

pub(super) fn plan(config: &Config, spec: &ObjectSpec, writes: &[Write]) -> Plan {
    let mut plan = Plan::default();
    for (at, write) in writes.iter().enumerate() {
        if let Err(outcome) = sort(config, spec, at, write, &mut plan) {
            plan.refused.push(Sent { at, what: outcome });
        }
    }
    plan
}

fn sort(
    config: &Config,
    spec: &ObjectSpec,
    at: usize,
    write: &Write,
    plan: &mut Plan,
) -> Result<(), Outcome> {
    identifier(&spec.wire).map_err(Outcome::Failed)?;
    let values = |values: &[_]| body(config, write, values).map_err(Outcome::Failed);
    // What is no id names no record.
    let record = |id: &RecordId| canonical(id.as_str()).ok_or(Outcome::Gone);
    let attributes = || json!({ "type": spec.wire.as_str() });
    match &write.operation {
        Operation::Insert { values: new } => {
            let mut what = values(new)?;
            what.insert("attributes".to_owned(), attributes());
            plan.inserts.push(Sent { at, what: Value::Object(what) });
        }
        Operation::Update { id, values: new, unmodified_since: Some(since) } => {
            plan.guarded.push(Guarded {
                at,
                id: record(id)?,
                body: Value::Object(values(new)?),
                unmodified_since: http_date(*since).map_err(Outcome::Failed)?,
            });
        }
        Operation::Update { id, values: new, unmodified_since: None } => {
            let mut what = values(new)?;
            what.insert("attributes".to_owned(), attributes());
            what.insert("id".to_owned(), Value::from(record(id)?.as_str()));
            plan.updates.push(Sent { at, what: Value::Object(what) });
        }
        Operation::Archive { id } => plan.archives.push(Sent { at, what: record(id)? }),
        Operation::Undelete { id } => plan.undeletes.push(Sent { at, what: record(id)? }),
        Operation::Purge { id } => plan.purges.push(Sent { at, what: record(id)? }),
    }
    Ok(())
}

/// The values with Concord's own fields among them: they travel in the same request (P1).
fn body(
    config: &Config,
    write: &Write,
    values: &[(WireName, Presence<Raw>)],
) -> Result<Map<String, Value>, Failure> {
    let mut body = Map::new();
    for (field, value) in values {
        body.insert(identifier(field)?.to_owned(), wire(value)?);
    }
    body.insert(identifier(&config.concord_id_field)?.to_owned(), Value::from(write.link.as_str()));
    body.insert(identifier(&config.concord_token_field)?.to_owned(), Value::from(write.token.0));
    Ok(body)
}

fn http_date(at: Timestamp) -> Result<String, Failure> {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .map_err(|_| Failure::Bug { reason: "a precondition's instant is no HTTP date".to_owned() })
}
