//! Who is who: both sides' lists of owners, read now and then and kept by each process for itself.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{Engine, StepError, patience};
use crate::contract::Object;
use crate::names::{PerSide, Side};
use crate::owner::Owners;
use crate::port::{Crm, Queue, Store};

/// How long a list is used. Ours: people join and leave rarely, and a field that waits for somebody new is looked at again
/// by each sweep.
const LIST_AGE: SignedDuration = SignedDuration::from_mins(10);

/// The list in use, and when it was read. Forgotten with the process, which costs three calls.
#[derive(Debug, Default)]
pub struct Directory(Mutex<Option<(Timestamp, Arc<Owners>)>>);

impl Directory {
    fn known(&self) -> Option<(Timestamp, Arc<Owners>)> {
        // It is replaced whole, so one seen after a panic elsewhere is still sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// The object, its owner fields knowing who is who.
    pub(super) async fn with_owners<'a>(
        &self,
        object: &'a Object,
        now: Timestamp,
    ) -> Result<Cow<'a, Object>, StepError> {
        if !object.has_owners() {
            return Ok(Cow::Borrowed(object));
        }
        let owners = match self.directory.known() {
            Some((read, owners)) if now.duration_since(read) < LIST_AGE => owners,
            Some(_) | None => self.read_owners(now).await?,
        };
        Ok(Cow::Owned(object.with_owners(&owners)))
    }

    async fn read_owners(&self, now: Timestamp) -> Result<Arc<Owners>, StepError> {
        let mut lists = PerSide { hubspot: Vec::new(), salesforce: Vec::new() };
        let mut known = true;
        for side in Side::BOTH {
            let list = match side {
                Side::HubSpot => self.hubspot.owners().await,
                Side::Salesforce => self.salesforce.owners().await,
            };
            match list {
                Ok(list) => lists[side] = list,
                Err(failure) if patience(&failure, now).is_some() => {
                    return Err(StepError::Crm { side, failure });
                }
                // The owner fields are parked, and the rest goes on.
                Err(failure) => {
                    tracing::warn!(%side, %failure, "the list of owners cannot be read");
                    known = false;
                }
            }
        }
        let owners = Arc::new(if known { Owners::of(&lists) } else { Owners::default() });
        *self.directory.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&owners)));
        Ok(owners)
    }
}
