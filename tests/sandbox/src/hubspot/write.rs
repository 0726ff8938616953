//! The one path by which values come into a record: check, rewrite, store, derive, tell, and set off triggers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::HubSpot;
use super::defaults::LIFECYCLE_STAGES;
use super::rules::TRIGGER_ROUNDS_MAX;
use super::schema::{COMPANY, CONTACT, DEAL, TypeIndex, Writing};
use super::store::{Record, Set, Who, unique_key};
use super::value::{self, Invalid};
use super::wire::{Refusal, plus_ms};

/// When and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Actor {
    pub(super) now: Timestamp,
    pub(super) who: Who,
}

/// The values of a write that has been checked.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    sets: Vec<Set>,
    /// The names in the request: the answer shows them.
    pub(super) named: Vec<String>,
}

/// Unique values that earlier inputs of the same batch are about to take.
pub(super) type Claims = BTreeSet<(String, String)>;

impl HubSpot {
    /// Checks a write without doing it. `existing` is the record to be changed, none for a new one.
    pub(super) fn prepare(
        &self,
        object: TypeIndex,
        existing: Option<u64>,
        wanted: &BTreeMap<String, Value>,
        who: Who,
        claims: &mut Claims,
    ) -> Result<Prepared, Refusal> {
        let of_type = &self.types[object.0];
        let record = existing.and_then(|id| of_type.store.live(id));
        let mut sets = Vec::new();
        let mut faults = Vec::new();
        for (name, given) in wanted {
            match self.checked(object, record, name, &value::text(given)) {
                Ok(value) if name == "lifecyclestage" && who == Who::Api && goes_back(record, &value) => {}
                Ok(value) => {
                    let value = self.config.rules.rewritten(&of_type.plural, name, value);
                    sets.push(Set { name: name.clone(), value, who });
                }
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(value::refused(self.config.portal_id, &faults));
        }
        if existing.is_none() {
            missing(object, &sets)?;
        }
        for set in &sets {
            self.claim(object, existing, set, claims)?;
        }
        Ok(Prepared { sets, named: wanted.keys().cloned().collect() })
    }

    fn checked(
        &self,
        object: TypeIndex,
        record: Option<&Record>,
        name: &str,
        given: &str,
    ) -> Result<String, Invalid> {
        let Some(property) = self.types[object.0].property(name) else {
            let message = format!("Property \"{name}\" does not exist");
            return Err(Invalid::new(name, "PROPERTY_DOESNT_EXIST", message));
        };
        if property.writing == Writing::ReadOnly {
            let message = format!("\"{name}\" is a read only property; its value cannot be set.");
            return Err(Invalid::new(name, "READ_ONLY_VALUE", message));
        }
        if property.is_owner() && !given.is_empty() && !self.has_owner(given) {
            // The code is from memory: no source was opened for it.
            let message = format!("Owner {given} does not exist.");
            return Err(Invalid::new(name, "INVALID_OWNER_ID", message));
        }
        self.check_primary(object, name, given)?;
        value::stored(property, given, record.and_then(|record| record.current(name)))
    }

    /// Refuses a unique value that another live record, or another input of the batch, has.
    fn claim(
        &self,
        object: TypeIndex,
        existing: Option<u64>,
        set: &Set,
        claims: &mut Claims,
    ) -> Result<(), Refusal> {
        let of_type = &self.types[object.0];
        if set.value.is_empty() || !of_type.is_unique(&set.name) {
            return Ok(());
        }
        if let Some(holder) = of_type.store.holder(&set.name, &set.value).filter(|id| Some(*id) != existing) {
            return Err(self.taken(object, existing, set, holder));
        }
        if !claims.insert((set.name.clone(), unique_key(&set.name, &set.value))) {
            let message = format!("Duplicate values for unique property {} in batch input.", set.name);
            return Err(Refusal::invalid(message));
        }
        Ok(())
    }

    /// E-mail: the documented 409. Custom unique properties: 400 with a text that names the holder; "already has
    /// that value" is seen in third-party code, the rest of the wording and the code are unverified.
    fn taken(&self, object: TypeIndex, existing: Option<u64>, set: &Set, holder: u64) -> Refusal {
        if object == CONTACT && set.name == "email" {
            let message = format!("Contact already exists. Existing ID: {holder}");
            return Refusal::new(409, message).with("category", json!("CONFLICT"));
        }
        let target = existing.map_or_else(String::new, |id| format!(" on {id}"));
        let message = format!(
            "Cannot set PropertyValueCoordinates{{portalId={}, objectTypeId={}, propertyName={}, value={}}}{target}. \
             {holder} already has that value.",
            self.config.portal_id, self.types[object.0].type_id, set.name, set.value
        );
        value::refused(self.config.portal_id, &[Invalid::new(&set.name, "CONFLICTING_UNIQUE_VALUE", message)])
    }

    /// Makes a record of checked values. The stamp returned is that of the write itself: what triggers do later
    /// is not in the answer.
    pub(super) fn create(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        prepared: &Prepared,
    ) -> (u64, Timestamp) {
        let store = &mut self.types[object.0].store;
        let id = store.allot();
        store.insert(Record::new(id, actor.now));
        let mut sets = prepared.sets.clone();
        sets.retain(|set| !set.value.is_empty());
        sets.extend(derived(object, id, None, &sets));
        let changed = self.types[object.0].store.first_write(id, &sets);
        self.tell_created(object, id, actor.now, actor.who, &changed);
        self.associate_primary(object, id, actor, &changed);
        if let Some(ms) = self.bump_after(object) {
            self.bumps.insert((plus_ms(actor.now, ms), object, id));
        }
        self.set_off_triggers(object, id, actor.now, changed);
        (id, actor.now)
    }

    /// Changes a record by checked values. Returns the stamp of the write.
    pub(super) fn update(
        &mut self,
        object: TypeIndex,
        id: u64,
        actor: Actor,
        prepared: &Prepared,
    ) -> Timestamp {
        let record = self.types[object.0].store.live(id);
        let mut sets = prepared.sets.clone();
        sets.extend(derived(object, id, record, &sets));
        let (at, changed) = self.types[object.0].store.write(id, actor.now, &sets);
        self.tell_changed(object, id, at, &changed);
        self.associate_primary(object, id, actor, &changed);
        self.set_off_triggers(object, id, actor.now, changed);
        at
    }

    fn bump_after(&self, object: TypeIndex) -> Option<i64> {
        match object {
            CONTACT => self.config.bumps.contact_ms,
            COMPANY => self.config.bumps.company_ms,
            TypeIndex(_) => None,
        }
    }

    /// Runs the triggers that a change sets off, and those that these set off. Each is a write of its own.
    fn set_off_triggers(&mut self, object: TypeIndex, id: u64, now: Timestamp, changed: Vec<Set>) {
        let mut changed = changed;
        for _ in 0..TRIGGER_ROUNDS_MAX {
            let effects = self.config.rules.set_off(&self.types[object.0].plural, &changed);
            let sets: Vec<Set> = effects
                .iter()
                .filter_map(|(name, value)| self.trigger_set(object, id, name, value))
                .collect();
            if sets.is_empty() {
                return;
            }
            let (at, now_changed) = self.types[object.0].store.write(id, now, &sets);
            self.tell_changed(object, id, at, &now_changed);
            changed = now_changed;
        }
    }

    /// What a trigger writes; nothing where the value is not one that the property takes, or must be unique.
    fn trigger_set(&self, object: TypeIndex, id: u64, name: &str, value: &str) -> Option<Set> {
        let of_type = &self.types[object.0];
        let value = self.checked(object, of_type.store.live(id), name, value).ok()?;
        let value = self.config.rules.rewritten(&of_type.plural, name, value);
        (!of_type.is_unique(name)).then(|| Set { name: name.to_owned(), value, who: Who::Trigger })
    }

    /// The names that the answer to a write shows: recorded answers show a contact's dates and id only when it is
    /// made, a company's always; what was derived is shown beside what was written.
    pub(super) fn answered_names(&self, object: TypeIndex, named: &[String], made: bool) -> Vec<String> {
        let of_type = &self.types[object.0];
        let mut names = named.to_vec();
        names.push(of_type.modified.to_owned());
        if made || object != CONTACT {
            names.extend([of_type.created.to_owned(), "hs_object_id".to_owned()]);
        }
        if object == CONTACT && made {
            names.extend(CONTACT_MARKS.map(str::to_owned));
        }
        if object == CONTACT && named.iter().any(|name| name == "email") {
            names.push("hs_email_domain".to_owned());
        }
        if object == COMPANY && named.iter().any(|name| name == "domain") {
            names.push("website".to_owned());
        }
        names
    }
}

const CONTACT_MARKS: [&str; 4] = ["hs_all_contact_vids", "hs_is_contact", "hs_is_unworked", "hs_pipeline"];

/// Whether a stage would go backwards, which a program cannot do without clearing it first. That the old stage
/// silently stays, instead of an error, is unverified.
fn goes_back(record: Option<&Record>, value: &str) -> bool {
    let rank = |stage: &str| LIFECYCLE_STAGES.iter().position(|known| *known == stage);
    let current = record.and_then(|record| record.current("lifecyclestage")).and_then(rank);
    matches!((current, rank(value)), (Some(current), Some(next)) if next < current)
}

/// API pages "companies" and "deals": what a new record must have. The wording is unverified.
fn missing(object: TypeIndex, sets: &[Set]) -> Result<(), Refusal> {
    let given = |name: &&str| sets.iter().any(|set| set.name == *name && !set.value.is_empty());
    let complete = match object {
        COMPANY => ["name", "domain"].iter().any(given),
        DEAL => ["dealname", "dealstage", "pipeline"].iter().all(given),
        TypeIndex(_) => true,
    };
    let refusal = || Refusal::invalid("Error creating record. Some required properties were not set.");
    complete.then_some(()).ok_or_else(refusal)
}

/// What HubSpot fills in by itself.
fn derived(object: TypeIndex, id: u64, record: Option<&Record>, sets: &[Set]) -> Vec<Set> {
    let given = |name: &str| sets.iter().find(|set| set.name == name).map(|set| set.value.as_str());
    let own = |name: &str, value: String| Set { name: name.to_owned(), value, who: Who::System };
    let mut derived = Vec::new();
    if object == CONTACT {
        if record.is_none() {
            let [vids, is_contact, unworked, pipeline] = CONTACT_MARKS;
            derived.push(own(vids, id.to_string()));
            derived.push(own(is_contact, "true".to_owned()));
            derived.push(own(unworked, "true".to_owned()));
            derived.push(own(pipeline, "contacts-lifecycle-pipeline".to_owned()));
        }
        if let Some(email) = given("email") {
            let domain = email.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
            derived.push(own("hs_email_domain", domain.to_lowercase()));
        }
    }
    if object == COMPANY
        && let Some(domain) = given("domain")
    {
        let has_website = record.is_some_and(|record| record.current("website").is_some());
        if given("website").is_none() && !has_website && !domain.is_empty() {
            derived.push(own("website", domain.to_owned()));
        }
    }
    derived
}
