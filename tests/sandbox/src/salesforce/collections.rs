//! Up to 200 records in one call and one transaction (reference 1.5). The call answers 200 with one result per
//! record, in request order; a malformed call answers 400.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Salesforce;
use super::answer::{Answer, Refusal};
use super::call::Call;
use super::change::Context;
use super::id::Id;
use super::rows::{named_fields, row_json};

/// Records in one writing call.
const RECORDS_MAX: usize = 200;
/// Runs of records of one type in one call.
const TYPE_RUNS_MAX: usize = 10;
/// Records in one reading call.
const RETRIEVE_MAX: usize = 2_000;

type Row = Map<String, Value>;

impl Salesforce {
    /// `POST`, `PATCH` and `DELETE /composite/sobjects`
    pub(crate) fn collection(&mut self, context: &Context, call: &Call) -> Result<Answer, Refusal> {
        match call.method.as_str() {
            "POST" => {
                let (all_or_none, rows) = rows_of(call)?;
                Ok(self.each(context, all_or_none, &rows, |machine, row| {
                    let object = machine.type_of(context, row)?;
                    let (id, body) = split_id(row);
                    if id.is_some() {
                        let message = "cannot specify Id in an insert call";
                        return Err(Refusal::bad("INVALID_FIELD_FOR_INSERT_UPDATE", message).about(&["Id"]));
                    }
                    machine.insert(context, object, &body).map(|id| done(&id))
                }))
            }
            "PATCH" => {
                let (all_or_none, rows) = rows_of(call)?;
                let mut seen = BTreeSet::new();
                Ok(self.each(context, all_or_none, &rows, |machine, row| {
                    let object = machine.type_of(context, row)?;
                    let (id, body) = split_id(row);
                    let id = id.ok_or_else(|| {
                        Refusal::bad("MISSING_ARGUMENT", "Id not specified in an update call").about(&["Id"])
                    })?;
                    let id = machine.collection_id(object, &id, &mut seen)?;
                    machine.update(context, object, &id, &body).map(|()| done(&id))
                }))
            }
            "DELETE" => self.collection_delete(context, call),
            other => Err(Refusal::method(other, "POST,PATCH,DELETE")),
        }
    }

    fn collection_delete(&mut self, context: &Context, call: &Call) -> Result<Answer, Refusal> {
        let ids: Vec<String> =
            call.parameter("ids").unwrap_or_default().split(',').map(|id| id.trim().to_owned()).collect();
        check_count(ids.iter().filter(|id| !id.is_empty()).count())?;
        let mut seen = BTreeSet::new();
        let all_or_none = call.parameter("allOrNone") == Some("true");
        Ok(self.each(context, all_or_none, &ids, |machine, text| {
            let prefix = text.get(..3).unwrap_or_default();
            let Some(object) = machine.schema.object_of_prefix(prefix).map(|object| object.name) else {
                return Err(Refusal::bad("MALFORMED_ID", format!("malformed id {text}")).about(&[]));
            };
            let id = machine.collection_id(object, text, &mut seen)?;
            machine.delete(context, object, &id).map(|()| done(&id))
        }))
    }

    /// `PATCH /composite/sobjects/{Object}/{external id field}`
    pub(crate) fn collection_upsert(
        &mut self,
        context: &Context,
        object: &'static str,
        key: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let field = self.key_name(context, object, key)?;
        let (all_or_none, rows) = rows_of(call)?;
        Ok(self.each(context, all_or_none, &rows, |machine, row| {
            let mut body = row.clone();
            body.remove("attributes");
            let name = body.keys().find(|name| name.eq_ignore_ascii_case(field)).cloned();
            let text = name.and_then(|name| body.remove(&name));
            let text = text.as_ref().and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            let Some(text) = text else {
                let message = format!("{field} not specified");
                return Err(Refusal::bad("MISSING_ARGUMENT", message).about(&[]));
            };
            let found = machine.ids_by_key(object, field, text);
            if found.len() > 1 {
                let ids: Vec<&str> = found.iter().map(Id::as_str).collect();
                let message = format!(
                    "{field}: more than one record found for external id field: [{}]",
                    ids.join(", ")
                );
                return Err(Refusal::bad("DUPLICATE_EXTERNAL_ID", message).about(&[field]));
            }
            let (id, created) = machine.upsert(context, object, field, text, body)?;
            let mut result = done(&id);
            result["created"] = json!(created);
            Ok(result)
        }))
    }

    /// `GET` and `POST /composite/sobjects/{Object}`: `null` for whatever is not there.
    pub(crate) fn collection_read(
        &self,
        context: &Context,
        object: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let object = self.schema.object(object, context.sight).ok_or_else(Refusal::not_found)?;
        let listed = |name: &str| -> Vec<String> {
            call.parameter(name).unwrap_or_default().split(',').map(str::to_owned).collect()
        };
        let (ids, names) = match call.method.as_str() {
            "GET" => (listed("ids"), listed("fields")),
            "POST" => {
                let body = call.json_object()?;
                (texts(&body, "ids")?, texts(&body, "fields")?)
            }
            other => return Err(Refusal::method(other, "GET,POST")),
        };
        if ids.len() > RETRIEVE_MAX {
            let message = format!("record limit reached. cannot retrieve more than {RETRIEVE_MAX} records");
            return Err(Refusal::bad("EXCEEDED_ID_LIMIT", message));
        }
        let fields = named_fields(object, names.iter().map(String::as_str), context)?;
        let row = |text: &String| {
            let record = Id::parse(text.trim()).and_then(|id| self.store.get(object.name, &id));
            let alive = record.filter(|record| record.is_alive());
            alive.map_or(Value::Null, |record| row_json(context, object, record, Some(&fields)))
        };
        Ok(Answer::ok(ids.iter().map(row).collect()))
    }

    /// Does `work` on each row, in one transaction; each row is whole or not at all.
    fn each<Input>(
        &mut self,
        context: &Context,
        all_or_none: bool,
        rows: &[Input],
        mut work: impl FnMut(&mut Self, &Input) -> Result<Value, Refusal>,
    ) -> Answer {
        let mut results: Vec<Result<Value, Refusal>> = Vec::with_capacity(rows.len());
        let outcome = self.atomically(context, |machine| {
            for row in rows {
                results.push(machine.atomically(context, |machine| work(machine, row)));
            }
            match results.iter().find_map(|result| result.as_ref().err()) {
                Some(refusal) if all_or_none => Err(refusal.clone()),
                Some(_) | None => Ok(()),
            }
        });
        let line = |result: &Result<Value, Refusal>| match (result, &outcome) {
            (Ok(value), Ok(())) => value.clone(),
            (Ok(_), Err(_)) => json!({"success": false, "errors": [rolled_back().as_row_error()]}),
            (Err(refusal), _) => json!({"success": false, "errors": [refusal.as_row_error()]}),
        };
        Answer::ok(results.iter().map(line).collect())
    }

    fn type_of(&self, context: &Context, row: &Row) -> Result<&'static str, Refusal> {
        let name =
            row.get("attributes").and_then(|attributes| attributes.get("type")).and_then(Value::as_str);
        let Some(name) = name else {
            return Err(
                Refusal::bad("INVALID_TYPE", "The attributes.type of the record is missing").about(&[])
            );
        };
        let object = self.schema.object(name, context.sight);
        object.map(|object| object.name).ok_or_else(|| {
            Refusal::bad("INVALID_TYPE", format!("sObject type '{name}' is not supported.")).about(&[])
        })
    }

    fn collection_id(&self, object: &str, text: &str, seen: &mut BTreeSet<Id>) -> Result<Id, Refusal> {
        let id = Id::parse(text).ok_or_else(|| Refusal::malformed_id(object, text))?;
        if self.schema.any_object(object).is_none_or(|object| object.prefix != id.prefix()) {
            return Err(Refusal::malformed_id(object, text));
        }
        if !seen.insert(id.clone()) {
            return Err(Refusal::bad("DUPLICATE_VALUE", format!("duplicate id specified: {id}")).about(&[]));
        }
        Ok(id)
    }
}

fn rolled_back() -> Refusal {
    let message =
        "Record rolled back because not all records were valid and the request was using AllOrNone header";
    Refusal::bad("ALL_OR_NONE_OPERATION_ROLLED_BACK", message).about(&[])
}

fn done(id: &Id) -> Value {
    json!({"id": id.as_str(), "success": true, "errors": []})
}

fn rows_of(call: &Call) -> Result<(bool, Vec<Row>), Refusal> {
    let body = call.json_object()?;
    let all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
    let listed = body.get("records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows: Option<Vec<Row>> = listed.iter().map(|row| row.as_object().cloned()).collect();
    let rows = rows.ok_or_else(|| Refusal::json_parser("records must be JSON objects"))?;
    check_count(rows.len())?;
    let kind = |row: &Row| row.get("attributes").and_then(|attributes| attributes.get("type")).cloned();
    let runs = 1 + rows.windows(2).filter(|pair| kind(&pair[0]) != kind(&pair[1])).count();
    if runs > TYPE_RUNS_MAX {
        let message = format!("more than {TYPE_RUNS_MAX} chunks of different types in one call");
        return Err(Refusal::bad("LIMIT_EXCEEDED", message));
    }
    Ok((all_or_none, rows))
}

fn check_count(count: usize) -> Result<(), Refusal> {
    match count {
        0 => Err(Refusal::bad("REQUIRED_FIELD_MISSING", "At least 1 record is required")),
        1..=RECORDS_MAX => Ok(()),
        _more => Err(Refusal::bad("LIMIT_EXCEEDED", format!("record limit reached: at most {RECORDS_MAX}"))),
    }
}

fn split_id(row: &Row) -> (Option<String>, Row) {
    let mut body = row.clone();
    body.remove("attributes");
    let id = body.remove("id").or_else(|| body.remove("Id"));
    (id.as_ref().and_then(Value::as_str).map(str::to_owned), body)
}

fn texts(body: &Row, name: &str) -> Result<Vec<String>, Refusal> {
    let listed = body.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Option<Vec<String>> = listed.iter().map(|text| text.as_str().map(str::to_owned)).collect();
    texts
        .filter(|texts| !texts.is_empty())
        .ok_or_else(|| Refusal::json_parser(format!("{name} must be a list of texts")))
}
