//! What arbitrary bytes must never do to Concord: one function for each place where bytes come in from outside.
//!
//! Each function states laws and panics where one is broken. It is run in two ways: `tests/corpus.rs` replays
//! the committed corpus on every `cargo test`, and `tests/fuzz/run` looks for new inputs with libFuzzer. Both
//! are told by [`Verdict`] whether an input was taken, so that a corpus whose inputs are all refused, and whose
//! laws therefore hold of nothing, is found out.
//!
//! The laws are stated a second time here, apart from the code that they bind: signatures are computed anew,
//! and what an answer says is read from its JSON without the clients' types. Deliberately absent: time limits
//! (libFuzzer has one), and anything that needs a network or a store.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken law ends the run; the lints' exception for tests does not reach what tests call"
)]

mod contract;
mod evidence;
mod hubspot;
mod links;
mod messages;
mod outbound;
mod salesforce;
mod signed_address;
mod tape;
mod webhook;

pub use contract::contract;
pub use hubspot::hubspot_answers;
pub use links::packed_link;
pub use messages::queue_message;
pub use outbound::outbound_message;
pub use salesforce::salesforce_answers;
pub use signed_address::signed_address;
pub use webhook::webhook;

/// What became of an input. Either is right for some input; a broken law is a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was read as what it says it is.
    Taken,
    /// It was refused.
    Refused,
}

/// A function that states laws about bytes from outside.
pub type Target = fn(&[u8]) -> Verdict;

/// Every target, by the name of its corpus and of its fuzzer.
pub const TARGETS: [(&str, Target); 8] = [
    ("contract", contract),
    ("hubspot_answers", hubspot_answers),
    ("outbound_message", outbound_message),
    ("packed_link", packed_link),
    ("queue_message", queue_message),
    ("salesforce_answers", salesforce_answers),
    ("signed_address", signed_address),
    ("webhook", webhook),
];

impl From<bool> for Verdict {
    fn from(taken: bool) -> Self {
        match taken {
            true => Self::Taken,
            false => Self::Refused,
        }
    }
}
