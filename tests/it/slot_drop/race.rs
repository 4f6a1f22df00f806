//! Consumers come, advance, leave, and make their slots anew while pgtend drops: what changed before the statement began
//! is never dropped, and what nobody touched always is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use pgtend::act::{Journal, Record, drop_slots};
use pgtend::inspect::{Scope, inspect};
use pgtend::judge::slot::{Evidence, Limits};
use pgtend::model::Snapshot;
use pgtend::model::past::Memory;
use pgtend::pg::conninfo::{Environment, Flags, Request, resolve};
use pgtend::pg::{Hand, Session};
use pgtend::plan::slot_drop::{Asked, Ended, Ending};
use pgtend::plan::{Consent, Plan, SlotDrops};
use pgtend::sandbox::{Cluster, ClusterOptions};
use tokio_postgres::Client;

use super::stream::Stream;
use crate::clusters::{connect, on_every_installation, options, private, say};

/// Slots of one round; a server has room for a hundred.
const SLOTS: usize = 40;
/// On the major that gets most of them, and on each of the others: ten thousand in all.
const MOST: usize = 5_000;
const SOME: usize = 1_000;
const MAJOR_WITH_MOST: u32 = 17;

fn roomy() -> ClusterOptions {
    let mut options = options().set("autovacuum", "off").set("max_replication_slots", "100");
    options = options.set("max_wal_senders", "60").set("max_connections", "200").set("checkpoint_timeout", "1h");
    options.initdb.push("--wal-segsize=1".to_owned());
    options
}

/// What a consumer does with its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Untouched,
    /// Reads what there is, by SQL.
    Polled,
    Advanced,
    /// Attaches by the replication protocol, confirms, stays a while, leaves.
    Streamed,
    /// Attaches and dies, positions as they were.
    CrashLooped,
    /// Dropped and made anew under its name.
    Remade,
    /// The same at the worst moment: between pgtend's second look and its statement.
    Ambushed,
}

struct Subject {
    name: String,
    is_logical: bool,
    fate: Fate,
    /// When the consumer comes, after the look.
    after: Duration,
    stays: Duration,
}

/// When a slot was first seen to differ from what pgtend had seen, by the server's clock, which is this machine's.
type Changes = RefCell<BTreeMap<String, Timestamp>>;

#[derive(Debug, Default)]
struct Tally {
    slots: usize,
    untouched: usize,
    changed_before: usize,
    changed_before_and_dropped: usize,
    untouched_and_left: usize,
    dropped: usize,
    refused_at_the_look: usize,
    refused_by_the_statement: usize,
    refused_in_use: usize,
    dropped_before_its_consumer_came: usize,
    /// Of those some may have been visited before, and the visit left no trace: before 17 only.
    visited_in_vain_and_dropped: usize,
    fates: BTreeMap<Fate, usize>,
}

#[tokio::test]
async fn what_changed_is_never_dropped_and_what_nobody_touched_always_is() {
    let seed = std::env::var("PGTEND_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    on_every_installation("races of consumers against drops", async |major, installation| {
        let cluster = private(installation, roomy());
        let wanted = if major == MAJOR_WITH_MOST { MOST } else { SOME };
        let mut random = fastrand::Rng::with_seed(seed ^ u64::from(major));
        let mut tally = Tally::default();
        let court = Court::open(&cluster).await;
        while tally.slots < wanted {
            court.round(&mut random, &mut tally, wanted).await;
        }
        let share = if wanted == MOST { String::new() } else { format!(" ({MOST} on {MAJOR_WITH_MOST})") };
        say(&format!(
            "races on {major}, seed {seed}: {wanted} slots{share}: {} changed before the statement began, of which {} \
             were dropped; {} untouched, of which {} were left. {tally:?}",
            tally.changed_before, tally.changed_before_and_dropped, tally.untouched, tally.untouched_and_left
        ));
        assert_eq!(tally.changed_before_and_dropped, 0, "changed before the statement began, and dropped");
        assert_eq!(tally.untouched_and_left, 0, "untouched, and left");
        assert!(tally.changed_before > wanted / 10 && tally.untouched > wanted / 10, "{tally:?}");
        assert!(tally.refused_by_the_statement > 0 && tally.refused_at_the_look > 0, "{tally:?}");
    })
    .await;
}

struct Court<'a> {
    cluster: &'a Cluster,
    setup: Client,
    workers: Vec<Client>,
    session: Session,
    hand: Hand,
    /// Who ambushes does so from a thread of its own, while pgtend's waits.
    ambush: std::sync::mpsc::Sender<(String, bool, std::sync::mpsc::Sender<()>)>,
}

async fn session(cluster: &Cluster) -> Session {
    let flags = Flags { dbname: Some(cluster.conninfo()), ..Flags::default() };
    let request = Request { flags, environment: Environment::default(), ..Request::default() };
    Session::open(Arc::new(resolve(&request).unwrap().conninfo)).await.unwrap()
}

impl<'a> Court<'a> {
    async fn open(cluster: &'a Cluster) -> Court<'a> {
        let workers = join_all((0..8).map(|_| connect(cluster, "postgres"))).await;
        let (ambush, orders) = std::sync::mpsc::channel::<(String, bool, std::sync::mpsc::Sender<()>)>();
        let conninfo = cluster.conninfo();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (client, connection) =
                runtime.block_on(tokio_postgres::connect(&conninfo, tokio_postgres::NoTls)).unwrap();
            runtime.spawn(connection);
            for (name, is_logical, done) in orders {
                runtime.block_on(client.batch_execute(&remake(&name, is_logical))).unwrap();
                done.send(()).unwrap();
            }
        });
        Court {
            cluster,
            setup: connect(cluster, "postgres").await,
            workers,
            session: session(cluster).await,
            hand: Hand::of(session(cluster).await),
            ambush,
        }
    }

    async fn round(&self, random: &mut fastrand::Rng, tally: &mut Tally, wanted: usize) {
        let subjects: Vec<Subject> =
            (0..SLOTS.min(wanted - tally.slots)).map(|number| subject(random, tally.slots + number)).collect();
        for subject in &subjects {
            self.setup.batch_execute(&make(&subject.name, subject.is_logical)).await.unwrap();
        }
        // WAL to read, and a checkpoint, so that a slot made anew starts elsewhere.
        let write = "select pg_logical_emit_message(false, 'filler', repeat('x', 20000))";
        self.setup.batch_execute(write).await.unwrap();
        self.setup.batch_execute("checkpoint").await.unwrap();

        let scope = Scope { slots: true, instance: true, ..Scope::default() };
        let snapshot = inspect(&self.session, &scope).await.unwrap();
        let plan = plan(&snapshot, &subjects);
        let changes = Changes::default();
        let intents = RefCell::new(BTreeMap::new());
        let (ended, ()) = tokio::join!(
            self.drop_all(plan, &subjects, &intents, &changes, random.u64(..20)),
            self.consume(&subjects, &snapshot, &changes)
        );
        self.judge(&subjects, &ended, &intents.into_inner(), &changes.into_inner(), tally).await;
        self.clear().await;
    }

    async fn drop_all(
        &self,
        plan: SlotDrops,
        subjects: &[Subject],
        intents: &RefCell<BTreeMap<String, Timestamp>>,
        changes: &Changes,
        wait: u64,
    ) -> Vec<Ended> {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let confirmed = plan.confirm(Consent::Unattended).expect("all of them are named");
        let told = |record: &Record| {
            if let Record::Intent(intent) = record {
                let subject = subjects.iter().find(|subject| subject.name == intent.subject).unwrap();
                if subject.fate == Fate::Ambushed {
                    let (done, is_done) = std::sync::mpsc::channel();
                    self.ambush.send((subject.name.clone(), subject.is_logical, done)).unwrap();
                    is_done.recv().unwrap();
                    changes.borrow_mut().insert(subject.name.clone(), Timestamp::now());
                }
                intents.borrow_mut().insert(intent.subject.clone(), Timestamp::now());
            }
            Ok(())
        };
        let journal = Journal::Told(&told);
        let done = drop_slots(confirmed, &self.hand, &journal, &Timestamp::now, &|| false).await.unwrap();
        assert_eq!(done.ended.len(), subjects.len(), "every slot of the plan is reported");
        done.ended
    }

    async fn consume(&self, subjects: &[Subject], snapshot: &Snapshot, changes: &Changes) {
        let consumers = subjects.iter().enumerate().map(|(number, subject)| async move {
            if matches!(subject.fate, Fate::Untouched | Fate::Ambushed) {
                return;
            }
            tokio::time::sleep(subject.after).await;
            let worker = &self.workers[number % self.workers.len()];
            // Whoever comes too late finds no slot; that is the other side of the race.
            self.act(subject, worker, snapshot, changes).await.ok();
        });
        join_all(consumers).await;
    }

    async fn act(
        &self,
        subject: &Subject,
        worker: &Client,
        snapshot: &Snapshot,
        changes: &Changes,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let Subject { name, is_logical, .. } = subject;
        let now = snapshot.current_lsn().unwrap();
        match subject.fate {
            Fate::Polled if *is_logical => {
                let poll = format!("select count(*) from pg_logical_slot_get_changes('{name}', null, null)");
                worker.batch_execute(&poll).await?;
            }
            Fate::Polled | Fate::Advanced => {
                worker.batch_execute(&format!("select pg_replication_slot_advance('{name}', '{now}')")).await?;
            }
            Fate::Streamed | Fate::CrashLooped => {
                let seen = slot_of(snapshot, name);
                let from = seen.restart_lsn.unwrap().to_string();
                let mut stream = Stream::attach(self.cluster, name, *is_logical, &from).await?;
                observe(worker, subject, snapshot, changes).await?;
                if subject.fate == Fate::Streamed {
                    stream.confirm(now.0).await?;
                    tokio::time::sleep(subject.stays).await;
                    observe(worker, subject, snapshot, changes).await?;
                    stream.leave().await?;
                } else {
                    drop(stream);
                }
                tokio::time::sleep(subject.stays / 2).await;
            }
            Fate::Remade => worker.batch_execute(&remake(name, *is_logical)).await?,
            Fate::Untouched | Fate::Ambushed => {}
        }
        observe(worker, subject, snapshot, changes).await?;
        Ok(())
    }

    async fn judge(
        &self,
        subjects: &[Subject],
        ended: &[Ended],
        intents: &BTreeMap<String, Timestamp>,
        changes: &BTreeMap<String, Timestamp>,
        tally: &mut Tally,
    ) {
        let rows = self.setup.query("select slot_name::text from pg_replication_slots", &[]).await.unwrap();
        let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        for subject in subjects {
            let one = ended.iter().find(|one| one.slot_name == subject.name).unwrap();
            let dropped = one.outcome == Ending::Done;
            let begun = intents.get(&subject.name);
            let changed = changes.get(&subject.name);
            // A slot that never got an intent was refused before: it cannot have been dropped.
            assert!(begun.is_some() || !dropped, "dropped without an intent: {one:?}");
            assert!(matches!(one.outcome, Ending::Done | Ending::Refused), "{one:?}");
            assert!(!(dropped && there.contains(&subject.name)), "reported as dropped, and there: {one:?}");
            let changed_before = changed.is_some_and(|at| begun.is_none_or(|begun| at <= begun));
            tally.slots += 1;
            *tally.fates.entry(subject.fate).or_default() += 1;
            tally.dropped += usize::from(dropped);
            tally.changed_before += usize::from(changed_before);
            tally.changed_before_and_dropped += usize::from(changed_before && dropped);
            if changed_before && dropped {
                say(&format!("VIOLATION {:?} {} {changed:?} {begun:?} {one:?}", subject.fate, subject.is_logical));
            }
            if subject.fate == Fate::Untouched {
                tally.untouched += 1;
                tally.untouched_and_left += usize::from(!dropped || there.contains(&subject.name));
                if !dropped {
                    say(&format!("VIOLATION untouched {} {one:?}", subject.is_logical));
                }
            } else if dropped {
                tally.dropped_before_its_consumer_came += 1;
                tally.visited_in_vain_and_dropped += usize::from(subject.fate == Fate::CrashLooped);
            }
            match one.detail.as_deref().unwrap_or_default() {
                _ if dropped => {}
                "the slot changed after it was checked, or the statement reached another server" => {
                    tally.refused_by_the_statement += 1;
                }
                detail if detail.contains("is active for PID") || detail.contains("uses it now") => {
                    tally.refused_in_use += 1;
                }
                _ => tally.refused_at_the_look += 1,
            }
        }
    }

    /// Removes what is left; consumers that still hold a slot let go of it first.
    async fn clear(&self) {
        let rest = "select pg_terminate_backend(active_pid) from pg_replication_slots where active";
        let drop = "select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots where not active";
        loop {
            self.setup.batch_execute(rest).await.unwrap();
            // A slot that was active a moment ago fails the statement; then it is tried again.
            self.setup.batch_execute(drop).await.ok();
            let left = self.setup.query_one("select count(*) from pg_replication_slots", &[]).await.unwrap();
            if left.get::<_, i64>(0) == 0 {
                return;
            }
        }
    }
}

fn subject(random: &mut fastrand::Rng, number: usize) -> Subject {
    let fate = match random.u64(..100) {
        0..40 => Fate::Untouched,
        40..52 => Fate::Polled,
        52..62 => Fate::Advanced,
        62..72 => Fate::Streamed,
        72..80 => Fate::CrashLooped,
        80..92 => Fate::Remade,
        _ => Fate::Ambushed,
    };
    Subject {
        name: format!("s{number}"),
        is_logical: random.u64(..2) == 0,
        fate,
        after: Duration::from_micros(random.u64(..60_000)),
        stays: Duration::from_micros(random.u64(..20_000)),
    }
}

fn make(name: &str, is_logical: bool) -> String {
    match is_logical {
        true => format!("select pg_create_logical_replication_slot('{name}', 'test_decoding')"),
        false => format!("select pg_create_physical_replication_slot('{name}', true)"),
    }
}

fn remake(name: &str, is_logical: bool) -> String {
    // Each in a transaction of its own, as the statements of one batch would share theirs.
    format!("begin; select pg_drop_replication_slot('{name}'); commit; begin; {}; commit", make(name, is_logical))
}

fn plan(snapshot: &Snapshot, subjects: &[Subject]) -> SlotDrops {
    let evidence = Evidence { snapshot, memory: &Memory::default(), limits: &Limits::default() };
    let names = subjects.iter().map(|subject| subject.name.clone()).collect();
    let asked = Asked { names, allow_unproven: true, ..Asked::default() };
    let plan = SlotDrops::of(&evidence, &asked).expect("a plan");
    assert_eq!((plan.drops.len(), plan.refused.len()), (subjects.len(), 0));
    plan
}

fn slot_of<'a>(snapshot: &'a Snapshot, name: &str) -> &'a pgtend::model::Slot {
    snapshot.slots.known().unwrap().iter().find(|slot| slot.slot_name == name).unwrap()
}

/// Notes when a slot is seen to differ from what pgtend saw: by a plain query, not by pgtend's own eyes.
async fn observe(
    worker: &Client,
    subject: &Subject,
    snapshot: &Snapshot,
    changes: &Changes,
) -> Result<(), Box<dyn std::error::Error>> {
    let sql = format!(
        "select to_jsonb(s)::text, clock_timestamp() from pg_replication_slots s where slot_name = '{}'",
        subject.name
    );
    let Some(row) = worker.query_opt(&sql, &[]).await? else { return Ok(()) };
    let now: serde_json::Value = serde_json::from_str(row.get(0))?;
    let at: Timestamp = row.get(1);
    let seen = slot_of(snapshot, &subject.name);
    let lsn = |lsn: Option<pgtend::model::Lsn>| lsn.map(|lsn| lsn.to_string());
    let since = now["inactive_since"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    // Before 17 a visit that moves nothing leaves no trace, and no statement can compare what is not there.
    let visited = now["active"] == true && snapshot.server.major() >= 17;
    let differs = visited
        || now["restart_lsn"].as_str() != lsn(seen.restart_lsn).as_deref()
        || now["confirmed_flush_lsn"].as_str() != lsn(seen.confirmed_flush_lsn).as_deref()
        || since != seen.inactive_since;
    if differs {
        changes.borrow_mut().entry(subject.name.clone()).or_insert(at);
    }
    Ok(())
}
