//! A small table made by hand, for the rules' tests: everything is known, the window is a year, limits are waived.

use super::{DropPlan, plan_drops};
use crate::analysis::index::{IndexFinding, IndexLimits, Verdict};
use crate::facts::history::DatabaseIndexHistory;
use crate::facts::{
    ConstraintKind, Correlation, DatabaseSnapshot, Fact, ForeignKey, Index, IndexKeys, IndexTexts, OperatorClass,
    Persistence, SizeSource, Snapshot, StatisticsResets, StoredBytes, Table, TableKind,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const TABLE: u32 = 20_000;

pub struct Shop {
    pub days: u64,
    pub limits: IndexLimits,
    pub table_scans: i64,
    pub track_counts: bool,
    pub standbys: Vec<&'static str>,
    pub indexes: Vec<IndexBuilder>,
    pub foreign_keys: Vec<ForeignKey>,
    pub correlations: Vec<Correlation>,
    pub is_building: bool,
    pub history: Option<DatabaseIndexHistory>,
}

/// One index being made.
pub struct IndexBuilder {
    pub oid: u32,
    index: Index,
    keys: IndexKeys,
    texts: IndexTexts,
}

impl Default for Shop {
    fn default() -> Shop {
        let limits = IndexLimits { min_observation_seconds: 0, min_reclaim_bytes: 0, ..IndexLimits::default() };
        Shop {
            days: 365,
            limits,
            table_scans: 7,
            track_counts: true,
            standbys: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            correlations: Vec::new(),
            is_building: false,
            history: None,
        }
    }
}

impl Shop {
    pub fn index(&mut self, name: &str, columns: &[i16]) -> &mut IndexBuilder {
        let oid = 30_000 + u32::try_from(self.indexes.len()).unwrap();
        let index = Index {
            oid,
            table_oid: TABLE,
            index: name.to_owned(),
            is_partitioned: false,
            parent_oid: None,
            method: "btree".into(),
            tablespace: None,
            relpages: 1_280,
            reltuples: 1e5,
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
            key_columns_count: u32::try_from(columns.len()).unwrap(),
            column_numbers: columns.to_vec(),
            withdrawn_type: None,
            constraint_name: None,
            constraint: None,
            size: StoredBytes { bytes: 10 << 20, source: SizeSource::Exact },
            idx_scan: 0,
            idx_tup_read: 0,
            idx_tup_fetch: 0,
            column_names: None,
            definition: None,
        };
        let keys = IndexKeys {
            operator_classes: vec![1; columns.len()],
            collations: vec![100; columns.len()],
            options: vec![0; columns.len()],
            parameters: Vec::new(),
            storage: Vec::new(),
            nulls_not_distinct: false,
            is_not_null: false,
        };
        self.indexes.push(IndexBuilder { oid, index, keys, texts: IndexTexts::default() });
        self.indexes.last_mut().unwrap()
    }

    pub fn foreign_key(&mut self, columns: &[i16], target: u32) {
        self.foreign_keys.push(ForeignKey {
            constraint_name: format!("fk_{}", self.foreign_keys.len()),
            table_oid: if target == 0 { TABLE } else { TABLE + 1 },
            column_numbers: columns.to_vec(),
            target_index_oid: target,
            is_enforced: true,
        });
    }

    pub fn correlation(&mut self, number: i16, correlation: f64) {
        self.correlations.push(Correlation { table_oid: TABLE, number, correlation });
    }

    pub fn building(&mut self) {
        self.is_building = true;
    }

    pub fn plan(&self) -> DropPlan {
        let (snapshot, db) = self.snapshot();
        plan_drops(&snapshot, &db, self.history.as_ref(), &self.limits)
    }

    pub fn snapshot(&self) -> (Snapshot, DatabaseSnapshot) {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let mut snapshot: Snapshot = serde_json::from_value(json!({
            "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": now,
            "server": {"version_num": 170_000, "version": "", "database": "shop", "role": "me",
                "role_is_superuser": true, "role_may_replicate": true, "role_is_monitor": true, "in_recovery": false,
                "started_at": now, "requested_at": now, "block_size_bytes": 8192, "wal_segment_bytes": 16_777_216},
        }))
        .unwrap();
        let names = self.standbys.iter();
        let walsenders: Vec<_> = names
            .enumerate()
            .map(|(pid, name)| {
                json!({"pid": pid, "application_name": name, "role": null, "client_addr": null, "backend_start": null,
                    "state": "streaming", "sent_lsn": null, "flush_lsn": null, "replay_lsn": null})
            })
            .collect();
        snapshot.walsenders = serde_json::from_value(json!({"known": walsenders})).unwrap();
        snapshot.slots = Fact::Known(Vec::new());
        snapshot.control = serde_json::from_value(json!({"known": {"system_identifier": "1", "timeline_id": 1,
            "checkpoint_lsn": "0/1", "redo_lsn": "0/1", "checkpoint_time": now, "next_xid": "1"}}))
        .unwrap_or_else(|_| panic!("the control file's fields have changed"));
        let mut db: DatabaseSnapshot = serde_json::from_value(json!({"database": "shop"})).unwrap();
        let since = now - SignedDuration::from_hours(24 * i64::try_from(self.days).unwrap());
        db.statistics_resets = Fact::Known(StatisticsResets {
            database_reset: None,
            shared_reset: Some(since),
            track_counts: self.track_counts,
        });
        db.tables = Fact::Known(vec![self.table()]);
        db.indexes = Fact::Known(self.indexes.iter().map(|made| made.index.clone()).collect());
        let facts = &mut db.index_facts;
        facts.keys = Fact::Known(self.indexes.iter().map(|made| (made.oid, made.keys.clone())).collect());
        facts.texts = Fact::Known(self.indexes.iter().map(|made| (made.oid, made.texts.clone())).collect());
        let class = |family: u32| (family, OperatorClass { family, input_type: 25 });
        facts.operator_classes = Fact::Known([1, 2].map(class).into());
        facts.foreign_keys = Fact::Known(self.foreign_keys.clone());
        facts.dependents = Fact::Known(Vec::new());
        facts.builds = Fact::Known(self.is_building.then_some(TABLE).into_iter().collect());
        facts.uncounted_roles = Fact::Known(Vec::new());
        facts.correlations = Fact::Known(self.correlations.clone());
        (snapshot, db)
    }

    fn table(&self) -> Table {
        let none = StoredBytes::NONE;
        Table {
            oid: TABLE,
            schema: "shop".to_owned(),
            table: "items".to_owned(),
            kind: TableKind::Table,
            persistence: Persistence::Permanent,
            parent_oid: None,
            extension: None,
            tablespace: None,
            relpages: 1_000,
            relpages_bytes: 8_192_000,
            reltuples: 1e5,
            xid_age: None,
            toast_oid: None,
            heap: none,
            toast: none,
            toast_chunks: None,
            live_rows: 100_000,
            dead_rows: 0,
            modified_since_analyze: 0,
            inserted_since_vacuum: 0,
            seq_scan: self.table_scans,
            rows_inserted: 100_000,
            rows_updated: 0,
            rows_hot_updated: 0,
            rows_deleted: 0,
            last_vacuum: None,
            last_autovacuum: None,
            last_analyze: None,
            last_autoanalyze: None,
        }
    }
}

impl IndexBuilder {
    fn change(&mut self, change: impl FnOnce(&mut IndexBuilder)) -> &mut IndexBuilder {
        change(self);
        self
    }

    pub fn scans(&mut self, scans: u64) -> &mut IndexBuilder {
        self.change(|builder| builder.index.idx_scan = i64::try_from(scans).unwrap())
    }

    pub fn size(&mut self, bytes: u64) -> &mut IndexBuilder {
        self.change(|builder| builder.index.size.bytes = bytes)
    }

    pub fn class(&mut self, oid: u32) -> &mut IndexBuilder {
        self.change(|builder| builder.keys.operator_classes[0] = oid)
    }

    pub fn collation(&mut self, oid: u32) -> &mut IndexBuilder {
        self.change(|builder| builder.keys.collations[0] = oid)
    }

    pub fn options(&mut self, options: &[i16]) -> &mut IndexBuilder {
        self.change(|builder| builder.keys.options = options.to_vec())
    }

    pub fn storage(&mut self, option: &str) -> &mut IndexBuilder {
        self.change(|builder| builder.keys.storage.push(option.to_owned()))
    }

    pub fn method(&mut self, method: &str) -> &mut IndexBuilder {
        self.change(|builder| builder.index.method = method.to_owned().into())
    }

    /// The last columns are no keys.
    pub fn include(&mut self, columns: u32) -> &mut IndexBuilder {
        self.change(|builder| builder.index.key_columns_count -= columns)
    }

    pub fn predicate(&mut self, text: &str) -> &mut IndexBuilder {
        self.change(|builder| {
            builder.index.is_partial = true;
            builder.texts.predicate = Some(text.to_owned());
        })
    }

    pub fn expression(&mut self, text: &str) -> &mut IndexBuilder {
        self.change(|builder| {
            builder.index.is_expression = true;
            builder.texts.expressions.push(text.to_owned());
        })
    }

    pub fn unique(&mut self) -> &mut IndexBuilder {
        self.change(|builder| builder.index.is_unique = true)
    }

    pub fn not_null(&mut self) -> &mut IndexBuilder {
        self.change(|builder| builder.keys.is_not_null = true)
    }

    pub fn nulls_not_distinct(&mut self) -> &mut IndexBuilder {
        self.change(|builder| builder.keys.nulls_not_distinct = true)
    }

    pub fn deferrable(&mut self) -> &mut IndexBuilder {
        self.change(|builder| builder.index.is_immediate = false)
    }

    pub fn constraint(&mut self, kind: ConstraintKind) -> &mut IndexBuilder {
        self.change(|builder| {
            builder.index.constraint = Some(kind);
            builder.index.constraint_name = Some(builder.index.index.clone());
        })
    }

    pub fn replica_identity(&mut self) -> &mut IndexBuilder {
        self.change(|builder| builder.index.is_replica_identity = true)
    }

    pub fn clustered(&mut self) -> &mut IndexBuilder {
        self.change(|builder| builder.index.is_clustered = true)
    }

    pub fn partitioned(&mut self) -> &mut IndexBuilder {
        self.change(|builder| builder.index.is_partitioned = true)
    }

    pub fn invalid(&mut self) -> &mut IndexBuilder {
        self.change(|builder| {
            builder.index.is_valid = false;
            builder.index.is_ready = false;
        })
    }
}

pub fn verdict(plan: &DropPlan, oid: u32) -> Verdict {
    plan.verdicts().iter().find(|index_verdict| index_verdict.oid == oid).unwrap().verdict
}

pub fn findings(plan: &DropPlan, oid: u32) -> Vec<IndexFinding> {
    plan.verdicts().iter().find(|index_verdict| index_verdict.oid == oid).unwrap().findings.clone()
}
