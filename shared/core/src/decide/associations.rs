//! Sets of associations (P12): merged one by one, from what both sides show, what they last agreed on, and what we have written since.
//!
//! An association carries no token and has no author. So no landing moves the base, which moves when both sides are seen to
//! agree. Until then, what we wrote to a side tells whose doing an element is there: ours, as long as it stands as we wrote it or
//! the write has not landed, and then what the other side shows of it decides; else somebody's.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Situation;
use super::draft::{Draft, may_land};
use crate::contract::{Direction, Field, Object, Roles};
use crate::link::{Base, Intent, Link, Part, Place, Role};
use crate::merge::set;
use crate::names::{PerSide, Side, Token};
use crate::reference;
use crate::row::Row;
use crate::settle::{FieldFault, Settled, element};
use crate::value::{ImageHash, ImageKey, Presence, Value};

/// One association is made, or ended, on a side at most so often while somebody undoes it each time (P15), as long as that is
/// remembered: 27 minutes. Ours, as for values.
const IN_VAIN_MAX: usize = 2;

/// The elements of a set: links, and what they are.
type Links = BTreeSet<String>;

impl Draft<'_> {
    /// Brings both sides to what they should hold together.
    pub(super) fn associate(
        &mut self,
        field: &Field,
        settled: &Settled,
        rows: PerSide<&Row>,
    ) -> Result<(), FieldFault> {
        let views = settled.views.as_ref();
        let shown = views.map(|view| set(&view.value));
        let PerSide { hubspot: Some(hubspot), salesforce: Some(salesforce) } = shown else { return Ok(()) };
        let shown = PerSide { hubspot, salesforce };
        let (Situation { key, link, .. }, base) = (self.situation, settled.base.as_ref());
        let history = Said { key, field, link, base, rows };
        let stays = |id: &&String| {
            Side::BOTH.iter().all(|side| shown[*side].contains(*id)) || history.stays(id, &shown)
        };
        let mut merged: Links = shown.hubspot.union(&shown.salesforce).filter(stays).cloned().collect();
        let unmarked = leave_one_primary(field, &shown, &mut merged)?;
        let kept = keep_whoever_has_a_role(&mut merged);
        let mut agreed = true;
        for side in Side::BOTH {
            let written = match field.direction {
                Direction::Both => true,
                Direction::To(to) => to == side,
            };
            if !written || shown[side] == merged {
                continue;
            }
            agreed = false;
            let part = self.said(field, side, &shown[side], &merged);
            if history.is_in_vain(side, &part, self.situation.now) {
                return Err(FieldFault::BackAndForth(side));
            }
            let is_part = shown[side].is_subset(&merged);
            if !is_part {
                self.harm[side].changes = 1;
            }
            let after = Value::choices(merged.clone());
            let loser = (!shown[side].is_disjoint(&unmarked)).then(|| Value::choices(unmarked.clone()));
            let rule = match &loser {
                Some(_) => "P12 another one is primary on the other side",
                None if !kept.is_subset(&shown[side]) => "P12 a role keeps its member",
                None if is_part => "P12 associated on one side",
                None => "P12 taken out on one side",
            };
            let line = self.line(field, settled, rule, Some(side), &after, loser);
            self.push(side, part, Some(line));
        }
        if agreed {
            self.agree(field, settled);
            if let (Direction::To(to), Some(base)) = (field.direction, &mut self.memory(field).base) {
                // Whatever the target has of its own is none of the source's business.
                base.images[to].elements = base.images[to.other()].elements.clone();
            }
        }
        Ok(())
    }

    /// Whoever is in no pair as yet joins the set once it is.
    pub(super) fn wait_for_strangers(&mut self, field: &Field, rows: PerSide<&Row>) {
        if Side::BOTH.into_iter().any(|side| reference::awaits_somebody(field, side, rows[side])) {
            self.decision.unpaired.push(field.name.clone());
        }
    }

    /// The part that makes one set into another.
    pub(super) fn said(&self, field: &Field, to: Side, before: &Links, after: &Links) -> Part {
        let hashes = |these: &Links, those: &Links| {
            these.difference(those).map(|id| element(self.situation.key, id)).collect()
        };
        let role = Role::Associate { gained: hashes(after, before), lost: hashes(before, after) };
        let set = Value::choices(after.clone());
        let change = reference::change(before, after);
        let values = field.wire[to].iter().map(|wire| (wire.clone(), change.clone())).collect();
        Part { field: field.name.clone(), role, seen: Place::Version(None), sent: self.hash_of(&set), values }
    }
}

/// Whether a side shows an association that both never agreed on, and that is not ours: somebody's, whom the other side has not seen.
pub(super) fn holds_somebodys(
    key: &ImageKey,
    field: &Field,
    link: &Link,
    side: Side,
    value: &Presence<Value>,
) -> bool {
    let base = link.fields.get(&field.name).and_then(|memory| memory.base.as_ref());
    let ours: BTreeSet<ImageHash> =
        written(link, field, side).flat_map(|(_, gained, _)| gained).copied().collect();
    let known = |id: &String| {
        let id = element(key, id);
        ours.contains(&id) || base.is_some_and(|base| base.images[side].elements.contains(&id))
    };
    !set(value).unwrap_or_default().iter().all(known)
}

/// Whether an intent has written to a set that both sides have not been seen to agree on since.
pub(super) fn is_unsettled(object: &Object, link: &Link, intent: &Intent) -> bool {
    let agreed = |part: &Part| link.fields.get(&part.field)?.base.as_ref().map(|base| base.number);
    let of_set = |part: &Part| object.fields.get(&part.field).is_some_and(reference::is_set);
    intent.parts.iter().any(|part| of_set(part) && agreed(part) < Some(intent.number))
}

/// An intent, and the hashes of what a set gains and loses by it.
pub(crate) type Written<'a> = (&'a Intent, &'a [ImageHash], &'a [ImageHash]);

/// What was written to a side's set, as far as it is remembered.
pub(crate) fn written<'a>(link: &'a Link, field: &'a Field, side: Side) -> impl Iterator<Item = Written<'a>> {
    let intents = link.intents.iter().filter(move |intent| intent.side == side);
    intents.flat_map(move |intent| {
        intent.parts.iter().filter(|part| part.field == field.name).filter_map(move |part| match &part.role {
            Role::Associate { gained, lost } => Some((intent, gained.as_slice(), lost.as_slice())),
            Role::Carry { .. } | Role::Restore | Role::Amend => None,
        })
    })
}

/// Whoever has a role that stays is a member, though the other side took it out: it had not seen that role. Whom that keeps.
fn keep_whoever_has_a_role(merged: &mut Links) -> Links {
    let members = merged.iter().map(|element| reference::member(element).to_owned());
    let kept: Links = members.filter(|member| !merged.contains(member)).collect();
    merged.extend(kept.iter().cloned());
    kept
}

/// Salesforce has room for one primary member. If each side has marked another, Salesforce's is it, or the source's where a field
/// goes one way: marking one there unmarks the other, so nothing else would come to rest. Those that lose their mark.
fn leave_one_primary(field: &Field, shown: &PerSide<Links>, merged: &mut Links) -> Result<Links, FieldFault> {
    let primary = reference::roles_of(field).and_then(Roles::primary);
    let is_primary = |element: &&String| primary.is_some() && reference::role(element) == primary;
    let marked: PerSide<Links> =
        PerSide::of(|side| shown[side].intersection(merged).filter(is_primary).cloned().collect());
    let first = match field.direction {
        Direction::Both => Side::Salesforce,
        Direction::To(target) => target.other(),
    };
    let judged = Side::BOTH.into_iter().filter(|side| field.direction != Direction::To(*side));
    if let Some(side) = judged.into_iter().find(|side| marked[*side].len() > 1) {
        return Err(FieldFault::Primaries(side));
    }
    if marked[first].is_empty() {
        return Ok(Links::new());
    }
    let unmarked: Links = marked[first.other()].difference(&marked[first]).cloned().collect();
    merged.retain(|element| !unmarked.contains(element));
    Ok(unmarked)
}

/// What was agreed on of a set, and what was written since.
struct Said<'a> {
    key: &'a ImageKey,
    field: &'a Field,
    link: &'a Link,
    base: Option<&'a Base>,
    rows: PerSide<&'a Row>,
}

/// Whose doing it is that a side shows an element, or does not.
enum Doing {
    /// As when both agreed, or nobody knows.
    Old,
    /// Ours, by this intent.
    Ours(Token),
    /// Somebody's, after ours had landed.
    Somebodys,
}

impl Said<'_> {
    /// Whether an element stays that one side shows and the other does not.
    fn stays(&self, id: &str, shown: &PerSide<Links>) -> bool {
        let there = if shown.hubspot.contains(id) { Side::HubSpot } else { Side::Salesforce };
        let id = element(self.key, id);
        match (self.doing(there, id, true), self.doing(there.other(), id, false)) {
            (Doing::Ours(made), Doing::Ours(taken)) => taken > made,
            (Doing::Ours(_), Doing::Old | Doing::Somebodys) | (Doing::Old, Doing::Somebodys) => false,
            (Doing::Old | Doing::Somebodys, Doing::Ours(_))
            | (Doing::Somebodys, Doing::Old | Doing::Somebodys) => true,
            (Doing::Old, Doing::Old) => {
                !self.base.is_some_and(|base| base.images[there].elements.contains(&id))
            }
        }
    }

    fn doing(&self, side: Side, id: ImageHash, shown: bool) -> Doing {
        let said = self.since(side).filter_map(|(intent, gained, lost)| match gained.contains(&id) {
            true => Some((intent, true)),
            false => lost.contains(&id).then_some((intent, false)),
        });
        match said.max_by_key(|(intent, _)| intent.number) {
            None => Doing::Old,
            Some((intent, gained)) if gained != shown && self.has_landed(side, intent) => Doing::Somebodys,
            Some((intent, _)) => Doing::Ours(intent.number),
        }
    }

    /// Whether this does to an element what has landed as often as it may.
    fn is_in_vain(&self, side: Side, part: &Part, now: Timestamp) -> bool {
        let Role::Associate { gained, lost } = &part.role else { return false };
        let recent = |intent: &Intent| may_land(intent.decided, now) && self.has_landed(side, intent);
        let landed: Vec<_> =
            written(self.link, self.field, side).filter(|(intent, ..)| recent(intent)).collect();
        let often = |times: usize| times >= IN_VAIN_MAX;
        gained.iter().any(|id| often(landed.iter().filter(|(_, gained, _)| gained.contains(id)).count()))
            || lost.iter().any(|id| often(landed.iter().filter(|(.., lost)| lost.contains(id)).count()))
    }

    /// Whether a row has taken an intent in. A later one that says nothing of an element was decided on a row that stood as this one
    /// had left it. A record is made first and associated then: its token tells nothing.
    fn has_landed(&self, side: Side, intent: &Intent) -> bool {
        !intent.action.is_insert() && self.rows[side].highest_token() >= intent.number
    }

    /// What was written to a side since the two agreed.
    fn since(&self, side: Side) -> impl Iterator<Item = Written<'_>> {
        let agreed = self.base.map(|base| base.number);
        written(self.link, self.field, side).filter(move |(intent, ..)| Some(intent.number) > agreed)
    }
}
