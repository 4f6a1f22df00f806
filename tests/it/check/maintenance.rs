//! Maintenance that runs during a check.

use std::collections::BTreeSet;

use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_every_major_alone, on_installations_from, private_cluster,
    query_one_text,
};
use crate::reports::fixture_servers::wait_until_true;

use super::check_report::{checks_with_status, name_set, run_check};
use super::nightly_runs::write_config;

/// VACUUM with an old snapshot, in a client and in an autovacuum worker, prevents no other VACUUM from removing rows.
#[tokio::test]
async fn maintenance_vacuum_is_no_xmin_holder() {
    on_every_major_alone(
        "xmin of VACUUM",
        cluster_options().with_setting("autovacuum", "off"),
        async |major, cluster| {
            let fill =
                "create table big (n int) with (fillfactor = 10); insert into big select generate_series(1, 20000);
                    delete from big where n % 2 = 0; create table small (n int); insert into small values (1), (2)";
            execute_sql(&cluster, "postgres", fill).await;
            let slow = connect_superuser(&cluster, "postgres").await;
            slow.batch_execute("set vacuum_cost_delay = '100ms'; set vacuum_cost_limit = 1").await.expect("settings");
            let vacuum = tokio::spawn(async move { slow.batch_execute("vacuum big").await.is_ok() });
            wait_until_true(&cluster, "select exists (select from pg_stat_progress_vacuum)").await;
            for _ in 0..3 {
                execute_sql(&cluster, "postgres", "insert into small values (3)").await;
            }
            execute_sql(&cluster, "postgres", "delete from small").await;
            let folder = tempfile::tempdir().expect("a folder");
            let config = write_config(folder.path(), "[check.xmin-horizon]\nwarning = 1\n");
            let arguments = ["--history", "none", "--config", &config, "--only", "xmin-horizon"];
            let (exit, report) = run_check(&cluster, "postgres", "postgres", &arguments);
            let has_snapshot = "select coalesce(max(age(a.backend_xmin)), 0)::text from pg_stat_activity a
                              join pg_stat_progress_vacuum p using (pid)";
            let age = query_one_text(&cluster, "postgres", has_snapshot).await.expect("a row");
            assert_ne!(age, "0", "VACUUM has an old snapshot on {major}");
            assert_eq!((exit, checks_with_status(&report, "warning")), (0, BTreeSet::new()), "on {major}: {report}");

            // A session with a snapshot of the same age does.
            let reader = connect_superuser(&cluster, "postgres").await;
            reader.batch_execute("begin isolation level repeatable read; select from small").await.expect("a snapshot");
            for _ in 0..3 {
                execute_sql(&cluster, "postgres", "insert into small values (4)").await;
            }
            let (exit, report) = run_check(&cluster, "postgres", "postgres", &arguments);
            let found = (exit, checks_with_status(&report, "warning"));
            assert_eq!(found, (1, name_set(&["xmin-horizon"])), "on {major}: {report}");
            execute_sql(&cluster, "postgres", "select pg_terminate_backend(pid) from pg_stat_progress_vacuum").await;
            assert!(!vacuum.await.expect("it ends"), "VACUUM was still running");
        },
    )
    .await;
}

/// A table copy that fails again and again is counted in columns that differ from major to major.
#[tokio::test]
async fn maintenance_failed_table_copy_is_found() {
    on_installations_from(15, "failed table copy", async |major, installation| {
        let options =
            cluster_options().with_setting("wal_level", "logical").with_setting("wal_retrieve_retry_interval", "200ms");
        let (publisher, subscriber) =
            (private_cluster(installation, options.clone()), private_cluster(installation, options));
        let table = "create table t (id int primary key); insert into t values (1)";
        execute_sql(&publisher, "postgres", table).await;
        execute_sql(&publisher, "postgres", "create publication p for table t").await;
        execute_sql(&subscriber, "postgres", table).await;
        let folder = tempfile::tempdir().expect("a folder");
        let history = folder.path().join("h.db");
        let arguments = ["--history", history.to_str().expect("a path"), "--only", "subscription-errors"];
        let create = format!("create subscription s connection '{}' publication p", publisher.conninfo());
        execute_sql(&subscriber, "postgres", &create).await;
        let errors = if major < 19 { "sync_error_count" } else { "sync_table_error_count" };
        let more_than = |count: u32| format!("select {errors} > {count} from pg_stat_subscription_stats");
        wait_until_true(&subscriber, &more_than(0)).await;
        let (exit, report) = run_check(&subscriber, "postgres", "postgres", &arguments);
        assert_eq!(exit, 0, "errors of any age, on {major}: {report}");
        let seen: u32 =
            query_one_text(&subscriber, "postgres", &format!("select {errors}::text from pg_stat_subscription_stats"))
                .await
                .expect("a row")
                .parse()
                .expect("a number");
        wait_until_true(&subscriber, &more_than(seen)).await;
        let (exit, report) = run_check(&subscriber, "postgres", "postgres", &arguments);
        let found = (exit, checks_with_status(&report, "warning"));
        assert_eq!(found, (1, name_set(&["subscription-errors"])), "on {major}: {report}");
        for statement in ["alter subscription s disable", "drop subscription s"] {
            execute_sql(&subscriber, "postgres", statement).await;
        }
    })
    .await;
}

/// 19 knows the tables that autovacuum would process if it were not switched off for them.
#[tokio::test]
async fn maintenance_switched_off_autovacuum_is_found() {
    on_installations_from(19, "autovacuum switched off", async |major, installation| {
        let cluster = private_cluster(installation, cluster_options().with_setting("autovacuum_naptime", "1h"));
        let tables = "create table off (n int) with (autovacuum_enabled = off); create table due (n int);
                      create table calm (n int) with (autovacuum_enabled = off);
                      insert into off select generate_series(1, 9000); insert into due select generate_series(1, 9000);
                      insert into calm select generate_series(1, 9000)";
        execute_sql(&cluster, "postgres", tables).await;
        execute_sql(&cluster, "postgres", "vacuum analyze").await;
        execute_sql(&cluster, "postgres", "delete from off where n % 2 = 0; delete from due where n % 2 = 0").await;
        wait_until_true(
            &cluster,
            "select min(n_dead_tup) > 0 from pg_stat_user_tables where relname in ('off', 'due')",
        )
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        let lowered = "[check.autovacuum-lag]\nminimum = \"1kB\"\nage = \"0s\"\n";
        let config = write_config(folder.path(), lowered);
        let arguments = ["--history", "none", "--config", &config, "--only", "autovacuum-lag", "--hygiene"];
        let (exit, report) = run_check(&cluster, "postgres", "postgres", &arguments);
        let findings = report["findings"].as_array().expect("findings");
        let found: Vec<_> = findings
            .iter()
            .filter(|finding| finding["subject"].as_str().expect("text").starts_with("postgres/public."))
            .map(|finding| {
                let is_off = finding["message"].as_str().expect("text").contains("autovacuum is switched off");
                (finding["subject"].as_str().expect("text"), is_off)
            })
            .collect();
        // The dead rows of `due` are reported by their share.
        let expected = [("postgres/public.due", false), ("postgres/public.off", true)];
        assert_eq!((exit, &found[..]), (1, &expected[..]), "on {major}: {report}");
    })
    .await;
}
