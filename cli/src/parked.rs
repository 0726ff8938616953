//! `concord parked`: what is set aside, why, and what to do about it.

use std::process::ExitCode;

use comfy_table::Table;
use concord_core::names::{RecordId, Side};
use concord_core::port::ParkKey;
use concord_core::step::SetAside;
use serde_json::json;

use crate::inbox::{ListArgs, deployed, list};
use crate::{operate, say};

pub(crate) async fn parked(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let aside: Vec<SetAside> = match deployed(&args.place).await? {
        Some(engine) => Box::pin(engine.set_aside()).await?,
        None => serde_json::from_str(&operate::ask(&args.place.data.data, "parked").await?)?,
    };
    let lines = aside.iter().map(line).collect();
    let hint = "Each goes on by itself once its reason is gone and its record is looked at again: at the next edit, or by the \
                daily sweep.";
    list(args, lines, "Nothing is set aside.", || table(&aside), hint)
}

/// What is set aside, in words.
fn what(aside: &SetAside) -> String {
    let object = aside.object.as_ref().map_or("link", |object| object.as_str());
    match &aside.parked.key {
        ParkKey::Record(record) => record.object.to_string(),
        ParkKey::Field(_, field) => format!("{object}.{field}"),
        ParkKey::Message(id) => format!("message {id}"),
        ParkKey::Object(object) => format!("every {object}"),
        ParkKey::Type(side, of) => format!("{side}'s {of}"),
    }
}

fn table(aside: &[SetAside]) -> Table {
    let mut table = say::table(["what", "HubSpot", "Salesforce", "why, and what to do", "since"]);
    for one in aside {
        let id = |side: Side| one.records[side].as_ref().map_or_else(String::new, RecordId::to_string);
        table.add_row([
            what(one),
            id(Side::HubSpot),
            id(Side::Salesforce),
            one.parked.reason.clone(),
            format!("{:.0}", one.parked.since),
        ]);
    }
    table
}

fn line(aside: &SetAside) -> serde_json::Value {
    let field = match &aside.parked.key {
        ParkKey::Field(_, field) => Some(field),
        ParkKey::Record(_) | ParkKey::Message(_) | ParkKey::Object(_) | ParkKey::Type(..) => None,
    };
    json!({
        "what": what(aside),
        "object": aside.object,
        "field": field,
        "records": aside.records,
        "candidates": aside.parked.candidates,
        "reason": aside.parked.reason,
        "since": aside.parked.since,
    })
}
