//! What is judged over time: that a world comes to rest, and stays there.

use concord_core::link::{Action, Intent, Progress};
use concord_core::names::{ContractVersion, Generation, Token};
use concord_simulation::post::Handling;

use super::*;

/// Longer than Concord remembers an event, in milliseconds.
const FORGOTTEN_MS: u64 = 8 * 24 * 3_600_000;

fn stays(mut world: World) -> Option<&'static str> {
    world.stays_quiet().err().map(|broken| broken.invariant)
}

#[test]
fn a_pair_at_rest_stays_quiet() {
    assert_eq!(stays(pair_made_in(H)), None);
}

#[test]
fn i30_what_was_told_before_writes_nothing_when_it_is_told_again() {
    let mut world = pair_made_in(H);
    write_unseen(&world, H, "phone", "+14155550001");
    world.post.collect(&world.site, || Handling::Dropped);
    world.pass(FORGOTTEN_MS);
    assert_eq!(stays(world), Some("I30"));
}

#[test]
fn i34_a_poll_at_rest_writes_nothing() {
    let mut world = pair_made_in(H);
    write_unseen(&world, H, "phone", "+14155550001");
    world.post.collect(&world.site, || Handling::Dropped);
    assert_eq!(stays(world), Some("I34"));
}

#[test]
fn i32_what_was_told_is_enough_where_nothing_went_wrong() {
    let world = pair_made_in(H);
    assert_eq!(oracle::check_told(&world), Ok(()));
    write_unseen(&world, H, "phone", "+14155550001");
    assert_eq!(oracle::check_told(&world).map_err(|broken| broken.invariant), Err("I32"));
}

#[test]
fn i39_no_cursor_passes_a_change_that_is_not_queued() {
    let world = pair_made_in(H);
    assert_eq!(oracle::check_polled(&world), Ok(()));
    write_unseen(&world, H, "phone", "+14155550001");
    assert_eq!(oracle::check_polled(&world).map_err(|broken| broken.invariant), Err("I39"));
}

#[test]
fn i37_no_intent_is_left_open() {
    let world = pair_made_in(H);
    let mut link = Link::new(LinkId::new("left over"), "contact".into(), ContractVersion(1));
    link.generation = Generation(1);
    link.intents.push(Intent {
        number: Token(1),
        side: S,
        action: Action::Insert { lead: false },
        parts: Vec::new(),
        decided: world.site.clock.now(),
        progress: Progress::Open,
    });
    oracle::now(world.site.store.commit(Commit::of_link(Expected::New, link, Vec::new()))).unwrap();
    assert_eq!(oracle::check_polled(&world).map_err(|broken| broken.invariant), Err("I37"));
    assert_eq!(stays(world), Some("I37"));
}

#[test]
fn i40_a_world_that_is_always_busy_does_not_come_to_rest() {
    let mut profile = Profile::calm("hold");
    profile.receives_max = u32::MAX;
    let mut world = World::of_profile(profile, false).unwrap();
    world.site.hubspot.machine().set_tokens(Default::default());
    world.users.create(&world.site, H, 0, None).unwrap();
    assert_eq!(world.drain().map_err(|broken| broken.invariant), Err("I40"));
}
