//! Whoever is put in and taken out at once, by people and by robots.

use concord_core::port::ParkKey;

use super::*;

#[tokio::test]
async fn the_only_one_whom_a_robot_takes_out_at_once_is_out_on_both_sides_and_no_sweep_is_needed() {
    let (mut spine, deal, ada, _) = strangers().await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    let mut taken = 0;
    for _ in 0..20 {
        spine.pass(jiff::SignedDuration::from_secs(10));
        spine.round().await;
        for (role, ..) in roles(&spine, &deal.salesforce) {
            takes_role(&spine, &role);
            taken += 1;
        }
    }
    assert_eq!((taken, contacts_of(&spine, &deal)), (1, both([])));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_was_written_to_a_set_is_forgotten_once_both_sides_agree_and_the_last_one_can_still_leave() {
    let (mut spine, deal, ada, _) = strangers().await;
    gives_role(&spine, &deal.salesforce, &ada.salesforce, "Other");
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada]));
    is_renamed_later(&mut spine, &deal).await;
    assert_eq!(spine.link_of("deal", H, &deal.hubspot).await.intents.len(), 1, "the last one");

    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn whoever_is_put_back_before_anybody_has_seen_both_sides_agree_stays() {
    let (mut spine, deal, ada, _) = strangers().await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    is_under_way(&mut spine).await;
    spine.work_at_once(QueueName::Intents).await;
    let [(role, ..)] = roles(&spine, &deal.salesforce).try_into().unwrap();
    takes_role(&spine, &role);
    is_under_way(&mut spine).await; // Her leaving, to HubSpot
    gives_role(&spine, &deal.salesforce, &ada.salesforce, "Other");
    spine.work_at_once(QueueName::Intents).await;
    assert_eq!(contacts_of(&spine, &deal), [Vec::new(), vec![ada.salesforce.clone()]]);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn whoever_one_robot_puts_in_and_another_takes_out_is_left_alone_and_somebody_is_told() {
    let (mut spine, deal, ada, _) = strangers().await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    let mut taken = 0;
    for _ in 0..40 {
        spine.pass(jiff::SignedDuration::from_secs(10));
        spine.round().await;
        for (role, ..) in roles(&spine, &deal.salesforce) {
            takes_role(&spine, &role);
            taken += 1;
        }
        if contacts_of(&spine, &deal)[0].is_empty() {
            associates(&spine, &deal.hubspot, &ada.hubspot);
        }
    }
    assert_eq!((taken, contacts_of(&spine, &deal)), (2, [vec![ada.hubspot.clone()], Vec::new()]));
    let parked = spine.engine.store.parked(10).await.unwrap();
    assert!(
        matches!(&parked[..], [one] if matches!(&one.key, ParkKey::Field(_, field) if field.as_str() == "contacts"))
    );
    assert!(parked[0].reason.contains("keeps changing this field back"), "{}", parked[0].reason);

    // Somebody has ended one of the two.
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([]));
    assert_quiet(&mut spine).await;
}
