//! Groups of facts that a command collects.

use std::fmt;
use std::ops::BitOr;

/// Declares the enum and the list of its variants.
macro_rules! fact_groups {
    ($($(#[$doc:meta])+ $group:ident,)+) => {
        /// A group of facts that are collected together. A check declares those that it needs, a command those of its
        /// report. The server's identity, settings and provider are always collected.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FactGroup {
            $($(#[$doc])+ $group,)+
        }

        impl FactGroup {
            /// Every group.
            pub const ALL: &[FactGroup] = &[$(FactGroup::$group),+];
        }
    };
}

fact_groups! {
    /// The databases of the cluster. For their sizes, the server opens each of their files.
    Databases,
    /// Identity of the server, for a plan that is executed there.
    Instance,
    /// Temporary files, log files and the spilled changes of slots.
    Storage,
    /// The tablespaces. For their sizes, the server opens each of their files.
    Tablespaces,
    /// Replication slots, and the other holders of WAL and of dead rows.
    Slots,
    /// The WAL directory, writers of WAL, checkpoints and the archiver.
    Wal,
    /// Tables and indexes, with their sizes.
    Relations,
    /// Facts for verdicts on indexes in addition to the relations; includes `IndexBuilds`, the slots and the walsenders.
    IndexFacts,
    /// The tables of which an index is being built or dropped concurrently.
    IndexBuilds,
    /// The urgency of VACUUM per table.
    Autovacuum,
    /// Sessions, lock waits, replay, sequences, errors of subscriptions, checksum failures, pending restarts.
    Health,
    /// The statistics from which the bloat of tables is estimated.
    TableBloat,
    /// The statistics from which the bloat of indexes is estimated.
    IndexBloat,
    /// Objects that release notes of past updates concern.
    PostUpdate,
    /// Facts for the prediction of the size after a logical copy.
    CopySize,
}

/// A set of [`FactGroup`]s.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FactGroups(u32);

impl FactGroups {
    /// The empty set.
    pub const NONE: FactGroups = FactGroups(0);

    /// Returns the set of the groups listed.
    pub const fn new(groups: &[FactGroup]) -> FactGroups {
        let mut set = 0;
        let mut position = 0;
        while position < groups.len() {
            set |= 1 << groups[position] as u32;
            position += 1;
        }
        FactGroups(set)
    }

    /// Returns the groups of either set.
    pub const fn union(self, other: FactGroups) -> FactGroups {
        FactGroups(self.0 | other.0)
    }

    /// Returns the groups that the other set does not have.
    #[must_use]
    pub const fn without(self, other: FactGroups) -> FactGroups {
        FactGroups(self.0 & !other.0)
    }

    /// Returns whether the group is in the set.
    pub const fn contains(self, group: FactGroup) -> bool {
        self.0 & (1 << group as u32) != 0
    }

    /// Returns the groups in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = FactGroup> {
        FactGroup::ALL.iter().copied().filter(move |group| self.contains(*group))
    }
}

impl BitOr for FactGroups {
    type Output = FactGroups;

    fn bitor(self, other: FactGroups) -> FactGroups {
        self.union(other)
    }
}

impl FromIterator<FactGroups> for FactGroups {
    fn from_iter<I: IntoIterator<Item = FactGroups>>(sets: I) -> FactGroups {
        sets.into_iter().fold(FactGroups::NONE, FactGroups::union)
    }
}

impl fmt::Debug for FactGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fact_groups_are_a_set() {
        let set = FactGroups::new(&[FactGroup::CopySize, FactGroup::Slots, FactGroup::Slots]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [FactGroup::Slots, FactGroup::CopySize]);
        assert!(set.contains(FactGroup::Slots) && !set.contains(FactGroup::Wal));
        let slots = FactGroups::new(&[FactGroup::Slots]);
        assert_eq!(set.without(slots) | slots, set);
        assert_eq!(FactGroups::from_iter([slots, set]), set);
        assert_eq!(format!("{set:?} {:?}", FactGroups::NONE), "{Slots, CopySize} {}");
        assert_eq!(FactGroups::new(FactGroup::ALL).iter().count(), FactGroup::ALL.len());
    }
}
