//! Parts of `pg_wal` by cause. They add up to the directory.

use crate::analysis::wal::{Cause, PartialRetention, Retention};
use crate::facts::{Snapshot, WalDirectory, WalRun};
use crate::units::Lsn;
use std::fmt;

/// A part of `pg_wal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedBy {
    /// Retained by this cause.
    Holder(Cause),
    /// Older than every holder: the next checkpoint removes or recycles it.
    RemovableAtCheckpoint,
    /// Recycled segments, renamed for later positions.
    Recycled,
    /// Timeline histories, backup labels and partial segments.
    OtherFiles,
    /// Difference between the directory and all other parts.
    Unexplained,
}

/// One part, with what its holder retains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalShare {
    /// The part.
    pub by: SharedBy,
    /// Name of the slot; `None` for other parts.
    pub name: Option<String>,
    /// Bytes from the holder's position to the present one; these overlap. `None` when unknown, or without a holder.
    pub retained_bytes: Option<u64>,
    /// Bytes that no holder with a newer position retains; they add up to the directory. `None` when a holder or the
    /// directory is unknown.
    pub bytes: Option<u64>,
    /// Whether it is the holder with the oldest position; `None` when a holder is unknown.
    pub binding: Option<bool>,
}

/// The holder with the oldest position. `Display` names it for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingHolder {
    cause: Cause,
    /// Name of the slot.
    name: Option<String>,
}

impl BindingHolder {
    /// Returns the binding holder of a server's WAL; `None` when a holder is unknown, or without one.
    pub fn find(snapshot: &Snapshot) -> Option<BindingHolder> {
        let partial = Retention::from_known_facts(snapshot).ok()?;
        let share =
            wal_shares(&partial, snapshot.wal_directory.known()).into_iter().find(|it| it.binding == Some(true))?;
        match share.by {
            SharedBy::Holder(cause) => Some(BindingHolder { cause, name: share.name }),
            _ => None,
        }
    }
}

impl fmt::Display for BindingHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cause, &self.name) {
            (Cause::Slot, Some(name)) => write!(f, "slot {name}"),
            (Cause::Slot, None) => f.write_str("a slot"),
            (Cause::Archiver, _) => f.write_str("the archiver's backlog"),
            (Cause::WalKeepSize, _) => f.write_str("wal_keep_size"),
            (Cause::Summarizer, _) => f.write_str("the WAL summarizer"),
            (Cause::Checkpoint, _) => f.write_str("the last checkpoint"),
        }
    }
}

/// Returns the parts, the holder with the oldest position first.
pub fn wal_shares(partial: &PartialRetention, directory: Option<&WalDirectory>) -> Vec<WalShare> {
    let retention = &partial.retention;
    let mut holders: Vec<_> = retention
        .holders
        .iter()
        .filter(|holder| holder.cause != Cause::WalKeepSize || holder.from < retention.current)
        .collect();
    holders.sort_by_key(|holder| (retention.segment_start(holder.from), holder.cause, holder.name.clone()));
    let is_whole = partial.missing.is_empty();
    let files = directory.filter(|_| is_whole && !partial.archiver_is_estimated);
    let runs = files.map(wal_runs);
    let between = |from: u64, to: u64| {
        let overlap = |run: &WalRun| {
            let end = run.from.0.saturating_add(run.segments.saturating_mul(retention.wal_segment_bytes));
            end.min(to).saturating_sub(run.from.0.max(from))
        };
        Some(runs.as_ref()?.iter().map(overlap).sum::<u64>())
    };
    let start_at = |at: usize| holders.get(at).map_or(u64::MAX, |holder| retention.segment_start(holder.from));
    let mut shares: Vec<WalShare> = holders
        .iter()
        .enumerate()
        .map(|(at, holder)| WalShare {
            by: SharedBy::Holder(holder.cause),
            name: holder.name.clone(),
            retained_bytes: Some(retention.current.bytes_since(holder.from)),
            // Of several holders with the same segment the first counts: the least avoidable cause, then the first
            // slot.
            bytes: match at.checked_sub(1) {
                Some(before) if start_at(before) == start_at(at) => between(0, 0),
                _ => between(
                    start_at(at),
                    (at + 1..).map(start_at).find(|next| *next > start_at(at)).unwrap_or(u64::MAX),
                ),
            },
            binding: is_whole.then_some(at == 0),
        })
        .collect();
    shares.extend(partial.missing.iter().map(|(cause, _)| WalShare {
        by: SharedBy::Holder(*cause),
        name: None,
        retained_bytes: None,
        bytes: None,
        binding: None,
    }));
    if let Some(directory) = files {
        let mut part = |by, bytes| {
            shares.push(WalShare { by, name: None, retained_bytes: None, bytes: Some(bytes), binding: Some(false) });
        };
        part(SharedBy::RemovableAtCheckpoint, between(0, start_at(0)).unwrap_or(0));
        part(SharedBy::Recycled, directory.recycled_bytes);
        part(SharedBy::OtherFiles, directory.other_bytes.unwrap_or(0));
        let explained: u64 = shares.iter().filter_map(|share| share.bytes).sum();
        let unexplained = directory.directory_bytes.saturating_sub(explained);
        shares.push(WalShare {
            by: SharedBy::Unexplained,
            name: None,
            retained_bytes: None,
            bytes: Some(unexplained),
            binding: Some(false),
        });
    }
    shares
}

/// Returns the written segments. An older snapshot has only their number and the oldest position.
fn wal_runs(directory: &WalDirectory) -> Vec<WalRun> {
    match &directory.written {
        Some(written) => written.clone(),
        None => vec![WalRun {
            from: directory.oldest_lsn.unwrap_or(Lsn(0)),
            segments: directory.files.saturating_sub(directory.recycled_files),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::wal::Holder;

    const SEGMENT: u64 = 16;

    fn partial_retention(holders: &[(Cause, &str, u64)]) -> PartialRetention {
        let holder = |(cause, name, from): &(Cause, &str, u64)| Holder {
            cause: *cause,
            name: (!name.is_empty()).then(|| (*name).to_owned()),
            from: Lsn(*from),
        };
        let holders = holders.iter().map(holder).collect();
        let retention = Retention { current: Lsn(170), holders, wal_segment_bytes: SEGMENT };
        PartialRetention { retention, missing: Vec::new(), archiver_is_estimated: false }
    }

    /// Segments from 32 on to the current one, 160; two recycled; a history file of 5 bytes.
    fn wal_directory() -> WalDirectory {
        serde_json::from_str(
            r#"{"directory_bytes": 181, "files": 11, "recycled_files": 2, "recycled_bytes": 32, "other_bytes": 5,
                "oldest_lsn": "0/20", "oldest_modified_at": null, "written": [{"from": "0/20", "segments": 9}]}"#,
        )
        .unwrap()
    }

    fn bytes_by_share(shares: &[WalShare]) -> Vec<(SharedBy, u64)> {
        shares.iter().map(|share| (share.by, share.bytes.unwrap())).collect()
    }

    #[test]
    fn wal_shares_unknown_holder_has_no_bytes() {
        let mut unknown = partial_retention(&[(Cause::Checkpoint, "", 150)]);
        unknown.missing.push((Cause::Archiver, crate::facts::Unavailable::new("archive status", "denied")));
        let shares = wal_shares(&unknown, Some(&wal_directory()));
        assert!(shares.iter().all(|share| share.bytes.is_none() && share.binding.is_none()), "{shares:?}");
        let shares = wal_shares(&partial_retention(&[(Cause::Checkpoint, "", 150)]), None);
        assert_eq!((shares.len(), shares[0].bytes, shares[0].binding), (1, None, Some(true)));
    }

    #[test]
    fn wal_shares_add_up_to_the_directory() {
        let holders = [(Cause::Slot, "b", 70), (Cause::Checkpoint, "", 150), (Cause::Slot, "a", 65)];
        let shares = wal_shares(&partial_retention(&holders), Some(&wal_directory()));
        assert_eq!(
            bytes_by_share(&shares),
            [
                (SharedBy::Holder(Cause::Slot), 80),
                (SharedBy::Holder(Cause::Slot), 0),
                (SharedBy::Holder(Cause::Checkpoint), 32),
                (SharedBy::RemovableAtCheckpoint, 32),
                (SharedBy::Recycled, 32),
                (SharedBy::OtherFiles, 5),
                (SharedBy::Unexplained, 0),
            ]
        );
        assert_eq!((shares[0].name.as_deref(), shares[0].binding), (Some("a"), Some(true)));
        assert_eq!(shares[0].retained_bytes, Some(105));
    }

    #[test]
    fn wal_shares_slot_at_checkpoint_has_zero_bytes() {
        let shares = wal_shares(
            &partial_retention(&[(Cause::Slot, "a", 151), (Cause::Checkpoint, "", 155)]),
            Some(&wal_directory()),
        );
        assert_eq!(
            bytes_by_share(&shares)[..2],
            [(SharedBy::Holder(Cause::Checkpoint), 32), (SharedBy::Holder(Cause::Slot), 0)]
        );
    }

    #[test]
    fn wal_shares_are_capped_by_existing_wal() {
        let shares = wal_shares(
            &partial_retention(&[(Cause::WalKeepSize, "", 0), (Cause::Checkpoint, "", 150)]),
            Some(&wal_directory()),
        );
        assert_eq!(bytes_by_share(&shares)[0], (SharedBy::Holder(Cause::WalKeepSize), 112));
        let idle = partial_retention(&[(Cause::WalKeepSize, "", 170), (Cause::Checkpoint, "", 150)]);
        assert!(wal_shares(&idle, None).iter().all(|share| share.by != SharedBy::Holder(Cause::WalKeepSize)));
    }
}
