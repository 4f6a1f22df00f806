//! `pgtend overview`.

use super::disk::DiskArgs;
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    history::Recall,
    inspect::Scope,
    judge::slot::Evidence,
    report::{Gaps, OverviewReport},
};

/// One screen: what takes the space, what is at risk, what to do next
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    #[command(flatten)]
    disk: DiskArgs,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let scope = Scope { beside: true, ..Scope::space().as_asked(&context.reaching_scope()?) };
    let mut snapshot = context.look(scope).await?;
    args.disk.tell(&mut snapshot, context)?;
    let mut gaps = Gaps::default();
    let memory = context.memory(&snapshot, Recall { slots: true, wal: true, ..Recall::default() }).await?;
    let limits = context.config()?.slot_limits();
    let report = OverviewReport::of(&Evidence { snapshot: &snapshot, memory: &memory, limits: &limits }, &mut gaps);
    context.show(&snapshot, report, gaps)
}
