//! `GET /query` and `/queryAll`, with pages (reference 1.7). A cursor keeps the ids that matched when the query was
//! made; rows are read when their page is.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Salesforce;
use super::answer::{Answer, Refusal};
use super::call::Call;
use super::change::Context;
use super::id::Id;
use super::rows::{field_json, row_json, url};
use super::soql::bind::{Path, Query, bind};
use super::soql::parse::statement;
use super::soql::run::{Scope, parent, run};
use super::store::Record;

/// Rows in a page, as asked for by `Sforce-Query-Options: batchSize` (reference 1.7).
const BATCH: std::ops::RangeInclusive<usize> = 200..=2_000;
/// Open cursors of one user; an older one is gone (reference 1.7, [K]).
const CURSORS_MAX: usize = 10;
/// How long a cursor lives (reference 1.7, [K]).
const CURSOR_HOURS: i64 = 48;

/// Queries with pages left.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    open: BTreeMap<Id, Cursor>,
    opened: u64,
}

#[derive(Debug)]
struct Cursor {
    query: String,
    ids: Vec<Id>,
    batch: usize,
    at: Timestamp,
}

impl Salesforce {
    pub(crate) fn query(&mut self, context: &Context, call: &Call, all: bool) -> Result<Answer, Refusal> {
        let Some(text) = call.parameter("q") else {
            return Err(Refusal::bad("MALFORMED_QUERY", "A query string has to be specified"));
        };
        let text = text.trim().to_owned();
        let statement = statement(&text)?;
        let query = bind(&self.schema, context.sight, &text, &statement)?;
        let scope = if all { Scope::WithDeleted } else { Scope::Alive };
        let found = run(&query, &self.store, scope);
        let Some(_) = query.select else {
            return Ok(Answer::ok(json!({"totalSize": found.len(), "done": true, "records": []})));
        };
        let batch = call.header_part("sforce-query-options", "batchSize").and_then(|text| text.parse().ok());
        let batch = batch.map_or(*BATCH.end(), |batch: usize| batch.clamp(*BATCH.start(), *BATCH.end()));
        let batch = batch.min(self.config.page_max);
        let rows: Vec<Value> =
            found.iter().take(batch).map(|record| self.row_of(context, &query, record)).collect();
        if found.len() <= batch {
            return Ok(Answer::ok(json!({"totalSize": rows.len(), "done": true, "records": rows})));
        }
        let total = found.len();
        let ids = found.into_iter().map(|record| record.id.clone()).collect();
        let cursor = self.open_cursor(Cursor { query: text, ids, batch, at: context.now });
        Ok(Answer::ok(json!({
            "totalSize": total, "done": false, "records": rows,
            "nextRecordsUrl": next_url(context, &cursor, batch),
        })))
    }

    fn open_cursor(&mut self, cursor: Cursor) -> Id {
        self.cursors.opened += 1;
        // Ids rise, so the first is the oldest.
        while self.cursors.open.len() >= CURSORS_MAX {
            self.cursors.open.pop_first();
        }
        let id = Id::numbered("01g", self.cursors.opened);
        self.cursors.open.insert(id.clone(), cursor);
        id
    }

    pub(crate) fn query_more(&mut self, context: &Context, locator: &str) -> Result<Answer, Refusal> {
        let gone = || Refusal::bad("INVALID_QUERY_LOCATOR", "invalid query locator");
        let (id, skip) = locator.split_once('-').ok_or_else(gone)?;
        let (id, skip) = (Id::parse(id).ok_or_else(gone)?, skip.parse::<usize>().map_err(|_| gone())?);
        let cursor = self.cursors.open.get(&id).ok_or_else(gone)?;
        if cursor.at.duration_until(context.now) > SignedDuration::from_hours(CURSOR_HOURS) {
            self.cursors.open.remove(&id);
            return Err(gone());
        }
        let query = bind(&self.schema, context.sight, &cursor.query, &statement(&cursor.query)?)?;
        let page = cursor.ids.iter().skip(skip).take(cursor.batch);
        let records = page.filter_map(|id| self.store.get(query.object.name, id));
        let rows: Vec<Value> = records.map(|record| self.row_of(context, &query, record)).collect();
        let (total, next) = (cursor.ids.len(), skip + cursor.batch);
        let mut body = json!({"totalSize": total, "done": next >= total, "records": rows});
        if next < total {
            body["nextRecordsUrl"] = json!(next_url(context, &id, next));
        }
        Ok(Answer::ok(body))
    }

    fn row_of(&self, context: &Context, query: &Query<'_>, record: &Record) -> Value {
        let mut row = row_json(context, query.object, record, Some(&[]));
        for path in query.select.iter().flatten() {
            match path.through {
                None => row[path.field.name] = field_json(query.object, record, path.field),
                Some(step) => self.add_parent(context, &mut row[step.relationship], path, record),
            }
        }
        row
    }

    /// A parent is an object with its own attributes, or `null`.
    fn add_parent(&self, context: &Context, place: &mut Value, path: &Path<'_>, record: &Record) {
        let Some(step) = path.through else { return };
        let Some(parent) = parent(&step, record, &self.store) else {
            *place = Value::Null;
            return;
        };
        if place.is_null() {
            let url = url(context, step.parent.name, &parent.id);
            *place = json!({"attributes": {"type": step.parent.name, "url": url}});
        }
        place[path.field.name] = field_json(step.parent, parent, path.field);
    }
}

fn next_url(context: &Context, cursor: &Id, skip: usize) -> String {
    // `query` even for queryAll (reference 1.7).
    format!("/services/data/v{}/query/{cursor}-{skip}", context.version)
}
