//! The client against the HubSpot sandbox, in process: the two were written apart from each other, from the
//! same sheet of facts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use concord_core::names::{LinkId, Token, WireName};
use concord_core::owner::OwnerStanding;
use concord_core::port::{Crm as _, Failure, FieldKind, Found, Listing, Operation, Outcome, PageMark, Write};
use concord_core::row::{Author, History, Reading, Row, Standing, Versions};
use concord_core::value::Presence;
use concord_crm::hubspot::webhook::{Limits as DeliveryLimits, parse};
use concord_crm::hubspot::{AppId, Associated, Auth, Config, Ends, Family, HubSpot, PortalId, Secret};
use concord_sandbox::crm::{Caller, Machine as _, Notice};
use concord_sandbox::hubspot::{self, Limits, OAuthClient};
use concord_sandbox::transport::InProcess;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::tape::{config, contacts, id, object, text, values, write};

const TOKEN: &str = "pat-sandbox";
/// Longer than the sandbox's search index is behind, and than its second stamp on a new record.
const SETTLED_MS: i64 = 120_000;

/// A portal, its clock and our client.
pub(super) struct World {
    portal: InProcess<hubspot::HubSpot>,
    pub(super) client: HubSpot<InProcess<hubspot::HubSpot>>,
    now_ms: Arc<AtomicI64>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::of(Limits::NONE, config().auth, Family::default())
    }

    fn of(limits: Limits, auth: Auth, family: Family) -> Self {
        let now_ms = Arc::new(AtomicI64::new(1_790_000_000_000));
        let shared = Arc::clone(&now_ms);
        let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> =
            Arc::new(move || Timestamp::from_millisecond(shared.load(Ordering::Relaxed)).unwrap());
        let oauth =
            OAuthClient { id: "app".to_owned(), secret: "s".to_owned(), refresh_token: "r".to_owned() };
        let portal = hubspot::HubSpot::new(hubspot::Config {
            portal_id: 4242,
            app_id: 7001,
            tokens: BTreeSet::from([TOKEN.to_owned()]),
            oauth: Some(oauth),
            limits,
            ..hubspot::Config::default()
        });
        let portal = InProcess::new(portal, Arc::clone(&clock));
        let auth = match auth {
            Auth::Bearer(_) => Auth::Bearer(Secret::new(TOKEN)),
            oauth @ Auth::OAuth { .. } => oauth,
        };
        let config = Config { auth, app: AppId(7001), portal: PortalId(4242), family, clock, ..config() };
        Self { client: HubSpot::new(portal.clone(), config), portal, now_ms }
    }

    fn wait(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms.load(Ordering::Relaxed)).unwrap()
    }

    /// A person at the screen.
    pub(super) fn person(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let answer = self.portal.call(Caller::Person, &request.body(Bytes::from(body.to_string())).unwrap());
        assert!(answer.status().is_success(), "{method} {path}: {answer:?}");
        serde_json::from_slice(answer.body()).unwrap_or_default()
    }

    async fn insert(&self, link: &str, email: &str) -> Outcome {
        self.write(link, 1, insert(email)).await
    }

    async fn write(&self, link: &str, token: u64, operation: Operation) -> Outcome {
        let mut outcomes = self.client.write(&contacts(), &[write(link, token, operation)]).await;
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    async fn contact(&self, link: &str, email: &str) -> concord_core::names::RecordId {
        match self.insert(link, email).await {
            Outcome::Done(id) => id,
            other @ (Outcome::Duplicate(_) | Outcome::Moved | Outcome::Gone | Outcome::Failed(_)) => {
                panic!("not inserted: {other:?}")
            }
        }
    }

    async fn read(&self, ids: &[&concord_core::names::RecordId]) -> Vec<Reading> {
        let ids: Vec<_> = ids.iter().map(|id| (*id).clone()).collect();
        self.client.read(&contacts(), &ids).await.unwrap()
    }

    /// All pages of a listing: the ids, and how far it is complete.
    async fn list(&self, listing: &Listing) -> (Vec<String>, Timestamp, usize) {
        let (mut ids, mut pages, mut mark): (Vec<String>, usize, Option<PageMark>) = (Vec::new(), 0, None);
        loop {
            let page = self.client.list(&contacts(), listing, mark.as_ref()).await.unwrap();
            ids.extend(page.rows.iter().map(|row| row.id.to_string()));
            pages += 1;
            mark = page.next;
            if mark.is_none() {
                return (ids, page.complete_until, pages);
            }
        }
    }
}

fn insert(email: &str) -> Operation {
    Operation::Insert { values: values(&[("email", text(email)), ("firstname", text("Ann"))]) }
}

fn rename(record: &concord_core::names::RecordId, name: Presence<concord_core::value::Raw>) -> Operation {
    Operation::Update { id: record.clone(), values: values(&[("firstname", name)]), unmodified_since: None }
}

fn row(reading: &Reading) -> &Row {
    match reading {
        Reading::Row(row) => row,
        Reading::MergedInto(_) | Reading::NotFound => panic!("no row: {reading:?}"),
    }
}

fn history(row: &Row) -> &History {
    match &row.versions {
        Versions::History(history) => history,
        Versions::Stamp { .. } | Versions::Listed => panic!("no history: {row:?}"),
    }
}

#[tokio::test]
async fn what_was_written_is_read_back_with_its_history_and_its_authors_in_both_families_of_paths() {
    for family in [Family::V2026_03, Family::V3] {
        let world = World::of(Limits::NONE, config().auth, family);
        let ann = world.contact("L1", "ann@example.com").await;
        world.wait(10);
        world.person(
            "PATCH",
            &format!("/crm/v3/objects/contacts/{ann}"),
            &json!({ "properties": { "firstname": "Anna" } }),
        );
        world.wait(10);
        assert_eq!(world.write("L1", 2, rename(&ann, Presence::Blank)).await, Outcome::Done(ann.clone()));

        let readings = world.read(&[&ann]).await;

        let row = row(&readings[0]);
        assert_eq!((&row.standing, row.token), (&Standing::Alive, Some(Token(2))));
        assert_eq!(row.concord_id, Some(LinkId::new("L1")));
        assert_eq!(row.fields[&"email".into()], text("ann@example.com"));
        assert_eq!(row.fields[&"firstname".into()], Presence::Blank);
        let person = format!("CRM_UI userId:{}", hubspot::Config::default().user_id);
        let names: Vec<_> = history(row).fields[&WireName::new("firstname")]
            .iter()
            .map(|version| (version.author.clone(), version.value.clone()))
            .collect();
        assert_eq!(
            names,
            [(Author::Us, text("Ann")), (Author::Other(person), text("Anna")), (Author::Us, Presence::Blank)]
        );
        let tokens: Vec<_> = history(row).tokens.iter().map(|(_, token)| *token).collect();
        assert_eq!(tokens, [Token(1), Token(2)]);
    }
}

#[tokio::test]
async fn an_address_or_a_link_that_is_taken_names_its_holder() {
    let world = World::new();
    let ann = world.contact("L1", "ann@example.com").await;
    let bob = world.contact("L2", "bob@example.com").await;

    assert_eq!(world.insert("L3", "ann@example.com").await, Outcome::Duplicate(Some(ann.clone())));
    assert_eq!(world.insert("L1", "new@example.com").await, Outcome::Duplicate(Some(ann.clone())));
    // Stamping an existing record with a link that another one carries.
    assert_eq!(world.write("L1", 2, rename(&bob, text("Bob"))).await, Outcome::Duplicate(Some(ann)));
}

#[tokio::test]
async fn one_bad_record_of_a_batch_fails_alone() {
    let world = World::new();
    let good = |link: &str, email: &str| write(link, 1, insert(email));
    let bad = Operation::Insert { values: values(&[("no_such_property", text("secret"))]) };

    let writes = [good("L1", "a@example.com"), write("L2", 1, bad), good("L3", "c@example.com")];
    let outcomes = world.client.write(&contacts(), &writes).await;

    let reason = "400 VALIDATION_ERROR PROPERTY_DOESNT_EXIST (no_such_property): correct the value, the contract or the property";
    assert!(matches!(outcomes[0], Outcome::Done(_)), "{outcomes:?}");
    assert_eq!(outcomes[1], Outcome::Failed(Failure::Park { reason: reason.to_owned() }));
    assert!(matches!(outcomes[2], Outcome::Done(_)), "{outcomes:?}");
}

#[tokio::test]
async fn the_bin_a_merge_and_an_id_that_never_was_are_told_apart() {
    let world = World::new();
    let archived = world.contact("L1", "a@example.com").await;
    let first = world.contact("L2", "b@example.com").await;
    let second = world.contact("L3", "c@example.com").await;
    let alive = world.contact("L4", "d@example.com").await;
    let archive = Operation::Archive { id: archived.clone() };
    assert_eq!(world.write("L1", 2, archive).await, Outcome::Done(archived.clone()));
    let merge = json!({ "primaryObjectId": first.as_str(), "objectIdToMerge": second.as_str() });
    let merged = world.person("POST", "/crm/v3/objects/contacts/merge", &merge);
    let merged = id(merged["id"].as_str().unwrap());

    let readings = world.read(&[&id("999"), &second, &archived, &first, &alive, &merged]).await;

    assert_eq!(readings[0], Reading::NotFound);
    assert_eq!(readings[1], Reading::MergedInto(merged.clone()));
    assert_eq!(row(&readings[2]).standing, Standing::Archived { by: Author::Unknown });
    assert_eq!(readings[3], Reading::MergedInto(merged.clone()));
    assert_eq!(row(&readings[4]).standing, Standing::Alive);
    assert_eq!((row(&readings[5]).id.clone(), &row(&readings[5]).standing), (merged, &Standing::Alive));
    // Without the winner beside it, the loser is followed by a read of its own; and a write to it reaches nobody.
    assert_eq!(world.read(&[&second]).await, [readings[1].clone()]);
    assert_eq!(world.write("L3", 2, rename(&second, text("Eve"))).await, Outcome::Gone);
}

#[tokio::test]
async fn records_are_found_by_address_and_by_link_at_once_and_by_domain_when_the_index_knows() {
    let world = World::new();
    let ann = world.contact("L1", "ann@example.com").await;
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let none = Found::exact(Vec::new());
    let hers = Found::exact(vec![ann]);

    let asked = strings(&["x@example.com", "Ann@example.com"]);
    let by_email = world.client.find(&contacts(), &"email".into(), &asked).await;
    assert_eq!(by_email, Ok(vec![none.clone(), hers.clone()]));
    let by_link = world.client.find_linked(&contacts(), &strings(&["L1", "L2"])).await;
    assert_eq!(by_link, Ok(vec![hers, none.clone()]));

    let companies = object("company", "companies", &["name"]);
    let values = values(&[("name", text("A")), ("domain", text("a.example.com"))]);
    let made = world.client.write(&companies, &[write("L9", 1, Operation::Insert { values })]).await;
    let [Outcome::Done(company)] = made.as_slice() else { panic!("not made: {made:?}") };
    let domains = strings(&["a.example.com", "b.example.com"]);
    let early = world.client.find(&companies, &"domain".into(), &domains).await;
    let searched = |ids| Found { ids, lag: SignedDuration::from_secs(10) };
    assert_eq!(early, Ok(vec![searched(Vec::new()), searched(Vec::new())]));
    world.wait(SETTLED_MS);
    let late = world.client.find(&companies, &"domain".into(), &domains).await;
    assert_eq!(late, Ok(vec![searched(vec![company.clone()]), searched(Vec::new())]));
}

#[tokio::test]
async fn who_holds_a_text_is_searched_for_whatever_the_capitals_once_the_index_knows() {
    let world = World::new();
    let companies = object("company", "companies", &["name", "domain"]);
    let insert = |link: &'static str, name: &'static str| {
        let values = values(&[("name", text(name))]);
        (link, Operation::Insert { values })
    };
    let mut made = Vec::new();
    for (link, operation) in [insert("L1", "Acme Inc"), insert("L2", "ACME INC"), insert("L3", "Acme")] {
        match world.client.write(&companies, &[write(link, 1, operation)]).await.as_slice() {
            [Outcome::Done(id)] => made.push(id.clone()),
            other => panic!("not made: {other:?}"),
        }
    }
    let texts = ["acme inc".to_owned(), " ".to_owned(), "a".repeat(500), "nobody".to_owned()];
    let search = async || {
        let rows = world.client.search(&companies, &"name".into(), &texts).await.unwrap();
        rows.into_iter()
            .map(|row| (row.id, row.fields[&"name".into()].clone(), row.versions))
            .collect::<Vec<_>>()
    };
    assert_eq!(search().await, []);
    world.wait(SETTLED_MS);
    let found = |at: usize, name: &str| (made[at].clone(), text(name), Versions::Listed);
    assert_eq!(search().await, [found(0, "Acme Inc"), found(1, "ACME INC")]);
}

#[tokio::test]
async fn ten_thousand_and_more_changes_in_one_instant_are_each_listed_once() {
    let world = World::new();
    let since = world.now();
    let inserts: Vec<Write> = (0..10_250)
        .map(|n| {
            write(&format!("L{n}"), 1, Operation::Insert { values: values(&[("firstname", text("Ann"))]) })
        })
        .collect();
    let outcomes = world.client.write(&contacts(), &inserts).await;
    let mut made: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Done(id) => id.to_string(),
            other @ (Outcome::Duplicate(_) | Outcome::Moved | Outcome::Gone | Outcome::Failed(_)) => {
                panic!("not inserted: {other:?}")
            }
        })
        .collect();
    world.wait(SETTLED_MS);

    let (changed, complete_until, pages) = world.list(&Listing::Changed { since }).await;
    let (all, _, _) = world.list(&Listing::All).await;

    made.sort();
    for mut listed in [changed, all] {
        listed.sort();
        assert_eq!(listed, made);
    }
    assert_eq!(pages, 52);
    assert_eq!(complete_until, world.now() - SignedDuration::from_secs(60));
}

#[tokio::test]
async fn a_change_that_the_index_does_not_know_yet_is_after_what_the_listing_calls_complete() {
    let world = World::new();
    let ann = world.contact("L1", "ann@example.com").await;
    world.wait(SETTLED_MS);
    let edited = world.now();
    assert_eq!(world.write("L1", 2, rename(&ann, text("Anna"))).await, Outcome::Done(ann.clone()));

    let (early, complete_until, _) = world.list(&Listing::Changed { since: edited }).await;
    assert_eq!(early, Vec::<String>::new());
    assert!(complete_until < edited);
    world.wait(SETTLED_MS);
    let (late, _, _) = world.list(&Listing::Changed { since: complete_until }).await;
    assert_eq!(late, [ann.to_string()]);
}

#[tokio::test]
async fn the_bin_is_listed_from_an_instant_on() {
    let world = World::new();
    let early = world.contact("L1", "a@example.com").await;
    let late = world.contact("L2", "b@example.com").await;
    world.write("L1", 2, Operation::Archive { id: early.clone() }).await;
    world.wait(1_000);
    let since = world.now();
    world.write("L2", 2, Operation::Archive { id: late.clone() }).await;

    assert_eq!(world.list(&Listing::Archived { since }).await.0, [late.to_string()]);
    assert_eq!(world.list(&Listing::Archived { since: Timestamp::MIN }).await.0.len(), 2);
    assert_eq!(world.list(&Listing::All).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn each_limit_says_how_long_to_wait() {
    let one = |limits: Limits| World::of(limits, config().auth, Family::default());
    let after = |result: Result<_, Failure>| match result {
        Err(Failure::Retry { after_ms, reason: _ }) => after_ms,
        Err(_) | Ok(()) => panic!("not limited: {result:?}"),
    };

    let world = one(Limits { ten_seconds: Some(1), ..Limits::NONE });
    world.client.schema(&"contacts".into()).await.unwrap();
    assert_eq!(after(world.client.schema(&"contacts".into()).await.map(drop)), 10_000);
    world.wait(10_001);
    world.client.schema(&"contacts".into()).await.unwrap();

    let world = one(Limits { day: Some(1), ..Limits::NONE });
    world.client.schema(&"contacts".into()).await.unwrap();
    assert_eq!(after(world.client.schema(&"contacts".into()).await.map(drop)), 3_600_000);

    let world = one(Limits { searches: Some(1), ..Limits::NONE });
    let changed = Listing::Changed { since: Timestamp::UNIX_EPOCH };
    world.client.list(&contacts(), &changed, None).await.unwrap();
    assert_eq!(after(world.client.list(&contacts(), &changed, None).await.map(drop)), 1_000);
}

#[tokio::test]
async fn a_login_is_renewed_when_it_runs_out_or_is_refused() {
    let oauth = Auth::OAuth {
        client_id: "app".to_owned(),
        client_secret: Secret::new("s"),
        refresh_token: Secret::new("r"),
    };
    let world = World::of(Limits::NONE, oauth, Family::default());
    world.client.schema(&"contacts".into()).await.unwrap();
    world.wait(3_600_000);
    world.client.schema(&"contacts".into()).await.unwrap();

    let world = World::new();
    world.portal.machine().set_tokens(BTreeSet::new());
    let refused = world.client.schema(&"contacts".into()).await.map(drop);
    assert!(matches!(refused, Err(Failure::RefreshLogin { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_schema_shows_what_a_contract_has_to_agree_with() {
    let world = World::new();

    let schema = world.client.schema(&"contacts".into()).await.unwrap();

    let field = |name: &str| {
        let field = &schema.fields[&WireName::new(name)];
        (field.kind, field.writable, field.unique)
    };
    assert_eq!(field("email"), (FieldKind::Text, true, true));
    assert_eq!(field("concord_id"), (FieldKind::Text, true, true));
    assert!(field("concord_token").1);
    assert!(!field("hs_object_id").1);
    assert_eq!(field("lastmodifieddate").0, FieldKind::DateTime);
    let unknown = world.client.schema(&"no_such_type".into()).await;
    assert!(matches!(unknown, Err(Failure::Park { .. })), "{unknown:?}");
}

#[tokio::test]
async fn everything_that_the_sandbox_tells_by_itself_can_be_read() {
    let world = World::new();
    let first = world.contact("L1", "a@example.com").await;
    let second = world.contact("L2", "b@example.com").await;
    world.portal.machine().notices();
    let merge = json!({ "primaryObjectId": first.as_str(), "objectIdToMerge": second.as_str() });
    let merged = world.person("POST", "/crm/v3/objects/contacts/merge", &merge);
    let told: Vec<Value> = world
        .portal
        .machine()
        .notices()
        .into_iter()
        .map(|notice| match notice {
            Notice::Webhook(event) => event,
            Notice::ChangeEvent(event) => panic!("not HubSpot's: {event}"),
        })
        .collect();

    let body = Value::from(told).to_string();
    let delivered = parse(body.as_bytes(), PortalId(4242), DeliveryLimits::default()).unwrap();

    assert_eq!(delivered.ignored, 0);
    let named: BTreeSet<_> = delivered.events.iter().flat_map(|event| event.ids.clone()).collect();
    assert!(named.is_superset(&BTreeSet::from([first, second, id(merged["id"].as_str().unwrap())])));
    assert!(delivered.events.iter().all(|event| event.object == "contacts".into()));
}

#[tokio::test]
async fn associations_are_made_seen_from_both_ends_and_taken_apart() {
    let world = World::new();
    let ann = world.contact("L1", "ann@example.com").await;
    let companies = object("company", "companies", &["name"]);
    let insert = Operation::Insert { values: values(&[("name", text("A"))]) };
    let made = world.client.write(&companies, &[write("L9", 1, insert)]).await;
    let [Outcome::Done(company)] = made.as_slice() else { panic!("not made: {made:?}") };
    let (from, to): (WireName, WireName) = ("contacts".into(), "companies".into());
    let pairs = [Ends { from: ann.clone(), to: company.clone() }];
    let seen = |associated: Vec<Associated>| {
        let to = associated[0].to.iter();
        to.map(|one| (one.to.clone(), one.types.iter().map(|of| of.type_id).collect::<Vec<_>>()))
            .collect::<Vec<_>>()
    };

    assert_eq!(world.client.associate(&from, &to, &pairs).await, [Ok(())]);
    let near = world.client.associations(&from, &to, std::slice::from_ref(&ann)).await.unwrap();
    let far = world.client.associations(&to, &from, std::slice::from_ref(company)).await.unwrap();
    assert_eq!(seen(near), [(company.clone(), vec![279])]);
    assert_eq!(seen(far), [(ann.clone(), vec![280])]);

    assert_eq!(world.client.dissociate(&from, &to, &pairs).await, [Ok(())]);
    let none = world.client.associations(&from, &to, std::slice::from_ref(&ann)).await.unwrap();
    assert_eq!(none, [Associated { from: ann, to: Vec::new() }]);
}

#[tokio::test]
async fn owners_are_listed_with_those_who_left() {
    let world = World::new();

    let owners = world.client.owners().await.unwrap();

    let listed: Vec<_> = owners.iter().map(|owner| (owner.id.as_str(), owner.standing)).collect();
    let active = OwnerStanding::Active;
    assert_eq!(
        listed,
        [("61001", active), ("61002", active), ("61003", active), ("61004", OwnerStanding::Inactive)]
    );
    assert_eq!(owners[0].email.as_deref(), Some("amara.osei@example.com"));
}
