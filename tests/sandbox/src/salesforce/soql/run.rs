//! Finds the records that a query asks for, without a scan where an id, a key or `SystemModstamp` narrows it.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::id::Id;
use super::super::rows::full_name;
use super::super::schema::Kind;
use super::super::store::{Record, Store, Table};
use super::super::value::Stored;
use super::bind::{Filter, Key, Path, Query};
use super::parse::Operator;

/// Whether records in the recycle bin are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Alive,
    WithDeleted,
}

/// Where the answer must be.
enum Candidates {
    Ids(BTreeSet<Id>),
    Stamped { from: Timestamp, until: Timestamp },
    All,
}

/// The matching records, in order, after offset and limit.
pub(crate) fn run<'d>(query: &Query<'_>, store: &'d Store, scope: Scope) -> Vec<&'d Record> {
    let Some(table) = store.table(query.object.name) else { return Vec::new() };
    let shows = |record: &Record| {
        let present = match scope {
            Scope::Alive => record.is_alive(),
            Scope::WithDeleted => !record.is_purged(),
        };
        present && query.filter.as_ref().is_none_or(|filter| holds(filter, record, store))
    };
    let wanted = query.limit.unwrap_or(usize::MAX);
    let candidates = query.filter.as_ref().map_or(Candidates::All, |filter| narrow(filter, table));
    if let Some((from, until)) = stamp_order(query, &candidates) {
        let stamped = table.since(from).take_while(|(stamp, _)| *stamp <= until);
        let records = stamped.filter_map(|(_, id)| table.get(id)).filter(|record| shows(record));
        return records.skip(query.offset).take(wanted).collect();
    }
    let mut found: Vec<&Record> = match &candidates {
        Candidates::Ids(ids) => {
            ids.iter().filter_map(|id| table.get(id)).filter(|record| shows(record)).collect()
        }
        Candidates::Stamped { from, until } => {
            let stamped = table.since(*from).take_while(|(stamp, _)| stamp <= until);
            let mut found: Vec<&Record> =
                stamped.filter_map(|(_, id)| table.get(id)).filter(|record| shows(record)).collect();
            found.sort_by(|one, other| one.id.cmp(&other.id));
            found
        }
        Candidates::All => table.rows().values().filter(|record| shows(record)).collect(),
    };
    sort(&mut found, &query.order, store);
    found.into_iter().skip(query.offset).take(wanted).collect()
}

/// The window of stamps, if the index by stamp already has the order asked for.
fn stamp_order(query: &Query<'_>, candidates: &Candidates) -> Option<(Timestamp, Timestamp)> {
    let names: Vec<&str> = query.order.iter().map(|key| key.path.field.name).collect();
    let plain = query.order.iter().all(|key| !key.descending && key.path.through.is_none());
    let in_order = plain && matches!(names.as_slice(), ["SystemModstamp"] | ["SystemModstamp", "Id", ..]);
    match candidates {
        Candidates::Stamped { from, until } if in_order => Some((*from, *until)),
        Candidates::All if in_order => Some((Timestamp::MIN, Timestamp::MAX)),
        Candidates::Stamped { .. } | Candidates::All | Candidates::Ids(_) => None,
    }
}

fn sort(found: &mut Vec<&Record>, order: &[Key<'_>], store: &Store) {
    if order.is_empty() {
        return;
    }
    let keys = |record: &&Record| -> Vec<Option<Stored>> {
        order.iter().map(|key| value(&key.path, record, store).map(folded)).collect()
    };
    let mut keyed: Vec<(Vec<Option<Stored>>, &Record)> =
        found.iter().map(|record| (keys(record), *record)).collect();
    keyed.sort_by(|(one, _), (other, _)| {
        let compared =
            order.iter().zip(one.iter().zip(other)).map(|(key, (one, other))| compare(key, one, other));
        compared.fold(Ordering::Equal, Ordering::then)
    });
    *found = keyed.into_iter().map(|(_, record)| record).collect();
}

/// No value comes first, ascending and descending, unless asked otherwise [K].
fn compare(key: &Key<'_>, one: &Option<Stored>, other: &Option<Stored>) -> Ordering {
    match (one, other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) if key.nulls_last => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) if key.nulls_last => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(one), Some(other)) if key.descending => other.cmp(one),
        (Some(one), Some(other)) => one.cmp(other),
    }
}

fn narrow(filter: &Filter<'_>, table: &Table) -> Candidates {
    match filter {
        Filter::And(all) => {
            let narrowed = all.iter().map(|one| narrow(one, table));
            narrowed.fold(Candidates::All, both)
        }
        Filter::Or(any) => {
            let mut narrowed = any.iter().map(|one| narrow(one, table));
            let first = narrowed.next().unwrap_or(Candidates::All);
            narrowed.fold(first, either)
        }
        Filter::Compare { path, operator, value: Some(value) } => {
            narrow_compare(path, *operator, value, table)
        }
        Filter::In { path, values } => {
            let each: Option<Vec<BTreeSet<Id>>> =
                values.iter().map(|value| keyed(path, value.as_ref()?, table)).collect();
            each.map_or(Candidates::All, |each| Candidates::Ids(each.into_iter().flatten().collect()))
        }
        Filter::Compare { value: None, .. } | Filter::Not(_) | Filter::Like { .. } => Candidates::All,
    }
}

fn narrow_compare(path: &Path<'_>, operator: Operator, value: &Stored, table: &Table) -> Candidates {
    if operator == Operator::Equal
        && let Some(ids) = keyed(path, value, table)
    {
        return Candidates::Ids(ids);
    }
    let (None, "SystemModstamp", Some(stamp)) = (&path.through, path.field.name, value.instant()) else {
        return Candidates::All;
    };
    let (from, until) = match operator {
        Operator::Equal => (stamp, stamp),
        Operator::Less | Operator::LessOrEqual => (Timestamp::MIN, stamp),
        Operator::Greater | Operator::GreaterOrEqual => (stamp, Timestamp::MAX),
        Operator::NotEqual => (Timestamp::MIN, Timestamp::MAX),
    };
    Candidates::Stamped { from, until }
}

/// The records with this value, if there is an index for it.
fn keyed(path: &Path<'_>, value: &Stored, table: &Table) -> Option<BTreeSet<Id>> {
    let text = value.text()?;
    if path.through.is_some() {
        return None;
    }
    if path.field.kind == Kind::Id {
        return Some(Id::parse(text).into_iter().collect());
    }
    path.field.is_indexed().then(|| table.with_key(path.field.name, text).cloned().unwrap_or_default())
}

fn both(one: Candidates, other: Candidates) -> Candidates {
    match (one, other) {
        (Candidates::All, only) | (only, Candidates::All) => only,
        (Candidates::Ids(one), Candidates::Ids(other)) => {
            Candidates::Ids(one.intersection(&other).cloned().collect())
        }
        (Candidates::Ids(ids), Candidates::Stamped { .. })
        | (Candidates::Stamped { .. }, Candidates::Ids(ids)) => Candidates::Ids(ids),
        (Candidates::Stamped { from: a, until: b }, Candidates::Stamped { from: c, until: d }) => {
            Candidates::Stamped { from: a.max(c), until: b.min(d) }
        }
    }
}

fn either(one: Candidates, other: Candidates) -> Candidates {
    match (one, other) {
        (Candidates::Ids(one), Candidates::Ids(other)) => {
            Candidates::Ids(one.into_iter().chain(other).collect())
        }
        (Candidates::Stamped { from: a, until: b }, Candidates::Stamped { from: c, until: d }) => {
            Candidates::Stamped { from: a.min(c), until: b.max(d) }
        }
        (Candidates::All | Candidates::Ids(_) | Candidates::Stamped { .. }, _) => Candidates::All,
    }
}

fn holds(filter: &Filter<'_>, record: &Record, store: &Store) -> bool {
    match filter {
        Filter::And(all) => all.iter().all(|one| holds(one, record, store)),
        Filter::Or(any) => any.iter().any(|one| holds(one, record, store)),
        Filter::Not(one) => !holds(one, record, store),
        Filter::Compare { path, operator, value: wanted } => {
            compares(*operator, value(path, record, store).map(folded), wanted.clone().map(folded))
        }
        Filter::Like { path, pattern } => {
            let text = value(path, record, store);
            let text = text.as_ref().and_then(Stored::text).map(str::to_lowercase);
            text.is_some_and(|text| is_like(&text, pattern))
        }
        Filter::In { path, values } => {
            let found = value(path, record, store).map(folded);
            values.iter().any(|value| found == value.clone().map(folded))
        }
    }
}

fn compares(operator: Operator, found: Option<Stored>, wanted: Option<Stored>) -> bool {
    match (operator, found, wanted) {
        (Operator::Equal, found, wanted) => found == wanted,
        (Operator::NotEqual, found, wanted) => found != wanted,
        (Operator::Less, Some(found), Some(wanted)) => found < wanted,
        (Operator::LessOrEqual, Some(found), Some(wanted)) => found <= wanted,
        (Operator::Greater, Some(found), Some(wanted)) => found > wanted,
        (Operator::GreaterOrEqual, Some(found), Some(wanted)) => found >= wanted,
        (Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual, _, _) => {
            false
        }
    }
}

/// Texts compare without regard to case; ids have 18 characters of one spelling and exact case.
fn folded(stored: Stored) -> Stored {
    match stored {
        Stored::Text(text) if Id::parse(&text).is_none_or(|id| id.as_str() != text) => {
            Stored::Text(text.to_lowercase())
        }
        Stored::Text(_) | Stored::Number(_) | Stored::Boolean(_) | Stored::Day(_) | Stored::Instant(_) => {
            stored
        }
    }
}

fn value(path: &Path<'_>, record: &Record, store: &Store) -> Option<Stored> {
    let record = match &path.through {
        None => record,
        Some(step) => parent(step, record, store)?,
    };
    match path.field.kind {
        Kind::Name => full_name(record).map(Stored::Text),
        Kind::Boolean => Some(record.get(path.field.name).cloned().unwrap_or(Stored::Boolean(false))),
        Kind::Id
        | Kind::Text
        | Kind::TextArea
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Int
        | Kind::Double { .. }
        | Kind::Currency { .. }
        | Kind::Date
        | Kind::DateTime
        | Kind::Picklist
        | Kind::MultiPicklist
        | Kind::Reference { .. }
        | Kind::Address { .. } => record.get(path.field.name).cloned(),
    }
}

/// The record that the reference leads to.
pub(crate) fn parent<'d>(
    step: &super::bind::Step<'_>,
    record: &Record,
    store: &'d Store,
) -> Option<&'d Record> {
    let id = Id::parse(record.get(step.reference.name)?.text()?)?;
    store.get(step.parent.name, &id)
}

/// `%` stands for any text, `_` for one character, a backslash before them for themselves.
fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut wanted = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        wanted.push(match character {
            '%' => Wild::Any,
            '_' => Wild::One,
            '\\' => characters.next().map_or(Wild::Exactly('\\'), Wild::Exactly),
            plain => Wild::Exactly(plain),
        });
    }
    // Which prefixes of the text the pattern so far can match.
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for wild in wanted {
        let mut next = vec![false; text.len() + 1];
        for place in 0..=text.len() {
            next[place] = match wild {
                Wild::Any => reach[place] || (place > 0 && next[place - 1]),
                Wild::One => place > 0 && reach[place - 1],
                Wild::Exactly(character) => place > 0 && reach[place - 1] && text[place - 1] == character,
            };
        }
        reach = next;
    }
    reach[text.len()]
}

enum Wild {
    Any,
    One,
    Exactly(char),
}
