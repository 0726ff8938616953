//! The records of one object type: versions of every property, aliases of merged records, and the indexes that
//! keep reads and searches from walking over all of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::wire::plus_ms;

/// The additional addresses of a contact, unique together with its `email`.
pub(super) const ADDITIONAL_EMAILS: &str = "hs_additional_emails";

/// Who made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// The app, by its token.
    Api,
    /// The person at the screen.
    Person,
    /// A workflow of the portal.
    Trigger,
    /// HubSpot itself: derived values.
    System,
}

/// One value that a property has had; `""` is a cleared one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) value: String,
    pub(super) at: Timestamp,
    pub(super) who: Who,
}

/// One property to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) who: Who,
}

/// What happens to a record as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Archived,
    Restored,
    Merged,
    Erased,
}

/// One record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) created: Timestamp,
    /// Strictly later with every change.
    pub(super) updated: Timestamp,
    /// Since when it stands where a search can find it: its creation, its restoral, or the merge that made it.
    pub(super) standing_since: Timestamp,
    pub(super) archived_at: Option<Timestamp>,
    /// Every modified date it has had, rising.
    pub(super) stamps: Vec<Timestamp>,
    /// Oldest first.
    pub(super) versions: BTreeMap<String, Vec<Version>>,
    pub(super) turns: Vec<(Timestamp, Who, Turn)>,
    pub(super) merged_into: Option<u64>,
}

impl Record {
    /// An empty record.
    pub(super) fn new(id: u64, at: Timestamp) -> Self {
        Self {
            id,
            created: at,
            updated: at,
            standing_since: at,
            archived_at: None,
            stamps: vec![at],
            versions: BTreeMap::new(),
            turns: Vec::new(),
            merged_into: None,
        }
    }

    /// The value now; a cleared property has none.
    pub(super) fn current(&self, name: &str) -> Option<&str> {
        self.last(name).filter(|value| !value.is_empty())
    }

    /// The last value set; `""` if it was cleared.
    fn last(&self, name: &str) -> Option<&str> {
        self.versions.get(name)?.last().map(|version| version.value.as_str())
    }

    /// The value as it was at a moment.
    pub(super) fn at(&self, name: &str, moment: Timestamp) -> Option<&str> {
        let version = self.versions.get(name)?.iter().rev().find(|version| version.at <= moment)?;
        Some(version.value.as_str()).filter(|value| !value.is_empty())
    }

    /// The modified date as it was at a moment.
    pub(super) fn modified_at(&self, moment: Timestamp) -> Timestamp {
        self.stamps.iter().rev().find(|stamp| **stamp <= moment).copied().unwrap_or(self.created)
    }

    /// The stamp of a change made now.
    pub(super) fn next_stamp(&self, now: Timestamp) -> Timestamp {
        now.max(plus_ms(self.updated, 1))
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.current(ADDITIONAL_EMAILS).unwrap_or_default().split(';').filter(|one| !one.is_empty())
    }
}

/// All records of one type.
#[derive(Debug)]
pub(super) struct Store {
    /// Live and archived ones.
    pub(super) records: BTreeMap<u64, Record>,
    /// Ids of merged records, and what they mean now.
    aliases: BTreeMap<u64, u64>,
    /// Merged and erased records, kept for the checkers.
    pub(super) gone: BTreeMap<u64, Record>,
    /// Live and archived records in the order of their last change.
    pub(super) by_modified: BTreeSet<(Timestamp, u64)>,
    pub(super) archived: BTreeSet<u64>,
    /// Property -> value -> the live record that holds it.
    unique: BTreeMap<String, BTreeMap<String, u64>>,
    next_id: u64,
}

impl Store {
    pub(super) fn new(first_id: u64) -> Self {
        Self {
            records: BTreeMap::new(),
            aliases: BTreeMap::new(),
            gone: BTreeMap::new(),
            by_modified: BTreeSet::new(),
            archived: BTreeSet::new(),
            unique: BTreeMap::new(),
            next_id: first_id,
        }
    }

    /// Keeps an index of a unique property from now on.
    pub(super) fn track(&mut self, property: &str) {
        self.unique.entry(property.to_owned()).or_default();
    }

    pub(super) fn allot(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    pub(super) fn live(&self, id: u64) -> Option<&Record> {
        self.records.get(&id).filter(|record| record.archived_at.is_none())
    }

    /// What an id means now that records were merged.
    pub(super) fn resolve(&self, id: u64) -> u64 {
        let mut id = id;
        while let Some(into) = self.aliases.get(&id) {
            id = *into;
        }
        id
    }

    pub(super) fn is_alias(&self, id: u64) -> bool {
        self.aliases.contains_key(&id)
    }

    /// The live record that holds a unique value.
    pub(super) fn holder(&self, property: &str, value: &str) -> Option<u64> {
        self.unique.get(property)?.get(&unique_key(property, value)).copied()
    }

    pub(super) fn insert(&mut self, record: Record) {
        self.by_modified.insert((record.updated, record.id));
        self.index(&record);
        self.records.insert(record.id, record);
    }

    /// Sets properties of a record, all under one stamp. What holds the value already gets no new version, and a
    /// record of which nothing changes keeps its stamp. Clearing what never had a value makes a version: recorded
    /// searches show `""` after it. Returns what changed.
    pub(super) fn write(&mut self, id: u64, now: Timestamp, sets: &[Set]) -> (Timestamp, Vec<Set>) {
        let Some(mut record) = self.remove(id) else { return (now, Vec::new()) };
        let differs = |set: &&Set| record.last(&set.name) != Some(set.value.as_str());
        let changed: Vec<Set> = sets.iter().filter(differs).cloned().collect();
        let stamp = if changed.is_empty() { record.updated } else { record.next_stamp(now) };
        for set in &changed {
            let version = Version { value: set.value.clone(), at: stamp, who: set.who };
            record.versions.entry(set.name.clone()).or_default().push(version);
        }
        if !changed.is_empty() {
            record.updated = stamp;
            record.stamps.push(stamp);
        }
        self.insert(record);
        (stamp, changed)
    }

    /// Sets the first properties of a record that has just been made, under the stamp of its creation.
    pub(super) fn first_write(&mut self, id: u64, sets: &[Set]) -> Vec<Set> {
        let Some(mut record) = self.remove(id) else { return Vec::new() };
        for set in sets {
            let version = Version { value: set.value.clone(), at: record.created, who: set.who };
            record.versions.insert(set.name.clone(), vec![version]);
        }
        self.insert(record);
        sets.to_vec()
    }

    /// Sets properties of a record that a merge has just made, under the stamp of the merge.
    pub(super) fn write_at(&mut self, id: u64, at: Timestamp, sets: &[Set]) {
        let Some(mut record) = self.remove(id) else { return };
        for set in sets {
            let version = Version { value: set.value.clone(), at, who: set.who };
            record.versions.entry(set.name.clone()).or_default().push(version);
        }
        self.insert(record);
    }

    /// Drops the values of the records that were merged into an erased one.
    pub(super) fn forget_merged_into(&mut self, id: u64) {
        let aliases = &self.aliases;
        let leads_here = |mut from: u64| {
            while let Some(into) = aliases.get(&from) {
                from = *into;
            }
            from == id
        };
        for (gone, record) in &mut self.gone {
            if leads_here(*gone) {
                record.versions.clear();
            }
        }
    }

    pub(super) fn is_tracked(&self, property: &str) -> bool {
        self.unique.contains_key(property)
    }

    /// Moves the modified date although nothing changed.
    pub(super) fn bump(&mut self, id: u64, due: Timestamp) {
        let late = self.live(id).is_none_or(|record| record.updated >= due);
        if late {
            return;
        }
        if let Some(mut record) = self.remove(id) {
            record.updated = due;
            record.stamps.push(due);
            self.insert(record);
        }
    }

    /// Puts a record into the bin or takes it out again.
    pub(super) fn turn(&mut self, id: u64, now: Timestamp, who: Who, turn: Turn) -> Option<Timestamp> {
        let mut record = self.remove(id)?;
        let stamp = record.next_stamp(now);
        record.updated = stamp;
        record.stamps.push(stamp);
        record.turns.push((stamp, who, turn));
        match turn {
            Turn::Archived => {
                record.archived_at = Some(stamp);
                self.archived.insert(id);
            }
            Turn::Restored => {
                record.archived_at = None;
                record.standing_since = stamp;
                self.archived.remove(&id);
            }
            Turn::Merged | Turn::Erased => {}
        }
        self.insert(record);
        Some(stamp)
    }

    /// Takes a record away for good: merged into another, or erased with its values.
    pub(super) fn retire(
        &mut self,
        id: u64,
        now: Timestamp,
        who: Who,
        into: Option<u64>,
    ) -> Option<Timestamp> {
        let mut record = self.remove(id)?;
        self.archived.remove(&id);
        let stamp = record.next_stamp(now);
        record.merged_into = into;
        record.archived_at = Some(stamp);
        match into {
            Some(winner) => {
                record.turns.push((stamp, who, Turn::Merged));
                self.aliases.insert(id, winner);
            }
            None => {
                record.versions.clear();
                record.turns.push((stamp, who, Turn::Erased));
            }
        }
        self.gone.insert(id, record);
        Some(stamp)
    }

    /// Takes away for good what went to the bin before `limit`.
    pub(super) fn empty_the_bin(&mut self, limit: Timestamp) {
        let is_old = |id: &u64| self.records.get(id)?.archived_at.filter(|at| *at < limit).map(|_| *id);
        let old: Vec<u64> = self.archived.iter().filter_map(is_old).collect();
        for id in old {
            self.archived.remove(&id);
            let Some(record) = self.remove(id) else { continue };
            self.gone.insert(id, record);
        }
    }

    /// Takes a record out of the indexes, to be changed and inserted again.
    fn remove(&mut self, id: u64) -> Option<Record> {
        let record = self.records.remove(&id)?;
        self.by_modified.remove(&(record.updated, id));
        for (property, index) in &mut self.unique {
            let addresses = record.addresses().filter(|_| property == "email");
            for value in record.current(property).into_iter().chain(addresses) {
                let key = unique_key(property, value);
                if index.get(&key) == Some(&id) {
                    index.remove(&key);
                }
            }
        }
        Some(record)
    }

    fn index(&mut self, record: &Record) {
        if record.archived_at.is_some() {
            return;
        }
        for (property, index) in &mut self.unique {
            let addresses = record.addresses().filter(|_| property == "email");
            for value in record.current(property).into_iter().chain(addresses) {
                index.insert(unique_key(property, value), record.id);
            }
        }
    }
}

/// Addresses are the same whatever their case; other unique values are compared as they are.
pub(super) fn unique_key(property: &str, value: &str) -> String {
    if property == "email" { value.to_lowercase() } else { value.to_owned() }
}
