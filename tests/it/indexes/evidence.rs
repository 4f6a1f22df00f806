//! Counters of several servers, and of one that was promoted.

use pgtend::sandbox::StandbyOptions;
use serde_json::Value;

use crate::clusters::{connect, on_every_major_alone, options, sql};
use crate::reports::program::{element, json, refusal, run};
use crate::reports::zoo::wait_for;

const SETUP: &str = "create table t (id int primary key, a int, b int);
    insert into t select i, i, i from generate_series(1, 60000) i;
    create index t_a on t (a); create index t_b on t (b); analyze t; select count(*) from t";

fn reasons(report: &Value, index: &str) -> Vec<String> {
    let all = element(report, "indexes", "index", index)["reasons"].as_array().expect("reasons");
    all.iter().map(|one| one["reason"].as_str().expect("a reason").to_owned()).collect()
}

fn verdict<'a>(report: &'a Value, index: &str) -> &'a str {
    element(report, "indexes", "index", index)["verdict"].as_str().expect("a verdict")
}

#[tokio::test]
async fn scans_of_standbys_count_and_a_promotion_begins_anew() {
    on_every_major_alone("standbys and promotion", options().set("autovacuum", "off"), async |_, mut primary| {
        sql(&primary, "postgres", SETUP).await;
        let standby = primary.standby(&StandbyOptions::default()).expect("a standby");
        wait_for(&primary, "select count(*) = 1 from pg_stat_replication where state = 'streaming'").await;
        let on_standby = connect(&standby, "postgres").await;
        on_standby.batch_execute("set enable_seqscan = off; set enable_bitmapscan = off").await.unwrap();
        for _ in 0..60 {
            on_standby.batch_execute("select 1 from t where a = 7").await.unwrap();
        }
        drop(on_standby);
        let place = |cluster: &pgtend::sandbox::Cluster| format!("{} dbname=postgres", cluster.conninfo());
        let (first, second) = (place(&primary), place(&standby));
        let asked = ["indexes", "--min-observation", "0", "-d", &first];

        let alone = json(&asked);
        assert_eq!((verdict(&alone, "t_a"), verdict(&alone, "t_b")), ("review", "review"));
        assert!(reasons(&alone, "t_b").contains(&"standbys_not_asked".to_owned()), "{alone}");

        // Before 15 a collector writes the counters down some time later.
        let mut both = Value::Null;
        for _ in 0..20 {
            both = json(&[&asked[..], &["--replica", &second]].concat());
            if verdict(&both, "t_a") == "keep" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        assert_eq!((verdict(&both, "t_a"), verdict(&both, "t_b")), ("keep", "drop"), "{both}");

        // Of a target the configuration names them.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let target = |replica: &str| {
            std::fs::write(&file, format!("[target.prod]\nconninfo = \"{first}\"\nreplicas = [\"{replica}\"]\n"))
                .unwrap();
            ["--target", "prod", "--config", file.to_str().unwrap()]
        };
        let named = json(&[&asked[..3], &target(&second)].concat());
        assert_eq!((verdict(&named, "t_a"), verdict(&named, "t_b")), ("keep", "drop"), "{named}");
        let check = ["check", "--only", "unused-index", "--history", "none"];
        let night = run(&[&check[..], &target(&second)].concat());
        assert_eq!(night.exit, 0, "{night:?}");
        let itself = run(&[&check[..], &target(&first)].concat());
        assert!(itself.exit == 3 && itself.stdout.contains("asked already"), "{itself:?}");

        let twice = refusal(2, &[&asked[..], &["--replica", &second, "--replica", &second]].concat());
        assert!(twice.contains("asked already"), "{twice}");
        let itself = refusal(2, &[&asked[..], &["--replica", &first]].concat());
        assert!(itself.contains("asked already"), "{itself}");
        let nowhere = "host=127.0.0.1 port=1 user=nobody password=s3cret connect_timeout=2";
        let lost = run(&[&asked[..], &["--replica", nowhere, "--format", "json"]].concat());
        let report: Value = serde_json::from_str(&lost.stdout).expect("JSON");
        assert!(reasons(&report, "t_b").contains(&"replica_unknown".to_owned()), "{lost:?}");
        assert!(verdict(&report, "t_b") == "review" && !lost.stdout.contains("s3cret"), "{lost:?}");

        let before = json(&["indexes", "-d", &second])["observation"].clone();
        drop(primary);
        sql(&standby, "postgres", "select pg_promote()").await;
        sql(&standby, "postgres", "checkpoint").await;
        let promoted = json(&["indexes", "-d", &second]);
        assert_eq!(promoted["observation"]["source"], "promotion", "{}", promoted["observation"]);
        assert!(promoted["observation"]["since"].as_str() > before["since"].as_str(), "{before}");
        sql(&standby, "postgres", "create role stranger login").await;
        let stranger = json(&["indexes", "-d", &format!("{second} user=stranger")]);
        assert_eq!(stranger["observation"]["since"], Value::Null, "when is hidden, not a guess");
    })
    .await;
}
