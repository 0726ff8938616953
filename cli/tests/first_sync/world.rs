//! Two CRMs as companies have them: made over HTTP, by people, long before anybody thought of keeping them in agreement.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::harness::Concord;

/// How many things there are; what stands in both CRMs is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) companies: usize,
    pub(crate) contacts: usize,
    pub(crate) deals: usize,
}

/// What the first sync has to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Expected {
    pub(crate) pairs: usize,
    pub(crate) conflicts: usize,
    /// Records of which nobody can tell whom they belong with.
    pub(crate) proposed: usize,
    /// Fields whose value has no form on the other side.
    pub(crate) unmapped: usize,
    /// Contacts of deals.
    pub(crate) involved: usize,
}

/// What is the matter with a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    OnlyHubSpot,
    OnlySalesforce,
    /// In both; spelt differently.
    Same,
    /// In both; one has no title.
    Blank,
    /// In both; each has another title.
    Differs,
    /// Once in HubSpot, twice in Salesforce.
    Doubled,
    NoEmailInHubSpot,
    NoEmailInSalesforce,
    DeletedInHubSpot,
    DeletedInSalesforce,
    /// Twice in HubSpot, and merged there.
    Merged,
}

const FIRST_NAMES: [&str; 8] = ["Ada", "Grace", "Katherine", "Jean-Luc", "María", "Annie", "Hedy", "Zoë"];
const LAST_NAMES: [&str; 7] = ["Okafor", "O'Brien", "García", "van Dijk", "Ivanova", "Nguyen", "Smith Jones"];
const TITLES: [&str; 5] = ["Head of Operations", "Sales Manager", "Engineer", "Buyer", "CFO"];
/// HubSpot's stage and Salesforce's, as the sample contract maps them.
const STAGES: [(&str, &str); 4] =
    [("lead", "Open"), ("salesqualifiedlead", "Qualified"), ("opportunity", "Working"), ("customer", "Won")];
/// HubSpot has this stage, and the contract says nothing of it.
const UNMAPPED_STAGE: &str = "evangelist";
const DEAL_STAGES: [(&str, &str); 3] = [
    ("appointmentscheduled", "Prospecting"),
    ("contractsent", "Negotiation/Review"),
    ("closedwon", "Closed Won"),
];
const CURRENCIES: [&str; 3] = ["USD", "EUR", "USD"];
/// API page "associations": a deal's primary company.
const PRIMARY_COMPANY_OF_DEAL: u32 = 5;
/// The same page: a deal's contact.
const CONTACT_OF_DEAL: u32 = 3;
/// The first label of the sandbox's portal: `Decision maker`, seen from a deal.
const DECISION_MAKER: u32 = 1_001;

fn case(n: usize) -> Case {
    match n % 20 {
        0..=5 => Case::OnlyHubSpot,
        6..=11 => Case::OnlySalesforce,
        12..=16 => Case::Same,
        17 => Case::Blank,
        18 => Case::Differs,
        _ => match n / 20 % 6 {
            0 => Case::Doubled,
            1 => Case::NoEmailInHubSpot,
            2 => Case::NoEmailInSalesforce,
            3 => Case::DeletedInHubSpot,
            4 => Case::DeletedInSalesforce,
            _ => Case::Merged,
        },
    }
}

/// One of six spellings of a number set aside for fiction.
fn phone(n: usize, spelling: usize) -> String {
    let (area, line) = ([212, 312, 415, 503][n % 4], 100 + n % 100);
    match spelling % 6 {
        0 => format!("+1{area}5550{line}"),
        1 => format!("({area}) 555-0{line}"),
        2 => format!("{area}-555-0{line}"),
        3 => format!("{area}.555.0{line}"),
        4 => format!("1 {area} 555 0{line}"),
        _ => format!("{area}5550{line}"),
    }
}

fn domain(n: usize) -> String {
    format!("firm{n}.example.com")
}

/// Whether a company stands in HubSpot, and in Salesforce.
const fn company_is_in(n: usize) -> (bool, bool) {
    match n % 10 {
        0..=2 => (true, false),
        3..=5 => (false, true),
        _ => (true, true),
    }
}

/// What people have entered on both sides, to be sent in batches.
#[derive(Default)]
struct Entered {
    hubspot: Vec<Value>,
    salesforce: Vec<Value>,
}

impl Entered {
    async fn send(&self, concord: &Concord, object: &str) -> Vec<(String, Value)> {
        let mut made = Vec::new();
        for batch in self.hubspot.chunks(100) {
            let path = format!("/crm/v3/objects/{object}/batch/create");
            let answer = concord.hubspot("POST", &path, Some(&json!({ "inputs": batch }))).await;
            let results = answer["results"].as_array().cloned().unwrap_or_default();
            assert_eq!(results.len(), batch.len(), "{answer}");
            made.extend(results.into_iter().map(|made| (text(&made["id"]), made["properties"].clone())));
        }
        made
    }

    /// The ids, in the order in which they were entered.
    async fn send_to_salesforce(&self, concord: &Concord) -> Vec<String> {
        let mut made = Vec::new();
        for batch in self.salesforce.chunks(200) {
            let body = json!({ "allOrNone": true, "records": batch });
            let answer = concord.salesforce("POST", "/data/v66.0/composite/sobjects", Some(&body)).await;
            let rows = answer.as_array().cloned().unwrap_or_default();
            assert!(rows.iter().all(|row| row["success"] == json!(true)), "{answer}");
            made.extend(rows.iter().map(|row| text(&row["id"])));
        }
        made
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Enters everything, and says what is to become of it.
pub(crate) async fn enter(concord: &Concord, size: Size) -> Expected {
    let companies = enter_companies(concord, size).await;
    let (mut expected, people) = enter_contacts(concord, size, &companies).await;
    expected.involved = enter_deals(concord, size, &companies, &people).await;
    let in_both = (0..size.deals).filter(|n| is_in_both(*n)).count();
    expected.pairs += size.companies + size.deals - in_both;
    expected.proposed += 2 * in_both;
    expected
}

/// The ids of the contacts on each side, by number.
struct People {
    hubspot: BTreeMap<usize, String>,
    salesforce: BTreeMap<usize, String>,
}

/// The ids of the companies on each side, by number.
struct Companies {
    hubspot: BTreeMap<usize, String>,
    salesforce: BTreeMap<usize, String>,
}

async fn enter_companies(concord: &Concord, size: Size) -> Companies {
    let mut entered = Entered::default();
    let mut in_salesforce = Vec::new();
    for n in 0..size.companies {
        let name = format!("Firm {n}");
        let is_in = company_is_in(n);
        if is_in.0 {
            let properties = json!({"name": name, "domain": domain(n), "phone": phone(n, 0)});
            entered.hubspot.push(json!({ "properties": properties }));
        }
        if is_in.1 {
            in_salesforce.push(n);
            entered.salesforce.push(json!({"attributes": {"type": "Account"}, "Name": name,
                "Domain__c": domain(n), "Phone": phone(n, n)}));
        }
    }
    let made = entered.send(concord, "companies").await;
    let numbers: BTreeMap<String, usize> = (0..size.companies).map(|n| (domain(n), n)).collect();
    let number = |properties: &Value| numbers.get(properties["domain"].as_str()?).copied();
    Companies {
        hubspot: made.into_iter().filter_map(|(id, properties)| Some((number(&properties)?, id))).collect(),
        salesforce: in_salesforce.into_iter().zip(entered.send_to_salesforce(concord).await).collect(),
    }
}

fn email(n: usize) -> String {
    format!("person{n}@{}", domain(n / 3))
}

async fn enter_contacts(concord: &Concord, size: Size, companies: &Companies) -> (Expected, People) {
    let mut expected = Expected::default();
    let mut entered = Entered::default();
    let mut numbers = Vec::new();
    for n in 0..size.contacts {
        let case = case(n);
        let (mut contact, mut row) = both(n, companies, size);
        let (mut in_hubspot, mut in_salesforce) = (1, 1);
        expected.pairs += 1;
        match case {
            Case::OnlyHubSpot => {
                in_salesforce = 0;
                if n.is_multiple_of(33) {
                    contact["lifecyclestage"] = json!(UNMAPPED_STAGE);
                    expected.unmapped += 1;
                }
            }
            Case::OnlySalesforce => in_hubspot = 0,
            Case::Same | Case::DeletedInHubSpot | Case::DeletedInSalesforce => {}
            Case::Blank => contact["jobtitle"] = json!(""),
            Case::Differs => {
                row["Title"] = json!(format!("Senior {}", TITLES[n % TITLES.len()]));
                expected.conflicts += 1;
            }
            Case::Doubled => {
                in_salesforce = 2;
                expected.pairs -= 1;
                expected.proposed += 3;
            }
            Case::NoEmailInHubSpot => {
                in_salesforce = 0;
                drop(contact.as_object_mut().and_then(|contact| contact.remove("email")));
            }
            Case::NoEmailInSalesforce => {
                in_hubspot = 0;
                drop(row.as_object_mut().and_then(|row| row.remove("Email")));
            }
            Case::Merged => {
                let mut other = contact.clone();
                other["email"] = json!(format!("old.{}", email(n)));
                entered.hubspot.push(json!({ "properties": other }));
            }
        }
        entered.hubspot.extend((0..in_hubspot).map(|_| json!({ "properties": contact })));
        entered.salesforce.extend((0..in_salesforce).map(|_| row.clone()));
        numbers.extend((0..in_salesforce).map(|_| n));
    }
    let made = entered.send(concord, "contacts").await;
    let in_hubspot: BTreeMap<String, String> =
        made.into_iter().map(|(id, properties)| (text(&properties["email"]), id)).collect();
    let in_salesforce: BTreeMap<usize, String> =
        numbers.into_iter().zip(entered.send_to_salesforce(concord).await).collect();
    delete_and_merge(concord, size, &in_hubspot, &in_salesforce).await;
    let plain = (0..size.contacts).filter(|n| stays_one(*n));
    let hubspot = plain.filter_map(|n| Some((n, in_hubspot.get(&email(n))?.clone()))).collect();
    let salesforce = in_salesforce.into_iter().filter(|(n, _)| stays_one(*n)).collect();
    (expected, People { hubspot, salesforce })
}

/// What people have deleted and merged since: contacts by their e-mail, Salesforce's by their number.
async fn delete_and_merge(
    concord: &Concord,
    size: Size,
    in_hubspot: &BTreeMap<String, String>,
    in_salesforce: &BTreeMap<usize, String>,
) {
    for n in 0..size.contacts {
        let hubspot = || in_hubspot[&email(n)].as_str();
        match case(n) {
            Case::DeletedInHubSpot => {
                concord.hubspot("DELETE", &format!("/crm/v3/objects/contacts/{}", hubspot()), None).await;
            }
            Case::DeletedInSalesforce => concord.salesforce_deletes(&in_salesforce[&n]).await,
            Case::Merged => {
                let loser = &in_hubspot[&format!("old.{}", email(n))];
                let body = json!({ "primaryObjectId": hubspot(), "objectIdToMerge": loser });
                concord.hubspot("POST", "/crm/v3/objects/contacts/merge", Some(&body)).await;
            }
            Case::OnlyHubSpot
            | Case::OnlySalesforce
            | Case::Same
            | Case::Blank
            | Case::Differs
            | Case::Doubled
            | Case::NoEmailInHubSpot
            | Case::NoEmailInSalesforce => {}
        }
    }
}

/// One contact, as each side would have it.
fn both(n: usize, companies: &Companies, size: Size) -> (Value, Value) {
    let (first, last) = (FIRST_NAMES[n % FIRST_NAMES.len()], LAST_NAMES[n % LAST_NAMES.len()]);
    let (title, (stage, lead_stage)) = (TITLES[n % TITLES.len()], STAGES[n % STAGES.len()]);
    let spelt = if n.is_multiple_of(3) { email(n).to_uppercase() } else { email(n) };
    let mut contact = json!({"email": email(n), "firstname": first, "lastname": last, "jobtitle": title,
        "phone": phone(n, 0), "lifecyclestage": stage});
    let mut row = json!({"attributes": {"type": "Contact"}, "Email": spelt, "FirstName": first, "LastName": last,
        "Title": format!("{title} "), "Phone": phone(n, n), "Lead_Stage__c": lead_stage});
    let company = n % size.companies;
    if let (Some(id), true) = (companies.hubspot.get(&company), has_company(n)) {
        contact["associatedcompanyid"] = json!(id);
    }
    if let (Some(id), true) = (companies.salesforce.get(&company), has_company(n)) {
        row["AccountId"] = json!(id);
    }
    (contact, row)
}

fn has_company(n: usize) -> bool {
    stays_one(n) && !n.is_multiple_of(4)
}

/// Whether a contact is one on each side that has it, and stays there.
fn stays_one(n: usize) -> bool {
    match case(n) {
        Case::OnlyHubSpot | Case::OnlySalesforce | Case::Same | Case::Blank | Case::Differs => true,
        Case::Doubled
        | Case::NoEmailInHubSpot
        | Case::NoEmailInSalesforce
        | Case::DeletedInHubSpot
        | Case::DeletedInSalesforce
        | Case::Merged => false,
    }
}

/// Whether a deal stands in both. Nobody can tell: a deal has no key by which two could meet.
const fn is_in_both(n: usize) -> bool {
    n % 20 == 8
}

/// The contacts of a deal that its side has.
fn involved(n: usize, size: Size, people: &BTreeMap<usize, String>) -> Vec<&String> {
    let numbers = [n * 3 % size.contacts, (n * 5 + 1) % size.contacts];
    let many = if is_in_both(n) { 0 } else { n % 3 };
    let numbers: BTreeSet<usize> = numbers.into_iter().take(many).collect();
    numbers.into_iter().filter_map(|number| people.get(&number)).collect()
}

/// How many contacts they have.
async fn enter_deals(concord: &Concord, size: Size, companies: &Companies, people: &People) -> usize {
    let mut entered = Entered::default();
    let (mut in_salesforce, mut associations) = (Vec::new(), 0);
    for n in 0..size.deals {
        let (stage, stage_name) = DEAL_STAGES[n % DEAL_STAGES.len()];
        let (name, amount, currency) =
            (format!("Deal {n}"), 1_000 + n * 37, CURRENCIES[n % CURRENCIES.len()]);
        let day = format!("2027-{:02}-{:02}", 1 + n % 12, 1 + n % 28);
        let company = n * 7 % size.companies;
        if n.is_multiple_of(2) {
            let properties = json!({"dealname": name, "pipeline": "default", "dealstage": stage,
                "amount": amount.to_string(), "deal_currency_code": currency, "closedate": format!("{day}T15:30:00Z")});
            let company = companies.hubspot.get(&company).into_iter();
            let company = company.map(|id| association(id, PRIMARY_COMPANY_OF_DEAL));
            let contact = |id| match n.is_multiple_of(3) {
                true => labelled(id, CONTACT_OF_DEAL, DECISION_MAKER),
                false => association(id, CONTACT_OF_DEAL),
            };
            let contacts = involved(n, size, &people.hubspot).into_iter().map(contact);
            let associated: Vec<Value> = company.chain(contacts).collect();
            associations += involved(n, size, &people.hubspot).len();
            entered.hubspot.push(json!({ "properties": properties, "associations": associated }));
        }
        if is_in_both(n) || !n.is_multiple_of(2) {
            let mut row = json!({"attributes": {"type": "Opportunity"}, "Name": name, "StageName": stage_name,
                "CloseDate": day, "Amount": amount, "CurrencyIsoCode": currency});
            if let Some(id) = companies.salesforce.get(&company) {
                row["AccountId"] = json!(id);
            }
            entered.salesforce.push(row);
            in_salesforce.push(n);
        }
    }
    entered.send(concord, "deals").await;
    let mut roles = Entered::default();
    for (n, deal) in in_salesforce.into_iter().zip(entered.send_to_salesforce(concord).await) {
        let said = if n.is_multiple_of(3) { "Decision Maker" } else { "Evaluator" };
        let role = |contact: &String| {
            json!({"attributes": {"type": "OpportunityContactRole"}, "OpportunityId": deal, "ContactId": contact,
                "Role": said})
        };
        roles.salesforce.extend(involved(n, size, &people.salesforce).into_iter().map(role));
    }
    associations + roles.send_to_salesforce(concord).await.len()
}

fn labelled(id: &String, kind: u32, label: u32) -> Value {
    let label = json!({"associationCategory": "USER_DEFINED", "associationTypeId": label});
    let mut association = association(id, kind);
    association["types"].as_array_mut().into_iter().for_each(|types| types.push(label.clone()));
    association
}

fn association(id: &String, kind: u32) -> Value {
    let kind = json!({"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind});
    json!({ "to": { "id": id }, "types": [kind] })
}
