//! Shrinking: of a script that breaks an invariant, the shortest that still breaks the same one.

use crate::chance::Script;
use crate::phases::Outcome;

/// Worlds that are lived through to shrink one.
const TRIES_MAX: usize = 600;

/// Deletes ever smaller pieces of the chaos, and calms ever smaller pieces of the profile. `live` lives through a world.
///
/// # Errors
/// A fault of ours in a world's contract.
pub fn shrink(
    script: &Script,
    invariant: &str,
    live: impl Fn(&Script) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Script> {
    let mut best = script.clone();
    let mut tries = 0;
    let mut fails = |candidate: &Script| -> anyhow::Result<bool> {
        tries += 1;
        let outcome = live(candidate)?;
        Ok(tries <= TRIES_MAX && outcome.broken.is_some_and(|broken| broken.invariant == invariant))
    };
    let mut size = best.body.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < best.body.len() {
            let mut candidate = best.clone();
            candidate.body.drain(at..(at + size).min(candidate.body.len()));
            if fails(&candidate)? { best = candidate } else { at += size }
        }
        size /= 2;
    }
    for at in 0..best.head.len() {
        let mut candidate = best.clone();
        if std::mem::replace(&mut candidate.head[at], 0) != 0 && fails(&candidate)? {
            best = candidate;
        }
    }
    Ok(best)
}
