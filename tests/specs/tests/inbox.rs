//! The inbox: a conflict that is held waits for a person, who takes one side's value for both.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

use concord_core::names::{PerSide, RecordId, RecordKey, Side};
use concord_core::port::{Commit, Expected, ParkKey, Store as _};
use concord_core::row::Edited;
use concord_core::step::{Inbox, Task};
use concord_core::value::{ImageHash, Presence, Value as Field};
use concord_sandbox::{hubspot, salesforce};
use concord_specs::spine::{Spine, assert_quiet};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// When the sandboxes' days begin.
const MADE: Timestamp = Timestamp::constant(1_800_000_000, 0);
const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;

/// A pair whose job title was edited on both sides: the two records and the conflict.
async fn held() -> (Spine, [String; 2], Inbox) {
    let mut spine = Spine::new();
    let ada = json!({"email": "ada@example.com", "lastname": "Lovelace", "jobtitle": "Analyst"});
    let hubspot = spine.hubspot_creates(&ada);
    spine.run().await;
    let salesforce = spine.counterpart(H, &hubspot).await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
    spine.run().await;
    let conflict = the_conflict(&spine).await;
    (spine, [hubspot, salesforce], conflict)
}

async fn the_conflict(spine: &Spine) -> Inbox {
    let [conflict] = <[Inbox; 1]>::try_from(spine.engine.inbox().await.unwrap()).unwrap();
    conflict
}

fn titles(spine: &Spine, [hubspot, salesforce]: &[String; 2]) -> [Value; 2] {
    [
        spine.hubspot_shows(hubspot, &["jobtitle"])["jobtitle"].clone(),
        spine.salesforce_shows(salesforce, &["Title"])["Title"].clone(),
    ]
}

fn text(value: &str) -> Presence<Field> {
    Presence::Value(Field::Text(value.to_owned()))
}

#[tokio::test]
async fn the_inbox_shows_both_values_when_they_were_typed_by_whom_and_the_one_before() {
    let (spine, [hubspot, salesforce], Inbox { conflict, agreed, .. }) = held().await;
    let people = PerSide {
        hubspot: format!("CRM_UI userId:{}", hubspot::Config::default().user_id),
        salesforce: salesforce::Config::default().person,
    };
    for side in Side::BOTH {
        let Some(Edited { at, by }) = &conflict.edited[side] else { panic!("{side}: {conflict:?}") };
        assert!(*at > MADE && *at < spine.now(), "{side}: {at}");
        assert_eq!(by.as_ref(), Some(&people[side]));
    }
    assert_eq!(agreed, text("Analyst"));
    assert_eq!(conflict.values[H], text("Countess"));
    assert_eq!(conflict.values[S], text("Programmer"));
    let records = Side::BOTH.map(|side| conflict.records[side].as_ref().map(|id| id.as_str().to_owned()));
    assert_eq!(records, [Some(hubspot), Some(salesforce)]);
}

#[tokio::test]
async fn the_value_that_a_person_takes_is_written_to_the_other_side_and_to_no_more() {
    for (side, value) in [(H, "Countess"), (S, "Programmer")] {
        let (mut spine, pair, conflict) = held().await;
        let before = spine.written();
        let taken = spine.engine.take(&conflict.name, side, spine.now()).await;
        assert_eq!(taken, Ok(Some(conflict.conflict.clone())));
        assert_eq!(the_conflict(&spine).await, Inbox { taken: Some(side), ..conflict.clone() });
        spine.run().await;
        assert_eq!(spine.engine.inbox().await, Ok(vec![]));
        assert_eq!(titles(&spine, &pair), [json!(value), json!(value)]);
        assert_eq!(spine.written() - before, 1);
        assert_quiet(&mut spine).await;

        let again = spine.engine.take(&conflict.name, side.other(), spine.now()).await;
        assert_eq!(again, Ok(None), "it is over");
        spine.run().await;
        assert_eq!(spine.written() - before, 1);
        let journal = spine.engine.store.journal(&conflict.conflict.link, 100).await.unwrap();
        let loser = journal.iter().find_map(|line| line.loser.clone());
        assert_eq!(loser, Some(conflict.conflict.values[side.other()].clone()), "what gave way is on record");
    }
}

#[tokio::test]
async fn what_a_person_was_shown_is_all_that_they_can_decide() {
    let (mut spine, pair, shown) = held().await;
    let before = spine.written();
    spine.salesforce_edits(&pair[1], &json!({"Title": "Engineer"}));
    spine.run().await;
    let now = the_conflict(&spine).await;
    assert_ne!(now.name, shown.name);
    assert!(shown.conflict.edited[H].is_some());
    assert_eq!(
        now.conflict.edited[H], shown.conflict.edited[H],
        "what HubSpot's user typed is as old as it was"
    );
    assert_eq!(spine.engine.take(&shown.name, H, spine.now()).await, Ok(None));
    spine.run().await;
    assert_eq!(titles(&spine, &pair), [json!("Countess"), json!("Engineer")]);
    assert_eq!((the_conflict(&spine).await, spine.written() - before), (now, 0));
}

#[tokio::test]
async fn an_edit_that_arrives_after_the_decision_is_held_anew() {
    for edited in Side::BOTH {
        let (mut spine, pair, shown) = held().await;
        let before = spine.written();
        assert!(spine.engine.take(&shown.name, H, spine.now()).await.unwrap().is_some());
        match edited {
            Side::HubSpot => spine.hubspot_edits(&pair[0], &json!({"jobtitle": "Engineer"})),
            Side::Salesforce => spine.salesforce_edits(&pair[1], &json!({"Title": "Engineer"})),
        }
        spine.run().await;
        let left = the_conflict(&spine).await.conflict.values;
        assert_eq!(
            (&left[edited], &left[edited.other()]),
            (&text("Engineer"), &shown.conflict.values[edited.other()])
        );
        assert_eq!(spine.written() - before, 0);
    }
}

#[tokio::test]
async fn a_conflict_of_a_field_that_the_contract_names_no_longer_is_over_and_nothing_is_kept_for_it() {
    let (mut spine, pair, conflict) = held().await;
    let whole = spine.engine.contract.clone();
    let contact = spine.engine.contract.objects.get_mut(&"contact".into()).unwrap();
    contact.fields.remove(&conflict.conflict.field).unwrap();
    assert_eq!(spine.engine.take(&conflict.name, S, spine.now()).await, Ok(None));
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.engine.inbox().await, Ok(vec![]));
    for last_name in ["King", "Byron"] {
        spine.pass(SignedDuration::from_hours(1));
        spine.hubspot_edits(&pair[0], &json!({ "lastname": last_name }));
        spine.run().await;
    }
    assert_eq!(spine.link_of("contact", H, &pair[0]).await.intents.len(), 1, "the last one");
    assert_eq!(titles(&spine, &pair), [json!("Countess"), json!("Programmer")]);

    // Named again, it is what it was.
    spine.engine.contract = whole;
    spine.hubspot_edits(&pair[0], &json!({ "lastname": "Lovelace" }));
    spine.run().await;
    assert_eq!(the_conflict(&spine).await.agreed, text("Analyst"));
}

#[tokio::test]
async fn why_a_pair_holds_what_it_holds_is_told_from_either_side() {
    let (mut spine, [hubspot, salesforce], Inbox { name, .. }) = held().await;
    spine.engine.take(&name, S, spine.now()).await.unwrap();
    spine.run().await;
    let record = |side: Side, id: &str| RecordKey { side, object: "contact".into(), id: RecordId::from(id) };
    let why = spine.engine.why(&record(H, &hubspot)).await.unwrap().unwrap();
    assert_eq!(spine.engine.why(&record(S, &salesforce)).await.unwrap().as_ref(), Some(&why));
    assert_eq!(spine.engine.why(&record(H, "404")).await.unwrap(), None);

    let titles = why.lines.iter().filter(|line| line.field == Some("job_title".into()));
    let titles: Vec<_> = titles
        .map(|line| {
            (line.rule.as_str(), line.target, line.before.clone(), line.after.clone(), line.loser.clone())
        })
        .collect();
    let [analyst, countess, programmer] = ["Analyst", "Countess", "Programmer"].map(text);
    let made = PerSide { hubspot: analyst.clone(), salesforce: Presence::Blank };
    let both = PerSide { hubspot: countess.clone(), salesforce: programmer.clone() };
    assert_eq!(
        titles,
        [
            ("P6 create", Some(S), made, analyst, None),
            ("P7 hold", None, both.clone(), Presence::Unknown, None),
            ("P7 a person took salesforce's value", None, both.clone(), programmer.clone(), Some(countess)),
            ("P7 as a person decided", Some(H), both, programmer, None),
        ]
    );
}

#[tokio::test]
async fn what_is_set_aside_names_the_records_on_both_sides() {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(
        &json!({"email": "ada@example.com", "lastname": "L", "lifecyclestage": "evangelist"}),
    );
    spine.run().await;
    let salesforce = spine.counterpart(H, &hubspot).await;
    let twins =
        [0, 1].map(|_| spine.salesforce_creates(&json!({"Email": "grace@example.com", "LastName": "H"})));
    let alone = spine.hubspot_creates(&json!({"email": "grace@example.com", "lastname": "H"}));
    spine.run().await;

    let aside = spine.engine.set_aside().await.unwrap();
    let told = aside.into_iter().map(|aside| {
        let ids = Side::BOTH.map(|side| aside.records[side].as_ref().map(|id| id.as_str().to_owned()));
        let field = match &aside.parked.key {
            ParkKey::Field(_, field) => field.to_string(),
            ParkKey::Record(_) | ParkKey::Message(_) | ParkKey::Object(_) | ParkKey::Type(..) => {
                String::new()
            }
        };
        (field, aside.object.unwrap().to_string(), ids)
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    let mut expected = vec![
        (String::new(), "contact".to_owned(), [Some(alone), None]),
        ("stage".to_owned(), "contact".to_owned(), [Some(hubspot), Some(salesforce)]),
    ];
    expected.extend(twins.map(|id| (String::new(), "contact".to_owned(), [None, Some(id)])));
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_list_that_lags_behind_the_link_decides_nothing() {
    let (spine, pair, shown) = held().await;
    // The link holds another of Salesforce's values by now, and the list does not tell so yet.
    let mut link = spine.link_of("contact", H, &pair[0]).await;
    let expected = Expected::At(link.generation);
    link.generation = link.generation.next();
    let held = link.fields.get_mut(&shown.conflict.field).and_then(|memory| memory.held.as_mut()).unwrap();
    held.values.salesforce = ImageHash(!held.values.salesforce.0);
    spine.engine.store.commit(Commit::of_link(expected, link.clone(), Vec::new())).await.unwrap();

    assert_eq!(spine.engine.take(&shown.name, H, spine.now()).await, Ok(None));
    assert_eq!(spine.link_of("contact", H, &pair[0]).await, link);
}

#[tokio::test]
async fn a_field_that_is_set_aside_and_that_the_contract_names_no_longer_waits_for_nobody() {
    let mut spine = Spine::new();
    let hubspot =
        spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "L", "phone": "+14155550100"}));
    spine.run().await;
    spine.hubspot_edits(&hubspot, &json!({"phone": "call me maybe"}));
    spine.run().await;
    assert_eq!(spine.engine.store.parked(10).await.unwrap().len(), 1);

    let contact = spine.engine.contract.objects.get_mut(&"contact".into()).unwrap();
    contact.fields.remove(&"phone".into()).unwrap();
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.engine.store.parked(10).await.unwrap(), []);
    let again = spine.engine.reconcile(Task::Sweep, spine.now()).await;
    assert_eq!(again.map(|report| report.hinted), Ok(0), "and nobody is looked at for it any more");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_a_person_decides_again_and_again_is_done_each_time() {
    let (mut spine, pair, _) = held().await;
    for n in 0..3 {
        let conflict = the_conflict(&spine).await;
        assert!(spine.engine.take(&conflict.name, H, spine.now()).await.unwrap().is_some());
        spine.run().await;
        assert_eq!(titles(&spine, &pair), [json!("Countess"), json!("Countess")], "decision {n}");
        spine.salesforce_edits(&pair[1], &json!({"Title": format!("Analyst {n}")}));
        spine.run().await;
        spine.hubspot_edits(&pair[0], &json!({"jobtitle": "Countess"}));
        spine.salesforce_edits(&pair[1], &json!({"Title": format!("Programmer {n}")}));
        spine.run().await;
    }
}

#[tokio::test]
async fn the_inbox_says_who_typed_over_what_concord_had_written() {
    let mut spine = Spine::new();
    let ada = json!({"Email": "ada@example.com", "LastName": "Lovelace", "Title": "Analyst"});
    let salesforce = spine.salesforce_creates(&ada);
    spine.run().await;
    let hubspot = spine.counterpart(S, &salesforce).await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.salesforce_edits(&salesforce, &json!({"Title": "Programmer"}));
    spine.run().await;
    let edited = the_conflict(&spine).await.conflict.edited;
    let by = Side::BOTH.map(|side| edited[side].as_ref().and_then(|edited| edited.by.clone()));
    let person = format!("CRM_UI userId:{}", hubspot::Config::default().user_id);
    assert_eq!(by, [Some(person), Some(salesforce::Config::default().person)]);
}
