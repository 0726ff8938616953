//! The crash walk (DESIGN 9): each scenario is lived through undisturbed, and then once for every effect with a
//! worker that dies right after it, dies right before it if its job begins there, or is overtaken there by another; and with
//! every job done twice. Whatever happened, the end is the one that stands here, and looking at everything once more writes nothing.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

#[path = "crash_walk/deals.rs"]
mod deals;
#[path = "crash_walk/edits.rs"]
mod edits;
#[path = "crash_walk/leads.rs"]
mod leads;
#[path = "crash_walk/mishaps.rs"]
mod mishaps;
#[path = "crash_walk/records.rs"]
mod records;

use concord_simulation::course::Strike;
use concord_simulation::walk::{Act, Ended, Scenario, play};

/// Failures of one test that are shown.
const SHOWN_MAX: usize = 2;

type Acts = &'static [Act];
type Ends = &'static [&'static str];

/// A scenario with contacts; conflicts are held.
const fn contact(name: &'static str, acts: Acts, ends: Ends) -> Scenario {
    Scenario { name, object: "contact", policy: "hold", archives: false, purges: false, acts, ends }
}

/// A scenario with companies; conflicts are held.
const fn company(name: &'static str, acts: Acts, ends: Ends) -> Scenario {
    Scenario { name, object: "company", policy: "hold", archives: false, purges: false, acts, ends }
}

/// A scenario with deals and companies; conflicts are held.
const fn deal(name: &'static str, acts: Acts, ends: Ends) -> Scenario {
    Scenario { name, object: "deal", policy: "hold", archives: false, purges: false, acts, ends }
}

fn walk(scenarios: &[Scenario]) {
    let mut failures = Vec::new();
    let mut worlds = 0;
    for scenario in scenarios {
        let calm = play(scenario, Strike::Nothing).unwrap();
        failures.extend(failure(scenario, Strike::Nothing, &calm));
        let befores = calm.firsts.iter().map(|at| Strike::DiesBefore(*at));
        let others =
            (0..calm.effects.len()).flat_map(|at| [Strike::DiesAfter(at), Strike::OvertakenBefore(at)]);
        for strike in befores.chain(others).chain([Strike::TwiceBeside, Strike::TwiceBehind]) {
            let ended = play(scenario, strike).unwrap();
            assert!(ended.struck > 0, "{}: {strike:?} strikes nobody", scenario.name);
            failures.extend(failure(scenario, strike, &ended));
            failures.truncate(SHOWN_MAX);
            worlds += 1;
        }
    }
    eprintln!("{worlds} worlds with a struck worker");
    assert!(failures.is_empty(), "the first that end otherwise:\n{}", failures.join("\n"));
}

/// Why a worker that dies before an effect is walked only where a job begins.
#[test]
fn between_two_effects_of_a_job_there_is_one_death() {
    let scenario = edits::EDITED;
    let calm = play(&scenario, Strike::Nothing).unwrap();
    let within: Vec<usize> = (0..calm.effects.len()).filter(|at| !calm.firsts.contains(at)).collect();
    for at in &within {
        let mut before = play(&scenario, Strike::DiesBefore(*at)).unwrap();
        let after = play(&scenario, Strike::DiesAfter(at - 1)).unwrap();
        let not_done = before.effects.remove(*at);
        assert_eq!(not_done, calm.effects[*at]);
        assert_eq!(
            (before.effects, before.end, before.struck),
            (after.effects, after.end, after.struck),
            "{at}"
        );
    }
    assert!(within.len() > 20 && calm.firsts.len() > 5, "{within:?}, {:?}", calm.firsts);
}

/// What is not as it should be.
fn failure(scenario: &Scenario, strike: Strike, ended: &Ended) -> Option<String> {
    let Ended { end, effects, firsts: _, struck: _, broken, trace } = ended;
    if end == scenario.ends && broken.is_none() {
        return None;
    }
    let effect = match strike {
        Strike::DiesBefore(at) | Strike::DiesAfter(at) | Strike::OvertakenBefore(at) => effects.get(at),
        Strike::Nothing | Strike::TwiceBeside | Strike::TwiceBehind => None,
    };
    let broken = broken.as_ref().map(ToString::to_string).unwrap_or_default();
    let (name, ends, trace) = (scenario.name, scenario.ends, trace.join("\n"));
    Some(format!(
        "{name}: {strike:?} ({effect:?}) breaks {broken:?}\nends {end:#?}\nnot {ends:#?}\n{trace}\n"
    ))
}
