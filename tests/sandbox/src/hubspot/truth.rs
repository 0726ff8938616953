//! Everything that ever was, for checkers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::HubSpot;
use super::objects::fixed;
use super::schema::{CONTACT, DEAL, ObjectType, TypeIndex};
use super::store::{Record, Turn, Who};
use super::wire::iso;

/// What happened under one stamp by one hand.
#[derive(Default)]
struct Moment {
    properties: Map<String, Value>,
    turn: Option<Turn>,
}

impl HubSpot {
    pub(super) fn every_record(&self) -> Value {
        let mut records = Map::new();
        for (index, of_type) in self.types.iter().enumerate() {
            let all = of_type.store.records.values().chain(of_type.store.gone.values());
            let shown = all.map(|record| {
                let mut shown = whole(of_type, record);
                if TypeIndex(index) == DEAL {
                    let contacts = self.live_pairs((DEAL, record.id), CONTACT).into_iter();
                    shown["contacts"] = contacts.map(|(id, _)| id.to_string()).collect();
                    shown["labels"] = self.labels_of_contacts(record.id);
                }
                (record.id.to_string(), shown)
            });
            records.insert(of_type.plural.clone(), Value::Object(shown.collect()));
        }
        json!({"records": records})
    }
}

impl HubSpot {
    /// The portal's own labels of a deal's contacts, by contact.
    fn labels_of_contacts(&self, deal: u64) -> Value {
        let contacts = self.live_pairs((DEAL, deal), CONTACT).into_iter();
        let line = |(id, _)| {
            let of = self.pairs.labels((DEAL, deal), (CONTACT, id));
            (id.to_string(), json!(self.labels.names(DEAL, CONTACT, &of)))
        };
        Value::Object(contacts.map(line).collect())
    }
}

fn whole(of_type: &ObjectType, record: &Record) -> Value {
    let stored =
        record.versions.keys().filter_map(|name| Some((name.as_str(), record.current(name)?.to_owned())));
    let dates = [of_type.created, of_type.modified, "hs_object_id"];
    let dates = dates.into_iter().filter_map(|name| Some((name, fixed(of_type, record, name)?)));
    let properties: Map<String, Value> =
        stored.chain(dates).map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    json!({
        "archived": record.archived_at.is_some(),
        "merged_into": record.merged_into.map(|id| id.to_string()),
        "properties": properties,
        "history": history(record),
    })
}

/// Oldest first: one line for what one hand did under one stamp.
fn history(record: &Record) -> Vec<Value> {
    let mut moments: BTreeMap<(Timestamp, Who), Moment> = BTreeMap::new();
    for (name, versions) in &record.versions {
        for version in versions {
            let moment = moments.entry((version.at, version.who)).or_default();
            moment.properties.insert(name.clone(), json!(version.value));
        }
    }
    for (at, who, turn) in &record.turns {
        moments.entry((*at, *who)).or_default().turn = Some(*turn);
    }
    let line = |((at, who), moment): ((Timestamp, Who), Moment)| {
        let mut line = json!({"at": iso(at), "by": hand(who), "properties": moment.properties});
        if let Some(turn) = moment.turn {
            line["turn"] = json!(turn_name(turn));
        }
        line
    };
    moments.into_iter().map(line).collect()
}

fn hand(who: Who) -> &'static str {
    match who {
        Who::Api => "api",
        Who::Person => "person",
        Who::Trigger => "trigger",
        Who::System => "system",
    }
}

fn turn_name(turn: Turn) -> &'static str {
    match turn {
        Turn::Archived => "archived",
        Turn::Restored => "restored",
        Turn::Merged => "merged",
        Turn::Erased => "erased",
    }
}
