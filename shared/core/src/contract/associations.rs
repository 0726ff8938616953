//! Sets of associations: each side's name for one. HubSpot associates records of two types directly; Salesforce keeps rows of a
//! junction object between them.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Place;
use super::field::options_of;
use super::file::FileField;
use super::reader::Given;
use super::{Kind, Object};
use crate::canonical::SET_SEPARATOR;
use crate::names::{ObjectName, Side, WireName};

/// How HubSpot's names of associations begin; properties have no dot in their names.
const ASSOCIATIONS: &str = "associations.";
/// What separates a junction object from its references.
const DOT: char = '.';

/// The field of a junction object's rows that says what the one record is to the other, and the one that marks one of them. The
/// names of `OpportunityContactRole`; rows of another object have roles if they have these.
pub const ROLE: &str = "Role";
/// See [`ROLE`].
pub const IS_PRIMARY: &str = "IsPrimary";
/// What stands for Salesforce's mark where its roles are named: no role is called nothing.
pub const PRIMARY: &str = "";

/// What a record may be to another that it is associated with: by HubSpot's label, which is the contract's name for it, what
/// Salesforce calls it. A bijection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(BTreeMap<String, String>);

impl Roles {
    /// Whether none is mapped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a side calls a role.
    #[must_use]
    pub fn on<'r>(&'r self, side: Side, role: &str) -> Option<&'r str> {
        let (label, theirs) = self.0.get_key_value(role)?;
        Some(match side {
            Side::HubSpot => label,
            Side::Salesforce => theirs,
        })
    }

    /// The role that a side calls this.
    #[must_use]
    pub fn called<'r>(&'r self, side: Side, name: &str) -> Option<&'r str> {
        self.0.keys().map(String::as_str).find(|role| self.on(side, role) == Some(name))
    }

    /// What a side calls them.
    #[must_use]
    pub fn names(&self, side: Side) -> BTreeSet<String> {
        self.0.keys().filter_map(|role| self.on(side, role)).map(str::to_owned).collect()
    }

    /// The role of which Salesforce gives a record's associations at most one.
    #[must_use]
    pub fn primary(&self) -> Option<&str> {
        self.called(Side::Salesforce, PRIMARY)
    }
}

/// The roles that a field of the file maps.
pub(super) fn roles(file: &mut FileField, place: &Place<'_>) -> Option<Roles> {
    let mut roles = match file.roles.take() {
        None | Some(Given::Absent) => BTreeMap::new(),
        Some(Given::Wrong) => return None,
        Some(Given::As(roles)) => {
            options_of(&roles, &place.at("roles"), true);
            roles
        }
    };
    match file.primary.take() {
        None | Some(Given::Absent) => {}
        Some(Given::Wrong) => return None,
        Some(Given::As(label)) => {
            let place = place.at("primary");
            if label.trim() != label || label.is_empty() || label.contains(SET_SEPARATOR) {
                place.fault("is no label", "write the label's exact name, without a `;`");
            }
            if roles.insert(label, PRIMARY.to_owned()).is_some() {
                place.fault("is a label of `roles` too", "give the primary one a label of its own");
            }
        }
    }
    Some(Roles(roles))
}

/// The rows of Salesforce that associate two records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Junction {
    /// The object of the rows.
    pub object: WireName,
    /// Its reference to the record that has the associations.
    pub from: WireName,
    /// Its reference to the other record.
    pub to: WireName,
}

impl Junction {
    /// What a field of Salesforce names; `None`: a field of the record itself.
    #[must_use]
    pub fn named(wire: &WireName) -> Option<Self> {
        let mut parts = wire.as_str().split(DOT).map(WireName::from);
        let (object, from, to) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some(Self { object, from, to })
    }
}

/// The other type of HubSpot's associations that a field names; `None`: a property.
#[must_use]
pub fn associated_type(wire: &WireName) -> Option<WireName> {
    wire.as_str().strip_prefix(ASSOCIATIONS).map(WireName::from)
}

/// A side's name for a set of associations.
pub(super) fn wire(side: Side, name: &str, place: &Place<'_>) -> Option<WireName> {
    let plain =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let parts: Vec<&str> = name.split(DOT).collect();
    let (fits, remedy) = match side {
        Side::HubSpot => (
            parts.len() == 2 && name.starts_with(ASSOCIATIONS),
            "write `associations.` and the other type, such as `associations.contacts`",
        ),
        Side::Salesforce => (
            parts.len() == 3,
            "write the junction object and its two references, first that to this object, such as \
             `OpportunityContactRole.OpportunityId.ContactId`",
        ),
    };
    if fits && parts.into_iter().all(plain) {
        return Some(WireName::from(name));
    }
    place.fault(format!("`{name}` names no associations"), remedy);
    None
}

/// HubSpot's associations lead to a type: that of the object that the contract says.
pub(super) fn lead_where_they_say(objects: &BTreeMap<ObjectName, Object>, place: &Place<'_>) {
    for (object, field) in
        objects.values().flat_map(|object| object.fields.values().map(move |field| (object, field)))
    {
        let Kind::Associations { to, .. } = &field.kind else { continue };
        let (Some(other), Some(wire)) = (objects.get(to), field.wire.hubspot.first()) else { continue };
        let leads_to = associated_type(wire);
        if leads_to.as_ref() != Some(&other.wire.hubspot) {
            let place = place.at(object.name.as_str());
            place.at("fields").at(field.name.as_str()).at("hubspot").fault(
                format!("`{wire}` does not lead to `{to}`"),
                format!("write `{ASSOCIATIONS}{}`", other.wire.hubspot),
            );
        }
    }
}
