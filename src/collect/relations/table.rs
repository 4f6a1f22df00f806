//! A row of `tables.sql`.

use super::{index_bytes, non_negative};
use crate::collect::sizes::SizeEstimate;
use crate::facts::{Persistence, SizeSource, StoredBytes, Table, TableKind};
use crate::postgres::{BorrowedText, Oid, Row, RowError, Text, columns};
use jiff::Timestamp;

/// A table with its TOAST relation.
pub struct TableRow {
    pub table: Table,
    pub heap: SizeEstimate,
    pub toast: Option<SizeEstimate>,
    pub toast_index: Option<SizeEstimate>,
}

columns! {
    /// Names of the columns, in the order of the query.
    pub struct Columns<'row> {
        oid: Oid,
        schema: Text,
        table: Text,
        relkind: BorrowedText<'row>,
        relpersistence: BorrowedText<'row>,
        parent_oid: Option<Oid>,
        extension: Option<Text>,
        tablespace: Option<Text>,
        block_size: i64,
        relpages: i32,
        reltuples: f64,
        relallvisible: i32,
        xid_age: Option<i32>,
        toast_oid: Option<Oid>,
        toast_relpages: Option<i32>,
        toast_reltuples: Option<f64>,
        toast_relallvisible: Option<i32>,
        toast_index_oid: Option<Oid>,
        toast_index_relpages: Option<i32>,
        live_rows: i64,
        dead_rows: i64,
        modified_since_analyze: i64,
        inserted_since_vacuum: i64,
        seq_scan: i64,
        rows_inserted: i64,
        rows_updated: i64,
        rows_hot_updated: i64,
        rows_deleted: i64,
        last_vacuum: Option<Timestamp>,
        last_autovacuum: Option<Timestamp>,
        last_analyze: Option<Timestamp>,
        last_autoanalyze: Option<Timestamp>,
        toast_live_rows: Option<i64>,
        toast_dead_rows: Option<i64>,
        toast_inserted_since_vacuum: Option<i64>,
    }
}

/// Maximum size of a row in a block, for the upper bound of a change.
const MAX_ROW_BYTES: u64 = 8_192;
const MAX_TOAST_CHUNK_BYTES: u64 = 2_048;

/// Decodes one.
pub fn decode_table(row: &Row) -> Result<TableRow, RowError> {
    let row = Columns::from_row(row)?;
    let block = non_negative(row.block_size);
    let kind = match &*row.relkind.0 {
        "p" => TableKind::PartitionedTable,
        "m" => TableKind::MaterializedView,
        "f" => TableKind::ForeignTable,
        _ => TableKind::Table,
    };
    let persistence = match &*row.relpersistence.0 {
        "u" => Persistence::Unlogged,
        "t" => Persistence::Temporary,
        _ => Persistence::Permanent,
    };
    let relpages = i64::from(row.relpages);
    let all_visible = row.relallvisible > 0;
    let measured = relpages > 0 || row.reltuples > 0.0;

    let heap_estimate = if kind.has_storage() { heap_bytes(relpages, all_visible, block) } else { 0 };
    // A crash truncates unlogged tables, but does not change relpages.
    let unlogged_bytes = if persistence == Persistence::Unlogged { heap_estimate.max(block) } else { 0 };
    let changed_rows = if measured {
        non_negative(row.modified_since_analyze)
    } else {
        non_negative(row.live_rows).saturating_add(non_negative(row.dead_rows))
    };
    let table_oid = row.oid.0;
    let heap = SizeEstimate {
        oid: table_oid,
        table_oid,
        estimate: heap_estimate,
        uncertainty: max_uncertainty(changed_rows, MAX_ROW_BYTES, unlogged_bytes),
    };

    let toast_pages = row.toast_relpages.map_or(0, i64::from);
    let toast_all_visible = row.toast_relallvisible.unwrap_or(0) > 0;
    let toast_measured = toast_pages > 0 || row.toast_reltuples.unwrap_or(0.0) > 0.0;
    let toast_changed_rows = if toast_measured {
        non_negative(row.toast_inserted_since_vacuum.unwrap_or(0))
    } else {
        non_negative(row.toast_live_rows.unwrap_or(0)).saturating_add(non_negative(row.toast_dead_rows.unwrap_or(0)))
    };
    let counted_chunks = row.toast_live_rows.map(non_negative).filter(|rows| *rows > 0);
    let vacuumed_chunks = row.toast_reltuples.filter(|rows| *rows > 0.0).map(|rows| rows as u64);
    let toast = row.toast_oid.map(|Oid(oid)| SizeEstimate {
        oid,
        table_oid,
        estimate: heap_bytes(toast_pages, toast_all_visible, block),
        uncertainty: max_uncertainty(toast_changed_rows, MAX_TOAST_CHUNK_BYTES, unlogged_bytes),
    });
    let toast_index = row.toast_index_oid.map(|Oid(oid)| {
        let pages = i64::from(row.toast_index_relpages.unwrap_or(0));
        // An entry of a TOAST index takes 24 bytes, including free space after page splits.
        SizeEstimate {
            oid,
            table_oid,
            estimate: index_bytes(pages, block),
            uncertainty: max_uncertainty(toast_changed_rows, 48, unlogged_bytes),
        }
    });

    let estimated = |doubt: &SizeEstimate| StoredBytes { bytes: doubt.estimate, source: SizeSource::Estimated };
    let toast_bytes =
        [&toast, &toast_index].into_iter().flatten().fold(StoredBytes::NONE, |sum, part| sum.plus(estimated(part)));
    let table = Table {
        oid: heap.oid,
        schema: row.schema.0,
        table: row.table.0,
        kind,
        persistence,
        parent_oid: row.parent_oid.map(|oid| oid.0),
        extension: row.extension.map(|text| text.0),
        tablespace: row.tablespace.map(|text| text.0),
        relpages,
        relpages_bytes: non_negative(relpages) * block,
        reltuples: super::finite_or_unknown(row.reltuples),
        xid_age: row.xid_age.map(i64::from),
        toast_oid: row.toast_oid.map(|oid| oid.0),
        heap: if kind.has_storage() { estimated(&heap) } else { StoredBytes::NONE },
        toast: toast_bytes,
        toast_chunks: counted_chunks.or(vacuumed_chunks),
        live_rows: row.live_rows,
        dead_rows: row.dead_rows,
        modified_since_analyze: row.modified_since_analyze,
        inserted_since_vacuum: row.inserted_since_vacuum,
        seq_scan: row.seq_scan,
        rows_inserted: row.rows_inserted,
        rows_updated: row.rows_updated,
        rows_hot_updated: row.rows_hot_updated,
        rows_deleted: row.rows_deleted,
        last_vacuum: row.last_vacuum,
        last_autovacuum: row.last_autovacuum,
        last_analyze: row.last_analyze,
        last_autoanalyze: row.last_autoanalyze,
    };
    Ok(TableRow { table, heap, toast, toast_index })
}

/// Returns the maximum size in bytes of this many rows and of what a crash may have truncated. Saturates, because
/// counters may have any value.
fn max_uncertainty(rows: u64, row_bytes: u64, unlogged_bytes: u64) -> u64 {
    rows.saturating_mul(row_bytes).saturating_add(unlogged_bytes)
}

/// Returns the bytes of a heap or TOAST relation with this many blocks, including its free space and visibility maps.
fn heap_bytes(pages: i64, all_visible: bool, block: u64) -> u64 {
    let pages = u64::try_from(pages).unwrap_or(0);
    // A free space map has at least three levels of one block, and one leaf per 4,069 blocks. VACUUM creates it even for
    // a single block, and so does an insert that searches for space after the first block. A block of a visibility map
    // covers 32,672 blocks (src/backend/storage/freespace/README).
    let free_space = if pages > 1 || (pages == 1 && all_visible) { 3 + pages / 4_069 } else { 0 };
    let visibility = if all_visible { 1 + pages / 32_672 } else { 0 };
    (pages + free_space + visibility) * block
}
