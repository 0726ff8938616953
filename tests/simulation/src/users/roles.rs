//! What contacts are to deals: people give roles and take them, by labels in HubSpot and by rows in Salesforce.

use concord_core::names::Side;
use http::Method;
use serde_json::{Value, json};

use super::{Users, person};
use crate::chance::Chance;
use crate::display::{CONTACT, CONTACT_ROLE, PRIMARY, ROLES, Role, Shown, is_lead};
use crate::site::{InDeal, Site};

/// A role in Salesforce that the contract does not map.
const UNMAPPED: &str = "Influencer";

/// Somebody gives a contact a role in a deal, or takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// Where.
    pub side: Side,
    /// The deal there, the contact, and the role.
    pub role: InDeal,
    /// Whether it has it from now on.
    pub is_given: bool,
    /// When, in calls of Concord.
    pub at: u64,
}

impl Users {
    /// Somebody gives one of a deal's contacts a role, or takes one. Whether there was one.
    pub(super) fn cast_somebody(
        &mut self,
        site: &Site,
        side: Side,
        deal: &Shown,
        chance: &mut Chance,
    ) -> bool {
        let mut contacts = self.look(site, side, CONTACT);
        contacts.retain(|shown| shown.alive && !is_lead(&shown.id) && deal.contacts.contains(&shown.id));
        let role = chance.below(ROLES.len());
        let other = chance.happens(128);
        let contact = chance.pick(&contacts);
        contact.is_some_and(|contact| self.cast(site, side, deal, &contact.id, role, other))
    }

    /// Somebody gives a deal's contact a role, or takes it if it has that. The other way: a second primary one beside the first in
    /// HubSpot, and a row of its own in Salesforce. Whether that was taken.
    pub fn cast(
        &mut self,
        site: &Site,
        side: Side,
        deal: &Shown,
        contact: &str,
        role: Role,
        other: bool,
    ) -> bool {
        let gives = !deal.roles.contains(&(contact.to_owned(), role));
        match side {
            Side::HubSpot => self.label(site, deal, contact, role, (gives, other)),
            Side::Salesforce => self.row(site, deal, contact, role, (gives, other)),
        }
    }

    fn label(
        &mut self,
        site: &Site,
        deal: &Shown,
        contact: &str,
        role: Role,
        (gives, other): (bool, bool),
    ) -> bool {
        let before = |of: &str| -> Vec<Role> {
            deal.roles.iter().filter(|(contact, _)| contact == of).map(|(_, role)| *role).collect()
        };
        if gives && role == PRIMARY && !other {
            let marked = deal.roles.iter().filter(|(_, role)| *role == PRIMARY);
            for (former, _) in marked.cloned().collect::<Vec<_>>() {
                let left: Vec<Role> = before(&former).into_iter().filter(|role| *role != PRIMARY).collect();
                if is_labelled(site, &deal.id, &former, &left) {
                    self.is_cast(site, Side::HubSpot, (&deal.id, &former, PRIMARY), false);
                }
            }
        }
        let mut roles = before(contact);
        roles.retain(|one| *one != role);
        roles.extend(gives.then_some(role));
        let done = is_labelled(site, &deal.id, contact, &roles);
        if done {
            self.is_cast(site, Side::HubSpot, (&deal.id, contact, role), gives);
        }
        done
    }

    fn row(
        &mut self,
        site: &Site,
        deal: &Shown,
        contact: &str,
        role: Role,
        (gives, other): (bool, bool),
    ) -> bool {
        let rows = rows(site, &deal.id, contact);
        let Some(first) = rows.first() else { return false };
        let is = |row: &&Row| row.role.as_deref() == Some(ROLES[role].1);
        let blank = rows.iter().find(|row| row.role.is_none());
        let done = match (role, gives) {
            (PRIMARY, _) => {
                let row = if gives { Some(first) } else { rows.iter().find(|row| row.primary) };
                row.is_some_and(|row| changes(site, row, &json!({ "IsPrimary": gives })))
            }
            (_, true) if blank.is_none() && other => {
                let row = json!({ "OpportunityId": deal.id, "ContactId": contact, "Role": ROLES[role].1 });
                let path = format!("/services/data/v66.0/sobjects/{CONTACT_ROLE}/");
                person(site, Side::Salesforce, Method::POST, &path, &row).is_some()
            }
            (_, true) => changes(site, blank.unwrap_or(first), &json!({ "Role": ROLES[role].1 })),
            (_, false) => {
                let said = if other { json!(UNMAPPED) } else { Value::Null };
                let mut done = false;
                for row in rows.iter().filter(is) {
                    done |= changes(site, row, &json!({ "Role": said }));
                }
                done
            }
        };
        if done {
            // What a row says no longer is taken, and another one's mark goes by itself.
            let after = self.look(site, Side::Salesforce, crate::display::DEAL);
            let after = after.into_iter().find(|shown| shown.id == deal.id).map(|shown| shown.roles);
            for (of, gone) in deal.roles.difference(&after.clone().unwrap_or_default()) {
                self.is_cast(site, Side::Salesforce, (&deal.id, of, *gone), false);
            }
            for (of, new) in after.unwrap_or_default().difference(&deal.roles) {
                self.is_cast(site, Side::Salesforce, (&deal.id, of, *new), true);
            }
        }
        done
    }

    /// A contact has a role from now on, or not.
    pub(super) fn is_cast(
        &mut self,
        site: &Site,
        side: Side,
        (deal, contact, role): (&str, &str, Role),
        is_given: bool,
    ) {
        let mut watch = site.watch();
        let said = if is_given { "is" } else { "is no longer" };
        watch.log(format_args!("USER {side} deal {deal} contact {contact} {said} {}", ROLES[role].0));
        let role = (deal.to_owned(), contact.to_owned(), role);
        self.cast.push(Cast { side, role, is_given, at: watch.calls });
    }
}

fn is_labelled(site: &Site, deal: &str, contact: &str, roles: &[Role]) -> bool {
    let side = Side::HubSpot;
    let known = "/crm/v4/associations/deals/contacts/labels";
    let Some(known) = person(site, side, Method::GET, known, &Value::Null) else { return false };
    let wanted =
        |of: &&Value| of["label"].is_null() || roles.iter().any(|role| of["label"] == ROLES[*role].0);
    let named =
        |of: &Value| json!({ "associationCategory": of["category"], "associationTypeId": of["typeId"] });
    let types: Vec<Value> =
        known["results"].as_array().into_iter().flatten().filter(wanted).map(named).collect();
    let path = format!("/crm/v4/objects/deals/{deal}/associations/contacts/{contact}");
    person(site, side, Method::PUT, &path, &Value::Array(types)).is_some()
}

/// A row that joins a contact to a deal.
struct Row {
    id: String,
    role: Option<String>,
    primary: bool,
}

fn rows(site: &Site, deal: &str, contact: &str) -> Vec<Row> {
    let soql = format!(
        "SELECT+Id,+Role,+IsPrimary+FROM+{CONTACT_ROLE}+WHERE+OpportunityId+=+'{deal}'+AND+ContactId+=+'{contact}'+ORDER+BY+Id"
    );
    let path = format!("/services/data/v66.0/query?q={soql}");
    let rows = person(site, Side::Salesforce, Method::GET, &path, &Value::Null);
    let row = |row: &Value| {
        Some(Row {
            id: row["Id"].as_str()?.to_owned(),
            role: row["Role"].as_str().map(str::to_owned),
            primary: row["IsPrimary"] == true,
        })
    };
    rows.iter().flat_map(|rows| rows["records"].as_array().into_iter().flatten()).filter_map(row).collect()
}

fn changes(site: &Site, row: &Row, fields: &Value) -> bool {
    let path = format!("/services/data/v66.0/sobjects/{CONTACT_ROLE}/{}", row.id);
    person(site, Side::Salesforce, Method::PATCH, &path, fields).is_some()
}
