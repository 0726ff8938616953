//! Canonicalisers: from what a side shows to a [`Value`] that can be compared, and back to what it takes.
//!
//! The laws, each property-tested for every kind: what is rendered for a side reads back as the same value
//! (so a round trip over both sides is a fixpoint, I9); canonicalising twice is canonicalising once; what
//! cannot be mapped is an error and never a blank (I11); `Unknown` stays `Unknown` (I10).
//!
//! Deliberately absent: rules about which side wins, and any reading of the live schema. An error names field,
//! side, reason and remedy, and never the value, so it may be logged.

mod choice;
mod number;
mod owner;
mod reference;
mod text;
mod time;

use thiserror::Error;

use crate::contract::{Field, Kind, Options};
use crate::names::{FieldName, Side, WireName};
use crate::value::{Presence, Raw, Value};

pub(crate) use choice::{SET_SEPARATOR, stage_parts};
pub use reference::long_salesforce_id;
pub(crate) use reference::record_id;
pub(crate) use text::is_phone_region;

/// The longest fraction that a decimal may have: Salesforce keeps 18 digits in all (Object Reference, field
/// type `double`).
pub const SCALE_MAX: u32 = 18;

/// A field that cannot be carried over. The field is parked; the rest of the record goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unmappable {
    /// A side holds something that the field's type does not allow.
    #[error("field {field}: {side} holds {reason}; {}", reason.remedy())]
    Read {
        /// The contract's name of the field.
        field: FieldName,
        /// The side that holds it.
        side: Side,
        /// What is wrong with it.
        reason: Reason,
    },
    /// A value has no form on a side.
    #[error("field {field}: {side} cannot take {reason}; {}", reason.remedy())]
    Write {
        /// The contract's name of the field.
        field: FieldName,
        /// The side that should take it.
        side: Side,
        /// What is wrong with it.
        reason: Reason,
    },
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Reason {
    /// Not an address.
    #[error("what is not an e-mail address")]
    Email,
    /// Not a number of any country's plan.
    #[error("what is not a telephone number")]
    Phone,
    /// Not a web address.
    #[error("what is not a web address")]
    Url,
    /// Neither yes nor no.
    #[error("what is neither true nor false")]
    Boolean,
    /// A fraction, or not a number.
    #[error("what is not a whole number")]
    Integer,
    /// Not a number.
    #[error("what is not a number, or one of more than 28 digits")]
    Decimal,
    /// Not three letters.
    #[error("what is not an ISO 4217 currency")]
    Currency,
    /// An amount in a currency that the side has no field for.
    #[error("an amount in another currency than the contract's, having no currency field")]
    OtherCurrency,
    /// Not a day.
    #[error("what is not a calendar day")]
    Date,
    /// Not an instant.
    #[error("what is not an instant with its offset from UTC")]
    DateTime,
    /// Not one of the mapped choices.
    #[error("a choice that the contract does not map")]
    Option,
    /// A reference to a record that has no counterpart, or none at the moment.
    #[error("a reference to a record that is in no pair")]
    Unpaired,
    /// Not an id.
    #[error("what is not a record id")]
    Id,
    /// More associations than are kept in agreement.
    #[error("more than 1,000 associations and roles")]
    Many,
    /// Neither side's list of owners is known.
    #[error("an owner, and Concord could not read who is who")]
    OwnersUnread,
    /// Nobody there has the person's e-mail address.
    #[error("an owner who has no user of the same e-mail address there")]
    OwnerMissing,
    /// The person is no longer active there.
    #[error("an owner whose user is deactivated there")]
    OwnerInactive,
    /// Several active users there have the person's e-mail address.
    #[error("an owner whose e-mail address several active users have there")]
    OwnerTwice,
    /// A JSON type that the kind does not come in.
    #[error("another JSON type than the contract's type of field comes in")]
    Shape,
    /// Not as many parts as the contract names.
    #[error("not as many parts as the contract names")]
    Parts,
    /// Nothing is known, so nothing may be written.
    #[error("what was never read")]
    Unknown,
}

impl Reason {
    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Email => "correct the address there",
            Self::Phone => "correct the number there, with its country code, or make the field `type: text`",
            Self::Url => "correct the address there, or make the field `type: text`",
            Self::Boolean => "set it to true or false there, or correct the field's type in the contract",
            Self::Integer => "make it a whole number there, or make the field `type: decimal`",
            Self::Decimal => "correct the number there: digits and one point, no group separators",
            Self::Currency => "set a currency code of three letters there",
            Self::OtherCurrency => "map that side's currency field in the contract",
            Self::Date => "correct the day there (YYYY-MM-DD), or make the field `type: datetime`",
            Self::DateTime => "correct it there (YYYY-MM-DDThh:mm:ssZ), or make the field `type: date`",
            Self::Option => "add the choice to the field's `map`, or choose a mapped one there",
            Self::Unpaired => {
                "see why that record has no counterpart, or choose another there; once it has one, this is mended by itself"
            }
            Self::Id => "correct the reference there",
            Self::Many => "take the field out of the contract, or associate the record with fewer",
            Self::OwnersUnread => {
                "give Concord's app the scope crm.objects.owners.read in HubSpot, and its user the right to see users in Salesforce"
            }
            Self::OwnerMissing => {
                "invite them there under that address, or give the record to somebody who is on both sides"
            }
            Self::OwnerInactive => "activate their user there, or give the record to somebody else",
            Self::OwnerTwice => {
                "give all but one of them another address, or give the record to somebody else"
            }
            Self::Shape => "make the field's type in the contract agree with the side's schema",
            Self::Parts => "report this as a bug in Concord",
            Self::Unknown => "let Concord's user see the field",
        }
    }
}

impl Field {
    /// Reads a field from what a side shows: one entry for each of the side's fields, in the contract's order.
    ///
    /// One part that is `Unknown` makes the whole field `Unknown`: an atom is read whole or not at all (I7).
    /// A field whose parts are all blank is `Blank`, except for booleans: Salesforce's checkboxes are never
    /// blank, so a blank and a `false` are one value, `false`.
    ///
    /// # Errors
    /// When a part does not fit the field's type.
    pub fn canonicalise(&self, side: Side, raw: &[Presence<Raw>]) -> Result<Presence<Value>, Unmappable> {
        canonicalise(&self.kind, side, raw, self.wire[side].len()).map_err(|reason| Unmappable::Read {
            field: self.name.clone(),
            side,
            reason,
        })
    }

    /// Writes a field in the form that a side takes: one entry for each field that has to be written.
    ///
    /// The currency of a blank amount is left as it is: it says nothing, and Salesforce does not let
    /// `CurrencyIsoCode` be cleared.
    ///
    /// # Errors
    /// When the value has no form on that side, and when it is `Unknown`: that is no value to be written (P8).
    pub fn render(
        &self,
        side: Side,
        value: &Presence<Value>,
    ) -> Result<Vec<(WireName, Presence<Raw>)>, Unmappable> {
        render(&self.kind, side, value, self.wire[side].len())
            .map(|raw| self.wire[side].iter().cloned().zip(raw).collect())
            .map_err(|reason| Unmappable::Write { field: self.name.clone(), side, reason })
    }
}

/// `wires` is the number of fields that the side has for this one.
fn canonicalise(
    kind: &Kind,
    side: Side,
    raw: &[Presence<Raw>],
    wires: usize,
) -> Result<Presence<Value>, Reason> {
    if raw.len() != wires {
        return Err(Reason::Parts);
    }
    if raw.iter().any(Presence::is_unknown) {
        return Ok(Presence::Unknown);
    }
    match (kind, raw) {
        (Kind::Atom(kinds), parts) => canonical_atom(kinds, side, parts),
        (Kind::Money { scale, currency }, [amount]) => {
            number::canonical_money(*scale, currency, amount, &Presence::Blank)
        }
        (Kind::Money { scale, currency }, [amount, of]) => {
            number::canonical_money(*scale, currency, amount, of)
        }
        (Kind::Stage(stages), [pipeline, stage]) => choice::canonical_stage(stages, pipeline, stage),
        (kind, [one]) => canonical_scalar(kind, side, one),
        (_, _) => Err(Reason::Parts),
    }
}

/// `raw` is not `Unknown`.
fn canonical_scalar(kind: &Kind, side: Side, raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    match kind {
        Kind::Text => text::canonical(raw),
        Kind::Email => text::canonical_email(raw),
        Kind::Phone { region } => text::canonical_phone(region, raw),
        Kind::Url => text::canonical_url(raw),
        Kind::Boolean => choice::canonical_boolean(raw),
        Kind::Integer => number::canonical_integer(raw),
        Kind::Decimal { scale } => number::canonical_decimal(*scale, raw),
        Kind::Date { zone } => time::canonical_date(zone.as_ref(), side, raw),
        Kind::DateTime => time::canonical_datetime(raw),
        Kind::Picklist(options) | Kind::Stage(options) => choice::canonical(options, side, raw),
        Kind::MultiPicklist(options) => choice::canonical_set(options, side, raw),
        Kind::Reference { to: _ } => reference::canonical(side, raw),
        Kind::Associations { .. } => reference::canonical_set(side, raw),
        Kind::Owner(owners) => owner::canonical(owners, side, raw),
        Kind::Money { .. } | Kind::Atom(_) => Err(Reason::Parts),
    }
}

/// A part that is a boolean counts as blank while it is `false`, so that a blank atom is blank on both sides.
fn canonical_atom(kinds: &[Kind], side: Side, raw: &[Presence<Raw>]) -> Result<Presence<Value>, Reason> {
    if kinds.len() != raw.len() {
        return Err(Reason::Parts);
    }
    let parts: Vec<Presence<Value>> = kinds
        .iter()
        .zip(raw)
        .map(|(kind, raw)| canonical_scalar(kind, side, raw))
        .collect::<Result<_, _>>()?;
    let blank = parts.iter().all(|part| match part {
        Presence::Blank | Presence::Value(Value::Boolean(false)) => true,
        Presence::Value(_) | Presence::Unknown => false,
    });
    Ok(if blank { Presence::Blank } else { Presence::Value(Value::Atom(parts)) })
}

fn render(
    kind: &Kind,
    side: Side,
    value: &Presence<Value>,
    wires: usize,
) -> Result<Vec<Presence<Raw>>, Reason> {
    match (kind, value) {
        (_, Presence::Unknown) => Err(Reason::Unknown),
        (Kind::Atom(kinds), Presence::Blank) => {
            kinds.iter().map(|kind| render_scalar(kind, side, &Presence::Blank)).collect()
        }
        (Kind::Atom(kinds), Presence::Value(Value::Atom(parts))) => {
            kinds.iter().zip(parts).map(|(kind, part)| render_scalar(kind, side, part)).collect()
        }
        (Kind::Money { .. }, Presence::Blank) => Ok(vec![Presence::Blank]),
        (Kind::Stage(stages), Presence::Value(Value::Text(at))) if wires == 2 => {
            choice::render_stage(stages, at)
        }
        (Kind::Stage(_), Presence::Blank) => Ok(vec![Presence::Blank; wires]),
        (Kind::Money { currency: default, .. }, Presence::Value(Value::Money { amount, currency })) => {
            number::render_money(side, *amount, currency, default, wires)
        }
        (kind, value) => Ok(vec![render_scalar(kind, side, value)?]),
    }
}

fn render_scalar(kind: &Kind, side: Side, value: &Presence<Value>) -> Result<Presence<Raw>, Reason> {
    let value = match (kind, value) {
        (_, Presence::Unknown) => return Err(Reason::Unknown),
        (Kind::Boolean, Presence::Blank) => &Value::Boolean(false),
        (Kind::Owner(owners), Presence::Blank) => return owner::render_nobody(owners, side),
        (_, Presence::Blank) => return Ok(Presence::Blank),
        (_, Presence::Value(value)) => value,
    };
    let raw = match (kind, value) {
        (Kind::Text | Kind::Email | Kind::Phone { .. } | Kind::Url, Value::Text(text))
        | (Kind::Reference { .. }, Value::Text(text)) => Raw::Text(text.clone()),
        (Kind::Boolean, Value::Boolean(yes)) => choice::render_boolean(side, *yes),
        (Kind::Integer, Value::Integer(number)) => number::render(side, (*number).into()),
        (Kind::Decimal { .. }, Value::Decimal(number)) => number::render(side, *number),
        (Kind::Date { zone }, Value::Date(date)) => time::render_date(zone.as_ref(), side, *date)?,
        (Kind::DateTime, Value::DateTime(at)) => time::render_datetime(*at),
        (Kind::Picklist(options) | Kind::Stage(options), Value::Text(choice)) => {
            choice::render(options, side, choice)?
        }
        (Kind::Owner(owners), Value::Text(person)) => owner::render(owners, side, person)?,
        (Kind::MultiPicklist(options), Value::Choices(set)) => choice::render_set(options, side, set)?,
        (Kind::Associations { .. }, Value::Choices(links)) => {
            choice::render_set(&Options::Same, side, links)?
        }
        (_, _) => return Err(Reason::Shape),
    };
    Ok(Presence::Value(raw))
}

/// The text of a field that comes as text, without surrounding blanks; `None` if nothing is left.
fn trimmed(raw: &Presence<Raw>) -> Result<Option<&str>, Reason> {
    match raw {
        Presence::Value(Raw::Text(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Presence::Value(Raw::Boolean(_) | Raw::Number(_)) => Err(Reason::Shape),
        Presence::Blank | Presence::Unknown => Ok(None),
    }
}

/// Canonicalises a field that comes as text; nothing but blanks is `Blank`.
fn from_text(
    raw: &Presence<Raw>,
    read: impl FnOnce(&str) -> Result<Value, Reason>,
) -> Result<Presence<Value>, Reason> {
    trimmed(raw)?.map_or(Ok(Presence::Blank), |text| read(text).map(Presence::Value))
}
