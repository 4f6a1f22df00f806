//! Extensions of which another role owns an object: nothing of them is executed, and the report says whose object it is.

use super::{calls, counter, gap, run_all, server_with_extensions};
use crate::{
    clusters::{on_a_major_and_the_newest, sql},
    inspect::looks,
};

const STATEMENTS: &str = "wal of statements";

#[tokio::test]
async fn members_of_another_owner_are_not_executed() {
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
            counter("ext")
        );
        sql(&cluster, db, &setup).await;
        sql(&cluster, db, "begin read only; select from ext.pg_stat_statements limit 1; commit").await;
        let before = calls(&cluster).len();
        assert!(before > 0, "the view counts");

        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db").display().to_string();
        let monitor = format!("{} user=monitor", cluster.conninfo());
        for conninfo in [&cluster.conninfo(), &monitor] {
            let [wal, tables, indexes] = run_all(conninfo, &history).await;
            assert_eq!(calls(&cluster)[before..], [""; 0], "on {major} as {conninfo}");
            assert!(wal["wal"]["statements"].is_null(), "{wal}");
            let (reason, hint) = gap(&wal, STATEMENTS);
            assert!(reason.contains("view ext.pg_stat_statements") && reason.contains("role other"), "{reason}");
            assert_eq!(hint, "check its definition, then ALTER VIEW ext.pg_stat_statements OWNER TO postgres");
            for (report, list, fact) in
                [(&tables, "tables", "exact heap bloat"), (&indexes, "indexes", "exact index bloat")]
            {
                let rows = report[list].as_array().unwrap();
                assert!(rows.iter().all(|row| row["bloat_source"] != "exact"), "on {major}: {report}");
                let (reason, hint) = gap(report, fact);
                assert!(reason.contains("function ext.pgstatindex(regclass)") && reason.contains("role other"), "{reason}");
                assert!(hint.contains("ALTER FUNCTION ext.pgstatindex(regclass) OWNER TO postgres"), "{hint}");
            }
        }

        // The remedies work.
        sql(&cluster, db, "alter function ext.pgstatindex(regclass) owner to postgres").await;
        sql(&cluster, db, "drop extension pg_stat_statements; create extension pg_stat_statements schema ext").await;
        let wal = looks::json(&cluster.conninfo(), &["wal"]).await;
        assert!(wal["wal"]["statements"]["wal_bytes"].is_u64(), "{wal}");
        let indexes = looks::json(&cluster.conninfo(), &["indexes", "--exact-bloat"]).await;
        assert!(indexes["indexes"].as_array().unwrap().iter().any(|row| row["bloat_source"] == "exact"), "{indexes}");

        // A member that is missing.
        sql(&cluster, db, "alter extension pg_stat_statements drop view ext.pg_stat_statements").await;
        let (reason, hint) = gap(&looks::json(&cluster.conninfo(), &["wal"]).await, STATEMENTS);
        assert!(reason.contains("has no member view pg_stat_statements"), "{reason}");
        assert_eq!(hint, "ALTER EXTENSION pg_stat_statements UPDATE");
    })
    .await;
}

#[tokio::test]
async fn schema_of_another_owner_is_not_used() {
    let name = "extension schema of another owner";
    on_a_major_and_the_newest(13, name, async |major, installation| {
        let Some(cluster) = server_with_extensions(name, major, installation).await else { return };
        let setup = "create role other login; create role monitor login; grant pg_monitor to monitor; \
                     create schema ext authorization other; grant usage on schema ext to monitor; \
                     create extension pg_stat_statements schema ext; create extension pgstattuple schema ext";
        sql(&cluster, "postgres", setup).await;
        let (superuser, monitor) = (cluster.conninfo(), format!("{} user=monitor", cluster.conninfo()));
        // Its owner could rename it and put another one in its place.
        for conninfo in [&superuser, &monitor] {
            let (reason, hint) = gap(&looks::json(conninfo, &["wal"]).await, STATEMENTS);
            assert!(reason.contains("schema ext ") && reason.contains("owned by role other"), "on {major}: {reason}");
            assert!(hint.contains("ALTER EXTENSION pg_stat_statements SET SCHEMA"), "{hint}");
        }
        // The owner of the database is tolerated where the session is no superuser.
        sql(&cluster, "postgres", "alter database postgres owner to other").await;
        assert!(gap(&looks::json(&superuser, &["wal"]).await, STATEMENTS).0.contains("owned by role other"));
        let wal = looks::json(&monitor, &["wal"]).await;
        assert!(wal["wal"]["statements"]["wal_bytes"].is_u64(), "on {major}: {wal}");
        // The remedy, as printed.
        let (_, hint) = gap(&looks::json(&superuser, &["wal"]).await, STATEMENTS);
        sql(&cluster, "postgres", hint.strip_prefix("as a superuser: ").unwrap()).await;
        let wal = looks::json(&superuser, &["wal"]).await;
        assert!(wal["wal"]["statements"]["wal_bytes"].is_u64(), "on {major}: {wal}");
    })
    .await;
}
