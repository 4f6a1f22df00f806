//! Tables and indexes as the first look finds them: first an estimate of every size from `relpages`, and with it how far
//! the estimate may be from the truth.

pub mod index;
pub mod table;

pub use table::TableRow;

use crate::facts::OidSet;
use glob::Pattern;

/// The tables that a list shows: no catalogs, and what matches its filters.
pub fn shown_tables(tables: &[TableRow], schema: Option<&Pattern>, table: Option<&Pattern>) -> OidSet {
    tables
        .iter()
        .map(|row| &row.table)
        .filter(|it| !it.is_catalog())
        .filter(|it| schema.is_none_or(|glob| glob.matches(&it.schema)))
        .filter(|it| table.is_none_or(|glob| glob.matches(&it.table)))
        .map(|it| it.oid)
        .collect()
}

/// Bytes of an index of so many blocks: an empty one has a block too, even where `relpages` says nothing yet.
fn index_bytes(pages: i64, block: u64) -> u64 {
    non_negative(pages).max(1) * block
}

fn non_negative(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
