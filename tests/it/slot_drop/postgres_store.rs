//! The journal of drops in a store on a Postgres server, here the very one whose slots are dropped.

use super::program::{place, run, slots};
use crate::clusters::{on_a_major_and_the_newest, sql};
use crate::history::address;
use pgtend::{history::Store, model::past::OutcomeKind};

#[tokio::test]
async fn the_journal_lies_on_a_server_or_nothing_is_dropped() {
    on_a_major_and_the_newest(13, "slots drop with a Postgres store", async |major, installation| {
        let place = place(installation);
        for name in ["forgotten", "kept"] {
            let create = format!("select pg_create_physical_replication_slot('{name}', true)");
            sql(&place.cluster, "postgres", &create).await;
        }
        sql(&place.cluster, "postgres", "create database store; ").await;
        sql(&place.cluster, "postgres", "create role stranger login; revoke create on database store from public")
            .await;
        let folder = place.cluster.socket_dir().display().to_string().replace('/', "%2F");
        let url = |role: &str| format!("postgresql://{role}@{folder}:{}/store", place.cluster.port());
        let conninfo = place.cluster.conninfo();
        let flags = ["--yes", "--allow-unproven"];

        // Who may not write the intent down does not drop.
        let refused = run(&conninfo, &url("stranger"), &[&["forgotten"], &flags[..]].concat());
        assert!(refused.exit != 0 && refused.stderr.contains("permission denied"), "on {major}: {}", refused.stderr);
        assert_eq!(slots(&place.cluster).await, ["forgotten", "kept"], "on {major}");

        let dropped = run(&conninfo, &url("postgres"), &[&["forgotten"], &flags[..]].concat());
        assert_eq!((dropped.exit, dropped.of("forgotten")), (0, "done".to_owned()), "on {major}: {}", dropped.stderr);
        assert_eq!(slots(&place.cluster).await, ["kept"], "on {major}");
        let store = Store::open(&address(&url("postgres"))).await.unwrap();
        let deeds = store.deeds().await.unwrap();
        store.close().await;
        let [deed] = &deeds[..] else { panic!("on {major}: {deeds:?}") };
        assert_eq!(deed.intent.subject, "forgotten");
        assert!(deed.outcome.as_ref().is_some_and(|end| end.outcome == OutcomeKind::Done), "on {major}: {deed:?}");

        // Of two at once one drops; both know it by the journal they share.
        let one = ["kept", "--yes", "--allow-unproven"];
        let both = std::thread::scope(|threads| {
            let (conninfo, url) = (&conninfo, url("postgres"));
            let runs = [(); 2].map(|()| {
                threads.spawn({
                    let url = url.clone();
                    move || run(conninfo, &url, &one)
                })
            });
            runs.map(|run| run.join().unwrap())
        });
        let done = both.iter().filter(|run| run.exit == 0 && run.of("kept") == "done").count();
        let said: Vec<_> = both.iter().map(|run| (run.exit, &run.stdout, &run.stderr)).collect();
        assert_eq!(done, 1, "on {major}: {said:?}");
        assert!(slots(&place.cluster).await.is_empty());
        let store = Store::open(&address(&url("postgres"))).await.unwrap();
        let deeds = store.deeds().await.unwrap();
        store.close().await;
        let done =
            deeds.iter().filter(|deed| deed.outcome.as_ref().is_some_and(|end| end.outcome == OutcomeKind::Done));
        assert_eq!(done.count(), 2, "on {major}: {deeds:?}");
    })
    .await;
}
