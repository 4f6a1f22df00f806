//! Slots whose output plugin `output_plugin_libraries` does not list.

use serde_json::Value;

use super::fixture_servers::{role_conninfo, wait_until_true};
use super::program::{array_field, find_element, report_json, run_pgtend};
use crate::clusters::{cluster_options, connect_superuser, execute_sql, on_every_installation, private_cluster};

#[tokio::test]
async fn slots_show_a_plugin_that_is_not_listed() {
    on_every_installation("output_plugin_libraries", async |_, installation| {
        let cluster = private_cluster(installation, cluster_options());
        let superuser = connect_superuser(&cluster, "postgres").await;
        let has_setting = "select 1 from pg_settings where name = 'output_plugin_libraries'";
        if superuser.query_opt(has_setting, &[]).await.unwrap().is_none() {
            // Minor releases before August 2026.
            return;
        }
        let create = "select pg_create_logical_replication_slot('td', 'test_decoding')";
        execute_sql(&cluster, "postgres", create).await;
        execute_sql(&cluster, "postgres", "create role repl login replication").await;
        let conninfo = cluster.conninfo();
        let reasons = || {
            let report = report_json(&["slots", "-d", &conninfo]);
            let slot = find_element(&report, "slots", "slot_name", "td").clone();
            array_field(&slot, "reasons")
                .iter()
                .map(|reason| reason["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert!(!reasons().contains(&"plugin-not-listed".to_owned()), "{:?}", reasons());

        execute_sql(&cluster, "postgres", "alter system set output_plugin_libraries = 'pgoutput'").await;
        execute_sql(&cluster, "postgres", "select pg_reload_conf()").await;
        wait_until_true(&cluster, "select current_setting('output_plugin_libraries') = 'pgoutput'").await;
        let refused = superuser.batch_execute(&create.replace("'td'", "'td2'")).await.unwrap_err();
        assert!(
            refused.as_db_error().unwrap().message().contains("may not be used as an output plugin"),
            "{refused:?}"
        );
        assert!(reasons().contains(&"plugin-not-listed".to_owned()), "{:?}", reasons());
        let list = run_pgtend(&["slots", "-d", &conninfo]).stdout;
        assert!(list.contains("output_plugin_libraries does not list"), "{list}");

        let plan = |conninfo: &str| -> Value {
            let plan = run_pgtend(&["slots", "drop", "td", "--dry-run", "--format", "json", "-d", conninfo]);
            serde_json::from_str(&plan.stdout).unwrap()
        };
        let needs = plan(&conninfo)["drops"][0]["recreate_needs"].as_str().unwrap().to_owned();
        assert_eq!(
            needs,
            "ALTER SYSTEM SET output_plugin_libraries = 'pgoutput', 'test_decoding'; SELECT pg_reload_conf();"
        );
        let hidden = plan(&role_conninfo(&cluster, "repl", "postgres"));
        assert_eq!(hidden["drops"][0]["recreate_needs"], Value::Null);
        let gap = array_field(&hidden, "unavailable")
            .iter()
            .find(|gap| gap["fields"].as_array().unwrap().contains(&"drops[].recreate_needs".into()));
        assert_eq!(gap.unwrap()["hint"], "GRANT pg_read_all_settings TO repl", "{hidden}");

        for statement in needs.split(';').filter(|statement| !statement.trim().is_empty()) {
            execute_sql(&cluster, "postgres", statement).await;
        }
        wait_until_true(&cluster, "select current_setting('output_plugin_libraries') like '%test_decoding%'").await;
        execute_sql(&cluster, "postgres", &create.replace("'td'", "'td2'")).await;
        assert!(!reasons().contains(&"plugin-not-listed".to_owned()), "{:?}", reasons());
    })
    .await;
}
