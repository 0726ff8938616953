//! P10, tombstones: a pair whose record is deleted, forgotten in time, restored or made anew under the same
//! natural key. `h1` and its link stand at the beginning, its counterpart `s1` is about to be made. A person may
//! delete and restore `h1`, and make `h2` with the same key.
//!
//! Events may come late without bound, or never. A sweep lists one side after the other; what it lists is looked
//! at. Sixty days pass only when no request can land any more. One look is one step here (its races are the
//! subject of the models of presence and creates), and so is a flag or an archive.

mod told;
mod world;

use stateright::Model;

use crate::explore::{Judged, Law, Length, Run};

pub use world::{Action, Link, Record, Row, State, Sweep};

/// What a delete does to the other record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It is flagged, and lives on.
    Flag,
    /// It is archived.
    Archive,
}

/// When a dead pair may be forgotten, besides after sixty days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collect {
    /// At once.
    Unswept,
    /// After a sweep of both sides that began when the delete had been seen.
    SweptSinceSeen,
    /// After a sweep of both sides that began when, besides, no request of the pair could land any more.
    SweptSinceNothingCanLand,
}

/// Whether a pair may be forgotten while its other record lives on, flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Survivor {
    /// No: the link lives as long as the record does.
    KeepsTheLink,
    /// Yes.
    IsForgotten,
}

/// What a natural key that a dead pair held is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyOfTheDead {
    /// Nothing: the key is given back, and a record that brings it is a new one (P10).
    IsReleased,
    /// A record that brings it is taken for the deleted one, and dropped.
    KeysATombstone,
}

/// What an event for an id without memory leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnknownId {
    /// A by-id read: not found is dropped.
    IsRead,
    /// The event is believed.
    IsCreated,
}

/// The rules under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Deletes.
    pub policy: Policy,
    /// Forgetting.
    pub collect: Collect,
    /// Survivors.
    pub survivor: Survivor,
    /// Keys.
    pub key: KeyOfTheDead,
    /// Late events.
    pub unknown: UnknownId,
}

impl Rules {
    /// P10 with `delete: flag`.
    pub const FLAG: Self = Self {
        policy: Policy::Flag,
        collect: Collect::SweptSinceNothingCanLand,
        survivor: Survivor::KeepsTheLink,
        key: KeyOfTheDead::IsReleased,
        unknown: UnknownId::IsRead,
    };
    /// P10 with `delete: archive`.
    pub const ARCHIVE: Self = Self { policy: Policy::Archive, ..Self::FLAG };
}

/// The model: rules, and how often people delete, restore or make a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstones {
    /// The rules.
    pub rules: Rules,
    /// Steps of people.
    pub steps: u8,
    /// Requests that land late, or never.
    pub faults: u8,
}

/// The laws proper; `p` and `q` only show that what they are about can happen at all.
pub const LAWS: &str = "BCDE";

impl Model for Tombstones {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.steps, self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.steps > 0 {
            match state.row(Record::H1) {
                Some(Row { is_alive: true, .. }) => actions.push(Action::Deletes),
                Some(Row { is_alive: false, .. }) => actions.extend([Action::Restores, Action::Purges]),
                None => {}
            }
            if state.row(Record::H2).is_none() {
                actions.push(Action::MakesAnew);
            }
        }
        actions.extend(state.events().map(Action::Hears));
        for link in [0, 1] {
            if state.is_open(link) {
                actions.push(Action::Sends(link));
                if state.faults > 0 {
                    actions.push(Action::SendsLate(link));
                }
            }
            if state.can_collect(link, self.rules) {
                actions.push(Action::Collects(link));
            }
        }
        for late in state.late() {
            actions.extend([Action::LandsLate(late), Action::IsLost(late)]);
        }
        if state.is_dead(0) && !state.is_aged && state.late().count() == 0 {
            actions.push(Action::SixtyDaysPass);
        }
        match state.sweep {
            Sweep::None => actions.push(Action::BeginsSweep),
            Sweep::Begun { .. } => actions.push(Action::SweepsHubSpot),
            Sweep::HalfDone { .. } => actions.push(Action::SweepsSalesforce),
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        next.perform(action, self.rules);
        (next != *last).then_some(next)
    }
}

impl Judged for Tombstones {
    fn laws() -> Vec<Law<Self>> {
        vec![
            Law {
                name: "B who lives has its counterpart (I2)",
                holds: |model, state| {
                    state.at_rest(model.rules).is_none_or(|rest| rest.everybody_is_served(model.rules))
                },
            },
            Law {
                name: "C no resurrection (I19, I22)",
                holds: |model, state| state.at_rest(model.rules).is_none_or(|rest| !rest.has_resurrected),
            },
            Law {
                name: "D no duplicate of ours (I14)",
                holds: |model, state| state.at_rest(model.rules).is_none_or(|rest| rest.names_all_of_ours()),
            },
            Law { name: "E settles (I33)", holds: |model, state| state.at_rest(model.rules).is_some() },
            Law { name: "p nothing is ever forgotten", holds: |_, state| !state.has_collected },
            Law {
                name: "q our create never lands after the delete",
                holds: |_, state| {
                    !(state.is_dead(0) && state.row(Record::S1).is_some_and(|row| row.is_alive))
                },
            },
        ]
    }

    fn tell(&self, _before: &State, action: &Action, _after: &State) -> String {
        action.to_string()
    }
}

impl Rules {
    /// In words, for the table.
    #[must_use]
    pub fn told(self) -> String {
        let policy = match self.policy {
            Policy::Flag => "flag",
            Policy::Archive => "archive",
        };
        let collect = match self.collect {
            Collect::Unswept => ", collected unswept",
            Collect::SweptSinceSeen => ", swept while a create may land",
            Collect::SweptSinceNothingCanLand => "",
        };
        let survivor = match self.survivor {
            Survivor::KeepsTheLink => "",
            Survivor::IsForgotten => ", survivor forgotten",
        };
        let key = match self.key {
            KeyOfTheDead::IsReleased => "",
            KeyOfTheDead::KeysATombstone => ", tombstone by key",
        };
        let unknown = match self.unknown {
            UnknownId::IsRead => "",
            UnknownId::IsCreated => ", created from an event",
        };
        format!("tombstones, {policy}{collect}{survivor}{key}{unknown}")
    }
}

/// Every run of this model.
#[must_use]
pub fn runs() -> Vec<Run> {
    let (flag, archive) = (Rules::FLAG, Rules::ARCHIVE);
    let rows = [
        (Rules { collect: Collect::Unswept, ..archive }, 1, 1, Length::Short, "C"),
        (Rules { collect: Collect::SweptSinceSeen, ..archive }, 1, 1, Length::Short, "C"),
        (Rules { survivor: Survivor::IsForgotten, ..flag }, 1, 0, Length::Short, "C"),
        (Rules { key: KeyOfTheDead::KeysATombstone, ..archive }, 2, 0, Length::Short, "B"),
        (Rules { unknown: UnknownId::IsCreated, ..archive }, 1, 0, Length::Short, "C"),
        (flag, 3, 1, Length::Short, ""),
        (archive, 3, 1, Length::Short, ""),
        (flag, 5, 2, Length::Long, ""),
        (archive, 5, 2, Length::Long, ""),
    ];
    let run = |(rules, steps, faults, length, expected): (Rules, u8, u8, Length, &'static str)| {
        let model = Tombstones { rules, steps, faults };
        Run::of("identity", (rules.told(), format!("{faults}f/{steps}s")), (length, expected), model, LAWS)
    };
    rows.into_iter().map(run).collect()
}
