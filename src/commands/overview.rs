//! `pgtend overview`.

use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    inspect::Scope,
    report::{Gaps, OverviewReport},
};

/// One screen: what takes the space, what is at risk, what to do next
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

pub async fn run(_: Args, context: &Context) -> Result<ExitCode, Failure> {
    let scope = Scope { databases: true, storage: true, slots: true, wal: true, relations: true, ..context.scope() };
    let snapshot = context.look(scope).await?;
    let mut gaps = Gaps::default();
    let earlier = context.earlier(&snapshot)?;
    let report = OverviewReport::of(&snapshot, &earlier, &mut gaps);
    context.show(&snapshot, report, gaps)
}
