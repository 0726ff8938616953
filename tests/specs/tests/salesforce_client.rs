//! What the Salesforce client sends, how it reads the answers, and what it makes of refusals and events.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a specification that cannot be set up has failed"
)]

#[path = "salesforce_client/record.rs"]
mod record;

#[path = "salesforce_client/events.rs"]
mod events;
#[path = "salesforce_client/finding.rs"]
mod finding;
#[path = "salesforce_client/listing.rs"]
mod listing;
#[path = "salesforce_client/login.rs"]
mod login;
#[path = "salesforce_client/reading.rs"]
mod reading;
#[path = "salesforce_client/sandbox.rs"]
mod sandbox;
#[path = "salesforce_client/schema.rs"]
mod schema;
#[path = "salesforce_client/writing.rs"]
mod writing;
