//! `pgtend overview`.

use super::disk::DiskArgs;
use crate::analysis::slot::SlotEvidence;
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::collect::Scope;
use crate::history::HistoryScope;
use crate::report::{Gaps, OverviewReport};

/// One screen: what takes the space, what is at risk, what to do next
#[derive(Debug, Default, clap::Args)]
pub struct OverviewArgs {
    #[command(flatten)]
    disk: DiskArgs,
}

pub async fn cmd_overview(args: OverviewArgs, context: &Context) -> Result<ExitCode, Failure> {
    let scope = Scope { concurrent_size: true, ..Scope::space().with_options_of(&context.scope_with_databases()?) };
    let mut snapshot = context.collect_snapshot(scope).await?;
    args.disk.apply(&mut snapshot, context)?;
    let mut gaps = Gaps::default();
    let history =
        context.load_history(&snapshot, HistoryScope { slots: true, wal: true, ..HistoryScope::default() }).await?;
    let limits = context.config()?.slot_limits();
    let report =
        OverviewReport::new(&SlotEvidence { snapshot: &snapshot, history: &history, limits: &limits }, &mut gaps);
    context.print_report(&snapshot, report, gaps)
}
