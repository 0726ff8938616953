//! The protocol of DESIGN section 4 as models that are explored exhaustively within stated bounds.
//!
//! A model is a few hundred lines of world (two CRMs, users, workers, faults) around the rules P1 to P15, each of
//! which can be broken on purpose. It drives no engine code: it is what the engine's rules are judged by.
//! `cargo test` explores the short bounds; `cargo run --release -p concord-model -- --long` the long ones.

pub mod creates;
pub mod explore;
pub mod identity;
pub mod links;
pub mod presence;

use explore::Run;

/// Every run of every model, in the order of the table.
#[must_use]
pub fn runs() -> Vec<Run> {
    let mut runs = Vec::new();
    runs.extend(links::runs());
    runs.extend(creates::runs());
    runs.extend(presence::runs());
    runs.extend(identity::runs());
    runs
}
