//! A decision in the making: parts are gathered per side, then become at most one intent each.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::associations::is_unsettled;
use super::{Decision, Sight, Situation, Wait};
use crate::brake::Harm;
use crate::contract::{Field, Object};
use crate::link::{Action, FieldMemory, Intent, Link, PATIENCE, Part, Place, Progress, REFUSAL_STANDS, Role};
use crate::names::{PerSide, Side, Token};
use crate::port::JournalEntry;
use crate::row::{Row, Versions};

/// An intent is attempted at most this long after it was decided; later it is decided anew.
pub const ATTEMPT_MAX: SignedDuration = SignedDuration::from_mins(10);
/// An attempt can land at most this long after it was made (P3). No API documents a bound; HubSpot and
/// Salesforce both give up on a request within 10 minutes.
pub const LANDING_MAX: SignedDuration = SignedDuration::from_mins(15);
/// A value is written to a side at most so often while it is taken away there each time. Ours: a person who takes back what
/// another typed is let through, and whoever types it again as well.
const IN_VAIN_MAX: usize = 2;
/// A function that began to attempt an intent is ended after this long (template.yaml: its timeout, at most), and
/// clocks of two workers differ by less than what is left of it.
const RUN_MAX: SignedDuration = SignedDuration::from_mins(2);

pub(super) struct Draft<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) decision: Decision,
    parts: PerSide<Vec<(Part, Option<JournalEntry>)>>,
    /// What the gathered parts would do to what people have.
    pub(super) harm: PerSide<Harm>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(situation: &'a Situation<'a>) -> Self {
        let mut link = situation.link.clone();
        link.generation = link.generation.next();
        // What stands on a row was given out, also if the store was restored from a backup and does not know (P1).
        for sight in [situation.rows.hubspot, situation.rows.salesforce] {
            if let Sight::Row(row) = sight {
                link.issued = link.issued.max(row.highest_token());
            }
        }
        let decision = Decision {
            link,
            issued: Vec::new(),
            conflicts: Vec::new(),
            resolved: Vec::new(),
            journal: Vec::new(),
            keys: Vec::new(),
            released: Vec::new(),
            faults: Vec::new(),
            unpaired: Vec::new(),
            healed: Vec::new(),
            harm: Harm::default(),
            wait: None,
            shred: false,
        };
        Self { situation, decision, parts: PerSide::default(), harm: PerSide::default() }
    }

    pub(super) fn memory(&mut self, field: &Field) -> &mut FieldMemory {
        self.decision.link.fields.entry(field.name.clone()).or_default()
    }

    /// Whether an intent above `number` that wrote this field may yet land.
    pub(super) fn may_land_late(&self, field: &Field, number: Token) -> bool {
        let intents = self.decision.link.intents.iter().filter(|intent| intent.number > number);
        intents.into_iter().any(|intent| intent.parts.iter().any(|part| part.field == field.name))
    }

    /// Adds a field to what a side will be sent. A later part for the same field replaces the earlier one: a
    /// carry says all that a restore would.
    pub(super) fn push(&mut self, to: Side, part: Part, line: Option<JournalEntry>) {
        self.parts[to].retain(|(other, _)| other.field != part.field);
        self.parts[to].push((part, line));
    }

    pub(super) fn writes(&self, field: &Field) -> bool {
        Side::BOTH.iter().any(|side| self.parts[*side].iter().any(|(part, _)| part.field == field.name))
    }

    /// Whether this value has landed there as often as it may, by intents up to `landed`, and was taken away each time (P15). As
    /// long as they may land is as long as they are remembered for certain: 27 minutes.
    pub(super) fn was_taken_away(&self, to: Side, part: &Part, landed: Token) -> bool {
        let intents = self.situation.link.intents.iter().filter(|intent| {
            intent.side == to && intent.number <= landed && may_land(intent.decided, self.situation.now)
        });
        let same = intents.flat_map(|intent| &intent.parts).filter(|sent| {
            (&sent.field, sent.sent) == (&part.field, part.sent) && matches!(sent.role, Role::Carry { .. })
        });
        // What was decided anew, since its answer was lost, was decided on the same value there.
        let times: BTreeSet<Place> = same.map(|sent| sent.seen).collect();
        times.len() >= IN_VAIN_MAX
    }

    /// Whether anything was gathered for a side.
    pub(super) fn writes_to(&self, side: Side) -> bool {
        !self.parts[side].is_empty()
    }

    /// What each side shows, alive or in the bin.
    pub(super) fn rows(&self) -> PerSide<Option<&'a Row>> {
        PerSide::of(|side| match self.situation.rows[side] {
            Sight::Row(row) => Some(row),
            Sight::Lost | Sight::Missing | Sight::Absorbed | Sight::Erased => None,
        })
    }

    pub(super) fn close_landed(&mut self) {
        for side in Side::BOTH {
            if let Sight::Row(row) = self.situation.rows[side] {
                close_landed(&mut self.decision.link, side, row);
            }
        }
    }

    pub(super) fn issue_updates(&mut self, rows: PerSide<&Row>) {
        for side in Side::BOTH {
            self.issue_update_of(side, rows[side]);
        }
    }

    pub(super) fn issue_update_of(&mut self, side: Side, row: &Row) {
        let stamp = row.concord_id.as_ref() != Some(&self.situation.link.id);
        let (too_fresh, unmodified_since) = match &row.versions {
            Versions::Stamp { modified, asked, .. } => {
                (asked.as_second() <= modified.as_second(), Some(*modified))
            }
            Versions::History(_) | Versions::Listed => (false, None),
        };
        if self.parts[side].is_empty() && !stamp {
            self.give_up(side);
        } else if too_fresh {
            self.parts[side].clear();
            self.decision.wait = Some(Wait::RowTooFresh);
        } else {
            self.issue(side, Action::Update { unmodified_since });
        }
    }

    pub(super) fn issue_insert(&mut self, side: Side) {
        let lead = side == Side::Salesforce && self.situation.object.is_of_leads();
        self.issue(side, Action::Insert { lead });
    }

    /// Nothing is to be written to this side.
    pub(super) fn give_up(&mut self, side: Side) {
        self.decision.link.give_up_on(side);
    }

    /// Turns the gathered parts into an intent, unless one that says the same is under way or was refused.
    pub(super) fn issue(&mut self, side: Side, action: Action) {
        let (parts, lines): (Vec<Part>, Vec<Option<JournalEntry>>) =
            std::mem::take(&mut self.parts[side]).into_iter().unzip();
        let link = &mut self.decision.link;
        let last =
            link.intents.iter().filter(|intent| intent.side == side).max_by_key(|intent| intent.number);
        if let Some(last) = last
            && says_the_same(last, &action, &parts)
        {
            let age = self.situation.now.duration_since(last.decided);
            let young = age < PATIENCE;
            let refused = last.progress == Progress::Refused
                && link.contract == self.situation.contract
                && age < REFUSAL_STANDS;
            if refused || (young && last.progress.is_under_way()) {
                return;
            }
            if last.progress == Progress::Refused && !may_land(last.decided, self.situation.now) {
                // Asked once more, day after day, by an intent that takes its place.
                let number = last.number;
                link.intents.retain(|intent| intent.number != number);
            }
        }
        for intent in link.intents.iter_mut().filter(|intent| intent.side == side) {
            if intent.progress != Progress::Closed {
                intent.close(Progress::Closed);
            }
        }
        link.issued = link.issued.next();
        let number = link.issued;
        let decided = self.situation.now;
        link.intents.push(Intent { number, side, action, parts, decided, progress: Progress::Open });
        self.decision.issued.push((side, number));
        self.decision.harm = self.decision.harm + self.harm[side];
        self.decision.journal.extend(lines.into_iter().flatten());
    }

    pub(super) fn finish(mut self) -> Decision {
        self.remember_who_is_gone();
        let link = &mut self.decision.link;
        forget(self.situation.object, link, self.situation.now);
        link.contract = self.situation.contract;
        self.decision
    }
}

/// Closes intents whose token a row shows, and a refused one to make the record that is there. Their details stay while a
/// repetition may land (P3).
pub(super) fn close_landed(link: &mut Link, side: Side, row: &Row) {
    for intent in link.intents.iter_mut().filter(|intent| intent.side == side) {
        let moot = intent.progress == Progress::Refused && intent.action.is_insert();
        if intent.progress != Progress::Closed && (moot || has_taken(row, intent.number)) {
            intent.close(Progress::Closed);
        }
    }
}

/// Forgets closed intents that cannot land any more, once the pair is at rest. While a field is held, or a write is
/// open or refused, its base stands still, and a landing that had to be skipped is told from an edit by the intent's
/// details alone; and so is an association of ours until both sides agree.
pub(super) fn forget(object: &Object, link: &mut Link, now: Timestamp) {
    let held = link.fields.values().any(|memory| memory.held.is_some());
    let waiting = link.intents.iter().any(|intent| intent.progress != Progress::Closed);
    let unsettled: BTreeSet<Token> = link
        .intents
        .iter()
        .filter(|intent| is_unsettled(object, link, intent))
        .map(|intent| intent.number)
        .collect();
    link.intents.retain(|intent| {
        intent.progress != Progress::Closed
            || held
            || waiting
            || may_land(intent.decided, now)
            || unsettled.contains(&intent.number)
    });
}

/// Whether an attempt at an intent may yet land.
pub(crate) fn may_land(decided: Timestamp, now: Timestamp) -> bool {
    now.duration_since(decided) <= ATTEMPT_MAX + RUN_MAX + LANDING_MAX
}

/// Whether the row shows that it took this intent in (P2).
fn has_taken(row: &Row, number: Token) -> bool {
    match &row.versions {
        Versions::History(history) => history.tokens.iter().any(|(_, token)| *token == number),
        Versions::Stamp { .. } | Versions::Listed => row.token == Some(number),
    }
}

fn says_the_same(intent: &Intent, action: &Action, parts: &[Part]) -> bool {
    let alike = |this: &Part, that: &Part| {
        this.field == that.field
            && this.sent == that.sent
            && match (&this.role, &that.role) {
                (one @ Role::Associate { .. }, other) => one == other,
                (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
            }
    };
    let same_action = match (&intent.action, action) {
        // A refused write is refused whatever the row's stamp; an open one needs the stamp to be current.
        (Action::Update { unmodified_since: this }, Action::Update { unmodified_since: that }) => {
            this == that || intent.progress == Progress::Refused
        }
        (Action::Insert { lead: this }, Action::Insert { lead: that }) => this == that,
        (Action::Archive, Action::Archive)
        | (Action::Undelete, Action::Undelete)
        | (Action::Purge, Action::Purge) => true,
        (
            Action::Insert { .. }
            | Action::Update { .. }
            | Action::Archive
            | Action::Undelete
            | Action::Purge,
            _,
        ) => false,
    };
    same_action
        && intent.parts.len() == parts.len()
        && parts.iter().all(|part| intent.parts.iter().any(|other| alike(other, part)))
}
