//! Deletes that are undone, that cross, and whom a flag is left on.

use concord_core::link::Refusal;
use concord_core::names::PerSide;
use concord_core::port::{Commit, Expected};
use concord_sandbox::fifo::QueueName;
use jiff::SignedDuration;

use super::*;

#[tokio::test]
async fn a_record_that_is_shown_again_is_suspected_and_set_aside_no_longer() {
    for side in Side::BOTH {
        let (mut scene, id, _) = Scene::linked(side).await;
        // For a while it was not shown, and nothing said why.
        let mut link = scene.spine.link_of("contact", side, &id).await;
        let expected = Expected::At(link.generation);
        link.generation = link.generation.next();
        link.refused[side] = Refusal::Unseen;
        let key = ParkKey::Record(contact(side, &id));
        let parked = vec![Parked::new(key, "it is not shown".to_owned(), scene.spine.now())];
        let unseen = Commit { parked, ..Commit::of_link(expected, link, Vec::new()) };
        assert_eq!(scene.spine.engine.store.commit(unseen).await, Ok(()));
        assert_eq!(scene.parked().await.len(), 1);

        scene.comes(side, &id).await;
        assert_eq!(scene.parked().await, [], "{side}");
        assert_eq!(scene.spine.link_of("contact", side, &id).await.refused, PerSide::default(), "{side}");
    }
}

#[tokio::test]
async fn a_flag_on_a_record_whose_counterpart_lives_is_taken_back_whoever_ticked_it() {
    for side in Side::BOTH {
        let (mut scene, id, _) = Scene::linked(side).await;
        let written = scene.spine.written();
        match side {
            Side::HubSpot => scene.spine.hubspot_edits(&id, &json!({"deleted_in_crm": "true"})),
            Side::Salesforce => scene.spine.salesforce_edits(&id, &json!({"Deleted_In_CRM__c": true})),
        }
        scene.spine.run().await;
        scene.spine.reconcile(Task::Sweep).await;
        assert!(!scene.is_flagged(side, &id), "{side}");
        assert_eq!(scene.spine.written() - written, 1, "{side}");
    }
}

#[tokio::test]
async fn the_next_delete_of_a_revived_pair_meets_an_edit_as_the_first_one_does() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        scene.spine.restores(side, &id);
        scene.spine.run().await;
        let written = scene.spine.written();
        scene.edits(side.other(), &other, "Countess");
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        assert!(!scene.is_flagged(side.other(), &other), "{side}: the edited record is kept as it is");
        assert_eq!(scene.title(side.other(), &other), "Countess");
        assert_eq!(scene.spine.written(), written, "{side}");
    }
}

#[tokio::test]
async fn a_flag_that_somebody_unticks_while_the_other_record_is_in_the_bin_is_ticked_again() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        let written = scene.spine.written();
        match side.other() {
            Side::HubSpot => {
                let edit = json!({"deleted_in_crm": "false", "jobtitle": "Countess"});
                scene.spine.hubspot_edits(&other, &edit);
            }
            Side::Salesforce => {
                let edit = json!({"Deleted_In_CRM__c": false, "Title": "Countess"});
                scene.spine.salesforce_edits(&other, &edit);
            }
        }
        scene.spine.run().await;
        assert!(scene.is_flagged(side.other(), &other), "{side}");
        assert_eq!(scene.title(side.other(), &other), "Countess");
        assert_eq!(scene.spine.written() - written, 1, "{side}");
    }
}

#[tokio::test]
async fn a_delete_that_crosses_a_restore_is_a_delete_of_its_own_and_may_meet_an_edit() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        let written = scene.spine.written();
        scene.unheard(|scene| {
            scene.spine.restores(side, &id);
            scene.edits(side, &id, "Countess");
            scene.spine.deletes(side.other(), &other);
        });
        scene.comes(side, &id).await;
        assert!(!scene.is_flagged(side, &id), "{side}: the edited record is kept as it is");
        assert_eq!(scene.spine.written(), written, "{side}");
    }
}

#[tokio::test]
async fn a_landing_that_covers_an_edit_is_taken_back_though_a_merge_ends_the_pair() {
    let (mut scene, hubspot, salesforce) = Scene::linked(Side::HubSpot).await;
    let winner = scene.makes(Side::Salesforce, "augusta@example.com");
    scene.spine.run().await;
    let moment = SignedDuration::from_secs(5);
    scene.edits(Side::Salesforce, &salesforce, "Enchantress");
    scene.spine.pass(moment);
    scene.spine.deliver().await;
    scene.spine.work_at_once(QueueName::Hints).await;
    scene.edits(Side::HubSpot, &hubspot, "Countess");
    scene.spine.pass(moment);
    scene.spine.work_at_once(QueueName::Intents).await;
    assert_eq!(scene.title(Side::HubSpot, &hubspot), "Enchantress", "it came too late");

    scene.merges(Side::Salesforce, &winner, &salesforce);
    scene.spine.run().await;
    assert_eq!(scene.title(Side::HubSpot, &hubspot), "Countess");
}

#[tokio::test]
async fn what_was_deleted_on_both_sides_is_over_until_both_are_back() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        let written = scene.spine.written();
        scene.unheard(|scene| {
            scene.spine.deletes(side, &id);
            scene.spine.deletes(side.other(), &other);
        });
        scene.comes(side, &id).await;
        scene.unheard(|scene| scene.spine.restores(side, &id));
        scene.comes(side, &id).await;
        assert!(!scene.is_flagged(side, &id), "{side}: neither delete is passed on");
        assert_eq!(scene.spine.written(), written, "{side}");

        scene.unheard(|scene| {
            scene.spine.restores(side.other(), &other);
            scene.edits(side.other(), &other, "Countess");
        });
        scene.comes(side.other(), &other).await;
        assert_eq!(scene.title(side, &id), "Countess", "{side}");
        assert_eq!(scene.spine.written() - written, 1, "{side}");
    }
}

#[tokio::test]
async fn of_a_pair_that_a_delete_has_ended_nobody_is_asked_until_it_is_back() {
    for side in Side::BOTH {
        let (mut scene, id, other) = Scene::linked(side).await;
        scene.edits(side, &id, "Countess");
        scene.edits(side.other(), &other, "Duchess");
        scene.spine.hubspot_edits(
            if side == Side::HubSpot { &id } else { &other },
            &json!({"phone": "call me maybe"}),
        );
        scene.spine.run().await;
        let conflicts =
            async |scene: &Scene| scene.spine.engine.store.conflicts(10).await.map(|all| all.len());
        assert_eq!((conflicts(&scene).await, scene.parked().await.len()), (Ok(1), 1), "{side}");

        scene.spine.deletes(side, &id);
        scene.spine.run().await;
        assert_eq!((conflicts(&scene).await, scene.parked().await), (Ok(0), Vec::new()), "{side}");

        scene.spine.restores(side, &id);
        scene.spine.run().await;
        assert_eq!((conflicts(&scene).await, scene.parked().await.len()), (Ok(1), 1), "{side}");
    }
}
