//! A deal's contacts: associations in HubSpot, and in Salesforce rows of a junction object. Sets of pairs, merged one by one (P12).

mod moments;
mod robots;
#[cfg(test)]
mod roles;

use concord_core::names::Side;
use concord_core::port::Store as _;
use concord_core::step::Task;
use concord_sandbox::fifo::QueueName;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, Trouble, assert_quiet};
use http::Method;
use serde_json::{Value, json};

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;
const DEALS: &str = "/crm/v3/objects/deals";
const CONTACTS: &str = "/crm/v3/objects/contacts";
const OBJECTS: &str = "/services/data/v66.0/sobjects";

/// Records of both sides that belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Both {
    hubspot: String,
    salesforce: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn makes_contact(spine: &Spine, name: &str) -> String {
    let email = format!("{}@example.com", name.to_lowercase());
    let properties = json!({"firstname": name, "lastname": "Byron", "email": email});
    text(&spine.hubspot.person(Method::POST, CONTACTS, &json!({ "properties": properties }))["id"])
}

fn makes_deal(spine: &Spine) -> String {
    let properties = json!({"dealname": "Engine No. 2", "pipeline": "default", "dealstage": "qualifiedtobuy",
        "closedate": "2026-06-30T21:00:00Z"});
    text(&spine.hubspot.person(Method::POST, DEALS, &json!({ "properties": properties }))["id"])
}

async fn contact(spine: &mut Spine, name: &str) -> Both {
    let hubspot = makes_contact(spine, name);
    spine.run().await;
    let salesforce = spine.counterpart(H, &hubspot).await;
    Both { hubspot, salesforce }
}

async fn deal(spine: &mut Spine) -> Both {
    let hubspot = makes_deal(spine);
    spine.run().await;
    let salesforce = spine.counterpart_of("deal", H, &hubspot).await;
    Both { hubspot, salesforce }
}

/// A deal and two contacts, nobody associated with anybody.
async fn strangers() -> (Spine, Both, Both, Both) {
    let mut spine = Spine::new();
    let (ada, bea) = (contact(&mut spine, "Ada").await, contact(&mut spine, "Bea").await);
    let deal = deal(&mut spine).await;
    (spine, deal, ada, bea)
}

/// A deal with two contacts on both sides.
async fn associated() -> (Spine, Both, Both, Both) {
    let (mut spine, deal, ada, bea) = strangers().await;
    for person in [&ada, &bea] {
        associates(&spine, &deal.hubspot, &person.hubspot);
    }
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]));
    (spine, deal, ada, bea)
}

fn associates(spine: &Spine, deal: &str, contact: &str) {
    let path = format!("/crm/v4/objects/deals/{deal}/associations/default/contacts/{contact}");
    spine.hubspot.person(Method::PUT, &path, &Value::Null);
}

fn dissociates(spine: &Spine, deal: &str, contact: &str) {
    let path = format!("/crm/v4/objects/deals/{deal}/associations/contacts/{contact}");
    spine.hubspot.person(Method::DELETE, &path, &Value::Null);
}

fn gives_role(spine: &Spine, opportunity: &str, contact: &str, role: &str) -> String {
    let row = json!({"OpportunityId": opportunity, "ContactId": contact, "Role": role});
    text(&spine.salesforce.person(Method::POST, &format!("{OBJECTS}/OpportunityContactRole"), &row)["id"])
}

fn takes_role(spine: &Spine, role: &str) {
    spine.salesforce.person(
        Method::DELETE,
        &format!("{OBJECTS}/OpportunityContactRole/{role}"),
        &Value::Null,
    );
}

/// The rows that join contacts to an opportunity: id, contact, role.
fn roles(spine: &Spine, opportunity: &str) -> Vec<(String, String, Value)> {
    let soql = format!(
        "SELECT+Id,+ContactId,+Role+FROM+OpportunityContactRole+WHERE+OpportunityId+=+'{opportunity}'+ORDER+BY+Id"
    );
    let answer =
        spine.salesforce.person(Method::GET, &format!("/services/data/v66.0/query?q={soql}"), &Value::Null);
    let rows = answer["records"].as_array().into_iter().flatten();
    rows.map(|row| (text(&row["Id"]), text(&row["ContactId"]), row["Role"].clone())).collect()
}

/// Each side's contacts of a deal, in order.
fn contacts_of(spine: &Spine, deal: &Both) -> [Vec<String>; 2] {
    let path = format!("/crm/v4/objects/deals/{}/associations/contacts", deal.hubspot);
    let shown = spine.hubspot.person(Method::GET, &path, &Value::Null);
    let there = shown["results"].as_array().into_iter().flatten();
    let mut hubspot: Vec<String> = there.map(|other| other["toObjectId"].to_string()).collect();
    let mut salesforce: Vec<String> =
        roles(spine, &deal.salesforce).into_iter().map(|(_, contact, _)| contact).collect();
    hubspot.sort();
    salesforce.sort();
    [hubspot, salesforce]
}

fn both<const N: usize>(people: [&Both; N]) -> [Vec<String>; 2] {
    let mut hubspot: Vec<String> = people.iter().map(|person| person.hubspot.clone()).collect();
    let mut salesforce: Vec<String> = people.iter().map(|person| person.salesforce.clone()).collect();
    hubspot.sort();
    salesforce.sort();
    [hubspot, salesforce]
}

/// Records written to each side so far.
fn written(spine: &Spine) -> [usize; 2] {
    [spine.hubspot.written(), spine.salesforce.written()]
}

/// Salesforce tells of no role: a poll does.
async fn settles(spine: &mut Spine) {
    spine.run().await;
    spine.reconcile(Task::Poll).await;
}

#[tokio::test]
async fn a_deal_that_is_made_on_the_other_side_has_its_contacts_there() {
    let mut spine = Spine::new();
    let (ada, bea) = (contact(&mut spine, "Ada").await, contact(&mut spine, "Bea").await);
    let hubspot = makes_deal(&spine);
    associates(&spine, &hubspot, &ada.hubspot);
    associates(&spine, &hubspot, &bea.hubspot);
    let before = written(&spine);
    settles(&mut spine).await;
    let deal = Both { salesforce: spine.counterpart_of("deal", H, &hubspot).await, hubspot };
    assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]));
    assert_eq!(written(&spine), [before[0] + 1, before[1] + 3], "a mark, the deal and two roles");

    let fields = json!({"Name": "Engine No. 3", "StageName": "Prospecting", "CloseDate": "2026-12-24"});
    let salesforce =
        text(&spine.salesforce.person(Method::POST, &format!("{OBJECTS}/Opportunity"), &fields)["id"]);
    gives_role(&spine, &salesforce, &bea.salesforce, "Decision Maker");
    settles(&mut spine).await;
    let deal = Both { hubspot: spine.counterpart_of("deal", S, &salesforce).await, salesforce };
    assert_eq!(contacts_of(&spine, &deal), both([&bea]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn whoever_joins_a_deal_on_one_side_joins_it_on_the_other_with_one_write() {
    let (mut spine, deal, ada, bea) = strangers().await;
    let before = written(&spine);
    associates(&spine, &deal.hubspot, &ada.hubspot);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada]));
    assert_eq!(written(&spine), [before[0], before[1] + 2], "a role, and the token of its opportunity");
    gives_role(&spine, &deal.salesforce, &bea.salesforce, "Influencer");
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]));
    assert_eq!(written(&spine), [before[0] + 2, before[1] + 2], "an association, and the token of its deal");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn whoever_leaves_a_deal_on_one_side_leaves_it_on_the_other() {
    let (mut spine, deal, ada, bea) = associated().await;
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&bea]));
    let [(role, ..)] = roles(&spine, &deal.salesforce).try_into().unwrap();
    takes_role(&spine, &role);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn people_may_change_a_deals_contacts_on_both_sides_at_once() {
    let (mut spine, deal, ada, bea) = associated().await;
    let cleo = contact(&mut spine, "Cleo").await;
    let dora = contact(&mut spine, "Dora").await;
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    associates(&spine, &deal.hubspot, &cleo.hubspot);
    gives_role(&spine, &deal.salesforce, &dora.salesforce, "Evaluator");
    settles(&mut spine).await;
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&bea, &cleo, &dora]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_role_and_a_contact_that_the_other_side_does_not_know_stay_as_they_are() {
    let (mut spine, deal, ada, bea) = associated().await;
    let [_, (kept, ..)] = roles(&spine, &deal.salesforce).try_into().unwrap();
    let path = format!("{OBJECTS}/OpportunityContactRole/{kept}");
    spine.salesforce.person(Method::PATCH, &path, &json!({"Role": "Decision Maker"}));
    settles(&mut spine).await;
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&bea]));
    assert_eq!(roles(&spine, &deal.salesforce), [(kept, bea.salesforce.clone(), json!("Decision Maker"))]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_contact_that_is_in_no_pair_as_yet_joins_once_it_is_and_no_sweep_is_needed() {
    let (mut spine, deal, ..) = strangers().await;
    // Both are told of at once: the deal is looked at before the contact has its pair.
    let hubspot = makes_contact(&spine, "Cleo");
    associates(&spine, &deal.hubspot, &hubspot);
    spine.run().await;
    let cleo = Both { salesforce: spine.counterpart(H, &hubspot).await, hubspot };
    assert_eq!(contacts_of(&spine, &deal), both([&cleo]));

    let person = json!({"LastName": "Byron", "FirstName": "Dora", "Email": "dora@example.com"});
    let salesforce =
        text(&spine.salesforce.person(Method::POST, &format!("{OBJECTS}/Contact"), &person)["id"]);
    gives_role(&spine, &deal.salesforce, &salesforce, "Other");
    spine.pass(jiff::SignedDuration::from_secs(5));
    // The poll hints both, and the deal may be looked at first.
    settles(&mut spine).await;
    let dora = Both { hubspot: spine.counterpart(S, &salesforce).await, salesforce };
    assert_eq!(contacts_of(&spine, &deal), both([&cleo, &dora]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_no_event_tells_of_a_sweep_finds() {
    let (mut spine, deal, ada, bea) = strangers().await;
    spine.deaf = true;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    gives_role(&spine, &deal.salesforce, &bea.salesforce, "Other");
    spine.run().await;
    assert_eq!(contacts_of(&spine, &deal), [vec![ada.hubspot.clone()], vec![bea.salesforce.clone()]]);
    spine.reconcile(Task::Sweep).await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_contact_in_the_bin_has_left_no_deal() {
    let (mut spine, deal, ada, bea) = associated().await;
    spine.hubspot.person(Method::DELETE, &format!("{CONTACTS}/{}", ada.hubspot), &Value::Null);
    // The deal is looked at first, and its contact is in the bin.
    associates(&spine, &deal.hubspot, &bea.hubspot);
    settles(&mut spine).await;
    let [_, there] = both([&ada, &bea]);
    assert_eq!(contacts_of(&spine, &deal), [vec![bea.hubspot.clone()], there]);
    let written = spine.written();
    for _ in 0..2 {
        spine.reconcile(Task::Sweep).await;
    }
    assert_eq!(spine.written(), written);

    let path = format!("{OBJECTS}/Contact/{}", bea.salesforce);
    spine.salesforce.person(Method::DELETE, &path, &Value::Null);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), [vec![bea.hubspot.clone()], vec![ada.salesforce.clone()]]);
}

#[tokio::test]
async fn a_lost_request_and_a_lost_answer_associate_nobody_twice() {
    for side in ["hubspot", "salesforce"] {
        for trouble in [Trouble::RequestLost, Trouble::AnswerLost, Trouble::Refused(503)] {
            let (mut spine, deal, ada, bea) = strangers().await;
            if side == "hubspot" {
                gives_role(&spine, &deal.salesforce, &ada.salesforce, "Other");
                spine.hubspot.trouble("write_", trouble);
            } else {
                associates(&spine, &deal.hubspot, &ada.hubspot);
                spine.salesforce.trouble("write_", trouble);
            }
            settles(&mut spine).await;
            spine.reconcile(Task::Sweep).await;
            assert!(spine.hubspot.troubles_over() && spine.salesforce.troubles_over());
            assert_eq!(contacts_of(&spine, &deal), both([&ada]), "{side} {trouble:?}");
            associates(&spine, &deal.hubspot, &bea.hubspot);
            settles(&mut spine).await;
            assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]), "{side} {trouble:?}");
            assert_quiet(&mut spine).await;
        }
    }
}

#[tokio::test]
async fn contacts_that_are_merged_are_one_contact_of_the_deal() {
    let (mut spine, deal, ada, bea) = associated().await;
    let merge = json!({"primaryObjectId": ada.hubspot, "objectIdToMerge": bea.hubspot});
    let merged = text(&spine.hubspot.person(Method::POST, &format!("{CONTACTS}/merge"), &merge)["id"]);
    settles(&mut spine).await;
    spine.reconcile(Task::Sweep).await;
    let [here, there] = contacts_of(&spine, &deal);
    assert_eq!(here, [merged]);
    // Whoever was merged away has a counterpart that a person has yet to merge: it keeps its role.
    assert_eq!(there, both([&ada, &bea])[1]);
}

/// Somebody renames a deal, and by then nothing that was sent before can land any more.
async fn is_renamed_later(spine: &mut Spine, deal: &Both) {
    spine.pass(jiff::SignedDuration::from_hours(1));
    let renamed = json!({"properties": {"dealname": "Engine No. 3"}});
    spine.hubspot.person(Method::PATCH, &format!("{DEALS}/{}", deal.hubspot), &renamed);
    spine.run().await;
}

/// What people do is told, decided, and on its way.
async fn is_under_way(spine: &mut Spine) {
    spine.pass(jiff::SignedDuration::from_secs(5));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
}

#[tokio::test]
async fn whoever_is_taken_out_while_on_the_way_to_the_other_side_stays_out() {
    let (mut spine, deal, ada, _) = strangers().await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    is_under_way(&mut spine).await;
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    spine.work_at_once(QueueName::Intents).await;
    assert_eq!(contacts_of(&spine, &deal), [Vec::new(), vec![ada.salesforce.clone()]]);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([]));
    assert_quiet(&mut spine).await;

    let role = gives_role(&spine, &deal.salesforce, &ada.salesforce, "Other");
    spine.pass(jiff::SignedDuration::from_secs(5));
    spine.engine.reconcile(Task::Poll, spine.now()).await.unwrap();
    is_under_way(&mut spine).await;
    takes_role(&spine, &role);
    spine.work_at_once(QueueName::Intents).await;
    assert_eq!(contacts_of(&spine, &deal), [vec![ada.hubspot.clone()], Vec::new()]);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn whoever_is_put_back_while_their_leaving_is_under_way_stays() {
    let (mut spine, deal, ada, bea) = associated().await;
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    is_under_way(&mut spine).await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    spine.work_at_once(QueueName::Intents).await;
    assert_eq!(contacts_of(&spine, &deal), [both([&ada, &bea])[0].clone(), vec![bea.salesforce.clone()]]);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn whoever_a_robot_takes_out_at_once_is_out_on_both_sides_and_the_rest_goes_on() {
    let (mut spine, deal, ada, bea) = strangers().await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    associates(&spine, &deal.hubspot, &bea.hubspot);
    let mut taken = 0;
    for _ in 0..40 {
        spine.pass(jiff::SignedDuration::from_secs(10));
        spine.round().await;
        for (role, contact, _) in roles(&spine, &deal.salesforce) {
            if contact == ada.salesforce {
                takes_role(&spine, &role);
                taken += 1;
            }
        }
    }
    assert_eq!((taken, contacts_of(&spine, &deal)), (1, both([&bea])));
    assert_quiet(&mut spine).await;
}

/// Seed 3639 of the simulation: the refusal stood for ever, since both rows showed nothing of it.
#[tokio::test]
async fn a_role_that_was_refused_is_forgotten_once_its_contact_is_nobodys() {
    let (mut spine, deal, ada, bea) = strangers().await;
    let operation = format!(
        "<urn:merge><urn:request><urn:masterRecord xmlns:so=\"urn:sobject.partner.soap.sforce.com\">\
         <so:type>Contact</so:type><so:Id>{}</so:Id></urn:masterRecord>\
         <urn:recordToMergeIds>{}</urn:recordToMergeIds></urn:request></urn:merge>",
        bea.salesforce, ada.salesforce
    );
    spine.salesforce.person_soap(&operation);
    let _untold = spine.told();
    associates(&spine, &deal.hubspot, &ada.hubspot);
    spine.run().await;
    for _ in 0..2 {
        spine.reconcile(Task::Sweep).await;
    }
    assert_eq!(contacts_of(&spine, &deal), [vec![ada.hubspot.clone()], Vec::new()]);
    let parked = spine.engine.store.parked(10).await.unwrap();
    let parked: Vec<String> = parked.into_iter().map(|parked| format!("{:?}", parked.key.record())).collect();
    assert!(
        matches!(parked.as_slice(), [one] if one.contains("contact") && one.contains(&ada.hubspot)),
        "{parked:?}"
    );
}

#[tokio::test]
async fn one_way_a_side_keeps_what_it_has_of_its_own_and_loses_what_the_other_takes_back() {
    let one_way = "type: associations\n        direction: to_salesforce";
    let mut spine = Spine::with_contract(&SAMPLE_CONTRACT.replacen("type: associations", one_way, 1));
    let (ada, bea) = (contact(&mut spine, "Ada").await, contact(&mut spine, "Bea").await);
    let deal = deal(&mut spine).await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    gives_role(&spine, &deal.salesforce, &bea.salesforce, "Other");
    settles(&mut spine).await;
    let [_, there] = both([&ada, &bea]);
    for _ in 0..2 {
        assert_eq!(contacts_of(&spine, &deal), [vec![ada.hubspot.clone()], there.clone()]);
        spine.reconcile(Task::Sweep).await;
    }
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), [Vec::new(), vec![bea.salesforce.clone()]]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_deal_that_is_deleted_with_its_contact_is_flagged_and_holds_nobodys_edit() {
    let (mut spine, deal, ada, _) = associated().await;
    spine.hubspot.person(Method::DELETE, &format!("{CONTACTS}/{}", ada.hubspot), &Value::Null);
    spine.run().await;
    spine.hubspot.person(Method::DELETE, &format!("{DEALS}/{}", deal.hubspot), &Value::Null);
    settles(&mut spine).await;
    let row = format!("{OBJECTS}/Opportunity/{}?fields=Deleted_In_CRM__c", deal.salesforce);
    let shown = spine.salesforce.person(Method::GET, &row, &Value::Null);
    assert_eq!(shown["Deleted_In_CRM__c"], true);
}

#[tokio::test]
async fn whose_an_association_is_is_known_until_both_sides_agree_however_long_that_takes() {
    let (mut spine, deal, ada, _) = strangers().await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    is_under_way(&mut spine).await;
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    spine.work_at_once(QueueName::Intents).await;
    // Of all that, only HubSpot's half is told, and late: no repetition of the write can land any more.
    let told: Vec<_> = spine.told().into_iter().filter(|event| event.side == H).collect();
    spine.pass(jiff::SignedDuration::from_mins(40));
    spine.take_in(&told).await;
    spine.run().await;
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn nothing_is_kept_of_a_set_that_the_contract_names_no_longer() {
    let (mut spine, deal, ada, _) = strangers().await;
    associates(&spine, &deal.hubspot, &ada.hubspot);
    is_under_way(&mut spine).await;
    spine.work_at_once(QueueName::Intents).await;
    // It has landed, and nobody has seen yet that both sides agree.
    spine.engine.contract.objects.get_mut(&"deal".into()).unwrap().fields.remove(&"contacts".into());
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&ada]));
    is_renamed_later(&mut spine, &deal).await;
    assert_eq!(spine.link_of("deal", H, &deal.hubspot).await.intents.len(), 1, "the last one");
}
