//! WAL that dropping slots releases after the next checkpoint, without the segments that the server recycles.

use super::{Amount, Component, ComponentGroup, ComponentKind, Confidence};
use crate::analysis::slot::{Protection, SlotAssessment, SlotVerdict};
use crate::analysis::wal::{PartialRetention, Retention};
use crate::facts::{Settings, Snapshot, Unavailable, WalDirectory, WalRun};

/// Returns up to two components that add up: WAL that only stale slots retain, and WAL that the inactive slots retain
/// in addition.
pub fn reclaimable_slot_wal(snapshot: &Snapshot, assessments: &[SlotAssessment]) -> Vec<Component> {
    let stale_kind = |slots| ComponentKind::StaleSlots { slots };
    let unknown = |why: &Unavailable| {
        let most = snapshot.wal_directory.known().map(|directory| directory.directory_bytes);
        vec![Component::unknown(ComponentGroup::Reclaimable, stale_kind(Vec::new()), why.clone(), most)]
    };
    let slots = match snapshot.slots.as_result() {
        Ok(slots) => slots,
        Err(why) => return unknown(why),
    };
    let (mut stale, mut inactive) = (Vec::new(), Vec::new());
    for (slot, assessment) in slots.iter().zip(assessments) {
        let is_ours =
            !matches!(assessment.protection, Some(Protection::Temporary | Protection::Synced | Protection::Managed));
        match assessment.verdict {
            SlotVerdict::Stale => stale.push(slot.slot_name.clone()),
            SlotVerdict::Inactive if is_ours => inactive.push(slot.slot_name.clone()),
            _ => {}
        }
    }
    if stale.is_empty() && inactive.is_empty() {
        return Vec::new();
    }
    let partial = match Retention::from_known_facts(snapshot) {
        Ok(partial) => partial,
        Err(why) => return unknown(&why),
    };
    if let Some((_, why)) = partial.missing.first() {
        return unknown(why);
    }
    let directory = match snapshot.wal_directory.as_result() {
        Ok(directory) => directory,
        Err(why) => return unknown(why),
    };
    let first = removable_wal(&partial, directory, snapshot.settings.known(), &stale);
    let all_slots: Vec<String> = stale.iter().chain(&inactive).cloned().collect();
    let total = removable_wal(&partial, directory, snapshot.settings.known(), &all_slots);
    let mut components = Vec::new();
    if !stale.is_empty() {
        components.push(Component::known(ComponentGroup::Reclaimable, stale_kind(stale), first, Confidence::Proven));
    }
    if !inactive.is_empty() {
        let beyond = Amount::from_bounds(
            total.low_bytes.saturating_sub(first.low_bytes),
            total.bytes.saturating_sub(first.bytes),
            total.high_bytes.saturating_sub(first.high_bytes),
        );
        let kind = ComponentKind::InactiveSlots { slots: inactive };
        components.push(Component::known(
            ComponentGroup::Reclaimable,
            kind,
            Amount { low_bytes: 0, ..beyond },
            Confidence::Rough,
        ));
    }
    components
}

/// Returns the WAL that dropping these slots releases. The server recycles removable segments: up to `max_wal_size`,
/// and down to `min_wal_size` when little is written (`XLOGfileslop` in `src/backend/access/transam/xlog.c`).
fn removable_wal(
    partial: &PartialRetention,
    directory: &WalDirectory,
    settings: Option<&Settings>,
    dropped: &[String],
) -> Amount {
    if dropped.is_empty() {
        return Amount::default();
    }
    let retention = &partial.retention;
    let stays = |name: &Option<String>| name.as_ref().is_none_or(|name| !dropped.contains(name));
    let remaining = retention.holders.iter().filter(|holder| stays(&holder.name));
    let start =
        remaining.map(|holder| retention.segment_start(holder.from)).min().unwrap_or(retention.current.position());
    let whole = [WalRun {
        from: directory.oldest_lsn.unwrap_or(retention.current),
        segments: directory.files.saturating_sub(directory.recycled_files),
    }];
    let runs = directory.written.as_deref().unwrap_or(&whole);
    let segment = retention.wal_segment_bytes;
    let removable: u64 = runs
        .iter()
        .map(|run| {
            run.from
                .position()
                .saturating_add(run.segments.saturating_mul(segment))
                .min(start)
                .saturating_sub(run.from.position())
        })
        .sum();
    let remaining_bytes = directory.directory_bytes.saturating_sub(removable);
    let size = |name: &str| settings.and_then(|settings| settings.bytes(name)).unwrap_or(0);
    let recycles = |up_to: u64| removable.saturating_sub(up_to.saturating_sub(remaining_bytes));
    let least = recycles(size("max_wal_size"));
    Amount::from_bounds(least, least, recycles(size("min_wal_size")))
}
