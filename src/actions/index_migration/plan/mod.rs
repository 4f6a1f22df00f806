//! Clean-up of indexes: which are dropped, why, and how each is created again. It is written to files; no statement is
//! executed.

mod maintenance;
mod selection;
mod statements;

pub use maintenance::{Maintenance, MaintenanceRequest, MaintenanceTask, Repair, plan_maintenance};
pub use selection::{Selection, SelectionCriteria, SelectionError, select_indexes};
pub use statements::{
    EXCLUSIVE_LOCK_TIMEOUT, Statement, StatementError, create_index_statements, drop_index_statement,
};

use crate::actions::{Consent, Plan};
use crate::analysis::Window;
use crate::analysis::index::IndexVerdict;
use crate::facts::history::DatabaseIndexHistory;
use crate::facts::{DatabaseSnapshot, Index, IndexDdl, Snapshot, StoredBytes, Table};
use jiff::Timestamp;
use std::collections::HashMap;

/// One index to drop.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Schema of the index.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// Name of the index.
    pub index: String,
    /// Definition as `pg_get_indexdef` returns it.
    pub definition: String,
    /// Names of the key columns without expressions; empty when unknown.
    pub columns: Vec<String>,
    /// Size.
    pub size: StoredBytes,
    /// Scans of the index and of those attached to it, as this server counts them.
    pub idx_scan: u64,
    /// The verdict, with its reasons.
    pub verdict: IndexVerdict,
    /// Lock that the drop takes.
    pub lock: Lock,
    /// DDL of the index, followed by that of the indexes attached to it.
    pub index_tree: Vec<IndexDdl>,
    /// Statement that drops it.
    pub up: Statement,
    /// Statements that create it again, in order.
    pub down: Vec<Statement>,
}

/// Lock that a drop takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// SHARE UPDATE EXCLUSIVE on the table: reads and writes continue, vacuum and DDL wait.
    Concurrent,
    /// ACCESS EXCLUSIVE on the partitioned table and its partitions: all access waits.
    Exclusive {
        /// Number of partitions.
        partitions: usize,
    },
}

/// Clean-up of one database. After all drops, every need still has an index.
#[derive(Clone, Debug)]
pub struct IndexCleanup {
    /// Name of the database.
    pub database: String,
    /// All indexes to drop, the largest gain first.
    pub removals: Vec<Removal>,
    /// Beginning of the observation window; `None` when unknown.
    pub observed_since: Option<Timestamp>,
    /// Length of the observation window in seconds; `None` when unknown.
    pub observed_seconds: Option<u64>,
    /// Names of the servers with counted scans.
    pub nodes: Vec<String>,
}

/// Why a selected index cannot become a migration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CleanupError {
    /// Its definition cannot be written to a file.
    #[error("{name}: {why}")]
    Unwritable {
        /// Name of the index.
        name: String,
        /// Reason why its definition cannot be written.
        why: StatementError,
    },
    /// It no longer exists, or is locked.
    #[error("{name} no longer exists, or it or its table is locked by another session")]
    GoneOrLocked {
        /// Name of the index.
        name: String,
    },
    /// An index attached to it is the replica identity of its partition.
    #[error(
        "{child}, attached to {name}, is the replica identity of its table: without it, UPDATE and DELETE fail while the \
         table is published"
    )]
    ReplicaIdentity {
        /// Name of the index.
        name: String,
        /// Name of the attached index.
        child: String,
    },
    /// It differs from the index that was assessed.
    #[error("{name} has changed since the plan was made")]
    Changed {
        /// Name of the index.
        name: String,
    },
}

impl IndexCleanup {
    /// Builds the statements that drop the indexes `oids` and those that create them again. `index_ddl` has each of
    /// them and the indexes attached to it; `history` is the one used for the assessment.
    ///
    /// # Errors
    ///
    /// An index no longer exists, is locked, has changed, or cannot be written to a file.
    pub fn new(
        snapshot: &Snapshot,
        database_snapshot: &DatabaseSnapshot,
        history: Option<&DatabaseIndexHistory>,
        verdicts: &[IndexVerdict],
        oids: &[u32],
        index_ddl: &[IndexDdl],
    ) -> Result<IndexCleanup, CleanupError> {
        let indexes: HashMap<u32, &Index> =
            database_snapshot.indexes.known().into_iter().flatten().map(|index| (index.oid, index)).collect();
        let tables: HashMap<u32, &Table> =
            database_snapshot.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
        let mut removals = Vec::new();
        for oid in oids {
            let known = indexes.get(oid).and_then(|index| Some((*index, *tables.get(&index.table_oid)?)));
            let verdict = verdicts.iter().find(|verdict| verdict.oid == *oid);
            // The selection was made from the same facts.
            let (Some((index, table)), Some(verdict)) = (known, verdict) else { continue };
            let name = format!("{}.{}", table.schema, index.index);
            let index_tree = collect_index_tree(*oid, index_ddl);
            if index_tree.is_empty() || !is_tree_complete(index, &indexes, &index_tree) {
                return Err(CleanupError::GoneOrLocked { name });
            }
            if index_tree[0].index != index.index
                || index_tree[0].schema != table.schema
                || index_tree[0].table != table.table
            {
                return Err(CleanupError::Changed { name });
            }
            if let Some(child) = index_tree.iter().find(|ddl| ddl.is_replica_identity) {
                let child = format!("{}.{}", child.schema, child.index);
                return Err(CleanupError::ReplicaIdentity { name, child });
            }
            let refuse = |why| CleanupError::Unwritable { name: name.clone(), why };
            let up = drop_index_statement(&index_tree[0]).map_err(refuse)?;
            let down = create_index_statements(&index_tree).map_err(refuse)?;
            let tree_indexes = || index_tree.iter().filter_map(|ddl| indexes.get(&ddl.oid));
            let columns = index.column_names.iter().flatten().take(index.key_columns_count as usize);
            removals.push(Removal {
                schema: table.schema.clone(),
                table: table.table.clone(),
                index: index.index.clone(),
                definition: index_tree[0].definition.clone(),
                columns: columns.flatten().cloned().collect(),
                size: tree_indexes().fold(StoredBytes::NONE, |sum, index| sum.plus(index.size)),
                idx_scan: tree_indexes().map(|index| u64::try_from(index.idx_scan).unwrap_or(0)).sum(),
                verdict: verdict.clone(),
                lock: match index.is_partitioned {
                    true => Lock::Exclusive { partitions: index_tree.len() - 1 },
                    false => Lock::Concurrent,
                },
                up,
                down,
                index_tree,
            });
        }
        let window = Window::from_snapshot(snapshot, database_snapshot, history);
        let observed_seconds = window.observed_seconds(snapshot.collected_at);
        let role = if snapshot.server.in_recovery { "this standby" } else { "this primary" };
        let replicas = snapshot.replicas.iter().filter(|replica| replica.database == database_snapshot.database);
        let replicas = replicas.filter(|replica| replica.used.known().is_some()).map(|replica| replica.name.clone());
        Ok(IndexCleanup {
            database: database_snapshot.database.clone(),
            removals,
            observed_since: window.since.ok(),
            observed_seconds,
            nodes: std::iter::once(role.to_owned()).chain(replicas).collect(),
        })
    }

    /// Checks that the indexes are the planned ones.
    ///
    /// # Errors
    ///
    /// An index no longer exists, is locked, or was rebuilt or altered.
    pub fn verify_unchanged(&self, now: &[IndexDdl]) -> Result<(), CleanupError> {
        for removal in &self.removals {
            let name = format!("{}.{}", removal.schema, removal.index);
            let Some(first) = removal.index_tree.first() else { continue };
            let index_tree = collect_index_tree(first.oid, now);
            if index_tree.is_empty() {
                return Err(CleanupError::GoneOrLocked { name });
            }
            if index_tree != removal.index_tree {
                return Err(CleanupError::Changed { name });
            }
        }
        Ok(())
    }

    /// Returns the OIDs of the indexes to drop, without the indexes attached to them.
    pub fn oids(&self) -> Vec<u32> {
        self.removals.iter().filter_map(|removal| Some(removal.index_tree.first()?.oid)).collect()
    }
}

/// Returns the DDL of an index and of everything attached to it, parents first.
fn collect_index_tree(oid: u32, index_ddl: &[IndexDdl]) -> Vec<IndexDdl> {
    let mut members = vec![oid];
    let mut index_tree = Vec::new();
    for ddl in index_ddl {
        let belongs = ddl.oid == oid && ddl.parent_oid.is_none()
            || ddl.parent_oid.is_some_and(|parent| members.contains(&parent));
        if belongs {
            members.push(ddl.oid);
            index_tree.push(ddl.clone());
        }
    }
    index_tree
}

/// Returns whether the DDL has everything that was attached at the assessment. Locked indexes are missing from it.
fn is_tree_complete(index: &Index, indexes: &HashMap<u32, &Index>, index_tree: &[IndexDdl]) -> bool {
    let mut wanted = vec![index.oid];
    let mut position = 0;
    while position < wanted.len() {
        let parent = wanted[position];
        wanted.extend(indexes.values().filter(|index| index.parent_oid == Some(parent)).map(|index| index.oid));
        position += 1;
    }
    wanted.iter().all(|oid| index_tree.iter().any(|ddl| ddl.oid == *oid))
}

impl Plan for IndexCleanup {
    type Unconfirmed = &'static str;

    /// A consent covers the whole clean-up or none of it, because the needs were checked for the whole selection.
    fn restrict_to(self, _: &Consent) -> Result<IndexCleanup, &'static str> {
        if self.removals.is_empty() { Err("no index is selected") } else { Ok(self) }
    }
}
