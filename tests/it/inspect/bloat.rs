//! Bloat: estimates held against what VACUUM FULL and REINDEX leave, and against pgstattuple where there is one.

use std::collections::BTreeMap;

use pgtend::sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{database, on_every_major, query_texts, say, sql};

/// How far an estimate may be off, in points of a hundred of the relation's size; statistics know averages only.
const HEAP_POINTS: f64 = 10.0;
const BTREE_POINTS: f64 = 12.0;

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
    on_every_major("heap bloat", async |major, cluster| {
        let db = database(cluster).await;
        script(cluster, &db, include_str!("heaps.sql")).await;
        let before = sizes(cluster, &db, 'r').await;
        let told = report(cluster, &db, None, &["tables"]);
        let unavailable = told["unavailable"].to_string();
        let told = bloat(&told, "tables", "table");
        let measured = measured(cluster, &db, "tables", "table").await;
        sql(cluster, &db, "vacuum full").await;
        let after = sizes(cluster, &db, 'r').await;
        let mut worst = 0_f64;
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
                assert!(off <= 3.0, "{table}: {off} points off though every page was read");
            }
        }
        say(&format!("{major}  heaps: at worst {worst:.1} points off"));
        assert!(worst <= HEAP_POINTS, "{worst}");
    })
    .await;
}

#[tokio::test]
async fn btree_estimates_are_near_what_reindex_leaves() {
    on_every_major("index bloat", async |major, cluster| {
        let db = database(cluster).await;
        script(cluster, &db, include_str!("btrees.sql")).await;
        let before = sizes(cluster, &db, 'i').await;
        let told = report(cluster, &db, None, &["indexes"]);
        let told = bloat(&told, "indexes", "index");
        let measured = measured(cluster, &db, "indexes", "index").await;
        sql(cluster, &db, &format!("reindex database {db}")).await;
        let after = sizes(cluster, &db, 'i').await;
        let mut worst = 0_f64;
        for (index, size) in &before {
            let truth = size.saturating_sub(after[index]);
            let (told, _) = told[index];
            if index.starts_with("of_") {
                assert_eq!(told, None, "{index} is not estimated");
            } else {
                worst = worst.max(compare(major, index, *size, told.expect("an estimate"), truth));
            }
            if let Some(measured) = &measured
                && index != "of_hash"
            {
                let off = compare(major, &format!("{index} (exact)"), *size, measured[index].0.expect("measured"), truth);
                assert!(off <= 3.0, "{index}: {off} points off though every page was read");
            }
        }
        say(&format!("{major}  B-trees: at worst {worst:.1} points off"));
        assert!(worst <= BTREE_POINTS, "{worst}");
    })
    .await;
}

/// Runs a file of statements one by one: VACUUM wants to be alone.
async fn script(cluster: &Cluster, database: &str, text: &str) {
    let client = crate::clusters::connect(cluster, database).await;
    for statement in text.split(";\n\n").flat_map(|part| if part.contains("$$") { vec![part] } else { part.split(";\n").collect() }) {
        client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}\nin: {statement}"));
    }
}

type ByName = BTreeMap<String, (Option<u64>, Option<String>)>;

/// What `--exact-bloat` says, where this server has the extension.
async fn measured(cluster: &Cluster, database: &str, list: &str, name: &str) -> Option<ByName> {
    let available = "select count(*) from pg_available_extensions where name = 'pgstattuple'";
    if crate::clusters::query_one_text(cluster, database, available).await.as_deref() == Some("0") {
        say(&format!("--exact-bloat {list}: NOT RUN, this server has no pgstattuple"));
        return None;
    }
    let missing = report(cluster, database, None, &[list, "--exact-bloat"])["unavailable"].to_string();
    assert!(missing.contains("CREATE EXTENSION pgstattuple"), "{missing}");
    sql(cluster, database, "create schema \"Odd Schema\"; create extension pgstattuple schema \"Odd Schema\"").await;
    Some(bloat(&report(cluster, database, None, &[list, "--exact-bloat"]), list, name))
}
