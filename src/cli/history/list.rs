//! `pgtend history list`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::cli::filter::ListLength;
use crate::report::{Gaps, SamplesReport};

/// List the samples, newest first
#[derive(Debug, clap::Args)]
pub struct HistoryListArgs {
    #[command(flatten)]
    length: ListLength,
}

pub async fn cmd_history_list(args: HistoryListArgs, context: &Context) -> Result<ExitCode, Failure> {
    let store = context.existing_store().await?;
    let view = args.length.view(context.for_people());
    let (branches, samples) = (store.cluster_branches().await?, store.samples(None).await?);
    let report = SamplesReport::new(branches, samples, store.bytes().await?, &view);
    store.close().await;
    context.print_history_report(None, report, Gaps::default())
}
