//! No object of another role is executed.

mod foreign_owner;
mod look_alikes;
mod temporary_objects;

use crate::{
    clusters::{cluster_options, print_stderr, private_cluster, query_one_text},
    collect::program_runs,
};
use pg_sandbox::{Cluster, Installation};

/// The line that a look-alike writes to the server's log, also in a read-only transaction.
const CALL_LOG_LINE: &str = "LOG:  look-alike called";

/// A private server with pg_stat_statements loaded; `None` if its package has no extensions.
async fn server_with_extensions(name: &str, major: u32, installation: &Installation) -> Option<Cluster> {
    let loaded = cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("shared_preload_libraries", "pg_stat_statements");
    let plain = private_cluster(installation, cluster_options());
    let available = "select count(*)::text from pg_available_extensions \
                     where name in ('pg_stat_statements', 'pgstattuple')";
    if query_one_text(&plain, "postgres", available).await.as_deref() != Some("2") {
        print_stderr(&format!("{name}: NOT RUN on {major}: no pg_stat_statements or no pgstattuple"));
        return None;
    }
    drop(plain);
    Some(private_cluster(installation, loaded))
}

/// SQL that creates `schema.count_call(text)`, which counts its calls.
fn counter_sql(schema: &str) -> String {
    format!(
        "create function {schema}.count_call(who text) returns int language plpgsql volatile as \
         $$ begin raise log 'look-alike called: %', who; return 1; end $$; "
    )
}

/// Returns the log lines of look-alikes called so far.
fn logged_calls(cluster: &Cluster) -> Vec<String> {
    cluster.log().lines().filter(|line| line.contains(CALL_LOG_LINE)).map(str::to_owned).collect()
}

/// Runs every command that reads the server, and returns the JSON of `wal`, `tables --exact-bloat` and `indexes
/// --exact-bloat`.
async fn run_all_reports(conninfo: &str, history: &str) -> [serde_json::Value; 3] {
    let others: [&[&str]; 10] = [
        &["overview"],
        &["databases"],
        &["slots"],
        &["slots", "why", "s1"],
        &["snapshot"],
        &["audit"],
        &["audit", "--exact"],
        &["check", "--history", "none"],
        &["tables", "--all-databases"],
        &["history", "record", "--history", history],
    ];
    for arguments in others {
        let run = program_runs::run_with_conninfo(conninfo, arguments).await;
        assert!(matches!(run.code, Some(0..=3)), "{arguments:?}: {:?} {}", run.code, run.stderr);
    }
    [
        program_runs::report_json_of(conninfo, &["wal"]).await,
        program_runs::report_json_of(conninfo, &["tables", "--exact-bloat"]).await,
        program_runs::report_json_of(conninfo, &["indexes", "--exact-bloat"]).await,
    ]
}

/// Returns the reason and the hint of a report's gap.
fn find_gap(report: &serde_json::Value, fact: &str) -> (String, String) {
    let gaps = report["unavailable"].as_array().expect("gaps");
    let gap = gaps.iter().find(|gap| gap["fact"] == fact).unwrap_or_else(|| panic!("no gap {fact}: {gaps:?}"));
    let text = |key: &str| gap[key].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("hint"))
}
