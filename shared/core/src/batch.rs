//! A batch of FIFO messages, filled into as few calls of a step as can be.
//!
//! Takes plain structs and returns what becomes of each message; the caller deletes, hides or reports them. So
//! the same code serves Lambda's event source mapping, the poller of one machine and the simulation. Deliberately absent: any
//! call to a queue, and any retry.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::port::{Hints, Messages, ParkKey, Parked, Sends, Store};
use crate::step::{Next, StepError};

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// `MessageId`.
    pub id: String,
    /// `MessageGroupId`.
    pub group: String,
    /// The body: JSON of [`crate::port::Messages`].
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

    /// When it may be begun; `None`: at once.
    fn not_before(&self) -> Option<Timestamp>;

    /// Takes in another message of the same kind that may be begun too, if there is room; else gives it back.
    fn absorb(&mut self, other: Self) -> Option<Self>;
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

    fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    fn absorb(&mut self, other: Self) -> Option<Self> {
        // What one says of its records is not said of the others.
        let alike = self.side == other.side && self.object == other.object && self.erased == other.erased;
        if !alike || self.ids.len() + other.ids.len() > Self::IDS_MAX {
            return Some(other);
        }
        self.ids.extend(other.ids);
        None
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

    fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    fn absorb(&mut self, other: Self) -> Option<Self> {
        let alike = self.side == other.side && self.object == other.object;
        if !alike || self.intents.len() + other.intents.len() > Self::INTENTS_MAX {
            return Some(other);
        }
        self.intents.extend(other.intents);
        None
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

/// Messages that are worked on as one, and which of the batch they are.
struct Parcel<B> {
    body: B,
    members: Vec<usize>,
    /// What came before and failed is worked on alone: so poison fails nobody else's messages.
    alone: bool,
}

/// Works through a batch. One fate per message, in order.
///
/// Messages about one side and object type are filled into one body, since a CRM takes a hundred records a call
/// and a batch brings ten messages (DESIGN 3). That is sound because neither queue depends on order: fetch
/// looks at the present rows, and write attempts only what its link still wants. Within a group, what stands
/// behind a message that was not done with shares its fate, since a group is blocked as long as any message of
/// it is hidden.
pub async fn work<B: Body>(
    messages: &[Incoming],
    deadline: Deadline,
    now: impl Fn() -> Timestamp,
    store: &impl Store,
    step: impl AsyncFn(&B) -> Result<Next, StepError>,
) -> Vec<Fate> {
    let mut fates = vec![Fate::Done; messages.len()];
    let mut parcels: Vec<Parcel<B>> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        match B::read(&message.body) {
            Ok(body) => match body.not_before().filter(|at| *at > now()) {
                Some(at) => fates[n] = Fate::ComesAgain(at),
                None => fill(&mut parcels, body, n, message.receive_count > 1),
            },
            Err(reason) => fates[n] = park(message, reason, now(), store).await,
        }
    }
    let work = parcels.iter().map(|parcel| Box::pin(work_one(parcel, messages, deadline, &now, &step)));
    for (parcel, fate) in parcels.iter().zip(join_all(work).await) {
        for n in &parcel.members {
            fates[*n] = fate;
        }
    }
    let mut behind: BTreeMap<&str, Fate> = BTreeMap::new();
    for (message, fate) in messages.iter().zip(&mut fates) {
        match behind.get(message.group.as_str()) {
            Some(earlier) => *fate = *earlier,
            None if *fate == Fate::Done => {}
            None => drop(behind.insert(&message.group, *fate)),
        }
    }
    fates
}

/// Adds a message to the first parcel that has room for it.
fn fill<B: Body>(parcels: &mut Vec<Parcel<B>>, body: B, n: usize, alone: bool) {
    let mut body = body;
    for parcel in parcels.iter_mut().filter(|parcel| !alone && !parcel.alone) {
        match parcel.body.absorb(body) {
            None => return parcel.members.push(n),
            Some(back) => body = back,
        }
    }
    parcels.push(Parcel { body, members: vec![n], alone });
}

async fn work_one<B: Body>(
    parcel: &Parcel<B>,
    messages: &[Incoming],
    deadline: Deadline,
    now: &impl Fn() -> Timestamp,
    step: &impl AsyncFn(&B) -> Result<Next, StepError>,
) -> Fate {
    if !deadline.leaves_time(now()) {
        return Fate::ComesAgain(now());
    }
    match step(&parcel.body).await {
        Ok(Next::Done) => Fate::Done,
        Ok(Next::NotBefore(at)) => Fate::ComesAgain(at),
        Err(error) => {
            for message in parcel.members.iter().filter_map(|n| messages.get(*n)) {
                tracing::error!(
                    message_id = %message.id, group = %message.group, correlation_id = parcel.body.correlation(),
                    received = message.receive_count, %error, "message {} failed", message.id
                );
            }
            Fate::Failed
        }
    }
}

/// Poison would block its group until it is dead: it is parked, where an operator sees it, and done with.
async fn park(message: &Incoming, reason: String, now: Timestamp, store: &impl Store) -> Fate {
    let parked = Parked::new(ParkKey::Message(message.id.clone()), reason, now);
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
