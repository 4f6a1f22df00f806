//! `pgtend history`.

mod cluster_branch;
mod growth;
mod journal;
mod list;
mod prune;
mod record;

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;

/// Record and show samples, growth and the journal of actions
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    #[command(subcommand)]
    command: HistoryCommand,
}

#[derive(Debug, clap::Subcommand)]
enum HistoryCommand {
    Record(record::HistoryRecordArgs),
    List(list::HistoryListArgs),
    Growth(growth::HistoryGrowthArgs),
    Journal(journal::HistoryJournalArgs),
    Prune(prune::HistoryPruneArgs),
}

pub async fn cmd_history(args: HistoryArgs, context: &Context) -> Result<ExitCode, Failure> {
    match args.command {
        HistoryCommand::Record(args) => record::cmd_history_record(args, context).await,
        HistoryCommand::List(args) => list::cmd_history_list(args, context).await,
        HistoryCommand::Growth(args) => growth::cmd_history_growth(args, context).await,
        HistoryCommand::Journal(args) => journal::cmd_history_journal(args, context).await,
        HistoryCommand::Prune(args) => prune::cmd_history_prune(args, context).await,
    }
}
