//! Concord's specifications, as programs.
//!
//! Here are the contract suites: one per port, generic, so that every implementation is held to the same words.
//! Deliberately absent: AWS. `concord-aws` calls these suites from its own tests.

pub mod fifo_contract;
pub mod spine;
pub mod store_contract;
