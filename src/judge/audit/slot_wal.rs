//! WAL that goes when slots go: after the next checkpoint, less what the server keeps as recycled segments.

use super::{Amount, Confidence, Group, Kind, Term};
use crate::{
    judge::slot::{Evidence, Protection, Verdict},
    model::{PartialRetention, Retention, Settings, Unavailable, WalDirectory, WalRun},
};

/// Two terms, one after the other so that they add up: what stale slots alone keep, and what goes beyond that once the
/// inactive ones are confirmed to be forgotten, too.
pub fn reclaimable(evidence: &Evidence<'_>) -> Vec<Term> {
    let snapshot = evidence.snapshot;
    let stale_kind = |slots| Kind::StaleSlots { slots };
    let unknown = |why: &Unavailable| {
        let most = snapshot.wal_directory.known().map(|directory| directory.directory_bytes);
        vec![Term::unknown(Group::Reclaimable, stale_kind(Vec::new()), why.clone(), most)]
    };
    let slots = match snapshot.slots.as_result() {
        Ok(slots) => slots,
        Err(why) => return unknown(why),
    };
    let (mut stale, mut inactive) = (Vec::new(), Vec::new());
    for slot in slots {
        let judgement = evidence.judge(slot);
        let is_ours =
            !matches!(judgement.protection, Some(Protection::Temporary | Protection::Synced | Protection::Managed));
        match judgement.verdict {
            Verdict::Stale => stale.push(slot.slot_name.clone()),
            Verdict::Inactive if is_ours => inactive.push(slot.slot_name.clone()),
            _ => {}
        }
    }
    if stale.is_empty() && inactive.is_empty() {
        return Vec::new();
    }
    let partial = match Retention::known(snapshot) {
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
    let first = freed(&partial, directory, snapshot.settings.known(), &stale);
    let both: Vec<String> = stale.iter().chain(&inactive).cloned().collect();
    let all = freed(&partial, directory, snapshot.settings.known(), &both);
    let mut terms = Vec::new();
    if !stale.is_empty() {
        terms.push(Term::known(Group::Reclaimable, stale_kind(stale), first, Confidence::Proven));
    }
    if !inactive.is_empty() {
        let beyond = Amount::between(
            all.low_bytes.saturating_sub(first.low_bytes),
            all.bytes.saturating_sub(first.bytes),
            all.high_bytes.saturating_sub(first.high_bytes),
        );
        let kind = Kind::InactiveSlots { slots: inactive };
        terms.push(Term::known(Group::Reclaimable, kind, Amount { low_bytes: 0, ..beyond }, Confidence::Rough));
    }
    terms
}

/// What goes with these slots. The server renames segments that it could remove for later, up to `max_wal_size`, down to
/// `min_wal_size` where little is written (XLOGfileslop in src/backend/access/transam/xlog.c).
fn freed(partial: &PartialRetention, directory: &WalDirectory, settings: Option<&Settings>, gone: &[String]) -> Amount {
    if gone.is_empty() {
        return Amount::default();
    }
    let retention = &partial.retention;
    let stays = |name: &Option<String>| name.as_ref().is_none_or(|name| !gone.contains(name));
    let remaining = retention.holders.iter().filter(|holder| stays(&holder.name));
    let start = remaining.map(|holder| retention.segment_start(holder.from)).min().unwrap_or(retention.current.0);
    let whole = [WalRun {
        from: directory.oldest_lsn.unwrap_or(retention.current),
        segments: directory.files.saturating_sub(directory.recycled_files),
    }];
    let runs = directory.written.as_deref().unwrap_or(&whole);
    let segment = retention.wal_segment_bytes;
    let removable: u64 = runs
        .iter()
        .map(|run| {
            run.from.0.saturating_add(run.segments.saturating_mul(segment)).min(start).saturating_sub(run.from.0)
        })
        .sum();
    let left = directory.directory_bytes.saturating_sub(removable);
    let size = |name: &str| settings.and_then(|settings| settings.bytes(name)).unwrap_or(0);
    let recycles = |up_to: u64| removable.saturating_sub(up_to.saturating_sub(left));
    let least = recycles(size("max_wal_size"));
    Amount::between(least, least, recycles(size("min_wal_size")))
}
