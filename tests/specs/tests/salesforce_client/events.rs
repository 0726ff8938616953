//! Change events and outbound messages: which are believed, and what they name.

use concord_core::event::Event;
use concord_core::names::{RecordId, Side, WireName};
use concord_crm::salesforce::events::{
    Refusal, Source, Told, acknowledgement, change_event, outbound_message,
};
use serde_json::{Value, json};

const ORG: &str = "00D7F00000107XsUAI";

fn source() -> Source {
    Source { org: RecordId::from(ORG), appflow: None }
}

fn envelope() -> Value {
    serde_json::from_str(include_str!("../../fixtures/salesforce/change_event.json")).unwrap()
}

/// The fixture with its header changed.
fn with(name: &str, value: Value) -> Value {
    let mut envelope = envelope();
    envelope["detail"]["payload"]["ChangeEventHeader"][name] = value;
    envelope
}

fn told(envelope: &Value) -> Event {
    match change_event(envelope, &source()).unwrap() {
        Told::Records(event) => event,
        Told::NeedsSweep { object, .. } => panic!("sweep of {object}"),
    }
}

#[test]
fn a_change_names_its_records_and_nothing_else() {
    let event = told(&envelope());

    let ids = ["0038M0000016Wv8QAE", "0067F000003pmdWQAQ"].map(RecordId::from).to_vec();
    let object = WireName::from("Contact");
    let expected = Event { key: event.key.clone(), side: Side::Salesforce, object, ids, erased: false };
    assert_eq!(event, expected);
    assert_eq!(event.key.0.len(), 64);
}

#[test]
fn a_key_is_that_of_transaction_place_object_and_records_alone() {
    let key = told(&envelope()).key;

    // The same change delivered again, with a number as text, another commit and a short id.
    assert_eq!(told(&with("sequenceNumber", json!("1"))).key, key);
    assert_eq!(told(&with("commitNumber", json!("7"))).key, key);
    assert_eq!(told(&with("recordIds", json!(["0038M0000016Wv8", "0067F000003pmdWQAQ"]))).key, key);
    // Other changes.
    assert_ne!(told(&with("sequenceNumber", json!(2))).key, key);
    assert_ne!(told(&with("transactionKey", json!("0005e192-x"))).key, key);
    assert_ne!(told(&with("entityName", json!("Lead"))).key, key);
    assert_ne!(told(&with("recordIds", json!(["0038M0000016Wv8QAE"]))).key, key);
}

#[test]
fn a_gap_that_names_its_records_is_a_change_like_any_other() {
    let event = told(&with("changeType", json!("GAP_UPDATE")));
    assert_eq!(event.ids.len(), 2);
}

#[test]
fn a_change_that_does_not_say_which_records_needs_a_sweep() {
    for ids in
        [json!(["003*"]), json!(["000000000000000AAA"]), json!([]), json!(["0038M0000016Wv8QAE", "003*"])]
    {
        let told = change_event(&with("recordIds", ids.clone()), &source()).unwrap();
        let Told::NeedsSweep { object, .. } = told else { panic!("{ids}: {told:?}") };
        assert_eq!(object, WireName::from("Contact"));
    }
}

#[test]
fn only_our_org_is_believed() {
    let from = |source: &str| {
        let mut envelope = envelope();
        envelope["source"] = json!(source);
        envelope
    };
    for name in [
        "aws.partner/salesforce.com/00D7F00000107XtUAI/0YLxx0000000001GAA",
        "aws.partner/salesforce.com/00d7f00000107xsuai/0YLxx0000000001GAA",
        "custom/salesforce.com/00D7F00000107XsUAI/0YLxx0000000001GAA",
        "aws.partner/appflow/salesforce.com/123",
        "",
    ] {
        assert_eq!(change_event(&from(name), &source()), Err(Refusal::WrongSender), "{name}");
    }
    let short = from("aws.partner/salesforce.com/00D7F00000107Xs/0YLxx0000000001GAA");
    assert!(change_event(&short, &source()).is_ok());
}

#[test]
fn appflow_puts_the_header_into_the_detail_under_a_source_that_is_named_whole() {
    let mut envelope = envelope();
    envelope["source"] = json!("aws.partner/appflow/salesforce.com/123");
    envelope["detail"] = envelope["detail"]["payload"].clone();
    let mut source = source();
    source.appflow = Some("aws.partner/appflow/salesforce.com/123".to_owned());

    let told = change_event(&envelope, &source).unwrap();

    let Told::Records(event) = told else { panic!("{told:?}") };
    assert_eq!(event.ids.len(), 2);
}

#[test]
fn a_malformed_change_is_refused_and_never_dropped() {
    for (name, value) in [
        ("recordIds", json!(["0038m0000016wv8qae"])),
        ("recordIds", json!(null)),
        ("recordIds", json!([7])),
        ("entityName", json!("Contact; DROP")),
        ("transactionKey", json!(null)),
        ("sequenceNumber", json!(1.5)),
    ] {
        let refusal = change_event(&with(name, value), &source()).unwrap_err();
        assert!(matches!(refusal, Refusal::Malformed(_)), "{name}: {refusal:?}");
        assert_eq!(refusal.status(), 400);
    }
}

fn message() -> String {
    include_str!("../../fixtures/salesforce/outbound.xml").to_owned()
}

#[test]
fn an_outbound_message_names_one_record_for_each_notification() {
    for org in [ORG, &ORG[..15]] {
        let events = outbound_message(message().as_bytes(), &RecordId::from(org)).unwrap();
        let named: Vec<(&str, &str)> =
            events.iter().map(|event| (event.object.as_str(), event.ids[0].as_str())).collect();
        assert_eq!(named, [("Opportunity", "0067F000003pmdWQAQ"), ("Contact", "0038M0000016Wv8QAE")]);
        assert!(events.iter().all(|event| event.side == Side::Salesforce && event.ids.len() == 1));
        assert_ne!(events[0].key, events[1].key);
    }
}

#[test]
fn an_outbound_message_of_another_org_is_refused() {
    let other = RecordId::from("00D7F00000107XtUAI");
    assert_eq!(outbound_message(message().as_bytes(), &other), Err(Refusal::WrongSender));
    let nobody = message().replace(ORG, "");
    assert_eq!(outbound_message(nobody.as_bytes(), &RecordId::from(ORG)), Err(Refusal::WrongSender));
    assert_eq!(Refusal::WrongSender.status(), 403);
}

#[test]
fn an_outbound_message_with_tricks_is_refused() {
    let org = RecordId::from(ORG);
    let of = |text: String| outbound_message(text.as_bytes(), &org).unwrap_err();
    let bomb =
        message().replacen("<soapenv:Envelope", "<!DOCTYPE x [<!ENTITY y \"z\">]><soapenv:Envelope", 1);
    assert_eq!(of(bomb), Refusal::Forbidden);
    assert_eq!(of(message().replace("120000.0", "&y;")), Refusal::Forbidden);
    assert_eq!(of("x".repeat(7 * 1024 * 1024)), Refusal::TooLarge);
    assert_eq!(of(message().replace("sf:Opportunity\"", "sf:No type\"")).status(), 400);
    assert_eq!(of(message().replace("0067F000003pmdWQAQ", "0067F")).status(), 400);
    assert_eq!(of("{}".to_owned()).status(), 400);

    let (head, rest) =
        message().split_once("<Notification>").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (one, tail) = rest.split_once("</Notification>").unwrap();
    let (_, tail) = tail.split_once("</Notification>").unwrap();
    let many = |count: usize| {
        let all = format!("<Notification>{one}</Notification>").repeat(count);
        format!("{head}{all}{tail}")
    };
    assert_eq!(outbound_message(many(100).as_bytes(), &org).unwrap().len(), 100);
    assert_eq!(of(many(101)), Refusal::TooMany);
    assert_eq!(outbound_message(&[0xff], &org).unwrap_err().status(), 400);
}

#[test]
fn the_acknowledgement_is_what_salesforce_waits_for() {
    assert_eq!(
        acknowledgement(true),
        "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
         <notificationsResponse xmlns=\"http://soap.sforce.com/2005/09/outbound\"><Ack>true</Ack>\
         </notificationsResponse></soapenv:Body></soapenv:Envelope>"
    );
    assert!(acknowledgement(false).contains("<Ack>false</Ack>"));
}
