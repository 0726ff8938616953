//! Concord's memory as a model: [`concord_core::port::Store`] over sorted maps behind one lock.
//!
//! Simple enough to be read as the port's specification; the contract suite in `concord-specs` holds it and
//! the DynamoDB adapter to one behaviour. Deliberately absent: time that passes by itself. Expiry is a
//! condition on the `now` of each call; whether what has expired is deleted ([`MemoryStore::expire`]) changes no answer.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use concord_core::link::Link;
use concord_core::names::{ContractVersion, Fence, FieldName, Generation, LinkId, PerSide, RecordKey, Side};
use concord_core::port::{
    Census, ClaimOutcome, Commit, CommitError, Conflict, CursorMark, EventKey, Expected, JournalEntry,
    LinkPage, NaturalKey, ParkKey, Parked, Store, StoreError, WAITING_MAX, Whereabouts,
};
use concord_core::value::Presence;
use jiff::{SignedDuration, Timestamp};

/// Links on one page. Ours: few enough that a test turns pages.
const LINKS_A_PAGE: usize = 50;

/// The store. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Memory>>);

#[derive(Debug, Clone, Default)]
struct Memory {
    links: BTreeMap<LinkId, Link>,
    /// Never [`Whereabouts::Nowhere`].
    records: BTreeMap<RecordKey, Whereabouts>,
    /// Whom each is kept apart from.
    apart: BTreeMap<RecordKey, BTreeSet<RecordKey>>,
    /// By winner.
    merged: BTreeMap<RecordKey, BTreeSet<(RecordKey, LinkId)>>,
    keys: BTreeMap<NaturalKey, LinkId>,
    conflicts: BTreeMap<(LinkId, FieldName), Conflict>,
    journal: BTreeMap<LinkId, Vec<JournalEntry>>,
    claims: BTreeMap<EventKey, Claim>,
    parked: BTreeMap<ParkKey, Parked>,
    waiting: BTreeMap<RecordKey, BTreeSet<RecordKey>>,
    cursors: BTreeMap<String, CursorMark>,
    contracts: BTreeMap<ContractVersion, String>,
}

/// How long after the last instant at which it means something a claim expires: a day, as in the tables.
const EXPIRY_MS: u64 = 24 * 3_600_000;

/// A claim is kept when it has run out, so that fences only rise (I24).
#[derive(Debug, Clone)]
struct Claim {
    fence: Fence,
    standing: Standing,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    InProgress { until: Timestamp },
    Done { until: Timestamp },
    Released,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A backup: a store of its own that holds what this one holds now.
    #[must_use]
    pub fn backup(&self) -> Self {
        Self(Arc::new(Mutex::new(self.memory().clone())))
    }

    /// Holds what a backup holds, and nothing else.
    pub fn restore(&self, backup: &Self) {
        let held = backup.memory().clone();
        *self.memory() = held;
    }

    /// Everything that it holds, as text, for whoever looks for something that must not be there.
    #[must_use]
    pub fn dump(&self) -> String {
        format!("{:?}", self.memory())
    }

    /// Claims that have expired.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Vec<EventKey> {
        let memory = self.memory();
        let expired = memory.claims.iter().filter(|(_, claim)| match claim.standing {
            Standing::InProgress { until } | Standing::Done { until } => now >= after(until, EXPIRY_MS),
            Standing::Released => false,
        });
        expired.map(|(event, _)| event.clone()).collect()
    }

    /// Deletes claims that have expired, as DynamoDB's TTL does, sooner or later.
    pub fn expire(&self, claims: &[EventKey]) {
        let mut memory = self.memory();
        for event in claims {
            memory.claims.remove(event);
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn locate(&self, records: &[RecordKey]) -> Result<Vec<Whereabouts>, StoreError> {
        let memory = self.memory();
        let place = |record| memory.records.get(record).cloned().unwrap_or(Whereabouts::Nowhere);
        Ok(records.iter().map(place).collect())
    }

    async fn set_apart(&self, records: &PerSide<RecordKey>, apart: bool) -> Result<(), StoreError> {
        let mut memory = self.memory();
        for side in Side::BOTH {
            let from = memory.apart.entry(records[side].clone()).or_default();
            match apart {
                true => drop(from.insert(records[side.other()].clone())),
                false => drop(from.remove(&records[side.other()])),
            }
        }
        Ok(())
    }

    async fn kept_apart(&self, records: &[RecordKey]) -> Result<Vec<BTreeSet<RecordKey>>, StoreError> {
        let memory = self.memory();
        Ok(records.iter().map(|record| memory.apart.get(record).cloned().unwrap_or_default()).collect())
    }

    async fn merged_into(&self, winners: &[RecordKey]) -> Result<Vec<(RecordKey, LinkId)>, StoreError> {
        let memory = self.memory();
        Ok(winners.iter().filter_map(|winner| memory.merged.get(winner)).flatten().cloned().collect())
    }

    async fn owners(&self, keys: &[NaturalKey]) -> Result<Vec<Option<LinkId>>, StoreError> {
        let memory = self.memory();
        Ok(keys.iter().map(|key| memory.keys.get(key).cloned()).collect())
    }

    async fn links(&self, ids: &[LinkId]) -> Result<Vec<Option<Link>>, StoreError> {
        let memory = self.memory();
        Ok(ids.iter().map(|id| memory.links.get(id).cloned()).collect())
    }

    async fn page_of_links(&self, from: Option<&str>) -> Result<LinkPage, StoreError> {
        let memory = self.memory();
        let from = from.map_or(Bound::Unbounded, |from| Bound::Excluded(LinkId::from(from)));
        let mut rest = memory.links.range((from, Bound::Unbounded)).map(|(_, link)| link);
        let links: Vec<Link> = rest.by_ref().take(LINKS_A_PAGE).cloned().collect();
        let next = rest.next().and(links.last()).map(|link| link.id.as_str().to_owned());
        Ok(LinkPage { links, next })
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let mut memory = self.memory();
        memory.check(&commit)?;
        memory.apply(commit);
        Ok(())
    }

    async fn collect(&self, link: &Link, line: JournalEntry) -> Result<(), CommitError> {
        self.memory().collect(link, line)
    }

    async fn unsent(&self, before: Timestamp, max: usize) -> Result<Vec<LinkId>, StoreError> {
        let memory = self.memory();
        let mut waiting: Vec<(Timestamp, LinkId)> = memory
            .links
            .values()
            .filter_map(|link| Some((link.open_since()?, link.id.clone())))
            .filter(|(decided, _)| *decided < before)
            .collect();
        waiting.sort();
        Ok(waiting.into_iter().map(|(_, link)| link).take(max).collect())
    }

    async fn claim(
        &self,
        events: &[EventKey],
        now: Timestamp,
        lease_ms: u64,
    ) -> Result<Vec<ClaimOutcome>, StoreError> {
        let mut memory = self.memory();
        let until = after(now, lease_ms);
        Ok(events.iter().map(|event| memory.claim(event, now, until)).collect())
    }

    async fn complete(
        &self,
        events: &[(EventKey, Fence)],
        now: Timestamp,
        keep_ms: u64,
    ) -> Result<(), StoreError> {
        self.memory().settle(events, Standing::Done { until: after(now, keep_ms) });
        Ok(())
    }

    async fn release(&self, events: &[(EventKey, Fence)]) -> Result<(), StoreError> {
        self.memory().settle(events, Standing::Released);
        Ok(())
    }

    async fn park(&self, parked: &Parked) -> Result<(), StoreError> {
        self.memory().parked.insert(parked.key.clone(), parked.clone());
        Ok(())
    }

    async fn unpark(&self, key: &ParkKey) -> Result<(), StoreError> {
        self.memory().parked.remove(key);
        Ok(())
    }

    async fn parked(&self, max: usize) -> Result<Vec<Parked>, StoreError> {
        let mut parked: Vec<Parked> = self.memory().parked.values().cloned().collect();
        parked.sort_by_key(|parked| parked.since);
        parked.truncate(max);
        Ok(parked)
    }

    async fn wait_for(&self, target: &RecordKey, waiting: &RecordKey) -> Result<bool, StoreError> {
        let mut memory = self.memory();
        let all = memory.waiting.entry(target.clone()).or_default();
        Ok(all.len() < WAITING_MAX && all.insert(waiting.clone()))
    }

    async fn waiting_for(&self, targets: &[RecordKey]) -> Result<Vec<RecordKey>, StoreError> {
        let memory = self.memory();
        let waiting: BTreeSet<&RecordKey> =
            targets.iter().filter_map(|target| memory.waiting.get(target)).flatten().collect();
        Ok(waiting.into_iter().cloned().collect())
    }

    async fn stop_waiting_for(&self, targets: &[RecordKey]) -> Result<(), StoreError> {
        let mut memory = self.memory();
        memory.waiting.retain(|target, _| !targets.contains(target));
        Ok(())
    }

    async fn conflicts(&self, max: usize) -> Result<Vec<Conflict>, StoreError> {
        let mut conflicts: Vec<Conflict> = self.memory().conflicts.values().cloned().collect();
        conflicts.sort_by_key(|conflict| conflict.since);
        conflicts.truncate(max);
        Ok(conflicts)
    }

    async fn cursor(&self, name: &str) -> Result<Option<CursorMark>, StoreError> {
        Ok(self.memory().cursors.get(name).cloned())
    }

    async fn move_cursor(&self, name: &str, read: Generation, text: &str) -> Result<(), CommitError> {
        let mut memory = self.memory();
        let stored = memory.cursors.get(name).map_or(Generation(0), |mark| mark.generation);
        if stored != read {
            return Err(CommitError::Moved);
        }
        let mark = CursorMark { text: text.to_owned(), generation: read.next() };
        memory.cursors.insert(name.to_owned(), mark);
        Ok(())
    }

    async fn contract(&self) -> Result<Option<String>, StoreError> {
        Ok(self.memory().contracts.last_key_value().map(|(_, text)| text.clone()))
    }

    async fn take_contract(&self, version: ContractVersion, text: &str) -> Result<(), CommitError> {
        let mut memory = self.memory();
        match memory.contracts.last_key_value() {
            Some((in_force, _)) if *in_force >= version => Err(CommitError::Moved),
            Some(_) | None => {
                memory.contracts.insert(version, text.to_owned());
                Ok(())
            }
        }
    }

    async fn census(&self) -> Result<Census, StoreError> {
        let memory = self.memory();
        Ok(Census {
            links: memory.links.len() as u64,
            open: memory.links.values().filter_map(Link::open_since).count() as u64,
            parked: memory.parked.len() as u64,
            conflicts: memory.conflicts.len() as u64,
        })
    }

    async fn journal(&self, link: &LinkId, max: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let memory = self.memory();
        let lines = memory.journal.get(link).map_or(&[][..], Vec::as_slice);
        Ok(lines[lines.len().saturating_sub(max)..].to_vec())
    }
}

impl Memory {
    /// Every condition of a commit; nothing is written unless all hold.
    fn check(&self, commit: &Commit) -> Result<(), CommitError> {
        let id = &commit.link.id;
        let stored = self.links.get(id).map(|link| link.generation);
        let next = match (commit.expected, stored) {
            (Expected::New, None) => Generation(1),
            (Expected::At(expected), Some(stored)) if stored == expected => stored.next(),
            (Expected::New, Some(_)) | (Expected::At(_), Some(_) | None) => return Err(CommitError::Moved),
        };
        if commit.link.generation != next {
            let reason = format!("generation {} does not follow the expected one", commit.link.generation);
            return Err(StoreError::Refused { operation: "commit a link", reason }.into());
        }
        // A record that is claimed and redirected at once is redirected. A redirection itself has no condition:
        // the side shows the winner under that id from now on, whichever link the loser belonged to (P11).
        let redirected = |record: &RecordKey| commit.aliases.iter().any(|(loser, _)| loser == record);
        for record in commit.records.iter().filter(|record| !redirected(record)) {
            match self.records.get(record) {
                None | Some(Whereabouts::Nowhere) => {}
                Some(Whereabouts::Linked(owner)) if owner == id => {}
                Some(Whereabouts::Linked(_) | Whereabouts::Alias(_)) => return Err(taken(record)),
            }
        }
        if let Some(met) = &commit.met
            && self.apart.get(&met.hubspot).is_some_and(|apart| apart.contains(&met.salesforce))
        {
            return Err(taken(format!("{}, kept apart,", met.hubspot)));
        }
        match commit.keys.iter().find(|key| self.keys.get(key).is_some_and(|owner| owner != id)) {
            Some(key) => Err(taken(format!("{} {}", key.object, key.field))),
            None => Ok(()),
        }
    }

    fn apply(&mut self, commit: Commit) {
        let Commit {
            link,
            records,
            met: _,
            aliases,
            keys,
            released,
            conflicts,
            resolved,
            parked,
            healed,
            journal,
            shred,
            expected: _,
        } = commit;
        let id = link.id.clone();
        if shred {
            self.shred(&id);
        }
        self.links.insert(id.clone(), link);
        self.records.extend(records.into_iter().map(|record| (record, Whereabouts::Linked(id.clone()))));
        for (loser, winner) in aliases {
            let key = RecordKey { id: winner.clone(), ..loser.clone() };
            self.merged.entry(key).or_default().insert((loser.clone(), id.clone()));
            self.records.insert(loser, Whereabouts::Alias(winner));
        }
        for key in released {
            if self.keys.get(&key) == Some(&id) {
                self.keys.remove(&key);
            }
        }
        self.keys.extend(keys.into_iter().map(|key| (key, id.clone())));
        for field in resolved {
            self.conflicts.remove(&(id.clone(), field));
        }
        for conflict in conflicts {
            self.conflicts.insert((id.clone(), conflict.field.clone()), conflict);
        }
        for field in healed {
            self.parked.remove(&ParkKey::Field(id.clone(), field));
        }
        self.parked.extend(parked.into_iter().map(|parked| (parked.key.clone(), parked)));
        self.journal.entry(id).or_default().extend(journal);
    }

    fn collect(&mut self, link: &Link, line: JournalEntry) -> Result<(), CommitError> {
        if self.links.get(&link.id).is_none_or(|stored| stored.generation != link.generation) {
            return Err(CommitError::Moved);
        }
        self.links.remove(&link.id);
        self.keys.retain(|_, owner| *owner != link.id);
        self.conflicts.retain(|(of, _), _| *of != link.id);
        self.parked.retain(|key, _| !matches!(key, ParkKey::Field(of, _) if *of == link.id));
        for record in link.keys_of_records() {
            if self.records.get(&record) == Some(&Whereabouts::Linked(link.id.clone())) {
                self.records.remove(&record);
            }
            self.waiting.remove(&record);
            self.parked.remove(&ParkKey::Record(record));
        }
        self.shred(&link.id);
        self.journal.entry(link.id.clone()).or_default().push(line);
        Ok(())
    }

    /// What the tables do by deleting the link's key.
    fn shred(&mut self, id: &LinkId) {
        for entry in self.journal.entry(id.clone()).or_default() {
            entry.before = PerSide { hubspot: Presence::Unknown, salesforce: Presence::Unknown };
            entry.after = Presence::Unknown;
            entry.loser = None;
        }
    }

    fn claim(&mut self, event: &EventKey, now: Timestamp, until: Timestamp) -> ClaimOutcome {
        let known = self.claims.get(event);
        match known.map(|claim| claim.standing) {
            Some(Standing::InProgress { until }) if now < until => return ClaimOutcome::InProgress,
            Some(Standing::Done { until }) if now < until => return ClaimOutcome::Done,
            Some(Standing::InProgress { .. } | Standing::Done { .. } | Standing::Released) | None => {}
        }
        let fence = known.map_or(Fence(0), |claim| claim.fence).next();
        self.claims.insert(event.clone(), Claim { fence, standing: Standing::InProgress { until } });
        ClaimOutcome::Claimed(fence)
    }

    /// Ends claims that are in progress under their fence, and no others.
    fn settle(&mut self, events: &[(EventKey, Fence)], standing: Standing) {
        for (event, fence) in events {
            let Some(claim) = self.claims.get_mut(event) else { continue };
            match claim.standing {
                Standing::InProgress { .. } if claim.fence == *fence => claim.standing = standing,
                Standing::InProgress { .. } | Standing::Done { .. } | Standing::Released => {}
            }
        }
    }
}

fn taken(what: impl ToString) -> CommitError {
    CommitError::Taken { what: what.to_string() }
}

fn after(now: Timestamp, ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    now.saturating_add(SignedDuration::from_millis(ms)).unwrap_or(Timestamp::MAX)
}
