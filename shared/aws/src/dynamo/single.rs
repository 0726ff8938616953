//! Items that are read and moved one at a time: cursors, contracts, links' secrets.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use concord_core::names::{ContractVersion, Generation, LinkId};
use concord_core::port::{CommitError, CursorMark, Expected, StoreError};

use super::fault::{is_busy, store_error, unreadable};
use super::pack::{self, Item};
use super::seal::LinkSecret;
use super::{DynamoStore, keys};

impl DynamoStore {
    pub(super) async fn read_cursor(&self, name: &str) -> Result<Option<CursorMark>, StoreError> {
        const OPERATION: &str = "read a cursor";
        let Some(item) = self.get(OPERATION, keys::cursor(name), None).await? else { return Ok(None) };
        match (pack::text_of(&item, "text"), pack::number_of(&item, "generation")) {
            (Some(text), Some(generation)) => {
                Ok(Some(CursorMark { text: text.to_owned(), generation: Generation(generation) }))
            }
            (None, _) | (_, None) => Err(unreadable(OPERATION, "cursor")),
        }
    }

    /// Condition: the cursor is where it was read, or was never moved.
    ///
    /// The race it closes: two reconcile runs overlap; the slower one would set the cursor back, or past changes
    /// that it has not queued (I39).
    pub(super) async fn put_cursor(
        &self,
        name: &str,
        read: Generation,
        text: &str,
    ) -> Result<(), CommitError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.tables.state)
            .item("pk", pack::text(keys::cursor(name)))
            .item("text", pack::text(text))
            .item("generation", pack::number(read.next()));
        put = match read {
            Generation(0) => put.condition_expression("attribute_not_exists(pk)"),
            Generation(_) => put
                .condition_expression("generation = :read")
                .expression_attribute_values(":read", pack::number(read)),
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(error) if error.is_conditional_check_failed_exception() => Err(CommitError::Moved),
                Some(_) | None => Err(store_error("move a cursor", &error).into()),
            },
        }
    }

    pub(super) async fn read_contract(&self) -> Result<Option<String>, StoreError> {
        const OPERATION: &str = "read the contract";
        let item = self.get(OPERATION, keys::CONTRACT_IN_FORCE.to_owned(), None).await?;
        item.map(|item| {
            pack::text_of(&item, "text").map(str::to_owned).ok_or_else(|| unreadable(OPERATION, "contract"))
        })
        .transpose()
    }

    /// Stores the version and puts it in force, together.
    ///
    /// Condition: the version in force is lower. The race it closes: two deployments take contracts at once; the
    /// older one, written last, would bring back rules that somebody has just corrected.
    pub(super) async fn put_contract(&self, version: ContractVersion, text: &str) -> Result<(), CommitError> {
        const OPERATION: &str = "take a contract";
        let refused = |reason: String| StoreError::Refused { operation: OPERATION, reason };
        let put = |key: String| {
            Put::builder()
                .table_name(&self.tables.state)
                .item("pk", pack::text(key))
                .item("version", pack::number(version))
                .item("text", pack::text(text))
        };
        let in_force = put(keys::CONTRACT_IN_FORCE.to_owned())
            .condition_expression("attribute_not_exists(pk) OR version < :version")
            .expression_attribute_values(":version", pack::number(version))
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let kept = put(keys::contract(version)).build().map_err(|error| refused(error.to_string()))?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(in_force).build())
            .transact_items(TransactWriteItem::builder().put(kept).build())
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
        else {
            return Err(store_error(OPERATION, &error).into());
        };
        let codes: Vec<&str> =
            cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
        match codes.iter().find(|code| is_busy(code)) {
            _ if codes.contains(&"ConditionalCheckFailed") => Err(CommitError::Moved),
            Some(code) => Err(StoreError::Busy { operation: OPERATION, reason: (*code).to_owned() }.into()),
            None => Err(refused(codes.join(", ")).into()),
        }
    }

    /// The key of a link's sealed values; made when it is first needed.
    ///
    /// Condition: there is none yet. The race it closes: two workers seal values of one link for the first time;
    /// without it the second key would replace the first, and what the first sealed could never be opened.
    pub(super) async fn secret(&self, link: &LinkId, expected: Expected) -> Result<LinkSecret, StoreError> {
        const OPERATION: &str = "read a link's secret";
        let stored = |item: &Item| {
            pack::binary_of(item, "secret")
                .and_then(LinkSecret::from_bytes)
                .ok_or_else(|| unreadable(OPERATION, "secret"))
        };
        let known = match expected {
            // A new link rarely has one: asking first would only cost a read.
            Expected::New => None,
            Expected::At(_) => self.get(OPERATION, keys::secret(link), None).await?,
        };
        if let Some(item) = known {
            return stored(&item);
        }
        let secret = LinkSecret::generate()?;
        let sent = self
            .client
            .put_item()
            .table_name(&self.tables.state)
            .item("pk", pack::text(keys::secret(link)))
            .item("secret", pack::binary(secret.to_bytes()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(secret),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    stored(failed.item.as_ref().ok_or_else(|| unreadable(OPERATION, "secret"))?)
                }
                Some(_) | None => Err(store_error(OPERATION, &error)),
            },
        }
    }

    /// The keys of several links. A link without one has no values, or had them shredded.
    pub(super) async fn secrets(
        &self,
        operation: &'static str,
        links: &[LinkId],
    ) -> Result<BTreeMap<LinkId, LinkSecret>, StoreError> {
        let found = self.batch_get(operation, links.iter().map(keys::secret)).await?;
        let secret = |link: &LinkId| {
            let item = found.get(&keys::secret(link))?;
            Some((link.clone(), pack::binary_of(item, "secret").and_then(LinkSecret::from_bytes)?))
        };
        Ok(links.iter().filter_map(secret).collect())
    }
}
