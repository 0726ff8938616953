//! `delete: archive` (P9): what is deleted in HubSpot goes to Salesforce's bin as well.
//!
//! An archive is blind and leaves no token, so the row is read once more in the bin: an edit that whoever deleted had not
//! seen takes it back, and so does a pair that should live. Only Salesforce's rows are archived, since Salesforce tells
//! who did it, and takes it back by API. HubSpot does neither: there, what is deleted in Salesforce ends the pair.

use super::associations::holds_somebodys;
use super::draft::Draft;
use super::{Sight, Situation};
use crate::contract::{Delete, Field, Kind};
use crate::link::{Action, Status};
use crate::names::{PerSide, Side};
use crate::reference;
use crate::row::{Author, Row, Standing};
use crate::settle::{Scene, Settled};
use crate::value::Presence;

impl Draft<'_> {
    /// Whether an archive of ours has put this row into the bin.
    pub(super) fn is_archived_by_us(&self, side: Side, row: &Row) -> bool {
        let ours = match &row.standing {
            Standing::Archived { by } => *by == Author::Us,
            Standing::Alive => false,
        };
        ours && side == Side::Salesforce && self.situation.object.delete == Delete::Archive
    }

    /// Puts Salesforce's record into the bin.
    pub(super) fn archive(&mut self) {
        self.harm.salesforce.deletes = 1;
        self.issue_and_say(Side::Salesforce, Action::Archive, "P9 archive");
    }

    /// HubSpot's record is in use, and ours put Salesforce's into the bin: it came too late, or the delete was undone.
    pub(super) fn archived_in_vain(&mut self, rows: PerSide<&Row>) {
        self.remember_bases(rows);
        self.give_up(Side::HubSpot);
        match self.decision.link.status {
            Status::Live | Status::Apart { .. } | Status::Erased { .. } => {}
            Status::Flagged { .. } | Status::Unlinked { .. } => self.decision.link.status = Status::Live,
        }
        self.take_back();
    }

    /// Both are in the bin, Salesforce's by us.
    pub(super) fn archived(&mut self, rows: PerSide<&Row>) {
        let unseen = holds_unseen(self.situation, rows);
        self.remember_bases(rows);
        match self.decision.link.status {
            Status::Live | Status::Flagged { .. } if !unseen => {
                self.decision.link.give_up();
                self.decision.link.status = Status::Flagged { deleted: Side::HubSpot };
            }
            Status::Live | Status::Flagged { .. } => {
                self.give_up(Side::HubSpot);
                self.decision.link.status = Status::Unlinked { deleted: Side::HubSpot };
                self.say("P9 an archive met an edit: the edited record is kept and unlinked");
                self.take_back();
            }
            // It came after the pair had ended.
            Status::Unlinked { .. } | Status::Apart { .. } => {
                self.give_up(Side::HubSpot);
                self.take_back();
            }
            // Decided elsewhere, and never taken back.
            Status::Erased { .. } => {}
        }
    }

    /// A record that is not written to any more, nor left in the bin where only an archive of ours has put it.
    pub(super) fn leave_in_peace(&mut self, side: Side, sight: Sight<'_>) {
        match sight {
            Sight::Row(row) if self.is_archived_by_us(side, row) => self.take_back(),
            Sight::Row(_) | Sight::Lost | Sight::Missing | Sight::Absorbed | Sight::Erased => {
                self.give_up(side)
            }
        }
    }

    fn take_back(&mut self) {
        self.issue_and_say(Side::Salesforce, Action::Undelete, "P9 an archive is taken back");
    }

    pub(super) fn issue_and_say(&mut self, side: Side, action: Action, rule: &str) {
        let before = self.decision.issued.len();
        self.issue(side, action);
        if self.decision.issued.len() > before {
            self.say(rule);
        }
    }

    /// What landed before is settled now: once the row is in use again, nothing tells that it was not a carry of ours that
    /// touched it last.
    fn remember_bases(&mut self, rows: PerSide<&Row>) {
        for field in self.situation.object.fields.values() {
            let scene = Scene { key: self.situation.key, field, link: self.situation.link };
            if let Ok(Settled { base, .. }) = scene.settle(rows.map(Some)) {
                self.memory(field).base = base;
            }
        }
    }
}

/// Whether Salesforce's record may hold something that whoever deleted HubSpot's had not seen. What nobody can tell counts,
/// but for what a record refers to: a company that is in no pair, or in the bin, stands in the way of nothing.
pub(super) fn holds_unseen(situation: &Situation<'_>, rows: PerSide<&Row>) -> bool {
    situation.object.fields.values().any(|field| {
        let scene = Scene { key: situation.key, field, link: situation.link };
        let Ok(Settled { base, views, .. }) = scene.settle(rows.map(Some)) else { return !refers(field) };
        if reference::is_set(field) {
            let value = &views.salesforce.value;
            return holds_somebodys(situation.key, field, situation.link, Side::Salesforce, value);
        }
        match (views.salesforce.hash, base) {
            (None, _) => !refers(field),
            (Some(shown), Some(base)) => shown != base.images.salesforce.hash,
            (shown, None) => views.salesforce.value != Presence::Blank && views.hubspot.hash != shown,
        }
    })
}

fn refers(field: &Field) -> bool {
    reference::target_of(field).is_some() || matches!(field.kind, Kind::Owner(_))
}
