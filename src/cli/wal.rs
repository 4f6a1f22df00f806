//! `pgtend wal`.

use super::disk::{DISK_USE, DiskArgs};
use crate::app::Context;
use crate::app::error::{Failure, server_required};
use crate::app::exit_code::ExitCode;
use crate::checks::ReportName;
use crate::collect::Scope;
use crate::facts::{FactGroup, FactGroups};
use crate::history::HistoryScope;
use crate::report::{Gaps, WalReport};
use crate::units::parse_duration;
use std::time::Duration;

/// Show WAL: rate and writers, size of pg_wal and what retains it, time until the disk is full
#[derive(Debug, Default, clap::Args)]
pub struct WalArgs {
    /// Measure the WAL rate with two samples, this far apart, e.g. 10s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    sample: Option<Duration>,
    #[command(flatten)]
    disk: DiskArgs,
}

pub async fn cmd_wal(args: WalArgs, context: &Context) -> Result<ExitCode, Failure> {
    if args.sample.is_some() && context.reads_snapshot_file() {
        return Err(server_required("--sample"));
    }
    let needed = FactGroups::new(&[FactGroup::Slots, FactGroup::Wal]) | ReportName::Wal.facts();
    let facts = needed.without(DISK_USE) | args.disk.facts(context)?;
    let mut snapshot = context.collect_with_later_wal(Scope { facts, ..context.scope() }, args.sample).await?;
    args.disk.apply(&mut snapshot, context)?;
    let mut gaps = Gaps::default();
    let history =
        context.load_history(&snapshot, HistoryScope { wal: true, growth: true, ..HistoryScope::NONE }).await?;
    let evidence = context.evidence(&snapshot, history)?;
    let assessment = context.assess(&evidence, ReportName::Wal)?;
    let report = WalReport::new(&snapshot, &evidence.history.wal, &mut gaps);
    context.print_assessed_report(&snapshot, report, &assessment, gaps)
}
