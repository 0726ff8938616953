//! Webhooks: who may speak, and what is taken from what is said.

use concord_core::event::Event;
use concord_core::names::Side;
use concord_crm::hubspot::webhook::{Accept, Delivered, Limits, Post, Refused, parse, verify};
use concord_crm::hubspot::{PortalId, Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::tape::ids;

const PORTAL: PortalId = PortalId(4242);
const EVENTS: &str = include_str!("../../fixtures/webhooks/hubspot-events.json");

/// One of the vectors that HubSpot publishes, or that both of its SDKs agree on.
struct Vector {
    secret: Secret,
    method: Method,
    target: String,
    headers: HeaderMap,
    body: String,
    signed: Option<i64>,
    version: String,
}

impl Vector {
    fn all() -> Vec<Self> {
        let vectors: Vec<Value> =
            serde_json::from_str(include_str!("../../fixtures/webhooks/hubspot-signatures.json")).unwrap();
        vectors.iter().map(Self::of).collect()
    }

    fn of(vector: &Value) -> Self {
        let text = |name: &str| vector[name].as_str().unwrap_or_default().to_owned();
        let version = text("version");
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        };
        match version.as_str() {
            "v3" => {
                set("x-hubspot-signature-v3", &text("expect"));
                set("x-hubspot-request-timestamp", &text("timestamp"));
            }
            _ => {
                set("x-hubspot-signature", &text("expect"));
                set("x-hubspot-signature-version", &version);
            }
        }
        Self {
            secret: Secret::new(text("secret")),
            method: text("method").parse().unwrap_or(Method::POST),
            target: text("uri"),
            headers,
            body: text("body"),
            signed: text("timestamp").parse().ok(),
            version,
        }
    }

    /// The published v3 vector.
    fn v3() -> Self {
        Self::all().into_iter().find(|vector| vector.version == "v3").unwrap()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.signed.unwrap_or(1_790_000_000_000)).unwrap()
    }

    fn verify(&self, accept: Accept, now: Timestamp) -> Result<(), Refused> {
        let post = Post {
            method: &self.method,
            target: &self.target,
            headers: &self.headers,
            body: self.body.as_bytes(),
        };
        verify(post, &self.secret, accept, now)
    }

    fn set(&mut self, name: &'static str, value: &'static str) {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

#[test]
fn every_published_signature_is_good_where_its_version_is_accepted_and_no_signature_elsewhere() {
    for vector in Vector::all() {
        let verdicts =
            [Accept::V3, Accept::V3OrV2, Accept::V3OrOlder].map(|accept| vector.verify(accept, vector.now()));
        let expected = match vector.version.as_str() {
            "v3" => [Ok(()), Ok(()), Ok(())],
            "v2" => [Err(Refused::Unsigned), Ok(()), Ok(())],
            "v1" => [Err(Refused::Unsigned), Err(Refused::Unsigned), Ok(())],
            other => panic!("a vector of version {other}"),
        };
        assert_eq!(verdicts, expected, "{}", vector.version);
    }
}

#[test]
fn any_other_byte_address_method_or_secret_is_a_forgery() {
    let mut changed: [Vector; 5] = std::array::from_fn(|_| Vector::v3());
    changed[0].body.push(' ');
    changed[1].target.push('/');
    changed[2].method = Method::PUT;
    changed[3].secret = Secret::new("another");
    changed[4].set("x-hubspot-signature-v3", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/X=");
    for vector in &changed {
        assert_eq!(vector.verify(Accept::V3, vector.now()), Err(Refused::Forged));
    }
}

#[test]
fn the_window_is_five_minutes_both_ways_and_no_instant_is_never_in_it() {
    let vector = Vector::v3();
    let at = |offset: i64| {
        vector.verify(Accept::V3, Timestamp::from_millisecond(vector.signed.unwrap() + offset).unwrap())
    };
    assert_eq!(
        [at(300_000), at(300_001), at(-300_000), at(-300_001)],
        [Ok(()), Err(Refused::Stale), Ok(()), Err(Refused::Stale)]
    );
    for stamp in ["NaN", "", "1e12", "-9223372036854775808", "99999999999999999999"] {
        let mut vector = Vector::v3();
        vector.set("x-hubspot-request-timestamp", stamp);
        assert_eq!(vector.verify(Accept::V3, vector.now()), Err(Refused::Stale), "{stamp}");
    }
    let mut vector = Vector::v3();
    vector.headers.remove("x-hubspot-request-timestamp");
    assert_eq!(vector.verify(Accept::V3, vector.now()), Err(Refused::Stale));
}

#[test]
fn a_right_old_signature_does_not_heal_a_wrong_new_one() {
    let mut vector = Vector::all().into_iter().find(|vector| vector.version == "v1").unwrap();
    vector.set("x-hubspot-signature-v3", "d3Jvbmc=");
    vector.set("x-hubspot-request-timestamp", "1790000000000");
    assert_eq!(vector.verify(Accept::V3OrOlder, vector.now()), Err(Refused::Forged));
}

#[test]
fn no_signature_or_two_of_them_are_refused() {
    let mut vector = Vector::v3();
    vector.headers.append("x-hubspot-signature-v3", HeaderValue::from_static("again"));
    assert_eq!(vector.verify(Accept::V3, vector.now()), Err(Refused::Forged));
    vector.headers.clear();
    assert_eq!(vector.verify(Accept::V3OrOlder, vector.now()), Err(Refused::Unsigned));
}

#[test]
fn hubspot_decodes_twelve_characters_of_the_address_and_no_more() {
    // The signature is that of the plain address, so the escaped one must come to the same.
    let mut escaped = Vector::v3();
    escaped.target = "https%3A%2F%2Fwww.example.com%2Fwebhook_uri".to_owned();
    assert_eq!(escaped.verify(Accept::V3, escaped.now()), Ok(()));
    escaped.target = "https%3A%2F%2Fwww.example%2Ecom%2Fwebhook_uri".to_owned();
    assert_eq!(escaped.verify(Accept::V3, escaped.now()), Err(Refused::Forged));
}

#[test]
fn an_oversized_body_is_not_even_hashed() {
    let mut vector = Vector::v3();
    vector.body = " ".repeat(1_048_577);
    assert_eq!(vector.verify(Accept::V3, vector.now()), Err(Refused::TooLarge));
}

#[test]
fn every_refusal_has_its_status() {
    let all = [
        Refused::Unsigned,
        Refused::Forged,
        Refused::Stale,
        Refused::TooLarge,
        Refused::Unreadable,
        Refused::OtherPortal,
    ];
    assert_eq!(all.map(Refused::status), [401, 401, 401, 413, 400, 400]);
}

fn delivered(body: &str) -> Delivered {
    parse(body.as_bytes(), PORTAL, Limits::default()).unwrap()
}

fn concerned(events: &[Event]) -> Vec<(&str, Vec<&str>)> {
    events
        .iter()
        .map(|event| (event.object.as_str(), event.ids.iter().map(|id| id.as_str()).collect()))
        .collect()
}

#[test]
fn events_become_hints_with_ids_and_without_values() {
    let delivered = delivered(EVENTS);

    assert_eq!(
        concerned(&delivered.events),
        [
            ("contacts", vec!["608000000001"]),
            ("contacts", vec!["608000000001"]),
            ("contacts", vec!["608000000001"]),
            ("2-143000001", vec!["280000000881"]),
            ("contacts", vec!["280000000882"]),
            ("deals", vec!["74000000777"]),
            ("line_items", vec!["68000000894"]),
            ("contacts", vec!["608000000002", "608000000003", "608000000009"]),
        ]
    );
    assert_eq!(delivered.ignored, 1, "the conversation");
    assert!(delivered.events.iter().all(|event| event.side == Side::HubSpot));
    assert!(!format!("{delivered:?}").contains("Do-Not-Keep-Me"));
}

#[test]
fn every_event_has_a_key_of_its_own_and_a_repeated_delivery_has_the_same() {
    let keys = |body: &str| delivered(body).events.into_iter().map(|event| event.key).collect::<Vec<_>>();
    let first = keys(EVENTS);
    let again = keys(&EVENTS.replace("\"attemptNumber\":0", "\"attemptNumber\":3"));
    let mut unique = first.clone();
    unique.sort();
    unique.dedup();

    assert_eq!(first, again);
    assert_eq!(unique.len(), first.len());
    assert!(first.iter().all(|key| key.0.len() == 64 && key.0.bytes().all(|byte| byte.is_ascii_hexdigit())));
}

#[test]
fn an_event_id_that_is_used_again_makes_no_event_the_same() {
    let event = json!({ "portalId": 4242, "subscriptionType": "contact.propertyChange", "subscriptionId": 1, "eventId": 1,
        "occurredAt": 1_790_000_000_000_u64, "objectId": 5, "propertyName": "email" });
    let mut variants = vec![event.clone()];
    for (name, value) in [
        ("subscriptionId", json!(2)),
        ("eventId", json!(2)),
        ("occurredAt", json!(1_790_000_000_001_u64)),
        ("objectId", json!(6)),
        ("propertyName", json!("phone")),
        ("subscriptionType", json!("contact.creation")),
    ] {
        let mut variant = event.clone();
        variant[name] = value;
        variants.push(variant);
    }
    let mut keys: Vec<_> =
        delivered(&json!(variants).to_string()).events.into_iter().map(|event| event.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), variants.len());
}

#[test]
fn an_association_of_two_contacts_is_one_event_and_type_ids_name_the_ends() {
    let body = json!([
        { "portalId": 4242, "subscriptionType": "contact.associationChange", "associationType": "CONTACT_TO_CONTACT", "fromObjectId": 1, "toObjectId": 2 },
        { "portalId": 4242, "subscriptionType": "object.associationChange", "fromObjectTypeId": "0-2", "toObjectTypeId": "2-77", "fromObjectId": 3, "toObjectId": 4 },
        { "portalId": 4242, "subscriptionType": "company.associationChange", "associationType": "COMPANY_TO_CONTACT", "fromObjectId": 3, "toObjectId": 1 }
    ]);

    let delivered = delivered(&body.to_string());

    assert_eq!(
        concerned(&delivered.events),
        [
            ("contacts", vec!["1", "2"]),
            ("companies", vec!["3"]),
            ("2-77", vec!["4"]),
            ("companies", vec!["3"]),
            ("contacts", vec!["1"]),
        ]
    );
    assert_eq!(delivered.ignored, 0);
}

#[test]
fn only_a_privacy_deletion_says_that_a_record_was_erased() {
    let told = |kind: &str| {
        let event = json!({ "portalId": 4242, "subscriptionType": kind, "objectId": 1 });
        let events = delivered(&json!([event]).to_string()).events;
        events.into_iter().map(|event| (event.object.to_string(), event.erased)).collect::<Vec<_>>()
    };
    assert_eq!(told("contact.privacyDeletion"), [("contacts".to_owned(), true)]);
    assert_eq!(told("contact.deletion"), [("contacts".to_owned(), false)]);
    assert_eq!(told("conversation.privacyDeletion"), []);
}

#[test]
fn an_event_that_names_no_record_is_counted() {
    let body = json!([
        { "portalId": 4242, "subscriptionType": "contact.creation" },
        { "portalId": 4242, "subscriptionType": "object.creation", "objectId": 1 },
        { "portalId": 4242, "subscriptionType": "contact.somethingNew", "objectId": 1 },
        { "portalId": 4242, "subscriptionType": "nonsense", "objectId": 1 },
        { "portalId": 4242, "eventType": "company.creation", "objectId": 8 }
    ]);

    let delivered = delivered(&body.to_string());

    assert_eq!(concerned(&delivered.events), [("companies", vec!["8"])]);
    assert_eq!(delivered.events[0].ids, ids(&["8"]));
    assert_eq!(delivered.ignored, 4);
}

#[test]
fn what_is_too_much_unreadable_or_not_ours_is_refused_as_a_whole() {
    let refused = |body: &str| parse(body.as_bytes(), PORTAL, Limits::default()).unwrap_err();
    let event = json!({ "portalId": 4242, "subscriptionType": "contact.creation", "objectId": 1 });
    let many = |count: usize| Value::from(vec![event.clone(); count]).to_string();

    assert_eq!(delivered(&many(100)).events.len(), 100);
    assert_eq!(delivered("[]"), Delivered { events: Vec::new(), ignored: 0 });
    assert_eq!(refused(&many(101)), Refused::TooLarge);
    assert_eq!(refused(&" ".repeat(1_048_577)), Refused::TooLarge);
    for unreadable in
        ["", "<xml/>", "{}", "[1]", "[{\"portalId\":", "[{\"portalId\":4242,\"objectId\":\"x\"}]"]
    {
        assert_eq!(refused(unreadable), Refused::Unreadable, "{unreadable}");
    }
    assert_eq!(
        refused(r#"[{"portalId":4243,"subscriptionType":"contact.creation","objectId":1}]"#),
        Refused::OtherPortal
    );
    assert_eq!(refused(r#"[{"subscriptionType":"contact.creation","objectId":1}]"#), Refused::OtherPortal);
}
