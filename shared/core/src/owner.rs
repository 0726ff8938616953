//! Owners: the people to whom records belong. Each side names them by ids of its own; two ids are one person if their
//! e-mail addresses are the same.
//!
//! A record that Salesforce gave to Concord's own user, for want of another, belongs to nobody.

use std::collections::{BTreeMap, BTreeSet};

use crate::canonical::Reason;
use crate::names::{PerSide, Side};

/// Somebody who can own a record of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// What the record's field holds.
    pub id: String,
    /// By which the same person is found on the other side.
    pub email: Option<String>,
    /// Whether records can be given to them.
    pub standing: OwnerStanding,
}

/// Whether an owner is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerStanding {
    /// Yes.
    Active,
    /// No longer. Records keep them.
    Inactive,
    /// It is Concord itself.
    Concord,
}

/// Everybody who can own a record, on both sides; or nobody, as long as neither list was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owners(Option<Lists>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Lists {
    /// A side's ids, to the person.
    people: PerSide<BTreeMap<String, String>>,
    /// A person, to the ids that records can be given to.
    active: PerSide<BTreeMap<String, BTreeSet<String>>>,
    /// Concord's own.
    concord: PerSide<Option<String>>,
}

impl Owners {
    /// Finds out who is whom. A person goes by the first of their ids in HubSpot, or else in Salesforce.
    #[must_use]
    pub fn of(owners: &PerSide<Vec<Owner>>) -> Self {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for side in Side::BOTH {
            let mut known: Vec<&Owner> = owners[side].iter().collect();
            known.sort_by_key(|owner| (owner.id.len(), owner.id.clone()));
            for owner in known {
                if let Some(email) = address(owner) {
                    names.entry(email).or_insert_with(|| owner.id.clone());
                }
            }
        }
        let mut lists = Lists::default();
        for side in Side::BOTH {
            for owner in &owners[side] {
                let person = address(owner).and_then(|email| names.get(&email)).unwrap_or(&owner.id);
                match owner.standing {
                    OwnerStanding::Concord => lists.concord[side] = Some(owner.id.clone()),
                    OwnerStanding::Active | OwnerStanding::Inactive => {
                        lists.people[side].insert(owner.id.clone(), person.clone());
                        let ids = lists.active[side].entry(person.clone()).or_default();
                        ids.extend((owner.standing == OwnerStanding::Active).then(|| owner.id.clone()));
                    }
                }
            }
        }
        Self(Some(lists))
    }

    /// The person with this id; `None` for nobody. Whom a side does not list is somebody whom the other side cannot know.
    pub(crate) fn person(&self, side: Side, id: &str) -> Result<Option<String>, Reason> {
        let Lists { people, concord, .. } = self.0.as_ref().ok_or(Reason::OwnersUnread)?;
        if concord[side].as_deref() == Some(id) {
            return Ok(None);
        }
        Ok(Some(people[side].get(id).cloned().unwrap_or_else(|| id.to_owned())))
    }

    /// The id by which a side takes this person.
    pub(crate) fn id(&self, side: Side, person: &str) -> Result<&str, Reason> {
        let Lists { active, .. } = self.0.as_ref().ok_or(Reason::OwnersUnread)?;
        let mut ids = active[side].get(person).ok_or(Reason::OwnerMissing)?.iter();
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id),
            (Some(_), Some(_)) => Err(Reason::OwnerTwice),
            (None, _) => Err(Reason::OwnerInactive),
        }
    }

    /// How a side says that a record belongs to nobody: by a blank, or by Concord's own user.
    pub(crate) fn nobody(&self, side: Side) -> Result<Option<&str>, Reason> {
        let Lists { concord, .. } = self.0.as_ref().ok_or(Reason::OwnersUnread)?;
        Ok(concord[side].as_deref())
    }
}

fn address(owner: &Owner) -> Option<String> {
    let email = owner.email.as_deref()?.trim().to_lowercase();
    (!email.is_empty()).then_some(email)
}
