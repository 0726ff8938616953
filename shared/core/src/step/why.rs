//! Why a pair holds what it holds: its journal, as a person reads it.

use serde::{Deserialize, Serialize};

use super::{Engine, StepError};
use crate::names::{LinkId, ObjectName, PerSide, RecordId, RecordKey, Side};
use crate::port::{Crm, JournalEntry, Queue, Store};

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
        let mut references = Vec::new();
        for line in &mut lines {
            if line.field.as_ref().is_some_and(|field| self.is_reference(&link.object, field)) {
                let target = line.target.unwrap_or(Side::HubSpot);
                references.push((Side::HubSpot, &mut line.before.hubspot));
                references.push((Side::Salesforce, &mut line.before.salesforce));
                references.push((target, &mut line.after));
                references.extend(line.loser.iter_mut().map(|lost| (target, lost)));
            }
        }
        self.name_records(references).await?;
        Ok(Some(Why { link: link.id, object: link.object, records: link.records, lines }))
    }
}
