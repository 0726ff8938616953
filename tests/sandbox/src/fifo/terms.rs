//! What goes into a FIFO queue and what comes out of it.

use thiserror::Error;

/// How a queue behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Its name; message ids are derived from it, so that two queues never share one.
    pub name: String,
    /// How long a received message stays hidden, unless it is deleted or changed before.
    pub visibility_ms: u64,
    /// After this many receipts, the next one moves the message to the dead-letter queue.
    pub receives_max: u32,
    /// How long a message is kept at all.
    pub retention_ms: u64,
    /// How long a new message is hidden. FIFO queues know no delay per message.
    pub delay_ms: u64,
    /// Where deduplication ids come from when a message brings none.
    pub dedup: Dedup,
}

impl Terms {
    /// Six times a function timeout of 30 s, as SQS event sources need (reference: SQS FIFO + Lambda).
    pub const VISIBILITY_MS: u64 = 180_000;
    /// Receipts before a message is dead. Generous, since a message that only waits for a CRM's limit is received
    /// again each time.
    pub const RECEIVES_MAX: u32 = 100;
    /// SQS keeps a message for at most 14 days.
    pub const RETENTION_MS: u64 = 14 * 24 * 3_600_000;

    /// The usual terms.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            visibility_ms: Self::VISIBILITY_MS,
            receives_max: Self::RECEIVES_MAX,
            retention_ms: Self::RETENTION_MS,
            delay_ms: 0,
            dedup: Dedup::Given,
        }
    }
}

/// Where a deduplication id comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedup {
    /// Every message must bring one.
    Given,
    /// A message without one gets the hash of its body.
    OfContent,
}

/// One message of a batch to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `MessageGroupId`.
    pub group: String,
    /// `MessageDeduplicationId`; `None` only under [`Dedup::OfContent`].
    pub dedup: Option<String>,
    /// `MessageBody`.
    pub body: String,
}

/// A message that the queue has taken, now or within the last five minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `MessageId`. A duplicate gets the first one's.
    pub message_id: String,
    /// `SequenceNumber`: 20 digits, rising. A duplicate gets the first one's.
    pub sequence: String,
}

/// Why one message of a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The group id is missing, longer than 128 characters, or holds other than visible ASCII.
    #[error("InvalidParameterValue: MessageGroupId must be 1 to 128 visible ASCII characters")]
    Group,
    /// The same for the deduplication id.
    #[error("InvalidParameterValue: MessageDeduplicationId must be 1 to 128 visible ASCII characters")]
    Dedup,
    /// Neither a deduplication id nor content-based deduplication.
    #[error("InvalidParameterValue: the queue needs a MessageDeduplicationId with every message")]
    NoDedup,
    /// Empty, or with characters that SQS does not take.
    #[error("InvalidMessageContents: the body is empty or holds a character outside the allowed set")]
    Contents,
}

/// Why a whole batch was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BatchError {
    /// No message in it.
    #[error("AWS.SimpleQueueService.EmptyBatchRequest: a batch holds at least 1 message")]
    Empty,
    /// More than ten.
    #[error(
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest: a batch holds at most 10 messages, not {0}"
    )]
    TooMany(usize),
    /// More than 1 MiB in sum.
    #[error("AWS.SimpleQueueService.BatchRequestTooLong: a batch holds at most 1048576 bytes, not {0}")]
    TooLong(usize),
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// `MessageId`.
    pub message_id: String,
    /// `ReceiptHandle`: good for this receipt only.
    pub handle: String,
    /// `SequenceNumber`.
    pub sequence: String,
    /// `MessageGroupId`.
    pub group: String,
    /// `MessageDeduplicationId`.
    pub dedup: String,
    /// `Body`.
    pub body: String,
    /// `ApproximateReceiveCount`, this receipt included.
    pub receives: u32,
    /// `SentTimestamp`, in milliseconds since 1970.
    pub sent_ms: i64,
    /// `ApproximateFirstReceiveTimestamp`, in milliseconds since 1970.
    pub first_received_ms: i64,
}

/// Why a receipt handle does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandleError {
    /// It never was one.
    #[error("ReceiptHandleIsInvalid: the queue gave out no such handle")]
    Invalid,
    /// The message became visible again, or was received again, since.
    #[error("InvalidParameterValue: the receipt handle has expired")]
    Expired,
    /// More than 12 hours.
    #[error("InvalidParameterValue: a message is hidden for at most 43200 seconds")]
    TooLong,
}

/// A message that was received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// `MessageId`, as it was.
    pub message_id: String,
    /// `MessageGroupId`, as it was.
    pub group: String,
    /// `MessageDeduplicationId`, as it was.
    pub dedup: String,
    /// `Body`, as it was.
    pub body: String,
    /// How often it was received.
    pub receives: u32,
    /// When it was given up, in milliseconds since 1970.
    pub died_ms: i64,
}

/// The approximate counts, which are exact here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// `ApproximateNumberOfMessages`: those behind an unfinished one of their group included.
    pub visible: usize,
    /// `ApproximateNumberOfMessagesNotVisible`.
    pub in_flight: usize,
    /// `ApproximateNumberOfMessagesDelayed`.
    pub delayed: usize,
    /// The same of the dead-letter queue.
    pub dead: usize,
}
