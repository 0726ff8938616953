//! `concord proposals`, `concord link`, `concord keep-apart`, `concord unlink` and `concord erase`: whom records belong
//! with, and whom nobody is to remember, as a person says.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use comfy_table::Table;
use concord_core::names::{ObjectName, PerSide, RecordId, RecordKey, Side};
use concord_core::port::Parked;
use concord_core::step::Said;
use jiff::Timestamp;
use serde_json::json;

use crate::console::Pairing;
use crate::inbox::{ListArgs, Place, deployed, list};
use crate::{operate, say};

#[derive(Debug, Args)]
pub(crate) struct LinkArgs {
    /// The object type, by its name in the contract: `contact`.
    object: String,
    /// The id of the record in HubSpot.
    #[arg(long, value_name = "ID")]
    hubspot: String,
    /// The id of the record in Salesforce.
    #[arg(long, value_name = "ID")]
    salesforce: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl LinkArgs {
    fn pairing(&self) -> Pairing {
        let records =
            PerSide { hubspot: RecordId::new(&*self.hubspot), salesforce: RecordId::new(&*self.salesforce) };
        Pairing { object: ObjectName::new(&*self.object), records }
    }
}

/// A pair, by one of its records.
#[derive(Debug, Args)]
#[group(id = "record", required = true, multiple = false, args = ["hubspot", "salesforce"])]
pub(crate) struct PairArgs {
    /// The object type, by its name in the contract: `contact`.
    object: String,
    /// The id of the pair's record in HubSpot.
    #[arg(long, value_name = "ID")]
    hubspot: Option<String>,
    /// The id of the pair's record in Salesforce.
    #[arg(long, value_name = "ID")]
    salesforce: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    pair: PairArgs,
    /// Do it: nothing takes it back.
    #[arg(long)]
    yes: bool,
}

impl PairArgs {
    pub(crate) fn record(&self) -> anyhow::Result<RecordKey> {
        let named = [(Side::HubSpot, &self.hubspot), (Side::Salesforce, &self.salesforce)];
        let named = named.into_iter().find_map(|(side, id)| Some((side, RecordId::new(&**id.as_ref()?))));
        let Some((side, id)) = named else {
            bail!("name one record of the pair: --hubspot ID or --salesforce ID")
        };
        Ok(RecordKey { side, object: ObjectName::new(&*self.object), id })
    }
}

pub(crate) async fn proposals(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let proposals: Vec<Parked> = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.proposals()).await?,
        None => serde_json::from_str(&operate::ask(&args.place.data.data, "proposals").await?)?,
    };
    let lines = proposals.iter().filter_map(line).collect();
    let hint = "Say who is whom: concord link OBJECT --hubspot ID --salesforce ID, or concord keep-apart with the same";
    list(args, lines, "No record waits to be told whom it belongs with.", || table(&proposals), hint)
}

pub(crate) async fn link(args: &LinkArgs) -> anyhow::Result<ExitCode> {
    let pairing = args.pairing();
    let said = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.link(&pairing.object, &pairing.records, Timestamp::now())).await?,
        None => serde_json::from_str(&operate::tell(&args.place.data.data, "pairs", &pairing).await?)?,
    };
    answer(said, args.json, "they are one thing from now on", "they were one thing before")
}

pub(crate) async fn erase(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    let EraseArgs { pair: args, yes } = args;
    let record = args.record()?;
    if !yes {
        bail!(
            "{record} and its counterpart would be forgotten, and by a contract with `erase: purge` removed from both CRMs; \
             nothing takes that back. Say it again with --yes"
        );
    }
    let said = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.erase(&record, Timestamp::now())).await?,
        None => serde_json::from_str(&operate::tell(&args.place.data.data, "pairs/erase", &record).await?)?,
    };
    answer(said, args.json, "nothing is remembered of it any more", "it was erased before")
}

pub(crate) async fn unlink(args: &PairArgs) -> anyhow::Result<ExitCode> {
    let record = args.record()?;
    let said = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.unlink(&record, Timestamp::now())).await?,
        None => serde_json::from_str(&operate::tell(&args.place.data.data, "pairs/end", &record).await?)?,
    };
    answer(said, args.json, "the pair is left alone from now on", "the pair was left alone before")
}

pub(crate) async fn keep_apart(args: &LinkArgs) -> anyhow::Result<ExitCode> {
    let pairing = args.pairing();
    let said = match deployed(&args.place).await? {
        Some(engine) => {
            Box::pin(engine.keep_apart(&pairing.object, &pairing.records, Timestamp::now())).await?
        }
        None => serde_json::from_str(&operate::tell(&args.place.data.data, "pairs/apart", &pairing).await?)?,
    };
    let done = "they are not one thing: neither is taken for the other's counterpart from now on";
    answer(said, args.json, done, done)
}

fn answer(said: Said, json: bool, done: &str, already: &str) -> anyhow::Result<ExitCode> {
    let (link, words) = match &said {
        Said::Done(link) => (link, done),
        Said::Already(link) => (link, already),
        Said::Remembered => {
            say::line(if json { "{\"changed\":true}" } else { done });
            return Ok(ExitCode::SUCCESS);
        }
        Said::Impossible(why) => bail!("{why}"),
    };
    match json {
        true => say::line(&json!({ "link": link, "changed": matches!(said, Said::Done(_)) }).to_string()),
        false => say::line(&format!("link {link}: {words}")),
    }
    Ok(ExitCode::SUCCESS)
}

fn table(proposals: &[Parked]) -> Table {
    let mut table = say::table(["record", "may belong with", "why nobody is taken", "since"]);
    for parked in proposals {
        let Some(record) = parked.key.record() else { continue };
        let candidates: Vec<String> = parked.candidates.iter().map(RecordKey::to_string).collect();
        table.add_row([
            record.to_string(),
            candidates.join("\n"),
            parked.reason.clone(),
            format!("{:.0}", parked.since),
        ]);
    }
    table
}

fn line(parked: &Parked) -> Option<serde_json::Value> {
    let record = parked.key.record()?;
    Some(json!({
        "record": record,
        "candidates": parked.candidates,
        "reason": parked.reason,
        "since": parked.since,
    }))
}
