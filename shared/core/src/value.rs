//! Values: what a field holds, typed and canonical, and the scalars that the sides send and take.

use std::collections::BTreeSet;
use std::hash::Hasher as _;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What a read tells about a field. `Unknown` never changes anything (P8).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Presence<T> {
    /// It holds this.
    Value(T),
    /// It was read and holds nothing.
    Blank,
    /// It was not returned: hidden, not asked for, or gone from the schema.
    Unknown,
}

impl<T> Presence<T> {
    /// Changes the value and keeps the rest.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Presence<U> {
        match self {
            Self::Value(value) => Presence::Value(f(value)),
            Self::Blank => Presence::Blank,
            Self::Unknown => Presence::Unknown,
        }
    }

    /// The value, if there is one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Blank | Self::Unknown => None,
        }
    }

    /// The same, borrowed.
    pub const fn as_ref(&self) -> Presence<&T> {
        match self {
            Self::Value(value) => Presence::Value(value),
            Self::Blank => Presence::Blank,
            Self::Unknown => Presence::Unknown,
        }
    }

    /// Whether the field was not shown to us.
    pub const fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Value(_) | Self::Blank => false,
        }
    }
}

/// One scalar as a side shows or takes it. HubSpot's are all text; Salesforce's are typed JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Raw {
    /// Text, and everything that a side sends as text.
    Text(String),
    /// A JSON boolean.
    Boolean(bool),
    /// A JSON number, exact.
    Number(Decimal),
}

/// A canonical value. Two sides agree on a field if and only if their canonical values are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// Text: surrounding blanks dropped, line ends as `\n`; never empty. Also urls and single choices,
    /// the latter by HubSpot's internal name.
    Text(String),
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// An exact decimal, at the contract's scale, without trailing zeros.
    Decimal(Decimal),
    /// An amount and its ISO 4217 currency; one field, never half of it.
    Money {
        /// The amount at the currency's scale.
        amount: Decimal,
        /// Three capital letters.
        currency: String,
    },
    /// A calendar day.
    Date(Date),
    /// An instant, to the second: Salesforce keeps no more (reference: REST date-times).
    DateTime(Timestamp),
    /// A set of choices, by HubSpot's internal names; never empty.
    Choices(BTreeSet<String>),
    /// Several wire fields that stand and fall together, in the contract's order (I7).
    Atom(Vec<Presence<Value>>),
}

impl Value {
    /// A set of choices; one without any is blank.
    #[must_use]
    pub fn choices(set: BTreeSet<String>) -> Presence<Self> {
        if set.is_empty() { Presence::Blank } else { Presence::Value(Self::Choices(set)) }
    }
}

/// The key under which images are hashed. From Secrets Manager; without it, a stolen `State` table
/// cannot be tested against guessed values.
#[derive(Clone)]
pub struct ImageKey([u8; 16]);

impl ImageKey {
    /// Takes the key's 128 bits.
    #[must_use]
    pub const fn new(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// Hashes a canonical value: equal values, equal hashes. `Unknown` has no hash because it is no value.
    #[must_use]
    pub fn hash(&self, value: Known<'_>) -> ImageHash {
        let mut hasher = siphasher::sip::SipHasher24::new_with_key(&self.0);
        std::hash::Hash::hash(&value.0, &mut hasher);
        ImageHash(hasher.finish())
    }

    /// The hash of what a side shows; `None` if that is unknown.
    #[must_use]
    pub fn of(&self, value: &Presence<Value>) -> Option<ImageHash> {
        (!value.is_unknown()).then(|| self.hash(Known(value.value())))
    }
}

impl std::fmt::Debug for ImageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ImageKey(..)")
    }
}

/// A value that was really read: something, or nothing (`None`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a>(pub Option<&'a Value>);

/// Keyed 64-bit hash of a canonical value or of its absence. Equality is all that a base needs (DESIGN 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageHash(#[serde(with = "postcard::fixint::le")] pub u64);
