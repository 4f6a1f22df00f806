//! A whole database after a logical copy.

use super::{Basis, Forecast, forecast_heap, forecast_index, forecast_toast};
use crate::model::{Contents, Fact, Index, Persistence, Table, Unavailable, Unestimated};
use std::collections::{BTreeMap, HashMap};

/// Files of a database beside its relations: maps, version (fact sheet on slots and storage, D3).
const BESIDE_RELATIONS: u64 = 160 << 10;

/// What a predicted relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Heap,
    /// With its index.
    Toast,
    Index,
}

/// One relation with files.
#[derive(Clone, Debug, PartialEq)]
pub struct Arriving<'a> {
    pub part: Part,
    pub table: &'a Table,
    pub index: Option<&'a Index>,
    pub now_bytes: u64,
    pub after: Forecast,
    /// Why it is taken to stay as large as it is.
    pub why: Option<Unestimated>,
}

/// A database after a logical copy, as `pg_database_size` would measure it.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseForecast<'a> {
    pub relations: Vec<Arriving<'a>>,
    pub total: Forecast,
    /// What the directories hold beyond the relations and a logical copy leaves behind: orphaned files, most likely.
    /// `None` where the size of the database is not known.
    pub orphaned_bytes: Option<u64>,
}

impl<'a> DatabaseForecast<'a> {
    /// From what was read inside of it.
    pub fn of(contents: &'a Contents) -> Result<DatabaseForecast<'a>, Unavailable> {
        let tables = contents.tables.as_result().map_err(Clone::clone)?;
        let indexes = contents.indexes.as_result().map_err(Clone::clone)?;
        let sequences = contents.sequences.as_result().map_err(Clone::clone)?.bytes;
        let by_table = by_table(indexes);
        let heaps_counted = contents.heap_tuples.as_ref().and_then(Fact::known);
        let btrees_counted = contents.btree_pages.as_ref().and_then(Fact::known);
        let columns = contents.table_columns.known();
        let shapes = contents.index_shapes.known();
        let samples = contents.toast_samples.known();
        let mut relations = Vec::new();
        let mut temporary = 0;
        for table in tables.iter().filter(|table| table.kind.has_storage()) {
            let own = by_table.get(&table.oid).map_or(&[][..], Vec::as_slice);
            // A temporary table ends with its session.
            if table.persistence == Persistence::Temporary {
                temporary += table.heap.bytes + table.toast.bytes + own.iter().map(|it| it.size.bytes).sum::<u64>();
                continue;
            }
            let heap = forecast_heap(
                table,
                columns.and_then(|all| all.get(&table.oid)),
                heaps_counted.and_then(|all| all.get(&table.oid)),
            );
            // What is small enough not to be asked about is no gap.
            let why = heap.as_ref().err().copied().filter(|_| table.heap.bytes > 6 * table.block_bytes());
            let heap = heap.unwrap_or(match why {
                Some(_) => Forecast::kept(table.heap.bytes),
                None => Forecast { low_bytes: 0, ..Forecast::exactly(table.heap.bytes) },
            });
            relations.push(Arriving {
                part: Part::Heap,
                table,
                index: None,
                now_bytes: table.heap.bytes,
                after: heap,
                why,
            });
            if table.toast.bytes > 0 {
                let after = forecast_toast(table, samples.and_then(|all| all.get(&table.oid)), table.toast_chunks);
                relations.push(Arriving {
                    part: Part::Toast,
                    table,
                    index: None,
                    now_bytes: table.toast.bytes,
                    after,
                    why: None,
                });
            }
            for index in own {
                let shape = shapes.and_then(|all| all.get(&index.oid));
                let counted = btrees_counted.and_then(|all| all.get(&index.oid));
                let after = forecast_index(index, table, shape, counted, heap);
                relations.push(Arriving {
                    part: Part::Index,
                    table,
                    index: Some(index),
                    now_bytes: index.size.bytes,
                    after,
                    why: None,
                });
            }
        }
        let now: u64 = relations.iter().map(|it| it.now_bytes).sum::<u64>() + temporary + sequences;
        let beside = contents.database_bytes.known().map(|bytes| bytes.saturating_sub(now));
        let kept = beside.map_or(BESIDE_RELATIONS, |beside| beside.min(BESIDE_RELATIONS));
        let total = relations.iter().fold(Forecast::exactly(sequences + kept), |sum, it| sum.plus(it.after));
        Ok(DatabaseForecast { relations, total, orphaned_bytes: beside.map(|beside| beside - kept) })
    }

    /// What takes its present size because nothing is known of how full it is: bytes by reason.
    pub fn unpredicted(&self) -> BTreeMap<Option<Unestimated>, u64> {
        let mut sums = BTreeMap::new();
        for relation in self.relations.iter().filter(|it| it.after.basis == Basis::Unknown) {
            *sums.entry(relation.why).or_default() += relation.now_bytes;
        }
        sums
    }
}

fn by_table(indexes: &[Index]) -> HashMap<u32, Vec<&Index>> {
    let mut by_table: HashMap<u32, Vec<&Index>> = HashMap::new();
    for index in indexes {
        by_table.entry(index.table_oid).or_default().push(index);
    }
    by_table
}
