//! The runs of this model: the table of links.

use super::rules::{Beyond, Bounds, Clock, Echo, Guard, Mutant, Policy, Rules, Stamps, Truncated};
use super::terms::Side;
use super::world::Links;
use crate::explore::{Length, Run};

const H: Policy = Policy::Authority(Side::H);
const S: Policy = Policy::Authority(Side::S);
const POLICIES: [Policy; 3] = [H, S, Policy::Hold];

/// What is broken under each policy.
type Expected = [&'static str; 3];

const HOLDS: Expected = [""; 3];

/// Two workers can redo each other's work for ever.
const INTENTS_OF_TWO: u8 = 7;

/// Every run of this model.
#[must_use]
pub fn runs() -> Vec<Run> {
    let mut runs = Vec::new();
    designs(&mut runs);
    guards(&mut runs);
    mutants(&mut runs);
    rewriting(&mut runs);
    stamps(&mut runs);
    histories(&mut runs);
    newest(&mut runs);
    runs
}

/// One line for each policy.
fn under_each(
    runs: &mut Vec<Run>,
    rules: impl Fn(Policy) -> Rules,
    bounds: Bounds,
    length: Length,
    expected: Expected,
) {
    for (policy, expected) in POLICIES.into_iter().zip(expected) {
        runs.push(run(rules(policy), bounds, length, expected));
    }
}

fn run(rules: Rules, bounds: Bounds, length: Length, expected: &'static str) -> Run {
    let model = Links { rules, bounds };
    Run::of(
        "links",
        (format!("{}, {}", rules.name, rules.policy), bounds.words()),
        (length, expected),
        model,
        "",
    )
}

fn designs(runs: &mut Vec<Run>) {
    let three = Bounds::of(3, 0).with_undo();
    let two_workers = Bounds::of(2, 0).two_workers(INTENTS_OF_TWO);
    let (short, long) = (Length::Short, Length::Long);
    under_each(runs, Rules::base_before, Bounds::of(2, 0), short, ["ACEF"; 3]);
    under_each(runs, Rules::base_after, Bounds::of(2, 1), short, ["ACEF"; 3]);
    under_each(runs, Rules::as_written, three, short, ["ABCE", "ABCE", "ABE"]);
    under_each(runs, Rules::as_written, three.faults(1), long, ["ABCEF"; 3]);
    let salesforce_only = Bounds::of(3, 1).edited_in_salesforce();
    under_each(runs, Rules::as_written, salesforce_only, short, ["ACEF"; 3]);
    for (bounds, length) in [
        (three.faults(1), short),
        (two_workers, short),
        (three.faults(2), long),
        (Bounds { edits: 3, ..two_workers }, long),
        (Bounds { edits: 3, fields: 1, undo: true, ..two_workers }, long),
        (two_workers.faults(1), long),
        (Bounds::of(4, 1), long),
        (Bounds::of(4, 1).with_undo().fields(1), long),
        (Bounds::of(4, 1).with_undo(), long),
    ] {
        under_each(runs, Rules::fixed, bounds, length, HOLDS);
    }
    for (bounds, length) in [
        (three, short),
        (Bounds::of(2, 1).with_undo(), short),
        (three.faults(1), long),
        (three.faults(2), long),
        (Bounds { edits: 3, ..two_workers }, long),
    ] {
        under_each(runs, Rules::dropping, bounds, length, HOLDS);
    }
}

/// P5: what each side has to offer.
fn guards(runs: &mut Vec<Run>) {
    let three = Bounds::of(3, 0).with_undo();
    for (name, hubspot, salesforce) in [
        ("HubSpot's history off", Guard::None, Guard::CompareAndSet),
        ("Salesforce's precondition off", Guard::History, Guard::None),
    ] {
        let rules = |policy| Rules { name, hubspot, salesforce, ..Rules::fixed(policy) };
        under_each(runs, rules, three, Length::Short, ["A"; 3]);
        under_each(runs, rules, three.faults(1), Length::Long, ["ACEF"; 3]);
    }
    under_each(runs, Rules::batched, three, Length::Short, HOLDS);
    under_each(runs, Rules::batched, three.faults(1), Length::Long, HOLDS);
    under_each(runs, Rules::batched, three.faults(2), Length::Long, HOLDS);
}

/// Each rule broken by itself, within bounds that are just wide enough, and within wide ones.
fn mutants(runs: &mut Vec<Run>) {
    use Mutant as M;
    let narrow = Bounds::of(3, 0).with_undo();
    let wide = narrow.faults(1);
    let mutants: [(Mutant, Bounds, Expected, Expected); 11] = [
        (M::HResponse, narrow, ["A"; 3], ["AC"; 3]),
        (M::EqualRaw, narrow, ["A", "AC", "A"], ["ACE"; 3]),
        (M::HiddenMoves, narrow, ["A"; 3], ["AC"; 3]),
        (M::HiddenByValue, wide.edits(2).fields(1), ["AC"; 3], ["AC"; 3]),
        (M::RestoreMoves, narrow, ["ABC", "B", "AB"], ["ABC", "AB", "AB"]),
        (M::CurrentToken, narrow, ["ACDEF", "CDEF", "ACDEF"], ["ACDEF"; 3]),
        (M::EditOnZombie, narrow, ["AF", "ACF", "AF"], ["AF", "ACF", "AF"]),
        (M::ForgetZombies, wide.fields(1), ["CEF"; 3], ["CEF"; 3]),
        (M::ForgetSettled, wide.fields(1), ["CEF"; 3], ["CEF"; 3]),
        (M::WholeRow, Bounds::of(2, 1), ["B"; 3], ["ABCE"; 3]),
        (M::Unnumbered, wide.fields(1), ["CE"; 3], ["CE"; 3]),
    ];
    for (mutant, bounds, within_narrow, within_wide) in mutants {
        let rules = |policy| Rules::broken(policy, mutant);
        under_each(runs, rules, bounds, Length::Short, within_narrow);
        under_each(runs, rules, wide, Length::Long, within_wide);
    }
    let rules = |policy| Rules::broken(policy, M::LinkReadLast);
    under_each(runs, rules, Bounds::of(1, 0).two_workers(INTENTS_OF_TWO), Length::Short, ["ACE"; 3]);
}

/// P4: Salesforce stores something else than it is sent, and does not say what.
fn rewriting(runs: &mut Vec<Run>) {
    for (name, echo, expected) in [
        ("echo-always", Echo::Always, ["AB"; 3]),
        ("echo-sent", Echo::Sent, ["EF", "CEF", "EF"]),
        ("echo-ifours", Echo::IfOurs, ["EF", "CEF", "EF"]),
        ("echo-weak", Echo::Weak, ["EF"; 3]),
    ] {
        let rules = |policy| Rules { name, rewriting: Some(echo), ..Rules::fixed(policy) };
        under_each(runs, rules, Bounds::of(3, 0), Length::Short, expected);
        under_each(runs, rules, Bounds::of(3, 1), Length::Long, expected);
    }
}

/// P5: stamps of one second.
fn stamps(runs: &mut Vec<Run>) {
    for (name, stamps, short, long) in [
        ("seconds taken as they come", Stamps::Second, ["A"; 3], ["ACE"; 3]),
        ("seconds waited for", Stamps::SecondWaited, HOLDS, HOLDS),
        (
            "seconds waited for, answers dated as they leave",
            Stamps::SecondAnsweredLater,
            ["A"; 3],
            ["A", "AC", "A"],
        ),
    ] {
        let rules = |policy| Rules { name, stamps, ..Rules::fixed(policy) };
        under_each(runs, rules, Bounds::of(3, 0), Length::Short, short);
        under_each(runs, rules, Bounds::of(3, 1).with_undo(), Length::Long, long);
    }
}

/// P5: a history that does not reach back to the base.
fn histories(runs: &mut Vec<Run>) {
    for (name, then, short, long) in [
        ("two versions kept, the rest taken for all", Beyond::GoOn, ["ADF", "ACDF", "ADF"], ["ACDF"; 3]),
        ("two versions kept, parked beyond", Beyond::Park, HOLDS, HOLDS),
    ] {
        let truncated = Some(Truncated { versions_max: 2, then });
        let rules = |policy| Rules { name, truncated, ..Rules::fixed(policy) };
        under_each(runs, rules, Bounds::of(3, 0).with_undo(), Length::Short, short);
        under_each(runs, rules, Bounds::of(3, 1).with_undo(), Length::Long, long);
    }
}

/// P7: the later edit wins, where that is certain.
fn newest(runs: &mut Vec<Run>) {
    // By the time of a place, three edits are too few to go wrong.
    for (name, clock, by_three, else_h, else_s) in [
        ("newest within the clocks' error", Clock::Bounded, "", "", ""),
        ("newest by the clocks as they are", Clock::Trusted, "N", "N", "N"),
        ("newest by Salesforce's row stamp", Clock::RowStamp, "N", "N", "N"),
        ("newest by the place accounted for", Clock::PlaceStamp, "", "", "N"),
    ] {
        for (otherwise, by_four) in [(Side::H, else_h), (Side::S, else_s)] {
            let rules = Rules { name, ..Rules::fixed(Policy::Newest { otherwise, clock }) };
            runs.push(run(rules, Bounds::of(3, 0), Length::Short, by_three));
            runs.push(run(rules, Bounds::of(3, 1), Length::Long, by_three));
            runs.push(run(rules, Bounds::of(4, 0), Length::Long, by_four));
        }
    }
}
