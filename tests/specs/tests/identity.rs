//! Who is whom (P6): records meet by exact keys, never by guess; and what a person says of a pair.

mod by_hand;
mod keys;

use std::collections::BTreeMap;

use concord_core::names::{PerSide, RecordId, RecordKey, Side};
use concord_core::port::{ParkKey, Store as _};
use concord_core::row::{Author, Row, Standing, Versions};
use concord_core::step::{Said, Task};
use concord_sandbox::fifo::QueueName;
use concord_sandbox::store::MemoryStore;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, Trouble, assert_quiet};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

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
            other @ (ParkKey::Field(..) | ParkKey::Message(_) | ParkKey::Object(_) | ParkKey::Type(..)) => {
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

fn ids(hubspot: &str, salesforce: &str) -> PerSide<RecordId> {
    PerSide { hubspot: RecordId::from(hubspot), salesforce: RecordId::from(salesforce) }
}

/// A person says that two records are one thing.
async fn link(spine: &mut Spine, hubspot: &str, salesforce: &str) -> Said {
    let said = spine.engine.link(&"contact".into(), &ids(hubspot, salesforce), spine.now()).await;
    spine.run().await;
    said.unwrap_or_else(|error| Said::Impossible(format!("{error}")))
}

/// A person says that a record's pair is to be left alone.
async fn unlink(spine: &mut Spine, side: Side, id: &str) -> Said {
    let said = spine.engine.unlink(&contact(side, id), spine.now()).await;
    spine.run().await;
    said.unwrap_or_else(|error| Said::Impossible(format!("{error}")))
}

/// A pair of contacts at rest.
async fn pair() -> (Spine, String, String) {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Lovelace"}));
    spine.run().await;
    let salesforce = spine.counterpart(H, &hubspot).await;
    (spine, hubspot, salesforce)
}

#[tokio::test]
async fn a_person_links_one_of_two_candidates_and_the_other_waits() {
    let (mut spine, hubspot, [ada, king]) = three_of_one_address(S).await;
    assert!(matches!(link(&mut spine, &hubspot, &king).await, Said::Done(_)));
    assert_eq!(spine.counterpart(H, &hubspot).await, king);
    spine.salesforce_edits(&king, &json!({"Title": "Countess"}));
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Countess"}));
    spine.reconcile(Task::Sweep).await;
    let waits: Vec<RecordKey> = proposed(&spine).await.into_iter().map(|(record, _)| record).collect();
    assert_eq!(waits, [contact(S, &ada)], "whose key belongs to another pair now");
    assert!(matches!(link(&mut spine, &hubspot, &king).await, Said::Already(_)));
    assert_eq!(
        link(&mut spine, &hubspot, &ada).await,
        Said::Impossible(format!(
            "hubspot/contact/{hubspot} belongs with salesforce {king}: merge the records in the CRM that has them twice"
        ))
    );
}

#[tokio::test]
async fn an_unlinked_pair_is_left_alone_until_it_is_linked_again() {
    let (mut spine, hubspot, salesforce) = pair().await;
    assert!(matches!(unlink(&mut spine, S, &salesforce).await, Said::Done(_)));
    assert!(matches!(unlink(&mut spine, H, &hubspot).await, Said::Already(_)));
    let written = spine.written();
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce_edits(&salesforce, &json!({"FirstName": "Ada"}));
    spine.run().await;
    assert_quiet(&mut spine).await;
    assert_eq!(spine.written(), written, "nothing is written, and nothing is made");

    assert!(matches!(link(&mut spine, &hubspot, &salesforce).await, Said::Done(_)));
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
    // Seed 3937 of its day: what only the side shows that is looked at second.
    unlink(&mut spine, H, &hubspot).await;
    spine.salesforce_edits(&salesforce, &json!({"FirstName": "Augusta"}));
    spine.run().await;
    link(&mut spine, &hubspot, &salesforce).await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["firstname"]), json!({"firstname": "Augusta"}));
    spine.salesforce_edits(&salesforce, &json!({"FirstName": "Ada"}));
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["firstname"]), json!({"firstname": "Ada"}));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_conflict_of_an_unlinked_pair_waits_for_nobody_and_comes_back_with_it() {
    let (mut spine, hubspot, salesforce) = pair().await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce_edits(&salesforce, &json!({"Title": "Baroness"}));
    spine.run().await;
    let conflicts = async |spine: &Spine| spine.engine.store.conflicts(10).await.map(|found| found.len());
    assert_eq!(conflicts(&spine).await, Ok(1));
    unlink(&mut spine, H, &hubspot).await;
    assert_eq!(conflicts(&spine).await, Ok(0));
    link(&mut spine, &hubspot, &salesforce).await;
    assert_eq!(conflicts(&spine).await, Ok(1));
}

#[tokio::test]
async fn what_cannot_be_linked_is_refused_with_the_reason_and_changes_nothing() {
    let (mut spine, hubspot, salesforce) = pair().await;
    let written = spine.written();
    assert_eq!(
        link(&mut spine, "404", &salesforce).await,
        Said::Impossible(
            "hubspot/contact/404 is not to be seen: it was deleted, or the id is wrong".to_owned()
        )
    );
    let no_lead = spine.engine.link(&"lead".into(), &ids(&hubspot, &salesforce), spine.now()).await;
    assert_eq!(no_lead, Ok(Said::Impossible("the contract has no object type lead".to_owned())));
    let nobody = unlink(&mut spine, H, "404").await;
    let why = "hubspot/contact/404 is in no pair: `concord status` shows what is parked";
    assert_eq!(nobody, Said::Impossible(why.to_owned()));
    assert_eq!(spine.written(), written);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn two_companies_entered_at_once_are_one_pair_though_hubspots_search_does_not_know_of_one_yet() {
    let mut spine = Spine::new();
    let firm = json!({"properties": {"name": "Firm", "domain": "firm.example.com"}});
    let made = spine.hubspot.person(Method::POST, "/crm/v3/objects/companies", &firm);
    let _unheard = spine.told();
    let account = json!({"Name": "Firm", "Domain__c": "firm.example.com"});
    let path = "/services/data/v66.0/sobjects/Account/";
    let account = spine.salesforce.person(Method::POST, path, &account);
    spine.run().await;

    let listed = spine.hubspot.person(Method::GET, "/crm/v3/objects/companies", &Value::Null);
    assert_eq!(listed["results"].as_array().map(Vec::len), Some(1), "{listed:#}");
    let id = made["id"].as_str().unwrap_or_default();
    let counterpart = spine.counterpart_of("company", Side::HubSpot, id).await;
    assert_eq!(json!(counterpart), account["id"]);
}

#[tokio::test]
async fn of_two_candidates_the_one_that_is_kept_apart_stands_in_nobodys_way_and_gets_a_counterpart_of_its_own()
 {
    let mut spine = Spine::new();
    let company = |name: &str| json!({"Name": name, "Domain__c": "twins.example.com"});
    let make = |spine: &Spine, name: &str| -> String {
        let path = "/services/data/v66.0/sobjects/Account/";
        let made = spine.salesforce.person(Method::POST, path, &company(name));
        made["id"].as_str().unwrap().to_owned()
    };
    let ids = |hubspot: &str, salesforce: &str| PerSide {
        hubspot: RecordId::from(hubspot),
        salesforce: RecordId::from(salesforce),
    };
    let companies = |spine: &Spine| {
        let shown = spine.hubspot.person(Method::GET, "/crm/v3/objects/companies?limit=100", &Value::Null);
        shown["results"].as_array().unwrap().len()
    };
    let (castor, pollux) = (make(&spine, "Castor"), make(&spine, "Pollux"));
    let body = json!({"properties": {"name": "Castor", "domain": "twins.example.com"}});
    let made = spine.hubspot.person(Method::POST, "/crm/v3/objects/companies", &body);
    let hubspot = made["id"].as_str().unwrap();
    spine.run().await;
    assert_eq!((spine.written(), companies(&spine)), (0, 1), "nobody is taken");

    let kept = spine.engine.keep_apart(&"company".into(), &ids(hubspot, &pollux), spine.now()).await;
    assert_eq!(kept, Ok(Said::Remembered));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart_of("company", H, hubspot).await, castor);
    let other = spine.counterpart_of("company", S, &pollux).await;
    assert!(other != hubspot && companies(&spine) == 2);
    assert_quiet(&mut spine).await;

    // Of a pair it is not said
    let said = spine.engine.keep_apart(&"company".into(), &ids(hubspot, &castor), spine.now()).await.unwrap();
    assert!(matches!(&said, Said::Impossible(why) if why.contains("concord unlink")), "{said:?}");
}

#[tokio::test]
async fn a_copy_that_we_made_and_have_not_heard_of_is_a_pair_and_not_kept_apart() {
    for made in Side::BOTH {
        let mut spine = Spine::new();
        match made {
            H => {
                spine.hubspot.trouble("write_", Trouble::AnswerLost);
                spine.salesforce_creates(&json!({"LastName": "Okafor", "Email": "ada@example.com"}));
            }
            S => {
                spine.salesforce.trouble("write_", Trouble::AnswerLost);
                spine.hubspot_creates(&json!({"lastname": "Okafor", "email": "ada@example.com"}));
            }
        }
        spine.deliver().await;
        while !(spine.hubspot.troubles_over() && spine.salesforce.troubles_over()) {
            assert!(spine.round().await, "{made}: nobody made a copy");
        }
        let [hubspot] = &spine.hubspot_contacts()[..] else { panic!("{made}: one contact") };
        let [salesforce] = &spine.salesforce_contacts()[..] else { panic!("{made}: one contact") };
        let ids = PerSide { hubspot: RecordId::from(&**hubspot), salesforce: RecordId::from(&**salesforce) };
        let said = spine.engine.keep_apart(&"contact".into(), &ids, spine.now()).await.unwrap();
        assert!(matches!(&said, Said::Impossible(why) if why.contains("concord unlink")), "{said:?}");
        spine.run().await;
        assert_eq!(spine.counterpart(H, hubspot).await, *salesforce);
        assert_quiet(&mut spine).await;
    }
}

/// The store was restored from a backup of before they met; what they carry says that they are a pair.
#[tokio::test]
async fn two_that_carry_one_mark_are_a_pair_and_not_kept_apart() {
    let mut spine = Spine::new();
    let salesforce = spine.salesforce_creates(&json!({"LastName": "Okafor", "Email": "ada@example.com"}));
    let hubspot = spine.hubspot_creates(&json!({"lastname": "Okafor", "email": "ada@example.com"}));
    spine.run().await;
    assert_eq!(spine.counterpart(H, &hubspot).await, salesforce);
    spine.engine.store = MemoryStore::new();

    let ids = PerSide { hubspot: RecordId::from(&*hubspot), salesforce: RecordId::from(&*salesforce) };
    let said = spine.engine.keep_apart(&"contact".into(), &ids, spine.now()).await.unwrap();
    assert!(matches!(&said, Said::Impossible(why) if why.contains("concord unlink")), "{said:?}");

    // Whoever was told so died before it was taken back.
    let records = PerSide { hubspot: contact(H, &hubspot), salesforce: contact(S, &salesforce) };
    spine.engine.store.set_apart(&records, true).await.unwrap();
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart(H, &hubspot).await, salesforce);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn two_that_were_kept_apart_before_anybody_looked_never_meet() {
    let mut spine = Spine::new();
    let one = spine.salesforce_creates(&json!({"LastName": "Okafor", "Email": "ada@example.com"}));
    let hubspot = spine.hubspot_creates(&json!({"lastname": "Okafor", "email": "ada@example.com"}));
    let ids = PerSide { hubspot: RecordId::from(&*hubspot), salesforce: RecordId::from(&*one) };
    let said = spine.engine.keep_apart(&"contact".into(), &ids, spine.now()).await;
    assert_eq!(said, Ok(Said::Remembered));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_ne!(spine.counterpart(H, &hubspot).await, one);
    assert_eq!(spine.salesforce_contacts().len(), 2);
    // HubSpot has an address once only: the other waits for a person.
    assert_eq!(spine.hubspot_contacts(), [hubspot]);
    let parked = spine.engine.store.parked(10).await.unwrap();
    let [parked] = parked.as_slice() else { panic!("{parked:?}") };
    assert_eq!(parked.key, ParkKey::Record(contact(S, &one)));
    assert!(parked.reason.contains("holds a value that must be unique"), "{}", parked.reason);
}

#[test]
fn a_row_that_changed_after_we_asked_is_young_and_waits_for_no_search_that_is_exact() {
    let asked = Timestamp::UNIX_EPOCH;
    let after = |ms: i64| asked + SignedDuration::from_millis(ms);
    let changed = |modified: Timestamp| Row {
        id: RecordId::from("1"),
        standing: Standing::Alive,
        fields: BTreeMap::new(),
        token: None,
        concord_id: None,
        revision: modified,
        versions: Versions::Stamp { modified, modified_by: Author::Unknown, asked },
    };
    let second = SignedDuration::from_secs(1);
    for (modified, young) in [(after(500), true), (asked, true), (after(-999), true), (after(-1_000), false)]
    {
        assert_eq!(changed(modified).is_younger_than(second), young, "{modified}");
        assert!(!changed(modified).is_younger_than(SignedDuration::ZERO), "{modified}");
    }
}
