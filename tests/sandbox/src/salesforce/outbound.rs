//! The body of an outbound message (reference 4.3): what workflow sends about records, as of now.

use super::Salesforce;
use super::id::Id;
use super::instant;
use super::rows::full_name;
use super::schema::{Kind, Object};
use super::store::Record;
use super::value::Stored;
use super::xml::escaped;

/// Notifications in one message.
const NOTIFICATIONS_MAX: usize = 100;

pub(crate) fn message(machine: &Salesforce, object: &str, ids: &[String]) -> String {
    let short_org = &machine.org.as_str()[..15];
    let version = machine.newest_version();
    let host = machine.config.instance_url.as_deref().unwrap_or("https://sandbox.my.salesforce.com");
    let found = machine.schema.any_object(object).map(|object| {
        let records = ids.iter().filter_map(|id| machine.store.get(object.name, &Id::parse(id)?));
        records.take(NOTIFICATIONS_MAX).map(|record| notification(object, record)).collect::<String>()
    });
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <soapenv:Body><notifications xmlns=\"http://soap.sforce.com/2005/09/outbound\">\
         <OrganizationId>{org}</OrganizationId><ActionId>{action}</ActionId><SessionId xsi:nil=\"true\"/>\
         <EnterpriseUrl>{host}/services/Soap/c/{version}/{short_org}</EnterpriseUrl>\
         <PartnerUrl>{host}/services/Soap/u/{version}/{short_org}</PartnerUrl>{notifications}\
         </notifications></soapenv:Body></soapenv:Envelope>",
        org = machine.org,
        action = Id::numbered("04k", 1),
        host = escaped(host),
        notifications = found.unwrap_or_default(),
    )
}

/// The notification's id follows from the record and its stamp: the same state told twice has the same id.
fn notification(object: &Object, record: &Record) -> String {
    let serial = record.id.as_str()[3..15]
        .bytes()
        .fold(0_u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(u64::from(byte)));
    let stamp = record.stamp("SystemModstamp").as_second().unsigned_abs();
    // 12 base-62 digits hold 71 bits, so every 64-bit number fits.
    let id = Id::numbered("04l", serial.wrapping_mul(1_000_003).wrapping_add(stamp));
    let mut fields = String::new();
    for field in object.fields.iter().filter(|field| !field.hidden) {
        let text = match field.kind {
            Kind::Name => full_name(record),
            Kind::Address { .. } => None,
            Kind::Id
            | Kind::Text
            | Kind::TextArea
            | Kind::Email
            | Kind::Phone
            | Kind::Url
            | Kind::Boolean
            | Kind::Int
            | Kind::Double { .. }
            | Kind::Currency { .. }
            | Kind::Date
            | Kind::DateTime
            | Kind::Picklist
            | Kind::MultiPicklist
            | Kind::Reference { .. } => record.get(field.name).map(|stored| xml_text(field.kind, stored)),
        };
        // Fields without value are left out [K].
        if let Some(text) = text {
            fields.push_str(&format!("<sf:{name}>{}</sf:{name}>", escaped(&text), name = field.name));
        }
    }
    format!(
        "<Notification><Id>{id}</Id><sObject xsi:type=\"sf:{}\" \
         xmlns:sf=\"urn:sobject.enterprise.soap.sforce.com\">{fields}</sObject></Notification>",
        object.name
    )
}

fn xml_text(kind: Kind, stored: &Stored) -> String {
    match stored {
        Stored::Text(text) => text.clone(),
        Stored::Number(number) if kind == Kind::Int => number.to_string(),
        Stored::Number(number) => super::value::double_text(*number),
        Stored::Boolean(value) => value.to_string(),
        Stored::Day(day) => day.to_string(),
        Stored::Instant(at) => instant::zulu_text(*at),
    }
}
