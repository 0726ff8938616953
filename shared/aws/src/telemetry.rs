//! Logs and metrics: JSON lines with Powertools' keys, and CloudWatch's Embedded Metric Format, both on stdout.
//!
//! Deliberately absent: record values. Log lines carry ids and codes (I42), and crates that are not ours may only
//! warn, since their lower levels show requests whole.

mod logs;
mod metrics;

pub use logs::{init, subscriber};
pub use metrics::{Count, Metrics};
