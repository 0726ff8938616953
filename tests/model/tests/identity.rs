//! P10 and P11 as the models of identity judge them: what holds, what breaks, and the shortest way there.

use concord_model::explore::{Ending, Length, Limits, Report, explore_for};
use concord_model::identity::merges::{
    self, Cast, Endpoint, Hops, Merges, Reading, Retarget, Second, Undoing,
};
use concord_model::identity::tombstones::{self, Collect, KeyOfTheDead, Survivor, Tombstones, UnknownId};

const fn within(edits: u8, merges: u8, cast: Cast) -> merges::Bounds {
    merges::Bounds { workers: 1, faults: 0, edits, merges, cast, undoing: Undoing::Never }
}

fn explore_merges(rules: merges::Rules, bounds: merges::Bounds, letters: &str) -> Report {
    explore_for(Merges { rules, bounds }, letters, Limits::default())
}

fn explore_tombstones(rules: tombstones::Rules, steps: u8, faults: u8, letters: &str) -> Report {
    explore_for(Tombstones { rules, steps, faults }, letters, Limits::default())
}

#[test]
fn every_short_run_of_the_table_is_as_it_says() {
    for run in concord_model::identity::runs().into_iter().filter(|run| run.length == Length::Short) {
        let report = (run.explore)(Limits::default());
        assert_eq!(report.ending, Ending::Complete, "{}", run.name());
        assert!(report.is_as(run.expected), "{}: {:?}", run.name(), report.verdicts);
    }
}

#[test]
fn a_redirection_that_is_followed_once_stops_short_in_a_chain_of_two() {
    let one = merges::Rules { hops: Hops::One, ..merges::Rules::DESIGN };
    let report = explore_merges(one, within(0, 2, Cast::Each), "E");
    assert_eq!(report.trace('E'), ["a person merges m1 into m0", "a person merges m0 into m2"]);
}

#[test]
fn a_winner_that_has_a_link_and_is_claimed_again_and_again_never_comes_to_rest() {
    let again = merges::Rules { second: Second::TriesAgain, ..merges::Rules::DESIGN };
    let report = explore_merges(again, within(0, 1, Cast::Each), "E");
    assert_eq!(report.trace('E'), ["a person merges m0 into m1"]);
}

#[test]
fn a_merge_that_is_taken_for_a_delete_flags_a_record_that_nobody_deleted() {
    let delete = merges::Rules { reading: Reading::Delete, ..merges::Rules::DESIGN };
    assert_eq!(
        explore_merges(delete, within(0, 1, Cast::Each), "D").trace('D'),
        [
            "a person merges m0 into m1",
            "w0 looks at m0: link 0 live",
            "w0 commits",
            "w0 takes an intent: o0 flagged as deleted (link 0)",
            "w0 sends: it arrives",
        ]
    );
}

#[test]
fn an_intent_that_was_decided_for_the_loser_overwrites_the_winner_unless_it_is_closed() {
    let keeps = merges::Rules { retarget: Retarget::Keeps, ..merges::Rules::DESIGN };
    let trace = explore_merges(keeps, within(2, 1, Cast::AllButOne), "A").trace('A');
    let last = ["w0 takes an intent: m0 := 4 (link 1)", "w0 sends: it arrives"];
    assert!(trace.ends_with(&last.map(str::to_owned)), "{trace:#?}");
}

#[test]
fn a_write_that_follows_merges_carries_one_pairs_value_into_another() {
    let follows = merges::Rules { endpoint: Endpoint::Follows, ..merges::Rules::DESIGN };
    let trace = explore_merges(follows, within(2, 1, Cast::Each), "A").trace('A');
    assert!(trace.contains(&"a person merges m1 into m0".to_owned()), "{trace:#?}");
    assert_eq!(trace.last().map(String::as_str), Some("w0 sends: it arrives"));
}

/// A hole in P11 as it is written: aliases are permanent, and Salesforce lets people undo a merge.
#[test]
fn a_merge_that_is_undone_leaves_a_record_that_no_hint_leads_to() {
    let bounds = merges::Bounds { undoing: Undoing::Possible, ..within(0, 2, Cast::Each) };
    let trace = explore_merges(merges::Rules::DESIGN, bounds, "B").trace('B');
    assert!(trace.contains(&"a person takes m0 out of the bin".to_owned()), "{trace:#?}");
}

#[test]
fn chains_are_met_and_no_state_is_cut_off() {
    let bounds = within(2, 2, Cast::Each);
    assert!(explore_merges(merges::Rules::DESIGN, bounds, "p").is_as("p"), "chains of two come about");
    assert!(explore_merges(merges::Rules::DESIGN, bounds, "q").is_as(""), "the bound is not reached");
}

#[test]
fn a_pair_that_is_forgotten_without_a_sweep_comes_back_by_a_create_that_landed_late() {
    let unswept = tombstones::Rules { collect: Collect::Unswept, ..tombstones::Rules::ARCHIVE };
    assert_eq!(
        explore_tombstones(unswept, 1, 1, "C").trace('C'),
        [
            "a person deletes h1",
            "the create of link 0 is sent and taken for lost",
            "an event about h1 arrives, and it is looked at",
            "late: s1 is made",
            "sixty days pass",
            "link 0 is forgotten",
        ]
    );
}

#[test]
fn a_sweep_counts_only_if_it_began_when_nothing_of_the_pair_could_land_any_more() {
    let early = tombstones::Rules { collect: Collect::SweptSinceSeen, ..tombstones::Rules::ARCHIVE };
    let trace = explore_tombstones(early, 1, 1, "C").trace('C');
    let swept = trace.iter().position(|step| step == "the sweep lists Salesforce and ends");
    let landed = trace.iter().position(|step| step == "late: s1 is made");
    assert!(swept.is_some() && swept < landed, "{trace:#?}");
}

#[test]
fn a_pair_whose_flagged_survivor_lives_is_not_to_be_forgotten() {
    let forgotten = tombstones::Rules { survivor: Survivor::IsForgotten, ..tombstones::Rules::FLAG };
    assert_eq!(
        explore_tombstones(forgotten, 1, 0, "C").trace('C'),
        [
            "a person deletes h1",
            "the create of link 0 is sent and lands",
            "an event about h1 arrives, and it is looked at",
            "sixty days pass",
            "a sweep begins",
            "the sweep lists HubSpot",
            "the sweep lists Salesforce and ends",
            "link 0 is forgotten",
        ]
    );
}

#[test]
fn a_tombstone_that_is_keyed_by_a_natural_key_swallows_a_new_record() {
    let keyed = tombstones::Rules { key: KeyOfTheDead::KeysATombstone, ..tombstones::Rules::ARCHIVE };
    assert_eq!(
        explore_tombstones(keyed, 2, 0, "B").trace('B'),
        ["a person deletes h1", "a person makes h2 with the key of h1"]
    );
}

#[test]
fn a_create_from_an_event_for_an_unknown_id_brings_the_dead_back() {
    let believed = tombstones::Rules { unknown: UnknownId::IsCreated, ..tombstones::Rules::ARCHIVE };
    let trace = explore_tombstones(believed, 1, 0, "C").trace('C');
    let last = ["link 0 is forgotten", "an event about s1 arrives, and it is looked at"];
    assert!(trace.ends_with(&last.map(str::to_owned)), "{trace:#?}");
}

#[test]
fn pairs_are_forgotten_and_creates_do_land_after_deletes() {
    let report = explore_tombstones(tombstones::Rules::ARCHIVE, 3, 1, "pq");
    assert!(report.is_as("pq"), "{:?}", report.verdicts);
}
