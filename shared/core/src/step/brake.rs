//! Where the brake is remembered (P15): one cursor per object type, moved once per batch.

use jiff::Timestamp;

use super::{Engine, StepError};
use crate::brake::{Brake, Engaged, Harm};
use crate::contract::Object;
use crate::names::{Generation, ObjectName, Side};
use crate::port::{CommitError, Crm, ParkKey, Parked, Queue, Store, StoreError};

/// Tries to move the cursor against other workers. Ours: as many as shards may be at it at once, twice over.
const MOVES_MAX: usize = 16;

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Whether so much may be done to records of this type now. If not, an operator is told, each time: whoever told it
    /// first may have died before.
    pub(super) async fn admit(&self, object: &Object, harm: Harm, now: Timestamp) -> Result<bool, StepError> {
        if harm.is_none() {
            return Ok(true);
        }
        let name = &object.name;
        let admitted = self.turn_brake(name, |brake| brake.admit(harm, object.brake, now)).await?;
        let Err(Engaged { since, about_to }) = admitted else { return Ok(true) };
        let reason = format!(
            "Concord was about to {about_to}. Nothing of the kind is written to any {name} until somebody has looked at \
             what happened there and says `concord release {name}`"
        );
        tracing::error!(object = %name, "the brake is engaged: {reason}");
        self.store.park(&Parked::new(ParkKey::Object(name.clone()), reason, since)).await?;
        Ok(false)
    }

    /// Releases the brake of an object type: for an hour nothing of it is stopped, and what was stopped is looked for
    /// again. Whether it was engaged.
    ///
    /// # Errors
    /// [`StepError`]. It may be released all the same; saying it again is safe.
    pub async fn release(&self, object: &ObjectName, now: Timestamp) -> Result<bool, StepError> {
        let released = self.turn_brake(object, |brake| brake.release(now)).await?;
        self.store.unpark(&ParkKey::Object(object.clone())).await?;
        Ok(released)
    }

    /// How many records a sweep has found on a side.
    pub(super) async fn count_records(
        &self,
        object: &ObjectName,
        side: Side,
        count: u64,
    ) -> Result<(), StepError> {
        self.turn_brake(object, |brake| brake.records[side] = Some(count)).await
    }

    /// From where polls have to begin once more, if a brake was released since the last one.
    pub(super) async fn rewind_of(&self, object: &ObjectName) -> Result<Option<Timestamp>, StepError> {
        let mark = self.store.cursor(&cursor_name(object)).await?;
        Ok(mark.and_then(|mark| read(&mark.text).rewind))
    }

    /// Polls have begun there. What was released meanwhile is for the next one.
    pub(super) async fn rewound(&self, object: &ObjectName, to: Timestamp) -> Result<(), StepError> {
        self.turn_brake(object, |brake| brake.rewind = brake.rewind.filter(|rewind| *rewind != to)).await
    }

    /// Reads the brake, turns it, and writes it back if nobody else did meanwhile.
    async fn turn_brake<T>(
        &self,
        object: &ObjectName,
        turn: impl Fn(&mut Brake) -> T,
    ) -> Result<T, StepError> {
        let name = cursor_name(object);
        for _ in 0..MOVES_MAX {
            let mark = self.store.cursor(&name).await?;
            let before = mark.as_ref().map_or_else(Brake::default, |mark| read(&mark.text));
            let mut after = before.clone();
            let turned = turn(&mut after);
            if after == before {
                return Ok(turned);
            }
            let generation = mark.map_or(Generation(0), |mark| mark.generation);
            match self.store.move_cursor(&name, generation, &write(&after)).await {
                Ok(()) => return Ok(turned),
                Err(CommitError::Moved | CommitError::Taken { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        let reason = format!("the brake of {object} is counted on by too many at once");
        Err(StoreError::Busy { operation: "count", reason }.into())
    }
}

fn cursor_name(object: &ObjectName) -> String {
    format!("brake/{object}")
}

/// One that cannot be read is counted anew.
fn read(text: &str) -> Brake {
    serde_json::from_str(text).unwrap_or_default()
}

fn write(brake: &Brake) -> String {
    serde_json::to_string(brake).unwrap_or_default()
}
