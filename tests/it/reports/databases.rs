//! The databases report, and reports of all databases, against the server's own truth.

use serde_json::Value;

use super::nulls::assert_explained;
use super::program::{element, json, list, refusal};
use super::zoo::{DATABASE, NAMES, conninfo, truth, zoo};
use crate::clusters::on_every_installation;

#[tokio::test]
async fn the_list_is_the_servers_own() {
    on_every_installation("databases are the server's own", async |major, _| {
        let cluster = &zoo(major).primary;
        let report = json(&["databases", "-d", &conninfo(cluster, "postgres", DATABASE)]);
        let query = "select datname, pg_database_size(d.oid) bytes, spcname, pg_get_userbyid(datdba) as owner,
                            pg_encoding_to_char(encoding) as encoding, datallowconn, datistemplate
                       from pg_database d join pg_tablespace t on t.oid = dattablespace";
        let truth = truth(cluster, DATABASE, query).await;
        assert_eq!(list(&report, "databases").len(), truth.len());
        for one in &truth {
            let shown = element(&report, "databases", "database", one["datname"].as_str().unwrap());
            // Others may be writing to the shared cluster's databases meanwhile.
            let near = |a: &Value, b: &Value| (a.as_i64().unwrap() - b.as_i64().unwrap()).abs() < 1 << 20;
            assert!(near(&shown["bytes"], &one["bytes"]), "{shown} {one}");
            for (field, column) in [
                ("tablespace", "spcname"),
                ("owner", "owner"),
                ("encoding", "encoding"),
                ("allows_connections", "datallowconn"),
                ("is_template", "datistemplate"),
            ] {
                assert_eq!(shown[field], one[column], "{field} of {}", one["datname"]);
            }
            assert!(shown["xid_age"].is_i64() && shown["connections"].is_i64(), "{shown}");
        }
        let sizes: Vec<i64> = list(&report, "databases").iter().map(|one| one["bytes"].as_i64().unwrap()).collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b), "the largest first: {sizes:?}");
        let names =
            json(&["databases", "--sort", "name", "--limit", "2", "-d", &conninfo(cluster, "postgres", DATABASE)]);
        assert_eq!(list(&names, "databases").len(), 2);
        for sort in ["size", "connections", "xid-age"] {
            json(&["databases", "--sort", sort, "-d", &conninfo(cluster, "postgres", DATABASE)]);
        }
    })
    .await;
}

#[tokio::test]
async fn without_connect_a_size_is_hidden_and_the_database_named() {
    on_every_installation("hidden sizes are named", async |major, _| {
        let report = json(&["databases", "-d", &conninfo(&zoo(major).primary, "stranger", DATABASE)]);
        let private = element(&report, "databases", "database", "private");
        assert_eq!((&private["bytes"], &private["may_connect"]), (&Value::Null, &false.into()), "{private}");
        let gap = element(&report, "unavailable", "fact", "database size");
        assert!(list(gap, "subjects").iter().any(|name| name == "private"), "{gap}");
        assert_eq!(gap["hint"], "GRANT pg_read_all_stats TO stranger");
        assert!(element(&report, "databases", "database", DATABASE)["bytes"].is_i64());
    })
    .await;
}

#[tokio::test]
async fn all_databases_are_read_and_the_skipped_ones_named() {
    on_every_installation("all databases", async |major, _| {
        let cluster = &zoo(major).primary;
        for (role, jobs) in [("postgres", "1"), ("stranger", "4")] {
            let arguments = ["--all-databases", "--jobs", jobs, "-d", &conninfo(cluster, role, DATABASE)];
            let tables = json(&[&["tables"], &arguments[..]].concat());
            assert!(list(&tables, "tables").iter().all(|one| one["database"].is_string()));
            let accounting = list(&tables, "accounting");
            let read: Vec<&str> = accounting.iter().map(|one| one["database"].as_str().unwrap()).collect();
            assert!(read.contains(&NAMES[6]) && read.contains(&"aside") && read.contains(&"postgres"), "{read:?}");
            let indexes = json(&[&["indexes"], &arguments[..]].concat());
            assert!(list(&indexes, "indexes").iter().all(|one| one["database"] == DATABASE), "the others hold none");
            assert_eq!(list(&indexes, "observation").len(), read.len());
            for report in [&tables, &indexes] {
                assert_explained(&format!("all databases of {major} as {role}"), report);
                let skipped = |name: &str| {
                    list(report, "unavailable").iter().find(|gap| gap["subjects"] == serde_json::json!([name])).cloned()
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
        // Every other database by its own name, too.
        let one = json(&["tables", "-d", &conninfo(cluster, "postgres", NAMES[6])]);
        assert_eq!(one["server"]["database"], NAMES[6]);
    })
    .await;
}

#[test]
fn no_jobs_and_too_many_are_refused() {
    for jobs in ["0", "33", "many"] {
        assert!(refusal(2, &["tables", "--all-databases", "--jobs", jobs]).contains("--jobs"));
    }
}
