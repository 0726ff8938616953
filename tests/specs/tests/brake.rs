//! The brake (P15, I21): mass harm waits for an operator, everything else goes on, and nothing of it is lost.

use concord_core::brake::{Brake, Engaged, Harm, Limits};
use concord_core::contract::parse;
use concord_core::names::{ObjectName, PerSide, Side};
use concord_core::port::{ParkKey, Store as _};
use concord_core::step::Task;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, assert_quiet};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const GUARD: &str = "    guard: strict\n    conflict: hold # both";
const DELETE: Harm = Harm { deletes: 1, changes: 0 };
const CHANGE: Harm = Harm { deletes: 0, changes: 1 };

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(600_000 + minutes)
}

/// Enough for no limit to be met.
const MANY: usize = 10_000;

/// How many of these are let through, one after the other. The one that is not engages nothing.
fn let_through(brake: &mut Brake, harm: Harm, limits: Limits, minute: i64) -> usize {
    for count in 0..MANY {
        let mut tried = brake.clone();
        match tried.admit(harm, limits, at(minute)) {
            Ok(()) => *brake = tried,
            Err(_) => return count,
        }
    }
    MANY
}

fn counted(hubspot: u64, salesforce: u64) -> Brake {
    let records = PerSide { hubspot: Some(hubspot), salesforce: Some(salesforce) };
    Brake { records, ..Brake::default() }
}

#[test]
fn limits_go_by_the_number_of_records_unless_the_contract_gives_them() {
    let usual = Limits::default();
    assert_eq!(let_through(&mut Brake::default(), DELETE, usual, 0), 20);
    assert_eq!(let_through(&mut counted(3_999, 9_000), DELETE, usual, 0), 20);
    assert_eq!(let_through(&mut counted(12_000, 10_000), DELETE, usual, 0), 50, "0.5 % of the fewer");
    assert_eq!(let_through(&mut counted(500, 700), CHANGE, usual, 0), 100);
    assert_eq!(let_through(&mut counted(12_000, 10_000), CHANGE, usual, 0), 1_000, "10 % of the fewer");
    assert_eq!(let_through(&mut Brake::default(), CHANGE, usual, 0), MANY, "nobody has counted yet");
    let own = Limits { deletes: Some(0), changes: Some(3) };
    assert_eq!(let_through(&mut counted(12_000, 10_000), DELETE, own, 0), 0);
    assert_eq!(let_through(&mut counted(12_000, 10_000), CHANGE, own, 0), 3);
}

#[test]
fn a_batch_that_would_be_too_much_is_not_begun_and_engages_the_brake() {
    let (mut brake, limits) = (Brake::default(), Limits { deletes: Some(10), changes: None });
    let deletes = |deletes| Harm { deletes, changes: 0 };
    assert_eq!(brake.admit(deletes(8), limits, at(0)), Ok(()));
    let about_to = "pass on deletes of 11 records within an hour; 10 may be".to_owned();
    let engaged = Engaged { since: at(5), about_to };
    assert_eq!(brake.admit(deletes(3), limits, at(5)), Err(engaged.clone()));
    assert_eq!(brake.admit(CHANGE, limits, at(500)), Err(engaged), "not even one, as long as nobody looks");
}

#[test]
fn what_was_done_more_than_an_hour_ago_counts_no_more() {
    let (mut brake, limits) = (Brake::default(), Limits::default());
    assert_eq!(let_through(&mut brake, DELETE, limits, 0), 20);
    for minute in [1, 30, 60] {
        assert_eq!(let_through(&mut brake, DELETE, limits, minute), 0, "minute {minute}");
    }
    assert_eq!(let_through(&mut brake, DELETE, limits, 71), 20);
}

#[test]
fn a_released_brake_lets_everything_through_for_an_hour() {
    let (mut brake, limits) = (Brake::default(), Limits { deletes: Some(0), changes: None });
    assert!(!brake.release(at(0)), "it was not engaged");
    assert!(brake.admit(DELETE, limits, at(1)).is_err());
    assert!(brake.release(at(500)));
    assert_eq!((brake.engaged.clone(), brake.rewind), (None, Some(at(1 - 24 * 60))));
    assert_eq!(let_through(&mut brake, DELETE, limits, 559), MANY);
    assert_eq!(let_through(&mut brake, DELETE, limits, 560), 0);
}

/// The sample contract, which lets this through of contacts.
fn spine(brake: &str) -> Spine {
    let yaml = SAMPLE_CONTRACT.replacen(GUARD, &format!("    brake: {brake}\n{GUARD}"), 1);
    assert_ne!(yaml, SAMPLE_CONTRACT);
    Spine::with_contract(&yaml)
}

async fn contacts(spine: &mut Spine, count: usize) -> Vec<(String, String)> {
    let made =
        |n| json!({"email": format!("ada{n}@example.com"), "lastname": "Okafor", "jobtitle": "Countess"});
    let made: Vec<String> = (0..count).map(|n| spine.hubspot_creates(&made(n))).collect();
    spine.run().await;
    let mut pairs = Vec::new();
    for hubspot in made {
        let salesforce = spine.counterpart(Side::HubSpot, &hubspot).await;
        pairs.push((hubspot, salesforce));
    }
    pairs
}

fn flagged(spine: &Spine, pairs: &[(String, String)]) -> usize {
    let shows = |id| spine.salesforce_shows(id, &["Deleted_In_CRM__c"])["Deleted_In_CRM__c"] == json!(true);
    pairs.iter().filter(|(_, salesforce)| shows(salesforce)).count()
}

async fn parked(spine: &Spine) -> Vec<(ParkKey, String)> {
    let parked = spine.engine.store.parked(10).await.unwrap_or_default();
    parked.into_iter().map(|parked| (parked.key, parked.reason)).collect()
}

#[tokio::test]
async fn deletes_beyond_the_limit_wait_for_an_operator_and_then_all_arrive() {
    let mut spine = spine("{ deletes: 3 }");
    assert_eq!(spine.engine.begin_polls_at(spine.now()).await, Ok(()));
    let pairs = contacts(&mut spine, 8).await;
    let written = spine.written();
    for (hubspot, _) in &pairs[..6] {
        spine.deletes(Side::HubSpot, hubspot);
        spine.run().await;
    }
    assert_eq!((flagged(&spine, &pairs), spine.written() - written), (3, 3));
    let reason = "Concord was about to pass on deletes of 4 records within an hour; 3 may be. Nothing of the kind is \
                  written to any contact until somebody has looked at what happened there and says `concord release \
                  contact`";
    let told = vec![(ParkKey::Object("contact".into()), reason.to_owned())];
    assert_eq!(parked(&spine).await, told);

    // Nothing that takes something away: neither by hints nor by reconcile, neither now nor a day later.
    spine.hubspot_edits(&pairs[7].0, &json!({"jobtitle": "Baroness"}));
    for wait in [0, 25] {
        spine.pass(SignedDuration::from_hours(wait));
        for task in [Task::Poll, Task::Sweep, Task::Repair] {
            spine.reconcile(task).await;
        }
        assert_eq!((flagged(&spine, &pairs), spine.written() - written), (3, 3));
    }
    // What takes nothing away goes on: another record, and a blank that is filled.
    spine.hubspot_edits(&pairs[6].0, &json!({"phone": "+14155550132"}));
    contacts(&mut spine, 0).await;
    let title = |spine: &Spine, n: usize| spine.salesforce_shows(&pairs[n].1, &["Title", "Phone"]);
    assert_eq!(title(&spine, 6), json!({"Title": "Countess", "Phone": "+14155550132"}));
    assert_eq!(title(&spine, 7), json!({"Title": "Countess", "Phone": null}));
    assert_eq!(parked(&spine).await, told);

    assert_eq!(spine.engine.release(&ObjectName::new("contact"), spine.now()).await, Ok(true));
    spine.reconcile(Task::Poll).await;
    assert_eq!(flagged(&spine, &pairs), 6);
    assert_eq!(title(&spine, 7), json!({"Title": "Baroness", "Phone": null}));
    assert_eq!(spine.written() - written, 3 + 1 + 4, "each once");
    assert_quiet(&mut spine).await;
    assert_eq!(spine.engine.release(&ObjectName::new("contact"), spine.now()).await, Ok(false));
}

#[tokio::test]
async fn values_that_are_replaced_count_and_blanks_that_are_filled_do_not() {
    let mut spine = spine("{ changes: 2 }");
    let pairs = contacts(&mut spine, 5).await;
    for (hubspot, salesforce) in &pairs {
        spine.hubspot_edits(hubspot, &json!({"phone": "+14155550132"}));
        spine.run().await;
        assert_eq!(spine.salesforce_shows(salesforce, &["Phone"]), json!({"Phone": "+14155550132"}));
    }
    for (_, salesforce) in &pairs {
        spine.salesforce_edits(salesforce, &json!({"Title": "Baroness"}));
        spine.run().await;
    }
    let changed = |spine: &Spine| {
        let title = |id: &String| spine.hubspot_shows(id, &["jobtitle"])["jobtitle"] == json!("Baroness");
        pairs.iter().filter(|(hubspot, _)| title(hubspot)).count()
    };
    assert_eq!(changed(&spine), 2);
    let words = "Concord was about to replace values in 3 records within an hour; 2 may be. ";
    let told = parked(&spine).await;
    assert!(matches!(&told[..], [(ParkKey::Object(_), reason)] if reason.starts_with(words)), "{told:?}");
    assert_eq!(spine.engine.release(&ObjectName::new("contact"), spine.now()).await, Ok(true));
    spine.reconcile(Task::Poll).await;
    assert_eq!(changed(&spine), 5);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn the_share_is_of_the_records_that_the_last_sweep_has_counted() {
    let mut spine = spine("{ deletes: 100 }");
    let pairs = contacts(&mut spine, 102).await;
    spine.reconcile(Task::Sweep).await;
    let title = json!({"Title": "Baroness"});
    for (_, salesforce) in &pairs {
        spine.salesforce_edits(salesforce, &title);
    }
    spine.run().await;
    let words = "Concord was about to replace values in 102 records within an hour; 100 may be. ";
    let told = parked(&spine).await;
    assert!(matches!(&told[..], [(ParkKey::Object(_), reason)] if reason.starts_with(words)), "{told:?}");
}

#[tokio::test]
async fn what_was_stopped_a_moment_ago_is_found_a_moment_after_the_release() {
    let mut spine = spine("{ deletes: 3 }");
    assert_eq!(spine.engine.begin_polls_at(spine.now()).await, Ok(()));
    let pairs = contacts(&mut spine, 8).await;
    spine.reconcile(Task::Poll).await;
    for (hubspot, _) in &pairs {
        spine.deletes(Side::HubSpot, hubspot);
    }
    spine.run().await;
    assert_eq!(flagged(&spine, &pairs), 0);
    assert_eq!(spine.engine.release(&ObjectName::new("contact"), spine.now()).await, Ok(true));
    spine.reconcile(Task::Poll).await;
    assert_eq!(flagged(&spine, &pairs), 8);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_delete_that_had_to_wait_a_second_is_not_taken_for_one_that_was_passed_on() {
    let mut spine = spine("{ deletes: 0 }");
    let pairs = contacts(&mut spine, 1).await;
    // The row is too fresh to be written to when the delete is first looked at (P5).
    spine.salesforce_edits(&pairs[0].1, &json!({"MobilePhone": "+14155550132"}));
    spine.deletes(Side::HubSpot, &pairs[0].0);
    spine.round().await;
    spine.run().await;
    assert_eq!((flagged(&spine, &pairs), parked(&spine).await.len()), (0, 1));
    assert_eq!(spine.engine.release(&ObjectName::new("contact"), spine.now()).await, Ok(true));
    spine.reconcile(Task::Poll).await;
    assert_eq!(flagged(&spine, &pairs), 1);
    assert_quiet(&mut spine).await;
}

/// Something on each side sets the job title to a value of its own whenever it finds another.
async fn two_automations_meet(spine: &mut Spine, (hubspot, salesforce): &(String, String)) {
    for _ in 0..10 {
        if spine.salesforce_shows(salesforce, &["Title"])["Title"] != json!("Engineer") {
            spine.salesforce_edits(salesforce, &json!({"Title": "Engineer"}));
            spine.run().await;
        }
        if spine.hubspot_shows(hubspot, &["jobtitle"])["jobtitle"] != json!("Countess") {
            spine.hubspot_edits(hubspot, &json!({"jobtitle": "Countess"}));
            spine.run().await;
        }
    }
}

#[tokio::test]
async fn a_field_that_both_sides_keep_changing_back_is_left_alone_and_all_else_goes_on() {
    let mut spine = Spine::new();
    let pair = contacts(&mut spine, 1).await.remove(0);
    spine.pass(SignedDuration::from_hours(1)); // What was written at the insert is forgotten.
    let written = spine.written();
    two_automations_meet(&mut spine, &pair).await;
    assert_eq!(spine.written() - written, 4, "each of the two values is written twice");
    let [(ParkKey::Field(_, field), reason)] = &parked(&spine).await[..] else {
        panic!("one field is parked")
    };
    assert_eq!(field.as_str(), "job_title");
    assert!(reason.contains("keeps changing this field back"), "{reason}");

    // The record's other fields are kept in agreement.
    let written = spine.written();
    spine.hubspot_edits(&pair.0, &json!({"phone": "+1 202 555 0143"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&pair.1, &["Phone"])["Phone"], json!("+12025550143"));
    assert_eq!(spine.written() - written, 1);

    // Somebody has ended one of the two, and both sides have one value.
    let agreed = spine.hubspot_shows(&pair.0, &["jobtitle"])["jobtitle"].clone();
    spine.salesforce_edits(&pair.1, &json!({"Title": agreed}));
    spine.run().await;
    assert_eq!(spine.written() - written, 1);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_was_changed_back_is_tried_again_when_what_was_sent_cannot_land_any_more() {
    let mut spine = Spine::new();
    let pair = contacts(&mut spine, 1).await.remove(0);
    two_automations_meet(&mut spine, &pair).await;
    let written = spine.written();
    for (minutes, tried) in [(24, 0), (4, 1)] {
        spine.pass(SignedDuration::from_mins(minutes));
        spine.reconcile(Task::Sweep).await;
        assert_eq!(spine.written() - written, tried, "after {minutes} minutes more");
    }
    let title = |shown: serde_json::Value, name: &str| shown[name].clone();
    assert_eq!(
        title(spine.hubspot_shows(&pair.0, &["jobtitle"]), "jobtitle"),
        title(spine.salesforce_shows(&pair.1, &["Title"]), "Title")
    );
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_a_brake_stopped_is_looked_for_once_and_polls_go_on_from_there() {
    let mut spine = spine("{ changes: 2 }");
    let pairs = contacts(&mut spine, 5).await;
    for (_, salesforce) in &pairs {
        spine.salesforce_edits(salesforce, &json!({"Title": "Baroness"}));
        spine.run().await;
    }
    assert_eq!(parked(&spine).await.len(), 1);
    assert_eq!(spine.engine.release(&ObjectName::new("contact"), spine.now()).await, Ok(true));
    for _ in 0..2 {
        spine.reconcile(Task::Poll).await;
        spine.pass(SignedDuration::from_mins(1));
    }
    let listed = spine.engine.reconcile(Task::Poll, spine.now()).await.map(|report| report.listed);
    assert_eq!(listed, Ok(0), "nothing has changed since the last poll");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn two_of_one_key_are_a_pair_though_a_brake_stops_what_one_would_take_over_from_the_other() {
    let title = "salesforce: Title, lead: Title, type: text }";
    let ruled =
        SAMPLE_CONTRACT.replacen(title, &title.replace(" }", ", conflict: { authority: hubspot } }"), 1);
    let yaml = ruled.replacen(GUARD, &format!("    brake: {{ changes: 0 }}\n{GUARD}"), 1);
    assert!(ruled != SAMPLE_CONTRACT && yaml != ruled);
    let mut spine = Spine::with_contract(&yaml);
    let salesforce = spine
        .salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Okafor", "Title": "Baroness"}));
    let hubspot = spine
        .hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Okafor", "jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(spine.counterpart(Side::HubSpot, &hubspot).await, salesforce);
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Baroness"}));
    assert!(matches!(&parked(&spine).await[..], [(ParkKey::Object(_), _)]));

    assert_eq!(spine.engine.release(&ObjectName::new("contact"), spine.now()).await, Ok(true));
    spine.pass(SignedDuration::from_mins(1)); // HubSpot's index is late.
    spine.reconcile(Task::Poll).await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_a_person_has_decided_is_no_harm() {
    let mut spine = spine("{ changes: 0 }");
    let (hubspot, salesforce) = contacts(&mut spine, 1).await.remove(0);
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Baroness"}));
    spine.salesforce_edits(&salesforce, &json!({"Title": "Engineer"}));
    spine.run().await;
    let held = spine.engine.inbox().await.unwrap_or_default();
    let [held] = held.as_slice() else { panic!("one conflict: {held:?}") };
    let taken = spine.engine.take(&held.name, Side::Salesforce, spine.now()).await;
    assert!(matches!(taken, Ok(Some(_))), "{taken:?}");
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Engineer"}));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_field_that_goes_one_way_from_now_on_replaces_no_more_than_the_brake_lets_through() {
    let line = "      job_title: { hubspot: jobtitle, salesforce: Title, lead: Title, type: text }\n";
    let old = SAMPLE_CONTRACT.replacen(line, "", 1).replacen(
        GUARD,
        &format!("    brake: {{ changes: 2 }}\n{GUARD}"),
        1,
    );
    assert_eq!(old.matches("job_title").count() + 1, SAMPLE_CONTRACT.matches("job_title").count());
    let mut spine = Spine::with_contract(&old);
    let pairs = contacts(&mut spine, 5).await;
    for (hubspot, salesforce) in &pairs {
        spine.hubspot_edits(hubspot, &json!({"jobtitle": "Countess"}));
        spine.salesforce_edits(salesforce, &json!({"Title": "Engineer"}));
    }
    spine.run().await;
    let one_way = line.replacen("type: text", "type: text, direction: to_salesforce", 1);
    let new = old.replacen("      company: {", &format!("{one_way}      company: {{"), 1).replacen(
        "version: 1",
        "version: 2",
        1,
    );
    spine.engine.contract = parse(&new).unwrap_or_else(|faults| panic!("{faults:?}"));
    spine.reconcile(Task::Sweep).await;
    let replaced = |spine: &Spine| {
        let shows = |(_, id): &&(String, String)| {
            spine.salesforce_shows(id, &["Title"]) == json!({"Title": "Countess"})
        };
        pairs.iter().filter(shows).count()
    };
    assert_eq!((replaced(&spine), parked(&spine).await.len()), (0, 1), "five were too many at once");
}
