//! From a JSON body to values by field: names, rights, kinds, and parents named by an external id.

use serde_json::{Map, Value};

use super::Salesforce;
use super::answer::Refusal;
use super::change::{Context, Values};
use super::rewrite;
use super::schema::{Key, Object};
use super::value::{self, Stored};

impl Salesforce {
    /// Reads the fields of a body. `attributes` and ids are the caller's affair and must be taken out before.
    pub(crate) fn read_body(
        &self,
        context: &Context,
        object: &str,
        body: &Map<String, Value>,
    ) -> Result<Values, Refusal> {
        let Some(object) = self.schema.any_object(object) else { return Err(Refusal::not_found()) };
        let mut values = Values::new();
        let mut locked = Vec::new();
        for (name, json) in body.iter().filter(|(name, _)| name.as_str() != "attributes") {
            if json.is_object()
                && let Some((field, parent)) = object.relationship(name, context.sight)
            {
                values.insert(field.name, Some(self.parent_by_key(context, parent, json)?));
                continue;
            }
            let Some(field) = object.field(name, context.sight) else {
                return Err(Refusal::no_such_column(name, object.name).about(&[]));
            };
            if !context.sight.may_write(field) {
                locked.push(field.name);
                continue;
            }
            let stored = value::take(field, json)?;
            let stored =
                stored.and_then(|stored| rewrite::rewritten(&self.rules, object.name, field.name, stored));
            values.insert(field.name, stored);
        }
        if locked.is_empty() {
            return Ok(values);
        }
        let message = format!(
            "Unable to create/update fields: {}. Please check the security settings of this field and verify that \
             it is read/write for your profile or permission set.",
            locked.join(", ")
        );
        Err(Refusal::bad("INVALID_FIELD_FOR_INSERT_UPDATE", message).about(&locked))
    }

    /// `{"Account": {"Domain__c": "v"}}`
    fn parent_by_key(&self, context: &Context, parent: &str, json: &Value) -> Result<Stored, Refusal> {
        let Some(object) = self.schema.object(parent, context.sight) else {
            return Err(Refusal::not_found());
        };
        let keys = json.as_object().into_iter().flatten().filter(|(name, _)| name.as_str() != "attributes");
        let mut found = None;
        for (name, json) in keys {
            let field = key_field(object, name, context)?;
            let text = json.as_str().unwrap_or_default();
            let ids = self.store.alive_with(object.name, field, text.trim());
            let [id] = ids.as_slice() else {
                let message = format!(
                    "Foreign key external ID: {text} not found for field {} in entity {}",
                    field.name, object.name
                );
                return Err(Refusal::bad("INVALID_FIELD", message).about(&[]));
            };
            found = Some(Stored::of_id(id));
        }
        found.ok_or_else(|| Refusal::json_parser("a parent needs an external id"))
    }
}

/// The external id field of this name, or the refusal of a resource that is not there.
pub(crate) fn key_field<'o>(
    object: &'o Object,
    name: &str,
    context: &Context,
) -> Result<&'o super::schema::Field, Refusal> {
    object
        .field(name, context.sight)
        .filter(|field| match field.key {
            Key::External | Key::UniqueExternal => true,
            Key::No | Key::Lookup => false,
        })
        .ok_or_else(|| Refusal::no_such_key(name))
}
