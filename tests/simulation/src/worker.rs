//! Workers: what Lambda and its event source mapping do, one job at a time, until it is done or the worker dies.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use concord_core::batch::{self, Deadline, Fate, Incoming};
use concord_core::contract::Contract;
use concord_core::event::Event;
use concord_core::names::{ObjectName, PerSide, RecordId, RecordKey, Side};
use concord_core::port::{Conflict, Hints, Sends};
use concord_core::step::{Directory, Engine, Gate, Next, Report, Said, StepError, TakenIn, Task};
use concord_core::value::ImageKey;
use concord_crm::{hubspot, salesforce};
use concord_sandbox::fifo::QueueName;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Skewed;
use crate::desk::{Desk, Line};
use crate::site::{HUBSPOT_TOKEN, SharedSite};

/// What a worker is given to do.
#[derive(Debug, Clone)]
pub enum Job {
    /// Events that the front door let in.
    TakeIn(Vec<Event>),
    /// Messages of one queue.
    Batch(QueueName, Vec<Incoming>),
    /// A schedule.
    Reconcile(Task),
    /// An operator takes one side's value for a conflict, by its name.
    Take(String, Side),
    /// An operator releases a brake.
    Release(ObjectName),
    /// An operator says that the pair of a record is to be left alone.
    Unlink(RecordKey),
    /// And that two records are one thing.
    Link(ObjectName, PerSide<RecordId>),
    /// Or that they are not.
    KeepApart(ObjectName, PerSide<RecordId>),
    /// An operator erases what a record is part of.
    Erase(RecordKey),
}

/// How a job ended.
#[derive(Debug)]
pub enum Ended {
    /// The front door's answer.
    TakeIn(Result<TakenIn, StepError>),
    /// What becomes of each message.
    Batch(QueueName, Vec<Incoming>, Vec<Fate>),
    /// How far the schedule came.
    Reconcile(Task, Result<Report, StepError>),
    /// The conflict that was decided, if there was one of that name.
    Take(Box<Result<Option<Conflict>, StepError>>),
    /// Whether there was a brake to release.
    Release(Result<bool, StepError>),
    /// Two records that are kept apart, unless somebody could not be told so.
    KeptApart(ObjectName, PerSide<RecordId>, Result<Said, StepError>),
    /// What came of a pair that somebody spoke of.
    Said(Result<Said, StepError>),
}

type Running = Pin<Box<dyn Future<Output = Ended>>>;
type RealEngine = Engine<Desk, Desk, hubspot::HubSpot<Line>, salesforce::Salesforce<Line>>;

/// One process of Concord.
pub struct Worker {
    /// Its number.
    pub number: usize,
    /// Its clock.
    pub clock: Skewed,
    site: SharedSite,
    contract: Contract,
    engine: Option<Arc<RealEngine>>,
    running: Option<Running>,
    job: Option<Job>,
    untouched: bool,
    ended: Option<Ended>,
    /// Stands still until then.
    pub frozen_until: Option<Timestamp>,
}

impl Worker {
    /// A worker that has not begun.
    #[must_use]
    pub fn new(number: usize, clock: Skewed, site: SharedSite, contract: Contract) -> Self {
        Self {
            number,
            clock,
            site,
            contract,
            engine: None,
            running: None,
            job: None,
            untouched: true,
            ended: None,
            frozen_until: None,
        }
    }

    /// Whether it has nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_none() && self.ended.is_none()
    }

    /// Whether its job is done and nobody has taken the answer.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// What it is at.
    #[must_use]
    pub fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    /// Begins a job, with so much time for it.
    pub fn begin(&mut self, job: Job, time: SignedDuration) {
        let engine = Arc::clone(self.engine.get_or_insert_with(|| {
            Arc::new(engine(&self.site, self.number, &self.clock, self.contract.clone()))
        }));
        let (clock, site) = (self.clock.clone(), Arc::clone(&self.site));
        let deadline = Deadline(clock.now().checked_add(time).unwrap_or(Timestamp::MAX));
        self.running = Some(match job.clone() {
            Job::TakeIn(events) => {
                Box::pin(async move { Ended::TakeIn(engine.take_in(&events, clock.now()).await) })
            }
            Job::Batch(QueueName::Hints, messages) => Box::pin(async move {
                let failed = AtomicBool::new(false);
                let step = async |hints: &Hints| noted(engine.fetch(hints, clock.now()).await, &failed);
                let fates = batch::work(&messages, deadline, || clock.now(), &engine.store, step).await;
                failures_come_again(&site, &failed, &fates);
                Ended::Batch(QueueName::Hints, messages, fates)
            }),
            Job::Batch(QueueName::Intents, messages) => Box::pin(async move {
                let failed = AtomicBool::new(false);
                let step = async |sends: &Sends| noted(engine.write(sends, clock.now()).await, &failed);
                let fates = batch::work(&messages, deadline, || clock.now(), &engine.store, step).await;
                failures_come_again(&site, &failed, &fates);
                Ended::Batch(QueueName::Intents, messages, fates)
            }),
            Job::Reconcile(task) => {
                Box::pin(async move { Ended::Reconcile(task, engine.reconcile(task, clock.now()).await) })
            }
            Job::Take(name, side) => {
                Box::pin(async move { Ended::Take(Box::new(engine.take(&name, side, clock.now()).await)) })
            }
            Job::Unlink(record) => {
                Box::pin(async move { Ended::Said(engine.unlink(&record, clock.now()).await) })
            }
            Job::Link(object, ids) => {
                Box::pin(async move { Ended::Said(engine.link(&object, &ids, clock.now()).await) })
            }
            Job::KeepApart(object, ids) => Box::pin(async move {
                let said = engine.keep_apart(&object, &ids, clock.now()).await;
                Ended::KeptApart(object, ids, said)
            }),
            Job::Erase(record) => {
                Box::pin(async move { Ended::Said(engine.erase(&record, clock.now()).await) })
            }
            Job::Release(object) => {
                Box::pin(async move { Ended::Release(engine.release(&object, clock.now()).await) })
            }
        });
        self.job = Some(job);
        self.untouched = true;
        self.go_on();
    }

    /// Whether this is the first that its job does to the outside world.
    pub fn comes_to_its_first_effect(&mut self) -> bool {
        std::mem::take(&mut self.untouched)
    }

    /// Goes on as far as it can without a turn.
    pub fn go_on(&mut self) {
        let Some(running) = &mut self.running else { return };
        match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {}
            Poll::Ready(ended) => {
                self.running = None;
                self.ended = Some(ended);
            }
        }
    }

    /// Takes the answer.
    pub fn take_end(&mut self) -> Option<Ended> {
        self.job = None;
        self.ended.take()
    }

    /// Dies where it stands, and is a new process. Returns what it was at.
    pub fn crash(&mut self) -> Option<Job> {
        self.running = None;
        self.ended = None;
        self.engine = None;
        self.frozen_until = None;
        self.job.take()
    }
}

fn noted(next: Result<Next, StepError>, failed: &AtomicBool) -> Result<Next, StepError> {
    failed.fetch_or(next.is_err(), Ordering::Relaxed);
    next
}

/// A step that failed has to be taken again, so some message of its batch is not done with (I37).
fn failures_come_again(site: &SharedSite, failed: &AtomicBool, fates: &[Fate]) {
    if failed.load(Ordering::Relaxed) && fates.iter().all(|fate| *fate == Fate::Done) {
        site.watch().broken("I37", "a step failed, and all messages of its batch are done with".to_owned());
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("number", &self.number).field("job", &self.job).finish_non_exhaustive()
    }
}

fn engine(site: &SharedSite, worker: usize, clock: &Skewed, contract: Contract) -> RealEngine {
    let desk = Desk { site: Arc::clone(site), worker };
    let line = |side| Line { desk: desk.clone(), side };
    let hubspot_config = {
        let machine = site.hubspot.machine();
        hubspot::Config {
            base: "https://api.hubapi.com".to_owned(),
            family: hubspot::Family::V2026_03,
            auth: hubspot::Auth::Bearer(hubspot::Secret::new(HUBSPOT_TOKEN)),
            app: hubspot::AppId(machine.config().app_id),
            portal: hubspot::PortalId(machine.config().portal_id),
            names: hubspot::PropertyNames::default(),
            clock: clock.shared(),
        }
    };
    let org = concord_sandbox::salesforce::Config::default();
    let auth = salesforce::config::Auth::ClientCredentials {
        client_id: org.client_id,
        client_secret: salesforce::config::Secret::new(org.client_secret),
    };
    Engine {
        store: desk.clone(),
        queue: desk.clone(),
        hubspot: hubspot::HubSpot::new(line(Side::HubSpot), hubspot_config),
        salesforce: salesforce::Salesforce::new(
            salesforce::Config::new("https://acme.my.salesforce.com", auth, clock.shared()),
            line(Side::Salesforce),
        ),
        contract,
        key: ImageKey::new([9; 16]),
        shards: 8,
        gate: Gate::default(),
        directory: Directory::default(),
    }
}
