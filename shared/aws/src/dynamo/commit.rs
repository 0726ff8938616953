//! One transaction: the link on its generation, claims on their absence, and what explains them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::DeleteBuilder;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use concord_core::link::Link;
use concord_core::names::{LinkId, PerSide, RecordKey};
use concord_core::port::{Commit, CommitError, Expected, JournalEntry, NaturalKey, ParkKey, StoreError};
use jiff::SignedDuration;

use super::fault::{TRANSACTION_CONFLICT, is_busy, store_error};
use super::pack::{self, Item};
use super::seal::{self, LinkSecret};
use super::sets::element;
use super::{DynamoStore, keys};

const OPERATION: &str = "commit a link";
/// Actions in one transaction. Source: API page TransactWriteItems, "up to 100 action requests".
const TRANSACTION_ACTIONS_MAX: usize = 100;
/// How a failed condition is named among cancellation reasons (API page TransactWriteItems).
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// One action, and what it means if its condition fails.
pub(super) struct Action {
    write: TransactWriteItem,
    refused: Refused,
}

/// What a failed condition says.
pub(super) enum Refused {
    /// Somebody committed this link in between.
    Moved,
    /// Another link has it.
    Taken(String),
    /// It has no condition.
    Never,
}

impl DynamoStore {
    pub(super) async fn commit_all(&self, commit: Commit) -> Result<(), CommitError> {
        check_generations(&commit)?;
        let link = pack::link_item(&commit.link, seal::attempt()?)?;
        if is_only_the_link(&commit) {
            return Box::pin(self.put_link(commit.expected, link)).await;
        }
        let mut actions = vec![self.link_action(commit.expected, link)?];
        self.claim_actions(&commit, &mut actions)?;
        if let Some(met) = &commit.met {
            actions.push(self.check_met(met)?);
        }
        if !commit.released.is_empty() {
            Box::pin(self.release_actions(&commit, &mut actions)).await?;
        }
        if commit.shred {
            // Conflicts go with `resolved`, and no worker has another copy: this commit's generation ends all of theirs.
            actions.push(delete_action(self.delete(keys::secret(&commit.link.id)), Refused::Never)?);
        }
        if !(commit.conflicts.is_empty() && commit.journal.is_empty()) {
            let secret = match commit.shred {
                true => LinkSecret::generate()?, // Nobody will open it: there are no values in it.
                false => Box::pin(self.secret(&commit.link.id, commit.expected)).await?,
            };
            self.conflict_actions(&commit, &secret, &mut actions)?;
            self.journal_actions(&commit.journal, &secret, &mut actions)?;
        }
        self.resolved_actions(&commit, &mut actions)?;
        self.parked_actions(&commit, &mut actions)?;
        Box::pin(self.transact(actions)).await
    }

    /// A commit of nothing but the link is one conditional put: half the price of a transaction.
    ///
    /// Condition: see [`condition`]. The race it leaves: the put lands, its answer is lost, the SDK tries again
    /// and meets its own first attempt. `writer` tells that apart from somebody else's commit; within a
    /// transaction the client token does.
    async fn put_link(&self, expected: Expected, link: Item) -> Result<(), CommitError> {
        let writer = link.get("writer").cloned();
        let (expression, values) = condition(expected);
        let sent = self
            .client
            .put_item()
            .table_name(&self.tables.state)
            .set_item(Some(link))
            .condition_expression(expression)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => match stored_instead(&error) {
                Some(stored) if writer.is_some() && stored.get("writer") == writer.as_ref() => Ok(()),
                Some(_) => Err(CommitError::Moved),
                None => Err(store_error(OPERATION, &error).into()),
            },
        }
    }

    fn link_action(&self, expected: Expected, link: Item) -> Result<Action, StoreError> {
        let (expression, values) = condition(expected);
        let put = Put::builder()
            .table_name(&self.tables.state)
            .set_item(Some(link))
            .condition_expression(expression)
            .set_expression_attribute_values(values);
        put_action(put, Refused::Moved)
    }

    /// Claims. A record that is claimed and redirected at once is redirected: an alias is for ever (P11).
    fn claim_actions(&self, commit: &Commit, actions: &mut Vec<Action>) -> Result<(), StoreError> {
        let id = &commit.link.id;
        let merged: BTreeSet<&RecordKey> = commit.aliases.iter().map(|(loser, _)| loser).collect();
        let records: BTreeSet<&RecordKey> =
            commit.records.iter().filter(|record| !merged.contains(record)).collect();
        for record in records {
            let put = self.claim(keys::record(record), id);
            actions.push(put_action(put, Refused::Taken(format!("record {record}")))?);
        }
        for key in commit.keys.iter().collect::<BTreeSet<_>>() {
            let put = self.claim(keys::natural(key), id);
            let what = format!("a natural key of {}.{}", key.object, key.field);
            actions.push(put_action(put, Refused::Taken(what))?);
        }
        let mut redirected = BTreeSet::new();
        for (loser, winner) in commit.aliases.iter().rev().filter(|(loser, _)| redirected.insert(loser)) {
            // No condition: the side shows the winner under the loser's id from now on, whichever link had it.
            let put = Put::builder()
                .table_name(&self.tables.state)
                .item("pk", pack::text(keys::record(loser)))
                .item("merged_into", pack::text(winner.as_str()));
            actions.push(put_action(put, Refused::Never)?);
            let winner = RecordKey { id: winner.clone(), ..loser.clone() };
            actions.push(self.add_merged(&winner, loser, id)?);
        }
        Ok(())
    }

    /// Condition: nobody keeps the two apart.
    ///
    /// The race it closes: a worker finds two records by one key; a person says that they are not one thing, and is told that it is
    /// remembered; the worker goes on and makes them a pair. Whoever says so writes HubSpot's item first.
    fn check_met(&self, met: &PerSide<RecordKey>) -> Result<Action, StoreError> {
        let json = element(OPERATION, &met.salesforce)?;
        let check = ConditionCheck::builder()
            .table_name(&self.tables.state)
            .key("pk", pack::text(keys::apart(&met.hubspot)))
            .condition_expression("attribute_not_exists(apart) OR NOT contains(apart, :other)")
            .expression_attribute_values(":other", pack::text(json))
            .build()
            .map_err(|error| not_built(&error.to_string()))?;
        let refused = Refused::Taken(format!("record {}, kept apart,", met.hubspot));
        Ok(Action { write: TransactWriteItem::builder().condition_check(check).build(), refused })
    }

    /// No condition: a set takes an element once.
    fn add_merged(&self, winner: &RecordKey, loser: &RecordKey, link: &LinkId) -> Result<Action, StoreError> {
        let json = element(OPERATION, &(loser, link))?;
        let update = Update::builder()
            .table_name(&self.tables.state)
            .key("pk", pack::text(keys::merged(winner)))
            .update_expression("ADD merged :one")
            .expression_attribute_values(":one", AttributeValue::Ss(vec![json]))
            .build()
            .map_err(|error| not_built(&error.to_string()))?;
        Ok(Action { write: TransactWriteItem::builder().update(update).build(), refused: Refused::Never })
    }

    /// One claim. Condition: nobody has it, or this link has it already.
    ///
    /// The race it closes: two workers meet the same e-mail under two new records at once. Both read "no
    /// owner"; the first transaction stores the claim, the second is cancelled as a whole, reads again, finds
    /// the owner and joins it. A redirected record has no `link`, so that no claim undoes an alias.
    fn claim(&self, key: String, id: &LinkId) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder()
            .table_name(&self.tables.state)
            .item("pk", pack::text(key))
            .item("link", pack::text(id.as_str()))
            .condition_expression("attribute_not_exists(pk) OR #link = :link")
            .expression_attribute_names("#link", "link")
            .expression_attribute_values(":link", pack::text(id.as_str()))
    }

    /// Gives keys back that are the link's; another link's key is left alone, and that must not cancel the
    /// rest, so owners are read first.
    ///
    /// Condition: it is still this link's. Only a commit of this link can claim or give back its keys, and such
    /// a commit raises the generation: if ownership changed after our read, the link's own condition fails too,
    /// so a failure here means [`Refused::Moved`].
    async fn release_actions(&self, commit: &Commit, actions: &mut Vec<Action>) -> Result<(), StoreError> {
        let kept: BTreeSet<&NaturalKey> = commit.keys.iter().collect();
        let released: BTreeSet<&NaturalKey> =
            commit.released.iter().filter(|key| !kept.contains(key)).collect();
        let released: Vec<NaturalKey> = released.into_iter().cloned().collect();
        let owners = self.read_owners(&released).await?;
        for (key, owner) in released.iter().zip(owners) {
            if owner.as_ref() != Some(&commit.link.id) {
                continue;
            }
            actions.push(self.delete_own(keys::natural(key), &commit.link.id)?);
        }
        Ok(())
    }

    pub(super) fn delete(&self, key: String) -> DeleteBuilder {
        Delete::builder().table_name(&self.tables.state).key("pk", pack::text(key))
    }

    /// Deletes a claim, on condition that it is still this link's.
    pub(super) fn delete_own(&self, key: String, link: &LinkId) -> Result<Action, StoreError> {
        let claim = self
            .delete(key)
            .condition_expression("#link = :link")
            .expression_attribute_names("#link", "link")
            .expression_attribute_values(":link", pack::text(link.as_str()));
        delete_action(claim, Refused::Moved)
    }

    /// Conflicts. No condition: they are this link's alone, and its generation guards them.
    fn conflict_actions(
        &self,
        commit: &Commit,
        secret: &LinkSecret,
        actions: &mut Vec<Action>,
    ) -> Result<(), StoreError> {
        let mut written = BTreeSet::new();
        for conflict in commit.conflicts.iter().rev().filter(|conflict| written.insert(&conflict.field)) {
            let item = super::listed::conflict_item(conflict, secret)?;
            let put = Put::builder().table_name(&self.tables.state).set_item(Some(item));
            actions.push(put_action(put, Refused::Never)?);
        }
        Ok(())
    }

    /// Conflicts that are over. One that also begins in this commit stays: nothing is lost that way.
    fn resolved_actions(&self, commit: &Commit, actions: &mut Vec<Action>) -> Result<(), StoreError> {
        let begun: BTreeSet<_> = commit.conflicts.iter().map(|conflict| &conflict.field).collect();
        for field in commit.resolved.iter().filter(|field| !begun.contains(field)).collect::<BTreeSet<_>>() {
            actions.push(delete_action(self.delete(keys::conflict(&commit.link.id, field)), Refused::Never)?);
        }
        Ok(())
    }

    /// Fields that are set aside, and those that no longer are. No condition: they are this link's alone, and its generation
    /// guards them. One that is both stays.
    fn parked_actions(&self, commit: &Commit, actions: &mut Vec<Action>) -> Result<(), StoreError> {
        let parked: BTreeSet<String> = commit.parked.iter().map(|parked| keys::park(&parked.key)).collect();
        for item in &commit.parked {
            let put = Put::builder()
                .table_name(&self.tables.state)
                .set_item(Some(super::listed::parked_item(item)?));
            actions.push(put_action(put, Refused::Never)?);
        }
        let healed = commit
            .healed
            .iter()
            .map(|field| keys::park(&ParkKey::Field(commit.link.id.clone(), field.clone())));
        for key in healed.filter(|key| !parked.contains(key)).collect::<BTreeSet<_>>() {
            actions.push(delete_action(self.delete(key), Refused::Never)?);
        }
        Ok(())
    }

    /// Journal entries. No condition: their sort key begins with a generation that only this commit makes.
    pub(super) fn journal_actions(
        &self,
        journal: &[JournalEntry],
        secret: &LinkSecret,
        actions: &mut Vec<Action>,
    ) -> Result<(), StoreError> {
        for (n, entry) in journal.iter().enumerate() {
            let item = self.journal_item(n, entry, secret)?;
            let put = Put::builder().table_name(&self.tables.journal).set_item(Some(item));
            actions.push(put_action(put, Refused::Never)?);
        }
        Ok(())
    }

    fn journal_item(&self, n: usize, entry: &JournalEntry, secret: &LinkSecret) -> Result<Item, StoreError> {
        let place = keys::entry(entry.generation, n, entry.field.as_ref());
        let sealed = secret.seal(
            &super::listed::sealed_place(&entry.link, &place),
            &(&entry.before, &entry.after, &entry.loser),
        )?;
        let expires = entry.at + SignedDuration::from_hours(24 * i64::from(self.journal_days));
        let mut item = Item::from([
            ("link".to_owned(), pack::text(entry.link.as_str())),
            ("entry".to_owned(), pack::text(place)),
            ("rule".to_owned(), pack::text(&entry.rule)),
            ("at".to_owned(), pack::text(entry.at.to_string())),
            ("contract".to_owned(), pack::number(entry.contract)),
            ("sealed".to_owned(), pack::binary(sealed)),
            ("expires_at".to_owned(), pack::number(expires.as_second())),
        ]);
        if let Some(field) = &entry.field {
            item.insert("field".to_owned(), pack::text(field.as_str()));
        }
        if let Some(target) = entry.target {
            item.insert("target".to_owned(), pack::text(target.name()));
        }
        Ok(item)
    }

    /// Sends the transaction. The SDK adds a client token, so that its own retry of a transaction whose answer
    /// was lost is answered, not applied again (API page TransactWriteItems, `ClientRequestToken`).
    pub(super) async fn transact(&self, actions: Vec<Action>) -> Result<(), CommitError> {
        if actions.len() > TRANSACTION_ACTIONS_MAX {
            let reason = format!(
                "{} actions in one transaction, and DynamoDB takes {TRANSACTION_ACTIONS_MAX}: split the commit",
                actions.len()
            );
            return Err(StoreError::Refused { operation: OPERATION, reason }.into());
        }
        let (writes, refusals): (Vec<_>, Vec<_>) =
            actions.into_iter().map(|action| (action.write, action.refused)).unzip();
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    Err(why_cancelled(cancelled, &refusals))
                }
                Some(_) | None => Err(store_error(OPERATION, &error).into()),
            },
        }
    }
}

/// What the link's item must be: absent, or at the generation that the decision was made on.
///
/// The race it closes: two workers read generation 7, decide, and commit. The second would overwrite the
/// first's intents, which are already on their way; instead it fails and decides again on generation 8.
fn condition(expected: Expected) -> (&'static str, Option<Item>) {
    match expected {
        Expected::New => ("attribute_not_exists(pk)", None),
        Expected::At(generation) => {
            ("generation = :read", Some(Item::from([(":read".to_owned(), pack::number(generation))])))
        }
    }
}

fn check_generations(commit: &Commit) -> Result<(), StoreError> {
    let expected = match commit.expected {
        Expected::New => 1,
        Expected::At(generation) => generation.next().0,
    };
    match commit.link.generation.0 == expected {
        true => Ok(()),
        false => Err(StoreError::Refused {
            operation: OPERATION,
            reason: format!("the link says generation {}, not {expected} (I29)", commit.link.generation),
        }),
    }
}

fn is_only_the_link(commit: &Commit) -> bool {
    let Commit {
        expected: _,
        link: Link { .. },
        records,
        met,
        aliases,
        keys,
        released,
        conflicts,
        resolved,
        parked,
        healed,
        journal,
        shred,
    } = commit;
    records.is_empty()
        && met.is_none()
        && aliases.is_empty()
        && keys.is_empty()
        && released.is_empty()
        && conflicts.is_empty()
        && resolved.is_empty()
        && parked.is_empty()
        && healed.is_empty()
        && journal.is_empty()
        && !shred
}

fn stored_instead(error: &SdkError<PutItemError, HttpResponse>) -> Option<Item> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
            Some(failed.item.clone().unwrap_or_default())
        }
        Some(_) | None => None,
    }
}

/// One reason per action, in order. That the link moved says most: whoever moved it may also hold the claims.
fn why_cancelled(cancelled: &TransactionCanceledException, refusals: &[Refused]) -> CommitError {
    let failed = |code: &str| code == CONDITION_FAILED;
    let codes = || cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None"));
    let mut taken = None;
    for (refused, _) in refusals.iter().zip(codes()).filter(|(_, code)| failed(code)) {
        match refused {
            Refused::Moved => return CommitError::Moved,
            Refused::Taken(what) => taken = taken.or(Some(what)),
            Refused::Never => {}
        }
    }
    if let Some(what) = taken {
        return CommitError::Taken { what: what.clone() };
    }
    // Two transactions that touch one item cancel one another: nobody's condition failed, so come again.
    match codes().find(|code| is_busy(code) || *code == TRANSACTION_CONFLICT) {
        Some(code) => StoreError::Busy { operation: OPERATION, reason: code.to_owned() }.into(),
        None => {
            let reasons = codes().filter(|code| *code != "None").collect::<Vec<_>>().join(", ");
            StoreError::Refused { operation: OPERATION, reason: format!("cancelled: {reasons}") }.into()
        }
    }
}

fn put_action(
    put: aws_sdk_dynamodb::types::builders::PutBuilder,
    refused: Refused,
) -> Result<Action, StoreError> {
    let put = put.build().map_err(|error| not_built(&error.to_string()))?;
    Ok(Action { write: TransactWriteItem::builder().put(put).build(), refused })
}

pub(super) fn delete_action(delete: DeleteBuilder, refused: Refused) -> Result<Action, StoreError> {
    let delete = delete.build().map_err(|error| not_built(&error.to_string()))?;
    Ok(Action { write: TransactWriteItem::builder().delete(delete).build(), refused })
}

fn not_built(reason: &str) -> StoreError {
    StoreError::Refused { operation: OPERATION, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::CancellationReason;

    /// What becomes of a transaction of a link, a claim and a journal entry, cancelled with these codes.
    fn cancelled(codes: [&str; 3]) -> CommitError {
        let reasons = codes.map(|code| CancellationReason::builder().code(code).build()).to_vec();
        let cancelled =
            TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build();
        why_cancelled(&cancelled, &[Refused::Moved, Refused::Taken("record r".to_owned()), Refused::Never])
    }

    #[test]
    fn each_cancellation_says_what_to_do() {
        let busy = |reason: &str| {
            CommitError::Store(StoreError::Busy { operation: OPERATION, reason: reason.to_owned() })
        };
        let taken = CommitError::Taken { what: "record r".to_owned() };

        assert_eq!(cancelled(["ConditionalCheckFailed", "None", "None"]), CommitError::Moved);
        assert_eq!(cancelled(["None", "ConditionalCheckFailed", "None"]), taken);
        assert_eq!(
            cancelled(["ConditionalCheckFailed", "ConditionalCheckFailed", "None"]),
            CommitError::Moved
        );
        assert_eq!(cancelled(["None", "TransactionConflict", "None"]), busy("TransactionConflict"));
        assert_eq!(cancelled(["TransactionConflict", "ConditionalCheckFailed", "None"]), taken);
        assert_eq!(cancelled(["ThrottlingError", "None", "None"]), busy("ThrottlingError"));
        assert_eq!(
            cancelled(["None", "None", "ValidationError"]),
            CommitError::Store(StoreError::Refused {
                operation: OPERATION,
                reason: "cancelled: ValidationError".to_owned()
            })
        );
    }
}
