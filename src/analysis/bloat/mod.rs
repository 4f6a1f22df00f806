//! Bloat: the bytes of a relation that a rewrite of its live rows would free.

mod btree;
mod heap;

pub use btree::{can_estimate_index, measured_btree_bloat, rebuilt_index_bytes};
pub use heap::measured_heap_bloat;

use super::pages::deduplication::may_predate_withdrawal;
use crate::facts::{DatabaseSnapshot, Fact, Index, Table, Visibility};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the bloat was determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BloatSource {
    /// Every page was read (`pgstattuple`, `pgstatindex`).
    Exact,
    /// From the statistics of the last ANALYZE.
    Estimated,
}

/// The bloat of one relation, or of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Bloat {
    /// Bytes that a rewrite would free.
    pub bytes: u64,
    /// How the number was determined.
    pub source: BloatSource,
}

impl Bloat {
    /// No bloat: the relation is empty.
    pub const NONE: Bloat = Bloat { bytes: 0, source: BloatSource::Exact };

    /// Returns the sum, which is exact only when both are.
    pub fn plus(self, other: Bloat) -> Bloat {
        Bloat { bytes: self.bytes + other.bytes, source: self.source.max(other.source) }
    }

    fn estimated(size: u64, needed: u64) -> Bloat {
        Bloat { bytes: size.saturating_sub(needed), source: BloatSource::Estimated }
    }
}

/// Why a relation has no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EstimateError {
    /// The statistics were not read.
    NotRead,
    /// The relation, or one of its columns, has no statistics.
    NeverAnalyzed,
    /// The role may not SELECT every column.
    NoSelect,
    /// Row-level security hides the statistics from the role.
    RowSecurity,
}

/// Returns the reason why the statistics are not visible, as an error.
pub fn check_visibility(visibility: Visibility) -> Result<(), EstimateError> {
    match visibility {
        Visibility::Visible => Ok(()),
        Visibility::NoSelect => Err(EstimateError::NoSelect),
        Visibility::RowSecurity => Err(EstimateError::RowSecurity),
    }
}

/// Returns the bloat of a table's heap, measured where every page was read, else estimated; `None` for a relation without
/// a heap of its own.
///
/// # Errors
///
/// The heap was not read and cannot be estimated.
pub fn table_bloat(db: &DatabaseSnapshot, table: &Table) -> Result<Option<Bloat>, EstimateError> {
    let measured = db.heap_tuples.as_ref().and_then(Fact::known).and_then(|heaps| heaps.get(&table.oid));
    match measured {
        Some(tuples) => Ok(Some(measured_heap_bloat(tuples))),
        None => heap::estimate_table(table, db.table_columns.known().and_then(|columns| columns.get(&table.oid))),
    }
}

/// Returns the bloat of an index, measured where every page was read, else estimated; `None` for an access method without
/// an estimate. `version_num` is the `server_version_num` of the server that would rebuild it.
///
/// Pages of shared tuples that a rebuild by this version does not share say nothing about the size after the rebuild: the
/// estimate is used if it is smaller.
///
/// # Errors
///
/// The index was not read and cannot be estimated.
pub fn index_bloat(
    db: &DatabaseSnapshot,
    index: &Index,
    table: &Table,
    version_num: u32,
) -> Result<Option<Bloat>, EstimateError> {
    let measured = db.btree_pages.as_ref().and_then(Fact::known).and_then(|btrees| btrees.get(&index.oid));
    let estimate = || {
        let key = db.index_keys.known().and_then(|keys| keys.get(&index.oid));
        btree::estimate_index(index, table, key, version_num)
    };
    match measured.map(measured_btree_bloat) {
        Some(measured) if may_predate_withdrawal(index, version_num) && measured.bytes > 0 => {
            Ok(estimate()?.map(|estimated| if estimated.bytes < measured.bytes { estimated } else { measured }))
        }
        Some(measured) => Ok(Some(measured)),
        None => estimate(),
    }
}

#[cfg(test)]
mod tests;
