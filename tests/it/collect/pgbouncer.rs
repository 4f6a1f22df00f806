//! Every report through pgbouncer in transaction mode, which passes one server connection from client to client.

use std::collections::BTreeMap;

use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::program_runs::{REPORT_COMMANDS, report_json_of};
use crate::clusters::{cluster_options, execute_sql, on_a_major_and_the_newest, print_stderr, private_cluster};
use crate::connection::pgbouncer::{Pgbouncer, find_pgbouncer};

/// Returns the settings of the server's session and its process id.
async fn session_state(client: &Client) -> BTreeMap<String, String> {
    let query = "select name, setting from pg_settings where source = 'session' or name in ('search_path', \
        'statement_timeout', 'lock_timeout', 'datestyle', 'TimeZone', 'jit', 'idle_in_transaction_session_timeout') \
        union all select 'pid', pg_backend_pid()::text \
        union all select 'prepared', count(*)::text from pg_prepared_statements \
        union all select 'cursors', count(*)::text from pg_cursors where name <> '' \
        union all select 'locks', count(*)::text from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'";
    let messages = client.simple_query(query).await.expect("the state");
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
        _ => None,
    });
    // The pooler sets application_name for each client.
    rows.filter(|(name, _)| name != "application_name").collect()
}

#[tokio::test]
async fn pgbouncer_reports_leave_no_session_state() {
    let name = "reports through pgbouncer";
    let Some(program) = find_pgbouncer(name) else { return };
    on_a_major_and_the_newest(15, name, async |major, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("autovacuum", "off"));
        execute_sql(&cluster, "postgres", "create table t (id int primary key, t text); create index on t (t)").await;
        let pooler = Pgbouncer::start(&program, &cluster).await;
        let (client, connection) = tokio_postgres::connect(&pooler.conninfo(), NoTls).await.expect("a client");
        tokio::spawn(connection);
        let before = session_state(&client).await;
        for _ in 0..2 {
            for report in REPORT_COMMANDS {
                let received = report_json_of(&pooler.conninfo(), report).await;
                assert_eq!(
                    received["server"]["version_num"].as_u64().map(|v| v / 10_000),
                    Some(u64::from(major)),
                    "{received}"
                );
            }
            report_json_of(&pooler.conninfo(), &["tables", "--exact", "--all-databases"]).await;
        }
        // The same server process in the same state.
        assert_eq!(before, session_state(&client).await, "on {major}");
        print_stderr(&format!("{name}: through one connection to {major}"));
    })
    .await;
}
