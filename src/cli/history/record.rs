//! `pgtend history record`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::cli::slots::recover_and_report;
use crate::collect::Scope;
use crate::history::HistoryError;
use crate::report::{Gaps, RecordReport};
use jiff::SignedDuration;

/// Looks of two runs that were begun together lie no further apart.
const CONCURRENT_RUN_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// Look at the cluster and write down what changed; for a timer, every night
///
/// One transaction: a run that is interrupted leaves nothing. --all-databases reads them all from inside; --from
/// records a snapshot that was taken elsewhere.
#[derive(Debug, clap::Args)]
pub struct HistoryRecordArgs {}

pub async fn cmd_history_record(_: HistoryRecordArgs, context: &Context) -> Result<ExitCode, Failure> {
    // Before the server is asked anything: it would be for nothing.
    let store = context.store().await?;
    let scope = Scope::nightly().with_options_of(&context.scope_with_databases()?);
    let snapshot = if context.reads_snapshot_file() {
        context.collect_snapshot(scope).await?
    } else {
        // One session for both: of several hosts a second one may reach another server.
        let session = context.session().await?;
        if !store.open_journal_entries().await?.is_empty() {
            recover_and_report(&store, &session, context).await?;
        }
        context.collect_in_session(&session, &scope).await?
    };
    let recorded = match store.record(&snapshot).await {
        // Two runs at once: the one that looked first came second. A look that lies further ahead is a clock's fault.
        Err(HistoryError::OutOfOrder { newest, collected_at })
            if !context.reads_snapshot_file() && newest.duration_since(collected_at) < CONCURRENT_RUN_TOLERANCE =>
        {
            store.close().await;
            context.ui.note(&format!("history: another run recorded a newer look, of {newest}; this one adds nothing"));
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
