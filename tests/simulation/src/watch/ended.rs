//! What is seen of pairs that a delete has ended, while it happens: I18, I19, I22.

use concord_core::link::{Link, Refusal, Status};
use concord_core::names::{RecordKey, Side};
use concord_core::port::{Commit, Parked};
use jiff::{SignedDuration, Timestamp};

use super::{Mark, Watch};

/// For so long a pair is remembered whose records are both gone: 60 days, but for what clocks differ by.
const TOMBSTONE_KEPT: SignedDuration = SignedDuration::from_secs(60 * 86_400 - 60);

impl Watch {
    /// Somebody puts a record into the bin, or takes it out.
    pub fn lives(&mut self, record: RecordKey, alive: bool) {
        self.lives.entry(record).or_default().push((self.calls, alive));
    }

    /// I19: a pair lives again only if its deleted record did so at some moment since the delete was committed last: rows are read
    /// after links.
    pub(super) fn revives_nobody_unseen(&mut self, link: &Link) {
        match link.status {
            Status::Flagged { deleted } | Status::Unlinked { deleted } => {
                let record = link.records[deleted].clone();
                let record = record.map(|id| RecordKey { side: deleted, object: link.object.clone(), id });
                let ended = record.map(|record| (link.id.clone(), (record, self.calls)));
                self.ended.extend(ended);
            }
            Status::Live => {
                let Some((record, since)) = self.ended.remove(&link.id) else { return };
                let same = link.records[record.side].as_ref() == Some(&record.id);
                if same && !self.has_lived(&record, since) {
                    let RecordKey { side, id, .. } = record;
                    self.broken("I19", format!("link {} lives again, and {side} {id} is deleted", link.id));
                }
            }
            Status::Apart { .. } | Status::Erased { .. } => {}
        }
    }

    /// Whether nobody had put a record into the bin by then, or somebody took it out since.
    fn has_lived(&self, record: &RecordKey, since: u64) -> bool {
        let lives = self.lives.get(record).map(Vec::as_slice).unwrap_or_default();
        let before = lives.iter().rev().find(|(at, _)| *at < since);
        before.is_none_or(|(_, alive)| *alive) || lives.iter().any(|(at, alive)| *at >= since && *alive)
    }

    /// I19: where a pair has its record, none is made, whatever became of that.
    pub(super) fn makes_nobody_again(&mut self, link: &Link) {
        for intent in link.intents.iter().filter(|intent| intent.action.is_insert()) {
            let is_new = self.inserts.insert((link.id.clone(), intent.number));
            if is_new && link.records[intent.side].is_some() {
                self.broken(
                    "I19",
                    format!("link {} has its {} record, and makes it again", link.id, intent.side),
                );
            }
        }
    }

    /// A link was forgotten. I22: not while anything of it may come back.
    pub fn collected(&mut self, link: &Link, unshared: bool, now: Timestamp) {
        self.mark(Mark::Collected);
        self.forgotten.insert(link.id.clone());
        if unshared {
            self.broken("I22", format!("link {} is forgotten while Salesforce shows nothing", link.id));
        }
        let ended = matches!(link.status, Status::Flagged { .. } | Status::Unlinked { .. });
        if !ended || link.gone.is_none_or(|gone| now.duration_since(gone) < TOMBSTONE_KEPT) {
            self.broken("I22", format!("link {} is forgotten too early: {:?}", link.id, link.status));
        }
        self.generations.remove(&link.id);
        self.ended.remove(&link.id);
        self.inserts.retain(|(of, _)| *of != link.id);
    }

    /// I18: while Salesforce shows nothing at all, nothing is concluded from a record that it does not show.
    pub fn committed_unshared(&mut self, commit: &Commit) {
        let missed =
            |parked: &&Parked| parked.key.record().is_some_and(|record| record.side == Side::Salesforce);
        if let Some(parked) = commit.parked.iter().find(missed) {
            self.broken("I18", format!("Salesforce shows nothing, and {:?} alone is missed", parked.key));
        }
    }

    /// I18: that what is known to be deleted has left its bin is no news.
    pub(super) fn misses_nobody_who_is_known_to_be_gone(&mut self, link: &Link) {
        let (Status::Flagged { deleted } | Status::Unlinked { deleted }) = link.status else { return };
        if link.refused[deleted] == Refusal::Unseen {
            self.broken(
                "I18",
                format!("link {} knows that {deleted} deleted its record, and misses it", link.id),
            );
        }
    }
}
