//! Delete, undelete, purge and merge.

use serde_json::{Map, Value};

use super::Salesforce;
use super::answer::Refusal;
use super::change::{ChangeType, Context, Step, Values};
use super::id::Id;
use super::roles::ROLE;
use super::schema::Key;
use super::store::{Presence, Record};
use super::value::Stored;

/// Objects whose records go with the record that a field of theirs names (reference 6.5). That roles do is [K].
const CHILDREN: [(&str, &str, &str); 4] = [
    ("Account", "Contact", "AccountId"),
    ("Account", "Opportunity", "AccountId"),
    ("Contact", ROLE, "ContactId"),
    ("Opportunity", ROLE, "OpportunityId"),
];
/// Losers in one merge (reference 1.12: at most 3 records, the winner included).
pub(crate) const MERGE_LOSERS_MAX: usize = 2;

impl Salesforce {
    /// Puts a record, and what belongs to it, into the recycle bin.
    pub(crate) fn delete(&mut self, context: &Context, object: &'static str, id: &Id) -> Result<(), Refusal> {
        let record = self.living(object, id)?.clone();
        self.bin_with_children(context, object, record, None);
        Ok(())
    }

    fn bin_with_children(
        &mut self,
        context: &Context,
        object: &'static str,
        record: Record,
        with: Option<&Id>,
    ) {
        for (child, field) in children_of(object) {
            for id in self.children(child, field, record.id.as_str()) {
                if let Ok(child_record) = self.living(child, &id).cloned() {
                    self.bin_with_children(context, child, child_record, Some(&record.id));
                }
            }
        }
        self.bin(context, object, record, with.cloned(), None);
    }

    pub(crate) fn children(&self, child: &str, field: &str, parent: &str) -> Vec<Id> {
        let field = self.schema.any_object(child).and_then(|object| object.any_field(field));
        field.map(|field| self.store.alive_with(child, field, parent)).unwrap_or_default()
    }

    fn bin(
        &mut self,
        context: &Context,
        object: &'static str,
        mut record: Record,
        with: Option<Id>,
        winner: Option<&Id>,
    ) {
        record.presence = Presence::Deleted { at: context.now, with };
        let mut values = Values::from([("IsDeleted", Some(Stored::Boolean(true)))]);
        if let Some(winner) = winner {
            values.insert("MasterRecordId", Some(Stored::of_id(winner)));
        }
        for (field, value) in &values {
            record.set(field, value.clone());
        }
        self.keep(context, object, record, ChangeType::Delete, vec![Step { by: context.by, values }]);
    }

    /// Takes a record, and what went with it, out of the bin. A merged loser comes back without its children.
    pub(crate) fn undelete(
        &mut self,
        context: &Context,
        object: &'static str,
        id: &Id,
    ) -> Result<(), Refusal> {
        let record = self.in_bin(object, id)?.clone();
        self.check_still_unique(object, &record)?;
        self.restore_with_children(context, object, record)
    }

    fn restore_with_children(
        &mut self,
        context: &Context,
        object: &'static str,
        record: Record,
    ) -> Result<(), Refusal> {
        let id = record.id.clone();
        self.restore(context, object, record);
        for (child, field) in children_of(object) {
            for record in self.gone_with(child, field, &id) {
                self.check_still_unique(child, &record)?;
                self.restore_with_children(context, child, record)?;
            }
        }
        Ok(())
    }

    fn gone_with(&self, child: &str, field: &str, parent: &Id) -> Vec<Record> {
        let field = self.schema.any_object(child).and_then(|object| object.any_field(field));
        let (Some(field), Some(table)) = (field, self.store.table(child)) else { return Vec::new() };
        let ids = table.with_key(field.name, parent.as_str()).into_iter().flatten();
        let went = |record: &&Record| match &record.presence {
            Presence::Deleted { with, .. } => with.as_ref() == Some(parent),
            Presence::Alive | Presence::Purged { .. } => false,
        };
        ids.filter_map(|id| table.get(id)).filter(went).cloned().collect()
    }

    fn in_bin(&self, object: &str, id: &Id) -> Result<&Record, Refusal> {
        match self.store.get(object, id) {
            Some(record) if !record.is_alive() => Ok(record),
            Some(_alive) => {
                Err(Refusal::bad("UNDELETE_FAILED", "Entity is not in the recycle bin").about(&[]))
            }
            None => Err(Refusal::invalid_cross_reference()),
        }
    }

    fn check_still_unique(&self, object: &str, record: &Record) -> Result<(), Refusal> {
        let Some(object) = self.schema.any_object(object) else { return Ok(()) };
        for field in object.fields.iter().filter(|field| field.key == Key::UniqueExternal) {
            let Some(text) = record.get(field.name).and_then(Stored::text) else { continue };
            if let Some(other) = self.store.alive_with(object.name, field, text).first() {
                let message = format!(
                    "duplicate value found: {} duplicates value on record with id: {}",
                    field.name,
                    &other.as_str()[..15]
                );
                return Err(Refusal::bad("DUPLICATE_VALUE", message).about(&[]));
            }
        }
        Ok(())
    }

    fn restore(&mut self, context: &Context, object: &'static str, mut record: Record) {
        record.presence = Presence::Alive;
        let mut values = Values::from([("IsDeleted", Some(Stored::Boolean(false)))]);
        if record.get("MasterRecordId").is_some() {
            values.insert("MasterRecordId", None);
        }
        if self.is_outdone(object, &record) {
            values.insert("IsPrimary", Some(Stored::Boolean(false)));
        }
        for (field, value) in &values {
            record.set(field, value.clone());
        }
        self.keep(context, object, record, ChangeType::Undelete, vec![Step { by: context.by, values }]);
    }

    /// Removes a record from the bin for good. Nothing tells of it (reference 4.1).
    pub(crate) fn purge(&mut self, object: &'static str, id: &Id) -> Result<(), Refusal> {
        self.in_bin(object, id)?;
        self.store.purge(object, id);
        Ok(())
    }

    /// Folds the losers into the winner: their children move to it, they go to the bin with its id.
    pub(crate) fn merge(
        &mut self,
        context: &Context,
        object: &'static str,
        winner: &Id,
        body: &Map<String, Value>,
        losers: &[Id],
    ) -> Result<(), Refusal> {
        if losers.is_empty() || losers.len() > MERGE_LOSERS_MAX || losers.contains(winner) {
            let message = format!("a merge takes 1 to {MERGE_LOSERS_MAX} records besides the master record");
            return Err(Refusal::bad("INVALID_FIELD", message).about(&[]));
        }
        self.living(object, winner)?;
        for loser in losers {
            let record = self.living(object, loser)?.clone();
            self.move_children(context, object, loser, winner)?;
            self.bin(context, object, record, None, Some(winner));
        }
        if body.is_empty() { Ok(()) } else { self.update(context, object, winner, body) }
    }

    fn move_children(&mut self, context: &Context, object: &str, from: &Id, to: &Id) -> Result<(), Refusal> {
        for (child, field) in children_of(object) {
            for id in self.children(child, field, from.as_str()) {
                let record = self.living(child, &id)?.clone();
                let values = Values::from([(field, Some(Stored::of_id(to)))]);
                self.update_values(context, child, record, values)?;
            }
        }
        Ok(())
    }
}

/// The objects whose records go with one of this object, and the field that names it.
fn children_of(object: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    CHILDREN.into_iter().filter(move |(parent, ..)| *parent == object).map(|(_, child, field)| (child, field))
}
