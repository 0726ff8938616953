//! Search, with an index that is behind: it *matches and sorts* by the values of some seconds ago, *shows* the
//! values of now, and counts in `total` what has been archived meanwhile without showing it. No copy of the
//! index is kept: what it holds is read from the versions of each property.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Bound;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HubSpot;
use super::filter::{Comparable, Filter, Test, Window, indexed};
use super::objects::{Cleared, Selection};
use super::schema::TypeIndex;
use super::store::Record;
use super::value::text;
use super::wire::{Refusal, Reply, parsed, plus_ms};

/// API page "search": records per page, when not said and at most.
const PAGE_RECORDS_DEFAULT: usize = 10;
const PAGE_RECORDS_MAX: usize = 200;
/// API page "search": how far a search can be paged.
const RESULT_RECORDS_MAX: usize = 10_000;
/// API page "search": characters in a request.
const BODY_CHARACTERS_MAX: usize = 3_000;
/// API page "search": filter groups, filters in a group, filters in all.
const GROUPS_MAX: usize = 5;
const GROUP_FILTERS_MAX: usize = 6;
const FILTERS_MAX: usize = 18;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchBody {
    #[serde(default)]
    filter_groups: Vec<Group>,
    #[serde(default)]
    sorts: Vec<Value>,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    properties: Option<Vec<String>>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    after: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    filters: Vec<Filter>,
}

impl HubSpot {
    pub(super) fn search(&self, object: TypeIndex, now: Timestamp, body: &Bytes) -> Result<Reply, Refusal> {
        if body.len() > BODY_CHARACTERS_MAX {
            return Err(Refusal::invalid(format!(
                "The request has more than {BODY_CHARACTERS_MAX} characters."
            )));
        }
        let body: SearchBody = parsed(body)?;
        let (limit, after) = page(&body)?;
        let limit = limit.min(self.config.page_max);
        let groups = self.tests(object, &body.filter_groups)?;
        // What the index knows: everything as it was then.
        let known = match self.config.index_lag_ms {
            0 => Timestamp::MAX,
            lag => plus_ms(now, -lag),
        };
        let store = &self.types[object.0].store;
        let ids = self.candidates(object, &groups, known);
        let words: Vec<String> =
            body.query.unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let mut matching: Vec<&Record> = ids
            .iter()
            .filter_map(|id| store.records.get(id))
            .filter(|record| stood(record, known))
            .filter(|record| {
                groups.is_empty()
                    || groups
                        .iter()
                        .any(|tests| tests.iter().all(|test| self.holds(object, test, record, known)))
            })
            .filter(|record| self.has_words(object, record, known, &words))
            .collect();
        self.sort(object, &mut matching, body.sorts.first(), known)?;
        let selection = Selection {
            properties: body.properties.unwrap_or_default(),
            history: Vec::new(),
            cleared: Cleared::Empty,
        };
        let shown = matching.iter().skip(after).take(limit);
        let results: Vec<Value> = shown
            .filter(|record| record.archived_at.is_none())
            .map(|record| self.rendered(object, record, &selection))
            .collect();
        let mut answer = json!({"total": matching.len()});
        answer["results"] = Value::Array(results);
        if after + limit < matching.len() {
            answer["paging"] = json!({"next": {"after": (after + limit).to_string()}});
        }
        Ok(Reply::ok(answer))
    }

    fn tests(&self, object: TypeIndex, groups: &[Group]) -> Result<Vec<Vec<Test>>, Refusal> {
        let total: usize = groups.iter().map(|group| group.filters.len()).sum();
        let wide = groups.iter().any(|group| group.filters.len() > GROUP_FILTERS_MAX);
        if groups.len() > GROUPS_MAX || wide || total > FILTERS_MAX {
            return Err(Refusal::invalid(format!(
                "A search takes {GROUPS_MAX} filterGroups, {GROUP_FILTERS_MAX} filters in each, {FILTERS_MAX} in all."
            )));
        }
        let read = |group: &Group| group.filters.iter().map(|one| self.test(object, one)).collect();
        groups.iter().map(read).collect()
    }

    /// A superset of what can match, by the narrowest index that fits: never all records where a filter is on a
    /// unique property, the id or the modified date. What changed since the index was made is always in it.
    fn candidates(&self, object: TypeIndex, groups: &[Vec<Test>], known: Timestamp) -> BTreeSet<u64> {
        let store = &self.types[object.0].store;
        let mut ids: BTreeSet<u64> = store.by_modified.range((known, 0)..).map(|(_, id)| *id).collect();
        let windows: Option<Vec<Window>> = groups.iter().map(|tests| indexed(tests, store)).collect();
        match windows.filter(|windows| !windows.is_empty()) {
            None => ids.extend(store.records.keys()),
            Some(windows) => {
                for window in windows {
                    match window {
                        Window::Holder(id) => ids.extend(id),
                        Window::Ids(low, high) if low <= high => {
                            ids.extend(store.records.range(low..=high).map(|(id, _)| *id));
                        }
                        Window::Stamps(low, high) if low <= high => {
                            let range = (Bound::Included((low, 0)), Bound::Included((high, u64::MAX)));
                            ids.extend(store.by_modified.range(range).map(|(_, id)| *id));
                        }
                        Window::Ids(_, _) | Window::Stamps(_, _) => {}
                    }
                }
            }
        }
        ids
    }

    fn has_words(&self, object: TypeIndex, record: &Record, known: Timestamp, words: &[String]) -> bool {
        let shown = &self.types[object.0].shown;
        words.iter().all(|word| {
            let values = shown.iter().filter_map(|name| record.at(name, known));
            values.into_iter().any(|value| value.to_lowercase().contains(word))
        })
    }

    /// One sort; without it, the order of creation.
    fn sort(
        &self,
        object: TypeIndex,
        records: &mut [&Record],
        sort: Option<&Value>,
        known: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(sort) = sort else { return Ok(()) };
        let name = sort.as_str().or_else(|| sort["propertyName"].as_str());
        let Some(name) = name else {
            return Err(Refusal::invalid("A sort needs a propertyName."));
        };
        let key =
            |record: &&Record| -> Option<Comparable> { self.indexed_value(object, name, record, known) };
        if sort["direction"].as_str() == Some("DESCENDING") {
            records.sort_by_cached_key(|record| Reverse(key(record)));
        } else {
            records.sort_by_cached_key(key);
        }
        Ok(())
    }
}

/// Whether a record stood in the index: made, and not archived, then.
fn stood(record: &Record, known: Timestamp) -> bool {
    record.standing_since <= known && record.archived_at.is_none_or(|at| at > known)
}

fn page(body: &SearchBody) -> Result<(usize, usize), Refusal> {
    let limit = body.limit.unwrap_or(PAGE_RECORDS_DEFAULT);
    if limit > PAGE_RECORDS_MAX {
        return Err(Refusal::invalid(format!("The limit of a search is at most {PAGE_RECORDS_MAX}.")));
    }
    let after = body.after.as_ref().map(text).filter(|after| !after.is_empty());
    let after = match after.map(|after| after.parse::<usize>()) {
        None => 0,
        Some(Ok(after)) => after,
        Some(Err(_)) => return Err(Refusal::invalid("after must be an integer.")),
    };
    if after + limit > RESULT_RECORDS_MAX {
        return Err(Refusal::invalid(format!("A search can be paged to {RESULT_RECORDS_MAX} results.")));
    }
    Ok((limit, after))
}
