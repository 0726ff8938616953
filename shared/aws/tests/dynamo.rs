//! What the store promises beyond its port: prices, sizes, seals, and what stands in the tables.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use concord_core::link::{
    Action, Base, FieldMemory, Image, Intent, Link, Part, Place, Progress, Proof, Role, Status,
};
use concord_core::names::{
    ContractVersion, Fence, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, RecordKey, Side,
    Token, WireName,
};
use concord_core::port::{
    ClaimOutcome, Commit, CommitError, Conflict, EventKey, Expected, JournalEntry, NaturalKey, Store as _,
    StoreError,
};
use concord_core::row::Edited;
use concord_core::value::{ImageHash, Presence, Raw, Value};
use jiff::Timestamp;
use support::fresh_store;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn link(id: &str) -> Link {
    let mut link = Link::new(LinkId::from(id), ObjectName::from("contact"), ContractVersion(1));
    link.generation = Generation(1);
    link
}

fn new(link: Link) -> Commit {
    Commit {
        expected: Expected::New,
        link,
        records: vec![],
        met: None,
        aliases: vec![],
        keys: vec![],
        released: vec![],
        conflicts: vec![],
        resolved: vec![],
        parked: vec![],
        healed: vec![],
        journal: vec![],
        shred: false,
    }
}

fn entry(link: &str, generation: u64, field: &str, after: &str) -> JournalEntry {
    JournalEntry {
        link: LinkId::from(link),
        generation: Generation(generation),
        field: Some(FieldName::from(field)),
        rule: "P7 carry".to_owned(),
        target: Some(Side::Salesforce),
        before: PerSide::of(|_| Presence::Value(Value::Text("before".to_owned()))),
        after: Presence::Value(Value::Text(after.to_owned())),
        loser: None,
        contract: ContractVersion(1),
        at: at(0),
    }
}

/// A link as it stands after some weeks: twelve fields with bases, one landed intent kept, one open.
fn busy_link(id: &str) -> Link {
    let image = |n: u64, place| Image { hash: ImageHash(0xdead_beef_0000_0000 + n), place, elements: vec![] };
    let seen = || Place::Version(Some("2026-11-23T10:11:12.345Z".parse().unwrap()));
    let names = [
        "email", "name", "phone", "stage", "owner", "company", "score", "city", "title", "industry",
        "website", "birthday",
    ];
    let memory = |n: u64| FieldMemory {
        base: Some(Base {
            number: Token(40 + n),
            images: PerSide { hubspot: image(n, seen()), salesforce: image(n, Place::Token(Token(40 + n))) },
            proof: Proof::Seen,
        }),
        ..FieldMemory::default()
    };
    let intent = |number: u64, progress, value: &str| Intent {
        number: Token(number),
        side: Side::Salesforce,
        action: Action::Update { unmodified_since: Some(at(0)) },
        parts: vec![Part {
            field: FieldName::from("phone"),
            role: Role::Carry { source: image(1, seen()) },
            seen: seen(),
            sent: ImageHash(u64::MAX - 1),
            values: match value {
                "" => vec![],
                value => vec![(WireName::from("Phone"), Presence::Value(Raw::Text(value.to_owned())))],
            },
        }],
        decided: at(5),
        progress,
    };
    let mut link = link(id);
    link.status = Status::Live;
    link.records = PerSide {
        hubspot: Some(RecordId::from("12345678901")),
        salesforce: Some(RecordId::from("003xx000004TmiQAAS")),
    };
    link.issued = Token(52);
    link.fields = names.iter().zip(1..).map(|(name, n)| (FieldName::from(*name), memory(n))).collect();
    link.intents = vec![intent(51, Progress::Closed, ""), intent(52, Progress::Open, "+4930123456789")];
    link.keys = BTreeMap::from([(FieldName::from("email"), ImageHash(u64::MAX))]);
    link
}

/// The bytes that an attribute is stored and priced as; numbers rather more than that.
fn bytes_of(value: &AttributeValue) -> Vec<u8> {
    let bytes = value.as_b().map(|bytes| bytes.as_ref().to_vec());
    let text = |_| value.as_s().or_else(|_| value.as_n()).map(|text| text.clone().into_bytes());
    bytes.or_else(text).unwrap()
}

#[tokio::test]
async fn a_link_in_ordinary_use_costs_one_write_unit() {
    let (store, client, tables) = fresh_store().await;
    let link = busy_link("0123456789abcdef0123456789abcdef");

    store.commit(new(link.clone())).await.unwrap();

    let stored = client
        .get_item()
        .table_name(&tables.state)
        .key("pk", AttributeValue::S("LINK#0123456789abcdef0123456789abcdef".to_owned()))
        .send()
        .await
        .unwrap()
        .item
        .unwrap();
    let bytes: usize = stored.iter().map(|(name, value)| name.len() + bytes_of(value).len()).sum();
    assert!(bytes <= 1024, "{bytes} bytes");
    assert_eq!(store.links(std::slice::from_ref(&link.id)).await.unwrap(), [Some(link)]);
}

#[tokio::test]
async fn values_are_sealed_and_shredded_with_the_links_secret() {
    // Given a journal entry and a conflict with personal values,
    let (store, client, tables) = fresh_store().await;
    let conflict = Conflict {
        link: LinkId::from("l"),
        object: ObjectName::from("contact"),
        field: FieldName::from("phone"),
        values: PerSide::of(|side| Presence::Value(Value::Text(format!("secret {side}")))),
        edited: PerSide {
            hubspot: Some(Edited { at: at(0), by: Some("CRM_UI userId:7".to_owned()) }),
            salesforce: None,
        },
        records: PerSide { hubspot: Some(RecordId::from("1")), salesforce: None },
        since: at(1),
    };
    let written = entry("l", 1, "email", "ada@example.com");
    let commit =
        Commit { conflicts: vec![conflict.clone()], journal: vec![written.clone()], ..new(link("l")) };
    store.commit(commit).await.unwrap();
    assert_eq!(store.conflicts(10).await.unwrap(), std::slice::from_ref(&conflict));
    assert_eq!(store.journal(&LinkId::from("l"), 10).await.unwrap(), std::slice::from_ref(&written));

    // then no table shows them,
    for table in [&tables.state, &tables.journal] {
        let stored = client.scan().table_name(table).send().await.unwrap().items.unwrap();
        for value in stored.iter().flat_map(|item| item.values()) {
            let bytes = bytes_of(value);
            for secret in ["secret", "ada@example.com", "before"] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
            }
        }
    }

    // and when the link's secret goes, so do they, while the explanation stays.
    let secret = AttributeValue::S("SECRET#l".to_owned());
    client.delete_item().table_name(&tables.state).key("pk", secret).send().await.unwrap();
    let shredded = JournalEntry {
        before: PerSide::of(|_| Presence::Unknown),
        after: Presence::Unknown,
        loser: None,
        ..written
    };
    assert_eq!(store.journal(&LinkId::from("l"), 10).await.unwrap(), [shredded]);
    let shredded = Conflict { values: PerSide::of(|_| Presence::Unknown), ..conflict };
    assert_eq!(store.conflicts(10).await.unwrap(), [shredded]);
}

#[tokio::test]
async fn journal_entries_run_out_after_the_configured_days() {
    let (store, client, tables) = fresh_store().await;
    let commit = Commit { journal: vec![entry("l", 1, "email", "x")], ..new(link("l")) };

    store.commit(commit).await.unwrap();

    let stored = client.scan().table_name(&tables.journal).send().await.unwrap().items.unwrap();
    let expires: Vec<_> = stored.iter().map(|item| item["expires_at"].as_n().unwrap().as_str()).collect();
    assert_eq!(expires, [(at(0).as_second() + 400 * 86_400).to_string()]);
    let ttl = client.describe_time_to_live().table_name(&tables.journal).send().await.unwrap();
    assert_eq!(ttl.time_to_live_description().unwrap().attribute_name(), Some("expires_at"));
}

#[tokio::test]
async fn a_commit_beyond_one_transaction_is_refused_whole() {
    let (store, _, _) = fresh_store().await;
    let journal = (0..100).map(|n| entry("l", 1, &format!("f{n}"), "x")).collect();

    let refused = store.commit(Commit { journal, ..new(link("l")) }).await.unwrap_err();

    let CommitError::Store(StoreError::Refused { reason, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(reason, "101 actions in one transaction, and DynamoDB takes 100: split the commit");
    assert_eq!(store.links(&[LinkId::from("l")]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_taken_claim_leaves_nothing_behind() {
    // Given a record that belongs to a link,
    let (store, client, tables) = fresh_store().await;
    let record = |id: &str| RecordKey {
        side: Side::HubSpot,
        object: ObjectName::from("contact"),
        id: RecordId::from(id),
    };
    store.commit(Commit { records: vec![record("1")], ..new(link("a")) }).await.unwrap();
    let before = client.scan().table_name(&tables.state).send().await.unwrap().count();

    // when another link claims it, with another record, a key and an explanation,
    let key = NaturalKey {
        object: ObjectName::from("contact"),
        field: FieldName::from("email"),
        hash: ImageHash(7),
    };
    let commit =
        Commit { records: vec![record("2"), record("1")], keys: vec![key.clone()], ..new(link("b")) };
    let refused = store.commit(commit).await.unwrap_err();

    // then nothing of it is stored.
    assert_eq!(refused, CommitError::Taken { what: "record hubspot/contact/1".to_owned() });
    assert_eq!(client.scan().table_name(&tables.state).send().await.unwrap().count(), before);
    assert_eq!(store.owners(&[key]).await.unwrap(), [None]);
}

#[tokio::test]
async fn many_workers_claim_one_event_and_one_gets_it() {
    let (store, _, _) = fresh_store().await;
    let event = [EventKey("e".to_owned())];
    let claims = (0..16).map(|_| store.claim(&event, at(0), 1_000));

    let outcomes = futures_util::future::join_all(claims).await;

    let taken = outcomes
        .iter()
        .filter(|outcome| matches!(outcome.as_deref(), Ok([ClaimOutcome::Claimed(_)])))
        .count();
    assert_eq!(taken, 1, "{outcomes:?}");
}

#[tokio::test]
async fn a_delivery_of_more_than_one_batch_tells_each_event_what_became_of_it() {
    // Given events that are done, at work, given back, and left by a worker that died,
    let (store, _, _) = fresh_store().await;
    let events: Vec<EventKey> = (0..60).map(|n| EventKey(format!("e{n}"))).collect();
    let [done, at_work, given_back, left] = [0, 29, 30, 59];
    let claimed = async |n: usize, lease_ms| {
        let outcomes = store.claim(&events[n..=n], at(0), lease_ms).await.unwrap();
        assert_eq!(outcomes, [ClaimOutcome::Claimed(Fence(1))]);
    };
    for (n, lease_ms) in [(done, 9_000), (at_work, 9_000), (given_back, 9_000), (left, 1_000)] {
        claimed(n, lease_ms).await;
    }
    store.complete(&[(events[done].clone(), Fence(1))], at(0), 9_000).await.unwrap();
    store.release(&[(events[given_back].clone(), Fence(1))]).await.unwrap();

    // when a delivery has them among new ones,
    let outcomes = store.claim(&events, at(2), 9_000).await.unwrap();

    // then each is told of by itself,
    let expected = |n: usize| match n {
        _ if n == done => ClaimOutcome::Done,
        _ if n == at_work => ClaimOutcome::InProgress,
        _ if n == given_back || n == left => ClaimOutcome::Claimed(Fence(2)),
        _ => ClaimOutcome::Claimed(Fence(1)),
    };
    assert_eq!(outcomes, (0..60).map(expected).collect::<Vec<_>>());

    // and when all are said to be done, by the one that died too, those are that are held by the fence that says so.
    let said: Vec<_> = events.iter().map(|event| (event.clone(), Fence(1))).collect();
    store.complete(&said, at(2), 9_000).await.unwrap();
    let outcomes = store.claim(&events, at(3), 9_000).await.unwrap();
    let expected = |n: usize| match n {
        _ if n == given_back || n == left => ClaimOutcome::InProgress,
        _ => ClaimOutcome::Done,
    };
    assert_eq!(outcomes, (0..60).map(expected).collect::<Vec<_>>());
}

#[tokio::test]
async fn more_links_than_one_batch_holds_are_read_in_order() {
    let (store, _, _) = fresh_store().await;
    let ids: Vec<LinkId> = (0..130).map(|n| LinkId::new(format!("l{n}"))).collect();
    for id in ids.iter().step_by(2) {
        store.commit(new(link(id.as_str()))).await.unwrap();
    }

    let found = store.links(&ids).await.unwrap();

    let expected: Vec<Option<Link>> =
        ids.iter().enumerate().map(|(n, id)| (n % 2 == 0).then(|| link(id.as_str()))).collect();
    assert_eq!(found, expected);
}
