//! Records by value: exact, by unique property, never by search - with two exceptions.
//!
//! Whom a person is asked about is searched for ([`HubSpot::search_rows`]). And a company's `domain` is not
//! unique and is not known to work as `idProperty` (reference: 3.3), so it is searched for. **Search lags:** a company made a few seconds ago (0-5 s were measured, more is possible)
//! is not found, and whoever takes that for "there is none" makes a duplicate. The other way round, search
//! matches by the old index but answers with current values, so every match is checked here again.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, Found, ObjectSpec};
use concord_core::row::Row;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::call::{Call, Unsuccessful};
use super::config::{Area, plural};
use super::read::only_missing;
use super::wire::{Batch, Paged, Record};
use super::{CALLS_IN_FLIGHT_MAX, HubSpot};
use crate::transport::Transport;

/// Most values of one batch read without histories (objects API, "batch": 100 inputs).
const BATCH_VALUES_MAX: usize = 100;
/// Most filter groups of one search, and so the most values (search API: 5).
const SEARCH_VALUES_MAX: usize = 5;
/// Most rows of one page of a search (search API: 200).
pub(super) const SEARCH_ROWS_MAX: usize = 200;
/// Most rows that a search shows, all pages together (search API: 10,000).
const SEARCH_TOTAL_MAX: usize = 10_000;
/// How far a search may be behind. Ours: twice the 5 s that were measured (reference: 5).
const SEARCH_LAG: SignedDuration = SignedDuration::from_secs(10);
/// Longest domain name, in characters (RFC 1035, 2.3.4). A longer text is no company's domain, and would
/// break the limit of a search body (3,000 characters).
const DOMAIN_CHARS_MAX: usize = 253;

/// Longest text that is searched for, and all texts of one search together, in characters: with the properties of
/// [`ALIKE_PROPERTIES_CHARS_MAX`] a body stays below 3,000 (search API).
const ALIKE_CHARS_MAX: usize = 200;
const ALIKE_ALL_CHARS_MAX: usize = 1_500;
const ALIKE_PROPERTIES_CHARS_MAX: usize = 1_000;
/// Pages of one search for whom a person is asked about. Ours: 1,000 records that share a few names are nobody's answer.
const ALIKE_PAGES_MAX: usize = 5;

/// A contact's other e-mail addresses, `;` between them: unique across contacts as the first one is.
const ADDITIONAL_EMAILS: &str = "hs_additional_emails";

impl<T: Transport> HubSpot<T> {
    pub(super) async fn find_records(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        values: &[String],
    ) -> Result<Vec<Found>, Failure> {
        let by = By::of(&object.wire, field.as_str());
        let mut found: BTreeMap<String, Vec<RecordId>> = values
            .iter()
            .map(|value| (by.key(value), Vec::new()))
            .filter(|(key, _)| by.can_hold(key))
            .collect();
        let asked: Vec<&String> = found.keys().collect();
        let size = match by {
            By::Email | By::Unique => BATCH_VALUES_MAX,
            By::Domain => SEARCH_VALUES_MAX,
        };
        let lag = by.lag();
        let in_flight = match by {
            By::Email | By::Unique => CALLS_IN_FLIGHT_MAX,
            // Five searches a second for the whole account: one after the other.
            By::Domain => 1,
        };
        let calls: Vec<_> =
            asked.chunks(size).map(|chunk| self.find_chunk(object, field, by, chunk)).collect();
        let records: Vec<Vec<Record>> = stream::iter(calls).buffered(in_flight).try_collect().await?;
        for record in records.iter().flatten() {
            for key in by.keys_of(record, field) {
                if let Some(ids) = found.get_mut(&key) {
                    ids.push(RecordId::new(&record.id));
                }
            }
        }
        for ids in found.values_mut() {
            ids.sort();
            ids.dedup();
        }
        Ok(values
            .iter()
            .map(|value| Found { ids: found.get(&by.key(value)).cloned().unwrap_or_default(), lag })
            .collect())
    }

    async fn find_chunk(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        by: By,
        values: &[&String],
    ) -> Result<Vec<Record>, Failure> {
        match by {
            By::Email => self.find_unique(object, field, &[field.as_str(), ADDITIONAL_EMAILS], values).await,
            By::Unique => self.find_unique(object, field, &[field.as_str()], values).await,
            By::Domain => self.search_values(object, field, values).await,
        }
    }

    async fn find_unique(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        properties: &[&str],
        values: &[&String],
    ) -> Result<Vec<Record>, Failure> {
        let target = format!("{}/batch/read", self.config.family.path(Area::Objects(&object.wire)));
        let body = json!({
            "idProperty": field.as_str(),
            "inputs": values.iter().map(|value| json!({ "id": value })).collect::<Vec<_>>(),
            "properties": properties,
        });
        let answer = self.send(Call::post(target, body)).await.map_err(Unsuccessful::into_failure)?;
        let batch: Batch<Record> = answer.full_body()?;
        only_missing(&batch.errors)?;
        Ok(batch.results)
    }

    async fn search_values(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        values: &[&String],
    ) -> Result<Vec<Record>, Failure> {
        let groups: Vec<Value> = values
            .iter()
            .map(|value| {
                json!({ "filters": [{ "propertyName": field.as_str(), "operator": "EQ", "value": value }] })
            })
            .collect();
        let mut body = json!({
            "filterGroups": groups,
            "limit": SEARCH_ROWS_MAX,
            "properties": [field.as_str()],
        });
        let mut records = Vec::new();
        for _ in 0..SEARCH_TOTAL_MAX.div_ceil(SEARCH_ROWS_MAX) {
            let page = self.search(object, body.clone()).await?;
            let after = page.after().map(str::to_owned);
            records.extend(page.results);
            let Some(after) = after else { return Ok(records) };
            body["after"] = after.into();
        }
        let reason =
            format!("more than {SEARCH_TOTAL_MAX} records share a {field}; it is no key to match by");
        Err(Failure::Park { reason })
    }

    /// Whoever holds one of these texts, as far as the index knows. The words of `IN` have to be in lower case (search guide); that
    /// it finds a text of several words is unverified.
    pub(super) async fn search_rows(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        texts: &[String],
    ) -> Result<Vec<Row>, Failure> {
        let texts: BTreeSet<String> = texts.iter().map(|text| text.trim().to_lowercase()).collect();
        let texts = texts.into_iter().filter(|text| (1..=ALIKE_CHARS_MAX).contains(&text.chars().count()));
        let mut searches: Vec<(usize, Vec<String>)> = Vec::new();
        for text in texts {
            let chars = text.chars().count() + 3;
            match searches.last_mut() {
                Some((all, texts)) if *all + chars <= ALIKE_ALL_CHARS_MAX => {
                    *all += chars;
                    texts.push(text);
                }
                Some(_) | None => searches.push((chars, vec![text])),
            }
        }
        let mut rows = Vec::new();
        for (_, texts) in searches {
            let filter = json!({ "propertyName": field.as_str(), "operator": "IN", "values": texts });
            let mut body = json!({
                "filterGroups": [{ "filters": [filter] }],
                "limit": SEARCH_ROWS_MAX,
                "properties": self.fitting(object, ALIKE_PROPERTIES_CHARS_MAX),
            });
            for _ in 0..ALIKE_PAGES_MAX {
                let page = self.search(object, body.clone()).await?;
                rows.extend(self.rows(object, &page.results));
                let Some(after) = page.after() else { break };
                body["after"] = after.into();
            }
        }
        Ok(rows)
    }

    /// One page of a search.
    pub(super) async fn search(&self, object: &ObjectSpec, body: Value) -> Result<Paged<Record>, Failure> {
        let target = format!("{}/search", self.config.family.path(Area::Objects(&object.wire)));
        let answer = self.send(Call::post(target, body)).await.map_err(Unsuccessful::into_failure)?;
        answer.full_body()
    }
}

/// How a field can be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The contacts' e-mail: unique together with the additional addresses.
    Email,
    /// A property with unique values.
    Unique,
    /// The companies' domain: not unique, searched for.
    Domain,
}

/// Whether records are found by a property whose values are not unique.
pub(super) fn is_searched_for(object: &WireName, property: &str) -> bool {
    By::of(object, property) == By::Domain
}

impl By {
    fn of(object: &WireName, property: &str) -> Self {
        match (plural(object.as_str()).as_str(), property) {
            ("contacts", "email") => Self::Email,
            ("companies", "domain") => Self::Domain,
            _ => Self::Unique,
        }
    }

    /// Whoever got a value within this time may not be found by it.
    const fn lag(self) -> SignedDuration {
        match self {
            Self::Email | Self::Unique => SignedDuration::ZERO,
            Self::Domain => SEARCH_LAG,
        }
    }

    /// The form in which values are compared. Whether HubSpot lower-cases addresses on write is not
    /// established (reference: section 10), so they are compared without regard to case.
    fn key(self, value: &str) -> String {
        match self {
            Self::Email | Self::Domain => value.trim().to_lowercase(),
            Self::Unique => value.to_owned(),
        }
    }

    /// Whether any record can hold this at all. An empty id would refuse the whole batch.
    fn can_hold(self, key: &str) -> bool {
        match self {
            Self::Email | Self::Unique => !key.is_empty(),
            Self::Domain => !key.is_empty() && key.chars().count() <= DOMAIN_CHARS_MAX,
        }
    }

    /// The values that a record holds now.
    fn keys_of(self, record: &Record, field: &WireName) -> Vec<String> {
        let first = record.text(field.as_str()).map(|text| self.key(text));
        let more = match self {
            Self::Email => record.text(ADDITIONAL_EMAILS).unwrap_or_default(),
            Self::Unique | Self::Domain => "",
        };
        first
            .into_iter()
            .chain(more.split(';').filter(|text| !text.is_empty()).map(|text| self.key(text)))
            .collect()
    }
}
