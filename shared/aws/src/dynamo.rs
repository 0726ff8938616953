//! Concord's memory in DynamoDB (DESIGN 5). Implements [`Store`]; `tests/store_contract.rs` holds it to the
//! same suite as the in-memory store.
//!
//! Deliberately absent: retries (the SDK's few apart, the queue retries), clocks (`now` is an argument), and any
//! uniqueness that rests on an index: indexes lag, items do not.
//!
//! # `State` (partition key `pk`)
//!
//! | `pk` | attributes | holds |
//! |---|---|---|
//! | `LINK#id` | `generation` N, `link` B (a format byte, then postcard of `Link`), `writer` B, and while an intent is open `open_shard` S, `open_since` N | a link with its base and intents |
//! | `RECORD#side#object#id` | `link` S, or `merged_into` S | whose record it is; a merged one redirects, for ever |
//! | `APART#RECORD#side#object#id` | `apart` SS (JSON) | the records that this one is not one thing with, as a person says |
//! | `MERGED#RECORD#side#object#id` | `merged` SS (JSON) | the records that were merged into this one, each with the link that said so |
//! | `KEY#object#field#hash` | `link` S | whose natural key it is |
//! | `CONFLICT#link#field` | `object`, `field`, `link_id` S, `conflict_records`, `edited` S (JSON), `since` S, `sealed` B, `listed`, `listed_since` | two values that wait for a person |
//! | `PARK#RECORD#..`, `PARK#FIELD#link#field`, `PARK#MESSAGE#id`, `PARK#OBJECT#object`, `PARK#TYPE#side#type` | `parked` S (JSON), `listed`, `listed_since` | something set aside |
//! | `WAIT#RECORD#side#object#id` | `waiting` SS (JSON) | the records that wait for this one to be in a pair |
//! | `SECRET#link` | `secret` B | the key of the link's sealed values; deleting it shreds them |
//! | `CURSOR#name` | `generation` N, `text` S | how far a poll or sweep has come; brakes, and the canary of each type |
//! | `CONTRACT#IN_FORCE`, `CONTRACT#version` | `version` N, `text` S | contracts |
//!
//! A link whose records are gone for good is forgotten: `LINK`, `SECRET` and what names it or waits for it under `RECORD`, `KEY`, `CONFLICT`,
//! `PARK` and `WAIT` go, in one transaction. Redirections, `MERGED` and `APART` stay.
//!
//! Index `open` (`open_shard`, `open_since`; keys only): links with open intents, by the age of the oldest.
//! Index `listed` (`listed`, `listed_since`; keys only): what an operator lists, by age. Both are sparse.
//!
//! # `Idempotency` (partition key `pk`, TTL `expires_at`)
//!
//! | `pk` | attributes |
//! |---|---|
//! | the event's hash | `stage` S (`claimed`, `done`), `fence` N, `holder` B, `until` N (nanoseconds), `expires_at` N (seconds) |
//!
//! # `Journal` (partition key `link`, sort key `entry`, TTL `expires_at`)
//!
//! | `entry` | attributes |
//! |---|---|
//! | `generation#n#field` | `rule`, `target`, `field`, `at` S, `contract` N, `sealed` B (before, after, loser), `expires_at` N |

mod claims;
mod collect;
mod commit;
mod fault;
mod keys;
mod listed;
mod pack;
mod read;
mod seal;
mod sets;
mod single;
mod tables;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use concord_core::link::Link;
use concord_core::names::{ContractVersion, Fence, Generation, LinkId, PerSide, RecordKey};
use concord_core::port::{
    Census, ClaimOutcome, Commit, CommitError, Conflict, CursorMark, EventKey, JournalEntry, LinkPage,
    NaturalKey, ParkKey, Parked, Store, StoreError, Whereabouts,
};
use jiff::Timestamp;

pub use tables::create_tables;

use crate::telemetry::{Count, Metrics};

/// The three tables' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Links, claims, what is set aside, cursors, contracts.
    pub state: String,
    /// Claimed events.
    pub idempotency: String,
    /// Decisions with their values.
    pub journal: String,
}

/// The store over three DynamoDB tables.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
    journal_days: u32,
    metrics: Option<Metrics>,
}

impl DynamoStore {
    /// Days that a journal entry is kept unless configured otherwise (DESIGN 5).
    pub const JOURNAL_DAYS: u32 = 400;

    /// A store over these tables; it makes no call.
    #[must_use]
    pub const fn new(client: Client, tables: Tables, journal_days: u32) -> Self {
        Self { client, tables, journal_days, metrics: None }
    }

    /// The same store, counting conflicts and what is parked.
    #[must_use]
    pub fn counting(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    fn count(&self, count: Count, n: usize) {
        if let Some(metrics) = &self.metrics {
            metrics.add(count, n);
        }
    }

    /// One cheap call, so that the first event does not pay for name lookup and TLS.
    ///
    /// # Errors
    /// [`StoreError`], also if the table is missing.
    pub async fn warm(&self) -> Result<(), StoreError> {
        self.get("warm the connection", keys::CONTRACT_IN_FORCE.to_owned(), Some("pk")).await.map(drop)
    }
}

impl Store for DynamoStore {
    async fn locate(&self, records: &[RecordKey]) -> Result<Vec<Whereabouts>, StoreError> {
        self.read_whereabouts(records).await
    }

    async fn owners(&self, keys: &[NaturalKey]) -> Result<Vec<Option<LinkId>>, StoreError> {
        self.read_owners(keys).await
    }

    async fn links(&self, ids: &[LinkId]) -> Result<Vec<Option<Link>>, StoreError> {
        self.read_links(ids).await
    }

    async fn page_of_links(&self, from: Option<&str>) -> Result<LinkPage, StoreError> {
        self.scan_links(from).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let (conflicts, parked) = (commit.conflicts.len(), commit.parked.len());
        self.commit_all(commit).await?;
        self.count(Count::Conflicts, conflicts);
        self.count(Count::Parked, parked);
        Ok(())
    }

    async fn collect(&self, link: &Link, line: JournalEntry) -> Result<(), CommitError> {
        self.collect_all(link, line).await
    }

    async fn unsent(&self, before: Timestamp, max: usize) -> Result<Vec<LinkId>, StoreError> {
        self.list_open(before, max).await
    }

    async fn claim(
        &self,
        events: &[EventKey],
        now: Timestamp,
        lease_ms: u64,
    ) -> Result<Vec<ClaimOutcome>, StoreError> {
        self.claim_all(events, now, lease_ms).await
    }

    async fn complete(
        &self,
        events: &[(EventKey, Fence)],
        now: Timestamp,
        keep_ms: u64,
    ) -> Result<(), StoreError> {
        self.complete_all(events, now, keep_ms).await
    }

    async fn release(&self, events: &[(EventKey, Fence)]) -> Result<(), StoreError> {
        self.release_all(events).await
    }

    async fn park(&self, parked: &Parked) -> Result<(), StoreError> {
        self.put_parked(parked).await?;
        self.count(Count::Parked, 1);
        Ok(())
    }

    async fn unpark(&self, key: &ParkKey) -> Result<(), StoreError> {
        self.delete_parked(key).await
    }

    async fn parked(&self, max: usize) -> Result<Vec<Parked>, StoreError> {
        self.list_parked(max).await
    }

    async fn wait_for(&self, target: &RecordKey, waiting: &RecordKey) -> Result<bool, StoreError> {
        self.add_waiting(target, waiting).await
    }

    async fn set_apart(&self, records: &PerSide<RecordKey>, apart: bool) -> Result<(), StoreError> {
        self.write_apart(records, apart).await
    }

    async fn kept_apart(&self, records: &[RecordKey]) -> Result<Vec<BTreeSet<RecordKey>>, StoreError> {
        self.read_apart(records).await
    }

    async fn merged_into(&self, winners: &[RecordKey]) -> Result<Vec<(RecordKey, LinkId)>, StoreError> {
        self.read_merged(winners).await
    }

    async fn waiting_for(&self, targets: &[RecordKey]) -> Result<Vec<RecordKey>, StoreError> {
        self.read_waiting(targets).await
    }

    async fn stop_waiting_for(&self, targets: &[RecordKey]) -> Result<(), StoreError> {
        self.delete_waiting(targets).await
    }

    async fn conflicts(&self, max: usize) -> Result<Vec<Conflict>, StoreError> {
        self.list_conflicts(max).await
    }

    async fn cursor(&self, name: &str) -> Result<Option<CursorMark>, StoreError> {
        self.read_cursor(name).await
    }

    async fn move_cursor(&self, name: &str, read: Generation, text: &str) -> Result<(), CommitError> {
        self.put_cursor(name, read, text).await
    }

    async fn contract(&self) -> Result<Option<String>, StoreError> {
        self.read_contract().await
    }

    async fn take_contract(&self, version: ContractVersion, text: &str) -> Result<(), CommitError> {
        self.put_contract(version, text).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.census_by_scan().await
    }

    async fn journal(&self, link: &LinkId, max: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read_journal(link, max).await
    }
}
