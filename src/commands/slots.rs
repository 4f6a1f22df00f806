//! `pgtend slots`.

mod drop;

pub use drop::settle_what_is_open;

use super::{disk::DiskArgs, filter::SizeFilter};
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
    Drop(drop::Args),
}

#[derive(Debug, Default, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: SizeFilter,
    /// What comes first [default: retained]
    #[arg(long, global = true, value_enum)]
    sort: Option<SlotSort>,
}

impl ListArgs {
    /// Refuses the list's flags for a command that shows no list; `own` says which stand behind the command's name.
    fn refuse_in(&self, command: &str, own: [bool; 3]) -> Result<(), Failure> {
        let given = [
            ("--min-size", own[0] || self.filter.min_size.is_some()),
            ("--limit", own[1] || self.filter.length.limit.is_some()),
            ("--sort", own[2] || self.sort.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::new(ExitCode::Usage, format!("{flag} is for lists, not for `{command}`"))),
            None => Ok(()),
        }
    }
}

/// The list's own flags stand here too, hidden, so that its help does not show them; given, they are refused.
#[derive(Debug, clap::Args)]
struct WhyArgs {
    /// The slot
    name: String,
    #[command(flatten)]
    disk: DiskArgs,
    #[arg(long, hide = true)]
    min_size: Option<u64>,
    #[arg(long, hide = true)]
    limit: Option<usize>,
    #[arg(long, hide = true, value_enum)]
    sort: Option<SlotSort>,
}

impl Args {
    /// The drop of one slot by nobody's hand, proven or not, with a checkpoint; or only its plan.
    pub fn drop(name: &str, is_plan: bool) -> Args {
        Args { list: ListArgs::default(), command: Some(Command::Drop(drop::Args::of(name, is_plan))) }
    }

    /// The page of one slot.
    pub fn why(name: &str) -> Args {
        let why = WhyArgs { name: name.to_owned(), disk: DiskArgs::default(), min_size: None, limit: None, sort: None };
        Args { list: ListArgs::default(), command: Some(Command::Why(why)) }
    }
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    match args.command {
        None | Some(Command::List) => list(&args.list, context).await,
        Some(Command::Why(why)) => page(&args.list, &why, context).await,
        Some(Command::Drop(drop)) => drop::run(drop, &args.list, context).await,
    }
}

fn scope(context: &Context) -> Scope {
    Scope { slots: true, ..context.scope() }
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
    list.refuse_in("slots why", [why.min_size.is_some(), why.limit.is_some(), why.sort.is_some()])?;
    let sizes = why.disk.needs_sizes(context)?;
    let scope = Scope { wal: true, databases: sizes, storage: sizes, ..scope(context) };
    let mut snapshot = context.look(scope).await?;
    why.disk.tell(&mut snapshot, context)?;
    let memory = context.memory(&snapshot, Recall { wal: true, ..SLOTS }).await?;
    let limits = context.config()?.slot_limits();
    let evidence = Evidence { snapshot: &snapshot, memory: &memory, limits: &limits };
    let mut gaps = Gaps::default();
    match SlotPage::of(&evidence, &why.name, &mut gaps) {
        Some(page) => context.show(&snapshot, page, gaps),
        None => Err(no_such_slot(&why.name, snapshot.slots.as_result())),
    }
}

fn no_such_slot(name: &str, slots: Result<&Vec<Slot>, &Unavailable>) -> Failure {
    match slots {
        Ok(slots) => {
            let names: Vec<&str> = slots.iter().map(|slot| slot.slot_name.as_str()).collect();
            nobody_bears(name, &names)
        }
        Err(why) => unreadable(why),
    }
}

fn unreadable(why: &Unavailable) -> Failure {
    Failure::new(ExitCode::Failed, format!("the slots cannot be read: {}", why.reason)).with_hint(why.hint.as_ref())
}

/// No slot has that name; those that do are `names`.
fn nobody_bears(name: &str, names: &[&str]) -> Failure {
    let near = nearest(name, names);
    let hint = match (near.is_empty(), names.is_empty()) {
        (false, _) => format!("did you mean {}?", quoted(&near, "or")),
        (true, false) => format!("there are {}", quoted(&names[..names.len().min(20)], "and")),
        (true, true) => "there is none at all".to_owned(),
    };
    Failure::new(ExitCode::Failed, format!("there is no replication slot {name:?}")).with_hint(Some(hint))
}
