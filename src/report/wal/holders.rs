//! What retains WAL in `pg_wal`, by cause.

use crate::analysis::wal::{Cause, Retention, SharedBy, WalShare, wal_shares};
use crate::facts::Snapshot;
use crate::render::{Cell, Column, Table, TableBuilder, Tone, Value};
use crate::report::Gaps;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
pub struct HolderLine {
    cause: &'static str,
    /// Name of the slot.
    name: Option<String>,
    /// WAL from the holder's position to the current one, in bytes; the ranges of several holders overlap.
    retained_bytes: Option<u64>,
    /// Share of `pg_wal` in bytes: WAL that no holder with a newer position retains. Shares add up to the directory.
    bytes: Option<u64>,
    /// Whether it is the holder with the oldest position.
    binding: Option<bool>,
}

/// Returns the parts of `pg_wal` by holder. Without the required rights, it returns the positions of the known holders.
pub fn holders(snapshot: &Snapshot, gaps: &mut Gaps) -> Option<Vec<HolderLine>> {
    let partial = match Retention::from_known_facts(snapshot) {
        Ok(partial) => partial,
        Err(why) => {
            gaps.note(&why, &["wal.holders"], Vec::new());
            return None;
        }
    };
    for (cause, why) in &partial.missing {
        gaps.note(why, &["wal.holders[].retained_bytes", "wal.holders[].bytes", "wal.holders[].binding"], Vec::new());
        if *cause == Cause::Slot {
            gaps.note(why, &["wal.holders[].name"], Vec::new());
        }
    }
    let directory = gaps.get_or_note(&snapshot.wal_directory, &["wal.holders[].bytes"]);
    if partial.archiver_is_estimated {
        gaps.get_or_note(&snapshot.archive_status, &["wal.holders[].bytes"]);
    }
    let line = |share: WalShare| HolderLine {
        cause: cause_name(share.by),
        name: share.name,
        retained_bytes: share.retained_bytes,
        bytes: share.bytes,
        binding: share.binding,
    };
    Some(wal_shares(&partial, directory).into_iter().map(line).collect())
}

fn cause_name(by: SharedBy) -> &'static str {
    match by {
        SharedBy::Holder(Cause::Slot) => "slot",
        SharedBy::Holder(Cause::Archiver) => "archiver",
        SharedBy::Holder(Cause::WalKeepSize) => "wal-keep-size",
        SharedBy::Holder(Cause::Checkpoint) => "checkpoint",
        SharedBy::Holder(Cause::Summarizer) => "summarizer",
        SharedBy::RemovableAtCheckpoint => "removable-at-checkpoint",
        SharedBy::Recycled => "recycled",
        SharedBy::OtherFiles => "other-files",
        SharedBy::Unexplained => "unexplained",
    }
}

/// Returns the table of the holders.
pub fn holders_table(holders: &[HolderLine]) -> TableBuilder<&HolderLine> {
    let binds = |holder: &HolderLine| holder.binding == Some(true);
    Table::with_rows(holders.iter().filter(|holder| holder.is_shown()))
        .column(Column::text("cause", "holder", 0), |holder| {
            Cell::text(holder.describe()).with_tone(if binds(holder) { Tone::Warning } else { Tone::Plain })
        })
        .column(Column::numbers("retained_bytes", "retained", 0), |holder| match holder.retained_bytes {
            None if holder.bytes.is_some() => Cell::new(Value::None),
            retained => Cell::or_unknown(retained, Value::Bytes),
        })
        .column(Column::numbers("bytes", "share", 0), |holder| Cell::or_unknown(holder.bytes, Value::Bytes))
        .column(Column::text("binding", "", 1), |holder| Cell::text(if binds(holder) { "binding" } else { "" }))
}

/// Explains the columns; `None` when they are unknown.
pub fn legend(holders: &[HolderLine]) -> Option<&'static str> {
    let is_known = holders.iter().all(|holder| holder.bytes.is_some() && holder.binding.is_some());
    (is_known && !holders.is_empty())
        .then_some("The binding holder decides which WAL is removable. Shares add up to the size of pg_wal.")
}

impl HolderLine {
    fn describe(&self) -> String {
        let text = match self.cause {
            "slot" => "slot",
            "archiver" => "archiver (segments not archived yet)",
            "wal-keep-size" => "wal_keep_size",
            "checkpoint" => "last checkpoint",
            "summarizer" => "WAL summarizer",
            "removable-at-checkpoint" => "none: removable at the next checkpoint",
            "recycled" => "none: recycled for future WAL",
            "other-files" => "none: history, backup and partial files",
            other => other,
        };
        self.name.as_ref().map_or(text.to_owned(), |name| format!("{text} {name}"))
    }

    /// Returns whether the row is shown. Empty parts are not.
    fn is_shown(&self) -> bool {
        self.retained_bytes.is_some() || self.bytes != Some(0)
    }
}
