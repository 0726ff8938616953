//! Claimed events: lease, fence, expiry. Expiry is a condition, so these checks move `now` and never wait.

use concord_core::names::Fence;
use concord_core::port::{ClaimOutcome, EventKey, Store};
use futures_util::future::join;

use super::sample::at;

/// What a check claims for.
const LEASE_MS: u64 = 60_000;
/// How long a check remembers what is done.
const KEEP_MS: u64 = 600_000;

fn event(name: &str) -> EventKey {
    EventKey(name.to_owned())
}

/// Claims one event at this second, and must get it.
async fn claimed(store: &impl Store, name: &str, second: i64) -> Fence {
    let outcomes = store.claim(&[event(name)], at(second), LEASE_MS).await;
    match outcomes.as_deref() {
        Ok([ClaimOutcome::Claimed(fence)]) => *fence,
        Ok(_) | Err(_) => {
            assert_eq!(outcomes, Ok(vec![ClaimOutcome::Claimed(Fence(1))]), "{name} at {second}");
            Fence(0)
        }
    }
}

async fn outcome(store: &impl Store, name: &str, second: i64) -> Vec<ClaimOutcome> {
    let outcomes = store.claim(&[event(name)], at(second), LEASE_MS).await;
    assert!(outcomes.is_ok(), "{outcomes:?}");
    outcomes.unwrap_or_default()
}

pub(super) async fn an_event_is_claimed_once(store: &impl Store) {
    claimed(store, "a", 0).await;

    // One outcome per event, in order; and the others are not held up by the one that is taken.
    let outcomes = store.claim(&[event("b"), event("a"), event("c")], at(1), LEASE_MS).await;
    let Ok([ClaimOutcome::Claimed(_), ClaimOutcome::InProgress, ClaimOutcome::Claimed(_)]) =
        outcomes.as_deref()
    else {
        return assert_eq!(outcomes, Ok(vec![]));
    };
    // The same event twice in one call is claimed once.
    let outcomes = store.claim(&[event("d"), event("d")], at(1), LEASE_MS).await;
    assert!(
        matches!(outcomes.as_deref(), Ok([ClaimOutcome::Claimed(_), ClaimOutcome::InProgress])),
        "{outcomes:?}"
    );
}

pub(super) async fn a_lease_runs_out_and_the_fence_rises(store: &impl Store) {
    let first = claimed(store, "a", 0).await;
    assert_eq!(outcome(store, "a", 59).await, [ClaimOutcome::InProgress]);
    let second = claimed(store, "a", 60).await;
    assert!(second > first, "{second} follows {first}");
    // The new lease counts from the new claim.
    assert_eq!(outcome(store, "a", 119).await, [ClaimOutcome::InProgress]);
    let third = claimed(store, "a", 120).await;
    assert!(third > second, "{third} follows {second}");
}

pub(super) async fn a_stale_fence_completes_nothing(store: &impl Store) {
    // Given a worker whose lease ran out and another one at it
    let stale = claimed(store, "a", 0).await;
    claimed(store, "a", 60).await;

    // When the first one wakes up, that is no error
    assert_eq!(store.complete(&[(event("a"), stale)], at(61), KEEP_MS).await, Ok(()));

    // Then the second one's claim stands, with its own end
    assert_eq!(outcome(store, "a", 62).await, [ClaimOutcome::InProgress]);
    claimed(store, "a", 120).await;
}

pub(super) async fn a_stale_fence_releases_nothing(store: &impl Store) {
    let stale = claimed(store, "a", 0).await;
    let fresh = claimed(store, "a", 60).await;
    assert_eq!(store.release(&[(event("a"), stale)]).await, Ok(()));
    assert_eq!(outcome(store, "a", 62).await, [ClaimOutcome::InProgress]);
    // And the owner still completes it.
    assert_eq!(store.complete(&[(event("a"), fresh)], at(63), KEEP_MS).await, Ok(()));
    assert_eq!(outcome(store, "a", 64).await, [ClaimOutcome::Done]);
}

pub(super) async fn a_completed_event_is_done_until_it_is_forgotten(store: &impl Store) {
    let fence = claimed(store, "a", 0).await;
    assert_eq!(store.complete(&[(event("a"), fence)], at(1), KEEP_MS).await, Ok(()));
    // Longer than the lease, as long as it is kept, whether or not the table was swept.
    assert_eq!(outcome(store, "a", 61).await, [ClaimOutcome::Done]);
    assert_eq!(outcome(store, "a", 600).await, [ClaimOutcome::Done]);
    let next = claimed(store, "a", 601).await;
    assert!(next > fence, "{next} follows {fence}");
}

pub(super) async fn a_released_event_is_claimed_again_at_once(store: &impl Store) {
    let fence = claimed(store, "a", 0).await;
    let other = claimed(store, "b", 0).await;
    assert_eq!(store.release(&[(event("a"), fence)]).await, Ok(()));
    let next = claimed(store, "a", 0).await;
    assert!(next > fence, "{next} follows {fence}");
    // Releasing what is not there is no error; and `b` was left alone.
    assert_eq!(store.release(&[(event("never"), fence)]).await, Ok(()));
    assert_eq!(outcome(store, "b", 1).await, [ClaimOutcome::InProgress]);
    assert_eq!(store.complete(&[(event("b"), other)], at(1), KEEP_MS).await, Ok(()));
}

pub(super) async fn a_completed_event_is_not_released(store: &impl Store) {
    let fence = claimed(store, "a", 0).await;
    assert_eq!(store.complete(&[(event("a"), fence)], at(1), KEEP_MS).await, Ok(()));
    assert_eq!(store.release(&[(event("a"), fence)]).await, Ok(()));
    assert_eq!(outcome(store, "a", 2).await, [ClaimOutcome::Done]);
}

pub(super) async fn of_two_concurrent_claims_of_one_event_one_wins(store: &impl Store) {
    let events = [event("a")];
    let (one, other) =
        join(store.claim(&events, at(0), LEASE_MS), store.claim(&events, at(0), LEASE_MS)).await;
    let mut outcomes: Vec<_> = [one, other].into_iter().flatten().flatten().collect();
    outcomes.sort_by_key(|outcome| *outcome == ClaimOutcome::InProgress);
    assert!(matches!(outcomes[..], [ClaimOutcome::Claimed(_), ClaimOutcome::InProgress]), "{outcomes:?}");
}
