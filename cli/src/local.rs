//! Everything that runs in a `concord up` process, put together.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials as AwsCredentials, Region};
use concord_aws::dynamo::{DynamoStore, Tables, create_tables};
use concord_aws::telemetry::Metrics;
use concord_core::contract::Contract;
use concord_core::names::RecordId;
use concord_core::port::Store as _;
use concord_core::step::{Directory, Engine, Gate};
use concord_core::value::ImageKey;
use concord_crm::transport::Http;
use concord_crm::{hubspot, salesforce};
use concord_sandbox::face::Face;
use concord_sandbox::fifo::{LocalQueue, QueueName, Terms};
use concord_sandbox::{hubspot as hubspot_sandbox, salesforce as salesforce_sandbox};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::console::{Depth, Pause};
use crate::contract::ContractFile;

/// Concord on one machine: the same steps and the same clients as on AWS.
pub(crate) type LocalEngine =
    Engine<DynamoStore, LocalQueue, hubspot::HubSpot<Http>, salesforce::Salesforce<Http>>;

/// What a running `concord up` consists of.
pub(crate) struct Local {
    pub(crate) engine: LocalEngine,
    pub(crate) pause: Pause,
    pub(crate) metrics: Metrics,
    pub(crate) crms: Crms,
    pub(crate) credentials: Credentials,
    last_reconcile: Mutex<Option<Timestamp>>,
}

/// Both sandboxes.
pub(crate) struct Crms {
    pub(crate) hubspot: Face<hubspot_sandbox::HubSpot>,
    pub(crate) salesforce: Face<salesforce_sandbox::Salesforce>,
}

/// Shards of each queue, and so batches at work at once per queue.
pub(crate) const SHARDS: u32 = 8;
impl Local {
    pub(crate) async fn build(
        credentials: Credentials,
        crms: Crms,
        dynamodb: &str,
        contract: Contract,
    ) -> anyhow::Result<Self> {
        let client = dynamo_client(dynamodb);
        let tables = Tables {
            state: "concord-state".to_owned(),
            idempotency: "concord-idempotency".to_owned(),
            journal: "concord-journal".to_owned(),
        };
        Box::pin(create_tables(&client, &tables)).await?;
        let metrics = Metrics::new("Concord", "concord-up");
        let store = DynamoStore::new(client, tables, DynamoStore::JOURNAL_DAYS).counting(metrics.clone());
        let pause = Box::pin(Pause::restore(&store)).await?;
        let queue = LocalQueue::new(Terms::named("hints.fifo"), Terms::named("intents.fifo"), Timestamp::now);
        let http = Http::new()?;
        let engine = Engine {
            store,
            queue,
            hubspot: hubspot::HubSpot::new(http.clone(), credentials.hubspot(crms.hubspot.url())),
            salesforce: salesforce::Salesforce::new(credentials.salesforce(crms.salesforce.url()), http),
            contract,
            key: ImageKey::new(credentials.image_key),
            shards: SHARDS,
            gate: Gate::default(),
            directory: Directory::default(),
        };
        Ok(Self { engine, pause, metrics, crms, credentials, last_reconcile: Mutex::default() })
    }

    /// Puts the engine's contract in force if both live schemas fit it, unless it is already.
    pub(crate) async fn take_contract(&self, contract: &ContractFile) -> anyhow::Result<()> {
        for warning in contract.fitted_to(&self.engine.mismatches().await?)? {
            tracing::warn!(%warning, "a live schema is not quite as the contract says");
        }
        match self.engine.store.contract().await? {
            Some(current) if current == contract.yaml => Ok(()),
            Some(_) | None => contract.take(&self.engine.store).await,
        }
    }

    pub(crate) fn depths(&self) -> (Depth, Depth) {
        let depth = |queue| {
            let counts = self.engine.queue.counts(queue);
            Depth {
                visible: (counts.visible + counts.delayed) as u64,
                in_flight: counts.in_flight as u64,
                dead: counts.dead as u64,
            }
        };
        (depth(QueueName::Hints), depth(QueueName::Intents))
    }

    /// Notices of the sandboxes that are still to be delivered.
    pub(crate) fn undelivered(&self) -> u64 {
        let loads = [self.crms.hubspot.load(), self.crms.salesforce.load()];
        loads.iter().map(|load| (load.waiting + load.in_flight) as u64).sum()
    }

    pub(crate) fn last_reconcile(&self) -> Option<Timestamp> {
        *self.last_reconcile.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_reconciled(&self, at: Timestamp) {
        *self.last_reconcile.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }
}

/// Who the parties are to each other. Made at the first start and kept, so that a second one finds its way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) hubspot_token: String,
    pub(crate) salesforce_client_id: String,
    pub(crate) salesforce_client_secret: String,
    pub(crate) webhook_secret: String,
    image_key: [u8; 16],
}

impl Credentials {
    /// Those of this directory.
    pub(crate) fn of(data: &Path) -> anyhow::Result<Self> {
        let path = data.join("credentials.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| {
                format!("{} is damaged: remove the directory to start anew", path.display())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let fresh = Self::random()?;
                std::fs::write(&path, serde_json::to_string_pretty(&fresh)?)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                Ok(fresh)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn random() -> anyhow::Result<Self> {
        let word = || -> anyhow::Result<String> {
            let mut bits = [0_u8; 16];
            getrandom::fill(&mut bits).context("the system has no randomness to give")?;
            Ok(hex::encode(bits))
        };
        let mut image_key = [0; 16];
        getrandom::fill(&mut image_key).context("the system has no randomness to give")?;
        Ok(Self {
            hubspot_token: format!("pat-local-{}", word()?),
            salesforce_client_id: format!("client-{}", word()?),
            salesforce_client_secret: word()?,
            webhook_secret: word()?,
            image_key,
        })
    }

    pub(crate) fn hubspot_sandbox(&self) -> hubspot_sandbox::Config {
        let tokens = [self.hubspot_token.clone()].into();
        hubspot_sandbox::Config { tokens, ..hubspot_sandbox::Config::default() }
    }

    pub(crate) fn salesforce_sandbox(&self) -> salesforce_sandbox::Config {
        salesforce_sandbox::Config {
            client_id: self.salesforce_client_id.clone(),
            client_secret: self.salesforce_client_secret.clone(),
            ..salesforce_sandbox::Config::default()
        }
    }

    pub(crate) fn portal(&self) -> hubspot::PortalId {
        hubspot::PortalId(self.hubspot_sandbox().portal_id)
    }

    pub(crate) fn org(&self) -> RecordId {
        RecordId::new(self.salesforce_sandbox().org_id)
    }

    fn hubspot(&self, base: String) -> hubspot::Config {
        hubspot::Config {
            base,
            family: hubspot::Family::default(),
            auth: hubspot::Auth::Bearer(hubspot::Secret::new(self.hubspot_token.clone())),
            app: hubspot::AppId(self.hubspot_sandbox().app_id),
            portal: self.portal(),
            names: hubspot::PropertyNames::default(),
            clock: Arc::new(Timestamp::now),
        }
    }

    fn salesforce(&self, login_url: String) -> salesforce::Config {
        let auth = salesforce::config::Auth::ClientCredentials {
            client_id: self.salesforce_client_id.clone(),
            client_secret: salesforce::config::Secret::new(self.salesforce_client_secret.clone()),
        };
        salesforce::Config::new(login_url, auth, Arc::new(Timestamp::now))
    }
}

/// DynamoDB in this process, over a file.
pub(crate) struct Database {
    pub(crate) url: String,
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
}

impl Database {
    pub(crate) async fn open(file: &Path, listener: TcpListener) -> anyhow::Result<Self> {
        let Some(path) = file.to_str() else { bail!("{} is not valid UTF-8", file.display()) };
        let database =
            dynoxide::Database::new(path).with_context(|| format!("cannot open the database {path}"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let until = async move {
                // A sender that is gone means the same as one that said so.
                let _ = stopped.await;
            };
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, until).await {
                tracing::error!(%error, "the database stopped");
            }
        });
        Ok(Self { url, stop, server })
    }

    pub(crate) async fn close(self) {
        // An open keep-alive connection must not hold the shutdown up.
        const PATIENCE: Duration = Duration::from_secs(2);
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(PATIENCE, self.server).await;
    }
}

/// A client for the embedded database: any region, any credentials, no TLS.
fn dynamo_client(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .endpoint_url(endpoint)
        .credentials_provider(AwsCredentials::new("local", "local", None, None, "concord up"))
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}
