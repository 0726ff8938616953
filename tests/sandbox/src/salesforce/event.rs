//! Change events of one transaction, each in the EventBridge envelope of the Event Relay (reference 4.1, 4.2).
//!
//! Deliberately absent: `nulledFields` and `diffFields` (not in relayed events), the siblings of `payload` in
//! `detail` (unverified), GAP events, and events for purges (Salesforce has none). That an UPDATE which changes no
//! value makes an event that names `LastModifiedDate` alone is unverified.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Number, Value, json};

use super::Salesforce;
use super::change::{Change, ChangeType, Context};
use super::instant;
use super::schema::{Field, Object};
use super::store::Record;
use super::value::{self, Form};
use crate::crm::Notice;

/// A captured commit number (reference 4.1): ours go on from there, so they do not fit into a double.
const COMMIT_NUMBER_BASE: u64 = 1_745_500_706_683_617_281;
/// Fields that no event carries.
const NEVER_TOLD: [&str; 5] = ["Id", "IsDeleted", "SystemModstamp", "MasterRecordId", "Name"];

/// The events, in order. Equal changes of several records of one object share an event.
pub(crate) fn of_transaction(machine: &Salesforce, context: &Context, changes: &[Change]) -> Vec<Notice> {
    let mut told: Vec<Told> = Vec::new();
    for change in changes.iter().filter(|change| machine.config.change_events.contains(change.object)) {
        let Some(object) = machine.schema.any_object(change.object) else { continue };
        let record = machine.store.table(change.object).and_then(|table| table.get(&change.id));
        let Some(record) = record else { continue };
        let (fields, body) = tell(object, record, change);
        let same = |other: &&mut Told| {
            (other.object, other.kind) == (change.object, change.kind)
                && other.body == body
                && other.fields == fields
        };
        match told.iter_mut().find(same) {
            Some(other) => other.ids.push(change.id.to_string()),
            None => {
                let ids = vec![change.id.to_string()];
                told.push(Told { object: change.object, kind: change.kind, ids, fields, body });
            }
        }
    }
    let envelope = |(place, told)| Notice::ChangeEvent(envelope(machine, context, place + 1, told));
    told.into_iter().enumerate().map(envelope).collect()
}

struct Told {
    object: &'static str,
    kind: ChangeType,
    ids: Vec<String>,
    fields: BTreeSet<String>,
    body: Map<String, Value>,
}

/// `changedFields` and the body.
fn tell(object: &Object, record: &Record, change: &Change) -> (BTreeSet<String>, Map<String, Value>) {
    let wanted: Vec<&Field> = match change.kind {
        ChangeType::Delete => Vec::new(),
        ChangeType::Create | ChangeType::Undelete => {
            object.fields.iter().filter(|field| record.get(field.name).is_some()).collect()
        }
        ChangeType::Update => {
            object.fields.iter().filter(|field| change.fields.contains(field.name)).collect()
        }
    };
    let nests = nests(object);
    let (mut names, mut body) = (BTreeSet::new(), Map::new());
    for field in wanted {
        let is_simple_name = field.name == "Name" && !field.is_compound();
        if field.is_compound() || (NEVER_TOLD.contains(&field.name) && !is_simple_name) || field.hidden {
            continue;
        }
        let json = value::render(field, record.get(field.name), Form::Event);
        let name = match nests.get(field.name) {
            Some((outer, inner)) => {
                let nested = body.entry((*outer).to_owned()).or_insert_with(|| json!({}));
                nested[*inner] = json;
                format!("{outer}.{inner}")
            }
            None => {
                body.insert(field.name.to_owned(), json);
                field.name.to_owned()
            }
        };
        if change.kind == ChangeType::Update {
            names.insert(name);
        }
    }
    (names, body)
}

/// `LastName` is told as `Name.LastName`, `MailingCity` as `MailingAddress.City`.
fn nests(object: &Object) -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let compounds = object.fields.iter().filter(|field| field.is_compound());
    compounds
        .flat_map(|compound| {
            value::parts(object, compound)
                .into_iter()
                .map(|(part, field)| (field.name, (compound.name, part)))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn envelope(machine: &Salesforce, context: &Context, sequence: usize, told: Told) -> Value {
    let kind = match told.kind {
        ChangeType::Create => "CREATE",
        ChangeType::Update => "UPDATE",
        ChangeType::Delete => "DELETE",
        ChangeType::Undelete => "UNDELETE",
    };
    let mut body = told.body;
    let header = json!({
        "entityName": told.object,
        "recordIds": told.ids,
        "changeType": kind,
        "changeOrigin": context.origin,
        "transactionKey": unique_text(0x0005_e192, machine.commits, 0),
        "sequenceNumber": sequence,
        "commitTimestamp": context.now.as_millisecond(),
        "commitNumber": Number::from(COMMIT_NUMBER_BASE + machine.commits),
        "commitUser": context.user.as_str(),
        "changedFields": told.fields,
    });
    body.insert("ChangeEventHeader".to_owned(), header);
    json!({
        "version": "0",
        "id": unique_text(0x1f0e_57aa, machine.commits, sequence),
        "detail-type": format!("{}ChangeEvent", told.object),
        "source": format!("aws.partner/salesforce.com/{}/{}", machine.org, machine.config.relay_channel_id),
        "account": machine.config.aws_account,
        "time": whole_second_zulu(context.now),
        "region": machine.config.aws_region,
        "resources": [],
        "detail": {"payload": body},
    })
}

fn whole_second_zulu(now: Timestamp) -> String {
    instant::whole_second(now).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Looks like a UUID and is unique by its numbers.
fn unique_text(kind: u32, commit: u64, sequence: usize) -> String {
    format!("{kind:08x}-{:04x}-4000-8000-{commit:012x}", sequence & 0xffff)
}
