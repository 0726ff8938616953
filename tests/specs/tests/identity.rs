//! Who is whom (P6): records meet by exact keys, never by guess; and what a person says of a pair.

use concord_core::names::{RecordId, RecordKey, Side};
use concord_core::port::{ParkKey, Store as _};
use concord_core::step::Task;
use concord_specs::spine::{Spine, assert_quiet};
use serde_json::json;

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;

fn contact(side: Side, id: &str) -> RecordKey {
    RecordKey { side, object: "contact".into(), id: RecordId::from(id) }
}

/// The records that are parked, each with the candidates that are proposed for it.
async fn proposed(spine: &Spine) -> Vec<(RecordKey, Vec<RecordKey>)> {
    let parked = spine.engine.store.parked(100).await.unwrap_or_default();
    let mut proposed: Vec<(RecordKey, Vec<RecordKey>)> = Vec::new();
    for parked in parked {
        match parked.key {
            ParkKey::Record(record) => proposed.push((record, parked.candidates)),
            other @ (ParkKey::Field(..) | ParkKey::Message(_) | ParkKey::Object(_)) => {
                proposed.push((contact(H, &format!("{other:?}")), Vec::new()));
            }
        }
    }
    proposed.sort();
    proposed
}

/// Two contacts in Salesforce and one in HubSpot, all of one address, told of one by one, this side's first.
async fn three_of_one_address(first: Side) -> (Spine, String, [String; 2]) {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Lovelace"}));
    let make = |name| spine.salesforce_creates(&json!({"Email": "ADA@example.com", "LastName": name}));
    let salesforce = ["Lovelace", "King"].map(make);
    let mut told = spine.told();
    told.sort_by_key(|event| event.side != first);
    for event in told {
        spine.take_in(&[event]).await;
        spine.run().await;
    }
    (spine, hubspot, salesforce)
}

#[tokio::test]
async fn of_two_candidates_none_is_taken_whoever_is_seen_first() {
    for first in Side::BOTH {
        let (mut spine, hubspot, salesforce) = three_of_one_address(first).await;
        for task in [Task::Poll, Task::Sweep] {
            spine.reconcile(task).await;
        }
        assert_eq!(spine.written(), 0, "{first} first");
        let (h, mut rivals) = (contact(H, &hubspot), salesforce.map(|id| contact(S, &id)));
        rivals.sort();
        let ([a, b], candidates) = (rivals.clone(), rivals.to_vec());
        assert_eq!(proposed(&spine).await, [(h.clone(), candidates), (a, vec![h.clone()]), (b, vec![h])]);
    }
}

#[tokio::test]
async fn when_one_of_two_candidates_is_another_person_after_all_the_other_two_are_a_pair() {
    let (mut spine, hubspot, [ada, king]) = three_of_one_address(S).await;
    spine.salesforce_edits(&king, &json!({"Email": "king@example.com"}));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart(H, &hubspot).await, ada);
    assert_eq!(spine.hubspot_contacts().len(), 2, "and King is a contact of its own");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_candidate_that_is_merged_into_the_other_leaves_nothing_behind() {
    let (mut spine, hubspot, [ada, king]) = three_of_one_address(H).await;
    spine.salesforce.person_soap(&format!(
        "<urn:merge><urn:request><urn:masterRecord xmlns:so=\"urn:sobject.partner.soap.sforce.com\">\
         <so:type>Contact</so:type><so:Id>{ada}</so:Id></urn:masterRecord>\
         <urn:recordToMergeIds>{king}</urn:recordToMergeIds></urn:request></urn:merge>"
    ));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart(H, &hubspot).await, ada);
    assert_quiet(&mut spine).await;
}
