//! `pgtend history record`.

use crate::{
    commands::slots::settle_what_is_open,
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    history::HistoryError,
    inspect::Scope,
    report::{Gaps, RecordedReport},
};
use jiff::SignedDuration;

/// Looks of two runs that were begun together lie no further apart.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(10);

/// Look at the cluster and write down what changed; for a timer, every night
///
/// One transaction: a run that is interrupted leaves nothing. --all-databases reads them all from inside; --from
/// records a snapshot that was taken elsewhere.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub async fn run(_: Args, context: &Context) -> Result<ExitCode, Failure> {
    // Before the server is asked anything: it would be for nothing.
    let store = context.store().await?;
    let scope = Scope::nightly().as_asked(&context.reaching_scope()?);
    let snapshot = if context.reads_a_file() {
        context.look(scope).await?
    } else {
        // One session for both: of several hosts a second one may reach another server.
        let session = context.session().await?;
        if !store.open_intents().await?.is_empty() {
            settle_what_is_open(&store, &session, context).await?;
        }
        context.look_by(&session, &scope).await?
    };
    let recorded = match store.record(&snapshot).await {
        // Two runs at once: the one that looked first came second. A look that lies further ahead is a clock's fault.
        Err(HistoryError::OutOfOrder { newest, collected_at })
            if !context.reads_a_file() && newest.duration_since(collected_at) < AT_ONCE =>
        {
            store.close().await;
            context.ui.note(&format!("history: another run recorded a newer look, of {newest}; this one adds nothing"));
            return Ok(ExitCode::Done);
        }
        recorded => recorded?,
    };
    let report = RecordedReport::of(
        &recorded.lineage,
        (recorded.is_first, recorded.was_known),
        (recorded.relations, recorded.changed),
        store.address(),
    );
    store.close().await;
    if context.for_people() {
        context.ui.text(&report.line())?;
        return Ok(ExitCode::Done);
    }
    context.show(&snapshot, report, Gaps::default())
}
