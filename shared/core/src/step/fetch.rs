//! fetch: reads the current rows on both sides by id, decides, and commits the link with its intents in one
//! conditional write. Level-triggered: it does not matter why, or how often, a record is hinted.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use super::{CONCURRENCY, Engine, Next, StepError, patience};
use crate::brake::Harm;
use crate::contract::{Object, Views};
use crate::decide::{Decision, Sight, Situation, Wait, decide, overhear};
use crate::link::Link;
use crate::names::{LinkId, PerSide, RecordId, RecordKey, Side};
use crate::port::{Commit, CommitError, Crm, Expected, Hints, IntentRef, ParkKey, Parked, Queue, Store};
use crate::row::{Reading, Standing};

/// Salesforce's stamps have one-second grain: a row read within the second of its last change is read again
/// after that second (P5).
const ROW_SETTLES: SignedDuration = SignedDuration::from_millis(1_100);

/// One link at work, with what has to be claimed for it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) link: Link,
    pub(super) expected: Expected,
    pub(super) claims: Vec<RecordKey>,
    pub(super) aliases: Vec<(RecordKey, RecordId)>,
    pub(super) readings: PerSide<Option<Reading>>,
    /// Whether a missing counterpart may be made.
    pub(super) counterpart: Counterpart,
    /// The side whose record was merged into another pair's.
    pub(super) absorbed: Option<(Side, LinkId)>,
    /// The side that says it has erased its record.
    pub(super) erased: Option<Side>,
    /// Whether only keys have brought its two records together.
    pub(super) met: bool,
    /// Whether somebody who may hold its keys is kept apart from it.
    pub(super) parted: bool,
}

/// What is known of a counterpart that the link does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counterpart {
    /// There is none: it may be made.
    None,
    /// It must not be made: the contract says so, or it is not clear whether there is one.
    Leave,
}

/// Records to look at once more.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// At once.
    pub(super) now: Vec<RecordId>,
    /// After a moment.
    pub(super) later: Vec<RecordId>,
    /// Once whoever has their key by now is found by it, which takes so long.
    pub(super) once_found: (SignedDuration, Vec<RecordId>),
}

/// What became of one link.
#[derive(Default)]
struct Done {
    /// Intents to send.
    issued: Vec<(Side, IntentRef)>,
    /// Whether to look at it once more.
    again: Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Again {
    #[default]
    No,
    /// Somebody was faster.
    Now,
    /// A row is too fresh to be written to.
    Later,
}

/// What there is to do about one link.
enum Decided {
    /// Nothing more.
    Done(Done),
    /// This, if it may be done.
    Ready(Box<(Pair, Decision)>),
}

impl Decided {
    fn harm(&self) -> Harm {
        match self {
            Self::Done(_) => Harm::default(),
            Self::Ready(ready) => ready.1.harm,
        }
    }
}

impl Done {
    const AGAIN: Self = Self { issued: Vec::new(), again: Again::Now };
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Looks at the hinted records.
    ///
    /// # Errors
    /// [`StepError`]: nothing is lost, the message comes again.
    pub async fn fetch(&self, hints: &Hints, now: Timestamp) -> Result<Next, StepError> {
        if let Some(at) = hints.not_before.max(self.gate.closed_until())
            && at > now
        {
            return Ok(Next::NotBefore(at));
        }
        let Some(object) = self.contract.objects.get(&hints.object) else {
            tracing::warn!(object = %hints.object, "hints for an object type that the contract does not name are dropped");
            return Ok(Next::Done);
        };
        match self.look(object, hints, now).await {
            Ok(()) => Ok(Next::Done),
            Err(StepError::Crm { side, failure }) => match patience(&failure, now) {
                Some(at) => {
                    tracing::warn!(%side, %failure, records = hints.ids.len(), "reading is put off");
                    self.gate.close(at);
                    Ok(Next::NotBefore(at))
                }
                None => Err(StepError::Crm { side, failure }),
            },
            Err(error) => Err(error),
        }
    }

    async fn look(&self, object: &Object, hints: &Hints, now: Timestamp) -> Result<(), StepError> {
        let object = &*self.with_owners(object, now).await?;
        let (pairs, Looks { now: mut again, mut later, once_found: (lag, late) }) =
            self.pairs(object, hints, now).await?;
        let views = &object.views();
        let decided: Vec<(RecordId, Decided)> = stream::iter(pairs)
            .map(|(id, pair)| async move {
                Ok::<_, StepError>((id, self.decide_one(object, views, pair, now).await?))
            })
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        let harm = decided.iter().map(|(_, decided)| decided.harm()).sum();
        let admitted = self.admit(object, harm, now).await?;
        let done: Vec<(RecordId, Done)> = stream::iter(decided)
            .map(|(id, decided)| async move {
                let done = match decided {
                    Decided::Done(done) => done,
                    // Not remembered: once the brake is released, polls begin where it was engaged.
                    Decided::Ready(ready) if !admitted && !ready.1.harm.is_none() => {
                        self.record_only(ready.0).await?
                    }
                    Decided::Ready(ready) => self.carry_out(object, ready.0, ready.1, now).await?,
                };
                Ok::<_, StepError>((id, done))
            })
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        let mut intents: PerSide<Vec<IntentRef>> = PerSide::default();
        for (id, done) in done {
            for (side, intent) in done.issued {
                intents[side].push(intent);
            }
            match done.again {
                Again::No => {}
                Again::Now => again.push(id),
                Again::Later => later.push(id),
            }
        }
        for side in Side::BOTH {
            self.send_intents(side, &object.name, &intents[side], &hints.correlation).await?;
        }
        self.hint_again(&Hints { ids: again, not_before: None, ..hints.clone() }, now).await?;
        let not_before = now.checked_add(lag).ok();
        self.hint_again(&Hints { ids: late, not_before, ..hints.clone() }, now).await?;
        let not_before = now.checked_add(ROW_SETTLES).ok();
        self.hint_again(&Hints { ids: later, not_before, ..hints.clone() }, now).await
    }

    /// The links of the hinted records, read before the rows, with both rows. Also the records that have to be
    /// looked at once more.
    async fn pairs(
        &self,
        object: &Object,
        hints: &Hints,
        now: Timestamp,
    ) -> Result<(Vec<(RecordId, Pair)>, Looks), StepError> {
        let side = hints.side;
        let records = self.follow_aliases(hints).await?;
        let link_ids: Vec<LinkId> = {
            let mut ids: Vec<LinkId> = records.values().flatten().cloned().collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let links: BTreeMap<LinkId, Link> = {
            let found = self.store.links(&link_ids).await?;
            link_ids.into_iter().zip(found).filter_map(|(id, link)| Some((id, link?))).collect()
        };
        let ids: Vec<RecordId> = records.keys().cloned().collect();
        let readings = self.read(side, object, &ids).await?;
        let mut pairs = Vec::new();
        let mut strangers = Vec::new();
        let mut again = Looks::default();
        for (id, reading) in ids.into_iter().zip(readings) {
            match records.get(&id).and_then(Option::as_ref).and_then(|link| links.get(link)) {
                Some(link) => {
                    let erased = hints.erased && shows_nothing_alive(&reading);
                    let pair = Pair::of(link.clone(), side, reading);
                    pairs.push((id, Pair { erased: erased.then_some(side), ..pair }));
                }
                None => strangers.push((id, reading)),
            }
        }
        self.announce(object, &mut pairs).await?;
        self.follow_merges(object, side, &mut pairs).await?;
        self.find_counterparts(object, side, &mut pairs, &mut again, now).await?;
        self.pair_strangers(object, side, strangers, &mut pairs, &mut again, now).await?;
        let mut pairs = self.settle_echoes(object, side, pairs, now).await?;
        self.read_other_side(object, side.other(), &mut pairs).await?;
        self.believe_what_is_shown(object, &mut pairs, now).await?;
        self.look_at_new_agreements_again(object, side, &mut pairs).await?;
        self.tell_associations_alike(object, &mut pairs).await?;
        self.mind_the_bin(object, &mut pairs, now).await?;
        self.leave_what_is_over(object, &mut pairs).await?;
        Ok((pairs, again))
    }

    /// Rows that tell nothing new are settled alone: what is left needs the other side. If somebody was faster,
    /// the echo is theirs.
    async fn settle_echoes(
        &self,
        object: &Object,
        side: Side,
        pairs: Vec<(RecordId, Pair)>,
        now: Timestamp,
    ) -> Result<Vec<(RecordId, Pair)>, StepError> {
        let views = object.views();
        let mut news = Vec::new();
        let mut settled = Vec::new();
        for (id, pair) in pairs {
            let echo = match (&pair.readings[side], &pair.link.records[side.other()]) {
                (Some(Reading::Row(row)), Some(_)) => {
                    let object = views.of(pair.link.is_lead());
                    overhear(&self.key, object, &pair.link, side, row, now)
                }
                (Some(Reading::Row(_) | Reading::MergedInto(_) | Reading::NotFound) | None, _) => None,
            };
            match echo {
                Some(after) if after != pair.link => settled.push((after, pair.expected)),
                Some(_) => {}
                None => news.push((id, pair)),
            }
        }
        let commits = settled
            .into_iter()
            .map(|(link, expected)| self.record_join(link, expected, Vec::new(), None, Vec::new()));
        stream::iter(commits).buffered(CONCURRENCY).try_collect::<Vec<()>>().await?;
        Ok(news)
    }

    async fn read_other_side(
        &self,
        object: &Object,
        other: Side,
        pairs: &mut [(RecordId, Pair)],
    ) -> Result<(), StepError> {
        let mut ids: Vec<RecordId> =
            pairs.iter().filter_map(|(_, pair)| pair.link.records[other].clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let readings = self.read(other, object, &ids).await?;
        let by_id: BTreeMap<RecordId, Reading> = ids.into_iter().zip(readings).collect();
        for (_, pair) in pairs.iter_mut() {
            let Some(id) = pair.link.records[other].clone() else { continue };
            pair.readings[other] = by_id.get(&id).cloned();
        }
        self.follow_merges(object, other, pairs).await
    }

    async fn decide_one(
        &self,
        object: &Object,
        views: &Views<'_>,
        mut pair: Pair,
        now: Timestamp,
    ) -> Result<Decided, StepError> {
        if self.leave_marked(object, &pair, now).await?
            || self.meets_who_is_left_out(object, &pair, now).await?
        {
            return Ok(Decided::Done(Done::default()));
        }
        let absorbed = pair.absorbed.as_ref().map(|(side, _)| *side);
        if let Some((side, rival)) = pair.absorbed.clone() {
            self.before_absorbed(&mut pair, side, &rival, now).await?;
        }
        if pair.erased.is_some() {
            self.erase_what_was_merged(&pair.link, now).await?;
        }
        let erased = pair.link.is_erased();
        let sight = |side: Side| match (&pair.readings[side], &pair.link.records[side]) {
            _ if pair.erased == Some(side) => Some(Sight::Erased),
            // Whoever it was merged into may be somebody else.
            (Some(Reading::MergedInto(_)), _) if erased => Some(Sight::Absorbed),
            (None, None) if erased || absorbed.is_some() => Some(Sight::Missing),
            _ if absorbed == Some(side) => Some(Sight::Absorbed),
            (Some(Reading::MergedInto(_)) | None, Some(_)) if absorbed.is_some() => Some(Sight::Lost),
            (Some(Reading::Row(row)), _) => Some(Sight::Row(row)),
            (Some(Reading::NotFound), _) => Some(Sight::Lost),
            (Some(Reading::MergedInto(_)), _) | (None, Some(_)) => None,
            (None, None) => match pair.counterpart {
                Counterpart::None => Some(Sight::Missing),
                Counterpart::Leave => None,
            },
        };
        let (Some(hubspot), Some(salesforce)) = (sight(Side::HubSpot), sight(Side::Salesforce)) else {
            return Ok(Decided::Done(self.record_only(pair).await?));
        };
        let rows = PerSide { hubspot, salesforce };
        if erased {
            self.take_note_of_the_gone(object, &rows, &pair.link).await?;
        }
        let contract = self.contract.version;
        let Some(seen) = self.object_of(object, views, &pair, now).await? else {
            return Ok(Decided::Done(Done::default()));
        };
        let link = &pair.link;
        let mut decision = decide(&Situation { key: &self.key, contract, object: seen, link, rows, now });
        self.forget_fields_that_are_gone(object, seen, &mut decision, now);
        Ok(Decided::Ready(Box::new((pair, decision))))
    }

    /// Does what was decided, with all that is told of it.
    async fn carry_out(
        &self,
        object: &Object,
        pair: Pair,
        decision: Decision,
        now: Timestamp,
    ) -> Result<Done, StepError> {
        let waits = self.wait_for_targets(object, &pair, &decision, now).await?;
        let mut done = self.perform(pair, decision, now).await?;
        if waits && done.again == Again::No {
            done.again = Again::Later;
        }
        Ok(done)
    }

    /// Nothing can be decided yet, but what was found out (an alias, a record that joined) is worth keeping. A counterpart that must
    /// not be made is not waited for, nor is a record whose side shows none: what was wanted is decided anew once it does.
    async fn record_only(&self, mut pair: Pair) -> Result<Done, StepError> {
        let alone = !pair.link.has_both();
        let in_vain = (alone && pair.counterpart == Counterpart::Leave) || pair.is_unsure();
        let given_up = in_vain && pair.link.give_up();
        let found_out = !pair.claims.is_empty() || !pair.aliases.is_empty();
        if !given_up && !found_out {
            return Ok(Done::default());
        }
        self.unpark_claimed(&pair.claims).await?;
        let met = pair.met.then(|| self.both_records(&pair.link)).flatten();
        self.record_join(pair.link, pair.expected, pair.claims, met, pair.aliases).await?;
        Ok(if found_out { Done::AGAIN } else { Done::default() })
    }

    /// Takes back what was said of records while they were strangers. Before they are claimed: afterwards nobody comes back to
    /// do it.
    pub(super) async fn unpark_claimed(&self, records: &[RecordKey]) -> Result<(), StepError> {
        for record in records {
            self.store.unpark(&ParkKey::Record(record.clone())).await?;
        }
        Ok(())
    }

    /// Commits a link's records and nothing else. If somebody was faster, looking again will tell.
    pub(super) async fn record_join(
        &self,
        mut link: Link,
        expected: Expected,
        records: Vec<RecordKey>,
        met: Option<PerSide<RecordKey>>,
        aliases: Vec<(RecordKey, RecordId)>,
    ) -> Result<(), StepError> {
        link.generation = link.generation.next();
        let commit = Commit { met, aliases, ..Commit::of_link(expected, link, records) };
        match self.store.commit(commit).await {
            Ok(()) | Err(CommitError::Moved | CommitError::Taken { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Both records of a link, if it has them.
    pub(super) fn both_records(&self, link: &Link) -> Option<PerSide<RecordKey>> {
        let key = |side: Side| Some(self.record(side, &link.object, link.records[side].as_ref()?));
        Some(PerSide { hubspot: key(Side::HubSpot)?, salesforce: key(Side::Salesforce)? })
    }

    /// Commits a decision, on the generation that it was made from.
    async fn perform(&self, pair: Pair, mut decision: Decision, now: Timestamp) -> Result<Done, StepError> {
        let joined = pair.expected != Expected::New
            && !pair.claims.is_empty()
            && decision.link.is_whole()
            && self.contract.points_to(&decision.link.object);
        let again = match decision.wait {
            Some(Wait::RowTooFresh) => Again::Later,
            // What was forgotten first may have to go for good.
            None if decision.shred => Again::Now,
            // Whoever waits for it is told at the next look.
            None if joined => Again::Now,
            Some(Wait::Suspect) | None => Again::No,
        };
        self.welcome_who_is_seen(&pair.link, &decision.link).await?;
        if decision.shred {
            self.tell_of_what_is_left(&decision.link, pair.erased, now).await?;
        }
        self.forgive_what_is_over(&mut decision).await?;
        decision.link.announced &= decision.link.is_whole();
        let fresh = pair.expected == Expected::New;
        if !fresh && pair.claims.is_empty() && pair.aliases.is_empty() && !decision.changes(&pair.link) {
            return Ok(Done { issued: Vec::new(), again });
        }
        // What only keys have brought together goes by whoever holds them.
        if (!fresh || pair.parted || pair.is_marked()) && !decision.keys.is_empty() {
            self.leave_owned_keys(&mut decision).await?;
        }
        let issued: Vec<(Side, IntentRef)> = decision
            .issued
            .iter()
            .map(|(side, number)| (*side, IntentRef { link: pair.link.id.clone(), number: *number }))
            .collect();
        let faults = decision.faults.into_iter().map(|(field, fault)| {
            Parked::new(ParkKey::Field(pair.link.id.clone(), field), fault.to_string(), now)
        });
        let unseen = self.unseen(&pair.link, &decision.link, now);
        let met = pair.met.then(|| self.both_records(&decision.link)).flatten();
        let commit = Commit {
            expected: pair.expected,
            link: decision.link,
            records: pair.claims,
            met,
            aliases: pair.aliases,
            keys: decision.keys,
            released: decision.released,
            conflicts: decision.conflicts,
            resolved: decision.resolved,
            parked: faults.chain(unseen).collect(),
            healed: decision.healed,
            journal: decision.journal,
            shred: decision.shred,
        };
        self.unpark_claimed(&commit.records).await?;
        match self.store.commit(commit).await {
            Ok(()) => Ok(Done { issued, again }),
            Err(CommitError::Moved | CommitError::Taken { .. }) => Ok(Done::AGAIN),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// A key that another link holds is not claimed: the record keeps its value, and matching goes by the owner.
    async fn leave_owned_keys(&self, decision: &mut Decision) -> Result<(), StepError> {
        let owners = self.store.owners(&decision.keys).await?;
        let mine = &decision.link.id;
        let mut owners = owners.into_iter();
        decision.keys.retain(|_| owners.next().flatten().is_none_or(|owner| owner == *mine));
        Ok(())
    }
}

impl Pair {
    fn of(link: Link, side: Side, reading: Reading) -> Self {
        let expected = Expected::At(link.generation);
        let readings = PerSide::only(side, reading);
        Self {
            link,
            expected,
            claims: Vec::new(),
            aliases: Vec::new(),
            readings,
            counterpart: Counterpart::Leave,
            absorbed: None,
            erased: None,
            met: false,
            parted: false,
        }
    }
}

/// Together with the side's word that it has erased a record, that is evidence enough; a record that lives is not erased.
fn shows_nothing_alive(reading: &Reading) -> bool {
    match reading {
        Reading::NotFound => true,
        Reading::Row(row) => row.standing != Standing::Alive,
        Reading::MergedInto(_) => false,
    }
}
