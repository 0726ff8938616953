//! Traces in a reader's words.

use super::world::{Action, Fate, Intent, State, Status, Target, Worker, Write};

impl Action {
    pub(super) fn told(&self, before: &State, after: &State) -> String {
        match self {
            Self::Edits(target) => format!("a person edits {target}"),
            Self::Merges { loser, winner } => format!("a person merges m{loser} into m{winner}"),
            Self::TakesBack(record) => format!("a person takes m{record} out of the bin"),
            Self::Reads(worker, record) => match after.workers.get(*worker) {
                Some(Worker::Decided { link, after, alias, .. }) => {
                    let alias =
                        alias.map_or(String::new(), |(from, to)| format!(", m{from} redirects to m{to}"));
                    let status = match after.status {
                        Status::Live => "live",
                        Status::Proposed => "parked with a proposal",
                    };
                    format!("w{worker} looks at m{record}: link {link} {status}{alias}")
                }
                Some(Worker::Idle | Worker::Holds { .. }) | None => format!("w{worker} looks at m{record}"),
            },
            Self::Commits(worker) => format!("w{worker} commits"),
            Self::Takes(worker, link, target) => match before.open(*link, *target) {
                Some(intent) => format!("w{worker} takes an intent: {target} {intent}"),
                None => format!("w{worker} takes an intent to {target}"),
            },
            Self::Sends(worker, fate) => format!("w{worker} sends: {}", fate.told()),
            Self::LandsLate(target, intent) => format!("late: {target} {intent} lands"),
        }
    }
}

impl Fate {
    const fn told(self) -> &'static str {
        match self {
            Self::Lands => "it arrives",
            Self::Lost => "the request is lost",
            Self::Late => "it is taken for lost, and will land later",
            Self::Twice => "it arrives, and a copy will land later",
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::M(record) => write!(out, "m{record}"),
            Self::O(link) => write!(out, "o{link}"),
        }
    }
}

impl std::fmt::Display for Intent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.write {
            Write::Insert(value) => write!(out, "made with {value} (link {})", self.link),
            Write::Update(value) => write!(out, ":= {value} (link {})", self.link),
            Write::Flag => write!(out, "flagged as deleted (link {})", self.link),
        }
    }
}
