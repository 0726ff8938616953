//! Lead conversion (reference 1.12): one transaction makes the contact, and its account, and closes the lead.
//!
//! Deliberately absent: opportunities, custom fields that an organisation maps from leads to contacts, and conversion settings. That
//! a contact that is there already gets only what it lacks is [K].

use jiff::tz::Offset;
use serde_json::{Map, Value, json};

use super::Salesforce;
use super::answer::Refusal;
use super::change::{Context, Values};
use super::id::Id;
use super::store::Record;
use super::value::{self, Form, Stored};
use super::xml::Element;

/// What a lead and the contact that it becomes have in common.
const COMMON: [&str; 6] = ["LastName", "FirstName", "Email", "Phone", "Title", "OwnerId"];
/// The one status of the sandbox that says so.
const CONVERTED_STATUS: &str = "Closed - Converted";

/// The operation that converts a lead, as SOAP has it; `into` names a contact or an account that is there, in elements of its own.
#[must_use]
pub fn convert_operation(lead: &str, into: &str) -> String {
    format!(
        "<urn:convertLead><urn:leadConverts>{into}<urn:convertedStatus>{CONVERTED_STATUS}</urn:convertedStatus>\
         <urn:leadId>{lead}</urn:leadId></urn:leadConverts></urn:convertLead>"
    )
}

/// What became of a lead.
pub(crate) struct Converted {
    pub(crate) lead: Id,
    pub(crate) account: Id,
    pub(crate) contact: Id,
}

impl Salesforce {
    /// One `LeadConvert` of SOAP's `convertLead()`.
    pub(crate) fn convert_lead(&mut self, context: &Context, asked: &Element) -> Result<Converted, Refusal> {
        let text =
            |name: &str| asked.child(name).map(|element| element.text.trim()).filter(|text| !text.is_empty());
        let missing = || Refusal::bad("MISSING_ARGUMENT", "leadId is missing");
        let lead = self.row_id("Lead", text("leadId").ok_or_else(missing)?)?;
        if text("convertedStatus") != Some(CONVERTED_STATUS) {
            return Err(Refusal::bad("INVALID_STATUS", "invalid convertedStatus").about(&["Status"]));
        }
        let account = text("accountId").map(|id| self.row_id("Account", id)).transpose()?;
        let contact = text("contactId").map(|id| self.row_id("Contact", id)).transpose()?;
        self.atomically(context, |machine| machine.convert(context, lead, account, contact))
    }

    fn convert(
        &mut self,
        context: &Context,
        lead: Id,
        account: Option<Id>,
        contact: Option<Id>,
    ) -> Result<Converted, Refusal> {
        let record = self.living("Lead", &lead)?.clone();
        check_open(&record)?;
        let shown = |machine: &Self, field: &str| {
            let field = machine.schema.any_object("Lead").and_then(|object| object.any_field(field))?;
            record.get(field.name).map(|stored| value::render(field, Some(stored), Form::Rest))
        };
        let account = match account {
            Some(account) => self.living("Account", &account).map(|account| account.id.clone())?,
            None => {
                let name = shown(self, "Company").unwrap_or_default();
                self.insert(context, "Account", &Map::from_iter([("Name".to_owned(), name)]))?
            }
        };
        let held = match &contact {
            Some(contact) => Some(self.living("Contact", contact)?.clone()),
            None => None,
        };
        let is_blank = |field: &str| held.as_ref().is_none_or(|held| held.get(field).is_none());
        let mut body: Map<String, Value> = COMMON
            .into_iter()
            .filter(|field| is_blank(field))
            .filter_map(|field| Some((field.to_owned(), shown(self, field)?)))
            .collect();
        if is_blank("AccountId") {
            body.insert("AccountId".to_owned(), json!(account.as_str()));
        }
        let contact = match contact {
            Some(contact) => {
                self.update(context, "Contact", &contact, &body)?;
                contact
            }
            None => self.insert(context, "Contact", &body)?,
        };
        let values = Values::from([
            ("Status", Some(Stored::Text(CONVERTED_STATUS.to_owned()))),
            ("IsConverted", Some(Stored::Boolean(true))),
            ("ConvertedDate", Some(Stored::Day(Offset::UTC.to_datetime(context.now).date()))),
            ("ConvertedAccountId", Some(Stored::of_id(&account))),
            ("ConvertedContactId", Some(Stored::of_id(&contact))),
        ]);
        self.update_values(context, "Lead", record, values)?;
        Ok(Converted { lead, account, contact })
    }
}

/// A lead that was converted takes no more writes.
pub(crate) fn check_open(record: &Record) -> Result<(), Refusal> {
    match record.get("IsConverted") {
        Some(Stored::Boolean(true)) => {
            Err(Refusal::bad("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead").about(&[]))
        }
        Some(_) | None => Ok(()),
    }
}
