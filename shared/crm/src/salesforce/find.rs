//! Finding records by a field's value: SOQL, which sees every committed row, unlike search.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, Found, ObjectSpec};
use concord_core::row::{Row, Standing, Versions};
use serde_json::Value;

use super::Salesforce;
use super::columns::{Columns, id};
use super::query::{Scope, all_pages, first_page, in_lists};
use super::request::{identifier, literal};
use super::schema;
use crate::transport::Transport;

/// Among which rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Among {
    pub(super) scope: Scope,
    /// In SOQL, before what is asked for: empty, or with `AND` at its end.
    pub(super) condition: &'static str,
}

/// Text fields only: SOQL wants numbers and dates unquoted, and neither makes a key.
pub(super) async fn find<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    field: &WireName,
    values: &[String],
    Among { scope, condition }: Among,
) -> Result<Vec<Found>, Failure> {
    let (object, name) = (identifier(&spec.wire)?, identifier(field)?);
    // A blank is no key: half the org holds it.
    let keys: BTreeSet<String> =
        values.iter().filter(|value| !value.trim().is_empty()).map(|value| key(value)).collect();
    let mut holders: BTreeMap<String, BTreeSet<RecordId>> = BTreeMap::new();
    if !keys.is_empty() {
        let session = client.login().await?;
        let literals: Vec<String> = keys.iter().map(|value| literal(value)).collect();
        let columns = if name == "Id" { "Id".to_owned() } else { format!("Id, {name}") };
        for soql in in_lists(&format!("SELECT {columns} FROM {object} WHERE {condition}{name}"), &literals) {
            let first = first_page(client, &session, &soql, scope).await?;
            for (_, records) in all_pages(client, &session, first).await? {
                for record in &records {
                    if let Some(held) = record.get(name).and_then(Value::as_str) {
                        holders.entry(key(held)).or_default().insert(id(record)?);
                    }
                }
            }
        }
    }
    let found = |value: &String| {
        let ids = holders.get(&key(value)).into_iter().flatten().cloned().collect();
        Found::exact(ids)
    };
    Ok(values.iter().map(found).collect())
}

/// Most rows that one statement shows of those for a person to judge: one page (REST guide, Query Options header).
const ALIKE_ROWS_MAX: usize = 2_000;

/// Whoever holds one of these texts; SOQL passes over capitals.
pub(super) async fn search<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    field: &WireName,
    texts: &[String],
    Among { scope, condition }: Among,
) -> Result<Vec<Row>, Failure> {
    let texts: BTreeSet<String> =
        texts.iter().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let (mut columns, name) = (Columns::all(&client.config, spec)?, identifier(field)?);
    let session = client.login().await?;
    let literals: Vec<String> = texts.iter().map(|text| literal(text)).collect();
    let statements = |columns: &Columns<'_>| {
        let names = columns.names(&["LastModifiedDate"]).join(", ");
        in_lists(&format!("SELECT {names} FROM {} WHERE {condition}{name}", columns.object()), &literals)
    };
    let (mut asked, mut rows, mut narrowed) = (statements(&columns), Vec::new(), false);
    while let Some(soql) = asked.pop() {
        let first = first_page(client, &session, &format!("{soql} LIMIT {ALIKE_ROWS_MAX}"), scope).await?;
        if first.refused_a_field() && !narrowed {
            columns.narrow(&schema::visible(client, &session, columns.object()).await?)?;
            (asked, narrowed) = (statements(&columns), true);
            continue;
        }
        for (_, records) in all_pages(client, &session, first).await? {
            for record in &records {
                rows.push(columns.row(record, Standing::Alive, Versions::Listed)?);
            }
        }
    }
    Ok(rows)
}

/// What values are compared by. SOQL matches text whatever its capitals; an e-mail address means the same in
/// any (Salesforce lower-cases it), everything else has to be equal.
fn key(value: &str) -> String {
    match value.contains('@') {
        true => value.to_lowercase(),
        false => value.to_owned(),
    }
}
