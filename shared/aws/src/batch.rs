//! A batch of FIFO messages: group by group at once, each group in order.
//!
//! Takes plain structs and returns what becomes of each message; the caller deletes, hides or reports them. So
//! the same code serves Lambda's event source mapping and the poller of one machine. Deliberately absent: any
//! call to a queue, and any retry.

use std::collections::BTreeMap;

use concord_core::port::{Hints, Messages, ParkKey, Parked, Sends, Store};
use concord_core::step::{Next, StepError};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// `MessageId`.
    pub id: String,
    /// `MessageGroupId`.
    pub group: String,
    /// The body: JSON of [`concord_core::port::Messages`].
    pub body: String,
    /// What deletes or hides it.
    pub receipt: String,
    /// How often it has been received, this time included.
    pub receive_count: u32,
}

/// What a queue's messages say.
pub trait Body: Sized {
    /// Reads a body.
    ///
    /// # Errors
    /// A reason for an operator, without anything of the body.
    fn read(body: &str) -> Result<Self, String>;

    /// Follows one cause through every log line.
    fn correlation(&self) -> &str;
}

impl Body for Hints {
    fn read(body: &str) -> Result<Self, String> {
        match parse(body)? {
            Messages::Hints(hints) => Ok(hints),
            Messages::Intents(_) => {
                Err("intents in the queue of hints: check CONCORD_INTENTS_QUEUE_URL".to_owned())
            }
        }
    }

    fn correlation(&self) -> &str {
        &self.correlation
    }
}

impl Body for Sends {
    fn read(body: &str) -> Result<Self, String> {
        match parse(body)? {
            Messages::Intents(sends) => Ok(sends),
            Messages::Hints(_) => {
                Err("hints in the queue of intents: check CONCORD_HINTS_QUEUE_URL".to_owned())
            }
        }
    }

    fn correlation(&self) -> &str {
        &self.correlation
    }
}

/// How long the function may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Timestamp);

impl Deadline {
    /// No message is begun with less time than this before the deadline (I38): one CRM call may take 20 s
    /// (`concord_crm::transport::Http`), and what it did must still be recorded.
    pub const MARGIN: SignedDuration = SignedDuration::from_secs(25);

    /// Whether another message may be begun.
    #[must_use]
    pub fn leaves_time(self, now: Timestamp) -> bool {
        self.0.duration_since(now) >= Self::MARGIN
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    /// It is done with, or nobody could read it and it was parked: delete it.
    Done,
    /// Hide it until then, and report it as failed: it comes again.
    ComesAgain(Timestamp),
    /// Report it as failed: it comes again when the queue's visibility timeout is over, and in the end goes to
    /// the dead-letter queue.
    Failed,
}

/// Works through a batch. One fate per message, in order.
///
/// Within a group, what stands behind a message that was not done with is not begun: it would overtake it. It
/// shares that message's fate, since a group is blocked as long as any message of it is hidden. `now` is asked
/// before each message.
pub async fn work<B: Body>(
    messages: &[Incoming],
    deadline: Deadline,
    now: impl Fn() -> Timestamp,
    store: &impl Store,
    step: impl AsyncFn(&B) -> Result<Next, StepError>,
) -> Vec<Fate> {
    let mut groups: BTreeMap<&str, Vec<(usize, &Incoming)>> = BTreeMap::new();
    for (n, message) in messages.iter().enumerate() {
        groups.entry(&message.group).or_default().push((n, message));
    }
    let group = async |members: Vec<(usize, &Incoming)>| {
        let mut fates = Vec::new();
        let mut behind = None;
        for (n, message) in members {
            let fate = match behind {
                Some(fate) => fate,
                None if !deadline.leaves_time(now()) => Fate::ComesAgain(now()),
                None => Box::pin(work_one(message, now(), store, &step)).await,
            };
            match fate {
                Fate::Done => {}
                Fate::ComesAgain(_) | Fate::Failed => behind = Some(fate),
            }
            fates.push((n, fate));
        }
        fates
    };
    let mut fates: Vec<(usize, Fate)> =
        join_all(groups.into_values().map(group)).await.into_iter().flatten().collect();
    fates.sort_by_key(|(n, _)| *n);
    fates.into_iter().map(|(_, fate)| fate).collect()
}

async fn work_one<B: Body>(
    message: &Incoming,
    now: Timestamp,
    store: &impl Store,
    step: &impl AsyncFn(&B) -> Result<Next, StepError>,
) -> Fate {
    let body = match B::read(&message.body) {
        Ok(body) => body,
        Err(reason) => return park(message, reason, now, store).await,
    };
    match step(&body).await {
        Ok(Next::Done) => Fate::Done,
        Ok(Next::NotBefore(at)) => Fate::ComesAgain(at),
        Err(error) => {
            tracing::error!(
                message_id = %message.id, group = %message.group, correlation_id = body.correlation(),
                received = message.receive_count, %error, "message {} failed", message.id
            );
            Fate::Failed
        }
    }
}

/// Poison would block its group until it is dead: it is parked, where an operator sees it, and done with.
async fn park(message: &Incoming, reason: String, now: Timestamp, store: &impl Store) -> Fate {
    let parked = Parked { key: ParkKey::Message(message.id.clone()), reason, since: now };
    match store.park(&parked).await {
        Ok(()) => {
            tracing::error!(message_id = %message.id, "message {} is parked: {}", message.id, parked.reason);
            Fate::Done
        }
        Err(error) => {
            tracing::error!(message_id = %message.id, %error, "message {} could not be parked", message.id);
            Fate::Failed
        }
    }
}

/// The parser's own words may repeat the body, so only its position is told.
fn parse(body: &str) -> Result<Messages, String> {
    serde_json::from_str(body).map_err(|error| {
        format!(
            "the body cannot be read (line {}, column {}): find out who sent it; reconcile finds the records",
            error.line(),
            error.column()
        )
    })
}

#[cfg(test)]
mod tests;
