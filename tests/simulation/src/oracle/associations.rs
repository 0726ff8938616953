//! A deal's contacts: I17 both sides hold the same, I8 nobody is lost who was put in, I16 nobody is in who was not put in, I3 nobody
//! returns who was taken out.

use std::collections::BTreeSet;

use concord_core::link::Link;
use concord_core::names::{LinkId, PerSide, Side};

use super::{Address, Scene, object_index, roles};
use crate::display::{CONTACT, DEAL, is_lead};
use crate::fault::Fault;
use crate::users::Involved;
use crate::watch::Broken;

pub(super) fn check(scene: &Scene<'_>) -> Result<(), Broken> {
    if !scene.world.profile.people.involve {
        return Ok(());
    }
    both_sides_agree(scene)?;
    nobody_is_invented(scene)?;
    if scene.world.site.watch().struck(&[Fault::StoreRestored]) {
        return Ok(());
    }
    nobody_is_lost(scene)?;
    nobody_returns(scene)
}

pub(super) fn deals<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = &'s Link> {
    scene.links.iter().filter(|link| object_index(&link.object) == Some(DEAL))
}

/// The pair of a contact that may be in a deal.
pub(super) fn kept(scene: &Scene<'_>, side: Side, id: &str) -> Option<LinkId> {
    let contact = Some((side, CONTACT, id.to_owned()));
    let link = scene.links.iter().find(|link| scene.half(link, side) == contact)?;
    let pair = scene.living(link)?;
    (!is_lead(&pair.salesforce.id)).then(|| link.id.clone())
}

/// I17: both halves of a pair have the same contacts, as far as those are pairs that live. Salesforce's deals have no leads.
fn both_sides_agree(scene: &Scene<'_>) -> Result<(), Broken> {
    for link in deals(scene) {
        let Some(pair) = scene.living(link) else { continue };
        let contacts: PerSide<BTreeSet<LinkId>> =
            PerSide::of(|side| pair[side].contacts.iter().filter_map(|id| kept(scene, side, id)).collect());
        if contacts.hubspot != contacts.salesforce && !scene.waits(link, "contacts") {
            let what = format!(
                "the contacts of link {}: HubSpot {} has {:?}, Salesforce {} has {:?}",
                link.id, pair.hubspot.id, pair.hubspot.contacts, pair.salesforce.id, pair.salesforce.contacts
            );
            return Err(Broken { invariant: "I17", what });
        }
    }
    Ok(())
}

/// The deal and the contact of which somebody did something, as things.
fn things(scene: &Scene<'_>, done: &Involved) -> (Address, Address) {
    (
        scene.thing(&(done.side, DEAL, done.deal.clone())),
        scene.thing(&(done.side, CONTACT, done.contact.clone())),
    )
}

/// I16: whoever is in a deal was put there.
fn nobody_is_invented(scene: &Scene<'_>) -> Result<(), Broken> {
    let put: BTreeSet<(Address, Address)> =
        scene.world.users.involved.iter().filter(|done| done.is_in).map(|done| things(scene, done)).collect();
    for (record, shown) in scene.records.iter().filter(|(record, shown)| record.1 == DEAL && shown.alive) {
        for contact in &shown.contacts {
            let pair = (scene.thing(record), scene.thing(&(record.0, CONTACT, contact.clone())));
            if !put.contains(&pair) {
                let what = format!("contact {contact} is in {record:?}, and nobody put it there");
                return Err(Broken { invariant: "I16", what });
            }
        }
    }
    Ok(())
}

/// Whether a deal shows a contact, as things; `None`: one of the two is not in use there, and nothing is shown.
fn shows(scene: &Scene<'_>, done: &Involved) -> Option<bool> {
    let (deal, contact) = ((done.side, DEAL, done.deal.clone()), (done.side, CONTACT, done.contact.clone()));
    let alive = |record: &Address| scene.records.get(record).filter(|shown| shown.alive);
    alive(&contact)?;
    Some(alive(&deal)?.contacts.contains(&done.contact))
}

/// Whether something else befell a deal or a contact than being put in and taken out: deletes and merges take contacts along.
pub(super) fn is_disturbed(scene: &Scene<'_>, pair: &(Address, Address)) -> bool {
    let users = &scene.world.users;
    let is_one = |side: Side, object: usize, id: &String| {
        let thing = scene.thing(&(side, object, id.clone()));
        thing == pair.0 || thing == pair.1
    };
    users.deleted.iter().chain(&users.erased).any(|(side, object, id)| is_one(*side, *object, id))
        || users.merged.iter().any(|(side, object, loser, _)| is_one(*side, *object, loser))
        || scene.links.iter().any(|link| {
            let halves = Side::BOTH.into_iter().filter_map(|side| scene.half(link, side));
            halves.clone().any(|half| is_one(half.0, half.1, &half.2)) && scene.living(link).is_none()
        })
}

/// I8: whoever was put into a deal, and whom nobody took out, is in it.
fn nobody_is_lost(scene: &Scene<'_>) -> Result<(), Broken> {
    let involved = &scene.world.users.involved;
    for (at, done) in involved.iter().enumerate().filter(|(_, done)| done.is_in) {
        let pair = things(scene, done);
        let taken_out = involved[at..].iter().any(|other| !other.is_in && things(scene, other) == pair);
        let is_accounted = taken_out || is_taken_for_ours(scene, &involved[..at], done);
        if shows(scene, done) == Some(false) && !is_accounted && !is_disturbed(scene, &pair) {
            let what = format!("{done:?}, and nobody took it out: it is not in the deal any more");
            return Err(Broken { invariant: "I8", what });
        }
    }
    Ok(())
}

/// Whether the other side had put the same one in and taken it out just before: what we write of the one may be under way still, and
/// then whoever does the same by hand is taken for us (README, limits).
fn is_taken_for_ours(scene: &Scene<'_>, before: &[Involved], done: &Involved) -> bool {
    let pair = things(scene, done);
    let mut there =
        before.iter().rev().filter(|other| other.side != done.side && things(scene, other) == pair);
    matches!([there.next(), there.next()], [Some(last), Some(former)] if !last.is_in && former.is_in)
}

/// What may end a write between the association and the token of its row, or bring it late. Whoever is taken out in that moment comes
/// back once: an association carries no token.
pub(super) const CUT: [Fault; 14] = [
    Fault::RequestLost,
    Fault::AnswerLost,
    Fault::LateLanding,
    Fault::TwiceLanding,
    Fault::TooMany,
    Fault::TooManyBare,
    Fault::ServerError,
    Fault::WrongBody,
    Fault::LoginExpired,
    Fault::WorkerCrash,
    Fault::WorkerFrozen,
    Fault::FieldReadOnly,
    Fault::FieldShortened,
    Fault::ChoiceRemoved,
];

/// I3: whoever was put in once and then taken out stays out.
fn nobody_returns(scene: &Scene<'_>) -> Result<(), Broken> {
    if scene.world.site.watch().struck(&CUT) {
        return Ok(());
    }
    let involved = &scene.world.users.involved;
    // Whoever was given a role that whoever took them out had not seen stays.
    let is_kept = |done: &Involved| {
        let mut given = scene.world.users.cast.iter().filter(|cast| cast.is_given);
        given.any(|cast| cast.side != done.side && roles::pair(scene, cast) == things(scene, done))
    };
    for done in involved.iter().filter(|done| !done.is_in && !is_kept(done)) {
        let pair = things(scene, done);
        let puts = involved.iter().filter(|other| other.is_in && things(scene, other) == pair);
        if puts.count() == 1 && shows(scene, done) == Some(true) && !is_disturbed(scene, &pair) {
            let what = format!("{done:?}, and it is in the deal again: nobody put it back");
            return Err(Broken { invariant: "I3", what });
        }
    }
    Ok(())
}
