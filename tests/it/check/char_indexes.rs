//! Indexes with char(n) keys that a release before the change built: the same data directory under a minor release on
//! either side of it.

use super::check_report::{DEFAULT_LIMITS, FOUND, NOT_APPLICABLE, PASSED, assert_result, run_check};
use crate::{
    clusters::{cluster_options, execute_sql, package_cache, print_stderr, private_cluster, query_one_text},
    reports::{
        fixture_servers::role_conninfo,
        program::{pgtend_command, run_command},
    },
};
use pg_sandbox::{Cluster, ClusterOptions, Installation, InstallationSearch};
use serde_json::Value;

/// The first minor release of 15 that does not deduplicate char(n) keys.
const FIRST_WITHOUT: u32 = 20;

/// Returns an installation of 15 before the change and one after it, or why a machine does not have both.
fn installations() -> Result<(Installation, Installation), String> {
    let cache = package_cache();
    let plan = cache.plan_major(15).map_err(|error| error.to_string())?;
    let fetched = plan.fetch().map_err(|error| error.to_string())?;
    let search = InstallationSearch { explicit: None, path: std::env::var_os("PATH"), caches: Vec::new() };
    let local = search.find_installations().map_err(|error| error.to_string())?.installations;
    let minor = |installation: &Installation| {
        installation.version.split_once('.').and_then(|(_, minor)| minor.parse::<u32>().ok()).unwrap_or(0)
    };
    let newer = local.into_iter().find(|found| found.major == 15 && minor(found) >= FIRST_WITHOUT);
    let newer = newer.ok_or_else(|| format!("no local PostgreSQL 15.{FIRST_WITHOUT} or newer"))?;
    match minor(&fetched) < FIRST_WITHOUT {
        true => Ok((fetched, newer)),
        false => Err(format!("the package is {}, which does not deduplicate either", fetched.version)),
    }
}

const TABLES: &[&str] = &[
    "create table codes as select (array['in','us','de','fr'])[1 + i % 4]::char(2) c from generate_series(1, 1500000) i",
    "create index codes_c on codes (c)",
    "create index codes_partial on codes (c) where c <> 'fr'",
    "create table emptied as select (array['in','us'])[1 + i % 2]::char(2) c, i from generate_series(1, 2000000) i",
    "create index emptied_c on emptied (c)",
    "create table plain as select 'x'::text t, 1::numeric n, 'x'::char(2) c from generate_series(1, 100000) i",
    "create index plain_t on plain (t)",
    "create index plain_included on plain (t) include (c)",
    "create index plain_numeric on plain (n, c)",
    "delete from emptied where i % 10 <> 0",
    "vacuum analyze codes",
    "vacuum analyze emptied",
    "vacuum analyze plain",
];

fn index_row(report: &Value, name: &str) -> Value {
    let rows = report["indexes"].as_array().expect("indexes");
    rows.iter().find(|row| row["index"] == name).unwrap_or_else(|| panic!("{name}: {report}")).clone()
}

fn bytes(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| panic!("{field}: {row}"))
}

fn indexes(cluster: &Cluster) -> Value {
    let conninfo = role_conninfo(cluster, "postgres", "postgres");
    let answer =
        run_command(&mut pgtend_command(&["indexes", "-d", &conninfo, "--history", "none", "--format", "json"]));
    serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

fn finding_of<'a>(report: &'a Value, subject: &str) -> Option<&'a Value> {
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .find(|finding| finding["check"] == "deduplicated-char-index" && finding["subject"].as_str() == Some(subject))
}

async fn index_bytes(cluster: &Cluster, index: &str) -> u64 {
    let size = format!("select pg_relation_size('{index}')::text");
    query_one_text(cluster, "postgres", &size).await.expect("a size").parse().expect("a number")
}

#[tokio::test]
async fn char_indexes_of_an_earlier_release_are_found() {
    let (older, newer) = match installations() {
        Ok(found) => found,
        Err(why) => return print_stderr(&format!("char(n) indexes of an earlier release: NOT RUN: {why}")),
    };
    let options = || cluster_options().with_setting("autovacuum", "off").with_setting("max_wal_size", "4GB");
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("saved");
    {
        let mut cluster = private_cluster(&older, options());
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        assert_result(&report, PASSED, DEFAULT_LIMITS, &["deduplicated-char-index"]);
        for statement in TABLES {
            execute_sql(&cluster, "postgres", statement).await;
        }
        // Before the update nothing is to be done, and bloat is what a rebuild by this release frees.
        let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
        assert_result(&report, NOT_APPLICABLE, DEFAULT_LIMITS, &["deduplicated-char-index"]);
        let notes = report["notes"].to_string();
        assert!(notes.contains("codes_c") && notes.contains("PostgreSQL 15.20 does not"), "{notes}");
        assert!(!notes.contains("plain_"), "{notes}");
        let emptied = index_row(&indexes(&cluster), "emptied_c");
        assert!(bytes(&emptied, "bloat_bytes") > bytes(&emptied, "size_bytes") * 8 / 10, "{emptied}");
        cluster.save_copy(&saved).expect("a copy");
    }
    let cluster = private_cluster(&newer, ClusterOptions { origin: Some(saved), ..options() });
    let packed = index_bytes(&cluster, "codes_c").await;
    let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
    assert_result(&report, FOUND, DEFAULT_LIMITS, &["deduplicated-char-index"]);
    let found = finding_of(&report, "postgres/public.codes_c").expect("the packed index").clone();
    assert!(finding_of(&report, "postgres/public.codes_partial").is_some(), "{report}");
    assert!(finding_of(&report, "postgres/public.emptied_c").is_none(), "its size proves nothing: {report}");
    assert!(report["notes"].to_string().contains("bt_index_check('public.emptied_c')"), "{report}");
    assert!(!report.to_string().contains("plain_"), "{report}");
    let list = indexes(&cluster);
    assert_eq!(bytes(&index_row(&list, "codes_c"), "bloat_bytes"), 0, "a rebuild frees nothing");
    let emptied = index_row(&list, "emptied_c");

    // The rebuild has the stated size, and afterwards neither bloat nor a finding is left.
    let advice = found["advice"].as_str().expect("advice");
    assert!(advice.starts_with("`REINDEX INDEX CONCURRENTLY public.codes_c`"), "{advice}");
    for index in ["codes_c", "codes_partial", "emptied_c"] {
        execute_sql(&cluster, "postgres", &format!("reindex index concurrently {index}")).await;
    }
    for table in ["codes", "emptied"] {
        execute_sql(&cluster, "postgres", &format!("vacuum analyze {table}")).await;
    }
    let rebuilt = index_bytes(&cluster, "codes_c").await;
    let stated = list_of_sizes(found["message"].as_str().expect("a message"));
    let stated = *stated.last().expect("the larger size");
    print_stderr(&format!("codes_c: {packed} bytes, stated {stated}, rebuilt {rebuilt}"));
    assert!(rebuilt > packed * 3 && stated.abs_diff(rebuilt) * 50 < rebuilt, "{packed} {stated} {rebuilt}");
    let freed = bytes(&emptied, "size_bytes").saturating_sub(index_bytes(&cluster, "emptied_c").await);
    let estimated = bytes(&emptied, "bloat_bytes");
    print_stderr(&format!("emptied_c: {} bytes, estimated bloat {estimated}, freed {freed}", emptied["size_bytes"]));
    assert!(estimated.abs_diff(freed) * 20 < freed, "{estimated} {freed}");
    let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
    assert!(finding_of(&report, "postgres/public.codes_c").is_none(), "{report}");
    let list = indexes(&cluster);
    for name in ["codes_c", "codes_partial", "emptied_c"] {
        let row = index_row(&list, name);
        assert!(bytes(&row, "bloat_bytes") * 20 < bytes(&row, "size_bytes"), "{row}");
    }
}

/// Returns the sizes in a message, in bytes.
fn list_of_sizes(message: &str) -> Vec<u64> {
    let units = [("kB", 1_u64 << 10), ("MB", 1 << 20), ("GB", 1 << 30)];
    let words: Vec<&str> = message.split_whitespace().collect();
    let size = |pair: &[&str]| {
        let unit = units.iter().find(|(unit, _)| pair[1].starts_with(unit))?.1;
        let number: f64 = pair[0].trim_start_matches('(').parse().ok()?;
        Some((number * unit as f64) as u64)
    };
    words.windows(2).filter_map(size).collect()
}
