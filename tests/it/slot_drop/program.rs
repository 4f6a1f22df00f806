//! `pgtend slots drop` as a program: what it refuses, with which exit code, and that nothing has changed then.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use pgtend::sandbox::{Cluster, StandbyOptions};
use serde_json::Value;

use crate::clusters::{
    connect, on_a_major_and_the_newest, on_every_installation, options, private, query_one_text, query_texts, sql,
};

pub struct Run {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    /// The outcome of a slot, or why it was refused.
    pub fn of(&self, name: &str) -> String {
        let report = self.json();
        let line = report["drops"].as_array().unwrap().iter().find(|line| line["slot_name"] == name).unwrap().clone();
        match line["outcome"].as_str() {
            Some(outcome) => outcome.to_owned(),
            None => line["refusals"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect(),
        }
    }
}

/// A cluster and where deeds on it are written down.
pub struct Place {
    pub cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Place {
    pub fn history(&self) -> String {
        self.folder.path().join("history.db").to_str().unwrap().to_owned()
    }

    fn run_as(&self, role: &str, arguments: &[&str]) -> Run {
        let conninfo = self.cluster.conninfo().replace("user=postgres", &format!("user={role}"));
        run(&conninfo, &self.history(), arguments)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_as("postgres", arguments)
    }

    async fn slots(&self) -> Vec<String> {
        slots(&self.cluster).await
    }

    pub fn deeds(&self) -> Vec<Value> {
        let output = pgtend(&["history", "journal", "--format", "json", "--history", &self.history()]);
        if output.exit != 0 {
            return Vec::new();
        }
        output.json()["deeds"].as_array().unwrap().clone()
    }
}

pub async fn slots(cluster: &Cluster) -> Vec<String> {
    let rows = query_texts(cluster, "postgres", "select slot_name from pg_replication_slots order by 1").await;
    rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}

fn pgtend(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    let output = command.env_clear().env("HOME", "/nonexistent").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run =
        Run { exit: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(run.exit != 70 && !run.stderr.contains("a bug in pgtend"), "{arguments:?}: {}", run.stderr);
    run
}

pub fn run(conninfo: &str, history: &str, arguments: &[&str]) -> Run {
    pgtend(&[&["slots", "drop", "--format", "json", "--history", history, "-d", conninfo], arguments].concat())
}

pub fn place(installation: &pgtend::sandbox::Installation) -> Place {
    let mut options = options().set("autovacuum", "off").set("checkpoint_timeout", "1h");
    options.initdb.push("--wal-segsize=1".to_owned());
    Place { cluster: private(installation, options), folder: tempfile::tempdir().unwrap() }
}

/// Looks of the last eight days, in which nobody used any slot.
fn aged(place: &Place, folder: &Path) -> Vec<String> {
    let look = pgtend(&["snapshot", "--history", "none", "-d", &place.cluster.conninfo()]).json();
    let hours = (1..=32).map(|number| number * 6);
    let file = |hours: i64| {
        let mut look = look.clone();
        let at: Timestamp = look["collected_at"].as_str().unwrap().parse().unwrap();
        look["collected_at"] = at.checked_sub(SignedDuration::from_hours(hours)).unwrap().to_string().into();
        let file = folder.join(format!("{hours}.json"));
        fs::write(&file, look.to_string()).unwrap();
        format!("--since={}", file.display())
    };
    hours.map(file).collect()
}

pub async fn write_wal(cluster: &Cluster, megabytes: u32) {
    let filler = format!(
        "select pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) from generate_series(1, {megabytes})"
    );
    sql(cluster, "postgres", &filler).await;
}

#[tokio::test]
async fn what_may_not_be_dropped_stays() {
    on_every_installation("refusals of slots drop", async |major, installation| {
        let place = place(installation);
        let cluster = &place.cluster;
        sql(
            cluster,
            "postgres",
            "create role plain login; create role repl login replication; create role member login in role repl",
        )
        .await;
        for name in ["orders", "_cnpg_shop_2"] {
            sql(cluster, "postgres", &format!("select pg_create_physical_replication_slot('{name}', true)")).await;
        }
        let holder = connect(cluster, "postgres").await;
        holder.batch_execute("select pg_create_physical_replication_slot('passing', true, true)").await.unwrap();
        let all = place.slots().await;

        let unknown = place.run(&["order", "--yes"]);
        assert_eq!((unknown.exit, unknown.stdout.as_str()), (1, ""), "{}", unknown.stderr);
        let said = &unknown.stderr;
        assert!(said.contains("pgtend slots") && !said.contains("orders\"?") && !said.contains("did you"), "{said}");
        let unwritable = place.run(&["orders", "--yes", "--allow-unproven", "--output", "/nowhere/report"]);
        assert_eq!((unwritable.exit, unwritable.stdout.as_str()), (1, ""), "{}", unwritable.stderr);
        assert!(unwritable.stderr.contains("cannot write /nowhere/report"), "{}", unwritable.stderr);
        assert_eq!(place.slots().await, all);
        for role in ["plain", "member"] {
            let denied = place.run_as(role, &["orders", "--yes", "--allow-unproven"]);
            assert_eq!((denied.exit, denied.stdout.as_str()), (1, ""), "{}", denied.stderr);
            let hint = format!("ALTER ROLE {role} REPLICATION");
            assert!(denied.stderr.contains("may not drop") && denied.stderr.contains(&hint), "{}", denied.stderr);
        }
        let denied = place.run_as("repl", &["orders", "--yes", "--allow-unproven", "--checkpoint"]);
        assert_eq!(denied.exit, 1, "{}", denied.stderr);
        assert!(denied.stderr.contains("may not run CHECKPOINT"), "{}", denied.stderr);
        assert_eq!(denied.stderr.contains("GRANT pg_checkpoint TO repl"), major >= 15, "{}", denied.stderr);

        let everything = ["--yes", "--allow-unproven", "--allow-managed"];
        let temporary = place.run(&[&["passing"], &everything[..]].concat());
        assert_eq!((temporary.exit, temporary.of("passing")), (4, "temporary".to_owned()));
        let managed = place.run(&["_cnpg_shop_2", "--yes", "--allow-unproven"]);
        assert_eq!((managed.exit, managed.of("_cnpg_shop_2")), (4, "managed".to_owned()));
        let unproven = place.run(&["orders", "--yes", "--allow-managed"]);
        assert_eq!((unproven.exit, unproven.of("orders")), (4, "unproven".to_owned()));
        let unasked = place.run(&["orders", "--allow-managed"]);
        assert_eq!(unasked.exit, 4);
        assert!(
            unasked.stderr.contains("no terminal to ask on") && unasked.stderr.contains("--yes"),
            "{}",
            unasked.stderr
        );
        assert_eq!(unasked.json()["is_plan"], true, "the plan all the same");
        let dry = place.run(&["orders", "--dry-run", "--allow-managed"]);
        assert_eq!((dry.exit, dry.json()["drops"][0]["decision"].as_str()), (0, Some("drop")), "{}", dry.stderr);

        let file = place.folder.path().join("a_file");
        fs::write(&file, "").unwrap();
        let no_folder = file.join("history.db");
        for history in [no_folder.to_str().unwrap(), "none"] {
            let unwritten = run(&cluster.conninfo(), history, &[&["orders"], &everything[..]].concat());
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
            assert_eq!(place.run(arguments).exit, exit, "{arguments:?}");
        }
        let nothing = place.run(&["--stale", "--yes"]);
        assert_eq!((nothing.exit, nothing.json()["drops"].as_array().unwrap().len()), (0, 0), "{}", nothing.stderr);
        assert_eq!(place.slots().await, all, "nothing has changed");
        assert_eq!(place.deeds(), Vec::<Value>::new(), "and nothing was begun");
    })
    .await;
}

#[tokio::test]
async fn what_is_proven_named_or_allowed_goes_and_the_journal_tells_of_it() {
    on_every_installation("slots drop drops", async |major, installation| {
        let mut place = place(installation);
        let cluster = &place.cluster;
        for name in ["forgotten", "forgotten_too"] {
            sql(cluster, "postgres", &format!("select pg_create_logical_replication_slot('{name}', 'test_decoding')"))
                .await;
        }
        for name in ["in_use", "away", "_cnpg_shop_2"] {
            sql(cluster, "postgres", &format!("select pg_create_physical_replication_slot('{name}', true)")).await;
        }
        sql(cluster, "postgres", "select pg_create_physical_replication_slot('never')").await;
        let folder = tempfile::tempdir().unwrap();
        let since = aged(&place, folder.path());
        let since: Vec<&str> = since.iter().map(String::as_str).collect();
        write_wal(cluster, 3).await;

        let unnamed = place.run(&[&["--stale", "--yes"], &since[..]].concat());
        assert_eq!((unnamed.exit, unnamed.of("forgotten")), (4, "not-named".to_owned()), "{}", unnamed.stderr);
        let plan = place.run(&[&["--stale", "--dry-run"], &since[..]].concat()).json();
        let names: Vec<&str> =
            plan["drops"].as_array().unwrap().iter().map(|line| line["slot_name"].as_str().unwrap()).collect();
        assert_eq!(names, ["forgotten", "forgotten_too"], "physical ones have 14 days");

        let named = place.run(&[&["forgotten", "--yes", "--checkpoint"], &since[..]].concat());
        assert_eq!((named.exit, named.of("forgotten")), (0, "done".to_owned()), "{} {}", named.stdout, named.stderr);
        assert_eq!(named.json()["checkpoint"]["outcome"], "done");
        assert!(named.json()["checkpoint"]["after_bytes"].is_u64(), "{}", named.stdout);
        let deeds = place.deeds();
        assert_eq!(deeds.len(), 2, "{deeds:?}");
        let deed = &deeds[1];
        assert_eq!((&deed["subject"], &deed["outcome"]["outcome"]), (&"forgotten".into(), &"done".into()));
        assert_eq!(
            (&deed["kind"], &deed["role"], &deed["database"]),
            (&"drop-slot".into(), &"postgres".into(), &"postgres".into())
        );
        let seen = &deed["seen"];
        assert_eq!((&seen["slot"]["plugin"], &seen["plan"]["verdict"]), (&"test_decoding".into(), &"stale".into()));
        assert!(seen["plan"]["successor"].as_str().unwrap().contains("pg_create_logical_replication_slot('forgotten'"));
        assert!(deed["statement"].as_str().unwrap().contains("not s.active"), "{deed}");
        assert!(deed["promised_bytes"].is_u64() && deed["before_bytes"].is_u64(), "{deed}");

        let config = folder.path().join("pgtend.toml");
        fs::write(&config, "[slots]\ndroppable = ['forgotten_too']\n").unwrap();
        let config = config.to_str().unwrap();
        let droppable = place.run(&[&["--stale", "--yes", "--config", config], &since[..]].concat());
        assert_eq!((droppable.exit, droppable.of("forgotten_too")), (0, "done".to_owned()), "{}", droppable.stderr);

        // The successor of the record makes the like of it.
        let successor = seen["plan"]["successor"].as_str().unwrap();
        sql(cluster, "postgres", successor).await;
        let remade = query_one_text(
            cluster,
            "postgres",
            "select plugin from pg_replication_slots where slot_name = 'forgotten'",
        )
        .await;
        assert_eq!(remade.as_deref(), Some("test_decoding"));

        let away = StandbyOptions { primary_slot_name: Some("in_use".to_owned()), ..StandbyOptions::default() };
        let mut standby = place.cluster.standby(&away).expect("a standby");
        let cluster = &place.cluster;
        crate::reports::zoo::wait_for(cluster, "select active from pg_replication_slots where slot_name = 'in_use'")
            .await;
        let mixed = place.run(&["never", "in_use", "--yes", "--allow-unproven", "--allow-managed"]);
        assert_eq!((mixed.exit, mixed.of("never"), mixed.of("in_use")), (3, "done".to_owned(), "active".to_owned()));
        let told = place.run(&["_cnpg_shop_2", "--yes", "--allow-unproven", "--allow-managed", "--no-journal"]);
        assert_eq!((told.exit, told.of("_cnpg_shop_2")), (0, "done".to_owned()), "{}", told.stderr);
        for record in ["\"record\":\"intent\"", "\"record\":\"outcome\"", "_cnpg_shop_2"] {
            assert!(told.stderr.contains(record), "{}", told.stderr);
        }
        assert_eq!(place.deeds().len(), 4, "the journal was left alone");

        // A standby's own slots are its own.
        sql(&standby, "postgres", "select pg_create_physical_replication_slot('cascade', true)").await;
        let there = run(&standby.conninfo(), &place.history(), &["cascade", "--yes", "--allow-unproven"]);
        assert_eq!((there.exit, there.of("cascade")), (0, "done".to_owned()), "{} {}", there.stdout, there.stderr);
        assert_eq!(slots(&standby).await, Vec::<String>::new());
        let repl = "create role repl login replication";
        sql(cluster, "postgres", repl).await;
        let by_role = place.run_as("repl", &["away", "--yes", "--allow-unproven", "--allow-managed"]);
        assert_eq!((by_role.exit, by_role.of("away")), (0, "done".to_owned()), "{} {}", by_role.stdout, by_role.stderr);
        assert_eq!(place.slots().await, ["forgotten", "in_use"], "on {major}");
        standby.stop(pgtend::sandbox::StopMode::Fast).unwrap();
    })
    .await;
}

/// On a terminal: the name is typed, and nothing else will do.
#[tokio::test]
async fn on_a_terminal_the_name_is_typed() {
    on_every_installation("slots drop on a terminal", async |_, installation| {
        let place = place(installation);
        for name in ["one", "two"] {
            sql(&place.cluster, "postgres", &format!("select pg_create_physical_replication_slot('{name}', true)"))
                .await;
        }
        for typed in ["\n\n", "yes\ny\n", "ONE\none\n", "\u{4}"] {
            let (exit, shown) = on_a_terminal(&place, typed);
            assert_eq!(exit, 4, "{typed:?}: {shown}");
            assert!(shown.contains("type the slot's name (one)") && shown.contains("as role postgres"), "{shown}");
            assert_eq!(place.slots().await, ["one", "two"], "{typed:?}: {shown}");
        }
        let (exit, shown) = on_a_terminal(&place, "one\n\n");
        assert_eq!((exit, place.slots().await), (3, vec!["two".to_owned()]), "{shown}");
        assert!(shown.contains("its name was not typed"), "{shown}");
    })
    .await;
}

/// By way of util-linux's script(1), which makes the terminal.
fn on_a_terminal(place: &Place, typed: &str) -> (i32, String) {
    use std::io::Write;
    let command = format!(
        "{} slots drop one two --history '{}' -d '{}'",
        env!("CARGO_BIN_EXE_pgtend"),
        place.history(),
        place.cluster.conninfo()
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
async fn plan_that_cannot_be_printed_is_not_executed() {
    on_a_major_and_the_newest(15, "plan that cannot be printed", async |_, installation| {
        let place = place(installation);
        sql(&place.cluster, "postgres", "select pg_create_physical_replication_slot('kept', true)").await;
        let conninfo = place.cluster.conninfo();
        for (stderr, journal) in [
            ("2>&-", ["--history", &place.history()]),
            ("2>/dev/full", ["--history", &place.history()]),
            ("2>&-", ["--no-journal", "-q"]),
            ("2>/dev/full", ["--no-journal", "-q"]),
        ] {
            let script = format!("exec \"$0\" slots drop kept --yes --allow-unproven \"$@\" {stderr}");
            let mut command = Command::new("sh");
            command.args(["-c", &script, env!("CARGO_BIN_EXE_pgtend"), "-d", &conninfo]).args(journal);
            let output = command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null()).output().unwrap();
            assert_eq!(output.status.code(), Some(4), "{stderr} {journal:?}: {output:?}");
            assert_eq!(place.slots().await, ["kept"], "{stderr} {journal:?}");
        }
        assert!(place.deeds().is_empty(), "nothing was begun");
    })
    .await;
}
