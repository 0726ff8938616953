//! Owners: a record belongs to the same person on both sides, by e-mail address.

use concord_core::names::Side;
use concord_core::port::{ParkKey, Store as _};
use concord_core::step::Task;
use concord_specs::spine::{Spine, Trouble};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

const H: Side = Side::HubSpot;
/// In HubSpot; Piet is deactivated there.
const AMARA: &str = "61001";
const JONAS: &str = "61002";
const PIET: &str = "61004";

/// The id of a Salesforce user.
fn user(spine: &Spine, name: &str) -> String {
    let path = format!("/services/data/v66.0/query?q=SELECT+Id+FROM+User+WHERE+Email='{name}@example.com'");
    let found = spine.salesforce.person(Method::GET, &path, &Value::Null);
    found["records"][0]["Id"].as_str().unwrap_or_default().to_owned()
}

/// A contact of Jonas that was made in HubSpot, and its row in Salesforce.
async fn owned() -> (Spine, String, String) {
    let mut spine = Spine::new();
    let ada = json!({"email": "ada@example.com", "lastname": "Lovelace", "hubspot_owner_id": JONAS});
    let contact = spine.hubspot_creates(&ada);
    spine.run().await;
    let row = spine.counterpart(H, &contact).await;
    (spine, contact, row)
}

fn owners(spine: &Spine, contact: &str, row: &str) -> [Value; 2] {
    [
        spine.hubspot_shows(contact, &["hubspot_owner_id"])["hubspot_owner_id"].clone(),
        spine.salesforce_shows(row, &["OwnerId"])["OwnerId"].clone(),
    ]
}

/// What is parked, by field. Looking at everything once more writes nothing.
async fn parked(spine: &mut Spine) -> Vec<(String, String)> {
    let written = spine.written();
    for task in [Task::Sweep, Task::Poll, Task::Repair] {
        spine.reconcile(task).await;
    }
    assert_eq!(spine.written(), written, "a further reconcile writes nothing");
    let parked = spine.engine.store.parked(10).await.unwrap_or_default();
    let told = parked.into_iter().map(|parked| match parked.key {
        ParkKey::Field(_, field) => (field.as_str().to_owned(), parked.reason),
        other @ (ParkKey::Record(_) | ParkKey::Message(_) | ParkKey::Object(_) | ParkKey::Type(..)) => {
            (format!("{other:?}"), parked.reason)
        }
    });
    told.collect()
}

#[tokio::test]
async fn a_record_belongs_to_the_same_person_on_both_sides_whoever_gives_it_away() {
    let (mut spine, contact, row) = owned().await;
    assert_eq!(owners(&spine, &contact, &row), [json!(JONAS), json!(user(&spine, "jonas.lind"))]);
    let before = spine.written();
    spine.salesforce_edits(&row, &json!({"OwnerId": user(&spine, "amara.osei")}));
    spine.run().await;
    assert_eq!(owners(&spine, &contact, &row)[0], json!(AMARA));
    spine.hubspot_edits(&contact, &json!({"hubspot_owner_id": JONAS}));
    spine.run().await;
    assert_eq!(owners(&spine, &contact, &row), [json!(JONAS), json!(user(&spine, "jonas.lind"))]);
    assert_eq!(spine.written() - before, 2);
    assert_eq!(parked(&mut spine).await, []);
}

#[tokio::test]
async fn what_belongs_to_nobody_in_hubspot_belongs_to_concords_user_in_salesforce() {
    let mut spine = Spine::new();
    let contact = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Lovelace"}));
    spine.run().await;
    let row = spine.counterpart(H, &contact).await;
    let concord = user(&spine, "integration");
    assert_eq!(owners(&spine, &contact, &row), [Value::Null, json!(concord)]);
    assert_eq!(spine.written(), 2, "made, and marked");

    spine.hubspot_edits(&contact, &json!({"hubspot_owner_id": JONAS}));
    spine.run().await;
    assert_eq!(owners(&spine, &contact, &row)[1], json!(user(&spine, "jonas.lind")));
    spine.hubspot_edits(&contact, &json!({"hubspot_owner_id": ""}));
    spine.run().await;
    assert_eq!(owners(&spine, &contact, &row)[1], json!(concord));
    assert_eq!(spine.written(), 4);
    assert_eq!(parked(&mut spine).await, []);
}

#[tokio::test]
async fn an_owner_who_is_not_active_on_the_other_side_parks_the_field_until_another_is_chosen() {
    let (mut spine, contact, row) = owned().await;
    let before = spine.written();
    spine.salesforce_edits(&row, &json!({"OwnerId": user(&spine, "piet.devries"), "Title": "Countess"}));
    spine.run().await;
    assert_eq!(owners(&spine, &contact, &row)[0], json!(JONAS));
    assert_eq!(
        spine.hubspot_shows(&contact, &["jobtitle"])["jobtitle"],
        json!("Countess"),
        "the rest goes on"
    );
    assert_eq!(
        parked(&mut spine).await,
        [(
            "owner".to_owned(),
            "field owner: hubspot cannot take an owner whose user is deactivated there; activate their user there, or \
             give the record to somebody else"
                .to_owned()
        )]
    );
    spine.salesforce_edits(&row, &json!({"OwnerId": user(&spine, "amara.osei")}));
    spine.run().await;
    assert_eq!(owners(&spine, &contact, &row)[0], json!(AMARA));
    assert_eq!(spine.written() - before, 2);
    assert_eq!(parked(&mut spine).await, []);
}

#[tokio::test]
async fn both_sides_keep_an_owner_who_leaves() {
    let (mut spine, contact, row) = owned().await;
    let path = format!("/services/data/v66.0/sobjects/User/{}", user(&spine, "jonas.lind"));
    spine.salesforce.person(Method::PATCH, &path, &json!({"IsActive": false}));
    spine.pass(SignedDuration::from_mins(11));
    spine.hubspot_edits(&contact, &json!({"jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&row, &["Title"])["Title"], json!("Countess"));
    assert_eq!(owners(&spine, &contact, &row), [json!(JONAS), json!(user(&spine, "jonas.lind"))]);
    assert_eq!(parked(&mut spine).await, []);
}

#[tokio::test]
async fn a_list_of_owners_that_is_refused_parks_the_field_and_nothing_else() {
    let mut spine = Spine::new();
    spine.hubspot.trouble("owners", Trouble::Refused(403));
    let ada = json!({"email": "ada@example.com", "lastname": "Lovelace", "hubspot_owner_id": PIET});
    let contact = spine.hubspot_creates(&ada);
    spine.run().await;
    assert!(spine.hubspot.troubles_over());
    let row = spine.counterpart(H, &contact).await;
    assert_eq!(spine.salesforce_shows(&row, &["LastName"]), json!({"LastName": "Lovelace"}));
    let [(field, reason)] = &parked(&mut spine).await[..] else { panic!("one field waits") };
    assert!(field == "owner" && reason.contains("crm.objects.owners.read"), "{field}: {reason}");
}

#[tokio::test]
async fn who_is_active_again_is_given_what_waited_for_them() {
    let mut spine = Spine::new();
    let path = format!("/services/data/v66.0/sobjects/User/{}", user(&spine, "jonas.lind"));
    spine.salesforce.person(Method::PATCH, &path, &json!({"IsActive": false}));
    let ada = json!({"email": "ada@example.com", "lastname": "Lovelace", "hubspot_owner_id": JONAS});
    let contact = spine.hubspot_creates(&ada);
    spine.run().await;
    let row = spine.counterpart(H, &contact).await;
    assert_eq!(owners(&spine, &contact, &row), [json!(JONAS), json!(user(&spine, "integration"))]);
    let fields: Vec<String> = parked(&mut spine).await.into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["owner"]);

    spine.salesforce.person(Method::PATCH, &path, &json!({"IsActive": true}));
    spine.pass(SignedDuration::from_mins(11));
    spine.reconcile(Task::Sweep).await;
    assert_eq!(owners(&spine, &contact, &row), [json!(JONAS), json!(user(&spine, "jonas.lind"))]);
    assert_eq!(parked(&mut spine).await, []);
}
