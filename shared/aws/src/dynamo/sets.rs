//! Sets of records: who waits for a record to be in a pair (P12), what was merged into one (P11), and whom it is kept apart from
//! (P6).

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use concord_core::names::{LinkId, PerSide, RecordKey, Side};
use concord_core::port::{StoreError, WAITING_MAX};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::{store_error, unreadable};
use super::{DynamoStore, keys, pack};

impl DynamoStore {
    /// Condition: it is not among them, and there is room. It keeps the item small, and so what each more costs; there is no race to close, since a
    /// set takes an element once, whoever adds it.
    pub(super) async fn add_waiting(
        &self,
        target: &RecordKey,
        waiting: &RecordKey,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "wait for a record";
        let json = element(OPERATION, waiting)?;
        let sent = self
            .client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", pack::text(keys::wait(target)))
            .update_expression("ADD waiting :one")
            .condition_expression(
                "attribute_not_exists(waiting) OR (size(waiting) < :max AND NOT contains(waiting, :this))",
            )
            .expression_attribute_values(":this", pack::text(json.clone()))
            .expression_attribute_values(":one", AttributeValue::Ss(vec![json]))
            .expression_attribute_values(":max", pack::number(WAITING_MAX))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(error) if error.is_conditional_check_failed_exception() => Ok(false),
                Some(_) | None => Err(store_error(OPERATION, &error)),
            },
        }
    }

    pub(super) async fn read_waiting(&self, targets: &[RecordKey]) -> Result<Vec<RecordKey>, StoreError> {
        self.read_sets("read who waits", targets.iter().map(keys::wait), "waiting").await
    }

    /// No condition: a set takes and gives an element once. Two items, so that either record leads to the other; who dies between
    /// them has not been told that it is done, and says it again.
    pub(super) async fn write_apart(
        &self,
        records: &PerSide<RecordKey>,
        apart: bool,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep records apart";
        let verb = if apart { "ADD" } else { "DELETE" };
        for side in Side::BOTH {
            let json = element(OPERATION, &records[side.other()])?;
            self.client
                .update_item()
                .table_name(&self.tables.state)
                .key("pk", pack::text(keys::apart(&records[side])))
                .update_expression(format!("{verb} apart :one"))
                .expression_attribute_values(":one", AttributeValue::Ss(vec![json]))
                .send()
                .await
                .map_err(|error| store_error(OPERATION, &error))?;
        }
        Ok(())
    }

    pub(super) async fn read_apart(
        &self,
        records: &[RecordKey],
    ) -> Result<Vec<BTreeSet<RecordKey>>, StoreError> {
        const OPERATION: &str = "read who is kept apart";
        let found = self.batch_get(OPERATION, records.iter().map(keys::apart)).await?;
        let set = |record: &RecordKey| {
            let json = found.get(&keys::apart(record)).and_then(|item| item.get("apart")?.as_ss().ok());
            json.into_iter().flatten().map(|json| read(OPERATION, "apart", json)).collect()
        };
        records.iter().map(set).collect()
    }

    pub(super) async fn read_merged(
        &self,
        winners: &[RecordKey],
    ) -> Result<Vec<(RecordKey, LinkId)>, StoreError> {
        self.read_sets("read what was merged", winners.iter().map(keys::merged), "merged").await
    }

    /// The elements of the sets under these keys, each once.
    async fn read_sets<T: DeserializeOwned + Ord>(
        &self,
        operation: &'static str,
        keys: impl Iterator<Item = String>,
        attribute: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let found = self.batch_get(operation, keys).await?;
        let sets = found.values().filter_map(|item| item.get(attribute)?.as_ss().ok());
        let elements: BTreeSet<T> =
            sets.flatten().map(|json| read(operation, attribute, json)).collect::<Result<_, _>>()?;
        Ok(elements.into_iter().collect())
    }

    /// No condition: who waits from now on looks once more after it has said so.
    pub(super) async fn delete_waiting(&self, targets: &[RecordKey]) -> Result<(), StoreError> {
        for target in targets {
            self.client
                .delete_item()
                .table_name(&self.tables.state)
                .key("pk", pack::text(keys::wait(target)))
                .send()
                .await
                .map_err(|error| store_error("stop waiting for a record", &error))?;
        }
        Ok(())
    }
}

/// An element of a set, as it is stored.
pub(super) fn element<T: Serialize>(operation: &'static str, element: &T) -> Result<String, StoreError> {
    serde_json::to_string(element)
        .map_err(|error| StoreError::Refused { operation, reason: error.to_string() })
}

fn read<T: DeserializeOwned>(
    operation: &'static str,
    attribute: &'static str,
    json: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|_| unreadable(operation, attribute))
}
