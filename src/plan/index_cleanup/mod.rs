//! The clean-up of indexes: which go, why, what brings each of them back. It becomes files; no statement is run.

mod maintenance;
mod selection;
mod statements;

pub use maintenance::{Chore, Maintenance, Repair, WORTH_A_REBUILD, Wish, chores};
pub use selection::{NotSelected, Selection, Wanted, choose};
pub use statements::{EXCLUSIVE_LOCK_TIMEOUT, Statement, Unwritable, build_index, drop_index};

use super::{Consent, Plan};
use crate::model::{
    Contents, Index, IndexParticulars, IndexVerdict, Snapshot, StoredBytes, Table, Window, past::IndexesPast,
};
use jiff::Timestamp;
use std::collections::HashMap;

/// One index that goes.
#[derive(Clone, Debug)]
pub struct Removal {
    pub schema: String,
    pub table: String,
    pub index: String,
    pub definition: String,
    /// Names of the key columns, where the look knows them; expressions are left out.
    pub columns: Vec<String>,
    pub size: StoredBytes,
    pub idx_scan: u64,
    pub verdict: IndexVerdict,
    pub lock: Lock,
    /// Itself, then what is attached to it.
    pub family: Vec<IndexParticulars>,
    pub up: Statement,
    pub down: Vec<Statement>,
}

/// What others feel while it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// SHARE UPDATE EXCLUSIVE on the table: reads and writes go on, vacuums and DDL wait.
    Concurrent,
    /// ACCESS EXCLUSIVE on the partitioned table and so many partitions: everybody waits.
    Exclusive { partitions: usize },
}

/// The whole clean-up, sound as a whole.
#[derive(Clone, Debug)]
pub struct IndexCleanup {
    pub database: String,
    pub removals: Vec<Removal>,
    /// Since when scans were counted; `None` when that is not known.
    pub observed_since: Option<Timestamp>,
    pub observed_seconds: Option<u64>,
    /// The servers whose scans were counted.
    pub nodes: Vec<String>,
}

/// Why a selected index cannot become a migration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPlanned {
    #[error("{name}: {why}")]
    Unwritable { name: String, why: Unwritable },
    #[error("{name} is gone, or it or its table is locked by somebody else at this moment")]
    GoneOrLocked { name: String },
    #[error(
        "{child} of {name} is the replica identity of its table: without it every UPDATE and DELETE there would fail"
    )]
    ReplicaIdentity { name: String, child: String },
    #[error("{name} is another index now than the one that was judged")]
    Changed { name: String },
}

impl IndexCleanup {
    /// What to write for `oids`, each described by `particulars` (itself, then what is attached to it). `past` is what they
    /// were judged with.
    pub fn of(
        snapshot: &Snapshot,
        contents: &Contents,
        past: Option<&IndexesPast>,
        verdicts: &[IndexVerdict],
        oids: &[u32],
        particulars: &[IndexParticulars],
    ) -> Result<IndexCleanup, NotPlanned> {
        let indexes: HashMap<u32, &Index> =
            contents.indexes.known().into_iter().flatten().map(|index| (index.oid, index)).collect();
        let tables: HashMap<u32, &Table> =
            contents.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
        let mut removals = Vec::new();
        for oid in oids {
            let known = indexes.get(oid).and_then(|index| Some((*index, *tables.get(&index.table_oid)?)));
            let verdict = verdicts.iter().find(|verdict| verdict.oid == *oid);
            // The selection was made of these very facts.
            let (Some((index, table)), Some(verdict)) = (known, verdict) else { continue };
            let name = format!("{}.{}", table.schema, index.index);
            let family = family(*oid, particulars);
            if family.is_empty() || !is_whole(index, &indexes, &family) {
                return Err(NotPlanned::GoneOrLocked { name });
            }
            if family[0].index != index.index || family[0].schema != table.schema || family[0].table != table.table {
                return Err(NotPlanned::Changed { name });
            }
            if let Some(child) = family.iter().find(|one| one.is_replica_identity) {
                let child = format!("{}.{}", child.schema, child.index);
                return Err(NotPlanned::ReplicaIdentity { name, child });
            }
            let refuse = |why| NotPlanned::Unwritable { name: name.clone(), why };
            let up = drop_index(&family[0]).map_err(refuse)?;
            let down = build_index(&family).map_err(refuse)?;
            let parts = || family.iter().filter_map(|one| indexes.get(&one.oid));
            let columns = index.column_names.iter().flatten().take(index.key_columns_count as usize);
            removals.push(Removal {
                schema: table.schema.clone(),
                table: table.table.clone(),
                index: index.index.clone(),
                definition: family[0].definition.clone(),
                columns: columns.flatten().cloned().collect(),
                size: parts().fold(StoredBytes::NONE, |sum, one| sum.plus(one.size)),
                idx_scan: parts().map(|one| u64::try_from(one.idx_scan).unwrap_or(0)).sum(),
                verdict: verdict.clone(),
                lock: match index.is_partitioned {
                    true => Lock::Exclusive { partitions: family.len() - 1 },
                    false => Lock::Concurrent,
                },
                up,
                down,
                family,
            });
        }
        let window = Window::of(snapshot, contents, past);
        let observed_seconds = window.seconds(snapshot.collected_at);
        let role = if snapshot.server.in_recovery { "this standby" } else { "this primary" };
        let asked = snapshot.replicas.iter().filter(|replica| replica.database == contents.database);
        let asked = asked.filter(|replica| replica.used.known().is_some()).map(|replica| replica.name.clone());
        Ok(IndexCleanup {
            database: contents.database.clone(),
            removals,
            observed_since: window.since.ok(),
            observed_seconds,
            nodes: std::iter::once(role.to_owned()).chain(asked).collect(),
        })
    }

    /// Whether the indexes are still what was planned with: nothing gone, nothing built anew, nothing altered.
    pub fn still_holds(&self, now: &[IndexParticulars]) -> Result<(), NotPlanned> {
        for removal in &self.removals {
            let name = format!("{}.{}", removal.schema, removal.index);
            let Some(first) = removal.family.first() else { continue };
            let family = family(first.oid, now);
            if family.is_empty() {
                return Err(NotPlanned::GoneOrLocked { name });
            }
            if family != removal.family {
                return Err(NotPlanned::Changed { name });
            }
        }
        Ok(())
    }

    /// OIDs of the indexes that go, without what is attached to them.
    pub fn oids(&self) -> Vec<u32> {
        self.removals.iter().filter_map(|removal| Some(removal.family.first()?.oid)).collect()
    }
}

/// An index and everything attached to it, parents first.
fn family(oid: u32, particulars: &[IndexParticulars]) -> Vec<IndexParticulars> {
    let mut members = vec![oid];
    let mut family = Vec::new();
    for one in particulars {
        let belongs = one.oid == oid && one.parent_oid.is_none()
            || one.parent_oid.is_some_and(|parent| members.contains(&parent));
        if belongs {
            members.push(one.oid);
            family.push(one.clone());
        }
    }
    family
}

/// Everything that was attached when it was judged is described: what is locked is left out of the answer.
fn is_whole(index: &Index, indexes: &HashMap<u32, &Index>, family: &[IndexParticulars]) -> bool {
    let mut wanted = vec![index.oid];
    let mut at = 0;
    while at < wanted.len() {
        let parent = wanted[at];
        wanted.extend(indexes.values().filter(|one| one.parent_oid == Some(parent)).map(|one| one.oid));
        at += 1;
    }
    wanted.iter().all(|oid| family.iter().any(|one| one.oid == *oid))
}

impl Plan for IndexCleanup {
    type Unconfirmed = &'static str;

    /// Files are written for all of it or for nothing: what is selected is sound as a whole.
    fn covered_by(self, _: &Consent) -> Result<IndexCleanup, &'static str> {
        if self.removals.is_empty() { Err("no index is selected") } else { Ok(self) }
    }
}
