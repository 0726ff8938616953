//! Identity and deletes: I13, I14, I18, and that no record was forgotten (I32).

use std::collections::{BTreeMap, BTreeSet};

use concord_core::link::{FieldStanding, Link, Refusal, Status};
use concord_core::names::{LinkId, PerSide, RecordId, RecordKey, Side};
use concord_core::port::ParkKey;

use super::{Address, Scene, address, object_index};
use crate::display::{OBJECTS, Shown, field};
use crate::fault::Fault;
use crate::profile::OUT_OF_SCOPE;
use crate::users::Edit;
use crate::watch::Broken;

pub(super) fn check(scene: &Scene<'_>) -> Result<(), Broken> {
    links_are_a_partial_bijection(scene)?;
    aliases_lead_on(scene)?;
    nothing_was_made_twice(scene)?;
    nobody_is_made_for_a_converted_lead(scene)?;
    nobody_is_joined_without_a_key(scene)?;
    nothing_was_made_beside_a_match(scene)?;
    nobody_is_joined_who_is_kept_apart(scene)?;
    nothing_is_called_deleted_without_evidence(scene)?;
    what_is_called_deleted_was_deleted(scene)?;
    a_delete_is_passed_on(scene)?;
    nobody_is_archived_in_vain(scene)?;
    a_delete_is_passed_on_once(scene)?;
    parked_fields_are_remembered(scene)?;
    nobody_is_set_aside_for_nothing(scene)?;
    nothing_is_forgotten(scene)
}

/// I13.
fn links_are_a_partial_bijection(scene: &Scene<'_>) -> Result<(), Broken> {
    let mut owners: BTreeMap<Address, &str> = BTreeMap::new();
    for link in &scene.links {
        for record in Side::BOTH.into_iter().filter_map(|side| scene.half(link, side)) {
            if let Some(other) = owners.insert(record.clone(), link.id.as_str()) {
                let what = format!("{record:?} belongs to the links {other} and {}", link.id);
                return Err(Broken { invariant: "I13", what });
            }
        }
    }
    Ok(())
}

/// I15: a redirection may be shortened, where its winner was merged in turn; it leads to no other thing.
fn aliases_lead_on(scene: &Scene<'_>) -> Result<(), Broken> {
    let watch = scene.world.site.watch();
    for (loser, before) in &watch.redirected {
        let thing = |id: &RecordId| {
            let record = RecordKey { id: id.clone(), ..loser.clone() };
            address(&record).map(|record| scene.thing(&record))
        };
        let now = watch.aliases.get(loser).and_then(thing);
        if now != thing(before) {
            let what = format!("the alias {loser} led to {before} and now leads to {now:?}");
            return Err(Broken { invariant: "I15", what });
        }
    }
    Ok(())
}

/// I14: one thing has at most one record that Concord made on each side, and none made for what it made itself.
fn nothing_was_made_twice(scene: &Scene<'_>) -> Result<(), Broken> {
    let merged: BTreeSet<Address> = scene
        .world
        .users
        .merged
        .iter()
        .map(|(side, object, _, winner)| (*side, *object, winner.clone()))
        .collect();
    let mut made: BTreeMap<(Side, usize, &str), &Address> = BTreeMap::new();
    for (record, shown) in
        scene.records.iter().filter(|(record, shown)| shown.made_by_us && !merged.contains(record))
    {
        let Some(link) = &shown.concord_id else {
            if shown.alive {
                let what = format!("{record:?} was made by Concord and does not say for which link");
                return Err(Broken { invariant: "I14", what });
            }
            continue;
        };
        // Made unanswered and deleted before anybody could see it: that there was one is known to nobody.
        let is_forgotten = scene.world.site.watch().forgotten.contains(&LinkId::from(link.as_str()));
        if !shown.alive && (scene.was_never_seen(record) || scene.of_erased(link) || is_forgotten) {
            continue;
        }
        if let Some(other) = made.insert((record.0, record.1, link), record) {
            let what = format!("{other:?} and {record:?} were both made for link {link}");
            return Err(Broken { invariant: "I14", what });
        }
    }
    let restored = scene.world.site.watch().struck(&[Fault::StoreRestored]);
    for link in &scene.links {
        let ours = |side| {
            let half = scene.half(link, side)?;
            let known = scene.records.get(&half);
            known.filter(|shown| shown.made_by_us && !merged.contains(&half)).map(|_| half)
        };
        for half in Side::BOTH.into_iter().filter_map(ours) {
            if let Some(other) =
                made.get(&(half.0, half.1, link.id.as_str())).filter(|other| ***other != half)
            {
                let what = format!("{half:?} and {other:?} were both made for link {}", link.id);
                return Err(Broken { invariant: "I14", what });
            }
        }
        // What is erased has no history left to tell who made it.
        if link.is_erased() {
            continue;
        }
        // A backup may know neither the record that ours was made for nor, once its key was changed, how to find it.
        if ours(Side::HubSpot).is_some() && ours(Side::Salesforce).is_some() && !restored {
            let what = format!("both records of link {} were made by Concord", link.id);
            return Err(Broken { invariant: "I14", what });
        }
    }
    Ok(())
}

/// I14: the contact that a paired lead became is its pair's, and nobody is made for it on the other side.
fn nobody_is_made_for_a_converted_lead(scene: &Scene<'_>) -> Result<(), Broken> {
    let watch = scene.world.site.watch();
    if watch.struck(&[Fault::StoreRestored]) {
        return Ok(());
    }
    let members = |link: &LinkId| {
        let of_link =
            watch.members.iter().filter(|(record, of)| of == link && record.side == Side::Salesforce);
        of_link.map(|(record, _)| record.id.as_str()).collect::<BTreeSet<&str>>()
    };
    for (lead, contact) in &scene.world.users.converted {
        let known = watch.members.iter().find(|(record, _)| record.id.as_str() == lead).map(|(_, pair)| pair);
        // A pair that is over has a lead that is left over, and who it becomes is a stranger.
        let over = |pair: &LinkId| {
            let mut links = scene.links.iter().filter(|link| link.id == *pair);
            links.any(|link| matches!(link.status, Status::Unlinked { .. } | Status::Erased { .. }))
        };
        let Some(pair) = known.filter(|pair| !over(pair)) else { continue };
        let made = |link: &&Link| {
            scene.shown(link, Side::HubSpot).is_some_and(|(shown, _)| shown.made_by_us)
                && members(&link.id) == BTreeSet::from([contact.as_str()])
        };
        if let Some(link) = scene.links.iter().filter(|link| link.id != *pair).find(made) {
            let what = format!(
                "somebody was made for {contact}, which the lead {lead} of link {pair} became: link {}",
                link.id
            );
            return Err(Broken { invariant: "I14", what });
        }
    }
    Ok(())
}

/// I14: no record was made for one of two that a shared key makes one thing.
fn nothing_was_made_beside_a_match(scene: &Scene<'_>) -> Result<(), Broken> {
    // A merge, a restored record or a changed key brings a key to where another holds it already: that is parked for
    // a person.
    let users = &scene.world.users;
    if !users.merged.is_empty() || !users.deleted.is_empty() || scene.world.profile.keeps_apart {
        return Ok(());
    }
    let changed = users.edits.iter().filter(|edit| {
        is_key(OBJECTS[edit.object].fields[edit.field].name) && edit.saw.iter().any(|saw| !saw.is_empty())
    });
    let changed: BTreeSet<Address> =
        changed.map(|edit| scene.thing(&(edit.side, edit.object, edit.id.clone()))).collect();
    let mut holders: BTreeMap<(usize, &str), &Link> = BTreeMap::new();
    let made = |link: &Link| {
        let halves = Side::BOTH.into_iter().filter_map(|side| scene.records.get(&scene.half(link, side)?));
        halves.into_iter().any(|shown| shown.made_by_us)
    };
    for link in scene.links.iter().filter(|link| link.status == Status::Live) {
        for half in Side::BOTH.into_iter().filter_map(|side| scene.half(link, side)) {
            if changed.contains(&scene.thing(&half)) {
                continue;
            }
            let Some(shown) = scene.records.get(&half).filter(|shown| shown.alive) else { continue };
            let fields = OBJECTS[half.1].fields.iter().zip(&shown.values);
            let Some((_, key)) = fields.into_iter().find(|(field, _)| is_key(field.name)) else { continue };
            let known = holders.insert((half.1, key), link).filter(|known| known.id != link.id);
            if let Some(known) = known.filter(|known| !key.is_empty() && (made(known) || made(link))) {
                let what = format!("the links {} and {} share the key of {half:?}", known.id, link.id);
                return Err(Broken { invariant: "I14", what });
            }
        }
    }
    Ok(())
}

/// I16: two records that people made are one thing by a key that both were given, or since a person said so. A merge or a record
/// from the bin brings keys of its own.
fn nobody_is_joined_without_a_key(scene: &Scene<'_>) -> Result<(), Broken> {
    let users = &scene.world.users;
    let restored = scene.world.site.watch().struck(&[Fault::StoreRestored]);
    if restored || !users.merged.is_empty() || !users.deleted.is_empty() {
        return Ok(());
    }
    let keys = |half: &Address| -> BTreeSet<&str> {
        let edits =
            users.edits.iter().filter(|edit| (edit.side, edit.object, &edit.id) == (half.0, half.1, &half.2));
        let keys = edits.filter(|edit| is_key(OBJECTS[edit.object].fields[edit.field].name));
        keys.map(|edit| edit.value.as_str()).filter(|key| !key.is_empty()).collect()
    };
    let joined =
        scene.links.iter().filter(|link| !link.is_erased() && !scene.cites(link, "P6 a person linked"));
    for link in joined {
        let halves = (scene.shown(link, Side::HubSpot), scene.shown(link, Side::Salesforce));
        let (Some((here, at)), Some((there, other))) = halves else { continue };
        if !here.made_by_us && !there.made_by_us && keys(&at).is_disjoint(&keys(&other)) {
            let what =
                format!("{at:?} and {other:?} were never given one key, and link {} joins them", link.id);
            return Err(Broken { invariant: "I16", what });
        }
    }
    Ok(())
}

/// I16: two records that a person keeps apart are in no pair, but for one that a merge has brought into the other's (P11).
fn nobody_is_joined_who_is_kept_apart(scene: &Scene<'_>) -> Result<(), Broken> {
    let restored = scene.world.site.watch().struck(&[Fault::StoreRestored]);
    let merged = &scene.world.users.merged;
    let is_winner =
        |ids: &PerSide<RecordId>| merged.iter().any(|(side, _, _, winner)| ids[*side].as_str() == winner);
    let kept = scene.world.kept_apart.iter().filter(|(_, ids)| !restored && !is_winner(ids));
    for (object, ids) in kept {
        let joined = |link: &&Link| {
            link.object == *object
                && Side::BOTH.iter().all(|side| link.records[*side].as_ref() == Some(&ids[*side]))
        };
        if let Some(link) = scene.links.iter().find(joined) {
            let what = format!(
                "{} and {} are kept apart, and link {} joins them",
                ids.hubspot, ids.salesforce, link.id
            );
            return Err(Broken { invariant: "I16", what });
        }
    }
    Ok(())
}

fn is_out_of_scope(scene: &Scene<'_>, object: usize, shown: &Shown) -> bool {
    scene.world.profile.people.leave
        && field(object, "job_title").is_some_and(|field| shown.values[field].starts_with(OUT_OF_SCOPE))
}

fn is_key(field: &str) -> bool {
    matches!(field, "email" | "domain")
}

/// I18: a record is flagged only if its counterpart was deleted, and as long as it is.
fn nothing_is_called_deleted_without_evidence(scene: &Scene<'_>) -> Result<(), Broken> {
    for link in &scene.links {
        for side in Side::BOTH {
            let halves = (scene.shown(link, side), scene.shown(link, side.other()));
            let (Some((here, _)), Some((there, _))) = halves else { continue };
            let flagged = here.alive && here.flagged;
            if flagged && there.alive && link.status == Status::Live {
                let what = format!(
                    "{side} {} says that its counterpart {} is deleted, which lives",
                    here.id, there.id
                );
                return Err(Broken { invariant: "I18", what });
            }
            let told = link.status == Status::Flagged { deleted: side.other() };
            if told && there.alive {
                let what = format!(
                    "link {} believes that {} {} is deleted, which lives",
                    link.id,
                    side.other(),
                    there.id
                );
                return Err(Broken { invariant: "I18", what });
            }
        }
    }
    Ok(())
}

/// I18: of a pair that was ever told of a delete, somebody deleted a record, or merged it away.
fn what_is_called_deleted_was_deleted(scene: &Scene<'_>) -> Result<(), Broken> {
    let users = &scene.world.users;
    let deleted = users.deleted.iter().map(|(side, object, id)| (*side, *object, id.clone()));
    let merged = users.merged.iter().map(|(side, object, loser, _)| (*side, *object, loser.clone()));
    let gone: BTreeSet<Address> = deleted.chain(merged).map(|record| scene.thing(&record)).collect();
    for link in scene.links.iter().filter(|link| scene.cites(link, "P9")) {
        let mut halves = Side::BOTH.into_iter().filter_map(|side| scene.half(link, side));
        if !halves.any(|half| gone.contains(&scene.thing(&half))) {
            let what = format!("a record of link {} was called deleted, which nobody deleted", link.id);
            return Err(Broken { invariant: "I18", what });
        }
    }
    Ok(())
}

/// I2: a delete is told to the other side, or an operator is told why not; of what was purged, too, which stands in no listing.
fn a_delete_is_passed_on(scene: &Scene<'_>) -> Result<(), Broken> {
    for link in &scene.links {
        for side in Side::BOTH {
            let halves = (scene.shown(link, side), scene.shown(link, side.other()));
            let (Some((here, at)), Some((there, other))) = halves else { continue };
            let deleted = !here.alive && here.merged_into.is_none();
            // A delete out of scope is nobody's business, and nobody brings a deleted record back into it.
            if [here, there].iter().any(|shown| is_out_of_scope(scene, at.1, shown)) {
                continue;
            }
            let forgotten = match link.status {
                Status::Live => true,
                Status::Flagged { .. } => !there.flagged,
                Status::Unlinked { .. } | Status::Apart { .. } | Status::Erased { .. } => false,
            };
            if deleted && there.alive && forgotten && !scene.is_told(&at) && !scene.is_told(&other) {
                let what = format!("{at:?} was deleted, and link {} goes on as if it lived", link.id);
                return Err(Broken { invariant: "I2", what });
            }
        }
    }
    Ok(())
}

/// I18: what Concord has put into a bin is in the bin on the other side too, and their pair is not over.
fn nobody_is_archived_in_vain(scene: &Scene<'_>) -> Result<(), Broken> {
    let told: BTreeSet<Address> = scene.parked_records().collect();
    for link in &scene.links {
        let halves = (scene.shown(link, Side::HubSpot), scene.shown(link, Side::Salesforce));
        let (Some((here, at)), Some((there, other))) = halves else { continue };
        let over = match link.status {
            Status::Live | Status::Flagged { .. } | Status::Erased { .. } => false,
            Status::Unlinked { .. } | Status::Apart { .. } => true,
        };
        if there.archived_by_us
            && !link.is_erased()
            && (here.alive || over)
            && !told.contains(&at)
            && !told.contains(&other)
        {
            let what =
                format!("{other:?} was archived by Concord, and {at:?} lives or link {} is over", link.id);
            return Err(Broken { invariant: "I18", what });
        }
    }
    Ok(())
}

/// I18: what a person took out of the bin, while the other record is in its own, is not put back for the same delete.
fn a_delete_is_passed_on_once(scene: &Scene<'_>) -> Result<(), Broken> {
    let told: BTreeSet<Address> = scene.parked_records().collect();
    for link in
        scene.links.iter().filter(|link| scene.cites(link, "P9 taken out of the bin on one side alone"))
    {
        let halves = (scene.shown(link, Side::HubSpot), scene.shown(link, Side::Salesforce));
        let (Some((here, at)), Some((there, other))) = halves else { continue };
        if !here.alive && there.archived_by_us && !link.is_erased() && !told.contains(&other) {
            let what =
                format!("{other:?} was taken out of the bin, and archived again for the delete of {at:?}");
            return Err(Broken { invariant: "I18", what });
        }
    }
    Ok(())
}

/// I11, I35: a field is set aside exactly as long as its link remembers it.
fn parked_fields_are_remembered(scene: &Scene<'_>) -> Result<(), Broken> {
    if scene.world.site.watch().struck(&[Fault::StoreRestored]) {
        return Ok(());
    }
    let told = scene.parked.iter().filter_map(|parked| match &parked.key {
        ParkKey::Field(link, field) => Some((link, field)),
        ParkKey::Record(_) | ParkKey::Message(_) | ParkKey::Object(_) | ParkKey::Type(..) => None,
    });
    let told: BTreeSet<_> = told.collect();
    let remembered = scene.links.iter().flat_map(|link| {
        let parked = link.fields.iter().filter(|(_, memory)| memory.standing == FieldStanding::Parked);
        parked.map(|(field, _)| (&link.id, field))
    });
    let remembered: BTreeSet<_> = remembered.collect();
    match told.symmetric_difference(&remembered).next() {
        Some((link, field)) => {
            let which = if told.contains(&(*link, *field)) { "is" } else { "is not" };
            let what =
                format!("{field} of link {link} {which} told to be set aside, and its link says otherwise");
            Err(Broken { invariant: "I35", what })
        }
        None => Ok(()),
    }
}

/// I35: where nothing is narrow any more, a side refuses a write only for a value that another record holds; and whoever is shown
/// again is not set aside for having been hidden.
fn nobody_is_set_aside_for_nothing(scene: &Scene<'_>) -> Result<(), Broken> {
    let unseen = scene.parked.iter().filter(|parked| parked.reason.contains("shows nothing under this id"));
    let mut unseen = unseen.filter_map(|parked| address(parked.key.record()?));
    if let Some(at) = unseen.find(|at| scene.records.get(at).is_some_and(|shown| shown.alive)) {
        let what = format!("{at:?} is said not to be shown, and lives");
        return Err(Broken { invariant: "I35", what });
    }
    let shows = |of: &ParkKey| {
        let mut alive = scene.records.iter().filter(|(_, shown)| shown.alive);
        alive.any(|(record, _)| Scene::type_of(record) == *of)
    };
    let silent =
        scene.parked.iter().find(|parked| matches!(parked.key, ParkKey::Type(..)) && shows(&parked.key));
    if let Some(parked) = silent {
        let what = format!("{:?} is said to be shown no more, and is", parked.key);
        return Err(Broken { invariant: "I35", what });
    }
    if scene.world.disturbed {
        return Ok(());
    }
    for link in &scene.links {
        for side in Side::BOTH.into_iter().filter(|side| link.refused[*side] == Refusal::Parked) {
            if !shares_a_unique_value(scene, link, side) {
                let what = format!("{side} is said to refuse writes of link {}, for no reason", link.id);
                return Err(Broken { invariant: "I35", what });
            }
        }
    }
    Ok(())
}

/// Whether two records on a side were ever given one key, this link's, or one mark of ours.
fn shares_a_unique_value(scene: &Scene<'_>, link: &Link, side: Side) -> bool {
    let Some(object) = object_index(&link.object) else { return false };
    let things: BTreeSet<Address> = Side::BOTH
        .into_iter()
        .filter_map(|side| scene.half(link, side).map(|half| scene.thing(&half)))
        .collect();
    let of_key = |edit: &&Edit| edit.object == object && is_key(OBJECTS[object].fields[edit.field].name);
    let edits = || scene.world.users.edits.iter().filter(of_key);
    let thing = |edit: &Edit| scene.thing(&(edit.side, edit.object, edit.id.clone()));
    let keys: BTreeSet<&str> =
        edits().filter(|edit| things.contains(&thing(edit))).map(|edit| edit.value.as_str()).collect();
    let half = scene.half(link, side);
    let mut others = scene
        .records
        .iter()
        .filter(|(record, _)| (record.0, record.1) == (side, object) && half.as_ref() != Some(*record));
    let key_of = |shown: &Shown| {
        let key = OBJECTS[object].fields.iter().position(|field| is_key(field.name));
        key.map(|key| shown.values[key].clone()).filter(|key| shown.alive && !key.is_empty())
    };
    let wanted = scene.shown(link, side.other()).and_then(|(shown, _)| key_of(shown));
    let held = |shown: &Shown| wanted.is_some() && key_of(shown) == wanted;
    others.any(|(_, shown)| shown.concord_id.as_deref() == Some(link.id.as_str()) || held(shown))
        || edits().any(|edit| keys.contains(edit.value.as_str()) && !things.contains(&thing(edit)))
}

/// I32: a living record has a link, or somebody is told why not.
pub(super) fn nothing_is_forgotten(scene: &Scene<'_>) -> Result<(), Broken> {
    let mut known: BTreeSet<Address> = scene
        .links
        .iter()
        .flat_map(|link| Side::BOTH.into_iter().filter_map(|side| scene.half(link, side)))
        .collect();
    known.extend(scene.parked_records());
    match scene.records.iter().find(|(record, shown)| shown.alive && !known.contains(*record)) {
        Some((record, _)) => {
            let what = format!("{record:?} lives, has no link, and nobody is told why");
            Err(Broken { invariant: "I32", what })
        }
        None => Ok(()),
    }
}
