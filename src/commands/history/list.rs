//! `pgtend history list`.

use crate::{
    commands::filter::ListLength,
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    report::{Gaps, SamplesReport},
};

/// The samples there are, newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    length: ListLength,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let store = context.existing_store().await?;
    let view = args.length.view(context.for_people());
    let (lineages, samples) = (store.lineages().await?, store.samples(None).await?);
    let report = SamplesReport::of(lineages, samples, store.bytes().await?, &view);
    store.close().await;
    context.show_remembered(None, report, Gaps::default())
}
