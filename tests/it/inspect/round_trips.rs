//! What a report costs where the server is far away.

use std::fmt::Write as _;
use std::time::Duration;

use pgtend::sandbox::Cluster;

use super::looks::{REPORTS, json, run};
use crate::clusters::{database, on_a_major_and_the_newest, on_every_major, say, shared, sql};
use crate::proxy::{Behaviour, Proxy};

/// One for the facts, the rest for sizes asked exactly.
const MOST: usize = 3;

/// Conninfo by way of the proxy.
pub fn through(proxy: &Proxy, cluster: &Cluster, database: &str) -> String {
    let (port, password) = (proxy.port(), cluster.password());
    format!("host=127.0.0.1 port={port} user=postgres password={password} dbname={database} sslmode=disable")
}

/// Indexes to define, and a table behind many others that has grown without a trace: only the sum tells of it.
const CONTENT: &str = "do $$ begin for n in 1..200 loop \
    execute format('create table dwarf_%s (id int primary key, t text)', n); end loop; end $$; \
    create table parent (id int primary key, t text); create index on parent (t); \
    create table grown (id int primary key, t text); analyze grown; \
    insert into grown select g, repeat(md5(g::text), 3) from generate_series(1, 40000) g";

#[tokio::test]
async fn a_report_costs_three_round_trips_at_most() {
    on_every_major("a report costs three round trips", async |major, cluster| {
        let name = database(cluster).await;
        sql(cluster, &name, CONTENT).await;
        // The session's process hands its statistics in when it ends, and the session does not wait for that.
        tokio::time::sleep(Duration::from_millis(300)).await;
        sql(cluster, &name, "select pg_stat_reset()").await;
        let mut account = format!("round trips on {major}:");
        for report in REPORTS {
            // A slow line back, so that what is sent in parts is one turn.
            let behaviour = Behaviour { to_client: Duration::from_millis(20), ..Behaviour::default() };
            let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), behaviour);
            json(&through(&proxy, cluster, &name), report).await;
            let _ = write!(account, " {} {}", report[0], proxy.round_trips());
            assert!(
                report[0] != "tables" || proxy.round_trips() == MOST,
                "the sum was not wrong: {}",
                proxy.round_trips()
            );
            // All facts are also those of an audit: samples of TOAST are read when it is known whose.
            let most = if report[0] == "snapshot" { MOST + 1 } else { MOST };
            assert!(proxy.round_trips() <= most, "{report:?} on {major}: {} round trips", proxy.round_trips());
            assert_eq!(proxy.connections(), 1, "{report:?} on {major}");
        }
        say(&account);
    })
    .await;
}

#[tokio::test]
async fn a_report_from_far_away_is_quick() {
    on_a_major_and_the_newest(13, "a report from far away", async |major, _| {
        let cluster = shared(major);
        let half = Duration::from_millis(50);
        let behaviour = Behaviour { to_server: half, to_client: half, stalled: false };
        let proxy = Proxy::in_front_of(cluster.host(), cluster.port(), behaviour);
        let mut account = format!("seconds with 100 ms a round trip on {major}, connecting included:");
        for report in REPORTS {
            let run = run(&through(&proxy, cluster, "postgres"), report).await;
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            let _ = write!(account, " {} {:.2}", report[0], run.took.as_secs_f64());
            assert!(run.took < Duration::from_secs(5), "{report:?} took {:?}", run.took);
        }
        let _ = write!(account, "; {} round trips to connect", proxy.round_trips_to_connect() / REPORTS.len());
        say(&account);
    })
    .await;
}
