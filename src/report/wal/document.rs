//! Document of the WAL report.

use super::{Wal, holders, writers};
use crate::analysis::wal::RateSource;
use crate::render::{Cell, Column, Document, Table, Tone, Value, format_counted, human_bytes, human_duration};
use crate::report::observation::seconds_between;
use jiff::Timestamp;

pub fn wal_document(wal: &Wal, collected_at: Timestamp) -> Document {
    let mut document = Document::default();
    document.table(location_table(wal, collected_at));
    if let Some(holders) = &wal.holders {
        document.gap().heading("What retains pg_wal").table(holders::holders_table(holders));
        if let Some(legend) = holders::legend(holders) {
            document.toned_line(legend, Tone::Faint);
        }
    }
    if let Some(archiver) = &wal.archiver {
        let (text, tone) = archiver.describe();
        document.gap().toned_line(format!("Archiving {text}."), tone);
    }
    writers::show_writers(wal.statements.as_ref(), wal.backends.as_ref(), wal.full_page_images.as_ref(), &mut document);
    document.gap().heading("Time until the disk is full");
    document.line(format!("- {}.", wal.forecast.describe_time_until_full(wal.disk.as_ref())));
    for slot in wal.forecast.slots.iter().flatten() {
        if let Some(loss_text) = slot.describe(collected_at) {
            document.line(format!("- {loss_text}."));
        }
    }
    if let Some(prevention) = wal.prevention.as_ref().filter(|prevention| !prevention.reasons.is_empty()) {
        document.gap().heading("Recommended limits (pgtend does not change settings)");
        for reason in &prevention.reasons {
            document.line(format!("- {reason}."));
        }
        for advice in &prevention.advice {
            document.line(format!("  {advice}"));
        }
    }
    document
}

/// Returns the position of WAL, the size of `pg_wal`, and the settings that bound it.
fn location_table(wal: &Wal, collected_at: Timestamp) -> Table {
    let mut rows = Vec::new();
    let mut row = |what: &str, value: Cell, note: String| rows.push(vec![Cell::text(what), value, Cell::text(note)]);
    row("current LSN", Cell::or_unknown(wal.current_lsn, Value::Lsn), String::new());
    if let Some(replayed) = wal.replay_lsn {
        let behind = wal.current_lsn.map(|current| current.bytes_since(replayed)).filter(|bytes| *bytes > 0);
        let note = behind.map(|bytes| format!("{} received but not replayed", human_bytes(bytes)));
        row("replayed LSN", Cell::new(Value::Lsn(replayed)), note.unwrap_or_default());
    }
    let since = |timestamp: Timestamp| format!("{} ago", human_duration(seconds_between(timestamp, collected_at)));
    row(
        "checkpoint redo LSN",
        Cell::or_unknown(wal.redo_lsn, Value::Lsn),
        wal.checkpoint_time.map(|time| format!("checkpoint {}", since(time))).unwrap_or_default(),
    );
    let files = |count: Option<u64>| count.map(|count| format_counted(count, "segment")).unwrap_or_default();
    row("pg_wal", Cell::or_unknown(wal.directory_bytes, Value::Bytes), files(wal.files));
    row("of which recycled", Cell::or_unknown(wal.recycled_bytes, Value::Bytes), files(wal.recycled_files));
    if let Some(oldest) = wal.oldest_lsn {
        let modified = wal.oldest_modified_at.map(|time| format!("modified {}", since(time)));
        row("oldest segment", Cell::new(Value::Lsn(oldest)), modified.unwrap_or_default());
    }
    row("WAL written per hour", Cell::or_unknown(wal.rate_bytes_per_hour, Value::Bytes), rate_note(wal));
    if let Some(bounds) = &wal.settings {
        let setting = |bytes: Option<u64>| Cell::or_none(bytes, Value::Bytes);
        row("max_wal_size", setting(bounds.max_wal_size_bytes), "soft limit".to_owned());
        row("min_wal_size", setting(bounds.min_wal_size_bytes), "below it, old segments are recycled".to_owned());
        row("wal_keep_size", setting(bounds.wal_keep_size_bytes), "for standbys without a slot".to_owned());
        let note = match bounds.max_slot_wal_keep_size_bytes {
            Some(_) => "slots that exceed it are lost",
            None => "no limit for slots",
        };
        row("max_slot_wal_keep_size", setting(bounds.max_slot_wal_keep_size_bytes), note.to_owned());
    }
    Table {
        columns: vec![Column::text("what", "", 0), Column::numbers("value", "", 0), Column::text("note", "", 1)],
        rows,
        left_out: 0,
    }
}

fn rate_note(wal: &Wal) -> String {
    let (Some(source), Some(span)) = (wal.rate_source, wal.rate_span_seconds) else { return "see --sample".to_owned() };
    let long = human_duration(span as u64);
    let note = match source {
        RateSource::Sample => format!("measured over {span:.1} s"),
        RateSource::History => format!("average of samples over {long}"),
        RateSource::PgStatWal => format!("pg_stat_wal, average of the last {long}"),
        RateSource::Archiver => format!("segments archived in {long}"),
        RateSource::Segments => format!("from the age of the oldest segment, {long}"),
    };
    match (wal.rate_low_bytes_per_hour, wal.rate_high_bytes_per_hour) {
        (Some(low), Some(high)) if human_bytes(low) != human_bytes(high) => {
            format!("{note}; all sources: {} to {}", human_bytes(low), human_bytes(high))
        }
        _ => note,
    }
}
