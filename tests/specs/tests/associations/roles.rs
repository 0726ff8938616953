//! What a deal's contacts are to it: labels of associations in HubSpot, and `Role` and `IsPrimary` of rows in Salesforce.

use std::collections::BTreeMap;

use concord_core::contract::parse;
use concord_core::port::ParkKey;

use super::*;

const DECIDES: &str = "Decision maker";
const PAYS: &str = "Billing contact";
const FIRST: &str = "Primary contact";

fn type_id(spine: &Spine, label: &str) -> Value {
    let known = spine.hubspot.person(Method::GET, "/crm/v4/associations/deals/contacts/labels", &Value::Null);
    let known = known["results"].as_array().unwrap().clone();
    known.into_iter().find(|known| known["label"] == label).unwrap()["typeId"].clone()
}

/// Somebody gives a contact exactly these labels.
fn labels(spine: &Spine, deal: &Both, contact: &Both, labels: &[&str]) {
    let path = format!("/crm/v4/objects/deals/{}/associations/contacts/{}", deal.hubspot, contact.hubspot);
    let mut types = vec![json!({"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3})];
    types.extend(labels.iter().map(
        |label| json!({"associationCategory": "USER_DEFINED", "associationTypeId": type_id(spine, label)}),
    ));
    spine.hubspot.person(Method::PUT, &path, &Value::from(types));
}

fn labels_of(spine: &Spine, deal: &Both) -> BTreeMap<String, Vec<String>> {
    let path = format!("/crm/v4/objects/deals/{}/associations/contacts", deal.hubspot);
    let shown = spine.hubspot.person(Method::GET, &path, &Value::Null);
    let line = |other: &Value| {
        let types = other["associationTypes"].as_array().unwrap();
        let mut labels: Vec<String> =
            types.iter().filter_map(|of| of["label"].as_str()).map(str::to_owned).collect();
        labels.sort();
        (other["toObjectId"].to_string(), labels)
    };
    shown["results"].as_array().unwrap().iter().map(line).collect()
}

/// The rows of a contact in an opportunity: id, `Role`, `IsPrimary`.
fn rows(spine: &Spine, deal: &Both, contact: &Both) -> Vec<(String, Value, bool)> {
    let soql = format!(
        "SELECT+Id,+Role,+IsPrimary+FROM+OpportunityContactRole+WHERE+OpportunityId+=+'{}'+AND+ContactId+=+'{}'+ORDER+BY+Id",
        deal.salesforce, contact.salesforce
    );
    let path = format!("/services/data/v66.0/query?q={soql}");
    let answer = spine.salesforce.person(Method::GET, &path, &Value::Null);
    let rows = answer["records"].as_array().unwrap();
    rows.iter().map(|row| (text(&row["Id"]), row["Role"].clone(), row["IsPrimary"] == true)).collect()
}

/// Somebody changes the one row of a contact.
fn edits(spine: &Spine, deal: &Both, contact: &Both, fields: &Value) {
    let (row, ..) = rows(spine, deal, contact).remove(0);
    spine.salesforce.person(Method::PATCH, &format!("{OBJECTS}/OpportunityContactRole/{row}"), fields);
}

/// What each of these contacts is, on both sides.
fn shown<const N: usize>(spine: &Spine, deal: &Both, people: [&Both; N]) -> Vec<[Vec<String>; 2]> {
    let labels = labels_of(spine, deal);
    let of = |contact: &Both| {
        let here = labels.get(&contact.hubspot).cloned().unwrap_or_default();
        let mut there: Vec<String> = Vec::new();
        for (_, role, primary) in rows(spine, deal, contact) {
            there.extend(match role.as_str() {
                Some("Decision Maker") => Some(DECIDES.to_owned()),
                Some("Economic Buyer") => Some(PAYS.to_owned()),
                Some(other) => Some(other.to_owned()),
                None => None,
            });
            there.extend(primary.then(|| FIRST.to_owned()));
        }
        there.sort();
        [here, there]
    };
    people.map(of).into()
}

/// The same on both sides.
fn roles_of(roles: &[&str]) -> [Vec<String>; 2] {
    let mut roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    roles.sort();
    [roles.clone(), roles]
}

async fn parked(spine: &Spine) -> Vec<String> {
    let parked = spine.engine.store.parked(10).await.unwrap();
    parked
        .into_iter()
        .filter(|parked| matches!(parked.key, ParkKey::Field(..) | ParkKey::Record(_)))
        .map(|parked| parked.reason)
        .collect()
}

#[tokio::test]
async fn a_role_that_is_given_changed_and_taken_on_one_side_is_so_on_the_other() {
    let (mut spine, deal, ada, bea) = associated().await;
    labels(&spine, &deal, &ada, &[DECIDES]);
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[DECIDES]), roles_of(&[])]);
    edits(&spine, &deal, &ada, &json!({"Role": "Economic Buyer"}));
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[PAYS]), roles_of(&[])]);
    labels(&spine, &deal, &ada, &[DECIDES, PAYS]);
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada]), [roles_of(&[DECIDES, PAYS])]);
    assert_eq!(rows(&spine, &deal, &ada).len(), 2, "a row says one thing");
    labels(&spine, &deal, &ada, &[DECIDES]);
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada]), [roles_of(&[DECIDES])]);
    assert_eq!(rows(&spine, &deal, &ada).len(), 1);
    edits(&spine, &deal, &ada, &json!({"Role": null}));
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[]), roles_of(&[])]);
    assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_new_deal_has_its_contacts_with_their_roles() {
    let mut spine = Spine::new();
    let (ada, bea) = (contact(&mut spine, "Ada").await, contact(&mut spine, "Bea").await);
    let here = Both { hubspot: makes_deal(&spine), salesforce: String::new() };
    labels(&spine, &here, &ada, &[DECIDES, FIRST]);
    labels(&spine, &here, &bea, &[]);
    settles(&mut spine).await;
    let deal = Both { salesforce: spine.counterpart_of("deal", H, &here.hubspot).await, ..here };
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[DECIDES, FIRST]), roles_of(&[])]);
    assert_eq!(rows(&spine, &deal, &ada).len(), 1, "one row is enough");

    let fields = json!({"Name": "Engine No. 3", "StageName": "Prospecting", "CloseDate": "2026-12-24"});
    let made = spine.salesforce.person(Method::POST, &format!("{OBJECTS}/Opportunity"), &fields);
    let there = Both { hubspot: String::new(), salesforce: text(&made["id"]) };
    gives_role(&spine, &there.salesforce, &bea.salesforce, "Economic Buyer");
    edits(&spine, &there, &bea, &json!({"IsPrimary": true}));
    settles(&mut spine).await;
    let deal = Both { hubspot: spine.counterpart_of("deal", S, &there.salesforce).await, ..there };
    assert_eq!(shown(&spine, &deal, [&bea]), [roles_of(&[FIRST, PAYS])]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn whoever_is_primary_on_one_side_is_on_the_other_and_the_former_one_is_not() {
    let (mut spine, deal, ada, bea) = associated().await;
    edits(&spine, &deal, &ada, &json!({"IsPrimary": true}));
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[FIRST]), roles_of(&[])]);
    // A poll looks at a row once in its window.
    spine.pass(jiff::SignedDuration::from_mins(2));
    spine.reconcile(Task::Poll).await;
    edits(&spine, &deal, &bea, &json!({"IsPrimary": true}));
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[]), roles_of(&[FIRST])]);
    labels(&spine, &deal, &bea, &[]);
    labels(&spine, &deal, &ada, &[FIRST]);
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[FIRST]), roles_of(&[])]);
    labels(&spine, &deal, &ada, &[]);
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[]), roles_of(&[])]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn if_each_side_has_marked_another_salesforces_is_primary_and_the_loser_is_kept_in_the_journal() {
    let (mut spine, deal, ada, bea) = associated().await;
    labels(&spine, &deal, &ada, &[FIRST]);
    edits(&spine, &deal, &bea, &json!({"IsPrimary": true}));
    settles(&mut spine).await;
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[]), roles_of(&[FIRST])]);
    let link = spine.link_of("deal", H, &deal.hubspot).await;
    let ada_link = spine.link_of("contact", H, &ada.hubspot).await.id;
    let journal = spine.engine.store.journal(&link.id, 100).await.unwrap();
    let lost: Vec<String> =
        journal.iter().filter_map(|line| Some(format!("{:?}", line.loser.as_ref()?))).collect();
    assert!(matches!(lost.as_slice(), [one] if one.contains(&format!("{ada_link}:{FIRST}"))), "{lost:?}");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn two_that_hubspot_marks_at_once_are_set_aside_until_one_is_left() {
    let (mut spine, deal, ada, bea) = associated().await;
    labels(&spine, &deal, &ada, &[FIRST]);
    settles(&mut spine).await;
    labels(&spine, &deal, &bea, &[FIRST]);
    settles(&mut spine).await;
    let first = || vec![FIRST.to_owned()];
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [[first(), first()], [first(), vec![]]]);
    let reasons = parked(&spine).await;
    assert!(
        matches!(reasons.as_slice(), [one] if one.contains("marks several as the primary one")),
        "{reasons:?}"
    );
    labels(&spine, &deal, &ada, &[]);
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[]), roles_of(&[FIRST])]);
    assert_eq!(parked(&spine).await, Vec::<String>::new());
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_the_contract_does_not_map_is_left_as_it_is() {
    let (mut spine, deal, ada, bea) = associated().await;
    let path = "/crm/v4/associations/deals/contacts/labels";
    spine.hubspot.person(Method::POST, path, &json!({"label": "Champion", "name": "champion"}));
    labels(&spine, &deal, &ada, &["Champion"]);
    edits(&spine, &deal, &ada, &json!({"Role": "Influencer"}));
    settles(&mut spine).await;
    labels(&spine, &deal, &ada, &["Champion", DECIDES]);
    edits(&spine, &deal, &bea, &json!({"IsPrimary": true}));
    settles(&mut spine).await;
    let champion = ["Champion", DECIDES].map(str::to_owned).to_vec();
    let influencer = [DECIDES, "Influencer"].map(str::to_owned).to_vec();
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [[champion, influencer], roles_of(&[FIRST])]);
    edits(&spine, &deal, &ada, &json!({"IsPrimary": true}));
    settles(&mut spine).await;
    let [[here, there]] = shown(&spine, &deal, [&ada]).try_into().unwrap();
    assert_eq!(here, ["Champion", DECIDES, FIRST], "labels that are sent replace all that were there");
    assert_eq!(there, [DECIDES, "Influencer", FIRST]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_role_keeps_its_member_whom_the_other_side_took_out_without_having_seen_it() {
    for side in [H, S] {
        let (mut spine, deal, ada, bea) = associated().await;
        if side == H {
            labels(&spine, &deal, &ada, &[DECIDES]);
            takes_role(&spine, &rows(&spine, &deal, &ada)[0].0);
        } else {
            edits(&spine, &deal, &ada, &json!({"Role": "Decision Maker"}));
            dissociates(&spine, &deal.hubspot, &ada.hubspot);
        }
        settles(&mut spine).await;
        settles(&mut spine).await;
        assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]), "{side}");
        assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[DECIDES]), roles_of(&[])], "{side}");
        let link = spine.link_of("deal", H, &deal.hubspot).await;
        let journal = spine.engine.store.journal(&link.id, 100).await.unwrap();
        assert!(journal.iter().any(|line| line.rule == "P12 a role keeps its member"), "{side}");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn whoever_is_given_a_role_while_their_leaving_is_under_way_stays() {
    for side in [H, S] {
        let (mut spine, deal, ada, bea) = associated().await;
        if side == H {
            takes_role(&spine, &rows(&spine, &deal, &ada)[0].0);
            spine.pass(jiff::SignedDuration::from_secs(5));
            spine.engine.reconcile(Task::Poll, spine.now()).await.unwrap();
        } else {
            dissociates(&spine, &deal.hubspot, &ada.hubspot);
        }
        is_under_way(&mut spine).await;
        if side == H {
            labels(&spine, &deal, &ada, &[DECIDES]);
        } else {
            edits(&spine, &deal, &ada, &json!({"Role": "Decision Maker"}));
        }
        spine.work_at_once(QueueName::Intents).await;
        settles(&mut spine).await;
        settles(&mut spine).await;
        assert_eq!(contacts_of(&spine, &deal), both([&ada, &bea]), "{side}");
        assert_eq!(shown(&spine, &deal, [&ada]), [roles_of(&[DECIDES])], "{side}");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_member_leaves_with_all_that_they_were() {
    let (mut spine, deal, ada, bea) = associated().await;
    labels(&spine, &deal, &ada, &[DECIDES, PAYS, FIRST]);
    settles(&mut spine).await;
    assert_eq!(shown(&spine, &deal, [&ada]), [roles_of(&[DECIDES, FIRST, PAYS])]);
    dissociates(&spine, &deal.hubspot, &ada.hubspot);
    settles(&mut spine).await;
    assert_eq!(contacts_of(&spine, &deal), both([&bea]));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_role_comes_and_goes_with_its_contact_in_the_bin() {
    let (mut spine, deal, ada, bea) = associated().await;
    labels(&spine, &deal, &ada, &[DECIDES]);
    settles(&mut spine).await;
    spine.hubspot.person(Method::DELETE, &format!("{CONTACTS}/{}", ada.hubspot), &Value::Null);
    associates(&spine, &deal.hubspot, &bea.hubspot);
    settles(&mut spine).await;
    let written = spine.written();
    for _ in 0..2 {
        spine.reconcile(Task::Sweep).await;
    }
    assert_eq!(spine.written(), written);
    assert_eq!(rows(&spine, &deal, &ada)[0].1, "Decision Maker");
    spine.hubspot.person(Method::POST, &format!("{CONTACTS}/{}/restore", ada.hubspot), &Value::Null);
    settles(&mut spine).await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[DECIDES]), roles_of(&[])]);
}

#[tokio::test]
async fn a_role_that_is_hidden_changes_nothing() {
    for field in ["Role", "IsPrimary"] {
        let (mut spine, deal, ada, bea) = associated().await;
        labels(&spine, &deal, &ada, &[DECIDES, FIRST]);
        settles(&mut spine).await;
        let hide =
            |hidden: bool| json!({"object": "OpportunityContactRole", "field": field, "hidden": hidden});
        spine.salesforce.person(Method::POST, "/__sandbox/schema", &hide(true));
        let written = spine.written();
        labels(&spine, &deal, &bea, &[PAYS]);
        settles(&mut spine).await;
        spine.reconcile(Task::Sweep).await;
        assert_eq!(spine.written(), written, "{field}");
        spine.salesforce.person(Method::POST, "/__sandbox/schema", &hide(false));
        spine.reconcile(Task::Sweep).await;
        assert_eq!(
            shown(&spine, &deal, [&ada, &bea]),
            [roles_of(&[DECIDES, FIRST]), roles_of(&[PAYS])],
            "{field}"
        );
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_label_that_is_gone_takes_no_role_from_anybody() {
    let (mut spine, deal, ada, bea) = associated().await;
    labels(&spine, &deal, &ada, &[DECIDES]);
    settles(&mut spine).await;
    let path = "/crm/v4/associations/deals/contacts/labels";
    let gone = format!("{path}/{}", type_id(&spine, DECIDES));
    spine.hubspot.person(Method::DELETE, &gone, &Value::Null);
    let written = spine.written();
    labels(&spine, &deal, &bea, &[PAYS]);
    settles(&mut spine).await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.written(), written);
    assert_eq!(rows(&spine, &deal, &ada)[0].1, "Decision Maker");
}

#[tokio::test]
async fn a_lost_request_and_a_lost_answer_give_no_role_twice_and_lose_none() {
    for side in [H, S] {
        for trouble in [Trouble::RequestLost, Trouble::AnswerLost, Trouble::Refused(503)] {
            let (mut spine, deal, ada, bea) = associated().await;
            labels(&spine, &deal, &ada, &[DECIDES]);
            settles(&mut spine).await;
            if side == H {
                edits(&spine, &deal, &ada, &json!({"Role": "Economic Buyer"}));
                edits(&spine, &deal, &bea, &json!({"IsPrimary": true}));
                spine.hubspot.trouble("write_", trouble);
            } else {
                labels(&spine, &deal, &ada, &[PAYS]);
                labels(&spine, &deal, &bea, &[FIRST]);
                spine.salesforce.trouble("write_", trouble);
            }
            settles(&mut spine).await;
            spine.reconcile(Task::Sweep).await;
            let both = [roles_of(&[PAYS]), roles_of(&[FIRST])];
            assert_eq!(shown(&spine, &deal, [&ada, &bea]), both, "{side} {trouble:?}");
            assert_eq!(rows(&spine, &deal, &ada).len(), 1, "{side} {trouble:?}");
            assert_quiet(&mut spine).await;
        }
    }
}

#[tokio::test]
async fn one_way_a_role_goes_one_way_and_the_sources_primary_is_it() {
    let one_way = "type: associations\n        direction: to_salesforce";
    let mut spine = Spine::with_contract(&SAMPLE_CONTRACT.replacen("type: associations", one_way, 1));
    let (ada, bea) = (contact(&mut spine, "Ada").await, contact(&mut spine, "Bea").await);
    let deal = deal(&mut spine).await;
    labels(&spine, &deal, &ada, &[DECIDES, FIRST]);
    gives_role(&spine, &deal.salesforce, &bea.salesforce, "Economic Buyer");
    edits(&spine, &deal, &bea, &json!({"IsPrimary": true}));
    settles(&mut spine).await;
    settles(&mut spine).await;
    let pays = vec![PAYS.to_owned()];
    assert_eq!(shown(&spine, &deal, [&ada, &bea]), [roles_of(&[DECIDES, FIRST]), [vec![], pays]]);
    assert_quiet(&mut spine).await;
}

#[test]
fn roles_are_mapped_one_to_one_by_names_that_can_stand_in_a_set() {
    let sample = "roles: { Decision maker: Decision Maker, Billing contact: Economic Buyer }";
    let faults = |roles: &str, of: &str| -> Vec<String> {
        let yaml = SAMPLE_CONTRACT.replacen(sample, roles, 1).replacen("type: associations", of, 1);
        let faults = parse(&yaml).err().unwrap_or_default();
        faults.into_iter().map(|fault| format!("{}: {}", fault.path, fault.what)).collect()
    };
    let associations = "type: associations";
    assert_eq!(
        faults("roles: { Decides: Decider, \"+ Pays: -\": Payer }", associations),
        Vec::<String>::new()
    );
    let wrong = "roles: { Decides: Payer, Pays: Payer, \"One;Two\": Both, Primary contact: Other }";
    assert_eq!(
        faults(wrong, associations),
        [
            "objects.deal.fields.contacts.roles.Pays: maps to `Payer`, as `Decides` does, so there is no way back",
            "objects.deal.fields.contacts.roles.One;Two: has a `;` in a choice, which separates choices",
            "objects.deal.fields.contacts.primary: is a label of `roles` too",
        ]
    );
}

#[tokio::test]
async fn which_labels_there_are_is_asked_only_where_somebody_is_associated_and_one_was_not_seen() {
    let (mut spine, deal, ada, _) = strangers().await;
    let mut asked = Vec::new();
    for given in [None, Some(&[DECIDES, FIRST][..]), Some(&[DECIDES, FIRST, PAYS])] {
        given.into_iter().for_each(|given| labels(&spine, &deal, &ada, given));
        settles(&mut spine).await;
        let count =
            |spine: &Spine| spine.hubspot.calls().get("association_labels").copied().unwrap_or_default();
        let before = count(&spine);
        spine.reconcile(Task::Sweep).await;
        asked.push(count(&spine) - before);
    }
    assert_eq!(asked, [0, 1, 0]);
}
