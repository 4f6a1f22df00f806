//! `pgtend slots`.

use super::filter::SizeFilter;
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    inspect::Scope,
    report::{Gaps, SlotSort, SlotsReport},
};

/// Every replication slot: what it holds, who probably owns it, whether anybody still uses it
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    #[command(flatten)]
    list: ListArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every replication slot: what it holds, who probably owns it, whether anybody still uses it (the default)
    List,
}

#[derive(Debug, Default, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: SizeFilter,
    /// What comes first
    #[arg(long, global = true, value_enum, default_value_t)]
    sort: SlotSort,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let Args { list, command: None | Some(Command::List) } = args;
    let snapshot = context.look(Scope { slots: true, all_databases: false, ..context.scope() }).await?;
    let mut gaps = Gaps::default();
    let earlier = context.earlier(&snapshot)?;
    let report = SlotsReport::of(&snapshot, &earlier, &list.filter.view(context.for_people()), list.sort, &mut gaps);
    context.show(&snapshot, report, gaps)
}
