//! The whole spine in one thread, on one virtual clock: the real steps and the real CRM clients between the two
//! sandboxes, the FIFO model and the store model. Nothing sleeps; time moves when there is nothing else to do.
//!
//! Scenarios, not chance: what goes wrong is said by the test.

mod people;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use concord_core::contract::{Contract, parse};
use concord_core::event::Event;
use concord_core::link::Link;
use concord_core::names::{RecordId, RecordKey, Side};
use concord_core::port::{Failure, Messages, Store as _, Whereabouts};
use concord_core::step::{Directory, Engine, Gate, Next, StepError, Task};
use concord_core::value::ImageKey;
use concord_crm::hubspot::{self, webhook};
use concord_crm::salesforce::{self, events};
use concord_crm::transport::{Transport, TransportError};
use concord_sandbox::crm::{Caller, Machine, Notice};
use concord_sandbox::fifo::{LocalQueue, QueueName, Received, Terms};
use concord_sandbox::store::MemoryStore;
use concord_sandbox::transport::InProcess;
use concord_sandbox::{hubspot as hubspot_sandbox, salesforce as salesforce_sandbox};
use http::{Method, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The contract that a user starts from.
pub const SAMPLE_CONTRACT: &str = include_str!("../../../infra/contract.yaml");

/// HubSpot's id of a custom object type, which both CRMs have: Salesforce's is `Project__c`.
pub const PROJECTS: &str = "2-4711";

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It does not arrive.
    RequestLost,
    /// It takes effect and no answer comes.
    AnswerLost,
    /// It is refused with this status and no effect.
    Refused(u16),
}

/// One CRM as the client sees it, with its calls counted.
pub struct Wire<M> {
    machine: InProcess<M>,
    state: Arc<Mutex<WireState>>,
}

#[derive(Default)]
struct WireState {
    calls: BTreeMap<&'static str, usize>,
    written: usize,
    troubles: Vec<(&'static str, Trouble)>,
}

impl<M> Clone for Wire<M> {
    fn clone(&self) -> Self {
        Self { machine: self.machine.clone(), state: Arc::clone(&self.state) }
    }
}

impl<M: Machine> Wire<M> {
    fn new(machine: M, clock: Clock) -> Self {
        Self { machine: InProcess::new(machine, clock), state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, WireState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records written by Concord so far, refused ones included.
    #[must_use]
    pub fn written(&self) -> usize {
        self.state().written
    }

    /// Calls made by Concord so far, by kind.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<&'static str, usize> {
        self.state().calls.clone()
    }

    /// The next call whose kind begins like this goes wrong.
    pub fn trouble(&self, kind: &'static str, trouble: Trouble) {
        self.state().troubles.push((kind, trouble));
    }

    /// Whether all announced trouble has come.
    #[must_use]
    pub fn troubles_over(&self) -> bool {
        self.state().troubles.is_empty()
    }

    /// A person does something at the screen.
    #[expect(clippy::panic, reason = "a scenario whose person fails is wrong")]
    pub fn person(&self, method: Method, path: &str, body: &Value) -> Value {
        let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(bytes);
        let Ok(request) = request else { panic!("not a request: {path}") };
        let answer = self.machine.call(Caller::Person, &request);
        assert!(answer.status().is_success(), "{path}: {} {:?}", answer.status(), answer.body());
        serde_json::from_slice(answer.body()).unwrap_or(Value::Null)
    }
}

impl<M: Machine> Wire<M> {
    /// A person's call of Salesforce's SOAP API.
    pub fn person_soap(&self, operation: &str) -> String {
        let path = "/services/Soap/u/66.0";
        let body = Bytes::from(salesforce_sandbox::soap_envelope("person", operation));
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        if let Ok(uri) = path.parse() {
            *request.uri_mut() = uri;
        }
        request.headers_mut().insert("content-type", http::HeaderValue::from_static("text/xml"));
        request.headers_mut().insert("soapaction", http::HeaderValue::from_static("\"\""));
        let answer = self.machine.call(Caller::Person, &request);
        assert!(answer.status().is_success(), "{path}: {} {:?}", answer.status(), answer.body());
        String::from_utf8_lossy(answer.body()).into_owned()
    }
}

impl<M: Machine> Transport for Wire<M> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let kind = self.machine.machine().kind(&request);
        let trouble = {
            let mut state = self.state();
            *state.calls.entry(kind.name).or_default() += 1;
            if kind.name.starts_with("write_") {
                state.written += kind.weight;
            }
            let hit = state.troubles.iter().position(|(name, _)| kind.name.starts_with(name));
            hit.map(|index| state.troubles.remove(index).1)
        };
        // A call takes time: whoever else is at work goes on meanwhile.
        tokio::task::yield_now().await;
        match trouble {
            None => self.machine.send(request).await,
            Some(Trouble::RequestLost) => Err(TransportError::Lost("the request was lost".to_owned())),
            Some(Trouble::AnswerLost) => {
                self.machine.send(request).await?;
                Err(TransportError::Lost("the answer was lost".to_owned()))
            }
            Some(Trouble::Refused(status)) => {
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                Ok(answer)
            }
        }
    }
}

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
type HubSpotWire = Wire<hubspot_sandbox::HubSpot>;
type SalesforceWire = Wire<salesforce_sandbox::Salesforce>;

/// The whole spine.
pub struct Spine {
    time: Arc<Mutex<Timestamp>>,
    /// HubSpot and its callers.
    pub hubspot: HubSpotWire,
    /// Salesforce and its callers.
    pub salesforce: SalesforceWire,
    /// The queues.
    pub queue: LocalQueue,
    /// The engine.
    pub engine: Engine<
        MemoryStore,
        LocalQueue,
        hubspot::HubSpot<HubSpotWire>,
        salesforce::Salesforce<SalesforceWire>,
    >,
    org: RecordId,
    portal: u64,
    /// Notices are thrown away while this is set: webhooks that never arrive.
    pub deaf: bool,
    /// Every notice that was taken in, to be replayed.
    pub heard: Vec<Event>,
}

/// Rounds after which a spine that is still busy is called livelocked.
const ROUNDS_MAX: usize = 2_000;

#[expect(clippy::panic, reason = "a scenario that cannot be set up is wrong")]
impl Spine {
    /// Two empty CRMs and the sample contract.
    #[must_use]
    pub fn new() -> Self {
        Self::with_contract(SAMPLE_CONTRACT)
    }

    /// Two empty CRMs and this contract.
    #[must_use]
    pub fn with_contract(yaml: &str) -> Self {
        Self::paged(yaml, usize::MAX)
    }

    /// The same, whose CRMs show so many records a page.
    #[must_use]
    pub fn paged(yaml: &str, page_max: usize) -> Self {
        let Ok(start) = Timestamp::from_second(1_800_000_000) else { panic!("1.8e9 s is an instant") };
        let time = Arc::new(Mutex::new(start));
        let clock: Clock = {
            let time = Arc::clone(&time);
            Arc::new(move || *time.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let contract: Contract =
            parse(yaml).unwrap_or_else(|faults| panic!("the contract is broken: {faults:?}"));
        let hubspot_config = hubspot_sandbox::Config {
            tokens: ["token".to_owned()].into(),
            limits: hubspot_sandbox::Limits::NONE,
            custom_types: vec![hubspot_sandbox::CustomType {
                type_id: PROJECTS.to_owned(),
                singular: "project".to_owned(),
                plural: "projects".to_owned(),
                properties: vec!["name".to_owned()],
            }],
            page_max,
            ..hubspot_sandbox::Config::default()
        };
        let (app, portal) = (hubspot_config.app_id, hubspot_config.portal_id);
        let salesforce_config =
            salesforce_sandbox::Config { page_max, ..salesforce_sandbox::Config::default() };
        let org = RecordId::new(salesforce_config.org_id.clone());
        let auth = salesforce::config::Auth::ClientCredentials {
            client_id: salesforce_config.client_id.clone(),
            client_secret: salesforce::config::Secret::new(salesforce_config.client_secret.clone()),
        };
        let hubspot = Wire::new(hubspot_sandbox::HubSpot::new(hubspot_config), Arc::clone(&clock));
        let salesforce =
            Wire::new(salesforce_sandbox::Salesforce::new(salesforce_config), Arc::clone(&clock));
        let hubspot_client = hubspot::HubSpot::new(
            hubspot.clone(),
            hubspot::Config {
                base: "https://api.hubapi.com".to_owned(),
                family: hubspot::Family::V2026_03,
                auth: hubspot::Auth::Bearer(hubspot::Secret::new("token")),
                app: hubspot::AppId(app),
                portal: hubspot::PortalId(portal),
                names: hubspot::PropertyNames::default(),
                clock: Arc::clone(&clock),
            },
        );
        let salesforce_client = salesforce::Salesforce::new(
            salesforce::Config::new("https://acme.my.salesforce.com", auth, Arc::clone(&clock)),
            salesforce.clone(),
        );
        let queue = {
            let clock = Arc::clone(&clock);
            LocalQueue::new(Terms::named("hints.fifo"), Terms::named("intents.fifo"), move || clock())
        };
        let engine = Engine {
            store: MemoryStore::new(),
            queue: queue.clone(),
            hubspot: hubspot_client,
            salesforce: salesforce_client,
            contract,
            key: ImageKey::new([9; 16]),
            shards: 8,
            gate: Gate::default(),
            directory: Directory::default(),
        };
        Self { time, hubspot, salesforce, queue, engine, org, portal, deaf: false, heard: Vec::new() }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass.
    pub fn pass(&self, time: SignedDuration) {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }

    /// Delivers what the CRMs have to tell. Returns how many events there were.
    pub async fn deliver(&mut self) -> usize {
        let events = self.told();
        if self.deaf {
            return 0;
        }
        self.heard.extend(events.iter().cloned());
        self.take_in(&events).await;
        events.len()
    }

    /// What the CRMs have to tell, and will not tell again.
    #[must_use]
    pub fn told(&self) -> Vec<Event> {
        let told = self.hubspot.machine.machine().notices();
        let also_told = self.salesforce.machine.machine().notices();
        told.iter().chain(&also_told).flat_map(|notice| self.read_notice(notice)).collect()
    }

    /// Hands events to the webhook step.
    pub async fn take_in(&self, events: &[Event]) {
        for batch in events.chunks(webhook::EVENTS_MAX) {
            let taken = self.engine.take_in(batch, self.now()).await;
            assert!(taken.is_ok(), "{taken:?}");
        }
    }

    fn read_notice(&self, notice: &Notice) -> Vec<Event> {
        match notice {
            Notice::Webhook(event) => {
                let body = Value::Array(vec![event.clone()]).to_string();
                let portal = hubspot::PortalId(self.portal);
                match webhook::parse(body.as_bytes(), portal, webhook::Limits::default()) {
                    Ok(delivered) => delivered.events,
                    Err(refused) => panic!("{refused}: {event}"),
                }
            }
            Notice::ChangeEvent(envelope) => {
                let source = events::Source { org: self.org.clone(), appflow: None };
                match events::change_event(envelope, &source) {
                    Ok(events::Told::Records(event)) => vec![event],
                    Ok(events::Told::NeedsSweep { object, .. }) => panic!("unexpected overflow of {object}"),
                    Err(refusal) => panic!("{refusal}: {envelope}"),
                }
            }
        }
    }

    /// One round: deliveries, then every message that can be received. Returns whether anything happened.
    pub async fn round(&mut self) -> bool {
        let mut busy = self.deliver().await > 0;
        for queue in [QueueName::Hints, QueueName::Intents] {
            loop {
                let batch = self.queue.receive(queue, 10);
                if batch.is_empty() {
                    break;
                }
                for message in batch {
                    busy |= self.work(queue, &message).await;
                }
            }
        }
        busy
    }

    /// Works on every message that can be received, all at once, as workers side by side do.
    pub async fn work_at_once(&self, queue: QueueName) {
        let batch = self.queue.receive(queue, 10);
        futures_util::future::join_all(batch.iter().map(|message| self.work(queue, message))).await;
    }

    async fn work(&self, queue: QueueName, message: &Received) -> bool {
        let body: Messages = match serde_json::from_str(&message.body) {
            Ok(body) => body,
            Err(error) => panic!("{error}: {}", message.body),
        };
        let next = match &body {
            Messages::Hints(hints) => self.engine.fetch(hints, self.now()).await,
            Messages::Intents(sends) => self.engine.write(sends, self.now()).await,
        };
        match next {
            Ok(Next::Done) => {
                let _ = self.queue.delete(queue, &message.handle);
                true
            }
            Ok(Next::NotBefore(at)) => {
                let wait = at.duration_since(self.now()).as_millis();
                let wait = u64::try_from(wait).unwrap_or_default();
                let _ = self.queue.change_visibility(queue, &message.handle, wait);
                false
            }
            Err(error) => panic!("a step failed: {error}"),
        }
    }

    /// Runs until nothing is in flight. Two seconds pass between rounds, so that every stamp is of the past.
    pub async fn run(&mut self) {
        for _ in 0..ROUNDS_MAX {
            self.pass(SignedDuration::from_secs(2));
            let busy = self.round().await;
            let waiting = [QueueName::Hints, QueueName::Intents].map(|queue| {
                let counts = self.queue.counts(queue);
                counts.visible + counts.in_flight + counts.delayed
            });
            if !busy && waiting == [0, 0] {
                return;
            }
        }
        panic!("not quiet after {ROUNDS_MAX} rounds");
    }

    /// Runs a reconcile task to its end, and what it hints.
    pub async fn reconcile(&mut self, task: Task) {
        loop {
            match self.engine.reconcile(task, self.now()).await {
                Ok(report) if report.unfinished == 0 => break,
                // The schedule comes again; by then there is another login.
                Ok(_) | Err(StepError::Crm { failure: Failure::RefreshLogin { .. }, .. }) => {}
                Err(error) => panic!("reconcile failed: {error}"),
            }
        }
        self.run().await;
    }

    /// Records written to both CRMs so far.
    #[must_use]
    pub fn written(&self) -> usize {
        self.hubspot.written() + self.salesforce.written()
    }

    /// The other half of a linked contact.
    pub async fn counterpart(&self, side: Side, id: &str) -> String {
        self.counterpart_of("contact", side, id).await
    }

    /// The other half of a linked record.
    pub async fn counterpart_of(&self, object: &str, side: Side, id: &str) -> String {
        let link = self.link_of(object, side, id).await;
        match &link.records[side.other()] {
            Some(id) => id.as_str().to_owned(),
            None => panic!("{side} {id} has no counterpart: {link:#?}"),
        }
    }

    /// What is remembered of a linked record.
    pub async fn link_of(&self, object: &str, side: Side, id: &str) -> Link {
        let key = RecordKey { side, object: object.into(), id: RecordId::from(id) };
        let located = self.engine.store.locate(&[key]).await;
        let Ok([Whereabouts::Linked(link)]) = located.as_deref() else {
            panic!("{side} {id} is not linked: {located:?}")
        };
        let links = self.engine.store.links(std::slice::from_ref(link)).await;
        match links.unwrap_or_default().pop().flatten() {
            Some(link) => link,
            None => panic!("{side} {id}: its link is gone"),
        }
    }
}

/// Nothing is open, parked or held, and looking at everything once more writes nothing (I34).
pub async fn assert_quiet(spine: &mut Spine) {
    let written = spine.written();
    for task in [Task::Sweep, Task::Poll, Task::Repair] {
        spine.reconcile(task).await;
    }
    assert_eq!(spine.written(), written, "a further reconcile writes nothing");
    let census = spine.engine.store.census().await;
    assert_eq!(census.map(|census| (census.open, census.parked, census.conflicts)), Ok((0, 0, 0)));
}

impl Default for Spine {
    fn default() -> Self {
        Self::new()
    }
}
