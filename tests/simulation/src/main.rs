//! `concord-simulation`: lives through many worlds, and says which of them broke what.

#![expect(clippy::print_stdout, reason = "it is a command")]

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use concord_simulation::chance::Script;
use concord_simulation::phases::live;
use concord_simulation::run::{Failure, Summary, run};
use concord_simulation::saved::Saved;
use concord_simulation::shrink::shrink;
use indicatif::{ProgressBar, ProgressStyle};

/// Runs Concord's real steps and clients in simulated worlds full of faults, and checks every promise on each.
///
/// A seed is a world: the same seed is the same world on every machine. Exit status 1 if any promise was broken, or
/// if a long run left a state unreached.
///
/// Examples:
///   concord-simulation --seeds 20000
///   concord-simulation --replay 1234 --trace
///   concord-simulation --replay 1234 --save a-lost-answer-hid-an-edit
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment)]
struct Arguments {
    /// How many worlds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Lives through this one world, shrinks it if it breaks something, and shows it.
    #[arg(long, value_name = "SEED")]
    replay: Option<u64>,
    /// With --replay: shows the log of the world as it is, not shrunk.
    #[arg(long)]
    trace: bool,
    /// With --replay: keeps the shrunk world as a regression test, under this name.
    #[arg(long, value_name = "NAME", requires = "replay", conflicts_with = "trace")]
    save: Option<String>,
    /// Stops after so many broken worlds.
    #[arg(long, default_value_t = 10)]
    failures: usize,
    /// For machines: one line for each broken world, and a last line with everything added up.
    #[arg(long)]
    json: bool,
    /// Threads; a world runs in one.
    #[arg(long, default_value_t = threads())]
    threads: usize,
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.replay {
        Some(seed) => replay(seed, arguments.trace, arguments.save.as_deref()),
        None => many(&arguments),
    }
}

fn many(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let bar = match !arguments.json && std::io::stdout().is_terminal() {
        true => ProgressBar::new(arguments.seeds),
        false => ProgressBar::hidden(),
    };
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} worlds, {per_sec}, {eta} left")?);
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    let summary = run(seeds, arguments.threads, arguments.failures, |_, _| bar.inc(1))?;
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    if arguments.json {
        for Failure { seed, broken } in &summary.failures {
            println!(
                "{}",
                serde_json::json!({"seed": seed, "invariant": broken.invariant, "what": broken.what})
            );
        }
        println!("{}", serde_json::to_string(&summary.line(seconds))?);
    } else {
        show(&summary, seconds)?;
    }
    Ok(if summary.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(summary: &Summary, seconds: f64) -> anyhow::Result<()> {
    println!(
        "{} worlds in {seconds:.1} s ({:.0} a second), {} virtual days: {} edits, {} CRM calls, log {:016x}",
        summary.seeds,
        summary.seeds as f64 / seconds,
        summary.virtual_ms / 86_400_000,
        summary.edits,
        summary.crm_calls,
        summary.log_hash
    );
    println!("{} pairs of faults met in one world", summary.fault_pairs.len());
    for missed in summary.faults_missed() {
        println!("never struck: {missed}");
    }
    for missed in summary.marks_missed() {
        println!("never reached: {missed}");
    }
    for Failure { seed, broken } in &summary.failures {
        println!("seed {seed} breaks {broken}");
    }
    match summary.failures.first() {
        Some(first) => {
            println!("\nthe first of them, shrunk:\n");
            replay(first.seed, false, None).map(drop)
        }
        None => Ok(()),
    }
}

fn replay(seed: u64, traced: bool, save: Option<&str>) -> anyhow::Result<ExitCode> {
    let script = Script::of_seed(seed);
    let outcome = live(&script, traced)?;
    for line in &outcome.trace {
        println!("{line}");
    }
    let Some(broken) = outcome.broken else {
        println!("seed {seed} breaks nothing; log {:016x}", outcome.hash);
        return Ok(ExitCode::SUCCESS);
    };
    if !traced {
        let shrunk = shrink(&script, broken.invariant, |script| live(script, false))?;
        let outcome = live(&shrunk, true)?;
        for line in outcome.trace.iter().take_while(|line| !line.starts_with("BROKEN")) {
            println!("{line}");
        }
        println!("\n{} of {} bytes of chaos were needed", shrunk.body.len(), script.body.len());
        if let Some(broken) = outcome.broken {
            println!("BROKEN {broken}");
            if let Some(name) = save {
                let path = Saved::new(&shrunk, &broken).save(name)?;
                println!("saved as {}: say there what it was", path.display());
            }
        }
    }
    println!("seed {seed} breaks {broken}");
    println!("replay: cargo run --release -p concord-simulation -- --replay {seed} [--trace]");
    Ok(ExitCode::FAILURE)
}
