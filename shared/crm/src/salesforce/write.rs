//! Writing: single rows under their precondition side by side, everything else in collections.

use std::collections::BTreeMap;

use concord_core::names::RecordId;
use concord_core::port::{Failure, ObjectSpec, Outcome, Write};
use futures_util::{StreamExt as _, stream};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, refusals, unreadable};
use super::id::canonical;
use super::login::Session;
use super::outcome::{Attempted, of_call, of_row};
use super::plan::{Guarded, Plan, Sent, plan};
use super::request::{self, WRITE_HEADERS, data_path};
use super::{Salesforce, soap};
use crate::transport::Transport;

/// Records of one collections call, and ids of one SOAP call (REST guide, sObject Collections; SOAP guide,
/// `undelete()`).
const COLLECTION_RECORDS_MAX: usize = 200;
/// Collections calls in one composite call. Of its 25 subrequests 5 may be collections (unverified).
const COMPOSITE_COLLECTIONS_MAX: usize = 5;
/// Single-row calls under way at once. Ours: Salesforce limits only calls longer than 20 s, to 25 for the whole
/// org (limits cheat sheet), and if all of ours grew that long, five must be left for others.
const PARALLEL_CALLS_MAX: usize = 20;

type Outcomes = BTreeMap<usize, Outcome>;

pub(super) async fn write<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    writes: &[Write],
) -> Vec<Outcome> {
    let plan = plan(&client.config, spec, writes);
    let mut outcomes = Outcomes::new();
    if plan.refused.len() < writes.len() {
        match client.login().await {
            Ok(session) => send(client, &session, spec, &plan, &mut outcomes).await,
            Err(failure) => {
                outcomes.extend((0..writes.len()).map(|at| (at, Outcome::Failed(failure.clone()))))
            }
        }
    }
    outcomes.extend(plan.refused.into_iter().map(|refused| (refused.at, refused.what)));
    let forgotten = || Outcome::Failed(Failure::Bug { reason: "a write was not sent".to_owned() });
    (0..writes.len()).map(|at| outcomes.remove(&at).unwrap_or_else(forgotten)).collect()
}

async fn send<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    spec: &ObjectSpec,
    plan: &Plan,
    outcomes: &mut Outcomes,
) {
    let calls: Vec<_> = plan.guarded.iter().map(|write| guarded(client, session, spec, write)).collect();
    let calls: Vec<(usize, Outcome)> = stream::iter(calls).buffered(PARALLEL_CALLS_MAX).collect().await;
    outcomes.extend(calls);
    collections(client, session, &Method::PATCH, Attempted::Existing, &plan.updates, outcomes).await;
    collections(client, session, &Method::POST, Attempted::Insert, &plan.inserts, outcomes).await;
    for chunk in plan.archives.chunks(COLLECTION_RECORDS_MAX) {
        let answer = archive(client, session, chunk).await;
        settle(Attempted::Existing, chunk, answer, outcomes);
    }
    for chunk in plan.undeletes.chunks(COLLECTION_RECORDS_MAX) {
        let answer = soap::call(client, session, soap::Verb::Undelete, &ids(chunk)).await;
        settle(Attempted::Existing, chunk, answer, outcomes);
    }
    for chunk in plan.purges.chunks(COLLECTION_RECORDS_MAX) {
        purge(client, session, chunk, outcomes).await;
    }
}

/// Changes rows, makes rows and deletes rows, without preconditions. One outcome for each.
pub(super) async fn rows<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    [changed, made]: [&[Sent<Value>]; 2],
    deleted: &[Sent<RecordId>],
) -> Vec<(usize, Outcome)> {
    let mut outcomes = Outcomes::new();
    let placed = |rows: &[Sent<Value>], from: usize| -> Vec<Sent<Value>> {
        rows.iter().zip(from..).map(|(row, at)| Sent { at, what: row.what.clone() }).collect()
    };
    let existing = Attempted::Existing;
    collections(client, session, &Method::PATCH, existing, &placed(changed, 0), &mut outcomes).await;
    let new = placed(made, changed.len());
    collections(client, session, &Method::POST, Attempted::Insert, &new, &mut outcomes).await;
    let gone: Vec<Sent<RecordId>> = deleted
        .iter()
        .zip(changed.len() + made.len()..)
        .map(|(row, at)| Sent { at, what: row.what.clone() })
        .collect();
    for chunk in gone.chunks(COLLECTION_RECORDS_MAX) {
        let answer = archive(client, session, chunk).await;
        settle(Attempted::Existing, chunk, answer, &mut outcomes);
    }
    let of = changed.iter().chain(made).map(|row| row.at).chain(deleted.iter().map(|row| row.at));
    of.enumerate().filter_map(|(at, of)| Some((of, outcomes.remove(&at)?))).collect()
}

/// Into the bin, and out of it for good. What is in the bin already counts as put there.
async fn purge<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    chunk: &[Sent<RecordId>],
    outcomes: &mut Outcomes,
) {
    let answer = archive(client, session, chunk).await;
    settle(Attempted::Existing, chunk, answer, outcomes);
    let binned = |record: &&Sent<RecordId>| match outcomes.get(&record.at) {
        Some(Outcome::Done(_) | Outcome::Gone) => true,
        Some(Outcome::Duplicate(_) | Outcome::Moved | Outcome::Failed(_)) | None => false,
    };
    let binned: Vec<Sent<RecordId>> = chunk.iter().filter(binned).cloned().collect();
    if !binned.is_empty() {
        let answer = soap::call(client, session, soap::Verb::EmptyRecycleBin, &ids(&binned)).await;
        settle(Attempted::Existing, &binned, answer, outcomes);
    }
}

fn ids(chunk: &[Sent<RecordId>]) -> Vec<RecordId> {
    chunk.iter().map(|record| record.what.clone()).collect()
}

async fn guarded<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    spec: &ObjectSpec,
    write: &Guarded,
) -> (usize, Outcome) {
    let path = format!("/sobjects/{}/{}", spec.wire, write.id);
    let headers = [("If-Unmodified-Since", write.unmodified_since.as_str())];
    let answer = match request::write(session, Method::PATCH, &path, &headers, Some(&write.body)) {
        Ok(request) => client.call(session, request).await,
        Err(failure) => Err(failure),
    };
    let outcome = match answer {
        Ok(answer) if answer.status.is_success() => match says_done(&answer) {
            true => Outcome::Done(write.id.clone()),
            false => Outcome::Failed(unreadable("ANSWER_IS_NOT_WHAT_WAS_ASKED_FOR")),
        },
        Ok(answer) => of_call(&answer),
        Err(failure) => Outcome::Failed(failure),
    };
    (write.at, outcome)
}

/// A row that was changed is answered without a body, or with its result. A proxy's page under a 200 is neither.
fn says_done(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Changed {
        success: bool,
    }
    answer.body.trim_ascii().is_empty() || answer.object().is_ok_and(|Changed { success }| success)
}

/// Writes records 200 at a time; several times 200 through composite, which counts as one call.
async fn collections<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    method: &Method,
    attempted: Attempted,
    records: &[Sent<Value>],
    outcomes: &mut Outcomes,
) {
    for group in records.chunks(COLLECTION_RECORDS_MAX * COMPOSITE_COLLECTIONS_MAX) {
        let chunks: Vec<&[Sent<Value>]> = group.chunks(COLLECTION_RECORDS_MAX).collect();
        let answers = match chunks.as_slice() {
            [only] => vec![collection(client, session, method, only).await],
            several => match composite(client, session, method, several).await {
                Ok(answers) => answers,
                Err(failure) => vec![Err(failure); several.len()],
            },
        };
        for (chunk, answer) in chunks.into_iter().zip(answers) {
            settle(attempted, chunk, answer, outcomes);
        }
    }
}

fn collection_body(chunk: &[Sent<Value>]) -> Value {
    let records: Vec<&Value> = chunk.iter().map(|record| &record.what).collect();
    json!({ "allOrNone": false, "records": records })
}

async fn collection<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    method: &Method,
    chunk: &[Sent<Value>],
) -> Result<Vec<RowResult>, Failure> {
    let body = collection_body(chunk);
    let request = request::write(session, method.clone(), "/composite/sobjects", &[], Some(&body))?;
    row_results(&client.call(session, request).await?.list()?, chunk.len())
}

async fn archive<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    chunk: &[Sent<RecordId>],
) -> Result<Vec<RowResult>, Failure> {
    let ids: Vec<&str> = chunk.iter().map(|record| record.what.as_str()).collect();
    let path = format!("/composite/sobjects?ids={}&allOrNone=false", ids.join(","));
    let request = request::write(session, Method::DELETE, &path, &[], None)?;
    row_results(&client.call(session, request).await?.list()?, chunk.len())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Composite {
    composite_response: Vec<Subanswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subanswer {
    body: Value,
    http_status_code: u16,
}

async fn composite<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    method: &Method,
    chunks: &[&[Sent<Value>]],
) -> Result<Vec<Result<Vec<RowResult>, Failure>>, Failure> {
    let headers: serde_json::Map<String, Value> =
        WRITE_HEADERS.iter().map(|&(name, value)| (name.to_owned(), Value::from(value))).collect();
    let subrequests: Vec<Value> = chunks
        .iter()
        .enumerate()
        .map(|(at, chunk)| {
            json!({
                "method": method.as_str(),
                "url": data_path(session, "/composite/sobjects"),
                "referenceId": format!("part{at}"),
                "httpHeaders": headers,
                "body": collection_body(chunk),
            })
        })
        .collect();
    let body = json!({ "allOrNone": false, "compositeRequest": subrequests });
    let request = request::write(session, Method::POST, "/composite", &[], Some(&body))?;
    let answer: Composite = client.call(session, request).await?.object()?;
    if answer.composite_response.len() != chunks.len() {
        return Err(unreadable("ANSWER_OF_ANOTHER_LENGTH"));
    }
    let part = |(subanswer, chunk): (Subanswer, &&[Sent<Value>])| match subanswer.http_status_code {
        200..=299 => row_results(subanswer.body.as_array().map_or(&[], Vec::as_slice), chunk.len()),
        status => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            Err(super::classify::whole_call(status, &refusals(&subanswer.body)))
        }
    };
    Ok(answer.composite_response.into_iter().zip(chunks).map(part).collect())
}

/// What became of one row of a call that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowResult {
    Done(Option<RecordId>),
    Refused(Vec<Refusal>),
}

/// `[{"id", "success", "errors"}]`, one for each row, in order.
fn row_results(rows: &[Value], length: usize) -> Result<Vec<RowResult>, Failure> {
    if rows.len() != length {
        return Err(unreadable("ANSWER_OF_ANOTHER_LENGTH"));
    }
    rows.iter()
        .map(|row| match row.get("success").and_then(Value::as_bool) {
            Some(true) => Ok(RowResult::Done(row.get("id").and_then(Value::as_str).and_then(canonical))),
            Some(false) => Ok(RowResult::Refused(row.get("errors").map(refusals).unwrap_or_default())),
            None => Err(unreadable("ANSWER_IS_NOT_WHAT_WAS_ASKED_FOR")),
        })
        .collect()
}

/// Writes down the outcomes of one call.
fn settle<W: Named>(
    attempted: Attempted,
    sent: &[Sent<W>],
    answer: Result<Vec<RowResult>, Failure>,
    outcomes: &mut Outcomes,
) {
    match answer {
        Ok(rows) => {
            outcomes.extend(sent.iter().zip(rows).map(|(sent, row)| (sent.at, outcome(attempted, sent, row))))
        }
        Err(failure) => {
            outcomes.extend(sent.iter().map(|sent| (sent.at, Outcome::Failed(failure.clone()))));
        }
    }
}

fn outcome<W: Named>(attempted: Attempted, sent: &Sent<W>, row: RowResult) -> Outcome {
    match (row, sent.what.id()) {
        (RowResult::Refused(refusals), _) => of_row(attempted, &refusals),
        (RowResult::Done(Some(answered)), Some(asked)) if answered != asked => {
            Outcome::Failed(unreadable("ANSWER_IN_ANOTHER_ORDER"))
        }
        (RowResult::Done(_), Some(asked)) => Outcome::Done(asked),
        (RowResult::Done(Some(made)), None) => Outcome::Done(made),
        // It may have been made; the unique index on Concord's id tells at the next attempt.
        (RowResult::Done(None), None) => Outcome::Failed(unreadable("ANSWER_WITHOUT_ID")),
    }
}

/// Whether a write names its record: an insert does not.
trait Named {
    fn id(&self) -> Option<RecordId>;
}

impl Named for Value {
    fn id(&self) -> Option<RecordId> {
        self.get("id").and_then(Self::as_str).map(RecordId::from)
    }
}

impl Named for RecordId {
    fn id(&self) -> Option<RecordId> {
        Some(self.clone())
    }
}
