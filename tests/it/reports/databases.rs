//! The databases report, and reports of all databases, compared with the server's own values.

use serde_json::Value;

use super::fixture_servers::{DATABASE, NAMES, fixture_servers, query_objects, role_conninfo};
use super::nulls::assert_nulls_explained;
use super::program::{array_field, expect_failure, find_element, report_json};
use crate::clusters::on_every_installation;

#[tokio::test]
async fn databases_list_matches_the_catalog() {
    on_every_installation("list of databases", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        let report = report_json(&["databases", "-d", &role_conninfo(cluster, "postgres", DATABASE)]);
        let query = "select datname, pg_database_size(d.oid) bytes, spcname, pg_get_userbyid(datdba) as owner,
                            pg_encoding_to_char(encoding) as encoding, datallowconn, datistemplate
                       from pg_database d join pg_tablespace t on t.oid = dattablespace";
        let truth = query_objects(cluster, DATABASE, query).await;
        assert_eq!(array_field(&report, "databases").len(), truth.len());
        for row in &truth {
            let shown = find_element(&report, "databases", "database", row["datname"].as_str().unwrap());
            // Other tests may write to the shared cluster's databases meanwhile.
            let near = |a: &Value, b: &Value| (a.as_i64().unwrap() - b.as_i64().unwrap()).abs() < 1 << 20;
            assert!(near(&shown["bytes"], &row["bytes"]), "{shown} {row}");
            for (field, column) in [
                ("tablespace", "spcname"),
                ("owner", "owner"),
                ("encoding", "encoding"),
                ("allows_connections", "datallowconn"),
                ("is_template", "datistemplate"),
            ] {
                assert_eq!(shown[field], row[column], "{field} of {}", row["datname"]);
            }
            assert!(shown["xid_age"].is_i64() && shown["connections"].is_i64(), "{shown}");
        }
        let sizes: Vec<i64> =
            array_field(&report, "databases").iter().map(|database| database["bytes"].as_i64().unwrap()).collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b), "not sorted by size: {sizes:?}");
        let names = report_json(&[
            "databases",
            "--sort",
            "name",
            "--limit",
            "2",
            "-d",
            &role_conninfo(cluster, "postgres", DATABASE),
        ]);
        assert_eq!(array_field(&names, "databases").len(), 2);
        for sort in ["size", "connections", "xid-age"] {
            report_json(&["databases", "--sort", sort, "-d", &role_conninfo(cluster, "postgres", DATABASE)]);
        }
    })
    .await;
}

#[tokio::test]
async fn databases_without_connect_have_no_size() {
    on_every_installation("databases without CONNECT", async |major, _| {
        let report =
            report_json(&["databases", "-d", &role_conninfo(&fixture_servers(major).primary, "stranger", DATABASE)]);
        let private = find_element(&report, "databases", "database", "private");
        assert_eq!((&private["bytes"], &private["may_connect"]), (&Value::Null, &false.into()), "{private}");
        let gap = find_element(&report, "unavailable", "fact", "database size");
        assert!(array_field(gap, "subjects").iter().any(|name| name == "private"), "{gap}");
        assert_eq!(gap["hint"], "GRANT pg_read_all_stats TO stranger");
        assert!(find_element(&report, "databases", "database", DATABASE)["bytes"].is_i64());
    })
    .await;
}

#[tokio::test]
async fn databases_skipped_ones_are_named() {
    on_every_installation("all databases", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        for (role, jobs) in [("postgres", "1"), ("stranger", "4")] {
            let arguments = ["--all-databases", "--jobs", jobs, "-d", &role_conninfo(cluster, role, DATABASE)];
            let tables = report_json(&[&["tables"], &arguments[..]].concat());
            assert!(array_field(&tables, "tables").iter().all(|table| table["database"].is_string()));
            let accounting = array_field(&tables, "accounting");
            let read: Vec<&str> = accounting.iter().map(|row| row["database"].as_str().unwrap()).collect();
            assert!(read.contains(&NAMES[6]) && read.contains(&"aside") && read.contains(&"postgres"), "{read:?}");
            let indexes = report_json(&[&["indexes"], &arguments[..]].concat());
            assert!(
                array_field(&indexes, "indexes").iter().all(|index| index["database"] == DATABASE),
                "the other databases have none"
            );
            assert_eq!(array_field(&indexes, "observation").len(), read.len());
            for report in [&tables, &indexes] {
                assert_nulls_explained(&format!("all databases of {major} as {role}"), report);
                let skipped = |name: &str| {
                    array_field(report, "unavailable")
                        .iter()
                        .find(|gap| gap["subjects"] == serde_json::json!([name]))
                        .cloned()
                };
                let closed = skipped("closed").expect("closed is named");
                assert!(closed["reason"].as_str().unwrap().contains("datallowconn"), "{closed}");
                assert!(skipped("template0").is_some());
                match (role, skipped("private")) {
                    ("postgres", None) => assert!(read.contains(&"private")),
                    ("stranger", Some(gap)) => {
                        assert_eq!(gap["hint"], "GRANT CONNECT ON DATABASE private TO stranger");
                        assert!(!read.contains(&"private"));
                    }
                    (role, gap) => panic!("{role}: {gap:?}"),
                }
            }
        }
        // Other databases by their own names, too.
        let single = report_json(&["tables", "-d", &role_conninfo(cluster, "postgres", NAMES[6])]);
        assert_eq!(single["server"]["database"], NAMES[6]);
    })
    .await;
}

#[test]
fn databases_invalid_jobs_are_refused() {
    for jobs in ["0", "33", "many"] {
        assert!(expect_failure(2, &["tables", "--all-databases", "--jobs", jobs]).contains("--jobs"));
    }
}
