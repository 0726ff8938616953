//! An object type's live schema, from its property definitions.

use std::collections::BTreeMap;

use concord_core::names::WireName;
use concord_core::port::{Failure, FieldKind, FieldSchema, Schema};
use serde::Deserialize;

use super::call::{Call, Unsuccessful};
use super::config::{Area, plural};
use super::{HubSpot, find, primary};
use crate::transport::Transport;

/// Longest text of a property, in characters (reference: 3.3, documented).
const TEXT_CHARS_MAX: u32 = 65_536;

/// What stands between an object type and that of the records with which its own are associated.
const OF: &str = ".associations.";

/// All definitions; the list is not paged.
#[derive(Deserialize)]
struct Definitions {
    results: Vec<Definition>,
}

/// One property's definition.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    field_type: Option<String>,
    #[serde(default)]
    options: Vec<Choice>,
    #[serde(default)]
    calculated: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    has_unique_value: bool,
    referenced_object_type: Option<String>,
    #[serde(default)]
    modification_metadata: Modification,
}

#[derive(Deserialize)]
struct Choice {
    value: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Modification {
    #[serde(default)]
    read_only_value: bool,
}

impl<T: Transport> HubSpot<T> {
    pub(super) async fn read_schema(&self, object: &WireName) -> Result<Schema, Failure> {
        if let Some((from, to)) = object.as_str().split_once(OF) {
            return self.read_labels(&from.into(), &to.into()).await;
        }
        let target = self.config.family.path(Area::Properties(object));
        let answer = self.send(Call::get(target)).await.map_err(Unsuccessful::into_failure)?;
        let definitions: Definitions = answer.full_body()?;
        let fields: BTreeMap<WireName, FieldSchema> = definitions
            .results
            .into_iter()
            .filter(|definition| !definition.archived)
            .map(|definition| (WireName::new(&definition.name), definition.into_field(object)))
            .collect();
        Ok(Schema { fields })
    }
}

impl<T: Transport> HubSpot<T> {
    /// A set of associations is a field whose choices are its labels.
    async fn read_labels(&self, from: &WireName, to: &WireName) -> Result<Schema, Failure> {
        let labels = self.labels(from, to).await?.into_keys().flatten().collect();
        let set = FieldSchema {
            kind: FieldKind::Choices,
            writable: true,
            unique: false,
            findable: false,
            length_max: None,
            options: labels,
        };
        Ok(Schema { fields: [(WireName::new(format!("{}{to}", &OF[1..])), set)].into() })
    }
}

impl Definition {
    fn into_field(self, object: &WireName) -> FieldSchema {
        let kind = self.field_kind();
        // The contacts' e-mail is an identifier of its own: unique without being declared so.
        let unique =
            self.has_unique_value || self.name == "email" && plural(object.as_str()).as_str() == "contacts";
        FieldSchema {
            kind,
            writable: (!self.modification_metadata.read_only_value && !self.calculated)
                || primary::is_association(object, &self.name),
            unique,
            findable: unique || find::is_searched_for(object, &self.name),
            length_max: (kind == FieldKind::Text).then_some(TEXT_CHARS_MAX),
            options: self.options.into_iter().map(|option| option.value).collect(),
        }
    }

    /// By `type`: `fieldType` is only how a form shows it, and dates are shown by both kinds. Whether an
    /// enumeration takes one option or several is the one thing that `type` leaves open.
    fn field_kind(&self) -> FieldKind {
        if self.referenced_object_type.is_some() {
            return FieldKind::Reference;
        }
        match self.kind.as_str() {
            "string" | "phone_number" => FieldKind::Text,
            "bool" => FieldKind::Boolean,
            "number" => FieldKind::Number,
            "date" => FieldKind::Date,
            "datetime" => FieldKind::DateTime,
            "enumeration" if self.field_type.as_deref() == Some("checkbox") => FieldKind::Choices,
            "enumeration" => FieldKind::Choice,
            _ => FieldKind::Other,
        }
    }
}
