//! Leads beside contacts: what is asked of an object some of whose records are leads is asked of both types, and a lead's row is
//! shown under a contact's names. A lead that was converted reads as merged into the contact that it became.

use std::collections::BTreeMap;

use concord_core::contract::{LEAD, LEADS_ONLY};
use concord_core::names::{RecordId, WireName};
use concord_core::port::{Failure, Found, Listing, ObjectSpec, Outcome, Page, PageMark, Write};
use concord_core::row::{Author, Reading, Row, Standing};
use concord_core::value::{Presence, Raw};
use jiff::Timestamp;

use super::find::Among;
use super::query::Scope;
use super::{Salesforce, find, list, read, write};
use crate::transport::Transport;

/// Tells a lead that was converted; it stays, and takes no more writes.
const IS_CONVERTED: &str = "IsConverted";
/// The contact that it became.
const CONVERTED_CONTACT: &str = "ConvertedContactId";
const LIVE: Among = Among { scope: Scope::Live, condition: "" };
const WITH_BIN: Among = Among { scope: Scope::WithBin, condition: "" };
const STILL_LEADS: Among = Among { scope: Scope::Live, condition: "IsConverted = false AND " };
/// Where the listing of contacts ends and that of leads begins.
const LEADS: &str = "leads";

/// An object some of whose records are leads, as each type has it.
struct Types {
    contacts: ObjectSpec,
    leads: ObjectSpec,
    /// A lead's names for the fields to ours.
    ours: BTreeMap<WireName, WireName>,
}

impl Types {
    /// `None`: none of its records are leads.
    fn of(spec: &ObjectSpec) -> Option<Self> {
        let names = spec.lead.as_ref()?;
        let asked = || spec.fields.iter().filter_map(|ours| Some((names.get(ours)?.clone(), ours.clone())));
        let of_leads = |wire: &WireName| wire.as_str().starts_with(LEADS_ONLY);
        let mut fields: Vec<WireName> = asked().map(|(theirs, _)| theirs).collect();
        fields.extend([IS_CONVERTED, CONVERTED_CONTACT].map(WireName::from));
        let of_type = |wire: &str, fields| ObjectSpec {
            object: spec.object.clone(),
            wire: wire.into(),
            fields,
            lead: None,
            roles: BTreeMap::new(),
        };
        let of_contacts = spec.fields.iter().filter(|wire| !of_leads(wire)).cloned().collect();
        Some(Self {
            contacts: of_type(spec.wire.as_str(), of_contacts),
            leads: of_type(LEAD, fields),
            ours: asked().collect(),
        })
    }

    /// A lead's row, and whether and into whom it was converted.
    fn shown(&self, mut row: Row) -> (Row, Option<Option<RecordId>>) {
        let is_converted = row.fields.remove(&WireName::from(IS_CONVERTED));
        let contact = row.fields.remove(&WireName::from(CONVERTED_CONTACT));
        let contact = match contact {
            Some(Presence::Value(Raw::Text(id))) => super::canonical_id(&id),
            Some(Presence::Value(_) | Presence::Blank | Presence::Unknown) | None => None,
        };
        let fields = std::mem::take(&mut row.fields).into_iter();
        row.fields =
            fields.filter_map(|(theirs, value)| Some((self.ours.get(&theirs)?.clone(), value))).collect();
        let converted = is_converted == Some(Presence::Value(Raw::Boolean(true)));
        (row, converted.then_some(contact))
    }
}

pub(super) async fn read<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    ids: &[RecordId],
) -> Result<Vec<Reading>, Failure> {
    let Some(types) = Types::of(spec) else { return read::read(client, spec, ids).await };
    let (leads, contacts): (Vec<RecordId>, Vec<RecordId>) = ids.iter().cloned().partition(RecordId::is_lead);
    let mut contacts = read::read(client, &types.contacts, &contacts).await?.into_iter();
    let mut leads = read::read(client, &types.leads, &leads).await?.into_iter();
    let mut next = |id: &RecordId| if id.is_lead() { leads.next() } else { contacts.next() };
    let shown = |reading: Reading| match reading {
        Reading::Row(row) if row.id.is_lead() => match types.shown(*row) {
            (row, None) => Reading::Row(Box::new(row)),
            (_, Some(Some(contact))) => Reading::MergedInto(contact),
            // It became somebody whom nobody shows us.
            (_, Some(None)) => Reading::NotFound,
        },
        Reading::Row(_) | Reading::MergedInto(_) | Reading::NotFound => reading,
    };
    Ok(ids.iter().map(|id| next(id).map_or(Reading::NotFound, shown)).collect())
}

/// Writes to one of the two types, as the spec says.
pub(super) async fn write<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    writes: &[Write],
) -> Vec<Outcome> {
    let names = spec.lead.as_ref().filter(|_| spec.wire.as_str() == LEAD);
    let Some(names) = names else { return write::write(client, spec, writes).await };
    let mut writes = writes.to_vec();
    for (wire, _) in writes.iter_mut().filter_map(|write| write.operation.values_mut()).flatten() {
        if let Some(theirs) = names.get(wire) {
            *wire = theirs.clone();
        }
    }
    write::write(client, spec, &writes).await
}

/// By a field that leads alone have, every lead, in the bin too; by any other, contacts, and leads that are leads still.
pub(super) async fn find<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    field: &WireName,
    values: &[String],
) -> Result<Vec<Found>, Failure> {
    let Some(types) = Types::of(spec) else { return find::find(client, spec, field, values, LIVE).await };
    if let Some(theirs) = field.as_str().strip_prefix(LEADS_ONLY) {
        return find::find(client, &types.leads, &theirs.into(), values, WITH_BIN).await;
    }
    let mut found = find::find(client, &types.contacts, field, values, LIVE).await?;
    if let Some(theirs) = spec.lead.as_ref().and_then(|names| names.get(field)) {
        let leads = find::find(client, &types.leads, theirs, values, STILL_LEADS).await?;
        found.iter_mut().zip(leads).for_each(|(found, leads)| found.ids.extend(leads.ids));
    }
    Ok(found)
}

/// A contact may carry the mark of the lead that it was: looking at the lead leads to it.
pub(super) async fn find_linked<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    links: &[String],
) -> Result<Vec<Found>, Failure> {
    let mark = &client.config.concord_id_field;
    let Some(types) = Types::of(spec) else { return find::find(client, spec, mark, links, WITH_BIN).await };
    let contacts = find::find(client, &types.contacts, mark, links, WITH_BIN).await?;
    let leads = find::find(client, &types.leads, mark, links, WITH_BIN).await?;
    let either = |(contact, lead): (Found, Found)| if lead.ids.is_empty() { contact } else { lead };
    Ok(contacts.into_iter().zip(leads).map(either).collect())
}

pub(super) async fn search<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    field: &WireName,
    texts: &[String],
) -> Result<Vec<Row>, Failure> {
    let Some(types) = Types::of(spec) else { return find::search(client, spec, field, texts, LIVE).await };
    let mut found = find::search(client, &types.contacts, field, texts, LIVE).await?;
    if let Some(theirs) = spec.lead.as_ref().and_then(|names| names.get(field)) {
        let leads = find::search(client, &types.leads, theirs, texts, STILL_LEADS).await?;
        found.extend(leads.into_iter().map(|row| types.shown(row).0));
    }
    Ok(found)
}

/// The contacts' pages, then the leads'. One that was converted is listed as gone, so that somebody looks what it became.
pub(super) async fn page<T: Transport>(
    client: &Salesforce<T>,
    spec: &ObjectSpec,
    listing: &Listing,
    from: Option<&PageMark>,
) -> Result<Page, Failure> {
    let of_leads = from.and_then(|mark| mark.0.strip_prefix(LEADS));
    let Some(types) = Types::of(spec) else {
        return match of_leads {
            // The contract had leads as this listing began.
            Some(_) => Ok(Page { rows: Vec::new(), next: None, complete_until: Timestamp::MAX }),
            None => list::page(client, spec, listing, from).await,
        };
    };
    let Some(of_leads) = of_leads else {
        let page = list::page(client, &types.contacts, listing, from).await?;
        return Ok(Page { next: Some(page.next.unwrap_or_else(|| PageMark(LEADS.to_owned()))), ..page });
    };
    let from =
        Some(of_leads.trim_start()).filter(|mark| !mark.is_empty()).map(|mark| PageMark(mark.to_owned()));
    let mut page = list::page(client, &types.leads, listing, from.as_ref()).await?;
    page.next = page.next.map(|PageMark(mark)| PageMark(format!("{LEADS} {mark}")));
    let shown = page.rows.into_iter().map(|row| match types.shown(row) {
        (row, None) => row,
        (row, Some(_)) => Row { standing: Standing::Archived { by: Author::Unknown }, ..row },
    });
    page.rows = shown.collect();
    Ok(page)
}
