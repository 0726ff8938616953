//! Values: I1 no silent loss, I2 convergence, I3 no stale resurrection, I4 and I16 no invented and no foreign
//! value, I6 conflicts that are conflicts, I7 whole atoms (an atom's value is one value here), I8 merged sets.

use std::collections::BTreeMap;

use concord_core::link::Refusal;
use concord_core::names::{PerSide, Side};

use super::{Address, Scene, object_index};
use crate::display::{AT_THE_SCREEN, COMPANY, CONTACT, Form, LEFT_HUBSPOT, OBJECTS, is_lead};
use crate::fault::Fault;
use crate::users::{Edit, How};
use crate::watch::Broken;

/// Edits of one field of one thing.
type Histories<'a> = BTreeMap<(Address, usize), Vec<&'a Edit>>;

pub(super) fn check(scene: &Scene<'_>) -> Result<(), Broken> {
    let mut histories: Histories<'_> = BTreeMap::new();
    for edit in &scene.world.users.edits {
        let thing = scene.thing(&(edit.side, edit.object, edit.id.clone()));
        histories.entry((thing, edit.field)).or_default().push(edit);
    }
    both_sides_agree(scene)?;
    nothing_is_invented(scene, &histories)?;
    no_company_is_invented(scene)?;
    no_owner_is_invented(scene)?;
    no_company_is_taken_away(scene)?;
    // A backup knows nothing of what was agreed on, decided and recorded after it.
    if scene.world.site.watch().struck(&[Fault::StoreRestored]) {
        return Ok(());
    }
    conflicts_are_conflicts(scene)?;
    nothing_is_lost(scene, &histories)?;
    no_edit_is_archived(scene, &histories)?;
    sets_are_merged(scene, &histories)?;
    nothing_stale_returns(scene, &histories)
}

/// A workflow edits this field, and nobody logs what it saw.
fn is_automated(scene: &Scene<'_>, object: usize, field: usize) -> bool {
    let workflow = scene.world.profile.swarm.weight(Fault::Workflow) > 0;
    workflow && OBJECTS[object].name == "company" && OBJECTS[object].fields[field].name == "description"
}

/// I2.
pub(super) fn both_sides_agree(scene: &Scene<'_>) -> Result<(), Broken> {
    for link in &scene.links {
        let (Some(pair), Some(object)) = (scene.living(link), object_index(&link.object)) else { continue };
        for (field, mapped) in OBJECTS[object].fields.iter().enumerate() {
            let (h, s) = (&pair.hubspot.values[field], &pair.salesforce.values[field]);
            let of_both = mapped.is_of_leads() || !is_lead(&pair.salesforce.id);
            if h != s && of_both && !scene.waits(link, mapped.name) {
                let what = format!(
                    "{} of link {}: HubSpot {} holds {h:?}, Salesforce {} holds {s:?}",
                    mapped.name, link.id, pair.hubspot.id, pair.salesforce.id
                );
                return Err(Broken { invariant: "I2", what });
            }
        }
    }
    references_agree(scene)?;
    owners_agree(scene)
}

/// I2: both halves of a pair of contacts belong to one person, or to nobody.
fn owners_agree(scene: &Scene<'_>) -> Result<(), Broken> {
    let contacts = scene.links.iter().filter(|link| object_index(&link.object) == Some(CONTACT));
    for link in contacts.filter(|_| scene.world.profile.people.own) {
        let Some(pair) = scene.living(link) else { continue };
        let (hubspot, salesforce) = (pair.hubspot.owner, pair.salesforce.owner);
        if hubspot != salesforce && !scene.waits(link, "owner") {
            let what = format!(
                "link {}: HubSpot {} belongs to {hubspot:?}, Salesforce {} to {salesforce:?}",
                link.id, pair.hubspot.id, pair.salesforce.id
            );
            return Err(Broken { invariant: "I2", what });
        }
    }
    Ok(())
}

/// I4: a contact belongs to somebody to whom it was given, on that side if the person has left it; or who made it.
fn no_owner_is_invented(scene: &Scene<'_>) -> Result<(), Broken> {
    let given = &scene.world.users.given;
    for (record, shown) in scene.records.iter().filter(|(record, shown)| record.1 == CONTACT && shown.alive) {
        let Some(owner) = shown.owner.filter(|owner| *owner != AT_THE_SCREEN) else { continue };
        let found = given.iter().any(|(side, contact, to)| {
            *to == Some(owner)
                && scene.thing(&(*side, CONTACT, contact.clone())) == scene.thing(record)
                && (*side == record.0 || record.0 == Side::Salesforce || owner != LEFT_HUBSPOT)
        });
        if !found {
            let what = format!("{record:?} belongs to person {owner}, to whom nobody gave it");
            return Err(Broken { invariant: "I4", what });
        }
    }
    Ok(())
}

/// I17: both halves of a pair belong to one company, as far as their companies are pairs that live.
fn references_agree(scene: &Scene<'_>) -> Result<(), Broken> {
    let kept = |side: Side, id: &String| {
        let company = Some((side, COMPANY, id.clone()));
        scene.links.iter().find(|link| scene.half(link, side) == company && scene.living(link).is_some())
    };
    for link in scene.links.iter().filter(|_| scene.world.profile.people.associate) {
        let Some(pair) = scene.living(link).filter(|pair| !is_lead(&pair.salesforce.id)) else { continue };
        let companies = PerSide::of(|side| pair[side].company.as_ref().map(|id| kept(side, id)));
        let agree = match (companies.hubspot, companies.salesforce) {
            (None | Some(None), None | Some(None)) => true,
            (Some(Some(hubspot)), Some(Some(salesforce))) => hubspot.id == salesforce.id,
            (Some(Some(_)), None | Some(None)) | (None | Some(None), Some(Some(_))) => false,
        };
        if !agree && !scene.waits(link, "company") {
            let what = format!(
                "the company of link {}: HubSpot {} belongs to {:?}, Salesforce {} to {:?}",
                link.id, pair.hubspot.id, pair.hubspot.company, pair.salesforce.id, pair.salesforce.company
            );
            return Err(Broken { invariant: "I17", what });
        }
    }
    Ok(())
}

/// I10: where somebody chose a company for a record it has one, unless somebody chose none, or deleted that company there.
fn no_company_is_taken_away(scene: &Scene<'_>) -> Result<(), Broken> {
    let users = &scene.world.users;
    for (side, object, id, _) in &users.chosen {
        let record = (*side, *object, id.clone());
        let Some(shown) = scene.records.get(&record).filter(|shown| shown.alive) else { continue };
        let thing = scene.thing(&record);
        let about_it = |side: Side, of: usize, id: &String| scene.thing(&(side, of, id.clone())) == thing;
        let cleared = users.cleared.iter().any(|(side, of, id)| about_it(*side, *of, id));
        let deleted = users.deleted.iter().any(|(of, object, id)| {
            let company = scene.thing(&(*of, *object, id.clone()));
            (*of, *object) == (*side, COMPANY)
                && users.chosen.iter().any(|(side, of, chooser, firm)| {
                    about_it(*side, *of, chooser) && scene.thing(&(*side, COMPANY, firm.clone())) == company
                })
        });
        if shown.company.is_none() && !cleared && !deleted {
            let what = format!("{record:?} belongs to no company any more, and nobody took it out of one");
            return Err(Broken { invariant: "I10", what });
        }
    }
    Ok(())
}

/// I16: a record belongs to a company that somebody chose for it.
fn no_company_is_invented(scene: &Scene<'_>) -> Result<(), Broken> {
    let chosen = &scene.world.users.chosen;
    for (record, shown) in scene.records.iter().filter(|(_, shown)| shown.alive) {
        let Some(company) = &shown.company else { continue };
        let (thing, company) = (scene.thing(record), scene.thing(&(record.0, COMPANY, company.clone())));
        let found = chosen.iter().any(|(side, object, chooser, firm)| {
            scene.thing(&(*side, *object, chooser.clone())) == thing
                && scene.thing(&(*side, COMPANY, firm.clone())) == company
        });
        if !found {
            let what = format!("{record:?} belongs to {:?}, which nobody chose for it", shown.company);
            return Err(Broken { invariant: "I16", what });
        }
    }
    Ok(())
}

/// I6: what is held differs.
fn conflicts_are_conflicts(scene: &Scene<'_>) -> Result<(), Broken> {
    // Texts that differ in case only are the same to a person, and a conflict to a side that rewrites them.
    if scene.world.profile.swarm.weight(Fault::Rewriting) > 0 {
        return Ok(());
    }
    for conflict in &scene.conflicts {
        let Some(link) = scene.links.iter().find(|link| link.id == conflict.link) else { continue };
        let (Some(pair), Some(object)) = (scene.living(link), object_index(&link.object)) else { continue };
        let of = OBJECTS[object].fields.iter().position(|mapped| mapped.name == conflict.field.as_str());
        let Some(field) = of else { continue };
        // What a stale landing hid is put back before the two are compared, unless the side refuses it.
        if Side::BOTH.into_iter().any(|side| link.refused[side] == Refusal::Parked) {
            continue;
        }
        if pair.hubspot.values[field] == pair.salesforce.values[field] {
            let what =
                format!("{} of link {} is held, and both sides hold the same", conflict.field, link.id);
            return Err(Broken { invariant: "I6", what });
        }
    }
    Ok(())
}

/// I4, I7, I16: whatever stands anywhere was typed there, or on something that was one with it.
fn nothing_is_invented(scene: &Scene<'_>, histories: &Histories<'_>) -> Result<(), Broken> {
    for (record, shown) in scene.records.iter().filter(|(_, shown)| shown.alive) {
        for (field, mapped) in OBJECTS[record.1].fields.iter().enumerate() {
            let value = &shown.values[field];
            let chosen = matches!(mapped.form, Form::Set | Form::Stage);
            if value.is_empty() || chosen || is_automated(scene, record.1, field) {
                continue;
            }
            let history = histories.get(&(scene.thing(record), field));
            if !history.into_iter().flatten().any(|edit| edit.value == *value) {
                let what =
                    format!("{record:?} holds {value:?} as {}, which nobody typed for it", mapped.name);
                return Err(Broken { invariant: "I4", what });
            }
        }
    }
    Ok(())
}

/// I1: every edit stands where it was made, or was replaced by somebody who saw it, or is on record.
fn nothing_is_lost(scene: &Scene<'_>, histories: &Histories<'_>) -> Result<(), Broken> {
    for ((thing, field), edits) in histories {
        for edit in edits.iter().filter(|edit| edit.how == How::Typed) {
            let mapped = &OBJECTS[edit.object].fields[*field];
            let record = (edit.side, edit.object, edit.id.clone());
            let Some(shown) = scene.records.get(&record).filter(|shown| shown.alive) else { continue };
            if scene.is_erased(&record) {
                continue;
            }
            let stands = shown.values[*field] == edit.value;
            let on_record = || {
                scene.recorded.iter().any(|((link, name), losers)| {
                    name.as_str() == mapped.name
                        && losers.contains(&edit.value)
                        && of_thing(scene, link.as_str(), thing)
                })
            };
            let excused =
                is_automated(scene, edit.object, *field) || is_set_aside(scene, &record, mapped.name);
            if !stands && !excused && !is_superseded(edits, &edit.value) && !on_record() {
                let what = format!(
                    "{:?} was typed as {} of {record:?}, which now holds {:?}: nobody saw it who replaced it, and it is \
                     not on record",
                    edit.value, mapped.name, shown.values[*field]
                );
                return Err(Broken { invariant: "I1", what });
            }
        }
    }
    Ok(())
}

/// I20: what Concord has archived holds no edit that whoever deleted the other record had not seen.
fn no_edit_is_archived(scene: &Scene<'_>, histories: &Histories<'_>) -> Result<(), Broken> {
    for link in &scene.links {
        let halves = (scene.shown(link, Side::HubSpot), scene.shown(link, Side::Salesforce));
        let (Some((here, _)), Some((there, record))) = halves else { continue };
        let archived = there.archived_by_us && !link.is_erased();
        for (field, mapped) in OBJECTS[record.1].fields.iter().enumerate().filter(|_| archived) {
            let value = &there.values[field];
            let Some(edits) = histories.get(&(scene.thing(&record), field)) else { continue };
            let typed = edits
                .iter()
                .any(|edit| (edit.side, edit.how) == (Side::Salesforce, How::Typed) && edit.value == *value);
            let on_record = scene.recorded.iter().any(|((of, name), losers)| {
                *of == link.id && name.as_str() == mapped.name && losers.contains(value)
            });
            let excused = is_automated(scene, record.1, field)
                || is_set_aside(scene, &record, mapped.name)
                || is_superseded(edits, value);
            if typed && *value != here.values[field] && !on_record && !excused {
                let what = format!(
                    "{record:?} was archived with {value:?} as {}, which HubSpot never showed",
                    mapped.name
                );
                return Err(Broken { invariant: "I20", what });
            }
        }
    }
    Ok(())
}

/// I8: what somebody added to a set, and nobody took out who saw it, still stands where it was added.
fn sets_are_merged(scene: &Scene<'_>, histories: &Histories<'_>) -> Result<(), Broken> {
    let has = |set: &str, option: &str| set.split(';').any(|one| one == option);
    for ((thing, field), edits) in histories {
        for edit in edits.iter().filter(|edit| OBJECTS[edit.object].fields[*field].form == Form::Set) {
            let record = (edit.side, edit.object, edit.id.clone());
            let Some(shown) = scene.records.get(&record).filter(|shown| shown.alive) else { continue };
            if scene.is_erased(&record) {
                continue;
            }
            let name = OBJECTS[edit.object].fields[*field].name;
            let added = edit.value.split(';').filter(|option| !edit.saw.iter().any(|saw| has(saw, option)));
            for option in added.filter(|option| !option.is_empty() && !has(&shown.values[*field], option)) {
                let taken_out = edits
                    .iter()
                    .any(|other| !has(&other.value, option) && other.saw.iter().any(|saw| has(saw, option)));
                // Where Salesforce's set may be its own rewriting of ours, it gives way and is on record (P4).
                let on_record = scene.recorded.iter().any(|((link, of), losers)| {
                    of.as_str() == name
                        && losers.iter().any(|loser| has(loser, option))
                        && of_thing(scene, link.as_str(), thing)
                });
                if !taken_out && !on_record && !is_set_aside(scene, &record, name) {
                    let what = format!(
                        "{option:?} was added to {name} of {record:?}, which now holds {:?}: nobody took it out",
                        shown.values[*field]
                    );
                    return Err(Broken { invariant: "I8", what });
                }
            }
        }
    }
    Ok(())
}

/// I3: what somebody replaced who had seen it does not stand on both sides. Judged where no value was typed twice.
fn nothing_stale_returns(scene: &Scene<'_>, histories: &Histories<'_>) -> Result<(), Broken> {
    // Made unanswered and deleted before anybody could see it: what was typed there is known to nobody.
    let is_known = |edit: &&&Edit| {
        let at = (edit.side, edit.object, edit.id.clone());
        !scene.was_never_seen(&at) || scene.records.get(&at).is_some_and(|shown| shown.alive)
    };
    for link in &scene.links {
        let (Some(pair), Some(object)) = (scene.living(link), object_index(&link.object)) else { continue };
        for (field, mapped) in OBJECTS[object].fields.iter().enumerate() {
            let value = &pair.hubspot.values[field];
            let record = (Side::HubSpot, object, pair.hubspot.id.clone());
            let Some(edits) = histories.get(&(scene.thing(&record), field)) else { continue };
            let edits: Vec<&Edit> = edits.iter().filter(is_known).copied().collect();
            let judged =
                edits.iter().all(|edit| edit.how == How::Typed) && !is_automated(scene, object, field);
            if judged && !scene.waits(link, mapped.name) && is_superseded(&edits, value) {
                let what = format!(
                    "{value:?} stands again as {} of {record:?}, and was replaced before",
                    mapped.name
                );
                return Err(Broken { invariant: "I3", what });
            }
        }
    }
    Ok(())
}

/// Where HubSpot keeps too little history, nobody can tell what our own write hid: an operator is told (P5).
fn is_set_aside(scene: &Scene<'_>, record: &Address, field: &str) -> bool {
    let short = scene.world.profile.swarm.weight(Fault::HistoryTruncated) > 0;
    short
        && scene
            .links
            .iter()
            .any(|link| scene.half(link, record.0).as_ref() == Some(record) && scene.waits(link, field))
}

/// Whether somebody who saw a value replaced it by another.
fn is_superseded(edits: &[&Edit], value: &str) -> bool {
    edits.iter().any(|edit| edit.value != value && edit.saw.iter().any(|saw| saw == value))
}

fn of_thing(scene: &Scene<'_>, link: &str, thing: &Address) -> bool {
    let link = scene.links.iter().find(|known| known.id.as_str() == link);
    link.is_some_and(|link| {
        Side::BOTH
            .into_iter()
            .filter_map(|side| scene.half(link, side))
            .any(|half| scene.thing(&half) == *thing)
    })
}
