//! `pgtend tables`.

use super::filter::{BloatArgs, RelationFilter};
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::checks::ReportName;
use crate::collect::Scope;
use crate::facts::history::HistoryView;
use crate::facts::{FactGroup, FactGroups};
use crate::report::{Gaps, TableSort, TablesReport};

/// List all tables: heap, index, TOAST and total size, rows, bloat, last vacuum
///
/// Sizes are measured for the largest tables and for those whose catalog entry may be out of date. Other sizes are
/// estimates, marked ~; their sum is compared with the size of the database.
#[derive(Debug, Default, clap::Args)]
pub struct TablesArgs {
    #[command(flatten)]
    filter: RelationFilter,
    /// Sort order
    #[arg(long, value_enum, default_value_t)]
    sort: TableSort,
    #[command(flatten)]
    bloat: BloatArgs,
}

pub async fn cmd_tables(args: TablesArgs, context: &Context) -> Result<ExitCode, Failure> {
    let scope = context.scope_with_databases()?;
    let has_several_databases = scope.database_selection.may_select_several();
    let view = args.filter.view(context.for_people());
    let bloat = args.bloat.filter(&view, context.reads_snapshot_file())?;
    let own = FactGroups::new(&[FactGroup::Relations, FactGroup::TableBloat]);
    let facts = own | ReportName::Tables.facts();
    let scope = Scope { facts, bloat, ..scope };
    let snapshot = context.collect_snapshot(scope).await?;
    let mut gaps = Gaps::default();
    let report = TablesReport::new(&snapshot, has_several_databases, &view, args.sort, &mut gaps);
    let evidence = context.evidence(&snapshot, HistoryView::default())?;
    let assessment = context.assess(&evidence, ReportName::Tables)?;
    context.print_assessed_report(&snapshot, report, &assessment, gaps)
}
