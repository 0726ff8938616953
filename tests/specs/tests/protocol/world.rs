//! One pair of records under the protocol of DESIGN 4, with every disorder that a network and two workers can
//! bring: reads that are old by the time they are used, answers that are lost, attempts that land late or twice.
//!
//! It drives the real `decide`. The CRMs here are a few lines each, on purpose: a HubSpot that is nothing but
//! its history and a Salesforce that is nothing but its guarded row.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a world that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use concord_core::brake::Limits;
use concord_core::contract::{Create, Delete, Direction, Erase, Field, Guard, Kind, Object, Policy};
use concord_core::decide::{Decision, Sight, Situation, decide, overhear};
use concord_core::link::{Action, Intent, Link, Progress};
use concord_core::names::{ContractVersion, FieldName, LinkId, PerSide, RecordId, Side, Token, WireName};
use concord_core::row::{Author, History, Row, Standing, Version, Versions};
use concord_core::value::{ImageKey, Presence, Raw, Value};
use jiff::{SignedDuration, Timestamp};

pub(crate) type Text = String;

/// What happened to one field, by whom, and what its author saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) field: &'static str,
    pub(crate) value: Text,
    pub(crate) saw: Text,
}

/// What one request wrote to HubSpot, when, by whom, under which token.
type Request = (Timestamp, Author, Values, Option<Token>);
type Values = BTreeMap<&'static str, Text>;

/// One worker between its reads and its commit.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    link: Link,
    hubspot: Option<Row>,
    salesforce: Option<Row>,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) object: Object,
    key: ImageKey,
    pub(crate) link: Link,
    hubspot: Vec<Request>,
    pub(crate) salesforce: BTreeMap<&'static str, Text>,
    modified: (Timestamp, Author),
    token: Option<Token>,
    /// Every intent that was ever issued, as it was then: any of them may land at any time.
    pub(crate) issued: Vec<Intent>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) losers: BTreeSet<Text>,
    pub(crate) writes: usize,
    /// See [`Writing`].
    writing: Writing,
    /// What Salesforce makes of a value that an API writes.
    pub(crate) rewriting: fn(&str) -> String,
    pub(crate) looks: Vec<Look>,
    next_value: u32,
    /// How many versions of a field HubSpot keeps.
    pub(crate) depth: usize,
    /// Fields that could not be settled; only where HubSpot keeps too little.
    pub(crate) parked: BTreeSet<FieldName>,
}

/// A value without what a rewriting Salesforce adds to it.
pub(crate) fn plain(value: &str) -> Text {
    value.trim_end_matches('!').to_owned()
}

pub(crate) const FIELDS: [&str; 2] = ["f", "g"];

/// A value: a reference's looks like a link's id.
fn value(kind: &Kind, number: u32) -> Text {
    if *kind == Kind::Text { number.to_string() } else { format!("{number:032x}") }
}

/// How HubSpot gets the fields of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// With the token, in one request.
    Together,
    /// As associations, before the token.
    Before,
    /// As associations, after it: as with a new record.
    After,
}

fn object(policy: Policy, kind: &Kind) -> Object {
    let field = |name: &str| Field {
        name: name.into(),
        wire: PerSide { hubspot: vec![name.into()], salesforce: vec![name.into()] },
        lead: None,
        kind: kind.clone(),
        direction: Direction::Both,
        conflict: policy,
    };
    Object {
        name: "thing".into(),
        wire: PerSide { hubspot: "things".into(), salesforce: "Thing".into() },
        keys: Vec::new(),
        lookalikes: Vec::new(),
        scope: None,
        lead: None,
        create: PerSide { hubspot: Create::Missing, salesforce: Create::Missing },
        delete: Delete::Unlink,
        erase: Erase::Forget,
        guard: Guard::Strict,
        brake: Limits::default(),
        fields: FIELDS.iter().map(|name| (FieldName::from(*name), field(name))).collect(),
    }
}

impl World {
    /// Both rows hold the first value in both fields, linked and agreed on.
    pub(crate) fn agreed(policy: Policy) -> Self {
        Self::of(policy, &Kind::Text)
    }

    /// The same, with references that HubSpot keeps as associations.
    pub(crate) fn associated(policy: Policy, writing: Writing) -> Self {
        Self { writing, ..Self::of(policy, &Kind::Reference { to: "thing".into() }) }
    }

    fn of(policy: Policy, kind: &Kind) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let object = object(policy, kind);
        let mut link = Link::new(LinkId::from("L"), object.name.clone(), ContractVersion(1));
        link.records = PerSide { hubspot: Some(RecordId::from("h")), salesforce: Some(RecordId::from("s")) };
        let zero: BTreeMap<&'static str, Text> =
            FIELDS.into_iter().map(|field| (field, value(kind, 0))).collect();
        let mut world = Self {
            now,
            object,
            key: ImageKey::new([7; 16]),
            link,
            hubspot: vec![(now, Author::Unknown, zero.clone(), None)],
            salesforce: zero,
            modified: (now, Author::Unknown),
            token: None,
            issued: Vec::new(),
            edits: Vec::new(),
            losers: BTreeSet::new(),
            writes: 0,
            writing: Writing::Together,
            rewriting: |value| value.to_owned(),
            looks: Vec::new(),
            next_value: 1,
            depth: usize::MAX,
            parked: BTreeSet::new(),
        };
        world.decide();
        world
    }

    fn tick(&mut self) -> Timestamp {
        self.now += SignedDuration::from_secs(2);
        self.now
    }

    fn fresh(&mut self) -> Text {
        let number = self.next_value;
        self.next_value += 1;
        value(&self.object.fields[&FieldName::from(FIELDS[0])].kind, number)
    }

    pub(crate) fn shown(&self, side: Side, field: &'static str) -> Text {
        match side {
            Side::HubSpot => self
                .hubspot
                .iter()
                .rev()
                .find_map(|(_, _, values, _)| values.get(field).cloned())
                .unwrap_or_default(),
            Side::Salesforce => self.salesforce[field].clone(),
        }
    }

    /// A person types a value that nobody ever typed before.
    pub(crate) fn edit(&mut self, side: Side, field: &'static str) -> Text {
        let value = self.fresh();
        self.edit_to(side, field, &value);
        value
    }

    pub(crate) fn edit_to(&mut self, side: Side, field: &'static str, value: &str) {
        let at = self.tick();
        let saw = plain(&self.shown(side, field));
        self.edits.push(Edit { field, value: value.to_owned(), saw });
        match side {
            Side::HubSpot => {
                self.hubspot.push((at, Author::Unknown, [(field, value.to_owned())].into(), None))
            }
            Side::Salesforce => {
                self.salesforce.insert(field, value.to_owned());
                self.modified = (at, Author::Unknown);
            }
        }
    }

    fn row(&self, side: Side) -> Row {
        let fields = FIELDS
            .into_iter()
            .map(|field| (WireName::from(field), Presence::Value(Raw::Text(self.shown(side, field)))))
            .collect();
        let (token, versions) = match side {
            Side::HubSpot => {
                let history = self.history();
                (history.tokens.last().map(|(_, token)| *token), Versions::History(history))
            }
            Side::Salesforce => {
                let (modified, modified_by) = self.modified.clone();
                let asked = self.now + SignedDuration::from_secs(1);
                (self.token, Versions::Stamp { modified, modified_by, asked })
            }
        };
        let id = RecordId::from(if side == Side::HubSpot { "h" } else { "s" });
        Row {
            id,
            standing: Standing::Alive,
            fields,
            token,
            concord_id: Some(LinkId::from("L")),
            revision: self.now,
            versions,
        }
    }

    /// A property gets a new version only where its value changes, as in HubSpot.
    fn history(&self) -> History {
        let mut history = History::default();
        for (at, author, values, token) in &self.hubspot {
            for (field, value) in values {
                let versions: &mut Vec<Version> = history.fields.entry(WireName::from(*field)).or_default();
                let value = Presence::Value(Raw::Text(value.clone()));
                if versions.last().is_none_or(|last| last.value != value) {
                    versions.push(Version { at: *at, author: author.clone(), value });
                }
            }
            if let Some(token) = token
                && history.tokens.last().is_none_or(|(_, last)| last != token)
            {
                history.tokens.push((*at, *token));
            }
        }
        for versions in history.fields.values_mut() {
            versions.drain(..versions.len().saturating_sub(self.depth));
        }
        history
    }

    /// An operator's script writes to HubSpot with our login.
    pub(crate) fn scripts(&mut self, field: &'static str, value: &str) {
        self.edit_to(Side::HubSpot, field, value);
        if let Some((_, author, ..)) = self.hubspot.last_mut() {
            *author = Author::Us;
        }
    }

    /// Our user takes Salesforce's row out of the bin, which leaves no token (P9).
    pub(crate) fn undelete(&mut self) {
        let (number, decided) = (self.link.issued.next(), self.tick());
        self.link.issued = number;
        let (side, action, parts) = (Side::Salesforce, Action::Undelete, Vec::new());
        self.link.intents.push(Intent { number, side, action, parts, decided, progress: Progress::Closed });
        self.modified = (decided, Author::Us);
    }

    /// A worker reads the link.
    pub(crate) fn begin(&mut self) {
        self.looks.push(Look { link: self.link.clone(), hubspot: None, salesforce: None });
    }

    /// It reads one row.
    pub(crate) fn read(&mut self, worker: usize, side: Side) {
        let row = self.row(side);
        if let Some(look) = self.looks.get_mut(worker) {
            match side {
                Side::HubSpot => look.hubspot = Some(row),
                Side::Salesforce => look.salesforce = Some(row),
            }
        }
    }

    /// It decides, and commits if the link has not moved on. Returns the numbers of new intents.
    pub(crate) fn commit(&mut self, worker: usize) -> Vec<Token> {
        if worker >= self.looks.len() {
            return Vec::new();
        }
        let look = self.looks.remove(worker);
        let (Some(hubspot), Some(salesforce)) = (&look.hubspot, &look.salesforce) else { return Vec::new() };
        let now = self.tick();
        let rows = PerSide { hubspot: Sight::Row(hubspot), salesforce: Sight::Row(salesforce) };
        let contract = ContractVersion(1);
        let decision = decide(&Situation {
            key: &self.key,
            contract,
            object: &self.object,
            link: &look.link,
            rows,
            now,
        });
        if self.link.generation != look.link.generation {
            return Vec::new();
        }
        self.take(&look.link, decision)
    }

    fn take(&mut self, before: &Link, decision: Decision) -> Vec<Token> {
        assert!(decision.faults.is_empty() || self.depth < usize::MAX, "{:?}", decision.faults);
        self.parked.extend(decision.faults.iter().map(|(field, _)| field.clone()));
        if !decision.changes(before) {
            return Vec::new();
        }
        for line in decision.journal {
            if let Some(Presence::Value(Value::Text(loser))) = line.loser {
                self.losers.insert(plain(&loser));
            }
        }
        self.link = decision.link;
        let numbers: Vec<Token> = decision.issued.iter().map(|(_, number)| *number).collect();
        self.issued.extend(numbers.iter().filter_map(|number| self.link.intent(*number).cloned()));
        numbers
    }

    pub(crate) fn decide(&mut self) -> Vec<Token> {
        self.begin();
        let worker = self.looks.len() - 1;
        self.read(worker, Side::HubSpot);
        self.read(worker, Side::Salesforce);
        self.commit(worker)
    }

    /// An open intent that has not landed for too long is decided anew.
    pub(crate) fn decide_anew(&mut self) -> Vec<Token> {
        self.now += SignedDuration::from_secs(61);
        self.decide()
    }

    /// A worker that was hinted by one side looks at that row alone, and leaves it at that if it tells nothing new.
    pub(crate) fn overhear(&mut self, side: Side) {
        let row = self.row(side);
        let now = self.tick();
        if let Some(mut after) = overhear(&self.key, &self.object, &self.link, side, &row, now) {
            after.generation = after.generation.next();
            self.link = after;
        }
    }

    /// The associations of an attempt reach HubSpot, and the row is not written.
    pub(crate) fn land_associations(&mut self, number: Token) {
        self.land_in(number, |values| vec![(values, None)]);
    }

    /// An attempt at an intent reaches its CRM: now, later, or once more.
    pub(crate) fn land(&mut self, number: Token) -> bool {
        let token = || (BTreeMap::new(), Some(number));
        match self.writing {
            Writing::Together => self.land_in(number, |values| vec![(values, Some(number))]),
            Writing::Before => self.land_in(number, |values| vec![(values, None), token()]),
            Writing::After => self.land_in(number, |values| vec![token(), (values, None)]),
        }
    }

    /// The same where HubSpot gets these requests, one after the other.
    fn land_in(
        &mut self,
        number: Token,
        requests: impl FnOnce(Values) -> Vec<(Values, Option<Token>)>,
    ) -> bool {
        let Some(intent) = self.issued.iter().find(|intent| intent.number == number).cloned() else {
            return false;
        };
        let at = self.tick();
        let mut values = BTreeMap::new();
        for part in &intent.parts {
            for (wire, value) in &part.values {
                let field = FIELDS.into_iter().find(|field| *field == wire.as_str()).unwrap();
                let Presence::Value(Raw::Text(text)) = value else { panic!("only texts here: {value:?}") };
                values.insert(field, text.clone());
            }
        }
        match (intent.side, &intent.action) {
            (Side::HubSpot, _) => {
                for (values, token) in requests(values) {
                    let at = self.tick();
                    self.hubspot.push((at, Author::Us, values, token));
                }
            }
            (Side::Salesforce, Action::Update { unmodified_since: Some(since) })
                if *since == self.modified.0 =>
            {
                let rewriting = self.rewriting;
                self.salesforce.extend(values.into_iter().map(|(field, value)| (field, rewriting(&value))));
                self.modified = (at, Author::Us);
                self.token = Some(number);
            }
            (Side::Salesforce, _) => return false,
        }
        self.writes += 1;
        true
    }

    /// What the write step does: attempts what is open, once.
    pub(crate) fn attempt_open(&mut self) {
        let open: Vec<Token> = self
            .link
            .intents
            .iter()
            .filter(|intent| intent.progress == Progress::Open)
            .map(|intent| intent.number)
            .collect();
        for number in open {
            self.land(number);
        }
    }

    /// People stop, messages flow: within a bound, nothing is left to do (I2, I33).
    pub(crate) fn settle(&mut self) {
        self.looks.clear();
        for _ in 0..30 {
            let before = (self.link.clone(), self.writes);
            self.decide_anew();
            self.attempt_open();
            if (&self.link, self.writes) == (&before.0, before.1) {
                return;
            }
        }
        panic!("not quiet after 30 rounds: {:#?}", self.link);
    }

    pub(crate) fn held(&self, field: &str) -> bool {
        self.link.fields.get(&FieldName::from(field)).is_some_and(|memory| memory.held.is_some())
    }

    /// Whether somebody who had seen `value` replaced it, directly or by way of others.
    fn is_superseded(&self, field: &str, value: &str) -> bool {
        self.edits.iter().any(|edit| edit.field == field && edit.saw == value)
    }

    /// Promise 1: every edit stands on both sides, or was replaced by someone who saw it, or is on record.
    /// Promise 2: both sides agree, but for held conflicts. Promise 3: nothing that was replaced comes back.
    pub(crate) fn assert_kept(&self) {
        for field in FIELDS {
            let h = plain(&self.shown(Side::HubSpot, field));
            let s = plain(&self.shown(Side::Salesforce, field));
            if !self.held(field) {
                assert!(h == s, "I2 convergence: {field} is {h} and {s}: {self:#?}");
                assert!(!self.is_superseded(field, &h), "I3 stale value {h} is back: {self:#?}");
            }
            for edit in self.edits.iter().filter(|edit| edit.field == field) {
                let stands = edit.value == h || edit.value == s;
                let kept =
                    stands || self.losers.contains(&edit.value) || self.is_superseded(field, &edit.value);
                assert!(kept, "I1 silent loss of {} in {field}, now {h} and {s}: {self:#?}", edit.value);
            }
        }
    }
}
