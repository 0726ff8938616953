//! I22: a pair is forgotten once both records are gone for good, and no other is. I23: and until then no value is kept of it but
//! what its journal explains.

use std::collections::BTreeSet;

use concord_core::link::{Link, Refusal, Status};
use concord_core::names::{LinkId, Side};
use concord_core::value::{Presence, Raw};

use super::{Address, Scene, records};
use crate::display::is_lead;
use crate::users::How;
use crate::watch::Broken;
use crate::world::World;

/// I23: what is remembered of a deleted record holds no value that somebody typed, and of none is a person asked.
pub(super) fn hold_no_values(scene: &Scene<'_>) -> Result<(), Broken> {
    for link in scene.links.iter().filter(|link| is_over(link)) {
        if let Some(conflict) = scene.conflicts.iter().find(|conflict| conflict.link == link.id) {
            let what = format!("link {} is over, and {} of it waits for a decision", link.id, conflict.field);
            return Err(Broken { invariant: "I23", what });
        }
        let typed = |raw: &Presence<Raw>| {
            let Presence::Value(Raw::Text(text)) = raw else { return false };
            let edits = scene.world.users.edits.iter().filter(|edit| edit.how == How::Typed);
            edits.flat_map(|edit| edit.value.split('|')).any(|value| value == text)
        };
        let mut values = link.intents.iter().flat_map(|intent| &intent.parts).flat_map(|part| &part.values);
        if let Some((wire, _)) = values.find(|(_, raw)| typed(raw)) {
            let what = format!("link {} is over, and holds what somebody typed as {wire}", link.id);
            return Err(Broken { invariant: "I23", what });
        }
    }
    Ok(())
}

fn is_over(link: &Link) -> bool {
    match link.status {
        Status::Flagged { .. } | Status::Unlinked { .. } | Status::Erased { .. } => true,
        Status::Live | Status::Apart { .. } => false,
    }
}

/// The links of which both records lie in their bins, where both sides show others of the kind.
#[must_use]
pub fn buried(world: &World) -> Vec<LinkId> {
    let scene = Scene::of(world);
    let all = scene
        .links
        .iter()
        .filter(|link| may_go(link) && Side::BOTH.into_iter().all(|side| is_dead(&scene, link, side)));
    let missed = |link: &Link| Side::BOTH.into_iter().any(|side| link.refused[side] == Refusal::Unseen);
    all.filter(|link| !missed(link)).map(|link| link.id.clone()).collect()
}

fn may_go(link: &Link) -> bool {
    match link.status {
        Status::Live | Status::Flagged { .. } | Status::Unlinked { .. } => true,
        Status::Apart { .. } | Status::Erased { .. } => false,
    }
}

/// Whether a record of a link is deleted, and its side shows another of the kind. What was merged shows its winner for ever.
fn is_dead(scene: &Scene<'_>, link: &Link, side: Side) -> bool {
    let Some((shown, at)) = scene.shown(link, side) else { return false };
    !shown.alive && shown.merged_into.is_none() && is_shown(scene, &at)
}

fn is_shown(scene: &Scene<'_>, at: &Address) -> bool {
    let mut alive = scene.records.iter().filter(|(_, shown)| shown.alive);
    alive.any(|(other, _)| (other.0, other.1, is_lead(&other.2)) == (at.0, at.1, is_lead(&at.2)))
}

/// Whether Salesforce has emptied its bin of a record that its link knows to be deleted.
#[must_use]
pub fn is_gone_for_good(world: &World) -> bool {
    let scene = Scene::of(world);
    let known = |link: &&Link| match link.status {
        Status::Flagged { deleted } | Status::Unlinked { deleted } => {
            deleted == Side::Salesforce || link.gone.is_some()
        }
        Status::Live | Status::Apart { .. } | Status::Erased { .. } => false,
    };
    let mut known = scene.links.iter().filter(known);
    known.any(|link| is_dead(&scene, link, Side::Salesforce))
}

/// Judges a world in which all bins are empty, and whoever was `buried` has been gone for long.
///
/// # Errors
/// The one that does not hold.
pub fn check_forgotten(world: &World, buried: &[LinkId]) -> Result<(), Broken> {
    let scene = Scene::of(world);
    let left: BTreeSet<&LinkId> = scene.links.iter().map(|link| &link.id).collect();
    // One that was forgotten may have begun anew, with a record that nobody had paired.
    let forgotten = scene.world.site.watch().forgotten.clone();
    if let Some(link) = buried.iter().find(|link| left.contains(link) && !forgotten.contains(*link)) {
        let what = format!("both records of link {link} are gone for good, and it is remembered");
        return Err(Broken { invariant: "I22", what });
    }
    records::nothing_is_forgotten(&scene)
}
