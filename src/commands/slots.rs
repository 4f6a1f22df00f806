//! `pgtend slots`.

use super::filter::SizeFilter;
use crate::{
    config::nearest::{nearest, quoted},
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    history::Recall,
    inspect::Scope,
    judge::slot::Evidence,
    model::{Slot, Unavailable},
    report::{Gaps, SlotPage, SlotSort, SlotsReport},
};

/// What verdicts on slots want to be reminded of.
const SLOTS: Recall = Recall { slots: true, indexes: false, wal: false, growth: false };

/// Every replication slot: what it holds, who probably owns it, whether anybody still uses it
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    #[command(flatten)]
    list: ListArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every replication slot: what it holds, who probably owns it, whether anybody still uses it (the default)
    List,
    /// One page of evidence on one slot, fit for a ticket: whose it is, why it is judged so, what a drop frees and costs
    Why(WhyArgs),
}

#[derive(Debug, Default, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: SizeFilter,
    /// What comes first [default: retained]
    #[arg(long, global = true, value_enum)]
    sort: Option<SlotSort>,
}

/// The list's own flags stand here too, hidden, so that its help does not show them; given, they are refused.
#[derive(Debug, clap::Args)]
struct WhyArgs {
    /// The slot
    name: String,
    #[arg(long, hide = true)]
    min_size: Option<u64>,
    #[arg(long, hide = true)]
    limit: Option<usize>,
    #[arg(long, hide = true, value_enum)]
    sort: Option<SlotSort>,
}

impl Args {
    /// The page of one slot.
    pub fn why(name: &str) -> Args {
        let why = WhyArgs { name: name.to_owned(), min_size: None, limit: None, sort: None };
        Args { list: ListArgs::default(), command: Some(Command::Why(why)) }
    }
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    match args.command {
        None | Some(Command::List) => list(&args.list, context).await,
        Some(Command::Why(why)) => page(&args.list, &why, context).await,
    }
}

fn scope(context: &Context) -> Scope {
    Scope { slots: true, all_databases: false, ..context.scope() }
}

async fn list(list: &ListArgs, context: &Context) -> Result<ExitCode, Failure> {
    let snapshot = context.look(scope(context)).await?;
    let mut gaps = Gaps::default();
    let memory = context.memory(&snapshot, SLOTS).await?;
    let limits = context.config()?.slot_limits();
    let evidence = Evidence { snapshot: &snapshot, memory: &memory, limits: &limits };
    let view = list.filter.view(context.for_people());
    let report = SlotsReport::of(&evidence, &view, list.sort.unwrap_or_default(), &mut gaps);
    context.show(&snapshot, report, gaps)
}

async fn page(list: &ListArgs, why: &WhyArgs, context: &Context) -> Result<ExitCode, Failure> {
    let given = [
        ("--min-size", why.min_size.is_some() || list.filter.min_size.is_some()),
        ("--limit", why.limit.is_some() || list.filter.limit.is_some()),
        ("--sort", why.sort.is_some() || list.sort.is_some()),
    ];
    if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
        return Err(Failure::new(ExitCode::Usage, format!("{flag} is for lists, and `slots why` shows one slot")));
    }
    let snapshot = context.look(scope(context)).await?;
    let memory = context.memory(&snapshot, SLOTS).await?;
    let limits = context.config()?.slot_limits();
    let evidence = Evidence { snapshot: &snapshot, memory: &memory, limits: &limits };
    let mut gaps = Gaps::default();
    match SlotPage::of(&evidence, &why.name, &mut gaps) {
        Some(page) => context.show(&snapshot, page, gaps),
        None => Err(no_such_slot(&why.name, snapshot.slots.as_result())),
    }
}

fn no_such_slot(name: &str, slots: Result<&Vec<Slot>, &Unavailable>) -> Failure {
    let slots = match slots {
        Ok(slots) => slots,
        Err(why) => {
            return Failure::new(ExitCode::Failed, format!("the slots cannot be read: {}", why.reason))
                .with_hint(why.hint.as_ref());
        }
    };
    let names: Vec<&str> = slots.iter().map(|slot| slot.slot_name.as_str()).collect();
    let near = nearest(name, &names);
    let hint = match (near.is_empty(), names.is_empty()) {
        (false, _) => format!("did you mean {}?", quoted(&near, "or")),
        (true, false) => format!("there are {}", quoted(&names[..names.len().min(20)], "and")),
        (true, true) => "there is none at all".to_owned(),
    };
    Failure::new(ExitCode::Failed, format!("there is no replication slot {name:?}")).with_hint(Some(hint))
}
