//! Labels of a portal's own: kinds of association that it has besides the unlabelled and the primary one.
//!
//! A label has a name and a type id for each direction. Deliberately absent: limits of how many associations may have one, and
//! renaming.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HubSpot;
use super::pairs::{Bond, TypeName, no_type, type_ids};
use super::schema::{CONTACT, DEAL, TypeIndex};
use super::wire::{Refusal, Reply, parsed};

/// The first type id that a portal gives out. Ours; real ones begin low too.
const FIRST_TYPE_ID: u32 = 1_001;
/// The labels of deals' contacts that infra/setup.md makes.
const STANDARD: [&str; 3] = ["Decision maker", "Billing contact", "Primary contact"];

/// One label: an end's type, the name seen from there, and the type id from there.
#[derive(Debug, Clone)]
struct Label {
    ends: [(TypeIndex, String, u32); 2],
}

impl Label {
    /// Its name and its type id from one type to another.
    fn seen(&self, from: TypeIndex, to: TypeIndex) -> Option<(&str, u32)> {
        let [one, other] = &self.ends;
        let (near, far) = if one.0 == from { (one, other) } else { (other, one) };
        (near.0 == from && far.0 == to).then_some((near.1.as_str(), near.2))
    }
}

/// A label's place among the portal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LabelIndex(usize);

/// The portal's labels; one that was removed leaves its place.
#[derive(Debug)]
pub(super) struct Labels(Vec<Option<Label>>);

impl Default for Labels {
    fn default() -> Self {
        let mut labels = Self(Vec::new());
        for name in STANDARD {
            labels.add(DEAL, CONTACT, [name, name]);
        }
        labels
    }
}

/// What type ids from one type to another mean together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) bond: Bond,
    pub(super) labels: BTreeSet<LabelIndex>,
}

impl Labels {
    fn add(&mut self, from: TypeIndex, to: TypeIndex, [name, inverse]: [&str; 2]) -> [u32; 2] {
        let next = FIRST_TYPE_ID + u32::try_from(2 * self.0.len()).unwrap_or_default();
        let ends = [(from, name.to_owned(), next), (to, inverse.to_owned(), next + 1)];
        self.0.push(Some(Label { ends }));
        [next, next + 1]
    }

    fn between(&self, from: TypeIndex, to: TypeIndex) -> impl Iterator<Item = (LabelIndex, &str, u32)> {
        let known = self.0.iter().enumerate();
        known.filter_map(move |(at, label)| {
            let (name, type_id) = label.as_ref()?.seen(from, to)?;
            Some((LabelIndex(at), name, type_id))
        })
    }

    /// The other type of a label, by its type id from this one.
    pub(super) fn leads_to(&self, from: TypeIndex, type_id: u32) -> Option<TypeIndex> {
        let [one, other] = &self
            .0
            .iter()
            .flatten()
            .find(|label| label.ends.iter().any(|(object, _, id)| *object == from && *id == type_id))?
            .ends;
        Some(if one.2 == type_id { other.0 } else { one.0 })
    }

    pub(super) fn kinds(&self, from: TypeIndex, to: TypeIndex, types: &[TypeName]) -> Result<Kinds, Refusal> {
        let (plain, primary) = type_ids(from, to).ok_or_else(|| no_type(0))?;
        let mut kinds = Kinds { bond: Bond::Plain, labels: BTreeSet::new() };
        for TypeName { association_type_id: id } in types {
            if Some(*id) == primary {
                kinds.bond = Bond::Primary;
            } else if let Some((label, ..)) = self.between(from, to).find(|(.., known)| known == id) {
                kinds.labels.insert(label);
            } else if *id != plain {
                return Err(no_type(*id));
            }
        }
        Ok(kinds)
    }

    /// The types of one association. A primary or labelled one is listed as unlabelled too.
    pub(super) fn shown(&self, from: TypeIndex, to: TypeIndex, kinds: &Kinds) -> Vec<Value> {
        let Some((plain, primary)) = type_ids(from, to) else { return Vec::new() };
        let line =
            |id: u32, label: Value| json!({"category": "HUBSPOT_DEFINED", "typeId": id, "label": label});
        let primary = primary.filter(|_| kinds.bond == Bond::Primary).map(|id| line(id, json!("Primary")));
        let own = self.between(from, to).filter(|(label, ..)| kinds.labels.contains(label));
        let own = own.map(|(_, name, id)| json!({"category": "USER_DEFINED", "typeId": id, "label": name}));
        primary.into_iter().chain([line(plain, Value::Null)]).chain(own).collect()
    }

    /// The names of an association's labels, seen from one end.
    pub(super) fn names(&self, from: TypeIndex, to: TypeIndex, of: &BTreeSet<LabelIndex>) -> Vec<&str> {
        let named = self.between(from, to).filter(|(label, ..)| of.contains(label));
        named.map(|(_, name, _)| name).collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewLabel {
    label: String,
    #[serde(default)]
    inverse_label: Option<String>,
}

impl HubSpot {
    pub(super) fn labels(&self, object: TypeIndex, to: TypeIndex) -> Reply {
        let labels = self.labels.between(object, to).map(|(label, ..)| label).collect();
        let all = self.labels.shown(object, to, &Kinds { bond: Bond::Primary, labels });
        Reply::ok(json!({"results": all}))
    }

    pub(super) fn label_create(
        &mut self,
        from: TypeIndex,
        to: TypeIndex,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let NewLabel { label, inverse_label } = parsed(body)?;
        if self.labels.between(from, to).any(|(_, name, _)| name == label) {
            return Err(Refusal::invalid(format!("A label named {label} exists already.")));
        }
        let inverse = inverse_label.unwrap_or_else(|| label.clone());
        let ids = self.labels.add(from, to, [&label, &inverse]);
        let line = |id, name| json!({"category": "USER_DEFINED", "typeId": id, "label": name});
        Ok(Reply::ok(json!({"results": [line(ids[0], label), line(ids[1], inverse)]})))
    }

    /// A label that is removed is taken from whatever has it.
    pub(super) fn label_remove(
        &mut self,
        from: TypeIndex,
        to: TypeIndex,
        id: &str,
    ) -> Result<Reply, Refusal> {
        let found = self.labels.between(from, to).find(|(.., known)| known.to_string() == id);
        let LabelIndex(at) = found.map(|(label, ..)| label).ok_or_else(Refusal::not_found)?;
        self.labels.0[at] = None;
        Ok(Reply::nothing())
    }
}
