//! Names: every id, key and number has a type of its own, so that none can stand in for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the two CRMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// HubSpot: no write precondition, full property history.
    HubSpot,
    /// Salesforce: `If-Unmodified-Since`, only the current row is visible.
    Salesforce,
}

impl Side {
    /// Both sides, in the order in which everything is done.
    pub const BOTH: [Self; 2] = [Self::HubSpot, Self::Salesforce];

    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::HubSpot => Self::Salesforce,
            Self::Salesforce => Self::HubSpot,
        }
    }

    /// The name used in keys, messages and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HubSpot => "hubspot",
            Self::Salesforce => "salesforce",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct PerSide<T> {
    /// HubSpot's.
    pub hubspot: T,
    /// Salesforce's.
    pub salesforce: T,
}

impl<T> PerSide<T> {
    /// Builds both by asking once for each side.
    pub fn of(mut f: impl FnMut(Side) -> T) -> Self {
        Self { hubspot: f(Side::HubSpot), salesforce: f(Side::Salesforce) }
    }

    /// Changes both.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> PerSide<U> {
        PerSide { hubspot: f(self.hubspot), salesforce: f(self.salesforce) }
    }

    /// The same shape, borrowed.
    pub const fn as_ref(&self) -> PerSide<&T> {
        PerSide { hubspot: &self.hubspot, salesforce: &self.salesforce }
    }
}

impl<T> PerSide<Option<T>> {
    /// Something for one side, and nothing for the other.
    pub fn only(side: Side, thing: T) -> Self {
        let mut sides = Self { hubspot: None, salesforce: None };
        sides[side] = Some(thing);
        sides
    }
}

impl<T> std::ops::Index<Side> for PerSide<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::HubSpot => &self.hubspot,
            Side::Salesforce => &self.salesforce,
        }
    }
}

impl<T> std::ops::IndexMut<Side> for PerSide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::HubSpot => &mut self.hubspot,
            Side::Salesforce => &mut self.salesforce,
        }
    }
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as it is.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

text_name! {
    /// The contract's name for a CRM object type: `contact`, `company`.
    ObjectName
}
text_name! {
    /// The contract's name for a mapped field: `email`, `name`.
    FieldName
}
text_name! {
    /// A side's own name for an object type or a field: `contacts`, `LastName`.
    WireName
}
text_name! {
    /// A side's own id of a record: HubSpot's `hs_object_id` in decimal (unique only within an object
    /// type), Salesforce's 18-character id.
    RecordId
}
text_name! {
    /// Names a link. Written to both rows as `concord_id`, where each CRM's unique index guards it (P6).
    LinkId
}

impl RecordId {
    /// Whether it is a lead of Salesforce's, whose ids tell the type by how they begin.
    #[must_use]
    pub fn is_lead(&self) -> bool {
        self.as_str().starts_with("00Q")
    }
}

/// A record's full address: HubSpot ids collide across object types, so the object is part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// The side that holds the record.
    pub side: Side,
    /// Its object type, by the contract's name.
    pub object: ObjectName,
    /// Its id on that side.
    pub id: RecordId,
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.side, self.object, self.id)
    }
}

impl LinkId {
    /// 128 bits in hex: collisions are out of reach, and both CRMs' text fields hold it.
    pub const CHARS: usize = 32;

    /// Whether text has the form of a link's id; no id of a record has it.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == Self::CHARS && text.bytes().all(hex)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The number that follows.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// An intent's number, and the mark it leaves on the row it was written to (`concord_token`).
    /// One counter per link over both sides; 0 is "none yet" (P1).
    Token
}
number! {
    /// A link's optimistic lock: every commit raises it by one, conditional on the value that was read.
    Generation
}
number! {
    /// Version of the contract that a decision was made under.
    ContractVersion
}
number! {
    /// Counts the owners of an idempotency record: a worker whose fence is stale can change nothing.
    Fence
}
