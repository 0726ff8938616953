//! Calls on up to a hundred records at once. Results come in any order; a part fails alone only where every input
//! carries its own `objectWriteTraceId`, otherwise nothing at all is written.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HubSpot;
use super::objects::{Cleared, Selection};
use super::pairs::{Paired, Wish};
use super::schema::TypeIndex;
use super::wire::{Query, Refusal, Reply, parsed};
use super::write::{Actor, Claims, Prepared};

/// API reference "objects": inputs of a batch.
const BATCH_INPUTS_MAX: usize = 100;
/// Reported by users, not documented: inputs of a batch read with histories.
const BATCH_HISTORY_INPUTS_MAX: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadBody {
    #[serde(default)]
    properties: Vec<String>,
    #[serde(default)]
    properties_with_history: Vec<String>,
    #[serde(default)]
    id_property: Option<String>,
    inputs: Vec<IdInput>,
}

#[derive(Debug, Deserialize)]
struct IdInput {
    id: String,
}

#[derive(Debug, Deserialize)]
struct ArchiveBody {
    inputs: Vec<IdInput>,
}

#[derive(Debug, Deserialize)]
struct WritesBody {
    inputs: Vec<WriteInput>,
}

/// One input of a batch that writes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WriteInput {
    #[serde(default)]
    id: String,
    #[serde(default)]
    id_property: Option<String>,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
    #[serde(default)]
    associations: Option<Vec<Wish>>,
    #[serde(default)]
    object_write_trace_id: Option<String>,
}

/// Which batch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Update,
    Upsert,
}

/// An input that has been checked: what it does, and to which record.
#[derive(Debug)]
struct Checked {
    existing: Option<u64>,
    prepared: Prepared,
    pairs: Vec<Paired>,
}

/// Whether inputs fail alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    Alone,
    Together,
}

impl HubSpot {
    pub(super) fn batch_read(
        &mut self,
        object: TypeIndex,
        now: Timestamp,
        query: &Query,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: ReadBody = parsed(body)?;
        let with_history = !body.properties_with_history.is_empty();
        counted(body.inputs.len(), if with_history { BATCH_HISTORY_INPUTS_MAX } else { BATCH_INPUTS_MAX })?;
        let selection = Selection {
            properties: body.properties,
            history: body.properties_with_history,
            cleared: Cleared::Null,
        };
        let wants_archived = query.is_true("archived");
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for input in body.inputs {
            if !seen.insert(input.id.clone()) {
                continue;
            }
            let by_id = matches!(body.id_property.as_deref(), None | Some("hs_object_id" | ""));
            let store = &self.types[object.0].store;
            let plain = input.id.parse::<u64>().ok();
            // Merged-away ids are left out without a word.
            if by_id && plain.is_some_and(|id| store.is_alias(id)) {
                continue;
            }
            let id = self.locate(object, &input.id, body.id_property.as_deref())?;
            let record = id.and_then(|id| store.records.get(&id));
            match record.filter(|record| record.archived_at.is_some() == wants_archived) {
                Some(record) => found.push(self.rendered(object, record, &selection)),
                None => missing.push(input.id),
            }
        }
        let results = self.shuffled(found);
        let errors = if missing.is_empty() { Vec::new() } else { vec![self.not_gotten(object, &missing)] };
        Ok(Reply::batch(200, now, results, errors))
    }

    /// The line of a batch answer that names the records which are not there.
    fn not_gotten(&self, object: TypeIndex, ids: &[String]) -> Value {
        let message = format!(
            "Could not get some {} objects, they may be deleted or not exist. Check that ids are valid.",
            self.types[object.0].name_for_errors()
        );
        json!({"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": ids}})
    }

    pub(super) fn batch_write(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        verb: Verb,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: WritesBody = parsed(body)?;
        counted(body.inputs.len(), BATCH_INPUTS_MAX)?;
        if verb != Verb::Create {
            each_once(&body.inputs)?;
        }
        let (results, errors) = match failing(verb, &body.inputs) {
            Failing::Together => (self.write_together(object, actor, verb, &body.inputs)?, Vec::new()),
            Failing::Alone => self.write_alone(object, actor, verb, &body.inputs),
        };
        let results = self.shuffled(results);
        let status = if verb == Verb::Create { 201 } else { 200 };
        Ok(Reply::batch(status, actor.now, results, errors))
    }

    /// All or nothing: everything is checked before anything is written.
    fn write_together(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        verb: Verb,
        inputs: &[WriteInput],
    ) -> Result<Vec<Value>, Refusal> {
        let mut claims = Claims::new();
        let mut all = Vec::new();
        for input in inputs {
            all.push(self.check(object, actor, verb, input, &mut claims)?);
        }
        Ok(all.iter().map(|checked| self.perform(object, actor, verb, checked)).collect())
    }

    fn write_alone(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        verb: Verb,
        inputs: &[WriteInput],
    ) -> (Vec<Value>, Vec<Value>) {
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in inputs {
            let trace = input.object_write_trace_id.clone().unwrap_or_default();
            match self.check(object, actor, verb, input, &mut Claims::new()) {
                Ok(checked) => {
                    let mut result = self.perform(object, actor, verb, &checked);
                    result["objectWriteTraceId"] = json!(trace);
                    results.push(result);
                }
                Err(refusal) => {
                    let mut context = json!({"objectWriteTraceId": [trace]});
                    if verb != Verb::Create {
                        context["ids"] = json!([input.id]);
                    }
                    errors.push(refusal.in_batch(context));
                }
            }
        }
        (results, errors)
    }

    fn check(
        &self,
        object: TypeIndex,
        actor: Actor,
        verb: Verb,
        input: &WriteInput,
        claims: &mut Claims,
    ) -> Result<Checked, Refusal> {
        let mut wanted = input.properties.clone();
        let existing = match verb {
            Verb::Create => None,
            Verb::Update => Some(self.live_input(object, input)?),
            Verb::Upsert => {
                let existing = self.locate(object, &input.id, input.id_property.as_deref())?;
                let existing = existing.filter(|id| self.types[object.0].store.live(*id).is_some());
                if let (None, Some(name)) = (existing, &input.id_property) {
                    wanted.entry(name.clone()).or_insert_with(|| json!(input.id));
                }
                existing
            }
        };
        let prepared = self.prepare(object, existing, &wanted, actor.who, claims)?;
        let pairs = self.prepare_pairs(object, input.associations.as_deref().unwrap_or_default())?;
        Ok(Checked { existing, prepared, pairs })
    }

    /// The live record that an input of an update means; merged-away ids are not supported here.
    fn live_input(&self, object: TypeIndex, input: &WriteInput) -> Result<u64, Refusal> {
        let store = &self.types[object.0].store;
        let by_id = matches!(input.id_property.as_deref(), None | Some("hs_object_id" | ""));
        let merged = by_id && input.id.parse().is_ok_and(|id| store.is_alias(id));
        let found = self.locate(object, &input.id, input.id_property.as_deref())?;
        found.filter(|id| !merged && store.live(*id).is_some()).ok_or_else(|| {
            let missing = self.not_gotten(object, std::slice::from_ref(&input.id));
            let message = missing["message"].as_str().unwrap_or_default();
            Refusal::new(404, message)
                .with("category", json!("OBJECT_NOT_FOUND"))
                .with("context", missing["context"].clone())
        })
    }

    fn perform(&mut self, object: TypeIndex, actor: Actor, verb: Verb, checked: &Checked) -> Value {
        let (id, at) = match checked.existing {
            Some(id) => (id, self.update(object, id, actor, &checked.prepared)),
            None => self.create(object, actor, &checked.prepared),
        };
        self.pair_new(object, id, actor, &checked.pairs);
        let made = checked.existing.is_none();
        let mut result = self.written(object, id, at, &checked.prepared.named, made);
        if verb == Verb::Upsert {
            result["new"] = json!(made);
        }
        result
    }

    pub(super) fn batch_archive(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: ArchiveBody = parsed(body)?;
        counted(body.inputs.len(), BATCH_INPUTS_MAX)?;
        for input in body.inputs {
            if let Ok(id) = input.id.parse() {
                self.archive(object, id, actor);
            }
        }
        Ok(Reply::nothing())
    }
}

pub(super) fn counted(inputs: usize, most: usize) -> Result<(), Refusal> {
    let refusal = || Refusal::invalid(format!("The maximum number of inputs per request is {most}."));
    (inputs <= most).then_some(()).ok_or_else(refusal)
}

fn each_once(inputs: &[WriteInput]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    let twice = inputs.iter().find(|input| !seen.insert(&input.id));
    twice.map_or(Ok(()), |input| {
        let id = &input.id;
        let message = format!("Duplicate IDs found in batch input: [{id}]. IDs must be unique");
        Err(Refusal::invalid(message).with("context", json!({"ids": [id]})))
    })
}

/// Inputs fail alone where each has a trace id of its own. An upsert by `email` is never taken in part.
fn failing(verb: Verb, inputs: &[WriteInput]) -> Failing {
    let traces: BTreeSet<&String> =
        inputs.iter().filter_map(|input| input.object_write_trace_id.as_ref()).collect();
    let by_email = inputs.iter().any(|input| input.id_property.as_deref() == Some("email"));
    if traces.len() == inputs.len() && !(verb == Verb::Upsert && by_email) {
        Failing::Alone
    } else {
        Failing::Together
    }
}
