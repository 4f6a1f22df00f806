//! Extensions with an object of another role: nothing of them is executed, and the report names the owner.

use super::{counter_sql, find_gap, logged_calls, run_all_reports, server_with_extensions};
use crate::{
    clusters::{execute_sql, on_a_major_and_the_newest},
    collect::program_runs,
};

const STATEMENTS_FACT: &str = "wal of statements";

#[tokio::test]
async fn trust_foreign_members_are_not_executed() {
    let name = "extension members of another owner";
    on_a_major_and_the_newest(13, name, async |major, installation| {
        let Some(cluster) = server_with_extensions(name, major, installation).await else { return };
        let db = "postgres";
        let setup = format!(
            "create role other login; create role monitor login; grant pg_monitor to monitor; create schema ext; \
             create extension pg_stat_statements schema ext; create extension pgstattuple schema ext; \
             grant usage, create on schema ext to other; grant usage on schema ext to monitor; \
             create table t as select g from generate_series(1, 5000) g; create index on t (g); analyze t; \
             select pg_create_physical_replication_slot('s1', true); \
             alter view ext.pg_stat_statements owner to other; alter function ext.pgstatindex(regclass) owner to other; \
             set role other; {} \
             create or replace view ext.pg_stat_statements as \
               select * from ext.pg_stat_statements(true) where ext.count_call('view') = 1",
            counter_sql("ext")
        );
        execute_sql(&cluster, db, &setup).await;
        execute_sql(&cluster, db, "begin read only; select from ext.pg_stat_statements limit 1; commit").await;
        let before = logged_calls(&cluster).len();
        assert!(before > 0, "the view has rows");

        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db").display().to_string();
        let monitor = format!("{} user=monitor", cluster.conninfo());
        for conninfo in [&cluster.conninfo(), &monitor] {
            let [wal, tables, indexes] = run_all_reports(conninfo, &history).await;
            assert_eq!(logged_calls(&cluster)[before..], [""; 0], "on {major} as {conninfo}");
            assert!(wal["wal"]["statements"].is_null(), "{wal}");
            let (reason, hint) = find_gap(&wal, STATEMENTS_FACT);
            assert!(reason.contains("view ext.pg_stat_statements") && reason.contains("role other"), "{reason}");
            assert_eq!(hint, "check its definition, then ALTER VIEW ext.pg_stat_statements OWNER TO postgres");
            for (report, list, fact) in
                [(&tables, "tables", "exact heap bloat"), (&indexes, "indexes", "exact index bloat")]
            {
                let rows = report[list].as_array().unwrap();
                assert!(rows.iter().all(|row| row["bloat_source"] != "exact"), "on {major}: {report}");
                let (reason, hint) = find_gap(report, fact);
                assert!(reason.contains("function ext.pgstatindex(regclass)") && reason.contains("role other"), "{reason}");
                assert!(hint.contains("ALTER FUNCTION ext.pgstatindex(regclass) OWNER TO postgres"), "{hint}");
            }
        }

        // The remedies work.
        execute_sql(&cluster, db, "alter function ext.pgstatindex(regclass) owner to postgres").await;
        execute_sql(&cluster, db, "drop extension pg_stat_statements; create extension pg_stat_statements schema ext").await;
        let wal = program_runs::report_json_of(&cluster.conninfo(), &["wal"]).await;
        assert!(wal["wal"]["statements"]["wal_bytes"].is_u64(), "{wal}");
        let indexes = program_runs::report_json_of(&cluster.conninfo(), &["indexes", "--exact-bloat"]).await;
        assert!(indexes["indexes"].as_array().unwrap().iter().any(|row| row["bloat_source"] == "exact"), "{indexes}");

        // A missing member.
        execute_sql(&cluster, db, "alter extension pg_stat_statements drop view ext.pg_stat_statements").await;
        let (reason, hint) = find_gap(&program_runs::report_json_of(&cluster.conninfo(), &["wal"]).await, STATEMENTS_FACT);
        assert!(reason.contains("has no member view pg_stat_statements"), "{reason}");
        assert_eq!(hint, "ALTER EXTENSION pg_stat_statements UPDATE");
    })
    .await;
}

#[tokio::test]
async fn trust_foreign_schema_is_not_used() {
    let name = "extension schema of another owner";
    on_a_major_and_the_newest(13, name, async |major, installation| {
        let Some(cluster) = server_with_extensions(name, major, installation).await else { return };
        let setup = "create role other login; create role monitor login; grant pg_monitor to monitor; \
                     create schema ext authorization other; grant usage on schema ext to monitor; \
                     create extension pg_stat_statements schema ext; create extension pgstattuple schema ext";
        execute_sql(&cluster, "postgres", setup).await;
        let (superuser, monitor) = (cluster.conninfo(), format!("{} user=monitor", cluster.conninfo()));
        // Its owner could rename it and create another one with its name.
        for conninfo in [&superuser, &monitor] {
            let (reason, hint) = find_gap(&program_runs::report_json_of(conninfo, &["wal"]).await, STATEMENTS_FACT);
            assert!(reason.contains("schema ext ") && reason.contains("owned by role other"), "on {major}: {reason}");
            assert!(hint.contains("ALTER EXTENSION pg_stat_statements SET SCHEMA"), "{hint}");
        }
        // The database's owner is accepted if the session is not a superuser.
        execute_sql(&cluster, "postgres", "alter database postgres owner to other").await;
        assert!(
            find_gap(&program_runs::report_json_of(&superuser, &["wal"]).await, STATEMENTS_FACT)
                .0
                .contains("owned by role other")
        );
        let wal = program_runs::report_json_of(&monitor, &["wal"]).await;
        assert!(wal["wal"]["statements"]["wal_bytes"].is_u64(), "on {major}: {wal}");
        // The remedy, as printed.
        let (_, hint) = find_gap(&program_runs::report_json_of(&superuser, &["wal"]).await, STATEMENTS_FACT);
        execute_sql(&cluster, "postgres", hint.strip_prefix("as a superuser: ").unwrap()).await;
        let wal = program_runs::report_json_of(&superuser, &["wal"]).await;
        assert!(wal["wal"]["statements"]["wal_bytes"].is_u64(), "on {major}: {wal}");
    })
    .await;
}
