//! One CRM: by-id reads, guarded writes, listings. Implemented by the HubSpot and Salesforce clients.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::names::{LinkId, ObjectName, RecordId, Side, Token, WireName};
use crate::owner::Owner;
use crate::row::{Reading, Row};
use crate::value::{Presence, Raw};

/// One CRM. Wire formats, logins, batching and paging are its own affair.
pub trait Crm: Send + Sync {
    /// Which one it is.
    fn side(&self) -> Side;

    /// Reads rows by id, with everything that is needed to settle: fields, `concord_token`, `concord_id`,
    /// stamps, and on HubSpot the history of the fields and the token. One reading per id, in order;
    /// archived rows included.
    ///
    /// # Errors
    /// One for the whole call; a record that cannot be read is [`Reading::NotFound`], never an error.
    fn read(
        &self,
        object: &ObjectSpec,
        ids: &[RecordId],
    ) -> impl Future<Output = Result<Vec<Reading>, Failure>> + Send;

    /// Writes, at most once each, `concord_token` and `concord_id` in the same request as the values.
    /// One outcome per write, in order.
    fn write(&self, object: &ObjectSpec, writes: &[Write]) -> impl Future<Output = Vec<Outcome>> + Send;

    /// Finds records whose field equals a value exactly: HubSpot by unique property (never search),
    /// Salesforce by SOQL. One entry per value, in order.
    ///
    /// # Errors
    /// One for the whole call.
    fn find(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        values: &[String],
    ) -> impl Future<Output = Result<Vec<Found>, Failure>> + Send;

    /// Finds the records that carry these links' ids as `concord_id`, in the bin too where the side can. One entry
    /// per link, in order.
    ///
    /// # Errors
    /// One for the whole call.
    fn find_linked(
        &self,
        object: &ObjectSpec,
        links: &[String],
    ) -> impl Future<Output = Result<Vec<Found>, Failure>> + Send;

    /// Finds live records whose field holds one of these texts, whatever the capitals: HubSpot by search, which lags and may show
    /// what no longer matches; Salesforce by SOQL. For people to judge, never to link by; of very many, some. Rows carry
    /// [`crate::row::Versions::Listed`].
    ///
    /// # Errors
    /// One for the whole call.
    fn search(
        &self,
        object: &ObjectSpec,
        field: &WireName,
        texts: &[String],
    ) -> impl Future<Output = Result<Vec<Row>, Failure>> + Send;

    /// One page of a listing. Rows carry [`crate::row::Versions::Listed`].
    ///
    /// # Errors
    /// One for the whole call; the mark stays good.
    fn list(
        &self,
        object: &ObjectSpec,
        listing: &Listing,
        from: Option<&PageMark>,
    ) -> impl Future<Output = Result<Page, Failure>> + Send;

    /// Everybody who can own a record, or could.
    ///
    /// # Errors
    /// One for the whole call.
    fn owners(&self) -> impl Future<Output = Result<Vec<Owner>, Failure>> + Send;

    /// The live schema of an object type; in HubSpot also of a set of associations, by both types (`deals.associations.contacts`): one
    /// field, whose choices are the labels.
    ///
    /// # Errors
    /// One for the whole call.
    fn schema(&self, object: &WireName) -> impl Future<Output = Result<Schema, Failure>> + Send;
}

/// What a client needs to know of an object type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSpec {
    /// The contract's name.
    pub object: ObjectName,
    /// The side's name: `contacts`, `Contact`.
    pub wire: WireName,
    /// The mapped fields, by the side's names, sorted, each once; Concord's own fields not among them.
    pub fields: Vec<WireName>,
    /// What Salesforce's leads call them, if some of the records are leads: a lead's row is shown under the names above, and
    /// without what it does not have. Fields that leads alone have begin with [`LEADS_ONLY`](crate::contract::LEADS_ONLY).
    pub lead: Option<BTreeMap<WireName, WireName>>,
    /// For sets of associations, what the side calls the roles that are anybody's business
    /// ([`PRIMARY`](crate::contract::PRIMARY) for Salesforce's mark): shown as `id:role` beside the record's `id`, and written so.
    pub roles: BTreeMap<WireName, BTreeSet<String>>,
}

/// One attempt at one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Written as `concord_id`.
    pub link: LinkId,
    /// Written as `concord_token`.
    pub token: Token,
    /// What to do.
    pub operation: Operation,
}

/// What to do to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Make it. A duplicate is an answer, not a failure.
    Insert {
        /// The values on the wire.
        values: Vec<(WireName, Presence<Raw>)>,
    },
    /// Write fields of it.
    Update {
        /// The record.
        id: RecordId,
        /// The values on the wire; `Blank` clears. `Unknown` must not occur.
        values: Vec<(WireName, Presence<Raw>)>,
        /// Salesforce: refuse if the row changed since. `None`: no precondition, may be sent in collections.
        unmodified_since: Option<Timestamp>,
    },
    /// Put it in the bin. Blind: carries no token.
    Archive {
        /// The record.
        id: RecordId,
    },
    /// Take it out of the bin.
    Undelete {
        /// The record.
        id: RecordId,
    },
    /// Remove it for good, as privacy law asks; from the bin too. Blind, and never taken back.
    Purge {
        /// The record.
        id: RecordId,
    },
}

impl Operation {
    /// The values on the wire; none for what writes no fields.
    #[must_use]
    pub fn values(&self) -> &[(WireName, Presence<Raw>)] {
        match self {
            Self::Insert { values } | Self::Update { values, .. } => values,
            Self::Archive { .. } | Self::Undelete { .. } | Self::Purge { .. } => &[],
        }
    }

    /// The same, to be changed.
    pub const fn values_mut(&mut self) -> Option<&mut Vec<(WireName, Presence<Raw>)>> {
        match self {
            Self::Insert { values } | Self::Update { values, .. } => Some(values),
            Self::Archive { .. } | Self::Undelete { .. } | Self::Purge { .. } => None,
        }
    }
}

/// The answer to one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The side took it; this is the record.
    Done(RecordId),
    /// Insert or stamp refused: another record holds the same unique value.
    Duplicate(Option<RecordId>),
    /// The precondition failed: somebody was faster, or an earlier attempt of ours landed.
    Moved,
    /// There is no such record (any more).
    Gone,
    /// It was not done, or nobody knows.
    Failed(Failure),
}

/// Why a call failed, by what to do about it. Reasons carry codes and field names, never record values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// Come again: limits, locks, outages, lost answers. What was attempted may have happened.
    #[error("the side asks to come again after {after_ms} ms: {reason}")]
    Retry {
        /// Milliseconds to wait at least.
        after_ms: u64,
        /// The side's code.
        reason: String,
    },
    /// The login was refused or has run out; the client has dropped it and will log in anew at the next call.
    #[error("the login has to be renewed: {reason}")]
    RefreshLogin {
        /// The side's code.
        reason: String,
    },
    /// It will fail again until somebody acts: set the record aside.
    #[error("{reason}")]
    Park {
        /// The side's code, the field, and what to do.
        reason: String,
    },
    /// The request contradicts the state of the record.
    #[error("conflict: {reason}")]
    Conflict {
        /// The side's code.
        reason: String,
    },
    /// We sent what we should not have sent.
    #[error("bug in Concord: {reason}")]
    Bug {
        /// The side's code.
        reason: String,
    },
}

/// The records that hold a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// None, one, or an ambiguity.
    pub ids: Vec<RecordId>,
    /// Whoever got the value within this time may be missing.
    pub lag: SignedDuration,
}

impl Found {
    /// All that hold the value at this moment.
    #[must_use]
    pub const fn exact(ids: Vec<RecordId>) -> Self {
        Self { ids, lag: SignedDuration::ZERO }
    }
}

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Live records changed at or after this instant, by the side's clock. Covers bins where the side can.
    Changed {
        /// Inclusive.
        since: Timestamp,
    },
    /// Every live record.
    All,
    /// Records in the bin, deleted at or after this instant where the side can tell, else all.
    Archived {
        /// Inclusive.
        since: Timestamp,
    },
}

/// Where a listing goes on. Opaque to all but the client that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageMark(pub String);

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Rows; may be stale or repeated.
    pub rows: Vec<Row>,
    /// The next page, if there is one.
    pub next: Option<PageMark>,
    /// Every change before this instant, by the side's clock, has been shown once the last page is read.
    pub complete_until: Timestamp,
}

/// An object type's live schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// Its fields, by the side's names. A field hidden from us is not among them.
    pub fields: BTreeMap<WireName, FieldSchema>,
}

/// One field's live schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSchema {
    /// What it holds.
    pub kind: FieldKind,
    /// Whether we may write it.
    pub writable: bool,
    /// Whether the side keeps its values unique.
    pub unique: bool,
    /// Whether records are found by its value.
    pub findable: bool,
    /// The values it takes, if it is a choice.
    pub options: Vec<String>,
    /// The longest text it takes, in characters.
    pub length_max: Option<u32>,
}

/// What a field holds, as far as a contract has to agree with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text of any kind.
    Text,
    /// Yes or no.
    Boolean,
    /// A number of any kind.
    Number,
    /// A calendar day.
    Date,
    /// An instant.
    DateTime,
    /// One of several options.
    Choice,
    /// Any of several options.
    Choices,
    /// The id of another record or a user.
    Reference,
    /// Anything that Concord does not map.
    Other,
}
