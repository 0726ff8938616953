//! What is hidden, or not heard of yet, of a deal and its contacts.

use concord_core::port::ParkKey;

use super::*;

#[tokio::test]
async fn where_a_deals_roles_are_hidden_polls_find_the_rest_of_it_all_the_same() {
    let (mut spine, deal, ..) = strangers().await;
    let hide = json!({"object": "OpportunityContactRole", "hidden": true});
    spine.salesforce.person(Method::POST, "/__sandbox/schema", &hide);
    spine.reconcile(Task::Poll).await;
    spine.deaf = true;
    let path = format!("{OBJECTS}/Opportunity/{}", deal.salesforce);
    spine.salesforce.person(Method::PATCH, &path, &json!({"Name": "Engine No. 3"}));
    spine.run().await;
    spine.pass(jiff::SignedDuration::from_mins(2));
    spine.reconcile(Task::Poll).await;
    let path = format!("{DEALS}/{}?properties=dealname", deal.hubspot);
    let shown = spine.hubspot.person(Method::GET, &path, &Value::Null);
    assert_eq!(shown["properties"]["dealname"], "Engine No. 3");
}

#[tokio::test]
async fn a_deal_that_is_looked_at_before_its_contacts_delete_is_heard_of_loses_nobody_and_others_join() {
    let (mut spine, deal, ada, bea) = associated().await;
    let cleo = contact(&mut spine, "Cleo").await;
    spine.hubspot.person(Method::DELETE, &format!("{CONTACTS}/{}", ada.hubspot), &Value::Null);
    associates(&spine, &deal.hubspot, &cleo.hubspot);
    let (of_deals, others): (Vec<_>, Vec<_>) =
        spine.told().into_iter().partition(|event| event.object.as_str() == "deals");
    assert!(!of_deals.is_empty() && !others.is_empty());
    spine.pass(jiff::SignedDuration::from_secs(5));
    spine.take_in(&of_deals).await;
    spine.work_at_once(QueueName::Hints).await;
    spine.take_in(&others).await;
    spine.run().await;
    let [here, _] = both([&bea, &cleo]);
    let [_, there] = both([&ada, &bea, &cleo]);
    assert_eq!(contacts_of(&spine, &deal), [here, there]);
    let written = spine.written();
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.written(), written);
}

#[tokio::test]
async fn a_contact_who_leaves_one_side_before_joining_the_other_between_two_reads_was_never_agreed_on() {
    let (mut spine, deal, ada, _) = strangers().await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    spine.deliver().await;
    let before = spine.salesforce.calls();
    let people = async {
        // HubSpot has been read, and Salesforce has not.
        while spine.salesforce.calls() == before {
            tokio::task::yield_now().await;
        }
        dissociates(&spine, &deal.hubspot, &ada.hubspot);
        gives_role(&spine, &deal.salesforce, &ada.salesforce, "Other");
    };
    tokio::join!(spine.work_at_once(QueueName::Hints), people);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada]), "whoever joined last is in");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_delete_is_passed_on_unless_somebody_put_a_contact_in_unseen() {
    let flag = |spine: &Spine, deal: &Both| {
        let path = format!("{OBJECTS}/Opportunity/{}?fields=Deleted_In_CRM__c", deal.salesforce);
        spine.salesforce.person(Method::GET, &path, &Value::Null)["Deleted_In_CRM__c"].clone()
    };
    let (mut spine, deal, _, bea) = strangers().await;
    gives_role(&spine, &deal.salesforce, &bea.salesforce, "Other");
    spine.hubspot.person(Method::DELETE, &format!("{DEALS}/{}", deal.hubspot), &Value::Null);
    settles(&mut spine).await;
    assert_eq!(
        (flag(&spine, &deal), roles(&spine, &deal.salesforce).len()),
        (json!(false), 1),
        "kept, and unlinked"
    );

    // Whom both sides have agreed on is nobody's edit, on whichever side.
    let (mut spine, deal, ..) = associated().await;
    spine.salesforce.person(
        Method::DELETE,
        &format!("{OBJECTS}/Opportunity/{}", deal.salesforce),
        &Value::Null,
    );
    settles(&mut spine).await;
    let path = format!("{DEALS}/{}?properties=deleted_in_crm", deal.hubspot);
    let shown = spine.hubspot.person(Method::GET, &path, &Value::Null);
    assert_eq!(shown["properties"]["deleted_in_crm"], "true");
}

#[tokio::test]
async fn a_new_deal_whose_associations_got_lost_has_them_later_and_takes_nobody_out() {
    let mut spine = Spine::new();
    let bea = contact(&mut spine, "Bea").await;
    let fields = json!({"Name": "Engine No. 3", "StageName": "Prospecting", "CloseDate": "2026-12-24"});
    let salesforce =
        text(&spine.salesforce.person(Method::POST, &format!("{OBJECTS}/Opportunity"), &fields)["id"]);
    gives_role(&spine, &salesforce, &bea.salesforce, "Decision Maker");
    spine.hubspot.trouble("write_batch_associate", Trouble::RequestLost);
    settles(&mut spine).await;
    assert!(spine.hubspot.troubles_over());
    let deal = Both { hubspot: spine.counterpart_of("deal", S, &salesforce).await, salesforce };
    assert_eq!(contacts_of(&spine, &deal), both([&bea]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn the_brake_counts_who_leaves_a_deal_and_not_who_joins_it() {
    let fields = "    fields:\n      name: { hubspot: dealname";
    let yaml = SAMPLE_CONTRACT.replacen(fields, &format!("    brake: {{ changes: 0 }}\n{fields}"), 1);
    assert_ne!(yaml, SAMPLE_CONTRACT);
    let mut spine = Spine::with_contract(&yaml);
    let (ada, bea) = (contact(&mut spine, "Ada").await, contact(&mut spine, "Bea").await);
    let deal = deal(&mut spine).await;
    for person in [&ada, &bea] {
        associates(&spine, &deal.hubspot, &person.hubspot);
    }
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]));

    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), [vec![bea.hubspot.clone()], both([&ada, &bea])[1].clone()]);
    let parked = spine.engine.store.parked(10).await.unwrap();
    let keys: Vec<ParkKey> = parked.into_iter().map(|parked| parked.key).collect();
    assert_eq!(keys, [ParkKey::Object("deal".into())]);

    assert_eq!(spine.engine.release(&"deal".into(), spine.now()).await, Ok(true));
    spine.reconcile(Task::Sweep).await;
    assert_eq!(contacts_of(&spine, &deal), both([&bea]));
    assert_quiet(&mut spine).await;
}
