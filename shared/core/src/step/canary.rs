//! The canary (P9): of each type of records, one that its side showed alive lately. Before anything is concluded from a paired record
//! that is not found, the canary is read by its id. If it is not found either, it may be Concord that is shown nothing any more: a person
//! is told of the type, once, and of none of its records.
//!
//! Nobody names it: a sweep takes the first live row that it lists. Deliberately absent: a canary without a sweep. Where none is known,
//! nothing is concluded.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fetch::Pair;
use super::{Engine, StepError};
use crate::contract::{LEAD, Object};
use crate::names::{Generation, RecordId, Side, WireName};
use crate::port::{CommitError, Crm, CursorMark, ParkKey, Parked, Queue, Store};
use crate::row::{Reading, Row, Standing};

/// What is remembered of one type of records on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Canary {
    record: Option<RecordId>,
    /// Whether a person has been told that it is not shown.
    silent: bool,
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Takes back that a record is not found where its side shows nothing of the type: nothing is decided about its pair.
    pub(super) async fn believe_what_is_shown(
        &self,
        object: &Object,
        pairs: &mut [(RecordId, Pair)],
        now: Timestamp,
    ) -> Result<(), StepError> {
        for side in Side::BOTH {
            let missing = pairs.iter().filter_map(|(_, pair)| pair.misses(side));
            let silent = self.silent_types(object, side, missing, now).await?;
            let unsure =
                |pair: &Pair| pair.misses(side).is_some_and(|id| silent.contains(&type_of(object, side, id)));
            for (_, pair) in pairs.iter_mut().filter(|(_, pair)| unsure(pair)) {
                pair.readings[side] = None;
            }
        }
        Ok(())
    }

    /// Of the types of these records, which are not found, those of which their side shows nothing.
    pub(super) async fn silent_types(
        &self,
        object: &Object,
        side: Side,
        missing: impl Iterator<Item = &RecordId>,
        now: Timestamp,
    ) -> Result<BTreeSet<WireName>, StepError> {
        let types: BTreeSet<WireName> = missing.map(|id| type_of(object, side, id)).collect();
        let mut silent = BTreeSet::new();
        for of in types {
            if !self.still_shows(object, side, &of, now).await? {
                silent.insert(of);
            }
        }
        Ok(silent)
    }

    async fn still_shows(
        &self,
        object: &Object,
        side: Side,
        of: &WireName,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        let (mark, canary) = self.canary(side, of).await?;
        let readings =
            self.read_as(side, &object.spec_of(side, Vec::new()), canary.record.as_slice()).await?;
        let shows = readings.iter().any(|reading| match reading {
            Reading::Row(_) | Reading::MergedInto(_) => true,
            Reading::NotFound => false,
        });
        // Before the first sweep is over there is nobody to go by, and nothing to tell.
        let known = canary.record.is_some() || self.swept_until(object).await?.is_some();
        if canary.silent == shows && known {
            self.told(side, of, shows, now).await?;
            self.remember(side, of, mark, &Canary { silent: !shows, ..canary }).await?;
        }
        Ok(shows)
    }

    /// The first live row of each type among these is its canary from now on, but for types that were `named` in this run.
    pub(super) async fn name_canaries(
        &self,
        object: &Object,
        side: Side,
        rows: &[Row],
        named: &mut BTreeSet<WireName>,
        now: Timestamp,
    ) -> Result<(), StepError> {
        for row in rows.iter().filter(|row| row.standing == Standing::Alive) {
            let of = type_of(object, side, &row.id);
            if !named.insert(of.clone()) {
                continue;
            }
            let (mark, before) = self.canary(side, &of).await?;
            if before.silent {
                self.told(side, &of, true, now).await?;
            }
            let canary = Canary { record: Some(row.id.clone()), silent: false };
            if before != canary {
                self.remember(side, &of, mark, &canary).await?;
            }
        }
        Ok(())
    }

    /// Before it is remembered: afterwards nobody comes back to do it.
    async fn told(&self, side: Side, of: &WireName, shows: bool, now: Timestamp) -> Result<(), StepError> {
        let key = ParkKey::Type(side, of.clone());
        if shows {
            return Ok(self.store.unpark(&key).await?);
        }
        let reason = format!(
            "{side} shows Concord nothing of type {of}, not even the record that it listed last: Concord lost the permission to \
             see them, or they are all gone. Nothing is concluded from those that are not found. Give the permission back; it goes \
             on by itself once a sweep is shown one"
        );
        tracing::error!(%side, %of, "{reason}");
        Ok(self.store.park(&Parked::new(key, reason, now)).await?)
    }

    async fn canary(&self, side: Side, of: &WireName) -> Result<(Option<CursorMark>, Canary), StepError> {
        let mark = self.store.cursor(&cursor_name(side, of)).await?;
        // One that cannot be read is named anew.
        let canary = mark.as_ref().and_then(|mark| serde_json::from_str(&mark.text).ok());
        Ok((mark, canary.unwrap_or_default()))
    }

    /// If somebody was faster, theirs is as good.
    async fn remember(
        &self,
        side: Side,
        of: &WireName,
        mark: Option<CursorMark>,
        canary: &Canary,
    ) -> Result<(), StepError> {
        let generation = mark.map_or(Generation(0), |mark| mark.generation);
        let text = serde_json::to_string(canary).unwrap_or_default();
        match self.store.move_cursor(&cursor_name(side, of), generation, &text).await {
            Ok(()) | Err(CommitError::Moved | CommitError::Taken { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}

impl Pair {
    /// Whether a side shows neither its record nor any other of the type.
    pub(super) fn is_unsure(&self) -> bool {
        Side::BOTH.into_iter().any(|side| self.link.records[side].is_some() && self.readings[side].is_none())
    }

    /// Its record of this side, if that is not found and nothing that is known says why.
    fn misses(&self, side: Side) -> Option<&RecordId> {
        let missing = self.readings[side] == Some(Reading::NotFound)
            && self.erased.is_none()
            && self.link.expects(side);
        self.link.records[side].as_ref().filter(|_| missing)
    }
}

/// What its side calls the type of a record.
pub(super) fn type_of(object: &Object, side: Side, id: &RecordId) -> WireName {
    if side == Side::Salesforce && id.is_lead() { WireName::from(LEAD) } else { object.wire[side].clone() }
}

fn cursor_name(side: Side, of: &WireName) -> String {
    format!("canary/{side}/{of}")
}
