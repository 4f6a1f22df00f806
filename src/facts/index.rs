//! Indexes.

use super::StoredBytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The kind of constraint an index enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// `pg_constraint.contype = 'p'`.
    PrimaryKey,
    /// `pg_constraint.contype = 'u'`.
    Unique,
    /// `pg_constraint.contype = 'x'`.
    Exclusion,
}

/// A key type whose equal values a B-tree no longer stores in one tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawnType {
    /// `char(n)`.
    Bpchar,
    /// `oidvector`.
    Oidvector,
}

impl WithdrawnType {
    /// Returns the type of this name in `pg_type`.
    pub fn from_name(name: &str) -> Option<WithdrawnType> {
        match name {
            "bpchar" => Some(WithdrawnType::Bpchar),
            "oidvector" => Some(WithdrawnType::Oidvector),
            _ => None,
        }
    }
}

/// One row of `pg_index` with its statistics.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct Index {
    /// `pg_index.indexrelid`.
    pub oid: u32,
    /// `pg_index.indrelid`.
    pub table_oid: u32,
    /// Name of the index, unquoted (`pg_class.relname`).
    pub index: String,
    /// Whether it is the index of a partitioned table, which has no storage; its children are indexes of the partitions.
    pub is_partitioned: bool,
    /// The partitioned index it is attached to.
    pub parent_oid: Option<u32>,
    /// Access method: btree, gin, …
    pub method: Cow<'static, str>,
    /// Its tablespace; `None` for the database's default.
    pub tablespace: Option<String>,
    /// Blocks at the last VACUUM or ANALYZE (`pg_class.relpages`).
    pub relpages: i64,
    /// Rows at the last VACUUM or ANALYZE (`pg_class.reltuples`); -1 when there was none (before 14: 0).
    pub reltuples: f64,
    /// `pg_index.indisunique`.
    pub is_unique: bool,
    /// `pg_index.indisprimary`.
    pub is_primary: bool,
    /// `pg_index.indisexclusion`.
    pub is_exclusion: bool,
    /// Whether uniqueness is checked immediately, not at commit.
    pub is_immediate: bool,
    /// `pg_index.indisvalid`: queries may use it.
    pub is_valid: bool,
    /// `pg_index.indisready`: writes maintain it.
    pub is_ready: bool,
    /// `pg_index.indislive`; false while it is being dropped.
    pub is_live: bool,
    /// `pg_index.indisreplident`.
    pub is_replica_identity: bool,
    /// `pg_index.indisclustered`: CLUSTER without an index name uses it.
    pub is_clustered: bool,
    /// `pg_index.indpred` is not null.
    pub is_partial: bool,
    /// `pg_index.indexprs` is not null.
    pub is_expression: bool,
    /// Number of key columns; the remaining columns are INCLUDE columns.
    pub key_columns_count: u32,
    /// Table column of each index column; 0 for an expression.
    pub column_numbers: Vec<i16>,
    /// The key type that ends deduplication in newer releases; `None` for a B-tree without such a key, and for one that
    /// was never deduplicated because of another column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_type: Option<WithdrawnType>,
    /// `pg_constraint.conname` of the constraint that it enforces; `None` without one.
    pub constraint_name: Option<String>,
    /// Kind of that constraint; `None` without one.
    pub constraint: Option<ConstraintKind>,
    /// Bytes of all forks.
    pub size: StoredBytes,
    /// Scans since the last reset; 0 for a partitioned index, whose scans are counted by its children.
    pub idx_scan: i64,
    /// `pg_stat_all_indexes.idx_tup_read`: index entries returned by scans.
    pub idx_tup_read: i64,
    /// `pg_stat_all_indexes.idx_tup_fetch`: table rows fetched by plain index scans.
    pub idx_tup_fetch: i64,
    /// Column names in order, `None` for an expression; read for the indexes that are shown.
    pub column_names: Option<Vec<Option<String>>>,
    /// `pg_get_indexdef`; read for the indexes that are shown.
    pub definition: Option<String>,
}

impl Index {
    /// Returns the table column of each key column; 0 for an expression.
    pub fn key_columns(&self) -> &[i16] {
        self.column_numbers.get(..self.key_columns_count as usize).unwrap_or(&self.column_numbers)
    }

    /// Returns the table columns in INCLUDE.
    pub fn included_columns(&self) -> &[i16] {
        self.column_numbers.get(self.key_columns_count as usize..).unwrap_or(&[])
    }
}
