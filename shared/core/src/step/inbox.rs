//! The inbox: what waits for a person, and what they say. What they say is kept with the link, and performed by the next
//! look at it, on the same path as every other decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Engine, StepError, digest};
use crate::link::{Held, Link};
use crate::names::{PerSide, Side};
use crate::port::{Commit, Conflict, Crm, Expected, JournalEntry, Queue, Store};
use crate::value::{ImageHash, Known, Presence, Value};

/// Conflicts that are listed at once, oldest first. Ours: more than a person reads.
const CONFLICTS_MAX: usize = 1_000;
/// Journal lines of one link that are searched for the value that both sides last held. Ours.
const LINES_MAX: usize = 1_000;

/// A conflict as a person is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// Names the conflict between these two values: another value makes another conflict.
    pub name: String,
    /// The conflict.
    pub conflict: Conflict,
    /// What both sides held before, as far as the journal goes back.
    pub agreed: Presence<Value>,
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// What waits for a person, oldest first.
    ///
    /// # Errors
    /// [`StepError::Store`].
    pub async fn inbox(&self) -> Result<Vec<Inbox>, StepError> {
        let mut inbox = Vec::new();
        for conflict in self.store.conflicts(CONFLICTS_MAX).await? {
            let journal = self.store.journal(&conflict.link, LINES_MAX).await?;
            let lines = journal.iter().rev().filter(|line| line.field.as_ref() == Some(&conflict.field));
            let agreed = lines.map(|line| &line.after).find(|after| !after.is_unknown());
            let agreed = agreed.cloned().unwrap_or(Presence::Unknown);
            inbox.push(Inbox { name: conflict.name(), conflict, agreed });
        }
        Ok(inbox)
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
        let links = self.store.links(std::slice::from_ref(&conflict.link)).await?;
        let Some(mut link) = links.into_iter().next().flatten() else { return Ok(None) };
        let shown = PerSide::of(|side| self.hash_of(&conflict.values[side]));
        let memory = link.fields.get_mut(&conflict.field);
        let held = memory.and_then(|memory| memory.held.as_mut());
        // The list may lag behind the link.
        match (held, shown) {
            (Some(held), PerSide { hubspot: Some(hubspot), salesforce: Some(salesforce) })
                if held.values == (PerSide { hubspot, salesforce }) =>
            {
                *held = Held { taken: Some(side), ..*held };
            }
            (Some(_) | None, _) => return Ok(None),
        }
        self.record_taken(link, &conflict, side, now).await?;
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
        let (object, record) = (link.object.clone(), link.records[side].clone());
        let commit = Commit {
            resolved: vec![conflict.field.clone()],
            journal: vec![line],
            ..Commit::of_link(expected, link, Vec::new())
        };
        self.store.commit(commit).await?;
        let correlation = digest(["taken", &conflict.name(), &now.to_string()]);
        let record = record.into_iter().collect::<Vec<_>>();
        self.hint(side, &object, &record, &correlation).await
    }

    fn hash_of(&self, value: &Presence<Value>) -> Option<ImageHash> {
        (!value.is_unknown()).then(|| self.key.hash(Known(value.value())))
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
