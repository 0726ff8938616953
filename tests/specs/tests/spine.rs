//! What the spine does for its users, scenario by scenario: the final state of both CRMs and the number of records written.

use std::collections::BTreeSet;

use concord_core::names::{RecordId, Side};
use concord_core::port::{Hints, ParkKey, Store as _};
use concord_core::step::{Next, Task};
use concord_sandbox::fifo::QueueName;
use concord_specs::spine::{Spine, Trouble};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

#[cfg(test)]
mod claims;
mod moments;
mod refusals;

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;

fn ada() -> Value {
    json!({"email": "ada@example.com", "firstname": "Ada", "lastname": "Lovelace", "phone": "+1 415 555 0100"})
}

/// A pair that has been made from HubSpot and is at rest.
async fn linked() -> (Spine, String, String) {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(&ada());
    spine.run().await;
    let salesforce = spine.counterpart(H, &hubspot).await;
    (spine, hubspot, salesforce)
}

/// Everything has been seen to land, and looking at everything once more writes nothing (I34).
async fn assert_quiet(spine: &mut Spine) {
    let written = spine.written();
    spine.reconcile(Task::Sweep).await;
    spine.reconcile(Task::Poll).await;
    spine.reconcile(Task::Repair).await;
    assert_eq!(spine.written(), written, "a further reconcile writes nothing");
    let open = spine.engine.store.census().await.map(|census| census.open);
    assert_eq!(open, Ok(0), "no intent is open");
}

#[tokio::test]
async fn a_contact_made_in_hubspot_is_made_in_salesforce_once() {
    let (mut spine, hubspot, salesforce) = linked().await;
    assert_eq!(
        spine.salesforce_shows(&salesforce, &["Email", "FirstName", "LastName", "Phone"]),
        json!({"Email": "ada@example.com", "FirstName": "Ada", "LastName": "Lovelace", "Phone": "+14155550100"})
    );
    assert_eq!(spine.hubspot_contacts(), [hubspot]);
    assert_eq!(spine.salesforce_contacts(), [salesforce]);
    assert_eq!(spine.salesforce.written(), 1);
    assert_eq!(spine.hubspot.written(), 1, "concord_id is stamped on the record that was there first");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_contact_made_in_salesforce_is_made_in_hubspot_once() {
    let mut spine = Spine::new();
    let salesforce = spine
        .salesforce_creates(&json!({"Email": "Bob@Example.com", "LastName": "Noyce", "Title": "Founder"}));
    spine.run().await;
    let hubspot = spine.counterpart(S, &salesforce).await;
    assert_eq!(
        spine.hubspot_shows(&hubspot, &["email", "firstname", "lastname", "jobtitle"]),
        json!({"email": "bob@example.com", "firstname": null, "lastname": "Noyce", "jobtitle": "Founder"})
    );
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (1, 1));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn an_edit_arrives_on_the_other_side_with_one_write_and_no_echo() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let before = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
    assert_eq!(spine.written() - before, 1);
    spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Programmer"}));
    assert_eq!(spine.written() - before, 2);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_cleared_field_is_cleared_on_the_other_side() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let before = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"phone": ""}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Phone"]), json!({"Phone": null}));
    assert_eq!(spine.written() - before, 1);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn edits_of_different_fields_on_both_sides_both_stand() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let before = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce_edits(&salesforce, &json!({"Phone": "+14155550199"}));
    spine.run().await;
    assert_eq!(
        spine.hubspot_shows(&hubspot, &["jobtitle", "phone"]),
        json!({"jobtitle": "Countess", "phone": "+14155550199"})
    );
    assert_eq!(
        spine.salesforce_shows(&salesforce, &["Title", "Phone"]),
        json!({"Title": "Countess", "Phone": "+14155550199"})
    );
    assert_eq!(spine.written() - before, 2);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn edits_of_one_field_on_both_sides_are_held_with_both_values_kept() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let before = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Countess"}));
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Programmer"}));
    assert_eq!(spine.written() - before, 0);
    let conflicts = spine.engine.store.conflicts(10).await.unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert_eq!(conflicts[0].field.as_str(), "job_title");
    assert_quiet(&mut spine).await;
    assert_eq!(spine.engine.store.conflicts(10).await.unwrap(), conflicts, "it is said once");

    spine.salesforce_edits(&salesforce, &json!({"Title": "Countess"}));
    spine.run().await;
    assert_eq!(spine.engine.store.conflicts(10).await.unwrap(), [], "agreement ends it");
    assert_eq!(spine.written() - before, 0);
}

#[tokio::test]
async fn the_same_edit_on_both_sides_writes_nothing() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let before = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce_edits(&salesforce, &json!({"Title": "Countess"}));
    spine.run().await;
    assert_eq!(spine.written() - before, 0);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_delete_flags_the_other_record_and_an_undelete_takes_the_flag_back() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let before = spine.written();
    spine.salesforce.person(
        Method::DELETE,
        &format!("/services/data/v66.0/sobjects/Contact/{salesforce}"),
        &Value::Null,
    );
    spine.run().await;
    assert_eq!(
        spine.hubspot_shows(&hubspot, &["deleted_in_crm", "lastname"]),
        json!({"deleted_in_crm": "true", "lastname": "Lovelace"})
    );
    assert_eq!(spine.written() - before, 1);
    assert_quiet(&mut spine).await;

    spine.salesforce.person_soap(&format!("<urn:undelete><urn:ids>{salesforce}</urn:ids></urn:undelete>"));
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["deleted_in_crm"]), json!({"deleted_in_crm": "false"}));
    assert_eq!(spine.written() - before, 2);
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_delete_that_meets_an_edit_keeps_the_edited_record_and_ends_the_pair() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let before = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce.person(
        Method::DELETE,
        &format!("/services/data/v66.0/sobjects/Contact/{salesforce}"),
        &Value::Null,
    );
    spine.run().await;
    assert_eq!(
        spine.hubspot_shows(&hubspot, &["deleted_in_crm", "jobtitle"]),
        json!({"deleted_in_crm": null, "jobtitle": "Countess"})
    );
    assert_eq!(spine.written() - before, 0);
    assert_eq!(spine.salesforce_contacts(), Vec::<String>::new(), "it is not made again");
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Programmer"}));
    spine.run().await;
    assert_eq!(spine.written() - before, 0);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn two_records_with_one_address_become_one_pair_and_blanks_are_filled() {
    let mut spine = Spine::new();
    spine.deaf = true;
    let hubspot = spine.hubspot_creates(
        &json!({"email": "ada@example.com", "lastname": "Lovelace", "jobtitle": "Countess"}),
    );
    let salesforce = spine.salesforce_creates(
        &json!({"Email": "ADA@example.com", "LastName": "Lovelace", "Phone": "+14155550100"}),
    );
    spine.run().await;
    spine.deaf = false;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart(H, &hubspot).await, salesforce);
    assert_eq!(
        spine.hubspot_shows(&hubspot, &["jobtitle", "phone"]),
        json!({"jobtitle": "Countess", "phone": "+14155550100"})
    );
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (1, 1));
    assert_eq!(spine.written(), 2, "one write a side, with concord_id");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_lost_webhook_is_made_good_by_the_poll() {
    let (mut spine, hubspot, salesforce) = linked().await;
    spine.reconcile(Task::Poll).await;
    let before = spine.written();
    spine.deaf = true;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": null}));
    spine.reconcile(Task::Poll).await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
    assert_eq!(spine.written() - before, 1);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn every_webhook_repeated_fifty_times_and_out_of_order_writes_nothing_more() {
    let (mut spine, hubspot, salesforce) = linked().await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.run().await;
    spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
    spine.run().await;
    let (written, mut heard) = (spine.written(), spine.heard.clone());
    heard.reverse();
    for _ in 0..50 {
        spine.take_in(&heard).await;
    }
    spine.run().await;
    assert_eq!(spine.written(), written);
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Programmer"}));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn an_answer_lost_after_a_create_makes_no_second_record() {
    for (side, kind) in [(S, "write_"), (H, "write_")] {
        let mut spine = Spine::new();
        match side {
            Side::Salesforce => {
                spine.salesforce.trouble(kind, Trouble::AnswerLost);
                spine.hubspot_creates(&ada());
            }
            Side::HubSpot => {
                spine.hubspot.trouble(kind, Trouble::AnswerLost);
                spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}));
            }
        }
        spine.run().await;
        assert!(spine.hubspot.troubles_over() && spine.salesforce.troubles_over());
        let (hubspot, salesforce) = (spine.hubspot_contacts(), spine.salesforce_contacts());
        assert_eq!((hubspot.len(), salesforce.len()), (1, 1), "{side}");
        assert_eq!(spine.counterpart(H, &hubspot[0]).await, salesforce[0]);
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn an_answer_lost_after_an_update_costs_no_edit_made_on_top_of_it() {
    let (mut spine, hubspot, salesforce) = linked().await;
    spine.hubspot.trouble("write_", Trouble::AnswerLost);
    spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
    while !spine.hubspot.troubles_over() {
        spine.pass(jiff::SignedDuration::from_secs(2));
        spine.round().await;
    }
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Countess"}));
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn an_update_that_never_arrived_is_attempted_again() {
    for trouble in [Trouble::RequestLost, Trouble::Refused(503), Trouble::Refused(429)] {
        let (mut spine, hubspot, salesforce) = linked().await;
        spine.salesforce.trouble("write_", trouble);
        spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
        spine.run().await;
        assert_eq!(
            spine.salesforce_shows(&salesforce, &["Title"]),
            json!({"Title": "Countess"}),
            "{trouble:?}"
        );
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_side_that_wants_to_be_left_alone_is_left_alone_by_all_workers_of_a_process() {
    let (spine, hubspot, _) = linked().await;
    let look = async |again_at: Timestamp| {
        let hints = Hints {
            side: H,
            object: "contact".into(),
            ids: vec![RecordId::from(hubspot.as_str())],
            erased: false,
            not_before: None,
            correlation: "c".to_owned(),
        };
        let before = spine.hubspot.calls();
        let next = spine.engine.fetch(&hints, again_at).await;
        (next, spine.hubspot.calls() != before)
    };
    spine.hubspot.trouble("", Trouble::Refused(429));
    let (Ok(Next::NotBefore(at)), true) = look(spine.now()).await else { panic!("it was not refused") };
    let (Ok(Next::NotBefore(later)), false) = look(spine.now()).await else {
        panic!("it was not left alone")
    };
    assert!(spine.now() < at && at <= later);
    spine.pass(later.duration_since(spine.now()));
    assert_eq!(look(spine.now()).await, (Ok(Next::Done), true));
}

#[tokio::test]
async fn records_are_spread_over_as_many_groups_as_there_are_shards() {
    let mut spine = Spine::new();
    let mut groups = BTreeSet::new();
    for n in 0..64 {
        spine.hubspot_creates(&json!({"email": format!("{n}@example.com"), "lastname": "Byron"}));
        spine.deliver().await;
        groups.extend(spine.queue.receive(QueueName::Hints, 10).into_iter().map(|message| message.group));
    }
    assert_eq!(groups, (0..8).map(|n| format!("shard-{n}")).collect());
}

#[tokio::test]
async fn a_sweep_finds_more_records_than_a_message_holds() {
    const MANY: usize = 2 * Hints::IDS_MAX + 1;
    for side in Side::BOTH {
        let mut spine = Spine::new();
        spine.deaf = true;
        for n in 0..MANY {
            let email = format!("{n}@example.com");
            match side {
                Side::HubSpot => spine.hubspot_creates(&json!({"email": email, "lastname": "Byron"})),
                Side::Salesforce => spine.salesforce_creates(&json!({"Email": email, "LastName": "Byron"})),
            };
        }
        spine.reconcile(Task::Sweep).await;
        let links = spine.engine.store.census().await.map(|census| census.links);
        assert_eq!(links, Ok(MANY as u64), "{side}");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_write_that_is_put_off_while_the_other_sides_is_recorded_is_attempted_again_without_repair() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let before = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce_edits(&salesforce, &json!({"Phone": "+14155550199"}));
    spine.salesforce.trouble("write_", Trouble::Refused(429));
    // Both intents are decided at once; their writes go out side by side.
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    while spine.queue.counts(QueueName::Intents).visible < 2 {
        spine.work_at_once(QueueName::Hints).await;
        spine.pass(SignedDuration::from_secs(2));
    }
    spine.work_at_once(QueueName::Intents).await;
    assert!(spine.salesforce.troubles_over());

    spine.run().await;

    assert_eq!(
        spine.salesforce_shows(&salesforce, &["Title", "Phone"]),
        json!({"Title": "Countess", "Phone": "+14155550199"})
    );
    assert_eq!(
        spine.hubspot_shows(&hubspot, &["jobtitle", "phone"]),
        json!({"jobtitle": "Countess", "phone": "+14155550199"})
    );
    assert_eq!(spine.written() - before, 3, "one to HubSpot, two attempts to Salesforce");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_value_that_has_no_form_on_the_other_side_is_parked_and_the_rest_goes_on() {
    let (mut spine, hubspot, salesforce) = linked().await;
    spine.hubspot_edits(&hubspot, &json!({"phone": "call me maybe", "jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(
        spine.salesforce_shows(&salesforce, &["Title", "Phone"]),
        json!({"Title": "Countess", "Phone": "+14155550100"})
    );
    let parked = spine.engine.store.parked(10).await.unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(matches!(&parked[0].key, ParkKey::Field(_, field) if field.as_str() == "phone"));
    assert!(!parked[0].reason.contains("maybe"), "no value in a reason");
    spine.hubspot_edits(&hubspot, &json!({"phone": "415 555 0123"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Phone"]), json!({"Phone": "+14155550123"}));
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_record_that_the_other_side_refuses_is_parked_until_it_is_mended() {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(&json!({"email": "nobody@example.com", "firstname": "Nobody"}));
    spine.run().await;
    assert_eq!(spine.salesforce_contacts(), Vec::<String>::new());
    let parked = spine.engine.store.parked(10).await.unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(parked[0].reason.contains("LastName"), "{}", parked[0].reason);
    let written = spine.written();
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.written(), written, "the same refused write is not repeated");
    spine.hubspot_edits(&hubspot, &json!({"lastname": "Nemo"}));
    spine.run().await;
    assert_eq!(spine.salesforce_contacts().len(), 1);
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_was_refused_is_tried_again_after_a_day_when_an_administrator_may_have_mended_it() {
    let (mut spine, hubspot, salesforce) = linked().await;
    let choice = |change: &str| json!({"object": "Contact", "field": "Interests__c", change: "Events"});
    spine.salesforce.person(Method::POST, "/__sandbox/schema", &choice("remove_value"));
    spine.hubspot_edits(&hubspot, &json!({"interests": "cycling"}));
    spine.run().await;
    let parked = spine.engine.store.parked(10).await.unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(parked[0].reason.contains("add the value to the picklist"), "{}", parked[0].reason);

    spine.salesforce.person(Method::POST, "/__sandbox/schema", &choice("add_value"));
    let written = spine.written();
    spine.pass(SignedDuration::from_hours(23));
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.written(), written, "a refusal stands for a day");
    spine.pass(SignedDuration::from_hours(1));
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Interests__c"]), json!({"Interests__c": "Events"}));
    assert_eq!(spine.written(), written + 1);
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn two_candidates_for_one_address_are_never_linked_by_guess() {
    let mut spine = Spine::new();
    spine.deaf = true;
    for name in ["First", "Second"] {
        spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": name}));
    }
    spine.run().await;
    spine.deaf = false;
    spine.hubspot_creates(&ada());
    spine.run().await;
    assert_eq!(spine.written(), 0);
    let parked = spine.engine.store.parked(10).await.unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(parked[0].reason.contains("hold the same key"), "{}", parked[0].reason);
}

#[tokio::test]
async fn a_write_to_hubspot_that_is_put_off_is_decided_again_from_both_rows() {
    for trouble in [Trouble::RequestLost, Trouble::Refused(503), Trouble::Refused(429)] {
        let (mut spine, hubspot, salesforce) = linked().await;
        spine.pass(SignedDuration::from_hours(1));
        spine.hubspot.trouble("write_", trouble);
        spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
        spine.run().await;
        assert!(spine.hubspot.troubles_over());
        assert_eq!(
            spine.hubspot_shows(&hubspot, &["jobtitle"]),
            json!({"jobtitle": "Programmer"}),
            "{trouble:?}"
        );
        assert_quiet(&mut spine).await;
    }
}
