//! References (P12): a contact's company, by association in HubSpot and by `AccountId` in Salesforce. They agree if they lead to
//! one pair; what points to a record without a counterpart waits for it.

use concord_core::names::{RecordId, RecordKey, Side};
use concord_core::port::Store as _;
use concord_core::step::Task;
use concord_core::value::{Presence, Value as Field};
use concord_sandbox::fifo::QueueName;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, Trouble, assert_quiet};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;
const COMPANIES: &str = "/crm/v3/objects/companies";
const ACCOUNTS: &str = "/services/data/v66.0/sobjects/Account/";

fn hubspot_company(spine: &Spine, name: &str) -> String {
    let body =
        json!({"properties": {"name": name, "domain": format!("{}.example.com", name.to_lowercase())}});
    text(&spine.hubspot.person(Method::POST, COMPANIES, &body)["id"])
}

fn account(spine: &Spine, name: &str) -> String {
    let body = json!({"Name": name, "Domain__c": format!("{}.example.com", name.to_lowercase())});
    text(&spine.salesforce.person(Method::POST, ACCOUNTS, &body)["id"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An account of nobody's stays alone.
fn companies_from_hubspot_only() -> Spine {
    Spine::with_contract(&SAMPLE_CONTRACT.replacen(
        "match: [{ key: domain }]\n    create: { hubspot: true, salesforce: true }",
        "match: [{ key: domain }]\n    create: { hubspot: false, salesforce: true }",
        1,
    ))
}

/// Two companies and a contact of the first, made in HubSpot and at rest: their ids there.
async fn employed() -> (Spine, [String; 2], String) {
    let mut spine = Spine::new();
    let companies = [hubspot_company(&spine, "Acme"), hubspot_company(&spine, "Globex")];
    let contact = spine.hubspot_creates(
        &json!({"email": "ada@example.com", "lastname": "Lovelace", "associatedcompanyid": companies[0]}),
    );
    spine.run().await;
    (spine, companies, contact)
}

/// What Salesforce shows as the company of HubSpot's contact, and HubSpot as that of Salesforce's.
async fn company_of(spine: &Spine, contact: &str) -> [Value; 2] {
    let row = spine.counterpart(H, contact).await;
    [
        spine.hubspot_shows(contact, &["associatedcompanyid"])["associatedcompanyid"].clone(),
        spine.salesforce_shows(&row, &["AccountId"])["AccountId"].clone(),
    ]
}

#[tokio::test]
async fn a_contacts_company_arrives_with_it_or_as_soon_as_there_is_one() {
    let (mut spine, [acme, _], contact) = employed().await;
    let there = spine.counterpart_of("company", H, &acme).await;
    assert_eq!(company_of(&spine, &contact).await, [json!(acme), json!(there)]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_change_of_company_arrives_with_one_write_both_ways_and_a_clear_too() {
    let (mut spine, [acme, globex], contact) = employed().await;
    let row = spine.counterpart(H, &contact).await;
    let there =
        [spine.counterpart_of("company", H, &acme).await, spine.counterpart_of("company", H, &globex).await];
    let before = spine.written();

    spine.hubspot_edits(&contact, &json!({"associatedcompanyid": globex}));
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(globex), json!(there[1])]);
    assert_eq!(spine.written() - before, 1);

    spine.salesforce_edits(&row, &json!({"AccountId": there[0]}));
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(acme), json!(there[0])]);
    assert_eq!(spine.written() - before, 2);

    spine.salesforce_edits(&row, &json!({"AccountId": null}));
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(null), json!(null)]);
    assert_eq!(spine.written() - before, 3);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn an_association_made_at_the_screen_is_an_edit_like_any_other() {
    let (mut spine, [_, globex], contact) = employed().await;
    let there = spine.counterpart_of("company", H, &globex).await;
    let before = spine.written();
    let path = format!("/crm/v4/objects/contacts/{contact}/associations/companies/{globex}");
    let primary = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]);
    spine.hubspot.person(Method::PUT, &path, &primary);
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(globex), json!(there)]);
    assert_eq!(spine.written() - before, 1);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn both_sides_choosing_the_same_company_agree_and_different_ones_are_held() {
    let (mut spine, [acme, globex], contact) = employed().await;
    let row = spine.counterpart(H, &contact).await;
    let there =
        [spine.counterpart_of("company", H, &acme).await, spine.counterpart_of("company", H, &globex).await];
    let initech = account(&spine, "Initech");
    spine.run().await;
    let before = spine.written();

    spine.hubspot_edits(&contact, &json!({"associatedcompanyid": globex}));
    spine.salesforce_edits(&row, &json!({"AccountId": there[1]}));
    spine.run().await;
    assert_eq!(spine.written() - before, 0);
    assert_quiet(&mut spine).await;

    spine.hubspot_edits(&contact, &json!({"associatedcompanyid": acme}));
    spine.salesforce_edits(&row, &json!({"AccountId": initech}));
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(acme), json!(initech)]);
    assert_eq!(spine.written() - before, 0);
    let conflicts = spine.engine.store.conflicts(10).await.unwrap();
    assert_eq!(conflicts.iter().map(|held| held.field.as_str()).collect::<Vec<_>>(), ["company"]);
}

#[tokio::test]
async fn what_points_to_a_company_without_a_counterpart_waits_for_it_and_is_told() {
    // Given: companies come from HubSpot only, so an account of nobody's stays alone
    let mut spine = companies_from_hubspot_only();
    let there = account(&spine, "Acme");
    let row = spine
        .salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace", "AccountId": there}));
    spine.run().await;

    // Then: the contact is made, and only its company waits
    let contact = spine.counterpart(S, &row).await;
    assert_eq!(company_of(&spine, &contact).await, [json!(null), json!(there)]);
    let parked = spine.engine.store.parked(10).await.unwrap();
    let reasons: Vec<&str> = parked.iter().map(|parked| parked.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "field company: salesforce holds a reference to a record that is in no pair; see why that record has no counterpart, \
          or choose another there; once it has one, this is mended by itself"
        ]
    );
    let before = spine.written();
    spine.hubspot_edits(&contact, &json!({"jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(spine.written() - before, 1, "the rest of the record goes on");

    // When
    let acme = hubspot_company(&spine, "Acme");
    spine.run().await;

    // Then
    assert_eq!(company_of(&spine, &contact).await, [json!(acme), json!(there)]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_company_that_nobody_told_of_is_looked_at_because_a_contact_points_to_it() {
    let mut spine = Spine::new();
    let acme = hubspot_company(&spine, "Acme");
    let _lost = spine.told();
    let contact = spine.hubspot_creates(
        &json!({"email": "ada@example.com", "lastname": "Lovelace", "associatedcompanyid": acme}),
    );
    spine.run().await;
    let there = spine.counterpart_of("company", H, &acme).await;
    assert_eq!(company_of(&spine, &contact).await, [json!(acme), json!(there)]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_deleted_company_takes_no_contact_out_of_the_other_sides_account() {
    let (mut spine, [acme, _], contact) = employed().await;
    let there = spine.counterpart_of("company", H, &acme).await;
    let before = spine.written();
    // HubSpot takes it off its contacts; which event comes first is anybody's guess.
    spine.hubspot.person(Method::DELETE, &format!("{COMPANIES}/{acme}"), &Value::Null);
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(null), json!(there)]);
    assert_eq!(spine.written() - before, 1, "the account's flag, and nothing else");

    spine.hubspot.person(Method::POST, &format!("{COMPANIES}/{acme}/restore"), &Value::Null);
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(acme), json!(there)]);
    assert_eq!(spine.written() - before, 2, "the flag is taken back");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_salesforce_deletes_with_an_account_is_passed_on_once_and_comes_back_with_it() {
    let (mut spine, [acme, _], contact) = employed().await;
    let there = spine.counterpart_of("company", H, &acme).await;
    let flags = |spine: &Spine| {
        let path = format!("{COMPANIES}/{acme}?properties=deleted_in_crm");
        let company = spine.hubspot.person(Method::GET, &path, &Value::Null);
        let contact = spine.hubspot_shows(&contact, &["deleted_in_crm"]);
        [&company["properties"]["deleted_in_crm"], &contact["deleted_in_crm"]].map(|flag| flag == "true")
    };
    let before = spine.written();
    spine.salesforce.person(Method::DELETE, &format!("{ACCOUNTS}{there}"), &Value::Null);
    spine.run().await;
    assert_eq!((flags(&spine), spine.salesforce_contacts()), ([true, true], vec![]));
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.written() - before, 2, "a flag on the company, and one on its contact");

    spine.restores(S, &there);
    spine.run().await;
    assert_eq!((flags(&spine), spine.salesforce_contacts().len()), ([false, false], 1));
    assert_eq!(company_of(&spine, &contact).await, [json!(acme), json!(there)]);
    assert_eq!(spine.written() - before, 4, "both are taken back");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_company_that_was_deleted_unheard_is_looked_at_when_salesforce_refuses_to_point_to_it() {
    let (mut spine, [_, globex], contact) = employed().await;
    let there = spine.counterpart_of("company", H, &globex).await;
    let written = spine.written();
    spine.deaf = true;
    spine.salesforce.person(Method::DELETE, &format!("{ACCOUNTS}{there}"), &Value::Null);
    spine.run().await;
    spine.deaf = false;
    spine.hubspot_edits(&contact, &json!({"associatedcompanyid": globex}));
    spine.run().await;
    // A write that was refused, the same once more before the company was looked at, and the flag on HubSpot's company.
    assert_eq!(spine.written() - written, 3);
    let flag = spine.hubspot.person(
        Method::GET,
        &format!("{COMPANIES}/{globex}?properties=deleted_in_crm"),
        &Value::Null,
    );
    assert_eq!(flag["properties"]["deleted_in_crm"], "true");
    let parked = spine.engine.store.parked(10).await.unwrap_or_default();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(parked[0].reason.contains("in no pair"), "{}", parked[0].reason);
    for task in [Task::Sweep, Task::Poll, Task::Repair] {
        spine.reconcile(task).await;
    }
    assert_eq!(spine.written() - written, 3, "and that is all");
}

#[tokio::test]
async fn a_contact_of_a_deleted_company_moves_to_another_wherever_it_is_moved() {
    let (mut spine, [acme, globex], contact) = employed().await;
    let there = spine.counterpart_of("company", H, &globex).await;
    spine.hubspot.person(Method::DELETE, &format!("{COMPANIES}/{acme}"), &Value::Null);
    spine.run().await;
    let before = spine.written();
    spine.hubspot_edits(&contact, &json!({"associatedcompanyid": globex}));
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(globex), json!(there)]);
    assert_eq!(spine.written() - before, 1);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn who_waits_for_one_company_and_then_for_another_is_told_of_the_other() {
    let mut spine = companies_from_hubspot_only();
    let accounts = [account(&spine, "Acme"), account(&spine, "Globex")];
    let ada = json!({"Email": "ada@example.com", "LastName": "Lovelace", "AccountId": accounts[0]});
    let row = spine.salesforce_creates(&ada);
    spine.run().await;
    let contact = spine.counterpart(S, &row).await;
    spine.salesforce_edits(&row, &json!({"AccountId": accounts[1]}));
    spine.run().await;
    let globex = hubspot_company(&spine, "Globex");
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(globex), json!(accounts[1])]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_merged_company_is_followed_to_its_successor() {
    let (mut spine, [acme, _], contact) = employed().await;
    let there = spine.counterpart_of("company", H, &acme).await;
    let copy = text(
        &spine.hubspot.person(Method::POST, COMPANIES, &json!({"properties": {"name": "Acme Inc"}}))["id"],
    );
    let before = spine.written();
    let merge = json!({"primaryObjectId": acme, "objectIdToMerge": copy});
    let successor = text(&spine.hubspot.person(Method::POST, &format!("{COMPANIES}/merge"), &merge)["id"]);
    spine.pass(SignedDuration::from_secs(1));
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(successor), json!(there)]);
    assert_eq!(spine.counterpart_of("company", H, &successor).await, there);
    assert_eq!(spine.written() - before, 0, "it took over the mark, and its contacts");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn why_a_contact_has_its_company_is_told_by_the_records_that_a_person_knows() {
    let (spine, [acme, _], contact) = employed().await;
    let account = spine.counterpart_of("company", H, &acme).await;
    let record = RecordKey { side: H, object: "contact".into(), id: RecordId::from(contact.as_str()) };
    let why = spine.engine.why(&record).await.unwrap_or_default();
    let lines = why.into_iter().flat_map(|why| why.lines);
    let company = lines.filter(|line| line.field == Some("company".into()));
    let shown: Vec<_> =
        company.map(|line| (line.target, line.before.hubspot.clone(), line.after.clone())).collect();
    let named = |text: String| Presence::Value(Field::Text(text));
    assert_eq!(shown, [(Some(S), named(format!("hubspot {acme}")), named(format!("salesforce {account}")))]);
}

#[tokio::test]
async fn a_reference_that_the_contract_names_no_longer_is_not_written_from_what_was_decided_before() {
    let (mut spine, [acme, globex], contact) = employed().await;
    let there = spine.counterpart_of("company", H, &acme).await;
    let before = spine.written();
    spine.hubspot_edits(&contact, &json!({"associatedcompanyid": globex, "jobtitle": "Countess"}));
    spine.pass(SignedDuration::from_secs(5));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    for object in spine.engine.contract.objects.values_mut() {
        object.fields.remove(&"company".into());
    }
    spine.run().await;
    assert_eq!(company_of(&spine, &contact).await, [json!(globex), json!(there)]);
    let row = spine.counterpart(H, &contact).await;
    assert_eq!(spine.salesforce_shows(&row, &["Title"])["Title"], json!("Countess"));
    assert_eq!(spine.written() - before, 1);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn who_waits_for_a_company_is_told_though_nobody_heard_what_was_made_for_it() {
    let mut spine = Spine::new();
    let acme = hubspot_company(&spine, "Acme");
    let _lost = spine.told();
    let contact = spine.hubspot_creates(
        &json!({"email": "ada@example.com", "lastname": "Lovelace", "associatedcompanyid": acme}),
    );
    let told: Vec<_> = spine.told().into_iter().filter(|event| event.object.as_str() == "contacts").collect();
    spine.pass(SignedDuration::from_secs(5));
    spine.take_in(&told).await;
    spine.work_at_once(QueueName::Hints).await; // The contact waits, and its company is looked at.
    spine.work_at_once(QueueName::Intents).await;
    spine.deaf = true;
    spine.salesforce.trouble("write_", Trouble::AnswerLost);
    spine.run().await;
    assert!(spine.salesforce.troubles_over());
    let there = spine.counterpart_of("company", H, &acme).await;
    assert_eq!(company_of(&spine, &contact).await, [json!(acme), json!(there)]);
    spine.deaf = false;
    assert_quiet(&mut spine).await;
}
