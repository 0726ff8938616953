//! Lead conversion.

use serde_json::{Value, json};

use super::org::{Org, error_about};

fn convert(lead: &str, status: &str, into: &str) -> String {
    format!(
        "<urn:convertLead><urn:leadConverts><urn:convertedStatus>{status}</urn:convertedStatus>{into}<urn:leadId>{lead}</urn:leadId>\
         </urn:leadConverts></urn:convertLead>"
    )
}

const DONE: &str = "Closed - Converted";

/// The text of an answer, which has to be one.
fn soap(org: &mut Org, operation: &str) -> String {
    let reply = org.soap(operation);
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body.as_str().unwrap().to_owned()
}

#[test]
fn a_lead_becomes_a_contact_of_a_new_account_in_one_transaction() {
    let mut org = Org::new();
    let lead = org.insert(
        "Lead",
        &json!({"LastName": "Lee", "Company": "Acme", "Email": "lee@example.com", "Title": "CEO"}),
    );
    org.events();

    let told = soap(&mut org, &convert(&lead, DONE, ""));

    let mut shown =
        org.fields("Lead", &lead, "IsConverted,Status,ConvertedDate,ConvertedContactId,ConvertedAccountId");
    let (contact, account) = (shown["ConvertedContactId"].take(), shown["ConvertedAccountId"].take());
    let (contact, account) = (contact.as_str().unwrap(), account.as_str().unwrap());
    let closed = json!({"IsConverted": true, "Status": DONE, "ConvertedDate": "2026-03-02", "ConvertedContactId": null, "ConvertedAccountId": null});
    assert_eq!(shown, closed);
    let result =
        format!("<accountId>{account}</accountId><contactId>{contact}</contactId><leadId>{lead}</leadId>");
    assert!(told.contains(&result) && told.contains("<success>true</success>"), "{told}");
    let of_contact =
        json!({"LastName": "Lee", "Email": "lee@example.com", "Title": "CEO", "AccountId": account});
    assert_eq!(org.fields("Contact", contact, "LastName,Email,Title,AccountId"), of_contact);
    assert_eq!(org.fields("Account", account, "Name"), json!({"Name": "Acme"}));
    let told =
        [("Account", "CREATE", account), ("Contact", "CREATE", contact), ("Lead", "UPDATE", lead.as_str())];
    let events: Vec<Value> =
        org.short_events().into_iter().map(|event| json!([event[0], event[1], event[2][0]])).collect();
    assert_eq!(events, told.map(|(object, kind, id)| json!([object, kind, id])));
}

#[test]
fn a_contact_that_is_there_already_gets_only_what_it_lacks() {
    let mut org = Org::new();
    let lead = org.insert(
        "Lead",
        &json!({"LastName": "Lee", "Company": "Acme", "Email": "lee@example.com", "Title": "CEO"}),
    );
    let account = org.insert("Account", &json!({"Name": "Known"}));
    let contact = org.insert("Contact", &json!({"LastName": "Low", "Title": "CFO"}));
    let into = format!("<urn:accountId>{account}</urn:accountId><urn:contactId>{contact}</urn:contactId>");

    soap(&mut org, &convert(&lead, DONE, &into));

    let shown = org.fields("Contact", &contact, "LastName,Email,Title,AccountId");
    assert_eq!(
        shown,
        json!({"LastName": "Low", "Email": "lee@example.com", "Title": "CFO", "AccountId": account})
    );
    assert_eq!(org.query("SELECT COUNT() FROM Account").body["totalSize"], 1);
}

#[test]
fn a_converted_lead_stays_and_takes_no_more_writes() {
    let mut org = Org::new();
    let lead = org.insert("Lead", &json!({"LastName": "Lee", "Company": "Acme"}));
    let refused = soap(&mut org, &convert(&lead, "Open - Not Contacted", ""));
    assert!(refused.contains("<statusCode>INVALID_STATUS</statusCode>"), "{refused}");
    soap(&mut org, &convert(&lead, DONE, ""));

    let again = soap(&mut org, &convert(&lead, DONE, ""));
    assert!(again.contains("<statusCode>CANNOT_UPDATE_CONVERTED_LEAD</statusCode>"), "{again}");
    let edited = org.api("PATCH", &format!("/sobjects/Lead/{lead}"), &json!({"Title": "CEO"}));
    let error = error_about("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", &[]);
    assert_eq!(edited.told(), (400, error));
    assert_eq!(org.query("SELECT COUNT() FROM Contact").body["totalSize"], 1);
    assert_eq!(org.api("DELETE", &format!("/sobjects/Lead/{lead}"), &Value::Null).status, 204);
}
