//! `pgtend slots drop`: shows a plan, asks for consent, executes. `actions::drop_slot` plans and executes.

use super::{SLOT_FACTS, SLOT_HISTORY, SlotsListArgs, slots_unreadable};
use crate::actions::drop_slot::plan::{ActionOutcomeKind, SlotDropOutcome, SlotDropPlanError, SlotDropRequest};
use crate::actions::drop_slot::{SlotDrops, SlotDropsResult, execute_slot_drops};
use crate::actions::{Consent, Journal, JournalRecord, Plan as _, recover_open_intents};
use crate::analysis::slot::{SlotEvidence, may_lose_logical_decoding};
use crate::app::error::Failure;
use crate::app::error::server_required;
use crate::app::exit_code::ExitCode;
use crate::app::{Context, unless_interrupted};
use crate::collect::Scope;
use crate::facts::history::JournalOutcomeKind;
use crate::facts::{FactGroup, FactGroups, Snapshot};
use crate::history::Store;
use crate::postgres::{Session, SessionError, WriteSession};
use crate::render;
use crate::report::{Envelope, Gaps, SlotDropReport};
use std::cell::Cell;

/// Drop replication slots; the dropping statement re-checks each slot's state
///
/// Prints the plan first: retained WAL, reclaimable WAL and when it is freed, and what the consumer loses. On a terminal,
/// asks for the name of each slot. From PostgreSQL 19 on, the plan also says what standbys lose with the last logical slot.
/// Never drops an active slot, another session's temporary slot, or a synced slot while
/// the server is in recovery.
#[derive(Debug, Default, clap::Args)]
pub struct SlotsDropArgs {
    /// Slots to drop
    #[arg(value_name = "NAME", required_unless_present = "stale", conflicts_with = "stale")]
    names: Vec<String>,
    /// All slots with the verdict stale, and lost slots that no consumer can resume
    #[arg(long)]
    stale: bool,
    /// Print the plan without dropping anything
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Drop without confirmation: only slots that are stale, lost or empty and that are named here or in
    /// `droppable` of the configuration
    #[arg(long)]
    yes: bool,
    /// With --yes: also slots that are not proven stale; the re-check still applies
    #[arg(long, requires = "yes")]
    allow_unproven: bool,
    /// Also managed slots, failover slots, and members of synchronized_standby_slots
    #[arg(long)]
    allow_managed: bool,
    /// With --stale or --yes: also the last valid logical slot of a primary with wal_level = replica (19 and later)
    /// although standbys may have logical slots, which are then invalidated
    #[arg(long)]
    allow_last_logical_slot: bool,
    /// Standby whose logical slots are read for this decision (19 and later); repeatable
    #[arg(long, value_name = "CONNINFO")]
    replica: Vec<String>,
    /// Run CHECKPOINT afterwards and report the freed WAL; it writes all dirty buffers at once
    #[arg(long)]
    checkpoint: bool,
    /// Do not write to the journal; print the record to stderr instead
    #[arg(long)]
    no_journal: bool,
    #[arg(long, hide = true)]
    min_size: Option<u64>,
    #[arg(long, hide = true)]
    limit: Option<usize>,
    #[arg(long, hide = true)]
    sort: Option<String>,
}

impl SlotsDropArgs {
    fn to_request(&self, droppable: Vec<String>) -> SlotDropRequest {
        SlotDropRequest {
            names: self.names.clone(),
            droppable,
            allow_managed: self.allow_managed,
            allow_unproven: self.allow_unproven,
            allow_last_logical_slot: self.allow_last_logical_slot,
            checkpoint: self.checkpoint,
        }
    }
}

pub async fn cmd_slots_drop(args: SlotsDropArgs, list: &SlotsListArgs, context: &Context) -> Result<ExitCode, Failure> {
    list.reject_in("slots drop", [args.min_size.is_some(), args.limit.is_some(), args.sort.is_some()])?;
    if context.reads_snapshot_file() {
        if !args.dry_run {
            return Err(server_required("slots drop without --dry-run"));
        }
        context.replicas(&args.replica)?;
        let snapshot = context.collect_snapshot(Scope { facts: SLOT_FACTS, ..context.scope() }).await?;
        let plan = plan_slot_drops(&args, &snapshot, context).await?;
        return print_plan(context, &snapshot, &plan, None, None);
    }
    // Before the connection to the server: without a journal, nothing is dropped.
    let store = match args.dry_run || args.no_journal {
        true => None,
        false => Some(open_journal(context).await?),
    };
    let session = context.session().await?;
    if let Some(store) = &store {
        recover_and_report(store, &session, context).await?;
    }
    let facts = SLOT_FACTS | FactGroups::new(&[FactGroup::Instance]);
    let mut snapshot = context.collect_in_session(&session, &Scope { facts, ..context.scope() }).await?;
    read_standbys(&args, &mut snapshot, context).await?;
    let endpoint = session.endpoint().to_string();
    let plan = plan_slot_drops(&args, &snapshot, context).await?;
    if args.dry_run || plan.drops.is_empty() {
        return print_plan(context, &snapshot, &plan, Some(&endpoint), None);
    }
    let consent = match ask_consent(&args, &snapshot, &plan, &endpoint, context).await {
        Ok(consent) => consent,
        Err(failure) => {
            print_plan(context, &snapshot, &plan, Some(&endpoint), None)?;
            return Err(failure);
        }
    };
    let confirmed = match plan.confirm(consent) {
        Ok(confirmed) => confirmed,
        Err(refused) => return print_plan(context, &snapshot, &refused, Some(&endpoint), None),
    };
    let plan = confirmed.plan().clone();
    // A refusal prints the plan; a failure does not.
    let unexecuted = |failure: Failure, endpoint: &str| {
        if failure.exit == ExitCode::Refused {
            print_plan(context, &snapshot, &plan, Some(endpoint), None)?;
        }
        Err(failure)
    };
    // A new connection to the same address: the first one may have been closed during the prompt.
    let write_session = match Box::pin(session.open_another()).await {
        Ok(session) => WriteSession::new(session),
        Err(error) => return unexecuted(reconnect_failure(error), &endpoint),
    };
    drop(session);
    let endpoint = write_session.session().endpoint().to_string();
    let print_record = |record: &JournalRecord| {
        context
            .ui
            .print_to_stderr(&format_record(record))
            .map_err(|error| format!("the record cannot be printed to stderr: {error}"))
    };
    let journal = match &store {
        Some(store) => Journal::Store(store),
        None => Journal::Printed(&print_record),
    };
    let stop = Cell::new(false);
    let (now, stopped) = (|| context.now(), || stop.get());
    let execution = execute_slot_drops(confirmed, &write_session, &journal, &now, &stopped);
    let result = context.run_to_completion(Box::pin(execution), &stop).await?;
    if let Some(store) = store {
        store.close().await;
    }
    let result = match result {
        Ok(done) => done,
        Err(error) => return unexecuted(error.into(), &endpoint),
    };
    print_plan(context, &snapshot, &plan, Some(&endpoint), Some(&result))
}

/// Reads the slots of the standbys if a drop may end logical decoding. Otherwise the standbys do not matter.
async fn read_standbys(args: &SlotsDropArgs, snapshot: &mut Snapshot, context: &Context) -> Result<(), Failure> {
    let replicas = context.replicas(&args.replica)?;
    if !may_lose_logical_decoding(snapshot) {
        return Ok(());
    }
    let databases = [snapshot.server.database.clone()];
    Box::pin(context.collect_replicas(&replicas, &databases, snapshot)).await
}

/// Returns the failure of the second connection: no answer, or a server that does not match `target_session_attrs`.
fn reconnect_failure(error: SessionError) -> Failure {
    let is_of_another_kind = matches!(&error, SessionError::Connect(error) if error.is_wrong_role());
    let mut failure = Failure::from(error);
    failure.message = format!("nothing was dropped: {}", failure.message);
    if is_of_another_kind {
        failure.exit = ExitCode::Refused;
    }
    failure
}

async fn plan_slot_drops(args: &SlotsDropArgs, snapshot: &Snapshot, context: &Context) -> Result<SlotDrops, Failure> {
    let history = context.load_history(snapshot, SLOT_HISTORY).await?;
    let config = context.config()?;
    let limits = config.slot_limits();
    let evidence = SlotEvidence { snapshot, history: &history, limits: &limits };
    SlotDrops::new(&evidence, &args.to_request(config.droppable_slots().to_vec())).map_err(|error| match error {
        SlotDropPlanError::Unreadable(why) => slots_unreadable(&why),
        // No similar name is suggested: the user could paste it and drop another slot.
        SlotDropPlanError::NoSuchSlot { name } => {
            Failure::new(ExitCode::Failed, format!("replication slot {name:?} does not exist"))
                .with_hint(Some("`pgtend slots` lists the slots"))
        }
        SlotDropPlanError::MissingPrivilege { role, hint } => {
            Failure::new(ExitCode::Failed, format!("role {role} lacks the privilege to drop replication slots"))
                .with_hint(Some(hint))
        }
        SlotDropPlanError::MissingCheckpointPrivilege { role, hint } => {
            let failure = Failure::new(ExitCode::Failed, format!("role {role} lacks the privilege to run CHECKPOINT"));
            failure.with_hint(Some(hint.unwrap_or_else(|| {
                "omit --checkpoint; before PostgreSQL 15, CHECKPOINT requires a superuser".to_owned()
            })))
        }
    })
}

/// Prints the plan to stderr, so that it is visible wherever stdout goes, and asks for confirmation.
async fn ask_consent(
    args: &SlotsDropArgs,
    snapshot: &Snapshot,
    plan: &SlotDrops,
    endpoint: &str,
    context: &Context,
) -> Result<Consent, Failure> {
    let has_a_reader = context.ui.is_interactive();
    if args.yes || has_a_reader {
        let mut gaps = Gaps::default();
        let report = SlotDropReport::new(plan, Some(endpoint), None, &mut gaps);
        let document = Envelope::new(snapshot, report, gaps).document();
        let plan = format!("{}\n", render::render_terminal(&document, context.ui.stderr_style()));
        context.ui.print_to_stderr(&plan).map_err(|error| {
            Failure::new(
                ExitCode::Refused,
                format!("nothing was dropped: the plan cannot be printed to stderr: {error}"),
            )
        })?;
    }
    if args.yes {
        return Ok(Consent::Unattended);
    }
    if !has_a_reader {
        return Err(Failure::new(ExitCode::Refused, "nothing was dropped: confirmation requires a terminal")
            .with_hint(Some("--yes drops named slots that are stale, lost or empty; --dry-run prints the plan")));
    }
    let mut typed = Vec::new();
    for name in plan.names() {
        let prompt = format!("To drop this slot, type the slot's name ({name}), or press Enter to skip it: ");
        let answer = unless_interrupted(async { Ok(context.ui.read_answer(&prompt).await) }, async {}).await;
        match answer.map_err(|_| Failure::new(ExitCode::Refused, "interrupted; nothing was dropped"))? {
            Some(answer) if answer == name => typed.push(answer),
            _ => {}
        }
    }
    Ok(Consent::Typed(typed))
}

async fn open_journal(context: &Context) -> Result<Store, Failure> {
    let refuse = |why: String| {
        Failure::new(ExitCode::Refused, format!("nothing was dropped: the journal cannot be written: {why}"))
            .with_hint(Some("specify another store with --history, or print the record instead with --no-journal"))
    };
    match context.history_address() {
        Ok(Some(address)) => {
            let store = Store::open(&address).await.map_err(|error| refuse(error.to_string()))?;
            context.print_store_warnings(&store);
            Ok(store)
        }
        Ok(None) => Err(refuse("--history, PGTEND_HISTORY or history.url is none".to_owned())),
        Err(failure) => Err(refuse(failure.message)),
    }
}

/// Recovers the open intents of earlier runs and prints their outcomes.
pub async fn recover_and_report(store: &Store, session: &Session, context: &Context) -> Result<(), Failure> {
    let now = || context.now();
    for settled in Box::pin(recover_open_intents(store, session, &now)).await? {
        let intent = &settled.entry.intent;
        let begun_at = intent.begun_at.strftime("%Y-%m-%d %H:%M:%SZ");
        let outcome = settled.outcome.map_or("still open", JournalOutcomeKind::name);
        let what = format!("{} of {} on {}, begun {begun_at}", intent.kind, intent.subject, intent.server);
        context.ui.warn(&format!("{what}, had no outcome; checked again: {outcome}: {}", settled.why));
    }
    Ok(())
}

fn format_record(record: &JournalRecord) -> String {
    let mut out = Vec::new();
    // Writing into a Vec does not fail.
    render::write_json(record, &mut out).ok();
    String::from_utf8_lossy(&out).into_owned()
}

fn print_plan(
    context: &Context,
    snapshot: &Snapshot,
    plan: &SlotDrops,
    endpoint: Option<&str>,
    result: Option<&SlotDropsResult>,
) -> Result<ExitCode, Failure> {
    let mut gaps = Gaps::default();
    let outcomes = result.map(|done| (&*done.outcomes, done.checkpoint.as_ref()));
    let report = SlotDropReport::new(plan, endpoint, outcomes, &mut gaps);
    let complete = context.print_report(snapshot, report, gaps)?;
    let exit = match result {
        None => exit_code_of_plan(plan),
        Some(done) => exit_code_of_drops(plan, &done.outcomes),
    };
    Ok(if exit == ExitCode::Success { complete } else { exit })
}

/// Returns the exit code of a plan that was not executed: refused if every slot was refused.
fn exit_code_of_plan(plan: &SlotDrops) -> ExitCode {
    if plan.drops.is_empty() && !plan.refused.is_empty() { ExitCode::Refused } else { ExitCode::Success }
}

fn exit_code_of_drops(plan: &SlotDrops, outcomes: &[SlotDropOutcome]) -> ExitCode {
    let any =
        |outcome: ActionOutcomeKind| outcomes.iter().any(|slot_drop_outcome| slot_drop_outcome.outcome == outcome);
    if any(ActionOutcomeKind::Failed) || any(ActionOutcomeKind::Unknown) || any(ActionOutcomeKind::NotTried) {
        return ExitCode::Failed;
    }
    if !any(ActionOutcomeKind::Done) {
        return ExitCode::Refused;
    }
    let unjournalled = outcomes.iter().any(|slot_drop_outcome| slot_drop_outcome.unjournalled.is_some());
    let is_complete = !any(ActionOutcomeKind::Refused) && plan.refused.is_empty() && !unjournalled;
    if is_complete { ExitCode::Success } else { ExitCode::Incomplete }
}
