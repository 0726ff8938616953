//! getUpdated and getDeleted (reference 1.8): whole minutes, 30 and 15 days back.
//!
//! No transaction here is ever half done between two calls, so `latestDateCovered` is the end of the window or
//! the current minute, whichever is earlier.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Salesforce;
use super::answer::{Answer, Refusal};
use super::call::Call;
use super::change::Context;
use super::id::Id;
use super::instant;
use super::store::{Presence, Record};

/// How far back getUpdated looks.
const UPDATED_DAYS_MAX: i64 = 30;
/// How long deleted records stay in the recycle bin, and getDeleted looks back.
pub(crate) const DELETED_DAYS_MAX: i64 = 15;

impl Salesforce {
    /// `GET /sobjects/{Object}/updated`
    pub(crate) fn updated(&self, context: &Context, object: &str, call: &Call) -> Result<Answer, Refusal> {
        let (start, end) = window(context, call, UPDATED_DAYS_MAX)?;
        let Some(table) = self.store.table(object) else { return Err(Refusal::not_found()) };
        let within = table.since(start).take_while(|(stamp, _)| *stamp < end);
        let alive = within.filter(|(_, id)| table.get(id).is_some_and(Record::is_alive));
        let ids: Vec<&str> = alive.map(|(_, id)| id.as_str()).collect();
        Ok(Answer::ok(json!({"ids": ids, "latestDateCovered": covered(context, end)})))
    }

    /// `GET /sobjects/{Object}/deleted`
    pub(crate) fn deleted(&self, context: &Context, object: &str, call: &Call) -> Result<Answer, Refusal> {
        let (start, end) = window(context, call, DELETED_DAYS_MAX)?;
        let line =
            |(at, id): &(Timestamp, Id)| json!({"id": id.as_str(), "deletedDate": instant::rest_text(*at)});
        let deleted: Vec<Value> = self.store.deleted(object, start, end).iter().map(line).collect();
        Ok(Answer::ok(json!({
            "deletedRecords": deleted,
            "earliestDateAvailable": instant::rest_text(self.earliest_delete(context, object)),
            "latestDateCovered": covered(context, end),
        })))
    }

    /// After the last purge, or as far back as the bin goes.
    fn earliest_delete(&self, context: &Context, object: &str) -> Timestamp {
        let rows = self.store.table(object).into_iter().flat_map(|table| table.rows().values());
        let purged = rows.filter_map(|record| match &record.presence {
            Presence::Purged { deleted_at } => Some(*deleted_at),
            Presence::Alive | Presence::Deleted { .. } => None,
        });
        purged.fold(days_before(context.now, DELETED_DAYS_MAX), Timestamp::max)
    }
}

fn covered(context: &Context, end: Timestamp) -> String {
    instant::rest_text(end.min(instant::whole_minute(context.now)))
}

pub(crate) fn days_before(now: Timestamp, days: i64) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(days * 24)).unwrap_or(Timestamp::MIN)
}

fn window(context: &Context, call: &Call, days_max: i64) -> Result<(Timestamp, Timestamp), Refusal> {
    let read = |name: &str| {
        // An unencoded + of the offset arrives as a blank.
        let text = call.parameter(name).unwrap_or_default().replace(' ', "+");
        instant::parse(&text).map(instant::whole_minute).ok_or_else(|| {
            Refusal::bad("INVALID_REPLICATION_DATE", format!("{name}: '{text}' is not a valid date"))
        })
    };
    let (start, end) = (read("start")?, read("end")?);
    if start >= end {
        let message = "The specified start date must be before the end date";
        return Err(Refusal::bad("INVALID_REPLICATION_DATE", message));
    }
    if start < instant::whole_minute(days_before(context.now, days_max)) {
        let message = format!("startDate before {days_max} days");
        return Err(Refusal::bad("INVALID_REPLICATION_DATE", message));
    }
    Ok((start, end))
}
