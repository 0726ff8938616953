//! Roles of contacts in opportunities: the same contact may have several, and one row of an opportunity is the primary one.
//!
//! That marking another row unmarks the former one in silence is what users report, as is that a contact may have several rows.
//! That a row which comes back from the bin is not primary if another is by now is [K].

use super::Salesforce;
use super::change::{ChangeType, Context, Step, Values};
use super::id::Id;
use super::store::Record;
use super::value::Stored;

/// The rows.
pub(crate) const ROLE: &str = "OpportunityContactRole";
const OPPORTUNITY: &str = "OpportunityId";
const PRIMARY: &str = "IsPrimary";

impl Salesforce {
    /// Unmarks the other rows of an opportunity if this one is its primary one.
    pub(crate) fn unmark_others(&mut self, context: &Context, object: &'static str, id: &Id) {
        let Some(row) = self.store.get(object, id).filter(|row| object == ROLE && is_primary(row)) else {
            return;
        };
        for mut other in self.primaries_beside(row) {
            let values = Values::from([(PRIMARY, Some(Stored::Boolean(false)))]);
            other.set(PRIMARY, Some(Stored::Boolean(false)));
            self.keep(context, ROLE, other, ChangeType::Update, vec![Step { by: context.by, values }]);
        }
    }

    /// Whether another row is primary by now.
    pub(crate) fn is_outdone(&self, object: &str, row: &Record) -> bool {
        object == ROLE && is_primary(row) && !self.primaries_beside(row).is_empty()
    }

    fn primaries_beside(&self, row: &Record) -> Vec<Record> {
        let Some(deal) = row.get(OPPORTUNITY).and_then(Stored::text) else { return Vec::new() };
        let rows = self.children(ROLE, OPPORTUNITY, deal).into_iter().filter(|id| *id != row.id);
        let rows = rows.filter_map(|id| self.store.get(ROLE, &id).cloned());
        rows.filter(is_primary).collect()
    }
}

fn is_primary(row: &Record) -> bool {
    row.get(PRIMARY) == Some(&Stored::Boolean(true))
}
