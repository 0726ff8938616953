//! What an operator lists: what is parked, conflicts, the journal, links that were left open, and counts.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use concord_core::names::{
    ContractVersion, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, Side,
};
use concord_core::port::{Census, Conflict, JournalEntry, ParkKey, Parked, StoreError};
use concord_core::value::{Presence, Value};
use jiff::Timestamp;

use super::fault::{store_error, unreadable};
use super::pack::{self, Item};
use super::seal::LinkSecret;
use super::{DynamoStore, keys};

const PARKED: &str = "PARK";
const CONFLICT: &str = "CONFLICT";
/// Index over links with open intents.
pub(super) const OPEN_INDEX: &str = "open";
/// Index over what an operator lists.
pub(super) const LISTED_INDEX: &str = "listed";

/// A query over an index that is keyed by a text and an age.
struct ByAge<'a> {
    operation: &'static str,
    index: &'static str,
    partition: (&'static str, &'a str),
    age: &'static str,
    /// Only what is older than this.
    before: Option<Timestamp>,
    max: usize,
}

const PARK: &str = "park";

/// Something set aside, as it is stored.
pub(super) fn parked_item(parked: &Parked) -> Result<Item, StoreError> {
    let json = serde_json::to_string(parked)
        .map_err(|error| StoreError::Refused { operation: PARK, reason: error.to_string() })?;
    Ok(Item::from([
        ("pk".to_owned(), pack::text(keys::park(&parked.key))),
        ("parked".to_owned(), pack::text(json)),
        ("listed".to_owned(), pack::text(PARKED)),
        ("listed_since".to_owned(), pack::instant(parked.since)),
    ]))
}

impl DynamoStore {
    pub(super) async fn list_open(&self, before: Timestamp, max: usize) -> Result<Vec<LinkId>, StoreError> {
        let mut open: Vec<(i128, String)> = Vec::new();
        for shard in 0..pack::OPEN_SHARDS {
            let shard = shard.to_string();
            let query = ByAge {
                operation: "list open links",
                index: OPEN_INDEX,
                partition: ("open_shard", &shard),
                age: "open_since",
                before: Some(before),
                max,
            };
            open.extend(Box::pin(self.by_age(&query)).await?);
        }
        open.sort();
        let id = |(_, key): (i128, String)| key.strip_prefix("LINK#").map(LinkId::from);
        Ok(open.into_iter().filter_map(id).take(max).collect())
    }

    /// Parks. No condition: the same key again replaces it, and that is what the port says.
    pub(super) async fn put_parked(&self, parked: &Parked) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.tables.state);
        let sent = put.set_item(Some(parked_item(parked)?)).send().await;
        sent.map(drop).map_err(|error| store_error(PARK, &error))
    }

    pub(super) async fn delete_parked(&self, key: &ParkKey) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.tables.state)
            .key("pk", pack::text(keys::park(key)))
            .send()
            .await
            .map(drop)
            .map_err(|error| store_error("unpark", &error))
    }

    pub(super) async fn list_parked(&self, max: usize) -> Result<Vec<Parked>, StoreError> {
        const OPERATION: &str = "list what is parked";
        let parked = |item: Item| {
            let json = pack::text_of(&item, "parked").ok_or_else(|| unreadable(OPERATION, "park"))?;
            serde_json::from_str(json).map_err(|_| unreadable(OPERATION, "park"))
        };
        self.listed(OPERATION, PARKED, max).await?.into_iter().map(parked).collect()
    }

    pub(super) async fn list_conflicts(&self, max: usize) -> Result<Vec<Conflict>, StoreError> {
        const OPERATION: &str = "list conflicts";
        let items = self.listed(OPERATION, CONFLICT, max).await?;
        let links: Vec<LinkId> =
            items.iter().filter_map(|item| pack::text_of(item, "link_id")).map(LinkId::from).collect();
        let secrets = self.secrets(OPERATION, &links).await?;
        items
            .iter()
            .map(|item| conflict_of(item, &secrets).ok_or_else(|| unreadable(OPERATION, "conflict")))
            .collect()
    }

    pub(super) async fn read_journal(
        &self,
        link: &LinkId,
        max: usize,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        const OPERATION: &str = "read the journal";
        let secrets = self.secrets(OPERATION, std::slice::from_ref(link)).await?;
        let secret = secrets.get(link);
        let mut entries = Vec::new();
        let mut from = None;
        while entries.len() < max {
            let answer = self
                .client
                .query()
                .table_name(&self.tables.journal)
                .key_condition_expression("#link = :link")
                .expression_attribute_names("#link", "link")
                .expression_attribute_values(":link", pack::text(link.as_str()))
                .consistent_read(true)
                .scan_index_forward(false)
                .limit(page(max - entries.len()))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| store_error(OPERATION, &error))?;
            for item in answer.items.into_iter().flatten() {
                entries.push(entry_of(&item, secret).ok_or_else(|| unreadable(OPERATION, "journal entry"))?);
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        entries.reverse();
        Ok(entries)
    }

    pub(super) async fn census_by_scan(&self) -> Result<Census, StoreError> {
        let mut census = Census::default();
        let mut from = None;
        loop {
            let answer = self
                .client
                .scan()
                .table_name(&self.tables.state)
                .projection_expression("pk, open_shard")
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| store_error("count", &error))?;
            for item in answer.items.into_iter().flatten() {
                let kind = pack::text_of(&item, "pk").and_then(|key| key.split('#').next());
                match kind {
                    Some("LINK") => {
                        census.links += 1;
                        census.open += u64::from(item.contains_key("open_shard"));
                    }
                    Some(PARKED) => census.parked += 1,
                    Some(CONFLICT) => census.conflicts += 1,
                    Some(_) | None => {}
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(census);
            }
        }
    }

    /// What the index names is read again by key: the index lags, and what was taken back must not be shown.
    async fn listed(
        &self,
        operation: &'static str,
        kind: &'static str,
        max: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let query = ByAge {
            operation,
            index: LISTED_INDEX,
            partition: ("listed", kind),
            age: "listed_since",
            before: None,
            max,
        };
        let mut named = Box::pin(self.by_age(&query)).await?;
        named.sort();
        let mut items = self.batch_get(operation, named.iter().map(|(_, key)| key.clone())).await?;
        Ok(named.iter().filter_map(|(_, key)| items.remove(key)).collect())
    }

    async fn by_age(&self, query: &ByAge<'_>) -> Result<Vec<(i128, String)>, StoreError> {
        let (partition, value) = query.partition;
        let mut found = Vec::new();
        let mut from = None;
        while found.len() < query.max {
            let mut ask = self
                .client
                .query()
                .table_name(&self.tables.state)
                .index_name(query.index)
                .expression_attribute_names("#partition", partition)
                .expression_attribute_values(":partition", pack::text(value))
                .limit(page(query.max - found.len()))
                .set_exclusive_start_key(from);
            ask = match query.before {
                None => ask.key_condition_expression("#partition = :partition"),
                Some(before) => ask
                    .key_condition_expression("#partition = :partition AND #age < :before")
                    .expression_attribute_names("#age", query.age)
                    .expression_attribute_values(":before", pack::instant(before)),
            };
            let answer = ask.send().await.map_err(|error| store_error(query.operation, &error))?;
            for item in answer.items.into_iter().flatten() {
                match (pack::number_of(&item, query.age), pack::text_of(&item, "pk")) {
                    (Some(age), Some(key)) => found.push((age, key.to_owned())),
                    (None, _) | (_, None) => return Err(unreadable(query.operation, "index entry")),
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

/// Where sealed bytes stand, as far as their seal is concerned.
pub(super) fn sealed_place(link: &LinkId, place: &str) -> String {
    format!("{link}/{place}")
}

/// A conflict as an item: names in the clear, values sealed.
pub(super) fn conflict_item(conflict: &Conflict, secret: &LinkSecret) -> Result<Item, StoreError> {
    let key = keys::conflict(&conflict.link, &conflict.field);
    let sealed = secret.seal(&sealed_place(&conflict.link, &key), &conflict.values)?;
    let refused = |error: serde_json::Error| StoreError::Refused {
        operation: "store a conflict",
        reason: error.to_string(),
    };
    let records = serde_json::to_string(&conflict.records).map_err(refused)?;
    let edited = serde_json::to_string(&conflict.edited).map_err(refused)?;
    Ok(Item::from([
        ("pk".to_owned(), pack::text(key)),
        ("link_id".to_owned(), pack::text(conflict.link.as_str())),
        ("object".to_owned(), pack::text(conflict.object.as_str())),
        ("field".to_owned(), pack::text(conflict.field.as_str())),
        ("conflict_records".to_owned(), pack::text(records)),
        ("edited".to_owned(), pack::text(edited)),
        ("since".to_owned(), pack::text(conflict.since.to_string())),
        ("sealed".to_owned(), pack::binary(sealed)),
        ("listed".to_owned(), pack::text(CONFLICT)),
        ("listed_since".to_owned(), pack::instant(conflict.since)),
    ]))
}

/// Values whose key was deleted are `Unknown`: they were shredded (I43).
fn conflict_of(item: &Item, secrets: &BTreeMap<LinkId, LinkSecret>) -> Option<Conflict> {
    let link = LinkId::from(pack::text_of(item, "link_id")?);
    let field = FieldName::from(pack::text_of(item, "field")?);
    let values: PerSide<Presence<Value>> = match secrets.get(&link) {
        None => PerSide::of(|_| Presence::Unknown),
        Some(secret) => {
            let place = sealed_place(&link, &keys::conflict(&link, &field));
            secret.open(&place, pack::binary_of(item, "sealed")?)?
        }
    };
    let records: PerSide<Option<RecordId>> =
        serde_json::from_str(pack::text_of(item, "conflict_records")?).ok()?;
    Some(Conflict {
        object: ObjectName::from(pack::text_of(item, "object")?),
        values,
        // What was stored before this was kept, or before it said who, is read all the same.
        edited: pack::text_of(item, "edited")
            .and_then(|edited| serde_json::from_str(edited).ok())
            .unwrap_or(PerSide { hubspot: None, salesforce: None }),
        records,
        since: pack::text_of(item, "since")?.parse().ok()?,
        link,
        field,
    })
}

type Sealed = (PerSide<Presence<Value>>, Presence<Value>, Option<Presence<Value>>);

fn entry_of(item: &Item, secret: Option<&LinkSecret>) -> Option<JournalEntry> {
    let link = LinkId::from(pack::text_of(item, "link")?);
    let place = pack::text_of(item, "entry")?;
    let sealed = pack::binary_of(item, "sealed")?;
    let opened = secret.and_then(|secret| secret.open::<Sealed>(&sealed_place(&link, place), sealed));
    // It was sealed under a key that was shredded; the link may have another by now.
    let (before, after, loser) =
        opened.unwrap_or_else(|| (PerSide::of(|_| Presence::Unknown), Presence::Unknown, None));
    Some(JournalEntry {
        generation: Generation(place.split('#').next()?.parse().ok()?),
        field: pack::text_of(item, "field").map(FieldName::from),
        rule: pack::text_of(item, "rule")?.to_owned(),
        target: match item.get("target") {
            None => None,
            Some(AttributeValue::S(name)) => Some(Side::BOTH.into_iter().find(|side| side.name() == name)?),
            Some(_) => return None,
        },
        before,
        after,
        loser,
        contract: ContractVersion(pack::number_of(item, "contract")?),
        at: pack::text_of(item, "at")?.parse().ok()?,
        link,
    })
}

fn page(max: usize) -> i32 {
    i32::try_from(max).unwrap_or(i32::MAX)
}
