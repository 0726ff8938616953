//! Events of a delivery, as hints.

use concord_core::event::Event;
use concord_core::names::{RecordId, Side, WireName};
use concord_core::port::EventKey;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{BODY_BYTES_MAX, EVENTS_MAX, MERGED_IDS_MAX, Refused};
use crate::hubspot::config::{PortalId, plural};

/// How much of a delivery is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body, in bytes.
    pub body_bytes_max: usize,
    /// Most events.
    pub events_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes_max: BODY_BYTES_MAX, events_max: EVENTS_MAX }
    }
}

/// What a delivery holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The events that concern records. One of HubSpot's that concerns two object types stands here twice.
    pub events: Vec<Event>,
    /// How many were of a subscription that means nothing to us, or named no record: to be counted.
    pub ignored: usize,
}

/// One event, as far as it is looked at. Docs call the type `eventType`, real events `subscriptionType`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    portal_id: Option<u64>,
    #[serde(alias = "eventType", default)]
    subscription_type: String,
    #[serde(default)]
    subscription_id: Value,
    #[serde(default)]
    event_id: Value,
    #[serde(default)]
    occurred_at: Value,
    object_id: Option<u64>,
    object_type_id: Option<String>,
    property_name: Option<String>,
    primary_object_id: Option<u64>,
    #[serde(default)]
    merged_object_ids: Vec<u64>,
    new_object_id: Option<u64>,
    association_type: Option<String>,
    from_object_id: Option<u64>,
    to_object_id: Option<u64>,
    from_object_type_id: Option<String>,
    to_object_type_id: Option<String>,
}

/// Reads a delivery that [`super::verify`] has let through.
///
/// # Errors
/// [`Refused`], for the delivery as a whole: it is signed, so what is wrong with it is no accident of one
/// event.
pub fn parse(body: &[u8], portal: PortalId, limits: Limits) -> Result<Delivered, Refused> {
    if body.len() > limits.body_bytes_max {
        return Err(Refused::TooLarge);
    }
    let told: Vec<Told> = serde_json::from_slice(body).map_err(|_| Refused::Unreadable)?;
    if told.len() > limits.events_max || told.iter().any(|told| told.merged_object_ids.len() > MERGED_IDS_MAX)
    {
        return Err(Refused::TooLarge);
    }
    if told.iter().any(|told| told.portal_id != Some(portal.0)) {
        return Err(Refused::OtherPortal);
    }
    let mut delivered = Delivered { events: Vec::new(), ignored: 0 };
    for told in &told {
        let events = told.events();
        delivered.ignored += usize::from(events.is_empty());
        delivered.events.extend(events);
    }
    Ok(delivered)
}

impl Told {
    /// The event, once for each object type that it concerns.
    fn events(&self) -> Vec<Event> {
        let Some((object, what)) = self.subscription_type.split_once('.') else { return Vec::new() };
        let concerned = match what {
            "creation" | "deletion" | "restore" | "propertyChange" | "privacyDeletion" => {
                vec![(self.object(object), self.object_id.into_iter().collect())]
            }
            "merge" => vec![(self.object(object), self.merged())],
            "associationChange" => self.associated(object),
            _ => Vec::new(),
        };
        concerned
            .into_iter()
            .filter_map(|(object, ids)| Some((object?, ids)))
            .filter(|(_, ids): &(WireName, Vec<u64>)| !ids.is_empty())
            .map(|(object, ids)| Event {
                key: self.key(&object),
                side: Side::HubSpot,
                object,
                ids: ids.iter().map(|id| RecordId::new(id.to_string())).collect(),
                erased: what == "privacyDeletion",
            })
            .collect()
    }

    /// The object type: `contact` by its name, `object` by the id beside it.
    fn object(&self, named: &str) -> Option<WireName> {
        match named {
            "object" => self.object_type_id.as_deref().map(plural),
            "contact" | "company" | "deal" | "ticket" | "product" | "line_item" => Some(plural(named)),
            _ => None,
        }
    }

    /// Everything that a merge touches: the winner, the losers, and the record that stands for all of them.
    fn merged(&self) -> Vec<u64> {
        let ids = self.primary_object_id.into_iter().chain(self.merged_object_ids.iter().copied());
        unique(ids.chain(self.new_object_id).chain(self.object_id))
    }

    /// Both ends. `CONTACT_TO_COMPANY` or two type ids say what they are.
    fn associated(&self, named: &str) -> Vec<(Option<WireName>, Vec<u64>)> {
        let (from, to) = match (named, self.association_type.as_deref()) {
            ("object", _) => (
                self.from_object_type_id.as_deref().map(plural),
                self.to_object_type_id.as_deref().map(plural),
            ),
            (_, Some(ends)) => match ends.split_once("_TO_") {
                Some((from, to)) => (Some(plural(from)), Some(plural(to))),
                None => (self.object(named), None),
            },
            (_, None) => (self.object(named), None),
        };
        match from == to {
            true => vec![(from, unique(self.from_object_id.into_iter().chain(self.to_object_id)))],
            false => vec![
                (from, self.from_object_id.into_iter().collect()),
                (to, self.to_object_id.into_iter().collect()),
            ],
        }
    }

    /// `eventId` alone is not unique. The object type is in it because one event can be told for two. The
    /// attempt's number is not: a repeated delivery is the same event.
    fn key(&self, object: &WireName) -> EventKey {
        let mut hash = Sha256::new();
        let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
        let merged = self.merged_object_ids.iter().map(|id| number(Some(*id))).collect::<Vec<_>>().join(",");
        for part in [
            number(self.portal_id),
            self.subscription_type.clone(),
            self.subscription_id.to_string(),
            self.event_id.to_string(),
            self.occurred_at.to_string(),
            object.to_string(),
            number(self.object_id),
            number(self.from_object_id),
            number(self.to_object_id),
            // A merge may come without an `objectId` of its own.
            number(self.primary_object_id),
            number(self.new_object_id),
            merged,
            self.property_name.clone().unwrap_or_default(),
        ] {
            // Lengths keep the parts apart whatever they hold.
            hash.update(format!("{}:", part.len()));
            hash.update(part);
        }
        EventKey(hex::encode(hash.finalize()))
    }
}

fn unique(ids: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut unique = Vec::new();
    for id in ids {
        if !unique.contains(&id) {
            unique.push(id);
        }
    }
    unique
}
