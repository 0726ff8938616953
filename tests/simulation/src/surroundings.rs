//! The surroundings: what administrators do to both CRMs and to the store, for a while.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use concord_core::names::Side;
use concord_sandbox::crm::Caller;
use http::Request;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::display::{INTERESTS, owner_id};
use crate::fault::Fault;
use crate::world::World;

/// Who goes on leave, of [`crate::display::OWNERS`].
const COLLEAGUE: usize = 1;

impl World {
    /// Something about the surroundings changes.
    pub(crate) fn disturb(&mut self, chance: &mut Chance) {
        if self.strikes(Fault::ClockStep, chance) {
            let worker = chance.below(self.workers.len());
            let offset = i64::from(chance.byte()) * 10 - 1_280;
            self.workers[worker].clock.step_to(offset);
        }
        let field = [("Contact", "Title"), ("Contact", "Phone"), ("Account", "Description")][chance.below(3)];
        // A permission that is lost shows as a refusal or as records that are not there. Which, the clock says.
        let refuses = self.site.clock.now().as_second() % 2 == 0;
        let mut change = |fault: Fault, body: Value| {
            if self.strikes(fault, chance) {
                if fault == Fault::ObjectHidden && !refuses {
                    self.share_records(false);
                } else {
                    self.salesforce_is("schema", &body);
                }
                self.disturbed = true;
            }
        };
        let (object, name) = field;
        change(Fault::FieldHidden, json!({"object": object, "field": name, "hidden": true}));
        change(Fault::ObjectHidden, json!({"object": object, "hidden": true}));
        change(Fault::FieldReadOnly, json!({"object": object, "field": name, "read_only": true}));
        change(Fault::FieldShortened, json!({"object": "Contact", "field": "Title", "length": 3}));
        let choice = INTERESTS[0].1;
        change(
            Fault::ChoiceRemoved,
            json!({"object": "Contact", "field": "Interests__c", "remove_value": choice}),
        );
        change(
            Fault::TypeChanged,
            json!({"object": "Contact", "field": "Title", "picklist": true, "add_value": "Director"}),
        );
        if self.strikes(Fault::OwnerInactive, chance) {
            self.activate_owner(false);
        }
        if self.disturbed && chance.happens(128) {
            self.set_to_rights();
        }
        self.restore_store(chance);
    }

    /// A backup of the store is taken, or the store goes back to it: its processes are stopped for that.
    fn restore_store(&mut self, chance: &mut Chance) {
        if self.profile.swarm.weight(Fault::StoreRestored) == 0 || !chance.happens(64) {
            return;
        }
        let Some(backup) = self.backup.take() else {
            self.backup = Some(self.site.store.backup());
            return;
        };
        (0..self.workers.len()).for_each(|worker| self.crash(worker));
        self.site.store.restore(&backup);
        let mut watch = self.site.watch();
        watch.strike(Fault::StoreRestored);
        watch.store_restored();
    }

    /// Salesforce shows our user its records, or none: then it answers as if there were no such records.
    fn share_records(&mut self, shared: bool) {
        self.site.watch().log(format_args!("ADMIN records are shared: {shared}"));
        self.site.unshared.store(!shared, Ordering::Relaxed);
        self.disturbed |= !shared;
    }

    /// Hidden things are shown again, and what was narrowed is wide.
    pub fn set_to_rights(&mut self) {
        self.share_records(true);
        for (object, names) in [("Contact", ["Title", "Phone"]), ("Account", ["Description", "Phone"])] {
            self.salesforce_is("schema", &json!({"object": object, "hidden": false}));
            for name in names {
                self.salesforce_is(
                    "schema",
                    &json!({"object": object, "field": name, "hidden": false, "read_only": false}),
                );
            }
        }
        self.salesforce_is(
            "schema",
            &json!({"object": "Contact", "field": "Title", "length": 128, "picklist": false}),
        );
        for (_, choice) in INTERESTS {
            self.salesforce_is(
                "schema",
                &json!({"object": "Contact", "field": "Interests__c", "add_value": choice}),
            );
        }
        self.activate_owner(true);
        self.disturbed = false;
    }

    /// A colleague goes on leave, or comes back.
    fn activate_owner(&mut self, active: bool) {
        let user = owner_id(Side::Salesforce, COLLEAGUE);
        let request = Request::patch(format!("/services/data/v66.0/sobjects/User/{user}"))
            .body(Bytes::from(json!({ "IsActive": active }).to_string()));
        if let Ok(request) = request {
            let answer = self.site.arrive(Side::Salesforce, Caller::Person, &request);
            self.site
                .watch()
                .log(format_args!("ADMIN {user} is active: {active}: {}", answer.status().as_u16()));
        }
        self.disturbed |= !active;
    }

    /// An administrator changes the organisation.
    pub fn salesforce_is(&self, what: &str, body: &Value) {
        let request = Request::post(format!("/__sandbox/{what}")).body(Bytes::from(body.to_string()));
        if let Ok(request) = request {
            let answer = self.site.arrive(Side::Salesforce, Caller::Person, &request);
            self.site.watch().log(format_args!("ADMIN {body}: {}", answer.status().as_u16()));
        }
    }

    /// Both sides rewrite what they store, and a workflow follows edits.
    pub fn set_rules(&self) {
        use concord_sandbox::hubspot::{Rewrite, Rules};
        let mut rules = Vec::new();
        if self.profile.swarm.weight(Fault::Rewriting) > 0 {
            self.site.watch().strike(Fault::Rewriting);
            rules.push(json!({"phone": {"object": "Contact", "field": "Phone"}}));
            rules.push(json!({"upper": {"object": "Contact", "field": "Title"}}));
            rules.push(json!({"lower": {"object": "Account", "field": "Description"}}));
            let rewrites = [("jobtitle".to_owned(), vec![Rewrite::Trim, Rewrite::LowerCase])];
            let rewrites = [("contacts".to_owned(), rewrites.into())].into();
            self.site.hubspot.machine().set_rules(Rules { rewrites, triggers: Vec::new() });
        }
        if self.profile.swarm.weight(Fault::Workflow) > 0 {
            self.site.watch().strike(Fault::Workflow);
            rules.push(json!({"trigger": {"object": "Account", "when": "Phone", "set": "Description",
                "to": "by a workflow", "after_s": 5}}));
        }
        if !rules.is_empty() {
            self.salesforce_is("rewrite", &json!({ "rules": rules }));
        }
    }
}
