//! The rows, the store, the clock and the rules.

use super::{Collect, KeyOfTheDead, Policy, Rules, Survivor, UnknownId};

/// Looks and sends within which the engine, left alone, has to come to rest.
const REST_STEPS_MAX: usize = 60;

/// Every record that can come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    /// Made by a person in HubSpot; link 0 is derived from it.
    H1,
    /// Made by a person in HubSpot with the same key; link 1 is derived from it.
    H2,
    /// Made by us in HubSpot for link 0, whose half there is gone: a resurrection.
    H3,
    /// Made by us in Salesforce for link 0.
    S1,
    /// Made by us in Salesforce for link 1.
    S2,
}

impl Record {
    const ALL: [Self; 5] = [Self::H1, Self::H2, Self::H3, Self::S1, Self::S2];

    const fn is_in_hubspot(self) -> bool {
        match self {
            Self::H1 | Self::H2 | Self::H3 => true,
            Self::S1 | Self::S2 => false,
        }
    }

    /// The link whose `concord_id` it carries, or that is derived from it.
    const fn link(self) -> usize {
        match self {
            Self::H1 | Self::H3 | Self::S1 => 0,
            Self::H2 | Self::S2 => 1,
        }
    }
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// In use, or in the bin.
    pub is_alive: bool,
    /// The soft-delete flag.
    pub is_flagged: bool,
    /// Whether it carries its link's id: what we made does at once, what a person made once it is linked.
    pub is_marked: bool,
}

/// What Concord remembers of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link {
    hubspot: Option<Record>,
    salesforce: Option<Record>,
    is_dead: bool,
    /// The record that is to be made.
    open: Option<Record>,
    /// A sweep of both sides that began late enough has ended since it died.
    is_swept: bool,
}

/// How far a sweep has come, and which dead links it counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sweep {
    /// None is under way.
    None,
    /// It has begun.
    Begun {
        /// Links that had settled before.
        counts: [bool; 2],
    },
    /// HubSpot is done.
    HalfDone {
        /// Links that had settled before.
        counts: [bool; 2],
    },
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A person deletes `h1`.
    Deletes,
    /// A person restores it.
    Restores,
    /// The bin is emptied of it.
    Purges,
    /// A person makes `h2`.
    MakesAnew,
    /// An event arrives, however late.
    Hears(Record),
    /// A link's create arrives.
    Sends(usize),
    /// It is taken for lost.
    SendsLate(usize),
    /// It lands after all.
    LandsLate(Record),
    /// It never does.
    IsLost(Record),
    /// A sweep begins.
    BeginsSweep,
    /// It lists HubSpot.
    SweepsHubSpot,
    /// It lists Salesforce, and ends.
    SweepsSalesforce,
    /// Time passes.
    SixtyDaysPass,
    /// A dead link is forgotten.
    Collects(usize),
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    rows: [Option<Row>; 5],
    events: [bool; 5],
    late: [bool; 5],
    links: [Option<Link>; 2],
    key: Option<usize>,
    pub(super) sweep: Sweep,
    pub(super) is_aged: bool,
    pub(super) has_collected: bool,
    pub(super) has_resurrected: bool,
    pub(super) steps: u8,
    pub(super) faults: u8,
}

impl State {
    pub(super) fn new(steps: u8, faults: u8) -> Self {
        let row = Row { is_alive: true, is_flagged: false, is_marked: true };
        let link = Link {
            hubspot: Some(Record::H1),
            salesforce: None,
            is_dead: false,
            open: Some(Record::S1),
            is_swept: false,
        };
        Self {
            rows: [Some(row), None, None, None, None],
            events: [false; 5],
            late: [false; 5],
            links: [Some(link), None],
            key: Some(0),
            sweep: Sweep::None,
            is_aged: false,
            has_collected: false,
            has_resurrected: false,
            steps,
            faults,
        }
    }

    pub(super) const fn row(&self, record: Record) -> Option<Row> {
        self.rows[record as usize]
    }

    fn is_alive(&self, record: Record) -> bool {
        self.row(record).is_some_and(|row| row.is_alive)
    }

    pub(super) fn events(&self) -> impl Iterator<Item = Record> + '_ {
        Record::ALL.into_iter().filter(|record| self.events[*record as usize])
    }

    pub(super) fn late(&self) -> impl Iterator<Item = Record> + '_ {
        Record::ALL.into_iter().filter(|record| self.late[*record as usize])
    }

    pub(super) fn is_open(&self, link: usize) -> bool {
        self.links[link].is_some_and(|link| link.open.is_some())
    }

    pub(super) fn is_dead(&self, link: usize) -> bool {
        self.links[link].is_some_and(|link| link.is_dead)
    }

    pub(super) fn can_collect(&self, index: usize, rules: Rules) -> bool {
        let Some(link) = self.links[index].filter(|link| link.is_dead && self.is_aged) else { return false };
        let is_swept = match rules.collect {
            Collect::Unswept => true,
            Collect::SweptSinceSeen | Collect::SweptSinceNothingCanLand => link.is_swept,
        };
        let survives = link.salesforce.is_some_and(|record| self.is_alive(record));
        let keeps = survives && rules.survivor == Survivor::KeepsTheLink;
        is_swept && !keeps
    }

    pub(super) fn perform(&mut self, action: Action, rules: Rules) {
        match action {
            Action::Deletes => self.person(Record::H1, |row| row.is_alive = false),
            Action::Restores => self.person(Record::H1, |row| row.is_alive = true),
            Action::Purges => {
                self.steps -= 1;
                self.rows[Record::H1 as usize] = None;
            }
            Action::MakesAnew => {
                self.rows[Record::H2 as usize] =
                    Some(Row { is_alive: true, is_flagged: false, is_marked: false });
                self.person(Record::H2, |_| {});
            }
            Action::Hears(record) => {
                self.events[record as usize] = false;
                self.look(record, rules, Cause::Event);
            }
            Action::Sends(link) => {
                if let Some(record) = self.take(link) {
                    self.land(record);
                }
            }
            Action::SendsLate(link) => {
                self.faults -= 1;
                if let Some(record) = self.take(link) {
                    self.late[record as usize] = true;
                }
            }
            Action::LandsLate(record) => {
                self.late[record as usize] = false;
                self.land(record);
            }
            Action::IsLost(record) => self.late[record as usize] = false,
            Action::BeginsSweep => {
                let counts = [0, 1].map(|link| self.has_settled(link, rules));
                self.sweep = Sweep::Begun { counts };
            }
            Action::SweepsHubSpot => self.sweep_hubspot(rules),
            Action::SweepsSalesforce => self.sweep_salesforce(rules),
            Action::SixtyDaysPass => self.is_aged = true,
            Action::Collects(link) => {
                self.has_collected = true;
                self.links[link] = None;
                if self.key == Some(link) {
                    self.key = None;
                }
            }
        }
    }

    fn person(&mut self, record: Record, how: impl FnOnce(&mut Row)) {
        self.steps -= 1;
        self.events[record as usize] = true;
        if let Some(row) = &mut self.rows[record as usize] {
            how(row);
        }
    }

    /// What a sweep that begins now counts for.
    fn has_settled(&self, link: usize, rules: Rules) -> bool {
        let can_land = self.late().any(|record| record.link() == link) || self.is_open(link);
        let waits = rules.collect == Collect::SweptSinceNothingCanLand && can_land;
        self.is_dead(link) && !waits
    }

    fn sweep_hubspot(&mut self, rules: Rules) {
        let Sweep::Begun { counts } = self.sweep else { return };
        self.list(true, rules);
        self.sweep = Sweep::HalfDone { counts };
    }

    fn sweep_salesforce(&mut self, rules: Rules) {
        let Sweep::HalfDone { counts } = self.sweep else { return };
        self.list(false, rules);
        for (link, counts) in self.links.iter_mut().zip(counts) {
            if let Some(link) = link {
                link.is_swept |= counts && link.is_dead;
            }
        }
        self.sweep = Sweep::None;
    }

    fn list(&mut self, is_hubspot: bool, rules: Rules) {
        let on_this_side = Record::ALL.into_iter().filter(|record| record.is_in_hubspot() == is_hubspot);
        for record in on_this_side {
            if self.is_alive(record) {
                self.look(record, rules, Cause::Listing);
            }
        }
    }

    /// The open create of a link is taken off the queue, once.
    fn take(&mut self, link: usize) -> Option<Record> {
        self.links[link].as_mut()?.open.take()
    }

    /// Inserts carry `concord_id`: on one that lives they are refused as duplicates.
    fn land(&mut self, record: Record) {
        if self.is_alive(record) {
            return;
        }
        self.has_resurrected |= record == Record::H3 && !self.is_alive(Record::H1);
        self.rows[record as usize] = Some(Row { is_alive: true, is_flagged: false, is_marked: true });
        self.events[record as usize] = true;
    }

    fn named_by(&self, record: Record) -> Option<usize> {
        let names = |link: &Link| link.hubspot == Some(record) || link.salesforce == Some(record);
        (0..2).find(|index| self.links[*index].as_ref().is_some_and(names))
    }

    /// One look at one record, by id.
    fn look(&mut self, record: Record, rules: Rules, cause: Cause) {
        if let Some(link) = self.named_by(record) {
            return self.look_at_pair(link, rules);
        }
        let index = record.link();
        match (self.row(record), self.links[index]) {
            (Some(Row { is_alive: true, is_marked: true, .. }), Some(_)) => {
                self.name(index, record);
                self.look_at_pair(index, rules);
            }
            (Some(Row { is_alive: true, is_marked: true, .. }), None) => {
                self.begin(index, record);
                self.look_at_pair(index, rules);
            }
            (Some(Row { is_alive: true, is_marked: false, .. }), _) => self.match_stranger(record, rules),
            (Some(Row { is_alive: false, .. }) | None, None)
                if (rules.unknown, cause) == (UnknownId::IsCreated, Cause::Event) =>
            {
                self.begin(index, record);
                self.create_other_half(index);
                self.has_resurrected = true;
            }
            (Some(Row { is_alive: false, .. }) | None, _) => {}
        }
    }

    fn match_stranger(&mut self, record: Record, rules: Rules) {
        match (self.key, rules.key) {
            (None, _) => {
                self.begin(record.link(), record);
                self.key = Some(record.link());
                self.look_at_pair(record.link(), rules);
            }
            // The key is another's: parked if that one lives, and looked at again by the next sweep.
            (Some(_), KeyOfTheDead::IsReleased | KeyOfTheDead::KeysATombstone) => {}
        }
    }

    fn begin(&mut self, index: usize, record: Record) {
        self.links[index] =
            Some(Link { hubspot: None, salesforce: None, is_dead: false, open: None, is_swept: false });
        self.name(index, record);
    }

    fn name(&mut self, index: usize, record: Record) {
        if let Some(row) = &mut self.rows[record as usize] {
            row.is_marked = true;
        }
        let Some(link) = &mut self.links[index] else { return };
        let half = if record.is_in_hubspot() { &mut link.hubspot } else { &mut link.salesforce };
        half.get_or_insert(record);
    }

    fn look_at_pair(&mut self, index: usize, rules: Rules) {
        let carrying = |state: &Self, is_hubspot: bool| {
            let marked =
                |record: &Record| state.row(*record).is_some_and(|row| row.is_alive && row.is_marked);
            let ours = Record::ALL.into_iter().filter(|record| record.link() == index);
            ours.filter(|record| record.is_in_hubspot() == is_hubspot).find(marked)
        };
        for is_hubspot in [true, false] {
            if let Some(record) = carrying(self, is_hubspot) {
                self.name(index, record);
            }
        }
        let Some(link) = self.links[index] else { return };
        let lives = |half: Option<Record>| half.map(|record| self.is_alive(record));
        match (lives(link.hubspot), lives(link.salesforce)) {
            (Some(true), Some(_)) => self.revive(index, link),
            (Some(true), None) | (None, Some(true)) => {
                if let Some(link) = &mut self.links[index] {
                    link.is_dead = false;
                }
                self.create_other_half(index);
            }
            (Some(false), _) | (None, Some(false) | None) => self.die(index, link, rules),
        }
    }

    /// Both live, or the survivor is taken back out of the bin by us who archived it.
    fn revive(&mut self, index: usize, link: Link) {
        if let Some(row) = link.salesforce.and_then(|record| self.rows[record as usize].as_mut()) {
            row.is_alive = true;
            row.is_flagged = false;
        }
        self.links[index] = Some(Link { is_dead: false, is_swept: false, open: None, ..link });
        if self.key.is_none() {
            self.key = Some(index);
        }
    }

    fn die(&mut self, index: usize, link: Link, rules: Rules) {
        if let Some(row) = link.salesforce.and_then(|record| self.rows[record as usize].as_mut()) {
            match rules.policy {
                Policy::Flag => row.is_flagged = true,
                Policy::Archive => row.is_alive = false,
            }
        }
        if !link.is_dead {
            // A new death: neither the days nor a sweep that began before it count.
            self.is_aged = false;
            match &mut self.sweep {
                Sweep::Begun { counts } | Sweep::HalfDone { counts } => counts[index] = false,
                Sweep::None => {}
            }
        }
        let is_swept = link.is_dead && link.is_swept;
        self.links[index] = Some(Link { is_dead: true, open: None, is_swept, ..link });
        match rules.key {
            KeyOfTheDead::IsReleased if self.key == Some(index) => self.key = None,
            KeyOfTheDead::IsReleased | KeyOfTheDead::KeysATombstone => {}
        }
    }

    fn create_other_half(&mut self, index: usize) {
        let Some(link) = &mut self.links[index] else { return };
        let made = match (link.hubspot, link.salesforce, index) {
            (None, Some(_), _) => Record::H3,
            (_, _, 0) => Record::S1,
            (_, _, _) => Record::S2,
        };
        link.open = Some(made);
    }

    /// Where the engine ends if everybody leaves it alone. Events that have not come never come: sweeps, and the
    /// listing of deleted records, find what they were about. `None`: it does not end.
    pub(super) fn at_rest(&self, rules: Rules) -> Option<Self> {
        let mut rest = self.clone();
        rest.events = [false; 5];
        for record in Record::ALL {
            if std::mem::take(&mut rest.late[record as usize]) {
                rest.land(record);
            }
        }
        for _ in 0..REST_STEPS_MAX {
            let before = rest.clone();
            Record::ALL.into_iter().for_each(|record| rest.look(record, rules, Cause::Listing));
            for link in [0, 1] {
                if let Some(record) = rest.take(link) {
                    rest.land(record);
                    rest.look(record, rules, Cause::Listing);
                }
            }
            rest.events = [false; 5];
            if rest == before {
                return Some(rest);
            }
        }
        None
    }

    pub(super) fn everybody_is_served(&self, rules: Rules) -> bool {
        Record::ALL.into_iter().filter(|record| self.is_alive(*record)).all(|record| {
            let Some(link) = self.named_by(record).and_then(|link| self.links[link]) else {
                // Two living records with one key: the second is parked.
                return self.key.is_some_and(|owner| !self.is_dead(owner));
            };
            let other = if record.is_in_hubspot() { link.salesforce } else { link.hubspot };
            let has_other = other.is_some_and(|other| self.is_alive(other));
            let is_flagged = self.row(record).is_some_and(|row| row.is_flagged);
            match (record.is_in_hubspot(), has_other, rules.policy) {
                (true, has_other, _) => has_other,
                (false, true, _) => !is_flagged,
                (false, false, Policy::Flag) => is_flagged,
                (false, false, Policy::Archive) => false,
            }
        })
    }

    pub(super) fn names_all_of_ours(&self) -> bool {
        let ours = [Record::H3, Record::S1, Record::S2].into_iter();
        ours.filter(|record| self.is_alive(*record)).all(|record| self.named_by(record).is_some())
    }
}

/// Why a record is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Event,
    Listing,
}
