//! Leads at work: which pairs are of leads, and whose a contact is that a lead became.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::fetch::Pair;
use super::{Engine, StepError, digest};
use crate::contract::{CONVERTED_INTO, Object};
use crate::link::{Link, Refusal, Status};
use crate::names::{RecordId, Side, WireName};
use crate::port::{Crm, Expected, Queue, Store, Whereabouts};
use crate::row::{Reading, Standing};

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// The object as a pair of leads, or of contacts, has it. `None`: it cannot be told which its record is to be, and a person is
    /// told.
    pub(super) async fn object_of<'o>(
        &self,
        object: &'o Object,
        pair: &Pair,
        now: Timestamp,
    ) -> Result<Option<Cow<'o, Object>>, StepError> {
        let lead = match (pair.link.is_lead(), &object.lead, pair.row(Side::HubSpot)) {
            (Some(lead), ..) => Ok(lead),
            (None, Some(condition), Some(row)) => condition.admits(object, Side::HubSpot, row),
            (None, None, _) | (None, Some(_), None) => Ok(false),
        };
        match lead {
            Ok(lead) => Ok(Some(object.seen_as(lead))),
            Err((field, fault)) => {
                let reason =
                    format!("its field {} decides whether it is made as a lead: {fault}", field.name);
                self.leave_undecided(pair, reason, now).await?;
                Ok(None)
            }
        }
    }

    /// Its record is not made, as if Salesforce had refused it.
    async fn leave_undecided(&self, pair: &Pair, reason: String, now: Timestamp) -> Result<(), StepError> {
        if pair.link.refused.salesforce == Refusal::Parked && pair.expected != Expected::New {
            return Ok(());
        }
        let Pair { mut link, expected, claims, aliases, .. } = pair.clone();
        self.unpark_claimed(&claims).await?;
        self.park_refusal(Side::Salesforce, &mut link, reason, now).await?;
        self.record_join(link, expected, claims, None, aliases).await
    }

    /// Leaves out contacts that a paired lead became: looking at the lead hands its pair over to them. Whoever is not found so
    /// would be taken for a stranger, and made once more on the other side.
    pub(super) async fn leave_converted(
        &self,
        object: &Object,
        side: Side,
        strangers: Vec<(RecordId, Reading)>,
        now: Timestamp,
    ) -> Result<Vec<(RecordId, Reading)>, StepError> {
        let lives = |reading: &Reading| match reading {
            Reading::Row(row) => row.standing == Standing::Alive,
            Reading::MergedInto(_) | Reading::NotFound => false,
        };
        let asked = |(id, reading): &&(RecordId, Reading)| lives(reading) && !id.is_lead();
        let texts: Vec<String> =
            strangers.iter().filter(asked).map(|(id, _)| id.as_str().to_owned()).collect();
        if side == Side::HubSpot || object.lead.is_none() || texts.is_empty() {
            return Ok(strangers);
        }
        let found = self.find(side, object, &WireName::from(CONVERTED_INTO), &texts).await?;
        let located = self.locate_found(side, object, &found).await?;
        let mut leads: BTreeMap<&str, &RecordId> = BTreeMap::new();
        for (contact, found) in texts.iter().zip(&found) {
            for lead in &found.ids {
                let Some(Whereabouts::Linked(link)) = located.get(lead) else { continue };
                if let Some(link) = self.stored(link).await?
                    && self.takes_over(&link).await?
                {
                    leads.insert(contact, lead);
                }
            }
        }
        let asked: Vec<RecordId> = leads.values().map(|lead| (*lead).clone()).collect();
        self.hint(side, &object.name, &asked, &digest(["converted", &now.to_string()])).await?;
        Ok(strangers.iter().filter(|(id, _)| !leads.contains_key(id.as_str())).cloned().collect())
    }

    /// Whether a pair goes over to what its lead became: not one that is over since its other record was merged into another pair's.
    async fn takes_over(&self, link: &Link) -> Result<bool, StepError> {
        match (&link.status, &link.records.hubspot) {
            (Status::Erased { .. }, _) => Ok(false),
            (Status::Unlinked { .. }, Some(id)) => {
                let located = self.store.locate(&[self.record(Side::HubSpot, &link.object, id)]).await?;
                Ok(!matches!(located.as_slice(), [Whereabouts::Alias(_)]))
            }
            (Status::Live | Status::Flagged { .. } | Status::Unlinked { .. } | Status::Apart { .. }, _) => {
                Ok(true)
            }
        }
    }
}
