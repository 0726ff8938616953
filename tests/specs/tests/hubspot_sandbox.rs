//! The HubSpot sandbox: what a client, a person and a webhook receiver see of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a specification that cannot be set up has failed; JSON's kinds are not ours"
)]

#[path = "hubspot_sandbox/access.rs"]
mod access;
#[path = "hubspot_sandbox/batches.rs"]
mod batches;
#[path = "hubspot_sandbox/history.rs"]
mod history;
#[path = "hubspot_sandbox/merging.rs"]
mod merging;
#[path = "hubspot_sandbox/pairs.rs"]
mod pairs;
#[path = "hubspot_sandbox/portal.rs"]
mod portal;
#[path = "hubspot_sandbox/records.rs"]
mod records;
#[path = "hubspot_sandbox/rewriting.rs"]
mod rewriting;
#[path = "hubspot_sandbox/schema.rs"]
mod schema;
#[path = "hubspot_sandbox/searching.rs"]
mod searching;
#[path = "hubspot_sandbox/shapes.rs"]
mod shapes;
#[path = "hubspot_sandbox/values.rs"]
mod values;
#[path = "hubspot_sandbox/webhooks.rs"]
mod webhooks;
