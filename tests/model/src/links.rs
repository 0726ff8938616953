//! The model of links: one pair of records, two fields, P1 to P5 and P7.

pub mod decide;
pub mod judge;
pub mod rules;
pub mod runs;
pub mod settle;
pub mod terms;
mod told;
pub mod world;

pub use runs::runs;
