//! `slots drop` acts on the planned server only: several hosts, addresses that move, copies, restarts, promotions.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pgtend::history::Store;
use pgtend::sandbox::{Cluster, ClusterOptions, StandbyOptions, StopMode};
use serde_json::Value;

use super::program::{Run, run, slots};
use crate::clusters::{
    connect, on_a_major_and_the_newest, on_every_installation, options, private, query_one_text, say, sql,
};
use crate::connection::pgbouncer::{Pgbouncer, program};
use crate::history::address;
use crate::proxy::{Behaviour, Proxy};
use crate::reports::zoo::wait_for;
use crate::terminal::{Terminal, line_of};

const SLOT: &str = "forgotten";
const MAKE: &str = "select pg_create_physical_replication_slot('forgotten', true)";
const YES: [&str; 3] = [SLOT, "--yes", "--allow-unproven"];
/// How often one of two hosts is chosen at random.
const DROPS: usize = 20;

/// Everybody may connect over TCP: a conninfo with several hosts has one password for all.
fn trusting() -> ClusterOptions {
    let mut options = options().set("autovacuum", "off").set("checkpoint_timeout", "1h");
    options.hba = Some("local all all trust\nlocal replication all trust\nhost all all all trust\n".to_owned());
    options
}

fn at(port: u16) -> String {
    format!("host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable")
}

fn at_random(ports: [u16; 2]) -> String {
    format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user=postgres dbname=postgres sslmode=disable load_balance_hosts=random",
        ports[0], ports[1]
    )
}

/// `slots drop` on a terminal, whose prompt waits.
struct Prompt {
    terminal: Terminal,
    folder: tempfile::TempDir,
}

impl Prompt {
    /// None where there is no `script`.
    fn open(test: &str, conninfo: &str) -> Option<Prompt> {
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db").to_str().unwrap().to_owned();
        let words = [env!("CARGO_BIN_EXE_pgtend"), "slots", "drop", SLOT, "--history", &history, "-d", conninfo];
        let terminal = Terminal::open(&line_of(words), |command| {
            command.env_remove("DATABASE_URL").env("HOME", "/nonexistent");
        });
        let Some(mut terminal) = terminal else {
            say(&format!("{test}: NOT RUN: there is no `script`"));
            return None;
        };
        terminal.wait_for("type the slot's name");
        Some(Prompt { terminal, folder })
    }

    /// Types the slot's name.
    async fn consent(self, what: &str) -> Ended {
        let (exit, shown) = self.terminal.answer(SLOT);
        Ended {
            what: what.to_owned(),
            exit,
            shown,
            journalled: journalled(&self.folder.path().join("history.db")).await,
        }
    }
}

struct Ended {
    what: String,
    exit: i32,
    shown: String,
    /// The outcomes in the journal.
    journalled: Vec<String>,
}

impl Ended {
    /// Nothing was done, and the message names every one of these properties.
    #[track_caller]
    fn assert_refused(&self, properties: &[&str]) {
        let Ended { what, exit, shown, journalled } = self;
        assert_eq!(*exit, 4, "{what}: {shown}");
        assert!(shown.contains("another server than planned"), "{what}: {shown}");
        for property in properties {
            assert!(shown.contains(property), "{what}: no {property:?} in {shown}");
        }
        assert_eq!(*journalled, [""; 0], "{what}");
    }
}

async fn journalled(history: &Path) -> Vec<String> {
    let store = Store::open(&address(&history)).await.unwrap();
    let deeds = store.deeds().await.unwrap();
    store.close().await;
    deeds.into_iter().map(|deed| deed.outcome.map_or("open", |outcome| outcome.outcome.name()).to_owned()).collect()
}

async fn started_at(cluster: &Cluster) -> Timestamp {
    let row = "select to_jsonb(pg_postmaster_start_time()) #>> '{}'";
    query_one_text(cluster, "postgres", row).await.unwrap().parse().unwrap()
}

#[tokio::test]
async fn random_hosts_drop_on_the_reported_server() {
    on_a_major_and_the_newest(13, "drops on one of two random hosts", async |major, installation| {
        let clusters = [private(installation, trusting()), private(installation, trusting())];
        let conninfo = at_random([clusters[0].port(), clusters[1].port()]);
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db");
        let mut dropped = [0, 0];
        for cluster in &clusters {
            sql(cluster, "postgres", MAKE).await;
        }
        for number in 0..DROPS {
            let Run { exit, stdout, stderr } = run(&conninfo, history.to_str().unwrap(), &YES);
            assert_eq!(exit, 0, "drop {number} on {major}: {stdout} {stderr}");
            let report: Value = serde_json::from_str(&stdout).unwrap();
            let endpoint = report["endpoint"].as_str().unwrap();
            let reported = clusters.iter().position(|cluster| endpoint.ends_with(&format!("port {}", cluster.port())));
            let reported = reported.unwrap_or_else(|| panic!("{endpoint}"));
            assert_eq!(slots(&clusters[reported]).await, [""; 0], "drop {number} on {major}: {endpoint}");
            assert_eq!(slots(&clusters[1 - reported]).await, [SLOT], "drop {number} on {major}: {endpoint}");
            dropped[reported] += 1;

            let store = Store::open(&address(&history)).await.unwrap();
            let deeds = store.deeds().await.unwrap();
            store.close().await;
            let newest = deeds.iter().max_by_key(|deed| deed.deed_id).unwrap();
            assert_eq!((deeds.len(), &*newest.intent.server), (number + 1, endpoint));
            let seen = &newest.intent.seen;
            assert_eq!((seen["endpoint"].as_str(), seen["timeline_id"].as_u64()), (Some(endpoint), Some(1)), "{seen}");
            let start: Timestamp = seen["server"]["started_at"].as_str().unwrap().parse().unwrap();
            assert_eq!(start, started_at(&clusters[reported]).await);
            sql(&clusters[reported], "postgres", MAKE).await;
        }
        say(&format!("drops on one of two random hosts, {major}: {dropped:?} on the reported server, 0 elsewhere"));
        assert!(dropped.iter().all(|count| *count > 0), "one host only: {dropped:?}");
    })
    .await;
}

/// The copy has the same system identifier, timeline and slots, and its own data directory and start time.
#[tokio::test]
async fn address_that_moves_to_a_copy_is_refused() {
    on_every_installation("an address that moves to a copied data directory", async |major, installation| {
        let mut original = private(installation, trusting());
        sql(&original, "postgres", MAKE).await;
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("copy");
        original.keep_in(&kept).expect("a copy");
        let copy = private(installation, ClusterOptions { origin: Some(kept), ..trusting() });
        assert_eq!(slots(&copy).await, [SLOT]);
        let proxy = Proxy::in_front_of(original.host(), original.port(), Behaviour::default());
        let Some(prompt) = Prompt::open("an address that moves", &at(proxy.port())) else { return };
        proxy.lead_to(copy.host(), copy.port());
        let ended = prompt.consent(&format!("on {major}")).await;
        ended.assert_refused(&["start time was", "data directory was", "server address was"]);
        assert!(!ended.shown.contains("system identifier was"), "{}", ended.shown);
        assert_eq!((slots(&original).await, slots(&copy).await), (vec![SLOT.to_owned()], vec![SLOT.to_owned()]));
    })
    .await;
}

/// A role that may read neither the data directory nor a receiver: the start time has to carry it.
#[tokio::test]
async fn role_without_rights_is_refused_on_a_copy() {
    on_a_major_and_the_newest(13, "a role without rights, on a copy", async |major, installation| {
        let clusters = [private(installation, trusting()), private(installation, trusting())];
        for cluster in &clusters {
            sql(cluster, "postgres", "create role repl login replication").await;
            sql(cluster, "postgres", "revoke execute on function pg_control_system() from public").await;
            sql(cluster, "postgres", MAKE).await;
        }
        let proxy = Proxy::in_front_of(clusters[0].host(), clusters[0].port(), Behaviour::default());
        let conninfo = at(proxy.port()).replace("user=postgres", "user=repl");
        let Some(prompt) = Prompt::open("a role without rights", &conninfo) else { return };
        proxy.lead_to(clusters[1].host(), clusters[1].port());
        let ended = prompt.consent(&format!("on {major}")).await;
        ended.assert_refused(&["start time was"]);
        for cluster in &clusters {
            assert_eq!(slots(cluster).await, [SLOT]);
        }
        // The same role on the planned server: what it cannot read is no obstacle.
        let prompt = Prompt::open("a role without rights", &conninfo).unwrap();
        let ended = prompt.consent(&format!("unmoved on {major}")).await;
        assert_eq!((ended.exit, slots(&clusters[1]).await), (0, vec![]), "{}", ended.shown);
    })
    .await;
}

#[tokio::test]
async fn restart_during_the_prompt_is_refused() {
    on_a_major_and_the_newest(13, "a restart during the prompt", async |major, installation| {
        let mut cluster = private(installation, trusting());
        sql(&cluster, "postgres", MAKE).await;
        let Some(prompt) = Prompt::open("a restart during the prompt", &at(cluster.port())) else { return };
        cluster.stop(StopMode::Fast).unwrap();
        cluster.start_again().unwrap();
        prompt.consent(&format!("on {major}")).await.assert_refused(&["start time was"]);
        assert_eq!(slots(&cluster).await, [SLOT]);
    })
    .await;
}

/// The server starts its processes again and keeps its start time. From 17 on it sets the slots' `inactive_since`, too.
#[tokio::test]
async fn crash_restart_during_the_prompt_is_the_same_server() {
    on_every_installation("a crash during the prompt", async |major, installation| {
        let cluster = private(installation, trusting());
        sql(&cluster, "postgres", MAKE).await;
        let Some(prompt) = Prompt::open("a crash during the prompt", &at(cluster.port())) else { return };
        let pid = connect(&cluster, "postgres").await.query_one("select pg_backend_pid()", &[]).await.unwrap();
        let pid: i32 = pid.get(0);
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // The old processes answer no more, the new ones not yet.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let text = at(cluster.port());
            if let Ok((client, connection)) = tokio_postgres::connect(&text, tokio_postgres::NoTls).await {
                tokio::spawn(connection);
                if client.simple_query("select 1").await.is_ok() {
                    break;
                }
            }
            assert!(Instant::now() < deadline, "{}", cluster.log());
        }
        assert!(cluster.log().contains("all server processes terminated; reinitializing"), "{}", cluster.log());
        let ended = prompt.consent(&format!("on {major}")).await;
        assert!(!ended.shown.contains("another server"), "{}", ended.shown);
        if major < 17 {
            assert_eq!((ended.exit, slots(&cluster).await), (0, vec![]), "on {major}: {}", ended.shown);
        } else {
            assert_eq!((ended.exit, slots(&cluster).await), (4, vec![SLOT.to_owned()]), "on {major}: {}", ended.shown);
            assert!(ended.shown.contains("inactive_since"), "{}", ended.shown);
        }
    })
    .await;
}

/// The control file has the new timeline only after the next checkpoint.
#[tokio::test]
async fn promotion_during_the_prompt_is_refused() {
    on_every_installation("a promotion during the prompt", async |major, installation| {
        let mut primary = private(installation, trusting());
        let standby = primary.standby(&StandbyOptions::default()).expect("a standby");
        wait_for(&standby, "select count(*) = 1 from pg_stat_wal_receiver where status = 'streaming'").await;
        sql(&standby, "postgres", MAKE).await;
        let Some(any) = Prompt::open("a promotion during the prompt", &at(standby.port())) else { return };
        assert!(any.terminal.seen.contains("a standby"), "{}", any.terminal.seen);
        let wants_standby = format!("{} target_session_attrs=standby", at(standby.port()));
        let wanted = Prompt::open("a promotion during the prompt", &wants_standby).unwrap();
        standby.promote().unwrap();
        wait_for(&standby, "select not pg_is_in_recovery()").await;
        let ended = any.consent(&format!("on {major}")).await;
        ended.assert_refused(&["recovery state was standby, is primary", "timeline was 1, is 2"]);
        let ended = wanted.consent(&format!("target_session_attrs on {major}")).await;
        assert_eq!((ended.exit, ended.journalled.len()), (4, 0), "on {major}: {}", ended.shown);
        assert!(ended.shown.contains("nothing was dropped: "), "{}", ended.shown);
        assert!(ended.shown.contains("server is not in hot standby mode"), "{}", ended.shown);
        assert_eq!(slots(&standby).await, [SLOT]);
    })
    .await;
}

/// The pooler has one connection to each of two servers; the first is in use when the drop comes.
#[tokio::test]
async fn pooler_with_two_servers_is_refused() {
    let test = "a pooler with two servers";
    let Some(program) = program(test) else { return };
    on_a_major_and_the_newest(15, test, async |major, installation| {
        let clusters = [private(installation, trusting()), private(installation, trusting())];
        for cluster in &clusters {
            sql(cluster, "postgres", MAKE).await;
        }
        let pooler = Pgbouncer::start_over(&program, &clusters).await;
        let Some(prompt) = Prompt::open(test, &pooler.conninfo()) else { return };
        let (client, connection) = tokio_postgres::connect(&pooler.conninfo(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let first = "begin; select to_jsonb(pg_postmaster_start_time()) #>> '{}'";
        let answer = client.simple_query(first).await.unwrap();
        let held = answer.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        let ended = prompt.consent(&format!("on {major}")).await;
        ended.assert_refused(&["start time was"]);
        // The plan was made for the server whose connection is held now.
        let held: Timestamp = held.unwrap().parse().unwrap();
        assert!(ended.shown.contains(&format!("start time was {held}")), "{held}: {}", ended.shown);
        drop(client);
        for cluster in &clusters {
            assert_eq!(slots(cluster).await, [SLOT], "on {major}");
        }
    })
    .await;
}

/// A run was killed before its statement left; then the address moves to a copy, whose slot stands where it stood.
#[tokio::test]
async fn open_intent_is_not_settled_on_a_copy() {
    on_a_major_and_the_newest(13, "an open intent and a copy", async |major, installation| {
        let mut original = private(installation, trusting());
        sql(&original, "postgres", MAKE).await;
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("copy");
        original.keep_in(&kept).expect("a copy");
        let copy = private(installation, ClusterOptions { origin: Some(kept), ..trusting() });
        let history = folder.path().join("history.db");
        let proxy = Proxy::in_front_of(original.host(), original.port(), Behaviour::default());
        proxy.stall_at("pg_drop_replication_slot(s.slot_name)", false);
        let mut child = Command::new(env!("CARGO_BIN_EXE_pgtend"))
            .env_clear()
            .env("HOME", "/nonexistent")
            .args(["slots", "drop", "--history", history.to_str().unwrap(), "-d", &at(proxy.port())])
            .args(YES)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !proxy.is_stalled() {
            assert!(Instant::now() < deadline, "no drop on {major}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        proxy.cut();
        // The connections end before anything held back passes.
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.resume();
        assert_eq!(journalled(&history).await, ["open"]);

        proxy.lead_to(copy.host(), copy.port());
        let moved = run(&at(proxy.port()), history.to_str().unwrap(), &["--stale", "--yes"]);
        assert!(moved.stderr.contains("it stays open: another server answers"), "on {major}: {}", moved.stderr);
        assert_eq!(journalled(&history).await, ["open"], "on {major}");
        proxy.lead_to(original.host(), original.port());
        let back = run(&at(proxy.port()), history.to_str().unwrap(), &["--stale", "--yes"]);
        assert!(back.stderr.contains("nothing was dropped"), "on {major}: {}", back.stderr);
        assert_eq!(journalled(&history).await, ["failed"], "on {major}");
    })
    .await;
}
