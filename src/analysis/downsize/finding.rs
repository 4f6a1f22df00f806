//! What stands in the way of a move, and what to know before it (fact sheet on slots and storage, E2, E3, E5).

use super::{Assumptions, GIB, MoveMethod, StorageType};
use crate::facts::{ObstacleKind, Provider, SlotType, Snapshot};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The move does not work, or loses data, until it is dealt with.
    Blocker,
    Warning,
    /// SQL cannot see it: somebody has to look.
    Checklist,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "id", rename_all = "snake_case")]
pub enum AuditFindingKind {
    MethodNotOffered {
        provider: Provider,
    },
    LogicalSlot {
        slot_name: String,
        active: bool,
    },
    PhysicalSlot {
        slot_name: String,
        active: bool,
    },
    Subscription {
        subscription: String,
        database: String,
    },
    NoReplicaIdentity {
        count: u64,
        names: Vec<String>,
    },
    LargeObjects {
        count: u64,
    },
    UnloggedTables {
        count: u64,
        names: Vec<String>,
    },
    Sequences {
        count: u64,
    },
    MaterializedViews {
        count: u64,
        names: Vec<String>,
    },
    EventTriggers {
        count: u64,
        names: Vec<String>,
    },
    ForeignServers {
        count: u64,
        names: Vec<String>,
    },
    Extension {
        name: String,
        advice: &'static str,
    },
    PreparedTransactions {
        count: usize,
        gid: String,
    },
    PendingRestart {
        settings: Vec<String>,
    },
    ReadOnlyOverride {
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        setting: String,
    },
    WalLevel {
        wal_level: String,
    },
    TooFew {
        setting: String,
        have: u64,
        need: u64,
        /// It counts on the server that the move leads to.
        there: bool,
    },
    Publication {
        count: u64,
        names: Vec<String>,
    },
    Tablespaces {
        tablespaces: Vec<String>,
        bytes: u64,
    },
    VolumeTooSmall {
        source: &'static str,
        source_bytes: u64,
        seen_bytes: u64,
    },
    StorageStripe {
        from_bytes: u64,
        to_bytes: u64,
    },
    BaselineIops {
        before: u64,
        after: u64,
    },
    BackupAllowance {
        before_bytes: u64,
        after_bytes: u64,
    },
    Check {
        text: &'static str,
    },
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditFinding {
    pub severity: Severity,
    /// The database it lies in, where it is not the whole cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    #[serde(flatten)]
    pub kind: AuditFindingKind,
}

/// Extensions with a way of their own of spoiling a move.
const EXTENSIONS: [(&str, &[MoveMethod], &str); 8] = [
    (
        "pg_partman",
        &[MoveMethod::BlueGreenUpgrade, MoveMethod::LogicalReplication],
        "turn its maintenance off at the source: new partitions do not replicate",
    ),
    (
        "pg_cron",
        &[MoveMethod::BlueGreenUpgrade, MoveMethod::BlueGreen],
        "turn it off on green until switchover: its jobs would write",
    ),
    ("pglogical", &[MoveMethod::BlueGreenUpgrade], "turn it off on blue"),
    ("pgactive", &[MoveMethod::BlueGreenUpgrade], "turn it off on blue"),
    ("pgaudit", &[MoveMethod::BlueGreenUpgrade], "must stay in shared_preload_libraries of both parameter groups"),
    (
        "timescaledb",
        &[MoveMethod::LogicalReplication, MoveMethod::Dms, MoveMethod::BlueGreenUpgrade],
        "its chunks do not replicate as one table: follow its own migration guide",
    ),
    (
        "citus",
        &[MoveMethod::LogicalReplication, MoveMethod::Dms, MoveMethod::BlueGreenUpgrade],
        "distributed tables do not replicate this way",
    ),
    ("postgis_topology", &[MoveMethod::Dump], "restore it with CREATE EXTENSION first, then the data"),
];

const BLUE_GREEN_CHECKLIST: [&str; 7] = [
    "automated backups are on (Blue/Green needs them)",
    "no RDS Proxy, no cascading or cross-region read replica, not a Multi-AZ DB cluster, not managed by CloudFormation",
    "the master password is not managed by Secrets Manager; zero-ETL integrations are deleted",
    "storage autoscaling: set a new maximum first, else it grows the small volume again",
    "an alarm on slot lag and on free storage is in place before the switchover",
    "the maintenance window lies elsewhere; free space covers the WAL of the hours that green is being built",
    "green reads slowly at first (lazy loading from the snapshot): warm it up before the switchover",
];
const SHRINK_CHECKLIST: [&str; 3] = [
    "not a shared-core machine; the instance is down meanwhile, possibly for long",
    "automatic storage increase is off, or has a limit",
    "each read replica is shrunk by hand after the primary",
];
const COMMON_CHECKLIST: [&str; 2] = [
    "applications connect by a name that can be moved, and reconnect by themselves",
    "a backup was restored somewhere and looked at",
];

/// All of them for one way.
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
    for slot in snapshot.slots.known().into_iter().flatten() {
        let (slot_name, active, database) = (slot.slot_name.clone(), slot.active, slot.database.as_deref());
        match slot.slot_type {
            SlotType::Logical => {
                let severity = if blue_green { Severity::Blocker } else { Severity::Warning };
                find(severity, database, AuditFindingKind::LogicalSlot { slot_name, active });
            }
            // In place and under RDS's own management they stay.
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
        if let Some(sequences) = db.sequences.known().filter(|it| replicates && it.count > 0) {
            find(Severity::Warning, database, AuditFindingKind::Sequences { count: sequences.count });
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
                // The write-ahead log, which a physical copy follows, knows nothing of their rows.
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
                        if methods.contains(&method) && names.iter().any(|it| it == name) {
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
        if let Some(said_bytes) = source_bytes.filter(|bytes| *bytes < seen_bytes) {
            find(
                Severity::Warning,
                None,
                AuditFindingKind::VolumeTooSmall { source, source_bytes: said_bytes, seen_bytes },
            );
        }
    }
    let elsewhere =
        snapshot.tablespaces.known().into_iter().flatten().filter(|tablespace| tablespace.location.is_some());
    let elsewhere: Vec<_> = elsewhere.filter(|tablespace| tablespace.bytes.is_none_or(|bytes| bytes > 0)).collect();
    if !elsewhere.is_empty() {
        let tablespaces = elsewhere.iter().map(|tablespace| tablespace.tablespace.clone()).collect();
        let bytes = elsewhere.iter().filter_map(|tablespace| tablespace.bytes).sum();
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
    for text in method_checklist.iter().chain(&COMMON_CHECKLIST) {
        find(Severity::Checklist, None, AuditFindingKind::Check { text });
    }
    found.sort_by_key(|finding| finding.severity);
    found
}

/// Replication needs a slot and a sender here for each database, and on the new server a worker for each that applies,
/// one more that copies tables, and one that launches them (manual, "Logical Replication, Configuration Settings").
fn insufficient_settings(snapshot: &Snapshot, method: MoveMethod) -> Vec<AuditFindingKind> {
    let Some(settings) = snapshot.settings.known() else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(wal_level) = settings.text("wal_level").filter(|level| *level != "logical") {
        found.push(AuditFindingKind::WalLevel { wal_level: wal_level.to_owned() });
    }
    let databases = snapshot
        .databases
        .known()
        .map_or(1, |all| all.iter().filter(|database| database.allows_connections && !database.is_template).count())
        as u64;
    let slots = snapshot.slots.known().map_or(0, Vec::len) as u64;
    let senders = snapshot.walsenders.known().map_or(0, Vec::len) as u64;
    let subscribed = snapshot.subscriptions.known().map_or(0, Vec::len) as u64;
    let mut needs =
        vec![("max_replication_slots", slots + databases, false), ("max_wal_senders", senders + databases, false)];
    // DMS applies by itself.
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

/// Below 400 GiB gp3 loses its stripes; gp2 has three operations a second for each GiB (fact sheet, E5).
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
