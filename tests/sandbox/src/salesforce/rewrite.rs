//! What an organisation does to values beyond the platform's own rules: `POST /__sandbox/rewrite` with
//! `{"rules": [{"truncate": {"object": "Contact", "field": "Title", "length": 10}}, ..]}` replaces all rules.

use serde::Deserialize;
use serde_json::Value;

use super::value::{self, Stored};

/// The body of the call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    pub(crate) rules: Vec<Rule>,
}

/// One rule, for one field of one object.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Rule {
    /// Cuts a text at so many characters.
    Truncate { object: String, field: String, length: usize },
    /// Writes ten digits as `(415) 555-1234`.
    Phone { object: String, field: String },
    /// Rounds to a smaller scale than the field's own.
    Round { object: String, field: String, scale: u32 },
    /// Upper case.
    Upper { object: String, field: String },
    /// Lower case.
    Lower { object: String, field: String },
    /// When `when` changes, sets `set` to `to`: in the same transaction and so under its origin, or, with
    /// `after_s`, so many seconds later as the automation user. Triggers do not set off triggers.
    Trigger { object: String, when: String, set: String, to: Value, after_s: Option<i64> },
}

/// What a trigger sets, and when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Triggered {
    pub(crate) set: String,
    pub(crate) to: Value,
    /// `None`: in the same transaction.
    pub(crate) after_s: Option<i64>,
}

/// The value after every rule for its field.
pub(crate) fn rewritten(rules: &[Rule], on: &str, name: &str, stored: Stored) -> Option<Stored> {
    let mut stored = stored;
    for rule in rules {
        stored = match (rule, stored) {
            (Rule::Truncate { object, field, length }, Stored::Text(text)) if is(object, field, on, name) => {
                Stored::Text(text.chars().take(*length).collect::<String>().trim().to_owned())
            }
            (Rule::Phone { object, field }, Stored::Text(text)) if is(object, field, on, name) => {
                Stored::Text(phone(&text))
            }
            (Rule::Upper { object, field }, Stored::Text(text)) if is(object, field, on, name) => {
                Stored::Text(text.to_uppercase())
            }
            (Rule::Lower { object, field }, Stored::Text(text)) if is(object, field, on, name) => {
                Stored::Text(text.to_lowercase())
            }
            (Rule::Round { object, field, scale }, Stored::Number(number)) if is(object, field, on, name) => {
                Stored::Number(value::round(number, *scale))
            }
            (
                Rule::Truncate { .. }
                | Rule::Phone { .. }
                | Rule::Upper { .. }
                | Rule::Lower { .. }
                | Rule::Round { .. }
                | Rule::Trigger { .. },
                unchanged,
            ) => unchanged,
        };
    }
    (stored != Stored::Text(String::new())).then_some(stored)
}

/// The triggers that a change of this field sets off.
pub(crate) fn triggered(rules: &[Rule], on: &str, changed: &str) -> Vec<Triggered> {
    let of = |rule: &Rule| match rule {
        Rule::Trigger { object, when, set, to, after_s } if is(object, when, on, changed) => {
            Some(Triggered { set: set.clone(), to: to.clone(), after_s: *after_s })
        }
        Rule::Trigger { .. }
        | Rule::Truncate { .. }
        | Rule::Phone { .. }
        | Rule::Upper { .. }
        | Rule::Lower { .. }
        | Rule::Round { .. } => None,
    };
    rules.iter().filter_map(of).collect()
}

fn is(object: &str, field: &str, on: &str, name: &str) -> bool {
    object == on && field == name
}

/// North American numbers only, as Salesforce's own screens format them.
fn phone(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let ten = match digits.strip_prefix('1') {
        Some(rest) if rest.len() == 10 => rest.to_owned(),
        Some(_) | None => digits,
    };
    if ten.len() != 10 {
        return text.to_owned();
    }
    format!("({}) {}-{}", &ten[..3], &ten[3..6], &ten[6..])
}
