//! What comes to the webhook without a right to: it is refused, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod harness;

use concord_sandbox::courier::signature_v3;
use harness::Concord;
use serde_json::json;

/// Posts a body as HubSpot would; the signature is over `signed`, at `age_ms` before now.
async fn post(concord: &Concord, body: &str, signed: Option<(&str, i64)>) -> u16 {
    let url = concord.url("webhook");
    let mut request = concord.http().post(url).header("content-type", "application/json");
    if let Some((signed, age_ms)) = signed {
        let at = (jiff::Timestamp::now().as_millisecond() - age_ms).to_string();
        let signature = signature_v3(concord.secret(), "POST", url, signed, &at);
        request =
            request.header("x-hubspot-signature-v3", signature).header("x-hubspot-request-timestamp", at);
    }
    request.body(body.to_owned()).send().await.unwrap().status().as_u16()
}

fn event(portal: u64) -> String {
    json!([{
        "eventId": 7, "subscriptionId": 1, "portalId": portal, "appId": 1, "occurredAt": 1_700_000_000_000_i64,
        "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 999, "changeSource": "CRM_UI"
    }])
    .to_string()
}

#[tokio::test]
async fn forged_stale_oversized_and_foreign_webhooks_are_refused_and_leave_no_trace() {
    let concord = Concord::up("front").await;
    let before = concord.quiet(30);
    let body = event(48_000_001);
    let large = format!("[{}]", " ".repeat(1_100_000));
    let many = format!("[{}]", vec![body.trim_matches(['[', ']']); 101].join(","));

    assert_eq!(post(&concord, &body, None).await, 401, "unsigned");
    assert_eq!(post(&concord, &body, Some(("another body", 0))).await, 401, "mis-signed");
    assert_eq!(post(&concord, &body, Some((&body, 301_000))).await, 401, "stale");
    assert_eq!(post(&concord, &large, Some((&large, 0))).await, 413, "oversized");
    assert_eq!(post(&concord, "not json", Some(("not json", 0))).await, 400, "not JSON");
    assert_eq!(post(&concord, &many, Some((&many, 0))).await, 413, "too many events");
    let foreign = event(1);
    assert_eq!(post(&concord, &foreign, Some((&foreign, 0))).await, 400, "another portal's");

    let after = concord.quiet(30);
    for name in ["hints", "intents", "links", "parked", "conflicts", "open_intents"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(concord.truth("hubspot", "contacts").await, []);
    assert_eq!(concord.truth("salesforce", "Contact").await, []);
    assert_eq!(concord.writes().await, 0);
    assert_eq!(post(&concord, &body, Some((&body, 0))).await, 204, "and the real one is let in");
}
