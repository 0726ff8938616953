//! The laws A to F and N, and the model as stateright sees it.
//!
//! A, B and C are judged whenever nothing is left to do but what people or late landings may bring; E, F and N at
//! each decision; D everywhere. What the laws grant to people who take an edit back, or type a value again:
//!
//! * (a) C: a value on record as having lost may come back once the winner was taken back, or lost in its turn.
//! * (b) A: an edit that took its side back to what stood there before, and that a decision knew, gives way without
//!   a record: to the other side's edit, if that was the image, which is what a three-way merge means by
//!   "unchanged"; to a repair, if that was left by a stale landing.
//! * (c) A: whoever replaces a value has seen each edit that typed it on that side.
//! * (d) F: whose value was typed more than once, is not asked who had seen what.
//!
//! Without undo nothing but (a) is ever made use of.

use stateright::Model;

use super::rules::{Policy, Stamps};
use super::terms::{Pair, Side, Value};
use super::world::{Action, Edit, Links, State, Worker, is_alive};
use crate::explore::{Judged, Law};

/// A fair run comes to rest within this many steps.
const FAIR_STEPS_MAX: usize = 60;

impl Model for Links {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        match self.rules.policy {
            Policy::Newest { .. } => [-4, 0, 4].into_iter().map(|skew| self.start(skew)).collect(),
            Policy::Authority(_) | Policy::Hold => vec![self.start(0)],
        }
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let typed = state.edits.len() - self.bounds.fields;
        if typed < self.bounds.edits {
            let fresh = Value(u8::try_from(typed + 1).unwrap_or(u8::MAX));
            for &side in self.bounds.edited {
                // The fields are alike: the first edit is of the first.
                for field in 0..if typed == 0 { 1 } else { self.bounds.fields } {
                    actions.push(Action::Edit(side, field, fresh));
                    let back = state.crm[side].before[field];
                    if self.bounds.undo && back != state.crm[side].row.values[field] {
                        actions.push(Action::Edit(side, field, back));
                    }
                }
            }
        }
        let needed = self.is_needed(state);
        for (worker, at) in state.workers.iter().enumerate() {
            match at {
                Worker::Idle if needed => actions.extend(Side::BOTH.map(|side| Action::Read(worker, side))),
                Worker::Idle => {}
                Worker::Reading(Pair { h: Some(_), s: Some(_) }) => actions.push(Action::Commit(worker)),
                Worker::Reading(rows) => {
                    let unread = Side::BOTH.into_iter().filter(|side| rows[*side].is_none());
                    actions.extend(unread.map(|side| Action::Read(worker, side)));
                }
                Worker::Writing(_) => actions.push(Action::Land(worker)),
            }
        }
        if let Some(worker) = state.workers.iter().position(|worker| *worker == Worker::Idle) {
            for index in 0..state.queue.len() {
                actions.push(if self.bounds.workers == 1 {
                    Action::Attempt(index)
                } else {
                    Action::Take(worker, index)
                });
                if state.faults > 0 {
                    let faults = [Action::Lose, Action::Delay, Action::Repeat, Action::Crash];
                    actions.extend(faults.map(|fault| fault(index)));
                }
            }
        }
        actions.extend((0..state.late.len()).map(Action::LandLate));
        if self.rules.stamps != Stamps::Exact && state.crm.s.row.is_fresh {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Edit(side, field, value) => self.edit(&mut state, side, field, value),
            Action::Read(worker, side) => self.read(&mut state, worker, side),
            Action::Commit(worker) => self.commit(&mut state, worker),
            Action::Attempt(index) => drop(self.attempt(&mut state, index, true)),
            Action::Lose(index) => {
                state.faults -= 1;
                self.attempt(&mut state, index, false);
            }
            Action::Delay(index) => {
                state.faults -= 1;
                let intent = state.queue.remove(index);
                state.late.push(intent);
            }
            Action::Repeat(index) => {
                state.faults -= 1;
                let intent = self.attempt(&mut state, index, true);
                state.late.push(intent);
            }
            Action::Crash(index) => {
                state.faults -= 1;
                state.queue.remove(index);
            }
            Action::Take(worker, index) => state.workers[worker] = Worker::Writing(state.queue.remove(index)),
            Action::Land(worker) => self.land_of(&mut state, worker),
            Action::LandLate(index) => {
                let intent = state.late.remove(index);
                self.land(&mut state, &intent);
            }
            Action::Tick => self.tick(&mut state),
        }
        state.workers.sort_unstable();
        state.late.sort_unstable();
        Some(state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.link.issued.0 <= self.bounds.intents
    }
}

impl Judged for Links {
    fn laws() -> Vec<Law<Self>> {
        vec![
            Law {
                name: "A no silent loss",
                holds: |model, state| !model.is_quiet(state) || loses_nothing(state),
            },
            Law {
                name: "B convergence",
                holds: |model, state| !model.is_quiet(state) || agrees(model, state),
            },
            Law {
                name: "C no stale resurrection",
                holds: |model, state| !model.is_quiet(state) || is_current(model, state),
            },
            Law { name: "D settles", holds: settles },
            Law { name: "E no write-back", holds: |_, state| !state.is_written_back },
            Law { name: "F no spurious conflict", holds: |_, state| !state.is_spurious },
            Law { name: "N newest is newer", holds: |_, state| !state.is_older },
        ]
    }

    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        self.told(before, action, after)
    }
}

fn shown(state: &State, field: usize) -> Pair<Value> {
    Pair { h: state.crm.h.row.values[field].plain(), s: state.crm.s.row.values[field].plain() }
}

fn loses_nothing(state: &State) -> bool {
    state.edits.iter().filter(|edit| edit.side.is_some()).all(|edit| {
        let shown = shown(state, edit.field);
        edit.is_superseded
            || edit.lost_to.is_some()
            || edit.is_excused
            || state.link.is_parked[edit.field]
            || shown.h == edit.value
            || shown.s == edit.value
    })
}

fn agrees(model: &Links, state: &State) -> bool {
    (0..model.bounds.fields).all(|field| {
        let shown = shown(state, field);
        let held = state.link.held[field].map(|held| Pair { h: held.h.plain(), s: held.s.plain() });
        state.link.is_parked[field] || shown.h == shown.s || held == Some(shown)
    })
}

fn is_current(model: &Links, state: &State) -> bool {
    (0..model.bounds.fields).all(|field| {
        let shown = shown(state, field);
        state.link.is_parked[field]
            || shown.h != shown.s
            || (is_alive(&state.edits, field, shown.h) && !is_back(&state.edits, field, shown.h))
    })
}

/// Whether a value is on record as having lost to one that still stands. (a): it may come back once that was taken
/// back, or lost in its turn because it had never landed.
fn is_back(edits: &[Edit], field: usize, value: Value) -> bool {
    let of = |value: Value| edits.iter().filter(move |edit| edit.field == field && edit.value == value);
    let stands = |edit: &Edit| !edit.is_superseded && !edit.is_excused && edit.lost_to.is_none();
    of(value).all(|edit| edit.lost_to.is_some_and(|winner| of(winner).any(stands)))
}

fn settles(model: &Links, state: &State) -> bool {
    let mut state = state.clone();
    (0..FAIR_STEPS_MAX).any(|_| !model.fair_step(&mut state))
}
