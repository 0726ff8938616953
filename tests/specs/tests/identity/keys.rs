//! Whom a key and a mark lead to.

use super::*;

#[tokio::test]
async fn of_records_that_are_looked_at_together_each_meets_by_its_own_key() {
    let mut spine = Spine::new();
    spine.deaf = true;
    let king = spine.hubspot_creates(&json!({"lastname": "King"})); // Has no key.
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Lovelace"}));
    let salesforce = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Lovelace"}));
    spine.run().await;
    spine.deaf = false;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart(H, &hubspot).await, salesforce);
    let made = spine.counterpart(H, &king).await;
    assert_eq!(spine.salesforce_shows(&made, &["LastName"]), json!({"LastName": "King"}));
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (2, 2));
    assert_quiet(&mut spine).await;
}

/// The store was restored from a backup of before they met.
#[tokio::test]
async fn a_mark_tells_more_than_a_key_that_somebody_else_has_by_now() {
    let (mut spine, hubspot, salesforce) = pair().await;
    spine.deaf = true;
    spine.salesforce_edits(&salesforce, &json!({"Email": "king@example.com"}));
    let other = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Byron"}));
    spine.run().await;
    spine.deaf = false;
    spine.engine.store = MemoryStore::new();

    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart(H, &hubspot).await, salesforce);
    assert_eq!(spine.hubspot_contacts(), [hubspot]);
    let waits: Vec<RecordKey> = proposed(&spine).await.into_iter().map(|(record, _)| record).collect();
    assert_eq!(waits, [contact(S, &other)], "whose key another pair has");
}

#[tokio::test]
async fn of_the_two_that_are_left_of_three_none_is_taken_either() {
    let (mut spine, hubspot, rivals) = three_of_one_address(H).await;
    let third = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Byron"}));
    spine.run().await;
    let kept = spine.engine.keep_apart(&"contact".into(), &ids(&hubspot, &third), spine.now()).await;
    assert_eq!(kept, Ok(Said::Remembered));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;

    let (h, mut rivals) = (contact(H, &hubspot), rivals.map(|id| contact(S, &id)));
    rivals.sort();
    // HubSpot has an address once only: the third, which is somebody else, waits for another one.
    let mut waits = vec![(h, rivals.to_vec()), (contact(S, &third), Vec::new())];
    waits.extend(rivals.map(|rival| (rival, Vec::new())));
    waits.sort();
    assert_eq!(proposed(&spine).await, waits);
}

#[tokio::test]
async fn records_without_a_key_are_nobodys_counterpart_and_each_gets_one_of_its_own() {
    for side in Side::BOTH {
        let mut spine = Spine::new();
        for name in ["Lovelace", "King"] {
            match side {
                H => spine.hubspot_creates(&json!({ "lastname": name })),
                S => spine.salesforce_creates(&json!({ "LastName": name })),
            };
        }
        spine.run().await;
        assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (2, 2), "{side}");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_key_that_a_pair_has_given_up_is_free_for_whoever_has_it_next() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = pair().await;
        match side {
            H => spine.hubspot_edits(&hubspot, &json!({"email": "king@example.com"})),
            S => spine.salesforce_edits(&salesforce, &json!({"Email": "king@example.com"})),
        }
        spine.run().await;
        spine.pass(SignedDuration::from_secs(60)); // HubSpot's index is late.
        let next = match side {
            H => spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Byron"})),
            S => spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Byron"})),
        };
        spine.run().await;
        let made = spine.counterpart(side, &next).await;
        assert!(made != hubspot && made != salesforce, "{side}");
        assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (2, 2), "{side}");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn what_was_unclear_while_a_counterpart_was_made_is_over_once_a_person_has_cleared_it() {
    let mut spine = Spine::new();
    spine.salesforce.trouble("write_", Trouble::RequestLost);
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Lovelace"}));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await; // An insert is decided. use concord_sandbox::fifo::QueueName;
    let make = |name| spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": name}));
    let [ada, king] = ["Lovelace", "King"].map(make);
    let _unheard = spine.told();
    spine.run().await;
    assert_eq!(proposed(&spine).await.len(), 1, "of two candidates none is taken");

    spine.salesforce_edits(&king, &json!({"Email": "king@example.com"}));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart(H, &hubspot).await, ada);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn of_two_candidates_for_somebody_who_was_refused_none_is_taken_either() {
    let mut spine = Spine::new();
    let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com"})); // Salesforce takes nobody without a last name.
    spine.run().await;
    for name in ["Lovelace", "King"] {
        spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": name}));
    }
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.link_of("contact", H, &hubspot).await.records[S], None);
    assert_eq!(spine.hubspot_contacts(), [hubspot]);
}

#[tokio::test]
async fn of_two_of_one_side_with_one_key_one_gets_a_counterpart_and_the_other_waits_for_a_person() {
    let mut spine = Spine::new();
    let path = "/services/data/v66.0/sobjects/Account/";
    for name in ["Castor", "Pollux"] {
        let company = json!({"Name": name, "Domain__c": "twins.example.com"});
        spine.salesforce.person(Method::POST, path, &company);
    }
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    let shown = spine.hubspot.person(Method::GET, "/crm/v3/objects/companies?limit=100", &Value::Null);
    assert_eq!(shown["results"].as_array().map(Vec::len), Some(1), "{shown:#}");
    let parked = spine.engine.store.parked(10).await.unwrap();
    let [parked] = parked.as_slice() else { panic!("{parked:?}") };
    assert!(parked.reason.starts_with("the pair that this record matches has another salesforce record"));
}

#[tokio::test]
async fn who_was_refused_is_paired_with_whoever_has_come_up_with_their_key_since_whoever_is_seen_first() {
    for first in Side::BOTH {
        let mut spine = Spine::new();
        let hubspot = spine.hubspot_creates(&json!({"email": "ada@example.com"})); // No last name: Salesforce takes nobody.
        spine.run().await;
        assert_eq!(proposed(&spine).await, [(contact(H, &hubspot), Vec::new())]);

        let salesforce = spine.salesforce_creates(&json!({"Email": "ada@example.com", "LastName": "Okafor"}));
        spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Countess"}));
        let told: Vec<_> = spine.told().into_iter().filter(|event| event.side == first).collect();
        spine.pass(SignedDuration::from_secs(2));
        spine.take_in(&told).await;
        spine.run().await;

        assert_eq!(spine.counterpart(H, &hubspot).await, salesforce, "{first}");
        assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (1, 1), "{first}");
        assert_eq!(spine.hubspot_shows(&hubspot, &["lastname"]), json!({"lastname": "Okafor"}));
        assert_eq!(spine.salesforce_shows(&salesforce, &["Title"]), json!({"Title": "Countess"}));
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn who_was_refused_and_takes_the_key_of_another_pair_waits_for_a_person() {
    let mut spine = Spine::new();
    let path = "/crm/v3/objects/companies";
    let made = |properties: Value| {
        let made = spine.hubspot.person(Method::POST, path, &json!({ "properties": properties }));
        made["id"].as_str().unwrap_or_default().to_owned()
    };
    let _acme = made(json!({"name": "Acme", "domain": "acme.example.com"}));
    let nameless = made(json!({"domain": "nameless.example.com"})); // Salesforce takes no account without a name.
    spine.run().await;
    let edit = |spine: &Spine, properties: Value| {
        spine.hubspot.person(
            Method::PATCH,
            &format!("{path}/{nameless}"),
            &json!({ "properties": properties }),
        );
    };
    let written = spine.written();
    edit(&spine, json!({"domain": "acme.example.com"}));
    spine.run().await;
    let parked = spine.engine.store.parked(10).await.unwrap();
    let [parked] = parked.as_slice() else { panic!("{parked:?}") };
    assert!(
        parked.reason.starts_with("the salesforce record with the same key belongs to another pair"),
        "{parked:?}"
    );
    assert_eq!(spine.written(), written);

    edit(&spine, json!({"domain": "initech.example.com", "name": "Initech"}));
    spine.run().await;
    spine.counterpart_of("company", H, &nameless).await;
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn of_two_for_whom_nobody_is_made_neither_is_taken_when_somebody_with_their_key_comes() {
    let made = "match: [{ key: domain }]\n    create: { hubspot: true, salesforce: true }";
    let mut spine = Spine::with_contract(&SAMPLE_CONTRACT.replacen(
        made,
        &made.replace("hubspot: true", "hubspot: false"),
        1,
    ));
    let path = "/services/data/v66.0/sobjects/Account/";
    let company = |side: Side, id: &Value| RecordKey {
        side,
        object: "company".into(),
        id: RecordId::from(id.as_str().unwrap_or_default()),
    };
    let twins = ["Castor", "Pollux"].map(|name| {
        let twin = json!({"Name": name, "Domain__c": "twins.example.com"});
        company(S, &spine.salesforce.person(Method::POST, path, &twin)["id"])
    });
    spine.run().await;
    assert_eq!(spine.engine.store.census().await.map(|census| census.links), Ok(0));

    let firm = json!({"properties": {"name": "Castor", "domain": "twins.example.com"}});
    let made = company(H, &spine.hubspot.person(Method::POST, "/crm/v3/objects/companies", &firm)["id"]);
    spine.run().await;
    spine.pass(SignedDuration::from_mins(1)); // HubSpot's index is late.
    spine.reconcile(Task::Sweep).await;
    let [castor, pollux] = twins.clone();
    let mut told = vec![(made.clone(), twins.to_vec()), (castor, vec![made.clone()]), (pollux, vec![made])];
    told.sort();
    assert_eq!((proposed(&spine).await, spine.written()), (told, 0));
}

#[tokio::test]
async fn two_pairs_of_one_key_are_told_apart_by_a_person_and_both_are_kept_in_agreement() {
    let mut spine = Spine::new();
    let firm = |name: &str| json!({"properties": {"name": name, "domain": "twins.example.com"}});
    let account = |name: &str| json!({"Name": name, "Domain__c": "twins.example.com"});
    let (companies, accounts) = ("/crm/v3/objects/companies", "/services/data/v66.0/sobjects/Account/");
    let id = |made: Value| made["id"].as_str().unwrap_or_default().to_owned();
    let castor = id(spine.hubspot.person(Method::POST, companies, &firm("Castor")));
    spine.run().await;
    let first = spine.counterpart_of("company", H, &castor).await;
    let pollux = id(spine.hubspot.person(Method::POST, companies, &firm("Pollux")));
    let second = id(spine.salesforce.person(Method::POST, accounts, &account("Pollux")));
    spine.run().await;
    assert_eq!(proposed(&spine).await.len(), 2, "their key is another pair's");

    spine.pass(SignedDuration::from_mins(1)); // HubSpot's index is late.
    let kept = spine.engine.keep_apart(&"company".into(), &ids(&castor, &second), spine.now()).await;
    assert_eq!(kept, Ok(Said::Remembered));
    spine.run().await;
    assert_eq!(spine.counterpart_of("company", H, &pollux).await, second);
    assert_eq!(spine.counterpart_of("company", H, &castor).await, first);
    assert_quiet(&mut spine).await;
}

/// The store was restored from a backup of before they met.
#[tokio::test]
async fn who_has_the_key_of_a_record_that_is_marked_as_anothers_is_left_to_a_person() {
    let (mut spine, hubspot, salesforce) = pair().await;
    let written = spine.written();
    spine.engine.store = MemoryStore::new();
    spine.hubspot_edits(&hubspot, &json!({"email": "king@example.com"}));
    let _unheard = spine.told();
    let twin = spine.hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Byron"}));
    spine.run().await;
    let parked = spine.engine.store.parked(10).await.unwrap();
    let [parked] = parked.as_slice() else { panic!("{parked:?}") };
    assert_eq!(parked.key, ParkKey::Record(contact(H, &twin)));
    assert!(parked.reason.contains("is marked as another pair's"), "{}", parked.reason);

    spine.reconcile(Task::Sweep).await;
    assert_eq!(spine.counterpart(H, &hubspot).await, salesforce, "the two that carry the mark");
    assert_eq!(spine.salesforce_shows(&salesforce, &["LastName"]), json!({"LastName": "Lovelace"}));
    assert_eq!(spine.written(), written);
    assert_eq!(proposed(&spine).await, [(contact(H, &twin), Vec::new())]);
}
