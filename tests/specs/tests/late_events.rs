//! DESIGN 4's table of late events, row by row, on both sides: what we know, what came, what a read by id shows, and what is
//! done. An event is a hint: only what is read decides.

mod deletes;
mod merges;

use concord_core::event::Event;
use concord_core::names::{RecordId, RecordKey, Side};
use concord_core::port::{EventKey, ParkKey, Parked, Store as _, Whereabouts};
use concord_core::step::Task;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, Trouble};
use http::Method;
use serde_json::{Value, json};

const HUBSPOT: &str = "/crm/v3/objects/contacts";

pub(crate) fn contact(side: Side, id: &str) -> RecordKey {
    RecordKey { side, object: "contact".into(), id: RecordId::from(id) }
}

/// A world with one pair, and how often something was told of it by hand.
pub(crate) struct Scene {
    pub(crate) spine: Spine,
    told: usize,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::by(SAMPLE_CONTRACT)
    }

    fn by(contract: &str) -> Self {
        Self { spine: Spine::with_contract(contract), told: 0 }
    }

    /// A linked pair at rest: the id on `side`, and the counterpart's.
    pub(crate) async fn linked(side: Side) -> (Self, String, String) {
        Self::linked_by(side, SAMPLE_CONTRACT).await
    }

    /// The same, by this contract.
    pub(crate) async fn linked_by(side: Side, contract: &str) -> (Self, String, String) {
        let mut scene = Self::by(contract);
        let id = scene.makes(side, "ada@example.com");
        scene.spine.run().await;
        let other = scene.spine.counterpart(side, &id).await;
        (scene, id, other)
    }

    /// Somebody else is there too, so that the side shows something.
    pub(crate) async fn is_joined(&mut self, side: Side) -> String {
        let id = self.makes(side, "grace@example.com");
        self.spine.run().await;
        id
    }

    pub(crate) fn makes(&self, side: Side, email: &str) -> String {
        match side {
            Side::HubSpot => self.spine.hubspot_creates(&json!({"email": email, "lastname": "Lovelace"})),
            Side::Salesforce => {
                self.spine.salesforce_creates(&json!({"Email": email, "LastName": "Lovelace"}))
            }
        }
    }

    pub(crate) fn edits(&self, side: Side, id: &str, title: &str) {
        match side {
            Side::HubSpot => self.spine.hubspot_edits(id, &json!({"jobtitle": title})),
            Side::Salesforce => self.spine.salesforce_edits(id, &json!({"Title": title})),
        }
    }

    fn title(&self, side: Side, id: &str) -> Value {
        match side {
            Side::HubSpot => self.spine.hubspot_shows(id, &["jobtitle"])["jobtitle"].clone(),
            Side::Salesforce => self.spine.salesforce_shows(id, &["Title"])["Title"].clone(),
        }
    }

    pub(crate) fn is_flagged(&self, side: Side, id: &str) -> bool {
        let shown = match side {
            Side::HubSpot => self.spine.hubspot_shows(id, &["deleted_in_crm"])["deleted_in_crm"].clone(),
            Side::Salesforce => {
                self.spine.salesforce_shows(id, &["Deleted_In_CRM__c"])["Deleted_In_CRM__c"].clone()
            }
        };
        shown == json!("true") || shown == json!(true)
    }

    pub(crate) fn contacts(&self) -> (Vec<String>, Vec<String>) {
        (self.spine.hubspot_contacts(), self.spine.salesforce_contacts())
    }

    /// Nothing is left of the record, not even in a bin.
    pub(crate) fn purges(&self, side: Side, id: &str) {
        match side {
            Side::HubSpot => {
                let path = format!("{HUBSPOT}/gdpr-delete");
                self.spine.hubspot.person(Method::POST, &path, &json!({ "objectId": id }));
            }
            Side::Salesforce => {
                self.spine.deletes(side, id);
                self.spine
                    .soap(&format!("<urn:emptyRecycleBin><urn:ids>{id}</urn:ids></urn:emptyRecycleBin>"));
            }
        }
    }

    fn merges(&self, side: Side, winner: &str, loser: &str) -> String {
        match side {
            Side::HubSpot => {
                let body = json!({"primaryObjectId": winner, "objectIdToMerge": loser});
                let made = self.spine.hubspot.person(Method::POST, &format!("{HUBSPOT}/merge"), &body);
                made["id"].as_str().unwrap_or(winner).to_owned()
            }
            Side::Salesforce => {
                self.spine.soap(&format!(
                    "<urn:merge><urn:request><urn:masterRecord xmlns:so=\"urn:sobject.partner.soap.sforce.com\">\
                     <so:type>Contact</so:type><so:Id>{winner}</so:Id></urn:masterRecord>\
                     <urn:recordToMergeIds>{loser}</urn:recordToMergeIds></urn:request></urn:merge>"
                ));
                winner.to_owned()
            }
        }
    }

    /// Something happens that no event tells of.
    pub(crate) fn unheard(&mut self, what: impl FnOnce(&Self)) {
        what(self);
        let _forgotten = self.spine.told();
    }

    /// An event comes that names this record; what it says happened is not even looked at.
    pub(crate) async fn comes(&mut self, side: Side, id: &str) {
        self.told += 1;
        let object = match side {
            Side::HubSpot => "contacts",
            Side::Salesforce => "Contact",
        };
        let key = EventKey(format!("by hand {}", self.told));
        let event = Event { key, side, object: object.into(), ids: vec![RecordId::from(id)], erased: false };
        self.spine.take_in(&[event]).await;
        self.spine.run().await;
    }

    pub(crate) async fn parked(&self) -> Vec<Parked> {
        self.spine.engine.store.parked(10).await.unwrap_or_default()
    }

    pub(crate) async fn links(&self) -> u64 {
        self.spine.engine.store.census().await.map_or(0, |census| census.links)
    }

    pub(crate) async fn whereabouts(&self, side: Side, id: &str) -> Whereabouts {
        let key = contact(side, id);
        let located = self.spine.engine.store.locate(&[key]).await.unwrap_or_default();
        located.into_iter().next().unwrap_or(Whereabouts::Nowhere)
    }
}

#[tokio::test]
async fn linked_and_an_update_late_or_repeated_is_an_ordinary_decision() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        let written = scene.spine.written();
        scene.unheard(|scene| scene.edits(side, &id, "Countess"));
        scene.comes(side, &id).await;
        for _ in 0..3 {
            scene.comes(side, &id).await;
        }
        assert_eq!(scene.title(side.other(), &other), "Countess", "{side}");
        assert_eq!(scene.spine.written() - written, 1, "{side}");
    }
}

#[tokio::test]
async fn linked_and_a_delete_with_evidence_is_told_by_the_flag() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        let written = scene.spine.written();
        scene.unheard(|scene| scene.spine.deletes(side, &id));
        scene.comes(side, &id).await;
        assert!(scene.is_flagged(side.other(), &other), "{side}");
        assert_eq!(scene.spine.written() - written, 1, "{side}");
    }
}

#[tokio::test]
async fn linked_and_a_delete_of_what_is_alive_again_is_ignored() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        let written = scene.spine.written();
        scene.unheard(|scene| {
            scene.spine.deletes(side, &id);
            scene.spine.restores(side, &id);
        });
        scene.comes(side, &id).await;
        assert!(!scene.is_flagged(side.other(), &other), "{side}");
        assert_eq!(scene.spine.written(), written, "{side}");
    }
}

#[tokio::test]
async fn linked_and_not_found_without_evidence_is_suspected_and_never_acted_on() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.is_joined(side).await;
        let written = scene.spine.written();
        scene.unheard(|scene| scene.purges(side, &id));
        for _ in 0..3 {
            scene.spine.reconcile(Task::Sweep).await;
            scene.comes(side, &id).await;
        }
        assert!(!scene.is_flagged(side.other(), &other), "{side}");
        assert_eq!(scene.spine.written(), written, "{side}");
        let parked = scene.parked().await;
        assert_eq!(parked.len(), 1, "{side}: {parked:?}");
        assert_eq!(parked[0].key, ParkKey::Record(contact(side, &id)));
    }
}

#[tokio::test]
async fn a_record_that_was_purged_unheard_is_told_by_a_sweep_and_only_once() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.is_joined(side).await;
        let written = scene.spine.written();
        scene.unheard(|scene| scene.purges(side, &id));
        let first = scene.spine.engine.reconcile(Task::Sweep, scene.spine.now()).await;
        assert_eq!(first.map(|report| report.hinted), Ok(1), "{side}");
        scene.spine.run().await;
        let told = scene.parked().await;
        let keys: Vec<&ParkKey> = told.iter().map(|parked| &parked.key).collect();
        assert_eq!(keys, [&ParkKey::Record(contact(side, &id))], "{side}");

        let again = scene.spine.engine.reconcile(Task::Sweep, scene.spine.now()).await;
        assert_eq!(again.map(|report| report.hinted), Ok(0), "{side}");
        assert_eq!(scene.parked().await, told, "{side}");
        assert!(!scene.is_flagged(side.other(), &other), "{side}: absence is no evidence");
        assert_eq!(scene.spine.written(), written, "{side}");
    }
}

#[tokio::test]
async fn a_tombstone_and_nothing_there_is_dropped() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        assert!(scene.is_flagged(side.other(), &other), "{side}");
        let (written, links) = (scene.spine.written(), scene.links().await);
        scene.unheard(|scene| match side {
            Side::HubSpot => scene.purges(side, &id),
            Side::Salesforce => {
                scene
                    .spine
                    .soap(&format!("<urn:emptyRecycleBin><urn:ids>{id}</urn:ids></urn:emptyRecycleBin>"));
            }
        });
        scene.comes(side, &id).await;
        scene.spine.reconcile(Task::Sweep).await;
        assert_eq!((scene.spine.written(), scene.links().await), (written, links), "{side}");
        assert!(scene.is_flagged(side.other(), &other), "{side}: as it was");
        assert_eq!(scene.parked().await, [], "{side}: no news");
    }
}

#[tokio::test]
async fn a_tombstone_and_a_record_that_lives_revives_the_same_link() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        let (written, links) = (scene.spine.written(), scene.links().await);
        scene.unheard(|scene| scene.spine.restores(side, &id));
        scene.comes(side, &id).await;
        assert!(!scene.is_flagged(side.other(), &other), "{side}");
        assert_eq!((scene.spine.written() - written, scene.links().await), (1, links), "{side}");
        assert_eq!(scene.spine.counterpart(side, &id).await, other);
    }
}

#[tokio::test]
async fn nothing_known_and_nothing_there_makes_nothing() {
    for side in Side::BOTH {
        let mut scene = Scene::new();
        let id = scene.makes(side, "ada@example.com");
        scene.unheard(|scene| scene.purges(side, &id));
        scene.comes(side, &id).await;
        assert_eq!((scene.spine.written(), scene.links().await), (0, 0), "{side}");
        assert_eq!(scene.whereabouts(side, &id).await, Whereabouts::Nowhere);
        assert_eq!(scene.parked().await, [], "{side}");
    }
}

#[tokio::test]
async fn nothing_known_and_a_living_stranger_is_matched_or_made() {
    for side in Side::BOTH {
        // Somebody with the same address is there already.
        let mut scene = Scene::new();
        let id = scene.makes(side, "ada@example.com");
        let there = scene.makes(side.other(), "ada@example.com");
        let _unheard = scene.spine.told();
        scene.comes(side, &id).await;
        assert_eq!(scene.spine.counterpart(side, &id).await, there, "{side}");
        let (hubspot, salesforce) = scene.contacts();
        assert_eq!((hubspot.len(), salesforce.len()), (1, 1), "{side}");

        // Nobody is.
        let mut scene = Scene::new();
        let id = scene.makes(side, "ada@example.com");
        let _unheard = scene.spine.told();
        for _ in 0..3 {
            scene.comes(side, &id).await;
        }
        let (hubspot, salesforce) = scene.contacts();
        assert_eq!((hubspot.len(), salesforce.len(), scene.links().await), (1, 1, 1), "{side}");
    }
}

#[tokio::test]
async fn nothing_known_and_a_record_with_our_mark_is_adopted() {
    for side in Side::BOTH {
        let mut scene = Scene::new();
        let id = scene.makes(side.other(), "ada@example.com");
        // It is made on `side`, and nobody hears of it but by its own event.
        match side {
            Side::HubSpot => scene.spine.hubspot.trouble("write_batch_create", Trouble::AnswerLost),
            Side::Salesforce => scene.spine.salesforce.trouble("write_", Trouble::AnswerLost),
        }
        scene.spine.run().await;
        let (hubspot, salesforce) = scene.contacts();
        assert_eq!((hubspot.len(), salesforce.len(), scene.links().await), (1, 1, 1), "{side}");
        let made = if side == Side::HubSpot { &hubspot[0] } else { &salesforce[0] };
        scene.comes(side, made).await;
        assert_eq!(scene.spine.counterpart(side, made).await, id, "{side}");
        assert_eq!(scene.contacts(), (hubspot.clone(), salesforce.clone()), "{side}");
    }
}

#[tokio::test]
async fn whatever_comes_of_a_merged_record_leads_to_the_winner() {
    for side in Side::BOTH {
        let (mut scene, winner, other) = Scene::linked(side).await;
        let loser = scene.makes(side, "augusta@example.com");
        let _unheard = scene.spine.told();
        let left = scene.merges(side, &winner, &loser);
        let _unheard = scene.spine.told();
        scene.comes(side, &loser).await;
        scene.comes(side, &left).await;
        let (hubspot, salesforce) = scene.contacts();
        assert_eq!((hubspot.len(), salesforce.len()), (1, 1), "{side}: nobody is made for the loser");
        assert_eq!(scene.spine.counterpart(side, &left).await, other, "{side}");
        let written = scene.spine.written();
        scene.unheard(|scene| scene.edits(side, &left, "Countess"));
        scene.comes(side, &loser).await;
        assert_eq!(scene.title(side.other(), &other), "Countess", "{side}");
        assert_eq!(scene.spine.written() - written, 1, "{side}");
    }
}

#[tokio::test]
async fn whatever_comes_of_a_record_that_was_merged_again_and_again_leads_to_the_last_winner() {
    for side in Side::BOTH {
        let (mut scene, first, other) = Scene::linked(side).await;
        let mut left = first.clone();
        for n in 0..3 {
            let winner = scene.makes(side, &format!("augusta{n}@example.com"));
            let loser = left;
            left = scene.merges(side, &winner, &loser);
            let _unheard = scene.spine.told();
            scene.comes(side, &loser).await;
        }
        assert_eq!(scene.spine.counterpart(side, &left).await, other, "{side}");
        let written = scene.spine.written();
        scene.unheard(|scene| scene.edits(side, &left, "Countess"));
        scene.comes(side, &first).await;
        assert_eq!(scene.title(side.other(), &other), "Countess", "{side}");
        assert_eq!(scene.spine.written() - written, 1, "{side}");
    }
}
