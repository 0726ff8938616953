//! Primary companies as properties. A deal's follows its associations and is read-only. Of a contact's, users report that
//! `associatedcompanyid` can be written and then makes the primary association (skarpdev/dotnetcore-hubspot-client issues 59 and
//! 69); that the property follows the association, and what the refusal says, is unverified.

use jiff::Timestamp;

use super::HubSpot;
use super::pairs::{Bond, End, Step};
use super::schema::{COMPANY, CONTACT, DEAL, TypeIndex};
use super::store::{Set, Who};
use super::value::Invalid;
use super::write::Actor;

/// The contact's property.
pub(super) const PRIMARY_COMPANY: &str = "associatedcompanyid";

/// The deal's property.
pub(super) const DEAL_COMPANY: &str = "hs_primary_associated_company";

/// What shows a type's primary company.
fn property_of(object: TypeIndex) -> Option<&'static str> {
    [(CONTACT, PRIMARY_COMPANY), (DEAL, DEAL_COMPANY)]
        .into_iter()
        .find_map(|(of, property)| (of == object).then_some(property))
}

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
            Err(_) => match self.primary_of(contact) {
                Some(company) => self.pairs.remove(contact, (COMPANY, company), Bond::Plain),
                None => Vec::new(),
            },
        };
        self.tell_steps(actor, &steps);
    }

    /// The property follows an association that came or went.
    pub(super) fn show_primary(&mut self, actor: Actor, steps: &[Step]) {
        for step in steps.iter().filter(|step| step.bond == Bond::Primary) {
            for end in [step.from, step.to] {
                self.show_primary_of(end, actor.now, actor.who);
            }
        }
    }

    /// A company went into the bin, came back, or took the place of another: those who belong to it show it.
    pub(super) fn show_primary_at_all(&mut self, object: TypeIndex, id: u64, now: Timestamp) {
        let of_company = |to| self.pairs.of((object, id), to).map(move |(id, _)| (to, id));
        let ends: Vec<End> = match object {
            COMPANY => [CONTACT, DEAL].into_iter().flat_map(of_company).collect(),
            TypeIndex(_) => vec![(object, id)],
        };
        for end in ends {
            self.show_primary_of(end, now, Who::System);
        }
    }

    fn show_primary_of(&mut self, end: End, now: Timestamp, who: Who) {
        let Some(property) = property_of(end.0) else { return };
        let value = self.primary_of(end).map_or_else(String::new, |id| id.to_string());
        let store = &mut self.types[end.0.0].store;
        let Some(record) = store.live(end.1) else { return };
        if record.current(property).unwrap_or_default() != value {
            let set = Set { name: property.to_owned(), value, who };
            let (at, changed) = store.write(end.1, now, &[set]);
            self.tell_changed(end.0, end.1, at, &changed);
        }
    }

    fn primary_of(&self, end: End) -> Option<u64> {
        let pairs = self.live_pairs(end, COMPANY);
        pairs.into_iter().find(|(_, bond)| *bond == Bond::Primary).map(|(id, _)| id)
    }
}
