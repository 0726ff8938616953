//! write: attempts intents. It makes no choices: an intent whose link has moved on is dropped, and whatever an
//! attempt comes to, the rows say what landed and [`super::fetch`] decides what follows.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use super::references::targets;
use super::{CONCURRENCY, Engine, LOGIN_WAIT, Next, StepError};
use crate::contract::Object;
use crate::decide::{ATTEMPT_MAX, Decision, FLAG, may_land};
use crate::link::{Action, Intent, Link, Part, Progress, Refusal};
use crate::names::{LinkId, ObjectName, RecordId, RecordKey, Side, Token};
use crate::port::{
    Commit, CommitError, Crm, Expected, Failure, Hints, Operation, Outcome, ParkKey, Parked, Queue, Sends,
    Store, Write,
};

/// Inserts of one record that may be answered as duplicates before it is parked. Ours: a lost answer takes one more.
const INSERTS_MAX: usize = 3;

/// What an attempt came to, as far as the link is concerned.
struct Attempted {
    link: Link,
    number: Token,
    outcome: Outcome,
}

/// Records to look at again, by side, object and how long to wait.
#[derive(Default)]
struct LookAgain(BTreeMap<(Side, ObjectName, Option<Timestamp>), Vec<RecordId>>);

impl LookAgain {
    fn record(&mut self, record: RecordKey, at: Option<Timestamp>) {
        self.0.entry((record.side, record.object, at)).or_default().push(record.id);
    }

    /// One record of the link is enough: fetch reads both.
    fn link(&mut self, link: &Link, at: Option<Timestamp>) {
        let known = Side::BOTH.into_iter().find_map(|side| Some((side, link.records[side].clone()?)));
        if let Some((side, id)) = known {
            self.record(RecordKey { side, object: link.object.clone(), id }, at);
        }
    }
}

/// Writes to one side of a link, within the bound on landings, after which the next look is not taken at once; and the
/// longest breath, as a power of two, in seconds. Ours: people who edit a row all the time are met within three.
const AT_ONCE_MAX: usize = 4;
const BREATH_MAX: u32 = 6;

/// How often an attempt is recorded on a link that keeps moving. Ours: a link has two sides, so one more than can
/// be at it at once.
const LATE_RECORDS_MAX: usize = 3;

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Attempts the named intents, once each.
    ///
    /// # Errors
    /// [`StepError`]: the message comes again; an intent that was attempted is then found settled, or repeated
    /// safely (its token is on the row, or its `concord_id` is taken).
    pub async fn write(&self, sends: &Sends, now: Timestamp) -> Result<Next, StepError> {
        if let Some(at) = sends.not_before.max(self.gate.closed_until())
            && at > now
        {
            return Ok(Next::NotBefore(at));
        }
        let Some(object) = self.contract.objects.get(&sends.object) else {
            tracing::warn!(object = %sends.object, "intents for an object type that the contract does not name are dropped");
            return Ok(Next::Done);
        };
        let (current, mut again) = self.current(sends, object, now).await?;
        let (current, pointless) = self.point_at_records(sends.side, object, current).await?;
        pointless.iter().for_each(|link| again.link(link, None));
        let outcomes = self.attempt(sends.side, object, &current).await;
        let (links, writes): (Vec<Link>, Vec<Write>) = current.into_iter().unzip();
        for (write, outcome) in writes.iter().zip(&outcomes) {
            if may_be_about_another(outcome) {
                let targets = targets(sends.side, object, write);
                targets.into_iter().for_each(|target| again.record(target, None));
            }
        }
        let attempted: Vec<Attempted> = links
            .into_iter()
            .zip(writes)
            .zip(outcomes)
            .map(|((link, write), outcome)| Attempted { link, number: write.token, outcome })
            .collect();
        let looked: Vec<LookAgain> = stream::iter(attempted)
            .map(|attempted| self.record_attempt(sends.side, attempted, now))
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        let mut looks = LookAgain::default();
        for (key, ids) in looked.into_iter().chain([again]).flat_map(|look| look.0) {
            looks.0.entry(key).or_default().extend(ids);
        }
        for ((side, object, not_before), ids) in looks.0 {
            let correlation = sends.correlation.clone();
            self.hint_again(&Hints { side, object, ids, erased: false, not_before, correlation }, now)
                .await?;
        }
        Ok(Next::Done)
    }

    /// The named intents that are still what their links want, with their links as read now; and the links of those that
    /// have waited for too long, or say something of a field that the contract names no longer, which are decided anew.
    async fn current(
        &self,
        sends: &Sends,
        object: &Object,
        now: Timestamp,
    ) -> Result<(Vec<(Link, Write)>, LookAgain), StepError> {
        let is_named = |part: &Part| object.fields.contains_key(&part.field) || part.field.as_str() == FLAG;
        let mut numbers: BTreeMap<LinkId, Token> = BTreeMap::new();
        for intent in &sends.intents {
            let number = numbers.entry(intent.link.clone()).or_insert(intent.number);
            *number = intent.number.max(*number);
        }
        let ids: Vec<LinkId> = numbers.keys().cloned().collect();
        let links = self.store.links(&ids).await?;
        let (mut current, mut old) = (Vec::new(), LookAgain::default());
        for (link, number) in links.into_iter().zip(numbers.values()) {
            let Some(link) = link else { continue };
            let Some(intent) = link.intent(*number).filter(|intent| intent.side == sends.side) else {
                continue;
            };
            if intent.progress != Progress::Open {
                continue;
            }
            if now.duration_since(intent.decided) > ATTEMPT_MAX || !intent.parts.iter().all(is_named) {
                old.link(&link, None);
            } else if let Some(operation) = operation(&link, intent) {
                let write = Write { link: link.id.clone(), token: *number, operation };
                current.push((link, write));
            }
        }
        Ok((current, old))
    }

    /// One outcome for each, in order. To Salesforce, leads are a type of their own.
    async fn attempt(&self, side: Side, object: &Object, current: &[(Link, Write)]) -> Vec<Outcome> {
        let is_lead = |link: &Link, write: &Write| {
            let made = link.intent(write.token).and_then(|intent| intent.action.makes_lead());
            side == Side::Salesforce && made.unwrap_or_else(|| link.is_lead())
        };
        let mut outcomes = BTreeMap::new();
        for lead in [false, true] {
            let of_type =
                current.iter().enumerate().filter(|(_, (link, write))| is_lead(link, write) == lead);
            let (places, writes): (Vec<usize>, Vec<Write>) =
                of_type.map(|(place, (_, write))| (place, write.clone())).unzip();
            if writes.is_empty() {
                continue;
            }
            let spec = object.seen_as(lead).spec(side);
            let answered = match side {
                Side::HubSpot => self.hubspot.write(&spec, &writes).await,
                Side::Salesforce => self.salesforce.write(&spec, &writes).await,
            };
            outcomes.extend(places.into_iter().zip(answered));
        }
        outcomes.into_values().collect()
    }

    /// Records what an attempt came to. If the link has moved on meanwhile, looking again tells as much.
    async fn record_attempt(
        &self,
        side: Side,
        attempted: Attempted,
        now: Timestamp,
    ) -> Result<LookAgain, StepError> {
        let Attempted { mut link, number, outcome } = attempted;
        let mut again = LookAgain::default();
        let expected = Expected::At(link.generation);
        let mut claims = Vec::new();
        let progress = match outcome {
            Outcome::Done(id) => {
                if link.records[side].as_ref() != Some(&id) {
                    claims.push(RecordKey { side, object: link.object.clone(), id: id.clone() });
                    link.records[side] = Some(id.clone());
                }
                match link.intent(number).map(|intent| &intent.action) {
                    // It was blind: what lies in the bin is read (P9).
                    Some(Action::Archive) => again.link(&link, None),
                    // What is shown for a while after a purge is no reason to hurry.
                    Some(Action::Purge) => again.link(&link, breath(&link, side, now)),
                    Some(Action::Insert { .. } | Action::Update { .. } | Action::Undelete) | None => {}
                }
                self.forgive(side, &mut link).await?;
                Progress::Sent
            }
            Outcome::Duplicate(holder) if !may_be_ours(&link, number, now) => {
                let holder = holder.map_or_else(String::new, |id| format!(", {id},"));
                let reason = format!(
                    "another {side} record{holder} holds a value that must be unique: merge the two or change one of \
                     them there, then edit this record once more"
                );
                self.park_refusal(side, &mut link, reason, now).await?;
                Progress::Refused
            }
            Outcome::Duplicate(_)
            | Outcome::Moved
            | Outcome::Gone
            | Outcome::Failed(Failure::Conflict { .. }) => {
                again.link(&link, breath(&link, side, now));
                Progress::PutOff
            }
            Outcome::Failed(Failure::Retry { after_ms, reason }) => {
                tracing::warn!(%side, link = %link.id, %reason, "a write is put off");
                let wait = SignedDuration::from_millis(i64::try_from(after_ms).unwrap_or(i64::MAX));
                again.link(&link, now.checked_add(wait).ok());
                Progress::PutOff
            }
            Outcome::Failed(Failure::RefreshLogin { .. }) => {
                again.link(&link, now.checked_add(LOGIN_WAIT).ok());
                Progress::PutOff
            }
            Outcome::Failed(failure @ (Failure::Park { .. } | Failure::Bug { .. })) => {
                tracing::warn!(%side, link = %link.id, %failure, "a write was refused and its record is parked");
                self.park_refusal(side, &mut link, failure.to_string(), now).await?;
                Progress::Refused
            }
        };
        link.end(number, &progress);
        link.generation = link.generation.next();
        let (moved, inserted) = (link.clone(), !claims.is_empty());
        match self.store.commit(Commit::of_link(expected, link, claims)).await {
            Ok(()) => Ok(again),
            Err(CommitError::Moved | CommitError::Taken { .. }) => {
                match progress {
                    // An id has to be claimed with the link: the intent's repair does it.
                    Progress::Sent if inserted => {}
                    Progress::Open => {}
                    Progress::Sent | Progress::Closed | Progress::Refused | Progress::PutOff => {
                        self.record_late(side, &moved.id, number, &progress).await?
                    }
                }
                again.link(&moved, None);
                Ok(again)
            }
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Records an attempt on a link that has moved on: mostly since the write to the other side was recorded meanwhile.
    /// An intent left open would pass for one whose message is still to come, and wait for repair (I32).
    /// A refusal that the link does not know of would stay parked when it is over.
    async fn record_late(
        &self,
        side: Side,
        id: &LinkId,
        number: Token,
        progress: &Progress,
    ) -> Result<(), StepError> {
        for _ in 0..LATE_RECORDS_MAX {
            let Some(mut link) = self.stored(id).await? else { return Ok(()) };
            if link.intent(number).is_none_or(|intent| intent.progress != Progress::Open) {
                return Ok(());
            }
            let expected = Expected::At(link.generation);
            link.end(number, progress);
            if *progress == Progress::Refused {
                link.refused[side] = Refusal::Parked;
            }
            link.generation = link.generation.next();
            match self.store.commit(Commit::of_link(expected, link, Vec::new())).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Moved | CommitError::Taken { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sets a record aside until a write to this side is taken.
    pub(super) async fn park_refusal(
        &self,
        side: Side,
        link: &mut Link,
        reason: String,
        now: Timestamp,
    ) -> Result<(), StepError> {
        link.refused[side] = Refusal::Parked;
        if let Some(key) = refusal_key(side, link) {
            self.store.park(&Parked::new(key, reason, now)).await?;
        }
        Ok(())
    }

    /// A refusal that nothing is left of is over, whether or not the answer to the write that ended it ever came: the
    /// last write was taken, or is no longer wanted, or the pair is over.
    pub(super) async fn forgive_what_is_over(&self, decision: &mut Decision) -> Result<(), StepError> {
        for side in Side::BOTH {
            let of_side = |intent: &&Intent| intent.side == side;
            let last = decision.link.intents.iter().filter(of_side).max_by_key(|intent| intent.number);
            let over = last.is_none_or(|last| last.progress == Progress::Closed);
            if over && decision.wait.is_none() {
                self.forgive(side, &mut decision.link).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn forgive(&self, side: Side, link: &mut Link) -> Result<(), StepError> {
        if link.refused[side] == Refusal::Parked {
            for side in Side::BOTH {
                if let Some(key) = refusal_key(side, link) {
                    self.store.unpark(&key).await?;
                }
            }
            link.refused[side] = Refusal::None;
        }
        Ok(())
    }
}

/// A refused write is parked under the record that it was for; a refused insert, under the record it was of.
fn refusal_key(side: Side, link: &Link) -> Option<ParkKey> {
    let (side, id) = match &link.records[side] {
        Some(id) => (side, id),
        None => (side.other(), link.records[side.other()].as_ref()?),
    };
    Some(ParkKey::Record(RecordKey { side, object: link.object.clone(), id: id.clone() }))
}

/// Whether a refusal may be about a record that this one refers to, which nobody has told of: not every answer says whose
/// absence it means.
const fn may_be_about_another(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Gone | Outcome::Failed(Failure::Park { .. } | Failure::Conflict { .. }) => true,
        Outcome::Done(_)
        | Outcome::Duplicate(_)
        | Outcome::Moved
        | Outcome::Failed(Failure::Retry { .. } | Failure::RefreshLogin { .. } | Failure::Bug { .. }) => {
            false
        }
    }
}

/// When to look again at a link whose writes come to nothing: at once, and after a few writes within the bound on
/// landings a little later each time, so that no misunderstanding with a side becomes a hot loop.
fn breath(link: &Link, side: Side, now: Timestamp) -> Option<Timestamp> {
    let recent = |intent: &&Intent| intent.side == side && may_land(intent.decided, now);
    let recent = link.intents.iter().filter(recent).count();
    let beyond = u32::try_from(recent.checked_sub(AT_ONCE_MAX)?).unwrap_or(u32::MAX);
    let wait = SignedDuration::from_secs(1 << beyond.min(BREATH_MAX));
    now.checked_add(wait).ok()
}

/// Whether a duplicate may be a record that an earlier attempt made, which looking again finds (P6). If looking has
/// not found it a few times, it is somebody else's.
fn may_be_ours(link: &Link, number: Token, now: Timestamp) -> bool {
    let recent = |intent: &&Intent| intent.action.is_insert() && may_land(intent.decided, now);
    let inserts = link.intents.iter().filter(recent).count();
    let insert = link.intent(number).is_some_and(|intent| intent.action.is_insert());
    insert && inserts <= INSERTS_MAX
}

/// What an intent asks of the CRM. `None` if its link has changed so that it makes no sense any more.
fn operation(link: &Link, intent: &Intent) -> Option<Operation> {
    let values = || intent.parts.iter().flat_map(|part| part.values.iter().cloned()).collect();
    match (&intent.action, &link.records[intent.side]) {
        (Action::Insert { .. }, None) => Some(Operation::Insert { values: values() }),
        (Action::Update { unmodified_since }, Some(id)) => {
            Some(Operation::Update { id: id.clone(), values: values(), unmodified_since: *unmodified_since })
        }
        (Action::Archive, Some(id)) => Some(Operation::Archive { id: id.clone() }),
        (Action::Undelete, Some(id)) => Some(Operation::Undelete { id: id.clone() }),
        (Action::Purge, Some(id)) => Some(Operation::Purge { id: id.clone() }),
        (Action::Insert { .. }, Some(_))
        | (Action::Update { .. } | Action::Archive | Action::Undelete | Action::Purge, None) => None,
    }
}
