//! `pgtend wal`.

use super::filter::{needs_a_server, parse_duration};
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    history::Recall,
    inspect::Scope,
    report::{Gaps, WalReport},
};
use std::time::Duration;

/// Where WAL is, how much lies in pg_wal, what keeps it there, archiving, how fast it grows
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Measure the rate by looking twice, so long apart
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    sample: Option<Duration>,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    if args.sample.is_some() && context.reads_a_file() {
        return Err(needs_a_server("--sample"));
    }
    let scope = Scope { slots: true, wal: true, all_databases: false, ..context.scope() };
    let snapshot = context.look_twice(scope, args.sample).await?;
    let mut gaps = Gaps::default();
    let memory = context.memory(&snapshot, Recall { wal: true, ..Recall::default() }).await?;
    let report = WalReport::of(&snapshot, &memory, &mut gaps);
    context.show(&snapshot, report, gaps)
}
