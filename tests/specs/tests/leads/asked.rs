//! Leads of whom a person is asked, and what they became that nobody makes once more.

use concord_sandbox::fifo::QueueName;
use http::Method;

use super::*;

#[tokio::test]
async fn nobody_is_asked_about_who_is_unlinked_before_it_could_be_told_whether_they_are_a_lead() {
    let mut scene = Scene::new();
    let contact =
        scene.0.hubspot_creates(&json!({"email": "ada@example.com", "lifecyclestage": "evangelist"}));
    scene.0.run().await;
    assert_eq!(scene.parked().await.len(), 1);

    let of = RecordKey { side: Side::HubSpot, object: "contact".into(), id: contact.as_str().into() };
    assert!(scene.0.engine.unlink(&of, scene.0.now()).await.is_ok());
    scene.0.run().await;
    assert_eq!((scene.count(), scene.parked().await), ((1, 0, 0), Vec::new()));
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn who_was_to_be_a_lead_and_of_whom_that_cannot_be_told_any_more_is_for_a_person() {
    let mut scene = Scene::new();
    let contact = scene.makes_in_hubspot("ada@example.com");
    scene.0.pass(SignedDuration::from_secs(2));
    scene.0.deliver().await;
    scene.0.work_at_once(QueueName::Hints).await; // The lead is decided,
    for message in scene.0.queue.receive(QueueName::Intents, 10) {
        assert!(scene.0.queue.delete(QueueName::Intents, &message.handle).is_ok()); // and its message is lost.
    }
    scene.0.pass(SignedDuration::from_mins(30)); // No repetition can land any more.
    scene.0.hubspot_edits(&contact, &json!({"lifecyclestage": "evangelist"}));
    scene.0.run().await;
    let of = RecordKey { side: Side::HubSpot, object: "contact".into(), id: contact.as_str().into() };
    let parked = scene.parked().await;
    let [(ParkKey::Record(key), why)] = parked.as_slice() else { unreachable!("one is parked: {parked:?}") };
    assert_eq!((key, scene.count()), (&of, (1, 0, 0)));
    assert!(why.starts_with("its field stage decides whether it is made as a lead: "), "{why}");

    scene.0.hubspot_edits(&contact, &json!({"lifecyclestage": "other"}));
    scene.0.run().await;
    assert_eq!((scene.count(), scene.parked().await), ((1, 1, 0), Vec::new()));
}

#[tokio::test]
async fn who_a_lead_became_whose_contact_was_deleted_is_not_made_in_hubspot_once_more() {
    let unlinks = contract().replacen(
        "    delete: { flag: { hubspot: deleted_in_crm, salesforce: Deleted_In_CRM__c } }\n    erase",
        "    delete: unlink\n    erase",
        1,
    );
    let mut scene = Scene(Spine::with_contract(&unlinks));
    let lead = scene.0.salesforce_creates_lead(&json!({"LastName": "Okafor", "Company": "Brightwater"})); // No key leads to it.
    scene.0.run().await;
    let contact = scene.0.counterpart(Side::Salesforce, &lead).await;
    scene.0.deletes(Side::HubSpot, &contact);
    scene.0.run().await;
    scene.0.converts(&lead, "");
    let mut events = scene.0.told();
    events.retain(|event| event.object.as_str() != "Lead"); // The contact is heard of first.
    scene.0.take_in(&events).await;
    scene.0.run().await;
    assert_eq!(scene.count(), (0, 1, 0));
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn who_a_lead_became_that_was_left_over_of_a_merge_is_somebody_of_their_own() {
    let mut scene = Scene::new();
    let kept = scene.0.hubspot_creates(&json!({"email": "grace@example.com", "lastname": "Hopper"}));
    let lead = scene.0.salesforce_creates_lead(&json!({"LastName": "Okafor", "Company": "Brightwater"}));
    scene.0.run().await;
    let loser = scene.0.counterpart(Side::Salesforce, &lead).await;
    let body = json!({"primaryObjectId": kept, "objectIdToMerge": loser});
    let merged = scene.0.hubspot.person(Method::POST, "/crm/v3/objects/contacts/merge", &body);
    scene.0.run().await;
    assert_eq!(scene.count(), (1, 1, 1));

    let became = scene.0.converts(&lead, "");
    scene.0.run().await;
    assert_eq!(scene.count(), (2, 2, 0));
    assert_ne!(json!(scene.0.counterpart(Side::Salesforce, &became).await), merged["id"]);
}

#[tokio::test]
async fn what_a_write_from_a_lead_covers_is_not_lost_when_the_lead_is_converted() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;
    scene.0.salesforce_edits(&lead, &json!({"Title": "Duchess"}));
    scene.0.pass(SignedDuration::from_secs(5));
    scene.0.deliver().await;
    scene.0.work_at_once(QueueName::Hints).await; // The write to HubSpot is under way.
    scene.0.hubspot_edits(&contact, &json!({"jobtitle": "Queen"}));
    scene.0.pass(SignedDuration::from_secs(1));
    scene.0.work_at_once(QueueName::Intents).await; // It goes over what was typed meanwhile.
    assert_eq!(scene.titles(&contact, &lead), ["Duchess", "Duchess"]);
    let became = scene.0.converts(&lead, "");
    scene.0.run().await;

    assert_eq!(scene.titles(&contact, &became), ["Queen", "Duchess"]);
    let conflicts = scene.0.engine.store.conflicts(10).await.unwrap_or_default();
    assert_eq!(conflicts.iter().map(|conflict| conflict.field.as_str()).collect::<Vec<_>>(), ["job_title"]);
}
