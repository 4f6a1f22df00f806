//! Parts of `pg_wal` by cause. They add up to the size of the directory.

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
    /// WAL from the holder's position to the current one, in bytes; the ranges of several holders overlap. `None` when
    /// unknown, or without a holder.
    pub retained_bytes: Option<u64>,
    /// Share of `pg_wal` in bytes: WAL that no holder with a newer position retains. Shares add up to the directory.
    /// `None` when a holder or the directory is unknown.
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
        let share = wal_shares(&partial, snapshot.wal_directory.known())
            .into_iter()
            .find(|share| share.binding == Some(true))?;
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
            let end = run.from.position().saturating_add(run.segments.saturating_mul(retention.wal_segment_bytes));
            end.min(to).saturating_sub(run.from.position().max(from))
        };
        Some(runs.as_ref()?.iter().map(overlap).sum::<u64>())
    };
    let start_at =
        |position: usize| holders.get(position).map_or(u64::MAX, |holder| retention.segment_start(holder.from));
    let mut shares: Vec<WalShare> = holders
        .iter()
        .enumerate()
        .map(|(position, holder)| WalShare {
            by: SharedBy::Holder(holder.cause),
            name: holder.name.clone(),
            retained_bytes: Some(retention.current.bytes_since(holder.from)),
            // Of several holders with the same segment the first counts: the least avoidable cause, then the first
            // slot.
            bytes: match position.checked_sub(1) {
                Some(before) if start_at(before) == start_at(position) => between(0, 0),
                _ => between(
                    start_at(position),
                    (position + 1..).map(start_at).find(|next| *next > start_at(position)).unwrap_or(u64::MAX),
                ),
            },
            binding: is_whole.then_some(position == 0),
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
            from: directory.oldest_lsn.unwrap_or(Lsn::new(0)),
            segments: directory.files.saturating_sub(directory.recycled_files),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::wal::Holder;
    use serde_json::{Value, json};

    const SEGMENT: u64 = 16;

    fn partial_retention(holders: &[(Cause, &str, u64)]) -> PartialRetention {
        let holder = |(cause, name, from): &(Cause, &str, u64)| Holder {
            cause: *cause,
            name: (!name.is_empty()).then(|| (*name).to_owned()),
            from: Lsn::new(*from),
        };
        let holders = holders.iter().map(holder).collect();
        let retention = Retention { current: Lsn::new(170), holders, wal_segment_bytes: SEGMENT };
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

    fn lsn(megabytes: u64) -> Value {
        json!(Lsn::new(megabytes << 20).to_string())
    }

    fn slot(name: &str, restart_lsn: &Value) -> Value {
        json!({
            "slot_name": name, "plugin": "pgoutput", "slot_type": "logical", "database": "shop", "temporary": false,
            "active": false, "active_pid": null, "restart_lsn": restart_lsn, "confirmed_flush_lsn": restart_lsn,
            "wal_status": "reserved", "safe_wal_size": null, "xmin_age": null, "catalog_xmin_age": null,
        })
    }

    fn set_setting(snapshot: &mut Value, name: &str, value: &str, unit: Option<&str>) {
        let settings = snapshot["settings"]["known"].as_array_mut().unwrap();
        settings.retain(|setting| setting["name"] != name);
        settings.push(json!({"name": name, "setting": value, "unit": unit, "source": "default",
            "pending_restart": false}));
    }

    /// Returns the binding holder as text, after a change to a primary with segments of 16 MB, WAL at 1,600 MB and the
    /// last checkpoint at 1,584 MB. It archives, and nothing else retains WAL.
    fn binding_holder(change: impl FnOnce(&mut Value)) -> Option<String> {
        let now = "2026-06-01T00:00:00Z";
        let mut snapshot = json!({
            "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": now,
            "server": {"version_num": 170_000, "version": "", "database": "shop", "role": "me",
                "role_is_superuser": true, "role_may_replicate": true, "role_is_monitor": true, "in_recovery": false,
                "started_at": now, "requested_at": now, "block_size_bytes": 8192, "wal_segment_bytes": 16_777_216},
            "wal_position": {"known": {"current_lsn": lsn(1_600), "replay_lsn": null, "requested_at": now}},
            "control": {"known": {"system_identifier": "7", "timeline_id": 1, "redo_lsn": lsn(1_584),
                "checkpoint_lsn": lsn(1_585), "checkpoint_time": now}},
            "slots": {"known": []},
            "archive_status": {"known": {"ready_files": 0, "oldest_ready_lsn": null}},
            "wal_summarizer": {"known": {"summarized_lsn": lsn(1_590), "pending_lsn": lsn(1_590),
                "summarizer_pid": 1}},
            "settings": {"known": []},
        });
        set_setting(&mut snapshot, "archive_mode", "on", None);
        set_setting(&mut snapshot, "wal_keep_size", "0", Some("MB"));
        change(&mut snapshot);
        let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
        BindingHolder::find(&snapshot).map(|holder| holder.to_string())
    }

    #[test]
    fn binding_holder_is_the_oldest_of_each_kind() {
        assert_eq!(binding_holder(|_| {}).as_deref(), Some("the last checkpoint"));
        let slots = |snapshot: &mut Value| {
            snapshot["slots"]["known"] = json!([slot("newer", &lsn(1_000)), slot("older", &lsn(500))]);
        };
        assert_eq!(binding_holder(slots).as_deref(), Some("slot older"));
        let archiver = |snapshot: &mut Value| {
            slots(snapshot);
            snapshot["archive_status"]["known"] = json!({"ready_files": 80, "oldest_ready_lsn": lsn(320)});
        };
        assert_eq!(binding_holder(archiver).as_deref(), Some("the archiver's backlog"));
        let keep_size = |snapshot: &mut Value| {
            archiver(snapshot);
            set_setting(snapshot, "wal_keep_size", "1440", Some("MB"));
        };
        assert_eq!(binding_holder(keep_size).as_deref(), Some("wal_keep_size"));
        let summarizer = |snapshot: &mut Value| {
            keep_size(snapshot);
            set_setting(snapshot, "summarize_wal", "on", None);
            snapshot["wal_summarizer"]["known"]["summarized_lsn"] = lsn(64);
        };
        assert_eq!(binding_holder(summarizer).as_deref(), Some("the WAL summarizer"));
    }

    #[test]
    fn binding_holder_of_one_segment_is_the_unavoidable_one() {
        let at_checkpoint = |snapshot: &mut Value| {
            snapshot["slots"]["known"] = json!([slot("current", &lsn(1_584))]);
        };
        assert_eq!(binding_holder(at_checkpoint).as_deref(), Some("the last checkpoint"));
        let same_segment = |snapshot: &mut Value| {
            snapshot["slots"]["known"] = json!([slot("b", &lsn(500)), slot("a", &lsn(505))]);
        };
        assert_eq!(binding_holder(same_segment).as_deref(), Some("slot a"), "by name in one segment");
    }

    #[test]
    fn binding_holder_ignores_what_retains_nothing() {
        let lost = |snapshot: &mut Value| {
            let mut lost = slot("lost", &lsn(100));
            lost["wal_status"] = json!("lost");
            snapshot["slots"]["known"] = json!([lost, slot("unreserved", &Value::Null)]);
        };
        assert_eq!(binding_holder(lost).as_deref(), Some("the last checkpoint"));
        let no_archiving = |snapshot: &mut Value| {
            set_setting(snapshot, "archive_mode", "off", None);
            snapshot["archive_status"]["known"] = json!({"ready_files": 80, "oldest_ready_lsn": lsn(320)});
        };
        assert_eq!(binding_holder(no_archiving).as_deref(), Some("the last checkpoint"));
        let no_summaries = |snapshot: &mut Value| snapshot["wal_summarizer"]["known"]["summarized_lsn"] = lsn(64);
        assert_eq!(binding_holder(no_summaries).as_deref(), Some("the last checkpoint"));
    }

    #[test]
    fn binding_holder_is_none_with_an_unknown_holder() {
        let denied = json!({"unavailable": {"fact": "a fact", "reason": "denied"}});
        for fact in ["wal_position", "slots", "control", "archive_status", "settings"] {
            assert_eq!(binding_holder(|snapshot| snapshot[fact] = denied.clone()), None, "{fact}");
        }
    }
}
