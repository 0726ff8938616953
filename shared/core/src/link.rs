//! Links: the pair of records that are one thing, with the base and the intents that travel with it.

mod gone;
pub mod packed;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::contract::Object;
use crate::names::{
    ContractVersion, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, Side, Token, WireName,
};
use crate::value::{ImageHash, Presence, Raw};

/// An open intent is expected to land or to be refused within this time; until then it is left alone. Ours: well above
/// an ordinary queue's delay.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// For how long a side's refusal is not questioned: an administrator may have changed what it was about since. Salesforce's
/// smallest daily allowance is 100,000 calls, so that even 10,000 refused records cost a tenth of it.
pub const REFUSAL_STANDS: SignedDuration = SignedDuration::from_hours(24);

/// All that Concord remembers of one pair. One item, one conditional write, under 1 KB in ordinary use: that is
/// why instants are stored as numbers (no CRM tells more than milliseconds).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Derived from the record first seen, so that two workers compute the same one (P6).
    pub id: LinkId,
    /// The object type, by the contract's name.
    pub object: ObjectName,
    /// Optimistic lock: the number of commits so far.
    pub generation: Generation,
    /// Whether the pair is kept in agreement.
    pub status: Status,
    /// The record on each side, once known.
    pub records: PerSide<Option<RecordId>>,
    /// Highest intent number given out. One counter over both sides (P1).
    pub issued: Token,
    /// Per field: its base and, if it is held, the two values that stand against each other.
    pub fields: BTreeMap<FieldName, FieldMemory>,
    /// Open intents, and settled ones that may still land late (P3).
    pub intents: Vec<Intent>,
    /// The natural keys that the link has claimed, by field.
    pub keys: BTreeMap<FieldName, ImageHash>,
    /// Sides that refused a write for good, or show nothing. The reason is parked under the record.
    pub refused: PerSide<Refusal>,
    /// The contract version of the last decision.
    pub contract: ContractVersion,
    /// Whether those that waited for this to be a whole pair have been told that it is (P12).
    pub announced: bool,
    /// Since when both records are known to be deleted (P10). Packed only where it is known: see [`packed`].
    #[serde(skip)]
    pub gone: Option<Timestamp>,
}

impl Link {
    /// A link that nobody has stored yet.
    #[must_use]
    pub const fn new(id: LinkId, object: ObjectName, contract: ContractVersion) -> Self {
        Self {
            id,
            object,
            generation: Generation(0),
            status: Status::Live,
            records: PerSide { hubspot: None, salesforce: None },
            issued: Token(0),
            fields: BTreeMap::new(),
            intents: Vec::new(),
            keys: BTreeMap::new(),
            refused: PerSide { hubspot: Refusal::None, salesforce: Refusal::None },
            contract,
            announced: false,
            gone: None,
        }
    }

    /// Forgets what the two sides agreed on, since one of them is another record now, with a history of its own in
    /// which tokens of other links may stand, up to `token`. The two meet as records meet for the first time (P11).
    pub fn meet_anew(&mut self, token: Token) {
        self.issued = self.issued.max(token);
        self.intents.clear();
        self.announced = false;
        self.fields.values_mut().for_each(|memory| memory.base = None);
    }

    /// Goes over to the contact that its lead became. What was agreed on stays where the contact `shows` what the lead held; elsewhere
    /// the two sides meet for the first time, since not every field of a lead is taken along. What was under way to the lead arrives
    /// nowhere. Tokens of other links may stand on the contact, up to `token`.
    pub fn go_over(
        &mut self,
        token: Token,
        blank: ImageHash,
        shows: impl Fn(&FieldName) -> Option<ImageHash>,
    ) {
        self.issued = self.issued.max(token);
        self.intents.retain(|intent| intent.side != Side::Salesforce);
        self.announced = false;
        self.refused.salesforce = Refusal::None;
        for (name, memory) in &mut self.fields {
            let shown = shows(name);
            if memory.base.as_ref().is_none_or(|base| Some(base.images.salesforce.hash) != shown) {
                memory.base = None;
            }
            // What was sent for a value that was not taken along is no agreement either.
            if memory.base.is_none() && shown.is_none_or(|shown| shown == blank) {
                self.intents.iter_mut().for_each(|intent| intent.parts.retain(|part| part.field != *name));
            }
        }
    }

    /// Forgets everything but which records it was, and the keys by which a copy of them is known, so that nobody makes them
    /// again. `purges`: the records have to go as well; of two that a person keeps apart, only the one that is erased, `by`
    /// its side. What an insert of ours may yet make has to go anyhow: [`Link::purge_what_was_made`].
    pub fn erase(&mut self, by: Side, purges: bool) -> Erased {
        let apart = matches!(self.status, Status::Apart { .. });
        let purge = PerSide::of(|side| self.records[side].is_some() && purges && (side == by || !apart));
        self.status = Status::Erased { purge };
        self.intents.clear();
        self.announced = false;
        self.refused = PerSide::default();
        let mut erased = Erased::default();
        for (name, memory) in std::mem::take(&mut self.fields) {
            if memory.held.is_some() {
                erased.held.push(name.clone());
            }
            if memory.standing == FieldStanding::Parked {
                erased.parked.push(name);
            }
        }
        erased
    }

    /// If it is erased: a record that a write of ours has made after all goes too.
    pub fn purge_what_was_made(&mut self, side: Side) {
        if let Status::Erased { purge } = &mut self.status {
            purge[side] = true;
        }
    }

    /// Whether nothing is remembered of it but who it was.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        matches!(self.status, Status::Erased { .. })
    }

    /// Whether it lives on both sides, so that references to it can be kept on both.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.status == Status::Live && self.has_both()
    }

    /// Whether it has a record on each side.
    #[must_use]
    pub fn has_both(&self) -> bool {
        Side::BOTH.into_iter().all(|side| self.records[side].is_some())
    }

    /// Ends one intent.
    pub fn end(&mut self, number: Token, progress: &Progress) {
        let known = self.intents.iter_mut().filter(|intent| intent.number == number);
        known.for_each(|intent| intent.close(progress.clone()));
    }

    /// Closes what is open, and what was refused, on both sides. Whether anything was.
    pub fn give_up(&mut self) -> bool {
        let given_up = Side::BOTH.map(|side| self.give_up_on(side));
        given_up.contains(&true)
    }

    /// Nothing is to be written to this side: what is open there is no longer wanted, and what was refused no longer
    /// matters. What lands of it all the same is known by its token.
    pub fn give_up_on(&mut self, side: Side) -> bool {
        let mut given_up = false;
        for intent in self.intents.iter_mut().filter(|intent| intent.side == side) {
            if intent.progress.is_open() || intent.progress == Progress::Refused {
                intent.close(Progress::Closed);
                given_up = true;
            }
        }
        given_up
    }

    /// Whether a record is being made on this side: an insert is open and was decided a moment ago.
    #[must_use]
    pub fn makes(&self, side: Side, now: Timestamp) -> bool {
        self.intents.iter().any(|intent| {
            intent.side == side
                && intent.action.is_insert()
                && intent.progress.is_under_way()
                && now.duration_since(intent.decided) < PATIENCE
        })
    }

    /// Whether Salesforce's record is a lead.
    #[must_use]
    pub fn is_lead(&self) -> bool {
        self.records.salesforce.as_ref().is_some_and(RecordId::is_lead)
    }

    /// Whether we may be the last modifier of Salesforce's row for having archived it, whoever typed what it holds (P9).
    #[must_use]
    pub fn is_archived_since(&self, token: Token) -> bool {
        self.intents.iter().any(|intent| match intent.action {
            Action::Archive | Action::Undelete => intent.number > token,
            Action::Insert { .. } | Action::Update { .. } | Action::Purge => false,
        })
    }

    /// Whether a person is asked about a field that the contract names no longer.
    #[must_use]
    pub fn waits_in_vain(&self, object: &Object) -> bool {
        let waits = |memory: &FieldMemory| memory.held.is_some() || memory.standing == FieldStanding::Parked;
        self.fields.iter().any(|(name, memory)| waits(memory) && !object.fields.contains_key(name))
    }

    /// When the oldest intent was decided that has not been seen to land, nor given up. `None`: all is settled.
    #[must_use]
    pub fn open_since(&self) -> Option<Timestamp> {
        self.intents.iter().filter(|intent| intent.progress.is_open()).map(|intent| intent.decided).min()
    }

    /// The intent with this number, if its details are still kept.
    #[must_use]
    pub fn intent(&self, number: Token) -> Option<&Intent> {
        self.intents.iter().find(|intent| intent.number == number)
    }
}

/// Whether a side's refusal is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Refusal {
    /// No.
    #[default]
    None,
    /// Yes, until a write is taken.
    Parked,
    /// It shows nothing under the record's id, and nothing says why. Until it does.
    Unseen,
}

/// Whether a pair is kept in agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Yes.
    Live,
    /// One side is in the bin; the other was told so by the contract's soft-delete flag (P9).
    Flagged {
        /// The side whose record is in the bin.
        deleted: Side,
    },
    /// No longer: a delete met an edit, the contract says so, or one record was merged into another pair's. Records
    /// stay claimed, so none is re-created.
    Unlinked {
        /// The side whose record is in the bin, or gone into another.
        deleted: Side,
    },
    /// No longer: a person said so. Records stay claimed, so none is re-created.
    Apart {
        /// Whether what was under way then has been looked at.
        settled: bool,
    },
    /// No longer: privacy law asked for it. Records and keys stay claimed, so none is re-created; nothing else is kept, and
    /// nothing brings the pair back.
    Erased {
        /// The sides whose record is to go for good.
        purge: PerSide<bool>,
    },
}

/// Fields of an erased link of which something stood elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// Those with a conflict.
    pub held: Vec<FieldName>,
    /// Those that were set aside.
    pub parked: Vec<FieldName>,
}

/// What is remembered of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FieldMemory {
    /// `None` until both sides were once seen or made to agree.
    pub base: Option<Base>,
    /// A conflict that waits for a person (policy `hold`).
    pub held: Option<Held>,
    /// Whether it is kept in agreement, or set aside with a reason.
    pub standing: FieldStanding,
}

/// Two edits of a field that have not seen each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Hashes of the two values.
    pub values: PerSide<ImageHash>,
    /// The side whose value a person took. It holds for these two values and no others.
    pub taken: Option<Side>,
}

/// Whether a field is kept in agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FieldStanding {
    /// Yes.
    #[default]
    Kept,
    /// No: it cannot be mapped or settled. The reason is parked.
    Parked,
}

/// A pair of images, numbered by the intent that set it (P2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Only a higher number moves it.
    pub number: Token,
    /// What each side stored when the two last agreed.
    pub images: PerSide<Image>,
    /// Whether Salesforce's image was seen or only sent.
    pub proof: Proof,
}

/// The value that one side stored, by hash, and where in that side's order of versions it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Of the canonical form of what was stored.
    pub hash: ImageHash,
    /// Versions after this place are news.
    pub place: Place,
    /// Of a set: the hash of each element, which a merge by union needs. Empty otherwise.
    pub elements: Vec<ImageHash>,
}

/// A place in a side's order of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// Salesforce: the row token under which the value was read.
    Token(Token),
    /// HubSpot: the instant of the version in the field's history; `None` if it had no version yet.
    Version(#[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")] Option<Timestamp>),
}

/// How sure we are of Salesforce's image (P4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// Read back under our token with ourselves as last modifier.
    Seen,
    /// Somebody touched the row before we could read it back: the image is what we sent. A different value
    /// may be the CRM's rewriting or an edit, so it is carried only while the other side is unchanged.
    Sent,
}

/// One write, fully specified. Durable before it is attempted (I26).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its number, written to the row as `concord_token`.
    pub number: Token,
    /// The side it writes to.
    pub side: Side,
    /// What it does there.
    pub action: Action,
    /// The fields it writes.
    pub parts: Vec<Part>,
    /// When it was decided.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub decided: Timestamp,
    /// How far it has come.
    pub progress: Progress,
}

impl Intent {
    /// Ends it. What is kept of it is hashes only: its values are gone from the store (DESIGN 5).
    pub fn close(&mut self, progress: Progress) {
        self.progress = progress;
        self.parts.iter_mut().for_each(|part| part.values.clear());
    }
}

/// What an intent does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Make the record, carrying `concord_id`. Never an upsert (P6).
    Insert {
        /// Salesforce: as a lead. It stays what it is until no repetition can land: the two types have an index each.
        lead: bool,
    },
    /// Write fields of the record. Also stamps `concord_id`, which the record must have from then on.
    Update {
        /// Salesforce: send `If-Unmodified-Since` with this. HubSpot has no precondition.
        #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
        unmodified_since: Option<Timestamp>,
    },
    /// Put the record in the bin.
    Archive,
    /// Take the record out of the bin. Salesforce only; HubSpot restores by hand.
    Undelete,
    /// Remove the record for good, from the bin too.
    Purge,
}

impl Action {
    /// Whether it makes a lead. `None`: it makes nothing.
    #[must_use]
    pub const fn makes_lead(&self) -> Option<bool> {
        match self {
            Self::Insert { lead } => Some(*lead),
            Self::Update { .. } | Self::Archive | Self::Undelete | Self::Purge => None,
        }
    }

    /// Whether it makes the record.
    #[must_use]
    pub const fn is_insert(&self) -> bool {
        matches!(self, Self::Insert { .. })
    }
}

/// One field of an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The contract's field.
    pub field: FieldName,
    /// Why it is written.
    pub role: Role,
    /// The place of the target's effective value when this was decided: what a person typed after it was hidden, even
    /// if it is the same value again (P5).
    pub seen: Place,
    /// Hash of the canonical value that is sent.
    pub sent: ImageHash,
    /// The values on the wire. Emptied when the intent settles, so that `State` keeps no personal value.
    pub values: Vec<(WireName, Presence<Raw>)>,
}

/// Why a field is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The other side's value, whose image then was this.
    Carry {
        /// Becomes the source's half of the base when the intent lands.
        source: Image,
    },
    /// The side's own effective value, over a landing that had to be skipped. Moves no base.
    Restore,
    /// A value that neither side holds yet: sets merged by union, the soft-delete flag. Moves no base: the side
    /// then stands as if edited, and the other side is brought along by an ordinary carry.
    Amend,
    /// Associations that the side gains and loses. Moves no base: an association carries no token, and the base moves when both
    /// sides are seen to agree.
    Associate {
        /// Hashes, as in [`Image::elements`].
        gained: Vec<ImageHash>,
        /// Hashes of what goes.
        lost: Vec<ImageHash>,
    },
}

/// How far an intent has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Decided; no answer recorded.
    Open,
    /// An attempt was made and answered or lost; whether it landed is for the row to say.
    Sent,
    /// Its token was seen on the row, or it was superseded. Details are kept while an attempt may land late.
    Closed,
    /// The side refused it for good. The same write is not tried again until something else is decided.
    Refused,
    /// An attempt came to nothing, as far as is known: it is decided again, from both rows.
    PutOff,
}

impl Progress {
    /// Whether it still waits to be attempted, to be seen, or to be decided again.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Open | Self::Sent | Self::PutOff => true,
            Self::Closed | Self::Refused => false,
        }
    }

    /// Whether it still waits to be attempted or to be seen.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        match self {
            Self::Open | Self::Sent => true,
            Self::Closed | Self::Refused | Self::PutOff => false,
        }
    }
}
