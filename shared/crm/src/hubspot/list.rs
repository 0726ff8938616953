//! Listings: what changed, everything, and the bin.
//!
//! *Changed* is a search by the date of the last change, paged by record id: each page asks for ids greater
//! than the last one shown, sorted by id. An id never changes, so a record that is edited during the listing
//! can neither slip from a page that is still to come onto one that has been read (as it does when pages
//! are offsets or follow the date), nor does it matter how many records share an instant, nor that search
//! shows no more than 10,000 rows of one query. And search answers with values newer than the index that it
//! sorted by (reference: 3.6), so a date that is read off a row is no place to go on from.

use concord_core::names::WireName;
use concord_core::port::{Failure, Listing, ObjectSpec, Page, PageMark};
use concord_core::row::Row;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::call::{Call, Unsuccessful, with_query};
use super::config::{Area, modified_property};
use super::find::SEARCH_ROWS_MAX;
use super::wire::{Paged, Record};
use super::{HubSpot, refusal, row};
use crate::transport::Transport;

/// Most rows of one page of a listing (objects API: `limit`, 100).
const LIST_ROWS_MAX: usize = 100;
/// How far behind a listing may be. Search misses new records for up to 5 s and stale ones for up to 30 s in
/// the recorded traffic of 2022 (reference: 3.6), which are no upper bounds.
const INDEX_LAG: SignedDuration = SignedDuration::from_secs(60);
/// Longest list of properties in a URI, in characters. 5,116 were seen to work, about 8,000 not
/// (reference: sections 5 and 3.5). Fields that do not fit are `Unknown` in listed rows.
const PROPERTIES_CHARS_MAX: usize = 4_000;
/// Longest search body that is sent, in characters (search API: 3,000); 400 are left for the filters.
const SEARCH_PROPERTIES_CHARS_MAX: usize = 2_600;

impl<T: Transport> HubSpot<T> {
    pub(super) async fn list_page(
        &self,
        object: &ObjectSpec,
        listing: &Listing,
        from: Option<&PageMark>,
    ) -> Result<Page, Failure> {
        let mark = from.map(Mark::read).transpose()?;
        match listing {
            Listing::Changed { since } => self.changed(object, *since, mark).await,
            Listing::All => self.listed(object, mark, false, Timestamp::MIN).await,
            Listing::Archived { since } => self.listed(object, mark, true, *since).await,
        }
    }

    async fn changed(
        &self,
        object: &ObjectSpec,
        since: Timestamp,
        mark: Option<Mark>,
    ) -> Result<Page, Failure> {
        let modified = modified_property(&object.wire);
        let since = since.as_millisecond().to_string();
        let mut filters = vec![json!({ "propertyName": modified, "operator": "GTE", "value": since })];
        if let Some(mark) = &mark {
            filters.push(json!({ "propertyName": "hs_object_id", "operator": "GT", "value": mark.after }));
        }
        let body = json!({
            "filterGroups": [{ "filters": filters }],
            "limit": SEARCH_ROWS_MAX,
            "properties": self.fitting(object, SEARCH_PROPERTIES_CHARS_MAX),
            "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
        });
        let asked = self.config.now();
        let target = format!("{}/search", self.config.family.path(Area::Objects(&object.wire)));
        let answer = self.send(Call::post(target, body)).await.map_err(Unsuccessful::into_failure)?;
        let page: Paged<Record> = answer.full_body()?;
        let complete_until =
            mark.as_ref().map_or_else(|| before(answer.asked().unwrap_or(asked)), |mark| mark.complete_until);
        // There is a next page iff HubSpot says so; where it begins we know better.
        let last = page.results.iter().filter_map(|record| record.id.parse::<u64>().ok()).max();
        let passed = mark.as_ref().and_then(|mark| mark.after.parse::<u64>().ok());
        let next = match (page.after(), last) {
            (Some(_), last @ Some(_)) if last <= passed => {
                return Err(refusal::misunderstood("a page of a search that leads back"));
            }
            (Some(_), Some(last)) => Some(Mark { complete_until, after: last.to_string() }.write()),
            // More is said to come, and nothing is shown to go on from: rows that were archived just now are
            // left out of a page.
            (Some(_), None) => return Err(refusal::misunderstood("a page of a search without rows")),
            (None, _) => None,
        };
        Ok(Page { rows: self.rows(object, &page.results), next, complete_until })
    }

    async fn listed(
        &self,
        object: &ObjectSpec,
        mark: Option<Mark>,
        archived: bool,
        since: Timestamp,
    ) -> Result<Page, Failure> {
        let limit = LIST_ROWS_MAX.to_string();
        let properties = self.fitting(object, PROPERTIES_CHARS_MAX).join(",");
        let mut query = vec![("limit", limit.as_str()), ("properties", properties.as_str())];
        if archived {
            query.push(("archived", "true"));
        }
        if let Some(mark) = &mark {
            query.push(("after", &mark.after));
        }
        let target = with_query(&self.config.family.path(Area::Objects(&object.wire)), &query);
        let asked = self.config.now();
        let answer = self.send(Call::get(target)).await.map_err(Unsuccessful::into_failure)?;
        let page: Paged<Record> = answer.full_body()?;
        let complete_until =
            mark.as_ref().map_or_else(|| before(answer.asked().unwrap_or(asked)), |mark| mark.complete_until);
        let next = match page.after() {
            Some(after) if mark.as_ref().is_some_and(|mark| mark.after == after) => {
                return Err(refusal::misunderstood("a page that points to itself"));
            }
            Some(after) => Some(Mark { complete_until, after: after.to_owned() }.write()),
            None => None,
        };
        let recent: Vec<Record> = page
            .results
            .into_iter()
            .filter(|record| record.archived_at.is_none_or(|at| at >= since))
            .collect();
        Ok(Page { rows: self.rows(object, &recent), next, complete_until })
    }

    pub(super) fn rows(&self, object: &ObjectSpec, records: &[Record]) -> Vec<Row> {
        records.iter().map(|record| row::listed(record, object, &self.config)).collect()
    }

    /// Concord's own properties, then as many fields as fit.
    pub(super) fn fitting<'a>(&'a self, object: &'a ObjectSpec, chars_max: usize) -> Vec<&'a str> {
        let names = &self.config.names;
        let mut chars = 0;
        [&names.link, &names.token]
            .into_iter()
            .chain(&object.fields)
            .map(WireName::as_str)
            .take_while(|name| {
                // Quotes and a comma, or an escaped comma.
                chars += name.len() + 3;
                chars <= chars_max
            })
            .collect()
    }
}

/// Where a listing goes on. The horizon is that of the first page: what changes afterwards may have an id
/// that has been passed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    complete_until: Timestamp,
    after: String,
}

impl Mark {
    fn write(&self) -> PageMark {
        PageMark(format!("{}/{}", self.complete_until.as_millisecond(), self.after))
    }

    fn read(mark: &PageMark) -> Result<Self, Failure> {
        let foreign =
            || Failure::Bug { reason: "a page mark that the HubSpot client did not make".to_owned() };
        let (millis, after) = mark.0.split_once('/').ok_or_else(foreign)?;
        let millis: i64 = millis.parse().map_err(|_| foreign())?;
        let complete_until = Timestamp::from_millisecond(millis).map_err(|_| foreign())?;
        Ok(Self { complete_until, after: after.to_owned() })
    }
}

/// What has been indexed by now.
fn before(now: Timestamp) -> Timestamp {
    now.checked_sub(INDEX_LAG).unwrap_or(Timestamp::MIN)
}
