//! Reading by id: retrieve first, and for what it does not show, `queryAll`, which sees the bin and merges.

use std::collections::BTreeMap;

use concord_core::names::RecordId;
use concord_core::port::{Failure, ObjectSpec};
use concord_core::row::{Reading, Standing};
use serde_json::{Value, json};

use super::Salesforce;
use super::answer::{Answer, unreadable};
use super::columns::{Columns, Record, id, modified_by, stamp};
use super::id::canonical;
use super::login::Session;
use super::query::{Scope, all_pages, first_page, in_lists};
use super::request::{ask, literal};
use super::schema;
use crate::transport::Transport;

/// Most records of one retrieve (REST guide, sObject Collections, POST).
const RETRIEVE_RECORDS_MAX: usize = 2_000;
/// The stamps of every object that Concord maps.
const STAMPS: [&str; 3] = ["LastModifiedDate", "LastModifiedById", "SystemModstamp"];
/// Also asked of what retrieve did not show.
const BIN_STAMPS: [&str; 4] = ["LastModifiedDate", "LastModifiedById", "SystemModstamp", "IsDeleted"];
/// The object types that can be merged, and so have `MasterRecordId` (SOAP guide, `merge()`; and Case).
const MERGEABLE: [&str; 4] = ["Account", "Case", "Contact", "Lead"];

pub(super) async fn read<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    ids: &[RecordId],
) -> Result<Vec<Reading>, Failure> {
    let mut columns = Columns::all(&client.config, spec)?;
    // Text that is no id is never sent: it would spoil the call for the others.
    let wanted: Vec<Option<RecordId>> = ids.iter().map(|id| canonical(id.as_str())).collect();
    let mut asked: Vec<RecordId> = wanted.iter().flatten().cloned().collect();
    asked.sort();
    asked.dedup();
    let mut readings = BTreeMap::new();
    if !asked.is_empty() {
        let session = client.login().await?;
        for chunk in asked.chunks(RETRIEVE_RECORDS_MAX) {
            let missing = alive(client, &session, &mut columns, chunk, &mut readings).await?;
            in_the_bin(client, &session, &mut columns, &missing, &mut readings).await?;
        }
    }
    let found = |id: Option<RecordId>| id.and_then(|id| readings.get(&id).cloned());
    Ok(wanted.into_iter().map(|id| found(id).unwrap_or(Reading::NotFound)).collect())
}

/// Retrieves rows, and names those that it did not show.
async fn alive<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    columns: &mut Columns<'_>,
    ids: &[RecordId],
    readings: &mut BTreeMap<RecordId, Reading>,
) -> Result<Vec<RecordId>, Failure> {
    let mut answer = retrieve(client, session, columns, ids).await?;
    if answer.refused_a_field() {
        columns.narrow(&schema::visible(client, session, columns.object()).await?)?;
        answer = retrieve(client, session, columns, ids).await?;
    }
    let rows: Vec<Option<Record>> = answer.list()?;
    if rows.len() != ids.len() {
        return Err(unreadable("ANSWER_OF_ANOTHER_LENGTH"));
    }
    let asked_at = answer.asked()?;
    let mut missing = Vec::new();
    for (asked, record) in ids.iter().zip(rows) {
        let Some(record) = record else {
            missing.push(asked.clone());
            continue;
        };
        if id(&record)? != *asked {
            return Err(unreadable("ANSWER_IN_ANOTHER_ORDER"));
        }
        let row = columns.row(&record, Standing::Alive, stamp(&record, session, asked_at)?)?;
        readings.insert(asked.clone(), Reading::Row(Box::new(row)));
    }
    Ok(missing)
}

async fn retrieve<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    columns: &Columns<'_>,
    ids: &[RecordId],
) -> Result<Answer, Failure> {
    let body = json!({
        "ids": ids.iter().map(RecordId::as_str).collect::<Vec<_>>(),
        "fields": columns.names(&STAMPS),
    });
    let path = format!("/composite/sobjects/{}", columns.object());
    client.call(session, ask(session, &path, &body)?).await
}

/// Asks for rows in the bin. What is not there either is not found: purged, never there, or not shared with us.
async fn in_the_bin<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    columns: &mut Columns<'_>,
    ids: &[RecordId],
    readings: &mut BTreeMap<RecordId, Reading>,
) -> Result<(), Failure> {
    let literals: Vec<String> = ids.iter().map(|id| literal(id.as_str())).collect();
    for soql in in_lists(&bin_query(columns), &literals) {
        let mut first = first_page(client, session, &soql, Scope::WithBin).await?;
        if first.refused_a_field() {
            columns.narrow(&schema::visible(client, session, columns.object()).await?)?;
            let (_, list) = soql.split_once(" WHERE Id").unwrap_or_default();
            let soql = format!("{}{list}", bin_query(columns));
            first = first_page(client, session, &soql, Scope::WithBin).await?;
        }
        for (answer, records) in all_pages(client, session, first).await? {
            for record in &records {
                readings.insert(id(record)?, reading(columns, session, record, &answer)?);
            }
        }
    }
    Ok(())
}

fn bin_query(columns: &Columns<'_>) -> String {
    let mut names = columns.names(&BIN_STAMPS);
    if MERGEABLE.contains(&columns.object()) && !names.contains(&"MasterRecordId") {
        names.push("MasterRecordId");
    }
    format!("SELECT {} FROM {} WHERE Id", names.join(", "), columns.object())
}

fn reading(
    columns: &Columns<'_>,
    session: &Session,
    record: &Record,
    answer: &Answer,
) -> Result<Reading, Failure> {
    let deleted = record.get("IsDeleted").and_then(Value::as_bool);
    let deleted = deleted.ok_or_else(|| unreadable("ANSWER_WITHOUT_STAMPS"))?;
    if deleted && let Some(winner) = record.get("MasterRecordId").and_then(Value::as_str).and_then(canonical)
    {
        return Ok(Reading::MergedInto(winner));
    }
    let standing = match deleted {
        true => Standing::Archived { by: session.author(modified_by(record).as_ref()) },
        false => Standing::Alive,
    };
    let versions = stamp(record, session, answer.asked()?)?;
    Ok(Reading::Row(Box::new(columns.row(record, standing, versions)?)))
}
