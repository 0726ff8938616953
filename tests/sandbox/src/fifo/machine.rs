//! The queue itself. Every call first lets time pass, then does its part.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::terms::{BatchError, Counts, Dead, Dedup, Entry, HandleError, Received, Refusal, Sent, Terms};

/// Milliseconds since 1970.
type Ms = i64;
/// A message's place in the queue: its sequence number.
type Place = u64;

/// A FIFO queue with its dead-letter queue.
#[derive(Debug, Clone)]
pub struct Fifo {
    terms: Terms,
    next: Place,
    messages: BTreeMap<Place, Stored>,
    groups: BTreeMap<String, Group>,
    /// Groups with something to receive and nothing in flight, by their first message.
    free: BTreeSet<(Place, String)>,
    in_flight: BTreeSet<(Ms, Place)>,
    delayed: BTreeSet<(Ms, Place)>,
    /// Deduplication is per group (`DeduplicationScope: messageGroup`, needed for high throughput).
    seen: BTreeMap<(String, String), Place>,
    seen_order: VecDeque<(Ms, (String, String))>,
    dead: Vec<Dead>,
}

#[derive(Debug, Clone)]
struct Stored {
    group: String,
    dedup: String,
    body: String,
    sent: Ms,
    first_received: Option<Ms>,
    receives: u32,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Delayed { until: Ms },
    Visible,
    InFlight { until: Ms },
}

#[derive(Debug, Clone, Default)]
struct Group {
    visible: BTreeSet<Place>,
    in_flight: usize,
    delayed: usize,
}

impl Fifo {
    /// Messages in one send or receive (API page: `SendMessageBatch`, `ReceiveMessage`).
    pub const BATCH_MAX: usize = 10;
    /// Bytes of bodies in one batch: 1 MiB since August 2025 (reference: SQS FIFO + Lambda).
    pub const BATCH_BYTES_MAX: usize = 1 << 20;
    /// How long a deduplication id is remembered, even after its message was deleted.
    pub const DEDUP_MS: i64 = 5 * 60_000;
    /// Messages in flight: over it, nothing more is given out (quota page for FIFO queues).
    pub const IN_FLIGHT_MAX: usize = 120_000;
    /// Longest that a message can be hidden: 12 hours (API page: `ChangeMessageVisibility`).
    pub const VISIBILITY_MS_MAX: u64 = 12 * 3_600_000;
    /// Characters in a group or deduplication id (API page: `SendMessage`).
    pub const NAME_MAX: usize = 128;
    /// Sequence numbers have 20 digits.
    const FIRST: Place = 10_000_000_000_000_000_000;

    /// An empty queue.
    #[must_use]
    pub const fn new(terms: Terms) -> Self {
        Self {
            terms,
            next: Self::FIRST,
            messages: BTreeMap::new(),
            groups: BTreeMap::new(),
            free: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            delayed: BTreeSet::new(),
            seen: BTreeMap::new(),
            seen_order: VecDeque::new(),
            dead: Vec::new(),
        }
    }

    /// Sends a batch: one answer per message, in order.
    ///
    /// # Errors
    /// [`BatchError`]: then none was taken.
    pub fn send(
        &mut self,
        now: Timestamp,
        batch: &[Entry],
    ) -> Result<Vec<Result<Sent, Refusal>>, BatchError> {
        let now = now.as_millisecond();
        self.advance(now);
        let bytes = batch.iter().map(|entry| entry.body.len()).sum();
        match batch.len() {
            0 => Err(BatchError::Empty),
            count if count > Self::BATCH_MAX => Err(BatchError::TooMany(count)),
            _ if bytes > Self::BATCH_BYTES_MAX => Err(BatchError::TooLong(bytes)),
            _ => Ok(batch.iter().map(|entry| self.send_one(now, entry)).collect()),
        }
    }

    /// Gives out at most `max` messages, ten at most: from the group that has waited longest as many as there
    /// are, in order; then from the next. A group with a message in flight gives none.
    pub fn receive(&mut self, now: Timestamp, max: usize) -> Vec<Received> {
        let now = now.as_millisecond();
        self.advance(now);
        let room = Self::IN_FLIGHT_MAX.saturating_sub(self.in_flight.len());
        let max = max.min(Self::BATCH_MAX).min(room);
        let mut batch = Vec::new();
        while batch.len() < max {
            let Some((_, group)) = self.free.first().cloned() else { break };
            self.receive_from(now, &group, max, &mut batch);
        }
        batch
    }

    /// Deletes a received message. Deleting it twice is no error.
    ///
    /// # Errors
    /// [`HandleError`] if it is not ours to delete (any more).
    pub fn delete(&mut self, now: Timestamp, handle: &str) -> Result<(), HandleError> {
        self.advance(now.as_millisecond());
        let (place, receipt) = self.open(handle)?;
        match self.messages.get(&place) {
            None => Ok(()),
            Some(Stored { standing: Standing::InFlight { .. }, receives, .. }) if *receives == receipt => {
                self.remove(place);
                Ok(())
            }
            Some(_) => Err(HandleError::Expired),
        }
    }

    /// Hides a received message for so long from now on; 0 gives it back at once.
    ///
    /// # Errors
    /// [`HandleError`] if it is not ours (any more).
    pub fn change_visibility(
        &mut self,
        now: Timestamp,
        handle: &str,
        hidden_ms: u64,
    ) -> Result<(), HandleError> {
        let now = now.as_millisecond();
        self.advance(now);
        let (place, receipt) = self.open(handle)?;
        if hidden_ms > Self::VISIBILITY_MS_MAX {
            return Err(HandleError::TooLong);
        }
        match self.messages.get(&place) {
            Some(Stored { standing: Standing::InFlight { .. }, receives, .. }) if *receives == receipt => {
                let standing = match hidden_ms {
                    0 => Standing::Visible,
                    _ => Standing::InFlight { until: after(now, hidden_ms) },
                };
                self.stand(place, standing);
                Ok(())
            }
            Some(_) | None => Err(HandleError::Expired),
        }
    }

    /// How much there is of everything.
    pub fn counts(&mut self, now: Timestamp) -> Counts {
        self.advance(now.as_millisecond());
        let (in_flight, delayed) = (self.in_flight.len(), self.delayed.len());
        let visible = self.messages.len() - in_flight - delayed;
        Counts { visible, in_flight, delayed, dead: self.dead.len() }
    }

    /// When the next message becomes visible by itself, so that nobody has to ask before.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let first = self.in_flight.first().into_iter().chain(self.delayed.first()).min()?;
        Timestamp::from_millisecond(first.0).ok()
    }

    /// The dead-letter queue, in the order in which messages came into it.
    #[must_use]
    pub fn dead(&self) -> &[Dead] {
        &self.dead
    }

    /// Moves all dead messages back to the end of the queue, as new messages with receive count 0
    /// (`StartMessageMoveTask`). Returns how many.
    pub fn redrive(&mut self, now: Timestamp) -> usize {
        let now = now.as_millisecond();
        self.advance(now);
        let dead = std::mem::take(&mut self.dead);
        let count = dead.len();
        for Dead { group, dedup, body, .. } in dead {
            self.store(now, group, dedup, body);
        }
        count
    }

    fn send_one(&mut self, now: Ms, entry: &Entry) -> Result<Sent, Refusal> {
        let dedup = match (&entry.dedup, self.terms.dedup) {
            (Some(given), _) => given.clone(),
            (None, Dedup::OfContent) => hex::encode(Sha256::digest(&entry.body)),
            (None, Dedup::Given) => return Err(Refusal::NoDedup),
        };
        if !is_name(&entry.group) {
            return Err(Refusal::Group);
        }
        if !is_name(&dedup) {
            return Err(Refusal::Dedup);
        }
        if entry.body.is_empty() || !entry.body.chars().all(is_allowed) {
            return Err(Refusal::Contents);
        }
        let key = (entry.group.clone(), dedup.clone());
        let place = match self.seen.get(&key) {
            Some(place) => *place,
            None => {
                let place = self.store(now, entry.group.clone(), dedup, entry.body.clone());
                self.seen_order.push_back((now + Self::DEDUP_MS, key.clone()));
                self.seen.insert(key, place);
                place
            }
        };
        Ok(Sent { message_id: self.message_id(place), sequence: place.to_string() })
    }

    fn store(&mut self, now: Ms, group: String, dedup: String, body: String) -> Place {
        let place = self.next;
        self.next += 1;
        let standing = match self.terms.delay_ms {
            0 => Standing::Visible,
            delay => Standing::Delayed { until: after(now, delay) },
        };
        self.enter(place, &group, standing);
        let stored = Stored { group, dedup, body, sent: now, first_received: None, receives: 0, standing };
        self.messages.insert(place, stored);
        place
    }

    fn receive_from(&mut self, now: Ms, group: &str, max: usize, batch: &mut Vec<Received>) {
        let count = max - batch.len();
        let places: Vec<Place> = self
            .groups
            .get(group)
            .map(|group| group.visible.iter().copied().take(count).collect())
            .unwrap_or_default();
        for place in places {
            let id = self.message_id(place);
            let Some(stored) = self.messages.get_mut(&place) else { continue };
            if stored.receives >= self.terms.receives_max {
                self.bury(now, place, id);
                continue;
            }
            stored.receives += 1;
            let first_received_ms = *stored.first_received.get_or_insert(now);
            batch.push(Received {
                message_id: id,
                handle: format!("{place}.{}", stored.receives),
                sequence: place.to_string(),
                group: stored.group.clone(),
                dedup: stored.dedup.clone(),
                body: stored.body.clone(),
                receives: stored.receives,
                sent_ms: stored.sent,
                first_received_ms,
            });
            self.stand(place, Standing::InFlight { until: after(now, self.terms.visibility_ms) });
        }
    }

    fn bury(&mut self, now: Ms, place: Place, message_id: String) {
        if let Some(Stored { group, dedup, body, receives, .. }) = self.remove(place) {
            self.dead.push(Dead { message_id, group, dedup, body, receives, died_ms: now });
        }
    }

    /// Lets time pass: what was hidden long enough is visible, what was kept long enough is gone.
    fn advance(&mut self, now: Ms) {
        while let Some((_, place)) = self.in_flight.first().copied().filter(|(until, _)| *until <= now) {
            self.stand(place, Standing::Visible);
        }
        while let Some((_, place)) = self.delayed.first().copied().filter(|(until, _)| *until <= now) {
            self.stand(place, Standing::Visible);
        }
        while let Some((_, key)) = self.seen_order.pop_front_if(|(until, _)| *until <= now) {
            self.seen.remove(&key);
        }
        let retention = self.terms.retention_ms;
        while let Some((place, _)) =
            self.messages.first_key_value().filter(|(_, stored)| after(stored.sent, retention) <= now)
        {
            let place = *place;
            self.remove(place);
        }
        // A FIFO queue's dead messages count their age from when they died, not from when they were sent.
        self.dead.retain(|dead| after(dead.died_ms, retention) > now);
    }

    fn stand(&mut self, place: Place, standing: Standing) {
        let Some(stored) = self.messages.get_mut(&place) else { return };
        let (group, before) = (stored.group.clone(), stored.standing);
        stored.standing = standing;
        self.leave(place, &group, before);
        self.enter(place, &group, standing);
    }

    fn remove(&mut self, place: Place) -> Option<Stored> {
        let stored = self.messages.remove(&place)?;
        self.leave(place, &stored.group, stored.standing);
        Some(stored)
    }

    fn enter(&mut self, place: Place, name: &str, standing: Standing) {
        self.with_group(name, |group| match standing {
            Standing::Visible => drop(group.visible.insert(place)),
            Standing::InFlight { .. } => group.in_flight += 1,
            Standing::Delayed { .. } => group.delayed += 1,
        });
        match standing {
            Standing::Visible => {}
            Standing::InFlight { until } => drop(self.in_flight.insert((until, place))),
            Standing::Delayed { until } => drop(self.delayed.insert((until, place))),
        }
    }

    fn leave(&mut self, place: Place, name: &str, standing: Standing) {
        self.with_group(name, |group| match standing {
            Standing::Visible => drop(group.visible.remove(&place)),
            Standing::InFlight { .. } => group.in_flight -= 1,
            Standing::Delayed { .. } => group.delayed -= 1,
        });
        match standing {
            Standing::Visible => {}
            Standing::InFlight { until } => drop(self.in_flight.remove(&(until, place))),
            Standing::Delayed { until } => drop(self.delayed.remove(&(until, place))),
        }
    }

    /// Changes a group and keeps `free` true.
    fn with_group(&mut self, name: &str, change: impl FnOnce(&mut Group)) {
        let group = self.groups.entry(name.to_owned()).or_default();
        let before = group.head();
        change(group);
        let after = group.head();
        if group.is_empty() {
            self.groups.remove(name);
        }
        if before != after {
            if let Some(place) = before {
                self.free.remove(&(place, name.to_owned()));
            }
            if let Some(place) = after {
                self.free.insert((place, name.to_owned()));
            }
        }
    }

    fn open(&self, handle: &str) -> Result<(Place, u32), HandleError> {
        let (place, receipt) = handle.split_once('.').ok_or(HandleError::Invalid)?;
        let place = place.parse().map_err(|_| HandleError::Invalid)?;
        let receipt = receipt.parse().map_err(|_| HandleError::Invalid)?;
        match (Self::FIRST..self.next).contains(&place) {
            true => Ok((place, receipt)),
            false => Err(HandleError::Invalid),
        }
    }

    /// Looks like the UUIDs of SQS, and is the same in every run.
    fn message_id(&self, place: Place) -> String {
        let digest = hex::encode(
            Sha256::new().chain_update(&self.terms.name).chain_update(place.to_be_bytes()).finalize(),
        );
        format!(
            "{}-{}-4{}-8{}-{}",
            &digest[..8],
            &digest[8..12],
            &digest[12..15],
            &digest[15..18],
            &digest[18..30]
        )
    }
}

impl Group {
    /// Its first message, if it can be received.
    fn head(&self) -> Option<Place> {
        match self.in_flight {
            0 => self.visible.first().copied(),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        self.visible.is_empty() && self.in_flight == 0 && self.delayed == 0
    }
}

fn after(now: Ms, ms: u64) -> Ms {
    now.saturating_add_unsigned(ms)
}

fn is_name(text: &str) -> bool {
    (1..=Fifo::NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The characters that SQS takes (API page: `SendMessage`): those of XML 1.0.
const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
