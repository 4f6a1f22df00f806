//! `pgtend check`.

mod notification;
mod selection;
mod target_check;

use crate::app::error::{Failure, server_required};
use crate::app::exit_code::ExitCode;
use crate::app::options::OutputFormat;
use crate::app::{Context, target_key_of, target_key_of_file, unless_interrupted};
use crate::cli::disk::DiskArgs;
use crate::collect::Scope;
use crate::facts::Snapshot;
use crate::history::Store;
use crate::report::{CheckReport, Envelope, FleetReport, TargetRun};
use crate::units::parse_duration;
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use selection::CheckSelection;
use std::{cell::RefCell, time::Duration};
use target_check::{CheckRun, CheckTarget, Source};

/// The nightly health check: what is wrong, the worst first, and what to do
///
/// Exit code: 0 nothing, 1 a warning, 2 critical, 3 something could not be told; the worst counts, and what is known is
/// never hidden by what is not. Each run is written to the history as by `history record`, so that the next one knows what
/// is new. `pgtend explain CHECK` says what a check means, how it is judged, and why its limits are what they are.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
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
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = parse_duration)]
    time_limit: Duration,
    /// Tell nobody; whoever should have been told is told the next time
    #[arg(long)]
    no_notify: bool,
    #[command(flatten)]
    disk: DiskArgs,
}

/// What judging, remembering and telling may take beside the looks, in seconds, before another run may take over.
const CLAIM_MARGIN_SECONDS: i64 = 300;

pub async fn cmd_check(args: CheckArgs, context: &Context) -> Result<ExitCode, Failure> {
    let selection = CheckSelection::from_args(&args)?;
    let config = context.config()?;
    if args.all_targets && (args.disk.disk_size.is_some() || args.disk.disk_free.is_some()) {
        let hint = "give each target its disk_size in the configuration";
        return Err(Failure::new(ExitCode::Usage, "--disk-size is of one disk, and --all-targets has many")
            .with_hint(Some(hint)));
    }
    let file = context.snapshot_file().transpose()?;
    if file.is_some() && args.all_targets {
        return Err(server_required("--all-targets"));
    }
    let address = if file.is_some() && !context.has_history_flag() { None } else { context.history_address()? };
    let (store, store_error) = match address {
        None => (None, None),
        Some(address) => match Store::open(&address).await {
            Ok(store) => {
                context.print_store_warnings(&store);
                (Some(store), None)
            }
            Err(error) => (None, Some(error)),
        },
    };
    let names: Vec<&str> = if args.all_targets { config.target_names().collect() } else { Vec::new() };
    let jobs = context.jobs().max(1);
    let rounds = i64::try_from(names.len().div_ceil(jobs).max(1)).unwrap_or(i64::MAX);
    let limit = i64::try_from(args.time_limit.as_secs()).unwrap_or(i64::MAX);
    let check_run = CheckRun {
        context,
        selection: &selection,
        config,
        store: store.as_ref(),
        store_error,
        concurrent_targets: names.len(),
        time_limit: args.time_limit,
        disk: args.disk,
        claim_duration: SignedDuration::from_secs(limit.saturating_mul(rounds).saturating_add(CLAIM_MARGIN_SECONDS)),
        claimed_until: RefCell::default(),
        servers: RefCell::default(),
        growth_by_cluster: RefCell::default(),
    };
    let work = async {
        match file {
            Some(snapshot) => check_one_target(&check_run, &args, file_target(snapshot)).await,
            None if args.all_targets => check_all_targets(&check_run, &args, &names, jobs).await,
            None => check_one_target(&check_run, &args, server_target(&check_run)?).await,
        }
    };
    let result = unless_interrupted(Box::pin(work), check_run.release_all()).await;
    if let Some(store) = store {
        store.close().await;
    }
    result
}

/// What one of so many looks asks. With other databases to read it has all connections, as those of one server take
/// turns; else it shares them with the others.
fn check_scope(requested: Scope, concurrent_targets: usize) -> Scope {
    let requested = if requested.database_selection.may_select_several() {
        requested
    } else {
        requested.share_for(concurrent_targets)
    };
    Scope::nightly().with_options_of(&requested)
}

/// The server that was named.
fn server_target(check_run: &CheckRun<'_>) -> Result<CheckTarget, Failure> {
    let context = check_run.context;
    let target = context.target().map(str::to_owned);
    let named = match (&target, context.database_of_target()?) {
        (Some(target), Some(dbname)) => Some(format!("{target}/{dbname}")),
        _ => target.clone(),
    };
    let (target_key, source) = match context.conninfo() {
        Ok(conninfo) => (named.unwrap_or_else(|| target_key_of(&conninfo)), Ok(Source::Server(Box::new(conninfo)))),
        // A secret that cannot be fetched is the result of the run; a target that is not configured is a usage error.
        Err(failure) => match target.clone().filter(|name| check_run.config.has_target(name)) {
            Some(target) => (target, Err(failure)),
            None => return Err(failure),
        },
    };
    Ok(CheckTarget { target_key, target, source })
}

/// Checks a snapshot file. With `--history` it is evaluated with that history, recorded, and notified.
fn file_target(snapshot: Snapshot) -> CheckTarget {
    let target_key = target_key_of_file(&snapshot);
    CheckTarget { target_key, target: None, source: Ok(Source::File(Box::new(snapshot))) }
}

async fn check_one_target(
    check_run: &CheckRun<'_>,
    args: &CheckArgs,
    check_target: CheckTarget,
) -> Result<ExitCode, Failure> {
    let context = check_run.context;
    // A store that was named and cannot be used keeps nobody from being told.
    let has_history = check_run.store.is_some() || check_run.store_error.is_some();
    let is_wanted = !args.no_notify && (has_history || !context.reads_snapshot_file());
    let mut results = [context.ui.with_spinner("checking", Box::pin(check_run.check_target(check_target))).await];
    let notified = context
        .ui
        .with_spinner("telling what changed", Box::pin(check_run.notify_changes(&mut results, is_wanted)))
        .await;
    let [mut result] = results;
    result.envelope.report_mut().add_notified(notified);
    print_target_report(context, result.envelope)
}

/// Checks every target, several at once. Each keeps only the result of its run in memory.
async fn check_all_targets(
    check_run: &CheckRun<'_>,
    args: &CheckArgs,
    names: &[&str],
    jobs: usize,
) -> Result<ExitCode, Failure> {
    let context = check_run.context;
    if context.has_server_flag() {
        let message = "--all-targets takes the targets of the configuration: no server is named beside it";
        return Err(Failure::new(ExitCode::Usage, message));
    }
    if names.is_empty() {
        return Err(Failure::new(ExitCode::Usage, "the configuration has no targets")
            .with_hint(Some("add [target.NAME] with conninfo = \"…\"")));
    }
    context.note_working_directory(check_run.config, names);
    let checks = names.iter().map(|name| async move {
        let source = context.conninfo_of(check_run.config, name).map(|conninfo| Source::Server(Box::new(conninfo)));
        let check_target = CheckTarget { target_key: (*name).to_owned(), target: Some((*name).to_owned()), source };
        Box::pin(check_run.check_target(check_target)).await
    });
    let checks = stream::iter(checks).buffer_unordered(jobs).collect::<Vec<_>>();
    let mut results = context.ui.with_spinner("checking all targets", checks).await;
    let notified = context
        .ui
        .with_spinner("telling what changed", Box::pin(check_run.notify_changes(&mut results, !args.no_notify)))
        .await;
    let target_states = results.into_iter().map(|result| TargetRun::new(result.target_key, result.envelope)).collect();
    let report = FleetReport::new(target_states, notified);
    match context.format() {
        OutputFormat::Nagios => context.ui.print_text(&report.nagios())?,
        OutputFormat::Prometheus => context.ui.print_text(&report.prometheus())?,
        OutputFormat::Json => context.ui.print_json(&report)?,
        OutputFormat::Csv => context.ui.print_document(&report.findings_document())?,
        OutputFormat::Table | OutputFormat::Markdown | OutputFormat::Html => {
            context.ui.print_document(&report.document())?
        }
    }
    Ok(ExitCode::Checked(report.status))
}

fn print_target_report(context: &Context, envelope: Envelope<CheckReport>) -> Result<ExitCode, Failure> {
    let report = envelope.report();
    match context.format() {
        OutputFormat::Nagios => context.ui.print_text(&report.nagios())?,
        OutputFormat::Prometheus => context.ui.print_text(&report.prometheus())?,
        OutputFormat::Csv => context.ui.print_document(&report.findings_document())?,
        OutputFormat::Table | OutputFormat::Markdown | OutputFormat::Html | OutputFormat::Json => {
            context.ui.print_report(&envelope)?
        }
    }
    Ok(ExitCode::Checked(report.status))
}
