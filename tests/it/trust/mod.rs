//! No object of another role is executed.

mod foreign_owner;
mod look_alikes;
mod temporary_objects;

use crate::{
    clusters::{options, private, query_one_text, say},
    inspect::looks,
};
use pgtend::sandbox::{Cluster, Installation};

/// What a look-alike writes to the server's log, in a read-only transaction as well.
const MARK: &str = "LOG:  look-alike called";

/// A private server with pg_stat_statements loaded; `None` where its package brings no extensions.
async fn server_with_extensions(name: &str, major: u32, installation: &Installation) -> Option<Cluster> {
    let loaded = options().set("autovacuum", "off").set("shared_preload_libraries", "pg_stat_statements");
    let plain = private(installation, options());
    let available = "select count(*)::text from pg_available_extensions \
                     where name in ('pg_stat_statements', 'pgstattuple')";
    if query_one_text(&plain, "postgres", available).await.as_deref() != Some("2") {
        say(&format!("{name}: NOT RUN on {major}: no pg_stat_statements or no pgstattuple"));
        return None;
    }
    drop(plain);
    Some(private(installation, loaded))
}

/// SQL that creates `schema.count_call(text)`, which counts its calls.
fn counter(schema: &str) -> String {
    format!(
        "create function {schema}.count_call(who text) returns int language plpgsql volatile as \
         $$ begin raise log 'look-alike called: %', who; return 1; end $$; "
    )
}

/// How often look-alikes were called so far.
fn calls(cluster: &Cluster) -> Vec<String> {
    cluster.log().lines().filter(|line| line.contains(MARK)).map(str::to_owned).collect()
}

/// Runs every command that reads the server, and returns the JSON of `wal`, `tables --exact-bloat` and `indexes
/// --exact-bloat`.
async fn run_all(conninfo: &str, history: &str) -> [serde_json::Value; 3] {
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
        let run = looks::run(conninfo, arguments).await;
        assert!(matches!(run.code, Some(0..=3)), "{arguments:?}: {:?} {}", run.code, run.stderr);
    }
    [
        looks::json(conninfo, &["wal"]).await,
        looks::json(conninfo, &["tables", "--exact-bloat"]).await,
        looks::json(conninfo, &["indexes", "--exact-bloat"]).await,
    ]
}

/// The reason and the hint of a report's gap.
fn gap(report: &serde_json::Value, fact: &str) -> (String, String) {
    let gaps = report["unavailable"].as_array().expect("gaps");
    let gap = gaps.iter().find(|gap| gap["fact"] == fact).unwrap_or_else(|| panic!("no gap {fact}: {gaps:?}"));
    let text = |key: &str| gap[key].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("hint"))
}
