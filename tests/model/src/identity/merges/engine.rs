//! The rules: from a link and its rows to the link as it will be.

use super::world::{Intent, Link, Row, State, Status, Write};
use super::{Hops, Reading, Retarget, Rules, Second};

/// What looking at a link leads to.
pub(super) enum Look {
    Nothing,
    /// The commit fails, and the record is hinted again.
    FailsAgain,
    Changes {
        after: Link,
        alias: Option<(usize, usize)>,
        loser: Option<u8>,
    },
}

impl State {
    pub(super) fn look(&self, index: usize, rules: Rules) -> Look {
        let Some(link) = &self.links[index] else { return Look::Nothing };
        let Some(record) = link.record else { return Look::Nothing };
        match (self.merging[record].merged_into, rules.reading) {
            (Some(winner), Reading::Merge) => self.follow(link, index, record, winner, rules),
            (Some(_), Reading::Delete) => {
                let mut after = link.clone();
                let is_flagged = self.others[index].is_none_or(|row| row.is_flagged);
                after.issue(index, 1, (!is_flagged).then_some(Write::Flag));
                changed(link, after, None, None)
            }
            (None, _) => self.agree(link, index, record),
        }
    }

    /// P11: the loser's id redirects for good; the winner is the link's from now on, unless it has one.
    fn follow(&self, link: &Link, index: usize, record: usize, winner: usize, rules: Rules) -> Look {
        let end = match rules.hops {
            Hops::All => self.resolve(winner, rules),
            Hops::One => winner,
        };
        // The store refuses to claim a record that redirects (I15), or that another link has (I13).
        let is_alias = self.aliases[end].is_some();
        let is_taken = self.owner(end).is_some_and(|owner| owner != index);
        let mut after = link.clone();
        match (is_alias, is_taken, rules.second) {
            (true, _, _) | (false, true, Second::TriesAgain) => return Look::FailsAgain,
            (false, true, Second::IsProposed) => {
                after.status = Status::Proposed;
                after.record = None;
                after.open = [None; 2];
            }
            (false, false, _) => {
                after.record = Some(end);
                match rules.retarget {
                    Retarget::Closes => after.open[0] = None,
                    Retarget::Keeps => {}
                }
            }
        }
        Look::Changes { after, alias: Some((record, winner)), loser: None }
    }

    /// P7 for the one field: what only one side has changed is carried; of two, the merging side's wins.
    fn agree(&self, link: &Link, index: usize, record: usize) -> Look {
        let mut after = link.clone();
        let merging = self.merging[record];
        let Some(other) = self.others[index] else {
            after.issue(index, 1, Some(Write::Insert(merging.value)));
            return changed(link, after, None, None);
        };
        after.has_counterpart = true;
        for (side, row) in [merging, other].into_iter().enumerate() {
            after.settle(index, side, row);
        }
        let mut loser = None;
        let changes = [merging.value != after.base.0[0], other.value != after.base.0[1]];
        let wishes = match changes {
            _ if merging.value == other.value => {
                if changes != [false, false] {
                    after.base = ([merging.value; 2], after.issued);
                }
                [None, None]
            }
            [false, false] => [None, None],
            [true, false] => [None, Some(Write::Update(merging.value))],
            [false, true] => [Some(Write::Update(other.value)), None],
            [true, true] => {
                loser = Some(other.value);
                [None, Some(Write::Update(merging.value))]
            }
        };
        [0, 1].into_iter().for_each(|side| after.issue(index, side, wishes[side]));
        changed(link, after, None, loser)
    }
}

fn changed(before: &Link, after: Link, alias: Option<(usize, usize)>, loser: Option<u8>) -> Look {
    if *before == after { Look::Nothing } else { Look::Changes { after, alias, loser } }
}

impl Link {
    /// P2: a token counts only if it is this link's.
    fn settle(&mut self, index: usize, side: usize, row: Row) {
        let (owner, number) = row.token;
        if owner != index {
            return;
        }
        if self.open[side].is_some_and(|open| open.number <= number) {
            self.open[side] = None;
        }
        let carried = self.carried.iter().find(|(carried, _)| *carried == number);
        if let Some((number, values)) = carried
            && *number > self.base.1
        {
            self.base = (*values, *number);
        }
    }

    fn issue(&mut self, index: usize, side: usize, wish: Option<Write>) {
        let Some(write) = wish else {
            self.open[side] = None;
            return;
        };
        let is_insert = matches!(write, Write::Insert(_));
        let stands = self.open[side].is_some_and(|open| match open.write {
            Write::Insert(_) => is_insert,
            Write::Update(_) | Write::Flag => open.write == write && open.is_fresh,
        });
        if stands {
            return;
        }
        self.issued += 1;
        self.open[side] = Some(Intent { link: index, number: self.issued, write, is_fresh: true });
        match write {
            Write::Insert(value) | Write::Update(value) => self.carried.push((self.issued, [value; 2])),
            Write::Flag => {}
        }
    }
}
