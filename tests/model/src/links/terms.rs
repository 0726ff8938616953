//! The things that the rules speak of: rows, links, bases, intents.

use std::fmt;
use std::ops::{Index, IndexMut};

/// One of the two CRMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// HubSpot: a blind write, but a full history.
    H,
    /// Salesforce: a guarded write, but only the current row.
    S,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::H, Self::S];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::H => Self::S,
            Self::S => Self::H,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One thing per side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Pair<T> {
    /// HubSpot's.
    pub h: T,
    /// Salesforce's.
    pub s: T,
}

impl<T> Index<Side> for Pair<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::H => &self.h,
            Side::S => &self.s,
        }
    }
}

impl<T> IndexMut<Side> for Pair<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::H => &mut self.h,
            Side::S => &mut self.s,
        }
    }
}

/// Two fields are enough to show that they do not disturb each other.
pub const FIELDS_MAX: usize = 2;

/// The names of the fields in traces.
pub const FIELD_NAMES: [&str; FIELDS_MAX] = ["f", "g"];

/// One thing per field.
pub type PerField<T> = [T; FIELDS_MAX];

/// What a field holds: 0 at first, then the number of the edit that typed it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Value(pub u8);

impl Value {
    const REWRITTEN: u8 = 0x80;

    /// What a rewriting CRM makes of it.
    #[must_use]
    pub const fn rewritten(self) -> Self {
        Self(self.0 | Self::REWRITTEN)
    }

    /// What was typed, whatever a CRM made of it.
    #[must_use]
    pub const fn plain(self) -> Self {
        Self(self.0 & !Self::REWRITTEN)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if *self == self.plain() { "" } else { "'" };
        write!(f, "{}{mark}", self.plain().0)
    }
}

/// Number of an intent; as `concord_token` on a row, of the intent that it last took in. 0: none yet (P1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Token(pub u8);

/// A place in a side's order of versions: a position in its history, or the row token of the read (P2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place(pub u8);

/// The current row of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Row {
    /// What it shows.
    pub values: PerField<Value>,
    /// Set by each of our writes.
    pub token: Token,
    /// Whether we were the last to modify it.
    pub is_by_us: bool,
    /// The stamp that a compare-and-set compares. Steps with each change, or with each second that has one.
    pub stamp: u8,
    /// Whether it was changed within the second that is now. Only where stamps are seconds.
    pub is_fresh: bool,
    /// The last edit by a person, as its place among all edits. Only where `newest` asks for it.
    pub edited: u8,
}

/// One version in a side's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// A person set a field.
    Typed {
        /// Which.
        field: usize,
        /// To what.
        value: Value,
        /// Its place among all edits.
        at: u8,
    },
    /// An intent landed.
    Landed {
        /// Which.
        token: Token,
        /// What the fields that it wrote hold since.
        values: PerField<Option<Value>>,
        /// The last edit before it, as its place among all edits. Only where `newest` asks for it.
        at: u8,
    },
}

impl Event {
    /// The value that it gave to a field.
    #[must_use]
    pub fn value(self, field: usize) -> Option<Value> {
        match self {
            Self::Typed { field: of, value, .. } => (of == field).then_some(value),
            Self::Landed { values, .. } => values[field],
        }
    }

    /// If it gave this field a value: when, as a place among all edits.
    #[must_use]
    pub fn given_at(self, field: usize) -> Option<u8> {
        let (Self::Typed { at, .. } | Self::Landed { at, .. }) = self;
        self.value(field).map(|_| at)
    }

    /// If a person set this field: the place of that among all edits.
    #[must_use]
    pub fn typed_at(self, field: usize) -> Option<u8> {
        match self {
            Self::Typed { field: of, at, .. } => (of == field).then_some(at),
            Self::Landed { .. } => None,
        }
    }
}

/// A value as one side stored it, and where it stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Image {
    /// The value.
    pub value: Value,
    /// Versions after this place are news.
    pub place: Place,
}

/// A pair of images, numbered by the intent that set it (P2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Base {
    /// Only a higher number moves it.
    pub number: Token,
    /// What each side stored when they last agreed.
    pub images: Pair<Image>,
    /// The image of a side that tells only its current row is what we sent, not what we saw (P4).
    pub is_unproven: bool,
}

/// Why a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The other side's value.
    Carry,
    /// The other side's value, over a stale landing that covers the same.
    Repair,
    /// The side's own effective value, over a landing that is skipped.
    Restore,
    /// Not written at all: a base per row claims it nevertheless (`wholerow` only).
    Claim,
}

/// One field of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Part {
    /// Why.
    pub role: Role,
    /// The other side's image when this was decided: its half of the base once this lands.
    pub source: Image,
    /// The target's image when this was decided. What people typed there since, this hides (P5).
    pub expected: Image,
    /// What is sent.
    pub sent: Value,
}

/// One write, fully specified before it is attempted (P1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intent {
    /// Its number.
    pub number: Token,
    /// The side it writes to.
    pub side: Side,
    /// The stamp of the row that it was decided on.
    pub stamp: u8,
    /// What it writes.
    pub parts: PerField<Option<Part>>,
}

/// Whether an intent waits for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Progress {
    /// To be attempted, or to be seen on the row.
    Open,
    /// It was seen on the row, or is no longer wanted: a zombie. Its details stay (P3).
    Closed,
}

/// All that is remembered of the pair. One conditional write each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Link {
    /// Per field, never per row.
    pub base: PerField<Base>,
    /// The highest number given out. One counter over both sides.
    pub issued: Token,
    /// Every intent whose details are kept.
    pub intents: Vec<(Intent, Progress)>,
    /// The two values that stand against each other.
    pub held: PerField<Option<Pair<Value>>>,
    /// Fields that are set aside, since history does not reach back to their base.
    pub is_parked: PerField<bool>,
}

impl Link {
    /// The intent with this number if it writes to this side and its details are still kept.
    #[must_use]
    pub fn intent(&self, side: Side, number: Token) -> Option<&Intent> {
        let mut intents = self.intents.iter().map(|(intent, _)| intent);
        intents.find(|intent| intent.number == number && intent.side == side)
    }
}
