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
use crate::decide::Decision;
use crate::link::{Link, Status};
use crate::names::{LinkId, ObjectName, RecordId, RecordKey, Side, WireName};
use crate::port::{Crm, Queue, Store, Write};
use crate::reference::{self, Targets};
use crate::row::{Reading, Row, Standing};
use crate::value::{ImageKey, Presence, Raw};

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
            return Ok(Targets::new());
        }
        let ids: Vec<LinkId> = ids.into_iter().cloned().collect();
        let links = self.store.links(&ids).await?;
        let known: BTreeSet<LinkId> = links.into_iter().flatten().filter_map(target).collect();
        let target = |(record, (_, link)): (RecordKey, (RecordKey, Option<LinkId>))| {
            Some((record, link.filter(|link| known.contains(link))?))
        };
        Ok(found.into_iter().filter_map(target).collect())
    }

    /// Puts record ids in the place of link ids. Also the links whose intent points to a pair that is none any more: it is not
    /// sent.
    pub(super) async fn point_at_records(
        &self,
        side: Side,
        object: &Object,
        mut current: Vec<(Link, Write)>,
    ) -> Result<(Vec<(Link, Write)>, Vec<Link>), StepError> {
        let wires: BTreeSet<&WireName> = reference::fields(object, side).map(|(wire, _)| wire).collect();
        let mut links: BTreeSet<LinkId> = BTreeSet::new();
        for (_, write) in &mut current {
            links.extend(pointing(write, &wires).filter_map(|raw| link_in(raw)));
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
            let found = pointing(&mut write, &wires).all(|raw| match link_in(raw) {
                None => true,
                Some(target) => records.get(&target).is_some_and(|record| {
                    *raw = Presence::Value(Raw::Text(record.as_str().to_owned()));
                    true
                }),
            });
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
        for field in object.fields.values().filter(|field| reference::target_of(field).is_some()) {
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
                let over =
                    |(n, (_, pair)): (usize, &(RecordId, Pair))| Some((n, blank_over(pair, side, field)?));
                let blanks: Vec<(usize, LinkId)> = pairs.iter().enumerate().filter_map(over).collect();
                let links = blanks.iter().map(|(_, link)| link.clone()).collect();
                let gone = self.in_the_bin(side, to, links, now).await?;
                for (n, _) in blanks.iter().filter(|(_, link)| gone.contains(link)) {
                    if let Some((_, pair)) = pairs.get_mut(*n) {
                        pair.show(side, field, &Presence::Unknown);
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
                let Some(target) = reference::record_of(side, to, raw) else { continue };
                if self.store.wait_for(&target, &self.record(side, &object.name, &row.id)).await? {
                    let correlation = digest(["wanted", pair.link.id.as_str(), &now.to_string()]);
                    self.hint(side, to, std::slice::from_ref(&target.id), &correlation).await?;
                    waits = true;
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

/// A link, for those that point to it; nothing as long as it lacks a side.
fn target(link: Link) -> Option<LinkId> {
    (link.status != Status::Live || link.is_whole()).then_some(link.id)
}

impl Pair {
    /// A side's row, and what it shows in a reference.
    fn points(&self, side: Side, field: &Field) -> Option<(&Row, &Presence<Raw>)> {
        match &self.readings[side] {
            Some(Reading::Row(row)) => Some((row, row.fields.get(field.wire[side].first()?)?)),
            Some(Reading::MergedInto(_) | Reading::NotFound) | None => None,
        }
    }

    /// Takes a field of one side for showing this.
    fn show(&mut self, side: Side, field: &Field, raw: &Presence<Raw>) {
        if let Some(Reading::Row(row)) = &mut self.readings[side] {
            row.fields.extend(field.wire[side].iter().map(|wire| (wire.clone(), raw.clone())));
        }
    }
}

/// The pair that the other side points to, where this side's row shows a blank that was none when they last agreed.
fn blank_over(pair: &Pair, side: Side, field: &Field) -> Option<LinkId> {
    pair.link.fields.get(&field.name)?.base.as_ref()?;
    match (pair.points(side, field)?, pair.points(side.other(), field)?) {
        ((_, Presence::Blank), (_, there)) => link_in(there),
        ((_, Presence::Value(_) | Presence::Unknown), _) => None,
    }
}

/// The pair that a side points to, unless both sides had agreed on it.
fn new_reference(key: &ImageKey, pair: &Pair, side: Side, field: &Field) -> Option<LinkId> {
    let (row, raw) = pair.points(side, field)?;
    let link = link_in(raw)?;
    let base = pair.link.fields.get(&field.name).and_then(|memory| memory.base.as_ref());
    let shown = row.shows(field, side).ok().and_then(|value| key.of(&value));
    (base.map(|base| base.images[side].hash) != shown).then_some(link)
}

fn link_in(raw: &Presence<Raw>) -> Option<LinkId> {
    match raw {
        Presence::Value(Raw::Text(text)) if LinkId::is_one(text) => Some(LinkId::new(text.clone())),
        Presence::Value(_) | Presence::Blank | Presence::Unknown => None,
    }
}

/// The records that a write points to.
pub(super) fn targets(side: Side, object: &Object, write: &Write) -> Vec<RecordKey> {
    let points = |(wire, to): (&WireName, &ObjectName)| {
        let (_, raw) = write.operation.values().iter().find(|(name, _)| name == wire)?;
        reference::record_of(side, to, raw)
    };
    reference::fields(object, side).filter_map(points).collect()
}

/// What a write carries in these fields.
fn pointing<'a>(
    write: &'a mut Write,
    wires: &'a BTreeSet<&WireName>,
) -> impl Iterator<Item = &'a mut Presence<Raw>> {
    write
        .operation
        .values_mut()
        .into_iter()
        .flatten()
        .filter(|(wire, _)| wires.contains(wire))
        .map(|(_, raw)| raw)
}
