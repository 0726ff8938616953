//! HubSpot's deliveries: first the signature over the raw bytes, then the events.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concord_core::event::Event;
use concord_core::names::Side;
use concord_crm::hubspot::webhook::{
    Accept, BODY_BYTES_MAX, EVENTS_MAX, Limits, MERGED_IDS_MAX, Post, Refused, parse, verify,
};
use concord_crm::hubspot::{PortalId, Secret};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::Verdict;

/// The app's client secret in these targets.
pub(crate) const SECRET: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
/// The receiver's clock, in milliseconds since 1970.
pub(crate) const NOW_MS: i64 = 1_767_607_230_000;
/// Request validation guide: five minutes.
const WINDOW_MS: i64 = 300_000;
const TARGET: &str = "https://www.example.com/webhook_uri";
const PORTAL: PortalId = PortalId(4242);
/// Ids of the merge that names the most: all losers, the winner, the new record and the event's own.
const EVENT_IDS_MAX: usize = MERGED_IDS_MAX + 3;

/// A delivery: a line with its signature, a line with its timestamp, its body. The words `right` and `now` stand
/// for the signature and the instant that are.
///
/// # Panics
/// If a delivery is let in that HubSpot did not sign just now, or one is kept out that it did; if a change of
/// what was signed goes unnoticed; if what is read from the body is more than the body can say.
#[must_use]
pub fn webhook(data: &[u8]) -> Verdict {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let (Some(signature_line), Some(stamp), Some(body)) = (lines.next(), lines.next(), lines.next()) else {
        return Verdict::Refused;
    };
    let stamp = if stamp == b"now" { NOW_MS.to_string().into_bytes() } else { stamp.to_vec() };
    let right = signature(SECRET, "POST", TARGET, body, &stamp);
    let given = if signature_line == b"right" { right.as_bytes() } else { signature_line };
    let Some(headers) = headers(given, &stamp) else { return Verdict::Refused };
    let verified = Delivery { headers: &headers, ..Delivery::of(body) }.verified(NOW_MS);
    assert_eq!(verified.is_ok(), is_genuine(given, &right, &stamp, body), "{verified:?}");
    nothing_can_be_changed(body);
    let read = events(body);
    Verdict::from(verified.is_ok() && read)
}

/// The rule, stated apart from the code: the very signature, and an instant in whole milliseconds within reach.
fn is_genuine(given: &[u8], right: &str, stamp: &[u8], body: &[u8]) -> bool {
    let signed: Option<i64> = std::str::from_utf8(stamp).ok().and_then(|stamp| stamp.parse().ok());
    let near = signed.is_some_and(|at| (i128::from(NOW_MS) - i128::from(at)).abs() <= WINDOW_MS.into());
    given == right.as_bytes() && near && body.len() <= BODY_BYTES_MAX
}

/// Signs the body rightly, and then changes one thing at a time.
fn nothing_can_be_changed(body: &[u8]) {
    let stamp = NOW_MS.to_string();
    let right = signature(SECRET, "POST", TARGET, body, stamp.as_bytes());
    let headers_of = |signature: &str, stamp: &str| headers(signature.as_bytes(), stamp.as_bytes()).unwrap();
    let signed = headers_of(&right, &stamp);
    let delivery = Delivery { headers: &signed, ..Delivery::of(body) };
    let forged = |what: &str, delivery: Delivery<'_>| {
        assert_eq!(delivery.verified(NOW_MS), Err(Refused::Forged), "{what} was changed");
    };
    assert_eq!(delivery.verified(NOW_MS), Ok(()));
    assert_eq!(delivery.verified(NOW_MS + WINDOW_MS), Ok(()));
    assert_eq!(delivery.verified(NOW_MS - WINDOW_MS), Ok(()));
    assert_eq!(delivery.verified(NOW_MS + WINDOW_MS + 1), Err(Refused::Stale));
    assert_eq!(delivery.verified(NOW_MS - WINDOW_MS - 1), Err(Refused::Stale));

    let chance = Sha256::digest(body);
    for changed in changed(body, &chance) {
        forged("the body", Delivery { body: &changed, ..delivery });
    }
    forged("the address", Delivery { target: "https://www.example.com/webhook_uri/", ..delivery });
    forged("the method", Delivery { method: &Method::PUT, ..delivery });
    forged("the secret", Delivery { secret: "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyz", ..delivery });
    for changed in changed(right.as_bytes(), &chance) {
        // A byte that no header takes does not even arrive.
        if let Some(headers) = headers(&changed, stamp.as_bytes()) {
            assert!(Delivery { headers: &headers, ..delivery }.verified(NOW_MS).is_err());
        }
    }
    forged("the instant", Delivery { headers: &headers_of(&right, &(NOW_MS + 1).to_string()), ..delivery });
    forged("the instant", Delivery { headers: &headers_of(&right, &format!("0{NOW_MS}")), ..delivery });
    let mut twice = signed.clone();
    twice.append("x-hubspot-signature-v3", HeaderValue::from_static("another"));
    forged("the number of signatures", Delivery { headers: &twice, ..delivery });
    an_older_signature_makes_nothing_good(body, delivery);
}

/// A wrong v3 signature beside a right v1; and a right v1 where only v3 is believed.
fn an_older_signature_makes_nothing_good(body: &[u8], delivery: Delivery<'_>) {
    let old = hex::encode(Sha256::new().chain_update(SECRET).chain_update(body).finalize());
    let mut beside = headers(b"wrong", NOW_MS.to_string().as_bytes()).unwrap();
    let mut alone = HeaderMap::new();
    for headers in [&mut beside, &mut alone] {
        headers.insert("x-hubspot-signature", HeaderValue::from_str(&old).unwrap());
        headers.insert("x-hubspot-signature-version", HeaderValue::from_static("v1"));
    }
    let verified = |headers, accept| Delivery { headers, accept, ..delivery }.verified(NOW_MS);
    assert_eq!(verified(&beside, Accept::V3OrOlder), Err(Refused::Forged));
    assert_eq!(verified(&alone, Accept::V3), Err(Refused::Unsigned));
    assert_eq!(verified(&alone, Accept::V3OrV2), Err(Refused::Unsigned));
    assert_eq!(verified(&alone, Accept::V3OrOlder), Ok(()));
}

/// One bit turned, one byte less, one byte more.
fn changed(bytes: &[u8], chance: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![[bytes, b"x"].concat(), [b"x", bytes].concat()];
    if let Some((_, shorter)) = bytes.split_last() {
        all.push(shorter.to_vec());
        let at = usize::from(u16::from_be_bytes([chance[0], chance[1]])) % bytes.len();
        let mut turned = bytes.to_vec();
        turned[at] ^= 1 << (chance[2] % 8);
        all.push(turned);
    }
    all
}

/// Reads the body and checks that what comes of it is bounded, of the body, and told apart. Whether it was read.
fn events(body: &[u8]) -> bool {
    let limits = Limits::default();
    let Ok(delivered) = parse(body, PORTAL, limits) else { return false };
    assert_eq!(parse(body, PORTAL, limits).as_ref(), Ok(&delivered), "read in two ways");
    let told = delivered.events.len() + delivered.ignored;
    assert!(delivered.events.len() <= 2 * EVENTS_MAX, "an event concerns two object types at most");
    assert!(delivered.ignored <= EVENTS_MAX);
    if told > 0 {
        assert_eq!(parse(body, PortalId(PORTAL.0 + 1), limits), Err(Refused::OtherPortal));
        assert_eq!(parse(body, PORTAL, Limits { events_max: 0, ..limits }), Err(Refused::TooLarge));
    }
    let shorter = Limits { body_bytes_max: body.len().saturating_sub(1), ..limits };
    assert_eq!(parse(body, PORTAL, shorter), Err(Refused::TooLarge));
    // What nobody looks at may be no text.
    let text = String::from_utf8_lossy(body);
    let mut by_key: BTreeMap<&str, &Event> = BTreeMap::new();
    for event in &delivered.events {
        is_told_by(event, &text);
        let known = by_key.entry(&event.key.0).or_insert(event);
        // A claimed key drops the event that comes second.
        assert_eq!((&known.object, &known.ids), (&event.object, &event.ids), "two events share a key");
    }
    true
}

fn is_told_by(event: &Event, body: &str) {
    assert_eq!(event.side, Side::HubSpot);
    assert!(event.key.0.len() == 64 && event.key.0.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!((1..=EVENT_IDS_MAX).contains(&event.ids.len()), "{} ids in one event", event.ids.len());
    for (at, id) in event.ids.iter().enumerate() {
        assert!(body.contains(id.as_str()), "the id {id} is not in the body");
        assert!(!event.ids[..at].contains(id), "the id {id} stands twice in one event");
    }
}

/// One delivery as it arrives.
#[derive(Clone, Copy)]
struct Delivery<'a> {
    method: &'a Method,
    target: &'a str,
    secret: &'a str,
    headers: &'a HeaderMap,
    accept: Accept,
    body: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// Without headers.
    fn of(body: &'a [u8]) -> Self {
        static NONE: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
        Self {
            method: &Method::POST,
            target: TARGET,
            secret: SECRET,
            headers: &NONE,
            accept: Accept::V3,
            body,
        }
    }

    fn verified(self, now_ms: i64) -> Result<(), Refused> {
        let Self { method, target, secret, headers, accept, body } = self;
        let now = Timestamp::from_millisecond(now_ms).unwrap();
        verify(Post { method, target, headers, body }, &Secret::new(secret), accept, now)
    }
}

/// HubSpot's v3 signature. `address` is signed as it stands.
pub(crate) fn signature(secret: &str, method: &str, address: &str, body: &[u8], stamp: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    for part in [method.as_bytes(), address.as_bytes(), body, stamp] {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The two headers of v3; `None` if a value is none that HTTP carries.
pub(crate) fn headers(signature: &[u8], stamp: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-hubspot-signature-v3", signature), ("x-hubspot-request-timestamp", stamp)] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?);
    }
    Some(headers)
}
