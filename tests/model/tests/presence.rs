//! P9 as the model of deletes judges it: what holds, what breaks, and the shortest way there.

use concord_model::explore::{Ending, Length, Limits, Report, explore_for};
use concord_model::presence::{AfterArchive, Archiver, Bounds, Deletes, Evidence, LAWS, Pair, Rules};

const ARCHIVE: Rules = Rules::ARCHIVE;
const FLAG: Rules = Rules::FLAG;

const fn bounds(workers: usize, faults: u8, steps: u8, deletes: Deletes) -> Bounds {
    Bounds { workers, faults, steps, deletes }
}

fn explore(rules: Rules, bounds: Bounds, letters: &str) -> Report {
    explore_for(Pair { rules, bounds }, letters, Limits::default())
}

#[test]
fn every_short_run_of_the_table_is_as_it_says() {
    for run in concord_model::presence::runs().into_iter().filter(|run| run.length == Length::Short) {
        let report = (run.explore)(Limits::default());
        assert_eq!(report.ending, Ending::Complete, "{}", run.name());
        assert!(report.is_as(run.expected), "{}: {:?}", run.name(), report.verdicts);
    }
}

#[test]
fn an_archive_that_is_not_read_again_loses_an_edit_without_any_fault() {
    let forget = Rules { after_archive: AfterArchive::Forget, ..ARCHIVE };
    assert_eq!(
        explore(forget, bounds(1, 0, 2, Deletes::InHubSpot), "A").trace('A'),
        [
            "a person deletes H",
            "w0 reads the link",
            "w0 reads H: 0, in the bin",
            "w0 reads S: 0",
            "a person edits S (1)",
            "w0 commits: live, i1: S archive",
            "w0 takes i1",
            "w0 sends: answered",
        ]
    );
}

#[test]
fn a_late_archive_of_ours_is_taken_for_a_persons_delete_where_the_side_does_not_tell() {
    let unknown = Rules { archiver: Archiver::Unknown, ..ARCHIVE };
    let within = bounds(1, 1, 3, Deletes::InHubSpot);
    let report = explore(unknown, within, LAWS);
    assert!(report.is_as("ABD"), "an edit lost, a pair ended wrongly, no evidence: {:?}", report.verdicts);
    let told = explore(unknown, within, "D").trace('D').join("\n");
    assert!(told.ends_with("w0 commits: unlinked (S is in the bin)"), "{told}");
    assert!(!told.contains("deletes S"), "nobody deleted S:\n{told}");
}

#[test]
fn an_archive_that_is_read_again_and_known_for_ours_loses_nothing() {
    for within in [bounds(1, 0, 4, Deletes::InHubSpot), bounds(1, 2, 3, Deletes::InHubSpot)] {
        let report = explore(ARCHIVE, within, LAWS);
        assert_eq!(report.ending, Ending::Complete);
        assert!(report.is_as(""), "{:?}", report.verdicts);
    }
}

/// Taking an archive back is blind: whoever deletes the row for good between our look and our undelete sees it
/// come back. That is why `flag` is the default.
#[test]
fn an_undelete_of_ours_can_meet_a_delete_of_a_person() {
    let within = bounds(1, 1, 4, Deletes::OnBothSides);
    let report = explore(ARCHIVE, within, LAWS);
    assert!(report.is_as("C"), "{:?}", report.verdicts);
    let trace = explore(ARCHIVE, within, "C").trace('C');
    let deleted = trace.iter().rposition(|step| step == "a person deletes S");
    let committed = trace.iter().rposition(|step| step.contains("S undelete"));
    assert!(deleted < committed, "{trace:#?}");
}

#[test]
fn a_flag_keeps_every_promise_with_deletes_on_both_sides() {
    let report = explore(FLAG, bounds(1, 2, 3, Deletes::OnBothSides), LAWS);
    assert_eq!(report.ending, Ending::Complete);
    assert!(report.is_as(""), "{:?}", report.verdicts);
    assert!(explore(FLAG, bounds(1, 0, 2, Deletes::OnBothSides), "q").is_as("q"), "pairs do end");
}

#[test]
fn absence_that_is_believed_flags_a_record_whose_other_half_nobody_deleted() {
    let absence = Rules { evidence: Evidence::Absence, ..FLAG };
    assert_eq!(
        explore(absence, bounds(1, 1, 1, Deletes::OnBothSides), "D").trace('D'),
        [
            "H stops showing its row",
            "w0 reads the link",
            "w0 reads H: nothing",
            "w0 reads S: 0",
            "w0 commits: flagged (H is in the bin), i1: S flag true",
        ]
    );
}

#[test]
fn what_the_laws_are_about_does_happen() {
    assert!(
        explore(ARCHIVE, bounds(1, 0, 2, Deletes::InHubSpot), "p").is_as("p"),
        "an archive of ours can land on an edit that we had not seen"
    );
}
