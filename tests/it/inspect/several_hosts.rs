//! Every connection of one run goes to the server that the first one reached.

use pgtend::sandbox::{ClusterOptions, StandbyOptions};

use super::looks::run;
use crate::clusters::{on_a_major_and_the_newest, options, private, sql};
use crate::proxy::{Behaviour, Proxy};
use crate::reports::zoo::wait_for;

/// How often each command is run: a second choice of the host agrees with the first in half of the cases.
const ROUNDS: usize = 5;

fn trusting() -> ClusterOptions {
    let mut options = options().set("autovacuum", "off");
    options.hba = Some("local all all trust\nlocal replication all trust\nhost all all all trust\n".to_owned());
    options
}

fn at_random(proxies: &[Proxy; 2]) -> String {
    let [first, second] = proxies.each_ref().map(Proxy::port);
    format!(
        "host=127.0.0.1,127.0.0.1 port={first},{second} user=postgres dbname=postgres sslmode=disable \
         load_balance_hosts=random"
    )
}

fn connections(proxies: &[Proxy; 2]) -> [usize; 2] {
    proxies.each_ref().map(Proxy::connections)
}

/// How many connections each proxy got meanwhile.
async fn meanwhile(proxies: &[Proxy; 2], conninfo: &str, arguments: &[&str]) -> [usize; 2] {
    let before = connections(proxies);
    let run = run(conninfo, arguments).await;
    assert_eq!(run.code, Some(0), "{arguments:?}: {}{}", run.text(), run.stderr);
    let after = connections(proxies);
    [after[0] - before[0], after[1] - before[1]]
}

#[tokio::test]
async fn random_hosts_are_not_mixed_in_one_report() {
    on_a_major_and_the_newest(13, "reports on one of two random hosts", async |major, installation| {
        let clusters = [private(installation, trusting()), private(installation, trusting())];
        for cluster in &clusters {
            for name in ["first", "second", "third"] {
                sql(cluster, "postgres", &format!("create database {name}")).await;
            }
        }
        let proxies = clusters.each_ref().map(|one| Proxy::in_front_of(one.host(), one.port(), Behaviour::default()));
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
                let counts = meanwhile(&proxies, &at_random(&proxies), arguments).await;
                let [fewest, most] = [counts[0].min(counts[1]), counts[0].max(counts[1])];
                assert!(fewest == 0 && most >= 4, "{arguments:?}, run {round} on {major}: {counts:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn random_standbys_are_not_mixed_in_one_report() {
    on_a_major_and_the_newest(13, "use on one of two random standbys", async |major, installation| {
        let mut primary = private(installation, trusting());
        for name in ["first", "second", "third"] {
            sql(&primary, "postgres", &format!("create database {name}")).await;
        }
        let standby = primary.standby(&StandbyOptions::default()).expect("a standby");
        wait_for(&standby, "select pg_is_in_recovery()").await;
        // Two ways to one standby: it is counted which one is taken.
        let proxies = [0, 1].map(|_| Proxy::in_front_of(standby.host(), standby.port(), Behaviour::default()));
        let replica = at_random(&proxies);
        let arguments = ["indexes", "--all-databases", "--history", "none", "--replica", &replica];
        for round in 0..ROUNDS {
            let counts = meanwhile(&proxies, &primary.conninfo(), &arguments).await;
            let [fewest, most] = [counts[0].min(counts[1]), counts[0].max(counts[1])];
            assert!(fewest == 0 && most >= 4, "run {round} on {major}: {counts:?}");
        }
    })
    .await;
}
