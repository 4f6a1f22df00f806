//! A history server that stops responding in the middle of a reply: the run does not retry, and a signal ends it
//! wherever it waits.

use crate::history::parse_address;
use std::time::{Duration, Instant};

use pg_sandbox::Cluster;
use pgtend::facts::Snapshot;
use pgtend::history::{HistoryError, Store};

use super::outcome::assert_no_session_left;
use crate::clusters::{create_database, on_a_major_and_the_newest_shared, query_one_text, wait_until};
use crate::collect::program_runs::{pgtend_with_conninfo, wait_for_run};
use crate::proxy::{Behaviour, Proxy};
use crate::reports::scenarios::scenario_file;

fn store_url(proxy: &Proxy, cluster: &Cluster, database: &str) -> String {
    let (password, port) = (cluster.password(), proxy.port());
    format!("postgresql://postgres:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
}

fn start_proxy(cluster: &Cluster) -> Proxy {
    Proxy::new(cluster.host(), cluster.port(), Behaviour::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn store_unresponsive_is_not_retried() {
    on_a_major_and_the_newest_shared(13, "unresponsive store", async |_, cluster| {
        let text = std::fs::read_to_string(scenario_file("disaster")).expect("the scenario");
        let snapshot = Snapshot::from_json(&text).expect("a snapshot");
        let (name, proxy) = (create_database(cluster).await, start_proxy(cluster));
        let store =
            Store::open_with_timeout(&parse_address(&store_url(&proxy, cluster, &name)), Duration::from_secs(3))
                .await
                .expect("a store");
        proxy.stall_at("insert into", true);
        let since = Instant::now();
        let silent = store.record(&snapshot).await.expect_err("the store does not respond");
        assert!(matches!(silent, HistoryError::AnswerTimeout { seconds: 3 }), "{silent}");
        let requested_at = Instant::now();
        store.journal_entries().await.expect_err("the store is not used again");
        assert!(requested_at.elapsed() < Duration::from_secs(2), "{:?}", requested_at.elapsed());
        store.close().await;
        assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
        drop(proxy);
        assert_no_session_left(cluster, "unresponsive store").await;
        let samples = query_one_text(cluster, &name, "select count(*)::text from pgtend.sample").await;
        assert_eq!(samples.as_deref(), Some("0"), "half a recording");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn store_wait_is_interruptible() {
    on_a_major_and_the_newest_shared(13, "interrupt while waiting for the store", async |major, cluster| {
        for (position, (arguments, words, exit)) in [
            (&["history", "record"][..], "insert into", 1),
            (&["check"], "insert into", 3),
            (&["overview"], "select ", 1),
            (&["slots", "drop", "--stale", "--yes"], "select ", 1),
        ]
        .into_iter()
        .enumerate()
        {
            // Each major runs half of the cases.
            if !(position + major as usize).is_multiple_of(2) {
                continue;
            }
            let (name, proxy) = (create_database(cluster).await, start_proxy(cluster));
            proxy.stall_at(words, true);
            let url = store_url(&proxy, cluster, &name);
            let child = pgtend_with_conninfo(&cluster.conninfo(), &[arguments, &["--history", &url]].concat())
                .spawn()
                .expect("it starts");
            wait_until(&format!("{arguments:?}: stalled at {words:?}"), async || proxy.is_stalled()).await;
            let pid = child.id().expect("it runs").to_string();
            let kill = std::process::Command::new("sh").args(["-c", "kill -s TERM $0", &pid]).status();
            assert!(kill.expect("sh is there").success());
            let run = wait_for_run(child).await;
            assert!(run.elapsed < Duration::from_secs(20), "{arguments:?}: {:?}", run.elapsed);
            assert_eq!(run.code, Some(exit), "{arguments:?}: {}", run.stderr);
            assert!(run.stderr.contains("interrupted"), "{arguments:?}: {}", run.stderr);
            drop(proxy);
            assert_no_session_left(cluster, "an interrupted run").await;
        }
    })
    .await;
}
