//! Booleans, single choices and sets of choices. Choices are named by HubSpot's internal name; both sides
//! compare them exactly.

use std::collections::BTreeSet;

use super::{Reason, from_text, trimmed};
use crate::contract::Options;
use crate::names::Side;
use crate::value::{Presence, Raw, Value};

/// Separates the members of a set on both sides (HubSpot property values; Salesforce multipicklists).
pub(crate) const SET_SEPARATOR: char = ';';
/// Separates a pipeline from its stage in the contract: HubSpot's internal names are letters, digits and hyphens.
const STAGE_SEPARATOR: char = '/';

/// A blank is `false`: a Salesforce checkbox is never blank, so a blank could not make the round trip.
pub(super) fn canonical_boolean(raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    if let Presence::Value(Raw::Boolean(yes)) = raw {
        return Ok(Presence::Value(Value::Boolean(*yes)));
    }
    match trimmed(raw)? {
        None => Ok(Presence::Value(Value::Boolean(false))),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Presence::Value(Value::Boolean(true))),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Presence::Value(Value::Boolean(false))),
        Some(_) => Err(Reason::Boolean),
    }
}

pub(super) fn render_boolean(side: Side, yes: bool) -> Raw {
    match side {
        Side::HubSpot => Raw::Text(yes.to_string()),
        Side::Salesforce => Raw::Boolean(yes),
    }
}

pub(super) fn canonical(
    options: &Options,
    side: Side,
    raw: &Presence<Raw>,
) -> Result<Presence<Value>, Reason> {
    from_text(raw, |choice| read(options, side, choice).map(Value::Text))
}

/// Order and repetition do not matter (Salesforce reorders), and neither does HubSpot's leading `;`, which
/// asks to append.
pub(super) fn canonical_set(
    options: &Options,
    side: Side,
    raw: &Presence<Raw>,
) -> Result<Presence<Value>, Reason> {
    let Some(text) = trimmed(raw)? else { return Ok(Presence::Blank) };
    let set: BTreeSet<String> = text
        .split(SET_SEPARATOR)
        .map(str::trim)
        .filter(|choice| !choice.is_empty())
        .map(|choice| read(options, side, choice))
        .collect::<Result<_, _>>()?;
    Ok(Value::choices(set))
}

pub(super) fn render(options: &Options, side: Side, choice: &str) -> Result<Raw, Reason> {
    written(options, side, choice).map(|text| Raw::Text(text.to_owned()))
}

pub(super) fn render_set(options: &Options, side: Side, set: &BTreeSet<String>) -> Result<Raw, Reason> {
    let written: BTreeSet<&str> =
        set.iter().map(|choice| written(options, side, choice)).collect::<Result<_, _>>()?;
    let written: Vec<&str> = written.into_iter().collect();
    Ok(Raw::Text(written.join(&SET_SEPARATOR.to_string())))
}

/// A pipeline and a stage are one choice: HubSpot names stages per pipeline.
pub(super) fn canonical_stage(
    stages: &Options,
    pipeline: &Presence<Raw>,
    stage: &Presence<Raw>,
) -> Result<Presence<Value>, Reason> {
    match (trimmed(pipeline)?, trimmed(stage)?) {
        (None, None) => Ok(Presence::Blank),
        (pipeline, stage) => {
            let at =
                format!("{}{STAGE_SEPARATOR}{}", pipeline.unwrap_or_default(), stage.unwrap_or_default());
            read(stages, Side::HubSpot, &at).map(Value::Text).map(Presence::Value)
        }
    }
}

pub(super) fn render_stage(stages: &Options, at: &str) -> Result<Vec<Presence<Raw>>, Reason> {
    let (pipeline, stage) = stage_parts(written(stages, Side::HubSpot, at)?).ok_or(Reason::Option)?;
    Ok([pipeline, stage].map(|part| Presence::Value(Raw::Text(part.to_owned()))).into())
}

/// The pipeline and the stage of `pipeline/stage`.
pub(crate) fn stage_parts(at: &str) -> Option<(&str, &str)> {
    at.split_once(STAGE_SEPARATOR).filter(|(pipeline, stage)| {
        !pipeline.is_empty() && !stage.is_empty() && !stage.contains(STAGE_SEPARATOR)
    })
}

fn read(options: &Options, side: Side, choice: &str) -> Result<String, Reason> {
    match (options, side) {
        (Options::Same, _) => Ok(choice.to_owned()),
        (Options::Map(map), Side::HubSpot) => {
            map.get_key_value(choice).map(|(internal, _)| internal.clone()).ok_or(Reason::Option)
        }
        (Options::Map(map), Side::Salesforce) => map
            .iter()
            .find(|(_, theirs)| *theirs == choice)
            .map(|(internal, _)| internal.clone())
            .ok_or(Reason::Option),
    }
}

fn written<'a>(options: &'a Options, side: Side, choice: &'a str) -> Result<&'a str, Reason> {
    match (options, side) {
        (Options::Same, _) => Ok(choice),
        (Options::Map(map), Side::HubSpot) => {
            map.get_key_value(choice).map(|(internal, _)| internal.as_str()).ok_or(Reason::Option)
        }
        (Options::Map(map), Side::Salesforce) => map.get(choice).map(String::as_str).ok_or(Reason::Option),
    }
}
