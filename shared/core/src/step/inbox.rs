//! The inbox: what waits for a person, and what they say. What they say is kept with the link, and performed by the next
//! look at it, on the same path as every other decision.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::why::LINES_MAX;
use super::{Engine, StepError, digest};
use crate::link::{Base, FieldMemory, Link};
use crate::names::{FieldName, LinkId, ObjectName, PerSide, RecordId, Side};
use crate::port::{Commit, Conflict, Crm, Expected, JournalEntry, Queue, Store};
use crate::reference;
use crate::value::{Presence, Value};

/// Conflicts that are listed at once, oldest first. Ours: more than a person reads.
const CONFLICTS_MAX: usize = 1_000;

/// A conflict as a person is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// Names the conflict between these two values: another value makes another conflict.
    pub name: String,
    /// The conflict.
    pub conflict: Conflict,
    /// What both sides held before, as far as the journal tells.
    pub agreed: Presence<Value>,
    /// The side whose value a person has taken; it is on its way to the other.
    pub taken: Option<Side>,
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// What waits for a person, oldest first.
    ///
    /// # Errors
    /// [`StepError::Store`].
    pub async fn inbox(&self) -> Result<Vec<Inbox>, StepError> {
        let conflicts = self.store.conflicts(CONFLICTS_MAX).await?;
        let ids: Vec<LinkId> = conflicts.iter().map(|conflict| conflict.link.clone()).collect();
        let links = self.store.links(&ids).await?;
        let mut inbox = Vec::new();
        for (mut conflict, link) in conflicts.into_iter().zip(links) {
            let memory = link.and_then(|mut link| link.fields.remove(&conflict.field));
            let FieldMemory { base, held, .. } = memory.unwrap_or_default();
            let mut agreed = self.agreed(&conflict, base.as_ref()).await?;
            let (name, taken) = (conflict.name(), held.and_then(|held| held.taken));
            let Conflict { object, field, values: PerSide { hubspot, salesforce }, .. } = &mut conflict;
            if self.is_reference(object, field) {
                self.name_records(vec![
                    (Side::HubSpot, hubspot),
                    (Side::Salesforce, salesforce),
                    (Side::HubSpot, &mut agreed),
                ])
                .await?;
            }
            inbox.push(Inbox { name, conflict, agreed, taken });
        }
        Ok(inbox)
    }

    /// The value that both sides last held: of the journal's values, the one that the base is of.
    async fn agreed(&self, conflict: &Conflict, base: Option<&Base>) -> Result<Presence<Value>, StepError> {
        let Some(base) = base else { return Ok(Presence::Unknown) };
        let is_it = |value: &&Presence<Value>| {
            let hash = self.key.of(value);
            Side::BOTH.iter().any(|side| hash == Some(base.images[*side].hash))
        };
        let journal = self.store.journal(&conflict.link, LINES_MAX).await?;
        let lines = journal.iter().rev().filter(|line| line.field.as_ref() == Some(&conflict.field));
        let mut values = lines.flat_map(|line| [&line.after, &line.before.hubspot, &line.before.salesforce]);
        Ok(values.find(is_it).cloned().unwrap_or(Presence::Unknown))
    }

    /// Whether a field leads to another record.
    pub(super) fn is_reference(&self, object: &ObjectName, field: &FieldName) -> bool {
        let field = self.contract.objects.get(object).and_then(|object| object.fields.get(field));
        field.is_some_and(|field| reference::target_of(field).is_some())
    }

    /// References are shown as each side shows them: a person knows records, and no links.
    pub(super) async fn name_records(
        &self,
        references: Vec<(Side, &mut Presence<Value>)>,
    ) -> Result<(), StepError> {
        let mut links: BTreeSet<LinkId> = BTreeSet::new();
        for (_, value) in &references {
            match value {
                Presence::Value(Value::Text(id)) => drop(links.insert(LinkId::from(id.as_str()))),
                Presence::Value(Value::Choices(ids)) => {
                    links.extend(ids.iter().map(|id| LinkId::from(reference::member(id))))
                }
                Presence::Value(_) | Presence::Blank | Presence::Unknown => {}
            }
        }
        let links: Vec<LinkId> = links.into_iter().collect();
        let found = self.store.links(&links).await?.into_iter().flatten();
        let records: BTreeMap<LinkId, PerSide<Option<RecordId>>> =
            found.map(|link| (link.id, link.records)).collect();
        let name = |side: Side, id: &String| {
            let known = |side: Side| {
                let record = records.get(&LinkId::from(reference::member(id)))?[side].as_ref()?;
                let role = reference::role(id).map(|role| format!(", {role}")).unwrap_or_default();
                Some(format!("{side} {record}{role}"))
            };
            known(side).or_else(|| known(side.other())).unwrap_or_else(|| id.clone())
        };
        for (side, value) in references {
            match value {
                Presence::Value(Value::Text(id)) => *id = name(side, id),
                Presence::Value(Value::Choices(ids)) => *ids = ids.iter().map(|id| name(side, id)).collect(),
                Presence::Value(_) | Presence::Blank | Presence::Unknown => {}
            }
        }
        Ok(())
    }

    /// Takes one side's value for both, if the two still are the ones that `name` was given to. `None`: there is no such
    /// conflict (any more); one of the values has changed, or it is over.
    ///
    /// # Errors
    /// [`StepError`]. It may have been taken all the same; saying it again is safe.
    pub async fn take(&self, name: &str, side: Side, now: Timestamp) -> Result<Option<Conflict>, StepError> {
        let listed = self.store.conflicts(CONFLICTS_MAX).await?;
        let Some(conflict) = listed.into_iter().find(|conflict| conflict.name() == name) else {
            return Ok(None);
        };
        let object = self.contract.objects.get(&conflict.object);
        if object.is_none_or(|object| !object.fields.contains_key(&conflict.field)) {
            return Ok(None);
        }
        let Some(mut link) = self.stored(&conflict.link).await? else { return Ok(None) };
        let shown = PerSide::of(|side| self.key.of(&conflict.values[side]));
        let memory = link.fields.get_mut(&conflict.field);
        let held = memory.and_then(|memory| memory.held.as_mut());
        // The list may lag behind the link.
        match (held, shown) {
            (Some(held), PerSide { hubspot: Some(hubspot), salesforce: Some(salesforce) })
                if held.values == (PerSide { hubspot, salesforce }) =>
            {
                let before = held.taken.replace(side);
                if before != Some(side) {
                    self.record_taken(link, &conflict, side, now).await?;
                }
            }
            (Some(_) | None, _) => return Ok(None),
        }
        let record: Vec<RecordId> = conflict.records[side].clone().into_iter().collect();
        let correlation = digest(["taken", name, &now.to_string()]);
        self.hint(side, &conflict.object, &record, &correlation).await?;
        Ok(Some(conflict))
    }

    async fn record_taken(
        &self,
        mut link: Link,
        conflict: &Conflict,
        side: Side,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let expected = Expected::At(link.generation);
        link.generation = link.generation.next();
        let line = JournalEntry {
            link: link.id.clone(),
            generation: link.generation,
            field: Some(conflict.field.clone()),
            rule: format!("P7 a person took {side}'s value"),
            target: None,
            before: conflict.values.clone(),
            after: conflict.values[side].clone(),
            loser: Some(conflict.values[side.other()].clone()),
            contract: self.contract.version,
            at: now,
        };
        let commit = Commit { journal: vec![line], ..Commit::of_link(expected, link, Vec::new()) };
        Ok(self.store.commit(commit).await?)
    }
}

impl Conflict {
    /// A short name for the conflict between these two values, to say it by.
    #[must_use]
    pub fn name(&self) -> String {
        const CHARS: usize = 12;
        let name = digest([self.link.as_str(), self.field.as_str(), &self.since.to_string()]);
        name.chars().take(CHARS).collect()
    }
}
