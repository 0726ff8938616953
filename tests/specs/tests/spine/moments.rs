//! What happens between a decision and its write, and between two listings.

use concord_core::brake::Brake;
use concord_core::contract::Create;
use concord_core::names::PerSide;
use concord_core::step::Report;
use concord_specs::spine::SAMPLE_CONTRACT;

use super::*;

#[tokio::test]
async fn what_was_decided_anew_before_it_was_sent_is_sent_once_as_it_was_decided_last() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = linked().await;
        let before = spine.written();
        for title in ["Countess", "Programmer"] {
            match side {
                Side::HubSpot => spine.hubspot_edits(&hubspot, &json!({ "jobtitle": title })),
                Side::Salesforce => spine.salesforce_edits(&salesforce, &json!({ "Title": title })),
            }
            spine.pass(SignedDuration::from_secs(2));
            spine.deliver().await;
            spine.work_at_once(QueueName::Hints).await;
        }
        assert_eq!(spine.queue.counts(QueueName::Intents).visible, 2, "{side}: both wait");
        spine.run().await;
        assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Programmer"}));
        assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Programmer"}));
        assert_eq!(spine.written() - before, 1, "{side}");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn what_is_typed_in_the_second_in_which_a_row_was_read_is_not_written_over() {
    let (mut spine, hubspot, salesforce) = linked().await;
    // A stamp knows whole seconds: as a precondition it would let pass whatever comes later in its own.
    spine.salesforce_edits(&salesforce, &json!({"Phone": "+14155550123"}));
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
    spine.work_at_once(QueueName::Intents).await;
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Countess"}));
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Programmer"}));
    let held = spine.engine.store.conflicts(10).await.unwrap();
    assert_eq!(held.iter().map(|conflict| conflict.field.as_str()).collect::<Vec<_>>(), ["job_title"]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_counterpart_that_the_contract_makes_no_longer_is_not_made_and_nobody_waits_for_it() {
    let mut spine = Spine::new();
    spine.salesforce.trouble("write_", Trouble::RequestLost);
    let hubspot = spine.hubspot_creates(&ada());
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    for object in spine.engine.contract.objects.values_mut() {
        object.create.salesforce = Create::Never;
    }
    spine.run().await;
    assert!(spine.salesforce.troubles_over());
    assert_eq!((spine.hubspot_contacts(), spine.salesforce_contacts()), (vec![hubspot], Vec::new()));
    assert_quiet(&mut spine).await;
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
}

#[tokio::test]
async fn polls_that_begin_now_leave_what_is_older_to_a_sweep() {
    let mut spine = Spine::new();
    spine.deaf = true;
    spine.hubspot_creates(&ada());
    spine.salesforce_creates(&json!({"Email": "bob@example.com", "LastName": "Noyce"}));
    spine.run().await;
    spine.pass(SignedDuration::from_hours(1));
    assert_eq!(spine.engine.begin_polls_at(spine.now()).await, Ok(()));
    spine.hubspot_creates(&json!({"email": "grace@example.com", "lastname": "Hopper"}));
    spine.run().await;
    spine.pass(SignedDuration::from_mins(2)); // HubSpot's index is late.
    assert_eq!(spine.engine.begin_polls_at(spine.now()).await, Ok(())); // Said again, it moves nothing.
    spine.reconcile(Task::Poll).await;
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (2, 2), "Grace alone");
    spine.reconcile(Task::Sweep).await;
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (3, 3));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_sweep_goes_on_where_its_last_run_stopped_and_has_counted_all_records_in_the_end() {
    let mut spine = Spine::paged(SAMPLE_CONTRACT, 1);
    spine.deaf = true;
    for n in 0..60 {
        spine.hubspot_creates(&json!({"email": format!("{n}@example.com"), "lastname": "Byron"}));
    }
    spine.run().await;
    let first = spine.engine.reconcile(Task::Sweep, spine.now()).await;
    assert_eq!(first, Ok(Report { listed: 50, hinted: 50, unfinished: 1 }), "fifty pages a run");
    let second = spine.engine.reconcile(Task::Sweep, spine.now()).await;
    assert_eq!(second, Ok(Report { listed: 10, hinted: 10, unfinished: 0 }));
    let counted = spine.engine.store.cursor("brake/contact").await.unwrap().unwrap();
    let brake: Brake = serde_json::from_str(&counted.text).unwrap();
    assert_eq!(brake.records, PerSide { hubspot: Some(60), salesforce: Some(0) });
    spine.run().await;
    assert_eq!(spine.engine.store.census().await.map(|census| census.links), Ok(60));
}

#[tokio::test]
async fn a_repair_says_how_many_links_it_has_found_and_hinted() {
    let (mut spine, hubspot, _) = linked().await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    spine.pass(SignedDuration::from_secs(61));
    let repaired = spine.engine.reconcile(Task::Repair, spine.now()).await;
    assert_eq!(repaired, Ok(Report { listed: 1, hinted: 1, unfinished: 0 }));
}

#[tokio::test]
async fn a_flag_on_a_pair_that_lives_is_taken_back_though_nobody_told_of_it() {
    let (mut spine, _, salesforce) = linked().await;
    spine.salesforce_edits(&salesforce, &json!({"Deleted_In_CRM__c": true}));
    let _unheard = spine.told();
    spine.pass(SignedDuration::from_secs(2));
    spine.reconcile(Task::Sweep).await;
    let shown = spine.salesforce_shows(&salesforce, &["Deleted_In_CRM__c"]);
    assert_eq!(shown, json!({"Deleted_In_CRM__c": false}));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_write_that_waited_for_more_than_ten_minutes_is_decided_anew_from_both_rows() {
    let (mut spine, hubspot, salesforce) = linked().await;
    spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    assert_eq!(spine.queue.counts(QueueName::Intents).visible, 1, "the write waits");
    let before = spine.written();
    spine.pass(SignedDuration::from_mins(11));
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    let _unheard = spine.told();
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Countess"}));
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Programmer"}));
    assert_eq!(spine.written(), before, "the two are held");
    assert_eq!(spine.engine.store.conflicts(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_set_that_people_change_on_both_sides_at_once_holds_what_all_of_them_meant() {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(
        &json!({"email": "ada@example.com", "lastname": "Lovelace", "interests": "cycling;sailing"}),
    );
    spine.run().await;
    let salesforce = spine.counterpart(H, &hubspot).await;
    let before = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"interests": "cycling;sailing;reading"})); // Reading comes
    spine.salesforce_edits(&salesforce, &json!({"Interests__c": "Research;Offers"})); // Cycling goes, music comes
    spine.run().await;
    let set = |shown: &Value| -> BTreeSet<String> {
        shown.as_str().unwrap_or_default().split(';').map(str::to_owned).collect()
    };
    let shown = [
        set(&spine.hubspot_shows(&hubspot, &["interests"])["interests"]),
        set(&spine.salesforce_shows(&salesforce, &["Interests__c"])["Interests__c"]),
    ];
    let named = |names: [&str; 3]| names.map(str::to_owned).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(shown, [named(["music", "reading", "sailing"]), named(["News", "Offers", "Research"])]);
    assert_eq!(spine.written() - before, 2, "one write a side");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_field_that_was_blank_when_its_record_was_made_can_be_filled_much_later() {
    let mut spine = Spine::new();
    let salesforce = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}));
    spine.run().await;
    let hubspot = spine.counterpart(S, &salesforce).await;
    // By the second edit, how the record was made is forgotten.
    for properties in [json!({"phone": "+14155550100"}), json!({"jobtitle": "Countess"})] {
        spine.pass(SignedDuration::from_hours(1));
        spine.hubspot_edits(&hubspot, &properties);
        spine.run().await;
    }
    assert_eq!(
        spine.salesforce_shows(&salesforce, &["Phone", "Title"]),
        json!({"Phone": "+14155550100", "Title": "Countess"})
    );
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
    assert_quiet(&mut spine).await;
}
