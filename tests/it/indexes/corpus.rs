//! The corpus: one schema of difficult indexes, with the expected verdict of each.

use std::collections::BTreeMap;

use pg_sandbox::Cluster;
use serde_json::Value;

use super::script::{Statement, run_statements, split_statements};
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_every_major_alone_long, print_stderr, query_one_text,
    query_texts,
};
use crate::reports::program::{array_field, report_json};

const SCRIPT: &str = include_str!("../fixtures/corpus/indexes.sql");
const EXPECTED: &str = include_str!("../fixtures/corpus/indexes.expected.tsv");

/// The limits that the corpus is assessed with.
const LIMITS: [&str; 4] = ["--min-observation", "0", "--min-reclaim", "100kB"];

/// Executes the corpus in a new database and waits until its scans are counted.
async fn load_corpus(cluster: &Cluster, database: &str, script: &[Statement]) -> String {
    execute_sql(cluster, "postgres", &format!("create database {database}")).await;
    let client = connect_superuser(cluster, database).await;
    let failed = run_statements(&client, script).await;
    assert!(matches!(&failed[..], [one] if one.contains("dupes_v_uidx")), "{failed:?}");
    drop(client);
    wait_until_counted(cluster, database).await;
    format!("{} dbname={database}", cluster.conninfo())
}

/// Before 15 the statistics collector updates the counters some time after the session has ended.
async fn wait_until_counted(cluster: &Cluster, database: &str) {
    let counted = "select sum(idx_scan)::text || '/' || sum(seq_scan) from pg_stat_user_tables";
    let mut before = None;
    for _ in 0..40 {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let now = query_one_text(cluster, database, counted).await;
        if now == before && now.as_deref().is_some_and(|now| !now.starts_with("0/")) {
            return;
        }
        before = now;
    }
    panic!("the counters did not settle: {before:?}");
}

/// Returns verdict and findings of each index, by its name in the corpus.
fn verdicts_by_name(
    report: &Value,
    names: &BTreeMap<String, String>,
) -> BTreeMap<String, (String, Vec<String>, Value)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let of = |row: &Value| {
        let name = text(&row["index"]);
        let findings = row["findings"].as_array().expect("findings").iter().map(&text).collect();
        (names.get(&name).cloned().unwrap_or(name), (text(&row["verdict"]), findings, row.clone()))
    };
    array_field(report, "indexes").iter().map(of).collect()
}

/// Since 15.20 equal keys of char(n) are not deduplicated: the narrow index is nearly as large as its covering index
/// instead of a fourth of it, and the reason against its drop does not apply.
fn expected_on_server<'a>(
    index: &str,
    expected: &'a str,
    found: &BTreeMap<String, (String, Vec<String>, Value)>,
) -> &'a str {
    let bytes = |name: &str| found.get(name).and_then(|(_, _, whole)| whole["size_bytes"].as_u64());
    match (index, bytes("users_country"), bytes("users_country_created")) {
        ("users_country", Some(narrow), Some(wide)) if wide <= 4 * narrow => "drop",
        _ => expected,
    }
}

/// Compares the report with every line of the expectations, and prints how many are correct.
fn assert_expectations(report: &Value, names: &BTreeMap<String, String>, what: &str) {
    let found = verdicts_by_name(report, names);
    let mut groups: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut right = 0;
    for line in EXPECTED.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [index, expected, finding, _] = columns[..] else { panic!("{line}") };
        let Some((verdict, findings, whole)) = found.get(index) else {
            faults.push(format!("{index} is missing in the report"));
            continue;
        };
        let expected = expected_on_server(index, expected, &found);
        let as_expected = match expected.split_once(':') {
            Some((count, group)) => {
                let wanted = count.split_once("of").expect("NofM").0.parse().expect("a number");
                let counted = groups.entry(group).or_insert((wanted, 0));
                counted.1 += usize::from(verdict == "drop");
                true
            }
            None => match expected {
                "not-drop" => verdict != "drop",
                "not-keep" => verdict != "keep",
                exactly => verdict == exactly,
            },
        };
        let is_found = finding == "-"
            || findings.iter().any(|found| found == finding)
            || (expected.contains(':') && verdict != "drop");
        if as_expected && is_found {
            right += 1;
        } else {
            faults.push(format!("{index}: {verdict} {findings:?}, expected {expected} {finding}: {whole}"));
        }
    }
    for (group, (wanted, counted)) in groups {
        if wanted != counted {
            faults.push(format!("{group}: {counted} drops, expected {wanted}"));
        }
    }
    print_stderr(&format!(
        "corpus, {what}: {right} lines correct, {} faults, of {} indexes",
        faults.len(),
        found.len()
    ));
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

async fn check_three_variants(major: u32, cluster: &Cluster) {
    let script = split_statements(SCRIPT);
    let as_written = load_corpus(cluster, "as_written", &script).await;
    let report = report_json(&[&["indexes", "-d", &as_written], &LIMITS[..]].concat());
    assert_expectations(&report, &BTreeMap::new(), &format!("{major} as written"));
    no_drop_rests_on_counters(&report_json(&["indexes", "--min-reclaim", "100kB", "-d", &as_written]));

    // Verdicts must not depend on names …
    let names = rename_objects(cluster, "as_written").await;
    let report = report_json(&[&["indexes", "-d", &as_written], &LIMITS[..]].concat());
    assert_expectations(&report, &names, &format!("{major} renamed"));

    // … or on the order of creation.
    let reordered = load_corpus(cluster, "reordered", &reorder_indexes(script)).await;
    let report = report_json(&[&["indexes", "-d", &reordered], &LIMITS[..]].concat());
    assert_expectations(&report, &BTreeMap::new(), &format!("{major} in another order"));
}

/// With the short history of a fresh cluster only the catalog is evidence.
fn no_drop_rests_on_counters(report: &Value) {
    assert_eq!(report["observation"]["sufficient"], false);
    let mut drops = 0;
    for drop_row in array_field(report, "indexes").iter().filter(|index| index["verdict"] == "drop") {
        let findings = drop_row["findings"].as_array().expect("findings");
        let first = findings.first().and_then(Value::as_str);
        assert!(matches!(first, Some("duplicate-index" | "redundant-index")), "{drop_row}");
        drops += 1;
    }
    assert!(drops >= 4, "{drops}");
}

/// Gives every table and index a meaningless name.
async fn rename_objects(cluster: &Cluster, database: &str) -> BTreeMap<String, String> {
    let relations = query_texts(
        cluster,
        database,
        "select c.relname, c.relkind, quote_ident(c.relname) from pg_class c
          where c.relnamespace = 'shop'::regnamespace and c.relkind in ('r', 'p', 'm', 'i', 'I') order by md5(c.relname)",
    )
    .await;
    let mut names = BTreeMap::new();
    for (number, row) in relations.into_iter().enumerate() {
        let [Some(name), Some(kind), Some(quoted)] = &row[..] else { panic!("{row:?}") };
        let what = match kind.as_str() {
            "i" | "I" => "index",
            "m" => "materialized view",
            _ => "table",
        };
        execute_sql(cluster, database, &format!("alter {what} shop.{quoted} rename to n{number}")).await;
        names.insert(format!("n{number}"), name.clone());
    }
    execute_sql(cluster, database, "alter schema shop rename to elsewhere").await;
    names
}

/// Reverses each group of consecutive CREATE INDEX statements.
fn reorder_indexes(mut script: Vec<Statement>) -> Vec<Statement> {
    let mut from = 0;
    while from < script.len() {
        let length = script[from..].iter().take_while(|statement| statement.is_create_index()).count();
        script[from..from + length].reverse();
        from += length.max(1);
    }
    script
}

#[tokio::test]
async fn corpus_verdicts_are_right() {
    let options = cluster_options().with_setting("autovacuum", "off");
    on_every_major_alone_long("corpus of indexes", options, async |major, cluster| {
        check_three_variants(major, &cluster).await
    })
    .await;
}
