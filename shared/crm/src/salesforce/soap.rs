//! SOAP, for what REST has not: taking records out of the bin, and removing them from it for good (SOAP guide, `undelete()`,
//! `emptyRecycleBin()`).

use bytes::Bytes;
use concord_core::names::RecordId;
use concord_core::port::Failure;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use quick_xml::escape::escape;

use super::Salesforce;
use super::answer::{Answer, Refusal, unreadable};
use super::classify;
use super::id::canonical;
use super::login::Session;
use super::write::RowResult;
use super::xml::{Element, parse};
use crate::transport::Transport;

/// What is done to records in the bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// They come back.
    Undelete,
    /// They go for good: those that the login may delete, wherever it may query them.
    EmptyRecycleBin,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Undelete => "undelete",
            Self::EmptyRecycleBin => "emptyRecycleBin",
        }
    }
}

/// Does it to these records; one result each, in order. At most 200.
pub(super) async fn call<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    verb: Verb,
    ids: &[RecordId],
) -> Result<Vec<RowResult>, Failure> {
    results(&client.call(session, request(session, verb, ids)?).await?, verb, ids.len())
}

/// The session travels in the envelope; there is no bearer token and REST's headers do not apply.
fn request(session: &Session, verb: Verb, ids: &[RecordId]) -> Result<Request<Bytes>, Failure> {
    let verb = verb.name();
    let ids: String = ids.iter().map(|id| format!("<urn:ids>{}</urn:ids>", escape(id.as_str()))).collect();
    let envelope = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:urn=\"urn:partner.soap.sforce.com\"><soapenv:Header>\
         <urn:SessionHeader><urn:sessionId>{}</urn:sessionId></urn:SessionHeader>\
         <urn:CallOptions><urn:client>concord</urn:client></urn:CallOptions>\
         <urn:AllOrNoneHeader><urn:allOrNone>false</urn:allOrNone></urn:AllOrNoneHeader>\
         </soapenv:Header><soapenv:Body><urn:{verb}>{ids}</urn:{verb}></soapenv:Body></soapenv:Envelope>",
        escape(session.token().reveal())
    );
    Request::builder()
        .method(Method::POST)
        .uri(format!("{}/services/Soap/u/{}", session.instance_url, session.api_version))
        .header(CONTENT_TYPE, "text/xml; charset=UTF-8")
        .header("SOAPAction", format!("\"{verb}\""))
        .body(Bytes::from(envelope))
        .map_err(|_| Failure::Bug { reason: "the address of a call is no URL".to_owned() })
}

/// SOAP answers a refused session with 500 and a fault.
pub(super) fn refused_session(answer: &Answer) -> Option<Refusal> {
    let is_error = answer.status == StatusCode::INTERNAL_SERVER_ERROR;
    is_error.then(|| fault(answer)).flatten().filter(|fault| fault.code == "INVALID_SESSION_ID")
}

/// The fault in an answer, if it is SOAP and has one: `<faultcode>sf:INVALID_SESSION_ID</faultcode>`.
fn fault(answer: &Answer) -> Option<Refusal> {
    let root = body(answer)?;
    let fault = root.child("Body")?.child("Fault")?;
    let code = fault.text_of("faultcode")?;
    Some(Refusal {
        code: code.rsplit(':').next()?.to_owned(),
        fields: Vec::new(),
        message: fault.text_of("faultstring").unwrap_or_default().to_owned(),
        matches: Vec::new(),
    })
}

fn results(answer: &Answer, verb: Verb, length: usize) -> Result<Vec<RowResult>, Failure> {
    if !answer.status.is_success() {
        return Err(match fault(answer) {
            Some(fault) => classify::one(&fault),
            None => answer.failure(),
        });
    }
    let unlike = || unreadable("ANSWER_IS_NOT_WHAT_WAS_ASKED_FOR");
    let root = body(answer).ok_or_else(unlike)?;
    let named = format!("{}Response", verb.name());
    let response = root.child("Body").and_then(|body| body.child(&named)).ok_or_else(unlike)?;
    let rows = response.named("result").map(row).collect::<Option<Vec<_>>>().ok_or_else(unlike)?;
    match rows.len() == length {
        true => Ok(rows),
        false => Err(unreadable("ANSWER_OF_ANOTHER_LENGTH")),
    }
}

fn row(result: &Element) -> Option<RowResult> {
    match result.text_of("success")? {
        "true" => Some(RowResult::Done(result.text_of("id").and_then(canonical))),
        "false" => Some(RowResult::Refused(result.named("errors").map(refusal).collect())),
        _ => None,
    }
}

fn refusal(errors: &Element) -> Refusal {
    let text = |name| errors.text_of(name).unwrap_or_default().to_owned();
    Refusal {
        code: text("statusCode"),
        fields: errors.named("fields").map(|field| field.text.trim().to_owned()).collect(),
        message: text("message"),
        matches: Vec::new(),
    }
}

fn body(answer: &Answer) -> Option<Element> {
    let text = std::str::from_utf8(&answer.body).ok()?;
    text.trim_start().starts_with('<').then(|| parse(text).ok()).flatten()
}
