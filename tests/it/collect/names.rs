//! Databases in other encodings, and deep partition trees.

use std::fmt::Write as _;

use serde_json::Value;

use super::program_runs::{database_conninfo, report_json_of, run_with_conninfo};
use crate::clusters::{execute_sql, on_a_major_and_the_newest_shared, query_one_text};

/// Creates a database with an encoding.
async fn create_database_with_encoding(cluster: &pg_sandbox::Cluster, encoding: &str) -> String {
    let name = format!("in_{}", encoding.to_lowercase());
    let create = format!("create database {name} template template0 encoding '{encoding}' locale 'C'");
    execute_sql(cluster, "postgres", &create).await;
    name
}

const NAMED_REPORTS: [&[&str]; 4] = [&["tables"], &["indexes"], &["overview"], &["snapshot"]];

#[tokio::test]
async fn names_with_invalid_utf8_are_shown() {
    on_a_major_and_the_newest_shared(13, "names with invalid UTF-8", async |major, cluster| {
        let name = create_database_with_encoding(cluster, "SQL_ASCII").await;
        // SQL_ASCII does not convert: this name contains a single byte of LATIN1.
        let batch = "do $$ declare odd text := 'caf' || encode('\\x41', 'escape'); begin \
            odd := convert_from('\\x636166e9', 'SQL_ASCII'); \
            execute format('create table %I (id int primary key, %I text)', odd, odd); \
            execute format('create index on %I (%I)', odd, odd); \
            execute format('insert into %I select g, repeat(md5(g::text), 9) from generate_series(1, 20000) g', odd); \
            end $$; create table plain (id int primary key)";
        execute_sql(cluster, &name, batch).await;
        let text = database_conninfo(cluster, &name);
        for report in NAMED_REPORTS {
            let run = run_with_conninfo(&text, report).await;
            assert_eq!(run.code, Some(0), "{report:?} on {major}: {}", run.stderr);
            std::str::from_utf8(&run.stdout).expect("text");
        }
        let tables = report_json_of(&text, &["tables"]).await;
        let tables = tables["tables"].as_array().expect("tables");
        assert_eq!(tables.len(), 2, "{tables:?}");
        assert!(tables[0]["table"].as_str().expect("a name").starts_with("caf"), "{}", tables[0]);
        assert_eq!(tables[0]["size_source"], "exact");
        let indexes = report_json_of(&text, &["indexes"]).await;
        assert_eq!(indexes["indexes"].as_array().map(Vec::len), Some(3), "{indexes}");
        let gaps = indexes["unavailable"].as_array().expect("gaps");
        let never_analysed = |gap: &Value| gap["fact"] == "bloat estimate";
        assert!(
            gaps.iter().all(|gap| never_analysed(gap) || gap["fact"] == "last index scans" && major < 16),
            "{gaps:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn names_in_latin1_are_decoded() {
    on_a_major_and_the_newest_shared(13, "names in a LATIN1 database", async |_, cluster| {
        let name = create_database_with_encoding(cluster, "LATIN1").await;
        let batch = "create table \"Größenübersicht\" (\"Länge\" int primary key); \
            create index \"Höhenzüge\" on \"Größenübersicht\" (\"Länge\") where \"Länge\" > 5";
        execute_sql(cluster, &name, batch).await;
        let text = database_conninfo(cluster, &name);
        let tables = report_json_of(&text, &["tables", "--table", "Grö*"]).await;
        assert_eq!(tables["tables"][0]["table"], "Größenübersicht", "{tables}");
        let indexes = report_json_of(&text, &["indexes", "--sort", "name"]).await;
        let found = indexes["indexes"].as_array().expect("indexes").iter().find(|index| index["index"] == "Höhenzüge");
        let index = found.unwrap_or_else(|| panic!("{indexes}"));
        assert_eq!(index["key_columns"][0], "Länge");
        assert!(index["definition"].as_str().expect("a definition").contains("\"Länge\" > 5"), "{index}");
        let report = report_json_of(&cluster.conninfo(), &["tables", "--all-databases", "--table", "Grö*"]).await;
        assert_eq!(report["tables"][0]["database"], *name, "{report}");
    })
    .await;
}

#[tokio::test]
async fn names_partition_tree_of_16_levels_adds_up() {
    on_a_major_and_the_newest_shared(13, "partition tree of 16 levels", async |_, cluster| {
        let name = crate::clusters::create_database(cluster).await;
        let mut batch = String::from("create table level_0 (id int, t text) partition by range (id);");
        for level in 1..16 {
            let above = level - 1;
            let below = if level == 15 { "" } else { "partition by range (id)" };
            let (from, to) = (level * 100, 100_000);
            let _ = write!(
                batch,
                "create table level_{level} partition of level_{above} for values from ({from}) to ({to}) {below};\
                 create table leaf_{level} partition of level_{above} for values from ({}) to ({from});",
                above * 100
            );
        }
        batch.push_str("create index tree on level_0 (id);");
        batch.push_str("insert into level_0 select g, repeat(md5(g::text), 3) from generate_series(0, 30000) g");
        execute_sql(cluster, &name, &batch).await;
        // 13 and 14 report the counters with a delay.
        execute_sql(cluster, &name, "analyze").await;
        let text = database_conninfo(cluster, &name);
        let tables = report_json_of(&text, &["tables"]).await;
        let rows = tables["tables"].as_array().expect("tables");
        let root = rows.iter().find(|table| table["table"] == "level_0").expect("the root");
        assert_eq!(root["partitions"], 30, "{root}");
        let sum = "select sum(pg_total_relation_size(relid)) from pg_partition_tree('level_0') where isleaf";
        let truth: u64 = query_one_text(cluster, &name, sum).await.expect("a sum").parse().expect("a sum");
        assert_eq!(root["total_bytes"], truth, "{root}");
        assert_eq!(root["row_estimate"], 30_001, "{root}");
        let indexes = report_json_of(&text, &["indexes"]).await;
        let rows = indexes["indexes"].as_array().expect("indexes");
        let root = rows.iter().find(|index| index["index"] == "tree").expect("the root's index");
        let sum = "select sum(pg_relation_size(relid)) from pg_partition_tree('tree') where isleaf";
        let truth: u64 = query_one_text(cluster, &name, sum).await.expect("a sum").parse().expect("a sum");
        assert_eq!((&root["partitions"], &root["size_bytes"]), (&30.into(), &truth.into()), "{root}");
        assert!(root["definition"].is_string(), "{root}");
    })
    .await;
}
