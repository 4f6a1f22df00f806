//! Completeness: the numbers that pgtend reports, compared with the catalogs.

use std::process::Command;

use serde_json::Value;
use tokio_postgres::NoTls;

/// Each kind of relation: its name, its count by pgtend, its count by the catalogs.
const CATALOG_COUNTS: &str = "\
select count(*) filter (where relkind in ('r', 'p', 'm', 'f')),
       count(*) filter (where relkind = 't'),
       count(*) filter (where relkind in ('i', 'I') and relnamespace <> 'pg_toast'::regnamespace)
  from pg_class where not relisshared";

pub fn compare_counts(conninfo: &str) -> String {
    let snapshot = report_json(&["snapshot"], conninfo);
    let database_snapshot = &snapshot["database_snapshots"][0];
    let tables = known_list(&database_snapshot["tables"]["known"]);
    let toast = tables.iter().filter(|table| !table["toast_oid"].is_null()).count();
    let reported = [tables.len(), toast, known_list(&database_snapshot["indexes"]["known"]).len()];
    let mut text = String::from("| relations | pgtend | pg_class |\n| --- | ---: | ---: |\n");
    for ((kind, reported), there) in ["tables", "TOAST", "indexes"].iter().zip(reported).zip(catalog_counts(conninfo)) {
        text.push_str(&format!("| {kind} | {reported} | {there} |\n"));
    }
    let estimated = report_json(&["tables", "--format", "json"], conninfo);
    let exact = report_json(&["tables", "--format", "json", "--exact"], conninfo);
    for (how, report) in [("by default", estimated), ("with --exact", exact)] {
        let accounting = &report["accounting"];
        text.push_str(&format!(
            "\n{how}: {} bytes in the database, {} unaccounted, {} relations measured",
            accounting["database_bytes"], accounting["unaccounted_bytes"], accounting["measured_relations"],
        ));
    }
    let indexes = report_json(&["indexes", "--format", "json"], conninfo);
    let indexes = known_list(&indexes["indexes"]);
    let defined = indexes.iter().filter(|index| !index["definition"].is_null()).count();
    text.push_str(&format!("\nindexes: {} listed, {defined} with their definition\n", indexes.len()));
    text
}

fn known_list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn report_json(arguments: &[&str], conninfo: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_pgtend")).args(arguments).args(["-d", conninfo]).output();
    serde_json::from_slice(&output.expect("it runs").stdout).expect("it prints JSON")
}

fn catalog_counts(conninfo: &str) -> [i64; 3] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.expect("a session");
        tokio::spawn(connection);
        let row = client.query_one(CATALOG_COUNTS, &[]).await.expect("an answer");
        [row.get(0), row.get(1), row.get(2)]
    })
}
