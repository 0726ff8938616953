//! One world: the site, the workers and the people, and the moves that a scheduler can make in it.
//!
//! A move is one thing that happens. Which one comes next is [`crate::chaos`]'s choice, or the calm order of
//! [`crate::phases`]; here is only what it does.

use std::collections::BTreeMap;
use std::sync::Arc;

use concord_core::batch::{Fate, Incoming};
use concord_core::names::{ObjectName, PerSide, RecordId, Side};
use concord_core::step::{Said, Task};
use concord_sandbox::fifo::{QueueName, Received};
use concord_sandbox::store::MemoryStore;
use jiff::{SignedDuration, Timestamp};

use crate::chance::{Chance, Script};
use crate::clock::Skewed;
use crate::course::Course;
use crate::fault::Fault;
use crate::post::{Letter, Post, open};
use crate::profile::Profile;
use crate::site::{SharedSite, Site};
use crate::turn::{Effect, Verdict};
use crate::users::Users;
use crate::watch::Mark;
use crate::worker::{Ended, Job, Worker};

/// Messages in a batch of an event source mapping for FIFO queues (Lambda guide: at most 10).
pub const BATCH_MAX: usize = 10;
/// How long a function may run: then it is ended where it stands (template.yaml).
pub const RUN: SignedDuration = SignedDuration::from_secs(120);
/// When a message that failed is shown again by this world's event source mapping, in milliseconds.
const FAILED_MS: u64 = 30_000;

/// Pauses after which the store is looked through for what has expired, in milliseconds.
const EXPIRY_LOOK_MS: u64 = 300_000;

/// Both queues.
pub const QUEUES: [QueueName; 2] = [QueueName::Hints, QueueName::Intents];

/// A world.
#[derive(Debug)]
pub struct World {
    /// What it is like.
    pub profile: Profile,
    /// Everything that Concord is not.
    pub site: SharedSite,
    /// Concord's processes.
    pub workers: Vec<Worker>,
    /// Notices on their way.
    pub post: Post,
    /// The people, and what they did.
    pub users: Users,
    /// Deliveries that a worker is taking in, and when each worker began.
    posted: BTreeMap<usize, Vec<Letter>>,
    begun: BTreeMap<usize, Timestamp>,
    /// What is set to rights when people stop: a hidden field, a rule.
    pub disturbed: bool,
    /// The conflict that an operator was shown.
    pub shown: Option<String>,
    /// Records that a person keeps apart, as far as they were told that it is done.
    pub kept_apart: Vec<(ObjectName, PerSide<RecordId>)>,
    /// What the store held some time ago.
    pub backup: Option<MemoryStore>,
    healed: bool,
    /// What befalls the workers of the calm order, and where.
    pub course: Course,
}

impl World {
    /// The world of a script, before anything has happened in it.
    ///
    /// # Errors
    /// A fault of ours in its contract.
    pub fn new(script: &Script, traced: bool) -> anyhow::Result<Self> {
        Self::of_profile(Profile::draw(&mut Chance::new(script.head.clone())), traced)
    }

    /// A world of this character.
    ///
    /// # Errors
    /// A fault of ours in its contract.
    pub fn of_profile(profile: Profile, traced: bool) -> anyhow::Result<Self> {
        let site = Arc::new(Site::new(&profile, traced));
        let contract = profile.contract(1)?;
        let two_versions = profile.swarm.weight(Fault::TwoVersions) > 0 && profile.workers > 1;
        let second = if two_versions { Some(profile.contract(2)?) } else { None };
        if two_versions {
            site.watch().strike(Fault::TwoVersions);
        }
        let workers = profile.worker_offsets_ms.iter().take(profile.workers).enumerate();
        let workers = workers.map(|(number, offset)| {
            let clock = Skewed::new(&site.clock, *offset, 0);
            let contract = second.as_ref().filter(|_| number > 0).unwrap_or(&contract).clone();
            Worker::new(number, clock, Arc::clone(&site), contract)
        });
        let users = Users::new(profile.people.convert);
        Ok(Self {
            workers: workers.collect(),
            site,
            post: Post::default(),
            users,
            posted: BTreeMap::new(),
            begun: BTreeMap::new(),
            disturbed: false,
            shown: None,
            kept_apart: Vec::new(),
            backup: None,
            healed: false,
            course: Course::default(),
            profile,
        })
    }

    /// Lets time pass. What has to happen by itself meanwhile happens: late writes arrive, and functions that
    /// have run for too long are ended.
    pub fn pass(&mut self, ms: u64) {
        self.site.clock.pass(ms);
        let now = self.site.clock.now();
        let next = |world: &Self| world.site.late().iter().position(|late| late.due <= now);
        while let Some(at) = next(self) {
            self.land(at);
        }
        if ms >= EXPIRY_LOOK_MS {
            self.expire();
        }
        let over: Vec<usize> = self
            .begun
            .iter()
            .filter(|(_, since)| now.duration_since(**since) > RUN)
            .map(|(n, _)| *n)
            .collect();
        for worker in over {
            self.site.watch().strike(Fault::DeadlineNear);
            self.crash(worker);
        }
        for worker in &mut self.workers {
            worker.frozen_until = worker.frozen_until.filter(|until| *until > now);
        }
    }

    /// A late write arrives.
    pub fn land(&mut self, at: usize) {
        let late = self.site.late().remove(at);
        let answer = self.site.arrive_and_note(late.side, &late.request, late.seen);
        self.site.watch().log(format_args!(
            "LATE {} {} {} -> {}: {}",
            late.side,
            late.request.method(),
            late.request.uri().path(),
            answer.status().as_u16(),
            String::from_utf8_lossy(late.request.body())
        ));
    }

    /// Turns that can be granted now.
    #[must_use]
    pub fn turns(&self) -> Vec<(u64, usize, Effect)> {
        let awake = |worker: usize| self.workers.get(worker).is_some_and(|it| it.frozen_until.is_none());
        self.site.turns.open().into_iter().filter(|(_, worker, _)| awake(*worker)).collect()
    }

    /// Lets one effect happen, or not.
    pub fn grant(&mut self, (key, worker, effect): (u64, usize, Effect), verdict: Verdict) {
        if verdict != Verdict::Happens {
            self.site.watch().log(format_args!("worker {worker} {effect:?}: {verdict:?}"));
        }
        self.site.turns.grant(key, verdict);
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.go_on();
        }
    }

    /// A worker with nothing to do.
    #[must_use]
    pub fn idle(&self) -> Option<usize> {
        self.workers.iter().position(|worker| worker.is_idle() && worker.frozen_until.is_none())
    }

    /// Begins a job on a worker.
    pub fn begin(&mut self, worker: usize, job: Job, time: SignedDuration) {
        self.site.watch().log(format_args!("worker {worker} begins {}", name_of(&job)));
        self.begun.insert(worker, self.site.clock.now());
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.begin(job, time);
        }
    }

    /// Receives a batch, if there is one.
    #[must_use]
    pub fn receive(&self, queue: QueueName) -> Vec<Incoming> {
        self.site.queue.receive(queue, BATCH_MAX).into_iter().map(incoming).collect()
    }

    /// Delivers letters to a worker at the front door.
    pub fn deliver(&mut self, worker: usize, letters: Vec<Letter>, forged: bool) {
        let now = self.workers.get(worker).map_or(self.site.clock.now(), |worker| worker.clock.now());
        let events = open(&self.site, &letters, forged, now);
        if events.is_empty() {
            if forged {
                self.tell_again(letters); // Refused; the side delivers the true one later.
            }
            return;
        }
        self.post.heard.extend(events.iter().cloned());
        self.posted.insert(worker, letters);
        self.begin(worker, Job::TakeIn(events), RUN);
    }

    /// Takes the end of a worker's job, and does what its surroundings do then.
    pub fn finish(&mut self, worker: usize) {
        self.begun.remove(&worker);
        let Some(ended) = self.workers.get_mut(worker).and_then(Worker::take_end) else { return };
        match ended {
            Ended::TakeIn(answer) => {
                let letters = self.posted.remove(&worker).unwrap_or_default();
                let taken = answer.is_ok_and(|taken| taken.in_progress == 0);
                self.site.watch().log(format_args!("worker {worker} answers the front door: taken {taken}"));
                if !taken {
                    self.tell_again(letters);
                }
            }
            Ended::Batch(queue, messages, fates) => {
                for (message, fate) in messages.iter().zip(fates) {
                    self.end_message(queue, message, fate);
                }
            }
            Ended::Reconcile(task, report) => {
                if task == Task::Poll && report.as_ref().is_ok_and(|report| report.hinted > 0) {
                    self.site.watch().mark(Mark::PollHinted);
                }
                self.site.watch().log(format_args!("worker {worker} reconciled: {report:?}"));
            }
            Ended::Take(taken) => {
                if matches!(*taken, Ok(None)) {
                    self.site.watch().mark(Mark::TakenTooLate);
                }
                self.site.watch().log(format_args!("worker {worker} took a decision: {taken:?}"));
            }
            Ended::Release(released) => {
                self.site.watch().log(format_args!("worker {worker} released a brake: {released:?}"));
            }
            Ended::KeptApart(object, ids, said) => {
                self.site
                    .watch()
                    .log(format_args!("worker {worker} was told of two that are not one: {said:?}"));
                if matches!(said, Ok(Said::Remembered)) {
                    self.site.watch().mark(Mark::KeptApart);
                    self.kept_apart.push((object, ids));
                }
            }
            Ended::Said(said) => {
                self.site.watch().log(format_args!("worker {worker} was told of a pair: {said:?}"));
            }
        }
    }

    /// What an event source mapping does with a message: delete it, hide it, or leave it to come again.
    fn end_message(&self, queue: QueueName, message: &Incoming, fate: Fate) {
        let ended = match fate {
            Fate::Done => self.site.queue.delete(queue, &message.receipt),
            Fate::ComesAgain(at) => {
                let wait = at.duration_since(self.site.clock.now()).as_millis();
                let wait = u64::try_from(wait).unwrap_or_default() + 1;
                self.site.queue.change_visibility(queue, &message.receipt, wait)
            }
            Fate::Failed => self.site.queue.change_visibility(queue, &message.receipt, FAILED_MS),
        };
        self.site.watch().log(format_args!("message {} of {queue:?}: {fate:?} {ended:?}", message.id));
    }

    /// What has expired is deleted, unless TTL is late.
    fn expire(&self) {
        let expired = self.site.store.expired(self.site.clock.now());
        if expired.is_empty() {
            return;
        }
        let mut watch = self.site.watch();
        if self.profile.swarm.weight(Fault::LateTtl) > 0 {
            watch.strike(Fault::LateTtl);
        } else {
            self.site.store.expire(&expired);
            watch.expired(&expired);
        }
    }

    /// A worker dies. Its messages come again by themselves; a delivery that was not answered comes again too.
    pub fn crash(&mut self, worker: usize) {
        self.begun.remove(&worker);
        self.site.watch().log(format_args!("worker {worker} dies"));
        let died = self.workers.get_mut(worker).and_then(Worker::crash);
        if matches!(died, Some(Job::TakeIn(_))) {
            let letters = self.posted.remove(&worker).unwrap_or_default();
            self.tell_again(letters);
        }
    }

    /// Nothing goes wrong any more.
    pub fn begin_anew(&mut self) {
        self.healed = true;
        self.posted.values_mut().flatten().chain(&mut self.post.letters).for_each(Letter::begin_anew);
    }

    /// A delivery that was not taken comes again, a few times. When nothing goes wrong any more, that is enough (I32).
    fn tell_again(&mut self, letters: Vec<Letter>) {
        let given_up = self.post.again(letters, self.site.clock.now());
        if self.healed && given_up > 0 {
            self.site.watch().broken("I32", format!("{given_up} notices were never taken"));
        }
    }

    /// When something will happen by itself, if anything will.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let queues = QUEUES.iter().filter_map(|queue| self.site.queue.next_due(*queue));
        let late = self.site.late();
        let late = late.iter().map(|late| late.due);
        let letters = self.post.letters.iter().map(|letter| letter.due);
        let thaws = self.workers.iter().filter_map(|worker| worker.frozen_until);
        queues.chain(late).chain(letters).chain(thaws).min()
    }

    /// Messages that are waiting, hidden or not.
    #[must_use]
    pub fn waiting(&self) -> usize {
        QUEUES
            .iter()
            .map(|queue| {
                let counts = self.site.queue.counts(*queue);
                counts.visible + counts.in_flight + counts.delayed
            })
            .sum()
    }

    /// What one side holds, all of it.
    #[must_use]
    pub fn truth(&self, side: Side) -> serde_json::Value {
        use concord_sandbox::crm::Machine as _;
        match side {
            Side::HubSpot => self.site.hubspot.machine().truth(),
            Side::Salesforce => self.site.salesforce.machine().truth(),
        }
    }
}

fn incoming(received: Received) -> Incoming {
    Incoming {
        id: received.message_id,
        group: received.group,
        body: received.body,
        receipt: received.handle,
        receive_count: received.receives,
    }
}

fn name_of(job: &Job) -> String {
    match job {
        Job::TakeIn(events) => format!("{} events", events.len()),
        Job::Batch(queue, messages) => format!("{} messages of {queue:?}", messages.len()),
        Job::Reconcile(task) => task.name().to_owned(),
        Job::Take(name, side) => format!("to take {side}'s value for {name}"),
        Job::Release(object) => format!("to release the brake of {object}"),
        Job::Unlink(record) => format!("to unlink {record}"),
        Job::Erase(record) => format!("to erase {record}"),
        Job::KeepApart(object, ids) => {
            format!("to keep {object} {} and {} apart", ids.hubspot, ids.salesforce)
        }
        Job::Link(object, ids) => {
            format!("to link the {object} HubSpot {} and Salesforce {}", ids.hubspot, ids.salesforce)
        }
    }
}
