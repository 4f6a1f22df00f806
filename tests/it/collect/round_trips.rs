//! Round trips and duration of reports on remote servers.

use std::fmt::Write as _;
use std::time::Duration;

use pg_sandbox::Cluster;

use super::program_runs::{REPORT_COMMANDS, report_json_of, run_with_conninfo};
use crate::clusters::{
    create_database, execute_sql, on_a_major_and_the_newest, on_every_major, print_stderr, shared_cluster,
    wait_until_true_in,
};
use crate::proxy::{Behaviour, Proxy};
use serde_json::Value;

/// One for the facts, the rest for exact sizes.
const MAX_ROUND_TRIPS: usize = 3;

/// A conninfo that connects through the proxy.
pub fn proxied_conninfo(proxy: &Proxy, cluster: &Cluster, database: &str) -> String {
    let (port, password) = (proxy.port(), cluster.password());
    format!("host=127.0.0.1 port={port} user=postgres password={password} dbname={database} sslmode=disable")
}

/// Indexes with definitions, and a table among many others that has grown without statistics: only the total shows the
/// difference.
const CONTENT: &str = "do $$ begin for n in 1..200 loop \
    execute format('create table small_%s (id int primary key, t text)', n); end loop; end $$; \
    create table parent (id int primary key, t text); create index on parent (t); \
    create table grown (id int primary key, t text); analyze grown; \
    insert into grown select g, repeat(md5(g::text), 3) from generate_series(1, 40000) g";

#[tokio::test]
async fn round_trips_of_a_report_are_at_most_three() {
    on_every_major("round trips of reports", async |major, cluster| {
        let name = create_database(cluster).await;
        execute_sql(cluster, &name, CONTENT).await;
        // A session reports its statistics after it ends, and the client does not wait for that.
        let handed_in = "select count(*) = 1 from pg_stat_user_tables where relname = 'grown' and n_tup_ins = 40000";
        wait_until_true_in(cluster, &name, handed_in).await;
        execute_sql(cluster, &name, "select pg_stat_reset()").await;
        let mut summary = format!("round trips on {major}:");
        for report in REPORT_COMMANDS {
            // The delay towards the client makes a result in several parts one round trip, even on a busy machine.
            let behaviour = Behaviour { to_client: Duration::from_millis(80), ..Behaviour::default() };
            let proxy = Proxy::new(cluster.host(), cluster.port(), behaviour);
            report_json_of(&proxied_conninfo(&proxy, cluster, &name), report).await;
            let _ = write!(summary, " {} {}", report[0], proxy.round_trips());
            assert!(
                report[0] != "tables" || proxy.round_trips() == MAX_ROUND_TRIPS,
                "the total was not wrong: {}",
                proxy.round_trips()
            );
            // A snapshot has the facts of an audit, too: a sample of TOAST is read once its relations are known.
            let most = if report[0] == "snapshot" { MAX_ROUND_TRIPS + 1 } else { MAX_ROUND_TRIPS };
            assert!(proxy.round_trips() <= most, "{report:?} on {major}: {} round trips", proxy.round_trips());
            assert_eq!(proxy.connections(), 1, "{report:?} on {major}");
        }
        print_stderr(&summary);
    })
    .await;
}

#[tokio::test]
async fn round_trips_keep_remote_reports_fast() {
    on_a_major_and_the_newest(13, "reports with 100 ms per round trip", async |major, _| {
        let cluster = shared_cluster(major);
        let half = Duration::from_millis(50);
        let behaviour = Behaviour { to_server: half, to_client: half, stalled: false };
        let proxy = Proxy::new(cluster.host(), cluster.port(), behaviour);
        let mut summary = format!("seconds with 100 ms a round trip on {major}, connecting included:");
        for report in REPORT_COMMANDS {
            let run = run_with_conninfo(&proxied_conninfo(&proxy, cluster, "postgres"), report).await;
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            let _ = write!(summary, " {} {:.2}", report[0], run.elapsed.as_secs_f64());
            // Six round trips take 0.6 s; the rest is the machine's own time.
            assert!(run.elapsed < Duration::from_secs(15), "{report:?} took {:?}", run.elapsed);
        }
        let _ = write!(summary, "; {} round trips to connect", proxy.round_trips_to_connect() / REPORT_COMMANDS.len());
        print_stderr(&summary);
    })
    .await;
}

/// Enough relations, including those of the catalog, for a second connection.
const MANY_RELATIONS: &str = "do $$ begin for n in 1..5000 loop \
    execute format('create table many_%s (id int)', n); if n % 1000 = 0 then commit; end if; end loop; end $$";

#[tokio::test]
async fn round_trips_second_connection_measures_sizes() {
    on_a_major_and_the_newest(17, "second connection for sizes", async |major, _| {
        let cluster = shared_cluster(major);
        let name = create_database(cluster).await;
        execute_sql(cluster, &name, MANY_RELATIONS).await;
        let role = format!("one_of_{name}");
        let password = cluster.password();
        let create = format!("create role {role} login password '{password}' connection limit 1");
        execute_sql(cluster, &name, &create).await;
        let proxy = || Proxy::new(cluster.host(), cluster.port(), Behaviour::default());
        let (free, bound) = (proxy(), proxy());
        let of_role = proxied_conninfo(&bound, cluster, &name).replace("user=postgres", &format!("user={role}"));
        let reports = [
            report_json_of(&proxied_conninfo(&free, cluster, &name), &["tables"]).await,
            report_json_of(&of_role, &["tables"]).await,
        ];
        assert_eq!(free.connections(), 2);
        assert_eq!(bound.connections(), 2, "a second connection was tried and refused");
        for report in reports {
            let accounting = &report["accounting"];
            assert!(accounting["database_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{accounting}");
            assert_ne!(accounting["unaccounted_bytes"], Value::Null, "{accounting}");
        }
        // `snapshot` of one database is limited to one connection.
        let alone = proxy();
        report_json_of(&proxied_conninfo(&alone, cluster, &name), &["snapshot"]).await;
        assert_eq!(alone.connections(), 1);
    })
    .await;
}
