//! References (P12): a side names the record that a field points to by its own id; two references agree if they lead
//! to one link.
//!
//! Rows are renamed as they are read: every id in a reference, past versions included, gives way to the id of the link
//! that the record belongs to. An intent says link ids too, until it is sent. So a reference is a link id wherever something
//! is decided, and the same one on both sides. An id whose record is in no pair stays, and has no canonical form: its
//! field is parked until there is one.

use std::collections::{BTreeMap, BTreeSet};

use crate::canonical::record_id;
use crate::contract::{Field, Kind, Object};
use crate::names::{LinkId, ObjectName, RecordId, RecordKey, Side, WireName};
use crate::row::{Row, Versions};
use crate::value::{Presence, Raw};

/// The pairs of records that references lead to. A record without one, or whose pair lacks a side as yet, is not among them.
pub type Targets = BTreeMap<RecordKey, LinkId>;

/// The object that a field points to, if it is a reference.
#[must_use]
pub const fn target_of(field: &Field) -> Option<&ObjectName> {
    match &field.kind {
        Kind::Reference { to } => Some(to),
        Kind::Text
        | Kind::Email
        | Kind::Phone { .. }
        | Kind::Url
        | Kind::Boolean
        | Kind::Integer
        | Kind::Decimal { .. }
        | Kind::Money { .. }
        | Kind::Date { .. }
        | Kind::DateTime
        | Kind::Picklist(_)
        | Kind::Stage(_)
        | Kind::MultiPicklist(_)
        | Kind::Atom(_)
        | Kind::Owner(_) => None,
    }
}

/// A side's reference fields, with the objects that they point to.
pub fn fields(object: &Object, side: Side) -> impl Iterator<Item = (&WireName, &ObjectName)> {
    object.fields.values().filter_map(move |field| Some((field.wire[side].first()?, target_of(field)?)))
}

/// The record that a reference names; `None` if it is no id of that side.
#[must_use]
pub fn record_of(side: Side, to: &ObjectName, raw: &Presence<Raw>) -> Option<RecordKey> {
    let Presence::Value(Raw::Text(text)) = raw else { return None };
    let id = RecordId::new(record_id(side, text.trim())?);
    Some(RecordKey { side, object: to.clone(), id })
}

/// Every record that a row's references name, or named.
#[must_use]
pub fn records_in(object: &Object, side: Side, row: &Row) -> BTreeSet<RecordKey> {
    let past = |wire: &WireName| match &row.versions {
        Versions::History(history) => history.fields.get(wire).map_or(&[][..], Vec::as_slice),
        Versions::Stamp { .. } | Versions::Listed => &[],
    };
    let held = |wire| row.fields.get(wire).into_iter().chain(past(wire).iter().map(|version| &version.value));
    fields(object, side)
        .flat_map(|(wire, to)| held(wire).filter_map(|raw| record_of(side, to, raw)))
        .collect()
}

/// Puts link ids in the place of record ids.
pub fn rename(object: &Object, side: Side, row: &mut Row, targets: &Targets) {
    let rename = |to: &ObjectName, raw: &mut Presence<Raw>| {
        if let Some(link) = record_of(side, to, raw).and_then(|record| targets.get(&record)) {
            *raw = Presence::Value(Raw::Text(link.as_str().to_owned()));
        }
    };
    for (wire, to) in fields(object, side) {
        row.fields.get_mut(wire).into_iter().for_each(|raw| rename(to, raw));
        if let Versions::History(history) = &mut row.versions {
            let past = history.fields.get_mut(wire).into_iter().flatten();
            past.for_each(|version| rename(to, &mut version.value));
        }
    }
}
