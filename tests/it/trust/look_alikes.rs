//! Look-alikes of every extension object that pgtend uses, created by a role with CREATE on the extension's schema.

use super::{counter_sql, find_gap, logged_calls, run_all_reports, server_with_extensions};
use crate::{
    clusters::{connect_superuser, execute_sql, on_a_major_and_the_newest},
    collect::program_runs,
};

/// Statements that create look-alikes in the schema, and statements that call each of them once.
fn look_alike_statements(schema: &str, is_extension_schema: bool) -> (String, Vec<String>) {
    let mut create = counter_sql(schema);
    let mut call = Vec::new();
    let mut function = |signature: &str, arguments: &str, result: &str, value: &str| {
        let name = signature.split('(').next().unwrap_or_default();
        create.push_str(&format!(
            "create function {schema}.{signature} returns {result} language sql volatile as \
             $$ select {value} where {schema}.count_call('{schema}.{signature}') = 1 $$; "
        ));
        call.push(format!("select * from {schema}.{name}({arguments})"));
    };
    let tuples = "table (table_len bigint, tuple_count bigint, tuple_len bigint)";
    let pages = "table (index_size bigint, internal_pages bigint, leaf_pages bigint, avg_leaf_density float8)";
    let (one_tuple, one_page) = ("1::bigint, 1::bigint, 1::bigint", "1::bigint, 1::bigint, 1::bigint, 1::float8");
    let table = "'pg_catalog.pg_class'::regclass";
    // Matches of lower rank for the calls that pgtend makes.
    function("pgstattuple(a oid)", &format!("{table}::oid"), tuples, one_tuple);
    function("pgstattuple(a bigint)", "1::bigint", tuples, one_tuple);
    function("pgstattuple(variadic a regclass[])", &format!("{table}, {table}"), tuples, one_tuple);
    function("pgstatindex(a oid)", &format!("{table}::oid"), pages, one_page);
    function("pg_stat_statements_info()", "", "table (dealloc bigint, stats_reset timestamptz)", "1::bigint, now()");
    if !is_extension_schema {
        function("pgstattuple(a regclass)", table, tuples, one_tuple);
        function("pgstatindex(a regclass)", table, pages, one_page);
        function("pg_stat_statements(showtext bool)", "true", "table (wal_bytes bigint)", "1::bigint");
    }
    let mut view = |name: &str, columns: &str| {
        create.push_str(&format!(
            "create view {schema}.{name} as select {columns} where {schema}.count_call('{schema}.{name}') = 1; "
        ));
        call.push(format!("select * from {schema}.{name}"));
    };
    view("pg_stat_statements_info", "1::bigint as dealloc, now() as stats_reset");
    if !is_extension_schema {
        let columns = "10::oid as userid, 5::oid as dbid, 7::bigint as queryid, 'q' as query, 1::bigint as calls, \
                       1::bigint as wal_bytes, 1::bigint as wal_fpi";
        view("pg_stat_statements", columns);
    }
    (create, call)
}

#[tokio::test]
async fn trust_look_alikes_are_not_called() {
    let name = "look-alikes of extension objects";
    on_a_major_and_the_newest(15, name, async |major, installation| {
        let Some(cluster) = server_with_extensions(name, major, installation).await else { return };
        let (in_extension, calls_there) = look_alike_statements("ext", true);
        let (in_public, calls_in_public) = look_alike_statements("public", false);
        let setup = format!(
            "create role other login; create schema ext; \
             create extension pg_stat_statements schema ext version '1.8'; create extension pgstattuple schema ext; \
             grant create, usage on schema ext, public to other; \
             create table t as select g, repeat(md5(g::text), 100) as long from generate_series(1, 5000) g; \
             create index on t (g); analyze t; select pg_create_physical_replication_slot('s1', true); \
             set role other; {in_extension} {in_public}"
        );
        execute_sql(&cluster, "postgres", &setup).await;

        // The counters work in a read-only transaction, too.
        let session = connect_superuser(&cluster, "postgres").await;
        let direct = [calls_there, calls_in_public].concat();
        for call in &direct {
            session.batch_execute(&format!("begin read only; {call}; commit")).await.unwrap();
        }
        assert_eq!(logged_calls(&cluster).len(), direct.len(), "on {major}: {:?}", logged_calls(&cluster));

        let before = logged_calls(&cluster).len();
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.db").display().to_string();
        let [wal, tables, indexes] = run_all_reports(&cluster.conninfo(), &history).await;
        assert_eq!(logged_calls(&cluster)[before..], [""; 0], "on {major}");

        // The extensions' own objects are still read.
        assert!(wal["wal"]["statements"]["wal_bytes"].as_u64() > Some(1_000), "on {major}: {wal}");
        assert!(wal["wal"]["statements"]["since"].is_null(), "{wal}");
        let (reason, hint) = find_gap(&wal, "reset of statement statistics");
        assert!(reason.contains("ext.pg_stat_statements_info (owner other) is not a member"), "{reason}");
        assert!(hint.starts_with("rename or drop it"), "{hint}");
        for (report, list) in [(&tables, "tables"), (&indexes, "indexes")] {
            let rows = report[list].as_array().unwrap();
            assert!(rows.iter().any(|row| row["bloat_source"] == "exact"), "on {major}: {report}");
        }

        // With another argument that has a default the call is ambiguous: the server refuses it, and the report says
        // so.
        let ambiguous = "set role other; create function ext.pgstattuple(a regclass, b int default 0) \
            returns table (table_len bigint, tuple_count bigint, tuple_len bigint) language sql volatile as \
            $$ select 1::bigint, 1::bigint, 1::bigint where ext.count_call('ambiguous') = 1 $$";
        execute_sql(&cluster, "postgres", ambiguous).await;
        let tables = program_runs::report_json_of(&cluster.conninfo(), &["tables", "--exact-bloat"]).await;
        assert_eq!(logged_calls(&cluster)[before..], [""; 0], "on {major}");
        assert!(find_gap(&tables, "exact heap bloat").0.contains("is not unique"), "{tables}");
        assert!(tables["tables"].as_array().unwrap().iter().all(|row| row["bloat_source"] != "exact"), "{tables}");
    })
    .await;
}
