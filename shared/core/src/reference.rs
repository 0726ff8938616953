//! References (P12): a side names the record that a field points to by its own id; two references agree if they lead
//! to one link.
//!
//! Rows are renamed as they are read: every id in a reference, past versions included, gives way to the id of the link
//! that the record belongs to. An intent says link ids too, until it is sent. So a reference is a link id wherever something
//! is decided, and the same one on both sides. An id whose record is in no pair stays. Of a reference it has no canonical form:
//! its field is parked until there is one. In a set of associations it stands for nobody.
//!
//! A set is shown as its elements, `;` between them: the ids of its members, and `id:role` for whatever a member is by the contract's
//! roles. Like the ids, a side's names of roles give way to the contract's. A set is written as what is new and what is over:
//! `+id;+id:role;-id`. So whom the other side does not know stays associated.

use std::collections::{BTreeMap, BTreeSet};

use crate::canonical::{SET_SEPARATOR, record_id};
use crate::contract::{Field, Kind, Object, Roles};
use crate::names::{LinkId, ObjectName, RecordId, RecordKey, Side, WireName};
use crate::row::{Row, Versions};
use crate::value::{Presence, Raw};

/// How a written set says whom it gains and whom it loses.
const ADDED: char = '+';
const REMOVED: char = '-';
/// What stands between a member and its role. An id has none; a role may.
const ROLE_MARK: char = ':';

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
        Kind::Reference { to } | Kind::Associations { to, .. } => Some(to),
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
pub fn fields(object: &Object, side: Side) -> impl Iterator<Item = (&WireName, &Field, &ObjectName)> {
    object
        .fields
        .values()
        .filter_map(move |field| Some((field.wire[side].first()?, field, target_of(field)?)))
}

/// The records that a field names: one, or a set, or what is written of a set. What is no id of that side is left out.
pub fn records_of<'a>(
    side: Side,
    to: &'a ObjectName,
    raw: &'a Presence<Raw>,
) -> impl Iterator<Item = RecordKey> + use<'a> {
    let ids = elements(raw).filter_map(move |element| record_id(side, member(unsigned(element))));
    ids.map(move |id| RecordKey { side, object: to.clone(), id: RecordId::new(id) })
}

/// The roles that members of a set may have.
#[must_use]
pub const fn roles_of(field: &Field) -> Option<&Roles> {
    let Kind::Associations { roles, .. } = &field.kind else { return None };
    Some(roles)
}

/// Of whom an element says something.
#[must_use]
pub fn member(element: &str) -> &str {
    element.split_once(ROLE_MARK).map_or(element, |(member, _)| member)
}

/// What an element says that its member is; `None`: no more than that it is one.
#[must_use]
pub fn role(element: &str) -> Option<&str> {
    element.split_once(ROLE_MARK).map(|(_, role)| role)
}

/// The element that says what a member is.
#[must_use]
pub fn with_role(member: &str, role: &str) -> String {
    format!("{member}{ROLE_MARK}{role}")
}

fn unsigned(element: &str) -> &str {
    element.trim_start_matches([ADDED, REMOVED])
}

/// The elements of a field, whatever they are of.
pub fn elements(raw: &Presence<Raw>) -> impl Iterator<Item = &str> {
    let text = match raw {
        Presence::Value(Raw::Text(text)) => text.as_str(),
        Presence::Value(Raw::Boolean(_) | Raw::Number(_)) | Presence::Blank | Presence::Unknown => "",
    };
    text.split(SET_SEPARATOR).map(str::trim).filter(|element| !element.is_empty())
}

/// A field that holds these elements.
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

/// What is written of one member of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether it is one from now on.
    pub membership: Membership,
    /// Roles that it is given, and roles that are taken from it.
    pub gained: BTreeSet<String>,
    /// See `gained`.
    pub lost: BTreeSet<String>,
}

/// What becomes of a member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Membership {
    /// It is one, and was.
    #[default]
    Stays,
    /// It becomes one.
    Joins,
    /// It is none any more.
    Leaves,
}

/// What is written of each member of a set.
#[must_use]
pub fn changes(written: &Presence<Raw>) -> BTreeMap<RecordId, Change> {
    let mut changes: BTreeMap<RecordId, Change> = BTreeMap::new();
    for element in elements(written) {
        let change = changes.entry(RecordId::from(member(unsigned(element)))).or_default();
        match (element.starts_with(ADDED), role(element)) {
            (true, None) => change.membership = Membership::Joins,
            (false, None) => change.membership = Membership::Leaves,
            (true, Some(role)) => drop(change.gained.insert(role.to_owned())),
            (false, Some(role)) => drop(change.lost.insert(role.to_owned())),
        }
    }
    changes
}

/// The pairs that a field names, or that is written of it.
pub fn links_in(raw: &Presence<Raw>) -> impl Iterator<Item = LinkId> {
    let ids = elements(raw).map(|element| member(unsigned(element)));
    ids.filter(|id| LinkId::is_one(id)).map(LinkId::from)
}

/// Puts record ids in the place of link ids, and the side's names of roles in that of the contract's, in what is written. A pair
/// without a record, and a role without a name, are left out of a set; whether there is something to be written.
pub fn point(
    side: Side,
    field: &Field,
    raw: &mut Presence<Raw>,
    records: &BTreeMap<LinkId, RecordId>,
) -> bool {
    let Presence::Value(Raw::Text(text)) = raw else { return true };
    let mut named = Vec::new();
    for element in text.split(SET_SEPARATOR) {
        let (link, role) = (member(unsigned(element)), role(element));
        let sign = &element[..element.len() - unsigned(element).len()];
        match records.get(&LinkId::from(link)) {
            Some(record) => named.extend(
                called(record.as_str(), role, |role| roles_of(field)?.on(side, role))
                    .map(|one| format!("{sign}{one}")),
            ),
            None if !LinkId::is_one(link) => named.push(element.to_owned()),
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
    let anew = |element: &str| {
        let id = member(element);
        let record =
            record_id(side, id).map(|id| RecordKey { side, object: to.clone(), id: RecordId::new(id) });
        let id = record.and_then(|record| known.get(&record)).map_or(id, LinkId::as_str);
        if over.contains(&LinkId::from(id)) { None } else { called(id, role(element), Some) }
    };
    let told: Vec<String> = elements(raw).filter_map(anew).collect();
    holding(told.iter().map(String::as_str))
}

/// A member by this id, with its role by another name; `None`: it has none by that.
fn called<'r>(
    id: &str,
    role: Option<&'r str>,
    name: impl FnOnce(&'r str) -> Option<&'r str>,
) -> Option<String> {
    match role {
        None => Some(id.to_owned()),
        Some(role) => name(role).map(|role| with_role(id, role)),
    }
}

/// Whether a set holds a record that is in no pair.
#[must_use]
pub fn awaits_somebody(field: &Field, side: Side, row: &Row) -> bool {
    let shown = || row.fields.get(field.wire[side].first()?);
    is_set(field) && shown().is_some_and(|raw| elements(raw).any(|element| !LinkId::is_one(member(element))))
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
        .flat_map(|(wire, _, to)| held(wire).flat_map(move |raw| records_of(side, to, raw)))
        .collect()
}

/// Puts link ids in the place of record ids, and the contract's names of roles in that of the side's.
pub fn rename(object: &Object, side: Side, row: &mut Row, targets: &Targets) {
    for field in object.fields.values() {
        let (Some(wire), Some(to)) = (field.wire[side].first(), target_of(field)) else { continue };
        let known = if is_set(field) { &targets.live } else { &targets.all };
        let link_of = |id: &str| {
            let id = RecordId::new(record_id(side, id)?);
            known.get(&RecordKey { side, object: to.clone(), id }).map(LinkId::as_str)
        };
        let named = |element: &str| match roles_of(field) {
            None => Some(link_of(element.trim()).unwrap_or(element).to_owned()),
            Some(roles) => {
                let id = member(element.trim());
                called(link_of(id).unwrap_or(id), role(element.trim()), |role| roles.called(side, role))
            }
        };
        let rename = |raw: &mut Presence<Raw>| {
            if let Presence::Value(Raw::Text(text)) = raw {
                let named: Vec<String> = text.split(SET_SEPARATOR).filter_map(named).collect();
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
