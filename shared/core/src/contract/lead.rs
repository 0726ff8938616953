//! Leads: some of HubSpot's contacts are leads in Salesforce, until somebody converts them there. To Concord a lead that was
//! converted is a record that was merged into its contact (P11).
//!
//! Rows of leads are shown under a contact's names, so that nothing but a decision about a pair has to know which it is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fault::Place;
use super::parse::CONTACTS;
use super::{Create, Delete, Field, Object};
use crate::names::{Side, WireName};

/// What a lead becomes.
const CONTACT: &str = "Contact";
/// What Salesforce asks of every lead (Object Reference, Lead: required fields).
const REQUIRED: [&str; 2] = ["LastName", "Company"];
/// Salesforce's name of the type.
pub const LEAD: &str = "Lead";
/// How the names of fields begin that leads have and contacts do not.
pub const LEADS_ONLY: &str = "Lead.";
/// The contact that a lead became.
pub const CONVERTED_INTO: &str = "Lead.ConvertedContactId";

/// An object as pairs of contacts and pairs of leads have it, made once for many pairs.
#[derive(Debug)]
pub struct Views<'o> {
    contacts: Cow<'o, Object>,
    leads: Cow<'o, Object>,
}

impl Views<'_> {
    /// As a pair of leads, or of contacts, has it.
    #[must_use]
    pub fn of(&self, lead: bool) -> &Object {
        if lead { &self.leads } else { &self.contacts }
    }
}

impl Object {
    /// The object as each kind of pair has it.
    #[must_use]
    pub fn views(&self) -> Views<'_> {
        Views { contacts: self.seen_as(false), leads: self.seen_as(true) }
    }

    /// The object as pairs of leads, or of contacts, have it: with those fields only.
    #[must_use]
    pub fn seen_as(&self, lead: bool) -> Cow<'_, Self> {
        if self.lead.is_none() {
            return Cow::Borrowed(self);
        }
        let mut seen = self.clone();
        seen.fields.retain(|_, field| match lead {
            true => field.lead.is_some(),
            false => !field.is_of_leads_only(),
        });
        if lead {
            seen.wire.salesforce = WireName::from(LEAD);
        }
        Cow::Owned(seen)
    }

    /// Whether it is an object as pairs of leads have it.
    #[must_use]
    pub fn is_of_leads(&self) -> bool {
        self.lead.is_some() && self.wire.salesforce.as_str() == LEAD
    }

    /// The same under the names that leads themselves have for the fields: what their schema has to show.
    #[must_use]
    pub fn as_leads_call_it(&self) -> Option<Self> {
        let mut leads = self.lead.is_some().then(|| self.seen_as(true).into_owned())?;
        for field in leads.fields.values_mut() {
            field.wire.salesforce = field.lead.take()?;
        }
        Some(leads)
    }

    /// What leads call the fields of a side.
    pub(super) fn leads_names(&self, side: Side) -> Option<BTreeMap<WireName, WireName>> {
        if side == Side::HubSpot || self.lead.is_none() {
            return None;
        }
        let fields =
            self.fields.values().filter_map(|field| Some((&field.wire.salesforce, field.lead.as_ref()?)));
        let mut names: BTreeMap<WireName, WireName> =
            fields.flat_map(|(ours, theirs)| ours.iter().cloned().zip(theirs.iter().cloned())).collect();
        match &self.delete {
            Delete::Flag(flag) => names.extend([(flag.salesforce.clone(), flag.salesforce.clone())]),
            Delete::Archive | Delete::Unlink | Delete::Ignore => {}
        }
        Some(names)
    }
}

/// Notes what keeps an object's records from being leads.
pub(super) fn fits(object: &Object, place: &Place<'_>) {
    if object.lead.is_none() {
        return;
    }
    let at = place.at("lead");
    if !CONTACTS.contains(&object.wire.hubspot.as_str()) || object.wire.salesforce.as_str() != CONTACT {
        at.fault("is for HubSpot's `contacts` and Salesforce's `Contact`", "remove it here");
    }
    let named = |name: &str| {
        let mut wires = object.fields.values().flat_map(|field| field.lead.iter().flatten());
        wires.any(|wire| wire.as_str().eq_ignore_ascii_case(name))
    };
    for name in
        REQUIRED.into_iter().filter(|name| object.create.salesforce == Create::Missing && !named(name))
    {
        at.fault(
            format!("makes leads without `{name}`, which Salesforce asks of every lead"),
            format!("add a field with `lead: {name}`, or make none: `create: {{ hubspot: true, salesforce: false }}`"),
        );
    }
    let of_both = |field: &Field| field.lead.is_some() && !field.is_of_leads_only();
    let matched = object.keys.iter().chain(object.lookalikes.iter().flatten()).map(|name| (name, "match"));
    let scoped = object.scope.iter().flat_map(|scope| scope.names()).map(|name| (name, "scope"));
    for (name, what) in matched.chain(scoped) {
        if object.fields.get(name).is_some_and(|field| !of_both(field)) {
            place.at("fields").at(name.as_str()).fault(
                format!("is named by `{what}`, and not both contacts and leads have it"),
                "give it both `salesforce` and `lead`",
            );
        }
    }
    each_field_of_leads_once(object, place);
}

fn each_field_of_leads_once(object: &Object, place: &Place<'_>) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    if let Delete::Flag(flag) = &object.delete {
        seen.insert(flag.salesforce.as_str().to_lowercase(), "delete.flag".to_owned());
    }
    for field in object.fields.values() {
        let place = place.at("fields").at(field.name.as_str());
        for wire in field.lead.iter().flatten() {
            if let Some(first) = seen.insert(wire.as_str().to_lowercase(), field.name.to_string()) {
                place
                    .at("lead")
                    .fault(format!("`{wire}` is mapped by `{first}` already"), "map each side's field once");
            }
        }
    }
}

impl super::Field {
    /// Whether contacts do not have it.
    #[must_use]
    pub fn is_of_leads_only(&self) -> bool {
        self.wire.salesforce.iter().any(|wire| wire.as_str().starts_with(LEADS_ONLY))
    }
}
