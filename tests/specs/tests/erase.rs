//! Erasure, as privacy law asks (P9, I43): heard of from HubSpot, or said by a person. Concord forgets at once and for good; by
//! contract both records go too; and no copy brings anybody back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod late;

use std::collections::BTreeMap;

use concord_core::contract::parse;
use concord_core::decide::{Sight, Situation, decide};
use concord_core::event::Event;
use concord_core::link::{Action, Intent, Link, Progress, Status};
use concord_core::names::{PerSide, RecordId, RecordKey, Side, Token};
use concord_core::port::{EventKey, ParkKey, Parked, Store as _};
use concord_core::row::{Author, Row, Standing, Versions};
use concord_core::step::{Said, Task};
use concord_core::value::{ImageKey, Presence};
use concord_sandbox::fifo::QueueName;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, Trouble, assert_quiet};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;

/// What was typed of Ada, and stands nowhere else.
const TYPED: [&str; 4] = ["ada@example.com", "Okafor", "Countess", "Enchantress"];

fn contract(purge: bool) -> String {
    let purged = SAMPLE_CONTRACT.replacen("erase: forget", "erase: purge", 1);
    assert_ne!(purged, SAMPLE_CONTRACT);
    if purge { purged } else { SAMPLE_CONTRACT.to_owned() }
}

/// A contact of Salesforce whose insert in HubSpot has met this.
async fn inserted(purge: bool, trouble: Trouble) -> (Spine, String) {
    let mut spine = Spine::with_contract(&contract(purge));
    let salesforce = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Okafor"}));
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    spine.hubspot.trouble("write_", trouble);
    spine.work_at_once(QueueName::Intents).await;
    assert!(spine.hubspot.troubles_over());
    (spine, salesforce)
}

/// A pair at rest with a history, whose contract says whether contacts are purged: HubSpot's id and Salesforce's.
async fn pair(purge: bool) -> (Spine, String, String) {
    let mut spine = Spine::with_contract(&contract(purge));
    let ada = json!({"email": "ada@example.com", "lastname": "Okafor", "jobtitle": "Countess"});
    let hubspot = spine.hubspot_creates(&ada);
    spine.run().await;
    let salesforce = spine.counterpart(H, &hubspot).await;
    spine.salesforce_edits(&salesforce, &json!({"Title": "Enchantress"}));
    spine.run().await;
    assert!(TYPED.iter().any(|typed| spine.engine.store.dump().contains(typed)), "the journal explains");
    (spine, hubspot, salesforce)
}

fn contact(side: Side, id: &str) -> RecordKey {
    RecordKey { side, object: "contact".into(), id: RecordId::from(id) }
}

async fn erase(spine: &Spine, side: Side, id: &str) -> Said {
    spine.engine.erase(&contact(side, id), spine.now()).await.unwrap()
}

async fn parked(spine: &Spine) -> Vec<Parked> {
    spine.engine.store.parked(10).await.unwrap()
}

/// The only record that is set aside, and why.
async fn left_to_a_person(spine: &Spine) -> (RecordKey, String) {
    let told = parked(spine).await;
    let [Parked { key: ParkKey::Record(record), reason, .. }] = told.as_slice() else { panic!("{told:?}") };
    (record.clone(), reason.clone())
}

/// How many contacts are in use, in HubSpot and in Salesforce.
fn in_use(spine: &Spine) -> (usize, usize) {
    (spine.hubspot_contacts().len(), spine.salesforce_contacts().len())
}

/// Nothing that was typed stands in the store, and the journal explains without a value.
async fn assert_forgotten(spine: &Spine, side: Side, id: &str) {
    let dump = spine.engine.store.dump();
    for typed in TYPED {
        assert!(!dump.contains(typed), "{typed} is still stored: {dump}");
    }
    let link = spine.link_of("contact", side, id).await;
    assert!(link.is_erased() && link.fields.is_empty(), "{link:?}");
    let journal = spine.engine.store.journal(&link.id, 100).await.unwrap();
    assert!(!journal.is_empty());
    for line in journal {
        let silent = PerSide { hubspot: Presence::Unknown, salesforce: Presence::Unknown };
        assert_eq!((line.before, line.after, line.loser), (silent, Presence::Unknown, None), "{}", line.rule);
    }
}

#[tokio::test]
async fn who_is_erased_in_hubspot_is_forgotten_and_the_other_record_is_left_to_a_person() {
    let (mut spine, hubspot, salesforce) = pair(false).await;
    let written = spine.written();
    spine.hubspot_erases(&hubspot);
    spine.run().await;
    assert_forgotten(&spine, H, &hubspot).await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 0));

    // Told of by its id, and of nobody else
    let (record, reason) = left_to_a_person(&spine).await;
    assert_eq!(record, contact(S, &salesforce));
    assert_eq!(
        reason,
        "it was erased in hubspot, as privacy law asks, and the contract leaves this record to you: erase it in \
         salesforce too"
    );

    // What is edited there stays there, and nobody is made again
    spine.salesforce_edits(&salesforce, &json!({"Title": "Sorceress"}));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 0));

    // Once it is in the bin, nobody waits for it any more
    spine.deletes(S, &salesforce);
    spine.run().await;
    assert_eq!(parked(&spine).await, []);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn by_contract_both_records_go_for_good() {
    let (mut spine, hubspot, salesforce) = pair(true).await;
    let written = spine.written();
    spine.hubspot_erases(&hubspot);
    spine.run().await;
    assert_forgotten(&spine, H, &hubspot).await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 0), 2), "into the bin, and out of it");
    let undelete = format!("<urn:undelete><urn:ids>{salesforce}</urn:ids></urn:undelete>");
    assert!(!spine.salesforce.person_soap(&undelete).contains("<success>true</success>"));
    assert_quiet(&mut spine).await;
    assert_eq!(spine.written() - written, 2);
}

#[tokio::test]
async fn a_record_in_the_bin_goes_for_good_too() {
    let (mut spine, hubspot, salesforce) = pair(true).await;
    spine.deletes(S, &salesforce);
    spine.run().await;
    spine.hubspot_erases(&hubspot);
    spine.run().await;
    let undelete = format!("<urn:undelete><urn:ids>{salesforce}</urn:ids></urn:undelete>");
    assert!(!spine.salesforce.person_soap(&undelete).contains("<success>true</success>"));
    assert_forgotten(&spine, H, &hubspot).await;
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_person_says_so_from_either_side_and_may_say_it_twice() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = pair(true).await;
        let (id, written) = (if side == H { &hubspot } else { &salesforce }, spine.written());
        let link = spine.link_of("contact", side, id).await.id;
        assert_eq!(erase(&spine, side, id).await, Said::Done(link.clone()));
        assert_forgotten(&spine, side, id).await; // Before anything else happens
        spine.run().await;
        assert_eq!((in_use(&spine), spine.written() - written), ((0, 0), 3));
        assert_eq!(erase(&spine, side, id).await, Said::Already(link));
        spine.run().await;
        assert_forgotten(&spine, side, id).await;
        assert_quiet(&mut spine).await;
        assert_eq!(spine.written() - written, 3);
    }
}

#[tokio::test]
async fn where_the_contract_forgets_a_persons_word_leaves_both_records_alone() {
    let (mut spine, hubspot, salesforce) = pair(false).await;
    let written = spine.written();
    assert!(matches!(erase(&spine, S, &salesforce).await, Said::Done(_)));
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Duchess"}));
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((1, 1), 0));
    let dump = spine.engine.store.dump();
    assert!(!dump.contains("Duchess") && !dump.contains("Enchantress"), "{dump}");
    assert_quiet(&mut spine).await;

    // It is not taken back, by nobody
    let ids = PerSide { hubspot: RecordId::from(&*hubspot), salesforce: RecordId::from(&*salesforce) };
    let said = spine.engine.link(&"contact".into(), &ids, spine.now()).await.unwrap();
    assert!(matches!(&said, Said::Impossible(why) if why.contains("were erased")), "{said:?}");
}

#[tokio::test]
async fn a_record_in_no_pair_is_for_its_own_side_to_erase() {
    let spine = Spine::new();
    let said = erase(&spine, H, "4711").await;
    let why = "hubspot/contact/4711 is in no pair, so nothing is known of it: erase it in hubspot";
    assert_eq!(said, Said::Impossible(why.to_owned()));
}

#[tokio::test]
async fn a_conflict_and_what_is_set_aside_are_forgotten_too() {
    let (mut spine, hubspot, salesforce) = pair(false).await;
    spine.hubspot_edits(
        &hubspot,
        &json!({"jobtitle": "Countess of Lovelace", "lifecyclestage": "evangelist"}),
    );
    spine.salesforce_edits(&salesforce, &json!({"Title": "Countess of Ockham"}));
    spine.run().await;
    let census = spine.engine.store.census().await.unwrap();
    assert_eq!((census.conflicts, census.parked), (1, 1));
    assert!(matches!(erase(&spine, H, &hubspot).await, Said::Done(_)));
    spine.run().await;
    assert_forgotten(&spine, H, &hubspot).await;
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn values_that_wait_to_be_sent_are_forgotten_and_never_sent() {
    let (mut spine, hubspot, salesforce) = pair(false).await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Duchess"}));
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    assert!(spine.engine.store.dump().contains("Duchess"), "an intent is open");
    assert!(matches!(erase(&spine, H, &hubspot).await, Said::Done(_)));
    assert!(!spine.engine.store.dump().contains("Duchess"));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"])["Title"], "Enchantress");
}

#[tokio::test]
async fn what_a_write_of_ours_makes_after_all_goes_again() {
    for purge in [false, true] {
        // Given a contact of Salesforce whose insert in HubSpot was taken, which nobody knows yet
        let (mut spine, salesforce) = inserted(purge, Trouble::AnswerLost).await;
        assert_eq!(in_use(&spine), (1, 1));

        // When it is erased, then what was made goes for good, whatever becomes of the record that it was made from
        assert!(matches!(erase(&spine, S, &salesforce).await, Said::Done(_)));
        spine.run().await;
        spine.reconcile(Task::Sweep).await;
        assert_eq!(in_use(&spine), (0, usize::from(!purge)));
        assert_forgotten(&spine, S, &salesforce).await;
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_stale_copy_brings_nobody_back_and_a_person_can() {
    let (mut spine, hubspot, _) = pair(true).await;
    spine.hubspot_erases(&hubspot);
    spine.run().await;
    let written = spine.written();

    // A copy from elsewhere, with the address of somebody who was erased
    let ada = json!({"Email": "ADA@example.com", "LastName": "Okafor"});
    let copy = spine.salesforce_creates(&ada);
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 0));
    let (record, reason) = left_to_a_person(&spine).await;
    assert_eq!(record, contact(S, &copy));
    assert!(reason.starts_with("somebody with the same key was erased"), "{reason}");

    // She has come back
    let again = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Okafor"}));
    spine.run().await;
    assert_eq!(parked(&spine).await.len(), 2);
    let ids = PerSide { hubspot: RecordId::from(&*again), salesforce: RecordId::from(&*copy) };
    let said = spine.engine.link(&"contact".into(), &ids, spine.now()).await.unwrap();
    assert!(matches!(said, Said::Done(_)), "{said:?}");
    spine.hubspot_edits(&again, &json!({"jobtitle": "Duchess"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&copy, &["Title"])["Title"], "Duchess");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn an_event_alone_erases_nobody_and_neither_does_a_missing_record() {
    // Told, and alive
    let (mut spine, hubspot, salesforce) = pair(true).await;
    let written = spine.written();
    let event = Event {
        key: EventKey("forged".to_owned()),
        side: H,
        object: "contacts".into(),
        ids: vec![RecordId::from(&*hubspot)],
        erased: true,
    };
    spine.take_in(&[event]).await;
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((1, 1), 0));
    assert_quiet(&mut spine).await;

    // Gone, and nobody told, beside somebody who is shown
    spine.hubspot_creates(&json!({"email": "grace@example.com", "lastname": "Hopper"}));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    let written = spine.written();
    spine.deaf = true;
    spine.hubspot_erases(&hubspot);
    drop(spine.told());
    spine.deaf = false;
    // The canary may have been they.
    spine.reconcile(Task::Sweep).await;
    spine.salesforce_edits(&salesforce, &json!({"Title": "Sorceress"}));
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((1, 2), 0));
    let (record, reason) = left_to_a_person(&spine).await;
    assert_eq!(record, contact(H, &hubspot));
    assert!(reason.contains("concord erase"), "{reason}");

    // A person knows
    assert!(matches!(erase(&spine, H, &hubspot).await, Said::Done(_)));
    spine.run().await;
    assert_eq!(in_use(&spine), (1, 1));
    assert_forgotten(&spine, H, &hubspot).await;
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_was_merged_into_it_before_is_forgotten_with_it() {
    for told in [false, true] {
        // Given two pairs whose records were merged in HubSpot: one goes on, the other has ended
        let (mut spine, hubspot, _) = pair(true).await;
        let twin = spine.hubspot_creates(&json!({"email": "ada@ockham.example.com", "lastname": "King"}));
        spine.run().await;
        let left_over = spine.counterpart(H, &twin).await;
        let body = json!({"primaryObjectId": hubspot, "objectIdToMerge": twin});
        let merged = spine.hubspot.person(Method::POST, "/crm/v3/objects/contacts/merge", &body);
        let winner = merged["id"].as_str().unwrap().to_owned();
        spine.run().await;
        assert!(spine.engine.store.dump().contains("King"), "the journal of the pair that ended");

        // When the one that goes on is erased
        if told {
            assert!(matches!(erase(&spine, H, &winner).await, Said::Done(_)));
        } else {
            spine.hubspot_erases(&winner);
        }
        spine.run().await;

        // Then nobody remembers either; what is left over in Salesforce is for a person
        let dump = spine.engine.store.dump();
        assert!(!dump.contains("King") && !dump.contains("ockham"), "{dump}");
        assert_forgotten(&spine, H, &winner).await;
        assert_eq!(in_use(&spine), (0, 1));
        let (record, reason) = left_to_a_person(&spine).await;
        assert_eq!(record, contact(S, &left_over));
        assert!(reason.starts_with("it was erased in hubspot"), "{reason}");
    }
}

#[tokio::test]
async fn who_is_merged_later_with_a_record_that_was_left_is_no_copy_and_is_not_purged() {
    let (mut spine, hubspot, _) = pair(false).await;
    assert!(matches!(erase(&spine, H, &hubspot).await, Said::Done(_)));
    spine.run().await;
    let eve = spine.hubspot_creates(&json!({"email": "eve@example.com", "lastname": "Moneypenny"}));
    let body = json!({"primaryObjectId": eve, "objectIdToMerge": hubspot});
    let merged = spine.hubspot.person(Method::POST, "/crm/v3/objects/contacts/merge", &body);
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.hubspot_contacts(), [merged["id"].as_str().unwrap()]);
    let (_, reason) = left_to_a_person(&spine).await;
    assert!(reason.starts_with("it carries the mark of somebody who was erased"), "{reason}");
}

#[tokio::test]
async fn of_two_that_a_person_keeps_apart_only_the_one_that_is_erased_goes() {
    let (mut spine, hubspot, salesforce) = pair(true).await;
    spine.engine.unlink(&contact(H, &hubspot), spine.now()).await.unwrap();
    spine.run().await;
    assert!(matches!(erase(&spine, H, &hubspot).await, Said::Done(_)));
    spine.run().await;
    assert_eq!(in_use(&spine), (0, 1));
    assert_forgotten(&spine, S, &salesforce).await;
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn the_brake_stops_a_purge_and_not_the_forgetting() {
    let yaml =
        contract(true).replacen("    guard: strict", "    brake: { deletes: 1 }\n    guard: strict", 1);
    let mut spine = Spine::with_contract(&yaml);
    let mut ids = Vec::new();
    for name in ["ada", "eve", "mallory"] {
        ids.push(spine.hubspot_creates(&json!({"email": format!("{name}@example.com"), "lastname": name})));
    }
    spine.run().await;
    ids.iter().for_each(|id| spine.hubspot_erases(id));
    spine.run().await;
    let dump = spine.engine.store.dump();
    assert!(["ada@", "eve@", "mallory"].iter().all(|name| !dump.contains(name)), "{dump}");
    let told = parked(&spine).await;
    assert!(told.iter().any(|parked| parked.key == ParkKey::Object("contact".into())), "{told:?}");
    assert!(in_use(&spine).1 >= 2, "{:?}", in_use(&spine));

    assert_eq!(spine.engine.release(&"contact".into(), spine.now()).await, Ok(true));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(in_use(&spine), (0, 0));
    assert_quiet(&mut spine).await;
}

#[test]
fn a_row_that_is_shown_in_the_bin_after_its_purge_is_not_purged_again() {
    let contract = parse(&contract(true)).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let row = |standing: Standing| Row {
        id: RecordId::from("003"),
        standing,
        fields: BTreeMap::new(),
        token: None,
        concord_id: None,
        revision: now,
        versions: Versions::Stamp { modified: now, modified_by: Author::Us, asked: now },
    };
    let purge = |progress: Progress| Intent {
        number: Token(7),
        side: S,
        action: Action::Purge,
        parts: Vec::new(),
        decided: now,
        progress,
    };
    let binned = row(Standing::Archived { by: Author::Us });
    // What was answered, what is shown, and how often it is purged once more; and whether it still has to go.
    let cases = [
        (purge(Progress::Sent), &binned, 0, false),
        (purge(Progress::PutOff), &binned, 1, true),
        (purge(Progress::Sent), &row(Standing::Alive), 0, true), // The same is under way.
        (purge(Progress::PutOff), &row(Standing::Alive), 1, true),
    ];
    for (intent, shown, issued, goes) in cases {
        let mut link = Link::new("l".into(), "contact".into(), contract.version);
        link.records.salesforce = Some(shown.id.clone());
        link.erase(H, true);
        (link.intents, link.issued) = (vec![intent], Token(7));
        let rows = PerSide { hubspot: Sight::Missing, salesforce: Sight::Row(shown) };
        let key = &ImageKey::new([9; 16]);
        let object = &contract.objects[&"contact".into()];
        let situation = Situation { key, contract: contract.version, object, link: &link, rows, now };
        let decision = decide(&situation);
        assert_eq!(decision.issued.len(), issued, "{link:?}");
        let Status::Erased { purge } = decision.link.status else { panic!("{link:?}") };
        assert_eq!(purge.salesforce, goes, "{link:?}");
    }
}
