//! What rows show, taken as it is: nobody can tell whose doing it was.

use jiff::Timestamp;

use super::{FieldFault, Scene, Settled, Stands, View};
use crate::link::{Place, Proof};
use crate::names::{PerSide, Side};
use crate::row::{Row, Versions};
use crate::value::{Presence, Value};

impl Scene<'_> {
    /// HubSpot's value without its history, after a version of this instant.
    pub(super) fn plain(&self, row: &Row, value: Presence<Value>, last: Option<Timestamp>) -> View {
        let (hash, edited) = (self.hash(&value), Some(row.revision));
        View { hash, value, place: Place::Version(last), stands: Stands::Shown, proof: Proof::Seen, edited }
    }

    /// Where history does not reach back to the last agreement, nothing can be decided, unless both rows show one value: that is
    /// an agreement whoever made it (P2), and history begins anew with it.
    pub(crate) fn agreed_as_shown(
        &self,
        fault: FieldFault,
        rows: PerSide<&Row>,
    ) -> Result<Settled, FieldFault> {
        let Versions::History(history) = &rows.hubspot.versions else { return Err(fault) };
        if fault != FieldFault::HistoryTruncated {
            return Err(fault);
        }
        let base = self.link.fields.get(&self.field.name).and_then(|memory| memory.base.clone());
        let mut moved = base.clone();
        let salesforce = self.look(Side::Salesforce, Some(rows.salesforce), &mut moved, &mut Vec::new())?;
        let last = self.events(Side::HubSpot, history).last().map(|event| event.at);
        let hubspot = self.plain(rows.hubspot, self.shown(Side::HubSpot, rows.hubspot)?, last);
        let agreed = hubspot.hash.is_some() && hubspot.hash == salesforce.hash;
        match salesforce.stands {
            Stands::Shown if agreed => {
                Ok(Settled { base, views: PerSide { hubspot, salesforce }, losers: Vec::new() })
            }
            Stands::Shown | Stands::Covered => Err(fault),
        }
    }
}
