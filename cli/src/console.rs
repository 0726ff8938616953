//! Status and control of a running `concord up`, over loopback HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use concord_core::names::{Generation, ObjectName, PerSide, RecordId, RecordKey, Side};
use concord_core::port::{Conflict, ParkKey, Parked, Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::local::Local;

/// The cursor under which "paused" is remembered over restarts.
const PAUSE: &str = "control/pause";
/// How many parked things and conflicts a status shows in full.
const SHOWN_MAX: usize = 10;

/// What `concord status --json` prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) hints: Depth,
    pub(crate) intents: Depth,
    /// Notices of the sandboxes that are not delivered yet.
    pub(crate) undelivered: u64,
    pub(crate) open_intents: u64,
    pub(crate) parked: u64,
    pub(crate) conflicts: u64,
    pub(crate) links: u64,
    pub(crate) last_reconcile: Option<Timestamp>,
    pub(crate) paused: bool,
    pub(crate) parked_first: Vec<ParkedLine>,
    pub(crate) conflicts_first: Vec<ConflictLine>,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Depth {
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    pub(crate) dead: u64,
}

impl Depth {
    pub(crate) const fn waiting(self) -> u64 {
        self.visible + self.in_flight
    }
}

/// One thing that is parked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ParkedLine {
    pub(crate) key: String,
    pub(crate) reason: String,
    pub(crate) since: Timestamp,
}

/// One conflict, without its values: those are personal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ConflictLine {
    pub(crate) link: String,
    pub(crate) object: String,
    pub(crate) field: String,
    pub(crate) records: String,
    pub(crate) since: Timestamp,
}

/// Whether the functions are held back.
#[derive(Debug, Clone)]
pub(crate) struct Pause(watch::Sender<bool>, Arc<AtomicBool>);

impl Pause {
    /// As it was left by the last run.
    pub(crate) async fn restore(store: &impl Store) -> anyhow::Result<Self> {
        let paused = store.cursor(PAUSE).await?.is_some_and(|mark| mark.text == "paused");
        Ok(Self(watch::Sender::new(paused), Arc::new(AtomicBool::new(paused))))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.1.load(Ordering::SeqCst)
    }

    /// Returns once nothing is held back.
    pub(crate) async fn until_off(&self) {
        let mut changes = self.0.subscribe();
        // The sender is in `self`, so it cannot be gone.
        let _ = changes.wait_for(|paused| !paused).await;
    }

    async fn set(&self, store: &impl Store, paused: bool) -> anyhow::Result<()> {
        let read = store.cursor(PAUSE).await?.map_or(Generation(0), |mark| mark.generation);
        store.move_cursor(PAUSE, read, if paused { "paused" } else { "running" }).await?;
        self.1.store(paused, Ordering::SeqCst);
        self.0.send_replace(paused);
        Ok(())
    }
}

/// Serves the console until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    local: Arc<Local>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/", get(page))
        .route("/status", get(status))
        .route("/in-flight", get(in_flight))
        .route("/conflicts", get(conflicts))
        .route("/conflicts/{name}/{side}", post(resolve))
        .route("/parked", get(parked))
        .route("/proposals", get(proposals))
        .route("/pairs", post(link))
        .route("/pairs/end", post(unlink))
        .route("/pairs/apart", post(keep_apart))
        .route("/pairs/erase", post(erase))
        .route("/pairs/why", post(why))
        .route("/brakes/release", post(release))
        .route("/pause", post(pause))
        .route("/resume", post(resume))
        .with_state(local);
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
}

async fn page(State(local): State<Arc<Local>>) -> impl IntoResponse {
    match gather(&local).await {
        Ok(status) => serde_json::to_string_pretty(&status).map_err(|error| failed(&error.into())),
        Err(error) => Err(failed(&error)),
    }
}

async fn status(State(local): State<Arc<Local>>) -> impl IntoResponse {
    match gather(&local).await {
        Ok(status) => serde_json::to_string(&status).map_err(|error| failed(&error.into())),
        Err(error) => Err(failed(&error)),
    }
}

/// How much is in flight, without counting anything that grows with the number of records.
async fn in_flight(State(local): State<Arc<Local>>) -> impl IntoResponse {
    let (hints, intents) = local.depths();
    let queued = hints.waiting() + intents.waiting() + local.undelivered();
    if queued > 0 {
        return Ok(queued.to_string());
    }
    let open = local.engine.store.unsent(Timestamp::MAX, 1).await;
    open.map(|open| open.len().to_string()).map_err(|error| failed(&error.into()))
}

/// Holds values, as only `why` does besides: it stays on this machine.
async fn conflicts(State(local): State<Arc<Local>>) -> impl IntoResponse {
    local.engine.inbox().await.map(Json).map_err(|error| failed(&error.into()))
}

/// Takes one side's value for both. Whether there was such a conflict.
async fn resolve(
    State(local): State<Arc<Local>>,
    Path((name, side)): Path<(String, String)>,
) -> impl IntoResponse {
    let Some(side) = Side::BOTH.into_iter().find(|known| known.name() == side) else {
        return Err((StatusCode::NOT_FOUND, format!("there is no side {side}")));
    };
    let taken = local.engine.take(&name, side, Timestamp::now()).await;
    taken.map(|taken| Json(taken.is_some())).map_err(|error| failed(&error.into()))
}

async fn parked(State(local): State<Arc<Local>>) -> impl IntoResponse {
    local.engine.set_aside().await.map(Json).map_err(|error| failed(&error.into()))
}

async fn proposals(State(local): State<Arc<Local>>) -> impl IntoResponse {
    local.engine.proposals().await.map(Json).map_err(|error| failed(&error.into()))
}

/// What `concord link` says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pairing {
    pub(crate) object: ObjectName,
    pub(crate) records: PerSide<RecordId>,
}

async fn link(State(local): State<Arc<Local>>, Json(said): Json<Pairing>) -> impl IntoResponse {
    let said = local.engine.link(&said.object, &said.records, Timestamp::now()).await;
    said.map(Json).map_err(|error| failed(&error.into()))
}

async fn keep_apart(State(local): State<Arc<Local>>, Json(said): Json<Pairing>) -> impl IntoResponse {
    let said = local.engine.keep_apart(&said.object, &said.records, Timestamp::now()).await;
    said.map(Json).map_err(|error| failed(&error.into()))
}

async fn unlink(State(local): State<Arc<Local>>, Json(record): Json<RecordKey>) -> impl IntoResponse {
    let said = local.engine.unlink(&record, Timestamp::now()).await;
    said.map(Json).map_err(|error| failed(&error.into()))
}

async fn erase(State(local): State<Arc<Local>>, Json(record): Json<RecordKey>) -> impl IntoResponse {
    let said = local.engine.erase(&record, Timestamp::now()).await;
    said.map(Json).map_err(|error| failed(&error.into()))
}

async fn why(State(local): State<Arc<Local>>, Json(record): Json<RecordKey>) -> impl IntoResponse {
    local.engine.why(&record).await.map(Json).map_err(|error| failed(&error.into()))
}

/// Releases the brake of an object type. Whether it was engaged.
async fn release(State(local): State<Arc<Local>>, Json(object): Json<ObjectName>) -> impl IntoResponse {
    let released = local.engine.release(&object, Timestamp::now()).await;
    released.map(Json).map_err(|error| failed(&error.into()))
}

async fn pause(State(local): State<Arc<Local>>) -> impl IntoResponse {
    let set = local.pause.set(&local.engine.store, true).await;
    set.map(|()| "paused: hints are kept, nothing is fetched or written").map_err(|error| failed(&error))
}

async fn resume(State(local): State<Arc<Local>>) -> impl IntoResponse {
    let set = local.pause.set(&local.engine.store, false).await;
    set.map(|()| "running").map_err(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{error:#}"))
}

async fn gather(local: &Local) -> anyhow::Result<Status> {
    let store = &local.engine.store;
    let (hints, intents) = local.depths();
    let census = store.census().await?;
    let (parked, conflicts) = (store.parked(SHOWN_MAX).await?, store.conflicts(SHOWN_MAX).await?);
    Ok(Status {
        hints,
        intents,
        undelivered: local.undelivered(),
        open_intents: census.open,
        parked: census.parked,
        conflicts: census.conflicts,
        links: census.links,
        last_reconcile: local.last_reconcile(),
        paused: local.pause.is_on(),
        parked_first: parked.into_iter().map(parked_line).collect(),
        conflicts_first: conflicts.into_iter().map(conflict_line).collect(),
    })
}

fn parked_line(parked: Parked) -> ParkedLine {
    let key = match parked.key {
        ParkKey::Record(record) => record.to_string(),
        ParkKey::Field(link, field) => format!("link {link}, field {field}"),
        ParkKey::Message(id) => format!("message {id}"),
        ParkKey::Object(object) => format!("every {object}"),
        ParkKey::Type(side, of) => format!("{side}'s {of}"),
    };
    ParkedLine { key, reason: parked.reason, since: parked.since }
}

fn conflict_line(conflict: Conflict) -> ConflictLine {
    let records: Vec<String> = Side::BOTH
        .into_iter()
        .filter_map(|side| conflict.records[side].as_ref().map(|id| format!("{side} {id}")))
        .collect();
    ConflictLine {
        link: conflict.link.to_string(),
        object: conflict.object.to_string(),
        field: conflict.field.to_string(),
        records: records.join(", "),
        since: conflict.since,
    }
}
