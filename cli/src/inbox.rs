//! `concord conflicts`, `concord resolve` and `concord release`: what waits for a person, and what they say.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use comfy_table::Table;
use concord_aws::deployment::DeployedEngine;
use concord_core::contract::printable;
use concord_core::names::{ObjectName, Side};
use concord_core::port::Conflict;
use concord_core::row::Edited;
use concord_core::step::Inbox;
use concord_core::value::{Presence, Value};
use jiff::Timestamp;
use serde_json::json;

use crate::contract::deployment;
use crate::{DataDir, operate, say};

/// Which Concord is meant.
#[derive(Debug, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// The stack that the environment names (the variables of the functions), instead of one on this machine.
    #[arg(long, conflicts_with = "data")]
    deployed: bool,
}

/// What a list of what waits is asked with.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Print one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The conflict's name, as `concord conflicts` prints it.
    name: String,
    /// Whose value both sides get.
    #[arg(long, value_enum)]
    take: Take,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// The object type, by its name in the contract: `contact`.
    object: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Take {
    Hubspot,
    Salesforce,
}

pub(crate) async fn conflicts(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let inbox: Vec<Inbox> = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.inbox()).await?,
        None => serde_json::from_str(&operate::ask(&args.place.data.data, "conflicts").await?)?,
    };
    let lines = inbox.iter().map(line).collect();
    let hint = "Take one side's value for both: concord resolve NAME --take hubspot|salesforce";
    list(args, lines, "No conflict waits for a person.", || table(&inbox), hint)
}

/// Prints a list for a machine or for a person, with what to do about it.
pub(crate) fn list(
    args: &ListArgs,
    lines: Vec<serde_json::Value>,
    none: &str,
    table: impl FnOnce() -> Table,
    hint: &str,
) -> anyhow::Result<ExitCode> {
    if args.json {
        say::line(&serde_json::to_string(&lines)?);
    } else if lines.is_empty() {
        say::line(none);
    } else {
        say::line(&table().to_string());
        say::line(hint);
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn resolve(args: &ResolveArgs) -> anyhow::Result<ExitCode> {
    let side = match args.take {
        Take::Hubspot => Side::HubSpot,
        Take::Salesforce => Side::Salesforce,
    };
    let name = &args.name;
    let decided = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.take(name, side, Timestamp::now())).await?.is_some(),
        None if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => false,
        None => {
            let order = format!("conflicts/{name}/{}", side.name());
            serde_json::from_str(&operate::order(&args.place.data.data, &order).await?)?
        }
    };
    if !decided {
        bail!(
            "there is no conflict {name} any more: it is over, or one of the two values has changed since; \
             `concord conflicts` shows what is left"
        );
    }
    say::line(&format!("{name}: {side}'s value is on its way to {}", side.other()));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn release(args: &ReleaseArgs) -> anyhow::Result<ExitCode> {
    let name = &args.object;
    let released = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.release(&ObjectName::new(name), Timestamp::now())).await?,
        None => serde_json::from_str(&operate::tell(&args.place.data.data, "brakes/release", name).await?)?,
    };
    if !released {
        bail!("nothing is stopped for an object type {name}: `concord status` shows what is");
    }
    say::line(&format!("{name}: released for an hour; what was stopped is looked for again within a minute"));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn deployed(place: &Place) -> anyhow::Result<Option<std::sync::Arc<DeployedEngine>>> {
    if !place.deployed {
        return Ok(None);
    }
    let deployment = deployment().await?;
    let engine = Box::pin(deployment.engine(Timestamp::now())).await;
    engine.context("the stack's contract or credentials could not be read").map(Some)
}

fn table(inbox: &[Inbox]) -> Table {
    let mut table = say::table(["name", "field", "records", "both had", "HubSpot", "Salesforce", "since"]);
    for Inbox { name, conflict, agreed, taken } in inbox {
        let records = Side::BOTH.map(|side| {
            conflict.records[side].as_ref().map_or_else(String::new, |id| format!("{side} {id}"))
        });
        table.add_row([
            name.clone(),
            format!("{}.{}", conflict.object, conflict.field),
            records.join("\n"),
            printable(&shown(agreed)),
            typed(conflict, Side::HubSpot),
            typed(conflict, Side::Salesforce),
            taken.map_or_else(|| format!("{:.0}", conflict.since), |side| format!("{side}'s is on its way")),
        ]);
    }
    table
}

/// A side's value, when it was typed and by whom.
fn typed(conflict: &Conflict, side: Side) -> String {
    let value = printable(&shown(&conflict.values[side]));
    match &conflict.edited[side] {
        Some(Edited { at, by: Some(by) }) => format!("{value}\n({at:.0}\n{})", printable(by)),
        Some(Edited { at, by: None }) => format!("{value}\n({at:.0})"),
        None => value,
    }
}

fn line(Inbox { name, conflict, agreed, taken }: &Inbox) -> serde_json::Value {
    let mut line = json!({
        "name": name,
        "object": conflict.object,
        "field": conflict.field,
        "link": conflict.link,
        "records": conflict.records,
        "values": { "hubspot": plain(&conflict.values.hubspot), "salesforce": plain(&conflict.values.salesforce) },
        "edited": conflict.edited,
        "since": conflict.since,
        "taken": taken,
    });
    if !agreed.is_unknown() {
        line["agreed"] = plain(agreed);
    }
    line
}

/// A value as JSON says it.
pub(crate) fn plain(value: &Presence<Value>) -> serde_json::Value {
    match value {
        Presence::Blank | Presence::Unknown => serde_json::Value::Null,
        Presence::Value(value) => match value {
            Value::Text(text) => json!(text),
            Value::Boolean(yes) => json!(yes),
            Value::Integer(number) => json!(number),
            Value::Decimal(number) => json!(number.to_string()),
            Value::Money { amount, currency } => json!(format!("{amount} {currency}")),
            Value::Date(date) => json!(date),
            Value::DateTime(at) => json!(at),
            Value::Choices(choices) => json!(choices),
            Value::Atom(parts) => parts.iter().map(plain).collect(),
        },
    }
}

/// The same for a person's eyes.
pub(crate) fn shown(value: &Presence<Value>) -> String {
    if value.is_unknown() {
        return "(not known)".to_owned();
    }
    match plain(value) {
        serde_json::Value::Null => "(blank)".to_owned(),
        serde_json::Value::String(text) => text,
        serde_json::Value::Array(parts) => {
            let parts = parts.iter().filter(|part| !part.is_null());
            let parts = parts.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
            parts.collect::<Vec<_>>().join(", ")
        }
        other
        @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::Object(_)) => {
            other.to_string()
        }
    }
}
