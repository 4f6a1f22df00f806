//! `slots drop` acts only on the planned server: several hosts, addresses that move, copies, restarts, promotions.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pg_sandbox::{Cluster, ClusterOptions, StandbyOptions, StopMode};
use pgtend::history::Store;
use serde_json::Value;

use super::program::{DropRun, run_slots_drop, slot_names};
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest, print_stderr, private_cluster,
    query_one_text, wait_until,
};
use crate::connection::pgbouncer::{Pgbouncer, find_pgbouncer};
use crate::history::parse_address;
use crate::proxy::{Behaviour, Proxy};
use crate::reports::fixture_servers::wait_until_true;
use crate::terminal::{Terminal, shell_line};

const SLOT: &str = "forgotten";
const CREATE_SLOT: &str = "select pg_create_physical_replication_slot('forgotten', true)";
const DROP_ARGUMENTS: [&str; 3] = [SLOT, "--yes", "--allow-unproven"];
/// The number of drops with a random choice of two hosts.
const DROPS: usize = 20;

/// Any role may connect over TCP: a conninfo with several hosts has only one password.
fn trust_options() -> ClusterOptions {
    let mut options = cluster_options().with_setting("autovacuum", "off").with_setting("checkpoint_timeout", "1h");
    options.hba = Some("local all all trust\nlocal replication all trust\nhost all all all trust\n".to_owned());
    options
}

fn conninfo_at(port: u16) -> String {
    format!("host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable")
}

fn random_hosts_conninfo(ports: [u16; 2]) -> String {
    format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user=postgres dbname=postgres sslmode=disable load_balance_hosts=random",
        ports[0], ports[1]
    )
}

/// `slots drop` on a terminal, waiting at its prompt.
struct Prompt {
    terminal: Terminal,
    folder: tempfile::TempDir,
}

impl Prompt {
    /// Returns `None` if `script` is not installed.
    fn start_at_prompt(test: &str, conninfo: &str) -> Option<Prompt> {
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db").to_str().unwrap().to_owned();
        let words = [env!("CARGO_BIN_EXE_pgtend"), "slots", "drop", SLOT, "--history", &history, "-d", conninfo];
        let terminal = Terminal::run_in_terminal(&shell_line(words), |command| {
            command.env_remove("DATABASE_URL").env("HOME", "/nonexistent");
        });
        let Some(mut terminal) = terminal else {
            print_stderr(&format!("{test}: NOT RUN: `script` is not installed"));
            return None;
        };
        terminal.wait_for("type the slot's name");
        Some(Prompt { terminal, folder })
    }

    /// Types the slot's name.
    async fn type_slot_name(self, what: &str) -> DropResult {
        let (exit, shown) = self.terminal.type_line(SLOT);
        DropResult {
            what: what.to_owned(),
            exit,
            output: shown,
            journal_outcomes: journal_outcomes(&self.folder.path().join("history.db")).await,
        }
    }
}

struct DropResult {
    what: String,
    exit: i32,
    output: String,
    /// The outcomes in the journal.
    journal_outcomes: Vec<String>,
}

impl DropResult {
    /// Asserts that nothing was dropped, and that the message names each of these properties.
    #[track_caller]
    fn assert_refused(&self, properties: &[&str]) {
        let DropResult { what, exit, output: shown, journal_outcomes: journalled } = self;
        assert_eq!(*exit, 4, "{what}: {shown}");
        assert!(shown.contains("a different server than planned"), "{what}: {shown}");
        for property in properties {
            assert!(shown.contains(property), "{what}: no {property:?} in {shown}");
        }
        assert_eq!(*journalled, [""; 0], "{what}");
    }
}

async fn journal_outcomes(history: &Path) -> Vec<String> {
    let store = Store::open(&parse_address(&history)).await.unwrap();
    let entries = store.journal_entries().await.unwrap();
    store.close().await;
    entries.into_iter().map(|entry| entry.outcome.map_or("open", |outcome| outcome.outcome.name()).to_owned()).collect()
}

async fn server_start_time(cluster: &Cluster) -> Timestamp {
    let row = "select to_jsonb(pg_postmaster_start_time()) #>> '{}'";
    query_one_text(cluster, "postgres", row).await.unwrap().parse().unwrap()
}

#[tokio::test]
async fn drop_random_hosts_uses_reported_server() {
    on_a_major_and_the_newest(13, "drops with two random hosts", async |major, installation| {
        let clusters = [private_cluster(installation, trust_options()), private_cluster(installation, trust_options())];
        let conninfo = random_hosts_conninfo([clusters[0].port(), clusters[1].port()]);
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db");
        let mut dropped = [0, 0];
        for cluster in &clusters {
            execute_sql(cluster, "postgres", CREATE_SLOT).await;
        }
        for number in 0..DROPS {
            let DropRun { exit, stdout, stderr } =
                run_slots_drop(&conninfo, history.to_str().unwrap(), &DROP_ARGUMENTS);
            assert_eq!(exit, 0, "drop {number} on {major}: {stdout} {stderr}");
            let report: Value = serde_json::from_str(&stdout).unwrap();
            let endpoint = report["endpoint"].as_str().unwrap();
            let reported = clusters.iter().position(|cluster| endpoint.ends_with(&format!("port {}", cluster.port())));
            let reported = reported.unwrap_or_else(|| panic!("{endpoint}"));
            assert_eq!(slot_names(&clusters[reported]).await, [""; 0], "drop {number} on {major}: {endpoint}");
            assert_eq!(slot_names(&clusters[1 - reported]).await, [SLOT], "drop {number} on {major}: {endpoint}");
            dropped[reported] += 1;

            let store = Store::open(&parse_address(&history)).await.unwrap();
            let entries = store.journal_entries().await.unwrap();
            store.close().await;
            let newest = entries.iter().max_by_key(|entry| entry.journal_id).unwrap();
            assert_eq!((entries.len(), &*newest.intent.server), (number + 1, endpoint));
            let planned_slot = &newest.intent.seen;
            assert_eq!(
                (planned_slot["endpoint"].as_str(), planned_slot["timeline_id"].as_u64()),
                (Some(endpoint), Some(1)),
                "{planned_slot}"
            );
            let start: Timestamp = planned_slot["server"]["started_at"].as_str().unwrap().parse().unwrap();
            assert_eq!(start, server_start_time(&clusters[reported]).await);
            execute_sql(&clusters[reported], "postgres", CREATE_SLOT).await;
        }
        print_stderr(&format!("drops with two random hosts, {major}: {dropped:?} on the reported server, 0 elsewhere"));
        assert!(dropped.iter().all(|count| *count > 0), "one host only: {dropped:?}");
    })
    .await;
}

/// The copy has the same system identifier, timeline and slots, and its own data directory and start time.
#[tokio::test]
async fn drop_address_moved_to_copy_is_refused() {
    on_a_major_and_the_newest(13, "address that moves to a copied data directory", async |major, installation| {
        let mut original = private_cluster(installation, trust_options());
        execute_sql(&original, "postgres", CREATE_SLOT).await;
        let folder = tempfile::tempdir().unwrap();
        let copy_directory = folder.path().join("copy");
        original.save_copy(&copy_directory).expect("a copy");
        let copy = private_cluster(installation, ClusterOptions { origin: Some(copy_directory), ..trust_options() });
        assert_eq!(slot_names(&copy).await, [SLOT]);
        let proxy = Proxy::new(original.host(), original.port(), Behaviour::default());
        let Some(prompt) =
            Prompt::start_at_prompt("address that moves to a copied data directory", &conninfo_at(proxy.port()))
        else {
            return;
        };
        proxy.retarget(copy.host(), copy.port());
        let ended = prompt.type_slot_name(&format!("on {major}")).await;
        ended.assert_refused(&["start time was", "data directory was", "server address was"]);
        assert!(!ended.output.contains("system identifier was"), "{}", ended.output);
        assert_eq!(
            (slot_names(&original).await, slot_names(&copy).await),
            (vec![SLOT.to_owned()], vec![SLOT.to_owned()])
        );
    })
    .await;
}

/// A role that can read neither the data directory nor a receiver: only the start time distinguishes the servers.
#[tokio::test]
async fn drop_on_copy_without_rights_is_refused() {
    on_a_major_and_the_newest(13, "role without privileges, on a copy", async |major, installation| {
        let clusters = [private_cluster(installation, trust_options()), private_cluster(installation, trust_options())];
        for cluster in &clusters {
            execute_sql(cluster, "postgres", "create role repl login replication").await;
            execute_sql(cluster, "postgres", "revoke execute on function pg_control_system() from public").await;
            execute_sql(cluster, "postgres", CREATE_SLOT).await;
        }
        let proxy = Proxy::new(clusters[0].host(), clusters[0].port(), Behaviour::default());
        let conninfo = conninfo_at(proxy.port()).replace("user=postgres", "user=repl");
        let Some(prompt) = Prompt::start_at_prompt("role without privileges, on a copy", &conninfo) else { return };
        proxy.retarget(clusters[1].host(), clusters[1].port());
        let ended = prompt.type_slot_name(&format!("on {major}")).await;
        ended.assert_refused(&["start time was"]);
        for cluster in &clusters {
            assert_eq!(slot_names(cluster).await, [SLOT]);
        }
        // The same role on the planned server: unreadable properties do not prevent the drop.
        let prompt = Prompt::start_at_prompt("role without privileges, on a copy", &conninfo).unwrap();
        let ended = prompt.type_slot_name(&format!("unmoved on {major}")).await;
        assert_eq!((ended.exit, slot_names(&clusters[1]).await), (0, vec![]), "{}", ended.output);
    })
    .await;
}

#[tokio::test]
async fn drop_restart_during_prompt_is_refused() {
    on_a_major_and_the_newest(13, "restart during the prompt", async |major, installation| {
        let mut cluster = private_cluster(installation, trust_options());
        execute_sql(&cluster, "postgres", CREATE_SLOT).await;
        let Some(prompt) = Prompt::start_at_prompt("restart during the prompt", &conninfo_at(cluster.port())) else {
            return;
        };
        cluster.stop(StopMode::Fast).unwrap();
        cluster.start_server().unwrap();
        prompt.type_slot_name(&format!("on {major}")).await.assert_refused(&["start time was"]);
        assert_eq!(slot_names(&cluster).await, [SLOT]);
    })
    .await;
}

/// After a crash the server restarts its processes and keeps its start time. From 17 on it also resets the slots'
/// `inactive_since`.
#[tokio::test]
async fn drop_crash_restart_is_the_same_server() {
    on_a_major_and_the_newest(13, "crash during the prompt", async |major, installation| {
        let cluster = private_cluster(installation, trust_options());
        execute_sql(&cluster, "postgres", CREATE_SLOT).await;
        let Some(prompt) = Prompt::start_at_prompt("crash during the prompt", &conninfo_at(cluster.port())) else {
            return;
        };
        let pid =
            connect_superuser(&cluster, "postgres").await.query_one("select pg_backend_pid()", &[]).await.unwrap();
        let pid: i32 = pid.get(0);
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // The old processes have ended and the new ones are not ready; no state shows this.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let text = conninfo_at(cluster.port());
            if let Ok((client, connection)) = tokio_postgres::connect(&text, tokio_postgres::NoTls).await {
                tokio::spawn(connection);
                if client.simple_query("select 1").await.is_ok() {
                    break;
                }
            }
            assert!(Instant::now() < deadline, "{}", cluster.log());
        }
        assert!(cluster.log().contains("all server processes terminated; reinitializing"), "{}", cluster.log());
        let ended = prompt.type_slot_name(&format!("on {major}")).await;
        assert!(!ended.output.contains("another server"), "{}", ended.output);
        if major < 17 {
            assert_eq!((ended.exit, slot_names(&cluster).await), (0, vec![]), "on {major}: {}", ended.output);
        } else {
            assert_eq!(
                (ended.exit, slot_names(&cluster).await),
                (4, vec![SLOT.to_owned()]),
                "on {major}: {}",
                ended.output
            );
            assert!(ended.output.contains("inactive_since"), "{}", ended.output);
        }
    })
    .await;
}

/// The control file gets the new timeline with the next checkpoint only.
#[tokio::test]
async fn drop_promotion_during_prompt_is_refused() {
    on_a_major_and_the_newest(13, "promotion during the prompt", async |major, installation| {
        let mut primary = private_cluster(installation, trust_options());
        let standby = primary.create_standby(&StandbyOptions::default()).expect("a standby");
        wait_until_true(&standby, "select count(*) = 1 from pg_stat_wal_receiver where status = 'streaming'").await;
        execute_sql(&standby, "postgres", CREATE_SLOT).await;
        let Some(any) = Prompt::start_at_prompt("promotion during the prompt", &conninfo_at(standby.port())) else {
            return;
        };
        assert!(any.terminal.screen.contains("(standby)"), "{}", any.terminal.screen);
        let wants_standby = format!("{} target_session_attrs=standby", conninfo_at(standby.port()));
        let wanted = Prompt::start_at_prompt("promotion during the prompt", &wants_standby).unwrap();
        standby.promote().unwrap();
        wait_until_true(&standby, "select not pg_is_in_recovery()").await;
        let ended = any.type_slot_name(&format!("on {major}")).await;
        ended.assert_refused(&["recovery state was standby, is primary", "timeline was 1, is 2"]);
        let ended = wanted.type_slot_name(&format!("target_session_attrs on {major}")).await;
        assert_eq!((ended.exit, ended.journal_outcomes.len()), (4, 0), "on {major}: {}", ended.output);
        assert!(ended.output.contains("nothing was dropped: "), "{}", ended.output);
        assert!(ended.output.contains("server is not in hot standby mode"), "{}", ended.output);
        assert_eq!(slot_names(&standby).await, [SLOT]);
    })
    .await;
}

/// The pooler has one connection to each of two servers; the first is in use when the drop starts.
#[tokio::test]
async fn drop_through_two_server_pooler_is_refused() {
    let test = "pooler with two servers";
    let Some(program) = find_pgbouncer(test) else { return };
    on_a_major_and_the_newest(15, test, async |major, installation| {
        let clusters = [private_cluster(installation, trust_options()), private_cluster(installation, trust_options())];
        for cluster in &clusters {
            execute_sql(cluster, "postgres", CREATE_SLOT).await;
        }
        let pooler = Pgbouncer::start_for_two_servers(&program, &clusters).await;
        let Some(prompt) = Prompt::start_at_prompt(test, &pooler.conninfo()) else { return };
        let (client, connection) = tokio_postgres::connect(&pooler.conninfo(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let first = "begin; select to_jsonb(pg_postmaster_start_time()) #>> '{}'";
        let answer = client.simple_query(first).await.unwrap();
        let held = answer.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        let ended = prompt.type_slot_name(&format!("on {major}")).await;
        ended.assert_refused(&["start time was"]);
        // The plan was made for the server whose connection is in use now.
        let held: Timestamp = held.unwrap().parse().unwrap();
        assert!(ended.output.contains(&format!("start time was {held}")), "{held}: {}", ended.output);
        drop(client);
        for cluster in &clusters {
            assert_eq!(slot_names(cluster).await, [SLOT], "on {major}");
        }
    })
    .await;
}

/// A run is killed before its statement is sent; then the address moves to a copy, whose slot has the same position.
#[tokio::test]
async fn drop_open_intent_is_not_settled_on_copy() {
    on_a_major_and_the_newest(13, "open intent on a copy", async |major, installation| {
        let mut original = private_cluster(installation, trust_options());
        execute_sql(&original, "postgres", CREATE_SLOT).await;
        let folder = tempfile::tempdir().unwrap();
        let copy_directory = folder.path().join("copy");
        original.save_copy(&copy_directory).expect("a copy");
        let copy = private_cluster(installation, ClusterOptions { origin: Some(copy_directory), ..trust_options() });
        let history = folder.path().join("history.db");
        let proxy = Proxy::new(original.host(), original.port(), Behaviour::default());
        proxy.stall_at("pg_drop_replication_slot(s.slot_name)", false);
        let mut child = Command::new(env!("CARGO_BIN_EXE_pgtend"))
            .env_clear()
            .env("HOME", "/nonexistent")
            .args(["slots", "drop", "--history", history.to_str().unwrap(), "-d", &conninfo_at(proxy.port())])
            .args(DROP_ARGUMENTS)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until(&format!("the drop on {major}"), async || proxy.is_stalled()).await;
        child.kill().unwrap();
        child.wait().unwrap();
        proxy.cut_connections();
        // The connections end before the retained bytes are forwarded. No state shows that the server has noticed.
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.resume();
        assert_eq!(journal_outcomes(&history).await, ["open"]);

        proxy.retarget(copy.host(), copy.port());
        let moved = run_slots_drop(&conninfo_at(proxy.port()), history.to_str().unwrap(), &["--stale", "--yes"]);
        assert!(
            moved.stderr.contains("still open: this address now reaches another server"),
            "on {major}: {}",
            moved.stderr
        );
        assert_eq!(journal_outcomes(&history).await, ["open"], "on {major}");
        proxy.retarget(original.host(), original.port());
        let after_return = run_slots_drop(&conninfo_at(proxy.port()), history.to_str().unwrap(), &["--stale", "--yes"]);
        assert!(after_return.stderr.contains("nothing was dropped"), "on {major}: {}", after_return.stderr);
        assert_eq!(journal_outcomes(&history).await, ["failed"], "on {major}");
    })
    .await;
}
