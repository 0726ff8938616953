//! The `concord` command.

mod console;
mod contract;
mod endpoints;
mod inbox;
mod links;
mod local;
mod operate;
mod parked;
mod progress;
mod runner;
mod up;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps HubSpot and Salesforce in agreement.
///
/// `concord up` runs everything on this machine: both CRMs as sandboxes, the database, the queues and the four
/// functions. Edit a contact in one sandbox and see it on the other side.
#[derive(Debug, Parser)]
#[command(name = "concord", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine, and stay up until Ctrl-C.
    ///
    /// A second `up` on the same directory goes on where the first one stopped, even after a power cut.
    Up(up::UpArgs),
    /// Run only the two CRM sandboxes, for a stack that is deployed elsewhere.
    Sandbox(up::SandboxArgs),
    /// Show what is in flight, parked and in conflict.
    Status(StatusArgs),
    /// List what is set aside, with the records on both sides, why, and what to do.
    Parked(inbox::ListArgs),
    /// List the edits of both sides that wait for a person, with their values.
    Conflicts(inbox::ListArgs),
    /// Decide a conflict: take one side's value for both.
    ///
    /// It holds for the two values that `concord conflicts` showed. If one of them has changed since, nothing is written.
    Resolve(inbox::ResolveArgs),
    /// List the records that nobody can tell whom they belong with, and whom they may belong with.
    Proposals(inbox::ListArgs),
    /// Explain what a pair holds: what was decided of it, when, by which rule, and what stood there before.
    ///
    /// The rules are those of the README. Values that were erased are not known any more.
    Why(why::WhyArgs),
    /// Say that two records are one thing: they are kept in agreement from now on.
    ///
    /// Where they differ, the contract's conflict rules decide.
    Link(links::LinkArgs),
    /// Say that two records are not one thing, whatever their keys say.
    ///
    /// Neither is taken for the other's counterpart, nor stands in the way of one. `concord link` takes it back.
    KeepApart(links::LinkArgs),
    /// Say that a pair is to be left alone.
    ///
    /// Both records stay as they are, and no other is made for either of them. `concord link` takes it back.
    Unlink(links::PairArgs),
    /// Forget a person, as privacy law asks.
    ///
    /// Concord forgets every value that it ever knew of the pair and makes neither record again. By a contract with
    /// `erase: purge` both records are removed for good; else they are left to you. An erasure in HubSpot does the same.
    Erase(links::EraseArgs),
    /// Let go on what the brake has stopped, once you have looked at it.
    ///
    /// Concord stops writing to an object type when it was about to pass on more deletes, or replace values in more
    /// records, than its contract lets through within an hour; `concord status` says so. For the next hour nothing of
    /// that object type is stopped, and what was stopped is looked for again.
    Release(inbox::ReleaseArgs),
    /// Stop fetching and writing. Hints are kept.
    Pause(DataDir),
    /// Go on after `pause`.
    Resume(DataDir),
    /// Check a contract file, or put it in force.
    #[command(subcommand)]
    Contract(contract::ContractCommand),
}

/// Where a local Concord keeps everything.
#[derive(Debug, Args)]
struct DataDir {
    /// Directory of the running `concord up`.
    #[arg(long, value_name = "DIR", default_value = endpoints::DEFAULT_DATA_DIR)]
    data: PathBuf,
}

#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    data: DataDir,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Wait until nothing is in flight, at most so many seconds; fail if something still is.
    #[arg(long, value_name = "SECONDS")]
    wait_quiet: Option<u64>,
}

/// How long a call that is under way may hold up the end of the process.
const SHUTDOWN: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let outcome = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
        let outcome = runtime.block_on(run(command));
        runtime.shutdown_timeout(SHUTDOWN);
        outcome
    });
    outcome.unwrap_or_else(|error| {
        say::error(&error);
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(args) => up::up(args).await.map(|()| ExitCode::SUCCESS),
        Command::Sandbox(args) => up::sandbox(args).await.map(|()| ExitCode::SUCCESS),
        Command::Status(args) => {
            let wait = args.wait_quiet.map(Duration::from_secs);
            operate::status(&args.data.data, args.json, wait).await
        }
        Command::Parked(args) => parked::parked(&args).await,
        Command::Conflicts(args) => inbox::conflicts(&args).await,
        Command::Resolve(args) => inbox::resolve(&args).await,
        Command::Proposals(args) => links::proposals(&args).await,
        Command::Why(args) => why::why(&args).await,
        Command::Link(args) => links::link(&args).await,
        Command::KeepApart(args) => links::keep_apart(&args).await,
        Command::Unlink(args) => links::unlink(&args).await,
        Command::Erase(args) => links::erase(&args).await,
        Command::Release(args) => inbox::release(&args).await,
        Command::Pause(args) => operate::control(&args.data, "pause").await.map(|()| ExitCode::SUCCESS),
        Command::Resume(args) => operate::control(&args.data, "resume").await.map(|()| ExitCode::SUCCESS),
        Command::Contract(command) => contract::run(command).await,
    }
}

/// The only place that writes to the terminal.
mod say {
    #![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its user")]

    use comfy_table::presets::UTF8_FULL_CONDENSED;
    use comfy_table::{ContentArrangement, Table};

    pub(crate) fn line(text: &str) {
        println!("{text}");
    }

    /// An empty table, as wide as the terminal allows.
    pub(crate) fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(header);
        table
    }

    pub(crate) fn error(error: &anyhow::Error) {
        eprintln!("concord: {error:#}");
    }
}
