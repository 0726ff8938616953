//! The client against the sandbox, in process: what one builds, the other has to understand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use concord_core::names::{LinkId, RecordId, Token, WireName};
use concord_core::port::{Crm as _, Failure, FieldKind, Found, Listing, Operation, Outcome, Write};
use concord_core::row::{Author, Reading, Row, Standing, Versions};
use concord_core::value::{Presence, Raw};
use concord_crm::salesforce::config::{Auth, Secret};
use concord_crm::salesforce::events::{Source, Told, change_event, outbound_message};
use concord_crm::salesforce::{Config, Salesforce};
use concord_sandbox::crm::{Caller, Machine as _, Notice};
use concord_sandbox::salesforce as sandbox;
use concord_sandbox::transport::InProcess;
use http::{Method, Request};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::{at, contacts, number, text};

/// An org, a client of it, and a person at its screen.
pub(super) struct World {
    org: InProcess<sandbox::Salesforce>,
    pub(super) client: Salesforce<InProcess<sandbox::Salesforce>>,
    seconds: Arc<AtomicI64>,
}

impl World {
    pub(super) fn new() -> Self {
        let seconds = Arc::new(AtomicI64::new(at("2026-01-05T10:00:00Z").as_second()));
        let told = Arc::clone(&seconds);
        let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> =
            Arc::new(move || Timestamp::from_second(told.load(Ordering::Relaxed)).unwrap());
        let config = sandbox::Config {
            instance_url: Some("http://org.example".to_owned()),
            ..sandbox::Config::default()
        };
        let auth = Auth::ClientCredentials {
            client_id: config.client_id.clone(),
            client_secret: Secret::new(config.client_secret.clone()),
        };
        let org = InProcess::new(sandbox::Salesforce::new(config), Arc::clone(&clock));
        let client = Salesforce::new(Config::new("http://login.example", auth, clock), org.clone());
        Self { org, client, seconds }
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds.load(Ordering::Relaxed)).unwrap()
    }

    fn person(&self, method: Method, path: &str, body: &str) {
        self.person_gets(method, path, body);
    }

    /// A person's call, and what it shows.
    pub(super) fn person_gets(&self, method: Method, path: &str, body: &str) -> Value {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let answer = self.org.call(Caller::Person, &request.body(Bytes::from(body.to_owned())).unwrap());
        assert!(answer.status().is_success(), "{answer:?}");
        serde_json::from_slice(answer.body()).unwrap_or(Value::Null)
    }

    /// A person's call of the SOAP API.
    pub(super) fn person_soap(&self, operation: &str) {
        let body = sandbox::soap_envelope("person", operation);
        let request = Request::post("/services/Soap/u/66.0").header("content-type", "text/xml");
        let answer = self
            .org
            .call(Caller::Person, &request.header("soapaction", "\"\"").body(Bytes::from(body)).unwrap());
        assert!(String::from_utf8_lossy(answer.body()).contains("<success>true</success>"), "{answer:?}");
    }

    fn person_edits(&self, id: &RecordId, values: &Value) {
        self.person(
            Method::PATCH,
            &format!("/services/data/v66.0/sobjects/Contact/{id}"),
            &values.to_string(),
        );
    }

    async fn insert(&self, link: &str, email: &str) -> RecordId {
        match self.client.write(&contacts(), &[insert(link, email)]).await.as_slice() {
            [Outcome::Done(id)] => id.clone(),
            other => panic!("{other:?}"),
        }
    }

    async fn one(&self, operation: Operation) -> Outcome {
        let write = Write { link: LinkId::from("c-1"), token: Token(9), operation };
        self.client.write(&contacts(), &[write]).await.remove(0)
    }

    async fn reading(&self, id: &RecordId) -> Reading {
        self.client.read(&contacts(), std::slice::from_ref(id)).await.unwrap().remove(0)
    }

    async fn row(&self, id: &RecordId) -> Row {
        match self.reading(id).await {
            Reading::Row(row) => *row,
            other @ (Reading::MergedInto(_) | Reading::NotFound) => panic!("{other:?}"),
        }
    }
}

fn insert(link: &str, email: &str) -> Write {
    let values = vec![
        (WireName::from("Email"), text(email)),
        (WireName::from("LastName"), text("Anders")),
        (WireName::from("Score__c"), number("3.25")),
    ];
    Write { link: LinkId::from(link), token: Token(7), operation: Operation::Insert { values } }
}

fn set_email(id: &RecordId, email: &str, unmodified_since: Option<Timestamp>) -> Operation {
    let values = vec![(WireName::from("Email"), text(email))];
    Operation::Update { id: id.clone(), values, unmodified_since }
}

fn email(row: &Row) -> &Presence<Raw> {
    &row.fields[&WireName::from("Email")]
}

#[tokio::test]
async fn what_was_inserted_is_read_back_with_its_token() {
    let world = World::new();

    let id = world.insert("c-1", "a@example.com").await;
    world.wait(2);
    let row = world.row(&id).await;

    let fields =
        [("Email", text("a@example.com")), ("LastName", text("Anders")), ("Score__c", number("3.25"))];
    let expected = Row {
        id,
        standing: Standing::Alive,
        fields: fields.map(|(name, value)| (WireName::from(name), value)).into(),
        token: Some(Token(7)),
        concord_id: Some(LinkId::from("c-1")),
        revision: at("2026-01-05T10:00:00Z"),
        versions: Versions::Stamp {
            modified: at("2026-01-05T10:00:00Z"),
            modified_by: Author::Us,
            asked: at("2026-01-05T10:00:02Z"),
        },
    };
    assert_eq!(row, expected);
}

#[tokio::test]
async fn a_guarded_write_gives_way_to_a_person_who_was_faster() {
    // Given
    let world = World::new();
    let id = world.insert("c-1", "a@example.com").await;
    world.wait(5);
    let seen = world.row(&id).await.revision;
    world.person_edits(&id, &json!({ "Email": "person@example.com" }));
    world.wait(5);

    // When
    let late = world.one(set_email(&id, "stale@example.com", Some(seen))).await;

    // Then
    assert_eq!(late, Outcome::Moved);
    let row = world.row(&id).await;
    assert_eq!((email(&row), row.token), (&text("person@example.com"), Some(Token(7))));

    // When the person's edit has been seen, the write is taken, a blank and the token with it.
    let values = vec![(WireName::from("Email"), Presence::Blank)];
    let update = Operation::Update { id: id.clone(), values, unmodified_since: Some(row.revision) };
    assert_eq!(world.one(update).await, Outcome::Done(id.clone()));
    let row = world.row(&id).await;
    assert_eq!((email(&row), row.token), (&Presence::Blank, Some(Token(9))));
}

#[tokio::test]
async fn a_second_insert_under_the_same_link_is_told_of_the_first() {
    let world = World::new();
    let first = world.insert("c-1", "a@example.com").await;

    let writes = [insert("c-1", "b@example.com"), insert("c-2", "c@example.com")];
    let outcomes = world.client.write(&contacts(), &writes).await;

    assert_eq!(outcomes[0], Outcome::Duplicate(Some(first.clone())));
    assert!(matches!(&outcomes[1], Outcome::Done(id) if *id != first), "{outcomes:?}");
    let found = world.client.find_linked(&contacts(), &["c-1".to_owned()]).await.unwrap();
    assert_eq!(found, [Found::exact(vec![first])]);
}

#[tokio::test]
async fn who_holds_a_text_is_searched_for_whatever_the_capitals() {
    let world = World::new();
    let ann = world.insert("c-1", "Ann@example.com").await;
    let gone = world.insert("c-2", "bob@example.com").await;
    assert_eq!(world.one(Operation::Archive { id: gone.clone() }).await, Outcome::Done(gone));
    let texts = ["ANN@example.com", "bob@example.com", " "].map(str::to_owned);
    let search = async || {
        let rows = world.client.search(&contacts(), &"Email".into(), &texts).await.unwrap();
        rows.into_iter().map(|row| (row.id.clone(), email(&row).clone(), row.versions)).collect::<Vec<_>>()
    };
    assert_eq!(search().await, [(ann.clone(), text("ann@example.com"), Versions::Listed)]);
}

#[tokio::test]
async fn an_archived_record_is_seen_in_the_bin_and_taken_out_again() {
    let world = World::new();
    let id = world.insert("c-1", "a@example.com").await;
    let gone = Operation::Archive { id: id.clone() };

    assert_eq!(world.one(gone.clone()).await, Outcome::Done(id.clone()));
    assert_eq!(world.row(&id).await.standing, Standing::Archived { by: Author::Us });
    assert_eq!(world.one(gone).await, Outcome::Gone);
    assert_eq!(world.one(set_email(&id, "b@example.com", None)).await, Outcome::Gone);
    assert_eq!(
        world.one(set_email(&id, "b@example.com", Some(at("2026-01-05T10:00:00Z")))).await,
        Outcome::Gone
    );

    let back = Operation::Undelete { id: id.clone() };
    assert_eq!(world.one(back.clone()).await, Outcome::Done(id.clone()));
    let row = world.row(&id).await;
    assert_eq!((row.standing.clone(), email(&row)), (Standing::Alive, &text("a@example.com")));
    let conflict = Failure::Conflict { reason: "UNDELETE_FAILED".to_owned() };
    assert_eq!(world.one(back).await, Outcome::Failed(conflict));
}

#[tokio::test]
async fn a_purge_takes_a_record_out_of_the_bin_for_good_wherever_it_finds_it() {
    let world = World::new();
    let (alive, binned) =
        (world.insert("c-1", "a@example.com").await, world.insert("c-2", "b@example.com").await);
    assert_eq!(world.one(Operation::Archive { id: binned.clone() }).await, Outcome::Done(binned.clone()));
    for id in [alive, binned] {
        assert_eq!(world.one(Operation::Purge { id: id.clone() }).await, Outcome::Done(id.clone()));
        assert_eq!(world.reading(&id).await, Reading::NotFound);
        assert_eq!(world.one(Operation::Purge { id: id.clone() }).await, Outcome::Gone);
        let back = world.one(Operation::Undelete { id: id.clone() }).await;
        assert_ne!(back, Outcome::Done(id));
    }
}

#[tokio::test]
async fn a_record_merged_away_by_a_person_names_the_winner() {
    let world = World::new();
    let (winner, loser) =
        (world.insert("c-1", "a@example.com").await, world.insert("c-2", "b@example.com").await);
    world.person(
        Method::POST,
        "/services/Soap/u/66.0",
        &format!(
            "<Envelope><Body><merge><request><masterRecord><type>Contact</type><Id>{winner}</Id></masterRecord>\
             <recordToMergeIds>{loser}</recordToMergeIds></request></merge></Body></Envelope>"
        ),
    );
    assert_eq!(world.reading(&loser).await, Reading::MergedInto(winner));
}

#[tokio::test]
async fn a_listing_over_several_pages_shows_every_record_once() {
    // Given: more than a page, all of one second
    let world = World::new();
    let since = at("2026-01-05T10:00:00Z");
    let writes: Vec<Write> =
        (0..2_300).map(|n| insert(&format!("c-{n}"), &format!("a{n}@example.com"))).collect();
    let outcomes = world.client.write(&contacts(), &writes).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(_))));
    world.wait(600);

    for listing in [Listing::Changed { since }, Listing::All] {
        // When
        let mut shown: BTreeMap<RecordId, u32> = BTreeMap::new();
        let (mut mark, mut pages) = (None, 0);
        loop {
            let page = world.client.list(&contacts(), &listing, mark.as_ref()).await.unwrap();
            assert_eq!(page.complete_until, at("2026-01-05T10:10:00Z"));
            for row in page.rows {
                assert_eq!(row.versions, Versions::Listed);
                *shown.entry(row.id).or_default() += 1;
            }
            pages += 1;
            mark = page.next;
            if mark.is_none() {
                break;
            }
        }

        // Then
        assert_eq!((pages, shown.len()), (2, 2_300));
        assert!(shown.values().all(|&times| times == 1));
    }
    let later = Listing::Changed { since: at("2026-01-05T10:00:01Z") };
    assert_eq!(world.client.list(&contacts(), &later, None).await.unwrap().rows, []);
}

#[tokio::test]
async fn the_bin_is_listed_from_when_it_was_asked_for() {
    let world = World::new();
    let (early, late) =
        (world.insert("c-1", "a@example.com").await, world.insert("c-2", "b@example.com").await);
    world.person(Method::DELETE, &format!("/services/data/v66.0/sobjects/Contact/{early}"), "");
    world.wait(300);
    world.person(Method::DELETE, &format!("/services/data/v66.0/sobjects/Contact/{late}"), "");
    world.wait(300);

    let listing = Listing::Archived { since: at("2026-01-05T10:04:00Z") };
    let page = world.client.list(&contacts(), &listing, None).await.unwrap();

    let shown: Vec<_> = page.rows.iter().map(|row| (&row.id, &row.standing)).collect();
    let person = sandbox::Config::default().person;
    assert_eq!(shown, [(&late, &Standing::Archived { by: Author::Other(person) })]);
    assert_eq!(page.complete_until, at("2026-01-05T10:10:00Z"));
    let contact = WireName::from("Contact");
    let (since, until) = (at("2026-01-05T10:04:00Z"), at("2026-01-05T10:10:00Z"));
    let deletions = world.client.deleted(&contact, since, until).await.unwrap();
    assert_eq!(deletions.records.iter().map(|deleted| &deleted.id).collect::<Vec<_>>(), [&late]);
}

#[tokio::test]
async fn a_field_hidden_in_the_org_is_unknown_everywhere_and_cannot_be_written() {
    // Given
    let world = World::new();
    let id = world.insert("c-1", "a@example.com").await;
    let hide = json!({ "object": "Contact", "field": "Email", "hidden": true }).to_string();
    world.person(Method::POST, "/__sandbox/schema", &hide);

    // Then
    let row = world.row(&id).await;
    assert_eq!((email(&row), row.token), (&Presence::Unknown, Some(Token(7))));
    assert_eq!(row.fields[&WireName::from("LastName")], text("Anders"));
    let page = world.client.list(&contacts(), &Listing::All, None).await.unwrap();
    assert_eq!(email(&page.rows[0]), &Presence::Unknown);
    let schema = world.client.schema(&WireName::from("Contact")).await.unwrap();
    assert!(!schema.fields.contains_key(&WireName::from("Email")));
    let refused = world.one(set_email(&id, "b@example.com", None)).await;
    let Outcome::Failed(Failure::Park { reason }) = refused else { panic!("{refused:?}") };
    assert!(reason.starts_with("INVALID_FIELD") && reason.contains("Email"), "{reason}");
    world.one(Operation::Archive { id: id.clone() }).await;
    assert_eq!(email(&world.row(&id).await), &Presence::Unknown);
}

#[tokio::test]
async fn the_schema_has_what_a_contract_is_checked_against() {
    let schema = World::new().client.schema(&WireName::from("Contact")).await.unwrap();
    let field = |name: &str| &schema.fields[&WireName::from(name)];

    assert_eq!((field("Email").kind, field("Email").writable), (FieldKind::Text, true));
    assert_eq!(field("LastName").length_max, Some(80));
    assert_eq!((field("Name").kind, field("Name").writable), (FieldKind::Text, false));
    assert_eq!(field("AccountId").kind, FieldKind::Reference);
    assert_eq!(field("Lead_Stage__c").options, ["Open", "Working", "Qualified", "Won", "Lost"]);
    assert!(field("Concord_Id__c").unique);
    assert_eq!(field("Concord_Token__c").kind, FieldKind::Number);
}

#[tokio::test]
async fn an_expired_session_is_renewed_at_the_next_call() {
    let world = World::new();
    let id = world.insert("c-1", "a@example.com").await;
    world.wait(3 * 3_600);

    let expired = world.client.read(&contacts(), std::slice::from_ref(&id)).await;
    assert_eq!(expired, Err(Failure::RefreshLogin { reason: "INVALID_SESSION_ID".to_owned() }));
    assert_eq!(email(&world.row(&id).await), &text("a@example.com"));
}

#[tokio::test]
async fn what_the_org_tells_by_itself_names_the_record() {
    // Given
    let world = World::new();
    let id = world.insert("c-1", "a@example.com").await;
    let org = RecordId::new(sandbox::Config::default().org_id);
    let source = Source { org: org.clone(), appflow: None };

    // When
    let notices = world.org.machine().notices();

    // Then
    let [Notice::ChangeEvent(envelope)] = notices.as_slice() else { panic!("{notices:?}") };
    let Told::Records(event) = change_event(envelope, &source).unwrap() else { panic!("a sweep") };
    assert_eq!((event.object, event.ids), (WireName::from("Contact"), vec![id.clone()]));

    // And an outbound message of the same org names it too.
    let message = world.org.machine().outbound_message("Contact", &[id.to_string()]);
    let events = outbound_message(message.as_bytes(), &org).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].object.as_str(), &events[0].ids), ("Contact", &vec![id]));
}

#[tokio::test]
async fn a_key_is_found_whatever_its_capitals() {
    let world = World::new();
    let id = world.insert("c-1", "anna.o'neill+x@example.com").await;
    let values = ["Anna.O'Neill+x@Example.com", "nobody@example.com"].map(str::to_owned);
    let found = world.client.find(&contacts(), &WireName::from("Email"), &values).await.unwrap();
    assert_eq!(found, [Found::exact(vec![id]), Found::exact(vec![])]);
}

#[tokio::test]
async fn a_login_that_the_org_refuses_is_named() {
    let world = World::new();
    let auth = Auth::ClientCredentials {
        client_id: "sandbox-client".to_owned(),
        client_secret: Secret::new("wrong"),
    };
    let config = Config::new("http://login.example", auth, Arc::new(|| at("2026-01-05T10:00:00Z")));
    let client = Salesforce::new(config, world.org.clone());

    let schema = client.schema(&WireName::from("Contact")).await;

    assert_eq!(schema, Err(Failure::RefreshLogin { reason: "invalid_client".to_owned() }));
}
