//! Subscriptions of native logical replication.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A row of `pg_subscription`. The connection string is not read, because only superusers may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Subscription {
    /// `pg_subscription.subname`.
    pub subname: String,
    /// The database that subscribes.
    pub database: String,
    /// `pg_subscription.subenabled`.
    pub subenabled: bool,
    /// The slot on the publisher; `None` if the subscription has none.
    pub subslotname: Option<String>,
    /// Whether its apply worker runs; `None` in older snapshots.
    #[serde(default)]
    pub has_worker: Option<bool>,
    /// Time of the last message from the publisher.
    #[serde(default)]
    pub last_message_at: Option<Timestamp>,
}

/// One row of `pg_stat_subscription_stats`, 15 and newer: counters since the last reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct SubscriptionErrors {
    /// `pg_stat_subscription_stats.subname`.
    pub subname: String,
    /// The database that subscribes.
    pub database: String,
    /// Errors while applying changes (`apply_error_count`).
    pub apply_error_count: u64,
    /// Errors during the initial copy of tables (`sync_error_count`).
    pub sync_error_count: u64,
    /// When the counters were last reset; `None` if never.
    pub stats_reset: Option<Timestamp>,
}
