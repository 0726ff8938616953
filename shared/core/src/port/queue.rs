//! The two FIFO queues. Messages carry ids, never field values (I42).

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::names::{LinkId, ObjectName, RecordId, Side, Token};

/// Sends messages. Receiving is the event source's affair: Lambda's mapping, or its local double.
pub trait Queue: Send + Sync {
    /// Sends all of them, in order within a group.
    ///
    /// # Errors
    /// If any message was not taken. Those that were stay sent; sending again is harmless.
    fn send(&self, messages: &[Message]) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// One message with its FIFO attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The body. Its variant chooses the queue.
    pub body: Messages,
    /// `MessageGroupId`: a shard, not a record (DESIGN 3).
    pub group: String,
    /// `MessageDeduplicationId`: from the event or the intent, never from the record id: SQS remembers it
    /// for 5 minutes, even after the message was deleted.
    pub dedup: String,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Messages {
    /// To `hints.fifo`.
    Hints(Hints),
    /// To `intents.fifo`.
    Intents(Sends),
}

/// "Look at these records." At most [`Hints::IDS_MAX`] of one side and object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// The side they were seen on.
    pub side: Side,
    /// Their object type.
    pub object: ObjectName,
    /// Their ids.
    pub ids: Vec<RecordId>,
    /// Whether the side says that it has erased them, as privacy law asks: evidence, once a read shows nothing (P9).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// Come again then, not earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Follows one cause through every log line.
    pub correlation: String,
}

impl Hints {
    /// HubSpot reads 100 records a call; a message is one call's worth (DESIGN 3).
    pub const IDS_MAX: usize = 100;
}

/// "Attempt these intents." At most [`Sends::INTENTS_MAX`] of one side and object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sends {
    /// The side they write to.
    pub side: Side,
    /// Their object type.
    pub object: ObjectName,
    /// The intents, by link and number.
    pub intents: Vec<IntentRef>,
    /// Come again then, not earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Follows one cause through every log line.
    pub correlation: String,
}

impl Sends {
    /// HubSpot writes 100 records a call.
    pub const INTENTS_MAX: usize = 100;
}

/// Names one intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentRef {
    /// Its link.
    pub link: LinkId,
    /// Its number.
    pub number: Token,
}

/// The queue did not take a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the queue did not take {count} of {of} messages: {reason}")]
pub struct QueueError {
    /// How many were refused.
    pub count: usize,
    /// How many were sent.
    pub of: usize,
    /// The queue's code.
    pub reason: String,
}
