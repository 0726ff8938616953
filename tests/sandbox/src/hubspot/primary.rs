//! A contact's primary company as a property. Users report that `associatedcompanyid` can be written and then makes the
//! primary association (skarpdev/dotnetcore-hubspot-client issues 59 and 69); that the property follows the association, and what
//! the refusal says, is unverified.

use jiff::Timestamp;

use super::HubSpot;
use super::pairs::{Bond, Step};
use super::schema::{COMPANY, CONTACT, TypeIndex};
use super::store::{Set, Who};
use super::value::Invalid;
use super::write::Actor;

/// The contact's property.
pub(super) const PRIMARY_COMPANY: &str = "associatedcompanyid";

impl HubSpot {
    /// Refuses a company that is not there.
    pub(super) fn check_primary(&self, object: TypeIndex, name: &str, given: &str) -> Result<(), Invalid> {
        if object != CONTACT || name != PRIMARY_COMPANY || given.is_empty() {
            return Ok(());
        }
        let message = format!("Company {given} does not exist.");
        self.live_end(COMPANY, given).map(drop).map_err(|_| Invalid::new(name, "INVALID_COMPANY_ID", message))
    }

    /// The association follows a property that was just written.
    pub(super) fn associate_primary(&mut self, object: TypeIndex, id: u64, actor: Actor, changed: &[Set]) {
        let set = changed.iter().find(|set| object == CONTACT && set.name == PRIMARY_COMPANY);
        let Some(value) = set.map(|set| set.value.clone()) else { return };
        let contact = (CONTACT, id);
        let steps = match self.live_end(COMPANY, &value) {
            Ok(company) => self.pairs.set(contact, company, Bond::Primary),
            Err(_) => match self.primary_of(id) {
                Some(company) => self.pairs.remove(contact, (COMPANY, company), Bond::Plain),
                None => Vec::new(),
            },
        };
        self.tell_steps(actor, &steps);
    }

    /// The property follows an association that came or went.
    pub(super) fn show_primary(&mut self, actor: Actor, steps: &[Step]) {
        for step in steps.iter().filter(|step| step.bond == Bond::Primary) {
            for end in [step.from, step.to].into_iter().filter(|end| end.0 == CONTACT) {
                self.show_primary_of(end.1, actor.now, actor.who);
            }
        }
    }

    /// A company went into the bin, came back, or took the place of another: its contacts show it.
    pub(super) fn show_primary_at_all(&mut self, object: TypeIndex, id: u64, now: Timestamp) {
        let contacts: Vec<u64> = match object {
            COMPANY => self.pairs.of((COMPANY, id), CONTACT).map(|(id, _)| id).collect(),
            CONTACT => vec![id],
            TypeIndex(_) => Vec::new(),
        };
        for contact in contacts {
            self.show_primary_of(contact, now, Who::System);
        }
    }

    fn show_primary_of(&mut self, contact: u64, now: Timestamp, who: Who) {
        let value = self.primary_of(contact).map_or_else(String::new, |id| id.to_string());
        let store = &mut self.types[CONTACT.0].store;
        let Some(record) = store.live(contact) else { return };
        if record.current(PRIMARY_COMPANY).unwrap_or_default() != value {
            let set = Set { name: PRIMARY_COMPANY.to_owned(), value, who };
            let (at, changed) = store.write(contact, now, &[set]);
            self.tell_changed(CONTACT, contact, at, &changed);
        }
    }

    fn primary_of(&self, contact: u64) -> Option<u64> {
        let pairs = self.live_pairs((CONTACT, contact), COMPANY);
        pairs.into_iter().find(|(_, bond)| *bond == Bond::Primary).map(|(id, _)| id)
    }
}
