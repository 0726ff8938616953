//! The columns of a read, and the row that they make.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::names::{LinkId, RecordId, Token, WireName};
use concord_core::port::{Failure, ObjectSpec};
use concord_core::row::{Row, Standing, Versions};
use concord_core::value::{Presence, Raw};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value};

use super::Config;
use super::answer::unreadable;
use super::id::canonical;
use super::login::Session;
use super::request::identifier;

/// One record as it stands in an answer.
pub(super) type Record = Map<String, Value>;

/// What to ask for. Begins with every field of the contract and is narrowed when one turns out to be hidden.
pub(super) struct Columns<'a> {
    config: &'a Config,
    spec: &'a ObjectSpec,
    hidden: BTreeSet<WireName>,
}

impl<'a> Columns<'a> {
    pub(super) fn all(config: &'a Config, spec: &'a ObjectSpec) -> Result<Self, Failure> {
        for name in
            spec.fields.iter().chain([&spec.wire, &config.concord_id_field, &config.concord_token_field])
        {
            identifier(name)?;
        }
        Ok(Self { config, spec, hidden: BTreeSet::new() })
    }

    /// The object's name in addresses and SOQL.
    pub(super) fn object(&self) -> &'a str {
        self.spec.wire.as_str()
    }

    /// Leaves out what the schema does not show. Without our own fields no read says which intents have
    /// landed (P2), so a row without them is worse than none.
    pub(super) fn narrow(&mut self, visible: &BTreeSet<WireName>) -> Result<(), Failure> {
        for own in [&self.config.concord_id_field, &self.config.concord_token_field] {
            if !visible.contains(own) {
                return Err(own_field_hidden(own));
            }
        }
        self.hidden = self.spec.fields.iter().filter(|field| !visible.contains(field)).cloned().collect();
        Ok(())
    }

    /// The names to ask for, each once: the id, these stamps, our own fields, the contract's.
    pub(super) fn names(&self, stamps: &[&'a str]) -> Vec<&'a str> {
        let own = [self.config.concord_id_field.as_str(), self.config.concord_token_field.as_str()];
        let mapped = self.spec.fields.iter().filter(|field| !self.hidden.contains(field));
        let mut names = vec!["Id"];
        for name in stamps.iter().copied().chain(own).chain(mapped.map(WireName::as_str)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The row that a record makes.
    pub(super) fn row(
        &self,
        record: &Record,
        standing: Standing,
        versions: Versions,
    ) -> Result<Row, Failure> {
        let fields: BTreeMap<WireName, Presence<Raw>> = self
            .spec
            .fields
            .iter()
            .map(|field| (field.clone(), presence(record.get(field.as_str()))))
            .collect();
        Ok(Row {
            id: id(record)?,
            standing,
            fields,
            token: self.token(record)?,
            concord_id: self.link(record)?,
            revision: instant(record, "LastModifiedDate")?,
            versions,
        })
    }

    fn token(&self, record: &Record) -> Result<Option<Token>, Failure> {
        let own = &self.config.concord_token_field;
        let unreadable = || Failure::Park {
            reason: format!("{own}: holds no whole number; make it a number field and keep users out of it"),
        };
        match presence(record.get(own.as_str())) {
            Presence::Value(Raw::Number(number)) => {
                let whole = number.normalize();
                u64::try_from(whole.mantissa())
                    .ok()
                    .filter(|_| whole.scale() == 0)
                    .map(|number| Some(Token(number)))
                    .ok_or_else(unreadable)
            }
            Presence::Value(Raw::Text(text)) => {
                text.trim().parse().map(|number| Some(Token(number))).map_err(|_| unreadable())
            }
            Presence::Value(Raw::Boolean(_)) => Err(unreadable()),
            Presence::Blank => Ok(None),
            Presence::Unknown => Err(own_field_hidden(own)),
        }
    }

    fn link(&self, record: &Record) -> Result<Option<LinkId>, Failure> {
        let own = &self.config.concord_id_field;
        match presence(record.get(own.as_str())) {
            Presence::Value(Raw::Text(text)) => Ok(Some(LinkId::new(text))),
            Presence::Value(Raw::Number(_) | Raw::Boolean(_)) => {
                Err(Failure::Park { reason: format!("{own}: make it a text field") })
            }
            Presence::Blank => Ok(None),
            Presence::Unknown => Err(own_field_hidden(own)),
        }
    }
}

fn own_field_hidden(own: &WireName) -> Failure {
    Failure::Park { reason: format!("{own}: Concord's own field is hidden; show it to the integration user") }
}

/// The row's stamps, as by-id reads need them.
pub(super) fn stamp(record: &Record, session: &Session, asked: Timestamp) -> Result<Versions, Failure> {
    Ok(Versions::Stamp {
        modified: instant(record, "LastModifiedDate")?,
        modified_by: session.author(modified_by(record).as_ref()),
        asked,
    })
}

pub(super) fn modified_by(record: &Record) -> Option<RecordId> {
    record.get("LastModifiedById").and_then(Value::as_str).and_then(canonical)
}

pub(super) fn id(record: &Record) -> Result<RecordId, Failure> {
    record
        .get("Id")
        .and_then(Value::as_str)
        .and_then(canonical)
        .ok_or_else(|| unreadable("ANSWER_WITHOUT_ID"))
}

/// `2015-06-25T21:54:38.000+0000`.
pub(super) fn instant(record: &Record, stamp: &str) -> Result<Timestamp, Failure> {
    record
        .get(stamp)
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| unreadable("ANSWER_WITHOUT_STAMPS"))
}

/// What an answer tells about a field. Compound values (addresses) and lists are not mapped as one, and a
/// number beyond 28 digits cannot be kept exact: both are unknown, which changes nothing.
fn presence(value: Option<&Value>) -> Presence<Raw> {
    match value {
        Some(Value::Null) => Presence::Blank,
        Some(Value::String(text)) if text.is_empty() => Presence::Blank,
        Some(Value::String(text)) => Presence::Value(Raw::Text(text.clone())),
        Some(Value::Bool(truth)) => Presence::Value(Raw::Boolean(*truth)),
        Some(Value::Number(number)) => {
            decimal(number).map_or(Presence::Unknown, |number| Presence::Value(Raw::Number(number)))
        }
        Some(Value::Array(_) | Value::Object(_)) | None => Presence::Unknown,
    }
}

/// `50000.00`, `2.5E10`.
fn decimal(number: &Number) -> Option<Decimal> {
    let text = number.to_string();
    match text.contains(['e', 'E']) {
        true => Decimal::from_scientific(&text).ok(),
        false => Decimal::from_str_exact(&text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_json_scalar_is_kept_as_it_is() {
        let of = |text: &str| presence(Some(&serde_json::from_str(text).unwrap()));
        let number = |text: &str| Presence::Value(Raw::Number(text.parse().unwrap()));

        assert_eq!(of("null"), Presence::Blank);
        assert_eq!(of("\"\""), Presence::Blank);
        assert_eq!(of("\" a \""), Presence::Value(Raw::Text(" a ".to_owned())));
        assert_eq!(of("false"), Presence::Value(Raw::Boolean(false)));
        assert_eq!(of("50000.00"), number("50000.00"));
        assert_eq!(of("0.1"), number("0.1"));
        assert_eq!(of("2.5E10"), number("25000000000"));
        assert_eq!(of("1745500706683617281"), number("1745500706683617281"));
        assert_eq!(presence(None), Presence::Unknown);
    }

    #[test]
    fn what_cannot_be_kept_exact_is_unknown() {
        let of = |value: Value| presence(Some(&value));
        assert_eq!(of(json!({"city": "Bern"})), Presence::Unknown);
        assert_eq!(of(json!([1])), Presence::Unknown);
        assert_eq!(
            presence(Some(&serde_json::from_str("1234567890123456789012345678901234567890").unwrap())),
            Presence::Unknown
        );
    }
}
