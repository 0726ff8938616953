//! The contract file as it is written. Its JSON Schema is made from these types and their doc comments, which
//! is what a person sees in an editor.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::reader::Given;
use crate::names::Side;

/// Which objects and fields Concord keeps in agreement between HubSpot and Salesforce, and by which rules.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Concord contract", deny_unknown_fields)]
pub(super) struct File {
    /// Rises with every change of the contract.
    #[schemars(range(min = 1))]
    pub(super) version: Given<u64>,
    /// The object types, by a name of your own: `contact`, `company`.
    pub(super) objects: Given<BTreeMap<String, Given<FileObject>>>,
}

/// One object type.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FileObject {
    /// HubSpot's name of the object type: `contacts`.
    pub(super) hubspot: Given<String>,
    /// Salesforce's name of the object type: `Contact`.
    pub(super) salesforce: Given<String>,
    /// How two records that are not linked yet are known to be one thing, in the order in which it is tried. Without a key, a
    /// record is only ever linked to the counterpart that Concord makes for it, or by a person.
    #[serde(rename = "match")]
    pub(super) keys: Option<Given<Vec<Given<FileMatch>>>>,
    /// Which records are kept in agreement; all, if it is not given. A condition on the fields, by your names for them, in the
    /// Common Expression Language: `email != null && !email.endsWith('@example.com')`. As long as one of the two records does
    /// not meet it, nothing is written to either.
    pub(super) scope: Option<Given<String>>,
    /// For `contacts` and `Contact`: some of them are leads in Salesforce, which are kept in agreement with HubSpot's contacts too,
    /// in those fields that have a `lead`. A condition, as for `scope`, tells which of HubSpot's contacts are made as leads:
    /// `stage == 'lead'`; `false` for none. What becomes of a lead is Salesforce's affair: once it is converted, its pair goes on
    /// with the contact that it became.
    pub(super) lead: Option<Given<String>>,
    /// Whether a record that is seen on one side only is made on the other. Both, if it is not given.
    pub(super) create: Option<Given<FileCreate>>,
    /// What a delete on one side does to the other. If it is not given: the fields `deleted_in_crm` and
    /// `Deleted_In_CRM__c` are set.
    pub(super) delete: Option<Given<FileDelete>>,
    /// What an erasure, as privacy law asks, does to the records on both sides; `forget` if it is not given. It begins with
    /// HubSpot's own, or with `concord erase`. Concord forgets what it knew of them in either case.
    pub(super) erase: Option<Given<FileErase>>,
    /// How writes to Salesforce are guarded; `strict` if it is not given.
    pub(super) guard: Option<Given<FileGuard>>,
    /// How much may be done to its records within an hour before Concord stops and asks. What is not given goes by the
    /// number of records: 20 deletes or 0.5 % of them, and 100 changes or 10 % of them, whichever is more.
    pub(super) brake: Option<Given<FileBrake>>,
    /// What happens when both sides changed the same field, for fields that do not say; `hold` if it is not given.
    pub(super) conflict: Option<Given<FilePolicy>>,
    /// The fields, by a name of your own.
    pub(super) fields: Given<BTreeMap<String, Given<FileField>>>,
}

/// An exact key, by which records are linked; or what makes them so alike that a person is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FileMatch {
    /// The name of a field of this object: an e-mail address, a text or a url that goes both ways.
    pub(super) key: Option<Given<String>>,
    /// Names of fields of this object. If no key leads anywhere, and a record of the other side is alike in all of them, none is made and
    /// `concord proposals` asks whether the two are one thing. Candidates are found by the first: a text, a url, or the last part
    /// of an atom, equal but for capitals.
    pub(super) propose: Option<Given<Names>>,
}

/// Whether missing counterparts are made, on each side.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FileCreate {
    /// Whether they are made in HubSpot.
    pub(super) hubspot: Given<bool>,
    /// Whether they are made in Salesforce.
    pub(super) salesforce: Given<bool>,
}

/// What a delete on one side does to the other.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileDelete {
    /// A checkbox on the other side is ticked.
    Flag(FileFlag),
    /// What is deleted in HubSpot goes to Salesforce's recycle bin too, and comes back when it is restored. What is deleted
    /// in Salesforce stays in HubSpot, and the pair is no longer kept in agreement. Not for an object type that others refer to.
    Archive,
    /// The pair is no longer kept in agreement.
    Unlink,
    /// Nothing; the pair goes on if the record comes back.
    Ignore,
}

/// The checkboxes that say that the counterpart is deleted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FileFlag {
    /// HubSpot's property.
    pub(super) hubspot: Given<String>,
    /// Salesforce's field.
    pub(super) salesforce: Given<String>,
}

/// What an erasure does to the records.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileErase {
    /// They are left to people, who are told.
    Forget,
    /// They are removed for good on both sides, and nothing takes that back. For HubSpot's contacts only.
    Purge,
}

/// How writes to Salesforce are guarded.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileGuard {
    /// Each update is a request of its own, which Salesforce refuses if the record changed since it was read.
    Strict,
}

/// How much may be done within an hour before Concord stops and asks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FileBrake {
    /// Deletes that are passed on to the other side.
    pub(super) deletes: Option<Given<u64>>,
    /// Records in which a value is replaced.
    pub(super) changes: Option<Given<u64>>,
}

/// What happens when both sides changed the same field without having seen each other. The value that loses is
/// kept in the journal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FilePolicy {
    /// Neither is changed, both values are kept, and a person is asked.
    Hold,
    /// This side wins.
    Authority(FileSide),
    /// The later edit wins, where both times are known and differ by more than the clocks' error.
    Newest(FileOtherwise),
    /// A blank never wins.
    Fill(FileOtherwise),
    /// Sets are merged element by element; for `multi-picklist`, and the one rule for `associations`.
    Union,
}

/// Who wins when the rule does not tell.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FileOtherwise {
    /// This side.
    pub(super) otherwise: Given<FileSide>,
}

/// One of the two CRMs.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileSide {
    /// HubSpot.
    HubSpot,
    /// Salesforce.
    Salesforce,
}

impl From<FileSide> for Side {
    fn from(side: FileSide) -> Self {
        match side {
            FileSide::HubSpot => Self::HubSpot,
            FileSide::Salesforce => Self::Salesforce,
        }
    }
}

/// One field that is kept in agreement.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FileField {
    /// HubSpot's property; a list for `atom`, for `money` with its currency's property, and for `stage`: the pipeline's and
    /// the stage's. For `associations`: `associations.` and the other type, such as `associations.contacts`.
    pub(super) hubspot: Given<Names>,
    /// Salesforce's field; a list for `atom`, and for `money` with its currency's field. May be left out of a field that only
    /// leads have. For `associations`: the junction object and its two references, first that to this object, such as
    /// `OpportunityContactRole.OpportunityId.ContactId`.
    pub(super) salesforce: Option<Given<Names>>,
    /// What Salesforce's leads call the field, where the object has a `lead`. If it is not given, leads do not have it.
    pub(super) lead: Option<Given<Names>>,
    /// What the field holds.
    #[serde(rename = "type")]
    pub(super) kind: Given<FileKind>,
    /// For `phone`: the ISO 3166 region of numbers without a country code, such as `US`.
    pub(super) region: Option<Given<String>>,
    /// For `decimal` and `money`: digits after the point.
    #[schemars(range(max = 18))]
    pub(super) scale: Option<Given<u32>>,
    /// For `money`: the ISO 4217 currency where a side has no currency field, such as `USD`.
    pub(super) currency: Option<Given<String>>,
    /// For `picklist` and `multi-picklist`: HubSpot's internal names to Salesforce's values. If it is not given,
    /// both sides use the same values. For `stage`: `pipeline/stage`, by HubSpot's internal names, to Salesforce's stages.
    pub(super) map: Option<Given<BTreeMap<String, String>>>,
    /// For `atom`: what each of its parts holds; `text` if it is not given.
    pub(super) parts: Option<Given<Vec<FilePart>>>,
    /// For `reference` and `associations`: the object of this contract that it points to.
    pub(super) to: Option<Given<String>>,
    /// For `associations`: what the other records are to this one. HubSpot's labels to what Salesforce's rows hold in `Role`. What is
    /// not mapped is left as it is.
    pub(super) roles: Option<Given<BTreeMap<String, String>>>,
    /// For `associations`: HubSpot's label of the one whose row in Salesforce has `IsPrimary`.
    pub(super) primary: Option<Given<String>>,
    /// For `date`: HubSpot's property is a date with time, and this is the zone in which it is a day, such as
    /// `Europe/Berlin`. The portal's own zone is the one to take.
    pub(super) zone: Option<Given<String>>,
    /// Which way the field goes; `both` if it is not given.
    pub(super) direction: Option<Given<FileDirection>>,
    /// What happens when both sides changed the field. If it is not given: what the object says.
    pub(super) conflict: Option<Given<FilePolicy>>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FileKind {
    /// Text. Blanks around it and the kind of line ends make no difference.
    Text,
    /// An e-mail address. Case makes no difference.
    Email,
    /// A telephone number, kept as E.164.
    Phone,
    /// A web address.
    Url,
    /// Yes or no. A blank is no.
    Boolean,
    /// A whole number.
    Integer,
    /// A number with a fixed number of digits after the point.
    Decimal,
    /// An amount and its currency.
    Money,
    /// A calendar day.
    Date,
    /// An instant, to the second.
    #[serde(rename = "datetime")]
    DateTime,
    /// One choice.
    Picklist,
    /// Any number of choices.
    MultiPicklist,
    /// Where a deal stands: a pipeline and a stage in HubSpot, a stage in Salesforce.
    Stage,
    /// Several fields that stand and fall together, such as a name or an address.
    Atom,
    /// Another record.
    Reference,
    /// Other records, any number of them: HubSpot's associations, and the rows of a junction object in Salesforce.
    Associations,
    /// A person, by e-mail address.
    Owner,
}

/// What a part of an atom holds.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FilePart {
    /// Text.
    Text,
    /// An e-mail address.
    Email,
    /// A web address.
    Url,
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer,
    /// A calendar day.
    Date,
    /// An instant, to the second.
    DateTime,
}

/// Which way a field goes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileDirection {
    /// Both ways.
    Both,
    /// From Salesforce to HubSpot only.
    #[serde(rename = "to_hubspot")]
    ToHubSpot,
    /// From HubSpot to Salesforce only.
    ToSalesforce,
}

/// A name, or a list of names.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(super) enum Names {
    /// One.
    One(String),
    /// Several, in the order in which the other side's stand.
    Several(Vec<String>),
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name, or a list of names,")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names::One(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push(name);
                }
                Ok(Names::Several(names))
            }
        }
        deserializer.deserialize_any(NamesVisitor)
    }
}

/// The JSON Schema of the file, for editors; published as `infra/contract.schema.json`.
#[must_use]
pub fn json_schema() -> String {
    format!("{:#}\n", schemars::schema_for!(File).as_value())
}
