//! The contract's scope: what it leaves out is not written to, and leaving it is no delete.

use concord_core::contract::{Contract, parse};
use concord_core::names::{LinkId, RecordId, RecordKey, Side};
use concord_core::port::{ParkKey, Store as _};
use concord_core::step::Task;
use concord_sandbox::fifo::QueueName;
use concord_sandbox::store::MemoryStore;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, assert_quiet};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

const DELETE: &str =
    "    delete: { flag: { hubspot: deleted_in_crm, salesforce: Deleted_In_CRM__c } }\n    erase";
const STAFF: &str = "job_title == null || !job_title.startsWith('Staff')";

/// The sample contract, with such contacts only.
fn contract(scope: &str, delete: &str) -> String {
    let yaml = SAMPLE_CONTRACT.replacen(
        DELETE,
        &format!("    scope: \"{scope}\"\n    delete: {delete}\n    erase"),
        1,
    );
    assert_ne!(yaml, SAMPLE_CONTRACT);
    yaml
}

#[expect(clippy::panic, reason = "a contract of these tests that is broken is wrong")]
fn taken(yaml: &str) -> Contract {
    parse(yaml).unwrap_or_else(|faults| panic!("{faults:?}"))
}

struct Scene(Spine);

impl Scene {
    fn new(delete: &str) -> Self {
        Self(Spine::with_contract(&contract(STAFF, delete)))
    }

    fn makes(&self, side: Side, email: &str, title: &str) -> String {
        match side {
            Side::HubSpot => {
                self.0.hubspot_creates(&json!({"email": email, "lastname": "Okafor", "jobtitle": title}))
            }
            Side::Salesforce => {
                self.0.salesforce_creates(&json!({"Email": email, "LastName": "Okafor", "Title": title}))
            }
        }
    }

    fn edits(&self, side: Side, id: &str, name: (&str, &str), value: &str) {
        match side {
            Side::HubSpot => self.0.hubspot_edits(id, &json!({ name.0: value })),
            Side::Salesforce => self.0.salesforce_edits(id, &json!({ name.1: value })),
        }
    }

    fn titled(&self, side: Side, id: &str, title: &str) {
        self.edits(side, id, ("jobtitle", "Title"), title);
    }

    /// The title, the first name and the soft-delete flag.
    fn shows(&self, side: Side, id: &str) -> [Value; 3] {
        let (shown, names) = match side {
            Side::HubSpot => {
                let names = ["jobtitle", "firstname", "deleted_in_crm"];
                (self.0.hubspot_shows(id, &names), names)
            }
            Side::Salesforce => {
                let names = ["Title", "FirstName", "Deleted_In_CRM__c"];
                (self.0.salesforce_shows(id, &names), names)
            }
        };
        names.map(|name| shown[name].clone())
    }

    fn count(&self) -> (usize, usize) {
        (self.0.hubspot_contacts().len(), self.0.salesforce_contacts().len())
    }

    /// A linked pair at rest: the id on `side`, and the counterpart's.
    async fn pair(&mut self, side: Side) -> (String, String) {
        let id = self.makes(side, "ada@example.com", "Countess");
        self.0.run().await;
        let other = self.0.counterpart(side, &id).await;
        (id, other)
    }

    /// Everything is looked at, and nothing comes of it.
    async fn nothing_is_written(&mut self) {
        let before = self.0.written();
        self.0.run().await;
        for task in [Task::Sweep, Task::Poll, Task::Repair] {
            self.0.reconcile(task).await;
        }
        assert_eq!(self.0.written(), before);
    }

    async fn parked(&self) -> Vec<(ParkKey, String)> {
        let parked = self.0.engine.store.parked(10).await.unwrap_or_default();
        parked.into_iter().map(|parked| (parked.key, parked.reason)).collect()
    }

    async fn link(&self, side: Side, id: &str) -> Option<LinkId> {
        use concord_core::port::Whereabouts;
        let key = RecordKey { side, object: "contact".into(), id: RecordId::from(id) };
        match self.0.engine.store.locate(&[key]).await.as_deref() {
            Ok([Whereabouts::Linked(link)]) => Some(link.clone()),
            _ => None,
        }
    }
}

#[tokio::test]
async fn a_record_out_of_scope_is_left_alone_until_it_comes_into_scope() {
    for side in Side::BOTH {
        let mut scene = Scene::new("unlink");
        let id = scene.makes(side, "ada@example.com", "Staff engineer");
        scene.nothing_is_written().await;
        assert_eq!((scene.link(side, &id).await, scene.parked().await), (None, Vec::new()));

        scene.titled(side, &id, "Countess");
        scene.0.run().await;

        let other = scene.0.counterpart(side, &id).await;
        assert_eq!(scene.shows(side.other(), &other)[0], json!("Countess"));
        assert_eq!(scene.count(), (1, 1));
        assert_quiet(&mut scene.0).await;
    }
}

#[tokio::test]
async fn what_was_edited_out_of_scope_is_merged_once_both_records_are_in_scope() {
    for side in Side::BOTH {
        let other = side.other();
        let mut scene = Scene::new("unlink");
        let (id, counterpart) = scene.pair(side).await;
        let before = scene.shows(other, &counterpart);

        scene.titled(side, &id, "Staff engineer");
        scene.nothing_is_written().await;
        scene.edits(other, &counterpart, ("firstname", "FirstName"), "Ada");
        scene.nothing_is_written().await;
        assert_eq!(scene.shows(other, &counterpart)[0], before[0], "not even the edit by which it left");
        assert_eq!(scene.shows(side, &id)[1], before[1]);

        scene.titled(side, &id, "Princess");
        scene.0.run().await;
        for (side, id) in [(side, &id), (other, &counterpart)] {
            assert_eq!(scene.shows(side, id)[..2], [json!("Princess"), json!("Ada")], "{side}");
        }
        assert_quiet(&mut scene.0).await;
    }
}

#[tokio::test]
async fn a_delete_out_of_scope_is_passed_on_by_no_rule() {
    for delete in [
        "{ flag: { hubspot: deleted_in_crm, salesforce: Deleted_In_CRM__c } }",
        "archive",
        "unlink",
        "ignore",
    ] {
        for side in Side::BOTH {
            let mut scene = Scene::new(delete);
            let (id, counterpart) = scene.pair(side).await;
            let before = scene.shows(side.other(), &counterpart);
            let link = scene.link(side, &id).await;
            scene.titled(side, &id, "Staff engineer");
            scene.nothing_is_written().await;

            scene.0.deletes(side, &id);
            scene.nothing_is_written().await;
            assert_eq!(scene.shows(side.other(), &counterpart), before, "{delete}");

            scene.0.restores(side, &id);
            scene.titled(side, &id, "Princess");
            scene.0.run().await;
            assert_eq!(scene.shows(side.other(), &counterpart)[0], json!("Princess"), "{delete}");
            assert_eq!(scene.link(side.other(), &counterpart).await, link, "{delete}");
            assert_quiet(&mut scene.0).await;
        }
    }
}

#[tokio::test]
async fn nobody_is_paired_with_a_record_out_of_scope_nor_made_beside_it() {
    for side in Side::BOTH {
        let mut scene = Scene::new("unlink");
        let staff = scene.makes(side, "ada@example.com", "Staff engineer");
        let other = scene.makes(side.other(), "ada@example.com", "Countess");
        scene.nothing_is_written().await;
        assert_eq!(scene.link(side.other(), &other).await, None);

        scene.titled(side, &staff, "Countess");
        scene.0.run().await;
        assert_eq!(scene.0.counterpart(side, &staff).await, other);
        assert_eq!(scene.count(), (1, 1));
        assert_quiet(&mut scene.0).await;
    }
}

#[tokio::test]
async fn a_contract_that_leaves_everybody_out_deletes_nothing_and_its_successor_goes_on() {
    let mut scene = Scene::new("archive");
    let (id, counterpart) = scene.pair(Side::HubSpot).await;
    let before = scene.shows(Side::Salesforce, &counterpart);

    scene.0.engine.contract = taken(&contract("false", "archive").replacen("version: 1", "version: 2", 1));
    scene.titled(Side::HubSpot, &id, "Princess");
    scene.nothing_is_written().await;
    assert_eq!(scene.shows(Side::Salesforce, &counterpart), before);

    scene.0.engine.contract = taken(&SAMPLE_CONTRACT.replacen("version: 1", "version: 3", 1));
    scene.0.reconcile(Task::Sweep).await;
    assert_eq!(scene.shows(Side::Salesforce, &counterpart)[0], json!("Princess"));
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn what_is_hidden_is_neither_in_scope_nor_out_of_it_and_somebody_is_told() {
    let mut scene = Scene::new("archive");
    let (id, counterpart) = scene.pair(Side::HubSpot).await;
    let link = scene.link(Side::HubSpot, &id).await;
    let Some(link) = link else { return assert_eq!(link, Some(LinkId::from("one"))) };
    let hide = |scene: &Scene, hidden: bool| {
        let body = json!({ "object": "Contact", "field": "Title", "hidden": hidden });
        scene.0.salesforce.person(Method::POST, "/__sandbox/schema", &body);
    };

    hide(&scene, true);
    scene.edits(Side::HubSpot, &id, ("firstname", "FirstName"), "Ada");
    let stranger = scene.makes(Side::Salesforce, "grace@example.com", "Admiral");
    scene.nothing_is_written().await;

    let why = "a condition of the contract goes by it and cannot be asked, so that nothing is written: salesforce does not show this \
               field, or the condition fails for what it holds; let Concord's user see the field, or correct `scope` or `lead` in \
               the contract";
    let stranger =
        RecordKey { side: Side::Salesforce, object: "contact".into(), id: RecordId::from(stranger.as_str()) };
    let told = [
        (ParkKey::Field(link, "job_title".into()), why.to_owned()),
        (
            ParkKey::Record(stranger.clone()),
            format!("its field job_title decides whether it is in scope: {why}"),
        ),
    ];
    let mut parked = scene.parked().await;
    parked.sort_by_key(|(key, _)| matches!(key, ParkKey::Record(_)));
    assert_eq!(parked, told);

    hide(&scene, false);
    scene.edits(Side::Salesforce, stranger.id.as_str(), ("firstname", "FirstName"), "Grace");
    scene.0.run().await;
    scene.0.reconcile(Task::Sweep).await;
    assert_eq!(scene.shows(Side::Salesforce, &counterpart)[1], json!("Ada"));
    assert_eq!(scene.count(), (2, 2));
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn a_landing_that_covers_an_edit_of_a_record_out_of_scope_is_taken_back() {
    let mut scene = Scene::new("unlink");
    let (hubspot, salesforce) = scene.pair(Side::HubSpot).await;
    let moment = SignedDuration::from_secs(5);
    scene.edits(Side::Salesforce, &salesforce, ("firstname", "FirstName"), "Augusta");
    scene.0.pass(moment);
    scene.0.deliver().await;
    scene.0.work_at_once(QueueName::Hints).await;
    scene.edits(Side::HubSpot, &hubspot, ("firstname", "FirstName"), "Ada");
    scene.titled(Side::HubSpot, &hubspot, "Staff engineer");
    scene.0.pass(moment);
    scene.0.work_at_once(QueueName::Intents).await;
    assert_eq!(scene.shows(Side::HubSpot, &hubspot)[1], json!("Augusta"), "it came too late");

    scene.0.run().await;
    assert_eq!(scene.shows(Side::HubSpot, &hubspot)[..2], [json!("Staff engineer"), json!("Ada")]);
    assert_eq!(scene.shows(Side::Salesforce, &salesforce)[..2], [json!("Countess"), json!("Augusta")]);
    scene.nothing_is_written().await;
}

#[tokio::test]
async fn two_that_carry_one_mark_are_a_pair_though_the_store_has_forgotten_them_and_they_left_the_scope() {
    for side in Side::BOTH {
        let mut scene = Scene::new("unlink");
        let (id, counterpart) = scene.pair(side).await;
        let link = scene.link(side, &id).await;
        scene.titled(side, &id, "Staff engineer");
        scene.nothing_is_written().await;
        scene.0.engine.store = MemoryStore::new();
        scene.edits(side, &id, ("firstname", "FirstName"), "Ada");
        scene.nothing_is_written().await;
        assert!(link.is_some());
        assert_eq!(scene.link(side, &id).await, link, "{side}");
        assert_eq!(scene.link(side.other(), &counterpart).await, link, "{side}");
    }
}

#[tokio::test]
async fn of_those_whom_nobody_told_of_a_listing_reads_who_is_in_scope_and_no_others() {
    for side in Side::BOTH {
        let mut scene = Scene::new("unlink");
        scene.0.deaf = true;
        let ada = scene.makes(side, "ada@example.com", "Countess");
        let staff = scene.makes(side, "grace@example.com", "Staff engineer");
        let binned = scene.makes(side, "eve@example.com", "Countess");
        scene.0.deletes(side, &binned);
        scene.0.run().await;
        let report = scene.0.engine.reconcile(Task::Sweep, scene.0.now()).await;
        assert_eq!(report.map(|report| report.hinted), Ok(1), "{side}");
        scene.0.run().await;
        let other = scene.0.counterpart(side, &ada).await;
        assert_eq!(scene.shows(side.other(), &other)[0], json!("Countess"));
        assert_eq!(scene.link(side, &staff).await, None);
    }
}

#[tokio::test]
async fn an_archive_of_ours_is_seen_to_the_end_though_the_record_has_left_the_scope() {
    let mut scene = Scene::new("archive");
    let (id, counterpart) = scene.pair(Side::HubSpot).await;
    scene.0.deletes(Side::HubSpot, &id);
    scene.0.deliver().await;
    scene.0.work_at_once(QueueName::Hints).await;
    // Which whoever deleted had not seen.
    scene.titled(Side::Salesforce, &counterpart, "Staff engineer");
    scene.0.work_at_once(QueueName::Intents).await;
    assert_eq!(scene.count(), (0, 0), "it lies in the bin");
    scene.0.run().await;
    assert_eq!(scene.count(), (0, 1), "and is taken out again");
    assert_eq!(scene.shows(Side::Salesforce, &counterpart)[0], json!("Staff engineer"));
    scene.nothing_is_written().await;
}
