//! A row of `indexes.sql`.

use super::{TableRow, count, index_bytes};
use crate::{
    inspect::sizes::Doubt,
    model::{ConstraintKind, Index, Persistence, SizeSource, StoredBytes},
    pg::{Lent, Oid, Row, RowError, Text, columns},
};
use std::borrow::Cow;

columns! {
    /// Its columns as they travel.
    pub struct Columns<'row> {
        oid: Oid,
        table_oid: Oid,
        index: Text,
        relkind: Lent<'row>,
        parent_oid: Option<Oid>,
        method: Lent<'row>,
        tablespace: Option<Text>,
        block_size: i64,
        relpages: i32,
        reltuples: f64,
        is_unique: bool,
        is_primary: bool,
        is_exclusion: bool,
        is_immediate: bool,
        is_valid: bool,
        is_ready: bool,
        is_live: bool,
        is_replica_identity: bool,
        is_clustered: bool,
        is_partial: bool,
        is_expression: bool,
        key_columns_count: i32,
        column_numbers: Vec<i16>,
        constraint_name: Option<Text>,
        constraint_type: Option<Lent<'row>>,
        idx_scan: i64,
        idx_tup_read: i64,
        idx_tup_fetch: i64,
    }
}

/// The longest index tuple, for the worst case of what a change may have added.
const LONGEST_TUPLE: u64 = 2_704;

/// Decodes one.
pub fn decode(row: &Row) -> Result<Index, RowError> {
    let row = Columns::of(row)?;
    let relpages = i64::from(row.relpages);
    let is_partitioned = row.relkind.0 == "I";
    let size = if is_partitioned {
        StoredBytes::NONE
    } else {
        StoredBytes { bytes: index_bytes(relpages, count(row.block_size)), source: SizeSource::Estimated }
    };
    Ok(Index {
        oid: row.oid.0,
        table_oid: row.table_oid.0,
        index: row.index.0,
        is_partitioned,
        parent_oid: row.parent_oid.map(|oid| oid.0),
        method: access_method(row.method.0),
        tablespace: row.tablespace.map(|text| text.0),
        relpages,
        reltuples: row.reltuples,
        is_unique: row.is_unique,
        is_primary: row.is_primary,
        is_exclusion: row.is_exclusion,
        is_immediate: row.is_immediate,
        is_valid: row.is_valid,
        is_ready: row.is_ready,
        is_live: row.is_live,
        is_replica_identity: row.is_replica_identity,
        is_clustered: row.is_clustered,
        is_partial: row.is_partial,
        is_expression: row.is_expression,
        key_columns_count: row.key_columns_count.unsigned_abs(),
        column_numbers: row.column_numbers,
        constraint_name: row.constraint_name.map(|text| text.0),
        constraint: row.constraint_type.map(|kind| match &*kind.0 {
            "p" => ConstraintKind::PrimaryKey,
            "x" => ConstraintKind::Exclusion,
            _ => ConstraintKind::Unique,
        }),
        size,
        idx_scan: row.idx_scan,
        idx_tup_read: row.idx_tup_read,
        idx_tup_fetch: row.idx_tup_fetch,
        column_names: None,
        definition: None,
    })
}

/// The server's own have names that need not be kept for each index.
fn access_method(name: Cow<'_, str>) -> Cow<'static, str> {
    let own = ["btree", "hash", "gist", "gin", "spgist", "brin"];
    own.into_iter().find(|own| *own == name).map_or_else(|| Cow::Owned(name.into_owned()), Cow::Borrowed)
}

/// How far an index's estimate may be off: what changed in its table may have grown it.
pub fn doubt(index: &Index, table: &TableRow) -> Doubt {
    let unseen = if table.table.was_measured() {
        count(table.table.modified_since_analyze)
    } else {
        count(table.table.live_rows).saturating_add(count(table.table.dead_rows))
    };
    let forgotten = if table.table.persistence == Persistence::Unlogged { index.size.bytes } else { 0 };
    Doubt {
        oid: index.oid,
        table_oid: index.table_oid,
        estimate: index.size.bytes,
        doubt: unseen.saturating_mul(LONGEST_TUPLE).saturating_add(forgotten),
    }
}
