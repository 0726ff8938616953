//! What a deal's contacts are to it: I17 both sides say the same, I8 no role is lost that was given, I16 nobody has one that was not
//! given, I3 none returns that was taken.

use std::collections::BTreeSet;

use concord_core::names::{LinkId, PerSide};

use super::associations::{CUT, deals, is_disturbed, kept};
use super::{Address, Scene};
use crate::display::{CONTACT, DEAL, PRIMARY, Role};
use crate::fault::Fault;
use crate::users::Cast;
use crate::watch::Broken;

pub(super) fn check(scene: &Scene<'_>) -> Result<(), Broken> {
    if !scene.world.profile.people.cast {
        return Ok(());
    }
    both_sides_agree(scene)?;
    none_is_invented(scene)?;
    if scene.world.site.watch().struck(&[Fault::StoreRestored]) {
        return Ok(());
    }
    none_is_lost(scene)?;
    none_returns(scene)
}

/// I17: both halves of a pair say the same of the contacts that they share.
fn both_sides_agree(scene: &Scene<'_>) -> Result<(), Broken> {
    for link in deals(scene) {
        let Some(pair) = scene.living(link) else { continue };
        let said: PerSide<BTreeSet<(LinkId, Role)>> = PerSide::of(|side| {
            let roles = pair[side].roles.iter();
            roles.filter_map(|(id, role)| Some((kept(scene, side, id)?, *role))).collect()
        });
        if said.hubspot != said.salesforce && !scene.waits(link, "contacts") {
            let what = format!(
                "the roles of link {}: HubSpot {} has {:?}, Salesforce {} has {:?}",
                link.id, pair.hubspot.id, pair.hubspot.roles, pair.salesforce.id, pair.salesforce.roles
            );
            return Err(Broken { invariant: "I17", what });
        }
    }
    Ok(())
}

/// The deal and the contact of which somebody said something, as things.
pub(super) fn pair(scene: &Scene<'_>, done: &Cast) -> (Address, Address) {
    let (deal, contact, _) = &done.role;
    (scene.thing(&(done.side, DEAL, deal.clone())), scene.thing(&(done.side, CONTACT, contact.clone())))
}

/// Whether two are about the same role of the same contact in the same deal.
fn is_same(scene: &Scene<'_>, one: &Cast, other: &Cast) -> bool {
    one.role.2 == other.role.2 && pair(scene, one) == pair(scene, other)
}

/// I16: whatever a contact is to a deal, somebody said so.
fn none_is_invented(scene: &Scene<'_>) -> Result<(), Broken> {
    let given = scene.world.users.cast.iter().filter(|done| done.is_given);
    let given: BTreeSet<_> = given.map(|done| (pair(scene, done), done.role.2)).collect();
    for (record, shown) in scene.records.iter().filter(|(record, shown)| record.1 == DEAL && shown.alive) {
        for (contact, role) in &shown.roles {
            let pair = (scene.thing(record), scene.thing(&(record.0, CONTACT, contact.clone())));
            if !given.contains(&(pair, *role)) {
                let what = format!("contact {contact} has role {role} in {record:?}, and nobody gave it");
                return Err(Broken { invariant: "I16", what });
            }
        }
    }
    Ok(())
}

/// Whether a contact has a role; `None`: the deal or the contact is not in use there, and nothing is shown.
fn shows(scene: &Scene<'_>, done: &Cast) -> Option<bool> {
    let (deal, contact, role) = &done.role;
    let alive =
        |object, id: &String| scene.records.get(&(done.side, object, id.clone())).filter(|shown| shown.alive);
    alive(CONTACT, contact)?;
    Some(alive(DEAL, deal)?.roles.contains(&(contact.clone(), *role)))
}

/// Whether a write of ours came between somebody's doing and our look at it: labels that are sent replace all, and a row says one
/// thing. What is done to an association within that round trip is overwritten (README, limits).
fn is_overwritten(scene: &Scene<'_>, done: &Cast, came: bool) -> bool {
    let watch = scene.world.site.watch();
    let mut landed = watch.roles.iter().filter(|landed| landed.came == came && landed.side == done.side);
    landed.any(|landed| landed.role == done.role && landed.seen <= done.at && done.at <= landed.at)
}

/// I8: a role that was given, and that nobody took, is there. Of two that were made primary one is left.
fn none_is_lost(scene: &Scene<'_>) -> Result<(), Broken> {
    let cast = &scene.world.users.cast;
    for (at, done) in cast.iter().enumerate().filter(|(_, done)| done.is_given) {
        let is_taken = cast[at..].iter().any(|other| !other.is_given && is_same(scene, other, done));
        let of_pair = pair(scene, done);
        let is_outdone = done.role.2 == PRIMARY
            && cast.iter().filter(|other| other.is_given && other.role.2 == PRIMARY).any(|other| {
                let other = pair(scene, other);
                other.0 == of_pair.0 && other.1 != of_pair.1
            });
        let is_accounted = is_taken || is_outdone || is_overwritten(scene, done, false);
        if shows(scene, done) == Some(false) && !is_accounted && !is_disturbed(scene, &of_pair) {
            let what = format!("{done:?}, and nobody took it: the contact does not have it any more");
            return Err(Broken { invariant: "I8", what });
        }
    }
    Ok(())
}

/// I3: a role that was given once and then taken stays taken.
fn none_returns(scene: &Scene<'_>) -> Result<(), Broken> {
    if scene.world.site.watch().struck(&CUT) {
        return Ok(());
    }
    let cast = &scene.world.users.cast;
    for done in cast.iter().filter(|done| !done.is_given) {
        let given = cast.iter().filter(|other| other.is_given && is_same(scene, other, done));
        let is_accounted = given.count() != 1 || is_overwritten(scene, done, true);
        if shows(scene, done) == Some(true) && !is_accounted && !is_disturbed(scene, &pair(scene, done)) {
            let what = format!("{done:?}, and the contact has it again: nobody gave it back");
            return Err(Broken { invariant: "I3", what });
        }
    }
    Ok(())
}
