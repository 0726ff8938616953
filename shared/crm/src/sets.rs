//! Sets of associations, as both clients handle them: beside a record's own fields, and before them.
//!
//! They carry no token. So a write changes them first, and a row that shows its token has taken them too; and it changes none if
//! the row shows that somebody was faster, or that an earlier attempt has landed.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, ObjectSpec, Operation, Outcome, Write};
use concord_core::reference::{self, Membership};
use concord_core::row::{Reading, Row, Standing, Versions};
use concord_core::value::{Presence, Raw};

/// What a write says of one set.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The place of the write.
    pub(crate) at: usize,
    pub(crate) wire: WireName,
    pub(crate) members: BTreeMap<RecordId, reference::Change>,
}

impl Change {
    /// Whether somebody who is to leave has been given a role meanwhile, by `has`: whoever decided that had not seen it.
    pub(crate) fn is_outdone<'r>(&self, has: impl Iterator<Item = (&'r RecordId, &'r str)>) -> bool {
        let mut has = has;
        has.any(|(other, role)| {
            let said = self.members.get(other);
            said.is_some_and(|said| said.membership == Membership::Leaves && !said.lost.contains(role))
        })
    }
}

/// Writes, and what they say of sets apart from them.
pub(crate) struct Said {
    pub(crate) writes: Vec<Write>,
    /// Of records that are there.
    pub(crate) of_updates: Vec<Change>,
    /// Of records that have to be made.
    pub(crate) of_inserts: Vec<Change>,
}

impl Said {
    pub(crate) fn of(writes: &[Write], is_set: fn(&WireName) -> bool) -> Self {
        let mut said = Self { writes: writes.to_vec(), of_updates: Vec::new(), of_inserts: Vec::new() };
        for (at, write) in said.writes.iter_mut().enumerate() {
            let changes = match &mut write.operation {
                Operation::Update { .. } => &mut said.of_updates,
                Operation::Insert { .. } => &mut said.of_inserts,
                Operation::Archive { .. } | Operation::Undelete { .. } | Operation::Purge { .. } => continue,
            };
            let Some(values) = write.operation.values_mut() else { continue };
            let change = |(wire, raw): &(WireName, Presence<Raw>)| Change {
                at,
                wire: wire.clone(),
                members: reference::changes(raw),
            };
            changes.extend(values.iter().filter(|(wire, _)| is_set(wire)).map(change));
            values.retain(|(wire, _)| !is_set(wire));
        }
        said
    }

    /// The records that have to be read before their sets are changed.
    pub(crate) fn records(&self) -> Vec<RecordId> {
        let ids: BTreeSet<&RecordId> =
            self.of_updates.iter().filter_map(|change| self.record(change)).collect();
        ids.into_iter().cloned().collect()
    }

    fn record(&self, change: &Change) -> Option<&RecordId> {
        match &self.writes.get(change.at)?.operation {
            Operation::Update { id, .. } => Some(id),
            Operation::Insert { .. }
            | Operation::Archive { .. }
            | Operation::Undelete { .. }
            | Operation::Purge { .. } => None,
        }
    }

    /// The changes that may be made of updates, by record, and what became of those that may not.
    pub(crate) fn admitted(
        &self,
        readings: Result<BTreeMap<RecordId, Reading>, Failure>,
    ) -> (Vec<(RecordId, Change)>, BTreeMap<usize, Outcome>) {
        let (mut admitted, mut came_to) = (Vec::new(), BTreeMap::new());
        for change in &self.of_updates {
            let (Some(write), Some(id)) = (self.writes.get(change.at), self.record(change)) else { continue };
            let may = match &readings {
                Ok(readings) => may_change(readings.get(id), write),
                Err(failure) => Err(Outcome::Failed(failure.clone())),
            };
            match may {
                Ok(true) => admitted.push((id.clone(), change.clone())),
                Ok(false) => {}
                Err(outcome) => drop(came_to.insert(change.at, outcome)),
            }
        }
        (admitted, came_to)
    }

    /// The writes of which nothing has come yet, each with its place.
    pub(crate) fn open(&self, came_to: &BTreeMap<usize, Outcome>) -> (Vec<usize>, Vec<Write>) {
        let all = self.writes.iter().cloned().enumerate();
        all.filter(|(at, _)| !came_to.contains_key(at)).unzip()
    }

    /// The changes of the inserts that were done, by record.
    pub(crate) fn of_made(&self, outcomes: &[Outcome]) -> Vec<(RecordId, Change)> {
        let made = |change: &Change| match outcomes.get(change.at)? {
            Outcome::Done(id) => Some((id.clone(), change.clone())),
            Outcome::Duplicate(_) | Outcome::Moved | Outcome::Gone | Outcome::Failed(_) => None,
        };
        self.of_inserts.iter().filter_map(made).collect()
    }
}

/// An object's own fields alone.
pub(crate) fn without(spec: &ObjectSpec, is_set: fn(&WireName) -> bool) -> ObjectSpec {
    let mut plain = spec.clone();
    plain.fields.retain(|wire| !is_set(wire));
    plain
}

/// The rows among readings.
pub(crate) fn rows(readings: &mut [Reading]) -> impl Iterator<Item = &mut Row> {
    readings.iter_mut().filter_map(|reading| match reading {
        Reading::Row(row) => Some(&mut **row),
        Reading::MergedInto(_) | Reading::NotFound => None,
    })
}

/// Whether a record's sets are still to be changed: not if an earlier attempt has done it.
fn may_change(reading: Option<&Reading>, write: &Write) -> Result<bool, Outcome> {
    let row = match reading {
        Some(Reading::Row(row)) if row.standing == Standing::Alive => row,
        Some(Reading::Row(_) | Reading::MergedInto(_) | Reading::NotFound) | None => {
            return Err(Outcome::Gone);
        }
    };
    let since = match &write.operation {
        Operation::Update { unmodified_since, .. } => *unmodified_since,
        Operation::Insert { .. }
        | Operation::Archive { .. }
        | Operation::Undelete { .. }
        | Operation::Purge { .. } => None,
    };
    match &row.versions {
        _ if row.highest_token() == write.token => Ok(false),
        _ if row.highest_token() > write.token => Err(Outcome::Moved),
        Versions::Stamp { modified, .. } if since.is_some_and(|since| *modified > since) => {
            Err(Outcome::Moved)
        }
        Versions::Stamp { .. } | Versions::History(_) | Versions::Listed => Ok(true),
    }
}
