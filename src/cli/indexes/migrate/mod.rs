//! `pgtend indexes migrate`.

mod consent;
mod destination;
mod maintenance;

use super::IndexesListArgs;
use crate::actions::Plan as _;
use crate::actions::index_migration::plan::{
    CleanupError, IndexCleanup, Selection, SelectionCriteria, SelectionError, select_indexes,
};
use crate::actions::index_migration::tools;
use crate::actions::index_migration::tools::{
    Framework, IndexMarker, Migration, find_index_declarations, format_index_marker,
};
use crate::analysis::index::{DropPlan, IndexFinding, IndexLimits, plan_drops};
use crate::app::error::Failure;
use crate::app::error::server_required;
use crate::app::exit_code::ExitCode;
use crate::app::{Context, interrupt};
use crate::collect::{Definitions, MAX_DEFINITIONS, Scope, read_index_ddl};
use crate::config::nearest::{nearest_names, quoted_list};
use crate::facts::history::HistoryView;
use crate::facts::{DatabaseSnapshot, Fact, FactGroup, FactGroups, IndexDdl, Snapshot};
use crate::history::HistoryScope;
use crate::postgres::Session;
use crate::quote::{ShellCommand, code_span};
use crate::report::{
    CleanupReport, Destination, Envelope, Gaps, IndexSort, Recreation, describe_index_reason, migration_header,
};
use clap::ValueEnum;
use std::path::PathBuf;

/// Write migrations that drop indexes, with a rollback per index
///
/// Selects the indexes with the verdict drop; indexes with the verdict review only by name. Prints the plan and asks
/// for confirmation. Writes files only and changes nothing on the server. Writes either all files or none, and
/// overwrites no existing file.
#[derive(Debug, Default, clap::Args)]
pub(super) struct IndexesMigrateArgs {
    /// Only these indexes, as schema.index or index; verdict drop or review
    #[arg(value_name = "INDEX")]
    names: Vec<String>,
    /// Only indexes with this finding; repeatable
    #[arg(long, value_enum, value_name = "FINDING", conflicts_with = "names")]
    finding: Vec<FindingArg>,
    /// Migration framework [default: detected from the working directory]
    #[arg(long, value_enum, value_name = "TOOL")]
    framework: Option<Framework>,
    /// Folder of the migrations [default: detected from the working directory]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write a psql script for this server instead of migrations: drop invalid indexes, rebuild bloated ones
    #[arg(long, conflicts_with_all = ["framework", "finding"])]
    maintenance: bool,
    /// Print the plan without writing files
    #[arg(long)]
    dry_run: bool,
    /// Write without confirmation
    #[arg(long)]
    yes: bool,
    #[arg(long, hide = true)]
    min_size: Option<u64>,
    #[arg(long, hide = true)]
    limit: Option<usize>,
    #[arg(long, hide = true)]
    all: bool,
    #[arg(long, hide = true, value_enum)]
    sort: Option<IndexSort>,
}

/// Findings on valid indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FindingArg {
    #[value(name = "duplicate-index")]
    Duplicate,
    #[value(name = "unused-index")]
    Unused,
    #[value(name = "redundant-index")]
    Redundant,
    #[value(name = "rarely-used-index")]
    RarelyUsed,
}

impl FindingArg {
    fn to_model(self) -> IndexFinding {
        match self {
            FindingArg::Duplicate => IndexFinding::DuplicateIndex,
            FindingArg::Unused => IndexFinding::UnusedIndex,
            FindingArg::Redundant => IndexFinding::RedundantIndex,
            FindingArg::RarelyUsed => IndexFinding::RarelyUsedIndex,
        }
    }
}

/// Facts of the database, and the drop plan made from them.
struct MigrationInput {
    snapshot: Snapshot,
    history: HistoryView,
    assessment: DropPlan,
    limits: IndexLimits,
}

impl MigrationInput {
    fn database_snapshot(&self) -> Result<&DatabaseSnapshot, Failure> {
        self.snapshot
            .database_snapshots
            .first()
            .ok_or_else(|| Failure::new(ExitCode::Failed, "the database was not read"))
    }
}

pub(super) async fn cmd_indexes_migrate(
    list: &IndexesListArgs,
    args: &IndexesMigrateArgs,
    context: &Context,
) -> Result<ExitCode, Failure> {
    reject_ignored_flags(list, args, context)?;
    let project = context.working_directory()?;
    if args.maintenance {
        return maintenance::cmd_indexes_maintenance(list, args, context).await;
    }
    // Problems of the folder are reported before a connection is made.
    let location = destination::choose_location(args.framework, args.output.as_deref(), &project)?;
    let folder = destination::read_migration_folder(&location)?;
    location.framework.migration_files(&folder, &[], context.now()).map_err(|error| write_failure(&error))?;

    let session = context.session().await?;
    let input = collect_input(list, context.scope(), &session, context).await?;
    let database_snapshot = input.database_snapshot()?;
    let selection = select_requested_indexes(list, args, &input)?;
    let index_ddl = load_index_ddl(&session, &selection.oids, context).await?;
    let verdicts = input.assessment.verdicts();
    let history = input.history.index_history(&database_snapshot.database);
    let cleanup = IndexCleanup::new(&input.snapshot, database_snapshot, history, verdicts, &selection.oids, &index_ddl);
    let cleanup = cleanup.map_err(|why| cleanup_failure(&why))?;

    let mentions = find_recreations(&cleanup, &project, &folder);
    let migrations = build_migrations(&cleanup, &mentions, location.framework, context);
    let files = location
        .framework
        .migration_files(&folder, &migrations, context.now())
        .map_err(|error| write_failure(&error))?;
    let mut gaps = Gaps::default();
    let destination = Destination {
        framework: location.framework.name(),
        source: args.framework.is_none().then(|| location.source.clone()),
        folder: location.folder.display().to_string(),
        files: files.iter().map(|file| file.path.display().to_string()).collect(),
        reviews: selection.reviews,
        invalid: selection.invalid,
    };
    let report = CleanupReport::new(&input.snapshot, &cleanup, destination, &mentions, &mut gaps);
    context.ui.with_stdout().print_report(&Envelope::new(&input.snapshot, report, gaps))?;
    if cleanup.removals.is_empty() || args.dry_run {
        return Ok(ExitCode::Success);
    }
    if let Some(advice) = location.framework.advice() {
        context.ui.note(advice);
    }
    let what = format!("Write {} into {}", consent::format_file_count(files.len()), location.folder.display());
    let consent = consent::ask_consent(&what, &input.snapshot, &session, args.yes, context).await?;
    let confirmed = cleanup.confirm(consent).map_err(|why| Failure::new(ExitCode::Refused, why))?;
    // The user may take long to answer, so every index is compared with the plan again.
    let now = load_index_ddl(&session, &confirmed.plan().oids(), context).await?;
    confirmed.plan().verify_unchanged(&now).map_err(|why| cleanup_failure(&why))?;
    let _whole = interrupt::guard_uninterruptible();
    let written = tools::write_migration_files(&confirmed, &location.folder, &files)
        .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    let verify = ShellCommand::new("pgtend indexes verify").path(&location.folder.to_string_lossy()).to_string();
    context.ui.note(&format!(
        "{} written; after running them, check the indexes with {}",
        consent::format_file_count(written.len()),
        code_span(&verify)
    ));
    Ok(ExitCode::Success)
}

/// Refuses options of the list that would be ignored: they are global, so the parser accepts them here.
fn reject_ignored_flags(list: &IndexesListArgs, args: &IndexesMigrateArgs, context: &Context) -> Result<(), Failure> {
    let given = [
        ("--min-size", args.min_size.is_some() || list.filter.size.min_size.is_some()),
        ("--limit", args.limit.is_some() || list.filter.size.length.limit.is_some()),
        ("--all", args.all || list.all),
        ("--sort", args.sort.is_some() || list.sort.is_some()),
    ];
    let usage = |message: String| Err(Failure::new(ExitCode::Usage, message));
    if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
        return usage(format!(
            "{flag} is an option of `indexes list`; select indexes by name or with --finding, --schema and --table"
        ));
    }
    if !args.names.is_empty() && (list.filter.schema.is_some() || list.filter.table.is_some()) {
        return usage("--schema and --table cannot be used with index names".to_owned());
    }
    if !args.maintenance && list.bloat.exact_bloat {
        return usage("--exact-bloat can only be used with --maintenance".to_owned());
    }
    if context.reads_snapshot_file() {
        return Err(server_required("indexes migrate"));
    }
    if context.all_databases() {
        return usage(
            "--all-databases cannot be used with `indexes migrate`: migrations are for one database".to_owned(),
        );
    }
    context.require_single_database("`indexes migrate`")
}

async fn collect_input(
    list: &IndexesListArgs,
    scope: Scope,
    session: &Session,
    context: &Context,
) -> Result<MigrationInput, Failure> {
    let definitions = Definitions::Matching {
        schema: list.filter.schema.clone(),
        table: list.filter.table.clone(),
        most: MAX_DEFINITIONS,
    };
    let facts = scope.facts | FactGroups::new(&[FactGroup::Relations, FactGroup::IndexFacts]);
    let scope = Scope { facts, definitions, ..scope };
    let mut snapshot = context.collect_in_session(session, &scope).await?;
    let replicas = context.replicas(&list.thresholds.replica)?;
    Box::pin(context.collect_replica_use(&replicas, &mut snapshot)).await?;
    let history = context.load_history(&snapshot, HistoryScope { indexes: true, ..HistoryScope::default() }).await?;
    let limits = list.thresholds.limits(context.config()?.index_limits());
    let database_snapshot = snapshot.database_snapshots.first();
    let database_snapshot =
        database_snapshot.ok_or_else(|| Failure::new(ExitCode::Failed, "the database was not read"))?;
    let assessment =
        plan_drops(&snapshot, database_snapshot, history.index_history(&database_snapshot.database), &limits);
    Ok(MigrationInput { snapshot, history, assessment, limits })
}

fn select_requested_indexes(
    list: &IndexesListArgs,
    args: &IndexesMigrateArgs,
    input: &MigrationInput,
) -> Result<Selection, Failure> {
    let criteria = SelectionCriteria {
        names: args.names.clone(),
        findings: args.finding.iter().map(|finding| finding.to_model()).collect(),
        schema: list.filter.schema.clone(),
        table: list.filter.table.clone(),
    };
    select_indexes(&input.assessment, input.database_snapshot()?, &criteria, describe_index_reason)
        .map_err(|why| selection_failure(&why, &input.assessment))
}

fn selection_failure(why: &SelectionError, assessment: &DropPlan) -> Failure {
    let exit = match why {
        SelectionError::Unknown(_) | SelectionError::Ambiguous(_) => ExitCode::Usage,
        SelectionError::Unreadable(_) => ExitCode::Failed,
        _ => ExitCode::Refused,
    };
    let hint = match why {
        SelectionError::Unknown(name) => {
            let names: Vec<&str> = assessment.verdicts().iter().map(|verdict| assessment.name(verdict.oid)).collect();
            let unqualified_names: Vec<&str> =
                names.iter().map(|name| name.split_once('.').map_or(*name, |(_, bare)| bare)).collect();
            let mut suggestions = nearest_names(name, &names);
            suggestions.extend(nearest_names(name, &unqualified_names));
            suggestions.truncate(3);
            (!suggestions.is_empty()).then(|| format!("did you mean {}?", quoted_list(&suggestions, "or")))
        }
        SelectionError::Kept { .. } => Some("`pgtend indexes --all` shows every index with its verdict".to_owned()),
        SelectionError::Unsound(_) => Some("leave at least one of the selected indexes out".to_owned()),
        _ => None,
    };
    Failure::new(exit, why.to_string()).with_hint(hint)
}

fn cleanup_failure(why: &CleanupError) -> Failure {
    let hint = match why {
        CleanupError::GoneOrLocked { .. } => Some("nothing was written; run the command again"),
        CleanupError::Changed { .. } => Some("nothing was written; run the command again"),
        CleanupError::Unwritable { .. } | CleanupError::ReplicaIdentity { .. } => {
            Some("nothing was written; to leave this index out, name the other indexes")
        }
    };
    Failure::new(ExitCode::Refused, why.to_string()).with_hint(hint)
}

fn write_failure(error: &tools::MigrationError) -> Failure {
    let exit = match error {
        tools::MigrationError::Unreadable(_) => ExitCode::Failed,
        _ => ExitCode::Refused,
    };
    Failure::new(exit, format!("{error}; nothing was written"))
}

/// Reads everything that is needed to create the indexes again.
async fn load_index_ddl(session: &Session, oids: &[u32], context: &Context) -> Result<Vec<IndexDdl>, Failure> {
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let work = Box::pin(async { Ok(read_index_ddl(session, oids).await?) });
    match context.run_cancellable(session, work).await? {
        Fact::Known(index_ddl) => Ok(index_ddl),
        Fact::Unavailable(why) => {
            Err(Failure::new(ExitCode::Failed, format!("the index definitions could not be read: {}", why.reason))
                .with_hint(why.hint))
        }
    }
}

/// Returns the declarations in the project that would create each index again.
fn find_recreations(
    cleanup: &IndexCleanup,
    project: &std::path::Path,
    folder: &tools::MigrationFolder,
) -> Vec<Vec<Recreation>> {
    let targets: Vec<(&str, &str, &[String])> = cleanup
        .removals
        .iter()
        .map(|removal| (removal.index.as_str(), removal.table.as_str(), removal.columns.as_slice()))
        .collect();
    let recreation = |mention: tools::IndexDeclaration| Recreation {
        location: format!("{}:{}", mention.path.display(), mention.line),
        by_column: mention.by_column,
    };
    let found = find_index_declarations(project, &folder.path, &targets);
    found.into_iter().map(|mentions| mentions.into_iter().map(recreation).collect()).collect()
}

fn build_migrations(
    cleanup: &IndexCleanup,
    mentions: &[Vec<Recreation>],
    framework: Framework,
    context: &Context,
) -> Vec<Migration> {
    let migration = |(removal, mentions): (&crate::actions::index_migration::plan::Removal, &Vec<Recreation>)| {
        let mut lines = migration_header(cleanup, removal, mentions, context.now());
        lines.extend(framework.advice().map(str::to_owned));
        let (schema, table, index) = (removal.schema.clone(), removal.table.clone(), removal.index.clone());
        lines.push(format_index_marker(&IndexMarker { schema, table, index }));
        Migration { index: removal.index.clone(), header: lines, up: removal.up.clone(), down: removal.down.clone() }
    };
    cleanup.removals.iter().zip(mentions).map(migration).collect()
}
