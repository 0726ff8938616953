//! Deals with the contacts that they are associated with: the client against the sandbox.

use concord_core::names::{ObjectName, RecordId, WireName};
use concord_core::port::{Crm as _, Failure, Listing, ObjectSpec, Operation, Outcome};
use concord_core::row::Reading;
use concord_core::value::{Presence, Raw};
use serde_json::{Value, json};

use super::sandbox::World;
use super::tape::{text, values, write};

const WIRE: &str = "associations.contacts";
/// Of the labels that the sandbox's portal has, those that are anybody's business here.
const ROLES: [&str; 2] = ["Billing contact", "Decision maker"];

fn deals() -> ObjectSpec {
    ObjectSpec {
        object: ObjectName::from("deal"),
        wire: WireName::from("deals"),
        fields: vec![WireName::from(WIRE), WireName::from("dealname")],
        lead: None,
        roles: [(WireName::from(WIRE), ROLES.map(str::to_owned).into())].into(),
    }
}

impl World {
    fn has(&self, plural: &str, properties: &Value) -> RecordId {
        let made =
            self.person("POST", &format!("/crm/v3/objects/{plural}"), &json!({ "properties": properties }));
        RecordId::new(made["id"].as_str().unwrap())
    }

    fn deal(&self) -> RecordId {
        self.has("deals", &json!({"dealname": "Engine", "pipeline": "default", "dealstage": "closedwon"}))
    }

    fn person_named(&self, name: &str) -> RecordId {
        self.has("contacts", &json!({ "firstname": name }))
    }

    fn associates(&self, deal: &RecordId, contact: &RecordId) {
        let path = format!("/crm/v4/objects/deals/{deal}/associations/default/contacts/{contact}");
        self.person("PUT", &path, &Value::Null);
    }

    fn labels(&self, deal: &RecordId, contact: &RecordId, labels: &[&str]) {
        let known = self.person("GET", "/crm/v4/associations/deals/contacts/labels", &Value::Null);
        let types: Vec<Value> = known["results"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|of| of["label"].as_str().is_some_and(|label| labels.contains(&label)))
            .map(|of| json!({"associationCategory": of["category"], "associationTypeId": of["typeId"]}))
            .collect();
        let path = format!("/crm/v4/objects/deals/{deal}/associations/contacts/{contact}");
        self.person("PUT", &path, &Value::from(types));
    }

    /// All labels of a deal's contact.
    fn has_labels(&self, deal: &RecordId, contact: &RecordId) -> Vec<String> {
        let path = format!("/crm/v4/objects/deals/{deal}/associations/contacts");
        let shown = self.person("GET", &path, &Value::Null);
        let of_contact = |other: &&Value| other["toObjectId"].as_u64() == contact.as_str().parse().ok();
        let found = shown["results"].as_array().unwrap().iter().find(of_contact).cloned().unwrap_or_default();
        let types = found["associationTypes"].as_array().cloned().unwrap_or_default();
        types.iter().filter_map(|of| Some(of["label"].as_str()?.to_owned())).collect()
    }

    fn deletes(&self, plural: &str, id: &RecordId) {
        self.person("DELETE", &format!("/crm/v3/objects/{plural}/{id}"), &Value::Null);
    }

    /// What a deal shows of its contacts.
    async fn shows(&self, deal: &RecordId) -> Option<Presence<Raw>> {
        match self.client.read(&deals(), std::slice::from_ref(deal)).await.unwrap().remove(0) {
            Reading::Row(row) => row.fields.get(&WireName::from(WIRE)).cloned(),
            other @ (Reading::MergedInto(_) | Reading::NotFound) => panic!("{other:?}"),
        }
    }

    async fn says(&self, deal: &RecordId, said: &str) -> Outcome {
        self.says_as(deal, said, 3).await
    }

    async fn says_as(&self, deal: &RecordId, said: &str, token: u64) -> Outcome {
        let values = values(&[("dealname", text("Engine II")), (WIRE, text(said))]);
        let operation = Operation::Update { id: deal.clone(), values, unmodified_since: None };
        self.client.write(&deals(), &[write("d-1", token, operation)]).await.remove(0)
    }
}

fn set(contacts: &[&RecordId]) -> Presence<Raw> {
    let ids: Vec<&str> = contacts.iter().map(|id| id.as_str()).collect();
    if ids.is_empty() { Presence::Blank } else { text(&ids.join(";")) }
}

#[tokio::test]
async fn a_deal_shows_its_contacts_and_one_in_the_bin_shows_nothing_of_them() {
    let world = World::new();
    let [deal, alone, gone] = [world.deal(), world.deal(), world.deal()];
    let [ada, bea, cleo] = ["Ada", "Bea", "Cleo"].map(|name| world.person_named(name));
    for person in [&ada, &bea, &cleo] {
        world.associates(&deal, person);
        world.associates(&gone, person);
    }
    world.deletes("contacts", &cleo);
    world.deletes("deals", &gone);

    assert_eq!(world.shows(&deal).await, Some(set(&[&ada, &bea])));
    assert_eq!(world.shows(&alone).await, Some(set(&[])));
    assert_eq!(world.shows(&gone).await, None);
    let page = world.client.list(&deals(), &Listing::All, None).await.unwrap();
    let listed: Vec<_> = page.rows.iter().map(|row| row.fields.get(&WireName::from(WIRE)).cloned()).collect();
    assert_eq!(listed, [Some(set(&[&ada, &bea])), Some(set(&[]))]);
}

#[tokio::test]
async fn what_is_said_is_written_before_the_properties_and_nobody_else_leaves() {
    let world = World::new();
    let deal = world.deal();
    let [ada, bea, cleo] = ["Ada", "Bea", "Cleo"].map(|name| world.person_named(name));
    world.associates(&deal, &ada);
    world.associates(&deal, &bea);

    for _ in 0..2 {
        assert_eq!(world.says(&deal, &format!("+{cleo};-{ada}")).await, Outcome::Done(deal.clone()));
        assert_eq!(world.shows(&deal).await, Some(set(&[&bea, &cleo])));
    }
}

#[tokio::test]
async fn a_new_deal_is_made_and_then_associated() {
    let world = World::new();
    let (ada, gone) = (world.person_named("Ada"), world.person_named("Bea"));
    world.deletes("contacts", &gone);
    let new = |said: String| Operation::Insert {
        values: values(&[
            ("dealname", text("Engine")),
            ("pipeline", text("default")),
            ("dealstage", text("closedwon")),
            (WIRE, text(&said)),
        ]),
    };
    for (link, said) in [("d-1", format!("+{ada}")), ("d-2", format!("+{ada};+{gone}"))] {
        let outcomes = world.client.write(&deals(), &[write(link, 1, new(said))]).await;
        let [Outcome::Done(made)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!(world.shows(made).await, Some(set(&[&ada])), "{link}");
    }
}

#[tokio::test]
async fn a_contact_that_is_not_there_fails_its_deal_alone_and_a_deal_that_is_not_there_is_gone() {
    let world = World::new();
    let [deal, other, gone] = [world.deal(), world.deal(), world.deal()];
    let (ada, nobody) = (world.person_named("Ada"), world.person_named("Bea"));
    world.deletes("contacts", &nobody);
    world.deletes("deals", &gone);
    let update = |id: &RecordId, said: String| Operation::Update {
        id: id.clone(),
        values: values(&[("dealname", text("Engine II")), (WIRE, text(&said))]),
        unmodified_since: None,
    };
    let writes = [
        write("d-1", 2, update(&deal, format!("+{nobody};+{ada}"))),
        write("d-2", 2, update(&other, format!("+{ada}"))),
        write("d-3", 2, update(&gone, format!("+{ada}"))),
    ];

    let outcomes = world.client.write(&deals(), &writes).await;

    let [Outcome::Failed(failure), Outcome::Done(done), Outcome::Gone] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert!(matches!(failure, Failure::Park { .. } | Failure::Conflict { .. }), "{failure:?}");
    assert_eq!(*done, other);
    assert_eq!(world.shows(&other).await, Some(set(&[&ada])));
}

#[tokio::test]
async fn labels_are_shown_and_written_and_those_that_are_nobodys_business_stay() {
    let world = World::new();
    let deal = world.deal();
    let [ada, bea] = ["Ada", "Bea"].map(|name| world.person_named(name));
    world.labels(&deal, &ada, &["Billing contact", "Primary contact"]);
    let shown = |roles: &[&str]| text(&roles.join(";"));
    assert_eq!(world.shows(&deal).await, Some(shown(&[ada.as_str(), &format!("{ada}:Billing contact")])));

    // Given one more, then another in the place of both; and whoever is new has theirs at once.
    let given = format!("+{ada}:Decision maker;+{bea};+{bea}:Billing contact");
    let changed = format!("-{ada}:Decision maker;-{ada}:Billing contact;+{bea}:Decision maker");
    let (all, left) = (["Decision maker", "Billing contact", "Primary contact"], ["Primary contact"]);
    for (token, said, of_ada) in [(3, given, &all[..]), (4, changed, &left)] {
        for _ in 0..2 {
            assert_eq!(world.says_as(&deal, &said, token).await, Outcome::Done(deal.clone()));
            assert_eq!(world.has_labels(&deal, &ada), of_ada, "{said}");
        }
    }
    assert_eq!(world.has_labels(&deal, &bea), ["Decision maker", "Billing contact"]);
}

#[tokio::test]
async fn a_label_that_is_not_there_parks_and_whoever_has_another_by_now_does_not_leave() {
    let world = World::new();
    let (deal, ada) = (world.deal(), world.person_named("Ada"));
    world.labels(&deal, &ada, &["Billing contact", "Primary contact"]);
    let reason =
        "deals have no label `Payer` for contacts in HubSpot: make it there, or take it out of the contract";
    let failure = Failure::Park { reason: reason.to_owned() };
    assert_eq!(world.says(&deal, &format!("+{ada}:Payer")).await, Outcome::Failed(failure));
    assert_eq!(world.says(&deal, &format!("-{ada}")).await, Outcome::Moved);
    assert_eq!(world.has_labels(&deal, &ada), ["Billing contact", "Primary contact"]);
    assert_eq!(
        world.says(&deal, &format!("-{ada};-{ada}:Billing contact")).await,
        Outcome::Done(deal.clone())
    );
    assert_eq!(world.shows(&deal).await, Some(set(&[])));
}
