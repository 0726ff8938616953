//! What the Salesforce sandbox does, as its reference sheet says. Each test states one behaviour.

#[cfg(test)]
#[path = "salesforce_sandbox/changes.rs"]
mod changes;
#[cfg(test)]
#[path = "salesforce_sandbox/many.rs"]
mod many;
#[cfg(test)]
#[path = "salesforce_sandbox/org.rs"]
mod org;
#[cfg(test)]
#[path = "salesforce_sandbox/queries.rs"]
mod queries;
#[cfg(test)]
#[path = "salesforce_sandbox/removal.rs"]
mod removal;
#[cfg(test)]
#[path = "salesforce_sandbox/rows.rs"]
mod rows;
#[cfg(test)]
#[path = "salesforce_sandbox/sessions.rs"]
mod sessions;
#[cfg(test)]
#[path = "salesforce_sandbox/values.rs"]
mod values;
