//! The chaos: what happens next is drawn, and whatever can go wrong in this world may.

use concord_core::batch::Incoming;
use concord_core::link::{Link, Status};
use concord_core::names::{ObjectName, PerSide, RecordKey, Side};
use concord_core::port::{Conflict, ParkKey, Store as _};
use concord_core::step::Task;
use concord_sandbox::fifo::QueueName;
use jiff::SignedDuration;

use crate::chance::Chance;
use crate::display::{COMPANY, CONTACT, OBJECTS};
use crate::fault::Fault;
use crate::oracle;
use crate::post::Handling;
use crate::turn::{Effect, Failing, Verdict};
use crate::worker::Job;
use crate::world::{BATCH_MAX, QUEUES, RUN, World};

/// Moves, with how likely each is beside the others that are possible.
const MOVES: [(Move, usize); 9] = [
    (Move::Grant, 60),
    (Move::Finish, 30),
    (Move::Begin, 20),
    (Move::Deliver, 14),
    (Move::User, 8),
    (Move::Pass, 8),
    (Move::Schedule, 4),
    (Move::Land, 3),
    (Move::Disturb, 3),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Grant,
    Finish,
    Begin,
    Deliver,
    User,
    Pass,
    Schedule,
    Land,
    Disturb,
}

/// Milliseconds that an effect takes.
const EFFECT_MS: [u64; 8] = [1, 3, 8, 20, 60, 150, 400, 1_100];
/// Milliseconds that pass when nobody does anything.
const PAUSE_MS: [u64; 8] = [200, 900, 2_000, 8_000, 31_000, 65_000, 300_000, 1_600_000];
/// The longest of them that ends no worker.
const PAUSE_WORKING: usize = 2;
/// Milliseconds by which a write may be late: up to the bound that Concord relies on.
const LATE_MS: [u64; 6] = [900, 5_000, 62_000, 300_000, 660_000, 890_000];

impl World {
    /// Draws and makes moves until the script is over.
    pub fn chaos(&mut self, chance: &mut Chance) {
        let mut acts = self.profile.people.acts;
        while !chance.is_over() {
            self.collect(chance);
            let possible: Vec<(Move, usize)> =
                MOVES.into_iter().filter(|(each, _)| self.can(*each, acts)).collect();
            let total: usize = possible.iter().map(|(_, weight)| weight).sum();
            let mut drawn = usize::from(chance.byte()) * total / 256;
            let chosen = possible.iter().find(|(_, weight)| {
                let hit = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                hit
            });
            match chosen.map(|(chosen, _)| *chosen) {
                Some(Move::Grant) => self.grant_one(chance),
                Some(Move::Finish) => self.finish_one(chance),
                Some(Move::Begin) => self.begin_batch(chance),
                Some(Move::Deliver) => self.deliver_some(chance),
                Some(Move::User) => {
                    acts -= 1;
                    self.users.act(&self.site, self.profile.people, chance);
                    if self.strikes(Fault::Purged, chance) {
                        self.users.empty_the_bin(&self.site);
                    }
                }
                Some(Move::Pass) => self.pause(chance),
                Some(Move::Schedule) => self.schedule(chance),
                Some(Move::Land) => {
                    let at = chance.below(self.site.late().len());
                    self.land(at);
                }
                Some(Move::Disturb) => self.disturb(chance),
                None => self.pass(PAUSE_MS[0]),
            }
        }
    }

    /// Nobody does anything for a while. A pause outlasts what is being worked on, unless nothing worse may happen.
    fn pause(&mut self, chance: &mut Chance) {
        let drawn = chance.below(PAUSE_MS.len());
        let working = self.workers.iter().any(|worker| !worker.is_idle());
        let mild = working && self.profile.swarm.is_mild();
        self.pass(PAUSE_MS[if mild { drawn.min(PAUSE_WORKING) } else { drawn }]);
    }

    fn can(&self, what: Move, acts: usize) -> bool {
        match what {
            Move::Grant => !self.turns().is_empty(),
            Move::Finish => {
                self.workers.iter().any(|worker| worker.has_ended() && worker.frozen_until.is_none())
            }
            Move::Begin | Move::Schedule => self.idle().is_some(),
            Move::Deliver => {
                let now = self.site.clock.now();
                self.idle().is_some() && self.post.letters.iter().any(|letter| letter.due <= now)
            }
            Move::User => acts > 0,
            Move::Pass | Move::Disturb => true,
            Move::Land => !self.site.late().is_empty(),
        }
    }

    /// Whether a fault strikes here. Counted if it does.
    pub(crate) fn strikes(&self, fault: Fault, chance: &mut Chance) -> bool {
        let strikes = chance.happens(self.profile.swarm.weight(fault));
        if strikes {
            self.site.watch().strike(fault);
        }
        strikes
    }

    /// The first of these faults that strikes.
    fn one_of(&self, faults: &[Fault], chance: &mut Chance) -> Option<Fault> {
        let weight = |fault: &Fault| usize::from(self.profile.swarm.weight(*fault));
        let total: usize = faults.iter().map(weight).sum();
        if total == 0 || !chance.happens(u8::try_from(total.min(110)).unwrap_or(110)) {
            return None;
        }
        let mut drawn = usize::from(chance.byte()) * total / 256;
        let struck = faults.iter().find(|fault| {
            let hit = drawn < weight(fault);
            drawn = drawn.saturating_sub(weight(fault));
            hit
        })?;
        self.site.watch().strike(*struck);
        Some(*struck)
    }

    fn collect(&mut self, chance: &mut Chance) {
        let (profile, site) = (&self.profile, &self.site);
        self.post.collect(site, || {
            let kinds =
                [Fault::NoticeDropped, Fault::NoticeDuplicated, Fault::NoticeDelayed, Fault::ChangeGap];
            let struck = kinds.into_iter().find(|kind| chance.happens(profile.swarm.weight(*kind)));
            if let Some(struck) = struck {
                site.watch().strike(struck);
            }
            match struck {
                Some(Fault::NoticeDropped) => Handling::Dropped,
                Some(Fault::NoticeDuplicated) => Handling::Copied(1 + chance.below(3)),
                Some(Fault::NoticeDelayed) => Handling::Delayed(PAUSE_MS[chance.below(PAUSE_MS.len())]),
                Some(Fault::ChangeGap) => Handling::Gap { overflow: chance.happens(128) },
                Some(_) | None => Handling::Ordinary,
            }
        });
    }

    fn grant_one(&mut self, chance: &mut Chance) {
        let turns = self.turns();
        let Some(turn) = chance.pick(&turns).copied() else { return };
        let (_, worker, effect) = turn;
        if self.strikes(Fault::WorkerCrash, chance) {
            return self.crash(worker);
        }
        if self.strikes(Fault::WorkerFrozen, chance) {
            let seconds = [20, 60, 110, 200][chance.below(4)];
            let until = self.site.clock.now().checked_add(SignedDuration::from_secs(seconds)).ok();
            self.site.watch().log(format_args!("worker {worker} stands still for {seconds} s"));
            self.workers[worker].frozen_until = until;
            return;
        }
        let verdict = self.verdict(effect, chance);
        self.pass(EFFECT_MS[chance.below(EFFECT_MS.len())]);
        // Time may have ended the worker.
        if self.turns().contains(&turn) {
            self.grant(turn, verdict);
        }
    }

    fn verdict(&mut self, effect: Effect, chance: &mut Chance) -> Verdict {
        use Fault::{
            AnswerLost, DatedLate, IndexLag, LateLanding, LoginExpired, QueueAnswerLost, QueueRefused,
            RequestLost, ServerError, Slow, StaleIndex, StoreAnswerLost, StoreBusy, TooMany, TooManyBare,
            TwiceLanding, WrongBody,
        };
        let struck = match effect {
            Effect::Store("unsent") => self.one_of(&[StoreBusy, StaleIndex], chance),
            Effect::Store("commit" | "claim" | "complete" | "move_cursor" | "park") => {
                self.one_of(&[StoreBusy, StoreAnswerLost], chance)
            }
            Effect::Store(_) => self.one_of(&[StoreBusy], chance),
            Effect::Answer => None,
            Effect::Send => self.one_of(&[QueueRefused, QueueAnswerLost], chance),
            Effect::Call { kind: "search" | "login", .. } => {
                self.one_of(&[RequestLost, TooMany, ServerError, Slow, LoginExpired], chance)
            }
            Effect::Call { .. } if effect.writes() => self.one_of(
                &[
                    RequestLost,
                    AnswerLost,
                    LateLanding,
                    TwiceLanding,
                    TooMany,
                    TooManyBare,
                    ServerError,
                    Slow,
                    WrongBody,
                    LoginExpired,
                ],
                chance,
            ),
            Effect::Call { .. } => self.one_of(
                &[
                    RequestLost,
                    AnswerLost,
                    TooMany,
                    TooManyBare,
                    ServerError,
                    Slow,
                    WrongBody,
                    LoginExpired,
                    DatedLate,
                ],
                chance,
            ),
        };
        match struck {
            None | Some(IndexLag) => Verdict::Happens,
            Some(RequestLost) => Verdict::Fails(Failing::Silence),
            Some(TooMany) => Verdict::Fails(Failing::TooMany(Some(1 + chance.below(20) as u64))),
            Some(TooManyBare) => Verdict::Fails(Failing::TooMany(None)),
            Some(ServerError) => Verdict::Fails(Failing::Server([500, 502, 503][chance.below(3)])),
            Some(LoginExpired) => Verdict::Fails(Failing::Login),
            Some(StoreBusy | QueueRefused) => Verdict::Fails(Failing::Server(503)),
            Some(AnswerLost | StoreAnswerLost | QueueAnswerLost) => Verdict::AnswerLost,
            Some(WrongBody | StaleIndex) => Verdict::AnswerGarbled,
            Some(DatedLate) => Verdict::DatedLate,
            Some(LateLanding) => Verdict::Late(LATE_MS[chance.below(LATE_MS.len())]),
            Some(TwiceLanding) => Verdict::Twice(LATE_MS[chance.below(LATE_MS.len())]),
            Some(Slow) => {
                self.pass(18_000);
                Verdict::Happens
            }
            Some(_) => Verdict::Happens,
        }
    }

    fn finish_one(&mut self, chance: &mut Chance) {
        let ended: Vec<usize> = (0..self.workers.len())
            .filter(|n| self.workers[*n].has_ended() && self.workers[*n].frozen_until.is_none())
            .collect();
        let Some(worker) = chance.pick(&ended).copied() else { return };
        if self.strikes(Fault::WorkerCrash, chance) { self.crash(worker) } else { self.finish(worker) }
    }

    fn begin_batch(&mut self, chance: &mut Chance) {
        let Some(worker) = self.idle() else { return };
        let queue = QUEUES[chance.below(2)];
        let mut messages = self.receive(queue);
        if messages.is_empty() {
            let other = QUEUES[usize::from(queue == QueueName::Hints)];
            messages = self.receive(other);
            if messages.is_empty() {
                return self.pass(PAUSE_MS[0]);
            }
            return self.begin(worker, Job::Batch(other, messages), RUN);
        }
        if self.strikes(Fault::VisibilityExpired, chance) {
            for message in &messages {
                let _ = self.site.queue.change_visibility(queue, &message.receipt, 0);
            }
        }
        if messages.len() < BATCH_MAX && self.strikes(Fault::Poison, chance) {
            messages.push(poison());
        }
        let near = self.strikes(Fault::DeadlineNear, chance);
        let time = if near { SignedDuration::from_secs(10) } else { RUN };
        let copy = messages.clone();
        self.begin(worker, Job::Batch(queue, messages), time);
        if let Some(other) = self.idle()
            && self.strikes(Fault::DoubleInvoke, chance)
        {
            self.begin(other, Job::Batch(queue, copy), RUN);
        }
    }

    fn deliver_some(&mut self, chance: &mut Chance) {
        let Some(worker) = self.idle() else { return };
        let now = self.site.clock.now();
        let due: Vec<usize> =
            (0..self.post.letters.len()).filter(|n| self.post.letters[*n].due <= now).collect();
        let reordered = self.strikes(Fault::NoticeReordered, chance);
        let at = if reordered { chance.pick(&due).copied() } else { due.first().copied() };
        let Some(at) = at else { return };
        let max = if self.strikes(Fault::NoticeSplit, chance) { 1 } else { 100 };
        let letters = self.post.take(at, max);
        if self.strikes(Fault::NoticeReplayed, chance) && !self.post.heard.is_empty() {
            let old = chance.below(self.post.heard.len());
            let event = self.post.heard[old].clone();
            self.begin(worker, Job::TakeIn(vec![event]), RUN);
            self.post.letters.extend(letters);
            return;
        }
        let webhook = letters
            .first()
            .is_some_and(|letter| matches!(letter.notice, concord_sandbox::crm::Notice::Webhook(_)));
        let forged = webhook && self.strikes(Fault::NoticeCorrupted, chance);
        self.deliver(worker, letters, forged);
    }

    fn schedule(&mut self, chance: &mut Chance) {
        let Some(worker) = self.idle() else { return };
        if self.profile.people.decide && self.operator_acts(worker, chance) {
            return;
        }
        if self.profile.keeps_apart && chance.happens(32) {
            return self.keep_two_apart(worker, chance);
        }
        if self.profile.people.erase && chance.happens(8) {
            return self.asked_to_erase(worker, chance);
        }
        if let Some(object) = self.stopped().pop()
            && chance.happens(64)
        {
            return self.release(worker, object);
        }
        let task = [Task::Poll, Task::Repair, Task::Poll, Task::Sweep][chance.below(4)];
        self.begin(worker, Job::Reconcile(task), RUN);
    }

    /// An operator looks at a conflict, or decides the one that they looked at some time ago.
    fn operator_acts(&mut self, worker: usize, chance: &mut Chance) -> bool {
        if let Some(name) = self.shown.take() {
            self.begin(worker, Job::Take(name, Side::BOTH[chance.below(2)]), RUN);
            return true;
        }
        let names = self.conflicts();
        if !names.is_empty() && chance.happens(192) {
            self.shown = chance.pick(&names).cloned();
        }
        if self.profile.unlinks && chance.happens(64) {
            return self.speak_of_a_pair(worker, chance);
        }
        false
    }

    /// An operator unlinks a pair, or links what they have unlinked, or what nobody has linked.
    fn speak_of_a_pair(&mut self, worker: usize, chance: &mut Chance) -> bool {
        let proposed = oracle::proposals(self);
        if let Some((object, ids)) = chance.pick(&proposed).cloned()
            && chance.happens(128)
        {
            self.kept_apart.retain(|kept| *kept != (object.clone(), ids.clone()));
            self.begin(worker, Job::Link(object, ids), RUN);
            return true;
        }
        let Some(link) = chance.pick(&oracle::pairs(self)).cloned() else { return false };
        let PerSide { hubspot: Some(hubspot), salesforce: Some(salesforce) } = link.records else {
            return false;
        };
        let job = match link.status {
            Status::Apart { .. } | Status::Erased { .. } => {
                Job::Link(link.object, PerSide { hubspot, salesforce })
            }
            Status::Live | Status::Flagged { .. } | Status::Unlinked { .. } => {
                Job::Unlink(RecordKey { side: Side::HubSpot, object: link.object, id: hubspot })
            }
        };
        self.begin(worker, job, RUN);
        true
    }

    /// An operator says that two records are not one thing, preferably two with one key.
    fn keep_two_apart(&mut self, worker: usize, chance: &mut Chance) {
        let object = [CONTACT, COMPANY][chance.below(2)];
        let living = |side: Side| {
            self.users
                .look(&self.site, side, object)
                .into_iter()
                .filter(|shown| shown.alive)
                .collect::<Vec<_>>()
        };
        let (hubspot, salesforce) = (living(Side::HubSpot), living(Side::Salesforce));
        let key = usize::from(object == COMPANY);
        let Some(one) = chance.pick(&hubspot) else { return };
        let (twins, others): (Vec<_>, Vec<_>) = salesforce.iter().partition(|shown| {
            let alike = self.profile.people.alike && shown.values[1] == one.values[1];
            shown.values[key] == one.values[key] || alike
        });
        let Some(other) = chance.pick(if twins.is_empty() { &others } else { &twins }) else { return };
        let ids = PerSide { hubspot: one.id.as_str().into(), salesforce: other.id.as_str().into() };
        self.begin(worker, Job::KeepApart(OBJECTS[object].name.into(), ids), RUN);
    }

    /// Somebody asks an operator to be erased.
    fn asked_to_erase(&mut self, worker: usize, chance: &mut Chance) {
        let side = Side::BOTH[chance.below(2)];
        let contacts = oracle::pairs(self)
            .into_iter()
            .filter(|link| oracle::object_index(&link.object) == Some(CONTACT));
        let contacts: Vec<Link> = contacts.collect();
        let Some(link) = chance.pick(&contacts) else { return };
        let Some(id) = link.records[side].clone() else { return };
        self.users.is_erased(side, CONTACT, id.as_str());
        self.begin(worker, Job::Erase(RecordKey { side, object: link.object.clone(), id }), RUN);
    }

    /// The object types whose brake is engaged, as far as an operator is told.
    #[must_use]
    pub fn stopped(&self) -> Vec<ObjectName> {
        let parked = oracle::now(self.site.store.parked(oracle::ALL)).unwrap_or_default();
        let stopped = parked.into_iter().filter_map(|parked| match parked.key {
            ParkKey::Object(object) => Some(object),
            ParkKey::Record(_) | ParkKey::Field(..) | ParkKey::Message(_) | ParkKey::Type(..) => None,
        });
        stopped.collect()
    }

    /// An operator releases a brake.
    pub fn release(&mut self, worker: usize, object: ObjectName) {
        self.site.watch().released(&object, self.site.clock.now());
        self.begin(worker, Job::Release(object), RUN);
    }

    /// The names of the conflicts that wait for a person.
    #[must_use]
    pub fn conflicts(&self) -> Vec<String> {
        let conflicts = oracle::now(self.site.store.conflicts(oracle::ALL)).unwrap_or_default();
        conflicts.iter().map(Conflict::name).collect()
    }
}

/// What nobody can read.
fn poison() -> Incoming {
    Incoming {
        id: "poison".to_owned(),
        group: "poison".to_owned(),
        body: "{\"hints\": [".to_owned(),
        receipt: "poison".to_owned(),
        receive_count: 1,
    }
}
