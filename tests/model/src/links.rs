//! The model of links: one pair of records, two fields, P1 to P5 and P7.

use crate::explore::Run;

/// Every run of this model.
#[must_use]
pub fn runs() -> Vec<Run> {
    Vec::new()
}
