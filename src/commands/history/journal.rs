//! `pgtend history journal`.

use crate::{
    commands::filter::FOR_PEOPLE,
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    report::{DeedsReport, Gaps, View},
};

/// What pgtend did and when, what that promised, what audits predicted, and what was measured since
#[derive(Debug, clap::Args)]
pub struct Args {
    /// At most N; 0 for all [default: 50 for people, all in JSON and CSV]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let store = context.existing_store().await?;
    let limit = args.limit.or(context.for_people().then_some(FOR_PEOPLE)).filter(|most| *most > 0);
    let report = DeedsReport::of(store.deeds().await?, store.predictions().await?, &View { limit, ..View::default() });
    store.close().await;
    context.show_remembered(None, report, Gaps::default())
}
