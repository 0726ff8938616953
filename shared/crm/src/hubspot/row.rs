//! From a record on the wire to a row.

use concord_core::names::{LinkId, RecordId, Token, WireName};
use concord_core::port::ObjectSpec;
use concord_core::row::{Author, History, Row, Standing, Version, Versions};
use concord_core::value::{Presence, Raw};

use super::config::{AppId, Config};
use super::wire::{Record, VersionText};

/// Reads a record that was asked for with its history.
pub(super) fn with_history(record: &Record, object: &ObjectSpec, config: &Config) -> Row {
    let history = History {
        fields: object
            .fields
            .iter()
            .filter_map(|field| {
                let versions = record.properties_with_history.get(field.as_str())?;
                Some((field.clone(), oldest_first(versions, config.app)))
            })
            .filter(|(_, versions)| !versions.is_empty())
            .collect(),
        tokens: tokens(record, &config.names.token),
    };
    row(record, object, config, Versions::History(history))
}

/// Reads a record of a listing.
pub(super) fn listed(record: &Record, object: &ObjectSpec, config: &Config) -> Row {
    row(record, object, config, Versions::Listed)
}

fn row(record: &Record, object: &ObjectSpec, config: &Config, versions: Versions) -> Row {
    Row {
        id: RecordId::new(&record.id),
        standing: match record.archived {
            // Properties have a history, the bin has none: HubSpot does not tell who archived.
            true => Standing::Archived { by: Author::Unknown },
            false => Standing::Alive,
        },
        fields: object.fields.iter().map(|field| (field.clone(), presence(record, field))).collect(),
        token: record.text(config.names.token.as_str()).and_then(token),
        concord_id: record.text(config.names.link.as_str()).map(LinkId::new),
        revision: record.updated_at,
        versions,
    }
}

/// A property that is not there was hidden or is not defined: HubSpot leaves such a one out without a word,
/// while an unset one is null on a read and empty in the answer to a write.
fn presence(record: &Record, field: &WireName) -> Presence<Raw> {
    match record.properties.get(field.as_str()) {
        None => Presence::Unknown,
        Some(value) => stored(value.as_deref()),
    }
}

fn stored(value: Option<&str>) -> Presence<Raw> {
    match value {
        None | Some("") => Presence::Blank,
        Some(text) => Presence::Value(Raw::Text(text.to_owned())),
    }
}

fn oldest_first(versions: &[VersionText], app: AppId) -> Vec<Version> {
    let mut versions: Vec<Version> = versions
        .iter()
        .rev()
        .map(|version| Version {
            at: version.timestamp,
            author: author(version, app),
            value: stored(version.value.as_deref()),
        })
        .collect();
    // Newest first is how it is seen, not how it is promised. The sort is stable.
    versions.sort_by_key(|version| version.at);
    versions
}

/// Ours only on both proofs; a version without a source could be anybody's.
fn author(version: &VersionText, app: AppId) -> Author {
    match (version.source_type.as_deref(), version.source_id.as_deref()) {
        (Some("INTEGRATION"), Some(source)) if source == app.0.to_string() => Author::Us,
        // What a source may be is nowhere listed: an address is left out.
        (Some(kind), Some(source)) if !source.contains('@') => Author::Other(format!("{kind} {source}")),
        (Some(kind), _) => Author::Other(kind.to_owned()),
        (None, _) => Author::Unknown,
    }
}

fn tokens(record: &Record, name: &WireName) -> Vec<(jiff::Timestamp, Token)> {
    let Some(versions) = record.properties_with_history.get(name.as_str()) else { return Vec::new() };
    let mut tokens: Vec<_> = versions
        .iter()
        .rev()
        .filter_map(|version| Some((version.timestamp, token(version.value.as_deref()?)?)))
        .collect();
    tokens.sort_by_key(|(at, _)| *at);
    tokens
}

/// A token that is no number was not written by us.
fn token(text: &str) -> Option<Token> {
    text.parse().ok().map(Token)
}
