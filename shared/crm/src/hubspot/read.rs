//! By-id reads: live rows, then the bin, then merges.
//!
//! HubSpot may leave an id out of a 200 without a word (a merged-away one, for instance), so every id that
//! was asked for is counted, and what is missing is looked for in the next place.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, ObjectSpec};
use concord_core::row::Reading;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use super::call::{Call, Unsuccessful, with_query};
use super::config::{Area, modified_property};
use super::refusal::{self, Refusal};
use super::wire::{Batch, Problem, Record, is_record_id};
use super::{CALLS_IN_FLIGHT_MAX, HubSpot, row};
use crate::transport::Transport;

/// Most records of one batch read that asks for histories. 100 without; 50 is what others run into
/// (reference: 3.1; reported, not documented).
const HISTORY_RECORDS_MAX: usize = 50;

/// Earlier ids of a merged record, `;` between them.
const MERGED_IDS: &str = "hs_merged_object_ids";

/// Which records are read.
#[derive(Debug, Clone, Copy)]
enum Place {
    Live,
    Bin,
}

/// What a single read by id tells about an id that the batch reads do not show.
enum Lookup {
    Alive(RecordId),
    Merged(RecordId, RecordId),
    Nothing,
}

impl<T: Transport> HubSpot<T> {
    pub(super) async fn read_rows(
        &self,
        object: &ObjectSpec,
        ids: &[RecordId],
    ) -> Result<Vec<Reading>, Failure> {
        // HubSpot's ids are decimal numbers. One that is not would refuse the whole batch, and no record has it.
        let mut missing: BTreeSet<RecordId> =
            ids.iter().filter(|id| is_record_id(id.as_str())).cloned().collect();
        let mut readings = BTreeMap::new();
        self.read_batches(object, &mut missing, Place::Live, &mut readings).await?;
        self.read_batches(object, &mut missing, Place::Bin, &mut readings).await?;
        let mut alive = BTreeSet::new();
        for lookup in self.look_up(object, &missing).await? {
            match lookup {
                Lookup::Alive(id) => drop(alive.insert(id)),
                Lookup::Merged(id, into) => drop(readings.insert(id, Reading::MergedInto(into))),
                Lookup::Nothing => {}
            }
        }
        // Left out of the batch though it is there: created or restored in between. Once more, and no further.
        self.read_batches(object, &mut alive, Place::Live, &mut readings).await?;
        if !alive.is_empty() {
            // A read has just shown it, so "not found" would be false.
            return Err(refusal::misunderstood("a record that is alive and left out of its batch"));
        }
        Ok(ids.iter().map(|id| readings.get(id).cloned().unwrap_or(Reading::NotFound)).collect())
    }

    /// Moves what is found from `missing` to `readings`.
    async fn read_batches(
        &self,
        object: &ObjectSpec,
        missing: &mut BTreeSet<RecordId>,
        place: Place,
        readings: &mut BTreeMap<RecordId, Reading>,
    ) -> Result<(), Failure> {
        let ids: Vec<&RecordId> = missing.iter().collect();
        let calls: Vec<_> =
            ids.chunks(HISTORY_RECORDS_MAX).map(|chunk| self.read_batch(object, chunk, place)).collect();
        let batches: Vec<Vec<Record>> =
            stream::iter(calls).buffered(CALLS_IN_FLIGHT_MAX).try_collect().await?;
        let records: Vec<Record> = batches.into_iter().flatten().collect();
        for record in &records {
            let id = RecordId::new(&record.id);
            if missing.remove(&id) {
                let row = row::with_history(record, object, &self.config);
                readings.insert(id, Reading::Row(Box::new(row)));
            }
        }
        for record in &records {
            for merged in record.text(MERGED_IDS).unwrap_or_default().split(';') {
                let merged = RecordId::new(merged.trim());
                if missing.remove(&merged) {
                    readings.insert(merged, Reading::MergedInto(RecordId::new(&record.id)));
                }
            }
        }
        Ok(())
    }

    async fn read_batch(
        &self,
        object: &ObjectSpec,
        ids: &[&RecordId],
        place: Place,
    ) -> Result<Vec<Record>, Failure> {
        let path = format!("{}/batch/read", self.config.family.path(Area::Objects(&object.wire)));
        let target = match place {
            Place::Live => path,
            Place::Bin => with_query(&path, &[("archived", "true")]),
        };
        let names = &self.config.names;
        let mut history: Vec<&str> = object.fields.iter().map(WireName::as_str).collect();
        history.push(names.token.as_str());
        let mut properties = history.clone();
        properties.extend([names.link.as_str(), MERGED_IDS, modified_property(&object.wire)]);
        let body = json!({
            "inputs": ids.iter().map(|id| json!({ "id": id.as_str() })).collect::<Vec<_>>(),
            "properties": properties,
            "propertiesWithHistory": history,
        });
        let answer = self.send(Call::post(target, body)).await.map_err(Unsuccessful::into_failure)?;
        let batch: Batch<Record> = answer.full_body()?;
        only_missing(&batch.errors)?;
        Ok(batch.results)
    }

    /// Asks for each id alone, where HubSpot follows merges: the answer then has another id.
    async fn look_up(&self, object: &ObjectSpec, ids: &BTreeSet<RecordId>) -> Result<Vec<Lookup>, Failure> {
        let calls: Vec<_> = ids.iter().map(|id| self.look_up_one(object, id)).collect();
        stream::iter(calls).buffered(CALLS_IN_FLIGHT_MAX).try_collect().await
    }

    async fn look_up_one(&self, object: &ObjectSpec, id: &RecordId) -> Result<Lookup, Failure> {
        let path = format!("{}/{id}", self.config.family.path(Area::Objects(&object.wire)));
        let answer = match self.send(Call::get(with_query(&path, &[("properties", "hs_object_id")]))).await {
            Ok(answer) => answer,
            Err(Unsuccessful::Refused(Refusal::Missing { reason: _ })) => return Ok(Lookup::Nothing),
            Err(other) => return Err(other.into_failure()),
        };
        let record: Record = answer.full_body()?;
        let now = RecordId::new(record.id);
        Ok(match now == *id {
            true => Lookup::Alive(now),
            false => Lookup::Merged(id.clone(), now),
        })
    }
}

/// In the answer to a batch read, "not found" is an ordinary error of single records; any other one means
/// that the answer is not to be trusted about what is missing.
pub(super) fn only_missing(errors: &[Problem]) -> Result<(), Failure> {
    for problem in errors {
        match Refusal::within_batch(problem) {
            Refusal::Missing { reason: _ } => {}
            other @ (Refusal::Duplicate { .. } | Refusal::Invalid { .. } | Refusal::Failed(_)) => {
                return Err(other.into_failure());
            }
        }
    }
    Ok(())
}
