//! The partner SOAP API, for what REST cannot do: `undelete`, `merge`, `emptyRecycleBin`, `convertLead` (reference 1.12).

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Salesforce;
use super::answer::{Answer, Refusal};
use super::call::Call;
use super::change::Context;
use super::convert::Converted;
use super::id::Id;
use super::schema::{Field, Kind};
use super::xml::{self, Element, escaped};
use crate::crm::Caller;

/// Records in one undelete or emptyRecycleBin, merges in one merge call, and leads in one convertLead.
const REQUESTS_MAX: usize = 200;

/// The envelope of an operation, as a caller with this session sends it.
#[must_use]
pub fn soap_envelope(session: &str, operation: &str) -> String {
    format!(
        "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:urn=\"urn:partner.soap.sforce.com\"><soapenv:Header><urn:SessionHeader>\
         <urn:sessionId>{session}</urn:sessionId></urn:SessionHeader></soapenv:Header>\
         <soapenv:Body>{operation}</soapenv:Body></soapenv:Envelope>"
    )
}

impl Salesforce {
    /// `POST /services/Soap/u/{version}`
    pub(crate) fn soap(&mut self, now: Timestamp, caller: Caller, version: &str, call: &Call) -> Answer {
        let text = String::from_utf8_lossy(&call.body);
        let envelope = match xml::parse(&text) {
            Ok(envelope) => envelope,
            Err(reason) => return fault("soapenv:Client", &reason),
        };
        let session = envelope.find("SessionHeader").and_then(|header| header.child("sessionId"));
        let session = session.map(|session| session.text.trim().to_owned());
        let allowed =
            self.check_session(now, caller, session.as_deref()).and_then(|()| self.count_call(now, caller));
        if let Err(refusal) = allowed {
            return refused(&refusal);
        }
        let context = self.soap_context(now, caller, version, &envelope, call);
        let operation = envelope.child("Body").and_then(|body| body.children.first());
        let Some(operation) = operation else { return fault("soapenv:Client", "no operation in the body") };
        let results = match operation.name.as_str() {
            "undelete" => self.each_id(&context, operation, |machine, context, object, id| {
                machine.undelete(context, object, id)
            }),
            "emptyRecycleBin" => {
                self.each_id(&context, operation, |machine, _, object, id| machine.purge(object, id))
            }
            "merge" => self.merges(&context, operation),
            "convertLead" => self.conversions(&context, operation),
            other => return fault("soapenv:Client", &format!("No operation available for request {other}")),
        };
        match results {
            Ok(results) => answer(&operation.name, &results),
            Err(refusal) => refused(&refusal),
        }
    }

    fn soap_context(
        &self,
        now: Timestamp,
        caller: Caller,
        version: &str,
        envelope: &Element,
        call: &Call,
    ) -> Context {
        let mut context = self.context(now, caller, version, "soap", call);
        let client = envelope.find("CallOptions").and_then(|options| options.child("client"));
        match (caller, client) {
            (Caller::Api, Some(client)) => {
                context.origin = format!("com/salesforce/api/soap/{version};client={}", client.text.trim());
            }
            (Caller::Api, None) | (Caller::Person, _) => {}
        }
        context
    }

    /// One transaction; a record that is refused leaves the others alone.
    fn each_id(
        &mut self,
        context: &Context,
        operation: &Element,
        work: impl Fn(&mut Self, &Context, &'static str, &Id) -> Result<(), Refusal>,
    ) -> Result<Vec<String>, Refusal> {
        let ids: Vec<String> = operation.all("ids").map(|id| id.text.trim().to_owned()).collect();
        check_count(ids.len())?;
        self.atomically(context, |machine| {
            let line = |text: &String| {
                let done = machine.atomically(context, |machine| {
                    let (object, id) = machine.typed_id(text)?;
                    work(machine, context, object, &id)?;
                    Ok(id)
                });
                match done {
                    Ok(id) => format!("<id>{id}</id><success>true</success>"),
                    Err(refusal) => failure(&refusal),
                }
            };
            Ok(ids.iter().map(line).collect())
        })
    }

    fn typed_id(&self, text: &str) -> Result<(&'static str, Id), Refusal> {
        let malformed = || Refusal::bad("MALFORMED_ID", format!("malformed id {text}"));
        let id = Id::parse(text).ok_or_else(malformed)?;
        let object = self.schema.object_of_prefix(id.prefix()).ok_or_else(malformed)?;
        Ok((object.name, id))
    }

    /// Each merge is its own transaction.
    fn merges(&mut self, context: &Context, operation: &Element) -> Result<Vec<String>, Refusal> {
        let requests: Vec<&Element> = operation.all("request").collect();
        check_count(requests.len())?;
        let line = |request: &&Element| match self.merge_one(context, request) {
            Ok((winner, losers)) => {
                let losers: String =
                    losers.iter().map(|id| format!("<mergedRecordIds>{id}</mergedRecordIds>")).collect();
                format!("<id>{winner}</id>{losers}<success>true</success>")
            }
            Err(refusal) => failure(&refusal),
        };
        Ok(requests.iter().map(line).collect())
    }

    /// Each conversion is its own transaction.
    fn conversions(&mut self, context: &Context, operation: &Element) -> Result<Vec<String>, Refusal> {
        let asked: Vec<&Element> = operation.all("leadConverts").collect();
        check_count(asked.len())?;
        let line = |asked: &&Element| match self.convert_lead(context, asked) {
            Ok(Converted { lead, account, contact }) => format!(
                "<accountId>{account}</accountId><contactId>{contact}</contactId><leadId>{lead}</leadId>\
                 <opportunityId xsi:nil=\"true\"/><success>true</success>"
            ),
            Err(refusal) => failure(&refusal),
        };
        Ok(asked.iter().map(line).collect())
    }

    fn merge_one(&mut self, context: &Context, request: &Element) -> Result<(Id, Vec<Id>), Refusal> {
        let missing = || Refusal::bad("MISSING_ARGUMENT", "masterRecord with its Id is missing");
        let master = request.child("masterRecord").ok_or_else(missing)?;
        let named =
            |element: &&Element| element.name.eq_ignore_ascii_case("id") && !element.text.trim().is_empty();
        let id_element = master.children.iter().find(named).ok_or_else(missing)?;
        let (object, winner) = self.typed_id(id_element.text.trim())?;
        if object == "Opportunity" {
            return Err(Refusal::bad("INVALID_TYPE", "Opportunity cannot be merged"));
        }
        let mut losers = Vec::new();
        for element in request.all("recordToMergeIds") {
            let (of, loser) = self.typed_id(element.text.trim())?;
            if of != object {
                return Err(Refusal::malformed_id(object, loser.as_str()));
            }
            losers.push(loser);
        }
        let body = self.master_fields(object, master);
        self.atomically(context, |machine| machine.merge(context, object, &winner, &body, &losers))?;
        Ok((winner, losers))
    }

    fn master_fields(&self, object: &str, master: &Element) -> Map<String, Value> {
        let mut body = Map::new();
        for element in &master.children {
            let is_field = !element.name.eq_ignore_ascii_case("id")
                && !matches!(element.name.as_str(), "type" | "fieldsToNull");
            if is_field {
                let field = self.schema.any_object(object).and_then(|object| object.any_field(&element.name));
                body.insert(element.name.clone(), json_of(field, element));
            }
        }
        for element in master.all("fieldsToNull") {
            body.insert(element.text.trim().to_owned(), Value::Null);
        }
        body
    }
}

/// XML knows texts only; numbers and booleans are read from text by the value rules.
fn json_of(field: Option<&Field>, element: &Element) -> Value {
    let is_boolean = field.is_some_and(|field| field.kind == Kind::Boolean);
    if element.is_nil && !is_boolean { Value::Null } else { Value::String(element.text.clone()) }
}

fn check_count(count: usize) -> Result<(), Refusal> {
    if (1..=REQUESTS_MAX).contains(&count) {
        return Ok(());
    }
    Err(Refusal::bad("EXCEEDED_ID_LIMIT", format!("1 to {REQUESTS_MAX} records in one call, not {count}")))
}

fn failure(refusal: &Refusal) -> String {
    let fields: String =
        refusal.fields.iter().flatten().map(|field| format!("<fields>{}</fields>", escaped(field))).collect();
    format!(
        "<errors>{fields}<message>{}</message><statusCode>{}</statusCode></errors><id xsi:nil=\"true\"/>\
         <success>false</success>",
        escaped(&refusal.message),
        refusal.code
    )
}

fn answer(operation: &str, results: &[String]) -> Answer {
    let results: String = results.iter().map(|result| format!("<result>{result}</result>")).collect();
    let body = format!("<{operation}Response>{results}</{operation}Response>");
    Answer::xml(200, envelope(&body))
}

fn refused(refusal: &Refusal) -> Answer {
    let text = format!("{}: {}", refusal.code, refusal.message);
    fault(&format!("sf:{}", refusal.code), &text)
}

fn fault(code: &str, text: &str) -> Answer {
    let body = format!(
        "<soapenv:Fault><faultcode>{}</faultcode><faultstring>{}</faultstring></soapenv:Fault>",
        escaped(code),
        escaped(text)
    );
    Answer::xml(500, envelope(&body))
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"urn:partner.soap.sforce.com\" xmlns:sf=\"urn:fault.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
}
