//! What people do with contacts at both screens, and what they see there.

use concord_core::names::{RecordId, Side};
use concord_sandbox::salesforce::convert_operation;
use http::Method;
use serde_json::{Value, json};

use super::Spine;

impl Spine {
    /// A person makes a contact in HubSpot.
    pub fn hubspot_creates(&self, properties: &Value) -> String {
        let made = self.hubspot.person(
            Method::POST,
            "/crm/v3/objects/contacts",
            &json!({ "properties": properties }),
        );
        made["id"].as_str().unwrap_or_default().to_owned()
    }

    /// A person edits a contact in HubSpot.
    pub fn hubspot_edits(&self, id: &str, properties: &Value) {
        self.hubspot.person(
            Method::PATCH,
            &format!("/crm/v3/objects/contacts/{id}"),
            &json!({ "properties": properties }),
        );
    }

    /// What HubSpot shows of a contact: these properties.
    #[must_use]
    pub fn hubspot_shows(&self, id: &str, properties: &[&str]) -> Value {
        let path = format!("/crm/v3/objects/contacts/{id}?properties={}", properties.join(","));
        let shown = self.hubspot.person(Method::GET, &path, &Value::Null);
        properties.iter().map(|name| ((*name).to_owned(), shown["properties"][*name].clone())).collect()
    }

    /// The contacts that HubSpot shows, by id.
    #[must_use]
    pub fn hubspot_contacts(&self) -> Vec<String> {
        let shown = self.hubspot.person(Method::GET, "/crm/v3/objects/contacts?limit=100", &Value::Null);
        let ids = shown["results"].as_array().cloned().unwrap_or_default();
        ids.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
    }

    /// A person makes a contact in Salesforce.
    pub fn salesforce_creates(&self, fields: &Value) -> String {
        let made = self.salesforce.person(Method::POST, "/services/data/v66.0/sobjects/Contact/", fields);
        made["id"].as_str().unwrap_or_default().to_owned()
    }

    /// A person makes a lead in Salesforce.
    pub fn salesforce_creates_lead(&self, fields: &Value) -> String {
        let made = self.salesforce.person(Method::POST, "/services/data/v66.0/sobjects/Lead/", fields);
        made["id"].as_str().unwrap_or_default().to_owned()
    }

    /// A person converts a lead, and its account is made or is the one that is given. The contact that it became.
    pub fn converts(&self, lead: &str, into: &str) -> String {
        self.soap(&convert_operation(lead, into));
        let path = format!("/services/data/v66.0/sobjects/Lead/{lead}?fields=ConvertedContactId");
        let shown = self.salesforce.person(Method::GET, &path, &Value::Null);
        shown["ConvertedContactId"].as_str().unwrap_or_default().to_owned()
    }

    /// A person edits a contact or a lead in Salesforce.
    pub fn salesforce_edits(&self, id: &str, fields: &Value) {
        self.salesforce.person(Method::PATCH, &row_of(id), fields);
    }

    /// What Salesforce shows of a contact or a lead: these fields.
    #[must_use]
    pub fn salesforce_shows(&self, id: &str, fields: &[&str]) -> Value {
        let path = format!("{}?fields={}", row_of(id), fields.join(","));
        let shown = self.salesforce.person(Method::GET, &path, &Value::Null);
        fields.iter().map(|name| ((*name).to_owned(), shown[*name].clone())).collect()
    }

    /// The contacts that Salesforce shows, by id.
    #[must_use]
    pub fn salesforce_contacts(&self) -> Vec<String> {
        self.salesforce_finds("Contact")
    }

    /// The leads that Salesforce shows, by id; those that were converted are not among them.
    #[must_use]
    pub fn salesforce_leads(&self) -> Vec<String> {
        self.salesforce_finds("Lead+WHERE+IsConverted=false")
    }

    fn salesforce_finds(&self, from: &str) -> Vec<String> {
        let path = format!("/services/data/v66.0/query?q=SELECT+Id+FROM+{from}+ORDER+BY+Id");
        let shown = self.salesforce.person(Method::GET, &path, &Value::Null);
        let rows = shown["records"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["Id"].as_str().map(str::to_owned)).collect()
    }

    /// A person deletes a contact.
    pub fn deletes(&self, side: Side, id: &str) {
        match side {
            Side::HubSpot => {
                self.hubspot.person(Method::DELETE, &format!("/crm/v3/objects/contacts/{id}"), &Value::Null)
            }
            Side::Salesforce => self.salesforce.person(Method::DELETE, &row_of(id), &Value::Null),
        };
    }

    /// A person erases a contact in HubSpot, as privacy law asks.
    pub fn hubspot_erases(&self, id: &str) {
        let path = "/crm/v3/objects/contacts/gdpr-delete";
        self.hubspot.person(Method::POST, path, &json!({ "objectId": id }));
    }

    /// A person takes a contact out of the bin.
    pub fn restores(&self, side: Side, id: &str) {
        match side {
            Side::HubSpot => {
                let path = format!("/crm/v3/objects/contacts/{id}/restore");
                self.hubspot.person(Method::POST, &path, &json!({}));
            }
            Side::Salesforce => self.soap(&format!("<urn:undelete><urn:ids>{id}</urn:ids></urn:undelete>")),
        }
    }

    /// A person does in Salesforce what only its SOAP API can.
    pub fn soap(&self, operation: &str) {
        let answer = self.salesforce.person_soap(operation);
        assert!(answer.contains("<success>true</success>"), "{answer}");
    }
}

fn row_of(id: &str) -> String {
    let object = if RecordId::from(id).is_lead() { "Lead" } else { "Contact" };
    format!("/services/data/v66.0/sobjects/{object}/{id}")
}
