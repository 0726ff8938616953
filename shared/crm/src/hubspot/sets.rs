//! Associations of a record, shown as a set beside its properties and written before them. Whatever their labels, two records are
//! associated or not.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::contract::associated_type;
use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, ObjectSpec, Outcome, Write};
use concord_core::reference;
use concord_core::row::{Row, Standing};

use super::HubSpot;
use super::associations::Ends;
use crate::sets::{self, Change, Said};
use crate::transport::Transport;

/// An object's own properties alone.
pub(super) fn without(object: &ObjectSpec) -> ObjectSpec {
    sets::without(object, is_set)
}

fn is_set(wire: &WireName) -> bool {
    associated_type(wire).is_some()
}

impl<T: Transport> HubSpot<T> {
    /// Shows the associations of records that are alive; those in the bin tell nothing.
    pub(super) async fn fill<'r>(
        &self,
        object: &ObjectSpec,
        rows: impl IntoIterator<Item = &'r mut Row>,
    ) -> Result<(), Failure> {
        let mut alive: Vec<&mut Row> =
            rows.into_iter().filter(|row| row.standing == Standing::Alive).collect();
        let ids: Vec<RecordId> = alive.iter().map(|row| row.id.clone()).collect();
        let sets = object.fields.iter().filter_map(|wire| Some((wire, associated_type(wire)?)));
        for (wire, to) in sets.filter(|_| !ids.is_empty()) {
            let found = match self.associations(&object.wire, &to, &ids).await {
                Ok(found) => found,
                Err(failure @ (Failure::Retry { .. } | Failure::RefreshLogin { .. })) => return Err(failure),
                // Hidden from us: nothing is known, and nothing changes (P8).
                Err(failure) => {
                    tracing::warn!(%wire, %failure, "associations are not shown");
                    continue;
                }
            };
            for (row, found) in alive.iter_mut().zip(found) {
                let others = found.to.iter().map(|other| other.to.as_str());
                row.fields.insert(wire.clone(), reference::holding(others));
            }
        }
        Ok(())
    }

    /// Writes records with their associations: those of updates before, those of inserts afterwards. What a new record lacks, its
    /// next reading shows. A record is read first: a call for one that was merged into another would change that other one.
    pub(super) async fn write_with_sets(&self, object: &ObjectSpec, writes: &[Write]) -> Vec<Outcome> {
        let (said, plain) = (Said::of(writes, is_set), without(object));
        let ids = said.records();
        let readings = self.read_rows(&plain, &ids).await.map(|found| ids.into_iter().zip(found).collect());
        let (admitted, mut came_to) = said.admitted(readings);
        let refused = self.associate_as_said(object, &admitted).await;
        came_to.extend(refused.into_iter().map(|(at, failure)| (at, Outcome::Failed(failure))));
        let (places, open) = said.open(&came_to);
        came_to.extend(places.into_iter().zip(self.write_rows(&plain, &open).await));
        // Every write has its place among the two.
        let outcomes: Vec<Outcome> = came_to.into_values().collect();
        for failure in self.associate_as_said(object, &said.of_made(&outcomes)).await.into_values() {
            tracing::warn!(object = %object.object, %failure, "a new record lacks associations as yet");
        }
        outcomes
    }

    /// Associates these records. What came in the way, by write.
    async fn associate_as_said(
        &self,
        object: &ObjectSpec,
        changes: &[(RecordId, Change)],
    ) -> BTreeMap<usize, Failure> {
        let mut failures = BTreeMap::new();
        let wires: BTreeSet<&WireName> = changes.iter().map(|(_, change)| &change.wire).collect();
        for (wire, to) in wires.into_iter().filter_map(|wire| Some((wire, associated_type(wire)?))) {
            let ends = |of: fn(&Change) -> &BTreeSet<RecordId>| -> (Vec<usize>, Vec<Ends>) {
                let changes = changes.iter().filter(|(_, change)| change.wire == *wire);
                let ends = changes.flat_map(|(from, change)| {
                    of(change).iter().map(|to| (change.at, Ends { from: from.clone(), to: to.clone() }))
                });
                ends.unzip()
            };
            let (made_for, made) = ends(|change| &change.added);
            let (cut_for, cut) = ends(|change| &change.removed);
            let mut results = self.associate(&object.wire, &to, &made).await;
            results.extend(self.dissociate(&object.wire, &to, &cut).await);
            let all = made_for.into_iter().chain(cut_for).zip(results);
            failures.extend(all.filter_map(|(at, result)| Some((at, result.err()?))));
        }
        failures
    }
}
