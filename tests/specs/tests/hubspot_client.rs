//! What the HubSpot client sends, how it reads the answers, and what it makes of refusals.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a specification that cannot be set up has failed"
)]

#[path = "hubspot_client/tape.rs"]
mod tape;

#[path = "hubspot_client/associations.rs"]
mod associations;
#[path = "hubspot_client/finding.rs"]
mod finding;
#[path = "hubspot_client/listing.rs"]
mod listing;
#[path = "hubspot_client/login.rs"]
mod login;
#[path = "hubspot_client/reading.rs"]
mod reading;
#[path = "hubspot_client/refusals.rs"]
mod refusals;
#[path = "hubspot_client/sandbox.rs"]
mod sandbox;
#[path = "hubspot_client/schema.rs"]
mod schema;
#[path = "hubspot_client/webhooks.rs"]
mod webhooks;
#[path = "hubspot_client/writing.rs"]
mod writing;
