//! `pgtend snapshot`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::collect::Scope;

/// All facts of a cluster as one JSON file; any report reads it with --from
///
/// The file holds names and sizes, no rows of tables and no passwords.
#[derive(Debug, clap::Args)]
pub struct SnapshotArgs {}

pub async fn cmd_snapshot(_: SnapshotArgs, context: &Context) -> Result<ExitCode, Failure> {
    let snapshot =
        context.collect_snapshot(Scope::everything().with_options_of(&context.scope_with_databases()?)).await?;
    context.ui.print_json(&snapshot)?;
    Ok(ExitCode::Success)
}
