//! P11, merges: three records on one side (`m0`, `m1`, `m2`), each with a link and perhaps a counterpart on the
//! other (`o0`, `o1`, `o2`). People edit them all and merge the first three in any order, chains included. A merge
//! is taken to keep the winner's id and value, and whoever merges has seen both.
//!
//! Taken as given, because the model of links is about it: an update lands only on the row that it was decided
//! for. What is asked here is which row that is, once records are merged away under an intent.

mod engine;
mod told;
mod world;

use stateright::Model;

use crate::explore::{Judged, Law, Length, Run};

pub use world::{Action, Fate, Intent, Link, Row, State, Status, Target, Worker, Write};

/// How far a redirection is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hops {
    /// To its end.
    All,
    /// Once.
    One,
}

/// What becomes of a link whose record was merged into one that has a link of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Second {
    /// It gives way: its counterpart is parked with a merge proposal (P11).
    IsProposed,
    /// Its claim of the winner fails, and it is tried again.
    TriesAgain,
}

/// What a merge is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reading {
    /// A redirection.
    Merge,
    /// A delete of the loser.
    Delete,
}

/// What becomes of the intents that were decided for the loser's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retarget {
    /// They are closed with the redirection, and decided anew.
    Closes,
    /// They go on, to the winner. Their precondition says nothing of the winner's row.
    Keeps,
}

/// What the side does with a write to an id that was merged away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Refuses it: Salesforce, and HubSpot's batches.
    Refuses,
    /// Writes to the winner: HubSpot's `PATCH /{id}`.
    Follows,
}

/// The rules under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Redirections.
    pub hops: Hops,
    /// The second link.
    pub second: Second,
    /// What a merge is taken for.
    pub reading: Reading,
    /// Open intents.
    pub retarget: Retarget,
    /// Late writes.
    pub endpoint: Endpoint,
}

impl Rules {
    /// P11.
    pub const DESIGN: Self = Self {
        hops: Hops::All,
        second: Second::IsProposed,
        reading: Reading::Merge,
        retarget: Retarget::Closes,
        endpoint: Endpoint::Refuses,
    };
}

/// Who has what when all begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cast {
    /// A counterpart for each.
    Each,
    /// `m0` has no link: the other side holds a counterpart for one of a merged pair.
    AllButOne,
    /// `m1`'s counterpart is still to be made.
    OneToBeMade,
}

/// Whether a merge can be undone: Salesforce lets people take a merged-away record out of the bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undoing {
    /// No.
    Never,
    /// Yes.
    Possible,
}

/// How far the world goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Workers.
    pub workers: usize,
    /// Losses, late and repeated landings: so many in all.
    pub faults: u8,
    /// Edits.
    pub edits: u8,
    /// Merges, and their undoing.
    pub merges: u8,
    /// Who has what.
    pub cast: Cast,
    /// Whether merges are undone.
    pub undoing: Undoing,
}

/// The model: rules within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merges {
    /// The rules.
    pub rules: Rules,
    /// The bounds.
    pub bounds: Bounds,
}

/// The laws proper; `p` shows that what they are about can happen at all, `q` that no state is
/// cut off.
pub const LAWS: &str = "ABCDEF";

impl Model for Merges {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.bounds)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.edits > 0 {
            actions.extend(state.editable().into_iter().map(Action::Edits));
        }
        if state.merges > 0 {
            let alive: Vec<usize> = (0..3).filter(|record| state.is_alive(*record)).collect();
            for loser in &alive {
                let winners = alive.iter().filter(|winner| *winner != loser);
                actions.extend(winners.map(|winner| Action::Merges { loser: *loser, winner: *winner }));
            }
            if self.bounds.undoing == Undoing::Possible {
                actions.extend((0..3).filter(|record| !state.is_alive(*record)).map(Action::TakesBack));
            }
        }
        for (index, worker) in state.workers.iter().enumerate() {
            self.steps_of(state, index, worker, actions);
        }
        let mut late = state.outstanding.clone();
        late.dedup();
        actions.extend(late.into_iter().map(|(target, intent)| Action::LandsLate(target, intent)));
    }

    /// Only a write that follows merges goes beyond: it can be sent again and again while its link waits.
    fn within_boundary(&self, state: &State) -> bool {
        !state.has_issued_too_much()
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::Edits(target) => next.edit(target),
            Action::Merges { loser, winner } => next.merge(loser, winner),
            Action::TakesBack(record) => next.take_back(record),
            Action::Reads(worker, record) => next.read(worker, record, self.rules)?,
            Action::Commits(worker) => next.commit(worker),
            Action::Takes(worker, link, target) => {
                let intent = next.open(link, target)?;
                next.workers[worker] = Worker::Holds { target, intent };
            }
            Action::Sends(worker, fate) => next.send(worker, fate, self.rules),
            Action::LandsLate(target, intent) => {
                let at = next.outstanding.iter().position(|late| *late == (target, intent))?;
                next.outstanding.remove(at);
                next.land(target, intent, self.rules);
            }
        }
        Some(next)
    }
}

impl Judged for Merges {
    fn laws() -> Vec<Law<Self>> {
        vec![
            Law {
                name: "A no edit is lost (I1, I16)",
                holds: |model, state| state.at_rest(model.rules).is_none_or(|rest| rest.lost() == 0),
            },
            Law {
                name: "B every record is in agreement or in a proposal (I2)",
                holds: |model, state| {
                    state.at_rest(model.rules).is_none_or(|rest| rest.everybody_is_served())
                },
            },
            Law { name: "C links are a partial bijection (I13)", holds: |_, state| state.is_bijection() },
            Law { name: "D a merge deletes nothing (I18)", holds: |_, state| !state.has_flagged() },
            Law { name: "E settles (I33)", holds: |model, state| state.at_rest(model.rules).is_some() },
            Law { name: "F aliases only grow (I15)", holds: |_, state| !state.has_dropped_an_alias },
            Law { name: "p no chain of two comes about", holds: |_, state| !state.has_a_chain() },
            Law { name: "q no run comes near the bound", holds: |_, state| !state.is_near_the_bound() },
        ]
    }

    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        action.told(before, after)
    }
}

impl Merges {
    fn steps_of(&self, state: &State, index: usize, worker: &Worker, actions: &mut Vec<Action>) {
        match worker {
            Worker::Idle => {
                // Idle workers are alike: the first of them acts for all.
                if state.workers[..index].contains(&Worker::Idle) {
                    return;
                }
                let worth = (0..3).filter(|record| state.is_worth_a_look(*record, self.rules));
                actions.extend(worth.map(|record| Action::Reads(index, record)));
                for link in 0..3 {
                    for target in state.targets(link) {
                        if state.open(link, target).is_some() {
                            actions.push(Action::Takes(index, link, target));
                        }
                    }
                }
            }
            Worker::Decided { .. } => actions.push(Action::Commits(index)),
            Worker::Holds { .. } => {
                let possible = Fate::ALL.into_iter().filter(|fate| *fate == Fate::Lands || state.faults > 0);
                actions.extend(possible.map(|fate| Action::Sends(index, fate)));
            }
        }
    }
}

impl Rules {
    /// In words, for the table.
    #[must_use]
    pub fn told(self) -> String {
        let hops = match self.hops {
            Hops::All => "",
            Hops::One => ", one hop",
        };
        let second = match self.second {
            Second::IsProposed => "",
            Second::TriesAgain => ", taken winner tried again",
        };
        let reading = match self.reading {
            Reading::Merge => "",
            Reading::Delete => ", merge taken for a delete",
        };
        let retarget = match self.retarget {
            Retarget::Closes => "",
            Retarget::Keeps => ", open intents go to the winner",
        };
        let endpoint = match self.endpoint {
            Endpoint::Refuses => "",
            Endpoint::Follows => ", writes follow merges",
        };
        format!("merges{hops}{second}{reading}{retarget}{endpoint}")
    }
}

impl Bounds {
    /// In words, for the table.
    #[must_use]
    pub fn told(self) -> String {
        let cast = match self.cast {
            Cast::Each => "a counterpart each",
            Cast::AllButOne => "m0 unlinked",
            Cast::OneToBeMade => "o1 to be made",
        };
        let undoing = match self.undoing {
            Undoing::Never => "",
            Undoing::Possible => ", undone",
        };
        format!("{}w/{}f/{}e/{}m, {cast}{undoing}", self.workers, self.faults, self.edits, self.merges)
    }
}

/// Every run of this model.
#[must_use]
pub fn runs() -> Vec<Run> {
    let design = Rules::DESIGN;
    let bounds = |workers, faults, edits, merges, cast| Bounds {
        workers,
        faults,
        edits,
        merges,
        cast,
        undoing: Undoing::Never,
    };
    let (short, long) = (Length::Short, Length::Long);
    let mut rows = vec![
        (Rules { hops: Hops::One, ..design }, bounds(1, 0, 0, 2, Cast::Each), short, "E"),
        (Rules { second: Second::TriesAgain, ..design }, bounds(1, 0, 0, 1, Cast::Each), short, "E"),
        (Rules { reading: Reading::Delete, ..design }, bounds(1, 0, 0, 1, Cast::Each), short, "BD"),
        (Rules { retarget: Retarget::Keeps, ..design }, bounds(1, 0, 2, 1, Cast::AllButOne), short, "A"),
        (Rules { endpoint: Endpoint::Follows, ..design }, bounds(1, 0, 2, 1, Cast::Each), short, "A"),
        (design, Bounds { undoing: Undoing::Possible, ..bounds(1, 0, 0, 2, Cast::Each) }, short, "B"),
    ];
    for (cast, edits) in [(Cast::Each, 2), (Cast::AllButOne, 2), (Cast::OneToBeMade, 1)] {
        rows.push((design, bounds(1, 1, edits, 2, cast), short, ""));
        rows.push((design, bounds(2, 0, edits, 2, cast), short, ""));
        rows.push((design, bounds(2, 1, 2, 2, cast), long, ""));
    }
    let run = |(rules, bounds, length, expected): (Rules, Bounds, Length, &'static str)| {
        let model = Merges { rules, bounds };
        Run::of("identity", (rules.told(), bounds.told()), (length, expected), model, LAWS)
    };
    rows.into_iter().map(run).collect()
}
