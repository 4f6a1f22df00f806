//! Actions of pgtend.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Quantity that later samples measure to determine the effect of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredQuantity {
    /// The pg_wal directory, at the first sample after the next checkpoint.
    WalDirectory,
    /// The size of this database, at the next sample.
    Database(String),
}

/// An intent, written before the action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Intent {
    /// `pg_control_system().system_identifier`; `None` where it could not be read.
    pub system_identifier: Option<String>,
    /// Name of the server in messages.
    pub server: String,
    /// The database that the session was connected to.
    pub database: String,
    /// The role that executed it.
    pub role: String,
    /// Kind of action, such as `drop-slot`.
    pub kind: String,
    /// Object of the action.
    pub subject: String,
    /// SQL statement of the action.
    pub statement: String,
    /// Facts and decisions at the time of the plan.
    pub seen: serde_json::Value,
    /// Bytes that the plan expected to free; `None` if unknown.
    pub promised_bytes: Option<u64>,
    /// Quantity to measure later; `None` for nothing.
    pub quantity: Option<MeasuredQuantity>,
    /// The measured quantity in bytes before the action; `None` if unknown.
    pub before_bytes: Option<u64>,
    /// When the intent was written.
    pub begun_at: Timestamp,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JournalOutcomeKind {
    /// The server confirmed it.
    Done,
    /// The action was no longer safe and was not executed.
    Refused,
    /// The server reported an error and did not execute the action.
    Failed,
    /// The connection was lost before the result arrived.
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

/// Outcome of an action in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JournalOutcome {
    /// How it ended.
    pub outcome: JournalOutcomeKind,
    /// Error message of the server, or the reason.
    pub detail: Option<String>,
    /// When the outcome was written.
    pub finished_at: Timestamp,
}

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JournalEntry {
    /// Key of the entry in the store.
    pub journal_id: i64,
    /// The intent.
    #[serde(flatten)]
    pub intent: Intent,
    /// Outcome; `None` if pgtend was interrupted before it wrote one.
    pub outcome: Option<JournalOutcome>,
    /// Decrease of the measured quantity in bytes; negative when it grew. `None` until a later sample has it.
    pub measured_bytes: Option<i64>,
    /// `collected_at` of the sample that `measured_bytes` comes from.
    pub measured_at: Option<Timestamp>,
}
