//! Sample people, companies and deals: the requests that a person makes to enter them on each side.
//!
//! The same for the same number. A deal has no key, so each is on one side only. Of ten, three are only in HubSpot, three only in Salesforce and four in both,
//! where they share e-mail or domain; of those, most agree but for the spelling of phone numbers, some lack a
//! field on one side, and a few hold different values. Deliberately absent: references between records, whose
//! ids only the answers tell.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::crm::Request;

const FIRST_NAMES: [&str; 16] = [
    "Ada",
    "Grace",
    "Katherine",
    "Dorothy",
    "Mary",
    "Annie",
    "Hedy",
    "Joan",
    "Alan",
    "Edsger",
    "Donald",
    "Dennis",
    "Niklaus",
    "Barbara",
    "Radia",
    "Frances",
];
const LAST_NAMES: [&str; 17] = [
    "Okafor", "Lindgren", "Moreau", "Tanaka", "O'Brien", "García", "Novak", "Haddad", "Kim", "Silva",
    "Fischer", "Ivanova", "Mensah", "Rossi", "Nguyen", "Svensson", "van Dijk",
];
const TITLES: [&str; 7] = [
    "Head of Operations",
    "Sales Manager",
    "Software Engineer",
    "Procurement Lead",
    "Chief Financial Officer",
    "Marketing Director",
    "Support Engineer",
];
/// HubSpot's stage and Salesforce's, as the sample contract maps them.
const STAGES: [(&str, &str); 4] =
    [("lead", "Open"), ("salesqualifiedlead", "Qualified"), ("opportunity", "Working"), ("customer", "Won")];
/// HubSpot's industry and Salesforce's, as the sample contract maps them.
const INDUSTRIES: [(&str, &str); 4] = [
    ("COMPUTER_SOFTWARE", "Technology"),
    ("FINANCIAL_SERVICES", "Banking"),
    ("HOSPITAL_HEALTH_CARE", "Healthcare"),
    ("RETAIL", "Retail"),
];
const COMPANY_NAMES: [&str; 9] = [
    "Brightwater",
    "Northfold",
    "Kestrel",
    "Amberline",
    "Tidewell",
    "Granite Peak",
    "Lumen",
    "Oakhaven",
    "Silverbirch",
];
const COMPANY_KINDS: [&str; 5] = ["Logistics", "Software", "Foods", "Health", "Capital"];
const AREA_CODES: [u32; 6] = [212, 312, 415, 503, 617, 713];
/// One in five is a company.
const COMPANY_EACH: usize = 5;
/// One in twenty is a deal: the one with this remainder.
const DEAL_EACH: usize = 20;
const DEAL_AT: usize = 7;
/// HubSpot's stage and Salesforce's, as the sample contract maps them.
const DEAL_STAGES: [(&str, &str); 5] = [
    ("appointmentscheduled", "Prospecting"),
    ("qualifiedtobuy", "Qualification"),
    ("contractsent", "Negotiation/Review"),
    ("closedwon", "Closed Won"),
    ("closedlost", "Closed Lost"),
];
const CURRENCIES: [&str; 3] = ["USD", "USD", "EUR"];
/// Records in one HubSpot batch (API page: batch create).
const HUBSPOT_BATCH: usize = 100;
/// Records in one Salesforce collection (API page: sObject collections).
const SALESFORCE_BATCH: usize = 200;

/// The requests that make the sample, to be made as [`crate::crm::Caller::Person`], in order.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// To HubSpot.
    pub hubspot: Vec<Request>,
    /// To Salesforce.
    pub salesforce: Vec<Request>,
}

/// Where one of the sample is, and how its two records differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    HubSpot,
    Salesforce,
    Both(Difference),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    Spelling,
    BlankInHubSpot,
    BlankInSalesforce,
    Title,
}

/// So many people, companies and deals in sum; one that is in both is one.
#[must_use]
pub fn sample(records: usize) -> Sample {
    let (mut contacts, mut people) = (Vec::new(), Vec::new());
    let (mut companies, mut accounts) = (Vec::new(), Vec::new());
    let (mut deals, mut opportunities) = (Vec::new(), Vec::new());
    for n in 0..records {
        let ([hubspot, salesforce], left, right) = match n % COMPANY_EACH {
            0 => (company(n / COMPANY_EACH), &mut companies, &mut accounts),
            _ if n % DEAL_EACH == DEAL_AT => (deal(n / DEAL_EACH), &mut deals, &mut opportunities),
            _ => (person(n), &mut contacts, &mut people),
        };
        left.extend(hubspot);
        right.extend(salesforce);
    }
    let in_hubspot = |object: &str, records: &[Value]| -> Vec<Request> {
        let batch = |batch: &[Value]| {
            post(&format!("/crm/v3/objects/{object}/batch/create"), &json!({"inputs": batch}))
        };
        records.chunks(HUBSPOT_BATCH).map(batch).collect()
    };
    let in_salesforce = |records: &[Value]| -> Vec<Request> {
        let batch = |batch: &[Value]| {
            let body = json!({"allOrNone": true, "records": batch});
            post("/services/data/v62.0/composite/sobjects", &body)
        };
        records.chunks(SALESFORCE_BATCH).map(batch).collect()
    };
    Sample {
        hubspot: [
            in_hubspot("companies", &companies),
            in_hubspot("contacts", &contacts),
            in_hubspot("deals", &deals),
        ]
        .concat(),
        salesforce: [in_salesforce(&accounts), in_salesforce(&people), in_salesforce(&opportunities)]
            .concat(),
    }
}

/// HubSpot's record and Salesforce's.
fn person(n: usize) -> [Option<Value>; 2] {
    let number = n - n / COMPANY_EACH - 1;
    let place = place(number);
    let (first, last) = (pick(&FIRST_NAMES, number), pick(&LAST_NAMES, number));
    let letters = |name: &str| -> String {
        let plain = name.to_lowercase().replace('í', "i");
        plain.chars().filter(char::is_ascii_lowercase).collect()
    };
    let email = format!("{}.{}{number}@{}", letters(first), letters(last), domain(number / 4));
    let title = pick(&TITLES, number);
    let (stage, lead_stage) = pick(&STAGES, number);
    let (plain, spelt) = phone(number);
    let mut contact = json!({"email": email, "firstname": first, "lastname": last, "phone": plain,
        "jobtitle": title, "lifecyclestage": stage});
    let mut row = json!({"attributes": {"type": "Contact"}, "Email": email, "FirstName": first,
        "LastName": last, "Phone": spelt, "Title": title, "Lead_Stage__c": lead_stage});
    match place {
        Place::HubSpot | Place::Salesforce | Place::Both(Difference::Spelling) => {}
        Place::Both(Difference::BlankInHubSpot) => remove(&mut contact, "jobtitle"),
        Place::Both(Difference::BlankInSalesforce) => remove(&mut row, "Phone"),
        Place::Both(Difference::Title) => row["Title"] = json!(format!("Senior {title}")),
    }
    placed(place, json!({"properties": contact}), row)
}

/// HubSpot's record and Salesforce's.
fn company(number: usize) -> [Option<Value>; 2] {
    let place = place(number);
    let name =
        format!("{} {}", pick(&COMPANY_NAMES, number), pick(&COMPANY_KINDS, number / COMPANY_NAMES.len()));
    let name = match number / (COMPANY_NAMES.len() * COMPANY_KINDS.len()) {
        0 => name,
        again => format!("{name} {}", again + 1),
    };
    let domain = domain(number);
    let (industry, account_industry) = pick(&INDUSTRIES, number);
    let (plain, spelt) = phone(number + 37);
    let employees = 5 + (number * 37) % 4_000;
    let mut company = json!({"name": name, "domain": domain, "phone": plain, "industry": industry,
        "numberofemployees": employees.to_string()});
    let mut account = json!({"attributes": {"type": "Account"}, "Name": name, "Domain__c": domain,
        "Website": format!("https://www.{domain}"), "Phone": spelt, "Industry": account_industry,
        "NumberOfEmployees": employees});
    match place {
        Place::HubSpot | Place::Salesforce | Place::Both(Difference::Spelling) => {}
        Place::Both(Difference::BlankInHubSpot) => remove(&mut company, "numberofemployees"),
        Place::Both(Difference::BlankInSalesforce) => remove(&mut account, "Phone"),
        Place::Both(Difference::Title) => account["NumberOfEmployees"] = json!(employees + 12),
    }
    placed(place, json!({"properties": company}), account)
}

/// HubSpot's record, or Salesforce's.
fn deal(number: usize) -> [Option<Value>; 2] {
    let name =
        format!("{} {} rollout {}", pick(&COMPANY_NAMES, number), pick(&COMPANY_KINDS, number), number + 1);
    let (stage, stage_name) = pick(&DEAL_STAGES, number);
    let (amount, currency) = (1_500 + (number * 731) % 90_000, pick(&CURRENCIES, number));
    let day = format!("2026-{:02}-{:02}", 1 + number % 12, 1 + number * 5 % 28);
    let deal = json!({"dealname": name, "pipeline": "default", "dealstage": stage, "amount": amount.to_string(),
        "deal_currency_code": currency, "closedate": format!("{day}T15:30:00Z")});
    let row = json!({"attributes": {"type": "Opportunity"}, "Name": name, "StageName": stage_name,
        "CloseDate": day, "Amount": amount, "CurrencyIsoCode": currency});
    let place = if number.is_multiple_of(2) { Place::HubSpot } else { Place::Salesforce };
    placed(place, json!({"properties": deal}), row)
}

const fn place(number: usize) -> Place {
    match number % 10 {
        0..=2 => Place::HubSpot,
        3..=5 => Place::Salesforce,
        6 if number % 20 == 6 => Place::Both(Difference::BlankInHubSpot),
        6 => Place::Both(Difference::BlankInSalesforce),
        7 if number % 40 == 7 => Place::Both(Difference::Title),
        _ => Place::Both(Difference::Spelling),
    }
}

fn placed(place: Place, hubspot: Value, salesforce: Value) -> [Option<Value>; 2] {
    match place {
        Place::HubSpot => [Some(hubspot), None],
        Place::Salesforce => [None, Some(salesforce)],
        Place::Both(_) => [Some(hubspot), Some(salesforce)],
    }
}

/// The domain of the company with this number.
fn domain(number: usize) -> String {
    let name = pick(&COMPANY_NAMES, number).to_lowercase().replace(' ', "");
    format!("{name}{number}.example.com")
}

/// A number set aside for fiction (555-0100 to 555-0199), bare and as Salesforce's screens show it.
fn phone(number: usize) -> (String, String) {
    let (area, line) = (pick(&AREA_CODES, number), number % 100);
    (format!("+1{area}55501{line:02}"), format!("({area}) 555-01{line:02}"))
}

/// One of a list, in turn. The lists have no common divisor, so that combinations differ for long.
fn pick<T: Copy>(list: &[T], number: usize) -> T {
    list[number % list.len()]
}

fn remove(record: &mut Value, field: &str) {
    if let Some(record) = record.as_object_mut() {
        record.remove(field);
    }
}

fn post(path: &str, body: &Value) -> Request {
    let mut request = Request::new(Bytes::from(body.to_string()));
    *request.method_mut() = http::Method::POST;
    // Every path here is made above, of characters that a path takes.
    *request.uri_mut() = path.parse().unwrap_or_default();
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    request
}
