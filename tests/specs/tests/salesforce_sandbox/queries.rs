//! SOQL, pages, getUpdated and getDeleted.

use concord_sandbox::salesforce::Config;
use serde_json::{Value, json};

use super::org::{DATA, Org, encoded, error};

/// Five contacts, ten seconds apart; the second and third belong to an account.
fn five() -> Org {
    let mut org = Org::new();
    let account = org.insert("Account", &json!({"Name": "Acme"}));
    let rows = [
        json!({"LastName": "Ames", "Email": "a@x.example", "Score__c": 1}),
        json!({"LastName": "bell", "Email": "b@x.example", "AccountId": account, "Newsletter__c": true}),
        json!({"LastName": "Cole", "Score__c": 3.5, "AccountId": account}),
        json!({"LastName": "O'Hara", "Title": "100% Boss", "Birthdate": "1980-01-01"}),
        json!({"LastName": "Eden", "Concord_Id__c": "K5", "Lead_Stage__c": "Won"}),
    ];
    for row in rows {
        org.pass(10);
        org.insert("Contact", &row);
    }
    org
}

#[test]
fn a_query_answers_rows_with_attributes_and_parents() {
    let mut org = five();

    let reply = org.query("SELECT LastName, Account.Name FROM Contact WHERE LastName IN ('bell', 'Eden')");

    let url =
        |object: &str, id: &str| json!({"type": object, "url": format!("{DATA}/sobjects/{object}/{id}")});
    let bell = json!({
        "attributes": url("Contact", "003000000000003AAA"), "LastName": "bell",
        "Account": {"attributes": url("Account", "001000000000001AAA"), "Name": "Acme"},
    });
    let eden =
        json!({"attributes": url("Contact", "003000000000006AAA"), "LastName": "Eden", "Account": null});
    assert_eq!(reply.told(), (200, json!({"totalSize": 2, "done": true, "records": [bell, eden]})));
}

#[test]
fn conditions_select_as_the_language_says() {
    let mut org = five();
    let cases: [(&str, &[&str]); 20] = [
        ("LastName = 'BELL'", &["bell"]),
        ("LastName = 'O\\'Hara'", &["O'Hara"]),
        ("Email != 'a@x.example'", &["bell", "Cole", "O'Hara", "Eden"]),
        ("Email = null", &["Cole", "O'Hara", "Eden"]),
        ("Email != NULL AND Newsletter__c = false", &["Ames"]),
        ("Score__c > 1", &["Cole"]),
        ("Score__c <= 3.5", &["Ames", "Cole"]),
        ("LastName LIKE '%e%' AND (NOT LastName LIKE 'E%')", &["Ames", "bell", "Cole"]),
        ("Title LIKE '100\\% _oss'", &["O'Hara"]),
        ("Birthdate < 1990-01-01", &["O'Hara"]),
        ("LastName NOT IN ('Ames', 'Eden')", &["bell", "Cole", "O'Hara"]),
        ("Account.Name = 'acme'", &["bell", "Cole"]),
        ("Contact.Concord_Id__c = 'k5'", &["Eden"]),
        ("Id = '003000000000002'", &["Ames"]),
        ("Id IN ('003000000000002AAA', '003000000000006AAA', 'x')", &["Ames", "Eden"]),
        ("Email IN ('a@x.example', 'b@x.example') OR Score__c = 3.5", &["Ames", "bell", "Cole"]),
        ("SystemModstamp >= 2026-03-02T12:00:30Z", &["Cole", "O'Hara", "Eden"]),
        (
            "SystemModstamp > 2026-03-02T14:00:30+02:00 AND SystemModstamp <= 2026-03-02T12:00:40.000+0000",
            &["O'Hara"],
        ),
        ("AccountId = '001000000000001' AND SystemModstamp > 2026-03-02T12:00:20Z", &["Cole"]),
        ("NOT (LastName = 'Ames' OR Score__c > 2)", &["bell", "O'Hara", "Eden"]),
    ];
    for (condition, names) in cases {
        let found =
            org.column(&format!("select LastName from contact where {condition} order by Id"), "LastName");
        assert_eq!(found, names.iter().map(|name| json!(name)).collect::<Vec<_>>(), "{condition}");
    }
}

#[test]
fn rows_come_in_the_order_asked_for_with_limit_and_offset() {
    let mut org = five();
    let mut names = |tail: &str| {
        let found = org.column(&format!("SELECT LastName FROM Contact {tail}"), "LastName");
        found.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };

    assert_eq!(names("ORDER BY LastName"), "Ames bell Cole Eden O'Hara");
    assert_eq!(names("ORDER BY LastName DESC LIMIT 2 OFFSET 1"), "Eden Cole");
    assert_eq!(names("ORDER BY Score__c DESC NULLS LAST, LastName ASC"), "Cole Ames bell Eden O'Hara");
    assert_eq!(names("ORDER BY Score__c, LastName"), "bell Eden O'Hara Ames Cole");
    assert_eq!(names("ORDER BY SystemModstamp, Id LIMIT 3"), "Ames bell Cole");
}

#[test]
fn a_keyset_walk_meets_every_record_once() {
    let mut org = Org::new();
    for n in 0..7 {
        org.insert("Contact", &json!({"LastName": format!("n{n}")}));
        org.pass(i64::from(n % 3 == 2));
    }
    let mut seen = Vec::new();
    let mut after = "SystemModstamp >= 2026-03-02T12:00:00Z".to_owned();

    loop {
        let soql = format!(
            "SELECT Id, SystemModstamp FROM Contact WHERE {after} ORDER BY SystemModstamp, Id LIMIT 2"
        );
        let rows = org.query(&soql).body["records"].as_array().unwrap().clone();
        let Some(last) = rows.last() else { break };
        let (stamp, id) = (last["SystemModstamp"].as_str().unwrap(), last["Id"].as_str().unwrap());
        after = format!("(SystemModstamp = {stamp} AND Id > '{id}') OR SystemModstamp > {stamp}");
        seen.extend(rows.iter().map(|row| row["Id"].as_str().unwrap().to_owned()));
    }

    let all: Vec<String> = (1..=7).map(|n| format!("00300000000000{n}AAA")).collect();
    assert_eq!(seen, all);
}

#[test]
fn pages_are_followed_to_the_end_and_a_cursor_does_not_outlive_its_two_days() {
    let mut org = Org::with(Config { session_seconds: 200_000, ..Config::default() });
    for chunk in 0..3 {
        let row =
            |n| json!({"attributes": {"type": "Contact"}, "LastName": format!("n{:03}", chunk * 150 + n)});
        let rows: Vec<Value> = (0..150).map(row).collect();
        org.api("POST", "/composite/sobjects", &json!({"records": rows}));
    }
    let path = format!("/query?q={}", encoded("SELECT LastName FROM Contact ORDER BY LastName"));

    let first = org.api_with("GET", &path, &[("sforce-query-options", "batchSize=200")], &Value::Null);
    let next = first.body["nextRecordsUrl"].as_str().unwrap().to_owned();
    assert_eq!((first.body["totalSize"].clone(), first.body["done"].clone()), (json!(450), json!(false)));
    assert_eq!(next, format!("{DATA}/query/01g000000000001AAA-200"));
    let second = org.get(next.strip_prefix(DATA).unwrap());
    assert_eq!(second.body["records"][0]["LastName"], "n200");
    let next = second.body["nextRecordsUrl"].as_str().unwrap().to_owned();
    let third = org.get(next.strip_prefix(DATA).unwrap());
    assert_eq!(
        (third.body["done"].clone(), third.body["records"].as_array().unwrap().len()),
        (json!(true), 50)
    );

    let gone = (400, error("INVALID_QUERY_LOCATOR", "invalid query locator"));
    org.pass(48 * 3_600 + 1);
    assert_eq!(org.get(next.strip_prefix(DATA).unwrap()).told(), gone);
    assert_eq!(org.get("/query/01g000000000009AAA-200").told(), gone);
}

#[test]
fn a_query_that_makes_no_sense_is_refused_by_code() {
    let mut org = Org::new();
    let column = error("INVALID_FIELD", "No such column 'Nope' on sobject of type Account");
    assert_eq!(org.query("SELECT Nope FROM Account").told(), (400, column));
    let reply = org.query("SELECT Id FROM Accout");
    assert_eq!(reply.body[0]["errorCode"], "INVALID_TYPE");
    let message = reply.body[0]["message"].as_str().unwrap();
    assert!(
        message.contains("ERROR at Row:1:Column:16\nsObject type 'Accout' is not supported."),
        "{message}"
    );

    let cases = [
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'a' AND Id = 'b' OR Id = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact LIMIT x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Owner.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE MailingAddress = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ];
    for (soql, code) in cases {
        let reply = org.query(soql);
        assert_eq!((reply.status, reply.body[0]["errorCode"].clone()), (400, json!(code)), "{soql}");
    }
    assert_eq!(org.get("/query").status, 400);
}

#[test]
fn counting_answers_no_rows() {
    let mut org = five();

    let reply = org.query("SELECT COUNT() FROM Contact WHERE Email != null");

    assert_eq!(reply.body, json!({"totalSize": 2, "done": true, "records": []}));
}

#[test]
fn only_query_all_shows_what_is_in_the_bin() {
    let mut org = five();
    org.api("DELETE", "/sobjects/Contact/003000000000002", &Value::Null);

    let soql = "SELECT LastName FROM Contact WHERE IsDeleted = true";
    assert_eq!(org.query(soql).body["totalSize"], 0);
    assert_eq!(org.query_all(soql).body["records"][0]["LastName"], "Ames");
    org.pass(16 * 24 * 3_600);
    org.token = fresh_token(&mut org);
    assert_eq!(org.query_all(soql).body["totalSize"], 0, "the bin is emptied after 15 days");
}

fn fresh_token(org: &mut Org) -> String {
    let form =
        "grant_type=client_credentials&client_id=sandbox-client&client_secret=sandbox-secret".to_owned();
    let login = org.send(concord_sandbox::crm::Caller::Api, "POST", "/services/oauth2/token", &[], form);
    login.body["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn replication_windows_have_whole_minutes_and_say_how_far_they_go() {
    let mut org = five();
    org.api("DELETE", "/sobjects/Contact/003000000000002", &Value::Null);
    org.pass(90);
    let window = |what: &str, start: &str, end: &str| {
        format!("/sobjects/Contact/{what}/?start={}&end={}", encoded(start), encoded(end))
    };

    let updated = org.get(&window("updated", "2026-03-02T12:00:45Z", "2026-03-02T12:01:59+00:00"));
    let ids: Vec<String> = (3..=6).map(|n| format!("00300000000000{n}AAA")).collect();
    assert_eq!(updated.body, json!({"ids": ids, "latestDateCovered": "2026-03-02T12:01:00.000+0000"}));

    let deleted = org.get(&window("deleted", "2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z"));
    let told = json!({
        "deletedRecords": [{"id": "003000000000002AAA", "deletedDate": "2026-03-02T12:00:50.000+0000"}],
        "earliestDateAvailable": "2026-02-15T12:02:20.000+0000",
        "latestDateCovered": "2026-03-02T12:02:00.000+0000",
    });
    assert_eq!(deleted.body, told);

    for (start, end) in [
        ("2026-03-02T12:00:10Z", "2026-03-02T12:00:50Z"),
        ("2026-01-02T12:00:00Z", "2026-03-02T12:00:00Z"),
        ("2026-03-02", "2026-03-03"),
    ] {
        let refused = org.get(&window("updated", start, end));
        assert_eq!(
            (refused.status, refused.body[0]["errorCode"].clone()),
            (400, json!("INVALID_REPLICATION_DATE"))
        );
    }
}

#[test]
fn twenty_thousand_records_are_walked_by_their_stamps_and_found_by_their_keys() {
    let mut org = Org::new();
    for call in 0..100 {
        let row = |n: u32| {
            let n = call * 200 + n;
            json!({
                "attributes": {"type": "Contact"}, "LastName": format!("n{n}"),
                "Email": format!("p{n}@x.example"), "Concord_Id__c": format!("K{n}"),
            })
        };
        let rows: Vec<Value> = (0..200).map(row).collect();
        org.api("POST", "/composite/sobjects", &json!({"records": rows}));
        org.pass(1);
    }

    // A scan for each of these would read 40 million records and take minutes.
    for n in 0..1_000 {
        let key = n * 19;
        let soql =
            format!("SELECT Id FROM Contact WHERE Email = 'P{key}@x.example' OR Concord_Id__c IN ('k{key}')");
        assert_eq!(org.query(&soql).body["totalSize"], 1);
        let soql = "SELECT Id FROM Contact WHERE SystemModstamp >= 2026-03-02T12:01:39Z ORDER BY SystemModstamp, Id LIMIT 2";
        assert_eq!(org.query(soql).body["totalSize"], 2);
    }
}
