//! Records that no key leads to, and that look like somebody on the other side: a person is asked whether they are one thing,
//! and until then none is made. Nobody is ever linked for looking alike (P6).

use std::collections::{BTreeMap, BTreeSet};

use super::matching::{Match, Unclear};
use super::{Engine, StepError};
use crate::contract::Object;
use crate::likeness::Likeness;
use crate::names::{FieldName, LinkId, RecordId, RecordKey, Side, WireName};
use crate::port::{Crm, Queue, Store, Whereabouts};
use crate::row::Row;
use crate::value::{Presence, Raw};

/// Most candidates of one record: the most alike. Ours: more than a person compares.
const CANDIDATES_MAX: usize = 10;

/// A record's place in what is looked at, who may be the same, and how alike they are.
type Alike = BTreeMap<usize, Vec<(RecordId, Likeness)>>;

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Of strangers whom no key led anywhere, and none of whom bears a mark: whoever looks like somebody is left to a person.
    pub(super) async fn leave_lookalikes(
        &self,
        object: &Object,
        side: Side,
        rows: &[(&Row, Option<&LinkId>)],
        matches: &mut [Match],
    ) -> Result<(), StepError> {
        for fields in &object.lookalikes {
            let open: Vec<(usize, &Row)> = rows
                .iter()
                .zip(matches.iter())
                .enumerate()
                .filter(|(_, ((_, mark), found))| mark.is_none() && matches!(found, Match::Nobody(_)))
                .map(|(index, ((row, _), _))| (index, *row))
                .collect();
            let mut alike = self.alike(object, side, fields, &open).await?;
            self.leave_who_is_known(object, side, rows, &mut alike).await?;
            for (index, mut found) in alike {
                found.sort_by_key(|(_, likeness)| std::cmp::Reverse(likeness.score()));
                found.truncate(CANDIDATES_MAX);
                matches[index] = Match::Unclear(self.asked_about(object, side.other(), &found));
            }
        }
        Ok(())
    }

    /// Whoever looks like one of these.
    async fn alike(
        &self,
        object: &Object,
        side: Side,
        fields: &[FieldName],
        open: &[(usize, &Row)],
    ) -> Result<Alike, StepError> {
        let other = side.other();
        let words: Vec<(WireName, String)> =
            open.iter().filter_map(|(_, row)| word(object, side, fields, row)).collect();
        let Some((wire, _)) = words.first() else { return Ok(Alike::new()) };
        let compared = fields.iter().filter_map(|name| object.fields.get(name));
        let spec = object.spec_of(other, compared.flat_map(|field| field.wire[other].clone()).collect());
        let texts: Vec<String> = words.iter().map(|(_, text)| text.clone()).collect();
        let found = match other {
            Side::HubSpot => self.hubspot.search(&spec, wire, &texts).await,
            Side::Salesforce => self.salesforce.search(&spec, wire, &texts).await,
        };
        let mut found = found.map_err(|failure| StepError::Crm { side: other, failure })?;
        // What bears a mark of ours is somebody's already; and a listing may show a row twice.
        found.retain(|row| row.concord_id.is_none());
        found.sort_by(|one, two| one.id.cmp(&two.id));
        found.dedup_by(|one, two| one.id == two.id);
        self.name_references(other, object, &mut found).await?;
        let mut alike = Alike::new();
        for (index, row) in open {
            for candidate in &found {
                if let Some(likeness) = Likeness::of(object, fields, (side, row), (other, candidate)) {
                    alike.entry(*index).or_default().push((candidate.id.clone(), likeness));
                }
            }
        }
        Ok(alike)
    }

    /// Nobody is asked about a record that has a pair, or that is kept apart from this one.
    async fn leave_who_is_known(
        &self,
        object: &Object,
        side: Side,
        rows: &[(&Row, Option<&LinkId>)],
        alike: &mut Alike,
    ) -> Result<(), StepError> {
        if alike.is_empty() {
            return Ok(());
        }
        let found: BTreeSet<&RecordId> = alike.values().flatten().map(|(id, _)| id).collect();
        let candidates: Vec<RecordKey> =
            found.into_iter().map(|id| self.record(side.other(), &object.name, id)).collect();
        let located = self.store.locate(&candidates).await?;
        let free = candidates.into_iter().zip(located).filter(|(_, at)| matches!(at, Whereabouts::Nowhere));
        let free: BTreeSet<RecordId> = free.map(|(record, _)| record.id).collect();
        let records: Vec<RecordKey> =
            alike.keys().map(|index| self.record(side, &object.name, &rows[*index].0.id)).collect();
        let apart = self.store.kept_apart(&records).await?;
        for (found, apart) in alike.values_mut().zip(apart) {
            found.retain(|(id, _)| free.contains(id) && !apart.iter().any(|record| record.id == *id));
        }
        alike.retain(|_, found| !found.is_empty());
        Ok(())
    }

    fn asked_about(&self, object: &Object, side: Side, found: &[(RecordId, Likeness)]) -> Unclear {
        let told = found.iter().map(|(id, Likeness(fields))| {
            let fields: Vec<String> =
                fields.iter().map(|(name, percent)| format!("{name} {percent} %")).collect();
            format!("{id} ({})", fields.join(", "))
        });
        let reason = format!(
            "no {side} record has the same key, and it looks like {}: say `concord link` of the one that it is, or `concord \
             keep-apart` of each that it is not",
            told.collect::<Vec<_>>().join(", ")
        );
        let candidates = found.iter().map(|(id, _)| self.record(side, &object.name, id)).collect();
        Unclear { reason, candidates }
    }
}

/// What the other side is searched for: the last part of the first field, as that side writes it.
fn word(object: &Object, side: Side, fields: &[FieldName], row: &Row) -> Option<(WireName, String)> {
    let field = object.fields.get(fields.first()?)?;
    let shown = row.shows(field, side).ok()?;
    match field.render(side.other(), &shown).ok()?.pop()? {
        (wire, Presence::Value(Raw::Text(text))) => Some((wire, text)),
        (_, Presence::Value(Raw::Boolean(_) | Raw::Number(_)) | Presence::Blank | Presence::Unknown) => None,
    }
}
