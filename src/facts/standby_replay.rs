//! How far a standby is behind, as it knows itself.

use crate::units::Lsn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Positions and times of replay; all `None` on a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandbyReplay {
    /// `pg_last_wal_receive_lsn()`; `None` without a WAL receiver since the start.
    pub receive_lsn: Option<Lsn>,
    /// `pg_last_wal_replay_lsn()`.
    pub replay_lsn: Option<Lsn>,
    /// Commit time of the last transaction replayed.
    pub last_replayed_at: Option<Timestamp>,
    /// `pg_is_wal_replay_paused()`.
    pub is_paused: Option<bool>,
    /// A WAL receiver runs: it streams rather than reading an archive.
    pub is_streaming: bool,
}
