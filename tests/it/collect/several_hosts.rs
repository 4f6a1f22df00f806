//! Every connection of one run goes to the server that the first one reached.

use pg_sandbox::{ClusterOptions, StandbyOptions};

use super::program_runs::run_with_conninfo;
use crate::clusters::{cluster_options, execute_sql, on_the_newest, private_cluster};
use crate::proxy::{Behaviour, Proxy};
use crate::reports::fixture_servers::wait_until_true;

/// Runs per command: a second random choice of the host equals the first in half of the cases.
const ROUNDS: usize = 5;

fn trust_options() -> ClusterOptions {
    let mut options = cluster_options().with_setting("autovacuum", "off");
    options.hba = Some("local all all trust\nlocal replication all trust\nhost all all all trust\n".to_owned());
    options
}

fn random_hosts_conninfo(proxies: &[Proxy; 2]) -> String {
    let [first, second] = proxies.each_ref().map(Proxy::port);
    format!(
        "host=127.0.0.1,127.0.0.1 port={first},{second} user=postgres dbname=postgres sslmode=disable \
         load_balance_hosts=random"
    )
}

fn connection_counts(proxies: &[Proxy; 2]) -> [usize; 2] {
    proxies.each_ref().map(Proxy::connections)
}

/// Returns how many connections each proxy got during a run.
async fn connections_during(proxies: &[Proxy; 2], conninfo: &str, arguments: &[&str]) -> [usize; 2] {
    let before = connection_counts(proxies);
    let run = run_with_conninfo(conninfo, arguments).await;
    assert_eq!(run.code, Some(0), "{arguments:?}: {}{}", run.stdout_text(), run.stderr);
    let after = connection_counts(proxies);
    [after[0] - before[0], after[1] - before[1]]
}

#[tokio::test]
async fn hosts_are_not_mixed_in_one_report() {
    on_the_newest("reports with two random hosts", async |major, installation| {
        let clusters = [private_cluster(installation, trust_options()), private_cluster(installation, trust_options())];
        for cluster in &clusters {
            for name in ["first", "second", "third"] {
                execute_sql(cluster, "postgres", &format!("create database {name}")).await;
            }
        }
        let proxies =
            clusters.each_ref().map(|cluster| Proxy::new(cluster.host(), cluster.port(), Behaviour::default()));
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db");
        let history = history.to_str().unwrap();
        for arguments in [
            &["tables", "--all-databases", "--history", "none"][..],
            &["indexes", "--all-databases", "--jobs", "4", "--exact", "--history", "none"],
            &["snapshot", "--all-databases", "--history", "none"],
            &["history", "record", "--all-databases", "--history", history],
        ] {
            for round in 0..ROUNDS {
                let counts = connections_during(&proxies, &random_hosts_conninfo(&proxies), arguments).await;
                let [fewest, most] = [counts[0].min(counts[1]), counts[0].max(counts[1])];
                assert!(fewest == 0 && most >= 4, "{arguments:?}, run {round} on {major}: {counts:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn standbys_are_not_mixed_in_one_report() {
    on_the_newest("index use with two random standbys", async |major, installation| {
        let mut primary = private_cluster(installation, trust_options());
        for name in ["first", "second", "third"] {
            execute_sql(&primary, "postgres", &format!("create database {name}")).await;
        }
        let standby = primary.create_standby(&StandbyOptions::default()).expect("a standby");
        wait_until_true(&standby, "select pg_is_in_recovery()").await;
        // Two addresses of one standby: the connections of each are counted.
        let proxies = [0, 1].map(|_| Proxy::new(standby.host(), standby.port(), Behaviour::default()));
        let replica = random_hosts_conninfo(&proxies);
        let arguments = ["indexes", "--all-databases", "--history", "none", "--replica", &replica];
        for round in 0..ROUNDS {
            let counts = connections_during(&proxies, &primary.conninfo(), &arguments).await;
            let [fewest, most] = [counts[0].min(counts[1]), counts[0].max(counts[1])];
            assert!(fewest == 0 && most >= 4, "run {round} on {major}: {counts:?}");
        }
    })
    .await;
}
