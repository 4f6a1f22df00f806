//! `pgtend wal`: where WAL is, what lies in pg_wal, what bounds it, how fast it grows.

use super::{Gaps, Report, observation::seconds_between};
use crate::{
    model::{
        Cause, Lsn, Retention, Settings, SharedBy, Snapshot, Unavailable, WalShare,
        past::{Memory, wal_rate},
        wal_shares,
    },
    render::{Cell, Column, Document, Table, Tone, Value, human_bytes, human_count, human_duration},
};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct WalReport {
    wal: Wal,
    #[serde(skip)]
    collected_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Wal {
    current_lsn: Option<Lsn>,
    /// Standbys only.
    replay_lsn: Option<Lsn>,
    redo_lsn: Option<Lsn>,
    checkpoint_time: Option<Timestamp>,
    directory_bytes: Option<u64>,
    files: Option<u64>,
    recycled_files: Option<u64>,
    recycled_bytes: Option<u64>,
    oldest_lsn: Option<Lsn>,
    oldest_modified_at: Option<Timestamp>,
    rate_bytes_per_hour: Option<u64>,
    /// `sample` (two looks), `history` (the samples of the last day) or `pg_stat_wal` (an average since its statistics
    /// began).
    rate_source: Option<&'static str>,
    /// Seconds the rate was observed over.
    rate_span_seconds: Option<f64>,
    settings: Option<Bounds>,
    archiver: Option<ArchiverState>,
    /// What keeps WAL in pg_wal, whoever reaches back furthest first.
    holders: Option<Vec<HolderLine>>,
}

#[derive(Debug, Serialize)]
struct HolderLine {
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

/// The settings that bound pg_wal. Null: not set, or not known to this version.
#[derive(Debug, Serialize)]
struct Bounds {
    wal_level: Option<String>,
    min_wal_size_bytes: Option<u64>,
    max_wal_size_bytes: Option<u64>,
    wal_keep_size_bytes: Option<u64>,
    /// Null: slots may keep WAL without limit.
    max_slot_wal_keep_size_bytes: Option<u64>,
    /// Seconds; null before 18.
    idle_replication_slot_timeout: Option<u64>,
    checkpoint_timeout_seconds: Option<u64>,
    wal_segment_bytes: u64,
    wal_compression: Option<String>,
    wal_recycle: Option<bool>,
    summarize_wal: Option<bool>,
}

#[derive(Debug, Serialize)]
struct ArchiverState {
    archive_mode: Option<String>,
    /// Whether anything would archive a segment; an empty command fails without being counted as failed.
    has_command: Option<bool>,
    archived_count: u64,
    last_archived_wal: Option<String>,
    last_archived_time: Option<Timestamp>,
    failed_count: u64,
    last_failed_wal: Option<String>,
    last_failed_time: Option<Timestamp>,
    /// Segments waiting.
    ready_files: Option<u64>,
    oldest_ready_lsn: Option<Lsn>,
}

/// A growth of WAL, where it comes from and over how long it was seen.
struct Rate {
    bytes_per_hour: u64,
    source: &'static str,
    span_seconds: f64,
}

impl WalReport {
    pub fn of(snapshot: &Snapshot, memory: &Memory, gaps: &mut Gaps) -> WalReport {
        let position = gaps.take(&snapshot.wal_position, &["wal.current_lsn", "wal.replay_lsn"]);
        let current_lsn = position.and_then(|position| position.current_lsn);
        if position.is_some() && current_lsn.is_none() {
            let reason = "the standby has neither received nor replayed WAL since it started";
            gaps.note(&missing("wal position", reason, None), &["wal.current_lsn"], Vec::new());
        }
        let control = gaps.take(&snapshot.control, &["wal.redo_lsn", "wal.checkpoint_time"]);
        let of_directory = [
            "wal.directory_bytes",
            "wal.files",
            "wal.recycled_files",
            "wal.recycled_bytes",
            "wal.oldest_lsn",
            "wal.oldest_modified_at",
        ];
        let directory = gaps.take(&snapshot.wal_directory, &of_directory);
        let rate = rate(snapshot, memory, gaps);
        let settings =
            gaps.take(&snapshot.settings, &["wal.settings", "wal.archiver.archive_mode", "wal.archiver.has_command"]);
        let wal = Wal {
            current_lsn,
            replay_lsn: position.and_then(|position| position.replay_lsn),
            redo_lsn: control.map(|control| control.redo_lsn),
            checkpoint_time: control.map(|control| control.checkpoint_time),
            directory_bytes: directory.map(|directory| directory.directory_bytes),
            files: directory.map(|directory| directory.files),
            recycled_files: directory.map(|directory| directory.recycled_files),
            recycled_bytes: directory.map(|directory| directory.recycled_bytes),
            oldest_lsn: directory.and_then(|directory| directory.oldest_lsn),
            oldest_modified_at: directory.and_then(|directory| directory.oldest_modified_at),
            rate_bytes_per_hour: rate.as_ref().map(|rate| rate.bytes_per_hour),
            rate_source: rate.as_ref().map(|rate| rate.source),
            rate_span_seconds: rate.as_ref().map(|rate| rate.span_seconds),
            settings: settings.map(|settings| bounds(settings, snapshot.server.wal_segment_bytes)),
            archiver: archiver(snapshot, settings, gaps),
            holders: holders(snapshot, gaps),
        };
        WalReport { wal, collected_at: snapshot.collected_at }
    }
}

/// Who keeps what; with rights missing, how far back those reach that are known.
fn holders(snapshot: &Snapshot, gaps: &mut Gaps) -> Option<Vec<HolderLine>> {
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

fn missing(fact: &str, reason: &str, hint: Option<&str>) -> Unavailable {
    Unavailable::because(fact, reason).with_hint(hint)
}

/// Seconds; an average over less is mostly the noise of the start.
const SHORTEST_SPAN: u64 = 60;

/// Two looks where they were asked for, else what samples saw of late, else the average since the statistics began. A standby's own statistics do not
/// count the WAL it replays.
fn rate(snapshot: &Snapshot, memory: &Memory, gaps: &mut Gaps) -> Option<Rate> {
    let fields = ["wal.rate_bytes_per_hour", "wal.rate_source", "wal.rate_span_seconds"];
    let sample = Some("pgtend wal --sample 10s");
    if let (Some(first), Some(second)) = (snapshot.wal_position.known(), &snapshot.wal_position_later) {
        let span_seconds = second.asked_at.duration_since(first.asked_at).as_secs_f64();
        if let (Some(from), Some(to)) = (first.current_lsn, second.current_lsn)
            && span_seconds > 0.0
        {
            return Some(Rate {
                bytes_per_hour: (to.bytes_since(from) as f64 / span_seconds * 3_600.0) as u64,
                source: "sample",
                span_seconds,
            });
        }
        gaps.note(&missing("wal rate", "one of the two looks found no WAL position", None), &fields, Vec::new());
        return None;
    }
    if let Some(rate) = wal_rate(&memory.wal).filter(|rate| rate.seconds() >= SHORTEST_SPAN as f64) {
        let span_seconds = rate.seconds();
        return Some(Rate { bytes_per_hour: rate.bytes_per_hour, source: "history", span_seconds });
    }
    if snapshot.server.in_recovery {
        gaps.note(
            &missing("wal rate", "a standby keeps no statistics of the WAL it replays", sample),
            &fields,
            Vec::new(),
        );
        return None;
    }
    let statistics = match snapshot.wal_statistics.as_result() {
        Ok(statistics) => statistics,
        Err(why) => {
            let hint = why.hint.as_deref().or(sample);
            gaps.note(&why.for_fact("wal rate").with_hint(hint), &fields, Vec::new());
            return None;
        }
    };
    let span = statistics.stats_reset.map(|since| seconds_between(since, statistics.asked_at));
    let span = span.filter(|span| *span >= SHORTEST_SPAN);
    let Some(span) = span else {
        gaps.note(&missing("wal rate", "the WAL statistics have only just begun", sample), &fields, Vec::new());
        return None;
    };
    Some(Rate {
        bytes_per_hour: (statistics.wal_bytes as f64 / span as f64 * 3_600.0) as u64,
        source: "pg_stat_wal",
        span_seconds: span as f64,
    })
}

fn bounds(settings: &Settings, wal_segment_bytes: u64) -> Bounds {
    let text = |name| settings.text(name).map(str::to_owned);
    let number = |name| settings.text(name).and_then(|text| text.parse().ok());
    Bounds {
        wal_level: text("wal_level"),
        min_wal_size_bytes: settings.bytes("min_wal_size"),
        max_wal_size_bytes: settings.bytes("max_wal_size"),
        wal_keep_size_bytes: settings.bytes("wal_keep_size"),
        max_slot_wal_keep_size_bytes: settings.bytes("max_slot_wal_keep_size"),
        idle_replication_slot_timeout: number("idle_replication_slot_timeout"),
        checkpoint_timeout_seconds: number("checkpoint_timeout"),
        wal_segment_bytes,
        wal_compression: text("wal_compression"),
        wal_recycle: settings.is_on("wal_recycle"),
        summarize_wal: settings.is_on("summarize_wal"),
    }
}

fn archiver(snapshot: &Snapshot, settings: Option<&Settings>, gaps: &mut Gaps) -> Option<ArchiverState> {
    let archiver = gaps.take(&snapshot.archiver, &["wal.archiver"])?;
    let waiting = ["wal.archiver.ready_files", "wal.archiver.oldest_ready_lsn"];
    let status = gaps.take(&snapshot.archive_status, &waiting);
    Some(ArchiverState {
        archive_mode: settings.and_then(|settings| settings.text("archive_mode")).map(str::to_owned),
        // Postgres shows `(disabled)` for a command that archive_mode = off makes meaningless.
        has_command: settings.map(|settings| {
            settings.text("archive_library").is_some()
                || settings.text("archive_command").is_some_and(|command| command != "(disabled)")
        }),
        archived_count: archiver.archived_count,
        last_archived_wal: archiver.last_archived_wal.clone(),
        last_archived_time: archiver.last_archived_time,
        failed_count: archiver.failed_count,
        last_failed_wal: archiver.last_failed_wal.clone(),
        last_failed_time: archiver.last_failed_time,
        ready_files: status.map(|status| status.ready_files),
        oldest_ready_lsn: status.and_then(|status| status.oldest_ready_lsn),
    })
}

impl ArchiverState {
    fn sentence(&self) -> (String, Tone) {
        if self.archive_mode.as_deref() == Some("off") {
            return ("is off".to_owned(), Tone::Plain);
        }
        let waiting =
            self.ready_files.map_or("? segments".to_owned(), |files| format!("{} segments", human_count(files)));
        if self.has_command == Some(false) {
            return (format!("is on without a command: {waiting} wait, and none will ever be archived"), Tone::Bad);
        }
        let text = format!(
            "{} archived, {} failures, {waiting} waiting",
            human_count(self.archived_count),
            human_count(self.failed_count)
        );
        if self.is_failing() {
            (format!("fails at {}: {text}", self.last_failed_wal.as_deref().unwrap_or("a segment")), Tone::Bad)
        } else {
            (format!("works: {text}"), Tone::Plain)
        }
    }

    /// The last attempt failed.
    fn is_failing(&self) -> bool {
        self.last_failed_time > self.last_archived_time
    }
}

impl Report for WalReport {
    const COMMAND: &'static str = "wal";

    fn document(&self) -> Document {
        let wal = &self.wal;
        let mut rows = Vec::new();
        let mut row =
            |what: &str, value: Cell, note: String| rows.push(vec![Cell::text(what), value, Cell::text(note)]);
        row("current position", Cell::or_unknown(wal.current_lsn, Value::Lsn), String::new());
        if let Some(replayed) = wal.replay_lsn {
            let behind = wal.current_lsn.map(|current| current.bytes_since(replayed)).filter(|bytes| *bytes > 0);
            let note = behind.map(|bytes| format!("{} received and not replayed", human_bytes(bytes)));
            row("replayed to", Cell::new(Value::Lsn(replayed)), note.unwrap_or_default());
        }
        let since = |at: Timestamp| format!("{} ago", human_duration(seconds_between(at, self.collected_at)));
        row(
            "last checkpoint's redo",
            Cell::or_unknown(wal.redo_lsn, Value::Lsn),
            wal.checkpoint_time.map(since).unwrap_or_default(),
        );
        let files =
            |count: Option<u64>| count.map(|count| format!("{} segments", human_count(count))).unwrap_or_default();
        row("pg_wal", Cell::or_unknown(wal.directory_bytes, Value::Bytes), files(wal.files));
        row("of it recycled, empty", Cell::or_unknown(wal.recycled_bytes, Value::Bytes), files(wal.recycled_files));
        if let Some(oldest) = wal.oldest_lsn {
            row("oldest segment", Cell::new(Value::Lsn(oldest)), wal.oldest_modified_at.map(since).unwrap_or_default());
        }
        let rate_note = match (wal.rate_source, wal.rate_span_seconds) {
            (Some("sample"), Some(span)) => format!("measured over {span:.1} s"),
            (Some("history"), Some(span)) => format!("by the history, over the last {}", human_duration(span as u64)),
            (Some(_), Some(span)) => format!("average of the last {}", human_duration(span as u64)),
            _ => "see --sample".to_owned(),
        };
        row("written an hour", Cell::or_unknown(wal.rate_bytes_per_hour, Value::Bytes), rate_note);
        if let Some(bounds) = &wal.settings {
            let setting = |bytes: Option<u64>| Cell::or_none(bytes, Value::Bytes);
            row("max_wal_size", setting(bounds.max_wal_size_bytes), "soft limit".to_owned());
            row("min_wal_size", setting(bounds.min_wal_size_bytes), "recycled, not removed".to_owned());
            row("wal_keep_size", setting(bounds.wal_keep_size_bytes), "for standbys without a slot".to_owned());
            let note = match bounds.max_slot_wal_keep_size_bytes {
                Some(_) => "slots beyond it are lost",
                None => "no limit for slots",
            };
            row("max_slot_wal_keep_size", setting(bounds.max_slot_wal_keep_size_bytes), note.to_owned());
        }
        let mut document = Document::default();
        document.table(Table {
            columns: vec![Column::words("what", "", 0), Column::numbers("value", "", 0), Column::words("note", "", 1)],
            rows,
            left_out: 0,
        });
        if let Some(holders) = &wal.holders {
            let rows = holders.iter().filter(|holder| holder.says_something()).map(|holder| {
                let tone = if holder.binding == Some(true) { Tone::Warning } else { Tone::Plain };
                let reach = match holder.reach_bytes {
                    None if holder.bytes.is_some() => Cell::new(Value::None),
                    reach => Cell::or_unknown(reach, Value::Bytes),
                };
                vec![
                    Cell::text(holder.words()).toned(tone),
                    reach,
                    Cell::or_unknown(holder.bytes, Value::Bytes),
                    Cell::text(if holder.binding == Some(true) { "reaches back furthest" } else { "" }),
                ]
            });
            let table = Table {
                columns: vec![
                    Column::words("cause", "What keeps pg_wal", 0),
                    Column::numbers("reach_bytes", "reaches back", 0),
                    Column::numbers("bytes", "keeps", 0),
                    Column::words("binding", "", 1),
                ],
                rows: rows.collect(),
                left_out: 0,
            };
            document.gap().table(table);
        }
        if let Some(archiver) = &wal.archiver {
            let (text, tone) = archiver.sentence();
            document.gap().toned_line(format!("Archiving {text}."), tone);
        }
        document
    }
}
