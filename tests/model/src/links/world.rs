//! The world around the rules: two CRMs, people who edit, workers, and faults.

use super::decide::{Decision, Queued, Said, decide, take_in};
use super::rules::{Bounds, Details, Guard, Moves, Mutant, Policy, Rules, Stamps};
use super::settle::Seen;
use super::terms::{Event, Intent, Link, Pair, Part, PerField, Place, Progress, Role, Row, Side, Value};

/// One CRM's record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Crm {
    /// What it shows.
    pub row: Row,
    /// What happened, oldest first, if it keeps a history.
    pub events: Vec<Event>,
    /// Per field, what was shown before: what an undo types.
    pub before: PerField<Value>,
    /// How many edits people made here.
    pub edits: usize,
}

/// What a worker is at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Worker {
    /// Nothing.
    Idle,
    /// It has read the link, and these rows since.
    Reading(Pair<Option<Crm>>),
    /// It has sent a write that has not landed yet.
    Writing(Intent),
}

/// An edit, and what became of it. The first of each field stands for the value that both sides began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edit {
    /// Which field.
    pub field: usize,
    /// Where. None: both sides began with it.
    pub side: Option<Side>,
    /// How many edits were made on that side before.
    pub ordinal: usize,
    /// What was typed.
    pub value: Value,
    /// What stood there before its eyes.
    pub saw: Value,
    /// Somebody who saw the value replaced it.
    pub is_superseded: bool,
    /// It is on record as a loser, against this value.
    pub lost_to: Option<Value>,
    /// Taken back to the base, it is one with it, and the other side's edit stands.
    pub is_excused: bool,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The two records.
    pub crm: Pair<Crm>,
    /// What is remembered.
    pub link: Link,
    /// Intents that wait to be attempted.
    pub queue: Vec<Intent>,
    /// Attempts that will land late.
    pub late: Vec<Intent>,
    /// The workers, in no order.
    pub workers: Vec<Worker>,
    /// Left of the faults.
    pub faults: u8,
    /// What people did.
    pub edits: Vec<Edit>,
    /// A value was written back to the side it came from.
    pub is_written_back: bool,
    /// A conflict was found between edits of which one had seen the other.
    pub is_spurious: bool,
    /// `newest` called the older edit the later one.
    pub is_older: bool,
    /// How far Salesforce's clock is off.
    pub skew: i8,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A person types.
    Edit(Side, usize, Value),
    /// A worker reads a row; with the first, it has read the link.
    Read(usize, Side),
    /// A worker decides and commits.
    Commit(usize),
    /// A write is attempted, lands or is refused, and is answered.
    Attempt(usize),
    /// The same; the answer is lost.
    Lose(usize),
    /// The attempt will land later.
    Delay(usize),
    /// The attempt lands now and once more later.
    Repeat(usize),
    /// The worker dies before the attempt, and nobody makes it.
    Crash(usize),
    /// A worker takes an intent from the queue (two workers).
    Take(usize, usize),
    /// What a worker sent lands.
    Land(usize),
    /// A late attempt lands.
    LandLate(usize),
    /// The second ends.
    Tick,
}

/// The model.
#[derive(Debug, Clone, Copy)]
pub struct Links {
    /// Its rules.
    pub rules: Rules,
    /// Its bounds.
    pub bounds: Bounds,
}

impl Links {
    pub(super) fn start(&self, skew: i8) -> State {
        let initial = |field| Edit {
            field,
            side: None,
            ordinal: 0,
            value: Value(0),
            saw: Value(0),
            is_superseded: false,
            lost_to: None,
            is_excused: false,
        };
        State {
            crm: Pair::default(),
            link: Link::default(),
            queue: Vec::new(),
            late: Vec::new(),
            workers: vec![Worker::Idle; self.bounds.workers],
            faults: self.bounds.faults,
            edits: (0..self.bounds.fields).map(initial).collect(),
            is_written_back: false,
            is_spurious: false,
            is_older: false,
            skew,
        }
    }

    fn seen(crm: &Crm) -> Seen<'_> {
        Seen { row: &crm.row, events: &crm.events }
    }

    fn queued(state: &State) -> Queued {
        let of = |side| state.queue.iter().find(|intent| intent.side == side).map(|intent| intent.number);
        Pair { h: of(Side::H), s: of(Side::S) }
    }

    /// What would be decided on the rows as they are.
    pub(super) fn decision(&self, state: &State, h: &Crm, s: &Crm) -> Decision {
        let seen = Pair { h: Self::seen(h), s: Self::seen(s) };
        let mut decision =
            decide(&self.rules, self.bounds.fields, &state.link, seen, Self::queued(state), state.skew);
        if self.rules.details == Details::Dropped && *h == state.crm.h && *s == state.crm.s {
            drop_details(state, &mut decision.link);
        }
        decision
    }

    /// Whether a look would change anything: no hint is ever lost here.
    pub(super) fn is_needed(&self, state: &State) -> bool {
        let decision = self.decision(state, &state.crm.h, &state.crm.s);
        decision.waits || decision.link != state.link
    }

    /// Whether nothing is left to do but what people or late landings may bring.
    pub(super) fn is_quiet(&self, state: &State) -> bool {
        state.queue.is_empty()
            && state.workers.iter().all(|worker| *worker == Worker::Idle)
            && !self.is_needed(state)
    }

    pub(super) fn edit(&self, state: &mut State, side: Side, field: usize, value: Value) {
        let at = u8::try_from(state.edits.len()).unwrap_or(u8::MAX);
        let crm = &mut state.crm[side];
        let saw = crm.row.values[field].plain();
        // (c): whoever replaces a value has seen every edit that typed it here. One that was typed again on the
        // other side is none of them, though the value is the same.
        let first = state.edits.iter().position(|edit| edit.field == field && edit.value == saw);
        let alike = state.edits.iter_mut().enumerate();
        for (_, edit) in alike.filter(|(index, edit)| {
            edit.field == field && edit.value == saw && (edit.side == Some(side) || Some(*index) == first)
        }) {
            edit.is_superseded = true;
        }
        state.edits.push(Edit {
            field,
            side: Some(side),
            ordinal: crm.edits,
            value: value.plain(),
            saw,
            is_superseded: false,
            lost_to: None,
            is_excused: false,
        });
        crm.edits += 1;
        crm.before[field] = crm.row.values[field];
        crm.row.values[field] = value;
        crm.row.is_by_us = false;
        if matches!(self.rules.policy, Policy::Newest { .. }) {
            crm.row.edited = at;
        }
        self.stamp(side, crm);
        if self.rules.guard(side) == Guard::History {
            crm.events.push(Event::Typed { field, value, at });
        }
    }

    fn stamp(&self, side: Side, crm: &mut Crm) {
        if self.rules.guard(side) != Guard::CompareAndSet {
            return;
        }
        if self.rules.stamps == Stamps::Exact {
            crm.row.stamp += 1;
        } else if !crm.row.is_fresh {
            crm.row.stamp += 1;
            crm.row.is_fresh = true;
        }
    }

    /// The second ends. If answers are dated as they leave, all that are under way are dated later than the row.
    pub(super) fn tick(&self, state: &mut State) {
        state.crm.s.row.is_fresh = false;
        if self.rules.stamps == Stamps::SecondAnsweredLater {
            for worker in &mut state.workers {
                if let Worker::Reading(Pair { s: Some(s), .. }) = worker {
                    s.row.is_fresh = false;
                }
            }
        }
    }

    /// Whether an attempt would be taken (P5).
    pub(super) fn is_taken(&self, state: &State, intent: &Intent) -> bool {
        self.rules.guard(intent.side) != Guard::CompareAndSet
            || state.crm[intent.side].row.stamp == intent.stamp
    }

    pub(super) fn land(&self, state: &mut State, intent: &Intent) -> bool {
        if !self.is_taken(state, intent) {
            return false;
        }
        let rewrites = intent.side == Side::S && self.rules.rewriting.is_some();
        let crm = &mut state.crm[intent.side];
        let mut values = PerField::default();
        for (field, part) in intent.parts.iter().enumerate() {
            let Some(Part { sent, role: Role::Carry | Role::Repair | Role::Restore, .. }) = part else {
                continue;
            };
            let value = if rewrites { sent.rewritten() } else { *sent };
            if crm.row.values[field] != value {
                crm.before[field] = crm.row.values[field];
            }
            crm.row.values[field] = value;
            values[field] = Some(value);
        }
        crm.row.token = intent.number;
        crm.row.is_by_us = true;
        self.stamp(intent.side, crm);
        if self.rules.guard(intent.side) == Guard::History {
            let at =
                if matches!(self.rules.policy, Policy::Newest { .. }) { state.edits.len() - 1 } else { 0 };
            let at = u8::try_from(at).unwrap_or(u8::MAX);
            crm.events.push(Event::Landed { token: intent.number, values, at });
        }
        true
    }

    /// The answer came: some designs heed it.
    fn answer(&self, state: &mut State, intent: &Intent) {
        let heeds = self.rules.moves == Moves::AfterWrite
            || (self.rules.breaks(Mutant::HResponse) && intent.side == Side::H);
        if heeds {
            let place = Place(u8::try_from(state.crm[intent.side].events.len()).unwrap_or(u8::MAX));
            take_in(&mut state.link, intent, place);
            for (other, progress) in &mut state.link.intents {
                if other.number == intent.number {
                    *progress = Progress::Closed;
                }
            }
        }
    }

    pub(super) fn attempt(&self, state: &mut State, index: usize, is_answered: bool) -> Intent {
        let intent = state.queue.remove(index);
        if self.land(state, &intent) && is_answered {
            self.answer(state, &intent);
        }
        intent
    }

    pub(super) fn land_of(&self, state: &mut State, worker: usize) {
        let Worker::Writing(intent) = state.workers[worker].clone() else { return };
        if self.land(state, &intent) {
            self.answer(state, &intent);
        }
        state.workers[worker] = Worker::Idle;
    }

    pub(super) fn read(&self, state: &mut State, worker: usize, side: Side) {
        let crm = state.crm[side].clone();
        let mut rows = match &state.workers[worker] {
            Worker::Reading(rows) => rows.clone(),
            Worker::Idle | Worker::Writing(_) => Pair::default(),
        };
        rows[side] = Some(crm);
        state.workers[worker] = Worker::Reading(rows);
    }

    pub(super) fn commit(&self, state: &mut State, worker: usize) {
        let Worker::Reading(Pair { h: Some(h), s: Some(s) }) = state.workers[worker].clone() else { return };
        let decision = self.decision(state, &h, &s);
        state.workers[worker] = Worker::Idle;
        if decision.link == state.link {
            return;
        }
        // The generation moves: whoever has read the link before commits nothing (P3).
        if !self.rules.breaks(Mutant::LinkReadLast) {
            for other in &mut state.workers {
                if matches!(other, Worker::Reading(_)) {
                    *other = Worker::Idle;
                }
            }
        }
        self.judge(state, &decision, Pair { h: h.edits, s: s.edits });
        state.link = decision.link;
        state.queue.extend(decision.issued);
        let link = &state.link;
        state
            .queue
            .retain(|intent| link.intents.iter().any(|(kept, p)| kept == intent && *p == Progress::Open));
    }

    fn judge(&self, state: &mut State, decision: &Decision, known: Pair<usize>) {
        for said in &decision.said {
            match *said {
                Said::Conflict { field, values, winner } => {
                    state.is_spurious |= has_seen(&state.edits, field, values.h.plain(), values.s.plain())
                        || has_seen(&state.edits, field, values.s.plain(), values.h.plain());
                    if let Some((side, by_time)) = winner {
                        state.is_older |= by_time
                            && order(state, field, values[side]) < order(state, field, values[side.other()]);
                        lose(state, field, values[side.other()], Some(values[side]));
                    }
                }
                Said::Loser { field, value } => lose(state, field, value, None),
                Said::GivesWay { field, side, value } => excuse(state, field, side, value, known[side]),
            }
        }
        for intent in &decision.issued {
            for (field, part) in intent.parts.iter().enumerate() {
                if let Some(Part { role: Role::Carry, sent, .. }) = part {
                    let mut typed =
                        state.edits.iter().filter(|e| e.field == field && e.value == sent.plain());
                    state.is_written_back |= typed.all(|edit| edit.side == Some(intent.side));
                }
            }
        }
    }

    /// The next step of a world without people, faults and late landings: the fair schedule of law D.
    pub(super) fn fair_step(&self, state: &mut State) -> bool {
        if let Some(worker) = state.workers.iter().position(|worker| matches!(worker, Worker::Writing(_))) {
            self.land_of(state, worker);
        } else if !state.queue.is_empty() {
            self.attempt(state, 0, true);
        } else if let Some(worker) =
            state.workers.iter().position(|worker| matches!(worker, Worker::Reading(_)))
        {
            self.read_on(state, worker);
        } else if self.is_needed(state) {
            state.crm.s.row.is_fresh = false;
            self.read_on(state, 0);
        } else {
            return false;
        }
        true
    }

    fn read_on(&self, state: &mut State, worker: usize) {
        for side in Side::BOTH {
            let has = matches!(&state.workers[worker], Worker::Reading(rows) if rows[side].is_some());
            if !has {
                self.read(state, worker, side);
            }
        }
        self.commit(state, worker);
    }
}

/// Whether the person who typed one value had seen the other, or something that came of it. (d): a value that was
/// typed more than once does not tell who had seen what; then this is not judged.
fn has_seen(edits: &[Edit], field: usize, value: Value, other: Value) -> bool {
    let of =
        |value: Value| edits.iter().enumerate().filter(move |(_, e)| e.field == field && e.value == value);
    if of(value).count() != 1 || of(other).count() != 1 {
        return false;
    }
    of(value).all(|(at, edit)| {
        edit.side.is_some() && (edit.saw == other || has_seen(&edits[..at], field, edit.saw, other))
    })
}

/// Details are dropped once nothing is open or held, except of what may still land.
fn drop_details(state: &State, link: &mut Link) {
    let is_open = link.intents.iter().any(|(_, progress)| *progress == Progress::Open);
    if is_open || link.held.iter().any(Option::is_some) {
        return;
    }
    let sent = state.workers.iter().filter_map(|worker| match worker {
        Worker::Writing(intent) => Some(intent),
        Worker::Idle | Worker::Reading(_) => None,
    });
    let may_land: Vec<&Intent> = state.queue.iter().chain(&state.late).chain(sent).collect();
    link.intents.retain(|(intent, _)| may_land.contains(&intent));
}

/// (b): an edit that the decision knew, and that took its side back to what stood there before, is one with that:
/// the other side's edit stands, and no conflict is recorded.
fn excuse(state: &mut State, field: usize, side: Side, value: Value, known: usize) {
    let is_it = |edit: &&mut Edit| edit.field == field && edit.value == value.plain();
    let repeats = state.edits.iter_mut().filter(is_it).skip(1);
    for edit in repeats.filter(|edit| edit.side == Some(side) && edit.ordinal < known) {
        edit.is_excused = true;
    }
}

fn order(state: &State, field: usize, value: Value) -> Option<usize> {
    state.edits.iter().rposition(|edit| edit.field == field && edit.value == value.plain())
}

/// Records a loser. Without a winner: whoever replaced it had not seen it.
fn lose(state: &mut State, field: usize, value: Value, winner: Option<Value>) {
    const SOMEBODY: Value = Value(u8::MAX);
    for edit in &mut state.edits {
        if edit.field == field && edit.value == value.plain() {
            edit.lost_to = winner.map(Value::plain).or(edit.lost_to).or(Some(SOMEBODY));
        }
    }
}

/// Whether some edit that typed this value was not superseded.
pub(super) fn is_alive(edits: &[Edit], field: usize, value: Value) -> bool {
    edits.iter().any(|edit| edit.field == field && edit.value == value.plain() && !edit.is_superseded)
}
