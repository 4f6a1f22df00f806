//! The cluster: seventeen thousand tables of many tenants, most of them empty.

use std::path::Path;
use std::time::Instant;

use pg_sandbox::{Cluster, ClusterOptions, Installation};
use tokio_postgres::NoTls;

pub const TABLES: u32 = 17_000;
const SCHEMAS: u32 = 34;
const FILLED_TABLES: u32 = 30;
const ROWS_PER_TABLE: u32 = 20_000;
pub const DATABASE: &str = "scale";
/// A member of pg_monitor, as the manual recommends for monitoring.
pub const MONITOR_ROLE: &str = "watcher";

/// Starts the saved copy; the first run creates and saves it.
pub fn start_cluster(installation: &Installation) -> Cluster {
    let begun = Instant::now();
    let cache_folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    std::fs::create_dir_all(&cache_folder).expect("a folder to keep the copy in");
    let copy = cache_folder.join(format!("scale-{}-{TABLES}", installation.major));
    let options = ClusterOptions::default()
        .with_setting("autovacuum", "off")
        .with_setting("max_locks_per_transaction", "1024")
        .with_setting("shared_buffers", "128MB")
        .with_setting("full_page_writes", "off")
        .with_setting("max_wal_size", "8GB");
    let mut cluster = if copy.exists() {
        Cluster::start(installation, ClusterOptions { origin: Some(copy.clone()), ..options }).expect("the copy starts")
    } else {
        Cluster::start(installation, options).expect("a cluster")
    };
    if !copy.exists() {
        println!("filling it, once …");
        fill_database(&cluster);
        cluster.save_copy(&copy).expect("the copy is kept");
    }
    run_statements(
        &cluster.conninfo(),
        &[format!(
            "do $$ begin
                 if not exists (select from pg_roles where rolname = '{MONITOR_ROLE}') then
                     create role {MONITOR_ROLE} login in role pg_monitor;
                 end if;
             end $$"
        )],
    );
    println!("ready after {:.0} s", begun.elapsed().as_secs_f64());
    cluster
}

pub fn conninfo(cluster: &Cluster) -> String {
    cluster.conninfo().replace("dbname=postgres", &format!("dbname={DATABASE}"))
}

fn fill_database(cluster: &Cluster) {
    run_statements(&cluster.conninfo(), &[format!("create database {DATABASE}")]);
    let per_schema = TABLES / SCHEMAS;
    let mut statements: Vec<String> = (0..SCHEMAS).map(|schema| format!("create schema tenant_{schema}")).collect();
    // Chunks of 500: each table takes seven locks until the end of its transaction.
    statements.push(format!(
        "do $$ begin
             for s in 0..{SCHEMAS} - 1 loop
                 for t in 0..{per_schema} - 1 loop
                     execute format(
                         'create table tenant_%s.table_%s (
                              id bigint primary key, customer_id bigint, state text, created_at timestamptz, payload text);
                          create index on tenant_%s.table_%s (customer_id);
                          create index on tenant_%s.table_%s (state);
                          create index on tenant_%s.table_%s (created_at)',
                         s, t, s, t, s, t, s, t);
                     if t % 500 = 499 then commit; end if;
                 end loop;
                 commit;
             end loop;
         end $$"
    ));
    for schema in 0..FILLED_TABLES {
        let table = format!("tenant_{schema}.table_0");
        statements.push(format!(
            "insert into {table}
             select n, n % 1000, (array['new', 'paid', 'sent'])[1 + n % 3], now() - n * interval '1 minute',
                    case when n % 100 = 0 then (select string_agg(md5((n * 100 + i)::text), '') from generate_series(1, 100) i)
                         else md5(n::text) end
               from generate_series(1, {ROWS_PER_TABLE}) n"
        ));
        statements.push(format!("analyze {table}"));
    }
    statements.push("checkpoint".to_owned());
    run_statements(&conninfo(cluster), &statements);
}

fn run_statements(conninfo: &str, statements: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.expect("a session");
        let connection = tokio::spawn(connection);
        for statement in statements {
            client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}\nin: {statement}"));
        }
        drop(client);
        connection.await.expect("the session's end").ok();
    });
}
