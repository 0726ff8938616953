//! What the keys of a record lead to (P6): by `concord_id`, then by the contract's exact keys. Of several candidates none is
//! taken: a person says who is whom.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{Engine, StepError, link_id};
use crate::contract::Object;
use crate::link::{Link, Status};
use crate::names::{LinkId, RecordId, RecordKey, Side, WireName};
use crate::port::{Crm, Found, NaturalKey, Queue, Store, Whereabouts};
use crate::row::Row;
use crate::value::{Known, Presence, Raw};

/// One key value of one record, and how the other side is asked for it.
struct Key {
    /// Whose it is.
    of: RecordKey,
    natural: NaturalKey,
    wire: WireName,
    text: String,
    /// How its own side is asked.
    own: (WireName, String),
}

/// What the keys of a record lead to.
pub(super) enum Match {
    /// Nothing: a counterpart may be made. Whoever got one of the keys within this time may be missing.
    Nobody(SignedDuration),
    /// A link that lacks this side.
    Link(LinkId),
    /// A record on the other side that has no link. A person can say that the two are not one thing if they only met by a key, and
    /// neither carries the other's mark.
    Record { id: RecordId, met: bool },
    /// More than one candidate, or one that is taken: for a person to decide.
    Unclear(Unclear),
}

/// Why a record is paired with nobody until a person says whom it belongs with.
pub(super) struct Unclear {
    pub(super) reason: String,
    pub(super) candidates: Vec<RecordKey>,
}

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// The records that carry these `concord_id`s.
    pub(super) async fn find_ours(
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

    /// What the keys of each row lead to, beyond the link that it has. The first key that leads anywhere decides. Those for whom
    /// somebody was left out, since a person keeps the two apart, are added to `parted`.
    pub(super) async fn match_rows(
        &self,
        object: &Object,
        side: Side,
        rows: &[(&Row, Option<&LinkId>)],
        parted: &mut BTreeSet<RecordId>,
    ) -> Result<Vec<Match>, StepError> {
        let mut matches: Vec<Option<Match>> = rows.iter().map(|_| None).collect();
        let mut lag = SignedDuration::ZERO;
        for name in &object.keys {
            let Some(field) = object.fields.get(name) else { continue };
            let keys: Vec<Option<Key>> =
                rows.iter().map(|(row, _)| self.key_of(object, field, side, row)).collect();
            let open: Vec<usize> =
                (0..rows.len()).filter(|index| matches[*index].is_none() && keys[*index].is_some()).collect();
            let asked: Vec<(&Key, Option<&LinkId>)> =
                open.iter().filter_map(|index| Some((keys[*index].as_ref()?, rows[*index].1))).collect();
            for (index, found) in open.into_iter().zip(self.match_keys(object, side, &asked, parted).await?) {
                matches[index] = match found {
                    Match::Nobody(late) => {
                        lag = lag.max(late);
                        None
                    }
                    Match::Link(_) | Match::Record { .. } | Match::Unclear(_) => Some(found),
                };
            }
        }
        Ok(matches.into_iter().map(|found| found.unwrap_or(Match::Nobody(lag))).collect())
    }

    /// What may know of a record by the name of its link, after the store was restored from a backup: a link of that
    /// name that has another record, or a record on the other side with that mark. A mark on the record itself tells
    /// more than keys do; otherwise what its keys lead to is enough.
    pub(super) async fn match_names(
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
            if let (Match::Nobody(_) | Match::Record { .. }, Some(link)) = (&*found, link) {
                *found = Match::Link(link.id);
            }
        }
        let open: Vec<usize> = (0..matches.len())
            .filter(|index| marks[*index].1.is_some() || matches!(matches[*index], Match::Nobody(_)))
            .collect();
        let asked: Vec<String> = open.iter().map(|index| names[*index].as_str().to_owned()).collect();
        let marked = self.find_ours(side.other(), object, &asked).await?;
        let located = self.locate_found(side.other(), object, &marked).await?;
        for (index, marked) in open.into_iter().zip(&marked).filter(|(_, marked)| !marked.ids.is_empty()) {
            matches[index] = self.judge(side.other(), object, Some(marked), &located, false);
        }
        Ok(())
    }

    /// Where the store has the records that were found.
    pub(super) async fn locate_found(
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
        let wire_on = |side: Side| {
            let (wire, raw) = field.render(side, &value).ok()?.into_iter().next()?;
            if let Presence::Value(Raw::Text(text)) = raw { Some((wire, text)) } else { None }
        };
        let ((wire, text), own) = (wire_on(side.other())?, wire_on(side)?);
        let natural = NaturalKey { object: object.name.clone(), field: field.name.clone(), hash };
        Some(Key { of: self.record(side, &object.name, &row.id), natural, wire, text, own })
    }

    async fn match_keys(
        &self,
        object: &Object,
        side: Side,
        keys: &[(&Key, Option<&LinkId>)],
        parted: &mut BTreeSet<RecordId>,
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
        let mut apart = self.apart_from_owners(side, &keys, &mut owners).await?;
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
        let found = self.not_apart(side, object, &keys, &found, &mut apart).await?;
        let mut matches: Vec<Match> = found
            .iter()
            .zip(owners)
            .map(|(found, owner)| match owner {
                Some(link) => Match::Link(link),
                None => self.judge(side.other(), object, found.as_ref(), &located, true),
            })
            .collect();
        self.leave_to_a_person(object, side, &keys, &mut matches).await?;
        parted.extend(apart);
        Ok(matches)
    }

    /// A link that owns a key is none to join for who is kept apart from its record on the other side. Returns whom that is about.
    async fn apart_from_owners(
        &self,
        side: Side,
        keys: &[&Key],
        owners: &mut [Option<LinkId>],
    ) -> Result<BTreeSet<RecordId>, StepError> {
        let owned: Vec<usize> = (0..keys.len()).filter(|index| owners[*index].is_some()).collect();
        let records: Vec<RecordKey> = owned.iter().map(|index| keys[*index].of.clone()).collect();
        let mut parted = BTreeSet::new();
        for (index, apart) in owned.into_iter().zip(self.kept_apart(&records).await?) {
            let Some(owner) = owners[index].as_ref().filter(|_| !apart.is_empty()) else { continue };
            let link = self.stored(owner).await?;
            let other = link.and_then(|link| link.records[side.other()].clone());
            if other.is_some_and(|other| apart.iter().any(|apart| apart.id == other)) {
                owners[index] = None;
                parted.insert(keys[index].of.id.clone());
            }
        }
        Ok(parted)
    }

    /// Who was found for each key, without those from whom its record is kept apart.
    async fn not_apart(
        &self,
        side: Side,
        object: &Object,
        keys: &[&Key],
        found: &BTreeMap<String, Found>,
        parted: &mut BTreeSet<RecordId>,
    ) -> Result<Vec<Option<Found>>, StepError> {
        let mut all: Vec<Option<Found>> = keys.iter().map(|key| found.get(&key.text).cloned()).collect();
        let some: Vec<usize> =
            (0..all.len()).filter(|n| all[*n].as_ref().is_some_and(|found| !found.ids.is_empty())).collect();
        let records: Vec<RecordKey> = some.iter().map(|n| keys[*n].of.clone()).collect();
        for (n, apart) in some.into_iter().zip(self.kept_apart(&records).await?) {
            let Some(found) = all[n].as_mut().filter(|_| !apart.is_empty()) else { continue };
            let before = found.ids.len();
            found.ids.retain(|id| !apart.contains(&self.record(side.other(), &object.name, id)));
            if found.ids.len() < before {
                parted.insert(keys[n].of.id.clone());
            }
        }
        Ok(all)
    }

    /// Whom each record is kept apart from, as a person says.
    async fn kept_apart(&self, records: &[RecordKey]) -> Result<Vec<BTreeSet<RecordKey>>, StepError> {
        match records {
            [] => Ok(Vec::new()),
            records => Ok(self.store.kept_apart(records).await?),
        }
    }

    /// A record that no pair has is nobody's for certain if two on this side hold its key: the one that happens to be looked at
    /// first has no better claim to it.
    async fn leave_to_a_person(
        &self,
        object: &Object,
        side: Side,
        keys: &[&Key],
        matches: &mut [Match],
    ) -> Result<(), StepError> {
        let alone = self.alone(side, matches).await?;
        let candidate = |found: &Match| match found {
            Match::Record { id, .. } => Some(self.record(side.other(), &object.name, id)),
            Match::Link(link) => alone.get(link).cloned(),
            Match::Nobody(_) | Match::Unclear(_) => None,
        };
        let own: Vec<(usize, &(WireName, String))> = (0..keys.len())
            .filter(|index| candidate(&matches[*index]).is_some())
            .map(|index| (index, &keys[index].own))
            .collect();
        let Some((_, (wire, _))) = own.first() else { return Ok(()) };
        let texts: Vec<String> = own.iter().map(|(_, (_, text))| text.clone()).collect();
        let found = self.find(side, object, wire, &texts).await?;
        let located = self.locate_found(side, object, &found).await?;
        let is_free = |id: &&RecordId| matches!(located.get(*id), Some(Whereabouts::Nowhere) | None);
        for ((index, _), found) in own.into_iter().zip(&found) {
            let rivals: Vec<&RecordId> = found.ids.iter().filter(is_free).collect();
            if let (Some(candidate), [_, _, ..]) = (candidate(&matches[index]), rivals.as_slice()) {
                let apart = self.kept_apart(std::slice::from_ref(&candidate)).await?;
                let is_apart = |id: &RecordId| apart.iter().flatten().any(|apart| apart.id == *id);
                let rivals: Vec<&RecordId> = rivals.into_iter().filter(|id| !is_apart(id)).collect();
                if rivals.len() > 1 {
                    matches[index] = Match::Unclear(Unclear::of_many(side, &rivals, vec![candidate]));
                }
            }
        }
        Ok(())
    }

    /// Of the pairs that were found and lack this side, as no insert will change, the records that they have.
    async fn alone(&self, side: Side, matches: &[Match]) -> Result<BTreeMap<LinkId, RecordKey>, StepError> {
        let link = |found: &Match| match found {
            Match::Link(link) => Some(link.clone()),
            Match::Record { .. } | Match::Nobody(_) | Match::Unclear(_) => None,
        };
        let links: Vec<LinkId> = matches.iter().filter_map(link).collect();
        if links.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.store.links(&links).await?.into_iter().flatten();
        let alone = found.filter(|link| {
            link.status == Status::Live && link.records[side].is_none() && link.open_since().is_none()
        });
        let record = |link: Link| {
            let id = link.records[side.other()].as_ref()?;
            Some((link.id.clone(), self.record(side.other(), &link.object, id)))
        };
        Ok(alone.filter_map(record).collect())
    }

    /// The records of a side that hold these texts in a field.
    pub(super) async fn find(
        &self,
        side: Side,
        object: &Object,
        wire: &WireName,
        texts: &[String],
    ) -> Result<Vec<Found>, StepError> {
        let spec = object.spec(side);
        let found = match side {
            Side::HubSpot => self.hubspot.find(&spec, wire, texts).await,
            Side::Salesforce => self.salesforce.find(&spec, wire, texts).await,
        };
        found.map_err(|failure| StepError::Crm { side, failure })
    }

    /// What the records mean that were found under a key, if they `met` by no more, or under a mark.
    fn judge(
        &self,
        side: Side,
        object: &Object,
        found: Option<&Found>,
        located: &BTreeMap<RecordId, Whereabouts>,
        met: bool,
    ) -> Match {
        match found.map(|found| found.ids.as_slice()) {
            None | Some([]) => Match::Nobody(found.map_or(SignedDuration::ZERO, |found| found.lag)),
            Some([id]) => match located.get(id) {
                Some(Whereabouts::Linked(link)) => Match::Link(link.clone()),
                Some(Whereabouts::Alias(_)) => {
                    let reason = format!("the {side} record {id} was merged away: look again");
                    Match::Unclear(Unclear::because(reason))
                }
                Some(Whereabouts::Nowhere) | None => Match::Record { id: id.clone(), met },
            },
            Some(many) => {
                let candidates = many.iter().map(|id| self.record(side, &object.name, id)).collect();
                Match::Unclear(Unclear::of_many(side, &many.iter().collect::<Vec<_>>(), candidates))
            }
        }
    }

    async fn find_by_key(
        &self,
        side: Side,
        object: &Object,
        keys: &[&Key],
        texts: &[String],
    ) -> Result<BTreeMap<String, Found>, StepError> {
        let (Some(key), false) = (keys.first(), texts.is_empty()) else { return Ok(BTreeMap::new()) };
        let found = self.find(side, object, &key.wire, texts).await?;
        Ok(texts.iter().cloned().zip(found).collect())
    }
}

impl Unclear {
    pub(super) fn because(reason: String) -> Self {
        Self { reason, candidates: Vec::new() }
    }

    /// So many records of one side hold the same key.
    fn of_many(side: Side, many: &[&RecordId], candidates: Vec<RecordKey>) -> Self {
        let ids: Vec<&str> = many.iter().map(|id| id.as_str()).collect();
        let reason = format!(
            "{} {side} records hold the same key ({}): merge them, or give all but one another key",
            many.len(),
            ids.join(", ")
        );
        Self { reason, candidates }
    }
}
