//! Object types and their properties: what a portal's settings define, and what the properties API changes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::defaults;
use super::primary::{DEAL_COMPANY, PRIMARY_COMPANY};
use super::store::Store;
use super::wire::iso;

/// An object type of this portal: an index into its table of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TypeIndex(pub(super) usize);

pub(super) const CONTACT: TypeIndex = TypeIndex(0);
pub(super) const COMPANY: TypeIndex = TypeIndex(1);
pub(super) const DEAL: TypeIndex = TypeIndex(2);

/// One object type with its definitions and its records.
#[derive(Debug)]
pub(super) struct ObjectType {
    /// `0-1`.
    pub(super) type_id: String,
    /// `contact`; events are named by it.
    pub(super) singular: String,
    /// `contacts`.
    pub(super) plural: String,
    /// The name of the creation date: `createdate`, or `hs_createdate` on custom objects.
    pub(super) created: &'static str,
    /// The name of the modified date: `lastmodifieddate` on contacts, else `hs_lastmodifieddate`.
    pub(super) modified: &'static str,
    /// What is returned when no properties are asked for.
    pub(super) shown: Vec<String>,
    pub(super) properties: BTreeMap<String, Property>,
    pub(super) store: Store,
}

/// A property definition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) description: String,
    pub(super) group: String,
    pub(super) kind: ValueKind,
    pub(super) field: String,
    pub(super) options: Vec<Choice>,
    pub(super) display_order: i64,
    pub(super) uniqueness: Uniqueness,
    pub(super) writing: Writing,
    pub(super) origin: Origin,
    pub(super) hidden: bool,
    pub(super) form_field: bool,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) archived_at: Option<Timestamp>,
}

/// The type of a property: it decides what a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ValueKind {
    Bool,
    Date,
    Datetime,
    Enumeration,
    Number,
    String,
    PhoneNumber,
}

/// An option of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Choice {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) description: String,
    pub(super) display_order: i64,
    pub(super) hidden: bool,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            label: String::new(),
            value: String::new(),
            description: String::new(),
            display_order: -1,
            hidden: false,
        }
    }
}

/// Whether two live records may hold the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uniqueness {
    Any,
    /// `hasUniqueValue`; a contact's e-mail address is unique without saying so.
    Unique,
}

/// Who sets the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    Open,
    ReadOnly,
}

/// Whose definition it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    HubSpot,
    Portal,
}

impl ObjectType {
    pub(super) fn name_for_errors(&self) -> String {
        self.singular.to_uppercase()
    }

    /// Whether a path segment means this type: plural, singular, any case, or the id.
    pub(super) fn answers_to(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(&self.plural)
            || name.eq_ignore_ascii_case(&self.singular)
            || name == self.type_id
    }

    /// A property that exists and is not archived.
    pub(super) fn property(&self, name: &str) -> Option<&Property> {
        self.properties.get(name).filter(|property| property.archived_at.is_none())
    }

    pub(super) fn is_unique(&self, name: &str) -> bool {
        self.property(name).is_some_and(|property| property.uniqueness == Uniqueness::Unique)
    }
}

impl Property {
    pub(super) fn is_multiple(&self) -> bool {
        self.kind == ValueKind::Enumeration && self.field == "checkbox"
    }

    pub(super) fn render(&self) -> Value {
        let read_only = self.writing == Writing::ReadOnly;
        let ours = self.origin == Origin::HubSpot;
        let mut shown = json!({
            "name": self.name, "label": self.label, "type": self.kind, "fieldType": self.field,
            "description": self.description, "groupName": self.group, "options": self.options,
            "displayOrder": self.display_order, "calculated": false, "externalOptions": self.is_owner(),
            "archived": self.archived_at.is_some(),
            "hasUniqueValue": self.uniqueness == Uniqueness::Unique && !ours,
            "hidden": self.hidden, "hubspotDefined": ours, "formField": self.form_field,
            "dataSensitivity": "non_sensitive",
            "modificationMetadata": {"archivable": !ours, "readOnlyDefinition": ours,
                "readOnlyOptions": ours && read_only, "readOnlyValue": read_only},
            "createdAt": iso(self.created_at), "updatedAt": iso(self.updated_at),
        });
        if self.is_owner() {
            shown["referencedObjectType"] = json!("OWNER");
        }
        if [PRIMARY_COMPANY, DEAL_COMPANY].contains(&self.name.as_str()) {
            shown["referencedObjectType"] = json!("COMPANY");
        }
        if let Some(at) = self.archived_at {
            shown["archivedAt"] = json!(iso(at));
        }
        shown
    }

    /// Owner properties are enumerations without options; their values are owner ids.
    pub(super) fn is_owner(&self) -> bool {
        self.name == "hubspot_owner_id"
    }
}

/// The types that every portal has, in the order of [`CONTACT`], [`COMPANY`], [`DEAL`].
pub(super) fn standard_types(first_id: u64) -> Vec<ObjectType> {
    let standard =
        |type_id: &str, singular: &str, plural: &str, modified, shown: &[&str], properties| ObjectType {
            type_id: type_id.to_owned(),
            singular: singular.to_owned(),
            plural: plural.to_owned(),
            created: "createdate",
            modified,
            shown: shown.iter().map(|name| (*name).to_owned()).collect(),
            properties,
            store: Store::new(first_id),
        };
    vec![
        standard(
            "0-1",
            "contact",
            "contacts",
            "lastmodifieddate",
            &["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"],
            defaults::contact(),
        ),
        standard(
            "0-2",
            "company",
            "companies",
            "hs_lastmodifieddate",
            &["createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"],
            defaults::company(),
        ),
        standard(
            "0-3",
            "deal",
            "deals",
            "hs_lastmodifieddate",
            &[
                "amount",
                "closedate",
                "createdate",
                "dealname",
                "dealstage",
                "hs_lastmodifieddate",
                "hs_object_id",
                "pipeline",
            ],
            defaults::deal(),
        ),
    ]
}

/// A custom type with text properties.
pub(super) fn custom_type(custom: &super::config::CustomType, first_id: u64) -> ObjectType {
    let mut shown =
        vec!["hs_createdate".to_owned(), "hs_lastmodifieddate".to_owned(), "hs_object_id".to_owned()];
    shown.extend(custom.properties.first().cloned());
    ObjectType {
        type_id: custom.type_id.clone(),
        singular: custom.singular.clone(),
        plural: custom.plural.clone(),
        created: "hs_createdate",
        modified: "hs_lastmodifieddate",
        shown,
        properties: defaults::custom(&custom.properties),
        store: Store::new(first_id),
    }
}
