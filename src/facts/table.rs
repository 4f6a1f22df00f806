//! Tables and table-like relations.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of relation a row of the tables report is (`pg_class.relkind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// `relkind` `r`.
    Table,
    /// `relkind` `p`: rows are in its partitions.
    PartitionedTable,
    /// `relkind` `m`.
    MaterializedView,
    /// `relkind` `f`: rows are on another server.
    ForeignTable,
}

impl TableKind {
    /// Returns the kind as reports show it.
    pub fn name(self) -> &'static str {
        match self {
            TableKind::Table => "table",
            TableKind::PartitionedTable => "partitioned table",
            TableKind::MaterializedView => "materialized view",
            TableKind::ForeignTable => "foreign table",
        }
    }

    /// Returns whether the relation has files.
    pub fn has_storage(self) -> bool {
        matches!(self, TableKind::Table | TableKind::MaterializedView)
    }
}

/// `pg_class.relpersistence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// Its changes are in WAL.
    Permanent,
    /// Its changes are not in WAL; it is empty after a crash.
    Unlogged,
    /// It belongs to one session.
    Temporary,
}

/// Source of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeSource {
    /// The server measured the files.
    Exact,
    /// From `pg_class.relpages` of the last VACUUM or ANALYZE.
    Estimated,
}

/// The files of one relation, all forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct StoredBytes {
    /// Bytes of all forks.
    pub bytes: u64,
    /// Whether it was measured or estimated.
    pub source: SizeSource,
}

impl StoredBytes {
    /// Size of a relation without files.
    pub const NONE: StoredBytes = StoredBytes { bytes: 0, source: SizeSource::Exact };

    /// Returns the sum, which is exact only if both are.
    pub fn plus(self, other: StoredBytes) -> StoredBytes {
        StoredBytes { bytes: self.bytes + other.bytes, source: self.source.max(other.source) }
    }
}

/// A table, partitioned table, materialized view or foreign table.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct Table {
    /// `pg_class.oid`.
    pub oid: u32,
    /// `pg_namespace.nspname`.
    pub schema: String,
    /// Name of the table, unquoted (`pg_class.relname`).
    pub table: String,
    /// Kind of relation.
    pub kind: TableKind,
    /// Whether its changes are in WAL.
    pub persistence: Persistence,
    /// The partitioned table it is attached to.
    pub parent_oid: Option<u32>,
    /// The extension that owns it.
    pub extension: Option<String>,
    /// Its tablespace; `None` for the database's default.
    pub tablespace: Option<String>,
    /// Blocks of its main fork at the last VACUUM or ANALYZE.
    pub relpages: i64,
    /// The same in bytes.
    pub relpages_bytes: u64,
    /// Rows at the last VACUUM or ANALYZE; -1 (before 14: 0 with no blocks) when there was none.
    pub reltuples: f64,
    /// `age(relfrozenxid)`: transactions since the oldest unfrozen one; `None` without storage.
    pub xid_age: Option<i64>,
    /// `pg_class.reltoastrelid`; `None` without a TOAST relation.
    pub toast_oid: Option<u32>,
    /// Bytes of the heap, all forks, without TOAST and indexes.
    pub heap: StoredBytes,
    /// Size of the TOAST relation with its index; 0 without a TOAST relation.
    pub toast: StoredBytes,
    /// Live chunks of the TOAST relation from the statistics, otherwise from its last VACUUM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toast_chunks: Option<u64>,
    /// `pg_stat_all_tables.n_live_tup`.
    pub live_rows: i64,
    /// `pg_stat_all_tables.n_dead_tup`.
    pub dead_rows: i64,
    /// `pg_stat_all_tables.n_mod_since_analyze`.
    pub modified_since_analyze: i64,
    /// `pg_stat_all_tables.n_ins_since_vacuum`.
    pub inserted_since_vacuum: i64,
    /// `pg_stat_all_tables.seq_scan`.
    pub seq_scan: i64,
    /// `pg_stat_all_tables.n_tup_ins`.
    pub rows_inserted: i64,
    /// `pg_stat_all_tables.n_tup_upd`, including HOT updates.
    pub rows_updated: i64,
    /// `pg_stat_all_tables.n_tup_hot_upd`.
    pub rows_hot_updated: i64,
    /// `pg_stat_all_tables.n_tup_del`.
    pub rows_deleted: i64,
    /// Last manual VACUUM; `None` if none is recorded.
    pub last_vacuum: Option<Timestamp>,
    /// Last VACUUM by autovacuum; `None` if none is recorded.
    pub last_autovacuum: Option<Timestamp>,
    /// Last manual ANALYZE; `None` if none is recorded.
    pub last_analyze: Option<Timestamp>,
    /// Last ANALYZE by autovacuum; `None` if none is recorded.
    pub last_autoanalyze: Option<Timestamp>,
}

impl Table {
    /// Returns whether it is a system catalog.
    pub fn is_catalog(&self) -> bool {
        matches!(self.schema.as_str(), "pg_catalog" | "information_schema" | "pg_toast")
    }

    /// Returns whether it stores large objects.
    pub fn is_large_objects(&self) -> bool {
        self.schema == "pg_catalog" && self.table == "pg_largeobject"
    }

    /// Returns whether VACUUM or ANALYZE has recorded its size. Before 14, false also for an empty vacuumed table.
    pub fn was_measured(&self) -> bool {
        self.relpages > 0 || self.reltuples > 0.0
    }

    /// Returns the bytes of a block; 8 kB unless the server was built with another block size.
    pub fn block_bytes(&self) -> u64 {
        let pages = u64::try_from(self.relpages).unwrap_or(0);
        block_size_or_default(self.relpages_bytes.checked_div(pages).unwrap_or(0))
    }

    /// Returns the rows like the planner: those of the last VACUUM or ANALYZE, scaled if the table has clearly grown since.
    /// Before the first one, the rows of the statistics; `None` if these are 0 and the table is not empty.
    pub fn row_estimate(&self) -> Option<u64> {
        // The free space map and the visibility map may take a few blocks.
        let grown = self.heap.bytes > self.relpages_bytes + self.relpages_bytes / 5 + 5 * 8_192;
        if self.was_measured() {
            let growth = if grown && self.relpages_bytes > 0 {
                self.heap.bytes as f64 / self.relpages_bytes as f64
            } else {
                1.0
            };
            Some((self.reltuples.max(0.0) * growth) as u64)
        } else if self.live_rows > 0 || self.rows_deleted > 0 {
            u64::try_from(self.live_rows).ok()
        } else if self.kind.has_storage() && self.heap.bytes == 0 {
            Some(0)
        } else {
            None
        }
    }
}

/// Returns the block size if it is valid (PostgreSQL manual, 17.3.3, `--with-blocksize`), otherwise 8 kB: a snapshot file
/// may have been edited, and sizes are divided by it.
pub(super) fn block_size_or_default(bytes: u64) -> u64 {
    if bytes.is_power_of_two() && (1_024..=32_768).contains(&bytes) { bytes } else { 8_192 }
}

#[cfg(test)]
mod tests {
    use super::block_size_or_default;

    #[test]
    fn invalid_block_size_falls_back_to_default() {
        assert_eq!([0, 1, 1_000, 65_536, u64::MAX].map(block_size_or_default), [8_192; 5]);
        assert_eq!([1_024, 8_192, 32_768].map(block_size_or_default), [1_024, 8_192, 32_768]);
    }
}
