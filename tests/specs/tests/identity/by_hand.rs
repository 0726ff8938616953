//! What a person says of two records that are not a pair, or are one with others.

use super::*;

#[tokio::test]
async fn who_is_in_the_bin_is_linked_with_nobody() {
    for deleted in Side::BOTH {
        let mut spine = Spine::new();
        let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Lovelace"}));
        let salesforce =
            spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}));
        let id = if deleted == H { &hubspot } else { &salesforce };
        spine.deletes(deleted, id);
        let _unheard = spine.told();
        let why = format!("{} is not to be seen: it was deleted, or the id is wrong", contact(deleted, id));
        assert_eq!(link(&mut spine, &hubspot, &salesforce).await, Said::Impossible(why));
        assert_eq!(spine.engine.store.census().await.map(|census| census.links), Ok(0));
    }
}

#[tokio::test]
async fn two_that_each_have_another_counterpart_are_not_one_thing() {
    let (mut spine, ada, lovelace) = pair().await;
    let grace = spine.hubspot_creates(&json!({"email": "grace@example.com", "lastname": "Hopper"}));
    spine.run().await;
    let hopper = spine.counterpart(H, &grace).await;
    for ended in [false, true] {
        if ended {
            unlink(&mut spine, H, &ada).await;
        }
        assert_eq!(
            link(&mut spine, &ada, &hopper).await,
            Said::Impossible(format!(
                "hubspot/contact/{ada} belongs with salesforce {lovelace}, and salesforce/contact/{hopper} belongs with hubspot {grace}: \
                 merge the records in the CRM that has them twice"
            ))
        );
    }
    spine.hubspot_edits(&ada, &json!({"jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&lovelace, &["Title"]), json!({"Title": null}), "apart as before");
    assert_eq!(spine.counterpart(H, &grace).await, hopper);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn who_was_refused_a_counterpart_gets_the_one_that_a_person_says() {
    // Salesforce makes nobody without a last name.
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com", "jobtitle": "Countess"}));
    spine.run().await;
    assert_eq!((spine.salesforce_contacts().len(), proposed(&spine).await.len()), (0, 1));
    let salesforce = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}));
    let _unheard = spine.told();

    assert!(matches!(link(&mut spine, &hubspot, &salesforce).await, Said::Done(_)));
    assert_eq!(spine.counterpart(H, &hubspot).await, salesforce);
    assert_eq!(spine.hubspot_shows(&hubspot, &["lastname"]), json!({"lastname": "Lovelace"}));
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_a_person_says_of_a_pair_is_told_by_its_journal() {
    let (mut spine, hubspot, salesforce) = pair().await;
    unlink(&mut spine, H, &hubspot).await;
    link(&mut spine, &hubspot, &salesforce).await;
    let why = spine.engine.why(&contact(H, &hubspot)).await.unwrap().unwrap();
    let rules: Vec<&str> =
        why.lines.iter().filter(|line| line.field.is_none()).map(|line| line.rule.as_str()).collect();
    assert_eq!(rules, ["P6 a person unlinked", "P6 a person linked"]);
}

#[tokio::test]
async fn what_a_person_deletes_of_an_unlinked_pair_stays_in_the_bin_and_the_other_is_told_nothing() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = pair().await;
        assert!(matches!(unlink(&mut spine, H, &hubspot).await, Said::Done(_)));
        let written = spine.written();
        spine.deletes(side, if side == H { &hubspot } else { &salesforce });
        spine.run().await;
        let left = if side == H { (0, 1) } else { (1, 0) };
        assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), left, "{side}");
        assert_quiet(&mut spine).await;
        assert_eq!(spine.written(), written, "{side}");
    }
}

#[tokio::test]
async fn a_field_of_an_unlinked_pair_is_set_aside_no_longer_and_comes_back_with_it() {
    let (mut spine, hubspot, salesforce) = pair().await;
    spine.hubspot_edits(&hubspot, &json!({"phone": "call me maybe"}));
    spine.run().await;
    let parked = async |spine: &Spine| spine.engine.store.parked(10).await.map(|parked| parked.len());
    assert_eq!(parked(&spine).await, Ok(1));
    unlink(&mut spine, H, &hubspot).await;
    assert_eq!(parked(&spine).await, Ok(0));
    link(&mut spine, &hubspot, &salesforce).await;
    assert_eq!(parked(&spine).await, Ok(1));
}

/// Whoever is about to make a pair of two has looked a moment ago whether they are kept apart. With a brake, what follows waits.
#[tokio::test]
async fn two_that_are_kept_apart_while_somebody_looks_at_them_are_a_pair_or_not_as_the_person_was_told() {
    let title = "salesforce: Title, lead: Title, type: text }";
    let ruled =
        SAMPLE_CONTRACT.replacen(title, &title.replace(" }", ", conflict: { authority: hubspot } }"), 1);
    let braked = ruled.replacen("    guard: strict", "    brake: { changes: 0 }\n    guard: strict", 1);
    assert!(ruled != SAMPLE_CONTRACT && braked != ruled);
    for yaml in [&ruled, &braked] {
        let (mut pairs, mut apart) = (0, 0);
        for moment in 0..24 {
            let mut spine = Spine::with_contract(yaml);
            let salesforce = spine.salesforce_creates(
                &json!({"Email": "ada@example.com", "LastName": "Okafor", "Title": "Baroness"}),
            );
            let hubspot = spine.hubspot_creates(
                &json!({"email": "ada@example.com", "lastname": "Okafor", "jobtitle": "Countess"}),
            );
            let told: Vec<_> = spine.told().into_iter().filter(|event| event.side == H).collect();
            spine.pass(SignedDuration::from_secs(2));
            spine.take_in(&told).await;
            let says = async {
                for _ in 0..moment {
                    tokio::task::yield_now().await;
                }
                spine.engine.keep_apart(&"contact".into(), &ids(&hubspot, &salesforce), spine.now()).await
            };
            let (said, ()) = futures_util::future::join(says, spine.work_at_once(QueueName::Hints)).await;
            spine.run().await;
            let is_a_pair = spine.counterpart(H, &hubspot).await == salesforce;
            match said.unwrap() {
                Said::Remembered => apart += usize::from(!is_a_pair),
                Said::Done(_) | Said::Already(_) | Said::Impossible(_) => pairs += usize::from(is_a_pair),
            }
            assert_eq!(pairs + apart, moment + 1, "{moment}");
        }
        assert!(pairs > 0 && apart > 0, "{pairs} {apart}");
    }
}

#[tokio::test]
async fn who_could_not_be_made_is_found_when_a_person_makes_them() {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com"}));
    spine.run().await;
    assert_eq!(proposed(&spine).await, [(contact(H, &hubspot), vec![])], "Salesforce asks for a last name");
    let salesforce = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}));
    spine.run().await;
    assert_eq!(spine.counterpart(H, &hubspot).await, salesforce);
    assert_eq!(spine.hubspot_shows(&hubspot, &["lastname"]), json!({"lastname": "Lovelace"}));
    assert_eq!(spine.salesforce_contacts(), [salesforce]);
    assert_quiet(&mut spine).await;
}

/// A contact of HubSpot's whose counterpart is decided and on its way to Salesforce.
async fn being_made() -> (Spine, String) {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Lovelace"}));
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    (spine, hubspot)
}

#[tokio::test]
async fn who_matches_while_a_record_is_being_made_waits_and_what_is_made_is_the_counterpart() {
    let (mut spine, hubspot) = being_made().await;
    let entered = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}));
    spine.run().await;
    let made = spine.counterpart(H, &hubspot).await;
    assert_ne!(made, entered);
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (1, 2));
    assert_eq!(proposed(&spine).await, [(contact(S, &entered), vec![])], "a person is told to merge the two");
}

#[tokio::test]
async fn who_matches_long_after_the_record_should_have_been_made_is_the_counterpart() {
    let (mut spine, hubspot) = being_made().await;
    for message in spine.queue.receive(QueueName::Intents, 10) {
        let _lost = spine.queue.delete(QueueName::Intents, &message.handle);
    }
    spine.pass(SignedDuration::from_hours(1));
    let entered = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}));
    spine.run().await;
    assert_eq!(spine.counterpart(H, &hubspot).await, entered);
    assert_eq!(spine.salesforce_contacts(), [entered]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_was_typed_over_a_late_write_is_told_once_when_a_person_takes_the_pair_apart() {
    let (mut spine, hubspot, salesforce) = pair().await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await; // A write to Salesforce is on its way,
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": ""}));
    spine.pass(SignedDuration::from_secs(2));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await; // and no longer wanted;
    spine.work_at_once(QueueName::Intents).await;
    let _unheard = spine.told();
    spine.salesforce_edits(&salesforce, &json!({"Title": "Engineer"}));
    unlink(&mut spine, H, &hubspot).await;
    let why = spine.engine.why(&contact(H, &hubspot)).await.unwrap().unwrap();
    let losers = why.lines.iter().filter(|line| line.loser.is_some()).count();
    assert!(losers <= 1, "{:?}", why.lines);
}
