//! The runs of this model: the table of links.

use super::rules::{Beyond, Bounds, Clock, Echo, Guard, Mutant, Policy, Rules, Stamps, Truncated};
use super::terms::Side;
use super::world::Links;
use crate::explore::{Length, Run, explore};

const H: Policy = Policy::Authority(Side::H);
const S: Policy = Policy::Authority(Side::S);
const POLICIES: [Policy; 3] = [H, S, Policy::Hold];

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
    expected: [&'static str; 3],
) {
    for (policy, expected) in POLICIES.into_iter().zip(expected) {
        runs.push(run(rules(policy), bounds, length, expected));
    }
}

fn run(rules: Rules, bounds: Bounds, length: Length, expected: &'static str) -> Run {
    let model = Links { rules, bounds };
    Run {
        model: "links",
        rules: format!("{}, {}", rules.name, rules.policy),
        bounds: bounds.words(),
        length,
        expected,
        explore: Box::new(move |limits| explore(model, limits)),
    }
}

fn designs(runs: &mut Vec<Run>) {
    let (short, long) = (Length::Short, Length::Long);
    let three = Bounds::of(3, 0).with_undo();
    under_each(runs, Rules::as_written, three, short, ["ACF"; 3]);
    under_each(runs, Rules::as_written, three.faults(1), long, ["ACF"; 3]);
    under_each(runs, Rules::base_before, three, short, ["A"; 3]);
    under_each(runs, Rules::base_after, three.faults(1), long, ["A"; 3]);
    runs.push(run(Rules::base_after(H), Bounds::of(2, 1), short, "A"));
    let holds = [""; 3];
    under_each(runs, Rules::fixed, three.faults(1), short, holds);
    under_each(runs, Rules::fixed, three.faults(2), long, holds);
    under_each(runs, Rules::fixed, Bounds::of(2, 0).two_workers(7), short, holds);
    under_each(runs, Rules::fixed, Bounds::of(3, 0).two_workers(7), long, holds);
    under_each(runs, Rules::fixed, three.fields(1).two_workers(7), long, holds);
    under_each(runs, Rules::fixed, Bounds::of(2, 1).two_workers(7), long, holds);
    under_each(runs, Rules::fixed, Bounds::of(4, 1), long, holds);
    under_each(runs, Rules::fixed, Bounds::of(4, 1).with_undo(), long, holds);
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
        under_each(runs, rules, three.faults(1), Length::Long, ["AC"; 3]);
    }
    under_each(runs, Rules::batched, three, Length::Short, [""; 3]);
    under_each(runs, Rules::batched, three.faults(1), Length::Long, [""; 3]);
    under_each(runs, Rules::batched, three.faults(2), Length::Long, [""; 3]);
}

/// Each rule broken by itself.
fn mutants(runs: &mut Vec<Run>) {
    let three = Bounds::of(3, 0).with_undo();
    let mutants: [(&'static str, &'static [Mutant], Bounds, &'static str); 12] = [
        ("hresponse", &[Mutant::HResponse], three, "AC"),
        ("equalraw", &[Mutant::EqualRaw], three, "AC"),
        ("hiddenmoves", &[Mutant::HiddenMoves], three, "AC"),
        ("hiddenbyvalue", &[Mutant::HiddenByValue], three.faults(1), "AC"),
        ("restoremoves", &[Mutant::RestoreMoves], three, "ABC"),
        ("currenttoken", &[Mutant::CurrentToken], three, "AC"),
        ("editonzombie", &[Mutant::EditOnZombie], three, "A"),
        ("forgetzombies", &[Mutant::ForgetZombies], Bounds::of(2, 1), "AC"),
        ("forgetsettled", &[Mutant::ForgetSettled], three.faults(1), "C"),
        ("wholerow", &[Mutant::WholeRow], Bounds::of(2, 1), "ABC"),
        ("linkreadlast", &[Mutant::LinkReadLast], Bounds::of(1, 0).two_workers(7), "AC"),
        ("unnumbered", &[Mutant::Unnumbered], three.faults(1), "C"),
    ];
    for (name, broken, bounds, expected) in mutants {
        under_each(runs, |policy| Rules::broken(policy, name, broken), bounds, Length::Short, [expected; 3]);
        if bounds.workers == 1 {
            let wide = three.faults(1);
            under_each(runs, |policy| Rules::broken(policy, name, broken), wide, Length::Long, [expected; 3]);
        }
    }
}

/// P4: Salesforce stores something else than it is sent, and does not say what.
fn rewriting(runs: &mut Vec<Run>) {
    for (name, echo, expected) in [
        ("echo-always", Echo::Always, ["ABC"; 3]),
        ("echo-sent", Echo::Sent, ["", "C", "C"]),
        ("echo-ifours", Echo::IfOurs, ["", "C", "C"]),
        ("echo-weak", Echo::Weak, [""; 3]),
    ] {
        let rules = |policy| Rules { name, rewriting: Some(echo), ..Rules::fixed(policy) };
        under_each(runs, rules, Bounds::of(3, 0), Length::Short, expected);
        under_each(runs, rules, Bounds::of(3, 1), Length::Long, expected);
    }
}

/// P5: stamps of one second.
fn stamps(runs: &mut Vec<Run>) {
    for (name, stamps, expected) in [
        ("seconds taken as they come", Stamps::Second, "A"),
        ("seconds waited for", Stamps::SecondWaited, ""),
    ] {
        let rules = |policy| Rules { name, stamps, ..Rules::fixed(policy) };
        under_each(runs, rules, Bounds::of(3, 0), Length::Short, [expected; 3]);
        under_each(runs, rules, Bounds::of(3, 1).with_undo(), Length::Long, [expected; 3]);
    }
}

/// P5: a history that does not reach back to the base.
fn histories(runs: &mut Vec<Run>) {
    for (name, then, expected) in [
        ("two versions kept, the rest taken for all", Beyond::GoOn, "A"),
        ("two versions kept, parked beyond", Beyond::Park, ""),
    ] {
        let truncated = Some(Truncated { versions_max: 2, then });
        let rules = |policy| Rules { name, truncated, ..Rules::fixed(policy) };
        under_each(runs, rules, Bounds::of(3, 0).with_undo(), Length::Short, [expected; 3]);
        under_each(runs, rules, Bounds::of(3, 1).with_undo(), Length::Long, [expected; 3]);
    }
}

/// P7: the later edit wins, where that is certain.
fn newest(runs: &mut Vec<Run>) {
    for (name, clock, expected) in [
        ("newest within the clocks' error", Clock::Bounded, ""),
        ("newest by the clocks as they are", Clock::Trusted, "N"),
        ("newest by Salesforce's row stamp", Clock::RowStamp, "N"),
    ] {
        for otherwise in Side::BOTH {
            let rules = Rules { name, ..Rules::fixed(Policy::Newest { otherwise, clock }) };
            runs.push(run(rules, Bounds::of(3, 0), Length::Short, expected));
            runs.push(run(rules, Bounds::of(3, 1), Length::Long, expected));
        }
    }
}
