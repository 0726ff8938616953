//! Which link a record belongs to (P6, P11): records without a link are matched by `concord_id`, then by the
//! contract's exact keys, and only then given a counterpart.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::fetch::{Counterpart, Looks, Pair};
use super::matching::{Match, Unclear};
use super::{Engine, StepError, link_id};
use crate::contract::{Create, Object};
use crate::link::{Link, Refusal};
use crate::names::{LinkId, PerSide, RecordId, RecordKey, Side};
use crate::port::{Crm, Expected, ParkKey, Parked, Queue, Store};
use crate::row::{Reading, Row, Standing};

/// Why the record of somebody who was erased is not taken for a new one.
const ERASED: &str = "somebody with the same key was erased, as privacy law asks, so no record is made from this one. If it is a \
                      stale copy, delete it; if they have come back, make both records by hand and say `concord link`";

/// Why a record with the mark of somebody who was erased is left to a person.
const MARKED_ERASED: &str = "it carries the mark of somebody who was erased, as privacy law asks: if it is theirs, erase it here; if \
                             theirs was merged into it, clear its concord_id";

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    pub(super) fn record(&self, side: Side, object: &crate::names::ObjectName, id: &RecordId) -> RecordKey {
        RecordKey { side, object: object.clone(), id: id.clone() }
    }

    /// Links that lack one side: an insert of ours may have landed unanswered, or a matching record may have
    /// come up since.
    pub(super) async fn find_counterparts(
        &self,
        object: &Object,
        side: Side,
        pairs: &mut [(RecordId, Pair)],
        again: &mut Looks,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let other = side.other();
        let mut lacking: Vec<&mut Pair> = pairs
            .iter_mut()
            .map(|(_, pair)| pair)
            .filter(|pair| pair.link.records[other].is_none() && pair.absorbed.is_none())
            .collect();
        let links: Vec<String> = lacking.iter().map(|pair| pair.link.id.as_str().to_owned()).collect();
        let ours = self.find_ours(other, object, &links).await?;
        let mut unanswered = Vec::new();
        for (pair, found) in lacking.iter_mut().zip(ours) {
            match found.ids.as_slice() {
                [id] => {
                    pair.link.records[other] = Some(id.clone());
                    pair.link.purge_what_was_made(other);
                    pair.claims.push(self.record(other, &object.name, id));
                    self.take_back_what_was_unclear(side, pair).await?;
                }
                _ if pair.link.is_erased() => {} // Only what is ours can be its counterpart.
                _ => unanswered.push(pair),
            }
        }
        let seen: Vec<(Row, LinkId)> = unanswered
            .iter()
            .filter_map(|pair| Some((pair.row(side)?.clone(), pair.link.id.clone())))
            .collect();
        let rows: Vec<(&Row, Option<&LinkId>)> = seen.iter().map(|(row, link)| (row, Some(link))).collect();
        let mut matches = self.match_rows(object, side, &rows, &mut BTreeSet::new()).await?.into_iter();
        for pair in unanswered {
            let Some(id) = pair.row(side).map(|row| row.id.clone()) else { continue };
            match matches.next() {
                // It is about to get one: whichever carries `concord_id` first is it (P6).
                Some(Match::Record { .. }) if pair.link.makes(other, now) => {
                    pair.counterpart = may_make(object, other);
                }
                Some(Match::Record { id, met }) => {
                    pair.claims.push(self.record(other, &object.name, &id));
                    pair.met = met;
                    self.take_back_what_was_unclear(side, pair).await?;
                    pair.link.records[other] = Some(id);
                }
                Some(Match::Nobody(_)) => {
                    pair.counterpart = may_make(object, other);
                    self.take_back_what_was_unclear(side, pair).await?;
                }
                // Somebody was faster: since the link was read, it got its counterpart.
                Some(Match::Link(owner)) if owner == pair.link.id => again.now.push(id),
                Some(Match::Link(_)) => {
                    let reason = format!(
                        "the {other} record with the same key belongs to another pair: merge the two {side} records, \
                         or give one of them another key"
                    );
                    self.park_record(side, object, &id, Unclear::because(reason), now).await?;
                }
                Some(Match::Unclear(unclear)) => self.park_record(side, object, &id, unclear, now).await?,
                None => {}
            }
        }
        Ok(())
    }

    /// It is clear by now whom a record belongs with, or that nobody is made for it: what a person was asked is over. While an insert is
    /// open nobody was asked, and what a side has refused stays until that side takes it.
    async fn take_back_what_was_unclear(&self, side: Side, pair: &mut Pair) -> Result<(), StepError> {
        let refused = pair.link.refused[side.other()] == Refusal::Parked;
        let lacks = pair.link.records[side.other()].is_none();
        if refused && lacks && pair.counterpart == Counterpart::Leave {
            return self.forgive(side.other(), &mut pair.link).await;
        }
        match &pair.link.records[side] {
            Some(id) if !refused && !pair.link.is_erased() && pair.link.open_since().is_none() => {
                let record = self.record(side, &pair.link.object, id);
                self.unpark_claimed(&[record]).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Records without a link. Those that join an existing link are recorded first and looked at again, so that
    /// the link is always read before the rows (P3).
    pub(super) async fn pair_strangers(
        &self,
        object: &Object,
        side: Side,
        strangers: Vec<(RecordId, Reading)>,
        pairs: &mut Vec<(RecordId, Pair)>,
        again: &mut Looks,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let mut unknown = Vec::new();
        for (id, reading) in self.leave_converted(object, side, strangers, now).await? {
            match reading {
                // What was said of it is said of nobody any more.
                Reading::MergedInto(winner) => {
                    self.unpark_record(side, object, &id).await?;
                    again.now.push(winner);
                }
                Reading::NotFound => self.unpark_record(side, object, &id).await?,
                Reading::Row(row) => match (row.concord_id.clone(), &row.standing) {
                    // In the bin as well: a record of ours whose answer was lost may be deleted before it is seen.
                    (Some(link), _) => {
                        if !self.adopt(object, side, &id, &row, &link, again, now).await? {
                            unknown.push((id, row, Some(link)));
                        }
                    }
                    (None, Standing::Alive) => unknown.push((id, row, None)),
                    (None, Standing::Archived { .. }) => self.unpark_record(side, object, &id).await?,
                },
            }
        }
        let mut wanted = Vec::new();
        for (id, row, mark) in unknown {
            if mark.is_some() || !self.leaves_out(object, side, &row, now).await? {
                wanted.push((id, row, mark));
            }
        }
        let unknown = wanted;
        if unknown.is_empty() {
            return Ok(());
        }
        let rows: Vec<(&Row, Option<&LinkId>)> =
            unknown.iter().map(|(_, row, mark)| (&**row, mark.as_ref())).collect();
        let mut parted = BTreeSet::new();
        let mut matches = self.match_rows(object, side, &rows, &mut parted).await?;
        let marks: Vec<(&RecordId, Option<&LinkId>)> =
            unknown.iter().map(|(id, _, mark)| (id, mark.as_ref())).collect();
        self.match_names(object, side, &marks, &mut matches).await?;
        if may_make(object, side.other()) == Counterpart::None {
            self.leave_lookalikes(object, side, &rows, &mut matches).await?;
        }
        for ((id, row, mark), found) in unknown.into_iter().zip(matches) {
            match found {
                Match::Nobody(_) if may_make(object, side.other()) == Counterpart::Leave => {}
                // Its twin may have been entered at the same time, and not be found yet.
                Match::Nobody(lag) if row.is_younger_than(lag) => {
                    again.once_found.0 = lag;
                    again.once_found.1.push(id);
                }
                Match::Nobody(_) => {
                    let pair = self.new_pair(object, side, *row, mark, None);
                    pairs.push((id.clone(), Pair { parted: parted.contains(&id), ..pair }));
                }
                Match::Record { id: other, met } => {
                    let pair = self.new_pair(object, side, *row, mark, Some(other));
                    pairs.push((id.clone(), Pair { met, parted: parted.contains(&id), ..pair }));
                }
                Match::Link(link) => {
                    // It is about to get one: whichever carries `concord_id` first is it, and the other is found
                    // then (P6).
                    match self.stored(&link).await? {
                        Some(link) if link.records[side].is_none() && link.makes(side, now) => {
                            again.later.push(id);
                        }
                        Some(link) if link.is_erased() => {
                            self.park_record(side, object, &id, Unclear::because(ERASED.to_owned()), now)
                                .await?;
                        }
                        Some(link) => self.join(object, side, &id, link, true, again, now).await?,
                        None => again.now.push(id),
                    }
                }
                Match::Unclear(unclear) => self.park_record(side, object, &id, unclear, now).await?,
            }
        }
        Ok(())
    }

    /// A row that carries `concord_id` belongs to that link: its answer was lost, or the link was with a store that
    /// was restored from a backup. `false`: nothing but the row knows of it.
    #[expect(
        clippy::too_many_arguments,
        reason = "one caller; a struct for it would only rename the arguments"
    )]
    async fn adopt(
        &self,
        object: &Object,
        side: Side,
        id: &RecordId,
        row: &Row,
        link: &LinkId,
        again: &mut Looks,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        let known = self.stored(link).await?;
        let alive = row.standing == Standing::Alive;
        match known {
            Some(known) if known.is_erased() && known.records[side].is_none() => {
                self.join_erased(self.record(side, &object.name, id), known).await?;
                again.now.push(id.clone());
                Ok(true)
            }
            // Whoever was merged with one that was left to people may carry its mark, and is somebody else too.
            Some(known) if known.is_erased() && alive => {
                let unclear = Unclear::because(MARKED_ERASED.to_owned());
                self.park_record(side, object, id, unclear, now).await?;
                Ok(true)
            }
            Some(known) if alive || known.records[side].is_none() => {
                self.join(object, side, id, known, false, again, now).await?;
                Ok(true)
            }
            None if alive => Ok(false),
            // In the bin, it waits for nobody.
            Some(_) | None => {
                self.unpark_record(side, object, id).await?;
                Ok(true)
            }
        }
    }

    /// Records that this record is the link's, then has it looked at again.
    #[expect(clippy::too_many_arguments, reason = "a struct for two callers would only rename the arguments")]
    async fn join(
        &self,
        object: &Object,
        side: Side,
        id: &RecordId,
        mut link: Link,
        by_key: bool,
        again: &mut Looks,
        now: Timestamp,
    ) -> Result<(), StepError> {
        if let Some(taken) = &link.records[side]
            && taken != id
        {
            // Unless that one was merged into this one, which looking at it will tell.
            again.now.push(taken.clone());
            let reason = format!(
                "the pair that this record matches has another {side} record, {taken}: merge the two in {side}, or \
                 give one of them another key"
            );
            return self.park_record(side, object, id, Unclear::because(reason), now).await;
        }
        let expected = Expected::At(link.generation);
        link.records[side] = Some(id.clone());
        let claims = vec![self.record(side, &object.name, id)];
        self.unpark_claimed(&claims).await?;
        if let (Some(id), Refusal::None) = (&link.records[side.other()], link.refused[side]) {
            self.unpark_record(side.other(), object, id).await?;
        }
        let met = by_key.then(|| self.both_records(&link)).flatten();
        self.record_join(link, expected, claims, met, Vec::new()).await?;
        again.now.push(id.clone());
        Ok(())
    }

    /// Whether the contract's scope leaves a stranger out, or cannot tell, of which a person is told.
    async fn leaves_out(
        &self,
        object: &Object,
        side: Side,
        row: &Row,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        match object.scope.as_ref().map(|scope| scope.admits(object, side, row)) {
            None | Some(Ok(true)) => return Ok(false),
            Some(Ok(false)) => self.unpark_record(side, object, &row.id).await?,
            Some(Err((field, fault))) => {
                let reason = format!("its field {} decides whether it is in scope: {fault}", field.name);
                self.park_record(side, object, &row.id, Unclear::because(reason), now).await?;
            }
        }
        Ok(true)
    }

    /// Whether the contract's scope leaves out the record that a stranger's key led to: then the two are not made a pair.
    pub(super) async fn meets_who_is_left_out(
        &self,
        object: &Object,
        pair: &Pair,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        if pair.expected != Expected::New || pair.is_marked() {
            return Ok(false);
        }
        for side in Side::BOTH {
            if let Some(row) = pair.row(side)
                && self.leaves_out(object, side, row, now).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the record that a stranger's key led to is left to another link, whose mark it carries: the store has
    /// forgotten that link. If it knows it, somebody was faster, and the commit will tell.
    pub(super) async fn leave_marked(
        &self,
        object: &Object,
        pair: &Pair,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        let Some((other, mark)) = pair.marked_for_another() else { return Ok(false) };
        let side = other.other();
        let (Some(id), [None]) =
            (&pair.link.records[side], self.store.links(std::slice::from_ref(mark)).await?.as_slice())
        else {
            return Ok(false);
        };
        let reason = format!(
            "the {other} record with the same key is marked as another pair's: merge the two {side} records, or give \
             one of them another key"
        );
        self.park_record(side, object, id, Unclear::because(reason), now).await?;
        Ok(true)
    }

    fn new_pair(
        &self,
        object: &Object,
        side: Side,
        row: Row,
        link: Option<LinkId>,
        other: Option<RecordId>,
    ) -> Pair {
        let seen = self.record(side, &object.name, &row.id);
        let id = link.unwrap_or_else(|| link_id(&seen));
        let mut link = Link::new(id, object.name.clone(), self.contract.version);
        link.records[side] = Some(row.id.clone());
        link.records[side.other()] = other;
        let claims = Side::BOTH
            .into_iter()
            .filter_map(|side| link.records[side].as_ref().map(|id| self.record(side, &object.name, id)))
            .collect();
        let readings = PerSide::only(side, Reading::Row(Box::new(row)));
        let counterpart = may_make(object, side.other());
        let (expected, aliases) = (Expected::New, Vec::new());
        Pair {
            link,
            expected,
            claims,
            aliases,
            readings,
            counterpart,
            absorbed: None,
            erased: None,
            met: false,
            parted: false,
        }
    }

    pub(super) async fn unpark_record(
        &self,
        side: Side,
        object: &Object,
        id: &RecordId,
    ) -> Result<(), StepError> {
        Ok(self.store.unpark(&ParkKey::Record(self.record(side, &object.name, id))).await?)
    }

    pub(super) async fn park_record(
        &self,
        side: Side,
        object: &Object,
        id: &RecordId,
        Unclear { reason, candidates }: Unclear,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let key = ParkKey::Record(self.record(side, &object.name, id));
        Ok(self.store.park(&Parked { key, reason, candidates, since: now }).await?)
    }
}

impl Pair {
    /// Whether a record says itself that it is the link's.
    pub(super) fn is_marked(&self) -> bool {
        Side::BOTH.into_iter().any(|side| self.mark(side) == Some(&self.link.id))
    }

    fn mark(&self, side: Side) -> Option<&LinkId> {
        self.row(side)?.concord_id.as_ref()
    }

    /// The side on which a new pair found a record that carries another link's mark, and the mark.
    fn marked_for_another(&self) -> Option<(Side, &LinkId)> {
        let mark = |side: Side| Some((side, self.mark(side)?));
        let marks = Side::BOTH.into_iter().filter_map(mark);
        marks.filter(|_| self.expected == Expected::New).find(|(_, mark)| **mark != self.link.id)
    }

    pub(super) fn row(&self, side: Side) -> Option<&Row> {
        match &self.readings[side] {
            Some(Reading::Row(row)) => Some(row),
            Some(Reading::MergedInto(_) | Reading::NotFound) | None => None,
        }
    }
}

fn may_make(object: &Object, side: Side) -> Counterpart {
    match object.create[side] {
        Create::Missing => Counterpart::None,
        Create::Never => Counterpart::Leave,
    }
}
