//! What the four functions share: clients that live as long as the process, and the engine on top of them.
//!
//! Made once, at start. The engine is made anew when the contract or the credentials have changed; a login that
//! was refused makes the next call read the secret again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use concord_core::port::{Store as _, StoreError};
use concord_core::step::{Directory, Engine, Gate};
use concord_crm::hubspot::{self, HubSpot};
use concord_crm::salesforce::{self, Salesforce};
use concord_crm::transport::{Http, TransportError};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::config::{Faults, Settings};
use crate::counted::Counted;
use crate::dynamo::DynamoStore;
use crate::secrets::{Credentials, SecretError, Secrets};
use crate::sqs::SqsQueue;
use crate::telemetry::{self, Metrics};

/// The engine over AWS and the two CRMs.
pub type DeployedEngine = Engine<DynamoStore, SqsQueue, Counted<HubSpot<Http>>, Counted<Salesforce<Http>>>;

/// How long a contract is used before the store is asked for a newer one. Ours: short enough to follow a change
/// within a minute, long enough to cost no read per batch.
const CONTRACT_AGE: SignedDuration = SignedDuration::from_secs(60);

/// Longest wait for one answer of an AWS service. Without it, a connection that went stale while Lambda had frozen
/// the process would be waited for until the function's own end.
const AWS_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest wait for a call, with the SDK's two further attempts.
const AWS_CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a function cannot work.
#[derive(Debug, Error)]
pub enum StartError {
    /// The environment.
    #[error(transparent)]
    Settings(#[from] Faults),
    /// The credentials.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// TLS could not be set up.
    #[error("no connection to the CRMs can be made")]
    Transport(#[from] TransportError),
    /// Nobody has taken a contract.
    #[error("no contract is in force: take one with `concord contract take`")]
    NoContract,
    /// This version of Concord cannot read the contract in force: nothing is done, rather than something wrong.
    #[error("the contract in force cannot be read by this version: {0}")]
    Contract(String),
}

/// Clients, settings, and the engine in use.
pub struct Deployment {
    /// What the environment says.
    pub settings: Settings,
    /// Both sides' credentials.
    pub secrets: Secrets,
    /// Concord's memory.
    pub store: DynamoStore,
    /// The two queues.
    pub queue: SqsQueue,
    /// What is counted.
    pub metrics: Metrics,
    http: Http,
    login_refused: Arc<AtomicBool>,
    running: Mutex<Option<Running>>,
}

/// An engine, and what it was made of.
#[derive(Clone)]
struct Running {
    engine: Arc<DeployedEngine>,
    credentials: Arc<Credentials>,
    contract: String,
    checked: Timestamp,
}

impl Deployment {
    /// Reads the settings, starts logging, makes the clients, and one cheap call with the first of them: TLS and
    /// name lookup are paid before the first event.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start() -> Result<Self, StartError> {
        let settings = Settings::from_process()?;
        telemetry::init(&settings.telemetry);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(AWS_ATTEMPT_TIMEOUT)
            .operation_timeout(AWS_CALL_TIMEOUT)
            .build();
        let aws = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
        let aws = Box::pin(aws.load()).await;
        let deployment = Self::new(settings, &aws)?;
        // A table that cannot be reached now may be there when an event comes: the function starts all the same.
        if let Err(error) = Box::pin(deployment.store.warm()).await {
            tracing::warn!(%error, "the state table could not be reached at start");
        }
        Ok(deployment)
    }

    /// Makes the clients; no call.
    ///
    /// # Errors
    /// [`StartError::Transport`].
    pub fn new(settings: Settings, aws: &aws_config::SdkConfig) -> Result<Self, StartError> {
        let metrics = Metrics::new(&settings.telemetry.namespace, &settings.telemetry.service);
        let dynamo = aws_sdk_dynamodb::Client::new(aws);
        let store = DynamoStore::new(dynamo, settings.tables.clone(), settings.journal_days);
        let queue = SqsQueue::new(
            aws_sdk_sqs::Client::new(aws),
            settings.hints_queue_url.clone(),
            settings.intents_queue_url.clone(),
        );
        let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(aws), settings.secret_id.clone());
        Ok(Self {
            store: store.counting(metrics.clone()),
            queue,
            secrets,
            metrics,
            http: Http::new()?,
            settings,
            login_refused: Arc::default(),
            running: Mutex::default(),
        })
    }

    /// Both sides' credentials, read again if a login was refused since.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn credentials(&self, now: Timestamp) -> Result<Arc<Credentials>, SecretError> {
        match self.login_refused.swap(false, Ordering::Relaxed) {
            true => self.secrets.refresh(now).await,
            false => self.secrets.credentials(now).await,
        }
    }

    /// The engine under the contract in force.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn engine(&self, now: Timestamp) -> Result<Arc<DeployedEngine>, StartError> {
        let credentials = self.credentials(now).await?;
        let running = self.running().clone();
        let same_login =
            running.as_ref().filter(|running| Arc::ptr_eq(&running.credentials, &credentials)).cloned();
        if let Some(running) = &same_login
            && now.duration_since(running.checked) < CONTRACT_AGE
        {
            return Ok(Arc::clone(&running.engine));
        }
        let contract = self.store.contract().await?.ok_or(StartError::NoContract)?;
        let engine = match same_login {
            Some(running) if running.contract == contract => running.engine,
            Some(running) => {
                // The same logins go on under the new contract.
                let hubspot = running.engine.hubspot.clone();
                self.build(hubspot, running.engine.salesforce.clone(), &credentials, &contract)?
            }
            None => {
                let hubspot = self.new_hubspot(&credentials);
                self.build(hubspot, self.new_salesforce(&credentials), &credentials, &contract)?
            }
        };
        let running = Running { engine: Arc::clone(&engine), credentials, contract, checked: now };
        *self.running() = Some(running);
        Ok(engine)
    }

    /// An engine under a contract that is not in force (yet), with clients of its own.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn engine_under(
        &self,
        contract: &str,
        now: Timestamp,
    ) -> Result<Arc<DeployedEngine>, StartError> {
        let credentials = self.credentials(now).await?;
        self.build(self.new_hubspot(&credentials), self.new_salesforce(&credentials), &credentials, contract)
    }

    fn new_hubspot(&self, credentials: &Credentials) -> Counted<HubSpot<Http>> {
        self.counted(HubSpot::new(self.http.clone(), self.hubspot(credentials)))
    }

    fn new_salesforce(&self, credentials: &Credentials) -> Counted<Salesforce<Http>> {
        self.counted(Salesforce::new(self.salesforce(credentials), self.http.clone()))
    }

    fn build(
        &self,
        hubspot: Counted<HubSpot<Http>>,
        salesforce: Counted<Salesforce<Http>>,
        credentials: &Credentials,
        contract: &str,
    ) -> Result<Arc<DeployedEngine>, StartError> {
        let contract = concord_core::contract::parse(contract).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(|fault| fault.render("contract")).collect();
            StartError::Contract(faults.join("; "))
        })?;
        Ok(Arc::new(Engine {
            store: self.store.clone(),
            queue: self.queue.clone(),
            hubspot,
            salesforce,
            contract,
            key: credentials.image_key.clone(),
            shards: self.settings.shards,
            gate: Gate::default(),
            directory: Directory::default(),
        }))
    }

    fn counted<C>(&self, crm: C) -> Counted<C> {
        Counted::new(crm, self.metrics.clone(), Arc::clone(&self.login_refused))
    }

    fn hubspot(&self, credentials: &Credentials) -> hubspot::Config {
        hubspot::Config {
            base: self.settings.hubspot_url.clone(),
            family: hubspot::Family::default(),
            auth: credentials.hubspot.auth.clone(),
            app: credentials.hubspot.app,
            portal: credentials.hubspot.portal,
            names: hubspot::PropertyNames::default(),
            clock: Arc::new(Timestamp::now),
        }
    }

    fn salesforce(&self, credentials: &Credentials) -> salesforce::Config {
        let auth = credentials.salesforce.auth.clone();
        let clock = Arc::new(Timestamp::now);
        salesforce::Config {
            user_id: credentials.salesforce.user.clone(),
            ..salesforce::Config::new(self.settings.salesforce_url.clone(), auth, clock)
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        // It is replaced whole, so one seen after a panic elsewhere is still sound.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
