//! `concord why`: how a pair came to hold what it holds.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use comfy_table::Table;
use concord_core::contract::printable;
use concord_core::names::{RecordId, Side};
use concord_core::port::JournalEntry;
use concord_core::step::Why;
use concord_core::value::{Presence, Value};
use serde_json::json;

use crate::inbox::{deployed, plain, shown};
use crate::links::PairArgs;
use crate::{operate, say};

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    pair: PairArgs,
    /// Only of this field, by its name in the contract: `phone`.
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

pub(crate) async fn why(args: &WhyArgs) -> anyhow::Result<ExitCode> {
    let WhyArgs { pair: args, field } = args;
    let record = args.record()?;
    let why: Option<Why> = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.why(&record)).await?,
        None => serde_json::from_str(&operate::tell(&args.place.data.data, "pairs/why", &record).await?)?,
    };
    let Some(mut why) = why else {
        bail!(
            "{record} is in no pair; `concord parked` and `concord proposals` say why, if it waits for something"
        )
    };
    if let Some(wanted) = field {
        why.lines.retain(|line| line.field.as_ref().is_some_and(|name| name.as_str() == wanted));
    }
    if args.json {
        let lines: Vec<serde_json::Value> = why.lines.iter().map(line).collect();
        let whole = json!({ "link": why.link, "object": why.object, "records": why.records, "lines": lines });
        say::line(&whole.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let id = |side: Side| why.records[side].as_ref().map_or("none", RecordId::as_str);
    say::line(&format!("{}: HubSpot {}, Salesforce {}", why.object, id(Side::HubSpot), id(Side::Salesforce)));
    match (why.lines.is_empty(), field) {
        (true, Some(field)) => {
            say::line(&format!("The journal knows of nothing that was decided of a field {field}."))
        }
        (true, None) => say::line("The journal knows of nothing that was decided of it."),
        (false, _) => say::line(&table(&why.lines).to_string()),
    }
    Ok(ExitCode::SUCCESS)
}

fn table(lines: &[JournalEntry]) -> Table {
    let mut table =
        say::table(["when", "field", "rule", "HubSpot had", "Salesforce had", "both get", "lost"]);
    for line in lines {
        let of_field = |value: &Presence<Value>| match line.field {
            Some(_) => printable(&shown(value)),
            None => String::new(),
        };
        let to = line.target.map_or_else(String::new, |side| format!(", written to {side}"));
        table.add_row([
            format!("{:.0}", line.at),
            line.field.as_ref().map_or("(the pair)", |field| field.as_str()).to_owned(),
            format!("{}{to}", line.rule),
            of_field(&line.before.hubspot),
            of_field(&line.before.salesforce),
            if line.after.is_unknown() && line.target.is_none() {
                String::new()
            } else {
                of_field(&line.after)
            },
            line.loser.as_ref().map_or_else(String::new, of_field),
        ]);
    }
    table
}

/// `null` where nothing stood, or where it was erased.
fn line(line: &JournalEntry) -> serde_json::Value {
    json!({
        "at": line.at,
        "field": line.field,
        "rule": line.rule,
        "target": line.target,
        "before": { "hubspot": plain(&line.before.hubspot), "salesforce": plain(&line.before.salesforce) },
        "after": plain(&line.after),
        "lost": line.loser.as_ref().map(plain),
        "contract": line.contract,
    })
}
