//! `pgtend history prune`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::report::{Gaps, PruneReport};

/// Delete old samples: keeps all of the last 35 days, one per week for a year, one per month before that
///
/// The first-seen dates of relations and the journal are not deleted.
#[derive(Debug, clap::Args)]
pub struct HistoryPruneArgs {}

pub async fn cmd_history_prune(_: HistoryPruneArgs, context: &Context) -> Result<ExitCode, Failure> {
    // Pruning creates no store.
    let store = context.existing_store_for_writing().await?;
    let before = store.bytes().await?;
    let pruned = store.prune(context.now()).await?;
    let after = store.bytes().await?;
    store.close().await;
    let report = PruneReport::new((pruned.samples, pruned.kept), (before, after));
    if context.for_people() {
        context.ui.print_text(&report.summary_line())?;
        return Ok(ExitCode::Success);
    }
    context.print_history_report(None, report, Gaps::default())
}
