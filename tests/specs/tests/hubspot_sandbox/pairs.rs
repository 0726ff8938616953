use serde_json::{Value, json};

use super::portal::Portal;

/// A contact and two companies.
fn three(portal: &mut Portal) -> (String, String, String) {
    let ada = portal.made("contacts", json!({"city": "Turin"}));
    let acme = portal.made("companies", json!({"name": "Acme"}));
    let brick = portal.made("companies", json!({"name": "Brick"}));
    (ada, acme, brick)
}

fn primary() -> Value {
    json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}])
}

fn types(portal: &mut Portal, path: &str) -> Vec<(String, Vec<i64>)> {
    let read = portal.get(path);
    assert_eq!(read.status, 200);
    let line = |line: &Value| {
        let types = line["associationTypes"].as_array().unwrap();
        (line["toObjectId"].to_string(), types.iter().map(|one| one["typeId"].as_i64().unwrap()).collect())
    };
    read.body["results"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_primary_company_is_listed_as_unlabeled_too_and_seen_from_both_ends() {
    let mut portal = Portal::new();
    let (ada, acme, brick) = three(&mut portal);
    let updated = |portal: &mut Portal| {
        portal.get(&format!("/crm/v3/objects/contacts/{ada}")).body["updatedAt"].clone()
    };
    let before = updated(&mut portal);
    portal.wait_ms(5);
    portal.put(&format!("/crm/v4/objects/contacts/{ada}/associations/default/companies/{brick}"), json!({}));
    assert_eq!(updated(&mut portal), before, "an association moves no stamp");
    portal.delete(&format!("/crm/v4/objects/contacts/{ada}/associations/companies/{brick}"));

    let put = portal.put(&format!("/crm/v4/objects/contacts/{ada}/associations/companies/{acme}"), primary());

    assert_eq!(put.status, 201);
    assert_eq!(
        put.body,
        json!({"fromObjectTypeId": "0-1", "fromObjectId": 101, "toObjectTypeId": "0-2", "toObjectId": 101,
            "labels": ["Primary"]})
    );
    let from_ada = format!("/crm/v4/objects/contacts/{ada}/associations/companies");
    let from_acme = format!("/crm/objects/2026-03/0-2/{acme}/associations/0-1");
    assert_eq!(types(&mut portal, &from_ada), [("101".to_owned(), vec![1, 279])]);
    assert_eq!(types(&mut portal, &from_acme), [("101".to_owned(), vec![2, 280])]);
    let after = portal.get(&format!("/crm/v3/objects/contacts/{ada}?associations=companies")).body;
    assert_ne!(after["updatedAt"], before, "the property that holds the primary company moved it");
    assert_eq!(
        after["associations"],
        json!({"companies": {"results": [{"id": acme, "type": "contact_to_company"}]}})
    );
}

#[test]
fn a_contact_has_one_primary_company_and_the_one_before_stays_unlabeled() {
    let mut portal = Portal::new();
    let (ada, acme, brick) = three(&mut portal);
    let path = format!("/crm/v4/objects/contacts/{ada}/associations/companies");

    portal.put(&format!("{path}/{acme}"), primary());
    portal.put(&format!("{path}/{brick}"), primary());

    assert_eq!(types(&mut portal, &path), [(acme, vec![279]), (brick, vec![1, 279])]);
}

#[test]
fn putting_labels_replaces_them_and_the_default_leaves_them() {
    let mut portal = Portal::new();
    let (ada, acme, _) = three(&mut portal);
    let path = format!("/crm/v4/objects/contacts/{ada}/associations/companies");
    portal.put(&format!("{path}/{acme}"), primary());

    let default = portal
        .put(&format!("/crm/v4/objects/contacts/{ada}/associations/default/companies/{acme}"), json!({}));
    assert_eq!(default.status, 200);
    assert_eq!(default.body["results"][0]["associationSpec"]["associationTypeId"], json!(279));
    assert_eq!(default.body["results"][1]["associationSpec"]["associationTypeId"], json!(280));
    assert_eq!(types(&mut portal, &path), [(acme.clone(), vec![1, 279])]);

    let unlabeled = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]);
    portal.put(&format!("{path}/{acme}"), unlabeled);
    assert_eq!(types(&mut portal, &path), [(acme.clone(), vec![279])]);

    assert_eq!(portal.delete(&format!("{path}/{acme}")).status, 204);
    assert_eq!(types(&mut portal, &path), []);
    let unknown = json!([{"associationCategory": "USER_DEFINED", "associationTypeId": 36}]);
    assert_eq!(portal.put(&format!("{path}/{acme}"), unknown).status, 400);
}

#[test]
fn a_batch_read_names_the_records_without_any() {
    let mut portal = Portal::new();
    let (ada, acme, _) = three(&mut portal);
    let bob = portal.made("contacts", json!({"city": "Rome"}));
    let made = portal.post(
        "/crm/v4/associations/contacts/companies/batch/create",
        json!({"inputs": [{"from": {"id": ada}, "to": {"id": acme}, "types": primary()}]}),
    );

    let read = portal.post(
        "/crm/v4/associations/contacts/companies/batch/read",
        json!({"inputs": [{"id": ada}, {"id": bob}]}),
    );

    assert_eq!(made.status, 201);
    assert_eq!(read.status, 207);
    assert_eq!(
        read.body["results"],
        json!([{"from": {"id": ada}, "to": [{"toObjectId": 101, "associationTypes": [
            {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"},
            {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": null}]}]}])
    );
    assert_eq!(
        read.body["errors"],
        json!([{"status": "error", "category": "OBJECT_NOT_FOUND",
            "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
            "message": format!("No company is associated with contact {bob}."),
            "context": {"fromObjectId": [bob], "fromObjectType": ["contact"], "toObjectType": ["company"]}}])
    );
}

#[test]
fn removing_in_a_batch_answers_by_family_and_a_label_can_go_alone() {
    let mut portal = Portal::new();
    let (ada, acme, brick) = three(&mut portal);
    let path = format!("/crm/v4/objects/contacts/{ada}/associations/companies");
    for company in [&acme, &brick] {
        portal.put(&format!("{path}/{company}"), primary());
    }

    let unlabeled = portal.post(
        "/crm/v4/associations/contacts/companies/batch/labels/archive",
        json!({"inputs": [{"from": {"id": ada}, "to": {"id": brick}, "types": primary()}]}),
    );
    assert_eq!(unlabeled.status, 204);
    assert_eq!(types(&mut portal, &path), [(acme.clone(), vec![279]), (brick.clone(), vec![279])]);

    let one = |company: &str| json!({"inputs": [{"from": {"id": ada}, "to": [{"id": company}]}]});
    let numbered = portal.post("/crm/v4/associations/contacts/companies/batch/archive", one(&acme));
    let dated = portal.post("/crm/associations/2026-03/contacts/companies/batch/archive", one(&brick));
    assert_eq!((numbered.status, dated.status), (204, 200));
    assert_eq!(types(&mut portal, &path), []);
}

#[test]
fn a_change_tells_both_ends_once_per_type() {
    let mut portal = Portal::new();
    let (ada, acme, _) = three(&mut portal);
    let path = format!("/crm/v4/objects/contacts/{ada}/associations/companies/{acme}");
    portal.events();

    portal.put(&path, primary());
    let made = portal.events();
    portal.put(&path, primary());
    let again = portal.events();
    portal.delete(&path);
    let removed = portal.events();

    // The property that holds the primary company changes with it.
    let of_property = |event: &&Value| event["propertyName"] == "associatedcompanyid";
    assert_eq!([&made, &removed].map(|events| events.iter().filter(of_property).count()), [1, 1]);
    let brief = |events: &[Value]| -> Vec<(Value, Value, Value)> {
        let line = |event: &Value| {
            (
                event["associationType"].clone(),
                event["isPrimaryAssociation"].clone(),
                event["associationRemoved"].clone(),
            )
        };
        events.iter().filter(|event| !of_property(event)).map(line).collect()
    };
    let expected = |removed: bool| {
        let both = |primary: bool| {
            ["CONTACT_TO_COMPANY", "COMPANY_TO_CONTACT"]
                .map(|name| (json!(name), json!(primary), json!(removed)))
        };
        [both(true), both(false)].concat()
    };
    assert_eq!(brief(&made), expected(false));
    assert_eq!(again, [] as [Value; 0]);
    assert_eq!(brief(&removed), expected(true));
    let first = made.iter().find(|event| !of_property(event)).unwrap();
    assert_eq!(first["subscriptionType"], json!("contact.associationChange"));
    assert_eq!(first["fromObjectId"], json!(101));
    assert_eq!(first["objectId"], Value::Null);
}

#[test]
fn a_record_can_be_made_with_its_company_and_a_merge_hands_it_over() {
    let mut portal = Portal::new();
    let (ada, acme, brick) = three(&mut portal);
    let made = portal.post(
        "/crm/v3/objects/contacts",
        json!({"properties": {"city": "Rome"}, "associations": [{"to": {"id": acme}, "types": primary()}]}),
    );
    let bob = made.body["id"].as_str().unwrap().to_owned();
    portal.put(&format!("/crm/v4/objects/contacts/{ada}/associations/companies/{brick}"), primary());

    portal.post("/crm/v3/objects/contacts/merge", json!({"primaryObjectId": bob, "objectIdToMerge": ada}));

    let path = format!("/crm/v4/objects/contacts/{ada}/associations/companies");
    assert_eq!(types(&mut portal, &path), [(acme, vec![1, 279]), (brick, vec![279])]);
}

#[test]
fn labels_are_listed_by_direction() {
    let mut portal = Portal::new();
    assert_eq!(
        portal.get("/crm/v4/associations/companies/contacts/labels").body["results"],
        json!([{"category": "HUBSPOT_DEFINED", "typeId": 2, "label": "Primary"},
            {"category": "HUBSPOT_DEFINED", "typeId": 280, "label": null}])
    );
}

#[test]
fn a_label_of_the_portals_own_is_seen_from_both_ends_and_what_is_sent_replaces_what_was_there() {
    let mut portal = Portal::new();
    let (ada, acme, _) = three(&mut portal);
    let labels = "/crm/v4/associations/contacts/companies/labels";
    let made =
        portal.post(labels, json!({"label": "Billing", "name": "billing", "inverseLabel": "Billed by"}));
    assert_eq!(made.status, 200);
    let [here, there] = [0, 1].map(|n| made.body["results"][n]["typeId"].as_i64().unwrap());
    let own = |id| json!([{"associationCategory": "USER_DEFINED", "associationTypeId": id}]);
    let path = format!("/crm/v4/objects/contacts/{ada}/associations/companies");

    let put = portal.put(&format!("{path}/{acme}"), own(here));
    assert_eq!((put.status, &put.body["labels"]), (201, &json!(["Billing"])));
    assert_eq!(types(&mut portal, &path), [(acme.clone(), vec![279, here])]);
    let from_acme = format!("/crm/v4/objects/companies/{acme}/associations/contacts");
    assert_eq!(types(&mut portal, &from_acme), [(ada.clone(), vec![280, there])]);

    portal.put(&format!("{path}/{acme}"), primary());
    assert_eq!(types(&mut portal, &path), [(acme.clone(), vec![1, 279])]);

    let input = |types: Value| json!({"inputs": [{"from": {"id": ada}, "to": {"id": acme}, "types": types}]});
    let both = json!([primary()[0], own(here)[0]]);
    portal.post("/crm/v4/associations/contacts/companies/batch/create", input(both.clone()));
    assert_eq!(types(&mut portal, &path), [(acme.clone(), vec![1, 279, here])]);
    let archive = "/crm/v4/associations/contacts/companies/batch/labels/archive";
    portal.post(archive, input(own(here)));
    assert_eq!(types(&mut portal, &path), [(acme.clone(), vec![1, 279])]);
    portal.post("/crm/v4/associations/contacts/companies/batch/create", input(both));
    portal
        .post(archive, input(json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}])));
    assert_eq!(types(&mut portal, &path), [], "without the unlabelled type nothing is left");

    portal.put(&format!("{path}/{acme}"), own(here));
    assert_eq!(portal.delete(&format!("{labels}/{here}")).status, 204);
    assert_eq!(types(&mut portal, &path), [(acme, vec![279])]);
}

#[test]
fn the_winner_of_a_merge_has_the_labels_of_both() {
    let mut portal = Portal::new();
    let deal =
        portal.made("deals", json!({"dealname": "Engine", "pipeline": "default", "dealstage": "closedwon"}));
    let [ada, bea] = ["Ada", "Bea"].map(|name| portal.made("contacts", json!({"firstname": name})));
    let labels = portal.get("/crm/v4/associations/deals/contacts/labels").body;
    let own: Vec<Value> = labels["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|of| of["category"] == "USER_DEFINED")
        .cloned()
        .collect();
    let path = format!("/crm/v4/objects/deals/{deal}/associations/contacts");
    for (contact, of) in [&ada, &bea].into_iter().zip(&own) {
        let types = json!([{"associationCategory": "USER_DEFINED", "associationTypeId": of["typeId"]}]);
        portal.put(&format!("{path}/{contact}"), types);
    }
    portal.post("/crm/v3/objects/contacts/merge", json!({"primaryObjectId": ada, "objectIdToMerge": bea}));
    let ids: Vec<i64> = own.iter().take(2).map(|of| of["typeId"].as_i64().unwrap()).collect();
    assert_eq!(types(&mut portal, &path)[0].1, [vec![3], ids].concat());
}
