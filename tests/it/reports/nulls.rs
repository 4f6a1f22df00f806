//! Unknown is not zero: every null in a report is either listed under `unavailable` or means "there is none".

use pgtend::facts::Snapshot;
use serde_json::Value;

use super::fixture_servers::{DATABASE, ROLES, execute_batch, fixture_servers, quote_name, role_conninfo};
use super::program::{REPORT_NAMES, array_field, report_json, run_pgtend};
use crate::clusters::{connect_superuser, on_every_installation};

/// A field in which null means "there is none", the reason, and the condition on the object that contains it.
struct MeaningfulNull {
    path: &'static str,
    reason: &'static str,
    applies: fn(&Value) -> bool,
}

const fn null_means_none(path: &'static str, reason: &'static str, applies: fn(&Value) -> bool) -> MeaningfulNull {
    MeaningfulNull { path, reason, applies }
}

fn always(_: &Value) -> bool {
    true
}

fn has_no_heap(table: &Value) -> bool {
    table["kind"] == "foreign_table" || table["kind"] == "partitioned_table"
}

/// Only B-trees of one column are estimated; without the definition this is unknown.
fn is_not_estimated(index: &Value) -> bool {
    let columns = |key: &str| index[key].as_array().map(Vec::len);
    let only_one = columns("key_columns").zip(columns("include_columns")).map(|(keys, more)| keys + more == 1);
    index["method"] != "btree" || index["is_partitioned"] == true || only_one != Some(true)
}

const MEANINGFUL_NULLS: &[MeaningfulNull] = &[
    null_means_none("findings[].measured", "the check measures nothing", |_| true),
    null_means_none("findings[].threshold", "the check has no threshold", |_| true),
    null_means_none("findings[].unit", "nothing is measured", |finding| finding["measured"].is_null()),
    null_means_none("findings[].advice", "there is none", |_| true),
    null_means_none("databases[].stats_reset", "never reset", always),
    null_means_none("tables[].parent", "attached to no partitioned table", always),
    null_means_none("tables[].partitions", "not partitioned", |t| t["kind"] != "partitioned_table"),
    null_means_none("tables[].extension", "no extension owns it", always),
    null_means_none("tables[].tablespace", "the database's own", always),
    null_means_none("tables[].row_estimate", "its rows are on another server", |t| t["kind"] == "foreign_table"),
    null_means_none("tables[].bloat_bytes", "it has no heap", has_no_heap),
    null_means_none("tables[].bloat_source", "it has no heap", has_no_heap),
    null_means_none("tables[].last_vacuum", "never", always),
    null_means_none("tables[].last_autovacuum", "never", always),
    null_means_none("tables[].last_analyze", "never", always),
    null_means_none("tables[].last_autoanalyze", "never", always),
    null_means_none("tables[].xid_age", "it has no rows", |t| {
        t["kind"] == "partitioned_table" || t["kind"] == "foreign_table"
    }),
    null_means_none("indexes[].bloat_bytes", "not estimated", is_not_estimated),
    null_means_none("indexes[].bloat_source", "not estimated", is_not_estimated),
    null_means_none("indexes[].last_idx_scan", "never scanned", |i| i["idx_scan"] == 0),
    null_means_none("indexes[].key_columns[]", "an expression", always),
    null_means_none("indexes[].parent", "attached to no partitioned index", always),
    null_means_none("indexes[].partitions", "not partitioned", |i| i["is_partitioned"] == false),
    null_means_none("indexes[].constraint", "enforces none", always),
    null_means_none("indexes[].constraint_name", "enforces none", |i| i["constraint"].is_null()),
    null_means_none("indexes[].extension", "no extension owns its table", always),
    null_means_none("indexes[].tablespace", "the database's own", always),
    null_means_none("slots[].plugin", "physical", |s| s["slot_type"] == "physical"),
    null_means_none("slots[].database", "physical", |s| s["slot_type"] == "physical"),
    null_means_none("slots[].active_pid", "not in use", |s| s["active"] == false),
    null_means_none("slots[].restart_lsn", "never reserved WAL, or lost it", |s| {
        s["wal_status"].is_null() || s["wal_status"] == "lost"
    }),
    null_means_none("slots[].confirmed_flush_lsn", "physical", |s| s["slot_type"] == "physical"),
    null_means_none("slots[].wal_status", "never reserved WAL", |s| s["restart_lsn"].is_null()),
    null_means_none("slots[].safe_wal_size", "no limit, or lost", always),
    null_means_none("slots[].xmin_age", "retains no rows", always),
    null_means_none("slots[].catalog_xmin_age", "retains no catalog rows", |s| s["slot_type"] == "physical"),
    null_means_none("slots[].inactive_since", "active", |s| s["active"] == true),
    null_means_none("slots[].two_phase_at", "two-phase decoding is off", |s| s["two_phase"] == false),
    null_means_none("slots[].conflicting", "physical", |s| s["slot_type"] == "physical"),
    null_means_none("slots[].invalidation_reason", "valid", |s| s["wal_status"] != "lost"),
    null_means_none("slots[].slotsync_skip_reason", "not skipped, or no copy", always),
    null_means_none("slots[].slotsync_skip_count", "physical", |s| s["slot_type"] == "physical"),
    null_means_none("slots[].slotsync_last_skip", "never skipped", |s| {
        s["slotsync_skip_count"] == 0 || s["slotsync_skip_count"].is_null()
    }),
    null_means_none("slots[].repack", "no REPACK", |s| s["plugin"] != "pgrepack"),
    null_means_none("slots[].repack.table", "in another database", always),
    null_means_none("slots[].reasons[].count", "no statistics of the slot", |r| r["id"] == "sync-skipped"),
    null_means_none("slots[].reasons[].last", "no statistics of the slot", |r| r["id"] == "sync-skipped"),
    null_means_none("slots[].protection", "none", always),
    null_means_none("slots[].owner", "no rule matches", always),
    null_means_none("slots[].reasons[].pid", "its walsender has just started", |r| r["id"] == "in-use"),
    null_means_none("slots[].reasons[].by", "no walsender, or one without a name", |r| r["id"] == "in-use"),
    null_means_none("slots[].reasons[].database", "no database", |r| r["id"] == "pinned-by-transaction"),
    null_means_none("slots[].reasons[].role", "a process of the server", |r| r["id"] == "pinned-by-transaction"),
    null_means_none("slots[].reasons[].seconds", "it has just ended", |r| r["id"] == "pinned-by-transaction"),
    null_means_none("slots[].reasons[].query", "nothing before its first literal", |r| {
        r["id"] == "pinned-by-transaction"
    }),
    null_means_none("why.held_beyond_by", "it retains nothing", always),
    null_means_none("wal.replay_lsn", "a primary does not replay", always),
    null_means_none("wal.holders[].name", "no slot", |h| h["cause"] != "slot"),
    null_means_none("wal.holders[].retained_bytes", "not retained", |h| {
        ["removable-at-checkpoint", "recycled", "other-files", "unexplained"].iter().any(|cause| h["cause"] == *cause)
    }),
    null_means_none("wal.settings.max_slot_wal_keep_size_bytes", "no limit", always),
    null_means_none("wal.settings.idle_replication_slot_timeout", "before 18", always),
    null_means_none("wal.settings.summarize_wal", "before 17", always),
    null_means_none("wal.archiver.last_archived_wal", "never", |a| a["archived_count"] == 0),
    null_means_none("wal.archiver.last_archived_time", "never", |a| a["archived_count"] == 0),
    null_means_none("wal.archiver.last_failed_wal", "never", |a| a["failed_count"] == 0),
    null_means_none("wal.archiver.last_failed_time", "never", |a| a["failed_count"] == 0),
    null_means_none("wal.archiver.oldest_ready_lsn", "none waits", |a| a["ready_files"] == 0),
    null_means_none("why.until_full", "it retains nothing", always),
    null_means_none("why.until_full.min_seconds", "never: no WAL is written", always),
    null_means_none("why.until_full.max_seconds", "never, at the lowest rate", always),
    null_means_none("why.until_lost", "no limit", always),
    null_means_none("why.until_lost.min_seconds", "never: no WAL is written", always),
    null_means_none("why.until_lost.max_seconds", "never, at the lowest rate", always),
    null_means_none("why.timeout_at", "no timeout", always),
    null_means_none("overview.until_full.min_seconds", "never: no WAL is written", always),
    null_means_none("overview.until_full.max_seconds", "never, at the lowest rate", always),
    null_means_none("wal.statements.since", "not available before 14", always),
    null_means_none("wal.statements.most[].database", "it was dropped", always),
    null_means_none("wal.statements.most[].role", "it was dropped", always),
    null_means_none("wal.statements.most[].query", "nothing before its first literal", |s| s["queryid"].is_string()),
    null_means_none("wal.backends[].database", "not a client", |b| b["backend_type"] != "client backend"),
    null_means_none("wal.backends[].role", "not a client", |b| b["backend_type"] != "client backend"),
    null_means_none("wal.backends[].application_name", "not set", always),
    null_means_none("wal.full_page_images", "a standby writes none", |wal| wal["replay_lsn"].is_string()),
    null_means_none("wal.disk.size_bytes", "only the free space was given", |disk| disk["source"] == "flag"),
    null_means_none("wal.forecast.wal_accumulation", "nothing retains all new WAL", always),
    null_means_none("wal.forecast.wal_accumulation.segment", "unknown", always),
    null_means_none("wal.forecast.until_full.min_seconds", "never: no WAL is written", always),
    null_means_none("wal.forecast.until_full.max_seconds", "never, at the lowest rate", always),
    null_means_none("wal.forecast.per_100_gb.min_seconds", "never: no WAL is written", always),
    null_means_none("wal.forecast.per_100_gb.max_seconds", "never, at the lowest rate", always),
    null_means_none("wal.forecast.slots[].safe_wal_size", "no limit", always),
    null_means_none("wal.forecast.slots[].until_lost", "no limit", |s| s["safe_wal_size"].is_null()),
    null_means_none("wal.forecast.slots[].until_lost.min_seconds", "never: no WAL is written", always),
    null_means_none("wal.forecast.slots[].until_lost.max_seconds", "never, at the lowest rate", always),
    null_means_none("wal.forecast.slots[].timeout_at", "no timeout, or in use", always),
    null_means_none("wal.prevention.max_slot_wal_keep_size_bytes", "no disk is known, or it is too small", always),
    null_means_none(
        "wal.prevention.idle_replication_slot_timeout_seconds",
        "before 18, or the disk is too small",
        always,
    ),
    null_means_none("audit.cost", "no price, or no allocated size, was given", always),
    null_means_none("overview.log_bytes", "the server logs elsewhere", always),
];

/// The keys by which `subjects` may identify an element.
const SUBJECT_KEYS: [&[&str]; 6] =
    [&["database"], &["tablespace"], &["slot_name"], &["schema", "table"], &["schema", "index"], &["index"]];

/// Returns nulls without an explanation, and explanations of values that are not null.
pub fn null_faults(report: &Value) -> Vec<String> {
    let mut nulls = Vec::new();
    for (key, value) in
        report.as_object().expect("a report is an object").iter().filter(|(key, _)| *key != "unavailable")
    {
        collect_nulls(report, key, value, None, &mut nulls);
    }
    let gaps = array_field(report, "unavailable");
    let mut faults = Vec::new();
    for null in &nulls {
        let explained = gaps.iter().any(|gap| gap_explains(gap, null));
        let absent = MEANINGFUL_NULLS.iter().any(|meaning| meaning.path == null.path && (meaning.applies)(null.holder));
        if !explained && !absent {
            let why = MEANINGFUL_NULLS.iter().find(|meaning| meaning.path == null.path).map(|meaning| meaning.reason);
            faults.push(format!(
                "{} is null, and has no explanation ({why:?} does not hold): {}",
                null.path, null.holder
            ));
        }
    }
    for gap in gaps {
        for text in ["fact", "reason"] {
            assert!(gap[text].as_str().is_some_and(|text| !text.is_empty()), "{gap}");
        }
        for field in array_field(gap, "fields").iter().map(|field| field.as_str().expect("a path")) {
            match values_at(report, field) {
                Err(fault) => faults.push(format!("unavailable names {field}: {fault}")),
                Ok(found) if found.iter().all(|value| is_present(value)) && !found.is_empty() => {
                    faults.push(format!("unavailable names {field}, which is not null: {gap}"));
                }
                Ok(_) => {}
            }
        }
    }
    faults
}

/// A null, its path, and the object that contains it.
struct ReportedNull<'a> {
    path: String,
    holder: &'a Value,
    /// The nearest enclosing element of a list.
    element: Option<&'a Value>,
}

fn collect_nulls<'a>(
    holder: &'a Value,
    path: &str,
    value: &'a Value,
    element: Option<&'a Value>,
    nulls: &mut Vec<ReportedNull<'a>>,
) {
    match value {
        Value::Null => nulls.push(ReportedNull { path: path.to_owned(), holder, element }),
        Value::Array(elements) => {
            for item in elements {
                let element = if item.is_object() { Some(item) } else { element };
                collect_nulls(holder, &format!("{path}[]"), item, element, nulls);
            }
        }
        Value::Object(map) => {
            for (key, inner) in map {
                collect_nulls(value, &format!("{path}.{key}"), inner, element, nulls);
            }
        }
        _ => {}
    }
}

fn gap_explains(gap: &Value, null: &ReportedNull) -> bool {
    let covers = |field: &Value| {
        let rest = field.as_str().and_then(|field| null.path.strip_prefix(field));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let named = match (gap["subjects"].as_array(), null.element) {
        (Some(subjects), Some(element)) => SUBJECT_KEYS.iter().any(|keys| {
            let parts: Vec<&str> = keys.iter().filter_map(|key| element[*key].as_str()).collect();
            parts.len() == keys.len() && subjects.iter().any(|subject| *subject == parts.join("."))
        }),
        _ => true,
    };
    named && array_field(gap, "fields").iter().any(covers)
}

/// Returns all values at a path; none below an empty list or a null.
fn values_at<'a>(report: &'a Value, path: &str) -> Result<Vec<&'a Value>, String> {
    let mut values = vec![report];
    for part in path.split('.') {
        let key = part.trim_end_matches("[]");
        let mut next = Vec::new();
        // The findings of an audit have different keys: at least one of the elements has this key.
        let is_missing =
            values.iter().all(|value| value.get(key).is_none()) && values.iter().any(|value| !value.is_null());
        if is_missing {
            return Err(format!("there is no {key} in it"));
        }
        for inner in values.into_iter().filter_map(|value| value.get(key)) {
            if part.ends_with("[]") && !inner.is_null() {
                next.extend(inner.as_array().ok_or_else(|| format!("{key} is not a list"))?);
            } else {
                next.push(inner);
            }
        }
        values = next;
    }
    Ok(values)
}

fn is_present(value: &Value) -> bool {
    // A provider is never null: it is "unknown".
    value != "unknown" && !value.is_null() && value.as_array().is_none_or(|elements| !elements.is_empty())
}

/// Asserts that every null is explained, and that no known value is called unavailable.
#[track_caller]
pub fn assert_nulls_explained(what: &str, report: &Value) {
    let faults = null_faults(report);
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

#[tokio::test]
async fn nulls_of_every_report_are_explained() {
    on_every_installation("nulls of all reports", async |major, _| {
        for (server_name, cluster) in
            [("primary", &fixture_servers(major).primary), ("standby", &fixture_servers(major).standby)]
        {
            for role in ROLES {
                let conninfo = role_conninfo(cluster, role, DATABASE);
                let snapshot = run_pgtend(&["snapshot", "-d", &conninfo]);
                assert!(
                    snapshot.exit == 0 && snapshot.stderr.is_empty(),
                    "{server_name} of {major} as {role}: {snapshot:?}"
                );
                assert!(Snapshot::from_json(&snapshot.stdout).is_ok(), "{server_name} of {major} as {role}");
                for report in REPORT_NAMES {
                    let what = format!("{report} on the {server_name} of {major} as {role}");
                    let json = report_json(&[report, "-d", &conninfo]);
                    assert_nulls_explained(&what, &json);
                    assert_eq!((&json["schema_version"], &json["command"]), (&1.into(), &report.into()), "{what}");
                    let server = &json["server"];
                    assert_eq!(
                        server["version_num"].as_u64().map(|number| number / 10_000),
                        Some(major.into()),
                        "{what}"
                    );
                    assert_eq!(server["in_recovery"], server_name == "standby", "{what}");
                    assert_eq!((&server["provider"], &server["database"]), (&"unknown".into(), &DATABASE.into()));
                    assert!(server["system_identifier"].as_str().is_some_and(|id| id.len() > 10), "{what}: {server}");
                    let collected_at =
                        json["collected_at"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
                    assert!(collected_at.is_some(), "{what}: {}", json["collected_at"]);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn nulls_of_superuser_come_from_version_only() {
    on_every_installation("nulls of the superuser", async |major, _| {
        for report in REPORT_NAMES {
            let json =
                report_json(&[report, "-d", &role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE)]);
            for gap in array_field(&json, "unavailable") {
                let lacks = gap["needs_version"].as_u64() > Some(major.into());
                // Statistics start with the fixture server, possibly a second ago.
                let too_young =
                    gap["fact"] == "wal rate" && gap["reason"].as_str().unwrap().contains("less than a minute ago");
                assert!(lacks || too_young || gap["not_set_up"] == true, "{report} on {major}: {gap}");
            }
            let hides = |gap: &Value| gap["needs_version"].is_null() && gap["not_set_up"].is_null();
            let young = array_field(&json, "unavailable").iter().any(hides);
            let strict = run_pgtend(&[
                report,
                "--strict",
                "-d",
                &role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE),
            ]);
            assert!(strict.exit == 0 || young, "{report} on {major}: {strict:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn nulls_suggested_grant_makes_fact_readable() {
    on_every_installation("suggested grants", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        let superuser = connect_superuser(cluster, "postgres").await;
        for (report, list_key, field, role) in [
            ("wal", "", "wal.directory_bytes", "An \"Apprentice\""),
            ("databases", "databases", "databases[].bytes", "it's another"),
            ("overview", "overview", "overview.wal_bytes", "a_third"),
            ("overview", "overview", "overview.temp_bytes", "user"),
        ] {
            execute_batch(&superuser, &format!("create role {} login", quote_name(role))).await;
            let conninfo = role_conninfo(cluster, role, DATABASE);
            let before = report_json(&[report, "-d", &conninfo]);
            let missing = |report: &Value| values_at(report, field).unwrap().iter().any(|value| value.is_null());
            assert!(missing(&before), "{field} is visible to {role} on {major}: {}", before[list_key]);
            assert_eq!(run_pgtend(&[report, "--strict", "-d", &conninfo]).exit, 3, "{report} --strict on {major}");
            let names = |gap: &&Value| array_field(gap, "fields").iter().any(|name| name == field);
            let gaps: Vec<&Value> = array_field(&before, "unavailable").iter().filter(names).collect();
            for gap in gaps {
                let hint = gap["hint"].as_str().unwrap_or_else(|| panic!("no hint: {gap}"));
                assert!(hint.starts_with("GRANT "), "{hint}");
                execute_batch(&superuser, hint).await;
            }
            let after = report_json(&[report, "-d", &conninfo]);
            assert!(!missing(&after), "{field} is still hidden on {major}: {after}");
            assert_nulls_explained(report, &after);
            execute_batch(&superuser, &format!("drop role {}", quote_name(role))).await;
        }
    })
    .await;
}

#[test]
fn nulls_checker_finds_seeded_faults() {
    let report = |rest: &str| serde_json::from_str::<Value>(&format!("{{\"unavailable\": {rest}}}")).unwrap();
    let gap = |fields: &str, subjects: &str| {
        format!("[{{\"fact\": \"f\", \"reason\": \"r\", \"hint\": null, \"fields\": [{fields}]{subjects}}}]")
    };
    let named = gap("\"list[].a\"", ", \"subjects\": [\"x\"]");
    for (rest, expected) in [
        ("[], \"wal\": {\"a\": null}".to_owned(), 1),
        (format!("{}, \"wal\": {{\"a\": null, \"ab\": null}}", gap("\"wal.a\"", "")), 1),
        (format!("{}, \"wal\": {{\"a\": 1}}", gap("\"wal.a\"", "")), 1),
        (format!("{}, \"wal\": {{\"a\": 1}}", gap("\"wal.b\"", "")), 1),
        (format!("{}, \"wal\": null", gap("\"wal.b\"", "")), 1),
        (format!("{}, \"wal\": null", gap("\"wal\"", "")), 0),
        (format!("{named}, \"list\": [{{\"database\": \"x\", \"a\": null}}]"), 0),
        (format!("{named}, \"list\": [{{\"database\": \"y\", \"a\": null}}]"), 1),
    ] {
        assert_eq!(null_faults(&report(&rest)).len(), expected, "{rest}");
    }
}
