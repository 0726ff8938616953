//! `delete: archive` (P9): what is deleted in HubSpot goes to Salesforce's bin, unless somebody typed what the deleter had
//! not seen; it comes back when HubSpot's does; and what is deleted in Salesforce only ends the pair.

use concord_core::names::{RecordId, RecordKey, Side};
use concord_core::port::{ParkKey, Parked, Store as _};
use concord_core::step::Task;
use concord_sandbox::fifo::QueueName;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, Trouble, assert_quiet};
use serde_json::json;

const FLAG: &str = "{ flag: { hubspot: deleted_in_crm, salesforce: Deleted_In_CRM__c } }";

/// A pair at rest, whose contract archives contacts: HubSpot's id and Salesforce's.
async fn pair() -> (Spine, String, String) {
    let yaml = SAMPLE_CONTRACT.replacen(FLAG, "archive", 1);
    assert_ne!(yaml, SAMPLE_CONTRACT);
    let mut spine = Spine::with_contract(&yaml);
    let hubspot = spine
        .hubspot_creates(&json!({"email": "ada@example.com", "lastname": "Okafor", "jobtitle": "Countess"}));
    spine.run().await;
    let salesforce = spine.counterpart(Side::HubSpot, &hubspot).await;
    (spine, hubspot, salesforce)
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
