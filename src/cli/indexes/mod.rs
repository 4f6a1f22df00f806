//! `pgtend indexes`.

mod migrate;
mod verify;

use super::filter::{BloatArgs, RelationFilter};
use crate::analysis::index::IndexLimits;
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::checks::ReportName;
use crate::collect::{Definitions, MAX_DEFINITIONS, Scope};
use crate::facts::{FactGroup, FactGroups};
use crate::history::HistoryScope;
use crate::report::{Gaps, IndexSort, IndexesReport, View};
use crate::units::{parse_bytes, parse_seconds};

/// List all indexes: size, scans, last scan, verdict and reasons
///
/// The verdict is keep, review or drop. All indexes with the verdict drop can be dropped together, or any subset of them:
/// every query in use and every constraint still has an index. `pgtend explain` describes each finding.
#[derive(Debug, Default, clap::Args)]
pub struct IndexesArgs {
    #[command(flatten)]
    list: IndexesListArgs,
    #[command(subcommand)]
    command: Option<IndexesCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum IndexesCommand {
    /// List all indexes: size, scans, last scan, verdict and reasons (the default)
    List,
    Migrate(Box<migrate::IndexesMigrateArgs>),
    Verify(Box<verify::IndexesVerifyArgs>),
}

#[derive(Debug, Default, clap::Args)]
struct IndexesListArgs {
    #[command(flatten)]
    filter: RelationFilter,
    #[command(flatten)]
    thresholds: IndexThresholdArgs,
    /// List kept indexes, too; implied by the filters, --sort and --limit, and by formats other than table
    #[arg(long, global = true)]
    all: bool,
    /// Sort order [default: gain]
    #[arg(long, global = true, value_enum)]
    sort: Option<IndexSort>,
    #[command(flatten)]
    bloat: BloatArgs,
}

impl IndexesListArgs {
    /// Whether options select what is shown, so that kept indexes are shown with the others.
    fn selects_kept(&self) -> bool {
        let RelationFilter { schema, table, size } = &self.filter;
        self.all
            || self.sort.is_some()
            || schema.is_some()
            || table.is_some()
            || size.min_size.is_some()
            || size.length.limit.is_some()
    }
}

/// Thresholds of the verdicts.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Evaluation")]
struct IndexThresholdArgs {
    /// Required observation of scan counters for a drop that depends on them; 0 for none [default: 95d]
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_seconds)]
    min_observation: Option<u64>,
    /// Minimum size of an index to drop [default: 1MB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_bytes)]
    min_reclaim: Option<u64>,
    /// Standby whose index scans are included; repeatable
    #[arg(long, global = true, value_name = "CONNINFO")]
    replica: Vec<String>,
}

impl IndexThresholdArgs {
    /// Returns the limits; flags override the configuration.
    fn limits(&self, defaults: IndexLimits) -> IndexLimits {
        IndexLimits {
            min_observation_seconds: self.min_observation.unwrap_or(defaults.min_observation_seconds),
            min_reclaim_bytes: self.min_reclaim.unwrap_or(defaults.min_reclaim_bytes),
            ..defaults
        }
    }
}

pub async fn cmd_indexes(args: IndexesArgs, context: &Context) -> Result<ExitCode, Failure> {
    match args.command {
        None | Some(IndexesCommand::List) => cmd_indexes_list(&args.list, context).await,
        Some(IndexesCommand::Migrate(migrate)) => {
            Box::pin(migrate::cmd_indexes_migrate(&args.list, &migrate, context)).await
        }
        Some(IndexesCommand::Verify(verify)) => verify::cmd_indexes_verify(&args.list, &verify, context).await,
    }
}

async fn cmd_indexes_list(list: &IndexesListArgs, context: &Context) -> Result<ExitCode, Failure> {
    let scope = context.scope_with_databases()?;
    let has_several_databases = scope.database_selection.may_select_several();
    let view = list.filter.view(context.for_people());
    let view = View { only_candidates: context.is_table() && !list.selects_kept(), ..view };
    let bloat = list.bloat.filter(&view, context.reads_snapshot_file())?;
    let own = FactGroups::new(&[FactGroup::Relations, FactGroup::IndexFacts, FactGroup::IndexBloat]);
    let scope = Scope {
        facts: own | ReportName::Indexes.facts(),
        bloat,
        definitions: Definitions::Matching {
            schema: view.schema.clone(),
            table: view.table.clone(),
            most: MAX_DEFINITIONS,
        },
        ..scope
    };
    let mut snapshot = Box::pin(context.collect_snapshot(scope)).await?;
    let replicas = context.replicas(&list.thresholds.replica)?;
    Box::pin(context.collect_replica_use(&replicas, &mut snapshot)).await?;
    let history = context.load_history(&snapshot, HistoryScope { indexes: true, ..HistoryScope::default() }).await?;
    let limits = list.thresholds.limits(context.config()?.index_limits());
    let evidence = context.evidence(&snapshot, history)?.with_index_limits(limits);
    let assessment = context.assess(&evidence, ReportName::Indexes)?;
    let mut gaps = Gaps::default();
    let sort = list.sort.unwrap_or_default();
    let verdicts = evidence.index_assessments();
    let history = &evidence.history;
    let report = IndexesReport::new(&snapshot, verdicts, history, has_several_databases, &view, sort, &mut gaps);
    let exit = context.print_assessed_report(&snapshot, report, &assessment, gaps);
    // The process ends here. Freeing the names of a hundred thousand indexes one by one takes noticeable time.
    std::mem::forget(evidence);
    std::mem::forget(snapshot);
    exit
}
