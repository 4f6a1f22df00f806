//! The cost of one run of each report on the server: processor time, buffers, locks, private memory; and the loss of
//! pgbench at full load, in pairs. `cargo bench --bench load`.
//!
//! `PGTEND_BENCH_MAJOR=17` selects the server; `PGTEND_BENCH_LARGE=CONNINFO` names a large database that is read as
//! well (on this machine, as a superuser); `PGTEND_BENCH_PAIRS=20` sets the number of pairs. Only a lock stronger than
//! documented is a failure.

#[path = "../server.rs"]
mod server;

mod locks;
mod pgbench_impact;
mod processes;
mod startup;

use std::env;
use std::process::{Command, Stdio};

use pg_sandbox::{Cluster, ClusterOptions};
use processes::RunCost;
use tokio_postgres::{Client, NoTls};

/// The arguments of every report.
pub const REPORTS: [&[&str]; 10] = [
    &["overview"],
    &["databases"],
    &["tables"],
    &["tables", "--exact"],
    &["indexes"],
    &["slots"],
    &["wal"],
    &["check"],
    &["audit"],
    &["snapshot"],
];

/// A schema of one or two screens, and a slot.
const DATA: &str = "\
do $$ begin
    for n in 1..40 loop
        execute format('create table orders_%s (id bigint primary key, state text); create index on orders_%s (state)', n, n);
        execute format('insert into orders_%s select g, repeat(''new'', 20) from generate_series(1, 5000) g', n);
    end loop;
end $$;
vacuum analyze;
select pg_create_physical_replication_slot('standby', true)";

fn main() {
    if !server::is_benchmark_run("load") {
        return;
    }
    let installation = server::installation();
    startup::print_startup();
    let options = ClusterOptions::default().with_setting("autovacuum", "off").with_setting("max_connections", "50");
    let cluster = Cluster::start(&installation, options).expect("a cluster");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = open_session(&cluster.conninfo()).await;
        for statement in DATA.split(";\nvacuum analyze;\n").flat_map(|part| ["vacuum analyze", part]).skip(1) {
            client.batch_execute(statement).await.expect("the data");
        }
        print_costs(&format!("A small database on {}", installation.version), &cluster.conninfo()).await;
        if let Ok(large) = env::var("PGTEND_BENCH_LARGE") {
            print_costs("A large database", &large).await;
        }
        pgbench_impact::print_pgbench_impact(&cluster, &installation).await;
    });
}

pub async fn open_session(conninfo: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.expect("a session");
    tokio::spawn(connection);
    client
}

/// A report whose output is discarded.
pub fn report_command(arguments: &[&str], conninfo: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").args(arguments);
    command.args(["-q", "-w", "--history", "none", "-d", conninfo]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

async fn print_costs(title: &str, conninfo: &str) {
    let client = open_session(conninfo).await;
    let relations: i64 = client.query_one("select count(*) from pg_class", &[]).await.expect("a count").get(0);
    println!("\n{title}, {relations} relations\n");
    println!(
        "| report | server CPU | buffers hit | read | locks at once | strongest | private memory of backend | sessions |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |");
    for arguments in REPORTS {
        // The first run fills the caches and is not measured.
        assert!(report_command(arguments, conninfo).status().expect("it starts").code().is_some_and(|code| code < 4));
        let watched = RunCost::measure_run(&client, arguments, conninfo).await;
        println!("| `{}` | {} |", arguments.join(" "), watched.table_cells());
        watched.assert_only_select_locks(arguments);
    }
}
