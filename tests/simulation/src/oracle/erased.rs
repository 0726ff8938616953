//! I43: an erasure is complete and final. Of somebody who was erased the store holds no value, by contract neither side holds a
//! record, and Concord makes none again.

use concord_core::link::{Link, Status};
use concord_core::names::Side;
use concord_core::port::Store as _;
use concord_core::value::Presence;

use super::{ALL, Address, Scene, now};
use crate::fault::Fault;
use crate::users::How;
use crate::watch::Broken;

pub(super) fn check(scene: &Scene<'_>) -> Result<(), Broken> {
    // A backup brings back what was erased since; an operator erases it once more, and of what it does not know nobody can.
    if scene.world.site.watch().struck(&[Fault::StoreRestored]) {
        return Ok(());
    }
    for ((side, id), link) in asked(scene) {
        if !link.is_erased() {
            let what = format!("{side} {id} was erased, and link {} remembers it", link.id);
            return Err(Broken { invariant: "I43", what });
        }
        nothing_is_explained(scene, link)?;
        nothing_is_stored(scene, link)?;
        nobody_is_left(scene, link)?;
    }
    Ok(())
}

/// The records that were erased, or that an operator was asked to erase, with the link that each is in.
pub(super) fn asked<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = ((Side, &'a str), &'a Link)> {
    scene.world.users.erased.iter().filter_map(|(side, object, id)| {
        let record: Address = (*side, *object, id.clone());
        let link = scene.links.iter().find(|link| scene.half(link, *side).as_ref() == Some(&record))?;
        Some(((*side, id.as_str()), link))
    })
}

/// The journal tells no value.
fn nothing_is_explained(scene: &Scene<'_>, link: &Link) -> Result<(), Broken> {
    let journal = now(scene.world.site.store.journal(&link.id, ALL)).unwrap_or_default();
    let tells = journal.iter().any(|line| {
        let values = [&line.before.hubspot, &line.before.salesforce, &line.after];
        values.into_iter().chain(&line.loser).any(|value| matches!(value, Presence::Value(_)))
    });
    let held = scene.conflicts.iter().any(|conflict| conflict.link == link.id);
    if tells || held {
        let what = format!("link {} was erased, and the journal or a conflict tells of it", link.id);
        return Err(Broken { invariant: "I43", what });
    }
    Ok(())
}

/// Nothing that was typed for the pair, and for nobody else, stands anywhere in the store.
fn nothing_is_stored(scene: &Scene<'_>, link: &Link) -> Result<(), Broken> {
    let users = &scene.world.users;
    let of_link = |record: &Address| scene.half(link, record.0).as_ref() == Some(record);
    let dump = scene.world.site.store.dump();
    for edit in users.edits.iter().filter(|edit| edit.how == How::Typed) {
        let record = (edit.side, edit.object, edit.id.clone());
        let thing = scene.thing(&record);
        let merged = users
            .merged
            .iter()
            .any(|(side, object, loser, _)| scene.thing(&(*side, *object, loser.clone())) == thing);
        // A person may be known to others by the same address.
        let shared = users.edits.iter().any(|other| {
            other.value == edit.value && !of_link(&(other.side, other.object, other.id.clone()))
        });
        if !of_link(&record) || merged || shared || edit.value.is_empty() {
            continue;
        }
        let typed = edit.value.rsplit('|').next().unwrap_or_default();
        let whole = |at: usize| {
            let after = dump[at + typed.len()..].chars().next();
            !after.is_some_and(|after| after.is_ascii_alphanumeric())
        };
        if dump.match_indices(typed).any(|(at, _)| whole(at)) {
            let what =
                format!("{typed:?} was typed for link {}, which was erased, and is still stored", link.id);
            return Err(Broken { invariant: "I43", what });
        }
    }
    Ok(())
}

/// By contract nobody is left, and nobody is made again.
fn nobody_is_left(scene: &Scene<'_>, link: &Link) -> Result<(), Broken> {
    let made = |side: Side| {
        let ours = |shown: &crate::display::Shown| {
            shown.alive && shown.made_by_us && shown.concord_id.as_deref() == Some(link.id.as_str())
        };
        let of_side = scene.records.iter().filter(move |(record, _)| record.0 == side);
        of_side.filter(move |(_, shown)| ours(shown)).map(|(record, _)| record).collect::<Vec<_>>()
    };
    let Status::Erased { purge } = &link.status else { return Ok(()) };
    for side in Side::BOTH {
        let half = scene.half(link, side);
        let told = |record: &Address| scene.parked_records().any(|parked| parked == *record);
        let again = made(side).into_iter().find(|record| half.as_ref() != Some(*record) && !told(record));
        let there = scene.shown(link, side).filter(|(shown, _)| shown.alive && purge[side]);
        if let Some(record) = again.cloned().or(there.map(|(_, record)| record)) {
            let what = format!("link {} was erased, and {record:?} is there", link.id);
            return Err(Broken { invariant: "I43", what });
        }
    }
    Ok(())
}
