//! What the Salesforce client sends, how it reads the answers, and what it makes of refusals and events.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a specification that cannot be set up has failed"
)]

mod record;

mod events;
mod finding;
mod junctions;
mod leads;
mod listing;
mod login;
mod reading;
mod sandbox;
mod schema;
mod writing;
