//! What is known to be deleted: it stays known when its bin empties, it is forgotten when nothing of it can come back (P10), and a
//! record that is not found is believed to be gone only while its side shows others (P9).

use concord_core::link::{Link, Refusal, Status};
use concord_core::names::{RecordKey, Side};
use concord_core::port::{ParkKey, Store as _, Whereabouts};
use concord_core::step::Task;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, assert_quiet};
use jiff::SignedDuration;

use super::late_events::{Scene, contact};

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Scene {
    async fn pass_days(&mut self, days: i32) {
        self.spine.pass(DAY * days);
        self.spine.reconcile(Task::Sweep).await;
    }

    async fn link(&self, side: Side, id: &str) -> Link {
        self.spine.link_of("contact", side, id).await
    }

    /// A pair of which both records were deleted, and somebody else beside it.
    async fn with_a_grave(side: Side) -> (Self, String, String) {
        let (mut scene, id, other) = Self::linked(side).await;
        scene.is_joined(side).await;
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        scene.spine.deletes(side.other(), &other);
        scene.spine.run().await;
        (scene, id, other)
    }

    async fn told(&self) -> Vec<ParkKey> {
        self.parked().await.into_iter().map(|parked| parked.key).collect()
    }
}

#[tokio::test]
async fn what_is_known_to_be_deleted_is_not_missed_when_its_bin_empties() {
    for rule in ["flag", "unlink"] {
        let flag = "{ flag: { hubspot: deleted_in_crm, salesforce: Deleted_In_CRM__c } }";
        let contract =
            if rule == "flag" { SAMPLE_CONTRACT.to_owned() } else { SAMPLE_CONTRACT.replace(flag, rule) };
        for side in Side::BOTH {
            let (mut scene, id, other) = Scene::linked_by(side, &contract).await;
            scene.spine.deletes(side, &id);
            scene.spine.run().await;
            let (before, written) = (scene.link(side, &id).await, scene.spine.written());

            // When Salesforce empties its bin after 15 days, and HubSpot after 90
            scene.pass_days(91).await;
            scene.comes(side, &id).await;
            scene.edits(side.other(), &other, "Countess");
            scene.spine.run().await;

            // Then nobody is told of it, and the pair stands as it stood
            assert_eq!(scene.parked().await, [], "{side} {rule}");
            assert_eq!(scene.spine.written(), written, "{side} {rule}");
            let after = scene.link(side, &id).await;
            assert_eq!((after.status, after.gone), (before.status, None), "{side} {rule}");
            assert_eq!(after.refused[side], Refusal::None);
            assert_quiet(&mut scene.spine).await;
        }
    }
}

#[tokio::test]
async fn since_when_both_are_gone_is_remembered_until_one_is_seen_alive() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        assert_eq!(scene.link(side, &id).await.gone, None, "{side}");

        let before = scene.spine.now();
        scene.spine.deletes(side.other(), &other);
        scene.spine.run().await;
        let gone = scene.link(side, &id).await.gone;
        assert!(gone.is_some_and(|gone| gone > before), "{side}: {gone:?}");
        scene.pass_days(1).await;
        assert_eq!(scene.link(side, &id).await.gone, gone, "{side}: since then");

        // Nobody tells of it: a sweep finds it.
        scene.unheard(|scene| scene.spine.restores(side.other(), &other));
        scene.spine.reconcile(Task::Sweep).await;
        assert_eq!(scene.link(side, &id).await.gone, None, "{side}");
    }
}

#[tokio::test]
async fn who_is_taken_out_of_the_bin_after_the_other_left_theirs_is_told_that_it_is_gone() {
    // HubSpot's bin keeps its record for longer than Salesforce's.
    for first in Side::BOTH {
        let (mut scene, id, other) = Scene::with_a_grave(first).await;
        let (hubspot, salesforce) = if first == Side::HubSpot { (id, other) } else { (other, id) };
        scene.pass_days(20).await;
        scene.spine.restores(Side::HubSpot, &hubspot);
        scene.spine.run().await;
        let link = scene.link(Side::Salesforce, &salesforce).await;
        assert_eq!(
            (link.status, link.gone),
            (Status::Flagged { deleted: Side::Salesforce }, None),
            "{first}"
        );
        assert!(scene.is_flagged(Side::HubSpot, &hubspot), "{first}");
        assert_quiet(&mut scene.spine).await;
    }
}

#[tokio::test]
async fn a_delete_on_the_other_side_too_is_found_by_a_sweep() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        scene.pass_days(91).await;
        scene.unheard(|scene| scene.spine.deletes(side.other(), &other));
        scene.spine.reconcile(Task::Sweep).await;
        let link = scene.link(side, &id).await;
        assert!(link.gone.is_some() && link.status == Status::Flagged { deleted: side }, "{side}: {link:?}");
        let again = scene.spine.engine.reconcile(Task::Sweep, scene.spine.now()).await;
        assert_eq!(again.map(|report| report.hinted), Ok(0), "{side}: and only once");
    }
}

#[tokio::test]
async fn a_side_that_shows_nothing_of_a_type_is_told_of_once_and_of_none_of_its_records() {
    for side in Side::BOTH {
        // Given two pairs, and that a sweep has seen them
        let (mut scene, id, other) = Scene::linked(side).await;
        let grace = scene.is_joined(side).await;
        scene.spine.reconcile(Task::Sweep).await;

        // When the side shows none of them any more
        scene.unheard(|scene| [&id, &grace].into_iter().for_each(|id| scene.purges(side, id)));
        let written = scene.spine.written();
        for _ in 0..3 {
            scene.spine.reconcile(Task::Sweep).await;
            scene.comes(side, &id).await;
        }
        scene.edits(side.other(), &other, "Countess");
        scene.spine.run().await;

        // Then that is one line, and nothing is concluded
        let of = match side {
            Side::HubSpot => "contacts",
            Side::Salesforce => "Contact",
        };
        assert_eq!(scene.told().await, [ParkKey::Type(side, of.into())], "{side}");
        assert_eq!(scene.spine.written(), written, "{side}");
        assert_eq!(scene.link(side, &id).await.refused[side], Refusal::None, "{side}");

        // And once the side shows somebody, the line goes by itself, and the two are missed
        let edith = scene.makes(side, "edith@example.com");
        scene.spine.run().await;
        scene.spine.reconcile(Task::Sweep).await;
        let missed = [&id, &grace].map(|id| ParkKey::Record(contact(side, id)));
        let mut told = scene.told().await;
        told.sort();
        assert_eq!(told, missed, "{side}");
        assert!(scene.whereabouts(side, &edith).await != Whereabouts::Nowhere);
    }
}

#[tokio::test]
async fn before_a_sweep_has_seen_anybody_nothing_is_concluded() {
    for side in Side::BOTH {
        let (mut scene, id, _) = Scene::linked(side).await;
        scene.unheard(|scene| scene.purges(side, &id));
        scene.comes(side, &id).await;
        assert_eq!(scene.told().await, [], "{side}");
        assert_eq!(scene.link(side, &id).await.refused[side], Refusal::None, "{side}");
        // It is shown nobody, and says so.
        scene.spine.reconcile(Task::Sweep).await;
        assert!(matches!(&scene.told().await[..], [ParkKey::Type(of, _)] if *of == side), "{side}");
    }
}

#[tokio::test]
async fn ordinary_reads_ask_for_no_canary() {
    let (mut scene, id, _) = Scene::linked(Side::HubSpot).await;
    scene.spine.reconcile(Task::Sweep).await;
    let before = (scene.spine.hubspot.calls(), scene.spine.salesforce.calls());
    scene.edits(Side::HubSpot, &id, "Countess");
    scene.spine.run().await;
    let reads = |calls: &std::collections::BTreeMap<&str, usize>| {
        calls.iter().filter(|(kind, _)| kind.contains("read")).map(|(_, n)| *n).sum::<usize>()
    };
    // The edit and its echo.
    assert_eq!(reads(&scene.spine.hubspot.calls()) - reads(&before.0), 1);
    assert!(reads(&scene.spine.salesforce.calls()) - reads(&before.1) <= 2);
}

#[tokio::test]
async fn a_pair_that_is_gone_for_good_is_forgotten_after_sixty_days() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::with_a_grave(side).await;
        let grave = scene.link(side, &id).await;
        let (written, links) = (scene.spine.written(), scene.links().await);

        // While HubSpot's bin keeps its record, somebody may take it out
        scene.pass_days(61).await;
        scene.spine.reconcile(Task::Sweep).await;
        assert_eq!(scene.links().await, links, "{side}");

        scene.pass_days(31).await;
        assert_eq!(scene.links().await, links - 1, "{side}");
        assert_eq!(scene.spine.engine.store.links(std::slice::from_ref(&grave.id)).await, Ok(vec![None]));
        for (side, id) in [(side, &id), (side.other(), &other)] {
            assert_eq!(scene.whereabouts(side, id).await, Whereabouts::Nowhere);
        }
        let journal = scene.spine.engine.store.journal(&grave.id, 100).await.unwrap_or_default();
        let last = journal.last().map(|line| (line.rule.as_str(), line.generation));
        assert_eq!(last, Some(("P10 both are gone for good: forgotten", grave.generation.next())), "{side}");

        // And whatever was ever told, told again, writes nothing
        let heard = scene.spine.heard.clone();
        scene.spine.pass(DAY * 30);
        scene.spine.take_in(&heard).await;
        scene.spine.run().await;
        for (side, id) in [(side, &id), (side.other(), &other)] {
            scene.comes(side, id).await;
        }
        assert_eq!((scene.spine.written(), scene.links().await), (written, links - 1), "{side}");
        assert_quiet(&mut scene.spine).await;

        // And the same address under a new id is somebody new
        let again = scene.makes(side, "ada@example.com");
        scene.spine.run().await;
        assert_ne!(scene.spine.counterpart(side, &again).await, other, "{side}");
        assert_quiet(&mut scene.spine).await;
    }
}

#[tokio::test]
async fn a_pair_is_remembered_for_sixty_days_though_both_records_are_purged_at_once() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::with_a_grave(side).await;
        let links = scene.links().await;
        scene.unheard(|scene| {
            let hubspot = if side == Side::HubSpot { &id } else { &other };
            let salesforce = if side == Side::HubSpot { &other } else { &id };
            scene.spine.hubspot_erases(hubspot);
            scene
                .spine
                .soap(&format!("<urn:emptyRecycleBin><urn:ids>{salesforce}</urn:ids></urn:emptyRecycleBin>"));
        });
        scene.pass_days(59).await;
        assert_eq!(scene.links().await, links, "{side}");
        // The sweep that began after the delete has to be over before the one that forgets.
        scene.pass_days(2).await;
        assert_eq!(scene.links().await, links - 1, "{side}");
    }
}

#[tokio::test]
async fn nobody_is_forgotten_by_a_sweep_that_is_shown_nothing() {
    for side in Side::BOTH {
        let (mut scene, _, _) = Scene::with_a_grave(side).await;
        scene.spine.reconcile(Task::Sweep).await;
        let links = scene.links().await;
        let everybody = match side {
            Side::HubSpot => scene.contacts().0,
            Side::Salesforce => scene.contacts().1,
        };
        scene.unheard(|scene| everybody.iter().for_each(|id| scene.purges(side, id)));
        scene.pass_days(100).await;
        scene.spine.reconcile(Task::Sweep).await;
        assert_eq!(scene.links().await, links, "{side}");
        assert!(matches!(&scene.told().await[..], [ParkKey::Type(of, _)] if *of == side), "{side}");
    }
}

#[tokio::test]
async fn who_was_erased_or_taken_apart_is_remembered_for_ever() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        let grace = scene.is_joined(side).await;
        let edith = scene.makes(side, "edith@example.com");
        scene.spine.run().await;
        let counterpart = scene.spine.counterpart(side, &grace).await;
        assert!(scene.spine.engine.erase(&contact(side, &id), scene.spine.now()).await.is_ok());
        assert!(scene.spine.engine.unlink(&contact(side, &grace), scene.spine.now()).await.is_ok());
        scene.spine.run().await;
        for (side, id) in [(side, &id), (side.other(), &other), (side, &grace), (side.other(), &counterpart)]
        {
            scene.spine.deletes(side, id);
            scene.spine.run().await;
        }
        for _ in 0..3 {
            scene.pass_days(100).await;
        }
        for id in [&id, &grace, &edith] {
            assert!(matches!(scene.whereabouts(side, id).await, Whereabouts::Linked(_)), "{side}");
        }
    }
}

#[tokio::test]
async fn who_is_gone_and_then_taken_apart_is_not_forgotten_before_anybody_has_looked() {
    for side in Side::BOTH {
        let (mut scene, id, _) = Scene::with_a_grave(side).await;
        scene.pass_days(20).await;
        scene.spine.pass(DAY * 80);
        let said = scene.spine.engine.unlink(&contact(side, &id), scene.spine.now()).await;
        assert!(said.is_ok(), "{said:?}");
        // The first finds that the login has run out.
        let _cut_short = scene.spine.engine.reconcile(Task::Sweep, scene.spine.now()).await;
        let swept = scene.spine.engine.reconcile(Task::Sweep, scene.spine.now()).await;
        assert!(swept.is_ok(), "{swept:?}");
        assert!(matches!(scene.link(side, &id).await.status, Status::Apart { .. }), "{side}");
    }
}

#[tokio::test]
async fn an_erasure_is_heard_though_the_other_side_shows_nothing() {
    let (mut scene, id, other) = Scene::linked(Side::HubSpot).await;
    scene.spine.reconcile(Task::Sweep).await;
    scene.unheard(|scene| scene.purges(Side::Salesforce, &other));
    scene.spine.hubspot_erases(&id);
    scene.spine.run().await;
    assert!(scene.link(Side::HubSpot, &id).await.is_erased());
}

/// A CRM may bring back from a backup what Concord has forgotten.
#[tokio::test]
async fn who_comes_back_after_they_were_forgotten_is_met_like_a_stranger() {
    for side in Side::BOTH {
        // Given a pair that is forgotten, though it lives
        let (mut scene, id, other) = Scene::linked(side).await;
        let link = scene.link(side, &id).await;
        let lines = scene.spine.engine.store.journal(&link.id, 100).await.unwrap_or_default();
        let line = lines
            .last()
            .cloned()
            .map(|line| concord_core::port::JournalEntry { generation: link.generation.next(), ..line });
        let Some(line) = line else { panic!("a pair was made, and its journal is empty") };
        assert_eq!(scene.spine.engine.store.collect(&link, line).await, Ok(()));
        assert_eq!(scene.links().await, 0, "{side}");

        // When something comes of one of them
        scene.unheard(|scene| scene.edits(side, &id, "Countess"));
        scene.comes(side, &id).await;

        // Then the two are found to be one thing, and nobody is made
        assert_eq!(scene.spine.counterpart(side, &id).await, other, "{side}");
        let (hubspot, salesforce) = scene.contacts();
        assert_eq!((hubspot.len(), salesforce.len(), scene.links().await), (1, 1, 1), "{side}");
        let keys: Vec<RecordKey> = vec![contact(side, &id), contact(side.other(), &other)];
        let located = scene.spine.engine.store.locate(&keys).await.unwrap_or_default();
        assert!(located.iter().all(|at| matches!(at, Whereabouts::Linked(_))), "{side}: {located:?}");
    }
}

/// One that comes back alone, after its counterpart went for good, gets a new one.
#[tokio::test]
async fn who_comes_back_alone_after_they_were_forgotten_is_given_a_counterpart() {
    let mut spine = Spine::new();
    let id = spine.hubspot_creates(&serde_json::json!({"email": "ada@example.com", "lastname": "Lovelace"}));
    spine.run().await;
    let other = spine.counterpart(Side::HubSpot, &id).await;
    let link = spine.link_of("contact", Side::HubSpot, &id).await;
    spine.deletes(Side::Salesforce, &other);
    spine.soap(&format!("<urn:emptyRecycleBin><urn:ids>{other}</urn:ids></urn:emptyRecycleBin>"));
    let _unheard = spine.told();
    let lines = spine.engine.store.journal(&link.id, 100).await.unwrap_or_default();
    let Some(line) = lines.last().cloned() else { panic!("its journal is empty") };
    assert_eq!(spine.engine.store.collect(&link, line).await, Ok(()));
    spine.hubspot_edits(&id, &serde_json::json!({"jobtitle": "Countess"}));
    spine.run().await;
    assert_ne!(spine.counterpart(Side::HubSpot, &id).await, other);
    assert_eq!(spine.salesforce_contacts().len(), 1);
    assert_quiet(&mut spine).await;
}
