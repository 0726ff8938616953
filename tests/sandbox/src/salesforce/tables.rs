//! The fields of Contact, Account, Lead, Opportunity and a custom object, with the fields that Concord adds to each, and of
//! User.

use super::schema::{Access, Field, Key, Kind, Object};

const INTEREST_VALUES: &[&str] = &["News", "Offers", "Events", "Research"];
const LEAD_STAGE_VALUES: &[&str] = &["Open", "Working", "Qualified", "Won", "Lost"];
const INDUSTRY_VALUES: &[&str] =
    &["Agriculture", "Banking", "Education", "Energy", "Healthcare", "Retail", "Technology"];
const LEAD_STATUS_VALUES: &[&str] =
    &["Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted"];
/// As a new organisation has them.
const DEAL_STAGE_VALUES: &[&str] = &[
    "Prospecting",
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Id. Decision Makers",
    "Perception Analysis",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
];
/// As a new organisation has them.
const ROLE_VALUES: &[&str] = &[
    "Business User",
    "Decision Maker",
    "Economic Buyer",
    "Economic Decision Maker",
    "Evaluator",
    "Executive Sponsor",
    "Influencer",
    "Technical Buyer",
    "Other",
];
/// This organisation has several currencies; the first is its own.
const CURRENCIES: &[&str] = &["USD", "EUR", "GBP"];

/// What `merge()` takes (SOAP guide); nothing else has a master record.
const MERGEABLE: [&str; 3] = ["Account", "Contact", "Lead"];

/// Every object, in the order in which describe lists them.
pub(crate) fn objects() -> Vec<Object> {
    vec![
        Object::new("Account", "Accounts", "001", with_shared("Account", account())),
        Object::new("Contact", "Contacts", "003", with_shared("Contact", contact())),
        Object::new("Lead", "Leads", "00Q", with_shared("Lead", lead())),
        Object::new("Opportunity", "Opportunities", "006", with_shared("Opportunity", opportunity())),
        Object::new("OpportunityContactRole", "OpportunityContactRoles", "00K", contact_role()),
        Object::new("Project__c", "Projects", "a00", with_shared("Project__c", project())),
        Object::new("User", "Users", "005", user()),
    ]
}

fn contact() -> Vec<Field> {
    let mut fields = person_name(80);
    fields.extend([
        reference("AccountId", "Account ID", "Account", "Account"),
        field("Email", "Email", Kind::Email, 80).keyed(Key::Lookup),
        field("Phone", "Business Phone", Kind::Phone, 40),
        field("MobilePhone", "Mobile Phone", Kind::Phone, 40),
        field("Title", "Title", Kind::Text, 128),
        field("Birthdate", "Birthdate", Kind::Date, 0),
        field("Description", "Contact Description", Kind::TextArea, 32_000),
    ]);
    fields.extend(mailing_address());
    fields.extend([
        picklist("Lead_Stage__c", "Lead Stage", LEAD_STAGE_VALUES),
        field("Score__c", "Score", Kind::Double { scale: 2 }, 0),
        boolean("Newsletter__c", "Newsletter"),
        Field { kind: Kind::MultiPicklist, ..picklist("Interests__c", "Interests", INTEREST_VALUES) },
        field("Last_Seen__c", "Last Seen", Kind::DateTime, 0),
    ]);
    fields
}

fn account() -> Vec<Field> {
    vec![
        field("Name", "Account Name", Kind::Text, 255).required(),
        field("Website", "Website", Kind::Url, 255),
        field("Phone", "Account Phone", Kind::Phone, 40),
        picklist("Industry", "Industry", INDUSTRY_VALUES),
        field("NumberOfEmployees", "Employees", Kind::Int, 0),
        field("AnnualRevenue", "Annual Revenue", Kind::Currency { scale: 2 }, 0),
        field("Description", "Account Description", Kind::TextArea, 32_000),
        field("Domain__c", "Domain", Kind::Text, 255).keyed(Key::External),
    ]
}

fn lead() -> Vec<Field> {
    let mut fields = person_name(80);
    fields.extend([
        field("Company", "Company", Kind::Text, 255).required(),
        field("Email", "Email", Kind::Email, 80).keyed(Key::Lookup),
        field("Phone", "Phone", Kind::Phone, 40),
        field("Title", "Title", Kind::Text, 128),
        picklist("Status", "Status", LEAD_STATUS_VALUES),
        field("Score__c", "Score", Kind::Double { scale: 2 }, 0),
        boolean("IsConverted", "Converted").of_platform(),
        field("ConvertedDate", "Converted Date", Kind::Date, 0).of_platform(),
        reference("ConvertedAccountId", "Converted Account ID", "Account", "ConvertedAccount").of_platform(),
        reference("ConvertedContactId", "Converted Contact ID", "Contact", "ConvertedContact").of_platform(),
    ]);
    fields
}

fn opportunity() -> Vec<Field> {
    vec![
        field("Name", "Name", Kind::Text, 120).required(),
        reference("AccountId", "Account ID", "Account", "Account"),
        picklist("StageName", "Stage", DEAL_STAGE_VALUES).required(),
        field("CloseDate", "Close Date", Kind::Date, 0).required(),
        field("Amount", "Amount", Kind::Currency { scale: 2 }, 0),
        picklist("CurrencyIsoCode", "Opportunity Currency", CURRENCIES).defaulted(),
        field("Description", "Description", Kind::TextArea, 32_000),
    ]
}

/// A row that joins a contact to an opportunity; nobody owns it, and Concord has no fields in it.
fn contact_role() -> Vec<Field> {
    let mut fields = vec![
        field("Id", "Contact Role ID", Kind::Id, 18).of_platform().defaulted(),
        reference("OpportunityId", "Opportunity ID", "Opportunity", "Opportunity").required(),
        reference("ContactId", "Contact ID", "Contact", "Contact").required(),
        picklist("Role", "Role", ROLE_VALUES),
        boolean("IsPrimary", "Primary"),
        boolean("IsDeleted", "Deleted").of_platform(),
    ];
    fields.extend(stamps());
    fields
}

/// A custom object, as somebody might have made it.
fn project() -> Vec<Field> {
    vec![
        field("Name", "Project Name", Kind::Text, 80).required(),
        field("Code__c", "Code", Kind::Text, 40).keyed(Key::External),
        field("Budget__c", "Budget", Kind::Double { scale: 2 }, 0),
        field("Due__c", "Due", Kind::Date, 0),
    ]
}

fn person_name(last_length: usize) -> Vec<Field> {
    vec![
        field("LastName", "Last Name", Kind::Text, last_length).required(),
        field("FirstName", "First Name", Kind::Text, 40),
        field("Name", "Full Name", Kind::Name, 121).of_platform(),
    ]
}

fn mailing_address() -> [Field; 6] {
    [
        field("MailingStreet", "Mailing Street", Kind::TextArea, 255),
        field("MailingCity", "Mailing City", Kind::Text, 40),
        field("MailingState", "Mailing State/Province", Kind::Text, 80),
        field("MailingPostalCode", "Mailing Zip/Postal Code", Kind::Text, 20),
        field("MailingCountry", "Mailing Country", Kind::Text, 80),
        field("MailingAddress", "Mailing Address", Kind::Address { of: "Mailing" }, 0).of_platform(),
    ]
}

fn user() -> Vec<Field> {
    let mut fields = vec![
        field("Id", "User ID", Kind::Id, 18).of_platform().defaulted(),
        field("Email", "Email", Kind::Email, 128).required(),
        boolean("IsActive", "Active"),
        field("UserType", "User Type", Kind::Text, 40).of_platform(),
        boolean("IsDeleted", "Deleted").of_platform(),
    ];
    fields.extend(stamps());
    fields
}

/// `Id` first, Concord's fields and the platform's stamps last.
fn with_shared(object: &'static str, own: Vec<Field>) -> Vec<Field> {
    let mut fields = vec![field("Id", "Record ID", Kind::Id, 18).of_platform().defaulted()];
    fields.extend(own);
    fields.extend([
        field("Concord_Id__c", "Concord Id", Kind::Text, 64).keyed(Key::UniqueExternal),
        field("Concord_Token__c", "Concord Token", Kind::Double { scale: 0 }, 0),
        boolean("Deleted_In_CRM__c", "Deleted In CRM"),
        reference("OwnerId", "Owner ID", "User", "Owner").defaulted(),
        boolean("IsDeleted", "Deleted").of_platform(),
    ]);
    if MERGEABLE.contains(&object) {
        fields.push(reference("MasterRecordId", "Master Record ID", object, "MasterRecord").of_platform());
    }
    fields.extend(stamps());
    fields
}

fn stamps() -> [Field; 5] {
    [
        field("CreatedDate", "Created Date", Kind::DateTime, 0).of_platform().defaulted(),
        reference("CreatedById", "Created By ID", "User", "CreatedBy").of_platform().defaulted(),
        field("LastModifiedDate", "Last Modified Date", Kind::DateTime, 0).of_platform().defaulted(),
        reference("LastModifiedById", "Last Modified By ID", "User", "LastModifiedBy")
            .of_platform()
            .defaulted(),
        field("SystemModstamp", "System Modstamp", Kind::DateTime, 0).of_platform().defaulted(),
    ]
}

fn field(name: &'static str, label: &'static str, kind: Kind, length: usize) -> Field {
    Field {
        name,
        label,
        kind,
        access: Access::Everyone,
        key: Key::No,
        required: false,
        defaulted: false,
        length,
        values: Vec::new(),
        hidden: false,
        read_only: false,
    }
}

fn boolean(name: &'static str, label: &'static str) -> Field {
    field(name, label, Kind::Boolean, 0).defaulted()
}

fn picklist(name: &'static str, label: &'static str, values: &[&str]) -> Field {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Field { values, ..field(name, label, Kind::Picklist, 255) }
}

fn reference(name: &'static str, label: &'static str, to: &'static str, relationship: &'static str) -> Field {
    field(name, label, Kind::Reference { to, relationship }, 18)
}

impl Field {
    fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn defaulted(self) -> Self {
        Self { defaulted: true, ..self }
    }

    fn of_platform(self) -> Self {
        Self { access: Access::Platform, ..self }
    }

    fn keyed(self, key: Key) -> Self {
        Self { key, ..self }
    }
}
