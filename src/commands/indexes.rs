//! `pgtend indexes`.

mod migrate;
mod verify;

use super::filter::{BloatArgs, ListLength, RelationFilter, SizeFilter, parse_window};
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    history::Recall,
    inspect::{BloatScope, Definitions, MOST_DEFINITIONS, Scope},
    judge::index::judgement,
    model::{IndexJudgement, IndexLimits, parse_bytes},
    report::{Gaps, IndexSort, IndexesReport},
};
use std::path::PathBuf;

/// Every index: size, scans, last scan, what it enforces, whether it may go and why
///
/// The verdict is keep, review or drop. All drops may go together, or any of them: nothing in use and nothing enforced
/// loses its last index. `pgtend explain` has a page on each finding.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    #[command(flatten)]
    list: ListArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every index: size, scans, last scan, what it enforces, whether it may go and why (the default)
    List,
    Migrate(Box<migrate::MigrateArgs>),
    Verify(Box<verify::VerifyArgs>),
}

#[derive(Debug, Default, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: RelationFilter,
    #[command(flatten)]
    judging: JudgingArgs,
    /// What comes first [default: gain]
    #[arg(long, global = true, value_enum)]
    sort: Option<IndexSort>,
    #[command(flatten)]
    bloat: BloatArgs,
}

/// What a verdict wants.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Judging")]
struct JudgingArgs {
    /// How long scans must have been counted for a drop that rests on them, as in 95d; 0 waives it [default: 95d]
    #[arg(long, global = true, value_name = "TIME", value_parser = parse_window)]
    min_observation: Option<u64>,
    /// An index smaller than that is not worth dropping [default: 1MB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_bytes)]
    min_reclaim: Option<u64>,
    /// A standby whose scans count, too; repeat it for each
    #[arg(long, global = true, value_name = "CONNINFO")]
    replica: Vec<String>,
}

impl JudgingArgs {
    /// Flags win over the configuration.
    fn limits(&self, usual: IndexLimits) -> IndexLimits {
        IndexLimits {
            min_observation_seconds: self.min_observation.unwrap_or(usual.min_observation_seconds),
            min_reclaim_bytes: self.min_reclaim.unwrap_or(usual.min_reclaim_bytes),
            ..usual
        }
    }
}

/// On a cluster so small that every page counts.
pub const SMALLEST_OF_THE_DEMO: u64 = 64 << 10;

impl Args {
    /// The clean-up as scripts for psql, on a cluster of a minute's age.
    pub fn migrate_into(folder: PathBuf) -> Args {
        let (min_observation, min_reclaim) = (Some(0), Some(SMALLEST_OF_THE_DEMO));
        let judging = JudgingArgs { min_observation, min_reclaim, ..JudgingArgs::default() };
        let migrate = Command::Migrate(Box::new(migrate::MigrateArgs::into_folder(folder)));
        Args { list: ListArgs { judging, ..ListArgs::default() }, command: Some(migrate) }
    }

    /// What became of them.
    pub fn verify(folder: PathBuf) -> Args {
        let verify = Command::Verify(Box::new(verify::VerifyArgs::of(folder)));
        Args { list: ListArgs::default(), command: Some(verify) }
    }

    /// The largest indexes of one table, on a cluster so small that every page counts.
    pub fn of_table(table: &str, most: usize) -> Args {
        let table = glob::Pattern::new(&glob::Pattern::escape(table)).ok();
        let length = ListLength { limit: Some(most) };
        let size = SizeFilter { length, ..SizeFilter::default() };
        let filter = RelationFilter { table, size, ..RelationFilter::default() };
        let judging = JudgingArgs { min_reclaim: Some(100 << 10), ..JudgingArgs::default() };
        Args { list: ListArgs { filter, judging, ..ListArgs::default() }, command: None }
    }
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    match args.command {
        None | Some(Command::List) => list(&args.list, context).await,
        Some(Command::Migrate(migrate)) => Box::pin(migrate::run(&args.list, &migrate, context)).await,
        Some(Command::Verify(verify)) => verify::run(&args.list, &verify, context).await,
    }
}

async fn list(list: &ListArgs, context: &Context) -> Result<ExitCode, Failure> {
    let scope = context.reaching_scope()?;
    let several = scope.reach.may_be_several();
    let view = list.filter.view(context.for_people());
    let bloat = BloatScope { indexes: true, ..list.bloat.scope(&view, context.reads_a_file())? };
    let scope = Scope {
        bloat,
        relations: true,
        judge: true,
        databases: several,
        definitions: Definitions::Matching {
            schema: view.schema.clone(),
            table: view.table.clone(),
            most: MOST_DEFINITIONS,
        },
        ..scope
    };
    let mut snapshot = Box::pin(context.look(scope)).await?;
    let replicas = context.replicas(&list.judging.replica)?;
    Box::pin(context.ask_replicas(&replicas, &mut snapshot)).await?;
    let memory = context.memory(&snapshot, Recall { indexes: true, ..Recall::default() }).await?;
    let limits = list.judging.limits(context.config()?.index_limits());
    let judged: Vec<IndexJudgement> = snapshot
        .contents
        .iter()
        .map(|contents| judgement(&snapshot, contents, memory.indexes_of(&contents.database), &limits))
        .collect();
    let mut gaps = Gaps::default();
    let sort = list.sort.unwrap_or_default();
    let report = IndexesReport::of(&snapshot, &judged, &memory, several, &view, sort, &mut gaps);
    let exit = context.show(&snapshot, report, gaps);
    // The end of the program gives it all back at once; name by name a hundred thousand take their time.
    std::mem::forget((snapshot, judged));
    exit
}
