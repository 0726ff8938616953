//! `concord up`: everything on this machine, in one process, on loopback.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use concord_aws::config::TelemetrySettings;
use concord_aws::telemetry;
use concord_core::names::Side;
use concord_core::step::Task;
use concord_sandbox::courier::{Target, Terms};
use concord_sandbox::face::{self, Config, Receiver};
use concord_sandbox::sample;
use concord_sandbox::{hubspot, salesforce};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::contract::ContractFile;
use crate::endpoints::{DEFAULT_DATA_DIR, Endpoints};
use crate::local::{Credentials, Crms, Database, Local};
use crate::{console, progress, runner, say};

/// The contract that a newcomer starts with.
const SAMPLE_CONTRACT: &str = include_str!("../../infra/contract.yaml");

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Where everything is kept.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data: PathBuf,
    /// First of five consecutive ports on 127.0.0.1: console, HubSpot, Salesforce, webhook, DynamoDB. 0 takes any
    /// free ones.
    #[arg(long, value_name = "N", default_value_t = 7800)]
    port_base: u16,
    /// The contract: what is kept in agreement, and by which rules. Default: the sample.
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// How many sample records a new directory is filled with.
    #[arg(long, value_name = "N", default_value_t = 200)]
    records: usize,
    /// Leave out the first sync: only what changes from now on is kept in agreement.
    #[arg(long)]
    no_sync: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Where the two CRMs are kept.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data: PathBuf,
    /// First of two consecutive ports on 127.0.0.1: HubSpot, Salesforce. 0 takes any free ones.
    #[arg(long, value_name = "N", default_value_t = 7800)]
    port_base: u16,
    /// Where HubSpot's webhooks go.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// What they are signed with. Default: the directory's own.
    #[arg(long, value_name = "SECRET")]
    webhook_secret: Option<String>,
    /// Where Salesforce's change events go, each in its EventBridge envelope.
    #[arg(long, value_name = "URL")]
    events_url: Option<String>,
    /// How many sample records a new directory is filled with.
    #[arg(long, value_name = "N", default_value_t = 0)]
    records: usize,
}

/// Gives out the ports.
struct Ports(u16);

impl Ports {
    fn take(&mut self) -> SocketAddr {
        let port = self.0;
        self.0 = if port == 0 { 0 } else { port.saturating_add(1) };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    async fn listen(&mut self, what: &str) -> anyhow::Result<TcpListener> {
        let address = self.take();
        TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address} for the {what}: choose another --port-base"))
    }
}

/// Runs everything until a signal.
pub(crate) async fn up(args: UpArgs) -> anyhow::Result<()> {
    let begun = prepare(&args.data)?;
    let contract = match &args.contract {
        Some(file) => ContractFile::load(file)?,
        None => ContractFile::of(SAMPLE_CONTRACT.to_owned(), "the sample contract".to_owned())?,
    };
    let mut ports = Ports(args.port_base);
    let console_listener = ports.listen("console").await?;
    let credentials = Credentials::of(&args.data)?;
    let crms = open_crms(&args.data, &credentials, &mut ports).await?;
    let front_listener = ports.listen("webhook").await?;
    let database = Database::open(&args.data.join("dynamo.db"), ports.listen("database").await?).await?;
    if begun == Begun::Now {
        say::line(&format!("filling both sandboxes with {} sample records", args.records));
        fill(&crms, args.records).await?;
    }
    let local = Box::pin(Local::build(credentials, crms, &database.url, contract.parsed.clone())).await?;
    Box::pin(local.take_contract(&contract)).await?;
    let local = Arc::new(local);
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let console_url = format!("http://{}", console_listener.local_addr()?);
    let webhook_url = format!("http://{}/hubspot", front_listener.local_addr()?);
    tasks.spawn(logged("console", console::serve(console_listener, Arc::clone(&local), until(&stopped))));
    let front = runner::serve_front(front_listener, Arc::clone(&local), webhook_url.clone(), until(&stopped));
    tasks.spawn(logged("front door", front));
    connect(&local, &webhook_url);
    runner::start_queues(&local, &stopped, &mut tasks);

    let endpoints = Endpoints {
        hubspot: local.crms.hubspot.url(),
        salesforce: local.crms.salesforce.url(),
        webhook: Some(webhook_url),
        dynamodb: Some(database.url.clone()),
        console: Some(console_url),
        hubspot_token: local.credentials.hubspot_token.clone(),
        salesforce_client_id: local.credentials.salesforce_client_id.clone(),
        salesforce_client_secret: local.credentials.salesforce_client_secret.clone(),
        webhook_secret: local.credentials.webhook_secret.clone(),
    };
    let ready = async {
        if !args.no_sync && !local.pause.is_on() {
            let hinted = Box::pin(runner::reconcile(&local, Task::Sweep)).await;
            Box::pin(progress::until_quiet(&local, hinted)).await;
        } else if args.no_sync && begun == Begun::Now {
            Box::pin(local.engine.begin_polls_at(Timestamp::now())).await?;
        }
        runner::start_schedules(&local, &stopped, &mut tasks);
        endpoints.write(&args.data)?;
        greet(&endpoints, &args.data);
        anyhow::Ok(())
    };
    let outcome = tokio::select! {
        outcome = wait_ready(ready) => outcome,
        outcome = signalled() => outcome,
    };
    say::line("stopping");
    Endpoints::remove(&args.data)?;
    // Whoever listened has gone already if this fails.
    let _ = stop.send(true);
    finish(&mut tasks).await;
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    if let Some(local) = Arc::into_inner(local) {
        local.crms.hubspot.shutdown().await;
        local.crms.salesforce.shutdown().await;
    }
    database.close().await;
    outcome
}

/// Runs only the two CRMs until a signal.
pub(crate) async fn sandbox(args: SandboxArgs) -> anyhow::Result<()> {
    let begun = prepare(&args.data)?;
    let mut credentials = Credentials::of(&args.data)?;
    if let Some(secret) = args.webhook_secret {
        credentials.webhook_secret = secret;
    }
    let crms = open_crms(&args.data, &credentials, &mut Ports(args.port_base)).await?;
    if begun == Begun::Now {
        fill(&crms, args.records).await?;
    }
    let secret = credentials.webhook_secret.clone();
    let target = |url: String| Receiver::Url(Target { url, secret: secret.clone() });
    if let Some(url) = args.webhook_url {
        crms.hubspot.set_receiver(target(url));
    }
    if let Some(url) = args.events_url {
        crms.salesforce.set_receiver(target(url));
    }
    let endpoints = Endpoints {
        hubspot: crms.hubspot.url(),
        salesforce: crms.salesforce.url(),
        webhook: None,
        dynamodb: None,
        console: None,
        hubspot_token: credentials.hubspot_token,
        salesforce_client_id: credentials.salesforce_client_id,
        salesforce_client_secret: credentials.salesforce_client_secret,
        webhook_secret: credentials.webhook_secret,
    };
    endpoints.write(&args.data)?;
    say::line(&format!("HubSpot    {}\nSalesforce {}", endpoints.hubspot, endpoints.salesforce));
    let outcome = signalled().await;
    Endpoints::remove(&args.data)?;
    crms.hubspot.shutdown().await;
    crms.salesforce.shutdown().await;
    outcome
}

/// Whether the directory is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Now,
    Before,
}

fn prepare(data: &Path) -> anyhow::Result<Begun> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make the directory {}", data.display()))?;
    Endpoints::remove(data)?;
    let log = std::fs::OpenOptions::new().append(true).create(true).open(data.join("concord.log"));
    let log = log.with_context(|| format!("cannot write a log in {}", data.display()))?;
    let settings = TelemetrySettings {
        service: "concord-up".to_owned(),
        namespace: "Concord".to_owned(),
        log_level: tracing::Level::INFO,
    };
    // A second subscriber cannot be set, and there is none before this one.
    let _ = tracing::subscriber::set_global_default(telemetry::subscriber(&settings, Arc::new(log)));
    Ok(if data.join("credentials.json").exists() { Begun::Before } else { Begun::Now })
}

async fn open_crms(data: &Path, credentials: &Credentials, ports: &mut Ports) -> anyhow::Result<Crms> {
    let config = |side: Side, listen: SocketAddr| Config {
        ledger: Some(data.join(format!("{side}.ledger"))),
        courier: Terms::default(),
        ..Config::new(side, listen)
    };
    let at = ports.take();
    let hubspot =
        face::serve(hubspot::HubSpot::new(credentials.hubspot_sandbox()), config(Side::HubSpot, at))
            .await
            .with_context(|| format!("cannot serve HubSpot on {at}: choose another --port-base"))?;
    let at = ports.take();
    let machine = salesforce::Salesforce::new(credentials.salesforce_sandbox());
    let salesforce = face::serve(machine, config(Side::Salesforce, at))
        .await
        .with_context(|| format!("cannot serve Salesforce on {at}: choose another --port-base"))?;
    for (side, replay) in [(Side::HubSpot, hubspot.replay()), (Side::Salesforce, salesforce.replay())] {
        if replay.refused > 0 {
            bail!(
                "{} of {} remembered calls of the {side} sandbox no longer work: it was made by another version. \
                 Remove {} to start anew",
                replay.refused,
                replay.made,
                data.display()
            );
        }
    }
    Ok(Crms { hubspot, salesforce })
}

/// Makes the sample records, as a person would.
async fn fill(crms: &Crms, records: usize) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let sample = sample::sample(records);
    for (base, calls) in [(crms.hubspot.url(), sample.hubspot), (crms.salesforce.url(), sample.salesforce)] {
        for call in calls {
            let url = format!("{base}/__sandbox/ui{}", call.uri());
            let (head, body) = call.into_parts();
            let answer = client.request(head.method, &url).headers(head.headers).body(body).send().await?;
            if !answer.status().is_success() {
                bail!("{url} answered {}: {}", answer.status(), answer.text().await?);
            }
        }
    }
    Ok(())
}

/// From now on, the sandboxes tell Concord what happens.
fn connect(local: &Arc<Local>, webhook_url: &str) {
    let target = Target { url: webhook_url.to_owned(), secret: local.credentials.webhook_secret.clone() };
    local.crms.hubspot.set_receiver(Receiver::Url(target));
    let relay_to = Arc::downgrade(local);
    local.crms.salesforce.set_receiver(Receiver::Callback(Arc::new(move |envelope| {
        let local = relay_to.upgrade();
        Box::pin(async move {
            match local {
                Some(local) => runner::relay(&local, &envelope).await,
                None => false,
            }
        })
    })));
}

async fn wait_ready(ready: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    Box::pin(ready).await?;
    std::future::pending().await
}

fn greet(endpoints: &Endpoints, data: &Path) {
    let line = |name: &str, url: &str| say::line(&format!("  {name:<11}{url}"));
    say::line("\nConcord is up.\n");
    line("HubSpot", &endpoints.hubspot);
    line("Salesforce", &endpoints.salesforce);
    line("webhook", endpoints.webhook.as_deref().unwrap_or_default());
    line("DynamoDB", endpoints.dynamodb.as_deref().unwrap_or_default());
    line("console", endpoints.console.as_deref().unwrap_or_default());
    say::line(&format!("\n  tokens and URLs: {}", data.join("endpoints.json").display()));
    say::line(&format!("  log:             {}", data.join("concord.log").display()));
    say::line(&format!(
        "\nEdit somebody, as a person at HubSpot's screen:\n\n  curl -s '{}/__sandbox/ui/crm/v3/objects/contacts?limit=1'\n\nCtrl-C stops everything; `concord up` goes on where it stopped.",
        endpoints.hubspot
    ));
}

/// Returns at SIGINT or SIGTERM.
async fn signalled() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn until(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stopped = stopped.clone();
    async move {
        // A sender that is gone means the same as one that said so.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }
}

async fn logged(what: &'static str, server: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = server.await {
        tracing::error!(%error, "the {what} stopped");
    }
}

/// Gives what is under way a little time to end well.
async fn finish(tasks: &mut JoinSet<()>) {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(PATIENCE, all).await;
}
