//! The outside world, as pure state machines: HubSpot, Salesforce, SQS FIFO and the store. No clock, no chance,
//! no thread inside: `now` is an argument, and what a machine wants done it returns.
//!
//! The same machines serve `concord up` and the end-to-end tests over HTTP (`face`) and the simulation in
//! process, so that every behaviour is written once.

pub mod answers;
pub mod courier;
pub mod crm;
#[cfg(feature = "network")]
pub mod face;
pub mod fault;
pub mod fifo;
pub mod hubspot;
pub mod ledger;
pub mod salesforce;
pub mod sample;
pub mod store;
pub mod transport;
