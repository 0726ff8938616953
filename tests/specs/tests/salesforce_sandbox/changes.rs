//! Change events, outbound messages, and the truth for checkers.

use concord_sandbox::crm::Machine;
use serde_json::{Value, json};

use super::org::Org;

#[test]
fn a_change_is_told_in_the_envelope_of_the_relay() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee", "MailingCity": "Bern"}));
    org.events();
    org.pass(5);

    let client = [("sforce-call-options", "client=concord, defaultNamespace=x")];
    let body = json!({"LastName": "Low", "MailingCity": null, "Last_Seen__c": "2026-01-01T00:00:00Z"});
    org.api_with("PATCH", &format!("/sobjects/Contact/{id}"), &client, &body);

    let told = json!([{
        "version": "0",
        "id": "1f0e57aa-0001-4000-8000-000000000002",
        "detail-type": "ContactChangeEvent",
        "source": "aws.partner/salesforce.com/00D000000000001EAA/0YL000000000001GAA",
        "account": "123456789012",
        "time": "2026-03-02T12:00:05Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {"payload": {
            "Name": {"LastName": "Low"},
            "MailingAddress": {"City": null},
            "Last_Seen__c": "2026-01-01T00:00:00.000Z",
            "LastModifiedDate": "2026-03-02T12:00:05.000Z",
            "ChangeEventHeader": {
                "entityName": "Contact", "recordIds": [id], "changeType": "UPDATE",
                "changeOrigin": "com/salesforce/api/rest/68.0;client=concord",
                "transactionKey": "0005e192-0000-4000-8000-000000000002", "sequenceNumber": 1,
                "commitTimestamp": 1_772_452_805_250_i64, "commitNumber": 1_745_500_706_683_617_283_i64,
                "commitUser": "005000000000001AAA",
                "changedFields": ["LastModifiedDate", "Last_Seen__c", "MailingAddress.City", "Name.LastName"],
            },
        }},
    }]);
    assert_eq!(json!(org.events()), told);
}

#[test]
fn an_insert_is_told_with_its_values_and_a_persons_edit_with_the_screens_origin() {
    let mut org = Org::new();
    let id = org.insert("Account", &json!({"Name": "A", "AnnualRevenue": 12.5}));
    org.person("PATCH", &format!("/sobjects/Account/{id}"), &json!({"Phone": "1"}));

    let events = org.events();
    let payload = |place: usize| &events[place]["detail"]["payload"];
    let mut created = payload(0).clone();
    created.as_object_mut().unwrap().remove("ChangeEventHeader");
    let told = json!({
        "Name": "A", "AnnualRevenue": 12.5, "Deleted_In_CRM__c": false, "OwnerId": "005000000000001AAA",
        "CreatedById": "005000000000001AAA", "CreatedDate": "2026-03-02T12:00:00.000Z",
        "LastModifiedById": "005000000000001AAA", "LastModifiedDate": "2026-03-02T12:00:00.000Z",
    });
    assert_eq!(created, told);
    let header = &payload(1)["ChangeEventHeader"];
    assert_eq!(header["changeOrigin"], "com/salesforce/api/soap/68.0;client=SfdcInternalAPI/");
    assert_eq!(header["commitUser"], "005000000000002AAA");
    assert_eq!(header["changedFields"], json!(["LastModifiedById", "LastModifiedDate", "Phone"]));
    assert_eq!(events.len(), 2);
}

#[test]
fn a_collection_is_one_transaction_and_equal_changes_share_an_event() {
    let mut org = Org::new();
    let ids: Vec<String> =
        (0..3).map(|n| org.insert("Contact", &json!({"LastName": n.to_string()}))).collect();
    org.events();
    let row = |id: &str, title: &str| json!({"attributes": {"type": "Contact"}, "id": id, "Title": title});

    let rows = json!({"records": [row(&ids[0], "CEO"), row(&ids[1], "CTO"), row(&ids[2], "CEO")]});
    org.api("PATCH", "/composite/sobjects", &rows);

    let events = org.events();
    let header = |event: &Value| {
        let header = &event["detail"]["payload"]["ChangeEventHeader"];
        json!([header["recordIds"], header["sequenceNumber"], header["transactionKey"]])
    };
    let key = "0005e192-0000-4000-8000-000000000004";
    let told = [json!([[ids[0], ids[2]], 1, key]), json!([[ids[1]], 2, key])];
    assert_eq!(events.iter().map(header).collect::<Vec<_>>(), told);
}

#[test]
fn several_changes_of_a_record_in_one_transaction_are_one_event_of_the_first_kind() {
    let mut org = Org::new();
    let url = "/services/data/v68.0/sobjects/Contact";

    let body = json!({"allOrNone": true, "compositeRequest": [
        {"method": "POST", "url": url, "referenceId": "c", "body": {"LastName": "Lee"}},
        {"method": "PATCH", "url": format!("{url}/@{{c.id}}"), "referenceId": "u", "body": {"LastName": "Low"}},
    ]});
    org.api("POST", "/composite", &body);

    let events = org.events();
    assert_eq!(events.len(), 1);
    let payload = &events[0]["detail"]["payload"];
    assert_eq!(payload["ChangeEventHeader"]["changeType"], "CREATE");
    assert_eq!(payload["Name"], json!({"LastName": "Low"}));
}

#[test]
fn an_outbound_message_carries_what_stands_now_and_leaves_empty_fields_out() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee <&>", "Score__c": 7}));

    let message = org.machine.outbound_message("Contact", &[id[..15].to_owned(), "nonsense".to_owned()]);

    assert_eq!(message, org.machine.outbound_message("Contact", std::slice::from_ref(&id)));
    for part in [
        "<notifications xmlns=\"http://soap.sforce.com/2005/09/outbound\">",
        "<OrganizationId>00D000000000001EAA</OrganizationId>",
        "<SessionId xsi:nil=\"true\"/>",
        "<sObject xsi:type=\"sf:Contact\" xmlns:sf=\"urn:sobject.enterprise.soap.sforce.com\">",
        &format!("<sf:Id>{id}</sf:Id><sf:LastName>Lee &lt;&amp;&gt;</sf:LastName>"),
        "<sf:Score__c>7.0</sf:Score__c>",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert_eq!(message.matches("<Notification>").count(), 1);
    assert!(!message.contains("sf:FirstName"), "{message}");
}

#[test]
fn the_truth_tells_every_record_with_who_changed_what_when() {
    let mut org = Org::new();
    let trigger = json!({"trigger": {"object": "Lead", "when": "Title", "set": "Phone", "to": "2"}});
    org.sandbox("/__sandbox/rewrite", &json!({"rules": [trigger]}));
    let id = org.insert("Lead", &json!({"LastName": "Lee", "Company": "A"}));
    org.pass(1);
    org.person("PATCH", &format!("/sobjects/Lead/{id}"), &json!({"LastName": "Lee", "Title": "CEO"}));
    org.pass(1);
    org.api("DELETE", &format!("/sobjects/Lead/{id}"), &Value::Null);

    let truth = org.machine.truth();

    let lead = &truth["records"]["Lead"][&id];
    assert_eq!(lead["is_deleted"], true);
    assert_eq!(lead["master"], Value::Null);
    assert_eq!(lead["fields"]["Phone"], "2");
    let inserted = json!({
        "LastName": "Lee", "Company": "A", "OwnerId": "005000000000001AAA", "IsDeleted": false,
        "Deleted_In_CRM__c": false, "IsConverted": false,
    });
    let told = json!([
        {"at": "2026-03-02T12:00:00.25Z", "by": "api", "fields": inserted},
        {"at": "2026-03-02T12:00:01.25Z", "by": "person", "fields": {"Title": "CEO"}},
        {"at": "2026-03-02T12:00:01.25Z", "by": "trigger", "fields": {"Phone": "2"}},
        {"at": "2026-03-02T12:00:02.25Z", "by": "api", "fields": {"IsDeleted": true}},
    ]);
    assert_eq!(lead["history"], told);
}

#[test]
fn the_same_calls_give_the_same_answers() {
    let run = || {
        let mut org = Org::new();
        let id = org.insert("Contact", &json!({"LastName": "Lee"}));
        org.pass(1);
        org.api("PATCH", &format!("/sobjects/Contact/{id}"), &json!({"Title": "CEO"}));
        (org.token.clone(), org.events(), org.machine.truth())
    };

    assert_eq!(run(), run());
}
