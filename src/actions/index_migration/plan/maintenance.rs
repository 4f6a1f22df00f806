//! What is wrong with indexes on one server alone: rests of failed builds, and bloat.

use crate::actions::{Consent, Plan};
use crate::analysis::index::{IndexFinding, IndexLimits, IndexVerdict, Verdict};
use crate::facts::{DatabaseSnapshot, Index, Table};
use std::collections::HashMap;

/// One index to be mended.
#[derive(Clone, Debug, PartialEq)]
pub struct MaintenanceTask {
    pub oid: u32,
    pub schema: String,
    pub table: String,
    pub index: String,
    pub bytes: u64,
    pub repair: Repair,
    /// Bytes a rebuild would free; of rests all of it.
    pub reclaimable_bytes: u64,
    /// A line each; filled by whoever has the words.
    pub why: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    Drop,
    Rebuild,
}

/// Remains of failed builds with the verdict `drop`, or `review` where they are named; and bloated indexes. The largest
/// gain first.
pub fn plan_maintenance(
    database_snapshot: &DatabaseSnapshot,
    verdicts: &[IndexVerdict],
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
        let bloat = database_snapshot.index_bloat(index, table).ok().flatten();
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

/// All that a script mends.
#[derive(Clone, Debug)]
pub struct Maintenance {
    pub tasks: Vec<MaintenanceTask>,
}

impl Plan for Maintenance {
    type Unconfirmed = &'static str;

    /// One script for all of it.
    fn restrict_to(self, _: &Consent) -> Result<Maintenance, &'static str> {
        if self.tasks.is_empty() { Err("no index needs maintenance") } else { Ok(self) }
    }
}

/// What somebody said of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaintenanceRequest {
    Excluded,
    Any,
    ByName,
}
