//! What is seen of a world while it runs: its log, its counts, and every invariant that can be judged on the spot.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::Hasher as _;

use concord_core::link::{Link, Progress, Status};
use concord_core::names::{Fence, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, RecordKey};
use concord_core::port::{Commit, EventKey, Expected, JournalEntry, ParkKey, Parked};
use concord_core::value::{Presence, Value};
use jiff::{SignedDuration, Timestamp};
use siphasher::sip::SipHasher13;

use crate::fault::{Fault, kinds};
use crate::profile::BRAKE;
use crate::users::SECRET_MARK;

kinds! {
    /// A state that some world must reach: what no run ever met was never tested.
    Mark {
        /// One side changed and the other followed.
        OneSided => "one side changed",
        /// A blank was filled when two records first met.
        Filled => "first agreement filled a blank",
        /// An authority won.
        Authority => "authority won",
        /// The newer edit won.
        Newest => "newest won",
        /// A blank did not win.
        BlankNeverWins => "a blank did not win",
        /// Salesforce's image was never proven and gave way.
        Unproven => "an unproven image gave way",
        /// Two sets were merged.
        Union => "two sets were merged",
        /// A conflict was held.
        Held => "a conflict was held",
        /// A person decided it.
        Taken => "a person's decision was carried out",
        /// One of the two values had changed since they saw it.
        TakenTooLate => "a person decided too late",
        /// It ended.
        HeldResolved => "a held conflict was resolved later",
        /// A landing that hid an edit was undone.
        ZombieRepaired => "a zombie was repaired",
        /// A person took a pair apart.
        Unlinked => "a person unlinked a pair",
        /// And said that two records are one thing.
        Linked => "a person linked two records",
        /// Or that they are not.
        KeptApart => "a person kept two records apart",
        /// Mass harm waited for an operator.
        BrakeEngaged => "a brake was engaged",
        /// Somebody edited on top of one.
        EditedOnSkipped => "somebody edited on top of a skipped landing",
        /// A record was made.
        Created => "a record was created",
        /// A record joined a link after it was made: a create whose answer was lost, or a match by a key.
        Joined => "a record joined a link later",
        /// Two records with one key became a pair at first sight.
        Matched => "two records were matched by a key",
        /// A write met a row that had changed.
        PreconditionFailed => "a precondition failed",
        /// A delete was told to the other side.
        Flagged => "a delete was flagged",
        /// And taken back.
        FlagTakenBack => "a flag was taken back",
        /// A delete put the other record into the bin.
        Archived => "a delete was archived",
        /// And it was taken out again.
        ArchiveTakenBack => "an archive was taken back",
        /// An edit was typed before our archive came.
        ArchiveMetEdit => "an archive met an edit",
        /// A delete met an edit.
        DeleteMetEdit => "a delete met an edit",
        /// A side said that it had erased a record.
        ErasedBySide => "an erasure was heard of",
        /// A person said so.
        ErasedByPerson => "a person erased a pair",
        /// A record went for good.
        Purged => "a record was purged",
        /// Both records were deleted.
        DeletedOnBoth => "deleted on both sides",
        /// A merged record was redirected.
        Aliased => "a merged record became an alias",
        /// A lead was.
        LeadConverted => "a pair went over from a lead to the contact that it became",
        /// A contact was put into a deal on one side, and is put in on the other.
        Associated => "an association was carried over",
        /// And taken out.
        TakenOut => "the end of an association was carried over",
        /// A field was set aside.
        FieldParked => "a field was parked",
        /// One that both sides kept changing back.
        BackAndForth => "a field that was changed back and forth was left alone",
        /// A contact was out of scope and came back.
        LeftAndCameBack => "a record left the scope and came back",
        /// And taken back.
        FieldHealed => "a parked field healed",
        /// A record was set aside.
        RecordParked => "a record was parked",
        /// One that looks like another was.
        Lookalike => "a record waited for a person since it looks like another",
        /// A message that nobody can read was set aside.
        MessageParked => "a poison message was parked",
        /// An event came again and did nothing.
        EventRepeated => "a repeated event was recognised",
        /// An event came while another worker had it.
        EventInProgress => "an event in progress was sent back",
        /// The claim of a dead worker was taken over.
        ClaimTakenOver => "a stale claim was taken over",
        /// Two workers decided at once.
        CommitMoved => "two workers met at one link",
        /// Two workers made two links of one record.
        CommitTaken => "two links met at one record",
        /// A forged webhook was turned away.
        ForgeryRefused => "a forged webhook was refused",
        /// A message was given up.
        DeadLettered => "a message was given up and redriven",
        /// Repair found an intent that nobody had sent.
        RepairHinted => "repair found an unsent intent",
        /// A poll found what no webhook had told.
        PollHinted => "a poll found what was not told",
    }
}

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

/// The observer of one world.
#[derive(Debug)]
pub struct Watch {
    hash: SipHasher13,
    trace: Option<Vec<String>>,
    /// How often each fault struck.
    pub faults: Vec<u32>,
    /// Which marks were reached.
    pub marks: BTreeSet<Mark>,
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
            broken: Vec::new(),
            calls: 0,
            written: 0,
            members: BTreeSet::new(),
            aliases: BTreeMap::new(),
            redirected: Vec::new(),
            braked: None,
            decided: BTreeMap::new(),
            generations: BTreeMap::new(),
            fences: BTreeMap::new(),
            unhinted: BTreeSet::new(),
        }
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
            let replaced = ["P7", "P4", "P12 taken out"].iter().any(|rule| line.rule.starts_with(rule));
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

/// A decision is carried out.
const TAKEN: &str = "P7 as a person decided";

/// The state that a rule in the journal stands for.
fn mark_of(rule: &str) -> Option<Mark> {
    Some(match rule {
        "P7 one side changed" => Mark::OneSided,
        "P7 first agreement: a blank is filled" => Mark::Filled,
        "P7 authority" => Mark::Authority,
        "P7 newest" => Mark::Newest,
        "P7 fill: a blank never wins" => Mark::BlankNeverWins,
        "P4 unproven image never wins" => Mark::Unproven,
        "P7 union" => Mark::Union,
        "P7 hold" => Mark::Held,
        TAKEN => Mark::Taken,
        "P3 a skipped landing is taken back" => Mark::ZombieRepaired,
        "P3 edited on top of a skipped landing" => Mark::EditedOnSkipped,
        "P12 associated on one side" => Mark::Associated,
        "P12 taken out on one side" => Mark::TakenOut,
        "P6 create" => Mark::Created,
        "P6 a person unlinked" => Mark::Unlinked,
        "P6 a person linked" => Mark::Linked,
        "P9 flag" => Mark::Flagged,
        "P9 flag taken back" => Mark::FlagTakenBack,
        "P9 a delete met an edit: the edited record is kept and unlinked" => Mark::DeleteMetEdit,
        "P9 deleted on both sides" => Mark::DeletedOnBoth,
        "P9 archive" => Mark::Archived,
        "P9 erased in HubSpot" => Mark::ErasedBySide,
        "P9 a person erased" => Mark::ErasedByPerson,
        "P9 purge" => Mark::Purged,
        "P9 an archive is taken back" => Mark::ArchiveTakenBack,
        "P9 an archive met an edit: the edited record is kept and unlinked" => Mark::ArchiveMetEdit,
        _other => return None,
    })
}
