//! Sets of associations: each side's name for one. HubSpot associates records of two types directly; Salesforce keeps rows of a
//! junction object between them.

use std::collections::BTreeMap;

use super::fault::Place;
use super::{Kind, Object};
use crate::names::{ObjectName, Side, WireName};

/// How HubSpot's names of associations begin; properties have no dot in their names.
const ASSOCIATIONS: &str = "associations.";
/// What separates a junction object from its references.
const DOT: char = '.';

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
        let Kind::Associations { to } = &field.kind else { continue };
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
