//! The objects and their fields: one table, from which describe, checks, queries and events are derived.
//! At run time a field may be hidden (field-level security), made read-only, shortened, lose a picklist value, or turn
//! from a text into a picklist and back;
//! objects and fields are never added.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::tables;

/// What kind of value a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Text,
    TextArea,
    Email,
    Phone,
    Url,
    Boolean,
    Int,
    Double {
        scale: u32,
    },
    Currency {
        scale: u32,
    },
    Date,
    DateTime,
    Picklist,
    MultiPicklist,
    Reference {
        to: &'static str,
        relationship: &'static str,
    },
    /// Built from `FirstName` and `LastName`.
    Name,
    /// Built from the fields with this beginning: `Mailing` gives `MailingAddress`.
    Address {
        of: &'static str,
    },
}

/// Who sets a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Everyone,
    /// The platform: writing it is refused.
    Platform,
}

/// How a field identifies a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    No,
    /// Usable in lookups, not an external id: `Email`.
    Lookup,
    External,
    UniqueExternal,
}

/// One field of one object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    pub(crate) access: Access,
    pub(crate) key: Key,
    pub(crate) required: bool,
    pub(crate) defaulted: bool,
    /// Characters, for texts; 0 elsewhere.
    pub(crate) length: usize,
    /// A picklist's values; restricted unless empty.
    pub(crate) values: Vec<String>,
    /// Not visible to programs.
    pub(crate) hidden: bool,
    /// Visible to programs and not writable by them.
    pub(crate) read_only: bool,
}

impl Field {
    /// Built from other fields when it is read, and never written.
    pub(crate) fn is_compound(&self) -> bool {
        matches!(self.kind, Kind::Name | Kind::Address { .. })
    }

    /// Whether an index by value is kept.
    pub(crate) fn is_indexed(&self) -> bool {
        self.key != Key::No || matches!(self.kind, Kind::Reference { .. })
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }
}

/// One type of record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) fields: Vec<Field>,
    /// Not visible to programs: the permission on the whole object is gone.
    pub(crate) hidden: bool,
    by_name: BTreeMap<String, usize>,
}

impl Object {
    pub(crate) fn new(
        name: &'static str,
        plural: &'static str,
        prefix: &'static str,
        fields: Vec<Field>,
    ) -> Self {
        let by_name =
            fields.iter().enumerate().map(|(place, field)| (field.name.to_lowercase(), place)).collect();
        Self { name, plural, prefix, fields, hidden: false, by_name }
    }

    /// The field of this name, in any case, whoever may see it.
    pub(crate) fn any_field(&self, name: &str) -> Option<&Field> {
        self.by_name.get(&name.to_lowercase()).and_then(|place| self.fields.get(*place))
    }

    /// The field of this name if it may be seen.
    pub(crate) fn field(&self, name: &str, sight: Sight) -> Option<&Field> {
        self.any_field(name).filter(|field| sight.sees(field))
    }

    /// The reference whose parent is reached by this relationship name.
    pub(crate) fn relationship(&self, name: &str, sight: Sight) -> Option<(&Field, &'static str)> {
        self.fields.iter().filter(|field| sight.sees(field)).find_map(|field| match field.kind {
            Kind::Reference { to, relationship } if relationship.eq_ignore_ascii_case(name) => {
                Some((field, to))
            }
            Kind::Reference { .. }
            | Kind::Id
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
            | Kind::Name
            | Kind::Address { .. } => None,
        })
    }
}

/// What a caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The integration user's profile.
    Program,
    /// A person who may see and edit everything.
    Person,
}

impl Sight {
    pub(crate) fn sees(self, field: &Field) -> bool {
        match self {
            Self::Program => !field.hidden,
            Self::Person => true,
        }
    }

    pub(crate) fn may_write(self, field: &Field) -> bool {
        let by_profile = match self {
            Self::Program => !field.read_only,
            Self::Person => true,
        };
        by_profile && field.access == Access::Everyone
    }
}

/// All objects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schema {
    objects: Vec<Object>,
}

impl Schema {
    pub(crate) fn standard() -> Self {
        Self { objects: tables::objects() }
    }

    pub(crate) fn objects(&self) -> &[Object] {
        &self.objects
    }

    pub(crate) fn any_object(&self, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn object(&self, name: &str, sight: Sight) -> Option<&Object> {
        self.any_object(name).filter(|object| match sight {
            Sight::Program => !object.hidden,
            Sight::Person => true,
        })
    }

    pub(crate) fn object_of_prefix(&self, prefix: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.prefix == prefix)
    }

    /// Takes one change of `POST /__sandbox/schema`; an error says what is not there.
    pub(crate) fn change(&mut self, change: &SchemaChange) -> Result<(), String> {
        let Some(object) = self.objects.iter_mut().find(|object| object.name == change.object) else {
            return Err(format!("no object '{}'", change.object));
        };
        let Some(name) = &change.field else {
            object.hidden = change.hidden.unwrap_or(object.hidden);
            return Ok(());
        };
        let Some(field) = object.fields.iter_mut().find(|field| field.name == name) else {
            return Err(format!("no field '{name}' on {}", change.object));
        };
        field.hidden = change.hidden.unwrap_or(field.hidden);
        field.read_only = change.read_only.unwrap_or(field.read_only);
        field.length = change.length.unwrap_or(field.length);
        if let Some(value) = &change.remove_value {
            field.values.retain(|kept| kept != value);
        }
        if let Some(value) = &change.add_value {
            field.values.retain(|kept| kept != value);
            field.values.push(value.clone());
        }
        match (change.picklist, field.kind) {
            (Some(true), Kind::Text) => field.kind = Kind::Picklist,
            (Some(false), Kind::Picklist) => {
                field.kind = Kind::Text;
                field.values.clear();
            }
            (Some(_) | None, _) => {}
        }
        Ok(())
    }
}

/// The body of `POST /__sandbox/schema`. Without `field`, the whole object is hidden or shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaChange {
    object: String,
    field: Option<String>,
    hidden: Option<bool>,
    read_only: Option<bool>,
    length: Option<usize>,
    remove_value: Option<String>,
    add_value: Option<String>,
    /// Whether a text is a picklist from now on, with the values that it has by then.
    picklist: Option<bool>,
}
