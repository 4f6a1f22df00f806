//! `pgtend demo --scenario downscale`: an audit, its clean-up, and a copy into a second cluster, with measured sizes.

use super::UNUSED_SLOTS;
use super::kept::connection_variables;
use super::tour::{Tour, parse_command};
use crate::app::Context;
use crate::app::error::Failure;
use crate::cli::{Command, audit};
use crate::collect::Scope;
use crate::facts::{FactGroup, FactGroups, Snapshot};
use crate::postgres::ScriptSession;
use crate::quote::quote_shell;
use crate::render::human_bytes;
use anyhow::Context as _;
use pg_sandbox::{Cluster, ClusterOptions};
use std::path::{Path, PathBuf};

/// The audit. The cluster has no history, so the rates are given.
const AUDIT: [&str; 12] = [
    "pgtend",
    "audit",
    "--growth",
    "0",
    "--wal-per-hour",
    "16MB",
    "--outage",
    "1h",
    "--min-observation",
    "0",
    "--min-reclaim",
    "64kB",
];

/// Continues with the cluster of the incident.
pub async fn run_downscale(
    cluster: &mut Cluster,
    options: ClusterOptions,
    demo_context: &Context,
    tour: &Tour<'_>,
) -> Result<(), Failure> {
    let ui = &demo_context.ui;
    tour.run_part("Audit: the size of the new volume before the clean-up", &AUDIT).await?;
    for slot in UNUSED_SLOTS {
        let command = ["pgtend", "slots", "drop", slot, "--yes", "--allow-unproven", "--checkpoint"];
        tour.run_part("Drop a slot, after its owner has confirmed that it is not needed", &command).await?;
    }
    drop_unused_indexes(demo_context, tour).await?;
    tour.print_heading(
        "Rewrite the bloated table (on a server in use: with pg_repack, which takes no long lock)",
        "psql -c 'vacuum (full, analyze) shop.jobs' -c checkpoint",
    )
    .await?;
    let writer = ScriptSession::open(&demo_context.conninfo()?).await?;
    writer.execute_script("vacuum (full, analyze) shop.jobs").await.context("cannot rewrite the table")?;
    writer.execute_script("checkpoint").await.context("cannot run CHECKPOINT")?;
    drop(writer);
    tour.run_part("Audit: after the clean-up", &AUDIT).await?;
    let predicted = match parse_command(&AUDIT)? {
        Command::Audit(args) => Box::pin(audit::predict_size_after_copy(&args, demo_context)).await?,
        _ => None,
    };

    tour.print_heading(
        "Physical copy into a second private cluster",
        "# stop the server, copy its data directory, start the copy",
    )
    .await?;
    let folder = cluster.socket_dir().with_extension("moved");
    let copied_cluster = copy_cluster(cluster, options, &folder);
    // Only the cluster that was started from this copy is needed.
    std::fs::remove_dir_all(&folder).ok();
    let copied_cluster = copied_cluster?;
    let journal = tempfile::tempdir().context("cannot create a directory for the journal")?;
    let variables = connection_variables(copied_cluster.socket_dir(), copied_cluster.port());
    let copy_context = demo_context.for_throwaway_cluster(variables, &journal.path().join("history.db"));
    let facts = FactGroups::new(&[FactGroup::Databases, FactGroup::Tablespaces, FactGroup::Wal]);
    let snapshot = Box::pin(copy_context.collect_snapshot(Scope { facts, ..copy_context.scope() })).await?;
    match (predicted, measured_bytes(&snapshot)) {
        (Some(predicted), Some(measured)) => ui.print_text(&format!(
            "Predicted size after copy: {} ({} to {}). Measured: {}. Difference: {:+.1} %.\n",
            human_bytes(predicted.bytes),
            human_bytes(predicted.low_bytes),
            human_bytes(predicted.high_bytes),
            human_bytes(measured),
            (predicted.bytes as f64 / measured.max(1) as f64 - 1.0) * 100.0
        )),
        _ => ui.print_text("The size of the copy could not be measured.\n"),
    }
}

/// Returns the size of databases, WAL and shared catalogs, in bytes.
fn measured_bytes(snapshot: &Snapshot) -> Option<u64> {
    let databases: u64 = snapshot.databases.known()?.iter().filter_map(|database| database.bytes).sum();
    let wal = snapshot.wal_directory.known()?.directory_bytes;
    let tablespaces = snapshot.tablespaces.known()?;
    let shared = tablespaces.iter().find(|tablespace| tablespace.tablespace == "pg_global")?.bytes?;
    Some(databases + wal + shared)
}

/// Writes the migrations and runs them one by one, as psql would: each has one statement that cannot run in a
/// transaction.
async fn drop_unused_indexes(demo_context: &Context, tour: &Tour<'_>) -> Result<(), Failure> {
    let folder = tempfile::tempdir().context("cannot create a directory for migrations")?;
    let path = folder.path();
    let shown = path.display().to_string();
    let write = ["pgtend", "indexes", "migrate", "--framework", "sql", "--output", &shown, "--yes"];
    let thresholds = ["--min-observation", "0", "--min-reclaim", "64kB"];
    tour.run_part(
        "Drop unused indexes: migrations in plain SQL, with a rollback per index",
        &[&write[..], &thresholds].concat(),
    )
    .await?;
    let files = std::fs::read_dir(path).context("cannot list the migrations")?;
    let mut files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".up.sql"));
    files.sort();
    demo_context.ui.print_text(&format!(
        "\n$ for file in {}/*.up.sql; do psql -f \"$file\"; done   # {} files\n",
        quote_shell(&shown),
        files.len()
    ))?;
    let writer = ScriptSession::open(&demo_context.conninfo()?).await?;
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        // Without comments and the meta-commands of psql.
        let is_sql = |line: &&str| !line.starts_with('\\') && !line.starts_with("--");
        let statement: Vec<&str> = text.lines().filter(is_sql).collect();
        writer.execute_script(&statement.join("\n")).await.with_context(|| format!("cannot run {}", file.display()))?;
    }
    tour.run_further(&["pgtend", "indexes", "verify", &shown]).await
}

fn copy_cluster(cluster: &mut Cluster, options: ClusterOptions, folder: &Path) -> Result<Cluster, Failure> {
    cluster.save_copy(folder).context("cannot copy the cluster")?;
    let options = ClusterOptions { origin: Some(folder.to_path_buf()), ..options };
    Ok(Cluster::start(cluster.installation(), options).context("cannot start the copy")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downscale_audit_is_valid() {
        assert!(matches!(parse_command(&AUDIT), Ok(Command::Audit(_))));
    }
}
