//! Which link a record belongs to (P6, P11): records without a link are matched by `concord_id`, then by the
//! contract's exact keys, and only then given a counterpart.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::fetch::{Counterpart, Looks, Pair};
use super::{Engine, StepError, link_id};
use crate::contract::{Create, Object};
use crate::link::Link;
use crate::names::{LinkId, PerSide, RecordId, RecordKey, Side, WireName};
use crate::port::{Crm, Expected, Found, NaturalKey, ParkKey, Parked, Queue, Store, Whereabouts};
use crate::row::{Reading, Row, Standing};
use crate::value::{Known, Presence, Raw};

/// One key value of one record, and how the other side is asked for it.
struct Key {
    natural: NaturalKey,
    wire: WireName,
    text: String,
}

/// What the keys of a record lead to.
enum Match {
    /// Nothing: a counterpart may be made.
    Nobody,
    /// A link that lacks this side.
    Link(LinkId),
    /// A record on the other side that has no link.
    Record(RecordId),
    /// More than one candidate, or one that is taken: for a person to decide.
    Unclear(String),
}

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
                    pair.claims.push(self.record(other, &object.name, id));
                }
                _ => unanswered.push(pair),
            }
        }
        let seen: Vec<(Row, LinkId)> = unanswered
            .iter()
            .filter_map(|pair| Some((pair.row(side)?.clone(), pair.link.id.clone())))
            .collect();
        let rows: Vec<(&Row, Option<&LinkId>)> = seen.iter().map(|(row, link)| (row, Some(link))).collect();
        let mut matches = self.match_rows(object, side, &rows).await?.into_iter();
        for pair in unanswered {
            let Some(id) = pair.row(side).map(|row| row.id.clone()) else { continue };
            match matches.next() {
                // It is about to get one: whichever carries `concord_id` first is it (P6).
                Some(Match::Record(_)) if pair.link.makes(other, now) => {
                    pair.counterpart = may_make(object, other);
                }
                Some(Match::Record(id)) => {
                    pair.claims.push(self.record(other, &object.name, &id));
                    pair.link.records[other] = Some(id);
                }
                Some(Match::Nobody) => pair.counterpart = may_make(object, other),
                // Somebody was faster: since the link was read, it got its counterpart.
                Some(Match::Link(owner)) if owner == pair.link.id => again.now.push(id),
                Some(Match::Link(_)) => {
                    let reason = format!(
                        "the {other} record with the same key belongs to another pair: merge the two {side} records, \
                         or give one of them another key"
                    );
                    self.park_record(side, object, &id, reason, now).await?;
                }
                Some(Match::Unclear(reason)) => self.park_record(side, object, &id, reason, now).await?,
                None => {}
            }
        }
        Ok(())
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
        for (id, reading) in strangers {
            match reading {
                Reading::MergedInto(winner) => again.now.push(winner),
                Reading::NotFound => {}
                Reading::Row(row) => match (row.concord_id.clone(), &row.standing) {
                    // In the bin as well: a record of ours whose answer was lost may be deleted before it is seen.
                    (Some(link), _) => {
                        if !self.adopt(object, side, &id, &row, &link, again, now).await? {
                            unknown.push((id, row, Some(link)));
                        }
                    }
                    (None, Standing::Alive) => unknown.push((id, row, None)),
                    (None, Standing::Archived { .. }) => {}
                },
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let rows: Vec<(&Row, Option<&LinkId>)> =
            unknown.iter().map(|(_, row, mark)| (&**row, mark.as_ref())).collect();
        let mut matches = self.match_rows(object, side, &rows).await?;
        let marks: Vec<(&RecordId, Option<&LinkId>)> =
            unknown.iter().map(|(id, _, mark)| (id, mark.as_ref())).collect();
        self.match_names(object, side, &marks, &mut matches).await?;
        for ((id, row, mark), found) in unknown.into_iter().zip(matches) {
            match found {
                Match::Nobody if may_make(object, side.other()) == Counterpart::Leave => {}
                Match::Nobody => pairs.push((id, self.new_pair(object, side, *row, mark, None))),
                Match::Record(other) => {
                    pairs.push((id, self.new_pair(object, side, *row, mark, Some(other))))
                }
                Match::Link(link) => {
                    // It is about to get one: whichever carries `concord_id` first is it, and the other is found
                    // then (P6).
                    let known = self.store.links(std::slice::from_ref(&link)).await?;
                    match known.into_iter().flatten().next() {
                        Some(link) if link.records[side].is_none() && link.makes(side, now) => {
                            again.later.push(id);
                        }
                        Some(link) => self.join(object, side, &id, link, again, now).await?,
                        None => again.now.push(id),
                    }
                }
                Match::Unclear(reason) => self.park_record(side, object, &id, reason, now).await?,
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
        let known = self.store.links(std::slice::from_ref(link)).await?.into_iter().flatten().next();
        let alive = row.standing == Standing::Alive;
        match known {
            Some(known) if alive || known.records[side].is_none() => {
                self.join(object, side, id, known, again, now).await?;
                Ok(true)
            }
            Some(_) => Ok(true),
            None => Ok(!alive),
        }
    }

    /// Records that this record is the link's, then has it looked at again.
    async fn join(
        &self,
        object: &Object,
        side: Side,
        id: &RecordId,
        mut link: Link,
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
            return self.park_record(side, object, id, reason, now).await;
        }
        let expected = Expected::At(link.generation);
        link.records[side] = Some(id.clone());
        let claims = vec![self.record(side, &object.name, id)];
        self.record_join(link, expected, claims, Vec::new()).await?;
        again.now.push(id.clone());
        Ok(())
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
        self.park_record(side, object, id, reason, now).await?;
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
        Pair { link, expected, claims, aliases, readings, counterpart, absorbed: None }
    }

    /// The records that carry these `concord_id`s.
    async fn find_ours(
        &self,
        side: Side,
        object: &Object,
        links: &[String],
    ) -> Result<Vec<Found>, StepError> {
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let spec = object.spec(side);
        let found = match side {
            Side::HubSpot => self.hubspot.find_linked(&spec, links).await,
            Side::Salesforce => self.salesforce.find_linked(&spec, links).await,
        };
        found.map_err(|failure| StepError::Crm { side, failure })
    }

    /// What the keys of each row lead to, beyond the link that it has. The first key that leads anywhere decides.
    async fn match_rows(
        &self,
        object: &Object,
        side: Side,
        rows: &[(&Row, Option<&LinkId>)],
    ) -> Result<Vec<Match>, StepError> {
        let mut matches: Vec<Option<Match>> = rows.iter().map(|_| None).collect();
        for name in &object.keys {
            let Some(field) = object.fields.get(name) else { continue };
            let keys: Vec<Option<Key>> =
                rows.iter().map(|(row, _)| self.key_of(object, field, side, row)).collect();
            let open: Vec<usize> =
                (0..rows.len()).filter(|index| matches[*index].is_none() && keys[*index].is_some()).collect();
            let asked: Vec<(&Key, Option<&LinkId>)> =
                open.iter().filter_map(|index| Some((keys[*index].as_ref()?, rows[*index].1))).collect();
            for (index, found) in open.into_iter().zip(self.match_keys(object, side, &asked).await?) {
                matches[index] = match found {
                    Match::Nobody => None,
                    Match::Link(_) | Match::Record(_) | Match::Unclear(_) => Some(found),
                };
            }
        }
        Ok(matches.into_iter().map(|found| found.unwrap_or(Match::Nobody)).collect())
    }

    /// What may know of a record by the name of its link, after the store was restored from a backup: a link of that
    /// name that has another record, or a record on the other side with that mark. A mark on the record itself tells
    /// more than keys do; otherwise what its keys lead to is enough.
    async fn match_names(
        &self,
        object: &Object,
        side: Side,
        marks: &[(&RecordId, Option<&LinkId>)],
        matches: &mut [Match],
    ) -> Result<(), StepError> {
        let name = |(id, mark): &(&RecordId, Option<&LinkId>)| {
            mark.cloned().unwrap_or_else(|| link_id(&self.record(side, &object.name, id)))
        };
        let names: Vec<LinkId> = marks.iter().map(name).collect();
        for (found, link) in matches.iter_mut().zip(self.store.links(&names).await?) {
            if let (Match::Nobody | Match::Record(_), Some(link)) = (&*found, link) {
                *found = Match::Link(link.id);
            }
        }
        let open: Vec<usize> = (0..matches.len())
            .filter(|index| marks[*index].1.is_some() || matches!(matches[*index], Match::Nobody))
            .collect();
        let asked: Vec<String> = open.iter().map(|index| names[*index].as_str().to_owned()).collect();
        let marked = self.find_ours(side.other(), object, &asked).await?;
        let located = self.locate_found(side.other(), object, &marked).await?;
        for (index, marked) in open.into_iter().zip(&marked).filter(|(_, marked)| !marked.ids.is_empty()) {
            matches[index] = judge(side.other(), Some(marked), &located);
        }
        Ok(())
    }

    /// Where the store has the records that were found.
    async fn locate_found(
        &self,
        side: Side,
        object: &Object,
        found: impl IntoIterator<Item = &Found>,
    ) -> Result<BTreeMap<RecordId, Whereabouts>, StepError> {
        let ids = found.into_iter().flat_map(|found| &found.ids);
        let candidates: Vec<RecordKey> = ids.map(|id| self.record(side, &object.name, id)).collect();
        if candidates.is_empty() {
            return Ok(BTreeMap::new());
        }
        let located = self.store.locate(&candidates).await?;
        Ok(candidates.into_iter().map(|record| record.id).zip(located).collect())
    }

    fn key_of(&self, object: &Object, field: &crate::contract::Field, side: Side, row: &Row) -> Option<Key> {
        let raw: Vec<_> = field.wire[side].iter().filter_map(|wire| row.fields.get(wire).cloned()).collect();
        let value = field.canonicalise(side, &raw).ok()?;
        let hash = self.key.hash(Known(Some(value.value()?)));
        let rendered = field.render(side.other(), &value).ok()?;
        let (wire, Presence::Value(Raw::Text(text))) = rendered.into_iter().next()? else { return None };
        let natural = NaturalKey { object: object.name.clone(), field: field.name.clone(), hash };
        Some(Key { natural, wire, text })
    }

    async fn match_keys(
        &self,
        object: &Object,
        side: Side,
        keys: &[(&Key, Option<&LinkId>)],
    ) -> Result<Vec<Match>, StepError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let natural: Vec<NaturalKey> = keys.iter().map(|(key, _)| key.natural.clone()).collect();
        let mut owners = self.store.owners(&natural).await?;
        // That a key is one's own says nothing about who holds it on the other side.
        for (owner, (_, own)) in owners.iter_mut().zip(keys) {
            *owner = owner.take().filter(|owner| Some(owner) != *own);
        }
        let keys: Vec<&Key> = keys.iter().map(|(key, _)| *key).collect();
        let mut texts: Vec<String> = keys
            .iter()
            .zip(&owners)
            .filter(|(_, owner)| owner.is_none())
            .map(|(key, _)| key.text.clone())
            .collect();
        texts.sort_unstable();
        texts.dedup();
        let found = self.find_by_key(side.other(), object, &keys, &texts).await?;
        let located = self.locate_found(side.other(), object, found.values()).await?;
        Ok(keys
            .iter()
            .zip(owners)
            .map(|(key, owner)| match owner {
                Some(link) => Match::Link(link),
                None => judge(side.other(), found.get(&key.text), &located),
            })
            .collect())
    }

    async fn find_by_key(
        &self,
        side: Side,
        object: &Object,
        keys: &[&Key],
        texts: &[String],
    ) -> Result<BTreeMap<String, Found>, StepError> {
        let (Some(key), false) = (keys.first(), texts.is_empty()) else { return Ok(BTreeMap::new()) };
        let spec = object.spec(side);
        let found = match side {
            Side::HubSpot => self.hubspot.find(&spec, &key.wire, texts).await,
            Side::Salesforce => self.salesforce.find(&spec, &key.wire, texts).await,
        };
        let found = found.map_err(|failure| StepError::Crm { side, failure })?;
        Ok(texts.iter().cloned().zip(found).collect())
    }

    async fn park_record(
        &self,
        side: Side,
        object: &Object,
        id: &RecordId,
        reason: String,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let key = ParkKey::Record(self.record(side, &object.name, id));
        Ok(self.store.park(&Parked { key, reason, since: now }).await?)
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

    fn row(&self, side: Side) -> Option<&Row> {
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

/// What the records found under a key mean.
fn judge(side: Side, found: Option<&Found>, located: &BTreeMap<RecordId, Whereabouts>) -> Match {
    match found.map(|found| found.ids.as_slice()) {
        None | Some([]) => Match::Nobody,
        Some([id]) => match located.get(id) {
            Some(Whereabouts::Linked(link)) => Match::Link(link.clone()),
            Some(Whereabouts::Alias(_)) => {
                Match::Unclear(format!("the {side} record {id} was merged away: look again"))
            }
            Some(Whereabouts::Nowhere) | None => Match::Record(id.clone()),
        },
        Some(many) => {
            let ids: Vec<&str> = many.iter().map(RecordId::as_str).collect();
            Match::Unclear(format!(
                "{} {side} records hold the same key ({}): merge them, or give all but one another key",
                many.len(),
                ids.join(", ")
            ))
        }
    }
}
