//! What one database contains.

use super::{
    BtreePages, Fact, HeapTuples, Index, IndexFacts, IndexKey, IndexShape, Obstacles, OidMap, SequenceUse, Table,
    TableColumns, ToastSample,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything read from inside one database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseSnapshot {
    /// `pg_database.datname`.
    pub database: String,
    /// `pg_database_size`, the truth of the whole.
    #[serde(default)]
    pub database_bytes: Fact<u64>,
    /// Tables, partitioned tables, materialized views and foreign tables (`pg_class`).
    #[serde(default)]
    pub tables: Fact<Vec<Table>>,
    /// All indexes (`pg_index`) except those of TOAST relations.
    #[serde(default)]
    pub indexes: Fact<Vec<Index>>,
    /// 16 and newer: by index OID; an index that is missing was not scanned since the statistics began.
    #[serde(default)]
    pub last_idx_scans: Fact<BTreeMap<u32, Timestamp>>,
    /// Number and size of the sequences.
    #[serde(default)]
    pub sequences: Fact<Sequences>,
    /// Sequences that could run out, with their positions.
    #[serde(default)]
    pub sequence_use: Fact<SequenceUse>,
    /// Relations under, or awaited by, an ACCESS EXCLUSIVE lock (`pg_locks`).
    #[serde(default)]
    pub locked_relations: Fact<Vec<LockedRelation>>,
    /// Since when the statistics of the database count.
    #[serde(default)]
    pub statistics_resets: Fact<StatisticsResets>,
    /// How many relations were measured exactly; unavailable when that failed and all are estimates.
    #[serde(default)]
    pub exact_sizes: Fact<u64>,
    /// How many index definitions were read; unavailable when that failed.
    #[serde(default)]
    pub definitions: Fact<u64>,
    /// What the verdicts on indexes rest on.
    #[serde(default)]
    pub index_facts: IndexFacts,
    /// By table OID: of the largest that were asked for.
    #[serde(default)]
    pub table_columns: Fact<BTreeMap<u32, TableColumns>>,
    /// By index OID: of the largest B-trees that were asked for.
    #[serde(default)]
    pub index_keys: Fact<BTreeMap<u32, IndexKey>>,
    /// By table OID, where every page was read; `None` when that was not requested.
    #[serde(default)]
    pub heap_tuples: Option<Fact<BTreeMap<u32, HeapTuples>>>,
    /// By index OID, where every page was read; `None` when that was not requested.
    #[serde(default)]
    pub btree_pages: Option<Fact<BTreeMap<u32, BtreePages>>>,
    /// By index OID: of the largest, where the size after a copy is to be predicted.
    #[serde(default)]
    pub index_shapes: Fact<BTreeMap<u32, IndexShape>>,
    /// What a logical copy does not carry over; not requested by most reports.
    #[serde(default)]
    pub obstacles: Fact<Obstacles>,
    /// By table OID: of the largest TOAST relations, where the size after a copy is to be predicted.
    #[serde(default)]
    pub toast_samples: Fact<BTreeMap<u32, ToastSample>>,
}

/// Sequences, counted: each is one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequences {
    /// Number of sequences (`pg_class.relkind = 'S'`).
    pub count: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// A relation under, or awaited by, an ACCESS EXCLUSIVE lock when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedRelation {
    /// `pg_class.oid`.
    pub oid: u32,
    /// The lock is held; if false, a session waits for it.
    pub granted: bool,
}

/// Since when the cumulative statistics of a database count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsResets {
    /// `pg_stat_database.stats_reset`; null when never reset by hand, and after a crash.
    pub database_reset: Option<Timestamp>,
    /// The earliest reset of the shared kinds; a crash stamps them all.
    pub shared_reset: Option<Timestamp>,
    /// The setting `track_counts` of the session that read them; when off, nothing is counted.
    pub track_counts: bool,
}

impl StatisticsResets {
    /// Returns the time since which `idx_scan` and the other counters count: the later of the database's own reset and
    /// the last loss of all statistics (docs/reference/index-usage.md#observation-window). Ignores promotions.
    pub fn counting_since(&self) -> Option<Timestamp> {
        self.database_reset.max(self.shared_reset)
    }
}

/// The partition trees among some relations: the leaves under each root and branch.
pub struct PartitionTree {
    leaves: OidMap<Vec<u32>>,
}

impl PartitionTree {
    /// Built from pairs of a relation and the one it is attached to.
    pub fn from_edges(edges: impl Iterator<Item = (u32, Option<u32>)> + Clone) -> PartitionTree {
        let parents: OidMap<u32> = edges.clone().filter_map(|(oid, parent)| Some((oid, parent?))).collect();
        let mut leaves: OidMap<Vec<u32>> = OidMap::default();
        for (oid, _) in edges {
            let mut current = oid;
            // Bounded by the number of relations, so that a damaged catalog with a cycle ends too.
            for _ in 0..parents.len() {
                let Some(&parent) = parents.get(&current) else { break };
                leaves.entry(parent).or_default().push(oid);
                current = parent;
            }
        }
        PartitionTree { leaves }
    }

    /// Everything below `oid`, at any depth: branches as well as leaves.
    pub fn descendants(&self, oid: u32) -> &[u32] {
        self.leaves.get(&oid).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_tree_survives_a_cycle() {
        let edges = [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(1))];
        let tree = PartitionTree::from_edges(edges.into_iter());
        assert_eq!(tree.descendants(1), [2, 3, 4]);
        assert_eq!(tree.descendants(2), [3]);
        assert_eq!(tree.descendants(9), [0_u32; 0]);
        let cycle = [(1, Some(2)), (2, Some(1))];
        assert!(!PartitionTree::from_edges(cycle.into_iter()).descendants(1).is_empty());
    }

    #[test]
    fn counting_since_is_the_latest_reset() {
        let parse_time = |s: &str| s.parse::<Timestamp>().ok();
        let (early, late) = (parse_time("2026-01-01T00:00:00Z"), parse_time("2026-02-01T00:00:00Z"));
        let resets =
            |database_reset, shared_reset| StatisticsResets { database_reset, shared_reset, track_counts: true };
        assert_eq!(resets(None, late).counting_since(), late);
        assert_eq!(resets(late, early).counting_since(), late);
        assert_eq!(resets(early, late).counting_since(), late);
        assert_eq!(resets(None, None).counting_since(), None);
    }
}
