//! `pgtend snapshot`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::collect::Scope;

/// Write all facts of a cluster as one JSON document; reports read it with --from
///
/// The document contains names and sizes, but no table rows and no passwords.
#[derive(Debug, clap::Args)]
pub struct SnapshotArgs {}

pub async fn cmd_snapshot(_: SnapshotArgs, context: &Context) -> Result<ExitCode, Failure> {
    let snapshot =
        context.collect_snapshot(Scope::everything().with_options_of(&context.scope_with_databases()?)).await?;
    context.ui.print_json(&snapshot)?;
    Ok(ExitCode::Success)
}
