//! Versions, logins, limits, describe.

use concord_sandbox::crm::{CallKind, Caller, Machine, Request};
use concord_sandbox::salesforce::Config;
use serde_json::{Value, json};

use super::org::{DATA, Org, error};

#[test]
fn versions_are_told_without_a_token_and_are_not_counted() {
    let mut org = Org::new();

    let reply = org.send(Caller::Api, "GET", "/services/data/", &[], String::new());

    let versions = reply.body.as_array().unwrap();
    assert_eq!((versions.len(), &versions[37]["url"]), (38, &json!("/services/data/v68.0")));
    assert_eq!(reply.header("date"), Some("Mon, 02 Mar 2026 12:00:00 GMT"));
    assert_eq!(reply.header("sforce-limit-info"), None);
    assert_eq!(org.get("/limits").body, json!({"DailyApiRequests": {"Max": 100_000, "Remaining": 99_999}}));
}

#[test]
fn retired_versions_are_gone_and_unknown_ones_not_found() {
    let mut org = Org::new();
    let mut status = |version: &str| {
        let path = format!("/services/data/v{version}/limits");
        org.send(Caller::Api, "GET", &path, &[], String::new()).status
    };

    assert_eq!([status("30.0"), status("69.0"), status("68")], [410, 404, 404]);
}

#[test]
fn every_version_that_is_not_retired_answers_with_its_own_number() {
    let mut org = Org::new();
    let token = org.token.clone();
    // Ours, the default of jsforce, the default of simple-salesforce, the oldest.
    for version in ["66.0", "50.0", "59.0", "31.0"] {
        let path = format!("/services/data/v{version}/");
        let bearer = format!("Bearer {token}");
        let reply = org.send(Caller::Api, "GET", &path, &[("authorization", &bearer)], String::new());
        assert_eq!(
            (reply.status, &reply.body["query"]),
            (200, &json!(format!("/services/data/v{version}/query")))
        );
    }
}

#[test]
fn client_credentials_come_in_the_body_or_as_basic_and_wrong_ones_are_refused() {
    let mut org = Org::new();
    let mut login = |headers: &[(&str, &str)], form: &str| {
        org.send(Caller::Api, "POST", "/services/oauth2/token", headers, form.to_owned())
    };

    // sandbox-client:sandbox-secret
    let basic =
        [("authorization", "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ="), ("host", "127.0.0.1:8080")];
    let right = login(&basic, "grant_type=client_credentials");
    assert_eq!(right.status, 200);
    assert_eq!(right.body["instance_url"], "http://127.0.0.1:8080");
    assert_eq!(right.body.get("expires_in"), None);

    let wrong = login(&[], "grant_type=client_credentials&client_id=sandbox-client&client_secret=x").told();
    let told = json!({"error": "invalid_client", "error_description": "invalid client credentials"});
    assert_eq!(wrong, (400, told));
    let other = login(&[], "grant_type=password").body;
    assert_eq!(other["error"], "unsupported_grant_type");
}

#[test]
fn an_assertion_logs_in_until_it_expires() {
    let mut org = Org::new();
    // {"iss":"sandbox-client","sub":"integration@example.com","exp":"1772453000"}: 12:03:20, as simple-salesforce writes it.
    let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=\
                e30.eyJpc3MiOiJzYW5kYm94LWNsaWVudCIsInN1YiI6ImludGVncmF0aW9uQGV4YW1wbGUuY29tIiwiZXhwIjoiMTc3MjQ1MzAwMCJ9.c2ln";
    let login = |org: &mut Org| org.send(Caller::Api, "POST", "/services/oauth2/token", &[], form.to_owned());

    assert_eq!(login(&mut org).status, 200);
    org.pass(300);
    let told = json!({"error": "invalid_grant", "error_description": "assertion expired"});
    assert_eq!(login(&mut org).told(), (400, told));
}

/// Signed with the client's test key: `iss` sandbox-client, `sub` integration@example.com, `exp` 12:03:20.
const SIGNED: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzYW5kYm94LWNsaWVudCIsInN1YiI6ImludGVncmF0a\
    W9uQGV4YW1wbGUuY29tIiwiYXVkIjoiaHR0cHM6Ly9sb2dpbi5zYWxlc2ZvcmNlLmNvbSIsImV4cCI6MTc3MjQ1MzA\
    wMH0.ETpOsISt0cZ6N77wZYs0z1vTVr-eoPylgt5aC-0BVvqeOhP1xUyb11rP8FpU4uIbSEaXwELJ5bsM9LgsksJzN\
    erjF5QPX-DMsOvCmqtuOAfGECtebLTaMxX_pFkYQ64T1YDGuOmQ4Cwx_aGP1dnHFVhZaKAsmIE7Z5bCr1Cn0f7bEVD\
    cnChI-Qf6MpwrNPltKJwQpAxOdomUPK7ztT5V-9wTO1USdPhg4EkVhA5q3IM_5C8wGF77r2eGlsqLQPtTipAj0oeTc\
    v1zRFvoKpJUuHzMqcSo29sGQuew_wSJ3e--uHTuYPhsrLmRiQjuxYQA30FXZRPsmG8EDCVYGpAdQQ";

#[test]
fn with_a_key_at_hand_the_signature_of_an_assertion_is_checked() {
    let pem = include_str!("../../../../shared/crm/src/salesforce/fixtures/jwt_public.pem").to_owned();
    let mut org = Org::with(Config { jwt_public_key_pem: Some(pem), ..Config::default() });
    let mut status = |assertion: &str| {
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let form = format!("{grant}&assertion={assertion}");
        org.send(Caller::Api, "POST", "/services/oauth2/token", &[], form).status
    };
    let (signed_part, _) = SIGNED.rsplit_once('.').unwrap();

    assert_eq!(status(SIGNED), 200);
    assert_eq!(status(&format!("{signed_part}.c2ln")), 400);
    assert_eq!(status(&SIGNED.replace("IkpXVCJ9", "Ik5vTkUifQ")), 400);
    assert_eq!(status("nonsense"), 400);
}

#[test]
fn a_session_ends_and_an_unknown_one_never_begins() {
    let mut org = Org::with(Config { session_seconds: 60, ..Config::default() });
    let refused = (401, error("INVALID_SESSION_ID", "Session expired or invalid"));

    assert_eq!(org.get("/limits").status, 200);
    org.pass(60);
    assert_eq!(org.get("/limits").told(), refused);
    org.token = "00Dx!none".to_owned();
    assert_eq!(org.get("/limits").told(), refused);
}

#[test]
fn every_data_answer_tells_the_usage_and_the_daily_limit_stops_programs_but_not_people() {
    let mut org = Org::with(Config { daily_calls_max: 2, session_seconds: 200_000, ..Config::default() });

    assert_eq!(
        org.get("/sobjects/Contact/003000000000009").header("sforce-limit-info"),
        Some("api-usage=1/2")
    );
    org.get("/limits");
    let refused = org.get("/limits");
    assert_eq!(refused.header("sforce-limit-info"), Some("api-usage=2/2"));
    assert_eq!(refused.told(), (403, error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")));
    assert_eq!(org.person("GET", "/limits", &Value::Null).status, 200);
    org.pass(24 * 3_600);
    assert_eq!(org.get("/limits").header("sforce-limit-info"), Some("api-usage=1/2"));
}

#[test]
fn describe_tells_what_a_field_can_do_and_can_be_asked_conditionally() {
    let mut org = Org::new();

    let reply = org.get("/sobjects/Contact/describe");
    let fields = reply.body["fields"].as_array().unwrap().clone();
    let field = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap().clone();
    let shown =
        |name: &str, keys: &[&str]| keys.iter().map(|key| field(name)[key].clone()).collect::<Vec<_>>();
    assert_eq!(
        shown("LastName", &["type", "nillable", "createable"]),
        [json!("string"), json!(false), json!(true)]
    );
    assert_eq!(shown("Name", &["createable", "updateable"]), [json!(false), json!(false)]);
    assert_eq!(shown("Concord_Id__c", &["externalId", "unique"]), [json!(true), json!(true)]);
    assert_eq!(shown("Score__c", &["type", "precision", "scale"]), [json!("double"), json!(18), json!(2)]);
    assert_eq!(
        shown("AccountId", &["referenceTo", "relationshipName"]),
        [json!(["Account"]), json!("Account")]
    );
    assert_eq!(shown("Lead_Stage__c", &["restrictedPicklist"]), [json!(true)]);
    assert_eq!(field("Lead_Stage__c")["picklistValues"][0]["value"], "Open");

    let since = reply.header("last-modified").unwrap().to_owned();
    let again =
        org.api_with("GET", "/sobjects/Contact/describe", &[("if-modified-since", &since)], &Value::Null);
    assert_eq!(again.told(), (304, Value::Null));
}

#[test]
fn a_hidden_field_is_as_if_it_did_not_exist_for_programs_only() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee", "Title": "CEO"}));
    org.sandbox("/__sandbox/schema", &json!({"object": "Contact", "field": "Title", "hidden": true}));

    let described = org.get("/sobjects/Contact/describe").body["fields"].to_string();
    assert!(!described.contains("\"Title\""), "hidden fields are not described");
    assert_eq!(org.get(&format!("/sobjects/Contact/{id}")).body.get("Title"), None);
    let no_column = error("INVALID_FIELD", "No such column 'Title' on sobject of type Contact");
    assert_eq!(org.get(&format!("/sobjects/Contact/{id}?fields=Id,Title")).told(), (400, no_column.clone()));
    assert_eq!(org.query("SELECT Title FROM Contact").told(), (400, no_column));
    assert_eq!(org.api("PATCH", &format!("/sobjects/Contact/{id}"), &json!({"Title": "x"})).status, 400);
    let seen = org.person("GET", &format!("/sobjects/Contact/{id}?fields=Title"), &Value::Null);
    assert_eq!(seen.body["Title"], "CEO");
}

#[test]
fn a_hidden_object_is_not_there() {
    let mut org = Org::new();
    org.sandbox("/__sandbox/schema", &json!({"object": "Lead", "hidden": true}));

    assert_eq!(org.get("/sobjects/Lead/describe").status, 404);
    assert_eq!(org.query("SELECT Id FROM Lead").body[0]["errorCode"], "INVALID_TYPE");
    assert_eq!(org.get("/sobjects").body["sobjects"].as_array().unwrap().len(), 6);
}

#[test]
fn calls_are_counted_by_kind_and_by_the_records_they_write() {
    let org = Org::new();
    let kind = |method: &str, path: &str, body: &Value| {
        let request = Request::new(body.to_string().into());
        let (mut parts, body) = request.into_parts();
        parts.method = method.parse().unwrap();
        parts.uri = format!("{DATA}{path}").parse().unwrap();
        org.machine.kind(&Request::from_parts(parts, body))
    };
    let counted = |name, weight| CallKind { name, weight };
    let two = json!({"records": [{}, {}]});

    assert_eq!(kind("POST", "/sobjects/Contact/", &json!({})), counted("write_create", 1));
    assert_eq!(kind("PATCH", "/sobjects/Contact/003000000000001", &json!({})), counted("write_update", 1));
    assert_eq!(kind("PATCH", "/composite/sobjects", &two), counted("write_batch_update", 2));
    assert_eq!(
        kind("POST", "/composite/sobjects/Contact", &json!({"ids": ["a", "b", "c"]})),
        counted("batch_read", 3)
    );
    assert_eq!(kind("GET", "/query?q=x", &Value::Null), counted("query", 1));
    let composite = json!({"compositeRequest": [
        {"method": "PATCH", "url": "/services/data/v68.0/composite/sobjects", "body": two},
        {"method": "GET", "url": "/services/data/v68.0/query?q=x"},
    ]});
    assert_eq!(kind("POST", "/composite", &composite), counted("write_composite", 2));
}
