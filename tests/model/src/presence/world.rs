//! The two rows, the store and the workers, and what each step does to them.

use super::{AfterArchive, Bounds, H, Rules, S};

/// Steps within which the engine, left alone, has to come to rest.
const REST_STEPS_MAX: usize = 60;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// In use, or in the bin.
    pub is_alive: bool,
    /// Whether it was an archive of ours that put it in the bin.
    pub is_archived_by_us: bool,
    /// The edit that made its value. Edits are numbered; 0 is where all begins.
    pub value: u8,
    /// The soft-delete flag.
    pub is_flagged: bool,
    /// Number of the last intent that it took in.
    pub token: u8,
}

impl Row {
    pub(super) const fn is_ours_to_undelete(self) -> bool {
        !self.is_alive && self.is_archived_by_us
    }
}

/// Whether the pair is kept in agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Yes.
    Live,
    /// This side's record is in the bin, and the other one is flagged.
    Flagged(usize),
    /// This side's record is in the bin, and the other is left alone.
    Unlinked(usize),
    /// Both are in the bin.
    Gone,
}

/// What an intent writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Write {
    /// Values, under the precondition that the row is as it was read.
    Update {
        /// The other side's value.
        value: Option<u8>,
        /// The soft-delete flag.
        flag: Option<bool>,
    },
    /// Into the bin: blind, and without a token.
    Archive,
    /// Out of the bin: blind, and without a token.
    Undelete,
}

/// One write that was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intent {
    /// Its number, one counter for both sides.
    pub number: u8,
    /// What it writes.
    pub write: Write,
    /// Whether its row is still as it was read.
    pub is_fresh: bool,
}

/// What Concord remembers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Link {
    /// Whether the pair is kept in agreement.
    pub status: Status,
    /// The agreed value, and the number that set it.
    pub base: (u8, u8),
    /// The highest number given out.
    pub issued: u8,
    /// At most one open intent a side.
    pub open: [Option<Intent>; 2],
    /// The values that intents carried, by number; kept for good.
    pub carried: Vec<(u8, u8)>,
    /// Whether an archive of ours is wanted and was issued.
    pub expects_archive: bool,
}

/// What a worker is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Worker {
    /// Nothing.
    Idle,
    /// It has read the link.
    HasLink,
    /// It has read HubSpot's row. `None`: nothing was shown.
    HasHubSpot {
        /// The row.
        row: Option<Row>,
        /// Whether it is still so.
        is_fresh: bool,
    },
    /// It has read both rows.
    HasBoth {
        /// The rows.
        rows: [Option<Row>; 2],
        /// Whether they are still so.
        are_fresh: [bool; 2],
    },
    /// It is about to send.
    Holds {
        /// Where to.
        side: usize,
        /// What.
        intent: Intent,
    },
    /// It has an answer to record.
    Answered {
        /// Where from.
        side: usize,
        /// To what.
        intent: Intent,
        /// What came back.
        answer: Answer,
        /// Whether the link is as it was when the intent was read.
        is_current: bool,
    },
}

/// What a side answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Done.
    Done,
    /// The row is not as it was read, or not there.
    Refused,
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
}

impl Fate {
    pub(super) const ALL: [Self; 5] = [Self::Answered, Self::Lost, Self::AnswerLost, Self::Late, Self::Twice];
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A person edits the record of a side.
    Edits(usize),
    /// A person deletes it.
    Deletes(usize),
    /// A person takes it out of the bin.
    Undeletes(usize),
    /// A side stops showing its row to us: a permission is lost, a read fails.
    Hides(usize),
    /// It shows it again.
    Shows(usize),
    /// A worker reads the link.
    ReadsLink(usize),
    /// Then HubSpot's row.
    ReadsHubSpot(usize),
    /// Then Salesforce's row.
    ReadsSalesforce(usize),
    /// Then it decides and commits.
    Commits(usize),
    /// A worker takes a side's open intent off the queue.
    Takes(usize, usize),
    /// It sends it.
    Sends(usize, Fate),
    /// It records the answer.
    Records(usize),
    /// A request that was taken for lost lands.
    LandsLate(usize, Intent),
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) rows: [Row; 2],
    pub(super) hidden: [bool; 2],
    pub(super) link: Link,
    pub(super) workers: Vec<Worker>,
    /// Requests that may yet land, sorted.
    pub(super) outstanding: Vec<(usize, Intent)>,
    pub(super) faults: u8,
    pub(super) steps: u8,
    /// By edit: itself and all that its author had seen, one bit each.
    seen_by: Vec<u16>,
    /// Edits that stand in the journal as losers of a conflict.
    recorded: u16,
    ever_deleted: [bool; 2],
    pub(super) has_resurrected: bool,
}

impl State {
    pub(super) fn new(bounds: Bounds) -> Self {
        let row = Row { is_alive: true, is_archived_by_us: false, value: 0, is_flagged: false, token: 0 };
        let link = Link {
            status: Status::Live,
            base: (0, 0),
            issued: 0,
            open: [None; 2],
            carried: Vec::new(),
            expects_archive: false,
        };
        Self {
            rows: [row; 2],
            hidden: [false; 2],
            link,
            workers: vec![Worker::Idle; bounds.workers],
            outstanding: Vec::new(),
            faults: bounds.faults,
            steps: bounds.steps,
            seen_by: vec![1],
            recorded: 0,
            ever_deleted: [false; 2],
            has_resurrected: false,
        }
    }

    pub(super) const fn shown(&self, side: usize) -> Option<Row> {
        if self.hidden[side] { None } else { Some(self.rows[side]) }
    }

    pub(super) fn edit(&mut self, side: usize) {
        self.steps -= 1;
        self.touch(side);
        let (Ok(edit), seen) = (u8::try_from(self.seen_by.len()), self.seen(self.rows[side].value)) else {
            return;
        };
        self.seen_by.push(seen | 1 << edit);
        self.rows[side].value = edit;
    }

    pub(super) fn delete(&mut self, side: usize) {
        self.steps -= 1;
        self.touch(side);
        self.rows[side].is_alive = false;
        self.rows[side].is_archived_by_us = false;
        self.ever_deleted[side] = true;
    }

    pub(super) fn undelete(&mut self, side: usize) {
        self.steps -= 1;
        self.touch(side);
        self.rows[side].is_alive = true;
    }

    fn seen(&self, value: u8) -> u16 {
        self.seen_by.get(usize::from(value)).copied().unwrap_or_default()
    }

    /// The row of a side changes: what was read of it is of the past.
    fn touch(&mut self, side: usize) {
        for worker in &mut self.workers {
            match worker {
                Worker::HasHubSpot { is_fresh, .. } if side == H => *is_fresh = false,
                Worker::HasBoth { are_fresh, .. } => are_fresh[side] = false,
                Worker::Holds { side: at, intent } | Worker::Answered { side: at, intent, .. }
                    if *at == side =>
                {
                    intent.is_fresh = false;
                }
                Worker::Idle
                | Worker::HasLink
                | Worker::HasHubSpot { .. }
                | Worker::Holds { .. }
                | Worker::Answered { .. } => {}
            }
        }
        if let Some(intent) = &mut self.link.open[side] {
            intent.is_fresh = false;
        }
        for (at, intent) in &mut self.outstanding {
            intent.is_fresh &= *at != side;
        }
        self.outstanding.sort_unstable();
    }

    pub(super) fn read_salesforce(&mut self, worker: usize) {
        if let Worker::HasHubSpot { row, is_fresh } = self.workers[worker] {
            let rows = [row, self.shown(S)];
            self.workers[worker] = Worker::HasBoth { rows, are_fresh: [is_fresh, true] };
        }
    }

    pub(super) fn commit(&mut self, worker: usize, rules: Rules) {
        let Worker::HasBoth { rows, are_fresh } = self.workers[worker] else { return };
        self.workers[worker] = Worker::Idle;
        let (mut link, losers) = self.link.decide(rows, rules);
        for side in [H, S] {
            if let Some(intent) = &mut link.open[side]
                && intent.number > self.link.issued
            {
                intent.is_fresh = are_fresh[side];
            }
        }
        self.recorded |= losers.into_iter().fold(0, |all, loser| all | self.seen(loser));
        self.put(link);
    }

    /// Changes the link. Whoever has read it fails to commit and begins anew.
    fn put(&mut self, link: Link) {
        if self.link == link {
            return;
        }
        self.link = link;
        for worker in &mut self.workers {
            match worker {
                Worker::HasLink | Worker::HasHubSpot { .. } | Worker::HasBoth { .. } => {
                    *worker = Worker::Idle
                }
                Worker::Answered { is_current, .. } => *is_current = false,
                Worker::Idle | Worker::Holds { .. } => {}
            }
        }
    }

    pub(super) fn send(&mut self, worker: usize, fate: Fate) {
        let Worker::Holds { side, intent } = self.workers[worker] else { return };
        self.faults -= u8::from(fate != Fate::Answered);
        self.workers[worker] = Worker::Idle;
        let is_current = self.link.open[side].is_some_and(|open| open.number == intent.number);
        let answer = match fate {
            Fate::Answered => Some(self.land(side, intent)),
            Fate::Lost => None,
            Fate::AnswerLost => {
                let _unheard = self.land(side, intent);
                None
            }
            Fate::Late => {
                self.outstanding.push((side, intent));
                None
            }
            Fate::Twice => {
                self.outstanding.push((side, intent));
                Some(self.land(side, intent))
            }
        };
        self.outstanding.sort_unstable();
        if let Some(answer) = answer {
            self.workers[worker] = Worker::Answered { side, intent, answer, is_current };
        }
    }

    pub(super) fn land(&mut self, side: usize, intent: Intent) -> Answer {
        let row = self.rows[side];
        match intent.write {
            Write::Update { value, flag } => {
                if !intent.is_fresh || !row.is_alive || self.hidden[side] {
                    return Answer::Refused;
                }
                self.touch(side);
                let row = &mut self.rows[side];
                row.value = value.unwrap_or(row.value);
                row.is_flagged = flag.unwrap_or(row.is_flagged);
                row.token = intent.number;
            }
            Write::Archive if row.is_alive => {
                self.touch(side);
                self.rows[side].is_alive = false;
                self.rows[side].is_archived_by_us = true;
            }
            Write::Undelete if !row.is_alive => {
                self.touch(side);
                self.has_resurrected |= !row.is_archived_by_us;
                self.rows[side].is_alive = true;
            }
            Write::Archive | Write::Undelete => {}
        }
        Answer::Done
    }

    pub(super) fn record(&mut self, worker: usize, rules: Rules) {
        let Worker::Answered { side, intent, answer, is_current } = self.workers[worker] else { return };
        self.workers[worker] = Worker::Idle;
        if !is_current {
            return;
        }
        let mut link = self.link.clone();
        link.open[side] = None;
        if (intent.write, answer, rules.after_archive) == (Write::Archive, Answer::Done, AfterArchive::Forget)
        {
            link.status = Status::Gone;
        }
        self.put(link);
    }

    pub(super) fn is_worth_a_look(&self, rules: Rules) -> bool {
        self.link.decide([self.shown(H), self.shown(S)], rules).0 != self.link
    }

    /// Where the engine ends if everybody leaves it alone: whatever is outstanding lands, every row is shown, one
    /// worker does all the work. `None`: it does not end.
    pub(super) fn at_rest(&self, rules: Rules) -> Option<Self> {
        let mut rest = self.clone();
        (rest.workers, rest.hidden) = (vec![Worker::Idle], [false; 2]);
        while let Some((side, intent)) = rest.outstanding.pop() {
            let _unheard = rest.land(side, intent);
        }
        for _ in 0..REST_STEPS_MAX {
            if rest.is_worth_a_look(rules) {
                rest.workers =
                    vec![Worker::HasBoth { rows: [rest.shown(H), rest.shown(S)], are_fresh: [true; 2] }];
                rest.commit(0, rules);
                continue;
            }
            let Some((side, intent)) =
                [H, S].into_iter().find_map(|side| Some((side, rest.link.open[side]?)))
            else {
                return Some(rest);
            };
            rest.workers = vec![Worker::Holds { side, intent }];
            rest.send(0, Fate::Answered);
            rest.record(0, rules);
        }
        None
    }

    /// Edits, at rest, that no living record holds or was made from, that nobody who deleted a record had seen,
    /// and that are not recorded.
    pub(super) fn lost(&self) -> u16 {
        let all = (1_u16 << self.seen_by.len()) - 1;
        let known = self.rows.iter().filter(|row| row.is_alive || !row.is_archived_by_us);
        all & !known.fold(self.recorded, |known, row| known | self.seen(row.value))
    }

    /// Whether, at rest, the pair is what its link says, and what people did.
    pub(super) fn agrees(&self) -> bool {
        let [hubspot, salesforce] = self.rows;
        match (hubspot.is_alive, salesforce.is_alive, self.link.status) {
            (true, true, status) => {
                status == Status::Live
                    && hubspot.value == salesforce.value
                    && !hubspot.is_flagged
                    && !salesforce.is_flagged
            }
            (false, true, Status::Flagged(H)) => salesforce.is_flagged,
            // An ended pair stays ended, whichever of the two is in the bin by now.
            (false, true, Status::Unlinked(_)) => true,
            (true, false, Status::Flagged(S)) => hubspot.is_flagged,
            (true, false, Status::Unlinked(_)) => !salesforce.is_archived_by_us,
            (false, false, Status::Unlinked(_)) => !salesforce.is_archived_by_us,
            (false, false, Status::Gone | Status::Flagged(_)) => true,
            (false, true, _) | (true, false, _) | (false, false, Status::Live) => false,
        }
    }

    /// Whether somebody did delete what is treated as deleted.
    pub(super) const fn has_evidence(&self) -> bool {
        let [hubspot, salesforce] = self.ever_deleted;
        match self.link.status {
            Status::Live => true,
            Status::Flagged(side) | Status::Unlinked(side) => self.ever_deleted[side],
            Status::Gone => hubspot || salesforce,
        }
    }
}
