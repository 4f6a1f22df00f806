//! Predictions of an audit are recorded in an existing store. Without a store the audit succeeds.

use serde_json::Value;

use crate::clusters::{execute_sql, newest_installation, print_stderr, query_one_text, shared_cluster};
use crate::history::create_postgres_store;
use crate::reports::{
    fixture_servers::{DATABASE, fixture_servers, role_conninfo},
    program::{array_field, run_pgtend},
};

fn journal_report(store: &str) -> Value {
    let answer = run_pgtend(&["history", "journal", "--history", store, "--format", "json"]);
    serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{answer:?}"))
}

#[tokio::test]
async fn audit_predictions_need_no_store() {
    let major = newest_installation().major;
    let place = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let store = path.to_str().expect("a path");
    let audit = |store: &str, more: &[&str]| {
        let answer = run_pgtend(&[&["audit", "-w", "-d", &place, "--history", store, "--growth", "0"], more].concat());
        assert_eq!(answer.exit, 0, "{answer:?}");
        answer
    };
    audit(store, &[]);
    assert!(!path.exists(), "the audit created a store");

    let recorded = run_pgtend(&["history", "record", "-w", "-d", &place, "--history", store]);
    assert_eq!(recorded.exit, 0, "{recorded:?}");
    assert!(array_field(&journal_report(store), "predictions").is_empty());
    assert_eq!(audit(store, &[]).stderr, "");
    let kept = journal_report(store);
    let of_shop = array_field(&kept, "predictions")
        .iter()
        .find(|prediction| prediction["of"]["database"] == DATABASE)
        .expect("a journal with the prediction");
    assert!(of_shop["method"].is_string() && of_shop["now_bytes"].is_u64(), "{of_shop}");
    // Neither a snapshot file nor a standby shows what was cleaned up on this cluster.
    let before = array_field(&kept, "predictions").len();
    let file = folder.path().join("now.json");
    let taken = run_pgtend(&["snapshot", "-w", "-d", &place, "--output", file.to_str().expect("a path")]);
    assert_eq!(taken.exit, 0, "{taken:?}");
    run_pgtend(&["audit", "--from", file.to_str().expect("a path"), "--history", store]);
    run_pgtend(&[
        "audit",
        "-w",
        "-d",
        &role_conninfo(&fixture_servers(major).standby, "postgres", DATABASE),
        "--history",
        store,
    ]);
    assert_eq!(array_field(&journal_report(store), "predictions").len(), before);

    // A store that this role may only read.
    let url = create_postgres_store(major).await;
    assert_eq!(run_pgtend(&["history", "record", "-w", "-d", &place, "--history", &url]).exit, 0);
    let database = url.rsplit('/').next().expect("a name");
    let cluster = shared_cluster(major);
    execute_sql(cluster, database, "create role only_reads login").await;
    execute_sql(cluster, database, "grant usage on schema pgtend to only_reads").await;
    execute_sql(cluster, database, "grant select on all tables in schema pgtend to only_reads").await;
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let reading = format!("{scheme}://only_reads@{}", rest.split_once('@').expect("a user").1);
    let answer = audit(&reading, &[]);
    assert!(
        answer.stderr.contains("the predictions were not stored") && answer.stderr.lines().count() == 1,
        "{answer:?}"
    );
    let count = query_one_text(cluster, database, "select count(*) from pgtend.prediction").await;
    assert_eq!(count.as_deref(), Some("0"));

    // A value that is not a system identifier is refused.
    let wrong = run_pgtend(&["audit", "-w", "-d", &place, "--moved-from", "db1"]);
    assert!(wrong.exit == 2 && wrong.stderr.contains("is not a system identifier"), "{wrong:?}");
    print_stderr(&format!("stored predictions: ran on {major}"));
}
