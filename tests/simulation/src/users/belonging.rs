//! To whom records belong: people choose companies for contacts and deals, and give contacts to each other.

use concord_core::names::Side;
use http::Method;
use serde_json::{Value, json};

use super::{Users, person};
use crate::chance::Chance;
use crate::display::{
    COMPANY, CONTACT, CONTACT_ROLE, DEAL, OBJECTS, OWNERS, Role, Shown, company_field, is_lead, owner_field,
    owner_id,
};
use crate::profile::People;
use crate::site::Site;

/// Somebody puts a contact into a deal, or takes it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Involved {
    /// Where.
    pub side: Side,
    /// The deal there.
    pub deal: String,
    /// The contact there.
    pub contact: String,
    /// Whether it is in from now on.
    pub is_in: bool,
}

impl Users {
    /// Somebody chooses a company for a record, or none: in the field or, in HubSpot, by an association.
    pub(super) fn associate(
        &mut self,
        site: &Site,
        side: Side,
        object: usize,
        record: &Shown,
        chance: &mut Chance,
    ) {
        let mut companies = self.look(site, side, COMPANY);
        companies.retain(|shown| shown.alive);
        let chosen = chance.pick(&companies).filter(|_| !chance.happens(48)).map(|shown| shown.id.clone());
        let by_field =
            side == Side::HubSpot && object == CONTACT && !(chosen.is_some() && chance.happens(128));
        self.join(site, side, object, record, chosen.as_deref(), by_field);
    }

    /// Somebody puts a record into a company, or takes it out of its own. A deal's field cannot be written in HubSpot. Whether it
    /// was taken.
    pub fn join(
        &mut self,
        site: &Site,
        side: Side,
        object: usize,
        record: &Shown,
        company: Option<&str>,
        by_field: bool,
    ) -> bool {
        let (of, id) = (&OBJECTS[object], record.id.as_str());
        let field = company_field(of.name, side);
        let pair =
            |company: &str| format!("/crm/v4/objects/{}/{id}/associations/companies/{company}", of.hubspot);
        let done = match (side, company) {
            (Side::HubSpot, _) if by_field => {
                let path = format!("/crm/v3/objects/{}/{id}", of.hubspot);
                let body = json!({ "properties": { field: company.unwrap_or_default() } });
                person(site, side, Method::PATCH, &path, &body)
            }
            (Side::HubSpot, Some(company)) => {
                let kind = if object == DEAL { 5 } else { 1 };
                let primary = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]);
                person(site, side, Method::PUT, &pair(company), &primary)
            }
            (Side::HubSpot, None) => record
                .company
                .as_ref()
                .and_then(|company| person(site, side, Method::DELETE, &pair(company), &Value::Null)),
            (Side::Salesforce, _) => {
                person(site, side, Method::PATCH, &of.salesforce_row(id), &json!({ field: company }))
            }
        };
        if done.is_some() {
            site.watch().log(format_args!("USER {side} {} {id} company -> {company:?}", of.name));
            match company {
                Some(company) => self.chosen.push((side, object, id.to_owned(), company.to_owned())),
                None => self.cleared.push((side, object, id.to_owned())),
            }
        }
        done.is_some()
    }

    /// Somebody puts a contact into a deal or takes one out, or says what one is to it.
    pub(super) fn involve_somebody(
        &mut self,
        site: &Site,
        side: Side,
        deal: &Shown,
        people: People,
        chance: &mut Chance,
    ) {
        if people.cast && chance.happens(160) && self.cast_somebody(site, side, deal, chance) {
            return;
        }
        let mut contacts = self.look(site, side, CONTACT);
        contacts.retain(|shown| shown.alive && !is_lead(&shown.id));
        let inside: Vec<&Shown> = contacts.iter().filter(|shown| deal.contacts.contains(&shown.id)).collect();
        let someone = match chance.pick(&inside).filter(|_| chance.happens(128)) {
            Some(leaver) => Some(*leaver),
            None => chance.pick(&contacts),
        };
        if let Some(contact) = someone {
            self.involve(site, side, deal, &contact.id);
        }
    }

    /// Somebody puts a contact into a deal, or takes it out if it is in. Whether that was taken.
    pub fn involve(&mut self, site: &Site, side: Side, deal: &Shown, contact: &str) -> bool {
        let (is_in, id) = (!deal.contacts.contains(contact), deal.id.as_str());
        let done = match (side, is_in) {
            (Side::HubSpot, true) => {
                let path = format!("/crm/v4/objects/deals/{id}/associations/default/contacts/{contact}");
                person(site, side, Method::PUT, &path, &Value::Null).is_some()
            }
            (Side::HubSpot, false) => {
                let path = format!("/crm/v4/objects/deals/{id}/associations/contacts/{contact}");
                person(site, side, Method::DELETE, &path, &Value::Null).is_some()
            }
            (Side::Salesforce, true) => {
                let row = json!({ "OpportunityId": id, "ContactId": contact });
                let path = format!("/services/data/v66.0/sobjects/{CONTACT_ROLE}/");
                person(site, side, Method::POST, &path, &row).is_some()
            }
            (Side::Salesforce, false) => {
                let soql = format!(
                    "SELECT+Id+FROM+{CONTACT_ROLE}+WHERE+OpportunityId+=+'{id}'+AND+ContactId+=+'{contact}'"
                );
                let rows = person(
                    site,
                    side,
                    Method::GET,
                    &format!("/services/data/v66.0/query?q={soql}"),
                    &Value::Null,
                );
                let rows = rows.and_then(|rows| rows["records"].as_array().cloned()).unwrap_or_default();
                let gone = rows.iter().filter_map(|row| row["Id"].as_str()).filter(|row| {
                    let path = format!("/services/data/v66.0/sobjects/{CONTACT_ROLE}/{row}");
                    person(site, side, Method::DELETE, &path, &Value::Null).is_some()
                });
                gone.count() > 0
            }
        };
        if done {
            site.watch().log(format_args!(
                "USER {side} deal {id} contact {contact}: {}",
                if is_in { "in" } else { "out" }
            ));
            // Whoever leaves is nothing there any more.
            let gone: Vec<Role> =
                deal.roles.iter().filter(|(of, _)| of == contact).map(|(_, role)| *role).collect();
            for role in gone.into_iter().filter(|_| !is_in) {
                self.is_cast(site, side, (id, contact, role), false);
            }
            let (deal, contact) = (id.to_owned(), contact.to_owned());
            self.involved.push(Involved { side, deal, contact, is_in });
        }
        done
    }

    /// Somebody gives a contact to a person or, in HubSpot, to nobody.
    pub(super) fn give(&mut self, site: &Site, side: Side, contact: &str, chance: &mut Chance) {
        let someone = Some(chance.below(OWNERS.len()));
        let to = someone.filter(|_| side == Side::Salesforce || !chance.happens(64));
        let (of, field) = (&OBJECTS[CONTACT], owner_field(side));
        let value = to.map_or_else(String::new, |person| owner_id(side, person));
        let (path, body) = match side {
            Side::HubSpot => (
                format!("/crm/v3/objects/{}/{contact}", of.hubspot),
                json!({ "properties": { field: value } }),
            ),
            Side::Salesforce => (of.salesforce_row(contact), json!({ field: value })),
        };
        if person(site, side, Method::PATCH, &path, &body).is_some() {
            site.watch().log(format_args!("USER {side} contact {contact} owner -> {to:?}"));
            self.given.push((side, contact.to_owned(), to));
        }
    }
}
