//! Reasons of a verdict on a slot, with their figures.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Dead rows that VACUUM cannot remove because of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeptRows {
    /// Rows of all tables (`xmin`).
    All,
    /// Rows of the system catalogs (`catalog_xmin`).
    Catalogs,
}

/// Why a standby delays logical consumers (`synchronized_standby_slots`, 17 and newer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// The slot does not exist.
    Missing,
    /// No standby uses the slot.
    Inactive,
    /// The slot is invalidated.
    Lost,
    /// The standby streams, and has confirmed no more than the consumer.
    Behind,
}

/// One reason. Reports turn it into a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "id", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Reason {
    /// The slot is invalidated.
    Invalidated {
        /// Cause: `wal_removed`, `rows_removed`, `wal_level_insufficient` or `idle_timeout`; `not_reported` before 17 when
        /// several are possible.
        cause: String,
        /// Whether `wal_level_insufficient` may also mean that the primary lost its last logical slot (19 and newer).
        #[serde(skip)]
        last_slot_may_be_lost: bool,
    },
    /// Before 18, a lost physical slot becomes valid again when its standby finds the WAL in an archive.
    MayLiveAgain,
    /// The slot has never reserved WAL.
    NeverReserved,
    /// A consumer is connected.
    InUse {
        /// Process ID of the walsender; `None` when hidden.
        pid: Option<i32>,
        /// Its `application_name`; `None` when empty or hidden.
        by: Option<String>,
    },
    /// The consumer has not confirmed all WAL.
    Unread {
        /// Bytes not confirmed.
        bytes: u64,
    },
    /// `wal_status` is `extended`: the slot retains more than `max_wal_size`.
    BeyondMaxWalSize {
        /// Retained bytes; 0 when the position is unknown.
        retained_bytes: u64,
    },
    /// `wal_status` is `unreserved`: the next checkpoint may remove WAL that the slot needs.
    NearlyLost,
    /// `inactive_since` of the server (17 and newer). Every start of the server resets it, so it is a lower bound.
    Idle {
        /// Time of `inactive_since`.
        since: Timestamp,
        /// Seconds since then.
        seconds: u64,
        /// Seconds after which the slot is stale.
        limit_seconds: u64,
        /// Whether a start of the server set it.
        since_server_start: bool,
    },
    /// Samples before server restarts recorded further inactivity.
    RecordedBefore {
        /// Sum of these times in seconds.
        seconds: u64,
    },
    /// A daily pipeline would have reconnected by now.
    MissedADay {
        /// Seconds of inactivity.
        seconds: u64,
    },
    /// Both positions are the same in all samples since then.
    Frozen {
        /// Time of the first of these samples.
        since: Timestamp,
        /// Seconds since then.
        seconds: u64,
        /// Number of samples.
        samples: u64,
        /// Longest gap between two of them, in seconds.
        longest_gap_seconds: u64,
        /// Bytes of WAL written in that time.
        wal_bytes: u64,
    },
    /// No sample since then shows a consumer.
    Unused {
        /// Time of the first of these samples.
        since: Timestamp,
        /// Seconds since then.
        seconds: u64,
        /// Number of samples.
        samples: u64,
        /// Longest gap between two of them, in seconds.
        longest_gap_seconds: u64,
        /// Seconds after which the slot is stale.
        limit_seconds: u64,
    },
    /// The positions have moved since a sample.
    Moved {
        /// Time of the sample.
        after: Timestamp,
    },
    /// A consumer connected while WAL was unread, and confirmed nothing.
    ConnectedWithoutProgress {
        /// Time of the last such connection.
        at: Timestamp,
    },
    /// The positions moved although the server records no connection.
    MovedUnseen {
        /// Last sample with the former positions.
        after: Timestamp,
    },
    /// Less than a segment of WAL was written beyond the slot's position, so a consumer had nothing to read.
    NothingToRead {
        /// Bytes not confirmed.
        bytes: u64,
    },
    /// The slot's position or the position of WAL is unknown.
    PositionUnknown,
    /// The slot will be stale at this time if no consumer connects.
    ProvenFrom {
        /// Time from which inactivity is proven.
        at: Timestamp,
    },
    /// More samples are needed to prove that the slot is stale.
    NeedsSamples {
        /// Samples so far.
        have: u64,
        /// Samples that are needed.
        need: u64,
        /// Longest gap so far, in seconds.
        longest_gap_seconds: u64,
        /// Longest gap that is allowed, in seconds.
        limit_gap_seconds: u64,
        /// Earliest time of the proof.
        earliest: Timestamp,
    },
    /// VACUUM cannot remove rows that were deleted since.
    KeepsRows {
        /// Rows concerned.
        rows: KeptRows,
        /// Age of the slot's `xmin` or `catalog_xmin`, in transactions.
        xmin_age: u64,
        /// `autovacuum_freeze_max_age`: from this age on, tables are vacuumed to prevent wraparound, which cannot
        /// remove these rows. `None` when hidden.
        #[serde(skip_serializing_if = "Option::is_none")]
        freeze_max_age: Option<u64>,
    },
    /// A running transaction pins `restart_lsn` at or before its start.
    PinnedByTransaction {
        /// Process ID of the session.
        pid: i32,
        /// Database of the session; `None` when hidden.
        database: Option<String>,
        /// Role of the session; `None` when hidden.
        role: Option<String>,
        /// Duration of the transaction in seconds; `None` when hidden.
        seconds: Option<u64>,
        /// Current or last query; `None` when hidden.
        query: Option<String>,
        /// Bytes between `restart_lsn` and `confirmed_flush_lsn`.
        bytes: u64,
    },
    /// A prepared transaction pins `restart_lsn` at or before its start.
    PinnedByPrepared {
        /// Global identifier of the transaction.
        gid: String,
        /// Database of the transaction.
        database: String,
        /// Role that prepared it.
        owner: String,
        /// Seconds since it was prepared.
        seconds: u64,
        /// Bytes between `restart_lsn` and `confirmed_flush_lsn`.
        bytes: u64,
    },
    /// Transactions of other roles are hidden, and one of them may pin the slot.
    TransactionsHidden {
        /// Bytes between `restart_lsn` and `confirmed_flush_lsn`.
        bytes: u64,
    },
    /// WAL was sent to the consumer and not confirmed; for a standby: not flushed.
    SentNotConfirmed {
        /// Bytes sent and not confirmed.
        bytes: u64,
    },
    /// WAL was not sent yet: decoding or the network is slow, or a standby delays it.
    NotSent {
        /// Bytes not sent.
        bytes: u64,
    },
    /// A failover slot waits for a standby in `synchronized_standby_slots`.
    WaitsForStandby {
        /// Slot of the standby.
        standby_slot: String,
        /// State of that slot.
        gate: Gate,
    },
    /// WAL was written, and nothing in the slot's database. Its consumer confirms only when it receives changes.
    IdleDatabase {
        /// Database of the slot.
        database: String,
        /// Bytes of WAL written in that time.
        wal_bytes: u64,
    },
    /// The name is one of an initial copy, during which the slot is inactive, and connections are hidden.
    CopyMayRun,
    /// A copy on a standby. Its consumer is connected to the primary.
    SyncedCopy,
    /// The synchronization of the copy is skipped (19 and newer).
    SyncSkipped {
        /// `pg_replication_slots.slotsync_skip_reason`.
        cause: String,
        /// Skipped synchronizations; `None` when unknown.
        count: Option<u64>,
        /// Time of the last one; `None` when unknown.
        last: Option<Timestamp>,
    },
    /// The consumer cannot connect: `output_plugin_libraries` does not list the output plugin.
    PluginNotListed {
        /// The output plugin.
        plugin: String,
        /// Step that adds it to the setting.
        remedy: String,
    },
    /// A temporary slot, which the server drops when its session ends.
    Temporary,
    /// A failover slot, of which standbys have copies.
    Failover,
    /// `synchronized_standby_slots` contains it.
    GatesFailoverSlots,
    /// The last valid logical slot of a primary with `wal_level = replica` (19 and newer): without it, all logical slots
    /// of all standbys are invalidated.
    LastLogicalSlot,
    /// A manager or managed service owns it.
    Managed {
        /// Name of the owner.
        by: String,
    },
    /// A manager of high availability is detected and may own the slot.
    ManagerSeen {
        /// Name of the manager.
        by: String,
        /// How it was detected.
        sign: String,
    },
}
