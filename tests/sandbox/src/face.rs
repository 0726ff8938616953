//! The HTTP face: one listener in front of one machine, with everything that surrounds a CRM.
//!
//! | path | what it does |
//! |---|---|
//! | `GET /__sandbox/calls` | counts the calls that reached the machine, by kind; `DELETE` begins anew |
//! | `GET /__sandbox/truth` | every record with its full history |
//! | `GET`, `POST`, `DELETE /__sandbox/faults` | the fault switch ([`crate::fault`]) |
//! | `GET`, `POST /__sandbox/target` | where notifications go: `{"url", "secret"}` |
//! | `/__sandbox/ui/...` | the same call made by a person: no token, no limits, no faults |
//! | anything else | goes to the machine, through the fault switch |
//!
//! Requests with chunked bodies work like any other. Deliberately absent: TLS, and protection of the
//! `/__sandbox` paths; the face belongs on loopback.

mod counts;
mod deliver;
mod desk;
mod line;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use bytes::Bytes;
use concord_core::names::Side;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::answers;
use crate::courier::{Load, Target, Terms};
use crate::crm::{Machine, Response};
use crate::ledger::{Ledger, Replay};
use desk::{Answered, Desk};
use line::{Cut, Lines};

/// The largest body that is taken, in bytes. Salesforce takes 50 MB in a request, HubSpot less.
const BODY_BYTES_MAX: usize = 64 << 20;
/// How long open connections are waited for at the end.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// What a callback answers with: whether the event was taken.
pub type Taken = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Who gets the notifications.
#[derive(Clone)]
pub enum Receiver {
    /// Nobody: they are forgotten at once, as where no app is installed and no relay runs.
    Nobody,
    /// A URL: HubSpot's are signed with the secret, Salesforce's envelopes are posted as they are.
    Url(Target),
    /// This process takes Salesforce's envelopes. HubSpot's webhooks are HTTP by nature and need a URL.
    Callback(Arc<dyn Fn(Value) -> Taken + Send + Sync>),
}

/// How a face is set up.
pub struct Config {
    /// Which CRM it is: its answers to faults look alike.
    pub side: Side,
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// The file that remembers. `None`: all is forgotten at the end.
    pub ledger: Option<PathBuf>,
    /// How notifications are delivered.
    pub courier: Terms,
    /// To whom.
    pub receiver: Receiver,
    /// What time it is. A step backward is not passed on to the machine.
    pub clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Config {
    /// Forgets, tells nobody, and lives by the clock of this computer.
    #[must_use]
    pub fn new(side: Side, listen: SocketAddr) -> Self {
        Self {
            side,
            listen,
            ledger: None,
            courier: Terms::default(),
            receiver: Receiver::Nobody,
            clock: Box::new(Timestamp::now),
        }
    }
}

/// A running face.
pub struct Face<M> {
    address: SocketAddr,
    replay: Replay,
    shared: Arc<Shared<M>>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared<M> {
    desk: Mutex<Desk<M>>,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    wake: Notify,
}

/// Makes the machine again from its ledger, if there is one, and serves it.
///
/// # Errors
/// If the address is taken or the ledger cannot be used.
pub async fn serve<M: Machine + 'static>(mut machine: M, config: Config) -> io::Result<Face<M>> {
    let (ledger, replay) = match &config.ledger {
        Some(path) => {
            let (ledger, replay) = Ledger::open(path, &mut machine)?;
            (Some(ledger), replay)
        }
        None => (None, Replay::default()),
    };
    let lines = Lines::bind(config.listen).await?;
    let address = lines.address()?;
    let mut desk = Desk::new(machine, config.side, ledger, config.courier);
    desk.begin(replay.until, config.receiver);
    let shared = Arc::new(Shared { desk: Mutex::new(desk), clock: config.clock, wake: Notify::new() });
    let (stop, stopped) = watch::channel(false);
    let tasks = vec![
        tokio::spawn(listen(lines, Arc::clone(&shared), stopped.clone())),
        tokio::spawn(deliver::drive(Arc::clone(&shared), stopped)),
    ];
    Ok(Face { address, replay, shared, stop, tasks })
}

impl<M: Machine + 'static> Face<M> {
    /// The base URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was made again from the ledger.
    #[must_use]
    pub const fn replay(&self) -> Replay {
        self.replay
    }

    /// Does something with the machine itself. The ledger does not hear of it; whoever receives notifications does.
    pub fn with_machine<R>(&self, act: impl FnOnce(&mut M, Timestamp) -> R) -> R {
        let done = self.shared.with(|desk, now| desk.with_machine(now, act));
        self.shared.wake.notify_one();
        done
    }

    /// Sets who gets the notifications from now on.
    pub fn set_receiver(&self, receiver: Receiver) {
        self.shared.with(|desk, now| desk.set_receiver(now, receiver));
        self.shared.wake.notify_one();
    }

    /// What is still to be delivered.
    #[must_use]
    pub fn load(&self) -> Load {
        self.shared.with(|desk, _| desk.load())
    }

    /// Stops listening and delivering. What is not delivered is told again at the next start, if it is young.
    pub async fn shutdown(self) {
        // Without a listener left there is nobody to tell.
        let _ = self.stop.send(true);
        for mut task in self.tasks {
            if tokio::time::timeout(SHUTDOWN, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

impl<M> Shared<M> {
    /// Does something with the desk, alone.
    fn with<R>(&self, act: impl FnOnce(&mut Desk<M>, Timestamp) -> R) -> R {
        // A machine that panicked in one call is still the best there is for the next.
        let mut desk: MutexGuard<'_, Desk<M>> = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        // The clock is read under the lock, so that the machine sees time in order.
        let now = desk.in_order((self.clock)());
        act(&mut desk, now)
    }
}

async fn listen<M: Machine + 'static>(
    lines: Lines,
    shared: Arc<Shared<M>>,
    mut stopped: watch::Receiver<bool>,
) {
    let answer = move |ConnectInfo(cut): ConnectInfo<Cut>, request: axum::extract::Request| {
        answer(Arc::clone(&shared), cut, request)
    };
    let service = Router::new().fallback(answer).into_make_service_with_connect_info::<Cut>();
    let until = async move {
        // An error means that the face is gone: stop as well.
        let _ = stopped.changed().await;
    };
    if let Err(error) = axum::serve(lines, service).with_graceful_shutdown(until).await {
        tracing::error!(%error, "the sandbox stopped listening");
    }
}

async fn answer<M: Machine + 'static>(
    shared: Arc<Shared<M>>,
    cut: Cut,
    request: axum::extract::Request,
) -> http::Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return with_body(answers::plain(413, "the body is too large or broke off"));
    };
    let request = http::Request::from_parts(head, body);
    let answered = shared.with(|desk, now| desk.answer(now, request));
    shared.wake.notify_one();
    match answered {
        Answered::Now(response) => with_body(response),
        Answered::Late { response, delay_ms } => {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            with_body(response)
        }
        Answered::Never { delay_ms } => {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            cut.now();
            with_body(http::Response::new(Bytes::new()))
        }
    }
}

fn with_body(response: Response) -> http::Response<Body> {
    response.map(Body::from)
}
