//! Turns: whoever is about to do something to the outside world waits here until the scheduler lets it.
//!
//! That makes every effect a place where time can pass, others can act, and a worker can die, without a thread or
//! a timer. A worker that dies is a future that is dropped, and its turns go with it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use concord_core::names::Side;

/// What somebody is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A call of the store, by its name in the port.
    Store(&'static str),
    /// Messages to the queue.
    Send,
    /// A call of a CRM.
    Call {
        /// Which.
        side: Side,
        /// The kind of call, as the sandbox counts it.
        kind: &'static str,
    },
    /// An answer of a CRM that happened a while ago.
    Answer,
}

impl Effect {
    /// Whether it writes records to a CRM.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Call { kind, .. } if kind.starts_with("write_"))
    }
}

/// What becomes of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It happens and is answered.
    Happens,
    /// It does not happen, and that looks like a failure.
    Fails(Failing),
    /// It happens, and that looks like a failure.
    AnswerLost,
    /// It happens, and the answer is not what it should be.
    AnswerGarbled,
    /// It happens, and is answered and dated by the CRM at another turn.
    DatedLate,
    /// It looks like a failure now, and happens so many milliseconds later.
    Late(u64),
    /// It happens, is answered, and happens again so many milliseconds later.
    Twice(u64),
}

/// How a failure looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// No answer.
    Silence,
    /// Refused as one too many; come again after so many seconds, if it says.
    TooMany(Option<u64>),
    /// The server's own failure.
    Server(u16),
    /// The login has run out.
    Login,
}

/// The turns of all workers of one world.
#[derive(Debug, Clone, Default)]
pub struct Turns(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    turns: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    worker: usize,
    effect: Effect,
    verdict: Option<Verdict>,
    waker: Option<Waker>,
}

impl Turns {
    /// Waits until the scheduler says what becomes of this effect.
    pub fn take(&self, worker: usize, effect: Effect) -> Turn {
        let mut waiting = self.waiting();
        let key = waiting.next;
        waiting.next += 1;
        waiting.turns.insert(key, Entry { worker, effect, verdict: None, waker: None });
        drop(waiting);
        Turn { turns: self.clone(), key }
    }

    /// What waits, oldest first: its key, its worker and what it is about to do.
    #[must_use]
    pub fn open(&self) -> Vec<(u64, usize, Effect)> {
        let waiting = self.waiting();
        let open = waiting.turns.iter().filter(|(_, entry)| entry.verdict.is_none());
        open.map(|(key, entry)| (*key, entry.worker, entry.effect)).collect()
    }

    /// Lets one happen.
    pub fn grant(&self, key: u64, verdict: Verdict) {
        let mut waiting = self.waiting();
        if let Some(entry) = waiting.turns.get_mut(&key) {
            entry.verdict = Some(verdict);
            if let Some(waker) = entry.waker.take() {
                waker.wake();
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn that is waited for.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    key: u64,
}

impl Future for Turn {
    type Output = Verdict;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Verdict> {
        let mut waiting = self.turns.waiting();
        let Some(entry) = waiting.turns.get_mut(&self.key) else { return Poll::Pending };
        match entry.verdict {
            Some(verdict) => Poll::Ready(verdict),
            None => {
                entry.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.waiting().turns.remove(&self.key);
    }
}
