//! What Lambda does on AWS: the event source mappings, the front door and the schedules.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use concord_aws::front::{self, Door, NotTaken, Request};
use concord_core::batch::{self, Body, Deadline, Fate, Incoming};
use concord_core::port::{Hints, Sends};
use concord_core::step::{Next, StepError, Task};
use concord_crm::hubspot::Secret;
use concord_crm::salesforce::events::Source;
use concord_sandbox::fifo::{QueueName, Received};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::local::{Local, SHARDS};

/// As an event source mapping does for FIFO queues (Lambda guide: at most 10).
const BATCH_MAX: usize = 10;
/// How long a batch may take before no further message of it is begun.
const BATCH_TIME: SignedDuration = SignedDuration::from_secs(120);
/// How long an empty queue is waited on before the worker looks whether to stop.
const POLL_WAIT: Duration = Duration::from_secs(1);
/// When a message that failed is shown again. On AWS that is the queue's visibility timeout; here a person waits.
const FAILED_MS: u64 = 5_000;
/// How often lost webhooks are looked for. On AWS it is a minute; here a person is watching.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// How often forgotten intents are looked for.
const REPAIR_EVERY: Duration = Duration::from_secs(15);
/// How often everything is compared.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// Starts the workers of both queues, each on a thread of its own: so CPU-bound work of one batch holds nobody up.
pub(crate) fn start_queues(local: &Arc<Local>, stop: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
    for _ in 0..SHARDS {
        let (worker, stopped) = (Arc::clone(local), stop.clone());
        tasks.spawn_blocking(move || {
            let step = async |hints: &Hints| worker.engine.fetch(hints, Timestamp::now()).await;
            Handle::current().block_on(serve_queue(&worker, QueueName::Hints, stopped, step));
        });
        let (worker, stopped) = (Arc::clone(local), stop.clone());
        tasks.spawn_blocking(move || {
            let step = async |sends: &Sends| worker.engine.write(sends, Timestamp::now()).await;
            Handle::current().block_on(serve_queue(&worker, QueueName::Intents, stopped, step));
        });
    }
}

async fn serve_queue<B: Body>(
    local: &Local,
    queue: QueueName,
    stop: watch::Receiver<bool>,
    step: impl AsyncFn(&B) -> Result<Next, StepError>,
) {
    while !*stop.borrow() {
        if local.pause.is_on() {
            let mut stopped = stop.clone();
            tokio::select! {
                () = local.pause.until_off() => {}
                _ = stopped.changed() => {}
            }
            continue;
        }
        let batch = local.engine.queue.poll(queue, BATCH_MAX, POLL_WAIT).await;
        if batch.is_empty() {
            continue;
        }
        if local.pause.is_on() {
            // Paused while this batch was waited for: it is kept, and first in line later.
            for received in batch {
                let _ = local.engine.queue.change_visibility(queue, &received.handle, 0);
            }
            continue;
        }
        let messages: Vec<Incoming> = batch.into_iter().map(incoming).collect();
        let deadline = Deadline(Timestamp::now().checked_add(BATCH_TIME).unwrap_or(Timestamp::MAX));
        let fates =
            Box::pin(batch::work(&messages, deadline, Timestamp::now, &local.engine.store, &step)).await;
        for (message, fate) in messages.iter().zip(fates) {
            let ended = match fate {
                Fate::Done => local.engine.queue.delete(queue, &message.receipt),
                Fate::ComesAgain(at) => {
                    let wait = at.duration_since(Timestamp::now()).as_millis();
                    // Rounded up: a message that comes a moment early would only be put off again.
                    let wait = u64::try_from(wait).unwrap_or_default() + 1;
                    local.engine.queue.change_visibility(queue, &message.receipt, wait)
                }
                Fate::Failed => local.engine.queue.change_visibility(queue, &message.receipt, FAILED_MS),
            };
            if let Err(error) = ended {
                tracing::warn!(message_id = %message.id, %error, "message {} comes again", message.id);
            }
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

/// Starts the schedules. Nothing is scheduled while paused.
pub(crate) fn start_schedules(local: &Arc<Local>, stop: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
    for (task, every) in [(Task::Poll, POLL_EVERY), (Task::Repair, REPAIR_EVERY), (Task::Sweep, SWEEP_EVERY)]
    {
        let (local, mut stopped) = (Arc::clone(local), stop.clone());
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(every) => {}
                    _ = stopped.changed() => return,
                }
                if !local.pause.is_on() {
                    reconcile(&local, task).await;
                }
            }
        });
    }
}

/// Runs a task to its end. What fails is logged, and done by the next run.
pub(crate) async fn reconcile(local: &Local, task: Task) -> usize {
    let mut hinted = 0;
    loop {
        match Box::pin(local.engine.reconcile(task, Timestamp::now())).await {
            Ok(report) => {
                hinted += report.hinted;
                local.has_reconciled(Timestamp::now());
                if report.unfinished == 0 {
                    return hinted;
                }
            }
            Err(error) => {
                tracing::warn!(task = task.name(), %error, "{} did not come to its end: the next run goes on", task.name());
                return hinted;
            }
        }
    }
}

/// Serves HubSpot's webhooks and Salesforce's outbound messages.
pub(crate) async fn serve_front(
    listener: TcpListener,
    local: Arc<Local>,
    url: String,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let routes = Router::new()
        .fallback(knock)
        .layer(axum::extract::DefaultBodyLimit::max(FRONT_BODY_BYTES_MAX))
        .with_state((local, Arc::<str>::from(url)));
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
}

/// Lambda takes at most 6 MB (Lambda quotas); the front door itself refuses far less.
const FRONT_BODY_BYTES_MAX: usize = 6 * 1024 * 1024;

async fn knock(
    State((local, url)): State<(Arc<Local>, Arc<str>)>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let secret = Secret::new(local.credentials.webhook_secret.clone());
    let org = local.credentials.org();
    let door = Door {
        webhook_url: &url,
        webhook_secret: &secret,
        portal: local.credentials.portal(),
        org: &org,
        outbound_token: None,
    };
    let now = Timestamp::now();
    let request = Request { method: &method, path: uri.path(), headers: &headers, body: &body };
    let take_in = async |events: &[_]| Box::pin(local.engine.take_in(events, now)).await;
    let answer = Box::pin(front::serve(request, door, &local.metrics, now, take_in)).await;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match answer.content_type {
        Some(kind) => (status, [(header::CONTENT_TYPE, kind)], answer.body).into_response(),
        None => status.into_response(),
    }
}

/// Takes in one Salesforce change event, as EventBridge would hand it over. Returns whether it was taken.
pub(crate) async fn relay(local: &Local, envelope: &Value) -> bool {
    let source = Source { org: local.credentials.org(), appflow: None };
    let now = Timestamp::now();
    let take_in = async |events: &[_]| Box::pin(local.engine.take_in(events, now)).await;
    let taken: Result<(), NotTaken<StepError>> =
        Box::pin(front::relayed(envelope, &source, &local.metrics, take_in)).await;
    if let Err(error) = &taken {
        tracing::warn!(%error, "a change event could not be taken in and comes again");
    }
    taken.is_ok()
}
