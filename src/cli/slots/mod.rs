//! `pgtend slots`.

mod drop;

pub use drop::recover_and_report;

use super::{disk::DiskArgs, filter::SizeFilter};
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::checks::ReportName;
use crate::collect::Scope;
use crate::config::nearest::{nearest_names, quoted_list};
use crate::facts::{FactGroup, FactGroups, Slot, Unavailable};
use crate::history::HistoryScope;
use crate::report::{Gaps, SlotDetailReport, SlotSort, SlotsReport};

/// What verdicts on slots want to be reminded of.
const SLOT_HISTORY: HistoryScope = HistoryScope { slots: true, ..HistoryScope::NONE };

/// The facts that verdicts on slots need.
const SLOT_FACTS: FactGroups = FactGroups::new(&[FactGroup::Slots]);

/// Every replication slot: what it holds, who probably owns it, whether anybody still uses it
#[derive(Debug, Default, clap::Args)]
pub struct SlotsArgs {
    #[command(flatten)]
    list: SlotsListArgs,
    #[command(subcommand)]
    command: Option<SlotsCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum SlotsCommand {
    /// Every replication slot: what it holds, who probably owns it, whether anybody still uses it (the default)
    List,
    /// One page of evidence on one slot, fit for a ticket: whose it is, why it is judged so, what a drop frees and costs
    Why(SlotsWhyArgs),
    Drop(drop::SlotsDropArgs),
}

#[derive(Debug, Default, clap::Args)]
struct SlotsListArgs {
    #[command(flatten)]
    filter: SizeFilter,
    /// What comes first [default: retained]
    #[arg(long, global = true, value_enum)]
    sort: Option<SlotSort>,
}

impl SlotsListArgs {
    /// Refuses the list's flags for a command that shows no list; `own` says which stand behind the command's name.
    fn reject_in(&self, command: &str, own: [bool; 3]) -> Result<(), Failure> {
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
struct SlotsWhyArgs {
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

#[cfg(feature = "demo")]
impl SlotsArgs {
    /// The drop of one slot by nobody's hand, proven or not, with a checkpoint; or only its plan.
    pub fn for_demo_drop(name: &str, is_plan: bool) -> SlotsArgs {
        SlotsArgs {
            list: SlotsListArgs::default(),
            command: Some(SlotsCommand::Drop(drop::SlotsDropArgs::for_demo(name, is_plan))),
        }
    }

    /// The page of one slot.
    pub fn for_demo_why(name: &str) -> SlotsArgs {
        let why =
            SlotsWhyArgs { name: name.to_owned(), disk: DiskArgs::default(), min_size: None, limit: None, sort: None };
        SlotsArgs { list: SlotsListArgs::default(), command: Some(SlotsCommand::Why(why)) }
    }
}

pub async fn cmd_slots(args: SlotsArgs, context: &Context) -> Result<ExitCode, Failure> {
    match args.command {
        None | Some(SlotsCommand::List) => cmd_slots_list(&args.list, context).await,
        Some(SlotsCommand::Why(why)) => cmd_slots_why(&args.list, &why, context).await,
        Some(SlotsCommand::Drop(drop)) => drop::cmd_slots_drop(drop, &args.list, context).await,
    }
}

async fn cmd_slots_list(list: &SlotsListArgs, context: &Context) -> Result<ExitCode, Failure> {
    let facts = SLOT_FACTS | ReportName::Slots.facts();
    let snapshot = context.collect_snapshot(Scope { facts, ..context.scope() }).await?;
    let mut gaps = Gaps::default();
    let history = context.load_history(&snapshot, SLOT_HISTORY).await?;
    let evidence = context.evidence(&snapshot, history)?;
    let assessment = context.assess(&evidence, ReportName::Slots)?;
    let view = list.filter.view(context.for_people());
    let report = SlotsReport::new(&evidence, &view, list.sort.unwrap_or_default(), &mut gaps);
    context.print_assessed_report(&snapshot, report, &assessment, gaps)
}

async fn cmd_slots_why(list: &SlotsListArgs, why: &SlotsWhyArgs, context: &Context) -> Result<ExitCode, Failure> {
    list.reject_in("slots why", [why.min_size.is_some(), why.limit.is_some(), why.sort.is_some()])?;
    let facts = SLOT_FACTS | FactGroups::new(&[FactGroup::Wal]) | why.disk.facts(context)?;
    let mut snapshot = context.collect_snapshot(Scope { facts, ..context.scope() }).await?;
    why.disk.apply(&mut snapshot, context)?;
    let history = context.load_history(&snapshot, HistoryScope { wal: true, ..SLOT_HISTORY }).await?;
    let evidence = context.evidence(&snapshot, history)?;
    let mut gaps = Gaps::default();
    match SlotDetailReport::find(&evidence, &why.name, &mut gaps) {
        Some(page) => context.print_report(&snapshot, page, gaps),
        None => Err(slot_lookup_failure(&why.name, snapshot.slots.as_result())),
    }
}

fn slot_lookup_failure(name: &str, slots: Result<&Vec<Slot>, &Unavailable>) -> Failure {
    match slots {
        Ok(slots) => {
            let names: Vec<&str> = slots.iter().map(|slot| slot.slot_name.as_str()).collect();
            slot_not_found(name, &names)
        }
        Err(why) => slots_unreadable(why),
    }
}

fn slots_unreadable(why: &Unavailable) -> Failure {
    Failure::new(ExitCode::Failed, format!("the slots cannot be read: {}", why.reason)).with_hint(why.hint.as_ref())
}

/// No slot has that name; those that do are `names`.
fn slot_not_found(name: &str, names: &[&str]) -> Failure {
    let suggestions = nearest_names(name, names);
    let hint = match (suggestions.is_empty(), names.is_empty()) {
        (false, _) => format!("did you mean {}?", quoted_list(&suggestions, "or")),
        (true, false) => format!("there are {}", quoted_list(&names[..names.len().min(20)], "and")),
        (true, true) => "there is none at all".to_owned(),
    };
    Failure::new(ExitCode::Failed, format!("there is no replication slot {name:?}")).with_hint(Some(hint))
}
