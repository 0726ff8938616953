//! HubSpot's answers: any bytes, as the answers to a real call of the real client.

use std::collections::BTreeMap;

use std::sync::Arc;

use concord_core::names::{LinkId, ObjectName, RecordId, Token, WireName};
use concord_core::port::{Crm as _, Failure, Listing, ObjectSpec, Operation, Outcome, Page, Write};
use concord_core::row::{Reading, Versions};
use concord_core::value::{Presence, Raw};
use concord_crm::hubspot::{AppId, Auth, Config, Family, HubSpot, PortalId, PropertyNames, Secret};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::Verdict;
use crate::evidence::{Evidence, outcome_tells_no_value, tells_no_value};
use crate::tape::{NOW, Played, Tape, run};

/// Search may be this far behind, so nothing that is younger counts as listed.
const INDEX_LAG: SignedDuration = SignedDuration::from_secs(60);
/// Pages that one listing is followed for.
const PAGES_MAX: usize = 50;
const HOST: &str = "hub.test";
const IDS: [&str; 3] = ["101", "102", "103"];

type Client = HubSpot<Tape>;
type Judge = fn(&Client, &Tape) -> Verdict;

const CALLS: [(&str, Judge); 11] = [
    ("read", read),
    ("write", write),
    ("write-many", write_many),
    ("find", find),
    ("find-domain", find_domain),
    ("list-changed", list_changed),
    ("list-all", list_all),
    ("list-archived", list_archived),
    ("schema", schema),
    ("associations", associations),
    ("login", login),
];

/// Whatever is answered: every record that was asked about has one answer, in order; nothing is found, missing,
/// blank, done or listed that no answer said was so; failures repeat no values; and the token goes nowhere else.
///
/// # Panics
/// If it is not so.
#[must_use]
pub fn hubspot_answers(data: &[u8]) -> Verdict {
    let tape = Tape::of(data);
    let judge = tape.one_of(&CALLS);
    let verdict = judge(&client(&tape, Auth::Bearer(Secret::new("pat"))), &tape);
    assert!(tape.played().iter().all(|played| played.authority == HOST), "the token went to another host");
    verdict
}

fn client(tape: &Tape, auth: Auth) -> Client {
    let now: Timestamp = NOW.parse().unwrap();
    let config = Config {
        base: format!("https://{HOST}"),
        family: Family::default(),
        auth,
        app: AppId(7001),
        portal: PortalId(4242),
        names: PropertyNames::default(),
        clock: Arc::new(move || now),
    };
    HubSpot::new(tape.clone(), config)
}

fn read(client: &Client, tape: &Tape) -> Verdict {
    let ids = IDS.map(RecordId::from);
    let read = run(client.read(&contacts(), &ids));
    let played = tape.played();
    let evidence = Evidence::of(&played);
    let readings = match read {
        Ok(readings) => readings,
        Err(failure) => return refused(&failure),
    };
    assert_eq!(readings.len(), ids.len());
    for (id, reading) in ids.iter().zip(&readings) {
        match reading {
            Reading::Row(row) => {
                assert_eq!(row.id, *id, "another record");
                assert!(matches!(row.versions, Versions::History(_)));
                let records = evidence.records("id", id.as_str());
                let properties: Vec<_> =
                    records.iter().filter_map(|record| record.get("properties")?.as_object()).collect();
                // A record without properties shows nothing at all.
                let nothing = serde_json::Map::new();
                let shown =
                    if properties.is_empty() && !records.is_empty() { vec![&nothing] } else { properties };
                evidence.proves(row, &contacts().fields, &shown);
            }
            Reading::MergedInto(winner) => assert!(is_id(winner) && winner != id, "merged into {winner:?}"),
            Reading::NotFound => {
                assert!(played.iter().any(says_not_found), "nobody said that {id} is not there");
            }
        }
    }
    Verdict::Taken
}

/// HubSpot's 404 and no other: a proxy has its own page for what it does not find.
fn says_not_found(played: &Played) -> bool {
    let body = played.json().unwrap_or_default();
    played.status == 404
        && (body["status"] == "error"
            || body["category"] == "OBJECT_NOT_FOUND"
            || played.headers.contains_key("x-hubspot-notfound"))
}

fn write(client: &Client, tape: &Tape) -> Verdict {
    let writes = [
        attempt(1, Operation::Insert { values: values() }),
        attempt(2, update(IDS[1])),
        attempt(3, Operation::Archive { id: IDS[2].into() }),
    ];
    outcomes(client, tape, &writes)
}

fn write_many(client: &Client, tape: &Tape) -> Verdict {
    let inserts = (4..6).map(|token| attempt(token, Operation::Insert { values: values() }));
    let writes: Vec<Write> =
        IDS.iter().zip(1..).map(|(id, token)| attempt(token, update(id))).chain(inserts).collect();
    outcomes(client, tape, &writes)
}

fn outcomes(client: &Client, tape: &Tape, writes: &[Write]) -> Verdict {
    let outcomes = run(client.write(&contacts(), writes));
    let played = tape.played();
    assert_eq!(outcomes.len(), writes.len());
    outcomes.iter().for_each(outcome_tells_no_value);
    for (write, outcome) in writes.iter().zip(&outcomes) {
        let (verb, asked) = match &write.operation {
            Operation::Insert { .. } => ("batch/create", None),
            Operation::Update { id, .. } => ("batch/update", Some(id)),
            Operation::Archive { id } | Operation::Undelete { id } => ("batch/archive", Some(id)),
            Operation::Purge { id } => ("gdpr-delete", Some(id)),
        };
        let answers: Vec<Played> =
            played.iter().filter(|played| played.path.ends_with(verb)).cloned().collect();
        match outcome {
            Outcome::Done(id) => was_done(id, asked, &answers),
            Outcome::Duplicate(holder) => assert!(holder.as_ref().is_none_or(is_id), "{holder:?}"),
            Outcome::Gone => {
                let said = |played: &Played| says_not_found(played) || names_missing(played);
                assert!(answers.iter().any(said), "nobody said that {asked:?} is gone");
            }
            Outcome::Moved => panic!("HubSpot has no precondition"),
            Outcome::Failed(_) => {}
        }
    }
    Verdict::from(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Done(_))))
}

/// A 2xx to the very call; for what is made or changed, one whose results have the record.
fn was_done(id: &RecordId, asked: Option<&RecordId>, answers: &[Played]) {
    assert!(is_id(id), "done to {id:?}");
    assert!(asked.is_none_or(|asked| asked == id), "done to {id} instead of {asked:?}");
    let done = answers.iter().filter(|played| played.is_success()).any(|played| {
        let Some(body) = played.json() else { return played.body.is_empty() };
        let results = body["results"].as_array();
        let archived = played.path.ends_with("batch/archive");
        results.is_some_and(|results| archived || results.iter().any(|one| has_id(&one["id"], id)))
    });
    assert!(done, "{id} is done, which no answer says");
}

fn names_missing(played: &Played) -> bool {
    let body = played.json().unwrap_or_default();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    played.is_success() && errors.iter().any(|error| error["category"] == "OBJECT_NOT_FOUND")
}

fn find(client: &Client, tape: &Tape) -> Verdict {
    found(client, tape, &contacts(), "email", &["Ada@Example.com", "", "bo@example.com"])
}

fn find_domain(client: &Client, tape: &Tape) -> Verdict {
    found(client, tape, &companies(), "domain", &["example.com", "example.org"])
}

fn found(client: &Client, tape: &Tape, spec: &ObjectSpec, field: &str, values: &[&str]) -> Verdict {
    let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
    let found = match run(client.find(spec, &field.into(), &values)) {
        Ok(found) => found,
        Err(failure) => return refused(&failure),
    };
    let played = tape.played();
    // That nobody holds a value lets a record be made: only a whole list of results says so.
    assert!(played.iter().all(is_list), "an answer without results was read as none");
    let evidence = Evidence::of(&played);
    assert_eq!(found.len(), values.len());
    for (value, found) in values.iter().zip(&found) {
        for id in &found.ids {
            assert!(is_id(id), "found {id:?}");
            let held =
                |text: &str| text.split(';').any(|held| held.trim().to_lowercase() == value.to_lowercase());
            let holds = evidence.records("id", id.as_str()).into_iter().any(|record| {
                let properties = record.get("properties").and_then(Value::as_object);
                properties.into_iter().flatten().any(|(_, text)| text.as_str().is_some_and(held))
            });
            assert!(holds, "{id} was found by a value that it does not hold");
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

/// A page that is no list of results would let a cursor pass what it never showed (I39).
fn is_shown(page: &Page, played: Option<&Played>) {
    assert!(played.is_some_and(is_list), "an answer without results was read as a page");
    let now: Timestamp = NOW.parse().unwrap();
    let date = played.and_then(|played| played.headers.get("date")?.to_str().ok()).map(str::to_owned);
    if date.is_some_and(|date| date == "Mon, 05 Jan 2026 10:00:30 GMT") {
        assert!(page.complete_until <= now - INDEX_LAG, "complete until a moment that is not indexed yet");
    }
    for row in &page.rows {
        assert!(is_id(&row.id), "listed {:?}", row.id);
        assert_eq!(row.versions, Versions::Listed);
    }
}

fn schema(client: &Client, tape: &Tape) -> Verdict {
    match run(client.schema(&"contacts".into())) {
        Ok(schema) => {
            assert!(tape.played().iter().all(is_list), "a schema without definitions");
            assert!(schema.fields.keys().all(|name| !name.as_str().is_empty()), "a field without a name");
            Verdict::Taken
        }
        Err(failure) => refused(&failure),
    }
}

fn associations(client: &Client, tape: &Tape) -> Verdict {
    let ids = IDS.map(RecordId::from);
    match run(client.associations(&"contacts".into(), &"companies".into(), &ids)) {
        Ok(associated) => {
            assert!(tape.played().iter().all(is_list), "an answer without results was read as none");
            assert!(associated.iter().map(|one| &one.from).eq(&ids));
            let ends = associated.iter().flat_map(|one| &one.to);
            assert!(ends.clone().all(|end| is_id(&end.to)), "associated with no record");
            Verdict::Taken
        }
        Err(failure) => refused(&failure),
    }
}

fn login(_: &Client, tape: &Tape) -> Verdict {
    const SECRETS: [&str; 2] = ["hush-client", "hush-refresh"];
    let auth = Auth::OAuth {
        client_id: "app".to_owned(),
        client_secret: Secret::new(SECRETS[0]),
        refresh_token: Secret::new(SECRETS[1]),
    };
    match run(client(tape, auth).read(&contacts(), &[])) {
        Ok(readings) => assert!(readings.is_empty()),
        Err(failure) => panic!("nothing was asked for: {failure}"),
    }
    let auth = Auth::OAuth {
        client_id: "app".to_owned(),
        client_secret: Secret::new(SECRETS[0]),
        refresh_token: Secret::new(SECRETS[1]),
    };
    match run(client(tape, auth).schema(&"contacts".into())) {
        Ok(_) => Verdict::Taken,
        Err(failure) => {
            let said = failure.to_string();
            assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "a failure repeats a secret");
            refused(&failure)
        }
    }
}

fn refused(failure: &Failure) -> Verdict {
    tells_no_value(failure);
    Verdict::Refused
}

/// A 2xx with an object that has results: the one form in which HubSpot lists anything.
fn is_list(played: &Played) -> bool {
    played.is_success() && played.json().is_some_and(|body| body.is_object() && body["results"].is_array())
}

fn is_id(id: &RecordId) -> bool {
    !id.as_str().is_empty() && id.as_str().bytes().all(|byte| byte.is_ascii_digit())
}

fn has_id(value: &Value, id: &RecordId) -> bool {
    value.as_str() == Some(id.as_str())
        || value.as_number().is_some_and(|number| number.to_string() == id.as_str())
}

fn contacts() -> ObjectSpec {
    spec("contact", "contacts", &["email", "firstname"])
}

fn companies() -> ObjectSpec {
    spec("company", "companies", &["domain", "name"])
}

fn spec(object: &str, wire: &str, fields: &[&str]) -> ObjectSpec {
    let fields = fields.iter().map(|&field| WireName::from(field)).collect();
    ObjectSpec {
        object: ObjectName::from(object),
        wire: wire.into(),
        fields,
        lead: None,
        roles: BTreeMap::new(),
    }
}

fn values() -> Vec<(WireName, Presence<Raw>)> {
    vec![
        ("email".into(), Presence::Value(Raw::Text("ada@example.com".to_owned()))),
        ("firstname".into(), Presence::Blank),
    ]
}

fn update(id: &str) -> Operation {
    Operation::Update { id: id.into(), values: values(), unmodified_since: None }
}

fn attempt(token: u64, operation: Operation) -> Write {
    Write { link: LinkId::new(format!("link-{token}")), token: Token(token), operation }
}
