//! What the Salesforce sandbox does, as its reference sheet says. Each test states one behaviour.

#[path = "salesforce_sandbox/changes.rs"]
mod changes;
#[path = "salesforce_sandbox/many.rs"]
mod many;
#[path = "salesforce_sandbox/org.rs"]
mod org;
#[path = "salesforce_sandbox/queries.rs"]
mod queries;
#[path = "salesforce_sandbox/removal.rs"]
mod removal;
#[path = "salesforce_sandbox/rows.rs"]
mod rows;
#[path = "salesforce_sandbox/sessions.rs"]
mod sessions;
#[path = "salesforce_sandbox/values.rs"]
mod values;
