//! Concord's memory: three tables behind one port (DESIGN 5).
//!
//! Every write is conditional, and every condition is a parameter here, so that the in-memory store and
//! DynamoDB can be held to the same contract suite.

use std::collections::BTreeSet;
use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fault::{CommitError, StoreError};
use crate::link::Link;
use crate::names::{
    ContractVersion, Fence, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, RecordKey, Side,
    WireName,
};
use crate::row::Edited;
use crate::value::{Presence, Value};

/// The store.
pub trait Store: Send + Sync {
    /// Where each record is, by strongly consistent reads. One answer per record, in order.
    ///
    /// # Errors
    /// [`StoreError`], for the whole call.
    fn locate(
        &self,
        records: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<Whereabouts>, StoreError>> + Send;

    /// The records that were merged into these, each with the link that said so, by strongly consistent reads.
    ///
    /// # Errors
    /// [`StoreError`], for the whole call.
    fn merged_into(
        &self,
        winners: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<(RecordKey, LinkId)>, StoreError>> + Send;

    /// Remembers that a person says two records are not one thing, or, with `apart: false`, that this is over.
    ///
    /// # Errors
    /// [`StoreError`]; one of the two may know of it and the other not: say it again.
    fn set_apart(
        &self,
        records: &PerSide<RecordKey>,
        apart: bool,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The records with which each of these is not one thing, as a person says, by strongly consistent reads. One set per
    /// record, in order.
    ///
    /// # Errors
    /// [`StoreError`], for the whole call.
    fn kept_apart(
        &self,
        records: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<BTreeSet<RecordKey>>, StoreError>> + Send;

    /// The links that own these natural keys, by strongly consistent reads. One per key, in order.
    ///
    /// # Errors
    /// [`StoreError`], for the whole call.
    fn owners(
        &self,
        keys: &[NaturalKey],
    ) -> impl Future<Output = Result<Vec<Option<LinkId>>, StoreError>> + Send;

    /// Links, by strongly consistent reads. One per id, in order.
    ///
    /// # Errors
    /// [`StoreError`], for the whole call.
    fn links(&self, ids: &[LinkId]) -> impl Future<Output = Result<Vec<Option<Link>>, StoreError>> + Send;

    /// Some of all links, in no order, from where another page ended. By scanning: for a sweep, never on the path of a change.
    /// Whoever is linked meanwhile may be missing; a page without links need not be the last.
    ///
    /// # Errors
    /// [`StoreError`].
    fn page_of_links(&self, from: Option<&str>) -> impl Future<Output = Result<LinkPage, StoreError>> + Send;

    /// One transaction: the link on its generation, claims on their absence, and all that explains them.
    /// All or nothing.
    ///
    /// # Errors
    /// [`CommitError::Moved`] and [`CommitError::Taken`] say that somebody was faster: read again and decide again.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// One transaction: forgets a link, if it is as it was read, and all that is its own: its claims on records and keys, who waits for
    /// its records, its conflicts and what is set aside of it. `line` is written to its journal, whose values nobody can read any more.
    /// Redirections stay (I15), and so does what a person keeps apart.
    ///
    /// # Errors
    /// [`CommitError::Moved`] if it is at another generation.
    fn collect(
        &self,
        link: &Link,
        line: JournalEntry,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Links with open intents that were decided before `before`, oldest first, at most `max`.
    /// From an index that may lag; read the link before acting.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unsent(
        &self,
        before: Timestamp,
        max: usize,
    ) -> impl Future<Output = Result<Vec<LinkId>, StoreError>> + Send;

    /// Claims each event for `lease_ms` from `now`. One outcome per event, in order. Expiry is part of the
    /// condition, since TTL deletes days late.
    ///
    /// # Errors
    /// [`StoreError`], for the whole call; what was claimed runs out by itself.
    fn claim(
        &self,
        events: &[EventKey],
        now: Timestamp,
        lease_ms: u64,
    ) -> impl Future<Output = Result<Vec<ClaimOutcome>, StoreError>> + Send;

    /// Marks claimed events as done for `keep_ms`. Conditional on the fence: a worker that lost its lease
    /// changes nothing, and that is no error.
    ///
    /// # Errors
    /// [`StoreError`].
    fn complete(
        &self,
        events: &[(EventKey, Fence)],
        now: Timestamp,
        keep_ms: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives claimed events back, so that their next delivery is taken at once. Conditional on the fence.
    ///
    /// # Errors
    /// [`StoreError`].
    fn release(&self, events: &[(EventKey, Fence)]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Sets something aside with a reason; the same key again replaces it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn park(&self, parked: &Parked) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes it back; no error if it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unpark(&self, key: &ParkKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All that is parked, oldest first, at most `max`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn parked(&self, max: usize) -> impl Future<Output = Result<Vec<Parked>, StoreError>> + Send;

    /// Remembers that a record waits for another to be in a pair; more than [`WAITING_MAX`] for one are not remembered. Whether
    /// that is new.
    ///
    /// # Errors
    /// [`StoreError`].
    fn wait_for(
        &self,
        target: &RecordKey,
        waiting: &RecordKey,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The records that wait for any of these, by strongly consistent reads.
    ///
    /// # Errors
    /// [`StoreError`], for the whole call.
    fn waiting_for(
        &self,
        targets: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<RecordKey>, StoreError>> + Send;

    /// Nobody waits for these any more.
    ///
    /// # Errors
    /// [`StoreError`]; some may be waited for still.
    fn stop_waiting_for(&self, targets: &[RecordKey]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All open conflicts, oldest first, at most `max`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn conflicts(&self, max: usize) -> impl Future<Output = Result<Vec<Conflict>, StoreError>> + Send;

    /// A cursor, by name. `None` if it was never moved.
    ///
    /// # Errors
    /// [`StoreError`].
    fn cursor(&self, name: &str) -> impl Future<Output = Result<Option<CursorMark>, StoreError>> + Send;

    /// Moves a cursor from the generation that was read (`0`: never moved) to the next, with this text.
    ///
    /// # Errors
    /// [`CommitError::Moved`] if somebody else moved it.
    fn move_cursor(
        &self,
        name: &str,
        read: Generation,
        text: &str,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// The contract in force: its YAML text. `None` before the first one is taken.
    ///
    /// # Errors
    /// [`StoreError`].
    fn contract(&self) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Puts a contract in force. Versions only rise; every version stays stored.
    ///
    /// # Errors
    /// [`CommitError::Moved`] if the version in force is not below this one.
    fn take_contract(
        &self,
        version: ContractVersion,
        text: &str,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Counts for an operator, by scanning: seconds on a large table, so never on the path of a change.
    ///
    /// # Errors
    /// [`StoreError`].
    fn census(&self) -> impl Future<Output = Result<Census, StoreError>> + Send;

    /// The newest lines of a link's journal, at most `max`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn journal(
        &self,
        link: &LinkId,
        max: usize,
    ) -> impl Future<Output = Result<Vec<JournalEntry>, StoreError>> + Send;
}

/// Records that may wait for one. Ours: an item's size is what each more of them costs. The daily sweep finds the others.
pub const WAITING_MAX: usize = 100;

/// What is known of a record id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// Nothing.
    Nowhere,
    /// It belongs to this link.
    Linked(LinkId),
    /// It was merged into this record (P11). Aliases only grow (I15).
    Alias(RecordId),
}

/// Some of all links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPage {
    /// As they were stored a moment ago.
    pub links: Vec<Link>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// A unique natural key of one object: keyed hash of a canonical e-mail or domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NaturalKey {
    /// The object type.
    pub object: ObjectName,
    /// The field it comes from.
    pub field: FieldName,
    /// Keyed hash of the canonical value: the store holds no personal value.
    pub hash: crate::value::ImageHash,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// What the link must be for this to happen.
    pub expected: Expected,
    /// The link as it will be. Its `generation` is one more than the expected one (new: 1).
    pub link: Link,
    /// Records to claim for the link. Taken by another link: nothing happens.
    pub records: Vec<RecordKey>,
    /// Two records that only keys have brought together. Kept apart by a person: nothing happens.
    pub met: Option<PerSide<RecordKey>>,
    /// Records that redirect from now on: the first was merged into the second.
    pub aliases: Vec<(RecordKey, RecordId)>,
    /// Natural keys to claim for the link.
    pub keys: Vec<NaturalKey>,
    /// Natural keys that the link no longer holds. Given back only if they are the link's.
    pub released: Vec<NaturalKey>,
    /// Conflicts that begin, or change.
    pub conflicts: Vec<Conflict>,
    /// Fields whose conflict is over.
    pub resolved: Vec<FieldName>,
    /// Fields of the link that are set aside from now on. With the link, whose memory of it is what takes it back.
    pub parked: Vec<Parked>,
    /// Fields that no longer are.
    pub healed: Vec<FieldName>,
    /// What is written to the journal.
    pub journal: Vec<JournalEntry>,
    /// Makes every value that the journal and the conflicts hold of the link unreadable for good (I43). What this commit itself
    /// writes to them holds none.
    pub shred: bool,
}

impl Commit {
    /// A commit of a link and its records alone.
    #[must_use]
    pub const fn of_link(expected: Expected, link: Link, records: Vec<RecordKey>) -> Self {
        Self {
            expected,
            link,
            records,
            met: None,
            aliases: Vec::new(),
            keys: Vec::new(),
            released: Vec::new(),
            conflicts: Vec::new(),
            resolved: Vec::new(),
            parked: Vec::new(),
            healed: Vec::new(),
            journal: Vec::new(),
            shred: false,
        }
    }
}

impl Parked {
    /// Something set aside, without candidates.
    #[must_use]
    pub const fn new(key: ParkKey, reason: String, since: Timestamp) -> Self {
        Self { key, reason, candidates: Vec::new(), since }
    }
}

/// What must be stored for a commit to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No such link.
    New,
    /// The link at this generation.
    At(Generation),
}

/// Two edits that have not seen each other, waiting for a person. One per link and field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The link.
    pub link: LinkId,
    /// Its object type.
    pub object: ObjectName,
    /// The field.
    pub field: FieldName,
    /// The two values. The store keeps them encrypted under the link's key.
    pub values: PerSide<Presence<Value>>,
    /// When each was typed and by whom, as far as its side tells: HubSpot of the field, Salesforce of the whole row, if it was
    /// touched last by somebody else than us.
    pub edited: PerSide<Option<Edited>>,
    /// The records.
    pub records: PerSide<Option<RecordId>>,
    /// Since when.
    pub since: Timestamp,
}

/// One line of explanation: what happened to one field, by which rule. Values are encrypted per link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The link.
    pub link: LinkId,
    /// The generation that the decision made.
    pub generation: Generation,
    /// The field; `None` for what concerns the whole record.
    pub field: Option<FieldName>,
    /// The rule, by number and name: `P7 carry`, `P7 authority`, `P9 flag`.
    pub rule: String,
    /// The side that is written to, or none.
    pub target: Option<Side>,
    /// What stood on each side when this was decided.
    pub before: PerSide<Presence<Value>>,
    /// What shall stand on both.
    pub after: Presence<Value>,
    /// A value that was replaced by somebody who had not seen it (P7: always kept).
    pub loser: Option<Presence<Value>>,
    /// The contract.
    pub contract: ContractVersion,
    /// When it was decided.
    pub at: Timestamp,
}

/// What is set aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ParkKey {
    /// A whole record.
    Record(RecordKey),
    /// One field of a link: the rest goes on.
    Field(LinkId, FieldName),
    /// A message that nobody can read, by its id.
    Message(String),
    /// What would be mass harm to records of this type: its brake is engaged (P15).
    Object(ObjectName),
    /// Whatever a side does not show of what it calls this: it shows none of the kind (P9).
    Type(Side, WireName),
}

impl ParkKey {
    /// The record, if it is a whole one.
    #[must_use]
    pub const fn record(&self) -> Option<&RecordKey> {
        match self {
            Self::Record(record) => Some(record),
            Self::Field(..) | Self::Message(_) | Self::Object(_) | Self::Type(..) => None,
        }
    }
}

/// Something set aside, with what an operator needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// What.
    pub key: ParkKey,
    /// Why, and what to do. No personal values.
    pub reason: String,
    /// Of a record: those that it may belong with, if a person says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<RecordKey>,
    /// Since when.
    pub since: Timestamp,
}

/// Names one delivered event, by hash of what the side says makes it unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey(pub String);

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It is ours until the lease ends.
    Claimed(Fence),
    /// Somebody else is at it.
    InProgress,
    /// It was done before.
    Done,
}

/// A cursor's text and its optimistic lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorMark {
    /// Opaque to the store.
    pub text: String,
    /// To move it, this must not have changed.
    pub generation: Generation,
}

/// How much of everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Census {
    /// Links, unlinked ones included.
    pub links: u64,
    /// Links with at least one open intent.
    pub open: u64,
    /// Things set aside.
    pub parked: u64,
    /// Conflicts that wait for a person.
    pub conflicts: u64,
}
