//! Counters of several servers, and of a promoted one.

use pg_sandbox::StandbyOptions;
use serde_json::Value;

use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest_alone, on_every_major_alone,
    print_stderr, query_one_text,
};
use crate::reports::fixture_servers::wait_until_true;
use crate::reports::program::{expect_failure, find_element, report_json, run_pgtend};

const EVIDENCE_SETUP: &str = "create table t (id int primary key, a int, b int);
    insert into t select i, i, i from generate_series(1, 60000) i;
    create index t_a on t (a); create index t_b on t (b); analyze t; select count(*) from t";

fn index_reasons(report: &Value, index: &str) -> Vec<String> {
    let reasons = find_element(report, "indexes", "index", index)["reasons"].as_array().expect("reasons");
    reasons.iter().map(|reason| reason["reason"].as_str().expect("a reason").to_owned()).collect()
}

fn index_verdict<'a>(report: &'a Value, index: &str) -> &'a str {
    find_element(report, "indexes", "index", index)["verdict"].as_str().expect("a verdict")
}

#[tokio::test]
async fn evidence_counts_standby_scans() {
    on_a_major_and_the_newest_alone(
        13,
        "scans of standbys, and promotion",
        cluster_options().with_setting("autovacuum", "off"),
        async |_, mut primary| {
            execute_sql(&primary, "postgres", EVIDENCE_SETUP).await;
            let standby = primary.create_standby(&StandbyOptions::default()).expect("a standby");
            wait_until_true(&primary, "select count(*) = 1 from pg_stat_replication where state = 'streaming'").await;
            let on_standby = connect_superuser(&standby, "postgres").await;
            on_standby.batch_execute("set enable_seqscan = off; set enable_bitmapscan = off").await.unwrap();
            for _ in 0..60 {
                on_standby.batch_execute("select 1 from t where a = 7").await.unwrap();
            }
            drop(on_standby);
            let conninfo = |cluster: &pg_sandbox::Cluster| format!("{} dbname=postgres", cluster.conninfo());
            let (first, second) = (conninfo(&primary), conninfo(&standby));
            let arguments = ["indexes", "--min-observation", "0", "-d", &first];

            let alone = report_json(&arguments);
            assert_eq!((index_verdict(&alone, "t_a"), index_verdict(&alone, "t_b")), ("review", "review"));
            assert!(index_reasons(&alone, "t_b").contains(&"standbys_not_asked".to_owned()), "{alone}");

            // Before 15 the statistics collector updates the counters with a delay.
            let mut both = Value::Null;
            for _ in 0..20 {
                both = report_json(&[&arguments[..], &["--replica", &second]].concat());
                if index_verdict(&both, "t_a") == "keep" {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            }
            assert_eq!((index_verdict(&both, "t_a"), index_verdict(&both, "t_b")), ("keep", "drop"), "{both}");

            // The standbys of a target are listed in the configuration.
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("config.toml");
            let target = |replica: &str| {
                std::fs::write(&file, format!("[target.prod]\nconninfo = \"{first}\"\nreplicas = [\"{replica}\"]\n"))
                    .unwrap();
                ["--target", "prod", "--config", file.to_str().unwrap()]
            };
            let named = report_json(&[&arguments[..3], &target(&second)].concat());
            assert_eq!((index_verdict(&named, "t_a"), index_verdict(&named, "t_b")), ("keep", "drop"), "{named}");
            let check = ["check", "--only", "unused-index", "--history", "none"];
            let checked = run_pgtend(&[&check[..], &target(&second)].concat());
            assert_eq!(checked.exit, 0, "{checked:?}");
            let itself = run_pgtend(&[&check[..], &target(&first)].concat());
            assert!(itself.exit == 3 && itself.stdout.contains("already included"), "{itself:?}");

            let twice = expect_failure(2, &[&arguments[..], &["--replica", &second, "--replica", &second]].concat());
            assert!(twice.contains("already included"), "{twice}");
            let itself = expect_failure(2, &[&arguments[..], &["--replica", &first]].concat());
            assert!(itself.contains("already included"), "{itself}");
            let nowhere = "host=127.0.0.1 port=1 user=nobody password=s3cret connect_timeout=2";
            let lost = run_pgtend(&[&arguments[..], &["--replica", nowhere, "--format", "json"]].concat());
            let report: Value = serde_json::from_str(&lost.stdout).expect("JSON");
            assert!(index_reasons(&report, "t_b").contains(&"replica_unknown".to_owned()), "{lost:?}");
            assert!(index_verdict(&report, "t_b") == "review" && !lost.stdout.contains("s3cret"), "{lost:?}");

            let before = report_json(&["indexes", "-d", &second])["observation"].clone();
            drop(primary);
            execute_sql(&standby, "postgres", "select pg_promote()").await;
            execute_sql(&standby, "postgres", "checkpoint").await;
            let promoted = report_json(&["indexes", "-d", &second]);
            assert_eq!(promoted["observation"]["source"], "promotion", "{}", promoted["observation"]);
            assert!(promoted["observation"]["since"].as_str() > before["since"].as_str(), "{before}");
            execute_sql(&standby, "postgres", "create role stranger login").await;
            let stranger = report_json(&["indexes", "-d", &format!("{second} user=stranger")]);
            assert_eq!(stranger["observation"]["since"], Value::Null, "the start is hidden and not guessed");
        },
    )
    .await;
}

#[tokio::test]
async fn evidence_ignores_reset_of_another_index() {
    on_every_major_alone("reset of one index's counters", cluster_options(), async |major, cluster| {
        execute_sql(&cluster, "postgres", EVIDENCE_SETUP).await;
        // The time that passes is what is tested.
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        query_one_text(&cluster, "postgres", "select pg_stat_reset_single_table_counters('t_a'::regclass)::text").await;
        let age = "extract(epoch from now() - stats_reset) < 3";
        wait_until_true(&cluster, &format!("select {age} from pg_stat_database where datname = 'postgres'")).await;
        print_stderr(&format!("reset of one index's counters on {major}: sets pg_stat_database.stats_reset"));
        let conninfo = format!("{} dbname=postgres", cluster.conninfo());
        let arguments = ["indexes", "--min-observation", "3s", "-d", &conninfo];
        let report = report_json(&arguments);
        let seconds = report["observation"]["seconds"].as_u64().expect("seconds");
        let is_brief = |index: &str| {
            let reasons = index_reasons(&report, index);
            reasons.iter().any(|reason| reason == "observed_too_briefly" || reason == "short_of_minimum")
        };
        let text = run_pgtend(&arguments).stdout;
        let explains = text.contains("pg_stat_database.stats_reset, which a reset of one relation's counters sets");
        if major >= 19 {
            assert!(seconds >= 3, "{report}");
            assert_eq!((is_brief("t_a"), is_brief("t_b")), (true, false), "{report}");
            assert!(!explains, "{text}");
        } else {
            assert!(seconds < 3, "{report}");
            assert_eq!((is_brief("t_a"), is_brief("t_b")), (true, true), "{report}");
            assert!(explains, "on {major}: {text}");
        }
    })
    .await;
}
