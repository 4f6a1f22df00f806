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
    /// `pg_control_system().system_identifier`; `None` where it could not be read.
    pub system_identifier: Option<String>,
    /// The server as messages name it.
    pub server: String,
    /// The database that the session was connected to.
    pub database: String,
    /// The role that executed it.
    pub role: String,
    /// Such as `drop-slot`.
    pub kind: String,
    /// What it is done to.
    pub subject: String,
    /// The SQL statement that was to be sent.
    pub statement: String,
    /// Everything that was seen and decided on.
    pub seen: serde_json::Value,
    /// The bytes that the plan promised to free; `None` if unknown.
    pub promised_bytes: Option<u64>,
    /// What is measured later; `None` if nothing is.
    pub quantity: Option<MeasuredQuantity>,
    /// The measured quantity in bytes before the action; `None` if unknown.
    pub before_bytes: Option<u64>,
    /// When the intent was written.
    pub begun_at: Timestamp,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalOutcomeKind {
    /// The server confirmed it.
    Done,
    /// Nothing was done, because it was no longer safe.
    Refused,
    /// The server raised an error, and nothing was done.
    Failed,
    /// The connection was lost before the server answered.
    Unknown,
}

impl JournalOutcomeKind {
    /// All kinds.
    pub const ALL: [JournalOutcomeKind; 4] = [
        JournalOutcomeKind::Done,
        JournalOutcomeKind::Refused,
        JournalOutcomeKind::Failed,
        JournalOutcomeKind::Unknown,
    ];

    /// Returns the name in JSON and in the store.
    pub fn name(self) -> &'static str {
        match self {
            JournalOutcomeKind::Done => "done",
            JournalOutcomeKind::Refused => "refused",
            JournalOutcomeKind::Failed => "failed",
            JournalOutcomeKind::Unknown => "unknown",
        }
    }
}

/// The end of an action, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalOutcome {
    /// How it ended.
    pub outcome: JournalOutcomeKind,
    /// The server's answer, or the reason.
    pub detail: Option<String>,
    /// When the outcome was written.
    pub finished_at: Timestamp,
}

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// Key of the entry in the store.
    pub journal_id: i64,
    /// What was to be done.
    #[serde(flatten)]
    pub intent: Intent,
    /// `None`: pgtend ended before it could write one.
    pub outcome: Option<JournalOutcome>,
    /// Decrease of the measured quantity in bytes; negative when it grew. `None` until a later sample has it.
    pub measured_bytes: Option<i64>,
    /// `collected_at` of the sample that `measured_bytes` comes from.
    pub measured_at: Option<Timestamp>,
}
