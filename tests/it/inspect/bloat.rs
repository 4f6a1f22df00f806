//! Bloat: estimates held against what VACUUM FULL and REINDEX leave, and against pgstattuple where there is one.

use std::collections::BTreeMap;

use pgtend::sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{
    connect, database, on_a_major_and_the_newest_alone, on_a_major_and_the_newest_shared, options, query_one_text,
    query_texts, say, sql,
};

/// How far an estimate may be off, in points of a hundred of the relation's size; statistics know averages only.
const HEAP_POINTS: f64 = 8.0;
const BTREE_POINTS: f64 = 15.0;
/// The same where every page was read.
const EXACT_POINTS: f64 = 3.0;

/// A report's JSON, as the role (trusted on the socket) or as the superuser.
fn report(cluster: &Cluster, database: &str, role: Option<&str>, arguments: &[&str]) -> Value {
    let mut conninfo = cluster.conninfo().replace("dbname=postgres", &format!("dbname={database}"));
    if let Some(role) = role {
        conninfo.push_str(&format!(" user={role}"));
    }
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").args(arguments).args(["--format", "json", "-w", "-d", &conninfo]);
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Each row's bloat by name: bytes and source.
fn bloat(report: &Value, list: &str, name: &str) -> BTreeMap<String, (Option<u64>, Option<String>)> {
    let rows = report[list].as_array().expect("a list");
    rows.iter()
        .map(|row| {
            let source = row["bloat_source"].as_str().map(str::to_owned);
            (row[name].as_str().expect("a name").to_owned(), (row["bloat_bytes"].as_u64(), source))
        })
        .collect()
}

async fn sizes(cluster: &Cluster, database: &str, relkind: char) -> BTreeMap<String, u64> {
    let query = format!(
        "select relname, pg_relation_size(oid) from pg_class \
         where relkind = '{relkind}' and relnamespace = 'public'::regnamespace"
    );
    let rows = query_texts(cluster, database, &query).await;
    let cell = |text: &Option<String>| text.clone().expect("no null");
    rows.iter().map(|row| (cell(&row[0]), cell(&row[1]).parse().expect("a number"))).collect()
}

/// One line of what was told and what is true, and by how many points it is off.
fn compare(major: u32, what: &str, size: u64, told: u64, truth: u64) -> f64 {
    let percent = |bytes: u64| 100.0 * bytes as f64 / size.max(1) as f64;
    let off = percent(told) - percent(truth);
    say(&format!(
        "{major}  {what:<32} {size:>10} bytes  bloat told {:>5.1} %  true {:>5.1} %  off {off:>+5.1}",
        percent(told),
        percent(truth)
    ));
    off.abs()
}

#[tokio::test]
async fn heap_estimates_are_near_what_vacuum_full_leaves() {
    // Alone: a transaction in another database would keep VACUUM FULL from leaving dead rows behind.
    on_a_major_and_the_newest_alone(15, "heap bloat", options(), async |major, cluster| {
        let cluster = &cluster;
        let db = database(cluster).await;
        script(cluster, &db, include_str!("heaps.sql")).await;
        let before = sizes(cluster, &db, 'r').await;
        let told = report(cluster, &db, None, &["tables"]);
        let unavailable = told["unavailable"].to_string();
        let told = bloat(&told, "tables", "table");
        let measured = measured(cluster, &db, "tables", "table").await;
        sql(cluster, &db, "vacuum full").await;
        let after = sizes(cluster, &db, 'r').await;
        let (mut worst, mut worst_exact) = (0_f64, 0_f64);
        for (table, size) in &before {
            let (told, source) = &told[table];
            if table == "never_analysed" {
                assert_eq!((told, source), (&None, &None));
                assert!(unavailable.contains("never analysed") && unavailable.contains("public.never_analysed"));
                continue;
            }
            let truth = size.saturating_sub(after[table]);
            worst = worst.max(compare(major, table, *size, told.expect("an estimate"), truth));
            if let Some(measured) = &measured {
                let (exact, source) = &measured[table];
                assert_eq!(source.as_deref(), Some("exact"), "{table}");
                let off = compare(major, &format!("{table} (exact)"), *size, exact.expect("measured"), truth);
                // A row counts as it lies there, with what a dropped column left in it.
                if table != "dropped_column" {
                    worst_exact = worst_exact.max(off);
                }
            }
        }
        say(&format!("{major}  heaps: at worst {worst:.1} points off, measured {worst_exact:.1}"));
        assert!(worst <= HEAP_POINTS && worst_exact <= EXACT_POINTS, "{worst} {worst_exact}");
    })
    .await;
}

#[tokio::test]
async fn btree_estimates_are_near_what_reindex_leaves() {
    on_a_major_and_the_newest_shared(15, "index bloat", async |major, cluster| {
        let db = database(cluster).await;
        script(cluster, &db, include_str!("btrees.sql")).await;
        let before = sizes(cluster, &db, 'i').await;
        let told = report(cluster, &db, None, &["indexes"]);
        let told = bloat(&told, "indexes", "index");
        let measured = measured(cluster, &db, "indexes", "index").await;
        sql(cluster, &db, &format!("reindex database {db}")).await;
        let after = sizes(cluster, &db, 'i').await;
        let (mut worst, mut worst_exact) = (0_f64, 0_f64);
        for (index, size) in &before {
            let truth = size.saturating_sub(after[index]);
            let (told, _) = told[index];
            if index.starts_with("of_") {
                assert_eq!(told, None, "{index} is not estimated");
            } else {
                let told = told.expect("an estimate");
                let off = compare(major, index, *size, told, truth);
                // Where one column tells the other there are fewer combinations than there could be: too little bloat
                // is told, never too much.
                if !(index.starts_with("dependent_") && told < truth) {
                    worst = worst.max(off);
                }
            }
            if let Some(measured) = &measured
                && index != "of_hash"
            {
                let exact = measured[index].0.expect("measured");
                let off = compare(major, &format!("{index} (exact)"), *size, exact, truth);
                // Pages tell how full they are, not how many equal keys came one by one and would share a tuple.
                if !matches!(index.as_str(), "grown_few_values" | "grown_text") {
                    worst_exact = worst_exact.max(off);
                }
            }
        }
        say(&format!("{major}  B-trees: at worst {worst:.1} points off, measured {worst_exact:.1}"));
        assert!(worst <= BTREE_POINTS && worst_exact <= EXACT_POINTS, "{worst} {worst_exact}");
    })
    .await;
}

/// Runs a file of statements one by one: VACUUM wants to be alone.
async fn script(cluster: &Cluster, database: &str, text: &str) {
    let client = connect(cluster, database).await;
    let parts = text.split(";\n\n");
    for statement in parts.flat_map(|part| if part.contains("$$") { vec![part] } else { part.split(";\n").collect() }) {
        client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}\nin: {statement}"));
    }
}

type ByName = BTreeMap<String, (Option<u64>, Option<String>)>;

/// What `--exact-bloat` says, where this server has the extension.
async fn measured(cluster: &Cluster, database: &str, list: &str, name: &str) -> Option<ByName> {
    let available = "select count(*) from pg_available_extensions where name = 'pgstattuple'";
    if query_one_text(cluster, database, available).await.as_deref() == Some("0") {
        say(&format!("--exact-bloat {list}: NOT RUN, this server has no pgstattuple"));
        return None;
    }
    let missing = report(cluster, database, None, &[list, "--exact-bloat"])["unavailable"].to_string();
    assert!(missing.contains("CREATE EXTENSION pgstattuple"), "{missing}");
    sql(cluster, database, "create schema \"Odd Schema\"; create extension pgstattuple schema \"Odd Schema\"").await;
    Some(bloat(&report(cluster, database, None, &[list, "--exact-bloat"]), list, name))
}

#[tokio::test]
async fn where_statistics_are_hidden_bloat_is_unknown_and_the_report_says_what_would_show_it() {
    on_a_major_and_the_newest_shared(15, "hidden bloat", async |major, cluster| {
        let db = database(cluster).await;
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
        sql(cluster, &db, &setup).await;

        let tables = report(cluster, &db, Some(&role), &["tables"]);
        let told = bloat(&tables, "tables", "table");
        assert!(told["seen"].0.is_some(), "{told:?}");
        for hidden in ["by_column", "Hidden", "guarded"] {
            assert_eq!(told[hidden], (None, None), "{hidden}");
        }
        let gaps = tables["unavailable"].to_string();
        assert!(gaps.contains("row-level security") && gaps.contains("public.guarded"), "{gaps}");
        let hint = if major >= 14 {
            format!("GRANT pg_read_all_data TO {role}")
        } else {
            format!("GRANT SELECT ON public.\\\"Hidden\\\", public.by_column TO {role}")
        };
        assert!(gaps.contains(&hint), "{gaps}");

        let indexes = report(cluster, &db, Some(&role), &["indexes"]);
        let told = bloat(&indexes, "indexes", "index");
        assert!(told["seen_low_idx"].0.is_some() && told["by_column_g_idx"].0.is_some(), "{told:?}");
        for hidden in ["Hidden_g_idx", "guarded_g_idx", "by_column_lower"] {
            assert_eq!(told[hidden], (None, None), "{hidden}");
        }

        if major >= 14 {
            sql(cluster, &db, &format!("grant pg_read_all_data to {role}; alter role {role} bypassrls")).await;
        } else {
            sql(cluster, &db, &format!("grant select on \"Hidden\", by_column to {role}; alter role {role} bypassrls"))
                .await;
        }
        let told = bloat(&report(cluster, &db, Some(&role), &["tables"]), "tables", "table");
        assert!(told.values().all(|(bytes, source)| bytes.is_some() && source.is_some()), "{told:?}");
        let told = bloat(&report(cluster, &db, Some(&role), &["indexes"]), "indexes", "index");
        assert!(
            told.iter().all(|(index, (bytes, _))| bytes.is_some() || (major < 14 && index == "by_column_lower")),
            "{told:?}"
        );
    })
    .await;
}
