//! Record ids, and the link ids that stand in their place once a row is read ([`crate::reference`]): only those are the
//! same on both sides.

use std::collections::BTreeSet;

use super::{Reason, from_text, trimmed};
use crate::names::{LinkId, Side};
use crate::reference::{elements, member};
use crate::value::{Presence, Raw, Value};

/// HubSpot's ids fit in 64 bits (reference: ids).
const HUBSPOT_DIGITS_MAX: usize = 20;
/// Most associations of one record that are kept in agreement, each of their roles counted as one more. Ours: their hashes, twice eight bytes each, travel with the pair.
const ASSOCIATIONS_MAX: usize = 1_000;
/// The digits of the checksum, by value (reference: ids).
const CHECKSUM_DIGITS: [char; 32] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U',
    'V', 'W', 'X', 'Y', 'Z', '0', '1', '2', '3', '4', '5',
];

pub(super) fn canonical(side: Side, raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    from_text(raw, |text| match record_id(side, text) {
        _ if LinkId::is_one(text) => Ok(Value::Text(text.to_owned())),
        Some(_) => Err(Reason::Unpaired),
        None => Err(Reason::Id),
    })
}

/// Those of the records that are in a pair: who is not has no counterpart to agree on.
pub(super) fn canonical_set(side: Side, raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    trimmed(raw)?; // Text, if anything.
    let mut links = BTreeSet::new();
    for element in elements(raw) {
        if LinkId::is_one(member(element)) {
            links.insert(element.to_owned());
        } else {
            record_id(side, member(element)).ok_or(Reason::Id)?;
        }
    }
    if links.len() > ASSOCIATIONS_MAX {
        return Err(Reason::Many);
    }
    Ok(Value::choices(links))
}

/// A side's id in its canonical form. `None` if it is none.
pub(crate) fn record_id(side: Side, text: &str) -> Option<String> {
    match side {
        Side::HubSpot => {
            let digits = (1..=HUBSPOT_DIGITS_MAX).contains(&text.len());
            (digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
        }
        Side::Salesforce => long_salesforce_id(text),
    }
}

/// The 18-character form of a Salesforce id. `None` if it is neither 15 nor 18 characters long, or if its
/// checksum is wrong: the 15 characters tell apart by case, so an id whose case was lost names another record.
#[must_use]
pub fn long_salesforce_id(id: &str) -> Option<String> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let short = match id.len() {
        15 => id,
        18 => &id[..15],
        _ => return None,
    };
    let checksum = short.as_bytes().chunks(5).map(|five| {
        let capitals =
            five.iter().enumerate().fold(0, |bits, (i, c)| bits | (usize::from(c.is_ascii_uppercase()) << i));
        CHECKSUM_DIGITS[capitals]
    });
    let long: String = short.chars().chain(checksum).collect();
    (id.len() == 15 || id == long).then_some(long)
}
