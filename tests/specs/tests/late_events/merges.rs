//! Merges: who goes on, who is asked about, and what is remembered of whom.

use super::*;

#[tokio::test]
async fn a_pair_whose_record_was_merged_into_a_strangers_meets_it_as_for_the_first_time() {
    for side in Side::BOTH {
        let (mut scene, loser, other) = Scene::linked(side).await;
        scene.edits(side, &loser, "Countess");
        scene.spine.run().await;
        let stranger = scene.makes(side, "augusta@example.com");
        scene.edits(side, &stranger, "Countess");
        scene.edits(side.other(), &other, "Duchess");
        let left = scene.merges(side, &stranger, &loser);
        let _unheard = scene.spine.told();
        scene.comes(side, &loser).await;

        assert_eq!(scene.spine.counterpart(side, &left).await, other, "{side}");
        assert_eq!(scene.title(side, &left), "Countess", "{side}: whose title that is, nobody knows");
        assert_eq!(scene.title(side.other(), &other), "Duchess", "{side}");
        let conflicts = scene.spine.engine.store.conflicts(10).await.unwrap_or_default();
        let mut fields: Vec<&str> = conflicts.iter().map(|conflict| conflict.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["email", "job_title"], "{side}");
    }
}

#[tokio::test]
async fn of_two_pairs_whose_records_were_merged_the_winners_goes_on_whichever_is_heard_of_first() {
    for loser_first in [false, true] {
        let (mut scene, primary, kept) = Scene::linked(Side::HubSpot).await;
        let loser = scene.makes(Side::HubSpot, "augusta@example.com");
        scene.spine.run().await;
        let left_over = scene.spine.counterpart(Side::HubSpot, &loser).await;
        let winner = scene.merges(Side::HubSpot, &primary, &loser);
        let _unheard = scene.spine.told();
        let told = if loser_first { [&loser, &primary] } else { [&primary, &loser] };
        for id in told {
            scene.comes(Side::HubSpot, id).await;
        }
        assert_eq!(scene.spine.counterpart(Side::HubSpot, &winner).await, kept, "{loser_first}");
        let parked = scene.parked().await;
        let keys: Vec<&ParkKey> = parked.iter().map(|parked| &parked.key).collect();
        assert_eq!(keys, [&ParkKey::Record(contact(Side::Salesforce, &left_over))], "{loser_first}");
        assert_eq!(parked[0].candidates, [contact(Side::Salesforce, &kept)], "{loser_first}");
    }
}

#[tokio::test]
async fn a_pair_that_goes_on_does_not_give_way_to_one_that_has_ended() {
    let (mut scene, ended, _) = Scene::linked(Side::HubSpot).await;
    let said = scene.spine.engine.unlink(&contact(Side::HubSpot, &ended), scene.spine.now()).await;
    assert!(said.is_ok(), "{said:?}");
    scene.spine.run().await;
    let goes_on = scene.makes(Side::HubSpot, "augusta@example.com");
    scene.spine.run().await;
    let other = scene.spine.counterpart(Side::HubSpot, &goes_on).await;
    let winner = scene.merges(Side::HubSpot, &ended, &goes_on); // It carries the mark of the pair that has ended.
    let _unheard = scene.spine.told();
    for id in [&goes_on, &ended] {
        scene.comes(Side::HubSpot, id).await;
    }
    assert_eq!(scene.spine.counterpart(Side::HubSpot, &winner).await, other);
    scene.edits(Side::HubSpot, &winner, "Countess");
    scene.spine.run().await;
    assert_eq!(scene.title(Side::Salesforce, &other), "Countess");
}

#[tokio::test]
async fn a_stranger_into_whom_a_record_of_an_ending_pair_was_merged_is_looked_at_and_gets_a_counterpart() {
    let (mut scene, primary, _) = Scene::linked(Side::HubSpot).await;
    let loser = scene.makes(Side::HubSpot, "augusta@example.com");
    scene.spine.run().await;
    let other = scene.spine.counterpart(Side::HubSpot, &loser).await;
    let stranger = scene.makes(Side::Salesforce, "king@example.com");
    let winner = scene.merges(Side::HubSpot, &primary, &loser);
    scene.merges(Side::Salesforce, &stranger, &other);
    let _unheard = scene.spine.told();
    scene.comes(Side::HubSpot, &loser).await;

    let made = scene.spine.counterpart(Side::Salesforce, &stranger).await;
    let (mut hubspot, mut expected) = (scene.spine.hubspot_contacts(), vec![winner, made]);
    hubspot.sort();
    expected.sort();
    assert_eq!(hubspot, expected);
    scene.comes(Side::Salesforce, &other).await;
    assert_eq!(
        scene.whereabouts(Side::Salesforce, &other).await,
        Whereabouts::Alias(RecordId::from(&*stranger))
    );
    assert_eq!(scene.parked().await, []);
}

#[tokio::test]
async fn what_a_merged_record_was_set_aside_for_is_over_and_whoever_is_left_over_is_proposed_to_its_rival() {
    let (mut scene, rival, winner) = Scene::linked(Side::HubSpot).await;
    let left_over = scene.makes(Side::HubSpot, "augusta@example.com");
    scene.spine.run().await;
    let loser = scene.spine.counterpart(Side::HubSpot, &left_over).await;
    let choice = json!({"object": "Contact", "field": "Interests__c", "remove_value": "Events"});
    scene.spine.salesforce.person(Method::POST, "/__sandbox/schema", &choice);
    scene.spine.hubspot_edits(&left_over, &json!({"interests": "cycling"}));
    scene.spine.run().await;
    let keys = |parked: &[Parked]| parked.iter().map(|parked| parked.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&scene.parked().await), [ParkKey::Record(contact(Side::Salesforce, &loser))]);

    scene.unheard(|scene| drop(scene.merges(Side::Salesforce, &winner, &loser)));
    scene.comes(Side::Salesforce, &loser).await;
    let parked = scene.parked().await;
    assert_eq!(keys(&parked), [ParkKey::Record(contact(Side::HubSpot, &left_over))]);
    assert_eq!(parked[0].candidates, [contact(Side::HubSpot, &rival)]);
}

#[tokio::test]
async fn a_record_that_was_merged_into_a_strangers_meets_its_counterpart_anew() {
    let side = Side::Salesforce;
    let (mut scene, loser, other) = Scene::linked(side).await;
    scene.edits(side, &loser, "Countess");
    scene.spine.run().await;
    let winner = scene.spine.salesforce_creates(&json!({"LastName": "Lovelace", "Title": "Queen"}));
    scene.unheard(|scene| drop(scene.merges(side, &winner, &loser)));
    scene.comes(side, &loser).await;

    assert_eq!(scene.spine.counterpart(side, &winner).await, other);
    let titles = [scene.title(Side::HubSpot, &other), scene.title(side, &winner)];
    assert_eq!(titles, ["Countess", "Queen"], "neither has seen the other");
    let held = scene.spine.engine.store.conflicts(10).await.unwrap_or_default();
    assert_eq!(held.iter().map(|held| held.field.as_str()).collect::<Vec<_>>(), ["job_title"]);
    let email = json!("ada@example.com");
    assert_eq!(scene.spine.hubspot_shows(&other, &["email"])["email"], email, "nothing is cleared");
    assert_eq!(scene.spine.salesforce_shows(&winner, &["Email"])["Email"], email, "a blank is filled");
}
