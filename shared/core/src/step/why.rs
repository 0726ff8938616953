//! Why a pair holds what it holds: its journal, as a person reads it.

use serde::{Deserialize, Serialize};

use super::{Engine, StepError};
use crate::names::{LinkId, ObjectName, PerSide, RecordId, RecordKey, Side};
use crate::port::{Crm, JournalEntry, Queue, Store};
use crate::value::Presence;

/// Journal lines of one link, the newest, that are looked at. Ours: more than a person reads.
pub(super) const LINES_MAX: usize = 1_000;

/// How a pair came to hold what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The pair.
    pub link: LinkId,
    /// Its object type.
    pub object: ObjectName,
    /// Its records.
    pub records: PerSide<Option<RecordId>>,
    /// What was decided of it, oldest first. References by the records that a side knows.
    pub lines: Vec<JournalEntry>,
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// What was decided of the pair of this record, and by which rules. `None`: it is in no pair.
    ///
    /// # Errors
    /// [`StepError::Store`].
    pub async fn why(&self, record: &RecordKey) -> Result<Option<Why>, StepError> {
        let Some((_, link)) = self.pair_of(record).await? else { return Ok(None) };
        let mut lines = self.store.journal(&link.id, LINES_MAX).await?;
        for line in &mut lines {
            let Some(field) = &line.field else { continue };
            let target = line.target.unwrap_or(Side::HubSpot);
            let PerSide { hubspot, salesforce } = &mut line.before;
            let lost = line.loser.iter_mut().map(|lost| (target, lost));
            let values: Vec<(Side, &mut Presence<_>)> =
                [(Side::HubSpot, hubspot), (Side::Salesforce, salesforce), (target, &mut line.after)]
                    .into_iter()
                    .chain(lost)
                    .collect();
            self.name_records(&link.object, field, values).await?;
        }
        Ok(Some(Why { link: link.id, object: link.object, records: link.records, lines }))
    }
}
