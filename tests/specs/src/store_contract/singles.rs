//! What stands by itself: parked things, cursors, the contract, the census.

use concord_core::link::Progress;
use concord_core::names::{ContractVersion, FieldName, Generation, LinkId, RecordKey, Side};
use concord_core::port::{Census, Commit, CommitError, CursorMark, ParkKey, Parked, Store, WAITING_MAX};
use futures_util::future::join;

use super::sample::{at, commit, conflict, link, link_with_intent, record};

pub(super) fn parked(key: ParkKey, reason: &str, second: i64) -> Parked {
    Parked::new(key, reason.to_owned(), at(second))
}

pub(super) async fn what_is_parked_is_listed_replaced_and_taken_back(store: &impl Store) {
    // Given one of each kind
    let of_record = parked(ParkKey::Record(record(Side::HubSpot, "1")), "READ_ONLY_VALUE phone", 3);
    let of_field = parked(ParkKey::Field(LinkId::from("a"), FieldName::from("phone")), "no option x", 1);
    let of_message = parked(ParkKey::Message("m".to_owned()), "not JSON", 2);
    for parked in [&of_record, &of_field, &of_message] {
        assert_eq!(store.park(parked).await, Ok(()));
    }
    // Then they are listed oldest first
    let all = vec![of_field.clone(), of_message.clone(), of_record.clone()];
    assert_eq!(store.parked(10).await, Ok(all));
    assert_eq!(store.parked(2).await, Ok(vec![of_field.clone(), of_message.clone()]));

    // When one is parked again, it is replaced
    let later = Parked { since: at(4), reason: "no option y".to_owned(), ..of_field };
    assert_eq!(store.park(&later).await, Ok(()));
    assert_eq!(store.parked(10).await, Ok(vec![of_message.clone(), of_record.clone(), later.clone()]));

    // When one is taken back, twice, the others stay
    for _ in 0..2 {
        assert_eq!(store.unpark(&of_record.key).await, Ok(()));
    }
    assert_eq!(store.parked(10).await, Ok(vec![of_message, later]));
}

pub(super) async fn who_waits_for_a_record_is_remembered_until_it_is_told(store: &impl Store) {
    let (acme, globex) = (record(Side::HubSpot, "acme"), record(Side::Salesforce, "globex"));
    let (ada, bob) = (record(Side::HubSpot, "ada"), record(Side::HubSpot, "bob"));
    assert_eq!(store.waiting_for(std::slice::from_ref(&acme)).await, Ok(vec![]));
    for (target, waiting, new) in
        [(&acme, &bob, true), (&acme, &ada, true), (&acme, &ada, false), (&globex, &ada, true)]
    {
        assert_eq!(store.wait_for(target, waiting).await, Ok(new));
    }
    let both = [acme.clone(), globex.clone()];
    assert_eq!(
        store.waiting_for(&both).await,
        Ok(vec![ada.clone(), bob]),
        "each once, whatever it waits for"
    );
    for _ in 0..2 {
        assert_eq!(store.stop_waiting_for(std::slice::from_ref(&acme)).await, Ok(()));
    }
    assert_eq!(store.waiting_for(&both).await, Ok(vec![ada]), "for the other one");
}

pub(super) async fn no_more_than_the_limit_wait_for_one_record(store: &impl Store) {
    let acme = record(Side::HubSpot, "acme");
    for n in 0..=WAITING_MAX {
        let new = store.wait_for(&acme, &record(Side::HubSpot, &n.to_string())).await;
        assert_eq!(new, Ok(n < WAITING_MAX));
    }
    let mut first: Vec<RecordKey> = (0..WAITING_MAX).map(|n| record(Side::HubSpot, &n.to_string())).collect();
    first.sort();
    assert_eq!(store.waiting_for(std::slice::from_ref(&acme)).await, Ok(first), "all but the last one");
}

pub(super) async fn a_cursor_moves_from_what_was_read(store: &impl Store) {
    assert_eq!(store.cursor("poll").await, Ok(None));
    assert_eq!(store.move_cursor("poll", Generation(1), "lost").await, Err(CommitError::Moved));
    assert_eq!(store.cursor("poll").await, Ok(None));

    assert_eq!(store.move_cursor("poll", Generation(0), "one").await, Ok(()));
    let one = CursorMark { text: "one".to_owned(), generation: Generation(1) };
    assert_eq!(store.cursor("poll").await, Ok(Some(one.clone())));

    assert_eq!(store.move_cursor("poll", Generation(0), "stale").await, Err(CommitError::Moved));
    assert_eq!(store.cursor("poll").await, Ok(Some(one)));

    assert_eq!(store.move_cursor("poll", Generation(1), "two").await, Ok(()));
    let two = CursorMark { text: "two".to_owned(), generation: Generation(2) };
    assert_eq!(store.cursor("poll").await, Ok(Some(two)));
    assert_eq!(store.cursor("sweep").await, Ok(None));
}

pub(super) async fn of_two_workers_one_moves_a_cursor(store: &impl Store) {
    assert_eq!(store.move_cursor("poll", Generation(0), "start").await, Ok(()));
    let outcomes = join(
        store.move_cursor("poll", Generation(1), "one"),
        store.move_cursor("poll", Generation(1), "other"),
    )
    .await;
    let text = match outcomes {
        (Ok(()), Err(CommitError::Moved)) => "one",
        (Err(CommitError::Moved), Ok(())) => "other",
        (one, other) => return assert_eq!((one, other), (Ok(()), Err(CommitError::Moved))),
    };
    let mark = CursorMark { text: text.to_owned(), generation: Generation(2) };
    assert_eq!(store.cursor("poll").await, Ok(Some(mark)));
}

pub(super) async fn contract_versions_only_rise(store: &impl Store) {
    assert_eq!(store.contract().await, Ok(None));
    assert_eq!(store.take_contract(ContractVersion(2), "version: 2").await, Ok(()));
    assert_eq!(store.contract().await, Ok(Some("version: 2".to_owned())));
    for version in [1, 2] {
        let refused = store.take_contract(ContractVersion(version), "other").await;
        assert_eq!(refused, Err(CommitError::Moved));
        assert_eq!(store.contract().await, Ok(Some("version: 2".to_owned())));
    }
    // Not every version has to come, and 10 is above 9.
    for version in [9, 10] {
        let text = format!("version: {version}");
        assert_eq!(store.take_contract(ContractVersion(version), &text).await, Ok(()));
        assert_eq!(store.contract().await, Ok(Some(text)));
    }
}

pub(super) async fn the_census_counts_everything(store: &impl Store) {
    assert_eq!(store.census().await, Ok(Census::default()));
    for (id, progress) in [("a", Progress::Open), ("b", Progress::Sent), ("c", Progress::Closed)] {
        assert_eq!(store.commit(commit(link_with_intent(id, at(0), progress))).await, Ok(()));
    }
    let with_conflicts = Commit {
        records: vec![record(Side::HubSpot, "1")],
        conflicts: vec![conflict("d", "phone", "1", at(0)), conflict("d", "city", "1", at(0))],
        ..commit(link("d", 1))
    };
    assert_eq!(store.commit(with_conflicts).await, Ok(()));
    assert_eq!(store.park(&parked(ParkKey::Message("m".to_owned()), "not JSON", 0)).await, Ok(()));

    let counted = Census { links: 4, open: 2, parked: 1, conflicts: 2 };
    assert_eq!(store.census().await, Ok(counted));
}
