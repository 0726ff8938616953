//! Merging and erasing.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HubSpot;
use super::config::MergeEvents;
use super::defaults::LIFECYCLE_STAGES;
use super::objects::Selection;
use super::schema::{CONTACT, TypeIndex, Writing};
use super::store::{ADDITIONAL_EMAILS, Record, Set, Turn, Who};
use super::wire::{Refusal, Reply, parsed};
use super::write::Actor;

const MERGED_IDS: &str = "hs_merged_object_ids";
const MERGED_VIDS: &str = "hs_calculated_merged_vids";
/// Changelog: identities of one contact.
const IDENTITIES_MAX: usize = 250;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MergeBody {
    primary_object_id: Value,
    object_id_to_merge: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EraseBody {
    object_id: Value,
    #[serde(default)]
    id_property: Option<String>,
}

impl HubSpot {
    /// Merges two records into a new one with an id of its own; both old ids mean it from now on.
    pub(super) fn merge(&mut self, object: TypeIndex, actor: Actor, body: &Bytes) -> Result<Reply, Refusal> {
        let body: MergeBody = parsed(body)?;
        let primary = self.live_end(object, &super::value::text(&body.primary_object_id))?.1;
        let other = self.live_end(object, &super::value::text(&body.object_id_to_merge))?.1;
        if primary == other {
            return Err(Refusal::invalid("A record cannot be merged with itself."));
        }
        let store = &mut self.types[object.0].store;
        let (Some(winner), Some(loser)) = (store.live(primary).cloned(), store.live(other).cloned()) else {
            return Err(Refusal::not_found());
        };
        let earlier = earlier_ids(&winner, &loser);
        if earlier.len() >= IDENTITIES_MAX {
            let message = format!("Cannot have more than {IDENTITIES_MAX} identities on a profile");
            return Err(Refusal::new(414, message));
        }
        let id = self.types[object.0].store.allot();
        let moved = self.moved(object, &winner, &loser);
        let store = &mut self.types[object.0].store;
        let at = winner.next_stamp(actor.now).max(loser.next_stamp(actor.now));
        for old in [primary, other] {
            store.retire(old, actor.now, actor.who, Some(id));
        }
        store.insert(successor(id, at, &winner, &loser));
        let mut sets: Vec<Set> =
            moved.iter().map(|(name, value)| own(actor.who, name, value.clone())).collect();
        sets.push(own(Who::System, MERGED_IDS, earlier.join(";")));
        if object == CONTACT {
            let ms = at.as_millisecond();
            let vids: Vec<String> = earlier.iter().map(|vid| format!("{vid}:{ms}")).collect();
            sets.push(own(Who::System, MERGED_VIDS, vids.join(";")));
            sets.push(own(Who::System, "hs_all_contact_vids", format!("{id};{}", earlier.join(";"))));
        }
        store.write_at(id, at, &sets);
        self.pairs.hand_over((object, primary), (object, id));
        self.pairs.hand_over((object, other), (object, id));
        let fields = json!({
            "objectId": primary, "primaryObjectId": primary, "mergedObjectIds": [other], "newObjectId": id,
            "numberOfPropertiesMoved": moved.len(),
        });
        self.tell(object, "merge", at, actor.who, fields);
        self.tell_merge_variants(object, actor, at, [primary, other], id);
        self.show_primary_at_all(object, id, actor.now);
        let Some(record) = self.types[object.0].store.live(id) else { return Err(Refusal::not_found()) };
        Ok(Reply::ok(self.rendered(object, record, &Selection::default())))
    }

    fn tell_merge_variants(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        at: jiff::Timestamp,
        old: [u64; 2],
        new: u64,
    ) {
        match self.config.merge_events {
            MergeEvents::MergeOnly => {}
            MergeEvents::WithDeletions => {
                for id in old {
                    let fields = json!({"objectId": id, "changeFlag": "DELETED"});
                    self.tell(object, "deletion", at, actor.who, fields);
                }
            }
            MergeEvents::WithCreation => {
                let fields = json!({"objectId": new, "changeFlag": "CREATED"});
                self.tell(object, "creation", at, actor.who, fields);
            }
        }
    }

    /// What the primary lacks and the other has, and what a contact keeps of both.
    fn moved(&self, object: TypeIndex, winner: &Record, loser: &Record) -> BTreeMap<String, String> {
        let of_type = &self.types[object.0];
        let mut moved = BTreeMap::new();
        for name in loser.versions.keys() {
            let open = of_type.property(name).is_some_and(|known| known.writing == Writing::Open);
            if let (None, Some(value), true) = (winner.current(name), loser.current(name), open) {
                moved.insert(name.clone(), value.to_owned());
            }
        }
        if object != CONTACT {
            return moved;
        }
        let rank = |record: &Record| {
            let stage = record.current("lifecyclestage")?;
            LIFECYCLE_STAGES.iter().position(|known| *known == stage)
        };
        if rank(loser) > rank(winner)
            && let Some(stage) = loser.current("lifecyclestage")
        {
            moved.insert("lifecyclestage".to_owned(), stage.to_owned());
        }
        let address = if winner.current("email").is_some() { loser.current("email") } else { None };
        let additional = [winner.current(ADDITIONAL_EMAILS), address, loser.current(ADDITIONAL_EMAILS)];
        let additional: Vec<&str> = additional.into_iter().flatten().collect();
        if !additional.is_empty() {
            moved.insert(ADDITIONAL_EMAILS.to_owned(), additional.join(";"));
        }
        moved
    }

    /// Erases a contact for good, as privacy law asks: no value stays anywhere but its id.
    pub(super) fn erase(&mut self, object: TypeIndex, actor: Actor, body: &Bytes) -> Result<Reply, Refusal> {
        let body: EraseBody = parsed(body)?;
        let key = super::value::text(&body.object_id);
        let Some(id) = self.locate(object, &key, body.id_property.as_deref())? else {
            return Err(Refusal::not_found());
        };
        let store = &mut self.types[object.0].store;
        let Some(at) = store.retire(id, actor.now, actor.who, None) else {
            return Err(Refusal::not_found());
        };
        store.forget_merged_into(id);
        self.pairs.forget((object, id));
        self.tell(object, "privacyDeletion", at, actor.who, json!({"objectId": id}));
        self.tell(object, "deletion", at, actor.who, json!({"objectId": id, "changeFlag": "DELETED"}));
        Ok(Reply::nothing())
    }
}

/// The new record: the versions of the primary, and the older creation date of the two.
fn successor(id: u64, at: jiff::Timestamp, winner: &Record, loser: &Record) -> Record {
    let mut record = winner.clone();
    record.id = id;
    record.created = winner.created.min(loser.created);
    record.updated = at;
    record.standing_since = at;
    record.stamps.push(at);
    record.turns.retain(|(_, _, turn)| *turn != Turn::Merged);
    record
}

/// Every id that either record has had, the primary's first.
fn earlier_ids(winner: &Record, loser: &Record) -> Vec<String> {
    let mut ids = Vec::new();
    for record in [winner, loser] {
        let before = record.current(MERGED_IDS).unwrap_or_default().split(';');
        ids.extend(before.filter(|id| !id.is_empty()).map(str::to_owned));
        ids.push(record.id.to_string());
    }
    ids
}

fn own(who: Who, name: &str, value: String) -> Set {
    Set { name: name.to_owned(), value, who }
}
