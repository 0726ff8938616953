//! Targets without tests are built once, not once more with a test harness (`test = false`). A test that somebody writes there
//! would never run: this one tells them.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a directory that has this name, or this ending.
fn files(below: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if entry.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            files(&entry, ending, found);
        } else if name.ends_with(ending) {
            found.push(entry);
        }
    }
}

#[test]
fn where_no_test_is_run_none_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut manifests, mut untested) = (Vec::new(), 0);
    files(&root, "Cargo.toml", &mut manifests);
    for manifest in manifests {
        if !fs::read_to_string(&manifest).unwrap().contains("\ntest = false #") {
            continue;
        }
        untested += 1;
        let mut sources = Vec::new();
        files(&manifest.with_file_name("src"), ".rs", &mut sources);
        for source in sources {
            let text = fs::read_to_string(&source).unwrap();
            let tests =
                ["#[test]", "#[tokio::test", "#[cfg(test)]"].into_iter().any(|mark| text.contains(mark));
            assert!(
                !tests,
                "{} has tests, and {} says that none are run",
                source.display(),
                manifest.display()
            );
        }
    }
    assert_eq!(untested, 11);
}
