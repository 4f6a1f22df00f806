//! What came of a plan.

use serde::Serialize;

/// How one action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionOutcomeKind {
    /// The server said so.
    Done,
    /// It was no longer what was seen, or could not be journalled; nothing was done.
    Refused,
    /// The server would not; nothing was done.
    Failed,
    /// No answer came, or none that tells. It may have been done.
    Unknown,
    /// The connection was lost before its turn; nothing was done.
    NotTried,
}

/// What came of one drop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotDropOutcome {
    pub slot_name: String,
    pub outcome: ActionOutcomeKind,
    /// The server's answer, or the reason.
    pub detail: Option<String>,
    /// Its number in the journal; null when it never came so far, or there is no journal.
    pub journal_id: Option<i64>,
    /// Why the journal does not have the outcome; its intent stays open.
    pub unjournalled: Option<String>,
}

/// What a checkpoint freed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointOutcome {
    pub outcome: ActionOutcomeKind,
    pub detail: Option<String>,
    /// The pg_wal directory before the first drop; null when the role may not read it.
    pub before_bytes: Option<u64>,
    pub after_bytes: Option<u64>,
    /// What of it are segments recycled for WAL to come.
    pub recycled_bytes: Option<u64>,
}
