//! What a person says of pairs: that two records are one thing, or that they are no longer to be kept in agreement. Each is
//! a line in the journal, and each can be taken back by the other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::set_aside::PARKED_MAX;
use super::{Engine, StepError, digest, link_id};
use crate::contract::Object;
use crate::link::{Link, Status};
use crate::names::{LinkId, ObjectName, PerSide, RecordId, RecordKey, Side};
use crate::port::{Commit, CommitError, Crm, Expected, JournalEntry, ParkKey, Parked, Queue, Store};
use crate::row::{Reading, Standing};
use crate::value::Presence;

/// Tries against workers that decide the same link meanwhile. Ours.
pub(super) const TRIES_MAX: usize = 8;

/// What came of what a person said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// It is so from now on.
    Done(LinkId),
    /// It was so before.
    Already(LinkId),
    /// It is remembered from now on, and no link has to be named for it.
    Remembered,
    /// It cannot be: why, and what to do.
    Impossible(String),
}

/// What is to be stored for it.
enum Order {
    Commit(Box<(Expected, Link, Vec<RecordKey>)>),
    Answer(Said),
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// The records that are set aside until a person says whom they belong with, oldest first.
    ///
    /// # Errors
    /// [`StepError::Store`].
    pub async fn proposals(&self) -> Result<Vec<Parked>, StepError> {
        let mut parked = self.store.parked(PARKED_MAX).await?;
        parked.retain(|parked| !parked.candidates.is_empty());
        Ok(parked)
    }

    /// The pair of this record is no longer kept in agreement. Both records stay as they are, and nobody makes another for
    /// either of them.
    ///
    /// # Errors
    /// [`StepError`]. It may be done all the same; saying it again is safe.
    pub async fn unlink(&self, record: &RecordKey, now: Timestamp) -> Result<Said, StepError> {
        for _ in 0..TRIES_MAX {
            let order = self.order_unlink(record).await?;
            if let Some(said) = self.obey(order, "P6 a person unlinked", now).await? {
                return Ok(said);
            }
        }
        Err(CommitError::Moved.into())
    }

    /// These two records are one thing and are kept in agreement from now on. Where they differ, the contract's conflict rules
    /// decide.
    ///
    /// # Errors
    /// [`StepError`]. It may be done all the same; saying it again is safe.
    pub async fn link(
        &self,
        object: &ObjectName,
        ids: &PerSide<RecordId>,
        now: Timestamp,
    ) -> Result<Said, StepError> {
        let Some(object) = self.contract.objects.get(object) else {
            return Ok(Said::Impossible(format!("the contract has no object type {object}")));
        };
        for _ in 0..TRIES_MAX {
            let order = self.order_link(object, ids, now).await?;
            if let Order::Commit(_) = &order {
                let records = PerSide::of(|side| self.record(side, &object.name, &ids[side]));
                self.store.set_apart(&records, false).await?;
            }
            if let Some(said) = self.obey(order, "P6 a person linked", now).await? {
                return Ok(said);
            }
        }
        Err(CommitError::Moved.into())
    }

    /// These two records are not one thing, whatever their keys say: neither is taken for the other's counterpart, nor stands in the
    /// way of one. [`Engine::link`] takes it back.
    ///
    /// # Errors
    /// [`StepError`]. It may be done all the same; saying it again is safe.
    pub async fn keep_apart(
        &self,
        object: &ObjectName,
        ids: &PerSide<RecordId>,
        now: Timestamp,
    ) -> Result<Said, StepError> {
        let Some(spec) = self.contract.objects.get(object) else {
            return Ok(Said::Impossible(format!("the contract has no object type {object}")));
        };
        let records = PerSide::of(|side| self.record(side, object, &ids[side]));
        self.store.set_apart(&records, true).await?;
        // From now on nobody makes them a pair; somebody may have done so before.
        if self.are_a_pair(spec, &records).await? {
            self.store.set_apart(&records, false).await?;
            return Ok(Said::Impossible(format!(
                "{} and {} are a pair: `concord unlink` leaves it alone",
                records.hubspot, records.salesforce
            )));
        }
        let correlation = digest(["kept apart", object.as_str(), &now.to_string()]);
        for side in Side::BOTH {
            self.store.unpark(&ParkKey::Record(records[side].clone())).await?;
            self.hint(side, object, std::slice::from_ref(&ids[side]), &correlation).await?;
        }
        Ok(Said::Remembered)
    }

    /// Whether the two are a pair, or one is the copy that we made of the other and have not heard of yet.
    async fn are_a_pair(&self, object: &Object, records: &PerSide<RecordKey>) -> Result<bool, StepError> {
        for side in Side::BOTH {
            let other = &records[side.other()];
            let link = self.pair_of(&records[side]).await?.map(|(_, link)| link);
            if let Some(id) = link.as_ref().and_then(|link| link.records[other.side].as_ref()) {
                return Ok(*id == other.id);
            }
            let link = link.map_or_else(|| link_id(&records[side]), |link| link.id);
            let marked = self.find_ours(other.side, object, &[link.as_str().to_owned()]).await?;
            if marked.iter().any(|found| found.ids.contains(&other.id)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn order_unlink(&self, record: &RecordKey) -> Result<Order, StepError> {
        let Some((_, mut link)) = self.pair_of(record).await? else {
            let why = format!("{record} is in no pair: `concord status` shows what is parked");
            return Ok(Order::Answer(Said::Impossible(why)));
        };
        if matches!(link.status, Status::Apart { .. } | Status::Erased { .. }) {
            return Ok(Order::Answer(Said::Already(link.id)));
        }
        let expected = Expected::At(link.generation);
        link.status = Status::Apart { settled: false };
        Ok(Order::Commit(Box::new((expected, link, Vec::new()))))
    }

    async fn order_link(
        &self,
        object: &Object,
        ids: &PerSide<RecordId>,
        now: Timestamp,
    ) -> Result<Order, StepError> {
        let mut pairs = PerSide { hubspot: None, salesforce: None };
        let mut records = PerSide::of(|side| self.record(side, &object.name, &ids[side]));
        for side in Side::BOTH {
            let read = self.read(side, object, std::slice::from_ref(&ids[side])).await?;
            let id = match read.first() {
                Some(Reading::Row(row)) if row.standing == Standing::Alive => row.id.clone(),
                Some(Reading::MergedInto(winner)) => winner.clone(),
                Some(Reading::Row(_) | Reading::NotFound) | None => {
                    let why =
                        format!("{} is not to be seen: it was deleted, or the id is wrong", records[side]);
                    return Ok(Order::Answer(Said::Impossible(why)));
                }
            };
            records[side].id = id;
            if let Some((at, link)) = self.pair_of(&records[side]).await? {
                records[side] = at;
                pairs[side] = Some(link);
            }
        }
        let PerSide { hubspot, salesforce } = records.clone();
        match (pairs.hubspot, pairs.salesforce) {
            (None, None) => {
                let names = [link_id(&hubspot), link_id(&salesforce)];
                let known = self.store.links(&names).await?;
                let free = names.into_iter().zip(known).find(|(_, known)| known.is_none());
                let Some((name, _)) = free else {
                    let why = format!("{hubspot} and {salesforce} each had another counterpart before");
                    return Ok(Order::Answer(Said::Impossible(why)));
                };
                let mut link = Link::new(name, object.name.clone(), self.contract.version);
                link.records = records.map(|record| Some(record.id));
                Ok(Order::Commit(Box::new((Expected::New, link, vec![hubspot, salesforce]))))
            }
            (Some(mut link), Some(other)) if link.id == other.id => match link.status {
                Status::Live | Status::Flagged { .. } => {
                    // Whoever said so first may have died before anybody looked.
                    self.look_at_both(&link, now).await?;
                    Ok(Order::Answer(Said::Already(link.id)))
                }
                Status::Apart { .. } | Status::Unlinked { .. } => {
                    let expected = Expected::At(link.generation);
                    link.status = Status::Live;
                    Ok(Order::Commit(Box::new((expected, link, Vec::new()))))
                }
                Status::Erased { .. } => {
                    let why = format!("{hubspot} and {salesforce} were erased, and that is not taken back");
                    Ok(Order::Answer(Said::Impossible(why)))
                }
            },
            (Some(mut link), None) | (None, Some(mut link))
                if link.status == Status::Live && !link.has_both() =>
            {
                let missing = if link.records.hubspot.is_none() { hubspot } else { salesforce };
                let expected = Expected::At(link.generation);
                link.records[missing.side] = Some(missing.id.clone());
                Ok(Order::Commit(Box::new((expected, link, vec![missing]))))
            }
            (one, other) => {
                let taken =
                    [(&hubspot, one), (&salesforce, other)].into_iter().filter_map(|(record, link)| {
                        let other = link?.records[record.side.other()].clone();
                        let other = other.map_or_else(|| "nobody any more".to_owned(), |id| id.to_string());
                        Some(format!("{record} belongs with {} {other}", record.side.other()))
                    });
                let taken: Vec<String> = taken.collect();
                let why =
                    format!("{}: merge the records in the CRM that has them twice", taken.join(", and "));
                Ok(Order::Answer(Said::Impossible(why)))
            }
        }
    }

    /// The pair that a record is in, and the record that stands for it by now.
    pub(super) async fn pair_of(&self, record: &RecordKey) -> Result<Option<(RecordKey, Link)>, StepError> {
        let found = self.locate_winners([record.clone()].into()).await?;
        let Some((at, Some(link))) = found.into_values().next() else { return Ok(None) };
        Ok(self.stored(&link).await?.map(|link| (at, link)))
    }

    /// Stores what is ordered, on the generation that it was ordered on, and has the pair looked at. `None`: somebody else was
    /// faster.
    async fn obey(&self, order: Order, rule: &str, now: Timestamp) -> Result<Option<Said>, StepError> {
        let (expected, mut link, claims) = match order {
            Order::Answer(said) => return Ok(Some(said)),
            Order::Commit(commit) => *commit,
        };
        link.generation = link.generation.next();
        let line = self.line(&link, rule, now);
        for claim in &claims {
            self.store.unpark(&ParkKey::Record(claim.clone())).await?;
        }
        let commit = Commit { journal: vec![line], ..Commit::of_link(expected, link.clone(), claims) };
        match self.store.commit(commit).await {
            Ok(()) => {}
            Err(CommitError::Moved | CommitError::Taken { .. }) => return Ok(None),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        self.look_at_both(&link, now).await?;
        Ok(Some(Said::Done(link.id)))
    }

    /// The journal's line of what a person said.
    pub(super) fn line(&self, link: &Link, rule: &str, now: Timestamp) -> JournalEntry {
        JournalEntry {
            link: link.id.clone(),
            generation: link.generation,
            field: None,
            rule: rule.to_owned(),
            target: None,
            before: PerSide { hubspot: Presence::Unknown, salesforce: Presence::Unknown },
            after: Presence::Unknown,
            loser: None,
            contract: self.contract.version,
            at: now,
        }
    }

    /// What happened while the pair was apart may show on one side only.
    pub(super) async fn look_at_both(&self, link: &Link, now: Timestamp) -> Result<(), StepError> {
        let correlation = digest(["said", link.id.as_str(), &now.to_string()]);
        for side in Side::BOTH {
            let ids: Vec<RecordId> = link.records[side].clone().into_iter().collect();
            self.hint(side, &link.object, &ids, &correlation).await?;
        }
        Ok(())
    }
}
