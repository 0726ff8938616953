//! The four steps. Each makes its choices in pure code and awaits only ports; a step run twice does no more
//! than a step run once, and a step that dies anywhere is found and resumed.
//!
//! Deliberately absent: sleeping, retrying a call, and any way to a CRM write but [`write`].

mod brake;
mod by_hand;
mod canary;
mod erase;
mod fetch;
mod inbox;
mod leads;
mod lookalikes;
mod matching;
mod merging;
mod missing;
mod owners;
mod pairing;
mod reconcile;
mod references;
mod schemas;
mod set_aside;
mod take_in;
mod why;
mod write;

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::contract::{Contract, Object};
use crate::link::Link;
use crate::names::{LinkId, ObjectName, RecordId, RecordKey, Side};
use crate::port::{
    CommitError, Crm, Failure, Hints, IntentRef, Message, Messages, ObjectSpec, Queue, QueueError, Sends,
    Store, StoreError,
};
use crate::row::Reading;
use crate::value::ImageKey;

pub use by_hand::Said;
pub use inbox::Inbox;
pub use owners::Directory;
pub use reconcile::{Report, Task};
pub use set_aside::SetAside;
pub use take_in::{CLAIM_LEASE_MS, TakenIn};
pub use why::Why;

/// Everything that the steps work with.
#[derive(Debug)]
pub struct Engine<S, Q, H, F> {
    /// Concord's memory.
    pub store: S,
    /// The two queues.
    pub queue: Q,
    /// HubSpot.
    pub hubspot: H,
    /// Salesforce.
    pub salesforce: F,
    /// The contract in force.
    pub contract: Contract,
    /// The key of image hashes.
    pub key: ImageKey,
    /// Message groups per queue: how much may be worked on at once (DESIGN 3; default 8).
    pub shards: u32,
    /// Closed while a CRM has asked to be left alone.
    pub gate: Gate,
    /// Who owns records.
    pub directory: Directory,
}

/// Keeps the workers of one process from a CRM that said "come again later": without it, each of them would find
/// out for itself, and spend a call on it. Forgotten with the process, which costs one refused call.
#[derive(Debug, Default)]
pub struct Gate(AtomicI64);

impl Gate {
    /// Nothing is begun before `until`.
    fn close(&self, until: Timestamp) {
        self.0.fetch_max(until.as_millisecond().saturating_add(1), Ordering::Relaxed);
    }

    /// When something may be begun again; an instant in the past if at once.
    fn closed_until(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).ok()
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// It is done with: delete it.
    Done,
    /// Show it again then, not earlier.
    NotBefore(Timestamp),
}

/// Why a step could not do its work. Its message comes again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A whole call to a CRM failed, and coming again soon will not cure it.
    #[error("{side}: {failure}")]
    Crm {
        /// The CRM.
        side: Side,
        /// Its failure.
        #[source]
        failure: Failure,
    },
}

impl From<CommitError> for StepError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            CommitError::Moved | CommitError::Taken { .. } => {
                Self::Store(StoreError::Busy { operation: "commit", reason: error.to_string() })
            }
        }
    }
}

/// How many port calls that concern one record each are under way at once. Ours: enough to hide the store's
/// latency, few enough for one Lambda's sockets.
const CONCURRENCY: usize = 16;

/// After a side asked for a new login, the next attempt may follow at once.
const LOGIN_WAIT: SignedDuration = SignedDuration::from_millis(100);

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    async fn read(&self, side: Side, object: &Object, ids: &[RecordId]) -> Result<Vec<Reading>, StepError> {
        let mut readings = self.read_as(side, &object.spec(side), ids).await?;
        let rows = readings.iter_mut().filter_map(|reading| match reading {
            Reading::Row(row) => Some(&mut **row),
            Reading::MergedInto(_) | Reading::NotFound => None,
        });
        self.name_references(side, object, rows).await?;
        Ok(readings)
    }

    /// The same of these fields alone, and references as the side stores them.
    async fn read_as(
        &self,
        side: Side,
        spec: &ObjectSpec,
        ids: &[RecordId],
    ) -> Result<Vec<Reading>, StepError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let read = match side {
            Side::HubSpot => self.hubspot.read(spec, ids).await,
            Side::Salesforce => self.salesforce.read(spec, ids).await,
        };
        read.map_err(|failure| StepError::Crm { side, failure })
    }

    /// The link of this name, as it is stored.
    async fn stored(&self, id: &LinkId) -> Result<Option<Link>, StepError> {
        Ok(self.store.links(std::slice::from_ref(id)).await?.into_iter().next().flatten())
    }

    /// Asks for these records to be looked at again. In a group of its own, so that waiting blocks nobody.
    async fn hint_again(&self, again: &Hints, now: Timestamp) -> Result<(), StepError> {
        if again.ids.is_empty() {
            return Ok(());
        }
        let mut messages = Vec::new();
        for ids in again.ids.chunks(Hints::IDS_MAX) {
            let hints = Hints { ids: ids.to_vec(), ..again.clone() };
            let later = hints.not_before.map(|at| at.to_string()).unwrap_or_default();
            let of = format!("{} {} {} {later}", again.side, again.object, again.erased);
            let dedup = digest(["again", &now.to_string(), &again.correlation, &of, &id_list(ids)]);
            let group = match hints.not_before {
                Some(_) => format!("later-{dedup}"),
                None => self.shard(&dedup),
            };
            messages.push(Message { body: Messages::Hints(hints), group, dedup });
        }
        Ok(self.queue.send(&messages).await?)
    }

    /// Hints for records on one side, packed.
    async fn hint(
        &self,
        side: Side,
        object: &ObjectName,
        ids: &[RecordId],
        correlation: &str,
    ) -> Result<(), StepError> {
        self.hint_of(false, side, object, ids, correlation).await
    }

    /// The same, of records that the side says it has erased.
    async fn hint_of(
        &self,
        erased: bool,
        side: Side,
        object: &ObjectName,
        ids: &[RecordId],
        correlation: &str,
    ) -> Result<(), StepError> {
        let mut messages = Vec::new();
        for ids in ids.chunks(Hints::IDS_MAX) {
            let told = if erased { "erased" } else { "seen" };
            let dedup = digest([correlation, told, side.name(), object.as_str(), &id_list(ids)]);
            let group = self.shard(ids.first().map_or("", RecordId::as_str));
            let hints = Hints {
                side,
                object: object.clone(),
                ids: ids.to_vec(),
                erased,
                not_before: None,
                correlation: correlation.to_owned(),
            };
            messages.push(Message { body: Messages::Hints(hints), group, dedup });
        }
        if messages.is_empty() { Ok(()) } else { Ok(self.queue.send(&messages).await?) }
    }

    async fn send_intents(
        &self,
        side: Side,
        object: &ObjectName,
        intents: &[IntentRef],
        correlation: &str,
    ) -> Result<(), StepError> {
        let mut messages = Vec::new();
        for intents in intents.chunks(Sends::INTENTS_MAX) {
            let names: Vec<String> =
                intents.iter().map(|intent| format!("{}:{}", intent.link, intent.number)).collect();
            let sends = Sends {
                side,
                object: object.clone(),
                intents: intents.to_vec(),
                not_before: None,
                correlation: correlation.to_owned(),
            };
            let group = self.shard(intents.first().map_or("", |intent| intent.link.as_str()));
            messages.push(Message {
                body: Messages::Intents(sends),
                group,
                dedup: digest([&*names.join(" ")]),
            });
        }
        if messages.is_empty() { Ok(()) } else { Ok(self.queue.send(&messages).await?) }
    }

    fn shard(&self, name: &str) -> String {
        let hash = Sha256::digest(name.as_bytes());
        let number = hash.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("shard-{}", number % self.shards.max(1))
    }
}

/// When to come again after a failure of a whole call; `None` if time does not cure it.
fn patience(failure: &Failure, now: Timestamp) -> Option<Timestamp> {
    let wait = match failure {
        Failure::Retry { after_ms, .. } => {
            SignedDuration::from_millis(i64::try_from(*after_ms).unwrap_or(i64::MAX))
        }
        Failure::RefreshLogin { .. } => LOGIN_WAIT,
        Failure::Park { .. } | Failure::Conflict { .. } | Failure::Bug { .. } => return None,
    };
    now.checked_add(wait).ok()
}

/// SHA-256 of the parts, hex, at most 128 characters as SQS wants.
fn digest<const N: usize>(parts: [&str; N]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}

fn id_list(ids: &[RecordId]) -> String {
    ids.iter().map(RecordId::as_str).collect::<Vec<_>>().join(" ")
}

/// The link id of a record that is seen first: the same for every worker (P6).
fn link_id(record: &RecordKey) -> LinkId {
    let hash = digest([record.side.name(), record.object.as_str(), record.id.as_str()]);
    LinkId::new(hash.chars().take(LinkId::CHARS).collect::<String>())
}
