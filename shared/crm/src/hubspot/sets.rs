//! Associations of a record, shown as a set beside its properties and written before them, with the labels that are anybody's
//! business. Whatever their labels, two records are associated or not.
//!
//! What labels an association replaces all that it has. So they are read, and sent again with the new one: whoever gives or takes
//! a label within that round trip is overwritten.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::contract::associated_type;
use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, ObjectSpec, Outcome, Write};
use concord_core::reference::{self, Membership};
use concord_core::row::{Row, Standing};

use super::HubSpot;
use super::associations::{Associated, AssociationType, Ends, Labelled};
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
            let found = match self.known_associations(object, wire, &to, &ids).await {
                Ok(found) => found,
                Err(failure @ (Failure::Retry { .. } | Failure::RefreshLogin { .. })) => return Err(failure),
                // Hidden from us: nothing is known, and nothing changes (P8).
                Err(failure) => {
                    tracing::warn!(%wire, %failure, "associations are not shown");
                    continue;
                }
            };
            for (row, found) in alive.iter_mut().zip(found) {
                let known = object.roles.get(wire);
                let mut elements: Vec<String> = Vec::new();
                for other in &found.to {
                    let shown =
                        other.labels.iter().filter(|label| known.is_some_and(|known| known.contains(*label)));
                    elements.push(other.to.as_str().to_owned());
                    elements.extend(shown.map(|label| reference::with_role(other.to.as_str(), label)));
                }
                let elements = elements.iter().map(String::as_str);
                row.fields.insert(wire.clone(), reference::holding(elements));
            }
        }
        Ok(())
    }

    /// A label that is gone says nothing of whoever had it: then nothing is shown. Which there are is asked afterwards, since one may
    /// go meanwhile; and only where somebody is associated, and one was not seen.
    async fn known_associations(
        &self,
        object: &ObjectSpec,
        wire: &WireName,
        to: &WireName,
        ids: &[RecordId],
    ) -> Result<Vec<Associated>, Failure> {
        let found = self.associations(&object.wire, to, ids).await?;
        let others = || found.iter().flat_map(|found| &found.to);
        let seen: BTreeSet<&String> = others().flat_map(|other| &other.labels).collect();
        let roles = object.roles.get(wire).into_iter().flatten();
        let unseen: Vec<&String> = roles.filter(|role| !seen.contains(role)).collect();
        if others().next().is_none() || unseen.is_empty() {
            return Ok(found);
        }
        let labels = self.labels(&object.wire, to).await?;
        match unseen.into_iter().find(|label| !labels.contains_key(&Some((*label).clone()))) {
            Some(label) => Err(no_label(object, to, label)),
            None => Ok(found),
        }
    }

    /// Writes records with their associations: those of updates before, those of inserts afterwards. What a new record lacks, its
    /// next reading shows. A record is read first: a call for one that was merged into another would change that other one.
    pub(super) async fn write_with_sets(&self, object: &ObjectSpec, writes: &[Write]) -> Vec<Outcome> {
        let (said, plain) = (Said::of(writes, is_set), without(object));
        let ids = said.records();
        let readings = self.read_rows(&plain, &ids).await.map(|found| ids.into_iter().zip(found).collect());
        let (admitted, mut came_to) = said.admitted(readings);
        let refused = self.associate_as_said(object, &admitted).await;
        came_to.extend(refused);
        let (places, open) = said.open(&came_to);
        came_to.extend(places.into_iter().zip(self.write_rows(&plain, &open).await));
        // Every write has its place among the two.
        let outcomes: Vec<Outcome> = came_to.into_values().collect();
        for outcome in self.associate_as_said(object, &said.of_made(&outcomes)).await.into_values() {
            tracing::warn!(object = %object.object, ?outcome, "a new record lacks associations as yet");
        }
        outcomes
    }

    /// Associates these records. What came in the way, by write.
    async fn associate_as_said(
        &self,
        object: &ObjectSpec,
        changes: &[(RecordId, Change)],
    ) -> BTreeMap<usize, Outcome> {
        let mut came_to = BTreeMap::new();
        let wires: BTreeSet<&WireName> = changes.iter().map(|(_, change)| &change.wire).collect();
        for (wire, to) in wires.into_iter().filter_map(|wire| Some((wire, associated_type(wire)?))) {
            let changes: Vec<&(RecordId, Change)> =
                changes.iter().filter(|(_, change)| change.wire == *wire).collect();
            let plan = match object.roles.get(wire) {
                None => Ok(Plan::of(&changes, &BTreeMap::new(), &BTreeMap::new())),
                Some(roles) => self.with_labels(object, &to, &changes, roles, &mut came_to).await,
            };
            let came = match plan {
                Ok(plan) => self.carry_out(&object.wire, &to, plan).await,
                Err(failure) => changes.iter().map(|(_, change)| (change.at, failure.clone())).collect(),
            };
            came_to.extend(came.into_iter().map(|(at, failure)| (at, Outcome::Failed(failure))));
        }
        came_to
    }

    /// What is to be done where labels are anybody's business.
    async fn with_labels(
        &self,
        object: &ObjectSpec,
        to: &WireName,
        changes: &[&(RecordId, Change)],
        roles: &BTreeSet<String>,
        came_to: &mut BTreeMap<usize, Outcome>,
    ) -> Result<Plan, Failure> {
        let ids: BTreeSet<&RecordId> = changes.iter().map(|(id, _)| id).collect();
        let ids: Vec<RecordId> = ids.into_iter().cloned().collect();
        let found = self.associations(&object.wire, to, &ids).await?;
        let found: BTreeMap<RecordId, Associated> =
            found.into_iter().map(|found| (found.from.clone(), found)).collect();
        let labels = self.labels(&object.wire, to).await?;
        let mut admitted: Vec<&(RecordId, Change)> = Vec::new();
        for said in changes {
            let (id, change) = *said;
            let shown = found.get(id).into_iter().flat_map(|found| &found.to);
            let has = shown.flat_map(|other| other.labels.iter().map(|label| (&other.to, label.as_str())));
            let mut named = change.members.values().flat_map(|said| said.gained.union(&said.lost));
            if change.is_outdone(has.filter(|(_, label)| roles.contains(*label))) {
                came_to.insert(change.at, Outcome::Moved);
            } else if let Some(label) = named.find(|label| !labels.contains_key(&Some((*label).clone()))) {
                came_to.insert(change.at, Outcome::Failed(no_label(object, to, label)));
            } else {
                admitted.push(said);
            }
        }
        Ok(Plan::of(&admitted, &found, &labels))
    }

    /// What came in the way, by write. What is over goes first, so that nobody is seen to have two labels of which one replaces the
    /// other.
    async fn carry_out(&self, from: &WireName, to: &WireName, plan: Plan) -> Vec<(usize, Failure)> {
        let Plan { unlabelled, cut, made, labelled } = plan;
        let mut results = Vec::new();
        let (places, pairs): (Vec<usize>, Vec<Labelled>) = unlabelled.into_iter().unzip();
        results.extend(places.into_iter().zip(self.unlabel(from, to, &pairs).await));
        let (places, pairs): (Vec<usize>, Vec<Ends>) = cut.into_iter().unzip();
        results.extend(places.into_iter().zip(self.dissociate(from, to, &pairs).await));
        let (places, pairs): (Vec<usize>, Vec<Ends>) = made.into_iter().unzip();
        results.extend(places.into_iter().zip(self.associate(from, to, &pairs).await));
        let (places, pairs): (Vec<usize>, Vec<Labelled>) = labelled.into_iter().unzip();
        results.extend(places.into_iter().zip(self.label(from, to, &pairs).await));
        results.into_iter().filter_map(|(at, result)| Some((at, result.err()?))).collect()
    }
}

fn no_label(object: &ObjectSpec, to: &WireName, label: &str) -> Failure {
    let from = &object.wire;
    Failure::Park {
        reason: format!(
            "{from} have no label `{label}` for {to} in HubSpot: make it there, or take it out of the contract"
        ),
    }
}

/// Pairs, each with the place of its write.
#[derive(Default)]
struct Plan {
    unlabelled: Vec<(usize, Labelled)>,
    cut: Vec<(usize, Ends)>,
    made: Vec<(usize, Ends)>,
    labelled: Vec<(usize, Labelled)>,
}

impl Plan {
    fn of(
        changes: &[&(RecordId, Change)],
        found: &BTreeMap<RecordId, Associated>,
        labels: &BTreeMap<Option<String>, AssociationType>,
    ) -> Self {
        let mut plan = Self::default();
        let types = |names: &BTreeSet<String>| -> Vec<AssociationType> {
            names.iter().filter_map(|name| labels.get(&Some(name.clone())).cloned()).collect()
        };
        for (from, change) in changes {
            for (to, said) in &change.members {
                let (at, ends) = (change.at, Ends { from: from.clone(), to: to.clone() });
                let (gained, lost) = (types(&said.gained), types(&said.lost));
                if said.membership == Membership::Leaves {
                    plan.cut.push((at, ends));
                    continue;
                }
                if !lost.is_empty() {
                    plan.unlabelled.push((at, (ends.clone(), lost.clone())));
                }
                if !gained.is_empty() {
                    let there = found.get(from).into_iter().flat_map(|found| &found.to);
                    let there = there.filter(|other| other.to == *to).flat_map(|other| &other.types);
                    let kept = there.chain(labels.get(&None)).filter(|of| !lost.contains(of)).cloned();
                    let all: BTreeSet<AssociationType> = kept.chain(gained).collect();
                    plan.labelled.push((at, (ends, all.into_iter().collect())));
                } else if said.membership == Membership::Joins {
                    plan.made.push((at, ends));
                }
            }
        }
        plan
    }
}
