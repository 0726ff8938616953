//! What is set aside, as an operator is told of it: with the records on both sides that it is about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Engine, StepError};
use crate::link::{Link, Refusal};
use crate::names::{LinkId, ObjectName, PerSide, RecordId, RecordKey, Side};
use crate::port::{Crm, ParkKey, Parked, Queue, Store, Whereabouts};

/// Parked things that are listed at once, oldest first. Ours: more than a person reads.
pub(super) const PARKED_MAX: usize = 1_000;

/// Something that is set aside, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// What, why and since when.
    pub parked: Parked,
    /// The object type, if it is about records.
    pub object: Option<ObjectName>,
    /// The record on each side, as far as there is one.
    pub records: PerSide<Option<RecordId>>,
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Linked records that their side does not show any more, without evidence of a delete: an operator is told, nothing is
    /// done (P9).
    pub(super) fn unseen(&self, before: &Link, after: &Link, now: Timestamp) -> Vec<Parked> {
        let told = |side: Side| {
            let reason = format!(
                "{side} shows nothing under this id and nothing says that it was deleted: it was purged or erased, or \
                 Concord lost the permission to see it. Give the permission back, unlink the pair, or, if privacy law asked \
                 for it, say `concord erase`"
            );
            let record = self.record(side, &before.object, before.records[side].as_ref()?);
            Some(Parked::new(ParkKey::Record(record), reason, now))
        };
        let new = Side::BOTH.into_iter().filter(|side| is_unseen(after, *side) && !is_unseen(before, *side));
        new.filter_map(told).collect()
    }

    /// They are shown again, or known to be gone. Before that is remembered: afterwards nobody comes back to do it.
    pub(super) async fn welcome_who_is_seen(&self, before: &Link, after: &Link) -> Result<(), StepError> {
        for side in Side::BOTH.into_iter().filter(|side| is_unseen(before, *side) && !is_unseen(after, *side))
        {
            if let Some(id) = &before.records[side] {
                self.store.unpark(&ParkKey::Record(self.record(side, &before.object, id))).await?;
            }
        }
        Ok(())
    }

    /// Everything that is set aside, oldest first.
    ///
    /// # Errors
    /// [`StepError::Store`].
    pub async fn set_aside(&self) -> Result<Vec<SetAside>, StepError> {
        let parked = self.store.parked(PARKED_MAX).await?;
        let named: Vec<RecordKey> = parked.iter().filter_map(|parked| parked.key.record().cloned()).collect();
        let located = self.store.locate(&named).await?;
        let linked = |(record, at): (RecordKey, Whereabouts)| match at {
            Whereabouts::Linked(link) => Some((ParkKey::Record(record), link)),
            Whereabouts::Nowhere | Whereabouts::Alias(_) => None,
        };
        let mut link_of: BTreeMap<ParkKey, LinkId> =
            named.into_iter().zip(located).filter_map(linked).collect();
        link_of.extend(parked.iter().filter_map(|parked| match &parked.key {
            ParkKey::Field(link, _) => Some((parked.key.clone(), link.clone())),
            ParkKey::Record(_) | ParkKey::Message(_) | ParkKey::Object(_) | ParkKey::Type(..) => None,
        }));
        let (keys, ids): (Vec<ParkKey>, Vec<LinkId>) = link_of.into_iter().unzip();
        let links = self.store.links(&ids).await?;
        let links: BTreeMap<ParkKey, Option<Link>> = keys.into_iter().zip(links).collect();
        let about = |parked: Parked| {
            let link = links.get(&parked.key).and_then(Option::as_ref);
            let mut records = link.map(|link| link.records.clone()).unwrap_or_default();
            let mut object = link.map(|link| link.object.clone());
            if let Some(record) = parked.key.record() {
                records[record.side] = Some(record.id.clone());
                object = Some(record.object.clone());
            }
            SetAside { parked, object, records }
        };
        Ok(parked.into_iter().map(about).collect())
    }
}

fn is_unseen(link: &Link, side: Side) -> bool {
    link.refused[side] == Refusal::Unseen
}
