//! Reports with a history: how the store changes verdicts, and that an unusable store changes nothing else.

use super::parse_address;
use super::simulated_cluster::{MB, SimulatedCluster};
use crate::clusters::{
    create_database, execute_sql, on_a_major_and_the_newest_shared, on_the_newest_shared, wait_until_true_in,
};
use crate::reports::program::pgtend_as_nobody;
use crate::schemas::assert_output_is_valid;
use jiff::{SignedDuration, Timestamp};
use pgtend::facts::history::Intent;
use pgtend::facts::{Fact, Snapshot};
use pgtend::history::Store;
use pgtend::units::Lsn;
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

const DAY: i64 = 24;

/// Runs the program with separate state and working directories.
fn run_in_folder(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = assert_cmd::Command::cargo_bin("pgtend").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG") || name == "DATABASE_URL") {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", folder.join("state")).env("XDG_CONFIG_HOME", folder.join("config"));
    command.current_dir(folder).args(arguments).output().unwrap()
}

fn parse_report(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    assert_output_is_valid(&output.stdout);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn stderr_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns a snapshot of version 16, which does not report when a slot became inactive.
fn snapshot_of_16(cluster: &SimulatedCluster) -> Snapshot {
    let mut snapshot = cluster.snapshot();
    snapshot.server.version_num = 160_004;
    if let Fact::Known(slots) = &mut snapshot.slots {
        slots.iter_mut().for_each(|slot| slot.inactive_since = None);
    }
    snapshot
}

fn save_snapshot(snapshot: &Snapshot, folder: &Path) -> String {
    let file = folder.join("now.json");
    std::fs::write(&file, serde_json::to_vec(snapshot).unwrap()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Records a sample of an inactive slot every six hours for `hours`. Returns the cluster at the last time, which is not
/// recorded.
async fn record_inactive_slot(store: &Path, hours: i64) -> SimulatedCluster {
    let store = Store::open(&parse_address(&store)).await.unwrap();
    let mut cluster = SimulatedCluster::new();
    cluster.add_table("orders", MB);
    cluster.add_slot("forgotten");
    for _ in 0..hours / 6 {
        store.record(&snapshot_of_16(&cluster)).await.unwrap();
        cluster.advance(6, 20 * MB);
    }
    store.close().await;
    cluster
}

fn find_slot<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["slots"].as_array().unwrap().iter().find(|slot| slot["slot_name"] == name).unwrap()
}

#[tokio::test]
async fn reports_store_proves_stale_slot_before_17() {
    for (hours, verdict, reason) in [(6 * DAY, "inactive", "needs-samples"), (8 * DAY, "stale", "unused")] {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("history.db");
        let cluster = record_inactive_slot(&store, hours).await;
        let from = save_snapshot(&snapshot_of_16(&cluster), folder.path());
        let arguments = ["slots", "--format", "json", "--from", &from, "--history", store.to_str().unwrap()];
        let judged = parse_report(&run_in_folder(folder.path(), &arguments));
        let slot = find_slot(&judged, "forgotten");
        assert_eq!(slot["verdict"], verdict, "{slot}");
        let slot_reason = slot["reasons"].as_array().unwrap().iter().find(|why| why["id"] == reason);
        let slot_reason = slot_reason.unwrap_or_else(|| panic!("{slot}"));
        if reason == "needs-samples" {
            assert_eq!((&slot_reason["have"], &slot_reason["need"]), (&json!(25), &json!(24)));
            let proven = cluster.now + SignedDuration::from_hours(DAY);
            assert_eq!(slot_reason["earliest"], json!(proven), "seven days after the first sample");
        }
        // The file without the store, as on another machine.
        let alone = parse_report(&run_in_folder(folder.path(), &arguments[..5]));
        assert_eq!(alone["slots"][0]["verdict"], "inactive");
    }
}

#[tokio::test]
async fn reports_files_and_samples_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("history.db");
    let mut cluster = record_inactive_slot(&store, 7 * DAY - 12).await;
    let since = folder.path().join("since.json");
    std::fs::write(&since, serde_json::to_vec(&snapshot_of_16(&cluster)).unwrap()).unwrap();
    let since = since.to_str().unwrap();
    let open = Store::open(&parse_address(&store)).await.unwrap();
    open.record(&snapshot_of_16(&cluster)).await.unwrap();
    open.close().await;
    cluster.advance(12, 20 * MB);
    let from = save_snapshot(&snapshot_of_16(&cluster), folder.path());
    let arguments =
        ["slots", "--format", "json", "--from", &from, "--history", store.to_str().unwrap(), "--since", since];
    let judged = parse_report(&run_in_folder(folder.path(), &arguments));
    let slot = find_slot(&judged, "forgotten");
    assert_eq!(slot["verdict"], "stale", "{slot}");
    let unused = slot["reasons"].as_array().unwrap().iter().find(|why| why["id"] == "unused").unwrap();
    assert_eq!(unused["samples"], 28, "26 samples, one of them in the file, too, and the present snapshot: {unused}");
}

#[tokio::test]
async fn reports_limits_come_from_config() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("history.db");
    let cluster = record_inactive_slot(&store, 8 * DAY).await;
    let from = save_snapshot(&snapshot_of_16(&cluster), folder.path());
    let verdict = |config: &str| {
        let own = folder.path().join("own.toml");
        std::fs::write(&own, config).unwrap();
        let arguments = ["slots", "--format", "json", "--from", &from, "--history", store.to_str().unwrap()];
        let answer = parse_report(&run_in_folder(
            folder.path(),
            &[&arguments[..], &["--config", own.to_str().unwrap()]].concat(),
        ));
        find_slot(&answer, "forgotten")["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(""), "stale");
    assert_eq!(verdict("[slots]\nstale_after = '9 days'"), "inactive");
}

/// Returns the messages of a report about a store, after checking that the report equals the one without a store.
async fn store_messages(prepare: impl AsyncFn(&Path) -> PathBuf) -> String {
    let folder = tempfile::tempdir().unwrap();
    let store = prepare(folder.path()).await;
    let mut cluster = SimulatedCluster::new();
    cluster.add_slot("forgotten");
    cluster.advance(24 * 300, 900 * MB);
    let from = save_snapshot(&snapshot_of_16(&cluster), folder.path());
    let arguments = ["slots", "--format", "json", "--from", &from, "--history", store.to_str().unwrap()];
    let with = run_in_folder(folder.path(), &arguments);
    assert_eq!(parse_report(&with), parse_report(&run_in_folder(folder.path(), &arguments[..5])));
    let quiet = run_in_folder(folder.path(), &[&arguments[..], &["-q"]].concat());
    assert!(quiet.status.success() && !stderr_text(&quiet).contains("history:"), "{quiet:?}");
    let messages = stderr_text(&with);
    assert!(messages.lines().filter(|line| line.starts_with("history: ")).count() <= 1, "printed once: {messages}");
    messages
}

#[tokio::test]
async fn reports_unusable_store_gives_one_message() {
    let nowhere = store_messages(async |folder: &Path| folder.join("missing/history.db")).await;
    assert!(nowhere.contains("history: no samples yet"), "{nowhere}");
    let none = store_messages(async |_: &Path| "none".into()).await;
    assert!(none.contains("history: disabled"), "{none}");
    let garbage = store_messages(async |folder: &Path| {
        let path = folder.join("garbage.db");
        std::fs::write(&path, "this is no database, whatever its name says").unwrap();
        path
    })
    .await;
    assert!(garbage.contains("history: ") && garbage.contains("garbage.db"), "{garbage}");
    let refused = store_messages(async |_: &Path| "postgresql://app:hunter2@127.0.0.1:1/pgtend".into()).await;
    assert!(refused.contains("history: ") && !refused.contains("hunter2"), "{refused}");
    let newer = store_messages(async |folder: &Path| {
        let path = folder.join("newer.db");
        Store::open(&parse_address(&path)).await.unwrap().close().await;
        execute_sqlite(
            &path,
            "update _sqlx_migrations set version = 99 where version = (select max(version) from _sqlx_migrations)",
        )
        .await;
        path
    })
    .await;
    assert!(newer.contains("schema version 99"), "{newer}");
    let older = store_messages(async |folder: &Path| {
        let path = folder.join("older.db");
        Store::open(&parse_address(&path)).await.unwrap().close().await;
        execute_sqlite(&path, "delete from _sqlx_migrations where version > 1").await;
        path
    })
    .await;
    assert!(older.contains("schema version 1"), "{older}");
    let foreign = store_messages(async |folder: &Path| {
        let path = folder.join("foreign.db");
        execute_sqlite(&path, "create table somebodys (own integer)").await;
        path
    })
    .await;
    assert!(foreign.contains("no samples yet"), "{foreign}");
}

/// A server that accepts connections and never responds.
#[tokio::test]
async fn reports_do_not_wait_for_silent_store() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgresql://app@{}/pgtend", silent.local_addr().unwrap());
    let remark = store_messages(async |_: &Path| url.clone().into()).await;
    assert!(remark.contains("history: "), "{remark}");
}

async fn execute_sqlite(path: &Path, statement: &'static str) {
    use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute(statement).await.unwrap();
    connection.close().await.unwrap();
}

/// Returns all paths below a folder, with the files' contents.
fn folder_contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn reports_do_not_write_to_the_store() {
    on_the_newest_shared("reports do not write to the store", async |_, cluster| {
        let folder = tempfile::tempdir().unwrap();
        for command in ["overview", "slots", "wal", "indexes"] {
            let output = run_in_folder(folder.path(), &[command, "-d", &cluster.conninfo()]);
            assert!(output.status.success() && !stderr_text(&output).contains("history"), "{output:?}");
        }
        assert!(!folder.path().join("state").exists(), "a report created a store");
        let recorded = run_in_folder(folder.path(), &["history", "record", "-d", &cluster.conninfo()]);
        assert!(recorded.status.success(), "{recorded:?}");
        let state = folder.path().join("state/pgtend");
        let before = folder_contents(&state);
        for command in ["overview", "slots", "wal", "indexes"] {
            let output = run_in_folder(folder.path(), &[command, "-d", &cluster.conninfo()]);
            assert!(output.status.success() && !stderr_text(&output).contains("history"), "{output:?}");
        }
        for command in ["list", "growth", "journal"] {
            assert!(run_in_folder(folder.path(), &["history", command]).status.success());
        }
        assert!(folder_contents(&state) == before, "a report changed the store: {:?}", folder_contents(&state).len());
    })
    .await;
}

/// Runs as a user without write privilege, in a read-only folder.
#[tokio::test]
async fn reports_read_a_store_in_read_only_folder() {
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    let store = locked.join("history.db");
    let cluster = record_inactive_slot(&store, 8 * DAY).await;
    let from = save_snapshot(&snapshot_of_16(&cluster), folder.path());
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(&store, 0o444);
    mode(&locked, 0o555);
    let run = |arguments: &[&str]| pgtend_as_nobody(folder.path(), arguments).output().unwrap();
    let to_store = ["--history", store.to_str().unwrap()];
    let judged = run(&[&["slots", "--format", "json", "--from", &from], &to_store[..]].concat());
    let listed = run(&[&["history", "list"], &to_store[..]].concat());
    let recorded = run(&[&["history", "record", "--from", &from], &to_store[..]].concat());
    mode(&locked, 0o755);
    assert!(!stderr_text(&judged).contains("history"), "{judged:?}");
    assert_eq!(find_slot(&parse_report(&judged), "forgotten")["verdict"], "stale");
    assert!(listed.status.success(), "{listed:?}");
    assert!(recorded.status.code() == Some(1) && stderr_text(&recorded).contains("history.db"), "{recorded:?}");
    assert_eq!(folder_contents(&locked).len(), 1, "a file was created in the folder");
}

/// The next run of any command prints the action that a killed run left open.
#[tokio::test]
async fn reports_list_open_journal_entries() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("history.db");
    let cluster = record_inactive_slot(&store, DAY).await;
    let open = Store::open(&parse_address(&store)).await.unwrap();
    let intent = Intent {
        system_identifier: Some(cluster.system_identifier.clone()),
        server: "\"db1\", port 5432".into(),
        database: "shop".into(),
        role: "pgtend".into(),
        kind: "drop-slot".into(),
        subject: "forgotten".into(),
        statement: "select pg_drop_replication_slot('forgotten')".into(),
        seen: json!({}),
        promised_bytes: None,
        quantity: None,
        before_bytes: None,
        begun_at: cluster.now,
    };
    open.write_intent(&intent).await.unwrap();
    open.close().await;
    let from = save_snapshot(&snapshot_of_16(&cluster), folder.path());
    let output = run_in_folder(folder.path(), &["slots", "--from", &from, "--history", store.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    for part in ["drop-slot of forgotten", "\"db1\", port 5432", "2025-01-02 03:00:00Z", "pgtend history journal"] {
        assert!(stderr_text(&output).contains(part), "{part}: {}", stderr_text(&output));
    }
}

/// Real facts of a real server; only the time of the first sample is changed.
#[tokio::test]
async fn reports_unused_index_needs_long_observation() {
    on_a_major_and_the_newest_shared(13, "index evidence from the store", async |_, cluster| {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("history.db");
        let database = create_database(cluster).await;
        execute_sql(
            cluster,
            &database,
            "create table orders (id bigint, note text); \
             insert into orders select n, md5(n::text) from generate_series(1, 50000) n; \
             create index unused on orders (note); create index used on orders (id); analyze orders; \
             set enable_seqscan = off; \
             select from orders where id = 1; select from orders where id = 2; select from orders where id = 3;",
        )
        .await;
        let counted = "select idx_scan = 3 from pg_stat_user_indexes where indexrelname = 'used'";
        wait_until_true_in(cluster, &database, counted).await;
        let conninfo = format!("{} dbname={database}", cluster.conninfo());
        let taken = run_in_folder(folder.path(), &["snapshot", "-d", &conninfo]);
        assert_output_is_valid(&taken.stdout);
        let now: Snapshot = serde_json::from_slice(&taken.stdout).unwrap();
        let row = |days: i64| {
            let (folder, now, conninfo) = (folder.path(), now.clone(), conninfo.clone());
            let store = store.with_file_name(format!("{days}.db"));
            async move {
                let open = Store::open(&parse_address(&store)).await.unwrap();
                let mut files = Vec::new();
                // The counters started with the server, a moment ago; up to then, samples exist.
                for hours in [24 * days, 1, 0] {
                    let mut then = now.clone();
                    then.collected_at -= SignedDuration::from_hours(hours);
                    for database_snapshot in then.database_snapshots.iter_mut().filter(|_| hours > 0) {
                        let Fact::Known(resets) = &mut database_snapshot.statistics_resets else {
                            panic!("resets are known")
                        };
                        (resets.database_reset, resets.shared_reset) = (None, Some(Timestamp::UNIX_EPOCH));
                    }
                    open.record(&then).await.unwrap();
                    let file = folder.join(format!("{days}-{hours}.json"));
                    std::fs::write(&file, serde_json::to_string(&then).unwrap()).unwrap();
                    files.push(format!("--since={}", file.display()));
                }
                open.close().await;
                let arguments = ["indexes", "--format", "json", "-d", &conninfo, "--history"];
                let of_store = [&arguments[..], &[store.to_str().unwrap()]].concat();
                let files: Vec<&str> = files.iter().rev().map(String::as_str).collect();
                let of_files = [&arguments[..], &["none"], &files].concat();
                let report = parse_report(&run_in_folder(folder, &of_store));
                let by_files = self::parse_report(&run_in_folder(folder, &of_files));
                let judged = |report: &Value| {
                    let rows = report["indexes"].as_array().unwrap().clone();
                    rows.into_iter().map(|row| (row["index"].clone(), row["verdict"].clone())).collect::<Vec<_>>()
                };
                assert_eq!(judged(&report), judged(&by_files), "snapshot files count as samples");
                assert_eq!(report["observation"]["since"], by_files["observation"]["since"]);
                let verdict_of = |name: &str| {
                    let rows = report["indexes"].as_array().unwrap();
                    rows.iter().find(|row| row["index"] == name).unwrap()["verdict"].clone()
                };
                (verdict_of("unused"), verdict_of("used"), report["observation"].clone())
            }
        };
        let (unused, used, observation) = row(94).await;
        assert_eq!((unused, used), (json!("review"), json!("review")), "{observation}");
        assert_eq!((&observation["source"], &observation["sufficient"]), (&json!("history"), &json!(false)));
        let (unused, used, observation) = row(96).await;
        assert_eq!((unused, used), (json!("drop"), json!("review")), "{observation}");
        let since: Timestamp = observation["since"].as_str().unwrap().parse().unwrap();
        assert_eq!(since, now.collected_at - SignedDuration::from_hours(96 * 24));
        assert!(observation["seconds"].as_u64().unwrap() >= 95 * 86_400, "{observation}");
        execute_sql(cluster, "postgres", &format!("drop database {database}")).await;
    })
    .await;
}

/// The WAL rate of two samples is named as such.
#[tokio::test]
async fn reports_wal_rate_comes_from_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("history.db");
    let cluster = record_inactive_slot(&store, DAY).await;
    let mut now = snapshot_of_16(&cluster);
    now.wal_position =
        serde_json::from_value(json!({"known": {"current_lsn": Lsn::new(cluster.lsn), "replay_lsn": null,
        "requested_at": cluster.now}}))
        .unwrap();
    let from = save_snapshot(&now, folder.path());
    let arguments = ["wal", "--format", "json", "--from", &from, "--history", store.to_str().unwrap()];
    let wal = parse_report(&run_in_folder(folder.path(), &arguments))["wal"].clone();
    assert_eq!(wal["rate_bytes_per_hour"], 20 * MB / 6, "{wal}");
    assert_eq!((&wal["rate_source"], &wal["rate_span_seconds"]), (&json!("history"), &json!(86_400.0)));
}
