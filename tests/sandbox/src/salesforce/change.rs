//! Changes of records inside transactions. A transaction keeps what stood before, so that it can be taken back
//! whole or in part, and ends in history and change events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Salesforce;
use super::answer::Refusal;
use super::convert::check_open;
use super::duplicate;
use super::event;
use super::id::Id;
use super::instant;
use super::rewrite;
use super::schema::{Key, Kind, Sight};
use super::store::{Presence, Record};
use super::value::{self, Stored};

/// Who made a change, as the truth tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Api,
    Person,
    Trigger,
}

impl By {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Person => "person",
            Self::Trigger => "trigger",
        }
    }
}

/// For whom and how something is done.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) now: Timestamp,
    pub(crate) sight: Sight,
    pub(crate) by: By,
    pub(crate) user: Id,
    /// `68.0`
    pub(crate) version: String,
    /// `changeOrigin` of the change events.
    pub(crate) origin: String,
    /// `Sforce-Duplicate-Rule-Header: allowSave=true`.
    pub(crate) allow_duplicates: bool,
}

/// The kind of a change event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeType {
    Create,
    Update,
    Delete,
    Undelete,
}

/// New values by field; `None` clears.
pub(crate) type Values = BTreeMap<&'static str, Option<Stored>>;

/// What one record went through in one transaction: one event of the first kind, with the final values.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) object: &'static str,
    pub(crate) id: Id,
    pub(crate) kind: ChangeType,
    pub(crate) fields: BTreeSet<&'static str>,
    pub(crate) steps: Vec<Step>,
}

/// A part of a change, for the history.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) by: By,
    pub(crate) values: Values,
}

/// An open transaction.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    undo: Vec<Undo>,
    changes: Vec<Change>,
}

/// What stood before one write: the record, and what the transaction knew of it.
#[derive(Debug)]
struct Undo {
    object: &'static str,
    id: Id,
    record: Option<Record>,
    change: Option<Change>,
}

/// One line of a record's history.
#[derive(Debug, Clone)]
pub(crate) struct HistoryLine {
    pub(crate) at: Timestamp,
    pub(crate) by: By,
    pub(crate) values: Values,
}

/// A change that a trigger makes after the transaction that set it off.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    pub(crate) object: &'static str,
    pub(crate) id: Id,
    pub(crate) set: String,
    pub(crate) to: Value,
}

impl Salesforce {
    /// Does `work` whole or not at all. Inside an open transaction, `work` becomes a part of it.
    pub(crate) fn atomically<T>(
        &mut self,
        context: &Context,
        work: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let outer = self.transaction.is_some();
        let mark = self.transaction.get_or_insert_default().undo.len();
        let result = work(self);
        if result.is_err() {
            self.roll_back_to(mark);
        }
        if !outer {
            self.commit(context);
        }
        result
    }

    fn roll_back_to(&mut self, mark: usize) {
        let Some(open) = &mut self.transaction else { return };
        for undo in open.undo.drain(mark..).rev() {
            open.changes.retain(|change| change.id != undo.id);
            open.changes.extend(undo.change);
            match undo.record {
                Some(record) => {
                    self.store.put(undo.object, record);
                }
                None => {
                    self.store.take(undo.object, &undo.id);
                }
            }
        }
    }

    fn commit(&mut self, context: &Context) {
        let Some(done) = self.transaction.take() else { return };
        if done.changes.is_empty() {
            return;
        }
        for change in &done.changes {
            let lines = self.history.entry(change.id.clone()).or_default();
            for step in &change.steps {
                lines.push(HistoryLine { at: context.now, by: step.by, values: step.values.clone() });
            }
            self.schedule_triggers(context, change);
        }
        self.commits += 1;
        let events = event::of_transaction(self, context, &done.changes);
        self.notices.extend(events);
    }

    fn schedule_triggers(&mut self, context: &Context, change: &Change) {
        if context.by == By::Trigger || matches!(change.kind, ChangeType::Delete | ChangeType::Undelete) {
            return;
        }
        for field in &change.fields {
            for late in rewrite::triggered(&self.rules, change.object, field) {
                let Some(after_s) = late.after_s else { continue };
                let place = (instant::seconds_after(context.now, after_s), self.commits, self.late.len());
                let id = change.id.clone();
                self.late.insert(place, Late { object: change.object, id, set: late.set, to: late.to });
            }
        }
    }

    /// Inserts a record from a JSON body.
    pub(crate) fn insert(
        &mut self,
        context: &Context,
        object: &'static str,
        body: &Map<String, Value>,
    ) -> Result<Id, Refusal> {
        let mut values = self.read_body(context, object, body)?;
        self.fill_defaults(context, object, &mut values);
        self.check_required(object, &values, None)?;
        self.check_values(object, &values, None)?;
        duplicate::check(self, context, object, &values)?;
        let prefix = self.schema.any_object(object).map_or("000", |object| object.prefix);
        let id = self.store.next_id(prefix);
        let second = Stored::Instant(instant::whole_second(context.now));
        let mut record = Record { id: id.clone(), fields: BTreeMap::new(), presence: Presence::Alive };
        record.set("Id", Some(Stored::of_id(&id)));
        record.set("CreatedDate", Some(second));
        record.set("CreatedById", Some(Stored::of_id(&context.user)));
        let steps = self.apply(context, object, &mut record, values);
        self.keep(context, object, record, ChangeType::Create, steps);
        self.unmark_others(context, object, &id);
        Ok(id)
    }

    /// Changes the sent fields of a living record. A change that changes nothing still moves its stamps [K].
    pub(crate) fn update(
        &mut self,
        context: &Context,
        object: &'static str,
        id: &Id,
        body: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let record = self.living(object, id)?.clone();
        check_open(&record)?;
        let values = self.read_body(context, object, body)?;
        self.update_values(context, object, record, values)
    }

    pub(crate) fn update_values(
        &mut self,
        context: &Context,
        object: &'static str,
        mut record: Record,
        values: Values,
    ) -> Result<(), Refusal> {
        self.check_required(object, &values, Some(&record))?;
        self.check_values(object, &values, Some(&record.id))?;
        let (id, steps) = (record.id.clone(), self.apply(context, object, &mut record, values));
        self.keep(context, object, record, ChangeType::Update, steps);
        self.unmark_others(context, object, &id);
        Ok(())
    }

    /// Runs the late triggers whose time has come, each as a transaction of the automation user.
    pub(crate) fn run_late_triggers(&mut self, now: Timestamp) {
        while let Some(entry) = self.late.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let ((at, _, _), late) = entry.remove_entry();
            let context = Context {
                now: at,
                sight: Sight::Person,
                by: By::Trigger,
                user: self.automation_user.clone(),
                version: self.newest_version(),
                origin: String::new(),
                allow_duplicates: true,
            };
            let body = Map::from_iter([(late.set.clone(), late.to.clone())]);
            let result =
                self.atomically(&context, |machine| machine.update(&context, late.object, &late.id, &body));
            if let Err(refusal) = result {
                tracing::debug!(code = refusal.code, "a late trigger's change was refused");
            }
        }
    }

    /// The living record, or the refusal that a write to it meets.
    pub(crate) fn living(&self, object: &str, id: &Id) -> Result<&Record, Refusal> {
        match self.store.get(object, id) {
            Some(record) if record.is_alive() => Ok(record),
            Some(_deleted) => Err(Refusal::is_deleted()),
            None => Err(Refusal::invalid_cross_reference()),
        }
    }

    fn fill_defaults(&self, context: &Context, object: &str, values: &mut Values) {
        let Some(object) = self.schema.any_object(object) else { return };
        for field in object.fields.iter().filter(|field| field.kind == Kind::Boolean) {
            values.entry(field.name).or_insert(Some(Stored::Boolean(false)));
        }
        for field in object.fields.iter().filter(|field| field.defaulted && field.kind == Kind::Picklist) {
            let first = field.values.first().cloned().map(Stored::Text);
            values.entry(field.name).or_insert(first);
        }
        let is_owned = object.any_field("OwnerId").is_some();
        if is_owned && values.get("OwnerId").is_none_or(Option::is_none) {
            values.insert("OwnerId", Some(Stored::of_id(&context.user)));
        }
    }

    fn check_required(&self, object: &str, values: &Values, before: Option<&Record>) -> Result<(), Refusal> {
        let Some(object) = self.schema.any_object(object) else { return Ok(()) };
        let missing: Vec<&str> = object
            .fields
            .iter()
            .filter(|field| field.required)
            .filter(|field| match values.get(field.name) {
                Some(value) => value.is_none(),
                None => before.is_none(),
            })
            .map(|field| field.name)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("Required fields are missing: [{}]", missing.join(", "));
        Err(Refusal::bad("REQUIRED_FIELD_MISSING", message).about(&missing))
    }

    /// References must lead to living records, unique values must be nobody else's.
    fn check_values(&self, object: &str, values: &Values, own: Option<&Id>) -> Result<(), Refusal> {
        let Some(object) = self.schema.any_object(object) else { return Ok(()) };
        for (name, stored) in values {
            let (Some(field), Some(text)) = (object.any_field(name), stored.as_ref().and_then(Stored::text))
            else {
                continue;
            };
            if let Kind::Reference { to, .. } = field.kind
                && self.store.table(to).is_some()
            {
                let id = Id::parse(text).ok_or_else(Refusal::invalid_cross_reference)?;
                let there = self.living(to, &id).map_err(|refusal| Refusal { status: 400, ..refusal })?;
                if name == &"OwnerId" && there.get("IsActive") == Some(&Stored::Boolean(false)) {
                    let message = format!("operation performed with inactive user [{id}] as owner");
                    return Err(Refusal::bad("INACTIVE_OWNER_OR_USER", message).about(&["OwnerId"]));
                }
            }
            if field.key == Key::UniqueExternal
                && let Some(other) =
                    self.store.alive_with(object.name, field, text).into_iter().find(|id| Some(id) != own)
            {
                // The other record's id comes in 15 characters [K].
                let message = format!(
                    "duplicate value found: {name} duplicates value on record with id: {}",
                    &other.as_str()[..15]
                );
                return Err(Refusal::bad("DUPLICATE_VALUE", message).about(&[]));
            }
        }
        Ok(())
    }

    /// Puts the values on the record, then what triggers of this transaction set. Returns what really changed.
    fn apply(
        &self,
        context: &Context,
        object: &'static str,
        record: &mut Record,
        values: Values,
    ) -> Vec<Step> {
        let changed = put_values(record, values);
        let mut steps = vec![Step { by: context.by, values: changed }];
        if context.by == By::Trigger {
            return steps;
        }
        let set: Vec<_> =
            steps[0].values.keys().flat_map(|field| rewrite::triggered(&self.rules, object, field)).collect();
        for trigger in set.into_iter().filter(|trigger| trigger.after_s.is_none()) {
            let Some(field) =
                self.schema.any_object(object).and_then(|object| object.any_field(&trigger.set))
            else {
                continue;
            };
            if let Ok(stored) = value::take(field, &trigger.to) {
                let changed = put_values(record, Values::from([(field.name, stored)]));
                if !changed.is_empty() {
                    steps.push(Step { by: By::Trigger, values: changed });
                }
            }
        }
        steps
    }

    /// Stamps the record, keeps it, and notes the change in the open transaction.
    pub(crate) fn keep(
        &mut self,
        context: &Context,
        object: &'static str,
        mut record: Record,
        kind: ChangeType,
        steps: Vec<Step>,
    ) {
        let second = Stored::Instant(instant::whole_second(context.now));
        let user = Stored::of_id(&context.user);
        let mut fields: BTreeSet<&'static str> =
            steps.iter().flat_map(|step| step.values.keys().copied()).collect();
        fields.insert("LastModifiedDate");
        if record.get("LastModifiedById") != Some(&user) {
            fields.insert("LastModifiedById");
        }
        record.set("LastModifiedDate", Some(second.clone()));
        record.set("LastModifiedById", Some(user));
        record.set("SystemModstamp", Some(second));
        let id = record.id.clone();
        let before = self.store.put(object, record);
        let open = self.transaction.get_or_insert_default();
        let known = open.changes.iter_mut().find(|change| change.id == id);
        open.undo.push(Undo { object, id: id.clone(), record: before, change: known.as_deref().cloned() });
        match known {
            Some(change) => {
                change.fields.extend(fields);
                change.steps.extend(steps);
                if kind == ChangeType::Delete {
                    change.kind = kind;
                }
            }
            None => open.changes.push(Change { object, id, kind, fields, steps }),
        }
    }
}

/// Sets the values and returns those that differ from what was there.
fn put_values(record: &mut Record, values: Values) -> Values {
    let mut changed = Values::new();
    for (field, stored) in values {
        if record.get(field) != stored.as_ref() {
            record.set(field, stored.clone());
            changed.insert(field, stored);
        }
    }
    changed
}
