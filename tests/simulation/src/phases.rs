//! The life of one world: pairs, chaos, healing, quiet; then everything is checked, told again, and checked again.

use concord_core::link::Status;
use concord_core::names::{PerSide, Side};
use concord_core::port::Store as _;
use concord_core::step::Task;

use crate::chance::{Chance, Script};
use crate::display::{CONTACT, DEAL, field};
use crate::fault::Fault;
use crate::oracle;
use crate::post::Handling;
use crate::turn::Effect;
use crate::watch::{Broken, Mark};
use crate::worker::Job;
use crate::world::{QUEUES, RUN, World};

/// Moves after which a healed world that is still busy is called livelocked (I40).
const MOVES_MAX: usize = 12_000;
/// Rounds after which two automations that meet are to have nothing to do: two each, one for what they begin with, one that shows it.
const ROUNDS_MAX: usize = 6;
/// Passes of the schedules that may still write something after the heal.
const PASSES_MAX: usize = 12;
/// Between two passes: above the age at which an unsent intent is repaired, in milliseconds.
const BETWEEN_PASSES_MS: u64 = 130_000;
/// After this long nothing can land late any more, in milliseconds (P3: 10 minutes to attempt, 2 to run, 15 to land).
const ALL_LANDED_MS: u64 = 30 * 60_000;
/// After this long what was refused is tried again: a day and a bit, in milliseconds.
const ASKED_AGAIN_MS: u64 = 25 * 3_600_000;
/// Until an operator looks at dead letters: two days, in milliseconds.
const OPERATOR_MS: u64 = 2 * 24 * 3_600_000;

/// What became of one world.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What does not hold; nothing if all does.
    pub broken: Option<Broken>,
    /// Hash of the event log (I44).
    pub hash: u64,
    /// Edits made by people.
    pub edits: usize,
    /// Calls made by Concord.
    pub calls: u64,
    /// How often each fault struck.
    pub faults: Vec<u32>,
    /// States that were reached.
    pub marks: std::collections::BTreeSet<Mark>,
    /// How long it lasted, in virtual milliseconds.
    pub virtual_ms: i64,
    /// The log, if asked for.
    pub trace: Vec<String>,
}

/// Lives through the world of a script.
///
/// # Errors
/// A fault of ours in its contract.
pub fn live(script: &Script, traced: bool) -> anyhow::Result<Outcome> {
    live_meddled(script, traced, |_| {})
}

/// The same, and at rest, before it is judged, somebody meddles: that the judge can say no is shown with this.
///
/// # Errors
/// A fault of ours in its contract.
pub fn live_meddled(
    script: &Script,
    traced: bool,
    meddle: impl FnOnce(&mut World),
) -> anyhow::Result<Outcome> {
    let mut world = World::new(script, traced)?;
    world.set_rules();
    if world.profile.brake {
        world.site.watch().has_brake();
    }
    for fault in [Fault::IndexLag, Fault::HistoryTruncated, Fault::SmallPages] {
        if world.profile.swarm.weight(fault) > 0 {
            world.site.watch().strike(fault);
        }
    }
    let ended = world.life(&mut Chance::new(script.body.clone()), meddle);
    let mut watch = world.site.watch();
    if let Err(broken) = ended {
        watch.broken(broken.invariant, broken.what);
    }
    Ok(Outcome {
        broken: watch.broken.first().cloned(),
        hash: watch.hash(),
        edits: world.users.edits.len(),
        calls: watch.calls,
        faults: watch.faults.clone(),
        marks: watch.marks.clone(),
        virtual_ms: world.site.clock.elapsed_ms(),
        trace: watch.trace().to_vec(),
    })
}

impl World {
    fn life(&mut self, chance: &mut Chance, meddle: impl FnOnce(&mut Self)) -> Result<(), Broken> {
        for number in 0..self.profile.people.pairs {
            self.users.create(&self.site, Side::BOTH[number % 2], usize::from(number == 2), None);
        }
        if self.profile.people.sell {
            self.users.create(&self.site, Side::HubSpot, DEAL, None);
        }
        self.drain()?;
        self.chaos(chance);
        self.heal();
        self.everybody_comes_back()?;
        if self.profile.automated {
            self.two_automations_meet()?;
        }
        self.settle()?;
        meddle(self);
        oracle::check(self)?;
        self.stays_quiet()?;
        if self.profile.people.decide {
            self.decide_all()?;
        }
        if self.profile.people.leave {
            self.one_leaves_the_scope()?;
        }
        if self.profile.people.bury { self.bury() } else { Ok(()) }
    }

    /// Something on each side sets the job title of one pair to a value of its own whenever it finds the other's. Concord leaves
    /// the field alone at last (P15), until somebody ends that.
    fn two_automations_meet(&mut self) -> Result<(), Broken> {
        self.drain()?;
        let Some(link) = oracle::pairs(self)
            .into_iter()
            .find(|link| oracle::object_index(&link.object) == Some(CONTACT) && link.status == Status::Live)
        else {
            return Ok(());
        };
        let Some(field) = field(CONTACT, "job_title") else { return Ok(()) };
        let values = PerSide::of(|_| self.users.text());
        for _ in 0..ROUNDS_MAX {
            let mut acted = false;
            for side in Side::BOTH {
                let shown = self.users.look(&self.site, side, CONTACT).into_iter();
                let record = shown
                    .filter(|shown| shown.alive)
                    .find(|shown| link.records[side].as_ref().is_some_and(|id| shown.id == id.as_str()));
                let Some(record) = record.filter(|record| record.values[field] != values[side]) else {
                    continue;
                };
                self.site.watch().log(format_args!("AUTOMATION {side} contact {}", record.id));
                acted |= self.users.put(&self.site, side, CONTACT, &record, (field, &values[side]));
                self.drain()?;
            }
            if !acted {
                return Ok(());
            }
        }
        let what = format!("link {}: two automations and Concord go on and on", link.id);
        Err(Broken { invariant: "I21", what })
    }

    /// An operator decides everything that is held, by turns for one side and the other: then nothing waits any more, both
    /// sides agree, and that is all.
    fn decide_all(&mut self) -> Result<(), Broken> {
        let names = self.conflicts();
        if names.is_empty() {
            return Ok(());
        }
        for (name, side) in names.iter().zip(Side::BOTH.into_iter().cycle()) {
            if let Some(worker) = self.idle() {
                self.begin(worker, Job::Take(name.clone(), side), RUN);
            }
            self.drain()?;
        }
        self.settle()?;
        let left = oracle::undecided(self);
        if !left.is_empty() {
            return Err(Broken {
                invariant: "I40",
                what: format!("conflicts {left:?} are left, of {names:?}"),
            });
        }
        oracle::check(self)?;
        self.stays_quiet()
    }

    /// Nothing goes wrong any more, and what was hidden is shown. What is on its way still arrives.
    pub fn heal(&mut self) {
        self.site.watch().log(format_args!("HEAL"));
        self.begin_anew();
        self.set_to_rights();
        self.site.hubspot.machine().set_rules(concord_sandbox::hubspot::Rules::default());
        for worker in &mut self.workers {
            worker.frozen_until = None;
            worker.clock.step_to(0);
        }
    }

    /// Runs everything there is to do, in a calm and fair order, until nothing is left.
    ///
    /// # Errors
    /// I40 if that does not end.
    pub fn drain(&mut self) -> Result<(), Broken> {
        for _ in 0..MOVES_MAX {
            self.post.collect(&self.site, || Handling::Ordinary);
            if self.calm_move() {
                continue;
            }
            match self.next_due() {
                Some(due) => {
                    let wait = due.duration_since(self.site.clock.now()).as_millis();
                    self.pass(u64::try_from(wait).unwrap_or_default().max(100));
                }
                None => return Ok(()),
            }
        }
        Err(Broken { invariant: "I40", what: format!("still busy after {MOVES_MAX} moves") })
    }

    /// One move. Whether there was one to make.
    fn calm_move(&mut self) -> bool {
        if let Some(turn) = self.turns().into_iter().next() {
            self.pass(if matches!(turn.2, Effect::Call { .. }) { 40 } else { 2 });
            if self.turns().contains(&turn) {
                self.grant_on_course(turn);
            }
            return true;
        }
        if let Some(worker) = self.workers.iter().position(crate::worker::Worker::has_ended) {
            self.finish_on_course(worker);
            return true;
        }
        let Some(worker) = self.idle() else { return false };
        let now = self.site.clock.now();
        if let Some(at) = self.post.letters.iter().position(|letter| letter.due <= now) {
            let letters = self.post.take(at, 100);
            self.deliver(worker, letters, false);
            self.double_on_course(worker);
            return true;
        }
        for queue in QUEUES {
            let messages = self.receive(queue);
            if !messages.is_empty() {
                self.begin(worker, Job::Batch(queue, messages), RUN);
                self.double_on_course(worker);
                return true;
            }
        }
        false
    }

    /// Runs a schedule and all that follows from it. Returns how many records that wrote.
    ///
    /// # Errors
    /// I40 if that does not end.
    pub fn reconcile(&mut self, task: Task) -> Result<u64, Broken> {
        let before = self.site.watch().written;
        if let Some(worker) = self.idle() {
            self.begin(worker, Job::Reconcile(task), RUN);
            self.double_on_course(worker);
        }
        self.drain()?;
        let after = self.site.watch().written;
        Ok(after - before)
    }

    /// People have stopped: within a bound there is nothing left to do (I2, I32, I40).
    ///
    /// # Errors
    /// I33 or I40 if there is.
    pub fn settle(&mut self) -> Result<(), Broken> {
        self.drain()?;
        if !self.profile.brake {
            oracle::check_told(self)?;
        }
        self.release_all()?;
        self.redrive()?;
        self.erase_the_unheard()?;
        let struck = self.course.struck;
        for task in [Task::Poll, Task::Repair] {
            self.reconcile(task)?;
        }
        self.pass(ALL_LANDED_MS);
        self.passes(|world| match world.course.struck == struck && !world.profile.brake {
            true => oracle::check_polled(world),
            // One of them was cut short, and is left to the next; or what a brake stopped more than a day ago is.
            false => Ok(()),
        })?;
        if oracle::refuses(self) {
            self.pass(ASKED_AGAIN_MS);
            // One of them may be cut short: by a login that has run out, or by what befalls a worker.
            for _ in 0..2 {
                self.passes(|_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// The schedules, until they write nothing any more; `polled` judges what the first poll and repair leave.
    pub(crate) fn passes(&mut self, polled: impl Fn(&Self) -> Result<(), Broken>) -> Result<(), Broken> {
        for pass in 0..PASSES_MAX {
            let mut written = self.reconcile(Task::Repair)? + self.reconcile(Task::Poll)?;
            if pass == 0 {
                polled(self)?;
            }
            written += self.reconcile(Task::Sweep)?;
            self.redrive()?;
            if !self.release_all()? && written == 0 {
                return Ok(());
            }
            self.pass(BETWEEN_PASSES_MS);
        }
        Err(Broken {
            invariant: "I33",
            what: format!("passes of the schedules still write after {PASSES_MAX}"),
        })
    }

    /// An operator releases every brake. Whether there was one.
    fn release_all(&mut self) -> Result<bool, Broken> {
        let stopped = self.stopped();
        for object in &stopped {
            if let Some(worker) = self.idle() {
                self.release(worker, object.clone());
            }
            self.drain()?;
        }
        Ok(!stopped.is_empty())
    }

    /// An operator erases who was erased and is not yet forgotten: nobody told of it, or their word was lost, or a backup brought
    /// it back. Twice, since a worker may die of it.
    fn erase_the_unheard(&mut self) -> Result<(), Broken> {
        for _ in 0..2 {
            for record in oracle::not_forgotten(self) {
                if let Some(worker) = self.idle() {
                    self.begin(worker, Job::Erase(record), RUN);
                }
                self.drain()?;
            }
        }
        Ok(())
    }

    /// An operator puts dead letters back, days later.
    fn redrive(&mut self) -> Result<(), Broken> {
        if QUEUES.iter().all(|queue| self.site.queue.dead(*queue).is_empty()) {
            return Ok(());
        }
        self.site.watch().mark(Mark::DeadLettered);
        self.site.watch().strike(Fault::OperatorRedrive);
        self.pass(OPERATOR_MS);
        for queue in QUEUES {
            self.site.queue.redrive(queue);
        }
        self.drain()
    }

    /// Everything that was ever told is told again, and everything is compared again: nothing is written
    /// (I30, I34), nothing waits, nothing is open (I37).
    ///
    /// # Errors
    /// The one that does not hold.
    pub fn stays_quiet(&mut self) -> Result<(), Broken> {
        let quiet = |written: u64, invariant: &'static str, what: &str| match written {
            0 => Ok(()),
            written => Err(Broken { invariant, what: format!("{what} wrote {written} records") }),
        };
        let before = self.site.watch().written;
        let mut heard = self.post.heard.clone();
        heard.reverse();
        for events in heard.chunks(100) {
            if let Some(worker) = self.idle() {
                self.begin(worker, Job::TakeIn(events.to_vec()), RUN);
            }
            self.drain()?;
        }
        let after = self.site.watch().written;
        // To a store that was restored, some of them are news.
        if !self.site.watch().struck(&[Fault::StoreRestored]) {
            quiet(after - before, "I30", "every webhook once more")?;
        }
        self.pass(BETWEEN_PASSES_MS);
        quiet(self.reconcile(Task::Poll)?, "I34", "a poll")?;
        quiet(self.reconcile(Task::Sweep)?, "I34", "a full reconcile")?;
        let (waiting, letters) = (self.waiting(), self.post.letters.len());
        if waiting + letters > 0 {
            let what = format!("{waiting} messages and {letters} notices are left over");
            return Err(Broken { invariant: "I37", what });
        }
        let open = oracle::now(self.site.store.census()).map_or(0, |census| census.open);
        if open > 0 {
            return Err(Broken { invariant: "I37", what: format!("{open} links have an open intent") });
        }
        Ok(())
    }
}
