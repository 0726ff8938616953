//! Many edits at once, and the process killed in the middle of them: nothing is lost, nothing is made twice.
//! In a binary of its own, so that nothing else waits for the machine meanwhile.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod harness;

use harness::Concord;
use serde_json::{Value, json};

/// Concord without records, which lets such a burst through.
async fn up(name: &str) -> Concord {
    let contract = harness::contract_with_brake(name, "{ changes: 1000000 }");
    Concord::up_with(name, &["--records", "0", "--contract", contract.to_str().unwrap()]).await
}

/// Makes `count` linked pairs, and waits until they are at rest.
async fn many(concord: &Concord, count: usize) -> Vec<(String, String)> {
    let people: Vec<usize> = (0..count).collect();
    for batch in people.chunks(100) {
        let inputs: Vec<Value> = batch
            .iter()
            .map(|n| json!({"properties": {"email": format!("p{n}@example.com"), "lastname": format!("P{n}")}}))
            .collect();
        let body = json!({ "inputs": inputs });
        concord.hubspot("POST", "/crm/v3/objects/contacts/batch/create", Some(&body)).await;
    }
    let status = concord.quiet(600);
    assert_eq!(status["links"], count, "{status:#}");
    let hubspot = by_email(concord.truth("hubspot", "contacts").await, "email");
    let salesforce = by_email(concord.truth("salesforce", "Contact").await, "Email");
    assert_eq!((hubspot.len(), salesforce.len()), (count, count));
    hubspot.into_iter().zip(salesforce).map(|((_, hubspot), (_, salesforce))| (hubspot, salesforce)).collect()
}

fn by_email(records: Vec<(String, Value)>, field: &str) -> std::collections::BTreeMap<String, String> {
    records.into_iter().map(|(id, shown)| (shown[field].as_str().unwrap().to_owned(), id)).collect()
}

/// Everybody gets the title of this wave in HubSpot and its first name in Salesforce.
async fn edit_all(concord: &Concord, pairs: &[(String, String)], wave: usize) {
    for (n, batch) in pairs.chunks(200).enumerate() {
        for (m, half) in batch.chunks(100).enumerate() {
            let edit = |(k, (id, _)): (usize, &(String, String))| json!({"id": id, "properties": {"jobtitle": format!("title {wave} {n} {m} {k}")}});
            let body = json!({"inputs": half.iter().enumerate().map(edit).collect::<Vec<_>>()});
            concord.hubspot("POST", "/crm/v3/objects/contacts/batch/update", Some(&body)).await;
        }
        let edit = |(k, (_, id)): (usize, &(String, String))| json!({"attributes": {"type": "Contact"}, "id": id, "FirstName": format!("F{wave}x{n}x{k}")});
        let body = json!({"records": batch.iter().enumerate().map(edit).collect::<Vec<_>>()});
        concord.salesforce("PATCH", "/data/v66.0/composite/sobjects", Some(&body)).await;
    }
}

/// Both sides show both edits that this wave made of every pair.
async fn assert_all_edited(concord: &Concord, pairs: &[(String, String)], wave: usize) {
    let (title, name) = (format!("title {wave} "), format!("F{wave}x"));
    let hubspot: std::collections::BTreeMap<_, _> =
        concord.truth("hubspot", "contacts").await.into_iter().collect();
    let salesforce: std::collections::BTreeMap<_, _> =
        concord.truth("salesforce", "Contact").await.into_iter().collect();
    assert_eq!((hubspot.len(), salesforce.len()), (pairs.len(), pairs.len()), "no record too many");
    for (h, s) in pairs {
        let (h, s) = (&hubspot[h], &salesforce[s]);
        assert!(h["jobtitle"].as_str().is_some_and(|text| text.starts_with(&title)), "{h:#}");
        assert!(s["FirstName"].as_str().is_some_and(|text| text.starts_with(&name)), "{s:#}");
        assert_eq!((&h["jobtitle"], &h["firstname"]), (&s["Title"], &s["FirstName"]));
    }
}

#[tokio::test]
async fn a_burst_of_10_000_edits_each_way_arrives_with_at_most_one_write_each() {
    const PAIRS: usize = 5_000;
    const EDITS: usize = 2 * 2 * PAIRS;
    let concord = up("burst").await;
    let pairs = many(&concord, PAIRS).await;
    let before = concord.writes().await;
    // Each record made once, each first one marked once; a batch that HubSpot's limit refuses counts as written.
    let (least, most) = (2 * PAIRS as u64, 2 * PAIRS as u64 * 105 / 100);
    assert!((least..=most).contains(&before), "{before} writes to make {PAIRS} pairs");
    edit_all(&concord, &pairs, 1).await;
    edit_all(&concord, &pairs, 2).await;
    let status = concord.quiet(900);
    assert_all_edited(&concord, &pairs, 2).await;
    assert_eq!((&status["parked"], &status["conflicts"]), (&json!(0), &json!(0)), "{status:#}");
    let written = concord.writes().await - before;
    // An edit that is replaced before it was carried over needs no write of its own. A precondition may fail where both
    // sides of a pair are edited within a second; the attempt counts as a write.
    let (least, most) = (EDITS as u64 / 2, EDITS as u64 * 3 / 2);
    assert!((least..=most).contains(&written), "{written} writes for {EDITS} edits");
}

#[tokio::test]
async fn killed_in_the_middle_of_a_burst_and_started_again_it_loses_nothing() {
    const PAIRS: usize = 1_000;
    let mut concord = up("kill").await;
    let pairs = many(&concord, PAIRS).await;
    let before = concord.writes().await;
    edit_all(&concord, &pairs, 1).await;
    for pause_ms in [300, 700] {
        tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
        concord.kill_9();
        concord.restart().await;
    }
    let status = concord.quiet(600);
    assert_all_edited(&concord, &pairs, 1).await;
    assert_eq!((&status["links"], &status["parked"]), (&json!(PAIRS), &json!(0)), "{status:#}");
    // The sandboxes count anew after each start, so these are the writes since the last kill: at most one for each
    // edit, and some of them repeated.
    let written = concord.writes().await;
    assert!(written <= 3 * PAIRS as u64, "{written} writes for {} edits", 2 * PAIRS);
    assert!(before >= 2 * PAIRS as u64);
}
