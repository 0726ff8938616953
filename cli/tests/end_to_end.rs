//! `concord up` as its users meet it, over HTTP: each scenario ends with the final state of both sandboxes and the
//! number of records that Concord wrote.

mod harness;

use concord_sandbox::salesforce::convert_operation;
use harness::Concord;
use serde_json::{Value, json};

/// Nothing is left to do within this many seconds, on a machine that does other things too.
const QUIET_S: u64 = 60;

fn ada() -> Value {
    json!({"email": "ada@example.com", "firstname": "Ada", "lastname": "Lovelace"})
}

/// A pair that was made from HubSpot and is at rest. Making it took two writes: the record, and `concord_id` on
/// the one that was there first.
async fn linked(name: &str) -> (Concord, String, String) {
    let concord = Concord::up(name).await;
    let hubspot = concord.hubspot_creates(&ada()).await;
    let status = concord.quiet(QUIET_S);
    assert_eq!((&status["links"], &status["parked"]), (&json!(1), &json!(0)), "{status:#}");
    let found = concord.salesforce_finds("Email='ada@example.com'").await;
    assert_eq!(found.len(), 1);
    assert_eq!(concord.writes().await, 2);
    (concord, hubspot, found[0].clone())
}

#[tokio::test]
async fn a_contact_that_is_made_on_one_side_is_made_on_the_other_once() {
    let (concord, hubspot, salesforce) = linked("create").await;
    assert_eq!(
        concord.salesforce_shows(&salesforce, &["FirstName", "LastName", "Email"]).await,
        json!({"FirstName": "Ada", "LastName": "Lovelace", "Email": "ada@example.com"})
    );
    concord.salesforce_creates(&json!({"LastName": "Noyce", "Email": "bob@example.com"})).await;
    concord.quiet(QUIET_S);
    let contacts = concord.truth("hubspot", "contacts").await;
    assert_eq!(contacts.len(), 2);
    assert!(
        contacts.iter().any(|(id, shown)| *id != hubspot && shown["lastname"] == "Noyce"),
        "{contacts:#?}"
    );
    assert_eq!(concord.truth("salesforce", "Contact").await.len(), 2);
    assert_eq!(concord.writes().await, 4);
}

#[tokio::test]
async fn an_edit_arrives_within_a_second_and_a_cleared_field_is_cleared() {
    let (concord, hubspot, salesforce) = linked("edit").await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let begun = std::time::Instant::now();
    concord.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"})).await;
    while concord.salesforce_shows(&salesforce, &["Title"]).await["Title"] != "Countess" {
        assert!(begun.elapsed().as_secs() < 20, "the edit does not arrive");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // A second on a quiet machine; the bound leaves room for a busy one.
    assert!(begun.elapsed().as_millis() < 5_000, "it took {:?}", begun.elapsed());
    concord.quiet(QUIET_S);
    concord.salesforce_edits(&salesforce, &json!({"Title": "Programmer"})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.hubspot_shows(&hubspot, &["jobtitle"]).await, json!({"jobtitle": "Programmer"}));
    concord.hubspot_edits(&hubspot, &json!({"jobtitle": ""})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.salesforce_shows(&salesforce, &["Title"]).await, json!({"Title": null}));
    assert_eq!(concord.writes().await, 5, "one record written for each edit, and no echo");
}

#[tokio::test]
async fn a_contacts_company_arrives_by_association_and_by_account_whichever_is_first() {
    let (concord, contact, row) = linked("references").await;
    let company = json!({"properties": {"name": "Acme", "domain": "acme.example.com"}});
    let acme = concord.hubspot("POST", "/crm/v3/objects/companies", Some(&company)).await["id"].clone();
    let path =
        format!("/crm/v4/objects/contacts/{contact}/associations/companies/{}", acme.as_str().unwrap());
    let primary = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]);
    concord.hubspot("PUT", &path, Some(&primary)).await;
    concord.quiet(QUIET_S);
    let accounts = concord.truth("salesforce", "Account").await;
    let [(account, _)] = accounts.as_slice() else { panic!("one account: {accounts:#?}") };
    assert_eq!(concord.salesforce_shows(&row, &["AccountId"]).await, json!({"AccountId": account}));
    concord.salesforce_edits(&row, &json!({"AccountId": null})).await;
    let status = concord.quiet(QUIET_S);
    assert_eq!(
        concord.hubspot_shows(&contact, &["associatedcompanyid"]).await,
        json!({"associatedcompanyid": null})
    );
    assert_eq!((&status["links"], &status["parked"]), (&json!(2), &json!(0)), "{status:#}");
    assert_eq!(
        concord.writes().await,
        6,
        "two for the pair, two for the company, one each way for the reference"
    );
}

#[tokio::test]
async fn a_contact_changes_hands_on_both_sides_and_what_is_nobodys_is_concords() {
    let (concord, hubspot, salesforce) = linked("owners").await;
    let owner = json!(concord_sandbox::salesforce::user_id(1));
    assert_eq!(concord.salesforce_shows(&salesforce, &["OwnerId"]).await, json!({"OwnerId": owner}));
    concord.hubspot_edits(&hubspot, &json!({"hubspot_owner_id": "61002"})).await;
    concord.quiet(QUIET_S);
    let owner = json!(concord_sandbox::salesforce::user_id(102));
    assert_eq!(concord.salesforce_shows(&salesforce, &["OwnerId"]).await, json!({"OwnerId": owner}));
    let owner = json!(concord_sandbox::salesforce::user_id(2));
    concord.salesforce_edits(&salesforce, &json!({"OwnerId": owner})).await;
    let status = concord.quiet(QUIET_S);
    let shown = concord.hubspot_shows(&hubspot, &["hubspot_owner_id"]).await;
    assert_eq!((shown, &status["parked"]), (json!({"hubspot_owner_id": "61001"}), &json!(0)), "{status:#}");
    assert_eq!(concord.writes().await, 4);
}

#[tokio::test]
async fn both_sides_edit_different_fields_the_same_field_and_to_the_same_value() {
    let (concord, hubspot, salesforce) = linked("both").await;
    concord.command(&["pause"]);
    concord.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"})).await;
    concord.salesforce_edits(&salesforce, &json!({"Phone": "+14155550123"})).await;
    concord.command(&["resume"]);
    concord.quiet(QUIET_S);
    let expected = json!({"jobtitle": "Countess", "phone": "+14155550123"});
    assert_eq!(concord.hubspot_shows(&hubspot, &["jobtitle", "phone"]).await, expected);
    let expected = json!({"Title": "Countess", "Phone": "+14155550123"});
    assert_eq!(concord.salesforce_shows(&salesforce, &["Title", "Phone"]).await, expected);
    assert_eq!(concord.writes().await, 4);

    concord.command(&["pause"]);
    concord.hubspot_edits(&hubspot, &json!({"firstname": "Augusta", "jobtitle": "Enchantress"})).await;
    concord.salesforce_edits(&salesforce, &json!({"FirstName": "A.", "Title": "Enchantress"})).await;
    concord.command(&["resume"]);
    let status = concord.quiet(QUIET_S);
    assert_eq!(status["conflicts"], 1, "{status:#}");
    assert_eq!(status["conflicts_first"][0]["field"], "name");
    assert_eq!(concord.hubspot_shows(&hubspot, &["firstname"]).await, json!({"firstname": "Augusta"}));
    assert_eq!(concord.salesforce_shows(&salesforce, &["FirstName"]).await, json!({"FirstName": "A."}));
    assert_eq!(concord.writes().await, 4, "held: neither side is changed; equal: nothing to change");

    let (_, printed) = concord.command(&["conflicts", "--json"]);
    let listed: Value = serde_json::from_str(&printed).unwrap();
    let name = listed[0]["name"].as_str().unwrap();
    assert_eq!(
        listed[0]["values"],
        json!({"hubspot": ["Augusta", "Lovelace"], "salesforce": ["A.", "Lovelace"]})
    );
    assert_eq!(listed[0]["agreed"], json!(["Ada", "Lovelace"]));
    assert_eq!(concord.command(&["resolve", name, "--take", "salesforce"]).0, Some(0));
    let status = concord.quiet(QUIET_S);
    assert_eq!(status["conflicts"], 0, "{status:#}");
    assert_eq!(concord.hubspot_shows(&hubspot, &["firstname"]).await, json!({"firstname": "A."}));
    assert_eq!(concord.salesforce_shows(&salesforce, &["FirstName"]).await, json!({"FirstName": "A."}));
    assert_eq!(concord.writes().await, 5);
    assert_eq!(concord.command(&["resolve", name, "--take", "hubspot"]).0, Some(1), "it is over");

    let (_, printed) =
        concord.command(&["why", "contact", "--salesforce", &salesforce, "--field", "name", "--json"]);
    let why: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(why["records"], json!({"hubspot": hubspot, "salesforce": salesforce}));
    let taken = why["lines"].as_array().unwrap().iter();
    let taken: Vec<&Value> =
        taken.filter(|line| line["rule"] == "P7 a person took salesforce's value").collect();
    let [taken] = taken[..] else { panic!("{why:#}") };
    let (augusta, a) = (json!(["Augusta", "Lovelace"]), json!(["A.", "Lovelace"]));
    assert_eq!(taken["before"], json!({"hubspot": augusta, "salesforce": a}));
    assert_eq!((&taken["after"], &taken["lost"]), (&a, &augusta));
}

#[tokio::test]
async fn a_delete_flags_the_other_record_until_it_is_undone_and_never_beats_an_edit() {
    let (concord, hubspot, salesforce) = linked("delete").await;
    concord.salesforce_deletes(&salesforce).await;
    concord.quiet(QUIET_S);
    let shown = concord.hubspot_shows(&hubspot, &["deleted_in_crm", "lastname"]).await;
    assert_eq!(shown, json!({"deleted_in_crm": "true", "lastname": "Lovelace"}));
    concord.salesforce_undeletes(&salesforce).await;
    concord.quiet(QUIET_S);
    assert_eq!(
        concord.hubspot_shows(&hubspot, &["deleted_in_crm"]).await,
        json!({"deleted_in_crm": "false"})
    );
    assert_eq!(concord.writes().await, 4);

    concord.command(&["pause"]);
    concord.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"})).await;
    concord.salesforce_deletes(&salesforce).await;
    concord.command(&["resume"]);
    concord.quiet(QUIET_S);
    let shown = concord.hubspot_shows(&hubspot, &["deleted_in_crm", "jobtitle"]).await;
    assert_eq!(shown, json!({"deleted_in_crm": "false", "jobtitle": "Countess"}));
    assert_eq!(concord.truth("salesforce", "Contact").await, [], "the deleted record does not come back");
    assert_eq!(concord.writes().await, 4);
}

#[tokio::test]
async fn a_delete_in_hubspot_flags_the_other_record_until_it_is_restored_and_never_beats_an_edit() {
    let (concord, hubspot, salesforce) = linked("hubspot-delete").await;
    let path = format!("/crm/v3/objects/contacts/{hubspot}");
    concord.hubspot("DELETE", &path, None).await;
    concord.quiet(QUIET_S);
    let shown = concord.salesforce_shows(&salesforce, &["Deleted_In_CRM__c", "LastName"]).await;
    assert_eq!(shown, json!({"Deleted_In_CRM__c": true, "LastName": "Lovelace"}));
    assert_eq!(concord.truth("hubspot", "contacts").await, []);
    assert_eq!(concord.writes().await, 3);
    concord.hubspot("POST", &format!("{path}/restore"), None).await;
    concord.quiet(QUIET_S);
    let shown = concord.salesforce_shows(&salesforce, &["Deleted_In_CRM__c"]).await;
    assert_eq!(shown, json!({"Deleted_In_CRM__c": false}));
    assert_eq!(concord.hubspot_shows(&hubspot, &["lastname"]).await, json!({"lastname": "Lovelace"}));
    assert_eq!(concord.writes().await, 4);

    concord.command(&["pause"]);
    concord.salesforce_edits(&salesforce, &json!({"Title": "Countess"})).await;
    concord.hubspot("DELETE", &path, None).await;
    concord.command(&["resume"]);
    concord.quiet(QUIET_S);
    let shown = concord.salesforce_shows(&salesforce, &["Deleted_In_CRM__c", "Title"]).await;
    assert_eq!(shown, json!({"Deleted_In_CRM__c": false, "Title": "Countess"}));
    assert_eq!(concord.truth("hubspot", "contacts").await, [], "the deleted record does not come back");
    assert_eq!(concord.writes().await, 4);
}

#[tokio::test]
async fn of_two_candidates_a_person_links_one_and_unlinks_it_again() {
    let concord = Concord::up("candidates").await;
    concord.command(&["pause"]);
    let twin = json!({"LastName": "Lovelace", "Email": "ada@example.com"});
    let twins = [concord.salesforce_creates(&twin).await, concord.salesforce_creates(&twin).await];
    let hubspot = concord.hubspot_creates(&ada()).await;
    concord.command(&["resume"]);
    let status = concord.quiet(QUIET_S);
    assert_eq!((&status["links"], &status["parked"]), (&json!(0), &json!(3)), "{status:#}");
    let (_, printed) = concord.command(&["proposals", "--json"]);
    let proposals: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let of = proposals.iter().find(|proposal| proposal["record"]["id"] == *hubspot).unwrap();
    assert_eq!(of["candidates"].as_array().map(Vec::len), Some(2), "{printed}");
    assert_eq!(concord.writes().await, 0);

    let link = ["link", "contact", "--hubspot", &hubspot, "--salesforce", &twins[1]];
    assert_eq!(concord.command(&link).0, Some(0));
    concord.quiet(QUIET_S);
    let shown = concord.salesforce_shows(&twins[1], &["FirstName"]).await;
    assert_eq!(shown, json!({"FirstName": null}), "the names differ, and neither was there first");
    assert_eq!(concord.command(&["conflicts", "--json"]).1.matches("\"name\":").count(), 1);
    let other = ["link", "contact", "--hubspot", &hubspot, "--salesforce", &twins[0]];
    assert_eq!(concord.command(&other).0, Some(1), "it belongs with somebody");

    assert_eq!(concord.command(&["unlink", "contact", "--salesforce", &twins[1]]).0, Some(0));
    concord.quiet(QUIET_S);
    let before = concord.writes().await;
    concord.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.salesforce_shows(&twins[1], &["Title"]).await, json!({"Title": null}));
    assert_eq!(concord.writes().await, before);
    assert_eq!(concord.command(&link).0, Some(0));
    concord.quiet(QUIET_S);
    assert_eq!(concord.salesforce_shows(&twins[1], &["Title"]).await, json!({"Title": "Countess"}));
}

#[tokio::test]
async fn who_looks_alike_waits_for_a_person_and_who_is_out_of_scope_is_left_alone() {
    let changes = [(
        "match: [{ key: email }]",
        "match: [{ key: email }, { propose: name }]\n    scope: job_title != 'Staff'",
    )];
    let contract = harness::contract_with("alike", &changes);
    let args = ["--records", "0", "--contract", contract.to_str().unwrap()];
    let concord = Concord::up_with("alike", &args).await;
    let salesforce = concord
        .salesforce_creates(&json!({"LastName": "Lovelace", "FirstName": "Ada", "Title": "Staff"}))
        .await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.writes().await, 0, "it is out of scope");

    let hubspot = concord
        .hubspot_creates(&json!({"email": "ada@example.com", "firstname": "Ada", "lastname": "Lovelace"}))
        .await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.writes().await, 0);
    let (_, printed) = concord.command(&["proposals", "--json"]);
    let proposals: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let of: Vec<_> =
        proposals.iter().map(|one| (&one["record"]["id"], &one["candidates"][0]["id"])).collect();
    assert_eq!(of, [(&json!(hubspot), &json!(salesforce))], "{proposals:#?}");
    assert!(proposals[0]["reason"].as_str().unwrap().contains("(name 100 %)"), "{proposals:#?}");

    let pair = ["--hubspot", &hubspot, "--salesforce", &salesforce, "--json"];
    let (code, _) = concord.command(&[&["link", "contact"][..], &pair].concat());
    assert_eq!(code, Some(0));
    concord.quiet(QUIET_S);
    assert_eq!(concord.writes().await, 0, "linked, and out of scope");
    concord.salesforce_edits(&salesforce, &json!({"Title": "Countess"})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.hubspot_shows(&hubspot, &["jobtitle"]).await, json!({"jobtitle": "Countess"}));
    assert_eq!(concord.salesforce_shows(&salesforce, &["Email"]).await, json!({"Email": "ada@example.com"}));
}

#[tokio::test]
async fn a_lead_is_a_contact_in_hubspot_and_its_pair_goes_on_with_the_contact_that_it_became() {
    let concord = Concord::up("lead").await;
    let body = json!({"LastName": "Lovelace", "Company": "Analytical Engines", "Email": "ada@example.com"});
    let lead = concord.salesforce("POST", "/data/v66.0/sobjects/Lead/", Some(&body)).await["id"].clone();
    concord.quiet(QUIET_S);
    let made = concord.truth("hubspot", "contacts").await;
    let [(contact, shown)] = made.as_slice() else { panic!("one contact: {made:#?}") };
    assert_eq!([&shown["email"], &shown["company"]], ["ada@example.com", "Analytical Engines"]);
    assert_eq!(concord.writes().await, 2, "the contact, and the lead's mark");

    concord.salesforce_soap(&convert_operation(lead.as_str().unwrap(), "")).await;
    concord.quiet(QUIET_S);
    let [became] = &concord.salesforce_finds("Email = 'ada@example.com'").await[..] else {
        panic!("one contact")
    };
    concord.hubspot_edits(contact, &json!({"jobtitle": "Countess"})).await;
    concord.quiet(QUIET_S);

    assert_eq!(concord.salesforce_shows(became, &["Title"]).await, json!({"Title": "Countess"}));
    assert_eq!(concord.truth("hubspot", "contacts").await.len(), 1);
    let (_, printed) = concord.command(&["parked", "--json"]);
    assert_eq!(printed.trim(), "[]");
}

#[tokio::test]
async fn who_is_erased_is_made_again_by_nobody_and_asked_for_twice() {
    let concord = Concord::up("erase").await;
    let hubspot = concord.hubspot_creates(&ada()).await;
    let other =
        concord.salesforce_creates(&json!({"LastName": "Hopper", "Email": "grace@example.com"})).await;
    concord.quiet(QUIET_S);
    let before = concord.writes().await;

    let erased = json!({"objectId": hubspot});
    concord.hubspot("POST", "/crm/v3/objects/contacts/gdpr-delete", Some(&erased)).await;
    concord.quiet(QUIET_S);
    let (_, printed) = concord.command(&["parked"]);
    assert!(printed.contains("it was erased in hubspot"), "{printed}");

    let erase = ["erase", "contact", "--salesforce", &other];
    let (code, printed) = concord.command(&erase);
    assert_eq!(code, Some(1), "nothing takes it back, so it is asked for twice: {printed}");
    let yes = [erase.as_slice(), &["--yes"]].concat();
    assert_eq!(concord.command(&yes).0, Some(0));
    concord.quiet(QUIET_S);
    concord.salesforce_edits(&other, &json!({"Title": "Admiral"})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.writes().await, before, "the sample contract leaves the records to people");
}

#[tokio::test]
async fn a_mass_delete_waits_for_an_operator_and_loses_nothing() {
    const MANY: usize = 21;
    let concord = Concord::up("brake").await;
    let mut people = Vec::new();
    for n in 0..MANY {
        let person = json!({"email": format!("p{n}@example.com"), "lastname": format!("P{n}")});
        people.push(concord.hubspot_creates(&person).await);
    }
    concord.quiet(QUIET_S);
    let flagged = async || {
        let shown = concord.truth("salesforce", "Contact").await;
        shown.iter().filter(|(_, shown)| shown["Deleted_In_CRM__c"] == true).count()
    };
    let before = concord.writes().await;
    concord.command(&["pause"]);
    for id in &people {
        concord.hubspot("DELETE", &format!("/crm/v3/objects/contacts/{id}"), None).await;
    }
    concord.command(&["resume"]);
    let status = concord.quiet(QUIET_S);
    assert!(flagged().await <= 20, "{status:#}");
    assert_eq!(status["parked"], 1, "{status:#}");
    assert_eq!(status["parked_first"][0]["key"], "every contact");
    assert_eq!(concord.command(&["release", "company"]).0, Some(1), "it was not stopped");
    assert_eq!(concord.command(&["release", "contact"]).0, Some(0));
    let begun = std::time::Instant::now();
    while flagged().await < MANY {
        assert!(begun.elapsed().as_secs() < 120, "what was stopped is not found");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let status = concord.quiet(QUIET_S);
    assert_eq!((&status["parked"], &status["open_intents"]), (&json!(0), &json!(0)), "{status:#}");
    assert_eq!(concord.writes().await - before, MANY as u64, "each delete is passed on once");
}

#[tokio::test]
async fn lost_webhooks_are_made_good_and_repeated_ones_cost_nothing() {
    let (concord, hubspot, salesforce) = linked("webhooks").await;
    concord.fault("hubspot", &json!({"kind": "drop"})).await;
    concord.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"})).await;
    let begun = std::time::Instant::now();
    while concord.salesforce_shows(&salesforce, &["Title"]).await["Title"] != "Countess" {
        assert!(begun.elapsed().as_secs() < QUIET_S, "reconcile does not find it");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    concord.sandbox("hubspot", "DELETE", "faults", None).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.writes().await, 3);

    for side in ["hubspot", "salesforce"] {
        concord.fault(side, &json!({"kind": "reorder", "delay_ms": 300, "times": 5})).await;
        concord.fault(side, &json!({"kind": "duplicate", "copies": 50})).await;
    }
    concord.hubspot_edits(&hubspot, &json!({"jobtitle": "Enchantress"})).await;
    concord.quiet(QUIET_S);
    concord.salesforce_edits(&salesforce, &json!({"Title": "Programmer"})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.hubspot_shows(&hubspot, &["jobtitle"]).await, json!({"jobtitle": "Programmer"}));
    assert_eq!(concord.salesforce_shows(&salesforce, &["Title"]).await, json!({"Title": "Programmer"}));
    assert_eq!(concord.writes().await, 5);
}

#[tokio::test]
async fn a_timeout_after_the_effect_makes_no_duplicate_and_loses_nothing() {
    let concord = Concord::up("timeout").await;
    for side in ["hubspot", "salesforce"] {
        let rule = json!({"kind": "timeout_after_effect", "match": {"call": "write_*"}, "times": 1});
        concord.fault(side, &rule).await;
    }
    concord.hubspot_creates(&ada()).await;
    concord.salesforce_creates(&json!({"LastName": "Noyce", "Email": "bob@example.com"})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.truth("hubspot", "contacts").await.len(), 2);
    assert_eq!(concord.truth("salesforce", "Contact").await.len(), 2);

    for side in ["hubspot", "salesforce"] {
        concord.sandbox(side, "DELETE", "faults", None).await;
        let rule = json!({"kind": "timeout_after_effect", "match": {"call": "write_*"}, "times": 1});
        concord.fault(side, &rule).await;
    }
    let ada = concord.salesforce_finds("Email='ada@example.com'").await[0].clone();
    let bob = concord.salesforce_finds("Email='bob@example.com'").await[0].clone();
    let contacts = concord.truth("hubspot", "contacts").await;
    let (hubspot_ada, _) = contacts.iter().find(|(_, shown)| shown["email"] == "ada@example.com").unwrap();
    let (hubspot_bob, _) = contacts.iter().find(|(_, shown)| shown["email"] == "bob@example.com").unwrap();
    concord.hubspot_edits(hubspot_ada, &json!({"jobtitle": "Countess"})).await;
    concord.salesforce_edits(&bob, &json!({"Title": "Founder"})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.salesforce_shows(&ada, &["Title"]).await, json!({"Title": "Countess"}));
    assert_eq!(concord.hubspot_shows(hubspot_bob, &["jobtitle"]).await, json!({"jobtitle": "Founder"}));
    let written = concord.writes().await;
    assert!(
        (6..=10).contains(&written),
        "4 to make the pairs, 2 edits, at most 4 attempts repeated: {written}"
    );
}

#[tokio::test]
async fn rewriting_on_both_sides_goes_quiet_after_one_write_an_edit() {
    let (concord, hubspot, salesforce) = linked("rewriting").await;
    let rules = json!({"rules": [
        {"truncate": {"object": "Contact", "field": "Title", "length": 10}},
        {"phone": {"object": "Contact", "field": "Phone"}},
        {"trigger": {"object": "Contact", "when": "Title", "set": "MobilePhone", "to": "+14155550199"}}
    ]});
    concord.sandbox("salesforce", "POST", "rewrite", Some(&rules)).await;
    let rules = json!({"rewrites": {"contacts": {"jobtitle": ["lower_case"], "firstname": ["trim"]}}, "triggers": []});
    concord.sandbox("hubspot", "POST", "rewrite", Some(&rules)).await;
    let edit = json!({"jobtitle": "Countess of Lovelace", "phone": "415 555 0123"});
    concord.hubspot_edits(&hubspot, &edit).await;
    concord.quiet(QUIET_S);
    let shown = concord.salesforce_shows(&salesforce, &["Title", "Phone"]).await;
    assert_eq!(shown, json!({"Title": "countess o", "Phone": "(415) 555-0123"}));
    assert_eq!(concord.writes().await, 3);
    concord.salesforce_edits(&salesforce, &json!({"Title": "ADA"})).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.hubspot_shows(&hubspot, &["jobtitle"]).await, json!({"jobtitle": "ada"}));
    assert_eq!(concord.writes().await, 4);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    concord.quiet(QUIET_S);
    assert_eq!(concord.writes().await, 4, "a poll later, still quiet");
}

#[tokio::test]
async fn a_storm_of_429_delays_edits_and_loses_none() {
    let (concord, hubspot, salesforce) = linked("storm").await;
    for side in ["hubspot", "salesforce"] {
        concord.fault(side, &json!({"kind": "too_many", "retry_after_s": 1, "every": 2, "times": 20})).await;
    }
    concord.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"})).await;
    concord.salesforce_edits(&salesforce, &json!({"Phone": "+14155550123"})).await;
    let status = concord.quiet(2 * QUIET_S);
    assert_eq!(status["parked"], 0, "{status:#}");
    assert_eq!(concord.salesforce_shows(&salesforce, &["Title"]).await, json!({"Title": "Countess"}));
    assert_eq!(concord.hubspot_shows(&hubspot, &["phone"]).await, json!({"phone": "+14155550123"}));
    // What the storm kept off reached no CRM. A guarded write may have met the other edit once.
    let written = concord.writes().await;
    assert!((4..=5).contains(&written), "2 to make the pair, 1 for each edit: {written}");
}
