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

/// The history that verdicts on slots need.
const SLOT_HISTORY: HistoryScope = HistoryScope { slots: true, ..HistoryScope::NONE };

/// The facts that verdicts on slots need.
const SLOT_FACTS: FactGroups = FactGroups::new(&[FactGroup::Slots]);

/// List replication slots: retained WAL, activity, probable owner, verdict
#[derive(Debug, Default, clap::Args)]
pub struct SlotsArgs {
    #[command(flatten)]
    list: SlotsListArgs,
    #[command(subcommand)]
    command: Option<SlotsCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum SlotsCommand {
    /// List replication slots: retained WAL, activity, probable owner, verdict (the default)
    List,
    /// Show the evidence on one slot, for a ticket: owner, reasons of the verdict, effect of a drop
    Why(SlotsWhyArgs),
    Drop(drop::SlotsDropArgs),
}

#[derive(Debug, Default, clap::Args)]
struct SlotsListArgs {
    #[command(flatten)]
    filter: SizeFilter,
    /// Sort order [default: retained]
    #[arg(long, global = true, value_enum)]
    sort: Option<SlotSort>,
}

impl SlotsListArgs {
    /// Refuses the flags of the list for another command; `own`: which of them follow the command's name.
    fn reject_in(&self, command: &str, own: [bool; 3]) -> Result<(), Failure> {
        let given = [
            ("--min-size", own[0] || self.filter.min_size.is_some()),
            ("--limit", own[1] || self.filter.length.limit.is_some()),
            ("--sort", own[2] || self.sort.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::new(ExitCode::Usage, format!("{flag} cannot be used with `{command}`"))),
            None => Ok(()),
        }
    }
}

/// The flags of the list are repeated here, hidden, so that the help does not show them; if given, they are refused.
#[derive(Debug, clap::Args)]
struct SlotsWhyArgs {
    /// Name of the slot
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
    Failure::new(ExitCode::Failed, format!("cannot read the replication slots: {}", why.reason))
        .with_hint(why.hint.as_ref())
}

/// Returns the failure for a name that no slot has; `names` are the existing slots.
fn slot_not_found(name: &str, names: &[&str]) -> Failure {
    let suggestions = nearest_names(name, names);
    let hint = match (suggestions.is_empty(), names.is_empty()) {
        (false, _) => format!("did you mean {}?", quoted_list(&suggestions, "or")),
        (true, false) => format!("existing slots: {}", quoted_list(&names[..names.len().min(20)], "and")),
        (true, true) => "the server has no replication slots".to_owned(),
    };
    Failure::new(ExitCode::Failed, format!("replication slot {name:?} does not exist")).with_hint(Some(hint))
}
