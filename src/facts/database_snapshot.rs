//! Facts of one database.

use super::{
    BtreePages, Fact, HeapTuples, Index, IndexFacts, IndexKey, IndexShape, Obstacles, OidMap, PostUpdate, SequenceUse,
    Table, TableColumns, ToastSample,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All facts that were read inside one database.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct DatabaseSnapshot {
    /// `pg_database.datname`.
    pub database: String,
    /// `pg_database_size`.
    #[serde(default)]
    pub database_bytes: Fact<u64>,
    /// Tables, partitioned tables, materialized views and foreign tables (`pg_class`).
    #[serde(default)]
    pub tables: Fact<Vec<Table>>,
    /// All indexes (`pg_index`) except those of TOAST relations.
    #[serde(default)]
    pub indexes: Fact<Vec<Index>>,
    /// Last scans by index OID, 16 and newer; a missing index was not scanned since the last reset.
    #[serde(default)]
    pub last_idx_scans: Fact<BTreeMap<u32, Timestamp>>,
    /// `pg_stat_all_indexes.stats_reset` by index OID (19): the last reset of its own counters. An index that was not reset
    /// since it was created, or since a crash, is missing.
    #[serde(default)]
    pub index_resets: Fact<BTreeMap<u32, Timestamp>>,
    /// Number and size of the sequences.
    #[serde(default)]
    pub sequences: Fact<Sequences>,
    /// Sequences that could run out, with their positions.
    #[serde(default)]
    pub sequence_use: Fact<SequenceUse>,
    /// Tables due for VACUUM of which autovacuum is switched off, at most 1,000; 19 and newer. On a standby the counters
    /// are those of the standby.
    #[serde(default)]
    pub autovacuum_scores: Fact<Vec<AutovacuumScore>>,
    /// Relations under, or awaited by, an ACCESS EXCLUSIVE lock (`pg_locks`).
    #[serde(default)]
    pub locked_relations: Fact<Vec<LockedRelation>>,
    /// Resets of the statistics.
    #[serde(default)]
    pub statistics_resets: Fact<StatisticsResets>,
    /// Number of relations with a measured size; unavailable when measuring failed and all sizes are estimates.
    #[serde(default)]
    pub exact_sizes: Fact<u64>,
    /// Number of index definitions that were read; unavailable when that failed.
    #[serde(default)]
    pub definitions: Fact<u64>,
    /// Facts for the verdicts on indexes.
    #[serde(default)]
    pub index_facts: IndexFacts,
    /// Column statistics by table OID, for the largest of the requested tables.
    #[serde(default)]
    pub table_columns: Fact<BTreeMap<u32, TableColumns>>,
    /// Column statistics by index OID, for the largest of the requested B-trees.
    #[serde(default)]
    pub index_keys: Fact<BTreeMap<u32, IndexKey>>,
    /// Results of full scans by table OID; `None` if they were not requested.
    #[serde(default)]
    pub heap_tuples: Option<Fact<BTreeMap<u32, HeapTuples>>>,
    /// Results of full scans by index OID; `None` if they were not requested.
    #[serde(default)]
    pub btree_pages: Option<Fact<BTreeMap<u32, BtreePages>>>,
    /// Columns and parameters by index OID, for the largest indexes; needed to predict the size after a copy.
    #[serde(default)]
    pub index_shapes: Fact<BTreeMap<u32, IndexShape>>,
    /// Obstacles to a logical copy; most reports do not request them.
    #[serde(default)]
    pub obstacles: Fact<Obstacles>,
    /// Objects that release notes of past updates concern.
    #[serde(default)]
    pub post_update: Fact<PostUpdate>,
    /// Samples by table OID, for the largest TOAST relations; needed to predict the size after a copy.
    #[serde(default)]
    pub toast_samples: Fact<BTreeMap<u32, ToastSample>>,
}

/// A table that is due for VACUUM of which autovacuum is switched off (`pg_stat_get_autovacuum_scores`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct AutovacuumScore {
    /// `pg_class.oid`.
    pub table_oid: u32,
    /// Changes since the last VACUUM as a multiple of the threshold at which autovacuum would start; at least 1.
    pub score: f64,
}

/// Number and size of the sequences; each is one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Sequences {
    /// Number of sequences (`pg_class.relkind = 'S'`).
    pub count: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// A relation under, or awaited by, an ACCESS EXCLUSIVE lock when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct LockedRelation {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Whether the lock is held; otherwise a session waits for it.
    pub granted: bool,
}

/// Resets of the cumulative statistics of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct StatisticsResets {
    /// `pg_stat_database.stats_reset`; null if never reset manually, and after a crash.
    pub database_reset: Option<Timestamp>,
    /// The earliest reset of the shared statistics; a crash sets all of them.
    pub shared_reset: Option<Timestamp>,
    /// `track_counts` of the session that read them; when off, nothing is counted.
    pub track_counts: bool,
}

impl StatisticsResets {
    /// Returns the time since which `idx_scan` and the other counters count: the later of the database's own reset and
    /// the last loss of all statistics (docs/reference/index-usage.md#observation-window). Ignores promotions.
    pub fn counting_since(&self) -> Option<Timestamp> {
        self.database_reset.max(self.shared_reset)
    }
}

impl DatabaseSnapshot {
    /// Returns the time since which the scans of every index are counted, except for indexes whose own counters were reset
    /// later. Before 19 a reset of one index's counters sets `pg_stat_database.stats_reset`, too, and looks like a reset of
    /// all; from 19 on the indexes have their own times (docs/reference/index-usage.md#observation-window).
    pub fn indexes_counting_since(&self) -> Option<Timestamp> {
        let resets = self.statistics_resets.known()?;
        let (Some(own), Some(indexes)) = (self.index_resets.known(), self.indexes.known()) else {
            return resets.counting_since();
        };
        let mut stored = indexes.iter().filter(|index| !index.is_partitioned).peekable();
        if stored.peek().is_none() {
            return resets.counting_since();
        }
        let all_reset: Option<Timestamp> = stored
            .map(|index| own.get(&index.oid).copied())
            .reduce(|earliest, reset| Some(earliest?.min(reset?)))
            .flatten();
        all_reset.max(resets.shared_reset)
    }
}

/// The partition trees among some relations: the leaves under each root and branch.
pub struct PartitionTree {
    leaves: OidMap<Vec<u32>>,
}

impl PartitionTree {
    /// Builds the trees from pairs of a relation and its parent.
    pub fn from_edges(edges: impl Iterator<Item = (u32, Option<u32>)> + Clone) -> PartitionTree {
        let parents: OidMap<u32> = edges.clone().filter_map(|(oid, parent)| Some((oid, parent?))).collect();
        let mut leaves: OidMap<Vec<u32>> = OidMap::default();
        for (oid, _) in edges {
            let mut current = oid;
            // Limited by the number of relations, so that it ends even for a corrupt catalog with a cycle.
            for _ in 0..parents.len() {
                let Some(&parent) = parents.get(&current) else { break };
                leaves.entry(parent).or_default().push(oid);
                current = parent;
            }
        }
        PartitionTree { leaves }
    }

    /// Returns all descendants of `oid`, branches and leaves.
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
    fn index_counting_ignores_a_reset_of_another_index() {
        let second_of = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let since = |own: serde_json::Value| {
            let index = |oid: u32| {
                serde_json::json!({"oid": oid, "table_oid": 1, "index": "idx", "is_partitioned": false, "parent_oid": null,
                    "method": "btree", "tablespace": null, "relpages": 1, "reltuples": 1.0, "is_unique": false,
                    "is_primary": false, "is_exclusion": false, "is_immediate": true, "is_valid": false, "is_ready": true,
                    "is_live": true, "is_replica_identity": false, "is_clustered": false, "is_partial": false,
                    "is_expression": false, "key_columns_count": 1, "column_numbers": [1], "constraint_name": null,
                    "constraint": null, "size": {"bytes": 1, "source": "exact"}, "idx_scan": 0, "idx_tup_read": 0,
                    "idx_tup_fetch": 0, "column_names": null, "definition": null})
            };
            let snapshot: DatabaseSnapshot = serde_json::from_value(serde_json::json!({
                "database": "shop", "indexes": {"known": [index(5), index(6)]}, "index_resets": own,
                "statistics_resets": {"known": {"database_reset": second_of(900), "shared_reset": second_of(0), "track_counts": true}}}))
            .unwrap();
            snapshot.indexes_counting_since()
        };
        let needs_19 =
            serde_json::json!({"unavailable": {"fact": "index resets", "reason": "needs 19", "needs_version": 19}});
        assert_eq!(since(needs_19), Some(second_of(900)));
        assert_eq!(since(serde_json::json!({"known": {"5": second_of(900)}})), Some(second_of(0)));
        assert_eq!(
            since(serde_json::json!({"known": {"5": second_of(900), "6": second_of(800)}})),
            Some(second_of(800)),
            "all were reset"
        );
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
