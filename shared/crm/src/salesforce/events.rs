//! What Salesforce tells by itself: change events over EventBridge, and outbound messages. Both are hints: ids
//! are taken from them and nothing else (I31).
//!
//! Deliberately absent: field values, commit numbers (the order of events decides nothing), and CometD.

mod change;
mod outbound;

use concord_core::port::EventKey;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub use change::{Source, Told, change_event};
pub use outbound::{acknowledgement, outbound_message};

/// Why something that came is not taken. Nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It does not come from our org.
    #[error("it does not come from our org")]
    WrongSender,
    /// It is larger than anything that Salesforce sends.
    #[error("it is too large")]
    TooLarge,
    /// It holds more notifications than Salesforce sends at once.
    #[error("it holds too many notifications")]
    TooMany,
    /// It holds a document type or entities of its own.
    #[error("it holds XML that Salesforce never sends")]
    Forbidden,
    /// It is not what it should be.
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
}

impl Refusal {
    /// The HTTP status that it deserves.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::WrongSender => 403,
            Self::TooLarge | Self::TooMany => 413,
            Self::Forbidden | Self::Malformed(_) => 400,
        }
    }
}

/// A key over several words. Each is preceded by its length, so that no two lists of words look alike.
fn key<'a>(words: impl IntoIterator<Item = &'a str>) -> EventKey {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.len().to_be_bytes());
        hash.update(word.as_bytes());
    }
    EventKey(hex::encode(hash.finalize()))
}
