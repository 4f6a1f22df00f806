//! A whole database after a logical copy.

use super::{Basis, Forecast, forecast_heap, forecast_index, forecast_toast};
use crate::analysis::bloat::EstimateError;
use crate::facts::{DatabaseSnapshot, Fact, Index, Persistence, Table, Unavailable};
use std::collections::{BTreeMap, HashMap};

/// Files of a database that belong to no relation (docs/reference/sizes-and-bloat.md#files-other-than-relations).
const NON_RELATION_BYTES: u64 = 160 << 10;

/// Kind of a predicted relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationPart {
    /// The heap of a table with its maps.
    Heap,
    /// The TOAST relation of a table with its index.
    Toast,
    /// An index of a table.
    Index,
}

/// One relation with files.
#[derive(Clone, Debug, PartialEq)]
pub struct CopiedRelation<'a> {
    /// Kind of the relation.
    pub part: RelationPart,
    /// Its table.
    pub table: &'a Table,
    /// The index; `None` for a heap or TOAST.
    pub index: Option<&'a Index>,
    /// The present size.
    pub now_bytes: u64,
    /// The size after the copy.
    pub after: Forecast,
    /// Reason why it is expected to keep its size.
    pub why: Option<EstimateError>,
}

/// A database after a logical copy, as `pg_database_size` would measure it.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseForecast<'a> {
    /// Every relation with files, except temporary ones and sequences.
    pub relations: Vec<CopiedRelation<'a>>,
    /// The size of the database after the copy.
    pub total: Forecast,
    /// Bytes of the directories beyond the relations, which a logical copy leaves behind: most likely orphaned files.
    /// `None` where the size of the database is not known.
    pub orphaned_bytes: Option<u64>,
}

impl<'a> DatabaseForecast<'a> {
    /// Computes the forecast of one database. `version_num` is the `server_version_num` of its server.
    ///
    /// # Errors
    ///
    /// The tables, the indexes or the sequences of the database were not read.
    pub fn from_snapshot(
        database_snapshot: &'a DatabaseSnapshot,
        version_num: u32,
    ) -> Result<DatabaseForecast<'a>, Unavailable> {
        let tables = database_snapshot.tables.as_result().map_err(Clone::clone)?;
        let indexes = database_snapshot.indexes.as_result().map_err(Clone::clone)?;
        let sequences = database_snapshot.sequences.as_result().map_err(Clone::clone)?.bytes;
        let by_table = indexes_by_table(indexes);
        let heaps_counted = database_snapshot.heap_tuples.as_ref().and_then(Fact::known);
        let btrees_counted = database_snapshot.btree_pages.as_ref().and_then(Fact::known);
        let columns = database_snapshot.table_columns.known();
        let shapes = database_snapshot.index_shapes.known();
        let samples = database_snapshot.toast_samples.known();
        let mut relations = Vec::new();
        let mut temporary = 0;
        for table in tables.iter().filter(|table| table.kind.has_storage()) {
            let own = by_table.get(&table.oid).map_or(&[][..], Vec::as_slice);
            // A temporary table ends with its session.
            if table.persistence == Persistence::Temporary {
                temporary +=
                    table.heap.bytes + table.toast.bytes + own.iter().map(|index| index.size.bytes).sum::<u64>();
                continue;
            }
            let heap = forecast_heap(
                table,
                columns.and_then(|by_table| by_table.get(&table.oid)),
                heaps_counted.and_then(|by_table| by_table.get(&table.oid)),
            );
            // The statistics of small relations are not requested: that is no gap.
            let why = heap.as_ref().err().copied().filter(|_| table.heap.bytes > 6 * table.block_bytes());
            let heap = heap.unwrap_or(match why {
                Some(_) => Forecast::unchanged(table.heap.bytes),
                None => Forecast { low_bytes: 0, ..Forecast::exactly(table.heap.bytes) },
            });
            relations.push(CopiedRelation {
                part: RelationPart::Heap,
                table,
                index: None,
                now_bytes: table.heap.bytes,
                after: heap,
                why,
            });
            if table.toast.bytes > 0 {
                let after =
                    forecast_toast(table, samples.and_then(|by_table| by_table.get(&table.oid)), table.toast_chunks);
                relations.push(CopiedRelation {
                    part: RelationPart::Toast,
                    table,
                    index: None,
                    now_bytes: table.toast.bytes,
                    after,
                    why: None,
                });
            }
            for index in own {
                let shape = shapes.and_then(|by_index| by_index.get(&index.oid));
                let counted = btrees_counted.and_then(|by_index| by_index.get(&index.oid));
                let after = forecast_index(index, table, shape, counted, heap, version_num);
                relations.push(CopiedRelation {
                    part: RelationPart::Index,
                    table,
                    index: Some(index),
                    now_bytes: index.size.bytes,
                    after,
                    why: None,
                });
            }
        }
        let now: u64 = relations.iter().map(|relation| relation.now_bytes).sum::<u64>() + temporary + sequences;
        let non_relation_bytes = database_snapshot.database_bytes.known().map(|bytes| bytes.saturating_sub(now));
        let kept_bytes = non_relation_bytes.map_or(NON_RELATION_BYTES, |bytes| bytes.min(NON_RELATION_BYTES));
        let total =
            relations.iter().fold(Forecast::exactly(sequences + kept_bytes), |sum, relation| sum.plus(relation.after));
        Ok(DatabaseForecast { relations, total, orphaned_bytes: non_relation_bytes.map(|bytes| bytes - kept_bytes) })
    }

    /// Returns the bytes of relations that are expected to keep their size because no fact shows how full they are, by
    /// reason.
    pub fn unpredicted(&self) -> BTreeMap<Option<EstimateError>, u64> {
        let mut sums = BTreeMap::new();
        for relation in self.relations.iter().filter(|copied_relation| copied_relation.after.basis == Basis::Unknown) {
            *sums.entry(relation.why).or_default() += relation.now_bytes;
        }
        sums
    }
}

fn indexes_by_table(indexes: &[Index]) -> HashMap<u32, Vec<&Index>> {
    let mut by_table: HashMap<u32, Vec<&Index>> = HashMap::new();
    for index in indexes {
        by_table.entry(index.table_oid).or_default().push(index);
    }
    by_table
}
