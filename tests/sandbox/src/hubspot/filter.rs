//! The filters of a search.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::HubSpot;
use super::objects::fixed;
use super::schema::{TypeIndex, ValueKind};
use super::store::{Record, Store};
use super::value::{instant, text};
use super::wire::Refusal;

/// A filter as it is sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    property_name: String,
    operator: Operator,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    high_value: Option<Value>,
    #[serde(default)]
    values: Option<Vec<Value>>,
}

/// What a filter asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Operator {
    Lt,
    Lte,
    Gt,
    Gte,
    Eq,
    Neq,
    Between,
    In,
    NotIn,
    HasProperty,
    NotHasProperty,
    ContainsToken,
    NotContainsToken,
}

/// A value that can be compared with others of its property.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Comparable {
    Number(Decimal),
    Moment(i64),
    Text(String),
}

/// What a filter is on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Id,
    Modified,
    Stored(String),
    /// `associations.companies`.
    Paired(TypeIndex),
}

/// A filter that has been read: the operands are compared as they are.
#[derive(Debug)]
pub(super) struct Test {
    subject: Subject,
    name: String,
    operator: Operator,
    value: Option<Comparable>,
    high: Option<Comparable>,
    values: Vec<Comparable>,
    token: String,
}

/// Where an index says that the matches are.
#[derive(Debug)]
pub(super) enum Window {
    Holder(Option<u64>),
    Ids(u64, u64),
    Stamps(Timestamp, Timestamp),
}

/// The narrowest window of a group of filters, if one of them is on something indexed.
pub(super) fn indexed(tests: &[Test], store: &Store) -> Option<Window> {
    let windows = || tests.iter().filter_map(|test| test.window(store));
    let holder = windows().find(|window| matches!(window, Window::Holder(_)));
    holder.or_else(|| windows().next())
}

impl Test {
    fn window(&self, store: &Store) -> Option<Window> {
        match &self.subject {
            Subject::Stored(name) if self.operator == Operator::Eq && store.is_tracked(name) => {
                Some(Window::Holder(store.holder(name, &self.token)))
            }
            Subject::Id => {
                let whole = |bound: &Comparable| match bound {
                    Comparable::Number(number) => u64::try_from(number.trunc()).ok(),
                    Comparable::Moment(_) | Comparable::Text(_) => None,
                };
                let (low, high) = self.bounds(whole)?;
                Some(Window::Ids(low.unwrap_or(0), high.unwrap_or(u64::MAX)))
            }
            Subject::Modified => {
                let moment = |bound: &Comparable| match bound {
                    Comparable::Moment(ms) => Timestamp::from_millisecond(*ms).ok(),
                    Comparable::Number(_) | Comparable::Text(_) => None,
                };
                let (low, high) = self.bounds(moment)?;
                Some(Window::Stamps(low.unwrap_or(Timestamp::MIN), high.unwrap_or(Timestamp::MAX)))
            }
            Subject::Stored(_) | Subject::Paired(_) => None,
        }
    }

    /// The inclusive bounds of what can match; an exclusive bound is taken in too.
    fn bounds<T>(&self, read: impl Fn(&Comparable) -> Option<T>) -> Option<(Option<T>, Option<T>)> {
        let value = self.value.as_ref().and_then(&read);
        match self.operator {
            Operator::Gt | Operator::Gte => Some((value, None)),
            Operator::Lt | Operator::Lte => Some((None, value)),
            Operator::Eq => Some((value, self.value.as_ref().and_then(&read))),
            Operator::Between => Some((value, self.high.as_ref().and_then(&read))),
            Operator::Neq
            | Operator::In
            | Operator::NotIn
            | Operator::HasProperty
            | Operator::NotHasProperty
            | Operator::ContainsToken
            | Operator::NotContainsToken => None,
        }
    }
}

impl HubSpot {
    pub(super) fn test(&self, object: TypeIndex, filter: &Filter) -> Result<Test, Refusal> {
        let of_type = &self.types[object.0];
        let name = &filter.property_name;
        let subject = match name.strip_prefix("associations.") {
            Some(other) => Subject::Paired(
                self.type_named(other).ok_or_else(|| Refusal::invalid(format!("Unknown type {other}.")))?,
            ),
            None if name == "hs_object_id" => Subject::Id,
            None if *name == of_type.modified => Subject::Modified,
            None => Subject::Stored(name.clone()),
        };
        let kind = match subject {
            Subject::Paired(_) => ValueKind::Number,
            Subject::Id | Subject::Modified | Subject::Stored(_) => self.kind_of(object, name),
        };
        // The words of IN on text are compared as they are, so that only lower-case ones can match.
        let of_list = if kind == ValueKind::String { ValueKind::Enumeration } else { kind };
        let read = |value: &Option<Value>| value.as_ref().map(|value| comparable(kind, &text(value)));
        Ok(Test {
            subject,
            name: name.clone(),
            operator: filter.operator,
            value: read(&filter.value),
            high: read(&filter.high_value),
            values: filter.values.iter().flatten().map(|value| comparable(of_list, &text(value))).collect(),
            token: filter.value.as_ref().map(text).unwrap_or_default(),
        })
    }

    /// Whether a filter matches what the index knows of a record. A property that is not defined, as
    /// `hs_lastmodifieddate` is not on contacts, matches nothing and is no error.
    pub(super) fn holds(&self, object: TypeIndex, test: &Test, record: &Record, known: Timestamp) -> bool {
        if let Subject::Paired(to) = test.subject {
            let pairs = self.live_pairs((object, record.id), to);
            return pairs.iter().any(|(id, _)| Some(Comparable::Number(Decimal::from(*id))) == test.value);
        }
        if self.types[object.0].property(&test.name).is_none() {
            return false;
        }
        let held = self.indexed_value(object, &test.name, record, known);
        let is = |value: &Option<Comparable>| held.is_some() && same(held.as_ref(), value.as_ref());
        let within = |low: bool, high: bool| held.is_some() && test.value.is_some() && low && high;
        match test.operator {
            Operator::Eq => is(&test.value),
            Operator::Neq => !is(&test.value),
            Operator::Lt => within(true, held < test.value),
            Operator::Lte => within(true, held <= test.value),
            Operator::Gt => within(held > test.value, true),
            Operator::Gte => within(held >= test.value, true),
            Operator::Between => within(held >= test.value, held <= test.high),
            Operator::In => listed(held.as_ref(), &test.values),
            Operator::NotIn => !listed(held.as_ref(), &test.values),
            Operator::HasProperty => held.is_some(),
            Operator::NotHasProperty => held.is_none(),
            Operator::ContainsToken => has_token(record.at(&test.name, known), &test.token),
            Operator::NotContainsToken => !has_token(record.at(&test.name, known), &test.token),
        }
    }

    /// What the index knows of a property, ready to be compared.
    pub(super) fn indexed_value(
        &self,
        object: TypeIndex,
        name: &str,
        record: &Record,
        known: Timestamp,
    ) -> Option<Comparable> {
        let of_type = &self.types[object.0];
        if name == of_type.modified {
            return Some(Comparable::Moment(record.modified_at(known).as_millisecond()));
        }
        if name == "hs_object_id" {
            return Some(Comparable::Number(Decimal::from(record.id)));
        }
        let kind = self.kind_of(object, name);
        match fixed(of_type, record, name) {
            Some(value) => Some(comparable(kind, &value)),
            None => record.at(name, known).map(|value| comparable(kind, value)),
        }
    }

    fn kind_of(&self, object: TypeIndex, name: &str) -> ValueKind {
        self.types[object.0].property(name).map_or(ValueKind::String, |property| property.kind)
    }
}

fn comparable(kind: ValueKind, value: &str) -> Comparable {
    let lower = || Comparable::Text(value.to_lowercase());
    match kind {
        ValueKind::Number => {
            let number = value.parse().or_else(|_| Decimal::from_scientific(value));
            number.map_or_else(|_| lower(), Comparable::Number)
        }
        ValueKind::Date | ValueKind::Datetime => {
            instant(value).map_or_else(lower, |at| Comparable::Moment(at.as_millisecond()))
        }
        ValueKind::Enumeration => Comparable::Text(value.to_owned()),
        ValueKind::Bool | ValueKind::String | ValueKind::PhoneNumber => lower(),
    }
}

/// Equal, or one choice of several.
fn same(held: Option<&Comparable>, value: Option<&Comparable>) -> bool {
    match (held, value) {
        (Some(Comparable::Text(held)), Some(Comparable::Text(value))) => {
            held == value || held.split(';').any(|part| part == value)
        }
        (held, value) => held == value,
    }
}

fn listed(held: Option<&Comparable>, values: &[Comparable]) -> bool {
    held.is_some() && values.iter().any(|value| same(held, Some(value)))
}

/// Words are runs of letters and digits; `*` stands for anything at either end.
fn has_token(held: Option<&str>, token: &str) -> bool {
    let (held, token) = (held.unwrap_or_default().to_lowercase(), token.to_lowercase());
    let bare = token.trim_matches('*');
    let (open_start, open_end) = (token.starts_with('*'), token.ends_with('*'));
    if bare.is_empty() {
        return !held.is_empty();
    }
    held.match_indices(bare).any(|(start, found)| {
        let before = held.get(..start).and_then(|text| text.chars().next_back());
        let after = held.get(start + found.len()..).and_then(|text| text.chars().next());
        (open_start || !before.is_some_and(char::is_alphanumeric))
            && (open_end || !after.is_some_and(char::is_alphanumeric))
    })
}
