use serde_json::{Value, json};

use super::portal::{Portal, ids, quiet};
use concord_sandbox::crm::Machine;
use concord_sandbox::hubspot::{Config, MergeEvents};

fn merge(portal: &mut Portal, primary: &str, other: &str) -> super::portal::Answer {
    portal
        .post("/crm/v3/objects/contacts/merge", json!({"primaryObjectId": primary, "objectIdToMerge": other}))
}

#[test]
fn a_merge_makes_a_new_record_and_both_old_ids_mean_it() {
    let mut portal = Portal::new();
    let one = portal.made("contacts", json!({"email": "ada@example.com", "city": "Turin"}));
    let two = portal.made("contacts", json!({"email": "ada@work.example", "city": "Rome", "zip": "10100"}));

    let merged = merge(&mut portal, &one, &two);
    let new = merged.body["id"].as_str().unwrap().to_owned();

    assert_eq!(merged.status, 200);
    assert!(new != one && new != two);
    for id in [&one, &two, &new] {
        let read = portal.get(&format!(
            "/crm/v3/objects/contacts/{id}?properties=email,city,zip,hs_additional_emails,hs_merged_object_ids"
        ));
        assert_eq!(read.body["id"], json!(new));
        let properties = &read.body["properties"];
        assert_eq!(properties["email"], json!("ada@example.com"));
        assert_eq!(properties["hs_additional_emails"], json!("ada@work.example"));
        assert_eq!(properties["city"], json!("Turin"));
        assert_eq!(properties["zip"], json!("10100"));
        assert_eq!(properties["hs_merged_object_ids"], json!(format!("{one};{two}")));
    }
    assert_eq!(portal.set("contacts", &two, json!({"city": "Milan"})).body["id"], json!(new));
    assert_eq!(ids(&portal.get("/crm/v3/objects/contacts")), std::slice::from_ref(&new));
    let truth = portal.machine.truth();
    assert_eq!(truth["records"]["contacts"][&one]["merged_into"], json!(new));
    assert_eq!(truth["records"]["contacts"][&one]["archived"], json!(true));
}

#[test]
fn old_ids_are_left_out_of_batch_reads_and_refused_in_batch_updates() {
    let mut portal = Portal::new();
    let one = portal.made("contacts", json!({"city": "Turin"}));
    let two = portal.made("contacts", json!({}));
    let other = portal.made("contacts", json!({}));
    merge(&mut portal, &one, &two);

    let read =
        portal.post("/crm/v3/objects/contacts/batch/read", json!({"inputs": [{"id": one}, {"id": other}]}));
    let update = portal.post(
        "/crm/v3/objects/contacts/batch/update",
        json!({"inputs": [{"id": one, "properties": {"city": "Rome"}}]}),
    );

    assert_eq!(read.status, 200);
    assert_eq!(ids(&read), [other]);
    assert_eq!(read.body["errors"], Value::Null);
    assert_eq!(update.status, 404);
    assert_eq!(portal.properties("contacts", &one, "city")["city"], json!("Turin"));
}

#[test]
fn a_second_merge_keeps_all_earlier_ids_and_addresses() {
    let mut portal = Portal::new();
    let one = portal.made("contacts", json!({"email": "a@x.example", "lifecyclestage": "lead"}));
    let two = portal.made("contacts", json!({"email": "b@x.example", "lifecyclestage": "customer"}));
    let three = portal.made("contacts", json!({"email": "c@x.example"}));
    let four = merge(&mut portal, &one, &two).body["id"].as_str().unwrap().to_owned();

    let five = merge(&mut portal, &three, &one).body["id"].as_str().unwrap().to_owned();

    let names = "hs_merged_object_ids,hs_additional_emails,lifecyclestage";
    let properties = portal.properties("contacts", &two, names);
    assert_eq!(properties["hs_object_id"], json!(five));
    assert_eq!(properties["hs_merged_object_ids"], json!(format!("{three};{one};{two};{four}")));
    assert_eq!(properties["hs_additional_emails"], json!("a@x.example;b@x.example"));
    assert_eq!(properties["lifecyclestage"], json!("customer"));
    let again = portal.post("/crm/v3/objects/contacts", json!({"properties": {"email": "B@x.example"}}));
    assert_eq!(again.body["message"], json!(format!("Contact already exists. Existing ID: {five}")));
}

#[test]
fn which_events_come_with_a_merge_can_be_chosen() {
    let table = [
        (MergeEvents::MergeOnly, vec!["contact.merge"]),
        (MergeEvents::WithDeletions, vec!["contact.merge", "contact.deletion", "contact.deletion"]),
        (MergeEvents::WithCreation, vec!["contact.merge", "contact.creation"]),
    ];
    for (merge_events, expected) in table {
        let mut portal = Portal::with(Config { merge_events, ..quiet() });
        let one = portal.made("contacts", json!({"city": "Turin"}));
        let two = portal.made("contacts", json!({"zip": "10100"}));
        portal.events();

        merge(&mut portal, &one, &two);

        let events = portal.events();
        let kinds: Vec<&str> = events.iter().map(|one| one["subscriptionType"].as_str().unwrap()).collect();
        assert_eq!(kinds, expected);
        assert_eq!(events[0]["primaryObjectId"], json!(101));
        assert_eq!(events[0]["mergedObjectIds"], json!([102]));
        assert_eq!(events[0]["newObjectId"], json!(103));
        assert_eq!(events[0]["numberOfPropertiesMoved"], json!(1));
    }
}

#[test]
fn an_erased_contact_leaves_no_value_anywhere() {
    let mut portal = Portal::new();
    portal.made("contacts", json!({"email": "secret@example.com", "firstname": "Secret"}));
    portal.events();

    let erased = portal.post(
        "/crm/v3/objects/contacts/gdpr-delete",
        json!({"objectId": "secret@example.com", "idProperty": "email"}),
    );

    assert_eq!(erased.status, 204);
    assert!(!portal.machine.truth().to_string().to_lowercase().contains("secret"));
    let mut kinds: Vec<Value> =
        portal.events().iter().map(|event| event["subscriptionType"].clone()).collect();
    kinds.sort_by_key(Value::to_string);
    assert_eq!(kinds, [json!("contact.deletion"), json!("contact.privacyDeletion")]);
    assert_eq!(portal.get("/crm/v3/objects/contacts/101?archived=true").status, 404);
    portal.made("contacts", json!({"email": "secret@example.com"}));
}
