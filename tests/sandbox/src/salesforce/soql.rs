//! A small SOQL: fields of one object and of its direct parents, conditions, order, limit and offset.
//!
//! [`lex`] makes tokens, [`parse`] a statement of names, [`bind`] resolves the names against the schema and types
//! the literals, [`run`] finds the records, by an index where there is one.
//! Deliberately absent: sub-queries, aggregates other than `COUNT()`, GROUP BY, relative dates (`TODAY`), INCLUDES,
//! parents of parents, aliases.

pub(crate) mod bind;
pub(crate) mod lex;
pub(crate) mod parse;
pub(crate) mod run;
