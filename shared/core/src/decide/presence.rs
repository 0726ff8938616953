//! Deletes and their undoing (P9): the by-id read of a row in the bin is the evidence. See [`super::archive`] for what is
//! archived by us.

use super::archive::holds_unseen;
use super::associations::holds_somebodys;
use super::draft::Draft;
use super::{Sight, Situation, Wait};
use crate::contract::{Delete, Object};
use crate::link::{Part, Place, Refusal, Role, Status};
use crate::merge::Why;
use crate::names::{FieldName, PerSide, Side};
use crate::reference;
use crate::row::{Row, Standing};
use crate::settle::{Scene, Stands};
use crate::value::{Known, Presence, Raw, Value};

/// The name under which the soft-delete flag stands in intents and in the journal. No contract field has it.
pub(crate) const FLAG: &str = "(deleted)";

impl Situation<'_> {
    /// Whether a side shows nothing, and nothing that is known says why.
    fn misses(&self, side: Side) -> bool {
        self.rows[side] == Sight::Lost && self.link.expects(side)
    }

    pub(super) fn misses_somebody(&self) -> bool {
        Side::BOTH.into_iter().any(|side| self.misses(side))
    }
}

impl Draft<'_> {
    /// Whoever is shown, or is known to be gone, is no longer suspected.
    pub(super) fn see(&mut self) {
        let situation = self.situation;
        for side in Side::BOTH.into_iter().filter(|side| !situation.misses(*side)) {
            let refused = &mut self.decision.link.refused[side];
            if *refused == Refusal::Unseen {
                *refused = Refusal::None;
            }
        }
    }

    /// A side shows nothing, and nothing says why: until it shows something, the other is written to only to mend it.
    pub(super) fn suspect(&mut self) {
        let situation = self.situation;
        for side in Side::BOTH.into_iter().filter(|side| situation.misses(*side)) {
            self.decision.link.refused[side] = Refusal::Unseen;
        }
        self.rest();
        self.decision.wait.get_or_insert(Wait::Suspect);
    }

    /// What is known to be deleted has left its bin as well, which bins do by themselves: the other goes on as it did (P10).
    pub(super) fn still_gone(&mut self, deleted: Side, left: Sight<'_>) {
        let alive = deleted.other();
        self.give_up(deleted);
        match left {
            Sight::Row(row) if row.standing == Standing::Alive => {
                match self.decision.link.status {
                    Status::Flagged { .. } if self.archives(alive) => self.taken_out_alone(deleted),
                    Status::Flagged { deleted: before } if before == deleted => self.keep_flagged(alive),
                    // The other one was taken out of its bin.
                    Status::Flagged { .. } => self.propagate(deleted),
                    Status::Unlinked { .. } => self.decision.link.status = Status::Unlinked { deleted },
                    Status::Live | Status::Apart { .. } | Status::Erased { .. } => {}
                }
                self.uncover(alive, PerSide::only(alive, row));
                self.leave(alive, row);
                self.conclude();
            }
            Sight::Row(_) if matches!(self.decision.link.status, Status::Flagged { .. }) => {
                self.give_up(alive)
            }
            Sight::Row(_) | Sight::Lost | Sight::Missing | Sight::Absorbed | Sight::Erased => {
                self.leave_in_peace(alive, left);
            }
        }
    }

    /// Since when both records are known to be deleted, if they are.
    pub(super) fn remember_who_is_gone(&mut self) {
        let over = match self.decision.link.status {
            Status::Flagged { .. } | Status::Unlinked { .. } => true,
            Status::Live | Status::Apart { .. } | Status::Erased { .. } => false,
        };
        let gone = |side: Side| match self.situation.rows[side] {
            Sight::Row(row) => row.standing != Standing::Alive,
            Sight::Lost => !self.situation.link.expects(side),
            Sight::Absorbed => true,
            Sight::Missing | Sight::Erased => false,
        };
        let both = over && Side::BOTH.into_iter().all(gone);
        self.decision.link.gone = both.then(|| self.situation.link.gone.unwrap_or(self.situation.now));
    }

    /// What was under way is settled, what a landing of ours has covered is put back, and nothing else is written.
    pub(super) fn rest(&mut self) {
        let rows = self.rows();
        for side in Side::BOTH {
            match rows[side].filter(|row| row.standing == Standing::Alive) {
                Some(row) => {
                    self.uncover(side, rows);
                    self.leave(side, row);
                }
                None => self.give_up(side),
            }
        }
    }

    /// Both live: no flag says otherwise.
    pub(super) fn both_alive(&mut self) {
        for side in Side::BOTH {
            self.set_flag(side, false);
        }
    }

    /// If a delete was remembered, it is over, once the flag that told of it is being taken back: a link that passes for
    /// live is not looked at for the flag of its other side. A row that is too fresh is looked at again.
    pub(super) fn revive(&mut self) {
        let over = match self.decision.link.status {
            Status::Live | Status::Apart { .. } | Status::Erased { .. } => false,
            Status::Flagged { .. } | Status::Unlinked { .. } => self.decision.wait.is_none(),
        };
        if over {
            self.decision.link.status = Status::Live;
            self.say("P10 revived");
        }
    }

    /// One is in the bin, the other is not.
    pub(super) fn one_deleted(&mut self, deleted: Side, rows: PerSide<&Row>) {
        let alive = deleted.other();
        let archives = self.archives(alive);
        self.give_up(deleted);
        match &self.decision.link.status {
            // The other one may be in use again.
            Status::Unlinked { .. } => self.decision.link.status = Status::Unlinked { deleted },
            Status::Apart { .. } | Status::Erased { .. } => {}
            Status::Flagged { deleted: before } if *before == deleted && archives => {
                self.taken_out_alone(deleted);
            }
            Status::Flagged { deleted: before } if *before == deleted => self.keep_flagged(alive),
            Status::Live | Status::Flagged { .. } => {
                let edited = match archives {
                    true => holds_unseen(self.situation, rows),
                    false => edited_since_base(self.situation, alive, rows),
                };
                if edited {
                    // The deleter had not seen the edit: the edited record is kept, and the pair ends.
                    self.decision.link.status = Status::Unlinked { deleted };
                    self.say("P9 a delete met an edit: the edited record is kept and unlinked");
                } else {
                    self.propagate(deleted);
                }
            }
        }
        self.uncover(alive, rows.map(Some));
        match self.decision.link.status {
            // What is covered is put back first.
            Status::Live if archives && !self.writes_to(alive) => self.archive(),
            Status::Live
            | Status::Flagged { .. }
            | Status::Unlinked { .. }
            | Status::Apart { .. }
            | Status::Erased { .. } => {
                self.leave(alive, rows[alive]);
            }
        }
        self.conclude();
    }

    /// A flag that has to wait is not remembered as one that was set: a brake may stop it before it is (P15). Of a pair that is over,
    /// nobody is asked.
    fn conclude(&mut self) {
        if self.decision.wait.is_some() && matches!(self.decision.link.status, Status::Flagged { .. }) {
            self.decision.link.status = self.situation.link.status.clone();
        }
        if self.decision.link.status != Status::Live {
            self.decision.ask_nobody(|_| true);
        }
    }

    fn archives(&self, alive: Side) -> bool {
        self.situation.object.delete == Delete::Archive && alive == Side::Salesforce
    }

    /// Both were in the bin, and somebody took one out: a delete is not passed on twice.
    fn taken_out_alone(&mut self, deleted: Side) {
        self.decision.link.status = Status::Unlinked { deleted };
        self.say("P9 taken out of the bin on one side alone: unlinked");
    }

    /// One was merged into a record of another pair: this pair ends, and the record that is left over keeps all that
    /// was ever typed there (P11).
    pub(super) fn absorbed(&mut self, side: Side, left_over: Sight<'_>) {
        let alive = side.other();
        self.give_up(side);
        self.decision.link.refused = PerSide::default();
        self.decision.ask_nobody(|_| true);
        if !matches!(self.decision.link.status, Status::Unlinked { .. }) {
            self.decision.link.status = Status::Unlinked { deleted: side };
            self.say("P11 merged into a record of another pair");
        }
        match left_over {
            Sight::Row(row) if row.standing == Standing::Alive => {
                self.uncover(alive, PerSide::only(alive, row));
                self.leave(alive, row);
            }
            Sight::Row(_) | Sight::Lost | Sight::Missing | Sight::Absorbed | Sight::Erased => {
                self.leave_in_peace(alive, left_over);
            }
        }
    }

    /// A person has said that the two are to be left alone: what was under way is settled, and nothing else is written.
    pub(super) fn apart(&mut self, sights: PerSide<Sight<'_>>) {
        let row = |side: Side| match sights[side] {
            Sight::Row(row) if row.standing == Standing::Alive => Some(row),
            Sight::Row(_) | Sight::Lost | Sight::Missing | Sight::Absorbed | Sight::Erased => None,
        };
        self.decision.link.status = Status::Apart { settled: true };
        self.decision.ask_nobody(|_| true);
        for side in Side::BOTH {
            match row(side) {
                Some(shown) => {
                    self.uncover(side, PerSide::of(row));
                    self.leave(side, shown);
                }
                None => self.leave_in_peace(side, sights[side]),
            }
        }
    }

    /// The other side is not written to any more, whatever was gathered for it; and this one only to mend it.
    fn leave(&mut self, alive: Side, row: &Row) {
        match self.writes_to(alive) {
            true => self.issue_update_of(alive, row),
            false => self.give_up(alive),
        }
    }

    /// A pair may end with a landing of ours over an edit: what was covered is put back, and what somebody has typed
    /// over it is told (P3).
    fn uncover(&mut self, alive: Side, rows: PerSide<Option<&Row>>) {
        // Where both are looked at, those that both rows tell of are told with HubSpot's.
        let told =
            alive == Side::Salesforce && rows.hubspot.is_some_and(|row| row.standing == Standing::Alive);
        let ends = !told && self.decision.link.status != self.situation.link.status;
        for field in self.situation.object.fields.values() {
            let scene = Scene { key: self.situation.key, field, link: self.situation.link };
            let Ok(settled) = scene.settle(rows) else { continue };
            let mut base = settled.base.clone();
            settled.views[alive].advance(alive, &mut base);
            let before = std::mem::replace(&mut self.memory(field).base, base);
            if ends || before != self.memory(field).base {
                self.record_losers(field, &settled);
            }
            if settled.views[alive].stands != Stands::Covered {
                continue;
            }
            // A value without a form on its own side was never covered by one of ours.
            let _unmappable = match alive {
                Side::HubSpot => self.restore(field, &settled.views.hubspot),
                Side::Salesforce if settled.views.hubspot.hash == settled.views.salesforce.hash => {
                    self.carry(field, &settled, Side::HubSpot, Why::Repair)
                }
                Side::Salesforce => Ok(()),
            };
        }
    }

    pub(super) fn both_deleted(&mut self) {
        self.decision.link.give_up();
        self.decision.ask_nobody(|_| true);
        if self.decision.link.status == Status::Live {
            self.decision.link.status = Status::Unlinked { deleted: Side::HubSpot };
            self.say("P9 deleted on both sides");
        }
    }

    fn propagate(&mut self, deleted: Side) {
        match self.situation.object.delete {
            Delete::Flag(_) => {
                self.decision.link.status = Status::Flagged { deleted };
                self.keep_flagged(deleted.other());
            }
            // HubSpot takes no archive back by API, and does not tell whose it was.
            Delete::Archive if deleted == Side::HubSpot => self.decision.link.status = Status::Live,
            Delete::Archive | Delete::Unlink => {
                self.decision.link.status = Status::Unlinked { deleted };
                self.say("P9 unlink");
            }
            Delete::Ignore => {}
        }
    }

    fn keep_flagged(&mut self, alive: Side) {
        if self.flag_shown(alive) == Some(false) {
            self.set_flag(alive, true);
        }
    }

    pub(super) fn say(&mut self, rule: &str) {
        let line = self.entry(None, rule, None, unknown(), Presence::Unknown);
        self.decision.journal.push(line);
    }

    /// Whether the side's row carries the flag. `None`: there is no flag, or it is not shown.
    fn flag_shown(&self, side: Side) -> Option<bool> {
        let Sight::Row(row) = self.situation.rows[side] else { return None };
        flag_of(self.situation.object, side, row)
    }

    fn set_flag(&mut self, side: Side, deleted: bool) {
        let Delete::Flag(wire) = &self.situation.object.delete else { return };
        if self.flag_shown(side) != Some(!deleted) {
            return;
        }
        let value = Presence::Value(Value::Boolean(deleted));
        let raw = match side {
            Side::HubSpot => Raw::Text(deleted.to_string()),
            Side::Salesforce => Raw::Boolean(deleted),
        };
        let hash = |deleted: bool| self.situation.key.hash(Known(Some(&Value::Boolean(deleted))));
        let part = Part {
            field: FieldName::new(FLAG),
            role: Role::Amend,
            seen: Place::Version(None),
            sent: hash(deleted),
            values: vec![(wire[side].clone(), Presence::Value(raw))],
        };
        if deleted {
            self.harm[side].deletes = 1;
        }
        let rule = if deleted { "P9 flag" } else { "P9 flag taken back" };
        let line = self.entry(Some(FieldName::new(FLAG)), rule, Some(side), unknown(), value);
        self.push(side, part, Some(line));
    }
}

const fn unknown() -> PerSide<Presence<Value>> {
    PerSide { hubspot: Presence::Unknown, salesforce: Presence::Unknown }
}

/// Whether a row carries the flag. `None`: there is no flag, or it is not shown.
fn flag_of(object: &Object, side: Side, row: &Row) -> Option<bool> {
    let Delete::Flag(wire) = &object.delete else { return None };
    match row.fields.get(&wire[side]) {
        Some(Presence::Value(Raw::Boolean(set))) => Some(*set),
        Some(Presence::Value(Raw::Text(text))) => Some(text == "true"),
        Some(Presence::Value(Raw::Number(_)) | Presence::Unknown) | None => None,
        Some(Presence::Blank) => Some(false),
    }
}

/// Whether a row carries the flag for certain.
pub(crate) fn is_flagged(object: &Object, side: Side, row: &Row) -> bool {
    flag_of(object, side, row) == Some(true)
}

/// Whether the surviving record holds an edit that the deleted one never showed.
fn edited_since_base(situation: &Situation<'_>, alive: Side, rows: PerSide<&Row>) -> bool {
    situation.object.fields.values().any(|field| {
        let scene = Scene { key: situation.key, field, link: situation.link };
        scene.settle(rows.map(Some)).is_ok_and(|settled| {
            if reference::is_set(field) {
                let value = &settled.views[alive].value;
                return holds_somebodys(situation.key, field, situation.link, alive, value);
            }
            let base = settled.base.map(|base| base.images[alive].hash);
            base.is_some() && settled.views[alive].hash.is_some() && base != settled.views[alive].hash
        })
    })
}
