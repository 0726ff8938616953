//! What is listed: conflicts, the journal, unsent links, all links.

use concord_core::link::{Link, Progress};
use concord_core::names::{FieldName, Generation, LinkId, Side, Token};
use concord_core::port::{Commit, CommitError, JournalEntry, LinkPage, ParkKey, Store};

use super::sample::{at, commit, conflict, entry, link, link_with_intent, record};
use super::singles::parked;

pub(super) async fn a_conflict_begins_changes_and_is_over(store: &impl Store) {
    // Given a conflict on each of two fields
    let begun = Commit {
        conflicts: vec![conflict("a", "phone", "1", at(0)), conflict("a", "city", "1", at(1))],
        ..commit(link("a", 1))
    };
    assert_eq!(store.commit(begun).await, Ok(()));

    // When one changes, there is still one per field
    let changed = conflict("a", "phone", "2", at(2));
    let commit_of_change = Commit { conflicts: vec![changed.clone()], ..commit(link("a", 2)) };
    assert_eq!(store.commit(commit_of_change).await, Ok(()));
    let both = vec![conflict("a", "city", "1", at(1)), changed.clone()];
    assert_eq!(store.conflicts(10).await, Ok(both));

    // When one is over, the other stays; one that never was is no error
    let resolved = vec![FieldName::from("city"), FieldName::from("name")];
    assert_eq!(store.commit(Commit { resolved, ..commit(link("a", 3)) }).await, Ok(()));
    assert_eq!(store.conflicts(10).await, Ok(vec![changed]));
}

pub(super) async fn conflicts_are_listed_oldest_first(store: &impl Store) {
    for (id, since) in [("a", 3), ("b", 1), ("c", 2)] {
        let begun = Commit { conflicts: vec![conflict(id, "phone", id, at(since))], ..commit(link(id, 1)) };
        assert_eq!(store.commit(begun).await, Ok(()));
    }
    let oldest = vec![conflict("b", "phone", "b", at(1)), conflict("c", "phone", "c", at(2))];
    assert_eq!(store.conflicts(2).await, Ok(oldest));
}

pub(super) async fn the_journal_is_in_order_and_apart_for_each_link(store: &impl Store) {
    // More than nine generations, so that an order by text would show.
    let mut written: Vec<JournalEntry> = Vec::new();
    for generation in 1..=11 {
        let journal = vec![
            entry("a", generation, Some("phone"), "1"),
            entry("a", generation, Some("city"), "2"),
            entry("a", generation, None, "3"),
        ];
        written.extend(journal.clone());
        assert_eq!(store.commit(Commit { journal, ..commit(link("a", generation)) }).await, Ok(()));
    }
    let other = Commit { journal: vec![entry("b", 1, None, "4")], ..commit(link("b", 1)) };
    assert_eq!(store.commit(other).await, Ok(()));

    let a = LinkId::from("a");
    assert_eq!(store.journal(&a, 100).await, Ok(written.clone()));
    let newest = written.split_off(written.len() - 4);
    assert_eq!(store.journal(&a, 4).await, Ok(newest));
    assert_eq!(store.journal(&LinkId::from("c"), 10).await, Ok(vec![]));
}

pub(super) async fn unsent_links_are_listed_oldest_first(store: &impl Store) {
    for (id, second, progress) in [
        ("a", 5, Progress::Open),
        ("b", 1, Progress::Sent),
        ("c", 3, Progress::Open),
        ("d", 9, Progress::Open),
    ] {
        assert_eq!(store.commit(commit(link_with_intent(id, at(second), progress))).await, Ok(()));
    }
    // Two open intents: the older one counts.
    let mut two = link_with_intent("e", at(8), Progress::Open);
    two.intents.extend(link_with_intent("e", at(2), Progress::Open).intents);
    assert_eq!(store.commit(commit(two)).await, Ok(()));

    let ids = |names: &[&str]| Ok(names.iter().map(|name| LinkId::from(*name)).collect::<Vec<_>>());
    assert_eq!(store.unsent(at(9), 10).await, ids(&["b", "e", "c", "a"]));
    assert_eq!(store.unsent(at(9), 2).await, ids(&["b", "e"]));
    assert_eq!(store.unsent(at(1), 10).await, ids(&[]));
}

pub(super) async fn a_settled_link_is_not_unsent(store: &impl Store) {
    for (id, progress) in [("a", Progress::Closed), ("b", Progress::Refused), ("c", Progress::Open)] {
        assert_eq!(store.commit(commit(link_with_intent(id, at(0), progress))).await, Ok(()));
    }
    assert_eq!(store.commit(commit(link("d", 1))).await, Ok(()));
    assert_eq!(store.unsent(at(9), 10).await, Ok(vec![LinkId::from("c")]));

    // When the last open intent is settled, the link leaves the list; when a new one is decided, it returns.
    let settled = Link { generation: Generation(2), ..link_with_intent("c", at(0), Progress::Closed) };
    assert_eq!(store.commit(commit(settled)).await, Ok(()));
    assert_eq!(store.unsent(at(9), 10).await, Ok(vec![]));
    let mut again = link_with_intent("c", at(3), Progress::Open);
    again.generation = Generation(3);
    again.issued = Token(2);
    assert_eq!(store.commit(commit(again.clone())).await, Ok(()));
    assert_eq!(store.commit(commit(again)).await, Err(CommitError::Moved));
    assert_eq!(store.unsent(at(9), 10).await, Ok(vec![LinkId::from("c")]));
}

pub(super) async fn every_link_is_on_one_page(store: &impl Store) {
    assert_eq!(store.page_of_links(None).await, Ok(LinkPage { links: vec![], next: None }));
    let mut stored: Vec<Link> = Vec::new();
    // What is no link is on none; so much of it that the links do not fit on one page.
    for number in 0..120 {
        let one = link(&format!("{number:03}"), 1);
        let records = (0..20).map(|other| record(Side::HubSpot, &format!("{number}-{other}"))).collect();
        stored.push(one.clone());
        assert_eq!(store.commit(Commit { records, ..commit(one) }).await, Ok(()));
    }

    let (mut listed, mut pages, mut from) = (Vec::new(), 0, None);
    loop {
        pages += 1;
        let page = store.page_of_links(from.as_deref()).await;
        assert!(page.is_ok(), "{page:?}");
        let Ok(page) = page else { return };
        listed.extend(page.links);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    listed.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(listed, stored);
    assert!(pages > 1, "{pages}");
}

pub(super) async fn a_field_is_set_aside_and_taken_back_with_its_link(store: &impl Store) {
    // Given a link whose phone is set aside
    let aside = |field: &str, reason: &str| {
        parked(ParkKey::Field(LinkId::from("a"), FieldName::from(field)), reason, 0)
    };
    let first = Commit { parked: vec![aside("phone", "no number")], ..commit(link("a", 1)) };
    assert_eq!(store.commit(first).await, Ok(()));
    assert_eq!(store.parked(10).await, Ok(vec![aside("phone", "no number")]));

    // When a commit comes too late, nothing of it is told
    let late = Commit { parked: vec![aside("city", "late")], ..commit(link("a", 1)) };
    assert_eq!(store.commit(late).await, Err(CommitError::Moved));
    assert_eq!(store.parked(10).await, Ok(vec![aside("phone", "no number")]));

    // When it is well again, and another is not
    let healed = vec![FieldName::from("phone"), FieldName::from("name")];
    let second = Commit { parked: vec![aside("city", "unknown")], healed, ..commit(link("a", 2)) };
    assert_eq!(store.commit(second).await, Ok(()));
    assert_eq!(store.parked(10).await, Ok(vec![aside("city", "unknown")]));
}
