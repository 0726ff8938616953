//! What is seen of a world while it runs: its log, its counts, and every invariant that can be judged on the spot.

mod ended;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::Hasher as _;

use concord_core::link::{Link, Progress, Status};
use concord_core::names::{
    Fence, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, RecordKey, Side, Token,
};
use concord_core::port::{Commit, EventKey, Expected, JournalEntry, ParkKey, Parked};
use concord_core::value::{Presence, Value};
use jiff::{SignedDuration, Timestamp};
use siphasher::sip::SipHasher13;

use crate::fault::Fault;
use crate::mark::{TAKEN, mark_of};
use crate::profile::BRAKE;
use crate::site::InDeal;
use crate::users::SECRET_MARK;

pub use crate::mark::Mark;

/// For so long a released brake may let everything through: an hour, and what clocks differ by.
const RELEASED: SignedDuration = SignedDuration::from_secs(3_600 + 10);
/// Over so long the brake must have counted: an hour, but for what clocks differ by.
const COUNTED: SignedDuration = SignedDuration::from_secs(3_600 - 10);

/// What was done to the records of one object type.
#[derive(Debug, Default)]
struct Braked {
    free_until: Option<Timestamp>,
    deletes: Vec<Timestamp>,
    changes: Vec<Timestamp>,
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its number (DESIGN 9).
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// What a write of ours did to a role that a contact has in a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Where.
    pub side: Side,
    /// The deal, the contact and the role.
    pub role: InDeal,
    /// Whether it came, or went.
    pub came: bool,
    /// When whoever wrote had looked at associations there last, in calls.
    pub seen: u64,
    /// When it was written.
    pub at: u64,
}

/// The observer of one world.
#[derive(Debug)]
pub struct Watch {
    hash: SipHasher13,
    trace: Option<Vec<String>>,
    /// How often each fault struck.
    pub faults: Vec<u32>,
    /// Which marks were reached.
    pub marks: BTreeSet<Mark>,
    /// Links that were forgotten: one that begins anew with a record that is left has their names.
    pub forgotten: BTreeSet<LinkId>,
    /// What does not hold, in the order in which it was seen.
    pub broken: Vec<Broken>,
    /// Calls that Concord made.
    pub calls: u64,
    /// Records that Concord wrote, refused ones included.
    pub written: u64,
    /// Which records ever belonged to which link.
    pub members: BTreeSet<(RecordKey, LinkId)>,
    /// Redirections ever recorded.
    pub aliases: BTreeMap<RecordKey, RecordId>,
    /// Those that lead elsewhere by now, and where they led.
    pub redirected: Vec<(RecordKey, RecordId)>,
    /// The two values between which a person has decided, by link and field.
    decided: BTreeMap<(LinkId, FieldName), PerSide<Presence<Value>>>,
    /// What the brake of each object type has to be judged by.
    braked: Option<BTreeMap<ObjectName, Braked>>,
    /// Roles that came or went by a write of ours.
    pub roles: Vec<Landed>,
    /// When each worker looked at a side's associations last, in calls.
    looks: BTreeMap<(usize, Side), u64>,
    /// Records that people put into a bin, or took out of it (true), and when, in calls.
    lives: BTreeMap<RecordKey, Vec<(u64, bool)>>,
    /// Pairs with a known delete: of which record, and when that was committed last, in calls.
    ended: BTreeMap<LinkId, (RecordKey, u64)>,
    /// Inserts that were ever decided, before the store was restored too.
    inserts: BTreeSet<(LinkId, Token)>,
    generations: BTreeMap<LinkId, Generation>,
    fences: BTreeMap<EventKey, Fence>,
    /// Workers that claimed events and have not hinted them yet.
    unhinted: BTreeSet<usize>,
}

impl Watch {
    /// A new observer; with a trace if somebody wants to read it.
    #[must_use]
    pub fn new(traced: bool) -> Self {
        Self {
            hash: SipHasher13::new(),
            trace: traced.then(Vec::new),
            faults: vec![0; Fault::ALL.len()],
            marks: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            broken: Vec::new(),
            calls: 0,
            written: 0,
            members: BTreeSet::new(),
            aliases: BTreeMap::new(),
            redirected: Vec::new(),
            braked: None,
            decided: BTreeMap::new(),
            roles: Vec::new(),
            looks: BTreeMap::new(),
            lives: BTreeMap::new(),
            ended: BTreeMap::new(),
            inserts: BTreeSet::new(),
            generations: BTreeMap::new(),
            fences: BTreeMap::new(),
            unhinted: BTreeSet::new(),
        }
    }

    /// When a worker looked at a side's associations last.
    #[must_use]
    pub fn looked(&self, worker: usize, side: Side) -> u64 {
        self.looks.get(&(worker, side)).copied().unwrap_or_default()
    }

    /// A worker looks at a side's associations.
    pub fn looks(&mut self, worker: usize, side: Side) {
        self.looks.insert((worker, side), self.calls);
    }

    /// One line of the log.
    pub fn log(&mut self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        self.hash.write(line.as_bytes());
        if let Some(trace) = &mut self.trace {
            trace.push(line);
        }
    }

    /// Bytes that went over a wire: part of the log's hash.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.hash.write(bytes);
    }

    /// Hash of all that happened (I44).
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// The trace, if one was kept.
    #[must_use]
    pub fn trace(&self) -> &[String] {
        self.trace.as_deref().unwrap_or_default()
    }

    /// A fault struck.
    pub fn strike(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    /// Whether any of these faults struck.
    #[must_use]
    pub fn struck<'a>(&self, faults: impl IntoIterator<Item = &'a Fault>) -> bool {
        faults.into_iter().any(|fault| self.faults[*fault as usize] > 0)
    }

    /// A state was reached.
    pub fn mark(&mut self, mark: Mark) {
        self.marks.insert(mark);
    }

    /// An invariant does not hold.
    pub fn broken(&mut self, invariant: &'static str, what: String) {
        self.log(format_args!("BROKEN {invariant}: {what}"));
        self.broken.push(Broken { invariant, what });
    }

    /// A commit happened.
    pub fn committed(&mut self, commit: &Commit, now: Timestamp) {
        let link = &commit.link;
        self.keeps_within_the_brake(commit, now);
        self.leaves_apart_what_is(commit);
        let before = self.generations.insert(link.id.clone(), link.generation);
        // Of what stood in a restored store, nothing was seen.
        let unseen = before.is_none() && self.struck(&[Fault::StoreRestored]);
        let before = before.unwrap_or_default();
        if link.generation != before.next() && !unseen {
            self.broken(
                "I29",
                format!("link {} goes from generation {before} to {}", link.id, link.generation),
            );
        }
        let wrote = link.intents.iter().any(|intent| intent.progress == Progress::Sent);
        match (commit.expected, commit.records.len()) {
            (Expected::New, 2) => self.mark(Mark::Matched),
            (Expected::At(_), 1) if commit.aliases.is_empty() && !wrote => self.mark(Mark::Joined),
            (Expected::New | Expected::At(_), _) => {}
        }
        self.members.extend(commit.records.iter().map(|record| (record.clone(), link.id.clone())));
        for (loser, winner) in &commit.aliases {
            self.mark(if loser.id.is_lead() && !winner.is_lead() {
                Mark::LeadConverted
            } else {
                Mark::Aliased
            });
            let known = self.aliases.insert(loser.clone(), winner.clone());
            self.redirected.extend(known.filter(|known| known != winner).map(|known| (loser.clone(), known)));
        }
        if !commit.resolved.is_empty() {
            self.mark(Mark::HeldResolved);
        }
        commit.parked.iter().for_each(|parked| self.parked(parked));
        if !commit.healed.is_empty() {
            self.mark(Mark::FieldHealed);
        }
        for line in &commit.journal {
            self.decided_by_a_person(line);
            if let Some(mark) = mark_of(&line.rule) {
                self.mark(mark);
            }
        }
        self.keeps_no_values(link);
        self.misses_nobody_who_is_known_to_be_gone(link);
        self.revives_nobody_unseen(link);
        self.makes_nobody_again(link);
    }

    /// This world's contract has a brake.
    pub fn has_brake(&mut self) {
        self.braked = Some(BTreeMap::new());
    }

    /// An operator begins to release a brake.
    pub fn released(&mut self, object: &ObjectName, now: Timestamp) {
        if let Some(braked) = &mut self.braked {
            let free_until = now.checked_add(RELEASED).unwrap_or(Timestamp::MAX);
            braked.insert(object.clone(), Braked { free_until: Some(free_until), ..Braked::default() });
        }
    }

    /// I21: within an hour no more deletes are passed on, and no more records changed, than the contract lets through.
    fn keeps_within_the_brake(&mut self, commit: &Commit, now: Timestamp) {
        let restored = self.struck(&[Fault::StoreRestored]);
        let Some(braked) = self.braked.as_mut().filter(|_| !restored) else { return };
        let of = braked.entry(commit.link.object.clone()).or_default();
        if of.free_until.is_some_and(|until| now < until) {
            return;
        }
        let replaces = |line: &JournalEntry| {
            let replaced =
                ["P7", "P4", "P12 taken out", "P12 another"].iter().any(|rule| line.rule.starts_with(rule));
            let target = line.target.filter(|_| replaced);
            // Whoever says so takes the value away themselves; a union takes nothing away.
            ![TAKEN, "P7 union"].contains(&&*line.rule)
                && target.is_some_and(|side| matches!(line.before[side], Presence::Value(_)))
        };
        if commit
            .journal
            .iter()
            .any(|line| matches!(line.rule.as_str(), "P9 flag" | "P9 archive" | "P9 purge"))
        {
            of.deletes.push(now);
        }
        if commit.journal.iter().any(replaces) {
            of.changes.push(now);
        }
        let within =
            |times: &[Timestamp]| times.iter().filter(|at| now.duration_since(**at) < COUNTED).count() as u64;
        let (deletes, changes) = (within(&of.deletes), within(&of.changes));
        if deletes > BRAKE.deletes || changes > BRAKE.changes {
            let what =
                format!("{deletes} deletes and {changes} changes of {} within an hour", commit.link.object);
            self.broken("I21", what);
        }
    }

    /// I16: between two records that a person has taken apart nothing flows.
    fn leaves_apart_what_is(&mut self, commit: &Commit) {
        let flows = |line: &JournalEntry| line.target.is_some() && line.rule.starts_with("P7");
        if matches!(commit.link.status, Status::Apart { .. }) && commit.journal.iter().any(flows) {
            self.broken("I16", format!("link {} was taken apart, and a value is carried", commit.link.id));
        }
    }

    /// A person's decision is carried out for the two values that they saw, and no others (I1).
    fn decided_by_a_person(&mut self, line: &JournalEntry) {
        let Some(field) = &line.field else { return };
        let of = (line.link.clone(), field.clone());
        if line.rule.starts_with("P7 a person took") {
            self.decided.insert(of, line.before.clone());
        } else if line.rule == TAKEN && self.decided.get(&of) != Some(&line.before) {
            let what = format!("{field} of link {}: nobody decided between {:?}", line.link, line.before);
            self.broken("I1", what);
        }
    }

    /// What is settled keeps no personal value (DESIGN 5).
    fn keeps_no_values(&mut self, link: &Link) {
        let settled = link.intents.iter().filter(|intent| match intent.progress {
            Progress::Closed | Progress::Refused | Progress::PutOff => true,
            Progress::Open | Progress::Sent => false,
        });
        if settled.flat_map(|intent| &intent.parts).any(|part| !part.values.is_empty()) {
            self.broken("I42", format!("link {} keeps the values of a settled intent", link.id));
        }
    }

    /// The store is what it was some time ago: what was committed since counts for nothing.
    pub fn store_restored(&mut self) {
        self.log(format_args!("RESTORED"));
        self.generations.clear();
        self.ended.clear();
        self.fences.clear();
        self.aliases.clear();
        self.redirected.clear();
    }

    /// Something is set aside.
    pub fn parked(&mut self, parked: &Parked) {
        self.mark(match parked.key {
            ParkKey::Record(_) => Mark::RecordParked,
            ParkKey::Field(..) => Mark::FieldParked,
            ParkKey::Message(_) => Mark::MessageParked,
            ParkKey::Object(_) => Mark::BrakeEngaged,
            ParkKey::Type(..) => Mark::CanarySilent,
        });
        if parked.reason.contains("it looks like") {
            self.mark(Mark::Lookalike);
        }
        if parked.reason.contains("keeps changing this field back") {
            self.mark(Mark::BackAndForth);
        }
        self.log(format_args!("park {:?}: {}", parked.key, parked.reason));
        if parked.reason.contains(SECRET_MARK) {
            self.broken("I42", format!("a value stands in a reason: {}", parked.reason));
        }
        if parked.reason.contains("bug in Concord") {
            self.broken("I31", parked.reason.clone());
        }
    }

    /// A worker sent hints.
    pub fn hinted(&mut self, worker: usize) {
        self.unhinted.remove(&worker);
    }

    /// A worker calls events done that it claimed: nobody hints them any more (I37).
    pub fn completed(&mut self, worker: usize) {
        if self.unhinted.remove(&worker) {
            self.broken("I37", format!("worker {worker} calls events done that it has not hinted"));
        }
    }

    /// Claims were deleted: nobody who holds one can be alive.
    pub fn expired(&mut self, claims: &[EventKey]) {
        self.fences.retain(|event, _| !claims.contains(event));
    }

    /// An event was claimed.
    pub fn claimed(&mut self, worker: usize, event: &EventKey, fence: Fence) {
        self.unhinted.insert(worker);
        let before = self.fences.insert(event.clone(), fence).unwrap_or_default();
        if fence <= before {
            self.broken("I24", format!("an event's fence goes from {before} to {fence}"));
        }
        if before > Fence(0) {
            self.mark(Mark::ClaimTakenOver);
        }
    }
}
