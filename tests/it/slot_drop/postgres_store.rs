//! The journal of drops in a store on a Postgres server: here the server with the slots.

use super::program::{create_drop_target, run_slots_drop, slot_names};
use crate::clusters::{execute_sql, on_a_major_and_the_newest};
use crate::history::parse_address;
use pgtend::facts::history::JournalOutcomeKind;
use pgtend::history::Store;

#[tokio::test]
async fn drop_needs_the_journal_on_the_server() {
    on_a_major_and_the_newest(13, "slots drop with a Postgres store", async |major, installation| {
        let drop_target = create_drop_target(installation);
        for name in ["forgotten", "kept"] {
            let create = format!("select pg_create_physical_replication_slot('{name}', true)");
            execute_sql(&drop_target.cluster, "postgres", &create).await;
        }
        execute_sql(&drop_target.cluster, "postgres", "create database store; ").await;
        execute_sql(
            &drop_target.cluster,
            "postgres",
            "create role stranger login; revoke create on database store from public",
        )
        .await;
        let folder = drop_target.cluster.socket_dir().display().to_string().replace('/', "%2F");
        let url = |role: &str| format!("postgresql://{role}@{folder}:{}/store", drop_target.cluster.port());
        let conninfo = drop_target.cluster.conninfo();
        let flags = ["--yes", "--allow-unproven"];

        // Without the privilege to write the intent, nothing is dropped.
        let refused = run_slots_drop(&conninfo, &url("stranger"), &[&["forgotten"], &flags[..]].concat());
        assert!(refused.exit != 0 && refused.stderr.contains("permission denied"), "on {major}: {}", refused.stderr);
        assert_eq!(slot_names(&drop_target.cluster).await, ["forgotten", "kept"], "on {major}");

        let dropped = run_slots_drop(&conninfo, &url("postgres"), &[&["forgotten"], &flags[..]].concat());
        assert_eq!(
            (dropped.exit, dropped.outcome_of("forgotten")),
            (0, "done".to_owned()),
            "on {major}: {}",
            dropped.stderr
        );
        assert_eq!(slot_names(&drop_target.cluster).await, ["kept"], "on {major}");
        let store = Store::open(&parse_address(&url("postgres"))).await.unwrap();
        let entries = store.journal_entries().await.unwrap();
        store.close().await;
        let [entry] = &entries[..] else { panic!("on {major}: {entries:?}") };
        assert_eq!(entry.intent.subject, "forgotten");
        assert!(
            entry.outcome.as_ref().is_some_and(|end| end.outcome == JournalOutcomeKind::Done),
            "on {major}: {entry:?}"
        );

        // Of two concurrent runs one drops the slot; both find it in their shared journal.
        let arguments = ["kept", "--yes", "--allow-unproven"];
        let both_runs = std::thread::scope(|threads| {
            let (conninfo, url) = (&conninfo, url("postgres"));
            let runs = [(); 2].map(|()| {
                threads.spawn({
                    let url = url.clone();
                    move || run_slots_drop(conninfo, &url, &arguments)
                })
            });
            runs.map(|run| run.join().unwrap())
        });
        let done = both_runs.iter().filter(|run| run.exit == 0 && run.outcome_of("kept") == "done").count();
        let outputs: Vec<_> = both_runs.iter().map(|run| (run.exit, &run.stdout, &run.stderr)).collect();
        assert_eq!(done, 1, "on {major}: {outputs:?}");
        assert!(slot_names(&drop_target.cluster).await.is_empty());
        let store = Store::open(&parse_address(&url("postgres"))).await.unwrap();
        let entries = store.journal_entries().await.unwrap();
        store.close().await;
        let done = entries
            .iter()
            .filter(|entry| entry.outcome.as_ref().is_some_and(|end| end.outcome == JournalOutcomeKind::Done));
        assert_eq!(done.count(), 2, "on {major}: {entries:?}");
    })
    .await;
}
