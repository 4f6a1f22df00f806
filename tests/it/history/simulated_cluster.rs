//! A simulated cluster: the snapshots that it would have at times chosen by the test.

#![allow(dead_code, reason = "used by some of the tests")]

use jiff::{SignedDuration, Timestamp};
use pgtend::facts::{
    ControlFile, DatabaseSnapshot, Fact, Index, Persistence, Slot, SlotType, Snapshot, StatisticsResets, StoredBytes,
    Table, TableKind, TimelineHistory, WalPosition, WalStatus,
};
use pgtend::units::Lsn;
use serde_json::json;

pub const MB: u64 = 1 << 20;

#[derive(Clone)]
pub struct SimulatedCluster {
    pub now: Timestamp,
    pub address: Option<String>,
    pub promoted_at: Option<Timestamp>,
    pub system_identifier: String,
    pub timeline_id: u32,
    pub lsn: u64,
    pub started_at: Timestamp,
    pub in_recovery: bool,
    pub database_reset: Option<Timestamp>,
    pub shared_reset: Option<Timestamp>,
    pub next_oid: u32,
    pub tables: Vec<Table>,
    pub indexes: Vec<Index>,
    pub slots: Vec<Slot>,
    pub wal_directory_bytes: u64,
}

impl SimulatedCluster {
    /// A cluster on the first of January, 2025, at three in the morning.
    pub fn new() -> SimulatedCluster {
        let now: Timestamp = "2025-01-01T03:00:00Z".parse().unwrap();
        SimulatedCluster {
            now,
            address: Some("db1:5432".into()),
            promoted_at: None,
            system_identifier: "7300000000000000001".into(),
            timeline_id: 1,
            lsn: 0x1_0000_0000,
            started_at: now - SignedDuration::from_hours(100),
            in_recovery: false,
            database_reset: None,
            shared_reset: Some(now - SignedDuration::from_hours(200)),
            next_oid: 20_000,
            tables: Vec::new(),
            indexes: Vec::new(),
            slots: Vec::new(),
            wal_directory_bytes: 80 * MB,
        }
    }

    pub fn advance(&mut self, hours: i64, wal_bytes: u64) {
        self.now += SignedDuration::from_hours(hours);
        self.lsn += wal_bytes;
    }

    pub fn oid(&mut self) -> u32 {
        self.next_oid += 1;
        self.next_oid
    }

    pub fn add_table(&mut self, name: &str, bytes: u64) -> u32 {
        let oid = self.oid();
        let heap = StoredBytes { bytes, ..StoredBytes::NONE };
        self.tables.push(Table {
            oid,
            schema: "shop".into(),
            table: name.into(),
            kind: TableKind::Table,
            persistence: Persistence::Permanent,
            parent_oid: None,
            extension: None,
            tablespace: None,
            relpages: (bytes / 8_192) as i64,
            relpages_bytes: bytes,
            reltuples: 0.0,
            xid_age: None,
            toast_oid: None,
            heap,
            toast: StoredBytes::NONE,
            toast_chunks: None,
            live_rows: 0,
            dead_rows: 0,
            modified_since_analyze: 0,
            inserted_since_vacuum: 0,
            seq_scan: 0,
            rows_inserted: 0,
            rows_updated: 0,
            rows_hot_updated: 0,
            rows_deleted: 0,
            last_vacuum: None,
            last_autovacuum: None,
            last_analyze: None,
            last_autoanalyze: None,
        });
        oid
    }

    pub fn add_index(&mut self, name: &str, table_oid: u32, bytes: u64) -> u32 {
        let oid = self.oid();
        self.indexes.push(Index {
            oid,
            table_oid,
            index: name.into(),
            is_partitioned: false,
            parent_oid: None,
            method: "btree".into(),
            tablespace: None,
            relpages: (bytes / 8_192) as i64,
            reltuples: 0.0,
            is_unique: false,
            is_primary: false,
            is_exclusion: false,
            is_immediate: true,
            is_valid: true,
            is_ready: true,
            is_live: true,
            is_replica_identity: false,
            is_clustered: false,
            is_partial: false,
            is_expression: false,
            key_columns_count: 1,
            column_numbers: vec![1],
            withdrawn_type: None,
            constraint_name: None,
            constraint: None,
            size: StoredBytes { bytes, ..StoredBytes::NONE },
            idx_scan: 0,
            idx_tup_read: 0,
            idx_tup_fetch: 0,
            column_names: None,
            definition: None,
        });
        oid
    }

    pub fn add_slot(&mut self, name: &str) {
        let current_lsn = Some(Lsn::new(self.lsn));
        self.slots.push(Slot {
            slot_name: name.into(),
            plugin: Some("pgoutput".into()),
            slot_type: SlotType::Logical,
            database: Some("shop".into()),
            temporary: false,
            active: false,
            active_pid: None,
            restart_lsn: current_lsn,
            confirmed_flush_lsn: current_lsn,
            wal_status: Some(WalStatus::Reserved),
            safe_wal_size: None,
            xmin_age: None,
            catalog_xmin_age: None,
            two_phase: None,
            two_phase_at: None,
            conflicting: None,
            inactive_since: Some(self.now),
            invalidation_reason: None,
            failover: None,
            synced: None,
            slotsync_skip_reason: None,
            slotsync_skip_count: None,
            slotsync_last_skip: None,
            repack: None,
        });
    }

    pub fn table(&mut self, name: &str) -> &mut Table {
        self.tables.iter_mut().find(|table| table.table == name).unwrap()
    }

    pub fn index(&mut self, name: &str) -> &mut Index {
        self.indexes.iter_mut().find(|index| index.index == name).unwrap()
    }

    pub fn slot(&mut self, name: &str) -> &mut Slot {
        self.slots.iter_mut().find(|slot| slot.slot_name == name).unwrap()
    }

    pub fn drop_index(&mut self, name: &str) {
        self.indexes.retain(|index| index.index != name);
    }

    pub fn add_scans(&mut self, name: &str, times: i64) {
        self.index(name).idx_scan += times;
    }

    fn reset_counters(&mut self) {
        for index in &mut self.indexes {
            index.idx_scan = 0;
        }
    }

    /// The effect of `pg_stat_reset()`.
    pub fn reset_statistics(&mut self) {
        self.reset_counters();
        self.database_reset = Some(self.now);
    }

    pub fn restart(&mut self) {
        self.started_at = self.now;
        for slot in &mut self.slots {
            slot.active = false;
            slot.inactive_since = Some(self.now);
        }
    }

    /// Crash and restart: all statistics are lost.
    pub fn crash(&mut self) {
        self.restart();
        self.reset_counters();
        self.database_reset = None;
        self.shared_reset = Some(self.now);
    }

    /// Promotion of a standby that has run for a while and has its own counters.
    pub fn promote_standby(&mut self, standby_started_at: Timestamp) {
        self.reset_counters();
        self.timeline_id += 1;
        self.promoted_at = Some(self.now);
        self.started_at = standby_started_at;
        self.database_reset = None;
        self.shared_reset = Some(standby_started_at);
    }

    /// Returns a copy restored from a backup taken now, running since then.
    pub fn restored_copy(&self) -> SimulatedCluster {
        let mut copy = self.clone();
        copy.reset_counters();
        copy.address = None;
        copy.timeline_id += 1;
        copy.started_at = copy.now + SignedDuration::from_hours(1);
        copy
    }

    pub fn database_bytes(&self) -> u64 {
        let heaps: u64 = self.tables.iter().map(|table| table.heap.bytes).sum();
        heaps + self.indexes.iter().map(|index| index.size.bytes).sum::<u64>()
    }

    pub fn snapshot(&self) -> Snapshot {
        let server = json!({
            "version_num": 170_006, "version": "PostgreSQL 17.6", "database": "shop", "role": "pgtend",
            "role_is_superuser": false, "role_may_replicate": false, "role_is_monitor": true,
            "in_recovery": self.in_recovery, "started_at": self.started_at, "requested_at": self.now,
            "block_size_bytes": 8192, "wal_segment_bytes": 16 * MB,
        });
        let text = json!({
            "schema_version": 1, "command": "snapshot", "pgtend_version": "0.1.0", "collected_at": self.now,
            "server": server,
            "wal_directory": {"known": {"directory_bytes": self.wal_directory_bytes, "files": 5, "recycled_files": 0,
                "recycled_bytes": 0, "oldest_lsn": null, "oldest_modified_at": null}},
            "databases": {"known": [{"database": "shop", "owner": "app", "tablespace": null, "encoding": "UTF8",
                "allows_connections": true, "is_template": false, "may_connect": true,
                "bytes": self.database_bytes(), "connections": 1, "xid_age": 1, "multixact_age": 1,
                "temp_bytes_written": 0, "stats_reset": null}]},
        });
        let mut snapshot: Snapshot = serde_json::from_value(text).unwrap();
        snapshot.address = self.address.clone();
        snapshot.timeline_history = Fact::Known(TimelineHistory {
            file_name: self.promoted_at.map(|_| format!("{:08X}.history", self.timeline_id)),
            modified_at: self.promoted_at,
        });
        snapshot.control = Fact::Known(ControlFile {
            system_identifier: self.system_identifier.clone(),
            timeline_id: self.timeline_id,
            redo_lsn: Lsn::new(self.lsn - 1_000),
            checkpoint_lsn: Lsn::new(self.lsn - 500),
            checkpoint_time: self.now - SignedDuration::from_mins(2),
        });
        snapshot.wal_position = Fact::Known(WalPosition {
            current_lsn: Some(Lsn::new(self.lsn)),
            replay_lsn: None,
            requested_at: self.now,
        });
        snapshot.slots = Fact::Known(self.slots.clone());
        let mut database_snapshot: DatabaseSnapshot = serde_json::from_value(json!({"database": "shop"})).unwrap();
        database_snapshot.database_bytes = Fact::Known(self.database_bytes());
        database_snapshot.tables = Fact::Known(self.tables.clone());
        database_snapshot.indexes = Fact::Known(self.indexes.clone());
        database_snapshot.statistics_resets = Fact::Known(StatisticsResets {
            database_reset: self.database_reset,
            shared_reset: self.shared_reset,
            track_counts: true,
        });
        snapshot.database_snapshots = vec![database_snapshot];
        snapshot
    }
}
