//! How alike two records are, for people to judge: nothing is ever linked by it.

use crate::contract::{Field, Kind, Object};
use crate::names::{FieldName, Side};
use crate::row::Row;
use crate::value::{Presence, Value};

/// Records are proposed if each of their fields is at least so alike, in percent. Ours: what Jaro and Winkler's measure gives to
/// one wrong letter in a name.
const ALIKE_MIN: u8 = 90;

/// How alike two records are, field by field, in percent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness(pub Vec<(FieldName, u8)>);

impl Likeness {
    /// Of two rows, by these fields. `None`: they are not alike, or one of them holds nothing there.
    #[must_use]
    pub fn of(object: &Object, fields: &[FieldName], one: (Side, &Row), other: (Side, &Row)) -> Option<Self> {
        let alike = |name: &FieldName| {
            let field = object.fields.get(name)?;
            let percent = percent(field, &shown(field, one)?, &shown(field, other)?);
            (percent >= ALIKE_MIN).then(|| (name.clone(), percent))
        };
        fields.iter().map(alike).collect::<Option<Vec<_>>>().map(Self)
    }

    /// That of the field in which they are least alike.
    #[must_use]
    pub fn score(&self) -> u8 {
        self.0.iter().map(|(_, percent)| *percent).min().unwrap_or(0)
    }
}

fn shown(field: &Field, (side, row): (Side, &Row)) -> Option<Value> {
    match row.shows(field, side) {
        Ok(Presence::Value(value)) => Some(value),
        Ok(Presence::Blank | Presence::Unknown) | Err(_) => None,
    }
}

fn percent(field: &Field, one: &Value, other: &Value) -> u8 {
    let plain: fn(&Value) -> String = match &field.kind {
        Kind::Text | Kind::Url | Kind::Atom(_) => words,
        Kind::Email => mailbox,
        Kind::Phone { .. }
        | Kind::Reference { .. }
        | Kind::Associations { .. }
        | Kind::Boolean
        | Kind::Integer
        | Kind::Decimal { .. }
        | Kind::Money { .. }
        | Kind::Date { .. }
        | Kind::DateTime
        | Kind::Picklist(_)
        | Kind::MultiPicklist(_)
        | Kind::Stage(_)
        | Kind::Owner(_) => return if one == other { 100 } else { 0 },
    };
    let (one, other) = (plain(one), plain(other));
    if one.is_empty() {
        return 0;
    }
    let alike = strsim::jaro_winkler(&one, &other) * 100.0;
    (0..=100).rev().find(|percent| f64::from(*percent) <= alike).unwrap_or(0)
}

/// Letters and digits in lower case, one space between words.
fn words(value: &Value) -> String {
    let text = text(value).to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// What stands before the `@` of an address, without what mail systems pass over.
fn mailbox(value: &Value) -> String {
    let text = text(value).to_lowercase();
    let local = text.split('@').next().unwrap_or_default();
    local.split('+').next().unwrap_or_default().chars().filter(|c| c.is_alphanumeric()).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Atom(parts) => {
            parts.iter().filter_map(Presence::value).map(text).collect::<Vec<_>>().join(" ")
        }
        Value::Boolean(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Money { .. }
        | Value::Date(_)
        | Value::DateTime(_)
        | Value::Choices(_) => String::new(),
    }
}
