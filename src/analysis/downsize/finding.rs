//! Obstacles to a move, warnings, and the checklist (docs/reference/providers.md#rds-bluegreen,
//! docs/reference/providers.md#logical-replication).

use super::{Assumptions, GIB, MoveMethod, StorageType};
use crate::analysis::slot::DEFAULT_OUTPUT_PLUGINS;
use crate::facts::{ObstacleKind, Provider, SlotType, Snapshot};
use schemars::JsonSchema;
use serde::Serialize;

/// Severity of a finding, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The move fails or loses data until this is resolved.
    Blocker,
    /// The move works, but something has to be done or accepted.
    Warning,
    /// Not visible in SQL: the user has to check.
    Checklist,
}

/// Type of a finding, with its figures.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "id", rename_all = "snake_case")]
pub enum AuditFindingKind {
    /// The provider does not offer the method.
    MethodNotOffered {
        /// Provider of the server.
        provider: Provider,
    },
    /// A logical slot. It does not move to the new server.
    LogicalSlot {
        /// Name of the slot.
        slot_name: String,
        /// Whether a consumer is connected.
        active: bool,
        /// Output plugin that the new server's `output_plugin_libraries` does not list by default; `None` otherwise.
        #[serde(skip_serializing_if = "Option::is_none")]
        plugin_to_list: Option<String>,
    },
    /// A physical slot. It does not move to the new server, so its standby must be rebuilt.
    PhysicalSlot {
        /// Name of the slot.
        slot_name: String,
        /// Whether a consumer is connected.
        active: bool,
    },
    /// A subscription of this server.
    Subscription {
        /// Name of the subscription.
        subscription: String,
        /// Database of the subscription.
        database: String,
    },
    /// Tables without a replica identity: once they are published, UPDATE and DELETE fail.
    NoReplicaIdentity {
        /// Number of tables.
        count: u64,
        /// Names of some of them.
        names: Vec<String>,
    },
    /// Large objects: logical replication does not copy them.
    LargeObjects {
        /// Number of large objects.
        count: u64,
    },
    /// Unlogged tables: their rows are not in the WAL.
    UnloggedTables {
        /// Number of tables.
        count: u64,
        /// Names of some of them.
        names: Vec<String>,
    },
    /// Sequences: logical replication does not copy their values by itself.
    Sequences {
        /// Number of sequences.
        count: u64,
        /// Whether `ALTER SUBSCRIPTION … REFRESH SEQUENCES` copies them (19 and newer).
        refreshable: bool,
    },
    /// Materialized views: they must be refreshed on the new server.
    MaterializedViews {
        /// Number of views.
        count: u64,
        /// Names of some of them.
        names: Vec<String>,
    },
    /// Event triggers: they can fire during a restore.
    EventTriggers {
        /// Number of triggers.
        count: u64,
        /// Names of some of them.
        names: Vec<String>,
    },
    /// Foreign servers: the new server must reach them.
    ForeignServers {
        /// Number of foreign servers.
        count: u64,
        /// Names of some of them.
        names: Vec<String>,
    },
    /// An extension that needs steps of its own with this method.
    Extension {
        /// Name of the extension.
        name: String,
        /// What to do.
        advice: &'static str,
    },
    /// Prepared transactions. They have to end before the move.
    PreparedTransactions {
        /// Number of transactions in all databases.
        count: usize,
        /// Identifier of the first one.
        gid: String,
    },
    /// Settings that take effect only after a restart. Blue/Green refuses such a source.
    PendingRestart {
        /// Names of the settings.
        settings: Vec<String>,
    },
    /// A role or database setting that makes sessions read-only.
    ReadOnlyOverride {
        /// Role of the setting; `None` when it applies to a whole database.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// The setting, as `name=value`.
        setting: String,
    },
    /// `wal_level` does not allow logical slots: it is below `logical`, from 19 on below `replica`.
    WalLevel {
        /// Present value of `wal_level`.
        wal_level: String,
        /// Lowest sufficient value.
        need: &'static str,
    },
    /// A limit is too low for logical replication (PostgreSQL manual, "Logical Replication", "Configuration Settings").
    TooFew {
        /// Name of the setting.
        setting: String,
        /// Present value on this server.
        have: u64,
        /// Required value.
        need: u64,
        /// Whether the setting counts on the target server.
        there: bool,
    },
    /// Publications that exist already.
    Publication {
        /// Number of publications.
        count: u64,
        /// Names of some of them.
        names: Vec<String>,
    },
    /// Tablespaces outside the data directory.
    Tablespaces {
        /// Names of the tablespaces.
        tablespaces: Vec<String>,
        /// Sum of their sizes in bytes; `None` if a size is unknown.
        bytes: Option<u64>,
    },
    /// A given volume size is smaller than the data that is visible in SQL.
    VolumeTooSmall {
        /// Option or description of the size.
        source: &'static str,
        /// Given size in bytes.
        source_bytes: u64,
        /// Bytes that are visible in SQL.
        seen_bytes: u64,
    },
    /// The new volume is below 400 GiB, where gp3 loses its striping and with it throughput.
    StorageStripe {
        /// Size of the present volume in bytes.
        from_bytes: u64,
        /// Recommended size in bytes.
        to_bytes: u64,
    },
    /// The new gp2 volume has a lower baseline of I/O operations.
    BaselineIops {
        /// Operations per second of the present volume.
        before: u64,
        /// Operations per second of the recommended volume.
        after: u64,
    },
    /// Free backup storage shrinks with the volume.
    BackupAllowance {
        /// Size of the present volume in bytes.
        before_bytes: u64,
        /// Recommended size in bytes.
        after_bytes: u64,
    },
    /// An item of the checklist that SQL cannot verify.
    Check {
        /// The statement that must be true.
        text: &'static str,
    },
}

/// One finding of the audit.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AuditFinding {
    /// Severity.
    pub severity: Severity,
    /// Database of the finding; `None` when it concerns the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Type and figures.
    #[serde(flatten)]
    pub kind: AuditFindingKind,
}

/// Extensions that need a step of their own with some methods.
const EXTENSIONS: [(&str, &[MoveMethod], &str); 8] = [
    (
        "pg_partman",
        &[MoveMethod::BlueGreenUpgrade, MoveMethod::LogicalReplication],
        "disable its maintenance on the source: new partitions are not replicated",
    ),
    (
        "pg_cron",
        &[MoveMethod::BlueGreenUpgrade, MoveMethod::BlueGreen],
        "disable it on green until the switchover: its jobs would write",
    ),
    ("pglogical", &[MoveMethod::BlueGreenUpgrade], "disable it on blue"),
    ("pgactive", &[MoveMethod::BlueGreenUpgrade], "disable it on blue"),
    ("pgaudit", &[MoveMethod::BlueGreenUpgrade], "keep it in shared_preload_libraries of both parameter groups"),
    (
        "timescaledb",
        &[MoveMethod::LogicalReplication, MoveMethod::Dms, MoveMethod::BlueGreenUpgrade],
        "its chunks are not replicated as one table: follow its migration guide",
    ),
    (
        "citus",
        &[MoveMethod::LogicalReplication, MoveMethod::Dms, MoveMethod::BlueGreenUpgrade],
        "distributed tables are not replicated by this method",
    ),
    ("postgis_topology", &[MoveMethod::Dump], "run CREATE EXTENSION before the restore"),
];

const BLUE_GREEN_CHECKLIST: [&str; 7] = [
    "automated backups are on (Blue/Green needs them)",
    "no RDS Proxy, no cascading or cross-region read replica, not a Multi-AZ DB cluster, not managed by CloudFormation",
    "the master password is not managed by Secrets Manager; zero-ETL integrations are deleted",
    "storage autoscaling has a new maximum; otherwise it enlarges the small volume again",
    "an alarm on slot lag and on free storage is in place before the switchover",
    "the maintenance window does not overlap; the free space covers the WAL written while green is created",
    "green is warmed up before the switchover: its first reads are slow (lazy loading from the snapshot)",
];
const SHRINK_CHECKLIST: [&str; 3] = [
    "not a shared-core machine type; downtime during the shrink is acceptable, it may be long",
    "automatic storage increase is off, or has a limit",
    "each read replica is shrunk manually after the primary",
];
const COMMON_CHECKLIST: [&str; 2] = [
    "applications connect by a host name that can be switched, and reconnect automatically",
    "a backup was restored and verified",
];

const RECENT_DUMP: &str = "pg_dump, pg_upgrade and the new server are releases of 2026-11-12 or later: earlier ones may refuse tables \
     that this server created since its update (column option pg_attver)";

/// Returns whether the server stores the option `pg_attver` with each new column, which pg_dump and servers of earlier
/// releases do not know (measured on 15.20, with pg_dump and targets of 18.6 and 19rc1; the other majors by their date:
/// findings/minor-update-breaks-older-pg-dump-and-upgrade.sh). 19.0 was not measured.
fn marks_new_columns(version_num: u32) -> bool {
    matches!(version_num, 140_025..150_000 | 150_020..160_000 | 160_016..170_000 | 170_012..180_000 | 180_007..190_000)
}

/// Returns all findings for one method, the worst first. `seen_bytes` is the used space that is visible in SQL,
/// `recommended` the recommended volume size in bytes.
pub fn audit_findings(
    snapshot: &Snapshot,
    method: MoveMethod,
    assumptions: &Assumptions,
    seen_bytes: u64,
    recommended: Option<u64>,
) -> Vec<AuditFinding> {
    let mut found = Vec::new();
    let mut find = |severity, database: Option<&str>, what| {
        found.push(AuditFinding { severity, database: database.map(str::to_owned), kind: what });
    };
    let blue_green = matches!(method, MoveMethod::BlueGreen | MoveMethod::BlueGreenUpgrade);
    let replicates = matches!(method, MoveMethod::BlueGreenUpgrade | MoveMethod::LogicalReplication | MoveMethod::Dms);
    if !method.is_offered_by(assumptions.provider) {
        find(Severity::Blocker, None, AuditFindingKind::MethodNotOffered { provider: assumptions.provider });
    }
    for slot in snapshot.slots.known().into_iter().flatten().filter(|slot| !slot.is_of_repack()) {
        let (slot_name, active, database) = (slot.slot_name.clone(), slot.active, slot.database.as_deref());
        match slot.slot_type {
            SlotType::Logical => {
                let severity = if blue_green { Severity::Blocker } else { Severity::Warning };
                let plugin_to_list =
                    slot.plugin.clone().filter(|plugin| !DEFAULT_OUTPUT_PLUGINS.contains(&plugin.as_str()));
                find(severity, database, AuditFindingKind::LogicalSlot { slot_name, active, plugin_to_list });
            }
            // They stay in place, or RDS manages them.
            SlotType::Physical if !matches!(method, MoveMethod::Shrink) && !blue_green => {
                find(Severity::Warning, None, AuditFindingKind::PhysicalSlot { slot_name, active });
            }
            SlotType::Physical => {}
        }
    }
    for row in snapshot.subscriptions.known().into_iter().flatten() {
        let severity = if blue_green { Severity::Blocker } else { Severity::Warning };
        let subscription = row.subname.clone();
        let database = row.database.clone();
        find(severity, None, AuditFindingKind::Subscription { subscription, database });
    }
    for db in &snapshot.database_snapshots {
        let database = Some(db.database.as_str());
        if let Some(sequences) = db.sequences.known().filter(|sequences| replicates && sequences.count > 0) {
            let refreshable = method == MoveMethod::LogicalReplication && snapshot.server.major() >= 19;
            find(Severity::Warning, database, AuditFindingKind::Sequences { count: sequences.count, refreshable });
        }
        for (kind, named) in db.obstacles.known().into_iter().flat_map(|obstacles| &obstacles.found) {
            let (count, names) = (named.count, named.names.clone());
            match kind {
                ObstacleKind::NoReplicaIdentity if replicates => {
                    let severity = if method == MoveMethod::Dms { Severity::Warning } else { Severity::Blocker };
                    find(severity, database, AuditFindingKind::NoReplicaIdentity { count, names });
                }
                ObstacleKind::LargeObject if replicates => {
                    let severity = if method == MoveMethod::Dms { Severity::Warning } else { Severity::Blocker };
                    find(severity, database, AuditFindingKind::LargeObjects { count });
                }
                // Their rows are not in the WAL, so a physical copy does not contain them.
                ObstacleKind::Unlogged if method != MoveMethod::Dump && method != MoveMethod::Shrink => {
                    find(Severity::Warning, database, AuditFindingKind::UnloggedTables { count, names });
                }
                ObstacleKind::MaterializedView if replicates => {
                    find(Severity::Warning, database, AuditFindingKind::MaterializedViews { count, names });
                }
                ObstacleKind::EventTrigger if !method.is_physical() => {
                    find(Severity::Warning, database, AuditFindingKind::EventTriggers { count, names });
                }
                ObstacleKind::ForeignServer if method != MoveMethod::Shrink => {
                    find(Severity::Warning, database, AuditFindingKind::ForeignServers { count, names });
                }
                ObstacleKind::Publication if blue_green => {
                    find(Severity::Warning, database, AuditFindingKind::Publication { count, names });
                }
                ObstacleKind::Extension => {
                    for (name, methods, advice) in EXTENSIONS {
                        if methods.contains(&method) && names.iter().any(|listed| listed == name) {
                            find(
                                Severity::Warning,
                                database,
                                AuditFindingKind::Extension { name: name.to_owned(), advice },
                            );
                        }
                    }
                }
                _ => {}
            }
        }
    }
    if let Some(first) = snapshot.prepared_transactions.known().and_then(|transactions| transactions.first()) {
        let count = snapshot.prepared_transactions.known().map_or(0, Vec::len);
        find(
            Severity::Warning,
            Some(&first.database),
            AuditFindingKind::PreparedTransactions { count, gid: first.gid.clone() },
        );
    }
    if let Some(pending) =
        snapshot.pending_restart.known().filter(|pending_restarts| blue_green && !pending_restarts.is_empty())
    {
        let settings = pending.iter().map(|pending_restart| pending_restart.name.clone()).collect();
        find(Severity::Blocker, None, AuditFindingKind::PendingRestart { settings });
    }
    if blue_green {
        for override_ in snapshot.read_only_overrides.known().into_iter().flatten() {
            let (role, setting) = (override_.role.clone(), override_.setting.clone());
            find(
                Severity::Warning,
                override_.database.as_deref(),
                AuditFindingKind::ReadOnlyOverride { role, setting },
            );
        }
    }
    if replicates {
        for what in insufficient_settings(snapshot, method) {
            let elsewhere = matches!(what, AuditFindingKind::TooFew { there: true, .. }) && !blue_green;
            find(if elsewhere { Severity::Warning } else { Severity::Blocker }, None, what);
        }
    }
    let volumes =
        [("--used-fs", assumptions.used_fs_bytes), ("the size of the present volume", assumptions.allocated_bytes)];
    for (source, source_bytes) in volumes {
        if let Some(source_bytes) = source_bytes.filter(|bytes| *bytes < seen_bytes) {
            find(Severity::Warning, None, AuditFindingKind::VolumeTooSmall { source, source_bytes, seen_bytes });
        }
    }
    let elsewhere =
        snapshot.tablespaces.known().into_iter().flatten().filter(|tablespace| tablespace.location.is_some());
    let elsewhere: Vec<_> = elsewhere.filter(|tablespace| tablespace.bytes.is_none_or(|bytes| bytes > 0)).collect();
    if !elsewhere.is_empty() {
        let tablespaces = elsewhere.iter().map(|tablespace| tablespace.tablespace.clone()).collect();
        let bytes = elsewhere.iter().map(|tablespace| tablespace.bytes).sum();
        find(Severity::Warning, None, AuditFindingKind::Tablespaces { tablespaces, bytes });
    }
    for what in storage_tier_changes(assumptions, recommended) {
        find(Severity::Warning, None, what);
    }
    let method_checklist: &[&'static str] = match method {
        MoveMethod::BlueGreen | MoveMethod::BlueGreenUpgrade => &BLUE_GREEN_CHECKLIST,
        MoveMethod::Shrink => &SHRINK_CHECKLIST,
        _ => &[],
    };
    let copies_definitions = !matches!(method, MoveMethod::BlueGreen | MoveMethod::Shrink | MoveMethod::Basebackup);
    if copies_definitions && marks_new_columns(snapshot.server.version_num) {
        find(Severity::Checklist, None, AuditFindingKind::Check { text: RECENT_DUMP });
    }
    for text in method_checklist.iter().chain(&COMMON_CHECKLIST) {
        find(Severity::Checklist, None, AuditFindingKind::Check { text });
    }
    found.sort_by_key(|finding| finding.severity);
    found
}

/// Returns the limits that are too low. Per database, replication needs a slot and a walsender on this server. On the new
/// server it needs an apply worker per database, a table synchronization worker, and the launcher (PostgreSQL manual,
/// "Logical Replication", "Configuration Settings").
fn insufficient_settings(snapshot: &Snapshot, method: MoveMethod) -> Vec<AuditFindingKind> {
    let Some(settings) = snapshot.settings.known() else { return Vec::new() };
    let mut found = Vec::new();
    // From 19 on, `replica` becomes effectively `logical` with the first logical slot (PostgreSQL manual,
    // `effective_wal_level`).
    let has_effective_level = snapshot.server.version_num >= 190_000;
    let need = if has_effective_level { "replica" } else { "logical" };
    if let Some(wal_level) = settings.text("wal_level").filter(|level| ![need, "logical"].contains(level)) {
        found.push(AuditFindingKind::WalLevel { wal_level: wal_level.to_owned(), need });
    }
    let databases = snapshot.databases.known().map_or(1, |databases| {
        databases.iter().filter(|database| database.allows_connections && !database.is_template).count()
    }) as u64;
    let slots =
        snapshot.slots.known().map_or(0, |slots| slots.iter().filter(|slot| !slot.is_of_repack()).count()) as u64;
    let senders = snapshot.walsenders.known().map_or(0, Vec::len) as u64;
    let subscribed = snapshot.subscriptions.known().map_or(0, Vec::len) as u64;
    let mut needs =
        vec![("max_replication_slots", slots + databases, false), ("max_wal_senders", senders + databases, false)];
    // DMS needs no workers on the target.
    if method != MoveMethod::Dms {
        let workers = subscribed + databases + 1;
        needs.extend([("max_logical_replication_workers", workers, true), ("max_worker_processes", workers + 1, true)]);
    }
    for (name, need, on_target) in needs {
        if let Some(have) = settings.text(name).and_then(|text| text.parse::<u64>().ok()).filter(|have| *have < need) {
            found.push(AuditFindingKind::TooFew { setting: name.to_owned(), have, need, there: on_target });
        }
    }
    found
}

/// Returns the losses of performance: below 400 GiB gp3 is not striped, and gp2 has three IOPS per GiB
/// (docs/reference/providers.md#storage-performance).
fn storage_tier_changes(assumptions: &Assumptions, recommended: Option<u64>) -> Vec<AuditFindingKind> {
    let (Some(before), Some(after)) = (assumptions.allocated_bytes, recommended) else { return Vec::new() };
    if assumptions.provider != Provider::Rds || after >= before {
        return Vec::new();
    }
    let mut found = vec![AuditFindingKind::BackupAllowance { before_bytes: before, after_bytes: after }];
    let stripes = 400 * GIB;
    match assumptions.storage_type {
        Some(StorageType::Gp3) if before >= stripes && after < stripes => {
            found.push(AuditFindingKind::StorageStripe { from_bytes: before, to_bytes: after });
        }
        Some(StorageType::Gp2) => {
            let iops = |bytes: u64| (bytes / GIB * 3).clamp(100, 16_000);
            if iops(after) < iops(before) {
                found.push(AuditFindingKind::BaselineIops { before: iops(before), after: iops(after) });
            }
        }
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::marks_new_columns;

    #[test]
    fn columns_are_marked_since_november_2026() {
        for (version_num, expected) in
            [(150_018, false), (150_020, true), (180_006, false), (180_007, true), (190_000, false)]
        {
            assert_eq!(marks_new_columns(version_num), expected, "{version_num}");
        }
    }
}
