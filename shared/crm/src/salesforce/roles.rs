//! What is to be done to the rows of a junction object. Pure.
//!
//! A row joins two records and says one thing of them, or nothing; the same two may have several. So a role is given in a row that
//! says nothing, if there is one, and else in a new one; a row whose role is over gets the next one, or says nothing, or goes if another
//! row still joins the two. Which row is marked as the primary one makes no difference: the mark is its record's.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::contract::{IS_PRIMARY, PRIMARY, ROLE};
use concord_core::names::RecordId;
use concord_core::reference::{Change, Membership};
use serde_json::{Map, Value};

/// One row of a junction object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Joint {
    pub(super) id: RecordId,
    pub(super) from: RecordId,
    pub(super) to: RecordId,
    /// What it says, if that is asked for.
    pub(super) role: Option<String>,
    /// Whether it is marked, if that is asked for.
    pub(super) mark: Mark,
}

/// Whether a row is marked as the primary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is not, or nobody asked.
    Plain,
    /// It is.
    Primary,
}

impl Joint {
    /// What the row says of its record, by Salesforce's names.
    pub(super) fn roles(&self) -> impl Iterator<Item = &str> {
        let mark = (self.mark == Mark::Primary).then_some(PRIMARY);
        self.role.as_deref().into_iter().chain(mark)
    }
}

/// What is to be done to the rows of two records.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// Fields of rows that are there.
    pub(super) changed: BTreeMap<RecordId, Map<String, Value>>,
    /// Fields of new rows, but for whom they join.
    pub(super) made: Vec<Map<String, Value>>,
    pub(super) deleted: BTreeSet<RecordId>,
}

impl Plan {
    /// `rows`: those that join the two.
    pub(super) fn of(rows: &[&Joint], said: &Change) -> Self {
        let mut plan = Self::default();
        if said.membership == Membership::Leaves {
            plan.deleted = rows.iter().map(|row| row.id.clone()).collect();
            return plan;
        }
        let has = |role: &str| rows.iter().any(|row| row.role.as_deref() == Some(role));
        let given = said.gained.iter().filter(|role| *role != PRIMARY && !has(role));
        let mut given: Vec<&String> = given.rev().collect();
        for row in rows {
            let over = row.role.as_ref().is_some_and(|role| said.lost.contains(role));
            if over || row.role.is_none() {
                plan.take_up(row, over, rows.len(), &mut given);
            }
        }
        let role = |role: &String| Map::from_iter([(ROLE.to_owned(), Value::from(role.as_str()))]);
        plan.made.extend(given.into_iter().rev().map(role));
        if rows.is_empty() && plan.made.is_empty() && said.membership == Membership::Joins {
            plan.made.push(Map::new());
        }
        plan.mark(rows, said);
        plan
    }

    /// A row that says nothing any more, or never did.
    fn take_up(&mut self, row: &Joint, over: bool, rows: usize, given: &mut Vec<&String>) {
        let left = rows - self.deleted.len();
        match given.pop() {
            Some(role) => drop(self.change(row).insert(ROLE.to_owned(), Value::from(role.as_str()))),
            None if over && left > 1 && row.mark == Mark::Plain => drop(self.deleted.insert(row.id.clone())),
            None if over => drop(self.change(row).insert(ROLE.to_owned(), Value::Null)),
            None => {}
        }
    }

    fn mark(&mut self, rows: &[&Joint], said: &Change) {
        let is_marked = |row: &&&Joint| row.mark == Mark::Primary;
        if said.lost.contains(PRIMARY) {
            for row in rows.iter().filter(is_marked) {
                self.change(row).insert(IS_PRIMARY.to_owned(), Value::from(false));
            }
        }
        if said.gained.contains(PRIMARY) && !rows.iter().any(|row| row.mark == Mark::Primary) {
            match rows.iter().find(|row| !self.deleted.contains(&row.id)) {
                Some(row) => drop(self.change(row).insert(IS_PRIMARY.to_owned(), Value::from(true))),
                None => {
                    let new = self.made.first_mut();
                    new.into_iter()
                        .for_each(|row| drop(row.insert(IS_PRIMARY.to_owned(), Value::from(true))));
                }
            }
        }
    }

    fn change(&mut self, row: &Joint) -> &mut Map<String, Value> {
        self.changed.entry(row.id.clone()).or_default()
    }
}
