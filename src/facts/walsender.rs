//! Walsenders: processes that stream WAL from this server.

use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One row of `pg_stat_replication`. A column that is hidden from the role is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Walsender {
    /// `pg_stat_replication.pid`.
    pub pid: i32,
    /// `pg_stat_replication.application_name`.
    pub application_name: Option<String>,
    /// `pg_stat_replication.usename`.
    pub role: Option<String>,
    /// `pg_stat_replication.client_addr`; `None` on a Unix socket, too.
    pub client_addr: Option<String>,
    /// `pg_stat_replication.backend_start`.
    pub backend_start: Option<Timestamp>,
    /// `startup`, `catchup`, `streaming`, `backup` or `stopping`.
    pub state: Option<String>,
    /// `pg_stat_replication.sent_lsn`.
    pub sent_lsn: Option<Lsn>,
    /// `pg_stat_replication.flush_lsn`: the consumer has flushed WAL up to here.
    pub flush_lsn: Option<Lsn>,
    /// `pg_stat_replication.replay_lsn`: the consumer has replayed WAL up to here.
    pub replay_lsn: Option<Lsn>,
    /// Seconds since the WAL that it replayed last was sent; `None` when it has replayed all.
    #[serde(default)]
    pub replay_lag_seconds: Option<i64>,
}
