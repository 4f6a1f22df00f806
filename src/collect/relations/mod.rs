//! Tables and indexes of the first round trip, with size estimates from `relpages` and their uncertainty.

pub mod index;
pub mod table;

pub use table::TableRow;

use super::sizes::{self, SizeEstimate};
use crate::facts::{Index, OidMap, OidSet};
use glob::Pattern;

/// Returns the tables that a list shows: those that are no catalogs and match its filters.
pub fn shown_tables(tables: &[TableRow], schema: Option<&Pattern>, table: Option<&Pattern>) -> OidSet {
    tables
        .iter()
        .map(|row| &row.table)
        .filter(|row| !row.is_catalog())
        .filter(|row| schema.is_none_or(|glob| glob.matches(&row.schema)))
        .filter(|row| table.is_none_or(|glob| glob.matches(&row.table)))
        .map(|row| row.oid)
        .collect()
}

/// Returns every relation that has files, and those that are measured first.
#[derive(Default)]
pub struct SizeEstimates {
    pub all: Vec<SizeEstimate>,
    pub first: Vec<u32>,
}

impl SizeEstimates {
    pub fn new(tables: &[TableRow], indexes: &[Index]) -> SizeEstimates {
        let size_estimates = size_estimates(tables, indexes);
        SizeEstimates { first: sizes::first_round(&size_estimates), all: size_estimates }
    }
}

/// Returns every relation that has files.
fn size_estimates(tables: &[TableRow], indexes: &[Index]) -> Vec<SizeEstimate> {
    let by_oid: OidMap<&TableRow> = tables.iter().map(|row| (row.table.oid, row)).collect();
    let heaps = tables
        .iter()
        .filter(|row| row.table.kind.has_storage())
        .flat_map(|row| [Some(row.heap), row.toast, row.toast_index].into_iter().flatten());
    let index_estimate = |index: &Index| match by_oid.get(&index.table_oid) {
        Some(table) => index::estimate_index_size(index, table),
        None => SizeEstimate { oid: index.oid, table_oid: index.table_oid, estimate: index.size.bytes, uncertainty: 0 },
    };
    heaps.chain(indexes.iter().filter(|index| !index.is_partitioned).map(index_estimate)).collect()
}

/// Returns the bytes of an index with this many blocks. Even an empty index has one block, which `relpages` may not
/// include yet.
fn index_bytes(pages: i64, block: u64) -> u64 {
    non_negative(pages).max(1) * block
}

/// Returns the number of rows, or -1 (unknown) for a value that is not a number: 18 before 18.6 may store one after a
/// parallel build of a GIN index (release notes 18.6), and JSON has none.
fn finite_or_unknown(reltuples: f64) -> f64 {
    if reltuples.is_finite() { reltuples } else { -1.0 }
}

fn non_negative(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_without_a_number_of_rows_are_unknown() {
        assert_eq!([5.0, 0.0, -1.0].map(finite_or_unknown), [5.0, 0.0, -1.0]);
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(finite_or_unknown), [-1.0; 3]);
    }
}
