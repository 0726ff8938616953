//! webhook: claims each event, packs record ids into hints, and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Engine, StepError, digest};
use crate::event::Event;
use crate::names::{ObjectName, RecordId, Side};
use crate::port::{ClaimOutcome, Crm, Queue, Store};

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct TakenIn {
    /// Events that were new and are hinted now.
    pub hinted: usize,
    /// Events that had been taken in before.
    pub repeated: usize,
    /// Events that another worker holds at the moment: the delivery must come again.
    pub in_progress: usize,
}

/// A delivery is answered within a second; a claim that outlives this belongs to a worker that died. Until then a
/// repeated delivery is told to come again; what is never repeated is found by the poll.
pub const CLAIM_LEASE_MS: u64 = 30_000;
/// HubSpot repeats a delivery for up to 24 hours, Salesforce keeps events for 3 days (reference: webhooks 1.1,
/// change events 4.1).
const KEEP_MS: u64 = 4 * 24 * 3_600 * 1_000;

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Takes in authenticated events: claim, hint, complete. If hinting fails the claims are given back, so
    /// that the side's next delivery is taken.
    ///
    /// # Errors
    /// [`StepError`]: answer the side with a status that makes it deliver again.
    pub async fn take_in(&self, events: &[Event], now: Timestamp) -> Result<TakenIn, StepError> {
        let mut taken = TakenIn::default();
        let known: Vec<(&Event, &ObjectName)> = events
            .iter()
            .filter_map(|event| {
                let object = self.contract.by_wire(event.side, &event.object);
                object.map(|object| (event, &object.name))
            })
            .collect();
        let keys: Vec<_> = known.iter().map(|(event, _)| event.key.clone()).collect();
        let outcomes = self.store.claim(&keys, now, CLAIM_LEASE_MS).await?;
        let mut claimed = Vec::new();
        let mut hints: BTreeMap<(Side, &ObjectName, bool), Vec<RecordId>> = BTreeMap::new();
        for ((event, object), outcome) in known.iter().zip(outcomes) {
            match outcome {
                ClaimOutcome::Claimed(fence) => {
                    claimed.push((event.key.clone(), fence));
                    hints
                        .entry((event.side, object, event.erased))
                        .or_default()
                        .extend(event.ids.iter().cloned());
                }
                ClaimOutcome::InProgress => taken.in_progress += 1,
                ClaimOutcome::Done => taken.repeated += 1,
            }
        }
        taken.hinted = claimed.len();
        let correlation =
            digest([&claimed.iter().map(|(key, _)| key.0.as_str()).collect::<Vec<_>>().join(" ")]);
        for ((side, object, erased), mut ids) in hints {
            ids.sort_unstable();
            ids.dedup();
            if let Err(error) = self.hint_of(erased, side, object, &ids, &correlation).await {
                self.store.release(&claimed).await?;
                return Err(error);
            }
        }
        self.store.complete(&claimed, now, KEEP_MS).await?;
        Ok(taken)
    }
}
