//! `pgtend history journal`.

use crate::{
    commands::filter::ListLength,
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    report::{DeedsReport, Gaps},
};

/// What pgtend did and when, what that promised, what audits predicted, and what was measured since
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    length: ListLength,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let store = context.existing_store().await?;
    let view = args.length.view(context.for_people());
    let report = DeedsReport::of(store.deeds().await?, store.predictions().await?, &view);
    store.close().await;
    context.show_remembered(None, report, Gaps::default())
}
