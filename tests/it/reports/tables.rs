//! The tables report compared with the server's size functions.

use serde_json::Value;
use tokio::sync::Mutex;

use super::fixture_servers::{DATABASE, NAMES, execute_batch, fixture_servers, query_objects, role_conninfo};
use super::program::{array_field, expect_failure, report_json};
use crate::clusters::{connect_superuser, on_a_major_and_the_newest, on_every_installation};

/// Tables with their sizes; a partitioned table has the sums of its partitions.
const SIZE_QUERY: &str = "
select n.nspname as schema, c.relname as table, c.relkind::text as kind, c.relpersistence::text as persistence,
       sum(pg_total_relation_size(p.oid)) as total, sum(pg_indexes_size(p.oid)) as indexes,
       sum(pg_total_relation_size(p.reltoastrelid)) as toast,
       sum(pg_table_size(p.oid) - coalesce(pg_total_relation_size(nullif(p.reltoastrelid, 0)), 0)) as heap,
       count(*) - 1 as below
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join lateral (select * from pg_class i where i.oid = c.oid and c.relkind <> 'p'
                union all select i.* from pg_partition_tree(c.oid) t join pg_class i on i.oid = t.relid
                 where c.relkind = 'p') p on true
 where c.relkind in ('r', 'p', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
   and n.nspname !~ '^pg_temp_'
 group by c.oid, n.nspname, c.relname, c.relkind, c.relpersistence";

/// While a table is created or dropped, its file counts for the database, but for no visible relation.
static TEMPORARY_TABLE: Mutex<()> = Mutex::const_new(());

fn find_table<'a>(report: &'a Value, schema: &str, table: &str) -> &'a Value {
    let found = array_field(report, "tables").iter().find(|row| row["schema"] == schema && row["table"] == table);
    found.unwrap_or_else(|| panic!("no {schema}.{table}"))
}

#[tokio::test]
async fn tables_exact_sizes_match_the_server() {
    on_every_installation("exact table sizes", async |major, _| {
        for cluster in [&fixture_servers(major).primary, &fixture_servers(major).standby] {
            let report = report_json(&["tables", "--exact", "-d", &role_conninfo(cluster, "stranger", DATABASE)]);
            let truth = query_objects(cluster, DATABASE, SIZE_QUERY).await;
            assert!(truth.len() >= 30, "{}", truth.len());
            for row in &truth {
                let shown = find_table(&report, row["schema"].as_str().unwrap(), row["table"].as_str().unwrap());
                let number = |value: &Value| value.as_i64().unwrap_or(0);
                for (field, column) in [
                    ("total_bytes", "total"),
                    ("heap_bytes", "heap"),
                    ("index_bytes", "indexes"),
                    ("toast_bytes", "toast"),
                ] {
                    assert_eq!(number(&shown[field]), number(&row[column]), "{field} of {row}: {shown}");
                }
                assert_eq!(shown["size_source"], "exact", "{shown}");
                let kind = match row["kind"].as_str().unwrap() {
                    "p" => "partitioned_table",
                    "m" => "materialized_view",
                    "f" => "foreign_table",
                    _ => "table",
                };
                assert_eq!(shown["kind"], kind);
                assert_eq!(shown["persistence"], if row["persistence"] == "u" { "unlogged" } else { "permanent" });
                if kind == "partitioned_table" {
                    assert_eq!(shown["partitions"], row["below"]);
                }
            }
            let shown =
                array_field(&report, "tables").iter().filter(|table| table["persistence"] != "temporary").count();
            assert_eq!(shown, truth.len(), "an unknown or duplicate table");
        }
    })
    .await;
}

#[tokio::test]
async fn tables_properties_are_reported() {
    on_every_installation("kinds of tables", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        let _alone = TEMPORARY_TABLE.lock().await;
        let other = connect_superuser(cluster, DATABASE).await;
        execute_batch(&other, "create temp table elsewhere as select n from generate_series(1, 20000) n").await;
        let report = report_json(&["tables", "--exact", "-d", &role_conninfo(cluster, "watcher", DATABASE)]);
        assert_eq!(find_table(&report, "zoo", "of_extension")["extension"], "plpgsql");
        assert_eq!(find_table(&report, "zoo", "heap")["extension"], Value::Null);
        assert_eq!(find_table(&report, "zoo", "tree_low_1")["parent"], "zoo.tree_low");
        assert_eq!(find_table(&report, "zoo", "tree_low")["parent"], "zoo.tree");
        assert_eq!(find_table(&report, "zoo", "child")["parent"], Value::Null, "inheritance is not partitioning");
        assert_eq!(find_table(&report, "zoo", "tree")["row_estimate"], 6000);
        assert_eq!(find_table(&report, "zoo", "heap")["row_estimate"], 5000);
        assert_eq!(find_table(&report, "zoo", "empty")["row_estimate"], 0);
        assert_eq!(find_table(&report, "zoo", "unseen")["row_estimate"], 0);
        assert!(find_table(&report, "zoo", "heap")["last_analyze"].is_string());
        let toasted = find_table(&report, "zoo", "toasted");
        assert!(toasted["toast_bytes"].as_i64() > Some(1 << 20) && toasted["heap_bytes"].as_i64() < Some(100_000));
        let temporary = array_field(&report, "tables")
            .iter()
            .find(|table| table["table"] == "elsewhere")
            .expect("a temporary table");
        assert_eq!(temporary["persistence"], "temporary");
        assert!(temporary["heap_bytes"].as_i64() > Some(700_000), "{temporary}");
        for name in NAMES {
            assert_eq!(find_table(&report, name, name)["row_estimate"], 300, "{name:?}");
        }
        execute_batch(&other, "drop table elsewhere").await;
    })
    .await;
}

#[tokio::test]
async fn tables_sizes_add_up_to_database() {
    on_every_installation("accounting of database sizes", async |major, _| {
        let _alone = TEMPORARY_TABLE.lock().await;
        for cluster in [&fixture_servers(major).primary, &fixture_servers(major).standby] {
            for exact in [&["--exact"][..], &[]] {
                let conninfo = role_conninfo(cluster, "postgres", DATABASE);
                let report = report_json(&[&["tables", "-d", &conninfo], exact].concat());
                let accounting = &report["accounting"];
                let part = |name: &str| accounting[name].as_i64().unwrap_or_else(|| panic!("{name} in {accounting}"));
                let parts = ["relations_bytes", "catalogs_bytes", "large_objects_bytes", "sequences_bytes"].map(part);
                let sum = parts.iter().sum::<i64>() + part("unaccounted_bytes");
                assert_eq!(sum, part("database_bytes"), "{accounting}");
                assert!(part("unaccounted_bytes").abs() < 1 << 20, "{accounting}");
                assert!(exact.is_empty() || part("unaccounted_bytes") >= 0, "{accounting}");
                assert_eq!(accounting["database"], DATABASE);
                let of_partitions = |table: &&Value| table["kind"] != "partitioned_table";
                let total: i64 = array_field(&report, "tables")
                    .iter()
                    .filter(of_partitions)
                    .map(|table| table["total_bytes"].as_i64().unwrap())
                    .sum();
                assert_eq!(total, part("relations_bytes"), "partitions are counted once");
                let query =
                    "select pg_total_relation_size('pg_largeobject') as bytes, sum(pg_table_size(c.oid)) as sequences
                               from pg_class c where relkind = 'S'";
                let truth = &query_objects(cluster, DATABASE, query).await[0];
                assert!(part("large_objects_bytes") > 400_000);
                if !exact.is_empty() {
                    assert_eq!(part("large_objects_bytes"), truth["bytes"].as_i64().unwrap());
                    assert_eq!(part("sequences_bytes"), truth["sequences"].as_i64().unwrap());
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn tables_filters_select_correctly() {
    on_a_major_and_the_newest(13, "filters of tables", async |major, _| {
        let conninfo = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
        let unfiltered = report_json(&["tables", "--exact", "-d", &conninfo]);
        let expected = |keep: &dyn Fn(&Value) -> bool| {
            let kept = array_field(&unfiltered, "tables")
                .iter()
                .filter(|table| table["persistence"] != "temporary" && keep(table));
            kept.map(|table| (table["schema"].clone(), table["table"].clone())).collect::<Vec<_>>()
        };
        let shown = |arguments: &[&str]| {
            let report = report_json(&[&["tables", "--exact", "-d", &conninfo], arguments].concat());
            assert!(report["accounting"]["relations_bytes"].as_i64() > Some(1 << 20), "filters changed the sum");
            let rows = array_field(&report, "tables").iter().filter(|table| table["persistence"] != "temporary");
            rows.map(|row| (row["schema"].clone(), row["table"].clone())).collect::<Vec<_>>()
        };
        let starts = |table: &Value, key: &str, with: &str| table[key].as_str().unwrap().starts_with(with);
        assert_eq!(shown(&["--schema", "zoo"]), expected(&|table| table["schema"] == "zoo"));
        assert_eq!(shown(&["--schema", "z?o", "--table", "tree*"]), expected(&|table| starts(table, "table", "tree")));
        assert_eq!(shown(&["--table", "Mixed[A-Z]ase"]), expected(&|table| table["table"] == "MixedCase"));
        assert_eq!(shown(&["--table", "two\nlines\ttab"]), expected(&|table| table["table"] == "two\nlines\ttab"));
        assert_eq!(shown(&["--schema", "nothing"]), []);
        assert_eq!(shown(&["--min-size", "1MB"]), expected(&|table| table["total_bytes"].as_i64() >= Some(1 << 20)));
        let largest = shown(&["--schema", "zoo", "--limit", "3"]);
        assert_eq!(largest, expected(&|table| table["schema"] == "zoo")[..3]);
        assert_eq!(shown(&["--schema", "zoo", "--limit", "0"]), shown(&["--schema", "zoo"]));
    })
    .await;
}

#[tokio::test]
async fn tables_sort_orders() {
    on_a_major_and_the_newest(13, "sort orders of tables", async |major, _| {
        let conninfo = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
        let orders = [
            ("total", "total_bytes"),
            ("heap", "heap_bytes"),
            ("indexes", "index_bytes"),
            ("toast", "toast_bytes"),
            ("rows", "row_estimate"),
            ("dead-rows", "dead_rows"),
            ("xid-age", "xid_age"),
        ];
        for (sort, field) in orders {
            let report = report_json(&["tables", "--schema", "zoo", "--sort", sort, "-d", &conninfo]);
            let values: Vec<i64> =
                array_field(&report, "tables").iter().map(|table| table[field].as_i64().unwrap_or(-1)).collect();
            assert!(values.is_sorted_by(|a, b| a >= b), "{sort}: {values:?}");
        }
        let by_name = report_json(&["tables", "--sort", "name", "-d", &conninfo]);
        let names: Vec<(&str, &str)> = array_field(&by_name, "tables")
            .iter()
            .map(|table| (table["schema"].as_str().unwrap(), table["table"].as_str().unwrap()))
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    })
    .await;
}

#[test]
fn tables_invalid_options_list_valid_ones() {
    assert!(expect_failure(2, &["tables", "--sort", "totl"]).contains("total"));
    assert!(expect_failure(2, &["tables", "--min-size", "ten"]).contains("ten"));
}
