//! Deciding: from the link and both rows, read after it, to the link as it will be and what to send (P1, P7).

use super::rules::{Clock, Guard, Moves, Mutant, Policy, Rules, Stamps};
use super::settle::{Seen, Settled, View, has_taken, landed, settle};
use super::terms::{
    Base, FIELDS_MAX, Image, Intent, Link, Pair, Part, PerField, Place, Progress, Role, Side, Token, Value,
};

/// What to do. Committed on the link's generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The link as it will be.
    pub link: Link,
    /// What to send.
    pub issued: Vec<Intent>,
    /// What the judge has to know.
    pub said: Vec<Said>,
    /// Salesforce's row is too fresh to be a precondition: look again (P5).
    pub waits: bool,
}

/// One remark of a decision, about a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Both sides changed it without having seen each other. `winner` is none if it is held.
    Conflict {
        /// Which.
        field: usize,
        /// The effective values.
        values: Pair<Value>,
        /// Whose value stands, and whether because it is called the later one.
        winner: Option<(Side, bool)>,
    },
    /// A value that was replaced by somebody who had not seen it.
    Loser {
        /// Which.
        field: usize,
        /// It.
        value: Value,
    },
    /// A value of this side gives way without a record: it equals the image, and the other side changed; or it is
    /// what a stale landing left.
    GivesWay {
        /// Which.
        field: usize,
        /// The side that gives way.
        side: Side,
        /// It.
        value: Value,
    },
}

/// How much one clock may differ from the other, in the time between two edits times three. Not a multiple of
/// that, so that an edit can seem earlier than one that it followed.
pub const CLOCK_ERROR: u8 = 4;
/// The time between two edits.
pub const BETWEEN_EDITS: u8 = 3;

/// Whether intents of this side still wait in the queue: they are left alone if they say what would be said now.
pub type Queued = Pair<Option<Token>>;

/// Decides.
#[must_use]
pub fn decide(
    rules: &Rules,
    fields: usize,
    link: &Link,
    seen: Pair<Seen<'_>>,
    queued: Queued,
    skew: i8,
) -> Decision {
    let mut draft = Draft {
        rules,
        skew,
        link: link.clone(),
        parts: Pair::default(),
        views: [None; FIELDS_MAX],
        issued: Vec::new(),
        said: Vec::new(),
        waits: false,
    };
    draft.close_landed(seen);
    for field in 0..fields {
        match settle(rules, link, field, seen) {
            Ok(settled) => draft.field(field, &settled, seen),
            Err(_) => draft.link.is_parked[field] = true,
        }
    }
    for side in Side::BOTH {
        draft.issue(side, seen[side], queued[side]);
    }
    Decision { link: draft.link, issued: draft.issued, said: draft.said, waits: draft.waits }
}

struct Draft<'a> {
    rules: &'a Rules,
    skew: i8,
    link: Link,
    parts: Pair<PerField<Option<Part>>>,
    views: PerField<Option<Pair<View>>>,
    issued: Vec<Intent>,
    said: Vec<Said>,
    waits: bool,
}

impl Draft<'_> {
    fn field(&mut self, field: usize, settled: &Settled, seen: Pair<Seen<'_>>) {
        let views = settled.views;
        self.link.base[field] = settled.base;
        self.link.is_parked[field] = false;
        self.link.held[field] = None;
        self.views[field] = Some(views);
        self.said.extend(settled.losers.iter().map(|&value| Said::Loser { field, value }));
        for side in Side::BOTH {
            // P3: a side with a history restores a skipped landing by itself.
            if self.rules.guard(side) == Guard::History && views[side].is_covered {
                self.write(field, side, Role::Restore, views);
            }
        }
        let shown = Pair { h: seen.h.row.values[field], s: seen.s.row.values[field] };
        for side in Side::BOTH {
            if self.rules.guard(side) != Guard::History && views[side].is_covered {
                self.said.push(Said::GivesWay { field, side, value: shown[side] });
            }
        }
        if self.rules.breaks(Mutant::EqualRaw) && shown.h == shown.s {
            self.agree(field, views, shown);
        } else {
            self.compare(field, settled.base, views);
        }
        for side in Side::BOTH {
            self.advance(field, side, views[side]);
        }
    }

    fn compare(&mut self, field: usize, base: Base, views: Pair<View>) {
        if views.h.value == views.s.value {
            if !self.repair(field, views) {
                self.agree(field, views, Pair { h: views.h.value, s: views.s.value });
            }
            return;
        }
        let is_edited = |side: Side| views[side].value != base.images[side].value;
        match (is_edited(Side::H), is_edited(Side::S)) {
            (false, false) => drop(self.repair(field, views)),
            (true, false) => self.one_sided(field, Side::H, views),
            (false, true) => self.one_sided(field, Side::S, views),
            (true, true) => self.both(field, views),
        }
    }

    /// Moves the place of a base up to what has been accounted for: what landed before and was skipped, and what
    /// was typed over it, need not be told apart again.
    fn advance(&mut self, field: usize, side: Side, view: View) {
        let image = &mut self.link.base[field].images[side];
        if self.rules.guard(side) == Guard::History && !view.is_covered {
            image.place = image.place.max(view.place);
        }
    }

    /// P2: a by-id read with equal effective values. Numbered with the highest token given out, so that nothing
    /// that may still land can move it.
    fn agree(&mut self, field: usize, views: Pair<View>, values: Pair<Value>) {
        let image = |side: Side| Image { value: values[side], place: views[side].place };
        let images = Pair { h: image(Side::H), s: image(Side::S) };
        self.link.base[field] = Base { number: self.link.issued, images, is_unproven: false };
    }

    /// A stale landing stands over the agreed value on a side without history: the other side has that value.
    fn repair(&mut self, field: usize, views: Pair<View>) -> bool {
        let covered = Side::BOTH
            .into_iter()
            .find(|side| self.rules.guard(*side) != Guard::History && views[*side].is_covered);
        if let Some(side) = covered
            && !(views[side.other()].is_covered && self.rules.guard(side.other()) != Guard::History)
        {
            self.write(field, side, Role::Repair, views);
        }
        covered.is_some()
    }

    fn one_sided(&mut self, field: usize, from: Side, views: Pair<View>) {
        let side = from.other();
        self.said.push(Said::GivesWay { field, side, value: views[side].value });
        self.write(field, from.other(), Role::Carry, views);
    }

    fn both(&mut self, field: usize, views: Pair<View>) {
        let values = Pair { h: views.h.value, s: views.s.value };
        let winner = self.winner(views);
        self.said.push(Said::Conflict { field, values, winner });
        match winner {
            None => self.link.held[field] = Some(values),
            Some((side, _)) => self.write(field, side.other(), Role::Carry, views),
        }
    }

    fn winner(&self, views: Pair<View>) -> Option<(Side, bool)> {
        if let Some(side) = Side::BOTH.into_iter().find(|side| views[*side].is_unproven) {
            return Some((side.other(), false)); // P4: unproven never wins.
        }
        match self.rules.policy {
            Policy::Hold => None,
            Policy::Authority(side) => Some((side, false)),
            Policy::Newest { otherwise, clock } => {
                let (Some(h), Some(s)) = (views.h.edited, views.s.edited) else {
                    return Some((otherwise, false));
                };
                let h = i16::from(h) * i16::from(BETWEEN_EDITS);
                let s = i16::from(s) * i16::from(BETWEEN_EDITS) + i16::from(self.skew);
                let margin = match clock {
                    Clock::Bounded | Clock::RowStamp | Clock::PlaceStamp => i16::from(CLOCK_ERROR),
                    Clock::Trusted => 0,
                };
                if h - s > margin {
                    Some((Side::H, true))
                } else if s - h > margin && clock == Clock::RowStamp {
                    Some((Side::S, true))
                } else {
                    Some((otherwise, false))
                }
            }
        }
    }

    /// Gathers a part for a side. A carry says all that a restore would.
    fn write(&mut self, field: usize, to: Side, role: Role, views: Pair<View>) {
        let other = views[to.other()];
        let source = other.image();
        let sent = match role {
            Role::Carry | Role::Repair => other.value,
            Role::Restore | Role::Claim => views[to].value,
        };
        self.parts[to][field] = Some(Part { role, source, expected: views[to].image(), sent });
    }

    /// P1: at most one intent per side is open. One that is not wanted any more, or was attempted and is not on
    /// the row, is a zombie from now on (P3).
    fn issue(&mut self, side: Side, seen: Seen<'_>, queued: Option<Token>) {
        let mut parts = std::mem::take(&mut self.parts[side]);
        if parts.iter().all(Option::is_none) {
            self.close_open(side);
            return;
        }
        let waits = match self.rules.stamps {
            Stamps::Exact | Stamps::Second => false,
            Stamps::SecondWaited | Stamps::SecondAnsweredLater => {
                seen.row.is_fresh && self.rules.guard(side) == Guard::CompareAndSet
            }
        };
        if waits {
            self.waits = true;
            return;
        }
        if self.rules.breaks(Mutant::WholeRow) {
            self.claim_row(side, &mut parts);
        }
        let stamp = if self.rules.guard(side) == Guard::CompareAndSet { seen.row.stamp } else { 0 };
        let open = self.link.intents.iter().find(|(intent, progress)| {
            intent.side == side && *progress == Progress::Open && queued == Some(intent.number)
        });
        if open.is_some_and(|(open, _)| open.stamp == stamp && says_the_same(&open.parts, &parts)) {
            return;
        }
        self.close_open(side);
        self.link.issued = Token(self.link.issued.0 + 1);
        let intent = Intent { number: self.link.issued, side, stamp, parts };
        self.link.intents.push((intent, Progress::Open));
        self.issued.push(intent);
        if self.rules.moves == Moves::BeforeWrite {
            take_in(&mut self.link, &intent, Place::default());
        }
    }

    /// `wholerow`: the intent claims the fields that it does not write, too.
    fn claim_row(&self, side: Side, parts: &mut PerField<Option<Part>>) {
        for (part, views) in parts.iter_mut().zip(self.views) {
            if let (None, Some(views)) = (&part, views) {
                let source = views[side.other()].image();
                let (expected, sent) = (views[side].image(), views[side].value);
                *part = Some(Part { role: Role::Claim, source, expected, sent });
            }
        }
    }

    fn close_landed(&mut self, seen: Pair<Seen<'_>>) {
        let rules = self.rules;
        for (intent, progress) in &mut self.link.intents {
            if has_taken(rules, intent.side, seen[intent.side], intent.number) {
                *progress = Progress::Closed;
            }
        }
        if rules.breaks(Mutant::ForgetSettled) {
            self.link
                .intents
                .retain(|(intent, _)| !has_taken(rules, intent.side, seen[intent.side], intent.number));
        }
    }

    fn close_open(&mut self, side: Side) {
        let forgets = self.rules.breaks(Mutant::ForgetZombies);
        let is_open = |intent: &Intent, progress: Progress| intent.side == side && progress == Progress::Open;
        if forgets {
            self.link.intents.retain(|(intent, progress)| !is_open(intent, *progress));
        }
        for (intent, progress) in &mut self.link.intents {
            if is_open(intent, *progress) {
                *progress = Progress::Closed;
            }
        }
    }
}

/// Takes a write for landed as it was sent: what base-before, base-after and `hresponse` do.
pub fn take_in(link: &mut Link, intent: &Intent, place: Place) {
    for (base, part) in link.base.iter_mut().zip(intent.parts) {
        if let Some(part) = part
            && part.role == Role::Carry
            && intent.number > base.number
        {
            *base = landed(intent.side, intent.number, part.source, Image { value: part.sent, place });
        }
    }
}

fn says_the_same(this: &PerField<Option<Part>>, that: &PerField<Option<Part>>) -> bool {
    this.iter().zip(that).all(|(this, that)| match (this, that) {
        (Some(this), Some(that)) => this.sent == that.sent && this.role == that.role,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    })
}
