//! Traces in a reader's words.

use super::world::{Answer, Request, State, Worker};
use super::{Action, Fate, Link, Plan, Record, Side};

impl Action {
    pub(super) fn told(&self, after: &State) -> String {
        match self {
            Self::PersonMakes(record) => format!("a person makes {record}"),
            Self::PersonEdits(record) => format!("a person edits {record}"),
            Self::Indexed(record) => format!("search shows {record} from now on"),
            Self::ReadsLink(worker, record) => format!("w{worker} reads the link of {record}"),
            Self::ReadsRows(worker) => match after.workers.get(*worker) {
                Some(Worker::Decided { plan, .. }) => format!("w{worker} reads the rows: {plan}"),
                Some(Worker::Idle | Worker::Looks { .. } | Worker::Holds(_) | Worker::Answered { .. })
                | None => format!("w{worker} reads the rows: nothing to do"),
            },
            Self::Commits(worker) => format!("w{worker} commits"),
            Self::Takes(worker, link) => match after.workers.get(*worker) {
                Some(Worker::Holds(request)) => format!("w{worker} takes an intent: {request}"),
                Some(
                    Worker::Idle | Worker::Looks { .. } | Worker::Decided { .. } | Worker::Answered { .. },
                )
                | None => format!("w{worker} takes an intent of {link}"),
            },
            Self::Sends(worker, fate) => {
                let answer = match after.workers.get(*worker) {
                    Some(Worker::Answered { answer: Answer::Done(record), .. }) => format!(" ({record})"),
                    Some(Worker::Answered { answer: Answer::Duplicate, .. }) => " (duplicate)".to_owned(),
                    Some(
                        Worker::Answered { answer: Answer::Refused, .. }
                        | Worker::Idle
                        | Worker::Looks { .. }
                        | Worker::Decided { .. }
                        | Worker::Holds(_),
                    )
                    | None => String::new(),
                };
                format!("w{worker} sends: {}{answer}", fate.told())
            }
            Self::Records(worker) => format!("w{worker} records the answer"),
            Self::LandsLate(request) => format!("late: {request} lands"),
        }
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
            Self::Refused => "refused for good",
        }
    }
}

impl std::fmt::Display for Record {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::H1 => "h1",
            Self::H2 => "h2",
            Self::S1 => "s1",
            Self::S2 => "s2",
        })
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::A => "link A (of h1)",
            Self::B => "link B (of s1)",
        })
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(link) => write!(out, "make {} for {link}", link.makes()),
            Self::Stamp(link, record) => write!(out, "stamp {record} as {link}'s"),
        }
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => write!(out, "nothing"),
            Self::Park => write!(out, "park"),
            Self::Begin { link, other: None } => {
                let side = match link.makes().side() {
                    Side::H => "HubSpot",
                    Side::S => "Salesforce",
                };
                write!(out, "begin {link}, its other half to be made in {side}")
            }
            Self::Begin { link, other: Some(other) } => write!(out, "begin {link} with {other}"),
            Self::Name { link, record } => write!(out, "{link} names {record}"),
            Self::Send(request) => write!(out, "{request}"),
            Self::NameAndSend(record, request) => write!(out, "name {record} and {request}"),
        }
    }
}
