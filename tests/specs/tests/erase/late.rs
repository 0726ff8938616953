//! What comes after an erasure, or was apart before it.

use super::*;

#[tokio::test]
async fn what_lands_long_after_it_was_erased_goes_again() {
    for purge in [false, true] {
        // Given a contact of Salesforce that was erased while its insert in HubSpot was on its way
        let (mut spine, salesforce) = inserted(purge, Trouble::RequestLost).await;
        let link = spine.link_of("contact", S, &salesforce).await.id;
        assert!(matches!(erase(&spine, S, &salesforce).await, Said::Done(_)));
        spine.run().await;
        assert_eq!(in_use(&spine), (0, usize::from(!purge)));

        // When it lands after all, and only HubSpot tells of it
        spine.hubspot_creates(
            &json!({"email": "ada@example.com", "lastname": "Okafor", "concord_id": link.as_str()}),
        );
        spine.run().await;

        // Then it goes for good
        assert_eq!(in_use(&spine), (0, usize::from(!purge)));
        assert_forgotten(&spine, S, &salesforce).await;
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn what_a_person_had_unlinked_and_was_merged_into_it_since_is_forgotten_with_it() {
    let (mut spine, hubspot, _) = pair(true).await;
    let twin = spine.hubspot_creates(&json!({"email": "ada@ockham.example.com", "lastname": "King"}));
    spine.run().await;
    let left_over = spine.counterpart(H, &twin).await;
    spine.engine.unlink(&contact(H, &twin), spine.now()).await.unwrap();
    spine.run().await;
    let body = json!({"primaryObjectId": hubspot, "objectIdToMerge": twin});
    let merged = spine.hubspot.person(Method::POST, "/crm/v3/objects/contacts/merge", &body);
    let winner = merged["id"].as_str().unwrap().to_owned();
    spine.run().await;

    assert!(matches!(erase(&spine, H, &winner).await, Said::Done(_)));
    spine.run().await;
    let dump = spine.engine.store.dump();
    assert!(!dump.contains("King") && !dump.contains("ockham"), "{dump}");
    assert_eq!(in_use(&spine), (0, 1));
    assert_eq!(left_to_a_person(&spine).await.0, contact(S, &left_over));
}

#[tokio::test]
async fn what_was_merged_into_it_before_it_had_a_counterpart_is_forgotten_with_it() {
    // Given a contact that Salesforce refuses, which somebody merges into one that is in a pair
    let (mut spine, hubspot, _) = pair(true).await;
    let twin = spine.hubspot_creates(&json!({"email": "ada@ockham.example.com"})); // Nobody is made without a last name.
    spine.run().await;
    let body = json!({"primaryObjectId": hubspot, "objectIdToMerge": twin});
    let merged = spine.hubspot.person(Method::POST, "/crm/v3/objects/contacts/merge", &body);
    let winner = merged["id"].as_str().unwrap().to_owned();
    spine.run().await;
    assert!(spine.engine.store.dump().contains("ockham"), "the journal of the pair that never was one");

    assert!(matches!(erase(&spine, H, &winner).await, Said::Done(_)));
    spine.run().await;
    let dump = spine.engine.store.dump();
    assert!(!dump.contains("ockham"), "{dump}");
    assert_forgotten(&spine, H, &winner).await;
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_record_with_the_mark_of_somebody_who_was_erased_is_set_aside_until_it_is_in_the_bin() {
    let (mut spine, hubspot, _) = pair(false).await;
    assert!(matches!(erase(&spine, H, &hubspot).await, Said::Done(_)));
    spine.run().await;
    let eve = spine.hubspot_creates(&json!({"email": "eve@example.com", "lastname": "Moneypenny"}));
    let body = json!({"primaryObjectId": eve, "objectIdToMerge": hubspot});
    let merged = spine.hubspot.person(Method::POST, "/crm/v3/objects/contacts/merge", &body);
    let merged = merged["id"].as_str().unwrap().to_owned();
    spine.run().await;
    assert_eq!(left_to_a_person(&spine).await.0, contact(H, &merged));

    spine.deletes(H, &merged);
    spine.run().await;
    assert_eq!(parked(&spine).await, []);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_record_that_was_left_to_a_person_waits_for_nobody_once_it_is_merged_into_another() {
    let (mut spine, hubspot, salesforce) = pair(false).await;
    let eve = spine.salesforce_creates(&json!({"Email": "eve@example.com", "LastName": "Moneypenny"}));
    spine.run().await;
    spine.hubspot_erases(&hubspot);
    spine.run().await;
    assert_eq!(left_to_a_person(&spine).await.0, contact(S, &salesforce));
    spine.soap(&format!(
        "<urn:merge><urn:request><urn:masterRecord xmlns:so=\"urn:sobject.partner.soap.sforce.com\">\
         <so:type>Contact</so:type><so:Id>{eve}</so:Id></urn:masterRecord>\
         <urn:recordToMergeIds>{salesforce}</urn:recordToMergeIds></urn:request></urn:merge>"
    ));
    spine.run().await;
    assert_eq!((in_use(&spine), parked(&spine).await), ((1, 1), Vec::new()));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_has_to_go_goes_though_the_other_record_was_merged_meanwhile() {
    let (mut spine, hubspot, salesforce) = pair(true).await;
    let eve = spine.hubspot_creates(&json!({"email": "eve@example.com", "lastname": "Moneypenny"}));
    spine.run().await;
    let kept = spine.counterpart(H, &eve).await;
    assert!(matches!(erase(&spine, S, &salesforce).await, Said::Done(_)));
    let body = json!({"primaryObjectId": eve, "objectIdToMerge": hubspot});
    let merged = spine.hubspot.person(Method::POST, "/crm/v3/objects/contacts/merge", &body);
    spine.run().await;
    assert_eq!(spine.hubspot_contacts(), [merged["id"].as_str().unwrap()]);
    assert_eq!(spine.salesforce_contacts(), [kept]);
    let undelete = format!("<urn:undelete><urn:ids>{salesforce}</urn:ids></urn:undelete>");
    assert!(!spine.salesforce.person_soap(&undelete).contains("<success>true</success>"));
}

#[tokio::test]
async fn an_erasure_is_believed_of_what_lies_in_the_bin_and_of_nobody_who_lives() {
    let said = |id: &str| Event {
        key: EventKey("said".to_owned()),
        side: H,
        object: "contacts".into(),
        ids: vec![RecordId::from(id)],
        erased: true,
    };
    // Alive, with news
    let (mut spine, hubspot, salesforce) = pair(true).await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Duchess"}));
    let _unheard = spine.told();
    spine.pass(SignedDuration::from_secs(2));
    spine.take_in(&[said(&hubspot)]).await;
    spine.run().await;
    assert_eq!(in_use(&spine), (1, 1));
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"])["Title"], "Duchess");
    assert_quiet(&mut spine).await;

    // In the bin
    let (mut spine, hubspot, salesforce) = pair(false).await;
    spine.deletes(H, &hubspot);
    let _unheard = spine.told();
    spine.take_in(&[said(&hubspot)]).await;
    spine.run().await;
    assert_forgotten(&spine, H, &hubspot).await;
    assert_eq!(left_to_a_person(&spine).await.0, contact(S, &salesforce));
}

#[tokio::test]
async fn who_has_the_key_of_somebody_who_was_erased_alone_is_not_theirs_whatever_is_looked_at() {
    let mut spine = Spine::with_contract(&contract(false));
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com"})); // Nobody is made without a last name.
    spine.run().await;
    assert!(matches!(erase(&spine, H, &hubspot).await, Said::Done(_)));
    spine.run().await;
    let copy = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Okafor"}));
    for title in ["Countess", "Duchess"] {
        spine.hubspot_edits(&hubspot, &json!({ "jobtitle": title }));
        spine.run().await;
        let (record, reason) = left_to_a_person(&spine).await;
        assert_eq!(record, contact(S, &copy));
        assert!(reason.starts_with("somebody with the same key was erased"), "{reason}");
        assert_eq!(in_use(&spine), (1, 1));
    }
}
