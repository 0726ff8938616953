//! References at work (P12): rows are renamed as they are read and intents as they are sent, and a field whose target is in
//! no pair waits for it.
//!
//! Who waits is remembered before it looks once more, and a pair that became whole tells those who wait for it before
//! that is remembered of it. So nobody waits for what is there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::fetch::Pair;
use super::{Engine, StepError, digest, id_list};
use crate::contract::{Field, Object};
use crate::decide::{Decision, written};
use crate::link::{Link, Refusal, Status};
use crate::names::{LinkId, ObjectName, RecordId, RecordKey, Side, WireName};
use crate::port::{Crm, Queue, Store, Write};
use crate::reference::{self, Targets};
use crate::row::{Reading, Row, Standing};
use crate::settle::element;
use crate::value::{ImageKey, Presence, Raw};

/// How many records that are in no pair one field waits for. Ours: each is an item in the store; of more, sweeps tell.
const WAITS_MAX: usize = 100;

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Puts link ids in the place of the record ids in references.
    pub(super) async fn name_references<'a>(
        &self,
        side: Side,
        object: &Object,
        rows: impl IntoIterator<Item = &'a mut Row>,
    ) -> Result<(), StepError> {
        let rows: Vec<&mut Row> = rows.into_iter().collect();
        let targets = rows.iter().flat_map(|row| reference::records_in(object, side, row)).collect();
        let targets = self.targets(targets).await?;
        rows.into_iter().for_each(|row| reference::rename(object, side, row, &targets));
        Ok(())
    }

    /// The pairs of these records, merged ones replaced by their winners.
    async fn targets(&self, records: BTreeSet<RecordKey>) -> Result<Targets, StepError> {
        let found = self.locate_winners(records).await?;
        let ids: BTreeSet<&LinkId> = found.values().filter_map(|(_, link)| link.as_ref()).collect();
        if ids.is_empty() {
            return Ok(Targets::default());
        }
        let ids: Vec<LinkId> = ids.into_iter().cloned().collect();
        let links = self.store.links(&ids).await?;
        let known: BTreeMap<LinkId, Link> =
            links.into_iter().flatten().map(|link| (link.id.clone(), link)).collect();
        let mut targets = Targets::default();
        for (record, (_, link)) in found {
            let Some(link) = link.and_then(|link| known.get(&link)) else { continue };
            if may_be_associated(link) {
                targets.live.insert(record.clone(), link.id.clone());
            }
            if link.is_whole() || link.status != Status::Live {
                targets.all.insert(record, link.id.clone());
            }
        }
        Ok(targets)
    }

    /// Puts record ids in the place of link ids. Also the links whose intent points to a pair that is none any more: it is not
    /// sent.
    pub(super) async fn point_at_records(
        &self,
        side: Side,
        object: &Object,
        mut current: Vec<(Link, Write)>,
    ) -> Result<(Vec<(Link, Write)>, Vec<Link>), StepError> {
        let fields: BTreeMap<&WireName, &Field> =
            reference::fields(object, side).map(|(wire, field, _)| (wire, field)).collect();
        let mut links: BTreeSet<LinkId> = BTreeSet::new();
        for (_, write) in &mut current {
            links.extend(pointing(write, &fields).flat_map(|(_, raw)| reference::links_in(raw)));
        }
        if links.is_empty() {
            return Ok((current, Vec::new()));
        }
        let links: Vec<LinkId> = links.into_iter().collect();
        let found = self.store.links(&links).await?;
        let record = |link: Link| Some((link.id, link.records[side].clone()?));
        let records: BTreeMap<LinkId, RecordId> = found.into_iter().flatten().filter_map(record).collect();
        let (mut sent, mut pointless) = (Vec::new(), Vec::new());
        for (link, mut write) in current {
            let found = pointing(&mut write, &fields)
                .all(|(field, raw)| reference::point(side, field, raw, &records));
            if found { sent.push((link, write)) } else { pointless.push(link) }
        }
        Ok((sent, pointless))
    }

    /// What somebody has made a reference to, and is over by now, leads nowhere on the other side: it waits for that pair to come
    /// back. A reference that both sides had agreed on stays as it is.
    pub(super) async fn leave_what_is_over(
        &self,
        object: &Object,
        pairs: &mut [(RecordId, Pair)],
    ) -> Result<(), StepError> {
        let mut new: Vec<(usize, Side, &Field, LinkId)> = Vec::new();
        let points = |field: &&Field| reference::target_of(field).is_some() && !reference::is_set(field);
        for field in object.fields.values().filter(points) {
            for side in Side::BOTH {
                let of = |(n, (_, pair)): (usize, &(RecordId, Pair))| {
                    Some((n, side, field, new_reference(&self.key, pair, side, field)?))
                };
                new.extend(pairs.iter().enumerate().filter_map(of));
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let links: BTreeSet<LinkId> = new.iter().map(|(.., link)| link.clone()).collect();
        let links: Vec<LinkId> = links.into_iter().collect();
        let found = self.store.links(&links).await?.into_iter().flatten();
        let over: BTreeMap<LinkId, Link> =
            found.filter(|link| link.status != Status::Live).map(|link| (link.id.clone(), link)).collect();
        for (n, side, field, link) in new {
            let record = over.get(&link).map(|link| link.records[side].clone());
            if let (Some(record), Some((_, pair))) = (record, pairs.get_mut(n)) {
                let raw = record.map(|id| Presence::Value(Raw::Text(id.as_str().to_owned())));
                pair.show(side, field, &raw.unwrap_or(Presence::Unknown));
            }
        }
        Ok(())
    }

    /// Two rows are never read at one time. What both show, and neither had agreed on nor we have written, may have been over on the
    /// side that was read first before it began on the other: then that is somebody's doing, and no agreement. That side is asked once
    /// more.
    pub(super) async fn look_at_new_agreements_again(
        &self,
        object: &Object,
        side: Side,
        pairs: &mut [(RecordId, Pair)],
    ) -> Result<(), StepError> {
        for field in object.fields.values().filter(|field| reference::is_set(field)) {
            let (doubtful, ids): (Vec<usize>, Vec<RecordId>) = pairs
                .iter()
                .enumerate()
                .filter(|(_, (_, pair))| agrees_anew(&self.key, pair, field))
                .filter_map(|(n, (_, pair))| Some((n, pair.points(side, field)?.0.id.clone())))
                .unzip();
            let spec = object.spec_of(side, field.wire[side].clone());
            let mut readings = self.read_as(side, &spec, &ids).await?;
            let rows = readings.iter_mut().filter_map(|reading| match reading {
                Reading::Row(row) => Some(&mut **row),
                Reading::MergedInto(_) | Reading::NotFound => None,
            });
            self.name_references(side, object, rows).await?;
            for (n, reading) in doubtful.into_iter().zip(readings) {
                let raw = match (&reading, field.wire[side].first()) {
                    (Reading::Row(row), Some(wire)) => row.fields.get(wire).cloned(),
                    (Reading::Row(_) | Reading::MergedInto(_) | Reading::NotFound, _) => None,
                };
                if let Some((_, pair)) = pairs.get_mut(n) {
                    pair.show(side, field, &raw.unwrap_or(Presence::Unknown));
                }
            }
        }
        Ok(())
    }

    /// The two rows of a pair were read one after the other, and so was whose their associations are. Where they differ, both say
    /// it as the store has it by now: what one read has missed is nobody's edit.
    pub(super) async fn tell_associations_alike(
        &self,
        object: &Object,
        pairs: &mut [(RecordId, Pair)],
    ) -> Result<(), StepError> {
        for field in object.fields.values().filter(|field| reference::is_set(field)) {
            let Some(to) = reference::target_of(field) else { continue };
            let (mut doubtful, mut strangers) = (BTreeSet::new(), BTreeSet::new());
            let differing = |pair: &Pair| {
                let [here, there] = Side::BOTH.map(|side| pair.associations(side, field));
                here.zip(there).map(|(here, there)| &here ^ &there).filter(|links| !links.is_empty())
            };
            for (_, pair) in pairs.iter() {
                let Some(links) = differing(pair) else { continue };
                doubtful.extend(links);
                for side in Side::BOTH {
                    let shown = pair.points(side, field).into_iter();
                    strangers.extend(shown.flat_map(|(_, raw)| reference::records_of(side, to, raw)));
                }
            }
            if doubtful.is_empty() {
                continue;
            }
            self.look_whether_there_is_a_record(object, field, pairs).await?;
            let known = self.targets(strangers).await?.live;
            let doubtful: Vec<LinkId> = doubtful.into_iter().collect();
            let found = self.store.links(&doubtful).await?.into_iter().flatten();
            let live: BTreeSet<LinkId> = found.filter(may_be_associated).map(|link| link.id).collect();
            let over: BTreeSet<LinkId> = doubtful.into_iter().filter(|link| !live.contains(link)).collect();
            for (_, pair) in pairs.iter_mut().filter(|(_, pair)| differing(pair).is_some()) {
                for side in Side::BOTH {
                    let Some((_, raw)) = pair.points(side, field) else { continue };
                    let raw = reference::told_anew(side, to, raw, &known, &over);
                    pair.show(side, field, &raw);
                }
            }
        }
        Ok(())
    }

    /// A record that went to the bin, or into another, between the look at it and the look at its associations shows none.
    async fn look_whether_there_is_a_record(
        &self,
        object: &Object,
        field: &Field,
        pairs: &mut [(RecordId, Pair)],
    ) -> Result<(), StepError> {
        for side in Side::BOTH {
            let alone = |pair: &Pair| {
                let [here, there] = [side, side.other()].map(|side| pair.associations(side, field));
                here.is_some_and(|here| here.is_empty()) && there.is_some_and(|there| !there.is_empty())
            };
            let (doubtful, ids): (Vec<usize>, Vec<RecordId>) = pairs
                .iter()
                .enumerate()
                .filter(|(_, (_, pair))| alone(pair))
                .filter_map(|(n, (_, pair))| Some((n, pair.points(side, field)?.0.id.clone())))
                .unzip();
            let spec = object.spec_of(side, Vec::new());
            let readings = self.read_as(side, &spec, &ids).await?;
            for (n, reading) in doubtful.into_iter().zip(readings) {
                let alive = matches!(&reading, Reading::Row(row) if row.standing == Standing::Alive);
                if let (false, Some((_, pair))) = (alive, pairs.get_mut(n)) {
                    pair.show(side, field, &Presence::Unknown);
                }
            }
        }
        Ok(())
    }

    /// A blank that stands where the other side points to a record in the bin is that record's doing, and nobody's edit: the
    /// sides clear what points to a deleted record. The record is hinted, in case nobody told of its delete.
    pub(super) async fn mind_the_bin(
        &self,
        object: &Object,
        pairs: &mut [(RecordId, Pair)],
        now: Timestamp,
    ) -> Result<(), StepError> {
        for field in object.fields.values() {
            let Some(to) = reference::target_of(field) else { continue };
            for side in Side::BOTH {
                let missing: Vec<BTreeSet<LinkId>> =
                    pairs.iter().map(|(_, pair)| missing(&self.key, pair, side, field)).collect();
                let gone =
                    self.in_the_bin(side, to, missing.iter().flatten().cloned().collect(), now).await?;
                for ((_, pair), missing) in pairs.iter_mut().zip(missing) {
                    let gone: BTreeSet<&str> = missing.intersection(&gone).map(LinkId::as_str).collect();
                    let is_gone = |element: &&str| gone.contains(reference::member(element));
                    let there = pair.points(side.other(), field).map(|(_, raw)| raw);
                    match pair.points(side, field) {
                        Some(_) if gone.is_empty() => {}
                        Some((_, raw)) if reference::is_set(field) => {
                            // Roles come and go with their member.
                            let of_gone = there.into_iter().flat_map(reference::elements).filter(is_gone);
                            let raw = reference::holding(reference::elements(raw).chain(of_gone));
                            pair.show(side, field, &raw);
                        }
                        Some(_) | None => pair.show(side, field, &Presence::Unknown),
                    }
                }
            }
        }
        Ok(())
    }

    /// Which of these pairs have their record of this side in the bin, or nowhere to be seen.
    async fn in_the_bin(
        &self,
        side: Side,
        to: &ObjectName,
        links: BTreeSet<LinkId>,
        now: Timestamp,
    ) -> Result<BTreeSet<LinkId>, StepError> {
        let Some(object) = self.contract.objects.get(to).filter(|_| !links.is_empty()) else {
            return Ok(BTreeSet::new());
        };
        let links: Vec<LinkId> = links.into_iter().collect();
        let found = self.store.links(&links).await?;
        let records: Vec<(LinkId, RecordId)> = found
            .into_iter()
            .flatten()
            .filter_map(|link| Some((link.id.clone(), link.records[side].clone()?)))
            .collect();
        let ids: Vec<RecordId> = records.iter().map(|(_, id)| id.clone()).collect();
        let readings = self.read(side, object, &ids).await?;
        let alive = |reading: &Reading| match reading {
            Reading::Row(row) => row.standing == Standing::Alive,
            Reading::MergedInto(_) => true,
            Reading::NotFound => false,
        };
        let gone: Vec<(LinkId, RecordId)> = records
            .into_iter()
            .zip(&readings)
            .filter(|(_, reading)| !alive(reading))
            .map(|(record, _)| record)
            .collect();
        let ids: Vec<RecordId> = gone.iter().map(|(_, id)| id.clone()).collect();
        let correlation = digest(["in the bin", side.name(), &id_list(&ids), &now.to_string()]);
        self.hint(side, to, &ids, &correlation).await?;
        Ok(gone.into_iter().map(|(link, _)| link).collect())
    }

    /// Fields whose target is in no pair: each waits for it, and as it begins to wait the target is looked at, in case nobody told
    /// of it. Whether any began to.
    pub(super) async fn wait_for_targets(
        &self,
        object: &Object,
        pair: &Pair,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        let mut waits = false;
        for field in decision.unpaired.iter().filter_map(|name| object.fields.get(name)) {
            let Some(to) = reference::target_of(field) else { continue };
            for side in Side::BOTH {
                let Some((row, raw)) = pair.points(side, field) else { continue };
                let targets: BTreeSet<RecordKey> =
                    reference::records_of(side, to, raw).take(WAITS_MAX).collect();
                // Who has a pair and cannot be associated, such as a lead, is no reason to wait: a sweep finds who can. Whoever has
                // got one meanwhile is waited for as ever, since that looks once more.
                let known = if reference::is_set(field) {
                    self.targets(targets.clone()).await?
                } else {
                    Targets::default()
                };
                let unable =
                    |target: &RecordKey| known.all.contains_key(target) && !known.live.contains_key(target);
                for target in targets.into_iter().filter(|target| !unable(target)) {
                    if self.store.wait_for(&target, &self.record(side, &object.name, &row.id)).await? {
                        let correlation = digest(["wanted", pair.link.id.as_str(), &now.to_string()]);
                        self.hint(side, to, std::slice::from_ref(&target.id), &correlation).await?;
                        waits = true;
                    }
                }
            }
        }
        Ok(waits)
    }

    /// Tells those that wait for these pairs, as they are stored, to be whole. Remembered with whatever is committed next.
    pub(super) async fn announce(
        &self,
        object: &Object,
        pairs: &mut [(RecordId, Pair)],
    ) -> Result<(), StepError> {
        if !self.contract.points_to(&object.name) {
            return Ok(());
        }
        let new = pairs.iter_mut().map(|(_, pair)| &mut pair.link);
        let new: Vec<&mut Link> = new.filter(|link| link.is_whole() && !link.announced).collect();
        let records = |link: &Link| {
            Side::BOTH.map(|side| link.records[side].as_ref().map(|id| self.record(side, &object.name, id)))
        };
        let targets: Vec<RecordKey> = new.iter().flat_map(|link| records(link)).flatten().collect();
        if targets.is_empty() {
            return Ok(());
        }
        let mut waiting: BTreeMap<(Side, ObjectName), Vec<RecordId>> = BTreeMap::new();
        for record in self.store.waiting_for(&targets).await? {
            waiting.entry((record.side, record.object)).or_default().push(record.id);
        }
        let cause: Vec<String> = new.iter().map(|link| format!("{}@{}", link.id, link.generation)).collect();
        let correlation = digest(["whole", &cause.join(" ")]);
        for ((side, object), ids) in &waiting {
            self.hint(*side, object, ids, &correlation).await?;
        }
        if !waiting.is_empty() {
            self.store.stop_waiting_for(&targets).await?;
        }
        new.into_iter().for_each(|link| link.announced = true);
        Ok(())
    }
}

/// Whether a pair is one, with a record on each side that the side shows. Salesforce associates no leads.
fn may_be_associated(link: &Link) -> bool {
    let unseen = Side::BOTH.iter().any(|side| link.refused[*side] == Refusal::Unseen);
    link.status == Status::Live && link.is_whole() && !link.is_lead() && !unseen
}

impl Pair {
    /// A side's row, and what it shows in a reference.
    fn points(&self, side: Side, field: &Field) -> Option<(&Row, &Presence<Raw>)> {
        match &self.readings[side] {
            Some(Reading::Row(row)) => Some((row, row.fields.get(field.wire[side].first()?)?)),
            Some(Reading::MergedInto(_) | Reading::NotFound) | None => None,
        }
    }

    /// The pairs that a side points to; `None` if that is not shown.
    fn associations(&self, side: Side, field: &Field) -> Option<BTreeSet<LinkId>> {
        let (_, raw) = self.points(side, field)?;
        (!raw.is_unknown()).then(|| reference::links_in(raw).collect())
    }

    /// Takes a field of one side for showing this.
    fn show(&mut self, side: Side, field: &Field, raw: &Presence<Raw>) {
        if let Some(Reading::Row(row)) = &mut self.readings[side] {
            row.fields.extend(field.wire[side].iter().map(|wire| (wire.clone(), raw.clone())));
        }
    }
}

/// Whether both sides show something in a set that they had not agreed on, and that we wrote to neither.
fn agrees_anew(key: &ImageKey, pair: &Pair, field: &Field) -> bool {
    let shown = |side| pair.points(side, field).map(|(_, raw)| reference::elements(raw).collect());
    let [Some(here), Some(there)]: [Option<BTreeSet<&str>>; 2] = Side::BOTH.map(shown) else { return false };
    let is_new = |name: &str| {
        LinkId::is_one(reference::member(name)) && !is_known(key, pair, Side::HubSpot, field, name)
    };
    here.intersection(&there).any(|name| is_new(name))
}

/// The pairs that the other side points to and this side does no longer, though they had agreed on it: a reference that is blank,
/// an association that is not there.
fn missing(key: &ImageKey, pair: &Pair, side: Side, field: &Field) -> BTreeSet<LinkId> {
    let base = pair.link.fields.get(&field.name).and_then(|memory| memory.base.as_ref());
    let shown = [side, side.other()].map(|side| pair.associations(side, field));
    let [Some(here), Some(there)] = shown else { return BTreeSet::new() };
    let agreed = |link: &LinkId| match reference::is_set(field) {
        true => is_known(key, pair, side, field, link.as_str()),
        false => base.is_some() && pair.points(side, field).is_some_and(|(_, raw)| *raw == Presence::Blank),
    };
    there.difference(&here).filter(|link| agreed(link)).cloned().collect()
}

/// Whether both sides had agreed that this side's set holds an element, or we have written it to either.
fn is_known(key: &ImageKey, pair: &Pair, side: Side, field: &Field, name: &str) -> bool {
    let id = element(key, name);
    let base = pair.link.fields.get(&field.name).and_then(|memory| memory.base.as_ref());
    let made = |to: Side| written(&pair.link, field, to).any(|(_, gained, _)| gained.contains(&id));
    base.is_some_and(|base| base.images[side].elements.contains(&id)) || Side::BOTH.into_iter().any(made)
}

/// The pair that a side points to, unless both sides had agreed on it.
fn new_reference(key: &ImageKey, pair: &Pair, side: Side, field: &Field) -> Option<LinkId> {
    let (row, raw) = pair.points(side, field)?;
    let link = reference::links_in(raw).next()?;
    let base = pair.link.fields.get(&field.name).and_then(|memory| memory.base.as_ref());
    let shown = row.shows(field, side).ok().and_then(|value| key.of(&value));
    (base.map(|base| base.images[side].hash) != shown).then_some(link)
}

/// The records that a write points to.
pub(super) fn targets(side: Side, object: &Object, write: &Write) -> Vec<RecordKey> {
    let points = |(wire, _, to)| {
        let written = write.operation.values().iter().filter(move |(name, _)| name == wire);
        written.flat_map(move |(_, raw)| reference::records_of(side, to, raw))
    };
    reference::fields(object, side).flat_map(points).collect()
}

/// What a write carries in these fields.
fn pointing<'a>(
    write: &'a mut Write,
    fields: &'a BTreeMap<&WireName, &Field>,
) -> impl Iterator<Item = (&'a Field, &'a mut Presence<Raw>)> {
    let values = write.operation.values_mut().into_iter().flatten();
    values.filter_map(|(wire, raw)| Some((*fields.get(wire)?, raw)))
}
