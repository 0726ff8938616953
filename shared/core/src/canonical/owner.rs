//! Owners: a side's id of a user, and the person whom it means ([`crate::owner`]).

use super::{Reason, reference, trimmed};
use crate::names::Side;
use crate::owner::Owners;
use crate::value::{Presence, Raw, Value};

pub(super) fn canonical(owners: &Owners, side: Side, raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    let Some(text) = trimmed(raw)? else { return Ok(Presence::Blank) };
    let id = reference::record_id(side, text).ok_or(Reason::Id)?;
    let person = owners.person(side, &id)?;
    Ok(person.map_or(Presence::Blank, |person| Presence::Value(Value::Text(person))))
}

pub(super) fn render(owners: &Owners, side: Side, person: &str) -> Result<Raw, Reason> {
    owners.id(side, person).map(|id| Raw::Text(id.to_owned()))
}

pub(super) fn render_nobody(owners: &Owners, side: Side) -> Result<Presence<Raw>, Reason> {
    let nobody = owners.nobody(side)?;
    Ok(nobody.map_or(Presence::Blank, |id| Presence::Value(Raw::Text(id.to_owned()))))
}
