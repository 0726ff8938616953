//! Record ids. A reference is canonical within its side; that two references point to one thing is decided by
//! comparing links (P12), not here.

use super::{Reason, from_text};
use crate::names::Side;
use crate::value::{Presence, Raw, Value};

/// The digits of the checksum, by value (reference: ids).
const CHECKSUM_DIGITS: [char; 32] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U',
    'V', 'W', 'X', 'Y', 'Z', '0', '1', '2', '3', '4', '5',
];

pub(super) fn canonical(side: Side, raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    from_text(raw, |text| match side {
        Side::HubSpot if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Value::Text(text.to_owned())),
        Side::HubSpot => Err(Reason::Id),
        Side::Salesforce => long_salesforce_id(text).map(Value::Text).ok_or(Reason::Id),
    })
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
