//! The ports: a CRM, the store, the queue. Each has two real implementations.
//!
//! A port call is one attempt. Nothing here retries: the queue does, and a step says when to come again.

mod crm;
mod fault;
mod queue;
mod store;

pub use crm::{
    Crm, Failure, FieldKind, FieldSchema, Found, Listing, ObjectSpec, Operation, Outcome, Page, PageMark,
    Schema, Write,
};
pub use fault::{CommitError, StoreError};
pub use queue::{Hints, IntentRef, Message, Messages, Queue, QueueError, Sends};
pub use store::{
    Census, ClaimOutcome, Commit, Conflict, CursorMark, EventKey, Expected, JournalEntry, LinkPage,
    NaturalKey, ParkKey, Parked, Store, WAITING_MAX, Whereabouts,
};
