//! `pgtend history journal`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::cli::filter::ListLength;
use crate::report::{Gaps, JournalReport};

/// Show the journal: actions with their predicted and measured effect, and the predictions of audits
#[derive(Debug, clap::Args)]
pub struct HistoryJournalArgs {
    #[command(flatten)]
    length: ListLength,
}

pub async fn cmd_history_journal(args: HistoryJournalArgs, context: &Context) -> Result<ExitCode, Failure> {
    let store = context.existing_store().await?;
    let view = args.length.view(context.for_people());
    let report = JournalReport::new(store.journal_entries().await?, store.predictions().await?, &view);
    store.close().await;
    context.print_history_report(None, report, Gaps::default())
}
