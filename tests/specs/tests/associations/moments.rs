//! What is hidden, or not heard of yet, of a deal and its contacts.

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
