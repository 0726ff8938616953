//! People delete, restore and merge, and empty the bin.

use bytes::Bytes;
use concord_core::names::{RecordKey, Side};
use concord_sandbox::crm::Caller;
use concord_sandbox::salesforce::soap_envelope;
use http::{Method, Request};
use serde_json::{Value, json};

use super::{Edit, How, Users, person};
use crate::display::{CONTACT, DEAL, LEAD, OBJECTS, Shown, is_lead};
use crate::site::Site;

impl Users {
    /// Somebody puts a record into the bin.
    pub fn delete(&mut self, site: &Site, side: Side, object: usize, id: &str) {
        let of = &OBJECTS[object];
        let path = match side {
            Side::HubSpot => format!("/crm/v3/objects/{}/{id}", of.hubspot),
            Side::Salesforce => of.salesforce_row(id),
        };
        // Salesforce deletes an account's contacts and opportunities with it.
        let living = |of: usize| self.look(site, side, of).into_iter().filter(|shown| shown.alive);
        let alive = || -> Vec<(usize, String)> {
            [CONTACT, DEAL].into_iter().flat_map(|of| living(of).map(move |shown| (of, shown.id))).collect()
        };
        let before = alive();
        if person(site, side, Method::DELETE, &path, &Value::Null).is_some() {
            site.watch().log(format_args!("USER {side} deletes {} {id}", of.name));
            let after = alive();
            let itself = (object, id.to_owned());
            let with_it = before.into_iter().filter(|one| *one != itself && !after.contains(one));
            for (of, gone) in std::iter::once(itself.clone()).chain(with_it) {
                site.watch().lives(key(side, of, &gone), false);
                self.deleted.push((side, of, gone));
            }
        }
    }

    /// Somebody erases a contact in HubSpot, as privacy law asks.
    pub fn erase(&mut self, site: &Site, id: &str) {
        let path = format!("/crm/v3/objects/{}/gdpr-delete", OBJECTS[CONTACT].hubspot);
        if person(site, Side::HubSpot, Method::POST, &path, &json!({ "objectId": id })).is_some() {
            site.watch().log(format_args!("USER erases {id}"));
            self.is_erased(Side::HubSpot, CONTACT, id);
        }
    }

    /// A record is erased from now on, or is asked to be.
    pub fn is_erased(&mut self, side: Side, object: usize, id: &str) {
        self.erased.push((side, object, id.to_owned()));
        self.deleted.push((side, object, id.to_owned()));
    }

    /// Somebody empties Salesforce's bin.
    pub fn empty_the_bin(&self, site: &Site) {
        let gone = self.deleted.iter().filter(|(side, ..)| *side == Side::Salesforce);
        for (_, _, id) in gone {
            let operation = format!("<urn:emptyRecycleBin><urn:ids>{id}</urn:ids></urn:emptyRecycleBin>");
            if soap(site, &operation) {
                site.watch().log(format_args!("USER purges {id}"));
            }
        }
    }

    /// Somebody makes two records one.
    pub fn merge(&mut self, site: &Site, side: Side, object: usize, winner: &Shown, loser: &Shown) {
        let of = &OBJECTS[object];
        let left = match side {
            Side::HubSpot => {
                let body = json!({"primaryObjectId": winner.id, "objectIdToMerge": loser.id});
                let path = format!("/crm/v3/objects/{}/merge", of.hubspot);
                let Some(made) = person(site, side, Method::POST, &path, &body) else { return };
                made["id"].as_str().unwrap_or(&winner.id).to_owned()
            }
            Side::Salesforce => {
                let operation = format!(
                    "<urn:merge><urn:request><urn:masterRecord xmlns:so=\"urn:sobject.partner.soap.sforce.com\">\
                     <so:type>{}</so:type><so:Id>{}</so:Id></urn:masterRecord>\
                     <urn:recordToMergeIds>{}</urn:recordToMergeIds></urn:request></urn:merge>",
                    if is_lead(&winner.id) { LEAD } else { of.salesforce },
                    winner.id,
                    loser.id
                );
                if !soap(site, &operation) {
                    return;
                }
                winner.id.clone()
            }
        };
        site.watch()
            .log(format_args!("USER {side} merges {} {} into {}: {left}", of.name, loser.id, winner.id));
        for gone in [&loser.id, &winner.id].into_iter().filter(|gone| **gone != left) {
            self.merged.push((side, object, gone.clone(), left.clone()));
        }
        let now = self.look(site, side, object).into_iter().find(|shown| shown.id == left);
        for field in 0..of.fields.len() {
            let value = now.as_ref().map_or_else(String::new, |shown| shown.values[field].clone());
            let saw = vec![winner.values[field].clone(), loser.values[field].clone()];
            self.note(site, Edit { side, object, id: left.clone(), field, value, saw, how: How::Merged });
        }
    }
}

/// Somebody takes a record out of the bin.
pub fn restore(site: &Site, side: Side, object: usize, id: &str) {
    let of = &OBJECTS[object];
    let done = match side {
        Side::HubSpot => {
            let path = format!("/crm/v3/objects/{}/{id}/restore", of.hubspot);
            person(site, side, Method::POST, &path, &json!({})).is_some()
        }
        Side::Salesforce => soap(site, &format!("<urn:undelete><urn:ids>{id}</urn:ids></urn:undelete>")),
    };
    if done {
        let mut watch = site.watch();
        watch.log(format_args!("USER {side} restores {} {id}", of.name));
        watch.lives(key(side, object, id), true);
    }
}

fn key(side: Side, object: usize, id: &str) -> RecordKey {
    RecordKey { side, object: OBJECTS[object].name.into(), id: id.into() }
}

/// One call of Salesforce's SOAP API at the screen; whether it did what it was asked.
pub(super) fn soap(site: &Site, operation: &str) -> bool {
    let request = Request::post("/services/Soap/u/66.0")
        .header("content-type", "text/xml")
        .header("soapaction", "\"\"")
        .body(Bytes::from(soap_envelope("person", operation)));
    let Ok(request) = request else { return false };
    let answer = site.arrive(Side::Salesforce, Caller::Person, &request);
    String::from_utf8_lossy(answer.body()).contains("<success>true</success>")
}
