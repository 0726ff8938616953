//! Several calls in one (reference 1.6): `/composite` (one transaction with `allOrNone`, references between the
//! calls) and `/composite/batch`. `/composite/graph` is deliberately absent.
//!
//! That `If-Unmodified-Since` is honoured inside a subrequest is unverified; here it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Salesforce;
use super::answer::{Answer, Body, Refusal};
use super::call::Call;
use super::change::Context;

/// Calls in one.
const CALLS_MAX: usize = 25;

impl Salesforce {
    /// `POST /composite`
    pub(crate) fn composite(&mut self, context: &Context, call: &Call) -> Result<Answer, Refusal> {
        let body = call.json_object()?;
        let calls = listed(&body, "compositeRequest")?;
        let all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
        let mut done: Vec<(String, Answer)> = Vec::new();
        if all_or_none {
            let outcome = self.atomically(context, |machine| {
                machine.run_composite(context, &calls, true, &mut done);
                if done.iter().all(|(_, answer)| answer.is_success()) {
                    Ok(())
                } else {
                    Err(Refusal::not_found())
                }
            });
            if outcome.is_err() {
                for (_, answer) in done.iter_mut().filter(|(_, answer)| answer.is_success()) {
                    *answer = halted(
                        "The transaction was rolled back since another operation in the same transaction failed.",
                    );
                }
            }
        } else {
            self.run_composite(context, &calls, false, &mut done);
        }
        let line = |(reference, answer): &(String, Answer)| {
            json!({
                "body": body_of(answer),
                "httpHeaders": headers_of(answer),
                "httpStatusCode": answer.status,
                "referenceId": reference,
            })
        };
        Ok(Answer::ok(json!({"compositeResponse": done.iter().map(line).collect::<Vec<_>>()})))
    }

    fn run_composite(
        &mut self,
        context: &Context,
        calls: &[Map<String, Value>],
        all_or_none: bool,
        done: &mut Vec<(String, Answer)>,
    ) {
        let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
        let mut failed = false;
        for call in calls {
            let reference = text(call, "referenceId");
            let answer = if failed && all_or_none {
                halted(
                    "The transaction was rolled back since another operation in the same transaction failed.",
                )
            } else {
                self.run_part(context, call, &bodies)
            };
            failed |= !answer.is_success();
            if answer.is_success() {
                bodies.insert(reference.clone(), body_of(&answer));
            }
            done.push((reference, answer));
        }
    }

    fn run_part(
        &mut self,
        context: &Context,
        call: &Map<String, Value>,
        bodies: &BTreeMap<String, Value>,
    ) -> Answer {
        let (Ok(url), Ok(body)) = (
            resolve_text(&text(call, "url"), bodies),
            resolve(call.get("body").unwrap_or(&Value::Null), bodies),
        ) else {
            return halted("Invalid reference specified. No value found for a reference of this call.");
        };
        let none = Map::new();
        let headers = call.get("httpHeaders").and_then(Value::as_object).unwrap_or(&none);
        self.subcall(context, &Call::of_subrequest(&text(call, "method"), &url, headers, &body))
    }

    /// `POST /composite/batch`
    pub(crate) fn batch(&mut self, context: &Context, call: &Call) -> Result<Answer, Refusal> {
        let body = call.json_object()?;
        let calls = listed(&body, "batchRequests")?;
        let halt = body.get("haltOnError").and_then(Value::as_bool).unwrap_or(false);
        let mut answers: Vec<Answer> = Vec::new();
        for part in &calls {
            if halt && answers.iter().any(|answer| !answer.is_success()) {
                let mut skipped = halted("The batch was halted on an error.");
                skipped.status = 412;
                answers.push(skipped);
                continue;
            }
            let body = part.get("richInput").unwrap_or(&Value::Null);
            let sub = Call::of_subrequest(&text(part, "method"), &text(part, "url"), &Map::new(), body);
            answers.push(self.subcall(context, &sub));
        }
        let has_errors = answers.iter().any(|answer| !answer.is_success());
        let line = |answer: &Answer| json!({"statusCode": answer.status, "result": body_of(answer)});
        Ok(Answer::ok(json!({
            "hasErrors": has_errors,
            "results": answers.iter().map(line).collect::<Vec<_>>(),
        })))
    }

    fn subcall(&mut self, context: &Context, call: &Call) -> Answer {
        let Some((_, segments)) = call.data_path() else { return Refusal::not_found().into_answer() };
        if matches!(segments.as_slice(), ["composite"] | ["composite", "batch"]) {
            return Refusal::not_found().into_answer();
        }
        self.route(context, call, &segments).unwrap_or_else(Refusal::into_answer)
    }
}

fn halted(message: &str) -> Answer {
    Refusal::bad("PROCESSING_HALTED", message).into_answer()
}

fn body_of(answer: &Answer) -> Value {
    match &answer.body {
        Body::Json(value) => value.clone(),
        Body::Empty | Body::Xml(_) => Value::Null,
    }
}

fn headers_of(answer: &Answer) -> Value {
    let shown = answer.headers.iter().filter(|(name, _)| *name == "location");
    Value::Object(shown.map(|(_, value)| ("Location".to_owned(), json!(value))).collect())
}

fn listed(body: &Map<String, Value>, name: &str) -> Result<Vec<Map<String, Value>>, Refusal> {
    let calls = body.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let calls: Option<Vec<_>> = calls.iter().map(|call| call.as_object().cloned()).collect();
    let calls = calls.filter(|calls| !calls.is_empty());
    let calls = calls.ok_or_else(|| Refusal::json_parser(format!("{name} must be a list of calls")))?;
    if calls.len() > CALLS_MAX {
        let message = format!("Limit of {CALLS_MAX} sub requests was exceeded");
        return Err(Refusal::bad("LIMIT_EXCEEDED", message));
    }
    Ok(calls)
}

fn text(call: &Map<String, Value>, name: &str) -> String {
    call.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A reference without a value.
struct Unresolved;

fn resolve(value: &Value, bodies: &BTreeMap<String, Value>) -> Result<Value, Unresolved> {
    Ok(match value {
        Value::String(text) => Value::String(resolve_text(text, bodies)?),
        Value::Array(values) => {
            Value::Array(values.iter().map(|value| resolve(value, bodies)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.clone(), resolve(value, bodies)?)));
            Value::Object(fields.collect::<Result<_, _>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// Replaces each `@{reference.path[0].to}`.
fn resolve_text(text: &str, bodies: &BTreeMap<String, Value>) -> Result<String, Unresolved> {
    let mut resolved = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let (expression, after) = after.split_once('}').ok_or(Unresolved)?;
        let (reference, path) = expression.split_once('.').ok_or(Unresolved)?;
        let pointer = format!("/{}", path.replace('[', "/").replace(']', "").replace('.', "/"));
        let found = bodies.get(reference).and_then(|body| body.pointer(&pointer)).ok_or(Unresolved)?;
        resolved.push_str(before);
        match found.as_str() {
            Some(text) => resolved.push_str(text),
            None => resolved.push_str(&found.to_string()),
        }
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}
