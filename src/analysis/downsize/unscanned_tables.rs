//! Tables without a scan since the statistics began. They are listed and never subtracted from the sum.

use super::{Amount, Component, ComponentGroup, ComponentKind, Confidence};
use crate::analysis::index::IndexLimits;
use crate::facts::{DatabaseSnapshot, Snapshot};
use std::collections::HashMap;

/// Smaller tables are not listed.
const MIN_TABLE_BYTES: u64 = 1 << 20;
/// Maximum number of names in a component.
const MAX_NAMES: usize = 5;

/// Returns the tables without a scan; `None` when there are none, when the counters are younger than the observation
/// window of indexes, or on a standby, which has no counters of the primary.
pub fn unscanned_tables(snapshot: &Snapshot, db: &DatabaseSnapshot, limits: &IndexLimits) -> Option<Component> {
    let since =
        db.statistics_resets.known().filter(|statistics_resets| statistics_resets.track_counts)?.counting_since();
    // Statistics without a reset are as old as the cluster; the start of the server is a safe lower bound.
    let since = since.unwrap_or(snapshot.server.started_at);
    let window_seconds = u64::try_from(snapshot.server.requested_at.duration_since(since).as_secs()).ok()?;
    if window_seconds < limits.min_observation_seconds.max(1) || snapshot.server.in_recovery {
        return None;
    }
    let (mut scans, mut bytes): (HashMap<u32, i64>, HashMap<u32, u64>) = (HashMap::new(), HashMap::new());
    for index in db.indexes.known()? {
        *scans.entry(index.table_oid).or_default() += index.idx_scan;
        *bytes.entry(index.table_oid).or_default() += index.size.bytes;
    }
    let counter = |counted: &HashMap<u32, u64>, oid: u32| counted.get(&oid).copied().unwrap_or(0);
    let mut found: Vec<(u64, String)> = db
        .tables
        .known()?
        .iter()
        .filter(|table| !table.is_catalog() && table.kind.has_storage() && table.extension.is_none())
        .filter(|table| table.seq_scan == 0 && scans.get(&table.oid).is_none_or(|scans| *scans == 0))
        .map(|table| {
            let size = table.heap.bytes + table.toast.bytes + counter(&bytes, table.oid);
            (size, format!("{}.{}", table.schema, table.table))
        })
        .filter(|(size, _)| *size >= MIN_TABLE_BYTES)
        .collect();
    if found.is_empty() {
        return None;
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let count = found.len();
    let sum = found.iter().map(|(size, _)| size).sum();
    let tables = found.into_iter().take(MAX_NAMES).map(|(_, name)| name).collect();
    let kind = ComponentKind::UnreadTables { database: db.database.clone(), tables, count, window_seconds };
    Some(
        Component::known(
            ComponentGroup::Reclaimable,
            kind,
            Amount { low_bytes: 0, ..Amount::exact(sum) },
            Confidence::Rough,
        )
        .not_counted(),
    )
}
