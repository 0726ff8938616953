//! The properties API: definitions can be added, changed and archived while the portal runs.
//!
//! Deliberately absent: batches, groups, validation rules, sensitive properties.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HubSpot;
use super::schema::{Choice, Origin, Property, TypeIndex, Uniqueness, ValueKind, Writing};
use super::wire::{Query, Refusal, Reply, parsed};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    name: String,
    label: String,
    r#type: ValueKind,
    field_type: String,
    group_name: String,
    #[serde(default)]
    has_unique_value: bool,
    #[serde(flatten)]
    rest: ChangeableBody,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateBody {
    label: Option<String>,
    r#type: Option<ValueKind>,
    field_type: Option<String>,
    group_name: Option<String>,
    #[serde(flatten)]
    rest: ChangeableBody,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangeableBody {
    description: Option<String>,
    options: Option<Vec<Choice>>,
    display_order: Option<i64>,
    hidden: Option<bool>,
    form_field: Option<bool>,
}

impl ChangeableBody {
    fn put_on(self, property: &mut Property) {
        property.description = self.description.unwrap_or(std::mem::take(&mut property.description));
        property.options = self.options.unwrap_or(std::mem::take(&mut property.options));
        property.display_order = self.display_order.unwrap_or(property.display_order);
        property.hidden = self.hidden.unwrap_or(property.hidden);
        property.form_field = self.form_field.unwrap_or(property.form_field);
    }
}

impl HubSpot {
    pub(super) fn property_list(&self, object: TypeIndex, query: &Query) -> Reply {
        let archived = query.is_true("archived");
        let all = self.types[object.0].properties.values();
        let asked = all.filter(|property| property.archived_at.is_some() == archived);
        Reply::ok(json!({"results": asked.map(Property::render).collect::<Vec<Value>>()}))
    }

    pub(super) fn property_read(
        &self,
        object: TypeIndex,
        name: &str,
        query: &Query,
    ) -> Result<Reply, Refusal> {
        let archived = query.is_true("archived");
        let found = self.types[object.0].properties.get(name);
        let found = found.filter(|property| property.archived_at.is_some() == archived);
        found.map(|property| Reply::ok(property.render())).ok_or_else(|| unknown(name))
    }

    pub(super) fn property_create(
        &mut self,
        object: TypeIndex,
        now: Timestamp,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: CreateBody = parsed(body)?;
        let of_type = &mut self.types[object.0];
        if of_type.property(&body.name).is_some() {
            // The category is from memory: no source was opened for it.
            let message = format!("A property named '{}' already exists.", body.name);
            return Err(Refusal::new(409, message).with("category", json!("OBJECT_ALREADY_EXISTS")));
        }
        if body.has_unique_value {
            of_type.store.track(&body.name);
        }
        let mut property = Property {
            name: body.name.clone(),
            label: body.label,
            description: String::new(),
            group: body.group_name,
            kind: body.r#type,
            field: body.field_type,
            options: Vec::new(),
            display_order: -1,
            uniqueness: if body.has_unique_value { Uniqueness::Unique } else { Uniqueness::Any },
            writing: Writing::Open,
            origin: Origin::Portal,
            hidden: false,
            form_field: false,
            created_at: now,
            updated_at: now,
            archived_at: None,
        };
        body.rest.put_on(&mut property);
        let shown = property.render();
        of_type.properties.insert(body.name, property);
        Ok(Reply::created(shown))
    }

    /// Changes a definition. Values that an option no longer allows stay where they are.
    pub(super) fn property_update(
        &mut self,
        object: TypeIndex,
        now: Timestamp,
        name: &str,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: UpdateBody = parsed(body)?;
        let known = self.types[object.0].properties.get_mut(name);
        let Some(property) = known.filter(|property| property.archived_at.is_none()) else {
            return Err(unknown(name));
        };
        property.label = body.label.unwrap_or(std::mem::take(&mut property.label));
        property.kind = body.r#type.unwrap_or(property.kind);
        property.field = body.field_type.unwrap_or(std::mem::take(&mut property.field));
        property.group = body.group_name.unwrap_or(std::mem::take(&mut property.group));
        body.rest.put_on(property);
        property.updated_at = now;
        Ok(Reply::ok(property.render()))
    }

    /// Archives a definition: its values are neither shown nor taken any more.
    pub(super) fn property_archive(
        &mut self,
        object: TypeIndex,
        now: Timestamp,
        name: &str,
    ) -> Result<Reply, Refusal> {
        let Some(property) = self.types[object.0].properties.get_mut(name) else {
            return Err(unknown(name));
        };
        match property.origin {
            Origin::HubSpot => Err(Refusal::invalid(format!(
                "Property {name} is defined by HubSpot and cannot be archived."
            ))),
            Origin::Portal => {
                property.archived_at.get_or_insert(now);
                Ok(Reply::nothing())
            }
        }
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::new(404, format!("Property {name} does not exist")).with("category", json!("OBJECT_NOT_FOUND"))
}
