//! State of archiving, and the segments that wait for it.

use crate::facts::{Settings, Snapshot, Unavailable};
use crate::render::{Tone, format_counted, human_count};
use crate::report::Gaps;
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
pub struct ArchiverState {
    archive_mode: Option<String>,
    /// Whether there is a command or library to archive segments. An empty command fails without being counted.
    has_command: Option<bool>,
    archived_count: u64,
    last_archived_wal: Option<String>,
    last_archived_time: Option<Timestamp>,
    failed_count: u64,
    last_failed_wal: Option<String>,
    last_failed_time: Option<Timestamp>,
    /// Segments that wait for the archiver.
    ready_files: Option<u64>,
    oldest_ready_lsn: Option<Lsn>,
    /// Whether it is a standby that leaves archiving to its primary.
    #[serde(skip)]
    is_idle_standby: bool,
}

impl ArchiverState {
    pub fn new(snapshot: &Snapshot, settings: Option<&Settings>, gaps: &mut Gaps) -> Option<ArchiverState> {
        let archiver = gaps.get_or_note(&snapshot.archiver, &["wal.archiver"])?;
        let waiting = ["wal.archiver.ready_files", "wal.archiver.oldest_ready_lsn"];
        let status = gaps.get_or_note(&snapshot.archive_status, &waiting);
        for (name, field) in [("archive_mode", "archive_mode"), ("archive_command", "has_command")] {
            if settings.is_some_and(|settings| settings.get(name).is_none()) {
                let why = Unavailable::new("settings", format!("{name} is hidden from this role"));
                gaps.note(&why, &[&format!("wal.archiver.{field}")], Vec::new());
            }
        }
        let in_recovery = snapshot.server.in_recovery;
        Some(ArchiverState {
            is_idle_standby: in_recovery && settings.and_then(|settings| settings.archives(in_recovery)) == Some(false),
            archive_mode: settings.and_then(|settings| settings.text("archive_mode")).map(str::to_owned),
            has_command: settings.and_then(Settings::has_archive_command),
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

    pub fn describe(&self) -> (String, Tone) {
        if self.archive_mode.as_deref() == Some("off") {
            return ("is off".to_owned(), Tone::Plain);
        }
        if self.is_idle_standby {
            return (
                "is done by the primary: a standby archives only with archive_mode = always".to_owned(),
                Tone::Plain,
            );
        }
        let waiting = self.ready_files.map_or("? segments".to_owned(), |files| format_counted(files, "segment"));
        if self.has_command == Some(false) {
            return (
                format!("is on without archive_command or archive_library, so nothing is archived: {waiting} waiting"),
                Tone::Bad,
            );
        }
        let text = format!(
            "{} archived, {}, {waiting} waiting",
            human_count(self.archived_count),
            format_counted(self.failed_count, "failure")
        );
        if self.is_failing() {
            (format!("fails at {}: {text}", self.last_failed_wal.as_deref().unwrap_or("a segment")), Tone::Bad)
        } else {
            (format!("works: {text}"), Tone::Plain)
        }
    }

    /// Returns whether the last attempt failed.
    fn is_failing(&self) -> bool {
        self.last_failed_time > self.last_archived_time
    }
}
