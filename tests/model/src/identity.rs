//! Identity after a record's end: merges (P11) and tombstones (P10).

pub mod merges;
pub mod tombstones;

use crate::explore::Run;

/// Every run of these models.
#[must_use]
pub fn runs() -> Vec<Run> {
    let mut runs = merges::runs();
    runs.extend(tombstones::runs());
    runs
}
