//! The command line and its help. One file per subcommand: its arguments and its implementation.

mod audit;
mod check;
mod completions;
mod config;
mod databases;
#[cfg(feature = "demo")]
mod demo;
pub mod disk;
mod explain;
pub mod filter;
mod history;
mod indexes;
pub mod man;
mod overview;
mod slots;
mod snapshot;
mod tables;
mod wal;

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::options::{GlobalArgs, OutputFormat};
use crate::postgres::conninfo::is_connection_string;
use clap::{
    CommandFactory as _, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

/// The example of `demo`, if it is built.
#[cfg(feature = "demo")]
macro_rules! demo_example {
    () => {
        "\n  pgtend demo                                   a tour on a throwaway cluster"
    };
}
#[cfg(not(feature = "demo"))]
macro_rules! demo_example {
    () => {
        ""
    };
}

/// PostgreSQL maintenance: disk space, replication slots, WAL, indexes, health checks.
///
/// Reports are read-only, take no locks that block other sessions, and list the facts that could not be read.
#[derive(Debug, Parser)]
#[command(
    name = "pgtend",
    version = env!("PGTEND_VERSION"),
    disable_help_flag = true,
    after_help = concat!(
        "\
Examples:
  pgtend overview -d postgresql://app@db1/shop  space, slots, tables, findings
  pgtend slots -h db1                           slots and their retained WAL
  pgtend tables --schema shop --limit 20        the largest tables of a schema
  pgtend snapshot --output now.json             save all facts to a file …
  pgtend indexes --from now.json                … and report from the file
  pgtend check --target prod --format nagios    the nightly health check",
        demo_example!()
    )
)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Overview(overview::OverviewArgs),
    Databases(databases::DatabasesArgs),
    Tables(tables::TablesArgs),
    Indexes(Box<indexes::IndexesArgs>),
    Slots(slots::SlotsArgs),
    Wal(wal::WalArgs),
    Check(check::CheckArgs),
    Audit(audit::AuditArgs),
    Snapshot(snapshot::SnapshotArgs),
    History(history::HistoryArgs),
    Explain(explain::ExplainArgs),
    Config(config::ConfigArgs),
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Returns the exit code of a run that is interrupted outside of a handler. It differs from the codes of results.
    pub fn exit_if_interrupted(&self) -> ExitCode {
        match self {
            Command::Check(_) => ExitCode::Failed.under_check(),
            Command::Audit(args) => args.exit_on_failure(),
            _ => ExitCode::Failed,
        }
    }

    /// Runs the command.
    pub async fn dispatch(self, context: &Context) -> Result<ExitCode, Failure> {
        let is_for_check = matches!(context.format(), OutputFormat::Nagios | OutputFormat::Prometheus);
        if is_for_check && !matches!(self, Command::Check(_)) {
            let message = "--format nagios and --format prometheus are available only for `pgtend check`";
            return Err(Failure::new(ExitCode::Usage, message));
        }
        // These commands change something or record a sample: fail first if the report cannot be written.
        if matches!(self, Command::Slots(_) | Command::Check(_) | Command::History(_)) {
            context.ui.check_output()?;
        }
        match self {
            Command::Overview(args) => overview::cmd_overview(args, context).await,
            Command::Databases(args) => databases::cmd_databases(args, context).await,
            Command::Tables(args) => tables::cmd_tables(args, context).await,
            Command::Indexes(args) => indexes::cmd_indexes(*args, context).await,
            Command::Slots(args) => slots::cmd_slots(args, context).await,
            Command::Wal(args) => wal::cmd_wal(args, context).await,
            Command::Check(args) => check::cmd_check(args, context).await,
            Command::Audit(args) => audit::cmd_audit(args, context).await,
            Command::Snapshot(args) => snapshot::cmd_snapshot(args, context).await,
            Command::History(args) => history::cmd_history(args, context).await,
            Command::Explain(args) => explain::cmd_explain(&args, context),
            Command::Config(args) => config::cmd_config(&args, context),
            #[cfg(feature = "demo")]
            Command::Demo(args) => demo::cmd_demo(args, context).await,
            Command::Completions(args) => completions::cmd_completions(&args, &mut Cli::command(), context),
            Command::Man(args) => man::cmd_man(&args, Cli::command(), context),
        }
    }
}

/// Renamed flags of `audit` and `demo`: old and new name.
const RENAMED_FLAGS: [(&str, &str); 2] = [("--way", "--method"), ("--story", "--scenario")];

/// Adds hints to an error of clap: `-d` for a connection string, which psql accepts without an option, and the new name of
/// a renamed flag.
pub fn with_hints(mut error: clap::Error) -> clap::Error {
    let misplaced =
        [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().find_map(|kind| error.get(kind));
    let Some(ContextValue::String(text)) = misplaced else { return error };
    if !text.starts_with('-') && is_connection_string(text) {
        let advice = vec!["specify a connection string with -d (--dbname)".into()];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(advice));
    } else if let Some((_, new)) = RENAMED_FLAGS.iter().find(|(old, _)| text == old) {
        let advice = vec![format!("the argument is now called '{new}'").into()];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(advice));
        error.remove(ContextKind::SuggestedArg);
    }
    error
}

/// Returns whether the command is `check`, even if its arguments are invalid.
pub fn is_check_command(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> bool {
    let tolerant = Cli::command().ignore_errors(true).try_get_matches_from(arguments);
    tolerant.is_ok_and(|matches| matches.subcommand_name() == Some("check"))
}
