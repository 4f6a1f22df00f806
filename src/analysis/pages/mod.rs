//! How rows and index entries lie on pages: the model that bloat and size after a copy share.

pub mod btree;
pub mod deduplication;
pub mod heap;
mod row_width;

pub use row_width::{MAX_ALIGN, Width};

use crate::facts::{ColumnStatistics, Index, Table};

/// The header of every page (PostgreSQL 18 manual, 66.6 "Database Page Layout").
pub const PAGE_HEADER: u64 = 24;
/// The pointer at the start of a page to each of its rows or entries.
pub const LINE_POINTER: f64 = 4.0;

/// Returns the rows of an index. Of a partial index: the rows that were counted last, in proportion to its table.
pub fn indexed_rows(index: &Index, table: &Table, table_rows: u64) -> u64 {
    if !index.is_partial {
        return table_rows;
    }
    let growth = if table.reltuples > 0.0 { table_rows as f64 / table.reltuples } else { 1.0 };
    (index.reltuples.max(0.0) * growth) as u64
}

/// Whether a partial index of so many rows is taken to have no row with a null in the column.
///
/// A partial index that could hold exactly the rows without a null most likely does (`WHERE … IS NOT NULL`). Both numbers
/// come from samples, so a quarter more is allowed.
pub fn excludes_nulls(rows: f64, table_rows: f64, null_frac: f64) -> bool {
    rows <= table_rows * (1.0 - null_frac) * 1.25
}

/// Returns the number of distinct values of a column: `filled`, the rows without a null, where it is unknown.
pub fn distinct_values(statistics: ColumnStatistics, table_rows: f64, filled: f64) -> f64 {
    match statistics.n_distinct {
        0.0 => filled,
        share if share < 0.0 => -share * table_rows,
        count => count,
    }
}
