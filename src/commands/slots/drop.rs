//! `pgtend slots drop`: the conversation around a plan. What may be dropped is `plan`'s to say, how `act`'s.

use super::{ListArgs, SLOTS, scope, unreadable};
use crate::{
    act::{Done, Journal, Record, drop_slots, settle},
    commands::filter::needs_a_server,
    context::{Context, unless_interrupted},
    error::Failure,
    exit_code::ExitCode,
    history::Store,
    inspect::Scope,
    judge::slot::Evidence,
    model::{Snapshot, past::OutcomeKind},
    pg::{Hand, Session, SessionError},
    plan::{
        Consent, Plan as _, SlotDrops,
        slot_drop::{Asked, Ended, Ending, Impossible},
    },
    render,
    report::{Envelope, Gaps, SlotDropReport},
};
use std::cell::Cell;

/// Remove slots, each looked at again in the very statement that drops it
///
/// Prints the plan first: what each slot holds, what is freed and when, what is lost. On a terminal it asks for each
/// name to be typed. Never dropped: a slot in use, another session's temporary one, a standby's synced copy.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// The slots
    #[arg(value_name = "NAME", required_unless_present = "stale", conflicts_with = "stale")]
    names: Vec<String>,
    /// All that are proven to be forgotten, and lost ones that cannot come back to life
    #[arg(long)]
    stale: bool,
    /// Print the plan and end
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do not ask. Drops only slots that are stale, lost or empty and that you named, here or as droppable in the
    /// configuration
    #[arg(long)]
    yes: bool,
    /// With --yes: also slots that are not proven to be forgotten; they are still compared when they are dropped
    #[arg(long, requires = "yes")]
    allow_unproven: bool,
    /// Also slots that a program manages, failover slots, and those named in synchronized_standby_slots
    #[arg(long)]
    allow_managed: bool,
    /// Run a CHECKPOINT afterwards and tell what it freed; it writes everything that is dirty at once
    #[arg(long)]
    checkpoint: bool,
    /// Write no journal; print the record to stderr instead
    #[arg(long)]
    no_journal: bool,
    #[arg(long, hide = true)]
    min_size: Option<u64>,
    #[arg(long, hide = true)]
    limit: Option<usize>,
    #[arg(long, hide = true)]
    sort: Option<String>,
}

impl Args {
    /// One slot by nobody's hand, proven or not, with a checkpoint; or only its plan.
    pub fn of(name: &str, is_plan: bool) -> Args {
        let names = vec![name.to_owned()];
        let done = !is_plan;
        Args { names, dry_run: is_plan, yes: done, allow_unproven: done, checkpoint: true, ..Args::default() }
    }

    fn asked(&self, droppable: Vec<String>) -> Asked {
        Asked {
            names: self.names.clone(),
            droppable,
            allow_managed: self.allow_managed,
            allow_unproven: self.allow_unproven,
            checkpoint: self.checkpoint,
        }
    }
}

pub async fn run(args: Args, list: &ListArgs, context: &Context) -> Result<ExitCode, Failure> {
    list.refuse_in("slots drop", [args.min_size.is_some(), args.limit.is_some(), args.sort.is_some()])?;
    if context.reads_a_file() {
        if !args.dry_run {
            return Err(needs_a_server("slots drop without --dry-run"));
        }
        let snapshot = context.look(scope(context)).await?;
        let plan = plan(&args, &snapshot, context).await?;
        return show(context, &snapshot, &plan, None, None);
    }
    // Before the server is asked anything: without a journal nothing is done.
    let store = match args.dry_run || args.no_journal {
        true => None,
        false => Some(open_journal(context).await?),
    };
    let session = context.session().await?;
    if let Some(store) = &store {
        settle_what_is_open(store, &session, context).await?;
    }
    let snapshot = context.look_by(&session, &Scope { instance: true, ..scope(context) }).await?;
    let endpoint = session.endpoint().to_string();
    let plan = plan(&args, &snapshot, context).await?;
    if args.dry_run || plan.drops.is_empty() {
        return show(context, &snapshot, &plan, Some(&endpoint), None);
    }
    let consent = match consent(&args, &snapshot, &plan, &endpoint, context).await {
        Ok(consent) => consent,
        Err(failure) => {
            show(context, &snapshot, &plan, Some(&endpoint), None)?;
            return Err(failure);
        }
    };
    let confirmed = match plan.confirm(consent) {
        Ok(confirmed) => confirmed,
        Err(refused) => return show(context, &snapshot, &refused, Some(&endpoint), None),
    };
    let plan = confirmed.plan().clone();
    // As everywhere, a refusal shows the plan, and a failure does not.
    let unexecuted = |failure: Failure, endpoint: &str| {
        if failure.exit == ExitCode::Refused {
            show(context, &snapshot, &plan, Some(endpoint), None)?;
        }
        Err(failure)
    };
    // A new connection to the same address: the first one may have been closed during the prompt.
    let hand = match Box::pin(session.open_beside()).await {
        Ok(session) => Hand::of(session),
        Err(error) => return unexecuted(not_reached(error), &endpoint),
    };
    drop(session);
    let endpoint = hand.session().endpoint().to_string();
    let tell = |record: &Record| {
        context.ui.show(&line(record)).map_err(|error| format!("the record cannot be printed to stderr: {error}"))
    };
    let journal = match &store {
        Some(store) => Journal::Store(store),
        None => Journal::Told(&tell),
    };
    let stop = Cell::new(false);
    let (now, stopped) = (|| context.now(), || stop.get());
    let work = drop_slots(confirmed, &hand, &journal, &now, &stopped);
    let done = context.to_its_end(Box::pin(work), &stop).await?;
    if let Some(store) = store {
        store.close().await;
    }
    let done = match done {
        Ok(done) => done,
        Err(error) => return unexecuted(error.into(), &endpoint),
    };
    show(context, &snapshot, &plan, Some(&endpoint), Some(&done))
}

/// The planned address does not answer, or what answers there is of another kind than `target_session_attrs` asks for.
fn not_reached(error: SessionError) -> Failure {
    let is_of_another_kind = matches!(&error, SessionError::Connect(error) if error.is_wrong_role());
    let mut failure = Failure::from(error);
    failure.message = format!("nothing was dropped: {}", failure.message);
    if is_of_another_kind {
        failure.exit = ExitCode::Refused;
    }
    failure
}

async fn plan(args: &Args, snapshot: &Snapshot, context: &Context) -> Result<SlotDrops, Failure> {
    let memory = context.memory(snapshot, SLOTS).await?;
    let config = context.config()?;
    let limits = config.slot_limits();
    let evidence = Evidence { snapshot, memory: &memory, limits: &limits };
    SlotDrops::of(&evidence, &args.asked(config.droppable_slots().to_vec())).map_err(|impossible| match impossible {
        Impossible::Unreadable(why) => unreadable(&why),
        // No other name is suggested: it would be pasted as a drop.
        Impossible::NoSuchSlot { name } => {
            Failure::new(ExitCode::Failed, format!("there is no replication slot {name:?}"))
                .with_hint(Some("`pgtend slots` lists the slots"))
        }
        Impossible::NoRight { role, hint } => {
            Failure::new(ExitCode::Failed, format!("role {role} may not drop replication slots")).with_hint(Some(hint))
        }
        Impossible::NoRightToCheckpoint { role, hint } => {
            let failure = Failure::new(ExitCode::Failed, format!("role {role} may not run CHECKPOINT"));
            failure
                .with_hint(Some(hint.unwrap_or_else(|| "leave --checkpoint out; before 15 superusers only".to_owned())))
        }
    })
}

/// Shows the plan where it is seen, whatever becomes of stdout, and asks.
async fn consent(
    args: &Args,
    snapshot: &Snapshot,
    plan: &SlotDrops,
    endpoint: &str,
    context: &Context,
) -> Result<Consent, Failure> {
    let has_a_reader = context.ui.has_a_reader();
    if args.yes || has_a_reader {
        let mut gaps = Gaps::default();
        let report = SlotDropReport::of(plan, Some(endpoint), None, &mut gaps);
        let document = Envelope::new(snapshot, report, gaps).document();
        let plan = format!("{}\n", render::terminal(&document, context.ui.style_of_stderr()));
        context.ui.show(&plan).map_err(|error| {
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
        return Err(Failure::new(ExitCode::Refused, "nothing was dropped: there is no terminal to ask on")
            .with_hint(Some("--yes drops what is proven and named; --dry-run prints the plan")));
    }
    let mut typed = Vec::new();
    for name in plan.names() {
        let prompt = format!("To drop it, type the slot's name ({name}), or Enter to leave it: ");
        let answer = unless_interrupted(async { Ok(context.ui.ask(&prompt).await) }, async {}).await;
        match answer.map_err(|_| Failure::new(ExitCode::Refused, "interrupted; nothing was dropped"))? {
            Some(answer) if answer == name => typed.push(answer),
            _ => {}
        }
    }
    Ok(Consent::Typed(typed))
}

async fn open_journal(context: &Context) -> Result<Store, Failure> {
    let refuse = |why: String| {
        Failure::new(ExitCode::Refused, format!("nothing was dropped: there is no journal to write it to: {why}"))
            .with_hint(Some("--history names another store; --no-journal prints the record instead"))
    };
    match context.history_address() {
        Ok(Some(address)) => {
            let store = Store::open(&address).await.map_err(|error| refuse(error.to_string()))?;
            context.warn_of_store(&store);
            Ok(store)
        }
        Ok(None) => Err(refuse("--history or PGTEND_HISTORY says none".to_owned())),
        Err(failure) => Err(refuse(failure.message)),
    }
}

/// What an earlier run began and did not see the end of.
pub async fn settle_what_is_open(store: &Store, session: &Session, context: &Context) -> Result<(), Failure> {
    let now = || context.now();
    for settled in Box::pin(settle(store, session, &now)).await? {
        let intent = &settled.deed.intent;
        let begun_at = intent.begun_at.strftime("%Y-%m-%d %H:%M:%SZ");
        let outcome = settled.outcome.map_or("it stays open", OutcomeKind::name);
        let what = format!("{} of {} on {}, begun {begun_at}", intent.kind, intent.subject, intent.server);
        context.ui.warn(&format!("{what}, had no outcome; looked again: {outcome}: {}", settled.why));
    }
    Ok(())
}

fn line(record: &Record) -> String {
    let mut out = Vec::new();
    // A vector takes whatever is written to it.
    render::json(record, &mut out).ok();
    String::from_utf8_lossy(&out).into_owned()
}

fn show(
    context: &Context,
    snapshot: &Snapshot,
    plan: &SlotDrops,
    endpoint: Option<&str>,
    done: Option<&Done>,
) -> Result<ExitCode, Failure> {
    let mut gaps = Gaps::default();
    let came = done.map(|done| (&*done.ended, done.checkpoint.as_ref()));
    let report = SlotDropReport::of(plan, endpoint, came, &mut gaps);
    let complete = context.show(snapshot, report, gaps)?;
    let exit = match done {
        None => exit_of_plan(plan),
        Some(done) => exit_of_deeds(plan, &done.ended),
    };
    Ok(if exit == ExitCode::Done { complete } else { exit })
}

/// Of a plan that was not executed: refused when all of it was.
fn exit_of_plan(plan: &SlotDrops) -> ExitCode {
    if plan.drops.is_empty() && !plan.refused.is_empty() { ExitCode::Refused } else { ExitCode::Done }
}

fn exit_of_deeds(plan: &SlotDrops, ended: &[Ended]) -> ExitCode {
    let any = |outcome: Ending| ended.iter().any(|one| one.outcome == outcome);
    if any(Ending::Failed) || any(Ending::Unknown) || any(Ending::NotTried) {
        return ExitCode::Failed;
    }
    if !any(Ending::Done) {
        return ExitCode::Refused;
    }
    let unjournalled = ended.iter().any(|one| one.unjournalled.is_some());
    let all = !any(Ending::Refused) && plan.refused.is_empty() && !unjournalled;
    if all { ExitCode::Done } else { ExitCode::Incomplete }
}
