//! The reasons of a verdict on a slot, each with its numbers.

use jiff::Timestamp;
use serde::Serialize;

/// Which rows a slot keeps from VACUUM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeptRows {
    All,
    Catalogs,
}

/// Why a standby makes logical consumers wait (`synchronized_standby_slots`, 17 and newer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    Missing,
    Inactive,
    Lost,
    /// It streams, but has not come further than the consumer is.
    Behind,
}

/// One reason. Reports make the sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "id", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Reason {
    /// Invalidated: `wal_removed`, `rows_removed`, `wal_level_insufficient`, `idle_timeout`, or `not_told` before 17
    /// where several are possible.
    Invalidated {
        cause: String,
    },
    /// Before 18 a standby that finds the WAL in an archive brings a lost physical slot back to life.
    MayLiveAgain,
    NeverReserved,
    InUse {
        pid: Option<i32>,
        by: Option<String>,
    },
    /// WAL its consumer has not confirmed.
    Unread {
        bytes: u64,
    },
    /// `wal_status` extended: it holds more than `max_wal_size`.
    BeyondMaxWalSize {
        retained_bytes: u64,
    },
    /// `wal_status` unreserved: the next checkpoint may take what it needs.
    NearlyLost,
    /// 17 and newer. Every start of the server sets `inactive_since` anew, so it is a lower bound.
    Idle {
        since: Timestamp,
        seconds: u64,
        limit_seconds: u64,
        since_server_start: bool,
    },
    /// What looks saw of the server's record before the starts that began it anew.
    RecordedBefore {
        seconds: u64,
    },
    /// Pipelines that run once a day would have come back.
    MissedADay {
        seconds: u64,
    },
    /// Both positions are the same in all looks since then.
    Frozen {
        since: Timestamp,
        seconds: u64,
        samples: u64,
        longest_gap_seconds: u64,
        wal_bytes: u64,
    },
    /// Nobody used it at any of these looks.
    Unused {
        since: Timestamp,
        seconds: u64,
        samples: u64,
        longest_gap_seconds: u64,
        limit_seconds: u64,
    },
    /// It has moved since that look.
    Moved {
        after: Timestamp,
    },
    /// Somebody came, found WAL to read, and read none of it.
    ConnectedWithoutProgress {
        at: Timestamp,
    },
    /// It moved although nobody is on record for having used it.
    MovedUnseen {
        after: Timestamp,
    },
    /// Less than a segment was written beyond its position: there was nothing to read.
    NothingToRead {
        bytes: u64,
    },
    PositionUnknown,
    /// From then on it is proven, if nobody comes.
    ProvenFrom {
        at: Timestamp,
    },
    /// What looks are missing for a proof.
    NeedsSamples {
        have: u64,
        need: u64,
        longest_gap_seconds: u64,
        limit_gap_seconds: u64,
        earliest: Timestamp,
    },
    /// VACUUM cannot remove what died since.
    KeepsRows {
        rows: KeptRows,
        xmin_age: u64,
        /// `autovacuum_freeze_max_age`: from that age on tables are vacuumed against wraparound, which cannot get past
        /// these rows.
        #[serde(skip_serializing_if = "Option::is_none")]
        freeze_max_age: Option<u64>,
    },
    /// `restart_lsn` cannot pass the beginning of this transaction.
    PinnedByTransaction {
        pid: i32,
        database: Option<String>,
        role: Option<String>,
        seconds: Option<u64>,
        query: Option<String>,
        bytes: u64,
    },
    PinnedByPrepared {
        gid: String,
        database: String,
        owner: String,
        seconds: u64,
        bytes: u64,
    },
    /// Transactions of others are hidden from the role, and one of them may pin it.
    TransactionsHidden {
        bytes: u64,
    },
    /// Its consumer was sent so much that it has not confirmed, of a standby: not flushed.
    SentNotConfirmed {
        bytes: u64,
    },
    /// So much was not sent yet: decoding it, or the line, is slow, or a standby holds it up.
    NotSent {
        bytes: u64,
    },
    /// A failover slot waits for the standbys named in `synchronized_standby_slots`.
    WaitsForStandby {
        standby_slot: String,
        gate: Gate,
    },
    /// Others write; in its database nobody did, and its consumer confirms nothing without changes of its own.
    IdleDatabase {
        database: String,
        wal_bytes: u64,
    },
    /// Named as the slot of an initial copy, which is nobody's while the copy runs, and who is connected is hidden.
    CopyMayRun,
    /// A copy on a standby; its consumer is connected to the primary.
    SyncedCopy,
    Temporary,
    Failover,
    GatesFailoverSlots,
    Managed {
        by: String,
    },
    ManagerSeen {
        by: String,
        sign: String,
    },
}
