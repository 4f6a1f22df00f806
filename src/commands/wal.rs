//! `pgtend wal`.

use super::{
    disk::DiskArgs,
    filter::{needs_a_server, parse_duration},
};
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    history::Recall,
    inspect::Scope,
    report::{Gaps, WalReport},
};
use std::time::Duration;

/// Where WAL is, what keeps how much of it in pg_wal, who writes it, how fast it grows, when the disk is full
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Measure the rate by looking twice, so long apart
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    sample: Option<Duration>,
    #[command(flatten)]
    disk: DiskArgs,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    if args.sample.is_some() && context.reads_a_file() {
        return Err(needs_a_server("--sample"));
    }
    let sizes = args.disk.needs_sizes(context)?;
    let scope = Scope { slots: true, wal: true, databases: sizes, storage: sizes, ..context.scope() };
    let mut snapshot = context.look_twice(scope, args.sample).await?;
    args.disk.tell(&mut snapshot, context)?;
    let mut gaps = Gaps::default();
    let memory = context.memory(&snapshot, Recall { wal: true, ..Recall::default() }).await?;
    let report = WalReport::of(&snapshot, &memory.wal, &mut gaps);
    context.show(&snapshot, report, gaps)
}
