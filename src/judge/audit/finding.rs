//! What stands in the way of a move, and what to know before it (fact sheet on slots and storage, E2, E3, E5).

use super::{Assumptions, Disk, GIB, Way};
use crate::model::{ObstacleKind, Provider, SlotType, Snapshot};
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
pub enum What {
    WayNotOffered {
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
        said: &'static str,
        said_bytes: u64,
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
pub struct Finding {
    pub severity: Severity,
    /// The database it lies in, where it is not the whole cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    #[serde(flatten)]
    pub what: What,
}

/// Extensions with a way of their own of spoiling a move.
const EXTENSIONS: [(&str, &[Way], &str); 8] = [
    (
        "pg_partman",
        &[Way::BlueGreenUpgrade, Way::LogicalReplication],
        "turn its maintenance off at the source: new partitions do not replicate",
    ),
    (
        "pg_cron",
        &[Way::BlueGreenUpgrade, Way::BlueGreen],
        "turn it off on green until switchover: its jobs would write",
    ),
    ("pglogical", &[Way::BlueGreenUpgrade], "turn it off on blue"),
    ("pgactive", &[Way::BlueGreenUpgrade], "turn it off on blue"),
    ("pgaudit", &[Way::BlueGreenUpgrade], "must stay in shared_preload_libraries of both parameter groups"),
    (
        "timescaledb",
        &[Way::LogicalReplication, Way::Dms, Way::BlueGreenUpgrade],
        "its chunks do not replicate as one table: follow its own migration guide",
    ),
    (
        "citus",
        &[Way::LogicalReplication, Way::Dms, Way::BlueGreenUpgrade],
        "distributed tables do not replicate this way",
    ),
    ("postgis_topology", &[Way::Dump], "restore it with CREATE EXTENSION first, then the data"),
];

const OF_BLUE_GREEN: [&str; 7] = [
    "automated backups are on (Blue/Green needs them)",
    "no RDS Proxy, no cascading or cross-region read replica, not a Multi-AZ DB cluster, not managed by CloudFormation",
    "the master password is not managed by Secrets Manager; zero-ETL integrations are deleted",
    "storage autoscaling: set a new maximum first, else it grows the small volume again",
    "an alarm on slot lag and on free storage is in place before the switchover",
    "the maintenance window lies elsewhere; free space covers the WAL of the hours that green is being built",
    "green reads slowly at first (lazy loading from the snapshot): warm it up before the switchover",
];
const OF_SHRINK: [&str; 3] = [
    "not a shared-core machine; the instance is down meanwhile, possibly for long",
    "automatic storage increase is off, or has a limit",
    "each read replica is shrunk by hand after the primary",
];
const OF_ALL: [&str; 2] = [
    "applications connect by a name that can be moved, and reconnect by themselves",
    "a backup was restored somewhere and looked at",
];

/// All of them for one way.
pub fn findings(
    snapshot: &Snapshot,
    way: Way,
    assumptions: &Assumptions,
    seen_bytes: u64,
    recommended: Option<u64>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut find = |severity, database: Option<&str>, what| {
        found.push(Finding { severity, database: database.map(str::to_owned), what });
    };
    let blue_green = matches!(way, Way::BlueGreen | Way::BlueGreenUpgrade);
    let replicates = matches!(way, Way::BlueGreenUpgrade | Way::LogicalReplication | Way::Dms);
    if !way.is_offered_by(assumptions.provider) {
        find(Severity::Blocker, None, What::WayNotOffered { provider: assumptions.provider });
    }
    for slot in snapshot.slots.known().into_iter().flatten() {
        let (slot_name, active, database) = (slot.slot_name.clone(), slot.active, slot.database.as_deref());
        match slot.slot_type {
            SlotType::Logical => {
                let severity = if blue_green { Severity::Blocker } else { Severity::Warning };
                find(severity, database, What::LogicalSlot { slot_name, active });
            }
            // In place and under RDS's own management they stay.
            SlotType::Physical if !matches!(way, Way::Shrink) && !blue_green => {
                find(Severity::Warning, None, What::PhysicalSlot { slot_name, active });
            }
            SlotType::Physical => {}
        }
    }
    for one in snapshot.subscriptions.known().into_iter().flatten() {
        let severity = if blue_green { Severity::Blocker } else { Severity::Warning };
        let subscription = one.subname.clone();
        let database = one.database.clone();
        find(severity, None, What::Subscription { subscription, database });
    }
    for contents in &snapshot.contents {
        let database = Some(contents.database.as_str());
        if let Some(sequences) = contents.sequences.known().filter(|it| replicates && it.count > 0) {
            find(Severity::Warning, database, What::Sequences { count: sequences.count });
        }
        for (kind, named) in contents.obstacles.known().into_iter().flat_map(|it| &it.found) {
            let (count, names) = (named.count, named.names.clone());
            match kind {
                ObstacleKind::NoReplicaIdentity if replicates => {
                    let severity = if way == Way::Dms { Severity::Warning } else { Severity::Blocker };
                    find(severity, database, What::NoReplicaIdentity { count, names });
                }
                ObstacleKind::LargeObject if replicates => {
                    let severity = if way == Way::Dms { Severity::Warning } else { Severity::Blocker };
                    find(severity, database, What::LargeObjects { count });
                }
                // The write-ahead log, which a physical copy follows, knows nothing of their rows.
                ObstacleKind::Unlogged if way != Way::Dump && way != Way::Shrink => {
                    find(Severity::Warning, database, What::UnloggedTables { count, names });
                }
                ObstacleKind::MaterializedView if replicates => {
                    find(Severity::Warning, database, What::MaterializedViews { count, names });
                }
                ObstacleKind::EventTrigger if !way.is_physical() => {
                    find(Severity::Warning, database, What::EventTriggers { count, names });
                }
                ObstacleKind::ForeignServer if way != Way::Shrink => {
                    find(Severity::Warning, database, What::ForeignServers { count, names });
                }
                ObstacleKind::Publication if blue_green => {
                    find(Severity::Warning, database, What::Publication { count, names });
                }
                ObstacleKind::Extension => {
                    for (name, ways, advice) in EXTENSIONS {
                        if ways.contains(&way) && names.iter().any(|it| it == name) {
                            find(Severity::Warning, database, What::Extension { name: name.to_owned(), advice });
                        }
                    }
                }
                _ => {}
            }
        }
    }
    if let Some(first) = snapshot.prepared_transactions.known().and_then(|all| all.first()) {
        let count = snapshot.prepared_transactions.known().map_or(0, Vec::len);
        find(Severity::Warning, Some(&first.database), What::PreparedTransactions { count, gid: first.gid.clone() });
    }
    if let Some(pending) = snapshot.pending_restart.known().filter(|all| blue_green && !all.is_empty()) {
        let settings = pending.iter().map(|it| it.name.clone()).collect();
        find(Severity::Blocker, None, What::PendingRestart { settings });
    }
    if blue_green {
        for one in snapshot.read_only_overrides.known().into_iter().flatten() {
            let (role, setting) = (one.role.clone(), one.setting.clone());
            find(Severity::Warning, one.database.as_deref(), What::ReadOnlyOverride { role, setting });
        }
    }
    if replicates {
        for what in too_little(snapshot, way) {
            let elsewhere = matches!(what, What::TooFew { there: true, .. }) && !blue_green;
            find(if elsewhere { Severity::Warning } else { Severity::Blocker }, None, what);
        }
    }
    let volumes =
        [("--used-fs", assumptions.used_fs_bytes), ("the size of the present volume", assumptions.allocated_bytes)];
    for (said, said_bytes) in volumes {
        if let Some(said_bytes) = said_bytes.filter(|bytes| *bytes < seen_bytes) {
            find(Severity::Warning, None, What::VolumeTooSmall { said, said_bytes, seen_bytes });
        }
    }
    let elsewhere = snapshot.tablespaces.known().into_iter().flatten().filter(|it| it.location.is_some());
    let elsewhere: Vec<_> = elsewhere.filter(|it| it.bytes.is_none_or(|bytes| bytes > 0)).collect();
    if !elsewhere.is_empty() {
        let tablespaces = elsewhere.iter().map(|it| it.tablespace.clone()).collect();
        let bytes = elsewhere.iter().filter_map(|it| it.bytes).sum();
        find(Severity::Warning, None, What::Tablespaces { tablespaces, bytes });
    }
    for what in cliffs(assumptions, recommended) {
        find(Severity::Warning, None, what);
    }
    let of_way: &[&'static str] = match way {
        Way::BlueGreen | Way::BlueGreenUpgrade => &OF_BLUE_GREEN,
        Way::Shrink => &OF_SHRINK,
        _ => &[],
    };
    for text in of_way.iter().chain(&OF_ALL) {
        find(Severity::Checklist, None, What::Check { text });
    }
    found.sort_by_key(|it| it.severity);
    found
}

/// Replication needs a slot and a sender here for each database, and on the new server a worker for each that applies,
/// one more that copies tables, and one that launches them (manual, "Logical Replication, Configuration Settings").
fn too_little(snapshot: &Snapshot, way: Way) -> Vec<What> {
    let Some(settings) = snapshot.settings.known() else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(wal_level) = settings.text("wal_level").filter(|level| *level != "logical") {
        found.push(What::WalLevel { wal_level: wal_level.to_owned() });
    }
    let databases = snapshot
        .databases
        .known()
        .map_or(1, |all| all.iter().filter(|it| it.allows_connections && !it.is_template).count())
        as u64;
    let slots = snapshot.slots.known().map_or(0, Vec::len) as u64;
    let senders = snapshot.walsenders.known().map_or(0, Vec::len) as u64;
    let subscribed = snapshot.subscriptions.known().map_or(0, Vec::len) as u64;
    let mut needs =
        vec![("max_replication_slots", slots + databases, false), ("max_wal_senders", senders + databases, false)];
    // DMS applies by itself.
    if way != Way::Dms {
        let workers = subscribed + databases + 1;
        needs.extend([("max_logical_replication_workers", workers, true), ("max_worker_processes", workers + 1, true)]);
    }
    for (name, need, there) in needs {
        if let Some(have) = settings.text(name).and_then(|text| text.parse::<u64>().ok()).filter(|have| *have < need) {
            found.push(What::TooFew { setting: name.to_owned(), have, need, there });
        }
    }
    found
}

/// Below 400 GiB gp3 loses its stripes; gp2 has three operations a second for each GiB (fact sheet, E5).
fn cliffs(assumptions: &Assumptions, recommended: Option<u64>) -> Vec<What> {
    let (Some(before), Some(after)) = (assumptions.allocated_bytes, recommended) else { return Vec::new() };
    if assumptions.provider != Provider::Rds || after >= before {
        return Vec::new();
    }
    let mut found = vec![What::BackupAllowance { before_bytes: before, after_bytes: after }];
    let stripes = 400 * GIB;
    match assumptions.storage_type {
        Some(Disk::Gp3) if before >= stripes && after < stripes => {
            found.push(What::StorageStripe { from_bytes: before, to_bytes: after });
        }
        Some(Disk::Gp2) => {
            let iops = |bytes: u64| (bytes / GIB * 3).clamp(100, 16_000);
            if iops(after) < iops(before) {
                found.push(What::BaselineIops { before: iops(before), after: iops(after) });
            }
        }
        _ => {}
    }
    found
}
