//! Forgetting a link whose records are gone for good (P10): one transaction, like a commit.

use concord_core::link::{FieldStanding, Link};
use concord_core::names::RecordKey;
use concord_core::port::{CommitError, JournalEntry, NaturalKey, ParkKey, StoreError, Whereabouts};

use super::commit::{Action, Refused, delete_action};
use super::seal::LinkSecret;
use super::{DynamoStore, keys, pack};

impl DynamoStore {
    /// Condition: the link is as it was read, and what is deleted as its own still is.
    ///
    /// The race it closes: a sweep finds both records gone; somebody restores one from a backup, and a worker revives the link; the sweep
    /// would forget a pair that lives. Whoever claims or redirects one of its records in between lets it fail too: the next sweep comes.
    pub(super) async fn collect_all(&self, link: &Link, line: JournalEntry) -> Result<(), CommitError> {
        let own = self
            .delete(keys::link(&link.id))
            .condition_expression("generation = :read")
            .expression_attribute_values(":read", pack::number(link.generation));
        let mut actions = vec![delete_action(own, Refused::Moved)?];
        let records = link.keys_of_records();
        self.claims_of(link, &records, &mut actions).await?;
        let mut rest = vec![keys::secret(&link.id)];
        for record in records {
            rest.push(keys::wait(&record));
            rest.push(keys::park(&ParkKey::Record(record)));
        }
        for (field, memory) in &link.fields {
            if memory.held.is_some() {
                rest.push(keys::conflict(&link.id, field));
            }
            if memory.standing == FieldStanding::Parked {
                rest.push(keys::park(&ParkKey::Field(link.id.clone(), field.clone())));
            }
        }
        for key in rest {
            actions.push(delete_action(self.delete(key), Refused::Never)?);
        }
        // Nobody will open it: there are no values in it.
        self.journal_actions(&[line], &LinkSecret::generate()?, &mut actions)?;
        Box::pin(self.transact(actions)).await
    }

    /// Its claims, as far as they are its own: a redirection stays, and so does what another link has claimed.
    async fn claims_of(
        &self,
        link: &Link,
        records: &[RecordKey],
        actions: &mut Vec<Action>,
    ) -> Result<(), StoreError> {
        let natural: Vec<NaturalKey> = link
            .keys
            .iter()
            .map(|(field, hash)| NaturalKey {
                object: link.object.clone(),
                field: field.clone(),
                hash: *hash,
            })
            .collect();
        let located = self.read_whereabouts(records).await?;
        let owners = self.read_owners(&natural).await?;
        let is_own = |at: &Whereabouts| *at == Whereabouts::Linked(link.id.clone());
        let records = records.iter().zip(&located).filter(|(_, at)| is_own(at));
        let natural = natural.iter().zip(&owners).filter(|(_, owner)| owner.as_ref() == Some(&link.id));
        let claims =
            records.map(|(record, _)| keys::record(record)).chain(natural.map(|(key, _)| keys::natural(key)));
        for key in claims {
            actions.push(self.delete_own(key, &link.id)?);
        }
        Ok(())
    }
}
