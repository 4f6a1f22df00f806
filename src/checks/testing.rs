//! A healthy server, and the outcome of checks after one change to it.

use super::{CheckOutcome, Evidence, runner::Checks};
use crate::facts::history::HistoryView;
use crate::facts::{Level, Snapshot};
use jiff::Timestamp;
use serde_json::{Value, json};

pub const DAY: i64 = 86_400;

/// `seconds` before the snapshot.
pub fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 - seconds).unwrap()
}

pub fn lsn(bytes: u64) -> String {
    crate::units::Lsn::new((1 << 40) + bytes).to_string()
}

pub fn setting(name: &str, value: &str) -> Value {
    let unit = match name {
        "max_wal_size" | "max_slot_wal_keep_size" | "wal_keep_size" => Some("MB"),
        "recovery_min_apply_delay" => Some("ms"),
        _ => None,
    };
    json!({"name": name, "setting": value, "unit": unit, "source": "default", "pending_restart": false})
}

/// A healthy table of 200 MB with one index.
pub fn database_snapshot() -> Value {
    json!({
        "database": "shop",
        "tables": {"known": [{
            "oid": 20_000, "schema": "public", "table": "orders", "kind": "table", "persistence": "permanent",
            "parent_oid": null, "extension": null, "tablespace": null, "relpages": 25_600,
            "relpages_bytes": 200_u64 << 20, "reltuples": 1_000_000.0, "xid_age": 1_000, "toast_oid": null,
            "heap": {"bytes": 200_u64 << 20, "source": "estimated"}, "toast": {"bytes": 0, "source": "exact"},
            "live_rows": 1_000_000, "dead_rows": 1_000, "modified_since_analyze": 0, "inserted_since_vacuum": 0,
            "seq_scan": 5, "rows_inserted": 9, "rows_updated": 9, "rows_hot_updated": 0, "rows_deleted": 9,
            "last_vacuum": null, "last_autovacuum": ago(DAY * 2), "last_analyze": null, "last_autoanalyze": null,
        }]},
        "indexes": {"known": [index(20_001, "orders_pkey", &[1], 20 << 20)]},
        "sequence_use": {"known": {"left_out": 0, "sequences": [sequence(10)]}},
        "autovacuum_scores": {"known": []},
        "statistics_resets": {"known": {"database_reset": ago(DAY * 200), "shared_reset": ago(DAY * 200),
                                        "track_counts": true}},
        "index_facts": {"foreign_keys": {"known": []}, "keys": {"known": {}}, "operator_classes": {"known": {}},
                        "nulls_not_distinct": {"known": []}, "dependents": {"known": []}, "builds": {"known": []},
                        "uncounted_roles": {"known": []}, "texts": {"known": {}}, "correlations": {"known": []}},
        "post_update": {"known": {"restricts_stats_ext": true, "uses_libc": true, "is_single_byte": false, "indexes": []}},
        "table_columns": {"known": {}}, "index_keys": {"known": {}},
    })
}

pub fn index(oid: u32, name: &str, columns: &[i16], bytes: u64) -> Value {
    json!({
        "oid": oid, "table_oid": 20_000, "index": name, "is_partitioned": false, "parent_oid": null, "method": "btree",
        "tablespace": null, "relpages": bytes >> 13, "reltuples": 1e6, "is_unique": false, "is_primary": false,
        "is_exclusion": false, "is_immediate": true, "is_valid": true, "is_ready": true, "is_live": true,
        "is_replica_identity": false, "is_clustered": false, "is_partial": false, "is_expression": false,
        "key_columns_count": columns.len(), "column_numbers": columns, "constraint_name": null, "constraint": null,
        "size": {"bytes": bytes, "source": "estimated"}, "idx_scan": 1_000, "idx_tup_read": 1, "idx_tup_fetch": 1,
        "column_names": null, "definition": null,
    })
}

pub fn sequence(last_value: i64) -> Value {
    json!({"schema": "public", "sequence": "orders_id_seq", "column": "orders.id", "column_type": "integer",
           "first": 1, "last": i32::MAX, "last_value": last_value, "may_read": true})
}

/// A slot that has been inactive for `idle` seconds and retains `held` bytes.
pub fn slot(idle: i64, held: u64) -> Value {
    json!({
        "slot_name": "orders", "plugin": "pgoutput", "slot_type": "logical", "database": "shop", "temporary": false,
        "active": false, "active_pid": null, "restart_lsn": lsn((1 << 38) - held),
        "confirmed_flush_lsn": lsn((1 << 38) - held), "wal_status": "reserved", "safe_wal_size": null,
        "xmin_age": null, "catalog_xmin_age": 50, "inactive_since": ago(idle),
    })
}

pub fn session(pid: i32, idle: i64) -> Value {
    json!({"pid": pid, "database": "shop", "role": "app", "application_name": "web", "backend_type": "client backend",
           "state": "idle in transaction", "xact_start": ago(idle), "state_change": ago(idle), "xid_age": 7,
           "xmin_age": 7, "locks": 2})
}

/// A healthy server of which the role can read everything.
pub fn healthy_snapshot() -> Value {
    let settings: Vec<Value> = [
        ("archive_mode", "on"),
        ("archive_command", "cp %p /archive/%f"),
        ("autovacuum", "on"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("zero_damaged_pages", "off"),
        ("ignore_checksum_failure", "off"),
        ("track_counts", "on"),
        ("data_checksums", "on"),
        ("max_connections", "100"),
        ("superuser_reserved_connections", "3"),
        ("max_wal_size", "1024"),
        ("max_slot_wal_keep_size", "-1"),
        ("max_replication_slots", "10"),
        ("wal_keep_size", "0"),
        ("autovacuum_freeze_max_age", "200000000"),
    ]
    .iter()
    .map(|(name, value)| setting(name, value))
    .collect();
    let fact = |value: Value| json!({"known": value});
    json!({
        "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": ago(0),
        "server": {"version_num": 170_010, "version": "", "database": "shop", "role": "app",
                   "role_is_superuser": false, "role_may_replicate": false, "role_is_monitor": true,
                   "in_recovery": false, "started_at": ago(400 * DAY), "requested_at": ago(0),
                   "block_size_bytes": 8192, "wal_segment_bytes": 16 << 20},
        "settings": fact(settings.into()),
        "databases": fact(json!([{
            "database": "shop", "owner": "app", "tablespace": null, "encoding": "UTF8", "allows_connections": true,
            "is_template": false, "may_connect": true, "bytes": 1 << 30, "connections": 5, "xid_age": 1_000_000,
            "multixact_age": 1_000, "temp_bytes_written": 0, "stats_reset": null, "checksum_failures": 0}])),
        "shared_checksums": fact(json!({"checksum_failures": 0, "checksum_last_failure": null})),
        "slots": fact(json!([])), "walsenders": fact(json!([])), "subscriptions": fact(json!([])),
        "subscription_errors": fact(json!([])), "orphaned_origins": fact(json!([])),
        "sessions": fact(json!({"sees_all": true, "clients": 5, "idle_in_transaction": [], "holders": []})),
        "lock_waits": fact(json!({"sees_all": true, "waiting": [], "blockers": []})),
        "standby_replay": fact(json!({"receive_lsn": null, "replay_lsn": null, "last_replayed_at": null,
                                      "is_paused": null, "is_streaming": false})),
        "transactions": fact(json!({"sees_all": true, "transactions": []})),
        "prepared_transactions": fact(json!([])),
        "pending_restart": fact(json!([])),
        "wal_position": fact(json!({"current_lsn": lsn(1 << 38), "replay_lsn": null, "requested_at": ago(0)})),
        "wal_directory": fact(json!({"directory_bytes": 1_u64 << 30, "files": 64, "recycled_files": 10,
                                     "recycled_bytes": 160 << 20, "oldest_lsn": lsn(0), "oldest_modified_at": ago(60)})),
        "archiver": fact(json!({"archived_count": 5, "last_archived_wal": "000000010000000000000001",
                                "last_archived_time": ago(60), "failed_count": 0, "last_failed_wal": null,
                                "last_failed_time": null, "stats_reset": ago(DAY)})),
        "archive_status": fact(json!({"ready_files": 1, "oldest_ready_lsn": null})),
        "control": fact(json!({"system_identifier": "7", "timeline_id": 1,
            "redo_lsn": lsn(0), "checkpoint_lsn": lsn(0), "checkpoint_time": ago(60)})),
        "database_snapshots": [database_snapshot()],
    })
}

/// Sets one setting.
pub fn set_setting(snapshot: &mut Value, name: &str, value: &str) {
    let settings = snapshot["settings"]["known"].as_array_mut().unwrap();
    settings.retain(|setting| setting["name"] != name);
    settings.push(setting(name, value));
}

fn parse_snapshot(value: &Value) -> Snapshot {
    serde_json::from_value(value.clone()).unwrap()
}

/// Returns the outcome of a check with its default limits, after the change.
pub fn evaluate_check(check: &str, change: impl FnOnce(&mut Value)) -> CheckOutcome {
    let mut now = healthy_snapshot();
    change(&mut now);
    evaluate_and_withhold(check, &now, &[])
}

/// The same with a healthy sample one day earlier.
pub fn evaluate_check_after(
    check: &str,
    before: impl FnOnce(&mut Value),
    change: impl FnOnce(&mut Value),
) -> CheckOutcome {
    let (mut earlier, mut now) = (healthy_snapshot(), healthy_snapshot());
    earlier["collected_at"] = json!(ago(DAY));
    before(&mut earlier);
    change(&mut now);
    evaluate_and_withhold(check, &now, &[parse_snapshot(&earlier)])
}

/// Returns the outcome of a check. Where the check finds something, each known fact of the snapshot is made unavailable
/// in turn: a finding that is then lost must leave something unknown, because an unread fact is no proof of health.
fn evaluate_and_withhold(check: &str, now: &Value, earlier: &[Snapshot]) -> CheckOutcome {
    let outcome = evaluate_with_history(check, &parse_snapshot(now), earlier);
    for pointer in fact_pointers(now) {
        let mut withheld = now.clone();
        let why = json!({"unavailable": {"fact": &pointer, "reason": "could not be read"}});
        *withheld.pointer_mut(&pointer).unwrap() = why;
        let without = evaluate_with_history(check, &parse_snapshot(&withheld), earlier);
        let is_still_found = |subject: &str| without.findings.iter().any(|found| found.subject == subject);
        let lost: Vec<&str> = found_subjects(&outcome)
            .into_iter()
            .map(|(_, subject)| subject)
            .filter(|subject| !is_still_found(subject))
            .collect();
        assert!(
            lost.is_empty() || !without.unknown.is_empty(),
            "{check}: without the fact {pointer}, {lost:?} is not found, and nothing is unknown: {without:?}"
        );
    }
    outcome
}

/// Returns the JSON pointers of the known facts: of the cluster, of each database, and of its indexes. The disk is left
/// out: most servers are remote, and the check that needs its size requires it.
fn fact_pointers(snapshot: &Value) -> Vec<String> {
    let databases = snapshot["database_snapshots"].as_array().map_or(0, Vec::len);
    let parents = (0..databases).flat_map(|number| {
        let database = format!("/database_snapshots/{number}");
        [format!("{database}/index_facts"), database]
    });
    let is_known = |value: &Value| value.get("known").is_some();
    let facts = parents.chain([String::new()]).flat_map(|parent| {
        let members = snapshot.pointer(&parent).and_then(Value::as_object).into_iter().flatten();
        members
            .filter(|(name, value)| *name != "disk" && is_known(value))
            .map(move |(name, _)| format!("{parent}/{name}"))
            .collect::<Vec<_>>()
    });
    facts.collect()
}

fn evaluate_with_history(check: &str, now: &Snapshot, earlier: &[Snapshot]) -> CheckOutcome {
    let mut history = HistoryView::default();
    history.add_snapshots(earlier);
    let evidence = Evidence::new(now, history);
    let mut results = Checks::default().run_checks(&evidence, |rule| rule.name == check);
    assert_eq!(results.len(), 1, "{check}");
    results.remove(0).outcome
}

/// Returns level and subject of each finding.
pub fn found_subjects(outcome: &CheckOutcome) -> Vec<(Level, &str)> {
    outcome.findings.iter().map(|symptom| (symptom.level, symptom.subject.as_str())).collect()
}
