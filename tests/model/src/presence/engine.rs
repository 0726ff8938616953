//! The rules: from a link and both rows, read after it, to the link as it will be and the losers to record.

use super::world::{Intent, Link, Row, Status, Write};
use super::{AfterArchive, Archiver, Evidence, H, Policy, Rules, S};

/// What a side shall be sent, if anything.
type Wishes = [Option<Write>; 2];

impl Link {
    pub(super) fn decide(&self, rows: [Option<Row>; 2], rules: Rules) -> (Self, Vec<u8>) {
        let mut after = self.clone();
        let mut losers = Vec::new();
        rows.iter().enumerate().for_each(|(side, row)| after.settle(side, *row));
        let Some(rows) = believed(rows, rules) else { return (after, losers) };
        let wishes = match (rows[H].is_alive, rows[S].is_alive) {
            (true, true) => after.both_alive(rows, &mut losers),
            (false, true) => after.one_deleted(H, rows, rules),
            (true, false) if after.is_ours(rows[S], rules) => [None, Some(Write::Undelete)],
            (true, false) => after.one_deleted(S, rows, rules),
            (false, false) => after.both_deleted(rows, rules),
        };
        [H, S].into_iter().for_each(|side| after.issue(side, wishes[side]));
        (after, losers)
    }

    /// P2: the row's token says which of our values it took in; a higher number moves the base.
    fn settle(&mut self, side: usize, row: Option<Row>) {
        let Some(row) = row else { return };
        if self.open[side].is_some_and(|open| open.number <= row.token) {
            self.open[side] = None;
        }
        let carried = self.carried.iter().find(|(number, _)| *number == row.token);
        if let Some((number, value)) = carried
            && *number > self.base.1
        {
            self.base = (*value, *number);
        }
    }

    /// Whether it was an archive of ours that put Salesforce's row in the bin, as far as can be told.
    const fn is_ours(&self, row: Row, rules: Rules) -> bool {
        match rules.archiver {
            Archiver::Known => row.is_archived_by_us,
            Archiver::Unknown => self.expects_archive,
        }
    }

    fn both_alive(&mut self, rows: [Row; 2], losers: &mut Vec<u8>) -> Wishes {
        self.status = Status::Live;
        self.expects_archive = false;
        let [hubspot, salesforce] = rows.map(|row| row.value);
        let carry = match (hubspot != self.base.0, salesforce != self.base.0) {
            (false, false) => [None, None],
            (_, _) if hubspot == salesforce => {
                self.base = (hubspot, self.issued);
                [None, None]
            }
            (true, false) => [None, Some(hubspot)],
            (false, true) => [Some(salesforce), None],
            (true, true) => {
                losers.push(salesforce);
                [None, Some(hubspot)]
            }
        };
        [H, S].map(|side| update(carry[side], rows[side].is_flagged.then_some(false)))
    }

    fn one_deleted(&mut self, deleted: usize, rows: [Row; 2], rules: Rules) -> Wishes {
        let alive = 1 - deleted;
        let is_edited = rows[alive].value != self.base.0;
        match self.status {
            Status::Unlinked(_) => [None, None],
            Status::Flagged(before) if before == deleted => flag(alive, rows[alive]),
            // Somebody took one of the two out of the bin: a delete is not propagated twice.
            Status::Gone => {
                self.status = Status::Unlinked(deleted);
                [None, None]
            }
            Status::Live | Status::Flagged(_) if is_edited => {
                self.status = Status::Unlinked(deleted);
                [None, None]
            }
            Status::Live | Status::Flagged(_) => match (rules.policy, deleted) {
                (Policy::Flag, _) => {
                    self.status = Status::Flagged(deleted);
                    flag(alive, rows[alive])
                }
                (Policy::Archive, H) => {
                    self.expects_archive = true;
                    [None, Some(Write::Archive)]
                }
                (Policy::Archive, _) => {
                    self.status = Status::Unlinked(deleted);
                    [None, None]
                }
            },
        }
    }

    fn both_deleted(&mut self, rows: [Row; 2], rules: Rules) -> Wishes {
        let is_read = rules.after_archive == AfterArchive::ReadAgain;
        let is_edited = rows[S].value != self.base.0;
        let is_unlinked = matches!(self.status, Status::Unlinked(_));
        if is_read && self.is_ours(rows[S], rules) && (is_edited || is_unlinked) {
            // An edit that we had not seen lies under our archive, or our archive came after the pair had ended.
            self.status = Status::Unlinked(H);
            return [None, Some(Write::Undelete)];
        }
        if !is_unlinked {
            self.status = Status::Gone;
        }
        [None, None]
    }

    /// At most one open intent a side; one that says the same is left alone while its row is as it was read.
    fn issue(&mut self, side: usize, wish: Option<Write>) {
        let Some(write) = wish else {
            self.open[side] = None;
            return;
        };
        let is_guarded = matches!(write, Write::Update { .. });
        if self.open[side].is_some_and(|open| open.write == write && (open.is_fresh || !is_guarded)) {
            return;
        }
        self.issued += 1;
        self.open[side] = Some(Intent { number: self.issued, write, is_fresh: true });
        if let Write::Update { value: Some(value), .. } = write {
            self.carried.push((self.issued, value));
        }
    }
}

/// The rows as they are believed. `None`: a side shows nothing, and nothing follows from that (I18).
fn believed(rows: [Option<Row>; 2], rules: Rules) -> Option<[Row; 2]> {
    let gone = Row { is_alive: false, is_archived_by_us: false, value: 0, is_flagged: false, token: 0 };
    match (rows, rules.evidence) {
        ([Some(hubspot), Some(salesforce)], _) => Some([hubspot, salesforce]),
        (_, Evidence::Bin) => None,
        ([hubspot, salesforce], Evidence::Absence) => {
            Some([hubspot.unwrap_or(gone), salesforce.unwrap_or(gone)])
        }
    }
}

const fn update(value: Option<u8>, flag: Option<bool>) -> Option<Write> {
    match (value, flag) {
        (None, None) => None,
        (value, flag) => Some(Write::Update { value, flag }),
    }
}

fn flag(alive: usize, row: Row) -> Wishes {
    let mut wishes = [None, None];
    wishes[alive] = if row.is_flagged { None } else { update(None, Some(true)) };
    wishes
}
