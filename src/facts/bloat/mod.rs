//! Bloat: what a relation takes beyond what its live rows would take if it were written anew.

pub(super) mod btree;
pub(super) mod heap;
pub(super) mod row_width;

pub use btree::BtreePages;
pub use heap::HeapTuples;

use super::{DatabaseSnapshot, Fact, Index, IndexKey, Table, TableColumns, Visibility};
use serde::{Deserialize, Serialize};

/// How a bloat came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BloatSource {
    /// Every page was read (`pgstattuple`, `pgstatindex`).
    Exact,
    /// From the statistics of the last ANALYZE.
    Estimated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bloat {
    pub bytes: u64,
    pub source: BloatSource,
}

impl Bloat {
    pub const NONE: Bloat = Bloat { bytes: 0, source: BloatSource::Exact };

    /// Both together: exact only when both are.
    pub fn plus(self, other: Bloat) -> Bloat {
        Bloat { bytes: self.bytes + other.bytes, source: self.source.max(other.source) }
    }

    fn estimated(taken: u64, needed: u64) -> Bloat {
        Bloat { bytes: taken.saturating_sub(needed), source: BloatSource::Estimated }
    }
}

/// Why there is no estimate where there could be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EstimateError {
    /// The statistics were not read.
    NotRead,
    NeverAnalyzed,
    NoSelect,
    RowSecurity,
}

pub(super) fn check_visibility(visibility: Visibility) -> Result<(), EstimateError> {
    match visibility {
        Visibility::Visible => Ok(()),
        Visibility::NoSelect => Err(EstimateError::NoSelect),
        Visibility::RowSecurity => Err(EstimateError::RowSecurity),
    }
}

/// The heap's bloat by the statistics; `None` for what has no heap of its own.
pub fn estimate_table(table: &Table, columns: Option<&TableColumns>) -> Result<Option<Bloat>, EstimateError> {
    if !table.kind.has_storage() {
        return Ok(None);
    }
    if table.heap.bytes == 0 {
        return Ok(Some(Bloat::NONE));
    }
    if !table.was_measured() {
        return Err(EstimateError::NeverAnalyzed);
    }
    let columns = columns.ok_or(EstimateError::NotRead)?;
    check_visibility(columns.visibility)?;
    let rows = table.row_estimate().ok_or(EstimateError::NeverAnalyzed)?;
    let block = table.block_bytes();
    let needed = heap::packed_bytes(rows, columns, block).ok_or(EstimateError::NeverAnalyzed)?;
    Ok(Some(Bloat::estimated(table.main_fork_bytes(), needed)))
}

/// The index's bloat by the statistics; `None` where it is not estimated: B-trees only. How many distinct combinations
/// several columns have nobody counts: as many as they could have is taken, so that the estimate is rather too low.
pub fn estimate_index(index: &Index, table: &Table, key: Option<&IndexKey>) -> Result<Option<Bloat>, EstimateError> {
    if !index.is_estimated() {
        return Ok(None);
    }
    if !table.was_measured() {
        return match index.size.bytes <= table.block_bytes() {
            true => Ok(Some(Bloat::NONE)),
            false => Err(EstimateError::NeverAnalyzed),
        };
    }
    let key = key.ok_or(EstimateError::NotRead)?;
    // A `name` is stored without its padding, and how long it is without nobody counts.
    if key.columns.iter().any(|(layout, _)| layout.attlen == -2) {
        return Ok(None);
    }
    check_visibility(key.visibility)?;
    let table_rows = table.row_estimate().ok_or(EstimateError::NeverAnalyzed)?;
    let columns: Option<Vec<_>> = key.columns.iter().map(|(layout, found)| Some((*layout, (*found)?))).collect();
    let columns = columns.filter(|columns| !columns.is_empty()).ok_or(EstimateError::NeverAnalyzed)?;
    let keys = btree::IndexedRows {
        rows: if index.is_partial { index.partial_rows(table, table_rows) } else { table_rows },
        table_rows,
        is_partial: index.is_partial,
        // A unique index is built without: there is nothing to share.
        deduplicates: key.deduplicates && !index.is_unique,
    };
    let needed = btree::packed_bytes(&keys, &columns, key.fillfactor, table.block_bytes());
    Ok(Some(Bloat::estimated(index.size.bytes, needed)))
}

impl DatabaseSnapshot {
    /// A table's bloat, measured where every page was read, else estimated.
    pub fn table_bloat(&self, table: &Table) -> Result<Option<Bloat>, EstimateError> {
        let measured = self.heap_tuples.as_ref().and_then(Fact::known).and_then(|heaps| heaps.get(&table.oid));
        match measured {
            Some(tuples) => Ok(Some(tuples.bloat())),
            None => estimate_table(table, self.table_columns.known().and_then(|columns| columns.get(&table.oid))),
        }
    }

    /// An index's bloat, measured where every page was read, else estimated.
    pub fn index_bloat(&self, index: &Index, table: &Table) -> Result<Option<Bloat>, EstimateError> {
        let measured = self.btree_pages.as_ref().and_then(Fact::known).and_then(|btrees| btrees.get(&index.oid));
        match measured {
            Some(pages) => Ok(Some(pages.bloat())),
            None => estimate_index(index, table, self.index_keys.known().and_then(|keys| keys.get(&index.oid))),
        }
    }
}

impl Index {
    /// Its bloat can be told from statistics.
    pub fn is_estimated(&self) -> bool {
        self.method == "btree" && !self.is_partitioned
    }

    /// Rows of a partial index: as counted last, in proportion to its table.
    pub(super) fn partial_rows(&self, table: &Table, table_rows: u64) -> u64 {
        let growth = if table.reltuples > 0.0 { table_rows as f64 / table.reltuples } else { 1.0 };
        (self.reltuples.max(0.0) * growth) as u64
    }
}

#[cfg(test)]
mod tests;
