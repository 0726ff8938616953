//! The rows, the store, the workers and the rules.

use super::engine::Look;
use super::{Bounds, Cast, Endpoint, Hops, Rules};

/// Steps within which the engine, left alone, has to come to rest.
const REST_STEPS_MAX: usize = 60;

/// Intents that one link may issue. Two edits and two merges need five.
const ISSUED_MAX: u8 = 10;

/// One record of six.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// Of the side where people merge.
    M(usize),
    /// Of the other side: the counterpart that belongs to the link with this number.
    O(usize),
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// The edit that made its value. Edits are numbered; the first six values are what all begins with.
    pub value: u8,
    /// The link and the number of the intent that it took in last.
    pub token: (usize, u8),
    /// The record that it was merged into.
    pub merged_into: Option<usize>,
    /// The soft-delete flag.
    pub is_flagged: bool,
}

/// Whether a link is kept in agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Yes.
    Live,
    /// No: another link has the winner. Its counterpart is parked with a merge proposal.
    Proposed,
}

/// What an intent writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Write {
    /// The counterpart, with this value.
    Insert(u8),
    /// This value.
    Update(u8),
    /// The soft-delete flag.
    Flag,
}

/// One write that was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intent {
    /// The link.
    pub link: usize,
    /// Its number.
    pub number: u8,
    /// What it writes.
    pub write: Write,
    /// Whether its row is still as it was read.
    pub is_fresh: bool,
}

/// What Concord remembers of one pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Link {
    /// Whether it is kept in agreement.
    pub status: Status,
    /// Its record on the side of merges.
    pub record: Option<usize>,
    /// Whether it names its counterpart.
    pub has_counterpart: bool,
    /// The agreed values, one a side, and the number that set them.
    pub(super) base: ([u8; 2], u8),
    pub(super) issued: u8,
    pub(super) open: [Option<Intent>; 2],
    pub(super) carried: Vec<(u8, [u8; 2])>,
}

/// What a worker is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Worker {
    /// Nothing.
    Idle,
    /// It has read a link and its rows, and decided.
    Decided {
        /// The link.
        link: usize,
        /// The link as it will be.
        after: Link,
        /// A redirection to record.
        alias: Option<(usize, usize)>,
        /// A loser to record.
        loser: Option<u8>,
    },
    /// It is about to send.
    Holds {
        /// Where to.
        target: Target,
        /// What.
        intent: Intent,
    },
}

/// What becomes of a request. Answers are not modelled: the row tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It lands.
    Lands,
    /// It never arrives.
    Lost,
    /// It lands later.
    Late,
    /// It lands, and lands again later.
    Twice,
}

impl Fate {
    pub(super) const ALL: [Self; 4] = [Self::Lands, Self::Lost, Self::Late, Self::Twice];
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A person edits a record.
    Edits(Target),
    /// A person merges two.
    Merges {
        /// The one that goes.
        loser: usize,
        /// The one that stays.
        winner: usize,
    },
    /// A person takes a merged-away record out of the bin.
    TakesBack(usize),
    /// A worker looks at a record.
    Reads(usize, usize),
    /// It commits.
    Commits(usize),
    /// A worker takes a link's open intent off the queue.
    Takes(usize, usize, Target),
    /// It sends it.
    Sends(usize, Fate),
    /// A request that was taken for lost lands.
    LandsLate(Target, Intent),
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) merging: [Row; 3],
    pub(super) others: [Option<Row>; 3],
    pub(super) links: [Option<Link>; 3],
    pub(super) aliases: [Option<usize>; 3],
    pub(super) workers: Vec<Worker>,
    pub(super) outstanding: Vec<(Target, Intent)>,
    pub(super) faults: u8,
    pub(super) edits: u8,
    pub(super) merges: u8,
    seen_by: Vec<u16>,
    /// Edits that a merging person saw and gave up, or that stand in the journal.
    accounted: u16,
    pub(super) has_dropped_an_alias: bool,
}

impl State {
    pub(super) fn new(bounds: Bounds) -> Self {
        // Value n is common to m(n) and o(n); edits are numbered from 3.
        let row = |value| Row { value, token: (9, 0), merged_into: None, is_flagged: false };
        let has_counterpart = |link| !(bounds.cast == Cast::OneToBeMade && link == 1);
        let is_linked = |link| !(bounds.cast == Cast::AllButOne && link == 0);
        let link = |index: usize, value: u8| Link {
            status: Status::Live,
            record: Some(index),
            has_counterpart: has_counterpart(index),
            base: ([value; 2], 0),
            issued: 0,
            open: [None; 2],
            carried: Vec::new(),
        };
        Self {
            merging: [row(0), row(1), row(2)],
            others: [0_u8, 1, 2].map(|value| {
                let index = usize::from(value);
                (is_linked(index) && has_counterpart(index)).then_some(row(value))
            }),
            links: [0_u8, 1, 2].map(|value| {
                let index = usize::from(value);
                is_linked(index).then(|| link(index, value))
            }),
            aliases: [None; 3],
            workers: vec![Worker::Idle; bounds.workers],
            outstanding: Vec::new(),
            faults: bounds.faults,
            edits: bounds.edits,
            merges: bounds.merges,
            seen_by: vec![0; 3],
            accounted: 0,
            has_dropped_an_alias: false,
        }
    }

    pub(super) const fn is_alive(&self, record: usize) -> bool {
        self.merging[record].merged_into.is_none()
    }

    pub(super) fn editable(&self) -> Vec<Target> {
        let merging = (0..3).filter(|record| self.is_alive(*record)).map(Target::M);
        merging.chain((0..3).filter(|link| self.others[*link].is_some()).map(Target::O)).collect()
    }

    const fn row(&self, target: Target) -> Option<Row> {
        match target {
            Target::M(record) => Some(self.merging[record]),
            Target::O(link) => self.others[link],
        }
    }

    const fn row_mut(&mut self, target: Target) -> Option<&mut Row> {
        match target {
            Target::M(record) => Some(&mut self.merging[record]),
            Target::O(link) => self.others[link].as_mut(),
        }
    }

    fn seen(&self, value: u8) -> u16 {
        self.seen_by.get(usize::from(value)).copied().unwrap_or_default()
    }

    pub(super) fn edit(&mut self, target: Target) {
        let (Some(row), Ok(edit)) = (self.row(target), u8::try_from(self.seen_by.len())) else { return };
        self.edits -= 1;
        self.touch(target);
        self.seen_by.push(self.seen(row.value) | 1 << edit);
        if let Some(row) = self.row_mut(target) {
            row.value = edit;
        }
    }

    pub(super) fn merge(&mut self, loser: usize, winner: usize) {
        self.merges -= 1;
        self.accounted |= self.seen(self.merging[loser].value);
        self.merging[loser].merged_into = Some(winner);
    }

    pub(super) const fn take_back(&mut self, record: usize) {
        self.merges -= 1;
        self.merging[record].merged_into = None;
    }

    /// A row changes: writes that were decided for it as it was fail.
    fn touch(&mut self, target: Target) {
        let stale = |at: Target, intent: &mut Intent| intent.is_fresh &= at != target;
        for worker in &mut self.workers {
            match worker {
                Worker::Holds { target: at, intent } => stale(*at, intent),
                Worker::Decided { link, after, .. } => {
                    let places = [after.record.map(Target::M), Some(Target::O(*link))];
                    for (at, intent) in places.into_iter().zip(&mut after.open) {
                        if let (Some(at), Some(intent)) = (at, intent) {
                            stale(at, intent);
                        }
                    }
                }
                Worker::Idle => {}
            }
        }
        for (index, link) in self.links.iter_mut().enumerate() {
            let Some(link) = link else { continue };
            let places = [link.record.map(Target::M), Some(Target::O(index))];
            for (at, intent) in places.into_iter().zip(&mut link.open) {
                if let (Some(at), Some(intent)) = (at, intent) {
                    stale(at, intent);
                }
            }
        }
        self.outstanding.iter_mut().for_each(|(at, intent)| stale(*at, intent));
        self.outstanding.sort_unstable();
    }

    pub(super) fn targets(&self, link: usize) -> Vec<Target> {
        let record = self.links[link].as_ref().and_then(|link| link.record);
        record.map(Target::M).into_iter().chain([Target::O(link)]).collect()
    }

    pub(super) fn open(&self, link: usize, target: Target) -> Option<Intent> {
        self.links[link].as_ref()?.open[side(target)]
    }

    pub(super) fn owner(&self, record: usize) -> Option<usize> {
        (0..3).find(|link| self.links[*link].as_ref().is_some_and(|item| item.record == Some(record)))
    }

    pub(super) fn resolve(&self, record: usize, rules: Rules) -> usize {
        let once = self.aliases[record];
        match (once, rules.hops) {
            (None, _) => record,
            (Some(winner), Hops::One) => winner,
            (Some(winner), Hops::All) => self.resolve(winner, rules),
        }
    }

    /// The link that a hint for this record leads to. Hints for a counterpart lead to its link at once, and are
    /// covered by those for its other half or for the record that this was merged into.
    fn linked(&self, record: usize, rules: Rules) -> Option<usize> {
        self.owner(self.resolve(record, rules))
    }

    pub(super) fn is_worth_a_look(&self, record: usize, rules: Rules) -> bool {
        self.linked(record, rules).is_some_and(|link| matches!(self.look(link, rules), Look::Changes { .. }))
    }

    pub(super) fn read(&mut self, worker: usize, record: usize, rules: Rules) -> Option<()> {
        let link = self.linked(record, rules)?;
        let Look::Changes { after, alias, loser } = self.look(link, rules) else { return None };
        self.workers[worker] = Worker::Decided { link, after, alias, loser };
        Some(())
    }

    pub(super) fn commit(&mut self, worker: usize) {
        let decided = std::mem::replace(&mut self.workers[worker], Worker::Idle);
        let Worker::Decided { link, after, alias, loser } = decided else { return };
        let claimed =
            after.record.filter(|_| self.links[link].as_ref().map(|item| item.record) != Some(after.record));
        if claimed.is_some_and(|record| self.owner(record).is_some() || self.aliases[record].is_some()) {
            return;
        }
        if let Some((from, to)) = alias {
            self.has_dropped_an_alias |= self.aliases[from].is_some_and(|before| before != to);
            self.aliases[from] = Some(to);
        }
        self.accounted |= loser.map_or(0, |loser| self.seen(loser));
        self.links[link] = Some(after);
        for worker in &mut self.workers {
            if matches!(worker, Worker::Decided { link: at, .. } if *at == link) {
                *worker = Worker::Idle;
            }
        }
    }

    pub(super) fn send(&mut self, worker: usize, fate: Fate, rules: Rules) {
        let held = std::mem::replace(&mut self.workers[worker], Worker::Idle);
        let Worker::Holds { target, intent } = held else { return };
        self.faults -= u8::from(fate != Fate::Lands);
        if matches!(fate, Fate::Late | Fate::Twice) {
            self.outstanding.push((target, intent));
            self.outstanding.sort_unstable();
        }
        if matches!(fate, Fate::Lands | Fate::Twice) {
            self.land(target, intent, rules);
        }
    }

    pub(super) fn land(&mut self, target: Target, intent: Intent, rules: Rules) {
        let (link, token) = (intent.link, (intent.link, intent.number));
        if let Write::Insert(value) = intent.write {
            if self.others[link].is_none() {
                self.others[link] = Some(Row { value, token, merged_into: None, is_flagged: false });
            }
            return;
        }
        let mut at = target;
        let mut is_good = intent.is_fresh;
        while let Target::M(record) = at
            && let Some(winner) = self.merging[record].merged_into
        {
            at = Target::M(winner);
            is_good = rules.endpoint == Endpoint::Follows;
        }
        if !is_good || self.row(at).is_none() {
            return;
        }
        self.touch(at);
        if let Some(row) = self.row_mut(at) {
            row.token = token;
            match intent.write {
                Write::Update(value) => row.value = value,
                Write::Flag => row.is_flagged = true,
                Write::Insert(_) => {}
            }
        }
    }

    /// Where the engine ends if everybody leaves it alone. `None`: it does not end.
    pub(super) fn at_rest(&self, rules: Rules) -> Option<Self> {
        let mut rest = self.clone();
        rest.workers = vec![Worker::Idle];
        while let Some((target, intent)) = rest.outstanding.pop() {
            rest.land(target, intent, rules);
        }
        for _ in 0..REST_STEPS_MAX {
            let looks: Vec<Look> = (0..3).map(|link| rest.look(link, rules)).collect();
            let fails = looks.iter().any(|look| matches!(look, Look::FailsAgain));
            let change = looks.into_iter().enumerate().find_map(|(link, look)| match look {
                Look::Changes { after, alias, loser } => Some(Worker::Decided { link, after, alias, loser }),
                Look::Nothing | Look::FailsAgain => None,
            });
            let open = (0..3).find_map(|link| {
                let targets = rest.targets(link).into_iter();
                targets.filter_map(|target| Some((target, rest.open(link, target)?))).next()
            });
            match (change, open) {
                (Some(decided), _) => {
                    rest.workers = vec![decided];
                    rest.commit(0);
                }
                (None, Some((target, intent))) => rest.land(target, intent, rules),
                (None, None) if fails => return None,
                (None, None) => return Some(rest),
            }
        }
        None
    }

    pub(super) fn lost(&self) -> u16 {
        let all = (1_u16 << self.seen_by.len()) - 1 - 0b111;
        let alive = self.merging.iter().filter(|row| row.merged_into.is_none());
        let standing = alive.chain(self.others.iter().flatten());
        all & !standing.fold(self.accounted, |known, row| known | self.seen(row.value))
    }

    /// At rest: records with a link agree with its counterpart; one that has none never had, or was never merged.
    pub(super) fn everybody_is_served(&self) -> bool {
        let merging = (0..3).filter(|record| self.is_alive(*record)).all(|record| {
            let redirected = self.aliases[record].is_some();
            let Some(owner) = self.owner(record) else { return !redirected };
            self.others[owner].is_none_or(|other| other.value == self.merging[record].value)
        });
        let others = (0..3).filter(|link| self.others[*link].is_some()).all(|link| {
            self.links[link].as_ref().is_some_and(|item| {
                item.status == Status::Proposed || item.record.is_some_and(|record| self.is_alive(record))
            })
        });
        merging && others
    }

    pub(super) fn is_bijection(&self) -> bool {
        let named: Vec<usize> = self.links.iter().flatten().filter_map(|link| link.record).collect();
        (0..3).all(|record| named.iter().filter(|named| **named == record).count() <= 1)
    }

    pub(super) fn has_issued_too_much(&self) -> bool {
        self.links.iter().flatten().any(|link| link.issued > ISSUED_MAX)
    }

    pub(super) fn is_near_the_bound(&self) -> bool {
        self.links.iter().flatten().any(|link| link.issued >= ISSUED_MAX)
    }

    pub(super) fn has_flagged(&self) -> bool {
        self.others.iter().flatten().any(|row| row.is_flagged)
    }

    pub(super) fn has_a_chain(&self) -> bool {
        self.aliases.iter().flatten().any(|winner| self.aliases[*winner].is_some())
    }
}

const fn side(target: Target) -> usize {
    match target {
        Target::M(_) => 0,
        Target::O(_) => 1,
    }
}
