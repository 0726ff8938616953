//! Commits: every condition, and that a refused commit writes nothing.

use std::collections::BTreeSet;

use concord_core::names::{FieldName, Generation, LinkId, PerSide, RecordId, RecordKey, Side};
use concord_core::port::{Commit, CommitError, Expected, JournalEntry, Store, StoreError, Whereabouts};
use concord_core::value::Presence;
use futures_util::future::join;

use super::sample::{at, commit, conflict, entry, key, link, record};

/// Everything that one commit can leave behind, for `b`, so that a refused one can be shown to leave nothing.
fn full_commit(expected: Expected, generation: u64) -> Commit {
    Commit {
        expected,
        records: vec![record(Side::HubSpot, "b"), record(Side::Salesforce, "b")],
        aliases: vec![(record(Side::HubSpot, "loser"), RecordId::from("b"))],
        keys: vec![key(2)],
        conflicts: vec![conflict("b", "phone", "1", at(0))],
        journal: vec![entry("b", generation, Some("phone"), "x")],
        ..commit(link("b", generation))
    }
}

async fn nothing_of_b_is_stored(store: &impl Store) {
    let b = LinkId::from("b");
    assert_eq!(store.links(std::slice::from_ref(&b)).await, Ok(vec![None]));
    let records = [record(Side::HubSpot, "b"), record(Side::Salesforce, "b"), record(Side::HubSpot, "loser")];
    assert_eq!(store.locate(&records).await, Ok(vec![Whereabouts::Nowhere; 3]));
    assert_eq!(store.owners(&[key(2)]).await, Ok(vec![None]));
    assert_eq!(store.conflicts(10).await, Ok(vec![]));
    assert_eq!(store.journal(&b, 10).await, Ok(vec![]));
}

pub(super) async fn a_new_link_is_stored_with_all_that_belongs_to_it(store: &impl Store) {
    nothing_of_b_is_stored(store).await;

    assert_eq!(store.commit(full_commit(Expected::New, 1)).await, Ok(()));

    let b = LinkId::from("b");
    assert_eq!(store.links(std::slice::from_ref(&b)).await, Ok(vec![Some(link("b", 1))]));
    let records = [record(Side::HubSpot, "b"), record(Side::Salesforce, "b"), record(Side::HubSpot, "loser")];
    let places = [
        Whereabouts::Linked(b.clone()),
        Whereabouts::Linked(b.clone()),
        Whereabouts::Alias(RecordId::from("b")),
    ];
    assert_eq!(store.locate(&records).await, Ok(places.to_vec()));
    assert_eq!(store.owners(&[key(2)]).await, Ok(vec![Some(b.clone())]));
    assert_eq!(store.conflicts(10).await, Ok(vec![conflict("b", "phone", "1", at(0))]));
    let journal = store.journal(&b, 10).await.map(|journal| journal.len());
    assert_eq!(journal, Ok(1));
}

pub(super) async fn a_link_that_exists_is_not_new(store: &impl Store) {
    assert_eq!(store.commit(commit(link("a", 1))).await, Ok(()));
    assert_eq!(store.commit(commit(link("a", 1))).await, Err(CommitError::Moved));

    let again = Commit { records: vec![record(Side::HubSpot, "1")], ..commit(link("a", 1)) };
    assert_eq!(store.commit(again).await, Err(CommitError::Moved));
    assert_eq!(store.locate(&[record(Side::HubSpot, "1")]).await, Ok(vec![Whereabouts::Nowhere]));
}

pub(super) async fn a_stale_generation_is_refused_and_nothing_is_written(store: &impl Store) {
    // Given a link that two commits have brought to generation 2
    assert_eq!(store.commit(commit(link("b", 1))).await, Ok(()));
    assert_eq!(store.commit(commit(link("b", 2))).await, Ok(()));

    // When somebody commits who decided on generation 1
    let stale = full_commit(Expected::At(Generation(1)), 2);
    assert_eq!(store.commit(stale).await, Err(CommitError::Moved));

    // Then the link stands as it stood, and nothing else was written
    assert_eq!(store.links(&[LinkId::from("b")]).await, Ok(vec![Some(link("b", 2))]));
    let records = [record(Side::HubSpot, "b"), record(Side::Salesforce, "b"), record(Side::HubSpot, "loser")];
    assert_eq!(store.locate(&records).await, Ok(vec![Whereabouts::Nowhere; 3]));
    assert_eq!(store.owners(&[key(2)]).await, Ok(vec![None]));
    assert_eq!(store.conflicts(10).await, Ok(vec![]));
    assert_eq!(store.journal(&LinkId::from("b"), 10).await, Ok(vec![]));
}

pub(super) async fn a_link_that_does_not_exist_is_at_no_generation(store: &impl Store) {
    let lost = full_commit(Expected::At(Generation(1)), 2);
    assert_eq!(store.commit(lost).await, Err(CommitError::Moved));
    nothing_of_b_is_stored(store).await;
}

pub(super) async fn a_generation_that_does_not_follow_is_refused(store: &impl Store) {
    for generation in [0, 2] {
        let refused = store.commit(full_commit(Expected::New, generation)).await;
        assert!(matches!(refused, Err(CommitError::Store(StoreError::Refused { .. }))), "{refused:?}");
    }
    nothing_of_b_is_stored(store).await;
}

pub(super) async fn a_record_of_another_link_is_refused_and_nothing_is_written(store: &impl Store) {
    // Given a record that belongs to `a`, and one that was merged into another
    let first = Commit {
        records: vec![record(Side::HubSpot, "1")],
        aliases: vec![(record(Side::HubSpot, "2"), RecordId::from("1"))],
        ..commit(link("a", 1))
    };
    assert_eq!(store.commit(first).await, Ok(()));

    for claimed in ["1", "2"] {
        // When `b` claims it
        let mut second = full_commit(Expected::New, 1);
        second.records.push(record(Side::HubSpot, claimed));
        let refused = store.commit(second).await;

        // Then it learns so, and nothing was written
        assert!(matches!(refused, Err(CommitError::Taken { .. })), "{refused:?}");
        nothing_of_b_is_stored(store).await;
    }
    // But the same id on the other side, or of another object, is another record.
    let mut other_object = record(Side::HubSpot, "1");
    other_object.object = "company".into();
    let third = Commit { records: vec![record(Side::Salesforce, "1"), other_object], ..commit(link("c", 1)) };
    assert_eq!(store.commit(third).await, Ok(()));
}

pub(super) async fn a_natural_key_of_another_link_is_refused_and_nothing_is_written(store: &impl Store) {
    assert_eq!(store.commit(Commit { keys: vec![key(1)], ..commit(link("a", 1)) }).await, Ok(()));

    let mut second = full_commit(Expected::New, 1);
    second.keys.push(key(1));
    let refused = store.commit(second).await;

    assert!(matches!(refused, Err(CommitError::Taken { .. })), "{refused:?}");
    nothing_of_b_is_stored(store).await;
    assert_eq!(store.owners(&[key(1)]).await, Ok(vec![Some(LinkId::from("a"))]));
}

pub(super) async fn a_claim_may_be_repeated_by_its_link(store: &impl Store) {
    for generation in 1..=2 {
        let again = Commit {
            records: vec![record(Side::HubSpot, "1")],
            aliases: vec![(record(Side::HubSpot, "2"), RecordId::from("1"))],
            keys: vec![key(1)],
            ..commit(link("a", generation))
        };
        assert_eq!(store.commit(again).await, Ok(()));
    }
    assert_eq!(store.links(&[LinkId::from("a")]).await, Ok(vec![Some(link("a", 2))]));
}

pub(super) async fn of_two_concurrent_commits_one_wins(store: &impl Store) {
    assert_eq!(store.commit(commit(link("a", 1))).await, Ok(()));
    let one = Commit { records: vec![record(Side::HubSpot, "1")], ..commit(link("a", 2)) };
    let other = Commit { records: vec![record(Side::HubSpot, "2")], ..commit(link("a", 2)) };

    let outcomes = join(store.commit(one), store.commit(other)).await;

    let records = [record(Side::HubSpot, "1"), record(Side::HubSpot, "2")];
    let a = Whereabouts::Linked(LinkId::from("a"));
    let expected = match outcomes {
        (Ok(()), Err(error)) => {
            one_was_too_late(&error);
            vec![a, Whereabouts::Nowhere]
        }
        (Err(error), Ok(())) => {
            one_was_too_late(&error);
            vec![Whereabouts::Nowhere, a]
        }
        (one, other) => return assert_eq!((one, other), (Ok(()), Err(CommitError::Moved))),
    };
    assert_eq!(store.locate(&records).await, Ok(expected));
    assert_eq!(store.links(&[LinkId::from("a")]).await, Ok(vec![Some(link("a", 2))]));
}

pub(super) async fn of_two_concurrent_claims_of_one_key_one_wins(store: &impl Store) {
    let one = Commit { keys: vec![key(1)], ..commit(link("a", 1)) };
    let other = Commit { keys: vec![key(1)], ..commit(link("b", 1)) };

    let outcomes = join(store.commit(one), store.commit(other)).await;

    let (winner, loser, error) = match outcomes {
        (Ok(()), Err(error)) => ("a", "b", error),
        (Err(error), Ok(())) => ("b", "a", error),
        (one, other) => return assert_eq!((one, other), (Ok(()), Err(CommitError::Moved))),
    };
    one_was_too_late(&error);
    assert_eq!(store.owners(&[key(1)]).await, Ok(vec![Some(LinkId::from(winner))]));
    assert_eq!(store.links(&[LinkId::from(loser)]).await, Ok(vec![None]));
}

/// Two transactions at once may also cancel one another; then the loser is told to come again.
fn one_was_too_late(error: &CommitError) {
    assert!(
        matches!(
            error,
            CommitError::Moved | CommitError::Taken { .. } | CommitError::Store(StoreError::Busy { .. })
        ),
        "{error:?}"
    );
}

pub(super) async fn what_is_shredded_is_told_by_nobody(store: &impl Store) {
    // Given a link with values in its journal and in a conflict, and a neighbour
    let full = full_commit(Expected::New, 1);
    let told = full.journal.clone();
    assert_eq!(store.commit(full).await, Ok(()));
    let neighbour = entry("a", 1, Some("phone"), "y");
    let other = Commit { journal: vec![neighbour.clone()], ..commit(link("a", 1)) };
    assert_eq!(store.commit(other).await, Ok(()));

    // When it is shredded, with a line that tells so, and another line comes later
    let silent = |line: JournalEntry| JournalEntry {
        before: PerSide::of(|_| Presence::Unknown),
        after: Presence::Unknown,
        loser: None,
        ..line
    };
    let lines = [2, 3].map(|generation| silent(entry("b", generation, None, "")));
    let shred = Commit {
        resolved: vec![FieldName::from("phone")],
        journal: vec![lines[0].clone()],
        shred: true,
        ..commit(link("b", 2))
    };
    assert_eq!(store.commit(shred).await, Ok(()));
    let later = Commit { journal: vec![lines[1].clone()], ..commit(link("b", 3)) };
    assert_eq!(store.commit(later).await, Ok(()));

    // Then its lines stand without a value, and the neighbour's with theirs
    let left: Vec<JournalEntry> = told.into_iter().map(silent).chain(lines).collect();
    let b = LinkId::from("b");
    assert_eq!(store.journal(&b, 10).await, Ok(left.clone()));
    assert_eq!(store.journal(&LinkId::from("a"), 10).await, Ok(vec![neighbour]));
    assert_eq!(store.conflicts(10).await, Ok(vec![]));

    // And a commit that comes too late brings nothing back
    let late = full_commit(Expected::At(Generation(1)), 2);
    assert_eq!(store.commit(late).await, Err(CommitError::Moved));
    assert_eq!(store.journal(&b, 10).await, Ok(left));
}

pub(super) async fn who_is_kept_apart_is_known_from_either_side_until_it_is_over(store: &impl Store) {
    let (h, s) = (record(Side::HubSpot, "1"), record(Side::Salesforce, "2"));
    let records = PerSide { hubspot: h.clone(), salesforce: s.clone() };
    let other = PerSide { hubspot: h.clone(), salesforce: record(Side::Salesforce, "3") };
    let nobody = record(Side::HubSpot, "4");
    for _ in 0..2 {
        assert_eq!(store.set_apart(&records, true).await, Ok(()));
    }
    assert_eq!(store.set_apart(&other, true).await, Ok(()));
    let of = |ids: &[&RecordKey]| ids.iter().map(|id| (*id).clone()).collect::<BTreeSet<_>>();
    let known = store.kept_apart(&[s.clone(), nobody, h.clone()]).await;
    assert_eq!(known, Ok(vec![of(&[&h]), of(&[]), of(&[&s, &other.salesforce])]));

    // What only keys have brought together is no pair; what a person or a mark did, is
    let pair = Commit { records: vec![h.clone(), s.clone()], ..commit(link("a", 1)) };
    let met = Commit { met: Some(records.clone()), ..pair.clone() };
    let refused = store.commit(met.clone()).await;
    assert!(matches!(refused, Err(CommitError::Taken { .. })), "{refused:?}");
    assert_eq!(store.locate(&[h.clone(), s.clone()]).await, Ok(vec![Whereabouts::Nowhere; 2]));

    for _ in 0..2 {
        assert_eq!(store.set_apart(&records, false).await, Ok(()));
    }
    assert_eq!(store.commit(met).await, Ok(()));
    assert_eq!(store.kept_apart(&[s, h]).await, Ok(vec![of(&[]), of(&[&other.salesforce])]));
}

pub(super) async fn an_alias_redirects_for_ever(store: &impl Store) {
    // Given two links, one record each
    for (id, number) in [("a", "1"), ("b", "2")] {
        let first = Commit { records: vec![record(Side::HubSpot, number)], ..commit(link(id, 1)) };
        assert_eq!(store.commit(first).await, Ok(()));
    }
    // When the second record is merged into the first, and the first link says so
    let merged =
        Commit { aliases: vec![(record(Side::HubSpot, "2"), RecordId::from("1"))], ..commit(link("a", 2)) };
    assert_eq!(store.commit(merged).await, Ok(()));

    // Then the second redirects, the winner remembers it, and its former link cannot have it back
    let known = store.merged_into(&[record(Side::HubSpot, "1"), record(Side::HubSpot, "2")]).await;
    assert_eq!(known, Ok(vec![(record(Side::HubSpot, "2"), LinkId::from("a"))]));
    let alias = Ok(vec![Whereabouts::Alias(RecordId::from("1"))]);
    assert_eq!(store.locate(&[record(Side::HubSpot, "2")]).await, alias);
    let back = Commit { records: vec![record(Side::HubSpot, "2")], ..commit(link("b", 2)) };
    let refused = store.commit(back).await;
    assert!(matches!(refused, Err(CommitError::Taken { .. })), "{refused:?}");
    assert_eq!(store.locate(&[record(Side::HubSpot, "2")]).await, alias);
    assert_eq!(store.links(&[LinkId::from("b")]).await, Ok(vec![Some(link("b", 1))]));
}

pub(super) async fn only_an_own_key_is_given_back(store: &impl Store) {
    assert_eq!(store.commit(Commit { keys: vec![key(1)], ..commit(link("a", 1)) }).await, Ok(()));
    assert_eq!(store.commit(Commit { keys: vec![key(2)], ..commit(link("b", 1)) }).await, Ok(()));

    // Another link's key, and one that nobody holds, stay as they are: that is no error.
    let released = Commit { released: vec![key(1), key(2), key(3)], ..commit(link("b", 2)) };
    assert_eq!(store.commit(released).await, Ok(()));

    let owners = vec![Some(LinkId::from("a")), None, None];
    assert_eq!(store.owners(&[key(1), key(2), key(3)]).await, Ok(owners));
    // A key that was given back can be claimed by another.
    assert_eq!(store.commit(Commit { keys: vec![key(2)], ..commit(link("a", 2)) }).await, Ok(()));
}

pub(super) async fn answers_come_in_the_order_of_the_questions(store: &impl Store) {
    // More than one batch read of DynamoDB takes (100), with gaps and in no order of their own.
    let names: Vec<String> = (0..130).map(|n| format!("l{}", (n * 37) % 130)).collect();
    let stored = |name: &str| !name.ends_with('3');
    for name in names.iter().filter(|name| stored(name)) {
        let full = Commit {
            records: vec![record(Side::HubSpot, name)],
            keys: vec![key(number(name))],
            ..commit(link(name, 1))
        };
        assert_eq!(store.commit(full).await, Ok(()));
    }

    let ids: Vec<LinkId> = names.iter().map(|name| LinkId::from(name.as_str())).collect();
    let links = names.iter().map(|name| stored(name).then(|| link(name, 1))).collect();
    assert_eq!(store.links(&ids).await, Ok(links));

    let records: Vec<_> = names.iter().map(|name| record(Side::HubSpot, name)).collect();
    let linked = |name: &String| match stored(name) {
        true => Whereabouts::Linked(LinkId::from(name.as_str())),
        false => Whereabouts::Nowhere,
    };
    assert_eq!(store.locate(&records).await, Ok(names.iter().map(linked).collect()));

    let keys: Vec<_> = names.iter().map(|name| key(number(name))).collect();
    let owners = names.iter().map(|name| stored(name).then(|| LinkId::from(name.as_str()))).collect();
    assert_eq!(store.owners(&keys).await, Ok(owners));

    assert_eq!(store.links(&[]).await, Ok(vec![]));
    assert_eq!(store.locate(&[]).await, Ok(vec![]));
    assert_eq!(store.owners(&[]).await, Ok(vec![]));
}

fn number(name: &str) -> u64 {
    name.bytes().fold(7, |sum, byte| sum * 31 + u64::from(byte))
}
