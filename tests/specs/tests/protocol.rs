//! The protocol of DESIGN 4: the counterexamples that model checking found in simpler designs (reference:
//! W1 to W6), and the promises under random disorder.

mod late;
mod world;

use std::collections::BTreeSet;

use concord_core::contract::Policy;
use concord_core::link::Status;
use concord_core::names::{Side, Token};
use proptest::prelude::*;
use world::{FIELDS, World, Writing};

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;
const POLICIES: [Policy; 3] = [Policy::Authority(H), Policy::Authority(S), Policy::Hold];

#[test]
fn an_edit_on_one_side_arrives_on_the_other_with_one_write_and_then_nothing_happens() {
    for side in Side::BOTH {
        let mut world = World::agreed(Policy::Hold);
        let value = world.edit(side, "f");
        world.settle();
        assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.writes), (value.clone(), value, 1));
        assert_eq!((world.shown(H, "g"), world.shown(S, "g")), ("0".to_owned(), "0".to_owned()));
    }
}

#[test]
fn edits_of_different_fields_on_both_sides_both_stand() {
    let mut world = World::agreed(Policy::Hold);
    let (f, g) = (world.edit(H, "f"), world.edit(S, "g"));
    world.settle();
    assert_eq!((world.shown(S, "f"), world.shown(H, "g"), world.writes), (f, g, 2));
    assert!(world.losers.is_empty());
}

#[test]
fn the_same_edit_on_both_sides_is_agreement_and_writes_nothing() {
    let mut world = World::agreed(Policy::Hold);
    world.edit_to(H, "f", "same");
    world.edit_to(S, "f", "same");
    world.settle();
    assert_eq!((world.writes, world.held("f")), (0, false));
}

#[test]
fn edits_of_one_field_on_both_sides_are_held_until_a_person_makes_them_equal() {
    let mut world = World::agreed(Policy::Hold);
    let (h, s) = (world.edit(H, "f"), world.edit(S, "f"));
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (h, s.clone()));
    assert_eq!((world.writes, world.held("f")), (0, true));
    world.edit_to(H, "f", &s);
    world.settle();
    assert_eq!((world.writes, world.held("f")), (0, false));
}

#[test]
fn an_authority_wins_a_conflict_and_the_loser_is_on_record() {
    let mut world = World::agreed(Policy::Authority(S));
    let (h, s) = (world.edit(H, "f"), world.edit(S, "f"));
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.writes), (s.clone(), s, 1));
    assert_eq!(world.losers, [h].into());
}

#[test]
fn w1_an_edit_that_our_landing_hid_is_neither_lost_nor_taken_for_agreed() {
    for policy in POLICIES {
        let mut world = World::agreed(policy);
        world.edit(S, "f");
        let numbers = world.decide();
        world.edit(H, "f");
        world.land(numbers[0]);
        world.decide();
        world.attempt_open();
        world.edit(S, "f");
        world.settle();
        world.assert_kept();
    }
}

#[test]
fn w2_a_late_landing_behind_a_later_token_is_not_taken_for_an_edit() {
    for policy in POLICIES {
        let mut world = World::agreed(policy);
        world.edit(S, "f");
        let delayed = world.decide()[0];
        let redone = world.decide_anew()[0];
        world.land(redone);
        world.edit(S, "f");
        world.decide();
        world.attempt_open();
        world.edit(S, "g");
        let last = world.decide()[0];
        world.land(delayed);
        world.land(last);
        world.settle();
        world.assert_kept();
        assert_eq!(world.shown(H, "f"), world.shown(S, "f"));
    }
}

#[test]
fn w3_a_repeated_landing_under_an_equal_token_hides_nothing() {
    for policy in POLICIES {
        let mut world = World::agreed(policy);
        world.edit(S, "f");
        let number = world.decide()[0];
        world.land(number);
        let newer = world.edit(H, "f");
        world.land(number);
        world.settle();
        assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (newer.clone(), newer));
        world.assert_kept();
    }
}

#[test]
fn w4_rows_that_were_read_before_another_worker_settled_decide_nothing() {
    let mut world = World::agreed(Policy::Authority(H));
    let value = world.edit(H, "f");
    world.begin();
    world.read(0, S);
    let number = world.decide()[0];
    world.land(number);
    world.decide();
    world.read(0, H);
    assert_eq!(world.commit(0), Vec::<Token>::new());
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.writes), (value.clone(), value, 1));
}

#[test]
fn what_a_person_typed_under_a_landing_is_kept_though_it_is_the_value_that_the_landing_expected() {
    for policy in POLICIES {
        let mut world = World::agreed(policy);
        world.edit(S, "f");
        let delayed = world.decide()[0];
        let redone = world.decide_anew()[0];
        world.land(delayed);
        world.edit_to(H, "f", "0");
        world.land(redone);
        world.settle();
        assert_eq!((world.shown(H, "f"), world.shown(S, "f")), ("0".to_owned(), "0".to_owned()));
        assert!(world.losers.is_empty() && !world.held("f"));
    }
}

#[test]
fn w6_a_late_landing_that_the_precondition_lets_through_brings_back_no_withdrawn_value() {
    let mut world = World::agreed(Policy::Authority(H));
    let base = world.shown(H, "f");
    world.edit(H, "f");
    world.edit(S, "f");
    let delayed = world.decide()[0];
    world.edit_to(H, "f", &base);
    let back = world.decide_anew();
    for number in &back {
        world.land(*number);
    }
    world.decide();
    let agreed = (world.shown(H, "f"), world.shown(S, "f"));
    world.land(delayed);
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), agreed);
}

#[test]
fn a_rewriting_side_costs_one_write_and_then_goes_quiet() {
    let mut world = World::agreed(Policy::Hold);
    world.rewriting = |value| format!("{value}!");
    world.edit(H, "f");
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.writes), ("1".into(), "1!".into(), 1));
}

/// One disorderly step.
#[derive(Debug, Clone, Copy)]
enum Step {
    Edit(Side, &'static str),
    Begin,
    Read(usize, Side),
    Commit(usize),
    Decide,
    /// One row is looked at alone.
    Overhear(Side),
    AttemptOpen,
    /// Any intent ever issued reaches its CRM: late, repeated, out of order.
    Land(usize),
    /// Its associations do, and its row is not written.
    LandAssociations(usize),
}

/// What the first landing stored does not stand at its token: the association came later.
#[test]
fn an_association_that_is_put_right_is_not_taken_for_the_landing_that_hid_it() {
    let mut world = World::associated(Policy::Hold, Writing::After);
    let begun = [Step::Edit(S, "f"), Step::Decide, Step::Edit(H, "f"), Step::AttemptOpen, Step::Decide];
    run(&mut world, &begun);
    keeps_all(&mut world, &[Step::LandAssociations(0), Step::Edit(H, "f")]);
    assert!(world.held("f"));
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(H), Just(S)];
    let echoing = side.clone();
    prop_oneof![
        4 => (side.clone(), proptest::sample::select(&FIELDS[..])).prop_map(|(side, field)| Step::Edit(side, field)),
        1 => Just(Step::Begin),
        2 => (0..2_usize, side).prop_map(|(worker, side)| Step::Read(worker, side)),
        1 => (0..2_usize).prop_map(Step::Commit),
        3 => Just(Step::Decide),
        3 => echoing.prop_map(Step::Overhear),
        2 => Just(Step::AttemptOpen),
        3 => (0..6_usize).prop_map(Step::Land),
    ]
}

fn run(world: &mut World, steps: &[Step]) {
    for step in steps {
        match *step {
            Step::Edit(side, field) => drop(world.edit(side, field)),
            Step::Begin => world.begin(),
            Step::Read(worker, side) => world.read(worker, side),
            Step::Commit(worker) => drop(world.commit(worker)),
            Step::Decide => drop(world.decide()),
            Step::Overhear(side) => world.overhear(side),
            Step::AttemptOpen => world.attempt_open(),
            Step::Land(back) | Step::LandAssociations(back) => {
                let count = world.issued.len();
                match count.checked_sub(1 + back).map(|index| world.issued[index].clone()) {
                    Some(intent) if matches!(step, Step::Land(_)) => drop(world.land(intent.number)),
                    Some(intent) if intent.side == H => world.land_associations(intent.number),
                    Some(_) | None => {}
                }
            }
        }
    }
}

/// After all of this and some quiet, nothing is lost or stale, and a further look writes nothing (I34).
fn keeps_all(world: &mut World, steps: &[Step]) {
    run(world, steps);
    world.settle();
    world.assert_kept();
    let writes = world.writes;
    world.settle();
    assert_eq!(world.writes, writes, "I34: a further look writes nothing");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn no_edit_is_lost_and_nothing_stale_returns_whatever_the_disorder(
        policy in proptest::sample::select(&POLICIES[..]),
        steps in proptest::collection::vec(step(), 1..18),
    ) {
        let mut world = World::agreed(policy);
        keeps_all(&mut world, &steps);
    }

    /// References that HubSpot keeps as associations, which carry no token: a landing is known by its value.
    #[test]
    fn no_association_is_lost_and_nothing_stale_returns_whatever_the_disorder(
        policy in proptest::sample::select(&POLICIES[..]),
        writing in proptest::sample::select(&[Writing::Before, Writing::After][..]),
        steps in proptest::collection::vec(
            prop_oneof![4 => step(), 1 => (0..6_usize).prop_map(Step::LandAssociations)],
            1..18,
        ),
    ) {
        let mut world = World::associated(policy, writing);
        keeps_all(&mut world, &steps);
    }

    /// A Salesforce that rewrites whatever an API writes: the image is what it stored, so that its own rewriting is
    /// no edit; where that cannot be told, it never beats one.
    #[test]
    fn no_edit_is_lost_to_a_rewriting_side(
        policy in proptest::sample::select(&POLICIES[..]),
        steps in proptest::collection::vec(step(), 1..18),
    ) {
        let mut world = World::agreed(policy);
        world.rewriting = |value| format!("{}!", world::plain(value));
        run(&mut world, &steps);
        world.settle();
        world.assert_kept();
    }

    /// With people who take their edits back, what counts as lost is a matter of taste; agreement and quiet are not.
    #[test]
    fn the_sides_agree_and_go_quiet_also_when_edits_are_taken_back(
        policy in proptest::sample::select(&POLICIES[..]),
        steps in proptest::collection::vec((step(), any::<bool>()), 1..18),
    ) {
        let mut world = World::agreed(policy);
        for (step, back) in steps {
            if let (Step::Edit(side, field), true) = (step, back) {
                world.edit_to(side, field, "0");
            } else {
                run(&mut world, &[step]);
            }
        }
        world.settle();
        for field in FIELDS {
            let shown = (world.shown(H, field), world.shown(S, field));
            prop_assert!(world.held(field) || shown.0 == shown.1, "I2 {} is {:?}: {:#?}", field, shown, world);
        }
        let writes = world.writes;
        world.settle();
        prop_assert_eq!(world.writes, writes);
    }
}

#[test]
fn what_was_typed_over_a_late_landing_is_on_record_before_the_write_that_follows_has_landed() {
    let mut world = World::agreed(Policy::Hold);
    world.edit(H, "f");
    let late = world.decide()[0];
    world.edit_to(H, "f", "0");
    world.decide();
    assert!(world.land(late), "Salesforce's row is as it was when this was decided");
    let newer = world.edit(S, "f");
    world.decide();
    world.attempt_open();
    world.overhear(H);
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (newer.clone(), newer));
    assert_eq!(world.losers, ["0".to_owned()].into());
}

#[test]
fn a_conflict_that_is_looked_at_again_and_again_is_written_down_once() {
    let mut world = World::agreed(Policy::Hold);
    world.edit(H, "f");
    let late = world.decide()[0];
    world.edit_to(H, "f", "0");
    world.decide();
    world.land(late);
    world.edit(S, "f"); // On top of the late landing: something gives way.
    world.edit(H, "f");
    world.decide();
    assert!(world.held("f"));
    let decided = world.link.clone();
    for _ in 0..3 {
        world.decide();
    }
    assert_eq!(world.link, decided, "nothing is committed any more");
}

/// A person says that the two are to be left alone.
fn taken_apart(world: &mut World) {
    world.link.status = Status::Apart { settled: false };
}

#[test]
fn what_a_landing_covers_when_the_pair_ends_is_put_back_or_on_record_if_somebody_types_over_it() {
    for typed_over in [false, true] {
        let mut world = World::agreed(Policy::Hold);
        let theirs = world.edit(S, "f");
        let late = world.decide()[0];
        let covered = world.edit(H, "f");
        world.land(late);
        taken_apart(&mut world);
        assert_eq!(world.decide().len(), 1, "what was covered is to be put back");
        let (shown, losers) = match typed_over {
            false => (covered, BTreeSet::new()),
            true => (world.edit(H, "f"), [covered].into()),
        };
        world.settle();
        assert_eq!((world.shown(H, "f"), world.shown(S, "f"), &world.losers), (shown, theirs, &losers));
    }
}

/// Somebody takes an edit back in HubSpot; the write of it lands in Salesforce after both agree again.
fn late_in_salesforce() -> World {
    let mut world = World::agreed(Policy::Hold);
    world.edit(H, "f");
    let late = world.decide()[0];
    world.edit_to(H, "f", "0");
    world.decide();
    assert!(world.land(late));
    world
}

#[test]
fn a_late_landing_in_salesforce_is_taken_back_when_the_pair_ends_as_long_as_hubspot_holds_what_it_covers() {
    let mut world = late_in_salesforce();
    taken_apart(&mut world);
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), ("0".to_owned(), "0".to_owned()));
    assert_eq!((world.writes, world.losers.len()), (2, 0));

    // Somebody typed over it, without having seen what both had agreed on.
    let mut world = late_in_salesforce();
    let typed = world.edit(S, "f");
    taken_apart(&mut world);
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), ("0".to_owned(), typed));
    assert_eq!((world.writes, &world.losers), (1, &["0".to_owned()].into()));

    // What is typed in HubSpot of a pair that has ended is none of Salesforce's business.
    let mut world = late_in_salesforce();
    let typed = world.edit(H, "f");
    taken_apart(&mut world);
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.writes), (typed, "1".to_owned(), 1));
}
