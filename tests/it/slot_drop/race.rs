//! Consumers connect, advance, disconnect, and recreate their slots while pgtend drops: a slot that changed before the
//! statement began is never dropped, and an unchanged one always is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use pg_sandbox::{Cluster, ClusterOptions};
use pgtend::actions::drop_slot::SlotDrops;
use pgtend::actions::drop_slot::execute_slot_drops;
use pgtend::actions::drop_slot::plan::{ActionOutcomeKind, SlotDropOutcome, SlotDropRequest};
use pgtend::actions::{Consent, Plan};
use pgtend::actions::{Journal, JournalRecord};
use pgtend::analysis::slot::{Limits, SlotEvidence};
use pgtend::collect::{Scope, collect_snapshot};
use pgtend::facts::history::HistoryView;
use pgtend::facts::{FactGroup, FactGroups, Snapshot};
use pgtend::postgres::conninfo::{ConnectionFlags, ConnectionRequest, Environment, resolve};
use pgtend::postgres::{Session, WriteSession};
use tokio_postgres::Client;

use super::stream::ReplicationStream;
use crate::clusters::{cluster_options, connect_superuser, on_every_installation, print_stderr, private_cluster};

/// Slots per round; the server has at most a hundred.
const SLOTS_PER_ROUND: usize = 40;
/// Slots per major; more with `PGTEND_TEST_SLOTS=5000`.
const SLOTS: usize = 200;

fn slots_per_major() -> usize {
    std::env::var("PGTEND_TEST_SLOTS").map_or(SLOTS, |slots| slots.parse().expect("PGTEND_TEST_SLOTS is a number"))
}

fn large_server_options() -> ClusterOptions {
    let mut options = cluster_options().with_setting("autovacuum", "off").with_setting("max_replication_slots", "100");
    options = options
        .with_setting("max_wal_senders", "60")
        .with_setting("max_connections", "200")
        .with_setting("checkpoint_timeout", "1h");
    options.initdb.push("--wal-segsize=1".to_owned());
    options
}

/// The action of a consumer on its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ConsumerAction {
    Untouched,
    /// Reads all changes with SQL.
    Polled,
    Advanced,
    /// Connects with the replication protocol, confirms, stays connected for a while, disconnects.
    Streamed,
    /// Connects and disconnects without a change of positions.
    CrashLooped,
    /// Drops the slot and creates it again with the same name.
    Recreated,
    /// Recreates the slot between pgtend's recheck and its statement.
    RecreatedBeforeDrop,
}

struct TestSlot {
    name: String,
    is_logical: bool,
    action: ConsumerAction,
    /// The delay of the consumer after the snapshot.
    arrival_delay: Duration,
    stay: Duration,
}

/// When a slot was first found changed since pgtend's snapshot, by the server's clock, which is this machine's.
type Changes = RefCell<BTreeMap<String, Timestamp>>;

#[derive(Debug, Default)]
struct RaceCounts {
    slots: usize,
    untouched: usize,
    changed_before: usize,
    changed_before_and_dropped: usize,
    untouched_and_kept: usize,
    dropped: usize,
    refused_by_recheck: usize,
    refused_by_the_statement: usize,
    refused_in_use: usize,
    dropped_before_consumer: usize,
    /// Slots with an earlier connection that left no trace: before 17 only.
    connected_without_progress_and_dropped: usize,
    actions: BTreeMap<ConsumerAction, usize>,
}

#[tokio::test]
async fn race_changed_slots_are_never_dropped() {
    let seed = std::env::var("PGTEND_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    on_every_installation("concurrent consumers and drops", async |major, installation| {
        let cluster = private_cluster(installation, large_server_options());
        let wanted = slots_per_major();
        let mut random = fastrand::Rng::with_seed(seed ^ u64::from(major));
        let mut counts = RaceCounts::default();
        let race = RaceTest::start(&cluster).await;
        while counts.slots < wanted {
            race.run_round(&mut random, &mut counts, wanted).await;
        }
        print_stderr(&format!(
            "races on {major}, seed {seed}: {wanted} slots: {} changed before the statement began, of which {} \
             were dropped; {} untouched, of which {} were left. {counts:?}",
            counts.changed_before, counts.changed_before_and_dropped, counts.untouched, counts.untouched_and_kept
        ));
        assert_eq!(counts.changed_before_and_dropped, 0, "changed before the statement began, and dropped");
        assert_eq!(counts.untouched_and_kept, 0, "untouched, and left");
        assert!(counts.changed_before > wanted / 10 && counts.untouched > wanted / 10, "{counts:?}");
        assert!(counts.refused_by_the_statement > 0 && counts.refused_by_recheck > 0, "{counts:?}");
    })
    .await;
}

struct RaceTest<'a> {
    cluster: &'a Cluster,
    setup: Client,
    workers: Vec<Client>,
    session: Session,
    write_session: WriteSession,
    /// A separate thread recreates the slot while pgtend's thread waits.
    recreate_requests: std::sync::mpsc::Sender<(String, bool, std::sync::mpsc::Sender<()>)>,
}

async fn open_session(cluster: &Cluster) -> Session {
    let flags = ConnectionFlags { dbname: Some(cluster.conninfo()), ..ConnectionFlags::default() };
    let request = ConnectionRequest { flags, environment: Environment::default(), ..ConnectionRequest::default() };
    Session::open(Arc::new(resolve(&request).unwrap().conninfo)).await.unwrap()
}

impl<'a> RaceTest<'a> {
    async fn start(cluster: &'a Cluster) -> RaceTest<'a> {
        let workers = join_all((0..8).map(|_| connect_superuser(cluster, "postgres"))).await;
        let (ambush, orders) = std::sync::mpsc::channel::<(String, bool, std::sync::mpsc::Sender<()>)>();
        let conninfo = cluster.conninfo();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (client, connection) =
                runtime.block_on(tokio_postgres::connect(&conninfo, tokio_postgres::NoTls)).unwrap();
            runtime.spawn(connection);
            for (name, is_logical, done) in orders {
                runtime.block_on(client.batch_execute(&recreate_slot_sql(&name, is_logical))).unwrap();
                done.send(()).unwrap();
            }
        });
        RaceTest {
            cluster,
            setup: connect_superuser(cluster, "postgres").await,
            workers,
            session: open_session(cluster).await,
            write_session: WriteSession::new(open_session(cluster).await),
            recreate_requests: ambush,
        }
    }

    async fn run_round(&self, random: &mut fastrand::Rng, counts: &mut RaceCounts, wanted: usize) {
        let subjects: Vec<TestSlot> = (0..SLOTS_PER_ROUND.min(wanted - counts.slots))
            .map(|number| random_test_slot(random, counts.slots + number))
            .collect();
        for subject in &subjects {
            self.setup.batch_execute(&create_slot_sql(&subject.name, subject.is_logical)).await.unwrap();
        }
        // WAL to read, and a checkpoint, so that a recreated slot has another position.
        let write = "select pg_logical_emit_message(false, 'filler', repeat('x', 20000))";
        self.setup.batch_execute(write).await.unwrap();
        self.setup.batch_execute("checkpoint").await.unwrap();

        let scope = Scope { facts: FactGroups::new(&[FactGroup::Slots, FactGroup::Instance]), ..Scope::default() };
        let snapshot = collect_snapshot(&self.session, &scope).await.unwrap();
        let plan = plan_named_drops(&snapshot, &subjects);
        let changes = Changes::default();
        let intents = RefCell::new(BTreeMap::new());
        let (ended, ()) = tokio::join!(
            self.drop_all(plan, &subjects, &intents, &changes, random.u64(..20)),
            self.run_consumers(&subjects, &snapshot, &changes)
        );
        self.count_results(&subjects, &ended, &intents.into_inner(), &changes.into_inner(), counts).await;
        self.drop_remaining_slots().await;
    }

    async fn drop_all(
        &self,
        plan: SlotDrops,
        subjects: &[TestSlot],
        intents: &RefCell<BTreeMap<String, Timestamp>>,
        changes: &Changes,
        wait: u64,
    ) -> Vec<SlotDropOutcome> {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let confirmed = plan.confirm(Consent::Unattended).expect("all slots are named");
        let on_record = |record: &JournalRecord| {
            if let JournalRecord::Intent(intent) = record {
                let subject = subjects.iter().find(|subject| subject.name == intent.subject).unwrap();
                if subject.action == ConsumerAction::RecreatedBeforeDrop {
                    let (done, is_done) = std::sync::mpsc::channel();
                    self.recreate_requests.send((subject.name.clone(), subject.is_logical, done)).unwrap();
                    is_done.recv().unwrap();
                    changes.borrow_mut().insert(subject.name.clone(), Timestamp::now());
                }
                intents.borrow_mut().insert(intent.subject.clone(), Timestamp::now());
            }
            Ok(())
        };
        let journal = Journal::Printed(&on_record);
        let done =
            execute_slot_drops(confirmed, &self.write_session, &journal, &Timestamp::now, &|| false).await.unwrap();
        assert_eq!(done.outcomes.len(), subjects.len(), "every slot of the plan is reported");
        done.outcomes
    }

    async fn run_consumers(&self, subjects: &[TestSlot], snapshot: &Snapshot, changes: &Changes) {
        let consumers = subjects.iter().enumerate().map(|(number, subject)| async move {
            if matches!(subject.action, ConsumerAction::Untouched | ConsumerAction::RecreatedBeforeDrop) {
                return;
            }
            tokio::time::sleep(subject.arrival_delay).await;
            let worker = &self.workers[number % self.workers.len()];
            // A consumer that is too late finds no slot.
            self.run_consumer(subject, worker, snapshot, changes).await.ok();
        });
        join_all(consumers).await;
    }

    async fn run_consumer(
        &self,
        subject: &TestSlot,
        worker: &Client,
        snapshot: &Snapshot,
        changes: &Changes,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let TestSlot { name, is_logical, .. } = subject;
        let now = snapshot.current_lsn().unwrap();
        match subject.action {
            ConsumerAction::Polled if *is_logical => {
                let poll = format!("select count(*) from pg_logical_slot_get_changes('{name}', null, null)");
                worker.batch_execute(&poll).await?;
            }
            ConsumerAction::Polled | ConsumerAction::Advanced => {
                worker.batch_execute(&format!("select pg_replication_slot_advance('{name}', '{now}')")).await?;
            }
            ConsumerAction::Streamed | ConsumerAction::CrashLooped => {
                let planned = find_slot(snapshot, name);
                let from = planned.restart_lsn.unwrap().to_string();
                let mut stream = ReplicationStream::attach(self.cluster, name, *is_logical, &from).await?;
                record_change(worker, subject, snapshot, changes).await?;
                if subject.action == ConsumerAction::Streamed {
                    stream.confirm(now.position()).await?;
                    tokio::time::sleep(subject.stay).await;
                    record_change(worker, subject, snapshot, changes).await?;
                    stream.close().await?;
                } else {
                    drop(stream);
                }
                tokio::time::sleep(subject.stay / 2).await;
            }
            ConsumerAction::Recreated => worker.batch_execute(&recreate_slot_sql(name, *is_logical)).await?,
            ConsumerAction::Untouched | ConsumerAction::RecreatedBeforeDrop => {}
        }
        record_change(worker, subject, snapshot, changes).await?;
        Ok(())
    }

    async fn count_results(
        &self,
        subjects: &[TestSlot],
        ended: &[SlotDropOutcome],
        intents: &BTreeMap<String, Timestamp>,
        changes: &BTreeMap<String, Timestamp>,
        counts: &mut RaceCounts,
    ) {
        let rows = self.setup.query("select slot_name::text from pg_replication_slots", &[]).await.unwrap();
        let remaining: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        for subject in subjects {
            let result = ended.iter().find(|outcome| outcome.slot_name == subject.name).unwrap();
            let dropped = result.outcome == ActionOutcomeKind::Done;
            let begun = intents.get(&subject.name);
            let changed = changes.get(&subject.name);
            // A slot without an intent was refused before the drop: it cannot have been dropped.
            assert!(begun.is_some() || !dropped, "dropped without an intent: {result:?}");
            assert!(matches!(result.outcome, ActionOutcomeKind::Done | ActionOutcomeKind::Refused), "{result:?}");
            assert!(
                !(dropped && remaining.contains(&subject.name)),
                "reported as dropped and still existing: {result:?}"
            );
            let changed_before = changed.is_some_and(|changed_at| begun.is_none_or(|begun| changed_at <= begun));
            counts.slots += 1;
            *counts.actions.entry(subject.action).or_default() += 1;
            counts.dropped += usize::from(dropped);
            counts.changed_before += usize::from(changed_before);
            counts.changed_before_and_dropped += usize::from(changed_before && dropped);
            if changed_before && dropped {
                print_stderr(&format!(
                    "VIOLATION {:?} {} {changed:?} {begun:?} {result:?}",
                    subject.action, subject.is_logical
                ));
            }
            if subject.action == ConsumerAction::Untouched {
                counts.untouched += 1;
                counts.untouched_and_kept += usize::from(!dropped || remaining.contains(&subject.name));
                if !dropped {
                    print_stderr(&format!("VIOLATION untouched {} {result:?}", subject.is_logical));
                }
            } else if dropped {
                counts.dropped_before_consumer += 1;
                counts.connected_without_progress_and_dropped +=
                    usize::from(subject.action == ConsumerAction::CrashLooped);
            }
            match result.detail.as_deref().unwrap_or_default() {
                _ if dropped => {}
                "the slot changed after it was checked, or the statement reached another server" => {
                    counts.refused_by_the_statement += 1;
                }
                detail if detail.contains("is active for PID") || detail.contains("is now active") => {
                    counts.refused_in_use += 1;
                }
                _ => counts.refused_by_recheck += 1,
            }
        }
    }

    /// Drops the remaining slots, after ending the consumers that still use them.
    async fn drop_remaining_slots(&self) {
        let rest = "select pg_terminate_backend(active_pid) from pg_replication_slots where active";
        let drop = "select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots where not active";
        loop {
            self.setup.batch_execute(rest).await.unwrap();
            // The statement fails while a slot is still active; it is retried.
            self.setup.batch_execute(drop).await.ok();
            let remaining = self.setup.query_one("select count(*) from pg_replication_slots", &[]).await.unwrap();
            if remaining.get::<_, i64>(0) == 0 {
                return;
            }
        }
    }
}

fn random_test_slot(random: &mut fastrand::Rng, number: usize) -> TestSlot {
    let action = match random.u64(..100) {
        0..40 => ConsumerAction::Untouched,
        40..52 => ConsumerAction::Polled,
        52..62 => ConsumerAction::Advanced,
        62..72 => ConsumerAction::Streamed,
        72..80 => ConsumerAction::CrashLooped,
        80..92 => ConsumerAction::Recreated,
        _ => ConsumerAction::RecreatedBeforeDrop,
    };
    TestSlot {
        name: format!("s{number}"),
        is_logical: random.u64(..2) == 0,
        action,
        arrival_delay: Duration::from_micros(random.u64(..60_000)),
        stay: Duration::from_micros(random.u64(..20_000)),
    }
}

fn create_slot_sql(name: &str, is_logical: bool) -> String {
    match is_logical {
        true => format!("select pg_create_logical_replication_slot('{name}', 'test_decoding')"),
        false => format!("select pg_create_physical_replication_slot('{name}', true)"),
    }
}

fn recreate_slot_sql(name: &str, is_logical: bool) -> String {
    // In separate transactions: statements of one batch would share a transaction.
    format!(
        "begin; select pg_drop_replication_slot('{name}'); commit; begin; {}; commit",
        create_slot_sql(name, is_logical)
    )
}

fn plan_named_drops(snapshot: &Snapshot, subjects: &[TestSlot]) -> SlotDrops {
    let evidence = SlotEvidence { snapshot, history: &HistoryView::default(), limits: &Limits::default() };
    let names = subjects.iter().map(|subject| subject.name.clone()).collect();
    let request = SlotDropRequest { names, allow_unproven: true, ..SlotDropRequest::default() };
    let plan = SlotDrops::new(&evidence, &request).expect("a plan");
    assert_eq!((plan.drops.len(), plan.refused.len()), (subjects.len(), 0));
    plan
}

fn find_slot<'a>(snapshot: &'a Snapshot, name: &str) -> &'a pgtend::facts::Slot {
    snapshot.slots.known().unwrap().iter().find(|slot| slot.slot_name == name).unwrap()
}

/// Records when a slot is found changed since pgtend's snapshot, with a plain query instead of pgtend's own code.
async fn record_change(
    worker: &Client,
    subject: &TestSlot,
    snapshot: &Snapshot,
    changes: &Changes,
) -> Result<(), Box<dyn std::error::Error>> {
    let sql = format!(
        "select to_jsonb(s)::text, clock_timestamp() from pg_replication_slots s where slot_name = '{}'",
        subject.name
    );
    let Some(row) = worker.query_opt(&sql, &[]).await? else { return Ok(()) };
    let now: serde_json::Value = serde_json::from_str(row.get(0))?;
    let changed_at: Timestamp = row.get(1);
    let planned = find_slot(snapshot, &subject.name);
    let lsn = |lsn: Option<pgtend::units::Lsn>| lsn.map(|lsn| lsn.to_string());
    let since = now["inactive_since"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    // Before 17 a connection without progress leaves no trace that a statement could compare.
    let is_connected = now["active"] == true && snapshot.server.major() >= 17;
    let differs = is_connected
        || now["restart_lsn"].as_str() != lsn(planned.restart_lsn).as_deref()
        || now["confirmed_flush_lsn"].as_str() != lsn(planned.confirmed_flush_lsn).as_deref()
        || since != planned.inactive_since;
    if differs {
        changes.borrow_mut().entry(subject.name.clone()).or_insert(changed_at);
    }
    Ok(())
}
