//! Subscriptions of native logical replication.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One row of `pg_subscription`: this server subscribes. The connection string is not read: only superusers may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// `pg_subscription.subname`.
    pub subname: String,
    /// The database that subscribes.
    pub database: String,
    /// `pg_subscription.subenabled`.
    pub subenabled: bool,
    /// The slot on the publisher; `None` when it was taken from it.
    pub subslotname: Option<String>,
    /// Its apply worker runs; `None` in older snapshots.
    #[serde(default)]
    pub has_worker: Option<bool>,
    /// Time of the last message from the publisher.
    #[serde(default)]
    pub last_message_at: Option<Timestamp>,
}

/// One row of `pg_stat_subscription_stats`, 15 and newer: counted since the statistics began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionErrors {
    /// `pg_stat_subscription_stats.subname`.
    pub subname: String,
    /// The database that subscribes.
    pub database: String,
    /// Errors while applying changes (`apply_error_count`).
    pub apply_error_count: u64,
    /// Errors while copying tables at first (`sync_error_count`).
    pub sync_error_count: u64,
    /// When the counters were last reset; `None` if never.
    pub stats_reset: Option<Timestamp>,
}
