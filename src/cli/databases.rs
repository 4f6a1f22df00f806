//! `pgtend databases`.

use super::filter::SizeFilter;
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::collect::Scope;
use crate::facts::{FactGroup, FactGroups};
use crate::report::{DatabaseSort, DatabasesReport, Gaps};

/// List all databases: size, tablespace, connections, transaction id age
#[derive(Debug, clap::Args)]
pub struct DatabasesArgs {
    #[command(flatten)]
    filter: SizeFilter,
    /// Sort order
    #[arg(long, value_enum, default_value_t)]
    sort: DatabaseSort,
}

pub async fn cmd_databases(args: DatabasesArgs, context: &Context) -> Result<ExitCode, Failure> {
    // One connection suffices: pg_database lists all databases.
    let scope = Scope { facts: FactGroups::new(&[FactGroup::Databases]), ..context.scope() };
    let snapshot = context.collect_snapshot(scope).await?;
    let mut gaps = Gaps::default();
    let report = DatabasesReport::new(&snapshot, &args.filter.view(context.for_people()), args.sort, &mut gaps);
    context.print_report(&snapshot, report, gaps)
}
