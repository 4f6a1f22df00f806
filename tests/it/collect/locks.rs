//! Locks: pgtend does not wait for locks, and no session waits for pgtend.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pg_sandbox::Cluster;
use pgtend::collect::{Scope, collect_snapshot};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::program_runs::{
    ProgramRun, REPORT_COMMANDS, database_conninfo, open_session, report_json_of, run_with_conninfo,
};
use crate::clusters::{
    cluster_options, connect_superuser, create_database, execute_sql, on_a_major_and_the_newest_alone,
    on_a_major_and_the_newest_shared, print_stderr, query_one_text, wait_until,
};

/// A report that waits for no lock takes a fraction of a second; on a busy machine, longer. One that waits for a lock
/// of these tests does not end, and [`LockWatch`] detects the wait.
const LOCK_TIME_LIMIT: Duration = Duration::from_secs(20);

const CONTENT: &str = "create table thick (id int primary key, t text); \
    alter table thick alter column t set storage external; \
    insert into thick select g, repeat(md5(g::text), 4096) from generate_series(1, 20) g; \
    create table indexed (id int primary key, t text); create index indexed_t on indexed (t); \
    insert into indexed select g, repeat(md5(g::text), 3) from generate_series(1, 20000) g; \
    create table parted (id int primary key, t text) partition by range (id); \
    create table parted_1 partition of parted for values from (0) to (10000); \
    create table parted_2 partition of parted for values from (10000) to (20000); \
    insert into parted select g, repeat(md5(g::text), 3) from generate_series(0, 19999) g; \
    create materialized view seen as table indexed; create index seen_id on seen (id); \
    create table free (id int primary key, t text); \
    insert into free select g, repeat(md5(g::text), 3) from generate_series(1, 20000) g";

/// Samples from a separate session, until stopped, whether a lock of pgtend is waited for or pgtend waits for one.
struct LockWatch {
    is_over: Arc<AtomicBool>,
    observed: JoinHandle<(usize, Vec<String>)>,
}

impl LockWatch {
    async fn start_watch(cluster: &Cluster, database: &str) -> LockWatch {
        let client = connect_superuser(cluster, database).await;
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let query = "select w.application_name, l.mode, l.relation::regclass::text from pg_locks l \
                     join pg_stat_activity w on w.pid = l.pid where not l.granted and \
                     (w.application_name = 'pgtend' or exists (select from pg_stat_activity b \
                      where b.application_name = 'pgtend' and b.pid = any (pg_blocking_pids(w.pid))))";
        let seen = tokio::spawn(async move {
            let (mut samples, mut waits) = (0, Vec::new());
            while !until.load(Ordering::Relaxed) {
                let messages = client.simple_query(query).await.expect("a sample");
                samples += 1;
                for message in messages {
                    if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                        waits.push(format!("{:?} {:?} {:?}", row.get(0), row.get(1), row.get(2)));
                    }
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            (samples, waits)
        });
        LockWatch { is_over: over, observed: seen }
    }

    async fn finish_watch(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        let (samples, waits) = self.observed.await.expect("the watch");
        assert!(waits.is_empty(), "pgtend waited or was waited for: {waits:?}");
        samples
    }
}

/// A superuser reads sizes from the files, which needs no lock; this role has to use the size functions.
const WATCHER_ROLE: &str = "do $$ begin create role lock_watcher login in role pg_monitor; \
    exception when duplicate_object or unique_violation then null; end $$";

/// Runs all reports as a monitoring role while something is locked. Returns the wall time of each.
async fn run_all_reports(cluster: &Cluster, database: &str) -> (Vec<ProgramRun>, String) {
    execute_sql(cluster, database, WATCHER_ROLE).await;
    let conninfo = database_conninfo(cluster, database).replace("user=postgres", "user=lock_watcher");
    let (mut runs, mut times) = (Vec::new(), String::new());
    for report in REPORT_COMMANDS {
        let format: &[&str] = if report == ["snapshot"] { &[] } else { &["--format", "json"] };
        let run = run_with_conninfo(&conninfo, &[report, format].concat()).await;
        assert_eq!(run.code, Some(0), "{report:?}: {}", run.stderr);
        assert!(run.elapsed < LOCK_TIME_LIMIT, "{report:?} took {:?}", run.elapsed);
        let _ = write!(times, " {} {:.2}", report[0], run.elapsed.as_secs_f64());
        runs.push(run);
    }
    (runs, times)
}

fn find_named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let found = list.as_array().expect("a list").iter().find(|element| element[key] == name);
    found.unwrap_or_else(|| panic!("{name} is missing"))
}

/// Asserts that the locked table is estimated and marked as locked, and that the others are exact.
fn assert_estimated(tables: &Value, locked: &[&str]) {
    for table in tables["tables"].as_array().expect("tables") {
        let name = table["table"].as_str().expect("a name");
        let is_locked = locked.contains(&name);
        let parent = name == "parted" && locked.contains(&"parted_1");
        let source = if is_locked || parent { "estimated" } else { "exact" };
        assert_eq!(table["size_source"], source, "{table}");
        assert_eq!(table["locked"], is_locked, "{table}");
        assert!(table["total_bytes"].as_u64().expect("bytes") > 100_000, "{table}");
    }
}

/// Asserts that the definitions of these indexes, and only of these, are null and explained.
fn assert_undefined(indexes: &Value, locked: &[&str]) {
    for name in locked {
        let index = find_named(&indexes["indexes"], "index", name);
        assert!(index["definition"].is_null(), "{index}");
        let gap = find_named(&indexes["unavailable"], "fact", "index definitions");
        let subjects: Vec<&str> =
            gap["subjects"].as_array().expect("subjects").iter().filter_map(Value::as_str).collect();
        assert!(subjects.contains(&format!("public.{name}").as_str()), "{gap}");
        assert!(gap["reason"].as_str().expect("a reason").contains("ACCESS EXCLUSIVE"), "{gap}");
    }
    for index in indexes["indexes"].as_array().expect("indexes") {
        let is_locked = locked.contains(&index["index"].as_str().expect("a name"));
        assert_eq!(index["definition"].is_null(), is_locked, "{index}");
    }
}

async fn hold_lock(cluster: &Cluster, database: &str, statement: &str) -> Client {
    let client = connect_superuser(cluster, database).await;
    client.batch_execute(&format!("begin; {statement}")).await.expect("a lock");
    client
}

/// A statement that locks, the tables whose sizes are then estimates, and the indexes without a definition.
const LOCK_CASES: &[(&str, &[&str], &[&str])] = &[
    ("lock table thick in access exclusive mode", &["thick"], &["thick_pkey"]),
    ("lock table indexed in access exclusive mode", &["indexed"], &["indexed_pkey", "indexed_t"]),
    ("lock table parted_1 in access exclusive mode", &["parted_1"], &["parted_1_pkey"]),
    ("drop index indexed_t", &["indexed"], &["indexed_pkey", "indexed_t"]),
    ("refresh materialized view seen", &["seen"], &["seen_id"]),
    ("truncate thick", &["thick"], &["thick_pkey"]),
    ("alter table free add column n int default 7", &["free"], &["free_pkey"]),
    ("reindex index indexed_t", &[], &["indexed_t"]),
    ("cluster thick using thick_pkey", &["thick"], &["thick_pkey"]),
];

#[tokio::test]
async fn locks_held_do_not_block_reports() {
    on_a_major_and_the_newest_shared(13, "reports with a held lock", async |major, cluster| {
        let name = create_database(cluster).await;
        execute_sql(cluster, &name, CONTENT).await;
        execute_sql(cluster, &name, "vacuum analyze").await;
        for (statement, tables, indexes) in LOCK_CASES {
            let holder = hold_lock(cluster, &name, statement).await;
            let watch = LockWatch::start_watch(cluster, &name).await;
            let (runs, times) = run_all_reports(cluster, &name).await;
            let samples = watch.finish_watch().await;
            print_stderr(&format!("{major}, {statement}: seconds{times}; {samples} samples"));
            let report =
                |name: &str| runs[REPORT_COMMANDS.iter().position(|r| r[0] == name).expect("a report")].report_json();
            if !tables.is_empty() {
                assert_estimated(&report("tables"), tables);
                let by_files = report_json_of(&database_conninfo(cluster, &name), &["tables"]).await;
                for table in tables.iter().map(|table| find_named(&by_files["tables"], "table", table)) {
                    assert_eq!((&table["size_source"], &table["locked"]), (&"exact".into(), &true.into()), "{table}");
                }
            }
            assert_undefined(&report("indexes"), indexes);
            holder.batch_execute("rollback").await.expect("a rollback");
        }
    })
    .await;
}

#[tokio::test]
async fn locks_awaited_do_not_block_reports() {
    on_a_major_and_the_newest_shared(13, "reports with a waiting lock", async |major, cluster| {
        let name = create_database(cluster).await;
        execute_sql(cluster, &name, CONTENT).await;
        execute_sql(cluster, &name, "vacuum analyze").await;
        let reader = hold_lock(cluster, &name, "select count(*) from indexed").await;
        let waiter = connect_superuser(cluster, &name).await;
        let waiting = tokio::spawn(async move { waiter.batch_execute("alter table indexed add column n int").await });
        let queued = "select count(*) from pg_locks where not granted and mode = 'AccessExclusiveLock'";
        let is_queued = async || query_one_text(cluster, &name, queued).await.as_deref() == Some("1");
        wait_until("a session waiting for the lock", is_queued).await;
        let (runs, times) = run_all_reports(cluster, &name).await;
        print_stderr(&format!("{major}, a session waits for ACCESS EXCLUSIVE behind a reader: seconds{times}"));
        assert_estimated(&runs[2].report_json(), &["indexed"]);
        assert_undefined(&runs[3].report_json(), &["indexed_pkey", "indexed_t"]);
        assert_eq!(
            query_one_text(cluster, &name, queued).await.as_deref(),
            Some("1"),
            "the session does not wait any more"
        );
        reader.batch_execute("commit").await.expect("a commit");
        waiting.await.expect("the waiter").expect("its turn");
    })
    .await;
}

#[tokio::test]
async fn locks_on_catalog_are_reported() {
    on_a_major_and_the_newest_alone(
        13,
        "locked catalogs",
        cluster_options().with_setting("autovacuum", "off"),
        async |major, cluster| {
            let mut summary = format!("{major}, collecting while a catalog is locked:");
            for catalog in ["pg_class", "pg_namespace"] {
                let session = open_session(&cluster.conninfo()).await;
                let statement = format!("lock pg_catalog.{catalog} in access exclusive mode");
                let holder = hold_lock(&cluster, "postgres", &statement).await;
                let since = Instant::now();
                let collected =
                    timeout(Duration::from_secs(20), collect_snapshot(&session, &Scope::everything())).await;
                let took = since.elapsed().as_secs_f64();
                let outcome = match collected.expect("an end") {
                    Ok(snapshot) => {
                        format!(
                            "tables {:?}",
                            snapshot.database_snapshots[0].tables.as_result().err().map(|w| &w.reason)
                        )
                    }
                    Err(error) => error.to_string(),
                };
                let _ = write!(summary, "\n    {catalog} {took:.2} s: {outcome}");
                holder.batch_execute("rollback").await.expect("a rollback");
            }
            // With pg_class locked, not even the connection can be completed.
            let holder = hold_lock(&cluster, "postgres", "lock pg_catalog.pg_class in access exclusive mode").await;
            let run = run_with_conninfo(&format!("{} connect_timeout=2", cluster.conninfo()), &["overview"]).await;
            let _ = write!(summary, "\n    connecting with pg_class locked {:.2} s", run.elapsed.as_secs_f64());
            assert!(run.elapsed < Duration::from_secs(20));
            if run.code != Some(0) {
                run.assert_failed();
            }
            drop(holder);
            print_stderr(&summary);
        },
    )
    .await;
}
