//! Rewriting: what a portal does to values behind a caller's back.
//!
//! A *rewrite* changes the value while it is stored: the version in the history, and the answer, show what was
//! stored. A *trigger* stands for a workflow: it runs after the write that set it off, is stamped one millisecond
//! later, has the source `AUTOMATION_PLATFORM`, and its effect is not in the answer to that write.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::store::Set;

/// Triggers that set off each other stop after this many rounds; a real portal stops loops much later.
pub(super) const TRIGGER_ROUNDS_MAX: usize = 4;

/// All rules of a portal: the body of `POST /__sandbox/rewrite`, which replaces them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Rewrites by plural object type name and property, applied in order.
    pub rewrites: BTreeMap<String, BTreeMap<String, Vec<Rewrite>>>,
    /// Triggers, run in order.
    pub triggers: Vec<Trigger>,
}

/// One change to a value on its way in. A value that it does not fit stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// `Ann@Example.com` -> `ann@example.com`.
    LowerCase,
    /// Spaces at both ends go.
    Trim,
    /// At most this many characters stay.
    Truncate(usize),
    /// `212 555 0100` -> `(212) 555-0100`; with a leading `+`, only the digits stay behind it.
    PhoneFormat,
    /// A number keeps this many decimal places, halves away from zero.
    Round(u32),
}

/// When one property changes, another is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Plural object type name.
    pub object: String,
    /// The property that sets it off.
    pub when: String,
    /// The property that it sets.
    pub set: String,
    /// What to.
    pub to: Effect,
}

/// What a trigger writes, given the new value of the property that set it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The same value.
    Copy,
    /// The value in capitals.
    UpperCase,
    /// Always this.
    Constant(String),
}

impl Rules {
    /// What is stored when `value` is written.
    pub(super) fn rewritten(&self, object: &str, property: &str, value: String) -> String {
        let Some(rewrites) = self.rewrites.get(object).and_then(|by_name| by_name.get(property)) else {
            return value;
        };
        rewrites.iter().fold(value, |value, rewrite| rewrite.apply(value))
    }

    /// What the triggers set after these properties have changed, in order.
    pub(super) fn set_off(&self, object: &str, changed: &[Set]) -> Vec<(String, String)> {
        let mine = self.triggers.iter().filter(|trigger| trigger.object == object);
        mine.filter_map(|trigger| {
            let set = changed.iter().find(|set| set.name == trigger.when)?;
            Some((trigger.set.clone(), trigger.to.apply(&set.value)))
        })
        .collect()
    }
}

impl Rewrite {
    fn apply(self, value: String) -> String {
        match self {
            Self::LowerCase => value.to_lowercase(),
            Self::Trim => value.trim().to_owned(),
            Self::Truncate(characters) => value.chars().take(characters).collect(),
            Self::PhoneFormat => phone_formatted(value),
            Self::Round(scale) => rounded(value, scale),
        }
    }
}

impl Effect {
    fn apply(&self, value: &str) -> String {
        match self {
            Self::Copy => value.to_owned(),
            Self::UpperCase => value.to_uppercase(),
            Self::Constant(constant) => constant.clone(),
        }
    }
}

fn phone_formatted(value: String) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    if value.trim_start().starts_with('+') && !digits.is_empty() {
        return format!("+{digits}");
    }
    match (digits.get(0..3), digits.get(3..6), digits.get(6..)) {
        (Some(area), Some(office), Some(line)) if line.len() == 4 => format!("({area}) {office}-{line}"),
        (Some(_) | None, Some(_) | None, Some(_) | None) => value,
    }
}

fn rounded(value: String, scale: u32) -> String {
    match value.parse::<Decimal>() {
        Ok(number) => {
            number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero).to_string()
        }
        Err(_) => value,
    }
}
