//! Outbound messages: SOAP that a flow sends when a record is made or changed, never when it is deleted.

use concord_core::event::Event;
use concord_core::names::{RecordId, Side, WireName};

use super::super::id::canonical;
use super::super::request::is_identifier;
use super::super::xml::{Element, XmlFault, parse};
use super::{Refusal, key};

/// Most notifications of one message (SOAP guide, outbound messaging).
const NOTIFICATIONS_MAX: usize = 100;
/// Largest message, in bytes: what a Lambda function URL takes (6 MB).
const MESSAGE_BYTES_MAX: usize = 6 * 1024 * 1024;
const OUTBOUND: &str = "http://soap.sforce.com/2005/09/outbound";

/// Reads a message. There is no signature: the caller has checked where it comes from (mutual TLS or address),
/// and here the org is compared.
///
/// # Errors
/// [`Refusal`].
pub fn outbound_message(body: &[u8], org: &RecordId) -> Result<Vec<Event>, Refusal> {
    if body.len() > MESSAGE_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| Refusal::Malformed("not UTF-8"))?;
    let root = parse(text).map_err(|fault| match fault {
        XmlFault::Forbidden => Refusal::Forbidden,
        XmlFault::Malformed => Refusal::Malformed("not well-formed"),
        XmlFault::TooLarge => Refusal::TooLarge,
    })?;
    let message = root.child("Body").and_then(|body| body.child("notifications"));
    let message = message.filter(|message| root.name == "Envelope" && message.namespace == OUTBOUND);
    let message = message.ok_or(Refusal::Malformed("no notifications"))?;
    let from = message.text_of("OrganizationId").and_then(canonical);
    if from.is_none() || from != canonical(org.as_str()) {
        return Err(Refusal::WrongSender);
    }
    if message.named("Notification").count() > NOTIFICATIONS_MAX {
        return Err(Refusal::TooMany);
    }
    message.named("Notification").map(event).collect()
}

fn event(notification: &Element) -> Result<Event, Refusal> {
    let id = notification.text_of("Id").and_then(canonical);
    let id = id.ok_or(Refusal::Malformed("a notification without Id"))?;
    let record = notification.child("sObject").ok_or(Refusal::Malformed("a notification without sObject"))?;
    let object = record.kind.as_deref().map(|kind| kind.rsplit(':').next().unwrap_or(kind));
    let object =
        object.filter(|name| is_identifier(name)).ok_or(Refusal::Malformed("an sObject without type"))?;
    let record = record.text_of("Id").and_then(canonical);
    Ok(Event {
        key: key([id.as_str()]),
        side: Side::Salesforce,
        object: WireName::from(object),
        ids: vec![record.ok_or(Refusal::Malformed("an sObject without Id"))?],
        erased: false,
    })
}

/// What Salesforce waits for. Anything but `true` makes it send the message again, for up to 24 hours.
#[must_use]
pub fn acknowledgement(taken: bool) -> String {
    format!(
        "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
         <notificationsResponse xmlns=\"{OUTBOUND}\"><Ack>{taken}</Ack></notificationsResponse>\
         </soapenv:Body></soapenv:Envelope>"
    )
}
