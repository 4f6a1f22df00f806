//! `pgtend databases`.

use super::filter::SizeFilter;
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    inspect::Scope,
    report::{DatabaseSort, DatabasesReport, Gaps},
};

/// Size, tablespace, connections and xid age of every database of the cluster
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: SizeFilter,
    /// What comes first
    #[arg(long, value_enum, default_value_t)]
    sort: DatabaseSort,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    // All of them are listed anyway; none has to be entered.
    let scope = Scope { databases: true, ..context.scope() };
    let snapshot = context.look(scope).await?;
    let mut gaps = Gaps::default();
    let report = DatabasesReport::of(&snapshot, &args.filter.view(context.for_people()), args.sort, &mut gaps);
    context.show(&snapshot, report, gaps)
}
