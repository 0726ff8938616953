//! `delete: archive` (P9): what is deleted in HubSpot goes to Salesforce's bin, unless somebody typed what the deleter had
//! not seen; it comes back when HubSpot's does; and what is deleted in Salesforce only ends the pair.

use concord_core::contract::parse;
use concord_core::names::{RecordId, RecordKey, Side};
use concord_core::port::{ParkKey, Parked, Store as _};
use concord_core::step::{Said, Task};
use concord_sandbox::fifo::QueueName;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, Trouble, assert_quiet};
use http::Method;
use serde_json::json;

const FLAG: &str = "{ flag: { hubspot: deleted_in_crm, salesforce: Deleted_In_CRM__c } }";

/// The sample contract, by which contacts are deleted like this.
fn contract(delete: &str) -> String {
    let yaml = SAMPLE_CONTRACT.replacen(FLAG, delete, 1);
    assert_ne!(yaml, SAMPLE_CONTRACT);
    yaml
}

/// A pair at rest, whose contract archives contacts: HubSpot's id and Salesforce's.
async fn pair() -> (Spine, String, String) {
    pair_under("archive").await
}

async fn pair_under(delete: &str) -> (Spine, String, String) {
    pair_of(&contract(delete)).await
}

/// The same by this contract.
async fn pair_of(yaml: &str) -> (Spine, String, String) {
    let mut spine = Spine::with_contract(yaml);
    let hubspot = spine
        .hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Okafor", "jobtitle": "Countess"}));
    spine.run().await;
    let salesforce = spine.counterpart(Side::HubSpot, &hubspot).await;
    (spine, hubspot, salesforce)
}

fn contact(side: Side, id: &str) -> RecordKey {
    RecordKey { side, object: "contact".into(), id: RecordId::from(id) }
}

/// How many contacts are in use, in HubSpot and in Salesforce.
fn in_use(spine: &Spine) -> (usize, usize) {
    (spine.hubspot_contacts().len(), spine.salesforce_contacts().len())
}

async fn parked(spine: &Spine) -> Vec<Parked> {
    spine.engine.store.parked(10).await.unwrap_or_default()
}

/// What has been told so far is decided; then people do something; then what was decided is sent, before anybody hears of it.
async fn meanwhile(spine: &mut Spine, people: impl FnOnce(&Spine)) {
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    people(spine);
    spine.work_at_once(QueueName::Intents).await;
}

#[tokio::test]
async fn what_is_deleted_in_hubspot_goes_to_salesforces_bin_by_one_write() {
    let (mut spine, hubspot, salesforce) = pair().await;
    let written = spine.written();
    spine.deletes(Side::HubSpot, &hubspot);
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 0), 1));
    assert_eq!(parked(&spine).await, []);
    assert_quiet(&mut spine).await;
    // A bin that is emptied later is nobody's business.
    spine.soap(&format!("<urn:emptyRecycleBin><urn:ids>{salesforce}</urn:ids></urn:emptyRecycleBin>"));
    assert_quiet(&mut spine).await;
    assert_eq!(spine.written() - written, 1);
}

#[tokio::test]
async fn what_is_restored_in_hubspot_comes_back_and_is_kept_in_agreement() {
    let (mut spine, hubspot, salesforce) = pair().await;
    spine.deletes(Side::HubSpot, &hubspot);
    spine.run().await;
    let written = spine.written();
    spine.restores(Side::HubSpot, &hubspot);
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((1, 1), 1));
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Duchess"}));
    spine.run().await;
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"])["Title"], "Duchess");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_is_deleted_in_salesforce_stays_in_hubspot_and_the_pair_ends() {
    let (mut spine, hubspot, salesforce) = pair().await;
    let written = spine.written();
    spine.deletes(Side::Salesforce, &salesforce);
    spine.run().await;
    spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Duchess"}));
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((1, 0), 0));
}

#[tokio::test]
async fn an_edit_that_the_deleter_had_not_seen_keeps_the_record() {
    let (mut spine, hubspot, salesforce) = pair().await;
    let written = spine.written();
    spine.salesforce_edits(&salesforce, &json!({"Title": "Enchantress"}));
    spine.deletes(Side::HubSpot, &hubspot);
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 0));
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"])["Title"], "Enchantress");
}

#[tokio::test]
async fn an_edit_that_our_archive_met_is_taken_out_of_the_bin_again() {
    let (mut spine, hubspot, salesforce) = pair().await;
    let written = spine.written();
    spine.deletes(Side::HubSpot, &hubspot);
    let edit = json!({"Title": "Enchantress"});
    meanwhile(&mut spine, |spine| spine.salesforce_edits(&salesforce, &edit)).await;
    assert_eq!(in_use(&spine), (0, 0), "it lies in the bin");
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 2), "archived and taken back");
    assert_eq!(spine.salesforce_shows(&salesforce, &["Title"])["Title"], "Enchantress");
    // It is left alone from now on.
    spine.reconcile(Task::Sweep).await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 2));
}

#[tokio::test]
async fn an_archive_that_meets_a_restored_record_is_taken_back() {
    let (mut spine, hubspot, salesforce) = pair().await;
    spine.deletes(Side::HubSpot, &hubspot);
    meanwhile(&mut spine, |spine| {
        spine.restores(Side::HubSpot, &hubspot);
        spine.salesforce_edits(&salesforce, &json!({"Title": "Enchantress"}));
    })
    .await;
    assert_eq!(in_use(&spine), (1, 0), "it came too late");
    spine.run().await;
    assert_eq!(in_use(&spine), (1, 1));
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"])["jobtitle"], "Enchantress");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn what_somebody_takes_out_of_salesforces_bin_is_left_alone() {
    let (mut spine, hubspot, salesforce) = pair().await;
    spine.deletes(Side::HubSpot, &hubspot);
    spine.run().await;
    let written = spine.written();
    spine.restores(Side::Salesforce, &salesforce);
    for _ in 0..2 {
        spine.run().await;
        spine.reconcile(Task::Sweep).await;
    }
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 0));
    let hinted = spine.engine.reconcile(Task::Sweep, spine.now()).await.map(|report| report.hinted);
    assert_eq!(hinted, Ok(0), "and nobody looks at it any more");
}

#[tokio::test]
async fn what_salesforce_does_not_let_us_archive_is_told_to_an_operator() {
    let (mut spine, hubspot, salesforce) = pair().await;
    spine.salesforce.trouble("write_", Trouble::Refused(403));
    spine.deletes(Side::HubSpot, &hubspot);
    spine.run().await;
    assert_eq!(in_use(&spine), (0, 1));
    let keys: Vec<ParkKey> = parked(&spine).await.into_iter().map(|parked| parked.key).collect();
    let id = RecordId::from(salesforce.as_str());
    assert_eq!(keys, [ParkKey::Record(RecordKey { side: Side::Salesforce, object: "contact".into(), id })]);
}

#[tokio::test]
async fn an_archive_that_a_persons_unlink_overtook_is_taken_back() {
    let (mut spine, hubspot, salesforce) = pair().await;
    let written = spine.written();
    spine.deletes(Side::HubSpot, &hubspot);
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    let said = spine.engine.unlink(&contact(Side::Salesforce, &salesforce), spine.now()).await;
    assert!(matches!(said, Ok(Said::Done(_))), "{said:?}");
    spine.work_at_once(QueueName::Intents).await;
    assert_eq!(in_use(&spine), (0, 0), "it came too late");
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 2), "archived and taken back");
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn an_archive_that_a_merge_overtook_is_taken_back() {
    let (mut spine, hubspot, _) = pair().await;
    let other = spine.hubspot_creates(&json!({"email": "augusta@example.com", "lastname": "King"}));
    spine.run().await;
    spine.deletes(Side::HubSpot, &hubspot);
    meanwhile(&mut spine, |spine| {
        spine.restores(Side::HubSpot, &hubspot);
        let body = json!({"primaryObjectId": other, "objectIdToMerge": hubspot});
        spine.hubspot.person(Method::POST, "/crm/v3/objects/contacts/merge", &body);
    })
    .await;
    assert_eq!(in_use(&spine), (1, 1), "it came too late");
    spine.run().await;
    assert_eq!(in_use(&spine), (1, 2), "a person is asked about it, and it is not in the bin");
}

#[tokio::test]
async fn the_journal_says_once_why_a_record_went_to_the_bin_and_once_why_it_came_back() {
    let (mut spine, hubspot, _) = pair().await;
    spine.deletes(Side::HubSpot, &hubspot);
    spine.run().await;
    spine.restores(Side::HubSpot, &hubspot);
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    let why = spine.engine.why(&contact(Side::HubSpot, &hubspot)).await.unwrap_or_default();
    let lines = why.into_iter().flat_map(|why| why.lines);
    let rules: Vec<String> = lines.filter(|line| line.field.is_none()).map(|line| line.rule).collect();
    assert_eq!(rules, ["P9 archive", "P9 an archive is taken back"]);
}

#[tokio::test]
async fn a_record_that_holds_what_nobody_can_read_is_kept() {
    let hide = json!({"object": "Contact", "field": "Title", "hidden": true});
    for hidden in [true, false] {
        let (mut spine, hubspot, salesforce) = pair().await;
        if hidden {
            spine.salesforce.person(Method::POST, "/__sandbox/schema", &hide);
        } else {
            spine.salesforce_edits(&salesforce, &json!({"Phone": "call me maybe"}));
        }
        spine.run().await;
        let written = spine.written();
        spine.deletes(Side::HubSpot, &hubspot);
        spine.run().await;
        assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 0), "hidden: {hidden}");
    }
}

#[tokio::test]
async fn a_company_that_is_in_no_pair_keeps_no_contact_out_of_the_bin() {
    // An account of nobody's stays alone
    let both = "match: [{ key: domain }]\n    create: { hubspot: true, salesforce: true }";
    let one = "match: [{ key: domain }]\n    create: { hubspot: false, salesforce: true }";
    let mut spine = Spine::with_contract(&contract("archive").replacen(both, one, 1));
    let path = "/services/data/v66.0/sobjects/Account/";
    let account = spine.salesforce.person(Method::POST, path, &json!({"Name": "Acme"}));
    let ada = json!({"Email": "ada@example.com", "LastName": "Okafor", "AccountId": account["id"]});
    let salesforce = spine.salesforce_creates(&ada);
    spine.run().await;
    let hubspot = spine.counterpart(Side::Salesforce, &salesforce).await;
    let written = spine.written();
    spine.deletes(Side::HubSpot, &hubspot);
    spine.run().await;
    assert_eq!((in_use(&spine), spine.written() - written), ((0, 0), 1));
}

/// The job title is in the contract since a moment ago, and nobody has looked at it.
#[tokio::test]
async fn of_a_field_that_was_never_agreed_on_only_what_hubspot_does_not_hold_keeps_the_record() {
    let line = "      job_title: { hubspot: jobtitle, salesforce: Title, lead: Title, type: text }\n";
    let whole = contract("archive");
    let without = whole.replacen(line, "", 1);
    assert_ne!(without, whole);
    let successor = whole.replacen("version: 1", "version: 2", 1);
    for (title, left) in [("Countess", (0, 0)), ("", (0, 0)), ("Enchantress", (0, 1))] {
        let mut spine = Spine::with_contract(&without);
        let ada = json!({"email": "ada@example.com", "lastname": "Okafor", "jobtitle": "Countess"});
        let hubspot = spine.hubspot_creates(&ada);
        spine.run().await;
        let salesforce = spine.counterpart(Side::HubSpot, &hubspot).await;
        spine.salesforce_edits(&salesforce, &json!({ "Title": title }));
        spine.run().await;
        spine.engine.contract = parse(&successor).unwrap_or_else(|faults| unreachable!("{faults:?}"));
        spine.deletes(Side::HubSpot, &hubspot);
        spine.run().await;
        assert_eq!(in_use(&spine), left, "{title}");
    }
}

#[tokio::test]
async fn a_delete_that_the_contract_ignores_is_passed_on_to_nobody_and_the_record_is_waited_for() {
    for side in Side::BOTH {
        let (mut spine, hubspot, salesforce) = pair_under("ignore").await;
        let (id, left) = if side == Side::HubSpot { (&hubspot, (0, 1)) } else { (&salesforce, (1, 0)) };
        let written = spine.written();
        spine.deletes(side, id);
        spine.run().await;
        spine.reconcile(Task::Sweep).await;
        assert_eq!((in_use(&spine), spine.written() - written), (left, 0), "{side}");
        assert_eq!(parked(&spine).await, []);

        spine.restores(side, id);
        spine.run().await;
        spine.hubspot_edits(&hubspot, &json!({"jobtitle": "Duchess"}));
        spine.run().await;
        assert_eq!(spine.salesforce_shows(&salesforce, &["Title"])["Title"], "Duchess", "{side}");
        assert_eq!((in_use(&spine), spine.written() - written), ((1, 1), 1), "{side}");
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn what_people_delete_on_both_sides_is_left_alone_whatever_the_contract_and_whatever_was_typed_there() {
    let archives = SAMPLE_CONTRACT.replacen(FLAG, "archive", 1);
    for yaml in [SAMPLE_CONTRACT, archives.as_str()] {
        for edited in [true, false] {
            let (mut spine, hubspot, salesforce) = pair_of(yaml).await;
            let written = spine.written();
            if edited {
                spine.salesforce_edits(&salesforce, &json!({"Title": "Enchantress"}));
            }
            spine.deletes(Side::HubSpot, &hubspot);
            spine.deletes(Side::Salesforce, &salesforce);
            spine.run().await;
            assert_eq!((in_use(&spine), spine.written() - written), ((0, 0), 0), "edited: {edited}");
            assert_quiet(&mut spine).await;

            spine.restores(Side::Salesforce, &salesforce);
            spine.run().await;
            spine.reconcile(Task::Sweep).await;
            assert_eq!((in_use(&spine), spine.written() - written), ((0, 1), 0), "edited: {edited}");
        }
    }
}

#[tokio::test]
async fn what_was_typed_while_the_other_record_was_in_the_bin_arrives_there_once_it_is_back_where_deletes_are_ignored()
 {
    let (mut spine, hubspot, salesforce) = pair_under("ignore").await;
    spine.deletes(Side::HubSpot, &hubspot);
    spine.salesforce_edits(&salesforce, &json!({"Title": "Enchantress"}));
    spine.run().await;
    assert_eq!((in_use(&spine), parked(&spine).await), ((0, 1), Vec::new()));
    spine.restores(Side::HubSpot, &hubspot);
    spine.run().await;
    assert_eq!(spine.hubspot_shows(&hubspot, &["jobtitle"]), json!({"jobtitle": "Enchantress"}));
    assert_quiet(&mut spine).await;
}
