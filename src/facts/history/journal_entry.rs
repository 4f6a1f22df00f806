//! What pgtend did, or was about to do.

use jiff::Timestamp;
use serde::Serialize;

/// The quantity by which an action's effect is measured, once there are later samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredQuantity {
    /// The pg_wal directory, at the first sample after the next checkpoint.
    WalDirectory,
    /// The size of this database, at the next sample.
    Database(String),
}

/// What is about to be done, written down before it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Intent {
    pub system_identifier: Option<String>,
    /// The server as messages name it.
    pub server: String,
    pub database: String,
    pub role: String,
    /// Such as `drop-slot`.
    pub kind: String,
    /// What it is done to.
    pub subject: String,
    pub statement: String,
    /// Everything that was seen and decided on.
    pub seen: serde_json::Value,
    pub promised_bytes: Option<u64>,
    pub quantity: Option<MeasuredQuantity>,
    /// The gauge's size before.
    pub before_bytes: Option<u64>,
    pub begun_at: Timestamp,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalOutcomeKind {
    Done,
    /// Nothing was done, because it was no longer safe.
    Refused,
    Failed,
    /// The connection was lost before the server answered.
    Unknown,
}

impl JournalOutcomeKind {
    pub const ALL: [JournalOutcomeKind; 4] = [
        JournalOutcomeKind::Done,
        JournalOutcomeKind::Refused,
        JournalOutcomeKind::Failed,
        JournalOutcomeKind::Unknown,
    ];

    pub fn name(self) -> &'static str {
        match self {
            JournalOutcomeKind::Done => "done",
            JournalOutcomeKind::Refused => "refused",
            JournalOutcomeKind::Failed => "failed",
            JournalOutcomeKind::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalOutcome {
    pub outcome: JournalOutcomeKind,
    /// The server's answer, or the reason.
    pub detail: Option<String>,
    pub finished_at: Timestamp,
}

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    pub journal_id: i64,
    #[serde(flatten)]
    pub intent: Intent,
    /// `None`: pgtend ended before it could write one.
    pub outcome: Option<JournalOutcome>,
    /// By how many bytes the gauge fell; negative when it rose. `None` until a later sample knows.
    pub measured_bytes: Option<i64>,
    pub measured_at: Option<Timestamp>,
}
