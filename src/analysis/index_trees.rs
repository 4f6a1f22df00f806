//! Partitioned indexes and what is attached to them.

use crate::facts::{Index, OidMap, PartitionTree};

/// The partitioned indexes of one database, each with its children at any depth. All others are families of their own.
pub struct IndexTrees<'a> {
    tree: PartitionTree,
    /// Those that are attached to one, or have one attached: mostly few of many.
    members: OidMap<&'a Index>,
}

impl<'a> IndexTrees<'a> {
    pub fn from_indexes(indexes: &'a [Index]) -> IndexTrees<'a> {
        let tree = PartitionTree::from_edges(indexes.iter().map(|index| (index.oid, index.parent_oid)));
        let is_member = |index: &&Index| index.parent_oid.is_some() || !tree.descendants(index.oid).is_empty();
        let members = indexes.iter().filter(is_member).map(|index| (index.oid, index)).collect();
        IndexTrees { tree, members }
    }

    /// The index itself and what is attached to it.
    pub fn family(&self, index: &'a Index) -> impl Iterator<Item = &'a Index> {
        let descendants = self.tree.descendants(index.oid).iter();
        std::iter::once(index).chain(descendants.filter_map(|oid| self.members.get(oid).copied()))
    }

    /// How many are attached to it, at any depth.
    pub fn count_descendants(&self, index: &Index) -> usize {
        self.tree.descendants(index.oid).len()
    }

    /// The one it is attached to.
    pub fn parent(&self, index: &Index) -> Option<&'a Index> {
        self.members.get(&index.parent_oid?).copied()
    }

    /// The one at the top of those it is attached to; none where it is attached to none.
    pub fn root(&self, index: &Index) -> Option<&'a Index> {
        let mut root = self.parent(index)?;
        // Bounded, so that a damaged catalog with a cycle ends too.
        for _ in 0..64 {
            let Some(parent) = self.parent(root) else { break };
            root = parent;
        }
        Some(root)
    }
}
