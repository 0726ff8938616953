//! What is stored of a value, and what is refused.

use concord_sandbox::salesforce::{Config, DuplicateRule};
use serde_json::{Value, json};

use super::org::{Org, error_about};

#[test]
fn the_platform_stores_its_own_form_of_a_value() {
    let mut org = Org::new();
    let id = org.insert(
        "Contact",
        &json!({
            "LastName": "  Lee ", "FirstName": "   ", "Email": "Ann@Example.COM", "Score__c": 12.345,
            "Concord_Token__c": 20_000_000, "Newsletter__c": true, "Interests__c": "Events;News",
            "Last_Seen__c": "2026-01-31T10:00:00.999+02:00", "Birthdate": "1980-02-29",
        }),
    );

    let fields = "LastName,FirstName,Email,Score__c,Newsletter__c,Interests__c,Last_Seen__c,Birthdate";
    let told = json!({
        "LastName": "Lee", "FirstName": null, "Email": "ann@example.com", "Score__c": 12.35,
        "Newsletter__c": true, "Interests__c": "News;Events",
        "Last_Seen__c": "2026-01-31T08:00:00.000+0000", "Birthdate": "1980-02-29",
    });
    assert_eq!(org.fields("Contact", &id, fields), told);
    let token = org.fields("Contact", &id, "Concord_Token__c")["Concord_Token__c"].to_string();
    assert_eq!(token, "2.0e+7", "large doubles have an exponent");
}

#[test]
fn numbers_of_doubles_always_have_a_point_and_integers_never() {
    let mut org = Org::new();
    let body = json!({"Name": "A", "NumberOfEmployees": 12, "AnnualRevenue": "1000"});
    let id = org.insert("Account", &body);

    let told = org.fields("Account", &id, "NumberOfEmployees,AnnualRevenue");

    assert_eq!(told["NumberOfEmployees"].to_string(), "12");
    assert_eq!(told["AnnualRevenue"].to_string(), "1000.0");
}

/// Inserts the value and returns the refusal.
fn refusal(org: &mut Org, field: &str, value: Value) -> Value {
    let mut body = json!({"LastName": "Lee"});
    body[field] = value;
    let reply = org.api("POST", "/sobjects/Contact", &body);
    assert_eq!(reply.status, 400, "{field}: {}", reply.body);
    reply.body
}

#[test]
fn values_that_do_not_fit_are_refused_by_code_and_field() {
    let mut org = Org::new();

    let missing =
        error_about("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", &["LastName"]);
    assert_eq!(refusal(&mut org, "LastName", json!("  ")), missing);
    let long = "x".repeat(129);
    let message = format!("Title: data value too large: {long} (max length=128)");
    assert_eq!(refusal(&mut org, "Title", json!(long)), error_about("STRING_TOO_LONG", &message, &["Title"]));
    let choice = error_about(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Lead Stage: bad value for restricted picklist field: Hot",
        &["Lead_Stage__c"],
    );
    assert_eq!(refusal(&mut org, "Lead_Stage__c", json!("Hot")), choice);
    let address = error_about("INVALID_EMAIL_ADDRESS", "Email: invalid email address: nobody", &["Email"]);
    assert_eq!(refusal(&mut org, "Email", json!("nobody")), address);
    let column = error_about("INVALID_FIELD", "No such column 'Nope' on sobject of type Contact", &[]);
    assert_eq!(refusal(&mut org, "Nope", json!(1)), column);
    let codes = [
        ("Name", json!("Ann Lee"), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("MasterRecordId", json!("003000000000001"), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Newsletter__c", Value::Null, "JSON_PARSER_ERROR"),
        ("Score__c", json!("many"), "JSON_PARSER_ERROR"),
        ("Score__c", json!(1e18), "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Birthdate", json!("1980-02-30"), "JSON_PARSER_ERROR"),
        ("Last_Seen__c", json!("2026-01-31"), "JSON_PARSER_ERROR"),
        ("Interests__c", json!("News;Nothing"), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("AccountId", json!("001000000000099"), "INVALID_CROSS_REFERENCE_KEY"),
        ("AccountId", json!("garbage"), "MALFORMED_ID"),
    ];
    for (field, value, code) in codes {
        assert_eq!(refusal(&mut org, field, value)[0]["errorCode"], code, "{field}");
    }
    assert_eq!(org.query("SELECT COUNT() FROM Contact").body["totalSize"], 0);
    assert_eq!(org.events(), Vec::<Value>::new());
}

#[test]
fn a_unique_external_id_is_nobody_elses_and_the_refusal_names_the_other() {
    let mut org = Org::new();
    let first = org.insert("Contact", &json!({"LastName": "Lee", "Concord_Id__c": "K1"}));

    let message =
        format!("duplicate value found: Concord_Id__c duplicates value on record with id: {}", &first[..15]);
    assert_eq!(
        refusal(&mut org, "Concord_Id__c", json!("k1")),
        error_about("DUPLICATE_VALUE", &message, &[])
    );
    assert_eq!(
        org.api("PATCH", &format!("/sobjects/Contact/{first}"), &json!({"Concord_Id__c": "K1"})).status,
        204
    );
}

#[test]
fn a_duplicate_rule_reports_its_matches_and_an_alert_can_be_overridden() {
    let mut org = Org::with(Config { duplicate_rule: DuplicateRule::Alert, ..Config::default() });
    let body = json!({"LastName": "Lee", "Email": "ann@example.com"});
    let first = org.insert("Contact", &body);

    let refused = org.api("POST", "/sobjects/Contact", &body);
    assert_eq!((refused.status, refused.body[0]["errorCode"].clone()), (400, json!("DUPLICATES_DETECTED")));
    let found = &refused.body[0]["duplicateResut"]["matchResults"][0]["matchRecords"][0]["record"]["Id"];
    assert_eq!(found, &json!(first));
    let allow = [("sforce-duplicate-rule-header", "allowSave=true; includeRecordDetails=true")];
    assert_eq!(org.api_with("POST", "/sobjects/Contact", &allow, &body).status, 201);
}

#[test]
fn the_schema_can_change_under_a_program() {
    let mut org = Org::new();
    org.sandbox("/__sandbox/schema", &json!({"object": "Contact", "field": "Title", "length": 3}));
    org.sandbox("/__sandbox/schema", &json!({"object": "Contact", "field": "Phone", "read_only": true}));
    org.sandbox(
        "/__sandbox/schema",
        &json!({"object": "Contact", "field": "Lead_Stage__c", "remove_value": "Won"}),
    );

    assert_eq!(refusal(&mut org, "Title", json!("Boss"))[0]["errorCode"], "STRING_TOO_LONG");
    let locked = error_about(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "Unable to create/update fields: Phone. Please check the security settings of this field and verify that \
         it is read/write for your profile or permission set.",
        &["Phone"],
    );
    assert_eq!(refusal(&mut org, "Phone", json!("1")), locked);
    let removed = refusal(&mut org, "Lead_Stage__c", json!("Won"));
    assert_eq!(removed[0]["errorCode"], "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
}

#[test]
fn an_organisation_may_rewrite_what_it_is_given() {
    let mut org = Org::new();
    org.sandbox(
        "/__sandbox/rewrite",
        &json!({"rules": [
            {"truncate": {"object": "Contact", "field": "Title", "length": 5}},
            {"phone": {"object": "Contact", "field": "Phone"}},
            {"round": {"object": "Contact", "field": "Score__c", "scale": 0}},
            {"upper": {"object": "Contact", "field": "LastName"}},
        ]}),
    );

    let id = org.insert(
        "Contact",
        &json!({"LastName": "Lee", "Title": "Manager", "Phone": "+1 415 555 1234", "Score__c": 2.5}),
    );

    let told = json!({"LastName": "LEE", "Title": "Manag", "Phone": "(415) 555-1234", "Score__c": 3.0});
    assert_eq!(org.fields("Contact", &id, "LastName,Title,Phone,Score__c"), told);
}

#[test]
fn a_trigger_sets_another_field_in_the_transaction_or_after_it() {
    let mut org = Org::new();
    let trigger = |set: &str, after_s: Value| json!({"trigger": {"object": "Contact", "when": "Title", "set": set, "to": "rewritten", "after_s": after_s}});
    org.sandbox(
        "/__sandbox/rewrite",
        &json!({"rules": [trigger("Description", Value::Null), trigger("MailingCity", json!(2))]}),
    );
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));
    org.pass(5);
    org.api("PATCH", &format!("/sobjects/Contact/{id}"), &json!({"Title": "CEO"}));
    let fields = "Description,MailingCity,LastModifiedById,LastModifiedDate";

    let at_once = json!({
        "Description": "rewritten", "MailingCity": null, "LastModifiedById": "005000000000001AAA",
        "LastModifiedDate": "2026-03-02T12:00:05.000+0000",
    });
    assert_eq!(org.fields("Contact", &id, fields), at_once);
    org.pass(10);
    let later = json!({
        "Description": "rewritten", "MailingCity": "rewritten", "LastModifiedById": "005000000000003AAA",
        "LastModifiedDate": "2026-03-02T12:00:07.000+0000",
    });
    assert_eq!(org.fields("Contact", &id, fields), later);
    let changed: Vec<Value> = org.short_events().into_iter().map(|event| event[3].clone()).collect();
    let expected = [
        json!([]),
        json!(["Description", "LastModifiedDate", "Title"]),
        json!(["LastModifiedById", "LastModifiedDate", "MailingAddress.City"]),
    ];
    assert_eq!(changed, expected);
}
