//! What an audit predicted goes into a store that is there; no audit fails for want of one.

use serde_json::Value;

use crate::clusters::{majors, query_one_text, say, shared, sql};
use crate::history::postgres_url;
use crate::reports::{
    program::{list, run},
    zoo::{DATABASE, conninfo, zoo},
};

fn journal(store: &str) -> Value {
    let answer = run(&["history", "journal", "--history", store, "--format", "json"]);
    serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{answer:?}"))
}

#[tokio::test]
async fn predictions_are_kept_where_a_store_is_and_no_audit_fails_for_want_of_one() {
    let major = *majors().keys().next_back().expect("a major");
    let place = conninfo(&zoo(major).primary, "postgres", DATABASE);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let store = path.to_str().expect("a path");
    let audit = |store: &str, more: &[&str]| {
        let answer = run(&[&["audit", "-w", "-d", &place, "--history", store, "--growth", "0"], more].concat());
        assert_eq!(answer.exit, 0, "{answer:?}");
        answer
    };
    audit(store, &[]);
    assert!(!path.exists(), "an audit makes no store");

    let recorded = run(&["history", "record", "-w", "-d", &place, "--history", store]);
    assert_eq!(recorded.exit, 0, "{recorded:?}");
    assert!(list(&journal(store), "predictions").is_empty());
    assert_eq!(audit(store, &[]).stderr, "");
    let kept = journal(store);
    let of_shop = list(&kept, "predictions").iter().find(|it| it["of"]["database"] == DATABASE).expect("it is kept");
    assert!(of_shop["way"].is_string() && of_shop["now_bytes"].is_u64(), "{of_shop}");
    // Neither a file nor a standby tells of the clean-up of this cluster.
    let before = list(&kept, "predictions").len();
    let file = folder.path().join("now.json");
    let taken = run(&["snapshot", "-w", "-d", &place, "--output", file.to_str().expect("a path")]);
    assert_eq!(taken.exit, 0, "{taken:?}");
    run(&["audit", "--from", file.to_str().expect("a path"), "--history", store]);
    run(&["audit", "-w", "-d", &conninfo(&zoo(major).standby, "postgres", DATABASE), "--history", store]);
    assert_eq!(list(&journal(store), "predictions").len(), before);

    // A store that may be read and not written.
    let url = postgres_url(major).await;
    assert_eq!(run(&["history", "record", "-w", "-d", &place, "--history", &url]).exit, 0);
    let database = url.rsplit('/').next().expect("a name");
    let cluster = shared(major);
    sql(cluster, database, "create role only_reads login").await;
    sql(cluster, database, "grant usage on schema pgtend to only_reads").await;
    sql(cluster, database, "grant select on all tables in schema pgtend to only_reads").await;
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let reading = format!("{scheme}://only_reads@{}", rest.split_once('@').expect("a user").1);
    let answer = audit(&reading, &[]);
    assert!(
        answer.stderr.contains("what was predicted is not kept") && answer.stderr.lines().count() == 1,
        "{answer:?}"
    );
    let count = query_one_text(cluster, database, "select count(*) from pgtend.prediction").await;
    assert_eq!(count.as_deref(), Some("0"));

    // What is no identifier is refused.
    let wrong = run(&["audit", "-w", "-d", &place, "--moved-from", "db1"]);
    assert!(wrong.exit == 2 && wrong.stderr.contains("no system identifier"), "{wrong:?}");
    say(&format!("predictions are kept: ran on {major}"));
}
