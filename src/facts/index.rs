//! Indexes.

use super::StoredBytes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The kind of constraint an index enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    PrimaryKey,
    Unique,
    Exclusion,
}

/// One row of `pg_index` with its statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub oid: u32,
    pub table_oid: u32,
    pub index: String,
    /// The index of a partitioned table: no storage of its own, its children lie on the partitions.
    pub is_partitioned: bool,
    /// The partitioned index it is attached to.
    pub parent_oid: Option<u32>,
    /// Access method: btree, gin, …
    pub method: Cow<'static, str>,
    pub tablespace: Option<String>,
    pub relpages: i64,
    pub reltuples: f64,
    pub is_unique: bool,
    pub is_primary: bool,
    pub is_exclusion: bool,
    /// Uniqueness is checked at once, not at commit.
    pub is_immediate: bool,
    pub is_valid: bool,
    pub is_ready: bool,
    pub is_live: bool,
    pub is_replica_identity: bool,
    pub is_clustered: bool,
    pub is_partial: bool,
    pub is_expression: bool,
    /// How many of the columns are key columns; the rest are INCLUDEd.
    pub key_columns_count: u32,
    /// Table column of each index column; 0 for an expression.
    pub column_numbers: Vec<i16>,
    pub constraint_name: Option<String>,
    pub constraint: Option<ConstraintKind>,
    pub size: StoredBytes,
    /// Scans since the statistics began; 0 for a partitioned index, whose children count.
    pub idx_scan: i64,
    pub idx_tup_read: i64,
    pub idx_tup_fetch: i64,
    /// Column names in order, `None` for an expression; read for the indexes that are shown.
    pub column_names: Option<Vec<Option<String>>>,
    /// `pg_get_indexdef`; read for the indexes that are shown.
    pub definition: Option<String>,
}

impl Index {
    /// Table column of each key column; 0 for an expression.
    pub fn key_columns(&self) -> &[i16] {
        self.column_numbers.get(..self.key_columns_count as usize).unwrap_or(&self.column_numbers)
    }

    /// Table columns that are INCLUDEd.
    pub fn included_columns(&self) -> &[i16] {
        self.column_numbers.get(self.key_columns_count as usize..).unwrap_or(&[])
    }
}
