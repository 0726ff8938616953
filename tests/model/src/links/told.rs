//! The steps in a reader's words.

use super::terms::{FIELD_NAMES, Intent, Pair, Role, Row, Side};
use super::world::{Action, Links, State, Worker};

impl Links {
    /// A step in words.
    pub(super) fn told(&self, before: &State, action: &Action, after: &State) -> String {
        match action {
            Action::Edit(side, field, value) => format!("a person sets {}:={value:?}", name(*side, *field)),
            Action::Read(_, side) => format!("{} reads {side}", self.who()),
            Action::Commit(worker) => {
                format!("{} {}", self.who(), self.told_decision(&before.workers[*worker], before, after))
            }
            Action::Attempt(index) => self.told_attempt(before, &before.queue[*index], ""),
            Action::Lose(index) => {
                self.told_attempt(before, &before.queue[*index], ", and its answer is lost")
            }
            Action::Repeat(index) => self.told_attempt(before, &before.queue[*index], ", and will once more"),
            Action::Delay(index) => format!("{} is delayed", wide_name(&before.queue[*index])),
            Action::Crash(index) => format!("{} is lost", wide_name(&before.queue[*index])),
            Action::Take(_, index) => {
                format!("{} sends {}", self.who(), wide_name(&before.queue[*index]))
            }
            Action::Land(worker) => match &before.workers[*worker] {
                Worker::Writing(intent) => self.told_attempt(before, intent, ""),
                Worker::Idle | Worker::Reading(_) => "nothing lands".to_owned(),
            },
            Action::LandLate(index) => self.told_attempt(before, &before.late[*index], ", late"),
            Action::Tick => "the second ends".to_owned(),
        }
    }

    /// Two workers are alike: their order in a state means nothing.
    fn who(&self) -> &'static str {
        if self.bounds.workers == 1 { "the worker" } else { "a worker" }
    }

    fn told_attempt(&self, before: &State, intent: &Intent, more: &str) -> String {
        let end = if self.is_taken(before, intent) { "lands" } else { "is refused" };
        format!("{} {end}{more}", wide_name(intent))
    }

    fn told_decision(&self, worker: &Worker, before: &State, after: &State) -> String {
        let Worker::Reading(Pair { h: Some(h), s: Some(s) }) = worker else { return "decides".to_owned() };
        let shown = |row: &Row| format!("{:?}", &row.values[..self.bounds.fields]);
        let rows = format!("on H={}, S={}", shown(&h.row), shown(&s.row));
        let issued = after.queue.iter().filter(|intent| !before.queue.contains(intent));
        let words: Vec<String> = issued.map(told_intent).collect();
        if words.is_empty() {
            format!("decides nothing {rows}")
        } else {
            format!("decides {rows}: {}", words.join("; "))
        }
    }
}

fn told_intent(intent: &Intent) -> String {
    let parts = intent.parts.iter().enumerate();
    let parts = parts.filter_map(|(field, part)| {
        let part = part.as_ref()?;
        let role = match part.role {
            Role::Carry => "",
            Role::Repair => " (repair)",
            Role::Restore => " (restore)",
            Role::Claim => " (claimed, not written)",
        };
        Some(format!("{}:={:?}{role}", name(intent.side, field), part.sent))
    });
    format!("i{} {}", intent.number.0, parts.collect::<Vec<String>>().join(", "))
}

fn wide_name(intent: &Intent) -> String {
    format!("i{} to {}", intent.number.0, intent.side)
}

fn name(side: Side, field: usize) -> String {
    format!("{side}.{}", FIELD_NAMES[field])
}
