//! The committed corpus, replayed: each file is an input that a target was once wrong about, or that reaches
//! what it states laws of.
//!
//! A file's name begins with `taken` or `refused`, and that is what becomes of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what is wrong here fails the test; the lints' exception does not reach what tests call"
)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use concord_fuzz::{TARGETS, Target, Verdict};

/// Largest file of a corpus, in bytes. Larger ones show nothing that a smaller one does not.
const FILE_BYTES_MAX: usize = 4_096;

#[test]
fn a_contract_is_refused_with_its_lines_or_keeps_its_laws() {
    replay("contract");
}

#[test]
fn no_answer_of_hubspot_is_read_as_more_than_it_says() {
    replay("hubspot_answers");
}

#[test]
fn an_outbound_message_is_bounded_hints_of_our_org_or_refused() {
    replay("outbound_message");
}

#[test]
fn a_packed_link_is_a_link_or_an_error() {
    replay("packed_link");
}

#[test]
fn a_queue_message_is_written_back_as_it_was_read() {
    replay("queue_message");
}

#[test]
fn no_answer_of_salesforce_is_read_as_more_than_it_says() {
    replay("salesforce_answers");
}

#[test]
fn a_signed_address_is_decoded_in_the_documented_places_and_no_others() {
    replay("signed_address");
}

#[test]
fn a_delivery_is_let_in_as_hubspot_signed_it_and_in_no_other_form() {
    replay("webhook");
}

#[test]
fn every_target_has_a_corpus_and_a_fuzzer_of_its_name() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |folder: &str| -> BTreeSet<String> {
        entries(&here(folder))
            .iter()
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(stems("corpus"), names);
    assert_eq!(stems("libfuzzer/fuzz_targets"), names);
    for name in &names {
        let fuzzer = fs::read_to_string(here("libfuzzer/fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(fuzzer.contains(&format!("concord_fuzz::{name}(data)")), "{name} fuzzes something else");
        let manifest = fs::read_to_string(here("libfuzzer/Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is never built");
    }
}

fn replay(name: &str) {
    let target = target(name);
    let mut met = BTreeSet::new();
    let mut broken = Vec::new();
    for path in entries(&here("corpus").join(name)) {
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let data = fs::read(&path).unwrap();
        assert!(data.len() <= FILE_BYTES_MAX, "{file} has {} bytes", data.len());
        let expected = match file.split_once('-').unwrap().0 {
            "taken" => Verdict::Taken,
            "refused" => Verdict::Refused,
            other => panic!("{file} begins with {other}"),
        };
        met.insert(expected == Verdict::Taken);
        // Each broken law prints itself; the rest of the corpus is still looked at.
        match catch_unwind(|| target(&data)) {
            Ok(verdict) if verdict == expected => {}
            Ok(verdict) => broken.push(format!("{file}: {verdict:?}")),
            Err(_) => broken.push(format!("{file}: a law is broken")),
        }
    }
    assert_eq!(broken, Vec::<String>::new(), "{name}");
    assert_eq!(met.len(), 2, "a corpus of {name} in which everything, or nothing, is refused");
}

fn target(name: &str) -> Target {
    TARGETS.iter().find(|(known, _)| *known == name).unwrap().1
}

fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// In order, without what a fuzzer or an editor leaves hidden.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
