//! Writes: inserts, updates and archives in batches, one outcome for each, matched by what the answer names
//! and never by its order.
//!
//! HubSpot has no precondition, so `unmodified_since` is not sent: the row's history tells afterwards (P5).
//! A batch of which HubSpot refuses one record is refused as a whole unless every input has a trace id of
//! its own; ours have, and where it still happens the records go one by one, so that a poisoned one stops
//! nobody. A record alone is sent as a batch of one, not as `PATCH /{id}`: that one follows merges, and
//! would write this record's values to the record that it was merged into.

use std::collections::BTreeMap;

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, ObjectSpec, Operation, Outcome, Write};
use concord_core::value::{Presence, Raw};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Answer, Call, Unsuccessful};
use super::config::{Area, PropertyNames, plural};
use super::primary::{self, Choice};
use super::refusal::{self, Refusal};
use super::wire::{Batch, Problem, record_id};
use super::{CALLS_IN_FLIGHT_MAX, HubSpot};
use crate::transport::Transport;

/// Most records of one batch (objects API, "batch": 100 inputs).
const BATCH_RECORDS_MAX: usize = 100;
/// All that HubSpot erases by API.
const CONTACTS: &str = "contacts";

/// What a batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Create,
    Update,
    Archive,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Archive];

    const fn path(self) -> &'static str {
        match self {
            Self::Create => "batch/create",
            Self::Update => "batch/update",
            Self::Archive => "batch/archive",
        }
    }
}

/// One write, ready to be sent.
#[derive(Debug, Clone)]
struct Attempt<'a> {
    index: usize,
    write: &'a Write,
    kind: Kind,
    /// `None` for an insert.
    id: Option<&'a RecordId>,
    /// Names the attempt in the answer.
    trace: String,
    input: Value,
}

/// What the answer to a batch tells of one record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(deserialize_with = "record_id")]
    id: String,
    #[serde(default)]
    properties: BTreeMap<String, Option<String>>,
    object_write_trace_id: Option<String>,
}

impl<T: Transport> HubSpot<T> {
    pub(super) async fn write_rows(&self, object: &ObjectSpec, writes: &[Write]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; writes.len()];
        let mut attempts = Vec::new();
        let mut writes = writes.to_vec();
        let choices: Vec<Option<Choice>> =
            writes.iter_mut().map(|write| primary::take(&object.wire, write)).collect();
        let of_updates = writes.iter().zip(&choices).filter_map(|(write, choice)| match &write.operation {
            Operation::Update { id, .. } => Some((id.clone(), choice.clone()?)),
            Operation::Insert { .. }
            | Operation::Archive { .. }
            | Operation::Undelete { .. }
            | Operation::Purge { .. } => None,
        });
        let came_to = self.choose_primaries(object, of_updates.collect()).await;
        for (index, (write, choice)) in writes.iter().zip(&choices).enumerate() {
            if let Operation::Update { id, .. } = &write.operation
                && let (Some(_), Some(outcome)) = (choice, came_to.get(id))
            {
                outcomes[index] = Some(outcome.clone());
                continue;
            }
            if let Operation::Purge { id } = &write.operation
                && plural(object.wire.as_str()).as_str() == CONTACTS
            {
                outcomes[index] = Some(self.purge_contact(object, id).await);
                continue;
            }
            match attempt(index, write, choice.as_ref(), &self.config.names) {
                Ok(attempt) => attempts.push(attempt),
                Err(failure) => outcomes[index] = Some(Outcome::Failed(failure)),
            }
        }
        for round in rounds(attempts) {
            let mut calls = Vec::new();
            for kind in Kind::ALL {
                let of_kind: Vec<_> = round.iter().filter(|attempt| attempt.kind == kind).cloned().collect();
                calls.extend(
                    of_kind.chunks(BATCH_RECORDS_MAX).map(|chunk| self.write_batch(object, chunk.to_vec())),
                );
            }
            let answered: Vec<_> = stream::iter(calls).buffered(CALLS_IN_FLIGHT_MAX).collect().await;
            for (index, outcome) in answered.into_iter().flatten() {
                outcomes[index] = Some(outcome);
            }
        }
        outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| Outcome::Failed(refusal::unmentioned())))
            .collect()
    }

    /// Erases a contact for good (objects API, `gdpr-delete`: one at a time).
    async fn purge_contact(&self, object: &ObjectSpec, id: &RecordId) -> Outcome {
        let target = format!("{}/gdpr-delete", self.config.family.path(Area::Objects(&object.wire)));
        match self.send(Call::post(target, json!({ "objectId": id.as_str() }))).await {
            Ok(_) => Outcome::Done(id.clone()),
            Err(Unsuccessful::Refused(Refusal::Missing { .. })) => Outcome::Gone,
            Err(failure) => Outcome::Failed(failure.into_failure()),
        }
    }

    /// Sends one batch of one kind.
    async fn write_batch(&self, object: &ObjectSpec, attempts: Vec<Attempt<'_>>) -> Vec<(usize, Outcome)> {
        match self.try_batch(object, &attempts).await {
            Ok(outcomes) => outcomes,
            Err(refusal @ Refusal::Failed(_)) => every(&attempts, &refusal),
            Err(refusal) if attempts.len() == 1 => every(&attempts, &refusal),
            // Refused for the sake of one record, or more; nothing was written.
            Err(Refusal::Duplicate { .. } | Refusal::Missing { .. } | Refusal::Invalid { .. }) => {
                self.write_one_by_one(object, &attempts).await
            }
        }
    }

    /// At most one call for each record of the batch, and none after the side has asked to stop.
    async fn write_one_by_one(&self, object: &ObjectSpec, attempts: &[Attempt<'_>]) -> Vec<(usize, Outcome)> {
        let mut outcomes = Vec::new();
        let mut stopped: Option<Refusal> = None;
        for group in attempts.chunks(CALLS_IN_FLIGHT_MAX) {
            if let Some(refusal) = &stopped {
                outcomes.extend(every(group, refusal));
                continue;
            }
            let calls: Vec<_> =
                group.iter().map(|one| self.try_batch(object, std::slice::from_ref(one))).collect();
            let answers: Vec<_> = stream::iter(calls).buffered(CALLS_IN_FLIGHT_MAX).collect().await;
            for (one, answer) in group.iter().zip(answers) {
                match answer {
                    Ok(outcome) => outcomes.extend(outcome),
                    Err(refusal) => {
                        outcomes.extend(every(std::slice::from_ref(one), &refusal));
                        if matches!(refusal, Refusal::Failed(_)) {
                            stopped = Some(refusal);
                        }
                    }
                }
            }
        }
        outcomes
    }

    async fn try_batch(
        &self,
        object: &ObjectSpec,
        attempts: &[Attempt<'_>],
    ) -> Result<Vec<(usize, Outcome)>, Refusal> {
        let Some(kind) = attempts.first().map(|attempt| attempt.kind) else { return Ok(Vec::new()) };
        let target = format!("{}/{}", self.config.family.path(Area::Objects(&object.wire)), kind.path());
        let inputs: Vec<&Value> = attempts.iter().map(|attempt| &attempt.input).collect();
        match self.send(Call::post(target, json!({ "inputs": inputs }))).await {
            Ok(answer) => Ok(settle(&answer, kind, attempts, &self.config.names)),
            Err(Unsuccessful::Refused(refusal)) => Err(refusal),
            Err(Unsuccessful::Failed(failure)) => Err(Refusal::Failed(failure)),
        }
    }
}

/// Makes a write ready, or says why it cannot be sent.
fn attempt<'a>(
    index: usize,
    write: &'a Write,
    choice: Option<&Choice>,
    names: &PropertyNames,
) -> Result<Attempt<'a>, Failure> {
    let trace = format!("{}:{}", write.link, write.token);
    let (kind, id, input) = match &write.operation {
        Operation::Insert { values } => {
            let properties = properties(write, values, names)?;
            let mut input = json!({ "objectWriteTraceId": trace, "properties": properties });
            if let Some(choice) = choice {
                input["associations"] = primary::of_insert(choice);
            }
            (Kind::Create, None, input)
        }
        Operation::Update { id, values, unmodified_since: _ } => {
            let properties = properties(write, values, names)?;
            let input = json!({ "id": id.as_str(), "objectWriteTraceId": trace, "properties": properties });
            (Kind::Update, Some(id), input)
        }
        // Contacts are purged; of all others the bin is the end that the API knows.
        Operation::Archive { id } | Operation::Purge { id } => {
            (Kind::Archive, Some(id), json!({ "id": id.as_str() }))
        }
        Operation::Undelete { id } => {
            let reason = format!(
                "HubSpot restores a record only by hand: restore {id} from the recycle bin within 90 days of \
                 its deletion"
            );
            return Err(Failure::Park { reason });
        }
    };
    Ok(Attempt { index, write, kind, id, trace, input })
}

/// The values with Concord's own two, as HubSpot takes them: text, and empty text to clear.
fn properties(
    write: &Write,
    values: &[(WireName, Presence<Raw>)],
    names: &PropertyNames,
) -> Result<Map<String, Value>, Failure> {
    let mut properties = Map::new();
    for (name, value) in values {
        let text = match value {
            Presence::Value(Raw::Text(text)) => text.clone(),
            Presence::Value(Raw::Boolean(yes)) => yes.to_string(),
            // `Decimal` prints all digits and never an exponent.
            Presence::Value(Raw::Number(number)) => number.to_string(),
            Presence::Blank => String::new(),
            Presence::Unknown => {
                let reason = format!("a write of {name} without knowing the value");
                return Err(Failure::Bug { reason });
            }
        };
        properties.insert(name.to_string(), text.into());
    }
    properties.insert(names.link.to_string(), write.link.to_string().into());
    properties.insert(names.token.to_string(), write.token.to_string().into());
    Ok(properties)
}

/// Splits the attempts so that each record and each trace id is met once in a round: HubSpot refuses a batch
/// that names an id twice, and a later write to the same record has to come later.
fn rounds(attempts: Vec<Attempt<'_>>) -> Vec<Vec<Attempt<'_>>> {
    let mut rounds: Vec<Vec<Attempt<'_>>> = Vec::new();
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    for attempt in attempts {
        let keys = [
            format!("trace {}", attempt.trace),
            match attempt.id {
                Some(id) => format!("id {id}"),
                None => format!("insert {}", attempt.write.link),
            },
        ];
        let round = keys.iter().filter_map(|key| met.get(key)).max().map_or(0, |last| last + 1);
        met.extend(keys.map(|key| (key, round)));
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Vec::new);
        }
        rounds[round].push(attempt);
    }
    rounds
}

/// Reads the answer to a batch that HubSpot took, in whole or in part.
fn settle(
    answer: &Answer,
    kind: Kind,
    attempts: &[Attempt<'_>],
    names: &PropertyNames,
) -> Vec<(usize, Outcome)> {
    let batch: Option<Batch<Written>> = match answer.body() {
        Ok(batch) => batch,
        Err(failure) => return every(attempts, &Refusal::Failed(failure)),
    };
    let batch = batch.unwrap_or_else(|| Batch { results: Vec::new(), errors: Vec::new() });
    let outcome = |attempt: &Attempt<'_>| {
        if let Some(problem) = batch.errors.iter().find(|problem| is_about(problem, attempt, attempts.len()))
        {
            return refused(kind, Refusal::within_batch(problem));
        }
        match (kind, attempt.id) {
            // Archiving answers 204 and ignores ids that are not there.
            (Kind::Archive, Some(id)) => Outcome::Done(id.clone()),
            (Kind::Archive | Kind::Create | Kind::Update, _) => {
                batch.results.iter().find(|written| is_of(written, attempt, names)).map_or_else(
                    || Outcome::Failed(refusal::unmentioned()),
                    |written| Outcome::Done(RecordId::new(&written.id)),
                )
            }
        }
    };
    attempts.iter().map(|attempt| (attempt.index, outcome(attempt))).collect()
}

/// Whether an error of a batch is about this attempt. In a batch of one there is nobody else.
fn is_about(problem: &Problem, attempt: &Attempt<'_>, attempts: usize) -> bool {
    attempts == 1
        || problem.traces.contains(&attempt.trace)
        || attempt.id.is_some_and(|id| problem.ids.iter().any(|named| named == id.as_str()))
}

/// Whether a written record is this attempt's: by its id, by our trace id, or by our own two properties.
fn is_of(written: &Written, attempt: &Attempt<'_>, names: &PropertyNames) -> bool {
    if let Some(id) = attempt.id {
        return written.id == id.as_str();
    }
    let holds = |name: &WireName, text: &str| {
        written.properties.get(name.as_str()).is_some_and(|value| value.as_deref() == Some(text))
    };
    written.object_write_trace_id.as_ref() == Some(&attempt.trace)
        || holds(&names.link, attempt.write.link.as_str())
            && holds(&names.token, &attempt.write.token.to_string())
}

fn every(attempts: &[Attempt<'_>], refusal: &Refusal) -> Vec<(usize, Outcome)> {
    attempts.iter().map(|attempt| (attempt.index, refused(attempt.kind, refusal.clone()))).collect()
}

/// What a refusal means for one write.
fn refused(kind: Kind, refusal: Refusal) -> Outcome {
    match (kind, refusal) {
        (Kind::Create | Kind::Update, Refusal::Duplicate { existing, reason: _ }) => {
            Outcome::Duplicate(existing)
        }
        (Kind::Update | Kind::Archive, Refusal::Missing { reason: _ }) => Outcome::Gone,
        (Kind::Create, missing @ Refusal::Missing { .. }) => Outcome::Failed(missing.into_failure()),
        (Kind::Archive, conflict @ Refusal::Duplicate { .. }) => Outcome::Failed(conflict.into_failure()),
        (_, other @ (Refusal::Invalid { .. } | Refusal::Failed(_))) => Outcome::Failed(other.into_failure()),
    }
}
