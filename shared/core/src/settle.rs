//! Settling: what each side really holds, once our own landings are told apart from other people's edits
//! (P2 to P5).
//!
//! HubSpot shows every version, so its history is walked from the base's place. Salesforce shows only the
//! current row, but a write there lands only on the row it was decided for, so the row's token tells which one
//! did. A landing on one side may move the base under the other; both are looked at until nothing moves.

mod fault;
mod shown;

use jiff::Timestamp;

use crate::canonical::Unmappable;
use crate::contract::Field;
use crate::link::{Base, Image, Intent, Link, Part, Place, Proof, Role};
use crate::names::{PerSide, Side, Token};
use crate::reference;
use crate::row::{Author, History, Row, Versions};
use crate::value::{ImageHash, ImageKey, Known, Presence, Value};
pub use fault::FieldFault;

/// One field of one pair, settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The base, moved by every landing that may move it.
    pub base: Option<Base>,
    /// What each side holds.
    pub views: PerSide<View>,
    /// Values replaced by somebody who had not seen them, to be recorded.
    pub losers: Vec<Presence<Value>>,
}

/// One side of one field, with landings that must be skipped set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The effective value. `None`: not shown to us, which never changes anything (P8).
    pub hash: Option<ImageHash>,
    /// The effective value itself. `Unknown` if not shown, or if only its hash is at hand.
    pub value: Presence<Value>,
    /// Where it stands in the side's order of versions.
    pub place: Place,
    /// Whether the row shows the effective value, or a landing that has to be undone.
    pub stands: Stands,
    /// Whether the effective value can be told from the CRM's own rewriting of what we sent (P4).
    pub proof: Proof,
    /// When it was last edited, where the side tells.
    pub edited: Option<Timestamp>,
}

/// Whether a side's effective value is what its row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Yes.
    Shown,
    /// No: a landing of ours that was skipped stands over it.
    Covered,
}

impl View {
    /// Moves a base's place up to what has been accounted for on this side: what landed before then and was skipped,
    /// and what was typed over it, need not be told apart again, when details are forgotten.
    pub(crate) fn advance(&self, side: Side, base: &mut Option<Base>) {
        let Some(image) = base.as_mut().map(|base| &mut base.images[side]) else { return };
        if self.stands == Stands::Shown && self.hash.is_some() && side == Side::HubSpot {
            image.place = image.place.max(self.place);
        }
    }

    /// The image to remember if this value is agreed on. `None` if it is not known.
    #[must_use]
    pub fn image(&self, key: &ImageKey) -> Option<Image> {
        self.hash.map(|hash| Image { hash, place: self.place, elements: elements(key, &self.value) })
    }
}

/// What one field is settled from: what is remembered, and the two rows, read after it.
pub(crate) struct Scene<'a> {
    pub(crate) key: &'a ImageKey,
    pub(crate) field: &'a Field,
    pub(crate) link: &'a Link,
}

impl Scene<'_> {
    /// Settles to a fixpoint: each move raises the base's number, so this ends. Of a side without a row nothing is
    /// known.
    pub(crate) fn settle(&self, rows: PerSide<Option<&Row>>) -> Result<Settled, FieldFault> {
        let mut base = self.link.fields.get(&self.field.name).and_then(|memory| memory.base.clone());
        let mut losers = Vec::new();
        loop {
            let before = base.clone();
            let salesforce = self.look(Side::Salesforce, rows.salesforce, &mut base, &mut losers)?;
            let hubspot = self.look(Side::HubSpot, rows.hubspot, &mut base, &mut losers)?;
            if base == before {
                return Ok(Settled { base, views: PerSide { hubspot, salesforce }, losers });
            }
        }
    }

    fn look(
        &self,
        side: Side,
        row: Option<&Row>,
        base: &mut Option<Base>,
        losers: &mut Vec<Presence<Value>>,
    ) -> Result<View, FieldFault> {
        let Some(row) = row else { return Ok(unseen(side, base.as_ref())) };
        match &row.versions {
            Versions::History(_) | Versions::Stamp { .. } if reference::is_set(self.field) => {
                self.as_it_stands(side, row, base.as_ref())
            }
            Versions::History(history) => self.walk(side, row, history, base, losers),
            Versions::Stamp { modified, modified_by, .. } => {
                self.compare(side, row, (*modified, modified_by), base, losers)
            }
            Versions::Listed => Err(FieldFault::NotReadById(side)),
        }
    }

    /// Associations carry no token, and nothing tells who made one: what the row shows is what there is. The base moves only
    /// when both sides are seen to agree, so that whatever lands, lands upon what it was decided from.
    fn as_it_stands(&self, side: Side, row: &Row, base: Option<&Base>) -> Result<View, FieldFault> {
        let value = self.shown(side, row)?;
        Ok(View { hash: self.hash(&value), value, ..unseen(side, base) })
    }

    /// What the row shows now.
    fn shown(&self, side: Side, row: &Row) -> Result<Presence<Value>, Unmappable> {
        row.shows(self.field, side)
    }

    fn hash(&self, value: &Presence<Value>) -> Option<ImageHash> {
        self.key.of(value)
    }

    fn image(&self, value: &Presence<Value>, place: Place) -> Option<Image> {
        self.hash(value).map(|hash| Image { hash, place, elements: elements(self.key, value) })
    }

    /// The intent with this number and its part for our field, if it wrote to this side.
    fn part(&self, side: Side, number: Token) -> Option<(&Intent, &Part)> {
        let intent = self.link.intent(number).filter(|intent| intent.side == side)?;
        intent.parts.iter().find(|part| part.field == self.field.name).map(|part| (intent, part))
    }

    /// Salesforce: the current row against the base, with the row's token saying which of our writes it took in.
    fn compare(
        &self,
        side: Side,
        row: &Row,
        (modified, modified_by): (Timestamp, &Author),
        base: &mut Option<Base>,
        losers: &mut Vec<Presence<Value>>,
    ) -> Result<View, FieldFault> {
        let value = self.shown(side, row)?;
        let token = row.token.unwrap_or_default();
        let place = Place::Token(token);
        let hash = self.hash(&value);
        let mut view = View {
            hash,
            value,
            place,
            stands: Stands::Shown,
            proof: Proof::Seen,
            edited: (*modified_by != Author::Us).then_some(modified),
        };
        let settled_before = base.as_ref().is_some_and(|base| base.images[side].place == place);
        if let (Some(hash), false, Some((intent, part))) = (hash, settled_before, self.part(side, token)) {
            let by_us = *modified_by == Author::Us && !self.link.is_archived_since(token);
            let ours = by_us || hash == part.sent;
            match &part.role {
                Role::Carry { source } if rises(base.as_ref(), intent.number) => {
                    let stored = if ours {
                        self.image(&view.value, place)
                    } else {
                        Some(Image { hash: part.sent, place, elements: Vec::new() })
                    };
                    if let Some(stored) = stored {
                        let proof = if ours { Proof::Seen } else { Proof::Sent };
                        *base = Some(landed(side, intent.number, source.clone(), stored, proof));
                    }
                }
                Role::Carry { .. } | Role::Amend | Role::Restore | Role::Associate { .. }
                    if rises(base.as_ref(), intent.number) => {}
                Role::Carry { .. } | Role::Amend | Role::Restore | Role::Associate { .. } if ours => {
                    // A stale landing: the effective value is still the image, of which only the hash is kept.
                    view.hash = base.as_ref().map(|base| base.images[side].hash);
                    view.value = Presence::Unknown;
                    view.place = base.as_ref().map_or(place, |base| base.images[side].place);
                    view.stands = if view.hash == Some(hash) { Stands::Shown } else { Stands::Covered };
                }
                Role::Carry { .. } | Role::Amend | Role::Restore | Role::Associate { .. } => {
                    // Somebody edited on top of a stale landing, without having seen what it covered: the value
                    // that both sides had agreed on, of which Salesforce's half is gone. The other side has it.
                    push_new(losers, Presence::Unknown);
                }
            }
        }
        if let Some(base) = base.as_ref()
            && base.proof == Proof::Sent
            && view.hash != Some(base.images[side].hash)
        {
            view.proof = Proof::Sent;
        }
        Ok(view)
    }

    /// HubSpot: every version since the base's place, in order.
    fn walk(
        &self,
        side: Side,
        row: &Row,
        history: &History,
        base: &mut Option<Base>,
        losers: &mut Vec<Presence<Value>>,
    ) -> Result<View, FieldFault> {
        let shown = self.shown(side, row)?;
        if shown.is_unknown() {
            return Ok(unseen(side, base.as_ref()));
        }
        let from = match base.as_ref().map(|base| base.images[side].place) {
            Some(Place::Version(at)) => at,
            Some(Place::Token(_)) | None => None,
        };
        let events = self.events(side, history);
        if events.last().is_none_or(|last| last.value != shown)
            && !(events.is_empty() && shown == Presence::Blank)
        {
            // The row shows what its history does not: a field without history. Nothing of ours can be told apart.
            return Ok(self.plain(row, shown, events.last().map(|last| last.at)));
        }
        let start = match from {
            None => Presence::Blank,
            Some(at) => match events.iter().rev().find(|event| event.at <= at) {
                Some(event) => event.value.clone(),
                // A field that held nothing then has no version of that time.
                None if base.as_ref().map(|base| base.images[side].hash) == self.hash(&Presence::Blank) => {
                    Presence::Blank
                }
                None => return Err(FieldFault::HistoryTruncated),
            },
        };
        let last = events.last().map(|event| event.at).max(from);
        let people = events.iter().filter(|event| matches!(event.who, Who::Somebody));
        let typed = people.map(|event| event.at).rfind(|at| Some(*at) <= from);
        let agreed = base.as_ref().map(|base| base.images[side].hash);
        let mut walk = Walk {
            scene: self,
            side,
            base,
            losers,
            edited: typed.filter(|_| agreed != self.hash(&start)),
            value: start,
            place: from,
            last,
            skipped: None,
            typed,
        };
        for event in events.into_iter().filter(|event| from.is_none_or(|at| event.at > at)) {
            walk.meet(event);
        }
        Ok(walk.end())
    }

    /// All that happened to our field on HubSpot, oldest first: its versions, and the landings of intents that
    /// wrote it, which leave no version where the value did not change.
    fn events(&self, side: Side, history: &History) -> Vec<Event<'_>> {
        let wires = &self.field.wire[side];
        let versions = || wires.iter().filter_map(|wire| history.fields.get(wire)).flatten();
        let token_at =
            |at: Timestamp| history.tokens.iter().find(|(when, _)| *when == at).map(|(_, token)| *token);
        let mut instants: Vec<Timestamp> = versions().map(|version| version.at).collect();
        instants.extend(
            history.tokens.iter().filter(|(_, token)| self.part(side, *token).is_some()).map(|(at, _)| *at),
        );
        instants.sort_unstable();
        instants.dedup();
        let mut events: Vec<Event<'_>> = Vec::with_capacity(instants.len());
        for at in instants {
            let raw: Vec<_> = wires
                .iter()
                .map(|wire| {
                    let known = history.fields.get(wire);
                    let latest = known.and_then(|all| all.iter().rev().find(|version| version.at <= at));
                    latest.map_or(Presence::Blank, |version| version.value.clone())
                })
                .collect();
            // A past value without a canonical form equals nothing; the present one was canonicalised before.
            let value = self.field.canonicalise(side, &raw).unwrap_or(Presence::Unknown);
            let ours = versions().any(|version| version.at == at && version.author == Author::Us);
            let who = match token_at(at) {
                Some(number) => Who::Us(self.part(side, number)),
                // Written with our login but not by an intent: an operator's script, say. It is an edit.
                None if ours => self
                    .repeated(side, history, &events, (at, &value))
                    .or_else(|| self.associated(side, &value))
                    .map_or(Who::Somebody, |known| Who::Us(Some(known))),
                None => Who::Somebody,
            };
            events.push(Event { at, value, who });
        }
        events
    }

    /// A reference that is written as an association, which carries no token: it is known by what was sent.
    fn associated(&self, side: Side, value: &Presence<Value>) -> Option<(&Intent, &Part)> {
        reference::target_of(self.field)?;
        let sent = self.hash(value)?;
        let intents = self.link.intents.iter().rev().filter(|intent| intent.side == side);
        let mut parts = intents.flat_map(|intent| intent.parts.iter().map(move |part| (intent, part)));
        parts.find(|(_, part)| part.field == self.field.name && part.sent == sent)
    }

    /// A landing of ours that left no token version: its token was on the row already, so an attempt was repeated. It
    /// is known by what was sent, or by what the side made of that the first time.
    fn repeated(
        &self,
        side: Side,
        history: &History,
        before: &[Event<'_>],
        (at, value): (Timestamp, &Presence<Value>),
    ) -> Option<(&Intent, &Part)> {
        let (first, token) = history.tokens.iter().rev().find(|(when, _)| *when <= at)?;
        let known = self.part(side, *token)?;
        let first = before.iter().find(|event| event.at == *first).map(|event| &event.value);
        // An association is made apart from its token.
        let stored = first.filter(|_| reference::target_of(self.field).is_none());
        (self.hash(value) == Some(known.1.sent) || stored == Some(value)).then_some(known)
    }
}

struct Event<'a> {
    at: Timestamp,
    value: Presence<Value>,
    who: Who<'a>,
}

enum Who<'a> {
    /// Us; by this intent, if its details are still kept.
    Us(Option<(&'a Intent, &'a Part)>),
    Somebody,
}

struct Walk<'a, 'b> {
    scene: &'a Scene<'a>,
    side: Side,
    base: &'b mut Option<Base>,
    losers: &'b mut Vec<Presence<Value>>,
    /// The effective value so far, and its place.
    value: Presence<Value>,
    place: Option<Timestamp>,
    /// The last that happened at all.
    last: Option<Timestamp>,
    /// The landing that stands over it.
    skipped: Option<Skipped>,
    /// When a person typed last.
    typed: Option<Timestamp>,
    /// When a person typed the effective value, if the two sides have not agreed on it since.
    edited: Option<Timestamp>,
}

/// A landing that was set aside. If it hid an edit, whoever edits on top of it has seen our value: then it is
/// the base that they edited from.
struct Skipped {
    hiding: Option<Base>,
}

impl Walk<'_, '_> {
    fn meet(&mut self, event: Event<'_>) {
        let hash = self.scene.hash(&event.value);
        match event.who {
            Who::Somebody => {
                if let Some(skipped) = self.skipped.take() {
                    push_new(self.losers, self.value.clone());
                    if let Some(base) = skipped.hiding {
                        *self.base = Some(base);
                    }
                }
                self.value = event.value;
                self.place = Some(event.at);
                self.typed = Some(event.at);
                self.edited = self.typed;
            }
            Who::Us(Some((intent, part))) => {
                let effective = self.scene.hash(&self.value);
                let stored = self.scene.image(&event.value, Place::Version(Some(event.at)));
                match (&part.role, stored) {
                    (Role::Carry { source }, Some(stored))
                        if rises(self.base.as_ref(), intent.number) || self.completes(intent, part, hash) =>
                    {
                        let base = landed(self.side, intent.number, source.clone(), stored, Proof::Seen);
                        if effective == Some(part.sent) || !self.hides(part) {
                            *self.base = Some(base);
                            self.value = event.value;
                            self.place = Some(event.at);
                            self.skipped = None;
                            self.edited = None;
                        } else {
                            self.skipped = Some(Skipped { hiding: Some(base) });
                        }
                    }
                    (Role::Carry { .. } | Role::Restore | Role::Amend | Role::Associate { .. }, _) => {
                        self.set_aside(hash)
                    }
                }
            }
            // Nothing is remembered of this record yet: what stands there is what there is.
            Who::Us(None) if self.base.is_none() => {
                self.value = event.value;
                self.place = Some(event.at);
                self.skipped = None;
            }
            Who::Us(None) => self.set_aside(hash),
        }
    }

    /// Whether a reference arrives after the token of its intent: the record and its associations are two things to HubSpot. The
    /// base is that landing's then; one that both sides have agreed on since holds something else on the other side.
    fn completes(&self, intent: &Intent, part: &Part, hash: Option<ImageHash>) -> bool {
        let Some(base) = self.base.as_ref().filter(|base| base.number == intent.number) else { return false };
        let Role::Carry { source } = &part.role else { return false };
        reference::target_of(self.scene.field).is_some()
            && base.images[self.side].hash != part.sent
            && base.images[self.side.other()].hash == source.hash
            && hash == Some(part.sent)
    }

    /// Whether a landing went over what a person typed since it was decided.
    fn hides(&self, part: &Part) -> bool {
        match part.seen {
            Place::Version(at) => self.typed > at,
            Place::Token(_) => false,
        }
    }

    /// Our landing changes nothing: if the row shows another value now, it has to be restored.
    fn set_aside(&mut self, shown: Option<ImageHash>) {
        let covered = shown != self.scene.hash(&self.value);
        self.skipped = covered.then_some(Skipped { hiding: None });
    }

    fn end(self) -> View {
        // Where the effective value stands, all before is accounted for, skipped landings and their restores too.
        let place = if self.skipped.is_some() { self.place } else { self.last };
        View {
            hash: self.scene.hash(&self.value),
            value: self.value,
            place: Place::Version(place),
            stands: if self.skipped.is_some() { Stands::Covered } else { Stands::Shown },
            proof: Proof::Seen,
            edited: self.edited,
        }
    }
}

/// What is known of a value that is not shown.
fn unseen(side: Side, base: Option<&Base>) -> View {
    View {
        hash: None,
        value: Presence::Unknown,
        place: base.map_or(Place::Version(None), |base| base.images[side].place),
        stands: Stands::Shown,
        proof: Proof::Seen,
        edited: None,
    }
}

fn rises(base: Option<&Base>, number: Token) -> bool {
    base.is_none_or(|base| number > base.number)
}

/// The base that a landing on `target` makes.
fn landed(target: Side, number: Token, source: Image, stored: Image, proof: Proof) -> Base {
    let images = match target {
        Side::HubSpot => PerSide { hubspot: stored, salesforce: source },
        Side::Salesforce => PerSide { hubspot: source, salesforce: stored },
    };
    Base { number, images, proof }
}

fn push_new(losers: &mut Vec<Presence<Value>>, value: Presence<Value>) {
    if !losers.contains(&value) {
        losers.push(value);
    }
}

/// Hashes of a set's elements, each as the set that holds only it.
pub(crate) fn elements(key: &ImageKey, value: &Presence<Value>) -> Vec<ImageHash> {
    match value {
        Presence::Value(Value::Choices(choices)) => {
            choices.iter().map(|choice| element(key, choice)).collect()
        }
        Presence::Value(_) | Presence::Blank | Presence::Unknown => Vec::new(),
    }
}

pub(crate) fn element(key: &ImageKey, choice: &str) -> ImageHash {
    key.hash(Known(Some(&Value::Choices([choice.to_owned()].into()))))
}
