//! Maintenance of indexes on one server: invalid and bloated ones.

use crate::actions::{Consent, Plan};
use crate::analysis::bloat::index_bloat;
use crate::analysis::index::{IndexFinding, IndexLimits, IndexVerdict, Verdict};
use crate::facts::{DatabaseSnapshot, Index, Table};
use std::collections::HashMap;

/// One index to repair.
#[derive(Clone, Debug, PartialEq)]
pub struct MaintenanceTask {
    /// OID of the index.
    pub oid: u32,
    /// Schema of the index.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// Name of the index.
    pub index: String,
    /// Size in bytes.
    pub bytes: u64,
    /// How it is repaired.
    pub repair: Repair,
    /// Bytes that the repair releases; for an invalid index its whole size.
    pub reclaimable_bytes: u64,
    /// Reasons, one per line; filled in by the report.
    pub why: Vec<String>,
}

/// How an index is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// `DROP INDEX CONCURRENTLY`.
    Drop,
    /// `REINDEX INDEX CONCURRENTLY`.
    Rebuild,
}

/// Returns the tasks, the largest gain first: invalid indexes with the verdict `drop`, or with `review` when
/// named, and bloated indexes. `version_num` is the `server_version_num`.
pub fn plan_maintenance(
    database_snapshot: &DatabaseSnapshot,
    verdicts: &[IndexVerdict],
    version_num: u32,
    limits: &IndexLimits,
    is_wanted: impl Fn(&Table, &Index) -> MaintenanceRequest,
) -> Vec<MaintenanceTask> {
    let tables: HashMap<u32, &Table> =
        database_snapshot.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
    let verdict_on: HashMap<u32, &IndexVerdict> = verdicts.iter().map(|verdict| (verdict.oid, verdict)).collect();
    let mut tasks = Vec::new();
    for index in database_snapshot.indexes.known().into_iter().flatten() {
        let (Some(table), Some(verdict)) = (tables.get(&index.table_oid), verdict_on.get(&index.oid)) else { continue };
        let request = is_wanted(table, index);
        if request == MaintenanceRequest::Excluded || table.is_catalog() || index.is_partitioned {
            continue;
        }
        let is_invalid = verdict.findings.contains(&IndexFinding::InvalidIndex);
        let may_drop = verdict.verdict == Verdict::Drop
            || verdict.verdict == Verdict::Review && request == MaintenanceRequest::ByName;
        let bloat = index_bloat(database_snapshot, index, table, version_num).ok().flatten();
        let (repair, reclaimable_bytes) = match bloat {
            _ if is_invalid && may_drop => (Repair::Drop, index.size.bytes),
            Some(bloat) if index.is_valid && limits.is_bloated(bloat.bytes, index.size.bytes) => {
                (Repair::Rebuild, bloat.bytes)
            }
            _ => continue,
        };
        // REINDEX CONCURRENTLY refuses them (PostgreSQL manual, REINDEX).
        if repair == Repair::Rebuild && index.is_exclusion {
            continue;
        }
        tasks.push(MaintenanceTask {
            oid: index.oid,
            schema: table.schema.clone(),
            table: table.table.clone(),
            index: index.index.clone(),
            bytes: index.size.bytes,
            repair,
            reclaimable_bytes,
            why: Vec::new(),
        });
    }
    tasks.sort_by(|a, b| b.reclaimable_bytes.cmp(&a.reclaimable_bytes).then(a.oid.cmp(&b.oid)));
    tasks
}

/// All tasks of one script.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// The tasks, the largest gain first.
    pub tasks: Vec<MaintenanceTask>,
}

impl Plan for Maintenance {
    type Unconfirmed = &'static str;

    /// A consent covers all tasks, because one script contains them.
    fn restrict_to(self, _: &Consent) -> Result<Maintenance, &'static str> {
        if self.tasks.is_empty() { Err("no index needs maintenance") } else { Ok(self) }
    }
}

/// What the user requested for one index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaintenanceRequest {
    /// Not part of the selection.
    Excluded,
    /// Part of the selection.
    Any,
    /// Named by the user.
    ByName,
}
