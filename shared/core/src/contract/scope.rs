//! Which records are kept in agreement: a condition on a record's own fields, in the Common Expression Language.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cel::{Context, Env, Program};
use jiff::civil::date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{Field, Kind, Object, Options};
use crate::names::{FieldName, Side};
use crate::row::Row;
use crate::settle::FieldFault;
use crate::value::{Presence, Value};

/// Longest condition, in bytes. Ours: a page of text; it is evaluated at each look at a record.
const LENGTH_MAX: usize = 2_000;

/// A checked condition. Nothing is written because of a record that does not meet it, and leaving it is no delete.
#[derive(Clone)]
pub struct Scope {
    text: String,
    /// The fields that it names, in the contract's order.
    fields: Vec<FieldName>,
    env: Arc<Env>,
    program: Arc<Program>,
}

/// What is wrong with a condition, and what to do.
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Scope {
    /// Reads a condition on these fields, and tries it on a record whose fields are all blank and on one whose fields all hold
    /// something. A field that has a fault of its own is not in `fields` and in `names` all the same.
    pub(super) fn parse(
        text: &str,
        fields: &BTreeMap<FieldName, Field>,
        names: &[String],
    ) -> Result<Self, Wrong> {
        if text.len() > LENGTH_MAX {
            let what = format!("has {} bytes", text.len());
            return Err(Wrong { what, remedy: format!("use {LENGTH_MAX} at most") });
        }
        let env = Arc::new(Env::stdlib());
        let program = env.compile(text).map_err(|errors| {
            let first = errors.errors.first();
            let what = first.map_or_else(String::new, |error| format!(": {}", error.msg));
            let remedy = "write a condition such as `email != null && !email.endsWith('@example.com')`";
            Wrong { what: format!("cannot be read{what}"), remedy: remedy.to_owned() }
        })?;
        let (mut named, mut whole) = (Vec::new(), true);
        for name in program.references().variables() {
            let field = fields.get(&FieldName::new(name));
            match field.map(|field| &field.kind) {
                None if names.iter().any(|known| known == name) => whole = false,
                None => {
                    let what = format!("names `{name}`, which is not a field of this object");
                    return Err(Wrong { what, remedy: format!("use some of: {}", names.join(", ")) });
                }
                Some(Kind::Reference { .. } | Kind::Associations { .. }) => {
                    let what = format!("names `{name}`, which is another record");
                    return Err(Wrong { what, remedy: "use fields of the record itself".to_owned() });
                }
                Some(_) => named.push(FieldName::new(name)),
            }
        }
        named.sort_unstable();
        let scope = Self { text: text.to_owned(), fields: named, env, program: Arc::new(program) };
        let sample = |field: &Field| scope.fields.contains(&field.name).then(|| sample(&field.kind));
        let held = fields.values().filter_map(|field| Some((field.name.clone(), sample(field)?)));
        let held: BTreeMap<FieldName, Presence<Value>> = held.collect();
        if whole {
            let blank = held.keys().map(|name| (name.clone(), Presence::Blank)).collect();
            scope.try_on(&blank, "are all blank", "ask `.. != null &&` first")?;
            scope.try_on(&held, "all hold something", "compare each field with what its type holds")?;
        }
        Ok(scope)
    }

    /// The fields that it names.
    pub(super) fn names(&self) -> &[FieldName] {
        &self.fields
    }

    fn try_on(
        &self,
        values: &BTreeMap<FieldName, Presence<Value>>,
        which: &str,
        remedy: &str,
    ) -> Result<(), Wrong> {
        let tried = self.holds(values);
        tried.map(drop).map_err(|error| Wrong {
            what: format!("fails for a record whose fields {which}: {error}"),
            remedy: remedy.to_owned(),
        })
    }

    /// Whether a row is in scope.
    ///
    /// # Errors
    /// The field for which that cannot be told, and why.
    pub fn admits<'o>(
        &self,
        object: &'o Object,
        side: Side,
        row: &Row,
    ) -> Result<bool, (&'o Field, FieldFault)> {
        let mut values = BTreeMap::new();
        for field in self.fields.iter().filter_map(|name| object.fields.get(name)) {
            match row.shows(field, side) {
                Ok(Presence::Unknown) => return Err((field, FieldFault::Scope(side))),
                Ok(shown) => values.insert(field.name.clone(), shown),
                Err(unmappable) => return Err((field, unmappable.into())),
            };
        }
        match (self.holds(&values), self.fields.first().and_then(|name| object.fields.get(name))) {
            (Ok(holds), _) => Ok(holds),
            // The library's words may hold the value.
            (Err(_), Some(field)) => Err((field, FieldFault::Scope(side))),
            (Err(_), None) => Ok(false), // It names no field, and was tried.
        }
    }

    fn holds(&self, values: &BTreeMap<FieldName, Presence<Value>>) -> Result<bool, String> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        for (name, value) in values {
            context
                .add_variable_from_value(name.as_str(), value.value().map_or(cel::Value::Null, comparable));
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("it is a {}, neither true nor false", other.type_of())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What a condition sees of a value.
fn comparable(value: &Value) -> cel::Value {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Boolean(yes) => cel::Value::Bool(*yes),
        Value::Integer(number) => cel::Value::Int(*number),
        Value::Decimal(number) => float(*number),
        Value::Money { amount, currency } => money(*amount, currency),
        Value::Date(day) => day.to_string().into(),
        Value::DateTime(instant) => instant.to_string().into(),
        Value::Choices(choices) => choices.iter().map(String::as_str).collect::<Vec<_>>().into(),
        Value::Atom(parts) => {
            let parts = parts.iter().map(|part| part.value().map_or(cel::Value::Null, comparable));
            parts.collect::<Vec<_>>().into()
        }
    }
}

#[expect(clippy::disallowed_types, reason = "what the library takes; nothing goes by its order")]
fn money(amount: Decimal, currency: &str) -> cel::Value {
    std::collections::HashMap::from([("amount", float(amount)), ("currency", currency.into())]).into()
}

fn float(number: Decimal) -> cel::Value {
    number.to_f64().map_or(cel::Value::Null, cel::Value::Float)
}

/// A value of a kind.
fn sample(kind: &Kind) -> Presence<Value> {
    let choice = |options: &Options| match options {
        Options::Same => "choice".to_owned(),
        Options::Map(map) => map.keys().next().cloned().unwrap_or_default(),
    };
    Presence::Value(match kind {
        Kind::Text => Value::Text("text".to_owned()),
        Kind::Email | Kind::Owner(_) => Value::Text("ada@example.com".to_owned()),
        Kind::Phone { .. } => Value::Text("+12025550123".to_owned()),
        Kind::Url => Value::Text("https://example.com".to_owned()),
        Kind::Boolean => Value::Boolean(true),
        Kind::Integer => Value::Integer(1),
        Kind::Decimal { .. } => Value::Decimal(Decimal::ONE),
        Kind::Money { currency, .. } => Value::Money { amount: Decimal::ONE, currency: currency.clone() },
        Kind::Date { .. } => Value::Date(date(2027, 1, 15)),
        Kind::DateTime => Value::DateTime(jiff::Timestamp::UNIX_EPOCH),
        Kind::Picklist(options) | Kind::Stage(options) => Value::Text(choice(options)),
        Kind::MultiPicklist(options) => Value::Choices([choice(options)].into()),
        Kind::Atom(parts) => Value::Atom(parts.iter().map(sample).collect()),
        Kind::Reference { .. } | Kind::Associations { .. } => return Presence::Blank,
    })
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Scope {}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.text).finish()
    }
}
