//! The complete downsizing on real clusters: a slot that retains WAL, a table with redundant indexes, bloat → audit →
//! its steps, executed with pgtend's own commands → audit again → move to a second cluster → measurement.

use std::fs;
use std::process::{Command, Stdio};

use pg_sandbox::Cluster;
use serde_json::Value;

use super::copies::can_dump;
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_installations, print_stderr, private_cluster, query_one_text,
    wait_until_sessions_ended,
};
use crate::reports::{
    fixture_servers::role_conninfo,
    program::{array_field, pgtend_command, run_command},
};

const SETUP: &str = "
    create table items (id bigint primary key, sku text, name text, kind int, price numeric(10, 2), at timestamptz);
    create index items_sku on items (sku); create index items_sku_again on items (sku);
    create index items_name on items (name); create index items_kind_price on items (kind, price);
    create index items_kind on items (kind); create index items_at on items (at);
    insert into items select g, 'SKU-' || md5(g::text), 'item ' || g, g % 40, g % 900, now() from generate_series(1, 120000) g;
    update items set price = price + 1;
    delete from items where id % 3 <> 0;
    create table notes (id int primary key, body text); alter table notes alter body set storage external;
    insert into notes select g, repeat(md5(g::text), 120) from generate_series(1, 4000) g;
    delete from notes where id % 2 = 0";

struct Runner<'a> {
    home: &'a std::path::Path,
    place: &'a str,
}

impl Runner<'_> {
    fn run(&self, arguments: &[&str]) -> crate::reports::program::ProgramOutput {
        let history = format!("{}/history.db", self.home.display());
        run_command(pgtend_command(&[arguments, &["-w", "-d", self.place]].concat()).env("PGTEND_HISTORY", history))
    }

    fn audit(&self, more: &[&str]) -> Value {
        let given = ["audit", "--growth", "0", "--wal-per-hour", "8MB", "--min-observation", "0", "--format", "json"];
        let answer = self.run(&[&given, more].concat());
        assert_eq!(answer.exit, 0, "{answer:?}");
        serde_json::from_str(&answer.stdout).expect("JSON")
    }
}

fn byte_count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no size"))
}

fn find_component<'a>(report: &'a Value, id: &str) -> Option<&'a Value> {
    array_field(&report["audit"], "components").iter().find(|term| term["id"] == id)
}

async fn total_size(cluster: &Cluster, database: &str) -> u64 {
    let size = query_one_text(cluster, database, &format!("select pg_database_size('{database}')")).await;
    size.expect("a size").parse().expect("a number")
}

#[tokio::test]
async fn audit_downsize_scenario() {
    on_installations("downsizing to a second cluster", can_dump, async |major, installation| {
        let small = || cluster_options().with_setting("autovacuum", "off").with_setting("max_wal_size", "32MB").with_setting("min_wal_size", "32MB");
        let (old, new) = (private_cluster(installation, small()), private_cluster(installation, small()));
        execute_sql(&old, "postgres", "create database shop").await;
        let client = connect_superuser(&old, "shop").await;
        client.batch_execute("select pg_create_logical_replication_slot('cdc_retired', 'pgoutput')").await.unwrap();
        client.batch_execute(SETUP).await.unwrap();
        for alone in ["vacuum", "analyze", "checkpoint"] {
            client.batch_execute(alone).await.unwrap();
        }
        drop(client);
        wait_until_sessions_ended(&old, "shop").await;
        execute_sql(&old, "shop", "analyze").await;

        let folder = tempfile::tempdir().expect("a folder");
        let place = role_conninfo(&old, "postgres", "shop");
        let step = Runner { home: folder.path(), place: &place };
        let before = step.audit(&["--method", "dump"]);
        assert_eq!(find_component(&before, "inactive_slots").expect("a slot")["slots"][0], "cdc_retired");
        assert!(find_component(&before, "dropped_indexes").is_some() && find_component(&before, "table_bloat").is_some(), "{before}");
        let wal_then = byte_count(&find_component(&before, "wal_directory").expect("pg_wal")["bytes"]);
        let promised = byte_count(&find_component(&before, "inactive_slots").expect("a slot")["bytes"]);

        // The recommended steps, executed with pgtend's own commands.
        let dropped = step.run(&["slots", "drop", "cdc_retired", "--yes", "--allow-unproven", "--checkpoint"]);
        assert_eq!(dropped.exit, 0, "{dropped:?}");
        let migrations = folder.path().join("migrations");
        fs::create_dir(&migrations).expect("a folder");
        let output = migrations.to_str().expect("a path");
        let written = step.run(&["indexes", "migrate", "--framework", "sql", "--output", output, "--yes", "--min-observation", "0"]);
        assert_eq!(written.exit, 0, "{written:?}");
        let mut files: Vec<_> =
            fs::read_dir(&migrations).expect("files").map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        let up = files.iter().filter(|file| !file.to_string_lossy().contains("down"));
        for file in up {
            let done = Command::new("psql").args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &place, "-f"]).arg(file).status();
            assert!(done.expect("psql runs").success(), "{}", file.display());
        }

        let after = step.audit(&["--method", "dump"]);
        assert!(find_component(&after, "inactive_slots").is_none() && find_component(&after, "stale_slots").is_none(), "{after}");
        let wal_now = byte_count(&find_component(&after, "wal_directory").expect("pg_wal")["bytes"]);
        assert!(wal_then - wal_now >= promised / 2, "promised {promised}, {wal_then} became {wal_now}");
        assert!(byte_count(&after["audit"]["used_bytes"]) < byte_count(&before["audit"]["used_bytes"]));

        // The move.
        execute_sql(&new, "postgres", "create database shop").await;
        let socket = |cluster: &Cluster| [cluster.socket_dir().display().to_string(), cluster.port().to_string()];
        let [from, from_port] = socket(&old);
        let [to, to_port] = socket(&new);
        let mut dump = Command::new("pg_dump")
            .args(["-h", &from, "-p", &from_port, "-U", "postgres", "-d", "shop", "-Fc", "-Z0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("pg_dump runs");
        let restored = Command::new("pg_restore")
            .args(["-h", &to, "-p", &to_port, "-U", "postgres", "-d", "shop", "--exit-on-error"])
            .stdin(dump.stdout.take().expect("a pipe"))
            .status();
        assert!(dump.wait().expect("pg_dump ends").success() && restored.expect("pg_restore runs").success());
        execute_sql(&new, "shop", "vacuum analyze").await;
        let line = |report: &Value| {
            let databases = array_field(&report["audit"], "databases");
            let found = databases.iter().find(|database| database["database"] == "shop").cloned();
            found.expect("the database")
        };
        let predicted = byte_count(&line(&after)["after_logical_copy_bytes"]);
        let (was, is) = (total_size(&old, "shop").await, total_size(&new, "shop").await);
        let off = predicted as f64 / is as f64 - 1.0;
        print_stderr(&format!(
            "{major} downscale: used {} → {} kB, pg_wal {} → {} kB; database {} kB, predicted {} kB, arrived {} kB ({:+.1} %)",
            byte_count(&before["audit"]["used_bytes"]) / 1024,
            byte_count(&after["audit"]["used_bytes"]) / 1024,
            wal_then / 1024,
            wal_now / 1024,
            was / 1024,
            predicted / 1024,
            is / 1024,
            off * 100.0
        ));
        assert!(off.abs() <= 0.05, "{predicted} predicted, {is} measured");
        // The new cluster has nothing left to reclaim.
        let there = role_conninfo(&new, "postgres", "shop");
        let identifier = after["server"]["system_identifier"].as_str().expect("an identifier").to_owned();
        let there = Runner { home: folder.path(), place: &there };
        let arrived = there.audit(&["--moved-from", &identifier]);
        assert!(find_component(&arrived, "table_bloat").is_none() && find_component(&arrived, "index_bloat").is_none(), "{arrived}");

        // The journal has the prediction and now its measured size.
        let journal = step.run(&["history", "journal", "--format", "json"]);
        let journal: Value = serde_json::from_str(&journal.stdout).expect("JSON");
        let of_shop = |prediction: &&Value| prediction["of"]["database"] == "shop" && prediction["method"] == "dump";
        let kept = array_field(&journal, "predictions").iter().find(of_shop).expect("a prediction");
        assert_eq!((byte_count(&kept["bytes"]), byte_count(&kept["measured_bytes"])), (predicted, is), "{kept}");
        let shown = step.run(&["history", "journal"]).stdout;
        print_stderr(&shown);
        assert!(shown.contains("Audit predictions") && shown.contains("measured after a move"), "{shown}");
    })
    .await;
}
