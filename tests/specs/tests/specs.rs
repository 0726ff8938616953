//! Every specification, in one binary: each of two dozen would be linked with all that they share.

mod archive;
mod batch;
mod brake;
mod canonical_laws;
mod contract;
mod custom_objects;
mod deals;
mod erase;
mod faults;
mod fifo_contract;
mod hubspot_client;
mod hubspot_sandbox;
mod identity;
mod inbox;
mod late_events;
mod lookalikes;
mod merge;
mod owners;
mod protocol;
mod references;
mod salesforce_client;
mod salesforce_sandbox;
mod scope;
mod spine;
mod store_contract;
mod untested;
