//! Bloat: estimates compared with the results of VACUUM FULL and REINDEX, and of pgstattuple where it is available.

use std::collections::BTreeMap;

use pg_sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{
    cluster_options, connect_superuser, create_database, execute_sql, is_left_out, on_a_major_and_the_newest_alone,
    on_a_major_and_the_newest_shared, print_stderr, query_one_text, query_texts,
};
use crate::schemas::assert_output_is_valid;

/// Tolerance of an estimate, in percentage points of the relation's size: statistics have averages only.
const HEAP_POINTS: f64 = 8.0;
const BTREE_POINTS: f64 = 15.0;
/// Tolerance if every page was read.
const EXACT_POINTS: f64 = 3.0;

/// Returns a report's JSON, as the role (trusted on the socket) or as the superuser.
fn report_as_role(cluster: &Cluster, database: &str, role: Option<&str>, arguments: &[&str]) -> Value {
    let mut conninfo = cluster.conninfo().replace("dbname=postgres", &format!("dbname={database}"));
    if let Some(role) = role {
        conninfo.push_str(&format!(" user={role}"));
    }
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").args(arguments).args(["--format", "json", "-w", "-d", &conninfo]);
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert_output_is_valid(&output.stdout);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Each row's bloat by name: bytes and source.
fn bloat_by_name(report: &Value, list: &str, name: &str) -> BTreeMap<String, (Option<u64>, Option<String>)> {
    let rows = report[list].as_array().expect("a list");
    rows.iter()
        .map(|row| {
            let source = row["bloat_source"].as_str().map(str::to_owned);
            (row[name].as_str().expect("a name").to_owned(), (row["bloat_bytes"].as_u64(), source))
        })
        .collect()
}

async fn relation_sizes(cluster: &Cluster, database: &str, relkind: char) -> BTreeMap<String, u64> {
    let query = format!(
        "select relname, pg_relation_size(oid) from pg_class \
         where relkind = '{relkind}' and relnamespace = 'public'::regnamespace"
    );
    let rows = query_texts(cluster, database, &query).await;
    let cell = |text: &Option<String>| text.clone().expect("no null");
    rows.iter().map(|row| (cell(&row[0]), cell(&row[1]).parse().expect("a number"))).collect()
}

/// Prints one line with the estimate, the true value and the difference in percentage points, which it returns.
fn assert_close(major: u32, what: &str, size: u64, estimate: u64, truth: u64) -> f64 {
    let percent = |bytes: u64| 100.0 * bytes as f64 / size.max(1) as f64;
    let off = percent(estimate) - percent(truth);
    print_stderr(&format!(
        "{major}  {what:<32} {size:>10} bytes  bloat estimated {:>5.1} %  true {:>5.1} %  off {off:>+5.1}",
        percent(estimate),
        percent(truth)
    ));
    off.abs()
}

#[tokio::test]
async fn bloat_heap_estimate_matches_vacuum_full() {
    // On a private cluster: a transaction in another database would prevent VACUUM FULL from removing dead rows.
    on_a_major_and_the_newest_alone(15, "heap bloat", cluster_options(), async |major, cluster| {
        let cluster = &cluster;
        let db = create_database(cluster).await;
        run_script(cluster, &db, include_str!("heaps.sql")).await;
        let before = relation_sizes(cluster, &db, 'r').await;
        let estimates = report_as_role(cluster, &db, None, &["tables"]);
        let unavailable = estimates["unavailable"].to_string();
        let estimates = bloat_by_name(&estimates, "tables", "table");
        let measured = exact_bloat(cluster, &db, "tables", "table").await;
        execute_sql(cluster, &db, "vacuum full").await;
        let after = relation_sizes(cluster, &db, 'r').await;
        let (mut worst, mut worst_exact) = (0_f64, 0_f64);
        for (table, size) in &before {
            let (estimated, source) = &estimates[table];
            if table == "never_analysed" {
                assert_eq!((estimated, source), (&None, &None));
                assert!(unavailable.contains("never analyzed") && unavailable.contains("public.never_analysed"));
                continue;
            }
            let truth = size.saturating_sub(after[table]);
            worst = worst.max(assert_close(major, table, *size, estimated.expect("an estimate"), truth));
            if let Some(measured) = &measured {
                let (exact, source) = &measured[table];
                assert_eq!(source.as_deref(), Some("exact"), "{table}");
                let off = assert_close(major, &format!("{table} (exact)"), *size, exact.expect("measured"), truth);
                // pgstattuple counts a row at its current length, including the data of a dropped column.
                if table != "dropped_column" {
                    worst_exact = worst_exact.max(off);
                }
            }
        }
        print_stderr(&format!("{major}  heaps: at worst {worst:.1} points off, measured {worst_exact:.1}"));
        assert!(worst <= HEAP_POINTS && worst_exact <= EXACT_POINTS, "{worst} {worst_exact}");
    })
    .await;
}

#[tokio::test]
async fn bloat_btree_estimate_matches_reindex() {
    if is_left_out("index bloat") {
        return;
    }
    on_a_major_and_the_newest_shared(15, "index bloat", async |major, cluster| {
        let db = create_database(cluster).await;
        run_script(cluster, &db, include_str!("btrees.sql")).await;
        let before = relation_sizes(cluster, &db, 'i').await;
        let estimates = report_as_role(cluster, &db, None, &["indexes"]);
        let estimates = bloat_by_name(&estimates, "indexes", "index");
        let measured = exact_bloat(cluster, &db, "indexes", "index").await;
        execute_sql(cluster, &db, &format!("reindex database {db}")).await;
        let after = relation_sizes(cluster, &db, 'i').await;
        let (mut worst, mut worst_exact) = (0_f64, 0_f64);
        for (index, size) in &before {
            let truth = size.saturating_sub(after[index]);
            let (estimate_entry, _) = estimates[index];
            if index.starts_with("of_") {
                assert_eq!(estimate_entry, None, "{index} is not estimated");
            } else {
                let estimated_bytes = estimate_entry.expect("an estimate");
                let off = assert_close(major, index, *size, estimated_bytes, truth);
                // If one column determines the other, there are fewer combinations than the estimate assumes: the bloat
                // is underestimated, never overestimated.
                if !(index.starts_with("dependent_") && estimated_bytes < truth) {
                    worst = worst.max(off);
                }
            }
            if let Some(measured) = &measured
                && index != "of_hash"
            {
                let exact = measured[index].0.expect("measured");
                let off = assert_close(major, &format!("{index} (exact)"), *size, exact, truth);
                // Pages show how full they are, not how many equal keys were inserted one by one and would share a
                // tuple.
                if !matches!(index.as_str(), "grown_few_values" | "grown_text") {
                    worst_exact = worst_exact.max(off);
                }
            }
        }
        print_stderr(&format!("{major}  B-trees: at worst {worst:.1} points off, measured {worst_exact:.1}"));
        assert!(worst <= BTREE_POINTS && worst_exact <= EXACT_POINTS, "{worst} {worst_exact}");
    })
    .await;
}

/// Runs a file of statements one by one: VACUUM cannot run in a transaction block.
async fn run_script(cluster: &Cluster, database: &str, text: &str) {
    let client = connect_superuser(cluster, database).await;
    let parts = text.split(";\n\n");
    for statement in parts.flat_map(|part| if part.contains("$$") { vec![part] } else { part.split(";\n").collect() }) {
        client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}\nin: {statement}"));
    }
}

type BloatByName = BTreeMap<String, (Option<u64>, Option<String>)>;

/// Returns the result of `--exact-bloat` where this server has the extension.
async fn exact_bloat(cluster: &Cluster, database: &str, list: &str, name: &str) -> Option<BloatByName> {
    let available = "select count(*) from pg_available_extensions where name = 'pgstattuple'";
    if query_one_text(cluster, database, available).await.as_deref() == Some("0") {
        print_stderr(&format!("--exact-bloat {list}: NOT RUN, this server has no pgstattuple"));
        return None;
    }
    let missing = report_as_role(cluster, database, None, &[list, "--exact-bloat"])["unavailable"].to_string();
    assert!(missing.contains("CREATE EXTENSION pgstattuple"), "{missing}");
    execute_sql(cluster, database, "create schema \"Odd Schema\"; create extension pgstattuple schema \"Odd Schema\"")
        .await;
    Some(bloat_by_name(&report_as_role(cluster, database, None, &[list, "--exact-bloat"]), list, name))
}

#[tokio::test]
async fn bloat_without_statistics_is_unknown() {
    on_a_major_and_the_newest_shared(15, "bloat without readable statistics", async |major, cluster| {
        let db = create_database(cluster).await;
        let role = format!("reader_of_{db}");
        let setup = format!(
            "create role {role} login; \
             create table seen as select g, g % 10 as low from generate_series(1, 1000) g; \
             create table by_column as select g, 'x' || g as t from generate_series(1, 1000) g; \
             create table \"Hidden\" as select g from generate_series(1, 1000) g; \
             create table guarded as select g from generate_series(1, 1000) g; \
             alter table guarded enable row level security; \
             create index on seen (low); create index on \"Hidden\" (g); create index on guarded (g); \
             create index by_column_lower on by_column (lower(t)); create index on by_column (g); \
             grant select on seen, guarded to {role}; grant select (g) on by_column to {role}; analyze"
        );
        execute_sql(cluster, &db, &setup).await;

        let tables = report_as_role(cluster, &db, Some(&role), &["tables"]);
        let estimates = bloat_by_name(&tables, "tables", "table");
        assert!(estimates["seen"].0.is_some(), "{estimates:?}");
        for hidden_table in ["by_column", "Hidden", "guarded"] {
            assert_eq!(estimates[hidden_table], (None, None), "{hidden_table}");
        }
        let gaps = tables["unavailable"].to_string();
        assert!(gaps.contains("row-level security") && gaps.contains("public.guarded"), "{gaps}");
        let hint = if major >= 14 {
            format!("GRANT pg_read_all_data TO {role}")
        } else {
            format!("GRANT SELECT ON public.\\\"Hidden\\\", public.by_column TO {role}")
        };
        assert!(gaps.contains(&hint), "{gaps}");

        let indexes = report_as_role(cluster, &db, Some(&role), &["indexes"]);
        let estimates = bloat_by_name(&indexes, "indexes", "index");
        assert!(estimates["seen_low_idx"].0.is_some() && estimates["by_column_g_idx"].0.is_some(), "{estimates:?}");
        for hidden_index in ["Hidden_g_idx", "guarded_g_idx", "by_column_lower"] {
            assert_eq!(estimates[hidden_index], (None, None), "{hidden_index}");
        }

        if major >= 14 {
            execute_sql(cluster, &db, &format!("grant pg_read_all_data to {role}; alter role {role} bypassrls")).await;
        } else {
            execute_sql(
                cluster,
                &db,
                &format!("grant select on \"Hidden\", by_column to {role}; alter role {role} bypassrls"),
            )
            .await;
        }
        let estimates = bloat_by_name(&report_as_role(cluster, &db, Some(&role), &["tables"]), "tables", "table");
        assert!(estimates.values().all(|(bytes, source)| bytes.is_some() && source.is_some()), "{estimates:?}");
        let estimates = bloat_by_name(&report_as_role(cluster, &db, Some(&role), &["indexes"]), "indexes", "index");
        assert!(
            estimates.iter().all(|(index, (bytes, _))| bytes.is_some() || (major < 14 && index == "by_column_lower")),
            "{estimates:?}"
        );
    })
    .await;
}
