//! The two CRMs, the store and the workers, and what each step does to them.

use super::engine::Plan;
use super::{Bounds, Create, Fate, HubSpotKey, Link, Record, Rules, Side};

/// Steps within which the engine, left alone, has to come to rest: a pair needs five at most.
const REST_STEPS_MAX: usize = 40;

/// Whose values a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A person typed them.
    Person,
    /// We sent them.
    Ours,
    /// We sent them, and a person has edited them since.
    Edited,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// Whose values it holds.
    pub origin: Origin,
    /// The link whose `concord_id` it carries. Unique per side.
    pub concord_id: Option<Link>,
    /// Whether search shows it.
    pub indexed: bool,
}

/// A write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request {
    /// Make the link's counterpart.
    Create(Link),
    /// Send the link's `concord_id` to a record.
    Stamp(Link, Record),
}

impl Request {
    pub(super) const fn link(self) -> Link {
        match self {
            Self::Create(link) | Self::Stamp(link, _) => link,
        }
    }

    const fn side(self) -> Side {
        match self {
            Self::Create(link) => link.makes().side(),
            Self::Stamp(_, record) => record.side(),
        }
    }
}

/// How far an intent has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// Decided, and not known to have landed.
    Open,
    /// Refused for good. It is parked, and not sent again.
    Refused,
}

/// What a side answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is done, on this record.
    Done(Record),
    /// Another record carries this `concord_id`, or this key.
    Duplicate,
    /// Refused for good.
    Refused,
}

/// What Concord remembers of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LinkItem {
    pub(super) records: [Option<Record>; 2],
    pub(super) intent: Option<(Request, Progress)>,
}

/// What a worker is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Worker {
    /// Nothing.
    Idle,
    /// It has read the link of a record.
    Looks {
        /// The hinted record.
        record: Record,
        /// Its link, if it had one.
        link: Option<Link>,
    },
    /// It has read the rows and decided.
    Decided {
        /// The hinted record.
        record: Record,
        /// What it will commit.
        plan: Plan,
    },
    /// It is about to send.
    Holds(Request),
    /// It has an answer to record.
    Answered {
        /// What it sent.
        request: Request,
        /// What came back.
        answer: Answer,
        /// Whether the link is as it was when the intent was read.
        current: bool,
    },
}

impl PartialOrd for Answer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Answer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |answer: &Self| match answer {
            Self::Done(record) => (0, Some(*record)),
            Self::Duplicate => (1, None),
            Self::Refused => (2, None),
        };
        rank(self).cmp(&rank(other))
    }
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    rows: [Option<Row>; 4],
    pub(super) links: [Option<LinkItem>; 2],
    pub(super) key: Option<Link>,
    pub(super) workers: Vec<Worker>,
    /// Requests that may yet land, sorted.
    pub(super) outstanding: Vec<Request>,
    pub(super) faults: u8,
    pub(super) edits: u8,
    pub(super) overwrote_a_person: bool,
}

impl State {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            rows: [None; 4],
            links: [None; 2],
            key: None,
            workers: vec![Worker::Idle; bounds.workers],
            outstanding: Vec::new(),
            faults: bounds.faults,
            edits: bounds.edits,
            overwrote_a_person: false,
        }
    }

    pub(super) const fn row(&self, record: Record) -> Option<Row> {
        self.rows[record as usize]
    }

    pub(super) fn on(&self, side: Side) -> impl Iterator<Item = (Record, Row)> + '_ {
        let records = Record::ALL.into_iter().filter(move |record| record.side() == side);
        records.filter_map(|record| Some((record, self.row(record)?)))
    }

    pub(super) const fn make(&mut self, record: Record, origin: Origin, concord_id: Option<Link>) {
        self.rows[record as usize] = Some(Row { origin, concord_id, indexed: false });
    }

    pub(super) const fn edit(&mut self, record: Record) {
        if let Some(row) = &mut self.rows[record as usize] {
            row.origin = Origin::Edited;
        }
    }

    pub(super) const fn index(&mut self, record: Record) {
        if let Some(row) = &mut self.rows[record as usize] {
            row.indexed = true;
        }
    }

    /// The link that a record belongs to, by `RECORD#`.
    pub(super) fn link_of(&self, record: Record) -> Option<Link> {
        let names = |link: &Link| {
            self.links[*link as usize]
                .is_some_and(|item| item.records[record.side() as usize] == Some(record))
        };
        Link::ALL.into_iter().find(names)
    }

    pub(super) fn open(&self, link: Link) -> Option<Request> {
        let (request, progress) = self.links[link as usize]?.intent?;
        (progress == Progress::Open).then_some(request)
    }

    /// The record on a side that carries a link's `concord_id`. Never stale: a look-up by a unique field.
    pub(super) fn carrying(&self, link: Link, side: Side) -> Option<Record> {
        self.on(side).find(|(_, row)| row.concord_id == Some(link)).map(|(record, _)| record)
    }

    pub(super) fn read_rows(&mut self, worker: usize, rules: Rules) {
        let Worker::Looks { record, .. } = self.workers[worker] else { return };
        self.workers[worker] = match self.plan(record, rules) {
            Plan::Nothing | Plan::Park => Worker::Idle,
            plan @ (Plan::Begin { .. } | Plan::Name { .. } | Plan::Send(_) | Plan::NameAndSend(..)) => {
                Worker::Decided { record, plan }
            }
        };
    }

    pub(super) fn commit(&mut self, worker: usize, rules: Rules) {
        let Worker::Decided { record, plan } = self.workers[worker] else { return };
        self.workers[worker] = Worker::Idle;
        self.carry_out(record, plan, rules);
    }

    /// Changes a link. Whoever has read it fails to commit and begins anew.
    pub(super) fn put(&mut self, link: Link, item: LinkItem) {
        if self.links[link as usize] == Some(item) {
            return;
        }
        let newly: Vec<Record> = item.records.into_iter().flatten().collect();
        self.links[link as usize] = Some(item);
        for worker in &mut self.workers {
            match worker {
                Worker::Looks { record, link: read } => {
                    if *read == Some(link) || (read.is_none() && newly.contains(record)) {
                        *worker = Worker::Idle;
                    }
                }
                Worker::Decided { plan, .. } if plan.link() == Some(link) => *worker = Worker::Idle,
                Worker::Answered { request, current, .. } if request.link() == link => *current = false,
                Worker::Idle | Worker::Decided { .. } | Worker::Holds(_) | Worker::Answered { .. } => {}
            }
        }
    }

    pub(super) fn send(&mut self, worker: usize, fate: Fate, rules: Rules) {
        let Worker::Holds(request) = self.workers[worker] else { return };
        self.faults -= u8::from(fate != Fate::Answered);
        self.workers[worker] = Worker::Idle;
        let answer = match fate {
            Fate::Answered => Some(self.land(request, rules)),
            Fate::Lost => None,
            Fate::AnswerLost => {
                let _unheard = self.land(request, rules);
                None
            }
            Fate::Late => {
                self.outstanding.push(request);
                None
            }
            Fate::Twice => {
                self.outstanding.push(request);
                Some(self.land(request, rules))
            }
            Fate::Refused => Some(Answer::Refused),
        };
        self.outstanding.sort_unstable();
        if let Some(answer) = answer {
            // The intent was read when it was taken; if the link has moved since, the answer is not recorded.
            let current = self.open(request.link()) == Some(request);
            self.workers[worker] = Worker::Answered { request, answer, current };
        }
    }

    /// A request takes effect, or not.
    pub(super) fn land(&mut self, request: Request, rules: Rules) -> Answer {
        let (link, side) = (request.link(), request.side());
        let holder = self.carrying(link, side);
        match request {
            Request::Create(link) => match (holder, rules.create) {
                (Some(holder), Create::Upsert) => {
                    self.overwrite(holder);
                    Answer::Done(holder)
                }
                (Some(_), Create::Insert) => Answer::Duplicate,
                (None, Create::Upsert | Create::Insert) => {
                    let unique = side == Side::H && rules.hubspot_key == HubSpotKey::Unique;
                    if unique && self.on(Side::H).next().is_some() {
                        return Answer::Duplicate;
                    }
                    self.make(link.makes(), Origin::Ours, Some(link));
                    Answer::Done(link.makes())
                }
            },
            Request::Stamp(link, record) => {
                if holder.is_some_and(|holder| holder != record) {
                    return Answer::Duplicate;
                }
                if let Some(row) = &mut self.rows[record as usize] {
                    row.concord_id = Some(link);
                }
                Answer::Done(record)
            }
        }
    }

    /// A blind write of our values.
    const fn overwrite(&mut self, record: Record) {
        if let Some(row) = &mut self.rows[record as usize] {
            match row.origin {
                Origin::Person | Origin::Edited => self.overwrote_a_person = true,
                Origin::Ours => {}
            }
            row.origin = Origin::Ours;
        }
    }

    pub(super) fn record(&mut self, worker: usize) {
        let Worker::Answered { request, answer, current } = self.workers[worker] else { return };
        self.workers[worker] = Worker::Idle;
        let link = request.link();
        let Some(mut item) = self.links[link as usize].filter(|_| current) else { return };
        match answer {
            Answer::Done(record) => {
                if self.link_of(record).is_none_or(|owner| owner == link) {
                    item.records[record.side() as usize] = Some(record);
                }
                item.intent = None;
            }
            Answer::Duplicate => item.intent = None,
            Answer::Refused => item.intent = Some((request, Progress::Refused)),
        }
        self.put(link, item);
    }

    /// Where the engine ends if everybody leaves it alone: whatever is outstanding lands, search catches up, one
    /// worker does all the work. `None`: it does not end.
    pub(super) fn at_rest(&self, rules: Rules) -> Option<Self> {
        let mut rest = self.clone();
        rest.workers = vec![Worker::Idle];
        for request in std::mem::take(&mut rest.outstanding) {
            let _unheard = rest.land(request, rules);
        }
        Record::ALL.into_iter().for_each(|record| rest.index(record));
        for _ in 0..REST_STEPS_MAX {
            if !rest.one_step(rules) {
                return Some(rest);
            }
        }
        None
    }

    fn one_step(&mut self, rules: Rules) -> bool {
        for link in Link::ALL {
            if let Some(request) = self.open(link) {
                let answer = self.land(request, rules);
                self.index(link.makes());
                self.workers = vec![Worker::Answered { request, answer, current: true }];
                self.record(0);
                return true;
            }
        }
        for record in Record::ALL.into_iter().filter(|record| self.row(*record).is_some()) {
            let plan = self.plan(record, rules);
            if !matches!(plan, Plan::Nothing | Plan::Park) {
                self.carry_out(record, plan, rules);
                return true;
            }
        }
        false
    }

    /// I14 at rest: no record of ours stands beside the one that its link names.
    pub(super) fn names_all_of_ours(&self) -> bool {
        Link::ALL.into_iter().all(|link| {
            let made = link.makes();
            self.row(made).is_none() || self.link_of(made).is_some()
        })
    }

    /// I2 at rest: every record has a counterpart, or stands parked with a reason.
    pub(super) fn everybody_is_served(&self, rules: Rules) -> bool {
        Record::ALL.into_iter().filter(|record| self.row(*record).is_some()).all(|record| {
            let link = self.link_of(record).and_then(|link| self.links[link as usize]);
            match link {
                Some(item) => {
                    let refused = matches!(item.intent, Some((_, Progress::Refused)));
                    refused || item.records.iter().all(Option::is_some)
                }
                None => self.plan(record, rules) == Plan::Park,
            }
        })
    }

    pub(super) fn pairs_the_two(&self) -> bool {
        self.links.iter().flatten().any(|item| item.records == [Some(Record::H1), Some(Record::S1)])
    }
}
