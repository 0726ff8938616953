//! Salesforce's answers: any bytes, as the answers to a real call of the real client.

use std::collections::BTreeMap;

use std::sync::Arc;

use concord_core::names::{LinkId, ObjectName, RecordId, Token, WireName};
use concord_core::port::{Crm as _, Failure, Listing, ObjectSpec, Operation, Outcome, Page, Write};
use concord_core::row::{Reading, Versions};
use concord_core::value::{Presence, Raw};
use concord_crm::salesforce::config::{Auth, Config, Secret};
use concord_crm::salesforce::{Salesforce, canonical_id};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Verdict;
use crate::evidence::{Evidence, outcome_tells_no_value, tells_no_value};
use crate::tape::{NOW, Played, Tape, run};

const HOST: &str = "na1.salesforce.com";
const US: &str = "0058M000000AbCdQAK";
/// Records of a write that needs several collections, and so a composite call: 200 go into one.
const MANY: usize = 201;
/// Pages that one listing is followed for.
const PAGES_MAX: usize = 50;

type Client = Salesforce<Tape>;
type Judge = fn(&Client, &Tape) -> Verdict;

const CALLS: [(&str, Judge); 13] = [
    ("read", read),
    ("update", update),
    ("update-unguarded", update_unguarded),
    ("insert", insert),
    ("insert-many", insert_many),
    ("archive", archive),
    ("undelete", undelete),
    ("find", find),
    ("list-changed", list_changed),
    ("list-all", list_all),
    ("list-archived", list_archived),
    ("schema", schema),
    ("deleted", deleted),
];

/// Whatever is answered: every record that was asked about has one answer, in order; nothing is found, missing,
/// blank, done or listed that no answer said was so; failures repeat no values; and the token goes nowhere else.
///
/// # Panics
/// If it is not so.
#[must_use]
pub fn salesforce_answers(data: &[u8]) -> Verdict {
    let tape = Tape::of(data);
    if tape.call == b"login" {
        return login(&tape);
    }
    let tape = tape.after(&json!({
        "access_token": "token",
        "instance_url": format!("https://{HOST}"),
        "id": format!("https://login.salesforce.com/id/00D7F00000107XsUAI/{US}"),
    }));
    let verdict = tape.one_of(&CALLS)(&client(&tape), &tape);
    // A refused session logs in anew, at the login's own address.
    let elsewhere = |played: &Played| played.authority != HOST && !played.path.ends_with("/oauth2/token");
    assert!(!tape.played().iter().any(elsewhere), "the token went to another host");
    verdict
}

fn client(tape: &Tape) -> Client {
    let auth = Auth::ClientCredentials { client_id: "key".to_owned(), client_secret: Secret::new("hush") };
    let config = Config::new("https://acme.my.salesforce.com", auth, Arc::new(|| NOW.parse().unwrap()));
    Salesforce::new(config, tape.clone())
}

fn login(tape: &Tape) -> Verdict {
    match run(client(tape).schema(&"Contact".into())) {
        Ok(_) => Verdict::Taken,
        Err(failure) => {
            assert!(!failure.to_string().contains("hush"), "a failure repeats a secret");
            refused(&failure)
        }
    }
}

fn read(client: &Client, tape: &Tape) -> Verdict {
    let ids = [id(1), id(2), id(3)];
    let readings = match run(client.read(&contacts(), &ids)) {
        Ok(readings) => readings,
        Err(failure) => return refused(&failure),
    };
    let played = tape.played();
    let evidence = Evidence::of(&played);
    assert_eq!(readings.len(), ids.len());
    for (id, reading) in ids.iter().zip(&readings) {
        // Ids are told in either of their forms.
        let mut records = evidence.records("Id", id.as_str());
        records.extend(evidence.records("Id", &id.as_str()[..15]));
        match reading {
            Reading::Row(row) => {
                assert_eq!(row.id, *id, "another record");
                assert!(matches!(row.versions, Versions::Stamp { .. }));
                evidence.proves(row, &contacts().fields, &records);
            }
            Reading::MergedInto(winner) => {
                assert!(is_id(winner) && winner != id, "merged into {winner:?}");
                assert!(records.iter().any(|record| record.get("IsDeleted") == Some(&Value::Bool(true))));
            }
            Reading::NotFound => {
                let said = |played: &Played| played.path.contains("/queryAll") && is_page(played);
                assert!(played.iter().any(said), "nobody said that {id} is not there");
            }
        }
    }
    Verdict::Taken
}

fn update(client: &Client, tape: &Tape) -> Verdict {
    let since: Timestamp = "2026-01-05T09:59:00Z".parse().unwrap();
    outcomes(client, tape, &[attempt(1, changed(1, Some(since))), attempt(2, changed(2, Some(since)))])
}

fn update_unguarded(client: &Client, tape: &Tape) -> Verdict {
    outcomes(client, tape, &[attempt(1, changed(1, None)), attempt(2, changed(2, None))])
}

fn insert(client: &Client, tape: &Tape) -> Verdict {
    let new = || Operation::Insert { values: values() };
    outcomes(client, tape, &[attempt(1, new()), attempt(2, new())])
}

fn insert_many(client: &Client, tape: &Tape) -> Verdict {
    let writes: Vec<Write> =
        (1..).take(MANY).map(|token| attempt(token, Operation::Insert { values: values() })).collect();
    outcomes(client, tape, &writes)
}

fn archive(client: &Client, tape: &Tape) -> Verdict {
    outcomes(client, tape, &[attempt(1, Operation::Archive { id: id(1) })])
}

fn undelete(client: &Client, tape: &Tape) -> Verdict {
    let undelete = |n| attempt(u64::from(n), Operation::Undelete { id: id(n) });
    outcomes(client, tape, &[undelete(1), undelete(2)])
}

fn outcomes(client: &Client, tape: &Tape, writes: &[Write]) -> Verdict {
    let outcomes = run(client.write(&contacts(), writes));
    let played = tape.played();
    assert_eq!(outcomes.len(), writes.len());
    outcomes.iter().for_each(outcome_tells_no_value);
    for (write, outcome) in writes.iter().zip(&outcomes) {
        match outcome {
            Outcome::Done(done) => was_done(done, &write.operation, &played),
            Outcome::Duplicate(holder) => assert!(holder.as_ref().is_none_or(is_id), "{holder:?}"),
            Outcome::Moved => assert!(
                played.iter().any(|played| played.status == 412 || says_code(played)),
                "nobody said that the row has moved"
            ),
            Outcome::Gone => assert!(played.iter().any(says_code), "nobody said that the record is gone"),
            Outcome::Failed(_) => {}
        }
    }
    Verdict::from(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Done(_))))
}

/// A refusal in one of Salesforce's forms: a code in JSON, or in SOAP.
fn says_code(played: &Played) -> bool {
    let text = String::from_utf8_lossy(&played.body);
    match played.json() {
        Some(_) => text.contains("errorCode") || text.contains("statusCode"),
        None => text.contains("statusCode"),
    }
}

/// A 2xx to the very call that says so: no body for a single row, else a success with the record's id.
fn was_done(done: &RecordId, operation: &Operation, played: &[Played]) {
    assert!(is_id(done), "done to {done:?}");
    let answers = played.iter().filter(|played| played.is_success());
    let says = match operation {
        Operation::Insert { .. } => {
            let mut bodies = answers.filter_map(Played::json);
            bodies.any(|body| succeeded(&body, |id| canonical_id(id).as_ref() == Some(done)))
        }
        Operation::Update { id, unmodified_since: Some(_), .. } => {
            assert_eq!(done, id);
            let mut own = answers.filter(|played| played.path.ends_with(id.as_str()));
            own.any(|played| {
                played.body.trim_ascii().is_empty()
                    || played.json().is_some_and(|body| body["success"] == true)
            })
        }
        Operation::Update { id, .. } | Operation::Archive { id } => {
            assert_eq!(done, id);
            let mut bodies =
                answers.filter(|played| played.path.contains("/composite")).filter_map(Played::json);
            bodies.any(|body| succeeded(&body, |_| true))
        }
        Operation::Undelete { id } => {
            assert_eq!(done, id);
            answers.into_iter().any(|played| says_true(played, "undeleteResponse"))
        }
        Operation::Purge { id } => {
            assert_eq!(done, id);
            answers.into_iter().any(|played| says_true(played, "emptyRecycleBinResponse"))
        }
    };
    assert!(says, "{done} is done, which no answer says");
}

/// A success in the answer to a SOAP call.
fn says_true(played: &Played, response: &str) -> bool {
    let text = String::from_utf8_lossy(&played.body).into_owned();
    text.contains(response) && text.contains("true") && !text.contains("<!DOCTYPE")
}

/// Whether some row of a collections answer, which may be within a composite one, is a success with this id.
fn succeeded(body: &Value, is: impl Fn(&str) -> bool + Copy) -> bool {
    let rows = body.as_array().into_iter().flatten();
    let row = |row: &Value| row["success"] == true && row["id"].as_str().is_none_or(is);
    let parts = body["compositeResponse"].as_array().into_iter().flatten();
    rows.into_iter().any(row)
        || parts.into_iter().any(|part| part["body"].is_array() && succeeded(&part["body"], is))
}

fn find(client: &Client, tape: &Tape) -> Verdict {
    let values = ["Ada@Example.com", " ", "bo@example.com"].map(str::to_owned);
    let found = match run(client.find(&contacts(), &"Email".into(), &values)) {
        Ok(found) => found,
        Err(failure) => return refused(&failure),
    };
    let played = tape.played();
    // That nobody holds a value lets a record be made: only a whole answer says so.
    assert!(!played.is_empty() && played.iter().all(is_page), "an answer without rows was read as none");
    let evidence = Evidence::of(&played);
    assert_eq!(found.len(), values.len());
    for (value, found) in values.iter().zip(&found) {
        for id in &found.ids {
            assert!(is_id(id), "found {id:?}");
            let mut records = evidence.records("Id", id.as_str());
            records.extend(evidence.records("Id", &id.as_str()[..15]));
            let mut held = records.iter().filter_map(|record| record.get("Email")?.as_str());
            let same = |held: &str| held.to_lowercase() == value.to_lowercase();
            assert!(held.any(same), "{id} was found by a value that it does not hold");
        }
    }
    Verdict::Taken
}

fn list_changed(client: &Client, tape: &Tape) -> Verdict {
    listed(client, tape, &Listing::Changed { since: Timestamp::UNIX_EPOCH })
}

fn list_all(client: &Client, tape: &Tape) -> Verdict {
    listed(client, tape, &Listing::All)
}

fn list_archived(client: &Client, tape: &Tape) -> Verdict {
    listed(client, tape, &Listing::Archived { since: Timestamp::UNIX_EPOCH })
}

fn listed(client: &Client, tape: &Tape, listing: &Listing) -> Verdict {
    let mut mark = None;
    for _ in 0..PAGES_MAX {
        let page = match run(client.list(&contacts(), listing, mark.as_ref())) {
            Ok(page) => page,
            Err(failure) => {
                let own = !failure.to_string().contains("page mark");
                assert!(own, "its own mark was not read: {failure}");
                return refused(&failure);
            }
        };
        is_shown(&page, tape.played().last());
        match page.next {
            None => return Verdict::Taken,
            Some(next) => {
                assert_ne!(Some(&next), mark.as_ref(), "a page that points to itself");
                mark = Some(next);
            }
        }
    }
    panic!("a listing outlived its tape");
}

/// A page that is no list of rows would let a cursor pass what it never showed (I39).
fn is_shown(page: &Page, played: Option<&Played>) {
    assert!(played.is_some_and(is_page), "an answer without rows was read as a page");
    for row in &page.rows {
        assert!(is_id(&row.id), "listed {:?}", row.id);
        assert_eq!(row.versions, Versions::Listed);
    }
}

fn schema(client: &Client, tape: &Tape) -> Verdict {
    match run(client.schema(&"Contact".into())) {
        Ok(schema) => {
            let told = tape.played().last().and_then(Played::json).unwrap_or_default();
            assert!(told["fields"].is_array(), "a schema without fields was read as an empty one");
            assert!(schema.fields.keys().all(|name| !name.as_str().is_empty()), "a field without a name");
            Verdict::Taken
        }
        Err(failure) => refused(&failure),
    }
}

fn deleted(client: &Client, tape: &Tape) -> Verdict {
    let until: Timestamp = NOW.parse().unwrap();
    match run(client.deleted(&"Contact".into(), Timestamp::UNIX_EPOCH, until)) {
        Ok(deletions) => {
            let told = tape.played().last().and_then(Played::json).unwrap_or_default();
            assert!(told["deletedRecords"].is_array(), "an answer without a list was read as none");
            assert!(deletions.records.iter().all(|record| is_id(&record.id)));
            Verdict::Taken
        }
        Err(failure) => refused(&failure),
    }
}

fn refused(failure: &Failure) -> Verdict {
    tells_no_value(failure);
    Verdict::Refused
}

/// A 2xx with an object that has rows: the one form in which a query is answered.
fn is_page(played: &Played) -> bool {
    let body = played.json().unwrap_or_default();
    played.is_success() && body.is_object() && body["records"].is_array() && body["done"].is_boolean()
}

fn is_id(id: &RecordId) -> bool {
    canonical_id(id.as_str()).as_ref() == Some(id)
}

/// The contact of this number, up to 9.
fn id(number: u8) -> RecordId {
    canonical_id(&format!("00300000000000{number}")).unwrap()
}

fn contacts() -> ObjectSpec {
    let fields = ["Email", "LastName", "Score__c"].map(WireName::from).to_vec();
    ObjectSpec {
        object: ObjectName::from("contact"),
        wire: "Contact".into(),
        fields,
        lead: None,
        roles: BTreeMap::new(),
    }
}

fn values() -> Vec<(WireName, Presence<Raw>)> {
    vec![("Email".into(), Presence::Value(Raw::Text("ada@example.com".to_owned())))]
}

fn changed(number: u8, unmodified_since: Option<Timestamp>) -> Operation {
    Operation::Update { id: id(number), values: values(), unmodified_since }
}

fn attempt(token: u64, operation: Operation) -> Write {
    Write { link: LinkId::new(format!("link-{token}")), token: Token(token), operation }
}
