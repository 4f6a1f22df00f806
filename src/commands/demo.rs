//! `pgtend demo`.

use crate::{context::Context, error::Failure, exit_code::ExitCode};

/// A throwaway cluster with the classic disaster in it, and a tour through the reports
#[derive(Debug, clap::Args)]
pub struct Args {}

pub async fn run(_: Args, _context: &Context) -> Result<ExitCode, Failure> {
    Ok(ExitCode::Done)
}
