//! P9, deletes: one pair, one field. People edit both records, delete and undelete them; Concord propagates a
//! delete by the soft-delete flag (an ordinary guarded write) or by an archive (blind, and without a token).
//!
//! Reading the link, reading HubSpot, reading Salesforce, committing, sending and recording are steps of their
//! own; a commit whose link moved meanwhile does nothing, which is modelled by sending that worker back to idle.
//! Requests are lost, answers are lost, requests land late and twice; a side may hide a row for a while.
//!
//! Taken as given, because the model of links is about it: a value or a flag lands only on the row that it was
//! decided for, and its token tells that it did (P2 to P5). Both changed: HubSpot wins and the loser is recorded.

mod engine;
mod runs;
mod told;
mod world;

use stateright::Model;

use crate::explore::{Judged, Law};

pub use runs::runs;
pub use world::{Action, Answer, Fate, Intent, Link, Row, State, Status, Worker, Write};

/// Index of HubSpot in pairs.
pub const H: usize = 0;
/// Index of Salesforce in pairs.
pub const S: usize = 1;

/// How a delete is propagated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// HubSpot's delete archives the row in Salesforce. A delete in Salesforce only ends the pair, since HubSpot
    /// cannot take an archive back by API.
    Archive,
    /// The other record's flag is set, and taken back by an undelete.
    Flag,
}

/// What follows an archive of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AfterArchive {
    /// Nothing.
    Forget,
    /// The archived row is read: values other than the image are an edit that nobody saw (P9).
    ReadAgain,
}

/// Whether the side tells who archived a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Archiver {
    /// No: an archive of ours that lands late looks like a person's.
    Unknown,
    /// Yes.
    Known,
}

/// What is believed to be a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// A by-id read that shows the row in the bin (I18).
    Bin,
    /// A by-id read that shows nothing, too.
    Absence,
}

/// The rules under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// How a delete is propagated.
    pub policy: Policy,
    /// What follows an archive.
    pub after_archive: AfterArchive,
    /// Whether it is known who archived.
    pub archiver: Archiver,
    /// What is believed.
    pub evidence: Evidence,
}

impl Rules {
    /// P9 with `delete: archive`.
    pub const ARCHIVE: Self = Self {
        policy: Policy::Archive,
        after_archive: AfterArchive::ReadAgain,
        archiver: Archiver::Known,
        evidence: Evidence::Bin,
    };
    /// P9 with `delete: flag`, the default.
    pub const FLAG: Self = Self { policy: Policy::Flag, ..Self::ARCHIVE };
}

/// Where people delete and undelete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deletes {
    /// In HubSpot.
    InHubSpot,
    /// On both sides.
    OnBothSides,
}

/// How far the world goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Workers.
    pub workers: usize,
    /// Losses, late and repeated landings, hidden rows: so many in all.
    pub faults: u8,
    /// What people do: so many edits, deletes and undeletes in all.
    pub steps: u8,
    /// Where they delete.
    pub deletes: Deletes,
}

/// The model: rules within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The rules.
    pub rules: Rules,
    /// The bounds.
    pub bounds: Bounds,
}

/// The laws proper; `p` and `q` only show that what they are about can happen at all.
pub const LAWS: &str = "ABCDE";

impl Model for Pair {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.bounds)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.steps > 0 {
            for side in [H, S] {
                let deletes = side == H || self.bounds.deletes == Deletes::OnBothSides;
                match (state.rows[side].is_alive, deletes) {
                    (true, true) => actions.extend([Action::Edits(side), Action::Deletes(side)]),
                    (true, false) => actions.push(Action::Edits(side)),
                    (false, true) => actions.push(Action::Undeletes(side)),
                    (false, false) => {}
                }
            }
        }
        for side in [H, S] {
            if state.hidden[side] {
                actions.push(Action::Shows(side));
            } else if state.faults > 0 {
                actions.push(Action::Hides(side));
            }
        }
        for (index, worker) in state.workers.iter().enumerate() {
            self.steps_of(state, index, worker, actions);
        }
        let mut late = state.outstanding.clone();
        late.dedup();
        actions.extend(late.into_iter().map(|(side, intent)| Action::LandsLate(side, intent)));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::Edits(side) => next.edit(side),
            Action::Deletes(side) => next.delete(side),
            Action::Undeletes(side) => next.undelete(side),
            Action::Hides(side) => {
                next.faults -= 1;
                next.hidden[side] = true;
            }
            Action::Shows(side) => next.hidden[side] = false,
            Action::ReadsLink(worker) => next.workers[worker] = Worker::HasLink,
            Action::ReadsHubSpot(worker) => {
                next.workers[worker] = Worker::HasHubSpot { row: next.shown(H), is_fresh: true };
            }
            Action::ReadsSalesforce(worker) => next.read_salesforce(worker),
            Action::Commits(worker) => next.commit(worker, self.rules),
            Action::Takes(worker, side) => {
                next.workers[worker] = Worker::Holds { side, intent: next.link.open[side]? };
            }
            Action::Sends(worker, fate) => next.send(worker, fate),
            Action::Records(worker) => next.record(worker, self.rules),
            Action::LandsLate(side, intent) => {
                let at = next.outstanding.iter().position(|late| *late == (side, intent))?;
                next.outstanding.remove(at);
                let _unheard = next.land(side, intent);
            }
        }
        Some(next)
    }
}

impl Judged for Pair {
    fn laws() -> Vec<Law<Self>> {
        vec![
            Law {
                name: "A no edit is lost (I1, I20)",
                holds: |model, state| state.at_rest(model.rules).is_none_or(|rest| rest.lost() == 0),
            },
            Law {
                name: "B both sides agree on who lives (I2)",
                holds: |model, state| state.at_rest(model.rules).is_none_or(|rest| rest.agrees()),
            },
            Law { name: "C no resurrection (I19)", holds: |_, state| !state.has_resurrected },
            Law {
                name: "D nothing is deleted without evidence (I18)",
                holds: |_, state| state.has_evidence(),
            },
            Law { name: "E settles (I33)", holds: |model, state| state.at_rest(model.rules).is_some() },
            Law {
                name: "p a write of ours never lands on an edited row in the bin",
                holds: |_, state| !(state.rows[S].is_ours_to_undelete() && state.rows[S].value != 0),
            },
            Law { name: "q a pair never ends", holds: |_, state| state.link.status == Status::Live },
        ]
    }

    fn tell(&self, _before: &State, action: &Action, after: &State) -> String {
        action.told(after)
    }
}

impl Pair {
    fn steps_of(&self, state: &State, index: usize, worker: &Worker, actions: &mut Vec<Action>) {
        match worker {
            Worker::Idle => {
                // Idle workers are alike: the first of them acts for all. Hints are never lost here, so what
                // matters is whether looking would change anything; a look that would not commits nothing.
                if state.workers[..index].contains(&Worker::Idle) {
                    return;
                }
                if state.is_worth_a_look(self.rules) {
                    actions.push(Action::ReadsLink(index));
                }
                for side in [H, S] {
                    if state.link.open[side].is_some() {
                        actions.push(Action::Takes(index, side));
                    }
                }
            }
            Worker::HasLink => actions.push(Action::ReadsHubSpot(index)),
            Worker::HasHubSpot { .. } => actions.push(Action::ReadsSalesforce(index)),
            Worker::HasBoth { .. } => actions.push(Action::Commits(index)),
            Worker::Holds { .. } => {
                let possible =
                    Fate::ALL.into_iter().filter(|fate| *fate == Fate::Answered || state.faults > 0);
                actions.extend(possible.map(|fate| Action::Sends(index, fate)));
            }
            Worker::Answered { .. } => actions.push(Action::Records(index)),
        }
    }
}
