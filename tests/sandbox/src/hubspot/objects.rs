//! Calls on single records, and how a record looks on the wire.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::HubSpot;
use super::config::RecordUrls;
use super::pairs::Wish;
use super::schema::{ObjectType, TypeIndex};
use super::store::{Record, Turn, Version, Who};
use super::wire::{Query, Refusal, Reply, iso, parsed};
use super::write::{Actor, Claims};

/// API reference "objects": records per page.
const PAGE_RECORDS_MAX: usize = 100;
const PAGE_RECORDS_DEFAULT: usize = 10;

/// Which properties a read asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) properties: Vec<String>,
    pub(super) history: Vec<String>,
    pub(super) cleared: Cleared,
}

/// How a property looks that had a value and was cleared. All recorded searches show `""`, minutes later and after
/// further writes; other reads are said to show `null`, as for one that never had a value. A client meets both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Cleared {
    #[default]
    Null,
    Empty,
}

impl Selection {
    fn of(query: &Query) -> Self {
        Self {
            properties: query.list("properties"),
            history: query.list("propertiesWithHistory"),
            cleared: Cleared::Null,
        }
    }
}

/// The body of a create or an update.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WriteBody {
    #[serde(default)]
    pub(super) properties: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) associations: Option<Vec<Wish>>,
}

impl HubSpot {
    pub(super) fn list(&self, object: TypeIndex, query: &Query) -> Result<Reply, Refusal> {
        let limit = match query.one("limit").map(str::parse::<usize>) {
            None => PAGE_RECORDS_DEFAULT,
            Some(Ok(limit)) if (1..=PAGE_RECORDS_MAX).contains(&limit) => limit,
            Some(Ok(_) | Err(_)) => {
                return Err(Refusal::invalid(format!("limit must be between 1 and {PAGE_RECORDS_MAX}")));
            }
        };
        let limit = limit.min(self.config.page_max);
        let from = match query.one("after").map(str::parse::<u64>) {
            None => 0,
            Some(Ok(after)) => after,
            Some(Err(_)) => return Err(Refusal::invalid("after is not a valid paging cursor")),
        };
        let store = &self.types[object.0].store;
        let mut page: Vec<&Record> = if query.is_true("archived") {
            let ids = store.archived.range(from..);
            ids.filter_map(|id| store.records.get(id)).take(limit + 1).collect()
        } else {
            let records = store.records.range(from..).map(|(_, record)| record);
            records.filter(|record| record.archived_at.is_none()).take(limit + 1).collect()
        };
        let next = (page.len() > limit).then(|| page.pop()).flatten().map(|record| record.id);
        let selection = Selection::of(query);
        let results: Vec<Value> =
            page.iter().map(|record| self.with_pairs(object, record, query, &selection)).collect();
        let mut body = json!({});
        body["results"] = Value::Array(results);
        if let Some(after) = next {
            let link = format!("?limit={limit}&after={after}");
            body["paging"] = json!({"next": {"after": after.to_string(), "link": link}});
        }
        Ok(Reply::ok(body))
    }

    pub(super) fn read(&self, object: TypeIndex, id: &str, query: &Query) -> Result<Reply, Refusal> {
        let id = self.locate(object, id, query.one("idProperty"))?;
        let wants_archived = query.is_true("archived");
        let record = id.and_then(|id| self.types[object.0].store.records.get(&id));
        let record = record.filter(|record| record.archived_at.is_some() == wants_archived);
        let Some(record) = record else { return Err(Refusal::not_found()) };
        Ok(Reply::ok(self.with_pairs(object, record, query, &Selection::of(query))))
    }

    pub(super) fn create_one(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: WriteBody = parsed(body)?;
        let wishes = body.associations.unwrap_or_default();
        let prepared = self.prepare(object, None, &body.properties, actor.who, &mut Claims::new())?;
        let pairs = self.prepare_pairs(object, &wishes)?;
        let (id, at) = self.create(object, actor, &prepared);
        self.pair_new(object, id, actor, &pairs);
        Ok(Reply::created(self.written(object, id, at, &prepared.named, true)))
    }

    pub(super) fn update_one(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        id: &str,
        query: &Query,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: WriteBody = parsed(body)?;
        let id = self.locate(object, id, query.one("idProperty"))?;
        let Some(id) = id.filter(|id| self.types[object.0].store.live(*id).is_some()) else {
            return Err(Refusal::not_found());
        };
        let prepared = self.prepare(object, Some(id), &body.properties, actor.who, &mut Claims::new())?;
        let at = self.update(object, id, actor, &prepared);
        Ok(Reply::ok(self.written(object, id, at, &prepared.named, false)))
    }

    /// Archives; an id that does not exist is no error.
    pub(super) fn archive_one(
        &mut self,
        object: TypeIndex,
        actor: Actor,
        id: &str,
    ) -> Result<Reply, Refusal> {
        if let Some(id) = self.locate(object, id, None)? {
            self.archive(object, id, actor);
        }
        Ok(Reply::nothing())
    }

    pub(super) fn archive(&mut self, object: TypeIndex, id: u64, actor: Actor) {
        let store = &mut self.types[object.0].store;
        if store.live(id).is_none() {
            return;
        }
        if let Some(at) = store.turn(id, actor.now, actor.who, Turn::Archived) {
            let fields = json!({"objectId": id, "changeFlag": "DELETED"});
            self.tell(object, "deletion", at, actor.who, fields);
            self.show_primary_at_all(object, id, actor.now);
        }
    }

    /// Takes a record out of the bin, as a person does at the screen. That the id stays is inferred.
    pub(super) fn restore(&mut self, object: TypeIndex, actor: Actor, id: &str) -> Result<Reply, Refusal> {
        if actor.who != Who::Person {
            return Err(Refusal::new(405, "HTTP 405 Method Not Allowed"));
        }
        let of_type = &self.types[object.0];
        let archived = id.parse().ok().filter(|id| of_type.store.archived.contains(id));
        let Some(id) = archived else { return Err(Refusal::not_found()) };
        if let Some(record) = of_type.store.records.get(&id) {
            self.free_for(object, record)?;
        }
        if let Some(at) = self.types[object.0].store.turn(id, actor.now, actor.who, Turn::Restored) {
            self.tell(object, "restore", at, actor.who, json!({"objectId": id, "changeFlag": "RESTORED"}));
            self.show_primary_at_all(object, id, actor.now);
        }
        let Some(record) = self.types[object.0].store.live(id) else { return Err(Refusal::not_found()) };
        Ok(Reply::ok(self.rendered(object, record, &Selection::default())))
    }

    /// Refuses to restore a record whose unique value another has taken meanwhile. Unverified.
    fn free_for(&self, object: TypeIndex, record: &Record) -> Result<(), Refusal> {
        let of_type = &self.types[object.0];
        for name in record.versions.keys().filter(|name| of_type.is_unique(name)) {
            let holder = record.current(name).and_then(|value| of_type.store.holder(name, value));
            if let Some(holder) = holder {
                let message = format!("Record already exists. Existing ID: {holder}");
                return Err(Refusal::new(409, message).with("category", json!("CONFLICT")));
            }
        }
        Ok(())
    }

    /// The id that a path or an input means: merged-away ids mean their successor, other keys their holder.
    pub(super) fn locate(
        &self,
        object: TypeIndex,
        id: &str,
        id_property: Option<&str>,
    ) -> Result<Option<u64>, Refusal> {
        let of_type = &self.types[object.0];
        match id_property {
            None | Some("hs_object_id" | "") => Ok(id.parse().ok().map(|id| of_type.store.resolve(id))),
            Some(name) if of_type.is_unique(name) => Ok(of_type.store.holder(name, id)),
            Some(name) => {
                let kind = of_type.name_for_errors();
                Err(Refusal::invalid(format!("Property {name} is not a unique property of {kind}.")))
            }
        }
    }

    /// The answer to a write, as of its stamp: what was cleared shows as `""`.
    pub(super) fn written(
        &self,
        object: TypeIndex,
        id: u64,
        at: Timestamp,
        named: &[String],
        made: bool,
    ) -> Value {
        let of_type = &self.types[object.0];
        let Some(record) = of_type.store.live(id) else { return Value::Null };
        let mut properties = Map::new();
        for name in self.answered_names(object, named, made) {
            let value = if name == of_type.modified {
                Some(iso(record.modified_at(at)))
            } else {
                fixed(of_type, record, &name).or_else(|| record.at(&name, at).map(str::to_owned))
            };
            match value {
                Some(value) => properties.insert(name, Value::String(value)),
                None if named.contains(&name) => properties.insert(name, json!("")),
                None => None,
            };
        }
        let mut shown = self.frame(object, record, properties);
        shown["updatedAt"] = json!(iso(record.modified_at(at)));
        shown
    }

    /// A record as a read shows it.
    pub(super) fn rendered(&self, object: TypeIndex, record: &Record, selection: &Selection) -> Value {
        let of_type = &self.types[object.0];
        let asked = if selection.properties.is_empty() { &of_type.shown } else { &selection.properties };
        let always = [of_type.created, of_type.modified, "hs_object_id"];
        let names = asked.iter().chain(&selection.history).map(String::as_str).chain(always);
        let mut properties = Map::new();
        for name in names.filter(|name| of_type.property(name).is_some()) {
            let blank = match selection.cleared {
                Cleared::Empty if record.versions.contains_key(name) => json!(""),
                Cleared::Empty | Cleared::Null => Value::Null,
            };
            let value = shown(of_type, record, name).map_or(blank, Value::String);
            properties.insert(name.to_owned(), value);
        }
        let mut frame = self.frame(object, record, properties);
        if !selection.history.is_empty() {
            let known = selection.history.iter().filter(|name| of_type.property(name).is_some());
            let histories: Map<String, Value> =
                known.map(|name| (name.clone(), self.history(of_type, record, name))).collect();
            frame["propertiesWithHistory"] = Value::Object(histories);
        }
        frame
    }

    fn with_pairs(&self, object: TypeIndex, record: &Record, query: &Query, selection: &Selection) -> Value {
        let mut shown = self.rendered(object, record, selection);
        let asked = query.list("associations");
        if !asked.is_empty()
            && let Some(associations) = self.shown_pairs(object, record.id, &asked)
        {
            shown["associations"] = associations;
        }
        shown
    }

    fn frame(&self, object: TypeIndex, record: &Record, properties: Map<String, Value>) -> Value {
        let mut frame = json!({
            "id": record.id.to_string(), "createdAt": iso(record.created), "updatedAt": iso(record.updated),
            "archived": record.archived_at.is_some(),
        });
        frame["properties"] = Value::Object(properties);
        if let Some(at) = record.archived_at {
            frame["archivedAt"] = json!(iso(at));
        }
        if self.config.record_urls == RecordUrls::Shown {
            let (portal, type_id) = (self.config.portal_id, &self.types[object.0].type_id);
            frame["url"] =
                json!(format!("https://app.hubspot.com/contacts/{portal}/record/{type_id}/{}", record.id));
        }
        frame
    }

    /// The versions of a property, newest first.
    fn history(&self, of_type: &ObjectType, record: &Record, name: &str) -> Value {
        if let Some(value) = fixed(of_type, record, name) {
            let at = if name == of_type.modified { record.updated } else { record.created };
            return json!([self.version(&Version { value, at, who: Who::System })]);
        }
        let depth = self.config.history_depth.unwrap_or(usize::MAX);
        let versions = record.versions.get(name).into_iter().flatten().rev().take(depth);
        versions.map(|version| self.version(version)).collect()
    }

    fn version(&self, version: &Version) -> Value {
        let (source_type, source_id) = self.source(version.who);
        let mut shown = json!({
            "value": version.value, "timestamp": iso(version.at), "sourceType": source_type,
            "sourceId": source_id,
        });
        match version.who {
            Who::Api => shown["sourceLabel"] = json!(format!("App {}", self.config.app_id)),
            Who::Person => shown["updatedByUserId"] = json!(self.config.user_id),
            Who::Trigger => shown["sourceLabel"] = json!("Workflow"),
            Who::System => {}
        }
        shown
    }
}

/// The dates and the id, which are no stored values.
pub(super) fn fixed(of_type: &ObjectType, record: &Record, name: &str) -> Option<String> {
    if name == of_type.created {
        Some(iso(record.created))
    } else if name == of_type.modified {
        Some(iso(record.updated))
    } else {
        (name == "hs_object_id").then(|| record.id.to_string())
    }
}

/// The value of a property now.
pub(super) fn shown(of_type: &ObjectType, record: &Record, name: &str) -> Option<String> {
    fixed(of_type, record, name).or_else(|| record.current(name).map(str::to_owned))
}
