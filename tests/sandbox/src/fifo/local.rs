//! The two queues of one machine: [`concord_core::port::Queue`] on one end, an event source's calls on the other.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use concord_core::port::{Message, Messages, Queue, QueueError};
use jiff::Timestamp;
use tokio::sync::watch;

use super::machine::Fifo;
use super::terms::{Counts, Dead, Entry, HandleError, Received, Terms};

/// One of the two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueName {
    /// `hints.fifo`, read by fetch.
    Hints,
    /// `intents.fifo`, read by write.
    Intents,
}

/// Both queues, in this process. Clones share them.
#[derive(Clone)]
pub struct LocalQueue(Arc<Shared>);

struct Shared {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    hints: Channel,
    intents: Channel,
}

struct Channel {
    fifo: Mutex<Fifo>,
    changes: watch::Sender<u64>,
}

impl LocalQueue {
    /// Two empty queues on one clock.
    pub fn new(hints: Terms, intents: Terms, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let channel = |terms| Channel { fifo: Mutex::new(Fifo::new(terms)), changes: watch::Sender::new(0) };
        Self(Arc::new(Shared { clock: Box::new(clock), hints: channel(hints), intents: channel(intents) }))
    }

    /// Receives at once, perhaps nothing.
    #[must_use]
    pub fn receive(&self, queue: QueueName, max: usize) -> Vec<Received> {
        let now = self.now();
        self.fifo(queue).receive(now, max)
    }

    /// Receives; if there is nothing, waits at most `wait` until there is. Wakes on a send, on a delete that
    /// frees a group, and when a message becomes visible again.
    pub async fn poll(&self, queue: QueueName, max: usize, wait: Duration) -> Vec<Received> {
        let mut changes = self.changes(queue);
        let give_up = tokio::time::sleep(wait);
        tokio::pin!(give_up);
        loop {
            changes.mark_unchanged();
            let batch = self.receive(queue, max);
            if !batch.is_empty() {
                return batch;
            }
            let due = self.fifo(queue).next_due().map_or(wait, |due| self.until(due));
            tokio::select! {
                () = &mut give_up => return Vec::new(),
                () = tokio::time::sleep(due) => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Deletes a received message.
    ///
    /// # Errors
    /// [`HandleError`] if it is not ours to delete (any more).
    pub fn delete(&self, queue: QueueName, handle: &str) -> Result<(), HandleError> {
        let now = self.now();
        let deleted = self.fifo(queue).delete(now, handle);
        self.changed(queue);
        deleted
    }

    /// Hides a received message for so long from now on; 0 gives it back at once.
    ///
    /// # Errors
    /// [`HandleError`] if it is not ours (any more).
    pub fn change_visibility(
        &self,
        queue: QueueName,
        handle: &str,
        hidden_ms: u64,
    ) -> Result<(), HandleError> {
        let now = self.now();
        let changed = self.fifo(queue).change_visibility(now, handle, hidden_ms);
        self.changed(queue);
        changed
    }

    /// How much there is of everything.
    #[must_use]
    pub fn counts(&self, queue: QueueName) -> Counts {
        let now = self.now();
        self.fifo(queue).counts(now)
    }

    /// When the next message becomes visible by itself.
    #[must_use]
    pub fn next_due(&self, queue: QueueName) -> Option<Timestamp> {
        self.fifo(queue).next_due()
    }

    /// What was given up.
    #[must_use]
    pub fn dead(&self, queue: QueueName) -> Vec<Dead> {
        self.fifo(queue).dead().to_vec()
    }

    /// Moves all dead messages back; returns how many.
    pub fn redrive(&self, queue: QueueName) -> usize {
        let now = self.now();
        let count = self.fifo(queue).redrive(now);
        self.changed(queue);
        count
    }

    /// Changes whenever something may have become receivable. Subscribe first, then receive, then wait:
    /// so no wake-up is lost.
    #[must_use]
    pub fn changes(&self, queue: QueueName) -> watch::Receiver<u64> {
        self.channel(queue).changes.subscribe()
    }

    fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    fn until(&self, due: Timestamp) -> Duration {
        let ms = due.as_millisecond() - self.now().as_millisecond();
        // At least a millisecond, so that a clock that stands still does not make a poller spin.
        Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1))
    }

    fn changed(&self, queue: QueueName) {
        self.channel(queue).changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn fifo(&self, queue: QueueName) -> MutexGuard<'_, Fifo> {
        // Nothing panics while the lock is held; if it did, the queue is still the best there is.
        self.channel(queue).fifo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channel(&self, queue: QueueName) -> &Channel {
        match queue {
            QueueName::Hints => &self.0.hints,
            QueueName::Intents => &self.0.intents,
        }
    }
}

impl Queue for LocalQueue {
    async fn send(&self, messages: &[Message]) -> Result<(), QueueError> {
        let refused = |reason: String| QueueError { count: messages.len(), of: messages.len(), reason };
        let mut hints = Vec::new();
        let mut intents = Vec::new();
        for Message { body, group, dedup } in messages {
            let text = serde_json::to_string(body).map_err(|error| refused(error.to_string()))?;
            let entry = Entry { group: group.clone(), dedup: Some(dedup.clone()), body: text };
            match body {
                Messages::Hints(_) => hints.push(entry),
                Messages::Intents(_) => intents.push(entry),
            }
        }
        let mut reasons = Vec::new();
        for (queue, entries) in [(QueueName::Hints, hints), (QueueName::Intents, intents)] {
            for batch in entries.chunks(Fifo::BATCH_MAX) {
                let now = self.now();
                let answers = self.fifo(queue).send(now, batch);
                match answers {
                    Ok(answers) => {
                        reasons.extend(answers.into_iter().filter_map(Result::err).map(|no| no.to_string()));
                    }
                    Err(no) => reasons.extend(batch.iter().map(|_| no.to_string())),
                }
                self.changed(queue);
            }
        }
        match reasons.first() {
            None => Ok(()),
            Some(reason) => {
                Err(QueueError { count: reasons.len(), of: messages.len(), reason: reason.clone() })
            }
        }
    }
}

impl fmt::Debug for LocalQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hints, intents) = (self.counts(QueueName::Hints), self.counts(QueueName::Intents));
        f.debug_struct("LocalQueue").field("hints", &hints).field("intents", &intents).finish_non_exhaustive()
    }
}
