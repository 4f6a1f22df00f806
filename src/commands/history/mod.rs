//! `pgtend history`.

mod growth;
mod journal;
mod line;
mod list;
mod prune;
mod record;

use crate::{context::Context, error::Failure, exit_code::ExitCode, history::Store, model::past::Intent};

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

fn url(context: &Context) -> Result<String, Failure> {
    context.history_url()?.ok_or_else(|| {
        Failure::new(ExitCode::Failed, "there is no history: --history or PGTEND_HISTORY says none")
            .with_hint(Some("name a file or postgresql://…"))
    })
}

/// The store, made when it is not there yet. Says which deeds never came to an end.
async fn open(context: &Context) -> Result<Store, Failure> {
    let store = Store::open(&url(context)?).await?;
    for deed in store.open_intents().await? {
        let Intent { kind, subject, server, begun_at, .. } = &deed.intent;
        let begun_at = begun_at.strftime("%Y-%m-%d %H:%M:%SZ");
        context.ui.warn(&format!(
            "{kind} of {subject} on {server}, begun {begun_at}, has no outcome: pgtend ended in the middle of it, or is at it now"
        ));
    }
    Ok(store)
}

/// The store, which must be there.
async fn open_existing(context: &Context) -> Result<Store, Failure> {
    let url = url(context)?;
    let store = Store::open_if_exists(&url).await?;
    store.ok_or_else(|| {
        Failure::new(ExitCode::Failed, format!("there is no history yet in {url}"))
            .with_hint(Some("`pgtend history record` takes the first sample"))
    })
}
