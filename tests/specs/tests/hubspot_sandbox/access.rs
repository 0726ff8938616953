use bytes::Bytes;
use serde_json::{Value, json};

use super::portal::{Portal, quiet, request};
use concord_sandbox::crm::{CallKind, Caller, Machine, Response};
use concord_sandbox::hubspot::{Config, Limits, OAuthClient};

fn body(response: &Response) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn a_program_needs_a_token_and_a_person_does_not() {
    let mut portal = Portal::new();
    let mut call = request("GET", "/crm/v3/objects/contacts", None);
    call.headers_mut().remove("authorization");

    let api = portal.respond(Caller::Api, &call);
    let person = portal.respond(Caller::Person, &call);

    assert_eq!((api.status().as_u16(), person.status().as_u16()), (401, 200));
    assert_eq!(body(&api)["category"], json!("INVALID_AUTHENTICATION"));
    assert_eq!(
        header(&api, "x-hubspot-correlation-id").map(str::to_owned),
        body(&api)["correlationId"].as_str().map(str::to_owned)
    );
}

#[test]
fn every_answer_says_when_it_was_given() {
    let mut portal = Portal::new();
    for path in ["/crm/v3/objects/contacts", "/nonsense"] {
        let answer = portal.respond(Caller::Api, &request("GET", path, None));
        assert_eq!(header(&answer, "date"), Some("Mon, 23 Nov 2026 10:00:00 GMT"));
    }
}

#[test]
fn an_oauth_token_is_given_for_the_refresh_token_and_ends_after_half_an_hour() {
    let client = OAuthClient { id: "c".to_owned(), secret: "s".to_owned(), refresh_token: "r".to_owned() };
    let mut portal = Portal::with(Config { oauth: Some(client), portal_id: 7, ..quiet() });
    let grant = |portal: &mut Portal, path: &str, form: &'static str| {
        let mut call = request("POST", path, None);
        call.headers_mut().remove("authorization");
        *call.body_mut() = Bytes::from_static(form.as_bytes());
        portal.respond(Caller::Api, &call)
    };
    let good = "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=r";
    let bad = "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=x";

    let refused = grant(&mut portal, "/oauth/v1/token", bad);
    assert_eq!(refused.status(), 400);
    assert_eq!(body(&refused)["error"], json!("invalid_grant"));
    assert_eq!(body(&refused)["status"], json!("BAD_REFRESH_TOKEN"));
    for path in ["/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token"] {
        let given = body(&grant(&mut portal, path, good));
        assert_eq!(given["token_type"], json!("bearer"));
        assert_eq!(given["refresh_token"], json!("r"));
        assert_eq!(given["hub_id"], json!(7));
        assert_eq!(given["expires_in"], json!(1_800));
        let mut call = request("GET", "/crm/v3/owners", None);
        let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
        call.headers_mut().insert("authorization", bearer.parse().unwrap());

        assert_eq!(portal.respond(Caller::Api, &call).status(), 200);
        portal.wait_ms(1_800_000 - 1);
        assert_eq!(portal.respond(Caller::Api, &call).status(), 200);
        portal.wait_ms(2_001);
        let late = portal.respond(Caller::Api, &call);
        assert_eq!(late.status(), 401);
        assert_eq!(body(&late)["category"], json!("EXPIRED_AUTHENTICATION"));
        assert_eq!(
            body(&late)["message"],
            json!("The OAuth token used to make this call expired 2 second(s) ago.")
        );
    }
}

#[test]
fn a_missing_scope_refuses_the_calls_that_need_it_and_no_others() {
    let mut portal = Portal::new();
    portal.machine.set_missing_scopes(["crm.objects.contacts.write".to_owned()].into());

    let refused = portal.post("/crm/v3/objects/contacts", json!({"properties": {}}));

    assert_eq!(refused.status, 403);
    assert_eq!(refused.body["category"], json!("MISSING_SCOPES"));
    assert_eq!(
        refused.body["errors"][0]["context"],
        json!({"requiredGranularScopes": ["crm.objects.contacts.write"]})
    );
    assert_eq!(portal.get("/crm/v3/objects/contacts").status, 200);
    assert_eq!(portal.post("/crm/v3/objects/companies", json!({"properties": {"name": "A"}})).status, 201);
}

#[test]
fn the_ten_second_window_rolls_and_says_what_is_left() {
    let limits = Limits { ten_seconds: Some(3), ..Limits::NONE };
    let mut portal = Portal::with(Config { limits, ..quiet() });
    let call = request("GET", "/crm/v3/owners", None);

    let first = portal.respond(Caller::Api, &call);
    assert_eq!(header(&first, "x-hubspot-ratelimit-interval-milliseconds"), Some("10000"));
    assert_eq!(header(&first, "x-hubspot-ratelimit-max"), Some("3"));
    assert_eq!(header(&first, "x-hubspot-ratelimit-remaining"), Some("2"));
    assert_eq!(header(&first, "x-hubspot-ratelimit-daily"), None);
    portal.wait_ms(5_000);
    portal.respond(Caller::Api, &call);
    portal.respond(Caller::Api, &call);
    let over = portal.respond(Caller::Api, &call);
    assert_eq!(over.status(), 429);
    assert_eq!(body(&over)["policyName"], json!("TEN_SECONDLY_ROLLING"));
    assert_eq!(body(&over)["message"], json!("You have reached your ten_secondly_rolling limit."));
    assert_eq!(portal.respond(Caller::Person, &call).status(), 200);
    portal.wait_ms(5_000);
    assert_eq!(portal.respond(Caller::Api, &call).status(), 200);
    assert_eq!(portal.respond(Caller::Api, &call).status(), 429);
}

#[test]
fn the_sixth_search_in_a_second_is_refused_and_shows_no_ten_second_headers() {
    let limits = Limits { searches: Some(5), ten_seconds: Some(190), day: None };
    let mut portal = Portal::with(Config { limits, ..quiet() });
    let call = request("POST", "/crm/v3/objects/contacts/search", Some(json!({})));

    for _ in 0..5 {
        let found = portal.respond(Caller::Api, &call);
        assert_eq!(found.status(), 200);
        assert_eq!(header(&found, "x-hubspot-ratelimit-max"), None);
    }
    let over = portal.respond(Caller::Api, &call);
    let mut told = body(&over);
    told.as_object_mut().unwrap().remove("correlationId");
    assert_eq!(over.status(), 429);
    assert_eq!(
        told,
        json!({"status": "error", "message": "You have reached your secondly limit.", "category": "RATE_LIMITS"})
    );
    assert_eq!(portal.get("/crm/v3/owners").status, 200);
    portal.wait_ms(1_000);
    assert_eq!(portal.respond(Caller::Api, &call).status(), 200);
}

#[test]
fn the_day_ends_at_midnight() {
    let limits = Limits { day: Some(2), ..Limits::NONE };
    let mut portal = Portal::with(Config { limits, ..quiet() });

    let statuses: Vec<u16> = (0..3).map(|_| portal.get("/crm/v3/owners").status).collect();
    let over = portal.get("/crm/v3/owners");
    portal.wait_ms(14 * 3_600_000);
    let next_day = portal.get("/crm/v3/owners");

    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(over.body["policyName"], json!("DAILY"));
    assert_eq!(next_day.status, 200);
}

#[test]
fn calls_are_counted_by_kind_and_records() {
    let portal = Portal::new();
    let two = json!({"inputs": [{"id": "1"}, {"id": "2"}]});
    let table = [
        ("GET", "/crm/v3/objects/contacts", None, "list", 1),
        ("POST", "/crm/v3/objects/contacts", None, "write_create", 1),
        ("PATCH", "/crm/objects/2026-03/contacts/1", None, "write_update", 1),
        ("DELETE", "/crm/v3/objects/contacts/1", None, "write_archive", 1),
        ("POST", "/crm/v3/objects/contacts/batch/read", Some(two.clone()), "batch_read", 2),
        ("POST", "/crm/v3/objects/0-1/batch/update", Some(two.clone()), "write_batch_update", 2),
        ("POST", "/crm/v3/objects/contacts/batch/create", Some(two), "write_batch_create", 2),
        ("POST", "/crm/v3/objects/contacts/search", None, "search", 1),
        ("GET", "/nonsense", None, "unknown", 1),
    ];
    for (method, path, body, name, weight) in table {
        assert_eq!(portal.machine.kind(&request(method, path, body)), CallKind { name, weight }, "{path}");
    }
}

#[test]
fn what_has_no_path_is_not_found() {
    let mut portal = Portal::new();
    assert_eq!(portal.get("/crm/v9/objects/contacts").status, 404);
    assert_eq!(portal.put("/crm/v3/objects/contacts", json!({})).status, 405);
}
