//! What a side refuses: asked again once a day, and over as soon as it is taken back.

use super::*;

#[tokio::test]
async fn what_is_refused_day_after_day_is_asked_once_a_day_and_remembered_once() {
    let (mut spine, hubspot, _) = linked().await;
    let gone = json!({"object": "Contact", "field": "Interests__c", "remove_value": "Events"});
    spine.salesforce.person(Method::POST, "/__sandbox/schema", &gone);
    spine.hubspot_edits(&hubspot, &json!({"interests": "cycling"}));
    spine.run().await;
    let (written, remembered) = (spine.written(), spine.link_of("contact", H, &hubspot).await.intents.len());
    for day in 1..=3 {
        spine.pass(SignedDuration::from_hours(24));
        spine.reconcile(Task::Sweep).await;
        assert_eq!(spine.written() - written, day);
        let intents = spine.link_of("contact", H, &hubspot).await.intents;
        assert_eq!(intents.len(), remembered, "day {day}: {intents:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_over_once_what_was_refused_is_taken_back_though_nobody_told_of_it() {
    let (mut spine, hubspot, _) = linked().await;
    let gone = json!({"object": "Contact", "field": "Interests__c", "remove_value": "Events"});
    spine.salesforce.person(Method::POST, "/__sandbox/schema", &gone);
    spine.hubspot_edits(&hubspot, &json!({"interests": "cycling"}));
    spine.run().await;
    assert_eq!(spine.engine.store.parked(10).await.unwrap().len(), 1);
    spine.hubspot_edits(&hubspot, &json!({"interests": ""}));
    let _unheard = spine.told();
    spine.pass(SignedDuration::from_secs(2));
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn an_address_that_another_record_has_is_refused_once_and_a_person_is_told() {
    let (mut spine, hubspot, salesforce) = linked().await;
    spine.hubspot_creates(&json!({"email": "bob@example.com", "lastname": "Noyce"}));
    spine.run().await;
    let before = spine.written();
    spine.salesforce_edits(&salesforce, &json!({"Email": "bob@example.com"}));
    spine.run().await;
    let parked = spine.engine.store.parked(10).await.unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(parked[0].reason.contains("holds a value that must be unique"), "{}", parked[0].reason);
    assert_eq!(spine.written() - before, 1);
    assert_eq!(spine.hubspot_shows(&hubspot, &["email"]), json!({"email": "ada@example.com"}));

    spine.salesforce_edits(&salesforce, &json!({"Email": "ada@example.com"}));
    spine.run().await;
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_refusal_that_is_recorded_beside_the_other_sides_write_is_over_when_it_is_taken_back() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let gone = json!({"object": "Contact", "field": "Interests__c", "remove_value": "Events"});
    spine.salesforce.person(Method::POST, "/__sandbox/schema", &gone);
    spine.hubspot_edits(&hubspot, &json!({"interests": "cycling"}));
    spine.salesforce_edits(&salesforce, &json!({"Phone": "+14155550199"}));
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    while spine.queue.counts(QueueName::Intents).visible < 2 {
        spine.work_at_once(QueueName::Hints).await;
        spine.pass(SignedDuration::from_secs(2));
    }
    spine.work_at_once(QueueName::Intents).await;
    spine.run().await;
    assert_eq!(spine.engine.store.parked(10).await.unwrap().len(), 1);
    spine.hubspot_edits(&hubspot, &json!({"interests": ""}));
    spine.run().await;
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
    assert_quiet(&mut spine).await;
}
