//! The HubSpot sandbox: what a client, a person and a webhook receiver see of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a specification that cannot be set up has failed; JSON's kinds are not ours"
)]

mod access;
mod batches;
mod history;
mod merging;
mod pairs;
mod portal;
mod records;
mod rewriting;
mod schema;
mod searching;
mod shapes;
mod values;
mod webhooks;
