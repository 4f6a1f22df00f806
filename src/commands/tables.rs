//! `pgtend tables`.

use super::filter::{BloatArgs, RelationFilter};
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    inspect::{BloatScope, Scope},
    report::{Gaps, TableSort, TablesReport},
};

/// Heap, index, TOAST and total size of every table, rows, last vacuum; sums that add up to the database
///
/// Sizes are exact for the largest tables and for all whose catalog entry may be out of date, else estimates marked ~
/// that are proven against the size of the whole database.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: RelationFilter,
    /// What comes first
    #[arg(long, value_enum, default_value_t)]
    sort: TableSort,
    #[command(flatten)]
    bloat: BloatArgs,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let scope = context.reaching_scope()?;
    let several = scope.reach.may_be_several();
    let view = args.filter.view(context.for_people());
    let bloat = BloatScope { tables: true, ..args.bloat.scope(&view, context.reads_a_file())? };
    let scope = Scope { relations: true, databases: several, bloat, ..scope };
    let snapshot = context.look(scope).await?;
    let mut gaps = Gaps::default();
    let report = TablesReport::of(&snapshot, several, &view, args.sort, &mut gaps);
    context.show(&snapshot, report, gaps)
}
