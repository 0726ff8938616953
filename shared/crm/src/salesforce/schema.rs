//! The live schema: `describe`.

use std::collections::BTreeSet;

use concord_core::names::WireName;
use concord_core::port::{Failure, FieldKind, FieldSchema, Schema};
use serde::Deserialize;

use super::Salesforce;
use super::login::Session;
use super::request::{get, identifier};
use crate::transport::Transport;

#[derive(Deserialize)]
struct Describe {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    createable: bool,
    #[serde(default)]
    updateable: bool,
    #[serde(default)]
    unique: bool,
    filterable: Option<bool>,
    #[serde(default)]
    length: u32,
    #[serde(default)]
    picklist_values: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    value: String,
    active: bool,
}

pub(super) async fn read<T: Transport>(client: &Salesforce<T>, object: &WireName) -> Result<Schema, Failure> {
    let session = client.login().await?;
    let describe = describe(client, &session, identifier(object)?).await?;
    Ok(Schema { fields: describe.fields.into_iter().map(field).collect() })
}

/// The fields that the integration user may see.
pub(super) async fn visible<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    object: &str,
) -> Result<BTreeSet<WireName>, Failure> {
    let describe = describe(client, session, object).await?;
    Ok(describe.fields.into_iter().map(|field| WireName::new(field.name)).collect())
}

async fn describe<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    object: &str,
) -> Result<Describe, Failure> {
    client.call(session, get(session, &format!("/sobjects/{object}/describe"))?).await?.object()
}

fn field(field: Field) -> (WireName, FieldSchema) {
    let kind = kind(&field.kind);
    let options = match kind {
        FieldKind::Choice | FieldKind::Choices => {
            let active = field.picklist_values.into_iter().filter(|option| option.active);
            active.map(|option| option.value).collect()
        }
        FieldKind::Text
        | FieldKind::Boolean
        | FieldKind::Number
        | FieldKind::Date
        | FieldKind::DateTime
        | FieldKind::Reference
        | FieldKind::Other => Vec::new(),
    };
    let schema = FieldSchema {
        kind,
        writable: field.createable && field.updateable,
        unique: field.unique,
        findable: field.filterable != Some(false),
        options,
        length_max: (field.length > 0).then_some(field.length),
    };
    (WireName::new(field.name), schema)
}

/// The types of the partner WSDL's `fieldType`. A combobox only suggests its values. Compound types
/// (`address`, `location`) are read-only; their parts are fields of their own.
fn kind(wire: &str) -> FieldKind {
    match wire {
        "string" | "textarea" | "phone" | "url" | "email" | "encryptedstring" | "combobox" => FieldKind::Text,
        "boolean" => FieldKind::Boolean,
        "int" | "long" | "double" | "currency" | "percent" => FieldKind::Number,
        "date" => FieldKind::Date,
        "datetime" => FieldKind::DateTime,
        "picklist" => FieldKind::Choice,
        "multipicklist" => FieldKind::Choices,
        "reference" => FieldKind::Reference,
        _ => FieldKind::Other,
    }
}
