//! The records, and indexes by id, by `SystemModstamp` and by the fields that identify a record, so that no
//! ordinary question scans an object.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::id::Id;
use super::schema::{Field, Object, Schema};
use super::value::Stored;

/// Whether a record is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    Alive,
    /// In the recycle bin.
    Deleted {
        at: Timestamp,
        /// The parent whose delete took it along, and whose undelete brings it back.
        with: Option<Id>,
    },
    /// Gone for good; kept for [`super::Salesforce`]'s truth only.
    Purged {
        deleted_at: Timestamp,
    },
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: Id,
    pub(crate) fields: BTreeMap<&'static str, Stored>,
    pub(crate) presence: Presence,
}

impl Record {
    pub(crate) fn get(&self, field: &str) -> Option<&Stored> {
        self.fields.get(field)
    }

    pub(crate) fn set(&mut self, field: &'static str, value: Option<Stored>) {
        match value {
            Some(value) => self.fields.insert(field, value),
            None => self.fields.remove(field),
        };
    }

    pub(crate) fn stamp(&self, field: &str) -> Timestamp {
        self.get(field).and_then(Stored::instant).unwrap_or(Timestamp::MIN)
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.presence == Presence::Alive
    }

    pub(crate) fn is_purged(&self) -> bool {
        matches!(self.presence, Presence::Purged { .. })
    }
}

/// The records of one object.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: BTreeMap<Id, Record>,
    by_stamp: BTreeSet<(Timestamp, Id)>,
    by_key: BTreeMap<&'static str, BTreeMap<String, BTreeSet<Id>>>,
}

impl Table {
    pub(crate) fn rows(&self) -> &BTreeMap<Id, Record> {
        &self.rows
    }

    pub(crate) fn get(&self, id: &Id) -> Option<&Record> {
        self.rows.get(id)
    }

    /// Ids in the order of their stamps, from `from` on.
    pub(crate) fn since(&self, from: Timestamp) -> impl Iterator<Item = &(Timestamp, Id)> {
        let first = (from, Id::least());
        self.by_stamp.range(first..)
    }

    /// Records whose indexed field holds this text, whatever its case. Deleted ones too.
    pub(crate) fn with_key(&self, field: &str, text: &str) -> Option<&BTreeSet<Id>> {
        self.by_key.get(field)?.get(&text.to_lowercase())
    }

    fn put(&mut self, indexed: &[&'static str], record: Record) {
        self.remove(indexed, &record.id);
        self.by_stamp.insert((record.stamp("SystemModstamp"), record.id.clone()));
        for field in indexed {
            if let Some(text) = record.get(field).and_then(Stored::text) {
                let by_text = self.by_key.entry(field).or_default();
                by_text.entry(text.to_lowercase()).or_default().insert(record.id.clone());
            }
        }
        self.rows.insert(record.id.clone(), record);
    }

    fn remove(&mut self, indexed: &[&'static str], id: &Id) -> Option<Record> {
        let record = self.rows.remove(id)?;
        self.by_stamp.remove(&(record.stamp("SystemModstamp"), id.clone()));
        for field in indexed {
            let Some(text) = record.get(field).and_then(Stored::text).map(str::to_lowercase) else {
                continue;
            };
            let Some(by_text) = self.by_key.get_mut(field) else { continue };
            let Some(ids) = by_text.get_mut(&text) else { continue };
            ids.remove(id);
            if ids.is_empty() {
                by_text.remove(&text);
            }
        }
        Some(record)
    }
}

/// All records.
#[derive(Debug)]
pub(crate) struct Store {
    tables: BTreeMap<&'static str, Table>,
    indexed: BTreeMap<&'static str, Vec<&'static str>>,
    serial: u64,
    /// Deleted records by the time of their delete.
    bin: BTreeSet<(Timestamp, &'static str, Id)>,
}

impl Store {
    pub(crate) fn new(schema: &Schema) -> Self {
        let fields = |object: &Object| {
            object.fields.iter().filter(|field| field.is_indexed()).map(|field| field.name).collect()
        };
        Self {
            tables: schema.objects().iter().map(|object| (object.name, Table::default())).collect(),
            indexed: schema.objects().iter().map(|object| (object.name, fields(object))).collect(),
            serial: 0,
            bin: BTreeSet::new(),
        }
    }

    pub(crate) fn tables(&self) -> &BTreeMap<&'static str, Table> {
        &self.tables
    }

    pub(crate) fn table(&self, object: &str) -> Option<&Table> {
        self.tables.get(object)
    }

    /// The record, unless it is purged.
    pub(crate) fn get(&self, object: &str, id: &Id) -> Option<&Record> {
        self.tables.get(object)?.get(id).filter(|record| !record.is_purged())
    }

    /// Living records whose indexed field holds this text.
    pub(crate) fn alive_with(&self, object: &str, field: &Field, text: &str) -> Vec<Id> {
        let Some(table) = self.tables.get(object) else { return Vec::new() };
        let ids = table.with_key(field.name, text).into_iter().flatten();
        ids.filter(|id| table.get(id).is_some_and(Record::is_alive)).cloned().collect()
    }

    /// The next record's id. Ids are never used twice, rolled back or not.
    pub(crate) fn next_id(&mut self, prefix: &str) -> Id {
        self.serial += 1;
        Id::numbered(prefix, self.serial)
    }

    /// Keeps the record and returns what stood in its place.
    pub(crate) fn put(&mut self, object: &'static str, record: Record) -> Option<Record> {
        let before = self.take(object, &record.id);
        if let Presence::Deleted { at, .. } = &record.presence {
            self.bin.insert((*at, object, record.id.clone()));
        }
        let indexed = self.indexed.get(object).map_or(&[][..], Vec::as_slice);
        self.tables.entry(object).or_default().put(indexed, record);
        before
    }

    /// Takes the record out, as if it had never been there.
    pub(crate) fn take(&mut self, object: &'static str, id: &Id) -> Option<Record> {
        let indexed = self.indexed.get(object).map_or(&[][..], Vec::as_slice);
        let record = self.tables.get_mut(object)?.remove(indexed, id)?;
        if let Presence::Deleted { at, .. } = &record.presence {
            self.bin.remove(&(*at, object, id.clone()));
        }
        Some(record)
    }

    /// Deleted records of the object with a delete time in `[from, until)`, oldest first.
    pub(crate) fn deleted(&self, object: &str, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Id)> {
        let within = self.bin.iter().filter(|(at, of, _)| *at >= from && *at < until && *of == object);
        within.map(|(at, _, id)| (*at, id.clone())).collect()
    }

    /// Removes for good what was deleted before `limit`.
    pub(crate) fn purge_before(&mut self, limit: Timestamp) {
        while let Some((at, object, id)) = self.bin.first().cloned() {
            if at >= limit {
                return;
            }
            self.purge(object, &id);
        }
    }

    /// Removes a record from the bin for good. False when it is not in the bin.
    pub(crate) fn purge(&mut self, object: &'static str, id: &Id) -> bool {
        let Some(mut record) = self.get(object, id).cloned() else { return false };
        let Presence::Deleted { at, .. } = record.presence else { return false };
        record.presence = Presence::Purged { deleted_at: at };
        self.put(object, record);
        true
    }
}
