//! Salesforce's outbound messages: XML from outside, without a signature.

use concord_core::names::{RecordId, Side};
use concord_crm::salesforce::canonical_id;
use concord_crm::salesforce::events::{Refusal, outbound_message as read};

use crate::Verdict;

const ORG: &str = "00D7F00000107XsUAI";
const OTHER_ORG: &str = "00D7F00000107XtUAI";
/// Most notifications of one message (SOAP guide, outbound messaging).
const NOTIFICATIONS_MAX: usize = 100;
/// A document type that would read a file, and one that would grow.
const DOCUMENT_TYPES: [&[u8]; 2] = [
    b"<!DOCTYPE x SYSTEM \"file:///etc/passwd\">",
    b"<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>",
];

/// A message is a bounded list of hints from our org, each naming one record; with a document type it is none.
///
/// # Panics
/// If it is not so.
#[must_use]
pub fn outbound_message(data: &[u8]) -> Verdict {
    let read_for = |data: &[u8], org: &str| read(data, &RecordId::from(org));
    let message = read_for(data, ORG);
    for document_type in DOCUMENT_TYPES {
        let refused = read_for(&[document_type, data].concat(), ORG).unwrap_err();
        // It stands first, so nothing else is the reason, but for what no reader gets past.
        assert!(matches!(refused, Refusal::Forbidden | Refusal::Malformed("not UTF-8")), "{refused}");
    }
    let Ok(events) = message else { return Verdict::Refused };
    assert_eq!(read_for(data, OTHER_ORG), Err(Refusal::WrongSender));
    assert!(events.len() <= NOTIFICATIONS_MAX);
    let text = std::str::from_utf8(data).unwrap();
    for event in &events {
        assert_eq!(event.side, Side::Salesforce);
        assert_eq!(event.key.0.len(), 64);
        let [id] = event.ids.as_slice() else { panic!("{} records in one notification", event.ids.len()) };
        assert_eq!(canonical_id(id.as_str()).as_ref(), Some(id), "no record id");
        assert!(is_name(event.object.as_str()), "{} could end a statement", event.object);
        if !text.contains(['&', '[']) {
            assert!(text.contains(&id.as_str()[..15]), "the id {id} is not in the message");
            assert!(text.contains(event.object.as_str()));
        }
    }
    Verdict::Taken
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
