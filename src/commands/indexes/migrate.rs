//! `pgtend indexes migrate`.

mod consent;
mod destination;
mod maintenance;

use super::ListArgs;
use crate::{
    commands::filter::needs_a_server,
    config::nearest::{nearest, quoted},
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    frameworks::{self, Framework, Marked, Migration, marker, recreates},
    history::Recall,
    inspect::{BloatScope, Definitions, MOST_DEFINITIONS, Scope, read_particulars},
    interrupt,
    judge::index::{Plan as Judged, judge},
    model::{Contents, Fact, IndexFinding, IndexParticulars, ShellCommand, Snapshot, code_span, past::Memory},
    pg::Session,
    plan::{
        Plan as _,
        index_cleanup::{IndexCleanup, NotPlanned, NotSelected, Selection, Wanted, choose},
    },
    report::{CleanupReport, Destination, Envelope, Gaps, IndexSort, Recreation, header, words},
};
use clap::ValueEnum;
use std::path::PathBuf;

/// Writes the clean-up as migrations of your own framework: the way there and, for each index, the way back
///
/// Takes what is judged drop; by name also what is up for review. First it prints the plan and asks. It writes files,
/// and runs no statement on the server. All files are written or none, and none that is there is replaced.
#[derive(Debug, Default, clap::Args)]
pub(super) struct MigrateArgs {
    /// These indexes only, as schema.index or index; also such as are up for review
    #[arg(value_name = "INDEX")]
    names: Vec<String>,
    /// Only what was found as that; may be given several times
    #[arg(long, value_enum, value_name = "FINDING", conflicts_with = "names")]
    finding: Vec<Finding>,
    /// The migration tool [default: told by the working directory]
    #[arg(long, value_enum, value_name = "TOOL")]
    framework: Option<Framework>,
    /// The folder of migrations [default: told by the working directory]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Instead of migrations a script for psql, for this server alone: invalid leftovers go, bloated indexes are rebuilt
    #[arg(long, conflicts_with_all = ["framework", "finding"])]
    maintenance: bool,
    /// Print the plan and end
    #[arg(long)]
    dry_run: bool,
    /// Write without asking
    #[arg(long)]
    yes: bool,
    #[arg(long, hide = true)]
    min_size: Option<u64>,
    #[arg(long, hide = true)]
    limit: Option<usize>,
    #[arg(long, hide = true, value_enum)]
    sort: Option<IndexSort>,
}

impl MigrateArgs {
    /// Scripts for psql, agreed to beforehand.
    pub(super) fn into_folder(folder: PathBuf) -> MigrateArgs {
        MigrateArgs { framework: Some(Framework::Sql), output: Some(folder), yes: true, ..MigrateArgs::default() }
    }
}

/// What may be found of a valid index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Finding {
    #[value(name = "duplicate-index")]
    Duplicate,
    #[value(name = "unused-index")]
    Unused,
    #[value(name = "redundant-index")]
    Redundant,
    #[value(name = "rarely-used-index")]
    RarelyUsed,
}

impl Finding {
    fn model(self) -> IndexFinding {
        match self {
            Finding::Duplicate => IndexFinding::DuplicateIndex,
            Finding::Unused => IndexFinding::UnusedIndex,
            Finding::Redundant => IndexFinding::RedundantIndex,
            Finding::RarelyUsed => IndexFinding::RarelyUsedIndex,
        }
    }
}

/// What was read of the one database, and judged.
struct Look {
    snapshot: Snapshot,
    memory: Memory,
    judged: Judged,
}

impl Look {
    fn contents(&self) -> Result<&Contents, Failure> {
        self.snapshot.contents.first().ok_or_else(|| Failure::new(ExitCode::Failed, "the database was not read"))
    }
}

pub(super) async fn run(list: &ListArgs, args: &MigrateArgs, context: &Context) -> Result<ExitCode, Failure> {
    refuse_what_means_nothing(list, args, context)?;
    let project = context.working_directory()?;
    if args.maintenance {
        return maintenance::run(list, args, &project, context).await;
    }
    // Before the server is bothered.
    let place = destination::choose(args.framework, args.output.as_deref(), &project)?;
    let folder = destination::read(&place)?;
    place.framework.files(&folder, &[], context.now()).map_err(|error| refused(&error))?;

    let session = context.session().await?;
    let look = look(list, BloatScope::default(), &session, context).await?;
    let contents = look.contents()?;
    let selection = select(list, args, &look)?;
    let particulars = describe(&session, &selection.oids, context).await?;
    let verdicts = look.judged.verdicts();
    let past = look.memory.indexes_of(&contents.database);
    let cleanup = IndexCleanup::of(&look.snapshot, contents, past, verdicts, &selection.oids, &particulars);
    let cleanup = cleanup.map_err(|why| not_planned(&why))?;

    let mentions = mentions(&cleanup, &project, &folder);
    let migrations = migrations(&cleanup, &mentions, place.framework, context);
    let files = place.framework.files(&folder, &migrations, context.now()).map_err(|error| refused(&error))?;
    let mut gaps = Gaps::default();
    let destination = Destination {
        framework: place.framework.name(),
        told_by: args.framework.is_none().then(|| place.told_by.clone()),
        folder: place.folder.display().to_string(),
        files: files.iter().map(|file| file.path.display().to_string()).collect(),
        reviews: selection.reviews,
        invalid: selection.invalid,
    };
    let report = CleanupReport::of(&look.snapshot, &cleanup, destination, &mentions, &mut gaps);
    context.ui.to_stdout().report(&Envelope::new(&look.snapshot, report, gaps))?;
    if cleanup.removals.is_empty() || args.dry_run {
        return Ok(ExitCode::Done);
    }
    if let Some(advice) = place.framework.advice() {
        context.ui.note(advice);
    }
    let what = format!("Write {} into {}", consent::files(files.len()), place.folder.display());
    let consent = consent::ask(&what, &look.snapshot, &session, args.yes, context).await?;
    let confirmed = cleanup.confirm(consent).map_err(|why| Failure::new(ExitCode::Refused, why))?;
    // What was agreed to may be long ago: every index must still be the one that was described.
    let now = describe(&session, &confirmed.plan().oids(), context).await?;
    confirmed.plan().still_holds(&now).map_err(|why| not_planned(&why))?;
    let _whole = interrupt::whole();
    let written = frameworks::write(&confirmed, &place.folder, &files)
        .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    let verify = ShellCommand::new("pgtend indexes verify").path(&place.folder.to_string_lossy()).to_string();
    context.ui.note(&format!(
        "{} written; {} tells later what became of the indexes",
        consent::files(written.len()),
        code_span(&verify)
    ));
    Ok(ExitCode::Done)
}

/// The list's flags are known here, too, as they are global; what would be ignored is refused.
fn refuse_what_means_nothing(list: &ListArgs, args: &MigrateArgs, context: &Context) -> Result<(), Failure> {
    let given = [
        ("--min-size", args.min_size.is_some() || list.filter.size.min_size.is_some()),
        ("--limit", args.limit.is_some() || list.filter.size.length.limit.is_some()),
        ("--sort", args.sort.is_some() || list.sort.is_some()),
    ];
    let usage = |message: String| Err(Failure::new(ExitCode::Usage, message));
    if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
        return usage(format!("{flag} is for lists; name indexes, or choose by --finding, --schema and --table"));
    }
    if !args.names.is_empty() && (list.filter.schema.is_some() || list.filter.table.is_some()) {
        return usage("--schema and --table choose among what is judged drop; here the indexes are named".to_owned());
    }
    if !args.maintenance && list.bloat.exact_bloat {
        return usage("--exact-bloat is for --maintenance: bloat is no matter for a migration".to_owned());
    }
    if context.reads_a_file() {
        return Err(needs_a_server("indexes migrate"));
    }
    if context.all_databases() {
        return usage("migrations are for one database; leave --all-databases away".to_owned());
    }
    context.wants_one_database("`indexes migrate`")
}

async fn look(list: &ListArgs, bloat: BloatScope, session: &Session, context: &Context) -> Result<Look, Failure> {
    let definitions = Definitions::Matching {
        schema: list.filter.schema.clone(),
        table: list.filter.table.clone(),
        most: MOST_DEFINITIONS,
    };
    let scope = Scope { relations: true, judge: true, bloat, definitions, ..context.scope() };
    let mut snapshot = context.look_by(session, &scope).await?;
    let replicas = context.replicas(&list.judging.replica)?;
    Box::pin(context.ask_replicas(&replicas, &mut snapshot)).await?;
    let memory = context.memory(&snapshot, Recall { indexes: true, ..Recall::default() }).await?;
    let limits = list.judging.limits(context.config()?.index_limits());
    let contents = snapshot.contents.first();
    let contents = contents.ok_or_else(|| Failure::new(ExitCode::Failed, "the database was not read"))?;
    let judged = judge(&snapshot, contents, memory.indexes_of(&contents.database), &limits);
    Ok(Look { snapshot, memory, judged })
}

fn select(list: &ListArgs, args: &MigrateArgs, look: &Look) -> Result<Selection, Failure> {
    let wanted = Wanted {
        names: args.names.clone(),
        findings: args.finding.iter().map(|one| one.model()).collect(),
        schema: list.filter.schema.clone(),
        table: list.filter.table.clone(),
    };
    choose(&look.judged, look.contents()?, &wanted, words).map_err(|why| not_selected(&why, &look.judged))
}

fn not_selected(why: &NotSelected, judged: &Judged) -> Failure {
    let exit = match why {
        NotSelected::Unknown(_) | NotSelected::Ambiguous(_) => ExitCode::Usage,
        NotSelected::Unread(_) => ExitCode::Failed,
        _ => ExitCode::Refused,
    };
    let hint = match why {
        NotSelected::Unknown(name) => {
            let all: Vec<&str> = judged.verdicts().iter().map(|verdict| judged.name(verdict.oid)).collect();
            let bare: Vec<&str> = all.iter().map(|name| name.split_once('.').map_or(*name, |(_, bare)| bare)).collect();
            let mut near = nearest(name, &all);
            near.extend(nearest(name, &bare));
            near.truncate(3);
            (!near.is_empty()).then(|| format!("did you mean {}?", quoted(&near, "or")))
        }
        NotSelected::Kept { .. } => Some("`pgtend indexes` shows every index with its reasons".to_owned()),
        NotSelected::Unsound(_) => Some("take one of them less".to_owned()),
        _ => None,
    };
    Failure::new(exit, why.to_string()).with_hint(hint)
}

fn not_planned(why: &NotPlanned) -> Failure {
    let hint = match why {
        NotPlanned::GoneOrLocked { .. } => Some("nothing was written; look again in a moment"),
        NotPlanned::Changed { .. } => Some("nothing was written; look again"),
        NotPlanned::Unwritable { .. } | NotPlanned::ReplicaIdentity { .. } => {
            Some("nothing was written; name the other indexes to leave this one out")
        }
    };
    Failure::new(ExitCode::Refused, why.to_string()).with_hint(hint)
}

fn refused(error: &frameworks::NotWritable) -> Failure {
    let exit = match error {
        frameworks::NotWritable::Unreadable(_) => ExitCode::Failed,
        _ => ExitCode::Refused,
    };
    Failure::new(exit, format!("{error}; nothing was written"))
}

/// All that a faithful way back takes.
async fn describe(session: &Session, oids: &[u32], context: &Context) -> Result<Vec<IndexParticulars>, Failure> {
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let work = Box::pin(async { Ok(read_particulars(session, oids).await?) });
    match context.ask(session, work).await? {
        Fact::Known(particulars) => Ok(particulars),
        Fact::Unavailable(why) => {
            Err(Failure::new(ExitCode::Failed, format!("the definitions cannot be read: {}", why.reason))
                .with_hint(why.hint))
        }
    }
}

/// What in the project would bring each index back.
fn mentions(cleanup: &IndexCleanup, project: &std::path::Path, folder: &frameworks::Folder) -> Vec<Vec<Recreation>> {
    let wanted: Vec<(&str, &str, &[String])> = cleanup
        .removals
        .iter()
        .map(|removal| (removal.index.as_str(), removal.table.as_str(), removal.columns.as_slice()))
        .collect();
    let recreation = |mention: frameworks::Mention| Recreation {
        place: format!("{}:{}", mention.path.display(), mention.line),
        by_column: mention.by_column,
    };
    let found = recreates(project, &folder.path, &wanted);
    found.into_iter().map(|mentions| mentions.into_iter().map(recreation).collect()).collect()
}

fn migrations(
    cleanup: &IndexCleanup,
    mentions: &[Vec<Recreation>],
    framework: Framework,
    context: &Context,
) -> Vec<Migration> {
    let migration = |(removal, mentions): (&crate::plan::index_cleanup::Removal, &Vec<Recreation>)| {
        let mut lines = header(cleanup, removal, mentions, context.now());
        lines.extend(framework.advice().map(str::to_owned));
        let (schema, table, index) = (removal.schema.clone(), removal.table.clone(), removal.index.clone());
        lines.push(marker(&Marked { schema, table, index }));
        Migration { index: removal.index.clone(), header: lines, up: removal.up.clone(), down: removal.down.clone() }
    };
    cleanup.removals.iter().zip(mentions).map(migration).collect()
}
