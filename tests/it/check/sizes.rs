//! Problems inside a database that depend on its size.

use super::{
    check_report::{DEFAULT_LIMITS, FOUND, NOT_APPLICABLE, SHIFTED_CLOCK, assert_result, run_check, run_check_shifted},
    nightly_runs::write_config,
};
use crate::{
    clusters::{
        cluster_options, execute_sql, is_left_out, newest_installation, on_a_major_and_the_newest_alone, print_stderr,
        private_cluster,
    },
    reports::{
        fixture_servers::{role_conninfo, wait_until_true},
        program::{pgtend_command, run_command},
    },
};
use serde_json::Value;

const LOWERED_LIMITS: &str = "[indexes]\nmin_observation = \"0s\"\n[check.unused-index]\nwarning = \"1MB\"\n\
    [check.duplicate-index]\nwarning = \"1MB\"\n[check.index-heavy-table]\nwarning = \"100%\"\nminimum = \"1MB\"\n\
    [check.table-bloat]\nminimum = \"1MB\"\n[check.index-bloat]\nminimum = \"1MB\"\n\
    [check.missing-fk-index]\nminimum = \"1MB\"\n[check.autovacuum-lag]\nminimum = \"1MB\"\nage = \"0s\"\n";

#[tokio::test]
async fn sizes_found_at_lowered_limits() {
    on_a_major_and_the_newest_alone(
        13,
        "bloat and redundant indexes",
        cluster_options().with_setting("autovacuum", "off"),
        async |major, cluster| {
            execute_sql(&cluster, "postgres", "create role watcher login; grant pg_monitor to watcher").await;
            for statement in [
                "create table airy (id bigint primary key, filler text)",
                "insert into airy select g, repeat('x', 100) from generate_series(1, 100000) g",
                "delete from airy where id % 5 <> 0",
                "vacuum (analyze) airy",
                "create table wide (a int, b int, c int)",
                "insert into wide select g, g, 1 from generate_series(1, 100000) g",
                "create index twin_a on wide (a)",
                "create index twin_b on wide (a)",
                "create index lone on wide (b)",
                "analyze wide",
                "select count(*) from wide",
                "create table parent (id int primary key)",
                "insert into parent select g from generate_series(1, 10) g",
                "create table child (id int, parent_id int references parent)",
                "insert into child select g, 1 from generate_series(1, 100000) g",
                "delete from parent where id = 2",
                "delete from child where id % 5 <> 0",
            ] {
                execute_sql(&cluster, "postgres", statement).await;
            }
            wait_until_true(&cluster, "select n_dead_tup > 50000 from pg_stat_user_tables where relname = 'child'")
                .await;
            wait_until_true(&cluster, "select n_tup_del > 0 from pg_stat_user_tables where relname = 'parent'").await;
            wait_until_true(&cluster, "select seq_scan > 0 from pg_stat_user_tables where relname = 'wide'").await;
            let folder = tempfile::tempdir().unwrap();
            let config = write_config(folder.path(), LOWERED_LIMITS);
            let arguments = ["--history", "none", "--config", &config];
            let (_, report) = run_check(&cluster, "postgres", "postgres", &arguments);
            assert_result(&report, FOUND, "lowered: a gigabyte takes too long", &["table-bloat", "index-bloat"]);
            assert_result(&report, FOUND, "lowered: ten gigabytes take too long", &["index-heavy-table"]);
            assert_result(&report, FOUND, "lowered: 95 days and a gigabyte take too long", &["unused-index"]);
            assert_result(
                &report,
                FOUND,
                "lowered: a hundred megabytes, see below",
                &["duplicate-index", "missing-fk-index"],
            );
            assert_result(&report, FOUND, "lowered: a hundred megabytes, see below", &["autovacuum-lag"]);

            // `indexes` reports the same number.
            let findings = report["findings"].as_array().unwrap();
            let bloat = findings.iter().find(|finding| finding["check"] == "index-bloat").unwrap();
            let conninfo = role_conninfo(&cluster, "postgres", "postgres");
            let list = run_command(&mut pgtend_command(&[
                "indexes",
                "-d",
                &conninfo,
                "--history",
                "none",
                "--format",
                "json",
            ]));
            let list: Value = serde_json::from_str(&list.stdout).expect("JSON");
            let listed =
                list["indexes"].as_array().unwrap().iter().find(|index| index["index"] == "airy_pkey").unwrap();
            let share = listed["bloat_bytes"].as_f64().unwrap() / listed["size_bytes"].as_f64().unwrap() * 1_000.0;
            assert_eq!(bloat["subject"], "postgres/public.airy_pkey", "on {major}");
            assert_eq!(bloat["measured"].as_f64().unwrap() * 10.0, share.round(), "on {major}: {listed}");

            // Without privileges for the statistics the result is unknown and not a finding.
            let (_, report) = run_check(&cluster, "watcher", "postgres", &arguments);
            assert_result(
                &report,
                NOT_APPLICABLE,
                "lowered: a gigabyte takes too long",
                &["table-bloat", "index-bloat"],
            );
        },
    )
    .await;
}

#[tokio::test]
async fn sizes_of_100_mb_found_at_default_limits() {
    if is_left_out("sizes of 100 MB") {
        return;
    }
    // Takes half a minute per server.
    let installation = newest_installation();
    let major = installation.major;
    let cluster = private_cluster(
        installation,
        cluster_options().with_setting("autovacuum", "off").with_setting("max_wal_size", "4GB"),
    );
    for statement in [
        "create table parent (id int primary key)",
        "insert into parent select g from generate_series(1, 10) g",
        "create unlogged table large as select g::bigint as id, 1 as parent_id from generate_series(1, 4900000) g",
        "alter table large set logged",
        "create index twin_a on large (id)",
        "create index twin_b on large (id)",
        "alter table large add constraint large_parent foreign key (parent_id) references parent",
        "delete from parent where id = 2",
        "analyze large",
        "delete from large where id % 10 < 5",
    ] {
        execute_sql(&cluster, "postgres", statement).await;
    }
    wait_until_true(&cluster, "select n_dead_tup > 2000000 from pg_stat_user_tables where relname = 'large'").await;
    let (_, report) = run_check(&cluster, "postgres", "postgres", &["--history", "none"]);
    assert_result(&report, FOUND, DEFAULT_LIMITS, &["duplicate-index", "missing-fk-index"]);
    let (_, report) = run_check_shifted(&cluster, 25 * 3_600, &[]);
    assert_result(&report, FOUND, SHIFTED_CLOCK, &["autovacuum-lag"]);
    print_stderr(&format!("sizes of 100 MB at default limits: ran on {major}"));
}
