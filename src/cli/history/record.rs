//! `pgtend history record`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::cli::slots::recover_and_report;
use crate::collect::Scope;
use crate::history::HistoryError;
use crate::report::{Gaps, RecordReport};
use jiff::SignedDuration;

/// The largest time between the snapshots of two runs that count as concurrent.
const CONCURRENT_RUN_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// Record a sample of the cluster in the history; run it from a timer, e.g. nightly
///
/// Writes one transaction: an interrupted run records nothing. --all-databases records all databases; --from records a
/// snapshot file.
#[derive(Debug, clap::Args)]
pub struct HistoryRecordArgs {}

pub async fn cmd_history_record(_: HistoryRecordArgs, context: &Context) -> Result<ExitCode, Failure> {
    // Before the connection to the server: without a store the sample could not be recorded.
    let store = context.store().await?;
    let scope = Scope::nightly().with_options_of(&context.scope_with_databases()?);
    let snapshot = if context.reads_snapshot_file() {
        context.collect_snapshot(scope).await?
    } else {
        // One session for both: with several hosts, a second one may reach another server.
        let session = context.session().await?;
        if !store.open_journal_entries().await?.is_empty() {
            recover_and_report(&store, &session, context).await?;
        }
        context.collect_in_session(&session, &scope).await?
    };
    let recorded = match store.record(&snapshot).await {
        // Of two concurrent runs, the one with the older snapshot came second. A larger difference is a clock error.
        Err(HistoryError::OutOfOrder { newest, collected_at })
            if !context.reads_snapshot_file() && newest.duration_since(collected_at) < CONCURRENT_RUN_TOLERANCE =>
        {
            store.close().await;
            context.ui.note(&format!(
                "history: a concurrent run recorded a newer sample, of {newest}; this run recorded nothing"
            ));
            return Ok(ExitCode::Success);
        }
        recorded => recorded?,
    };
    let report = RecordReport::new(
        &recorded.cluster_branch,
        (recorded.is_first, recorded.was_known),
        (recorded.relations, recorded.changed),
        store.address(),
    );
    store.close().await;
    if context.for_people() {
        context.ui.print_text(&report.summary_line())?;
        return Ok(ExitCode::Success);
    }
    context.print_report(&snapshot, report, Gaps::default())
}
