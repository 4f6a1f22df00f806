//! `pgtend overview`.

use super::disk::DiskArgs;
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::checks::ReportName;
use crate::collect::Scope;
use crate::history::HistoryScope;
use crate::report::{Gaps, OverviewReport};

/// Show one screen: disk space, replication slots, largest tables, findings, next commands
#[derive(Debug, Default, clap::Args)]
pub struct OverviewArgs {
    #[command(flatten)]
    disk: DiskArgs,
}

pub async fn cmd_overview(args: OverviewArgs, context: &Context) -> Result<ExitCode, Failure> {
    let space = Scope::space().with_options_of(&context.scope_with_databases()?);
    let scope = Scope { facts: space.facts | ReportName::Overview.facts(), concurrent_size: true, ..space };
    let mut snapshot = context.collect_snapshot(scope).await?;
    args.disk.apply(&mut snapshot, context)?;
    let history_scope = HistoryScope { indexes: false, slots: true, wal: true, growth: true, counters: true };
    let history = context.load_history(&snapshot, history_scope).await?;
    let evidence = context.evidence(&snapshot, history)?;
    let assessment = context.assess(&evidence, ReportName::Overview)?;
    let mut gaps = Gaps::default();
    let report = OverviewReport::new(&evidence, &assessment, &mut gaps);
    context.print_assessed_report(&snapshot, report, &assessment, gaps)
}
