//! References (P12): a side names the record that a field points to by its own id; two references agree if they lead
//! to one link.
//!
//! Rows are renamed as they are read: every id in a reference, past versions included, gives way to the id of the link
//! that the record belongs to. An intent says link ids too, until it is sent. So a reference is a link id wherever something
//! is decided, and the same one on both sides. An id whose record is in no pair stays. Of a reference it has no canonical form:
//! its field is parked until there is one. In a set of associations it stands for nobody.
//!
//! A set is shown as its ids, `;` between them, and written as what is new and what is over: `+id;-id`. So whom the other
//! side does not know stays associated.

use std::collections::{BTreeMap, BTreeSet};

use crate::canonical::{SET_SEPARATOR, record_id};
use crate::contract::{Field, Kind, Object};
use crate::names::{LinkId, ObjectName, RecordId, RecordKey, Side, WireName};
use crate::row::{Row, Versions};
use crate::value::{Presence, Raw};

/// How a written set says whom it gains and whom it loses.
const ADDED: char = '+';
const REMOVED: char = '-';

/// The pairs of records that fields point to. A record without one, or whose pair lacks a side as yet, is not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// Those of references: also pairs that are over, since a reference goes on pointing there.
    pub all: BTreeMap<RecordKey, LinkId>,
    /// Those of associations: whoever is in the bin, kept apart or erased is associated with nobody.
    pub live: BTreeMap<RecordKey, LinkId>,
}

/// The object that a field points to, if it is a reference or a set of associations.
#[must_use]
pub const fn target_of(field: &Field) -> Option<&ObjectName> {
    match &field.kind {
        Kind::Reference { to } | Kind::Associations { to } => Some(to),
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

/// Whether a field is a set of associations.
#[must_use]
pub const fn is_set(field: &Field) -> bool {
    matches!(field.kind, Kind::Associations { .. })
}

/// A side's fields that point to other records, with the objects that they point to.
pub fn fields(object: &Object, side: Side) -> impl Iterator<Item = (&WireName, &ObjectName)> {
    object.fields.values().filter_map(move |field| Some((field.wire[side].first()?, target_of(field)?)))
}

/// The records that a field names: one, or a set, or what is written of a set. What is no id of that side is left out.
pub fn records_of<'a>(
    side: Side,
    to: &'a ObjectName,
    raw: &'a Presence<Raw>,
) -> impl Iterator<Item = RecordKey> + use<'a> {
    let ids =
        elements(raw).filter_map(move |text| record_id(side, text.trim_start_matches([ADDED, REMOVED])));
    ids.map(move |id| RecordKey { side, object: to.clone(), id: RecordId::new(id) })
}

/// The ids in a field, whatever they are of.
pub fn elements(raw: &Presence<Raw>) -> impl Iterator<Item = &str> {
    let text = match raw {
        Presence::Value(Raw::Text(text)) => text.as_str(),
        Presence::Value(Raw::Boolean(_) | Raw::Number(_)) | Presence::Blank | Presence::Unknown => "",
    };
    text.split(SET_SEPARATOR).map(str::trim).filter(|element| !element.is_empty())
}

/// A field that holds these ids.
#[must_use]
pub fn holding<'a>(elements: impl IntoIterator<Item = &'a str>) -> Presence<Raw> {
    let elements: Vec<&str> = elements.into_iter().collect();
    match elements.is_empty() {
        true => Presence::Blank,
        false => Presence::Value(Raw::Text(elements.join(&SET_SEPARATOR.to_string()))),
    }
}

/// What is written to make one set into another.
#[must_use]
pub fn change(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Presence<Raw> {
    let added = after.difference(before).map(|id| format!("{ADDED}{id}"));
    let removed = before.difference(after).map(|id| format!("{REMOVED}{id}"));
    let signed: Vec<String> = added.chain(removed).collect();
    holding(signed.iter().map(String::as_str))
}

/// The records that a written set gains, and those that it loses.
#[must_use]
pub fn changes(written: &Presence<Raw>) -> (BTreeSet<RecordId>, BTreeSet<RecordId>) {
    let with = |sign: char| elements(written).filter_map(move |id| id.strip_prefix(sign)).map(RecordId::from);
    (with(ADDED).collect(), with(REMOVED).collect())
}

/// The pairs that a field names, or that is written of it.
pub fn links_in(raw: &Presence<Raw>) -> impl Iterator<Item = LinkId> {
    let ids = elements(raw).map(|id| id.trim_start_matches([ADDED, REMOVED]));
    ids.filter(|id| LinkId::is_one(id)).map(LinkId::from)
}

/// Puts record ids in the place of link ids, in what is written. A pair without a record is left out of a set; whether there is
/// something to be written.
pub fn point(raw: &mut Presence<Raw>, records: &BTreeMap<LinkId, RecordId>) -> bool {
    let Presence::Value(Raw::Text(text)) = raw else { return true };
    let mut named = Vec::new();
    for id in text.split(SET_SEPARATOR) {
        let link = id.trim_start_matches([ADDED, REMOVED]);
        let sign = &id[..id.len() - link.len()];
        match records.get(&LinkId::from(link)) {
            Some(record) => named.push(format!("{sign}{record}")),
            None if !LinkId::is_one(link) => named.push(id.to_owned()),
            None if sign.is_empty() => return false,
            None => {}
        }
    }
    *text = named.join(&SET_SEPARATOR.to_string());
    true
}

/// A set with those named whose pair is known by now, and without those whose pair is over.
#[must_use]
pub fn told_anew(
    side: Side,
    to: &ObjectName,
    raw: &Presence<Raw>,
    known: &BTreeMap<RecordKey, LinkId>,
    over: &BTreeSet<LinkId>,
) -> Presence<Raw> {
    let anew = |id| {
        let record =
            record_id(side, id).map(|id| RecordKey { side, object: to.clone(), id: RecordId::new(id) });
        record.and_then(|record| known.get(&record)).map_or(id, LinkId::as_str)
    };
    holding(elements(raw).map(anew).filter(|id| !over.contains(&LinkId::from(*id))))
}

/// Whether a set holds a record that is in no pair.
#[must_use]
pub fn awaits_somebody(field: &Field, side: Side, row: &Row) -> bool {
    let shown = || row.fields.get(field.wire[side].first()?);
    is_set(field) && shown().is_some_and(|raw| elements(raw).any(|id| !LinkId::is_one(id)))
}

/// Every record that a row points to, or pointed to.
#[must_use]
pub fn records_in(object: &Object, side: Side, row: &Row) -> BTreeSet<RecordKey> {
    let past = |wire: &WireName| match &row.versions {
        Versions::History(history) => history.fields.get(wire).map_or(&[][..], Vec::as_slice),
        Versions::Stamp { .. } | Versions::Listed => &[],
    };
    let held = |wire| row.fields.get(wire).into_iter().chain(past(wire).iter().map(|version| &version.value));
    fields(object, side)
        .flat_map(|(wire, to)| held(wire).flat_map(move |raw| records_of(side, to, raw)))
        .collect()
}

/// Puts link ids in the place of record ids.
pub fn rename(object: &Object, side: Side, row: &mut Row, targets: &Targets) {
    for field in object.fields.values() {
        let (Some(wire), Some(to)) = (field.wire[side].first(), target_of(field)) else { continue };
        let known = if is_set(field) { &targets.live } else { &targets.all };
        let link_of = |id: &str| {
            let id = RecordId::new(record_id(side, id)?);
            known.get(&RecordKey { side, object: to.clone(), id }).map(LinkId::as_str)
        };
        let rename = |raw: &mut Presence<Raw>| {
            if let Presence::Value(Raw::Text(text)) = raw {
                let named: Vec<&str> =
                    text.split(SET_SEPARATOR).map(|id| link_of(id.trim()).unwrap_or(id)).collect();
                *text = named.join(&SET_SEPARATOR.to_string());
            }
        };
        row.fields.get_mut(wire).into_iter().for_each(rename);
        if let Versions::History(history) = &mut row.versions {
            let past = history.fields.get_mut(wire).into_iter().flatten();
            past.for_each(|version| rename(&mut version.value));
        }
    }
}
