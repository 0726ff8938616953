//! What the HubSpot client sends, how it reads the answers, and what it makes of refusals.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a specification that cannot be set up has failed"
)]

mod tape;

mod associations;
mod finding;
mod listing;
mod login;
mod reading;
mod refusals;
mod sandbox;
mod schema;
mod sets;
mod webhooks;
mod writing;
