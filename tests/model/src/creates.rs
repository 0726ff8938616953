//! P6, creates: a person makes `h1` in HubSpot and another makes `s1` in Salesforce, at about the same time and
//! with the same natural key. Two links are possible, [`Link::A`] derived from `h1` and [`Link::B`] from `s1`; each
//! may make one record of ours on its other side ([`Record::S2`], [`Record::H2`]).
//!
//! A worker reads the link, then the rows and the search index, then commits; a commit whose link moved meanwhile
//! does nothing, which is modelled by sending the slower worker back to idle at once. A request and the recording
//! of its answer are steps of their own. Search shows a record some time after it was made; a look-up by
//! `concord_id` shows it at once.
//!
//! Deliberately absent: values beyond "whose is it", tokens, deletes and merges, which have models of their own.
//! So a stamp (which touches `concord_id` alone) costs nobody an edit here.

mod engine;
mod runs;
mod told;
mod world;

use stateright::Model;

use crate::explore::{Judged, Law};

pub use engine::Plan;
pub use runs::runs;
pub use world::{Answer, Origin, Progress, Request, Row, State, Worker};

/// A side, as an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// HubSpot.
    H,
    /// Salesforce.
    S,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::H => Self::S,
            Self::S => Self::H,
        }
    }
}

/// Every record that can come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    /// Made by a person in HubSpot.
    H1,
    /// Made in HubSpot for link B.
    H2,
    /// Made by a person in Salesforce.
    S1,
    /// Made in Salesforce for link A.
    S2,
}

impl Record {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::H1, Self::H2, Self::S1, Self::S2];

    /// Where it lives.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::H1 | Self::H2 => Side::H,
            Self::S1 | Self::S2 => Side::S,
        }
    }
}

/// A link, named by the record that it is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Link {
    /// From `h1`.
    A,
    /// From `s1`.
    B,
}

impl Link {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The link that is derived from a record; none is from what we made, which carries its link's id.
    #[must_use]
    pub const fn derived_from(record: Record) -> Option<Self> {
        match record {
            Record::H1 => Some(Self::A),
            Record::S1 => Some(Self::B),
            Record::H2 | Record::S2 => None,
        }
    }

    /// The record that the link makes when it has to.
    #[must_use]
    pub const fn makes(self) -> Record {
        match self {
            Self::A => Record::S2,
            Self::B => Record::H2,
        }
    }
}

/// How a counterpart is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Create {
    /// By an upsert on `concord_id`: on an existing row that is a blind write.
    Upsert,
    /// By an insert that carries `concord_id`: on an existing one it is refused as a duplicate (P6).
    Insert,
}

/// How an existing record joins a link that lacks its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Join {
    /// The link names it, and that is all.
    LinkOnly,
    /// The link names it, but not while a create of the link is open on that side.
    Wait,
    /// It is sent `concord_id`, and the link names whichever record is then seen to carry it (P6).
    Stamp,
    /// The link names it first and `concord_id` is sent afterwards.
    LinkThenStamp,
}

/// Whether the natural key is claimed for the link before the create (P6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyClaim {
    /// `KEY#` goes to one link by a conditional put.
    Claimed,
    /// There is no such item.
    None,
}

/// Whether a record that matches a link's key first has the link's side looked up by `concord_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LookUp {
    /// Yes: an insert of ours may have landed unanswered, and then it is the link's.
    First,
    /// No.
    Never,
}

/// Whether HubSpot itself refuses a second record with the same key, as it does for a contact's e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HubSpotKey {
    /// It does not: companies.
    Free,
    /// It does: contacts.
    Unique,
}

/// The rules under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// How a counterpart is made.
    pub create: Create,
    /// How an existing record joins.
    pub join: Join,
    /// Whether the key is claimed.
    pub claim: KeyClaim,
    /// Whether the link's id is looked up before a record joins.
    pub look_up: LookUp,
    /// What HubSpot thinks of a second record with the key.
    pub hubspot_key: HubSpotKey,
}

impl Rules {
    /// P6 as the design has it.
    pub const DESIGN: Self = Self {
        create: Create::Insert,
        join: Join::Stamp,
        claim: KeyClaim::Claimed,
        look_up: LookUp::First,
        hubspot_key: HubSpotKey::Free,
    };
}

/// How far the world goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Workers.
    pub workers: usize,
    /// Requests lost, answers lost, late and repeated landings, refusals: so many of them in all.
    pub faults: u8,
    /// Edits that people make to records of ours.
    pub edits: u8,
}

/// The model: rules within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creates {
    /// The rules.
    pub rules: Rules,
    /// The bounds.
    pub bounds: Bounds,
}

/// The laws proper; `p` and `q` only show that what they are about can happen at all.
pub const LAWS: &str = "ABCDE";

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A person makes the record.
    PersonMakes(Record),
    /// A person edits the record.
    PersonEdits(Record),
    /// The search index takes the record in.
    Indexed(Record),
    /// A worker reads the record's link.
    ReadsLink(usize, Record),
    /// The worker reads the rows and decides.
    ReadsRows(usize),
    /// The worker commits.
    Commits(usize),
    /// A worker takes the link's open intent off the queue.
    Takes(usize, Link),
    /// The worker sends its request, and this becomes of it.
    Sends(usize, Fate),
    /// The worker records the answer.
    Records(usize),
    /// A request that was taken for lost lands.
    LandsLate(Request),
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It lands and is answered.
    Answered,
    /// It never arrives, or its worker dies before.
    Lost,
    /// It lands; the answer is lost, or its worker dies.
    AnswerLost,
    /// It lands later; no answer comes.
    Late,
    /// It lands and is answered, and lands again later.
    Twice,
    /// The side refuses it for good: a validation rule, say.
    Refused,
}

impl Fate {
    const ALL: [Self; 6] =
        [Self::Answered, Self::Lost, Self::AnswerLost, Self::Late, Self::Twice, Self::Refused];
}

impl Model for Creates {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.bounds)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for record in [Record::H1, Record::S1] {
            if state.row(record).is_none() {
                actions.push(Action::PersonMakes(record));
            }
        }
        for record in Record::ALL {
            let Some(row) = state.row(record) else { continue };
            if state.edits > 0 && row.origin == Origin::Ours {
                actions.push(Action::PersonEdits(record));
            }
            if !row.indexed {
                actions.push(Action::Indexed(record));
            }
        }
        for (index, worker) in state.workers.iter().enumerate() {
            self.steps_of(state, index, worker, actions);
        }
        let mut late = state.outstanding.clone();
        late.dedup();
        actions.extend(late.into_iter().map(Action::LandsLate));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::PersonMakes(record) => next.make(record, Origin::Person, None),
            Action::PersonEdits(record) => {
                next.edits -= 1;
                next.edit(record);
            }
            Action::Indexed(record) => next.index(record),
            Action::ReadsLink(worker, record) => {
                next.workers[worker] = Worker::Looks { record, link: next.link_of(record) };
            }
            Action::ReadsRows(worker) => next.read_rows(worker, self.rules),
            Action::Commits(worker) => next.commit(worker, self.rules),
            Action::Takes(worker, link) => {
                let request = next.open(link)?;
                next.workers[worker] = Worker::Holds(request);
            }
            Action::Sends(worker, fate) => next.send(worker, fate, self.rules),
            Action::Records(worker) => next.record(worker),
            Action::LandsLate(request) => {
                let at = next.outstanding.iter().position(|late| *late == request)?;
                next.outstanding.remove(at);
                let _unheard = next.land(request, self.rules);
            }
        }
        Some(next)
    }
}

impl Judged for Creates {
    fn laws() -> Vec<Law<Self>> {
        vec![
            Law { name: "A no silent loss (I1)", holds: |_, state| !state.overwrote_a_person },
            Law {
                name: "B every record finds its pair or is parked (I2)",
                holds: |model, state| {
                    state.at_rest(model.rules).is_none_or(|rest| rest.everybody_is_served(model.rules))
                },
            },
            Law {
                name: "C one key has one link (I13)",
                holds: |_, state| state.links.iter().flatten().count() <= 1,
            },
            Law {
                name: "D no duplicate of ours (I14)",
                holds: |model, state| state.at_rest(model.rules).is_none_or(|rest| rest.names_all_of_ours()),
            },
            Law { name: "E settles (I33)", holds: |model, state| state.at_rest(model.rules).is_some() },
            Law { name: "p h1 and s1 never become a pair", holds: |_, state| !state.pairs_the_two() },
            Law {
                name: "q our create never stands beside a person's",
                holds: |_, state| {
                    let both = |person, ours| state.row(person).is_some() && state.row(ours).is_some();
                    !both(Record::S1, Record::S2) && !both(Record::H1, Record::H2)
                },
            },
        ]
    }

    fn tell(&self, _before: &State, action: &Action, after: &State) -> String {
        action.told(after)
    }
}

impl Creates {
    /// What one worker may do next.
    fn steps_of(&self, state: &State, index: usize, worker: &Worker, actions: &mut Vec<Action>) {
        match worker {
            Worker::Idle => {
                // Idle workers are alike: the first of them acts for all.
                if state.workers[..index].contains(&Worker::Idle) {
                    return;
                }
                // Hints are never lost here and may come at any time, so that what matters is whether looking
                // would change anything. A look that would not commits nothing.
                let worth = |record: &Record| state.plan(*record, self.rules) != Plan::Nothing;
                let records = Record::ALL.into_iter().filter(|record| state.row(*record).is_some());
                actions.extend(records.filter(worth).map(|record| Action::ReadsLink(index, record)));
                let open = Link::ALL.into_iter().filter(|link| state.open(*link).is_some());
                actions.extend(open.map(|link| Action::Takes(index, link)));
            }
            Worker::Looks { .. } => actions.push(Action::ReadsRows(index)),
            Worker::Decided { .. } => actions.push(Action::Commits(index)),
            Worker::Holds(_) => {
                let fates = Fate::ALL.into_iter();
                let possible = fates.filter(|fate| *fate == Fate::Answered || state.faults > 0);
                actions.extend(possible.map(|fate| Action::Sends(index, fate)));
            }
            Worker::Answered { .. } => actions.push(Action::Records(index)),
        }
    }
}
