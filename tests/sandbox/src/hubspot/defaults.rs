//! The properties that a new portal of ours has: HubSpot's own that matter for a sync, Concord's two, and some of
//! each type to try things with. A real portal has some 400 per type.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::schema::{Choice, Origin, Property, Uniqueness, ValueKind, Writing};

/// The stages of `lifecyclestage`, which only go forward.
pub(super) const LIFECYCLE_STAGES: [&str; 8] = [
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
];

const INDUSTRIES: [&str; 6] = [
    "COMPUTER_SOFTWARE",
    "CONSTRUCTION",
    "FINANCIAL_SERVICES",
    "HOSPITAL_HEALTH_CARE",
    "MACHINERY",
    "RETAIL",
];
const INTERESTS: [&str; 4] = ["cycling", "music", "reading", "sailing"];
const DEAL_STAGES: [&str; 7] = [
    "appointmentscheduled",
    "qualifiedtobuy",
    "presentationscheduled",
    "decisionmakerboughtin",
    "contractsent",
    "closedwon",
    "closedlost",
];

use Origin::{HubSpot, Portal};
use Uniqueness::{Any, Unique};
use ValueKind::{Bool, Date, Datetime, Enumeration, Number, PhoneNumber, String as Text};
use Writing::{Open, ReadOnly};

type Line = (&'static str, ValueKind, &'static str, Uniqueness, Writing, Origin);

const EVERYWHERE: [Line; 11] = [
    ("hs_object_id", Number, "number", Any, ReadOnly, HubSpot),
    ("hs_merged_object_ids", Enumeration, "checkbox", Any, ReadOnly, HubSpot),
    ("hubspot_owner_id", Enumeration, "select", Any, Open, HubSpot),
    ("concord_id", Text, "text", Unique, Open, Portal),
    ("concord_token", Number, "number", Any, Open, Portal),
    ("deleted_in_crm", Bool, "booleancheckbox", Any, Open, Portal),
    ("birth_date", Date, "date", Any, Open, Portal),
    ("last_seen", Datetime, "date", Any, Open, Portal),
    ("score", Number, "number", Any, Open, Portal),
    ("newsletter", Bool, "booleancheckbox", Any, Open, Portal),
    ("interests", Enumeration, "checkbox", Any, Open, Portal),
];

const CONTACTS: [Line; 26] = [
    ("createdate", Datetime, "date", Any, ReadOnly, HubSpot),
    ("lastmodifieddate", Datetime, "date", Any, ReadOnly, HubSpot),
    ("email", Text, "text", Unique, Open, HubSpot),
    ("associatedcompanyid", Number, "number", Any, Open, HubSpot),
    ("hs_additional_emails", Enumeration, "checkbox", Any, ReadOnly, HubSpot),
    ("hs_all_contact_vids", Enumeration, "checkbox", Any, ReadOnly, HubSpot),
    ("hs_calculated_merged_vids", Enumeration, "checkbox", Any, ReadOnly, HubSpot),
    ("hs_email_domain", Text, "text", Any, ReadOnly, HubSpot),
    ("hs_is_contact", Bool, "booleancheckbox", Any, ReadOnly, HubSpot),
    ("hs_is_unworked", Bool, "booleancheckbox", Any, ReadOnly, HubSpot),
    ("hs_pipeline", Text, "text", Any, ReadOnly, HubSpot),
    ("firstname", Text, "text", Any, Open, HubSpot),
    ("lastname", Text, "text", Any, Open, HubSpot),
    ("salutation", Text, "text", Any, Open, HubSpot),
    ("jobtitle", Text, "text", Any, Open, HubSpot),
    ("company", Text, "text", Any, Open, HubSpot),
    ("phone", PhoneNumber, "phonenumber", Any, Open, HubSpot),
    ("mobilephone", PhoneNumber, "phonenumber", Any, Open, HubSpot),
    ("website", Text, "text", Any, Open, HubSpot),
    ("address", Text, "text", Any, Open, HubSpot),
    ("city", Text, "text", Any, Open, HubSpot),
    ("state", Text, "text", Any, Open, HubSpot),
    ("zip", Text, "text", Any, Open, HubSpot),
    ("country", Text, "text", Any, Open, HubSpot),
    ("lifecyclestage", Enumeration, "radio", Any, Open, HubSpot),
    ("message", Text, "textarea", Any, Open, HubSpot),
];

const COMPANIES: [Line; 16] = [
    ("createdate", Datetime, "date", Any, ReadOnly, HubSpot),
    ("hs_lastmodifieddate", Datetime, "date", Any, ReadOnly, HubSpot),
    ("name", Text, "text", Any, Open, HubSpot),
    ("domain", Text, "text", Any, Open, HubSpot),
    ("website", Text, "text", Any, Open, HubSpot),
    ("phone", PhoneNumber, "phonenumber", Any, Open, HubSpot),
    ("industry", Enumeration, "select", Any, Open, HubSpot),
    ("numberofemployees", Number, "number", Any, Open, HubSpot),
    ("annualrevenue", Number, "number", Any, Open, HubSpot),
    ("description", Text, "textarea", Any, Open, HubSpot),
    ("address", Text, "text", Any, Open, HubSpot),
    ("city", Text, "text", Any, Open, HubSpot),
    ("state", Text, "text", Any, Open, HubSpot),
    ("zip", Text, "text", Any, Open, HubSpot),
    ("country", Text, "text", Any, Open, HubSpot),
    ("lifecyclestage", Enumeration, "radio", Any, Open, HubSpot),
];

const DEALS: [Line; 10] = [
    ("createdate", Datetime, "date", Any, ReadOnly, HubSpot),
    ("hs_lastmodifieddate", Datetime, "date", Any, ReadOnly, HubSpot),
    ("dealname", Text, "text", Any, Open, HubSpot),
    ("dealstage", Enumeration, "radio", Any, Open, HubSpot),
    ("pipeline", Text, "text", Any, Open, HubSpot),
    ("amount", Number, "number", Any, Open, HubSpot),
    ("closedate", Datetime, "date", Any, Open, HubSpot),
    ("hs_primary_associated_company", Number, "number", Any, ReadOnly, HubSpot),
    ("deal_currency_code", Text, "text", Any, Open, HubSpot),
    ("description", Text, "textarea", Any, Open, HubSpot),
];

pub(super) fn contact() -> BTreeMap<String, Property> {
    EVERYWHERE.iter().chain(&CONTACTS).map(|line| defined(line, "contactinformation")).collect()
}

pub(super) fn company() -> BTreeMap<String, Property> {
    EVERYWHERE.iter().chain(&COMPANIES).map(|line| defined(line, "companyinformation")).collect()
}

pub(super) fn deal() -> BTreeMap<String, Property> {
    EVERYWHERE.iter().chain(&DEALS).map(|line| defined(line, "dealinformation")).collect()
}

pub(super) fn custom(names: &[String]) -> BTreeMap<String, Property> {
    let dates = [
        ("hs_createdate", Datetime, "date", Any, ReadOnly, HubSpot),
        ("hs_lastmodifieddate", Datetime, "date", Any, ReadOnly, HubSpot),
    ];
    let fixed = EVERYWHERE.iter().chain(&dates).map(|line| defined(line, "information"));
    let own = names.iter().map(|name| {
        let mut property = defined(&("", Text, "text", Any, Open, Portal), "information").1;
        property.name.clone_from(name);
        property.label.clone_from(name);
        (name.clone(), property)
    });
    fixed.chain(own).collect()
}

fn defined(line: &Line, group: &str) -> (String, Property) {
    let &(name, kind, field, uniqueness, writing, origin) = line;
    let property = Property {
        name: name.to_owned(),
        label: label(name),
        description: String::new(),
        group: group.to_owned(),
        kind,
        field: field.to_owned(),
        options: options(name, kind),
        display_order: -1,
        uniqueness,
        writing,
        origin,
        hidden: name == "concord_id" || name == "concord_token",
        form_field: writing == Open && origin == HubSpot,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        archived_at: None,
    };
    (name.to_owned(), property)
}

/// `birth_date` -> `Birth date`.
fn label(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn options(name: &str, kind: ValueKind) -> Vec<Choice> {
    let values: &[&str] = match name {
        "lifecyclestage" => &LIFECYCLE_STAGES,
        "industry" => &INDUSTRIES,
        "interests" => &INTERESTS,
        "dealstage" => &DEAL_STAGES,
        _ if kind == Bool => &["true", "false"],
        _ => &[],
    };
    let choice = |(order, value): (i64, &&str)| Choice {
        label: label(&value.to_lowercase()),
        value: (*value).to_owned(),
        description: String::new(),
        display_order: order,
        hidden: false,
    };
    (0..).zip(values).map(choice).collect()
}
