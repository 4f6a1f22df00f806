//! `pgtend history growth`.

use super::cluster_branch::select_cluster_branch;
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::cli::filter::RelationFilter;
use crate::report::{Gaps, GrowthReport};
use crate::units::parse_bytes;
use jiff::SignedDuration;

/// Show growth of databases, tables, indexes and WAL, with forecasts
///
/// The rate is the median of the slopes between all samples (Theil-Sen estimator). Single steps, such as a bulk load, are
/// excluded from it. Tables and indexes of constant size are not listed.
#[derive(Debug, clap::Args)]
pub struct HistoryGrowthArgs {
    /// Show when each object reaches this size, e.g. 500GB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    to: Option<u64>,
    /// Use the samples of the last N days
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..))]
    days: u16,
    /// System identifier of the cluster, with #BRANCH if the history has several branches of it
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    #[command(flatten)]
    filter: RelationFilter,
}

pub async fn cmd_history_growth(args: HistoryGrowthArgs, context: &Context) -> Result<ExitCode, Failure> {
    let store = context.existing_store().await?;
    let (branch, newest) = select_cluster_branch(&store, args.cluster.as_deref()).await?;
    let since = newest.collected_at - SignedDuration::from_hours(24 * i64::from(args.days));
    let growths = store.growth(branch.cluster_id, since, true).await?;
    let wal = store.wal_intervals(branch.cluster_id, since).await?;
    store.close().await;
    let mut gaps = Gaps::default();
    let view = args.filter.view(context.for_people());
    let report = GrowthReport::new(growths, &wal, args.to, &view, &mut gaps);
    context.print_history_report(Some((&branch, &newest)), report, gaps)
}
