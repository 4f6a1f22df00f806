//! `pgtend demo --story downscale`: the audit, its clean-up, and the move to a smaller place, measured.

use super::super::{audit, indexes, slots};
use crate::{
    context::Context,
    error::Failure,
    inspect::Scope,
    model::ShellCommand,
    pg::Scribe,
    render::human_bytes,
    sandbox::{Cluster, ClusterOptions},
};
use anyhow::Context as _;
use std::path::PathBuf;

/// The slots that the disaster leaves behind.
const FORGOTTEN: [&str; 2] = ["debezium_orders_retired", "old_standby"];

/// Goes on where the disaster has been planted.
pub async fn tour(cluster: &mut Cluster, options: ClusterOptions, there: &Context) -> Result<(), Failure> {
    let ui = &there.ui;
    let scene = |title: &str, explanation: &str, command: &str| {
        ui.text(&format!("\n── {title} ──\n{explanation}\n$ {command}\n\n"))
    };
    let given = "--growth 0 --wal-per-hour 16MB --outage 1h --min-observation 0 --min-reclaim 64kB";
    let audit_command = ShellCommand::new("pgtend audit").arg(given).to_string();
    scene("How small may it be?", "Before the clean-up.", &audit_command)?;
    Box::pin(audit::run(audit::Args::of_the_demo(), there)).await?;
    for slot in FORGOTTEN {
        let command = ShellCommand::new("pgtend slots drop").operand(slot).arg("--yes --allow-unproven --checkpoint");
        scene("First step", "Its owner was asked: nobody wants it any more.", &command.to_string())?;
        slots::run(slots::Args::drop(slot, false), there).await?;
    }
    clean_indexes(there).await?;
    let rewrite = "VACUUM (FULL, ANALYZE) shop.jobs;";
    scene("The bloated table", "Nobody else is here, so it may be locked; else pg_repack would do it.", rewrite)?;
    Scribe::open(&there.conninfo()?).await?.run(rewrite).await.context("cannot rewrite the table")?;
    Scribe::open(&there.conninfo()?).await?.run("CHECKPOINT").await.context("cannot make a checkpoint")?;
    scene("Measure again", "After the clean-up.", &audit_command)?;
    Box::pin(audit::run(audit::Args::of_the_demo(), there)).await?;
    let predicted = Box::pin(audit::arrives(&audit::Args::of_the_demo(), there)).await?;

    scene("The move", "A copy of every block, into a second private cluster.", "# stop, copy, start")?;
    let folder = cluster.socket_dir().with_extension("moved");
    let moved = move_to(cluster, options, &folder);
    // Only the copy of the copy is needed from here on.
    std::fs::remove_dir_all(&folder).ok();
    let moved = moved?;
    let journal = tempfile::tempdir().context("cannot make a folder for the journal")?;
    let new = there.looking_at(moved.conninfo(), &journal.path().join("history.db"));
    let scope = Scope { databases: true, storage: true, tablespaces: true, slots: true, wal: true, ..new.scope() };
    let snapshot = Box::pin(new.look(scope)).await?;
    let databases = snapshot.databases.known().map(|all| all.iter().filter_map(|it| it.bytes).sum::<u64>());
    let wal = snapshot.wal_directory.known().map(|it| it.directory_bytes);
    let shared = snapshot.tablespaces.known().and_then(|all| all.iter().find(|it| it.tablespace == "pg_global")?.bytes);
    let measured = databases.zip(wal).zip(shared).map(|((databases, wal), shared)| databases + wal + shared);
    match (predicted, measured) {
        (Some(predicted), Some(measured)) => ui.text(&format!(
            "Predicted to arrive: {} (between {} and {}). Arrived: {}, {:+.1} %.\n",
            human_bytes(predicted.bytes),
            human_bytes(predicted.low_bytes),
            human_bytes(predicted.high_bytes),
            human_bytes(measured),
            (predicted.bytes as f64 / measured.max(1) as f64 - 1.0) * 100.0
        )),
        _ => ui.text("What arrived could not be measured.\n"),
    }
}

/// The written migrations, run one by one as psql would: each is one statement that no transaction may surround.
async fn clean_indexes(there: &Context) -> Result<(), Failure> {
    let ui = &there.ui;
    let folder = tempfile::tempdir().context("cannot make a folder for migrations")?;
    let path = folder.path();
    let migrate = ShellCommand::new("pgtend indexes migrate --framework sql")
        .option("--output", &path.to_string_lossy())
        .arg("--yes --min-observation 0");
    ui.text(&format!(
        "\n── The indexes nobody asks ──\nAs migrations, with the way back beside each.\n$ {migrate}\n\n"
    ))?;
    Box::pin(indexes::run(indexes::Args::migrate_into(path.to_owned()), there)).await?;
    let files = std::fs::read_dir(path).context("cannot list the migrations")?;
    let mut files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".up.sql"));
    files.sort();
    ui.text(&format!("\n$ for file in *.up.sql; do psql -f \"$file\"; done   # {} of them\n", files.len()))?;
    let scribe = Scribe::open(&there.conninfo()?).await?;
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        // The header's comments, and what is for psql alone.
        let own = |line: &&str| !line.starts_with('\\') && !line.starts_with("--");
        let statement: Vec<&str> = text.lines().filter(own).collect();
        scribe.run(&statement.join("\n")).await.with_context(|| format!("cannot run {}", file.display()))?;
    }
    let verify = ShellCommand::new("pgtend indexes verify").path(&path.to_string_lossy());
    ui.text(&format!("\n$ {verify}\n\n"))?;
    Box::pin(indexes::run(indexes::Args::verify(path.to_owned()), there)).await?;
    Ok(())
}

fn move_to(cluster: &mut Cluster, options: ClusterOptions, folder: &std::path::Path) -> Result<Cluster, Failure> {
    cluster.keep_in(folder).context("cannot copy the cluster")?;
    let options = ClusterOptions { origin: Some(folder.to_path_buf()), ..options };
    Ok(Cluster::start(cluster.installation(), options).context("cannot start the copy")?)
}
