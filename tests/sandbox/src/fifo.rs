//! An SQS FIFO queue with its dead-letter queue, as a pure state machine: `now` is an argument.
//!
//! Serves `concord up` through [`LocalQueue`] and the simulation directly. The contract suite in
//! `concord-specs` holds it and real SQS servers to one behaviour. Deliberately absent: standard queues,
//! purging, message attributes and `ReceiveRequestAttemptId`, because Concord uses none of them.

mod local;
mod machine;
mod terms;

pub use local::{LocalQueue, QueueName};
pub use machine::Fifo;
pub use terms::{BatchError, Counts, Dead, Dedup, Entry, HandleError, Received, Refusal, Sent, Terms};
