//! P1 to P5 and P7 as the model of links judges them: what holds, what breaks, and the shortest way there.

use concord_model::explore::{Ending, Length, Limits, Report, Run, Verdict, explore_for};
use concord_model::links::rules::{
    Beyond, Bounds, Clock, Echo, Guard, Mutant, Policy, Rules, Stamps, Truncated,
};
use concord_model::links::terms::Side;
use concord_model::links::world::Links;

const H: Policy = Policy::Authority(Side::H);
const S: Policy = Policy::Authority(Side::S);

/// Just enough to see a thing break.
const TWO_EDITS: Bounds = Bounds::of(2, 0).fields(1);
const TWO_EDITS_AND_A_FAULT: Bounds = TWO_EDITS.faults(1);
const THREE_EDITS: Bounds = TWO_EDITS.edits(3);

fn explore(rules: Rules, bounds: Bounds, letters: &str) -> Report {
    explore_for(Links { rules, bounds }, letters, Limits::default())
}

/// The shortest way to break a law.
fn trace(rules: Rules, bounds: Bounds, letter: &str) -> Vec<String> {
    let report = explore(rules, bounds, letter);
    assert_eq!(report.ending, Ending::AllBroken, "{rules:?}");
    letter.chars().flat_map(|letter| report.trace(letter)).collect()
}

fn short_runs() -> impl Iterator<Item = Run> {
    concord_model::links::runs().into_iter().filter(|run| run.length == Length::Short)
}

fn assert_is_as_the_table_says(run: &Run) {
    let report = (run.explore)(Limits::default());
    assert_eq!(report.ending, Ending::Complete, "{}", run.name());
    assert!(report.is_as(run.expected), "{}: {:?}", run.name(), report.verdicts);
}

#[test]
fn the_fixed_rules_hold() {
    let fixed: Vec<Run> = short_runs().filter(|run| run.rules.starts_with("fixed")).collect();
    assert!(!fixed.is_empty() && fixed.iter().all(|run| run.expected.is_empty()));
    fixed.iter().for_each(assert_is_as_the_table_says);
}

#[test]
fn every_other_short_run_of_the_table_is_as_it_says() {
    let others = short_runs().filter(|run| !run.rules.starts_with("fixed"));
    others.for_each(|run| assert_is_as_the_table_says(&run));
}

#[test]
fn each_rule_that_is_broken_on_purpose_is_missed() {
    for mutant in Mutant::ALL {
        let name = mutant.name();
        let runs = short_runs().filter(|run| run.rules.starts_with(name));
        let expected: Vec<&str> = runs.map(|run| run.expected).collect();
        assert_eq!(expected.len(), 3, "{name} runs under each policy");
        assert!(expected.iter().all(|laws| laws.contains(['A', 'B', 'C'])), "{name}: {expected:?}");
    }
}

#[test]
fn ten_intents_are_more_than_one_worker_ever_issues() {
    let bounds = Bounds::of(3, 0).with_undo();
    for rules in [Rules::fixed(H), Rules::fixed(S), Rules::fixed(Policy::Hold), Rules::batched(H)] {
        let within_more = Bounds { intents: 20, ..bounds };
        assert_eq!(explore(rules, bounds, "A").states, explore(rules, within_more, "A").states);
    }
}

/// The restore's landing moves the base, which claims that Salesforce had agreed to 2; then 3, typed by somebody
/// who never saw 2, is taken for an answer to it.
#[test]
fn w1_a_hidden_edit_is_put_back_and_the_base_moves_with_it() {
    assert_eq!(
        trace(Rules::broken(H, Mutant::RestoreMoves), THREE_EDITS, "A"),
        [
            "a person sets S.f:=1",
            "the worker reads H",
            "a person sets H.f:=2",
            "the worker reads S",
            "the worker decides on H=[0], S=[1]: i1 H.f:=1",
            "i1 to H lands",
            "the worker reads H",
            "the worker reads S",
            "a person sets S.f:=3",
            "the worker decides on H=[1], S=[1]: i2 H.f:=2 (restore); i3 S.f:=2",
            "i2 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[2], S=[3]: i4 H.f:=3",
            "i4 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[3], S=[3]",
        ]
    );
}

#[test]
fn w1_a_hidden_edit_that_is_put_back_can_leave_both_sides_apart_and_at_rest() {
    assert_eq!(
        trace(Rules::as_written(Policy::Hold), TWO_EDITS, "B"),
        [
            "a person sets S.f:=1",
            "the worker reads H",
            "a person sets H.f:=2",
            "the worker reads S",
            "the worker decides on H=[0], S=[1]: i1 H.f:=1",
            "i1 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[1], S=[1]: i2 H.f:=2 (restore); i3 S.f:=2",
            "i2 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[2], S=[1]",
        ]
    );
}

/// i1 lands late, and i3, about another field, puts its own token over it.
#[test]
fn w2_a_later_token_masks_a_zombie() {
    assert_eq!(
        trace(Rules::as_written(H), Bounds::of(3, 1).edited_in_salesforce(), "A"),
        [
            "a person sets S.f:=1",
            "the worker reads H",
            "the worker reads S",
            "a person sets S.f:=2",
            "the worker decides on H=[0, 0], S=[1, 0]: i1 H.f:=1",
            "i1 to H is delayed",
            "the worker reads H",
            "the worker reads S",
            "a person sets S.g:=3",
            "the worker decides on H=[0, 0], S=[2, 0]: i2 H.f:=2",
            "i2 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[2, 0], S=[2, 3]: i3 H.g:=3",
            "i1 to H lands, late",
            "i3 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[1, 3], S=[2, 3]: i4 S.f:=1",
            "i4 to S lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[1, 3], S=[1, 3]",
        ]
    );
}

#[test]
fn w3_a_repeated_landing_hides_an_edit_under_an_equal_token() {
    assert_eq!(
        trace(Rules::as_written(H), TWO_EDITS_AND_A_FAULT, "A"),
        [
            "a person sets S.f:=1",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[0], S=[1]: i1 H.f:=1",
            "i1 to H lands, and will once more",
            "a person sets H.f:=2",
            "the worker reads S",
            "i1 to H lands, late",
            "the worker reads H",
            "the worker decides nothing on H=[1], S=[1]",
        ]
    );
}

/// The second worker has read S before i1 landed, and decides after that was settled.
#[test]
fn w4_rows_read_before_the_link_undo_what_was_settled_since() {
    assert_eq!(
        trace(Rules::broken(H, Mutant::LinkReadLast), TWO_EDITS.edits(1).two_workers(7), "A"),
        [
            "a person sets H.f:=1",
            "a worker reads H",
            "a worker reads H",
            "a worker reads S",
            "a worker reads S",
            "a worker decides on H=[1], S=[0]: i1 S.f:=1",
            "a worker sends i1 to S",
            "i1 to S lands",
            "a worker reads H",
            "a worker reads S",
            "a worker decides nothing on H=[1], S=[1]",
            "a worker decides on H=[1], S=[0]: i2 H.f:=0",
            "a worker reads S",
            "a worker sends i2 to H",
            "i2 to H lands",
            "a worker reads H",
            "a worker reads H",
            "a worker decides on H=[0], S=[1]: i3 S.f:=0 (repair)",
            "a worker sends i3 to S",
            "i3 to S lands",
            "a worker reads S",
            "a worker decides nothing on H=[0], S=[0]",
        ]
    );
}

#[test]
fn w5_without_history_or_precondition_an_edit_is_overwritten_unseen() {
    assert_eq!(
        trace(Rules { hubspot: Guard::None, ..Rules::fixed(H) }, TWO_EDITS, "A"),
        [
            "a person sets S.f:=1",
            "the worker reads H",
            "a person sets H.f:=2",
            "the worker reads S",
            "the worker decides on H=[0], S=[1]: i1 H.f:=1",
            "i1 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[1], S=[1]",
        ]
    );
    assert_eq!(
        trace(Rules { salesforce: Guard::None, ..Rules::fixed(H) }, TWO_EDITS, "A"),
        [
            "a person sets H.f:=1",
            "the worker reads H",
            "the worker reads S",
            "a person sets S.f:=2",
            "the worker decides on H=[1], S=[0]: i1 S.f:=1",
            "i1 to S lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[1], S=[1]",
        ]
    );
}

/// 1 was taken back before i1 landed; i2, decided later, has moved the base since.
#[test]
fn w6_a_landing_on_one_side_moves_a_base_that_a_later_one_on_the_other_has_set() {
    assert_eq!(
        trace(Rules::broken(H, Mutant::Unnumbered), THREE_EDITS.with_undo().faults(1), "C"),
        [
            "a person sets H.f:=1",
            "a person sets S.f:=2",
            "the worker reads H",
            "a person sets H.f:=0",
            "the worker reads S",
            "the worker decides on H=[1], S=[2]: i1 S.f:=1",
            "i1 to S is delayed",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[0], S=[2]: i2 H.f:=2",
            "i2 to H lands",
            "the worker reads H",
            "i1 to S lands, late",
            "the worker reads S",
            "the worker decides on H=[2], S=[1]: i3 H.f:=1",
            "i3 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[1], S=[1]",
        ]
    );
}

/// The value is the one that i2 was decided on, but it was typed after i1 had shown another.
#[test]
fn an_undo_typed_since_the_decision_is_hidden_although_its_value_is_the_expected_one() {
    assert_eq!(
        trace(Rules::broken(H, Mutant::HiddenByValue), TWO_EDITS_AND_A_FAULT.with_undo(), "C"),
        [
            "a person sets S.f:=1",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[0], S=[1]: i1 H.f:=1",
            "i1 to H is delayed",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[0], S=[1]: i2 H.f:=1",
            "i1 to H lands, late",
            "a person sets H.f:=0",
            "i2 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[1], S=[1]",
        ]
    );
}

#[test]
fn an_echo_taken_for_the_image_swallows_an_edit() {
    assert_eq!(
        trace(Rules { rewriting: Some(Echo::Always), ..Rules::fixed(H) }, TWO_EDITS, "B"),
        [
            "a person sets H.f:=1",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[1], S=[0]: i1 S.f:=1",
            "i1 to S lands",
            "a person sets S.f:=2",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[1], S=[2]",
        ]
    );
}

/// Somebody else was the last to modify the row, so that 1' looks like an edit of f.
#[test]
fn an_echo_under_an_edit_of_another_field_beats_a_newer_value_unless_it_is_unproven() {
    let bounds = Bounds::of(3, 0);
    assert_eq!(
        trace(Rules { rewriting: Some(Echo::IfOurs), ..Rules::fixed(S) }, bounds, "C"),
        [
            "a person sets H.f:=1",
            "the worker reads H",
            "a person sets H.f:=2",
            "the worker reads S",
            "the worker decides on H=[1, 0], S=[0, 0]: i1 S.f:=1",
            "i1 to S lands",
            "a person sets S.g:=3",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[2, 0], S=[1', 3]: i2 H.f:=1', H.g:=3",
            "i2 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[1', 3], S=[1', 3]",
        ]
    );
    let weak = explore(Rules { rewriting: Some(Echo::Weak), ..Rules::fixed(S) }, bounds, "ABCD");
    assert!(weak.is_as(""), "{:?}", weak.verdicts);
}

#[test]
fn two_edits_within_a_second_are_one_to_a_precondition() {
    let trace_of = |stamps| trace(Rules { stamps, ..Rules::fixed(H) }, THREE_EDITS, "A");
    let taken_as_they_come = [
        "a person sets H.f:=1",
        "a person sets S.f:=2",
        "the worker reads H",
        "the worker reads S",
        "a person sets S.f:=3",
        "the worker decides on H=[1], S=[2]: i1 S.f:=1",
        "i1 to S lands",
        "the worker reads H",
        "the worker reads S",
        "the worker decides nothing on H=[1], S=[1]",
    ];
    assert_eq!(trace_of(Stamps::Second), taken_as_they_come);
    // An answer that was dated after the look at the row vouches for a second in which more happened.
    let mut dated_as_it_leaves = taken_as_they_come.to_vec();
    dated_as_it_leaves.insert(5, "the second ends");
    assert_eq!(trace_of(Stamps::SecondAnsweredLater), dated_as_it_leaves);
    let waited = explore(Rules { stamps: Stamps::SecondWaited, ..Rules::fixed(H) }, THREE_EDITS, "");
    assert!(waited.is_as(""), "{:?}", waited.verdicts);
}

/// 2 is no longer in the history by the time that it would be put on record.
#[test]
fn a_history_that_does_not_reach_back_hides_a_hidden_edit() {
    let rules = |then| Rules { truncated: Some(Truncated { versions_max: 2, then }), ..Rules::fixed(H) };
    assert_eq!(
        trace(rules(Beyond::GoOn), THREE_EDITS, "A"),
        [
            "a person sets S.f:=1",
            "the worker reads H",
            "a person sets H.f:=2",
            "the worker reads S",
            "the worker decides on H=[0], S=[1]: i1 H.f:=1",
            "i1 to H lands",
            "a person sets H.f:=3",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[3], S=[1]: i2 S.f:=3",
            "i2 to S lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides nothing on H=[3], S=[3]",
        ]
    );
    let parked = explore(rules(Beyond::Park), THREE_EDITS, "");
    assert!(parked.is_as(""), "{:?}", parked.verdicts);
}

#[test]
fn newest_is_not_told_by_clocks_that_differ_nor_by_the_stamp_of_a_row() {
    let newest = |clock| Rules::fixed(Policy::Newest { otherwise: Side::S, clock });
    assert_eq!(
        trace(newest(Clock::Trusted), Bounds::of(3, 0), "N"),
        [
            "a person sets H.f:=1",
            "a person sets S.f:=2",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[1, 0], S=[2, 0]: i1 S.f:=1",
        ]
    );
    assert_eq!(
        trace(newest(Clock::RowStamp), Bounds::of(3, 0), "N"),
        [
            "a person sets S.f:=1",
            "a person sets H.f:=2",
            "a person sets S.g:=3",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[2, 0], S=[1, 3]: i1 H.f:=1, H.g:=3",
        ]
    );
}

/// The restore of 2 landed after 3 was typed, and all up to it is accounted for; but 2 was typed before 3. So the
/// second look decides against the first.
#[test]
fn newest_is_not_told_by_the_place_up_to_which_a_history_is_accounted_for() {
    let newest = |clock| Rules::fixed(Policy::Newest { otherwise: Side::S, clock });
    assert_eq!(
        trace(newest(Clock::PlaceStamp), Bounds::of(4, 0), "N"),
        [
            "a person sets S.f:=1",
            "the worker reads H",
            "a person sets H.f:=2",
            "the worker reads S",
            "the worker decides on H=[0, 0], S=[1, 0]: i1 H.f:=1",
            "i1 to H lands",
            "the worker reads H",
            "the worker reads S",
            "a person sets S.f:=3",
            "a person sets H.g:=4",
            "the worker decides on H=[1, 0], S=[1, 0]: i2 H.f:=2 (restore); i3 S.f:=2",
            "i2 to H lands",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[2, 4], S=[3, 0]: i4 H.f:=3; i5 S.g:=4",
            "the worker reads H",
            "the worker reads S",
            "the worker decides on H=[2, 4], S=[3, 0]: i6 S.f:=2, S.g:=4",
        ]
    );
}

#[test]
fn a_run_that_hits_its_limit_is_never_called_complete() {
    let limits = Limits { steps_max: 1_000, ..Limits::default() };
    let report = explore_for(Links { rules: Rules::fixed(H), bounds: Bounds::of(3, 1) }, "", limits);
    assert_eq!(report.ending, Ending::CutOff);
    assert!(report.verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Unknown));
    assert!(!report.is_as(""), "what was not seen to the end is unknown");
}
