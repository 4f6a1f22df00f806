//! Temporary objects that another client left on a pooled connection.

use super::{counter_sql, logged_calls};
use crate::{
    clusters::{cluster_options, execute_sql, on_a_major_and_the_newest, private_cluster},
    collect::program_runs::{self, REPORT_COMMANDS},
    connection::pgbouncer::{Pgbouncer, find_pgbouncer},
};
use tokio_postgres::NoTls;

/// Types of pg_catalog that queries name without a schema.
const TYPES: [&str; 8] = ["text", "int8", "int4", "float8", "jsonb", "oid", "pg_lsn", "regclass"];

/// Names that queries use for catalogs and for their own CTEs.
const RELATIONS: [&str; 6] = ["pg_class", "pg_stat_activity", "locked", "wanted", "member", "session"];

#[tokio::test]
async fn trust_temporary_objects_are_not_used() {
    let name = "temporary objects on a pooled connection";
    let Some(program) = find_pgbouncer(name) else { return };
    on_a_major_and_the_newest(15, name, async |major, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("autovacuum", "off"));
        execute_sql(
            &cluster,
            "postgres",
            "create table t as select g from generate_series(1, 1000) g; create index on t (g)",
        )
        .await;
        let pooler = Pgbouncer::start(&program, &cluster).await;
        let (client, connection) = tokio_postgres::connect(&pooler.conninfo(), NoTls).await.expect("a client");
        tokio::spawn(connection);
        let mut setup = counter_sql("public");
        for name in TYPES {
            setup.push_str(&format!(
                "create domain pg_temp.{name} as pg_catalog.{name} check (public.count_call('{name}') = 1); "
            ));
        }
        for name in RELATIONS {
            setup.push_str(&format!("create temp view {name} as select public.count_call('{name}') as oid; "));
        }
        client.batch_execute(&setup).await.unwrap();
        // The objects count their calls, and they are found first if the search path does not name pg_temp.
        let direct = "begin read only; set local search_path = ''; select '1'::int8; select from pg_class; commit";
        client.batch_execute(direct).await.unwrap();
        let before = logged_calls(&cluster).len();
        assert!(before >= 2, "on {major}: {:?}", logged_calls(&cluster));
        for report in REPORT_COMMANDS {
            program_runs::report_json_of(&pooler.conninfo(), report).await;
        }
        program_runs::report_json_of(&pooler.conninfo(), &["tables", "--exact"]).await;
        let audit = program_runs::run_with_conninfo(&pooler.conninfo(), &["audit"]).await;
        assert!(matches!(audit.code, Some(0..=3)), "{}", audit.stderr);
        assert_eq!(logged_calls(&cluster)[before..], [""; 0], "on {major}");
        // It is the same connection, and the objects still exist.
        client.batch_execute("select '1'::pg_temp.int8").await.unwrap();
        assert!(logged_calls(&cluster).len() > before);
    })
    .await;
}
