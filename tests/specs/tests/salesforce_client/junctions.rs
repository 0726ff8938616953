//! Opportunities with the contacts that have a role in them: the client against the sandbox.

use concord_core::names::{LinkId, ObjectName, RecordId, Token, WireName};
use concord_core::port::{Crm as _, Failure, Listing, ObjectSpec, Operation, Outcome, PageMark, Write};
use concord_core::row::Reading;
use concord_core::value::{Presence, Raw};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::text;
use super::sandbox::World;

const ROLES: &str = "OpportunityContactRole";
/// The roles that are anybody's business here, and the mark.
const BUSINESS: [&str; 3] = ["", "Decision Maker", "Economic Buyer"];
const WIRE: &str = "OpportunityContactRole.OpportunityId.ContactId";

fn deals() -> ObjectSpec {
    ObjectSpec {
        object: ObjectName::from("deal"),
        wire: WireName::from("Opportunity"),
        fields: vec![WireName::from("Name"), WireName::from(WIRE)],
        lead: None,
        roles: [(WireName::from(WIRE), BUSINESS.map(str::to_owned).into())].into(),
    }
}

fn path(object: &str) -> String {
    format!("/services/data/v66.0/sobjects/{object}/")
}

impl World {
    fn has(&self, object: &str, body: &Value) -> RecordId {
        RecordId::new(
            self.person_gets(Method::POST, &path(object), &body.to_string())["id"].as_str().unwrap(),
        )
    }

    fn person_named(&self, name: &str) -> RecordId {
        self.has("Contact", &json!({ "LastName": name }))
    }

    fn deal(&self) -> RecordId {
        self.has(
            "Opportunity",
            &json!({"Name": "Engine", "StageName": "Prospecting", "CloseDate": "2026-12-24"}),
        )
    }

    fn role(&self, deal: &RecordId, contact: &RecordId, role: &str) -> RecordId {
        self.has(ROLES, &json!({"OpportunityId": deal.as_str(), "ContactId": contact.as_str(), "Role": role}))
    }

    fn deletes(&self, object: &str, id: &RecordId) {
        self.person_gets(Method::DELETE, &format!("{}{id}", path(object)), "");
    }

    fn hides(&self, object: &str) {
        let hide = json!({ "object": object, "hidden": true }).to_string();
        self.person_gets(Method::POST, "/__sandbox/schema", &hide);
    }

    /// What a deal shows of its contacts.
    async fn shows(&self, deal: &RecordId) -> Option<Presence<Raw>> {
        match self.client.read(&deals(), std::slice::from_ref(deal)).await.unwrap().remove(0) {
            Reading::Row(row) => row.fields.get(&WireName::from(WIRE)).cloned(),
            other @ (Reading::MergedInto(_) | Reading::NotFound) => panic!("{other:?}"),
        }
    }

    /// The rows of a deal's contact: `Role`, and whether it is primary.
    fn rows(&self, deal: &RecordId, contact: &RecordId) -> Vec<(Value, bool)> {
        let soql = format!(
            "SELECT+Role,+IsPrimary+FROM+{ROLES}+WHERE+OpportunityId+=+'{deal}'+AND+ContactId+=+'{contact}'+ORDER+BY+Id"
        );
        let rows = self.person_gets(Method::GET, &format!("/services/data/v66.0/query?q={soql}"), "");
        let rows = rows["records"].as_array().unwrap();
        rows.iter().map(|row| (row["Role"].clone(), row["IsPrimary"] == true)).collect()
    }

    async fn writes(&self, deal: &RecordId, said: &str, since: Option<Timestamp>) -> Outcome {
        let values = vec![(WireName::from("Name"), text("Engine II")), (WireName::from(WIRE), text(said))];
        let operation = Operation::Update { id: deal.clone(), values, unmodified_since: since };
        let write = Write { link: LinkId::from("d-1"), token: Token(3), operation };
        self.client.write(&deals(), &[write]).await.remove(0)
    }

    /// Rows of a listing, and what each shows of its contacts.
    async fn listed(&self, listing: Listing) -> Vec<(RecordId, Option<Presence<Raw>>)> {
        let (mut shown, mut from): (_, Option<PageMark>) = (Vec::new(), None);
        loop {
            let page = self.client.list(&deals(), &listing, from.as_ref()).await.unwrap();
            let rows = page.rows.into_iter();
            shown.extend(rows.map(|row| (row.id, row.fields.get(&WireName::from(WIRE)).cloned())));
            from = page.next;
            if from.is_none() {
                return shown;
            }
        }
    }
}

fn set(contacts: &[&RecordId]) -> Presence<Raw> {
    let mut ids: Vec<&str> = contacts.iter().map(|id| id.as_str()).collect();
    ids.sort_unstable();
    if ids.is_empty() { Presence::Blank } else { text(&ids.join(";")) }
}

#[tokio::test]
async fn a_deal_shows_its_contacts_and_one_in_the_bin_shows_nothing_of_them() {
    let world = World::new();
    let (deal, other, gone) = (world.deal(), world.deal(), world.deal());
    let (ada, bea) = (world.person_named("Ada"), world.person_named("Bea"));
    world.role(&deal, &ada, "Evaluator");
    world.role(&deal, &bea, "Other");
    world.role(&deal, &bea, "Influencer");
    world.role(&gone, &bea, "Other");
    world.deletes("Opportunity", &gone);

    assert_eq!(world.shows(&deal).await, Some(set(&[&ada, &bea])));
    assert_eq!(world.shows(&other).await, Some(set(&[])));
    assert_eq!(world.shows(&gone).await, None);
}

#[tokio::test]
async fn what_is_said_is_written_and_every_other_role_stays_as_it_is() {
    let world = World::new();
    let deal = world.deal();
    let [ada, bea, cleo] = ["Ada", "Bea", "Cleo"].map(|name| world.person_named(name));
    world.role(&deal, &ada, "Evaluator");
    let kept = world.role(&deal, &bea, "Influencer");

    let said = format!("+{cleo};+{bea};-{ada}");
    assert_eq!(world.writes(&deal, &said, None).await, Outcome::Done(deal.clone()));

    assert_eq!(world.shows(&deal).await, Some(set(&[&bea, &cleo])));
    let row = world.person_gets(Method::GET, &format!("{}{kept}", path(ROLES)), "");
    assert_eq!((&row["ContactId"], &row["Role"]), (&json!(bea.as_str()), &json!("Influencer")));
    // Said once more, nobody is there twice.
    assert_eq!(world.writes(&deal, &said, None).await, Outcome::Done(deal.clone()));
    assert_eq!(world.shows(&deal).await, Some(set(&[&bea, &cleo])));
    let soql = "SELECT+Id+FROM+OpportunityContactRole";
    let rows = world.person_gets(Method::GET, &format!("/services/data/v66.0/query?q={soql}"), "");
    assert_eq!(rows["totalSize"], 2);
}

#[tokio::test]
async fn whoever_comes_too_late_changes_no_role() {
    let world = World::new();
    let (deal, ada) = (world.deal(), world.person_named("Ada"));
    let decided = world.now();
    world.wait(5);
    world.person_gets(
        Method::PATCH,
        &format!("{}{deal}", path("Opportunity")),
        &json!({"Name": "E"}).to_string(),
    );

    assert_eq!(world.writes(&deal, &format!("+{ada}"), Some(decided)).await, Outcome::Moved);
    assert_eq!(world.shows(&deal).await, Some(set(&[])));
}

#[tokio::test]
async fn a_role_that_is_refused_fails_its_record_and_a_new_record_is_made_without_it() {
    let world = World::new();
    let (deal, ada, gone) = (world.deal(), world.person_named("Ada"), world.person_named("Bea"));
    world.deletes("Contact", &gone);

    let outcome = world.writes(&deal, &format!("+{ada};+{gone}"), None).await;
    assert!(
        matches!(outcome, Outcome::Failed(Failure::Park { .. } | Failure::Conflict { .. })),
        "{outcome:?}"
    );
    assert_eq!(world.shows(&deal).await, Some(set(&[&ada])));

    let values = [("Name", "New"), ("StageName", "Prospecting"), ("CloseDate", "2026-12-24")];
    let mut values: Vec<_> =
        values.into_iter().map(|(name, value)| (WireName::from(name), text(value))).collect();
    values.push((WireName::from(WIRE), text(&format!("+{gone};+{ada}"))));
    let insert =
        Write { link: LinkId::from("d-2"), token: Token(1), operation: Operation::Insert { values } };
    let outcomes = world.client.write(&deals(), &[insert]).await;
    let [Outcome::Done(made)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert_eq!(world.shows(made).await, Some(set(&[&ada])));
}

#[tokio::test]
async fn a_change_of_a_role_lists_its_deal_though_that_has_not_changed() {
    let world = World::new();
    let [made, lost, still] = [world.deal(), world.deal(), world.deal()];
    let ada = world.person_named("Ada");
    let role = world.role(&lost, &ada, "Other");
    world.role(&still, &ada, "Other");
    world.wait(3_600);
    let since = world.now();
    world.wait(5);
    world.role(&made, &ada, "Evaluator");
    world.deletes(ROLES, &role);
    world.wait(3_600);

    let mut changed = world.listed(Listing::Changed { since }).await;
    changed.sort();
    let mut expected = vec![(made.clone(), Some(set(&[&ada]))), (lost.clone(), Some(set(&[])))];
    expected.sort();
    assert_eq!(changed, expected);
    let mut all = world.listed(Listing::All).await;
    all.sort();
    expected.push((still, Some(set(&[&ada]))));
    expected.sort();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn roles_that_are_hidden_are_unknown_and_take_no_write() {
    let world = World::new();
    let (deal, ada) = (world.deal(), world.person_named("Ada"));
    world.role(&deal, &ada, "Other");
    world.hides(ROLES);

    assert_eq!(world.shows(&deal).await, None);
    let since = Timestamp::UNIX_EPOCH;
    assert_eq!(world.listed(Listing::Changed { since }).await, [(deal.clone(), None)]);
    let reason = "OpportunityContactRole: hidden from Concord; let its user see and edit it".to_owned();
    assert_eq!(
        world.writes(&deal, &format!("-{ada}"), None).await,
        Outcome::Failed(Failure::Park { reason })
    );
}

#[tokio::test]
async fn a_row_says_one_thing_and_as_few_rows_as_can_be_say_them_all() {
    let [decides, pays, other] = ["Decision Maker", "Economic Buyer", "Evaluator"].map(Some);
    let primary = |role: Option<&str>| (json!(role), true);
    let plain = |role: Option<&str>| (json!(role), false);
    // What there is; what is said of Ada, `#` for her; and what there is then.
    let cases = [
        (vec![None], "+#:Decision Maker", vec![plain(decides)]),
        (vec![], "+#;+#:Decision Maker;+#:", vec![primary(decides)]),
        (vec![decides], "-#:Decision Maker;+#:Economic Buyer", vec![plain(pays)]),
        (vec![decides], "-#:Decision Maker", vec![plain(None)]),
        (vec![decides, pays], "-#:Decision Maker", vec![plain(pays)]),
        (vec![decides], "+#:Economic Buyer;+#:", vec![primary(decides), plain(pays)]),
        (vec![other], "+#:Decision Maker", vec![plain(other), plain(decides)]),
        (vec![other, decides], "-#:Decision Maker;-#:", vec![plain(other)]),
        (vec![decides, other, None], "-#;-#:Decision Maker", vec![]),
        (vec![decides, decides], "-#:Decision Maker", vec![plain(None)]),
    ];
    for (there, said, then) in cases {
        let world = World::new();
        let (deal, ada) = (world.deal(), world.person_named("Ada"));
        for role in &there {
            let row = json!({"OpportunityId": deal.as_str(), "ContactId": ada.as_str(), "Role": role});
            world.has(ROLES, &row);
        }
        let said = said.replace('#', ada.as_str());
        assert_eq!(world.writes(&deal, &said, None).await, Outcome::Done(deal.clone()));
        assert_eq!(world.rows(&deal, &ada), then, "{there:?} {said}");
    }
}

#[tokio::test]
async fn the_mark_moves_a_row_that_bears_it_stays_and_whoever_has_another_role_by_now_does_not_leave() {
    let world = World::new();
    let (deal, ada, bea) = (world.deal(), world.person_named("Ada"), world.person_named("Bea"));
    world.has(
        ROLES,
        &json!({"OpportunityId": deal.as_str(), "ContactId": ada.as_str(), "Role": "Decision Maker",
        "IsPrimary": true}),
    );
    world.role(&deal, &ada, "Economic Buyer");
    world.role(&deal, &bea, "Evaluator");
    let shown = [
        ada.as_str(),
        &format!("{ada}:"),
        &format!("{ada}:Decision Maker"),
        &format!("{ada}:Economic Buyer"),
        bea.as_str(),
    ]
    .join(";");
    assert_eq!(world.shows(&deal).await, Some(text(&shown)));

    let late = format!("-{ada};-{ada}:Decision Maker;-{ada}:Economic Buyer");
    assert_eq!(world.writes(&deal, &late, None).await, Outcome::Moved);
    assert_eq!(
        world.writes(&deal, &format!("-{ada}:Decision Maker"), None).await,
        Outcome::Done(deal.clone())
    );
    assert_eq!(world.rows(&deal, &ada), [(Value::Null, true), (json!("Economic Buyer"), false)]);
    let write = |said: String| Write {
        link: LinkId::from("d-1"),
        token: Token(4),
        operation: Operation::Update {
            id: deal.clone(),
            values: vec![(WireName::from(WIRE), text(&said))],
            unmodified_since: None,
        },
    };
    let outcomes = world.client.write(&deals(), &[write(format!("-{ada}:;+{bea}:"))]).await;
    assert_eq!(outcomes, [Outcome::Done(deal.clone())]);
    assert_eq!(world.rows(&deal, &ada), [(Value::Null, false), (json!("Economic Buyer"), false)]);
    assert_eq!(world.rows(&deal, &bea), [(json!("Evaluator"), true)]);
}
