//! The write-ahead log: position, files of pg_wal, statistics, archiving and summarization.

use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The current WAL position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct WalPosition {
    /// On a primary, the write position; on a standby, the newest position received or replayed. `None` on a standby
    /// without either.
    pub current_lsn: Option<Lsn>,
    /// Replay position; standbys only.
    pub replay_lsn: Option<Lsn>,
    /// The server's clock when the position was read.
    pub requested_at: Timestamp,
}

/// The content of pg_wal (`pg_ls_waldir()`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct WalDirectory {
    /// Bytes of all files, including timeline histories and backup labels.
    pub directory_bytes: u64,
    /// Number of WAL segments.
    pub files: u64,
    /// Number of recycled segments, which are renamed for future positions and contain no WAL yet.
    pub recycled_files: u64,
    /// Their size in bytes.
    pub recycled_bytes: u64,
    /// Start of the oldest segment.
    pub oldest_lsn: Option<Lsn>,
    /// When the oldest written segment was last modified.
    pub oldest_modified_at: Option<Timestamp>,
    /// Bytes of timeline histories, backup labels and partial segments.
    #[serde(default)]
    pub other_bytes: Option<u64>,
    /// Runs of consecutive written segments; one per timeline with segments.
    #[serde(default)]
    pub written: Option<Vec<WalRun>>,
}

/// Consecutive segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct WalRun {
    /// Start of the first segment.
    pub from: Lsn,
    /// Number of segments.
    pub segments: u64,
}

/// WAL written by this server since the last reset (`pg_stat_wal`, 14 and newer).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct WalStatistics {
    /// `pg_stat_wal.wal_records`.
    pub wal_records: u64,
    /// Full page images.
    pub wal_fpi: u64,
    /// Bytes of full page images, as written (`pg_stat_wal.wal_fpi_bytes`); 19 and newer.
    #[serde(default)]
    pub wal_fpi_bytes: Option<u64>,
    /// `pg_stat_wal.wal_bytes`.
    pub wal_bytes: u64,
    /// When the counters were last reset; `None` if never.
    pub stats_reset: Option<Timestamp>,
    /// The server's clock when the counters were read.
    pub requested_at: Timestamp,
}

/// `pg_stat_archiver`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Archiver {
    /// WAL files archived (`archived_count`).
    pub archived_count: u64,
    /// Name of the last archived file; `None` if none was.
    pub last_archived_wal: Option<String>,
    /// Time of the last success; `None` if none was.
    pub last_archived_time: Option<Timestamp>,
    /// Failed attempts (`failed_count`).
    pub failed_count: u64,
    /// Name of the file of the last failure; `None` without a failure.
    pub last_failed_wal: Option<String>,
    /// Time of the last failure; `None` without a failure.
    pub last_failed_time: Option<Timestamp>,
    /// When the counters were last reset; `None` if never.
    pub stats_reset: Option<Timestamp>,
}

impl Archiver {
    /// Returns the start of the oldest waiting segment according to the archiver: the segment that fails, otherwise the
    /// one after the last archived one. Segments are archived in order.
    pub fn oldest_waiting_lsn(&self, wal_segment_bytes: u64) -> Option<Lsn> {
        if self.last_failed_time > self.last_archived_time {
            return wal_file_start(self.last_failed_wal.as_deref()?, wal_segment_bytes);
        }
        let last = wal_file_start(self.last_archived_wal.as_deref()?, wal_segment_bytes)?;
        Some(Lsn::new(last.position().saturating_add(wal_segment_bytes)))
    }
}

/// Returns the start of a segment by its file name: timeline, high half of the position, number of the segment.
fn wal_file_start(name: &str, wal_segment_bytes: u64) -> Option<Lsn> {
    let digits = |range| name.get(range).and_then(|text| u64::from_str_radix(text, 16).ok());
    (name.len() == 24).then_some(())?;
    Some(Lsn::new((digits(8..16)? << 32).saturating_add(digits(16..24)?.saturating_mul(wal_segment_bytes))))
}

/// Segments waiting for the archiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ArchiveStatus {
    /// Number of `.ready` files.
    pub ready_files: u64,
    /// Start of the oldest waiting segment; WAL from there on is retained.
    pub oldest_ready_lsn: Option<Lsn>,
}

/// `pg_get_wal_summarizer_state()`, 17 and newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct WalSummarizer {
    /// WAL up to here is summarized on disk.
    pub summarized_lsn: Lsn,
    /// WAL up to here is summarized in memory.
    pub pending_lsn: Lsn,
    /// The summarizer's process id; `None` if it does not run.
    pub summarizer_pid: Option<i32>,
}
