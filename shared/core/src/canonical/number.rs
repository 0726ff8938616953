//! Whole numbers, decimals and money. Decimals are exact; halves are rounded away from zero, as Salesforce does.

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Reason, trimmed};
use crate::names::Side;
use crate::value::{Presence, Raw, Value};

/// HubSpot takes and shows scientific notation too (reference: property values).
fn read(raw: &Presence<Raw>) -> Result<Option<Decimal>, Reason> {
    if let Presence::Value(Raw::Number(number)) = raw {
        return Ok(Some(*number));
    }
    let Some(text) = trimmed(raw)? else { return Ok(None) };
    // `from_str_exact` takes underscores as group separators, which neither side does.
    if text.contains('_') {
        return Err(Reason::Decimal);
    }
    let number = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    number.map(Some).map_err(|_| Reason::Decimal)
}

pub(super) fn canonical_integer(raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    let Some(number) = read(raw)? else { return Ok(Presence::Blank) };
    if !number.fract().is_zero() {
        return Err(Reason::Integer);
    }
    number.to_i64().map(|number| Presence::Value(Value::Integer(number))).ok_or(Reason::Integer)
}

pub(super) fn canonical_decimal(scale: u32, raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    Ok(read(raw)?.map_or(Presence::Blank, |number| Presence::Value(Value::Decimal(rounded(number, scale)))))
}

fn rounded(number: Decimal, scale: u32) -> Decimal {
    let number = number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero);
    // There is a negative zero; it is the same number.
    if number.is_zero() { Decimal::ZERO } else { number.normalize() }
}

/// A currency without an amount says nothing: Salesforce gives one to every record of an organisation with
/// several currencies. An amount without a currency is in the contract's.
pub(super) fn canonical_money(
    scale: u32,
    default: &str,
    amount: &Presence<Raw>,
    currency: &Presence<Raw>,
) -> Result<Presence<Value>, Reason> {
    let Some(amount) = read(amount)? else { return Ok(Presence::Blank) };
    let currency = trimmed(currency)?.unwrap_or(default).to_ascii_uppercase();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Reason::Currency);
    }
    Ok(Presence::Value(Value::Money { amount: rounded(amount, scale), currency }))
}

/// `wires` tells whether the side has a currency field.
pub(super) fn render_money(
    side: Side,
    amount: Decimal,
    currency: &str,
    default: &str,
    wires: usize,
) -> Result<Vec<Presence<Raw>>, Reason> {
    let amount = Presence::Value(render(side, amount));
    match wires {
        1 if currency == default => Ok(vec![amount]),
        1 => Err(Reason::OtherCurrency),
        2 => Ok(vec![amount, Presence::Value(Raw::Text(currency.to_owned()))]),
        _ => Err(Reason::Parts),
    }
}

pub(super) fn render(side: Side, number: Decimal) -> Raw {
    match side {
        Side::HubSpot => Raw::Text(number.to_string()),
        Side::Salesforce => Raw::Number(number),
    }
}
