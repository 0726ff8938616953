//! Answers that do not come from the machine: the sandbox's own, and the CRMs' when a fault strikes.

use bytes::Bytes;
use concord_core::names::Side;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::crm::Response;

/// Names a refused call where HubSpot would; the same each time, since nothing here is left to chance.
const CORRELATION: &str = "00000000-0000-4000-8000-00000000fa17";

/// A JSON answer.
pub fn with_json(status: u16, body: &Value) -> Response {
    answer(status, "application/json;charset=utf-8", body.to_string())
}

/// A text answer.
pub fn plain(status: u16, text: &str) -> Response {
    answer(status, "text/plain;charset=utf-8", text.to_owned())
}

/// HubSpot: 429 with the policy's name, or search's own shape without (reference 6). Salesforce has no 429: it
/// says 403 `REQUEST_LIMIT_EXCEEDED` (reference 2); here for too many concurrent calls, which passes by itself.
pub fn too_many(side: Side, call: &str, retry_after_s: Option<u64>) -> Response {
    let mut response = match (side, call) {
        (Side::HubSpot, "search") => with_json(
            429,
            &json!({"status": "error", "message": "You have reached your secondly limit.",
                "correlationId": CORRELATION, "category": "RATE_LIMITS"}),
        ),
        (Side::HubSpot, _) => limited(with_json(
            429,
            &json!({"status": "error", "message": "You have reached your ten_secondly_rolling limit.",
                "errorType": "RATE_LIMIT", "correlationId": CORRELATION,
                "policyName": "TEN_SECONDLY_ROLLING", "requestId": CORRELATION}),
        )),
        (Side::Salesforce, _) => with_json(
            403,
            &json!([{"message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
                "errorCode": "REQUEST_LIMIT_EXCEEDED"}]),
        ),
    };
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

/// HubSpot: its error shape. Salesforce: `UNKNOWN_EXCEPTION` for 500, and a page of HTML from its edge otherwise.
pub fn server_error(side: Side, status: u16) -> Response {
    match (side, status) {
        (Side::HubSpot, _) => with_json(
            status,
            &json!({"status": "error", "message": "internal error", "correlationId": CORRELATION}),
        ),
        (Side::Salesforce, 500) => with_json(
            500,
            &json!([{"message": "An unexpected error occurred. Please include this ErrorId if you contact support: \
                1-1 (1)", "errorCode": "UNKNOWN_EXCEPTION"}]),
        ),
        (Side::Salesforce, _) => {
            let page =
                format!("<html><head><title>{status}</title></head><body>Service unavailable</body></html>");
            answer(status, "text/html;charset=utf-8", page)
        }
    }
}

/// What a call with a login that has run out is told.
pub fn login_expired(side: Side) -> Response {
    match side {
        Side::HubSpot => with_json(
            401,
            &json!({"status": "error", "category": "EXPIRED_AUTHENTICATION", "correlationId": CORRELATION,
                "message": "The OAuth token used to make this call expired 1 second(s) ago."}),
        ),
        Side::Salesforce => with_json(
            401,
            &json!([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]),
        ),
    }
}

/// The headers that tell how much of the limit is left: nothing.
fn limited(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-hubspot-ratelimit-interval-milliseconds", 10_000_u32),
        ("x-hubspot-ratelimit-max", 190),
        ("x-hubspot-ratelimit-remaining", 0),
    ] {
        headers.insert(name, value.into());
    }
    response
}

fn answer(status: u16, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
