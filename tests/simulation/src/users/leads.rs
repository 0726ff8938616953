//! Leads: people make some in Salesforce, and convert them.

use concord_core::names::Side;
use concord_sandbox::salesforce::convert_operation;
use serde_json::{Map, Value, json};

use super::removal::soap;
use super::{Edit, How, Users};
use crate::chance::Chance;
use crate::display::{COMPANY, CONTACT, LEAD, OBJECTS, Shown, is_lead};
use crate::site::Site;

/// For whom everybody works: Salesforce asks it of every lead.
const EMPLOYER: &str = "Acme";

impl Users {
    /// People who have done nothing yet.
    #[must_use]
    pub fn new(leads: bool) -> Self {
        Self { leads, ..Self::default() }
    }

    /// As what a side makes a record: of Salesforce's contacts, every second is a lead where there are leads.
    pub(super) fn employ(&self, side: Side, object: usize, body: &mut Map<String, Value>) -> &'static str {
        let of = &OBJECTS[object];
        match (side, self.leads && object == CONTACT) {
            (Side::HubSpot, true) => {
                body.insert("company".to_owned(), json!(EMPLOYER));
                of.hubspot
            }
            (Side::Salesforce, true) if self.typed.is_multiple_of(2) => {
                body.insert("Company".to_owned(), json!(EMPLOYER));
                LEAD
            }
            (Side::HubSpot | Side::Salesforce, _) => of.wire(side),
        }
    }

    /// Somebody converts a lead: into a contact that is there or a new one, of a company that is there or a new one.
    pub fn convert(&mut self, site: &Site, chance: &mut Chance) {
        let living = |users: &Self, object: usize| -> Vec<Shown> {
            let shown = users.look(site, Side::Salesforce, object);
            shown.into_iter().filter(|shown| shown.alive).collect()
        };
        let (contacts, companies) = (living(self, CONTACT), living(self, COMPANY));
        let (leads, contacts): (Vec<Shown>, Vec<Shown>) =
            contacts.into_iter().partition(|shown| is_lead(&shown.id));
        let Some(lead) = chance.pick(&leads) else { return };
        let into = chance.pick(&contacts).filter(|_| chance.happens(64));
        let company = chance.pick(&companies).filter(|_| chance.happens(128));
        let named = |name: &str, shown: Option<&Shown>| {
            shown.map_or_else(String::new, |shown| format!("<urn:{name}>{}</urn:{name}>", shown.id))
        };
        let into_these = named("accountId", company) + &named("contactId", into);
        let done = soap(site, &convert_operation(&lead.id, &into_these));
        let became = self.look(site, Side::Salesforce, CONTACT).into_iter().find(|shown| shown.id == lead.id);
        let became = became.and_then(|shown| shown.merged_into).filter(|_| done);
        let now = living(self, CONTACT).into_iter().find(|shown| Some(&shown.id) == became.as_ref());
        let Some(contact) = now else { return };
        site.watch().log(format_args!("USER converts {} into {}", lead.id, contact.id));
        self.merged.push((Side::Salesforce, CONTACT, lead.id.clone(), contact.id.clone()));
        if into.is_none() {
            self.converted.push((lead.id.clone(), contact.id.clone()));
        }
        for (field, value) in contact.values.iter().enumerate() {
            let saw =
                [Some(lead), into].into_iter().flatten().map(|shown| shown.values[field].clone()).collect();
            let (id, value) = (contact.id.clone(), value.clone());
            self.note(
                site,
                Edit { side: Side::Salesforce, object: CONTACT, id, field, value, saw, how: How::Merged },
            );
        }
        self.chosen.extend(contact.company.map(|firm| (Side::Salesforce, CONTACT, contact.id, firm)));
        for made in
            living(self, COMPANY).into_iter().filter(|made| companies.iter().all(|known| known.id != made.id))
        {
            let (value, saw) = (EMPLOYER.to_lowercase(), vec![String::new()]);
            let (object, how) = (COMPANY, How::TakenBack);
            self.note(site, Edit { side: Side::Salesforce, object, id: made.id, field: 0, value, saw, how });
        }
    }
}
