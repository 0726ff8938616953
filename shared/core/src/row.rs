//! Rows: what one side shows of one record when read by id, with whatever lets us order its versions.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::canonical::Unmappable;
use crate::contract::Field;
use crate::names::{LinkId, RecordId, Side, Token, WireName};
use crate::value::{Presence, Raw, Value};

/// The answer to a by-id read of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The row, alive or in the bin.
    Row(Box<Row>),
    /// The record was merged away, or is a lead that was converted; this one stands for it now (P11).
    MergedInto(RecordId),
    /// The side shows nothing under this id. Not evidence of a delete (P9).
    NotFound,
}

/// One record as its side shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The side's id; Salesforce's in its 18-character form.
    pub id: RecordId,
    /// Alive, or in the bin.
    pub standing: Standing,
    /// Every field that was asked for. One that the side left out stands here as `Unknown`.
    pub fields: BTreeMap<WireName, Presence<Raw>>,
    /// Number of the last intent that the row took in (`concord_token`).
    pub token: Option<Token>,
    /// The link that the row belongs to (`concord_id`).
    pub concord_id: Option<LinkId>,
    /// The side's own version mark: HubSpot `updatedAt`, Salesforce `LastModifiedDate`.
    pub revision: Timestamp,
    /// How the versions of this row can be ordered.
    pub versions: Versions,
}

impl Row {
    /// What the row shows of a field, in canonical form. `Unknown` if any part of it was not shown.
    ///
    /// # Errors
    /// [`Unmappable`] if it has no canonical form.
    pub fn shows(&self, field: &Field, side: Side) -> Result<Presence<Value>, Unmappable> {
        let raw =
            field.wire[side].iter().map(|wire| self.fields.get(wire).cloned().unwrap_or(Presence::Unknown));
        field.canonicalise(side, &raw.collect::<Vec<_>>())
    }

    /// The edit of this instant that made a field what the row shows: by whom it was, as far as its side tells.
    #[must_use]
    pub fn edited(&self, field: &Field, side: Side, at: Timestamp) -> Edited {
        let named = |author: &Author| match author {
            Author::Other(name) => Some(name.clone()),
            Author::Us | Author::Unknown => None,
        };
        let by = match &self.versions {
            Versions::History(history) => {
                let versions = field.wire[side].iter().filter_map(|wire| history.fields.get(wire)).flatten();
                versions.filter(|version| version.at == at).find_map(|version| named(&version.author))
            }
            Versions::Stamp { modified, modified_by, .. } if *modified == at => named(modified_by),
            Versions::Stamp { .. } | Versions::Listed => None,
        };
        Edited { at, by }
    }

    /// Whether it was last changed less than so long before we asked, as far as its side tells.
    #[must_use]
    pub fn is_younger_than(&self, age: SignedDuration) -> bool {
        match &self.versions {
            // A row that changed after we asked is as young as can be, and no younger.
            Versions::Stamp { modified, asked, .. } => {
                asked.duration_since(*modified).max(SignedDuration::ZERO) < age
            }
            Versions::History(_) | Versions::Listed => false,
        }
    }

    /// The highest number of an intent that it ever took in, as far as its side tells.
    #[must_use]
    pub fn highest_token(&self) -> Token {
        let past = match &self.versions {
            Versions::History(history) => history.tokens.iter().map(|(_, token)| *token).max(),
            Versions::Stamp { .. } | Versions::Listed => None,
        };
        past.max(self.token).unwrap_or_default()
    }
}

/// Whether a record is in use. Bin and archive are recoverable; a purge shows as [`Reading::NotFound`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In use.
    Alive,
    /// HubSpot `archived: true`; Salesforce `IsDeleted = true`. This *is* evidence of a delete (P9).
    Archived {
        /// Who did it, where the side tells.
        by: Author,
    },
}

/// Who wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// Concord: our HubSpot app, our dedicated Salesforce user.
    Us,
    /// Anybody and anything else: people, workflows, triggers, imports. As the side names them, which is never a person's name:
    /// HubSpot `CRM_UI userId:75514748`, Salesforce the user's id.
    Other(String),
    /// The side does not tell.
    Unknown,
}

/// An edit, but for what was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// When.
    pub at: Timestamp,
    /// Who, as the side names them: [`Author::Other`].
    pub by: Option<String>,
}

/// What is known of the versions a row went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// HubSpot: every version of each field and of `concord_token`, oldest first, as far as the side keeps them.
    History(History),
    /// Salesforce: only the current row is visible, with its stamps.
    Stamp {
        /// `LastModifiedDate`; to the second.
        modified: Timestamp,
        /// `LastModifiedById`, compared with our dedicated user.
        modified_by: Author,
        /// When we asked, by the server's clock: the row was looked at no earlier. It is a sound precondition only if
        /// this second is later than that of `modified` (P5).
        asked: Timestamp,
    },
    /// Read from a listing or a poll: good for a hint, never for a decision (I31).
    Listed,
}

/// HubSpot's `propertiesWithHistory`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Versions of each field, oldest first. A field that never held anything has none.
    pub fields: BTreeMap<WireName, Vec<Version>>,
    /// Versions of `concord_token`, oldest first.
    pub tokens: Vec<(Timestamp, Token)>,
}

/// One version of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// When it was written, by HubSpot's clock; all fields of one request share it.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: Author,
    /// What was stored.
    pub value: Presence<Raw>,
}
