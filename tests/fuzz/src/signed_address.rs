//! The address in a HubSpot signature: decoded in twelve places and no others.

use concord_crm::hubspot::Secret;
use concord_crm::hubspot::webhook::{Accept, Post, verify};
use http::{HeaderMap, Method};
use jiff::Timestamp;

use crate::Verdict;
use crate::webhook::{NOW_MS, SECRET, headers, signature};

/// What HubSpot's guide on request validation says is decoded.
const DECODED: &str = ":/?@!$'()*,;";

/// An address verifies under the signature of its normal form and of nothing else; the normal form is its own.
///
/// # Panics
/// If it is not so.
#[must_use]
pub fn signed_address(data: &[u8]) -> Verdict {
    let Ok(address) = std::str::from_utf8(data) else { return Verdict::Refused };
    let normal = normal(address);
    assert!(verifies(address, &normal), "the documented form of {address:?} is not what is verified");
    assert!(verifies(&normal, &normal), "the normal form {normal:?} is decoded again");
    if normal != address {
        assert!(!verifies(address, address), "{address:?} was verified as it stands");
    }
    let all = decoded(address, |_| true);
    if all != normal {
        assert!(!verifies(address, &all), "{address:?} was decoded beyond the documented set");
    }
    Verdict::from(normal != address)
}

/// Whether a delivery to `target` is let in that is signed for `signed`.
fn verifies(target: &str, signed: &str) -> bool {
    let (body, stamp) = (b"[]", NOW_MS.to_string());
    let signature = signature(SECRET, "POST", signed, body, stamp.as_bytes());
    let headers: HeaderMap = headers(signature.as_bytes(), stamp.as_bytes()).unwrap();
    let post = Post { method: &Method::POST, target, headers: &headers, body };
    let now = Timestamp::from_millisecond(NOW_MS).unwrap();
    verify(post, &Secret::new(SECRET), Accept::V3, now).is_ok()
}

fn normal(address: &str) -> String {
    // Capital digits only: that is how the guide writes them.
    decoded(address, |escape| DECODED.chars().any(|plain| escape == format!("%{:02X}", u32::from(plain))))
}

/// Decodes the escapes that are meant, of those that stand for one ASCII character.
fn decoded(address: &str, meant: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(first) = address[at..].chars().next() {
        let escape = address.get(at..at + 3).filter(|escape| escape.starts_with('%'));
        let code = escape.and_then(|escape| u8::from_str_radix(&escape[1..], 16).ok()).filter(u8::is_ascii);
        match (escape, code) {
            (Some(escape), Some(code)) if meant(escape) => {
                text.push(char::from(code));
                at += escape.len();
            }
            (_, _) => {
                text.push(first);
                at += first.len_utf8();
            }
        }
    }
    text
}
