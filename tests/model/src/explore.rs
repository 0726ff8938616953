//! Running a model within bounds, and saying honestly how far it got.
//!
//! stateright's own limits are not used: `is_done()` is true after a timeout, a timeout never stops a single
//! thread that has work left, and the path kept for a law is that of its *latest* violation. So the model is
//! wrapped: the wrapper counts, cuts, and lets each law be broken once. Breadth first on one thread, the first
//! violation met is a shortest one.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stateright::{Checker, Model, Property};

/// What must hold in every state that can be reached.
pub struct Law<M: Model> {
    /// Its name in the table: a letter and a few words, such as `A no silent loss`.
    pub name: &'static str,
    /// Whether a state obeys it.
    pub holds: fn(&M, &M::State) -> bool,
}

/// A model with laws, and words for its steps.
pub trait Judged: Model {
    /// The laws, at most [`LAWS_MAX`].
    fn laws() -> Vec<Law<Self>>;

    /// A step in a reader's words, for traces.
    fn tell(&self, before: &Self::State, action: &Self::Action, after: &Self::State) -> String;
}

/// Most laws that one model can have.
pub const LAWS_MAX: usize = 10;

/// When to give up. What was cut off is never reported as complete.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps generated, repeats included.
    pub steps_max: usize,
    /// Time.
    pub time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps_max: usize::MAX, time_max: Duration::from_secs(600) }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every state within the bounds was visited.
    Complete,
    /// Every law that was asked for was broken: there was nothing left to look for.
    AllBroken,
    /// A limit was hit. Laws that were not broken until then are *unknown*.
    CutOff,
}

/// What became of one law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds in every state within the bounds.
    Holds,
    /// A shortest way to break it, one line a step.
    Broken(Vec<String>),
    /// The run was cut off before it was known.
    Unknown,
}

/// What a run found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Different states visited.
    pub states: usize,
    /// How it ended.
    pub ending: Ending,
    /// Per law, in order.
    pub verdicts: Vec<(&'static str, Verdict)>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// The letters of the broken laws, such as `AC`; a letter is the first of the law's name.
    #[must_use]
    pub fn broken(&self) -> String {
        let broken = self.verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Broken(_)));
        broken.filter_map(|(name, _)| name.chars().next()).collect()
    }

    /// Whether exactly the laws with these letters are broken, and all others are known to hold.
    #[must_use]
    pub fn is_as(&self, expected: &str) -> bool {
        let is_known = self.verdicts.iter().all(|(_, verdict)| *verdict != Verdict::Unknown);
        is_known && self.broken() == expected
    }

    /// The trace that breaks the law with this letter. Empty if none was found.
    #[must_use]
    pub fn trace(&self, letter: char) -> Vec<String> {
        let law = self.verdicts.iter().find(|(name, _)| name.starts_with(letter));
        match law {
            Some((_, Verdict::Broken(trace))) => trace.clone(),
            Some((_, Verdict::Holds | Verdict::Unknown)) | None => Vec::new(),
        }
    }
}

/// Which runs a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Seconds: part of `cargo test`.
    Short,
    /// Minutes: on demand.
    Long,
}

/// One line of the table: a model under some rules and bounds, and what is expected of it.
pub struct Run {
    /// The model.
    pub model: &'static str,
    /// The rules it runs under.
    pub rules: String,
    /// The bounds, in words.
    pub bounds: String,
    /// How long it takes.
    pub length: Length,
    /// The letters of the laws that are known to break, in order; empty if all hold.
    pub expected: &'static str,
    /// Explores it.
    pub explore: Box<dyn Fn(Limits) -> Report + Send + Sync>,
}

impl Run {
    /// A run of a model for the laws with these letters (all, if none is named).
    pub fn of<M>(
        name: &'static str,
        (rules, bounds): (String, String),
        (length, expected): (Length, &'static str),
        model: M,
        letters: &'static str,
    ) -> Self
    where
        M: Judged + Copy + Send + Sync + 'static,
        M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
        M::Action: Clone + PartialEq,
    {
        let explore = Box::new(move |limits| explore_for(model, letters, limits));
        Self { model: name, rules, bounds, length, expected, explore }
    }

    /// The name by which a run is chosen.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} / {} / {}", self.model, self.rules, self.bounds)
    }
}

/// Explores a model for the laws with these letters only (all, if none is named), and stops once they are all
/// broken. The rest is not judged.
pub fn explore_for<M>(model: M, letters: &str, limits: Limits) -> Report
where
    M: Judged + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let began = Instant::now();
    let asked: Vec<Law<M>> = M::laws()
        .into_iter()
        .filter(|law| letters.is_empty() || law.name.starts_with(|c| letters.contains(c)))
        .collect();
    let names: Vec<&'static str> = asked.iter().map(|law| law.name).collect();
    let progress = Arc::new(Progress {
        steps: AtomicUsize::new(0),
        is_cut: AtomicBool::new(false),
        broken: asked.iter().map(|_| AtomicBool::new(false)).collect(),
    });
    let deadline = began + limits.time_max;
    let within = Within { model, asked, limits, deadline, progress: Arc::clone(&progress) };
    let checker = within.checker().spawn_bfs().join();
    let found = checker.discoveries();
    let ending = match (progress.is_cut.load(Ordering::Relaxed), progress.all_broken()) {
        (_, true) => Ending::AllBroken,
        (true, false) => Ending::CutOff,
        (false, false) => Ending::Complete,
    };
    let verdicts = names.into_iter().map(|name| {
        let verdict = match (found.get(name), ending) {
            (Some(path), _) => Verdict::Broken(told(&checker.model().model, path.clone().into_vec())),
            (None, Ending::Complete) => Verdict::Holds,
            (None, Ending::CutOff | Ending::AllBroken) => Verdict::Unknown,
        };
        (name, verdict)
    });
    let verdicts = verdicts.collect();
    Report { states: checker.unique_state_count(), ending, verdicts, took: began.elapsed() }
}

fn told<M: Judged>(model: &M, path: Vec<(M::State, Option<M::Action>)>) -> Vec<String> {
    let after = path.iter().skip(1).map(|(state, _)| state);
    let steps = path.iter().zip(after);
    steps.filter_map(|((before, action), after)| Some(model.tell(before, action.as_ref()?, after))).collect()
}

struct Progress {
    steps: AtomicUsize,
    is_cut: AtomicBool,
    broken: Vec<AtomicBool>,
}

impl Progress {
    fn all_broken(&self) -> bool {
        self.broken.iter().all(|broken| broken.load(Ordering::Relaxed))
    }
}

/// A model that stops at its limits and breaks each law once.
struct Within<M: Model> {
    model: M,
    asked: Vec<Law<M>>,
    limits: Limits,
    deadline: Instant,
    progress: Arc<Progress>,
}

impl<M: Judged> Within<M> {
    /// The clock is looked at once in this many states.
    const CLOCK_EVERY: usize = 1024;

    fn goes_on(&self) -> bool {
        let steps = self.progress.steps.fetch_add(1, Ordering::Relaxed);
        if steps >= self.limits.steps_max
            || (steps.is_multiple_of(Self::CLOCK_EVERY) && Instant::now() >= self.deadline)
        {
            self.progress.is_cut.store(true, Ordering::Relaxed);
        }
        !self.progress.is_cut.load(Ordering::Relaxed) && !self.progress.all_broken()
    }

    fn obeys<const LAW: usize>(&self, state: &M::State) -> bool {
        let Some(law) = self.asked.get(LAW) else { return true };
        let Some(broken) = self.progress.broken.get(LAW) else { return true };
        if broken.load(Ordering::Relaxed) || (law.holds)(&self.model, state) {
            return true;
        }
        broken.store(true, Ordering::Relaxed);
        false
    }
}

impl<M: Judged> Model for Within<M>
where
    M::State: Clone + PartialEq,
    M::Action: Clone + PartialEq,
{
    type State = M::State;
    type Action = M::Action;

    fn init_states(&self) -> Vec<Self::State> {
        self.model.init_states()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.model.actions(state, actions);
    }

    fn next_state(&self, last_state: &Self::State, action: Self::Action) -> Option<Self::State> {
        self.model.next_state(last_state, action)
    }

    fn within_boundary(&self, state: &Self::State) -> bool {
        self.goes_on() && self.model.within_boundary(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let conditions: [fn(&Self, &Self::State) -> bool; LAWS_MAX] = [
            Self::obeys::<0>,
            Self::obeys::<1>,
            Self::obeys::<2>,
            Self::obeys::<3>,
            Self::obeys::<4>,
            Self::obeys::<5>,
            Self::obeys::<6>,
            Self::obeys::<7>,
            Self::obeys::<8>,
            Self::obeys::<9>,
        ];
        let asked = self.asked.iter().zip(conditions);
        asked.map(|(law, condition)| Property::always(law.name, condition)).collect()
    }
}
