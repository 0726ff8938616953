//! Delete, undelete, purge and merge.

use serde_json::{Map, Value};

use super::Salesforce;
use super::answer::Refusal;
use super::change::{ChangeType, Context, Step, Values};
use super::id::Id;
use super::schema::Key;
use super::store::{Presence, Record};
use super::value::Stored;

/// Objects whose records go with their account (reference 6.5).
const CHILDREN_OF_ACCOUNT: [&str; 2] = ["Contact", "Opportunity"];
/// Losers in one merge (reference 1.12: at most 3 records, the winner included).
pub(crate) const MERGE_LOSERS_MAX: usize = 2;

impl Salesforce {
    /// Puts a record, and what belongs to it, into the recycle bin.
    pub(crate) fn delete(&mut self, context: &Context, object: &'static str, id: &Id) -> Result<(), Refusal> {
        let record = self.living(object, id)?.clone();
        if object == "Account" {
            for child in CHILDREN_OF_ACCOUNT {
                for child_id in self.children(child, id) {
                    let record = self.living(child, &child_id)?.clone();
                    self.bin(context, child, record, Some(id.clone()), None);
                }
            }
        }
        self.bin(context, object, record, None, None);
        Ok(())
    }

    fn children(&self, child: &str, parent: &Id) -> Vec<Id> {
        let field = self.schema.any_object(child).and_then(|object| object.any_field("AccountId"));
        field.map(|field| self.store.alive_with(child, field, parent.as_str())).unwrap_or_default()
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
        self.restore(context, object, record);
        for child in CHILDREN_OF_ACCOUNT {
            for record in self.gone_with(child, id) {
                self.check_still_unique(child, &record)?;
                self.restore(context, child, record);
            }
        }
        Ok(())
    }

    fn gone_with(&self, child: &str, parent: &Id) -> Vec<Record> {
        let field = self.schema.any_object(child).and_then(|object| object.any_field("AccountId"));
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
            if object == "Account" {
                self.move_children(context, loser, winner)?;
            }
            self.bin(context, object, record, None, Some(winner));
        }
        if body.is_empty() { Ok(()) } else { self.update(context, object, winner, body) }
    }

    fn move_children(&mut self, context: &Context, from: &Id, to: &Id) -> Result<(), Refusal> {
        for child in CHILDREN_OF_ACCOUNT {
            for id in self.children(child, from) {
                let record = self.living(child, &id)?.clone();
                let values = Values::from([("AccountId", Some(Stored::of_id(to)))]);
                self.update_values(context, child, record, values)?;
            }
        }
        Ok(())
    }
}
