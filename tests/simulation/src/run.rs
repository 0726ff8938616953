//! Many worlds: lived through in threads, added up in the order of their seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use siphasher::sip::SipHasher13;

use crate::chance::Script;
use crate::fault::Fault;
use crate::phases::{Outcome, live};
use crate::watch::{Broken, Mark};

/// Every so many worlds, one is lived through twice, and must be the same (I44).
const TWICE_EVERY: u64 = 16;
/// A run of fewer worlds than this need not reach every mark.
const MARKS_SEEDS_MIN: u64 = 5_000;

/// A world that broke something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What it broke.
    pub broken: Broken,
}

/// What many worlds came to.
#[derive(Debug)]
pub struct Summary {
    /// Worlds.
    pub seeds: u64,
    /// Those that broke something, by seed.
    pub failures: Vec<Failure>,
    /// Edits that people made.
    pub edits: u64,
    /// Calls that Concord made.
    pub crm_calls: u64,
    /// How often each fault struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// Pairs of faults that struck in one world.
    pub fault_pairs: BTreeSet<(Fault, Fault)>,
    /// States that were reached.
    pub marks: BTreeSet<Mark>,
    /// Hash over the worlds' hashes, in the order of their seeds.
    pub log_hash: u64,
    /// Virtual time.
    pub virtual_ms: i64,
}

/// The last line of `--json`.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    seeds: u64,
    failures: usize,
    edits: u64,
    crm_calls: u64,
    faults: &'a BTreeMap<&'static str, u64>,
    fault_pairs_hit: usize,
    fault_pairs: usize,
    marks_missed: Vec<&'static str>,
    log_hash: String,
    virtual_days: i64,
    seconds: f64,
}

impl Summary {
    /// States that no world reached.
    #[must_use]
    pub fn marks_missed(&self) -> Vec<&'static str> {
        Mark::ALL.iter().filter(|mark| !self.marks.contains(mark)).map(|mark| mark.name()).collect()
    }

    /// Faults that never struck.
    #[must_use]
    pub fn faults_missed(&self) -> Vec<&'static str> {
        self.faults.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect()
    }

    /// Whether the run proves what it should: no world broke anything and, if there were enough of them, every mark
    /// was reached and every fault struck.
    #[must_use]
    pub fn holds(&self) -> bool {
        let enough = self.seeds >= MARKS_SEEDS_MIN;
        self.failures.is_empty()
            && !(enough && (!self.marks_missed().is_empty() || !self.faults_missed().is_empty()))
    }

    /// For machines.
    #[must_use]
    pub fn line(&self, seconds: f64) -> Line<'_> {
        let kinds = Fault::ALL.len();
        Line {
            seeds: self.seeds,
            failures: self.failures.len(),
            edits: self.edits,
            crm_calls: self.crm_calls,
            faults: &self.faults,
            fault_pairs_hit: self.fault_pairs.len(),
            fault_pairs: kinds * (kinds - 1) / 2,
            marks_missed: self.marks_missed(),
            log_hash: format!("{:016x}", self.log_hash),
            virtual_days: self.virtual_ms / 86_400_000,
            seconds,
        }
    }
}

/// Lives through the worlds of these seeds on so many threads; stops at `failures_max`. `told` hears of each world.
///
/// # Errors
/// A fault of ours in a world's contract.
pub fn run(
    seeds: std::ops::Range<u64>,
    threads: usize,
    failures_max: usize,
    told: impl Fn(u64, Option<&Broken>) + Sync,
) -> anyhow::Result<Summary> {
    let next = AtomicU64::new(seeds.start);
    let failed = AtomicU64::new(0);
    let lived: Mutex<BTreeMap<u64, Outcome>> = Mutex::default();
    let lived_of = || lived.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || -> anyhow::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.load(Ordering::Relaxed) >= failures_max as u64 {
                return Ok(());
            }
            let outcome = live_checked(seed)?;
            failed.fetch_add(u64::from(outcome.broken.is_some()), Ordering::Relaxed);
            told(seed, outcome.broken.as_ref());
            lived_of().insert(seed, outcome);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    Ok(add_up(lived.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// Lives through one world, some of them twice.
fn live_checked(seed: u64) -> anyhow::Result<Outcome> {
    let script = Script::of_seed(seed);
    let mut outcome = live(&script, false)?;
    if seed.is_multiple_of(TWICE_EVERY) && outcome.broken.is_none() {
        let again = live(&script, false)?;
        if again.hash != outcome.hash {
            let what = "the same seed had another event log the second time".to_owned();
            outcome.broken = Some(Broken { invariant: "I44", what });
        }
    }
    Ok(outcome)
}

fn add_up(lived: BTreeMap<u64, Outcome>) -> Summary {
    let mut summary = Summary {
        seeds: lived.len() as u64,
        failures: Vec::new(),
        edits: 0,
        crm_calls: 0,
        faults: Fault::ALL.iter().map(|fault| (fault.name(), 0)).collect(),
        fault_pairs: BTreeSet::new(),
        marks: BTreeSet::new(),
        log_hash: 0,
        virtual_ms: 0,
    };
    let mut hash = SipHasher13::new();
    for (seed, outcome) in lived {
        hash.write_u64(outcome.hash);
        summary.edits += outcome.edits as u64;
        summary.crm_calls += outcome.calls;
        summary.virtual_ms += outcome.virtual_ms;
        summary.marks.extend(outcome.marks);
        let struck: Vec<Fault> =
            Fault::ALL.iter().copied().filter(|fault| outcome.faults[*fault as usize] > 0).collect();
        for (n, fault) in struck.iter().enumerate() {
            *summary.faults.entry(fault.name()).or_default() += u64::from(outcome.faults[*fault as usize]);
            summary.fault_pairs.extend(struck[n + 1..].iter().map(|other| (*fault, *other)));
        }
        if let Some(broken) = outcome.broken {
            summary.failures.push(Failure { seed, broken });
        }
    }
    summary.log_hash = hash.finish();
    summary
}
