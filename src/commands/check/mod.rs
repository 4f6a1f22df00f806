//! `pgtend check`.

mod chosen;
mod tell;
mod watch;

use crate::{
    commands::{
        disk::DiskArgs,
        filter::{needs_a_server, parse_duration},
    },
    context::{Context, place_of, unless_interrupted},
    error::Failure,
    exit_code::ExitCode,
    history::Store,
    inspect::Scope,
    model::Snapshot,
    options::OutputFormat,
    report::{CheckReport, Envelope, FleetReport, TargetNight},
};
use chosen::Chosen;
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use std::{cell::RefCell, time::Duration};
use watch::{Look, Source, Watch};

/// The nightly health check: what is wrong, the worst first, and what to do
///
/// Exit code: 0 nothing, 1 a warning, 2 critical, 3 something could not be told; the worst counts, and what is known is
/// never hidden by what is not. Each run is written to the history as by `history record`, so that the next one knows what
/// is new. `pgtend explain CHECK` says what a check means, how it is judged, and why its limits are what they are.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these checks; may be given several times
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Not these checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    /// A check that must give an answer: if it cannot, that outranks every warning
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    require: Vec<String>,
    /// Let findings of hygiene set the exit code, too
    #[arg(long)]
    hygiene: bool,
    /// Every target of the configuration file, --jobs at once
    #[arg(long)]
    all_targets: bool,
    /// How long one target may take; one that takes longer is UNKNOWN and delays nobody
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = parse_duration)]
    time_limit: Duration,
    /// Tell nobody; whoever should have been told is told the next time
    #[arg(long)]
    no_notify: bool,
    #[command(flatten)]
    disk: DiskArgs,
}

/// What judging, remembering and telling may take beside the looks, in seconds, before another run may take over.
const AFTER_THE_LOOKS: i64 = 300;

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let chosen = Chosen::of(&args)?;
    let config = context.config()?;
    if args.all_targets && (args.disk.disk_size.is_some() || args.disk.disk_free.is_some()) {
        let hint = "give each target its disk_size in the configuration";
        return Err(Failure::new(ExitCode::Usage, "--disk-size is of one disk, and --all-targets has many")
            .with_hint(Some(hint)));
    }
    let file = context.snapshot_file().transpose()?;
    if file.is_some() && args.all_targets {
        return Err(needs_a_server("--all-targets"));
    }
    let address = if file.is_some() && !context.names_a_history() { None } else { context.history_address()? };
    let (store, store_error) = match address {
        None => (None, None),
        Some(address) => match Store::open(&address).await {
            Ok(store) => {
                context.warn_of_store(&store);
                (Some(store), None)
            }
            Err(error) => (None, Some(error)),
        },
    };
    let names: Vec<&str> = if args.all_targets { config.target_names().collect() } else { Vec::new() };
    let jobs = context.jobs().max(1);
    let rounds = i64::try_from(names.len().div_ceil(jobs).max(1)).unwrap_or(i64::MAX);
    let limit = i64::try_from(args.time_limit.as_secs()).unwrap_or(i64::MAX);
    let watch = Watch {
        context,
        chosen: &chosen,
        config,
        store: store.as_ref(),
        store_error,
        looks: names.len(),
        time_limit: args.time_limit,
        disk: args.disk,
        claim: SignedDuration::from_secs(limit.saturating_mul(rounds).saturating_add(AFTER_THE_LOOKS)),
        claimed: RefCell::default(),
        servers: RefCell::default(),
        growths: RefCell::default(),
    };
    let work = async {
        match file {
            Some(snapshot) => one(&watch, &args, of_file(snapshot)).await,
            None if args.all_targets => fleet(&watch, &args, &names, jobs).await,
            None => one(&watch, &args, of_server(&watch)?).await,
        }
    };
    let ended = unless_interrupted(Box::pin(work), watch.release()).await;
    if let Some(store) = store {
        store.close().await;
    }
    ended
}

/// What one of so many looks asks. With other databases to read it has all connections, as those of one server take
/// turns; else it shares them with the others.
fn scope(asked: Scope, looks: usize) -> Scope {
    let asked = if asked.reach.may_be_several() { asked } else { asked.part(looks) };
    Scope::nightly().as_asked(&asked)
}

/// The server that was named.
fn of_server(watch: &Watch<'_>) -> Result<Look, Failure> {
    let context = watch.context;
    let target = context.target().map(str::to_owned);
    let named = match (&target, context.database_of_target()?) {
        (Some(target), Some(dbname)) => Some(format!("{target}/{dbname}")),
        _ => target.clone(),
    };
    let (place, source) = match context.conninfo() {
        Ok(conninfo) => (named.unwrap_or_else(|| place_of(&conninfo)), Ok(Source::Server(Box::new(conninfo)))),
        // A secret that cannot be fetched is the night's answer; a target that is not there is a mistake.
        Err(failure) => match target.clone().filter(|name| watch.config.has_target(name)) {
            Some(target) => (target, Err(failure)),
            None => return Err(failure),
        },
    };
    Ok(Look { place, target, source })
}

/// A snapshot's night. With a history named it is judged by what that knows, recorded, and told of.
fn of_file(snapshot: Snapshot) -> Look {
    let identifier = snapshot.control.known().map(|control| control.system_identifier.as_str());
    let place = format!("cluster {}", identifier.unwrap_or("unknown"));
    Look { place, target: None, source: Ok(Source::File(Box::new(snapshot))) }
}

async fn one(watch: &Watch<'_>, args: &Args, look: Look) -> Result<ExitCode, Failure> {
    let context = watch.context;
    // A store that was named and cannot be used keeps nobody from being told.
    let is_remembered = watch.store.is_some() || watch.store_error.is_some();
    let is_wanted = !args.no_notify && (is_remembered || !context.reads_a_file());
    let mut seen = [context.ui.patiently("checking", Box::pin(watch.over(look))).await];
    let told = context.ui.patiently("telling what changed", Box::pin(watch.tell(&mut seen, is_wanted))).await;
    let [mut seen] = seen;
    seen.night.report_mut().add_notified(told);
    show_one(context, seen.night)
}

/// Every target, some at once; what each leaves in memory is its night alone.
async fn fleet(watch: &Watch<'_>, args: &Args, names: &[&str], jobs: usize) -> Result<ExitCode, Failure> {
    let context = watch.context;
    if context.names_a_server() {
        let message = "--all-targets takes the targets of the configuration: no server is named beside it";
        return Err(Failure::new(ExitCode::Usage, message));
    }
    if names.is_empty() {
        return Err(Failure::new(ExitCode::Usage, "the configuration has no targets")
            .with_hint(Some("add [target.NAME] with conninfo = \"…\"")));
    }
    context.note_working_directory(watch.config, names);
    let nights = names.iter().map(|name| async move {
        let source = context.conninfo_of(watch.config, name).map(|conninfo| Source::Server(Box::new(conninfo)));
        let look = Look { place: (*name).to_owned(), target: Some((*name).to_owned()), source };
        Box::pin(watch.over(look)).await
    });
    let nights = stream::iter(nights).buffer_unordered(jobs).collect::<Vec<_>>();
    let mut seen = context.ui.patiently("checking all targets", nights).await;
    let told = context.ui.patiently("telling what changed", Box::pin(watch.tell(&mut seen, !args.no_notify))).await;
    let nights = seen.into_iter().map(|one| TargetNight::new(one.place, one.night)).collect();
    let report = FleetReport::of(nights, told);
    match context.format() {
        OutputFormat::Nagios => context.ui.text(&report.nagios())?,
        OutputFormat::Prometheus => context.ui.text(&report.prometheus())?,
        OutputFormat::Json => context.ui.value(&report)?,
        OutputFormat::Csv => context.ui.document(&report.table())?,
        OutputFormat::Table | OutputFormat::Markdown | OutputFormat::Html => context.ui.document(&report.document())?,
    }
    Ok(ExitCode::Checked(report.status))
}

fn show_one(context: &Context, night: Envelope<CheckReport>) -> Result<ExitCode, Failure> {
    let report = night.report();
    match context.format() {
        OutputFormat::Nagios => context.ui.text(&report.nagios())?,
        OutputFormat::Prometheus => context.ui.text(&report.prometheus())?,
        OutputFormat::Csv => context.ui.document(&report.table())?,
        OutputFormat::Table | OutputFormat::Markdown | OutputFormat::Html | OutputFormat::Json => {
            context.ui.report(&night)?
        }
    }
    Ok(ExitCode::Checked(report.status))
}
