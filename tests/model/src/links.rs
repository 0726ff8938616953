//! The model of links: one pair of records, two fields, P1 to P5 and P7.

pub mod decide;
pub mod judge;
pub mod rules;
pub mod settle;
pub mod terms;
pub mod world;

use crate::explore::{Length, Run, explore};
use rules::{Bounds, Policy, Rules};
use terms::Side;
use world::Links;

/// Every run of this model.
#[must_use]
pub fn runs() -> Vec<Run> {
    let mut runs = Vec::new();
    for policy in [Policy::Authority(Side::H), Policy::Authority(Side::S), Policy::Hold] {
        runs.push(run(Rules::fixed(policy), Bounds::of(2, 1), Length::Short, ""));
        runs.push(run(Rules::as_written(policy), Bounds::of(3, 0), Length::Short, "A"));
    }
    runs
}

fn run(rules: Rules, bounds: Bounds, length: Length, expected: &'static str) -> Run {
    let model = Links { rules, bounds };
    Run {
        model: "links",
        rules: format!("{}, {:?}", rules.name, rules.policy),
        bounds: bounds.words(),
        length,
        expected,
        explore: Box::new(move |limits| explore(model, limits)),
    }
}
