//! Delete, undelete, purge, merge.

use serde_json::{Value, json};

use super::org::{Org, error_about};

fn undelete(ids: &[&str]) -> String {
    let ids: String = ids.iter().map(|id| format!("<urn:ids>{id}</urn:ids>")).collect();
    format!("<urn:undelete>{ids}</urn:undelete>")
}

fn merge(object: &str, winner: &str, loser: &str, fields: &str) -> String {
    format!(
        "<urn:merge><urn:request><urn:masterRecord xmlns:so=\"urn:sobject.partner.soap.sforce.com\">\
         <so:type>{object}</so:type><so:Id>{winner}</so:Id>{fields}</urn:masterRecord>\
         <urn:recordToMergeIds>{loser}</urn:recordToMergeIds></urn:request></urn:merge>"
    )
}

fn deleted(org: &mut Org, object: &str) -> Vec<Value> {
    let soql = format!("SELECT Id, MasterRecordId FROM {object} WHERE IsDeleted = true ORDER BY Id");
    let reply = org.query_all(&soql);
    reply.body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["Id"], row["MasterRecordId"]]))
        .collect()
}

#[test]
fn an_account_takes_its_contacts_along_and_brings_them_back() {
    let mut org = Org::new();
    let account = org.insert("Account", &json!({"Name": "A"}));
    let contact = org.insert("Contact", &json!({"LastName": "Lee", "AccountId": account}));
    let alone = org.insert("Contact", &json!({"LastName": "Low", "AccountId": account}));
    org.api("DELETE", &format!("/sobjects/Contact/{alone}"), &Value::Null);
    org.events();

    org.api("DELETE", &format!("/sobjects/Account/{account}"), &Value::Null);
    let gone = org.api("DELETE", &format!("/sobjects/Contact/{contact}"), &Value::Null);
    assert_eq!(gone.told(), (404, error_about("ENTITY_IS_DELETED", "entity is deleted", &[])));

    let reply = org.soap(&undelete(&[&account[..15]]));
    assert_eq!(reply.status, 200);
    let text = reply.body.as_str().unwrap().to_owned();
    assert!(text.contains(&format!("<result><id>{account}</id><success>true</success></result>")), "{text}");
    assert_eq!(org.fields("Contact", &contact, "AccountId"), json!({"AccountId": account}));
    assert_eq!(deleted(&mut org, "Contact"), [json!([alone, null])], "it was deleted by itself before");
    let told = [
        json!(["Contact", "DELETE", [contact], []]),
        json!(["Account", "DELETE", [account], []]),
        json!(["Account", "UNDELETE", [account], []]),
        json!(["Contact", "UNDELETE", [contact], []]),
    ];
    assert_eq!(org.short_events(), told);
}

#[test]
fn what_is_not_in_the_bin_is_not_undeleted_and_the_others_are() {
    let mut org = Org::new();
    let alive = org.insert("Contact", &json!({"LastName": "Lee"}));
    let gone = org.insert("Contact", &json!({"LastName": "Low"}));
    org.api("DELETE", &format!("/sobjects/Contact/{gone}"), &Value::Null);

    let reply = org.soap(&undelete(&[&alive, &gone, "nonsense"])).body;

    let text = reply.as_str().unwrap();
    assert!(text.contains("<statusCode>UNDELETE_FAILED</statusCode>"), "{text}");
    assert!(text.contains("<statusCode>MALFORMED_ID</statusCode>"), "{text}");
    assert_eq!(text.matches("<success>true</success>").count(), 1);
    assert_eq!(org.query("SELECT COUNT() FROM Contact").body["totalSize"], 2);
}

#[test]
fn a_deleted_record_gives_up_its_unique_key_and_cannot_come_back_over_another() {
    let mut org = Org::new();
    let old = org.insert("Contact", &json!({"LastName": "Lee", "Concord_Id__c": "K1"}));
    org.api("DELETE", &format!("/sobjects/Contact/{old}"), &Value::Null);
    org.insert("Contact", &json!({"LastName": "Lee", "Concord_Id__c": "K1"}));

    let text = org.soap(&undelete(&[&old])).body.to_string();

    assert!(text.contains("<statusCode>DUPLICATE_VALUE</statusCode>"), "{text}");
    assert_eq!(deleted(&mut org, "Contact"), [json!([old, null])]);
}

#[test]
fn an_emptied_bin_tells_nobody_and_cannot_be_undone() {
    let mut org = Org::new();
    let id = org.insert("Contact", &json!({"LastName": "Lee"}));
    org.api("DELETE", &format!("/sobjects/Contact/{id}"), &Value::Null);
    org.events();

    let purge = format!("<urn:emptyRecycleBin><urn:ids>{id}</urn:ids></urn:emptyRecycleBin>");
    assert!(org.soap(&purge).body.as_str().unwrap().contains("<success>true</success>"));

    assert_eq!(org.events(), Vec::<Value>::new());
    assert_eq!(deleted(&mut org, "Contact"), Vec::<Value>::new());
    let text = org.soap(&undelete(&[&id])).body.to_string();
    assert!(text.contains("INVALID_CROSS_REFERENCE_KEY"), "{text}");
}

#[test]
fn a_merge_bins_the_loser_with_its_winner_and_moves_the_children() {
    let mut org = Org::new();
    let winner = org.insert("Account", &json!({"Name": "A"}));
    let loser = org.insert("Account", &json!({"Name": "B"}));
    let contact = org.insert("Contact", &json!({"LastName": "Lee", "AccountId": loser}));
    org.events();

    let reply = org.soap(&merge("Account", &winner, &loser, "<so:Phone>1 &amp; 2</so:Phone>"));

    let text = reply.body.as_str().unwrap().to_owned();
    let result =
        format!("<id>{winner}</id><mergedRecordIds>{loser}</mergedRecordIds><success>true</success>");
    assert!(text.contains(&result), "{text}");
    assert_eq!(deleted(&mut org, "Account"), [json!([loser, winner])]);
    assert_eq!(org.fields("Contact", &contact, "AccountId"), json!({"AccountId": winner}));
    assert_eq!(org.fields("Account", &winner, "Name,Phone"), json!({"Name": "A", "Phone": "1 & 2"}));
    let told = [
        json!(["Contact", "UPDATE", [contact], ["AccountId", "LastModifiedDate"]]),
        json!(["Account", "DELETE", [loser], []]),
        json!(["Account", "UPDATE", [winner], ["LastModifiedDate", "Phone"]]),
    ];
    assert_eq!(org.short_events(), told);

    assert!(org.soap(&undelete(&[&loser])).body.to_string().contains("<success>true</success>"));
    assert_eq!(deleted(&mut org, "Account"), Vec::<Value>::new());
    assert_eq!(org.fields("Contact", &contact, "AccountId"), json!({"AccountId": winner}), "not moved back");
}

#[test]
fn soap_refuses_strangers_document_types_and_unknown_operations() {
    let mut org = Org::new();
    let unknown = org.soap("<urn:fly/>");
    assert_eq!(unknown.status, 500);
    assert!(unknown.body.as_str().unwrap().contains("No operation available for request fly"));

    let dtd = "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>".to_owned();
    let caller = concord_sandbox::crm::Caller::Api;
    let refused = org.send(caller, "POST", "/services/Soap/u/68.0", &[], dtd);
    assert!(refused.body.as_str().unwrap().contains("DOCTYPE is not allowed"));

    org.token = "none".to_owned();
    let stranger = org.soap(&undelete(&["003000000000001"]));
    assert_eq!(stranger.status, 500);
    assert!(stranger.body.as_str().unwrap().contains("<faultcode>sf:INVALID_SESSION_ID</faultcode>"));
}

/// Contacts of an opportunity, each with its role.
fn roles(org: &mut Org, opportunity: &str) -> Vec<Value> {
    let soql = format!(
        "SELECT ContactId, Role FROM OpportunityContactRole WHERE OpportunityId = '{opportunity}' ORDER BY Id"
    );
    let reply = org.query(&soql);
    reply.body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["ContactId"], row["Role"]]))
        .collect()
}

#[test]
fn a_role_goes_with_its_contact_and_with_its_opportunity_and_comes_back_with_it() {
    let mut org = Org::new();
    let account = org.insert("Account", &json!({"Name": "A"}));
    let contact = org.insert("Contact", &json!({"LastName": "Lee", "AccountId": account}));
    let deal = json!({"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-12-24"});
    let deal = org.insert("Opportunity", &deal);
    let row = json!({"OpportunityId": deal, "ContactId": contact, "Role": "Evaluator"});
    org.insert("OpportunityContactRole", &row);
    let there = [json!([contact, "Evaluator"])];
    assert_eq!(roles(&mut org, &deal), there);

    for (object, id) in [("Contact", &contact), ("Opportunity", &deal), ("Account", &account)] {
        org.api("DELETE", &format!("/sobjects/{object}/{id}"), &Value::Null);
        assert_eq!(roles(&mut org, &deal), Vec::<Value>::new(), "{object}");
        org.soap(&undelete(&[id]));
        assert_eq!(roles(&mut org, &deal), there, "{object}");
    }
}

#[test]
fn a_merge_moves_roles_to_the_winner() {
    let mut org = Org::new();
    let [winner, loser] = ["Lee", "Lie"].map(|name| org.insert("Contact", &json!({"LastName": name})));
    let deal = json!({"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-12-24"});
    let deal = org.insert("Opportunity", &deal);
    let row = json!({"OpportunityId": deal, "ContactId": loser, "Role": "Evaluator"});
    org.insert("OpportunityContactRole", &row);

    org.soap(&merge("Contact", &winner, &loser, ""));

    assert_eq!(roles(&mut org, &deal), [json!([winner, "Evaluator"])]);
}

#[test]
fn an_opportunity_has_one_primary_contact_and_a_contact_may_have_several_roles() {
    let mut org = Org::new();
    let deal = |org: &mut Org| {
        org.insert(
            "Opportunity",
            &json!({"Name": "E", "StageName": "Prospecting", "CloseDate": "2026-12-24"}),
        )
    };
    let (one, other) = (deal(&mut org), deal(&mut org));
    let ada = org.insert("Contact", &json!({"LastName": "Ada"}));
    let role = |org: &mut Org, deal: &str, primary: bool| {
        let row = json!({"OpportunityId": deal, "ContactId": ada, "Role": "Evaluator", "IsPrimary": primary});
        org.insert("OpportunityContactRole", &row)
    };
    let [first, second, third] = [true, false, true].map(|primary| role(&mut org, &one, primary));
    let apart = role(&mut org, &other, true);
    let soql = "SELECT Id FROM OpportunityContactRole WHERE IsPrimary = true ORDER BY Id";
    assert_eq!(org.column(soql, "Id"), [json!(third), json!(apart)]);
    org.api("PATCH", &format!("/sobjects/OpportunityContactRole/{second}"), &json!({"IsPrimary": true}));
    assert_eq!(org.column(soql, "Id"), [json!(second), json!(apart)]);
    org.api("DELETE", &format!("/sobjects/OpportunityContactRole/{second}"), &Value::Null);
    org.api("PATCH", &format!("/sobjects/OpportunityContactRole/{first}"), &json!({"IsPrimary": true}));
    org.soap(&undelete(&[&second]));
    assert_eq!(org.column(soql, "Id"), [json!(first), json!(apart)]);
}
