//! `pgtend indexes`.

use super::filter::{BloatArgs, RelationFilter, SizeFilter};
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    inspect::{BloatScope, Definitions, MOST_DEFINITIONS, Scope},
    report::{Gaps, IndexSort, IndexesReport},
};

/// Every index: size, scans, last scan, what it enforces
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    #[command(flatten)]
    list: ListArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every index: size, scans, last scan, what it enforces (the default)
    List,
}

#[derive(Debug, Default, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: RelationFilter,
    /// What comes first
    #[arg(long, global = true, value_enum, default_value_t)]
    sort: IndexSort,
    #[command(flatten)]
    bloat: BloatArgs,
}

impl Args {
    /// The largest indexes of one table.
    pub fn of_table(table: &str, most: usize) -> Args {
        let table = glob::Pattern::new(&glob::Pattern::escape(table)).ok();
        let size = SizeFilter { limit: Some(most), ..SizeFilter::default() };
        let filter = RelationFilter { table, size, ..RelationFilter::default() };
        Args { list: ListArgs { filter, ..ListArgs::default() }, command: None }
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
        databases: all_databases,
        definitions: Definitions::Matching {
            schema: view.schema.clone(),
            table: view.table.clone(),
            most: MOST_DEFINITIONS,
        },
        ..context.scope()
    };
    let snapshot = context.look(scope).await?;
    let mut gaps = Gaps::default();
    let report = IndexesReport::of(&snapshot, all_databases, &view, list.sort, &mut gaps);
    context.show(&snapshot, report, gaps)
}
