//! `pgtend history prune`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::render::{format_counted, human_bytes};
use serde_json::json;

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
    if context.for_people() {
        let (before, after) = (human_bytes(before), human_bytes(after));
        context.ui.print_text(&format!(
            "{} pruned, {} kept; {before} → {after}\n",
            format_counted(pruned.samples, "sample"),
            pruned.kept
        ))?;
    } else {
        let pruned = json!({"samples_pruned": pruned.samples, "samples_kept": pruned.kept,
                            "bytes_before": before, "bytes_after": after});
        context.ui.print_json(&json!({"schema_version": 1, "command": "history prune", "pruned": pruned}))?;
    }
    Ok(ExitCode::Success)
}
