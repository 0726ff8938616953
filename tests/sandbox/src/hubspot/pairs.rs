//! Which records belong together: the store of associations and the rules for primary ones.
//!
//! Deliberately absent: associations within one type. That the first company of a contact becomes its primary one by itself
//! is believed of real portals but not established, and not done here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::HubSpot;
use super::labels::{Kinds, LabelIndex};
use super::schema::{COMPANY, CONTACT, DEAL, TypeIndex};
use super::value::text;
use super::wire::Refusal;
use super::write::Actor;

/// API page "associations": (from, to, unlabeled type id, primary type id).
const TYPE_IDS: [(TypeIndex, TypeIndex, u32, Option<u32>); 6] = [
    (CONTACT, COMPANY, 279, Some(1)),
    (COMPANY, CONTACT, 280, Some(2)),
    (CONTACT, DEAL, 4, None),
    (DEAL, CONTACT, 3, None),
    (DEAL, COMPANY, 341, Some(5)),
    (COMPANY, DEAL, 342, Some(6)),
];

/// How closely two records belong together. A primary association is an unlabeled one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bond {
    Plain,
    Primary,
}

/// All associations, and the portal's own labels of them, kept from both ends.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    bonds: BTreeMap<(TypeIndex, u64, TypeIndex), BTreeMap<u64, Bond>>,
    labels: BTreeMap<(End, End), BTreeSet<LabelIndex>>,
}

/// One record.
pub(super) type End = (TypeIndex, u64);

/// What became of one association: the bond that came or went, between these ends. A label of the portal's own counts as plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) bond: Bond,
    pub(super) removed: bool,
}

/// An association as a request names it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Wish {
    pub(super) to: Reference,
    #[serde(default)]
    pub(super) types: Vec<TypeName>,
}

/// A record as a request names it: the id as text or as a number.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    id: Value,
}

impl Reference {
    pub(super) fn text(&self) -> String {
        text(&self.id)
    }
}

/// An association type as a request names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeName {
    pub(super) association_type_id: u32,
}

/// A wish that has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paired {
    to: End,
    kinds: Kinds,
}

/// The type ids of associations from one type to another.
pub(super) fn type_ids(from: TypeIndex, to: TypeIndex) -> Option<(u32, Option<u32>)> {
    let line = TYPE_IDS.iter().find(|line| line.0 == from && line.1 == to)?;
    Some((line.2, line.3))
}

pub(super) fn no_type(id: u32) -> Refusal {
    Refusal::invalid(format!("One or more associations are not valid: type {id} does not exist."))
}

impl Pairs {
    pub(super) fn of(&self, end: End, to: TypeIndex) -> impl Iterator<Item = (u64, Bond)> {
        self.bonds.get(&(end.0, end.1, to)).into_iter().flatten().map(|(id, bond)| (*id, *bond))
    }

    fn get(&self, from: End, to: End) -> Option<Bond> {
        self.bonds.get(&(from.0, from.1, to.0))?.get(&to.1).copied()
    }

    /// The portal's own labels of an association.
    pub(super) fn labels(&self, from: End, to: End) -> BTreeSet<LabelIndex> {
        self.labels.get(&(from, to)).cloned().unwrap_or_default()
    }

    /// Makes an association exactly this one.
    pub(super) fn set_as(&mut self, from: End, to: End, kinds: Kinds) -> Vec<Step> {
        let mut steps = self.set(from, to, kinds.bond);
        steps.extend(self.put_labels(from, to, kinds.labels));
        steps
    }

    /// Takes some of the portal's own labels away.
    pub(super) fn unlabel(&mut self, from: End, to: End, gone: &BTreeSet<LabelIndex>) -> Vec<Step> {
        let left = self.labels(from, to).difference(gone).copied().collect();
        self.put_labels(from, to, left)
    }

    fn put_labels(&mut self, from: End, to: End, labels: BTreeSet<LabelIndex>) -> Vec<Step> {
        let before = self.labels(from, to);
        let step = |removed| move |_: &LabelIndex| Step { from, to, bond: Bond::Plain, removed };
        let came = labels.difference(&before).map(step(false));
        let steps = came.chain(before.difference(&labels).map(step(true))).collect();
        self.labels.insert((from, to), labels.clone());
        self.labels.insert((to, from), labels);
        steps
    }

    /// Makes a bond exactly this one, and takes the primary label from the company that had it before.
    pub(super) fn set(&mut self, from: End, to: End, bond: Bond) -> Vec<Step> {
        let mut steps = Vec::new();
        if bond == Bond::Primary {
            let (holder, company) = if from.0 == COMPANY { (to, from) } else { (from, to) };
            let before: Vec<u64> = self
                .of(holder, COMPANY)
                .filter(|(id, bond)| *bond == Bond::Primary && *id != company.1)
                .map(|(id, _)| id)
                .collect();
            for id in before {
                self.put(holder, (COMPANY, id), Bond::Plain);
                steps.push(Step { from: holder, to: (COMPANY, id), bond: Bond::Primary, removed: true });
            }
        }
        let step = |bond, removed| Step { from, to, bond, removed };
        match (self.get(from, to), bond) {
            (None, Bond::Plain) => steps.push(step(Bond::Plain, false)),
            (None, Bond::Primary) => steps.extend([step(Bond::Primary, false), step(Bond::Plain, false)]),
            (Some(Bond::Plain), Bond::Primary) => steps.push(step(Bond::Primary, false)),
            (Some(Bond::Primary), Bond::Plain) => steps.push(step(Bond::Primary, true)),
            (Some(Bond::Plain), Bond::Plain) | (Some(Bond::Primary), Bond::Primary) => {}
        }
        self.put(from, to, bond);
        steps
    }

    /// Takes away a label, or the association with all its labels.
    pub(super) fn remove(&mut self, from: End, to: End, bond: Bond) -> Vec<Step> {
        let step = |bond| Step { from, to, bond, removed: true };
        match (self.get(from, to), bond) {
            (None, Bond::Plain | Bond::Primary) | (Some(Bond::Plain), Bond::Primary) => Vec::new(),
            (Some(Bond::Primary), Bond::Primary) => self.set(from, to, Bond::Plain),
            (Some(Bond::Plain), Bond::Plain) => {
                self.cut(from, to);
                vec![step(Bond::Plain)]
            }
            (Some(Bond::Primary), Bond::Plain) => {
                self.cut(from, to);
                vec![step(Bond::Primary), step(Bond::Plain)]
            }
        }
    }

    /// Gives the associations of one record to another; an extra primary label is dropped.
    pub(super) fn hand_over(&mut self, old: End, new: End) {
        for (to, bond) in self.all_of(old) {
            let labels = self.labels(old, to).union(&self.labels(new, to)).copied().collect();
            self.cut(old, to);
            let taken = to.0 == COMPANY && self.of(new, COMPANY).any(|(_, bond)| bond == Bond::Primary);
            let kept = if taken { Bond::Plain } else { bond };
            if self.get(new, to).is_none_or(|held| held < kept) {
                self.put(new, to, kept);
            }
            self.put_labels(new, to, labels);
        }
    }

    /// Forgets every association of a record.
    pub(super) fn forget(&mut self, end: End) {
        for (to, _) in self.all_of(end) {
            self.cut(end, to);
        }
    }

    fn all_of(&self, end: End) -> Vec<(End, Bond)> {
        let types = TYPE_IDS.iter().filter(|line| line.0 == end.0).map(|line| line.1);
        types.flat_map(|to| self.of(end, to).map(move |(id, bond)| ((to, id), bond))).collect()
    }

    fn put(&mut self, from: End, to: End, bond: Bond) {
        self.bonds.entry((from.0, from.1, to.0)).or_default().insert(to.1, bond);
        self.bonds.entry((to.0, to.1, from.0)).or_default().insert(from.1, bond);
    }

    fn cut(&mut self, from: End, to: End) {
        for (one, other) in [(from, to), (to, from)] {
            if let Some(ends) = self.bonds.get_mut(&(one.0, one.1, other.0)) {
                ends.remove(&other.1);
            }
            self.labels.remove(&(one, other));
        }
    }
}

impl HubSpot {
    /// Checks the associations that a new record shall have.
    pub(super) fn prepare_pairs(&self, object: TypeIndex, wishes: &[Wish]) -> Result<Vec<Paired>, Refusal> {
        let mut pairs = Vec::new();
        for wish in wishes {
            let first = wish.types.first().map_or(0, |name| name.association_type_id);
            let means = |line: &&(TypeIndex, TypeIndex, u32, Option<u32>)| {
                line.0 == object && (line.2 == first || line.3 == Some(first))
            };
            let to = TYPE_IDS.iter().find(means).map(|line| line.1);
            let to = to.or_else(|| self.labels.leads_to(object, first)).ok_or_else(|| no_type(first))?;
            let kinds = self.labels.kinds(object, to, &wish.types)?;
            pairs.push(Paired { to: self.live_end(to, &wish.to.text())?, kinds });
        }
        Ok(pairs)
    }

    pub(super) fn pair_new(&mut self, object: TypeIndex, id: u64, actor: Actor, pairs: &[Paired]) {
        for pair in pairs {
            let steps = self.pairs.set_as((object, id), pair.to, pair.kinds.clone());
            self.tell_steps(actor, &steps);
        }
    }

    pub(super) fn live_end(&self, object: TypeIndex, id: &str) -> Result<End, Refusal> {
        let store = &self.types[object.0].store;
        let id = id.parse().ok().map(|id| store.resolve(id)).filter(|id| store.live(*id).is_some());
        id.map(|id| (object, id)).ok_or_else(Refusal::not_found)
    }

    /// The live records that belong to one, of one type.
    pub(super) fn live_pairs(&self, end: End, to: TypeIndex) -> Vec<(u64, Bond)> {
        let store = &self.types[to.0].store;
        self.pairs.of(end, to).filter(|(id, _)| store.live(*id).is_some()).collect()
    }

    /// Two events for every step, one from each end.
    pub(super) fn tell_steps(&mut self, actor: Actor, steps: &[Step]) {
        self.show_primary(actor, steps);
        for step in steps {
            for (from, to) in [(step.from, step.to), (step.to, step.from)] {
                let (one, other) = (&self.types[from.0.0], &self.types[to.0.0]);
                let name = format!("{}_TO_{}", one.name_for_errors(), other.name_for_errors());
                let fields = json!({
                    "associationType": name, "fromObjectId": from.1, "toObjectId": to.1,
                    "associationRemoved": step.removed, "isPrimaryAssociation": step.bond == Bond::Primary,
                });
                self.tell(from.0, "associationChange", actor.now, actor.who, fields);
            }
        }
    }

    /// The associations beside a record of the v3 reads, for the types asked for that are known.
    pub(super) fn shown_pairs(&self, object: TypeIndex, id: u64, asked: &[String]) -> Option<Value> {
        /// Reported by users: reads of a record show about the first hundred.
        const SHOWN_MAX: usize = 100;
        let mut shown = Map::new();
        for to in asked.iter().filter_map(|name| self.type_named(name)) {
            let other = &self.types[to.0];
            let kind = format!("{}_to_{}", self.types[object.0].singular, other.singular);
            let pairs = self.live_pairs((object, id), to);
            let line = |(id, _): &(u64, Bond)| json!({"id": id.to_string(), "type": kind});
            let results: Vec<Value> = pairs.iter().take(SHOWN_MAX).map(line).collect();
            if !results.is_empty() {
                shown.insert(other.plural.clone(), json!({"results": results}));
            }
        }
        (!shown.is_empty()).then_some(Value::Object(shown))
    }
}
