//! Who waits for a record to be in a pair (P12): one set for each record that is waited for.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use concord_core::names::RecordKey;
use concord_core::port::{StoreError, WAITING_MAX};

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
        let json = serde_json::to_string(waiting)
            .map_err(|error| StoreError::Refused { operation: OPERATION, reason: error.to_string() })?;
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
        const OPERATION: &str = "read who waits";
        let found = self.batch_get(OPERATION, targets.iter().map(keys::wait)).await?;
        let sets = found.values().filter_map(|item| item.get("waiting")?.as_ss().ok());
        let read =
            |json: &String| serde_json::from_str(json).map_err(|_| unreadable(OPERATION, "waiting record"));
        let waiting: BTreeSet<RecordKey> = sets.flatten().map(read).collect::<Result<_, _>>()?;
        Ok(waiting.into_iter().collect())
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
