//! To whom records belong: people choose companies for contacts and deals, and give contacts to each other.

use concord_core::names::Side;
use http::Method;
use serde_json::{Value, json};

use super::{Users, person};
use crate::chance::Chance;
use crate::display::{COMPANY, CONTACT, DEAL, OBJECTS, OWNERS, Shown, company_field, owner_field, owner_id};
use crate::site::Site;

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
        let (of, id) = (&OBJECTS[object], record.id.as_str());
        let field = company_field(of.name, side);
        let value = chosen.as_ref().map_or(Value::Null, |id| json!(id));
        let pair =
            |company: &str| format!("/crm/v4/objects/{}/{id}/associations/companies/{company}", of.hubspot);
        let done = match (side, &chosen) {
            (Side::HubSpot, Some(company)) if object == DEAL || chance.happens(128) => {
                let kind = if object == DEAL { 5 } else { 1 };
                let primary = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]);
                person(site, side, Method::PUT, &pair(company), &primary)
            }
            // A deal's field cannot be written.
            (Side::HubSpot, _) if object == DEAL => record
                .company
                .as_ref()
                .and_then(|company| person(site, side, Method::DELETE, &pair(company), &Value::Null)),
            (Side::HubSpot, _) => {
                let path = format!("/crm/v3/objects/{}/{id}", of.hubspot);
                let value = if value.is_null() { json!("") } else { value };
                person(site, side, Method::PATCH, &path, &json!({ "properties": { field: value } }))
            }
            (Side::Salesforce, _) => {
                let path = format!("/services/data/v66.0/sobjects/{}/{id}", of.salesforce);
                person(site, side, Method::PATCH, &path, &json!({ field: value }))
            }
        };
        if done.is_some() {
            site.watch().log(format_args!("USER {side} {} {id} company -> {chosen:?}", of.name));
            match chosen {
                Some(company) => self.chosen.push((side, object, id.to_owned(), company)),
                None => self.cleared.push((side, object, id.to_owned())),
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
