use serde_json::{Value, json};

use super::portal::{Portal, ids, quiet};
use concord_sandbox::hubspot::{Bumps, Config, RecordUrls};

#[test]
fn a_new_contact_is_answered_with_what_was_written_and_what_was_derived() {
    let mut portal = Portal::new();

    let made = portal.post(
        "/crm/v3/objects/contacts",
        json!({"properties": {"email": "ada@example.com", "firstname": "Ada"}}),
    );

    let at = "2026-11-23T10:00:00.000Z";
    assert_eq!(made.status, 201);
    assert_eq!(
        made.body,
        json!({"id": "101", "createdAt": at, "updatedAt": at, "archived": false, "properties": {
            "createdate": at, "email": "ada@example.com", "firstname": "Ada", "hs_all_contact_vids": "101",
            "hs_email_domain": "example.com", "hs_is_contact": "true", "hs_is_unworked": "true",
            "hs_object_id": "101", "hs_pipeline": "contacts-lifecycle-pipeline", "lastmodifieddate": at}})
    );
}

#[test]
fn a_read_shows_the_defaults_or_what_is_asked_and_leaves_out_what_is_not_defined() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"email": "ada@example.com", "firstname": "Ada"}));
    let at = "2026-11-23T10:00:00.000Z";

    let plain = portal.get(&format!("/crm/v3/objects/contacts/{id}")).body["properties"].clone();
    let asked = portal.properties("contacts", &id, "phone,firstname&properties=no_such_property");

    assert_eq!(
        plain,
        json!({"createdate": at, "email": "ada@example.com", "firstname": "Ada", "hs_object_id": id,
            "lastmodifieddate": at, "lastname": null})
    );
    assert_eq!(
        asked,
        json!({"createdate": at, "firstname": "Ada", "hs_object_id": id, "lastmodifieddate": at, "phone": null})
    );
}

#[test]
fn every_name_of_a_type_and_both_families_of_paths_mean_the_same_record() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"email": "ada@example.com"}));

    let first = portal.get(&format!("/crm/v3/objects/contacts/{id}"));
    for name in ["contact", "CONTACT", "0-1"] {
        assert_eq!(portal.get(&format!("/crm/v3/objects/{name}/{id}")), first);
        assert_eq!(portal.get(&format!("/crm/objects/2026-03/{name}/{id}")), first);
    }
    assert_eq!(portal.get("/crm/v3/objects/nonsense/1").status, 400);
}

#[test]
fn a_record_is_found_by_its_address_and_by_any_unique_property_but_by_no_other() {
    let mut portal = Portal::new();
    let id =
        portal.made("contacts", json!({"email": "Ada@Example.com", "concord_id": "L1", "city": "Turin"}));

    let by = |portal: &mut Portal, key: &str, name: &str| {
        portal.get(&format!("/crm/v3/objects/contacts/{key}?idProperty={name}"))
    };
    assert_eq!(by(&mut portal, "ada%40example.com", "email").body["id"], json!(id));
    assert_eq!(by(&mut portal, "L1", "concord_id").body["id"], json!(id));
    assert_eq!(by(&mut portal, "L2", "concord_id").status, 404);
    assert_eq!(by(&mut portal, "Turin", "city").status, 400);
}

#[test]
fn a_cleared_property_is_echoed_empty_and_read_as_null() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"email": "ada@example.com", "city": "Turin"}));

    let cleared = portal.set("contacts", &id, json!({"city": ""}));

    assert_eq!(cleared.status, 200);
    assert_eq!(cleared.body["properties"]["city"], json!(""));
    assert_eq!(portal.properties("contacts", &id, "city")["city"], Value::Null);
}

#[test]
fn a_companys_website_comes_from_its_domain_unless_it_is_given() {
    let mut portal = Portal::new();

    let plain = portal.made("companies", json!({"domain": "acme.example"}));
    let given = portal.made("companies", json!({"domain": "brick.example", "website": "shop.example"}));

    assert_eq!(portal.properties("companies", &plain, "website")["website"], json!("acme.example"));
    assert_eq!(portal.properties("companies", &given, "website")["website"], json!("shop.example"));
    let nameless = portal.post("/crm/v3/objects/companies", json!({"properties": {"city": "Turin"}}));
    assert_eq!(nameless.status, 400);
}

#[test]
fn the_same_domain_makes_two_companies_but_the_same_address_no_second_contact() {
    let mut portal = Portal::new();
    portal.made("companies", json!({"domain": "acme.example"}));
    portal.made("companies", json!({"domain": "acme.example"}));
    let ada = portal.made("contacts", json!({"email": "ada@example.com"}));
    let bob = portal.made("contacts", json!({"email": "bob@example.com"}));

    let again = portal.post("/crm/v3/objects/contacts", json!({"properties": {"email": "ADA@example.com"}}));
    let taken = portal.set("contacts", &bob, json!({"email": "ada@example.com"}));

    for refused in [again, taken] {
        assert_eq!(refused.status, 409);
        assert_eq!(refused.body["category"], json!("CONFLICT"));
        assert_eq!(refused.body["message"], json!(format!("Contact already exists. Existing ID: {ada}")));
    }
    assert_eq!(ids(&portal.get("/crm/v3/objects/contacts")), [ada, bob]);
}

#[test]
fn a_custom_unique_property_names_the_record_that_has_the_value() {
    let mut portal = Portal::new();
    let first = portal.made("contacts", json!({"concord_id": "L1"}));

    let second = portal.post("/crm/v3/objects/contacts", json!({"properties": {"concord_id": "L1"}}));

    assert_eq!(second.status, 400);
    assert_eq!(second.body["category"], json!("VALIDATION_ERROR"));
    assert_eq!(second.body["errors"][0]["code"], json!("CONFLICTING_UNIQUE_VALUE"));
    let message = second.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.ends_with(&format!("{first} already has that value.")), "{message}");
}

#[test]
fn an_archived_record_is_gone_from_reads_listed_as_archived_and_its_address_is_free() {
    let mut portal = Portal::new();
    let old = portal.made("contacts", json!({"email": "ada@example.com"}));
    portal.wait_ms(5);

    assert_eq!(portal.delete(&format!("/crm/v3/objects/contacts/{old}")).status, 204);
    assert_eq!(portal.delete(&format!("/crm/v3/objects/contacts/{old}")).status, 204);
    assert_eq!(portal.delete("/crm/v3/objects/contacts/999").status, 204);
    let new = portal.made("contacts", json!({"email": "ada@example.com"}));

    assert_ne!(new, old);
    assert_eq!(portal.get(&format!("/crm/v3/objects/contacts/{old}")).status, 404);
    assert_eq!(portal.set("contacts", &old, json!({"city": "Turin"})).status, 404);
    let archived = portal.get(&format!("/crm/v3/objects/contacts/{old}?archived=true"));
    assert_eq!(archived.body["archivedAt"], json!("2026-11-23T10:00:00.005Z"));
    for yes in ["true", "True"] {
        assert_eq!(
            ids(&portal.get(&format!("/crm/v3/objects/contacts?archived={yes}"))),
            std::slice::from_ref(&old)
        );
    }
    assert_eq!(ids(&portal.get("/crm/v3/objects/contacts")), [new]);
}

#[test]
fn only_a_person_restores_and_not_while_another_has_the_address() {
    let mut portal = Portal::new();
    let old = portal.made("contacts", json!({"email": "ada@example.com"}));
    portal.delete(&format!("/crm/v3/objects/contacts/{old}"));
    let new = portal.made("contacts", json!({"email": "ada@example.com"}));
    let path = format!("/crm/v3/objects/contacts/{old}/restore");

    assert_eq!(portal.post(&path, json!({})).status, 405);
    assert_eq!(portal.person("POST", &path, json!({})).status, 409);
    portal.delete(&format!("/crm/v3/objects/contacts/{new}"));
    assert_eq!(portal.person("POST", &path, json!({})).body["id"], json!(old));
    assert_eq!(ids(&portal.get("/crm/v3/objects/contacts")), [old]);
}

#[test]
fn a_listing_is_paged_by_the_id_of_the_next_record() {
    let mut portal = Portal::new();
    let made: Vec<String> = (0..25).map(|_| portal.made("contacts", json!({}))).collect();

    let mut seen = Vec::new();
    let mut path = "/crm/v3/objects/contacts?limit=10".to_owned();
    loop {
        let page = portal.get(&path);
        seen.extend(ids(&page));
        let Some(after) = page.body["paging"]["next"]["after"].as_str() else { break };
        path = format!("/crm/v3/objects/contacts?limit=10&after={after}");
    }

    assert_eq!(seen, made);
    assert_eq!(portal.get("/crm/v3/objects/contacts?limit=101").status, 400);
}

#[test]
fn an_equal_value_changes_nothing_and_every_change_is_strictly_later() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", json!({"city": "Turin"}));
    portal.events();

    let same = portal.set("contacts", &id, json!({"city": "Turin"}));
    let first = portal.set("contacts", &id, json!({"city": "Rome"}));
    let second = portal.set("contacts", &id, json!({"city": "Milan"}));

    assert_eq!(same.body["updatedAt"], json!("2026-11-23T10:00:00.000Z"));
    assert_eq!(first.body["updatedAt"], json!("2026-11-23T10:00:00.001Z"));
    assert_eq!(second.body["updatedAt"], json!("2026-11-23T10:00:00.002Z"));
    assert_eq!(portal.events().len(), 2);
}

#[test]
fn a_new_contact_is_stamped_a_second_time_some_seconds_later() {
    let bumps = Bumps { contact_ms: Some(6_000), company_ms: None };
    let mut portal = Portal::with(Config { bumps, ..quiet() });
    let id = portal.made("contacts", json!({"city": "Turin"}));
    portal.events();

    portal.wait_ms(5_999);
    let before = portal.get(&format!("/crm/v3/objects/contacts/{id}"));
    portal.wait_ms(1);
    let after = portal.get(&format!("/crm/v3/objects/contacts/{id}"));

    assert_eq!(before.body["updatedAt"], json!("2026-11-23T10:00:00.000Z"));
    assert_eq!(after.body["updatedAt"], json!("2026-11-23T10:00:06.000Z"));
    assert_eq!(portal.events(), [] as [Value; 0]);
}

#[test]
fn a_record_carries_its_url_where_the_portal_shows_it() {
    let mut portal = Portal::with(Config { record_urls: RecordUrls::Shown, portal_id: 7, ..quiet() });
    let id = portal.made("companies", json!({"name": "Acme"}));

    let read = portal.get(&format!("/crm/v3/objects/companies/{id}"));

    assert_eq!(read.body["url"], json!(format!("https://app.hubspot.com/contacts/7/record/0-2/{id}")));
}

#[test]
fn the_truth_shows_who_did_what_and_when() {
    let mut portal = Portal::new();
    let id = portal.made("companies", json!({"name": "Acme"}));
    portal.wait_ms(10);
    portal.person(
        "PATCH",
        &format!("/crm/v3/objects/companies/{id}"),
        json!({"properties": {"name": "Acme 2"}}),
    );
    portal.wait_ms(10);
    portal.delete(&format!("/crm/v3/objects/companies/{id}"));

    use concord_sandbox::crm::Machine as _;
    let truth = portal.machine.truth();

    assert_eq!(
        truth["records"]["companies"],
        json!({id.clone(): {"archived": true, "merged_into": null,
            "properties": {"name": "Acme 2", "hs_object_id": id, "createdate": "2026-11-23T10:00:00.000Z",
                "hs_lastmodifieddate": "2026-11-23T10:00:00.020Z"},
            "history": [
                {"at": "2026-11-23T10:00:00.000Z", "by": "api", "properties": {"name": "Acme"}},
                {"at": "2026-11-23T10:00:00.010Z", "by": "person", "properties": {"name": "Acme 2"}},
                {"at": "2026-11-23T10:00:00.020Z", "by": "api", "properties": {}, "turn": "archived"}]}})
    );
    assert_eq!(truth["records"]["contacts"], json!({}));
}
