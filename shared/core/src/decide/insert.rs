//! A record that one side lacks is made there (P6).

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::contract::{Direction, Field};
use crate::link::{Image, Place, Role};
use crate::merge::set;
use crate::names::{PerSide, Side};
use crate::reference;
use crate::row::{Row, Standing, Versions};
use crate::settle::{FieldFault, elements};
use crate::value::Presence;

impl Draft<'_> {
    /// What a new record is associated with; what it is not, both sides will be seen to agree on.
    fn insert_associations(&mut self, field: &Field, from: Side, row: &Row) {
        let to = from.other();
        match row.shows(field, from).map(|value| (set(&value), value)) {
            Ok((Some(links), value)) if !links.is_empty() => {
                let part = self.said(field, to, &BTreeSet::new(), &links);
                let mut before = PerSide { hubspot: Presence::Blank, salesforce: Presence::Blank };
                before[from] = value.clone();
                let line = self.entry(Some(field.name.clone()), "P6 create", Some(to), before, value);
                self.push(to, part, Some(line));
            }
            Ok((_, _)) => {}
            Err(fault) => self.fault(field, fault.into()),
        }
    }

    /// A record that the other side lacks is made there, with every field that can be said.
    pub(super) fn insert(&mut self, from: Side, row: &Row) {
        if row.standing != Standing::Alive {
            self.decision.link.give_up();
            return;
        }
        let to = from.other();
        let nowhere = Place::Version(None);
        let fields = self.situation.object.fields.values();
        for field in fields.filter(|field| field.direction != Direction::To(from)) {
            if reference::is_set(field) {
                self.insert_associations(field, from, row);
                continue;
            }
            let part = row.shows(field, from).map_err(FieldFault::from).and_then(|value| {
                let image = Image {
                    hash: self.hash_of(&value),
                    place: place_of(row, field, from),
                    elements: elements(self.situation.key, &value),
                };
                let part = self.write(field, to, &value, nowhere, Role::Carry { source: image });
                Ok((part?, value))
            });
            match part {
                Ok((mut part, value)) if value.value().is_none() => {
                    // Nothing to send, but something agreed on: the new record is blank there too.
                    part.values.clear();
                    self.push(to, part, None);
                }
                Ok((part, value)) => {
                    let mut before = PerSide { hubspot: Presence::Blank, salesforce: Presence::Blank };
                    before[from] = value.clone();
                    let line =
                        self.entry(Some(field.name.clone()), "P6 create", Some(to), before, value.clone());
                    self.push(to, part, Some(line));
                    self.claim_first_key(field, &value);
                }
                Err(fault) => self.fault(field, fault),
            }
        }
        self.issue_insert(to);
        // The record that was there first is marked as the link's at once.
        self.issue_update_of(from, row);
    }
}

/// Where a field's present value stands in its side's order of versions.
fn place_of(row: &Row, field: &Field, side: Side) -> Place {
    match &row.versions {
        Versions::History(history) => {
            let versions = field.wire[side].iter().filter_map(|wire| history.fields.get(wire)).flatten();
            Place::Version(versions.map(|version| version.at).max())
        }
        Versions::Stamp { .. } | Versions::Listed => Place::Token(row.token.unwrap_or_default()),
    }
}
