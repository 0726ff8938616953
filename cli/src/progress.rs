//! How far the first sync is.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::local::Local;

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// Shows a bar until nothing is in flight. `hinted` records were found worth a look.
pub(crate) async fn until_quiet(local: &Arc<Local>, hinted: usize) {
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:40.cyan/blue}] {pos}/{len} batches {msg}")
    {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix("first sync");
    bar.set_message(format!("for {hinted} records"));
    let (mut done, mut last) = (0, 0);
    loop {
        let (hints, intents) = local.depths();
        let waiting = hints.waiting() + intents.waiting() + local.undelivered();
        done += last_drop(last, waiting);
        last = waiting;
        bar.set_length((done + waiting).max(1));
        bar.set_position(done);
        if waiting == 0 {
            break;
        }
        tokio::time::sleep(TICK).await;
    }
    bar.finish_and_clear();
}

/// How many batches were done with since the last look, at least.
const fn last_drop(last: u64, now: u64) -> u64 {
    last.saturating_sub(now)
}
