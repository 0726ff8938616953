//! What people see: the records of both CRMs, field by field, in a form in which values can be compared.
//!
//! This is the oracle's own notion of "the same value". It shares no code with Concord's: phones are their last ten
//! digits, texts are lower case, sets are sorted, days are Tokyo's, and nothing else is known.

use std::collections::{BTreeMap, BTreeSet};

use concord_core::names::Side;
use concord_sandbox::salesforce::user_id;
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

/// How a field's values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In lower case.
    Text,
    /// By their last ten digits.
    Phone,
    /// As sets, by HubSpot's names.
    Set,
    /// By HubSpot's names of stages; there is one pipeline.
    Stage,
    /// As days in Tokyo, where there is no summer time.
    Day,
    /// As whole numbers with a currency, which is dollars where none is said.
    Amount,
}

/// One mapped field, as a person knows it.
#[derive(Debug)]
pub struct Mapped {
    /// The contract's name.
    pub name: &'static str,
    /// HubSpot's properties.
    pub hubspot: &'static [&'static str],
    /// Salesforce's fields.
    pub salesforce: &'static [&'static str],
    /// How values are compared.
    pub form: Form,
}

/// One object type.
#[derive(Debug)]
pub struct Object {
    /// The contract's name.
    pub name: &'static str,
    /// HubSpot's.
    pub hubspot: &'static str,
    /// Salesforce's.
    pub salesforce: &'static str,
    /// Its mapped fields.
    pub fields: &'static [Mapped],
}

impl Object {
    /// The side's name.
    #[must_use]
    pub const fn wire(&self, side: Side) -> &'static str {
        match side {
            Side::HubSpot => self.hubspot,
            Side::Salesforce => self.salesforce,
        }
    }
}

impl Object {
    /// Where Salesforce has a record of this type: some contacts are leads.
    #[must_use]
    pub fn salesforce_row(&self, id: &str) -> String {
        let object = if is_lead(id) { LEAD } else { self.salesforce };
        format!("/services/data/v66.0/sobjects/{object}/{id}")
    }
}

/// What Salesforce calls leads, and how their ids begin.
pub const LEAD: &str = "Lead";
const LEAD_PREFIX: &str = "00Q";

/// Whether a record is a lead, by its id.
#[must_use]
pub fn is_lead(id: &str) -> bool {
    id.starts_with(LEAD_PREFIX)
}

impl Mapped {
    /// Whether leads have it too.
    #[must_use]
    pub fn is_of_leads(&self) -> bool {
        self.form != Form::Set
    }

    /// The side's names.
    #[must_use]
    pub const fn wire(&self, side: Side) -> &'static [&'static str] {
        match side {
            Side::HubSpot => self.hubspot,
            Side::Salesforce => self.salesforce,
        }
    }
}

/// What the simulation's contract maps (see [`crate::profile::Profile::contract`]).
pub const OBJECTS: [Object; 3] = [
    Object {
        name: "contact",
        hubspot: "contacts",
        salesforce: "Contact",
        fields: &[
            Mapped { name: "email", hubspot: &["email"], salesforce: &["Email"], form: Form::Text },
            Mapped {
                name: "name",
                hubspot: &["firstname", "lastname"],
                salesforce: &["FirstName", "LastName"],
                form: Form::Text,
            },
            Mapped { name: "phone", hubspot: &["phone"], salesforce: &["Phone"], form: Form::Phone },
            Mapped { name: "job_title", hubspot: &["jobtitle"], salesforce: &["Title"], form: Form::Text },
            Mapped {
                name: "interests",
                hubspot: &["interests"],
                salesforce: &["Interests__c"],
                form: Form::Set,
            },
        ],
    },
    Object {
        name: "company",
        hubspot: "companies",
        salesforce: "Account",
        fields: &[
            Mapped { name: "name", hubspot: &["name"], salesforce: &["Name"], form: Form::Text },
            Mapped { name: "domain", hubspot: &["domain"], salesforce: &["Domain__c"], form: Form::Text },
            Mapped { name: "phone", hubspot: &["phone"], salesforce: &["Phone"], form: Form::Phone },
            Mapped {
                name: "description",
                hubspot: &["description"],
                salesforce: &["Description"],
                form: Form::Text,
            },
        ],
    },
    Object {
        name: "deal",
        hubspot: "deals",
        salesforce: "Opportunity",
        fields: &[
            Mapped { name: "name", hubspot: &["dealname"], salesforce: &["Name"], form: Form::Text },
            Mapped {
                name: "stage",
                hubspot: &["pipeline", "dealstage"],
                salesforce: &["StageName"],
                form: Form::Stage,
            },
            Mapped {
                name: "close_date",
                hubspot: &["closedate"],
                salesforce: &["CloseDate"],
                form: Form::Day,
            },
            Mapped {
                name: "amount",
                hubspot: &["amount", "deal_currency_code"],
                salesforce: &["Amount", "CurrencyIsoCode"],
                form: Form::Amount,
            },
        ],
    },
];

/// The stages of deals: HubSpot's name and Salesforce's.
pub const STAGES: [(&str, &str); 4] = [
    ("appointmentscheduled", "Prospecting"),
    ("qualifiedtobuy", "Qualification"),
    ("closedwon", "Closed Won"),
    ("closedlost", "Closed Lost"),
];
/// HubSpot's pipeline, whose stages they are.
pub const PIPELINE: &str = "default";

/// The options of the set field: HubSpot's name and Salesforce's.
pub const INTERESTS: [(&str, &str); 4] =
    [("cycling", "Events"), ("music", "Offers"), ("reading", "News"), ("sailing", "Research")];

/// One record as its side shows it to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// Its mapped fields, compared forms, in the order of [`Object::fields`].
    pub values: Vec<String>,
    /// Whether it is in use.
    pub alive: bool,
    /// Whether it was Concord that put it into the bin.
    pub archived_by_us: bool,
    /// The record that it was merged into.
    pub merged_into: Option<String>,
    /// Its `concord_id`.
    pub concord_id: Option<String>,
    /// Whether Concord made it.
    pub made_by_us: bool,
    /// Whether it says that the other side deleted its counterpart.
    pub flagged: bool,
    /// A contact's company, by its id on this side.
    pub company: Option<String>,
    /// The person to whom it belongs, of [`OWNERS`].
    pub owner: Option<usize>,
    /// A deal's contacts, by their ids on this side.
    pub contacts: BTreeSet<String>,
    /// What they are to it: the contact's id on this side, and the role.
    pub roles: BTreeSet<(String, Role)>,
}

/// What a contact may be to a deal, of [`ROLES`].
pub type Role = usize;
/// HubSpot's labels, and what Salesforce's rows hold in `Role`; the last is `IsPrimary` there.
pub const ROLES: [(&str, &str); 3] =
    [("Decision maker", "Decision Maker"), ("Billing contact", "Economic Buyer"), ("Primary contact", "")];
/// The one of which a deal has no two.
pub const PRIMARY: Role = 2;

/// People to whom records belong: HubSpot's owner id and the serial number of Salesforce's user.
pub const OWNERS: [(&str, u64); 4] = [("61001", 2), ("61002", 102), ("61003", 103), ("61004", 104)];
/// Sits at Salesforce's screen, and owns whatever is made there.
pub const AT_THE_SCREEN: usize = 0;
/// Has left HubSpot.
pub const LEFT_HUBSPOT: usize = 3;

/// What a side's owner field holds for a person.
#[must_use]
pub fn owner_id(side: Side, person: usize) -> String {
    let (owner, user) = OWNERS[person];
    match side {
        Side::HubSpot => owner.to_owned(),
        Side::Salesforce => user_id(user),
    }
}

/// The owner field, as each side names it.
#[must_use]
pub const fn owner_field(side: Side) -> &'static str {
    match side {
        Side::HubSpot => "hubspot_owner_id",
        Side::Salesforce => "OwnerId",
    }
}

/// The place of a field among its object's.
#[must_use]
pub fn field(object: usize, name: &str) -> Option<usize> {
    OBJECTS[object].fields.iter().position(|field| field.name == name)
}

/// The places of [`OBJECTS`].
pub const CONTACT: usize = 0;
/// See [`CONTACT`].
pub const COMPANY: usize = 1;
/// See [`CONTACT`].
pub const DEAL: usize = 2;

/// Salesforce's rows that join contacts to deals.
pub const CONTACT_ROLE: &str = "OpportunityContactRole";

/// A contact's or a deal's company, as each side names the field.
#[must_use]
pub fn company_field(object: &str, side: Side) -> &'static str {
    match (side, object) {
        (Side::HubSpot, "deal") => "hs_primary_associated_company",
        (Side::HubSpot, _) => "associatedcompanyid",
        (Side::Salesforce, _) => "AccountId",
    }
}

/// The compared form of a field's values.
#[must_use]
pub fn compared(form: Form, values: &[&str]) -> String {
    let plain = |value: &str| match form {
        Form::Text => value.trim().to_lowercase(),
        Form::Phone => {
            let digits: Vec<char> = value.chars().filter(char::is_ascii_digit).collect();
            digits[digits.len().saturating_sub(10)..].iter().collect()
        }
        Form::Set => {
            let known = |option: &str| {
                INTERESTS
                    .iter()
                    .find(|(ours, theirs)| *ours == option || *theirs == option)
                    .map(|(ours, _)| *ours)
            };
            let mut options: Vec<&str> = value.split(';').filter_map(|option| known(option.trim())).collect();
            options.sort_unstable();
            options.join(";")
        }
        Form::Stage => STAGES
            .iter()
            .find(|(ours, theirs)| *ours == value || *theirs == value)
            .map_or_else(String::new, |(ours, _)| (*ours).to_owned()),
        Form::Day => day_in_tokyo(value),
        Form::Amount => value.trim_end_matches(".0").to_lowercase(),
    };
    match (form, values) {
        (Form::Stage, [.., stage]) => return plain(stage),
        (Form::Amount, [amount, currency]) if !amount.is_empty() => {
            let currency = if currency.is_empty() { "usd".to_owned() } else { currency.to_lowercase() };
            return format!("{} {currency}", plain(amount));
        }
        (Form::Amount, _) => return String::new(),
        (Form::Text | Form::Phone | Form::Set | Form::Stage | Form::Day, _) => {}
    }
    let plain: Vec<String> = values.iter().map(|value| plain(value)).collect();
    if plain.iter().all(String::is_empty) { String::new() } else { plain.join("|") }
}

/// A day as it is, an instant nine hours east of Greenwich.
fn day_in_tokyo(value: &str) -> String {
    match value.parse::<Timestamp>() {
        Ok(at) => Offset::constant(9).to_datetime(at).date().to_string(),
        Err(_) => value.to_owned(),
    }
}

/// Every record of an object type, dead ones too, from a side's truth.
#[must_use]
pub fn records(object: &Object, side: Side, truth: &Value) -> BTreeMap<String, Shown> {
    let leads = (side == Side::Salesforce && object.name == OBJECTS[CONTACT].name).then_some(LEAD);
    let tables = [Some(object.wire(side)), leads].into_iter().flatten();
    let rows = tables.filter_map(|table| truth["records"][table].as_object()).flatten();
    let mut rows: BTreeMap<String, Shown> =
        rows.map(|(id, row)| (id.clone(), shown(object, side, id, row))).collect();
    if side == Side::Salesforce && object.name == OBJECTS[DEAL].name {
        for (_, role) in truth["records"][CONTACT_ROLE].as_object().into_iter().flatten() {
            let end = |name: &str| role["fields"][name].as_str().filter(|_| role["is_deleted"] == false);
            if let (Some(deal), Some(contact)) = (end("OpportunityId"), end("ContactId"))
                && let Some(deal) = rows.get_mut(deal)
            {
                deal.contacts.insert(contact.to_owned());
                let said = ROLES.iter().position(|(_, theirs)| role["fields"]["Role"] == *theirs);
                let marked = (role["fields"]["IsPrimary"] == true).then_some(PRIMARY);
                deal.roles.extend(said.into_iter().chain(marked).map(|role| (contact.to_owned(), role)));
            }
        }
    }
    rows
}

fn shown(object: &Object, side: Side, id: &str, row: &Value) -> Shown {
    let (fields, alive, merged_into, names) = match side {
        Side::HubSpot => (
            &row["properties"],
            !row["archived"].as_bool().unwrap_or(false) && row["merged_into"].is_null(),
            &row["merged_into"],
            ("concord_id", "deleted_in_crm"),
        ),
        Side::Salesforce => {
            let converted = row["fields"]["IsConverted"] == true;
            let became = if converted { &row["fields"]["ConvertedContactId"] } else { &row["master"] };
            let alive = !converted && !row["is_deleted"].as_bool().unwrap_or(false);
            (&row["fields"], alive, became, ("Concord_Id__c", "Deleted_In_CRM__c"))
        }
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let values = object.fields.iter().map(|field| {
        let raw: Vec<String> = field.wire(side).iter().map(|wire| text(&fields[*wire])).collect();
        compared(field.form, &raw.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let last = row["history"].as_array().and_then(|all| all.last());
    Shown {
        id: id.to_owned(),
        values: values.collect(),
        alive,
        archived_by_us: !alive && merged_into.is_null() && last.is_some_and(|last| last["by"] == "api"),
        merged_into: merged_into.as_str().map(str::to_owned),
        concord_id: fields[names.0].as_str().filter(|id| !id.is_empty()).map(str::to_owned),
        made_by_us: row["history"][0]["by"] == "api",
        flagged: text(&fields[names.1]) == "true",
        company: Some(text(&fields[company_field(object.name, side)])).filter(|id| !id.is_empty()),
        contacts: row["contacts"].as_array().into_iter().flatten().map(text).collect(),
        roles: labels(&row["labels"]),
        owner: (0..OWNERS.len()).find(|person| owner_id(side, *person) == text(&fields[owner_field(side)])),
    }
}

/// HubSpot's labels of a deal's contacts.
fn labels(shown: &Value) -> BTreeSet<(String, Role)> {
    let all = shown.as_object().into_iter().flatten();
    let of_contact = |(contact, labels): (&String, &Value)| {
        let known = |label: &Value| ROLES.iter().position(|(ours, _)| label == ours);
        let roles: Vec<Role> = labels.as_array().into_iter().flatten().filter_map(known).collect();
        let contact = contact.clone();
        roles.into_iter().map(move |role| (contact.clone(), role))
    };
    all.flat_map(of_contact).collect()
}
