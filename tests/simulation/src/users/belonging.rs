//! To whom contacts belong: people choose their companies and give them to each other.

use concord_core::names::Side;
use http::Method;
use serde_json::{Value, json};

use super::{Users, person};
use crate::chance::Chance;
use crate::display::{COMPANY, CONTACT, OBJECTS, OWNERS, company_field, owner_field, owner_id};
use crate::site::Site;

impl Users {
    /// Somebody chooses a company for a contact, or none: in the field or, in HubSpot, by an association.
    pub(super) fn associate(&mut self, site: &Site, side: Side, contact: &str, chance: &mut Chance) {
        let mut companies = self.look(site, side, COMPANY);
        companies.retain(|shown| shown.alive);
        let chosen = chance.pick(&companies).filter(|_| !chance.happens(48)).map(|shown| shown.id.clone());
        let (of, field) = (&OBJECTS[CONTACT], company_field(side));
        let value = chosen.as_ref().map_or(Value::Null, |id| json!(id));
        let done = match (side, &chosen) {
            (Side::HubSpot, Some(company)) if chance.happens(128) => {
                let path = format!("/crm/v4/objects/contacts/{contact}/associations/companies/{company}");
                let primary = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]);
                person(site, side, Method::PUT, &path, &primary)
            }
            (Side::HubSpot, _) => {
                let path = format!("/crm/v3/objects/{}/{contact}", of.hubspot);
                let value = if value.is_null() { json!("") } else { value };
                person(site, side, Method::PATCH, &path, &json!({ "properties": { field: value } }))
            }
            (Side::Salesforce, _) => {
                let path = format!("/services/data/v66.0/sobjects/{}/{contact}", of.salesforce);
                person(site, side, Method::PATCH, &path, &json!({ field: value }))
            }
        };
        if done.is_some() {
            site.watch().log(format_args!("USER {side} contact {contact} company -> {chosen:?}"));
            match chosen {
                Some(company) => self.chosen.push((side, contact.to_owned(), company)),
                None => self.cleared.push((side, contact.to_owned())),
            }
        }
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
            Side::Salesforce => (
                format!("/services/data/v66.0/sobjects/{}/{contact}", of.salesforce),
                json!({ field: value }),
            ),
        };
        if person(site, side, Method::PATCH, &path, &body).is_some() {
            site.watch().log(format_args!("USER {side} contact {contact} owner -> {to:?}"));
            self.given.push((side, contact.to_owned(), to));
        }
    }
}
