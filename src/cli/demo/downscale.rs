//! `pgtend demo --scenario downscale`: the audit, its clean-up, and the move to a smaller place, measured.

use crate::app::Context;
use crate::app::error::Failure;
use crate::cli::{audit, indexes, slots};
use crate::collect::Scope;
use crate::facts::{FactGroup, FactGroups};
use crate::postgres::ScriptSession;
use crate::quote::ShellCommand;
use crate::render::human_bytes;
use anyhow::Context as _;
use pg_sandbox::{Cluster, ClusterOptions};
use std::path::PathBuf;

/// The slots that the disaster leaves behind.
const ABANDONED_SLOTS: [&str; 2] = ["debezium_orders_retired", "old_standby"];

/// Goes on where the disaster has been planted.
pub async fn run_downscale(
    cluster: &mut Cluster,
    options: ClusterOptions,
    demo_context: &Context,
) -> Result<(), Failure> {
    let ui = &demo_context.ui;
    let print_heading = |title: &str, explanation: &str, command: &str| {
        ui.print_text(&format!("\n── {title} ──\n{explanation}\n$ {command}\n\n"))
    };
    let options_text = "--growth 0 --wal-per-hour 16MB --outage 1h --min-observation 0 --min-reclaim 64kB";
    let audit_command = ShellCommand::new("pgtend audit").arg(options_text).to_string();
    print_heading("How small may it be?", "Before the clean-up.", &audit_command)?;
    Box::pin(audit::cmd_audit(audit::AuditArgs::for_demo(), demo_context)).await?;
    for slot in ABANDONED_SLOTS {
        let command = ShellCommand::new("pgtend slots drop").operand(slot).arg("--yes --allow-unproven --checkpoint");
        print_heading("First step", "Its owner was asked: nobody wants it any more.", &command.to_string())?;
        slots::cmd_slots(slots::SlotsArgs::for_demo_drop(slot, false), demo_context).await?;
    }
    drop_unused_indexes(demo_context).await?;
    let rewrite = "VACUUM (FULL, ANALYZE) shop.jobs;";
    print_heading(
        "The bloated table",
        "Nobody else is here, so it may be locked; else pg_repack would do it.",
        rewrite,
    )?;
    ScriptSession::open(&demo_context.conninfo()?)
        .await?
        .execute_script(rewrite)
        .await
        .context("cannot rewrite the table")?;
    ScriptSession::open(&demo_context.conninfo()?)
        .await?
        .execute_script("CHECKPOINT")
        .await
        .context("cannot make a checkpoint")?;
    print_heading("Measure again", "After the clean-up.", &audit_command)?;
    Box::pin(audit::cmd_audit(audit::AuditArgs::for_demo(), demo_context)).await?;
    let predicted = Box::pin(audit::predict_size_after_copy(&audit::AuditArgs::for_demo(), demo_context)).await?;

    print_heading("The move", "A copy of every block, into a second private cluster.", "# stop, copy, start")?;
    let folder = cluster.socket_dir().with_extension("moved");
    let copied_cluster = copy_cluster(cluster, options, &folder);
    // Only the copy of the copy is needed from here on.
    std::fs::remove_dir_all(&folder).ok();
    let copied_cluster = copied_cluster?;
    let journal = tempfile::tempdir().context("cannot make a folder for the journal")?;
    let copy_context =
        demo_context.for_throwaway_cluster(copied_cluster.conninfo(), &journal.path().join("history.db"));
    let facts = FactGroups::new(&[FactGroup::Databases, FactGroup::Tablespaces, FactGroup::Wal]);
    let snapshot = Box::pin(copy_context.collect_snapshot(Scope { facts, ..copy_context.scope() })).await?;
    let databases =
        snapshot.databases.known().map(|databases| databases.iter().filter_map(|database| database.bytes).sum::<u64>());
    let wal = snapshot.wal_directory.known().map(|wal_directory| wal_directory.directory_bytes);
    let shared = snapshot
        .tablespaces
        .known()
        .and_then(|tablespaces| tablespaces.iter().find(|tablespace| tablespace.tablespace == "pg_global")?.bytes);
    let measured = databases.zip(wal).zip(shared).map(|((databases, wal), shared)| databases + wal + shared);
    match (predicted, measured) {
        (Some(predicted), Some(measured)) => ui.print_text(&format!(
            "Predicted to arrive: {} (between {} and {}). Arrived: {}, {:+.1} %.\n",
            human_bytes(predicted.bytes),
            human_bytes(predicted.low_bytes),
            human_bytes(predicted.high_bytes),
            human_bytes(measured),
            (predicted.bytes as f64 / measured.max(1) as f64 - 1.0) * 100.0
        )),
        _ => ui.print_text("What arrived could not be measured.\n"),
    }
}

/// The written migrations, run one by one as psql would: each is one statement that no transaction may surround.
async fn drop_unused_indexes(demo_context: &Context) -> Result<(), Failure> {
    let ui = &demo_context.ui;
    let folder = tempfile::tempdir().context("cannot make a folder for migrations")?;
    let path = folder.path();
    let migrate = ShellCommand::new("pgtend indexes migrate --framework sql")
        .option("--output", &path.to_string_lossy())
        .arg("--yes --min-observation 0");
    ui.print_text(&format!(
        "\n── The indexes nobody asks ──\nAs migrations, with the way back beside each.\n$ {migrate}\n\n"
    ))?;
    Box::pin(indexes::cmd_indexes(indexes::IndexesArgs::for_demo_migrate(path.to_owned()), demo_context)).await?;
    let files = std::fs::read_dir(path).context("cannot list the migrations")?;
    let mut files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".up.sql"));
    files.sort();
    ui.print_text(&format!("\n$ for file in *.up.sql; do psql -f \"$file\"; done   # {} of them\n", files.len()))?;
    let writer = ScriptSession::open(&demo_context.conninfo()?).await?;
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        // The header's comments, and what is for psql alone.
        let own = |line: &&str| !line.starts_with('\\') && !line.starts_with("--");
        let statement: Vec<&str> = text.lines().filter(own).collect();
        writer.execute_script(&statement.join("\n")).await.with_context(|| format!("cannot run {}", file.display()))?;
    }
    let verify = ShellCommand::new("pgtend indexes verify").path(&path.to_string_lossy());
    ui.print_text(&format!("\n$ {verify}\n\n"))?;
    Box::pin(indexes::cmd_indexes(indexes::IndexesArgs::for_demo_verify(path.to_owned()), demo_context)).await?;
    Ok(())
}

fn copy_cluster(cluster: &mut Cluster, options: ClusterOptions, folder: &std::path::Path) -> Result<Cluster, Failure> {
    cluster.save_copy(folder).context("cannot copy the cluster")?;
    let options = ClusterOptions { origin: Some(folder.to_path_buf()), ..options };
    Ok(Cluster::start(cluster.installation(), options).context("cannot start the copy")?)
}
