//! One record at a time (reference 1.2 to 1.4): read, insert, update, delete, by id and by external id.
//!
//! The body of a 412 and the code of a malformed conditional header are unverified. A deleted record is read as
//! ENTITY_IS_DELETED; sources disagree, some orgs say NOT_FOUND.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Salesforce;
use super::answer::{Answer, Refusal};
use super::body::key_field;
use super::call::Call;
use super::change::Context;
use super::id::Id;
use super::instant;
use super::schema::{Field, Kind, Object};
use super::store::Record;
use super::value::{self, Form, Stored};

const ROW_METHODS: &str = "HEAD,GET,PATCH,DELETE";

impl Salesforce {
    /// `POST /sobjects/{Object}`
    pub(crate) fn row_insert(
        &mut self,
        context: &Context,
        object: &'static str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let body = call.json_object()?;
        if body.keys().any(|key| key.eq_ignore_ascii_case("id")) {
            let message = "The Id field should not be specified in the sobject data.";
            return Err(Refusal::bad("INVALID_FIELD", message).about(&["Id"]));
        }
        let id = self.atomically(context, |machine| machine.insert(context, object, &body))?;
        Ok(saved(context, object, &id, 201, None))
    }

    /// `/sobjects/{Object}/{id}`
    pub(crate) fn row(
        &mut self,
        context: &Context,
        object: &'static str,
        text: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let id = self.row_id(object, text)?;
        match call.method.as_str() {
            "GET" | "HEAD" => self.row_read(context, object, &id, call),
            "PATCH" => {
                let body = without_id(call.json_object()?)?;
                self.check_precondition(object, &id, call)?;
                self.atomically(context, |machine| machine.update(context, object, &id, &body))?;
                Ok(Answer::empty(204))
            }
            "DELETE" => {
                self.atomically(context, |machine| machine.delete(context, object, &id))?;
                Ok(Answer::empty(204))
            }
            other => Err(Refusal::method(other, ROW_METHODS)),
        }
    }

    /// `/sobjects/{Object}/{external id field}/{value}`
    pub(crate) fn row_by_key(
        &mut self,
        context: &Context,
        object: &'static str,
        key: &str,
        text: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let field = self.key_name(context, object, key)?;
        let found = self.ids_by_key(object, field, text);
        if found.len() > 1 {
            let urls: Vec<String> = found.iter().map(|id| url(context, object, id)).collect();
            return Ok(Answer::json(300, json!(urls)));
        }
        match (call.method.as_str(), found.first()) {
            ("GET" | "HEAD", Some(id)) => self.row_read(context, object, id, call),
            ("GET" | "HEAD" | "DELETE", None) => Err(Refusal::not_found()),
            ("DELETE", Some(id)) => {
                self.atomically(context, |machine| machine.delete(context, object, id))?;
                Ok(Answer::empty(204))
            }
            ("PATCH", None) if call.parameter("updateOnly") == Some("true") => Err(Refusal::not_found()),
            ("PATCH", _) => {
                let body = call.json_object()?;
                if let Some(name) = body
                    .keys()
                    .find(|name| name.eq_ignore_ascii_case(field) || name.eq_ignore_ascii_case("id"))
                {
                    let message = format!("The {name} field should not be specified in the sobject data.");
                    return Err(Refusal::bad("INVALID_FIELD", message).about(&[name]));
                }
                let (id, created) =
                    self.atomically(context, |machine| machine.upsert(context, object, field, text, body))?;
                Ok(saved(context, object, &id, if created { 201 } else { 200 }, Some(created)))
            }
            (other, _) => Err(Refusal::method(other, ROW_METHODS)),
        }
    }

    /// Inserts, or updates the one record with this key. The caller has met several records.
    pub(crate) fn upsert(
        &mut self,
        context: &Context,
        object: &'static str,
        field: &'static str,
        text: &str,
        mut body: Map<String, Value>,
    ) -> Result<(Id, bool), Refusal> {
        match self.ids_by_key(object, field, text).into_iter().next() {
            Some(id) => {
                self.update(context, object, &id, &body)?;
                Ok((id, false))
            }
            None => {
                body.insert(field.to_owned(), Value::String(text.to_owned()));
                Ok((self.insert(context, object, &body)?, true))
            }
        }
    }

    pub(crate) fn key_name(
        &self,
        context: &Context,
        object: &str,
        key: &str,
    ) -> Result<&'static str, Refusal> {
        let object = self.schema.object(object, context.sight).ok_or_else(Refusal::not_found)?;
        key_field(object, key, context).map(|field| field.name)
    }

    pub(crate) fn ids_by_key(&self, object: &str, field: &str, text: &str) -> Vec<Id> {
        let field = self.schema.any_object(object).and_then(|object| object.any_field(field));
        field.map(|field| self.store.alive_with(object, field, text.trim())).unwrap_or_default()
    }

    /// The id in a path. Not an id at all: Salesforce takes it for an external id field.
    pub(crate) fn row_id(&self, object: &str, text: &str) -> Result<Id, Refusal> {
        let id = Id::parse(text).ok_or_else(|| Refusal::no_such_key(text))?;
        match self.schema.any_object(object) {
            Some(of) if of.prefix == id.prefix() => Ok(id),
            Some(_) | None => Err(Refusal::malformed_id(object, text)),
        }
    }

    fn row_read(&self, context: &Context, object: &str, id: &Id, call: &Call) -> Result<Answer, Refusal> {
        let Some(record) = self.store.get(object, id) else { return Err(Refusal::not_found()) };
        let Some(object) = self.schema.object(object, context.sight) else {
            return Err(Refusal::not_found());
        };
        if !record.is_alive() {
            return Err(Refusal::is_deleted());
        }
        let fields = match call.parameter("fields") {
            Some(names) => Some(named_fields(object, names.split(','), context)?),
            None => None,
        };
        let modified = record.stamp("LastModifiedDate");
        let since = call.header("if-modified-since").and_then(instant::parse_http);
        if since.is_some_and(|since| modified <= since) || matches_etag(object, record, call, "if-none-match")
        {
            return Ok(Answer::empty(304));
        }
        if let Some(limit) = call.header("if-unmodified-since").and_then(instant::parse_http)
            && modified > limit
        {
            return Err(precondition_failed());
        }
        let body = row_json(context, object, record, fields.as_deref());
        let answer = Answer::ok(body).with("last-modified", instant::http_text(modified));
        // ETags are for accounts only (reference 1.4).
        Ok(if object.name == "Account" { answer.with("etag", etag(record)) } else { answer })
    }

    /// `If-Unmodified-Since` compares whole seconds of LastModifiedDate; `If-Match` is for accounts only.
    fn check_precondition(&self, object: &str, id: &Id, call: &Call) -> Result<(), Refusal> {
        let record = self.living(object, id)?;
        if let Some(text) = call.header("if-unmodified-since") {
            let Some(limit) = instant::parse_http(text) else {
                let message = format!("If-Unmodified-Since: {text} is not a date");
                return Err(Refusal::bad("INVALID_HEADER", message));
            };
            if record.stamp("LastModifiedDate") > limit {
                return Err(precondition_failed());
            }
        }
        let Some(object) = self.schema.any_object(object) else { return Ok(()) };
        if object.name == "Account"
            && call.header("if-match").is_some()
            && !matches_etag(object, record, call, "if-match")
        {
            return Err(precondition_failed());
        }
        Ok(())
    }
}

fn precondition_failed() -> Refusal {
    let message = "The record was changed after the time of the precondition";
    Refusal::new(412, "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", message)
}

fn etag(record: &Record) -> String {
    format!("\"{}{}\"", record.id, record.stamp("LastModifiedDate").as_second())
}

fn matches_etag(object: &Object, record: &Record, call: &Call, header: &str) -> bool {
    object.name == "Account"
        && call.header(header).is_some_and(|text| text.split(',').any(|one| one.trim() == etag(record)))
}

fn without_id(body: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    if body.keys().any(|key| key.eq_ignore_ascii_case("id")) {
        let message = "The Id field should not be specified in the sobject data.";
        return Err(Refusal::bad("INVALID_FIELD", message).about(&["Id"]));
    }
    Ok(body)
}

fn saved(context: &Context, object: &str, id: &Id, status: u16, created: Option<bool>) -> Answer {
    let mut body = json!({"id": id.as_str(), "success": true, "errors": []});
    if let Some(created) = created {
        body["created"] = json!(created);
    }
    let answer = Answer::json(status, body);
    if status == 201 { answer.with("location", url(context, object, id)) } else { answer }
}

pub(crate) fn url(context: &Context, object: &str, id: &Id) -> String {
    format!("/services/data/v{}/sobjects/{object}/{id}", context.version)
}

/// The fields of these names; an unknown or hidden one refuses the whole call.
pub(crate) fn named_fields<'o, 'n>(
    object: &'o Object,
    names: impl Iterator<Item = &'n str>,
    context: &Context,
) -> Result<Vec<&'o Field>, Refusal> {
    let find = |name: &str| {
        let name = name.trim();
        object.field(name, context.sight).ok_or_else(|| Refusal::no_such_column(name, object.name))
    };
    names.map(find).collect()
}

/// A record with its attributes and the fields asked for, or all that may be seen.
pub(crate) fn row_json(
    context: &Context,
    object: &Object,
    record: &Record,
    fields: Option<&[&Field]>,
) -> Value {
    let mut row = Map::new();
    row.insert(
        "attributes".to_owned(),
        json!({"type": object.name, "url": url(context, object.name, &record.id)}),
    );
    let mut add = |field: &Field| {
        row.insert(field.name.to_owned(), field_json(object, record, field));
    };
    match fields {
        Some(fields) => fields.iter().for_each(|field| add(field)),
        None => object.fields.iter().filter(|field| context.sight.sees(field)).for_each(add),
    }
    Value::Object(row)
}

/// One field as REST answers it, compounds included.
pub(crate) fn field_json(object: &Object, record: &Record, field: &Field) -> Value {
    match field.kind {
        Kind::Address { .. } => address_json(object, record, field),
        Kind::Name => full_name(record).map_or(Value::Null, Value::String),
        Kind::Id
        | Kind::Text
        | Kind::TextArea
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Boolean
        | Kind::Int
        | Kind::Double { .. }
        | Kind::Currency { .. }
        | Kind::Date
        | Kind::DateTime
        | Kind::Picklist
        | Kind::MultiPicklist
        | Kind::Reference { .. } => value::render(field, record.get(field.name), Form::Rest),
    }
}

/// First and last name with a blank between.
pub(crate) fn full_name(record: &Record) -> Option<String> {
    let names = ["FirstName", "LastName"].into_iter();
    let parts: Vec<&str> = names.filter_map(|name| record.get(name).and_then(Stored::text)).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn address_json(object: &Object, record: &Record, field: &Field) -> Value {
    let parts = value::parts(object, field);
    if parts.iter().all(|(_, field)| record.get(field.name).is_none()) {
        return Value::Null;
    }
    let mut address = json!({"geocodeAccuracy": null, "latitude": null, "longitude": null});
    for (part, field) in parts {
        let key = format!("{}{}", part[..1].to_lowercase(), &part[1..]);
        address[key] = value::render(field, record.get(field.name), Form::Rest);
    }
    address
}

/// Where a conditional describe counts from.
pub(crate) fn not_modified(call: &Call, changed: Timestamp) -> bool {
    let since = call.header("if-modified-since").and_then(instant::parse_http);
    since.is_some_and(|since| instant::whole_second(changed) <= since)
}
