//! How the store fails.

use thiserror::Error;

/// Why a commit did not happen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitError {
    /// The link or cursor is not at the expected generation.
    #[error("the link moved on: read it again and decide again")]
    Moved,
    /// A record or key belongs to another link.
    #[error("{what} is claimed by another link: read it again and decide again")]
    Taken {
        /// The claim.
        what: String,
    },
    /// The store failed; whether the commit happened is unknown, and reading tells.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Throttled, in conflict with another transaction, or unreachable: come again.
    #[error("the store is busy while trying to {operation}: {reason}")]
    Busy {
        /// What was attempted.
        operation: &'static str,
        /// The store's code.
        reason: String,
    },
    /// What is stored cannot be read, or the request was refused: a bug or a wrong table.
    #[error("the store refused to {operation}: {reason}")]
    Refused {
        /// What was attempted.
        operation: &'static str,
        /// The store's code.
        reason: String,
    },
}
