//! `pgtend slots drop` through the program: refusals and their exit codes, without any change.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use pg_sandbox::{Cluster, StandbyOptions};
use serde_json::Value;

use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest, on_every_installation, private_cluster,
    query_one_text, query_texts,
};
use crate::schemas::assert_output_is_valid;

pub struct DropRun {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl DropRun {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    /// Returns the outcome of a slot, or the reason of its refusal.
    pub fn outcome_of(&self, name: &str) -> String {
        let report = self.json();
        let line = report["drops"].as_array().unwrap().iter().find(|line| line["slot_name"] == name).unwrap().clone();
        match line["outcome"].as_str() {
            Some(outcome) => outcome.to_owned(),
            None => {
                line["refusals"].as_array().unwrap().iter().map(|refusal| refusal["id"].as_str().unwrap()).collect()
            }
        }
    }
}

/// A cluster and the store with its journal.
pub struct DropTarget {
    pub cluster: Cluster,
    folder: tempfile::TempDir,
}

impl DropTarget {
    pub fn history(&self) -> String {
        self.folder.path().join("history.db").to_str().unwrap().to_owned()
    }

    fn drop_slots_as(&self, role: &str, arguments: &[&str]) -> DropRun {
        let conninfo = self.cluster.conninfo().replace("user=postgres", &format!("user={role}"));
        run_slots_drop(&conninfo, &self.history(), arguments)
    }

    fn drop_slots(&self, arguments: &[&str]) -> DropRun {
        self.drop_slots_as("postgres", arguments)
    }

    async fn slot_names(&self) -> Vec<String> {
        slot_names(&self.cluster).await
    }

    pub fn journal_entries(&self) -> Vec<Value> {
        let output = run_pgtend(&["history", "journal", "--format", "json", "--history", &self.history()]);
        if output.exit != 0 {
            return Vec::new();
        }
        output.json()["entries"].as_array().unwrap().clone()
    }
}

pub async fn slot_names(cluster: &Cluster) -> Vec<String> {
    let rows = query_texts(cluster, "postgres", "select slot_name from pg_replication_slots order by 1").await;
    rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}

pub fn run_pgtend(arguments: &[&str]) -> DropRun {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    let output = command.env_clear().env("HOME", "/nonexistent").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run =
        DropRun { exit: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(run.exit != 70 && !run.stderr.contains("a bug in pgtend"), "{arguments:?}: {}", run.stderr);
    assert_output_is_valid(run.stdout.as_bytes());
    run
}

pub fn run_slots_drop(conninfo: &str, history: &str, arguments: &[&str]) -> DropRun {
    run_pgtend(&[&["slots", "drop", "--format", "json", "--history", history, "-d", conninfo], arguments].concat())
}

pub fn create_drop_target(installation: &pg_sandbox::Installation) -> DropTarget {
    let mut options = cluster_options().with_setting("autovacuum", "off").with_setting("checkpoint_timeout", "1h");
    options.initdb.push("--wal-segsize=1".to_owned());
    DropTarget { cluster: private_cluster(installation, options), folder: tempfile::tempdir().unwrap() }
}

/// Writes snapshots of the last eight days, in which no slot was used.
fn write_aged_snapshots(drop_target: &DropTarget, folder: &Path) -> Vec<String> {
    let snapshot = run_pgtend(&["snapshot", "--history", "none", "-d", &drop_target.cluster.conninfo()]).json();
    let hours = (1..=32).map(|number| number * 6);
    let file = |hours: i64| {
        let mut snapshot = snapshot.clone();
        let collected_at: Timestamp = snapshot["collected_at"].as_str().unwrap().parse().unwrap();
        snapshot["collected_at"] =
            collected_at.checked_sub(SignedDuration::from_hours(hours)).unwrap().to_string().into();
        let file = folder.join(format!("{hours}.json"));
        fs::write(&file, snapshot.to_string()).unwrap();
        format!("--since={}", file.display())
    };
    hours.map(file).collect()
}

pub async fn write_wal(cluster: &Cluster, megabytes: u32) {
    let filler = format!(
        "select pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) from generate_series(1, {megabytes})"
    );
    execute_sql(cluster, "postgres", &filler).await;
}

#[tokio::test]
async fn drop_refuses_protected_slots() {
    on_every_installation("refusals of slots drop", async |major, installation| {
        let drop_target = create_drop_target(installation);
        let cluster = &drop_target.cluster;
        execute_sql(
            cluster,
            "postgres",
            "create role plain login; create role repl login replication; create role member login in role repl",
        )
        .await;
        for name in ["orders", "_cnpg_shop_2"] {
            execute_sql(cluster, "postgres", &format!("select pg_create_physical_replication_slot('{name}', true)"))
                .await;
        }
        let holder = connect_superuser(cluster, "postgres").await;
        holder.batch_execute("select pg_create_physical_replication_slot('passing', true, true)").await.unwrap();
        let slot_names = drop_target.slot_names().await;

        let unknown = drop_target.drop_slots(&["order", "--yes"]);
        assert_eq!((unknown.exit, unknown.stdout.as_str()), (1, ""), "{}", unknown.stderr);
        let stderr = &unknown.stderr;
        assert!(
            stderr.contains("pgtend slots") && !stderr.contains("orders\"?") && !stderr.contains("did you"),
            "{stderr}"
        );
        let unwritable =
            drop_target.drop_slots(&["orders", "--yes", "--allow-unproven", "--output", "/nowhere/report"]);
        assert_eq!((unwritable.exit, unwritable.stdout.as_str()), (1, ""), "{}", unwritable.stderr);
        assert!(unwritable.stderr.contains("cannot write /nowhere/report"), "{}", unwritable.stderr);
        assert_eq!(drop_target.slot_names().await, slot_names);
        for role in ["plain", "member"] {
            let denied = drop_target.drop_slots_as(role, &["orders", "--yes", "--allow-unproven"]);
            assert_eq!((denied.exit, denied.stdout.as_str()), (1, ""), "{}", denied.stderr);
            let hint = format!("ALTER ROLE {role} REPLICATION");
            assert!(
                denied.stderr.contains("lacks the privilege to drop") && denied.stderr.contains(&hint),
                "{}",
                denied.stderr
            );
        }
        let denied = drop_target.drop_slots_as("repl", &["orders", "--yes", "--allow-unproven", "--checkpoint"]);
        assert_eq!(denied.exit, 1, "{}", denied.stderr);
        assert!(denied.stderr.contains("lacks the privilege to run CHECKPOINT"), "{}", denied.stderr);
        assert_eq!(denied.stderr.contains("GRANT pg_checkpoint TO repl"), major >= 15, "{}", denied.stderr);

        let everything = ["--yes", "--allow-unproven", "--allow-managed"];
        let temporary = drop_target.drop_slots(&[&["passing"], &everything[..]].concat());
        assert_eq!((temporary.exit, temporary.outcome_of("passing")), (4, "temporary".to_owned()));
        let managed = drop_target.drop_slots(&["_cnpg_shop_2", "--yes", "--allow-unproven"]);
        assert_eq!((managed.exit, managed.outcome_of("_cnpg_shop_2")), (4, "managed".to_owned()));
        let unproven = drop_target.drop_slots(&["orders", "--yes", "--allow-managed"]);
        assert_eq!((unproven.exit, unproven.outcome_of("orders")), (4, "unproven".to_owned()));
        let unasked = drop_target.drop_slots(&["orders", "--allow-managed"]);
        assert_eq!(unasked.exit, 4);
        assert!(
            unasked.stderr.contains("confirmation requires a terminal") && unasked.stderr.contains("--yes"),
            "{}",
            unasked.stderr
        );
        assert_eq!(unasked.json()["is_plan"], true, "the plan is still printed");
        let dry = drop_target.drop_slots(&["orders", "--dry-run", "--allow-managed"]);
        assert_eq!((dry.exit, dry.json()["drops"][0]["decision"].as_str()), (0, Some("drop")), "{}", dry.stderr);

        let file = drop_target.folder.path().join("a_file");
        fs::write(&file, "").unwrap();
        let no_folder = file.join("history.db");
        for history in [no_folder.to_str().unwrap(), "none"] {
            let unwritten = run_slots_drop(&cluster.conninfo(), history, &[&["orders"], &everything[..]].concat());
            assert_eq!((unwritten.exit, unwritten.stdout.as_str()), (4, ""), "{}", unwritten.stderr);
            assert!(unwritten.stderr.contains("--no-journal"), "{}", unwritten.stderr);
        }
        for (arguments, exit) in [
            (&["--stale", "orders"][..], 2),
            (&[], 2),
            (&["orders", "--limit", "3"], 2),
            (&["orders", "--allow-unproven"], 2),
            (&["orders", "--yes", "--dry-run"], 2),
        ] {
            assert_eq!(drop_target.drop_slots(arguments).exit, exit, "{arguments:?}");
        }
        let nothing = drop_target.drop_slots(&["--stale", "--yes"]);
        assert_eq!((nothing.exit, nothing.json()["drops"].as_array().unwrap().len()), (0, 0), "{}", nothing.stderr);
        assert_eq!(drop_target.slot_names().await, slot_names, "the slots have changed");
        assert_eq!(drop_target.journal_entries(), Vec::<Value>::new(), "the journal has an entry");
    })
    .await;
}

#[tokio::test]
async fn drop_allowed_slots_are_journaled() {
    on_every_installation("drops of allowed slots", async |major, installation| {
        let mut drop_target = create_drop_target(installation);
        let cluster = &drop_target.cluster;
        for name in ["forgotten", "forgotten_too"] {
            execute_sql(
                cluster,
                "postgres",
                &format!("select pg_create_logical_replication_slot('{name}', 'test_decoding')"),
            )
            .await;
        }
        for name in ["in_use", "away", "_cnpg_shop_2"] {
            execute_sql(cluster, "postgres", &format!("select pg_create_physical_replication_slot('{name}', true)"))
                .await;
        }
        execute_sql(cluster, "postgres", "select pg_create_physical_replication_slot('never')").await;
        let folder = tempfile::tempdir().unwrap();
        let since = write_aged_snapshots(&drop_target, folder.path());
        let since: Vec<&str> = since.iter().map(String::as_str).collect();
        write_wal(cluster, 3).await;

        let unnamed = drop_target.drop_slots(&[&["--stale", "--yes"], &since[..]].concat());
        assert_eq!((unnamed.exit, unnamed.outcome_of("forgotten")), (4, "not-named".to_owned()), "{}", unnamed.stderr);
        let plan = drop_target.drop_slots(&[&["--stale", "--dry-run"], &since[..]].concat()).json();
        let names: Vec<&str> =
            plan["drops"].as_array().unwrap().iter().map(|line| line["slot_name"].as_str().unwrap()).collect();
        assert_eq!(names, ["forgotten", "forgotten_too"], "physical slots have a limit of 14 days");

        let named = drop_target.drop_slots(&[&["forgotten", "--yes", "--checkpoint"], &since[..]].concat());
        assert_eq!(
            (named.exit, named.outcome_of("forgotten")),
            (0, "done".to_owned()),
            "{} {}",
            named.stdout,
            named.stderr
        );
        assert_eq!(named.json()["checkpoint"]["outcome"], "done");
        assert!(named.json()["checkpoint"]["after_bytes"].is_u64(), "{}", named.stdout);
        let entries = drop_target.journal_entries();
        assert_eq!(entries.len(), 2, "{entries:?}");
        let entry = &entries[1];
        assert_eq!((&entry["subject"], &entry["outcome"]["outcome"]), (&"forgotten".into(), &"done".into()));
        assert_eq!(
            (&entry["kind"], &entry["role"], &entry["database"]),
            (&"drop-slot".into(), &"postgres".into(), &"postgres".into())
        );
        let planned_slot = &entry["seen"];
        assert_eq!(
            (&planned_slot["slot"]["plugin"], &planned_slot["plan"]["verdict"]),
            (&"test_decoding".into(), &"stale".into())
        );
        assert!(
            planned_slot["plan"]["recreate_statement"]
                .as_str()
                .unwrap()
                .contains("pg_create_logical_replication_slot('forgotten'")
        );
        assert!(entry["statement"].as_str().unwrap().contains("not s.active"), "{entry}");
        assert!(entry["promised_bytes"].is_u64() && entry["before_bytes"].is_u64(), "{entry}");

        let config = folder.path().join("pgtend.toml");
        fs::write(&config, "[slots]\ndroppable = ['forgotten_too']\n").unwrap();
        let config = config.to_str().unwrap();
        let droppable = drop_target.drop_slots(&[&["--stale", "--yes", "--config", config], &since[..]].concat());
        assert_eq!(
            (droppable.exit, droppable.outcome_of("forgotten_too")),
            (0, "done".to_owned()),
            "{}",
            droppable.stderr
        );

        // The statement in the journal creates an equivalent slot.
        let successor = planned_slot["plan"]["recreate_statement"].as_str().unwrap();
        execute_sql(cluster, "postgres", successor).await;
        let remade = query_one_text(
            cluster,
            "postgres",
            "select plugin from pg_replication_slots where slot_name = 'forgotten'",
        )
        .await;
        assert_eq!(remade.as_deref(), Some("test_decoding"));

        let away = StandbyOptions { primary_slot_name: Some("in_use".to_owned()), ..StandbyOptions::default() };
        let mut standby = drop_target.cluster.create_standby(&away).expect("a standby");
        let cluster = &drop_target.cluster;
        crate::reports::fixture_servers::wait_until_true(
            cluster,
            "select active from pg_replication_slots where slot_name = 'in_use'",
        )
        .await;
        let mixed = drop_target.drop_slots(&["never", "in_use", "--yes", "--allow-unproven", "--allow-managed"]);
        assert_eq!(
            (mixed.exit, mixed.outcome_of("never"), mixed.outcome_of("in_use")),
            (3, "done".to_owned(), "active".to_owned())
        );
        let unjournaled =
            drop_target.drop_slots(&["_cnpg_shop_2", "--yes", "--allow-unproven", "--allow-managed", "--no-journal"]);
        assert_eq!(
            (unjournaled.exit, unjournaled.outcome_of("_cnpg_shop_2")),
            (0, "done".to_owned()),
            "{}",
            unjournaled.stderr
        );
        for record in ["\"record\":\"intent\"", "\"record\":\"outcome\"", "_cnpg_shop_2"] {
            assert!(unjournaled.stderr.contains(record), "{}", unjournaled.stderr);
        }
        assert_eq!(drop_target.journal_entries().len(), 4, "the journal has new entries");

        // A standby's own slots.
        execute_sql(&standby, "postgres", "select pg_create_physical_replication_slot('cascade', true)").await;
        let on_standby =
            run_slots_drop(&standby.conninfo(), &drop_target.history(), &["cascade", "--yes", "--allow-unproven"]);
        assert_eq!(
            (on_standby.exit, on_standby.outcome_of("cascade")),
            (0, "done".to_owned()),
            "{} {}",
            on_standby.stdout,
            on_standby.stderr
        );
        assert_eq!(slot_names(&standby).await, Vec::<String>::new());
        let repl = "create role repl login replication";
        execute_sql(cluster, "postgres", repl).await;
        let by_role = drop_target.drop_slots_as("repl", &["away", "--yes", "--allow-unproven", "--allow-managed"]);
        assert_eq!(
            (by_role.exit, by_role.outcome_of("away")),
            (0, "done".to_owned()),
            "{} {}",
            by_role.stdout,
            by_role.stderr
        );
        assert_eq!(drop_target.slot_names().await, ["forgotten", "in_use"], "on {major}");
        standby.stop(pg_sandbox::StopMode::Fast).unwrap();
    })
    .await;
}

/// On a terminal the name must be typed.
#[tokio::test]
async fn drop_on_terminal_needs_the_slot_name() {
    on_a_major_and_the_newest(13, "slots drop on a terminal", async |_, installation| {
        let drop_target = create_drop_target(installation);
        for name in ["one", "two"] {
            execute_sql(
                &drop_target.cluster,
                "postgres",
                &format!("select pg_create_physical_replication_slot('{name}', true)"),
            )
            .await;
        }
        for typed in ["\n\n", "yes\ny\n", "ONE\none\n", "\u{4}"] {
            let (exit, shown) = drop_on_terminal(&drop_target, typed);
            assert_eq!(exit, 4, "{typed:?}: {shown}");
            assert!(shown.contains("type the slot's name (one)") && shown.contains("role postgres"), "{shown}");
            assert_eq!(drop_target.slot_names().await, ["one", "two"], "{typed:?}: {shown}");
        }
        let (exit, shown) = drop_on_terminal(&drop_target, "one\n\n");
        assert_eq!((exit, drop_target.slot_names().await), (3, vec!["two".to_owned()]), "{shown}");
        assert!(shown.contains("its name was not entered"), "{shown}");
    })
    .await;
}

/// Runs on a terminal created by util-linux's script(1).
fn drop_on_terminal(drop_target: &DropTarget, typed: &str) -> (i32, String) {
    use std::io::Write;
    let command = format!(
        "{} slots drop one two --history '{}' -d '{}'",
        env!("CARGO_BIN_EXE_pgtend"),
        drop_target.history(),
        drop_target.cluster.conninfo()
    );
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script of util-linux");
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn drop_unprintable_plan_is_not_executed() {
    on_a_major_and_the_newest(15, "plan on a closed or full stderr", async |_, installation| {
        let drop_target = create_drop_target(installation);
        execute_sql(&drop_target.cluster, "postgres", "select pg_create_physical_replication_slot('kept', true)").await;
        let conninfo = drop_target.cluster.conninfo();
        for (stderr, journal) in [
            ("2>&-", ["--history", &drop_target.history()]),
            ("2>/dev/full", ["--history", &drop_target.history()]),
            ("2>&-", ["--no-journal", "-q"]),
            ("2>/dev/full", ["--no-journal", "-q"]),
        ] {
            let script = format!("exec \"$0\" slots drop kept --yes --allow-unproven \"$@\" {stderr}");
            let mut command = Command::new("sh");
            command.args(["-c", &script, env!("CARGO_BIN_EXE_pgtend"), "-d", &conninfo]).args(journal);
            let output = command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null()).output().unwrap();
            assert_eq!(output.status.code(), Some(4), "{stderr} {journal:?}: {output:?}");
            assert_eq!(drop_target.slot_names().await, ["kept"], "{stderr} {journal:?}");
        }
        assert!(drop_target.journal_entries().is_empty(), "the journal has an entry");
    })
    .await;
}
