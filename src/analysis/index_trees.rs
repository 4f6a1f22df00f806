//! Partitioned indexes and the indexes attached to them.

use crate::facts::{Index, OidMap, PartitionTree};

/// Partitioned indexes of one database, each with its descendants. Every other index is a family of its own.
pub struct IndexTrees<'a> {
    tree: PartitionTree,
    /// Indexes that are attached or have an attached index. Usually few.
    members: OidMap<&'a Index>,
}

impl<'a> IndexTrees<'a> {
    /// Builds the trees from the parent of each index.
    pub fn from_indexes(indexes: &'a [Index]) -> IndexTrees<'a> {
        let tree = PartitionTree::from_edges(indexes.iter().map(|index| (index.oid, index.parent_oid)));
        let is_member = |index: &&Index| index.parent_oid.is_some() || !tree.descendants(index.oid).is_empty();
        let members = indexes.iter().filter(is_member).map(|index| (index.oid, index)).collect();
        IndexTrees { tree, members }
    }

    /// Returns the index and its descendants.
    pub fn family(&self, index: &'a Index) -> impl Iterator<Item = &'a Index> {
        let descendants = self.tree.descendants(index.oid).iter();
        std::iter::once(index).chain(descendants.filter_map(|oid| self.members.get(oid).copied()))
    }

    /// Returns the number of descendants.
    pub fn count_descendants(&self, index: &Index) -> usize {
        self.tree.descendants(index.oid).len()
    }

    /// Returns the index that it is attached to.
    pub fn parent(&self, index: &Index) -> Option<&'a Index> {
        self.members.get(&index.parent_oid?).copied()
    }

    /// Returns the root of its tree; `None` when it is not attached.
    pub fn root(&self, index: &Index) -> Option<&'a Index> {
        let mut root = self.parent(index)?;
        // Bounded, so that it ends on a damaged catalog with a cycle.
        for _ in 0..64 {
            let Some(parent) = self.parent(root) else { break };
            root = parent;
        }
        Some(root)
    }
}
