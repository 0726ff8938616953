//! Resolves a statement's names against what the caller may see, and types its literals.

use super::super::answer::Refusal;
use super::super::id::Id;
use super::super::instant;
use super::super::schema::{Field, Kind, Object, Schema, Sight};
use super::super::value::{self, Stored};
use super::lex::pointed;
use super::parse::{Condition, Literal, Operator, Select, Statement};

/// Rows that may be skipped (reference 1.7).
const OFFSET_MAX: usize = 2_000;

/// A query that can be run.
#[derive(Debug)]
pub(crate) struct Query<'s> {
    pub(crate) object: &'s Object,
    /// `None` counts.
    pub(crate) select: Option<Vec<Path<'s>>>,
    pub(crate) filter: Option<Filter<'s>>,
    pub(crate) order: Vec<Key<'s>>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
}

/// A field, perhaps of the parent that a reference leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'s> {
    pub(crate) through: Option<Step<'s>>,
    pub(crate) field: &'s Field,
}

/// From a record to its parent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'s> {
    pub(crate) reference: &'s Field,
    pub(crate) relationship: &'static str,
    pub(crate) parent: &'s Object,
}

/// A condition on fields.
#[derive(Debug)]
pub(crate) enum Filter<'s> {
    And(Vec<Filter<'s>>),
    Or(Vec<Filter<'s>>),
    Not(Box<Filter<'s>>),
    Compare { path: Path<'s>, operator: Operator, value: Option<Stored> },
    Like { path: Path<'s>, pattern: String },
    In { path: Path<'s>, values: Vec<Option<Stored>> },
}

/// One key of the order.
#[derive(Debug)]
pub(crate) struct Key<'s> {
    pub(crate) path: Path<'s>,
    pub(crate) descending: bool,
    pub(crate) nulls_last: bool,
}

/// Resolves every name.
pub(crate) fn bind<'s>(
    schema: &'s Schema,
    sight: Sight,
    text: &str,
    statement: &Statement,
) -> Result<Query<'s>, Refusal> {
    let Some(object) = schema.object(&statement.from, sight) else {
        return Err(no_such_type(text, statement));
    };
    if statement.offset > OFFSET_MAX {
        let message = format!("Maximum SOQL offset allowed is {OFFSET_MAX}");
        return Err(Refusal::bad("NUMBER_OUTSIDE_VALID_RANGE", message));
    }
    let binder = Binder { schema, sight, object };
    let select = match &statement.select {
        Select::Count => None,
        Select::Paths(paths) => Some(paths.iter().map(|path| binder.path(path)).collect::<Result<_, _>>()?),
    };
    let key = |order: &super::parse::Order| {
        let path = binder.filterable(&order.path)?;
        Ok(Key { path, descending: order.descending, nulls_last: order.nulls_last })
    };
    Ok(Query {
        object,
        select,
        filter: statement.filter.as_ref().map(|filter| binder.filter(filter)).transpose()?,
        order: statement.order.iter().map(key).collect::<Result<_, Refusal>>()?,
        limit: statement.limit,
        offset: statement.offset,
    })
}

fn no_such_type(text: &str, statement: &Statement) -> Refusal {
    let reason = format!(
        "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to append the \
         '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
        statement.from
    );
    Refusal::bad("INVALID_TYPE", pointed(text, statement.from_at, &reason))
}

struct Binder<'s> {
    schema: &'s Schema,
    sight: Sight,
    object: &'s Object,
}

impl<'s> Binder<'s> {
    fn path(&self, text: &str) -> Result<Path<'s>, Refusal> {
        let field = |object: &'s Object, name: &str| {
            object.field(name, self.sight).ok_or_else(|| Refusal::no_such_column(name, object.name))
        };
        let Some((relationship, name)) = text.split_once('.') else {
            return Ok(Path { through: None, field: field(self.object, text)? });
        };
        if relationship.eq_ignore_ascii_case(self.object.name)
            && self.object.relationship(relationship, self.sight).is_none()
        {
            return Ok(Path { through: None, field: field(self.object, name)? });
        }
        let step = self.object.relationship(relationship, self.sight).and_then(|(reference, to)| {
            let parent = self.schema.object(to, self.sight)?;
            let Kind::Reference { relationship, .. } = reference.kind else { return None };
            Some(Step { reference, relationship, parent })
        });
        let Some(step) = step else {
            let message = format!("Didn't understand relationship '{relationship}' in field path.");
            return Err(Refusal::bad("INVALID_FIELD", message));
        };
        Ok(Path { through: Some(step), field: field(step.parent, name)? })
    }

    fn filterable(&self, text: &str) -> Result<Path<'s>, Refusal> {
        let path = self.path(text)?;
        if let Kind::Address { .. } = path.field.kind {
            let message = format!("field '{text}' can not be filtered in a query call");
            return Err(Refusal::bad("INVALID_FIELD", message));
        }
        Ok(path)
    }

    fn filter(&self, condition: &Condition) -> Result<Filter<'s>, Refusal> {
        let all = |conditions: &[Condition]| -> Result<Vec<Filter<'s>>, Refusal> {
            conditions.iter().map(|one| self.filter(one)).collect()
        };
        Ok(match condition {
            Condition::And(conditions) => Filter::And(all(conditions)?),
            Condition::Or(conditions) => Filter::Or(all(conditions)?),
            Condition::Not(condition) => Filter::Not(Box::new(self.filter(condition)?)),
            Condition::Compare { path, operator, literal } => {
                let path = self.filterable(path)?;
                Filter::Compare { path, operator: *operator, value: typed(path.field, literal)? }
            }
            Condition::Like { path, pattern } => {
                Filter::Like { path: self.filterable(path)?, pattern: pattern.to_lowercase() }
            }
            Condition::In { path, literals } => {
                let path = self.filterable(path)?;
                let values =
                    literals.iter().map(|literal| typed(path.field, literal)).collect::<Result<_, _>>()?;
                Filter::In { path, values }
            }
        })
    }
}

/// The literal as a value of the field.
fn typed(field: &Field, literal: &Literal) -> Result<Option<Stored>, Refusal> {
    let typed = match (literal, field.kind) {
        (Literal::Null, _) => return Ok(None),
        (Literal::Boolean(value), Kind::Boolean) => Some(Stored::Boolean(*value)),
        (Literal::Text(text), Kind::Id | Kind::Reference { .. }) => {
            // Not an id: compared as it is, which matches nothing.
            let id = Id::parse(text).map_or_else(|| text.clone(), |id| id.to_string());
            return Ok(Some(Stored::Text(id)));
        }
        (
            Literal::Text(text),
            Kind::Text
            | Kind::TextArea
            | Kind::Email
            | Kind::Phone
            | Kind::Url
            | Kind::Picklist
            | Kind::MultiPicklist
            | Kind::Name,
        ) => {
            let text = text.replace("\\%", "%").replace("\\_", "_");
            // "" asks for no value.
            return Ok((!text.is_empty()).then_some(Stored::Text(text)));
        }
        (Literal::Bare(text), Kind::Int | Kind::Double { .. } | Kind::Currency { .. }) => {
            value::decimal(text).map(|number| Stored::Number(number.normalize()))
        }
        (Literal::Bare(text), Kind::Date) => instant::parse_day(text).map(Stored::Day),
        (Literal::Bare(text), Kind::DateTime) => instant::parse(text).map(Stored::Instant),
        (Literal::Boolean(_) | Literal::Text(_) | Literal::Bare(_), _) => None,
    };
    typed.map(Some).ok_or_else(|| {
        let message = format!(
            "value of filter criterion for field '{}' must be of another type, and be enclosed in quotes only if it \
             is a text",
            field.name
        );
        Refusal::bad("INVALID_FIELD", message)
    })
}
