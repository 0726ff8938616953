//! The oracle: judges a world at rest from what people did and what both CRMs hold, and from nothing else that
//! Concord computes. Of the store it reads only what an operator could: links, conflicts, parked things, journal.
//!
//! *Thing* here is everything that ever was one: records of one link, and records that were merged. An edit *saw*
//! what its side showed at that moment; an edit is superseded if somebody who saw its value replaced it.

mod associations;
mod erased;
mod records;
mod roles;
mod tombstones;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::task::{Context, Poll, Waker};

use concord_core::link::{Link, Refusal, Status};
use concord_core::names::{FieldName, LinkId, ObjectName, PerSide, RecordId, RecordKey, Side};
use concord_core::port::{Conflict, ParkKey, Parked, Store as _};
use concord_core::value::{Presence, Value};

use crate::display::{LEAD, OBJECTS, Shown, is_lead, records as shown_records};
use crate::fault::Fault;
use crate::watch::Broken;
use crate::world::World;

pub use tombstones::{buried, check_forgotten, is_gone_for_good};

/// More than a world can have of anything.
pub(crate) const ALL: usize = 10_000;

/// A record's address: side, index of the object type, id.
pub(crate) type Address = (Side, usize, String);

/// Everything that is judged.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    pub(crate) records: BTreeMap<Address, Shown>,
    pub(crate) links: Vec<Link>,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) parked: Vec<Parked>,
    /// Losers and held values on record, by link and field, in compared form.
    pub(crate) recorded: BTreeMap<(LinkId, FieldName), BTreeSet<String>>,
    /// The rules that each link's journal cites.
    pub(crate) rules: BTreeMap<LinkId, BTreeSet<String>>,
    things: BTreeMap<Address, Address>,
}

/// Judges a world at rest.
///
/// # Errors
/// The first invariant that does not hold.
pub fn check(world: &World) -> Result<(), Broken> {
    let scene = Scene::of(world);
    erased::check(&scene)?;
    records::check(&scene)?;
    tombstones::hold_no_values(&scene)?;
    associations::check(&scene)?;
    roles::check(&scene)?;
    values::check(&scene)
}

/// Whether a side is said to refuse writes of any link.
#[must_use]
pub fn refuses(world: &World) -> bool {
    Scene::of(world)
        .links
        .iter()
        .any(|link| Side::BOTH.iter().any(|side| link.refused[*side] == Refusal::Parked))
}

/// Conflicts of pairs that live on both sides, by name, of which nobody is told that a value cannot be written: a decision
/// ends them.
#[must_use]
pub fn undecided(world: &World) -> Vec<String> {
    let scene = Scene::of(world);
    let link = |conflict: &Conflict| scene.links.iter().find(|link| link.id == conflict.link);
    let open = |link: &Link| {
        scene.living(link).is_some() && Side::BOTH.iter().all(|side| link.refused[*side] == Refusal::None)
    };
    let told = |conflict: &Conflict| {
        let key = ParkKey::Field(conflict.link.clone(), conflict.field.clone());
        scene.parked.iter().any(|parked| parked.key == key)
    };
    let left = scene.conflicts.iter().filter(|conflict| link(conflict).is_some_and(open) && !told(conflict));
    left.map(Conflict::name).collect()
}

/// Judges a healed world in which polls and repairs have run and no sweep has: they alone find every change that
/// nobody told of (I39), and every intent that nobody sent (I37).
///
/// # Errors
/// The one that does not hold.
pub fn check_polled(world: &World) -> Result<(), Broken> {
    // What was hidden changes by being shown, and a store that was restored has forgotten what it knew: neither is told
    // or listed. That is left to the sweep.
    let left = [Fault::FieldHidden, Fault::ObjectHidden, Fault::StoreRestored];
    if world.site.watch().struck(&left) {
        return Ok(());
    }
    let open = now(world.site.store.census()).map_or(0, |census| census.open);
    if open > 0 {
        return Err(Broken {
            invariant: "I37",
            what: format!("{open} links have an open intent after a repair"),
        });
    }
    let scene = Scene::of(world);
    let passed =
        |broken: Broken| Broken { invariant: "I39", what: format!("no poll found that {}", broken.what) };
    values::both_sides_agree(&scene).and_then(|()| records::nothing_is_forgotten(&scene)).map_err(passed)
}

/// Judges a world in which nothing else went wrong, before a schedule runs: what was told was enough (I32).
///
/// # Errors
/// I32.
pub fn check_told(world: &World) -> Result<(), Broken> {
    let others = Fault::ALL.iter().filter(|fault| !fault.is_made_good());
    if world.site.watch().struck(others) {
        return Ok(());
    }
    let unheard =
        |broken: Broken| Broken { invariant: "I32", what: format!("all was told, but {}", broken.what) };
    values::both_sides_agree(&Scene::of(world)).map_err(unheard)
}

/// Records that were erased and whose link still remembers them.
#[must_use]
pub fn not_forgotten(world: &World) -> Vec<RecordKey> {
    let scene = Scene::of(world);
    let remembered = erased::asked(&scene).filter(|(_, link)| !link.is_erased());
    remembered
        .map(|((side, id), link)| RecordKey { side, object: link.object.clone(), id: id.into() })
        .collect()
}

/// The links of a world that name a record on both sides.
pub fn pairs(world: &World) -> Vec<Link> {
    let links = Scene::of(world).links;
    links.into_iter().filter(|link| Side::BOTH.iter().all(|side| link.records[*side].is_some())).collect()
}

/// Whom the records that are set aside may belong with.
pub fn proposals(world: &World) -> Vec<(ObjectName, PerSide<RecordId>)> {
    let parked = now(world.site.store.parked(ALL)).unwrap_or_default();
    let proposed = parked.into_iter().flat_map(|parked| {
        let of = parked.key.record().cloned();
        parked.candidates.into_iter().filter_map(move |candidate| {
            let of = of.clone()?;
            let (hubspot, salesforce) = match (of.side, candidate.side) {
                (Side::HubSpot, Side::Salesforce) => (of.id, candidate.id),
                (Side::Salesforce, Side::HubSpot) => (candidate.id, of.id),
                (Side::HubSpot, Side::HubSpot) | (Side::Salesforce, Side::Salesforce) => return None,
            };
            Some((of.object, PerSide { hubspot, salesforce }))
        })
    });
    proposed.collect()
}

/// A port of the world's own store answers at once.
pub fn now<T, E>(answer: impl Future<Output = Result<T, E>>) -> Option<T> {
    let answer = std::pin::pin!(answer);
    match answer.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.ok(),
        Poll::Pending => None,
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn of(world: &'a World) -> Self {
        let truths = PerSide::of(|side| world.truth(side));
        let mut records = BTreeMap::new();
        for (object, of) in OBJECTS.iter().enumerate() {
            for side in Side::BOTH {
                let shown = shown_records(of, side, &truths[side]);
                records.extend(shown.into_iter().map(|(id, shown)| ((side, object, id), shown)));
            }
        }
        let store = &world.site.store;
        let ids: BTreeSet<LinkId> = world.site.watch().members.iter().map(|(_, link)| link.clone()).collect();
        let ids: Vec<LinkId> = ids.into_iter().collect();
        let links = now(store.links(&ids)).unwrap_or_default().into_iter().flatten().collect();
        let conflicts = now(store.conflicts(ALL)).unwrap_or_default();
        let mut recorded: BTreeMap<(LinkId, FieldName), BTreeSet<String>> = BTreeMap::new();
        let mut rules: BTreeMap<LinkId, BTreeSet<String>> = BTreeMap::new();
        for link in &ids {
            for line in now(store.journal(link, ALL)).unwrap_or_default() {
                rules.entry(link.clone()).or_default().insert(line.rule);
                if let (Some(field), Some(loser)) = (line.field, line.loser) {
                    recorded.entry((link.clone(), field)).or_default().insert(plain(&loser));
                }
            }
        }
        for conflict in &conflicts {
            let both = [plain(&conflict.values.hubspot), plain(&conflict.values.salesforce)];
            recorded.entry((conflict.link.clone(), conflict.field.clone())).or_default().extend(both);
        }
        let parked = now(store.parked(ALL)).unwrap_or_default();
        let things = things(world, &records);
        Self { world, records, links, conflicts, parked, recorded, rules, things }
    }

    /// Whether the journal of a link cites such a rule.
    pub(crate) fn cites(&self, link: &Link, rule: &str) -> bool {
        self.rules.get(&link.id).is_some_and(|rules| rules.iter().any(|cited| cited.starts_with(rule)))
    }

    /// The thing that a record is part of, named by one of its records.
    pub(crate) fn thing(&self, record: &Address) -> Address {
        let mut at = record;
        while let Some(next) = self.things.get(at).filter(|next| *next != at) {
            at = next;
        }
        at.clone()
    }

    /// Whether no link ever knew of a record.
    pub(crate) fn was_never_seen(&self, record: &Address) -> bool {
        let watch = self.world.site.watch();
        !watch.members.iter().any(|(known, _)| address(known).as_ref() == Some(record))
    }

    /// The address of one half of a link, if it has one.
    pub(crate) fn half(&self, link: &Link, side: Side) -> Option<Address> {
        Some((side, object_index(&link.object)?, link.records[side].as_ref()?.as_str().to_owned()))
    }

    /// What one half of a link shows, dead or alive, and its address.
    pub(crate) fn shown(&self, link: &Link, side: Side) -> Option<(&Shown, Address)> {
        let half = self.half(link, side)?;
        Some((self.records.get(&half)?, half))
    }

    /// Both halves of a pair that is kept in agreement, if both are in use.
    pub(crate) fn living(&self, link: &Link) -> Option<PerSide<&Shown>> {
        if link.status != Status::Live {
            return None;
        }
        let half = |side| self.records.get(&self.half(link, side)?).filter(|shown| shown.alive);
        Some(PerSide { hubspot: half(Side::HubSpot)?, salesforce: half(Side::Salesforce)? })
    }

    /// Whether this is the name of a link that is erased.
    pub(crate) fn of_erased(&self, name: &str) -> bool {
        self.links.iter().any(|link| link.is_erased() && link.id.as_str() == name)
    }

    /// Whether a record's link is erased: nothing of it has to be kept any more.
    pub(crate) fn is_erased(&self, record: &Address) -> bool {
        let erased = |link: &&Link| link.is_erased() && self.half(link, record.0).as_ref() == Some(record);
        self.links.iter().any(|link| erased(&link))
    }

    /// The records that are set aside with a reason.
    pub(crate) fn parked_records(&self) -> impl Iterator<Item = Address> {
        self.parked.iter().filter_map(|parked| address(parked.key.record()?))
    }

    /// Whether a person is told of a record, or that its side shows nothing of the kind.
    pub(crate) fn is_told(&self, record: &Address) -> bool {
        let silent = Self::type_of(record);
        self.parked_records().any(|parked| parked == *record)
            || self.parked.iter().any(|parked| parked.key == silent)
    }

    /// What is set aside if a side shows nothing of a record's kind.
    pub(crate) fn type_of(record: &Address) -> ParkKey {
        let side = record.0;
        let is_lead = side == Side::Salesforce && is_lead(&record.2);
        ParkKey::Type(side, if is_lead { LEAD } else { OBJECTS[record.1].wire(side) }.into())
    }

    /// Whether a field of a link waits for a person: held, or set aside with a reason.
    pub(crate) fn waits(&self, link: &Link, field: &str) -> bool {
        let named = |name: &FieldName| name.as_str() == field;
        let held = self.conflicts.iter().any(|conflict| conflict.link == link.id && named(&conflict.field));
        let parked = self.parked.iter().any(|parked| match &parked.key {
            ParkKey::Field(of, name) => *of == link.id && named(name),
            ParkKey::Record(record) => {
                record.object == link.object && link.records[record.side].as_ref() == Some(&record.id)
            }
            ParkKey::Message(_) | ParkKey::Object(_) | ParkKey::Type(..) => false,
        });
        held || parked
    }
}

/// The index of an object type in [`OBJECTS`].
pub(crate) fn object_index(name: &concord_core::names::ObjectName) -> Option<usize> {
    OBJECTS.iter().position(|object| object.name == name.as_str())
}

/// An address of the store's, as the oracle names it.
pub(crate) fn address(record: &RecordKey) -> Option<Address> {
    Some((record.side, object_index(&record.object)?, record.id.as_str().to_owned()))
}

/// Which records are one thing: each points to another of the same, or to itself.
fn things(world: &World, records: &BTreeMap<Address, Shown>) -> BTreeMap<Address, Address> {
    let mut parents: BTreeMap<Address, Address> = BTreeMap::new();
    let mut unite = |one: Address, other: Address| {
        let root = |parents: &BTreeMap<Address, Address>, of: &Address| {
            let mut at = of.clone();
            while let Some(next) = parents.get(&at).filter(|next| **next != at) {
                at = next.clone();
            }
            at
        };
        let (one, other) = (root(&parents, &one), root(&parents, &other));
        parents.insert(one.clone(), one.clone());
        parents.insert(other, one);
    };
    let watch = world.site.watch();
    let mut first: BTreeMap<&LinkId, Address> = BTreeMap::new();
    for (record, link) in &watch.members {
        let Some(record) = address(record) else { continue };
        match first.get(link) {
            Some(known) => unite(known.clone(), record),
            None => drop(first.insert(link, record)),
        }
    }
    // A record of ours that no link names (another was faster) is still what it was made from.
    for (record, link) in
        records.iter().filter_map(|(record, shown)| Some((record, shown.concord_id.as_deref()?)))
    {
        if let Some((_, known)) = first.iter().find(|(known, _)| known.as_str() == link) {
            unite(known.clone(), record.clone());
        }
    }
    for (side, object, loser, winner) in &world.users.merged {
        unite((*side, *object, loser.clone()), (*side, *object, winner.clone()));
    }
    parents
}

/// The compared form of a value in the store.
pub(crate) fn plain(value: &Presence<Value>) -> String {
    match value {
        Presence::Blank | Presence::Unknown => String::new(),
        Presence::Value(Value::Atom(parts)) => parts.iter().map(plain).collect::<Vec<_>>().join("|"),
        Presence::Value(Value::Choices(choices)) => choices.iter().cloned().collect::<Vec<_>>().join(";"),
        Presence::Value(Value::Text(text)) => match text.strip_prefix('+') {
            Some(phone) => phone.chars().skip(phone.chars().count().saturating_sub(10)).collect(),
            None => text.strip_prefix("default/").unwrap_or(text).to_lowercase(),
        },
        Presence::Value(Value::Date(day)) => day.to_string(),
        Presence::Value(Value::Money { amount, currency }) => format!("{amount} {}", currency.to_lowercase()),
        Presence::Value(Value::Boolean(_) | Value::Integer(_) | Value::Decimal(_) | Value::DateTime(_)) => {
            format!("{value:?}")
        }
    }
}
