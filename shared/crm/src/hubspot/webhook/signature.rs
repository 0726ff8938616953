//! Signatures (reference: section 2). The address that was signed is the one configured in HubSpot: it is
//! taken from our configuration and never from a proxy's headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{BODY_BYTES_MAX, Refused};
use crate::hubspot::config::Secret;

/// How far a signature's instant may be from now, in either direction, in milliseconds (request validation
/// guide: 5 minutes).
const WINDOW_MS: i64 = 300_000;

const SIGNATURE_V3: &str = "x-hubspot-signature-v3";
const TIMESTAMP_V3: &str = "x-hubspot-request-timestamp";
const SIGNATURE: &str = "x-hubspot-signature";
const SIGNATURE_VERSION: &str = "x-hubspot-signature-version";

/// Which signatures are believed. The older two carry no instant, so a delivery can be replayed for ever;
/// HubSpot sends v3 beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accept {
    /// v3 alone.
    #[default]
    V3,
    /// Where there is no v3 signature, v2.
    V3OrV2,
    /// Where there is no v3 signature, v2 or v1.
    V3OrOlder,
}

/// A delivery as it came.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The target URL as it is configured in HubSpot: scheme, host, path and query.
    pub target: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body: the raw bytes, before anything reads them.
    pub body: &'a [u8],
}

/// Proves that HubSpot sent it, for us, just now.
///
/// # Errors
/// [`Refused`]. A v3 signature that is wrong is never made good by an older one that is right.
pub fn verify(post: Post<'_>, secret: &Secret, accept: Accept, now: Timestamp) -> Result<(), Refused> {
    if post.body.len() > BODY_BYTES_MAX {
        return Err(Refused::TooLarge);
    }
    if let Some(signature) = header(post.headers, SIGNATURE_V3)? {
        return verify_v3(post, signature, secret, now);
    }
    let signature = header(post.headers, SIGNATURE)?.ok_or(Refused::Unsigned)?;
    let version = header(post.headers, SIGNATURE_VERSION)?.ok_or(Refused::Unsigned)?;
    let hash = Sha256::new().chain_update(secret.reveal());
    let hash = match (version, accept) {
        ("v2", Accept::V3OrV2 | Accept::V3OrOlder) => {
            hash.chain_update(post.method.as_str()).chain_update(post.target).chain_update(post.body)
        }
        ("v1", Accept::V3OrOlder) => hash.chain_update(post.body),
        (_, Accept::V3 | Accept::V3OrV2 | Accept::V3OrOlder) => return Err(Refused::Unsigned),
    };
    equal(hex::encode(hash.finalize()).as_bytes(), signature.as_bytes())
}

fn verify_v3(post: Post<'_>, signature: &str, secret: &Secret, now: Timestamp) -> Result<(), Refused> {
    let stamp = header(post.headers, TIMESTAMP_V3)?.ok_or(Refused::Stale)?;
    // `NaN` and its like are no instant, and no instant is never within the window.
    let signed: i64 = stamp.parse().map_err(|_| Refused::Stale)?;
    let age = now.as_millisecond().checked_sub(signed).ok_or(Refused::Stale)?;
    if age.checked_abs().is_none_or(|age| age > WINDOW_MS) {
        return Err(Refused::Stale);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).map_err(|_| Refused::Forged)?;
    mac.update(post.method.as_str().as_bytes());
    mac.update(decoded(post.target).as_bytes());
    mac.update(post.body);
    mac.update(stamp.as_bytes());
    equal(STANDARD.encode(mac.finalize().into_bytes()).as_bytes(), signature.as_bytes())
}

/// Compares in constant time.
fn equal(expected: &[u8], given: &[u8]) -> Result<(), Refused> {
    match bool::from(expected.ct_eq(given)) {
        true => Ok(()),
        false => Err(Refused::Forged),
    }
}

/// A header that is there at most once: two signatures leave open which one was meant.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    match (first, second) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Refused::Forged),
        (Some(_), Some(_)) => Err(Refused::Forged),
    }
}

/// What HubSpot decodes in the address before it signs, and nothing else: `%20` stays as it is.
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

fn decoded(target: &str) -> String {
    let mut rest = target;
    let mut text = String::with_capacity(target.len());
    // One pass: what a replacement makes is not read again (`%253A` stays `%253A`).
    while let Some(at) = rest.find('%') {
        let (before, escaped) = rest.split_at(at);
        text.push_str(before);
        match DECODED.iter().find(|(code, _)| escaped.starts_with(code)) {
            Some((code, plain)) => {
                text.push_str(plain);
                rest = &escaped[code.len()..];
            }
            None => {
                text.push('%');
                rest = &escaped[1..];
            }
        }
    }
    text.push_str(rest);
    text
}
