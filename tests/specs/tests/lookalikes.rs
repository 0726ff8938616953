//! Records without a common key that look alike (P6): a person is asked, and neither is made on the other side before they have
//! answered. Nobody is ever linked for looking alike.

use concord_core::contract::parse;
use concord_core::likeness::Likeness;
use concord_core::names::{PerSide, RecordId, RecordKey, Side};
use concord_core::port::Store as _;
use concord_core::row::{Row, Standing, Versions};
use concord_core::step::{Said, Task};
use concord_core::value::{Presence, Raw};
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, assert_quiet};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;
/// HubSpot's index knows everybody after this.
const INDEXED: SignedDuration = SignedDuration::from_secs(60);

/// The sample contract, in which contacts that are alike in these fields are proposed.
fn contract(propose: &str) -> String {
    let before = "    match: [{ key: email }] # two unlinked";
    let after = format!("    match: [{{ key: email }}, {{ propose: {propose} }}] # two unlinked");
    let yaml = SAMPLE_CONTRACT.replacen(before, &after, 1);
    assert_ne!(yaml, SAMPLE_CONTRACT);
    yaml
}

fn contact(side: Side, id: &str) -> RecordKey {
    RecordKey { side, object: "contact".into(), id: RecordId::from(id) }
}

fn makes(spine: &Spine, side: Side, email: &str, (first, last): (&str, &str)) -> String {
    match side {
        H => spine.hubspot_creates(&json!({"email": email, "firstname": first, "lastname": last})),
        S => spine.salesforce_creates(&json!({"Email": email, "FirstName": first, "LastName": last})),
    }
}

/// Two contacts, one on each side, that nobody was told of yet and that the index knows.
fn two(names: PerSide<(&str, &str)>) -> (Spine, PerSide<String>) {
    let spine = Spine::with_contract(&contract("[name]"));
    let ids = PerSide {
        hubspot: makes(&spine, H, "ada@example.com", names.hubspot),
        salesforce: makes(&spine, S, "lovelace@example.org", names.salesforce),
    };
    spine.pass(INDEXED);
    (spine, ids)
}

async fn proposed(spine: &Spine) -> Vec<(RecordKey, Vec<RecordKey>, String)> {
    let parked = spine.engine.store.parked(10).await.unwrap_or_default().into_iter();
    let record = |key: concord_core::port::ParkKey| key.record().cloned();
    let mut all: Vec<_> =
        parked.filter_map(|parked| Some((record(parked.key)?, parked.candidates, parked.reason))).collect();
    all.sort();
    all
}

fn ids(ids: &PerSide<String>) -> PerSide<RecordId> {
    ids.as_ref().map(|id| RecordId::from(id.as_str()))
}

#[tokio::test]
async fn two_that_look_alike_wait_for_a_person_and_neither_is_made_again() {
    let ada = PerSide { hubspot: ("Ada", "Lovelace"), salesforce: ("Ada", "LOVELACE") };
    let (mut spine, pair) = two(ada);
    spine.run().await;
    for task in [Task::Poll, Task::Sweep] {
        spine.reconcile(task).await;
    }

    assert_eq!(spine.written(), 0);
    let (h, s) = (contact(H, &pair.hubspot), contact(S, &pair.salesforce));
    let why = |side: Side, id: &str| {
        format!(
            "no {side} record has the same key, and it looks like {id} (name 100 %): say `concord link` of the one that it is, or \
             `concord keep-apart` of each that it is not"
        )
    };
    let told = [
        (h.clone(), vec![s.clone()], why(S, &pair.salesforce)),
        (s.clone(), vec![h.clone()], why(H, &pair.hubspot)),
    ];
    assert_eq!(proposed(&spine).await, told);

    let said = spine.engine.link(&"contact".into(), &ids(&pair), spine.now()).await;
    assert!(matches!(said, Ok(Said::Done(_))), "{said:?}");
    spine.run().await;
    assert_eq!(spine.counterpart(H, &pair.hubspot).await, pair.salesforce);
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (1, 1));
    assert_eq!(proposed(&spine).await, []);
}

#[tokio::test]
async fn two_that_are_kept_apart_are_made_each_on_the_other_side() {
    let ada = PerSide { hubspot: ("Ada", "Lovelace"), salesforce: ("Ada", "Lovelace") };
    let (mut spine, pair) = two(ada);
    spine.run().await;
    assert_eq!(spine.written(), 0);

    let said = spine.engine.keep_apart(&"contact".into(), &ids(&pair), spine.now()).await;
    assert_eq!(said, Ok(Said::Remembered));
    spine.run().await;

    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (2, 2));
    assert_ne!(spine.counterpart(H, &pair.hubspot).await, pair.salesforce);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn who_shares_no_more_than_a_last_name_is_made_at_once() {
    let names = PerSide { hubspot: ("Ada", "Lovelace"), salesforce: ("Ralph", "Lovelace") };
    let (mut spine, _) = two(names);
    spine.run().await;
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (2, 2));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn who_has_a_pair_is_nobodys_lookalike_and_a_key_goes_before_a_likeness() {
    let mut spine = Spine::with_contract(&contract("[name]"));
    let first = makes(&spine, H, "ada@example.com", ("Ada", "Lovelace"));
    spine.run().await;
    spine.pass(INDEXED);
    let twin = makes(&spine, S, "lovelace@example.org", ("Ada", "Lovelace"));
    let key = makes(&spine, H, "lovelace@example.org", ("Ada", "Lovelace"));
    spine.pass(INDEXED);
    spine.run().await;

    assert_eq!(spine.counterpart(S, &twin).await, key);
    assert_ne!(spine.counterpart(H, &first).await, twin);
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (2, 2));
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn once_its_lookalike_is_gone_or_has_another_name_a_record_is_made() {
    let ada = PerSide { hubspot: ("Ada", "Lovelace"), salesforce: ("Ada", "Lovelace") };
    let (mut spine, pair) = two(ada);
    spine.run().await;
    spine.salesforce_edits(&pair.salesforce, &json!({"FirstName": "Ralph", "LastName": "King"}));
    spine.run().await;
    spine.reconcile(Task::Sweep).await;
    assert_eq!((spine.hubspot_contacts().len(), spine.salesforce_contacts().len()), (2, 2));
    assert_quiet(&mut spine).await;
}

/// How alike two rows are that show these fields.
fn score(propose: &str, hubspot: &[(&str, &str)], salesforce: &[(&str, &str)]) -> Option<u8> {
    let contract = parse(&contract(propose)).unwrap_or_else(|faults| unreachable!("{faults:?}"));
    let row = |shown: &[(&str, &str)]| Row {
        id: RecordId::from("1"),
        standing: Standing::Alive,
        fields: shown.iter().map(|(name, held)| ((*name).into(), text(held))).collect(),
        token: None,
        concord_id: None,
        revision: Timestamp::UNIX_EPOCH,
        versions: Versions::Listed,
    };
    let fields: Vec<_> = propose.trim_matches(['[', ']']).split(", ").map(Into::into).collect();
    let object = &contract.objects[&"contact".into()];
    let likeness = Likeness::of(object, &fields, (H, &row(hubspot)), (S, &row(salesforce)));
    likeness.map(|likeness| likeness.score())
}

fn text(text: &str) -> Presence<Raw> {
    if text.is_empty() { Presence::Blank } else { Presence::Value(Raw::Text(text.to_owned())) }
}

#[test]
fn alike_are_names_with_one_wrong_letter_and_never_a_blank() {
    let score = |hubspot: [&str; 3], salesforce: [&str; 3]| {
        let shown = |names: [&'static str; 3], held| std::iter::zip(names, held).collect::<Vec<_>>();
        let hubspot = shown(["firstname", "lastname", "phone"], hubspot);
        score("[name, phone]", &hubspot, &shown(["FirstName", "LastName", "Phone"], salesforce))
    };
    let ada = ["Ada", "Lovelace", "+1 202 555 0123"];
    assert_eq!(score(ada, ["ada", " LOVELACE ", "(202) 555-0123"]), Some(100));
    assert_eq!(score(ada, ["Ada", "Lovelase", "2025550123"]), Some(96));
    assert_eq!(score(ada, ["Ada", "King", "2025550123"]), None, "another name");
    assert_eq!(score(ada, ["Ada", "Lovelace", "2025550124"]), None, "another phone");
    assert_eq!(score(ada, ["Ada", "Lovelace", ""]), None, "nothing to compare");
    assert_eq!(score(["", "", ""], ["", "", ""]), None, "two that hold nothing");
}

#[test]
fn alike_are_addresses_of_one_mailbox_wherever_it_is() {
    let score = |hubspot, salesforce| {
        let (name, last) = (("lastname", "King"), ("LastName", "King"));
        score(
            "[name, email]",
            &[name, ("firstname", ""), ("email", hubspot)],
            &[last, ("FirstName", ""), ("Email", salesforce)],
        )
    };
    assert_eq!(score("ada.lovelace@example.com", "AdaLovelace+crm@example.org"), Some(100));
    assert_eq!(score("ada.lovelace@example.com", "ada.lovelase@example.com"), Some(96));
    assert_eq!(score("ada.lovelace@example.com", "charles.babbage@example.com"), None, "another mailbox");
    assert_eq!(score("+crm@example.com", "+crm@example.com"), None, "nothing but a tag");
}

#[tokio::test]
async fn all_who_look_alike_are_proposed() {
    let mut spine = Spine::with_contract(&contract("[name]"));
    let mut twins =
        ["ada@example.org", "lovelace@example.org"].map(|email| makes(&spine, S, email, ("Ada", "Lovelace")));
    twins.sort();
    let ada = makes(&spine, H, "ada@example.com", ("Ada", "Lovelace"));
    spine.pass(INDEXED);
    spine.run().await;

    let [(_, candidates, reason), ..] = &proposed(&spine).await[..] else { unreachable!("she waits") };
    assert_eq!(*candidates, twins.clone().map(|id| contact(S, &id)));
    let [one, other] = &twins;
    let told = format!("it looks like {one} (name 100 %), {other} (name 100 %): say");
    assert!(reason.contains(&told), "{reason}");
    let waits: Vec<RecordKey> = proposed(&spine).await.into_iter().map(|(record, ..)| record).collect();
    assert_eq!(waits, [contact(H, &ada), contact(S, one), contact(S, other)]);
    assert_eq!(spine.written(), 0);
}
