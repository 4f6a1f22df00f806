//! `pgtend indexes`.

use super::filter::{BloatArgs, RelationFilter, SizeFilter, parse_window};
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    inspect::{BloatScope, Definitions, MOST_DEFINITIONS, Scope},
    judge::index::judgement,
    model::{IndexJudgement, IndexLimits, parse_bytes},
    report::{Gaps, IndexSort, IndexesReport},
};

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
}

#[derive(Debug, Default, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: RelationFilter,
    #[command(flatten)]
    judging: JudgingArgs,
    /// What comes first
    #[arg(long, global = true, value_enum, default_value_t)]
    sort: IndexSort,
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
    fn limits(&self) -> IndexLimits {
        let usual = IndexLimits::default();
        IndexLimits {
            min_observation_seconds: self.min_observation.unwrap_or(usual.min_observation_seconds),
            min_reclaim_bytes: self.min_reclaim.unwrap_or(usual.min_reclaim_bytes),
            ..usual
        }
    }
}

impl Args {
    /// The largest indexes of one table, on a cluster so small that every page counts.
    pub fn of_table(table: &str, most: usize) -> Args {
        let table = glob::Pattern::new(&glob::Pattern::escape(table)).ok();
        let size = SizeFilter { limit: Some(most), ..SizeFilter::default() };
        let filter = RelationFilter { table, size, ..RelationFilter::default() };
        let judging = JudgingArgs { min_reclaim: Some(100 << 10), ..JudgingArgs::default() };
        Args { list: ListArgs { filter, judging, ..ListArgs::default() }, command: None }
    }
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let Args { list, command: None | Some(Command::List) } = args;
    let all_databases = context.all_databases();
    let view = list.filter.view(context.for_people());
    let bloat = BloatScope { indexes: true, ..list.bloat.scope(&view, context.reads_a_file())? };
    let scope = Scope {
        bloat,
        relations: true,
        judge: true,
        databases: all_databases,
        definitions: Definitions::Matching {
            schema: view.schema.clone(),
            table: view.table.clone(),
            most: MOST_DEFINITIONS,
        },
        ..context.scope()
    };
    let mut snapshot = Box::pin(context.look(scope)).await?;
    Box::pin(context.ask_replicas(&list.judging.replica, &mut snapshot)).await?;
    let limits = list.judging.limits();
    let judged: Vec<IndexJudgement> =
        snapshot.contents.iter().map(|contents| judgement(&snapshot, contents, &limits)).collect();
    let mut gaps = Gaps::default();
    let report = IndexesReport::of(&snapshot, &judged, all_databases, &view, list.sort, &mut gaps);
    context.show(&snapshot, report, gaps)
}
