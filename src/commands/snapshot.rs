//! `pgtend snapshot`.

use crate::{context::Context, error::Failure, exit_code::ExitCode, inspect::Scope};

/// All facts of a cluster as one JSON file; any report reads it with --from
///
/// The file holds names and sizes, no rows of tables and no passwords.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub async fn run(_: Args, context: &Context) -> Result<ExitCode, Failure> {
    let snapshot = context.look(Scope::everything().as_asked(&context.reaching_scope()?)).await?;
    context.ui.value(&snapshot)?;
    Ok(ExitCode::Done)
}
