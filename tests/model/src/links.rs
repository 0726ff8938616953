//! P1 to P5 and P7, links: one pair of records with two fields, people who edit both sides, and workers that carry
//! what they find from one to the other.
//!
//! A worker reads the link, then each row by itself, and commits on the link's generation: whoever has read the
//! link before is sent back to idle. A write is a step of its own; it may be lost, lose its answer, land at any
//! time later, or land twice. HubSpot takes every write and keeps every version ([`rules::Guard::History`]);
//! Salesforce shows only its current row, and takes a write only on the row that it was decided on
//! ([`rules::Guard::CompareAndSet`]). A value is the number of the edit that typed it, so that it is seen where it
//! came from; people may also type what their side showed before.
//!
//! Deliberately absent: creates, deletes, merges, references, `fill`, `union` and a third field. No hint is lost:
//! a worker looks whenever a look would change anything.

pub mod decide;
pub mod judge;
pub mod rules;
pub mod runs;
pub mod settle;
pub mod terms;
mod told;
pub mod world;

pub use runs::runs;
