//! Collecting leaves nothing on a server except lines in its log.

use std::collections::BTreeSet;

use pg_sandbox::Cluster;
use serde_json::Value;

use super::program_runs::{REPORT_COMMANDS, database_conninfo, report_json_of, run_with_conninfo};
use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest_alone, on_every_major_alone,
    query_one_text, query_texts,
};

/// Options of a private server that logs all statements.
fn logging_options() -> pg_sandbox::ClusterOptions {
    cluster_options()
        .with_setting("autovacuum", "off")
        .with_setting("log_statement", "all")
        .with_setting("log_line_prefix", "%p|%a|%x|")
        .with_setting("log_min_duration_statement", "-1")
}

const CONTENT: &str = "create table t (id int primary key, t text); create index on t (t) where id > 5; \
    insert into t select g, md5(g::text) from generate_series(1, 1000) g";

/// Returns the statements of pgtend's sessions in a part of the log, by session.
fn logged_statements(log: &str) -> Vec<(String, Vec<String>)> {
    let mut sessions: Vec<(String, Vec<String>)> = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        let mut parts = line.splitn(4, '|');
        let (Some(pid), Some("pgtend"), Some(xid), Some(message)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        assert_eq!(xid, "0", "a transaction id was assigned: {line}");
        let Some((_, statement)) = message.split_once("statement: ").or_else(|| message.split_once("execute ")) else {
            continue;
        };
        let mut statement = statement.to_owned();
        while let Some(more) = lines.next_if(|next| next.starts_with('\t')) {
            statement.push('\n');
            statement.push_str(more);
        }
        match sessions.iter_mut().find(|(known, _)| known == pid) {
            Some((_, statements)) => statements.push(statement),
            None => sessions.push((pid.to_owned(), vec![statement])),
        }
    }
    sessions
}

/// Returns the SQL without comments and without the name that log lines of prepared statements begin with.
fn statement_sql(statement: &str) -> String {
    let statement = statement.strip_prefix("<unnamed>: ").unwrap_or(statement);
    let lines = statement.lines().map(str::trim).filter(|line| !line.starts_with("--"));
    lines.collect::<Vec<_>>().join(" ").trim().to_lowercase()
}

#[tokio::test]
async fn reads_use_read_only_transactions() {
    on_every_major_alone("read-only transactions", logging_options(), async |major, cluster| {
        execute_sql(&cluster, "postgres", CONTENT).await;
        for report in REPORT_COMMANDS {
            for more in [&[][..], &["--exact"], &["--all-databases", "--jobs", "2"]] {
                let before = cluster.log().len();
                let arguments = [report, more].concat();
                let run = run_with_conninfo(&cluster.conninfo(), &arguments).await;
                assert_eq!(run.code, Some(0), "{arguments:?} on {major}: {}", run.stderr);
                let log = cluster.log()[before..].to_owned();
                let sessions = logged_statements(&log);
                assert!(!sessions.is_empty(), "{arguments:?} on {major}: not in the log:\n{log}");
                for (_, session) in sessions {
                    let mut inside = false;
                    for statement in &session {
                        let text = statement_sql(statement);
                        assert!(
                            statement.starts_with("<unnamed>: ") || !statement.contains(": /*"),
                            "a prepared statement has a name: {statement}"
                        );
                        if text.starts_with("begin") {
                            assert!(!inside, "nested transactions");
                            assert!(text.contains("read only") && text.contains("read committed"), "{text}");
                            for guard in ["statement_timeout", "lock_timeout", "search_path = pg_catalog, pg_temp;"] {
                                assert!(text.contains(guard), "no {guard}: {text}");
                            }
                            assert_eq!(text.contains("client_connection_check_interval"), major >= 14, "{text}");
                            inside = true;
                        } else if text == "commit" {
                            assert!(inside, "a commit outside a transaction");
                            inside = false;
                        } else {
                            assert!(inside, "outside a transaction: {text}");
                            let first = text.split_whitespace().next().unwrap_or_default();
                            assert!(["select", "with", "rollback"].contains(&first), "it may write: {text}");
                        }
                    }
                    assert!(!inside, "{arguments:?} on {major}: a transaction stays open");
                }
                assert!(!log.contains("unexpected EOF"), "{arguments:?}: a session ended without Terminate\n{log}");
            }
        }
    })
    .await;
}

/// Values that the server reports for the session: the log does not show them.
#[tokio::test]
async fn reads_ignore_hostile_search_path() {
    on_a_major_and_the_newest_alone(
        13,
        "hostile search_path",
        cluster_options().with_setting("autovacuum", "off"),
        async |major, cluster| {
            execute_sql(&cluster, "postgres", CONTENT).await;
            let clean = all_reports(&cluster, "postgres").await;
            let relations = query_texts(
                &cluster,
                "postgres",
                "select relname from pg_class c join pg_namespace n on n.oid = relnamespace \
             where nspname = 'pg_catalog' and relkind in ('r', 'v') order by 1",
            )
            .await;
            execute_sql(&cluster, "postgres", "create schema evil").await;
            for relation in &relations {
                let name = relation[0].as_deref().expect("a name");
                execute_sql(
                    &cluster,
                    "postgres",
                    &format!("create view evil.{name} as select 1 / (random() * 0)::int as trap"),
                )
                .await;
            }
            let functions = [
                ("pg_relation_size(bigint)", "bigint"),
                ("pg_relation_size(regclass, text)", "bigint"),
                ("pg_database_size(oid)", "bigint"),
                ("pg_database_size(name)", "bigint"),
                ("pg_table_size(oid)", "bigint"),
                ("pg_get_indexdef(oid)", "text"),
                ("current_setting(text)", "text"),
                ("version()", "text"),
                ("age(xid)", "integer"),
                ("pg_stat_get_live_tuples(oid)", "bigint"),
                ("clock_timestamp()", "timestamptz"),
                ("pg_is_in_recovery()", "boolean"),
                ("current_database()", "name"),
            ];
            for (signature, result) in functions {
                let decoys = format!(
                    "create function evil.{signature} returns {result} language plpgsql as $$ begin \
                                raise exception 'a trap'; end $$"
                );
                execute_sql(&cluster, "postgres", &decoys).await;
            }
            let operators = "create function evil.differs(oid, oid) returns bool language plpgsql as $$ begin \
                           raise exception 'a trap'; end $$; \
             create operator evil.= (leftarg = oid, rightarg = oid, function = evil.differs); \
             create function evil.same(text, text) returns bool language plpgsql as $$ begin \
                           raise exception 'a trap'; end $$; \
             create operator evil.= (leftarg = text, rightarg = text, function = evil.same); \
             create operator evil.|| (leftarg = text, rightarg = text, function = evil.same)";
            execute_sql(&cluster, "postgres", operators).await;
            execute_sql(&cluster, "postgres", "alter role postgres set search_path = evil, pg_catalog").await;
            let trapped = query_one_text(&cluster, "postgres", "show search_path").await;
            assert_eq!(trapped.as_deref(), Some("evil, pg_catalog"));
            let other_session = connect_superuser(&cluster, "postgres").await;
            for innocent in ["select version()", "select 'a' || 'b'::text", "select * from pg_class"] {
                assert!(other_session.batch_execute(innocent).await.is_err(), "no trap: {innocent}");
            }
            for (report, before, after) in compare_reports(clean, all_reports(&cluster, "postgres").await) {
                let (before, mut after) = (report_paths(&before), report_paths(&after));
                // Creating the traps writes WAL, which may be enough to change the report.
                after.retain(|path| {
                    !path.starts_with(".wal.full_page_images.recommendations[]") || before.contains(path)
                });
                let grown = report != "slots" && report != "wal" && report != "databases";
                assert!(grown || before == after, "{report} on {major}: {before:?} is not {after:?}");
            }
            let tables = report_json_of(&cluster.conninfo(), &["tables"]).await;
            let exact = tables["tables"].as_array().expect("tables").iter().find(|table| table["table"] == "t");
            assert!(exact.is_some_and(|table| table["size_source"] == "exact"), "{tables}");
            assert!(
                tables["unavailable"].as_array().expect("gaps").iter().all(|gap| gap["fact"] == "bloat estimate"),
                "{tables}"
            );
        },
    )
    .await;
}

async fn all_reports(cluster: &Cluster, database: &str) -> Vec<(&'static str, Value)> {
    let mut reports = Vec::new();
    for report in REPORT_COMMANDS {
        reports.push((report[0], report_json_of(&database_conninfo(cluster, database), report).await));
    }
    reports
}

fn compare_reports(
    before: Vec<(&'static str, Value)>,
    after: Vec<(&'static str, Value)>,
) -> impl Iterator<Item = (&'static str, Value, Value)> {
    before.into_iter().zip(after).map(|((report, before), (_, after))| (report, before, after))
}

/// Returns a report's paths without values: which exist, and which are null.
fn report_paths(report: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(key, value)| walk(value, &format!("{path}.{key}"), paths))
            }
            Value::Array(elements) => elements.iter().for_each(|value| walk(value, &format!("{path}[]"), paths)),
            Value::Null => drop(paths.insert(format!("{path} null"))),
            _ => drop(paths.insert(path.to_owned())),
        }
    }
    let mut paths = BTreeSet::new();
    walk(report, "", &mut paths);
    paths
}

/// Removes the values that change between two reports on an idle server.
fn without_volatile_values(mut report: Value) -> Value {
    fn remove_volatile_values(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields.iter_mut() {
                    let moves = [
                        "_at",
                        "seconds",
                        // Contains the same numbers.
                        "message",
                        "_lsn",
                        "xid_age",
                        "multixact_age",
                        "seq_scan",
                        "tup_read",
                        "dead_rows",
                        "live_rows",
                        "bytes_per_hour",
                        "_at_most",
                    ]
                    .iter()
                    .any(|end| key.ends_with(end))
                        || [
                            "idx_scan",
                            "last_idx_scan",
                            "last_idx_scans",
                            "idx_tup_fetch",
                            "wal_records",
                            "wal_bytes",
                            "retained_bytes",
                            "rows_written",
                            // It depends on one of the changed settings.
                            "read_only_overrides",
                            // The scores follow the counters.
                            "autovacuum_scores",
                        ]
                        .contains(&key.as_str())
                        || [
                            "wal_fpi",
                            "connections",
                            "database_bytes",
                            "bytes",
                            "unaccounted_bytes",
                            "databases_bytes",
                        ]
                        .contains(&key.as_str())
                        || ["wal_to_data_ratio", "source", "temp_bytes_written", "until_full", "images", "calls", "share"]
                            .contains(&key.as_str())
                        // Free disk space changes with other activity on the machine, and so do the values computed
                        // from it.
                        || ["disk", "prevention", "forecast", "backends"].contains(&key.as_str());
                    if moves {
                        *value = Value::Null;
                    } else {
                        remove_volatile_values(value);
                    }
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(remove_volatile_values),
            _ => {}
        }
    }
    remove_volatile_values(&mut report);
    report
}

#[tokio::test]
async fn reads_ignore_role_defaults() {
    on_every_major_alone(
        "role with unusual defaults",
        cluster_options().with_setting("autovacuum", "off"),
        async |major, cluster| {
            execute_sql(&cluster, "postgres", CONTENT).await;
            execute_sql(&cluster, "postgres", "vacuum analyze").await;
            let index = "create table \"Odd\" (\"At\" timestamptz, b bytea, n float8); \
            create index odd on \"Odd\" (\"At\") where \"At\" > '2026-02-01 10:00+00' and b = '\\x00ff' and n > 0.1";
            execute_sql(&cluster, "postgres", index).await;
            // Before 15 the collector writes its file at most every 500 ms, and there is no sign that it wrote the last
            // one.
            tokio::time::sleep(std::time::Duration::from_millis(if major < 15 { 1_200 } else { 0 })).await;
            let plain = all_reports(&cluster, "postgres").await;
            let settings = [
                "datestyle = 'SQL, DMY'",
                "intervalstyle = 'sql_standard'",
                "timezone = 'Pacific/Chatham'",
                "extra_float_digits = -15",
                "bytea_output = 'escape'",
                "standard_conforming_strings = off",
                "quote_all_identifiers = on",
                "lc_messages = 'C'",
                "default_transaction_isolation = 'serializable'",
                "default_transaction_read_only = on",
                "default_transaction_deferrable = on",
                "statement_timeout = '20ms'",
                "lock_timeout = '1ms'",
                "idle_in_transaction_session_timeout = '5ms'",
                "xmlbinary = 'hex'",
                "backslash_quote = off",
                "escape_string_warning = off",
                "array_nulls = off",
                "client_min_messages = 'error'",
                "enable_hashjoin = off",
                "row_security = off",
            ];
            let is_removed = |setting: &str| {
                major >= 19 && ["standard_conforming_strings = off", "escape_string_warning = off"].contains(&setting)
            };
            let remaining = settings.iter().filter(|setting| !is_removed(setting));
            let batch =
                remaining.map(|setting| format!("alter role postgres set {setting}")).collect::<Vec<_>>().join("; ");
            execute_sql(&cluster, "postgres", &batch).await;
            for (report, before, after) in compare_reports(plain, all_reports(&cluster, "postgres").await) {
                let (before, after) = (without_volatile_values(before), without_volatile_values(after));
                let (before, after) = (format!("{before:#}"), format!("{after:#}"));
                let odd = before.lines().zip(after.lines()).find(|(before, after)| before != after);
                assert!(before == after, "{report} on {major}: {odd:?}");
            }
        },
    )
    .await;
}
