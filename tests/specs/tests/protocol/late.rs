//! What lands late, what people type over it, and how far history reaches.

use concord_core::names::FieldName;

use super::*;

#[test]
fn who_types_what_a_rewriting_side_has_made_of_a_value_agrees_with_it() {
    for (side, typed, shown) in [(H, "1!", "2"), (S, "1", "2!")] {
        let mut world = World::agreed(Policy::Hold);
        world.rewriting = |value| format!("{value}!");
        world.edit(H, "f");
        world.settle();
        world.edit_to(side, "f", typed);
        world.settle();
        assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (typed.to_owned(), typed.to_owned()));
        // From now on an edit of the other side is an edit, and no conflict.
        world.edit(side.other(), "f");
        world.settle();
        assert_eq!((world.shown(H, "f"), world.shown(S, "f")), ("2".to_owned(), shown.to_owned()), "{side}");
        assert_eq!((world.writes, world.held("f")), (2, false), "{side}");
    }
}

#[test]
fn what_lands_after_both_sides_agreed_again_moves_no_base() {
    let mut world = World::agreed(Policy::Hold);
    world.edit(S, "f");
    let delayed = world.decide()[0];
    world.edit_to(S, "f", "0");
    world.decide();
    world.land(delayed);
    let value = world.edit(H, "f");
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.held("f")), (value.clone(), value, false));
    assert_eq!(world.losers, ["0".to_owned()].into(), "what the landing had covered");
}

#[test]
fn what_somebody_typed_is_theirs_though_we_took_the_row_out_of_the_bin_since() {
    let mut world = World::agreed(Policy::Hold);
    world.edit(H, "f");
    let number = world.decide()[0];
    world.land(number);
    let value = world.edit(S, "f");
    world.undelete();
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (value.clone(), value));
    world.assert_kept();
}

#[test]
fn a_conflict_stands_however_often_its_value_is_changed_and_however_few_versions_are_kept() {
    let mut world = World::agreed(Policy::Hold);
    world.depth = 3;
    world.edit(H, "f");
    world.edit(S, "f");
    for _ in 0..5 {
        world.decide();
        world.edit(H, "f");
    }
    world.settle();
    assert_eq!((world.held("f"), world.writes, world.parked.len()), (true, 0, 0));
}

#[test]
fn what_somebody_types_over_a_stale_landing_in_salesforce_is_an_edit() {
    let mut world = World::agreed(Policy::Authority(H));
    let base = world.shown(H, "f");
    world.edit(H, "f");
    let replaced = world.edit(S, "f");
    let delayed = world.decide()[0];
    world.edit_to(H, "f", &base);
    for number in world.decide_anew() {
        world.land(number);
    }
    world.decide();
    assert!(world.land(delayed), "its precondition holds");
    let value = world.edit(S, "f");
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (value.clone(), value));
    assert!(world.losers.contains(&replaced), "what the landing had covered");
    world.assert_kept();
}

#[test]
fn a_field_without_history_is_taken_as_its_row_shows_it() {
    let mut world = World::agreed(Policy::Hold);
    world.depth = 0;
    let value = world.edit(H, "f");
    world.settle();
    assert_eq!((world.shown(S, "f"), world.writes), (value, 1));
    let value = world.edit(S, "f");
    world.settle();
    assert_eq!((world.shown(H, "f"), world.writes, world.parked.len()), (value, 2, 0));
}

#[test]
fn a_field_whose_history_does_not_reach_back_to_the_last_agreement_is_left_to_a_person() {
    let mut world = World::agreed(Policy::Hold);
    world.depth = 1;
    world.edit(H, "f");
    world.edit(H, "f");
    world.decide();
    assert_eq!((world.shown(S, "f"), world.writes), ("0".to_owned(), 0));
    assert_eq!(world.parked, [FieldName::from("f")].into());

    // As the person is told: the same value on both sides.
    world.edit_to(H, "f", "same");
    world.edit_to(S, "f", "same");
    world.decide();
    let value = world.edit(S, "f");
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (value.clone(), value));
}

#[test]
fn who_types_again_what_we_had_written_is_somebody() {
    let mut world = World::agreed(Policy::Hold);
    let written = world.edit(S, "f");
    world.settle();
    world.edit(H, "f");
    world.edit_to(H, "f", &written);
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.writes), (written.clone(), written, 1));
}

#[test]
fn what_a_script_writes_with_our_login_is_an_edit() {
    let mut world = World::agreed(Policy::Hold);
    world.edit(S, "f");
    world.settle();
    world.scripts("f", "0");
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.writes), ("0".to_owned(), "0".to_owned(), 2));
}

#[test]
fn who_types_over_a_stale_landing_in_hubspot_meets_nobodys_edit() {
    let mut world = World::agreed(Policy::Hold);
    world.edit(S, "f");
    let delayed = world.decide()[0];
    let covered = world.edit(S, "f");
    world.decide();
    world.attempt_open();
    world.decide();
    world.land(delayed);
    let value = world.edit(H, "f");
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.held("f")), (value.clone(), value, false));
    assert_eq!(world.losers, [covered].into());
}

#[test]
fn what_lands_after_it_was_forgotten_is_taken_back() {
    let mut world = World::agreed(Policy::Hold);
    world.edit(S, "f");
    let delayed = world.decide()[0];
    let value = world.edit(S, "f");
    world.settle();
    world.now += jiff::SignedDuration::from_hours(1);
    world.decide();
    assert_eq!(world.link.intents, Vec::new());
    world.land(delayed);
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (value.clone(), value));
    world.assert_kept();
}

#[test]
fn an_association_that_lands_after_both_sides_agreed_again_moves_no_base() {
    let mut world = World::associated(Policy::Hold, Writing::After);
    let before = world.shown(S, "f");
    world.edit(S, "f");
    let delayed = world.decide()[0];
    world.edit_to(S, "f", &before);
    world.decide();
    world.land_associations(delayed);
    let value = world.edit(H, "f");
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f"), world.held("f")), (value.clone(), value, false));
    assert_eq!(world.losers, [before].into());
}

#[test]
fn what_our_landing_hid_and_somebody_typed_over_is_on_record_though_the_field_is_held() {
    let mut world = World::agreed(Policy::Hold);
    world.edit(S, "f");
    let number = world.decide()[0];
    let hidden = world.edit(H, "f");
    world.land(number);
    world.edit(H, "f");
    world.edit(S, "f");
    world.settle();
    assert!(world.held("f"));
    assert_eq!(world.losers, [hidden].into());
    world.assert_kept();
}

#[test]
fn an_association_is_the_landing_of_the_intent_that_sent_it() {
    let mut world = World::associated(Policy::Hold, Writing::After);
    world.edit(S, "f");
    let first = world.decide()[0];
    let value = world.edit(S, "f");
    world.decide_anew();
    world.land_associations(first);
    world.settle();
    assert_eq!((world.shown(H, "f"), world.shown(S, "f")), (value.clone(), value));
}
