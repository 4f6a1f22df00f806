//! `pgtend check`.

mod collection;
mod selection;

use crate::app::assessment::assess_snapshot;
use crate::app::error::{Failure, server_required};
use crate::app::exit_code::ExitCode;
use crate::app::options::OutputFormat;
use crate::app::{Context, target_key_of, target_key_of_file, unless_interrupted};
use crate::cli::disk::DiskArgs;
use crate::collect::DatabaseSelection;
use crate::config::Config;
use crate::facts::Snapshot;
use crate::facts::history::HistoryView;
use crate::history::Store;
use crate::monitor::{Monitor, TargetCheck, TargetError, TargetResult};
use crate::report::{CheckReport, Envelope, FleetReport, NotifiedLine, TargetRun};
use crate::units::parse_duration;
use collection::{Source, TargetCollector};
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use selection::CheckSelection;
use std::{cell::RefCell, time::Duration};

/// Run the health checks and print the findings, most severe first
///
/// Exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN: a check could not be evaluated. UNKNOWN masks WARNING only
/// with --require, and never CRITICAL. Each run records a sample in the history, as `history record` does; the next run
/// reports what has changed. `pgtend explain CHECK` describes a check, its evaluation and its thresholds.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Run only this check; repeatable, or a comma-separated list
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Skip this check; repeatable, or a comma-separated list
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    /// Require a result of this check: its UNKNOWN outranks WARNING; repeatable
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    require: Vec<String>,
    /// Let findings of class hygiene set the exit code
    #[arg(long)]
    hygiene: bool,
    /// Check every target of the configuration, --jobs of them concurrently
    #[arg(long)]
    all_targets: bool,
    /// Time limit per target; a target that exceeds it is UNKNOWN
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = parse_duration)]
    time_limit: Duration,
    /// Do not send notifications; the next run sends them
    #[arg(long)]
    no_notify: bool,
    #[command(flatten)]
    disk: DiskArgs,
}

/// Time for evaluating, saving and notifying, in seconds. It is added to the time limit; after both, another run may take
/// over a target.
const LEASE_MARGIN_SECONDS: i64 = 300;

/// State that all targets of one run share.
struct CheckRun<'a> {
    context: &'a Context,
    config: &'a Config,
    selection: &'a CheckSelection,
    collector: TargetCollector<'a>,
    monitor: Monitor<'a>,
}

/// A target with the source of its snapshot.
struct CheckTarget {
    /// The key of its findings in the store.
    target_key: String,
    /// Its name in the configuration.
    target: Option<String>,
    source: Result<Source, Failure>,
}

impl CheckRun<'_> {
    async fn check_target(&self, check_target: CheckTarget) -> TargetResult {
        let CheckTarget { target_key, target, source } = check_target;
        let target = target.as_deref();
        let database_selection = self.context.database_selection_of(self.config, target);
        let earlier_snapshots =
            |snapshot: &Snapshot| self.context.load_earlier_snapshots(snapshot).map_err(TargetError::from);
        let assess = |snapshot: &Snapshot, history: HistoryView| {
            let options = self.selection.summary_options(&self.config.silences, target);
            assess_snapshot(self.config, snapshot, history, |check| self.selection.includes(check.name), &options)
        };
        let check = TargetCheck {
            target_key,
            target,
            lists_databases: matches!(database_selection, DatabaseSelection::Listed(_)),
            collection: async { self.collector.collect(source, target).await.map_err(TargetError::from) },
            earlier_snapshots: &earlier_snapshots,
            assess: &assess,
        };
        let result = self.monitor.check_target(check).await;
        if result.is_leased_elsewhere() {
            let target_key = &result.target_key;
            let message =
                format!("another check of {target_key} is running; this run saves no state and sends no notifications");
            self.context.ui.warn(&message);
        }
        result
    }

    /// Notifies the recipients of the configuration, unless `is_wanted` is false, and saves the check states.
    async fn notify_changes(&self, results: &mut [TargetResult], is_wanted: bool) -> Vec<NotifiedLine> {
        let recipients = self.config.recipients(&self.context.environment);
        let notifying = Box::pin(self.monitor.notify_changes(results, recipients, is_wanted));
        self.context.ui.with_spinner("sending notifications", notifying).await
    }
}

pub async fn cmd_check(args: CheckArgs, context: &Context) -> Result<ExitCode, Failure> {
    let selection = CheckSelection::from_args(&args)?;
    let config = context.config()?;
    if args.all_targets && (args.disk.disk_size.is_some() || args.disk.disk_free.is_some()) {
        let hint = "set disk_size per target in the configuration";
        return Err(Failure::new(
            ExitCode::Usage,
            "--disk-size and --disk-free describe one disk; they cannot be combined with --all-targets",
        )
        .with_hint(Some(hint)));
    }
    let file = context.snapshot_file().transpose()?;
    if file.is_some() && args.all_targets {
        return Err(server_required("--all-targets"));
    }
    let address = if file.is_some() && !context.has_history_flag() { None } else { context.history_address()? };
    let store = match address {
        None => Ok(None),
        Some(address) => Store::open(&address).await.map(Some),
    };
    let (store, store_error) = match store {
        Ok(store) => (store, None),
        Err(error) => (None, Some(error)),
    };
    if let Some(store) = &store {
        context.print_store_warnings(store);
    }
    let names: Vec<&str> = if args.all_targets { config.target_names().collect() } else { Vec::new() };
    let jobs = context.jobs().max(1);
    let rounds = i64::try_from(names.len().div_ceil(jobs).max(1)).unwrap_or(i64::MAX);
    let limit = i64::try_from(args.time_limit.as_secs()).unwrap_or(i64::MAX);
    let lease_seconds = limit.saturating_mul(rounds).saturating_add(LEASE_MARGIN_SECONDS);
    let clock = || context.now();
    let usable_store = store_error.map_or(Ok(store.as_ref()), Err);
    let collector = TargetCollector {
        context,
        config,
        concurrent_targets: names.len(),
        time_limit: args.time_limit,
        disk: args.disk,
        servers: RefCell::default(),
    };
    let check_run = CheckRun {
        context,
        config,
        selection: &selection,
        collector,
        monitor: Monitor::new(usable_store, SignedDuration::from_secs(lease_seconds), &clock, args.hygiene),
    };
    let work = async {
        match file {
            Some(snapshot) => check_one_target(&check_run, &args, file_target(snapshot)).await,
            None if args.all_targets => check_all_targets(&check_run, &args, &names, jobs).await,
            None => check_one_target(&check_run, &args, server_target(&check_run)?).await,
        }
    };
    let result = unless_interrupted(Box::pin(work), check_run.monitor.release_all()).await;
    if let Some(store) = store {
        store.close().await;
    }
    result
}

/// Returns the target that the flags or the environment specify.
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

/// Returns the target of a snapshot file. With `--history` it is evaluated with that history, recorded, and notified.
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
    // Notifications are also sent if the configured store cannot be used.
    let has_history = check_run.monitor.has_history();
    let is_wanted = !args.no_notify && (has_history || !context.reads_snapshot_file());
    let mut results = [context.ui.with_spinner("checking", Box::pin(check_run.check_target(check_target))).await];
    let notified = check_run.notify_changes(&mut results, is_wanted).await;
    let [mut result] = results;
    result.envelope.report_mut().add_notified(notified);
    print_target_report(context, result.envelope)
}

/// Checks every target of the configuration, up to `jobs` concurrently.
async fn check_all_targets(
    check_run: &CheckRun<'_>,
    args: &CheckArgs,
    names: &[&str],
    jobs: usize,
) -> Result<ExitCode, Failure> {
    let context = check_run.context;
    if context.has_server_flag() {
        let message =
            "--all-targets checks the targets of the configuration; it cannot be combined with connection options";
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
    let notified = check_run.notify_changes(&mut results, !args.no_notify).await;
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
