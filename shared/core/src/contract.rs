//! The contract: which objects and fields are kept in agreement, and by which rules.
//!
//! These types cannot be wrong: [`parse`] is the only way to make them, and it names line and remedy.

mod associations;
mod check;
mod fault;
mod field;
mod file;
mod lead;
mod parse;
mod reader;
mod scope;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::brake::Limits;
use crate::names::{ContractVersion, FieldName, ObjectName, PerSide, Side, WireName};
use crate::owner::Owners;
use crate::port::ObjectSpec;
use crate::reference;

pub use associations::{IS_PRIMARY, Junction, PRIMARY, ROLE, Roles, associated_type};
pub use check::{Effect, Mismatch, check};
pub use fault::{Fault, printable};
pub use file::json_schema;
pub use lead::{CONVERTED_INTO, LEAD, LEADS_ONLY, Views};
pub use parse::parse;
pub use scope::Scope;

/// The field that holds a row's link id; unique on its side (P6).
pub const CONCORD_ID: PerSide<&str> = PerSide { hubspot: "concord_id", salesforce: "Concord_Id__c" };
/// The field that holds the number of the last intent that a row took in (P1).
pub const CONCORD_TOKEN: PerSide<&str> = PerSide { hubspot: "concord_token", salesforce: "Concord_Token__c" };
/// The soft-delete fields of a contract that does not say.
pub const FLAG: PerSide<&str> = PerSide { hubspot: "deleted_in_crm", salesforce: "Deleted_In_CRM__c" };

/// What Concord reads of each row for itself.
const RESERVED: PerSide<&[&str]> = PerSide {
    hubspot: &[
        CONCORD_ID.hubspot,
        CONCORD_TOKEN.hubspot,
        "hs_object_id",
        "hs_lastmodifieddate",
        "lastmodifieddate",
    ],
    salesforce: &[
        CONCORD_ID.salesforce,
        CONCORD_TOKEN.salesforce,
        "Id",
        "IsDeleted",
        "MasterRecordId",
        "LastModifiedDate",
        "LastModifiedById",
        "SystemModstamp",
    ],
};

/// A checked contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// Rises with every change.
    pub version: ContractVersion,
    /// SHA-256 of the file, hex: two files with one version are told apart.
    pub hash: String,
    /// The object types, by name.
    pub objects: BTreeMap<ObjectName, Object>,
}

/// One CRM object type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The contract's name.
    pub name: ObjectName,
    /// Each side's name.
    pub wire: PerSide<WireName>,
    /// Exact keys that link two unlinked records, in the order in which they are tried.
    pub keys: Vec<FieldName>,
    /// Fields by which two unlinked records may be one thing, in the order in which they are tried. The first of each finds candidates.
    pub lookalikes: Vec<Vec<FieldName>>,
    /// Which of its records are kept in agreement. `None`: all.
    pub scope: Option<Scope>,
    /// Which of HubSpot's records are made as leads in Salesforce. `None`: none, and Salesforce's leads are nobody's business.
    pub lead: Option<Scope>,
    /// Whether a record seen only on the other side is made on this one.
    pub create: PerSide<Create>,
    /// What a delete on one side does to the other.
    pub delete: Delete,
    /// What an erasure, as privacy law asks, does to the records.
    pub erase: Erase,
    /// How writes are guarded.
    pub guard: Guard,
    /// How much may be done to its records within an hour.
    pub brake: Limits,
    /// The fields, by name.
    pub fields: BTreeMap<FieldName, Field>,
}

/// Whether missing counterparts are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// Make it.
    Missing,
    /// Leave it.
    Never,
}

/// What a delete on one side does to the other (P9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delete {
    /// Set the soft-delete field on the other side.
    Flag(PerSide<WireName>),
    /// Put Salesforce's record into its bin too. What is deleted in Salesforce ends the pair.
    Archive,
    /// Stop keeping the pair in agreement.
    Unlink,
    /// Do nothing; the pair resumes if the record comes back.
    Ignore,
}

/// What an erasure does to the records (P9). Concord forgets what it knew in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erase {
    /// They are left to people, who are told.
    Forget,
    /// They go for good on both sides, from the bin too.
    Purge,
}

/// How writes to Salesforce are guarded (P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Every update is a single-row PATCH with `If-Unmodified-Since`.
    Strict,
}

/// One mapped field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The contract's name.
    pub name: FieldName,
    /// Each side's field or fields. Several for [`Kind::Atom`], as many on both sides; for [`Kind::Money`] the
    /// amount and, where a side has one, the currency; for [`Kind::Stage`] HubSpot's pipeline and stage; else one.
    pub wire: PerSide<Vec<WireName>>,
    /// What Salesforce's leads call it, part by part. `None`: they do not have it.
    pub lead: Option<Vec<WireName>>,
    /// What it holds.
    pub kind: Kind,
    /// Which way it goes.
    pub direction: Direction,
    /// What happens when both sides changed it.
    pub conflict: Policy,
}

/// Which way a field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    Both,
    /// Only to this side.
    To(Side),
}

/// What happens when both sides changed a field without having seen each other (P7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Change neither, keep both values, ask a person. The default.
    Hold,
    /// This side wins; the loser is journaled.
    Authority(Side),
    /// The later edit wins where both times are known and differ by more than the clock error; else this side.
    Newest {
        /// Wins when the times do not tell.
        otherwise: Side,
    },
    /// A blank never wins; else this side.
    Fill {
        /// Wins when both hold something.
        otherwise: Side,
    },
    /// Sets merge element by element.
    Union,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// An e-mail address.
    Email,
    /// A telephone number in E.164.
    Phone {
        /// ISO 3166 region of numbers without a country code.
        region: String,
    },
    /// A web address.
    Url,
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer,
    /// A decimal at a scale.
    Decimal {
        /// Digits after the point.
        scale: u32,
    },
    /// An amount in a currency.
    Money {
        /// Digits after the point.
        scale: u32,
        /// The currency where a side has no currency field.
        currency: String,
    },
    /// A calendar day.
    Date {
        /// By whose calendar HubSpot's instant is a day; without one, HubSpot holds a day too.
        zone: Option<TimeZone>,
    },
    /// An instant, to the second.
    DateTime,
    /// One choice; HubSpot's internal name to Salesforce's value. A bijection.
    Picklist(Options),
    /// A set of choices.
    MultiPicklist(Options),
    /// A deal's place: HubSpot's `pipeline/stage` to Salesforce's stage. A bijection.
    Stage(Options),
    /// Several fields that are one.
    Atom(Vec<Kind>),
    /// Another record: the same pair's on both sides (P12).
    Reference {
        /// The object that it points to.
        to: ObjectName,
    },
    /// Other records, any number of them: the same pairs' on both sides (P12). No order, no token, no history.
    Associations {
        /// The object that they are of.
        to: ObjectName,
        /// What they may be to this one.
        roles: Roles,
    },
    /// A person. Who is who is no part of the contract's file: the steps put it in.
    Owner(Arc<Owners>),
}

impl Kind {
    /// The name that contracts use.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Phone { .. } => "phone",
            Self::Url => "url",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal { .. } => "decimal",
            Self::Money { .. } => "money",
            Self::Date { .. } => "date",
            Self::DateTime => "datetime",
            Self::Picklist(_) => "picklist",
            Self::MultiPicklist(_) => "multi-picklist",
            Self::Stage(_) => "stage",
            Self::Atom(_) => "atom",
            Self::Reference { .. } => "reference",
            Self::Associations { .. } => "associations",
            Self::Owner(_) => "owner",
        }
    }
}

/// A bijection between HubSpot's internal names and Salesforce's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// Both sides use the same values.
    Same,
    /// HubSpot's to Salesforce's.
    Map(BTreeMap<String, String>),
}

impl Contract {
    /// The object type that a side calls by this name.
    #[must_use]
    pub fn by_wire(&self, side: Side, name: &WireName) -> Option<&Object> {
        let leads =
            |object: &Object| side == Side::Salesforce && object.lead.is_some() && name.as_str() == LEAD;
        self.objects.values().find(|object| object.wire[side] == *name || leads(object))
    }

    /// Whether a reference points to records of this object.
    #[must_use]
    pub fn points_to(&self, object: &ObjectName) -> bool {
        let mut fields = self.objects.values().flat_map(|from| from.fields.values());
        fields.any(|field| reference::target_of(field) == Some(object))
    }
}

impl Object {
    /// The same, with who is who.
    #[must_use]
    pub fn with_owners(&self, owners: &Arc<Owners>) -> Self {
        let mut object = self.clone();
        for field in object.fields.values_mut() {
            if let Kind::Owner(known) = &mut field.kind {
                *known = Arc::clone(owners);
            }
        }
        object
    }

    /// Whether any field holds a person.
    #[must_use]
    pub fn has_owners(&self) -> bool {
        self.fields.values().any(|field| matches!(field.kind, Kind::Owner(_)))
    }

    /// What a client has to know: every field of that side that Concord reads, the soft-delete flag included.
    #[must_use]
    pub fn spec(&self, side: Side) -> ObjectSpec {
        let mut fields: Vec<WireName> =
            self.fields.values().flat_map(|field| field.wire[side].iter().cloned()).collect();
        match &self.delete {
            Delete::Flag(flag) => fields.push(flag[side].clone()),
            Delete::Archive | Delete::Unlink | Delete::Ignore => {}
        }
        self.spec_of(side, fields)
    }

    /// The same, for some of its fields.
    #[must_use]
    pub fn spec_of(&self, side: Side, mut fields: Vec<WireName>) -> ObjectSpec {
        fields.sort_unstable();
        fields.dedup();
        let lead = self.leads_names(side);
        let roles = self.fields.values().filter_map(|field| {
            let wire = field.wire[side].first().filter(|wire| fields.contains(wire))?;
            let names = reference::roles_of(field).map(|roles| roles.names(side))?;
            (!names.is_empty()).then(|| (wire.clone(), names))
        });
        let roles = roles.collect();
        ObjectSpec { object: self.name.clone(), wire: self.wire[side].clone(), fields, lead, roles }
    }
}
