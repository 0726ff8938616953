//! Lambda's edge: its events become plain structs, the engine does the work, and plain answers become Lambda's.
//!
//! Deliberately absent: decisions. What becomes of a message is said in [`concord_core::batch`], who is let in in
//! [`crate::front`].

use std::sync::atomic::{AtomicBool, Ordering};

use aws_lambda_events::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concord_core::port::{Hints, Sends};
use concord_core::step::{Next, Report, StepError, Task};
use concord_crm::salesforce::events::Source;
use futures_util::future::join_all;
use http::{HeaderValue, Method, header};
use jiff::Timestamp;
use lambda_runtime::{Context, Error, LambdaEvent, run, service_fn};
use serde::Deserialize;
use serde_json::Value;
use tracing::Instrument as _;

use crate::deployment::{DeployedEngine, Deployment};
use crate::front::{self, Answer, Door, Request};
use crate::sqs::QueueName;
use crate::telemetry::Count;
use concord_core::batch::{self, Body, Deadline, Fate, Incoming};

/// Serves the front door until Lambda ends the process.
///
/// # Errors
/// If the runtime API cannot be reached.
pub async fn run_webhook(deployment: &Deployment) -> Result<(), Error> {
    let cold = AtomicBool::new(true);
    run(service_fn(async |event: LambdaEvent<Value>| {
        let span = invocation(&event.context, &cold);
        let answer = Box::pin(webhook(deployment, event.payload)).instrument(span).await;
        deployment.metrics.flush(Timestamp::now());
        answer
    }))
    .await
}

/// Serves `hints.fifo` until Lambda ends the process.
///
/// # Errors
/// If the runtime API cannot be reached.
pub async fn run_fetch(deployment: &Deployment) -> Result<(), Error> {
    let step = async |engine: &DeployedEngine, hints: &Hints| engine.fetch(hints, Timestamp::now()).await;
    run_queue(deployment, QueueName::Hints, step).await
}

/// Serves `intents.fifo` until Lambda ends the process.
///
/// # Errors
/// If the runtime API cannot be reached.
pub async fn run_write(deployment: &Deployment) -> Result<(), Error> {
    let step = async |engine: &DeployedEngine, sends: &Sends| engine.write(sends, Timestamp::now()).await;
    run_queue(deployment, QueueName::Intents, step).await
}

/// Does scheduled tasks until Lambda ends the process.
///
/// # Errors
/// If the runtime API cannot be reached.
pub async fn run_reconcile(deployment: &Deployment) -> Result<(), Error> {
    let cold = AtomicBool::new(true);
    run(service_fn(async |event: LambdaEvent<Scheduled>| {
        let span = invocation(&event.context, &cold);
        let answer = Box::pin(reconcile(deployment, event.payload.task)).instrument(span).await;
        deployment.metrics.flush(Timestamp::now());
        answer
    }))
    .await
}

async fn run_queue<B: Body>(
    deployment: &Deployment,
    queue: QueueName,
    step: impl AsyncFn(&DeployedEngine, &B) -> Result<Next, StepError>,
) -> Result<(), Error> {
    let cold = AtomicBool::new(true);
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let span = invocation(&event.context, &cold);
        let deadline = deadline(&event.context);
        let answer =
            Box::pin(messages(deployment, queue, event.payload, deadline, &step)).instrument(span).await;
        deployment.metrics.flush(Timestamp::now());
        answer
    }))
    .await
}

/// Works through one batch and says which messages were not done with.
async fn messages<B: Body>(
    deployment: &Deployment,
    queue: QueueName,
    event: SqsEvent,
    deadline: Deadline,
    step: &impl AsyncFn(&DeployedEngine, &B) -> Result<Next, StepError>,
) -> Result<SqsBatchResponse, Error> {
    let messages: Vec<Incoming> = event.records.into_iter().map(incoming).collect();
    let engine = deployment.engine(Timestamp::now()).await?;
    let step = async |body: &B| step(&engine, body).await;
    let fates = batch::work(&messages, deadline, Timestamp::now, &deployment.store, step).await;
    let hide = messages.iter().zip(&fates).filter_map(|(message, fate)| match fate {
        Fate::ComesAgain(at) => Some(Box::pin(hide(deployment, queue, message, *at))),
        Fate::Done | Fate::Failed => None,
    });
    join_all(hide).await;
    let failed: Vec<&str> = messages
        .iter()
        .zip(&fates)
        .filter(|(_, fate)| **fate != Fate::Done)
        .map(|(message, _)| message.id.as_str())
        .collect();
    deployment.metrics.add(Count::MessagesAgain, failed.len());
    deployment.metrics.add(Count::MessagesDone, messages.len() - failed.len());
    let mut response = SqsBatchResponse::default();
    response.set_failures(failed);
    Ok(response)
}

/// If this fails, the message comes again after the queue's visibility timeout instead: later, not lost.
async fn hide(deployment: &Deployment, queue: QueueName, message: &Incoming, at: Timestamp) {
    if let Err(error) = deployment.queue.hide_until(queue, &message.receipt, at, Timestamp::now()).await {
        tracing::warn!(message_id = %message.id, %error, "message {} could not be hidden", message.id);
    }
}

fn incoming(message: SqsMessage) -> Incoming {
    let attribute = |name| message.attributes.get(name).cloned().unwrap_or_default();
    Incoming {
        group: attribute("MessageGroupId"),
        receive_count: attribute("ApproximateReceiveCount").parse().unwrap_or(1),
        id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        receipt: message.receipt_handle.unwrap_or_default(),
    }
}

/// A request at the Function URL, or an envelope from EventBridge. Only Lambda itself writes `requestContext`,
/// so that nobody who calls the URL can pass for EventBridge.
async fn webhook(deployment: &Deployment, event: Value) -> Result<Value, Error> {
    let now = Timestamp::now();
    match event.get("requestContext") {
        Some(_) => {
            let answer = called(deployment, serde_json::from_value(event)?, now).await?;
            Ok(serde_json::to_value(answer)?)
        }
        None => {
            let credentials = deployment.credentials(now).await?;
            let source = Source { org: credentials.salesforce.org.clone(), appflow: None };
            let engine = deployment.engine(now).await?;
            let take_in = async |events: &[_]| engine.take_in(events, now).await;
            front::relayed(&event, &source, &deployment.metrics, take_in).await?;
            Ok(Value::Null)
        }
    }
}

async fn called(
    deployment: &Deployment,
    request: LambdaFunctionUrlRequest,
    now: Timestamp,
) -> Result<LambdaFunctionUrlResponse, Error> {
    let body = request.body.unwrap_or_default();
    let body = match request.is_base64_encoded {
        true => STANDARD.decode(body)?,
        false => body.into_bytes(),
    };
    let method = request.request_context.http.method.unwrap_or_default().parse().unwrap_or(Method::GET);
    let path = request.raw_path.unwrap_or_default();
    let host = request.request_context.domain_name.unwrap_or_default();
    let credentials = deployment.credentials(now).await?;
    let webhook_url =
        deployment.settings.webhook_url.clone().unwrap_or_else(|| format!("https://{host}{path}"));
    let door = Door {
        webhook_url: &webhook_url,
        webhook_secret: &credentials.hubspot.webhook_secret,
        portal: credentials.hubspot.portal,
        org: &credentials.salesforce.org,
        outbound_token: credentials.salesforce.outbound_token.as_deref(),
    };
    let request = Request { method: &method, path: &path, headers: &request.headers, body: &body };
    // The engine is made only for those who were let in: a flood of forged requests reads no contract.
    let answer = front::serve(request, door, &deployment.metrics, now, async |events: &[_]| match deployment
        .engine(now)
        .await
    {
        Ok(engine) => engine.take_in(events, now).await.map_err(Into::into),
        Err(error) => Err(Error::from(error)),
    })
    .await;
    Ok(response(answer))
}

fn response(answer: Answer) -> LambdaFunctionUrlResponse {
    let mut response = LambdaFunctionUrlResponse::default();
    response.status_code = i64::from(answer.status);
    if let Some(kind) = answer.content_type {
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response.body = Some(answer.body);
    }
    response
}

/// What a schedule sends: `{"task": "poll"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Scheduled {
    task: Task,
}

async fn reconcile(deployment: &Deployment, task: Task) -> Result<Report, Error> {
    let now = Timestamp::now();
    let engine = deployment.engine(now).await?;
    let report = Box::pin(engine.reconcile(task, now)).await?;
    tracing::info!(
        ?task,
        listed = report.listed,
        hinted = report.hinted,
        unfinished = report.unfinished,
        "{} of {} listed records are hinted",
        report.hinted,
        report.listed
    );
    let count = match task {
        Task::Sweep => Count::Drift,
        Task::Poll | Task::Repair => Count::HintsQueued,
    };
    deployment.metrics.add(count, report.hinted);
    Ok(report)
}

fn invocation(context: &Context, cold: &AtomicBool) -> tracing::Span {
    tracing::info_span!(
        "invocation",
        function_request_id = %context.request_id,
        cold_start = cold.swap(false, Ordering::Relaxed),
    )
}

fn deadline(context: &Context) -> Deadline {
    let ms = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    Deadline(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX))
}
