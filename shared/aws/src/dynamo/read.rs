//! Strongly consistent reads by key: what is decided must rest on what is stored, not on a replica's memory.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use concord_core::link::Link;
use concord_core::names::{LinkId, RecordId, RecordKey};
use concord_core::port::{LinkPage, NaturalKey, StoreError, Whereabouts};

use super::fault::{store_error, unreadable};
use super::pack::{self, Item};
use super::{DynamoStore, keys};

/// Keys in one BatchGetItem. Source: API page BatchGetItem, "as many as 100 items".
const BATCH_GET_KEYS_MAX: usize = 100;
/// Items that one Scan looks at: of an ordinary link's claims, keys and secret about a fourth are links. Ours: together below the
/// 1 MB that one Scan reads (API page Scan).
const SCAN_ITEMS_MAX: i32 = 2_000;
/// Rounds for one batch. An answer holds at most 16 MB, which 100 items under 400 KB fill at most three times;
/// more rounds than this means throttling, and the queue waits better than we do.
const BATCH_GET_ROUNDS_MAX: usize = 8;

impl DynamoStore {
    pub(super) async fn read_whereabouts(
        &self,
        records: &[RecordKey],
    ) -> Result<Vec<Whereabouts>, StoreError> {
        const OPERATION: &str = "locate records";
        let found = self.batch_get(OPERATION, records.iter().map(keys::record)).await?;
        records
            .iter()
            .map(|record| match found.get(&keys::record(record)) {
                None => Ok(Whereabouts::Nowhere),
                Some(item) => match (pack::text_of(item, "merged_into"), pack::text_of(item, "link")) {
                    (Some(winner), _) => Ok(Whereabouts::Alias(RecordId::from(winner))),
                    (None, Some(link)) => Ok(Whereabouts::Linked(LinkId::from(link))),
                    (None, None) => Err(unreadable(OPERATION, "record claim")),
                },
            })
            .collect()
    }

    pub(super) async fn read_owners(
        &self,
        natural: &[NaturalKey],
    ) -> Result<Vec<Option<LinkId>>, StoreError> {
        let found = self.batch_get("find key owners", natural.iter().map(keys::natural)).await?;
        let owner = |key| found.get(&keys::natural(key)).and_then(|item| pack::text_of(item, "link"));
        Ok(natural.iter().map(|key| owner(key).map(LinkId::from)).collect())
    }

    pub(super) async fn read_links(&self, ids: &[LinkId]) -> Result<Vec<Option<Link>>, StoreError> {
        let found = self.batch_get("read links", ids.iter().map(keys::link)).await?;
        ids.iter().map(|id| found.get(&keys::link(id)).map(pack::link_of).transpose()).collect()
    }

    /// The links among some items of `State`.
    pub(super) async fn scan_links(&self, from: Option<&str>) -> Result<LinkPage, StoreError> {
        const OPERATION: &str = "list links";
        let answer = self
            .client
            .scan()
            .table_name(&self.tables.state)
            .filter_expression("begins_with(pk, :link)")
            .expression_attribute_values(":link", pack::text(keys::link(&LinkId::from(""))))
            .limit(SCAN_ITEMS_MAX)
            .set_exclusive_start_key(from.map(|key| Item::from([("pk".to_owned(), pack::text(key))])))
            .send()
            .await
            .map_err(|error| store_error(OPERATION, &error))?;
        let link_of = |item: &Item| {
            let told = |error: &StoreError| tracing::warn!(pk = pack::text_of(item, "pk"), %error, "no sweep looks at it");
            pack::link_of(item).inspect_err(told).ok()
        };
        let links = answer.items.iter().flatten().filter_map(link_of).collect();
        let next = match &answer.last_evaluated_key {
            Some(key) => {
                Some(pack::text_of(key, "pk").ok_or_else(|| unreadable(OPERATION, "key"))?.to_owned())
            }
            None => None,
        };
        Ok(LinkPage { links, next })
    }

    /// Reads items of `State` by key. What does not exist is not in the answer; duplicates are asked for once,
    /// since DynamoDB refuses them.
    pub(super) async fn batch_get(
        &self,
        operation: &'static str,
        wanted: impl Iterator<Item = String>,
    ) -> Result<BTreeMap<String, Item>, StoreError> {
        let wanted: Vec<String> = wanted.collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = BTreeMap::new();
        for chunk in wanted.chunks(BATCH_GET_KEYS_MAX) {
            Box::pin(self.batch_get_chunk(operation, chunk, &mut found)).await?;
        }
        Ok(found)
    }

    async fn batch_get_chunk(
        &self,
        operation: &'static str,
        chunk: &[String],
        found: &mut BTreeMap<String, Item>,
    ) -> Result<(), StoreError> {
        let refused = |reason: String| StoreError::Refused { operation, reason };
        let mut ask = KeysAndAttributes::builder().consistent_read(true);
        for key in chunk {
            ask = ask.keys(Item::from([("pk".to_owned(), pack::text(key))]));
        }
        let mut ask = Some(ask.build().map_err(|error| refused(error.to_string()))?);
        for _ in 0..BATCH_GET_ROUNDS_MAX {
            let Some(keys) = ask.take() else { return Ok(()) };
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.tables.state, keys)
                .send()
                .await
                .map_err(|error| store_error(operation, &error))?;
            for item in answer.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                let Some(key) = pack::text_of(&item, "pk") else {
                    return Err(unreadable(operation, "item without its key"));
                };
                found.insert(key.to_owned(), item);
            }
            // A full answer or throttling leaves keys over: they were not looked up, which is not "absent".
            ask = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.tables.state));
        }
        match ask {
            None => Ok(()),
            Some(keys) => Err(StoreError::Busy {
                operation,
                reason: format!("{} keys were left over again and again", keys.keys.len()),
            }),
        }
    }

    /// Reads one item of `State`.
    pub(super) async fn get(
        &self,
        operation: &'static str,
        key: String,
        only: Option<&str>,
    ) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.tables.state)
            .key("pk", pack::text(key))
            .set_projection_expression(only.map(str::to_owned))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error(operation, &error))?;
        Ok(answer.item)
    }
}
