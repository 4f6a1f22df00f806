//! Each report on a small database over a connection with 100 ms per round trip. `cargo bench --bench slow_line`.
//!
//! `PGTEND_BENCH_MAJOR=17` selects the server. No time is a failure.

#[allow(unused_imports, reason = "its own tests are not used here")]
#[path = "../../tests/it/proxy/mod.rs"]
mod proxy;
#[path = "../server.rs"]
mod server;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pg_sandbox::{Cluster, ClusterOptions};
use proxy::{Behaviour, Proxy};
use tokio_postgres::NoTls;

const ONE_WAY: Duration = Duration::from_millis(50);

/// A schema of one or two screens, and a slot.
const DATA: &str = "\
do $$ begin
    for n in 1..40 loop
        execute format('create table orders_%s (id bigint primary key, state text); create index on orders_%s (state)', n, n);
        execute format('insert into orders_%s select g, ''new'' from generate_series(1, 500) g', n);
    end loop;
end $$;
analyze;
select pg_create_physical_replication_slot('standby', true)";

const REPORTS: [&[&str]; 9] = [
    &["overview"],
    &["databases"],
    &["tables"],
    &["tables", "--exact"],
    &["indexes"],
    &["slots"],
    &["wal"],
    &["snapshot"],
    &["tables", "--all-databases"],
];

fn main() {
    if !server::is_benchmark_run("slow_line") {
        return;
    }
    let installation = server::installation();
    let cluster = Cluster::start(&installation, ClusterOptions::default()).expect("a cluster");
    fill_database(&cluster);
    println!("Postgres {}, {} ms per round trip\n", installation.version, 2 * ONE_WAY.as_millis());
    println!("| report | total | connecting | after connecting | target | round trips |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for report in REPORTS {
        let behaviour = Behaviour { to_server: ONE_WAY, to_client: ONE_WAY, stalled: false };
        // In front of the socket, which needs no password.
        let proxy = Proxy::new(&cluster.socket_dir().display().to_string(), cluster.port(), behaviour);
        let conninfo = format!("host=127.0.0.1 port={} user=postgres dbname=postgres sslmode=disable", proxy.port());
        let begun = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
        let status = command.args(report).args(["-d", &conninfo]).stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(status.expect("it starts").success(), "{report:?}");
        let elapsed = begun.elapsed();
        let connecting = 2 * ONE_WAY * u32::try_from(proxy.round_trips_to_connect()).expect("a few");
        println!(
            "| `{}` | {:.2} s | {:.2} s | {:.2} s | < 1 s | {} |",
            report.join(" "),
            elapsed.as_secs_f64(),
            connecting.as_secs_f64(),
            elapsed.saturating_sub(connecting).as_secs_f64(),
            proxy.round_trips(),
        );
    }
}

fn fill_database(cluster: &Cluster) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&cluster.conninfo(), NoTls).await.expect("a session");
        tokio::spawn(connection);
        client.batch_execute(DATA).await.expect("the data");
    });
}
