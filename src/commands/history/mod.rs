//! `pgtend history`.

mod growth;
mod journal;
mod line;
mod list;
mod prune;
mod record;

use crate::{context::Context, error::Failure, exit_code::ExitCode};

/// What pgtend remembers: samples of clusters, growth, and the journal of its own deeds
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Record(record::Args),
    List(list::Args),
    Growth(growth::Args),
    Journal(journal::Args),
    Prune(prune::Args),
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    match args.command {
        Command::Record(args) => record::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Growth(args) => growth::run(args, context).await,
        Command::Journal(args) => journal::run(args, context).await,
        Command::Prune(args) => prune::run(args, context).await,
    }
}
