//! Decoding the rows of `tables.sql` and `indexes.sql`: first an estimate of every size from `relpages`, and with it
//! how far the estimate may be from the truth.

use super::sizes::Doubt;
use crate::{
    model::{ConstraintKind, Index, Persistence, SizeSource, StoredBytes, Table, TableKind},
    pg::{Row, RowError, Text},
};
use glob::Pattern;
use jiff::Timestamp;
use std::collections::HashSet;

/// A table as its row tells it, with what its TOAST relation's row says.
pub struct TableRow {
    pub table: Table,
    pub heap: Doubt,
    pub toast: Option<Doubt>,
    pub toast_index: Option<Doubt>,
}

/// The tables that a list shows: no catalogs, and what matches its filters.
pub fn shown(tables: &[TableRow], schema: Option<&Pattern>, table: Option<&Pattern>) -> HashSet<u32> {
    tables
        .iter()
        .map(|row| &row.table)
        .filter(|it| !it.is_catalog())
        .filter(|it| schema.is_none_or(|glob| glob.matches(&it.schema)))
        .filter(|it| table.is_none_or(|glob| glob.matches(&it.table)))
        .map(|it| it.oid)
        .collect()
}

/// The longest row or index tuple a block can hold, for the worst case of what a change may have added.
const LONGEST_ROW: u64 = 8_192;
const LONGEST_TOAST_CHUNK: u64 = 2_048;
const LONGEST_INDEX_TUPLE: u64 = 2_704;

fn text(row: &Row, column: &str) -> Result<String, RowError> {
    row.try_get::<_, Text>(column).map(|text| text.0)
}

fn optional_text(row: &Row, column: &str) -> Result<Option<String>, RowError> {
    Ok(row.try_get::<_, Option<Text>>(column)?.map(|text| text.0))
}

/// OIDs travel as int8, which every driver and JSON know.
fn oid(row: &Row, column: &str) -> Result<u32, RowError> {
    Ok(row.try_get::<_, i64>(column)? as u32)
}

fn optional_oid(row: &Row, column: &str) -> Result<Option<u32>, RowError> {
    Ok(row.try_get::<_, Option<i64>>(column)?.map(|oid| oid as u32))
}

/// Bytes of a heap or TOAST relation of so many blocks with its free space and visibility maps.
fn heap_bytes(pages: i64, all_visible: bool, block: u64) -> u64 {
    let pages = u64::try_from(pages).unwrap_or(0);
    // A free space map has at least three levels of one block and a leaf for each 4,069 blocks. VACUUM makes one for a
    // single block, an insert that has looked for room beyond the first block does, too. A visibility map covers
    // 32,672 blocks a block. (src/backend/storage/freespace/README)
    let free_space = if pages > 1 || (pages == 1 && all_visible) { 3 + pages / 4_069 } else { 0 };
    let visibility = if all_visible { 1 + pages / 32_672 } else { 0 };
    (pages + free_space + visibility) * block
}

/// Bytes of an index of so many blocks: an empty one has a block too, even where `relpages` says nothing yet.
fn index_bytes(pages: i64, block: u64) -> u64 {
    count(pages).max(1) * block
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub fn table(row: &Row) -> Result<TableRow, RowError> {
    let block = count(row.try_get("block_size")?);
    let kind = match text(row, "relkind")?.as_str() {
        "p" => TableKind::PartitionedTable,
        "m" => TableKind::MaterializedView,
        "f" => TableKind::ForeignTable,
        _ => TableKind::Table,
    };
    let persistence = match text(row, "relpersistence")?.as_str() {
        "u" => Persistence::Unlogged,
        "t" => Persistence::Temporary,
        _ => Persistence::Permanent,
    };
    let relpages = i64::from(row.try_get::<_, i32>("relpages")?);
    let reltuples: f64 = row.try_get("reltuples")?;
    let all_visible = row.try_get::<_, i32>("relallvisible")? > 0;
    let live_rows: i64 = row.try_get("live_rows")?;
    let dead_rows: i64 = row.try_get("dead_rows")?;
    let modified_since_analyze: i64 = row.try_get("modified_since_analyze")?;
    let toast_oid = optional_oid(row, "toast_oid")?;
    let measured = relpages > 0 || reltuples > 0.0;

    let heap_estimate = if kind.has_storage() { heap_bytes(relpages, all_visible, block) } else { 0 };
    // A crash empties unlogged tables and leaves relpages as they were.
    let forgotten = if persistence == Persistence::Unlogged { heap_estimate.max(block) } else { 0 };
    let unseen_rows = if measured { count(modified_since_analyze) } else { count(live_rows) + count(dead_rows) };
    let table_oid = oid(row, "oid")?;
    let heap =
        Doubt { oid: table_oid, table_oid, estimate: heap_estimate, doubt: unseen_rows * LONGEST_ROW + forgotten };

    let toast_pages = row.try_get::<_, Option<i32>>("toast_relpages")?.map_or(0, i64::from);
    let toast_all_visible = row.try_get::<_, Option<i32>>("toast_relallvisible")?.unwrap_or(0) > 0;
    let toast_measured = toast_pages > 0 || row.try_get::<_, Option<f64>>("toast_reltuples")?.unwrap_or(0.0) > 0.0;
    let toast_unseen = if toast_measured {
        count(row.try_get::<_, Option<i64>>("toast_inserted_since_vacuum")?.unwrap_or(0))
    } else {
        count(row.try_get::<_, Option<i64>>("toast_live_rows")?.unwrap_or(0))
            + count(row.try_get::<_, Option<i64>>("toast_dead_rows")?.unwrap_or(0))
    };
    let counted = row.try_get::<_, Option<i64>>("toast_live_rows")?.map(count).filter(|rows| *rows > 0);
    let vacuumed = row.try_get::<_, Option<f64>>("toast_reltuples")?.filter(|rows| *rows > 0.0);
    let toast_chunks = counted.or(vacuumed.map(|rows| rows as u64));
    let toast = toast_oid.map(|oid| Doubt {
        oid,
        table_oid,
        estimate: heap_bytes(toast_pages, toast_all_visible, block),
        doubt: toast_unseen * LONGEST_TOAST_CHUNK + forgotten,
    });
    let toast_index = optional_oid(row, "toast_index_oid")?.map(|oid| {
        let pages = row.try_get::<_, Option<i32>>("toast_index_relpages").ok().flatten().unwrap_or(0);
        // An entry of a TOAST index takes 24 bytes, with room for page splits.
        Doubt { oid, table_oid, estimate: index_bytes(i64::from(pages), block), doubt: toast_unseen * 48 + forgotten }
    });

    let estimated = |doubt: &Doubt| StoredBytes { bytes: doubt.estimate, source: SizeSource::Estimated };
    let toast_bytes =
        [&toast, &toast_index].into_iter().flatten().fold(StoredBytes::NONE, |sum, part| sum.plus(estimated(part)));
    let table = Table {
        oid: heap.oid,
        schema: text(row, "schema")?,
        table: text(row, "table")?,
        kind,
        persistence,
        parent_oid: optional_oid(row, "parent_oid")?,
        extension: optional_text(row, "extension")?,
        tablespace: optional_text(row, "tablespace")?,
        relpages,
        relpages_bytes: count(relpages) * block,
        reltuples,
        xid_age: row.try_get::<_, Option<i32>>("xid_age")?.map(i64::from),
        toast_oid,
        heap: if kind.has_storage() { estimated(&heap) } else { StoredBytes::NONE },
        toast: toast_bytes,
        toast_chunks,
        live_rows,
        dead_rows,
        modified_since_analyze,
        inserted_since_vacuum: row.try_get("inserted_since_vacuum")?,
        seq_scan: row.try_get("seq_scan")?,
        rows_inserted: row.try_get("rows_inserted")?,
        rows_updated: row.try_get("rows_updated")?,
        rows_hot_updated: row.try_get("rows_hot_updated")?,
        rows_deleted: row.try_get("rows_deleted")?,
        last_vacuum: row.try_get::<_, Option<Timestamp>>("last_vacuum")?,
        last_autovacuum: row.try_get::<_, Option<Timestamp>>("last_autovacuum")?,
        last_analyze: row.try_get::<_, Option<Timestamp>>("last_analyze")?,
        last_autoanalyze: row.try_get::<_, Option<Timestamp>>("last_autoanalyze")?,
    };
    Ok(TableRow { table, heap, toast, toast_index })
}

pub fn index(row: &Row) -> Result<Index, RowError> {
    let block = count(row.try_get("block_size")?);
    let relpages = i64::from(row.try_get::<_, i32>("relpages")?);
    let is_partitioned = text(row, "relkind")? == "I";
    let size = if is_partitioned {
        StoredBytes::NONE
    } else {
        StoredBytes { bytes: index_bytes(relpages, block), source: SizeSource::Estimated }
    };
    Ok(Index {
        oid: oid(row, "oid")?,
        table_oid: oid(row, "table_oid")?,
        index: text(row, "index")?,
        is_partitioned,
        parent_oid: optional_oid(row, "parent_oid")?,
        method: text(row, "method")?,
        tablespace: optional_text(row, "tablespace")?,
        relpages,
        reltuples: row.try_get("reltuples")?,
        is_unique: row.try_get("is_unique")?,
        is_primary: row.try_get("is_primary")?,
        is_exclusion: row.try_get("is_exclusion")?,
        is_immediate: row.try_get("is_immediate")?,
        is_valid: row.try_get("is_valid")?,
        is_ready: row.try_get("is_ready")?,
        is_live: row.try_get("is_live")?,
        is_replica_identity: row.try_get("is_replica_identity")?,
        is_clustered: row.try_get("is_clustered")?,
        is_partial: row.try_get("is_partial")?,
        is_expression: row.try_get("is_expression")?,
        key_columns_count: row.try_get::<_, i32>("key_columns_count")?.unsigned_abs(),
        column_numbers: row.try_get("column_numbers")?,
        constraint_name: optional_text(row, "constraint_name")?,
        constraint: optional_text(row, "constraint_type")?.map(|kind| match kind.as_str() {
            "p" => ConstraintKind::PrimaryKey,
            "x" => ConstraintKind::Exclusion,
            _ => ConstraintKind::Unique,
        }),
        size,
        idx_scan: row.try_get("idx_scan")?,
        idx_tup_read: row.try_get("idx_tup_read")?,
        idx_tup_fetch: row.try_get("idx_tup_fetch")?,
        column_names: None,
        definition: None,
    })
}

/// How far an index's estimate may be off: what changed in its table may have grown it.
pub fn index_doubt(index: &Index, table: &TableRow) -> Doubt {
    let unseen = if table.table.was_measured() {
        count(table.table.modified_since_analyze)
    } else {
        count(table.table.live_rows) + count(table.table.dead_rows)
    };
    let forgotten = if table.table.persistence == Persistence::Unlogged { index.size.bytes } else { 0 };
    Doubt {
        oid: index.oid,
        table_oid: index.table_oid,
        estimate: index.size.bytes,
        doubt: unseen * LONGEST_INDEX_TUPLE + forgotten,
    }
}
