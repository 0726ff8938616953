//! What a link knows of records that are gone, and what goes with it when it is forgotten (P10).

use jiff::Timestamp;

use super::{Link, Status};
use crate::names::{RecordKey, Side};

impl Link {
    /// Since when both records are known to be deleted, of a pair that ended with them: one that was erased or taken apart is never
    /// forgotten.
    #[must_use]
    pub fn gone_since(&self) -> Option<Timestamp> {
        match self.status {
            Status::Flagged { .. } | Status::Unlinked { .. } => self.gone,
            Status::Live | Status::Apart { .. } | Status::Erased { .. } => None,
        }
    }

    /// Whether it is news if this side's record is not found. Of what is known to be deleted, or to have gone into another pair's, it is
    /// none.
    #[must_use]
    pub fn expects(&self, side: Side) -> bool {
        match self.status {
            Status::Live => true,
            Status::Flagged { deleted } | Status::Unlinked { deleted } => {
                deleted != side && self.gone.is_none()
            }
            Status::Apart { .. } | Status::Erased { .. } => false,
        }
    }

    /// The records that it has, by their full names.
    #[must_use]
    pub fn keys_of_records(&self) -> Vec<RecordKey> {
        let key =
            |side| Some(RecordKey { side, object: self.object.clone(), id: self.records[side].clone()? });
        Side::BOTH.into_iter().filter_map(key).collect()
    }
}
