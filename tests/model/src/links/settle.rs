//! Settling one field: what each side really holds, once our landings are told from people's edits (P2 to P4).

use super::rules::{Beyond, Clock, Echo, Guard, Moves, Mutant, Policy, Rules};
use super::terms::{Base, Event, Image, Intent, Link, Pair, Part, Place, Role, Row, Side, Token, Value};

/// What a worker read of one side, after the link.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The row.
    pub row: &'a Row,
    /// The history, oldest first, where the side keeps one.
    pub events: &'a [Event],
}

/// One side of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The effective value: landings that must be skipped are set aside.
    pub value: Value,
    /// How far the side is accounted for: all, unless a skipped landing stands over the value.
    pub place: Place,
    /// Whether a skipped landing stands over it.
    pub is_covered: bool,
    /// Whether it may be the CRM's rewriting of what we sent (P4).
    pub is_unproven: bool,
    /// When a person typed it, where that is known.
    pub edited: Option<u8>,
}

impl View {
    /// What is remembered of it.
    #[must_use]
    pub const fn image(&self) -> Image {
        Image { value: self.value, place: self.place }
    }
}

/// One field, settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// As the landings leave it.
    pub base: Base,
    /// What each side holds.
    pub views: Pair<View>,
    /// Values that somebody replaced without having seen them.
    pub losers: Vec<Value>,
}

/// The history does not reach back to the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfReach;

/// Landings on one side may move the base under the other. A rising number ends this; the mutant that knows no
/// numbers is ended by force.
const ROUNDS_MAX: usize = 6;

/// Settles a field to a fixpoint.
pub fn settle(rules: &Rules, link: &Link, field: usize, seen: Pair<Seen<'_>>) -> Result<Settled, OutOfReach> {
    let mut scene = Scene { rules, link, field, base: link.base[field], losers: Vec::new() };
    for _ in 0..ROUNDS_MAX {
        let before = scene.base;
        let s = scene.look(Side::S, seen.s)?;
        let h = scene.look(Side::H, seen.h)?;
        if scene.base == before {
            return Ok(scene.settled(Pair { h, s }));
        }
    }
    let s = scene.look(Side::S, seen.s)?;
    let h = scene.look(Side::H, seen.h)?;
    Ok(scene.settled(Pair { h, s }))
}

/// Whether a side shows that it took an intent in (P2).
#[must_use]
pub fn has_taken(rules: &Rules, side: Side, seen: Seen<'_>, number: Token) -> bool {
    let is_told = rules.moves != Moves::RowToken && !rules.breaks(Mutant::CurrentToken);
    if rules.guard(side) == Guard::History && is_told {
        seen.events.iter().any(|event| matches!(event, Event::Landed { token, .. } if *token == number))
    } else {
        seen.row.token == number
    }
}

/// The base that a landing on `target` makes.
#[must_use]
pub fn landed(target: Side, number: Token, source: Image, stored: Image) -> Base {
    let images = match target {
        Side::H => Pair { h: stored, s: source },
        Side::S => Pair { h: source, s: stored },
    };
    Base { number, images, is_unproven: false }
}

struct Scene<'a> {
    rules: &'a Rules,
    link: &'a Link,
    field: usize,
    base: Base,
    losers: Vec<Value>,
}

impl Scene<'_> {
    fn settled(self, views: Pair<View>) -> Settled {
        Settled { base: self.base, views, losers: self.losers }
    }

    fn look(&mut self, side: Side, seen: Seen<'_>) -> Result<View, OutOfReach> {
        match (self.rules.moves, self.rules.guard(side)) {
            (Moves::BeforeWrite | Moves::AfterWrite, _) => Ok(self.raw(seen.row)),
            (Moves::RowToken, _) => Ok(self.look_at_token(side, seen)),
            (Moves::Token, Guard::History) => self.walk(side, seen),
            (Moves::Token, Guard::None | Guard::CompareAndSet) => Ok(self.compare(side, seen.row)),
        }
    }

    fn raw(&self, row: &Row) -> View {
        View {
            value: row.values[self.field],
            place: Place(row.token.0),
            is_covered: false,
            is_unproven: false,
            edited: (!row.is_by_us).then_some(row.edited),
        }
    }

    /// The old text: what the row carries has landed and moves the base; a token that falls is a zombie; and what
    /// an intent hid as it landed is put back.
    fn look_at_token(&mut self, side: Side, seen: Seen<'_>) -> View {
        let number = seen.row.token;
        let mut view = self.raw(seen.row);
        if self.rules.guard(side) == Guard::History {
            view.place = place_after(seen.events.len());
        }
        let Some((_, part)) = self.part(side, number) else { return view };
        if number > self.base.number {
            let stored = Image { value: part.sent, place: view.place };
            self.base = landed(side, number, part.source, stored);
        }
        let is_it = |event: &Event| matches!(event, Event::Landed { token, .. } if *token == number);
        let until = seen.events.iter().position(is_it).unwrap_or(0);
        let hidden = seen.events.get(usize::from(part.expected.place.0)..until).unwrap_or_default();
        let skipped = if number < self.base.number {
            Some(self.base.images[side].value)
        } else {
            hidden
                .iter()
                .rfind(|event| event.typed_at(self.field).is_some())
                .and_then(|event| event.value(self.field))
        };
        if let Some(value) = skipped.filter(|value| seen.row.is_by_us && *value != view.value) {
            view.value = value;
            view.is_covered = true;
        }
        view
    }

    fn rises(&self, number: Token) -> bool {
        number > self.base.number || self.rules.breaks(Mutant::Unnumbered)
    }

    fn part(&self, side: Side, number: Token) -> Option<(Intent, Part)> {
        let intent = self.link.intent(side, number)?;
        intent.parts[self.field].map(|part| (*intent, part))
    }

    fn moves_base(&self, role: Role) -> bool {
        match role {
            Role::Carry | Role::Repair | Role::Claim => true,
            Role::Restore => self.rules.breaks(Mutant::RestoreMoves),
        }
    }

    fn lose(&mut self, value: Value) {
        if !self.losers.contains(&value) {
            self.losers.push(value);
        }
    }

    /// Only the current row: its token tells which of our writes it took in (P2), its modifier whether what it
    /// shows is what the CRM made of that write (P4).
    fn compare(&mut self, side: Side, row: &Row) -> View {
        let mut view = View { place: Place(row.token.0), ..self.raw(row) };
        let is_settled = self.base.images[side].place == view.place;
        if let (false, Some((intent, part))) = (is_settled, self.part(side, row.token)) {
            let is_ours = row.is_by_us || view.value == part.sent;
            if self.rises(intent.number) {
                if self.moves_base(part.role) {
                    let (value, is_unproven) = self.stored(is_ours, part, view.value);
                    let stored = Image { value, place: view.place };
                    self.base = Base { is_unproven, ..landed(side, intent.number, part.source, stored) };
                }
            } else if is_ours {
                // P3: a stale landing. The effective value is still the image.
                let image = self.base.images[side];
                view.is_covered = image.value != view.value;
                view.value = image.value;
                view.place = image.place;
            } else if !self.rules.breaks(Mutant::EditOnZombie) {
                // P3: somebody edited on top of it, without having seen what it covers.
                self.lose(self.base.images[side].value);
            }
        }
        view.is_unproven = self.base.is_unproven && view.value != self.base.images[side].value;
        view
    }

    /// The image that a landing left, and whether it is unproven (P4).
    fn stored(&self, is_ours: bool, part: Part, shown: Value) -> (Value, bool) {
        if part.role == Role::Claim {
            return (part.sent, false);
        }
        match (self.rules.rewriting.unwrap_or(Echo::Weak), is_ours) {
            (Echo::Always, _) | (Echo::IfOurs | Echo::Weak, true) => (shown, false),
            (Echo::Sent, _) | (Echo::IfOurs, false) => (part.sent, false),
            (Echo::Weak, false) => (part.sent, true),
        }
    }

    /// The whole history: every version since the base's place, in order. If what stood there is not the image, it
    /// was accounted for as an edit before.
    fn walk(&mut self, side: Side, seen: Seen<'_>) -> Result<View, OutOfReach> {
        let image = self.base.images[side];
        let kept_from = self.kept_from(seen.events, image.place)?;
        let past = seen.events.get(..usize::from(image.place.0)).unwrap_or(seen.events);
        let start = past.iter().rev().find_map(|event| event.value(self.field)).unwrap_or_default();
        let edited = past.iter().rev().find_map(|event| match self.rules.policy {
            Policy::Newest { clock: Clock::PlaceStamp, .. } => event.given_at(self.field),
            Policy::Authority(_) | Policy::Hold | Policy::Newest { .. } => event.typed_at(self.field),
        });
        let edited = edited.filter(|_| start != image.value);
        let mut walk = Walk { value: start, place: image.place, last: image.place, skipped: None, edited };
        for (index, event) in seen.events.iter().enumerate() {
            let place = place_after(index + 1);
            if place <= image.place || index < kept_from {
                continue;
            }
            if event.value(self.field).is_some() {
                walk.last = place;
            }
            match *event {
                Event::Typed { field, value, at } if field == self.field => {
                    self.meet_edit(&mut walk, value, place, Some(at));
                }
                Event::Typed { .. } => {}
                Event::Landed { token, values, .. } => {
                    let is_told = !self.rules.breaks(Mutant::CurrentToken) || token == seen.row.token;
                    match (self.part(side, token), values[self.field]) {
                        (Some((intent, part)), value) if is_told => {
                            let landing = Landing { side, intent, part, value, place };
                            self.meet_landing(&mut walk, landing, &seen.events[..index]);
                        }
                        (Some(_), Some(value)) => self.meet_edit(&mut walk, value, place, None),
                        // The token tells that it is ours, though its details are gone.
                        (None, Some(value)) => walk.set_aside(value),
                        (Some(_) | None, None) => {}
                    }
                }
            }
        }
        let is_covered = walk.skipped.is_some();
        // Where the effective value stands, all before is accounted for.
        let place = if is_covered { walk.place } else { walk.last };
        Ok(View { value: walk.value, place, is_covered, is_unproven: false, edited: walk.edited })
    }

    /// Index of the first event of our field that a truncated history still has.
    fn kept_from(&self, events: &[Event], place: Place) -> Result<usize, OutOfReach> {
        let Some(truncated) = self.rules.truncated else { return Ok(0) };
        let ours = events.iter().enumerate().filter(|(_, event)| event.value(self.field).is_some());
        let places: Vec<usize> = ours.map(|(index, _)| index).collect();
        let Some(dropped) = places.len().checked_sub(truncated.versions_max) else { return Ok(0) };
        // The oldest version that is left has to stand at the base's place, or before it.
        let reaches_back = dropped == 0 || places[dropped] < usize::from(place.0);
        match truncated.then {
            Beyond::Park if !reaches_back => Err(OutOfReach),
            Beyond::Park | Beyond::GoOn => Ok(places.get(dropped).copied().unwrap_or(0)),
        }
    }

    /// P3: a person's edit on top of a skipped landing is an edit. What it did not see is a loser; and if the
    /// landing was skipped for hiding that, its author has seen our value: it is the base of the edit.
    fn meet_edit(&mut self, walk: &mut Walk, value: Value, place: Place, at: Option<u8>) {
        if let Some(skipped) = walk.skipped.take()
            && !self.rules.breaks(Mutant::EditOnZombie)
        {
            self.lose(walk.value);
            if let Some(base) = skipped.hiding {
                self.base = base;
            }
        }
        walk.value = value;
        walk.place = place;
        walk.edited = at;
    }

    fn meet_landing(&mut self, walk: &mut Walk, landing: Landing, before: &[Event]) {
        let Landing { side, intent, part, value, place } = landing;
        let stored = Image { value: value.unwrap_or(part.sent), place };
        let rises = self.rises(intent.number);
        let base = landed(side, intent.number, part.source, stored);
        if part.role == Role::Claim {
            if rises {
                self.base = base;
            }
            return;
        }
        if !rises || !self.moves_base(part.role) {
            // P3: stale, or a restore. It is set aside.
            walk.set_aside(stored.value);
        } else if walk.value == part.sent || !self.hides(walk, part, before) {
            // P2: it landed on what it was decided for.
            self.base = base;
            *walk = Walk { value: stored.value, place, last: place, skipped: None, edited: None };
        } else if self.rules.breaks(Mutant::HiddenMoves) {
            self.base = base;
            walk.skipped = Some(Skipped { hiding: None });
        } else {
            // P2, P5: it hid somebody's different version.
            walk.skipped = Some(Skipped { hiding: Some(base) });
        }
    }

    /// Whether a landing went over a version that a person made since it was decided.
    fn hides(&self, walk: &Walk, part: Part, before: &[Event]) -> bool {
        if self.rules.breaks(Mutant::HiddenByValue) {
            return walk.value != part.expected.value;
        }
        let since = before.get(usize::from(part.expected.place.0)..).unwrap_or_default();
        since.iter().any(|event| event.typed_at(self.field).is_some())
    }
}

fn place_after(events: usize) -> Place {
    Place(u8::try_from(events).unwrap_or(u8::MAX))
}

struct Walk {
    /// The effective value so far, and its place.
    value: Value,
    place: Place,
    /// The last that happened to the field at all.
    last: Place,
    /// The landing that stands over it.
    skipped: Option<Skipped>,
    edited: Option<u8>,
}

impl Walk {
    /// A landing that changes nothing: if the row shows another value now, that has to be restored.
    fn set_aside(&mut self, shown: Value) {
        self.skipped = (shown != self.value).then_some(Skipped { hiding: None });
    }
}

/// One of our landings, as the walk meets it.
struct Landing {
    side: Side,
    intent: Intent,
    part: Part,
    value: Option<Value>,
    place: Place,
}

struct Skipped {
    hiding: Option<Base>,
}
