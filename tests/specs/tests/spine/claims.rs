//! Stale claims: a webhook worker that died after it had claimed its events and before it hinted them.

use concord_core::event::Event;
use concord_core::names::Side;
use concord_core::port::{ClaimOutcome, EventKey, Store as _};
use concord_core::step::{CLAIM_LEASE_MS, TakenIn, Task};
use concord_sandbox::fifo::QueueName;
use concord_specs::spine::Spine;
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{ada, assert_quiet, linked};

/// What a worker does that dies between its claim and its hints. Returns what it had been told.
async fn claim_and_die(spine: &Spine) -> Vec<Event> {
    let events = spine.told();
    let keys: Vec<EventKey> = events.iter().map(|event| event.key.clone()).collect();
    let claims = spine.engine.store.claim(&keys, spine.now(), CLAIM_LEASE_MS).await.unwrap();
    assert!(!claims.is_empty());
    assert!(claims.iter().all(|claim| matches!(claim, ClaimOutcome::Claimed(_))), "{claims:?}");
    events
}

/// The next poll after nobody was told: the schedule's minute is longer than HubSpot's search is behind.
async fn poll_on_schedule(spine: &mut Spine) {
    let written = spine.written();
    spine.run().await;
    assert_eq!(spine.written(), written, "nobody was told");
    spine.pass(SignedDuration::from_mins(1));
    spine.reconcile(Task::Poll).await;
}

fn pass_ms(spine: &Spine, ms: u64) {
    spine.pass(SignedDuration::from_millis(i64::try_from(ms).unwrap()));
}

fn edit(spine: &Spine, side: Side, hubspot: &str, salesforce: &str) {
    match side {
        Side::HubSpot => spine.hubspot_edits(hubspot, &json!({"jobtitle": "Countess"})),
        Side::Salesforce => spine.salesforce_edits(salesforce, &json!({"Title": "Countess"})),
    }
}

fn titles(spine: &Spine, hubspot: &str, salesforce: &str) -> [Value; 2] {
    let shown = spine.hubspot_shows(hubspot, &["jobtitle"])["jobtitle"].clone();
    [shown, spine.salesforce_shows(salesforce, &["Title"])["Title"].clone()]
}

#[tokio::test]
async fn a_redelivery_is_told_to_come_again_while_a_dead_worker_holds_its_claim() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = linked().await;
        let written = spine.written();
        edit(&spine, side, &hubspot, &salesforce);
        let events = claim_and_die(&spine).await;
        let before = titles(&spine, &hubspot, &salesforce);

        pass_ms(&spine, CLAIM_LEASE_MS - 1);
        let taken = spine.engine.take_in(&events, spine.now()).await;

        assert_eq!(taken, Ok(TakenIn { in_progress: events.len(), ..TakenIn::default() }), "{side}");
        let hints = spine.queue.counts(QueueName::Hints);
        assert_eq!((hints.visible, hints.delayed, hints.in_flight), (0, 0, 0), "{side}");
        spine.run().await;
        assert_eq!(titles(&spine, &hubspot, &salesforce), before);
        assert_eq!(spine.written() - written, 0);
    }
}

#[tokio::test]
async fn a_redelivery_is_taken_once_when_a_dead_workers_claim_has_run_out() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = linked().await;
        let written = spine.written();
        edit(&spine, side, &hubspot, &salesforce);
        let events = claim_and_die(&spine).await;

        pass_ms(&spine, CLAIM_LEASE_MS);
        let taken = spine.engine.take_in(&events, spine.now()).await;
        let again = spine.engine.take_in(&events, spine.now()).await;

        assert_eq!(taken, Ok(TakenIn { hinted: events.len(), ..TakenIn::default() }), "{side}");
        assert_eq!(again, Ok(TakenIn { repeated: events.len(), ..TakenIn::default() }), "{side}");
        spine.run().await;
        assert_eq!(titles(&spine, &hubspot, &salesforce), ["Countess", "Countess"]);
        assert_eq!(spine.written() - written, 1);
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn an_edit_whose_event_is_never_redelivered_is_found_by_the_poll() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = linked().await;
        spine.reconcile(Task::Poll).await;
        let written = spine.written();
        edit(&spine, side, &hubspot, &salesforce);
        let events = claim_and_die(&spine).await;

        poll_on_schedule(&mut spine).await;

        assert_eq!(titles(&spine, &hubspot, &salesforce), ["Countess", "Countess"], "{side}");
        assert_eq!(spine.written() - written, 1);
        pass_ms(&spine, CLAIM_LEASE_MS);
        let late = spine.engine.take_in(&events, spine.now()).await;
        assert_eq!(late, Ok(TakenIn { hinted: events.len(), ..TakenIn::default() }));
        spine.run().await;
        assert_eq!(spine.written() - written, 1, "a late redelivery finds it done");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_record_whose_creation_is_never_redelivered_is_made_once_by_the_poll() {
    for side in Side::BOTH {
        let mut spine = Spine::new();
        spine.reconcile(Task::Poll).await;
        let made = match side {
            Side::HubSpot => spine.hubspot_creates(&ada()),
            Side::Salesforce => {
                spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}))
            }
        };
        claim_and_die(&spine).await;

        poll_on_schedule(&mut spine).await;

        let other = spine.counterpart(side, &made).await;
        let (hubspot, salesforce) = match side {
            Side::HubSpot => (made, other),
            Side::Salesforce => (other, made),
        };
        assert_eq!(
            spine.hubspot_shows(&hubspot, &["email", "lastname"]),
            json!({"email": "ada@example.com", "lastname": "Lovelace"})
        );
        assert_eq!(
            spine.salesforce_shows(&salesforce, &["Email", "LastName"]),
            json!({"Email": "ada@example.com", "LastName": "Lovelace"})
        );
        assert_eq!(
            (spine.hubspot_contacts(), spine.salesforce_contacts()),
            (vec![hubspot], vec![salesforce])
        );
        assert_eq!(spine.written(), 2, "{side}: an insert there, and concord_id here");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_delete_whose_event_is_never_redelivered_is_found_by_the_poll_of_the_bin() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = linked().await;
        spine.reconcile(Task::Poll).await;
        let written = spine.written();
        match side {
            Side::HubSpot => spine.hubspot.person(
                Method::DELETE,
                &format!("/crm/v3/objects/contacts/{hubspot}"),
                &Value::Null,
            ),
            Side::Salesforce => spine.salesforce.person(
                Method::DELETE,
                &format!("/services/data/v66.0/sobjects/Contact/{salesforce}"),
                &Value::Null,
            ),
        };
        claim_and_die(&spine).await;

        poll_on_schedule(&mut spine).await;

        match side {
            Side::HubSpot => {
                assert_eq!(
                    spine.salesforce_shows(&salesforce, &["Deleted_In_CRM__c", "LastName"]),
                    json!({"Deleted_In_CRM__c": true, "LastName": "Lovelace"})
                );
                assert_eq!(spine.hubspot_contacts(), Vec::<String>::new());
            }
            Side::Salesforce => {
                assert_eq!(
                    spine.hubspot_shows(&hubspot, &["deleted_in_crm", "lastname"]),
                    json!({"deleted_in_crm": "true", "lastname": "Lovelace"})
                );
                assert_eq!(spine.salesforce_contacts(), Vec::<String>::new());
            }
        }
        assert_eq!(spine.written() - written, 1, "{side}");
        assert_quiet(&mut spine).await;
    }
}
