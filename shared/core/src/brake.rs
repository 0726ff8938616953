//! The brake (P15): what Concord does to an object type within an hour is counted, and what would be mass harm waits
//! for an operator. Everything else goes on.
//!
//! Counts what takes something away from people: deletes passed on, and values replaced. Filling a blank, making a
//! record and putting back a person's own value harm nobody.

use std::collections::BTreeMap;
use std::ops::Add;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::names::PerSide;

/// The time that is counted over. Source: P15.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Counts are kept per so many seconds, so that what is older than the window is forgotten bit by bit.
const SLOT_S: i64 = 600;
/// Deletes that no contract has to allow. Source: P15.
const DELETES_MIN: u64 = 20;
/// One in so many records may be deleted. Source: P15, 0.5 %.
const DELETES_ONE_IN: u64 = 200;
/// Records that no contract has to allow to be changed. Ours: below it a person can still look at each.
const CHANGES_MIN: u64 = 100;
/// One in so many records may be changed. Source: P15, 10 %.
const CHANGES_ONE_IN: u64 = 10;

/// What was stopped first may have been hinted this long before. Ours: a hint that is older was redriven by hand, and
/// the daily sweep finds its record.
const REWIND: SignedDuration = SignedDuration::from_hours(24);

/// What a contract lets through within an hour; what it does not say goes by the number of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Deletes passed on.
    pub deletes: Option<u64>,
    /// Records in which a value is replaced.
    pub changes: Option<u64>,
}

/// What decisions would do to what people have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Harm {
    /// Deletes passed on.
    pub deletes: u64,
    /// Records in which a value is replaced.
    pub changes: u64,
}

impl Harm {
    /// Whether there is any.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Add for Harm {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { deletes: self.deletes + other.deletes, changes: self.changes + other.changes }
    }
}

impl std::iter::Sum for Harm {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

/// The brake of one object type, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Brake {
    /// Records of each side, by the last sweep that came to its end.
    pub records: PerSide<Option<u64>>,
    /// What was let through, by slot of time.
    pub slots: BTreeMap<i64, Harm>,
    /// Why nothing is let through.
    pub engaged: Option<Engaged>,
    /// Until then an operator lets everything through.
    pub released_until: Option<Timestamp>,
    /// Polls begin here once: while the brake was engaged, what it stopped was not remembered.
    pub rewind: Option<Timestamp>,
}

/// What engaged a brake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engaged {
    /// Since when.
    pub since: Timestamp,
    /// What Concord was about to do.
    pub about_to: String,
}

impl Brake {
    /// Counts what is about to be done.
    ///
    /// # Errors
    /// What engaged the brake, now or before: an operator has to release it first.
    pub fn admit(&mut self, harm: Harm, limits: Limits, now: Timestamp) -> Result<(), Engaged> {
        if self.released_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        if let Some(engaged) = &self.engaged {
            return Err(engaged.clone());
        }
        let slot = now.as_second().div_euclid(SLOT_S);
        self.slots.retain(|of, _| *of >= slot - WINDOW.as_secs() / SLOT_S);
        let total = self.slots.values().copied().sum::<Harm>() + harm;
        let over = |what: &str, count: u64, limit: Option<u64>| {
            limit
                .filter(|limit| count > *limit)
                .map(|limit| format!("{what} {count} records within an hour; {limit} may be"))
        };
        let deletes = over("pass on deletes of", total.deletes, Some(self.deletes_max(limits)));
        let changes = over("replace values in", total.changes, self.changes_max(limits));
        match deletes.or(changes) {
            Some(about_to) => Err(self.engaged.insert(Engaged { since: now, about_to }).clone()),
            None => {
                let counted = self.slots.entry(slot).or_default();
                *counted = *counted + harm;
                Ok(())
            }
        }
    }

    /// An operator has looked at it: for an hour everything goes through, and what was stopped is looked for again.
    /// Whether it was engaged.
    pub fn release(&mut self, now: Timestamp) -> bool {
        let Some(Engaged { since, .. }) = self.engaged.take() else { return false };
        self.slots.clear();
        self.released_until = now.checked_add(WINDOW).ok();
        self.rewind = since.checked_sub(REWIND).ok();
        true
    }

    fn deletes_max(&self, limits: Limits) -> u64 {
        let share = self.linked().unwrap_or(0) / DELETES_ONE_IN;
        limits.deletes.unwrap_or_else(|| share.max(DELETES_MIN))
    }

    /// `None` before the first sweep has come to its end: nobody knows yet how many there are.
    fn changes_max(&self, limits: Limits) -> Option<u64> {
        limits.changes.or_else(|| self.linked().map(|all| (all / CHANGES_ONE_IN).max(CHANGES_MIN)))
    }

    /// At most so many records are in a pair.
    fn linked(&self) -> Option<u64> {
        Some(self.records.hubspot?.min(self.records.salesforce?))
    }
}
