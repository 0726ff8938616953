//! Forgetting a link: what goes with it, and what stays.

use std::collections::BTreeSet;

use concord_core::link::{FieldMemory, FieldStanding, Held, Link};
use concord_core::names::{FieldName, LinkId, PerSide, RecordId, Side};
use concord_core::port::{Commit, CommitError, Expected, JournalEntry, ParkKey, Parked, Store, Whereabouts};
use concord_core::value::{ImageHash, Presence};

use super::sample::{at, commit, conflict, entry, key, link, record};

/// A link with a conflict, a field that is set aside, two records, and two keys of which it has claimed one.
fn remembered(generation: u64) -> Link {
    let held = Held { values: PerSide { hubspot: ImageHash(1), salesforce: ImageHash(2) }, taken: None };
    let phone = FieldMemory { held: Some(held), ..FieldMemory::default() };
    let name = FieldMemory { standing: FieldStanding::Parked, ..FieldMemory::default() };
    Link {
        records: PerSide { hubspot: Some(RecordId::from("b")), salesforce: Some(RecordId::from("b")) },
        fields: [(FieldName::from("phone"), phone), (FieldName::from("name"), name)].into(),
        keys: [(FieldName::from("email"), ImageHash(2)), (FieldName::from("domain"), ImageHash(3))].into(),
        gone: Some(at(7)),
        ..link("b", generation)
    }
}

fn parked(key: ParkKey) -> Parked {
    Parked::new(key, "why".to_owned(), at(0))
}

fn of_name() -> ParkKey {
    ParkKey::Field(LinkId::from("b"), FieldName::from("name"))
}

fn forgotten(generation: u64) -> JournalEntry {
    let unknown = PerSide { hubspot: Presence::Unknown, salesforce: Presence::Unknown };
    JournalEntry {
        rule: "P10".to_owned(),
        target: None,
        before: unknown,
        after: Presence::Unknown,
        loser: None,
        ..entry("b", generation, None, "")
    }
}

async fn is_stored(store: &impl Store) {
    let full = Commit {
        expected: Expected::New,
        records: vec![record(Side::HubSpot, "b"), record(Side::Salesforce, "b")],
        aliases: vec![(record(Side::HubSpot, "loser"), RecordId::from("b"))],
        keys: vec![key(2)],
        conflicts: vec![conflict("b", "phone", "1", at(0))],
        parked: vec![parked(of_name())],
        journal: vec![entry("b", 1, Some("phone"), "x")],
        ..commit(remembered(1))
    };
    assert_eq!(store.commit(full).await, Ok(()));
    assert_eq!(store.park(&parked(ParkKey::Record(record(Side::Salesforce, "b")))).await, Ok(()));
    let waits = store.wait_for(&record(Side::HubSpot, "b"), &record(Side::HubSpot, "z")).await;
    assert_eq!(waits, Ok(true));
}

pub(super) async fn a_link_is_forgotten_with_all_that_is_its_own(store: &impl Store) {
    // Given a link of which everything is remembered that can be, and a stranger that is set aside
    is_stored(store).await;
    let pair = PerSide { hubspot: record(Side::HubSpot, "b"), salesforce: record(Side::Salesforce, "y") };
    assert_eq!(store.set_apart(&pair, true).await, Ok(()));
    let stranger = parked(ParkKey::Record(record(Side::HubSpot, "z")));
    assert_eq!(store.park(&stranger).await, Ok(()));

    // When it is forgotten
    assert_eq!(store.collect(&remembered(1), forgotten(2)).await, Ok(()));

    // Then nothing leads to it, or waits for it
    let b = LinkId::from("b");
    assert_eq!(store.links(std::slice::from_ref(&b)).await, Ok(vec![None]));
    let records = [record(Side::HubSpot, "b"), record(Side::Salesforce, "b")];
    assert_eq!(store.locate(&records).await, Ok(vec![Whereabouts::Nowhere; 2]));
    assert_eq!(store.owners(&[key(2)]).await, Ok(vec![None]));
    assert_eq!(store.conflicts(10).await, Ok(vec![]));
    assert_eq!(store.parked(10).await, Ok(vec![stranger]));
    assert_eq!(store.waiting_for(&records).await, Ok(vec![]));
    // And its journal says so, and no value any more
    let journal = store.journal(&b, 10).await.unwrap_or_default();
    let told: Vec<&str> = journal.iter().map(|line| line.rule.as_str()).collect();
    assert_eq!(told, ["P7 carry", "P10"]);
    assert!(
        journal.iter().all(|line| line.after == Presence::Unknown && line.loser.is_none()),
        "{journal:?}"
    );
    // But who was merged, and who is kept apart, is for ever
    let loser = record(Side::HubSpot, "loser");
    assert_eq!(store.locate(&[loser]).await, Ok(vec![Whereabouts::Alias(RecordId::from("b"))]));
    let apart = store.kept_apart(&[record(Side::HubSpot, "b")]).await;
    assert_eq!(apart, Ok(vec![BTreeSet::from([record(Side::Salesforce, "y")])]));
    // And whoever comes under the same ids is new
    assert_eq!(store.commit(Commit { records: records.to_vec(), ..commit(link("c", 1)) }).await, Ok(()));
}

pub(super) async fn a_link_that_somebody_has_looked_at_since_is_not_forgotten(store: &impl Store) {
    is_stored(store).await;
    assert_eq!(store.commit(commit(remembered(2))).await, Ok(()));

    assert_eq!(store.collect(&remembered(1), forgotten(2)).await, Err(CommitError::Moved));
    assert_eq!(store.collect(&link("unknown", 1), forgotten(2)).await, Err(CommitError::Moved));

    let b = LinkId::from("b");
    assert_eq!(store.links(std::slice::from_ref(&b)).await, Ok(vec![Some(remembered(2))]));
    let located = store.locate(&[record(Side::HubSpot, "b")]).await;
    assert_eq!(located, Ok(vec![Whereabouts::Linked(b.clone())]));
    assert_eq!(store.parked(10).await.map(|parked| parked.len()), Ok(2));
    assert_eq!(store.journal(&b, 10).await.map(|journal| journal.len()), Ok(1));

    // What another link has claimed meanwhile is not its own
    let winner = Commit {
        aliases: vec![(record(Side::Salesforce, "b"), RecordId::from("w"))],
        released: vec![key(2)],
        ..commit(remembered(3))
    };
    assert_eq!(store.commit(winner).await, Ok(()));
    assert_eq!(store.commit(Commit { keys: vec![key(2)], ..commit(link("c", 1)) }).await, Ok(()));
    assert_eq!(store.collect(&remembered(3), forgotten(4)).await, Ok(()));
    let located = store.locate(&[record(Side::Salesforce, "b")]).await;
    assert_eq!(located, Ok(vec![Whereabouts::Alias(RecordId::from("w"))]));
    assert_eq!(store.owners(&[key(2)]).await, Ok(vec![Some(LinkId::from("c"))]));
}
