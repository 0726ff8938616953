//! HubSpot and Salesforce: requests are built, answers parsed and failures classified here, and wire types
//! never leave. A client owns no socket: it is given a [`transport::Transport`], so that the same parsing runs
//! against the real CRMs, the HTTP sandboxes and the in-process ones.

pub mod hubspot;
pub mod salesforce;
mod sets;
pub mod transport;
