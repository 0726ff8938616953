//! Paired records that their side shows no more. What is purged stands in no listing, nor does what was merged away in
//! HubSpot: a sweep asks for each by its id. And pairs of which both records have been gone for long: they are forgotten (P10).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::canary::type_of;
use super::reconcile::{PAGES_MAX, Report};
use super::{Engine, StepError, digest};
use crate::contract::{Delete, Object};
use crate::link::{Link, Refusal};
use crate::names::{RecordId, Side};
use crate::port::{CommitError, Crm, JournalEntry, Queue, Store};
use crate::row::Reading;

const CURSOR: &str = "sweep/pairs";
/// For how long a pair is remembered whose records are both gone (P10): queues keep a message for 14 days, HubSpot repeats a webhook
/// for 24 hours, Salesforce keeps change events for 3 days, and an operator may be away for a month.
const TOMBSTONE_KEPT: SignedDuration = SignedDuration::from_hours(60 * 24);

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Hints every paired record that its side does not show under its id. That is evidence of nothing: looking at it tells a
    /// person (P9).
    pub(super) async fn sweep_pairs(&self, report: &mut Report, now: Timestamp) -> Result<(), StepError> {
        let mut mark = self.store.cursor(CURSOR).await?;
        for _ in 0..PAGES_MAX {
            let from = mark.as_ref().map(|mark| mark.text.as_str()).filter(|text| !text.is_empty());
            let page = self.store.page_of_links(from).await?;
            report.listed += page.links.len();
            for object in self.contract.objects.values() {
                for side in Side::BOTH {
                    report.hinted += self.hint_missing(object, side, &page.links, now).await?;
                }
                self.collect_gone(object, &page.links, now).await?;
            }
            let last = page.next.is_none();
            mark = Some(self.advance(CURSOR, mark.as_ref(), page.next.unwrap_or_default()).await?);
            if last {
                return Ok(());
            }
        }
        report.unfinished += 1;
        Ok(())
    }

    async fn hint_missing(
        &self,
        object: &Object,
        side: Side,
        links: &[Link],
        now: Timestamp,
    ) -> Result<usize, StepError> {
        // Where deletes are ignored, nobody asks what became of a record.
        if object.delete == Delete::Ignore {
            return Ok(0);
        }
        let expected = links.iter().filter(|link| link.object == object.name && is_expected(link, side));
        let ids: Vec<RecordId> = expected.filter_map(|link| link.records[side].clone()).collect();
        let missing = self.read_believably(object, side, ids, now).await?.into_iter();
        let missing = missing.filter(|(_, reading)| match reading {
            Reading::NotFound | Reading::MergedInto(_) => true,
            Reading::Row(_) => false, // In the bin, too: that listing is read anyhow.
        });
        let missing: Vec<RecordId> = missing.map(|(id, _)| id).collect();
        self.hint(side, &object.name, &missing, &digest(["missing", &now.to_string()])).await?;
        Ok(missing.len())
    }

    /// What a side shows of these records, but for those that it does not while it shows nothing else of their type.
    async fn read_believably(
        &self,
        object: &Object,
        side: Side,
        ids: Vec<RecordId>,
        now: Timestamp,
    ) -> Result<Vec<(RecordId, Reading)>, StepError> {
        let readings = self.read_as(side, &object.spec_of(side, Vec::new()), &ids).await?;
        let mut seen: Vec<(RecordId, Reading)> = ids.into_iter().zip(readings).collect();
        let lost = seen.iter().filter(|(_, reading)| *reading == Reading::NotFound).map(|(id, _)| id);
        let silent = self.silent_types(object, side, lost, now).await?;
        seen.retain(|(id, reading)| {
            *reading != Reading::NotFound || !silent.contains(&type_of(object, side, id))
        });
        Ok(seen)
    }

    /// Forgets pairs whose records have been gone on both sides for so long that nothing comes of them any more: neither side finds
    /// its record by its id, both show others, and both have been swept since.
    async fn collect_gone(&self, object: &Object, links: &[Link], now: Timestamp) -> Result<(), StepError> {
        let is_old = |gone: Timestamp| now.duration_since(gone) > TOMBSTONE_KEPT;
        let old =
            links.iter().filter(|link| link.object == object.name && link.gone_since().is_some_and(is_old));
        let mut over: Vec<&Link> = old.filter(|link| link.open_since().is_none()).collect();
        if over.is_empty() {
            return Ok(());
        }
        let swept = self.swept_until(object).await?;
        over.retain(|link| link.gone_since().is_some_and(|gone| swept.is_some_and(|swept| swept > gone)));
        for side in Side::BOTH {
            let ids: Vec<RecordId> = over.iter().filter_map(|link| link.records[side].clone()).collect();
            let mut readings = self.read_believably(object, side, ids, now).await?;
            readings.retain(|(_, reading)| *reading == Reading::NotFound);
            let lost: BTreeSet<RecordId> = readings.into_iter().map(|(id, _)| id).collect();
            over.retain(|link| link.records[side].as_ref().is_some_and(|id| lost.contains(id)));
        }
        for link in over {
            let line = JournalEntry {
                generation: link.generation.next(),
                ..self.line(link, "P10 both are gone for good: forgotten", now)
            };
            match self.store.collect(link, line).await {
                // Somebody has looked at it since.
                Ok(()) | Err(CommitError::Moved | CommitError::Taken { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Whether both records of the pair are taken to be alive, and nobody was told otherwise.
fn is_expected(link: &Link, side: Side) -> bool {
    link.has_both() && link.expects(side) && link.refused[side] != Refusal::Unseen
}
