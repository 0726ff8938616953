//! Erasure at a person's word, and what stands beside the link of somebody who was erased (P9, I43).

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::by_hand::{Said, TRIES_MAX};
use super::matching::Unclear;
use super::{Engine, StepError};
use crate::contract::{Erase, Object};
use crate::decide::Sight;
use crate::link::{Erased, Link, Status};
use crate::names::{LinkId, PerSide, RecordKey, Side};
use crate::port::{Commit, CommitError, Crm, Expected, Queue, Store};
use crate::row::Standing;

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Forgets everything of the pair that this record is in but who it was; by contract, its records go for good too.
    ///
    /// # Errors
    /// [`StepError`]. It may be done all the same; saying it again is safe.
    pub async fn erase(&self, record: &RecordKey, now: Timestamp) -> Result<Said, StepError> {
        let Some(object) = self.contract.objects.get(&record.object) else {
            return Ok(Said::Impossible(format!("the contract has no object type {}", record.object)));
        };
        for _ in 0..TRIES_MAX {
            let Some((_, mut link)) = self.pair_of(record).await? else {
                let why =
                    format!("{record} is in no pair, so nothing is known of it: erase it in {}", record.side);
                return Ok(Said::Impossible(why));
            };
            self.erase_what_was_merged(&link, now).await?;
            if link.is_erased() {
                // Whoever said so first may have died before anybody looked.
                self.look_at_both(&link, now).await?;
                return Ok(Said::Already(link.id));
            }
            let (id, purges) = (link.id.clone(), object.erase == Erase::Purge);
            let erased = link.erase(record.side, purges);
            if self.forget(link, erased, None, "P9 a person erased", now).await? {
                return Ok(Said::Done(id));
            }
        }
        Err(CommitError::Moved.into())
    }

    /// Stores that a link is erased, on the generation at which it was read, and has what is left of it looked at. Whether it did:
    /// else somebody was faster.
    async fn forget(
        &self,
        mut link: Link,
        Erased { held, parked }: Erased,
        told_by: Option<Side>,
        rule: &str,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        let expected = Expected::At(link.generation);
        link.generation = link.generation.next();
        self.tell_of_what_is_left(&link, told_by, now).await?;
        let commit = Commit {
            resolved: held,
            healed: parked,
            journal: vec![self.line(&link, rule, now)],
            shred: true,
            ..Commit::of_link(expected, link.clone(), Vec::new())
        };
        match self.store.commit(commit).await {
            Ok(()) => {
                self.look_at_both(&link, now).await?;
                Ok(true)
            }
            Err(CommitError::Moved | CommitError::Taken { .. }) => Ok(false),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Pairs that ended since a record of theirs was merged into one of this pair's: they tell of the same person (P11). Before the
    /// pair itself is erased: afterwards nobody comes back to do it. A record that is left over of them is for a person to erase.
    pub(super) async fn erase_what_was_merged(&self, link: &Link, now: Timestamp) -> Result<(), StepError> {
        let record = |side: Side| Some(self.record(side, &link.object, link.records[side].as_ref()?));
        let mut open: Vec<RecordKey> = Side::BOTH.into_iter().filter_map(record).collect();
        let mut known: BTreeSet<RecordKey> = open.iter().cloned().collect();
        let mut ended = BTreeSet::new();
        while !open.is_empty() {
            let merged = self.store.merged_into(&open).await?;
            open = merged
                .iter()
                .map(|(loser, _)| loser.clone())
                .filter(|loser| known.insert(loser.clone()))
                .collect();
            ended.extend(merged.into_iter().map(|(_, ended)| ended).filter(|ended| *ended != link.id));
        }
        for id in ended {
            self.erase_ended(&id, now).await?;
        }
        Ok(())
    }

    /// Only one that has ended: what a pair that goes on knows is of a person who was not erased.
    async fn erase_ended(&self, id: &LinkId, now: Timestamp) -> Result<(), StepError> {
        for _ in 0..TRIES_MAX {
            let Some(mut link) = self.stored(id).await? else { return Ok(()) };
            let Status::Unlinked { deleted } = link.status else { return Ok(()) };
            let erased = link.erase(deleted, false);
            if self.forget(link, erased, Some(deleted), "P9 erased with its successor", now).await? {
                return Ok(());
            }
        }
        Err(CommitError::Moved.into())
    }

    /// What was set aside of the two records is over. One that is left where its side was told `by` the other is for a person
    /// to erase.
    pub(super) async fn tell_of_what_is_left(
        &self,
        link: &Link,
        by: Option<Side>,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let Some(object) = self.contract.objects.get(&link.object) else { return Ok(()) };
        for side in Side::BOTH {
            let Some(id) = &link.records[side] else { continue };
            let goes = matches!(&link.status, Status::Erased { purge } if purge[side]);
            if goes || by.is_none_or(|by| by == side) {
                self.unpark_record(side, object, id).await?;
            } else {
                let other = side.other();
                let reason = format!(
                    "it was erased in {other}, as privacy law asks, and the contract leaves this record to you: erase it \
                     in {side} too"
                );
                self.park_record(side, object, id, Unclear::because(reason), now).await?;
            }
        }
        Ok(())
    }

    /// A record that was left to a person is gone, or in the bin.
    pub(super) async fn take_note_of_the_gone(
        &self,
        object: &Object,
        sights: &PerSide<Sight<'_>>,
        link: &Link,
    ) -> Result<(), StepError> {
        for side in Side::BOTH {
            let lives = match sights[side] {
                Sight::Row(row) => row.standing == Standing::Alive,
                Sight::Lost | Sight::Missing | Sight::Absorbed | Sight::Erased => false,
            };
            if let Some(id) = link.records[side].as_ref().filter(|_| !lives) {
                self.unpark_record(side, object, id).await?;
            }
        }
        Ok(())
    }

    /// A record with the mark of an erased link that lacks this side is what a write of ours has made after all: it goes for good.
    pub(super) async fn join_erased(&self, record: RecordKey, mut link: Link) -> Result<(), StepError> {
        let expected = Expected::At(link.generation);
        let side = record.side;
        link.records[side] = Some(record.id.clone());
        link.purge_what_was_made(side);
        self.record_join(link, expected, vec![record], None, Vec::new()).await
    }
}
