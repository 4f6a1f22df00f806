//! `pgtend demo --story downscale`: the audit, its clean-up, and the move to a smaller place, measured.

use super::super::{audit, slots};
use crate::{
    context::Context,
    error::Failure,
    inspect::Scope,
    render::human_bytes,
    sandbox::{Cluster, ClusterOptions},
};
use anyhow::Context as _;

/// The slots that the disaster leaves behind.
const FORGOTTEN: [&str; 2] = ["debezium_orders_retired", "old_standby"];

/// Goes on where the disaster has been planted.
pub async fn tour(cluster: &mut Cluster, options: ClusterOptions, there: &Context) -> Result<(), Failure> {
    let ui = &there.ui;
    let scene = |title: &str, explanation: &str, command: &str| {
        ui.text(&format!("\n── {title} ──\n{explanation}\n$ {command}\n\n"))
    };
    let given = "--growth 0 --wal-per-hour 16MB --outage 1h";
    scene("How small may it be?", "Before the clean-up.", &format!("pgtend audit {given}"))?;
    Box::pin(audit::run(audit::Args::of_the_demo(), there)).await?;
    for slot in FORGOTTEN {
        let command = format!("pgtend slots drop {slot} --yes --allow-unproven --checkpoint");
        scene("First step", "Its owner was asked: nobody wants it any more.", &command)?;
        slots::run(slots::Args::drop(slot, false), there).await?;
    }
    scene("Measure again", "After the clean-up.", &format!("pgtend audit {given}"))?;
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
            "Predicted to arrive: {} (between {} and {}), were the bloat rewritten first; here it moved along. Arrived: {}, \
             {:+.1} %.\n",
            human_bytes(predicted.bytes),
            human_bytes(predicted.low_bytes),
            human_bytes(predicted.high_bytes),
            human_bytes(measured),
            (predicted.bytes as f64 / measured.max(1) as f64 - 1.0) * 100.0
        )),
        _ => ui.text("What arrived could not be measured.\n"),
    }
}

fn move_to(cluster: &mut Cluster, options: ClusterOptions, folder: &std::path::Path) -> Result<Cluster, Failure> {
    cluster.keep_in(folder).context("cannot copy the cluster")?;
    let options = ClusterOptions { origin: Some(folder.to_path_buf()), ..options };
    Ok(Cluster::start(cluster.installation(), options).context("cannot start the copy")?)
}
