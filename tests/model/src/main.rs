//! Prints what the models show: one line a run, and the traces of those that break.

#![expect(clippy::print_stdout, reason = "a command that answers on standard output")]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use comfy_table::{Table, presets};
use concord_model::explore::{Ending, Length, Limits, Report, Run, Verdict};
use serde_json::json;

/// Explores the protocol's models and says which laws hold within which bounds.
#[derive(Debug, Parser)]
struct Arguments {
    /// Also the runs that take minutes.
    #[arg(long)]
    long: bool,
    /// One JSON object a run, as soon as it ends.
    #[arg(long)]
    json: bool,
    /// With the shortest trace of each broken law.
    #[arg(long)]
    traces: bool,
    /// Longest time of one run. What takes longer is reported as cut off.
    #[arg(long, default_value_t = 1800)]
    seconds: u64,
    /// Only runs whose name has all of these words.
    names: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let limits = Limits { time_max: Duration::from_secs(arguments.seconds), ..Limits::default() };
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["model", "rules", "bounds", "states", "complete", "broken", "as expected", "seconds"]);
    let mut is_as_expected = true;
    for run in concord_model::runs() {
        let wanted = arguments.names.iter().all(|name| run.name().contains(name.as_str()));
        if !wanted || (run.length == Length::Long && !arguments.long) {
            continue;
        }
        let report = (run.explore)(limits);
        is_as_expected &= report.is_as(run.expected);
        if arguments.json {
            println!("{}", line(&run, &report));
        } else {
            table.add_row(row(&run, &report));
        }
        if arguments.traces && !arguments.json {
            print_traces(&run, &report);
        }
    }
    if !arguments.json {
        println!("{table}");
    }
    if is_as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ending(report: &Report) -> &'static str {
    match report.ending {
        Ending::Complete => "yes",
        Ending::AllBroken => "no: nothing left to break",
        Ending::CutOff => "no: cut off",
    }
}

fn row(run: &Run, report: &Report) -> Vec<String> {
    let unknown = report.verdicts.iter().any(|(_, verdict)| *verdict == Verdict::Unknown);
    let broken = match (report.broken(), unknown) {
        (broken, true) => format!("{broken} (rest unknown)"),
        (broken, false) if broken.is_empty() => "none".to_owned(),
        (broken, false) => broken,
    };
    vec![
        run.model.to_owned(),
        run.rules.clone(),
        run.bounds.clone(),
        report.states.to_string(),
        ending(report).to_owned(),
        broken,
        if report.is_as(run.expected) { "yes" } else { "NO" }.to_owned(),
        format!("{:.1}", report.took.as_secs_f64()),
    ]
}

fn line(run: &Run, report: &Report) -> serde_json::Value {
    let verdicts: serde_json::Map<String, serde_json::Value> = report
        .verdicts
        .iter()
        .map(|(name, verdict)| {
            let verdict = match verdict {
                Verdict::Holds => json!("holds"),
                Verdict::Unknown => json!("unknown"),
                Verdict::Broken(trace) => json!({ "broken": trace }),
            };
            ((*name).to_owned(), verdict)
        })
        .collect();
    json!({
        "model": run.model,
        "rules": run.rules,
        "bounds": run.bounds,
        "states": report.states,
        "complete": report.ending == Ending::Complete,
        "ending": ending(report),
        "as_expected": report.is_as(run.expected),
        "seconds": report.took.as_secs_f64(),
        "laws": verdicts,
    })
}

fn print_traces(run: &Run, report: &Report) {
    for (name, verdict) in &report.verdicts {
        match verdict {
            Verdict::Holds | Verdict::Unknown => {}
            Verdict::Broken(trace) => {
                println!("{}: {name} is broken by", run.name());
                for step in trace {
                    println!("    {step}");
                }
            }
        }
    }
}
