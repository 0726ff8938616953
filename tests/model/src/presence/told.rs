//! Traces in a reader's words.

use super::world::{Action, Answer, Fate, Intent, Row, State, Status, Worker, Write};
use super::{H, S};

const SIDES: [&str; 2] = ["H", "S"];

impl Action {
    pub(super) fn told(&self, after: &State) -> String {
        match self {
            Self::Edits(side) => format!("a person edits {} ({})", SIDES[*side], after.rows[*side].value),
            Self::Deletes(side) => format!("a person deletes {}", SIDES[*side]),
            Self::Undeletes(side) => format!("a person undeletes {}", SIDES[*side]),
            Self::Hides(side) => format!("{} stops showing its row", SIDES[*side]),
            Self::Shows(side) => format!("{} shows its row again", SIDES[*side]),
            Self::ReadsLink(worker) => format!("w{worker} reads the link"),
            Self::ReadsHubSpot(worker) => format!("w{worker} reads H: {}", row(after.shown(H))),
            Self::ReadsSalesforce(worker) => format!("w{worker} reads S: {}", row(after.shown(S))),
            Self::Commits(worker) => {
                let open = [H, S].map(|side| match after.link.open[side] {
                    Some(Intent { number, write, .. }) => format!(", i{number}: {} {write}", SIDES[side]),
                    None => String::new(),
                });
                format!("w{worker} commits: {}{}{}", after.link.status, open[H], open[S])
            }
            Self::Takes(worker, side) => match after.workers.get(*worker) {
                Some(Worker::Holds { intent, .. }) => format!("w{worker} takes i{}", intent.number),
                Some(
                    Worker::Idle
                    | Worker::HasLink
                    | Worker::HasHubSpot { .. }
                    | Worker::HasBoth { .. }
                    | Worker::Answered { .. },
                )
                | None => format!("w{worker} takes an intent to {}", SIDES[*side]),
            },
            Self::Sends(worker, fate) => {
                let refused = matches!(
                    after.workers.get(*worker),
                    Some(Worker::Answered { answer: Answer::Refused, .. })
                );
                format!("w{worker} sends: {}{}", fate.told(), if refused { " (refused)" } else { "" })
            }
            Self::Records(worker) => format!("w{worker} records the answer"),
            Self::LandsLate(side, Intent { number, write, .. }) => {
                format!("late: i{number} ({} {write}) lands", SIDES[*side])
            }
        }
    }
}

fn row(row: Option<Row>) -> String {
    match row {
        None => "nothing".to_owned(),
        Some(Row { is_alive: true, value, is_flagged, .. }) => {
            format!("{value}{}", if is_flagged { ", flagged" } else { "" })
        }
        Some(Row { is_alive: false, value, .. }) => format!("{value}, in the bin"),
    }
}

impl Fate {
    const fn told(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Lost => "the request is lost",
            Self::AnswerLost => "it lands, the answer is lost",
            Self::Late => "it is taken for lost, and will land later",
            Self::Twice => "answered, and a copy will land later",
        }
    }
}

impl std::fmt::Display for Write {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Update { value: Some(value), flag: None } => write!(out, ":= {value}"),
            Self::Update { value: Some(value), flag: Some(flag) } => write!(out, ":= {value}, flag {flag}"),
            Self::Update { value: None, flag: Some(flag) } => write!(out, "flag {flag}"),
            Self::Update { value: None, flag: None } => write!(out, "nothing"),
            Self::Archive => write!(out, "archive"),
            Self::Undelete => write!(out, "undelete"),
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Live => write!(out, "live"),
            Self::Flagged(side) => write!(out, "flagged ({} is in the bin)", SIDES[*side]),
            Self::Unlinked(side) => write!(out, "unlinked ({} is in the bin)", SIDES[*side]),
            Self::Gone => write!(out, "gone"),
        }
    }
}
