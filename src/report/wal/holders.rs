//! What keeps WAL in pg_wal, cause by cause.

use crate::{
    model::{Cause, Retention, SharedBy, Snapshot, WalShare, wal_shares},
    render::{Cell, Column, Table, Tabulated, Tone, Value},
    report::Gaps,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct HolderLine {
    cause: &'static str,
    /// The slot's name.
    name: Option<String>,
    /// How far back it reaches; these overlap.
    reach_bytes: Option<u64>,
    /// What it keeps and no holder that reaches back less far; these add up to the directory.
    bytes: Option<u64>,
    /// It reaches back furthest.
    binding: Option<bool>,
}

/// Who keeps what; with rights missing, how far back those reach that are known.
pub fn holders(snapshot: &Snapshot, gaps: &mut Gaps) -> Option<Vec<HolderLine>> {
    let partial = match Retention::known(snapshot) {
        Ok(partial) => partial,
        Err(why) => {
            gaps.note(&why, &["wal.holders"], Vec::new());
            return None;
        }
    };
    for (cause, why) in &partial.missing {
        gaps.note(why, &["wal.holders[].reach_bytes", "wal.holders[].bytes", "wal.holders[].binding"], Vec::new());
        if *cause == Cause::Slot {
            gaps.note(why, &["wal.holders[].name"], Vec::new());
        }
    }
    let directory = gaps.take(&snapshot.wal_directory, &["wal.holders[].bytes"]);
    if partial.archiver_is_estimated {
        gaps.take(&snapshot.archive_status, &["wal.holders[].bytes"]);
    }
    let line = |share: WalShare| HolderLine {
        cause: cause(share.by),
        name: share.name,
        reach_bytes: share.reach_bytes,
        bytes: share.bytes,
        binding: share.binding,
    };
    Some(wal_shares(&partial, directory).into_iter().map(line).collect())
}

fn cause(by: SharedBy) -> &'static str {
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

/// As people read it.
pub fn table(holders: &[HolderLine]) -> Tabulated<&HolderLine> {
    let binds = |holder: &HolderLine| holder.binding == Some(true);
    Table::of(holders.iter().filter(|holder| holder.says_something()))
        .column(Column::words("cause", "What keeps pg_wal", 0), |holder| {
            Cell::text(holder.words()).toned(if binds(holder) { Tone::Warning } else { Tone::Plain })
        })
        .column(Column::numbers("reach_bytes", "reaches back", 0), |holder| match holder.reach_bytes {
            None if holder.bytes.is_some() => Cell::new(Value::None),
            reach => Cell::or_unknown(reach, Value::Bytes),
        })
        .column(Column::numbers("bytes", "keeps", 0), |holder| Cell::or_unknown(holder.bytes, Value::Bytes))
        .column(Column::words("binding", "", 1), |holder| {
            Cell::text(if binds(holder) { "reaches back furthest" } else { "" })
        })
}

impl HolderLine {
    fn words(&self) -> String {
        let words = match self.cause {
            "slot" => "slot",
            "archiver" => "waiting for the archiver",
            "wal-keep-size" => "wal_keep_size",
            "checkpoint" => "since the last checkpoint",
            "summarizer" => "WAL summarizer",
            "removable-at-checkpoint" => "nobody: goes at the next checkpoint",
            "recycled" => "recycled for WAL to come",
            "other-files" => "histories, labels, partial segments",
            other => other,
        };
        self.name.as_ref().map_or(words.to_owned(), |name| format!("{words} {name}"))
    }

    /// A part of which there is none is not worth a row.
    fn says_something(&self) -> bool {
        self.reach_bytes.is_some() || self.bytes != Some(0)
    }
}
