//! Leads at work: which pairs are of leads, and whose a contact is that a lead became.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::fetch::{Counterpart, Pair};
use super::matching::Unclear;
use super::{Engine, StepError, digest};
use crate::contract::{CONVERTED_INTO, Field, Object, Views};
use crate::decide::{Decision, may_land};
use crate::link::{Link, Refusal, Status};
use crate::names::{FieldName, RecordId, Side, WireName};
use crate::port::{Crm, Expected, JournalEntry, Queue, Store, Whereabouts};
use crate::row::{Reading, Standing};

/// Why nobody is made for a contact that the lead of somebody who was erased became.
const ERASED_LEAD: &str =
    "it was a lead whose pair was erased, as privacy law asks, so no record is made from it: erase it here";

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// The object as a pair of leads, or of contacts, has it. `None`: it cannot be told which its record is to be, and a person is
    /// told.
    pub(super) async fn object_of<'v>(
        &self,
        object: &Object,
        views: &'v Views<'_>,
        pair: &Pair,
        now: Timestamp,
    ) -> Result<Option<&'v Object>, StepError> {
        let mut under_way = pair.link.intents.iter().rev().filter(|intent| may_land(intent.decided, now));
        let made = under_way.find_map(|intent| intent.action.makes_lead());
        let stranger = pair.link.status == Status::Live && pair.counterpart == Counterpart::None;
        let row = pair.row(Side::HubSpot).filter(|row| stranger && row.standing == Standing::Alive);
        let lead = match (&pair.link.records.salesforce, made, &object.lead, row) {
            (Some(record), ..) => Ok(record.is_lead()),
            (None, Some(lead), ..) => Ok(lead),
            (None, None, Some(condition), Some(row)) => condition.admits(object, Side::HubSpot, row),
            (None, None, None, _) | (None, None, Some(_), None) => Ok(false),
        };
        match lead {
            Ok(lead) => Ok(Some(views.of(lead))),
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
        let mut link = pair.link.clone();
        self.unpark_claimed(&pair.claims).await?;
        self.park_refusal(Side::Salesforce, &mut link, reason, now).await?;
        self.record_join(link, pair.expected, pair.claims.clone(), None, pair.aliases.clone()).await
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
        let (mut left, mut asked) = (BTreeSet::new(), Vec::new());
        for (contact, found) in texts.iter().zip(&found) {
            for lead in &found.ids {
                let Some(Whereabouts::Linked(link)) = located.get(lead) else { continue };
                match self.stored(link).await? {
                    Some(link) if link.is_erased() => {
                        let id = RecordId::new(contact);
                        self.park_record(side, object, &id, Unclear::because(ERASED_LEAD.to_owned()), now)
                            .await?;
                        left.insert(contact.as_str());
                    }
                    Some(link) if self.takes_over(&link).await? => {
                        asked.push(lead.clone());
                        left.insert(contact.as_str());
                    }
                    Some(_) | None => {}
                }
            }
        }
        self.hint(side, &object.name, &asked, &digest(["converted", &now.to_string()])).await?;
        Ok(strangers.iter().filter(|(id, _)| !left.contains(id.as_str())).cloned().collect())
    }

    /// Whether a pair goes over to what its lead became: not one that is over since its other record was merged into another pair's.
    async fn takes_over(&self, link: &Link) -> Result<bool, StepError> {
        match (&link.status, &link.records.hubspot) {
            (Status::Unlinked { .. }, Some(id)) => {
                let located = self.store.locate(&[self.record(Side::HubSpot, &link.object, id)]).await?;
                Ok(!matches!(located.as_slice(), [Whereabouts::Alias(_)]))
            }
            (
                Status::Live
                | Status::Flagged { .. }
                | Status::Unlinked { .. }
                | Status::Apart { .. }
                | Status::Erased { .. },
                _,
            ) => Ok(true),
        }
    }

    /// A field that a record has no longer, since its lead became a contact or the contract was changed: no conflict of it waits for
    /// a person any more, and it is not set aside. The contract may name it again: what was agreed on stays.
    pub(super) fn forget_fields_that_are_gone(
        &self,
        object: &Object,
        seen: &Object,
        decision: &mut Decision,
        now: Timestamp,
    ) {
        let before = decision.resolved.len();
        decision.ask_nobody(|name| !seen.fields.contains_key(name));
        let line = self.line(&decision.link, "P13 the record has this field no longer", now);
        let over = decision.resolved[before..].iter().cloned();
        decision.journal.extend(over.map(|name| JournalEntry { field: Some(name), ..line.clone() }));
        if decision.link.records.salesforce.is_some() {
            let of_leads = |name: &FieldName| object.fields.get(name).is_some_and(Field::is_of_leads_only);
            decision.link.fields.retain(|name, _| seen.fields.contains_key(name) || !of_leads(name));
        }
    }
}
