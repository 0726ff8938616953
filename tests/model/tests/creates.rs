//! P6 as the model of creates judges it: what holds, what breaks, and the shortest way there.

use concord_model::creates::{Bounds, Create, Creates, HubSpotKey, Join, KeyClaim, LAWS, LookUp, Rules};
use concord_model::explore::{Ending, Length, Limits, Report, explore_for};

const DESIGN: Rules = Rules::DESIGN;
const TWO_WORKERS: Bounds = Bounds { workers: 2, faults: 0, edits: 1 };
const TWO_FAULTS: Bounds = Bounds { workers: 1, faults: 2, edits: 1 };
const TWO_WORKERS_AND_A_FAULT: Bounds = Bounds { workers: 2, faults: 1, edits: 1 };

fn explore(rules: Rules, bounds: Bounds, letters: &str) -> Report {
    explore_for(Creates { rules, bounds }, letters, Limits::default())
}

/// Every law is known, and these are broken.
fn assert_breaks(rules: Rules, bounds: Bounds, letters: &str) {
    let report = explore(rules, bounds, LAWS);
    assert_eq!(report.ending, Ending::Complete);
    assert!(report.is_as(letters), "{rules:?} within {bounds:?}: {:?}", report.verdicts);
}

#[test]
fn every_short_run_of_the_table_is_as_it_says() {
    for run in concord_model::creates::runs().into_iter().filter(|run| run.length == Length::Short) {
        let report = (run.explore)(Limits::default());
        assert_eq!(report.ending, Ending::Complete, "{}", run.name());
        assert!(report.is_as(run.expected), "{}: {:?}", run.name(), report.verdicts);
    }
}

#[test]
fn inserts_and_stamps_hold_whatever_is_lost_late_or_repeated() {
    for bounds in [TWO_WORKERS, TWO_FAULTS, TWO_WORKERS_AND_A_FAULT] {
        assert_breaks(DESIGN, bounds, "");
        assert_breaks(Rules { hubspot_key: HubSpotKey::Unique, ..DESIGN }, bounds, "");
    }
}

#[test]
fn what_the_laws_are_about_does_happen() {
    assert!(explore(DESIGN, TWO_WORKERS, "p").is_as("p"), "h1 and s1 can become a pair");
    assert!(explore(DESIGN, TWO_WORKERS, "q").is_as("q"), "our create can land beside a person's record");
}

#[test]
fn an_upsert_overwrites_an_edit_without_any_fault() {
    let upsert = Rules { create: Create::Upsert, ..DESIGN };
    assert_eq!(
        explore(upsert, TWO_WORKERS, "A").trace('A'),
        [
            "a person makes h1",
            "w0 reads the link of h1",
            "w0 reads the rows: begin link A (of h1), its other half to be made in Salesforce",
            "w0 commits",
            "w0 takes an intent: make s2 for link A (of h1)",
            "w0 sends: answered (s2)",
            "a person edits s2",
            "w1 takes an intent: make s2 for link A (of h1)",
            "w1 sends: answered (s2)",
        ]
    );
}

#[test]
fn a_record_that_joins_by_the_link_alone_leaves_a_duplicate_of_ours_beside_it() {
    let trace = explore(Rules { join: Join::LinkOnly, ..DESIGN }, TWO_WORKERS, "D").trace('D');
    let told = trace.join("\n");
    assert!(told.contains("takes an intent: make"), "a create is under way:\n{told}");
    assert!(told.contains("names"), "and a person's record joins:\n{told}");
}

#[test]
fn a_record_that_waits_for_the_create_waits_for_ever_once_that_is_refused() {
    let wait = Rules { join: Join::Wait, ..DESIGN };
    assert_breaks(wait, TWO_WORKERS, "");
    assert_eq!(
        explore(wait, TWO_FAULTS, "B").trace('B'),
        [
            "a person makes h1",
            "a person makes s1",
            "w0 reads the link of h1",
            "w0 reads the rows: begin link A (of h1), its other half to be made in Salesforce",
            "w0 commits",
            "w0 takes an intent: make s2 for link A (of h1)",
            "w0 sends: refused for good",
            "w0 records the answer",
        ]
    );
}

/// The link names a record that does not carry its id, and the one that does stands beside it. The mark is
/// refused as a duplicate for ever.
#[test]
fn a_link_that_names_a_record_before_it_is_marked_never_comes_to_rest() {
    let first = Rules { join: Join::LinkThenStamp, ..DESIGN };
    assert_breaks(first, TWO_WORKERS, "E");
    assert_breaks(first, TWO_FAULTS, "DE");
    let told = explore(first, TWO_WORKERS, "E").trace('E').join("\n");
    assert!(told.contains("name s1 and stamp s1") || told.contains("name h1 and stamp h1"), "{told}");
}

#[test]
fn a_record_that_joins_without_a_look_for_the_links_id_can_be_marked_for_ever() {
    assert_breaks(Rules { look_up: LookUp::Never, ..DESIGN }, TWO_WORKERS, "E");
}

#[test]
fn without_a_claim_one_key_gets_two_links() {
    assert_eq!(
        explore(Rules { claim: KeyClaim::None, ..DESIGN }, TWO_WORKERS, "C").trace('C'),
        [
            "a person makes h1",
            "a person makes s1",
            "w0 reads the link of h1",
            "w0 reads the rows: begin link A (of h1), its other half to be made in Salesforce",
            "w0 commits",
            "w0 reads the link of s1",
            "w0 reads the rows: begin link B (of s1), its other half to be made in HubSpot",
            "w0 commits",
        ]
    );
}

#[test]
fn a_run_that_hits_its_limit_is_never_called_complete() {
    let limits = Limits { steps_max: 1_000, ..Limits::default() };
    let model = Creates { rules: DESIGN, bounds: TWO_WORKERS_AND_A_FAULT };
    let report = explore_for(model, LAWS, limits);
    assert_eq!(report.ending, Ending::CutOff);
    assert!(!report.is_as(""), "what was not seen to the end is unknown");
}
