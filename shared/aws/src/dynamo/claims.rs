//! Claimed events: each delivery is taken by one worker at a time, and done once.
//!
//! ```text
//! worker A   claim (fence 1) ........ frozen ............................ complete (fence 1): refused
//! worker B                 lease ends, claim (fence 2) ... complete (fence 2): done
//! ```
//!
//! The fence is stored with the event and rises with every claim, so a worker that lost its lease can change
//! nothing, however late it thaws. `expires_at`, by which DynamoDB deletes, lies a day after the last instant
//! that matters: a fence that began again at 1 while an old worker still lives would let that worker in.
//!
//! A delivery of 100 events is claimed by four calls and done by four more: most events are new, so they are inserted in
//! batches, each under the condition that it was not there. Whatever a batch did not do for an event, and whyever, is asked
//! again for that event alone, with the SDK's retries. An event that comes alone begins there.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementError, BatchStatementErrorCodeEnum, BatchStatementRequest, ReturnValue,
    ReturnValuesOnConditionCheckFailure,
};
use concord_core::names::Fence;
use concord_core::port::{ClaimOutcome, EventKey, StoreError};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use super::DynamoStore;
use super::fault::{store_error, unreadable};
use super::pack;
use super::seal;

/// Statements in a batch (API page "BatchExecuteStatement": Statements), and calls in flight at once. HubSpot delivers up to
/// 100 events a request and waits 5 s for the answer.
const BATCH_MAX: usize = 25;
/// What a new event is claimed with.
const FIRST: Fence = Fence(1);
/// Longest life of a worker is 15 minutes (Lambda quotas, "Function timeout"); a day is far beyond it.
const FENCE_KEPT: SignedDuration = SignedDuration::from_hours(24);

impl DynamoStore {
    pub(super) async fn claim_all(
        &self,
        events: &[EventKey],
        now: Timestamp,
        lease_ms: u64,
    ) -> Result<Vec<ClaimOutcome>, StoreError> {
        let holder = seal::attempt()?;
        let mut first: BTreeMap<&EventKey, usize> = BTreeMap::new();
        for (n, event) in events.iter().enumerate() {
            first.entry(event).or_insert(n);
        }
        let mut outcomes: BTreeMap<&EventKey, ClaimOutcome> = BTreeMap::new();
        let wanted: Vec<&EventKey> = first.keys().copied().collect();
        for chunk in wanted.chunks(BATCH_MAX) {
            let left = self.insert_claims(chunk, &holder, now, lease_ms).await?;
            outcomes.extend(chunk.iter().map(|event| (*event, ClaimOutcome::Claimed(FIRST))));
            let calls: Vec<_> =
                left.iter().map(|event| Box::pin(self.claim_one(event, &holder, now, lease_ms))).collect();
            outcomes.extend(left.iter().copied().zip(try_join_all(calls).await?));
        }
        // The same event twice in one delivery: the second finds the first at it.
        let outcome = |(n, event): (usize, &EventKey)| match (outcomes.get(event), first.get(event)) {
            (Some(ClaimOutcome::Claimed(_)), Some(first)) if *first != n => ClaimOutcome::InProgress,
            (Some(outcome), _) => *outcome,
            (None, _) => ClaimOutcome::InProgress,
        };
        Ok(events.iter().enumerate().map(outcome).collect())
    }

    /// Claims those that nobody ever took; answers the others. Condition: no item has this key, which is what INSERT means.
    async fn insert_claims<'a>(
        &self,
        events: &[&'a EventKey],
        holder: &[u8],
        now: Timestamp,
        lease_ms: u64,
    ) -> Result<Vec<&'a EventKey>, StoreError> {
        if events.len() == 1 {
            return Ok(events.to_vec());
        }
        let until = after(now, lease_ms);
        let statement = format!(
            "INSERT INTO \"{}\" VALUE {{'pk': ?, 'fence': ?, 'stage': ?, 'holder': ?, 'until': ?, 'expires_at': ?}}",
            self.tables.idempotency
        );
        let values = |event: &EventKey| {
            vec![
                pack::text(&event.0),
                pack::number(FIRST),
                pack::text(CLAIMED),
                pack::binary(holder),
                pack::instant(until),
                expiry(until),
            ]
        };
        let errors = self
            .batch("claim events", &statement, events.iter().map(|event| values(event)).collect())
            .await?;
        Ok(events.iter().zip(errors).filter(|(_, error)| error.is_some()).map(|(event, _)| *event).collect())
    }

    /// One statement for each of these sets of values, at most [`BATCH_MAX`]; what went wrong with each.
    async fn batch(
        &self,
        operation: &'static str,
        statement: &str,
        values: Vec<Vec<AttributeValue>>,
    ) -> Result<Vec<Option<BatchStatementError>>, StoreError> {
        let wanted = values.len();
        let statements: Vec<_> = values
            .into_iter()
            .map(|values| {
                BatchStatementRequest::builder().statement(statement).set_parameters(Some(values)).build()
            })
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::Refused { operation, reason: error.to_string() })?;
        let sent = self.client.batch_execute_statement().set_statements(Some(statements)).send().await;
        let answers = sent.map_err(|error| store_error(operation, &error))?.responses.unwrap_or_default();
        if answers.len() != wanted {
            return Err(unreadable(operation, "Responses"));
        }
        Ok(answers.into_iter().map(|answer| answer.error).collect())
    }

    /// Condition: nobody ever took it, or what was taken (or done, and kept) has run out by our clock.
    ///
    /// The race it closes: one event delivered to two workers at once; exactly one update finds the condition
    /// true. `until` is part of it because TTL deletes days late, and `holder` because an SDK retry whose first
    /// attempt landed would otherwise find itself in progress.
    async fn claim_one(
        &self,
        event: &EventKey,
        holder: &[u8],
        now: Timestamp,
        lease_ms: u64,
    ) -> Result<ClaimOutcome, StoreError> {
        const OPERATION: &str = "claim an event";
        let until = after(now, lease_ms);
        let sent = self
            .client
            .update_item()
            .table_name(&self.tables.idempotency)
            .key("pk", pack::text(&event.0))
            .update_expression(
                "SET fence = if_not_exists(fence, :none) + :one, stage = :claimed, holder = :holder, \
                 #until = :until, expires_at = :expires",
            )
            .condition_expression("attribute_not_exists(pk) OR #until <= :now")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":none", pack::number(0))
            .expression_attribute_values(":one", pack::number(1))
            .expression_attribute_values(":claimed", pack::text(CLAIMED))
            .expression_attribute_values(":holder", pack::binary(holder))
            .expression_attribute_values(":until", pack::instant(until))
            .expression_attribute_values(":now", pack::instant(now))
            .expression_attribute_values(":expires", expiry(until))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match sent {
            Ok(answer) => {
                let fence = answer.attributes.as_ref().and_then(|item| pack::number_of(item, "fence"));
                return fence
                    .map(|fence| ClaimOutcome::Claimed(Fence(fence)))
                    .ok_or_else(|| unreadable(OPERATION, "fence"));
            }
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(store_error(OPERATION, &error));
        };
        let stored = failed.item.as_ref().ok_or_else(|| unreadable(OPERATION, "claim"))?;
        match pack::text_of(stored, "stage") {
            Some(DONE) => Ok(ClaimOutcome::Done),
            Some(CLAIMED) if pack::binary_of(stored, "holder") == Some(holder) => {
                pack::number_of(stored, "fence")
                    .map(|fence| ClaimOutcome::Claimed(Fence(fence)))
                    .ok_or_else(|| unreadable(OPERATION, "fence"))
            }
            Some(CLAIMED) => Ok(ClaimOutcome::InProgress),
            Some(_) | None => Err(unreadable(OPERATION, "stage")),
        }
    }

    pub(super) async fn complete_all(
        &self,
        events: &[(EventKey, Fence)],
        now: Timestamp,
        keep_ms: u64,
    ) -> Result<(), StoreError> {
        let until = after(now, keep_ms);
        self.finish_all("complete an event", events, Ending::Done { until }).await
    }

    /// An event given back keeps its fence, so that the next claim raises it.
    pub(super) async fn release_all(&self, events: &[(EventKey, Fence)]) -> Result<(), StoreError> {
        self.finish_all("release an event", events, Ending::Released).await
    }

    /// Condition: the event is claimed, and by this fence.
    ///
    /// The race it closes: worker A's lease ends, B claims and works; A thaws and marks the event done, B fails,
    /// and the event is lost. With the fence, A's update is refused, which is no error: B has it now.
    async fn finish_all(
        &self,
        operation: &'static str,
        events: &[(EventKey, Fence)],
        ending: Ending,
    ) -> Result<(), StoreError> {
        let (set, stored) = ending.stored();
        let statement = format!(
            "UPDATE \"{}\" {set} WHERE \"pk\" = ? AND \"fence\" = ? AND \"stage\" = ?",
            self.tables.idempotency
        );
        let values = |(event, fence): &(EventKey, Fence)| -> Vec<AttributeValue> {
            let held = [pack::text(&event.0), pack::number(fence), pack::text(CLAIMED)];
            stored.iter().cloned().chain(held).collect()
        };
        for chunk in events.chunks(BATCH_MAX) {
            let left: Vec<_> = if let [alone] = chunk {
                vec![alone]
            } else {
                let errors = self.batch(operation, &statement, chunk.iter().map(values).collect()).await?;
                let unknown = chunk.iter().zip(errors).filter(|(_, error)| is_unknown(error.as_ref()));
                unknown.map(|(event, _)| event).collect()
            };
            let calls: Vec<_> = left
                .into_iter()
                .map(|event| Box::pin(self.finish_one(operation, &statement, values(event))))
                .collect();
            try_join_all(calls).await?;
        }
        Ok(())
    }

    async fn finish_one(
        &self,
        operation: &'static str,
        statement: &str,
        values: Vec<AttributeValue>,
    ) -> Result<(), StoreError> {
        let sent =
            self.client.execute_statement().statement(statement).set_parameters(Some(values)).send().await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(error) if error.is_conditional_check_failed_exception() => Ok(()),
                Some(_) | None => Err(store_error(operation, &error)),
            },
        }
    }
}

/// Whether a batch leaves open what became of an event: a refused condition tells all there is to know.
fn is_unknown(error: Option<&BatchStatementError>) -> bool {
    error.is_some_and(|error| error.code != Some(BatchStatementErrorCodeEnum::ConditionalCheckFailed))
}

/// How a claim ends.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Done { until: Timestamp },
    Released,
}

impl Ending {
    /// What is set, and to what.
    fn stored(self) -> (&'static str, Vec<AttributeValue>) {
        match self {
            Self::Done { until } => (
                "SET \"stage\" = ? SET \"until\" = ? SET \"expires_at\" = ?",
                vec![pack::text(DONE), pack::instant(until), expiry(until)],
            ),
            Self::Released => (
                "SET \"stage\" = ? SET \"until\" = ?",
                vec![pack::text(RELEASED), pack::instant(Timestamp::UNIX_EPOCH)],
            ),
        }
    }
}

const CLAIMED: &str = "claimed";
const DONE: &str = "done";
const RELEASED: &str = "released";

/// Seconds, as TTL wants them.
fn expiry(until: Timestamp) -> AttributeValue {
    pack::number(until.saturating_add(FENCE_KEPT).unwrap_or(Timestamp::MAX).as_second())
}

fn after(now: Timestamp, ms: u64) -> Timestamp {
    let span = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}
