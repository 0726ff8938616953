//! Virtual time: one true clock that only the scheduler moves, and the clocks that read it badly.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Where every world begins, in seconds of Unix time.
const BEGIN_S: i64 = 1_800_000_000;

/// The true time of one world.
#[derive(Debug, Clone)]
pub struct TrueClock(Arc<AtomicI64>);

impl TrueClock {
    /// At the beginning.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(BEGIN_S * 1_000)))
    }

    /// Milliseconds since the beginning.
    #[must_use]
    pub fn elapsed_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed) - BEGIN_S * 1_000
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&self, ms: u64) {
        self.0.fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// The true time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX)
    }
}

impl Default for TrueClock {
    fn default() -> Self {
        Self::new()
    }
}

/// A clock that is off by so much, and goes too fast or too slow.
#[derive(Debug, Clone)]
pub struct Skewed {
    truth: TrueClock,
    offset_ms: Arc<AtomicI64>,
    drift_ppm: i64,
}

impl Skewed {
    /// A clock with this error.
    #[must_use]
    pub fn new(truth: &TrueClock, offset_ms: i64, drift_ppm: i64) -> Self {
        Self { truth: truth.clone(), offset_ms: Arc::new(AtomicI64::new(offset_ms)), drift_ppm }
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let drift = self.truth.elapsed_ms() * self.drift_ppm / 1_000_000;
        let error = SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed) + drift);
        self.truth.now().checked_add(error).unwrap_or(Timestamp::MAX)
    }

    /// It is set anew, to this error.
    pub fn step_to(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// As the sandboxes and clients take it.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}
