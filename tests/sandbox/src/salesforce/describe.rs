//! What describe tells of objects and fields (reference 1.9). What a program may not see is not there.

use serde_json::{Value, json};

use super::Salesforce;
use super::answer::{Answer, Refusal};
use super::call::Call;
use super::change::Context;
use super::instant;
use super::rows::not_modified;
use super::schema::{Access, Field, Key, Kind, Object};

/// Significant digits of number fields.
const DIGITS: u32 = 18;
/// What is false of every field here.
const NEVER: [&str; 10] = [
    "autoNumber",
    "calculated",
    "cascadeDelete",
    "caseSensitive",
    "dependentPicklist",
    "deprecatedAndHidden",
    "htmlFormatted",
    "namePointing",
    "restrictedDelete",
    "writeRequiresMasterRead",
];

impl Salesforce {
    /// `GET /sobjects`
    pub(crate) fn describe_global(&self, context: &Context, call: &Call) -> Answer {
        if not_modified(call, self.schema_changed) {
            return Answer::empty(304);
        }
        let seen =
            self.schema.objects().iter().filter_map(|object| self.schema.object(object.name, context.sight));
        let objects: Vec<Value> = seen.map(|object| summary(context, object)).collect();
        self.dated(Answer::ok(json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})))
    }

    /// `GET /sobjects/{Object}`
    pub(crate) fn object_info(&self, context: &Context, object: &str) -> Result<Answer, Refusal> {
        let object = self.schema.object(object, context.sight).ok_or_else(Refusal::not_found)?;
        Ok(Answer::ok(json!({"objectDescribe": summary(context, object), "recentItems": []})))
    }

    /// `GET /sobjects/{Object}/describe`
    pub(crate) fn describe(&self, context: &Context, object: &str, call: &Call) -> Result<Answer, Refusal> {
        let object = self.schema.object(object, context.sight).ok_or_else(Refusal::not_found)?;
        if not_modified(call, self.schema_changed) {
            return Ok(Answer::empty(304));
        }
        let mut body = summary(context, object);
        let seen = object.fields.iter().filter(|field| context.sight.sees(field));
        body["fields"] = seen.map(|field| field_json(context, object, field)).collect();
        body["childRelationships"] = self.children_of(object);
        body["recordTypeInfos"] = json!([]);
        Ok(self.dated(Answer::ok(body)))
    }

    fn dated(&self, answer: Answer) -> Answer {
        answer.with("last-modified", instant::http_text(self.schema_changed))
    }

    fn children_of(&self, parent: &Object) -> Value {
        let mut children = Vec::new();
        for child in self.schema.objects() {
            for field in child.fields.iter().filter(|field| refers_to(field).contains(&parent.name)) {
                if field.name == "MasterRecordId" {
                    continue;
                }
                children.push(json!({
                    "childSObject": child.name, "field": field.name, "relationshipName": child.plural,
                    "cascadeDelete": parent.name == "Account", "restrictedDelete": false,
                    "deprecatedAndHidden": false,
                }));
            }
        }
        Value::Array(children)
    }
}

fn summary(context: &Context, object: &Object) -> Value {
    let base = format!("/services/data/v{}/sobjects/{}", context.version, object.name);
    json!({
        "activateable": false, "createable": true, "custom": false, "customSetting": false, "deletable": true,
        "deprecatedAndHidden": false, "feedEnabled": true, "keyPrefix": object.prefix, "label": object.name,
        "labelPlural": object.plural, "layoutable": true, "mergeable": object.name != "Opportunity",
        "mruEnabled": true, "name": object.name, "queryable": true, "replicateable": true, "retrieveable": true,
        "searchable": true, "triggerable": true, "undeletable": true, "updateable": true,
        "urls": {
            "describe": format!("{base}/describe"), "rowTemplate": format!("{base}/{{ID}}"), "sobject": base,
        },
    })
}

fn field_json(context: &Context, object: &Object, field: &Field) -> Value {
    let writable = context.sight.may_write(field);
    let picklist = field.values.iter().map(|value| {
        json!({"active": true, "defaultValue": false, "label": value, "validFor": null, "value": value})
    });
    let (digits, precision, scale) = match field.kind {
        Kind::Int => (9, 0, 0),
        Kind::Double { scale } | Kind::Currency { scale } => (0, DIGITS, scale),
        Kind::Id
        | Kind::Text
        | Kind::TextArea
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Boolean
        | Kind::Date
        | Kind::DateTime
        | Kind::Picklist
        | Kind::MultiPicklist
        | Kind::Reference { .. }
        | Kind::Name
        | Kind::Address { .. } => (0, 0, 0),
    };
    let unique = field.key == Key::UniqueExternal;
    let compound = object.fields.iter().filter(|other| other.is_compound()).find(|compound| {
        super::value::parts(object, compound).iter().any(|(_, part)| part.name == field.name)
    });
    let mut told = json!({
        "byteLength": field.length * 3, "compoundFieldName": compound.map(|compound| compound.name),
        "createable": writable, "custom": field.is_custom(), "defaultedOnCreate": field.defaulted,
        "defaultValue": if field.kind == Kind::Boolean { json!(false) } else { Value::Null }, "digits": digits,
        "externalId": matches!(field.key, Key::External | Key::UniqueExternal),
        "filterable": !matches!(field.kind, Kind::Address { .. }),
        "idLookup": field.kind == Kind::Id || field.key != Key::No, "label": field.label,
        "length": field.length, "name": field.name, "nameField": field.name == "Name",
        "nillable": !field.required && !field.defaulted && field.kind != Kind::Boolean,
        "permissionable": field.access == Access::Everyone && !field.required,
        "picklistValues": picklist.collect::<Vec<_>>(), "precision": precision,
        "referenceTo": refers_to(field), "relationshipName": relationship_name(field),
        "restrictedPicklist": !field.values.is_empty(), "scale": scale, "soapType": soap_type(field.kind),
        "sortable": !matches!(field.kind, Kind::Address { .. } | Kind::MultiPicklist),
        "type": type_name(field.kind), "unique": unique, "updateable": writable,
    });
    for name in NEVER {
        told[name] = json!(false);
    }
    for name in ["calculatedFormula", "controllerName", "defaultValueFormula", "inlineHelpText"] {
        told[name] = Value::Null;
    }
    told["aggregatable"] = json!(true);
    told["groupable"] = json!(true);
    told
}

fn refers_to(field: &Field) -> Vec<&'static str> {
    if let Kind::Reference { to, .. } = field.kind { vec![to] } else { Vec::new() }
}

fn relationship_name(field: &Field) -> Option<&'static str> {
    if let Kind::Reference { relationship, .. } = field.kind { Some(relationship) } else { None }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Id => "id",
        Kind::Text | Kind::Name => "string",
        Kind::TextArea => "textarea",
        Kind::Email => "email",
        Kind::Phone => "phone",
        Kind::Url => "url",
        Kind::Boolean => "boolean",
        Kind::Int => "int",
        Kind::Double { .. } => "double",
        Kind::Currency { .. } => "currency",
        Kind::Date => "date",
        Kind::DateTime => "datetime",
        Kind::Picklist => "picklist",
        Kind::MultiPicklist => "multipicklist",
        Kind::Reference { .. } => "reference",
        Kind::Address { .. } => "address",
    }
}

fn soap_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Reference { .. } => "tns:ID",
        Kind::Boolean => "xsd:boolean",
        Kind::Int => "xsd:int",
        Kind::Double { .. } | Kind::Currency { .. } => "xsd:double",
        Kind::Date => "xsd:date",
        Kind::DateTime => "xsd:dateTime",
        Kind::Address { .. } => "urn:address",
        Kind::Text
        | Kind::Name
        | Kind::TextArea
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Picklist
        | Kind::MultiPicklist => "xsd:string",
    }
}
