//! Commands for a running Concord: they speak to its console.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use crate::console::Status;
use crate::endpoints::Endpoints;
use crate::say;

/// How often a waiting `status` looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Quiet has to last: a webhook may be on its way between two looks.
const QUIET_LOOKS: u32 = 3;

pub(crate) async fn status(data: &Path, json: bool, wait: Option<Duration>) -> anyhow::Result<ExitCode> {
    let Some(wait) = wait else {
        show(&get(data).await?, json)?;
        return Ok(ExitCode::SUCCESS);
    };
    let until = Instant::now() + wait;
    let mut quiet = 0;
    while quiet < QUIET_LOOKS && Instant::now() < until {
        // What is parked or in conflict waits for a person: it is not in flight.
        quiet = if ask(data, "in-flight").await? == "0" { quiet + 1 } else { 0 };
        tokio::time::sleep(LOOK_EVERY).await;
    }
    show(&get(data).await?, json)?;
    Ok(if quiet < QUIET_LOOKS { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

pub(crate) async fn control(data: &Path, what: &str) -> anyhow::Result<()> {
    say::line(&order(data, what).await?);
    Ok(())
}

/// Tells a running Concord to do something.
pub(crate) async fn order(data: &Path, what: &str) -> anyhow::Result<String> {
    let url = format!("{}/{what}", console(data)?);
    answer(&url, reqwest::Client::new().post(&url)).await
}

/// Tells a running Concord to do something about this.
pub(crate) async fn tell(data: &Path, what: &str, about: &impl serde::Serialize) -> anyhow::Result<String> {
    let url = format!("{}/{what}", console(data)?);
    let request = reqwest::Client::new().post(&url).header("content-type", "application/json");
    answer(&url, request.body(serde_json::to_string(about)?)).await
}

/// Asks a running Concord.
pub(crate) async fn ask(data: &Path, what: &str) -> anyhow::Result<String> {
    let url = format!("{}/{what}", console(data)?);
    answer(&url, reqwest::Client::new().get(&url)).await
}

async fn answer(url: &str, request: reqwest::RequestBuilder) -> anyhow::Result<String> {
    let answer = request.send().await;
    let answer = answer.with_context(|| format!("no answer from {url}: is `concord up` running?"))?;
    let (status, text) = (answer.status(), answer.text().await?);
    if !status.is_success() {
        bail!("{url} answered {status}: {text}");
    }
    Ok(text)
}

fn console(data: &Path) -> anyhow::Result<String> {
    Endpoints::read(data)?.console.context("this is a sandbox without Concord: it has no console")
}

async fn get(data: &Path) -> anyhow::Result<Status> {
    Ok(serde_json::from_str(&ask(data, "status").await?)?)
}

fn show(status: &Status, json: bool) -> anyhow::Result<()> {
    if json {
        say::line(&serde_json::to_string(status)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["", "count", "what it means"]);
    let mut row = |name: &str, count: u64, meaning: &str| {
        table.add_row([name, &count.to_string(), meaning]);
    };
    row("links", status.links, "pairs of records that are one thing");
    row("hints", status.hints.waiting(), "records to look at");
    row("intents queued", status.intents.waiting(), "writes to attempt");
    row("open intents", status.open_intents, "decided and not yet seen to land");
    row("conflicts", status.conflicts, "edits on both sides that wait for a person");
    row("parked", status.parked, "set aside with a reason");
    row("dead letters", status.hints.dead + status.intents.dead, "messages given up: look at the log");
    say::line(&table.to_string());
    let mode = if status.paused { "paused: `concord resume` to go on" } else { "running" };
    let last = status.last_reconcile.map_or("never".to_owned(), |at| at.to_string());
    say::line(&format!("{mode}; last reconcile: {last}"));
    for parked in &status.parked_first {
        say::line(&format!("parked  {}: {}", parked.key, parked.reason));
    }
    for conflict in &status.conflicts_first {
        say::line(&format!("conflict  {} {}: {}", conflict.object, conflict.field, conflict.records));
    }
    Ok(())
}
