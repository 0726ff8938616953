//! Paired records that their side shows no more. What is purged stands in no listing, nor does what was merged away in
//! HubSpot: a sweep asks for each by its id.

use jiff::Timestamp;

use super::reconcile::{PAGES_MAX, Report};
use super::{Engine, StepError, digest};
use crate::contract::{Delete, Object};
use crate::link::{Link, Refusal};
use crate::names::{RecordId, Side};
use crate::port::{Crm, Queue, Store};
use crate::row::Reading;

const CURSOR: &str = "sweep/pairs";

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
        let readings = self.read_as(side, &object.spec_of(side, Vec::new()), &ids).await?;
        let missing = ids.into_iter().zip(readings).filter(|(_, reading)| match reading {
            Reading::NotFound | Reading::MergedInto(_) => true,
            Reading::Row(_) => false, // In the bin, too: that listing is read anyhow.
        });
        let missing: Vec<RecordId> = missing.map(|(id, _)| id).collect();
        self.hint(side, &object.name, &missing, &digest(["missing", &now.to_string()])).await?;
        Ok(missing.len())
    }
}

/// Whether both records of the pair are taken to be alive, and nobody was told otherwise.
fn is_expected(link: &Link, side: Side) -> bool {
    link.is_whole() && link.refused[side] != Refusal::Unseen
}
