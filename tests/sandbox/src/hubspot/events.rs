//! Webhook events, in the shape of captured ones: `subscriptionType`, not the documented `eventType`.
//!
//! Custom types are told of as `object.*`, with the type's id. Deliberately absent: their association changes, delivery, signatures,
//! retries.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::crm::Notice;

use super::HubSpot;
use super::config::WatchedProperties;
use super::schema::{COMPANY, CONTACT, DEAL, TypeIndex, Writing};
use super::store::{Set, Who};
use super::value;

impl HubSpot {
    /// Tells of a new record: one `creation` and one `propertyChange` per property set, in any order.
    pub(super) fn tell_created(&mut self, object: TypeIndex, id: u64, at: Timestamp, who: Who, sets: &[Set]) {
        let creation = json!({"objectId": id, "changeFlag": "CREATED"});
        let mut told: Vec<Value> =
            self.event(object, "creation", at, who, creation, None).into_iter().collect();
        told.extend(self.changes(object, id, at, sets));
        self.tell_shuffled(told);
    }

    /// Tells of the properties that changed.
    pub(super) fn tell_changed(&mut self, object: TypeIndex, id: u64, at: Timestamp, sets: &[Set]) {
        let told = self.changes(object, id, at, sets);
        self.tell_shuffled(told);
    }

    /// Tells of something else that happened to a record.
    pub(super) fn tell(&mut self, object: TypeIndex, kind: &str, at: Timestamp, who: Who, fields: Value) {
        let told = self.event(object, kind, at, who, fields, None);
        self.outbox.extend(told.map(Notice::Webhook));
    }

    /// The `changeSource` and `sourceId` of events, `sourceType` and `sourceId` of versions.
    pub(super) fn source(&self, who: Who) -> (&'static str, String) {
        match who {
            Who::Api => ("INTEGRATION", self.config.app_id.to_string()),
            Who::Person => ("CRM_UI", format!("userId:{}", self.config.user_id)),
            Who::Trigger => ("AUTOMATION_PLATFORM", "enrollmentId:1;actionExecutionIndex:0".to_owned()),
            Who::System => ("CALCULATED", "CalculatedProperties".to_owned()),
        }
    }

    fn changes(&mut self, object: TypeIndex, id: u64, at: Timestamp, sets: &[Set]) -> Vec<Value> {
        let mut told = Vec::new();
        for set in sets {
            let Some(property) = self.types[object.0].property(&set.name) else { continue };
            let value = value::in_event(property.kind, &set.value);
            let fields = json!({"objectId": id, "propertyName": set.name, "propertyValue": value});
            told.extend(self.event(object, "propertyChange", at, set.who, fields, Some(&set.name)));
        }
        told
    }

    /// The event, if the app has subscribed to it.
    fn event(
        &mut self,
        object: TypeIndex,
        kind: &str,
        at: Timestamp,
        who: Who,
        fields: Value,
        property: Option<&str>,
    ) -> Option<Value> {
        let of_type = &self.types[object.0];
        let is_custom = ![CONTACT, COMPANY, DEAL].contains(&object);
        let type_id = is_custom.then(|| of_type.type_id.clone());
        let subscription = format!("{}.{kind}", if is_custom { "object" } else { of_type.singular.as_str() });
        let subscribed = match property {
            Some(name) => self.watches(object, name),
            None => self.config.subscriptions.events.contains(&subscription),
        };
        if !subscribed {
            return None;
        }
        let (source, source_id) = self.source(who);
        let number = subscription_number(&subscription, property.unwrap_or_default());
        let event_id = u32::try_from(self.chance() >> 32).unwrap_or_default();
        let mut event = json!({
            "eventId": event_id, "subscriptionId": number, "portalId": self.config.portal_id,
            "appId": self.config.app_id, "occurredAt": at.as_millisecond(), "subscriptionType": subscription,
            "attemptNumber": 0, "changeSource": source, "sourceId": source_id,
        });
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
            event.extend(fields);
            event.extend(type_id.map(|id| ("objectTypeId".to_owned(), json!(id))));
        }
        Some(event)
    }

    fn watches(&self, object: TypeIndex, name: &str) -> bool {
        let of_type = &self.types[object.0];
        match &self.config.subscriptions.properties {
            WatchedProperties::Writable => {
                of_type.property(name).is_some_and(|known| known.writing == Writing::Open)
            }
            WatchedProperties::Only(names) => {
                let listed = names.get(&of_type.plural).is_some_and(|names| names.contains(name));
                listed && name != of_type.modified
            }
        }
    }

    fn tell_shuffled(&mut self, told: Vec<Value>) {
        let told = self.shuffled(told);
        self.outbox.extend(told.into_iter().map(Notice::Webhook));
    }
}

/// A stable number per subscription, in the range of real ones.
fn subscription_number(subscription: &str, property: &str) -> u64 {
    let bytes = subscription.bytes().chain([0]).chain(property.bytes());
    // FNV-1a; spread is all that matters.
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    6_000_000 + hash % 1_000_000
}
