//! Associations between records: read in full, made, labelled and removed in batches.
//!
//! They have no token and no history, so nothing here tells who made one. The list that an object read can
//! carry is never used: it stops at about 100 and its paging does not end (reference: section 4).

use std::collections::BTreeMap;

use concord_core::names::{RecordId, WireName};
use concord_core::port::Failure;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HubSpot;
use super::call::{Call, Unsuccessful};
use super::config::Area;
use super::read::only_missing;
use super::refusal::{self, Refusal};
use super::wire::{Batch, Paging, Problem, record_id};
use crate::transport::Transport;

/// Most records of one batch read (associations v4 guide: 1,000 inputs).
const READ_RECORDS_MAX: usize = 1_000;
/// Most pairs of one batch create (associations v4 guide: 2,000 inputs). The other two batches have no
/// documented limit of their own and keep to it.
const WRITE_PAIRS_MAX: usize = 2_000;
/// Most pages of one record's associations: 500 a page, so half a million.
const PAGES_MAX: usize = 1_000;

/// What one record is associated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Associated {
    /// The record.
    pub from: RecordId,
    /// The others: all of them, in order of their ids.
    pub to: Vec<Association>,
}

/// One association, seen from one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// The other end.
    pub to: RecordId,
    /// Why it exists: the unlabelled type, and one for each label. A primary one carries both.
    pub types: Vec<AssociationType>,
    /// The labels by their names, in order.
    pub labels: Vec<String>,
}

/// A kind of association, in one direction: contact to company is 279, company to contact is 280.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssociationType {
    /// `HUBSPOT_DEFINED`, `USER_DEFINED`, ...
    pub category: String,
    /// Its number.
    pub type_id: u32,
}

/// The two ends of an association.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    /// The near end.
    pub from: RecordId,
    /// The far end.
    pub to: RecordId,
}

/// A pair, with labels.
pub type Labelled = (Ends, Vec<AssociationType>);

#[derive(Deserialize)]
struct ReadRecord {
    from: End,
    #[serde(default = "Vec::new")]
    to: Vec<ToRecord>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct End {
    #[serde(deserialize_with = "record_id")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToRecord {
    #[serde(deserialize_with = "record_id")]
    to_object_id: String,
    #[serde(default = "Vec::new")]
    association_types: Vec<TypeRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeRecord {
    category: String,
    type_id: u32,
    label: Option<String>,
}

impl TypeRecord {
    fn into_type(self) -> (AssociationType, Option<String>) {
        (AssociationType { category: self.category, type_id: self.type_id }, self.label)
    }
}

/// The types of an association, each with its name.
type Named = BTreeMap<AssociationType, Option<String>>;

/// All definitions of one direction; the list is not paged.
#[derive(Deserialize)]
struct Definitions {
    results: Vec<TypeRecord>,
}

impl<T: Transport> HubSpot<T> {
    /// Reads all associations of the records with another object type. One entry for each id, in order; a
    /// record without any (which HubSpot reports as an error) and one that does not exist look the same.
    ///
    /// # Errors
    /// One for the whole call.
    pub async fn associations(
        &self,
        from: &WireName,
        to: &WireName,
        ids: &[RecordId],
    ) -> Result<Vec<Associated>, Failure> {
        let mut found: BTreeMap<&str, BTreeMap<RecordId, Named>> =
            ids.iter().map(|id| (id.as_str(), BTreeMap::new())).collect();
        let mut open: Vec<Value> = found.keys().map(|id| json!({ "id": id })).collect();
        for _ in 0..PAGES_MAX {
            let mut next = Vec::new();
            for chunk in open.chunks(READ_RECORDS_MAX) {
                for record in self.read_associations(from, to, chunk).await? {
                    next.extend(next_input(&record));
                    let Some(known) = found.get_mut(record.from.id.as_str()) else { continue };
                    for other in record.to {
                        let types = known.entry(RecordId::new(other.to_object_id)).or_default();
                        types.extend(other.association_types.into_iter().map(TypeRecord::into_type));
                    }
                }
            }
            if next.is_empty() {
                return Ok(ids.iter().map(|id| associated(id, found.get(id.as_str()))).collect());
            }
            open = next;
        }
        Err(refusal::misunderstood("a list of associations without an end"))
    }

    async fn read_associations(
        &self,
        from: &WireName,
        to: &WireName,
        inputs: &[Value],
    ) -> Result<Vec<ReadRecord>, Failure> {
        let target = format!("{}/batch/read", self.config.family.path(Area::Associations(from, to)));
        let call = Call::post(target, json!({ "inputs": inputs }));
        let answer = self.send(call).await.map_err(Unsuccessful::into_failure)?;
        let batch: Batch<ReadRecord> = answer.full_body()?;
        only_missing(&batch.errors)?;
        Ok(batch.results)
    }

    /// Associates pairs without a label. One result for each pair, in order.
    pub async fn associate(
        &self,
        from: &WireName,
        to: &WireName,
        pairs: &[Ends],
    ) -> Vec<Result<(), Failure>> {
        let inputs =
            pairs.iter().map(|pair| json!({ "from": end(&pair.from), "to": end(&pair.to) })).collect();
        self.write_pairs(from, to, "batch/associate/default", pairs, inputs).await
    }

    /// Gives each pair exactly these labels: others that it has are taken away, so old ones that are to stay must be sent
    /// again. One result for each pair, in order.
    pub async fn label(
        &self,
        from: &WireName,
        to: &WireName,
        pairs: &[Labelled],
    ) -> Vec<Result<(), Failure>> {
        self.write_labels(from, to, "batch/create", pairs).await
    }

    /// Takes these labels from pairs; what else associates them stays. One result for each pair, in order.
    pub async fn unlabel(
        &self,
        from: &WireName,
        to: &WireName,
        pairs: &[Labelled],
    ) -> Vec<Result<(), Failure>> {
        self.write_labels(from, to, "batch/labels/archive", pairs).await
    }

    async fn write_labels(
        &self,
        from: &WireName,
        to: &WireName,
        verb: &str,
        pairs: &[Labelled],
    ) -> Vec<Result<(), Failure>> {
        let input = |(pair, types): &Labelled| {
            let types: Vec<Value> = types.iter().map(named).collect();
            json!({ "from": end(&pair.from), "to": end(&pair.to), "types": types })
        };
        let inputs = pairs.iter().map(input).collect();
        let pairs: Vec<Ends> = pairs.iter().map(|(pair, _)| pair.clone()).collect();
        self.write_pairs(from, to, verb, &pairs, inputs).await
    }

    /// The types by which records of two object types may be associated, by their names; the unlabelled one has none.
    ///
    /// # Errors
    /// One for the whole call.
    pub async fn labels(
        &self,
        from: &WireName,
        to: &WireName,
    ) -> Result<BTreeMap<Option<String>, AssociationType>, Failure> {
        let target = format!("{}/labels", self.config.family.path(Area::Associations(from, to)));
        let answer = self.send(Call::get(target)).await.map_err(Unsuccessful::into_failure)?;
        let known: Definitions = answer.full_body()?;
        Ok(known.results.into_iter().map(TypeRecord::into_type).map(|(of, name)| (name, of)).collect())
    }

    /// Takes away whatever associates the pairs, all labels together. One result for each pair, in order.
    pub async fn dissociate(
        &self,
        from: &WireName,
        to: &WireName,
        pairs: &[Ends],
    ) -> Vec<Result<(), Failure>> {
        let inputs =
            pairs.iter().map(|pair| json!({ "from": end(&pair.from), "to": [end(&pair.to)] })).collect();
        self.write_pairs(from, to, "batch/archive", pairs, inputs).await
    }

    /// One that is refused may have refused all of its batch: they are tried again in halves.
    async fn write_pairs(
        &self,
        from: &WireName,
        to: &WireName,
        verb: &str,
        pairs: &[Ends],
        inputs: Vec<Value>,
    ) -> Vec<Result<(), Failure>> {
        let target = format!("{}/{verb}", self.config.family.path(Area::Associations(from, to)));
        let all: Vec<usize> = (0..pairs.len()).collect();
        let mut open: Vec<Vec<usize>> = all.chunks(WRITE_PAIRS_MAX).rev().map(<[usize]>::to_vec).collect();
        let mut results = vec![Ok(()); pairs.len()];
        while let Some(batch) = open.pop() {
            let inputs: Vec<&Value> = batch.iter().filter_map(|at| inputs.get(*at)).collect();
            let (came_to, in_doubt): (Vec<Result<(), Failure>>, bool) = match self
                .refusals(target.clone(), &inputs)
                .await
            {
                Ok(errors) => {
                    let came_to = batch.iter().map(|at| pair_result(&pairs[*at], &errors)).collect();
                    (came_to, !errors.iter().all(names_its_pair))
                }
                Err(Unsuccessful::Refused(
                    refusal @ (Refusal::Duplicate { .. } | Refusal::Missing { .. } | Refusal::Invalid { .. }),
                )) => (vec![Err(refusal.into_failure()); batch.len()], true),
                Err(unsuccessful @ (Unsuccessful::Refused(Refusal::Failed(_)) | Unsuccessful::Failed(_))) => {
                    // Nothing that depends on a pair: the rest would fare no better.
                    let failure = unsuccessful.into_failure();
                    batch
                        .iter()
                        .chain(open.iter().flatten())
                        .for_each(|at| results[*at] = Err(failure.clone()));
                    break;
                }
            };
            let refused: Vec<usize> =
                batch.iter().zip(&came_to).filter(|(_, result)| result.is_err()).map(|(at, _)| *at).collect();
            if in_doubt && batch.len() > 1 {
                open.extend(refused.chunks(batch.len().div_ceil(2)).map(<[usize]>::to_vec));
            }
            batch.into_iter().zip(came_to).for_each(|(at, result)| results[at] = result);
        }
        results
    }

    /// What was refused. Archiving may answer without a body; all answer with `errors` where a pair was refused.
    async fn refusals(&self, target: String, inputs: &[&Value]) -> Result<Vec<Problem>, Unsuccessful> {
        let answer = self.send(Call::post(target, json!({ "inputs": inputs }))).await?;
        let batch = answer.body::<Batch<Value>>().map_err(Unsuccessful::Failed)?;
        Ok(batch.map(|batch| batch.errors).unwrap_or_default())
    }
}

fn named(of: &AssociationType) -> Value {
    json!({ "associationCategory": of.category, "associationTypeId": of.type_id })
}

fn end(id: &RecordId) -> Value {
    json!({ "id": id.as_str() })
}

fn next_input(record: &ReadRecord) -> Option<Value> {
    let next = record.paging.as_ref()?.next.as_ref()?;
    Some(json!({ "id": record.from.id, "after": next.after }))
}

fn associated(id: &RecordId, known: Option<&BTreeMap<RecordId, Named>>) -> Associated {
    let association = |(to, types): (&RecordId, &Named)| {
        let mut labels: Vec<String> = types.values().flatten().cloned().collect();
        labels.sort_unstable();
        Association { to: to.clone(), types: types.keys().cloned().collect(), labels }
    };
    Associated { from: id.clone(), to: known.into_iter().flatten().map(association).collect() }
}

fn names_its_pair(error: &Problem) -> bool {
    !error.ends.0.is_empty() && !error.ends.1.is_empty()
}

/// A pair was taken unless an error is about it. An error that names neither end could be about any pair.
fn pair_result(pair: &Ends, errors: &[Problem]) -> Result<(), Failure> {
    let named =
        |ids: &[String], id: &RecordId| ids.is_empty() || ids.iter().any(|named| named == id.as_str());
    match errors.iter().find(|error| named(&error.ends.0, &pair.from) && named(&error.ends.1, &pair.to)) {
        None => Ok(()),
        Some(error) => Err(match Refusal::within_batch(error) {
            Refusal::Missing { reason } => {
                Failure::Conflict { reason: format!("{reason}: one end of the association is not there") }
            }
            other @ (Refusal::Duplicate { .. } | Refusal::Invalid { .. } | Refusal::Failed(_)) => {
                other.into_failure()
            }
        }),
    }
}
