//! Those who stream WAL from this server.

use crate::units::Lsn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One row of `pg_stat_replication`. What the role may not see of others is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walsender {
    pub pid: i32,
    pub application_name: Option<String>,
    pub role: Option<String>,
    pub client_addr: Option<String>,
    pub backend_start: Option<Timestamp>,
    pub state: Option<String>,
    pub sent_lsn: Option<Lsn>,
    pub flush_lsn: Option<Lsn>,
    pub replay_lsn: Option<Lsn>,
    /// How long ago what it replayed last was sent, in seconds; `None` when it has replayed all.
    #[serde(default)]
    pub replay_lag_seconds: Option<i64>,
}
