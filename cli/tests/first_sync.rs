//! The first sync of two messy CRMs: afterwards every record is in a pair, proposed or set aside with a reason, the counts add up,
//! and a second run writes nothing.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod harness;
#[path = "first_sync/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};

use harness::Concord;
use serde_json::{Value, json};
use world::{Expected, Size, enter};

/// The object types, as HubSpot and as Salesforce name them.
const OBJECTS: [(&str, &str); 3] =
    [("companies", "Account"), ("contacts", "Contact"), ("deals", "Opportunity")];

#[tokio::test]
async fn a_small_messy_world_comes_to_agreement() {
    live(Size { companies: 50, contacts: 240, deals: 80 }).await;
}

/// Minutes; by hand: `cargo test --release -p concord --test first_sync -- --ignored`.
#[tokio::test]
#[ignore = "takes minutes"]
async fn a_large_messy_world_comes_to_agreement() {
    live(Size { companies: 2_000, contacts: 10_000, deals: 3_000 }).await;
}

async fn live(size: Size) {
    let mut concord = Concord::sandboxes(&format!("messy-{}", size.contacts)).await;
    let expected = enter(&concord, size).await;
    concord.kill_9();
    concord.start("up").await;

    let status = concord.quiet(600);
    every_record_is_accounted_for(&concord, &status, expected).await;
    pairs_agree(&concord).await;

    // Everything is looked at once more.
    concord.kill_9();
    concord.start("up").await;
    let again = concord.quiet(600);
    assert_eq!(concord.writes().await, 0, "a second run writes nothing");
    every_record_is_accounted_for(&concord, &again, expected).await;
}

/// Living records by their mark, and those that have none.
async fn living(concord: &Concord, side: &str, object: &str) -> (BTreeMap<String, Value>, BTreeSet<String>) {
    let mark = if side == "hubspot" { "concord_id" } else { "Concord_Id__c" };
    let (mut marked, mut others) = (BTreeMap::new(), BTreeSet::new());
    for (id, shown) in concord.truth(side, object).await {
        match shown[mark].as_str().filter(|mark| !mark.is_empty()) {
            Some(link) => {
                let twice = marked.insert(link.to_owned(), shown.clone());
                assert_eq!(twice, None, "two {side} {object} are one thing");
            }
            None => drop(others.insert(id)),
        }
    }
    (marked, others)
}

async fn every_record_is_accounted_for(concord: &Concord, status: &Value, expected: Expected) {
    let (code, printed) = concord.command(&["parked", "--json"]);
    assert_eq!(code, Some(0));
    let parked: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let (mut pairs, mut alone) = (0, BTreeSet::new());
    for (hubspot, salesforce) in OBJECTS {
        let (left, unmarked) = living(concord, "hubspot", hubspot).await;
        let (right, also_unmarked) = living(concord, "salesforce", salesforce).await;
        let marks = |side: &BTreeMap<String, Value>| side.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(marks(&left), marks(&right), "{hubspot}: what is marked has its counterpart");
        pairs += left.len();
        alone.extend(unmarked);
        alone.extend(also_unmarked);
    }
    let of_record = |parked: &&Value| parked["field"].is_null();
    let set_aside: BTreeSet<String> = parked
        .iter()
        .filter(of_record)
        .flat_map(|parked| [&parked["records"]["hubspot"], &parked["records"]["salesforce"]])
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    assert_eq!(set_aside, alone, "a record that is in no pair is set aside, and no other is");
    let involved = contacts_of_deals(concord).await;
    let found = Expected {
        pairs,
        involved,
        conflicts: usize::try_from(status["conflicts"].as_u64().unwrap()).unwrap(),
        proposed: alone.len(),
        unmapped: parked.iter().filter(|parked| !of_record(parked)).count(),
    };
    assert_eq!(found, expected, "{parked:#?}");
    assert_eq!(status["links"], json!(pairs), "{status:#}");
    for parked in &parked {
        let reason = parked["reason"].as_str().unwrap_or_default();
        let told = |side: &str| parked["records"][side].is_string();
        match parked["field"].as_str() {
            None => {
                let words = match parked["object"].as_str() {
                    Some("deal") => ["it looks like", "concord keep-apart"],
                    Some(_) | None => ["hold the same key", "merge them"],
                };
                assert!(words.iter().all(|said| reason.contains(said)), "{parked:#}");
                assert_ne!(parked["candidates"], json!([]), "{parked:#}");
            }
            Some(field) => {
                assert_eq!(field, "stage", "{parked:#}");
                assert!(told("hubspot") && told("salesforce"), "{parked:#}");
            }
        }
    }
}

/// What is not in conflict and has a form on both sides is the same on both.
async fn pairs_agree(concord: &Concord) {
    let (companies, accounts) =
        (by_id(concord, "hubspot", "companies").await, by_id(concord, "salesforce", "Account").await);
    let digits = |phone: &Value| -> String {
        let digits: String =
            phone.as_str().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        digits[digits.len().saturating_sub(10)..].to_owned()
    };
    let (contacts, _) = living(concord, "hubspot", "contacts").await;
    let (rows, _) = living(concord, "salesforce", "Contact").await;
    let conflicts = concord.command(&["conflicts", "--json"]).1;
    let conflicts: Vec<Value> = serde_json::from_str(&conflicts).unwrap();
    let held: BTreeSet<&str> = conflicts.iter().filter_map(|conflict| conflict["link"].as_str()).collect();
    for (link, contact) in &contacts {
        let row = &rows[link];
        assert_eq!(contact["lastname"], row["LastName"], "{link}");
        assert_eq!(digits(&contact["phone"]), digits(&row["Phone"]), "{link}");
        let titles =
            [&contact["jobtitle"], &row["Title"]].map(|title| title.as_str().unwrap_or_default().trim());
        assert_eq!(titles[0] != titles[1], held.contains(link.as_str()), "{link}: {titles:?}");
        let company = mark_of(&companies, &contact["associatedcompanyid"], "concord_id");
        assert_eq!(company, mark_of(&accounts, &row["AccountId"], "Concord_Id__c"), "{link}");
    }
    let (deals, _) = living(concord, "hubspot", "deals").await;
    let (opportunities, _) = living(concord, "salesforce", "Opportunity").await;
    for (link, deal) in &deals {
        let row = &opportunities[link];
        assert_eq!(deal["dealname"], row["Name"], "{link}");
        assert_eq!(deal["deal_currency_code"], row["CurrencyIsoCode"], "{link}");
        let company = mark_of(&companies, &deal["hs_primary_associated_company"], "concord_id");
        assert_eq!(company, mark_of(&accounts, &row["AccountId"], "Concord_Id__c"), "{link}");
    }
}

/// How many contacts deals have: the same ones on both sides.
async fn contacts_of_deals(concord: &Concord) -> usize {
    let [hubspot, salesforce] =
        ["hubspot", "salesforce"].map(|side| concord.sandbox(side, "GET", "truth", None));
    let (hubspot, salesforce) = (hubspot.await, salesforce.await);
    let mark = |record: &Value| {
        let named = [&record["properties"]["concord_id"], &record["fields"]["Concord_Id__c"]];
        named.into_iter().find_map(Value::as_str).unwrap_or("no mark").to_owned()
    };
    let mut here = BTreeSet::new();
    for deal in hubspot["records"]["deals"].as_object().into_iter().flatten().map(|(_, deal)| deal) {
        let contacts = deal["contacts"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let decides = |id: &str| deal["labels"][id] == json!(["Decision maker"]);
        let contact = |id| (mark(deal), mark(&hubspot["records"]["contacts"][id]), decides(id));
        here.extend(contacts.map(contact));
    }
    let mut there = BTreeSet::new();
    let roles = salesforce["records"]["OpportunityContactRole"].as_object().into_iter().flatten();
    for (_, role) in roles.filter(|(_, role)| role["is_deleted"] != json!(true)) {
        let end = |object: &str, field: &str| {
            mark(&salesforce["records"][object][role["fields"][field].as_str().unwrap_or_default()])
        };
        let decides = role["fields"]["Role"] == "Decision Maker";
        let twice =
            !there.insert((end("Opportunity", "OpportunityId"), end("Contact", "ContactId"), decides));
        assert!(!twice, "{role}");
    }
    assert_eq!(here, there, "deals have the same contacts on both sides, who decide the same");
    here.len()
}

async fn by_id(concord: &Concord, side: &str, object: &str) -> BTreeMap<String, Value> {
    concord.truth(side, object).await.into_iter().collect()
}

fn mark_of(records: &BTreeMap<String, Value>, id: &Value, mark: &str) -> Option<String> {
    let record = records.get(id.as_str().filter(|id| !id.is_empty())?)?;
    record[mark].as_str().map(str::to_owned)
}
